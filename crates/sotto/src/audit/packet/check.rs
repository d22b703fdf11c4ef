//! Checking a packet, with nothing but the packet.

use ledger::{Checkpoint, Hash, VerifierKey, leaf_hash, verify_inclusion};

use super::{DATA, Data};
use crate::audit::event::Entry;
use crate::db::registry::MESSAGE;

/// What a sound packet says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The story, in plain words.
    pub story: String,
    /// The log's verifier key, which the packet carries.
    pub key: String,
    /// Whether that key was given from outside, and fits. Otherwise compare it yourself.
    pub pinned: bool,
    /// The practice's log: its name.
    pub log: String,
    /// How many entries the log had.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
    /// How many entries were proved.
    pub entries: usize,
    /// How many rows were checked against them.
    pub rows: usize,
}

/// A packet that proves nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Not a packet.
    #[error("not a packet: expected the file that `sotto prove` wrote, whole and unchanged")]
    NotAPacket,
    /// Signed by another than expected.
    #[error("the packet carries the key {found}, not the expected {expected}: it is another's")]
    OtherKey {
        /// In the packet.
        found: String,
        /// Given.
        expected: String,
    },
    /// The signature.
    #[error("the packet's signature does not hold: {0}")]
    Signature(#[from] ledger::NoteError),
    /// The checkpoint.
    #[error("the packet's checkpoint does not hold: {0}")]
    Checkpoint(#[from] ledger::CheckpointError),
    /// The log in it is another's.
    #[error("the packet's key is of log {key}, its message of practice {practice}")]
    OtherPractice {
        /// The key's name.
        key: String,
        /// The practice in the data.
        practice: String,
    },
    /// An entry is not in the log.
    #[error("entry {leaf} is not in the log: {why}")]
    Entry {
        /// Its place.
        leaf: u64,
        /// What does not hold.
        why: &'static str,
    },
    /// A row is not what the log bound.
    #[error("{table} {row} is not what the log bound last")]
    Row {
        /// Its table.
        table: String,
        /// Its key.
        row: String,
    },
    /// The content does not open.
    #[error("the sealed content does not open under the disclosed key")]
    Content,
    /// The story is not the data's.
    #[error("the story above is not what the data below it tells")]
    Story,
}

/// Checks a packet. `pinned` is the practice's verifier key from elsewhere (its website, an earlier
/// letter): without it, the packet is shown to be of one piece, but not whose it is.
///
/// # Errors
/// [`CheckError`], for the first thing that does not hold.
pub fn check(packet: &[u8], pinned: Option<&VerifierKey>) -> Result<Checked, CheckError> {
    let claimed = data_of(packet)?;
    let key: VerifierKey = claimed.key.parse().map_err(|_| CheckError::NotAPacket)?;
    if let Some(expected) = pinned.filter(|expected| **expected != key) {
        let (found, expected) = (key.to_string(), expected.to_string());
        return Err(CheckError::OtherKey { found, expected });
    }
    let text = key.open_note(packet)?;
    let data = claimed;
    if key.name() != format!("sotto/{}", data.practice) {
        let (key, practice) = (key.name().to_owned(), data.practice);
        return Err(CheckError::OtherPractice { key, practice });
    }
    if data.content().is_none() && data.certificate().is_none() {
        return Err(CheckError::Content);
    }
    if data.to_text().as_deref() != Some(&text) {
        return Err(CheckError::Story);
    }
    let checkpoint = Checkpoint::open(data.checkpoint.as_bytes(), &key)?;
    let entries = entries(&data, &checkpoint)?;
    rows(&data, &entries)?;
    let story = text.split(DATA).next().unwrap_or_default().to_owned();
    Ok(Checked {
        story,
        key: key.to_string(),
        pinned: pinned.is_some(),
        log: key.name().to_owned(),
        size: checkpoint.size(),
        root: checkpoint.root().to_string(),
        entries: entries.len(),
        rows: data.rows.len(),
    })
}

/// The data line, not yet believed.
fn data_of(packet: &[u8]) -> Result<Data, CheckError> {
    let text = std::str::from_utf8(packet).map_err(|_| CheckError::NotAPacket)?;
    let mut lines = text.lines().skip_while(|line| *line != DATA);
    let data = lines.nth(1).ok_or(CheckError::NotAPacket)?;
    serde_json::from_str(data).map_err(|_| CheckError::NotAPacket)
}

fn entries(data: &Data, checkpoint: &Checkpoint) -> Result<Vec<Entry>, CheckError> {
    let mut entries = Vec::with_capacity(data.entries.len());
    let mut before = None;
    for proved in &data.entries {
        let wrong = |why| CheckError::Entry { leaf: proved.leaf, why };
        // In order, or "the last that bound a row" means nothing.
        if before.is_some_and(|before| before >= proved.leaf) {
            return Err(wrong("it is out of order"));
        }
        before = Some(proved.leaf);
        let bytes = proved.entry.as_bytes();
        let entry = Entry::from_bytes(bytes).map_err(|_| wrong("it is no entry"))?;
        if entry.practice.to_string() != data.practice {
            return Err(wrong("it is of another practice"));
        }
        let proof: Result<Vec<Hash>, _> = proved.proof.iter().map(|hash| hash.parse()).collect();
        let proof = proof.map_err(|_| wrong("its proof is malformed"))?;
        verify_inclusion(checkpoint.head(), proved.leaf, leaf_hash(bytes), &proof)
            .map_err(|_| wrong("its proof does not lead to the checkpoint"))?;
        entries.push(entry);
    }
    Ok(entries)
}

fn rows(data: &Data, entries: &[Entry]) -> Result<(), CheckError> {
    for row in &data.rows {
        let bound = entries
            .iter()
            .flat_map(|entry| &entry.records)
            .rfind(|bound| (bound.0.as_ref(), &bound.1) == (row.table.as_str(), &row.row))
            .and_then(|bound| bound.2);
        let practice = row.text("practice_id") == Some(&data.practice);
        if bound.is_none() || bound != row.digest() || !practice {
            return Err(CheckError::Row { table: row.table.clone(), row: row.row.clone() });
        }
    }
    let mut own = data.rows_of(MESSAGE);
    let is_own = own.next().is_some_and(|row| row.row == data.message);
    if is_own && own.next().is_none() { Ok(()) } else { Err(CheckError::NotAPacket) }
}
