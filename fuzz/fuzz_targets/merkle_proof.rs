#![no_main]

sotto_fuzz::target!("merkle_proof");
