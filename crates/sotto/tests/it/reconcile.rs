//! Losses put in by hand, below the audit log's feet or on the wire: the comparison finds exactly
//! what was lost, cures what it may, gives a person one task for the rest, and finds nothing in a
//! practice in which nothing was lost.

mod carrier;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gate::{AppointmentId, MessageId, PatientId, Released};
use jiff::{SignedDuration, Timestamp};
use sotto::channels::{
    Adapter, AdapterName, CarrierReceipt, Failure, FailureKind, Handoff, ReceiptStatus,
};
use sotto::conversations::tasks::TaskKind;
use sotto::db::{Value, Word as _};
use sotto::ids::{Id as _, RunId};
use sotto::nodes::{Lease, Standing};
use sotto::outbox::worker::{Settings, Worker};
use sotto::receipts;
use sotto::reconcile::Carrier::Silent;
use sotto::reconcile::nightly::{self, Nightly};
use sotto::reconcile::{self, FindingKind, Report, carry_out};
use sotto::schedule::appointments;
use sotto::{params, sql};
use tokio_util::sync::CancellationToken;

use crate::clinic::{Clinic, staff};
use crate::engines::TestDb;
use crate::on_both_engines;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A carrier that takes everything, unless it is told to lose its answer.
#[derive(Default)]
struct Carrier {
    next: AtomicU64,
    loses_its_answer: AtomicBool,
}

impl Adapter for Carrier {
    fn name(&self) -> AdapterName {
        AdapterName::SmsSmpp
    }

    async fn send(&self, _: Released<'_>, _: &Lease) -> Result<Handoff, Failure> {
        if self.loses_its_answer.load(Ordering::SeqCst) {
            return Err(Failure::new(FailureKind::Uncertain));
        }
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        Ok(Handoff { parts: vec![format!("c{id}")], transport: None })
    }
}

struct World {
    clinic: Clinic,
    carrier: Arc<Carrier>,
    /// Messages whose receipts the carrier keeps for itself.
    withheld: Mutex<HashSet<String>>,
}

fn phone(nth: usize) -> String {
    format!("+121255503{nth:02}")
}

impl World {
    async fn new(db: TestDb) -> Self {
        let clinic = Clinic::open(db).await;
        Self { clinic, carrier: Arc::default(), withheld: Mutex::default() }
    }

    fn now(&self) -> Timestamp {
        self.clinic.office.clock().now()
    }

    /// One number of the database.
    async fn count(&self, sql: sotto::db::Sql, more: Vec<Value<'static>>) -> i64 {
        self.clinic
            .write(move |tx, office| {
                let mut all = vec![Value::Text(office.practice().to_string().into())];
                all.extend(more);
                tx.query_one(sql, &all, |row| row.get(0)).unwrap()
            })
            .await
    }

    /// Changes rows with nobody knowing. `$1` is the practice. Says that it changed something.
    async fn by_hand(&self, sql: sotto::db::Sql, more: Vec<Value<'static>>) {
        let changed = self
            .clinic
            .write(move |tx, office| {
                let mut all = vec![Value::Text(office.practice().to_string().into())];
                all.extend(more);
                tx.execute(sql, &all).unwrap()
            })
            .await;
        assert!(changed > 0, "{sql:?}");
    }

    /// A patient with a visit of which the first reminder is due in two hours.
    async fn visit(&self, nth: usize) -> (PatientId, AppointmentId) {
        let patient = self.clinic.patient("Ana", "en", &phone(nth)).await;
        let starts_at = self.now() + HOUR * (7 * 24 + 2);
        let visit = self.clinic.book(patient, &format!("v{nth}"), starts_at).await;
        (patient, visit)
    }

    /// The message about a visit.
    async fn message(&self, visit: AppointmentId) -> MessageId {
        self.clinic
            .write(move |tx, office| {
                let all: Vec<MessageId> = tx
                    .query(
                        sql!(
                            "SELECT id FROM message WHERE practice_id = $1 AND appointment_id = $2"
                        ),
                        params![office.practice(), visit],
                        |row| row.get(0),
                    )
                    .unwrap();
                assert_eq!(all.len(), 1);
                all[0]
            })
            .await
    }

    /// What is due goes to the carrier, and its receipts come.
    async fn pump(&self) {
        self.hand_over(Arc::clone(&self.carrier)).await;
        self.report().await;
    }

    /// What is due goes to a carrier.
    async fn hand_over<A: Adapter + Send + Sync + 'static>(&self, carrier: Arc<A>) {
        let waiting = sql!(
            "SELECT COUNT(*) FROM outbox WHERE practice_id = $1
                 AND (leased_until IS NOT NULL OR due_at <= $2)"
        );
        let stop = CancellationToken::new();
        let clock = self.clinic.office.clock().clone();
        let settings = Settings {
            adapter: carrier.name(),
            standing: Standing::alone(clock.clone(), RunId::new(&clock)),
            window: 4,
            lease: HOUR,
        };
        let (db, office) = (self.clinic.db.db.clone(), self.clinic.office.clone());
        let worker = Worker::new(db, office, carrier, settings);
        let worker = tokio::spawn(worker.run(stop.clone()));
        while self.count(waiting, vec![at(self.now())]).await > 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        worker.await.unwrap();
    }

    /// The carrier reports on what it has not reported yet.
    async fn report(&self) {
        let withheld = self.withheld.lock().unwrap().clone();
        self.clinic
            .write(move |tx, office| {
                let open: Vec<(String, String)> = tx
                    .query(
                        sql!(
                            "SELECT p.carrier_id, a.message_id FROM attempt_part p JOIN attempt a
                                 ON a.practice_id = p.practice_id AND a.id = p.attempt_id
                             WHERE p.practice_id = $1 AND p.state = 'accepted'"
                        ),
                        params![office.practice()],
                        |row| Ok((row.get(0)?, row.get(1)?)),
                    )
                    .unwrap();
                for (id, _) in open.into_iter().filter(|(_, message)| !withheld.contains(message)) {
                    receipts::record(tx, office, &delivered(&id), false).unwrap();
                }
            })
            .await;
    }

    /// Hours go by, in which everything works.
    async fn live(&self, hours: i32) {
        for _ in 0..hours {
            self.clinic.office.clock().advance(HOUR);
            self.clinic.tick().await;
            self.pump().await;
        }
    }

    /// It is nine in the morning again, in New York, and everything worked.
    async fn morning(&self) {
        self.live(1).await;
        while self.now().to_zoned(jiff::tz::TimeZone::UTC).hour() != 14 {
            self.live(1).await;
        }
    }

    /// Hours go by, in which nothing works.
    fn standstill(&self, hours: i32) {
        self.clinic.office.clock().advance(HOUR * hours);
    }

    async fn reconcile(&self) -> Report {
        self.reconcile_with(reconcile::Carrier::Silent).await
    }

    async fn reconcile_with(&self, carrier: reconcile::Carrier<'_>) -> Report {
        let (db, office) = (&self.clinic.db.db, &self.clinic.office);
        let desk = office.clone();
        let run = db
            .write(move |tx| {
                let row = nightly::asked(&desk, None);
                nightly::begin(tx, &desk, row, &staff())
            })
            .await
            .unwrap()
            .expect("no other run is under way");
        let settings = reconcile::Settings {
            question_every: Some(Duration::from_millis(1)),
            ..reconcile::Settings::default()
        };
        carry_out(db, office, run, &settings, carrier).await.unwrap()
    }

    async fn tasks(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for task in self.clinic.tasks().await {
            *kinds.entry(task.kind.word()).or_default() += 1;
        }
        kinds
    }

    /// Compares: exactly these are new, so many of them put right. Comparing again finds nothing
    /// new and opens no task.
    async fn finds(&self, case: &str, expected: &[FindingKind], healed: u64) -> Report {
        let report = self.reconcile().await;
        self.says(case, report, expected, healed).await
    }

    async fn says(
        &self,
        case: &str,
        report: Report,
        expected: &[FindingKind],
        healed: u64,
    ) -> Report {
        let mut new = Vec::new();
        for told in &report.kinds {
            let kind = FindingKind::from_word(&told.kind).unwrap();
            new.extend((0..told.new).map(|_| kind));
        }
        assert_eq!(new, expected, "{case}: {report:?}");
        assert_eq!(report.kinds.iter().map(|told| told.healed).sum::<u64>(), healed, "{case}");
        assert_eq!(report.failed, 0, "{case}");
        let tasks = self.tasks().await;
        let again = self.reconcile().await;
        assert_eq!(again.kinds.iter().map(|told| told.new).sum::<u64>(), 0, "{case}: {again:?}");
        assert_eq!(self.tasks().await, tasks, "{case}: the second run");
        report
    }

    async fn state(&self, message: MessageId) -> String {
        self.clinic
            .write(move |tx, office| {
                tx.query_one(
                    sql!("SELECT state FROM message WHERE practice_id = $1 AND id = $2"),
                    params![office.practice(), message],
                    |row| row.get(0),
                )
                .unwrap()
            })
            .await
    }

    fn withhold(&self, message: MessageId) {
        self.withheld.lock().unwrap().insert(message.to_string());
    }
}

fn delivered(id: &str) -> CarrierReceipt {
    CarrierReceipt {
        adapter: AdapterName::SmsSmpp,
        carrier_id: id.to_owned(),
        to: None,
        status: ReceiptStatus::Delivered,
        failure: None,
        occurred_at: None,
    }
}

fn id(id: impl ToString) -> Value<'static> {
    Value::Text(id.to_string().into())
}

fn at(at: Timestamp) -> Value<'static> {
    Value::Int(at.as_microsecond())
}

on_both_engines! {
    async fn a_healthy_practice_has_no_finding(db: TestDb) {
        let world = World::new(db).await;
        for nth in 0..6 {
            world.visit(nth).await;
        }
        world.live(30).await;
        for (nth, text) in ["C", "X", "R", "chest pain", "STOP", "where do I park?"].iter().enumerate() {
            world.clinic.text(&phone(nth), text).await;
        }
        world.live(24 * 5).await;
        let report = world.finds("healthy", &[], 0).await;
        assert!(report.is_clean());
        let seen = report.looked_at;
        assert!(seen.messages > 10 && seen.receipts > 10 && seen.replies == 6, "{seen:?}");
        world.clinic.is_proved().await;
    }

    async fn what_the_carrier_lost_is_found(db: TestDb) {
        use FindingKind::*;
        let world = World::new(db).await;

        // A receipt that never comes, until it does.
        let (_, visit) = world.visit(0).await;
        world.standstill(2);
        world.clinic.tick().await;
        let message = world.message(visit).await;
        world.withhold(message);
        world.live(12).await;
        world.finds("too early to worry", &[], 0).await;
        world.live(14).await;
        world.finds("withheld", &[SentWithoutReceipt], 0).await;
        assert_eq!(world.tasks().await, BTreeMap::from([("delivery", 1)]));
        world.withheld.lock().unwrap().clear();
        world.live(1).await;
        let report = world.finds("it came after all", &[], 0).await;
        assert_eq!((report.gone, report.standing), (1, 0));
        assert_eq!(world.tasks().await, BTreeMap::new());

        // An answer that is lost: staff have a task from the moment it happens, and no second one.
        world.morning().await;
        let (_, visit) = world.visit(1).await;
        world.standstill(2);
        world.carrier.loses_its_answer.store(true, Ordering::SeqCst);
        world.clinic.tick().await;
        world.pump().await;
        world.carrier.loses_its_answer.store(false, Ordering::SeqCst);
        assert_eq!(world.state(world.message(visit).await).await, "uncertain");
        world.live(26).await;
        world.finds("uncertain", &[UncertainUnsettled], 0).await;
        assert_eq!(world.tasks().await, BTreeMap::from([("delivery", 1)]));

        // A receipt about nothing of ours.
        world.clinic.write(|tx, office| {
            receipts::record(tx, office, &delivered("of somebody else"), false).unwrap();
        }).await;
        world.live(1).await;
        world.finds("a stranger's receipt", &[ReceiptWithoutMessage], 0).await;

        // A carrier that does not take what waits.
        world.morning().await;
        world.visit(2).await;
        world.standstill(2);
        world.clinic.tick().await;
        world.standstill(3);
        world.finds("the queue stands", &[OverdueInOutbox], 0).await;
        world.pump().await;
        let report = world.finds("the queue moves again", &[], 0).await;
        assert_eq!(report.gone, 1);
        world.clinic.is_proved().await;
    }

    async fn what_was_taken_out_of_the_record_is_found(db: TestDb) {
        use FindingKind::*;
        let world = World::new(db).await;
        let mut visits = Vec::new();
        for nth in 0..10 {
            visits.push(world.visit(nth).await.1);
        }
        world.live(4).await;
        let mut sent = Vec::new();
        for visit in &visits {
            sent.push(world.message(*visit).await);
        }
        world.clinic.text(&phone(8), "where do I park?").await;
        world.clinic.text(&phone(9), "chest pain").await;
        world.live(2).await;
        world.finds("healthy", &[], 0).await;

        // The receipt stands, the part and the message say otherwise.
        world.by_hand(sql!("UPDATE message SET state = 'sent' WHERE practice_id = $1 AND id = $2"), vec![id(sent[0])]).await;
        world.by_hand(sql!(
            "UPDATE attempt_part SET state = 'accepted' WHERE practice_id = $1 AND attempt_id IN
                 (SELECT id FROM attempt WHERE practice_id = $1 AND message_id = $2)"
        ), vec![id(sent[0])]).await;
        world.finds("a part behind its receipt", &[CarrierSaysOtherwise], 1).await;
        assert_eq!(world.state(sent[0]).await, "delivered");

        world.by_hand(sql!(
            "DELETE FROM receipt WHERE practice_id = $1 AND attempt_id IN
                 (SELECT id FROM attempt WHERE practice_id = $1 AND message_id = $2)"
        ), vec![id(sent[1])]).await;
        world.finds("a receipt taken out", &[EndedWithoutReceipt], 0).await;

        world.by_hand(sql!("DELETE FROM message WHERE practice_id = $1 AND id = $2"), vec![id(sent[2])]).await;
        world.finds("a message taken out", &[MessageMissing], 0).await;

        world.by_hand(sql!("UPDATE message SET state = 'sending' WHERE practice_id = $1 AND id = $2"), vec![id(sent[3])]).await;
        world.by_hand(sql!(
            "UPDATE attempt SET outcome = 'started', finished_at = NULL
              WHERE practice_id = $1 AND message_id = $2"
        ), vec![id(sent[3])]).await;
        world.finds("an attempt without an end", &[AttemptOpenTooLong], 1).await;
        assert_eq!(world.state(sent[3]).await, "uncertain");

        world.by_hand(sql!(
            "DELETE FROM attempt_part WHERE practice_id = $1 AND attempt_id IN
                 (SELECT id FROM attempt WHERE practice_id = $1 AND message_id = $2)"
        ), vec![id(sent[4])]).await;
        world.finds("a part taken out", &[ReceiptWithoutMessage], 0).await;

        // A place in the queue for nobody. Its mac is wrong too: nothing would be sent by it.
        world.by_hand(sql!(
            "INSERT INTO outbox (practice_id, message_id, adapter, due_at, attempts, mac)
             VALUES ($1, $2, 'sms_smpp', $3, 0, $4)"
        ), vec![id(world.clinic.office.clock().new_id()), at(world.now() + HOUR * 9), Value::Blob(vec![0].into())]).await;
        world.finds("a place for nobody", &[OutboxRowWithoutMessage], 0).await;

        world.by_hand(sql!(
            "UPDATE inbound_message SET conversation_id = NULL WHERE practice_id = $1 AND effect = 'task'"
        ), vec![]).await;
        world.finds("a text in no thread", &[ReplyWithoutConversation], 0).await;

        world.by_hand(sql!(
            "DELETE FROM task WHERE practice_id = $1 AND kind = 'emergency'"
        ), vec![]).await;
        world.finds("an emergency nobody sees", &[ReplyWithoutTask], 1).await;
        assert_eq!(world.tasks().await["emergency"], 1);
    }

    async fn a_message_that_lost_its_place_is_queued_again_and_goes_once(db: TestDb) {
        use FindingKind::*;
        let world = World::new(db).await;
        let (_, visit) = world.visit(0).await;
        world.standstill(2);
        world.clinic.tick().await;
        let message = world.message(visit).await;
        world.by_hand(sql!("DELETE FROM outbox WHERE practice_id = $1 AND message_id = $2"), vec![id(message)]).await;
        world.live(1).await;
        assert_eq!(world.state(message).await, "queued");
        world.finds("no place in the queue", &[QueuedWithoutOutboxRow], 1).await;
        world.live(1).await;
        assert_eq!(world.state(message).await, "delivered");
        assert_eq!(world.carrier.next.load(Ordering::SeqCst), 1);

        // Where an attempt was made, nobody knows what the carrier has: a person is asked.
        world.live(1).await;
        world.by_hand(sql!("UPDATE message SET state = 'queued' WHERE practice_id = $1 AND id = $2"), vec![id(message)]).await;
        world.finds("tried before", &[QueuedWithoutOutboxRow], 0).await;
        world.live(1).await;
        assert_eq!(world.carrier.next.load(Ordering::SeqCst), 1);
    }

    async fn the_schedule_is_held_against_what_was_sent(db: TestDb) {
        use FindingKind::*;
        let world = World::new(db).await;

        // Steps taken out before anything was sent are planned again.
        let (_, visit) = world.visit(0).await;
        world.by_hand(sql!("DELETE FROM reminder WHERE practice_id = $1 AND appointment_id = $2"), vec![id(visit)]).await;
        world.standstill(1);
        world.finds("steps taken out", &[ReminderMissing], 1).await;
        world.live(2).await;
        assert_eq!(world.clinic.sent_to(&phone(0)).await.len(), 1);
        // One that was sent is not sent again because its step is gone.
        world.by_hand(sql!(
            "DELETE FROM reminder WHERE practice_id = $1 AND appointment_id = $2 AND step = '7d'"
        ), vec![id(visit)]).await;
        world.live(1).await;
        world.finds("a step that had gone", &[], 0).await;

        // Nobody takes the due step up.
        world.visit(1).await;
        world.standstill(5);
        world.finds("nobody reminds", &[ReminderMissing], 0).await;
        world.live(1).await;
        assert_eq!(world.finds("somebody does", &[], 0).await.gone, 1);

        // The message is gone with its place, before any attempt.
        world.morning().await;
        let (_, visit) = world.visit(2).await;
        world.standstill(2);
        world.clinic.tick().await;
        let message = world.message(visit).await;
        world.by_hand(sql!("DELETE FROM outbox WHERE practice_id = $1 AND message_id = $2"), vec![id(message)]).await;
        world.by_hand(sql!("DELETE FROM message WHERE practice_id = $1 AND id = $2"), vec![id(message)]).await;
        world.live(1).await;
        world.finds("gone without a trace", &[ReminderMissing], 0).await;
        assert_eq!(world.tasks().await, BTreeMap::from([("reminder_missing", 1)]));

        // Cancelled by hand while a reminder waits, and after one went.
        world.morning().await;
        let (_, visit) = world.visit(3).await;
        world.standstill(2);
        world.clinic.tick().await;
        let message = world.message(visit).await;
        let cancel = sql!(
            "UPDATE appointment SET status = 'cancelled', version = 2, updated_at = $3
              WHERE practice_id = $1 AND id = $2"
        );
        world.by_hand(cancel, vec![id(visit), at(world.now())]).await;
        world.finds("waits for nothing", &[ReminderForCancelled], 1).await;
        assert_eq!(world.state(message).await, "cancelled");
        world.morning().await;
        let (_, visit) = world.visit(4).await;
        world.live(3).await;
        world.by_hand(cancel, vec![id(visit), at(world.now() - HOUR * 2)]).await;
        world.finds("went for nothing", &[ReminderForCancelled], 0).await;

        // Moved, and the old time went out afterwards.
        world.morning().await;
        let (_, visit) = world.visit(5).await;
        world.live(3).await;
        let message = world.message(visit).await;
        let later = (world.now() + HOUR * 24 * 20, None);
        world.clinic.write(move |tx, office| {
            appointments::reschedule(tx, office, visit, later, &staff()).unwrap();
        }).await;
        world.finds("moved in good order", &[], 0).await;
        world.standstill(1);
        world.by_hand(sql!("UPDATE message SET send_at = $3 WHERE practice_id = $1 AND id = $2"), vec![id(message), at(world.now())]).await;
        world.finds("the old time", &[ReminderAtWrongTime], 0).await;
        assert_eq!(world.tasks().await[TaskKind::ReminderWrong.word()], 2);
    }

    async fn a_night_is_reconciled_once_by_one_node_and_caught_up_with(db: TestDb) {
        let world = World::new(db).await;
        let (db, office) = (&world.clinic.db.db, &world.clinic.office);
        let other = world.clinic.db.again();
        let when = Nightly::default();
        // Nobody was there at three: the first look makes up for it.
        let (one, two) = tokio::join!(
            nightly::tick(db, office, &when, Silent), nightly::tick(&other, office, &when, Silent),
        );
        let made = usize::from(one.unwrap().is_some()) + usize::from(two.unwrap().is_some());
        assert_eq!(made, 1);
        assert!(nightly::tick(db, office, &when, Silent).await.unwrap().is_none());
        // Asked for, it is made by whoever looks next.
        let desk = office.clone();
        db.write(move |tx| nightly::ask(tx, &desk, None, &staff())).await.unwrap();
        assert!(nightly::tick(&other, office, &when, Silent).await.unwrap().is_some());
        assert!(nightly::tick(db, office, &when, Silent).await.unwrap().is_none());
        // Three nights without anybody are one run.
        office.clock().advance(SignedDuration::from_hours(72));
        assert!(nightly::tick(db, office, &when, Silent).await.unwrap().is_some());
        assert!(nightly::tick(db, office, &when, Silent).await.unwrap().is_none());
        // A node that died in the middle: its run is begun again after an hour, not before.
        let desk = office.clone();
        let row = nightly::asked(&desk, None);
        let begun = db.write(move |tx| nightly::begin(tx, &desk, row, &staff())).await.unwrap();
        assert!(begun.is_some());
        assert!(nightly::tick(db, office, &when, Silent).await.unwrap().is_none());
        office.clock().advance(HOUR);
        assert!(nightly::tick(db, office, &when, Silent).await.unwrap().is_some());
        assert_eq!(world.tasks().await, BTreeMap::new());
        world.clinic.is_proved().await;
    }
}

/// Each question walks a span of a key or an index, whatever has piled up before it.
#[test]
fn no_question_reads_a_whole_table() {
    let db = TestDb::new(crate::engines::Engine::Sqlite);
    let path = db.url.strip_prefix("sqlite:").unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut asked = 0;
    for found in crate::db::statements::find_all() {
        if !found.at.contains("/src/reconcile/") && !found.at.contains("db/reconciliation.rs") {
            continue;
        }
        asked += 1;
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", found.sqlite)).unwrap();
        let lines: Vec<String> =
            plan.raw_query().mapped(|row| row.get(3)).map(Result::unwrap).collect();
        for line in lines {
            assert!(!line.starts_with("SCAN"), "{}: {line}", found.at);
        }
    }
    assert!(asked > 10, "{asked}");
}
