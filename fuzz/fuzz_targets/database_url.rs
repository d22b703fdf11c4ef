#![no_main]

sotto_fuzz::target!("database_url");
