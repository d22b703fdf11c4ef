//! Every door through which strangers' bytes come in, one function each.
//!
//! A door reads what it is given, asserts what must hold whatever that was, and says whether it
//! took it. The targets in `fuzz_targets/` call one door each; the workspace's own tests
//! (`crates/sotto/tests/it/doors.rs`) open every door with its valid inputs and with thousands of
//! damaged ones, so that `./check` needs no fuzzer.

pub mod backups;
pub mod files;
pub mod http;
pub mod proofs;
pub mod texts;
pub mod wires;

/// A door: the name of its fuzz target, what opens it, and inputs it takes.
pub struct Door {
    /// As in `fuzz_targets/NAME.rs`.
    pub name: &'static str,
    /// Reads the bytes, and says whether they were valid. Panics where a promise is broken.
    pub open: fn(&[u8]) -> bool,
    /// Valid inputs, to begin from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// The families, by file.
pub const FAMILIES: &[(&str, &[Door])] = &[
    ("backups", backups::DOORS),
    ("files", files::DOORS),
    ("http", http::DOORS),
    ("proofs", proofs::DOORS),
    ("texts", texts::DOORS),
    ("wires", wires::DOORS),
];

/// A name that stands in the seeds wherever PHI may stand, and may stand in no error.
const NAME: &str = "Quillfeather";
/// A telephone number likewise.
const NUMBER: &str = "6175550147";

/// Asserts that nothing of what came in comes out by way of an error or a log.
#[track_caller]
fn tells_nothing(error: &(impl std::fmt::Display + std::fmt::Debug)) {
    for said in [error.to_string(), format!("{error:?}")] {
        assert!(
            !said.contains(NAME) && !said.contains(NUMBER),
            "an error quotes the input: {said}"
        );
    }
}

/// The same for what has no `Display`.
#[track_caller]
fn shows_nothing(value: &impl std::fmt::Debug) {
    shows_nothing_but("", value);
}

/// The same where `Debug` may show this: an id that a carrier gave, which may be any word.
#[track_caller]
fn shows_nothing_but(id: &str, value: &impl std::fmt::Debug) {
    let said = format!("{value:?}");
    // Once: a second time it would be something else that says the same.
    let quoted = id.escape_debug().to_string();
    let id = if said.contains(&quoted) { &quoted } else { id };
    let said = said.replacen(id, "", 1);
    assert!(!said.contains(NAME) && !said.contains(NUMBER), "Debug shows the input: {said}");
}

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
