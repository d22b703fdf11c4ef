//! What the answering service hands in: people act on it, and nothing happens by itself but an alarm.

use jiff::SignedDuration;
use sotto::access::roles::Role;
use sotto::conversations::tasks::{self, TaskKind, TaskOutcome};
use sotto::db::suppression;

use crate::access::{Answer, Desk, Jar};
use crate::clinic::{phone, staff};
use crate::on_both_engines;

const HERS: &str = "+12125550142";

async fn as_a(desk: &Desk, role: Role) -> Jar {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

/// The form as the page gives it, filled in with these words.
async fn hand_in(desk: &Desk, jar: &mut Jar, words: &str, also: &[(&str, &str)]) -> Answer {
    let page = desk.get("/intake", jar).await.is(200).text;
    let note = page.split("name=\"note\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut form = vec![
        ("note", note),
        ("caller", "Ana Ruiz"),
        ("number", "(212) 555-0142"),
        ("words", words),
    ];
    form.extend(also);
    desk.post("/intake", &form, jar).await
}

async fn kinds(desk: &Desk) -> Vec<TaskKind> {
    desk.clinic.tasks().await.into_iter().map(|task| task.kind).collect()
}

on_both_engines! {
    async fn a_call_is_a_task_and_nothing_else_happens(db: TestDb) {
        let desk = Desk::open(db).await;
        let patient = desk.clinic.patient("Ana", "en", HERS).await;
        let friday = "2027-03-05T19:30:00Z".parse().unwrap();
        let visit = desk.clinic.book(patient, "v", friday).await;
        // She was reminded: the same words by text would change the visit.
        desk.clinic.office.clock().advance(SignedDuration::from_hours(55));
        assert_eq!(desk.clinic.tick().await.sent_on, 1);
        let before = desk.clinic.sent_to(HERS).await.len();
        let mut service = as_a(&desk, Role::AnsweringService).await;
        for (words, task) in [
            ("X", TaskKind::Answer),
            ("She can't come on Friday, cancel it", TaskKind::Answer),
            ("Yes I'll be there", TaskKind::Answer),
            ("stop texting me", TaskKind::Answer),
            ("wrong number", TaskKind::Answer),
            ("should I take my blood pressure pill before the visit?", TaskKind::ClinicalQuestion),
            ("I have chest pain and can't breathe", TaskKind::Emergency),
        ] {
            let known = kinds(&desk).await.len();
            hand_in(&desk, &mut service, words, &[]).await.goes_to("/intake?done=1");
            let tasks = desk.clinic.tasks().await;
            assert_eq!(tasks.len(), known + 1, "{words}");
            let new = tasks.iter().max_by_key(|task| (task.created_at, task.id)).unwrap();
            assert_eq!((new.kind, new.patient_id), (task, Some(patient)), "{words}");
            assert_eq!(new.urgent, task == TaskKind::Emergency, "{words}");
        }
        let row = desk.clinic.appointment(visit).await;
        assert_eq!(row.reply, None, "no visit is changed on hearsay");
        assert_eq!(desk.clinic.sent_to(HERS).await.len(), before, "nobody is answered");
        let off = desk.clinic.write(|tx, office| {
            suppression::of_address(tx, office.practice(), &office.address_index(&phone(HERS))).unwrap()
        });
        assert!(off.await.is_empty());
        desk.clinic.is_proved().await;
    }

    async fn what_cannot_wait_is_paged_and_a_stop_holds_at_once(db: TestDb) {
        let desk = Desk::open(db).await;
        desk.clinic.patient("Ana", "en", HERS).await;
        let mut service = as_a(&desk, Role::AnsweringService).await;
        let also = [("urgent", "yes"), ("about", "Her father Luis"), ("born", "1941-07-02")];
        hand_in(&desk, &mut service, "He asks for the doctor", &also).await.is(303);
        let urgent = desk.clinic.write(|tx, office| {
            sotto::db::task::urgent(tx, office.practice()).unwrap()
        });
        assert_eq!(urgent.await.len(), 1, "whoever is on call is paged about it");
        hand_in(&desk, &mut service, "No more of those texts", &[("stops", "yes")]).await.is(303);
        let off = desk.clinic.write(|tx, office| {
            suppression::of_address(tx, office.practice(), &office.address_index(&phone(HERS))).unwrap()
        });
        assert_eq!(off.await.len(), 1);
        assert!(desk.clinic.sent_to(HERS).await.is_empty(), "it is not confirmed by a text");
        // Staff read all of it.
        let mut nurse = as_a(&desk, Role::Nurse).await;
        let inbox = desk.get("/inbox?list=all", &mut nurse).await.is(200).text;
        let thread = inbox.split("href=\"/inbox/").nth(1).unwrap().split('"').next().unwrap();
        let thread = desk.get(&format!("/inbox/{thread}"), &mut nurse).await.is(200).text;
        for said in ["He asks for the doctor", "Caller: Ana Ruiz", "Her father Luis", "July 2, 1941",
            "+12125550142", "No more of those texts"] {
            assert!(thread.contains(said), "{said}: {thread}");
        }
        desk.clinic.is_proved().await;
    }

    async fn a_form_sent_twice_is_one_and_a_wrong_one_comes_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut service = as_a(&desk, Role::AnsweringService).await;
        let page = desk.get("/intake", &mut service).await.is(200).text;
        assert!(page.contains("Nothing was handed in"), "{page}");
        let form = [("note", "0192f0c1-2222-7000-8000-000000000001"), ("caller", "Ana Ruiz"),
            ("number", "212 555 0142"), ("words", "Please call me back")];
        for _ in 0..2 {
            desk.post("/intake", &form, &mut service).await.goes_to("/intake?done=1");
        }
        assert_eq!(kinds(&desk).await, [TaskKind::Answer]);
        let page = desk.get("/intake?done=1", &mut service).await.is(200).text;
        assert!(page.contains("Handed in.") && page.contains("with the practice"), "{page}");
        for held in ["Please call me back", "Ana Ruiz", "0142"] {
            assert!(!page.contains(held), "what was said does not stay with the service: {page}");
        }
        let task = desk.clinic.tasks().await.remove(0);
        desk.clinic.write(move |tx, office| {
            tasks::complete(tx, office, task.id, TaskOutcome::Spoke, &staff()).unwrap();
        }).await;
        let page = desk.get("/intake", &mut service).await.is(200).text;
        assert!(page.contains("seen to"), "{page}");
        for (field, value, remedy) in [
            ("number", "12", "Ask for a number with its area code"),
            ("caller", " ", "Ask who is calling"),
            ("words", "", "Write what they want"),
            ("born", "July", "Write the day as"),
            ("born", "2150-01-01", "Write the day as"),
        ] {
            let mut wrong: Vec<(&str, &str)> =
                form.iter().copied().filter(|(name, _)| *name != field).collect();
            wrong.push((field, value));
            let back = desk.post("/intake", &wrong, &mut service).await.is(422).text;
            assert!(back.contains(remedy), "{field}: {back}");
            let kept = if field == "caller" { "Please call me back" } else { "Ana Ruiz" };
            assert!(back.contains(kept), "nothing typed is lost: {back}");
        }
        assert_eq!(kinds(&desk).await, [] as [TaskKind; 0], "a wrong form leaves nothing behind");
    }

    async fn the_service_sees_no_patient_and_others_do_not_hand_in(db: TestDb) {
        let desk = Desk::open(db).await;
        let patient = desk.clinic.patient("Ana", "en", HERS).await;
        let mut service = as_a(&desk, Role::AnsweringService).await;
        for closed in ["/inbox", "/tasks", "/people", "/today", "/log", "/settings"] {
            desk.get(closed, &mut service).await.is(403);
        }
        desk.get(&format!("/people/{patient}"), &mut service).await.is(403);
        let mut nurse = as_a(&desk, Role::Nurse).await;
        desk.get("/intake", &mut nurse).await.is(403);
    }
}
