//! A form is sent: a notice that says nothing about health, with a link that leads, after the proof,
//! to the consent for one address and channel.

use gate::{MessageId, Origin, PatientId};

use super::PortalError;
use super::choices::{own_points, ways_of};
use super::letters::tell;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::Tx;
use crate::db::registry::WINDOW_LINK;
use crate::db::window::{LinkRow, Purpose};
use crate::db::window_aim::{self, Aim};
use crate::facts;
use crate::office::Office;

/// Why a form was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// The patient has no such address of their own, or nothing goes there by this channel.
    NoSuchPlace,
    /// No address of theirs may get the notice now: the gate said no to each.
    NoWay,
}

/// Sends the consent form for an address of the patient's own: the notice goes to that address, where
/// it can take one, else to another of theirs. The gate has the last word on each.
///
/// # Errors
/// [`PortalError`].
pub fn send(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, aim): (PatientId, Aim),
    actor: &Actor,
) -> Result<Result<(), NotSent>, PortalError> {
    let own = own_points(tx, office, patient)?;
    let Some(wanted) = own.iter().find(|point| point.id == aim.contact_point) else {
        return Ok(Err(NotSent::NoSuchPlace));
    };
    if !ways_of(wanted.kind).contains(&aim.channel) {
        return Ok(Err(NotSent::NoSuchPlace));
    }
    let others = own.iter().filter(|point| point.id != wanted.id);
    for point in std::iter::once(wanted).chain(others) {
        let Some(subject) = facts::subject(tx, office, patient)? else {
            return Ok(Err(NotSent::NoSuchPlace));
        };
        let whom = (point.id, Origin::Staff, actor.clone());
        if let Some(notice) = tell(tx, office, subject, whom)? {
            lead(tx, office, (notice, patient), (aim, actor))?;
            return Ok(Ok(()));
        }
    }
    Ok(Err(NotSent::NoWay))
}

/// The link of this notice leads to a form.
fn lead(
    tx: &mut Tx<'_>,
    office: &Office,
    (notice, patient): (MessageId, PatientId),
    (aim, actor): (Aim, &Actor),
) -> Result<(), PortalError> {
    window_aim::add(tx, office.practice(), notice, (aim, office.clock().now()))?;
    let event = Event::new(Kind::LinkChanged, actor.clone())
        .about(WINDOW_LINK, notice)
        .patient(patient)
        .code("form")
        .code(aim.channel.as_str());
    audit::append(tx, office, event)?;
    Ok(())
}

/// A new link leads where the old one led.
///
/// # Errors
/// [`PortalError`].
pub(super) fn inherit(
    tx: &mut Tx<'_>,
    office: &Office,
    old: &LinkRow,
    notice: MessageId,
) -> Result<(), PortalError> {
    match window_aim::of(tx, office.practice(), old.message_id)? {
        Some(aim) => {
            let actor = Actor::service("window");
            lead(tx, office, (notice, old.patient_id), (aim, &actor))
        }
        None => Ok(()),
    }
}

/// The page that a link leads to after the proof.
///
/// # Errors
/// [`PortalError::Db`].
pub fn page_of(tx: &mut Tx<'_>, office: &Office, link: &LinkRow) -> Result<String, PortalError> {
    if let Some(aim) = window_aim::of(tx, office.practice(), link.message_id)? {
        let Aim { contact_point, channel } = aim;
        return Ok(format!("/window/choices/places/{contact_point}/{}", channel.as_str()));
    }
    Ok(match link.purpose {
        Purpose::Choices => "/window/choices",
        Purpose::Message | Purpose::Visit => "/window",
    }
    .to_owned())
}
