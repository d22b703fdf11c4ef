//! Asking for messages: taken, refused, redirected, asked twice, listed to the end.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use sotto::access::tokens::Scope;

use super::{NUMBER, Site, asked, mailbox, results};
use crate::on_both_engines;

const SEND: &str = "/api/v1/messages";

/// Each refusal has a code, a reason and a remedy.
#[track_caller]
fn refused_for(problem: &Value, code: &str) {
    let refusals = problem["refusals"].as_array().unwrap();
    assert!(refusals.iter().any(|one| one["code"] == code), "{problem}");
    for one in refusals {
        for field in ["code", "because", "remedy"] {
            assert!(!one[field].as_str().unwrap().is_empty(), "{problem}");
        }
    }
}

on_both_engines! {
    async fn a_message_is_taken_and_can_be_seen(db: TestDb) {
        let site = Site::open(db).await;
        let sent = site.post(SEND, &results(site.patient)).await.is(202);
        assert_eq!(sent.json["state"], "queued");
        assert!(sent.json["clearance"].is_string());
        let id = sent.text_of("id");
        let seen = site.get(&format!("{SEND}/{id}")).await.is(200);
        assert_eq!(seen.json["state"], "queued");
        assert_eq!(seen.json["patient"], site.patient.to_string());
        assert_eq!(seen.json["clearance"], sent.json["clearance"]);
        assert!(!seen.text.contains("Marisol") && !seen.text.contains("2125550142"));
        assert_eq!(site.count("outbox").await, 1);
        assert_eq!(site.clinic.sent_to(NUMBER).await.len(), 1);
        site.clinic.is_proved().await;
    }

    async fn a_refusal_says_why_and_what_would_help(db: TestDb) {
        let site = Site::open(db).await;
        let id = site.text_consent().await;
        site.revoke(&id).await;
        let refused = site.post(SEND, &results(site.patient)).await.is(422);
        assert_eq!(refused.json["type"], "urn:sotto:problem:message-refused");
        refused_for(&refused.json, "E_CONSENT_MISSING");
        let kept = site.get(&format!("{SEND}/{}", refused.text_of("id"))).await.is(200);
        assert_eq!(kept.json["state"], "refused");
        assert!(kept.json["refusals"].as_array().unwrap().contains(&json!("E_CONSENT_MISSING")));
        assert_eq!(site.count("outbox").await, 0);
        site.clinic.is_proved().await;
    }

    async fn a_consent_is_recorded_used_revoked_and_missed(db: TestDb) {
        let site = Site::open(db).await;
        let own = site.text_consent().await;
        site.revoke(&own).await;
        site.post(SEND, &results(site.patient)).await.is(422);
        let given = site
            .post(&site.of_patient("/consents"), &json!({
                "class": "pec", "channel": "sms", "address": "212-555-0142", "language": "en",
                "method": "spoken", "witness": "front desk", "withdrawal": "reply STOP",
                "text_version": "sms-1",
            }))
            .await
            .is(201)
            .text_of("consent");
        let waiting = site.post(SEND, &results(site.patient)).await.is(202).text_of("id");
        let done = site.revoke(&given).await;
        assert_eq!((&done["replanned"], &done["withdrawn"]), (&json!(0), &json!(1)));
        let gone = site.get(&format!("{SEND}/{waiting}")).await.is(200);
        assert_eq!(gone.json["state"], "cancelled");
        let refused = site.post(SEND, &results(site.patient)).await.is(422);
        refused_for(&refused.json, "E_CONSENT_MISSING");
        let again = site
            .post(
                &site.of_patient(&format!("/consents/{given}/revoke")),
                &json!({"method": "spoken", "witness": "front desk"}),
            )
            .await;
        assert_eq!(again.status.as_u16(), 409, "{}", again.text);
        let history = site.get(&site.of_patient("/consents")).await.is(200);
        let events: Vec<_> =
            history.json["items"].as_array().unwrap().iter().map(|e| e["event"].clone()).collect();
        assert_eq!(events, ["given", "revoked", "given", "revoked"]);
        site.clinic.is_proved().await;
    }

    async fn too_much_for_a_text_goes_to_the_portal(db: TestDb) {
        let site = Site::open(db).await;
        mailbox(&site, "marisol@mail.example").await;
        let sent = site
            .post(SEND, &json!({
                "patient": site.patient.to_string(), "purpose": "treatment", "channel": "email",
                "subject": "A message", "body": "Your HIV test came back positive.",
            }))
            .await
            .is(202);
        assert_eq!(sent.json["state"], "redirected", "{}", sent.text);
        let because = sent.json["because"].as_array().unwrap();
        assert!(!because.is_empty() && because.iter().all(|one| one["remedy"].is_string()));
        let body = site.get(&format!("{SEND}/{}", sent.text_of("id"))).await.is(200);
        assert_eq!(body.json["channel"], "portal");
        let notice = site.get(&format!("{SEND}/{}", sent.text_of("notice"))).await.is(200);
        assert_eq!((&notice.json["channel"], &notice.json["kind"]),
            (&json!("email"), &json!("secure_message_notice")));
        site.clinic.is_proved().await;
    }

    async fn the_same_key_is_one_message_and_one_answer(db: TestDb) {
        let site = Site::open(db).await;
        let body = results(site.patient);
        let first = site.with_key(SEND, "k-1", &body).await.is(202);
        assert!(!first.headers.contains_key("idempotent-replayed"));
        let again = site.with_key(SEND, "k-1", &body).await.is(202);
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(again.json, first.json);
        let other = json!({"patient": site.patient.to_string(), "purpose": "treatment",
            "channel": "portal", "body": "Hello."});
        let conflict = site.with_key(SEND, "k-1", &other).await.is(409);
        assert_eq!(conflict.json["type"], "urn:sotto:problem:idempotency-key-reused");
        assert_eq!(site.count("message").await, 1);
        // Two at once: the second waits for the first's answer.
        let (a, b) = tokio::join!(
            site.with_key(SEND, "k-2", &body), site.with_key(SEND, "k-2", &body)
        );
        assert_eq!((a.status.as_u16(), &a.json), (202, &b.json), "{} {}", a.text, b.text);
        assert_eq!(site.count("message").await, 2);
        // Another caller's key is another key; a refusal is kept as well.
        let (_, stranger) = site.token(&[Scope::MessagesWrite], 30).await;
        let mut request = asked(Method::POST, SEND, &stranger, Body::from(body.to_string()));
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        let theirs = site.send(request).await.is(202);
        assert_ne!(theirs.json["id"], first.json["id"]);
        let own = site.text_consent().await;
        site.revoke(&own).await;
        let refused = site.with_key(SEND, "k-3", &body).await.is(422);
        let again = site.with_key(SEND, "k-3", &body).await.is(422);
        assert_eq!(refused.json, again.json);
        assert_eq!(site.count("message").await, 4);
        for bad in ["", " ", &"k".repeat(256), "k 1"] {
            site.with_key(SEND, bad, &body).await.is(400);
        }
        assert_eq!(site.count("message").await, 4);
        site.clinic.is_proved().await;
    }

    async fn a_list_is_read_to_its_end_while_it_grows(db: TestDb) {
        let site = Site::open(db).await;
        let other = site.clinic.patient("Noa", "en", "+12125550143").await;
        let portal = |patient: gate::PatientId| {
            json!({"patient": patient.to_string(), "purpose": "treatment", "channel": "portal",
                "body": "Please phone us when you can."})
        };
        let mut wanted = Vec::new();
        for _ in 0..7 {
            wanted.push(site.post(SEND, &portal(site.patient)).await.is(202).text_of("id"));
            site.clinic.db.clock.advance(jiff::SignedDuration::from_secs(1));
            site.post(SEND, &portal(other)).await.is(202);
        }
        wanted.reverse();
        let mut found = Vec::new();
        let mut pages = 0;
        let mut next = String::new();
        loop {
            let path = format!("{SEND}?limit=2&patient={}{next}", site.patient);
            let page = site.get(&path).await.is(200).json;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            // Between them stand the notices that go with them.
            let letters = items.iter().filter(|item| item["channel"] == "portal");
            found.extend(letters.map(|item| item["id"].as_str().unwrap().to_owned()));
            pages += 1;
            // Something arrives while the list is read.
            site.clinic.db.clock.advance(jiff::SignedDuration::from_secs(1));
            site.post(SEND, &portal(site.patient)).await.is(202);
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!((found, pages), (wanted, 7));
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("cursor=Marisol", "cursor"),
            ("state=Marisol", "state"),
            ("patient=Marisol", "patient"),
        ] {
            site.get(&format!("{SEND}?{query}")).await.is_about(field);
        }
    }

    async fn looking_is_recorded_once_for_each_request(db: TestDb) {
        let site = Site::open(db).await;
        let id = site.post(SEND, &results(site.patient)).await.is(202).text_of("id");
        let patient = site.patient.to_string();
        let mut seen = site.entries("patient.viewed").await.len();
        assert_eq!(seen, 0);
        for (path, what, rows, whose) in [
            (format!("{SEND}/{id}"), "message", 1, true),
            (format!("{SEND}?patient={patient}"), "messages", 1, true),
            (SEND.to_owned(), "messages", 1, false),
            ("/api/v1/tasks".to_owned(), "tasks", 0, false),
            (format!("/api/v1/appointments?patient={patient}"), "appointments", 0, true),
            ("/api/v1/appointments".to_owned(), "appointments", 0, false),
            (site.of_patient(""), "card", 1, true),
            (site.of_patient("/consents"), "consents", 1, true),
            (site.of_patient("/history"), "history", 0, true),
            (site.of_patient("/contacts"), "contacts", 1, true),
            (site.of_patient("/caregivers"), "caregivers", 0, true),
            (site.of_patient("/preferences"), "preferences", 1, true),
            (site.of_patient("/alternative-contacts"), "alternatives", 0, true),
            (site.of_patient("/restrictions"), "restrictions", 0, true),
            (site.of_patient("/opt-outs"), "opt_outs", 0, true),
        ] {
            site.get(&path).await.is(200);
            let entries = site.entries("patient.viewed").await;
            seen += 1;
            assert_eq!(entries.len(), seen, "{path}");
            let entry = entries.last().unwrap();
            assert_eq!(entry["codes"], json!([what, format!("rows={rows}")]), "{path}");
            assert_eq!(entry["actor"]["kind"], "token", "{path}");
            let patients = if whose { json!([patient]) } else { Value::Null };
            assert_eq!(entry["patients"], patients, "{path}");
        }
        site.clinic.is_proved().await;
    }
}

impl Site {
    /// The id of the consent to texts that the patient came with.
    async fn text_consent(&self) -> String {
        let history = self.get(&self.of_patient("/consents")).await.is(200);
        history.json["items"][0]["consent"].as_str().unwrap().to_owned()
    }

    async fn revoke(&self, consent: &str) -> Value {
        // A consent given and revoked in one instant was revoked after it was given.
        self.clinic.db.clock.advance(jiff::SignedDuration::from_secs(60));
        let path = self.of_patient(&format!("/consents/{consent}/revoke"));
        self.post(&path, &json!({"method": "spoken", "witness": "front desk"})).await.is(200).json
    }
}
