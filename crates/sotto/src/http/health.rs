//! Alive, and ready. Anybody may ask: the answers are words of a closed list.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;

use super::Doors;
use super::errors::Problem;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::{Db, DbError, board, self_test};
use crate::office::Office;

/// How long the database may take to answer before it counts as stuck.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How old an audit entry may get without a leaf. The sequencer looks twice a second.
const SEQUENCED_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// Why this server should not be sent requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// It was asked to stop.
    Draining,
    /// The database cannot be read, or not be written.
    Database,
    /// Audit entries wait for their place in the log.
    AuditBehind,
}

impl NotReady {
    /// The word in the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Database => "database",
            Self::AuditBehind => "audit_behind",
        }
    }
}

/// `GET /healthz`: the process answers.
pub async fn alive() -> Response {
    (StatusCode::OK, "ok\n").into_response()
}

/// `GET /readyz`: messages can be taken. Otherwise 503 and the reason.
pub async fn ready(State(doors): State<Doors>) -> Result<Response, Problem> {
    match why_not(&doors).await {
        None => {
            // A failed self-test alarms people; it takes no server out of service.
            let failed = failed_self_test(&doors).await;
            let detail = failed.map(|words| format!("self-test failed: {words}\n"));
            Ok((StatusCode::OK, format!("ready\n{}", detail.unwrap_or_default())).into_response())
        }
        Some(because) => Err(Problem::not_ready(because.as_str())),
    }
}

/// What stands in the way, the first of it.
pub(crate) async fn why_not(doors: &Doors) -> Option<NotReady> {
    if doors.closing() {
        return Some(NotReady::Draining);
    }
    match tokio::time::timeout(ANSWERS_WITHIN, oldest_waiting(doors)).await {
        Ok(Ok(None)) => {}
        Ok(Ok(Some(age))) if age <= SEQUENCED_WITHIN => {}
        Ok(Ok(Some(_))) => return Some(NotReady::AuditBehind),
        Ok(Err(error)) => {
            tracing::error!(%error, "http.not_ready");
            return Some(NotReady::Database);
        }
        Err(_) => return Some(NotReady::Database),
    }
    match tokio::time::timeout(ANSWERS_WITHIN, can_write(doors.db(), doors.office())).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::error!(%error, "http.not_ready");
            Some(NotReady::Database)
        }
        Err(_) => Some(NotReady::Database),
    }
}

/// What failed at the last self-test, in words of its closed list.
async fn failed_self_test(doors: &Doors) -> Option<String> {
    let practice = doors.office().practice();
    let read = doors.db().read(move |tx| self_test::last_failures(tx, practice)).await;
    read.ok().flatten().filter(|words| !words.is_empty())
}

/// How long the oldest audit entry has waited for its leaf.
async fn oldest_waiting(doors: &Doors) -> Result<Option<SignedDuration>, DbError> {
    let (practice, now) = (doors.office().practice(), doors.office().clock().now());
    let oldest = doors.db().read(move |tx| board::audit_waiting_since(tx, practice)).await?;
    Ok(oldest.map(|since| now.duration_since(since)))
}

/// A transaction that writes nothing finds a writer that hangs. A disk that takes nothing more is
/// only found by writing: where the last write failed, one is tried, and stays in the audit log as
/// the end of the time in which nothing could be recorded.
pub(crate) async fn can_write(db: &Db, office: &Office) -> Result<(), AuditError> {
    let (office, failing) = (office.clone(), db.vitals().is_failing());
    db.write(move |tx| {
        if failing {
            let event = Event::new(Kind::StorageRecovered, Actor::service("http"));
            audit::append(tx, &office, event)?;
        }
        Ok(())
    })
    .await
}
