//! Alive, and ready.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::errors::Problem;
use crate::db::DbError;
use crate::sql;

/// The process answers.
pub async fn alive() -> Response {
    (StatusCode::OK, "ok\n").into_response()
}

/// The database answers too, so messages can be taken.
pub async fn ready(State(doors): State<Doors>) -> Result<Response, Problem> {
    let read = |tx: &mut crate::db::Tx<'_>| {
        tx.query_one(sql!("SELECT COUNT(*) FROM practice"), &[], |row| row.get::<i64>(0))
    };
    let practice = doors.office().practice();
    let read = move |tx: &mut crate::db::Tx<'_>| {
        let practices = read(tx)?;
        let last = crate::db::self_test::latest(tx, practice, 5)?;
        Ok::<_, DbError>((practices, last.into_iter().find_map(|row| row.failures)))
    };
    match doors.db().read(read).await {
        Ok((1.., failures)) => {
            // A failed self-test alarms people; it takes no server out of service.
            let failed = failures.filter(|words| !words.is_empty());
            let detail = failed.map(|words| format!("self-test failed: {words}\n"));
            Ok((StatusCode::OK, format!("ready\n{}", detail.unwrap_or_default())).into_response())
        }
        Ok(_) | Err(DbError::Closed) => Err(Problem::unavailable()),
        Err(error) => {
            tracing::error!(error = %error, "http.not_ready");
            Err(Problem::unavailable())
        }
    }
}
