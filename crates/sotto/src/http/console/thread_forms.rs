//! What one does with a conversation: give it to somebody, put it off, close it, note something,
//! take an emergency. Each answer goes back to where the form stood.

use axum::extract::State;
use axum::response::Response;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::inbox::failed;
use super::page::{Filled, own_path, see_other};
use super::reader::{DeskError, conversation};
use super::shelf::patient_of;
use super::signed_in::{May, SeeTasks};
use super::thread::{found, look};
use crate::access::policies::{self, Action, Principal, Resource};
use crate::access::roles::Role;
use crate::access::staff;
use crate::audit::Actor;
use crate::conversations::inbox::{self, InboxError, Owner};
use crate::conversations::notes::{self, NewNote};
use crate::conversations::tasks::TaskOutcome;
use crate::db::{Tx, Word as _, thread};
use crate::http::Doors;
use crate::http::params::Path;
use crate::ids::{StaffId, ThreadId};
use crate::office::Office;
use crate::portal::letters;

/// A form that asks for nothing but to go back.
#[derive(Debug, Deserialize)]
pub struct Plain {
    #[serde(default)]
    to: Option<String>,
}

/// To whom.
#[derive(Debug, Deserialize)]
pub struct AssignForm {
    /// `me`, `nobody`, `team:` and a role's word, or an id of staff.
    #[serde(default)]
    owner: String,
    #[serde(default)]
    to: Option<String>,
}

/// Until when.
#[derive(Debug, Deserialize)]
pub struct SnoozeForm {
    /// `hour`, `tomorrow` or `date`.
    #[serde(default)]
    until: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    to: Option<String>,
}

/// What came of it.
#[derive(Debug, Deserialize)]
pub struct CloseForm {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    to: Option<String>,
}

/// What colleagues should know.
#[derive(Deserialize)]
pub struct NoteForm {
    #[serde(default)]
    text: String,
    #[serde(default)]
    mention: String,
    #[serde(default)]
    to: Option<String>,
}

/// Does something with a thread, for whoever may, and sends them on.
async fn act(
    (doors, may, id): (&Doors, &May<SeeTasks>, &str),
    action: Action,
    work: impl FnOnce(&mut Tx<'_>, &Office, ThreadId, (&Actor, StaffId)) -> Result<(), DeskError>
    + Send
    + 'static,
) -> Result<(), Response> {
    let (row, ..) = found((doors, &may.signed_in), action, id).await?;
    let (office, actor, me) = (doors.office().clone(), may.actor(), may.signed_in.staff.id);
    let done = doors.db().write(move |tx| work(tx, &office, row.id, (&actor, me))).await;
    done.map_err(|error| failed(&error))
}

/// Back to where the form stood.
fn back(to: Option<&str>, id: &str) -> Response {
    own_path(to).map_or_else(|| see_other(&format!("/inbox/{id}")), see_other)
}

/// `POST /inbox/{id}/assign`.
pub async fn assign(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<AssignForm>,
) -> Result<Response, Response> {
    let field = |because| DeskError::Inbox(InboxError::Field { field: "owner", because });
    let (row, whose, _) = found((&doors, &may.signed_in), Action::Reply, &id).await?;
    let what = conversation(row.about, &whose);
    let to = form.to.clone();
    let work = move |tx: &mut Tx<'_>, office: &Office, id, (actor, me): (&Actor, StaffId)| {
        let owner = match (form.owner.as_str(), form.owner.strip_prefix("team:")) {
            ("me", _) => Owner::One(me),
            ("nobody", _) => Owner::Nobody,
            (_, Some(team)) => {
                Owner::Team(Role::from_word(team).ok_or_else(|| field("is none of the desks"))?)
            }
            (staff_id, None) => {
                let nobody = || field("must be somebody who works here, a desk, or nobody");
                let staff_id = staff_id.parse().map_err(|_| nobody())?;
                let them = staff::get(tx, office, staff_id)?
                    .filter(|them| them.disabled_at.is_none())
                    .ok_or_else(nobody)?;
                if policies::may(&Principal::from(&them), Action::Reply, &what).is_err() {
                    return Err(field(
                        "may not open this conversation: choose somebody else, or a desk",
                    ));
                }
                Owner::One(staff_id)
            }
        };
        Ok(inbox::assign(tx, office, id, owner, actor)?)
    };
    act((&doors, &may, &id), Action::Reply, work).await?;
    // Whoever gave it to a desk that reads what theirs does not, is back at the list.
    let now = look(&doors, row.id).await?;
    let reads = now.is_some_and(|(row, whose)| reads(&may, &conversation(row.about, &whose)));
    Ok(if reads { back(to.as_deref(), &id) } else { see_other("/inbox") })
}

fn reads(may: &May<SeeTasks>, what: &Resource) -> bool {
    let who = Principal::from(&may.signed_in.staff);
    policies::may(&who, Action::ReadConversation, what).is_ok()
}

/// `POST /inbox/{id}/take`: "I am on it".
pub async fn take(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<Plain>,
) -> Result<Response, Response> {
    let work = |tx: &mut Tx<'_>, office: &Office, id, (actor, me): (&Actor, StaffId)| {
        Ok(inbox::take(tx, office, (id, me), actor)?)
    };
    act((&doors, &may, &id), Action::Reply, work).await?;
    Ok(back(form.to.as_deref(), &id))
}

/// `POST /inbox/{id}/snooze`.
pub async fn snooze(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<SnoozeForm>,
) -> Result<Response, Response> {
    let to = form.to.clone();
    let work = move |tx: &mut Tx<'_>, office: &Office, id, (actor, _): (&Actor, StaffId)| {
        Ok(inbox::snooze(tx, office, (id, until(office, &form)?), actor)?)
    };
    act((&doors, &may, &id), Action::Reply, work).await?;
    Ok(back(to.as_deref(), &id))
}

/// The instant a form names, on the practice's own clock: mornings begin at eight.
fn until(office: &Office, form: &SnoozeForm) -> Result<Timestamp, InboxError> {
    let wrong = |because| InboxError::Field { field: "date", because };
    let now = office.clock().now();
    let zone = office.profile().timezone.clone();
    let today = now.to_zoned(zone.clone()).date();
    let morning = |day: Date| {
        let eight = day.to_datetime(Time::constant(8, 0, 0, 0)).to_zoned(zone.clone());
        eight.map(|at| at.timestamp()).map_err(|_| wrong("is no day of the calendar"))
    };
    match form.until.as_str() {
        "hour" => Ok(now + SignedDuration::from_hours(1)),
        "tomorrow" => morning(today.tomorrow().unwrap_or(today)),
        _ => morning(form.date.parse().map_err(|_| wrong("must be a day, as 2027-03-09"))?),
    }
}

/// `POST /inbox/{id}/close`.
pub async fn close(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<CloseForm>,
) -> Result<Response, Response> {
    let outcome = TaskOutcome::from_word(&form.outcome);
    let work = move |tx: &mut Tx<'_>, office: &Office, id, (actor, _): (&Actor, StaffId)| {
        let because = "must say what came of it: choose one of the six";
        let outcome = outcome.ok_or(InboxError::Field { field: "outcome", because })?;
        Ok(inbox::close(tx, office, (id, outcome), actor)?)
    };
    act((&doors, &may, &id), Action::Reply, work).await?;
    Ok(back(form.to.as_deref(), &id))
}

/// `POST /inbox/{id}/reopen`: also how closing is undone, and how what sleeps is woken.
pub async fn reopen(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<Plain>,
) -> Result<Response, Response> {
    let work = |tx: &mut Tx<'_>, office: &Office, id, (actor, _): (&Actor, StaffId)| {
        Ok(inbox::reopen(tx, office, id, actor)?)
    };
    act((&doors, &may, &id), Action::Reply, work).await?;
    Ok(back(form.to.as_deref(), &id))
}

/// `POST /inbox/{id}/portal`: what is to be said goes on where nobody else reads it. The patient has a
/// notice with a link.
pub async fn portal(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<Plain>,
) -> Result<Response, Response> {
    let work = |tx: &mut Tx<'_>, office: &Office, id, (actor, _): (&Actor, StaffId)| {
        let row = thread::get(tx, office.practice(), id)?;
        let patient = row.and_then(|row| patient_of(row.with));
        let patient = patient.ok_or(InboxError::NotNow("nobody knows which patient it is"))?;
        if letters::invite(tx, office, patient, actor)? {
            return Ok(());
        }
        Err(DeskError::Inbox(InboxError::NotNow("no address on file may have a notice now; call")))
    };
    act((&doors, &may, &id), Action::Reply, work).await?;
    Ok(back(form.to.as_deref(), &id))
}

/// `POST /inbox/{id}/note`.
pub async fn note(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Filled(form): Filled<NoteForm>,
) -> Result<Response, Response> {
    let work =
        move |tx: &mut Tx<'_>, office: &Office, thread, (actor, author): (&Actor, StaffId)| {
            let mentioned = match form.mention.as_str() {
                "" => None,
                id => {
                    let because = "must be somebody who works here";
                    let nobody = || InboxError::Field { field: "colleague", because };
                    let id: StaffId = id.parse().map_err(|_| nobody())?;
                    let them = staff::get(tx, office, id)?;
                    Some(them.filter(|them| them.disabled_at.is_none()).ok_or_else(nobody)?.id)
                }
            };
            let new = NewNote { thread, author, mentioned, text: form.text };
            notes::add(tx, office, &new, actor)?;
            Ok(())
        };
    act((&doors, &may, &id), Action::ReadConversation, work).await?;
    Ok(back(form.to.as_deref(), &id))
}
