//! The list of applied migrations has no practice and so no log. Each practice's log vouches for a
//! copy of it, in the practice's settings.

use std::collections::BTreeMap;

use gate::PracticeId;

use crate::audit::append::{AuditError, Log, append};
use crate::audit::event::{Actor, Event, Kind};
use crate::db::registry::SETTING;
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// Copies what was migrated since the last time into the practice's settings, under an audit
/// entry. Call it at each start, once the practice's log can be written.
///
/// # Errors
/// [`AuditError`].
pub fn record_schema<'a>(tx: &mut Tx<'_>, log: impl Into<Log<'a>>) -> Result<(), AuditError> {
    let log = log.into();
    let known = copied(tx, log.practice)?;
    let mut new = Vec::new();
    each(tx, |version, said| {
        let name = setting_name(version);
        if !known.contains_key(&name) {
            new.push((name, said.unwrap_or_default()));
        }
    })?;
    if new.is_empty() {
        return Ok(());
    }
    for (name, value) in new {
        tx.execute(
            sql!(
                "INSERT INTO setting (practice_id, name, value, updated_at)
                 VALUES ($1, $2, $3, $4)"
            ),
            params![log.practice, name, value, log.clock.now()],
        )?;
        tx.touch(SETTING, name);
    }
    append(tx, log, Event::new(Kind::SchemaChanged, Actor::service("start")))?;
    Ok(())
}

/// The setting that copies a version.
pub(super) fn setting_name(version: i64) -> String {
    format!("schema/{version}")
}

/// The copies in the settings, by name.
pub(super) fn copied(
    tx: &mut Tx<'_>,
    practice: PracticeId,
) -> Result<BTreeMap<String, String>, DbError> {
    let rows = tx.query(
        sql!("SELECT name, value FROM setting WHERE practice_id = $1 AND name LIKE 'schema/%'"),
        params![practice],
        |row| Ok((row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default())),
    )?;
    Ok(rows.into_iter().collect())
}

/// Each applied migration and what is said of it; nothing where that cannot be read.
pub(super) fn each(
    tx: &mut Tx<'_>,
    mut see: impl FnMut(i64, Option<String>),
) -> Result<(), DbError> {
    tx.each(
        sql!("SELECT version, name, applied_at FROM schema_version ORDER BY version"),
        &[],
        |row| {
            let said = row.get::<String>(1).and_then(|name| {
                let at: i64 = row.get(2)?;
                Ok(format!("{name} {at}"))
            });
            see(row.get(0).unwrap_or(-1), said.ok());
            Ok(())
        },
    )
}
