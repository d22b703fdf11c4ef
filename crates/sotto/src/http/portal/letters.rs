//! `/window/letters/{letter}`: one message of the practice, and `/window/write`: what the patient
//! writes back.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Address, Channel, MessageId};
use serde::Deserialize;
use uuid::Uuid;

use super::home::{day, moment};
use super::page::{Filled, Frame, Spoken, failed, html, message, nothing};
use crate::audit::{Event, Kind};
use crate::conversations::tasks;
use crate::db::Tx;
use crate::db::registry::{INBOUND_MESSAGE, LETTER};
use crate::http::Doors;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::InboundId;
use crate::inbound::{self, Arrival, Effect, Received};
use crate::office::Office;
use crate::portal::{PortalError, Visitor, letters};

/// The longest that can be written at once, in characters.
pub const LONGEST: usize = 4_000;

#[derive(Template)]
#[template(path = "window/letter.html")]
struct LetterPage {
    frame: Frame,
    when: String,
    until: String,
    words: Option<String>,
}

#[derive(Template)]
#[template(path = "window/write.html")]
struct Write {
    frame: Frame,
    hours: String,
    nonce: String,
    body: String,
    error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "window/emergency.html")]
struct Emergency {
    frame: Frame,
}

/// `GET /window/letters/{letter}`. That it was read is on the log, and staff see it. A letter of
/// somebody else is as one that never was.
pub async fn page(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Ok(id) = id.parse::<MessageId>() else { return nothing(&doors, spoken, l) };
    let who = visitor.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let opened = letters::open(tx, office, &who, id)?;
        let event = opened.as_ref().map(|_| {
            Event::new(Kind::ContentViewed, who.actor())
                .about(LETTER, id)
                .patient(who.patient())
                .code("window")
        });
        Ok::<_, PortalError>((opened, event.into_iter().collect()))
    };
    let opened = match seen(&doors, look).await {
        Ok(Some(opened)) => opened,
        Ok(None) => return nothing(&doors, spoken, l),
        Err(error) => return failed(&doors, spoken, &error),
    };
    if opened.words.is_some() {
        let (office, who) = (doors.office().clone(), visitor.clone());
        let read: Result<(), PortalError> =
            doors.db().write(move |tx| letters::read(tx, &office, &who, id)).await;
        if let Err(error) = read {
            return failed(&doors, spoken, &error);
        }
    }
    let zone = visitor.timezone(doors.office());
    let last = jiff::Timestamp::from_second(opened.last_day.saturating_mul(24 * 60 * 60));
    let until = last.unwrap_or(jiff::Timestamp::MAX).to_zoned(jiff::tz::TimeZone::UTC);
    let page = LetterPage {
        frame: Frame::of(&doors, l, format!("/window/letters/{id}")).inside(),
        when: day(l, &opened.written_at.to_zoned(zone)),
        until: day(l, &until),
        words: opened.words,
    };
    let status = if page.words.is_some() { StatusCode::OK } else { StatusCode::GONE };
    html(&doors, spoken, status, &page)
}

#[derive(Template)]
#[template(path = "window/wrote.html")]
struct Wrote {
    frame: Frame,
    when: String,
    words: String,
}

/// `GET /window/wrote/{message}`: what the patient wrote, for them alone.
pub async fn wrote(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Ok(id) = id.parse::<InboundId>() else { return nothing(&doors, spoken, l) };
    let who = visitor.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let found = letters::wrote(tx, office, &who, id)?;
        let event = found.as_ref().map(|_| {
            Event::new(Kind::ContentViewed, who.actor())
                .about(INBOUND_MESSAGE, id)
                .patient(who.patient())
                .code("window")
        });
        Ok::<_, PortalError>((found, event.into_iter().collect()))
    };
    match seen(&doors, look).await {
        Err(error) => failed(&doors, spoken, &error),
        Ok(None) => nothing(&doors, spoken, l),
        Ok(Some((at, words))) => {
            let frame = Frame::of(&doors, l, format!("/window/wrote/{id}")).inside();
            let when = moment(l, &at.to_zoned(visitor.timezone(doors.office())));
            html(&doors, spoken, StatusCode::OK, &Wrote { frame, when, words })
        }
    }
}

/// What was written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Written {
    body: String,
    /// Drawn with the page: sending it twice is one message.
    nonce: String,
}

/// `GET /window/write`: what this is not for, when we answer, and then the box.
pub async fn write_page(State(doors): State<Doors>, visitor: Visitor, spoken: Spoken) -> Response {
    show(&doors, (&visitor, spoken), (StatusCode::OK, Written::default(), None)).await
}

async fn show(
    doors: &Doors,
    (visitor, spoken): (&Visitor, Spoken),
    (status, written, error): (StatusCode, Written, Option<&'static str>),
) -> Response {
    let l = spoken.tongue(visitor.language());
    if !visitor.reads_letters() {
        return nothing(doors, spoken, l);
    }
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| -> Result<String, PortalError> {
        Ok(tasks::office_hours(tx, &office)?.in_words(l.0))
    };
    let hours = match doors.db().read(read).await {
        Ok(hours) => hours,
        Err(error) => return failed(doors, spoken, &error),
    };
    let page = Write {
        frame: Frame::of(doors, l, "/window/write").inside(),
        hours,
        nonce: doors.office().clock().new_id().to_string(),
        body: written.body,
        error,
    };
    html(doors, spoken, status, &page)
}

/// `POST /window/write`: takes the way of every message to us. Where it sounds like an emergency,
/// whoever wrote it is told at once what to do.
pub async fn write(
    State(doors): State<Doors>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(written): Filled<Written>,
) -> Response {
    let l = spoken.tongue(visitor.language());
    if !visitor.reads_letters() {
        return nothing(&doors, spoken, l);
    }
    let Ok(nonce) = written.nonce.parse::<Uuid>() else {
        let again = l.say(
            "The page was old. What you wrote is still here: send it once more.",
            "La página era antigua. Lo que escribió sigue aquí: envíelo otra vez.",
        );
        return show(&doors, (&visitor, spoken), (again_status(), written, Some(again))).await;
    };
    let body = written.body.trim();
    if body.is_empty() || body.chars().count() > LONGEST {
        let wrong = if body.is_empty() {
            l.say("Write something first.", "Escriba algo primero.")
        } else {
            l.say(
                "That is more than one message can hold. Shorten it, or call us.",
                "Es más de lo que cabe en un mensaje. Acórtelo o llámenos.",
            )
        };
        return show(&doors, (&visitor, spoken), (again_status(), written, Some(wrong))).await;
    }
    let (office, who, body) = (doors.office().clone(), visitor.clone(), body.to_owned());
    let received: Result<Received, PortalError> = doors
        .db()
        .write(move |tx| {
            let arrival = arrival(&office, &who, (nonce, body));
            Ok(inbound::receive_from(tx, &office, arrival, (who.patient(), who.actor()))?)
        })
        .await;
    let frame = Frame::of(&doors, l, "/window").inside();
    match received {
        Err(error) => failed(&doors, spoken, &error),
        Ok(Received::New { effect: Effect::Emergency, .. }) => {
            html(&doors, spoken, StatusCode::OK, &Emergency { frame })
        }
        Ok(_) => message(
            (&doors, spoken),
            frame,
            StatusCode::OK,
            (
                l.say("We have your message", "Recibimos su mensaje"),
                l.say(
                    "A person reads it in office hours and answers here. We tell you when they do.",
                    "Una persona lo lee en horas de oficina y responde aquí. Le avisaremos.",
                ),
            ),
            Some(("/window", l.say("Back to the start", "Volver al inicio"))),
        ),
    }
}

const fn again_status() -> StatusCode {
    StatusCode::UNPROCESSABLE_ENTITY
}

/// What was written, as an adapter would hand it over. The same page sent twice is the same arrival.
fn arrival(office: &Office, visitor: &Visitor, (nonce, body): (Uuid, String)) -> Arrival {
    let once = format!("{} {nonce}", visitor.session());
    let carrier_id =
        hex::encode(office.keys().content_hash("written at the window", once.as_bytes()));
    Arrival {
        adapter: "portal",
        carrier_id,
        channel: Channel::Portal,
        from: Address::Portal,
        to: String::new(),
        body,
        received_at: office.clock().now(),
        incomplete: false,
        unnamed: None,
    }
}
