//! What patients ask for, written down by the API: it holds at once, also for what waits, and stays
//! on record.

use gate::{AppointmentId, PatientId};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sotto::clock::Clock;
use sotto::db::reminder::ReminderState;

use super::{NUMBER, Site, asked, elsewhere, results};
use crate::clinic::{add_consent, staff};
use crate::on_both_engines;

const OTHER: &str = "+12125550177";

fn spoken() -> Value {
    json!({"method": "spoken", "witness": "front desk"})
}

fn paper() -> Value {
    json!({"method": "paper", "evidence": "binder 4"})
}

/// An appointment in nine days, and the reminder of seven days before it waiting in the outbox: the
/// last steps before midnight wait for the morning.
async fn waiting_reminder(site: &Site, clock: &Clock) -> AppointmentId {
    // Monday 9:00 in New York; the first step is due on Wednesday at 10:00.
    let visit = site.clinic.book(site.patient, "visit-1", at("2027-03-10T15:00:00Z")).await;
    clock.advance_to(at("2027-03-03T15:00:00Z"));
    site.clinic.tick().await;
    let sent = site.clinic.sent_to(NUMBER).await;
    assert_eq!((sent.len(), sent[0].state.as_str()), (1, "queued"), "{sent:?}");
    visit
}

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

/// The patient agrees to texts at the other number too.
async fn agrees_elsewhere(site: &Site) {
    let patient = site.patient;
    site.clinic.write(move |tx, office| add_consent(tx, office, patient, &elsewhere())).await;
}

on_both_engines! {
    async fn a_confidential_number_takes_over_what_waits(db: TestDb) {
        let clock = db.clock.clone();
        let site = Site::open(db).await;
        agrees_elsewhere(&site).await;
        let visit = waiting_reminder(&site, &clock).await;
        let other = site.post("/api/v1/messages", &results(site.patient)).await.is(202).text_of("id");
        let path = site.of_patient("/alternative-contacts");
        let body = json!({"channel": "sms", "address": "212-555-0177", "told": paper()});
        let done = site.with_key(&path, "k", &body).await.is(201);
        assert_eq!((&done.json["replanned"], &done.json["withdrawn"]), (&json!(1), &json!(1)));
        // The request again is the same wish, not a second one.
        assert_eq!(site.with_key(&path, "k", &body).await.is(201).json, done.json);
        // Withdrawn in the same transaction; staff hear of the one that nobody sends again.
        let old = site.clinic.sent_to(NUMBER).await;
        assert!(old.iter().all(|m| m.state == "cancelled"), "{old:?}");
        assert!(old[0].refusals.contains("ALTERNATIVE"), "{old:?}");
        assert_eq!(site.count("outbox").await, 0);
        let tasks = site.clinic.tasks().await;
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].message_id.unwrap().to_string(), other);
        // The reminder finds the new number.
        site.clinic.tick().await;
        let new = site.clinic.sent_to(OTHER).await;
        assert_eq!((new.len(), new[0].kind.as_str()), (1, "appt_reminder"), "{new:?}");
        assert_eq!(new[0].state, "queued", "{new:?}");
        assert_eq!(site.clinic.sent_to(NUMBER).await.len(), 2);
        let steps = site.clinic.steps(visit).await;
        assert_eq!(steps[0].state, ReminderState::SentOn);
        // Ended, the chart's number holds again.
        let id = done.text_of("alternative");
        let end = format!("{path}/{id}/end");
        site.post(&end, &json!({"told": spoken()})).await.is(200);
        site.post(&end, &json!({"told": spoken()})).await.is(409);
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        assert_eq!(site.clinic.sent_to(NUMBER).await.last().unwrap().state, "queued");
        let listed = site.get(&path).await.is(200);
        assert_eq!(listed.json["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed.json["items"][0]["evidence"], "binder 4");
        site.clinic.is_proved().await;
    }

    async fn nowhere_on_a_channel_means_nowhere(db: TestDb) {
        let site = Site::open(db).await;
        let path = site.of_patient("/alternative-contacts");
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        let done = site.post(&path, &json!({"channel": "sms", "told": paper()})).await.is(201);
        assert_eq!(done.json["withdrawn"], 1);
        let refused = site.post("/api/v1/messages", &results(site.patient)).await.is(422);
        assert!(refused.text.contains("E_"), "{}", refused.text);
        assert_eq!(site.count("outbox").await, 0);
        site.clinic.is_proved().await;
    }

    async fn a_restriction_binds_at_once_and_a_declined_one_never(db: TestDb) {
        let clock = db.clock.clone();
        let site = Site::open(db).await;
        let visit = waiting_reminder(&site, &clock).await;
        let path = site.of_patient("/restrictions");
        let declined = json!({"what": "channel", "value": "sms", "decision": "declined",
            "told": spoken()});
        let done = site.post(&path, &declined).await.is(201);
        assert_eq!((&done.json["replanned"], &done.json["withdrawn"]), (&json!(0), &json!(0)));
        assert_eq!(site.count("outbox").await, 1);
        let no = done.text_of("restriction");
        site.post(&format!("{path}/{no}/terminate"), &json!({"told": spoken()})).await.is(409);

        let accepted = json!({"what": "channel", "value": "sms", "decision": "accepted",
            "told": paper()});
        let done = site.post(&path, &accepted).await.is(201);
        assert_eq!((&done.json["replanned"], &done.json["withdrawn"]), (&json!(1), &json!(0)));
        assert_eq!(site.count("outbox").await, 0);
        // Planned again, the reminder is refused for the same reason, and that is on record.
        site.clinic.tick().await;
        let steps = site.clinic.steps(visit).await;
        assert_eq!(steps[0].state, ReminderState::Refused);
        assert!(steps[0].refusals.as_deref().unwrap().contains("RESTRICT"), "{steps:?}");
        site.post("/api/v1/messages", &results(site.patient)).await.is(422);

        let yes = done.text_of("restriction");
        clock.advance(SignedDuration::from_mins(1));
        site.post(&format!("{path}/{yes}/terminate"), &json!({"told": spoken()})).await.is(200);
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        let listed = site.get(&path).await.is(200).json;
        let items = listed["items"].as_array().unwrap();
        let states: Vec<_> = items.iter().map(|item| item["status"].as_str().unwrap()).collect();
        assert_eq!(states, ["declined", "terminated"]);
        assert!(items[1]["valid_until"].is_string());
        let words: Vec<_> = history(&site).await.into_iter().map(|(_, event)| event).collect();
        assert_eq!(words, ["declined", "accepted", "terminated"]);
        site.clinic.is_proved().await;
    }

    async fn a_young_persons_own_matter_is_tagged_by_staff(db: TestDb) {
        let site = Site::open(db).await;
        let path = site.of_patient("/restrictions");
        let body = json!({"what": "minor_confidential", "value": "results_ready",
            "decision": "accepted", "told": spoken()});
        site.post(&path, &body).await.is(201);
        // It is the patient's own number, so it still goes there.
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        let listed = site.get(&path).await.is(200);
        assert_eq!(listed.json["items"][0]["what"], "minor_confidential");
        site.clinic.is_proved().await;
    }

    async fn a_stop_at_the_desk_is_a_stop(db: TestDb) {
        let clock = db.clock.clone();
        let site = Site::open(db).await;
        let shared = site.clinic.patient("Noa", "en", NUMBER).await;
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        let path = site.of_patient("/opt-outs");
        let body = json!({"address": "(212) 555-0142", "told": spoken()});
        let done = site.post(&path, &body).await.is(201);
        assert_eq!(done.json["withdrawn"], 1);
        site.post(&path, &body).await.is(409);
        for patient in [site.patient, shared] {
            let refused = site.post("/api/v1/messages", &results(patient)).await.is(422);
            assert!(refused.text.contains("E_OPT"), "{}", refused.text);
        }
        let standing = site.get(&path).await.is(200);
        assert_eq!(standing.json["items"].as_array().unwrap().len(), 1);
        // Lifted by a fresh word only, and only what stands.
        clock.advance(SignedDuration::from_mins(1));
        let lift = format!("{path}/lift");
        let other = json!({"address": "(212) 555-0142", "channel": "email", "told": spoken()});
        site.post(&lift, &other).await.is(409);
        let no_witness = json!({"address": "(212) 555-0142", "told": {"method": "spoken"}});
        site.post(&lift, &no_witness).await.is_about("witness");
        site.post(&lift, &body).await.is(201);
        site.post(&lift, &body).await.is(409);
        assert!(site.get(&path).await.json["items"].as_array().unwrap().is_empty());
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        site.clinic.is_proved().await;
    }

    async fn a_caregiver_hears_what_was_permitted_and_no_more(db: TestDb) {
        let site = Site::open(db).await;
        let path = site.of_patient("/caregivers");
        let eva = json!({"given": "Eva", "family": "Example", "relation": "Sister",
            "told": spoken()});
        let added = site.with_key(&path, "k", &eva).await.is(201);
        assert!(!added.text.contains("Eva"), "a kept answer holds no PHI");
        let id = added.text_of("caregiver");
        let listed = site.get(&path).await.is(200);
        assert_eq!(listed.json["items"][0]["permission"], "none");
        assert_eq!(listed.json["items"][0]["relation"], "sister");
        assert_eq!(listed.json["items"][0]["name"], "Eva Example");

        let permission = format!("{path}/{id}/permission");
        let allow = |scope: Value, permission: &str, told: Value| {
            json!({"scope": scope, "permission": permission, "told": told})
        };
        site.put(&permission, &allow(json!(["appointments"]), "spoken", spoken())).await.is(200);
        let listed = site.get(&path).await.is(200);
        assert_eq!(listed.json["items"][0]["scope"], json!(["appointments"]));
        for (body, field) in [
            (allow(json!(["gossip"]), "spoken", spoken()), "scope"),
            (allow(json!([]), "spoken", spoken()), "scope"),
            (allow(json!(["billing"]), "none", spoken()), "scope"),
            (allow(json!(["billing"]), "written", spoken()), "evidence"),
            (allow(json!(["billing"]), "yes", spoken()), "permission"),
        ] {
            site.put(&permission, &body).await.is_about(field);
        }
        // A sister's power of attorney is on paper.
        let mut power = allow(json!(["clinical"]), "written", spoken());
        power["representative"] = json!(true);
        site.put(&permission, &power).await.is_about("evidence");
        power["told"] = paper();
        site.put(&permission, &power).await.is(200);
        assert_eq!(site.get(&path).await.json["items"][0]["representative"], true);
        site.put(&permission, &allow(json!([]), "none", spoken())).await.is(200);
        let gone = site.get(&path).await.is(200).json;
        assert_eq!((&gone["items"][0]["permission"], &gone["items"][0]["scope"]),
            (&json!("none"), &json!([])));
        let stranger = "01890000-0000-7000-8000-000000000001";
        site.put(
            &format!("{path}/{stranger}/permission"),
            &allow(json!([]), "none", spoken()),
        )
        .await
        .is(404);
        let words: Vec<_> = history(&site).await.into_iter().map(|(_, event)| event).collect();
        assert_eq!(words, ["added", "permitted", "permitted", "withdrawn"]);
        site.clinic.is_proved().await;
    }

    async fn a_parents_authority_ends_at_eighteen(db: TestDb) {
        let clock = db.clock.clone();
        let site = Site::open(db).await;
        let child = minor(&site, "2012-06-15").await;
        let base = format!("/api/v1/patients/{child}/caregivers");
        let mother = json!({"given": "Rosa", "relation": "mother", "told": spoken()});
        let id = site.post(&base, &mother).await.is(201).text_of("caregiver");
        let authority = json!({"scope": [], "permission": "none", "representative": true,
            "told": paper()});
        let permission = format!("{base}/{id}/permission");
        site.put(&permission, &authority).await.is(200);
        let listed = site.get(&base).await.is(200).json;
        let until = at(listed["items"][0]["valid_until"].as_str().unwrap());
        let day = until.to_zoned(jiff::tz::TimeZone::get("America/New_York").unwrap()).date();
        assert_eq!(day.to_string(), "2030-06-15");
        assert_eq!(listed["items"][0]["permission"], "written");
        clock.advance_to(at("2030-06-16T12:00:00Z"));
        let (_, token) = site.token(sotto::access::tokens::Scope::ALL, 30).await;
        let body = axum::body::Body::from(authority.to_string());
        let request = asked(axum::http::Method::PUT, &permission, &token, body);
        site.send(request).await.is_about("representative");
        site.clinic.is_proved().await;
    }

    async fn contacts_come_and_go(db: TestDb) {
        let site = Site::open(db).await;
        let path = site.of_patient("/contacts");
        let listed = site.get(&path).await.is(200);
        assert_eq!(listed.json["items"][0]["address"], "…0142");
        assert!(!listed.text.contains("2125550142"));
        let id = listed.json["items"][0]["id"].as_str().unwrap().to_owned();
        let again = json!({"kind": "phone", "address": NUMBER, "told": spoken()});
        site.post(&path, &again).await.is(409);
        let mail = json!({"kind": "email", "address": "marisol@mail.example", "shared": true,
            "verified_how": "portal", "use": "home", "told": spoken()});
        site.post(&path, &mail).await.is(201);
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        let end = format!("{path}/{id}/end");
        site.post(&end, &json!({"told": spoken()})).await.is(200);
        site.post(&end, &json!({"told": spoken()})).await.is(409);
        assert_eq!(site.count("outbox").await, 0, "what waited is withdrawn");
        site.post("/api/v1/messages", &results(site.patient)).await.is(422);
        // Written down again, it is the same contact, in use.
        site.post(&path, &again).await.is(201);
        let listed = site.get(&path).await.is(200).json;
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 2);
        let phone = items.iter().find(|item| item["kind"] == "phone").unwrap();
        assert_eq!(phone["id"], id);
        assert!(phone["valid_until"].is_null(), "{phone}");
        let mailbox = items.iter().find(|item| item["kind"] == "email").unwrap();
        assert_eq!(mailbox["address"], "m…@mail.example");
        assert_eq!((&mailbox["shared"], &mailbox["use"]), (&json!(true), &json!("home")));
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        site.clinic.is_proved().await;
    }

    async fn wishes_are_heeded_by_reminders(db: TestDb) {
        let clock = db.clock.clone();
        let site = Site::open(db).await;
        let path = site.of_patient("/preferences");
        // Due on Wednesday at 10:00, and welcome from 16:00 on.
        let visit = site.clinic.book(site.patient, "visit-1", at("2027-03-10T15:00:00Z")).await;
        let wishes = json!({"from": "16:00", "until": "18:00", "kinds_off": ["survey"],
            "told": spoken()});
        site.put(&path, &wishes).await.is(200);
        let kept = site.get(&path).await.is(200).json;
        assert_eq!((&kept["from"], &kept["until"]), (&json!("16:00"), &json!("18:00")));
        clock.advance_to(at("2027-03-03T15:00:00Z"));
        site.clinic.tick().await;
        assert!(site.clinic.sent_to(NUMBER).await.is_empty());
        let steps = site.clinic.steps(visit).await;
        assert_eq!((steps[0].state, steps[0].due_at),
            (ReminderState::Planned, at("2027-03-03T21:00:00Z")));
        clock.advance_to(at("2027-03-03T21:00:00Z"));
        site.clinic.tick().await;
        assert_eq!(site.clinic.sent_to(NUMBER).await.len(), 1);
        // No reminders at all.
        let none = json!({"kinds_off": ["appt_reminder"], "told": spoken()});
        site.put(&path, &none).await.is(200);
        clock.advance_to(at("2027-03-08T15:00:00Z"));
        site.clinic.tick().await;
        assert_eq!(site.clinic.sent_to(NUMBER).await.len(), 1);
        assert_eq!(site.clinic.steps(visit).await[1].state, ReminderState::Skipped);
        for (body, field) in [
            (json!({"from": "16:00", "told": spoken()}), "until"),
            (json!({"from": "25:00", "until": "18:00", "told": spoken()}), "from"),
            (json!({"from": "18:00", "until": "18:00", "told": spoken()}), "hours"),
            (json!({"kinds_off": ["spam"], "told": spoken()}), "kinds_off"),
            (json!({"channel": "pigeon", "told": spoken()}), "channel"),
            (json!({"channel": "voicemail", "told": spoken()}), "channel"),
        ] {
            site.put(&path, &body).await.is_about(field);
        }
        site.clinic.is_proved().await;
    }

    async fn the_history_says_who_and_on_what_evidence_and_only_grows(db: TestDb) {
        let site = Site::open(db).await;
        let body = json!({"what": "safety", "decision": "accepted", "told": paper()});
        site.post(&site.of_patient("/restrictions"), &body).await.is(201);
        let one = site.get(&site.of_patient("/history")).await.is(200).json;
        let wishes = json!({"channel": "email", "told": spoken()});
        site.put(&site.of_patient("/preferences"), &wishes).await.is(200);
        site.put(&site.of_patient("/preferences"), &json!({"told": spoken()})).await.is(200);
        let all = site.get(&site.of_patient("/history")).await.is(200).json;
        let items = all["items"].as_array().unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items[0], one["items"][0], "what was written stays as it was");
        assert_eq!(items[0]["evidence"], "binder 4");
        assert!(items[0]["captured_by"].as_str().unwrap().starts_with("token:"));
        assert_eq!(items[1]["witness"], "front desk");
        assert_eq!(items[1]["details"]["channel"], "email");
        // Nothing of it can be taken out or changed unseen.
        site.clinic.is_proved().await;
        let card = site.get(&site.of_patient("")).await.is(200).json;
        assert_eq!(card["name"], "Marisol Example");
        assert_eq!(card["restrictions"][0]["what"], "safety");
        assert_eq!(card["contacts"][0]["address"], "…0142");
    }

    async fn a_merged_record_takes_nothing(db: TestDb) {
        let site = Site::open(db).await;
        let other = site.clinic.patient("Noa", "en", "+12125550143").await;
        let patient = site.patient;
        site.clinic
            .write(move |tx, office| {
                assert!(sotto::people::merge::merge(tx, office.into(), patient, other).unwrap());
            })
            .await;
        for (rest, body) in [
            ("/contacts", json!({"kind": "phone", "address": OTHER, "told": spoken()})),
            ("/caregivers", json!({"given": "Eva", "relation": "sister", "told": spoken()})),
            ("/alternative-contacts", json!({"channel": "sms", "told": spoken()})),
            ("/restrictions", json!({"what": "hold", "decision": "accepted", "told": spoken()})),
            ("/opt-outs", json!({"address": NUMBER, "told": spoken()})),
        ] {
            site.post(&site.of_patient(rest), &body).await.is(404);
        }
        let wishes = json!({"told": spoken()});
        site.put(&site.of_patient("/preferences"), &wishes).await.is(404);
        assert_eq!(site.count("patient_event").await, 0);
        site.clinic.is_proved().await;
    }
}

/// Subject and event of each line of the history.
async fn history(site: &Site) -> Vec<(String, String)> {
    let all = site.get(&site.of_patient("/history")).await.is(200).json;
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = all["items"].as_array().unwrap();
    items.iter().map(|item| (text(item, "subject"), text(item, "event"))).collect()
}

/// A patient born on this day.
async fn minor(site: &Site, born: &str) -> PatientId {
    let id = site.clinic.patient("Lea", "en", "+12125550144").await;
    let born: jiff::civil::Date = born.parse().unwrap();
    site.clinic
        .write(move |tx, office| {
            let practice = office.practice();
            let mut row = sotto::db::patient::get(tx, practice, id).unwrap().unwrap();
            let person = sotto::people::person::Person {
                given: "Lea".to_owned(),
                family: "Example".to_owned(),
                birth_date: Some(born),
                ..sotto::people::person::Person::default()
            };
            row.person_sealed =
                sotto::people::patients::seal_person(office.keys(), practice, id, &person).unwrap();
            sotto::db::patient::put(tx, practice, &row).unwrap();
            let _ = staff();
        })
        .await;
    id
}
