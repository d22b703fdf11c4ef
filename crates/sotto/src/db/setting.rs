//! Table `setting`: small facts of this installation.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::SETTING;
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// The value under a name.
///
/// # Errors
/// [`DbError`].
pub fn get(tx: &mut Tx<'_>, practice: PracticeId, name: &str) -> Result<Option<String>, DbError> {
    tx.query_opt(
        sql!("SELECT value FROM setting WHERE practice_id = $1 AND name = $2"),
        params![practice, name],
        |row| row.get(0),
    )
}

/// When the value under a name was set.
///
/// # Errors
/// [`DbError`].
pub fn set_at(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    name: &str,
) -> Result<Option<Timestamp>, DbError> {
    tx.query_opt(
        sql!("SELECT updated_at FROM setting WHERE practice_id = $1 AND name = $2"),
        params![practice, name],
        |row| row.get(0),
    )
}

/// Sets the value under a name.
///
/// # Errors
/// [`DbError`].
pub fn put(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (name, value): (&str, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO setting (practice_id, name, value, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (practice_id, name) DO UPDATE SET
                 value = excluded.value, updated_at = excluded.updated_at"
        ),
        params![practice, name, value, now],
    )?;
    tx.touch(SETTING, name);
    Ok(())
}
