//! Looking through the log, and signing it off.

use gate::PatientId;
use sotto::access::roles::Role;
use sotto::audit::search::{MOST_FOUND, Search, Sort, search};

use sotto::db::patient::{self, PatientRow};
use sotto::ids::Id as _;
use sotto::people::patients::seal_person;
use sotto::people::person::Person;

use crate::access::{Desk, Jar};
use crate::on_both_engines;

const PHONE: &str = "+12125550171";

on_both_engines! {
    async fn who_looked_is_found_by_person_patient_and_sort(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", "+12125550172").await;
        let (nurse, _) = desk.invite("nurse@harborview.example", &[Role::Nurse]).await;
        let mut jar = desk.let_in(nurse).await;
        for who in [ana, ana, ben] {
            desk.get(&format!("/people/{who}/write"), &mut jar).await.is(200);
        }
        let (auditor, _) = desk.invite("auditor@harborview.example", &[Role::Auditor]).await;
        let mut jar = desk.let_in(auditor).await;
        let rows = |page: &str| page.matches("<td class=\"when\" data-label=\"When\">").count();
        let of_nurse = format!("/log?sort=views&who={nurse}");
        assert_eq!(rows(&desk.get(&of_nurse, &mut jar).await.is(200).text), 3);
        assert_eq!(rows(&desk.get(&format!("{of_nurse}&patient={ana}"), &mut jar).await.is(200).text), 2);
        let other = desk.get(&format!("{of_nurse}&until=2027-02-28"), &mut jar).await.is(200).text;
        assert_eq!(rows(&other), 0);
        assert!(other.contains("Nothing like that"), "{other}");
        let page = desk.get("/log?patient=Ana", &mut jar).await.is(422).text;
        assert!(page.contains("Paste the patient") && !page.contains(">Ana<"), "{page}");
        desk.get("/log?from=yesterday", &mut jar).await.is(422);
        // Who searched is on the log too, with whom they searched for.
        let own = desk.get(&format!("/log?who={auditor}&patient={ana}"), &mut jar).await.is(200);
        assert!(rows(&own.text) >= 1);
        desk.clinic.is_proved().await;
    }

    async fn a_long_log_is_read_in_looks_that_join(db: TestDb) {
        let desk = Desk::open(db).await;
        for n in 0..130 {
            desk.clinic.text(&format!("+1212555{n:04}"), "hello").await;
        }
        let all = Search { sort: Some(Sort::Replies), ..Search::default() };
        let (mut at, mut seen, mut looks) = (all.clone(), Vec::new(), 0);
        loop {
            let asked = at.clone();
            let found = desk.clinic.write(move |tx, office| search(tx, office, &asked).unwrap()).await;
            assert!(found.entries.len() <= MOST_FOUND);
            seen.extend(found.entries.into_iter().map(|(entry, _)| entry.id));
            looks += 1;
            match found.next {
                Some(next) => at = Search { before: Some(next), ..all.clone() },
                None => break,
            }
        }
        assert!(looks > 2);
        let mut sorted = seen.clone();
        sorted.sort_by(|a, b| b.cmp(a));
        sorted.dedup();
        assert_eq!(seen, sorted, "newest first, none twice");
        assert_eq!(seen.len(), 260, "two entries a reply");
    }

    async fn what_is_close_to_home_stands_out_until_a_colleague_looked_at_it(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let kin = desk
            .clinic
            .write(|tx, office| {
                let id = PatientId::new(office.clock());
                let person = Person {
                    given: "Luis".to_owned(),
                    family: "Delgado".to_owned(),
                    ..Person::default()
                };
                let practice = office.practice();
                let row = PatientRow {
                    id,
                    person_sealed: seal_person(office.keys(), practice, id, &person).unwrap(),
                    language: None,
                    timezone: None,
                    deceased_at: None,
                    active: true,
                    merged_into: None,
                    updated_at: office.clock().now(),
                };
                patient::put(tx, practice, &row).unwrap();
                id
            })
            .await;
        // Rosa Delgado sees Luis Delgado; Ana asked that it be watched who opens her record.
        let (rosa, _) = desk.invite("rosa@harborview.example", &[Role::Nurse]).await;
        let (officer, _) = desk.invite("officer@harborview.example", &[Role::PrivacyOfficer]).await;
        let mut officers = desk.let_in(officer).await;
        let watch = [("value", "watched"), ("decision", "accepted"),
            ("method", "spoken"), ("witness", "Rosa Delgado")];
        desk.post(&format!("/people/{ana}/restrictions"), &watch, &mut officers).await.is(303);
        let mut jar = desk.let_in(rosa).await;
        for who in [ana, kin] {
            desk.get(&format!("/people/{who}"), &mut jar).await.is(200);
        }
        let page = desk.get("/log", &mut officers).await.is(200).text;
        assert!(page.contains("opened one patient with their family name"), "{page}");
        assert!(page.contains("opened one patient whose record is watched"), "{page}");
        assert!(!page.contains("Luis") && !page.contains("Ana Example"), "no names of patients");
        let judged = |who: String, what: &'static str, found: &'static str| {
            [("actor", who), ("what", what.to_owned()), ("day", "2027-03-01".to_owned()),
                ("count", "1".to_owned()), ("found", found.to_owned())]
        };
        let rosas = rosa.to_string();
        let ask = async |form: [(&'static str, String); 5], jar: &mut Jar| {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            desk.post("/log/oddities", &form, jar).await
        };
        ask(judged(rosas.clone(), "kin", ""), &mut officers).await.is(409);
        ask(judged(rosas.clone(), "kin", "work"), &mut officers).await.goes_to("/log#odd-title");
        let page = desk.get("/log", &mut officers).await.is(200).text;
        assert!(!page.contains("with their family name") && page.contains("record is watched"), "{page}");
        // One more is another line; what they did themselves is not theirs to judge.
        let own = ask(judged(officer.to_string(), "closed", "work"), &mut officers).await.is(409).text;
        assert!(own.contains("omebody else must look"), "{own}");
        ask(judged(rosas, "kin", "work"), &mut jar).await.is(403);
        // A watch holds no message back.
        let words = [("body", "Please call us at (202) 555-0100."), ("channel", "sms"), ("about", "schedule")];
        let look = desk.post(&format!("/people/{ana}/write/look"), &words, &mut jar).await.is(200).text;
        assert!(look.contains(">Send text</button>"), "{look}");
        desk.clinic.is_proved().await;
    }

    async fn days_are_signed_off_with_a_fresh_second_factor(db: TestDb) {
        let desk = Desk::open(db).await;
        let (auditor, _) = desk.invite("auditor@harborview.example", &[Role::Auditor]).await;
        let mut jar = desk.let_in(auditor).await;
        let days = [("from", "2027-02-01"), ("until", "2027-02-28"), ("found", "nothing")];
        desk.post("/log/reviews", &days, &mut jar).await.goes_to("/log#reviews");
        let page = desk.get("/log", &mut jar).await.is(200).text;
        assert!(page.contains("2027-02-01..2027-02-28, nothing_found"), "{page}");
        let turned = [("from", "2027-02-28"), ("until", "2027-02-01")];
        desk.post("/log/reviews", &turned, &mut jar).await.is(409);
        desk.pass(6 * 60);
        let late = desk.post("/log/reviews", &days, &mut jar).await.is(303);
        assert!(late.to().starts_with("/lock"));
        desk.clinic.is_proved().await;
    }
}
