//! `/downtime`: today's and tomorrow's schedule and contacts, from the sealed copy on this machine's
//! disk; to be read and printed. While the database is there the page asks it who looks, like every
//! other; while it is away, the copy knows who was signed in, and the spool keeps who looked.
//!
//! Every other page says so meanwhile ([`meanwhile`]), and changes nothing.

use askama::Template;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use gate::PatientId;
use jiff::Timestamp;

use super::cookies;
use super::page::{Frame, html, message};
use super::signed_in::{May, SeeOverview};
use super::words::When;
use crate::access::AccessError;
use crate::access::policies::{self, Action, Principal, Resource};
use crate::access::records::Whose;
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::downtime::Downtime;
use crate::downtime::copy::{Copy, CopyError, Day};
use crate::http::Doors;
use crate::http::views::seen;
use crate::office::Office;

/// Seconds after which a browser may ask again.
const RETRY: HeaderValue = HeaderValue::from_static("10");

#[derive(Template)]
#[template(path = "console/downtime.html")]
struct Page {
    /// Of somebody whom the database knows now; none while it is away.
    frame: Option<Frame>,
    practice: String,
    phone: String,
    who: String,
    made: String,
    since: Option<When>,
    days: Vec<Day>,
}

/// What of the copy is for this person, and whose patients these are.
fn theirs(copy: &Copy, principal: &Principal) -> (Vec<Day>, Vec<PatientId>) {
    let mut days = copy.days.clone();
    let mut patients = Vec::new();
    for day in &mut days {
        day.sites.retain(|site| {
            let sites = site.id.map_or_else(|| copy.everywhere.clone(), |id| vec![id]);
            let record = Resource::Patient(Whose::seen_at(sites));
            policies::may(principal, Action::SeePatient, &record).is_ok()
        });
        let visits = day.sites.iter().flat_map(|site| &site.visits);
        patients.extend(visits.map(|visit| visit.patient));
    }
    patients.sort_unstable();
    patients.dedup();
    (days, patients)
}

/// The copy, opened on a thread that may wait.
async fn opened(doors: &Doors, downtime: &Downtime) -> Result<Copy, Response> {
    let (office, file) = (doors.office().clone(), downtime.copy());
    let opened = tokio::task::spawn_blocking(move || {
        let now = office.clock().now_in_life();
        Copy::open(&file, (office.keys(), office.practice()), now)
    });
    let opened = match opened.await {
        Ok(opened) => opened,
        Err(error) => Err(CopyError::Io(error.into())),
    };
    opened.map_err(|error| {
        tracing::error!(%error, "downtime.not_opened");
        let text = format!("There is nothing to show: {error}. Use the paper schedule.");
        message(
            StatusCode::SERVICE_UNAVAILABLE,
            ("No copy of the schedule", &text),
            ("/", "Try the desk"),
        )
    })
}

/// `GET /downtime`.
pub async fn page(State(doors): State<Doors>, mut parts: Parts) -> Result<Response, Response> {
    let Some(downtime) = doors.office().downtime().cloned() else {
        // Only who may see the schedule learns that there is none.
        let may = May::<SeeOverview>::from_request_parts(&mut parts, &doors).await?;
        let home = Frame::of(&doors, &may.signed_in).home();
        let text = "This server keeps no copy of the schedule on its disk.";
        return Ok(message(
            StatusCode::OK,
            ("No copy of the schedule", text),
            (home, "To the desk"),
        ));
    };
    if downtime.away_since().is_none() {
        match May::<SeeOverview>::from_request_parts(&mut parts, &doors).await {
            Ok(may) => return rehearsed(&doors, &downtime, &may).await,
            // It may be going away just now.
            Err(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {}
            Err(answer) => return Err(answer),
        }
    }
    in_earnest(&doors, &downtime, &parts).await
}

/// The database is there: the page is shown as it would be, and the log has it as any other.
async fn rehearsed(
    doors: &Doors,
    downtime: &Downtime,
    may: &May<SeeOverview>,
) -> Result<Response, Response> {
    let copy = match opened(doors, downtime).await {
        Ok(copy) => copy,
        Err(mut answer) => {
            // Nothing is wrong: none was made yet.
            *answer.status_mut() = StatusCode::OK;
            return Ok(answer);
        }
    };
    let (days, patients) = theirs(&copy, &may.signed_in.before(None));
    let event = may.permit.of(Event::new(Kind::ContentViewed, may.actor()).code("downtime"));
    let event = patients.into_iter().fold(event, Event::patient);
    let recorded =
        seen(doors, move |_: &mut Tx<'_>, _: &Office| Ok::<_, AccessError>(((), vec![event])));
    recorded.await.map_err(|error| super::page::failed(&error))?;
    let frame = Some(Frame::of(doors, &may.signed_in));
    let who = may.signed_in.staff.named.name.clone();
    Ok(html(StatusCode::OK, &Page { frame, ..shown(copy, who, None, days) }))
}

/// The database is away: who it is, the copy knows; that they looked is on disk before they see it.
async fn in_earnest(
    doors: &Doors,
    downtime: &Downtime,
    parts: &Parts,
) -> Result<Response, Response> {
    let office = doors.office();
    let (now, zone) = (office.clock().now_in_life(), office.profile().timezone.clone());
    let copy = opened(doors, downtime).await?;
    let (session, _) = cookies::digests(doors, &parts.headers);
    let known = session.and_then(|digest| copy.known(office.keys(), &digest).cloned());
    let Some(known) = known.filter(|known| downtime.admits(known, now)) else {
        return Err(message(
            StatusCode::UNAUTHORIZED,
            (
                "You can't come in now",
                "The database is away, and this browser wasn't signed in before, or stood idle \
                 for too long. A colleague who is signed in can print the schedule; so can \
                 whoever runs the server: sotto downtime.",
            ),
            ("/sign-in", "Try to sign in"),
        ));
    };
    let principal = known.principal();
    if policies::may(&principal, Action::SeeOverview, &Resource::Practice).is_err() {
        return Err(message(
            StatusCode::FORBIDDEN,
            ("This page isn't yours to open", "None of your roles may see the schedule."),
            ("/me", "To your page"),
        ));
    }
    let (days, patients) = theirs(&copy, &principal);
    let (spool, at, actor) = (downtime.spool(), office.clone(), known.actor());
    let kept = tokio::task::spawn_blocking(move || {
        spool.append((at.keys(), at.clock()), actor, ("page", patients))
    });
    if !matches!(kept.await, Ok(Ok(()))) {
        tracing::error!("downtime.not_written_down");
        return Err(message(
            StatusCode::SERVICE_UNAVAILABLE,
            (
                "The schedule can't be shown",
                "That you look can't be written down on this machine's disk, and nothing is shown \
                 without it. Use the paper schedule, and call whoever runs the server.",
            ),
            ("/downtime", "Try again"),
        ));
    }
    let since = downtime.away_since().unwrap_or(now);
    let since = Some(When::new(since, now, &zone));
    let mut answer =
        html(StatusCode::OK, &Page { frame: None, ..shown(copy, known.name, since, days) });
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY);
    Ok(answer)
}

fn shown(copy: Copy, who: String, since: Option<When>, days: Vec<Day>) -> Page {
    Page {
        frame: None,
        practice: copy.practice,
        phone: copy.phone,
        who,
        made: copy.made,
        since,
        days,
    }
}

/// While the database is away every page but this one says so: nothing is read halfway, and nothing
/// is written.
pub async fn meanwhile(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    let since = doors.office().downtime().and_then(Downtime::away_since);
    let Some(since) = since.filter(|_| request.uri().path() != "/downtime") else {
        return next.run(request).await;
    };
    away(&doors, since)
}

#[derive(Template)]
#[template(path = "console/database_away.html")]
struct Away {
    since: When,
}

fn away(doors: &Doors, since: Timestamp) -> Response {
    let office = doors.office();
    let (now, zone) = (office.clock().now_in_life(), office.profile().timezone.clone());
    let page = Away { since: When::new(since, now, &zone) };
    let mut answer = html(StatusCode::SERVICE_UNAVAILABLE, &page);
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY);
    answer
}
