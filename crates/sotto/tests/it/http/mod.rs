//! The API, the webhooks and the one-click page, through the real router, on both engines.

mod carriers;
mod check;
mod health;
mod input;
mod messages;
mod people;
mod practice;
mod release;
mod tokens;
mod unsubscribe;
mod way;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use gate::{Address, MessageId, PatientId};
use serde_json::Value;
use sotto::access::tokens::{self as access, NewToken, Scope};
use sotto::audit::Actor;
use sotto::channels::{AdapterName, Secret};
use sotto::db::attempt::{self, End, Outcome, Part, Start};
use sotto::db::message::{self, Change, State};
use sotto::http::Doors;
use sotto::http::carriers::twilio::Webhook;
use sotto::http::router::router;
use sotto::ids::{AttemptId, Id as _, TokenId};
use sotto::live::Live;
use sotto::{arrivals, params, sql};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use crate::clinic::{Clinic, phone, staff};
use crate::engines::TestDb;

pub(super) const NUMBER: &str = "+12125550142";
pub(super) const BASE: &str = "https://sotto.harborview.example";
pub(super) const CARRIER_TOKEN: &str = "twelve-and-three";
pub(super) const NEXT_CARRIER_TOKEN: &str = "thirteen-and-four";

/// What no error may tell: the test patient's name, number, birth date and mailbox.
const PHI: [&str; 8] = [
    "Marisol",
    "marisol",
    "Example,",
    "Marisol Example",
    "2125550142",
    "212-555-0142",
    "1980-05-17",
    "@mail.example",
];

/// A clinic with its doors open.
pub(crate) struct Site {
    pub(super) clinic: Clinic,
    router: Router,
    /// Marisol, in New York, who agreed to texts at [`NUMBER`].
    pub(super) patient: PatientId,
    /// A token with every scope.
    pub(super) token: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(crate) text: String,
    pub(super) json: Value,
}

impl Answered {
    /// A string in the JSON.
    #[track_caller]
    pub(super) fn text_of(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_else(|| panic!("{field}: {}", self.text)).to_owned()
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// A problem about this field, which says what to do.
    #[track_caller]
    pub(super) fn is_about(&self, field: &str) {
        assert_eq!(self.status.as_u16(), 422, "{}", self.text);
        assert_eq!(self.json["field"], field, "{}", self.text);
        assert!(self.json["detail"].as_str().unwrap().len() > field.len() + 5, "{}", self.text);
    }

    fn kind(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap())
    }
}

impl Site {
    pub(crate) async fn open(db: TestDb) -> Self {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Marisol", "en", NUMBER).await;
        let router = doors(&clinic);
        let token = create(&clinic, Scope::ALL, 30).await.1;
        Self { clinic, router, patient, token }
    }

    /// Another node before the same database, which remembers nothing.
    pub(super) fn another_node(&self) -> Router {
        doors(&self.clinic)
    }

    pub(super) async fn token(&self, scopes: &[Scope], days: u16) -> (TokenId, String) {
        create(&self.clinic, scopes, days).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answered {
        send(self.router.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(asked(Method::GET, path, &self.token, Body::empty())).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send(asked(Method::POST, path, &self.token, body.to_string().into())).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Answered {
        self.send(asked(Method::PUT, path, &self.token, body.to_string().into())).await
    }

    pub(super) async fn with_key(&self, path: &str, key: &str, body: &Value) -> Answered {
        let mut request = asked(Method::POST, path, &self.token, body.to_string().into());
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        self.send(request).await
    }

    /// A path under the patient.
    pub(super) fn of_patient(&self, rest: &str) -> String {
        format!("/api/v1/patients/{}{rest}", self.patient)
    }

    /// How many rows there are.
    pub(super) async fn count(&self, table: &'static str) -> i64 {
        self.clinic
            .write(move |tx, office| {
                let text = match table {
                    "message" => sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1"),
                    "outbox" => sql!("SELECT COUNT(*) FROM outbox WHERE practice_id = $1"),
                    "suppression_event" => {
                        sql!("SELECT COUNT(*) FROM suppression_event WHERE practice_id = $1")
                    }
                    "inbound_message" => {
                        sql!("SELECT COUNT(*) FROM inbound_message WHERE practice_id = $1")
                    }
                    "consent_event" => {
                        sql!("SELECT COUNT(*) FROM consent_event WHERE practice_id = $1")
                    }
                    "patient_event" => {
                        sql!("SELECT COUNT(*) FROM patient_event WHERE practice_id = $1")
                    }
                    "audit_entry" => {
                        sql!("SELECT COUNT(*) FROM audit_entry WHERE practice_id = $1")
                    }
                    other => panic!("{other}"),
                };
                tx.query_one(text, params![office.practice()], |row| row.get(0)).unwrap()
            })
            .await
    }

    /// The audit entries of a kind, the oldest first, as JSON.
    pub(super) async fn entries(&self, kind: &'static str) -> Vec<Value> {
        let all: Vec<Vec<u8>> = self
            .clinic
            .write(|tx, office| {
                tx.query(
                    sql!(
                        "SELECT body FROM audit_entry WHERE practice_id = $1
                          ORDER BY recorded_at, id"
                    ),
                    params![office.practice()],
                    |row| row.get(0),
                )
                .unwrap()
            })
            .await;
        all.iter()
            .map(|body| serde_json::from_slice::<Value>(body).unwrap())
            .filter(|entry| entry["kind"] == kind)
            .collect()
    }

    /// The carrier took a queued message under this id.
    pub(super) async fn handed_over(&self, id: &str, adapter: AdapterName, carrier_id: &str) {
        let (id, carrier_id): (MessageId, _) = (id.parse().unwrap(), carrier_id.to_owned());
        self.clinic
            .write(move |tx, office| {
                let (practice, now) = (office.practice(), office.clock().now());
                let attempt = AttemptId::new(office.clock());
                let start = Start { message: id, number: 1, adapter: adapter.as_str() };
                attempt::start(tx, practice, attempt, &start, now).unwrap();
                let outcome = Outcome::Accepted;
                let end = End { outcome, failure: None, transport: None };
                attempt::finish(tx, practice, attempt, &end, now).unwrap();
                let carrier_id = carrier_id.as_str();
                let part = Part { attempt, number: 1, adapter: adapter.as_str(), carrier_id };
                attempt::add_part(tx, practice, &part, now).unwrap();
                sotto::db::outbox::delete(tx, practice, id).unwrap();
                for (from, to) in [(State::Queued, State::Sending), (State::Sending, State::Sent)] {
                    let change = Change { id, from, to, refusals: &[] };
                    assert!(message::change_state(tx, practice, &change, now).unwrap());
                }
            })
            .await;
    }
}

fn doors(clinic: &Clinic) -> Router {
    let (events, arrived) = mpsc::channel(16);
    tokio::spawn(arrivals::run(clinic.db.db.clone(), clinic.office.clone(), arrived));
    let webhook = Webhook {
        public_base: BASE.to_owned(),
        // While a token is being changed both are good.
        auth_tokens: Live::new(
            [NEXT_CARRIER_TOKEN, CARRIER_TOKEN].map(|token| Secret::new(token.to_owned())).into(),
        ),
        events,
    };
    router(Doors::new(clinic.db.db.clone(), clinic.office.clone(), Some(webhook)))
}

pub(crate) async fn create(clinic: &Clinic, scopes: &[Scope], days: u16) -> (TokenId, String) {
    let new = NewToken { name: "a test".to_owned(), scopes: scopes.to_vec(), days };
    clinic
        .write(move |tx, office| {
            let (token, secret) = access::create(tx, office, &new, Actor::operator()).unwrap();
            (token.id, secret.reveal().to_owned())
        })
        .await
}

pub(crate) fn asked(method: Method, path: &str, token: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .unwrap()
}

/// Asks, and checks what holds of every answer: an error is a problem document that tells nothing
/// of the patient, and no answer may be kept on the way.
pub(super) async fn send(router: Router, request: Request<Body>) -> Answered {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    let answered = Answered { status: parts.status, headers: parts.headers, text, json };
    if answered.status.as_u16() >= 400 {
        assert_eq!(answered.kind(), "application/problem+json", "{}", answered.text);
        assert_eq!(answered.json["status"], answered.status.as_u16(), "{}", answered.text);
        for field in ["type", "title", "detail"] {
            assert!(answered.json[field].is_string(), "{field}: {}", answered.text);
        }
        for secret in PHI {
            assert!(!answered.text.contains(secret), "{secret}: {}", answered.text);
        }
    }
    answered
}

/// Writes a mailbox down for the patient.
pub(super) async fn mailbox(site: &Site, address: &str) {
    let address = Address::Email(gate::EmailAddress::parse(address).unwrap());
    let patient = site.patient;
    let told = told();
    site.clinic
        .write(move |tx, office| {
            let new = sotto::people::contacts::NewContact {
                verified_how: Some("in_person"),
                ..sotto::people::contacts::NewContact::own(patient, address)
            };
            sotto::people::contacts::add(tx, office, &staff(), &new, &told).unwrap();
        })
        .await;
}

fn told() -> sotto::people::told::Told {
    sotto::people::told::Told {
        method: sotto::db::consent_event::ConsentMethod::Portal,
        evidence: None,
        witness: None,
        captured_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// A message that may go by text.
pub(crate) fn results(patient: PatientId) -> Value {
    serde_json::json!({
        "patient": patient.to_string(), "purpose": "treatment", "channel": "sms",
        "template": "results_ready",
    })
}

/// Someone else's number.
pub(super) fn elsewhere() -> Address {
    phone("+12125550177")
}
