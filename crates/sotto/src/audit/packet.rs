//! A packet: the whole story of one message, for somebody who need not trust us.
//!
//! One UTF-8 file, a signed note under the log's key. On top stands the story in plain words;
//! below it the data the story is told from, as one line of JSON. `sotto audit check` needs the
//! file alone: it checks the signature; that the story is what the data tells; that the disclosed
//! content key opens the sealed content as it was stored; that each row has the digest that an
//! audit entry bound, under the row's disclosed key; and that each entry is in the log that the
//! checkpoint signs. (SPEC AU-11; 45 CFR 164.312(c)(2).)
//!
//! A packet holds health information: whoever makes one discloses it, and the log says so.

mod check;
mod make;
mod story;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use check::{CheckError, Checked, check};
pub use make::{PacketError, announce, make};

use crate::audit::event::Digest;
use crate::audit::record::{self, Column};
use crate::db::registry::Table;

/// The first line of every packet.
const TITLE: &str = "SOTTO PACKET 1: the record of one message";
/// Stands between the story and the data.
const DATA: &str = "---- data, for `sotto audit check` ----";

/// What the story is told from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    /// Whose log.
    pub(crate) practice: String,
    /// Which message.
    pub(crate) message: String,
    /// When the packet was made, in microseconds UTC.
    pub(crate) made_at: i64,
    /// The key of this message's content, in base64; none where the time of keeping it has ended, which
    /// the certificate of its month says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_key: Option<Digest>,
    /// The rows, each with its own key.
    pub(crate) rows: Vec<Held>,
    /// The entries about the message and about those rows.
    pub(crate) entries: Vec<Proved>,
    /// The head that the proofs lead to: a signed note.
    pub(crate) checkpoint: String,
    /// The log's verifier key.
    pub(crate) key: String,
}

/// A row as it is stored, with its own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    pub(crate) table: String,
    pub(crate) row: String,
    pub(crate) row_key: Digest,
    pub(crate) columns: BTreeMap<String, Column>,
}

/// An entry with the proof that it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proved {
    pub(crate) leaf: u64,
    pub(crate) entry: String,
    pub(crate) proof: Vec<String>,
}

impl Held {
    /// The digest that an entry must have bound, or none when the columns are not the table's.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let spec = Table::from_name(&self.table)?.spec()?;
        if self.columns.len() != spec.columns.len() {
            return None;
        }
        let columns: Option<Vec<Column>> =
            spec.columns.iter().map(|name| self.columns.get(*name).cloned()).collect();
        Some(record::digest_of_columns(&self.row_key, &columns?))
    }

    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        match self.columns.get(column)? {
            Column::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn int(&self, column: &str) -> Option<i64> {
        match self.columns.get(column)? {
            Column::Int(int) => Some(*int),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, column: &str) -> Option<Vec<u8>> {
        self.columns.get(column)?.bytes()
    }
}

/// What is sealed in a message, as far as a packet tells it.
#[derive(Deserialize)]
pub(crate) struct Content {
    pub(crate) address: String,
    pub(crate) subject: Option<String>,
    pub(crate) body: String,
}

impl Data {
    pub(crate) fn rows_of(&self, table: Table) -> impl Iterator<Item = &Held> {
        self.rows.iter().filter(move |row| row.table == table.name())
    }

    /// Opens the message's content with its disclosed key.
    pub(crate) fn content(&self) -> Option<Content> {
        let message = self.rows_of(crate::db::registry::MESSAGE).next()?;
        let place = seal::Place {
            practice: &self.practice,
            table: "message",
            row: &self.message,
            column: "content",
        };
        let sealed = seal::Sealed::from_bytes(message.bytes("content_sealed")?);
        let plain = seal::open_disclosed(&place, &sealed, &self.content_key?.0).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// The certificate of the month until which the content was kept, where there is no key of it.
    pub(crate) fn certificate(&self) -> Option<&Held> {
        if self.content_key.is_some() {
            return None;
        }
        let message = self.rows_of(crate::db::registry::MESSAGE).next()?;
        let under = seal::sealed_under(&message.bytes("record_wrap")?)?;
        self.rows_of(crate::db::registry::RETENTION_MONTH).find(|row| {
            row.int("ended_at").is_some() && row.bytes("key_name").is_some_and(|it| it == under)
        })
    }

    /// The whole text to be signed.
    pub(crate) fn to_text(&self) -> Option<String> {
        let story = story::tell(self)?;
        let data = serde_json::to_string(self).ok()?;
        Some(format!("{TITLE}\n\n{story}\n{DATA}\n{data}\n"))
    }
}
