//! What a person has to do, by when, and what they did.

use gate::{AppointmentId, MessageId, PatientId};
use jiff::{SignedDuration, Timestamp};

use super::inbox;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::registry::TASK;
use crate::db::task::{self, TaskRow, TaskState};
use crate::db::{DbError, Tx, appointment, test_patient};
use crate::ids::{ConversationId, Id as _, InboundId, TaskId};
use crate::office::Office;
use crate::schedule::places::{self, HoursError, Place};

pub use crate::db::task::{TaskKind, TaskOutcome};

/// A task cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// No such task.
    #[error("task {0} is not on file")]
    NoTask(TaskId),
    /// It was done before.
    #[error("task {0} was done before; open a new one")]
    Done(TaskId),
    /// CLIN-01: an emergency is closed by a person.
    #[error("task {0} is an emergency: only a person may close it")]
    OnlyAPerson(TaskId),
    /// An emergency access is done with when it was reviewed.
    #[error("task {0} is an emergency access: it is done with its review, at /log/emergencies")]
    OnlyByReview(TaskId),
    /// The stored office hours cannot be read.
    #[error(transparent)]
    Hours(#[from] HoursError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// A task about to be opened.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// What is to be done.
    pub kind: TaskKind,
    /// About whom.
    pub patient: Option<PatientId>,
    /// In which thread.
    pub conversation: Option<ConversationId>,
    /// About which message of ours.
    pub message: Option<MessageId>,
    /// Because of which message to us.
    pub inbound: Option<InboundId>,
    /// About which appointment.
    pub appointment: Option<AppointmentId>,
}

impl NewTask {
    /// A task of this kind, about nothing yet.
    #[must_use]
    pub const fn new(kind: TaskKind) -> Self {
        Self {
            kind,
            patient: None,
            conversation: None,
            message: None,
            inbound: None,
            appointment: None,
        }
    }
}

/// By when (CLIN-01, CLIN-05, SPEC IN): an emergency in five minutes of any hour; a clinical
/// question by the end of this business day or the next; the rest in hours of office time.
fn due(kind: TaskKind, place: &Place, now: Timestamp) -> Timestamp {
    let in_office_hours = |span| place.after(now, SignedDuration::from_hours(span));
    match kind {
        TaskKind::Emergency | TaskKind::Drill | TaskKind::SelfTestFailed => {
            now.checked_add(SignedDuration::from_mins(5)).unwrap_or(Timestamp::MAX)
        }
        TaskKind::ClinicalQuestion | TaskKind::SealedMessage => {
            place.end_of_day(now, SignedDuration::from_hours(1))
        }
        TaskKind::AppointmentQuestion
        | TaskKind::WhichPatient
        | TaskKind::Reschedule
        | TaskKind::Declined
        | TaskKind::ReminderNotWritten
        | TaskKind::ReminderMissing
        | TaskKind::ReminderWrong => in_office_hours(2),
        TaskKind::WrongNumber
        | TaskKind::Answer
        | TaskKind::IncompleteText
        | TaskKind::Delivery
        | TaskKind::Unread => in_office_hours(4),
        TaskKind::RecordTorn
        | TaskKind::AgreementEnds
        | TaskKind::Certificate
        | TaskKind::RecordsEnd
        | TaskKind::BreakGlass => in_office_hours(8),
    }
}

/// The place whose hours count: where the appointment is, or where the patient is seen.
fn place(tx: &mut Tx<'_>, office: &Office, new: &NewTask) -> Result<Place, TaskError> {
    let visit = match new.appointment {
        Some(id) => appointment::get(tx, office.practice(), id)?,
        None => None,
    };
    Ok(match visit.and_then(|visit| visit.site_id) {
        Some(site) => places::of(tx, office, Some(site))?,
        None => places::of_patient(tx, office, new.patient)?,
    })
}

/// Opens a task.
///
/// # Errors
/// [`TaskError`]; the caller's transaction must then be given up.
pub fn open(
    tx: &mut Tx<'_>,
    office: &Office,
    new: NewTask,
    actor: &Actor,
) -> Result<TaskId, TaskError> {
    let now = office.clock().now();
    let place = place(tx, office, &new)?;
    let kind = match (new.kind, new.patient) {
        // Nobody's emergency is a drill: it goes all the way, and says so (CLIN-12).
        (TaskKind::Emergency, Some(patient))
            if test_patient::find(tx, office.practice(), patient)?.is_some() =>
        {
            TaskKind::Drill
        }
        (kind, _) => kind,
    };
    let row = TaskRow {
        id: TaskId::new(office.clock()),
        kind,
        urgent: matches!(kind, TaskKind::Emergency | TaskKind::Drill | TaskKind::SelfTestFailed),
        patient_id: new.patient,
        conversation_id: new.conversation,
        message_id: new.message,
        inbound_id: new.inbound,
        appointment_id: new.appointment,
        due_at: due(kind, &place, now),
        state: TaskState::Open,
        outcome: None,
        done_by: None,
        done_at: None,
        created_at: now,
    };
    task::put(tx, office.practice(), &row)?;
    inbox::asked(tx, office, &row)?;
    audit::append(tx, office, event(&row, "opened", actor))?;
    Ok(row.id)
}

/// Records that a task is done, and what came of it.
///
/// # Errors
/// [`TaskError::NoTask`], [`TaskError::Done`], [`TaskError::OnlyAPerson`],
/// [`TaskError::OnlyByReview`] or storage.
pub fn complete(
    tx: &mut Tx<'_>,
    office: &Office,
    id: TaskId,
    outcome: TaskOutcome,
    actor: &Actor,
) -> Result<(), TaskError> {
    if outcome == TaskOutcome::Reviewed {
        return Err(TaskError::OnlyByReview(id));
    }
    finish(tx, office, id, outcome, actor)
}

/// The task is done, by the review it asked for (`access/break_glass.rs`).
pub(crate) fn reviewed(
    tx: &mut Tx<'_>,
    office: &Office,
    id: TaskId,
    actor: &Actor,
) -> Result<(), TaskError> {
    finish(tx, office, id, TaskOutcome::Reviewed, actor)
}

fn finish(
    tx: &mut Tx<'_>,
    office: &Office,
    id: TaskId,
    outcome: TaskOutcome,
    actor: &Actor,
) -> Result<(), TaskError> {
    let practice = office.practice();
    let mut row = task::get(tx, practice, id)?.ok_or(TaskError::NoTask(id))?;
    if row.state == TaskState::Done {
        return Err(TaskError::Done(id));
    }
    if row.kind == TaskKind::Emergency && !actor.is_a_person() {
        return Err(TaskError::OnlyAPerson(id));
    }
    if row.kind == TaskKind::BreakGlass && outcome != TaskOutcome::Reviewed {
        return Err(TaskError::OnlyByReview(id));
    }
    row.state = TaskState::Done;
    row.outcome = Some(outcome);
    row.done_by = Some(actor.to_string());
    row.done_at = Some(office.clock().now());
    task::put(tx, practice, &row)?;
    inbox::done(tx, office, &row, outcome)?;
    audit::append(tx, office, event(&row, "done", actor))?;
    Ok(())
}

/// Open tasks, urgent ones first, then by when they are due.
///
/// # Errors
/// [`TaskError::Db`].
pub fn open_ones(tx: &mut Tx<'_>, office: &Office, most: u32) -> Result<Vec<TaskRow>, TaskError> {
    Ok(task::open_ones(tx, office.practice(), most)?)
}

fn event(row: &TaskRow, word: &'static str, actor: &Actor) -> Event {
    Event::new(Kind::TaskChanged, actor.clone())
        .about(TASK, row.id)
        .patient(row.patient_id)
        .code(word)
}
