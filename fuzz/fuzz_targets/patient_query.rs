#![no_main]

sotto_fuzz::target!("patient_query");
