//! `/guide`: five things to try, in the demo alone. What was done, the log tells: the page keeps
//! nothing of its own.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::page::{Frame, failed, html};
use super::signed_in::{May, OwnAccount};
use crate::access::roles::Role;
use crate::audit::search::{self, Search};
use crate::audit::{AuditError, Entry, Kind};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::office::Office;

/// One thing to try.
struct Thing {
    role: Role,
    title: &'static str,
    how: &'static str,
    /// Where it begins.
    to: &'static str,
    /// What the log holds once it is done: an entry of this kind, with this code where one is named.
    shows: (Kind, Option<&'static str>),
}

const THINGS: [Thing; 5] = [
    Thing {
        role: Role::Nurse,
        title: "Take the emergency",
        how: "A patient wrote something that cannot wait. It stands on top of the inbox, with a bar \
              across the desk, until somebody takes it.",
        to: "/inbox",
        shows: (Kind::ConversationChanged, Some("taken")),
    },
    Thing {
        role: Role::Nurse,
        title: "Call about it",
        how: "From the conversation choose “Call”. What it is about stays hidden until it is known \
              who listens.",
        to: "/inbox",
        shows: (Kind::CallChanged, None),
    },
    Thing {
        role: Role::Nurse,
        title: "Write too openly, then safely",
        how: "Open a patient, choose “Write”, and type “Your HIV test came back positive”. See what \
              a stranger would read, take the safe wording with one key, and send it.",
        to: "/people",
        shows: (Kind::MessageCleared, None),
    },
    Thing {
        role: Role::FrontDesk,
        title: "Record a consent",
        how: "Open a patient and record what they agree to, with a photo of the signed paper if you \
              like. What may be sent changes at once.",
        to: "/people",
        shows: (Kind::ConsentGiven, None),
    },
    Thing {
        role: Role::Auditor,
        title: "Find all of it in the log",
        how: "Each of these deeds, and each look at a patient, is a line there that nobody can take \
              out again.",
        to: "/log",
        shows: (Kind::ContentViewed, Some("log")),
    },
];

#[derive(Template)]
#[template(path = "console/guide.html")]
struct Page {
    frame: Frame,
    steps: Vec<Step>,
    done: usize,
}

struct Step {
    title: &'static str,
    how: &'static str,
    /// As whom.
    role: &'static str,
    /// In as them, where somebody else is in.
    link: Option<String>,
    to: &'static str,
    done: bool,
}

/// `GET /guide`.
pub async fn page(State(doors): State<Doors>, may: May<OwnAccount>) -> Response {
    let people = &doors.pages().demo_links;
    if people.is_empty() {
        return Problem::not_found("page").into_response();
    }
    let mut asked = Vec::with_capacity(THINGS.len());
    let mut steps = Vec::with_capacity(THINGS.len());
    for thing in &THINGS {
        let role = thing.role.words();
        let Some((secret, staff, _)) = people.iter().find(|(_, _, words)| *words == role) else {
            continue;
        };
        let there = may.signed_in.staff.id == *staff;
        let link = (!there).then(|| format!("/demo/{secret}"));
        asked.push((staff.to_string(), thing.shows));
        let Thing { title, how, to, .. } = *thing;
        steps.push(Step { title, how, role, link, to, done: false });
    }
    let office = doors.office().clone();
    let look = move |tx: &mut Tx<'_>| -> Result<Vec<bool>, AuditError> {
        asked.into_iter().map(|(who, shows)| is_done(tx, &office, who, shows)).collect()
    };
    let done = match doors.db().read(look).await {
        Ok(done) => done,
        Err(error) => return failed(&error),
    };
    for (step, done) in steps.iter_mut().zip(done) {
        step.done = done;
    }
    let done = steps.iter().filter(|step| step.done).count();
    html(StatusCode::OK, &Page { frame: Frame::of(&doors, &may.signed_in), steps, done })
}

/// Whether somebody's entries show it.
fn is_done(
    tx: &mut Tx<'_>,
    office: &Office,
    who: String,
    (kind, code): (Kind, Option<&'static str>),
) -> Result<bool, AuditError> {
    let shows = |entry: &Entry| {
        entry.kind == kind && code.is_none_or(|code| entry.codes.iter().any(|one| one == code))
    };
    let mut wanted = Search { actor: Some(who), ..Search::default() };
    loop {
        let found = search::search(tx, office, &wanted)?;
        if found.entries.iter().any(|(entry, _)| shows(entry)) {
            return Ok(true);
        }
        match found.next {
            // As far back as one search of the log goes, and no further.
            Some(next) if found.read < search::MOST_READ => wanted.before = Some(next),
            _ => return Ok(false),
        }
    }
}
