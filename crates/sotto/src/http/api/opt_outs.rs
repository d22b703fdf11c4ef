//! Stops that do not come as a reply: said by phone, by mail or at the desk (TEL-11, TEL-18).

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use gate::{EmailAddress, PatientId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patients::card_of;
use crate::http::Doors;
use crate::http::auth::{MayReadPatients, MayWritePatients};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields::{self, ToldRequest};
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::people::addresses::parse_phone;
use crate::people::card::OptOutLine;
use crate::people::suppressions::{self, Scope};
use crate::people::told::Told;

/// What a patient wants no more of, or wants again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptOutRequest {
    /// The number or mailbox, which is on file.
    address: String,
    /// By which channel; none: by every automated one.
    channel: Option<String>,
    /// Which kind of message, such as `survey`; none: all.
    kind: Option<String>,
    /// How it was told.
    told: ToldRequest,
}

/// An opt-out that was recorded, and what became of what waited.
#[derive(Serialize, ToSchema)]
pub struct OptOutAnswer {
    /// The event's id.
    opt_out: String,
    /// Reminders that were withdrawn and are planned again.
    replanned: u64,
    /// Other messages that were withdrawn, each with a task for staff.
    withdrawn: u64,
}

/// An opt-out that was lifted.
#[derive(Serialize, ToSchema)]
pub struct OptOutLifted {
    /// The event's id.
    opt_in: String,
}

/// Opt-outs in force at the patient's numbers and mailboxes.
#[derive(Serialize, ToSchema)]
pub struct OptOuts {
    items: Vec<OptOutLine>,
}

/// `GET /api/v1/patients/{id}/opt-outs`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/opt-outs", tag = "opt-outs",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = OptOuts), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn list(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<OptOuts>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "opt_outs", move |tx, office| {
        let items = card_of(tx, office, id)?.opt_outs;
        Ok(Shown { count: items.len(), what: OptOuts { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}

/// `POST /api/v1/patients/{id}/opt-outs`: holds at once, also for what waits.
///
/// # Errors
/// 409 when it stands already, 422 naming the field that is wrong.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/opt-outs", tag = "opt-outs",
    security(("token" = ["patients:write"])), request_body = OptOutRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = OptOutAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn record(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<OptOutRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let (scope, told) = parse(request, patient, doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let (id, done) = suppressions::opt_out(tx, office, &actor, &scope, &told)?;
        let answer = OptOutAnswer {
            opt_out: id.to_string(),
            replanned: done.replanned,
            withdrawn: done.withdrawn,
        };
        Answer::new(StatusCode::CREATED, &answer)
    })
    .await
}

fn parse(
    request: OptOutRequest,
    patient: PatientId,
    now: jiff::Timestamp,
) -> Result<(Scope, Told), Problem> {
    let told = request.told.parse(now)?;
    let address = if request.address.contains('@') {
        EmailAddress::parse(&request.address).map(gate::Address::Email)
    } else {
        parse_phone(&request.address).map(|(number, _)| gate::Address::Phone(number))
    };
    let address = address.map_err(|error| Problem::field("address", format!("{error}.")))?;
    let channel = fields::channel(request.channel.as_deref())?;
    let kind = request.kind.as_deref().map(|word| fields::kind("kind", word)).transpose()?;
    Ok((Scope { patient, address, channel, kind }, told))
}

/// `POST /api/v1/patients/{id}/opt-outs/lift`: at the patient's fresh wish only.
///
/// # Errors
/// 409 when none like it stands, 422 naming the field that is wrong.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/opt-outs/lift", tag = "opt-outs",
    security(("token" = ["patients:write"])), request_body = OptOutRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = OptOutLifted), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn lift(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<OptOutRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let (scope, told) = parse(request, patient, doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let opt_in = suppressions::opt_in(tx, office, &actor, &scope, &told)?.to_string();
        Answer::new(StatusCode::CREATED, &OptOutLifted { opt_in })
    })
    .await
}
