//! Table `legal_hold`: what is kept although its time is over.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::LEGAL_HOLD;
use crate::db::{DbError, Row, Tx};
use crate::ids::LegalHoldId;
use crate::{params, sql};

/// A row of `legal_hold`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// Key.
    pub id: LegalHoldId,
    /// Whose record; `None`: everybody's.
    pub patient_id: Option<PatientId>,
    /// The matter and the reason.
    pub words_sealed: Vec<u8>,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: Timestamp,
    /// Who lifted it; `None`: it stands.
    pub lifted_by: Option<String>,
    /// When.
    pub lifted_at: Option<Timestamp>,
    /// Why.
    pub lifted_sealed: Option<Vec<u8>>,
}

fn read(row: &Row<'_>) -> Result<HoldRow, DbError> {
    Ok(HoldRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        words_sealed: row.get(2)?,
        placed_by: row.get(3)?,
        placed_at: row.get(4)?,
        lifted_by: row.get(5)?,
        lifted_at: row.get(6)?,
        lifted_sealed: row.get(7)?,
    })
}

/// Adds a hold, or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &HoldRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO legal_hold (practice_id, id, patient_id, words_sealed, placed_by, placed_at,
                                     lifted_by, lifted_at, lifted_sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (practice_id, id) DO UPDATE SET lifted_by = excluded.lifted_by,
                 lifted_at = excluded.lifted_at, lifted_sealed = excluded.lifted_sealed"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.words_sealed,
            row.placed_by,
            row.placed_at,
            row.lifted_by,
            row.lifted_at,
            row.lifted_sealed
        ],
    )?;
    tx.touch(LEGAL_HOLD, row.id.to_string());
    Ok(())
}

/// The hold with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: LegalHoldId,
) -> Result<Option<HoldRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, words_sealed, placed_by, placed_at, lifted_by, lifted_at,
                    lifted_sealed
               FROM legal_hold WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The holds that stand, the first first.
///
/// # Errors
/// [`DbError`].
pub fn standing(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<HoldRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, words_sealed, placed_by, placed_at, lifted_by, lifted_at,
                    lifted_sealed
               FROM legal_hold WHERE practice_id = $1 AND lifted_at IS NULL ORDER BY placed_at, id"
        ),
        params![practice],
        read,
    )
}

/// Those of one patient, lifted ones too, the last first: also of a record that was merged into this
/// one, or that this one was merged into.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<HoldRow>, DbError> {
    tx.query(
        sql!(
            "SELECT h.id, h.patient_id, h.words_sealed, h.placed_by, h.placed_at, h.lifted_by,
                    h.lifted_at, h.lifted_sealed
               FROM legal_hold h
               JOIN patient p ON p.practice_id = h.practice_id AND p.id = h.patient_id
              WHERE h.practice_id = $1
                AND (p.id = $2 OR p.merged_into = $2 OR p.id = (SELECT o.merged_into FROM patient o
                        WHERE o.practice_id = $1 AND o.id = $2))
              ORDER BY h.placed_at DESC, h.id DESC"
        ),
        params![practice, patient],
        read,
    )
}

/// Every patient whose record is held by a hold of their own, merged records included.
///
/// # Errors
/// [`DbError`].
pub fn held(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<PatientId>, DbError> {
    tx.query(
        sql!(
            "SELECT h.patient_id FROM legal_hold h
              WHERE h.practice_id = $1 AND h.lifted_at IS NULL AND h.patient_id IS NOT NULL
             UNION
             SELECT p.id FROM legal_hold h
               JOIN patient p ON p.practice_id = h.practice_id AND p.merged_into = h.patient_id
              WHERE h.practice_id = $1 AND h.lifted_at IS NULL
             UNION
             SELECT p.merged_into FROM legal_hold h
               JOIN patient p ON p.practice_id = h.practice_id AND p.id = h.patient_id
              WHERE h.practice_id = $1 AND h.lifted_at IS NULL AND p.merged_into IS NOT NULL"
        ),
        params![practice],
        |row| row.get(0),
    )
}

/// When a hold was lifted last.
///
/// # Errors
/// [`DbError`].
pub fn last_lifted(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Option<Timestamp>, DbError> {
    tx.query_one(
        sql!("SELECT MAX(lifted_at) FROM legal_hold WHERE practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )
}
