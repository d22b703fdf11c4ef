//! The pages of the inbox, for each role: what one sees, what one may do, who else looks.

use gate::PatientId;
use jiff::SignedDuration;
use sotto::access::roles::Role;
use sotto::db::presence;
use sotto::db::thread::{Side, ThreadState};
use sotto::ids::StaffId;
use sotto::{params, sql};

use crate::access::{Desk, Jar};
use crate::on_both_engines;

const PHONE: &str = "+12125550100";
const OTHER: &str = "+12125550101";
const ADMIN: &str = "where do I park my truck?";
const CLINICAL: &str = "should I take my blood pressure pill before the visit?";

struct House {
    desk: Desk,
    rosa: (StaffId, Jar),
    ines: (StaffId, Jar),
    bea: (StaffId, Jar),
    priya: (StaffId, Jar),
    maria: PatientId,
    ana: PatientId,
}

async fn hired(desk: &Desk, role: Role) -> (StaffId, Jar) {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    (id, desk.let_in(id).await)
}

/// Maria asks where to park, Ana asks a nurse.
async fn house(db: crate::engines::TestDb) -> House {
    let desk = Desk::open(db).await;
    let maria = desk.clinic.patient("Maria", "en", PHONE).await;
    let ana = desk.clinic.patient("Ana", "es", OTHER).await;
    desk.clinic.text(PHONE, ADMIN).await;
    desk.clinic.text(OTHER, CLINICAL).await;
    House {
        rosa: hired(&desk, Role::FrontDesk).await,
        ines: hired(&desk, Role::Nurse).await,
        bea: hired(&desk, Role::Billing).await,
        priya: hired(&desk, Role::PrivacyOfficer).await,
        desk,
        maria,
        ana,
    }
}

/// How many entries of a kind there are with a code.
async fn entries(desk: &Desk, kind: &str, code: &str) -> usize {
    let practice = desk.clinic.office.practice();
    let bodies: Vec<Vec<u8>> = desk
        .clinic
        .db
        .read(move |tx| {
            tx.query(
                sql!("SELECT body FROM audit_entry WHERE practice_id = $1"),
                params![practice],
                |row| row.get(0),
            )
        })
        .await
        .unwrap();
    let bodies = bodies.iter().map(|body| String::from_utf8_lossy(body));
    bodies.filter(|body| body.contains(kind) && body.contains(code)).count()
}

on_both_engines! {
    async fn each_role_reads_what_is_its_own_and_nobody_elses_words(db: TestDb) {
        let House { desk, rosa, ines, bea, priya, maria, ana } = house(db).await;
        let (parking, pill) = ("park my truck", "blood pressure");
        let hers = format!("/inbox/{}", desk.clinic.thread(maria).await.id);
        let clinical = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        for (who, mut jar, reads) in [
            ("front desk", rosa.1, (true, false)),
            ("nurse", ines.1, (true, true)),
            ("billing", bea.1, (false, false)),
            ("privacy officer", priya.1, (true, true)),
        ] {
            let list = desk.get("/inbox?view=all", &mut jar).await.is(200).text;
            assert_eq!((list.contains(parking), list.contains(pill)), reads, "{who}");
            assert!(list.contains("M. E.") && list.contains("A. E."), "{who}: initials are shown");
            assert!(!list.contains("Example"), "{who}: names are not");
            assert_eq!(list.contains("not for your role"), reads != (true, true), "{who}");
            for (path, words, may) in [(&hers, parking, reads.0), (&clinical, pill, reads.1)] {
                let page = desk.get(path, &mut jar).await.is(if may { 200 } else { 403 }).text;
                assert_eq!(page.contains(words), may, "{who} {path}");
                assert!(!page.contains("<title>Maria") && !page.contains("<title>Ana"));
            }
        }
        assert_eq!(entries(&desk, "content.viewed", "\"inbox\"").await, 4);
        assert_eq!(entries(&desk, "content.viewed", "\"thread\"").await, 5);
        assert_eq!(entries(&desk, "access.refused", "read_conversation").await, 3);
        desk.clinic.is_proved().await;
    }

    async fn an_older_clinical_word_stays_closed_when_the_thread_is_about_the_schedule_again(db: TestDb) {
        let House { desk, mut rosa, mut ines, ana, .. } = house(db).await;
        let id = desk.clinic.thread(ana).await.id;
        let path = format!("/inbox/{id}");
        let note = [("text", "she sounded short of breath"), ("mention", &rosa.0.to_string())];
        desk.post(&format!("{path}/note"), &note, &mut ines.1).await.goes_to(&path);
        desk.post(&format!("{path}/close"), &[("outcome", "spoke")], &mut ines.1).await.goes_to(&path);
        assert_eq!(desk.clinic.tasks().await.len(), 1, "Maria's");
        desk.pass(60);
        desk.clinic.text(OTHER, ADMIN).await;
        let page = desk.get(&path, &mut rosa.1).await.is(200).text;
        assert!(page.contains("park my truck") && page.contains("Not for your role."));
        for word in ["blood pressure", "short of breath", "cannot answer health questions"] {
            assert!(!page.contains(word), "{word}");
        }
        let page = desk.get(&path, &mut ines.1).await.is(200).text;
        assert!(page.contains("blood pressure") && page.contains("short of breath"));
        let mentions = desk.get("/inbox?view=mentions", &mut rosa.1).await.is(200).text;
        assert!(mentions.contains(&path));
    }

    async fn forms_do_what_they_say_and_only_for_who_may(db: TestDb) {
        let House { desk, mut rosa, mut ines, mut bea, mut priya, maria, ana } = house(db).await;
        let path = format!("/inbox/{}", desk.clinic.thread(maria).await.id);
        let clinical = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        // Whoever may read and not answer, and whoever may not even read.
        for (deed, form) in [
            ("assign", [("owner", "me")]),
            ("snooze", [("until", "hour")]),
            ("close", [("outcome", "nothing")]),
            ("reopen", [("to", "/inbox")]),
            ("take", [("to", "/inbox")]),
        ] {
            desk.post(&format!("{path}/{deed}"), &form, &mut priya.1).await.is(403);
            desk.post(&format!("{path}/{deed}"), &form, &mut bea.1).await.is(403);
            desk.post(&format!("{clinical}/{deed}"), &form, &mut rosa.1).await.is(403);
        }
        desk.post(&format!("{path}/note"), &[("text", "seen")], &mut bea.1).await.is(403);
        desk.post(&format!("{path}/note"), &[("text", "seen")], &mut priya.1).await.goes_to(&path);
        assert_eq!(desk.clinic.thread(maria).await.owner, None);
        let wrong = [
            ("assign", [("owner", "the cat")]),
            ("assign", [("owner", "team:auditor")]),
            ("assign", [("owner", "01890000-0000-7000-8000-000000000001")]),
            ("snooze", [("until", "date")]),
            ("snooze", [("date", "1999-01-01")]),
            ("close", [("outcome", "eaten")]),
            ("note", [("text", "   ")]),
            ("note", [("mention", "nobody-here")]),
        ];
        for (deed, form) in wrong {
            let answer = desk.post(&format!("{path}/{deed}"), &form, &mut rosa.1).await;
            assert_eq!(answer.status.as_u16(), 422, "{deed} {form:?}");
        }
        // Nobody is given what their role may not open.
        let to_billing = [("owner", bea.0.to_string())];
        let to_billing: Vec<_> = to_billing.iter().map(|(k, v)| (*k, v.as_str())).collect();
        desk.post(&format!("{path}/assign"), &to_billing, &mut rosa.1).await.is(422);
        desk.post(&format!("{path}/assign"), &[("owner", "me")], &mut rosa.1).await.goes_to(&path);
        assert_eq!(desk.clinic.thread(maria).await.owner, Some(rosa.0));
        let list = desk.get("/inbox?view=mine", &mut rosa.1).await.is(200).text;
        assert!(list.contains(&path) && list.contains("· you"));
        let to = [("until", "tomorrow"), ("to", "/inbox?view=mine")];
        desk.post(&format!("{path}/snooze"), &to, &mut rosa.1).await.goes_to("/inbox?view=mine");
        let row = desk.clinic.thread(maria).await;
        assert_eq!(row.state, ThreadState::Snoozed);
        // It is Monday in New York.
        assert_eq!(row.snoozed_until, Some("2027-03-02T13:00:00Z".parse().unwrap()));
        desk.post(&format!("{path}/reopen"), &[], &mut rosa.1).await.goes_to(&path);
        assert_eq!(desk.clinic.thread(maria).await.state, ThreadState::Open);
        // An address of somebody else's is not gone to.
        let away = [("outcome", "answered"), ("to", "//elsewhere.example")];
        desk.post(&format!("{path}/close"), &away, &mut rosa.1).await.goes_to(&path);
        desk.post(&format!("{path}/close"), &away, &mut rosa.1).await.is(409);
        desk.post(&format!("{path}/assign"), &[("owner", "team:nurse")], &mut rosa.1).await.goes_to("/inbox");
        desk.get(&path, &mut rosa.1).await.is(403);
        desk.get(&path, &mut ines.1).await.is(200);
        desk.clinic.is_proved().await;
    }

    async fn an_emergency_stands_on_every_page_until_somebody_who_may_takes_it(db: TestDb) {
        let House { desk, mut rosa, mut ines, maria, .. } = house(db).await;
        desk.clinic.text(PHONE, "chest pain").await;
        let path = format!("/inbox/{}", desk.clinic.thread(maria).await.id);
        for page in ["/inbox", "/tasks", "/today"] {
            let seen = desk.get(page, &mut rosa.1).await.is(200).text;
            assert!(seen.contains("may be in danger") && seen.contains("Tell a nurse"), "{page}");
            let seen = desk.get(page, &mut ines.1).await.is(200).text;
            assert!(seen.contains("I am on it"), "{page}");
        }
        desk.post(&format!("{path}/take"), &[], &mut rosa.1).await.is(403);
        desk.post(&format!("{path}/take"), &[], &mut ines.1).await.goes_to(&path);
        assert_eq!(desk.clinic.thread(maria).await.owner, Some(ines.0));
        for page in ["/inbox", "/tasks", "/today"] {
            let seen = desk.get(page, &mut rosa.1).await.is(200).text;
            assert!(!seen.contains("may be in danger"), "{page}");
        }
        // First in the list all the same, and still to be done.
        let list = desk.get("/inbox?view=all", &mut ines.1).await.is(200).text;
        let (urgent, calm) = (list.find("! emergency").unwrap(), list.find("A. E.").unwrap());
        assert!(urgent < calm);
    }

    async fn tasks_are_done_by_who_may_and_once(db: TestDb) {
        let House { desk, mut rosa, mut ines, mut bea, maria, .. } = house(db).await;
        let tasks = desk.clinic.tasks().await;
        let park = tasks.iter().find(|task| task.patient_id == Some(maria)).unwrap().id;
        let pill = tasks.iter().find(|task| task.patient_id != Some(maria)).unwrap().id;
        let page = desk.get("/tasks", &mut rosa.1).await.is(200).text;
        assert!(page.contains("Read and answer") && page.contains("A task for another desk"));
        let done = [("outcome", "answered")];
        desk.post(&format!("/tasks/{park}/done"), &done, &mut bea.1).await.is(403);
        desk.post(&format!("/tasks/{pill}/done"), &done, &mut rosa.1).await.is(403);
        desk.post(&format!("/tasks/{park}/done"), &[("outcome", "")], &mut rosa.1).await.is(422);
        desk.post(&format!("/tasks/{park}/done"), &done, &mut rosa.1).await.goes_to("/tasks?done=1");
        desk.post(&format!("/tasks/{park}/done"), &done, &mut ines.1).await.is(409);
        assert_eq!(desk.clinic.thread(maria).await.state, ThreadState::Closed);
        assert_eq!(desk.clinic.tasks().await.len(), 1);
        desk.clinic.is_proved().await;
    }

    async fn who_else_looks_is_said_and_is_over_after_half_a_minute(db: TestDb) {
        let House { desk, mut rosa, ines, maria, .. } = house(db).await;
        let id = desk.clinic.thread(maria).await.id;
        let (practice, now) = (desk.clinic.office.practice(), desk.clinic.db.clock.now());
        for who in [ines.0, rosa.0] {
            desk.clinic.db.write(move |tx| presence::put(tx, practice, (id, who), now)).await.unwrap();
        }
        let path = format!("/inbox/{id}");
        let looking = |text: &str| text.matches("is looking too").count();
        assert_eq!(looking(&desk.get(&path, &mut rosa.1).await.text), 1, "a colleague, not oneself");
        desk.clinic.db.clock.advance(SignedDuration::from_secs(29));
        assert_eq!(looking(&desk.get(&path, &mut rosa.1).await.text), 1);
        desk.clinic.db.clock.advance(SignedDuration::from_secs(1));
        assert_eq!(looking(&desk.get(&path, &mut rosa.1).await.text), 0);
    }

    async fn the_day_shows_who_comes_what_they_said_and_what_went_out(db: TestDb) {
        let House { desk, mut rosa, mut bea, maria, ana, .. } = house(db).await;
        let clinic = &desk.clinic;
        let friday = "2027-03-05T19:30:00Z".parse().unwrap();
        clinic.book(maria, "a", friday).await;
        clinic.book(ana, "b", friday).await;
        clinic.office.clock().advance(SignedDuration::from_hours(55));
        assert_eq!(clinic.tick().await.sent_on, 2);
        clinic.text(PHONE, "C").await;
        // Two days on, the old session is over.
        rosa.1 = desk.let_in(rosa.0).await;
        bea.1 = desk.let_in(bea.0).await;
        let day = desk.get("/today?day=2027-03-05", &mut rosa.1).await.is(200).text;
        assert!(day.contains("2 visits, 1 confirmed") && day.contains("Friday, March 5"));
        assert_eq!(day.matches("Will come").count(), 1);
        assert_eq!(day.matches("No answer").count(), 1);
        assert_eq!(day.matches("Text: waiting").count(), 2);
        assert_eq!(day.matches(">2:30 pm</time>").count(), 2);
        assert!(day.contains("/today?day=2027-03-04") && day.contains("/today?day=2027-03-06"));
        let empty = desk.get("/today", &mut rosa.1).await.is(200).text;
        assert!(empty.contains("No visits on this day"));
        desk.get("/today", &mut bea.1).await.is(403);
        assert_eq!(entries(&desk, "content.viewed", "schedule").await, 2);
    }

    async fn a_thread_that_waits_for_them_says_so(db: TestDb) {
        let House { desk, mut rosa, maria, .. } = house(db).await;
        let actor = sotto::audit::Actor::staff(rosa.0, "front_desk");
        desk.clinic.write_to(maria, "Behind the building.", actor).await;
        assert_eq!(desk.clinic.thread(maria).await.waiting_on, Side::Them);
        let path = format!("/inbox/{}", desk.clinic.thread(maria).await.id);
        let list = desk.get("/inbox?view=team", &mut rosa.1).await.is(200).text;
        assert!(list.contains("waiting on them"));
        let page = desk.get(&path, &mut rosa.1).await.is(200).text;
        assert!(page.contains("Behind the building.") && page.contains("you · Portal"));
    }
}
