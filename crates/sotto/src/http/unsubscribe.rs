//! The link in an email: `GET` shows a button, `POST` acts (RFC 8058, RULEBOOK EML-07). Mail
//! scanners follow links, so looking must never do anything.
//!
//! The token is the mail's opaque id: it names one sent mail and says nothing about it.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::errors::Problem;
use super::params::Path;
use crate::channels::OpaqueIds;
use crate::people::suppressions;

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct Page {
    practice: String,
    phone: String,
    done: bool,
}

/// `GET /u/{token}`: the same page for every token of the right form.
pub async fn page(
    State(doors): State<Doors>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if OpaqueIds::looks_like_one(&token) {
        show(&doors, false)
    } else {
        Err(Problem::not_found("page"))
    }
}

/// `POST /u/{token}`: no more automated email to the address that mail went to. The answer is the
/// same for a token that names no mail.
pub async fn act(
    State(doors): State<Doors>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if !OpaqueIds::looks_like_one(&token) {
        return Err(Problem::not_found("page"));
    }
    let office = doors.office().clone();
    doors.db().write(move |tx| suppressions::one_click(tx, &office, &token)).await.map_err(
        |error| {
            tracing::error!(error = %error, "unsubscribe.failed");
            Problem::unavailable()
        },
    )?;
    show(&doors, true)
}

fn show(doors: &Doors, done: bool) -> Result<Response, Problem> {
    let profile = doors.office().profile();
    let page = Page { practice: profile.display_name.clone(), phone: profile.phone.clone(), done };
    let html = page.render().map_err(|_| Problem::internal())?;
    let mut response = (StatusCode::OK, html).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
