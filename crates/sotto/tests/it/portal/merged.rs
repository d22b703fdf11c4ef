//! Two records become one: what let somebody in under the record that is gone is over, a new link is
//! about the one that stays, and what was said and filled in before is reached from there.

use gate::PatientId;
use jiff::Timestamp;
use sotto::db::appointment::{self, AppointmentRow};
use sotto::people::merge;

use super::forms::ready;
use super::inside::acts_for;
use super::phones::{ALONE, remember, tell_them, use_phone};
use super::tablet::{hand_over, nurse, open as on_a_tablet};
use super::{OTHER, PHONE, WORDS, come_in, letter, of_kind, token};
use crate::access::{Desk, Jar};
use crate::on_both_engines;

async fn merged(desk: &Desk, from: PatientId, into: PatientId) {
    desk.clinic
        .write(move |tx, office| assert!(merge::merge(tx, office.into(), from, into).unwrap()))
        .await;
}

/// How many notices went to the number, once there are more than these.
async fn more_than(desk: &Desk, before: usize) -> usize {
    loop {
        let now = of_kind(desk, PHONE, "secure_message_notice").await.len();
        if now > before {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

const ANSWERS: [(&str, &str); 3] = [("version", "1"), ("1", "A cough"), ("2", "1")];

on_both_engines! {
    async fn what_let_somebody_in_ends_with_the_record_and_a_new_link_is_about_the_other(db: TestDb) {
        let desk = Desk::open(db).await;
        let (_, mut ines) = nurse(&desk).await;
        let old = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, old, WORDS).await;
        let mut hers = come_in(&desk, PHONE).await;
        let mut phone = remember(&desk, &mut hers).await;
        letter(&desk, old, WORDS).await;
        let link = token(&desk, PHONE).await;
        let mut tablet = Jar::default();
        let code = hand_over(&desk, old, &mut ines).await;
        on_a_tablet(&desk, &code, &mut tablet).await.goes_to("/window");
        let middle = desk.clinic.patient("Ana", "en", PHONE).await;
        let stays = desk.clinic.patient("Ana", "en", PHONE).await;
        merged(&desk, old, middle).await;
        merged(&desk, middle, stays).await;

        desk.get("/window", &mut hers).await.goes_to("/window/in");
        desk.get("/window", &mut tablet).await.is(303);
        use_phone(&desk, ALONE, &mut phone, &mut Jar::default()).await.is(422);
        let page = desk.get(&format!("/w/{link}"), &mut Jar::default()).await.is(410).text;
        assert!(page.contains("Send me a new link"), "{page}");
        // A new one, from the page of the old one and by the number, is about the record that stays.
        let before = of_kind(&desk, PHONE, "secure_message_notice").await.len();
        desk.post(&format!("/w/{link}/again"), &[], &mut Jar::default()).await.is(200);
        let before = more_than(&desk, before).await;
        desk.post("/window/in", &[("address", PHONE)], &mut Jar::default()).await.is(200);
        more_than(&desk, before).await;
        let mut now = come_in(&desk, PHONE).await;
        letter(&desk, stays, "Your visit is confirmed.").await;
        let home = desk.get("/window", &mut now).await.is(200).text;
        assert_eq!(home.matches("/window/letters/").count(), 1, "{home}");

        // Whoever works here reads from there what was said before, also by way of another.
        let page = desk.get(&format!("/people/{stays}"), &mut ines).await.is(200).text;
        for earlier in [old, middle] {
            assert!(page.contains(&format!("href=\"/people/{earlier}/said\"")), "{page}");
        }
        let said = desk.get(&format!("/people/{old}/said"), &mut ines).await.is(200).text;
        assert!(said.contains("Quillfeather"), "{said}");
        let page = desk.get(&format!("/people/{old}"), &mut ines).await.is(200).text;
        assert!(!page.contains("An earlier record"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn a_form_that_was_filled_in_counts_for_the_record_that_stays(db: TestDb) {
        let (desk, old, mut hers, path) = ready(db).await;
        desk.post(&path, &ANSWERS, &mut hers).await.is(200);
        let stays = desk.clinic.patient("Ana", "en", PHONE).await;
        merged(&desk, old, stays).await;
        // As the schedule says once it knows: the same visit, of the other record.
        desk.clinic.write(move |tx, office| {
            let ever = (Timestamp::MIN, Timestamp::MAX);
            for row in appointment::of_patient(tx, office.practice(), old, ever).unwrap() {
                let row = AppointmentRow { patient_id: stays, ..row };
                appointment::put(tx, office.practice(), &row).unwrap();
            }
        }).await;
        letter(&desk, stays, WORDS).await;
        let mut now = come_in(&desk, PHONE).await;
        let home = desk.get("/window", &mut now).await.is(200).text;
        assert!(home.contains("You filled it in:"), "{home}");
        assert!(!home.contains("Before your visit of"), "{home}");
    }

    async fn a_patient_sees_that_somebody_filled_in_a_form_for_them(db: TestDb) {
        let (desk, ana, mut hers, path) = ready(db).await;
        let (_, to) = acts_for(&desk, (ana, OTHER), "clinical appointments", true).await;
        tell_them(&desk, ana, to).await;
        let mut theirs = come_in(&desk, OTHER).await;
        desk.post(&path, &ANSWERS, &mut theirs).await.is(200);
        let home = desk.get("/window", &mut theirs).await.is(200).text;
        assert!(home.contains("You filled it in:"), "{home}");
        let home = desk.get("/window", &mut hers).await.is(200).text;
        assert!(home.contains("Somebody else filled it in:"), "{home}");
        let form = desk.get(&path, &mut hers).await.is(200).text;
        assert!(form.contains("Somebody else filled this in:"), "{form}");
        desk.post(&path, &ANSWERS, &mut hers).await.is(200);
        let home = desk.get("/window", &mut hers).await.is(200).text;
        assert!(home.contains("You filled it in:"), "{home}");
    }
}
