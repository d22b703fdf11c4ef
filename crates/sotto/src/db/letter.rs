//! Table `letter`: a message of ours as the patient has it.

use gate::{ContactPointId, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::LETTER;
use crate::db::{DbError, Row, Tx};
use crate::{params, sql};

/// A row of `letter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRow {
    /// The message, and the key.
    pub message_id: MessageId,
    /// About whom.
    pub patient_id: PatientId,
    /// Where the notice of it went; none where no notice could go.
    pub contact_point_id: Option<ContactPointId>,
    /// The patient's copy ends with this day: days since 1970-01-01, UTC.
    pub last_day: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it first stood in the patient's list.
    pub opened_at: Option<Timestamp>,
    /// When its page was first shown to them.
    pub read_at: Option<Timestamp>,
    /// How often they were reminded of it.
    pub nudges: i64,
    /// When last.
    pub nudged_at: Option<Timestamp>,
    /// When staff were asked to call, since nobody read it.
    pub asked_at: Option<Timestamp>,
    /// When the key of the copy was destroyed.
    pub ended_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<LetterRow, DbError> {
    Ok(LetterRow {
        message_id: row.get(0)?,
        patient_id: row.get(1)?,
        contact_point_id: row.get(2)?,
        last_day: row.get(3)?,
        created_at: row.get(4)?,
        opened_at: row.get(5)?,
        read_at: row.get(6)?,
        nudges: row.get(7)?,
        nudged_at: row.get(8)?,
        asked_at: row.get(9)?,
        ended_at: row.get(10)?,
    })
}

/// Adds a letter, or puts it in place of the one of its message.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &LetterRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO letter (practice_id, message_id, patient_id, contact_point_id, last_day,
                                 created_at, opened_at, read_at, nudges, nudged_at, asked_at,
                                 ended_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (practice_id, message_id) DO UPDATE SET
                 opened_at = excluded.opened_at, read_at = excluded.read_at,
                 nudges = excluded.nudges, nudged_at = excluded.nudged_at,
                 asked_at = excluded.asked_at, ended_at = excluded.ended_at"
        ),
        params![
            practice,
            row.message_id,
            row.patient_id,
            row.contact_point_id,
            row.last_day,
            row.created_at,
            row.opened_at,
            row.read_at,
            row.nudges,
            row.nudged_at,
            row.asked_at,
            row.ended_at
        ],
    )?;
    tx.touch(LETTER, row.message_id.to_string());
    Ok(())
}

/// The letter of a message.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    message: MessageId,
) -> Result<Option<LetterRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT message_id, patient_id, contact_point_id, last_day, created_at, opened_at,
                    read_at, nudges, nudged_at, asked_at, ended_at
               FROM letter WHERE practice_id = $1 AND message_id = $2"
        ),
        params![practice, message],
        read,
    )
}

/// What opens a patient's copy.
#[derive(Debug)]
pub struct Copy {
    /// The words, sealed.
    pub content_sealed: Vec<u8>,
    /// Their key, wrapped for the copy.
    pub patient_wrap: Option<Vec<u8>>,
    /// The language of the words.
    pub language: String,
}

/// The sealed words of a letter that has arrived, and the wrap of the patient's copy.
///
/// # Errors
/// [`DbError`].
pub fn copy(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    message: MessageId,
) -> Result<Option<Copy>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT content_sealed, patient_wrap, language FROM message
              WHERE practice_id = $1 AND id = $2 AND state = 'delivered'"
        ),
        params![practice, message],
        |row| {
            Ok(Copy {
                content_sealed: row.get(0)?,
                patient_wrap: row.get(1)?,
                language: row.get(2)?,
            })
        },
    )
}

/// The letters of a patient that have arrived, the newest first.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    most: u32,
) -> Result<Vec<LetterRow>, DbError> {
    tx.query(
        sql!(
            "SELECT l.message_id, l.patient_id, l.contact_point_id, l.last_day, l.created_at,
                    l.opened_at, l.read_at, l.nudges, l.nudged_at, l.asked_at, l.ended_at
               FROM letter l
               JOIN message m ON m.practice_id = l.practice_id AND m.id = l.message_id
              WHERE l.practice_id = $1 AND l.patient_id = $2 AND m.state = 'delivered'
              ORDER BY l.created_at DESC, l.message_id DESC LIMIT $3"
        ),
        params![practice, patient, most],
        read,
    )
}

/// Letters written before an instant that nobody has read yet, and staff do not know of: the oldest
/// first.
///
/// # Errors
/// [`DbError`].
pub fn unread_before(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (before, most): (Timestamp, u32),
) -> Result<Vec<LetterRow>, DbError> {
    tx.query(
        sql!(
            "SELECT l.message_id, l.patient_id, l.contact_point_id, l.last_day, l.created_at,
                    l.opened_at, l.read_at, l.nudges, l.nudged_at, l.asked_at, l.ended_at
               FROM letter l
               JOIN message m ON m.practice_id = l.practice_id AND m.id = l.message_id
              WHERE l.practice_id = $1 AND l.created_at < $2 AND l.read_at IS NULL
                AND l.asked_at IS NULL AND l.ended_at IS NULL AND m.state = 'delivered'
                AND COALESCE(l.nudged_at, l.created_at) < $2
              ORDER BY l.created_at, l.message_id LIMIT $3"
        ),
        params![practice, before, most],
        read,
    )
}

/// The letters whose copies end with this day and have not ended.
///
/// # Errors
/// [`DbError`].
pub fn of_day(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (day, most): (i64, u32),
) -> Result<Vec<LetterRow>, DbError> {
    tx.query(
        sql!(
            "SELECT message_id, patient_id, contact_point_id, last_day, created_at, opened_at,
                    read_at, nudges, nudged_at, asked_at, ended_at
               FROM letter
              WHERE practice_id = $1 AND last_day = $2 AND ended_at IS NULL
              ORDER BY message_id LIMIT $3"
        ),
        params![practice, day, most],
        read,
    )
}
