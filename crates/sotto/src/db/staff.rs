//! Tables `staff` and `invite`.

use gate::PracticeId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::registry::{INVITE, STAFF};
use crate::db::{DbError, Row, Tx};
use crate::ids::StaffId;
use crate::{params, sql};

/// A row of `staff`; the person is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRow {
    /// Key.
    pub id: StaffId,
    /// Name and mailbox.
    pub person_sealed: Vec<u8>,
    /// Blind index of the mailbox.
    pub name_index: Vec<u8>,
    /// Words of roles, space separated.
    pub roles: String,
    /// Ids of sites, space separated; empty for every site.
    pub sites: String,
    /// When they were invited first.
    pub created_at: Timestamp,
    /// Since when they may not come in.
    pub disabled_at: Option<Timestamp>,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<StaffRow, DbError> {
    Ok(StaffRow {
        id: row.get(0)?,
        person_sealed: row.get(1)?,
        name_index: row.get(2)?,
        roles: row.get(3)?,
        sites: row.get(4)?,
        created_at: row.get(5)?,
        disabled_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &StaffRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO staff (practice_id, id, person_sealed, name_index, roles, sites,
                                created_at, disabled_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 person_sealed = excluded.person_sealed, name_index = excluded.name_index,
                 roles = excluded.roles, sites = excluded.sites,
                 disabled_at = excluded.disabled_at, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.person_sealed,
            row.name_index,
            row.roles,
            row.sites,
            row.created_at,
            row.disabled_at,
            row.updated_at
        ],
    )?;
    tx.touch(STAFF, row.id.to_string());
    Ok(())
}

/// The one with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: StaffId,
) -> Result<Option<StaffRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, person_sealed, name_index, roles, sites, created_at, disabled_at,
                    updated_at
               FROM staff WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The one who signs in with the mailbox of this blind index.
///
/// # Errors
/// [`DbError`].
pub fn by_name(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    index: &[u8; 32],
) -> Result<Option<StaffRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, person_sealed, name_index, roles, sites, created_at, disabled_at,
                    updated_at
               FROM staff WHERE practice_id = $1 AND name_index = $2"
        ),
        params![practice, index],
        read,
    )
}

/// Everybody, in the order they came.
///
/// # Errors
/// [`DbError`].
pub fn list(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<StaffRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, person_sealed, name_index, roles, sites, created_at, disabled_at,
                    updated_at
               FROM staff WHERE practice_id = $1 ORDER BY id"
        ),
        params![practice],
        read,
    )
}

/// A row of `invite`; the link itself is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRow {
    /// Key.
    pub id: Uuid,
    /// Who is invited.
    pub staff_id: StaffId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// When it was accepted or replaced.
    pub used_at: Option<Timestamp>,
}

/// Adds an invitation under the digest of its secret.
///
/// # Errors
/// [`DbError`].
pub fn add_invite(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &InviteRow,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO invite (practice_id, id, staff_id, digest, created_at, expires_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        params![
            practice,
            row.id,
            row.staff_id,
            digest,
            row.created_at,
            row.expires_at,
            row.used_at
        ],
    )?;
    tx.touch(INVITE, row.id.to_string());
    Ok(())
}

/// The invitation with this digest.
///
/// # Errors
/// [`DbError`].
pub fn invite_by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<InviteRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, staff_id, created_at, expires_at, used_at FROM invite
              WHERE practice_id = $1 AND digest = $2"
        ),
        params![practice, digest],
        |row| {
            Ok(InviteRow {
                id: row.get(0)?,
                staff_id: row.get(1)?,
                created_at: row.get(2)?,
                expires_at: row.get(3)?,
                used_at: row.get(4)?,
            })
        },
    )
}

/// Ends one invitation. False where it was used before: of two who accept at once, one does.
///
/// # Errors
/// [`DbError`].
pub fn use_invite(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Uuid,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE invite SET used_at = $3
              WHERE practice_id = $1 AND id = $2 AND used_at IS NULL"
        ),
        params![practice, id, now],
    )?;
    if changed > 0 {
        tx.touch(INVITE, id.to_string());
    }
    Ok(changed > 0)
}

/// Ids of the invitations of somebody that nobody has used.
///
/// # Errors
/// [`DbError`].
pub fn open_invites(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Vec<Uuid>, DbError> {
    tx.query(
        sql!(
            "SELECT id FROM invite WHERE practice_id = $1 AND staff_id = $2 AND used_at IS NULL
              ORDER BY id"
        ),
        params![practice, staff],
        |row| row.get(0),
    )
}
