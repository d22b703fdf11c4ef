//! The live page of a made-up practice: what goes out, what may not and why, what comes back, what
//! staff must do, and the log that proves it.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};

use super::board::{self, Board, BoardError};
use crate::http::Doors;
use crate::http::errors::Problem;

/// How often the live page looks for something new.
const TICK: Duration = Duration::from_secs(1);

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    board: Board,
}

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

/// `GET /`: the page.
pub async fn page(State(doors): State<Doors>) -> Result<Response, Problem> {
    let board = read(&doors).await?;
    let html = Page { board }.render().map_err(|_| Problem::internal())?;
    Ok(as_html(html))
}

/// `GET /live`: the board again, each time something changed.
pub async fn live(State(doors): State<Doors>) -> Result<Response, Problem> {
    let seat = doors.watchers().try_acquire_owned().map_err(|_| Problem::unavailable())?;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let watch = Watch { doors, ticks, seen: None, _seat: seat };
    Ok(Sse::new(changes(watch)).keep_alive(KeepAlive::default()).into_response())
}

struct Watch {
    doors: Doors,
    ticks: tokio::time::Interval,
    seen: Option<board::Mark>,
    _seat: tokio::sync::OwnedSemaphorePermit,
}

fn changes(watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        loop {
            watch.ticks.tick().await;
            if watch.doors.closing() {
                return None;
            }
            // A tick that failed is logged where it failed; the next one may do better.
            let Ok(board) = read(&watch.doors).await else { continue };
            if watch.seen.as_ref() == Some(&board.mark) {
                continue;
            }
            let Ok(html) = (Fragment { board: &board }).render() else { continue };
            watch.seen = Some(board.mark);
            return Some((Ok(Event::default().data(html)), watch));
        }
    })
}

async fn read(doors: &Doors) -> Result<Board, Problem> {
    let office = doors.office().clone();
    Ok(doors.db().read(move |tx| board::read(tx, &office)).await?)
}

fn as_html(html: String) -> Response {
    let mut response = html.into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
