//! Table `draft`: what somebody who works here was writing to a patient. No message, and not in the
//! record.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::{DbError, Tx};
use crate::ids::{DeviceId, StaffId};
use crate::{params, sql};

/// A row of `draft`; the words are sealed under the device's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// On which device.
    pub device_id: DeviceId,
    /// The words.
    pub body_sealed: Vec<u8>,
    /// When it was kept last.
    pub kept_at: Timestamp,
}

/// Keeps it, in place of the one before.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (staff, patient): (StaffId, PatientId),
    row: &DraftRow,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO draft (practice_id, staff_id, patient_id, device_id, body_sealed, kept_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (practice_id, staff_id, patient_id) DO UPDATE SET
                 device_id = excluded.device_id, body_sealed = excluded.body_sealed,
                 kept_at = excluded.kept_at"
        ),
        params![practice, staff, patient, row.device_id, row.body_sealed, row.kept_at],
    )?;
    Ok(())
}

/// What somebody was writing to a patient.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (staff, patient): (StaffId, PatientId),
) -> Result<Option<DraftRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT device_id, body_sealed, kept_at FROM draft
              WHERE practice_id = $1 AND staff_id = $2 AND patient_id = $3"
        ),
        params![practice, staff, patient],
        |row| {
            Ok(DraftRow { device_id: row.get(0)?, body_sealed: row.get(1)?, kept_at: row.get(2)? })
        },
    )
}

/// Removes it. False where there was none.
///
/// # Errors
/// [`DbError`].
pub fn remove(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (staff, patient): (StaffId, PatientId),
) -> Result<bool, DbError> {
    let removed = tx.execute(
        sql!("DELETE FROM draft WHERE practice_id = $1 AND staff_id = $2 AND patient_id = $3"),
        params![practice, staff, patient],
    )?;
    Ok(removed > 0)
}

/// Removes what was kept on a device.
///
/// # Errors
/// [`DbError`].
pub fn remove_of_device(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    device: DeviceId,
) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM draft WHERE practice_id = $1 AND device_id = $2"),
        params![practice, device],
    )?;
    Ok(())
}

/// Removes what was kept last before an instant. The answer is how many.
///
/// # Errors
/// [`DbError`].
pub fn remove_before(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    before: Timestamp,
) -> Result<u64, DbError> {
    tx.execute(
        sql!("DELETE FROM draft WHERE practice_id = $1 AND kept_at < $2"),
        params![practice, before],
    )
}
