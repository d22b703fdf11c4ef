//! The program's parts as `serve` puts them together, on a runtime of their own that can be taken
//! away from under them, and the world around them that goes on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::SignedDuration;
use sotto::access::tokens::Scope;
use sotto::channels::AnyAdapter;
use sotto::clock::Clock;
use sotto::db::{DatabaseUrl, Db, Fault, Faults, Sql, Threads, Tx};
use sotto::http::Doors;
use sotto::http::router::router;
use sotto::inbound::pager::{Pager, Webhook};
use sotto::live::Live;
use sotto::nodes::{Node, Place};
use sotto::reconcile::nightly::Nightly;
use sotto::self_test;
use sotto::service::{Parts, Service};
use sotto::{params, sql};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use twin::{Behaviour, Persona, SmppConfig, Twin, TwinConfig, WorldClock};

use crate::channels::bench::start_smpp;
use crate::clinic::Clinic;
use crate::engines::TestDb;
use crate::http::{asked, create, results};
use crate::inbound::pages::one_request;

pub(super) const PHONE: &str = "+12125550142";
const EMERGENCY: &str = "I have chest pain and I can't breathe";
/// So many times as fast as life: the twin's patients take up to a minute to answer.
const SPEED: f64 = 150.0;

/// A commit that fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// A count that is no longer nothing in the transaction that is meant.
    pub(super) when: Sql,
    pub(super) fault: Fault,
    /// Whether the process ends there and then.
    pub(super) dies: bool,
}

/// What is to go wrong, one after the other, and whether the process lives.
#[derive(Default)]
pub(super) struct Fate {
    planned: Mutex<Vec<Planned>>,
    dead: AtomicBool,
}

impl Fate {
    pub(super) fn of(planned: &[Planned]) -> Arc<Self> {
        let planned = planned.iter().rev().copied().collect();
        Arc::new(Self { planned: Mutex::new(planned), dead: AtomicBool::new(false) })
    }

    fn faults(self: &Arc<Self>) -> Faults {
        let fate = Arc::clone(self);
        Arc::new(move |tx| fate.before_commit(tx))
    }

    fn before_commit(&self, tx: &mut Tx<'_>) -> Option<Fault> {
        // The dead store nothing.
        if self.dead.load(Ordering::SeqCst) {
            return Some(Fault::NotPersisted);
        }
        let mut planned = self.planned.lock().unwrap();
        let next = *planned.last()?;
        let count: i64 = tx.query_one(next.when, &[], |row| row.get(0)).unwrap();
        if count == 0 {
            return None;
        }
        planned.pop();
        self.dead.store(next.dies, Ordering::SeqCst);
        Some(next.fault)
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(super) fn came_to_pass(&self) -> bool {
        self.planned.lock().unwrap().is_empty()
    }
}

/// Everything that is not the program.
pub(super) struct World {
    pub(super) clinic: Clinic,
    pub(super) twin: Twin,
    patient: gate::PatientId,
    token: String,
    pager: String,
    pages: Arc<AtomicUsize>,
}

impl World {
    pub(super) async fn new(db: TestDb) -> Self {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Marisol", "en", PHONE).await;
        let (_, token) = create(&clinic, Scope::ALL, 30).await;
        let says = Behaviour::Says(vec![EMERGENCY.to_owned()]);
        let smpp =
            SmppConfig { receipt_delay: SignedDuration::from_secs(5), ..SmppConfig::default() };
        let twin = Twin::start(TwinConfig {
            clock: WorldClock::scaled(None, SPEED),
            smpp: Some(smpp),
            patients: vec![Persona::mobile(PHONE, says)],
            ..TwinConfig::default()
        });
        let twin = twin.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pager = format!("http://{}/page", listener.local_addr().unwrap());
        let pages = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&pages);
        tokio::spawn(async move {
            loop {
                one_request(&listener, "204 Yes").await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { clinic, twin, patient, token, pager, pages }
    }

    pub(super) fn pages(&self) -> usize {
        self.pages.load(Ordering::SeqCst)
    }

    /// A caller asks for a message until it is accepted, with one key; the world turns until
    /// `settled`, however often the program has to be started for it.
    pub(super) async fn turn(&self, fate: &Arc<Fate>, mut settled: impl AsyncFnMut(&Self) -> bool) {
        let machine = Clock::system();
        let mut life = Life::begin(self, fate).await;
        let (mut accepted, mut before) = (false, machine.now());
        let turning = async {
            while !settled(self).await {
                if fate.is_dead() {
                    life.end().await;
                    fate.dead.store(false, Ordering::SeqCst);
                    life = Life::begin(self, fate).await;
                }
                accepted = accepted || life.ask(self).await == Some(StatusCode::ACCEPTED);
                // Ten times as fast as life: retries come soon, and leases outlast every answer.
                machine.sleep(SignedDuration::from_millis(10)).await;
                let now = machine.now();
                self.clinic.db.clock.advance(now.duration_since(before) * 10);
                before = now;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), turning).await;
        life.end().await;
        assert!(ended.is_ok(), "it never came to its end");
    }
}

/// One run of the program.
struct Life {
    runtime: Option<Runtime>,
    router: Option<Router>,
}

impl Life {
    async fn begin(world: &World, fate: &Arc<Fate>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let url: DatabaseUrl = world.clinic.db.url.parse().unwrap();
        let threads = Threads { readers: 1, writers: 2 };
        let db = Db::open_with_faults(&url, threads, world.clinic.db.clock.now(), fate.faults());
        let db = db.unwrap();
        let office = world.clinic.reopened(&db).await;
        let (events_in, events) = tokio::sync::mpsc::channel(64);
        let secret = format!("whsec_{}", BASE64_STANDARD.encode([7; 24]));
        let pager = Pager::Webhook(Box::new(Webhook::new(&world.pager, &[&secret]).unwrap()));
        let entered = runtime.enter();
        let adapter = start_smpp(&world.twin, events_in, |_| {});
        drop(entered);
        let (store, around) = (db.clone(), office.clone());
        let started = runtime.spawn(async move {
            // A machine that builds and tests may stand still for seconds; that is not the fault.
            let silent = Duration::from_secs(120);
            let node = Node { silent, ..Node::new("serve".to_owned(), 1) };
            let place = Place::take(&store, &around, node).await?;
            let adapters = vec![Live::new(AnyAdapter::SmsSmpp(adapter))];
            let pager = Live::new(pager);
            let (db, office) = (store, around);
            // Its nights are short, and not what is looked at here.
            let nightly = Nightly { at: None, ..Nightly::default() };
            let self_test = self_test::Settings { at: None, ..self_test::Settings::default() };
            let parts = Parts { db, office, adapters, events, pager, place, nightly, self_test };
            Service::start(parts).await
        });
        let started = started.await.unwrap();
        // What cannot recover does not run: `serve` ends, and is started again.
        let router = started.is_ok().then(|| router(Doors::new(db, office, None)));
        if router.is_none() {
            fate.dead.store(true, Ordering::SeqCst);
        }
        Self { runtime: Some(runtime), router }
    }

    /// One request, whose answer is lost where the process ends meanwhile.
    async fn ask(&self, world: &World) -> Option<StatusCode> {
        let (router, runtime) = (self.router.clone()?, self.runtime.as_ref()?);
        // A text of one part, whose one receipt settles it.
        let mut body = results(world.patient);
        body["template"] = "refill_reminder".into();
        let body = body.to_string();
        let mut request =
            asked(axum::http::Method::POST, "/api/v1/messages", &world.token, body.into());
        request.headers_mut().insert("idempotency-key", "one".parse().unwrap());
        let answered = runtime.spawn(router.oneshot(request)).await.ok()?;
        Some(answered.unwrap().status())
    }

    /// As SIGKILL ends it: nothing is finished, nothing is said.
    async fn end(&mut self) {
        self.router = None;
        if let Some(runtime) = self.runtime.take() {
            let gone = move || runtime.shutdown_timeout(Duration::from_secs(5));
            tokio::task::spawn_blocking(gone).await.unwrap();
        }
    }
}

/// Where everything stands, as the rows and the carrier tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// Kind and state of each message of ours, in the order of the kinds.
    pub(super) messages: Vec<String>,
    /// What the carrier took.
    pub(super) texts: usize,
    pub(super) outbox: i64,
    pub(super) receipts: i64,
    pub(super) replies: Vec<String>,
    /// What a person has to do.
    pub(super) tasks: Vec<String>,
    /// Whether it is on record that staff were paged.
    pub(super) paged: bool,
    pub(super) unsequenced: i64,
}

impl Standing {
    pub(super) async fn of(world: &World) -> Self {
        let taken = |record: &twin::Record| record.texts_to(PHONE).count();
        let texts = world.twin.look(taken);
        world
            .clinic
            .db
            .read(move |tx| {
                let mut words = |text: Sql| tx.query(text, &[], |row| row.get::<String>(0));
                let messages =
                    words(sql!("SELECT kind || ' ' || state FROM message ORDER BY kind, id"))?;
                let replies = words(sql!("SELECT effect FROM inbound_message ORDER BY id"))?;
                let tasks = words(sql!("SELECT kind || ' ' || state FROM task ORDER BY kind, id"))?;
                let mut count = |text: Sql| tx.query_one(text, params![], |row| row.get(0));
                let paged: i64 = count(PAGED)?;
                Ok::<_, sotto::db::DbError>(Self {
                    messages,
                    texts,
                    outbox: count(sql!("SELECT COUNT(*) FROM outbox"))?,
                    receipts: count(sql!("SELECT COUNT(*) FROM receipt"))?,
                    replies,
                    tasks,
                    paged: paged > 0,
                    unsequenced: count(sql!(
                        "SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL"
                    ))?,
                })
            })
            .await
            .unwrap()
    }
}

/// Entries that say that staff were paged.
pub(super) const PAGED: Sql = sql! {
    sqlite: "SELECT COUNT(*) FROM audit_entry WHERE instr(body, CAST('\"paged\"' AS BLOB)) > 0",
    postgres: "SELECT COUNT(*) FROM audit_entry WHERE position('\"paged\"'::bytea in body) > 0"
};
