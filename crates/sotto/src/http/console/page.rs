//! How a page is answered: as HTML, within a frame that offers what this person may do.

use askama::Template;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::words::When;
use crate::access::AccessError;
use crate::access::policies::{self, Action, Principal, Resource};
use crate::access::sessions::{Browser, SignedIn};
use crate::audit::AuditError;
use crate::db::DbError;
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::people::search::SearchError;
use crate::schedule::places::HoursError;

/// The line at the top of every page of somebody who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub practice: String,
    pub who: String,
    pub links: Vec<(&'static str, &'static str)>,
    /// Which of these leads to where they are.
    pub here: &'static str,
    /// The records that stand open to them in an emergency.
    pub opened: Vec<OpenRecord>,
}

/// What the red line on every page says of one.
#[derive(Debug, Clone)]
pub(super) struct OpenRecord {
    pub patient: String,
    /// How much longer, in whole minutes.
    pub minutes: i64,
    /// Until when, on the practice's clock.
    pub until: When,
}

impl Frame {
    /// With links to what they may see.
    pub(super) fn of(doors: &Doors, signed_in: &SignedIn) -> Self {
        let principal = Principal::from(&signed_in.staff);
        let links = [
            ("/intake", "Take a message", Action::TakeIntake),
            ("/inbox", "Inbox", Action::SeeTasks),
            ("/today", "Today", Action::SeeOverview),
            ("/tasks", "Tasks", Action::SeeTasks),
            ("/", "Overview", Action::SeeOverview),
            ("/people", "People", Action::FindPatients),
            ("/staff", "Staff", Action::ManageStaff),
            ("/log", "Log", Action::ReadAudit),
            ("/templates", "Templates", Action::SeeTemplates),
            ("/settings", "Settings", Action::ChangeSettings),
            ("/settings/vendors", "Vendors", Action::ManageVendors),
            ("/settings/retention", "Keeping records", Action::SeeRetention),
            ("/access", "Who may do what", Action::SeeAccess),
        ];
        let may = |action| policies::may(&principal, action, &Resource::Practice).is_ok();
        let now = doors.office().clock().now_in_life();
        let zone = &doors.office().profile().timezone;
        let opened = signed_in.opened.iter().map(|one| OpenRecord {
            patient: one.patient.to_string(),
            minutes: (one.until.duration_since(now).as_secs() + 59) / 60,
            until: When::new(one.until, now, zone),
        });
        Self {
            opened: opened.collect(),
            here: "",
            practice: doors.office().profile().display_name.clone(),
            who: signed_in.staff.named.name.clone(),
            links: links
                .into_iter()
                .filter(|(_, _, action)| may(*action))
                .map(|(to, words, _)| (to, words))
                .collect(),
        }
    }

    /// On a page behind this link.
    pub(super) fn at(mut self, link: &'static str) -> Self {
        self.here = link;
        self
    }

    /// The keys that go to a page from anywhere (`desk.js`).
    pub(super) fn keys_of(to: &str) -> &'static str {
        match to {
            "/inbox" => "g i",
            "/today" => "g d",
            "/tasks" => "g t",
            "/people" => "g p",
            "/templates" => "g w",
            "/" => "g o",
            _ => "",
        }
    }

    /// The first page that is theirs.
    pub(super) fn home(&self) -> &'static str {
        self.links.first().map_or("/me", |(to, _)| to)
    }
}

/// A page as HTML.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    let Ok(html) = page.render() else { return Problem::internal().into_response() };
    let mut response = (status, html).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Go there next, with GET.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

#[derive(Template)]
#[template(path = "console/message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
    to: &'a str,
    to_words: &'a str,
}

/// A page that says one thing, and the way on.
pub(super) fn message(
    status: StatusCode,
    (title, text): (&str, &str),
    (to, to_words): (&str, &str),
) -> Response {
    html(status, &Message { title, text, to, to_words })
}

/// A form, filled in.
#[derive(Debug)]
pub struct Filled<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Filled<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let read = axum::Form::<T>::from_request(request, state).await;
        read.map(|axum::Form(form)| Self(form)).map_err(|_| {
            message(
                StatusCode::BAD_REQUEST,
                (
                    "The form didn't arrive whole",
                    "Go back, load the page again and send it once more.",
                ),
                ("/", "To the first page"),
            )
        })
    }
}

/// Where to go after signing in: a path of ours and nothing else.
pub(super) fn own_path(to: Option<&str>) -> Option<&str> {
    let fine = |c: char| c.is_ascii_graphic() && c != '\\';
    to.filter(|to| to.starts_with('/') && !to.starts_with("//") && to.len() <= 200)
        .filter(|to| to.chars().all(fine))
}

/// The browser that asks, named in our own words: what it says of itself is not kept.
pub(super) fn browser(doors: &Doors, headers: &HeaderMap, shared: bool) -> Browser {
    let (kind, system) = kind_and_system(headers);
    let (_, digest) = super::cookies::digests(doors, headers);
    Browser { digest, name: format!("{kind} on {system}"), shared }
}

/// The kind of a browser, and the system it runs on.
pub(in crate::http) fn kind_and_system(headers: &HeaderMap) -> (&'static str, &'static str) {
    let says = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let says = says.unwrap_or_default();
    let word = |among: &[(&str, &'static str)], other| {
        among.iter().find(|(sign, _)| says.contains(sign)).map_or(other, |(_, word)| *word)
    };
    let kind = word(
        &[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")],
        "A browser",
    );
    let system = word(
        &[
            ("Windows", "Windows"),
            ("iPhone", "an iPhone"),
            ("iPad", "an iPad"),
            ("Android", "Android"),
            ("Mac OS", "a Mac"),
            ("Linux", "Linux"),
        ],
        "an unknown system",
    );
    (kind, system)
}

/// The words for what went wrong, and with which status. What is ours to mend says only that.
pub(super) fn words_of(error: &AccessError) -> (StatusCode, String) {
    match error {
        AccessError::Field { field, because } => {
            (StatusCode::UNPROCESSABLE_ENTITY, format!("The {field} {because}."))
        }
        AccessError::Wrong => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "That didn't match. Check each field; a code works once, and only for a minute."
                .to_owned(),
        ),
        AccessError::Wait { seconds } => (
            StatusCode::TOO_MANY_REQUESTS,
            format!("Too many tries. Wait {seconds} seconds, or sign in with a passkey."),
        ),
        AccessError::NotNow(why) => (StatusCode::CONFLICT, sentence(why)),
        AccessError::NoSuchStaff => (StatusCode::NOT_FOUND, "Nobody here by that id.".to_owned()),
        AccessError::Invite => (
            StatusCode::GONE,
            "This link is no longer good. Ask an administrator for a new one.".to_owned(),
        ),
        error => {
            tracing::error!(%error, "access.failed");
            let text = "That didn't work, and it isn't your doing. Try again in a minute.";
            (StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
        }
    }
}

/// Text as a sentence: a capital first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A page cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// Staff, sessions.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Office hours.
    #[error(transparent)]
    Hours(#[from] HoursError),
    /// The log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Who somebody is.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The page for what is ours to mend.
pub(super) fn failed(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "console.failed");
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        (
            "That didn't work",
            "It isn't your doing, and nothing was changed. Try again in a minute.",
        ),
        ("/", "To the first page"),
    )
}

/// The same for a problem, which has logged itself.
pub(super) fn not_now(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::GONE {
        return message(status, (problem.title, &problem.detail), ("/", "To the first page"));
    }
    message(
        status,
        ("That didn't work", "It isn't your doing. Load the page again in a minute."),
        ("/", "To the first page"),
    )
}

/// The page for an error that has no form to go back to.
pub(super) fn error_page(error: &AccessError) -> Response {
    let (status, text) = words_of(error);
    message(status, ("That can't be done", &text), ("/me", "To your page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_ours_is_gone_to() {
        for (to, fine) in [
            ("/", true),
            ("/staff?x=1", true),
            ("//elsewhere.example", false),
            ("/\\elsewhere.example", false),
            ("https://elsewhere.example", false),
            ("/a\r\nSet-Cookie: x", false),
            ("", false),
        ] {
            assert_eq!(own_path(Some(to)).is_some(), fine, "{to:?}");
        }
        assert_eq!(own_path(None), None);
    }
}
