//! No bundle makes the parser panic or hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto::people::import::fhir;

fuzz_target!(|bytes: &[u8]| {
    let _ = fhir::read(bytes, &mut |_| Ok(()));
});
