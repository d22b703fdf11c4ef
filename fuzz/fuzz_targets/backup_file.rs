#![no_main]

sotto_fuzz::target!("backup_file");
