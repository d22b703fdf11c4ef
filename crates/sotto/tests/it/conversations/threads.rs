//! What opens a thread, what closes it, whose it is, and what it is about.

use jiff::SignedDuration;
use sotto::access::policies::About;
use sotto::access::roles::Role;
use sotto::audit::Actor;
use sotto::conversations::inbox::{self, InboxError, Owner};
use sotto::conversations::notes::{self, NewNote};
use sotto::conversations::tasks::{self, TaskError, TaskOutcome};
use sotto::db::consent_event::ConsentMethod;
use sotto::db::note;
use sotto::db::task::{self, TaskKind, TaskState};
use sotto::db::thread::{self, After, Listing, Side, ThreadRow, ThreadState, With};
use sotto::ids::{Id as _, StaffId, ThreadId};
use sotto::people::contacts::{self, NewContact};
use sotto::people::told::Told;
use sotto::{params, sql};

use crate::clinic::{Clinic, phone, staff};
use crate::on_both_engines;

const PHONE: &str = "+12125550100";
const OTHER: &str = "+12125550101";
const ADMIN: &str = "where do I park?";
const CLINICAL: &str = "should I take my blood pressure pill before the visit?";

fn rosa() -> StaffId {
    StaffId(uuid::Uuid::from_u128(0xA0))
}

fn as_rosa() -> Actor {
    Actor::staff(rosa(), "front_desk")
}

fn open_list() -> Listing {
    Listing {
        state: ThreadState::Open,
        owner: None,
        unassigned: false,
        team: None,
        mentioned: None,
        most: 50,
    }
}

on_both_engines! {
    async fn what_asks_for_somebody_opens_a_thread_and_its_last_task_closes_it(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        assert_eq!(
            (row.state, row.about, row.team, row.waiting_on, row.last_from),
            (ThreadState::Open, About::Schedule, Role::FrontDesk, Side::Us, Side::Them)
        );
        assert_eq!((row.owner, row.urgent), (None, false));
        let due = clinic.tasks().await[0].due_at;
        assert_eq!(row.due_at, Some(due));
        // Two more: the first that is due counts.
        clinic.office.clock().advance(SignedDuration::from_mins(10));
        clinic.text(PHONE, "banana").await;
        assert_eq!(clinic.thread(maria).await.due_at, Some(due));
        let ids: Vec<_> = clinic.tasks().await.into_iter().map(|task| task.id).collect();
        assert_eq!(ids.len(), 2);
        for (done, id) in ids.into_iter().enumerate() {
            clinic.write(move |tx, office| {
                tasks::complete(tx, office, id, TaskOutcome::Answered, &staff()).unwrap();
            }).await;
            let row = clinic.thread(maria).await;
            assert_eq!(row.state == ThreadState::Closed, done == 1);
            assert_eq!(row.outcome, (done == 1).then_some(TaskOutcome::Answered));
        }
        // The next question opens it again, as a new matter that is nobody's yet.
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        assert_eq!((row.state, row.owner, row.outcome), (ThreadState::Open, None, None));
        clinic.is_proved().await;
    }

    async fn what_a_rule_settled_stands_in_the_thread_and_asks_nothing(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        for text in ["STOP", "START", "thanks"] {
            clinic.text(PHONE, text).await;
            let row = clinic.thread(maria).await;
            assert_eq!((row.state, row.due_at), (ThreadState::Closed, None), "{text}");
            assert!(row.last_inbound.is_some());
        }
        // Nor does it wake what was put off.
        clinic.text(PHONE, ADMIN).await;
        let id = clinic.thread(maria).await.id;
        let until = clinic.office.clock().now() + SignedDuration::from_hours(1);
        clinic.inbox(move |tx, office| inbox::snooze(tx, office, (id, until), &staff())).await.unwrap();
        clinic.text(PHONE, "thanks").await;
        assert_eq!(clinic.thread(maria).await.state, ThreadState::Snoozed);
        clinic.text(PHONE, ADMIN).await;
        assert_eq!(clinic.thread(maria).await.state, ThreadState::Open);
        clinic.is_proved().await;
    }

    async fn clinical_stays_clinical_until_it_is_closed(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.text(PHONE, ADMIN).await;
        clinic.text(PHONE, CLINICAL).await;
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        assert_eq!((row.about, row.team), (About::Clinical, Role::Nurse));
        let id = row.id;
        for team in [Role::FrontDesk, Role::Billing, Role::Auditor] {
            let given = clinic
                .inbox(move |tx, office| inbox::assign(tx, office, id, Owner::Team(team), &staff()))
                .await;
            assert!(matches!(given, Err(InboxError::NotNow(_) | InboxError::Field { .. })), "{team}");
        }
        clinic.inbox(move |tx, office| {
            inbox::assign(tx, office, id, Owner::Team(Role::Provider), &staff())
        }).await.unwrap();
        assert_eq!(clinic.thread(maria).await.team, Role::Provider);
        clinic.inbox(move |tx, office| {
            inbox::close(tx, office, (id, TaskOutcome::Spoke), &staff())
        }).await.unwrap();
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        assert_eq!((row.about, row.team), (About::Schedule, Role::FrontDesk));
        // The desk that a thread is given to says what it is about.
        clinic.inbox(move |tx, office| {
            inbox::assign(tx, office, id, Owner::Team(Role::Billing), &staff())
        }).await.unwrap();
        assert_eq!(clinic.thread(maria).await.about, About::Account);
        clinic.is_proved().await;
    }

    async fn closing_does_the_open_tasks_and_a_program_closes_no_emergency(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.text(PHONE, "chest pain").await;
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        let id = row.id;
        assert!(row.urgent && row.taken_at.is_none());
        let bot = clinic
            .inbox(move |tx, office| {
                inbox::close(tx, office, (id, TaskOutcome::Nothing), &Actor::service("inbox"))
            })
            .await;
        assert!(matches!(bot, Err(InboxError::Task(TaskError::OnlyAPerson(_)))), "{bot:?}");
        assert_eq!(clinic.thread(maria).await.state, ThreadState::Open, "nothing of it is stored");
        assert_eq!(clinic.tasks().await.len(), 2);
        let until = clinic.office.clock().now() + SignedDuration::from_hours(1);
        let later = clinic.inbox(move |tx, office| {
            inbox::snooze(tx, office, (id, until), &as_rosa())
        }).await;
        assert!(matches!(later, Err(InboxError::NotNow(_))));
        clinic.inbox(move |tx, office| inbox::take(tx, office, (id, rosa()), &as_rosa())).await.unwrap();
        let row = clinic.thread(maria).await;
        assert_eq!(row.owner, Some(rosa()));
        assert!(row.urgent && row.taken_at.is_some());
        let other = StaffId(uuid::Uuid::from_u128(0xB0));
        let second = clinic.inbox(move |tx, office| {
            inbox::take(tx, office, (id, other), &staff())
        }).await;
        assert!(matches!(second, Err(InboxError::NotNow(_))));
        // Another one of the same patient must be taken anew.
        clinic.text(PHONE, "I can't breathe").await;
        assert_eq!(clinic.thread(maria).await.taken_at, None);
        clinic.inbox(move |tx, office| {
            inbox::close(tx, office, (id, TaskOutcome::Spoke), &as_rosa())
        }).await.unwrap();
        let row = clinic.thread(maria).await;
        assert_eq!((row.state, row.outcome, row.urgent), (ThreadState::Closed, Some(TaskOutcome::Spoke), false));
        assert!(clinic.tasks().await.is_empty());
        // Undone: open again, with somebody to be due.
        clinic.inbox(move |tx, office| inbox::reopen(tx, office, id, &as_rosa())).await.unwrap();
        let row = clinic.thread(maria).await;
        assert_eq!((row.state, row.owner, row.about), (ThreadState::Open, Some(rosa()), About::Clinical));
        let tasks = clinic.tasks().await;
        assert_eq!(tasks.len(), 1);
        assert_eq!((tasks[0].kind, row.due_at), (TaskKind::ClinicalQuestion, Some(tasks[0].due_at)));
        clinic.is_proved().await;
    }

    async fn what_is_put_off_comes_back(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.text(PHONE, ADMIN).await;
        let id = clinic.thread(maria).await.id;
        let now = clinic.office.clock().now();
        let past = clinic.inbox(move |tx, office| {
            inbox::snooze(tx, office, (id, now), &staff())
        }).await;
        assert!(matches!(past, Err(InboxError::Field { field: "date", .. })));
        let until = now + SignedDuration::from_hours(1);
        clinic.inbox(move |tx, office| inbox::snooze(tx, office, (id, until), &staff())).await.unwrap();
        clinic.office.clock().advance(SignedDuration::from_mins(59));
        assert_eq!(inbox::wake(&clinic.db, &clinic.office).await.unwrap(), 0);
        clinic.office.clock().advance(SignedDuration::from_mins(1));
        assert_eq!(inbox::wake(&clinic.db, &clinic.office).await.unwrap(), 1);
        assert_eq!(clinic.thread(maria).await.state, ThreadState::Open);
        assert_eq!(inbox::wake(&clinic.db, &clinic.office).await.unwrap(), 0);
        clinic.is_proved().await;
    }

    async fn whoever_writes_waits_for_them_and_a_program_waits_for_nobody(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.write_to(maria, "Please call us.", Actor::token("t-1")).await;
        assert_eq!(clinic.thread_with(With::Patient(maria)).await, None);
        clinic.write_to(maria, "Please call us.", as_rosa()).await;
        let row = clinic.thread(maria).await;
        assert_eq!(
            (row.state, row.waiting_on, row.owner),
            (ThreadState::Open, Side::Them, Some(rosa()))
        );
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        assert_eq!((row.waiting_on, row.owner), (Side::Us, Some(rosa())), "it stays hers");
        clinic.write_to(maria, "Behind the building.", Actor::token("t-1")).await;
        let row = clinic.thread(maria).await;
        assert_eq!((row.waiting_on, row.last_from), (Side::Them, Side::Us));
        clinic.is_proved().await;
    }

    async fn a_number_that_turns_out_to_be_somebodys_goes_into_their_thread(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.text(OTHER, CLINICAL).await;
        let old = clinic.thread_with(clinic.stranger(OTHER)).await.unwrap();
        assert_eq!((old.state, old.about), (ThreadState::Open, About::Clinical));
        let (from, index) = (old.id, clinic.office.address_index(&phone(OTHER)));
        let noted = clinic.inbox(move |tx, office| {
            inbox::assign(tx, office, from, Owner::One(rosa()), &staff())?;
            let new = NewNote { thread: from, author: rosa(), mentioned: None, text: "Maria?".into() };
            notes::add(tx, office, &new, &as_rosa())
        }).await.unwrap();
        clinic.write(move |tx, office| {
            let new = NewContact::own(maria, phone(OTHER));
            let told = Told {
                method: ConsentMethod::Spoken,
                evidence: None,
                witness: Some("Rosa".into()),
                captured_at: office.clock().now(),
            };
            contacts::add(tx, office, &staff(), &new, &told).unwrap();
        }).await;
        let old = clinic.thread_with(With::Address(index)).await.unwrap();
        let row = clinic.thread(maria).await;
        assert_eq!((old.state, old.merged_into), (ThreadState::Closed, Some(row.id)));
        assert_eq!(
            (row.state, row.about, row.owner, row.last_inbound),
            (ThreadState::Open, About::Clinical, Some(rosa()), old.last_inbound)
        );
        assert_eq!(row.due_at, Some(clinic.tasks().await[0].due_at));
        let moved = row.id;
        clinic.write(move |tx, office| {
            let notes = note::of_thread(
                tx, office.practice(), moved, (jiff::Timestamp::MAX, 10)).unwrap();
            assert_eq!(notes.iter().map(|note| note.id).collect::<Vec<_>>(), [noted]);
            let heard = sotto::db::timeline::heard_from(
                tx, office.practice(), With::Patient(maria), (jiff::Timestamp::MAX, 10)).unwrap();
            assert_eq!(heard.len(), 1, "what was said before anybody knew");
        }).await;
        // Closing the patient's thread does the task that came from the number.
        clinic.inbox(move |tx, office| {
            inbox::close(tx, office, (moved, TaskOutcome::Spoke), &staff())
        }).await.unwrap();
        assert!(clinic.tasks().await.is_empty());
        let gone = clinic.inbox(move |tx, office| {
            inbox::close(tx, office, (from, TaskOutcome::Spoke), &staff())
        }).await;
        assert!(matches!(gone, Err(InboxError::NotNow(_))));
        clinic.is_proved().await;
    }

    async fn what_was_stored_before_there_were_threads_gets_them_once(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        let ana = clinic.patient("Ana", "en", OTHER).await;
        clinic.text(PHONE, CLINICAL).await;
        clinic.text(OTHER, "thanks").await;
        clinic.text("+12125550199", "banana").await;
        let was = (clinic.thread(maria).await, clinic.thread(ana).await);
        // As a version without threads leaves it.
        let practice = clinic.office.practice();
        clinic.db.write(move |tx| {
            tx.execute(sql!("DELETE FROM thread WHERE practice_id = $1"), params![practice])
        }).await.unwrap();
        assert_eq!(clinic.begin_threads().await, 3);
        let is = (clinic.thread(maria).await, clinic.thread(ana).await);
        let seen = |row: &ThreadRow| {
            (row.state, row.about, row.team, row.due_at, row.last_at, row.last_inbound, row.urgent)
        };
        assert_eq!((seen(&is.0), seen(&is.1)), (seen(&was.0), seen(&was.1)));
        let stranger = clinic.thread_with(clinic.stranger("+12125550199")).await.unwrap();
        assert_eq!((stranger.state, stranger.about), (ThreadState::Open, About::Schedule));
        assert_eq!(clinic.begin_threads().await, 0);
        assert_eq!(clinic.thread(maria).await, is.0);
    }

    async fn pages_of_the_list_miss_nothing_and_repeat_nothing_while_more_comes_in(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let base = clinic.office.clock().now();
        let add = move |tx: &mut sotto::db::Tx<'_>, office: &sotto::office::Office, n: u16, due: i64| {
            let mut index = [0; 32];
            index[..2].copy_from_slice(&n.to_be_bytes());
            let row = ThreadRow {
                id: ThreadId::new(office.clock()),
                with: With::Address(index),
                merged_into: None,
                channel: Some(gate::Channel::Sms),
                state: ThreadState::Open,
                snoozed_until: None,
                owner: None,
                team: Role::FrontDesk,
                about: About::Schedule,
                urgent: n.is_multiple_of(17),
                taken_at: None,
                waiting_on: if n.is_multiple_of(5) { Side::Them } else { Side::Us },
                due_at: Some(base + SignedDuration::from_secs(due)),
                // Many at one instant: the id tells them apart.
                last_at: base + SignedDuration::from_secs(due / 60),
                last_from: Side::Them,
                last_inbound: None,
                opened_at: base,
                closed_at: None,
                outcome: None,
                changed_at: base,
            };
            thread::put(tx, office.practice(), &row).unwrap();
            row.id
        };
        let mut all = clinic.write(move |tx, office| {
            (0..120).map(|n| add(tx, office, n, i64::from(n * 37 % 120))).collect::<Vec<_>>()
        }).await;
        all.sort();
        for newest in [false, true] {
            let mut after = if newest { After::NEWEST } else { After::DUE };
            let (mut seen, mut pages) = (Vec::new(), 0_u16);
            loop {
                let from = after.clone();
                let page = clinic.write(move |tx, office| {
                    thread::list(tx, office.practice(), &open_list(), &from).unwrap()
                }).await;
                let Some(last) = page.last() else { break };
                after = if newest {
                    After::Newest(last.thread.last_at, last.thread.id)
                } else {
                    After::Due(last.place.0, last.place.1, last.thread.id)
                };
                let ranks: Vec<i64> = page.iter().map(|row| row.place.0).collect();
                assert!(newest || ranks.is_sorted());
                seen.extend(page.into_iter().map(|row| row.thread.id));
                // Something urgent comes in before what was shown, something else behind it.
                pages += 1;
                let n = 1000 + pages * 17 + u16::from(newest) * 500;
                clinic.write(move |tx, office| {
                    add(tx, office, n - n % 17, -100);
                    add(tx, office, n - n % 17 + 1, 100_000);
                }).await;
                assert!(pages < 20);
            }
            let mut old: Vec<_> = seen.into_iter().filter(|id| all.binary_search(id).is_ok()).collect();
            old.sort();
            assert_eq!(old, all, "newest first: {newest}");
        }
    }

    async fn a_drill_is_nobodys_thread(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let maria = clinic.patient("Maria", "en", PHONE).await;
        clinic.write(move |tx, office| {
            let row = task::TaskRow {
                id: sotto::ids::TaskId::new(office.clock()),
                kind: TaskKind::Drill,
                urgent: true,
                patient_id: Some(maria),
                conversation_id: None,
                message_id: None,
                inbound_id: None,
                appointment_id: None,
                due_at: office.clock().now(),
                state: TaskState::Open,
                outcome: None,
                done_by: None,
                done_at: None,
                created_at: office.clock().now(),
            };
            task::put(tx, office.practice(), &row).unwrap();
        }).await;
        clinic.text(PHONE, ADMIN).await;
        let row = clinic.thread(maria).await;
        assert!(!row.urgent);
        let practice = clinic.office.practice();
        let alarms = clinic.db.read(move |tx| thread::alarms(tx, practice)).await.unwrap();
        assert!(alarms.is_empty());
    }
}
