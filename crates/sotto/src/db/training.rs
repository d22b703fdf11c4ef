//! Table `staff_training`: when somebody who works here was trained last.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::STAFF_TRAINING;
use crate::db::{DbError, Tx};
use crate::ids::StaffId;
use crate::{params, sql};

/// Records the day, in place of the one before.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (staff, trained_on): (StaffId, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO staff_training (practice_id, staff_id, trained_on, recorded_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (practice_id, staff_id) DO UPDATE SET
                 trained_on = excluded.trained_on, recorded_at = excluded.recorded_at"
        ),
        params![practice, staff, trained_on, now],
    )?;
    tx.touch(STAFF_TRAINING, staff.to_string());
    Ok(())
}

/// Who was trained last on which day.
///
/// # Errors
/// [`DbError`].
pub fn list(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<(StaffId, String)>, DbError> {
    tx.query(
        sql!(
            "SELECT staff_id, trained_on FROM staff_training WHERE practice_id = $1
              ORDER BY staff_id"
        ),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
