#![no_main]

sotto_fuzz::target!("sms_text");
