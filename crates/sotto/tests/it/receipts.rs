//! Reports to state: twice, late, out of order, before the answer, after a lost answer; and what
//! they say about the address.

use gate::facts::{Dead, Line};
use gate::{Address, AddressKind, ContactPointId, MessageId, PatientId, PhoneNumber, PracticeId};
use jiff::SignedDuration;
use seal::{Keyring, RootKey};
use sotto::audit::{Actor, AuditError, Event, Kind, append};
use sotto::channels::{AdapterName, CarrierReceipt, Failure, FailureKind, Handoff, ReceiptStatus};
use sotto::clock::Clock;
use sotto::compose::Templates;
use sotto::db::attempt::{self, End, Outcome, Part, Start};
use sotto::db::contact_point::{self, AddressSource, ContactPointRow};
use sotto::db::practice::{self, Practice};
use sotto::db::registry::MESSAGE;
use sotto::db::suppression::{self, SuppressionKind, SuppressionSource};
use sotto::db::task::{self, TaskOutcome, TaskState};
use sotto::db::{DbError, Tx};
use sotto::ids::{AttemptId, Id as _};
use sotto::office::Office;
use sotto::outbox::worker;
use sotto::receipts;
use sotto::{params, sql};
use uuid::Uuid;

use crate::engines::TestDb;
use crate::on_both_engines;

const ADAPTER: AdapterName = AdapterName::SmsSmpp;

fn phone() -> Address {
    Address::Phone(PhoneNumber::from_e164("+12125550142").unwrap())
}

/// A practice, one phone on file, and messages to it.
struct World {
    db: TestDb,
    office: Office,
    keys: std::path::PathBuf,
    contact: ContactPointId,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.keys);
    }
}

impl World {
    async fn new(db: TestDb) -> Self {
        let keys = std::env::temp_dir().join(format!("sotto-keys-{}", Clock::system().new_id()));
        let keyring = Keyring::create(&keys, &RootKey::generate().unwrap()).unwrap();
        let practice = PracticeId(db.clock.new_id());
        let contact = ContactPointId(db.clock.new_id());
        let (clock, now) = (db.clock.clone(), db.clock.now());
        let office = db
            .write(move |tx| {
                let data = Practice {
                    name: "Lakeside".into(),
                    display_name: "Lakeside".into(),
                    phone: "212 555 0100".into(),
                    timezone: "America/New_York".into(),
                    portal_url: "https://lakeside.test".into(),
                    sandbox: true,
                };
                practice::put(tx, practice, &data, now)?;
                let templates = Templates::builtin().unwrap();
                let office = Office::open(tx, practice, clock, keyring, templates).unwrap();
                let row = ContactPointRow {
                    id: contact,
                    patient_id: PatientId(Uuid::from_u128(2)),
                    caregiver_id: None,
                    kind: AddressKind::Phone,
                    address_sealed: vec![0],
                    address_index: office.address_index(&phone()).to_vec(),
                    line: Line::Mobile,
                    place: None,
                    rank: 1,
                    shared: false,
                    source: AddressSource::Staff,
                    verified_at: None,
                    verified_how: None,
                    valid_from: None,
                    valid_until: None,
                    dead: None,
                    dead_at: None,
                    updated_at: now,
                };
                contact_point::put(tx, practice, &row)?;
                append(tx, &office, Event::new(Kind::PracticeChanged, Actor::operator()))?;
                Ok::<_, AuditError>(office)
            })
            .await
            .unwrap();
        Self { db, office, keys, contact }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &Office) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        let office = self.office.clone();
        self.db.read(move |tx| work(tx, &office)).await.unwrap()
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &Office) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        let office = self.office.clone();
        let written = self.db.write(move |tx| {
            let done = work(tx, &office)?;
            append(tx, &office, Event::new(Kind::PracticeChanged, Actor::operator()))?;
            Ok::<_, AuditError>(done)
        });
        written.await.unwrap()
    }

    /// A message in this state, with one attempt that ended so and these parts.
    async fn message(&self, state: &'static str, outcome: Outcome, ids: &[&str]) -> MessageId {
        self.message_saying("Your results are ready.", state, outcome, ids).await
    }

    async fn message_saying(
        &self,
        body: &str,
        state: &'static str,
        outcome: Outcome,
        ids: &[&str],
    ) -> MessageId {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let content = serde_json::json!({
            "address_kind": AddressKind::Phone, "address": phone().reveal(), "subject": null,
            "body": body, "fields": [],
        });
        self.write(move |tx, office| {
            let (practice, now) = (office.practice(), office.clock().now());
            let id = MessageId(office.clock().new_id());
            let index = office.address_index(&phone());
            let (whose, row) = (practice.to_string(), id.to_string());
            let (table, column) = ("message", "content");
            let place = seal::Place { practice: &whose, table, row: &row, column };
            let buckets = office.buckets(now).unwrap();
            let content = content.to_string();
            let sealed = office.keys().seal_message(buckets, &place, content.as_bytes()).unwrap();
            let (body, wrap) = (sealed.body.as_bytes(), sealed.record_wrap.as_bytes());
            tx.execute(
                sql!(
                    "INSERT INTO message (practice_id, id, patient_id, address_index, channel, kind,
                         purpose, origin, language, content_sealed, record_wrap, state, state_at,
                         send_at, created_by, created_at)
                     VALUES ($1, $2, $3, $4, 'sms', 'free_text', 'treatment', 'staff', 'en', $5, $6,
                         $7, $8, $8, 'test', $8)"
                ),
                params![practice, id, PatientId(Uuid::from_u128(2)), index, body, wrap, state, now],
            )?;
            let attempt = AttemptId::new(office.clock());
            let start = Start { message: id, number: 1, adapter: ADAPTER.as_str() };
            attempt::start(tx, practice, attempt, &start, now)?;
            if outcome != Outcome::Started {
                let end = End { outcome, failure: None, transport: None };
                attempt::finish(tx, practice, attempt, &end, now)?;
            }
            for (number, carrier_id) in (1..).zip(&ids) {
                let part = Part { attempt, number, adapter: ADAPTER.as_str(), carrier_id };
                attempt::add_part(tx, practice, &part, now)?;
            }
            tx.touch(MESSAGE, id.to_string());
            Ok(id)
        })
        .await
    }

    async fn told(&self, id: &str, status: ReceiptStatus, kind: Option<FailureKind>) {
        let told = CarrierReceipt {
            adapter: ADAPTER,
            carrier_id: id.to_owned(),
            to: Some(phone()),
            status,
            failure: kind.map(|kind| Failure::coded(kind, "7")),
            occurred_at: None,
        };
        let office = self.office.clone();
        self.db.write(move |tx| receipts::record(tx, &office, &told, false)).await.unwrap();
    }

    async fn state(&self, id: MessageId) -> String {
        self.read(move |tx, office| {
            let rows = tx.query(
                sql!("SELECT state FROM message WHERE practice_id = $1 AND id = $2"),
                params![office.practice(), id],
                |row| row.get::<String>(0),
            )?;
            Ok(rows.concat())
        })
        .await
    }

    async fn count(&self, what: &'static str) -> i64 {
        self.read(move |tx, office| {
            let sql = match what {
                "receipts" => sql!("SELECT COUNT(*) FROM receipt WHERE practice_id = $1"),
                "tasks" => sql!("SELECT COUNT(*) FROM task WHERE practice_id = $1"),
                _ => sql!("SELECT COUNT(*) FROM audit_entry WHERE practice_id = $1"),
            };
            let rows = tx.query(sql, params![office.practice()], |row| row.get::<i64>(0))?;
            Ok(rows[0])
        })
        .await
    }
}

fn receipt_of(id: &str) -> CarrierReceipt {
    CarrierReceipt {
        adapter: ADAPTER,
        carrier_id: id.to_owned(),
        to: Some(phone()),
        status: ReceiptStatus::Delivered,
        failure: None,
        occurred_at: None,
    }
}

/// A report as a test tells it.
type Told = (ReceiptStatus, Option<FailureKind>);

on_both_engines! {
    async fn states_only_move_forward(db: TestDb) {
        use ReceiptStatus::*;
        let world = World::new(db).await;
        let failed = Some(FailureKind::Rejected);
        // For each: the reports in their order, and where the message stands at the end.
        let table: [(&[Told], &str); 7] = [
            (&[(EnRoute, None)], "sent"),
            (&[(EnRoute, None), (Delivered, None)], "delivered"),
            (&[(Delivered, None), (EnRoute, None)], "delivered"),
            (&[(Delivered, None), (Delivered, None), (Undelivered, failed)], "delivered"),
            (&[(Undelivered, failed)], "undelivered"),
            (&[(Undelivered, failed), (Delivered, None)], "delivered"),
            (&[(Unknown, None)], "sent"),
        ];
        for (at, (reports, end)) in table.into_iter().enumerate() {
            let id = format!("a{at}");
            let message = world.message("sent", Outcome::Accepted, &[&id]).await;
            for (status, kind) in reports {
                world.told(&id, *status, *kind).await;
            }
            assert_eq!(world.state(message).await, end, "{reports:?}");
        }
    }

    async fn the_same_receipt_twice_is_one(db: TestDb) {
        let world = World::new(db).await;
        world.message("sent", Outcome::Accepted, &["a"]).await;
        world.told("a", ReceiptStatus::Delivered, None).await;
        let entries = world.count("entries").await;
        world.told("a", ReceiptStatus::Delivered, None).await;
        assert_eq!((world.count("receipts").await, world.count("entries").await), (1, entries));
    }

    async fn a_long_text_is_delivered_when_every_part_is(db: TestDb) {
        let world = World::new(db).await;
        let message = world.message("sent", Outcome::Accepted, &["a", "b"]).await;
        world.told("b", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(message).await, "sent");
        world.told("a", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(message).await, "delivered");
        let message = world.message("sent", Outcome::Accepted, &["c", "d"]).await;
        world.told("c", ReceiptStatus::Delivered, None).await;
        world.told("d", ReceiptStatus::Expired, Some(FailureKind::Expired)).await;
        assert_eq!(world.state(message).await, "undelivered");
        // A person is told, once (CLIN-07).
        assert_eq!(world.count("tasks").await, 1);
    }

    async fn what_arrives_after_all_is_nobodys_to_look_at(db: TestDb) {
        let world = World::new(db).await;
        for (id, state) in [("a", TaskState::Open), ("b", TaskState::Done)] {
            let message = world.message("sent", Outcome::Accepted, &[id]).await;
            world.told(id, ReceiptStatus::Undelivered, Some(FailureKind::Rejected)).await;
            if state == TaskState::Done {
                world.told(id, ReceiptStatus::Delivered, None).await;
            }
            let tasks = world.read(move |tx, o| task::about_message(tx, o.practice(), message)).await;
            let [task] = tasks.as_slice() else { panic!("{tasks:?}") };
            let done = (state == TaskState::Done).then_some(TaskOutcome::Nothing);
            assert_eq!((task.state, task.outcome), (state, done));
        }
    }

    async fn a_lost_answer_is_settled_only_when_it_can_be_no_other(db: TestDb) {
        let world = World::new(db).await;
        let lost = world.message("uncertain", Outcome::Uncertain, &[]).await;
        let open = world.message("sending", Outcome::Started, &[]).await;
        // Whose receipt is it? Nobody can tell while the other may yet be answered.
        world.told("a", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(lost).await, "uncertain");
        assert_eq!(world.state(open).await, "sending");
        assert_eq!(world.count("receipts").await, 1);

        // It can wait for the other's answer, and then it is clear whose it is.
        let told = receipt_of("c");
        let office = world.office.clone();
        let kept = world.db.write(move |tx| receipts::record(tx, &office, &told, true)).await;
        assert_eq!(kept.unwrap(), receipts::Recorded::AwaitsAnswer);
        assert_eq!(world.count("receipts").await, 1);

        world.db.clock.advance(SignedDuration::from_hours(100));
        let lost = world.message("uncertain", Outcome::Uncertain, &[]).await;
        world.told("b", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(lost).await, "delivered");
    }

    async fn a_long_text_whose_answer_was_lost_left_when_each_part_has_a_receipt(db: TestDb) {
        let world = World::new(db).await;
        let long = "Bring what you take now, and come a little early. ".repeat(4);
        let whole = world.message_saying(&long, "uncertain", Outcome::Uncertain, &[]).await;
        // One part arrived. Whether the other left, nobody knows.
        world.told("a", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(whole).await, "uncertain");
        world.told("a", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(whole).await, "uncertain");
        // Another message to the same phone, which may never have left.
        let other = world.message("uncertain", Outcome::Uncertain, &[]).await;
        world.told("b", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(whole).await, "uncertain");
        assert_eq!(world.state(other).await, "uncertain");

        world.db.clock.advance(SignedDuration::from_hours(100));
        let whole = world.message_saying(&long, "uncertain", Outcome::Uncertain, &["c"]).await;
        world.told("c", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(whole).await, "uncertain");
        world.told("d", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(whole).await, "delivered");
        // What came when nobody could tell whose it was is nobody's when it comes again.
        let other = world.message("uncertain", Outcome::Uncertain, &[]).await;
        world.told("b", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(other).await, "uncertain");
        world.told("e", ReceiptStatus::Delivered, None).await;
        assert_eq!(world.state(other).await, "delivered");
    }

    async fn an_opt_out_at_the_carrier_is_mirrored_once(db: TestDb) {
        let world = World::new(db).await;
        for id in ["a", "b"] {
            world.message("sent", Outcome::Accepted, &[id]).await;
            world.told(id, ReceiptStatus::Rejected, Some(FailureKind::OptedOut)).await;
        }
        let events = world
            .read(|tx, office| {
                suppression::of_address(tx, office.practice(), &office.address_index(&phone()))
            })
            .await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event, SuppressionKind::OptOut);
        assert_eq!((events[0].source, events[0].channel), (SuppressionSource::Carrier, None));
    }

    async fn what_a_carrier_says_of_a_number_is_kept(db: TestDb) {
        let world = World::new(db).await;
        let contact = world.contact;
        for (id, kind, line, dead) in [
            ("a", FailureKind::Landline, Line::Landline, None),
            ("b", FailureKind::BadAddress, Line::Landline, Some(Dead::Bounced)),
        ] {
            world.message("sent", Outcome::Accepted, &[id]).await;
            world.told(id, ReceiptStatus::Undelivered, Some(kind)).await;
            let row = world.read(move |tx, o| contact_point::get(tx, o.practice(), contact)).await;
            let row = row.unwrap();
            assert_eq!((row.line, row.dead), (line, dead), "{kind:?}");
        }
    }
}

/// Whether somebody waits for a lock in this database.
fn somebody_waits(client: &mut postgres::Client) -> bool {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                      AND datname = current_database()";
    client.query_one(waiting, &[]).unwrap().get::<_, i64>(0) > 0
}

/// Runs `first` in a transaction that stays open until `second`, in another, waits for it or is
/// done; then both end. Without the lock the second is done before the first is seen.
async fn interleaved<A, B>(world: &World, first: A, second: B)
where
    A: FnOnce(&mut Tx<'_>, &Office) + Send + 'static,
    B: FnOnce(&mut Tx<'_>, &Office) + Send + 'static,
{
    let (go, begun) = tokio::sync::oneshot::channel();
    let (done, ended) = std::sync::mpsc::channel();
    let (office, url) = (world.office.clone(), world.db.url.clone());
    let holding = world.db.write(move |tx| {
        first(tx, &office);
        go.send(()).unwrap();
        // In a thread of its own: this client brings a runtime along.
        std::thread::spawn(move || {
            let mut watcher = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            for _ in 0..2_000 {
                let waited = ended.recv_timeout(std::time::Duration::from_millis(10));
                if waited.is_ok() || somebody_waits(&mut watcher) {
                    return;
                }
            }
            panic!("the second neither waits nor ends");
        })
        .join()
        .unwrap();
        Ok::<_, DbError>(())
    });
    let following = async {
        begun.await.unwrap();
        let office = world.office.clone();
        let written = world.db.write(move |tx| {
            second(tx, &office);
            Ok::<_, DbError>(())
        });
        written.await.unwrap();
        // Nobody listens any more where this had to wait.
        let _ = done.send(());
    };
    let (held, ()) = tokio::join!(holding, following);
    held.unwrap();
}

/// On PostgreSQL an answer and its receipt may be stored at the same instant, and neither
/// transaction sees what the other has not committed. SQLite has one writer.
#[test]
fn an_answer_and_its_receipt_at_the_same_instant_find_each_other() {
    crate::engines::run(crate::engines::Engine::Postgres, |db| async move {
        let world = World::new(db).await;
        for (id, answer_first) in [("a", true), ("b", false)] {
            let message = world.message("uncertain", Outcome::Uncertain, &[]).await;
            let answer = move |tx: &mut Tx<'_>, office: &Office| {
                let handoff = Handoff { parts: vec![id.to_owned()], transport: None };
                worker::settle(tx, office, message, Ok(handoff)).unwrap();
            };
            let receipt = move |tx: &mut Tx<'_>, office: &Office| {
                let told = CarrierReceipt {
                    adapter: ADAPTER,
                    carrier_id: id.to_owned(),
                    // Without the number it can be matched by the carrier's id only.
                    to: None,
                    status: ReceiptStatus::Delivered,
                    failure: None,
                    occurred_at: None,
                };
                receipts::record(tx, office, &told, false).unwrap();
            };
            if answer_first {
                interleaved(&world, answer, receipt).await;
            } else {
                interleaved(&world, receipt, answer).await;
            }
            assert_eq!(world.state(message).await, "delivered", "answer first: {answer_first}");
        }
    });
}

/// The reports of both parts of a long text, stored at the same instant.
#[test]
fn two_parts_reported_at_the_same_instant_make_a_whole() {
    crate::engines::run(crate::engines::Engine::Postgres, |db| async move {
        let world = World::new(db).await;
        let message = world.message("sent", Outcome::Accepted, &["a", "b"]).await;
        let report = |id: &str| {
            let told = receipt_of(id);
            move |tx: &mut Tx<'_>, office: &Office| {
                receipts::record(tx, office, &told, false).unwrap();
            }
        };
        interleaved(&world, report("a"), report("b")).await;
        assert_eq!(world.state(message).await, "delivered");
    });
}
