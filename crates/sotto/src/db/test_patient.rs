//! Table `test_patient`: the patients that are nobody.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::TEST_PATIENT;
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// A row of `test_patient`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestPatientRow {
    /// Which patient.
    pub patient: PatientId,
    /// The blind index of its number.
    pub address_index: [u8; 32],
    /// Whether its messages cross the carrier's wire, to a phone of the practice's own.
    pub by_wire: bool,
    /// Since when.
    pub created_at: Timestamp,
}

/// Adds a patient that is nobody.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &TestPatientRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO test_patient (practice_id, patient_id, address_index, by_wire, created_at)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        params![practice, row.patient, row.address_index, row.by_wire, row.created_at],
    )?;
    tx.touch(TEST_PATIENT, row.patient.to_string());
    Ok(())
}

/// All of them: one for each number that was ever set.
///
/// # Errors
/// [`DbError`].
pub fn all(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<TestPatientRow>, DbError> {
    tx.query(
        sql!(
            "SELECT patient_id, address_index, by_wire, created_at FROM test_patient
             WHERE practice_id = $1 ORDER BY created_at, patient_id"
        ),
        params![practice],
        |row| {
            Ok(TestPatientRow {
                patient: row.get(0)?,
                address_index: row.get(1)?,
                by_wire: row.get(2)?,
                created_at: row.get(3)?,
            })
        },
    )
}

/// The row of a patient; none for a person.
///
/// # Errors
/// [`DbError`].
pub fn find(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Option<TestPatientRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT patient_id, address_index, by_wire, created_at FROM test_patient
             WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        |row| {
            Ok(TestPatientRow {
                patient: row.get(0)?,
                address_index: row.get(1)?,
                by_wire: row.get(2)?,
                created_at: row.get(3)?,
            })
        },
    )
}
