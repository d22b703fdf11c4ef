//! A made-up practice with patients, numbers and appointments, for tests of whole flows.

use std::path::PathBuf;
use std::sync::Arc;

use gate::facts::Line;
use gate::{
    Address, AddressKind, AppointmentId, Channel, ContactPointId, Level, PatientId, PhoneNumber,
    PracticeId,
};
use jiff::{SignedDuration, Timestamp};
use seal::{Keyring, RootKey};
use sotto::audit::{self, Actor, Event, Kind};
use sotto::clock::Clock;
use sotto::compose::Templates;
use sotto::db::appointment::{self, AppointmentRow, AppointmentStatus};
use sotto::db::consent_event::{
    self, ConsentEventKind, ConsentEventRow, ConsentKind, ConsentMethod,
};
use sotto::db::contact_point::{self, AddressSource, ContactPointRow};
use sotto::db::patient::{self, PatientRow};
use sotto::db::practice::{self, Practice};
use sotto::db::reminder::{self, ReminderRow};
use sotto::db::task::{self, TaskRow};
use sotto::db::vendor::{self, ChannelSetting, NewVendor};
use sotto::db::{Db, DbError, Tx};
use sotto::ids::Id as _;
use sotto::inbound::{self, Arrival, Received};
use sotto::office::Office;
use sotto::people::contact_points::seal_address;
use sotto::people::patients::seal_person;
use sotto::people::person::Person;
use sotto::schedule::{Booking, appointments};
use sotto::{params, sql};

use crate::engines::TestDb;

/// The practice, open.
pub(crate) struct Clinic {
    pub(crate) db: TestDb,
    pub(crate) office: Office,
    pub(crate) keys: PathBuf,
    pub(crate) root: RootKey,
}

impl Drop for Clinic {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.keys);
    }
}

/// A message of ours, opened.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) body: String,
    pub(crate) refusals: String,
}

pub(crate) fn templates() -> Templates {
    static ONCE: std::sync::LazyLock<Arc<Templates>> =
        std::sync::LazyLock::new(|| Arc::new(Templates::builtin().unwrap()));
    Templates::clone(&ONCE)
}

pub(crate) fn phone(number: &str) -> Address {
    Address::Phone(PhoneNumber::from_e164(number).unwrap())
}

pub(crate) fn staff() -> Actor {
    Actor::staff("s-1", "front_desk")
}

impl Clinic {
    pub(crate) async fn open(db: TestDb) -> Self {
        let keys = std::env::temp_dir().join(format!("sotto-keys-{}", Clock::system().new_id()));
        let root = RootKey::generate().unwrap();
        let ring = Keyring::create(&keys, &root).unwrap();
        let practice = PracticeId(db.clock.new_id());
        let clock = db.clock.clone();
        // Made outside: that takes longer than a transaction may be idle, on a busy machine.
        let templates = templates();
        let office = db
            .write(move |tx| {
                let now = clock.now();
                set_up(tx, practice, now)?;
                let (templates, _) = templates.record(tx, practice, now).unwrap();
                let office = Office::open(tx, practice, clock, ring, templates).unwrap();
                let event = Event::new(Kind::PracticeChanged, Actor::operator());
                audit::append(tx, &office, event).unwrap();
                Ok::<_, DbError>(office)
            })
            .await
            .unwrap();
        Self { db, office, keys, root }
    }

    /// The same practice, opened again from its database and its keys, as after a restart.
    pub(crate) async fn reopened(&self, db: &Db) -> Office {
        self.reopened_at(db, self.office.clock().clone()).await
    }

    /// The same, on a machine whose clock reads otherwise.
    pub(crate) async fn reopened_at(&self, db: &Db, clock: Clock) -> Office {
        let ring = Keyring::open(&self.keys, &self.root).unwrap();
        let practice = self.office.practice();
        db.read(move |tx| {
            Ok::<_, DbError>(Office::open(tx, practice, clock, ring, templates()).unwrap())
        })
        .await
        .unwrap()
    }

    /// Runs `work` in a transaction that ends with an audit entry.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &Office) -> T + Send + 'static,
    ) -> T {
        let office = self.office.clone();
        self.db
            .write(move |tx| {
                let result = work(tx, &office);
                if !tx.touched().is_empty() {
                    let event = Event::new(Kind::PatientChanged, Actor::operator());
                    audit::append(tx, &office, event).unwrap();
                }
                Ok::<_, DbError>(result)
            })
            .await
            .unwrap()
    }

    /// A patient in New York who agreed to texts at this number.
    pub(crate) async fn patient(&self, given: &str, language: &str, number: &str) -> PatientId {
        let (given, language, address) = (given.to_owned(), language.to_owned(), phone(number));
        self.write(move |tx, office| {
            let id = PatientId::new(office.clock());
            let now = office.clock().now();
            let practice = office.practice();
            let person = Person {
                given,
                family: "Example".to_owned(),
                birth_date: Some(jiff::civil::date(1980, 5, 17)),
                ..Person::default()
            };
            let row = PatientRow {
                id,
                person_sealed: seal_person(office.keys(), practice, id, &person).unwrap(),
                language: Some(language),
                timezone: Some("America/New_York".to_owned()),
                deceased_at: None,
                active: true,
                merged_into: None,
                updated_at: now,
            };
            patient::put(tx, practice, &row).unwrap();
            add_number(tx, office, id, &address);
            add_consent(tx, office, id, &address);
            id
        })
        .await
    }

    pub(crate) async fn book(
        &self,
        patient: PatientId,
        external_id: &str,
        starts_at: Timestamp,
    ) -> AppointmentId {
        let booking = booking(patient, external_id, starts_at);
        self.write(move |tx, office| {
            appointments::upsert(tx, office, &booking, &staff()).unwrap().0
        })
        .await
    }

    /// A text to us, now.
    pub(crate) async fn text(&self, from: &str, body: &str) -> Received {
        let arrival = self.arrival(from, body);
        self.arrive(arrival).await
    }

    pub(crate) fn arrival(&self, from: &str, body: &str) -> Arrival {
        Arrival {
            adapter: "sms_smpp",
            carrier_id: self.office.clock().new_id().to_string(),
            channel: Channel::Sms,
            from: phone(from),
            to: "+12025550100".to_owned(),
            body: body.to_owned(),
            received_at: self.office.clock().now(),
            incomplete: false,
            unnamed: None,
        }
    }

    pub(crate) async fn arrive(&self, arrival: Arrival) -> Received {
        self.write(move |tx, office| inbound::receive(tx, office, arrival).unwrap()).await
    }

    /// All our messages to a number, the oldest first.
    pub(crate) async fn sent_to(&self, number: &str) -> Vec<Sent> {
        let address = phone(number);
        self.write(move |tx, office| {
            let index = office.address_index(&address);
            tx.query(
                sql!(
                    "SELECT id, kind, state, content_sealed, record_wrap, refusals FROM message
                      WHERE practice_id = $1 AND address_index = $2 ORDER BY created_at, id"
                ),
                params![office.practice(), index],
                |row| {
                    let id: String = row.get(0)?;
                    let practice = office.practice().to_string();
                    let place = seal::Place {
                        practice: &practice,
                        table: "message",
                        row: &id,
                        column: "content",
                    };
                    let sealed = seal::Sealed::from_bytes(row.get(3)?);
                    let wrap = seal::Sealed::from_bytes(row.get(4)?);
                    let open = office.keys().open_message(&place, &sealed, &wrap).unwrap();
                    let content: serde_json::Value = serde_json::from_slice(&open).unwrap();
                    Ok(Sent {
                        kind: row.get(1)?,
                        state: row.get(2)?,
                        body: content["body"].as_str().unwrap().to_owned(),
                        refusals: row.get::<Option<String>>(5)?.unwrap_or_default(),
                    })
                },
            )
            .unwrap()
        })
        .await
    }

    pub(crate) async fn appointment(&self, id: AppointmentId) -> AppointmentRow {
        self.write(move |tx, office| appointment::get(tx, office.practice(), id).unwrap().unwrap())
            .await
    }

    pub(crate) async fn steps(&self, id: AppointmentId) -> Vec<ReminderRow> {
        self.write(move |tx, office| reminder::of_appointment(tx, office.practice(), id).unwrap())
            .await
    }

    pub(crate) async fn tasks(&self) -> Vec<TaskRow> {
        self.write(|tx, office| task::open_ones(tx, office.practice(), 500).unwrap()).await
    }

    pub(crate) async fn tick(&self) -> sotto::journeys::reminders::Ticked {
        sotto::journeys::reminders::tick(&self.db, &self.office).await.unwrap()
    }

    /// Nothing that is recorded has changed behind the audit log's back.
    pub(crate) async fn is_proved(&self) {
        sotto::audit::sequencer::catch_up(&self.db, &self.office).await.unwrap();
        let office = self.office.clone();
        let report = self
            .db
            .read(move |tx| sotto::audit::verify::verify(tx, &office, None, &mut |_| {}))
            .await
            .unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

pub(crate) fn booking(patient: PatientId, external_id: &str, starts_at: Timestamp) -> Booking {
    Booking {
        external_id: external_id.to_owned(),
        patient,
        clinician: None,
        site: None,
        starts_at,
        ends_at: starts_at.checked_add(SignedDuration::from_mins(30)).ok(),
        status: AppointmentStatus::Booked,
    }
}

fn set_up(tx: &mut Tx<'_>, id: PracticeId, now: Timestamp) -> Result<(), DbError> {
    let row = Practice {
        name: "Harborview Family Health".to_owned(),
        display_name: "Harborview Family Health".to_owned(),
        phone: "(202) 555-0100".to_owned(),
        timezone: "America/New_York".to_owned(),
        portal_url: "https://portal.harborview.example".to_owned(),
        sandbox: true,
    };
    practice::put(tx, id, &row, now)?;
    let channels = [
        (Channel::Sms, "sms_smpp", "+12025550100"),
        (Channel::Email, "email_smtp", "office@harborview.example"),
        (Channel::Portal, "portal", "portal"),
    ];
    for (channel, adapter, sender) in channels {
        let new = NewVendor {
            adapter,
            legal_name: "The twin",
            service: "A simulated carrier",
            max_level: Level::Sensitive,
            agreement: "sandbox",
            effective_at: None,
            expires_at: None,
            reason: None,
        };
        vendor::put(tx, id, &new, now)?;
        let setting = ChannelSetting {
            adapter: adapter.to_owned(),
            enabled: true,
            sender: sender.to_owned(),
        };
        vendor::put_channel(tx, id, channel, &setting, now)?;
    }
    Ok(())
}

pub(crate) fn add_number(tx: &mut Tx<'_>, office: &Office, patient: PatientId, address: &Address) {
    let id = ContactPointId::new(office.clock());
    let practice = office.practice();
    let now = office.clock().now();
    let row = ContactPointRow {
        id,
        patient_id: patient,
        caregiver_id: None,
        kind: AddressKind::Phone,
        address_sealed: seal_address(office.keys(), practice, patient, id, address).unwrap(),
        address_index: office.address_index(address).to_vec(),
        line: Line::Mobile,
        place: None,
        rank: 1,
        shared: false,
        source: AddressSource::Staff,
        verified_at: Some(now),
        verified_how: Some("code".to_owned()),
        valid_from: None,
        valid_until: None,
        dead: None,
        dead_at: None,
        updated_at: now,
    };
    contact_point::put(tx, practice, &row).unwrap();
}

pub(crate) fn add_consent(tx: &mut Tx<'_>, office: &Office, patient: PatientId, address: &Address) {
    let id = office.clock().new_id();
    let now = office.clock().now();
    let row = ConsentEventRow {
        id,
        consent_id: gate::ConsentId::from_uuid(id),
        patient_id: patient,
        event: ConsentEventKind::Given,
        class: ConsentKind::Pec,
        channel: Channel::Sms,
        address_index: office.address_index(address).to_vec(),
        purposes: String::new(),
        categories: String::new(),
        up_to_level: None,
        text_version: Some("texts-1".to_owned()),
        risk_warned: false,
        language: "en".to_owned(),
        frequency: Some("about 4 a month".to_owned()),
        method: ConsentMethod::Paper,
        evidence: None,
        evidence_digest: None,
        witness: None,
        captured_by: "staff:s-1".to_owned(),
        captured_at: now,
        valid_until: None,
        withdrawal: "STOP, or by phone".to_owned(),
        recorded_at: now,
    };
    consent_event::add(tx, office.practice(), &row).unwrap();
}
