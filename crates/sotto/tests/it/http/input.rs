//! What strangers and broken programs send: a clear answer, nothing done, nothing told.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::{Site, asked};
use crate::on_both_engines;

/// Where a body can be posted, each with its method.
fn doors(site: &Site) -> Vec<(Method, String)> {
    let post = |path: &str| (Method::POST, path.to_owned());
    let of = |rest: &str| (Method::POST, site.of_patient(rest));
    let id = "01890000-0000-7000-8000-000000000001";
    vec![
        post("/api/v1/messages"),
        post("/api/v1/check"),
        post("/api/v1/patients/find"),
        post(&format!("/api/v1/tasks/{id}/done")),
        of("/consents"),
        of(&format!("/consents/{id}/revoke")),
        of("/contacts"),
        of(&format!("/contacts/{id}/end")),
        of("/caregivers"),
        of("/alternative-contacts"),
        of(&format!("/alternative-contacts/{id}/end")),
        of("/restrictions"),
        of(&format!("/restrictions/{id}/terminate")),
        of("/opt-outs"),
        of("/opt-outs/lift"),
        (Method::PUT, site.of_patient(&format!("/caregivers/{id}/permission"))),
        (Method::PUT, site.of_patient("/preferences")),
        (Method::PUT, "/api/v1/appointments/visit-1".to_owned()),
        (Method::PUT, "/api/v1/practice/reminder-plan".to_owned()),
        (Method::PUT, "/api/v1/practice/office-hours".to_owned()),
    ]
}

on_both_engines! {
    async fn a_body_that_is_no_request_is_refused_and_does_nothing(db: TestDb) {
        let site = Site::open(db).await;
        let entries = site.count("audit_entry").await;
        let deep = format!("{{\"told\":{}", "[".repeat(60_000));
        let nested = format!("{}{}", "{\"told\":".repeat(5_000), "1");
        let bodies: [(&str, Vec<u8>, &[u16]); 10] = [
            ("nothing", Vec::new(), &[400]),
            ("not JSON", b"patient=Marisol".to_vec(), &[400]),
            ("cut off", b"{\"Marisol".to_vec(), &[400]),
            ("no UTF-8", b"{\"patient\": \"\xff\xfe\xc3\x28\"}".to_vec(), &[400, 422]),
            ("half a surrogate", b"{\"patient\": \"\\ud800\"}".to_vec(), &[400, 422]),
            ("deep brackets", deep.into_bytes(), &[400, 422]),
            ("deep objects", nested.into_bytes(), &[400, 422]),
            ("a list", b"[]".to_vec(), &[422]),
            ("an unknown field", b"{\"Marisol Example\": 1}".to_vec(), &[422]),
            ("twice the field", b"{\"told\": 1, \"told\": 2}".to_vec(), &[422]),
        ];
        for (method, path) in doors(&site) {
            for (name, body, expected) in &bodies {
                let request = asked(method.clone(), &path, &site.token, body.clone().into());
                let answer = site.send(request).await;
                assert!(expected.contains(&answer.status.as_u16()), "{path} {name}: {}", answer.text);
                assert!(answer.text.len() < 2_000, "{path} {name}");
            }
            let large = vec![b' '; 64 * 1024 + 1];
            let request = asked(method.clone(), &path, &site.token, large.into());
            site.send(request).await.is(413);
            for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
                let mut request = asked(method.clone(), &path, &site.token, Body::from("{}"));
                request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
                site.send(request).await.is(415);
            }
            let mut request = asked(method.clone(), &path, &site.token, Body::from("{}"));
            request.headers_mut().remove(header::CONTENT_TYPE);
            site.send(request).await.is(415);
        }
        assert_eq!(site.count("audit_entry").await, entries, "a refused request left something");
        site.clinic.is_proved().await;
    }

    async fn a_value_that_does_not_fit_names_its_field_and_is_not_repeated(db: TestDb) {
        let site = Site::open(db).await;
        let patient = site.patient.to_string();
        let spoken = json!({"method": "spoken", "witness": "front desk"});
        let messages = "/api/v1/messages".to_owned();
        let send = |name: &str, value: &str| {
            let mut body = json!({"patient": patient, "purpose": "treatment", "body": "Hello."});
            body[name] = json!(value);
            body
        };
        let consent = |name: &str, value: &str| {
            let mut body = json!({"class": "pec", "channel": "sms", "address": "+12125550142",
                "language": "en", "method": "portal", "withdrawal": "STOP"});
            body[name] = json!(value);
            body
        };
        let (contacts, opt_outs) = (site.of_patient("/contacts"), site.of_patient("/opt-outs"));
        let (consents, carers) = (site.of_patient("/consents"), site.of_patient("/caregivers"));
        let wishes = site.of_patient("/alternative-contacts");
        let limits = site.of_patient("/restrictions");
        for (path, body, field) in [
            (&messages, send("patient", "Marisol Example"), "patient"),
            (&messages, send("purpose", "Marisol Example"), "purpose"),
            (&messages, send("channel", "Marisol Example"), "channel"),
            (&messages, send("language", "Marisol Example"), "language"),
            (&messages, send("appointment", "Marisol Example"), "appointment"),
            (&messages, send("useless_after", "1980-05-17"), "useless_after"),
            (&messages, send("template", "results_ready"), "template"),
            (&consents, consent("class", "Marisol Example"), "class"),
            (&consents, consent("channel", "Marisol Example"), "channel"),
            (&consents, consent("address", "Marisol Example"), "address"),
            (&consents, consent("address", "212-555-0199"), "address"),
            (&consents, consent("method", "Marisol Example"), "method"),
            (&consents, consent("captured_at", "1980-05-17"), "captured_at"),
            (&consents, consent("evidence_sha256", "Marisol Example"), "evidence_sha256"),
            (&contacts, json!({"kind": "fax", "address": "1", "told": spoken}), "kind"),
            (&contacts, json!({"kind": "phone", "address": "Marisol", "told": spoken}), "address"),
            (&contacts, json!({"kind": "email", "address": "Marisol", "told": spoken}), "address"),
            (
                &contacts,
                json!({"kind": "email", "address": "m@mail.example", "line": "mobile",
                    "told": spoken}),
                "line",
            ),
            (
                &contacts,
                json!({"kind": "phone", "address": "212-555-0177", "verified_how": "Marisol",
                    "told": spoken}),
                "verified_how",
            ),
            (
                &contacts,
                json!({"kind": "phone", "address": "212-555-0177", "rank": 0, "told": spoken}),
                "rank",
            ),
            (
                &contacts,
                json!({"kind": "phone", "address": "212-555-0177",
                    "told": {"method": "spoken"}}),
                "witness",
            ),
            (
                &contacts,
                json!({"kind": "phone", "address": "212-555-0177",
                    "told": {"method": "paper"}}),
                "evidence",
            ),
            (
                &contacts,
                json!({"kind": "phone", "address": "212-555-0177",
                    "told": {"method": "portal", "captured_at": "2999-01-01T00:00:00Z"}}),
                "captured_at",
            ),
            (&carers, json!({"relation": "sister", "told": spoken}), "name"),
            (
                &carers,
                json!({"given": "Marisol", "relation": "x\ny", "told": spoken}),
                "relation",
            ),
            (
                &wishes,
                json!({"channel": "portal", "told": spoken}),
                "channel",
            ),
            (
                &wishes,
                json!({"channel": "sms", "address": "m@mail.example", "told": spoken}),
                "address",
            ),
            (
                &wishes,
                json!({"channel": "sms", "valid_from": "2027-03-02T00:00:00Z",
                    "valid_until": "2027-03-01T00:00:00Z", "told": spoken}),
                "valid_until",
            ),
            (
                &limits,
                json!({"what": "Marisol", "decision": "accepted", "told": spoken}),
                "what",
            ),
            (&limits, json!({"what": "hold", "decision": "maybe", "told": spoken}), "decision"),
            (
                &limits,
                json!({"what": "channel", "value": "Marisol", "decision": "accepted",
                    "told": spoken}),
                "value",
            ),
            (&opt_outs, json!({"address": "Marisol", "told": spoken}), "address"),
            (&opt_outs, json!({"address": "212-555-0199", "told": spoken}), "address"),
            (
                &opt_outs,
                json!({"address": "212-555-0142", "kind": "Marisol", "told": spoken}),
                "kind",
            ),
        ] {
            let answer = site.post(path, &body).await;
            assert_eq!(answer.json["field"], field, "{path} {body}: {}", answer.text);
            answer.is_about(field);
        }
        assert_eq!(site.count("patient_event").await, 0);
        assert_eq!(site.count("message").await, 0);
        site.clinic.is_proved().await;
    }

    async fn paths_that_lead_nowhere_say_so(db: TestDb) {
        let site = Site::open(db).await;
        let stranger = "01890000-0000-7000-8000-000000000001";
        for path in [
            "/api/v1/patients/Marisol".to_owned(),
            format!("/api/v1/patients/{stranger}"),
            format!("/api/v1/patients/{stranger}/consents"),
            format!("/api/v1/patients/{stranger}/contacts"),
            format!("/api/v1/patients/{stranger}/history"),
            format!("/api/v1/messages/{stranger}"),
            "/api/v1/messages/Marisol%20Example".to_owned(),
            "/api/v1/Marisol".to_owned(),
            "/Marisol".to_owned(),
            "/%ff%fe".to_owned(),
        ] {
            let answer = site.get(&path).await;
            let status = answer.status.as_u16();
            assert!(status == 404 || status == 400, "{path}: {status} {}", answer.text);
        }
        let told = json!({"told": {"method": "portal"}});
        for rest in [
            format!("/contacts/{stranger}/end"),
            format!("/alternative-contacts/{stranger}/end"),
            format!("/restrictions/{stranger}/terminate"),
            "/contacts/Marisol/end".to_owned(),
        ] {
            site.post(&site.of_patient(&rest), &told).await.is(404);
        }
        for (method, path) in [(Method::DELETE, "/api/v1/messages"), (Method::PATCH, "/metrics")] {
            site.send(asked(method, path, &site.token, Body::empty())).await.is(405);
        }
        for query in [
            "/api/v1/messages?patient=x&limit=Marisol",
            "/api/v1/messages?stat=refused",
            "/api/v1/appointments?form=2027-03-01T00:00:00Z",
        ] {
            site.get(query).await.is(400);
        }
        site.get("/api/v1/patients/%ff%fe").await.is(404);
    }
}
