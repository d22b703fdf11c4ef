//! What patients choose at the window takes hold where the gate reads it.

use gate::facts::Scope;
use gate::{Channel, ContactPointId, Kind, MessageId, Origin, PatientId, Purpose};
use sotto::audit::Actor;
use sotto::db::{caregiver, consent_event, contact_point, patient, restriction};
use sotto::facts;
use sotto::ids::{CaregiverId, Id as _};
use sotto::intake::{self, Answer as Decision, Request, Wanted, Words};
use sotto::people::caregivers::{self, NewCaregiver};
use sotto::people::person::Person;
use sotto::people::preferences;
use sotto::people::told::Told;

use super::{OTHER, PHONE, WORDS, come_in, letter};
use crate::access::{Desk, Jar};
use crate::on_both_engines;

const DETAIL: &str = "Your amoxicillin is ready at the front desk.";

async fn open(db: crate::engines::TestDb) -> (Desk, PatientId, Jar) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", PHONE).await;
    letter(&desk, ana, WORDS).await;
    let jar = come_in(&desk, PHONE).await;
    (desk, ana, jar)
}

/// The patient's own number.
pub(super) async fn number(desk: &Desk, patient: PatientId) -> ContactPointId {
    desk.clinic
        .write(move |tx, office| {
            contact_point::of_patient(tx, office.practice(), patient).unwrap()[0].id
        })
        .await
}

/// Whether a text of these words goes out as it is, and else which codes stand in the way.
async fn text(desk: &Desk, patient: PatientId, body: &'static str) -> Result<(), String> {
    desk.clinic
        .write(move |tx, office| {
            let request = Request {
                message: MessageId::new(office.clock()),
                patient: facts::subject(tx, office, patient).unwrap(),
                channel: Wanted::Channel(Channel::Sms),
                to: None,
                kind: Kind::FreeText,
                purpose: Purpose::Treatment,
                origin: Origin::Staff,
                words: Words::Typed { subject: None, body: body.to_owned() },
                language: None,
                appointment: None,
                inbound: None,
                useless_after: None,
                actor: Actor::staff("s-1", "nurse"),
            };
            match intake::accept(tx, office, request).unwrap() {
                Decision::Accepted { .. } => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
}

pub(super) async fn add_friend(desk: &Desk, patient: PatientId) -> CaregiverId {
    desk.clinic
        .write(move |tx, office| {
            let new = NewCaregiver {
                patient,
                person: Person { given: "Bo".into(), family: "Friend".into(), ..Person::default() },
                relation: "friend".into(),
            };
            let told = Told {
                method: sotto::db::consent_event::ConsentMethod::Spoken,
                evidence: None,
                witness: Some("Rosa".into()),
                captured_at: office.clock().now(),
            };
            caregivers::add(tx, office, &Actor::staff("s-1", "nurse"), &new, &told).unwrap()
        })
        .await
}

/// What the patient's one caregiver may hear.
async fn scope(desk: &Desk, patient: PatientId) -> Vec<Scope> {
    desk.clinic
        .write(move |tx, office| {
            let rows = caregiver::of_patient(tx, office.practice(), patient).unwrap();
            caregivers::scope_from_words(&rows[0].scope)
        })
        .await
}

on_both_engines! {
    async fn words_about_health_go_by_text_once_it_is_signed_and_no_more_once_it_is_taken_back(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        text(&desk, ana, DETAIL).await.unwrap_err();
        let id = number(&desk, ana).await;
        let path = format!("/window/choices/places/{id}/sms");
        let page = desk.get(&path, &mut jar).await.is(200);
        assert!(page.text.contains("Text messages are not private"));
        for (form, words) in [
            (vec![("about-medication", "yes"), ("signed", "Ana Example")], "read the warning"),
            (vec![("read", "yes"), ("signed", "Ana Example")], "Tick what we may write about"),
            (vec![("read", "yes"), ("about-medication", "yes"), ("signed", " ")], "Sign with your name"),
        ] {
            let form: Vec<_> = form.into_iter().chain([("act", "agree"), ("detail", "yes")]).collect();
            let page = desk.post(&path, &form, &mut jar).await.is(422);
            assert!(page.text.contains(words), "{words}");
        }
        text(&desk, ana, DETAIL).await.unwrap_err();
        let form = [
            ("act", "agree"),
            ("detail", "yes"),
            ("read", "yes"),
            ("about-medication", "yes"),
            ("signed", "Ana Example"),
        ];
        let to = desk.post(&path, &form, &mut jar).await.is(303).to().to_owned();
        let receipt = desk.get(&to, &mut jar).await.is(200);
        for shown in ["medicines", "Text messages are not private", "texts-2026-1-en"] {
            assert!(receipt.text.contains(shown), "{shown}");
        }
        text(&desk, ana, DETAIL).await.unwrap();
        let (_, consent) = to.rsplit_once('/').unwrap();
        let given = desk
            .clinic
            .write(move |tx, office| {
                consent_event::of_patient(tx, office.practice(), ana).unwrap().pop().unwrap()
            })
            .await;
        assert_eq!(given.consent_id.to_string(), consent);
        assert!(given.evidence.as_deref().unwrap().starts_with("at the window, stay "));
        assert!(receipt.text.contains(&hex::encode(given.evidence_digest.unwrap())));
        assert!(given.captured_by.starts_with("patient:"), "{}", given.captured_by);

        let form = [("act", "withdraw"), ("consent", consent)];
        desk.post(&path, &form, &mut jar).await.goes_to("/window/choices?done=withdrawn");
        text(&desk, ana, DETAIL).await.unwrap_err();
        desk.post(&path, &form, &mut jar).await.goes_to("/window/choices?done=withdrawn");
        assert!(desk.get(&to, &mut jar).await.is(200).text.contains("Taken back"));
        desk.clinic.is_proved().await;
    }

    async fn stop_and_start_and_how_one_likes_it(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let id = number(&desk, ana).await;
        let path = format!("/window/choices/places/{id}/sms");
        text(&desk, ana, "Please call us.").await.unwrap();
        desk.post(&path, &[("act", "stop")], &mut jar).await.goes_to("/window/choices?done=stopped");
        let why = text(&desk, ana, "Please call us again.").await.unwrap_err();
        assert!(why.contains("OptedOut") || why.contains("opted_out"), "{why}");
        desk.post(&path, &[("act", "stop")], &mut jar).await.goes_to("/window/choices?done=stopped");
        desk.post(&path, &[("act", "start")], &mut jar).await.goes_to("/window/choices?done=started");
        text(&desk, ana, "Please call us once more.").await.unwrap();

        let half = [("from", "540"), ("until", "")];
        let page = desk.post("/window/choices/wishes", &half, &mut jar).await.is(422);
        assert!(page.text.contains("Choose two different times"));
        let wishes = [
            ("language", "es"),
            ("channel", "email"),
            ("from", "540"),
            ("until", "1080"),
            ("kind-appt_reminder", "yes"),
        ];
        desk.post("/window/choices/wishes", &wishes, &mut jar).await.goes_to("/window/choices?done=wishes");
        let (kept, language) = desk
            .clinic
            .write(move |tx, office| {
                let row = patient::get(tx, office.practice(), ana).unwrap().unwrap();
                (preferences::get(tx, office.into(), ana).unwrap(), row.language)
            })
            .await;
        assert_eq!((kept.channel, kept.hours), (Some(Channel::Email), Some((540, 1080))));
        assert!(kept.kinds_off.contains(&Kind::Survey) && !kept.kinds_off.contains(&Kind::AppointmentReminder));
        assert_eq!(language.as_deref(), Some("es"));
        let page = desk.get("/window/choices", &mut jar).await.is(200);
        assert!(page.text.contains("Sus opciones"), "from now on in Spanish");
        desk.clinic.is_proved().await;
    }

    async fn one_place_alone_and_who_may_hear(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let friend = add_friend(&desk, ana).await;
        let path = "/window/choices/elsewhere";
        desk.post(path, &[("way", "sms")], &mut jar).await.goes_to("/window/choices?done=elsewhere");
        text(&desk, ana, "Please call us.").await.unwrap_err();
        let wish = desk
            .clinic
            .write(move |tx, office| {
                restriction::alternatives_of(tx, office.practice(), ana).unwrap()[0].id.to_string()
            })
            .await;
        desk.post(path, &[("end", &wish)], &mut jar).await.goes_to("/window/choices?done=elsewhere");
        text(&desk, ana, "Please call us.").await.unwrap();

        let path = format!("/window/choices/people/{friend}");
        assert!(desk.get(&path, &mut jar).await.is(200).text.contains("Bo Friend"));
        let hears = [("hears-appointments", "yes")];
        desk.post(&path, &hears, &mut jar).await.goes_to("/window/choices?done=people");
        assert_eq!(scope(&desk, ana).await, [Scope::Appointments]);
        desk.post(&path, &[], &mut jar).await.goes_to("/window/choices?done=people");
        assert_eq!(scope(&desk, ana).await, []);
        desk.clinic.is_proved().await;
    }

    async fn what_is_somebody_elses_is_not_there(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        let (his, friend) = (number(&desk, ben).await, add_friend(&desk, ben).await);
        let consent = desk
            .clinic
            .write(move |tx, office| {
                consent_event::of_patient(tx, office.practice(), ben).unwrap()[0].consent_id.to_string()
            })
            .await;
        let place = format!("/window/choices/places/{his}/sms");
        let own = format!("/window/choices/places/{}/sms", number(&desk, ana).await);
        let person = format!("/window/choices/people/{friend}");
        let to_his = format!("sms {his}");
        for (path, form) in [
            (place.as_str(), vec![("act", "agree")]),
            (&place, vec![("act", "stop")]),
            (&own, vec![("act", "withdraw"), ("consent", consent.as_str())]),
            (&own, vec![("act", "erase")]),
            (&person, vec![("hears-clinical", "yes")]),
            ("/window/choices/elsewhere", vec![("way", to_his.as_str())]),
        ] {
            let answer = desk.post(path, &form, &mut jar).await.is(404);
            assert!(!answer.text.contains("Ben"), "{path}");
        }
        desk.get(&place, &mut jar).await.is(404);
        desk.get(&person, &mut jar).await.is(404);
        desk.get(&format!("/window/choices/receipts/{consent}"), &mut jar).await.is(404);
        text(&desk, ben, "Please call us.").await.unwrap();
    }
}
