//! `/people/{patient}/release`: the one override that the rules have (PRIV-14).

use gate::PatientId;
use jiff::SignedDuration;
use sotto::access::roles::Role;
use sotto::{params, sql};

use crate::access::{Answer, Desk, Jar};
use crate::on_both_engines;

const PHONE: &str = "+12125550171";
const RESULT: &str = "Your HIV test of February 12 is positive. Your viral load is 40.";

async fn open(db: crate::engines::TestDb) -> (Desk, PatientId, Jar) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", PHONE).await;
    let (id, _) = desk.invite("officer@harborview.example", &[Role::PrivacyOfficer]).await;
    let jar = desk.let_in(id).await;
    (desk, ana, jar)
}

fn value<'a>(page: &'a str, before: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before}: {page}"));
    rest.split('"').next().unwrap()
}

/// The form as the page has it, filled in whole.
struct Filled(Vec<(&'static str, String)>);

impl Filled {
    async fn of(desk: &Desk, path: &str, jar: &mut Jar) -> Self {
        let page = desk.get(path, jar).await.is(200).text;
        let fields = [
            ("message", value(&page, "name=\"message\" value=\"")),
            ("address", value(&page, "<option value=\"")),
            ("body", RESULT),
            ("risk_warned", "yes"),
            ("method", "spoken"),
            ("witness", "Priya Raman"),
            ("evidence", "call of March 1"),
        ];
        Self(fields.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut fields = self.0.clone();
        fields.retain(|(one, _)| *one != name);
        if !value.is_empty() {
            let (known, _) = self.0.iter().find(|(one, _)| *one == name).unwrap();
            fields.push((known, value.to_owned()));
        }
        Self(fields)
    }

    async fn hand_in(&self, act: &str, desk: &Desk, path: &str, jar: &mut Jar) -> Answer {
        let fields = self.0.iter().map(|(name, value)| (*name, value.as_str()));
        let form: Vec<(&str, &str)> = fields.chain([("act", act)]).collect();
        desk.post(path, &form, jar).await
    }
}

async fn states(desk: &Desk) -> Vec<String> {
    let read = desk.clinic.write(|tx, office| {
        tx.query(
            sql!(
                "SELECT state FROM message WHERE practice_id = $1 AND kind = 'free_text'
                  ORDER BY created_at, id"
            ),
            params![office.practice()],
            |row| row.get(0),
        )
        .unwrap()
    });
    read.await
}

on_both_engines! {
    async fn one_message_goes_because_the_patient_demands_it_and_no_other(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let path = format!("/people/{ana}/release");
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200).text;
        assert!(page.contains(&path));
        let form = Filled::of(&desk, &path, &mut jar).await;
        let page = form.hand_in("look", &desk, &path, &mut jar).await.is(200).text;
        for shown in ["Sensitive", "Nothing but the words stands in the way", "value=\"send\"", "call of March 1"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        // Not without the warning, nor without where the request is kept, nor where none is needed.
        for (field, given, told) in [
            ("risk_warned", "", "release-risk_warned"),
            ("evidence", "", "release-evidence"),
            ("witness", "", "release-witness"),
            ("address", "01890000-0000-7000-8000-000000000001", "release-address"),
            ("body", "Please call us at (202) 555-0100.", "release-body"),
            ("body", "Your password is hunter2, your card 4111 1111 1111 1111.", "release-body"),
        ] {
            let page = form.with(field, given).hand_in("send", &desk, &path, &mut jar).await.is(422);
            assert!(page.text.contains(&format!("href=\"#{told}\"")), "{field}: {}", page.text);
        }
        assert!(states(&desk).await.is_empty(), "nothing was stored");
        let sent = form.hand_in("send", &desk, &path, &mut jar).await.is(303);
        assert!(sent.to().starts_with(&format!("/people/{ana}?done=released")));
        form.hand_in("send", &desk, &path, &mut jar).await.is(303);
        assert_eq!(states(&desk).await, ["queued"], "the form sent twice is one message");
        // The very same words in another message need another release.
        let (nurse, _) = desk.invite("nurse@harborview.example", &[Role::Nurse]).await;
        let mut nurses = desk.let_in(nurse).await;
        let words = [("body", RESULT), ("channel", "sms"), ("about", "clinical")];
        let look = desk.post(&format!("/people/{ana}/write/look"), &words, &mut nurses).await.is(200).text;
        assert!(!look.contains(">Send text</button>"), "{look}");
        let sent = desk.clinic.sent_to(PHONE).await;
        assert!(sent.iter().any(|one| one.body == RESULT), "{sent:?}");
        desk.clinic.is_proved().await;
    }

    async fn it_is_for_the_officer_with_a_fresh_factor_and_somebody_else_looks_at_it(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let path = format!("/people/{ana}/release");
        for role in [Role::Nurse, Role::Provider, Role::FrontDesk, Role::Administrator] {
            let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
            let mut others = desk.let_in(id).await;
            desk.get(&path, &mut others).await.is(403);
            desk.post(&path, &[("act", "send")], &mut others).await.is(403);
        }
        let form = Filled::of(&desk, &path, &mut jar).await;
        desk.pass(6 * 60);
        let lock = form.hand_in("send", &desk, &path, &mut jar).await.is(303);
        assert!(lock.to().starts_with("/lock"), "{}", lock.to());
        assert!(states(&desk).await.is_empty());
        let (other, _) = desk.invite("other@harborview.example", &[Role::PrivacyOfficer]).await;
        let mut others = desk.let_in(other).await;
        form.hand_in("send", &desk, &path, &mut others).await.is(303);
        let seen = "sent one patient their own records by text or email";
        let page = desk.get("/log", &mut others).await.is(200).text;
        assert!(page.contains(seen) && page.contains("yours: for a colleague to say"), "{page}");
        let (third, _) = desk.invite("third@harborview.example", &[Role::PrivacyOfficer]).await;
        let mut jar = desk.let_in(third).await;
        let page = desk.get("/log", &mut jar).await.is(200).text;
        assert!(page.contains(seen), "{page}");
        let day = value(&page, "name=\"day\" value=\"");
        let judged = [
            ("actor", other.to_string()),
            ("what", "released".to_owned()),
            ("day", day.to_owned()),
            ("count", "1".to_owned()),
            ("found", "asked".to_owned()),
        ];
        let judged = judged.each_ref().map(|(name, value)| (*name, value.as_str()));
        desk.post("/log/oddities", &judged, &mut others).await.is(409);
        desk.post("/log/oddities", &judged, &mut jar).await.goes_to("/log#odd-title");
        assert!(!desk.get("/log", &mut jar).await.is(200).text.contains(seen));
        desk.clinic.is_proved().await;
    }

    async fn it_is_over_after_a_day(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let path = format!("/people/{ana}/release");
        let form = Filled::of(&desk, &path, &mut jar).await;
        form.hand_in("send", &desk, &path, &mut jar).await.is(303);
        desk.clinic.db.clock.advance(SignedDuration::from_hours(25));
        let released = desk.clinic.write(move |tx, office| {
            let all = sotto::db::consent_event::of_patient(tx, office.practice(), ana).unwrap();
            let now = office.clock().now();
            let held = sotto::people::consents::in_force(&all, now);
            held.iter().filter(|row| sotto::db::Word::word(&row.class) == "access_request").count()
        });
        assert_eq!(released.await, 0);
    }
}
