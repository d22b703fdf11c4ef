#![no_main]

sotto_fuzz::target!("guard_check");
