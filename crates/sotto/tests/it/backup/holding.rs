//! What may have been sent in the time that was lost is not sent again.

use gate::Released;
use sotto::channels::{Adapter, AdapterName, Failure, Handoff};
use sotto::ids::{Id as _, RunId};
use sotto::nodes::{Lease, Standing};
use sotto::outbox::worker::{Settings, Worker};
use sotto::{params, sql};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::on_both_engines;

/// A carrier that never answers.
struct Silent;

impl Adapter for Silent {
    fn name(&self) -> AdapterName {
        AdapterName::SmsSmpp
    }

    async fn send(&self, _: Released<'_>, _: &Lease) -> Result<Handoff, Failure> {
        std::future::pending().await
    }
}

async fn column(db: &sotto::db::Db, desk: &Desk, what: &'static str) -> Vec<String> {
    let practice = desk.clinic.office.practice();
    db.read(move |tx| {
        let statement = match what {
            "messages" => sql!(
                "SELECT state FROM message WHERE practice_id = $1 AND channel = 'sms'
                 ORDER BY created_at, id"
            ),
            "outbox" => sql!("SELECT adapter FROM outbox WHERE practice_id = $1 ORDER BY due_at"),
            "reminders" => {
                sql!("SELECT state FROM reminder WHERE practice_id = $1 ORDER BY due_at")
            }
            _ => sql!("SELECT kind FROM task WHERE practice_id = $1 ORDER BY created_at, id"),
        };
        tx.query(statement, params![practice], |row| row.get(0))
    })
    .await
    .unwrap()
}

on_both_engines! {
    async fn what_was_due_and_may_have_gone_is_held_and_what_was_not_due_waits(db: TestDb) {
        let desk = Desk::open(db).await;
        let clock = desk.clinic.office.clock().clone();
        let hours = SignedDuration::from_hours;
        let ana = desk.clinic.patient("Ana", "en", "+12025550123").await;
        let ben = desk.clinic.patient("Ben", "en", "+12025550124").await;
        let cleo = desk.clinic.patient("Cleo", "en", "+12025550125").await;
        // Ana's step of two days is due now and goes into the outbox; Ben's is due an hour later.
        desk.clinic.book(ana, "A-1", desk.now() + hours(48)).await;
        desk.clinic.book(ben, "B-1", desk.now() + hours(49)).await;
        desk.clinic.book(cleo, "C-1", desk.now() + hours(48 * 10)).await;
        let ticked = desk.clinic.tick().await;
        assert_eq!(ticked.sent_on, 1, "{ticked:?}");
        assert_eq!(column(&desk.clinic.db, &desk, "messages").await, ["queued"]);
        let skipped = |steps: &[String]| steps.iter().filter(|state| *state == "skipped").count();
        // The steps of a week before were too late from the beginning.
        let before = skipped(&column(&desk.clinic.db, &desk, "reminders").await);
        desk.sign().await;
        let made = desk.back_up().await;
        // The machine dies two hours later. Meanwhile Ana's text went, and Ben's step was taken.
        clock.advance(hours(2));
        let spot = desk.spot();
        let restored = desk.restore(&made.file, &spot, To::Empty, None).await.unwrap();
        assert_eq!((restored.held.waiting, restored.held.under_way), (1, 0));
        assert_eq!(restored.held_reminders, 1);
        let there = spot.open(&clock);
        assert_eq!(column(&there, &desk, "messages").await, ["uncertain"]);
        assert_eq!(column(&there, &desk, "outbox").await, [""; 0]);
        assert_eq!(column(&there, &desk, "tasks").await, ["delivery", "delivery"]);
        let steps = column(&there, &desk, "reminders").await;
        assert_eq!(skipped(&steps), before + 1, "{steps:?}");
        let planned = steps.iter().filter(|state| *state == "planned").count();
        assert!(planned >= 4, "what was not due is still planned: {steps:?}");
        // Nothing of it is taken up by the ordinary work.
        let ticked =
            sotto::journeys::reminders::tick(&there, &desk.clinic.office).await.unwrap();
        assert_eq!(ticked.sent_on, 0);
    }

    async fn what_was_under_way_becomes_uncertain_by_the_ordinary_recovery(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", "+12025550123").await;
        desk.clinic.book(ana, "A-1", desk.now() + SignedDuration::from_hours(48)).await;
        desk.clinic.tick().await;
        // On the wire, in a process that is no more.
        let clock = desk.clinic.office.clock().clone();
        let run = RunId::new(&clock);
        let settings = Settings {
            adapter: AdapterName::SmsSmpp,
            standing: Standing::alone(clock, run),
            window: 1,
            lease: SignedDuration::from_secs(300),
        };
        let (handle, office) = (desk.clinic.db.db.clone(), desk.clinic.office.clone());
        let worker = Worker::new(handle, office, Arc::new(Silent), settings);
        let running = tokio::spawn(worker.run(CancellationToken::new()));
        while column(&desk.clinic.db, &desk, "messages").await != ["sending"] {
            tokio::task::yield_now().await;
        }
        running.abort();
        desk.sign().await;
        let made = desk.back_up().await;
        let spot = desk.spot();
        let restored = desk.restore(&made.file, &spot, To::Empty, None).await.unwrap();
        assert_eq!((restored.held.waiting, restored.held.under_way), (0, 1));
        let there = spot.open(desk.clinic.office.clock());
        assert_eq!(column(&there, &desk, "messages").await, ["uncertain"]);
    }
}
