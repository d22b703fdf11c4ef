#![no_main]

sotto_fuzz::target!("bounce_mail");
