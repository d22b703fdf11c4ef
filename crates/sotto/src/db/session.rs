//! Tables `session`, `session_seen`, `device`, `sign_in_failure` and `ceremony`.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::{DEVICE, SESSION};
use crate::db::{DbError, Row, Tx, words};
use crate::ids::{DeviceId, SessionId, StaffId};
use crate::{params, sql};

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By a passkey.
    Passkey,
    /// By a password and a code.
    Password,
    /// By the demo's link.
    Demo,
}

words! {
    Method {
        Passkey = "passkey",
        Password = "password",
        Demo = "demo",
    }
}

/// A row of `session`, with what decides whether it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Key.
    pub id: SessionId,
    /// Whose.
    pub staff_id: StaffId,
    /// In which browser.
    pub device_id: DeviceId,
    /// How it began.
    pub method: Method,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When a second factor was last given.
    pub proved_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was last used, to the half minute.
    pub seen_at: Timestamp,
    /// The browser, in our words.
    pub device_name: String,
    /// It is a shared station.
    pub shared: bool,
}

fn read(row: &Row<'_>) -> Result<SessionRow, DbError> {
    let created_at = row.get(4)?;
    Ok(SessionRow {
        id: row.get(0)?,
        staff_id: row.get(1)?,
        device_id: row.get(2)?,
        method: row.get(3)?,
        created_at,
        expires_at: row.get(5)?,
        proved_at: row.get(6)?,
        ended_at: row.get(7)?,
        seen_at: row.get::<Option<Timestamp>>(8)?.unwrap_or(created_at),
        device_name: row.get(9)?,
        shared: row.get(10)?,
    })
}

/// Adds a session under the digest of its token.
///
/// # Errors
/// [`DbError`].
pub fn add(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &SessionRow,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO session (practice_id, id, staff_id, device_id, digest, method, created_at,
                                  expires_at, proved_at, ended_at, ended_why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL)"
        ),
        params![
            practice,
            row.id,
            row.staff_id,
            row.device_id,
            digest,
            row.method,
            row.created_at,
            row.expires_at,
            row.proved_at
        ],
    )?;
    tx.touch(SESSION, row.id.to_string());
    Ok(())
}

/// The session with this digest, ended or not.
///
/// # Errors
/// [`DbError`].
pub fn by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<SessionRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT s.id, s.staff_id, s.device_id, s.method, s.created_at, s.expires_at,
                    s.proved_at, s.ended_at, n.seen_at, d.name, d.shared
               FROM session s
               JOIN device d ON d.practice_id = s.practice_id AND d.id = s.device_id
               LEFT JOIN session_seen n ON n.practice_id = s.practice_id AND n.session_id = s.id
              WHERE s.practice_id = $1 AND s.digest = $2"
        ),
        params![practice, digest],
        read,
    )
}

/// The sessions of somebody that have not ended, newest first; some may be past their time.
///
/// # Errors
/// [`DbError`].
pub fn open_ones(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Vec<SessionRow>, DbError> {
    tx.query(
        sql!(
            "SELECT s.id, s.staff_id, s.device_id, s.method, s.created_at, s.expires_at,
                    s.proved_at, s.ended_at, n.seen_at, d.name, d.shared
               FROM session s
               JOIN device d ON d.practice_id = s.practice_id AND d.id = s.device_id
               LEFT JOIN session_seen n ON n.practice_id = s.practice_id AND n.session_id = s.id
              WHERE s.practice_id = $1 AND s.staff_id = $2 AND s.ended_at IS NULL
              ORDER BY s.id DESC"
        ),
        params![practice, staff],
        read,
    )
}

/// Every session that is open now, with the digest of its token.
///
/// # Errors
/// [`DbError`].
pub fn all_open(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<(SessionRow, Vec<u8>)>, DbError> {
    tx.query(
        sql!(
            "SELECT s.id, s.staff_id, s.device_id, s.method, s.created_at, s.expires_at,
                    s.proved_at, s.ended_at, n.seen_at, d.name, d.shared, s.digest
               FROM session s
               JOIN device d ON d.practice_id = s.practice_id AND d.id = s.device_id
               LEFT JOIN session_seen n ON n.practice_id = s.practice_id AND n.session_id = s.id
              WHERE s.practice_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
              ORDER BY s.id"
        ),
        params![practice, now],
        |row| Ok((read(row)?, row.get(11)?)),
    )
}

/// Ends a session; `why` is a word. False where it had ended, or is somebody else's.
///
/// # Errors
/// [`DbError`].
pub fn end(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (staff, id): (StaffId, SessionId),
    why: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE session SET ended_at = $4, ended_why = $5
              WHERE practice_id = $1 AND staff_id = $2 AND id = $3 AND ended_at IS NULL"
        ),
        params![practice, staff, id, now, why],
    )?;
    if changed > 0 {
        tx.touch(SESSION, id.to_string());
    }
    Ok(changed > 0)
}

/// A second factor was given now.
///
/// # Errors
/// [`DbError`].
pub fn prove(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE session SET proved_at = $3
              WHERE practice_id = $1 AND id = $2 AND ended_at IS NULL"
        ),
        params![practice, id, now],
    )?;
    tx.touch(SESSION, id.to_string());
    Ok(())
}

/// A passkey was given in a session.
///
/// # Errors
/// [`DbError`].
pub fn prove_by_passkey(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO session_passkey (practice_id, session_id, proved_at) VALUES ($1, $2, $3)
             ON CONFLICT (practice_id, session_id) DO UPDATE SET proved_at = excluded.proved_at"
        ),
        params![practice, id, now],
    )?;
    Ok(())
}

/// When a passkey was last given in a session.
///
/// # Errors
/// [`DbError`].
pub fn proved_by_passkey(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SessionId,
) -> Result<Option<Timestamp>, DbError> {
    tx.query_opt(
        sql!("SELECT proved_at FROM session_passkey WHERE practice_id = $1 AND session_id = $2"),
        params![practice, id],
        |row| row.get(0),
    )
}

/// The session was used now.
///
/// # Errors
/// [`DbError`].
pub fn see(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO session_seen (practice_id, session_id, seen_at) VALUES ($1, $2, $3)
             ON CONFLICT (practice_id, session_id) DO UPDATE SET seen_at = excluded.seen_at"
        ),
        params![practice, id, now],
    )?;
    Ok(())
}

/// A row of `device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Key.
    pub id: DeviceId,
    /// Who signed in with it.
    pub staff_id: StaffId,
    /// The browser, in our words.
    pub name: String,
    /// A shared station.
    pub shared: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when its contact is answered with "forget everything".
    pub wiped_at: Option<Timestamp>,
}

fn read_device(row: &Row<'_>) -> Result<DeviceRow, DbError> {
    Ok(DeviceRow {
        id: row.get(0)?,
        staff_id: row.get(1)?,
        name: row.get(2)?,
        shared: row.get(3)?,
        created_at: row.get(4)?,
        wiped_at: row.get(5)?,
    })
}

/// Registers a browser under the digest of its token.
///
/// # Errors
/// [`DbError`].
pub fn add_device(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &DeviceRow,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO device (practice_id, id, staff_id, digest, name, shared, created_at,
                                 wiped_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)"
        ),
        params![practice, row.id, row.staff_id, digest, row.name, row.shared, row.created_at],
    )?;
    tx.touch(DEVICE, row.id.to_string());
    Ok(())
}

/// The devices with this token, one for each who signed in with it.
///
/// # Errors
/// [`DbError`].
pub fn devices_by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Vec<DeviceRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, staff_id, name, shared, created_at, wiped_at FROM device
              WHERE practice_id = $1 AND digest = $2 ORDER BY id"
        ),
        params![practice, digest],
        read_device,
    )
}

/// The devices of somebody, newest first, but for those wiped.
///
/// # Errors
/// [`DbError`].
pub fn devices_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    staff: StaffId,
) -> Result<Vec<DeviceRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, staff_id, name, shared, created_at, wiped_at FROM device
              WHERE practice_id = $1 AND staff_id = $2 AND wiped_at IS NULL ORDER BY id DESC"
        ),
        params![practice, staff],
        read_device,
    )
}

/// The devices that were wiped.
///
/// # Errors
/// [`DbError`].
pub fn wiped_devices(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<DeviceId>, DbError> {
    tx.query(
        sql!("SELECT id FROM device WHERE practice_id = $1 AND wiped_at IS NOT NULL ORDER BY id"),
        params![practice],
        |row| row.get(0),
    )
}

/// The digest of a device's token, where the device is this person's.
///
/// # Errors
/// [`DbError`].
pub fn digest_of_device(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (staff, id): (StaffId, DeviceId),
) -> Result<Option<Vec<u8>>, DbError> {
    tx.query_opt(
        sql!("SELECT digest FROM device WHERE practice_id = $1 AND staff_id = $2 AND id = $3"),
        params![practice, staff, id],
        |row| row.get(0),
    )
}

/// Marks a device as shared or as somebody's own.
///
/// # Errors
/// [`DbError`].
pub fn share_device(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: DeviceId,
    shared: bool,
) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE device SET shared = $3 WHERE practice_id = $1 AND id = $2"),
        params![practice, id, shared],
    )?;
    tx.touch(DEVICE, id.to_string());
    Ok(())
}

/// Wipes a device: its next contact is told to forget everything.
///
/// # Errors
/// [`DbError`].
pub fn wipe(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: DeviceId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE device SET wiped_at = $3
              WHERE practice_id = $1 AND id = $2 AND wiped_at IS NULL"
        ),
        params![practice, id, now],
    )?;
    tx.touch(DEVICE, id.to_string());
    Ok(())
}

/// How often somebody guessed wrong since it went right, and when last.
///
/// # Errors
/// [`DbError`].
pub fn failures(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    counted_for: &[u8; 32],
) -> Result<Option<(i64, Timestamp)>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT failures, last_at FROM sign_in_failure
              WHERE practice_id = $1 AND counted_for = $2"
        ),
        params![practice, counted_for],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Counts a guess before it is looked at.
///
/// # Errors
/// [`DbError`].
pub fn count_guess(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    counted_for: &[u8; 32],
    (failures, now): (i64, Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO sign_in_failure (practice_id, counted_for, failures, last_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (practice_id, counted_for) DO UPDATE SET
                 failures = excluded.failures, last_at = excluded.last_at"
        ),
        params![practice, counted_for, failures, now],
    )?;
    Ok(())
}

/// It went right.
///
/// # Errors
/// [`DbError`].
pub fn forget_guesses(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    counted_for: &[u8; 32],
) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM sign_in_failure WHERE practice_id = $1 AND counted_for = $2"),
        params![practice, counted_for],
    )?;
    Ok(())
}

/// Forgets what is too old to count.
///
/// # Errors
/// [`DbError`].
pub fn forget_guesses_before(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    before: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM sign_in_failure WHERE practice_id = $1 AND last_at < $2"),
        params![practice, before],
    )?;
    Ok(())
}

/// Keeps what the answer of a passkey ceremony is compared with.
///
/// # Errors
/// [`DbError`].
pub fn add_ceremony(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
    (sealed, now, expires_at): (&[u8], Timestamp, Timestamp),
) -> Result<(), DbError> {
    forget_ceremonies(tx, practice, now)?;
    tx.execute(
        sql!(
            "INSERT INTO ceremony (practice_id, digest, state_sealed, expires_at)
             VALUES ($1, $2, $3, $4)"
        ),
        params![practice, digest, sealed, expires_at],
    )?;
    Ok(())
}

/// Takes it out, once, and forgets those past their time.
///
/// # Errors
/// [`DbError`].
pub fn take_ceremony(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    forget_ceremonies(tx, practice, now)?;
    let state = tx.query_opt(
        sql!("SELECT state_sealed FROM ceremony WHERE practice_id = $1 AND digest = $2"),
        params![practice, digest],
        |row| row.get(0),
    )?;
    let taken = tx.execute(
        sql!("DELETE FROM ceremony WHERE practice_id = $1 AND digest = $2"),
        params![practice, digest],
    )?;
    Ok(state.filter(|_| taken == 1))
}

/// Those past their time: anybody may ask for one, so they must not pile up.
fn forget_ceremonies(tx: &mut Tx<'_>, practice: PracticeId, now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM ceremony WHERE practice_id = $1 AND expires_at < $2"),
        params![practice, now],
    )?;
    Ok(())
}
