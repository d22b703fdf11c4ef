//! `/window/visits/{visit}`: confirm in one tap, ask for another time, cancel, put it into a
//! calendar.

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gate::AppointmentId;
use serde::Deserialize;

use super::forms;
use super::home::moment;
use super::inside::Inside;
use super::page::{Filled, Frame, Tongue, see_other};
use crate::audit::Kind;
use crate::db::Tx;
use crate::db::appointment::{AppointmentReply, AppointmentRow};
use crate::db::registry::APPOINTMENT;
use crate::db::site::SiteRow;
use crate::http::params::Path;
use crate::office::Office;
use crate::portal::forms::{self as portal_forms, Due};
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
    forms: Vec<forms::Line>,
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
pub async fn page(Path(id): Path<String>, at: Inside) -> Result<Response, Response> {
    let (row, place, due) = look(&at, &id).await?;
    let place = place.map(|site| {
        let town = [site.city, site.region].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let town = format!("{town} {}", site.postal_code.unwrap_or_default());
        let lines = site.street.into_iter().chain([town.trim().to_owned()]);
        Place { name: site.name, lines: lines.filter(|line| !line.is_empty()).collect() }
    });
    let page = VisitPage {
        frame: at.frame(format!("/window/visits/{}", row.id)),
        id: row.id.to_string(),
        when: moment(at.l, &row.starts_at.to_zoned(at.visitor.timezone(at.doors.office()))),
        place,
        answered: reply_words(at.l, row.reply),
        confirmed: row.reply == Some(AppointmentReply::Confirmed),
        declined: row.reply == Some(AppointmentReply::Declined),
        forms: due.iter().map(|one| forms::Line::of(&at, one)).collect(),
    };
    Ok(at.page(&page))
}

async fn look(
    at: &Inside,
    id: &str,
) -> Result<(AppointmentRow, Option<SiteRow>, Vec<Due>), Response> {
    let id = id.parse::<AppointmentId>().map_err(|_| at.nothing())?;
    let event = at.looked(Kind::PatientViewed, "window").about(APPOINTMENT, id);
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let found = match visits::find(tx, office, who, id)? {
            Some((row, place)) => {
                let mut due = portal_forms::due(tx, office, who)?;
                due.retain(|one| one.visit.id == id);
                Some((row, place, due))
            }
            None => None,
        };
        let event = found.as_ref().map(|_| event);
        Ok::<_, PortalError>((found, event.into_iter().collect()))
    };
    at.seen(look).await?.ok_or_else(|| at.nothing())
}

/// One of three.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    answer: String,
}

/// `POST /window/visits/{visit}`: what a text with C, R or X does.
pub async fn answer(
    Path(id): Path<String>,
    at: Inside,
    Filled(form): Filled<Answer>,
) -> Result<Response, Response> {
    let reply = match form.answer.as_str() {
        "confirm" => AppointmentReply::Confirmed,
        "another_time" => AppointmentReply::Reschedule,
        "cancel" => AppointmentReply::Declined,
        _ => return Err(at.nothing()),
    };
    let id = id.parse::<AppointmentId>().map_err(|_| at.nothing())?;
    if at.write(move |tx, office, who| visits::answer(tx, office, who, (id, reply))).await? {
        Ok(see_other(&format!("/window/visits/{id}")))
    } else {
        Err(at.nothing())
    }
}

/// `GET /window/visits/{visit}/calendar`: a file for their calendar, with nothing in it but the
/// time.
pub async fn calendar(Path(id): Path<String>, at: Inside) -> Result<Response, Response> {
    let (row, ..) = look(&at, &id).await?;
    let mut response = visits::calendar(at.doors.office(), &row).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/calendar; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    let named = HeaderValue::from_static("attachment; filename=\"appointment.ics\"");
    headers.insert(header::CONTENT_DISPOSITION, named);
    Ok(response)
}
