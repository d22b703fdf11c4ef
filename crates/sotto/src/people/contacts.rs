//! Telephone numbers and mailboxes that staff write down or take out of use. What staff wrote, an
//! import does not change.

use gate::facts::Line;
use gate::{Address, ContactPointId, PatientId};
use jiff::Timestamp;
use serde_json::json;

use super::told::{self, Note, RecordError, Told, in_order, in_use, wrong};
use crate::audit::{self, Actor, Event};
use crate::conversations::inbox;
use crate::db::contact_point::{AddressSource, AddressUse, ContactPointRow};
use crate::db::outbox::Which;
use crate::db::registry::CONTACT_POINT;
use crate::db::{Tx, Word, caregiver, contact_point};
use crate::ids::{CaregiverId, Id as _};
use crate::office::Office;
use crate::outbox::recheck::recheck;
use crate::people::contact_points::seal_address;
use crate::people::search;

/// How an address was verified.
pub const VERIFIED: [&str; 3] = ["code", "portal", "in_person"];

/// An address to write down.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// For messages about this patient.
    pub patient: PatientId,
    /// Whose it is, when not the patient's own.
    pub caregiver: Option<CaregiverId>,
    /// The number or mailbox.
    pub address: Address,
    /// What kind of line, for a number.
    pub line: Line,
    /// What it is for.
    pub place: Option<AddressUse>,
    /// Others read or hear what comes there.
    pub shared: bool,
    /// 1 is tried first.
    pub rank: u32,
    /// A word of [`VERIFIED`]; `None`: not verified.
    pub verified_how: Option<&'static str>,
    /// Not used before.
    pub valid_from: Option<Timestamp>,
    /// Not used from then on.
    pub valid_until: Option<Timestamp>,
}

impl NewContact {
    /// The patient's own address, of which nothing else is known.
    #[must_use]
    pub const fn own(patient: PatientId, address: Address) -> Self {
        let line = match &address {
            Address::Phone(_) => Line::Unknown,
            Address::Email(_) | Address::Portal => Line::NotALine,
        };
        Self {
            patient,
            caregiver: None,
            address,
            line,
            place: None,
            shared: false,
            rank: 1,
            verified_how: None,
            valid_from: None,
            valid_until: None,
        }
    }
}

/// Writes an address down. One that was taken out of use is taken up again.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn add(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    new: &NewContact,
    told: &Told,
) -> Result<ContactPointId, RecordError> {
    let (practice, now) = (office.practice(), office.clock().now());
    in_use(tx, office, new.patient)?;
    in_order(new.valid_from, new.valid_until)?;
    if new.address == Address::Portal {
        return wrong("address", "give a telephone number or a mailbox; the portal needs neither");
    }
    if new.rank == 0 || new.rank > 99 {
        return wrong("rank", "1 is tried first; give 1 to 99");
    }
    if let Some(caregiver) = new.caregiver {
        let known = caregiver::of_patient(tx, practice, new.patient)?;
        if known.iter().all(|row| row.id != caregiver) {
            return Err(RecordError::Unknown("caregiver"));
        }
    }
    let index = office.address_index(&new.address);
    let there = contact_point::of_patient(tx, practice, new.patient)?
        .into_iter()
        .find(|row| row.address_index == index && row.caregiver_id == new.caregiver);
    let usable = |row: &ContactPointRow| {
        row.dead.is_none() && row.valid_until.is_none_or(|until| now < until)
    };
    if there.as_ref().is_some_and(usable) {
        return Err(RecordError::Already { what: "address", because: "it is on file" });
    }
    let id = there.map_or_else(|| ContactPointId::new(office.clock()), |row| row.id);
    let row = ContactPointRow {
        id,
        patient_id: new.patient,
        caregiver_id: new.caregiver,
        kind: new.address.kind(),
        address_sealed: seal_address(office.keys(), practice, new.patient, id, &new.address)?,
        address_index: index.to_vec(),
        line: new.line,
        place: new.place,
        rank: new.rank,
        shared: new.shared,
        source: AddressSource::Staff,
        verified_at: new.verified_how.map(|_| now),
        verified_how: new.verified_how.map(str::to_owned),
        valid_from: new.valid_from,
        valid_until: new.valid_until,
        dead: None,
        dead_at: None,
        updated_at: now,
    };
    contact_point::put(tx, practice, &row)?;
    let whose = contact_point::by_address(tx, practice, &index)?;
    if whose.iter().all(|point| point.patient_id == new.patient) {
        inbox::number_is_of(tx, office, index, new.patient)?;
    }
    search::index::refresh(tx, office.into(), new.patient)?;
    let details = json!({
        "kind": row.kind.word(), "line": row.line.word(), "shared": row.shared, "rank": row.rank,
        "caregiver": row.caregiver_id, "use": row.place.as_ref().map(Word::word),
        "verified_how": row.verified_how, "valid_from": row.valid_from,
        "valid_until": row.valid_until,
    });
    written(tx, office, actor, (&row, "added", details), told)?;
    // A number that turns out to be shared changes what may go to it, and to whom it belongs.
    recheck(tx, office, &Which::Address(index), actor, "contact_added")?;
    Ok(id)
}

/// Takes an address out of use, from now on; what waits for it is withdrawn.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (patient, id): (PatientId, ContactPointId),
    told: &Told,
) -> Result<(), RecordError> {
    let (practice, now) = (office.practice(), office.clock().now());
    in_use(tx, office, patient)?;
    let row = contact_point::get(tx, practice, id)?
        .filter(|row| row.patient_id == patient)
        .ok_or(RecordError::Unknown("contact"))?;
    if row.valid_until.is_some_and(|until| until <= now) {
        return Err(RecordError::Already { what: "contact", because: "it is out of use" });
    }
    let row = ContactPointRow {
        valid_until: Some(now),
        source: AddressSource::Staff,
        updated_at: now,
        ..row
    };
    contact_point::put(tx, practice, &row)?;
    search::index::refresh(tx, office.into(), patient)?;
    written(tx, office, actor, (&row, "ended", json!({ "valid_until": now })), told)?;
    recheck(tx, office, &Which::Patient(patient), actor, "contact_ended")?;
    Ok(())
}

fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (row, event, details): (&ContactPointRow, &'static str, serde_json::Value),
    told: &Told,
) -> Result<(), RecordError> {
    let about = (CONTACT_POINT, row.id.to_string());
    let note = Note { patient: row.patient_id, about, event, details, told };
    told::note(tx, office, actor, note)?;
    let logged = Event::new(audit::Kind::PatientChanged, actor.clone())
        .about(CONTACT_POINT, row.id)
        .patient(row.patient_id)
        .code(event)
        .occurred_at(told.captured_at);
    audit::append(tx, office, logged)?;
    Ok(())
}
