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
    match doors.db().read(read).await {
        Ok(1..) => Ok((StatusCode::OK, "ready\n").into_response()),
        Ok(_) | Err(DbError::Closed) => Err(Problem::unavailable()),
        Err(error) => {
            tracing::error!(error = %error, "http.not_ready");
            Err(Problem::unavailable())
        }
    }
}
