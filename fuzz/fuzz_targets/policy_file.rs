#![no_main]

sotto_fuzz::target!("policy_file");
