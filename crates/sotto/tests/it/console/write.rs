//! Writing to a patient with the gate beside the words.

use gate::PatientId;
use sotto::access::roles::Role;
use sotto::{params, sql};

use crate::access::{Desk, Jar};
use crate::on_both_engines;

const PHONE: &str = "+12125550171";

async fn open(db: crate::engines::TestDb, role: Role) -> (Desk, PatientId, Jar) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", PHONE).await;
    let (id, _) = desk.invite("rosa@harborview.example", &[role]).await;
    let jar = desk.let_in(id).await;
    // A morning in New York.
    (desk, ana, jar)
}

async fn messages(desk: &Desk) -> Vec<(String, String, Option<String>)> {
    desk.clinic
        .write(|tx, office| {
            tx.query(
                sql!(
                    "SELECT channel, state, inbound_id FROM message
                      WHERE practice_id = $1 AND kind = 'free_text' ORDER BY created_at, id"
                ),
                params![office.practice()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap()
        })
        .await
}

fn hidden(page: &str, name: &str) -> String {
    let from = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
    from.split('"').next().unwrap().to_owned()
}

on_both_engines! {
    async fn the_words_are_judged_while_they_are_typed_and_nothing_is_stored(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::Nurse).await;
        let path = format!("/people/{ana}/write");
        let page = desk.get(&path, &mut jar).await.is(200);
        assert!(page.text.contains("Ana Example, 46"), "{}", page.text);
        assert!(!page.text.contains("value=\"send\""));
        let look = format!("{path}/look");
        let say = |body: &'static str, channel: &'static str| {
            vec![("body", body), ("channel", channel), ("about", "clinical")]
        };
        // Harmless.
        let fine = desk.post(&look, &say("Please call us at (202) 555-0100.", "sms"), &mut jar).await;
        let fine = fine.is(200).text;
        assert!(fine.contains(">Send text</button>"), "{fine}");
        assert!(fine.contains("Fine for anyone to hear") && fine.contains("1 part, 33 of 160"));
        assert_eq!(fine.matches("<li><span class=\"mark ok\">").count(), 11, "{fine}");
        // Too much for a text: what it tells, what a stranger would see, and both ways out.
        let much = "Hi Ana, your HIV test came back positive. Please call us at (202) 555-0100.";
        let much = desk.post(&look, &say(much, "sms"), &mut jar).await.is(200).text;
        assert!(much.contains("Sensitive") && much.contains("<mark data-level=\"stop\">"), "{much}");
        assert!(much.contains("Use safe wording") && much.contains("Move it to the portal"));
        assert!(much.contains("Send by portal, notify by text"), "{much}");
        assert!(!much.contains(">Send text"));
        // What is left to choose goes where it fits.
        let auto = desk.post(&look, &say("Your A1c came back at 9.2.", "auto"), &mut jar).await;
        let auto = auto.is(200).text;
        assert!(auto.contains("Text and Email can&#39;t carry it.") || auto.contains("carry it."), "{auto}");
        assert!(auto.contains(">Send by portal</button>"), "{auto}");
        assert_eq!(messages(&desk).await, []);
        desk.clinic.is_proved().await;
    }

    async fn what_was_sent_twice_is_one_message_and_an_answer_where_they_wrote(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        desk.clinic.text(PHONE, "can I come at three?").await;
        let path = format!("/people/{ana}/write");
        let page = desk.get(&path, &mut jar).await.is(200).text;
        let message = hidden(&page, "message");
        let form = [
            ("message", message.as_str()),
            ("channel", "sms"),
            ("body", "Yes, three works. See you then."),
            ("act", "send"),
        ];
        let done = format!("/people/{ana}/written/{message}");
        desk.post(&path, &form, &mut jar).await.goes_to(&done);
        desk.post(&path, &form, &mut jar).await.goes_to(&done);
        let sent = messages(&desk).await;
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].0.as_str(), sent[0].1.as_str()), ("sms", "queued"));
        assert!(sent[0].2.is_some(), "it answers what she wrote");
        let last = desk.clinic.sent_to(PHONE).await.pop().unwrap();
        assert_eq!(last.body, "Yes, three works. See you then.");
        let page = desk.get(&done, &mut jar).await.is(200).text;
        assert!(page.contains("Waiting") || page.contains("With the carrier"), "{page}");
        // Somebody else's message is not shown under this name.
        let ben = desk.clinic.patient("Ben", "en", "+12125550172").await;
        desk.get(&format!("/people/{ben}/written/{message}"), &mut jar).await.is(404);
        desk.clinic.is_proved().await;
    }

    async fn what_cannot_be_sent_is_not_sent_and_the_words_stay(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::Nurse).await;
        desk.clinic.text(PHONE, "STOP").await;
        let path = format!("/people/{ana}/write");
        let words = "We moved to the second floor.";
        let form = [("channel", "sms"), ("body", words), ("about", "schedule"), ("act", "send")];
        let page = desk.post(&path, &form, &mut jar).await.is(200).text;
        assert!(page.contains("It can’t be sent because") && page.contains("E_OPTED_OUT"), "{page}");
        assert!(page.contains(&format!(">{words}</textarea>")), "{page}");
        assert!(!page.contains("value=\"send\""), "{page}");
        // The refusal is on record; nothing waits.
        assert_eq!(messages(&desk).await.iter().map(|one| one.1.as_str()).collect::<Vec<_>>(), ["refused"]);
        // One button moves it to where it may go, with the words as they are.
        let form = [("channel", "sms"), ("body", words), ("act", "portal")];
        let page = desk.post(&path, &form, &mut jar).await.is(200).text;
        assert!(page.contains(">Send by portal</button>") && page.contains(words), "{page}");
        // And another puts the safe wording in their place.
        let form = [("channel", "sms"), ("body", "x"), ("take", "Please call us.")];
        let page = desk.post(&path, &form, &mut jar).await.is(200).text;
        assert!(page.contains(">Please call us.</textarea>"), "{page}");
    }

    async fn each_role_writes_about_what_is_theirs(db: TestDb) {
        let (desk, ana, _) = open(db, Role::Nurse).await;
        let path = format!("/people/{ana}/write");
        let table: [(Role, &[&str], &[&str]); 3] = [
            (Role::FrontDesk, &["visit_callback"], &["results_ready", "account_callback"]),
            (Role::Billing, &["account_callback"], &["visit_callback", "results_ready"]),
            (Role::Provider, &["visit_callback", "results_ready"], &["account_callback"]),
        ];
        for (role, may, may_not) in table {
            let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
            let mut jar = desk.let_in(id).await;
            let page = desk.get(&path, &mut jar).await.is(200).text;
            for kind in may {
                assert!(page.contains(&format!("value=\"{kind}\"")), "{role} {kind}");
            }
            for kind in may_not {
                assert!(!page.contains(&format!("value=\"{kind}\"")), "{role} {kind}");
                // Asked for all the same, it is not what is sent.
                let form = [("template", *kind), ("channel", "sms"), ("act", "send")];
                desk.post(&path, &form, &mut jar).await;
                let sent = desk.clinic.sent_to(PHONE).await;
                assert!(sent.iter().all(|one| one.kind != *kind), "{role} {kind}");
            }
        }
        let (id, _) = desk.invite("pat@harborview.example", &[Role::PrivacyOfficer]).await;
        let mut jar = desk.let_in(id).await;
        desk.get(&path, &mut jar).await.is(403);
    }
}
