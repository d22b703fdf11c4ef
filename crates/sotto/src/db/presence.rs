//! Table `presence`: who has a thread open. Nothing rests on it.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::{DbError, Tx};
use crate::ids::{StaffId, ThreadId};
use crate::{params, sql};

/// Somebody has a thread open at this instant.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (thread, staff): (ThreadId, StaffId),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO presence (practice_id, thread_id, staff_id, seen_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (practice_id, thread_id, staff_id) DO UPDATE SET
                 seen_at = excluded.seen_at"
        ),
        params![practice, thread, staff, now],
    )?;
    Ok(())
}

/// Who had it open since an instant.
///
/// # Errors
/// [`DbError`].
pub fn since(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    thread: ThreadId,
    since: Timestamp,
) -> Result<Vec<StaffId>, DbError> {
    tx.query(
        sql!(
            "SELECT staff_id FROM presence
              WHERE practice_id = $1 AND thread_id = $2 AND seen_at > $3 ORDER BY staff_id LIMIT 20"
        ),
        params![practice, thread, since],
        |row| row.get(0),
    )
}
