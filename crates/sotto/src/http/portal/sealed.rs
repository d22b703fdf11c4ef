//! `/window/sealed`: conversations that this program cannot read. Only the patient themselves has
//! them: whoever acts for a patient has a key of nobody.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::home::moment;
use super::page::{Filled, Frame, Spoken, failed, html, message, nothing, see_other};
use crate::audit::{Event, Kind};
use crate::conversations::tasks::TaskError;
use crate::db::Tx;
use crate::db::registry::WINDOW_SESSION;
use crate::http::Doors;
use crate::http::body::Octets;
use crate::http::params::Path;
use crate::http::sealed::{Browser, taken};
use crate::http::views::seen;
use crate::ids::SealedThreadId;
use crate::office::Office;
use crate::portal::session::Who;
use crate::portal::{PortalError, Visitor};
use crate::schedule::places;
use crate::sealed::threads::{self, Holder, Sender, Side};
use crate::sealed::{PublicKey, SealedError, keys};

#[derive(Template)]
#[template(path = "window/sealed_list.html")]
struct List {
    frame: Frame,
    lines: Vec<Line>,
}

struct Line {
    to: String,
    who: String,
    since: String,
}

#[derive(Template)]
#[template(path = "window/sealed.html")]
struct Page {
    frame: Frame,
    browser: Browser,
    who: String,
    hours: String,
    messages: Vec<Message>,
}

struct Message {
    ours: bool,
    at: String,
    envelope: Option<String>,
}

fn broken(doors: &Doors, spoken: Spoken, error: SealedError) -> Response {
    failed(doors, spoken, &PortalError::from(error))
}

/// `GET /window/sealed`: with whom there are any.
pub async fn list(State(doors): State<Doors>, visitor: Visitor, spoken: Spoken) -> Response {
    let l = spoken.tongue(visitor.language());
    if *visitor.who() != Who::Patient {
        return nothing(&doors, spoken, l);
    }
    let who = visitor.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let all = threads::list(tx, office, who.patient())?;
        let event = Event::new(Kind::PatientViewed, who.actor())
            .about(WINDOW_SESSION, who.session())
            .patient(who.patient())
            .code("window")
            .code("sealed");
        Ok::<_, SealedError>((all, vec![event]))
    };
    let all = match seen(&doors, look).await {
        Ok(all) => all,
        Err(error) => return broken(&doors, spoken, error),
    };
    let zone = visitor.timezone(doors.office());
    let line = |(row, who): (crate::db::sealed_thread::ThreadRow, String)| Line {
        to: format!("/window/sealed/{}", row.id),
        who,
        since: moment(l, &row.started_at.to_zoned(zone.clone())),
    };
    let page = List {
        frame: Frame::of(&doors, l, "/window/sealed").inside(),
        lines: all.into_iter().map(line).collect(),
    };
    html(&doors, spoken, StatusCode::OK, &page)
}

/// Whose conversation it must be, and which; none where there is none that this visitor can have.
fn asked(visitor: &Visitor, id: &str) -> Option<(Side, SealedThreadId)> {
    let id = id.parse().ok()?;
    (*visitor.who() == Who::Patient).then_some((Side::Patient(visitor.patient()), id))
}

/// `GET /window/sealed/{thread}`. That it was opened is on the log, with how many envelopes; what they
/// say nobody here knows.
pub async fn page(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Some((side, id)) = asked(&visitor, &id) else { return nothing(&doors, spoken, l) };
    let who = visitor.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let found = threads::see(tx, office, (side, id))?;
        let place = places::of_patient(tx, office, Some(who.patient())).map_err(TaskError::from)?;
        let event = threads::changed(&found.row, &who.actor(), "opened")
            .code(format!("envelopes={}", found.messages.len()));
        Ok::<_, SealedError>(((found, place.hours.in_words(l.0)), vec![event]))
    };
    let (found, hours) = match seen(&doors, look).await {
        Ok(found) => found,
        Err(SealedError::NoThread) => return nothing(&doors, spoken, l),
        Err(error) => return broken(&doors, spoken, error),
    };
    let (office, actor, patient) = (doors.office().clone(), visitor.actor(), visitor.patient());
    let came =
        doors.db().write(move |tx| threads::patient_came(tx, &office, (patient, id), &actor)).await;
    if let Err(error) = came {
        return broken(&doors, spoken, error);
    }
    let zone = visitor.timezone(doors.office());
    let browser = Browser::of(&doors, Holder::Patient(visitor.patient()), &found);
    let message = |one: threads::Stored| Message {
        ours: one.sender == Sender::Staff,
        at: moment(l, &one.at.to_zoned(zone.clone())),
        envelope: one.envelope,
    };
    let page = Page {
        frame: Frame::of(&doors, l, format!("/window/sealed/{id}")).inside(),
        browser,
        who: found.staff_name,
        hours,
        messages: found.messages.into_iter().map(message).collect(),
    };
    html(&doors, spoken, StatusCode::OK, &page)
}

/// `POST /window/sealed/{thread}`: an envelope, from the page's script.
pub async fn write(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    Octets(sent): Octets,
) -> Response {
    let Some((side, id)) = asked(&visitor, &id) else { return taken(Err(SealedError::NoThread)) };
    let Some(recovery) = doors.recovery().cloned() else { return taken(Err(SealedError::Off)) };
    let (office, actor) = (doors.office().clone(), visitor.actor());
    let stored = doors
        .db()
        .write(move |tx| threads::take(tx, &office, (side, id, &recovery), (&sent, &actor)))
        .await;
    taken(stored)
}

/// The public half of this browser's key, from the page's script.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Registered {
    public_key: String,
}

/// `POST /window/sealed/{thread}/key`: from now on this is the browser it is sealed to.
pub async fn register(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(form): Filled<Registered>,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Some((side, id)) = asked(&visitor, &id) else { return nothing(&doors, spoken, l) };
    let here = format!("/window/sealed/{id}");
    let (office, session, actor) =
        (doors.office().clone(), visitor.session().to_string(), visitor.actor());
    let registered = doors
        .db()
        .write(move |tx| {
            threads::see(tx, &office, (side, id))?;
            let key = PublicKey::from_text(&form.public_key)?;
            keys::register(tx, &office, (side.holder(), &key), (session, &actor))
        })
        .await;
    match registered {
        Ok(()) => see_other(&here),
        Err(SealedError::NoThread) => nothing(&doors, spoken, l),
        Err(SealedError::NotAKey) => message(
            (&doors, spoken),
            Frame::of(&doors, l, here.clone()).inside(),
            StatusCode::UNPROCESSABLE_ENTITY,
            (
                l.say("That didn’t work", "Eso no funcionó"),
                l.say(
                    "This browser could not make a key. Use another browser, or write to us the ordinary way.",
                    "Este navegador no pudo crear una clave. Use otro navegador o escríbanos de la forma habitual.",
                ),
            ),
            Some(("/window/write", l.say("Write the ordinary way", "Escribir de la forma habitual"))),
        ),
        Err(error) => broken(&doors, spoken, error),
    }
}
