//! Puts the made-up practice into an empty database, by the same functions as everything else.

use std::collections::BTreeMap;

use gate::facts::{Line, Scope};
use gate::{Address, AddressKind, Channel, ContactPointId, Level, PatientId};
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp, ToSpan};
use seal::Keyring;

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::clock::Clock;
use crate::compose::{ComposeError, Templates};
use crate::db::appointment::{self, AppointmentStatus};
use crate::db::caregiver::{self, CaregiverRow, Permission};
use crate::db::clinician::{self, ClinicianRow};
use crate::db::consent_event::{ConsentKind, ConsentMethod};
use crate::db::contact_point::{self, AddressSource, ContactPointRow};
use crate::db::patient::{self, PatientRow};
use crate::db::practice::{self, Practice};
use crate::db::registry::PRACTICE as PRACTICE_TABLE;
use crate::db::restriction::{self, AlternativeRow};
use crate::db::site::{self, SiteRow};
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::vendor::{self, ChannelSetting, NewVendor};
use crate::db::{Db, DbError, Tx};
use crate::demo::population::{Chance, Somebody, Story};
use crate::demo::{MAILBOX, PRACTICE, SENDER};
use crate::forms::{self, FormError};
use crate::ids::{CaregiverId, ClinicianId, Id as _, SiteId};
use crate::office::{Office, OfficeError};
use crate::people::caregivers;
use crate::people::consents::{self, ConsentError, NewConsent};
use crate::people::contact_points;
use crate::people::patients;
use crate::people::person::Person;
use crate::people::search::{self, SearchError};
use crate::schedule::appointments::{self, Booking, ScheduleError};

/// The practice's zone.
pub const ZONE: &str = "America/Denver";

/// The practice cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Keys.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// Templates.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The office.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// A consent.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A time that no calendar has.
    #[error("the demo's calendar: {0}")]
    Time(#[from] jiff::Error),
    /// The form before a visit.
    #[error(transparent)]
    Form(#[from] FormError),
    /// It cannot be read.
    #[error("the demo's form: {0}")]
    Definition(#[from] serde_json::Error),
}

impl From<SearchError> for HouseError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Db(error) => error.into(),
            SearchError::Seal(error) => error.into(),
        }
    }
}

/// Opens the demo's office; the first time, makes everything and everybody in it.
///
/// # Errors
/// [`HouseError`]; what was begun in a transaction is then not there.
pub async fn open(
    db: &Db,
    clock: &Clock,
    keys: Keyring,
    people: &[Somebody],
    seed: u64,
) -> Result<Office, HouseError> {
    let opening = clock.clone();
    let (office, settled) = db
        .write(move |tx| {
            let office = open_doors(tx, &opening, keys)?;
            audit::schema::record_schema(tx, &office)?;
            let first = appointment::by_external_id(tx, PRACTICE, FIRST)?;
            Ok::<_, HouseError>((office, first.is_some()))
        })
        .await?;
    if !settled {
        move_in(db, &office, people, seed).await?;
    }
    Ok(office)
}

/// The external id of the first made-up appointment, by which a peopled house is known.
const FIRST: &str = "demo-0";

/// Opens the office, and furnishes it where it is empty: practice, sites, clinicians, carriers,
/// templates, and nobody yet.
///
/// # Errors
/// [`HouseError`].
pub fn open_doors(tx: &mut Tx<'_>, clock: &Clock, keys: Keyring) -> Result<Office, HouseError> {
    let furnished = practice::profile(tx, PRACTICE)?.is_some();
    if !furnished {
        furnish(tx, clock)?;
    }
    let (templates, new) = Templates::builtin()?.record(tx, PRACTICE, clock.now())?;
    let office = Office::open(tx, PRACTICE, clock.clone(), keys, templates)?;
    if new > 0 || !furnished {
        let event = Event::new(Kind::PracticeChanged, Actor::service("demo"))
            .about(PRACTICE_TABLE, PRACTICE);
        audit::append(tx, &office, event)?;
    }
    Ok(office)
}

/// What patients are asked before a visit.
const BEFORE_A_VISIT: &str = include_str!("before_a_visit.json");

/// The practice, its sites and clinicians, its carriers.
fn furnish(tx: &mut Tx<'_>, clock: &Clock) -> Result<(), HouseError> {
    let now = clock.now();
    let house = Practice {
        name: "Riverbend Family Health".to_owned(),
        display_name: "Riverbend Family Health".to_owned(),
        phone: "303-555-0199".to_owned(),
        timezone: ZONE.to_owned(),
        portal_url: "https://portal.riverbend.example".to_owned(),
        sandbox: true,
    };
    practice::put(tx, PRACTICE, &house, now)?;
    for (name, street) in [("Elm Street", "210 Elm Street"), ("Northgate", "45 Northgate Plaza")] {
        let row = SiteRow {
            id: SiteId::new(clock),
            external_id: Some(name.to_owned()),
            name: name.to_owned(),
            street: Some(street.to_owned()),
            city: Some("Denver".to_owned()),
            region: Some("CO".to_owned()),
            postal_code: Some("80202".to_owned()),
            phone: Some("303-555-0199".to_owned()),
            timezone: Some(ZONE.to_owned()),
            updated_at: now,
        };
        site::put(tx, PRACTICE, &row)?;
    }
    for (given, family) in
        [("Amara", "Payne"), ("Hugo", "Lind"), ("Teresa", "Vega"), ("Samuel", "Brandt")]
    {
        let row = ClinicianRow {
            id: ClinicianId::new(clock),
            external_id: Some(family.to_owned()),
            prefix: Some("Dr.".to_owned()),
            given_name: Some(given.to_owned()),
            family_name: family.to_owned(),
            active: true,
            updated_at: now,
        };
        clinician::put(tx, PRACTICE, &row)?;
    }
    for (adapter, channel, sender, max_level) in [
        ("sms_smpp", Channel::Sms, SENDER, Level::Detail),
        ("email_smtp", Channel::Email, MAILBOX, Level::Detail),
        ("portal", Channel::Portal, "portal", Level::Sensitive),
    ] {
        let carrier = NewVendor {
            adapter,
            legal_name: "Carrier twin, simulated",
            service: "demo: nothing leaves this machine",
            max_level,
            agreement: "sandbox",
            effective_at: Some(now),
            expires_at: None,
            reason: Some("simulated carrier of the demo"),
        };
        vendor::put(tx, PRACTICE, &carrier, now)?;
        let setting = ChannelSetting {
            adapter: adapter.to_owned(),
            enabled: true,
            sender: sender.to_owned(),
        };
        vendor::put_channel(tx, PRACTICE, channel, &setting, now)?;
    }
    Ok(())
}

/// The form before a visit, as an administrator would write it.
fn ask_before_visits(tx: &mut Tx<'_>, office: &Office) -> Result<(), HouseError> {
    let form = serde_json::from_str(BEFORE_A_VISIT)?;
    forms::keep(tx, office, (None, &form, false), (&Actor::service("demo"), None))?;
    Ok(())
}

/// Everybody, with consents and two weeks of appointments, fifty to a transaction.
async fn move_in(
    db: &Db,
    office: &Office,
    people: &[Somebody],
    seed: u64,
) -> Result<(), HouseError> {
    let ids: Vec<PatientId> = people.iter().map(|_| PatientId::new(office.clock())).collect();
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    office.keys().prepare_patients(words.iter().map(String::as_str))?;
    let mut residents: Vec<(PatientId, Somebody)> =
        ids.into_iter().zip(people.iter().cloned()).collect();
    while !residents.is_empty() {
        let rest = residents.split_off(residents.len().min(50));
        let batch = std::mem::replace(&mut residents, rest);
        let office = office.clone();
        db.write(move |tx| {
            for (id, somebody) in &batch {
                settle(tx, &office, *id, somebody)?;
                book(tx, &office, *id, somebody, seed)?;
            }
            Ok::<_, HouseError>(())
        })
        .await?;
    }
    let office = office.clone();
    db.write(move |tx| ask_before_visits(tx, &office)).await
}

fn settle(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
    who: &Somebody,
) -> Result<(), HouseError> {
    let now = office.clock().now();
    let row = PatientRow {
        id,
        person_sealed: patients::seal_person(office.keys(), PRACTICE, id, &who.person)?,
        language: Some(who.language.as_str().to_owned()),
        timezone: Some(ZONE.to_owned()),
        deceased_at: (who.story == Story::Deceased).then_some(0),
        active: true,
        merged_into: None,
        updated_at: now,
    };
    patient::put(tx, PRACTICE, &row)?;
    let guardian = caregiver_of(tx, office, id, who)?;
    let mut points: BTreeMap<&str, ContactPointId> = BTreeMap::new();
    if let Some(phone) = &who.phone {
        let shared = matches!(who.story, Story::SharesPhone | Story::Minor);
        let line = if who.story == Story::Landline { Line::Landline } else { Line::Mobile };
        let minor = who.story == Story::Minor;
        let point = NewPoint {
            address: Address::Phone(phone.clone()),
            line,
            shared,
            caregiver: guardian.filter(|_| minor),
        };
        points.insert("phone", add_point(tx, office, id, &point)?);
        if minor {
            // The parent's phone reaches the child too.
            points.insert(
                "phone",
                add_point(tx, office, id, &NewPoint { caregiver: None, ..point })?,
            );
        }
    }
    if let Some(email) = &who.email {
        let point = NewPoint {
            address: Address::Email(email.clone()),
            line: Line::NotALine,
            shared: false,
            caregiver: None,
        };
        points.insert("email", add_point(tx, office, id, &point)?);
    }
    if who.story == Story::Confidential {
        for (channel, use_instead) in [(Channel::Sms, None), (Channel::Email, points.get("email"))]
        {
            let row = AlternativeRow {
                id: office.clock().new_id(),
                patient_id: id,
                channel: Some(channel),
                contact_point_id: use_instead.copied(),
                valid_from: now,
                valid_until: None,
                evidence: Some("form 12, on paper".to_owned()),
                recorded_by: "demo".to_owned(),
                recorded_at: now,
            };
            restriction::put_alternative(tx, PRACTICE, &row)?;
        }
    }
    search::index::refresh(tx, office.into(), id)?;
    let event = Event::new(Kind::PatientChanged, Actor::service("demo"))
        .about(crate::db::registry::PATIENT, id)
        .patient(id);
    audit::append(tx, office, event)?;
    agree(tx, office, id, who)
}

struct NewPoint {
    address: Address,
    line: Line,
    shared: bool,
    caregiver: Option<CaregiverId>,
}

fn add_point(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    point: &NewPoint,
) -> Result<ContactPointId, HouseError> {
    let id = ContactPointId::new(office.clock());
    let now = office.clock().now();
    let keys = office.keys();
    let row = ContactPointRow {
        id,
        patient_id: patient,
        caregiver_id: point.caregiver,
        kind: match point.address {
            Address::Email(_) => AddressKind::Email,
            Address::Phone(_) | Address::Portal => AddressKind::Phone,
        },
        address_sealed: contact_points::seal_address(keys, PRACTICE, patient, id, &point.address)?,
        address_index: office.address_index(&point.address).to_vec(),
        line: point.line,
        place: None,
        rank: 1,
        shared: point.shared,
        source: AddressSource::Chart,
        verified_at: Some(now),
        verified_how: Some("in_person".to_owned()),
        valid_from: None,
        valid_until: None,
        dead: None,
        dead_at: None,
        updated_at: now,
    };
    contact_point::put(tx, PRACTICE, &row)?;
    Ok(id)
}

/// A minor's parent, or a daughter who may hear about appointments.
fn caregiver_of(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    who: &Somebody,
) -> Result<Option<CaregiverId>, HouseError> {
    let (relation, representative) = match who.story {
        Story::Minor => ("mother", true),
        Story::Caregiver => ("daughter", false),
        _ => return Ok(None),
    };
    let id = CaregiverId::new(office.clock());
    let person = Person {
        given: "Robin".to_owned(),
        family: who.person.family.clone(),
        ..Person::default()
    };
    let row = CaregiverRow {
        id,
        patient_id: patient,
        external_id: None,
        person_sealed: caregivers::seal_caregiver(office.keys(), PRACTICE, (patient, id), &person)?,
        relation: relation.to_owned(),
        representative,
        scope: caregivers::scope_words(&[Scope::Appointments]),
        permission: Permission::Written,
        evidence: Some("form 7, on paper".to_owned()),
        valid_from: None,
        valid_until: None,
        recorded_by: "demo".to_owned(),
        updated_at: office.clock().now(),
    };
    caregiver::put(tx, PRACTICE, &row)?;
    Ok(Some(id))
}

/// Consents given at a visit, and opt-outs from before the demo begins.
fn agree(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
    who: &Somebody,
) -> Result<(), HouseError> {
    let now = office.clock().now();
    if who.story == Story::NoConsent {
        return Ok(());
    }
    let given_at = now.checked_sub(SignedDuration::from_hours(24 * 90))?;
    let phone = who.phone.clone().map(|number| (Channel::Sms, Address::Phone(number)));
    let email = who.email.clone().map(|mailbox| (Channel::Email, Address::Email(mailbox)));
    for (channel, address) in phone.into_iter().chain(email) {
        let consent = NewConsent {
            patient: id,
            class: ConsentKind::Pec,
            channel,
            address,
            purposes: Vec::new(),
            categories: Vec::new(),
            up_to: None,
            text_version: Some("registration-2026-1".to_owned()),
            risk_warned: false,
            language: who.language.as_str().to_owned(),
            frequency: Some("up to three a week".to_owned()),
            method: ConsentMethod::Paper,
            evidence: Some("registration form, scan".to_owned()),
            evidence_digest: None,
            witness: Some("front desk".to_owned()),
            captured_at: given_at,
            valid_until: None,
            withdrawal: "reply STOP or tell the office".to_owned(),
        };
        consents::record(tx, office.into(), Actor::service("demo"), &consent)?;
    }
    if let (Story::OptedOut, Some(phone)) = (who.story, &who.phone) {
        let row = SuppressionRow {
            id: office.clock().new_id(),
            address_index: office.address_index(&Address::Phone(phone.clone())).to_vec(),
            event: SuppressionKind::OptOut,
            channel: None,
            kind: None,
            source: SuppressionSource::Staff,
            inbound_id: None,
            recorded_by: "demo".to_owned(),
            occurred_at: given_at,
        };
        suppression::add(tx, PRACTICE, &row)?;
        let event = Event::new(Kind::OptedOut, Actor::service("demo")).patient(id).code("staff");
        audit::append(tx, office, event)?;
    }
    Ok(())
}

/// One appointment in the next two weeks, on the half hour, while the office is open.
fn book(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    who: &Somebody,
    seed: u64,
) -> Result<(), HouseError> {
    let mut chance = Chance::new(seed ^ (who.number as u64).wrapping_mul(0x5851_F42D));
    let now = office.clock().now();
    let starts_at = slot(now, 1 + chance.below(13), chance.below(16))?;
    let sites: Vec<SiteId> = site::ids(tx, PRACTICE)?;
    let clinicians: Vec<ClinicianId> = clinician::ids(tx, PRACTICE)?;
    let booking = Booking {
        external_id: format!("demo-{}", who.number),
        patient,
        clinician: clinicians.get(chance.below(clinicians.len())).copied(),
        site: sites.get(chance.below(sites.len())).copied(),
        starts_at,
        ends_at: Some(starts_at.checked_add(SignedDuration::from_mins(30))?),
        status: AppointmentStatus::Booked,
    };
    appointments::upsert(tx, office, &booking, &Actor::service("demo"))?;
    Ok(())
}

/// The half hour number `half` from nine o'clock, `days` from today; a weekend moves to Monday.
fn slot(now: Timestamp, days: usize, half: usize) -> Result<Timestamp, jiff::Error> {
    let days = i64::try_from(days).unwrap_or(1);
    let minutes = i64::try_from(half).unwrap_or(0) * 30;
    let mut day = now.in_tz(ZONE)?.date().checked_add(days.days())?;
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.checked_add(1.day())?;
    }
    let opening = day.at(9, 0, 0, 0).in_tz(ZONE)?;
    opening.timestamp().checked_add(minutes.minutes())
}
