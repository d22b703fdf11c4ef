//! A row's keyed digest: what binds stored rows to the log.
//!
//! The digest is HMAC-SHA-256 over every column of the row as the database gives it back: a type
//! tag, a length and the bytes of each, in the registry's order. Both engines give the same.

use crate::audit::append::AuditError;
use crate::audit::event::Digest;
use crate::db::registry::{KeyType, Spec, Table};
use crate::db::{Cell, FromColumn, Row, Tx, Value};
use gate::PracticeId;

/// A column in a form that no two contents share.
struct Encoded(Vec<u8>);

impl FromColumn for Encoded {
    fn from_cell(cell: Cell<'_>) -> Result<Self, &'static str> {
        let (tag, bytes): (u8, &[u8]) = match &cell {
            Cell::Null => (0, &[]),
            Cell::Int(int) => (1, &int.to_be_bytes()),
            Cell::Text(text) => (2, text.as_bytes()),
            Cell::Blob(blob) => (3, blob),
        };
        let mut out = Vec::with_capacity(9 + bytes.len());
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(Self(out))
    }
}

/// The digest of a row read with [`Spec::one`] or [`Spec::all`].
pub(super) fn digest(keys: &seal::Keyring, spec: &Spec, row: &Row<'_>) -> Digest {
    let mut bytes = Vec::with_capacity(512);
    for index in 0..spec.columns.len() {
        match row.get::<Encoded>(index) {
            Ok(Encoded(column)) => bytes.extend_from_slice(&column),
            // A type that no column of ours holds: no digest of ours has this tag.
            Err(_) => bytes.push(0xff),
        }
    }
    Digest(keys.content_hash(spec.table.name(), &bytes))
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

/// The digest of the row with this key as it now stands, or none when there is no such row.
pub(super) fn digest_of(
    tx: &mut Tx<'_>,
    keys: &seal::Keyring,
    practice: PracticeId,
    table: Table,
    key: &str,
) -> Result<Option<Digest>, AuditError> {
    let spec = table.spec().ok_or(AuditError::UnknownTable { table: table.name() })?;
    let malformed = || AuditError::Key { table: table.name() };
    let mut params = vec![Value::Text(practice.to_string().into())];
    let parts: Vec<&str> = match spec.key.len() {
        0 => Vec::new(),
        1 => vec![key],
        _ => key.rsplitn(spec.key.len(), '/').collect::<Vec<_>>().into_iter().rev().collect(),
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
    Ok(tx.query_opt(spec.one, &params, |row| Ok(digest(keys, spec, row)))?)
}
