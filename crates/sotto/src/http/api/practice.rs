//! The practice's own reminder plan and office hours.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Doors;
use crate::http::auth::{MayReadPractice, MayWritePractice};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::journeys::reminders::{Plan, ReminderError, Step};
use crate::schedule::office_hours;
use crate::schedule::places::{self, HoursError};

/// A reminder plan: its steps, the earliest first.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderPlan {
    /// At most six.
    steps: Vec<ReminderStep>,
}

/// One reminder before an appointment.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReminderStep {
    /// Its name, 1 to 8 letters and digits: `2d`.
    step: String,
    /// How many minutes before the appointment, 15 to 86400.
    minutes_before: u32,
}

/// The office's hours, in the practice's zone.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// For each day (`mon` to `sun`) its openings: `["08:00-12:00", "13:00-17:00"]`.
    week: std::collections::BTreeMap<String, Vec<String>>,
    /// Days on which the office is closed: `2026-12-25`.
    #[serde(default)]
    closed: Vec<String>,
    /// Closed on the days on which federal holidays are kept, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    federal_holidays: bool,
}

impl From<ReminderError> for Problem {
    fn from(error: ReminderError) -> Self {
        match error {
            ReminderError::Db(error) => error.into(),
            ReminderError::Audit(error) => error.into(),
            error => {
                tracing::error!(error = %error, "reminders.failed");
                Self::internal()
            }
        }
    }
}

impl From<HoursError> for Problem {
    fn from(error: HoursError) -> Self {
        match error {
            HoursError::Db(error) => error.into(),
            HoursError::Audit(error) => error.into(),
            HoursError::NoSite(_) => Self::not_found("site"),
            error @ HoursError::Hours(_) => {
                tracing::error!(%error, "office_hours.failed");
                Self::internal()
            }
        }
    }
}

impl From<&Plan> for ReminderPlan {
    fn from(plan: &Plan) -> Self {
        let line = |step: &Step| ReminderStep {
            step: step.step.clone(),
            minutes_before: step.minutes_before,
        };
        Self { steps: plan.steps().iter().map(line).collect() }
    }
}

/// `GET /api/v1/practice/reminder-plan`
///
/// # Errors
/// 401.
#[utoipa::path(
    get, path = "/api/v1/practice/reminder-plan", tag = "practice",
    security(("token" = ["practice:read"])),
    responses((status = 200, body = ReminderPlan), (status = 401, body = Problem)),
)]
pub async fn plan(
    _right: MayReadPractice,
    State(doors): State<Doors>,
) -> Result<JsonAnswer<ReminderPlan>, Problem> {
    let office = doors.office().clone();
    let plan = doors.db().read(move |tx| Plan::load(tx, &office)).await?;
    Ok(JsonAnswer(ReminderPlan::from(&plan)))
}

/// `PUT /api/v1/practice/reminder-plan`: for appointments that are added or changed from now on.
///
/// # Errors
/// 422 naming what is wrong.
#[utoipa::path(
    put, path = "/api/v1/practice/reminder-plan", tag = "practice",
    security(("token" = ["practice:write"])), request_body = ReminderPlan,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 200, body = ReminderPlan), (status = 401, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn put_plan(
    MayWritePractice(caller): MayWritePractice,
    State(doors): State<Doors>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<ReminderPlan>,
) -> Result<Answer, Problem> {
    let text = serde_json::to_string(&request.steps).map_err(|_| Problem::internal())?;
    let plan =
        Plan::from_json(&text).map_err(|error| Problem::field("steps", format!("{error}.")))?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        plan.store(tx, office, &actor)?;
        Answer::new(StatusCode::OK, &ReminderPlan::from(&plan))
    })
    .await
}

/// `GET /api/v1/practice/office-hours`
///
/// # Errors
/// 401.
#[utoipa::path(
    get, path = "/api/v1/practice/office-hours", tag = "practice",
    security(("token" = ["practice:read"])),
    responses((status = 200, body = Hours), (status = 401, body = Problem)),
)]
pub async fn hours(
    _right: MayReadPractice,
    State(doors): State<Doors>,
) -> Result<JsonAnswer<Hours>, Problem> {
    let office = doors.office().clone();
    let hours = doors.db().read(move |tx| places::practice(tx, &office)).await?.hours;
    written(&hours).map(JsonAnswer)
}

fn written(hours: &office_hours::OfficeHours) -> Result<Hours, Problem> {
    serde_json::from_str(&hours.to_json()).map_err(|_| Problem::internal())
}

/// `PUT /api/v1/practice/office-hours`
///
/// # Errors
/// 422 naming the day that is wrong.
#[utoipa::path(
    put, path = "/api/v1/practice/office-hours", tag = "practice",
    security(("token" = ["practice:write"])), request_body = Hours,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 200, body = Hours), (status = 401, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn put_hours(
    MayWritePractice(caller): MayWritePractice,
    State(doors): State<Doors>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<Hours>,
) -> Result<Answer, Problem> {
    let text = serde_json::to_string(&request).map_err(|_| Problem::internal())?;
    let hours = office_hours::OfficeHours::from_json(&text).map_err(|_| {
        Problem::field(
            "week",
            "week names days mon to sun with openings such as 08:00-12:00 that do not overlap; \
             closed names days such as 2026-12-25.",
        )
    })?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        places::set(tx, office, (None, Some(&hours)), places::event(&actor))?;
        Answer::new(StatusCode::OK, &written(&hours)?)
    })
    .await
}
