//! No CSV file makes the parser panic or hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sotto::people::import::{CsvKind, Mapping, csv_file};

fuzz_target!(|bytes: &[u8]| {
    for kind in [CsvKind::Patients, CsvKind::Appointments] {
        let mapping = Mapping {
            kind,
            renamed: Default::default(),
            mrn_system: "urn:sotto:mrn".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
        };
        let _ = csv_file::read(bytes, &mapping, &mut |_| Ok(()));
    }
});
