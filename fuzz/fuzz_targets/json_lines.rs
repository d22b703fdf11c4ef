#![no_main]

sotto_fuzz::target!("json_lines");
