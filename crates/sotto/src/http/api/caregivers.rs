//! Family and others who act for a patient, and what each may hear (PRIV-07, PRIV-08).

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use gate::facts::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patients::card_of;
use crate::db::caregiver::Permission;
use crate::http::Doors;
use crate::http::auth::{MayReadPatients, MayWritePatients};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields::{self, ToldRequest};
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::ids::CaregiverId;
use crate::people::card::CaregiverLine;
use crate::people::caregivers::{self, Allowance, NewCaregiver};
use crate::people::person::Person;

/// A person who acts for a patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaregiverRequest {
    /// Given names.
    #[serde(default)]
    given: String,
    /// Family name.
    #[serde(default)]
    family: String,
    /// A word such as `mother`.
    relation: String,
    /// How it was told.
    told: ToldRequest,
}

/// A caregiver.
#[derive(Serialize, ToSchema)]
pub struct CaregiverAnswer {
    /// The id.
    caregiver: String,
    /// Reminders that were withdrawn and are planned again.
    replanned: u64,
    /// Other messages that were withdrawn, each with a task for staff.
    withdrawn: u64,
}

/// What a caregiver may hear.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionRequest {
    /// Of `call_back`, `appointments`, `billing`, `clinical`; none: nothing any more.
    scope: Vec<String>,
    /// `none`, `spoken` or `written`.
    permission: String,
    /// Has legal authority; its proof is the evidence.
    #[serde(default)]
    representative: bool,
    /// From when (RFC 3339).
    valid_from: Option<String>,
    /// Until when (RFC 3339); a parent's authority ends at 18 by itself.
    valid_until: Option<String>,
    /// How it was told.
    told: ToldRequest,
}

/// Family and others who act for the patient.
#[derive(Serialize, ToSchema)]
pub struct Caregivers {
    items: Vec<CaregiverLine>,
}

/// `GET /api/v1/patients/{id}/caregivers`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/caregivers", tag = "caregivers",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = Caregivers), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn list(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Caregivers>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "caregivers", move |tx, office| {
        let items = card_of(tx, office, id)?.caregivers;
        Ok(Shown { count: items.len(), what: Caregivers { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}

/// `POST /api/v1/patients/{id}/caregivers`: they may hear nothing until a permission is recorded.
///
/// # Errors
/// 422 naming the field that is wrong.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/caregivers", tag = "caregivers",
    security(("token" = ["patients:write"])), request_body = CaregiverRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = CaregiverAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn add(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<CaregiverRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let told = request.told.parse(doors.office().clock().now())?;
    let person = Person { given: request.given, family: request.family, ..Person::default() };
    let new = NewCaregiver { patient, person, relation: request.relation };
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let caregiver = caregivers::add(tx, office, &actor, &new, &told)?.to_string();
        let answer = CaregiverAnswer { caregiver, replanned: 0, withdrawn: 0 };
        Answer::new(StatusCode::CREATED, &answer)
    })
    .await
}

/// `PUT /api/v1/patients/{id}/caregivers/{caregiver}/permission`
///
/// # Errors
/// 404 when this patient has no such caregiver, 422 naming the field that is wrong.
#[utoipa::path(
    put, path = "/api/v1/patients/{id}/caregivers/{caregiver}/permission", tag = "caregivers",
    security(("token" = ["patients:write"])), request_body = PermissionRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("caregiver" = String, Path, description = "The caregiver's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = CaregiverAnswer), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn permit(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path((id, caregiver)): Path<(String, String)>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<PermissionRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let caregiver: CaregiverId = caregiver.parse().map_err(|_| Problem::not_found("caregiver"))?;
    let told = request.told.parse(doors.office().clock().now())?;
    let scope = request
        .scope
        .iter()
        .map(|word| {
            fields::word::<Scope>("scope", word, "of call_back, appointments, billing, clinical")
        })
        .collect::<Result<_, Problem>>()?;
    let permission: Permission =
        fields::word("permission", &request.permission, "none, spoken or written")?;
    let allowance = Allowance {
        scope,
        permission,
        representative: request.representative,
        evidence: told.evidence.clone(),
        valid_from: fields::instant("valid_from", request.valid_from)?,
        valid_until: fields::instant("valid_until", request.valid_until)?,
    };
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let whom = (patient, caregiver);
        let done = caregivers::permit(tx, office, &actor, whom, (&allowance, &told))?;
        let caregiver = caregiver.to_string();
        let (replanned, withdrawn) = (done.replanned, done.withdrawn);
        Answer::new(StatusCode::OK, &CaregiverAnswer { caregiver, replanned, withdrawn })
    })
    .await
}
