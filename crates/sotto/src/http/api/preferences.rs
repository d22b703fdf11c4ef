//! What a patient likes best: wishes, which never stand in for a consent (SPEC CN-14).

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use gate::Kind;
use jiff::civil::Time;
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
use crate::people::card::PreferenceLine;
use crate::people::preferences::{self, Preferences};

/// All of a patient's wishes; what is left out is no wish any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferenceRequest {
    /// The channel liked best.
    channel: Option<String>,
    /// Not before this time of the patient's day, such as `09:00`; goes with `until`.
    from: Option<String>,
    /// Not from this time on, such as `18:00`; a window may pass midnight.
    until: Option<String>,
    /// Kinds of message not wanted, such as `survey`.
    #[serde(default)]
    kinds_off: Vec<String>,
    /// How it was told.
    told: ToldRequest,
}

/// Wishes that were written down.
#[derive(Serialize, ToSchema)]
pub struct PreferenceAnswer {
    /// Whose.
    patient: String,
    /// Always true.
    changed: bool,
}

/// `GET /api/v1/patients/{id}/preferences`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/preferences", tag = "preferences",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = PreferenceLine), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<PreferenceLine>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "preferences", move |tx, office| {
        let what = card_of(tx, office, id)?.preferences;
        Ok(Shown { what, patient: Some(id), count: 1 })
    })
    .await
    .map(JsonAnswer)
}

/// `PUT /api/v1/patients/{id}/preferences`
///
/// # Errors
/// 422 naming the field that is wrong.
#[utoipa::path(
    put, path = "/api/v1/patients/{id}/preferences", tag = "preferences",
    security(("token" = ["patients:write"])), request_body = PreferenceRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = PreferenceAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn put(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<PreferenceRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let told = request.told.parse(doors.office().clock().now())?;
    let hours = match (request.from.as_deref(), request.until.as_deref()) {
        (None, None) => None,
        (Some(from), Some(until)) => Some((minute("from", from)?, minute("until", until)?)),
        _ => return Err(Problem::field("until", "from and until go together.")),
    };
    let kinds_off = request
        .kinds_off
        .iter()
        .map(|word| fields::kind("kinds_off", word))
        .collect::<Result<Vec<Kind>, Problem>>()?;
    let channel = fields::channel(request.channel.as_deref())?;
    let wishes = Preferences { channel, hours, kinds_off };
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        preferences::record(tx, office, &actor, (patient, &wishes), &told)?;
        let patient = patient.to_string();
        Answer::new(StatusCode::OK, &PreferenceAnswer { patient, changed: true })
    })
    .await
}

/// A minute of the day.
fn minute(field: &'static str, text: &str) -> Result<u16, Problem> {
    Time::strptime("%H:%M", text)
        .ok()
        .and_then(|time| u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok())
        .ok_or_else(|| Problem::field(field, format!("{field} must be a time such as 09:00.")))
}
