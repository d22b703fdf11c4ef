#![no_main]

sotto_fuzz::target!("api_request");
