#![no_main]

sotto_fuzz::target!("page_cursor");
