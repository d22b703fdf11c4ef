//! The link in a mail (RFC 8058): looking does nothing, the button does, and a made-up link nothing.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use sotto::channels::AdapterName;

use super::{Answered, Site, mailbox, results};
use crate::on_both_engines;

const OPAQUE: &str = "0123456789abcdef0123456789abcdef";

fn mail(site: &Site) -> Value {
    json!({"patient": site.patient.to_string(), "purpose": "treatment", "channel": "email",
        "template": "results_ready"})
}

async fn press(site: &Site, token: &str) -> Answered {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/u/{token}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("List-Unsubscribe=One-Click"))
        .unwrap();
    site.send(request).await
}

async fn look(site: &Site, token: &str) -> Answered {
    site.send(Request::builder().uri(format!("/u/{token}")).body(Body::empty()).unwrap()).await
}

on_both_engines! {
    async fn the_button_ends_automated_mail_and_looking_does_not(db: TestDb) {
        let site = Site::open(db).await;
        mailbox(&site, "marisol@mail.example").await;
        let sent = site.post("/api/v1/messages", &mail(&site)).await.is(202).text_of("id");
        site.handed_over(&sent, AdapterName::EmailSmtp, OPAQUE).await;
        site.clinic.db.clock.advance(jiff::SignedDuration::from_hours(25));
        let waiting = site.post("/api/v1/messages", &mail(&site)).await.is(202).text_of("id");
        for _ in 0..3 {
            let page = look(&site, OPAQUE).await.is(200);
            assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
            assert!(page.text.contains("<button") && page.text.contains("Harborview"));
            for secret in ["Marisol", "marisol", "mail.example"] {
                assert!(!page.text.contains(secret), "{}", page.text);
            }
        }
        assert_eq!(site.count("suppression_event").await, 0);
        for _ in 0..2 {
            let done = press(&site, OPAQUE).await.is(200);
            assert!(!done.text.contains("<button"), "{}", done.text);
            assert_eq!(site.count("suppression_event").await, 1);
        }
        let seen = site.get(&format!("/api/v1/messages/{waiting}")).await.is(200);
        assert_eq!(seen.json["state"], "cancelled");
        site.post("/api/v1/messages", &mail(&site)).await.is(422);
        let standing = site.get(&site.of_patient("/opt-outs")).await.is(200);
        assert_eq!(standing.json["items"][0]["channel"], "email", "{}", standing.text);
        // Texts are another channel, and still wanted.
        site.post("/api/v1/messages", &results(site.patient)).await.is(202);
        site.clinic.is_proved().await;
    }

    async fn a_made_up_link_shows_the_same_and_does_nothing(db: TestDb) {
        let site = Site::open(db).await;
        mailbox(&site, "marisol@mail.example").await;
        let sent = site.post("/api/v1/messages", &mail(&site)).await.is(202).text_of("id");
        site.handed_over(&sent, AdapterName::EmailSmtp, OPAQUE).await;
        let forged = "fedcba9876543210fedcba9876543210";
        assert_eq!(look(&site, forged).await.is(200).text, look(&site, OPAQUE).await.is(200).text);
        press(&site, forged).await.is(200);
        assert_eq!(site.count("suppression_event").await, 0);
        let upper = OPAQUE.to_uppercase();
        for bad in ["x", "0123", upper.as_str(), "marisol%40mail.example", &"0".repeat(33)] {
            look(&site, bad).await.is(404);
            press(&site, bad).await.is(404);
        }
        site.post("/api/v1/messages", &mail(&site)).await.is(202);
        assert_eq!(site.count("suppression_event").await, 0);
    }
}
