//! A practice with as many patients as a large one has: names as common as names are, sealed as
//! every other, found as every other.

use anyhow::{Context as _, Result};
use gate::facts::Line;
use gate::{Address, AddressKind, ContactPointId, PatientId, PhoneNumber};
use jiff::civil::{Date, date};
use tokio_util::sync::CancellationToken;

use super::pipeline::bar;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::cli::open::Opened;
use crate::clock::Clock;
use crate::db::contact_point::{self, AddressSource, ContactPointRow};
use crate::db::patient::{self, IdentifierRow, PatientRow};
use crate::db::{DbError, Tx};
use crate::demo::population::Chance;
use crate::ids::Id as _;
use crate::office::Office;
use crate::people::import::record::MRN;
use crate::people::person::Person;
use crate::people::search::index;
use crate::people::{contact_points, patients};

/// How many patients one transaction takes.
const BATCH: usize = 250;

/// Common family names, the commonest first; how common each is falls as in life.
const FAMILY: &str = "Smith Johnson Williams Brown Jones García Miller Davis Rodríguez Martínez \
    Hernández López González Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Pérez Thompson \
    White Harris Sánchez Clark Ramírez Lewis Robinson Walker Young Allen King Wright Scott Torres \
    Nguyễn Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gómez \
    Phillips Evans Turner Díaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook \
    Rogers Gutiérrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward \
    Richardson Watson Brooks Chávez Wood James Bennett Gray Mendoza Ruiz Hughes Price Álvarez \
    Castillo Sanders Patel Myers Long Ross Foster Jiménez O'Brien De_la_Cruz Smith-Jones Østergaard \
    Müller Yang Washington Butler Simmons Romero Jordan Patterson Alexander Hamilton Graham Reynolds \
    Griffin Wallace Moreno West Cole Hayes Bryant Herrera Gibson Ellis Tran Medina Aguilar Stevens \
    Murray Ford Castro Marshall Owens Harrison Fernández McDonald Woods Van_der_Berg Kennedy Wells";

/// Common given names likewise.
const GIVEN: &str = "James Mary Michael Patricia Robert Jennifer John Linda David Elizabeth \
    William Barbara Richard Susan Joseph Jessica Thomas Karen Christopher Sarah Charles Lisa Daniel \
    Nancy Matthew Sandra Anthony Betty Mark Ashley Donald Emily Steven Kimberly Andrew Margaret Paul \
    Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa Timothy Deborah Ronald Stephanie \
    George Rebecca Jason Sharon Edward Laura Jeffrey Cynthia Ryan Dorothy Jacob Amy Nicholas \
    Kathleen Gary Angela Eric Shirley Jonathan Emma Stephen Brenda Larry Pamela Justin Nicole Scott \
    Anna Brandon Samantha José Katherine Luis Christine Juan María Carlos Ana_María Jesús Olivia \
    Zoë Renée Björn Mai Anh Chloé D'Andre Jean-Luc Sofía Lucía Mateo Camila";

/// Somebody of it.
#[derive(Clone)]
pub(super) struct Resident {
    pub(super) id: PatientId,
    pub(super) given: String,
    pub(super) family: String,
    pub(super) born: Date,
    /// Ten digits.
    pub(super) number: String,
    pub(super) record: String,
}

/// So many people, drawn by `seed`; nobody has moved in yet.
pub(super) fn people(clock: &Clock, patients: usize, seed: u64) -> Result<Vec<Resident>> {
    let family: Vec<&str> = FAMILY.split_whitespace().collect();
    let given: Vec<&str> = GIVEN.split_whitespace().collect();
    let mut chance = Chance::new(seed);
    // Of two draws the smaller: the first names are the commonest.
    let mut common = |from: &[&str]| {
        let at = chance.below(from.len()).min(chance.below(from.len()));
        from.get(at).copied().unwrap_or_default().replace('_', " ")
    };
    let mut all = Vec::with_capacity(patients);
    for number in 0..patients {
        let (given, family) = (common(&given), common(&family));
        // Everybody's own: area codes from 200 on, and numbers in them.
        let (area, local) = (200 + number / 10_000, number % 10_000);
        let days = i32::try_from(number * 7_919 % 32_000)?;
        all.push(Resident {
            id: PatientId::new(clock),
            given,
            family,
            born: date(1936, 1, 1).checked_add(jiff::Span::new().days(days))?,
            number: format!("{area}555{local:04}"),
            record: format!("M{:06}", number * 37 % 1_000_000),
        });
    }
    Ok(all)
}

/// Makes them patients. Their tokens for the search are made by [`catch_up`].
pub(super) fn move_in(opened: &Opened, people: &[Resident]) -> Result<()> {
    let shown = bar(people.len() as u64, "patients made");
    for batch in people.chunks(BATCH) {
        let ids: Vec<String> = batch.iter().map(|who| who.id.to_string()).collect();
        opened.office.keys().prepare_patients(ids.iter().map(String::as_str))?;
        let (batch, office) = (batch.to_vec(), opened.office.clone());
        let size = batch.len();
        opened.db.write_blocking(move |tx| {
            for who in &batch {
                settle(tx, &office, who)?;
            }
            let event = Event::new(Kind::PatientChanged, Actor::service("bench"));
            audit::append(tx, &office, event).map_err(MakeError::from).map(drop)
        })?;
        shown.inc(size as u64);
    }
    shown.finish_and_clear();
    Ok(())
}

/// Somebody cannot be made.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Address(#[from] gate::InvalidAddress),
}

/// The rows alone: their tokens are made, and measured, afterwards.
fn settle(tx: &mut Tx<'_>, office: &Office, who: &Resident) -> Result<(), MakeError> {
    let (now, keys, practice, id) =
        (office.clock().now(), office.keys(), office.practice(), who.id);
    let person = Person {
        given: who.given.clone(),
        family: who.family.clone(),
        birth_date: Some(who.born),
        ..Person::default()
    };
    let row = PatientRow {
        id,
        person_sealed: patients::seal_person(keys, practice, id, &person)?,
        language: Some("en".to_owned()),
        timezone: None,
        deceased_at: None,
        active: true,
        merged_into: None,
        updated_at: now,
    };
    patient::put(tx, practice, &row)?;
    let address = Address::Phone(PhoneNumber::from_e164(&format!("+1{}", who.number))?);
    let point = ContactPointId::new(office.clock());
    let row = ContactPointRow {
        id: point,
        patient_id: id,
        caregiver_id: None,
        kind: AddressKind::Phone,
        address_sealed: contact_points::seal_address(keys, practice, id, point, &address)?,
        address_index: office.address_index(&address).to_vec(),
        line: Line::Mobile,
        place: None,
        rank: 1,
        shared: false,
        source: AddressSource::Chart,
        verified_at: None,
        verified_how: None,
        valid_from: None,
        valid_until: None,
        dead: None,
        dead_at: None,
        updated_at: now,
    };
    contact_point::put(tx, practice, &row)?;
    let row = office.clock().new_id();
    let domain = format!("identifier {MRN}");
    let row = IdentifierRow {
        id: row,
        patient_id: id,
        system: MRN.to_owned(),
        value_index: keys.blind_index(&domain, who.record.as_bytes()).to_vec(),
        value_sealed: patients::seal_identifier(keys, practice, (id, row), &who.record)?,
    };
    patient::add_identifier(tx, practice, &row)?;
    Ok(())
}

/// Makes the tokens by which they are found, as `sotto serve` does for a practice that had none.
pub(super) fn catch_up(opened: &Opened) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let stop = CancellationToken::new();
    Ok(runtime.block_on(index::catch_up(&opened.db, &opened.office, &stop))?)
}
