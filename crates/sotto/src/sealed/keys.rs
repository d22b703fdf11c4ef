//! The public halves of browsers' keys: one in use for each member of staff and each patient. The
//! private halves are in the browsers and cannot be taken out of them.

use gate::PatientId;

use super::{PublicKey, SealedError};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::Tx;
use crate::db::registry::SEALED_KEY;
use crate::db::sealed_thread::{self as rows, Holder, KeyRow};
use crate::ids::{Id as _, SealedKeyId};
use crate::office::Office;

/// The key in use of somebody's browser.
///
/// # Errors
/// [`SealedError`].
pub fn of(
    tx: &mut Tx<'_>,
    office: &Office,
    holder: Holder,
) -> Result<Option<PublicKey>, SealedError> {
    let row = rows::key_of(tx, office.practice(), holder)?;
    Ok(row.map(|row| PublicKey::stored(row.public_key)))
}

/// From now on messages are sealed to this browser of theirs, and to the one before no more. In
/// which session it came is kept: who it is was proved there.
///
/// # Errors
/// [`SealedError`].
pub fn register(
    tx: &mut Tx<'_>,
    office: &Office,
    (holder, public): (Holder, &PublicKey),
    (session, actor): (String, &Actor),
) -> Result<(), SealedError> {
    let practice = office.practice();
    match rows::key_of(tx, practice, holder)? {
        Some(there) if there.public_key == public.as_bytes() => return Ok(()),
        Some(there) => end(tx, office, (there, "replaced"), actor)?,
        None => {}
    }
    let row = KeyRow {
        id: SealedKeyId::new(office.clock()),
        holder,
        public_key: public.as_bytes().to_vec(),
        session_id: session,
        created_at: office.clock().now(),
        ended_at: None,
        ended_why: None,
    };
    rows::put_key(tx, practice, &row)?;
    let event = event(&row, actor).code("key_registered").code(public.fingerprint());
    audit::append(tx, office, event)?;
    Ok(())
}

/// A device was lost: nothing more is sealed to it. What it opened before, it can still open.
///
/// # Errors
/// [`SealedError`].
pub fn cut_off(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    by: &Actor,
) -> Result<(), SealedError> {
    match rows::key_of(tx, office.practice(), Holder::Patient(patient))? {
        Some(there) => end(tx, office, (there, "cut_off"), by),
        None => Ok(()),
    }
}

fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    (row, why): (KeyRow, &'static str),
    by: &Actor,
) -> Result<(), SealedError> {
    let now = office.clock().now();
    let row = KeyRow { ended_at: Some(now), ended_why: Some(why.to_owned()), ..row };
    rows::put_key(tx, office.practice(), &row)?;
    let event = event(&row, by).code("key_ended").code(why);
    audit::append(tx, office, event.code(PublicKey::stored(row.public_key).fingerprint()))?;
    Ok(())
}

fn event(row: &KeyRow, by: &Actor) -> Event {
    let event = Event::new(Kind::SealedChanged, by.clone()).about(SEALED_KEY, row.id);
    match row.holder {
        Holder::Patient(patient) => event.patient(patient),
        Holder::Staff(_) => event,
    }
}
