//! The practice that is measured: made by the same functions as every other, with one patient a
//! number, a consent each, and no appointments. It lies where it is noon now, so that no quiet hour
//! holds a message back while all its rules are in force.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gate::facts::Line;
use gate::{Address, AddressKind, Channel, ContactPointId, Language, PatientId, PhoneNumber};
use jiff::SignedDuration;
use jiff::civil::date;
use jiff::tz::TimeZone;

use crate::access::tokens::{self, NewToken, Scope};
use crate::audit::{self, Actor, Event, Kind};
use crate::cli::open::{self, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Tx;
use crate::db::consent_event::{ConsentKind, ConsentMethod};
use crate::db::contact_point::{self, AddressSource, ContactPointRow};
use crate::db::patient::{self, PatientRow};
use crate::demo::house::HouseError;
use crate::demo::population::Chance;
use crate::ids::Id as _;
use crate::office::Office;
use crate::people::consents::{self, NewConsent};
use crate::people::person::Person;
use crate::people::{area_codes, contact_points, patients, search};

/// How many patients one transaction takes.
const BATCH: usize = 250;

const GIVEN: [&str; 8] = ["Ada", "Ben", "Clara", "Dan", "Emma", "Frank", "Grace", "Hugo"];
const FAMILY: [&str; 8] = ["Walker", "Harris", "King", "Hill", "Green", "Baker", "Parker", "Ward"];

/// Somebody to write to, as the callers know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resident {
    /// The patient's id.
    pub(super) patient: String,
    /// Their number, E.164.
    pub(super) number: String,
    /// Their first name.
    pub(super) given: String,
}

/// Where a bench makes its practice, and how it tells what it found.
#[derive(Debug, clap::Args)]
pub(super) struct Ground {
    /// A PostgreSQL database to use instead of a file in the folder.
    #[arg(long, value_name = "URL")]
    pub(super) database: Option<String>,
    /// Where the practice is made, on the disk to be measured; it must not be there yet, and is
    /// removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// The settings of the server that is measured.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    /// Another database than a file in the folder.
    pub(super) database: Option<&'a str>,
    /// The twin's SMSC.
    pub(super) smsc: u16,
}

impl Place<'_> {
    /// Writes the settings and the keys.
    pub(super) fn prepare(&self, clock: &Clock) -> Result<PathBuf> {
        let here = |name: &str| self.folder.join(name);
        seal::RootKey::generate()?.write_new(&here("root.key"))?;
        std::fs::write(here("smpp.password"), "bench\n")?;
        let url = self
            .database
            .map_or_else(|| format!("sqlite:{}", here("sotto.db").display()), str::to_owned);
        // A practice of its own each time: a database may hold the ones of earlier runs.
        let practice = clock.new_id();
        let settings = format!(
            "[database]\nurl = {url:?}\n\
             [keys]\nroot_file = {root:?}\nstore = {keys:?}\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\
             [practice]\nid = \"{practice}\"\nname = \"Bench Family Medicine\"\n\
             display_name = \"Bench Family Medicine\"\nphone = \"(303) 555-0199\"\n\
             timezone = \"{zone}\"\nportal_url = \"https://portal.example.com\"\n\
             [sms_smpp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             system_id = \"bench\"\npassword_file = {password:?}\nsender = \"38838\"\n\
             [sms_smpp.agreement]\nvendor = \"Carrier twin, simulated\"\nstatus = \"active\"\n\
             effective = \"2026-01-01T00:00:00Z\"\nmax_level = 1\n",
            root = here("root.key"),
            keys = here("keys"),
            zone = where_it_is_noon(clock.now()),
            port = self.smsc,
            password = here("smpp.password"),
        );
        let file = here("sotto.toml");
        std::fs::write(&file, settings)?;
        Ok(file)
    }
}

/// A zone in which the hour is twelve.
fn where_it_is_noon(now: jiff::Timestamp) -> String {
    let ahead = 12 - i32::from(now.to_zoned(TimeZone::UTC).hour());
    // POSIX counts westwards: three hours ahead of Greenwich is Etc/GMT-3.
    format!("Etc/GMT{:+}", -ahead)
}

/// Opens the practice, makes its patients, and a token for the callers. `progress` hears how many
/// patients are in.
pub(super) fn furnish(
    config: &Config,
    clock: &Clock,
    (count, seed): (usize, u64),
    mut progress: impl FnMut(usize),
) -> Result<(Opened, Vec<Resident>, String)> {
    let opened = open::open(config, clock)?;
    let (db, office) = (&opened.db, &opened.office);
    let people = people(clock, count, seed)?;
    for batch in people.chunks(BATCH) {
        office.keys().prepare_patients(batch.iter().map(|who| who.patient.as_str()))?;
        let (batch, office) = (batch.to_vec(), office.clone());
        let size = batch.len();
        let zone = config.practice.timezone.clone();
        db.write_blocking(move |tx| {
            for who in &batch {
                move_in(tx, &office, who, &zone)?;
            }
            Ok::<_, HouseError>(())
        })?;
        progress(size);
    }
    let keeper = office.clone();
    let new = NewToken { name: "bench".to_owned(), scopes: vec![Scope::MessagesWrite], days: 1 };
    let (_, secret) =
        db.write_blocking(move |tx| tokens::create(tx, &keeper, &new, Actor::operator()))?;
    Ok((opened, people, secret.reveal().to_owned()))
}

/// People with numbers of fiction (555-01xx) under area codes that nobody has.
fn people(clock: &Clock, count: usize, seed: u64) -> Result<Vec<Resident>> {
    let mut chance = Chance::new(seed);
    let mut numbers =
        (200..1000).flat_map(|area| (0..100).map(move |last| format!("+1{area}55501{last:02}")));
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let number = numbers
            .next()
            .with_context(|| format!("--patients: there are numbers for {} only", all.len()))?;
        if area_codes::zone_of(&PhoneNumber::from_e164(&number)?).is_some() {
            continue;
        }
        all.push(Resident {
            patient: PatientId::new(clock).to_string(),
            number,
            given: chance.pick(&GIVEN).to_owned(),
        });
    }
    Ok(all)
}

fn move_in(tx: &mut Tx<'_>, office: &Office, who: &Resident, zone: &str) -> Result<(), HouseError> {
    let (now, keys, practice) = (office.clock().now(), office.keys(), office.practice());
    // Made a moment ago from an id.
    let Ok(id) = who.patient.parse::<PatientId>() else { return Ok(()) };
    let Ok(number) = PhoneNumber::from_e164(&who.number) else { return Ok(()) };
    let address = Address::Phone(number);
    let family = FAMILY.get(who.number.len() % FAMILY.len()).copied().unwrap_or_default();
    let person = Person {
        given: who.given.clone(),
        family: family.to_owned(),
        birth_date: Some(date(1970, 1, 1)),
        ..Person::default()
    };
    let row = PatientRow {
        id,
        person_sealed: patients::seal_person(keys, practice, id, &person)?,
        language: Some(Language::English.as_str().to_owned()),
        timezone: Some(zone.to_owned()),
        deceased_at: None,
        active: true,
        merged_into: None,
        updated_at: now,
    };
    patient::put(tx, practice, &row)?;
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
        verified_at: Some(now),
        verified_how: Some("in_person".to_owned()),
        valid_from: None,
        valid_until: None,
        dead: None,
        dead_at: None,
        updated_at: now,
    };
    contact_point::put(tx, practice, &row)?;
    search::index::refresh(tx, office.into(), id)?;
    let event = Event::new(Kind::PatientChanged, Actor::service("bench"))
        .about(crate::db::registry::PATIENT, id)
        .patient(id);
    audit::append(tx, office, event)?;
    let consent = NewConsent {
        patient: id,
        class: ConsentKind::Pec,
        channel: Channel::Sms,
        address,
        purposes: Vec::new(),
        categories: Vec::new(),
        up_to: None,
        text_version: Some("registration-2026-1".to_owned()),
        risk_warned: false,
        language: Language::English.as_str().to_owned(),
        frequency: None,
        method: ConsentMethod::Paper,
        evidence: Some("registration form, scan".to_owned()),
        evidence_digest: None,
        witness: Some("front desk".to_owned()),
        captured_at: now.checked_sub(SignedDuration::from_hours(24))?,
        valid_until: None,
        withdrawal: "reply STOP or tell the office".to_owned(),
    };
    consents::record(tx, office.into(), Actor::service("bench"), &consent)?;
    Ok(())
}

/// Writes down whom the callers write to.
pub(super) fn write_people(file: &Path, people: &[Resident]) -> Result<()> {
    let mut lines = String::new();
    for Resident { patient, number, given } in people {
        lines.push_str(&format!("{patient} {number} {given}\n"));
    }
    std::fs::write(file, lines).with_context(|| format!("{} cannot be written", file.display()))
}

/// Reads it back.
pub(super) fn read_people(file: &Path) -> Result<Vec<Resident>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    text.lines()
        .map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let (Some(patient), Some(number), Some(given)) =
                (words.next(), words.next(), words.next())
            else {
                anyhow::bail!("{} has a line that is too short", file.display());
            };
            Ok(Resident { patient, number, given })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_noon_there_at_every_hour() {
        for hour in 0..24 {
            let now: jiff::Timestamp = format!("2026-11-21T{hour:02}:30:00Z").parse().unwrap();
            let zone = TimeZone::get(&where_it_is_noon(now)).unwrap();
            assert_eq!(now.to_zoned(zone).hour(), 12, "{hour}");
        }
    }

    #[test]
    fn nobody_shares_a_number_and_none_is_anybodys() {
        let people = people(&Clock::system(), 5_000, 1).unwrap();
        let numbers: std::collections::BTreeSet<_> = people.iter().map(|p| &p.number).collect();
        assert_eq!(numbers.len(), 5_000);
        assert!(numbers.iter().all(|number| number.contains("55501")));
    }
}
