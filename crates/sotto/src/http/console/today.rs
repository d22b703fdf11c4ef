//! `/today`: the appointments of a day by time and site, what the patient answered, and what went
//! out.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::AppointmentId;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::inbox::failed;
use super::page::{Frame, html};
use super::reader::{DeskError, Reader};
use super::signed_in::{May, SeeOverview};
use super::strip::{self, Strip};
use super::words::{self, When};
use crate::access::policies::{self, Action, Principal, Resource};
use crate::access::records::Whose;
use crate::access::sessions::SignedIn;
use crate::audit::{Event, Kind};
use crate::db::appointment::{self, AppointmentReply, AppointmentStatus, Reminded, Visit};
use crate::db::{Tx, site};
use crate::http::Doors;
use crate::http::params::Query;
use crate::http::views::seen;
use crate::office::Office;

/// How many appointments one page lists.
const ROWS: u32 = 200;

#[derive(Template)]
#[template(path = "console/today.html")]
struct Page {
    frame: Frame,
    strip: Strip,
    live: Option<String>,
    day: Day,
}

#[derive(Debug)]
struct Day {
    iso: String,
    words: String,
    is_today: bool,
    before: String,
    after: String,
    count: i64,
    confirmed: usize,
    sites: Vec<Site>,
    next: Option<String>,
}

#[derive(Debug)]
struct Site {
    name: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    id: String,
    time: String,
    at: When,
    who: String,
    patient: String,
    answer: &'static str,
    tone: &'static str,
    sent: Vec<Sent>,
}

#[derive(Debug)]
struct Sent {
    words: String,
    tone: &'static str,
    at: When,
}

/// What the URL says of the day.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// Which, as 2027-03-01.
    #[serde(default)]
    day: Option<String>,
    /// The last row of the page before.
    #[serde(default)]
    after: Option<String>,
}

/// `GET /today`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeOverview>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let (who, permit) = (may.signed_in.clone(), may.permit.clone());
    let live = policies::may(&Principal::from(&who.staff), Action::SeeTasks, &Resource::Practice);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let (day, strip, since, event) = read(tx, office, &who, &asked)?;
        Ok::<_, DeskError>(((day, strip, since), vec![permit.of(event)]))
    };
    let (day, strip, since) = seen(&doors, look).await.map_err(|error| failed(&error))?;
    let page = Page {
        frame: Frame::of(&doors, &may.signed_in).at("/today"),
        strip,
        live: live.is_ok().then(|| strip::address(None, since)),
        day,
    };
    Ok(html(StatusCode::OK, &page))
}

fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    asked: &Asked,
) -> Result<(Day, Strip, Timestamp, Event), DeskError> {
    let practice = office.practice();
    let mut reader = Reader::new(office, who);
    reader.meet(tx)?;
    let since = strip::mark(tx, office)?;
    let strip = strip::read(tx, &mut reader, (None, since))?;
    let today = reader.now.to_zoned(reader.zone.clone()).date();
    let date = asked.day.as_deref().and_then(|day| day.parse().ok()).unwrap_or(today);
    let span = (midnight(&reader, date), midnight(&reader, date.tomorrow().unwrap_or(date)));
    let after = asked.after.as_deref().and_then(read_after);
    let from = after.unwrap_or((Timestamp::MIN, AppointmentId(uuid::Uuid::nil())));
    let mut visits = appointment::visits(tx, practice, span, from, ROWS + 1)?;
    let more = visits.len() > ROWS as usize;
    visits.truncate(ROWS as usize);
    let next = visits.last().filter(|_| more).map(|last| {
        format!("/today?day={date}&after={}.{}", last.starts_at.as_microsecond(), last.id)
    });
    let shown = match (visits.first(), visits.last()) {
        (Some(first), Some(last)) => {
            // A microsecond is the least by which two begin apart.
            let end = last.starts_at + jiff::SignedDuration::from_micros(1);
            appointment::sent_about(tx, practice, (first.starts_at, end))?
        }
        _ => Vec::new(),
    };
    let mut sent: HashMap<AppointmentId, Vec<Reminded>> = HashMap::new();
    for one in shown {
        sent.entry(one.appointment).or_default().push(one);
    }
    // Who comes is asked of where they come to: no tag closes that.
    let everywhere = Whose::seen_at(site::ids(tx, practice)?);
    let mut sites: Vec<Site> = Vec::new();
    let mut count = 0;
    let mut confirmed = 0;
    for visit in visits {
        let place = visit.site.as_ref().map(|(id, _)| Whose::seen_at(vec![*id]));
        if !reader.may_see(place.as_ref().unwrap_or(&everywhere)) {
            continue;
        }
        count += 1;
        confirmed += usize::from(visit.reply == Some(AppointmentReply::Confirmed));
        let name =
            visit.site.as_ref().map_or_else(|| "No site".to_owned(), |(_, name)| name.clone());
        let about = sent.remove(&visit.id).unwrap_or_default();
        let row = line(&reader, visit, about);
        match sites.iter_mut().find(|site| site.name == name) {
            Some(site) => site.rows.push(row),
            None => sites.push(Site { name, rows: vec![row] }),
        }
    }
    sites.sort_by(|a, b| a.name.cmp(&b.name));
    let event =
        Event::new(Kind::ContentViewed, who.actor()).code("schedule").code(format!("rows={count}"));
    let all = appointment::count_visits(tx, practice, span)?;
    let day = Day {
        iso: date.to_string(),
        words: date.strftime("%A, %B %-d").to_string(),
        is_today: date == today,
        before: format!("/today?day={}", date.yesterday().unwrap_or(date)),
        after: format!("/today?day={}", date.tomorrow().unwrap_or(date)),
        count: if who.staff.sites.is_empty() { all } else { count },
        confirmed,
        sites,
        next,
    };
    Ok((day, strip, since, reader.recorded(event)))
}

fn midnight(reader: &Reader<'_>, date: Date) -> Timestamp {
    let zoned = date.to_zoned(reader.zone.clone());
    zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

fn read_after(text: &str) -> Option<(Timestamp, AppointmentId)> {
    let (micros, id) = text.split_once('.')?;
    let at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
    Some((at, AppointmentId(id.parse().ok()?)))
}

fn line(reader: &Reader<'_>, visit: Visit, about: Vec<Reminded>) -> Row {
    let (answer, tone) = match (visit.status, visit.reply) {
        (AppointmentStatus::Cancelled, _) => ("Cancelled", "plain"),
        (AppointmentStatus::NoShow, _) => ("Did not come", "stop"),
        (AppointmentStatus::Fulfilled, _) => ("Was here", "ok"),
        (AppointmentStatus::Booked, Some(AppointmentReply::Confirmed)) => ("Will come", "ok"),
        (AppointmentStatus::Booked, Some(AppointmentReply::Declined)) => ("Cannot come", "stop"),
        (AppointmentStatus::Booked, Some(AppointmentReply::Reschedule)) => {
            ("Wants another time", "wait")
        }
        (AppointmentStatus::Booked, None) => ("No answer", "wait"),
    };
    let sent = about
        .into_iter()
        .map(|one| Sent {
            words: format!(
                "{}: {}",
                words::channel_words(one.channel.as_str()),
                words::state_words(&one.state).to_lowercase()
            ),
            tone: words::state_tone(&one.state),
            at: reader.when(one.state_at),
        })
        .collect();
    let time = visit.starts_at.to_zoned(reader.zone.clone()).strftime("%-I:%M %P").to_string();
    Row {
        id: visit.id.to_string(),
        time,
        at: reader.when(visit.starts_at),
        who: reader.initials(visit.patient, Some(visit.person_sealed)),
        patient: visit.patient.to_string(),
        answer,
        tone,
        sent,
    }
}
