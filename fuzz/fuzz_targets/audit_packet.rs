#![no_main]

sotto_fuzz::target!("audit_packet");
