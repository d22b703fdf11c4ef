#![no_main]

sotto_fuzz::target!("reminder_plan");
