//! The schedule, as another system tells it.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use gate::PatientId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::db::appointment::{self, AppointmentRow, AppointmentStatus};
use crate::db::{Word, clinician, patient, site};
use crate::http::Doors;
use crate::http::auth::{MayReadAppointments, MayWriteAppointments};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::{Path, Query};
use crate::http::views::{Shown, view};
use crate::schedule::appointments::{self, Booking, Change, ScheduleError};

/// The longest span that one list covers.
const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(24 * 31);

/// An appointment as the schedule tells it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointmentRequest {
    /// The patient's id.
    patient: String,
    /// The clinician's id in the other system.
    clinician: Option<String>,
    /// The site's id in the other system.
    site: Option<String>,
    /// Begin (RFC 3339).
    starts_at: String,
    /// End (RFC 3339).
    ends_at: Option<String>,
    /// `booked`, `cancelled`, `fulfilled` or `noshow`; `booked` when not told.
    status: Option<String>,
}

/// What the request changed.
#[derive(Serialize, ToSchema)]
pub struct AppointmentAnswer {
    /// The appointment's id.
    id: String,
    /// `added`, `updated` or `unchanged`.
    change: &'static str,
}

/// An appointment.
#[derive(Serialize, ToSchema)]
pub struct AppointmentLine {
    id: String,
    external_id: String,
    patient: String,
    starts_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    status: &'static str,
    version: i64,
    /// What the patient answered: `confirmed`, `declined` or `reschedule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_at: Option<String>,
}

/// Appointments in the order of their begin.
#[derive(Serialize, ToSchema)]
pub struct Appointments {
    items: Vec<AppointmentLine>,
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Db(error) => error.into(),
            ScheduleError::Audit(error) => error.into(),
            ScheduleError::NoAppointment(_) => Self::not_found("appointment"),
            ScheduleError::EndsBeforeItBegins => {
                Self::field("ends_at", "ends_at must not be before starts_at.")
            }
            error => {
                tracing::error!(error = %error, "schedule.failed");
                Self::internal()
            }
        }
    }
}

/// `PUT /api/v1/appointments/{external_id}`: books, moves or cancels, and with it replaces or
/// withdraws the reminders. The same again changes nothing.
///
/// # Errors
/// 422 naming the field that is wrong.
#[utoipa::path(
    put, path = "/api/v1/appointments/{external_id}", tag = "appointments",
    security(("token" = ["appointments:write"])), request_body = AppointmentRequest,
    params(
        ("external_id" = String, Path, description = "The appointment's id in the other system."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = AppointmentAnswer), (status = 201, body = AppointmentAnswer),
        (status = 401, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn put(
    MayWriteAppointments(caller): MayWriteAppointments,
    State(doors): State<Doors>,
    Path(external_id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<AppointmentRequest>,
) -> Result<Answer, Problem> {
    if external_id.is_empty() || external_id.len() > 200 {
        return Err(Problem::field("external_id", "external_id must be 1 to 200 characters."));
    }
    let patient: PatientId = request
        .patient
        .parse()
        .map_err(|_| Problem::field("patient", "patient must be the id of a patient."))?;
    let starts_at = instant("starts_at", &request.starts_at)?;
    let ends_at = request.ends_at.as_deref().map(|text| instant("ends_at", text)).transpose()?;
    let status = AppointmentStatus::from_word(request.status.as_deref().unwrap_or("booked"))
        .ok_or_else(|| {
            Problem::field("status", "status must be booked, cancelled, fulfilled or noshow.")
        })?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let practice = office.practice();
        patient::get(tx, practice, patient)?
            .filter(|row| row.merged_into.is_none())
            .ok_or_else(|| Problem::field("patient", "patient: no record in use has this id."))?;
        let clinician = match &request.clinician {
            Some(id) => Some(
                clinician::by_external_id(tx, practice, id)?
                    .ok_or_else(|| Problem::field("clinician", "clinician is not on file."))?
                    .id,
            ),
            None => None,
        };
        let site = match &request.site {
            Some(id) => Some(
                site::by_external_id(tx, practice, id)?
                    .ok_or_else(|| Problem::field("site", "site is not on file."))?
                    .id,
            ),
            None => None,
        };
        let booking = Booking { external_id, patient, clinician, site, starts_at, ends_at, status };
        let (id, change) = appointments::upsert(tx, office, &booking, &actor)?;
        let (code, change) = match change {
            Change::Added => (StatusCode::CREATED, "added"),
            Change::Updated => (StatusCode::OK, "updated"),
            Change::Unchanged => (StatusCode::OK, "unchanged"),
        };
        Answer::new(code, &AppointmentAnswer { id: id.to_string(), change })
    })
    .await
}

fn instant(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    text.parse()
        .map_err(|_| Problem::field(field, format!("{field} must be like 2027-03-01T14:30:00Z.")))
}

/// Which appointments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AppointmentQuery {
    /// Those that begin at this instant or later (RFC 3339); now, when not told.
    from: Option<String>,
    /// Those that begin before this instant; at most 31 days later, which is what is taken when
    /// not told.
    until: Option<String>,
    /// Only this patient's.
    patient: Option<String>,
}

/// `GET /api/v1/appointments`
///
/// # Errors
/// 422 naming the parameter that is wrong.
#[utoipa::path(
    get, path = "/api/v1/appointments", tag = "appointments",
    security(("token" = ["appointments:read"])), params(AppointmentQuery),
    responses(
        (status = 200, body = Appointments), (status = 401, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn list(
    MayReadAppointments(caller): MayReadAppointments,
    State(doors): State<Doors>,
    Query(query): Query<AppointmentQuery>,
) -> Result<JsonAnswer<Appointments>, Problem> {
    let from = match query.from.as_deref() {
        Some(text) => instant("from", text)?,
        None => doors.office().clock().now(),
    };
    let latest = from.checked_add(LONGEST_SPAN).unwrap_or(Timestamp::MAX);
    let until = match query.until.as_deref() {
        Some(text) => instant("until", text)?,
        None => latest,
    };
    if until < from || until > latest {
        return Err(Problem::field("until", "until must be within 31 days after from."));
    }
    let of: Option<PatientId> = query
        .patient
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| Problem::field("patient", "patient must be the id of a patient."))?;
    view(&doors, caller, "appointments", move |tx, office| {
        let rows = match of {
            Some(patient) => appointment::of_patient(tx, office.practice(), patient, (from, until)),
            None => appointment::starting(tx, office.practice(), (from, until)),
        }?;
        let items: Vec<_> = rows.into_iter().map(AppointmentLine::from).collect();
        Ok(Shown { count: items.len(), what: Appointments { items }, patient: of })
    })
    .await
    .map(JsonAnswer)
}

impl From<AppointmentRow> for AppointmentLine {
    fn from(row: AppointmentRow) -> Self {
        Self {
            id: row.id.to_string(),
            external_id: row.external_id,
            patient: row.patient_id.to_string(),
            starts_at: row.starts_at.to_string(),
            ends_at: row.ends_at.map(|at| at.to_string()),
            status: row.status.word(),
            version: row.version,
            reply: row.reply.as_ref().map(Word::word),
            reply_at: row.reply_at.map(|at| at.to_string()),
        }
    }
}
