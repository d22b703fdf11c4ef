//! What staff must do.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::conversations::tasks::{self, TaskError, TaskOutcome};
use crate::db::Word;
use crate::db::task::TaskRow;
use crate::http::Doors;
use crate::http::auth::{MayReadTasks, MayWriteTasks};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::ids::TaskId;

/// How many open tasks one list shows.
const MOST: u32 = 500;

/// A task.
#[derive(Serialize, ToSchema)]
pub struct TaskLine {
    id: String,
    /// `emergency`, `clinical_question`, `answer`, …
    kind: &'static str,
    urgent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<String>,
    due_at: String,
    created_at: String,
}

/// Open tasks, urgent ones first, then by when they are due.
#[derive(Serialize, ToSchema)]
pub struct Tasks {
    items: Vec<TaskLine>,
}

/// What came of a task.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DoneRequest {
    /// `spoke`, `answered`, `scheduled`, `corrected`, `not_reached` or `nothing`.
    outcome: String,
}

/// A task that is done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    id: String,
    outcome: &'static str,
}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Db(error) => error.into(),
            TaskError::Audit(error) => error.into(),
            TaskError::NoTask(_) => Self::not_found("task"),
            TaskError::Done(_) => Self::conflict("task-done", "This task was done before."),
            TaskError::OnlyAPerson(_) => Self::new(
                StatusCode::FORBIDDEN,
                "only-a-person",
                "Only a person may do this",
                "An emergency is closed by a person, with `sotto task done`, not by a program.",
            ),
            TaskError::OnlyByReview(_) => Self::new(
                StatusCode::FORBIDDEN,
                "only-by-review",
                "Only its review ends this",
                "An emergency access is reviewed by the privacy officer, at /log/emergencies.",
            ),
            error => {
                tracing::error!(error = %error, "tasks.failed");
                Self::internal()
            }
        }
    }
}

/// `GET /api/v1/tasks`
///
/// # Errors
/// 401.
#[utoipa::path(
    get, path = "/api/v1/tasks", tag = "tasks", security(("token" = ["tasks:read"])),
    responses((status = 200, body = Tasks), (status = 401, body = Problem)),
)]
pub async fn list(
    MayReadTasks(caller): MayReadTasks,
    State(doors): State<Doors>,
) -> Result<JsonAnswer<Tasks>, Problem> {
    view(&doors, caller, "tasks", move |tx, office| {
        let rows = tasks::open_ones(tx, office, MOST)?;
        let items: Vec<_> = rows.into_iter().map(TaskLine::from).collect();
        Ok(Shown { count: items.len(), what: Tasks { items }, patient: None })
    })
    .await
    .map(JsonAnswer)
}

/// `POST /api/v1/tasks/{id}/done`
///
/// # Errors
/// 404, 409 when it was done before, 403 for an emergency.
#[utoipa::path(
    post, path = "/api/v1/tasks/{id}/done", tag = "tasks", security(("token" = ["tasks:write"])),
    request_body = DoneRequest,
    params(
        ("id" = String, Path, description = "The task's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = Done), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ),
)]
pub async fn done(
    MayWriteTasks(caller): MayWriteTasks,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<DoneRequest>,
) -> Result<Answer, Problem> {
    let id: TaskId = id.parse().map_err(|_| Problem::not_found("task"))?;
    let outcome = TaskOutcome::from_word(&request.outcome).ok_or_else(|| {
        Problem::field(
            "outcome",
            "outcome must be spoke, answered, scheduled, corrected, not_reached or nothing.",
        )
    })?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        tasks::complete(tx, office, id, outcome, &actor)?;
        Answer::new(StatusCode::OK, &Done { id: id.to_string(), outcome: outcome.word() })
    })
    .await
}

impl From<TaskRow> for TaskLine {
    fn from(row: TaskRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind.word(),
            urgent: row.urgent,
            patient: row.patient_id.map(|id| id.to_string()),
            message: row.message_id.map(|id| id.to_string()),
            appointment: row.appointment_id.map(|id| id.to_string()),
            due_at: row.due_at.to_string(),
            created_at: row.created_at.to_string(),
        }
    }
}
