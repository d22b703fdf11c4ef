#![no_main]

sotto_fuzz::target!("header_text");
