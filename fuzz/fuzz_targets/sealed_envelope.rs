#![no_main]

sotto_fuzz::target!("sealed_envelope");
