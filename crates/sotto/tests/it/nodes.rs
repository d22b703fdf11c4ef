//! Several nodes on one database. Those of these tests that need more than one run on PostgreSQL
//! alone: on SQLite there is one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gate::{MessageId, Released};
use jiff::SignedDuration;
use sotto::audit::sequence;
use sotto::audit::sequencer::catch_up_if_free;
use sotto::channels::{Adapter, AdapterName, Failure, Handoff};
use sotto::clock::Clock;
use sotto::db::node::NodeRow;
use sotto::db::outbox::Which;
use sotto::db::{DatabaseUrl, Db, DbError, Threads, Tx, node};
use sotto::journeys::reminders;
use sotto::nodes::{self, Lease, Node, Place, SILENT, Standing};
use sotto::outbox::recover::{Broken, settle_broken_off};
use sotto::outbox::worker::{Settings, Worker};
use sotto::{outbox, params, sql};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use twin::{SmppConfig, Twin, TwinConfig};

use crate::channels::bench::start_smpp_of;
use crate::clinic::{Clinic, staff};
use crate::engines::{Engine, run};
use crate::on_both_engines;

/// For how long a node may act upon its last beat.
const STANDS: Duration = Duration::from_secs(SILENT.as_secs() / 2);

/// A carrier that takes what it is given when it is told to.
#[derive(Clone)]
struct Carrier {
    given: mpsc::UnboundedSender<MessageId>,
    taken: Arc<Mutex<BTreeMap<MessageId, usize>>>,
    may: Arc<Semaphore>,
}

impl Carrier {
    fn new(may: usize) -> (Self, mpsc::UnboundedReceiver<MessageId>) {
        let (given, told) = mpsc::unbounded_channel();
        (Self { given, taken: Arc::default(), may: Arc::new(Semaphore::new(may)) }, told)
    }

    fn taken(&self) -> BTreeMap<MessageId, usize> {
        self.taken.lock().unwrap().clone()
    }
}

impl Adapter for Carrier {
    fn name(&self) -> AdapterName {
        AdapterName::SmsSmpp
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        let id = message.draft().message;
        self.given.send(id).unwrap();
        self.may.acquire().await.unwrap().forget();
        if !lease.holds() {
            return Err(Failure::new(sotto::channels::FailureKind::HeldBack));
        }
        *self.taken.lock().unwrap().entry(id).or_default() += 1;
        Ok(Handoff { parts: vec![id.to_string()], transport: None })
    }
}

/// A worker of a node, until it is told to stop.
fn work(
    clinic: &Clinic,
    db: &Db,
    standing: Standing,
    carrier: &(impl Adapter + Clone + Send + Sync + 'static),
) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let settings = Settings {
        adapter: AdapterName::SmsSmpp,
        standing,
        window: 8,
        lease: SignedDuration::from_secs(300),
    };
    let stop = CancellationToken::new();
    let worker =
        Worker::new(db.clone(), clinic.office.clone(), Arc::new(carrier.clone()), settings);
    let running = tokio::spawn(worker.run(stop.clone()));
    (stop, running)
}

async fn take(clinic: &Clinic, name: &str, binds: u32) -> Place {
    let node = Node::new(name.to_owned(), binds);
    let mut place = Place::take(&clinic.db, &clinic.office, node).await.unwrap();
    place.beat(now()).await.unwrap();
    place
}

async fn nodes_of(clinic: &Clinic) -> Vec<NodeRow> {
    let practice = clinic.office.practice();
    clinic.db.read(move |tx| node::all(tx, practice)).await.unwrap()
}

/// So many answers to HELP wait in the outbox.
async fn queue(clinic: &Clinic, count: usize) {
    for n in 0..count {
        let number = format!("+121255501{n:02}");
        clinic.patient("Marisol", "en", &number).await;
        clinic.text(&number, "HELP").await;
    }
}

async fn states(clinic: &Clinic) -> BTreeMap<String, i64> {
    let practice = clinic.office.practice();
    clinic
        .db
        .read(move |tx| {
            tx.query(
                sql!("SELECT state, COUNT(*) FROM message WHERE practice_id = $1 GROUP BY state"),
                params![practice],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .await
        .map(|rows: Vec<(String, i64)>| rows.into_iter().collect())
        .unwrap_or_else(|error: DbError| panic!("{error}"))
}

async fn until(clinic: &Clinic, state: &str, count: i64) {
    while states(clinic).await.get(state) != Some(&count) {
        tokio::task::yield_now().await;
    }
}

/// Commits that begin an attempt take as long as what is returned is kept.
fn slow_commits(clinic: &Clinic) -> std::sync::mpsc::Sender<()> {
    let (url, (release, released)) = (clinic.db.url.clone(), std::sync::mpsc::channel());
    let (tell, ready) = std::sync::mpsc::channel();
    // A thread, since tests are async and this client brings a runtime of its own.
    std::thread::spawn(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_advisory_xact_lock(77); RETURN NULL; END';
             CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON attempt
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
             SELECT pg_advisory_lock(77)";
        client.batch_execute(slow).unwrap();
        tell.send(()).unwrap();
        let _ = released.recv();
    });
    ready.recv().unwrap();
    release
}

/// Of this database, the locks by name that a connection holds, or waits for.
async fn locks(clinic: &Clinic, granted: bool) -> i64 {
    let count = sql! {
        sqlite: "SELECT 0 WHERE $1 IS NOT NULL",
        postgres: "SELECT COUNT(*) FROM pg_locks JOIN pg_database d ON d.oid = database
             WHERE locktype = 'advisory' AND granted = ($1 = 1) AND datname = current_database()"
    };
    let read = move |tx: &mut Tx<'_>| {
        tx.query_one(count, params![i64::from(granted)], |row| row.get::<i64>(0))
    };
    clinic.db.read(read).await.unwrap()
}

/// An hour ahead: a beat of then stands for as long as any test takes.
fn now() -> Instant {
    Clock::system().instant() + Duration::from_secs(3600)
}

/// Beats once a second, from this second after `start` to that.
async fn beats(place: &mut Place, start: Instant, seconds: std::ops::RangeInclusive<u64>) {
    for second in seconds {
        place.beat(start + Duration::from_secs(second)).await.unwrap();
    }
}

macro_rules! on_postgres {
    ($(async fn $name:ident($db:ident: TestDb) $body:block)*) => {$(
        #[test]
        fn $name() {
            async fn body($db: crate::engines::TestDb) $body
            run(Engine::Postgres, body);
        }
    )*};
}

on_postgres! {
    async fn a_node_that_falls_silent_is_given_up_and_what_it_had_begun_is_never_sent_again(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 3).await;
        let mut a = take(&clinic, "a", 1).await;
        let (carrier, mut told) = Carrier::new(0);
        let (stop, running) = work(&clinic, &clinic.db, a.standing(), &carrier);
        for _ in 0..3 {
            told.recv().await.unwrap();
        }
        // It is paused here: the carrier has not answered, and it beats no more.
        let mut b = take(&clinic, "b", 1).await;
        assert!(!b.standing().has_bind(), "the one bind is a's");
        let start = now();
        beats(&mut b, start, 0..=SILENT.as_secs() - 1).await;
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 0);
        beats(&mut b, start, SILENT.as_secs()..=SILENT.as_secs()).await;
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 3);
        assert_eq!(states(&clinic).await["uncertain"], 3);
        assert_eq!(nodes_of(&clinic).await.len(), 1, "a is struck out");
        b.beat(now()).await.unwrap();
        assert!(b.standing().has_bind());
        // b's worker finds nothing to send.
        let (other, _) = Carrier::new(9);
        let (stop_b, running_b) = work(&clinic, &clinic.db, b.standing(), &other);
        // The carrier's late answer to a settles one attempt; the others' leases hold no more.
        carrier.may.add_permits(1);
        until(&clinic, "sent", 1).await;
        a.beat(now()).await.unwrap();
        carrier.may.add_permits(2);
        until(&clinic, "failed", 2).await;
        for stop in [stop, stop_b] {
            stop.cancel();
        }
        running.await.unwrap();
        running_b.await.unwrap();
        assert_eq!(carrier.taken().values().sum::<usize>(), 1);
        assert_eq!(other.taken().len(), 0);
        clinic.is_proved().await;
    }

    async fn a_claim_that_is_stored_when_its_process_is_dead_already_is_settled(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 1).await;
        let a = take(&clinic, "a", 1).await;
        let slow = slow_commits(&clinic);
        let (carrier, _told) = Carrier::new(1);
        let (_stop, running) = work(&clinic, &clinic.db, a.standing(), &carrier);
        while locks(&clinic, false).await == 0 {
            tokio::task::yield_now().await;
        }
        // It is killed here: the server is about to commit, and nobody waits for the answer.
        running.abort();
        drop(a);
        let again = take(&clinic, "a", 1).await;
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 0);
        assert_eq!(nodes_of(&clinic).await.len(), 2, "what it may still begin must be found");
        drop(slow);
        until(&clinic, "sending", 1).await;
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 1);
        assert_eq!(states(&clinic).await["uncertain"], 1);
        assert_eq!(nodes_of(&clinic).await.len(), 1);
        assert_eq!(carrier.taken().len(), 0);
        drop(again);
        clinic.is_proved().await;
    }

    async fn a_run_that_was_given_up_claims_nothing(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 1).await;
        let (a, mut b) = (take(&clinic, "a", 2).await, take(&clinic, "b", 2).await);
        beats(&mut b, now(), 0..=SILENT.as_secs()).await;
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 0);
        assert!(a.standing().lease().is_some(), "it does not know yet");
        // Tells what each transaction of a's worker has begun.
        let (tell, mut begun) = mpsc::unbounded_channel();
        let count = move |tx: &mut Tx<'_>| {
            let count = tx.query_one(sql!("SELECT COUNT(*) FROM attempt"), &[], |row| row.get(0));
            let _ = tell.send(count.unwrap_or(-1));
            None
        };
        let (url, at) = (clinic.db.url.parse::<DatabaseUrl>().unwrap(), clinic.db.clock.now());
        let threads = Threads { readers: 1, writers: 1 };
        let its = Db::open_with_faults(&url, threads, at, Arc::new(count)).unwrap();
        let (carrier, _told) = Carrier::new(9);
        let (stop, running) = work(&clinic, &its, a.standing(), &carrier);
        assert_eq!(begun.recv().await, Some(0_i64));
        stop.cancel();
        running.await.unwrap();
        assert_eq!(states(&clinic).await["queued"], 1);
    }

    async fn a_node_that_is_killed_is_followed_as_soon_as_it_must_have_stopped(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (a, mut b) = (take(&clinic, "a", 1).await, take(&clinic, "b", 1).await);
        // Starved: it beats no more, and its connection is there.
        let c = take(&clinic, "c", 1).await;
        let start = now();
        b.beat(start).await.unwrap();
        // Its connections end with it, sooner or later.
        drop(a);
        while locks(&clinic, true).await > 2 {
            tokio::task::yield_now().await;
        }
        beats(&mut b, start, 1..=STANDS.as_secs() - 1).await;
        assert!(!b.standing().has_bind() && !b.standing().leads(), "a may be alive");
        beats(&mut b, start, STANDS.as_secs()..=SILENT.as_secs() - 1).await;
        assert!(b.standing().has_bind() && b.standing().leads());
        let given_up = |node: &&NodeRow| node.is_given_up();
        let nodes = nodes_of(&clinic).await;
        let given_up: Vec<_> = nodes.iter().filter(given_up).map(|node| &*node.name).collect();
        assert_eq!(given_up, ["a"]);
        drop(c);
    }

    async fn a_node_that_lost_its_connection_and_lives_is_not_given_up(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (mut a, mut b) = (take(&clinic, "a", 1).await, take(&clinic, "b", 1).await);
        let cut = sql! {
            sqlite: "SELECT 0",
            postgres: "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_locks
                 JOIN pg_database d ON d.oid = database
                 WHERE locktype = 'advisory' AND datname = current_database()"
        };
        let cut = clinic.db.read(move |tx| tx.query_one(cut, &[], |row| row.get::<i64>(0))).await;
        assert_eq!(cut.map_err(|error: DbError| error.to_string()), Ok(2));
        while locks(&clinic, true).await > 0 {
            tokio::task::yield_now().await;
        }
        a.beat(now()).await.unwrap();
        assert_eq!(locks(&clinic, true).await, 1, "a new one");
        let start = now();
        beats(&mut b, start, 0..=SILENT.as_secs() - 1).await;
        assert!(nodes_of(&clinic).await.iter().all(|node| !node.is_given_up()));
        beats(&mut b, start, SILENT.as_secs()..=SILENT.as_secs() + 1).await;
        assert!(nodes_of(&clinic).await.iter().any(|node| node.name == "a" && node.is_given_up()));
    }

    async fn a_node_that_was_given_up_finds_out_and_begins_anew(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (mut a, mut b) = (take(&clinic, "a", 0).await, take(&clinic, "b", 0).await);
        let lease = a.standing().lease().unwrap();
        beats(&mut b, now(), 0..=SILENT.as_secs()).await;
        assert!(nodes_of(&clinic).await.iter().any(|node| node.name == "a" && node.is_given_up()));
        a.beat(now()).await.unwrap();
        assert!(!lease.holds(), "what was claimed before may not go");
        assert!(a.standing().lease().is_some_and(|lease| lease.holds()));
        nodes::settle(&clinic.db, &clinic.office).await.unwrap();
        assert_eq!(nodes_of(&clinic).await.len(), 2);
    }

    async fn a_node_whose_beats_are_not_stored_stands_no_longer(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let mut a = take(&clinic, "a", 1).await;
        let lease = a.standing().lease().unwrap();
        a.beat(Clock::system().instant().checked_sub(STANDS).unwrap()).await.unwrap();
        assert!(a.standing().lease().is_none() && !lease.holds() && !a.standing().leads());
        assert!(a.standing().has_bind(), "the bind stays as long as the row");
        a.beat(now()).await.unwrap();
        assert!(lease.holds());
    }

    async fn a_node_that_is_cut_off_for_a_moment_keeps_its_connection_to_the_carrier(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let smpp = Some(SmppConfig::default());
        let twin = Twin::start(TwinConfig { smpp, ..TwinConfig::default() }).await.unwrap();
        let mut a = take(&clinic, "a", 1).await;
        let (events, _heard) = mpsc::channel(64);
        let adapter = start_smpp_of(&twin, events, a.standing(), |_| {});
        let (stop, running) = work(&clinic, &clinic.db, a.standing(), &adapter);
        for sent in 1..=2 {
            let number = format!("+1212555010{sent}");
            clinic.patient("Marisol", "en", &number).await;
            clinic.text(&number, "HELP").await;
            until(&clinic, "sent", sent).await;
            a.beat(Clock::system().instant().checked_sub(STANDS).unwrap()).await.unwrap();
            assert!(a.standing().lease().is_none());
            a.beat(now()).await.unwrap();
        }
        assert_eq!(twin.record().counts.binds, 1);
        stop.cancel();
        running.await.unwrap();
    }

    async fn a_restart_gives_up_its_own_life_before_and_no_other(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 2).await;
        let (a, b) = (take(&clinic, "a", 2).await, take(&clinic, "b", 2).await);
        let mut running = Vec::new();
        for place in [&a, &b] {
            let (carrier, mut told) = Carrier::new(0);
            let settings = Settings {
                adapter: AdapterName::SmsSmpp,
                standing: place.standing(),
                window: 1,
                lease: SignedDuration::from_secs(300),
            };
            let worker =
                Worker::new(clinic.db.clone(), clinic.office.clone(), Arc::new(carrier), settings);
            running.push(tokio::spawn(worker.run(CancellationToken::new())));
            told.recv().await.unwrap();
        }
        // Both have one message under way; a is killed and started again.
        running[0].abort();
        drop(a);
        let again = take(&clinic, "a", 2).await;
        assert!(again.standing().has_bind(), "the bind of its life before is free at once");
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 1);
        let states = states(&clinic).await;
        assert_eq!((states["uncertain"], states["sending"]), (1, 1));
        running[1].abort();
    }

    async fn no_more_nodes_bind_than_the_carrier_allows(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let mut places = Vec::new();
        for name in ["a", "b", "c", "d"] {
            places.push(take(&clinic, name, 2).await);
        }
        let bound = |places: &[Place]| -> Vec<bool> {
            places.iter().map(|place| place.standing().has_bind()).collect()
        };
        assert_eq!(bound(&places), [true, true, false, false]);
        let first = places.remove(0);
        first.leave().await.unwrap();
        // Both who wait ask at once.
        let (left, right) = places.split_at_mut(2);
        let (c, d) = (&mut left[1], &mut right[0]);
        let (one, two) = tokio::join!(c.beat(now()), d.beat(now()));
        one.unwrap();
        two.unwrap();
        assert_eq!(bound(&places).into_iter().filter(|bound| *bound).count(), 2);
        let held: Vec<_> = nodes_of(&clinic).await.iter().filter_map(|node| node.bind).collect();
        assert!(held.len() == 2 && held[0] != held[1], "{held:?}");
    }

    async fn the_one_that_has_served_longest_leads_and_the_next_one_follows(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (mut a, mut b) = (take(&clinic, "a", 0).await, take(&clinic, "b", 0).await);
        a.beat(now()).await.unwrap();
        assert!(a.standing().leads() && !b.standing().leads());
        assert!(!a.standing().is_alone() && !b.standing().is_alone());
        a.leave().await.unwrap();
        b.beat(now()).await.unwrap();
        assert!(b.standing().leads() && b.standing().is_alone());
    }

    async fn two_workers_share_the_work_and_send_nothing_twice(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (a, b) = (take(&clinic, "a", 2).await, take(&clinic, "b", 2).await);
        let (carrier, _told) = Carrier::new(99);
        let workers: Vec<_> = [(&a, clinic.db.again()), (&b, clinic.db.again())]
            .into_iter()
            .map(|(place, db)| work(&clinic, &db, place.standing(), &carrier))
            .collect();
        queue(&clinic, 40).await;
        // Rung by hand: the two share an office here, and its bell with it.
        clinic.office.outbox_bell().notify_waiters();
        until(&clinic, "sent", 40).await;
        for (stop, running) in workers {
            stop.cancel();
            running.await.unwrap();
        }
        assert_eq!(carrier.taken().len(), 40);
        assert!(carrier.taken().values().all(|times| *times == 1));
        clinic.is_proved().await;
    }

    async fn a_node_without_a_bind_tells_the_others(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (_a, b) = (take(&clinic, "a", 1).await, take(&clinic, "b", 1).await);
        let (heard, mut told) = mpsc::unbounded_channel();
        clinic.db.listen(move |word| drop(heard.send(word.to_owned()))).unwrap();
        let (carrier, _told) = Carrier::new(0);
        let (stop, running) = work(&clinic, &clinic.db, b.standing(), &carrier);
        let word = loop {
            // Until the listener has connected.
            clinic.office.outbox_bell().notify_waiters();
            tokio::select! {
                word = told.recv() => break word.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        };
        assert_eq!(word, clinic.office.practice().to_string());
        stop.cancel();
        running.await.unwrap();
    }

    async fn only_one_node_sequences_at_a_time_and_nobody_waits(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 1).await;
        let (office, again) = (clinic.office.clone(), clinic.db.again());
        let runtime = tokio::runtime::Handle::current();
        let signed = clinic
            .db
            .write(move |tx| {
                let signed = sequence(tx, &office).unwrap();
                assert!(signed.is_some());
                // Another node, while this transaction is open.
                let there = runtime.block_on(catch_up_if_free(&again, &office));
                assert_eq!(there.unwrap(), None);
                Ok::<_, DbError>(signed)
            })
            .await
            .unwrap();
        assert!(signed.is_some());
        clinic.is_proved().await;
    }

    async fn two_nodes_take_up_each_reminder_once(db: TestDb) {
        let clinic = Clinic::open(db).await;
        for n in 0..12 {
            let patient = clinic.patient("Marisol", "en", &format!("+121255501{n:02}")).await;
            let starts_at = clinic.db.clock.now() + SignedDuration::from_hours(50);
            clinic.book(patient, &format!("visit-{n}"), starts_at).await;
        }
        clinic.db.clock.advance(SignedDuration::from_hours(3));
        let (one, two) = (clinic.db.again(), clinic.db.again());
        let (left, right) = tokio::join!(
            reminders::tick(&one, &clinic.office),
            reminders::tick(&two, &clinic.office)
        );
        assert_eq!(left.unwrap().sent_on + right.unwrap().sent_on, 12);
        assert_eq!(states(&clinic).await["queued"], 12);
        clinic.is_proved().await;
    }
}

on_both_engines! {
    async fn what_a_worker_has_taken_is_not_withdrawn_from_under_it(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 1).await;
        let place = take(&clinic, "a", 1).await;
        let (carrier, mut told) = Carrier::new(0);
        let (stop, running) = work(&clinic, &clinic.db, place.standing(), &carrier);
        let id = told.recv().await.unwrap();
        let gone = clinic
            .write(move |tx, office| {
                let free = sotto::db::outbox::delete_free(tx, office.practice(), id).unwrap();
                let cancelled = outbox::cancel(tx, office, &Which::Message(id), &staff(), "test");
                (free, cancelled.unwrap())
            })
            .await;
        assert_eq!(gone, (false, 0));
        carrier.may.add_permits(1);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(states(&clinic).await["sent"], 1);
        clinic.is_proved().await;
    }

    async fn a_process_that_is_killed_and_started_again_settles_what_it_had_begun(db: TestDb) {
        let clinic = Clinic::open(db).await;
        queue(&clinic, 2).await;
        let place = take(&clinic, "a", 1).await;
        let (carrier, mut told) = Carrier::new(0);
        let (_stop, running) = work(&clinic, &clinic.db, place.standing(), &carrier);
        for _ in 0..2 {
            told.recv().await.unwrap();
        }
        running.abort();
        drop(place);
        let again = take(&clinic, "a", 1).await;
        assert!(again.standing().has_bind() && again.standing().leads());
        assert_eq!(nodes::settle(&clinic.db, &clinic.office).await.unwrap(), 2);
        assert_eq!(states(&clinic).await["uncertain"], 2);
        assert_eq!(nodes_of(&clinic).await.len(), 1);
        let rest = settle_broken_off(&clinic.db, &clinic.office, Broken::All).await.unwrap();
        assert_eq!(rest, 0);
        again.leave().await.unwrap();
        assert_eq!(nodes_of(&clinic).await, []);
        clinic.is_proved().await;
    }

    async fn two_reminders_of_one_instant_keep_the_cap(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Marisol", "en", "+12125550142").await;
        for visit in ["visit-1", "visit-2"] {
            let starts_at = clinic.db.clock.now() + SignedDuration::from_hours(50);
            clinic.book(patient, visit, starts_at).await;
        }
        clinic.db.clock.advance(SignedDuration::from_hours(3));
        let ticked = clinic.tick().await;
        assert_eq!((ticked.sent_on, ticked.refused), (1, 1), "{ticked:?}");
    }

    async fn a_change_by_another_process_is_seen(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let before = clinic.office.profile().display_name.clone();
        clinic.db.clock.advance(SignedDuration::from_secs(1));
        clinic
            .write(|tx, office| {
                let (practice, now) = (office.practice(), office.clock().now());
                tx.execute(
                    sql!(
                        "UPDATE practice SET display_name = $2, updated_at = $3
                         WHERE practice_id = $1"
                    ),
                    params![practice, "Elm Street Office", now],
                )
                .unwrap();
                tx.touch(sotto::db::registry::PRACTICE, practice.to_string());
            })
            .await;
        assert_eq!(clinic.office.profile().display_name, before);
        let office = clinic.office.clone();
        clinic.db.read(move |tx| office.refresh_if_changed(tx)).await.unwrap();
        assert_eq!(clinic.office.profile().display_name, "Elm Street Office");
    }
}
