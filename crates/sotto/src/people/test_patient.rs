//! The patient that is nobody: what the nightly self-test is made with (CLIN-12). It is in no list
//! and no count, and its number is a phone of the practice's own, or none that rings.

use gate::{Address, Channel, PatientId, PhoneNumber};

use crate::audit::{self, Actor, AuditError, Event};
use crate::db::consent_event::{ConsentKind, ConsentMethod};
use crate::db::patient::PatientRow;
use crate::db::registry::PATIENT;
use crate::db::test_patient::{self, TestPatientRow};
use crate::db::{DbError, Tx, contact_point, patient};
use crate::ids::Id as _;
use crate::office::Office;
use crate::people::consents::{self, ConsentError, NewConsent};
use crate::people::contacts::{self, NewContact};
use crate::people::patients::seal_person;
use crate::people::person::Person;
use crate::people::told::{RecordError, Told};

/// A number that belongs to no place, so that only the practice's own hours count, and to nobody.
/// Nothing is ever sent to it: its messages come back before the wire.
const NOBODYS: &str = "+15005550100";

/// There can be no such patient.
#[derive(Debug, thiserror::Error)]
pub enum TestPatientError {
    /// A drill would look like that person's emergency.
    #[error(
        "self_test.number: this number is on file for a patient; give a phone of the practice's own"
    )]
    APersons,
    /// Its number was not taken.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its consent was not taken.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// It could not be sealed.
    #[error("the test patient cannot be sealed: {0}")]
    Seal(#[from] seal::SealError),
    /// The number.
    #[error("self_test.number: write it as +16175550100")]
    Number,
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// The test patient with this number, made where there is none yet.
///
/// # Errors
/// [`TestPatientError`]; the caller's transaction must then be given up.
pub fn ensure(
    tx: &mut Tx<'_>,
    office: &Office,
    number: Option<&PhoneNumber>,
) -> Result<(TestPatientRow, Address), TestPatientError> {
    let practice = office.practice();
    let by_wire = number.is_some();
    let number = match number {
        Some(number) => number.clone(),
        None => PhoneNumber::from_e164(NOBODYS).map_err(|_| TestPatientError::Number)?,
    };
    let address = Address::Phone(number);
    let index = office.address_index(&address);
    let ours = test_patient::all(tx, practice)?;
    let theirs = contact_point::by_address(tx, practice, &index)?;
    if theirs.iter().any(|point| ours.iter().all(|row| row.patient != point.patient_id)) {
        return Err(TestPatientError::APersons);
    }
    if let Some(row) = ours.into_iter().find(|row| row.address_index == index) {
        return Ok((row, address));
    }
    let now = office.clock().now();
    let row = TestPatientRow {
        patient: PatientId::new(office.clock()),
        address_index: index,
        by_wire,
        created_at: now,
    };
    make(tx, office, row, &address)?;
    Ok((row, address))
}

fn make(
    tx: &mut Tx<'_>,
    office: &Office,
    row: TestPatientRow,
    address: &Address,
) -> Result<(), TestPatientError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let actor = Actor::service("self_test");
    let id = row.patient;
    let person =
        Person { given: "TEST".to_owned(), family: "TEST".to_owned(), ..Person::default() };
    let zone = office.profile().timezone.iana_name().map(str::to_owned);
    let record = PatientRow {
        id,
        person_sealed: seal_person(office.keys(), practice, id, &person)?,
        language: Some("en".to_owned()),
        timezone: zone,
        deceased_at: None,
        active: true,
        merged_into: None,
        updated_at: now,
    };
    patient::put(tx, practice, &record)?;
    test_patient::add(tx, practice, &row)?;
    let event = Event::new(audit::Kind::PatientChanged, actor.clone())
        .about(PATIENT, id)
        .patient(id)
        .code("test_patient");
    audit::append(tx, office, event)?;
    let evidence = Some("self_test in the settings".to_owned());
    let told = Told {
        method: ConsentMethod::Form,
        evidence: evidence.clone(),
        witness: None,
        captured_at: now,
    };
    let contact = NewContact {
        line: gate::facts::Line::Mobile,
        verified_how: Some("in_person"),
        ..NewContact::own(id, address.clone())
    };
    contacts::add(tx, office, &actor, &contact, &told)?;
    let consent = NewConsent {
        patient: id,
        class: ConsentKind::Pec,
        channel: Channel::Sms,
        address: address.clone(),
        purposes: Vec::new(),
        categories: Vec::new(),
        up_to: None,
        text_version: Some("self-test".to_owned()),
        risk_warned: false,
        language: "en".to_owned(),
        frequency: Some("one a night".to_owned()),
        method: ConsentMethod::Form,
        evidence,
        evidence_digest: None,
        witness: None,
        captured_at: now,
        valid_until: None,
        withdrawal: "self_test.at = \"never\" in the settings".to_owned(),
    };
    consents::record(tx, office.into(), actor, &consent)?;
    Ok(())
}
