//! Tables `patient` and `patient_identifier`.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::{
    DbError, Row, Tx,
    registry::{PATIENT, PATIENT_IDENTIFIER},
};
use crate::{params, sql};

/// A row of `patient`; the person is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientRow {
    /// Key.
    pub id: PatientId,
    /// Names, birth date, postal address.
    pub person_sealed: Vec<u8>,
    /// BCP 47 tag of the language on file.
    pub language: Option<String>,
    /// IANA zone of the postal address.
    pub timezone: Option<String>,
    /// Microseconds, or 0 when the day of death is unknown; `None` while living.
    pub deceased_at: Option<i64>,
    /// In use.
    pub active: bool,
    /// The record that took this one's place.
    pub merged_into: Option<PatientId>,
    /// Last change.
    pub updated_at: Timestamp,
}

pub(super) fn read(row: &Row<'_>) -> Result<PatientRow, DbError> {
    Ok(PatientRow {
        id: row.get(0)?,
        person_sealed: row.get(1)?,
        language: row.get(2)?,
        timezone: row.get(3)?,
        deceased_at: row.get(4)?,
        active: row.get(5)?,
        merged_into: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// The patient with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: PatientId,
) -> Result<Option<PatientRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, person_sealed, language, timezone, deceased_at, active, merged_into,
                    updated_at
               FROM patient WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// Who these patients are, sealed; whoever is not there is left out.
///
/// # Errors
/// [`DbError`].
pub fn persons(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    ids: impl IntoIterator<Item = PatientId>,
) -> Result<Vec<(PatientId, Vec<u8>)>, DbError> {
    let ids: Vec<String> = ids.into_iter().map(|id| format!("\"{id}\"")).collect();
    tx.query(
        sql! {
            sqlite: "SELECT id, person_sealed FROM patient
                  WHERE practice_id = $1 AND id IN (SELECT value FROM json_each($2))",
            postgres: "SELECT id, person_sealed FROM patient
                  WHERE practice_id = $1
                    AND id = ANY (ARRAY(SELECT json_array_elements_text($2::TEXT::JSON)))"
        },
        params![practice, format!("[{}]", ids.join(","))],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The patient with this id, and for the one that is nobody whether its messages cross the wire.
///
/// # Errors
/// [`DbError`].
pub fn with_test(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: PatientId,
) -> Result<Option<(PatientRow, Option<bool>)>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, person_sealed, language, timezone, deceased_at, active, merged_into,
                    updated_at, (SELECT t.by_wire FROM test_patient t
                        WHERE t.practice_id = $1 AND t.patient_id = $2)
               FROM patient WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        |row| Ok((read(row)?, row.get(8)?)),
    )
}

/// The records that were merged into this one, not those that were merged into them.
///
/// # Errors
/// [`DbError`].
pub fn merged_into(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: PatientId,
) -> Result<Vec<PatientId>, DbError> {
    tx.query(
        sql!("SELECT id FROM patient WHERE practice_id = $1 AND merged_into = $2 ORDER BY id"),
        params![practice, id],
        |row| row.get(0),
    )
}

/// Patients in the order of their ids, from the first behind `after`.
///
/// # Errors
/// [`DbError`].
pub fn page(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    after: Option<PatientId>,
    limit: u32,
) -> Result<Vec<PatientRow>, DbError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    tx.query(
        sql!(
            "SELECT id, person_sealed, language, timezone, deceased_at, active, merged_into,
                    updated_at
               FROM patient WHERE practice_id = $1 AND id > $2 ORDER BY id LIMIT $3"
        ),
        params![practice, after, limit],
        read,
    )
}

/// How many patients the practice has on file.
///
/// # Errors
/// [`DbError`].
pub fn count(tx: &mut Tx<'_>, practice: PracticeId) -> Result<i64, DbError> {
    tx.query_one(
        sql!("SELECT COUNT(*) FROM patient WHERE practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &PatientRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO patient (practice_id, id, person_sealed, language, timezone, deceased_at,
                                  active, merged_into, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 person_sealed = excluded.person_sealed, language = excluded.language,
                 timezone = excluded.timezone, deceased_at = excluded.deceased_at,
                 active = excluded.active, merged_into = excluded.merged_into,
                 updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.person_sealed,
            row.language,
            row.timezone,
            row.deceased_at,
            row.active,
            row.merged_into,
            row.updated_at
        ],
    )?;
    tx.touch(PATIENT, row.id.to_string());
    Ok(())
}

/// The patient whose identifier of this system has this blind index.
///
/// # Errors
/// [`DbError`].
pub fn by_identifier(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    system: &str,
    value_index: &[u8],
) -> Result<Option<PatientId>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT patient_id FROM patient_identifier
              WHERE practice_id = $1 AND system = $2 AND value_index = $3"
        ),
        params![practice, system, value_index],
        |row| row.get(0),
    )
}

/// One identifier of a patient, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierRow {
    /// Key.
    pub id: Uuid,
    /// Whose.
    pub patient_id: PatientId,
    /// Who gave it: a URI.
    pub system: String,
    /// Blind index of the value.
    pub value_index: Vec<u8>,
    /// The value.
    pub value_sealed: Vec<u8>,
}

/// A patient's identifiers.
///
/// # Errors
/// [`DbError`].
pub fn identifiers(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<IdentifierRow>, DbError> {
    // Sorted here: to have them in the order of the key, SQLite would go through the whole practice.
    let mut rows = tx.query(
        sql!(
            "SELECT id, patient_id, system, value_index, value_sealed FROM patient_identifier
              WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        |row| {
            Ok(IdentifierRow {
                id: row.get(0)?,
                patient_id: row.get(1)?,
                system: row.get(2)?,
                value_index: row.get(3)?,
                value_sealed: row.get(4)?,
            })
        },
    )?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Adds an identifier.
///
/// # Errors
/// [`DbError::Duplicate`] when it is somebody's already.
pub fn add_identifier(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &IdentifierRow,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO patient_identifier
                 (practice_id, id, patient_id, system, value_index, value_sealed)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        params![practice, row.id, row.patient_id, row.system, row.value_index, row.value_sealed],
    )?;
    tx.touch(PATIENT_IDENTIFIER, row.id.to_string());
    Ok(())
}
