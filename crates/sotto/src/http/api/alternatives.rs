//! Confidential communications: another number, mailbox or channel at the patient's wish, which
//! overrides the chart on every send (45 CFR 164.522(b), PRIV-05).

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::patients::card_of;
use crate::http::Doors;
use crate::http::auth::{MayReadPatients, MayWritePatients};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields::{self, ToldRequest};
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::people::addresses::parse_for;
use crate::people::alternatives::{self, NewAlternative, Reach};
use crate::people::card::AlternativeLine;

/// A wish to be reached elsewhere. Nobody asks why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlternativeRequest {
    /// The channel it governs, such as `sms`; none: all but the portal.
    channel: Option<String>,
    /// The number or mailbox to use instead, added as a contact where it is new; none: none on that
    /// channel.
    address: Option<String>,
    /// From when (RFC 3339); now, when not told.
    valid_from: Option<String>,
    /// Until when (RFC 3339).
    valid_until: Option<String>,
    /// How it was told.
    told: ToldRequest,
}

/// A confidential address that was recorded, and what became of what waited.
#[derive(Serialize, ToSchema)]
pub struct AlternativeAnswer {
    /// Its id.
    alternative: String,
    /// Reminders that were withdrawn and are planned again, to the address that holds now.
    replanned: u64,
    /// Other messages that were withdrawn, each with a task for staff.
    withdrawn: u64,
}

/// One that has ended.
#[derive(Serialize, ToSchema)]
pub struct AlternativeEnded {
    /// Its id.
    alternative: String,
    /// Always true.
    ended: bool,
}

/// How the end was told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlternativeEndRequest {
    /// How it was told.
    told: ToldRequest,
}

/// Confidential addresses, also those that are over.
#[derive(Serialize, ToSchema)]
pub struct Alternatives {
    items: Vec<AlternativeLine>,
}

/// `GET /api/v1/patients/{id}/alternative-contacts`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/alternative-contacts", tag = "alternative contacts",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = Alternatives), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn list(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Alternatives>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "alternatives", move |tx, office| {
        let items = card_of(tx, office, id)?.alternatives;
        Ok(Shown { count: items.len(), what: Alternatives { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}

/// `POST /api/v1/patients/{id}/alternative-contacts`: holds at once, also for what waits.
///
/// # Errors
/// 422 naming the field that is wrong.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/alternative-contacts", tag = "alternative contacts",
    security(("token" = ["patients:write"])), request_body = AlternativeRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = AlternativeAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn record(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<AlternativeRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let told = request.told.parse(doors.office().clock().now())?;
    let channel = fields::channel(request.channel.as_deref())?;
    let reach = match request.address.as_deref() {
        None => Reach::Nowhere,
        Some(text) => {
            let mailbox = text.contains('@').then_some(gate::Channel::Email);
            let by = channel.or(mailbox).unwrap_or(gate::Channel::Sms);
            let address = parse_for(by, text)
                .map_err(|error| Problem::field("address", format!("{error}.")))?;
            Reach::At(address)
        }
    };
    let new = NewAlternative {
        patient,
        channel,
        reach,
        valid_from: fields::instant("valid_from", request.valid_from)?,
        valid_until: fields::instant("valid_until", request.valid_until)?,
    };
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let (id, done) = alternatives::record(tx, office, &actor, &new, &told)?;
        let answer = AlternativeAnswer {
            alternative: id.to_string(),
            replanned: done.replanned,
            withdrawn: done.withdrawn,
        };
        Answer::new(StatusCode::CREATED, &answer)
    })
    .await
}

/// `POST /api/v1/patients/{id}/alternative-contacts/{alternative}/end`
///
/// # Errors
/// 404 when this patient has no such wish, 409 when it has ended.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/alternative-contacts/{alternative}/end",
    tag = "alternative contacts",
    security(("token" = ["patients:write"])), request_body = AlternativeEndRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("alternative" = String, Path, description = "Its id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = AlternativeEnded), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn end(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path((id, alternative)): Path<(String, String)>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<AlternativeEndRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let alternative: Uuid =
        alternative.parse().map_err(|_| Problem::not_found("alternative contact"))?;
    let told = request.told.parse(doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        alternatives::end(tx, office, &actor, (patient, alternative), &told)?;
        let alternative = alternative.to_string();
        Answer::new(StatusCode::OK, &AlternativeEnded { alternative, ended: true })
    })
    .await
}
