//! Backups: what comes back from another disk, another machine, another hand.

use std::io::Read as _;
use std::sync::LazyLock;

use seal::{Lock, RootKey, SealedFile, SealedWriter};
use sotto::backup::format::{About, Record, Records};
use sotto::backup::keys::read_copy;

use super::{Door, bytes, tells_nothing};

/// The doors of this family.
pub const DOORS: &[Door] = &[
    Door { name: "backup_file", open: backup_file, seeds: || vec![FILE.clone()] },
    Door { name: "backup_rows", open: backup_rows, seeds: rows },
    Door { name: "backup_heading", open: backup_heading, seeds: || bytes(&[DATA, KEYS]) },
    Door { name: "backup_keys", open: backup_keys, seeds: || bytes(&[COPY]) },
];

const DATA: &str = r#"{"holds":"data","form":1,"practice":"00000000-0000-0000-0000-000000000001","made_at":"2027-03-01T14:00:00Z","program":"0.1.0","engine":"sqlite","schema":[{"version":1,"name":"0001_start","applied_at":7}],"checkpoint":""}"#;
const KEYS: &str = r#"{"holds":"keys","form":1,"practice":"00000000-0000-0000-0000-000000000001","made_at":"2027-03-01T14:00:00Z","program":"0.1.0","keys":3,"destroyed":1}"#;
const COPY: &str = r#"{"mark":"00","root_key":"Quillfeather","backup_key":null,"witness":null,"files":[{"name":"practice.key","base64":"Quillfeather"}]}"#;
const SAID: &[u8] = b"Quillfeather, 6175550147";

#[expect(clippy::expect_used, reason = "a key that is one")]
fn key() -> RootKey {
    RootKey::from_text(&"07".repeat(32)).expect("a key")
}

#[expect(clippy::expect_used, reason = "writing to memory")]
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    use std::io::Write as _;
    let lock = &Lock::Key(&key());
    let mut out = SealedWriter::begin(Vec::new(), DATA.as_bytes(), lock).expect("memory");
    out.write_all(SAID).expect("memory");
    out.finish().expect("memory")
});

/// Any bytes as a sealed file: only the very file opens to its end. Taken if it did.
pub fn backup_file(octets: &[u8]) -> bool {
    let file = match SealedFile::read(octets) {
        Ok(file) => file,
        Err(error) => {
            tells_nothing(&error);
            return false;
        }
    };
    // A passphrase's rounds may be many.
    if file.wants_passphrase() {
        return false;
    }
    let mut reader = match file.open(&Lock::Key(&key())) {
        Ok(reader) => reader,
        Err(error) => {
            tells_nothing(&error);
            return false;
        }
    };
    let mut plain = Vec::new();
    match reader.read_to_end(&mut plain) {
        Ok(_) => {
            assert_eq!((octets, plain.as_slice()), (FILE.as_slice(), SAID));
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

/// Any bytes as the rows of a backup: read to the end or refused, without believing a length.
/// Taken if the end came.
pub fn backup_rows(octets: &[u8]) -> bool {
    let mut records = Records::new(octets);
    // Each record takes an octet at least.
    for _ in 0..=octets.len() {
        match records.record() {
            Ok(Record::End(counts)) => {
                let _ = counts.rows();
                return true;
            }
            Ok(Record::Table(_) | Record::Row(_)) => {}
            Err(error) => {
                tells_nothing(&error);
                return false;
            }
        }
    }
    unreachable!("more records than octets")
}

/// Any bytes as what a backup says of itself: what is read is written the same again.
pub fn backup_heading(octets: &[u8]) -> bool {
    match About::from_bytes(octets) {
        Ok(about) => {
            assert_eq!(About::from_bytes(&about.to_bytes()).ok(), Some(about));
            true
        }
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

/// Any bytes as the inside of a copy of keys: no error tells a key.
pub fn backup_keys(octets: &[u8]) -> bool {
    match read_copy(octets) {
        Ok(_) => true,
        Err(error) => {
            tells_nothing(&error);
            false
        }
    }
}

fn rows() -> Vec<Vec<u8>> {
    let mut body = Vec::new();
    let json = |tag: u8, text: &str| {
        let mut record = vec![tag];
        record.extend_from_slice(&(text.len() as u32).to_be_bytes());
        record.extend_from_slice(text.as_bytes());
        record
    };
    body.extend(json(b'T', r#"{"name":"patient","columns":["id","at","sealed","note"]}"#));
    body.push(b'R');
    body.extend(json(2, "Quillfeather"));
    body.push(1);
    body.extend_from_slice(&7_i64.to_be_bytes());
    body.extend(json(3, "6175550147"));
    body.push(0);
    body.extend(json(b'E', r#"{"tables":{"patient":1}}"#));
    let empty = json(b'E', r#"{"tables":{}}"#);
    vec![body, empty]
}
