#![no_main]

sotto_fuzz::target!("office_hours");
