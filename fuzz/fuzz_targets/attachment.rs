#![no_main]

sotto_fuzz::target!("attachment");
