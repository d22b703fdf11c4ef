//! Table `retention_month`: the months of records that end soon or have ended, and what rests on one.
//!
//! A record names the key that it is sealed under in the bytes 2 to 17 of its wrap
//! ([`seal::sealed_under`]); an index of each table has that name.

use std::collections::BTreeMap;

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::RETENTION_MONTH;
use crate::db::{DbError, Row, Tx};
use crate::ids::TaskId;
use crate::{params, sql};

/// What a record's wrap names its month's key by.
pub type KeyName = [u8; 16];

/// A row of `retention_month`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthRow {
    /// Key: until when its records are kept, as `2033-11`.
    pub month: String,
    /// The name of its key.
    pub key_name: KeyName,
    /// It ends no sooner.
    pub due_at: Timestamp,
    /// Who was told that it ends.
    pub task_id: Option<TaskId>,
    /// When its key was destroyed; `None`: it stands.
    pub ended_at: Option<Timestamp>,
    /// How many records of each kind ended, by the name of their table.
    pub counts: BTreeMap<String, u64>,
    /// When the first of them was written.
    pub first_at: Option<Timestamp>,
    /// And the last.
    pub last_at: Option<Timestamp>,
    /// The years of the setting, when it ended.
    pub years: Option<i64>,
}

fn read(row: &Row<'_>) -> Result<MonthRow, DbError> {
    let counts: Option<String> = row.get(6)?;
    let counts = counts.map_or_else(|| Ok(BTreeMap::new()), |json| serde_json::from_str(&json));
    let why = "the counts of a month are not what was written";
    Ok(MonthRow {
        month: row.get(0)?,
        key_name: row.get(1)?,
        due_at: row.get(2)?,
        task_id: row.get(3)?,
        ended_at: row.get(4)?,
        years: row.get(5)?,
        counts: counts.map_err(|_| DbError::Column { index: 6, why })?,
        first_at: row.get(7)?,
        last_at: row.get(8)?,
    })
}

/// Every month that was spoken of, the last first.
///
/// # Errors
/// [`DbError`].
pub fn all(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<MonthRow>, DbError> {
    tx.query(
        sql!(
            "SELECT month, key_name, due_at, task_id, ended_at, years, counts, first_at, last_at
               FROM retention_month WHERE practice_id = $1 ORDER BY month DESC"
        ),
        params![practice],
        read,
    )
}

/// One of them.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    month: &str,
) -> Result<Option<MonthRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT month, key_name, due_at, task_id, ended_at, years, counts, first_at, last_at
               FROM retention_month WHERE practice_id = $1 AND month = $2"
        ),
        params![practice, month],
        read,
    )
}

/// Adds a month, or puts it in place of the one with its name.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &MonthRow) -> Result<(), DbError> {
    let counts = row.ended_at.map(|_| serde_json::json!(row.counts).to_string());
    tx.execute(
        sql!(
            "INSERT INTO retention_month (practice_id, month, key_name, due_at, task_id, ended_at,
                                          years, counts, first_at, last_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (practice_id, month) DO UPDATE SET due_at = excluded.due_at,
                 task_id = excluded.task_id, ended_at = excluded.ended_at, years = excluded.years,
                 counts = excluded.counts, first_at = excluded.first_at, last_at = excluded.last_at"
        ),
        params![
            practice,
            row.month,
            row.key_name.as_slice(),
            row.due_at,
            row.task_id,
            row.ended_at,
            row.years,
            counts,
            row.first_at,
            row.last_at
        ],
    )?;
    tx.touch(RETENTION_MONTH, row.month.clone());
    Ok(())
}

/// How many records of one kind rest on a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The name of their table.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// When the first was written.
    pub first_at: Option<Timestamp>,
    /// And the last.
    pub last_at: Option<Timestamp>,
}

/// How many records of each kind rest on a month, none of which is zero.
///
/// # Errors
/// [`DbError`].
pub fn counts(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    key_name: &KeyName,
) -> Result<Vec<Counted>, DbError> {
    let mut all = tx.query(
        sql!(
            "SELECT 'message', COUNT(*), MIN(created_at), MAX(created_at) FROM message
              WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2
             UNION ALL
             SELECT 'inbound_message', COUNT(*), MIN(received_at), MAX(received_at)
               FROM inbound_message WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2
             UNION ALL
             SELECT 'note', COUNT(*), MIN(created_at), MAX(created_at) FROM note
              WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2
             UNION ALL
             SELECT 'attachment', COUNT(*), MIN(created_at), MAX(created_at) FROM attachment
              WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2
             UNION ALL
             SELECT 'form_answer', COUNT(*), MIN(answered_at), MAX(answered_at) FROM form_answer
              WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2
             UNION ALL
             SELECT 'sealed_message', COUNT(*), MIN(created_at), MAX(created_at)
               FROM sealed_message WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2
             UNION ALL
             SELECT 'break_glass', COUNT(*), MIN(opened_at), MAX(opened_at) FROM break_glass
              WHERE practice_id = $1 AND substr(record_wrap, 2, 16) = $2"
        ),
        params![practice, key_name.as_slice()],
        |row| {
            Ok(Counted {
                kind: row.get(0)?,
                count: u64::try_from(row.get::<i64>(1)?).unwrap_or_default(),
                first_at: row.get(2)?,
                last_at: row.get(3)?,
            })
        },
    )?;
    all.retain(|one| one.count > 0);
    Ok(all)
}

/// Everybody a record of the month is about, as far as is known: also whoever has the address now that
/// something came from or went to before anybody knew whose it is.
///
/// # Errors
/// [`DbError`].
pub fn patients(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    key_name: &KeyName,
) -> Result<Vec<PatientId>, DbError> {
    tx.query(
        sql!(
            "SELECT m.patient_id FROM message m
              WHERE m.practice_id = $1 AND substr(m.record_wrap, 2, 16) = $2
                AND m.patient_id IS NOT NULL
             UNION
             SELECT c.patient_id FROM message m
               JOIN contact_point c
                 ON c.practice_id = m.practice_id AND c.address_index = m.address_index
              WHERE m.practice_id = $1 AND substr(m.record_wrap, 2, 16) = $2
                AND m.patient_id IS NULL
             UNION
             SELECT i.patient_id FROM inbound_message i
              WHERE i.practice_id = $1 AND substr(i.record_wrap, 2, 16) = $2
                AND i.patient_id IS NOT NULL
             UNION
             SELECT c.patient_id FROM inbound_message i
               JOIN contact_point c
                 ON c.practice_id = i.practice_id AND c.address_index = i.from_index
              WHERE i.practice_id = $1 AND substr(i.record_wrap, 2, 16) = $2
                AND i.patient_id IS NULL
             UNION
             SELECT t.patient_id FROM note n
               JOIN thread t ON t.practice_id = n.practice_id AND t.id = n.thread_id
              WHERE n.practice_id = $1 AND substr(n.record_wrap, 2, 16) = $2
                AND t.patient_id IS NOT NULL
             UNION
             SELECT o.patient_id FROM note n
               JOIN thread t ON t.practice_id = n.practice_id AND t.id = n.thread_id
               JOIN thread o ON o.practice_id = t.practice_id AND o.id = t.merged_into
              WHERE n.practice_id = $1 AND substr(n.record_wrap, 2, 16) = $2
                AND o.patient_id IS NOT NULL
             UNION
             SELECT c.patient_id FROM note n
               JOIN thread t ON t.practice_id = n.practice_id AND t.id = n.thread_id
               JOIN contact_point c
                 ON c.practice_id = t.practice_id AND c.address_index = t.address_index
              WHERE n.practice_id = $1 AND substr(n.record_wrap, 2, 16) = $2
                AND t.patient_id IS NULL
             UNION
             SELECT m.patient_id FROM attachment a
               JOIN message m ON m.practice_id = a.practice_id AND m.id = a.holder_id
              WHERE a.practice_id = $1 AND substr(a.record_wrap, 2, 16) = $2
                AND a.holder = 'message' AND m.patient_id IS NOT NULL
             UNION
             SELECT i.patient_id FROM attachment a
               JOIN inbound_message i ON i.practice_id = a.practice_id AND i.id = a.holder_id
              WHERE a.practice_id = $1 AND substr(a.record_wrap, 2, 16) = $2
                AND a.holder = 'inbound_message' AND i.patient_id IS NOT NULL
             UNION
             SELECT g.patient_id FROM attachment a
               JOIN consent_event g ON g.practice_id = a.practice_id AND g.id = a.holder_id
              WHERE a.practice_id = $1 AND substr(a.record_wrap, 2, 16) = $2
                AND a.holder = 'consent'
             UNION
             SELECT f.patient_id FROM form_answer f
              WHERE f.practice_id = $1 AND substr(f.record_wrap, 2, 16) = $2
             UNION
             SELECT t.patient_id FROM sealed_message s
               JOIN sealed_thread t ON t.practice_id = s.practice_id AND t.id = s.thread_id
              WHERE s.practice_id = $1 AND substr(s.record_wrap, 2, 16) = $2
             UNION
             SELECT b.patient_id FROM break_glass b
              WHERE b.practice_id = $1 AND substr(b.record_wrap, 2, 16) = $2"
        ),
        params![practice, key_name.as_slice()],
        |row| row.get(0),
    )
}

/// What is in effect and rests on a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InEffect {
    /// Scans of consents that were in effect after the day.
    pub consents: u64,
    /// Scans of agreements that were in effect after the day.
    pub agreements: u64,
    /// Open tasks about what rests on it.
    pub tasks: u64,
    /// Openings in an emergency that nobody reviewed yet.
    pub unreviewed: u64,
    /// Messages that still wait to go.
    pub waiting: u64,
}

/// What rests on a month and is in effect, or was after `since` (45 CFR 164.316(b)(2)(i), 164.530(j)(2):
/// the years begin when it was last in effect).
///
/// # Errors
/// [`DbError`].
pub fn in_effect(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (key_name, since): (&KeyName, Timestamp),
) -> Result<InEffect, DbError> {
    let number = |row: &Row<'_>| Ok(u64::try_from(row.get::<i64>(0)?).unwrap_or_default());
    let key_name = key_name.as_slice();
    let consents = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM attachment a
               JOIN consent_event g ON g.practice_id = a.practice_id AND g.id = a.holder_id
              WHERE a.practice_id = $1 AND substr(a.record_wrap, 2, 16) = $2
                AND a.holder = 'consent' AND (g.valid_until IS NULL OR g.valid_until > $3)
                AND NOT EXISTS (SELECT 1 FROM consent_event r
                      WHERE r.practice_id = $1 AND r.patient_id = g.patient_id
                        AND r.consent_id = g.consent_id AND r.event = 'revoked'
                        AND r.recorded_at <= $3)"
        ),
        params![practice, key_name, since],
        number,
    )?;
    let agreements = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM attachment a
               JOIN agreement_event e ON e.practice_id = a.practice_id AND e.id = a.holder_id
              WHERE a.practice_id = $1 AND substr(a.record_wrap, 2, 16) = $2
                AND a.holder = 'agreement' AND e.event = 'signed'
                AND (e.expires_at IS NULL OR e.expires_at > $3)
                AND NOT EXISTS (SELECT 1 FROM agreement_event x
                      WHERE x.practice_id = $1 AND x.vendor = e.vendor AND x.number > e.number
                        AND x.recorded_at <= $3)"
        ),
        params![practice, key_name, since],
        number,
    )?;
    let tasks = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM task t
              WHERE t.practice_id = $1 AND t.state = 'open'
                AND (EXISTS (SELECT 1 FROM message m WHERE m.practice_id = $1
                        AND m.id = t.message_id AND substr(m.record_wrap, 2, 16) = $2)
                  OR EXISTS (SELECT 1 FROM inbound_message i WHERE i.practice_id = $1
                        AND i.id = t.inbound_id AND substr(i.record_wrap, 2, 16) = $2)
                  OR EXISTS (SELECT 1 FROM sealed_thread h
                       JOIN sealed_message s
                         ON s.practice_id = h.practice_id AND s.thread_id = h.id
                      WHERE h.practice_id = $1 AND h.patient_id = t.patient_id
                        AND h.task_id = t.id AND substr(s.record_wrap, 2, 16) = $2))"
        ),
        params![practice, key_name],
        number,
    )?;
    let unreviewed = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM break_glass WHERE practice_id = $1
                AND substr(record_wrap, 2, 16) = $2 AND reviewed_at IS NULL"
        ),
        params![practice, key_name],
        number,
    )?;
    let waiting = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM outbox o
               JOIN message m ON m.practice_id = o.practice_id AND m.id = o.message_id
              WHERE o.practice_id = $1 AND substr(m.record_wrap, 2, 16) = $2"
        ),
        params![practice, key_name],
        number,
    )?;
    Ok(InEffect { consents, agreements, tasks, unreviewed, waiting })
}
