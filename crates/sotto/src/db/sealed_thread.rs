//! Tables `sealed_key`, `sealed_thread` and `sealed_message`: what only browsers read.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{SEALED_KEY, SEALED_MESSAGE, SEALED_THREAD};
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{SealedKeyId, SealedMessageId, SealedThreadId, StaffId, TaskId};
use crate::{params, sql};

/// Whose browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Somebody's who works here.
    Staff(StaffId),
    /// A patient's.
    Patient(PatientId),
}

/// Who wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The member of staff.
    Staff,
    /// The patient.
    Patient,
}

words! {
    Sender { Staff = "staff", Patient = "patient" }
}

/// A row of `sealed_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Key.
    pub id: SealedKeyId,
    /// Whose.
    pub holder: Holder,
    /// The public half.
    pub public_key: Vec<u8>,
    /// In which session it came.
    pub session_id: String,
    /// When.
    pub created_at: Timestamp,
    /// Since when nothing is sealed to it.
    pub ended_at: Option<Timestamp>,
    /// Why: `replaced`, `cut_off`.
    pub ended_why: Option<String>,
}

/// A row of `sealed_thread`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// Key.
    pub id: SealedThreadId,
    /// The one side.
    pub patient_id: PatientId,
    /// The other.
    pub staff_id: StaffId,
    /// Since when.
    pub started_at: Timestamp,
    /// When the patient was last told that something is here.
    pub told_at: Option<Timestamp>,
    /// When the patient was last here.
    pub seen_at: Option<Timestamp>,
    /// When staff were asked to call, since the patient did not come.
    pub asked_at: Option<Timestamp>,
    /// The task to answer what the patient wrote.
    pub task_id: Option<TaskId>,
}

/// A row of `sealed_message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Key, drawn in the browser.
    pub id: SealedMessageId,
    /// Where it belongs.
    pub thread_id: SealedThreadId,
    /// Who wrote it.
    pub sender: Sender,
    /// The envelope, sealed like every record.
    pub envelope_sealed: Vec<u8>,
    /// The key of that, wrapped.
    pub record_wrap: Vec<u8>,
    /// When it came.
    pub created_at: Timestamp,
}

fn read_key(row: &Row<'_>) -> Result<KeyRow, DbError> {
    let holder = match (row.get::<Option<StaffId>>(1)?, row.get::<Option<PatientId>>(2)?) {
        (Some(staff), None) => Holder::Staff(staff),
        (None, Some(patient)) => Holder::Patient(patient),
        _ => return Err(DbError::Column { index: 1, why: "neither of staff nor of a patient" }),
    };
    Ok(KeyRow {
        id: row.get(0)?,
        holder,
        public_key: row.get(3)?,
        session_id: row.get(4)?,
        created_at: row.get(5)?,
        ended_at: row.get(6)?,
        ended_why: row.get(7)?,
    })
}

fn read_thread(row: &Row<'_>) -> Result<ThreadRow, DbError> {
    Ok(ThreadRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        staff_id: row.get(2)?,
        started_at: row.get(3)?,
        told_at: row.get(4)?,
        seen_at: row.get(5)?,
        asked_at: row.get(6)?,
        task_id: row.get(7)?,
    })
}

fn read_message(row: &Row<'_>) -> Result<MessageRow, DbError> {
    Ok(MessageRow {
        id: row.get(0)?,
        thread_id: row.get(1)?,
        sender: row.get(2)?,
        envelope_sealed: row.get(3)?,
        record_wrap: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// The key in use of somebody's browser.
///
/// # Errors
/// [`DbError`].
pub fn key_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    holder: Holder,
) -> Result<Option<KeyRow>, DbError> {
    match holder {
        Holder::Staff(staff) => tx.query_opt(
            sql!(
                "SELECT id, staff_id, patient_id, public_key, session_id, created_at, ended_at,
                        ended_why
                   FROM sealed_key
                  WHERE practice_id = $1 AND staff_id = $2 AND staff_id IS NOT NULL
                    AND ended_at IS NULL"
            ),
            params![practice, staff],
            read_key,
        ),
        Holder::Patient(patient) => tx.query_opt(
            sql!(
                "SELECT id, staff_id, patient_id, public_key, session_id, created_at, ended_at,
                        ended_why
                   FROM sealed_key
                  WHERE practice_id = $1 AND patient_id = $2 AND patient_id IS NOT NULL
                    AND ended_at IS NULL"
            ),
            params![practice, patient],
            read_key,
        ),
    }
}

/// Adds a key, or writes down how it ended.
///
/// # Errors
/// [`DbError`]; of a second one in use, [`DbError::Duplicate`].
pub fn put_key(tx: &mut Tx<'_>, practice: PracticeId, row: &KeyRow) -> Result<(), DbError> {
    let (staff, patient) = match row.holder {
        Holder::Staff(staff) => (Some(staff), None),
        Holder::Patient(patient) => (None, Some(patient)),
    };
    tx.execute(
        sql!(
            "INSERT INTO sealed_key (practice_id, id, staff_id, patient_id, public_key, session_id,
                                     created_at, ended_at, ended_why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 ended_at = excluded.ended_at, ended_why = excluded.ended_why"
        ),
        params![
            practice,
            row.id,
            staff,
            patient,
            row.public_key,
            row.session_id,
            row.created_at,
            row.ended_at,
            row.ended_why
        ],
    )?;
    tx.touch(SEALED_KEY, row.id.to_string());
    Ok(())
}

/// Adds a conversation, or writes down what became of it.
///
/// # Errors
/// [`DbError`]; of a second one of the same two, [`DbError::Duplicate`].
pub fn put_thread(tx: &mut Tx<'_>, practice: PracticeId, row: &ThreadRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO sealed_thread (practice_id, id, patient_id, staff_id, started_at, told_at,
                                        seen_at, asked_at, task_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 told_at = excluded.told_at, seen_at = excluded.seen_at,
                 asked_at = excluded.asked_at, task_id = excluded.task_id"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.staff_id,
            row.started_at,
            row.told_at,
            row.seen_at,
            row.asked_at,
            row.task_id
        ],
    )?;
    tx.touch(SEALED_THREAD, row.id.to_string());
    Ok(())
}

/// A conversation by its id.
///
/// # Errors
/// [`DbError`].
pub fn thread(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SealedThreadId,
) -> Result<Option<ThreadRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, staff_id, started_at, told_at, seen_at, asked_at, task_id
               FROM sealed_thread WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read_thread,
    )
}

/// The conversations of a patient, the newest first.
///
/// # Errors
/// [`DbError`].
pub fn threads_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<ThreadRow>, DbError> {
    // Sorted here: one patient has few, and the index that finds them knows no other order.
    let mut rows = tx.query(
        sql!(
            "SELECT id, patient_id, staff_id, started_at, told_at, seen_at, asked_at, task_id
               FROM sealed_thread WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        read_thread,
    )?;
    rows.sort_by_key(|row| std::cmp::Reverse((row.started_at, row.id)));
    Ok(rows)
}

/// Conversations of which the patient was told before an instant and has not come, and of which staff
/// do not know yet: the oldest first.
///
/// # Errors
/// [`DbError`].
pub fn unseen_before(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (before, most): (Timestamp, u32),
) -> Result<Vec<ThreadRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, staff_id, started_at, told_at, seen_at, asked_at, task_id
               FROM sealed_thread
              WHERE practice_id = $1 AND told_at < $2 AND asked_at IS NULL
                AND (seen_at IS NULL OR seen_at < told_at)
              ORDER BY told_at LIMIT $3"
        ),
        params![practice, before, most],
        read_thread,
    )
}

/// Adds a message. None is ever changed.
///
/// # Errors
/// [`DbError`]; of an id that was used before, [`DbError::Duplicate`].
pub fn add_message(tx: &mut Tx<'_>, practice: PracticeId, row: &MessageRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO sealed_message (practice_id, id, thread_id, sender, envelope_sealed,
                                         record_wrap, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        params![
            practice,
            row.id,
            row.thread_id,
            row.sender,
            row.envelope_sealed,
            row.record_wrap,
            row.created_at
        ],
    )?;
    tx.touch(SEALED_MESSAGE, row.id.to_string());
    Ok(())
}

/// A message by its id, of whichever conversation.
///
/// # Errors
/// [`DbError`].
pub fn message(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SealedMessageId,
) -> Result<Option<MessageRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, thread_id, sender, envelope_sealed, record_wrap, created_at
               FROM sealed_message WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read_message,
    )
}

/// The last messages of a conversation, the newest first.
///
/// # Errors
/// [`DbError`].
pub fn messages_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (thread, most): (SealedThreadId, u32),
) -> Result<Vec<MessageRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, thread_id, sender, envelope_sealed, record_wrap, created_at
               FROM sealed_message WHERE practice_id = $1 AND thread_id = $2
              ORDER BY created_at DESC, id DESC LIMIT $3"
        ),
        params![practice, thread, most],
        read_message,
    )
}

/// The last messages of a conversation before one of them, the newest first.
///
/// # Errors
/// [`DbError`].
pub fn messages_before(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (thread, before): (SealedThreadId, &MessageRow),
    most: u32,
) -> Result<Vec<MessageRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, thread_id, sender, envelope_sealed, record_wrap, created_at
               FROM sealed_message
              WHERE practice_id = $1 AND thread_id = $2
                AND (created_at < $3 OR (created_at = $3 AND id < $4))
              ORDER BY created_at DESC, id DESC LIMIT $5"
        ),
        params![practice, thread, before.created_at, before.id, most],
        read_message,
    )
}
