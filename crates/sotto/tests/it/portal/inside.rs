//! Behind the proof: letters, answers, visits; one's own and nobody else's.

use gate::{ContactPointId, Origin, PatientId};
use jiff::SignedDuration;
use jiff::civil::date;
use sotto::access::roles::Role;
use sotto::conversations::tasks::TaskKind;
use sotto::db::appointment::AppointmentReply;
use sotto::db::caregiver::{self, CaregiverRow, Permission};
use sotto::db::patient::{self, PatientRow};
use sotto::db::{Tx, contact_point};
use sotto::facts;
use sotto::ids::{CaregiverId, Id as _};
use sotto::office::Office;
use sotto::people::caregivers::seal_caregiver;
use sotto::people::patients::seal_person;
use sotto::people::person::Person;
use sotto::portal::{letters, unread};
use sotto::{params, sql};

use super::{OTHER, PHONE, WORDS, code, come_in, count, letter, of_kind};
use crate::access::{Desk, Jar};
use crate::clinic::{add_consent, add_number, phone, staff};
use crate::on_both_engines;

/// Somebody with a number of their own who may hear of something.
pub(super) async fn acts_for(
    desk: &Desk,
    (patient, number): (PatientId, &'static str),
    scope: &'static str,
    friend: bool,
) -> (CaregiverId, ContactPointId) {
    desk.clinic
        .write(move |tx, office| {
            let (practice, now) = (office.practice(), office.clock().now());
            let id = CaregiverId::new(office.clock());
            let person = Person { given: "Bo".into(), family: "Carer".into(), ..Person::default() };
            let row = CaregiverRow {
                id,
                patient_id: patient,
                external_id: None,
                person_sealed: seal_caregiver(office.keys(), practice, (patient, id), &person)
                    .unwrap(),
                relation: if friend { "friend" } else { "mother" }.to_owned(),
                representative: !friend,
                scope: scope.to_owned(),
                permission: Permission::Written,
                evidence: Some("drawer".to_owned()),
                valid_from: None,
                valid_until: None,
                recorded_by: "staff:s-1".to_owned(),
                updated_at: now,
            };
            caregiver::put(tx, practice, &row).unwrap();
            let address = phone(number);
            add_number(tx, office, patient, &address);
            let index = office.address_index(&address);
            let mut point = contact_point::by_address(tx, practice, &index).unwrap().remove(0);
            point.caregiver_id = Some(id);
            contact_point::put(tx, practice, &point).unwrap();
            add_consent(tx, office, patient, &address);
            (id, point.id)
        })
        .await
}

pub(super) async fn permit(desk: &Desk, id: CaregiverId, patient: PatientId, scope: &'static str) {
    desk.clinic
        .write(move |tx, office| {
            let rows = caregiver::of_patient(tx, office.practice(), patient).unwrap();
            let row = rows.into_iter().find(|row| row.id == id).unwrap();
            let permission = Permission::None;
            let row = CaregiverRow { scope: scope.to_owned(), permission, ..row };
            caregiver::put(tx, office.practice(), &row).unwrap();
        })
        .await;
}

fn looked_at(tx: &mut Tx<'_>, office: &Office, patient: PatientId, id: CaregiverId, at: &str) {
    let rows = caregiver::of_patient(tx, office.practice(), patient).unwrap();
    let row = rows.into_iter().find(|row| row.id == id).unwrap();
    let row = CaregiverRow { updated_at: at.parse().unwrap(), ..row };
    caregiver::put(tx, office.practice(), &row).unwrap();
}

pub(super) fn nonce(page: &str) -> String {
    let rest = page.split("name=\"nonce\" value=\"").nth(1).expect(page);
    rest.split('"').next().unwrap().to_owned()
}

async fn write(desk: &Desk, jar: &mut Jar, body: &str) -> String {
    let page = desk.get("/window/write", jar).await.is(200).text;
    let before = page.find("Call 911, or 988").expect(&page);
    assert!(before < page.find("<textarea").unwrap(), "the notice stands before the box");
    let nonce = nonce(&page);
    desk.post("/window/write", &[("nonce", &nonce), ("body", body)], jar).await.is(200).text
}

on_both_engines! {
    async fn nobody_else_s_letter_or_visit_can_be_named(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ana, WORDS).await;
        let his = letter(&desk, ben, WORDS).await;
        let at = desk.clinic.office.clock().now() + SignedDuration::from_hours(48);
        let visit = desk.clinic.book(ben, "b-1", at).await;
        let mut jar = come_in(&desk, PHONE).await;
        let never = "01890000-0000-7000-8000-000000000001";
        let nothing = desk.get(&format!("/window/letters/{never}"), &mut jar).await.is(404).text;
        for path in [
            format!("/window/letters/{his}"),
            "/window/letters/x".to_owned(),
            format!("/window/visits/{visit}"),
            format!("/window/visits/{visit}/calendar"),
            format!("/window/visits/{never}"),
        ] {
            assert_eq!(desk.get(&path, &mut jar).await.is(404).text, nothing, "{path}");
        }
        let answer = [("answer", "cancel")];
        desk.post(&format!("/window/visits/{visit}"), &answer, &mut jar).await.is(404);
        assert_eq!(desk.clinic.appointment(visit).await.reply, None);
        let home = desk.get("/window", &mut jar).await.is(200).text;
        assert!(!home.contains(&his.to_string()) && !home.contains(&visit.to_string()));
        desk.clinic.is_proved().await;
    }

    async fn an_emergency_is_answered_at_once_and_staff_are_alarmed(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        let page = write(&desk, &mut jar, "I have crushing chest pain and can't breathe").await;
        assert!(page.contains("call 911 now") && page.contains("tel:988"), "{page}");
        let tasks = desk.clinic.tasks().await;
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert_eq!((tasks[0].kind, tasks[0].patient_id), (TaskKind::Emergency, Some(ana)));
        desk.clinic.is_proved().await;
    }

    async fn what_is_written_takes_the_way_of_every_reply_and_once(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        let page = desk.get("/window/write", &mut jar).await.is(200).text;
        let form = [("nonce", nonce(&page)), ("body", "Where do I park?".to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, v.as_str())).collect();
        for _ in 0..2 {
            let sent = desk.post("/window/write", &form, &mut jar).await.is(200).text;
            assert!(sent.contains("We have your message"), "{sent}");
        }
        assert_eq!(count(&desk, "inbound_message").await, 1);
        let home = desk.get("/window", &mut jar).await.is(200).text;
        let path = home.split("/window/wrote/").nth(1).expect(&home).split('"').next().unwrap();
        let path = format!("/window/wrote/{path}");
        assert!(desk.get(&path, &mut jar).await.is(200).text.contains("Where do I park?"));
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ben, WORDS).await;
        desk.get(&path, &mut come_in(&desk, OTHER).await).await.is(404);
        // A word that would stop texts came by no text: a person reads it.
        write(&desk, &mut jar, "STOP").await;
        let tasks = desk.clinic.tasks().await;
        assert!(tasks.iter().all(|task| task.kind == TaskKind::Answer), "{tasks:?}");
        assert!(tasks.iter().all(|task| task.patient_id == Some(ana)));
        assert!(of_kind(&desk, PHONE, "stop_confirm").await.is_empty());
        // What cannot be one message is said so, and stays in the box.
        let long = "a".repeat(4_001);
        let page = desk.get("/window/write", &mut jar).await.is(200).text;
        let again = [("nonce", nonce(&page)), ("body", long.clone())];
        let again: Vec<(&str, &str)> = again.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let page = desk.post("/window/write", &again, &mut jar).await.is(422).text;
        assert!(page.contains(&long), "nothing typed is lost");
        desk.clinic.is_proved().await;
    }

    async fn staff_move_a_conversation_and_see_how_far_a_letter_came(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        desk.clinic.text(PHONE, "where do I park my truck?").await;
        let (id, _) = desk.invite("ines@harborview.example", &[Role::Nurse]).await;
        let mut ines = desk.let_in(id).await;
        let thread = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        let page = desk.get(&thread, &mut ines).await.is(200).text;
        assert!(page.contains("Continue in the portal"), "{page}");
        desk.post(&format!("{thread}/portal"), &[], &mut ines).await.goes_to(&thread);
        let mut hers = come_in(&desk, PHONE).await;
        let code = code(&desk, PHONE).await;
        let sent = letter(&desk, ana, WORDS).await;
        for (path, says) in [
            ("/inbox", "Delivered"),
            ("/window", "Opened, not read yet"),
            (&*format!("/window/letters/{sent}"), "Read by the patient"),
        ] {
            desk.get(path, &mut hers).await;
            let page = desk.get(&thread, &mut ines).await.is(200).text;
            assert!(page.contains(says), "{says}: {page}");
            assert!(!page.contains(&code) && page.contains("[A code for the patient alone.]"));
        }
        desk.clinic.is_proved().await;
    }

    async fn whoever_acts_for_a_patient_comes_as_themselves_and_only_while_they_may(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let hers = letter(&desk, ana, WORDS).await;
        let at = desk.clinic.office.clock().now() + SignedDuration::from_hours(48);
        let visit = desk.clinic.book(ana, "a-1", at).await;
        let caregiver = acts_for(&desk, (ana, OTHER), "appointments", true).await;
        let told = |tx: &mut Tx<'_>, office: &Office, ana, to| {
            let subject = facts::subject(tx, office, ana).unwrap().unwrap();
            let whom = (to, Origin::Staff, staff());
            assert!(letters::tell(tx, office, subject, whom).unwrap().is_some());
        };
        let to = caregiver.1;
        desk.clinic.write(move |tx, office| told(tx, office, ana, to)).await;
        let mut jar = come_in(&desk, OTHER).await;
        let home = desk.get("/window", &mut jar).await.is(200).text;
        assert!(home.contains(&visit.to_string()) && !home.contains(&hers.to_string()), "{home}");
        desk.get(&format!("/window/letters/{hers}"), &mut jar).await.is(404);
        desk.get("/window/write", &mut jar).await.is(404);
        let path = format!("/window/visits/{visit}");
        desk.post(&path, &[("answer", "confirm")], &mut jar).await.goes_to(&path);
        // On the log they are themselves.
        let who = caregiver.0.to_string();
        let said = desk
            .clinic
            .write(|tx, office| {
                tx.query(
                    sql!("SELECT body FROM audit_entry WHERE practice_id = $1"),
                    params![office.practice()],
                    |row| Ok(String::from_utf8(row.get::<Vec<u8>>(0)?).unwrap()),
                )
                .unwrap()
            })
            .await;
        let by_them = format!("\"actor\":{{\"kind\":\"caregiver\",\"id\":\"{who}\"");
        assert!(said.iter().any(|one| one.contains(&by_them) && one.contains("confirmed")));
        // With the permission the stay ends.
        permit(&desk, caregiver.0, ana, "none").await;
        desk.get("/window", &mut jar).await.goes_to("/window/in");
        desk.clinic.is_proved().await;
    }

    async fn a_parents_way_in_waits_for_a_look_at_twelve_and_at_eighteen(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let (mother, to) = acts_for(&desk, (ana, OTHER), "clinical", false).await;
        for (born, in_order) in [
            (date(2016, 3, 1), true),
            // Twelve yesterday, and nobody has looked since.
            (date(2015, 2, 28), false),
            (date(2009, 2, 28), false),
        ] {
            let (reviewed, stands) = desk
                .clinic
                .write(move |tx, office| {
                    let row = patient::get(tx, office.practice(), ana).unwrap().unwrap();
                    let person = Person {
                        given: "Ana".to_owned(),
                        family: "Example".to_owned(),
                        birth_date: Some(born),
                        ..Person::default()
                    };
                    let sealed = seal_person(office.keys(), office.practice(), ana, &person);
                    let row = PatientRow { person_sealed: sealed.unwrap(), ..row };
                    patient::put(tx, office.practice(), &row).unwrap();
                    looked_at(tx, office, ana, mother, "2027-02-01T12:00:00Z");
                    let before = letters::reaches(tx, office, ana, to).unwrap();
                    looked_at(tx, office, ana, mother, "2027-03-01T13:00:00Z");
                    let after = letters::reaches(tx, office, ana, to).unwrap();
                    (after, before)
                })
                .await;
            assert_eq!((stands, reviewed), (in_order, true), "{born}");
        }
    }

    async fn a_visit_is_answered_as_by_text(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let at = "2027-03-04T19:30:00Z".parse().unwrap();
        let visit = desk.clinic.book(ana, "a-1", at).await;
        let mut jar = come_in(&desk, PHONE).await;
        let home = desk.get("/window", &mut jar).await.is(200).text;
        assert!(home.contains("Thursday, March 4, 2:30 pm"), "{home}");
        let path = format!("/window/visits/{visit}");
        for (word, reply, tasks) in [
            ("confirm", AppointmentReply::Confirmed, 0),
            ("another_time", AppointmentReply::Reschedule, 1),
            ("another_time", AppointmentReply::Reschedule, 1),
            ("cancel", AppointmentReply::Declined, 2),
        ] {
            desk.post(&path, &[("answer", word)], &mut jar).await.goes_to(&path);
            assert_eq!(desk.clinic.appointment(visit).await.reply, Some(reply));
            assert_eq!(desk.clinic.tasks().await.len(), tasks, "{word}");
        }
        desk.post(&path, &[("answer", "x")], &mut jar).await.is(404);
        let file = desk.get(&format!("{path}/calendar"), &mut jar).await.is(200);
        assert_eq!(file.headers["content-type"], "text/calendar; charset=utf-8");
        let text: Vec<&str> =
            file.text.lines().filter(|line| !line.starts_with("UID") && !line.starts_with("DTSTAMP")).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        BEGIN:VCALENDAR
        VERSION:2.0
        PRODID:-//Sotto//EN
        BEGIN:VEVENT
        SEQUENCE:1
        DTSTART:20270304T193000Z
        DTEND:20270304T200000Z
        SUMMARY:Appointment
        DESCRIPTION:Harborview Family Health (202) 555-0100
        CLASS:PRIVATE
        END:VEVENT
        END:VCALENDAR
        ");
        desk.clinic.is_proved().await;
    }

    async fn an_unread_letter_is_spoken_of_twice_and_then_a_person_calls(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ana, WORDS).await;
        let read = letter(&desk, ben, WORDS).await;
        let mut jar = come_in(&desk, OTHER).await;
        desk.get(&format!("/window/letters/{read}"), &mut jar).await.is(200);
        let mut story = Vec::new();
        for _ in 0..5 {
            let looked = unread::look(&desk.clinic.db, &desk.clinic.office).await.unwrap();
            story.push((looked.nudged, looked.asked));
            desk.pass(49 * 3600);
        }
        assert_eq!(story, [(0, 0), (1, 0), (1, 0), (0, 1), (0, 0)]);
        assert_eq!(of_kind(&desk, PHONE, "secure_message_notice").await.len(), 3);
        assert_eq!(of_kind(&desk, OTHER, "secure_message_notice").await.len(), 1);
        let tasks = desk.clinic.tasks().await;
        assert_eq!(tasks.len(), 1);
        assert_eq!((tasks[0].kind, tasks[0].patient_id), (TaskKind::Unread, Some(ana)));
        desk.clinic.is_proved().await;
    }
}
