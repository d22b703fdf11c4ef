//! Confidential communications: another number, mailbox or channel, at the patient's wish, which
//! overrides the chart on every send (45 CFR 164.522(b), PRIV-05). Nobody asks why.

use gate::{Address, Channel, ContactPointId, PatientId};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::contacts::{self, NewContact};
use super::told::{self, Note, RecordError, Told, in_order, in_use, wrong};
use crate::audit::{self, Actor, Event};
use crate::db::Tx;
use crate::db::contact_point;
use crate::db::outbox::Which;
use crate::db::registry::ALTERNATIVE_CONTACT;
use crate::db::restriction::{self, AlternativeRow};
use crate::office::Office;
use crate::outbox::recheck::{Rechecked, recheck};
use crate::people::addresses::suits;

/// Where a patient wants to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Here, and nowhere else by that channel. Written down as a contact point where it is new.
    At(Address),
    /// Not by that channel at all.
    Nowhere,
}

/// A wish to be reached elsewhere.
#[derive(Debug, Clone)]
pub struct NewAlternative {
    /// Whose.
    pub patient: PatientId,
    /// By which channel; `None`: by all but the portal.
    pub channel: Option<Channel>,
    /// Where instead.
    pub reach: Reach,
    /// From when; now unless told.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
}

impl NewAlternative {
    fn check(&self) -> Result<(), RecordError> {
        in_order(self.valid_from, self.valid_until)?;
        match (&self.reach, self.channel) {
            (_, Some(Channel::Portal)) => {
                wrong("channel", "the portal is the patient's own wherever they live")
            }
            (Reach::At(Address::Portal), _) => {
                wrong("address", "for the portal alone, record none for each other channel")
            }
            (Reach::At(address), Some(channel)) if !suits(channel, address) => {
                wrong("address", "give a telephone number for texts and calls, else an email")
            }
            _ => Ok(()),
        }
    }
}

/// Records the wish; it holds from this transaction on, also for what waits.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn record(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    new: &NewAlternative,
    told: &Told,
) -> Result<(Uuid, Rechecked), RecordError> {
    new.check()?;
    let now = office.clock().now();
    in_order(Some(new.valid_from.unwrap_or(now)), new.valid_until)?;
    in_use(tx, office, new.patient)?;
    let contact = match &new.reach {
        Reach::Nowhere => None,
        Reach::At(address) => Some(contact_for(tx, office, actor, new.patient, address, told)?),
    };
    let row = AlternativeRow {
        id: office.clock().new_id(),
        patient_id: new.patient,
        channel: new.channel,
        contact_point_id: contact,
        valid_from: new.valid_from.unwrap_or(now),
        valid_until: new.valid_until,
        evidence: told.evidence.clone(),
        recorded_by: actor.to_string(),
        recorded_at: now,
    };
    let details = json!({
        "channel": row.channel.map(Channel::as_str), "contact": row.contact_point_id,
        "valid_from": row.valid_from, "valid_until": row.valid_until,
    });
    let rechecked = written(tx, office, actor, (&row, "added", details), told)?;
    Ok((row.id, rechecked))
}

/// Ends it: from now on the chart's addresses hold again.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (patient, id): (PatientId, Uuid),
    told: &Told,
) -> Result<(), RecordError> {
    let (practice, now) = (office.practice(), office.clock().now());
    in_use(tx, office, patient)?;
    let row = restriction::alternatives_of(tx, practice, patient)?
        .into_iter()
        .find(|row| row.id == id)
        .ok_or(RecordError::Unknown("alternative"))?;
    if row.valid_until.is_some_and(|until| until <= now) {
        return Err(RecordError::Already { what: "alternative", because: "it has ended" });
    }
    let row = AlternativeRow { valid_until: Some(now), ..row };
    written(tx, office, actor, (&row, "ended", json!({ "valid_until": now })), told)?;
    Ok(())
}

/// The patient's own contact point with this address, written down where there is none.
fn contact_for(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    patient: PatientId,
    address: &Address,
    told: &Told,
) -> Result<ContactPointId, RecordError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let index = office.address_index(address);
    let there = contact_point::of_patient(tx, practice, patient)?.into_iter().find(|row| {
        row.address_index == index
            && row.caregiver_id.is_none()
            && row.dead.is_none()
            && row.valid_until.is_none_or(|until| now < until)
    });
    match there {
        Some(row) => Ok(row.id),
        None => contacts::add(tx, office, actor, &NewContact::own(patient, address.clone()), told),
    }
}

fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (row, event, details): (&AlternativeRow, &'static str, serde_json::Value),
    told: &Told,
) -> Result<Rechecked, RecordError> {
    restriction::put_alternative(tx, office.practice(), row)?;
    let about = (ALTERNATIVE_CONTACT, row.id.to_string());
    told::note(tx, office, actor, Note { patient: row.patient_id, about, event, details, told })?;
    let logged = Event::new(audit::Kind::RestrictionChanged, actor.clone())
        .about(ALTERNATIVE_CONTACT, row.id)
        .patient(row.patient_id)
        .code(event)
        .occurred_at(told.captured_at);
    audit::append(tx, office, logged)?;
    Ok(recheck(tx, office, &Which::Patient(row.patient_id), actor, "alternative_contact")?)
}
