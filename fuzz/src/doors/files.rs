//! Files that a person or another system writes.

use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gate::{Category, Channel, Level, Policy, Verdict};
use jiff::tz::TimeZone;
use seal::{RootKey, SealError};
use sotto::attachments::content;
use sotto::compose::{Templates, lint, template};
use sotto::config::Config;
use sotto::db::DatabaseUrl;
use sotto::journeys::reminders::Plan;
use sotto::people::import::fhir::Entry;
use sotto::people::import::report::ImportError;
use sotto::people::import::{CsvKind, Mapping, csv_file, fhir};
use sotto::reconcile::carrier_file::{CarrierFileError, Lines};
use sotto::schedule::office_hours::OfficeHours;

use super::{Door, bytes, shows_nothing, shows_nothing_but, tells_nothing};

/// Eight pixels by six, in each format that is drawn anew.
const PICTURES: [&str; 3] = [
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAFElEQVR4nGM8IRfFgA0wYRWlkwQAvYgBTBbOSdUA\
     AAAASUVORK5CYII=",
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVt\
     VkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8\
     fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAGAAgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAA\
     AAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAk\
     M2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT\
     lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QA\
     HwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdh\
     cRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hp\
     anN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk\
     5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDPooooPeP/2Q==",
    "UklGRiIAAABXRUJQVlA4TBYAAAAvB0ABAAdQjyJXq/8BgCD8b5uI6H8I",
];

/// The doors of this family.
pub const DOORS: &[Door] = &[
    Door {
        name: "policy_file",
        open: policy_file,
        seeds: || {
            bytes(&[include_str!("../../../docs/policy.example.toml"), "name = \"quillfeather\"\n"])
        },
    },
    Door {
        name: "template_file",
        open: template_file,
        seeds: || {
            bytes(&[
                include_str!("../../../crates/sotto/src/compose/templates/rx_ready.toml"),
                include_str!("../../../crates/sotto/src/compose/templates/results_ready.toml"),
            ])
        },
    },
    Door {
        name: "config_file",
        open: config_file,
        seeds: || bytes(&[include_str!("../../../docs/operate/sotto.example.toml")]),
    },
    Door { name: "attachment", open: attachment, seeds: attachments },
    Door { name: "import_csv", open: import_csv, seeds: tables },
    Door {
        name: "carrier_file",
        open: carrier_file,
        seeds: || {
            bytes(&[
                "id,to,state,time\n7f,+16175550147,DELIVRD,2027-03-01T09:00:00Z\n8,,failed,\n",
                "Status,SID,Name\nsent,SM1,Quillfeather\n",
            ])
        },
    },
    Door { name: "import_fhir", open: import_fhir, seeds: bundles },
    Door {
        name: "office_hours",
        open: office_hours,
        seeds: || {
            bytes(&[r#"{"week":{"mon":["08:00-12:00","13:00-17:00"]},"closed":["2027-07-05"]}"#])
        },
    },
    Door {
        name: "reminder_plan",
        open: reminder_plan,
        seeds: || {
            bytes(&[r#"[{"step":"7d","minutes_before":10080},{"step":"3h","minutes_before":180}]"#])
        },
    },
    Door {
        name: "root_key",
        open: root_key,
        seeds: || {
            bytes(&[
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
            ])
        },
    },
    Door {
        name: "database_url",
        open: database_url,
        seeds: || {
            bytes(&["sqlite:/var/lib/sotto.db", "postgres://sotto:Quillfeather@127.0.0.1/sotto"])
        },
    },
];

/// A carrier's delivery file is read the same again, and no error and no log shows a number.
pub fn carrier_file(octets: &[u8]) -> bool {
    let read = || {
        let mut lines = Lines::read(octets, TimeZone::UTC)?;
        let mut all = Vec::new();
        while let Some(line) = lines.next_line()? {
            all.push(line);
        }
        Ok::<_, CarrierFileError>((all, lines.skipped))
    };
    match read() {
        Err(error) => {
            tells_nothing(&error);
            false
        }
        Ok(file) => {
            assert_eq!(read().as_ref(), Ok(&file));
            for line in &file.0 {
                shows_nothing_but(&line.id, line);
                assert!((1..=64).contains(&line.id.len()));
            }
            true
        }
    }
}

/// What parses as a policy is no looser than the rulebook, and parses to the same again.
pub fn policy_file(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let Ok(policy) = Policy::from_toml(text) else { return false };
    assert_eq!(Policy::from_toml(text).as_ref(), Ok(&policy));
    let rulebook = Policy::rulebook();
    for channel in Channel::ALL {
        for level in Level::ALL {
            for category in [Category::Diagnosis, Category::Billing, Category::Medication] {
                for ready in [false, true] {
                    let verdict = policy.verdict(channel, level, category, ready);
                    assert!(verdict >= rulebook.verdict(channel, level, category, ready));
                    assert!(level != Level::Never || verdict == Verdict::Block);
                }
            }
        }
    }
    let rules = policy.rules();
    assert!(rules.caps.per_day >= 1 && rules.caps.per_week >= rules.caps.per_day);
    let hours = rules.quiet_hours;
    assert!(hours.from.hour() >= 8 && hours.from < hours.until && hours.until.hour() <= 21);
    true
}

/// What parses as templates can be linted, and a practice's own names two people.
pub fn template_file(octets: &[u8]) -> bool {
    static BUILTIN: LazyLock<Templates> =
        LazyLock::new(|| Templates::builtin().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let path = Path::new("fuzz.toml");
    let Ok(read) = template::parse(path, text, true) else { return false };
    for template in read.iter().take(4) {
        let _ = template.digest();
        for broken in lint::check(&BUILTIN, template, &lint::Samples::default()) {
            assert!(!broken.to_string().is_empty());
        }
    }
    for own in template::parse(path, text, false).unwrap_or_default() {
        assert_ne!(own.approval.author.trim(), own.approval.approved_by.trim());
    }
    true
}

/// A wrong setting is an error of one line that does not hold what was set.
pub fn config_file(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    match Config::parse(text, Path::new("sotto.toml")) {
        Ok(config) => {
            assert_eq!(config.file, Path::new("sotto.toml"));
            true
        }
        Err(error) => {
            tells_nothing(&error);
            assert!(!error.to_string().trim().is_empty());
            false
        }
    }
}

/// Rows and bundles: no error quotes the file, and what is left out is left out with its place.
fn imported(
    read: impl FnOnce(&mut dyn FnMut(Entry) -> Result<(), ImportError>) -> Result<[u8; 32], ImportError>,
) -> bool {
    let mut records = 0;
    let result = read(&mut |entry| {
        match entry {
            Entry::Record(_) => records += 1,
            Entry::Skipped(at, reason) | Entry::Part(at, reason) => {
                tells_nothing(&at);
                assert!(!reason.remedy().is_empty());
            }
        }
        Ok(())
    });
    match result {
        Ok(_) => records > 0,
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

/// Any file as a table of patients and of appointments.
pub fn import_csv(octets: &[u8]) -> bool {
    let mut taken = false;
    for kind in [CsvKind::Patients, CsvKind::Appointments] {
        let mapping = Mapping {
            kind,
            renamed: [("Chart #".to_owned(), "mrn".to_owned())].into(),
            mrn_system: "urn:sotto:mrn".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
        };
        taken |= imported(|see| csv_file::read(octets, &mapping, see));
    }
    taken
}

fn tables() -> Vec<Vec<u8>> {
    bytes(&[
        "\u{feff}family_name,Chart #,given_name,street,mobile_phone,birth_date,email,deceased\r\n\
         \"Quillfeather, jr\",17,Ana,\"1 Main St\nApt 2\",(617) 555-0147,1980-12-31,a@example.com,no\r\n",
        "id,mrn,starts_at,minutes,status,clinician_name\n\
         v1,17,2027-03-01 09:00,30,booked,Quillfeather\nv2,18,2027-03-01T09:00:00-05:00,,cancelled,\n",
    ])
}

/// Any file as a FHIR bundle.
pub fn import_fhir(octets: &[u8]) -> bool {
    imported(|see| fhir::read(octets, see))
}

fn bundles() -> Vec<Vec<u8>> {
    bytes(&[
        r#"{"resourceType":"Bundle","type":"collection","entry":[
        {"resource":{"resourceType":"Patient","id":"ana","active":true,
         "identifier":[{"system":"urn:x","value":"17"}],
         "name":[{"use":"official","family":"Quillfeather","given":["Ana","Luz"]}],
         "birthDate":"2015-05-05","deceasedBoolean":false,
         "telecom":[{"system":"phone","use":"mobile","value":"617-555-0147"}],
         "communication":[{"language":{"coding":[{"code":"es"}]},"preferred":true}],
         "address":[{"line":["1 Main St"],"city":"Boston","state":"MA","postalCode":"02108"}]}},
        {"resource":{"resourceType":"RelatedPerson","id":"mum","patient":{"reference":"Patient/ana"},
         "relationship":[{"coding":[{"code":"MTH"}]}],"name":[{"family":"Quillfeather"}]}},
        {"resource":{"resourceType":"Appointment","id":"v1","status":"booked",
         "start":"2027-03-08T15:00:00Z","minutesDuration":30,
         "participant":[{"actor":{"reference":"Patient/ana"}}]}}]}"#,
        r#"{"entry":[],"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Location",
         "id":"l","name":"North","address":{"city":"Boston","state":"MA"}}}]}"#,
    ])
}

/// Opening hours as stored: written again, they are the same.
pub fn office_hours(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let Ok(hours) = OfficeHours::from_json(text) else { return false };
    assert_eq!(OfficeHours::from_json(&hours.to_json()).as_ref(), Ok(&hours));
    let _ = hours.next_opening(jiff::Timestamp::UNIX_EPOCH, &jiff::tz::TimeZone::UTC);
    let _ = hours.in_words(gate::Language::English);
    true
}

/// A reminder plan as stored: within its bounds.
pub fn reminder_plan(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    Plan::from_json(text).is_ok()
}

/// Any text as the root key: no error holds any of it.
pub fn root_key(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    match RootKey::from_text(text) {
        Ok(key) => {
            assert!(!format!("{key:?}").contains(text.trim()));
            true
        }
        Err(error) => {
            // It has nothing to hold any of it in.
            assert!(matches!(error, SealError::RootKeyForm), "{error}");
            false
        }
    }
}

/// Any text as a database's address: the password is never shown.
pub fn database_url(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    match text.parse::<DatabaseUrl>() {
        Ok(url) => {
            // A path and a database's name are no secrets.
            assert!(text.starts_with("sqlite:") || format!("{url:?}").starts_with("postgres:…/"));
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

fn attachments() -> Vec<Vec<u8>> {
    let pictures = PICTURES.iter().map(|text| STANDARD.decode(text).unwrap_or_default());
    let paper = b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\n(Quillfeather)\n%%EOF\n".to_vec();
    pictures.chain([paper]).collect()
}

/// A file is taken as what it is or not at all; what is kept of it is taken again as the same, and
/// neither an error nor a log shows its name or content.
pub fn attachment(input: &[u8]) -> bool {
    match content::check("Quillfeather.jpg", input) {
        Ok(checked) => {
            shows_nothing(&checked);
            let again = content::check(checked.name(), checked.bytes());
            assert_eq!(again.ok().map(|again| again.media()), Some(checked.media()));
            true
        }
        Err(unfit) => {
            tells_nothing(&unfit);
            false
        }
    }
}
