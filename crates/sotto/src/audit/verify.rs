//! Checks everything: tree, checkpoints, entries, and every row of every table.
//!
//! The tree is rebuilt from the entries and compared with the stored tiles and with the root of
//! each signed checkpoint. Then each row must have the digest that the log bound last, no row may
//! be missing, and none may be there that the log does not know. What moves too fast for the log
//! must carry its own mac and follow from what the log does bind. (45 CFR 164.312(c)(2).)
//!
//! Entries and rows are read as streams; what is kept is 57 bytes for each row that was ever
//! written. Nothing is repaired. A defect names a table and a row's key, never a row's content.

mod rows;
mod tree;

use std::collections::HashMap;
use std::fmt;

use ledger::{Checkpoint, Head, VerifierKey};
use serde::Serialize;

use crate::audit::append::Log;
use crate::audit::event::Digest;
use crate::audit::sequencer::log_key;
use crate::db::registry::Table;
use crate::db::{DbError, Tx};

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Its content is not what the log bound.
    Altered,
    /// The log bound it, and it is gone.
    Missing,
    /// It is there, and the log does not know it.
    Unrecorded,
    /// It cannot be read at all.
    Unreadable,
    /// Its own mac does not fit it.
    WrongMac,
    /// It does not follow from the recorded rows.
    Inconsistent,
    /// A checkpoint that the log's key did not sign.
    WrongSignature,
    /// A checkpoint that signs another tree than the entries make.
    OtherTree,
    /// An entry placed where no checkpoint reaches, or out of order.
    Misplaced,
}

/// One row that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Defect {
    /// The table.
    pub table: String,
    /// The row's key, as [`Spec::key`](crate::db::registry::Spec::key) writes it. An entry that
    /// is gone is named by its place, `leaf 17`.
    pub row: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Altered => "was altered",
            Fault::Missing => "is missing: it was removed",
            Fault::Unrecorded => "is not in the audit log: it was added, or its key was changed",
            Fault::Unreadable => "cannot be read: it was altered",
            Fault::WrongMac => "does not carry its own mac: it was altered",
            Fault::Inconsistent => "does not follow from the recorded rows",
            Fault::WrongSignature => "is not signed by this log's key: it was altered",
            Fault::OtherTree => "signs another tree than the entries make: history was rewritten",
            Fault::Misplaced => "is out of its place: it was moved, or checkpoints were removed",
        };
        write!(f, "{} {} {fault}", self.table, self.row)
    }
}

/// What was checked and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose log: its verifier key.
    pub key: String,
    /// How many entries the last checkpoint covers.
    pub size: u64,
    /// The root that was signed last, in base64.
    pub root: String,
    /// How many checkpoints were checked.
    pub checkpoints: u64,
    /// Entries that wait for their place; they are covered by the next checkpoint.
    pub waiting: u64,
    /// How many rows of all other tables were checked.
    pub rows: u64,
    /// Everything that is wrong, once each.
    pub defects: Vec<Defect>,
}

impl Report {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.defects.is_empty()
    }
}

/// Verification could not be carried out; this says nothing about the records.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The log's key cannot be made.
    #[error(transparent)]
    Key(#[from] ledger::VerifierKeyError),
    /// The tree cannot be rebuilt.
    #[error(transparent)]
    Full(#[from] ledger::Full),
    /// A checkpoint kept elsewhere is not of this log.
    #[error("the checkpoint given to compare with cannot be used: {0}")]
    Earlier(#[from] ledger::CheckpointError),
}

/// Verifies a practice's records within one transaction, so against one state of the database.
///
/// `earlier` is a checkpoint kept apart from the database, as a signed note: the log must still
/// begin with what it signed. Only that reveals a database put back as a whole. `progress` is told
/// how many entries and rows are done.
///
/// # Errors
/// [`VerifyError`], when it could not be carried out. What is wrong with the records is no error
/// but in the report.
pub fn verify<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    earlier: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, VerifyError> {
    let log = log.into();
    let verifier = log_key(log)?.verifier();
    let earlier = earlier
        .map(|note| Checkpoint::open(note.as_bytes(), &verifier))
        .transpose()?
        .map(|checkpoint| checkpoint.head());
    let mut found = Findings::new(log, verifier, progress);
    let head = tree::check(tx, &mut found, earlier)?;
    rows::check(tx, &mut found)?;
    Ok(found.report(head))
}

/// What the log bound last about a row.
struct Last {
    digest: Option<Digest>,
    leaf: Option<u64>,
    seen: bool,
}

/// What verification carries from step to step.
struct Findings<'a> {
    log: Log<'a>,
    verifier: VerifierKey,
    progress: &'a mut dyn FnMut(u64),
    done: u64,
    last: HashMap<[u8; 16], Last>,
    defects: std::collections::BTreeSet<Defect>,
    checkpoints: u64,
    waiting: u64,
    rows: u64,
}

impl<'a> Findings<'a> {
    fn new(log: Log<'a>, verifier: VerifierKey, progress: &'a mut dyn FnMut(u64)) -> Self {
        Self {
            log,
            verifier,
            progress,
            done: 0,
            last: HashMap::new(),
            defects: std::collections::BTreeSet::new(),
            checkpoints: 0,
            waiting: 0,
            rows: 0,
        }
    }

    fn defect(&mut self, table: Table, row: impl Into<String>, fault: Fault) {
        self.defects.insert(Defect { table: table.name().to_owned(), row: row.into(), fault });
    }

    fn step(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(4096) {
            (self.progress)(self.done);
        }
    }

    fn report(self, head: Head) -> Report {
        Report {
            key: self.verifier.to_string(),
            size: head.size,
            root: head.root.to_string(),
            checkpoints: self.checkpoints,
            waiting: self.waiting,
            rows: self.rows,
            defects: self.defects.into_iter().collect(),
        }
    }
}

/// A short name for a row: the start of a hash of table and key.
fn short(table: &str, key: &str) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(table.len() + key.len() + 1);
    bytes.extend_from_slice(table.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    let hash = ledger::leaf_hash(&bytes);
    let mut short = [0; 16];
    short.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    short
}
