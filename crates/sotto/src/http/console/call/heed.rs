//! What a caller must heed before the phone is picked up: which numbers the patient may be called at,
//! and what they or the practice asked for.

use gate::{AddressKind, Channel, PatientId};
use jiff::Timestamp;

use super::super::reader::DeskError;
use super::super::words;
use crate::db::restriction::{self, RestrictedThing};
use crate::db::{DbError, Tx, Word as _, contact_point};
use crate::facts;
use crate::office::Office;
use crate::people::contact_points::open_address;

/// A number that may be called.
pub(super) struct Number {
    pub id: String,
    pub number: String,
    pub words: String,
    pub first: bool,
}

/// The numbers that may be called: where the patient asked for another, only that (PRIV-05).
pub(super) fn numbers(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
    now: Timestamp,
) -> Result<Vec<Number>, DeskError> {
    let practice = office.practice();
    let alternatives = facts::alternatives(tx, office, Some(id), now)?;
    let governed = alternatives.iter().rev().find(|one| {
        one.channel.is_none_or(|channel| {
            matches!(channel, Channel::LiveVoiceUnverified | Channel::LiveVoiceVerified)
        })
    });
    let closed: Vec<String> = restriction::of_patient(tx, practice, id)?
        .into_iter()
        .filter(|row| row.in_force(now) && row.what == RestrictedThing::ContactPoint)
        .filter_map(|row| row.value)
        .collect();
    let all = contact_point::of_patient(tx, practice, id)?;
    let usable = all.into_iter().filter(|point| {
        point.kind == AddressKind::Phone
            && point.dead.is_none()
            && point.valid_from.is_none_or(|from| from <= now)
            && point.valid_until.is_none_or(|until| now < until)
            && governed.is_none_or(|one| one.use_instead == Some(point.id))
            && !closed.contains(&point.id.to_string())
    });
    let mut numbers: Vec<Number> = Vec::new();
    for point in usable {
        let sealed = point.address_sealed;
        let address = open_address(office.keys(), practice, point.id, point.kind, sealed)?;
        let mut about = vec![point.line.word().replace('_', " ")];
        if point.caregiver_id.is_some() {
            about.push("a caregiver's".to_owned());
        }
        if point.shared {
            about.push("others answer it too".to_owned());
        }
        if governed.is_some() {
            about.push("the patient asked for this one only".to_owned());
        }
        numbers.push(Number {
            id: point.id.to_string(),
            number: words::address(&address),
            words: about.join(", "),
            first: numbers.is_empty(),
        });
    }
    Ok(numbers)
}

/// What must be heeded in any call to this patient.
pub(super) fn warnings(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
    now: Timestamp,
) -> Result<Vec<&'static str>, DbError> {
    let mut words: Vec<&'static str> = restriction::of_patient(tx, office.practice(), id)?
        .iter()
        .filter(|row| row.in_force(now))
        .filter_map(|row| match (row.what, row.value.as_deref()) {
            (RestrictedThing::Hold, _) => {
                Some("Contact is on hold: call only if a colleague who knows why agreed.")
            }
            (RestrictedThing::Safety, _) => {
                Some("For their safety: leave no voicemail and hide the practice's number.")
            }
            (RestrictedThing::MinorConfidential, _) => {
                Some("Some of it is the young person's own: not for a parent.")
            }
            (RestrictedThing::Channel, Some("voicemail" | "ringless_voicemail")) => {
                Some("They asked us to leave no voicemail.")
            }
            (RestrictedThing::Channel, Some("live_voice_verified" | "live_voice_unverified")) => {
                Some("They asked us not to call.")
            }
            _ => None,
        })
        .collect();
    words.dedup();
    Ok(words)
}
