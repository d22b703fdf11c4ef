//! A row's keyed digest: what binds stored rows to the log.
//!
//! The digest is HMAC-SHA-256 over every column of the row as the database gives it back: a type
//! tag, a length and the bytes of each, in the registry's order. Both engines give the same.
//!
//! Each row has a key of its own, derived from the practice's. A packet may disclose it: a stranger
//! can then check that one row against the log, and guess at no other.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::audit::append::AuditError;
use crate::audit::event::Digest;
use crate::db::registry::{KeyType, Spec, Table};
use crate::db::{Cell, FromColumn, Row, Tx, Value};
use gate::PracticeId;

/// A column's content, as a packet shows it: null, a number, a text, or bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BLOB or BYTEA.
    Bytes {
        /// In base64.
        base64: String,
    },
}

impl FromColumn for Column {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        Ok(match cell {
            Cell::Null => Self::Null,
            Cell::Int(int) => Self::Int(int),
            Cell::Text(text) => Self::Text(text.to_owned()),
            Cell::Blob(blob) => Self::Bytes { base64: BASE64_STANDARD.encode(blob) },
        })
    }
}

impl Column {
    /// The bytes of a column that holds bytes.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes { base64 } => BASE64_STANDARD.decode(base64).ok(),
            _ => None,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let blob = self.bytes().unwrap_or_default();
        let cell = match self {
            Self::Null => Cell::Null,
            Self::Int(int) => Cell::Int(*int),
            Self::Text(text) => Cell::Text(text),
            Self::Bytes { .. } => Cell::Blob(&blob),
        };
        encode(cell, out);
    }
}

/// Stands for a column of a type that no table of ours has.
const UNREADABLE: u8 = 0xff;

/// Writes a column in a form that no two contents share.
fn encode(cell: Cell<'_>, out: &mut Vec<u8>) {
    let int;
    let (tag, bytes): (u8, &[u8]) = match cell {
        Cell::Null => (0, &[]),
        Cell::Int(number) => {
            int = number.to_be_bytes();
            (1, &int)
        }
        Cell::Text(text) => (2, text.as_bytes()),
        Cell::Blob(blob) => (3, blob),
    };
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The digest of a row read with [`Spec::one`] or [`Spec::all`].
pub(super) fn digest(keys: &seal::Keyring, spec: &Spec, key: &str, row: &Row<'_>) -> Digest {
    let mut bytes = Vec::with_capacity(2048);
    for index in 0..spec.columns.len() {
        match row.cell(index) {
            Ok(cell) => encode(cell, &mut bytes),
            // No digest of ours was made with this tag.
            Err(_) => bytes.push(UNREADABLE),
        }
    }
    under(&row_key(keys, spec.table.name(), key), &bytes)
}

/// The digest of a row of which the columns and the row's own key are at hand.
#[must_use]
pub fn digest_of_columns(row_key: &Digest, columns: &[Column]) -> Digest {
    let mut bytes = Vec::new();
    for column in columns {
        column.encode(&mut bytes);
    }
    under(row_key, &bytes)
}

/// A row's own key.
pub(super) fn row_key(keys: &seal::Keyring, table: &str, key: &str) -> Digest {
    let mut name = Vec::with_capacity(table.len() + key.len() + 1);
    name.extend_from_slice(table.as_bytes());
    name.push(0);
    name.extend_from_slice(key.as_bytes());
    Digest(keys.content_hash("row key", &name))
}

fn under(row_key: &Digest, bytes: &[u8]) -> Digest {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &row_key.0), bytes);
    let mut out = [0; 32];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    Digest(out)
}

/// The key of a row read with [`Spec::one`] or [`Spec::all`], as text. A part that cannot be read
/// becomes `?`, which no recorded key holds.
pub(super) fn key(spec: &Spec, row: &Row<'_>) -> String {
    let part = |name: &str, kind: KeyType| {
        let index = spec.columns.iter().position(|column| *column == name)?;
        match kind {
            KeyType::Text => row.get::<String>(index).ok(),
            KeyType::Int => row.get::<i64>(index).ok().map(|int| int.to_string()),
            KeyType::Blob => row.get::<Vec<u8>>(index).ok().map(hex::encode),
        }
    };
    let own = [("practice_id", KeyType::Text)];
    let columns = if spec.key.is_empty() { &own[..] } else { spec.key };
    let parts = columns.iter().map(|(name, kind)| part(name, *kind).unwrap_or_else(|| "?".into()));
    parts.collect::<Vec<_>>().join("/")
}

/// The parameters of [`Spec::one`] for a row's key.
pub(super) fn key_params<'k>(
    practice: PracticeId,
    spec: &Spec,
    key: &'k str,
) -> Result<Vec<Value<'k>>, AuditError> {
    let malformed = || AuditError::Key { table: spec.table.name() };
    let mut params = vec![Value::Text(practice.to_string().into())];
    let parts: Vec<&str> = match spec.key.len() {
        0 => Vec::new(),
        1 => vec![key],
        many => key.rsplitn(many, '/').collect::<Vec<_>>().into_iter().rev().collect(),
    };
    if parts.len() != spec.key.len() || (parts.is_empty() && key != practice.to_string()) {
        return Err(malformed());
    }
    for (part, (_, kind)) in parts.into_iter().zip(spec.key) {
        params.push(match kind {
            KeyType::Text => Value::Text(part.into()),
            KeyType::Int => Value::Int(part.parse().map_err(|_| malformed())?),
            KeyType::Blob => Value::Blob(hex::decode(part).map_err(|_| malformed())?.into()),
        });
    }
    Ok(params)
}

/// The digest of the row with this key as it now stands, or none when there is no such row.
pub(super) fn digest_of(
    tx: &mut Tx<'_>,
    keys: &seal::Keyring,
    practice: PracticeId,
    table: Table,
    key: &str,
) -> Result<Option<Digest>, AuditError> {
    let spec = table.spec().ok_or(AuditError::UnknownTable { table: table.name() })?;
    let params = key_params(practice, spec, key)?;
    Ok(tx.query_opt(spec.one, &params, |row| Ok(digest(keys, spec, key, row)))?)
}
