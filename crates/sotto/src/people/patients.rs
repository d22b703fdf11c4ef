//! A patient's record, sealed and opened.

use gate::{PatientId, PracticeId};
use seal::{Keyring, Place, SealError, Sealed};
use uuid::Uuid;

use crate::people::person::Person;

fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "patient", row, column: "person_sealed" }
}

/// Seals who a patient is, for the column `person_sealed`.
///
/// # Errors
/// [`SealError`].
pub fn seal_person(
    keys: &Keyring,
    practice: PracticeId,
    id: PatientId,
    person: &Person,
) -> Result<Vec<u8>, SealError> {
    let (practice, row) = (practice.to_string(), id.to_string());
    // Strings and dates always serialize.
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(person).unwrap_or_default());
    keys.seal_for_patient(&row, &place(&practice, &row), &plain).map(Sealed::into_bytes)
}

/// Opens who a patient is: PHI. The caller's transaction records why it is opened.
///
/// # Errors
/// [`SealError`]; a record of another form counts as altered.
pub fn open_person(
    keys: &Keyring,
    practice: PracticeId,
    id: PatientId,
    sealed: Vec<u8>,
) -> Result<Person, SealError> {
    let (practice, row) = (practice.to_string(), id.to_string());
    let plain = keys.open_value(&place(&practice, &row), &Sealed::from_bytes(sealed))?;
    serde_json::from_slice(&plain).map_err(|_| SealError::Altered)
}

fn identifier_place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "patient_identifier", row, column: "value_sealed" }
}

/// Seals a number that another system knows a patient by, for the column `value_sealed`.
///
/// # Errors
/// [`SealError`].
pub fn seal_identifier(
    keys: &Keyring,
    practice: PracticeId,
    (patient, row): (PatientId, Uuid),
    value: &str,
) -> Result<Vec<u8>, SealError> {
    let (practice, row) = (practice.to_string(), row.to_string());
    let place = identifier_place(&practice, &row);
    keys.seal_for_patient(&patient.to_string(), &place, value.as_bytes()).map(Sealed::into_bytes)
}

/// Opens such a number: PHI.
///
/// # Errors
/// [`SealError`]; what is no text counts as altered.
pub fn open_identifier(
    keys: &Keyring,
    practice: PracticeId,
    row: Uuid,
    sealed: Vec<u8>,
) -> Result<String, SealError> {
    let (practice, row) = (practice.to_string(), row.to_string());
    let plain = keys.open_value(&identifier_place(&practice, &row), &Sealed::from_bytes(sealed))?;
    String::from_utf8(plain.to_vec()).map_err(|_| SealError::Altered)
}
