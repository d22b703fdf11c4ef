//! Table `call_code`: a one-time code that was sent for a call and not yet read back. Of it only a
//! keyed hash is kept.

use gate::{ContactPointId, PracticeId};
use jiff::Timestamp;

use crate::db::{DbError, Tx};
use crate::ids::CallId;
use crate::{params, sql};

/// A row of `call_code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCodeRow {
    /// Where it went.
    pub contact_point_id: ContactPointId,
    /// The keyed hash of the last one.
    pub code: Vec<u8>,
    /// How often one was typed for it.
    pub tries: i64,
    /// How many were sent in this call.
    pub sent: i64,
    /// Good until then.
    pub expires_at: Timestamp,
}

/// Keeps a code for a call, in place of the one before, and forgets those of other calls that are
/// over.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    call: CallId,
    (row, now): (&CallCodeRow, Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM call_code WHERE practice_id = $1 AND expires_at < $2 AND call_id <> $3"),
        params![practice, now, call],
    )?;
    tx.execute(
        sql!(
            "INSERT INTO call_code (practice_id, call_id, contact_point_id, code, tries, sent,
                                    expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (practice_id, call_id) DO UPDATE SET
                 contact_point_id = excluded.contact_point_id, code = excluded.code,
                 tries = excluded.tries, sent = excluded.sent, expires_at = excluded.expires_at"
        ),
        params![
            practice,
            call,
            row.contact_point_id,
            row.code,
            row.tries,
            row.sent,
            row.expires_at
        ],
    )?;
    Ok(())
}

/// The code of a call.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    call: CallId,
) -> Result<Option<CallCodeRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT contact_point_id, code, tries, sent, expires_at FROM call_code
              WHERE practice_id = $1 AND call_id = $2"
        ),
        params![practice, call],
        |row| {
            Ok(CallCodeRow {
                contact_point_id: row.get(0)?,
                code: row.get(1)?,
                tries: row.get(2)?,
                sent: row.get(3)?,
                expires_at: row.get(4)?,
            })
        },
    )
}

/// Counts a try, if it is one of the first `most`: before it is compared, so that several at once
/// count as several.
///
/// # Errors
/// [`DbError`].
pub fn count_try(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    call: CallId,
    most: i64,
) -> Result<bool, DbError> {
    let counted = tx.execute(
        sql!(
            "UPDATE call_code SET tries = tries + 1
              WHERE practice_id = $1 AND call_id = $2 AND tries < $3"
        ),
        params![practice, call, most],
    )?;
    Ok(counted == 1)
}

/// Uses it up. False where another request was faster.
///
/// # Errors
/// [`DbError`].
pub fn remove(tx: &mut Tx<'_>, practice: PracticeId, call: CallId) -> Result<bool, DbError> {
    let removed = tx.execute(
        sql!("DELETE FROM call_code WHERE practice_id = $1 AND call_id = $2"),
        params![practice, call],
    )?;
    Ok(removed == 1)
}
