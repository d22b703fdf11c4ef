//! Table `patient_event`: what was written down about a patient, append-only.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::consent_event::ConsentMethod;
use crate::db::registry::PATIENT_EVENT;
use crate::db::{DbError, Row, Tx};
use crate::{params, sql};

/// A row of `patient_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientEventRow {
    /// Key.
    pub id: Uuid,
    /// About whom.
    pub patient_id: PatientId,
    /// The table that holds what came of it.
    pub subject: String,
    /// And its row.
    pub subject_id: String,
    /// `added`, `changed`, `accepted`, `ended` and the like.
    pub event: String,
    /// JSON: ids and words of closed lists, no name, no address.
    pub details: String,
    /// How it was told.
    pub method: ConsentMethod,
    /// Where the paper or form is.
    pub evidence: Option<String>,
    /// Who of the staff was there.
    pub witness: Option<String>,
    /// Who wrote it down.
    pub captured_by: String,
    /// When it was told.
    pub captured_at: Timestamp,
    /// When it was written down.
    pub recorded_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<PatientEventRow, DbError> {
    Ok(PatientEventRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        subject: row.get(2)?,
        subject_id: row.get(3)?,
        event: row.get(4)?,
        details: row.get(5)?,
        method: row.get(6)?,
        evidence: row.get(7)?,
        witness: row.get(8)?,
        captured_by: row.get(9)?,
        captured_at: row.get(10)?,
        recorded_at: row.get(11)?,
    })
}

/// A patient's history, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<PatientEventRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, subject, subject_id, event, details, method, evidence, witness,
                    captured_by, captured_at, recorded_at
               FROM patient_event WHERE practice_id = $1 AND patient_id = $2
              ORDER BY recorded_at, id"
        ),
        params![practice, patient],
        read,
    )
}

/// Adds an event.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &PatientEventRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO patient_event
                 (practice_id, id, patient_id, subject, subject_id, event, details, method,
                  evidence, witness, captured_by, captured_at, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.subject,
            row.subject_id,
            row.event,
            row.details,
            row.method,
            row.evidence,
            row.witness,
            row.captured_by,
            row.captured_at,
            row.recorded_at
        ],
    )?;
    tx.touch(PATIENT_EVENT, row.id.to_string());
    Ok(())
}
