//! FHIR R4 bundles, read entry by entry (HL7 FHIR R4 §2.36). Only one entry is in memory at a
//! time, and its size and depth are bounded.

use std::fmt;
use std::io::Read;

use serde::de::{Deserialize, DeserializeSeed};
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::db::Tx;
use crate::people::import::apply::{Applier, Job};
use crate::people::import::fhir_resource::{self, Read as Parsed};
use crate::people::import::record::Record;
use crate::people::import::report::{ImportError, Reason, Report};
use crate::people::import::source::{Meter, Source};

/// The largest entry. Real ones are a few kilobytes; some carry a scan.
pub const ENTRY_LIMIT: u64 = 16 * 1024 * 1024;

/// Imports a bundle. On any error return it from the transaction, and nothing is applied.
///
/// # Errors
/// [`ImportError`]; [`ImportError::DryRun`] holds the report of a dry run.
pub fn import(tx: &mut Tx<'_>, job: Job<'_>, file: impl Read) -> Result<Report, ImportError> {
    let mut applier = Applier::new(tx, job);
    let digest = read(file, &mut |event| match event {
        Entry::Record(record) => applier.take(record),
        Entry::Skipped(at, reason) => {
            applier.report.skip(at, reason);
            Ok(())
        }
        Entry::Part(at, reason) => {
            applier.report.part(at, reason);
            Ok(())
        }
    })?;
    applier.finish("fhir", digest)
}

/// What the parser found.
pub enum Entry {
    /// Something to store.
    Record(Record),
    /// An entry that was left out.
    Skipped(String, Reason),
    /// A part of an entry that was left out.
    Part(String, Reason),
}

/// Parses a bundle without storing anything, and returns the SHA-256 of the file.
///
/// # Errors
/// [`ImportError`], also any that `see` returns.
pub fn read(
    file: impl Read,
    see: &mut dyn FnMut(Entry) -> Result<(), ImportError>,
) -> Result<[u8; 32], ImportError> {
    let (mut source, meter) = Source::new(file, ENTRY_LIMIT);
    let mut progress = Progress { number: 0, stopped: None, kind: None, meter: meter.clone() };
    let buffered = std::io::BufReader::with_capacity(64 * 1024, &mut source);
    let mut json = serde_json::Deserializer::from_reader(buffered);
    let outcome = json
        .deserialize_any(BundleVisitor { see, progress: &mut progress })
        .and_then(|()| json.end());
    drop(json);
    if let Some(stopped) = progress.stopped {
        return Err(stopped);
    }
    if let Err(error) = outcome {
        let at = || format!("/entry/{}", progress.number);
        if let Some(reason) = meter.reason(at, ENTRY_LIMIT) {
            return Err(reason);
        }
        return Err(ImportError::Json { line: error.line(), column: error.column() });
    }
    match progress.kind.as_deref() {
        Some("Bundle") => Ok(source.finish()),
        _ => Err(ImportError::Form {
            at: "/resourceType".to_owned(),
            remedy: "must be Bundle; put single resources into one, each as an entry",
        }),
    }
}

struct Progress {
    /// The entry being read, from 0.
    number: usize,
    /// The error of ours that ended it.
    stopped: Option<ImportError>,
    /// `resourceType` of the file.
    kind: Option<String>,
    meter: Meter,
}

struct BundleVisitor<'a> {
    see: &'a mut dyn FnMut(Entry) -> Result<(), ImportError>,
    progress: &'a mut Progress,
}

impl<'de> Visitor<'de> for BundleVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FHIR Bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "resourceType" => {
                    self.progress.kind = map.next_value::<Value>()?.as_str().map(Into::into)
                }
                "entry" => map.next_value_seed(Entries {
                    see: &mut *self.see,
                    progress: &mut *self.progress,
                })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Entries<'a> {
    see: &'a mut dyn FnMut(Entry) -> Result<(), ImportError>,
    progress: &'a mut Progress,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        loop {
            self.progress.meter.begin_record();
            let Some(entry) = seq.next_element_seed(OneValue)? else { return Ok(()) };
            let at = format!("/entry/{}", self.progress.number);
            let mut parsed = Parsed::default();
            fhir_resource::read_entry(&at, &entry, &mut parsed);
            let skipped = parsed.skipped.map(|reason| Entry::Skipped(at, reason));
            let parts = parsed.parts.into_iter().map(|(at, reason)| Entry::Part(at, reason));
            let record = parsed.record.map(Entry::Record);
            for event in parts.chain(skipped).chain(record) {
                if let Err(error) = (self.see)(event) {
                    self.progress.stopped = Some(error);
                    return Err(A::Error::custom("stopped"));
                }
            }
            self.progress.number += 1;
        }
    }
}

/// One JSON value; serde_json itself refuses more than 128 levels.
struct OneValue;

impl<'de> DeserializeSeed<'de> for OneValue {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        Value::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: impl AsRef<[u8]>) -> Result<Vec<Entry>, ImportError> {
        let mut all = Vec::new();
        read(text.as_ref(), &mut |entry| {
            all.push(entry);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn what_is_no_bundle_is_refused_with_a_place() {
        for text in [
            &b""[..],
            b"{",
            b"[]",
            b"7",
            b"{\"entry\": 5}",
            b"{\"resourceType\":\"Bundle\"} x",
            b"{\"resourceType\":\"Bundle\",\"entry\":[{\"a\":\"\xff\"}]}",
        ] {
            let error = parse(text).err().expect("refused");
            assert!(matches!(error, ImportError::Json { line: 0..=1, .. }), "{error}");
        }
        let error = parse(b"{\"resourceType\":\"Patient\"}").err().expect("refused").to_string();
        assert!(error.starts_with("/resourceType: must be Bundle;"), "{error}");
        let error = parse(b"\xff\xfe{\0").err().expect("refused").to_string();
        assert!(error.starts_with("byte 1: not UTF-8; it looks like UTF-16LE."), "{error}");
    }

    #[test]
    fn errors_never_quote_the_file() {
        for text in [
            r#"{"resourceType":"Bundle","entry":[{"resource":{"birthDate":Secretname}}]}"#,
            r#"{"resourceType":"Secretname","entry":[]}"#,
            r#"{"resourceType":"Bundle","entry":"Secretname"}"#,
        ] {
            let error = parse(text).err().expect("refused");
            assert!(!format!("{error} {error:?}").contains("Secretname"));
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = format!(
            r#"{{"resourceType":"Bundle","entry":[{}{}]}}"#,
            r#"{"a":"#.repeat(200_000),
            "}".repeat(200_000)
        );
        assert!(matches!(parse(deep), Err(ImportError::Json { .. })));
        let huge = std::io::Read::chain(
            &br#"{"resourceType":"Bundle","entry":[{"resource":{"x":""#[..],
            std::io::repeat(b'x'),
        );
        let error = read(huge, &mut |_| Ok(())).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { limit: ENTRY_LIMIT, .. }), "{error}");
    }

    #[test]
    fn a_byte_order_mark_is_no_content() {
        let text = [b"\xef\xbb\xbf".as_slice(), br#"{"resourceType":"Bundle"}"#].concat();
        assert!(parse(text).unwrap().is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse(bytes);
        }
    }
}
