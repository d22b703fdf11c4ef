//! People, what they agreed to, and how they come in.

mod consents;
mod import_csv;
mod import_fhir;
pub(crate) mod pages;
mod releases;
mod search;

use std::path::PathBuf;
use std::sync::Arc;

use gate::{PatientId, PracticeId};
use seal::{Keyring, RootKey};
use sotto::audit::verify::verify;
use sotto::audit::{self, Actor, Event, Kind, Log};
use sotto::clock::Clock;
use sotto::compose::Templates;
use sotto::db::contact_point::{self, ContactPointRow};
use sotto::db::registry::PRACTICE;
use sotto::db::{Db, DbError, patient, practice};
use sotto::office::Office;
use sotto::people::contact_points::open_address;
use sotto::people::import::{ImportError, Job, Report};
use sotto::people::patients::open_person;

use crate::engines::TestDb;

/// A practice, open, with keys that are gone when the last clone is.
#[derive(Clone)]
struct Desk(Arc<Inner>);

struct Inner {
    office: Office,
    keys: PathBuf,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.keys);
    }
}

impl<'a> From<&'a Desk> for Log<'a> {
    fn from(desk: &'a Desk) -> Self {
        Self::from(&desk.0.office)
    }
}

impl Desk {
    async fn new(db: &TestDb) -> Self {
        let keys = std::env::temp_dir().join(format!("sotto-keys-{}", Clock::system().new_id()));
        let ring = Keyring::create(&keys, &RootKey::generate().unwrap()).unwrap();
        let (id, clock) = (PracticeId(db.clock.new_id()), db.clock.clone());
        let office = db
            .write(move |tx| {
                let row = practice::Practice {
                    name: "Demo Practice".into(),
                    display_name: "Demo Practice".into(),
                    phone: "(617) 555-0150".into(),
                    timezone: "America/New_York".into(),
                    portal_url: "https://portal.example.com".into(),
                    sandbox: true,
                };
                practice::put(tx, id, &row, clock.now())?;
                let (templates, _) =
                    Templates::builtin().unwrap().record(tx, id, clock.now()).unwrap();
                let office = Office::open(tx, id, clock, ring, templates).unwrap();
                let event =
                    Event::new(Kind::PracticeChanged, Actor::operator()).about(PRACTICE, id);
                audit::append(tx, &office, event).unwrap();
                Ok::<_, DbError>(office)
            })
            .await
            .unwrap();
        Self(Arc::new(Inner { office, keys }))
    }

    fn practice(&self) -> PracticeId {
        self.0.office.practice()
    }
}

/// Imports a file as the command line would.
async fn import(
    db: &TestDb,
    desk: &Desk,
    dry_run: bool,
    run: impl FnOnce(&mut sotto::db::Tx<'_>, Job<'_>) -> Result<Report, ImportError> + Send + 'static,
) -> Result<Report, ImportError> {
    let desk = desk.clone();
    let result = db
        .write(move |tx| run(tx, Job { office: &desk.0.office, actor: Actor::operator(), dry_run }))
        .await;
    match result {
        Err(ImportError::DryRun(report)) => Ok(*report),
        other => other,
    }
}

/// Everything stored of all patients, opened, as one text to compare.
async fn everything(db: &Db, desk: &Desk) -> String {
    let desk = desk.clone();
    db.read(move |tx| {
        let log = Log::from(&desk);
        let mut out = String::new();
        for row in patient::page(tx, log.practice, None, 10_000)? {
            let person =
                open_person(log.keys, log.practice, row.id, row.person_sealed.clone()).unwrap();
            out += &serde_json::to_string(&person).unwrap();
            out += &format!(
                " {:?} {:?} {:?} {} {:?}\n",
                row.language, row.timezone, row.deceased_at, row.active, row.merged_into
            );
            for point in contact_point::of_patient(tx, log.practice, row.id)? {
                out += &shown(log, &point);
            }
        }
        Ok::<_, DbError>(out)
    })
    .await
    .unwrap()
}

fn shown(log: Log<'_>, point: &ContactPointRow) -> String {
    let sealed = point.address_sealed.clone();
    let address = open_address(log.keys, log.practice, point.id, point.kind, sealed).unwrap();
    format!(
        "  {} {:?} {:?} {} {:?} until {:?}\n",
        address.reveal(),
        point.line,
        point.place,
        point.rank,
        point.source,
        point.valid_until
    )
}

/// The patient with this identifier.
async fn find(db: &Db, desk: &Desk, system: &'static str, value: &'static str) -> PatientId {
    let desk = desk.clone();
    db.read(move |tx| {
        let log = Log::from(&desk);
        let index = log.keys.blind_index(&format!("identifier {system}"), value.as_bytes());
        patient::by_identifier(tx, log.practice, system, &index)
    })
    .await
    .unwrap()
    .expect("on file")
}

/// Every row is bound by the log, and the log by its tree.
async fn assert_sound(db: &TestDb, desk: &Desk) {
    let own = desk.clone();
    db.write(move |tx| sotto::audit::schema::record_schema(tx, &own)).await.unwrap();
    audit::sequencer::catch_up(db, desk).await.unwrap();
    let own = desk.clone();
    let told = db.read(move |tx| verify(tx, &own, None, &mut |_| {})).await.unwrap();
    assert!(told.is_sound(), "{told:?}");
}
