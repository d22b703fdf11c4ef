//! What became of a file: counts, and each row that was left out with its reason, without PHI.

use std::collections::BTreeMap;

use seal::SealError;
use serde::Serialize;

use crate::audit::AuditError;
use crate::db::DbError;
use crate::people::search::SearchError;

/// How many places are kept for each reason; the count goes on.
const PLACES: usize = 100;

/// Why a file was not imported. Nothing of it is applied then. No variant quotes the file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Something on file cannot be opened, or a key cannot be made.
    #[error("a record on file cannot be sealed or opened: {0}")]
    Seal(#[from] SealError),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(std::io::ErrorKind),
    /// Not JSON.
    #[error("line {line}, column {column}: not valid JSON; nothing was imported")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON of another form.
    #[error("{at}: {remedy}; nothing was imported")]
    Form {
        /// Where: a JSON pointer or a line.
        at: String,
        /// What to do.
        remedy: &'static str,
    },
    /// One record is larger than any real one.
    #[error("{at}: a single record of more than {limit} bytes; nothing was imported")]
    TooLarge {
        /// Where.
        at: String,
        /// The limit.
        limit: u64,
    },
    /// Too many records refer to others that may come later in the file.
    #[error("more than {limit} appointments and related persons in one file: split it")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Not in UTF-8.
    #[error(
        "{at}: not UTF-8; it looks like {looks_like}. Save it as UTF-8, or convert it: \
         iconv -f {looks_like} -t UTF-8"
    )]
    Encoding {
        /// Where.
        at: String,
        /// The likeliest encoding.
        looks_like: &'static str,
    },
    /// Two records could not be merged.
    #[error(transparent)]
    Merge(#[from] crate::people::merge::MergeError),
    /// The schedule could not be changed.
    #[error(transparent)]
    Schedule(#[from] crate::schedule::ScheduleError),
    /// Not an error: a dry run, rolled back on purpose.
    #[error("dry run")]
    DryRun(Box<Report>),
}

impl From<SearchError> for ImportError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Db(error) => error.into(),
            SearchError::Seal(error) => error.into(),
        }
    }
}

/// Why a row, or a part of it, was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A resource that Sotto has no use for.
    NotUsed,
    /// Psychotherapy notes, which are read by nothing here (PRIV-15).
    PsychotherapyNote,
    /// An entry without a resource.
    NoResource,
    /// The entry asks for a deletion.
    Deletion,
    /// No identifier to find it by again.
    NoIdentifier,
    /// Its identifiers belong to different patients.
    SeveralPatients,
    /// No name.
    NoName,
    /// A date or time that is none.
    BadTime,
    /// A patient that is not on file.
    UnknownPatient,
    /// No patient is named.
    NoPatient,
    /// A status that means nothing is booked (yet).
    NotBooked,
    /// A word that is none of those allowed.
    BadWord,
    /// The row has another number of fields than the header.
    FieldCount,
    /// A telephone number that cannot be read.
    BadPhone,
    /// An email address that cannot be read.
    BadEmail,
    /// A field longer than any real one.
    TooLong,
    /// The record was merged into another, here, by staff.
    Merged,
    /// A record that it links to is not on file.
    UnknownLink,
}

impl Reason {
    /// What it means and what to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotUsed => "a kind of resource that Sotto has no use for; nothing to do",
            Self::PsychotherapyNote => {
                "psychotherapy notes, dropped unread (45 CFR 164.501); leave them out of the export"
            }
            Self::NoResource => "an entry without a resource; nothing to do",
            Self::Deletion => "a deletion, which an import does not do; do it in the console",
            Self::NoIdentifier => "no id or record number to find it by again; add one",
            Self::SeveralPatients => {
                "its identifiers belong to different patients on file; merge those first"
            }
            Self::NoName => "no name; add one",
            Self::BadTime => "a date or time that cannot be read; write 2027-03-01T14:00:00-05:00",
            Self::UnknownPatient => "its patient is not on file; import the patient first",
            Self::NoPatient => "it names no patient; add one",
            Self::NotBooked => "a status that means it is not booked; nothing to do",
            Self::BadWord => "a word that is none of those allowed; see sotto import --help",
            Self::FieldCount => "another number of fields than the header; check the quotes",
            Self::BadPhone => "not a telephone number; write +16175550123 or (617) 555-0123",
            Self::BadEmail => "not an email address; write name@example.com",
            Self::TooLong => "a field longer than 1,000 characters; shorten it",
            Self::Merged => "it was merged into another record here; nothing to do",
            Self::UnknownLink => "the record it links to is not on file; import that first",
        }
    }
}

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// New.
    Imported,
    /// Changed something.
    Updated,
    /// Said what was known.
    Unchanged,
}

/// The places where one reason applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Places {
    /// How often.
    pub count: u64,
    /// Where, the first hundred: a line, or a JSON pointer into the file.
    pub first: Vec<String>,
}

impl Places {
    fn add(&mut self, at: String) {
        self.count += 1;
        if self.first.len() < PLACES {
            self.first.push(at);
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows that were new.
    pub imported: u64,
    /// Rows that changed something.
    pub updated: u64,
    /// Rows that said what was known.
    pub unchanged: u64,
    /// Rows left out.
    pub skipped: u64,
    /// Why rows were left out.
    pub reasons: BTreeMap<Reason, Places>,
    /// Parts left out of rows that were taken, such as a number that cannot be read.
    pub parts: BTreeMap<Reason, Places>,
    /// Nothing was stored.
    pub dry_run: bool,
}

impl Report {
    pub(super) fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Imported => self.imported += 1,
            Fate::Updated => self.updated += 1,
            Fate::Unchanged => self.unchanged += 1,
        }
    }

    pub(super) fn skip(&mut self, at: impl Into<String>, reason: Reason) {
        self.skipped += 1;
        self.reasons.entry(reason).or_default().add(at.into());
    }

    pub(super) fn part(&mut self, at: impl Into<String>, reason: Reason) {
        self.parts.entry(reason).or_default().add(at.into());
    }
}
