//! `/people/{patient}/sealed`: conversations that this program cannot read, for whoever treats.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::PatientId;
use serde::Deserialize;

use super::page::{Filled, Frame, html, message, see_other};
use super::signed_in::{MayOf, MayOfRecently, WriteSealed};
use super::words::When;
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::facts;
use crate::http::Doors;
use crate::http::body::Octets;
use crate::http::params::{Path, Query};
use crate::http::sealed::{Browser, Earlier, earlier, taken};
use crate::http::views::seen;
use crate::ids::SealedThreadId;
use crate::office::Office;
use crate::sealed::threads::{self, Holder, Sender, Side};
use crate::sealed::{PublicKey, SealedError, keys};

#[derive(Template)]
#[template(path = "console/sealed_list.html")]
struct List {
    frame: Frame,
    id: String,
    name: String,
    browser: Browser,
    lines: Vec<Line>,
}

struct Line {
    id: String,
    who: String,
    since: When,
    mine: bool,
}

#[derive(Template)]
#[template(path = "console/sealed.html")]
struct Page {
    frame: Frame,
    id: String,
    name: String,
    browser: Browser,
    came: Option<When>,
    told: bool,
    messages: Vec<Message>,
    /// Where the earlier ones are.
    earlier: Option<String>,
    /// Where the last ones are, from a page of earlier ones.
    last: Option<String>,
}

struct Message {
    ours: bool,
    at: When,
    envelope: Option<String>,
    gone: String,
}

fn side<D>(may: &MayOf<D>) -> Side {
    Side::Staff(may.signed_in.staff.id, may.patient)
}

fn no_thread(patient: PatientId) -> Response {
    message(
        StatusCode::NOT_FOUND,
        (
            "There is no such sealed conversation",
            "It may be a colleague's: only the two who began it have it.",
        ),
        (&format!("/people/{patient}/sealed"), "To those there are"),
    )
}

fn failed(patient: PatientId, error: &SealedError) -> Response {
    let list = format!("/people/{patient}/sealed");
    let said = match error {
        SealedError::NoThread => return no_thread(patient),
        SealedError::Off => {
            "The sealed mode is off: whoever runs this server sets \
                             sealed.recovery_key first."
        }
        SealedError::NoKey | SealedError::NotAKey => {
            "This browser has no key yet. Load the page again, and use this browser first."
        }
        error => return super::page::failed(error),
    };
    message(StatusCode::CONFLICT, ("That can't be done yet", said), (&list, "Back"))
}

fn name(tx: &mut Tx<'_>, office: &Office, patient: PatientId) -> Result<String, SealedError> {
    let subject = facts::subject(tx, office, patient)?;
    Ok(subject.map_or_else(String::new, |one| one.person.full_name()))
}

/// `GET /people/{patient}/sealed`: which there are, and the way to begin one.
pub async fn list(
    may: MayOf<WriteSealed>,
    State(doors): State<Doors>,
) -> Result<Response, Response> {
    let (patient, me) = (may.patient, may.signed_in.staff.id);
    let event = Event::new(Kind::PatientViewed, may.actor()).patient(patient).code("sealed");
    let event = may.permit.of(event);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let key = keys::of(tx, office, Holder::Staff(me))?;
        let all = threads::list(tx, office, patient)?;
        Ok::<_, SealedError>(((name(tx, office, patient)?, key, all), vec![event]))
    };
    let (name, key, all) = seen(&doors, look).await.map_err(|error| failed(patient, &error))?;
    let (now, zone) = (doors.office().clock().now(), doors.office().profile().timezone.clone());
    let line = |(row, who): (crate::db::sealed_thread::ThreadRow, String)| Line {
        id: row.id.to_string(),
        who,
        since: When::new(row.started_at, now, &zone),
        mine: row.staff_id == me,
    };
    let page = List {
        frame: Frame::of(&doors, &may.signed_in).at("/people"),
        id: patient.to_string(),
        name,
        browser: Browser::alone(&doors, Holder::Staff(me), key.as_ref()),
        lines: all.into_iter().map(line).collect(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /people/{patient}/sealed`: begins one. The patient gets a notice of level 0, as of any
/// message at the window.
pub async fn start(
    may: MayOf<WriteSealed>,
    State(doors): State<Doors>,
) -> Result<Response, Response> {
    let (patient, me, actor) = (may.patient, may.signed_in.staff.id, may.actor());
    if doors.recovery().is_none() {
        return Err(failed(patient, &SealedError::Off));
    }
    let office = doors.office().clone();
    let begun =
        doors.db().write(move |tx| threads::start(tx, &office, (me, patient), &actor)).await;
    let id = begun.map_err(|error| failed(patient, &error))?;
    Ok(see_other(&format!("/people/{patient}/sealed/{id}")))
}

/// The public half of this browser's key, from the page's script.
#[derive(Deserialize)]
pub struct Registered {
    #[serde(default)]
    public_key: String,
    #[serde(default)]
    thread: String,
}

/// `POST /people/{patient}/sealed/key`: from now on this is the browser it is sealed to, for every
/// sealed conversation of theirs. A second factor was given just now.
pub async fn register(
    may: MayOfRecently<WriteSealed>,
    State(doors): State<Doors>,
    Filled(form): Filled<Registered>,
) -> Result<Response, Response> {
    let may = may.may;
    let (patient, holder, actor) = (may.patient, side(&may).holder(), may.actor());
    let (office, session) = (doors.office().clone(), may.signed_in.session.id.to_string());
    let registered = doors
        .db()
        .write(move |tx| {
            let key = PublicKey::from_text(&form.public_key)?;
            keys::register(tx, &office, (holder, &key), (session, &actor))
        })
        .await;
    registered.map_err(|error| failed(patient, &error))?;
    let thread = form.thread.parse::<SealedThreadId>();
    let behind = thread.map_or_else(|_| String::new(), |id| format!("/{id}"));
    Ok(see_other(&format!("/people/{patient}/sealed{behind}")))
}

/// The conversation that the path names, of the patient that it names.
#[derive(Deserialize)]
pub struct Named {
    thread: String,
}

/// `GET /people/{patient}/sealed/{thread}`. That it was opened is on the log, with how many envelopes;
/// what they say nobody here knows.
pub async fn page(
    may: MayOf<WriteSealed>,
    State(doors): State<Doors>,
    Path(named): Path<Named>,
    Query(asked): Query<Earlier>,
) -> Result<Response, Response> {
    let (patient, side, actor) = (may.patient, side(&may), may.actor());
    let (Ok(id), Ok(before)) = (named.thread.parse::<SealedThreadId>(), asked.read()) else {
        return Err(no_thread(patient));
    };
    let here = format!("/people/{patient}/sealed/{id}");
    let permit = may.permit.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let found = threads::see(tx, office, (side, id), before)?;
        let event = threads::changed(&found.row, &actor, "opened")
            .code(format!("envelopes={}", found.messages.len()));
        Ok::<_, SealedError>(((found, name(tx, office, patient)?), vec![permit.of(event)]))
    };
    let (found, name) = seen(&doors, look).await.map_err(|error| failed(patient, &error))?;
    let (now, zone) = (doors.office().clock().now(), doors.office().profile().timezone.clone());
    let page = Page {
        frame: Frame::of(&doors, &may.signed_in).at("/people"),
        id: patient.to_string(),
        name,
        browser: Browser::of(&doors, side.holder(), &found),
        // Written down once after each notice.
        came: found
            .row
            .seen_at
            .filter(|seen| found.row.told_at.is_none_or(|told| told <= *seen))
            .map(|at| When::new(at, now, &zone)),
        told: found.row.told_at.is_some(),
        earlier: earlier(&here, &found),
        last: before.map(|_| here),
        messages: found
            .messages
            .into_iter()
            .map(|one| Message {
                ours: one.sender == Sender::Staff,
                at: When::new(one.at, now, &zone),
                envelope: one.envelope,
                gone: one.gone,
            })
            .collect(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /people/{patient}/sealed/{thread}`: an envelope, from the page's script.
pub async fn write(
    may: MayOf<WriteSealed>,
    State(doors): State<Doors>,
    Path(named): Path<Named>,
    Octets(sent): Octets,
) -> Response {
    let Ok(id) = named.thread.parse::<SealedThreadId>() else {
        return taken(Err(SealedError::NoThread));
    };
    let Some(recovery) = doors.recovery().cloned() else { return taken(Err(SealedError::Off)) };
    let (office, actor, side) = (doors.office().clone(), may.actor(), side(&may));
    let stored = doors
        .db()
        .write(move |tx| threads::take(tx, &office, (side, id, &recovery), (&sent, &actor)))
        .await;
    taken(stored)
}
