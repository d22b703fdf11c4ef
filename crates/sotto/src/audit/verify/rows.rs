//! Every row of every table against what the log bound last.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Findings, VerifyError, short};
use crate::audit::event::Entry;
use crate::audit::record;
use crate::audit::schema;
use crate::audit::sequencer::index_of;
use crate::db::outbox::OutboxRow;
use crate::db::registry::{AUDIT_CHECKPOINT, OUTBOX, SCHEMA_VERSION, Spec, TABLES, Vouched};
use crate::db::{DbError, Row, Tx};
use crate::{params, sql};

/// Checks all rows. The tree must have been checked before: it noted what the log binds.
pub(super) fn check(tx: &mut Tx<'_>, found: &mut Findings<'_>) -> Result<(), VerifyError> {
    // A practice that is here has a log of its own, which is verified with its own keys.
    let practices: BTreeSet<String> = tx
        .query(
            sql!(
                "SELECT practice_id FROM practice WHERE EXISTS (SELECT 1 FROM audit_checkpoint
                     WHERE audit_checkpoint.practice_id = practice.practice_id)"
            ),
            &[],
            |row| Ok(row.get::<String>(0).unwrap_or_default()),
        )?
        .into_iter()
        .chain([found.log.practice.to_string()])
        .collect();
    for spec in TABLES {
        strangers(tx, found, spec, &practices)?;
        if spec.vouched == Vouched::Recorded || spec.table == AUDIT_CHECKPOINT {
            recorded(tx, found, spec)?;
        }
    }
    outbox(tx, found)?;
    schema(tx, found)?;
    missing(tx, found)
}

/// Rows of a practice that is not here belong to nobody, and nobody would miss them.
fn strangers(
    tx: &mut Tx<'_>,
    found: &mut Findings<'_>,
    spec: &Spec,
    practices: &BTreeSet<String>,
) -> Result<(), VerifyError> {
    tx.each(spec.practices, &[], |row| {
        let practice = row.get::<String>(0).unwrap_or_else(|_| "?".into());
        if !practices.contains(&practice) {
            found.defect(spec.table, format!("of unknown practice {practice}"), Fault::Unrecorded);
        }
        Ok::<_, VerifyError>(())
    })
}

fn recorded(
    tx: &mut Tx<'_>,
    found: &mut Findings<'_>,
    spec: &'static Spec,
) -> Result<(), VerifyError> {
    let practice = found.log.practice;
    let mut open = Vec::new();
    tx.each(spec.all, params![practice], |row| {
        found.step();
        found.rows += 1;
        let key = record::key(spec, row);
        let digest = record::digest(found.log.keys, spec, &key, row);
        match found.last.get_mut(&short(spec.table.name(), &key)) {
            None => open.push(key),
            Some(last) => {
                last.seen = true;
                match last.digest {
                    Some(bound) if bound == digest => {}
                    Some(_) => found.defect(spec.table, key, Fault::Altered),
                    None => found.defect(spec.table, key, Fault::Unrecorded),
                }
            }
        }
        Ok::<_, VerifyError>(())
    })?;
    // The next checkpoint will bind the last one; its own leaf and signature vouch for it so far.
    if spec.table == AUDIT_CHECKPOINT && open.len() == 1 && is_newest(tx, found, &open)? {
        open.clear();
    }
    for key in open {
        found.defect(spec.table, key, Fault::Unrecorded);
    }
    Ok(())
}

fn is_newest(tx: &mut Tx<'_>, found: &Findings<'_>, sizes: &[String]) -> Result<bool, VerifyError> {
    let newest: Option<i64> = tx.query_one(
        sql!("SELECT MAX(size) FROM audit_checkpoint WHERE practice_id = $1"),
        params![found.log.practice],
        |row| row.get(0),
    )?;
    Ok(newest.is_some_and(|newest| sizes == [newest.to_string()]))
}

/// Rows that the log bound and that are no more, by the name that the log gave them.
fn missing(tx: &mut Tx<'_>, found: &mut Findings<'_>) -> Result<(), VerifyError> {
    let mut lost: BTreeMap<Option<u64>, BTreeSet<[u8; 16]>> = BTreeMap::new();
    for (short, last) in &found.last {
        if !last.seen && last.digest.is_some() {
            lost.entry(last.leaf).or_default().insert(*short);
        }
    }
    for (leaf, shorts) in lost {
        let practice = found.log.practice;
        let body = |row: &Row<'_>| Ok::<_, DbError>(row.get::<Vec<u8>>(0).unwrap_or_default());
        let bodies = match leaf {
            Some(leaf) => tx.query(
                sql!("SELECT body FROM audit_entry WHERE practice_id = $1 AND leaf_index = $2"),
                params![practice, index_of(leaf)],
                body,
            )?,
            None => tx.query(
                sql!(
                    "SELECT body FROM audit_entry WHERE practice_id = $1
                     AND (leaf_index IS NULL OR leaf_index >= (SELECT COALESCE(MAX(size), 0)
                         FROM audit_checkpoint WHERE practice_id = $1))"
                ),
                params![practice],
                body,
            )?,
        };
        for bound in bodies.iter().filter_map(|b| Entry::from_bytes(b).ok()).flat_map(|e| e.records)
        {
            let table = TABLES.iter().find(|spec| spec.table.name() == bound.0);
            if let Some(spec) = table.filter(|_| shorts.contains(&short(&bound.0, &bound.1))) {
                found.defect(spec.table, bound.1, Fault::Missing);
            }
        }
    }
    Ok(())
}

/// The queue: each row under its own mac, a row for each message that waits, and no other.
fn outbox(tx: &mut Tx<'_>, found: &mut Findings<'_>) -> Result<(), VerifyError> {
    let practice = found.log.practice;
    let Some(spec) = OUTBOX.spec() else { return Ok(()) };
    let mut present = BTreeSet::new();
    tx.each(spec.all, params![practice], |row| {
        found.step();
        found.rows += 1;
        let key = record::key(spec, row);
        let mac = row.get::<Vec<u8>>(7).unwrap_or_default();
        let sound = OutboxRow::read(row)
            .is_ok_and(|row| found.log.keys.content_hash_is("outbox", &row.bytes(), &mac));
        if !sound {
            found.defect(OUTBOX, key.clone(), Fault::WrongMac);
        }
        present.insert(key);
        Ok::<_, VerifyError>(())
    })?;
    tx.each(
        sql!(
            "SELECT id, state FROM message WHERE practice_id = $1
             AND state IN ('queued', 'sending')"
        ),
        params![practice],
        |row| {
            let id = row.get::<String>(0).unwrap_or_default();
            let queued = row.get::<String>(1).is_ok_and(|state| state == "queued");
            if !present.remove(&id) && queued {
                found.defect(OUTBOX, id, Fault::Missing);
            }
            Ok::<_, VerifyError>(())
        },
    )?;
    for stray in present {
        found.defect(OUTBOX, stray, Fault::Inconsistent);
    }
    Ok(())
}

/// The list of applied migrations, of which the settings hold a recorded copy.
fn schema(tx: &mut Tx<'_>, found: &mut Findings<'_>) -> Result<(), VerifyError> {
    let mut copied = schema::copied(tx, found.log.practice)?;
    // No copy was ever made: a practice without a start. Taking one out does not lead here unseen,
    // since each is a recorded row.
    if copied.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::new();
    schema::each(tx, |version, said| rows.push((version, said)))?;
    for (version, said) in rows {
        match copied.remove(&schema::setting_name(version)) {
            Some(copy) if said.as_ref() == Some(&copy) => {}
            Some(_) => found.defect(SCHEMA_VERSION, version.to_string(), Fault::Altered),
            None => found.defect(SCHEMA_VERSION, version.to_string(), Fault::Unrecorded),
        }
    }
    for name in copied.into_keys() {
        let version = name.rsplit('/').next().unwrap_or_default().to_owned();
        found.defect(SCHEMA_VERSION, version, Fault::Missing);
    }
    Ok(())
}
