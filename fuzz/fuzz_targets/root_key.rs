#![no_main]

sotto_fuzz::target!("root_key");
