//! Tables `form_version` and `form_answer`: what patients are asked before a visit, and what they
//! answered.

use gate::{AppointmentId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{FORM_ANSWER, FORM_VERSION};
use crate::db::{DbError, Row, Tx};
use crate::ids::{FormAnswerId, FormId};
use crate::{params, sql};

/// A row of `form_version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Which form.
    pub form_id: FormId,
    /// Which version, from 1.
    pub version: i64,
    /// What it asks, as JSON.
    pub definition: String,
    /// From this version on it is not asked any more.
    pub retired: bool,
    /// Who wrote it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
}

fn read_version(row: &Row<'_>) -> Result<VersionRow, DbError> {
    Ok(VersionRow {
        form_id: row.get(0)?,
        version: row.get(1)?,
        definition: row.get(2)?,
        retired: row.get(3)?,
        made_by: row.get(4)?,
        made_at: row.get(5)?,
    })
}

/// Adds a version.
///
/// # Errors
/// [`DbError`].
pub fn add_version(tx: &mut Tx<'_>, practice: PracticeId, row: &VersionRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO form_version (practice_id, form_id, version, definition, retired, made_by,
                                       made_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        params![
            practice,
            row.form_id,
            row.version,
            row.definition,
            row.retired,
            row.made_by,
            row.made_at
        ],
    )?;
    tx.touch(FORM_VERSION, format!("{}/{}", row.form_id, row.version));
    Ok(())
}

/// The newest version of every form.
///
/// # Errors
/// [`DbError`].
pub fn newest(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<VersionRow>, DbError> {
    tx.query(
        sql!(
            "SELECT f.form_id, f.version, f.definition, f.retired, f.made_by, f.made_at
               FROM form_version f
              WHERE f.practice_id = $1
                AND NOT EXISTS (SELECT 1 FROM form_version l
                                 WHERE l.practice_id = f.practice_id AND l.form_id = f.form_id
                                   AND l.version > f.version)"
        ),
        params![practice],
        read_version,
    )
}

/// One version of a form.
///
/// # Errors
/// [`DbError`].
pub fn version(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (form, version): (FormId, i64),
) -> Result<Option<VersionRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT form_id, version, definition, retired, made_by, made_at
               FROM form_version WHERE practice_id = $1 AND form_id = $2 AND version = $3"
        ),
        params![practice, form, version],
        read_version,
    )
}

/// A row of `form_answer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// Key.
    pub id: FormAnswerId,
    /// To which form.
    pub form_id: FormId,
    /// In which version.
    pub version: i64,
    /// Whose.
    pub patient_id: PatientId,
    /// Before which visit.
    pub appointment_id: AppointmentId,
    /// What they answered, sealed. PHI.
    pub answers_sealed: Vec<u8>,
    /// The key it is sealed with, wrapped.
    pub record_wrap: Vec<u8>,
    /// `en` or `es`.
    pub language: String,
    /// Who.
    pub answered_by: String,
    /// When.
    pub answered_at: Timestamp,
}

fn read_answer(row: &Row<'_>) -> Result<AnswerRow, DbError> {
    Ok(AnswerRow {
        id: row.get(0)?,
        form_id: row.get(1)?,
        version: row.get(2)?,
        patient_id: row.get(3)?,
        appointment_id: row.get(4)?,
        answers_sealed: row.get(5)?,
        record_wrap: row.get(6)?,
        language: row.get(7)?,
        answered_by: row.get(8)?,
        answered_at: row.get(9)?,
    })
}

/// Adds answers.
///
/// # Errors
/// [`DbError`].
pub fn add_answer(tx: &mut Tx<'_>, practice: PracticeId, row: &AnswerRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO form_answer (practice_id, id, form_id, version, patient_id, appointment_id,
                                      answers_sealed, record_wrap, language, answered_by,
                                      answered_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        params![
            practice,
            row.id,
            row.form_id,
            row.version,
            row.patient_id,
            row.appointment_id,
            row.answers_sealed,
            row.record_wrap,
            row.language,
            row.answered_by,
            row.answered_at
        ],
    )?;
    tx.touch(FORM_ANSWER, row.id.to_string());
    Ok(())
}

/// The answers with this id.
///
/// # Errors
/// [`DbError`].
pub fn answer(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: FormAnswerId,
) -> Result<Option<AnswerRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, form_id, version, patient_id, appointment_id, answers_sealed, record_wrap,
                    language, answered_by, answered_at
               FROM form_answer WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read_answer,
    )
}

/// What a patient answered, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn answers_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<AnswerRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, form_id, version, patient_id, appointment_id, answers_sealed, record_wrap,
                    language, answered_by, answered_at
               FROM form_answer WHERE practice_id = $1 AND patient_id = $2
              ORDER BY answered_at DESC, id DESC"
        ),
        params![practice, patient],
        read_answer,
    )
}
