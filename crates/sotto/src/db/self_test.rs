//! Table `self_test`: each test of the way an emergency takes in and a reminder takes out.

use gate::{AppointmentId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::reconciliation::Cause;
use crate::db::registry::SELF_TEST;
use crate::db::{DbError, Row, Tx};
use crate::ids::{InboundId, SelfTestId, TaskId};
use crate::{params, sql};

/// A row of `self_test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTestRow {
    /// Key.
    pub id: SelfTestId,
    /// Why it is made.
    pub cause: Cause,
    /// When it was asked for, or its night.
    pub asked_at: Timestamp,
    /// When somebody took it up.
    pub began_at: Option<Timestamp>,
    /// Whether it crosses the carrier's wire.
    pub by_wire: bool,
    /// The patient that is nobody.
    pub patient: Option<PatientId>,
    /// The made-up emergency.
    pub inbound: Option<InboundId>,
    /// Its drill.
    pub task: Option<TaskId>,
    /// By when the pager must have taken it.
    pub page_by: Option<Timestamp>,
    /// When the pager took it.
    pub paged_at: Option<Timestamp>,
    /// The made-up visit.
    pub appointment: Option<AppointmentId>,
    /// By when the receipt of its reminder must be there.
    pub receipt_by: Option<Timestamp>,
    /// When the receipt was there.
    pub received_at: Option<Timestamp>,
    /// When all was known.
    pub finished_at: Option<Timestamp>,
    /// What failed, space separated.
    pub failures: Option<String>,
}

fn read(row: &Row<'_>) -> Result<SelfTestRow, DbError> {
    Ok(SelfTestRow {
        id: row.get(0)?,
        cause: row.get(1)?,
        asked_at: row.get(2)?,
        began_at: row.get(3)?,
        by_wire: row.get(4)?,
        patient: row.get(5)?,
        inbound: row.get(6)?,
        task: row.get(7)?,
        page_by: row.get(8)?,
        paged_at: row.get(9)?,
        appointment: row.get(10)?,
        receipt_by: row.get(11)?,
        received_at: row.get(12)?,
        finished_at: row.get(13)?,
        failures: row.get(14)?,
    })
}

/// Adds the test or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &SelfTestRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO self_test (practice_id, id, cause, asked_at, began_at, by_wire, patient_id,
                 inbound_id, task_id, page_by, paged_at, appointment_id, receipt_by, received_at,
                 finished_at, failures)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (practice_id, id) DO UPDATE SET began_at = excluded.began_at,
                 by_wire = excluded.by_wire, patient_id = excluded.patient_id,
                 inbound_id = excluded.inbound_id, task_id = excluded.task_id,
                 page_by = excluded.page_by, paged_at = excluded.paged_at,
                 appointment_id = excluded.appointment_id, receipt_by = excluded.receipt_by,
                 received_at = excluded.received_at, finished_at = excluded.finished_at,
                 failures = excluded.failures"
        ),
        params![
            practice,
            row.id,
            row.cause,
            row.asked_at,
            row.began_at,
            row.by_wire,
            row.patient,
            row.inbound,
            row.task,
            row.page_by,
            row.paged_at,
            row.appointment,
            row.receipt_by,
            row.received_at,
            row.finished_at,
            row.failures
        ],
    )?;
    tx.touch(SELF_TEST, row.id.to_string());
    Ok(())
}

/// The latest tests, newest first.
///
/// # Errors
/// [`DbError`].
pub fn latest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<SelfTestRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, cause, asked_at, began_at, by_wire, patient_id, inbound_id, task_id, page_by,
                 paged_at, appointment_id, receipt_by, received_at, finished_at, failures
             FROM self_test WHERE practice_id = $1 ORDER BY asked_at DESC, id DESC LIMIT $2"
        ),
        params![practice, most],
        read,
    )
}

/// What failed at the last test that ended: words with spaces between them, none where it passed.
///
/// # Errors
/// [`DbError`].
pub fn last_failures(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Option<String>, DbError> {
    // The newest may be under way.
    Ok(latest(tx, practice, 5)?.into_iter().find_map(|row| row.failures))
}

/// The test with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SelfTestId,
) -> Result<Option<SelfTestRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, cause, asked_at, began_at, by_wire, patient_id, inbound_id, task_id, page_by,
                 paged_at, appointment_id, receipt_by, received_at, finished_at, failures
             FROM self_test WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// Notes that the pager took a drill. False when it is no drill that waits.
///
/// # Errors
/// [`DbError`].
pub fn paged(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    task: TaskId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let waiting = latest(tx, practice, 10)?
        .into_iter()
        .find(|row| row.task == Some(task) && row.paged_at.is_none() && row.finished_at.is_none());
    let Some(row) = waiting else { return Ok(false) };
    put(tx, practice, &SelfTestRow { paged_at: Some(now), ..row })?;
    Ok(true)
}
