//! Table `clinician`.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::{DbError, Row, Tx, registry::CLINICIAN};
use crate::ids::ClinicianId;
use crate::{params, sql};

/// A row of `clinician`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicianRow {
    /// Key.
    pub id: ClinicianId,
    /// The EHR's id.
    pub external_id: Option<String>,
    /// `Dr.`
    pub prefix: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: String,
    /// Works here now.
    pub active: bool,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<ClinicianRow, DbError> {
    Ok(ClinicianRow {
        id: row.get(0)?,
        external_id: row.get(1)?,
        prefix: row.get(2)?,
        given_name: row.get(3)?,
        family_name: row.get(4)?,
        active: row.get(5)?,
        updated_at: row.get(6)?,
    })
}

/// The clinician with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ClinicianId,
) -> Result<Option<ClinicianRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, external_id, prefix, given_name, family_name, active, updated_at
               FROM clinician WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The clinician with this id of the EHR.
///
/// # Errors
/// [`DbError`].
pub fn by_external_id(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    external_id: &str,
) -> Result<Option<ClinicianRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, external_id, prefix, given_name, family_name, active, updated_at
               FROM clinician WHERE practice_id = $1 AND external_id = $2"
        ),
        params![practice, external_id],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &ClinicianRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO clinician
                 (practice_id, id, external_id, prefix, given_name, family_name, active,
                  updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 external_id = excluded.external_id, prefix = excluded.prefix,
                 given_name = excluded.given_name, family_name = excluded.family_name,
                 active = excluded.active, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.external_id,
            row.prefix,
            row.given_name,
            row.family_name,
            row.active,
            row.updated_at
        ],
    )?;
    tx.touch(CLINICIAN, row.id.to_string());
    Ok(())
}

/// Those who work here now, by name.
///
/// # Errors
/// [`DbError`].
pub fn active(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<ClinicianRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, external_id, prefix, given_name, family_name, active, updated_at
               FROM clinician WHERE practice_id = $1 AND active = 1
              ORDER BY family_name, given_name, id"
        ),
        params![practice],
        read,
    )
}

/// The ids of all, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn ids(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<ClinicianId>, DbError> {
    tx.query(
        sql!("SELECT id FROM clinician WHERE practice_id = $1 ORDER BY id"),
        params![practice],
        |row| row.get(0),
    )
}
