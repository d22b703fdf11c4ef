//! Behind the proof: letters, answers, visits; one's own and nobody else's.

use jiff::SignedDuration;
use sotto::conversations::tasks::TaskKind;
use sotto::db::appointment::AppointmentReply;
use sotto::portal::unread;

use super::{OTHER, PHONE, WORDS, come_in, count, letter, of_kind};
use crate::access::{Desk, Jar};
use crate::on_both_engines;

fn nonce(page: &str) -> String {
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
