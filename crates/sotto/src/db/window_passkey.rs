//! Tables `window_passkey` and `window_proof`: phones that are remembered at the window, and the
//! stays that began by one.

use gate::{ContactPointId, MessageId, PatientId, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::registry::{WINDOW_PASSKEY, WINDOW_PROOF};
use crate::db::{DbError, Row, Tx};
use crate::ids::{CaregiverId, PhoneId, WindowSessionId};
use crate::{params, sql};

/// A row of `window_passkey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRow {
    /// Key.
    pub id: PhoneId,
    /// What authenticators call the holder.
    pub handle: Uuid,
    /// About whom.
    pub patient_id: PatientId,
    /// Whose it is, when not the patient's.
    pub caregiver_id: Option<CaregiverId>,
    /// The address they last came by.
    pub contact_point_id: ContactPointId,
    /// And the link.
    pub link_id: MessageId,
    /// The credential, sealed.
    pub key_sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// Since when it is worth nothing.
    pub ended_at: Option<Timestamp>,
    /// Why: `removed`, `cut_off`, `restored`, `merged`.
    pub ended_why: Option<String>,
}

fn read(row: &Row<'_>) -> Result<PhoneRow, DbError> {
    Ok(PhoneRow {
        id: row.get(0)?,
        handle: row.get(1)?,
        patient_id: row.get(2)?,
        caregiver_id: row.get(3)?,
        contact_point_id: row.get(4)?,
        link_id: row.get(5)?,
        key_sealed: row.get(6)?,
        created_at: row.get(7)?,
        used_at: row.get(8)?,
        ended_at: row.get(9)?,
        ended_why: row.get(10)?,
    })
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &PhoneRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO window_passkey (practice_id, id, handle, patient_id, caregiver_id,
                                         contact_point_id, link_id, key_sealed, created_at, used_at,
                                         ended_at, ended_why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 contact_point_id = excluded.contact_point_id, link_id = excluded.link_id,
                 key_sealed = excluded.key_sealed, used_at = excluded.used_at,
                 ended_at = excluded.ended_at, ended_why = excluded.ended_why"
        ),
        params![
            practice,
            row.id,
            row.handle,
            row.patient_id,
            row.caregiver_id,
            row.contact_point_id,
            row.link_id,
            row.key_sealed,
            row.created_at,
            row.used_at,
            row.ended_at,
            row.ended_why
        ],
    )?;
    tx.touch(WINDOW_PASSKEY, row.id.to_string());
    Ok(())
}

/// Those whose holder authenticators call so, ended or not.
///
/// # Errors
/// [`DbError`].
pub fn by_handle(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    handle: Uuid,
) -> Result<Vec<PhoneRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, handle, patient_id, caregiver_id, contact_point_id, link_id, key_sealed,
                    created_at, used_at, ended_at, ended_why
               FROM window_passkey WHERE practice_id = $1 AND handle = $2 ORDER BY id"
        ),
        params![practice, handle],
        read,
    )
}

/// Those about a patient, whoever's they are, ended or not.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<PhoneRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, handle, patient_id, caregiver_id, contact_point_id, link_id, key_sealed,
                    created_at, used_at, ended_at, ended_why
               FROM window_passkey WHERE practice_id = $1 AND patient_id = $2 ORDER BY id"
        ),
        params![practice, patient],
        read,
    )
}

/// Those of the whole practice that have not ended; some may be forgotten by now.
///
/// # Errors
/// [`DbError`].
pub fn all_open(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<PhoneRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, handle, patient_id, caregiver_id, contact_point_id, link_id, key_sealed,
                    created_at, used_at, ended_at, ended_why
               FROM window_passkey WHERE practice_id = $1 AND ended_at IS NULL ORDER BY id"
        ),
        params![practice],
        read,
    )
}

/// This stay began by this one.
///
/// # Errors
/// [`DbError`].
pub fn proved(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    session: WindowSessionId,
    phone: PhoneId,
) -> Result<(), DbError> {
    tx.execute(
        sql!("INSERT INTO window_proof (practice_id, session_id, passkey_id) VALUES ($1, $2, $3)"),
        params![practice, session, phone],
    )?;
    tx.touch(WINDOW_PROOF, session.to_string());
    Ok(())
}
