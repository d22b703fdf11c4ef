//! Finding a patient by an identifier that another system knows: never by name.

use axum::Json as JsonAnswer;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audit::{self, Event, Kind};
use crate::db::patient;
use crate::http::Doors;
use crate::http::auth::MayReadPatients;
use crate::http::errors::Problem;

/// Which patient.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
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

/// `GET /api/v1/patients?system=…&value=…`
///
/// # Errors
/// 404 when nobody has that identifier.
#[utoipa::path(
    get, path = "/api/v1/patients", tag = "patients", security(("token" = ["patients:read"])),
    params(PatientQuery),
    responses(
        (status = 200, body = PatientLine), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn find(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Query(query): Query<PatientQuery>,
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
