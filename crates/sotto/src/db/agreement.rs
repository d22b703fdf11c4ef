//! Tables `vendor_entry` and `agreement_event`: who else touches PHI, and what was signed with whom and
//! ended (RULEBOOK §4). What stands because of it, `db/vendor.rs` says.

use gate::{Level, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{AGREEMENT_EVENT, VENDOR_ENTRY};
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{AgreementId, TaskId, VendorId};
use crate::{params, sql};

/// A row of `vendor_entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Key.
    pub id: VendorId,
    /// The company.
    pub legal_name: String,
    /// What it does for us.
    pub service: String,
    /// The most it may be given.
    pub max_level: Level,
    /// Who wrote it down.
    pub recorded_by: String,
    /// When.
    pub updated_at: Timestamp,
}

/// Writes down a vendor that carries no channel, new or changed.
///
/// # Errors
/// [`DbError`].
pub fn put_entry(tx: &mut Tx<'_>, practice: PracticeId, row: &EntryRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO vendor_entry (practice_id, id, legal_name, service, max_level, recorded_by,
                                       updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (practice_id, id) DO UPDATE SET legal_name = excluded.legal_name,
                 service = excluded.service, max_level = excluded.max_level,
                 recorded_by = excluded.recorded_by, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.legal_name,
            row.service,
            u8::from(row.max_level),
            row.recorded_by,
            row.updated_at
        ],
    )?;
    tx.touch(VENDOR_ENTRY, row.id.to_string());
    Ok(())
}

/// Those that carry no channel, by name.
///
/// # Errors
/// [`DbError`].
pub fn entries(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<EntryRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, legal_name, service, max_level, recorded_by, updated_at
               FROM vendor_entry WHERE practice_id = $1 ORDER BY legal_name, id"
        ),
        params![practice],
        |row| {
            Ok(EntryRow {
                id: row.get(0)?,
                legal_name: row.get(1)?,
                service: row.get(2)?,
                // A number that is no level allows nothing.
                max_level: Level::try_from(row.get::<u8>(3)?).unwrap_or(Level::Administrative),
                recorded_by: row.get(4)?,
                updated_at: row.get(5)?,
            })
        },
    )
}

/// What was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementDeed {
    /// An agreement was signed.
    Signed,
    /// It was ended, whatever its last day was (BAA-05).
    Ended,
    /// The certificate came: what they had is returned or destroyed.
    Returned,
}

words! {
    AgreementDeed { Signed = "signed", Ended = "ended", Returned = "returned" }
}

/// A row of `agreement_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementRow {
    /// Key.
    pub id: AgreementId,
    /// With which vendor: a carrier's adapter, or an id of `vendor_entry`.
    pub vendor: String,
    /// The how many-th of this vendor, from 1.
    pub number: i64,
    /// What.
    pub event: AgreementDeed,
    /// The company, as it was called then.
    pub legal_name: String,
    /// Of what was signed: by whom.
    pub signer: Option<String>,
    /// From when.
    pub effective_at: Option<Timestamp>,
    /// Until when; `None`: until somebody ends it.
    pub expires_at: Option<Timestamp>,
    /// Who works for them, in words.
    pub subcontractors: Option<String>,
    /// Within so many days they tell of a breach.
    pub notice_days: Option<i64>,
    /// Of an end, in words.
    pub reason: Option<String>,
    /// Of an end: to get the certificate.
    pub task_id: Option<TaskId>,
    /// Who wrote it down.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<AgreementRow, DbError> {
    Ok(AgreementRow {
        id: row.get(0)?,
        vendor: row.get(1)?,
        number: row.get(2)?,
        event: row.get(3)?,
        legal_name: row.get(4)?,
        signer: row.get(5)?,
        effective_at: row.get(6)?,
        expires_at: row.get(7)?,
        subcontractors: row.get(8)?,
        notice_days: row.get(9)?,
        reason: row.get(10)?,
        task_id: row.get(11)?,
        recorded_by: row.get(12)?,
        recorded_at: row.get(13)?,
    })
}

/// Writes one down.
///
/// # Errors
/// [`DbError`]; two with one number are one too many.
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &AgreementRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO agreement_event (practice_id, id, vendor, number, event, legal_name, signer,
                                          effective_at, expires_at, subcontractors, notice_days,
                                          reason, task_id, recorded_by, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ),
        params![
            practice,
            row.id,
            row.vendor,
            row.number,
            row.event,
            row.legal_name,
            row.signer,
            row.effective_at,
            row.expires_at,
            row.subcontractors,
            row.notice_days,
            row.reason,
            row.task_id,
            row.recorded_by,
            row.recorded_at
        ],
    )?;
    tx.touch(AGREEMENT_EVENT, row.id.to_string());
    Ok(())
}

/// All that was written down about the agreement with a vendor, the first first.
///
/// # Errors
/// [`DbError`].
pub fn of_vendor(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    vendor: &str,
) -> Result<Vec<AgreementRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, vendor, number, event, legal_name, signer, effective_at, expires_at,
                    subcontractors, notice_days, reason, task_id, recorded_by, recorded_at
               FROM agreement_event WHERE practice_id = $1 AND vendor = $2 ORDER BY number"
        ),
        params![practice, vendor],
        read,
    )
}
