//! A patient's record, sealed and opened.

use gate::{PatientId, PracticeId};
use seal::{Keyring, Place, SealError, Sealed};

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
