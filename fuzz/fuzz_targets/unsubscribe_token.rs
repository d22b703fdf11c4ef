#![no_main]

sotto_fuzz::target!("unsubscribe_token");
