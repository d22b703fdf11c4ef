//! A legal hold wins over the time: on one patient's record, and on the whole practice.

use sotto::access::roles::Role;
use sotto::audit::Kind;
use sotto::portal::expiry;
use sotto::retention::end::Looked;
use sotto::{params, sql};

use super::{DAY, at_work, look, nothing_is_open, warned_and_over, words_of, written};
use crate::access::{Desk, Jar};
use crate::on_both_engines;
use crate::people::pages::entries;
use crate::portal::copies::holds;
use crate::portal::restored::on_disk;
use crate::portal::{OTHER, PHONE};

const SETTINGS: &str = "/settings/retention";
const MATTER: [(&str, &str); 2] =
    [("matter", "Quarrelstone v. Harborview"), ("reason", "Letter of their lawyer of May 2")];

/// The path at which the one hold on a page is lifted.
fn lifting(page: &str, begin: &str) -> String {
    let (_, rest) = page.split_once(&format!("action=\"{begin}/holds/")).expect(page);
    format!("{begin}/holds/{}/lift", &rest[..36])
}

/// A hold is placed, where it may be.
async fn place(desk: &Desk, at: &str, jar: &mut Jar) {
    desk.post(&format!("{at}/holds"), &MATTER, jar).await.is(303);
}

on_both_engines! {
    async fn a_hold_on_one_patient_keeps_the_month_until_it_is_lifted(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        let (hers, his) = (written(&desk, ana).await, written(&desk, ben).await);
        let at = format!("/people/{ana}");
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get(&at, &mut jar).await.is(200).text;
        assert!(page.contains(&format!("{at}/holds")) && !page.contains("Legal hold since"), "{page}");
        place(&desk, &at, &mut jar).await;
        let page = desk.get(&at, &mut jar).await.is(200).text;
        assert!(page.contains("Legal hold since Mar 1, 2027"), "{page}");

        // The patient's own copy ends with its day all the same: the record has every word.
        desk.pass(31 * DAY);
        assert_eq!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.unwrap(), 2);
        let office = desk.clinic.office.clone();
        assert!(words_of(&desk, office.clone(), hers).await.is_some());

        nothing_is_open(&desk).await;
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await, Looked::default());
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get(&format!("{at}/holds"), &mut jar).await.is(200).text;
        for said in ["Quarrelstone", "Records kept until 2034-03", "also keeps 1 others’ records of that month",
                     "ends once the hold is lifted"] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let all = desk.get(SETTINGS, &mut jar).await.is(200).text;
        assert!(all.contains("Waits") && all.contains("for a hold on one patient"), "{all}");
        desk.pass(400 * DAY);
        assert_eq!(look(&desk).await, Looked::default(), "however long");

        // Lifted with a reason, and nothing ends on the same day.
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get(&format!("{at}/holds"), &mut jar).await.is(200).text;
        let lift = lifting(&page, &at);
        let again = desk.post(&lift, &[("lifted", " ")], &mut jar).await.is(422).text;
        assert!(again.contains("Say why it is over"), "{again}");
        assert_eq!(look(&desk).await, Looked::default());
        desk.post(&lift, &[("lifted", "Goldwhistle agreed")], &mut jar).await.is(303);
        let twice = desk.post(&lift, &[("lifted", "Goldwhistle agreed")], &mut jar).await.is(409).text;
        assert!(twice.contains("lifted before"), "{twice}");
        let page = desk.get(&format!("{at}/holds"), &mut jar).await.is(200).text;
        assert!(page.contains("Goldwhistle agreed") && page.contains("Lifted"), "{page}");
        assert_eq!(look(&desk).await, Looked::default());
        desk.pass(DAY);
        assert_eq!(look(&desk).await.ended, 1);
        assert_eq!(words_of(&desk, office.clone(), hers).await, None);
        assert_eq!(words_of(&desk, office, his).await, None);

        // What it was about is sealed, and each step is on the log.
        for (place, bytes) in on_disk(&desk).await {
            for word in ["Quarrelstone", "Goldwhistle"] {
                assert!(!holds(&bytes, word.as_bytes()), "{place}: {word}");
            }
        }
        let said = entries(&desk, Kind::RetentionChanged).await;
        for (what, times) in [("hold_placed", 1), ("hold_lifted", 1), ("month_ended", 1)] {
            let found = said.iter().filter(|one| one.codes.iter().any(|code| code == what));
            assert_eq!(found.count(), times, "{what}");
        }
        desk.clinic.is_proved().await;
    }

    async fn a_hold_on_the_practice_keeps_everything(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        written(&desk, ana).await;
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let empty = desk.post(&format!("{SETTINGS}/holds"), &[("matter", "")], &mut jar).await.is(422);
        assert!(empty.text.contains("Name the matter"), "{}", empty.text);
        place(&desk, SETTINGS, &mut jar).await;
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200).text;
        assert!(page.contains("Legal hold since"), "{page}");
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await, Looked::default());
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get(SETTINGS, &mut jar).await.is(200).text;
        assert!(page.contains("for a hold on the whole practice"), "{page}");
        let lift = lifting(&page, SETTINGS);
        desk.post(&lift, &[("lifted", "The audit is over")], &mut jar).await.is(303);
        desk.pass(DAY);
        assert_eq!(look(&desk).await.ended, 1);
    }

    async fn a_hold_follows_a_record_that_was_merged(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let anna = desk.clinic.patient("Anna", "en", OTHER).await;
        written(&desk, anna).await;
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        place(&desk, &format!("/people/{ana}"), &mut jar).await;
        desk.clinic.write(move |tx, office| {
            let practice = office.practice();
            let row = sotto::db::patient::get(tx, practice, anna).unwrap().unwrap();
            let row = sotto::db::patient::PatientRow { merged_into: Some(ana), ..row };
            sotto::db::patient::put(tx, practice, &row).unwrap();
        }).await;
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await, Looked::default());
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get(&format!("/people/{anna}/holds"), &mut jar).await.is(200).text;
        assert!(page.contains("Quarrelstone") && page.contains(&format!("/people/{ana}/holds/")), "{page}");
    }

    async fn holds_are_the_officer_s_with_a_fresh_factor(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let at = format!("/people/{ana}");
        for role in [Role::FrontDesk, Role::Nurse, Role::Provider, Role::Billing, Role::Administrator] {
            let mut jar = at_work(&desk, role).await;
            desk.get(&format!("{at}/holds"), &mut jar).await.is(403);
            desk.post(&format!("{at}/holds"), &MATTER, &mut jar).await.is(403);
            desk.post(&format!("{SETTINGS}/holds"), &MATTER, &mut jar).await.is(403);
            let shown = desk.get(SETTINGS, &mut jar).await;
            if role == Role::Administrator {
                let page = shown.is(200).text;
                assert!(page.contains("The privacy officer places and lifts them"), "{page}");
                assert!(!page.contains("name=\"matter\""), "{page}");
            } else {
                shown.is(403);
            }
        }
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        place(&desk, &at, &mut jar).await;
        let page = desk.get(&at, &mut at_work(&desk, Role::Nurse).await).await.is(200).text;
        assert!(!page.contains("Legal hold"), "{page}");
        // The administrator sees that there is one, and nothing of it.
        let page = desk.get(SETTINGS, &mut at_work(&desk, Role::Administrator).await).await.is(200).text;
        assert!(!page.contains("Quarrelstone"), "{page}");
        desk.pass(6 * 60);
        for path in [format!("{at}/holds"), format!("{SETTINGS}/holds")] {
            let answer = desk.post(&path, &MATTER, &mut jar).await;
            assert!(answer.to().starts_with("/lock"), "{path}: {}", answer.to());
        }
        let count = desk.clinic.write(|tx, office| {
            tx.query_one(
                sql!("SELECT COUNT(*) FROM legal_hold WHERE practice_id = $1"),
                params![office.practice()],
                |row| row.get::<i64>(0),
            ).unwrap()
        }).await;
        assert_eq!(count, 1);
        // Somebody else's hold is not lifted from another patient's page.
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        let mut jar = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get(&format!("{at}/holds"), &mut jar).await.is(200).text;
        let elsewhere = lifting(&page, &at).replace(&ana.to_string(), &ben.to_string());
        desk.post(&elsewhere, &[("lifted", "Goldwhistle agreed")], &mut jar).await.is(409);
    }
}
