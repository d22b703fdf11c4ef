//! Finding a patient by an identifier that another system knows, never by name; and the patient's
//! card, with all that stands written about how they may be reached.

use axum::Json as JsonAnswer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::{self, Event, Kind};
use crate::db::{Tx, patient};
use crate::http::Doors;
use crate::http::auth::MayReadPatients;
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields;
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::office::Office;
use crate::people::card::{self, Card, EventLine};

/// Which patient. It comes in the body: a record number in a URL would stand in the logs of every
/// proxy on the way (ASVS 14.2.1).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatientQuery {
    /// Who gave the identifier: the URI it was imported with.
    system: String,
    /// The identifier.
    value: String,
}

/// A patient, by the id that the rest of the API takes.
#[derive(Serialize, ToSchema)]
pub struct PatientLine {
    /// The id.
    id: String,
}

/// `POST /api/v1/patients/find`
///
/// # Errors
/// 404 when nobody has that identifier.
#[utoipa::path(
    post, path = "/api/v1/patients/find", tag = "patients",
    security(("token" = ["patients:read"])), request_body = PatientQuery,
    responses(
        (status = 200, body = PatientLine), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 404, body = Problem),
    ),
)]
pub async fn find(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Json { value: query, .. }: Json<PatientQuery>,
) -> Result<JsonAnswer<PatientLine>, Problem> {
    let office = doors.office().clone();
    let domain = format!("identifier {}", query.system);
    let index = office.keys().blind_index(&domain, query.value.trim().as_bytes());
    let found = doors
        .db()
        .write(move |tx| {
            let found = patient::by_identifier(tx, office.practice(), &query.system, &index)?;
            // Looking is recorded, also when nobody is found (45 CFR 164.312(b)).
            let event = Event::new(Kind::PatientsSearched, caller.actor()).patient(found);
            audit::append(tx, &office, event)?;
            Ok::<_, Problem>(found)
        })
        .await?;
    let id = found.ok_or_else(|| Problem::not_found("patient"))?;
    Ok(JsonAnswer(PatientLine { id: id.to_string() }))
}

/// `GET /api/v1/patients/{id}`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}", tag = "patients", security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = Card), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Card>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "card", move |tx, office| {
        let what = card_of(tx, office, id)?;
        Ok(Shown { what, patient: Some(id), count: 1 })
    })
    .await
    .map(JsonAnswer)
}

/// A patient's card, or 404.
pub(super) fn card_of(
    tx: &mut Tx<'_>,
    office: &Office,
    id: gate::PatientId,
) -> Result<Card, Problem> {
    card::of(tx, office, id)?.ok_or_else(|| Problem::not_found("patient"))
}

/// What was written down about a patient, oldest first.
#[derive(Serialize, ToSchema)]
pub struct PatientHistory {
    items: Vec<EventLine>,
}

/// `GET /api/v1/patients/{id}/history`: who wrote what down, when, and on what evidence. Consents
/// have a history of their own.
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/history", tag = "patients",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = PatientHistory), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn history(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<PatientHistory>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "history", move |tx, office| {
        patient::get(tx, office.practice(), id)?.ok_or_else(|| Problem::not_found("patient"))?;
        let items = card::history(tx, office, id)?;
        Ok(Shown { count: items.len(), what: PatientHistory { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}
