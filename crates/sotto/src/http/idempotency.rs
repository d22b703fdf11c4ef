//! `Idempotency-Key`: the same request twice is one deed and one answer.
//!
//! The answer is kept in the transaction that did the deed: a crash leaves both or neither.

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Doors;
use super::auth::Caller;
use super::errors::Problem;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::Tx;
use crate::db::idempotency_key::{self, Kept, KeyOf};
use crate::office::Office;

/// The key a caller gave, if any, and what it was given for.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// 1 to 255 visible ASCII characters.
    key: Option<String>,
    /// Method and path.
    what: String,
}

/// The header's name.
const NAME: HeaderName = HeaderName::from_static("idempotency-key");

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A nested router has cut the path; the whole one stands beside it.
        let whole = parts.extensions.get::<OriginalUri>();
        let path = whole.map_or(parts.uri.path(), |whole| whole.path());
        let what = format!("{} {path}", parts.method);
        let Some(value) = parts.headers.get(NAME) else { return Ok(Self { key: None, what }) };
        let key = value.to_str().unwrap_or_default();
        if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self { key: Some(key.to_owned()), what })
        } else {
            Err(Problem::malformed(
                "Idempotency-Key must be 1 to 255 visible ASCII characters, such as a UUID.",
            ))
        }
    }
}

/// An answer that can be kept: a status and JSON without PHI.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    json: String,
    replayed: bool,
}

impl Answer {
    /// An answer with this body.
    ///
    /// # Errors
    /// 500 when the body cannot be written as JSON.
    pub fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let json = serde_json::to_string(body).map_err(|_| Problem::internal())?;
        Ok(Self { status, json, replayed: false })
    }

    /// A refusal that is itself the result of the deed, and so is kept with it.
    ///
    /// # Errors
    /// As [`Answer::new`].
    pub fn problem(problem: &Problem) -> Result<Self, Problem> {
        let status = StatusCode::from_u16(problem.status).map_err(|_| Problem::internal())?;
        Self::new(status, problem)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let kind =
            if self.status.is_success() { "application/json" } else { "application/problem+json" };
        let mut response = (self.status, self.json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if self.replayed {
            headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

/// A request, as far as its repeat must be the same.
pub struct Asked<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// With which key, and what for.
    pub key: IdempotencyKey,
    /// The body.
    pub body: &'a [u8],
}

/// Does `work` once for each key, in one transaction with keeping its answer. Without a key it is
/// simply done.
///
/// # Errors
/// 409 when the key was used for another request, or what `work` returned; then nothing is kept.
pub async fn once(
    doors: &Doors,
    asked: Asked<'_>,
    work: impl FnOnce(&mut Tx<'_>, &Office) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    once_with(doors, asked, |tx, office, _| work(tx, office)).await
}

/// [`once`], for work that keeps its answer itself, before its own audit entry, which then binds
/// both.
///
/// # Errors
/// As [`once`].
pub async fn once_with(
    doors: &Doors,
    asked: Asked<'_>,
    work: impl FnOnce(&mut Tx<'_>, &Office, &mut Keep) -> Result<Answer, Problem> + Send + 'static,
) -> Result<Answer, Problem> {
    let office = doors.office().clone();
    let IdempotencyKey { key: Some(key), what } = asked.key else {
        return doors.db().write(move |tx| work(tx, &office, &mut Keep(None))).await;
    };
    let keys = office.keys();
    let mut request = what.into_bytes();
    request.push(b'\n');
    request.extend_from_slice(asked.body);
    // Keyed, since the body may be guessed from a plain digest of it.
    let request_digest = keys.content_hash("idempotent request", &request);
    let of = KeyOf {
        practice: office.practice(),
        token: asked.caller.token,
        key_digest: keys.content_hash("idempotency key", key.as_bytes()),
    };
    doors
        .db()
        .write(move |tx| {
            // Two requests with one key at once: the second waits, then finds the first's answer.
            let [a, b, c, d, e, f, g, h, ..] = of.key_digest;
            tx.lock(i64::from_be_bytes([a, b, c, d, e, f, g, h]))?;
            if let Some(kept) = idempotency_key::find(tx, &of)? {
                return replay(kept, &request_digest);
            }
            let mut keep = Keep(Some((of, request_digest)));
            let answer = work(tx, &office, &mut keep)?;
            if keep.0.is_some() {
                keep.answer(tx, &office, &answer)?;
                let event = Event::new(Kind::RequestAnswered, Actor::token(of.token));
                audit::append(tx, &office, event)?;
            }
            Ok(answer)
        })
        .await
}

/// Where an answer is to be kept, until it is.
pub struct Keep(Option<(KeyOf, [u8; 32])>);

impl Keep {
    /// Keeps the answer; the audit entry that follows in this transaction binds it.
    ///
    /// # Errors
    /// Storage.
    pub fn answer(
        &mut self,
        tx: &mut Tx<'_>,
        office: &Office,
        answer: &Answer,
    ) -> Result<(), Problem> {
        let Some((of, request_digest)) = self.0.take() else { return Ok(()) };
        let (status, response) = (answer.status.as_u16(), answer.json.clone());
        let kept = Kept { request_digest, status, response };
        Ok(idempotency_key::insert(tx, &of, &kept, office.clock().now())?)
    }
}

fn replay(kept: Kept, request_digest: &[u8; 32]) -> Result<Answer, Problem> {
    if kept.request_digest != *request_digest {
        return Err(Problem::conflict(
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request. Use a new key for a new request.",
        ));
    }
    let status = StatusCode::from_u16(kept.status).map_err(|_| Problem::internal())?;
    Ok(Answer { status, json: kept.response, replayed: true })
}
