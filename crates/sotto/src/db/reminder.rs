//! Table `reminder`: one row for each step of each version of an appointment.

use gate::{AppointmentId, MessageId, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::REMINDER};
use crate::{params, sql};

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReminderState {
    /// Its hour has not come.
    Planned,
    /// It was handed to the intake, which cleared it.
    SentOn,
    /// The gate said no.
    Refused,
    /// Its hour had gone by, or an answer made it needless.
    Skipped,
    /// The appointment changed, or the patient declined.
    Cancelled,
}

words! {
    ReminderState {
        Planned = "planned",
        SentOn = "sent_on",
        Refused = "refused",
        Skipped = "skipped",
        Cancelled = "cancelled",
    }
}

/// A row of `reminder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReminderRow {
    /// Key.
    pub id: Uuid,
    /// Which appointment.
    pub appointment_id: AppointmentId,
    /// Which version of it.
    pub appointment_version: i64,
    /// The plan's name for the step: `7d`, `2d`, `3h`.
    pub step: String,
    /// When it is due.
    pub due_at: Timestamp,
    /// What became of it.
    pub state: ReminderState,
    /// The message.
    pub message_id: Option<MessageId>,
    /// Codes of a refusal.
    pub refusals: Option<String>,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<ReminderRow, DbError> {
    Ok(ReminderRow {
        id: row.get(0)?,
        appointment_id: row.get(1)?,
        appointment_version: row.get(2)?,
        step: row.get(3)?,
        due_at: row.get(4)?,
        state: row.get(5)?,
        message_id: row.get(6)?,
        refusals: row.get(7)?,
        updated_at: row.get(8)?,
    })
}

/// All steps of an appointment, of every version, in order of time.
///
/// # Errors
/// [`DbError`].
pub fn of_appointment(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    appointment: AppointmentId,
) -> Result<Vec<ReminderRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, appointment_id, appointment_version, step, due_at, state, message_id,
                    refusals, updated_at
               FROM reminder WHERE practice_id = $1 AND appointment_id = $2
              ORDER BY appointment_version, due_at, id"
        ),
        params![practice, appointment],
        read,
    )
}

/// The step with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Uuid,
) -> Result<Option<ReminderRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, appointment_id, appointment_version, step, due_at, state, message_id,
                    refusals, updated_at
               FROM reminder WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// Planned steps whose hour has come, the earliest first, at most `most`.
///
/// # Errors
/// [`DbError`].
pub fn due(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
    most: u32,
) -> Result<Vec<Uuid>, DbError> {
    tx.query(
        sql!(
            "SELECT id FROM reminder
              WHERE state = 'planned' AND due_at <= $2 AND practice_id = $1
              ORDER BY due_at, id LIMIT $3"
        ),
        params![practice, now, most],
        |row| row.get(0),
    )
}

/// When the next planned step is due.
///
/// # Errors
/// [`DbError`].
pub fn next_due(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Option<Timestamp>, DbError> {
    tx.query_one(
        sql!("SELECT MIN(due_at) FROM reminder WHERE state = 'planned' AND practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )
}

/// Adds a step. A step of the same version that was withdrawn is taken up again; one that went on
/// its way stays as it is. True when a row was written.
///
/// # Errors
/// [`DbError`].
pub fn plan(tx: &mut Tx<'_>, practice: PracticeId, row: &ReminderRow) -> Result<bool, DbError> {
    let id: Option<Uuid> = tx.query_opt(
        sql!(
            "SELECT id FROM reminder WHERE practice_id = $1 AND appointment_id = $2
                AND appointment_version = $3 AND step = $4"
        ),
        params![practice, row.appointment_id, row.appointment_version, row.step],
        |row| row.get(0),
    )?;
    let (id, written) = match id {
        None => {
            let written = tx.execute(
                sql!(
                    "INSERT INTO reminder (practice_id, id, appointment_id, appointment_version,
                         step, due_at, state, message_id, refusals, updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL, $8)"
                ),
                params![
                    practice,
                    row.id,
                    row.appointment_id,
                    row.appointment_version,
                    row.step,
                    row.due_at,
                    row.state,
                    row.updated_at
                ],
            )?;
            (row.id, written)
        }
        Some(id) => {
            let written = tx.execute(
                sql!(
                    "UPDATE reminder SET state = $3, due_at = $4, updated_at = $5
                      WHERE practice_id = $1 AND id = $2 AND state = 'cancelled'
                        AND message_id IS NULL"
                ),
                params![practice, id, row.state, row.due_at, row.updated_at],
            )?;
            (id, written)
        }
    };
    if written > 0 {
        tx.touch(REMINDER, id.to_string());
    }
    Ok(written > 0)
}

/// What a planned step becomes.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The new state.
    pub state: ReminderState,
    /// The message, where there is one.
    pub message: Option<MessageId>,
    /// Codes of a refusal.
    pub refusals: Option<String>,
}

/// Settles a step that is planned. False when it no longer is: another node was faster, or the
/// appointment changed.
///
/// # Errors
/// [`DbError`].
pub fn settle(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Uuid,
    settled: &Settled,
    now: Timestamp,
) -> Result<bool, DbError> {
    let written = tx.execute(
        sql!(
            "UPDATE reminder SET state = $3, message_id = $4, refusals = $5, updated_at = $6
              WHERE practice_id = $1 AND id = $2 AND state = 'planned'"
        ),
        params![practice, id, settled.state, settled.message, settled.refusals, now],
    )?;
    if written > 0 {
        tx.touch(REMINDER, id.to_string());
    }
    Ok(written > 0)
}

/// Withdraws every planned step of an appointment. Returns how many.
///
/// # Errors
/// [`DbError`].
pub fn withdraw(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    appointment: AppointmentId,
    now: Timestamp,
) -> Result<usize, DbError> {
    let planned: Vec<Uuid> = of_appointment(tx, practice, appointment)?
        .into_iter()
        .filter(|row| row.state == ReminderState::Planned)
        .map(|row| row.id)
        .collect();
    let settled = Settled { state: ReminderState::Cancelled, message: None, refusals: None };
    for id in &planned {
        settle(tx, practice, *id, &settled, now)?;
    }
    Ok(planned.len())
}

/// Puts a planned step off.
///
/// # Errors
/// [`DbError`].
pub fn put_off(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Uuid,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE reminder SET due_at = $3, updated_at = $4
              WHERE practice_id = $1 AND id = $2 AND state = 'planned'"
        ),
        params![practice, id, due_at, now],
    )?;
    tx.touch(REMINDER, id.to_string());
    Ok(())
}

/// The message of a step was withdrawn before it went: the step is planned again and finds its way
/// anew. The step's id, or none when the message was no reminder's.
///
/// # Errors
/// [`DbError`].
pub fn take_back(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    appointment: AppointmentId,
    message: MessageId,
    now: Timestamp,
) -> Result<Option<Uuid>, DbError> {
    let step = of_appointment(tx, practice, appointment)?
        .into_iter()
        .find(|row| row.message_id == Some(message) && row.state == ReminderState::SentOn);
    let Some(step) = step else { return Ok(None) };
    tx.execute(
        sql!(
            "UPDATE reminder SET state = 'planned', message_id = NULL, updated_at = $3
              WHERE practice_id = $1 AND id = $2 AND state = 'sent_on'"
        ),
        params![practice, step.id, now],
    )?;
    tx.touch(REMINDER, step.id.to_string());
    Ok(Some(step.id))
}

/// The gate refused the message of a step that was claimed in this transaction.
///
/// # Errors
/// [`DbError`].
pub fn refuse(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Uuid,
    codes: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE reminder SET state = 'refused', refusals = $3, updated_at = $4
              WHERE practice_id = $1 AND id = $2 AND state = 'sent_on'"
        ),
        params![practice, id, codes, now],
    )?;
    tx.touch(REMINDER, id.to_string());
    Ok(())
}
