//! `/window/sealed`: conversations that this program cannot read. Only the patient themselves has
//! them: whoever acts for a patient has a key of nobody.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::home::moment;
use super::inside::{Inside, Trouble};
use super::page::{Filled, Frame, message, see_other};
use crate::conversations::tasks::TaskError;
use crate::db::Tx;
use crate::http::body::Octets;
use crate::http::params::{Path, Query};
use crate::http::sealed::{Browser, Earlier, earlier, taken};
use crate::ids::SealedThreadId;
use crate::office::Office;
use crate::portal::Visitor;
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
    /// Where the earlier ones are.
    earlier: Option<String>,
    /// Where the last ones are, from a page of earlier ones.
    last: Option<String>,
}

struct Message {
    ours: bool,
    at: String,
    envelope: Option<String>,
}

impl Trouble for SealedError {
    fn not_here(&self) -> bool {
        matches!(self, Self::NoThread)
    }
}

/// The patient's side; none where they are not at a browser of their own.
fn side(at: &Inside) -> Option<Side> {
    at.visitor.has_own_browser().then(|| Side::Patient(at.visitor.patient()))
}

/// `GET /window/sealed`: with whom there are any.
pub async fn list(at: Inside) -> Result<Response, Response> {
    side(&at).ok_or_else(|| at.nothing())?;
    let event = at.looked_around("window").code("sealed");
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        Ok::<_, SealedError>((threads::list(tx, office, who.patient())?, vec![event]))
    };
    let all = at.seen(look).await?;
    let zone = at.visitor.timezone(at.doors.office());
    let line = |(row, who): (crate::db::sealed_thread::ThreadRow, String)| Line {
        to: format!("/window/sealed/{}", row.id),
        who,
        since: moment(at.l, &row.started_at.to_zoned(zone.clone())),
    };
    let page =
        List { frame: at.frame("/window/sealed"), lines: all.into_iter().map(line).collect() };
    Ok(at.page(&page))
}

/// `GET /window/sealed/{thread}`. That it was opened is on the log, with how many envelopes; what they
/// say nobody here knows.
pub async fn page(
    Path(id): Path<String>,
    Query(asked): Query<Earlier>,
    at: Inside,
) -> Result<Response, Response> {
    let side = side(&at).ok_or_else(|| at.nothing())?;
    let l = at.l;
    let id: SealedThreadId = id.parse().map_err(|_| at.nothing())?;
    let before = asked.read().map_err(|_| at.nothing())?;
    let here = format!("/window/sealed/{id}");
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let found = threads::see(tx, office, (side, id), before)?;
        let place = places::of_patient(tx, office, Some(who.patient())).map_err(TaskError::from)?;
        let event = threads::changed(&found.row, &who.actor(), "opened")
            .code(format!("envelopes={}", found.messages.len()));
        Ok::<_, SealedError>(((found, place.hours.in_words(l.0)), vec![event]))
    };
    let (found, hours) = at.seen(look).await?;
    at.write(move |tx, office, who| {
        threads::patient_came(tx, office, (who.patient(), id), &who.actor())
    })
    .await?;
    let zone = at.visitor.timezone(at.doors.office());
    let browser = Browser::of(&at.doors, Holder::Patient(at.visitor.patient()), &found);
    let message = |one: threads::Stored| Message {
        ours: one.sender == Sender::Staff,
        at: moment(l, &one.at.to_zoned(zone.clone())),
        envelope: one.envelope,
    };
    let page = Page {
        frame: at.frame(here.as_str()),
        browser,
        earlier: earlier(&here, &found),
        last: before.map(|_| here),
        who: found.staff_name,
        hours,
        messages: found.messages.into_iter().map(message).collect(),
    };
    Ok(at.page(&page))
}

/// `POST /window/sealed/{thread}`: an envelope, from the page's script.
pub async fn write(Path(id): Path<String>, at: Inside, Octets(sent): Octets) -> Response {
    let (Some(side), Ok(id)) = (side(&at), id.parse::<SealedThreadId>()) else {
        return taken(Err(SealedError::NoThread));
    };
    let Some(recovery) = at.doors.recovery().cloned() else { return taken(Err(SealedError::Off)) };
    let stored = at.try_to(move |tx, office, who| {
        threads::take(tx, office, (side, id, &recovery), (&sent, &who.actor()))
    });
    taken(stored.await)
}

/// The public half of this browser's key, from the page's script.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Registered {
    public_key: String,
}

/// `POST /window/sealed/{thread}/key`: from now on this is the browser it is sealed to.
pub async fn register(
    Path(id): Path<String>,
    at: Inside,
    Filled(form): Filled<Registered>,
) -> Result<Response, Response> {
    let side = side(&at).ok_or_else(|| at.nothing())?;
    let id: SealedThreadId = id.parse().map_err(|_| at.nothing())?;
    let registered = at.try_to(move |tx, office, who| {
        threads::theirs(tx, office, (side, id))?;
        let key = PublicKey::from_text(&form.public_key)?;
        keys::register(tx, office, (side.holder(), &key), (who.session().to_string(), &who.actor()))
    });
    let l = at.l;
    match registered.await {
        Ok(()) => Ok(see_other(&format!("/window/sealed/{id}"))),
        Err(SealedError::NotAKey) => Ok(message(
            (&at.doors, at.spoken),
            at.frame(format!("/window/sealed/{id}")),
            StatusCode::UNPROCESSABLE_ENTITY,
            (
                l.say("That didn’t work", "Eso no funcionó"),
                l.say(
                    "This browser could not make a key. Use another browser, or write to us the \
                     ordinary way.",
                    "Este navegador no pudo crear una clave. Use otro navegador o escríbanos de la \
                     forma habitual.",
                ),
            ),
            Some((
                "/window/write",
                l.say("Write the ordinary way", "Escribir de la forma habitual"),
            )),
        )),
        Err(error) => Err(at.trouble(&error)),
    }
}
