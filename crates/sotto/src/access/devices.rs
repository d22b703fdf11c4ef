//! A lost device is wiped: its sessions end, its next contact is told to forget everything, and its
//! key is destroyed, so that what was kept for it is unreadable, also in a backup from before
//! (SPEC LC-02; docs/decisions/0026).
//!
//! First nobody comes in with it any more, then its key goes, then the log says so. A crash between
//! the first two leaves a key that [`finish`] destroys.

use super::AccessError;
use super::sessions;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::registry::DEVICE;
use crate::db::{Db, session as rows};
use crate::ids::{DeviceId, StaffId};
use crate::office::Office;

/// Wipes one of somebody's devices from afar, with whoever else signed in with the same browser.
/// False where they have no such device.
///
/// # Errors
/// [`AccessError`]: where only its key could not be destroyed, it is tried again by [`finish`].
pub async fn wipe(
    db: &Db,
    office: &Office,
    which: (StaffId, DeviceId),
    by: Actor,
) -> Result<bool, AccessError> {
    let (its, actor) = (office.clone(), by.clone());
    let wiped = db.write(move |tx| sessions::wipe(tx, &its, which, actor)).await?;
    for device in &wiped {
        destroy_key(db, office, *device, by.clone()).await?;
    }
    Ok(!wiped.is_empty())
}

/// Destroys the keys of devices that are wiped and still have one. The answer is how many.
///
/// # Errors
/// [`AccessError`]: look again, until it succeeds.
pub async fn finish(db: &Db, office: &Office) -> Result<u64, AccessError> {
    let practice = office.practice();
    let wiped: Vec<DeviceId> = db.read(move |tx| rows::wiped_devices(tx, practice)).await?;
    let mut finished = 0;
    for device in wiped {
        if office.keys().has_device(&device.to_string())? {
            destroy_key(db, office, device, Actor::service("access")).await?;
            finished += 1;
        }
    }
    Ok(finished)
}

async fn destroy_key(
    db: &Db,
    office: &Office,
    device: DeviceId,
    by: Actor,
) -> Result<(), AccessError> {
    office.keys().destroy_device(&device.to_string())?;
    let its = office.clone();
    db.write(move |tx| {
        let event = Event::new(Kind::KeyChanged, by).about(DEVICE, device);
        audit::append(tx, &its, event.code("device_key_destroyed")).map(drop)
    })
    .await?;
    Ok(())
}
