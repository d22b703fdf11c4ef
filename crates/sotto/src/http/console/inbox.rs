//! `/inbox`: what waits, urgent first, then by when it is due; whose it is; and what was put off or
//! closed. Names are initials here, and words are shown to who may read them.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

use super::page::{Frame, html, message};
use super::reader::{DeskError, Reader};
use super::shelf::{self, Ask, Asked, Shelf};
use super::signed_in::{May, SeeTasks};
use super::strip::{self, Strip};
use crate::access::sessions::SignedIn;
use crate::audit::{Event, Kind};
use crate::conversations::calls::CallError;
use crate::conversations::inbox::InboxError;
use crate::conversations::tasks::TaskError;
use crate::db::Tx;
use crate::http::Doors;
use crate::http::params::Query;
use crate::http::views::seen;
use crate::ids::ThreadId;
use crate::office::Office;

#[derive(Template)]
#[template(path = "console/inbox.html")]
struct Page {
    frame: Frame,
    strip: Strip,
    live: String,
    shelf: Shelf,
    /// The thread that was closed just now, to undo that.
    closed: Option<ThreadId>,
}

/// `GET /inbox`. Who looked is on the log, with how many were shown.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let ask = Ask::of(&asked, &may.signed_in.staff.roles);
    let (who, permit) = (may.signed_in.clone(), may.permit.clone());
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let (shelf, strip, since, event) = read(tx, office, &who, &ask)?;
        Ok::<_, DeskError>(((shelf, strip, since), vec![permit.of(event)]))
    };
    let (shelf, strip, since) = seen(&doors, look).await.map_err(|error| failed(&error))?;
    let page = Page {
        frame: Frame::of(&doors, &may.signed_in).at("/inbox"),
        strip,
        live: strip::address(None, since),
        shelf,
        closed: asked.closed.as_deref().and_then(|id| id.parse().ok()),
    };
    Ok(html(StatusCode::OK, &page))
}

fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    ask: &Ask,
) -> Result<(Shelf, Strip, Timestamp, Event), DeskError> {
    let mut reader = Reader::new(office, who);
    reader.meet(tx)?;
    let since = strip::mark(tx, office)?;
    let shelf = shelf::read(tx, &mut reader, (ask, who), None)?;
    let strip = strip::read(tx, &mut reader, (None, since))?;
    let event = Event::new(Kind::ContentViewed, who.actor())
        .code("inbox")
        .code(format!("rows={}", shelf.rows.len()));
    Ok((shelf, strip, since, reader.recorded(event)))
}

/// The page for what could not be shown or done; what was typed is one step back.
pub(super) fn failed(error: &DeskError) -> Response {
    let (status, title, text) = match error {
        DeskError::Inbox(InboxError::NoThread(_) | InboxError::Task(TaskError::NoTask(_))) => (
            StatusCode::NOT_FOUND,
            "Nothing here by that id",
            "It may have been typed wrong.".into(),
        ),
        DeskError::Call(CallError::NoCall(_)) => (
            StatusCode::NOT_FOUND,
            "There is no such call",
            "It may be a colleague's. Begin one of your own.".into(),
        ),
        DeskError::Inbox(InboxError::NotNow(why)) | DeskError::Call(CallError::NotNow(why)) => {
            (StatusCode::CONFLICT, "That can't be done now", format!("Nothing was changed: {why}."))
        }
        DeskError::Inbox(InboxError::Field { field, because })
        | DeskError::Call(CallError::Field { field, because }) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Something is missing",
            format!("The {field} {because}. Go back, and what you wrote is still there."),
        ),
        DeskError::Inbox(InboxError::Task(TaskError::Done(_))) => (
            StatusCode::CONFLICT,
            "That was done before",
            "A colleague was quicker. Nothing was changed.".into(),
        ),
        error => {
            tracing::error!(%error, "inbox.failed");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "That didn't work",
                "It isn't your doing. Try again in a minute.".into(),
            )
        }
    };
    message(status, (title, &text), ("/inbox", "To the inbox"))
}
