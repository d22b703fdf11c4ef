//! A month ends: once, with a certificate, and not while something in it is in effect.

use gate::PatientId;
use jiff::civil::date;
use seal::{KeyKind, Month, Standing};
use sotto::access::roles::Role;
use sotto::conversations::tasks::{self, TaskKind, TaskOutcome};
use sotto::db::patient::{self, PatientRow};
use sotto::people::patients::seal_person;
use sotto::people::person::Person;
use sotto::portal::expiry;
use sotto::retention::Retention;
use sotto::retention::end::{self, Looked};

use super::{
    DAY, MONTH, all_arrives, at_work, certificates, look, messages, nothing_is_open, to,
    to_the_end, warned_and_over, words_of, written,
};
use crate::access::Desk;
use crate::attachments::{PAPER, links};
use crate::clinic::staff;
use crate::on_both_engines;
use crate::portal::copies::{holds, keys_of};
use crate::portal::restored::{log_position, on_disk, server_holds};
use crate::portal::{PHONE, letter};

fn month() -> Month {
    MONTH.parse().unwrap()
}

fn standing(desk: &Desk) -> Standing {
    desk.clinic.office.keys().month(KeyKind::Retention, month()).unwrap()
}

async fn born(desk: &Desk, id: PatientId, born: jiff::civil::Date) {
    desk.clinic
        .write(move |tx, office| {
            let practice = office.practice();
            let row = patient::get(tx, practice, id).unwrap().unwrap();
            let person =
                Person { given: "Ana".to_owned(), birth_date: Some(born), ..Person::default() };
            let person_sealed = seal_person(office.keys(), practice, id, &person).unwrap();
            patient::put(tx, practice, &PatientRow { person_sealed, ..row }).unwrap();
        })
        .await;
}

on_both_engines! {
    async fn a_month_ends_with_a_certificate_and_nothing_opens_it_again(db: TestDb) {
        let desk = Desk::open(db).await;
        let began = log_position(&desk.clinic.db.url).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let id = written(&desk, ana).await;
        desk.clinic.text(PHONE, "Marlowfinch again, thank you").await;
        all_arrives(&desk).await;
        nothing_is_open(&desk).await;
        let office = desk.clinic.office.clone();
        // The keys as they were while it could be read: the record's own, and the month's.
        let content_key = desk.clinic.write(move |tx, office| {
            let row = sotto::db::message::find(tx, office.practice(), id).unwrap().unwrap();
            let (practice, key) = (office.practice().to_string(), id.to_string());
            let place =
                seal::Place { practice: &practice, table: "message", row: &key, column: "content" };
            let wrap = seal::Sealed::from_bytes(row.record_wrap);
            office.keys().disclose_message_key(&place, &wrap).unwrap().to_vec()
        }).await;
        let key: Vec<Vec<u8>> = keys_of(&desk.clinic.keys, 2).into_values().collect();
        assert_eq!(key.len(), 1, "one month, one key");
        // Another node has the month's key in its memory.
        let other = desk.clinic.reopened(&desk.clinic.db).await;
        assert!(words_of(&desk, other.clone(), id).await.is_some());

        // Nothing is said or ended before its time; then somebody is told, once, and has thirty days.
        to(&desk, "2034-03-01T23:00:00Z");
        assert_eq!(look(&desk).await, Looked::default());
        to(&desk, "2034-03-02T00:00:00Z");
        assert_eq!(look(&desk).await, Looked { told: 1, ..Looked::default() });
        assert_eq!(look(&desk).await, Looked::default());
        let told = desk.clinic.tasks().await;
        assert_eq!(told.iter().filter(|task| task.kind == TaskKind::RecordsEnd).count(), 1);
        to(&desk, "2034-03-31T23:59:59Z");
        assert_eq!(look(&desk).await, Looked::default());
        assert!(words_of(&desk, office.clone(), id).await.is_some(), "to its last second");

        to_the_end(&desk);
        assert_eq!(look(&desk).await, Looked { ended: 1, ..Looked::default() });
        assert_eq!(look(&desk).await, Looked::default());
        assert_eq!(standing(&desk), Standing::Destroyed);
        assert_eq!(words_of(&desk, office, id).await, None);
        // The other node looks, or only makes sure: it finds nothing left to end, and forgets.
        assert_eq!(end::stay_ended(&desk.clinic.db, &other).await.unwrap(), 0);
        assert_eq!(words_of(&desk, other, id).await, None);

        let [certificate] = <[_; 1]>::try_from(certificates(&desk).await).unwrap();
        let ours = format!("message={}", messages(&desk).await);
        for code in ["month=2034-03", "years=7", &ours, "inbound_message=1", "first=2027-03-01",
                     "last=2027-03-01"] {
            assert!(certificate.codes.iter().any(|one| one == code), "{code}: {certificate:?}");
        }
        desk.clinic.is_proved().await;
        // Byte by byte: the words, the month's key, the record's own.
        let needles: [&[u8]; 3] = [b"Marlowfinch", &key[0], &content_key];
        for (place, bytes) in on_disk(&desk).await {
            for needle in needles {
                assert!(!holds(&bytes, needle), "{place}: {}", String::from_utf8_lossy(needle));
            }
        }
        if let Some(began) = &began {
            for needle in needles {
                for since in [Some(began.as_str()), None] {
                    assert_eq!(server_holds(&desk.clinic.db.url, since, needle).await, 0, "{since:?}");
                }
            }
        }
        // A name, and what was written later, open as ever.
        let later = letter(&desk, ana, "Your visit is confirmed.").await;
        assert!(words_of(&desk, desk.clinic.office.clone(), later).await.is_some());
    }

    async fn a_crash_between_key_and_certificate_is_looked_at_again(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        written(&desk, ana).await;
        warned_and_over(&desk).await;
        desk.clinic.office.keys().destroy_month(KeyKind::Retention, month()).unwrap();
        assert!(certificates(&desk).await.is_empty());
        assert_eq!(look(&desk).await.ended, 1);
        let [certificate] = <[_; 1]>::try_from(certificates(&desk).await).unwrap();
        assert!(certificate.codes.iter().any(|code| code == "message=2"), "{certificate:?}");
        assert_eq!(look(&desk).await, Looked::default());
        desk.clinic.is_proved().await;
    }

    async fn a_clock_that_jumps_ahead_ends_nothing_at_once(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        written(&desk, ana).await;
        to(&desk, "2040-01-01T00:00:00Z");
        assert_eq!(look(&desk).await, Looked { told: 1, ..Looked::default() });
        desk.pass(30 * DAY - 1);
        assert_eq!(look(&desk).await, Looked::default());
        assert_eq!(standing(&desk), Standing::There);
        desk.pass(1);
        assert_eq!(look(&desk).await.ended, 1);
    }

    async fn the_scan_of_a_consent_stays_until_its_years_are_over(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let mut jar = at_work(&desk, Role::FrontDesk).await;
        let scan: [(&str, &str, &[u8]); 1] = [("scan", "signed.pdf", PAPER)];
        crate::attachments::sign(&desk, ana, &scan, &mut jar).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200).text;
        let scan = (*links(&page).first().expect(&page)).to_owned();
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await, Looked::default(), "the consent is in effect");
        let mut jar = at_work(&desk, Role::Nurse).await;
        assert_eq!(&desk.get(&scan, &mut jar).await.is(200).bytes[..], PAPER);
        // Withdrawn: from then on its years count.
        let (_, revoke) = page.split_once("/consents/").unwrap();
        let mut told = Vec::new();
        for consent in page.split("/consents/").skip(1).filter_map(|rest| rest.get(..36)) {
            let form = [("method", "spoken"), ("witness", "Priya Raman"), ("evidence", "")];
            let at = format!("/people/{ana}/consents/{consent}/revoke");
            told.push(desk.post(&at, &form, &mut at_work(&desk, Role::FrontDesk).await).await.status);
        }
        assert!(told.iter().any(|status| status.as_u16() == 303), "{told:?}: {revoke}");
        nothing_is_open(&desk).await;
        to(&desk, "2041-03-31T00:00:00Z");
        assert_eq!(look(&desk).await.ended, 0, "not seven years yet");
        to(&desk, "2041-04-02T00:00:00Z");
        assert_eq!(look(&desk).await.ended, 1);
    }

    async fn what_somebody_still_has_to_do_something_about_stays(db: TestDb) {
        let desk = Desk::open(db).await;
        desk.clinic.patient("Ana", "en", PHONE).await;
        desk.clinic.text(PHONE, "Is it normal that my stitches bleed?").await;
        let open = desk.clinic.tasks().await;
        assert!(open.iter().any(|task| task.inbound_id.is_some()), "{open:?}");
        all_arrives(&desk).await;
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await, Looked::default());
        let task = open.into_iter().find(|task| task.inbound_id.is_some()).unwrap().id;
        desk.clinic.write(move |tx, office| {
            tasks::complete(tx, office, task, TaskOutcome::Spoke, &staff()).unwrap();
        }).await;
        assert_eq!(look(&desk).await.ended, 1);
    }

    async fn a_child_s_record_is_kept_until_they_are_of_age(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        // An age at which the gate lets us write to them.
        desk.clinic.office.keep_for(Retention::new(7, 30).unwrap());
        // Known when it is written: sealed for longer at once, and nobody else's waits for it.
        born(&desk, ana, date(2006, 6, 1)).await;
        let longer = written(&desk, ana).await;
        // Corrected later: what was sealed for seven years waits all the same.
        born(&desk, ana, date(1980, 5, 17)).await;
        let shorter = written(&desk, ana).await;
        born(&desk, ana, date(2006, 6, 1)).await;
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await, Looked::default(), "twenty-seven");
        to(&desk, "2036-06-01T00:00:00Z");
        assert_eq!(look(&desk).await, Looked { ended: 1, told: 1, again: 0 }, "thirty");
        let office = desk.clinic.office.clone();
        assert_eq!(words_of(&desk, office.clone(), shorter).await, None);
        assert!(words_of(&desk, office.clone(), longer).await.is_some());
        to(&desk, "2036-07-01T00:00:00Z");
        assert_eq!(look(&desk).await.ended, 1, "with the month in which they came of age");
        assert_eq!(words_of(&desk, office, longer).await, None);
    }

    async fn a_longer_time_counts_for_what_is_written_from_then_on(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let before = written(&desk, ana).await;
        let office = desk.clinic.office.clone();
        office.keep_for(Retention::new(10, 21).unwrap());
        let after = written(&desk, ana).await;
        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await.ended, 1);
        assert_eq!(words_of(&desk, office.clone(), before).await, None);
        assert!(words_of(&desk, office, after).await.is_some());
        // The patient's copies went long before, and had their own certificate.
        assert!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.is_ok());
    }
}
