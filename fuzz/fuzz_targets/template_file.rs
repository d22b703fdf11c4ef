#![no_main]

sotto_fuzz::target!("template_file");
