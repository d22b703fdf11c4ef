//! The live page: what goes out, what may not and why, what comes back, what staff must do, and the
//! log that proves it. Words are shown of a made-up practice only; of people, initials.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};

use super::board::{self, Board, BoardError};
use super::page::{Frame, html};
use super::signed_in::{May, SeeOverview};
use super::{cookies, signed_in};
use crate::audit::{self, Event, Kind};
use crate::http::Doors;
use crate::http::errors::Problem;

/// How often the live page looks for something new.
const TICK: Duration = Duration::from_secs(1);

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    frame: Frame,
    board: Board,
}

#[derive(Template)]
#[template(path = "console/ended.html")]
struct Ended;

#[derive(Template)]
#[template(path = "console/board.html")]
struct Fragment<'a> {
    board: &'a Board,
}

impl From<BoardError> for Problem {
    fn from(error: BoardError) -> Self {
        match error {
            BoardError::Db(error) => error.into(),
            error => {
                tracing::error!(error = %error, "console.board_failed");
                Self::internal()
            }
        }
    }
}

/// `GET /`: the page. Who looked is on the log, once for each time it is opened.
pub async fn page(State(doors): State<Doors>, may: May<SeeOverview>) -> Result<Response, Problem> {
    let office = doors.office().clone();
    let event = may.permit.of(Event::new(Kind::ContentViewed, may.actor()).code("overview"));
    let recorded = doors.db().write(move |tx| audit::append(tx, &office, event).map(drop));
    let recorded = async { recorded.await.map_err(Problem::from) };
    let ((), board) = tokio::try_join!(recorded, read(&doors))?;
    let frame = Frame::of(&doors, &may.signed_in).at("/");
    Ok(html(StatusCode::OK, &Page { frame, board }))
}

/// `GET /live`: the board again, each time something changed; as long as the session is good.
pub async fn live(
    State(doors): State<Doors>,
    may: May<SeeOverview>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    drop(may);
    let (Some(session), device) = cookies::digests(&doors, &headers) else {
        return Err(Problem::unauthorized());
    };
    let seat = doors.watchers().try_acquire_owned().map_err(|_| Problem::unavailable())?;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let cookies = (session, device);
    let watch = Watch { doors, ticks, seen: None, cookies, over: false, _seat: seat };
    Ok(Sse::new(changes(watch)).keep_alive(KeepAlive::default()).into_response())
}

struct Watch {
    doors: Doors,
    ticks: tokio::time::Interval,
    seen: Option<board::Mark>,
    cookies: ([u8; 32], Option<[u8; 32]>),
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
            // Whoever was disabled, signed out or has left sees nothing more, within a tick.
            if !signed_in::still_good(&watch.doors, watch.cookies).await {
                watch.over = true;
                let html = Ended.render().ok()?;
                return Some((Ok(Line::default().data(html)), watch));
            }
            // A tick that failed is logged where it failed; the next one may do better.
            let Ok(board) = read(&watch.doors).await else { continue };
            if watch.seen.as_ref() == Some(&board.mark) {
                continue;
            }
            let Ok(html) = (Fragment { board: &board }).render() else { continue };
            watch.seen = Some(board.mark);
            return Some((Ok(Line::default().data(html)), watch));
        }
    })
}

async fn read(doors: &Doors) -> Result<Board, Problem> {
    let office = doors.office().clone();
    Ok(doors.db().read(move |tx| board::read(tx, &office)).await?)
}
