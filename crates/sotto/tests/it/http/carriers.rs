//! What a Twilio-compatible carrier posts: believed with its signature, and never without.

use axum::body::Body;
use axum::http::{Method, Request, header};
use sotto::channels::twilio_webhook::Form;
use sotto::channels::{AdapterName, Secret};

use super::{Answered, BASE, CARRIER_TOKEN, NEXT_CARRIER_TOKEN, NUMBER, Site, results};
use crate::on_both_engines;

const STATUS: &str = "/carriers/twilio/status";
const INBOUND: &str = "/carriers/twilio/inbound";

fn signed(path: &str, body: &str) -> String {
    signed_with(CARRIER_TOKEN, path, body)
}

fn signed_with(token: &str, path: &str, body: &str) -> String {
    let form = Form::parse(body.as_bytes()).unwrap();
    form.sign(&format!("{BASE}{path}"), &Secret::new(token.to_owned()))
}

async fn told(site: &Site, path: &str, body: &str, signature: Option<&str>) -> Answered {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(signature) = signature {
        request = request.header("x-twilio-signature", signature);
    }
    site.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// A text from the patient, as the carrier posts it.
fn text(sid: &str, words: &str) -> String {
    format!(
        "MessageSid={sid}&From=%2B12125550142&To=%2B12025550100&Body={}",
        words.replace(' ', "+")
    )
}

on_both_engines! {
    async fn a_status_is_believed_with_its_signature(db: TestDb) {
        let site = Site::open(db).await;
        let id = site.post("/api/v1/messages", &results(site.patient)).await.is(202).text_of("id");
        site.handed_over(&id, AdapterName::SmsHttp, "SM17").await;
        let state = async || {
            site.get(&format!("/api/v1/messages/{id}")).await.is(200).text_of("state")
        };
        let body = "MessageSid=SM17&MessageStatus=delivered&To=%2B12125550142";
        let right = signed(STATUS, body);
        let other_body = signed(STATUS, "MessageSid=SM17&MessageStatus=failed");
        for wrong in [
            None,
            Some(""),
            Some("Marisol"),
            Some(other_body.as_str()),
            Some(signed(INBOUND, body).as_str()),
            Some(&right[..right.len() - 4]),
        ] {
            told(&site, STATUS, body, wrong).await.is(403);
        }
        let stranger = signed_with("one-of-nobodys", STATUS, body);
        told(&site, STATUS, body, Some(&stranger)).await.is(403);
        // While the token is being changed, either signs.
        let sent = "MessageSid=SM17&MessageStatus=sent&To=%2B12125550142";
        let next = signed_with(NEXT_CARRIER_TOKEN, STATUS, sent);
        told(&site, STATUS, sent, Some(&next)).await.is(204);
        let changed = "MessageSid=SM17&MessageStatus=undelivered&To=%2B12125550142";
        told(&site, STATUS, changed, Some(&right)).await.is(403);
        assert_eq!(state().await, "sent");
        for _ in 0..2 {
            told(&site, STATUS, body, Some(&right)).await.is(204);
            assert_eq!(state().await, "delivered");
        }
        // Late and out of order: what is final stays.
        let late = "MessageSid=SM17&MessageStatus=sent";
        told(&site, STATUS, late, Some(&signed(STATUS, late))).await.is(204);
        assert_eq!(state().await, "delivered");
        site.clinic.is_proved().await;
    }

    async fn a_stop_is_obeyed_with_its_signature_only(db: TestDb) {
        let site = Site::open(db).await;
        let id = site.post("/api/v1/messages", &results(site.patient)).await.is(202).text_of("id");
        let body = text("SM1", "STOP");
        told(&site, INBOUND, &body, None).await.is(403);
        told(&site, INBOUND, &body, Some(&signed(STATUS, &body))).await.is(403);
        assert_eq!(site.count("inbound_message").await, 0);
        assert_eq!(site.count("suppression_event").await, 0);
        let right = signed(INBOUND, &body);
        // The carrier delivers it twice; it is one.
        for _ in 0..2 {
            let answer = told(&site, INBOUND, &body, Some(&right)).await.is(200);
            assert_eq!(answer.headers[header::CONTENT_TYPE], "text/xml; charset=utf-8");
            assert!(answer.text.ends_with("<Response/>"), "{}", answer.text);
        }
        assert_eq!(site.count("inbound_message").await, 1);
        assert_eq!(site.count("suppression_event").await, 1);
        let waiting = site.get(&format!("/api/v1/messages/{id}")).await.is(200);
        assert_eq!(waiting.json["state"], "cancelled");
        let kinds: Vec<_> =
            site.clinic.sent_to(NUMBER).await.into_iter().map(|m| (m.kind, m.state)).collect();
        assert_eq!(kinds.last().unwrap().0, "stop_confirm", "{kinds:?}");
        let refused = site.post("/api/v1/messages", &results(site.patient)).await.is(422);
        assert!(refused.text.contains("OPT"), "{}", refused.text);
        site.clinic.is_proved().await;
    }

    async fn a_post_that_is_signed_and_senseless_is_refused(db: TestDb) {
        let site = Site::open(db).await;
        let many: String = (0..300).map(|n| format!("a{n}=1&")).collect();
        for (path, body) in [
            (STATUS, "MessageStatus=delivered".to_owned()),
            (STATUS, "MessageSid=SM1".to_owned()),
            (STATUS, "MessageSid=SM1&MessageStatus=Marisol".to_owned()),
            (STATUS, "MessageSid=SM%001&MessageStatus=delivered".to_owned()),
            (INBOUND, "MessageSid=SM1&From=Marisol&To=%2B12025550100&Body=hi".to_owned()),
            (INBOUND, "MessageSid=SM1&From=%2B12125550142&Body=hi".to_owned()),
            (INBOUND, String::new()),
            (INBOUND, "%ff%fe=%zz".to_owned()),
        ] {
            told(&site, path, &body, Some(&signed(path, &body))).await.is(400);
        }
        told(&site, INBOUND, &many, Some("c2lnbmF0dXJl")).await.is(400);
        let large = "a=".to_owned() + &"x".repeat(70_000);
        let answer = told(&site, INBOUND, &large, Some("c2lnbmF0dXJl")).await;
        assert_eq!(answer.status.as_u16(), 413);
        assert_eq!(site.count("inbound_message").await, 0);
        // Octets that are no text are words like others, for a person to read.
        let odd = "MessageSid=SM9&From=%2B12125550142&To=%2B12025550100&Body=%ff%fe%00";
        told(&site, INBOUND, odd, Some(&signed(INBOUND, odd))).await.is(200);
        assert_eq!(site.count("inbound_message").await, 1);
        site.clinic.is_proved().await;
    }
}
