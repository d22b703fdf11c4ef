#![no_main]

sotto_fuzz::target!("twilio_webhook");
