//! `/window`: what was written to the patient, their visits, and where to write back.

use askama::Template;
use axum::http::HeaderMap;
use axum::response::Response;

use super::forms;
use super::inside::Inside;
use super::page::{Frame, Tongue};
use crate::access::ceremonies::Ceremonies;
use crate::compose::dates::{self, Style};
use crate::db::Tx;
use crate::http::console::cookies;
use crate::office::Office;
use crate::portal::forms::due;
use crate::portal::{PortalError, Visitor, letters, phones, visits};
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
    /// Phones can be remembered here.
    phones: bool,
    /// To remember this one, offered in this stay alone: at this origin.
    offer: Option<String>,
    forms: Vec<forms::Line>,
    sealed: bool,
    letters: Vec<Line>,
    written: Vec<Line>,
    visits: Vec<Line>,
}

#[derive(Template)]
#[template(path = "window/tablet_home.html")]
struct Tablet {
    frame: Frame,
    forms: Vec<forms::Line>,
}

/// `GET /window`. That it was looked at is on the log; what stood there for the first time is
/// opened.
pub async fn page(at: Inside, headers: HeaderMap) -> Result<Response, Response> {
    if at.visitor.kiosk().is_some() {
        let event = at.looked_around("window");
        let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
            Ok::<_, PortalError>((due(tx, office, who)?, vec![event]))
        };
        let due = at.seen(look).await?;
        let forms = due.iter().map(|one| forms::Line::of(&at, one)).collect();
        return Ok(at.page(&Tablet { frame: at.frame("/window"), forms }));
    }
    let event = at.looked_around("window");
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let letters = (letters::list(tx, office, who)?, letters::written(tx, office, who)?);
        let sealed = who.has_own_browser() && threads::any(tx, office, who.patient())?;
        let ahead = (visits::list(tx, office, who)?, due(tx, office, who)?);
        Ok::<_, PortalError>(((letters, ahead, sealed), vec![event]))
    };
    let ((list, said), (ahead, due), sealed) = at.seen(look).await?;
    at.write(letters::opened).await?;
    let (l, visitor) = (at.l, &at.visitor);
    let zone = visitor.timezone(at.doors.office());
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
    let phones = at.doors.phones();
    let stay = visitor.session();
    let before = cookies::offered(&at.doors, &headers);
    let here = before.is_none_or(|before| before == stay.to_string())
        && phones::may_offer(at.doors.office(), visitor);
    let offer = phones.as_ref().filter(|_| here).map(Ceremonies::origin);
    let home = Home {
        phones: phones.is_some(),
        offer,
        frame: at.frame("/window"),
        may_read: visitor.reads_letters(),
        may_visit: visitor.sees_visits(),
        may_choose: visitor.chooses(),
        forms: due.iter().map(|one| forms::Line::of(&at, one)).collect(),
        sealed,
        letters,
        written,
        visits,
    };
    let mut response = at.page(&home);
    if home.offer.is_some() {
        cookies::offer(&at.doors, response.headers_mut(), stay);
    }
    Ok(response)
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
