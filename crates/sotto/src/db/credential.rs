//! Tables `staff_secret`, `recovery_code` and `passkey`.

use gate::PracticeId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::registry::{PASSKEY, RECOVERY_CODE, STAFF_SECRET};
use crate::db::{DbError, Row, Tx};
use crate::ids::{PasskeyId, StaffId};
use crate::{params, sql};

/// A row of `staff_secret`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretRow {
    /// The password's hash, sealed.
    pub password_sealed: Option<Vec<u8>>,
    /// When it was set.
    pub password_set_at: Option<Timestamp>,
    /// The code generator's secret, sealed.
    pub totp_sealed: Option<Vec<u8>>,
    /// The last step whose code was used.
    pub totp_step: i64,
}

/// What somebody signs in with, but for passkeys.
///
/// # Errors
/// [`DbError`].
pub fn secret(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Option<SecretRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT password_sealed, password_set_at, totp_sealed, totp_step FROM staff_secret
              WHERE practice_id = $1 AND staff_id = $2"
        ),
        params![practice, staff],
        |row| {
            Ok(SecretRow {
                password_sealed: row.get(0)?,
                password_set_at: row.get(1)?,
                totp_sealed: row.get(2)?,
                totp_step: row.get(3)?,
            })
        },
    )
}

/// Sets it.
///
/// # Errors
/// [`DbError`].
pub fn put_secret(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
    row: &SecretRow,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO staff_secret (practice_id, staff_id, password_sealed, password_set_at,
                                       totp_sealed, totp_step)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (practice_id, staff_id) DO UPDATE SET
                 password_sealed = excluded.password_sealed,
                 password_set_at = excluded.password_set_at,
                 totp_sealed = excluded.totp_sealed, totp_step = excluded.totp_step"
        ),
        params![
            practice,
            staff,
            row.password_sealed,
            row.password_set_at,
            row.totp_sealed,
            row.totp_step
        ],
    )?;
    tx.touch(STAFF_SECRET, staff.to_string());
    Ok(())
}

/// Marks the code of this step as used. False where it, or a later one, was used before.
///
/// # Errors
/// [`DbError`].
pub fn use_step(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
    step: i64,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE staff_secret SET totp_step = $3
              WHERE practice_id = $1 AND staff_id = $2 AND totp_step < $3"
        ),
        params![practice, staff, step],
    )?;
    if changed > 0 {
        tx.touch(STAFF_SECRET, staff.to_string());
    }
    Ok(changed > 0)
}

/// Adds a recovery code under its digest.
///
/// # Errors
/// [`DbError`].
pub fn add_recovery_code(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (id, staff): (Uuid, StaffId),
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO recovery_code (practice_id, id, staff_id, digest, created_at, used_at)
             VALUES ($1, $2, $3, $4, $5, NULL)"
        ),
        params![practice, id, staff, digest, now],
    )?;
    tx.touch(RECOVERY_CODE, id.to_string());
    Ok(())
}

/// The codes of somebody that are still good: id and digest.
///
/// # Errors
/// [`DbError`].
pub fn recovery_codes(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Vec<(Uuid, Vec<u8>)>, DbError> {
    tx.query(
        sql!(
            "SELECT id, digest FROM recovery_code
              WHERE practice_id = $1 AND staff_id = $2 AND used_at IS NULL ORDER BY id"
        ),
        params![practice, staff],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Uses one up. False where it was used before.
///
/// # Errors
/// [`DbError`].
pub fn use_recovery_code(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Uuid,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE recovery_code SET used_at = $3
              WHERE practice_id = $1 AND id = $2 AND used_at IS NULL"
        ),
        params![practice, id, now],
    )?;
    if changed > 0 {
        tx.touch(RECOVERY_CODE, id.to_string());
    }
    Ok(changed > 0)
}

/// A row of `passkey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Key.
    pub id: PasskeyId,
    /// Whose.
    pub staff_id: StaffId,
    /// The credential, sealed.
    pub key_sealed: Vec<u8>,
    /// The browser it was made with.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// Since when it is worth nothing.
    pub ended_at: Option<Timestamp>,
}

fn read_passkey(row: &Row<'_>) -> Result<PasskeyRow, DbError> {
    Ok(PasskeyRow {
        id: row.get(0)?,
        staff_id: row.get(1)?,
        key_sealed: row.get(2)?,
        name: row.get(3)?,
        created_at: row.get(4)?,
        used_at: row.get(5)?,
        ended_at: row.get(6)?,
    })
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put_passkey(tx: &mut Tx<'_>, practice: PracticeId, row: &PasskeyRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO passkey (practice_id, id, staff_id, key_sealed, name, created_at, used_at,
                                  ended_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 key_sealed = excluded.key_sealed, used_at = excluded.used_at,
                 ended_at = excluded.ended_at"
        ),
        params![
            practice,
            row.id,
            row.staff_id,
            row.key_sealed,
            row.name,
            row.created_at,
            row.used_at,
            row.ended_at
        ],
    )?;
    tx.touch(PASSKEY, row.id.to_string());
    Ok(())
}

/// The passkeys of somebody that are good.
///
/// # Errors
/// [`DbError`].
pub fn passkeys(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Vec<PasskeyRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, staff_id, key_sealed, name, created_at, used_at, ended_at FROM passkey
              WHERE practice_id = $1 AND staff_id = $2 AND ended_at IS NULL ORDER BY id"
        ),
        params![practice, staff],
        read_passkey,
    )
}
