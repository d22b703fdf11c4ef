//! The self-test of the night: an ordinary night leaves no trace where people look; a broken pager,
//! a dead carrier and a gate that refuses alarm somebody, each time.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gate::{Level, PhoneNumber};
use jiff::{SignedDuration, Timestamp};
use sotto::arrivals;
use sotto::channels::{AdapterName, Loopback};
use sotto::conversations::tasks::TaskKind;
use sotto::db::message::{self, Listing};
use sotto::db::self_test::SelfTestRow;
use sotto::db::vendor::{self, NewVendor};
use sotto::db::{appointment, board};
use sotto::ids::{Id as _, RunId};
use sotto::inbound::pager::{self, Paged, Pager, Webhook};
use sotto::nodes::Standing;
use sotto::outbox::worker::{Settings as WorkerSettings, Worker};
use sotto::self_test::{self, Settings};
use sotto::{params, sql};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clinic::Clinic;
use crate::engines::TestDb;
use crate::inbound::pages::one_request;
use crate::on_both_engines;

struct Night {
    clinic: Clinic,
    loopback: Arc<Loopback>,
    set: Settings,
    paged: Paged,
    arrivals: JoinHandle<()>,
}

impl Drop for Night {
    fn drop(&mut self) {
        self.arrivals.abort();
    }
}

fn webhook(url: &str) -> Pager {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(b"twenty-four bytes at least"));
    Pager::Webhook(Box::new(Webhook::new(url, &[&secret]).unwrap()))
}

impl Night {
    async fn new(db: TestDb) -> Self {
        let clinic = Clinic::open(db).await;
        let (events, arrived) = mpsc::channel(16);
        let loopback = Arc::new(Loopback::new(events, clinic.office.clock().clone()));
        let (db, office) = (clinic.db.db.clone(), clinic.office.clone());
        let arrivals = tokio::spawn(arrivals::run(db, office, arrived));
        let (set, paged) = (Settings::default(), Paged::default());
        Self { clinic, loopback, set, paged, arrivals }
    }

    fn pass(&self, span: SignedDuration) {
        self.clinic.office.clock().advance(span);
    }

    fn until(&self, at: &str) {
        self.clinic.office.clock().advance_to(at.parse().unwrap());
    }

    async fn look(&self) -> Option<SelfTestRow> {
        self_test::tick(&self.clinic.db, &self.clinic.office, &self.set).await.unwrap()
    }

    async fn page(&mut self, pager: &Pager) -> usize {
        let (db, office) = (&self.clinic.db.db, &self.clinic.office);
        pager::tick(db, office, pager, &mut self.paged).await.unwrap()
    }

    /// What is due is taken up, goes round and is reported.
    async fn pump(&self) {
        self.clinic.tick().await;
        let stop = CancellationToken::new();
        let clock = self.clinic.office.clock().clone();
        let settings = WorkerSettings {
            adapter: AdapterName::Loopback,
            standing: Standing::alone(clock.clone(), RunId::new(&clock)),
            window: 1,
            lease: SignedDuration::from_hours(1),
        };
        let (db, office) = (self.clinic.db.db.clone(), self.clinic.office.clone());
        let worker = Worker::new(db, office, Arc::clone(&self.loopback), settings);
        let worker = tokio::spawn(worker.run(stop.clone()));
        while self.under_way().await > 0 {
            // A receipt that was faster than the answer waits a moment for it.
            self.pass(SignedDuration::from_millis(10));
            tokio::task::yield_now().await;
        }
        stop.cancel();
        worker.await.unwrap();
    }

    async fn under_way(&self) -> i64 {
        self.clinic
            .write(|tx, office| {
                let (practice, now) = (office.practice(), office.clock().now());
                let queue = sql!(
                    "SELECT COUNT(*) FROM outbox WHERE practice_id = $1
                         AND (leased_until IS NOT NULL OR due_at <= $2)"
                );
                let waiting: i64 =
                    tx.query_one(queue, params![practice, now], |row| row.get(0)).unwrap();
                let sent =
                    sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1 AND state = 'sent'");
                let unreported: i64 =
                    tx.query_one(sent, params![practice], |row| row.get(0)).unwrap();
                waiting + unreported
            })
            .await
    }

    async fn alarms(&self) -> usize {
        let tasks = self.clinic.tasks().await;
        tasks.iter().filter(|task| task.kind == TaskKind::SelfTestFailed && task.urgent).count()
    }

    /// Nothing of it is where people look.
    async fn leaves_no_trace(&self) {
        assert_eq!(self.clinic.tasks().await, []);
        self.clinic
            .write(|tx, office| {
                let practice = office.practice();
                let gauges = board::gauges(tx, practice, None).unwrap();
                assert_eq!(gauges.messages, []);
                assert_eq!((gauges.tasks, gauges.urgent, gauges.replies), (0, 0, 0));
                assert!(board::latest_sent(tx, practice, 9).unwrap().is_empty());
                assert!(board::latest_refused(tx, practice, 9).unwrap().is_empty());
                assert!(board::latest_replies(tx, practice, 9).unwrap().is_empty());
                assert!(board::open_tasks(tx, practice, 9).unwrap().is_empty());
                let all = Listing { state: None, patient: None, before: None, limit: 9 };
                assert!(message::list(tx, practice, &all).unwrap().is_empty());
                let ever = (Timestamp::MIN, Timestamp::MAX);
                assert!(appointment::starting(tx, practice, ever).unwrap().is_empty());
            })
            .await;
    }
}

on_both_engines! {
    async fn ordinary_nights_pass_and_leave_no_trace(db: TestDb) {
        let mut night = Night::new(db).await;
        // The night before the start was missed: it is made up for, by day.
        for day in 1..=9 {
            assert_eq!(night.look().await, None);
            // One night, one test, however often and by however many nodes it is looked at.
            assert_eq!(night.look().await, None);
            assert_eq!(night.page(&Pager::Log).await, 1);
            night.pump().await;
            if day > 1 {
                // Before nine no reminder goes, so the test waits for the morning. One page was enough.
                night.pass(SignedDuration::from_hours(1));
                assert_eq!(night.page(&Pager::Log).await, 0);
                assert_eq!(night.look().await, None);
                night.until(&format!("2027-03-{day:02}T14:00:00Z"));
                night.pump().await;
            }
            let ended = night.look().await.unwrap();
            assert_eq!(ended.failures.as_deref(), Some(""), "day {day}: {ended:?}");
            assert!(ended.paged_at.is_some() && ended.received_at.is_some() && !ended.by_wire);
            assert_eq!(night.look().await, None);
            night.leaves_no_trace().await;
            night.until(&format!("2027-03-{:02}T08:30:00Z", day + 1));
        }
        night.clinic.is_proved().await;
    }

    async fn the_page_says_that_nobody_needs_to_act(db: TestDb) {
        let mut night = Night::new(db).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pager = webhook(&format!("http://{}/page", listener.local_addr().unwrap()));
        night.look().await;
        let (went, request) = tokio::join!(night.page(&pager), one_request(&listener, "204 Yes"));
        assert_eq!(went, 1);
        for says in ["\"type\":\"task.drill\"", "\"kind\":\"drill\"", "TEST.", "nobody needs to act"] {
            assert!(request.contains(says), "{request}");
        }
        // A person's emergency beside it is no drill.
        night.clinic.patient("Ana", "en", "+12125550170").await;
        night.clinic.text("+12125550170", "chest pain").await;
        let (went, request) = tokio::join!(night.page(&pager), one_request(&listener, "204 Yes"));
        assert_eq!(went, 1);
        assert!(request.contains("\"type\":\"task.urgent\"") && !request.contains("TEST"), "{request}");
    }

    async fn a_pager_that_takes_no_page_alarms(db: TestDb) {
        let mut night = Night::new(db).await;
        let dead = webhook("http://127.0.0.1:9/page");
        night.look().await;
        assert_eq!(night.page(&dead).await, 0);
        night.pump().await;
        assert_eq!(night.look().await, None);
        night.pass(SignedDuration::from_mins(6));
        assert_eq!(night.page(&dead).await, 0);
        let ended = night.look().await.unwrap();
        assert_eq!(ended.failures.as_deref(), Some("not_paged"));
        assert_eq!(night.alarms().await, 1);
        // Another failed night is one alarm, while nobody has seen to the first.
        night.until("2027-03-02T14:00:00Z");
        night.look().await;
        night.pump().await;
        night.pass(SignedDuration::from_mins(6));
        assert!(night.look().await.is_some());
        assert_eq!(night.alarms().await, 1);
        // The alarm itself is paged, as soon as there is a pager again.
        assert_eq!(night.page(&Pager::Log).await, 1);
        night.clinic.is_proved().await;
    }

    async fn a_carrier_that_takes_nothing_alarms(db: TestDb) {
        let mut night = Night::new(db).await;
        night.look().await;
        night.page(&Pager::Log).await;
        night.clinic.tick().await;
        night.pass(SignedDuration::from_mins(14));
        assert_eq!(night.look().await, None);
        night.pass(SignedDuration::from_mins(2));
        let ended = night.look().await.unwrap();
        assert_eq!(ended.failures.as_deref(), Some("not_answered reminder_not_sent"));
        assert_eq!(night.alarms().await, 1);
    }

    async fn a_gate_that_refuses_alarms(db: TestDb) {
        let mut night = Night::new(db).await;
        night.clinic.write(|tx, office| {
            let ended = NewVendor {
                adapter: "sms_smpp",
                legal_name: "The twin",
                service: "A simulated carrier",
                max_level: Level::Sensitive,
                agreement: "terminated",
                effective_at: None,
                expires_at: None,
                reason: None,
            };
            assert!(vendor::put(tx, office.practice(), &ended, office.clock().now()).unwrap());
        }).await;
        night.look().await;
        night.page(&Pager::Log).await;
        night.pump().await;
        let ended = night.look().await.unwrap();
        assert_eq!(ended.failures.as_deref(), Some("not_answered reminder_refused"));
        assert_eq!(night.alarms().await, 1);
    }

    async fn a_number_that_is_a_patients_is_not_drilled_with(db: TestDb) {
        let mut night = Night::new(db).await;
        night.clinic.patient("Ana", "en", "+12125550170").await;
        night.set.number = Some(PhoneNumber::from_e164("+12125550170").unwrap());
        let ended = night.look().await.unwrap();
        assert_eq!(ended.failures.as_deref(), Some("not_begun"));
        assert_eq!(night.alarms().await, 1);
        assert!(night.clinic.sent_to("+12125550170").await.is_empty());
    }
}
