//! What comes in over HTTP and on standard input, as JSON.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use gate::PatientId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use sotto::channels::OpaqueIds;
use sotto::cli::jsonl;
use sotto::compose::Values;
use sotto::http::api::alternatives::{AlternativeEndRequest, AlternativeRequest};
use sotto::http::api::appointments::AppointmentRequest;
use sotto::http::api::caregivers::{CaregiverRequest, PermissionRequest};
use sotto::http::api::check::CheckRequest;
use sotto::http::api::consents::{self, ConsentRequest, RevokeRequest};
use sotto::http::api::contacts::{ContactEndRequest, ContactRequest};
use sotto::http::api::messages::SendRequest;
use sotto::http::api::opt_outs::OptOutRequest;
use sotto::http::api::preferences::PreferenceRequest;
use sotto::http::api::restrictions::{RestrictionRequest, TerminateRequest};
use sotto::http::api::tasks::DoneRequest;
use sotto::http::body;
use sotto::http::errors::Problem;
use sotto::http::pagination::PageQuery;
use sotto::ids::{SealedMessageId, SealedThreadId};
use sotto::sealed::envelope::{BLOCK, Envelope, Sealed, VERSION};

use super::{Door, bytes, shows_nothing, tells_nothing};

/// The doors of this family.
pub const DOORS: &[Door] = &[
    Door { name: "api_request", open: api_request, seeds: requests },
    Door { name: "sealed_envelope", open: sealed_envelope, seeds: envelopes },
    Door {
        name: "page_cursor",
        open: page_cursor,
        seeds: || {
            bytes(&[
                "50 0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01",
                "200 0190b2c47a3e7c118f5e2d9a4b6c8e01",
            ])
        },
    },
    Door {
        name: "unsubscribe_token",
        open: unsubscribe_token,
        seeds: || bytes(&["00112233445566778899aabbccddeeff"]),
    },
    Door {
        name: "template_values",
        open: template_values,
        seeds: || {
            bytes(&[
                r#"{"when":"2027-03-01T14:30:00Z","clinician_surname":"Quillfeather"}"#,
                r#"{"day":"2027-03-01","site":"North"}"#,
            ])
        },
    },
    Door {
        name: "json_lines",
        open: json_lines,
        seeds: || {
            bytes(&[
                "{\"id\":1,\"text\":\"Quillfeather\"}\n\n{\"id\":\"b\",\"text\":\"\",\"channel\":\"sms\"}\n",
            ])
        },
    },
];

/// Any body to every request of the API: the answer names a place or a field, and never a value.
pub fn api_request(octets: &[u8]) -> bool {
    let consent = read::<ConsentRequest>(octets);
    let taken = [
        read::<SendRequest>(octets).is_some(),
        read::<RevokeRequest>(octets).is_some(),
        read::<AppointmentRequest>(octets).is_some(),
        read::<DoneRequest>(octets).is_some(),
        read::<CheckRequest>(octets).is_some(),
        read::<AlternativeRequest>(octets).is_some(),
        read::<AlternativeEndRequest>(octets).is_some(),
        read::<CaregiverRequest>(octets).is_some(),
        read::<PermissionRequest>(octets).is_some(),
        read::<ContactRequest>(octets).is_some(),
        read::<ContactEndRequest>(octets).is_some(),
        read::<OptOutRequest>(octets).is_some(),
        read::<PreferenceRequest>(octets).is_some(),
        read::<RestrictionRequest>(octets).is_some(),
        read::<TerminateRequest>(octets).is_some(),
        consent.is_some(),
    ];
    if let Some(request) = consent {
        let patient = PatientId(uuid::Uuid::from_u128(7));
        if let Err(problem) = consents::parse(request, patient, Timestamp::UNIX_EPOCH) {
            quiet(&problem);
        }
    }
    taken.contains(&true)
}

fn read<T: DeserializeOwned>(octets: &[u8]) -> Option<T> {
    body::parse(octets).map_err(|problem| quiet(&problem)).ok()
}

fn quiet(problem: &Problem) {
    shows_nothing(problem);
    assert!((400..500).contains(&problem.status));
}

fn requests() -> Vec<Vec<u8>> {
    bytes(&[
        r#"{"patient":"0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01","purpose":"treatment","channel":"auto",
           "template":"results_ready","values":{"clinician":"Dr. Quillfeather"},"language":"es"}"#,
        r#"{"patient":"Quillfeather","purpose":"treatment","body":"Call Quillfeather at 6175550147"}"#,
        r#"{"class":"content","channel":"sms","address":"(617) 555-0147","purposes":["treatment"],
           "categories":["lab_result"],"up_to_level":2,"text_version":"2027-01","risk_warned":true,
           "language":"en","method":"paper","evidence":"cabinet 3","witness":"Quillfeather",
           "evidence_sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
           "captured_at":"2027-03-01T14:30:00Z","withdrawal":"Reply STOP"}"#,
        r#"{"method":"spoken","witness":"Quillfeather","captured_at":"2027-03-01T14:30:00Z"}"#,
        r#"{"patient":"0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01","clinician":"Quillfeather","site":"north",
           "starts_at":"2027-03-01T14:30:00Z","ends_at":"2027-03-01T15:00:00Z","status":"booked"}"#,
        r#"{"outcome":"spoke"}"#,
        r#"{"text":"Quillfeather has the flu","channel":"voicemail"}"#,
    ])
}

/// A limit and a cursor.
pub fn page_cursor(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let (limit, cursor) = text.split_once(' ').unwrap_or(("", text));
    let query = PageQuery { cursor: Some(cursor.to_owned()), limit: limit.parse().ok() };
    match query.parse() {
        Ok(page) => {
            assert!((1..=200).contains(&page.limit) && page.before.is_some());
            true
        }
        Err(problem) => {
            quiet(&problem);
            false
        }
    }
}

/// The token of a link. What is taken is safe to put into a link, a log and a query.
pub fn unsubscribe_token(octets: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(octets) else { return false };
    let taken = OpaqueIds::looks_like_one(text);
    assert!(!taken || (text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())));
    taken
}

/// The values of a template, by name.
pub fn template_values(octets: &[u8]) -> bool {
    let Some(words) = body::parse::<BTreeMap<String, String>>(octets).ok() else { return false };
    let words = words.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let read = Values::from_words(words, &TimeZone::UTC);
    // A name that does not exist is quoted, shortened: it is no value.
    if let Err(sotto::compose::ComposeError::BadValue { because, .. }) = &read {
        tells_nothing(because);
    }
    read.is_ok()
}

/// `sotto check --jsonl` and `sotto intent --jsonl`: a bad line is told by its number.
pub fn json_lines(octets: &[u8]) -> bool {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let bad = jsonl::each_line(octets, &mut out, &mut errors, |object| {
        let id = jsonl::id(object)?;
        let text = jsonl::text(object, "text")?;
        Ok(serde_json::json!({ "id": id, "length": text.len() }))
    });
    let errors = String::from_utf8_lossy(&errors);
    tells_nothing(&errors);
    assert_eq!(errors.lines().count(), bad.unwrap_or(usize::MAX));
    let answers = out.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    for answer in answers {
        assert!(serde_json::from_slice::<serde_json::Value>(answer).is_ok());
    }
    !out.is_empty()
}

/// What is taken has one way to be written, which is how it came.
fn sealed_envelope(octets: &[u8]) -> bool {
    match Envelope::read(octets) {
        Ok(read) => {
            assert_eq!(read.to_bytes(), octets);
            assert_eq!(read.bound().lines().count(), 8, "nothing bound breaks the line");
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

fn envelopes() -> Vec<Vec<u8>> {
    let zeros = |count: usize| BASE64_URL_SAFE_NO_PAD.encode(vec![0; count]);
    let sealed = |digit: &str| Sealed { key: digit.repeat(64), enc: zeros(65), ct: zeros(48) };
    let envelope = |blocks: usize| Envelope {
        v: VERSION,
        thread: SealedThreadId(uuid::Uuid::nil()),
        id: SealedMessageId(uuid::Uuid::from_u128(7)),
        from: "b".repeat(64),
        at: 1_800_000_000_000,
        to: ["a", "b", "c"].map(sealed),
        iv: zeros(12),
        ct: zeros(blocks * BLOCK + 16),
    };
    [1, 3].map(|blocks| envelope(blocks).to_bytes()).into()
}
