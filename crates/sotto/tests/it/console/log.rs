//! Looking through the log, and signing it off.

use sotto::access::roles::Role;
use sotto::audit::search::{MOST_FOUND, Search, Sort, search};

use crate::access::Desk;
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
