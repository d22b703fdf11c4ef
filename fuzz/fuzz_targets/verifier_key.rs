#![no_main]

sotto_fuzz::target!("verifier_key");
