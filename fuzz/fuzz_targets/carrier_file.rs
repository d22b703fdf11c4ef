#![no_main]

sotto_fuzz::target!("carrier_file");
