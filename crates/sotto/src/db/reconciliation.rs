//! Tables `reconciliation` and `finding`: runs of the comparison, and what they found.

use gate::{AppointmentId, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{FINDING, RECONCILIATION};
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{FindingId, InboundId, ReconciliationId, TaskId};
use crate::reconcile::FindingKind;
use crate::{params, sql};

/// Why a run is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The hour of the night came.
    Nightly,
    /// Somebody asked.
    Asked,
}

/// How a finding came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The ordinary code put it right.
    Healed,
    /// A later run no longer found it.
    Gone,
}

words! {
    Cause { Nightly = "nightly", Asked = "asked" }
    Settled { Healed = "healed", Gone = "gone" }
}

/// A row of `reconciliation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Key.
    pub id: ReconciliationId,
    /// Why it is made.
    pub cause: Cause,
    /// When it was asked for, or its night.
    pub asked_at: Timestamp,
    /// From when on it looks, where somebody said so.
    pub since_at: Option<Timestamp>,
    /// When somebody took it up.
    pub began_at: Option<Timestamp>,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// What it says, as JSON.
    pub report: Option<String>,
}

fn run(row: &Row<'_>) -> Result<RunRow, DbError> {
    Ok(RunRow {
        id: row.get(0)?,
        cause: row.get(1)?,
        asked_at: row.get(2)?,
        since_at: row.get(3)?,
        began_at: row.get(4)?,
        finished_at: row.get(5)?,
        report: row.get(6)?,
    })
}

/// Adds the run or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &RunRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO reconciliation (practice_id, id, cause, asked_at, since_at, began_at,
                 finished_at, report) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (practice_id, id) DO UPDATE SET began_at = excluded.began_at,
                 finished_at = excluded.finished_at, report = excluded.report"
        ),
        params![
            practice,
            row.id,
            row.cause,
            row.asked_at,
            row.since_at,
            row.began_at,
            row.finished_at,
            row.report
        ],
    )?;
    tx.touch(RECONCILIATION, row.id.to_string());
    Ok(())
}

/// The run with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ReconciliationId,
) -> Result<Option<RunRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, cause, asked_at, since_at, began_at, finished_at, report
             FROM reconciliation WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        run,
    )
}

/// The latest runs, newest first.
///
/// # Errors
/// [`DbError`].
pub fn latest(tx: &mut Tx<'_>, practice: PracticeId, most: u32) -> Result<Vec<RunRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, cause, asked_at, since_at, began_at, finished_at, report
             FROM reconciliation WHERE practice_id = $1 ORDER BY asked_at DESC, id DESC LIMIT $2"
        ),
        params![practice, most],
        run,
    )
}

/// A row of `finding`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// Key.
    pub id: FindingId,
    /// Which of the closed list.
    pub kind: FindingKind,
    /// The table that holds what it is about.
    pub subject: String,
    /// Its row, or the carrier's id.
    pub subject_id: String,
    /// When that happened.
    pub subject_at: Timestamp,
    /// By which channel.
    pub channel: Option<String>,
    /// About whom.
    pub patient: Option<PatientId>,
    /// About which message of ours.
    pub message: Option<MessageId>,
    /// About which appointment.
    pub appointment: Option<AppointmentId>,
    /// About which message to us.
    pub inbound: Option<InboundId>,
    /// What a person has to do about it.
    pub task: Option<TaskId>,
    /// The run that found it, or found it again after it had been settled.
    pub run: ReconciliationId,
    /// When it was found first.
    pub found_at: Timestamp,
    /// When it came to its end, and how.
    pub settled: Option<(Timestamp, Settled)>,
}

fn finding(row: &Row<'_>) -> Result<FindingRow, DbError> {
    let (settled_at, how): (Option<Timestamp>, Option<Settled>) = (row.get(13)?, row.get(14)?);
    Ok(FindingRow {
        id: row.get(0)?,
        kind: row.get(1)?,
        subject: row.get(2)?,
        subject_id: row.get(3)?,
        subject_at: row.get(4)?,
        channel: row.get(5)?,
        patient: row.get(6)?,
        message: row.get(7)?,
        appointment: row.get(8)?,
        inbound: row.get(9)?,
        task: row.get(10)?,
        run: row.get(11)?,
        found_at: row.get(12)?,
        settled: settled_at.zip(how),
    })
}

/// Adds the finding or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put_finding(tx: &mut Tx<'_>, practice: PracticeId, row: &FindingRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO finding (practice_id, id, kind, subject, subject_id, subject_at, channel,
                 patient_id, message_id, appointment_id, inbound_id, task_id, run_id, found_at,
                 settled_at, settled_how)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (practice_id, id) DO UPDATE SET task_id = excluded.task_id,
                 run_id = excluded.run_id, settled_at = excluded.settled_at,
                 settled_how = excluded.settled_how"
        ),
        params![
            practice,
            row.id,
            row.kind,
            row.subject,
            row.subject_id,
            row.subject_at,
            row.channel,
            row.patient,
            row.message,
            row.appointment,
            row.inbound,
            row.task,
            row.run,
            row.found_at,
            row.settled.map(|(at, _)| at),
            row.settled.map(|(_, how)| how)
        ],
    )?;
    tx.touch(FINDING, row.id.to_string());
    Ok(())
}

/// The finding of this kind about this subject, whether it stands or not.
///
/// # Errors
/// [`DbError`].
pub fn finding_about(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    kind: FindingKind,
    subject_id: &str,
) -> Result<Option<FindingRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, kind, subject, subject_id, subject_at, channel, patient_id, message_id,
                 appointment_id, inbound_id, task_id, run_id, found_at, settled_at, settled_how
             FROM finding WHERE practice_id = $1 AND kind = $2 AND subject_id = $3"
        ),
        params![practice, kind, subject_id],
        finding,
    )
}

/// Findings that stand, the oldest first.
///
/// # Errors
/// [`DbError`].
pub fn standing(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<FindingRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, kind, subject, subject_id, subject_at, channel, patient_id, message_id,
                 appointment_id, inbound_id, task_id, run_id, found_at, settled_at, settled_how
             FROM finding WHERE practice_id = $1 AND settled_at IS NULL
             ORDER BY subject_at, id LIMIT $2"
        ),
        params![practice, most],
        finding,
    )
}

/// How many findings stand.
///
/// # Errors
/// [`DbError`].
pub fn count_standing(tx: &mut Tx<'_>, practice: PracticeId) -> Result<u64, DbError> {
    let count: i64 = tx.query_one(
        sql!("SELECT COUNT(*) FROM finding WHERE practice_id = $1 AND settled_at IS NULL"),
        params![practice],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(count).unwrap_or_default())
}
