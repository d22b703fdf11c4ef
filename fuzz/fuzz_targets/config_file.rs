#![no_main]

sotto_fuzz::target!("config_file");
