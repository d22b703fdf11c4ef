//! Table `caregiver`.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::CAREGIVER};
use crate::ids::CaregiverId;
use crate::{params, sql};

/// What the patient allowed for a person (PRIV-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: a name from the chart proves no permission.
    None,
    /// Said so, and staff wrote it down.
    Spoken,
    /// In writing.
    Written,
}

words! { Permission { None = "none", Spoken = "spoken", Written = "written" } }

/// A row of `caregiver`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaregiverRow {
    /// Key.
    pub id: CaregiverId,
    /// Whose.
    pub patient_id: PatientId,
    /// The EHR's id.
    pub external_id: Option<String>,
    /// The name, sealed.
    pub person_sealed: Vec<u8>,
    /// A word such as `mother`.
    pub relation: String,
    /// Has legal authority (PRIV-08); only staff say so.
    pub representative: bool,
    /// Words of [`gate::facts::Scope`], space separated.
    pub scope: String,
    /// What the patient allowed.
    pub permission: Permission,
    /// Where the paper is.
    pub evidence: Option<String>,
    /// Not before.
    pub valid_from: Option<Timestamp>,
    /// Not from then on.
    pub valid_until: Option<Timestamp>,
    /// Who wrote it down.
    pub recorded_by: String,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<CaregiverRow, DbError> {
    Ok(CaregiverRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        external_id: row.get(2)?,
        person_sealed: row.get(3)?,
        relation: row.get(4)?,
        representative: row.get(5)?,
        scope: row.get(6)?,
        permission: row.get(7)?,
        evidence: row.get(8)?,
        valid_from: row.get(9)?,
        valid_until: row.get(10)?,
        recorded_by: row.get(11)?,
        updated_at: row.get(12)?,
    })
}

/// A patient's caregivers.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<CaregiverRow>, DbError> {
    // Sorted here: to have them in the order of the key, SQLite would go through the whole practice.
    let mut rows = tx.query(
        sql!(
            "SELECT id, patient_id, external_id, person_sealed, relation, representative, scope,
                    permission, evidence, valid_from, valid_until, recorded_by, updated_at
               FROM caregiver WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        read,
    )?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &CaregiverRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO caregiver
                 (practice_id, id, patient_id, external_id, person_sealed, relation,
                  representative, scope, permission, evidence, valid_from, valid_until,
                  recorded_by, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 patient_id = excluded.patient_id, external_id = excluded.external_id,
                 person_sealed = excluded.person_sealed, relation = excluded.relation,
                 representative = excluded.representative, scope = excluded.scope,
                 permission = excluded.permission, evidence = excluded.evidence,
                 valid_from = excluded.valid_from, valid_until = excluded.valid_until,
                 recorded_by = excluded.recorded_by, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.external_id,
            row.person_sealed,
            row.relation,
            row.representative,
            row.scope,
            row.permission,
            row.evidence,
            row.valid_from,
            row.valid_until,
            row.recorded_by,
            row.updated_at
        ],
    )?;
    tx.touch(CAREGIVER, row.id.to_string());
    Ok(())
}
