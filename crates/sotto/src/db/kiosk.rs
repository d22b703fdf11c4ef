//! Table `kiosk`: a tablet of the practice's in one patient's hands.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::KIOSK;
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{StaffId, WindowSessionId};
use crate::{params, sql};

/// How whoever handed it over knew who it is (RULEBOOK PRIV-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// They looked at a photo ID.
    PhotoId,
    /// They know the patient.
    Known,
    /// The patient told name, date of birth and address.
    Answers,
}

words! {
    Checked { PhotoId = "photo_id", Known = "known", Answers = "answers" }
}

/// A row of `kiosk`, with when it was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KioskRow {
    /// Key: the stay.
    pub id: WindowSessionId,
    /// In whose hands.
    pub patient_id: PatientId,
    /// Who handed it over.
    pub staff_id: StaffId,
    /// How they knew who it is.
    pub checked: Checked,
    /// When.
    pub made_at: Timestamp,
    /// The code is good until then; once it was typed, the stay is.
    pub until_at: Timestamp,
    /// When the code was typed.
    pub begun_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was last used, to the half minute.
    pub seen_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<KioskRow, DbError> {
    let made_at = row.get(4)?;
    let begun_at = row.get(6)?;
    Ok(KioskRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        staff_id: row.get(2)?,
        checked: row.get(3)?,
        made_at,
        until_at: row.get(5)?,
        begun_at,
        ended_at: row.get(7)?,
        seen_at: row.get::<Option<Timestamp>>(8)?.or(begun_at).unwrap_or(made_at),
    })
}

/// Adds one under the keyed hash of its code.
///
/// # Errors
/// [`DbError`].
pub fn add(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &KioskRow,
    code: &[u8; 32],
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO kiosk (practice_id, id, patient_id, staff_id, checked, code, digest,
                                made_at, until_at, begun_at, ended_at, ended_why)
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8, NULL, NULL, NULL)"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.staff_id,
            row.checked,
            code,
            row.made_at,
            row.until_at
        ],
    )?;
    tx.touch(KIOSK, row.id.to_string());
    Ok(())
}

/// The one with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: WindowSessionId,
) -> Result<Option<KioskRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT k.id, k.patient_id, k.staff_id, k.checked, k.made_at, k.until_at, k.begun_at,
                    k.ended_at, n.seen_at
               FROM kiosk k
               LEFT JOIN window_seen n ON n.practice_id = k.practice_id AND n.session_id = k.id
              WHERE k.practice_id = $1 AND k.id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The one with this code, good or not.
///
/// # Errors
/// [`DbError`].
pub fn by_code(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    code: &[u8; 32],
) -> Result<Option<KioskRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT k.id, k.patient_id, k.staff_id, k.checked, k.made_at, k.until_at, k.begun_at,
                    k.ended_at, n.seen_at
               FROM kiosk k
               LEFT JOIN window_seen n ON n.practice_id = k.practice_id AND n.session_id = k.id
              WHERE k.practice_id = $1 AND k.code = $2"
        ),
        params![practice, code],
        read,
    )
}

/// The one whose tablet has this cookie, over or not.
///
/// # Errors
/// [`DbError`].
pub fn by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<KioskRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT k.id, k.patient_id, k.staff_id, k.checked, k.made_at, k.until_at, k.begun_at,
                    k.ended_at, n.seen_at
               FROM kiosk k
               LEFT JOIN window_seen n ON n.practice_id = k.practice_id AND n.session_id = k.id
              WHERE k.practice_id = $1 AND k.digest = $2"
        ),
        params![practice, digest],
        read,
    )
}

/// Those of a patient that were not ended; some may be past their time.
///
/// # Errors
/// [`DbError`].
pub fn open_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<KioskRow>, DbError> {
    tx.query(
        sql!(
            "SELECT k.id, k.patient_id, k.staff_id, k.checked, k.made_at, k.until_at, k.begun_at,
                    k.ended_at, n.seen_at
               FROM kiosk k
               LEFT JOIN window_seen n ON n.practice_id = k.practice_id AND n.session_id = k.id
              WHERE k.practice_id = $1 AND k.patient_id = $2 AND k.ended_at IS NULL"
        ),
        params![practice, patient],
        read,
    )
}

/// Those of the whole practice that were not ended; some may be past their time.
///
/// # Errors
/// [`DbError`].
pub fn all_open(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<WindowSessionId>, DbError> {
    tx.query(
        sql!("SELECT id FROM kiosk WHERE practice_id = $1 AND ended_at IS NULL ORDER BY id"),
        params![practice],
        |row| row.get(0),
    )
}

/// Those that were not ended and are past their time, or were not touched since `idle`.
///
/// # Errors
/// [`DbError`].
pub fn past(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (now, idle, most): (Timestamp, Timestamp, u32),
) -> Result<Vec<KioskRow>, DbError> {
    tx.query(
        sql!(
            "SELECT k.id, k.patient_id, k.staff_id, k.checked, k.made_at, k.until_at, k.begun_at,
                    k.ended_at, n.seen_at
               FROM kiosk k
               LEFT JOIN window_seen n ON n.practice_id = k.practice_id AND n.session_id = k.id
              WHERE k.practice_id = $1 AND k.ended_at IS NULL
                AND (k.until_at <= $2
                     OR (k.begun_at IS NOT NULL AND COALESCE(n.seen_at, k.begun_at) <= $3))
              ORDER BY k.made_at LIMIT $4"
        ),
        params![practice, now, idle, most],
        read,
    )
}

/// The code was typed: the tablet has a cookie of this digest now. False where it was typed before, or
/// the tablet was taken back.
///
/// # Errors
/// [`DbError`].
pub fn begin(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: WindowSessionId,
    (digest, now, until): (&[u8; 32], Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE kiosk SET digest = $3, begun_at = $4, until_at = $5
              WHERE practice_id = $1 AND id = $2 AND begun_at IS NULL AND ended_at IS NULL"
        ),
        params![practice, id, digest, now, until],
    )?;
    if changed > 0 {
        tx.touch(KIOSK, id.to_string());
    }
    Ok(changed > 0)
}

/// Ends one; `why` is a word. False where it had ended.
///
/// # Errors
/// [`DbError`].
pub fn end(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: WindowSessionId,
    (why, now): (&str, Timestamp),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE kiosk SET ended_at = $3, ended_why = $4
              WHERE practice_id = $1 AND id = $2 AND ended_at IS NULL"
        ),
        params![practice, id, now, why],
    )?;
    if changed > 0 {
        tx.touch(KIOSK, id.to_string());
    }
    Ok(changed > 0)
}
