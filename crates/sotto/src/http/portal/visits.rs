//! `/window/visits/{visit}`: confirm in one tap, ask for another time, cancel, put it into a
//! calendar.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::AppointmentId;
use serde::Deserialize;

use super::home::moment;
use super::page::{Filled, Frame, Spoken, Tongue, failed, html, nothing, see_other};
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::db::appointment::AppointmentReply;
use crate::db::registry::APPOINTMENT;
use crate::http::Doors;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::office::Office;
use crate::portal::{PortalError, Visitor, visits};

#[derive(Template)]
#[template(path = "window/visit.html")]
struct VisitPage {
    frame: Frame,
    id: String,
    when: String,
    place: Option<Place>,
    answered: &'static str,
    confirmed: bool,
    declined: bool,
}

/// Where it is, as one would write it on an envelope.
struct Place {
    name: String,
    lines: Vec<String>,
}

/// What a patient answered, in words; empty where nothing yet.
pub(super) fn reply_words(l: Tongue, reply: Option<AppointmentReply>) -> &'static str {
    let (english, spanish) = match reply {
        None => return "",
        Some(AppointmentReply::Confirmed) => ("You said you will come", "Dijo que vendrá"),
        Some(AppointmentReply::Declined) => ("You cancelled it", "Usted la canceló"),
        Some(AppointmentReply::Reschedule) => ("You asked for another time", "Pidió otra hora"),
    };
    l.say(english, spanish)
}

/// `GET /window/visits/{visit}`. That it was shown is on the log.
pub async fn page(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Ok(id) = id.parse::<AppointmentId>() else { return nothing(&doors, spoken, l) };
    let (row, place) = match look(&doors, &visitor, id).await {
        Ok(Some(found)) => found,
        Ok(None) => return nothing(&doors, spoken, l),
        Err(error) => return failed(&doors, spoken, &error),
    };
    let place = place.map(|site| {
        let town = [site.city, site.region].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let town = format!("{town} {}", site.postal_code.unwrap_or_default());
        let lines = site.street.into_iter().chain([town.trim().to_owned()]);
        Place { name: site.name, lines: lines.filter(|line| !line.is_empty()).collect() }
    });
    let page = VisitPage {
        frame: Frame::of(&doors, l, format!("/window/visits/{id}")).inside(),
        id: id.to_string(),
        when: moment(l, &row.starts_at.to_zoned(visitor.timezone(doors.office()))),
        place,
        answered: reply_words(l, row.reply),
        confirmed: row.reply == Some(AppointmentReply::Confirmed),
        declined: row.reply == Some(AppointmentReply::Declined),
    };
    html(&doors, spoken, StatusCode::OK, &page)
}

type Found = (crate::db::appointment::AppointmentRow, Option<crate::db::site::SiteRow>);

async fn look(
    doors: &Doors,
    visitor: &Visitor,
    id: AppointmentId,
) -> Result<Option<Found>, PortalError> {
    let who = visitor.clone();
    seen(doors, move |tx: &mut Tx<'_>, office: &Office| {
        let found = visits::find(tx, office, &who, id)?;
        let event = found.as_ref().map(|_| {
            Event::new(Kind::PatientViewed, who.actor())
                .about(APPOINTMENT, id)
                .patient(who.patient())
                .code("window")
        });
        Ok((found, event.into_iter().collect()))
    })
    .await
}

/// One of three.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    answer: String,
}

/// `POST /window/visits/{visit}`: what a text with C, R or X does.
pub async fn answer(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(form): Filled<Answer>,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let reply = match form.answer.as_str() {
        "confirm" => AppointmentReply::Confirmed,
        "another_time" => AppointmentReply::Reschedule,
        "cancel" => AppointmentReply::Declined,
        _ => return nothing(&doors, spoken, l),
    };
    let Ok(id) = id.parse::<AppointmentId>() else { return nothing(&doors, spoken, l) };
    let office = doors.office().clone();
    let done: Result<bool, PortalError> =
        doors.db().write(move |tx| visits::answer(tx, &office, &visitor, (id, reply))).await;
    match done {
        Ok(true) => see_other(&format!("/window/visits/{id}")),
        Ok(false) => nothing(&doors, spoken, l),
        Err(error) => failed(&doors, spoken, &error),
    }
}

/// `GET /window/visits/{visit}/calendar`: a file for their calendar, with nothing in it but the
/// time.
pub async fn calendar(
    State(doors): State<Doors>,
    Path(id): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Ok(id) = id.parse::<AppointmentId>() else { return nothing(&doors, spoken, l) };
    let row = match look(&doors, &visitor, id).await {
        Ok(Some((row, _))) => row,
        Ok(None) => return nothing(&doors, spoken, l),
        Err(error) => return failed(&doors, spoken, &error),
    };
    let mut response = visits::calendar(doors.office(), &row).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/calendar; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    let named = HeaderValue::from_static("attachment; filename=\"appointment.ics\"");
    headers.insert(header::CONTENT_DISPOSITION, named);
    response
}
