#![no_main]

sotto_fuzz::target!("import_fhir");
