//! Restrictions that a patient asked for, holds, safety flags, and a young person's own matters
//! (45 CFR 164.522(a), PRIV-06, PRIV-09, CLIN-10). A declined one is kept too: it was asked for.

use gate::{Channel, ContactPointId, Kind, PatientId};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::told::{self, Note, RecordError, Told, in_order, in_use, wrong};
use crate::audit::{self, Actor, Event};
use crate::db::outbox::Which;
use crate::db::registry::RESTRICTION;
use crate::db::restriction::{self, RestrictedThing, RestrictionRow, RestrictionStatus};
use crate::db::{Tx, Word, contact_point};
use crate::office::Office;
use crate::outbox::recheck::{Rechecked, recheck};

/// A restriction, as it was asked for and decided.
#[derive(Debug, Clone)]
pub struct NewRestriction {
    /// Whose.
    pub patient: PatientId,
    /// About what.
    pub what: RestrictedThing,
    /// Which channel, contact point or kind; none for a hold, a safety flag, a watch or `part2`; none or a
    /// kind for a young person's own matters.
    pub value: Option<String>,
    /// The practice agreed; otherwise it declined, and the restriction binds nobody.
    pub accepted: bool,
    /// From when; now unless told.
    pub valid_from: Option<Timestamp>,
    /// Until when.
    pub valid_until: Option<Timestamp>,
}

impl NewRestriction {
    fn check(&self) -> Result<(), RecordError> {
        in_order(self.valid_from, self.valid_until)?;
        let value = self.value.as_deref();
        match (self.what, value) {
            (RestrictedThing::Channel, value) if value.and_then(Channel::from_word).is_none() => {
                wrong(
                    "value",
                    "name the channel: sms, email, voicemail, ringless_voicemail, portal",
                )
            }
            (RestrictedThing::ContactPoint, value)
                if value.and_then(|id| id.parse::<ContactPointId>().ok()).is_none() =>
            {
                wrong("value", "give the id of a contact point of the patient")
            }
            (RestrictedThing::Kind, value) if value.and_then(Kind::from_word).is_none() => {
                wrong("value", "name a kind of message, such as survey")
            }
            (RestrictedThing::MinorConfidential, Some(kind)) if Kind::from_word(kind).is_none() => {
                wrong("value", "name a kind of message, or none for all")
            }
            (
                RestrictedThing::Hold
                | RestrictedThing::Safety
                | RestrictedThing::Watched
                | RestrictedThing::Part2,
                Some(_),
            ) => wrong(
                "value",
                "a hold, a safety flag, a watch or part2 covers everything: give none",
            ),
            _ => Ok(()),
        }
    }
}

/// Records a restriction with what became of it; an accepted one holds from this transaction on,
/// also for what waits.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn record(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    new: &NewRestriction,
    told: &Told,
) -> Result<(Uuid, Rechecked), RecordError> {
    new.check()?;
    let (practice, now) = (office.practice(), office.clock().now());
    in_order(Some(new.valid_from.unwrap_or(now)), new.valid_until)?;
    in_use(tx, office, new.patient)?;
    if let (RestrictedThing::ContactPoint, Some(value)) = (new.what, &new.value) {
        let id: Option<ContactPointId> = value.parse().ok();
        let row = match id {
            Some(id) => contact_point::get(tx, practice, id)?,
            None => None,
        };
        if row.is_none_or(|row| row.patient_id != new.patient) {
            return Err(RecordError::Unknown("contact"));
        }
    }
    let (status, event) = if new.accepted {
        (RestrictionStatus::Accepted, "accepted")
    } else {
        (RestrictionStatus::Declined, "declined")
    };
    let row = RestrictionRow {
        id: office.clock().new_id(),
        patient_id: new.patient,
        what: new.what,
        value: new.value.clone(),
        status,
        valid_from: new.valid_from.unwrap_or(now),
        valid_until: new.valid_until,
        recorded_by: actor.to_string(),
        recorded_at: now,
    };
    let details = json!({
        "what": row.what.word(), "value": row.value, "valid_from": row.valid_from,
        "valid_until": row.valid_until,
    });
    let rechecked = written(tx, office, actor, (&row, event, details), told)?;
    Ok((row.id, rechecked))
}

/// Ends an accepted restriction, from now on.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn terminate(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (patient, id): (PatientId, Uuid),
    told: &Told,
) -> Result<(), RecordError> {
    let (practice, now) = (office.practice(), office.clock().now());
    in_use(tx, office, patient)?;
    let row = restriction::of_patient(tx, practice, patient)?
        .into_iter()
        .find(|row| row.id == id)
        .ok_or(RecordError::Unknown("restriction"))?;
    match row.status {
        RestrictionStatus::Accepted => {}
        RestrictionStatus::Declined => {
            let because = "it was declined and binds nobody";
            return Err(RecordError::Already { what: "restriction", because });
        }
        RestrictionStatus::Terminated => {
            return Err(RecordError::Already { what: "restriction", because: "it has ended" });
        }
    }
    let row = RestrictionRow {
        status: RestrictionStatus::Terminated,
        valid_until: Some(row.valid_until.map_or(now, |until| until.min(now))),
        ..row
    };
    let details = json!({ "valid_until": row.valid_until });
    written(tx, office, actor, (&row, "terminated", details), told)?;
    Ok(())
}

fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (row, event, details): (&RestrictionRow, &'static str, serde_json::Value),
    told: &Told,
) -> Result<Rechecked, RecordError> {
    restriction::put(tx, office.practice(), row)?;
    let about = (RESTRICTION, row.id.to_string());
    told::note(tx, office, actor, Note { patient: row.patient_id, about, event, details, told })?;
    let logged = Event::new(audit::Kind::RestrictionChanged, actor.clone())
        .about(RESTRICTION, row.id)
        .patient(row.patient_id)
        .code(event)
        .occurred_at(told.captured_at);
    audit::append(tx, office, logged)?;
    Ok(recheck(tx, office, &Which::Patient(row.patient_id), actor, "restriction")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_its_value() {
        use RestrictedThing::{
            Channel, ContactPoint, Hold, Kind, MinorConfidential, Part2, Safety,
        };
        let id = uuid::Uuid::from_u128(7).to_string();
        for (what, value, fits) in [
            (Channel, Some("sms"), true),
            (Channel, Some("pigeon"), false),
            (Channel, None, false),
            (ContactPoint, Some(id.as_str()), true),
            (ContactPoint, Some("home"), false),
            (ContactPoint, None, false),
            (Kind, Some("survey"), true),
            (Kind, Some("spam"), false),
            (Kind, None, false),
            (Hold, None, true),
            (Hold, Some("sms"), false),
            (Safety, None, true),
            (Safety, Some("x"), false),
            (Part2, None, true),
            (Part2, Some("sms"), false),
            (MinorConfidential, None, true),
            (MinorConfidential, Some("results_ready"), true),
            (MinorConfidential, Some("secrets"), false),
        ] {
            let new = NewRestriction {
                patient: PatientId(uuid::Uuid::nil()),
                what,
                value: value.map(str::to_owned),
                accepted: true,
                valid_from: None,
                valid_until: None,
            };
            assert_eq!(new.check().is_ok(), fits, "{what:?} {value:?}");
        }
    }
}
