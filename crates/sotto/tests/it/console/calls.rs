//! A call, a step at a time: what it is about stays hidden until it is known who listens.

use gate::PatientId;
use sotto::access::roles::Role;
use sotto::audit::{self, Actor, Event, Kind};
use sotto::db::task::TaskState;
use sotto::db::{contact_point, window};
use sotto::ids::{Id as _, WindowSessionId};
use sotto::{params, sql};

use crate::access::{Desk, Jar};
use crate::on_both_engines;

const PHONE: &str = "+12125550171";
const ASKED: &str = "should I take my blood pressure pill before the visit?";

/// A patient who asked something clinical, and a nurse.
async fn asked(db: crate::engines::TestDb) -> (Desk, PatientId, Jar, String) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", PHONE).await;
    desk.clinic.text(PHONE, ASKED).await;
    let (id, _) = desk.invite("rosa@harborview.example", &[Role::Nurse]).await;
    let jar = desk.let_in(id).await;
    let task = desk.clinic.tasks().await.pop().unwrap().id.to_string();
    (desk, ana, jar, task)
}

async fn number(desk: &Desk, ana: PatientId) -> String {
    desk.clinic
        .write(move |tx, office| {
            tx.query_one(
                sql!("SELECT id FROM contact_point WHERE practice_id = $1 AND patient_id = $2"),
                params![office.practice(), ana],
                |row| row.get(0),
            )
            .unwrap()
        })
        .await
}

/// Begins a call; answers its path.
async fn begun(desk: &Desk, ana: PatientId, task: &str, jar: &mut Jar) -> String {
    let number = number(desk, ana).await;
    let form = [("number", number.as_str()), ("task", task), ("private_place", "yes")];
    let answer = desk.post(&format!("/people/{ana}/call"), &form, jar).await.is(303);
    assert!(answer.to().starts_with("/calls/"));
    answer.to().to_owned()
}

/// The codes that went out, the newest last.
async fn codes(desk: &Desk) -> Vec<String> {
    let sent = desk.clinic.sent_to(PHONE).await;
    let codes = sent.into_iter().filter(|one| one.kind == "call_code");
    codes
        .map(|one| {
            let mut runs = one.body.split(|c: char| !c.is_ascii_digit());
            runs.find(|run| run.len() == 6).unwrap().to_owned()
        })
        .collect()
}

/// The patient is at the window now.
async fn stay(desk: &Desk, ana: PatientId, number: &str) {
    let point = number.parse().unwrap();
    desk.clinic
        .write(move |tx, office| {
            let now = office.clock().now_in_life();
            let row = window::SessionRow {
                id: WindowSessionId::new(office.clock()),
                patient_id: ana,
                contact_point_id: point,
                caregiver_id: None,
                link_id: gate::MessageId::new(office.clock()),
                created_at: now,
                expires_at: now + jiff::SignedDuration::from_hours(1),
                ended_at: None,
                seen_at: now,
                phone: None,
            };
            window::add_session(tx, office.practice(), &row, &[7; 32]).unwrap();
            let event = Event::new(Kind::LinkChanged, Actor::service("window")).patient(ana);
            audit::append(tx, office, event).unwrap();
        })
        .await;
}

on_both_engines! {
    async fn what_it_is_about_is_hidden_until_the_listener_is_known(db: TestDb) {
        let (desk, ana, mut jar, task) = asked(db).await;
        let page = desk.get(&format!("/people/{ana}/call?task={task}"), &mut jar).await.is(200).text;
        assert!(page.contains("(212) 555-0171") && page.contains("Nobody else can hear me here"), "{page}");
        assert!(!page.contains("pressure pill"));
        // Not before they say they are alone.
        let number = number(&desk, ana).await;
        let form = [("number", number.as_str()), ("task", &task)];
        let alone = desk.post(&format!("/people/{ana}/call"), &form, &mut jar).await.is(422).text;
        assert!(alone.contains("nobody else hears you"), "{alone}");
        let call = begun(&desk, ana, &task, &mut jar).await;
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("May I speak with Ana Example?") && !page.contains("pressure pill"));
        desk.post(&format!("{call}/answered"), &[("who", "patient")], &mut jar).await.goes_to(&call);
        // One fact is not enough.
        let one = [("birth_date", "yes"), ("matched", "yes")];
        let page = desk.post(&format!("{call}/identified"), &one, &mut jar).await.is(422).text;
        assert!(page.contains("one fact alone identifies nobody"), "{page}");
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(!page.contains("Show me what it is about"), "{page}");
        let enough = [("call_back", "yes"), ("birth_date", "yes"), ("matched", "yes")];
        desk.post(&format!("{call}/identified"), &enough, &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("health details, but nothing sensitive"), "{page}");
        assert!(!page.contains("pressure pill"));
        desk.post(&format!("{call}/matter"), &[], &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("pressure pill"), "{page}");
        desk.post(&format!("{call}/end"), &[("outcome", "spoke")], &mut jar).await.goes_to(&call);
        assert_eq!(desk.clinic.tasks().await.len(), 0, "its task is done with it");
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("This call has ended") && !page.contains("pressure pill"), "{page}");
        desk.post(&format!("{call}/answered"), &[("who", "nobody")], &mut jar).await.is(409);
        desk.clinic.is_proved().await;
    }

    async fn nobody_is_told_what_is_not_theirs(db: TestDb) {
        let (desk, ana, mut jar, task) = asked(db).await;
        let call = begun(&desk, ana, &task, &mut jar).await;
        // Somebody else: nothing to check, nothing to show, and "we spoke" cannot be said.
        desk.post(&format!("{call}/answered"), &[("who", "other")], &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("Please ask Ana to call us") && !page.contains("Show me"), "{page}");
        let all = [("call_back", "yes"), ("name", "yes"), ("birth_date", "yes"), ("matched", "yes")];
        desk.post(&format!("{call}/identified"), &all, &mut jar).await.is(409);
        desk.post(&format!("{call}/end"), &[("outcome", "spoke")], &mut jar).await.is(409);
        // The patient comes to the phone, and does not know the answers.
        desk.post(&format!("{call}/answered"), &[("who", "patient")], &mut jar).await.goes_to(&call);
        desk.post(&format!("{call}/identified"), &[("matched", "no")], &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("did not match") && !page.contains("Show me"), "{page}");
        // Handed on to somebody else, an earlier check is worth nothing.
        desk.post(&format!("{call}/identified"), &all, &mut jar).await.goes_to(&call);
        desk.post(&format!("{call}/answered"), &[("who", "voicemail"), ("greeting", "generic")], &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("Please call us back") && !page.contains("a message for Ana"), "{page}");
        desk.post(&format!("{call}/end"), &[("outcome", "left_message")], &mut jar).await.goes_to(&call);
        let tasks = desk.clinic.tasks().await;
        assert_eq!((tasks.len(), tasks[0].state), (1, TaskState::Open), "it stays to be done");
        let again = desk.get(&format!("/people/{ana}/call?task={task}"), &mut jar).await.is(200).text;
        assert!(again.contains("left a message to call back"), "{again}");
        desk.clinic.is_proved().await;
    }

    async fn a_call_is_its_callers_and_the_desks(db: TestDb) {
        let (desk, ana, mut jar, task) = asked(db).await;
        let call = begun(&desk, ana, &task, &mut jar).await;
        let (other, _) = desk.invite("ines@harborview.example", &[Role::Nurse]).await;
        let mut theirs = desk.let_in(other).await;
        desk.get(&call, &mut theirs).await.is(404);
        desk.post(&format!("{call}/end"), &[("outcome", "not_reached")], &mut theirs).await.is(404);
        // A clinical question is not the front desk's to call about, nor billing's.
        for role in [Role::FrontDesk, Role::Billing] {
            let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
            let mut jar = desk.let_in(id).await;
            let call = begun(&desk, ana, &task, &mut jar).await;
            desk.get(&call, &mut jar).await.is(403);
        }
        // A number that is not on file is not dialled from here.
        let stray = "01890000-0000-7000-8000-000000000001";
        let form = [("number", stray), ("private_place", "yes")];
        desk.post(&format!("/people/{ana}/call"), &form, &mut jar).await.is(422);
        desk.clinic.is_proved().await;
    }

    async fn a_code_goes_to_a_verified_address_and_is_read_back(db: TestDb) {
        let (desk, ana, mut jar, task) = asked(db).await;
        let call = begun(&desk, ana, &task, &mut jar).await;
        let to = number(&desk, ana).await;
        // Not before somebody answered who is on file.
        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.is(422);
        desk.post(&format!("{call}/answered"), &[("who", "other")], &mut jar).await.goes_to(&call);
        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.is(422);
        desk.post(&format!("{call}/answered"), &[("who", "patient")], &mut jar).await.goes_to(&call);
        let stray = "01890000-0000-7000-8000-000000000001";
        desk.post(&format!("{call}/code"), &[("to", stray)], &mut jar).await.is(422);
        // Saying that it was read back is not enough: nothing was sent.
        let said = [("code", "yes"), ("matched", "yes")];
        desk.post(&format!("{call}/identified"), &said, &mut jar).await.is(422);
        desk.post(&format!("{call}/read-back"), &[("code", "123456")], &mut jar).await.is(409);

        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.goes_to(&call);
        let sent = codes(&desk).await;
        assert_eq!(sent.len(), 1);
        // Whoever calls does not see it: not on the page of the call, nor in the conversation.
        for page in [call.clone(), format!("/people/{ana}/said")] {
            let page = desk.get(&page, &mut jar).await.is(200).text;
            assert!(!page.contains(&sent[0]), "{page}");
        }
        let wrong = if sent[0] == "111111" { "222222" } else { "111111" };
        for left in ["2 more tries", "One more try"] {
            desk.post(&format!("{call}/read-back"), &[("code", wrong)], &mut jar).await.goes_to(&call);
            let page = desk.get(&call, &mut jar).await.is(200).text;
            assert!(page.contains(left) && !page.contains("Show me what it is about"), "{page}");
        }
        desk.post(&format!("{call}/read-back"), &[("code", wrong)], &mut jar).await.goes_to(&call);
        // Tried three times, it is over, also for the right one.
        desk.post(&format!("{call}/read-back"), &[("code", &sent[0])], &mut jar).await.is(409);
        // Another is good for ten minutes.
        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.goes_to(&call);
        let second = codes(&desk).await.pop().unwrap();
        desk.pass(10 * 60);
        desk.post(&format!("{call}/read-back"), &[("code", &second)], &mut jar).await.is(409);
        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.goes_to(&call);
        let third = codes(&desk).await.pop().unwrap();
        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.is(409);
        let spoken = format!("{} {}", &third[..3], &third[3..]);
        desk.post(&format!("{call}/read-back"), &[("code", &spoken)], &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("They read the code back"), "{page}");
        assert!(page.contains("health details, but nothing sensitive"), "{page}");
        // Once.
        desk.post(&format!("{call}/read-back"), &[("code", &third)], &mut jar).await.is(409);
        // With two facts it is enough for all of it.
        let facts = [("name", "yes"), ("birth_date", "yes"), ("matched", "yes")];
        desk.post(&format!("{call}/identified"), &facts, &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("everything that this call is about"), "{page}");
        // The phone is handed on: it was the other's code.
        desk.post(&format!("{call}/answered"), &[("who", "patient")], &mut jar).await.goes_to(&call);
        desk.post(&format!("{call}/identified"), &said, &mut jar).await.is(422);
        desk.clinic.is_proved().await;
    }

    async fn a_shared_line_an_unverified_address_and_an_empty_window_prove_nothing(db: TestDb) {
        let (desk, ana, mut jar, task) = asked(db).await;
        let call = begun(&desk, ana, &task, &mut jar).await;
        let to = number(&desk, ana).await;
        desk.post(&format!("{call}/answered"), &[("who", "patient")], &mut jar).await.goes_to(&call);
        // Nobody is signed in at the window.
        let there = [("portal", "yes"), ("matched", "yes")];
        let page = desk.post(&format!("{call}/identified"), &there, &mut jar).await.is(422).text;
        assert!(page.contains("nobody signed in as them"), "{page}");
        assert!(!desk.get(&call, &mut jar).await.is(200).text.contains("name=\"portal\""));
        stay(&desk, ana, &to).await;
        assert!(desk.get(&call, &mut jar).await.is(200).text.contains("name=\"portal\""));
        desk.post(&format!("{call}/identified"), &there, &mut jar).await.goes_to(&call);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(page.contains("health details, but nothing sensitive"), "{page}");
        // Ten minutes later they may be gone.
        desk.pass(10 * 60);
        desk.post(&format!("{call}/identified"), &there, &mut jar).await.is(422);
        // A line that others answer too, and that nobody verified.
        desk.clinic
            .write(move |tx, office| {
                let mut points = contact_point::of_patient(tx, office.practice(), ana).unwrap();
                let mut point = points.pop().unwrap();
                (point.shared, point.verified_at) = (true, None);
                contact_point::put(tx, office.practice(), &point).unwrap();
                let event = Event::new(Kind::PatientChanged, Actor::operator()).patient(ana);
                audit::append(tx, office, event).unwrap();
            })
            .await;
        let called = [("call_back", "yes"), ("name", "yes"), ("birth_date", "yes"), ("matched", "yes")];
        let page = desk.post(&format!("{call}/identified"), &called, &mut jar).await.is(422).text;
        assert!(page.contains("others answer it too"), "{page}");
        desk.post(&format!("{call}/code"), &[("to", &to)], &mut jar).await.is(422);
        let page = desk.get(&call, &mut jar).await.is(200).text;
        assert!(!page.contains("name=\"call_back\"") && page.contains("no code can go out"), "{page}");
        desk.clinic.is_proved().await;
    }
}
