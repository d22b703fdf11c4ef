//! The tag `part2` (42 CFR Part 2, PRIV-16): set and taken away by the privacy officer; what was said
//! is then for who may read it, on every page, and that there is a tag is for them too.

use gate::PatientId;
use sotto::access::roles::Role;
use sotto::conversations::tasks::{NewTask, TaskKind};

use super::{Answer, Desk, Jar};
use crate::on_both_engines;

const SAID: &str = "my chest hurts since noon";
const TAG: &str = "42 CFR Part 2";

struct Scene {
    desk: Desk,
    ana: PatientId,
    thread: String,
    nurse: Jar,
    provider: Jar,
    officer: Jar,
}

impl Scene {
    async fn open(db: crate::engines::TestDb) -> Self {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", "+12125550171").await;
        desk.clinic.text("+12125550171", SAID).await;
        let thread = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        let mut jars = Vec::new();
        for role in [Role::Nurse, Role::Provider, Role::PrivacyOfficer] {
            let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
            jars.push(desk.let_in(id).await);
        }
        let [nurse, provider, officer] = jars.try_into().ok().unwrap();
        Self { desk, ana, thread, nurse, provider, officer }
    }

    fn page(&self) -> String {
        format!("/people/{}", self.ana)
    }

    async fn tagged(&mut self) {
        let form = [
            ("value", "part2"),
            ("decision", "accepted"),
            ("method", "spoken"),
            ("witness", "Rosa Delgado"),
        ];
        let at = format!("{}/restrictions", self.page());
        self.desk.post(&at, &form, &mut self.officer).await.is(303);
    }

    async fn of_nurse(&mut self, path: &str) -> Answer {
        self.desk.get(path, &mut self.nurse).await
    }
}

on_both_engines! {
    async fn what_was_said_closes_with_the_tag_and_opens_when_it_ends(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let (page, thread) = (scene.page(), scene.thread.clone());
        assert!(scene.of_nurse(&page).await.is(200).text.contains(SAID));
        assert!(scene.of_nurse(&thread).await.is(200).text.contains(SAID));
        let of_patient = scene.desk.get(&page, &mut scene.officer).await.is(200).text;
        assert!(!of_patient.contains("<p class=\"wide mark stop\">"), "no tag yet: {of_patient}");
        scene.tagged().await;
        // Who they are stays open; what was said, and that there is a tag, does not.
        let closed = scene.of_nurse(&page).await.is(200).text;
        assert!(closed.contains("Ana") && !closed.contains(SAID) && !closed.contains(TAG), "{closed}");
        let refused = scene.of_nurse(&thread).await.is(403).text;
        assert!(!refused.contains(SAID) && !refused.contains(TAG), "{refused}");
        for path in ["/inbox", "/tasks", "/today"] {
            let list = scene.of_nurse(path).await.is(200).text;
            assert!(!list.contains(SAID) && !list.contains(TAG), "{path}: {list}");
        }
        assert!(scene.of_nurse("/tasks").await.text.contains("A task for another desk"));
        for path in ["write", "call", "sealed"] {
            scene.of_nurse(&format!("{page}/{path}")).await.is(403);
        }
        let words = [("body", "Please call us."), ("channel", "sms"), ("about", "schedule")];
        scene.desk.post(&format!("{page}/write/look"), &words, &mut scene.nurse).await.is(403);
        scene.desk.post(&format!("{thread}/take"), &[], &mut scene.nurse).await.is(403);
        // Who treats, and the privacy officer, read it and are told.
        let (provider, officer) = (scene.provider.clone(), scene.officer.clone());
        for mut jar in [provider, officer] {
            for path in [&page, &thread] {
                let open = scene.desk.get(path, &mut jar).await.is(200).text;
                assert!(open.contains(SAID) && open.contains(TAG), "{path}: {open}");
            }
        }
        // Only who manages restrictions takes it away.
        let shown = scene.desk.get(&page, &mut scene.officer).await.is(200).text;
        let (before, _) = shown.split_once("/end\"").unwrap();
        let (_, id) = before.rsplit_once("/restrictions/").unwrap();
        let end = format!("{page}/restrictions/{id}/end");
        let told = [("method", "spoken"), ("witness", "Rosa Delgado")];
        scene.desk.post(&end, &told, &mut scene.provider).await.is(403);
        scene.desk.post(&end, &told, &mut scene.officer).await.is(303);
        assert!(scene.of_nurse(&page).await.is(200).text.contains(SAID));
        assert!(scene.of_nurse(&thread).await.is(200).text.contains(SAID));
        let over = scene.of_nurse(&page).await.text;
        assert!(!over.contains(TAG), "that there was one is closed too: {over}");
        scene.desk.clinic.is_proved().await;
    }

    async fn a_medical_emergency_opens_it_and_no_other_does(db: TestDb) {
        let mut scene = Scene::open(db).await;
        scene.tagged().await;
        let (page, thread) = (scene.page(), scene.thread.clone());
        let emergency = format!("{page}/emergency");
        for (reason, opens) in [("standing_in", false), ("medical_emergency", true)] {
            let email = format!("{reason}@harborview.example");
            let (nurse, _) = scene.desk.invite(&email, &[Role::Nurse]).await;
            scene.nurse = scene.desk.let_in(nurse).await;
            assert!(scene.of_nurse(&thread).await.is(403).text.contains(&emergency));
            let form = [("reason", reason), ("words", "Unconscious in our waiting room")];
            scene.desk.post(&emergency, &form, &mut scene.nurse).await.goes_to(&page);
            assert_eq!(scene.of_nurse(&page).await.is(200).text.contains(SAID), opens, "{reason}");
            scene.of_nurse(&thread).await.is(if opens { 200 } else { 403 });
        }
        // Whoever opened it for another reason gives the one that opens it.
        let (nurse, _) = scene.desk.invite("both@harborview.example", &[Role::Nurse]).await;
        scene.nurse = scene.desk.let_in(nurse).await;
        for (reason, status) in [("standing_in", 403), ("medical_emergency", 200)] {
            let form = [("reason", reason), ("words", "Unconscious in our waiting room")];
            scene.desk.post(&emergency, &form, &mut scene.nurse).await.goes_to(&page);
            scene.of_nurse(&thread).await.is(status);
        }
    }

    async fn more_than_administrative_goes_by_no_open_channel(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let look = format!("{}/write/look", scene.page());
        let says = |body| [("body", body), ("channel", "sms"), ("about", "clinical")];
        let (referral, call) = ("Your referral was sent.", "Please call us at (202) 555-0100.");
        let sends = async |scene: &mut Scene, body| {
            let answer = scene.desk.post(&look, &says(body), &mut scene.provider).await.is(200);
            answer.text.contains(">Send text</button>")
        };
        assert!(sends(&mut scene, referral).await && sends(&mut scene, call).await);
        scene.tagged().await;
        assert!(!sends(&mut scene, referral).await, "it mentions health");
        assert!(sends(&mut scene, call).await, "it is administrative: the tag stops nothing else");
    }

    async fn the_sentence_of_the_rule_stands_where_disclosures_are_accounted_for(db: TestDb) {
        let mut scene = Scene::open(db).await;
        let page = format!("{}/disclosures", scene.page());
        let words = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";
        assert!(!scene.desk.get(&page, &mut scene.officer).await.is(200).text.contains(words));
        scene.tagged().await;
        assert!(scene.desk.get(&page, &mut scene.officer).await.is(200).text.contains(words));
        // A colleague's task about somebody tagged is not for the nurse to tick off.
        let ana = scene.ana;
        let task = scene.desk.clinic.write(move |tx, office| {
            let new = NewTask { patient: Some(ana), ..NewTask::new(TaskKind::Answer) };
            sotto::conversations::tasks::open(tx, office, new, &sotto::audit::Actor::operator()).unwrap()
        }).await;
        let done = [("outcome", "spoke")];
        scene.desk.post(&format!("/tasks/{task}/done"), &done, &mut scene.nurse).await.is(403);
        scene.desk.post(&format!("/tasks/{task}/done"), &done, &mut scene.provider).await.is(303);
    }
}
