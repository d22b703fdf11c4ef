//! `/tasks`: what must be done, urgent first, then by when it is due, with whose it is; and the form
//! that says what came of it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::inbox::failed;
use super::page::{Filled, Frame, html, own_path, see_other};
use super::reader::{DeskError, Reader, conversation};
use super::shelf::OUTCOMES;
use super::signed_in::{May, SeeTasks, leave};
use super::strip::{self, Strip};
use super::thread::may_ever;
use super::words::{self, When};
use crate::access::policies::Action;
use crate::access::records::{self, Whose};
use crate::access::sessions::SignedIn;
use crate::audit::{Event, Kind};
use crate::conversations::about;
use crate::conversations::inbox::InboxError;
use crate::conversations::tasks::{self, TaskError, TaskKind, TaskOutcome};
use crate::db::task::{self, Listed};
use crate::db::{Tx, Word as _};
use crate::http::Doors;
use crate::http::params::{Path, Query};
use crate::http::views::seen;
use crate::ids::TaskId;
use crate::office::Office;

/// How many tasks one page lists.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "console/tasks.html")]
struct Page {
    frame: Frame,
    strip: Strip,
    live: String,
    list: List,
    outcomes: &'static [(&'static str, &'static str)],
    done: bool,
}

#[derive(Debug)]
struct List {
    count: i64,
    rows: Vec<Row>,
    next: Option<String>,
    later: bool,
}

#[derive(Debug)]
struct Row {
    id: String,
    what: String,
    who: String,
    due: When,
    urgent: bool,
    owner: String,
    thread: Option<String>,
    /// Where the call about it begins.
    call: Option<String>,
    /// The page of the settings where they may do something about it.
    settings: Option<&'static str>,
    /// Where it is reviewed, which is how it is done.
    review: bool,
    /// May they say that it is done?
    mine: bool,
}

/// What the URL says of the list.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// The last row of the page before.
    #[serde(default)]
    after: Option<String>,
    /// A task was done just now.
    #[serde(default)]
    done: Option<String>,
}

/// `GET /tasks`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let (who, permit) = (may.signed_in.clone(), may.permit.clone());
    let after = asked.after.as_deref().and_then(read_after);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let (list, strip, since, event) = read(tx, office, &who, after)?;
        Ok::<_, DeskError>(((list, strip, since), vec![permit.of(event)]))
    };
    let (list, strip, since) = seen(&doors, look).await.map_err(|error| failed(&error))?;
    let page = Page {
        frame: Frame::of(&doors, &may.signed_in).at("/tasks"),
        strip,
        live: strip::address(None, since),
        list,
        outcomes: &OUTCOMES,
        done: asked.done.is_some(),
    };
    Ok(html(StatusCode::OK, &page))
}

fn read_after(text: &str) -> Option<(bool, Timestamp, TaskId)> {
    let (urgent, rest) = text.split_once('.')?;
    let (micros, id) = rest.split_once('.')?;
    let at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
    Some((urgent == "1", at, id.parse().ok()?))
}

fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    after: Option<(bool, Timestamp, TaskId)>,
) -> Result<(List, Strip, Timestamp, Event), DeskError> {
    let practice = office.practice();
    let mut reader = Reader::new(office, who);
    reader.meet(tx)?;
    let since = strip::mark(tx, office)?;
    let strip = strip::read(tx, &mut reader, (None, since))?;
    let count = task::count_open(tx, practice)?;
    let from = after.unwrap_or((true, Timestamp::MIN, TaskId(uuid::Uuid::nil())));
    let mut listed = task::open_listed(tx, practice, from, ROWS + 1)?;
    let more = listed.len() > ROWS as usize;
    listed.truncate(ROWS as usize);
    let next = listed.last().filter(|_| more).map(|last| {
        let (urgent, at) = (u8::from(last.urgent), last.due_at.as_microsecond());
        format!("/tasks?after={urgent}.{at}.{}", last.id)
    });
    let seen = records::whose_of_each(tx, office, listed.iter().filter_map(|row| row.patient))?;
    let rows: Vec<Row> = listed
        .into_iter()
        .map(|row| {
            let whose = seen.of(row.patient);
            line(&mut reader, row, whose)
        })
        .collect();
    let event = Event::new(Kind::ContentViewed, who.actor())
        .code("tasks")
        .code(format!("rows={}", rows.len()));
    let list = List { count, rows, next, later: after.is_some() };
    Ok((list, strip, since, reader.recorded(event)))
}

fn line(reader: &mut Reader<'_>, row: Listed, whose: &Whose) -> Row {
    let about = about::task(row.kind);
    let readable = reader.may_read(about, whose) || row.patient.is_none();
    let who = match row.patient {
        Some(patient) => reader.initials(patient, row.person_sealed),
        None if row.thread.is_some() => "Unknown number".to_owned(),
        None => "The practice".to_owned(),
    };
    let reviewed = row.kind == TaskKind::BreakGlass;
    let agreed = matches!(row.kind, TaskKind::AgreementEnds | TaskKind::Certificate);
    let mine = !reviewed && reader.may(Action::Reply, about, whose);
    let patient = row.patient.filter(|_| mine && readable);
    Row {
        settings: match row.kind {
            _ if agreed && reader.may_here(Action::ManageVendors) => Some("/settings/vendors"),
            TaskKind::RecordsEnd if reader.may_here(Action::SeeRetention) => {
                Some("/settings/retention")
            }
            _ => None,
        },
        review: reviewed && reader.may_here(Action::ReviewBreakGlass),
        call: patient.map(|patient| format!("/people/{patient}/call?task={}", row.id)),
        id: row.id.to_string(),
        what: if readable {
            words::task_words(row.kind.word())
        } else {
            "A task for another desk".to_owned()
        },
        who,
        due: reader.due(row.due_at),
        urgent: row.urgent,
        owner: row.owner.map_or_else(|| "nobody yet".to_owned(), |id| reader.name(id)),
        thread: row.thread.filter(|_| readable).map(|id| id.to_string()),
        mine,
    }
}

/// What came of a task.
#[derive(Debug, Deserialize)]
pub struct DoneForm {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    to: Option<String>,
}

/// `POST /tasks/{id}/done`.
pub async fn done(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<DoneForm>,
) -> Result<Response, Response> {
    let failed = |error: InboxError| failed(&DeskError::Inbox(error));
    let none = |id| failed(InboxError::Task(TaskError::NoTask(id)));
    let id: TaskId = id.parse().unwrap_or(TaskId(uuid::Uuid::nil()));
    let office = doors.office().clone();
    let found = doors
        .db()
        .read(move |tx| {
            let practice = office.practice();
            let Some(row) = task::get(tx, practice, id)? else { return Ok(None) };
            let whose = records::whose(tx, &office, row.patient_id)?;
            Ok::<_, InboxError>(Some((row, whose)))
        })
        .await;
    let Some((row, whose)) = found.map_err(failed)? else {
        may_ever(&doors, &may.signed_in, Action::Reply).await?;
        return Err(none(id));
    };
    let what = conversation(about::task(row.kind), &whose);
    leave(&doors, &may.signed_in, Action::Reply, &what).await?;
    let outcome = TaskOutcome::from_word(&form.outcome).ok_or_else(|| {
        let because = "must say what came of it: choose one of the six";
        failed(InboxError::Field { field: "outcome", because })
    })?;
    let (office, actor) = (doors.office().clone(), may.actor());
    let done = doors
        .db()
        .write(move |tx| Ok::<_, InboxError>(tasks::complete(tx, &office, id, outcome, &actor)?))
        .await;
    done.map_err(failed)?;
    Ok(see_other(own_path(form.to.as_deref()).unwrap_or("/tasks?done=1")))
}
