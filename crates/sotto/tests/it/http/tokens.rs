//! Who comes in, and for what: every operation of the description asks for its own scope.

use axum::body::Body;
use axum::http::{Method, Request, header};
use jiff::SignedDuration;
use serde_json::Value;
use sotto::access::tokens::{self, Scope};
use sotto::audit::Actor;

use super::{Site, asked, send};
use crate::on_both_engines;

/// Every operation of the OpenAPI document: method, a path that fits it, and the scope it names.
async fn operations(site: &Site) -> Vec<(Method, String, Scope)> {
    let document = site.get("/api/v1/openapi.json").await.is(200).json;
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut fitting = path.clone();
        while let (Some(from), Some(until)) = (fitting.find('{'), fitting.find('}')) {
            fitting.replace_range(from..=until, "01890000-0000-7000-8000-000000000001");
        }
        for (method, operation) in methods.as_object().unwrap() {
            let scope = operation["security"][0]["token"][0].as_str();
            let scope = Scope::from_word(scope.unwrap_or_else(|| panic!("{method} {path}")));
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            all.push((method, fitting.clone(), scope.unwrap()));
        }
    }
    all
}

on_both_engines! {
    async fn every_operation_asks_for_its_scope(db: TestDb) {
        let site = Site::open(db).await;
        let all = operations(&site).await;
        assert!(all.len() >= 30, "{}", all.len());
        for scope in Scope::ALL {
            assert!(all.iter().any(|(_, _, asked)| asked == scope), "{}", scope.as_str());
        }
        let entries = site.count("audit_entry").await;
        let mut refused = Vec::new();
        for scope in Scope::ALL {
            let others: Vec<Scope> =
                Scope::ALL.iter().copied().filter(|other| other != scope).collect();
            let (_, token) = site.token(&others, 30).await;
            for (method, path, wanted) in &all {
                if wanted != scope {
                    continue;
                }
                let at = format!("{method} {path}");
                let request = asked(method.clone(), path, &token, Body::from("{}"));
                let answer = site.send(request).await;
                assert_eq!(answer.status.as_u16(), 403, "{at}: {}", answer.text);
                assert!(answer.json["detail"].as_str().unwrap().contains(scope.as_str()), "{at}");
                refused.push(scope.as_str());
                let bare = Request::builder()
                    .method(method.clone())
                    .uri(path)
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(Body::from("{}"))
                    .unwrap();
                let answer = site.send(bare).await;
                assert_eq!(answer.status.as_u16(), 401, "{at}: {}", answer.text);
                assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
            }
        }
        // Making the tokens was recorded, and who asked for what theirs is not for; the refused
        // requests did nothing else.
        let made = i64::try_from(Scope::ALL.len() + refused.len()).unwrap();
        assert_eq!(site.count("audit_entry").await, entries + made);
        let told = site.entries("access.refused").await;
        assert!(told.iter().all(|entry| entry["actor"]["kind"] == "token"), "{told:?}");
        assert!(told.iter().all(|entry| entry["outcome"] == "refused"), "{told:?}");
        let scopes: Vec<&str> = told.iter().map(|one| one["codes"][0].as_str().unwrap()).collect();
        assert_eq!(scopes, refused);
    }

    async fn unknown_expired_and_revoked_are_answered_alike(db: TestDb) {
        let site = Site::open(db).await;
        let (revoked_id, revoked) = site.token(&[Scope::TasksRead], 30).await;
        let (_, short) = site.token(&[Scope::TasksRead], 1).await;
        let (_, good) = site.token(&[Scope::TasksRead], 30).await;
        let get = |token: &str| asked(Method::GET, "/api/v1/tasks", token, Body::empty());
        for token in [&revoked, &short, &good] {
            send(site.another_node(), get(token)).await.is(200);
        }
        site.clinic
            .write(move |tx, office| {
                assert!(tokens::revoke(tx, office, revoked_id, Actor::operator()).unwrap());
            })
            .await;
        site.clinic.db.clock.advance(SignedDuration::from_hours(25));
        let mut told: Vec<Value> = Vec::new();
        let unknown = format!("sotto_{}", "A".repeat(43));
        let nearly = format!("{}x", &good[..good.len() - 1]);
        for token in [revoked.as_str(), &short, &unknown, &nearly, "short", "", &"a".repeat(300)] {
            let answer = send(site.another_node(), get(token)).await.is(401);
            told.push(answer.json);
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        send(site.another_node(), get(&good)).await.is(200);
        for scheme in ["Basic", "Token", ""] {
            let request = Request::builder()
                .uri("/api/v1/tasks")
                .header(header::AUTHORIZATION, format!("{scheme} {good}"))
                .body(Body::empty())
                .unwrap();
            send(site.another_node(), request).await.is(401);
        }
    }

    async fn a_node_that_knew_a_token_sees_its_end(db: TestDb) {
        let site = Site::open(db).await;
        let (_, short) = site.token(&[Scope::TasksRead], 1).await;
        let get = || asked(Method::GET, "/api/v1/tasks", &short, Body::empty());
        site.send(get()).await.is(200);
        site.clinic.db.clock.advance(SignedDuration::from_hours(25));
        site.send(get()).await.is(401);
    }
}
