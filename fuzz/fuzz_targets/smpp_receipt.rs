#![no_main]

sotto_fuzz::target!("smpp_receipt");
