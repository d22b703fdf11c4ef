//! The table: at which step the commit fails, how, and where the story ends.
//!
//! One story for all: a caller asks for a message and asks again until it is accepted; the message
//! is claimed, sent, and answered by the carrier; its receipt comes; the patient answers that they
//! cannot breathe; staff are paged, and the patient is told to call 911; every entry gets its leaf.

use jiff::SignedDuration;
use sotto::db::{Fault, Sql};
use sotto::sql;

use super::life::{Fate, PAGED, Planned, Standing, World};
use crate::engines::{self, Engine, TestDb};

/// A step, named by what is there for the first time when it is about to be committed.
struct Step {
    commits: Sql,
    /// Where it ends when the process goes on (nothing stored; stored, not answered) and when it
    /// dies there (the same two).
    ends: [End; 4],
}

/// Where the story ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As if nothing had happened.
    Whole,
    /// The same, but for a while nobody knew whether it had been sent, and a person was asked.
    WholeAfterDoubt,
    /// It may have been sent, for all the rows can tell, and so it is not sent again: a person is
    /// told.
    InDoubt,
    /// Any of these: the step goes beside a message on the wire, and a process that dies there may
    /// leave that one in doubt.
    Beside,
}

use End::{Beside, InDoubt, Whole, WholeAfterDoubt};

const INTAKE: Step =
    Step { commits: sql!("SELECT COUNT(*) FROM message"), ends: [Whole, Whole, Whole, Whole] };
const CLAIM: Step =
    Step { commits: sql!("SELECT COUNT(*) FROM attempt"), ends: [Whole, Whole, Whole, InDoubt] };
const ANSWER: Step = Step {
    commits: sql!("SELECT COUNT(*) FROM attempt_part"),
    ends: [Whole, Whole, WholeAfterDoubt, Whole],
};
const RECEIPT: Step =
    Step { commits: sql!("SELECT COUNT(*) FROM receipt"), ends: [Whole, Whole, Whole, Whole] };
const REPLY: Step = Step {
    commits: sql!("SELECT COUNT(*) FROM inbound_message"),
    ends: [Whole, Whole, Whole, Whole],
};
const PAGE: Step = Step { commits: PAGED, ends: [Whole, Whole, Beside, Beside] };
const SEQUENCER: Step = Step {
    commits: sql!("SELECT COUNT(*) FROM audit_checkpoint"),
    ends: [Whole, Whole, Beside, Beside],
};

const WAYS: [(Fault, bool); 4] = [
    (Fault::NotPersisted, false),
    (Fault::NotAnswered, false),
    (Fault::NotPersisted, true),
    (Fault::NotAnswered, true),
];

impl End {
    fn standing(self) -> Standing {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let whole = Standing {
            messages: words(&["emergency_autoreply delivered", "refill_reminder delivered"]),
            texts: 2,
            outbox: 0,
            // The automatic reply has two parts.
            receipts: 3,
            replies: words(&["emergency"]),
            tasks: words(&["emergency open"]),
            paged: true,
            unsequenced: 0,
        };
        match self {
            Whole | Beside => whole,
            WholeAfterDoubt => {
                Standing { tasks: words(&["delivery done", "emergency open"]), ..whole }
            }
            InDoubt => Standing {
                messages: words(&["refill_reminder uncertain"]),
                texts: 0,
                receipts: 0,
                replies: Vec::new(),
                tasks: words(&["delivery open"]),
                paged: false,
                ..whole
            },
        }
    }
}

impl End {
    fn is_reached(self, now: &Standing) -> bool {
        let ends: &[Self] = match self {
            Beside => &[Whole, WholeAfterDoubt, InDoubt],
            _ => &[self],
        };
        ends.iter().any(|end| end.standing() == *now)
    }
}

/// Lives the story with these faults, and looks whether it ends so, stays so, and is proved.
async fn story(db: TestDb, planned: &[Planned], end: End) {
    let world = World::new(db).await;
    let fate = Fate::of(planned);
    let mut last = None;
    world
        .turn(&fate, async |world| {
            let now = Standing::of(world).await;
            let there = end.is_reached(&now);
            if last.as_ref() != Some(&now) {
                eprintln!("{now:?}");
                last = Some(now);
            }
            there
        })
        .await;
    assert!(fate.came_to_pass(), "the fault did not happen");
    let wanted = last.expect("it was looked at");
    // Nothing comes after: not when leases are over, not after another start.
    world.clinic.db.clock.advance(SignedDuration::from_secs(400));
    let mut rounds = 0;
    let more = async |world: &World| {
        rounds += 1;
        rounds > 20 && Standing::of(world).await.unsequenced == 0
    };
    world.turn(&Fate::of(&[]), more).await;
    let paged = world.pages();
    let rungs = if wanted.paged { 1..=5 } else { 0..=0 };
    assert!(rungs.contains(&paged), "paged {paged} times");
    assert_eq!(Standing::of(&world).await, wanted);
    world.clinic.is_proved().await;
}

fn rows(engine: Engine, step: &Step) {
    for ((fault, dies), end) in WAYS.into_iter().zip(step.ends) {
        eprintln!("── {fault:?}, {}: {end:?}", if dies { "dies" } else { "goes on" });
        let planned = [Planned { when: step.commits, fault, dies }];
        engines::run(engine, |db| async move { story(db, &planned, end).await });
    }
}

macro_rules! steps {
    ($($name:ident: $step:ident,)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn sqlite() {
                rows(Engine::Sqlite, &$step);
            }

            #[test]
            fn postgres() {
                rows(Engine::Postgres, &$step);
            }
        }
    )*};
}

steps! {
    intake: INTAKE,
    claim: CLAIM,
    the_carriers_answer: ANSWER,
    receipt: RECEIPT,
    reply: REPLY,
    page: PAGE,
    sequencer: SEQUENCER,
}

/// Recovery fails as every other step does, and is done again by the same code.
fn recovery(engine: Engine) {
    let doubt = sql!("SELECT COUNT(*) FROM attempt WHERE outcome = 'uncertain'");
    for (fault, dies) in WAYS {
        let planned = [
            Planned { when: ANSWER.commits, fault: Fault::NotPersisted, dies: true },
            Planned { when: doubt, fault, dies },
        ];
        engines::run(engine, |db| async move { story(db, &planned, WholeAfterDoubt).await });
    }
}

#[test]
fn recovery_sqlite() {
    recovery(Engine::Sqlite);
}

#[test]
fn recovery_postgres() {
    recovery(Engine::Postgres);
}
