//! A record opened in an emergency: refused before, read after, never written; an hour, one patient,
//! one session; reviewed by somebody else.

use gate::PatientId;
use jiff::{SignedDuration, Timestamp};
use sotto::access::break_glass;
use sotto::access::roles::{Role, Roles};
use sotto::access::staff::{self, NewStaff};
use sotto::audit::{Actor, Entry, Kind};
use sotto::conversations::tasks::{TaskError, TaskKind, TaskOutcome};
use sotto::db::session;
use sotto::db::task::TaskState;
use sotto::ids::SiteId;
use sotto::schedule::{Booking, appointments};

use super::{Desk, Jar, site};
use crate::clinic::booking;
use crate::on_both_engines;

const WHY: [(&str, &str); 2] =
    [("reason", "medical_emergency"), ("words", "Unconscious in our waiting room; allergies?")];

struct Scene {
    desk: Desk,
    /// Seen at Elm.
    ana: PatientId,
    bo: PatientId,
    /// Works at Oak.
    nurse: Jar,
    officer: Jar,
}

async fn hire_at(desk: &Desk, role: Role, sites: Vec<SiteId>) -> Jar {
    let id = desk
        .clinic
        .write(move |tx, office| {
            let new = NewStaff {
                name: format!("The {role}"),
                email: format!("{role}@oak.example"),
                roles: Roles::new(vec![role]).unwrap(),
                sites,
            };
            staff::invite(tx, office, &new, Actor::operator()).unwrap().0
        })
        .await;
    desk.let_in(id).await
}

impl Scene {
    async fn open(db: crate::engines::TestDb) -> Self {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", "+12125550171").await;
        let bo = desk.clinic.patient("Bo", "en", "+12125550172").await;
        let (elm, oak) = (site(&desk, "Elm").await, site(&desk, "Oak").await);
        let starts_at: Timestamp = "2027-03-09T15:00:00Z".parse().unwrap();
        for (patient, visit) in [(ana, "visit-1"), (bo, "visit-2")] {
            let visit = Booking { site: Some(elm), ..booking(patient, visit, starts_at) };
            desk.clinic
                .write(move |tx, office| {
                    appointments::upsert(tx, office, &visit, &Actor::operator()).unwrap();
                    sotto::people::search::index::refresh(tx, office.into(), patient).unwrap();
                })
                .await;
        }
        desk.clinic.text("+12125550171", "my chest hurts since noon").await;
        let nurse = hire_at(&desk, Role::Nurse, vec![oak]).await;
        let officer = hire_at(&desk, Role::PrivacyOfficer, vec![]).await;
        Self { desk, ana, bo, nurse, officer }
    }

    fn ask(&self) -> String {
        format!("/people/{}/emergency", self.ana)
    }

    async fn broken(&mut self) {
        let answer = self.desk.post(&self.ask(), &WHY, &mut self.nurse).await;
        answer.goes_to(&format!("/people/{}", self.ana));
    }

    async fn entries(&self) -> Vec<Entry> {
        let practice = self.desk.clinic.office.practice();
        let all = self.desk.clinic.db.read(move |tx| {
            tx.query(
                sotto::sql!(
                    "SELECT body FROM audit_entry WHERE practice_id = $1 ORDER BY recorded_at, id"
                ),
                sotto::params![practice],
                |row| row.get::<Vec<u8>>(0),
            )
        });
        let all = all.await.map_err(|error: sotto::db::DbError| error).unwrap();
        all.iter().map(|body| Entry::from_bytes(body).unwrap()).collect()
    }

    async fn steps(&self) -> Vec<String> {
        let all = self.entries().await;
        let ours = all.iter().filter(|entry| entry.kind == Kind::BreakGlass);
        ours.map(|entry| entry.codes.join(" ")).collect()
    }
}

on_both_engines! {
    async fn refused_before_read_after_and_never_written(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let (ana, bo) = (scene.ana, scene.bo);
        let page = format!("/people/{ana}");
        let refused = scene.desk.get(&page, &mut scene.nurse).await.is(403);
        assert!(refused.text.contains(&scene.ask()) && !refused.text.contains("Ana"));
        // Whoever finds nobody else by that name is told that an emergency would open it.
        let found = scene.desk.post("/people", &[("q", "ana")], &mut scene.nurse).await.is(200);
        assert!(found.text.contains(&scene.ask()) && !found.text.contains("Ana"), "{}", found.text);
        let form = scene.desk.get(&scene.ask(), &mut scene.nurse).await.is(200);
        assert!(!form.text.contains("Ana"));
        for (reason, words) in
            [("", "Unconscious in our waiting room"), ("curious", "Unconscious here"), ("standing_in", "help")]
        {
            let form = [("reason", reason), ("words", words)];
            let again = scene.desk.post(&scene.ask(), &form, &mut scene.nurse).await.is(422);
            assert!(again.text.contains(words));
            scene.desk.get(&page, &mut scene.nurse).await.is(403);
        }
        scene.broken().await;
        let open = scene.desk.get(&page, &mut scene.nurse).await.is(200).text;
        assert!(open.contains("Ana") && open.contains("my chest hurts"), "{open}");
        assert!(open.contains("Emergency access") && open.contains("60 more minutes"), "{open}");
        // On every other page too, with the way to end it.
        let elsewhere = scene.desk.get("/tasks", &mut scene.nurse).await.is(200).text;
        assert!(elsewhere.contains("End it now") && elsewhere.contains(&format!("{page}/emergency/end")));
        // No form on the page writes, and none that is sent anyway.
        assert!(!open.contains("Add a number") && !open.contains("/write\""), "{open}");
        for form in ["contacts", "consents", "opt-outs", "caregivers", "preferences", "write", "call"] {
            let at = format!("{page}/{form}");
            scene.desk.post(&at, &[("method", "spoken")], &mut scene.nurse).await.is(403);
        }
        let thread = format!("/inbox/{}", scene.desk.clinic.thread(ana).await.id);
        let read = scene.desk.get(&thread, &mut scene.nurse).await.is(200).text;
        assert!(read.contains("my chest hurts"));
        scene.desk.post(&format!("{thread}/take"), &[], &mut scene.nurse).await.is(403);
        scene.desk.post(&format!("{thread}/close"), &[("outcome", "spoke")], &mut scene.nurse).await.is(403);
        // Another patient of that site stays closed, in the list beside the open thread too.
        scene.desk.get(&format!("/people/{bo}"), &mut scene.nurse).await.is(403);
        // Each view names the policy that opened it.
        let entries = scene.entries().await;
        let views = entries.iter().filter(|entry| {
            matches!(entry.kind, Kind::PatientViewed | Kind::ContentViewed)
                && entry.patients.contains(&ana)
                && entry.codes.iter().any(|code| code.starts_with("break_glass."))
        });
        assert!(views.count() >= 3);
        scene.desk.clinic.is_proved().await;
    }

    async fn another_reason_is_another_opening_and_the_same_is_none(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let to = format!("/people/{}", scene.ana);
        let standing = [("reason", "standing_in"), ("words", "I see her for Dr. Vega today")];
        scene.desk.post(&scene.ask(), &standing, &mut scene.nurse).await.goes_to(&to);
        scene.desk.pass(60);
        // The same again is the same.
        scene.desk.post(&scene.ask(), &standing, &mut scene.nurse).await.goes_to(&to);
        assert_eq!(scene.steps().await.len(), 1, "{:?}", scene.steps().await);
        let form = scene.desk.get(&scene.ask(), &mut scene.nurse).await.is(200).text;
        assert!(form.contains("It stands open to you already") && form.contains("whoever usually does is away"), "{form}");
        // A reason that says nothing leaves it as it was.
        let short = [("reason", "medical_emergency"), ("words", "now")];
        scene.desk.post(&scene.ask(), &short, &mut scene.nurse).await.is(422);
        assert_eq!(scene.steps().await.len(), 1);
        scene.broken().await;
        let steps = scene.steps().await;
        let words = |n: usize| steps[n].split(' ').filter(|word| !word.contains('.')).collect::<Vec<_>>().join(" ");
        assert_eq!([words(0), words(1), words(2)], ["opened standing_in", "ended by_hand", "opened medical_emergency"]);
        // Later the second factor is asked for anew, before the form and after it.
        scene.desk.pass(301);
        let lock = format!("/lock?to={}", scene.ask());
        scene.desk.get(&scene.ask(), &mut scene.nurse).await.goes_to(&lock);
        scene.desk.post(&scene.ask(), &WHY, &mut scene.nurse).await.goes_to(&lock);
        // One line; two to review, each with its task.
        let page = scene.desk.get(&to, &mut scene.nurse).await.is(200).text;
        assert_eq!(page.matches("Emergency access</strong>").count(), 1, "{page}");
        assert!(page.contains("for 55 more minutes"), "{page}");
        let tasks = scene.desk.clinic.tasks().await;
        let open = tasks.iter().filter(|task| task.kind == TaskKind::BreakGlass && task.state == TaskState::Open);
        assert_eq!(open.count(), 2);
        let list = scene.desk.get("/log/emergencies", &mut scene.officer).await.is(200).text;
        assert!(list.contains("I see her for Dr. Vega today") && list.contains("Unconscious in our waiting room"), "{list}");
        scene.desk.clinic.is_proved().await;
    }

    async fn it_ends_by_hand_by_the_officer_and_after_an_hour(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let page = format!("/people/{}", scene.ana);
        scene.broken().await;
        scene.desk.post(&format!("{page}/emergency/end"), &[], &mut scene.nurse).await.is(303);
        scene.desk.get(&page, &mut scene.nurse).await.is(403);
        scene.broken().await;
        let list = scene.desk.get("/log/emergencies", &mut scene.officer).await.is(200).text;
        let (_, rest) = list.split_once("/end\"").map(|(before, _)| before.rsplit_once("/log/emergencies/").unwrap()).unwrap();
        scene.desk.post(&format!("/log/emergencies/{rest}/end"), &[], &mut scene.officer).await.is(303);
        scene.desk.get(&page, &mut scene.nurse).await.is(403);
        scene.broken().await;
        // The nurse works on meanwhile, so that the session does not lock.
        for _ in 0..5 {
            scene.desk.pass(11 * 60);
            scene.desk.get(&page, &mut scene.nurse).await.is(200);
        }
        scene.desk.pass(4 * 60 + 59);
        assert!(scene.desk.get(&page, &mut scene.nurse).await.is(200).text.contains("1 more minute "));
        scene.desk.pass(1);
        scene.desk.get(&page, &mut scene.nurse).await.is(403);
        let (db, office) = (&scene.desk.clinic.db, &scene.desk.clinic.office);
        assert_eq!(break_glass::end_those_over(db, office).await.unwrap(), 1);
        assert_eq!(break_glass::end_those_over(db, office).await.unwrap(), 0);
        assert_eq!(
            scene.steps().await,
            [
                "opened medical_emergency provider",
                "ended by_hand",
                "opened medical_emergency provider",
                "ended by_officer",
                "opened medical_emergency provider",
                "ended over",
            ]
            .map(|line| line.replace("provider", "nurse.break_glass"))
        );
        scene.desk.clinic.is_proved().await;
    }

    async fn a_code_is_not_enough_and_a_passkey_is_while_it_is_fresh(db: TestDb) {
        let scene = Scene::open(db).await;
        let page = format!("/people/{}", scene.ana);
        let mut jar = Jar::default();
        let nurse = scene.desk.hire("coded@oak.example", &[Role::Nurse], &mut jar).await;
        scene.desk.next_code();
        let mut jar = Jar::default();
        scene.desk.sign_in(&nurse, &mut jar).await.is(303);
        // One site, and it is not hers.
        let oak = site(&scene.desk, "Ash").await;
        let id = scene
            .desk
            .clinic
            .write(move |tx, office| {
                let id = staff::by_email(tx, office, "coded@oak.example").unwrap().unwrap().id;
                staff::set_sites(tx, office, (id, &[oak]), Actor::operator()).unwrap();
                id
            })
            .await;
        for told in [scene.desk.get(&scene.ask(), &mut jar).await, scene.desk.post(&scene.ask(), &WHY, &mut jar).await] {
            let told = told.is(403).text;
            assert!(told.contains("You have no passkey yet") && told.contains("href=\"/me\""), "{told}");
        }
        scene.desk.get(&page, &mut jar).await.is(403);
        assert!(scene.steps().await.is_empty());
        // As the lock writes it down when her passkey answers.
        scene
            .desk
            .clinic
            .write(move |tx, office| {
                let practice = office.practice();
                let session = session::open_ones(tx, practice, id).unwrap().remove(0).id;
                let now = office.clock().now_in_life();
                session::prove_by_passkey(tx, practice, session, now).unwrap();
            })
            .await;
        scene.desk.post(&scene.ask(), &WHY, &mut jar).await.is(303);
        scene.desk.get(&page, &mut jar).await.is(200);
        // Five minutes later a code proves her again, and opens no record.
        scene.desk.pass(6 * 60);
        scene.desk.next_code();
        let code = scene.desk.code_of(&nurse);
        scene.desk.post("/lock", &[("code", &code)], &mut jar).await.is(303);
        scene.desk.get(&scene.ask(), &mut jar).await.is(403);
    }

    async fn it_asks_for_a_fresh_factor_and_holds_in_one_session(db: TestDb) {
        let scene = Scene::open(db).await;
        let page = format!("/people/{}", scene.ana);
        let mut before = scene.nurse.clone();
        scene.desk.pass(5 * 60);
        let lock = format!("/lock?to={}", scene.ask());
        scene.desk.get(&scene.ask(), &mut before).await.goes_to(&lock);
        assert!(scene.desk.post(&scene.ask(), &WHY, &mut before).await.is(303).to().starts_with("/lock"));
        scene.desk.get(&page, &mut before).await.is(403);
        // The front desk may not, whatever it gives as a reason.
        let oak = site(&scene.desk, "Ash").await;
        let mut desk = hire_at(&scene.desk, Role::FrontDesk, vec![oak]).await;
        let refused = scene.desk.get(&page, &mut desk).await.is(403).text;
        assert!(!refused.contains("emergency"));
        scene.desk.post(&scene.ask(), &WHY, &mut desk).await.is(403);
        assert!(scene.steps().await.is_empty());
        assert!(scene.desk.clinic.tasks().await.iter().all(|task| task.kind != TaskKind::BreakGlass));
        // Of two sessions of the same person, it is open in the one in which it was opened.
        let mut provider = hire_at(&scene.desk, Role::Provider, vec![oak]).await;
        scene.desk.post(&scene.ask(), &WHY, &mut provider).await.is(303);
        scene.desk.get(&page, &mut provider).await.is(200);
        let id = scene
            .desk
            .clinic
            .write(|tx, office| staff::by_email(tx, office, "provider@oak.example").unwrap().unwrap().id)
            .await;
        let mut elsewhere = scene.desk.let_in(id).await;
        scene.desk.get(&page, &mut elsewhere).await.is(403);
        // A role taken away closes it with the next request.
        scene
            .desk
            .clinic
            .write(move |tx, office| {
                let billing = Roles::new(vec![Role::Billing]).unwrap();
                staff::set_roles(tx, office, (id, &billing), Actor::operator()).unwrap();
            })
            .await;
        scene.desk.get(&page, &mut provider).await.is(403);
    }

    async fn the_officer_is_told_at_once_and_somebody_else_reviews_it(db: TestDb) {
        let mut scene = Scene::open(db).await;
        scene.broken().await;
        let now = scene.desk.clinic.office.clock().now();
        let tasks = scene.desk.clinic.tasks().await;
        let task = tasks.iter().find(|task| task.kind == TaskKind::BreakGlass).unwrap();
        assert!(task.due_at > now && task.due_at < now + SignedDuration::from_hours(4 * 24));
        assert_eq!(task.patient_id, None);
        let strip = scene.desk.get("/tasks", &mut scene.officer).await.is(200).text;
        assert!(strip.contains("The nurse opened a record in an emergency"), "{strip}");
        assert!(strip.contains("Review an emergency access"));
        // Nobody else is shown who it was.
        let others = scene.desk.get("/tasks", &mut scene.nurse).await.is(200).text;
        assert!(!others.contains("opened a record in an emergency"));
        // Neither a form nor a program ends the task without a review.
        let id = task.id;
        let refused = scene.desk.clinic.write(move |tx, office| {
            let by = Actor::operator();
            [TaskOutcome::Nothing, TaskOutcome::Reviewed].map(|outcome| {
                sotto::conversations::tasks::complete(tx, office, id, outcome, &by)
            })
        });
        for refused in refused.await {
            assert!(matches!(refused, Err(TaskError::OnlyByReview(_))));
        }
        let list = scene.desk.get("/log/emergencies", &mut scene.officer).await.is(200).text;
        assert!(list.contains("Unconscious in our waiting room") && list.contains("open until"));
        // An auditor sees that it was, and why; not what was written about the patient.
        let mut auditor = hire_at(&scene.desk, Role::Auditor, vec![]).await;
        let seen = scene.desk.get("/log/emergencies", &mut auditor).await.is(200).text;
        assert!(seen.contains("The nurse") && seen.contains("life or health"));
        assert!(!seen.contains("Unconscious") && !seen.contains("Sign off"));
        let (before, _) = list.split_once("/end\"").unwrap();
        let (_, key) = before.rsplit_once('/').unwrap();
        let review = format!("/log/emergencies/{key}/review");
        // Not while it is open, not by an auditor, not without a word, not twice.
        scene.desk.post(&review, &[("found", "needed")], &mut scene.officer).await.is(409);
        scene.desk.post(&format!("/people/{}/emergency/end", scene.ana), &[], &mut scene.nurse).await.is(303);
        scene.desk.post(&review, &[("found", "needed")], &mut auditor).await.is(403);
        scene.desk.post(&review, &[("found", "")], &mut scene.officer).await.is(409);
        scene.desk.post(&review, &[("found", "needed")], &mut scene.officer).await.is(303);
        scene.desk.post(&review, &[("found", "breach")], &mut scene.officer).await.is(409);
        let done = scene.desk.clinic.write(move |tx, office| {
            sotto::db::task::get(tx, office.practice(), id).unwrap().unwrap()
        });
        let done = done.await;
        assert_eq!((done.state, done.outcome), (TaskState::Done, Some(TaskOutcome::Reviewed)));
        let strip = scene.desk.get("/tasks", &mut scene.officer).await.is(200).text;
        assert!(!strip.contains("opened a record in an emergency"));
        let list = scene.desk.get("/log/emergencies", &mut auditor).await.is(200).text;
        assert!(list.contains("The privacy_officer") && list.contains("needed"));
        // The reason itself stands nowhere in the log.
        for entry in scene.entries().await {
            assert!(!format!("{entry:?}").contains("Unconscious"));
        }
        scene.desk.clinic.is_proved().await;
    }

    async fn nobody_reviews_their_own(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let oak = site(&scene.desk, "Ash").await;
        let id = scene
            .desk
            .clinic
            .write(move |tx, office| {
                let new = NewStaff {
                    name: "Both".into(),
                    email: "both@oak.example".into(),
                    roles: Roles::new(vec![Role::Nurse, Role::PrivacyOfficer]).unwrap(),
                    sites: vec![oak],
                };
                staff::invite(tx, office, &new, Actor::operator()).unwrap().0
            })
            .await;
        let mut both = scene.desk.let_in(id).await;
        scene.desk.post(&scene.ask(), &WHY, &mut both).await.is(303);
        scene.desk.post(&format!("/people/{}/emergency/end", scene.ana), &[], &mut both).await.is(303);
        let list = scene.desk.get("/log/emergencies", &mut both).await.is(200).text;
        assert!(list.contains("yours: for a colleague to review"));
        let list = scene.desk.get("/log/emergencies", &mut scene.officer).await.is(200).text;
        let (before, _) = list.split_once("/review\"").unwrap();
        let (_, key) = before.rsplit_once('/').unwrap();
        let review = format!("/log/emergencies/{key}/review");
        scene.desk.post(&review, &[("found", "needed")], &mut both).await.is(409);
        scene.desk.post(&review, &[("found", "talked")], &mut scene.officer).await.is(303);
    }
}
