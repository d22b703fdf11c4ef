//! Everything that stands written about how a patient may be reached, as staff and programs are
//! shown it. Showing it is an act of its own: the caller records it.

use gate::facts::OptOut;
use gate::{Address, PatientId};
use serde::Serialize;
use utoipa::ToSchema;

use super::told::RecordError;
use crate::db::caregiver::{self, CaregiverRow};
use crate::db::contact_point::{self, ContactPointRow};
use crate::db::patient_event::{self, PatientEventRow};
use crate::db::restriction::{self, AlternativeRow, RestrictionRow};
use crate::db::{DbError, Tx, Word, patient};
use crate::facts;
use crate::office::Office;
use crate::people::caregivers::open_caregiver;
use crate::people::contact_points::open_address;
use crate::people::patients::open_person;
use crate::people::preferences;

/// A patient's card.
#[derive(Serialize, ToSchema)]
pub struct Card {
    /// The patient's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The date of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    /// The language on file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The zone of the home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The patient has died.
    pub deceased: bool,
    /// The record is in use.
    pub active: bool,
    /// The record that took this one's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<String>,
    /// Numbers and mailboxes, caregivers' too.
    pub contacts: Vec<ContactLine>,
    /// Family and others who act for the patient.
    pub caregivers: Vec<CaregiverLine>,
    /// What the patient likes best.
    pub preferences: PreferenceLine,
    /// Confidential communications, also those that are over.
    pub alternatives: Vec<AlternativeLine>,
    /// Restrictions, also those that are over or were declined.
    pub restrictions: Vec<RestrictionLine>,
    /// Opt-outs in force at the patient's numbers and mailboxes.
    pub opt_outs: Vec<OptOutLine>,
}

/// A number or mailbox. The address is shown only as far as one knows it again.
#[derive(Serialize, ToSchema)]
pub struct ContactLine {
    id: String,
    /// `phone` or `email`.
    kind: &'static str,
    /// `…0123`, or `m…@example.com`.
    address: String,
    /// `mobile`, `landline`, `voip`, `unknown` or `not_a_line`.
    line: &'static str,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    place: Option<&'static str>,
    /// 1 is tried first.
    rank: u32,
    /// Others read or hear what comes there.
    shared: bool,
    /// Whose it is, when not the patient's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    caregiver: Option<String>,
    /// `chart`, `staff` or `patient`.
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_how: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    /// `wrong_number`, `bounced` or `reassigned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead: Option<&'static str>,
}

/// A person who acts for the patient, and what they may hear.
#[derive(Serialize, ToSchema)]
pub struct CaregiverLine {
    id: String,
    name: String,
    /// Such as `mother`.
    relation: String,
    /// Has legal authority.
    representative: bool,
    /// Of `call_back`, `appointments`, `billing`, `clinical`.
    scope: Vec<&'static str>,
    /// `none`, `spoken` or `written`.
    permission: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    recorded_by: String,
}

/// Wishes: they never stand in for a consent.
#[derive(Serialize, ToSchema)]
pub struct PreferenceLine {
    /// The channel liked best.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    /// `09:00`, the patient's time; not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// `18:00`, the patient's time; not from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Kinds of message not wanted.
    kinds_off: Vec<&'static str>,
}

/// A confidential address.
#[derive(Serialize, ToSchema)]
pub struct AlternativeLine {
    id: String,
    /// The channel it governs; none: all but the portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    /// The contact to use; none: none on that channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    valid_from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    recorded_by: String,
    recorded_at: String,
}

/// A restriction.
#[derive(Serialize, ToSchema)]
pub struct RestrictionLine {
    id: String,
    /// `channel`, `contact_point`, `kind`, `hold`, `safety`, `minor_confidential`,
    /// `watched` or `part2`.
    what: &'static str,
    /// Which channel, contact or kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// `accepted`, `declined` or `terminated`.
    status: &'static str,
    valid_from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    recorded_by: String,
    recorded_at: String,
}

/// An opt-out in force.
#[derive(Serialize, ToSchema)]
pub struct OptOutLine {
    /// The contact where it holds.
    contact: String,
    /// The channel; none: every automated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    /// The kind of message; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    since: String,
    /// Somebody else's number: nothing at all.
    wrong_number: bool,
}

/// Something that was written down.
#[derive(Serialize, ToSchema)]
pub struct EventLine {
    id: String,
    /// What it is about: `caregiver`, `restriction`, …
    subject: String,
    subject_id: String,
    /// `added`, `changed`, `accepted`, `ended`, …
    event: String,
    /// What was said: ids and words, no name, no address.
    #[schema(value_type = Object)]
    details: serde_json::Value,
    /// `paper`, `portal`, `spoken`, `keyword` or `form`.
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    captured_by: String,
    captured_at: String,
    recorded_at: String,
}

/// A patient's card, or none where there is no such patient.
///
/// # Errors
/// [`RecordError`].
pub fn of(tx: &mut Tx<'_>, office: &Office, id: PatientId) -> Result<Option<Card>, RecordError> {
    let practice = office.practice();
    let Some(row) = patient::get(tx, practice, id)? else { return Ok(None) };
    let person = open_person(office.keys(), practice, id, row.person_sealed)?;
    let contacts = contact_point::of_patient(tx, practice, id)?;
    let mut opt_outs = Vec::new();
    for contact in &contacts {
        let Ok(index) = <[u8; 32]>::try_from(contact.address_index.as_slice()) else { continue };
        let standing = facts::opt_outs(tx, office, &index)?;
        opt_outs.extend(standing.iter().map(|one| opt_out(contact, one)));
    }
    Ok(Some(Card {
        id: id.to_string(),
        name: person.full_name(),
        birth_date: person.birth_date.map(|day| day.to_string()),
        language: row.language,
        timezone: row.timezone,
        deceased: row.deceased_at.is_some(),
        active: row.active,
        merged_into: row.merged_into.map(|id| id.to_string()),
        contacts: contacts
            .into_iter()
            .map(|row| contact(office, row))
            .collect::<Result<_, RecordError>>()?,
        caregivers: caregiver::of_patient(tx, practice, id)?
            .into_iter()
            .map(|row| carer(office, row))
            .collect::<Result<_, RecordError>>()?,
        preferences: wishes(preferences::get(tx, office.into(), id)?),
        alternatives: restriction::alternatives_of(tx, practice, id)?
            .into_iter()
            .map(AlternativeLine::from)
            .collect(),
        restrictions: restriction::of_patient(tx, practice, id)?
            .into_iter()
            .map(RestrictionLine::from)
            .collect(),
        opt_outs,
    }))
}

/// What was written down about a patient, oldest first. Consents have a history of their own.
///
/// # Errors
/// [`DbError`].
pub fn history(tx: &mut Tx<'_>, office: &Office, id: PatientId) -> Result<Vec<EventLine>, DbError> {
    let rows = patient_event::of_patient(tx, office.practice(), id)?;
    Ok(rows.into_iter().map(EventLine::from).collect())
}

fn contact(office: &Office, row: ContactPointRow) -> Result<ContactLine, RecordError> {
    let (keys, practice) = (office.keys(), office.practice());
    let address = open_address(keys, practice, row.id, row.kind, row.address_sealed)?;
    Ok(ContactLine {
        id: row.id.to_string(),
        kind: row.kind.word(),
        address: known_again(&address),
        line: row.line.word(),
        place: row.place.as_ref().map(Word::word),
        rank: row.rank,
        shared: row.shared,
        caregiver: row.caregiver_id.map(|id| id.to_string()),
        source: row.source.word(),
        verified_at: row.verified_at.map(|at| at.to_string()),
        verified_how: row.verified_how,
        valid_from: row.valid_from.map(|at| at.to_string()),
        valid_until: row.valid_until.map(|at| at.to_string()),
        dead: row.dead.as_ref().map(Word::word),
    })
}

/// As much of an address as one needs to know it again.
fn known_again(address: &Address) -> String {
    match address {
        Address::Phone(number) => format!("…{}", number.last_four()),
        Address::Email(mailbox) => {
            let first = mailbox.reveal().chars().next().unwrap_or_default();
            format!("{first}…@{}", mailbox.domain())
        }
        Address::Portal => "portal".to_owned(),
    }
}

fn carer(office: &Office, row: CaregiverRow) -> Result<CaregiverLine, RecordError> {
    let person = open_caregiver(office.keys(), office.practice(), row.id, row.person_sealed)?;
    let scope = super::caregivers::scope_from_words(&row.scope);
    Ok(CaregiverLine {
        id: row.id.to_string(),
        name: person.full_name(),
        relation: row.relation,
        representative: row.representative,
        scope: scope.iter().map(Word::word).collect(),
        permission: row.permission.word(),
        evidence: row.evidence,
        valid_from: row.valid_from.map(|at| at.to_string()),
        valid_until: row.valid_until.map(|at| at.to_string()),
        recorded_by: row.recorded_by,
    })
}

fn wishes(wishes: preferences::Preferences) -> PreferenceLine {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    PreferenceLine {
        channel: wishes.channel.map(gate::Channel::as_str),
        from: wishes.hours.map(|(from, _)| clock(from)),
        until: wishes.hours.map(|(_, until)| clock(until)),
        kinds_off: wishes.kinds_off.into_iter().map(gate::Kind::as_str).collect(),
    }
}

fn opt_out(contact: &ContactPointRow, standing: &OptOut) -> OptOutLine {
    OptOutLine {
        contact: contact.id.to_string(),
        channel: standing.channel.map(gate::Channel::as_str),
        kind: standing.kind.map(gate::Kind::as_str),
        since: standing.since.to_string(),
        wrong_number: standing.wrong_number,
    }
}

impl From<AlternativeRow> for AlternativeLine {
    fn from(row: AlternativeRow) -> Self {
        Self {
            id: row.id.to_string(),
            channel: row.channel.map(gate::Channel::as_str),
            contact: row.contact_point_id.map(|id| id.to_string()),
            valid_from: row.valid_from.to_string(),
            valid_until: row.valid_until.map(|at| at.to_string()),
            evidence: row.evidence,
            recorded_by: row.recorded_by,
            recorded_at: row.recorded_at.to_string(),
        }
    }
}

impl From<RestrictionRow> for RestrictionLine {
    fn from(row: RestrictionRow) -> Self {
        Self {
            id: row.id.to_string(),
            what: row.what.word(),
            value: row.value,
            status: row.status.word(),
            valid_from: row.valid_from.to_string(),
            valid_until: row.valid_until.map(|at| at.to_string()),
            recorded_by: row.recorded_by,
            recorded_at: row.recorded_at.to_string(),
        }
    }
}

impl From<PatientEventRow> for EventLine {
    fn from(row: PatientEventRow) -> Self {
        Self {
            id: row.id.to_string(),
            subject: row.subject,
            subject_id: row.subject_id,
            event: row.event,
            details: serde_json::from_str(&row.details).unwrap_or_default(),
            method: row.method.word(),
            evidence: row.evidence,
            witness: row.witness,
            captured_by: row.captured_by,
            captured_at: row.captured_at.to_string(),
            recorded_at: row.recorded_at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use gate::{EmailAddress, PhoneNumber};

    use super::*;

    #[test]
    fn an_address_is_known_again_and_not_told() {
        let phone = Address::Phone(PhoneNumber::from_e164("+16175550123").unwrap());
        assert_eq!(known_again(&phone), "…0123");
        let mail = Address::Email(EmailAddress::parse("maria.luz@example.com").unwrap());
        assert_eq!(known_again(&mail), "m…@example.com");
    }
}
