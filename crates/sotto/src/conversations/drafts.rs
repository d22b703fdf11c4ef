//! What somebody was writing to a patient and has not sent: kept for them alone, sealed under the key
//! of the device they wrote it on, for a week. No message: nothing is decided about it, nobody else
//! reads it, and it is not in the record.

use gate::{MessageId, PatientId};
use jiff::{SignedDuration, Timestamp};
use seal::{Place, SealError, Sealed};
use zeroize::Zeroizing;

use crate::access::sessions::SignedIn;
use crate::audit::{self, AuditError, Event, Kind};
use crate::db::draft::{self as rows, DraftRow};
use crate::db::registry::DRAFT;
use crate::db::{Db, DbError, Tx, message, session};
use crate::ids::StaffId;
use crate::intake::IntakeError;
use crate::office::Office;

/// How long a draft is kept after it was last changed.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A draft cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Its key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl From<DraftError> for IntakeError {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Seal(error) => error.into(),
            DraftError::Db(error) => error.into(),
            DraftError::Audit(error) => error.into(),
        }
    }
}

/// A draft, opened. PHI.
pub struct Kept {
    /// What was kept, as it was given.
    pub plain: Zeroizing<Vec<u8>>,
    /// When.
    pub at: Timestamp,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Keeps what somebody is writing to a patient, in place of what was kept before. The answer is when
/// that was; none where it is not kept: it went as this message meanwhile, or the device was wiped.
///
/// # Errors
/// [`DraftError`].
pub fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    (who, patient, becomes): (&SignedIn, PatientId, MessageId),
    plain: &[u8],
) -> Result<Option<Timestamp>, DraftError> {
    let practice = office.practice();
    let whose = (who.staff.id, patient);
    // What was typed last may come in after it was sent.
    if message::find(tx, practice, becomes)?.is_some() {
        return Ok(None);
    }
    let devices = session::devices_of(tx, practice, who.staff.id)?;
    let Some(device) = devices.into_iter().find(|device| device.id == who.session.device_id) else {
        return Ok(None);
    };
    let (house, row) = (practice.to_string(), key(whose));
    let keys = office.keys();
    let sealed = keys.seal_for_device(&device.id.to_string(), &place(&house, &row), plain)?;
    let kept_at = office.clock().now();
    let first = rows::get(tx, practice, whose)?.is_none();
    let body_sealed = sealed.into_bytes();
    rows::put(tx, practice, whose, &DraftRow { device_id: device.id, body_sealed, kept_at })?;
    if first {
        changed(tx, office, (who, patient), "kept")?;
    }
    Ok(Some(kept_at))
}

/// What somebody was writing to a patient. None also where its key is gone: the device was wiped, or
/// the keys were put back from a backup, which holds none of a device.
///
/// # Errors
/// [`DraftError`].
pub fn find(
    tx: &mut Tx<'_>,
    office: &Office,
    whose: (StaffId, PatientId),
) -> Result<Option<Kept>, DraftError> {
    let practice = office.practice();
    let since = office.clock().now().checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
    let found = rows::get(tx, practice, whose)?.filter(|row| row.kept_at >= since);
    let Some(found) = found else { return Ok(None) };
    // Another node may have a wiped device's key in memory still.
    let devices = session::devices_of(tx, practice, whose.0)?;
    if devices.iter().all(|device| device.id != found.device_id) {
        return Ok(None);
    }
    let (house, row) = (practice.to_string(), key(whose));
    let sealed = Sealed::from_bytes(found.body_sealed);
    match office.keys().open_value(&place(&house, &row), &sealed) {
        Ok(plain) => Ok(Some(Kept { plain, at: found.kept_at })),
        // The device was wiped; or the keys were put back from a backup, which has none of devices,
        // and the device has another key since.
        Err(SealError::Missing | SealError::Destroyed { .. } | SealError::Altered) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// When a draft was kept last.
///
/// # Errors
/// [`DraftError`].
pub fn kept_at(
    tx: &mut Tx<'_>,
    office: &Office,
    whose: (StaffId, PatientId),
) -> Result<Option<Timestamp>, DraftError> {
    Ok(find(tx, office, whose)?.map(|kept| kept.at))
}

/// Throws a draft away. False where there was none.
///
/// # Errors
/// [`DraftError`].
pub fn discard(
    tx: &mut Tx<'_>,
    office: &Office,
    (who, patient): (&SignedIn, PatientId),
) -> Result<bool, DraftError> {
    let removed = rows::remove(tx, office.practice(), (who.staff.id, patient))?;
    if removed {
        changed(tx, office, (who, patient), "discarded")?;
    }
    Ok(removed)
}

/// Ends the drafts that nobody went on with. The answer is how many.
///
/// # Errors
/// [`DraftError`]: look again, until it succeeds.
pub async fn end_old(db: &Db, office: &Office) -> Result<u64, DraftError> {
    let before = office.clock().now().checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
    let practice = office.practice();
    Ok(db.write(move |tx| rows::remove_before(tx, practice, before)).await?)
}

fn changed(
    tx: &mut Tx<'_>,
    office: &Office,
    (who, patient): (&SignedIn, PatientId),
    word: &'static str,
) -> Result<(), DraftError> {
    let event = Event::new(Kind::DraftChanged, who.actor())
        .about(DRAFT, key((who.staff.id, patient)))
        .patient(patient);
    audit::append(tx, office, event.code(word))?;
    Ok(())
}

fn key((staff, patient): (StaffId, PatientId)) -> String {
    format!("{staff}/{patient}")
}

const fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "draft", row, column: "body" }
}
