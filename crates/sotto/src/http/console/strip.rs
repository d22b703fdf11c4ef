//! The line at the top of the desk's pages, and the stream that keeps it: an emergency that nobody
//! took, how much is new, who else looks. Nothing else on a page changes by itself.
//!
//! Whoever loses leave goes dark with the next tick.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::cookies;
use super::reader::{DeskError, Reader, conversation};
use super::shelf::patient_of;
use super::signed_in::{May, SeeTasks};
use super::words::{When, channel_words};
use crate::access::policies::{self, About, Action, Principal, Resource};
use crate::access::records;
use crate::access::sessions::{self, Standing};
use crate::db::break_glass::{self, BreakGlassRow};
use crate::db::{DbError, Tx, presence, thread};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::params::Query;
use crate::ids::ThreadId;
use crate::office::Office;

/// How often an open page looks for something new.
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks a page says that it is open.
const SAY_EVERY: u32 = 10;
/// Who has not said so for this long is gone.
const GONE_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// The line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Strip {
    pub alarms: Vec<Alarm>,
    pub opened: Vec<Emergency>,
    pub news: i64,
    pub others: Vec<String>,
}

/// A record somebody opened in an emergency, for whoever reviews that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Emergency {
    pub id: String,
    pub who: String,
    pub at: When,
    pub open: bool,
}

/// An emergency that nobody took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    pub id: String,
    pub who: String,
    pub channel: &'static str,
    pub at: When,
    /// May they take it?
    pub mine: bool,
}

#[derive(Template)]
#[template(path = "console/strip.html")]
struct Fragment<'a> {
    strip: &'a Strip,
}

#[derive(Template)]
#[template(path = "console/strip_away.html")]
struct Away;

#[derive(Template)]
#[template(path = "console/dark.html")]
struct Dark;

/// What the stream is asked.
#[derive(Debug, Deserialize)]
pub struct AskedFor {
    /// The thread that is open on the page.
    #[serde(default)]
    thread: Option<String>,
    /// What was the last change when the page was made, in microseconds.
    #[serde(default)]
    since: Option<String>,
}

/// Where a page finds its stream.
pub(super) fn address(thread: Option<ThreadId>, since: Timestamp) -> String {
    let since = since.as_microsecond();
    match thread {
        Some(id) => format!("/inbox/live?since={since}&thread={id}"),
        None => format!("/inbox/live?since={since}"),
    }
}

/// The last change of any thread.
pub(super) fn mark(tx: &mut Tx<'_>, office: &Office) -> Result<Timestamp, DbError> {
    let (last, _) = thread::changes(tx, office.practice(), Timestamp::MAX)?;
    Ok(last.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Reads the line: with the thread that is open, and since when.
pub(super) fn read(
    tx: &mut Tx<'_>,
    reader: &mut Reader<'_>,
    (open, since): (Option<ThreadId>, Timestamp),
) -> Result<Strip, DeskError> {
    let practice = reader.office.practice();
    let mut alarms = Vec::new();
    let rows = thread::alarms(tx, practice)?;
    // Every page of everybody asks this each second: of nobody, it asks the database nothing.
    let seen =
        records::whose_of_each(tx, reader.office, rows.iter().filter_map(|row| row.patient))?;
    for row in rows {
        let whose = seen.of(row.patient);
        alarms.push(Alarm {
            id: row.id.to_string(),
            who: match row.patient {
                Some(patient) => reader.initials(patient, row.person_sealed),
                None => "An unknown number".to_owned(),
            },
            channel: row.channel.map_or("Message", |channel| channel_words(channel.as_str())),
            at: reader.when(row.last_at),
            mine: reader.may(Action::Reply, About::Clinical, whose),
        });
    }
    let (_, news) = thread::changes(tx, practice, since)?;
    let mut others = Vec::new();
    if let Some(id) = open {
        let lately = reader.office.clock().now_in_life() - GONE_AFTER;
        let mut here = presence::since(tx, practice, id, lately)?;
        here.retain(|id| *id != reader.me);
        if !here.is_empty() {
            reader.meet(tx)?;
        }
        others.extend(here.into_iter().map(|id| reader.name(id)));
    }
    Ok(Strip { alarms, opened: opened(tx, reader)?, news, others })
}

/// What was opened in an emergency and waits for a review, for whoever does that.
fn opened(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Vec<Emergency>, DeskError> {
    if !reader.may_here(Action::ReviewBreakGlass) {
        return Ok(Vec::new());
    }
    let mut rows = break_glass::unreviewed(tx, reader.office.practice())?;
    rows.retain(|row| row.staff_id != reader.me);
    if !rows.is_empty() {
        reader.meet(tx)?;
    }
    let now = reader.office.clock().now_in_life();
    let line = |row: BreakGlassRow| Emergency {
        id: row.id.to_string(),
        who: reader.name(row.staff_id),
        at: When::new(row.opened_at, now, &reader.zone),
        open: row.ended_at.is_none() && now < row.until_at,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// `GET /inbox/live`: the line again, each time it changes; as long as the session is good and what
/// is open may be read.
pub async fn live(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Query(asked): Query<AskedFor>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (Some(session), device) = cookies::digests(&doors, &headers) else {
        return Err(Problem::unauthorized());
    };
    let me = may.signed_in.staff.id;
    let seat = doors.watchers().try_acquire_owned().map_err(|_| Problem::unavailable())?;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let since = asked.since.as_deref().and_then(|text| text.parse().ok());
    let watch = Watch {
        doors,
        ticks,
        count: 0,
        me,
        open: asked.thread.as_deref().and_then(|id| id.parse().ok()),
        since: since
            .and_then(|micros| Timestamp::from_microsecond(micros).ok())
            .unwrap_or(Timestamp::MAX),
        cookies: (session, device),
        shown: None,
        away: false,
        over: false,
        _seat: seat,
    };
    Ok(Sse::new(changes(watch)).keep_alive(KeepAlive::default()).into_response())
}

struct Watch {
    doors: Doors,
    ticks: tokio::time::Interval,
    count: u32,
    me: crate::ids::StaffId,
    open: Option<ThreadId>,
    since: Timestamp,
    cookies: ([u8; 32], Option<[u8; 32]>),
    shown: Option<Strip>,
    /// It says that the database is away.
    away: bool,
    over: bool,
    _seat: tokio::sync::OwnedSemaphorePermit,
}

fn changes(watch: Watch) -> impl Stream<Item = Result<Line, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        loop {
            watch.ticks.tick().await;
            if watch.doors.closing() || watch.over {
                return None;
            }
            // A page that is open already must say it too.
            let away =
                watch.doors.office().downtime().is_some_and(|one| one.away_since().is_some());
            if away {
                watch.shown = None;
                if std::mem::replace(&mut watch.away, true) {
                    continue;
                }
                return Some((Ok(Line::default().data(Away.render().ok()?)), watch));
            }
            watch.away = false;
            if watch.count.is_multiple_of(SAY_EVERY) {
                watch.say().await;
            }
            watch.count = watch.count.wrapping_add(1);
            match watch.look().await {
                // A tick that failed is logged; the next one may do better.
                Err(error) => tracing::error!(%error, "inbox.live"),
                Ok(None) => {
                    watch.over = true;
                    return Some((Ok(Line::default().data(Dark.render().ok()?)), watch));
                }
                Ok(Some(strip)) if watch.shown.as_ref() == Some(&strip) => {}
                Ok(Some(strip)) => {
                    let Ok(html) = (Fragment { strip: &strip }).render() else { continue };
                    watch.shown = Some(strip);
                    return Some((Ok(Line::default().data(html)), watch));
                }
            }
        }
    })
}

impl Watch {
    /// Tells the others that this page is open.
    async fn say(&self) {
        let Some(open) = self.open else { return };
        let (practice, me) = (self.doors.office().practice(), self.me);
        let now = self.doors.office().clock().now_in_life();
        let said =
            self.doors.db().write(move |tx| presence::put(tx, practice, (open, me), now)).await;
        if let Err(error) = said {
            tracing::warn!(%error, "inbox.presence");
        }
    }

    /// The line as it is now; none where this person may not see it any more.
    async fn look(&self) -> Result<Option<Strip>, DeskError> {
        let office = self.doors.office().clone();
        let (open, since) = (self.open, self.since);
        let (session, device) = self.cookies;
        let read = move |tx: &mut Tx<'_>| {
            let standing = sessions::standing(tx, &office, (Some(&session), device.as_ref()))?;
            let Standing::Good(who) = standing else { return Ok(None) };
            let principal = Principal::from(&who.staff);
            let may = |action, what: &Resource| policies::may(&principal, action, what).is_ok();
            if !may(Action::SeeTasks, &Resource::Practice) {
                return Ok(None);
            }
            if let Some(id) = open {
                let practice = office.practice();
                let Some(row) = thread::get(tx, practice, id)? else { return Ok(None) };
                let whose = records::whose(tx, &office, patient_of(row.with))?;
                let patient = patient_of(row.with);
                let what = conversation(row.about, &whose);
                if policies::may(&who.before(patient), Action::ReadConversation, &what).is_err() {
                    return Ok(None);
                }
            }
            let mut reader = Reader::new(&office, &who);
            Ok(Some(self::read(tx, &mut reader, (open, since))?))
        };
        self.doors.db().read(read).await
    }
}
