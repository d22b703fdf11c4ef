//! Tables `staff_pin` and `session_pin`.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::STAFF_PIN;
use crate::db::{DbError, Tx};
use crate::ids::{SessionId, StaffId};
use crate::{params, sql};

/// The sealed hash of somebody's PIN.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Option<Vec<u8>>, DbError> {
    tx.query_opt(
        sql!("SELECT pin_sealed FROM staff_pin WHERE practice_id = $1 AND staff_id = $2"),
        params![practice, staff],
        |row| row.get(0),
    )
}

/// Sets it, in place of the one before.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
    (sealed, now): (&[u8], Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO staff_pin (practice_id, staff_id, pin_sealed, set_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (practice_id, staff_id) DO UPDATE SET
                 pin_sealed = excluded.pin_sealed, set_at = excluded.set_at"
        ),
        params![practice, staff, sealed, now],
    )?;
    tx.touch(STAFF_PIN, staff.to_string());
    Ok(())
}

/// Removes it. False where there was none.
///
/// # Errors
/// [`DbError`].
pub fn remove(tx: &mut Tx<'_>, practice: PracticeId, staff: StaffId) -> Result<bool, DbError> {
    let removed = tx.execute(
        sql!("DELETE FROM staff_pin WHERE practice_id = $1 AND staff_id = $2"),
        params![practice, staff],
    )?;
    if removed > 0 {
        tx.touch(STAFF_PIN, staff.to_string());
    }
    Ok(removed > 0)
}

/// Counts a PIN typed in a session, before it is looked at. The answer is how many there were, with
/// this one.
///
/// # Errors
/// [`DbError`].
pub fn count_try(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    session: SessionId,
) -> Result<i64, DbError> {
    tx.execute(
        sql!(
            "INSERT INTO session_pin (practice_id, session_id, tries) VALUES ($1, $2, 1)
             ON CONFLICT (practice_id, session_id) DO UPDATE SET tries = session_pin.tries + 1"
        ),
        params![practice, session],
    )?;
    let tries = tx.query_opt(
        sql!("SELECT tries FROM session_pin WHERE practice_id = $1 AND session_id = $2"),
        params![practice, session],
        |row| row.get(0),
    )?;
    Ok(tries.unwrap_or(1))
}

/// It went right: the session begins to count anew.
///
/// # Errors
/// [`DbError`].
pub fn forget_tries(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    session: SessionId,
) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM session_pin WHERE practice_id = $1 AND session_id = $2"),
        params![practice, session],
    )?;
    Ok(())
}
