//! Restrictions that a patient asked for, with what became of them (45 CFR 164.522(a), PRIV-06).

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::patients::card_of;
use crate::db::restriction::RestrictedThing;
use crate::http::Doors;
use crate::http::auth::{MayReadPatients, MayWritePatients};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields::{self, ToldRequest};
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::people::card::RestrictionLine;
use crate::people::restrictions::{self, NewRestriction};

/// A restriction, as it was asked for and decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestrictionRequest {
    /// `channel`, `contact_point`, `kind`, `hold`, `safety`, `minor_confidential`,
    /// `watched` or `part2`.
    what: String,
    /// Which channel, contact or kind.
    value: Option<String>,
    /// `accepted`, or `declined`: then it binds nobody, and is kept.
    decision: String,
    /// From when (RFC 3339); now, when not told.
    valid_from: Option<String>,
    /// Until when (RFC 3339).
    valid_until: Option<String>,
    /// How it was told.
    told: ToldRequest,
}

/// A restriction that was recorded, and what became of what waited.
#[derive(Serialize, ToSchema)]
pub struct RestrictionAnswer {
    /// Its id.
    restriction: String,
    /// Reminders that were withdrawn and are planned again.
    replanned: u64,
    /// Other messages that were withdrawn, each with a task for staff.
    withdrawn: u64,
}

/// One that has ended.
#[derive(Serialize, ToSchema)]
pub struct RestrictionEnded {
    /// Its id.
    restriction: String,
    /// Always true.
    terminated: bool,
}

/// How the end was told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminateRequest {
    /// How it was told.
    told: ToldRequest,
}

/// Restrictions, also those that are over or were declined.
#[derive(Serialize, ToSchema)]
pub struct Restrictions {
    items: Vec<RestrictionLine>,
}

/// `GET /api/v1/patients/{id}/restrictions`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/restrictions", tag = "restrictions",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = Restrictions), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn list(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Restrictions>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "restrictions", move |tx, office| {
        let items = card_of(tx, office, id)?.restrictions;
        Ok(Shown { count: items.len(), what: Restrictions { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}

/// `POST /api/v1/patients/{id}/restrictions`: an accepted one holds at once, also for what waits.
///
/// # Errors
/// 422 naming the field that is wrong.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/restrictions", tag = "restrictions",
    security(("token" = ["patients:write"])), request_body = RestrictionRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = RestrictionAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn record(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<RestrictionRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let told = request.told.parse(doors.office().clock().now())?;
    let what: RestrictedThing = fields::word(
        "what",
        &request.what,
        "channel, contact_point, kind, hold, safety, minor_confidential, watched or part2",
    )?;
    let accepted = match request.decision.as_str() {
        "accepted" => true,
        "declined" => false,
        _ => return Err(Problem::field("decision", "decision must be accepted or declined.")),
    };
    let new = NewRestriction {
        patient,
        what,
        value: request.value,
        accepted,
        valid_from: fields::instant("valid_from", request.valid_from)?,
        valid_until: fields::instant("valid_until", request.valid_until)?,
    };
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let (id, done) = restrictions::record(tx, office, &actor, &new, &told)?;
        let answer = RestrictionAnswer {
            restriction: id.to_string(),
            replanned: done.replanned,
            withdrawn: done.withdrawn,
        };
        Answer::new(StatusCode::CREATED, &answer)
    })
    .await
}

/// `POST /api/v1/patients/{id}/restrictions/{restriction}/terminate`
///
/// # Errors
/// 404 when this patient has no such restriction, 409 when it binds nobody.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/restrictions/{restriction}/terminate",
    tag = "restrictions",
    security(("token" = ["patients:write"])), request_body = TerminateRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("restriction" = String, Path, description = "Its id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = RestrictionEnded), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn terminate(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path((id, restriction)): Path<(String, String)>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<TerminateRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let restriction: Uuid = restriction.parse().map_err(|_| Problem::not_found("restriction"))?;
    let told = request.told.parse(doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        restrictions::terminate(tx, office, &actor, (patient, restriction), &told)?;
        let restriction = restriction.to_string();
        Answer::new(StatusCode::OK, &RestrictionEnded { restriction, terminated: true })
    })
    .await
}
