//! The inbox: one thread a patient over all channels, or one for a number that nobody knows, and who
//! has to do with it (SPEC IN-04, IN-09).
//!
//! Tasks are what asks for somebody: a thread opens when the first one is opened and closes with the
//! last. A confirmation or an opt-out that a rule settled stands in the thread and asks nothing.
//! Each change is in the transaction of what caused it: a crash leaves both or neither.

use gate::{Channel, Cleared, Kind, Origin, PatientId};
use jiff::{SignedDuration, Timestamp};

use super::about;
use super::tasks::{self, NewTask, TaskError, TaskKind, TaskOutcome};
use crate::access::policies::About;
use crate::access::roles::Role;
use crate::audit::event::ActorKind;
use crate::audit::{self, Actor, Event};
use crate::db::registry::THREAD;
use crate::db::task::TaskRow;
use crate::db::thread::{self, Side, ThreadRow, ThreadState, With};
use crate::db::{Db, DbError, Tx, note, test_patient, timeline};
use crate::ids::{Id as _, InboundId, StaffId, ThreadId};
use crate::inbound::content;
use crate::office::Office;

/// The desks a thread can be for.
pub const TEAMS: [Role; 4] = [Role::FrontDesk, Role::Nurse, Role::Provider, Role::Billing];

/// A thread cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// No such thread.
    #[error("conversation {0} is not on file")]
    NoThread(ThreadId),
    /// Not as it stands now.
    #[error("{0}")]
    NotNow(&'static str),
    /// What was filled in.
    #[error("the {field} {because}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong, and what would be right.
        because: &'static str,
    },
    /// A task of the thread.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A note cannot be sealed.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// The clock reads a time beyond the calendar.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
}

/// For which desk a thread is, by what it is about.
#[must_use]
pub const fn team_for(about: About) -> Role {
    match about {
        About::Clinical => Role::Nurse,
        About::Account => Role::Billing,
        About::Schedule => Role::FrontDesk,
    }
}

/// A thread that nobody has had yet.
fn new(office: &Office, with: With, about: About, at: Timestamp) -> ThreadRow {
    ThreadRow {
        id: ThreadId::new(office.clock()),
        with,
        merged_into: None,
        channel: None,
        state: ThreadState::Closed,
        snoozed_until: None,
        owner: None,
        team: team_for(about),
        about,
        urgent: false,
        taken_at: None,
        waiting_on: Side::Us,
        due_at: None,
        last_at: at,
        last_from: Side::Them,
        last_inbound: None,
        opened_at: at,
        closed_at: Some(at),
        outcome: None,
        changed_at: at,
    }
}

fn keep(tx: &mut Tx<'_>, office: &Office, mut row: ThreadRow) -> Result<(), DbError> {
    row.changed_at = office.clock().now();
    thread::put(tx, office.practice(), &row)
}

/// The thread with somebody, and nobody else changes it until this transaction ends: of two messages
/// that come at once, one opens it.
fn hold(tx: &mut Tx<'_>, office: &Office, with: With) -> Result<Option<ThreadRow>, DbError> {
    let key = match with {
        With::Patient(patient) => patient.0.as_u64_pair().1.cast_signed(),
        With::Address([a, b, c, d, e, f, g, h, ..]) => i64::from_be_bytes([a, b, c, d, e, f, g, h]),
    };
    tx.lock(key)?;
    thread::find(tx, office.practice(), with)
}

/// The one that is nobody has no thread: drills are no work of the desk.
fn is_nobody(tx: &mut Tx<'_>, office: &Office, with: With) -> Result<bool, DbError> {
    match with {
        With::Patient(patient) => Ok(test_patient::find(tx, office.practice(), patient)?.is_some()),
        With::Address(_) => Ok(false),
    }
}

/// A number is this patient's: what was said with it before anybody knew goes to their thread. The
/// caller appends the audit entry.
///
/// # Errors
/// [`DbError`].
pub fn number_is_of(
    tx: &mut Tx<'_>,
    office: &Office,
    index: [u8; 32],
    patient: PatientId,
) -> Result<(), DbError> {
    let practice = office.practice();
    let Some(mut old) = hold(tx, office, With::Address(index))? else { return Ok(()) };
    if old.merged_into.is_some() {
        return Ok(());
    }
    timeline::claim(tx, practice, &index, patient)?;
    let with = With::Patient(patient);
    let now = office.clock().now();
    let there = hold(tx, office, with)?;
    let mut row = there.unwrap_or_else(|| new(office, with, old.about, old.last_at));
    if old.state != ThreadState::Closed {
        if row.state == ThreadState::Closed {
            open(&mut row, old.about, now);
            row.owner = old.owner;
            row.team = old.team;
        } else if old.about == About::Clinical {
            (row.about, row.team) = (About::Clinical, team_for(About::Clinical));
        }
        row.waiting_on = old.waiting_on;
    }
    if old.last_at >= row.last_at {
        row.last_at = old.last_at;
        row.last_from = old.last_from;
        row.channel = old.channel;
    }
    row.last_inbound = row.last_inbound.max(old.last_inbound);
    if old.urgent {
        row.taken_at = old.taken_at;
    }
    refresh(tx, office, &mut row)?;
    note::move_all(tx, practice, (old.id, row.id))?;
    old.merged_into = Some(row.id);
    close_row(&mut old, None, now);
    keep(tx, office, row)?;
    keep(tx, office, old)
}

/// There is something to do again.
fn open(row: &mut ThreadRow, about: About, now: Timestamp) {
    row.state = ThreadState::Open;
    row.snoozed_until = None;
    row.merged_into = None;
    row.owner = None;
    (row.about, row.team) = (about, team_for(about));
    row.taken_at = None;
    row.opened_at = now;
    row.closed_at = None;
    row.outcome = None;
}

fn close_row(row: &mut ThreadRow, outcome: Option<TaskOutcome>, now: Timestamp) {
    row.state = ThreadState::Closed;
    row.snoozed_until = None;
    row.closed_at = Some(now);
    row.outcome = outcome;
    row.urgent = false;
    row.due_at = None;
}

/// What follows from the open tasks. Returns how many there are.
fn refresh(tx: &mut Tx<'_>, office: &Office, row: &mut ThreadRow) -> Result<usize, DbError> {
    let open = timeline::open_tasks(tx, office.practice(), row.with)?;
    row.due_at = open.first().map(|task| task.due_at);
    row.urgent = open.iter().any(|task| task.urgent);
    Ok(open.len())
}

/// Somebody wrote. Whether it asks for anybody is what its tasks say. The caller appends the audit
/// entry.
///
/// # Errors
/// [`DbError`].
pub fn heard(
    tx: &mut Tx<'_>,
    office: &Office,
    with: With,
    (inbound, channel, at): (InboundId, Channel, Timestamp),
    about: About,
) -> Result<(), DbError> {
    if is_nobody(tx, office, with)? {
        return Ok(());
    }
    let there = hold(tx, office, with)?;
    let mut row = there.unwrap_or_else(|| new(office, with, about, at));
    if row.state == ThreadState::Open && about == About::Clinical && row.about != about {
        // Whoever may not read the words cannot answer them.
        (row.about, row.team) = (about, team_for(about));
        row.owner = None;
    }
    row.channel = Some(channel);
    row.last_at = row.last_at.max(at);
    row.last_from = Side::Them;
    row.last_inbound = Some(inbound);
    keep(tx, office, row)
}

/// A task was opened: its thread opens with it, or wakes. The caller appends the audit entry.
///
/// # Errors
/// [`DbError`].
pub(super) fn asked(tx: &mut Tx<'_>, office: &Office, task: &TaskRow) -> Result<(), DbError> {
    let practice = office.practice();
    let Some(with) = timeline::with_whom(tx, practice, task)? else { return Ok(()) };
    if is_nobody(tx, office, with)? {
        return Ok(());
    }
    let now = office.clock().now();
    let about = about_asked(tx, office, task, now)?;
    let there = hold(tx, office, with)?;
    let mut row = there.unwrap_or_else(|| new(office, with, about, now));
    if row.state == ThreadState::Closed {
        open(&mut row, about, now);
    } else if row.about != About::Clinical && row.about != about {
        // Clinical stays until the thread is closed; of the others the last one counts.
        (row.about, row.team) = (about, team_for(about));
        row.owner = None;
    }
    (row.state, row.snoozed_until) = (ThreadState::Open, None);
    row.waiting_on = Side::Us;
    if task.urgent {
        row.taken_at = None;
    }
    refresh(tx, office, &mut row)?;
    keep(tx, office, row)
}

/// An answer to a letter about money is about money.
fn about_asked(
    tx: &mut Tx<'_>,
    office: &Office,
    task: &TaskRow,
    now: Timestamp,
) -> Result<About, DbError> {
    if let (TaskKind::Answer, Some(conversation)) = (task.kind, task.conversation_id) {
        let since = now.checked_sub(SignedDuration::from_hours(7 * 24)).unwrap_or(Timestamp::MIN);
        let last = timeline::last_kind_to(tx, office.practice(), conversation, since)?;
        if last.is_some_and(Kind::is_billing) {
            return Ok(About::Account);
        }
    }
    Ok(about::task(task.kind))
}

/// A task was done: with the last one its thread closes, unless we wait for an answer. The caller
/// appends the audit entry.
///
/// # Errors
/// [`DbError`].
pub(super) fn done(
    tx: &mut Tx<'_>,
    office: &Office,
    task: &TaskRow,
    outcome: TaskOutcome,
) -> Result<(), DbError> {
    let practice = office.practice();
    let Some(with) = timeline::with_whom(tx, practice, task)? else { return Ok(()) };
    let Some(mut row) = hold(tx, office, with)? else { return Ok(()) };
    if row.state == ThreadState::Closed {
        return Ok(());
    }
    let left = refresh(tx, office, &mut row)?;
    if left == 0 && row.waiting_on == Side::Us {
        close_row(&mut row, Some(outcome), office.clock().now());
    }
    keep(tx, office, row)
}

/// Staff wrote: it is their turn now. A person who writes first has the thread. The caller appends
/// the audit entry that follows.
///
/// # Errors
/// [`DbError`].
pub fn said(
    tx: &mut Tx<'_>,
    office: &Office,
    cleared: &Cleared,
    actor: &Actor,
) -> Result<(), DbError> {
    let (draft, level) = (cleared.draft(), cleared.basis().level);
    let author = staff_of(actor);
    let Some(patient) = draft.patient else { return Ok(()) };
    if author.is_none() && draft.origin != Origin::Staff {
        return Ok(());
    }
    let with = With::Patient(patient);
    let now = office.clock().now();
    // A program's message to somebody who has no thread waits for nobody's lock.
    if author.is_none() && thread::find(tx, office.practice(), with)?.is_none() {
        return Ok(());
    }
    let there = hold(tx, office, with)?;
    let mut row = match (there, author) {
        (Some(row), _) => row,
        (None, Some(_)) => new(office, with, about::said(draft.kind, Some(level)), now),
        // A program that writes to thousands is no colleague who waits for an answer.
        (None, None) => return Ok(()),
    };
    match (row.state, author) {
        (ThreadState::Closed, None) => return Ok(()),
        (ThreadState::Closed, Some(_)) => {
            open(&mut row, about::said(draft.kind, Some(level)), now);
            row.owner = author;
            row.waiting_on = Side::Them;
        }
        _ => {
            (row.state, row.snoozed_until) = (ThreadState::Open, None);
            row.waiting_on = Side::Them;
        }
    }
    row.channel = Some(draft.channel);
    row.last_at = row.last_at.max(now);
    row.last_from = Side::Us;
    keep(tx, office, row)
}

/// The member of staff who acts, where it is one.
fn staff_of(actor: &Actor) -> Option<StaffId> {
    (actor.kind == ActorKind::Staff).then(|| actor.id.parse().ok()).flatten()
}

fn held(tx: &mut Tx<'_>, office: &Office, id: ThreadId) -> Result<ThreadRow, InboxError> {
    let found = thread::get(tx, office.practice(), id)?.ok_or(InboxError::NoThread(id))?;
    let row = hold(tx, office, found.with)?.ok_or(InboxError::NoThread(id))?;
    if row.merged_into.is_some() {
        return Err(InboxError::NotNow("it went into the patient's own conversation"));
    }
    Ok(row)
}

fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    row: ThreadRow,
    (actor, words): (&Actor, &[&'static str]),
) -> Result<(), InboxError> {
    let patient = match row.with {
        With::Patient(patient) => Some(patient),
        With::Address(_) => None,
    };
    let mut event = Event::new(audit::Kind::ConversationChanged, actor.clone())
        .about(THREAD, row.id)
        .patient(patient);
    for word in words {
        event = event.code(*word);
    }
    keep(tx, office, row)?;
    audit::append(tx, office, event)?;
    Ok(())
}

/// To whom a thread is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Somebody.
    One(StaffId),
    /// A desk: whoever of it takes it. What it is about follows, but clinical stays clinical.
    Team(Role),
    /// Nobody.
    Nobody,
}

/// Gives a thread to somebody, to a desk, or to nobody.
///
/// # Errors
/// [`InboxError`].
pub fn assign(
    tx: &mut Tx<'_>,
    office: &Office,
    id: ThreadId,
    to: Owner,
    actor: &Actor,
) -> Result<(), InboxError> {
    let mut row = held(tx, office, id)?;
    let word = match to {
        Owner::One(staff) => {
            row.owner = Some(staff);
            "assigned"
        }
        Owner::Nobody => {
            row.owner = None;
            "unassigned"
        }
        Owner::Team(team) => {
            if !TEAMS.contains(&team) {
                return Err(InboxError::Field { field: "team", because: "is none of the desks" });
            }
            row.owner = None;
            row.team = team;
            row.about = match (row.about, team) {
                (About::Clinical, _) | (_, Role::Nurse | Role::Provider) => About::Clinical,
                (_, Role::Billing) => About::Account,
                _ => About::Schedule,
            };
            if row.about == About::Clinical && matches!(team, Role::FrontDesk | Role::Billing) {
                return Err(InboxError::NotNow(
                    "this conversation is clinical until it is closed: give it to a nurse or a \
                     provider",
                ));
            }
            team.as_str()
        }
    };
    written(tx, office, row, (actor, &["assigned", word]))
}

/// Takes an emergency: whoever does is on it, and the bar goes.
///
/// # Errors
/// [`InboxError::NotNow`] where somebody took it before.
pub fn take(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, staff): (ThreadId, StaffId),
    actor: &Actor,
) -> Result<(), InboxError> {
    let mut row = held(tx, office, id)?;
    if !row.urgent {
        return Err(InboxError::NotNow("there is no open emergency in it"));
    }
    if row.taken_at.is_some() && row.owner != Some(staff) {
        return Err(InboxError::NotNow("a colleague is on it already"));
    }
    row.owner = Some(staff);
    row.taken_at = Some(office.clock().now());
    written(tx, office, row, (actor, &["taken"]))
}

/// Puts a thread off. An emergency cannot be.
///
/// # Errors
/// [`InboxError`].
pub fn snooze(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, until): (ThreadId, Timestamp),
    actor: &Actor,
) -> Result<(), InboxError> {
    let mut row = held(tx, office, id)?;
    let now = office.clock().now();
    if row.urgent {
        return Err(InboxError::NotNow("an emergency is not put off: call, then close it"));
    }
    if row.state == ThreadState::Closed {
        return Err(InboxError::NotNow("it is closed; reopen it first"));
    }
    if until <= now || until > now + SignedDuration::from_hours(24 * 366) {
        return Err(InboxError::Field { field: "date", because: "must be ahead, within a year" });
    }
    row.state = ThreadState::Snoozed;
    row.snoozed_until = Some(until);
    written(tx, office, row, (actor, &["snoozed"]))
}

/// Closes a thread with what came of it, and does its open tasks with the same.
///
/// # Errors
/// [`InboxError`]; of a task's, [`TaskError::OnlyAPerson`] for an emergency.
pub fn close(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, outcome): (ThreadId, TaskOutcome),
    actor: &Actor,
) -> Result<(), InboxError> {
    let mut row = held(tx, office, id)?;
    if row.state == ThreadState::Closed {
        return Err(InboxError::NotNow("it was closed before"));
    }
    let open = timeline::open_tasks(tx, office.practice(), row.with)?;
    close_row(&mut row, Some(outcome), office.clock().now());
    // Closed first: of its tasks the last one does not close it again.
    written(tx, office, row, (actor, &["closed", crate::db::Word::word(&outcome)]))?;
    for task in open {
        tasks::complete(tx, office, task.id, outcome, actor)?;
    }
    Ok(())
}

/// Opens a thread again, with a task: what is open has somebody who is due.
///
/// # Errors
/// [`InboxError`].
pub fn reopen(
    tx: &mut Tx<'_>,
    office: &Office,
    id: ThreadId,
    actor: &Actor,
) -> Result<(), InboxError> {
    let mut row = held(tx, office, id)?;
    if row.state == ThreadState::Snoozed {
        (row.state, row.snoozed_until) = (ThreadState::Open, None);
        return written(tx, office, row, (actor, &["woken"]));
    }
    if row.state == ThreadState::Open {
        return Err(InboxError::NotNow("it is open"));
    }
    let (with, about) = (row.with, row.about);
    let kind = if about == About::Clinical { TaskKind::ClinicalQuestion } else { TaskKind::Answer };
    let owner = row.owner;
    open(&mut row, about, office.clock().now());
    row.owner = owner;
    row.waiting_on = Side::Us;
    written(tx, office, row, (actor, &["reopened"]))?;
    let task = match with {
        With::Patient(patient) => NewTask { patient: Some(patient), ..NewTask::new(kind) },
        With::Address(index) => NewTask {
            conversation: timeline::conversation_at(tx, office.practice(), &index)?,
            ..NewTask::new(kind)
        },
    };
    tasks::open(tx, office, task, actor)?;
    Ok(())
}

/// Threads whose sleep is over are open again. Returns how many.
///
/// # Errors
/// [`InboxError`].
pub async fn wake(db: &Db, office: &Office) -> Result<usize, InboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let due = db.read(move |tx| thread::to_wake(tx, practice, now)).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let office = office.clone();
    db.write(move |tx| {
        let mut woken = 0;
        for id in thread::to_wake(tx, practice, now)? {
            let mut row = held(tx, &office, id)?;
            (row.state, row.snoozed_until) = (ThreadState::Open, None);
            written(tx, &office, row, (&Actor::service("inbox"), &["woken"]))?;
            woken += 1;
        }
        Ok(woken)
    })
    .await
}

/// How many threads one transaction makes.
const A_BATCH: u32 = 500;

/// Makes the threads of what was stored before there were any. It may be repeated: a thread that is
/// there is left as it is. Returns how many were made.
///
/// # Errors
/// [`InboxError`].
pub async fn begin(db: &Db, office: &Office) -> Result<usize, InboxError> {
    let mut made = 0;
    loop {
        let (practice, its) = (office.practice(), office.clone());
        let missing = db.read(move |tx| thread::missing(tx, practice, A_BATCH)).await?;
        if missing.is_empty() {
            return Ok(made);
        }
        made += db
            .write(move |tx| {
                let mut count = 0;
                for with in missing {
                    if hold(tx, &its, with)?.is_none() {
                        first(tx, &its, with)?;
                        count += 1;
                    }
                }
                let event = Event::new(audit::Kind::ConversationChanged, Actor::service("inbox"));
                audit::append(tx, &its, event.code("begun").code(format!("rows={count}")))?;
                Ok::<_, InboxError>(count)
            })
            .await?;
    }
}

/// The thread of what is stored with somebody.
fn first(tx: &mut Tx<'_>, office: &Office, with: With) -> Result<(), DbError> {
    let practice = office.practice();
    let now = office.clock().now();
    let heard = timeline::heard_from(tx, practice, with, (Timestamp::MAX, 1))?;
    let tasks = timeline::open_tasks(tx, practice, with)?;
    let last = heard.iter().max_by_key(|heard| heard.at);
    let clinical = tasks.iter().any(|task| about::task(task.kind) == About::Clinical);
    let about = match last {
        _ if clinical => About::Clinical,
        Some(last) if tasks.is_empty() => {
            let sealed = (last.content_sealed.as_slice(), last.record_wrap.as_slice());
            let came = content::open(office, last.id, sealed).ok();
            about::heard(office, &last.intents, came.as_ref().map(|came| came.body.as_str()))
        }
        _ => About::Schedule,
    };
    let at = last.map(|last| last.at).or(tasks.first().map(|task| task.at)).unwrap_or(now);
    let mut row = new(office, with, about, at);
    row.channel = last.map(|last| last.channel);
    row.last_inbound = last.map(|last| last.id);
    if let Some(task) = tasks.first() {
        open(&mut row, about, task.at);
        refresh(tx, office, &mut row)?;
    }
    keep(tx, office, row)
}
