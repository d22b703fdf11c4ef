//! Table `site`: where the practice sees patients.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::{DbError, Row, Tx, registry::SITE};
use crate::ids::SiteId;
use crate::{params, sql};

/// A row of `site`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRow {
    /// Key.
    pub id: SiteId,
    /// The EHR's id.
    pub external_id: Option<String>,
    /// As printed in messages.
    pub name: String,
    /// Street and number.
    pub street: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State.
    pub region: Option<String>,
    /// ZIP code.
    pub postal_code: Option<String>,
    /// As printed in messages.
    pub phone: Option<String>,
    /// IANA zone; `None`: the practice's.
    pub timezone: Option<String>,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<SiteRow, DbError> {
    Ok(SiteRow {
        id: row.get(0)?,
        external_id: row.get(1)?,
        name: row.get(2)?,
        street: row.get(3)?,
        city: row.get(4)?,
        region: row.get(5)?,
        postal_code: row.get(6)?,
        phone: row.get(7)?,
        timezone: row.get(8)?,
        updated_at: row.get(9)?,
    })
}

/// The site with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(tx: &mut Tx<'_>, practice: PracticeId, id: SiteId) -> Result<Option<SiteRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, external_id, name, street, city, region, postal_code, phone, timezone,
                    updated_at
               FROM site WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The site with this id of the EHR.
///
/// # Errors
/// [`DbError`].
pub fn by_external_id(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    external_id: &str,
) -> Result<Option<SiteRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, external_id, name, street, city, region, postal_code, phone, timezone,
                    updated_at
               FROM site WHERE practice_id = $1 AND external_id = $2"
        ),
        params![practice, external_id],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &SiteRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO site
                 (practice_id, id, external_id, name, street, city, region, postal_code, phone,
                  timezone, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 external_id = excluded.external_id, name = excluded.name,
                 street = excluded.street, city = excluded.city, region = excluded.region,
                 postal_code = excluded.postal_code, phone = excluded.phone,
                 timezone = excluded.timezone, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.external_id,
            row.name,
            row.street,
            row.city,
            row.region,
            row.postal_code,
            row.phone,
            row.timezone,
            row.updated_at
        ],
    )?;
    tx.touch(SITE, row.id.to_string());
    Ok(())
}

/// Every site, by name.
///
/// # Errors
/// [`DbError`].
pub fn list(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<SiteRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, external_id, name, street, city, region, postal_code, phone, timezone,
                    updated_at
               FROM site WHERE practice_id = $1 ORDER BY name, id"
        ),
        params![practice],
        read,
    )
}

/// How many places the practice has.
///
/// # Errors
/// [`DbError`].
pub fn count(tx: &mut Tx<'_>, practice: PracticeId) -> Result<i64, DbError> {
    tx.query_one(
        sql!("SELECT COUNT(*) FROM site WHERE practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )
}

/// The ids of all, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn ids(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<SiteId>, DbError> {
    tx.query(
        sql!("SELECT id FROM site WHERE practice_id = $1 ORDER BY id"),
        params![practice],
        |row| row.get(0),
    )
}
