//! Writing an entry, in the transaction of what it is about.

use std::collections::BTreeSet;

use gate::{Binding, BindingKey, PracticeId};
use seal::Keyring;

use crate::audit::event::{Bound, Entry, Event, Kind};
use crate::audit::record;
use crate::clock::Clock;
use crate::db::registry::Table;
use crate::db::{DbError, Tx};
use crate::ids::{EntryId, Id as _};
use crate::{params, sql};
use std::borrow::Cow;

/// Whose log, and with which keys and clock it is written.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    /// The practice.
    pub practice: PracticeId,
    /// Its keys.
    pub keys: &'a Keyring,
    /// The key that binds clearances.
    pub binding: &'a BindingKey,
    /// The time here.
    pub clock: &'a Clock,
}

/// An entry could not be written; the caller's transaction fails with it.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A row was touched in a table that the registry does not know.
    #[error("table {table} is not in db/registry.rs: add it there")]
    UnknownTable {
        /// Its name.
        table: &'static str,
    },
    /// A row was touched under a key that its table cannot have.
    #[error("a row of {table} was touched under a malformed key: see Spec::key in db/registry.rs")]
    Key {
        /// The table's name.
        table: &'static str,
    },
    /// A stored entry cannot be read.
    #[error("audit entry {id} cannot be read: it was altered; run sotto audit verify")]
    Unreadable {
        /// The entry's id.
        id: EntryId,
    },
}

/// Writes an entry about the event and binds every row that this transaction touched since the
/// last one. Call it after the rows are written.
///
/// # Errors
/// [`AuditError`]; return it, so that the action fails with its entry (RULEBOOK §10).
pub fn append<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    event: Event,
) -> Result<EntryId, AuditError> {
    let log = log.into();
    let id = EntryId::new(log.clock);
    append_as(tx, log, id, event)?;
    Ok(id)
}

/// [`append`] under an id made before, for a row that names its own entry.
///
/// # Errors
/// As [`append`].
pub fn append_as<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    id: EntryId,
    event: Event,
) -> Result<(), AuditError> {
    let log = log.into();
    let touched: BTreeSet<_> = tx.take_touched().into_iter().collect();
    tx.ahead(|tx| read_back(tx, log, &touched))?;
    let mut records = Vec::with_capacity(touched.len());
    for (table, key) in touched {
        let digest = record::digest_of(tx, log.keys, log.practice, table, &key)?;
        records.push(Bound(Cow::Borrowed(table.name()), key, digest));
    }
    let now = log.clock.now();
    let entry = Entry::of(event, log.practice, id, now, records);
    // Behind every entry that this transaction can see. One that it rests on, because it changed a
    // row after the other, is among them or has its leaf already; so the last leaf about a row is
    // about the row as it stands, whatever the clocks say. In PostgreSQL's index of those that wait
    // lie those that waited until nobody can see them any more, which one long read puts off; so it
    // looks from the end, and no further back than the last leaf's.
    tx.put(
        sql! {
            sqlite: "INSERT INTO audit_entry
                     (practice_id, id, recorded_at, body, leaf_index, arrival)
                 VALUES ($1, $2, $3, $4, NULL, (SELECT COALESCE(MAX(arrival), 0) + 1
                     FROM audit_entry WHERE practice_id = $1 AND leaf_index IS NULL))",
            postgres: "INSERT INTO audit_entry
                     (practice_id, id, recorded_at, body, leaf_index, arrival)
                 WITH last AS MATERIALIZED (SELECT COALESCE((SELECT arrival FROM audit_entry
                     WHERE practice_id = $1 AND leaf_index = (SELECT size - 1
                         FROM audit_checkpoint WHERE practice_id = $1
                         ORDER BY size DESC LIMIT 1)), 0) AS leaf)
                 SELECT $1, $2, $3, $4, NULL, 1 + COALESCE((SELECT arrival FROM audit_entry
                     WHERE practice_id = $1 AND leaf_index IS NULL AND arrival > last.leaf
                     ORDER BY arrival DESC LIMIT 1), last.leaf)
                 FROM last"
        },
        params![log.practice, id, now, entry.to_bytes()],
    )?;
    Ok(())
}

/// Reads the rows noted so far back at once, with what `look` reads. Nothing else may be written
/// before the entry that binds them, or they are read again.
///
/// # Errors
/// [`DbError`].
pub fn read_ahead<'a, T>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    mut look: impl FnMut(&mut Tx<'_>) -> T,
) -> Result<(), DbError> {
    let (log, touched) = (log.into(), tx.touched().to_vec());
    tx.ahead(|tx| {
        drop(look(tx));
        read_back(tx, log, &touched);
    })
}

/// Reads the rows noted so far back with the next statement, which changes the row `key` of `table`:
/// the last before the entry that binds them.
pub fn read_behind<'a>(tx: &mut Tx<'_>, log: impl Into<Log<'a>>, table: Table, key: String) {
    let (log, mut touched) = (log.into(), tx.touched().to_vec());
    touched.push((table, key));
    tx.behind(|tx| read_back(tx, log, &touched));
}

fn read_back<'t>(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    rows: impl IntoIterator<Item = &'t (Table, String)>,
) {
    for (table, key) in rows {
        let _ = record::digest_of(tx, log.keys, log.practice, *table, key);
    }
}

/// The binding of a clearance, from its entry, or none when there is no such clearance.
///
/// # Errors
/// [`AuditError::Unreadable`], [`AuditError::Db`].
pub fn binding_of<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    id: EntryId,
) -> Result<Option<Binding>, AuditError> {
    let practice = log.into().practice;
    let Some(entry) = entry(tx, practice, id)? else { return Ok(None) };
    let cleared = entry.kind == Kind::MessageCleared;
    Ok(entry.binding.filter(|_| cleared).map(|tag| Binding(tag.0)))
}

/// An entry by its id.
///
/// # Errors
/// [`AuditError::Unreadable`], [`AuditError::Db`].
pub fn entry(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: EntryId,
) -> Result<Option<Entry>, AuditError> {
    let body: Option<Vec<u8>> = tx.query_opt(
        sql!("SELECT body FROM audit_entry WHERE practice_id = $1 AND id = $2"),
        params![practice, id],
        |row| row.get(0),
    )?;
    let unreadable = |_| AuditError::Unreadable { id };
    body.map(|body| Entry::from_bytes(&body).map_err(unreadable)).transpose()
}
