//! What changes between a message's acceptance and its release counts, however short the time:
//! what intake loaded a moment ago is used again only where nothing has changed.

use std::sync::{Arc, Mutex};

use gate::{Channel, Level, Released};
use jiff::SignedDuration;
use serde_json::Value;
use sotto::access::policies::{self, Action, Permit, Principal, Resource};
use sotto::access::roles::{Role, Roles};
use sotto::agreements::register::{self, Signed};
use sotto::attachments::{scan::Scanner, store};
use sotto::channels::{Adapter, AdapterName, Failure, Handoff};
use sotto::clock::Clock;
use sotto::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use sotto::db::vendor::{self, NewVendor};
use sotto::db::{Db, Tx};
use sotto::ids::{Id as _, RunId, StaffId};
use sotto::nodes::{Lease, Standing};
use sotto::observe::metrics::Link;
use sotto::office::Office;
use sotto::outbox::set_back;
use sotto::outbox::worker::{Settings, Worker};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{NUMBER, Site, results};
use crate::clinic::{phone, staff};
use crate::on_both_engines;

/// Takes everything, while its connection is there.
struct Carrier {
    took: Arc<Mutex<u32>>,
    link: Link,
}

impl Adapter for Carrier {
    fn name(&self) -> AdapterName {
        AdapterName::SmsSmpp
    }

    async fn send(&self, _: Released<'_>, _: &Lease) -> Result<Handoff, Failure> {
        let mut took = self.took.lock().unwrap();
        *took += 1;
        Ok(Handoff { parts: vec![format!("c-{took}")], transport: None })
    }

    fn link(&self) -> Option<Link> {
        Some(self.link.clone())
    }
}

/// One message accepted, then `change`, then the worker. What became of it, and what the carrier
/// took.
async fn released(
    site: &Site,
    change: impl FnOnce(&mut Tx<'_>, &Office) + Send + 'static,
) -> (Value, u32) {
    let id = site.post("/api/v1/messages", &results(site.patient)).await.is(202).text_of("id");
    site.clinic.write(change).await;
    let took = Arc::new(Mutex::new(0));
    let (worker, stop) =
        working(site.clinic.db.db.clone(), site.clinic.office.clone(), (&took, &up()));
    let seen = ended(site, &id).await;
    stop.cancel();
    worker.await.unwrap();
    site.clinic.is_proved().await;
    let took = *took.lock().unwrap();
    (seen, took)
}

/// The message, once it neither waits nor is on its way.
pub(super) async fn ended(site: &Site, id: &str) -> Value {
    loop {
        let seen = site.get(&format!("/api/v1/messages/{id}")).await.is(200).json;
        if seen["state"] != "queued" && seen["state"] != "sending" {
            return seen;
        }
    }
}

pub(super) fn up() -> Link {
    let link = Link::default();
    link.set(true);
    link
}

/// A worker for the carrier that takes everything.
pub(super) fn working(
    db: Db,
    office: Office,
    (took, link): (&Arc<Mutex<u32>>, &Link),
) -> (JoinHandle<()>, CancellationToken) {
    let clock = office.clock().clone();
    let run = RunId::new(&clock);
    let settings = Settings {
        adapter: AdapterName::SmsSmpp,
        standing: Standing::alone(clock, run),
        window: 4,
        lease: SignedDuration::from_secs(300),
    };
    let carrier = Arc::new(Carrier { took: Arc::clone(took), link: link.clone() });
    let stop = CancellationToken::new();
    let worker = Worker::new(db, office, carrier, settings).run(stop.clone());
    (tokio::spawn(worker), stop)
}

fn opted_out(tx: &mut Tx<'_>, office: &Office) {
    let row = SuppressionRow {
        id: office.clock().new_id(),
        address_index: office.address_index(&phone(NUMBER)).to_vec(),
        event: SuppressionKind::OptOut,
        channel: None,
        kind: None,
        source: SuppressionSource::Words,
        inbound_id: None,
        recorded_by: "staff:s-1".to_owned(),
        occurred_at: office.clock().now(),
    };
    suppression::add(tx, office.practice(), &row).unwrap();
}

fn agreement_ended(tx: &mut Tx<'_>, office: &Office) {
    let new = NewVendor {
        adapter: "sms_smpp",
        legal_name: "The twin",
        service: "A simulated carrier",
        max_level: Level::Sensitive,
        agreement: "terminated",
        effective_at: None,
        expires_at: None,
        reason: None,
    };
    vendor::put(tx, office.practice(), &new, office.clock().now()).unwrap();
    assert!(vendor::for_channel(tx, office.practice(), Channel::Sms).unwrap().is_some());
}

/// The practice ends it on the page of vendors (BAA-05).
fn ended_by_hand(tx: &mut Tx<'_>, office: &Office) {
    let end = ("sms_smpp", "They sold our numbers.");
    register::end(tx, office, (&staff(), &officer()), end).unwrap();
}

/// Leave, as a privacy officer has it.
fn officer() -> Permit {
    let roles = Roles::new(vec![Role::PrivacyOfficer]).unwrap();
    let who = Principal::new(StaffId(uuid::Uuid::nil()), roles, vec![]);
    policies::may(&who, Action::ManageVendors, &Resource::Practice).unwrap()
}

on_both_engines! {
    async fn nothing_changed(db: TestDb) {
        let site = Site::open(db).await;
        let (seen, took) = released(&site, |_, _| ()).await;
        assert_eq!((&seen["state"], took), (&"sent".into(), 1), "{seen}");
    }

    /// A crash leaves nothing in doubt that could not have left.
    async fn while_the_connection_is_down_nothing_is_begun(db: TestDb) {
        let site = Site::open(db).await;
        let body = results(site.patient);
        let id = site.post("/api/v1/messages", &body).await.is(202).text_of("id");
        let (took, link) = (Arc::new(Mutex::new(0)), Link::default());
        let (db, office) = (site.clinic.db.db.clone(), site.clinic.office.clone());
        let (worker, stop) = working(db, office, (&took, &link));
        for _ in 0..50 {
            let seen = site.get(&format!("/api/v1/messages/{id}")).await.is(200).json;
            assert_eq!(seen["state"], "queued");
        }
        link.set(true);
        let seen = ended(&site, &id).await;
        stop.cancel();
        worker.await.unwrap();
        assert_eq!((&seen["state"], *took.lock().unwrap()), (&"sent".into(), 1), "{seen}");
    }

    async fn the_clock_was_an_hour_ahead(db: TestDb) {
        let site = Site::open(db).await;
        // After the patient's consent, which must not lie in the future.
        site.clinic.db.clock.advance(SignedDuration::from_hours(2));
        let body = results(site.patient);
        let id = site.post("/api/v1/messages", &body).await.is(202).text_of("id");
        // The machine is started again with its clock set right.
        let right = Clock::manual(site.clinic.db.clock.now() - SignedDuration::from_hours(1));
        let office = site.clinic.reopened_at(&site.clinic.db, right).await;
        assert_eq!(set_back::bring_forward(&site.clinic.db, &office).await.unwrap(), 1);
        assert_eq!(set_back::bring_forward(&site.clinic.db, &office).await.unwrap(), 0);
        let took = Arc::new(Mutex::new(0));
        let (worker, stop) = working(site.clinic.db.db.clone(), office, (&took, &up()));
        let seen = ended(&site, &id).await;
        stop.cancel();
        worker.await.unwrap();
        assert_eq!((&seen["state"], *took.lock().unwrap()), (&"sent".into(), 1), "{seen}");
        site.clinic.is_proved().await;
    }

    async fn the_number_opted_out(db: TestDb) {
        let site = Site::open(db).await;
        let (seen, took) = released(&site, opted_out).await;
        assert_eq!((&seen["state"], took), (&"refused".into(), 0), "{seen}");
        assert!(seen["refusals"].to_string().contains("E_OPT"), "{seen}");
    }

    async fn the_agreement_ended(db: TestDb) {
        let site = Site::open(db).await;
        let (seen, took) = released(&site, agreement_ended).await;
        assert_eq!((&seen["state"], took), (&"refused".into(), 0), "{seen}");
        assert!(seen["refusals"].to_string().contains("E_BAA"), "{seen}");
    }

    async fn the_practice_ended_the_agreement(db: TestDb) {
        let site = Site::open(db).await;
        let (seen, took) = released(&site, ended_by_hand).await;
        assert_eq!((&seen["state"], took), (&"refused".into(), 0), "{seen}");
        assert!(seen["refusals"].to_string().contains("E_BAA"), "{seen}");
        // Nor is another taken.
        let body = results(site.patient);
        let seen = site.post("/api/v1/messages", &body).await.is(422).json;
        assert!(seen.to_string().contains("E_BAA"), "{seen}");
    }

    async fn the_practice_ended_the_agreement_and_signed_it_anew(db: TestDb) {
        let site = Site::open(db).await;
        let paper = bytes::Bytes::from_static(crate::attachments::PAPER);
        let fit = Scanner::None.take("agreement.pdf".to_owned(), paper).await.unwrap();
        let (seen, took) = released(&site, move |tx, office| {
            ended_by_hand(tx, office);
            let today = office.clock().now().to_zoned(office.profile().timezone.clone()).date();
            let signed = Signed {
                signer: "R. Delgado".to_owned(),
                signed_on: Some(today),
                last_day: None,
                subcontractors: String::new(),
                notice_days: None,
            };
            let scan = store::seal(office, &fit, None).unwrap();
            let new = ("sms_smpp", &signed, vec![scan]);
            register::sign(tx, office, (&staff(), &officer()), new).unwrap();
        })
        .await;
        assert_eq!((&seen["state"], took), (&"sent".into(), 1), "{seen}");
    }
}
