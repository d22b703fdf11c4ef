//! `/window`: what was written to the patient, their visits, and where to write back.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Frame, Spoken, Tongue, failed, html};
use crate::audit::{Event, Kind};
use crate::compose::dates::{self, Style};
use crate::db::Tx;
use crate::db::registry::WINDOW_SESSION;
use crate::http::Doors;
use crate::http::views::seen;
use crate::office::Office;
use crate::portal::session::Who;
use crate::portal::{PortalError, Visitor, letters, visits};
use crate::sealed::threads;

/// A line of a list.
struct Line {
    to: String,
    words: String,
    note: &'static str,
    strong: bool,
}

#[derive(Template)]
#[template(path = "window/home.html")]
struct Home {
    frame: Frame,
    may_read: bool,
    may_visit: bool,
    may_choose: bool,
    sealed: bool,
    letters: Vec<Line>,
    written: Vec<Line>,
    visits: Vec<Line>,
}

/// `GET /window`. That it was looked at is on the log; what stood there for the first time is
/// opened.
pub async fn page(State(doors): State<Doors>, visitor: Visitor, spoken: Spoken) -> Response {
    let l = spoken.tongue(visitor.language());
    let frame = Frame::of(&doors, l, "/window").inside();
    let who = visitor.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let letters = (letters::list(tx, office, &who)?, letters::written(tx, office, &who)?);
        let sealed = *who.who() == Who::Patient && threads::any(tx, office, who.patient())?;
        let read = (letters, visits::list(tx, office, &who)?, sealed);
        let event = Event::new(Kind::PatientViewed, who.actor())
            .about(WINDOW_SESSION, who.session())
            .patient(who.patient())
            .code("window");
        Ok::<_, PortalError>((read, vec![event]))
    };
    let ((list, said), ahead, sealed) = match seen(&doors, look).await {
        Ok(read) => read,
        Err(error) => return failed(&doors, spoken, &error),
    };
    let (office, who) = (doors.office().clone(), visitor.clone());
    let opened: Result<(), PortalError> =
        doors.db().write(move |tx| letters::opened(tx, &office, &who)).await;
    if let Err(error) = opened {
        return failed(&doors, spoken, &error);
    }
    let zone = visitor.timezone(doors.office());
    let letters = list
        .into_iter()
        .map(|letter| Line {
            to: format!("/window/letters/{}", letter.id),
            words: day(l, &letter.written_at.to_zoned(zone.clone())),
            note: note(l, &letter),
            strong: !letter.read && !letter.ended,
        })
        .collect();
    let written = said
        .into_iter()
        .map(|one| Line {
            to: format!("/window/wrote/{}", one.id),
            words: moment(l, &one.at.to_zoned(zone.clone())),
            note: "",
            strong: false,
        })
        .collect();
    let visits = ahead
        .into_iter()
        .map(|visit| Line {
            to: format!("/window/visits/{}", visit.id),
            words: moment(l, &visit.starts_at.to_zoned(zone.clone())),
            note: super::visits::reply_words(l, visit.reply),
            strong: visit.reply.is_none(),
        })
        .collect();
    let home = Home {
        frame,
        may_read: visitor.reads_letters(),
        may_visit: visitor.sees_visits(),
        may_choose: visitor.chooses(),
        sealed,
        letters,
        written,
        visits,
    };
    html(&doors, spoken, StatusCode::OK, &home)
}

fn note(l: Tongue, letter: &letters::Listed) -> &'static str {
    let (english, spanish) = if letter.ended {
        ("Expired", "Vencido")
    } else if letter.read {
        ("Read", "Leído")
    } else {
        ("New", "Nuevo")
    };
    l.say(english, spanish)
}

/// "Thursday, March 4": a day in words.
pub(super) fn day(l: Tongue, at: &jiff::Zoned) -> String {
    let date = at.date();
    let weekday = dates::weekday(date, l.0, Style::Long);
    format!("{}, {}", capital(weekday), dates::date(date, l.0, Style::Long))
}

/// "Thursday, March 4, 2:30 pm": a day and a time in words.
pub(super) fn moment(l: Tongue, at: &jiff::Zoned) -> String {
    format!("{}, {}", day(l, at), dates::time(at, l.0, false))
}

/// A line begins with a capital letter, also where weekdays have none.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
