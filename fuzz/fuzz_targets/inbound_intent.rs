#![no_main]

sotto_fuzz::target!("inbound_intent");
