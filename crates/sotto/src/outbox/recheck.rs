//! The gate, asked again about what waits, because something was written down just now: a
//! restriction, a confidential address, an opt-out (TEL-12, PRIV-05, PRIV-06).
//!
//! The worker would refuse these messages at release anyway. Doing it here, in the transaction of
//! the change, lets what is lost be found again at once: a reminder is planned anew and finds its
//! way by what holds now; for anything else staff get a task.

use gate::{Code, Kind, Release};

use super::store::{self, OutboxError, Taken};
use crate::audit::{self, Actor, Event};
use crate::conversations::tasks::{self, NewTask, TaskKind};
use crate::db::message::{self, Change, State};
use crate::db::outbox::{self, Which};
use crate::db::registry::REMINDER;
use crate::db::{Tx, reminder};
use crate::facts;
use crate::office::Office;

/// What became of the messages that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rechecked {
    /// Reminders withdrawn and planned again.
    pub replanned: u64,
    /// Other messages withdrawn, each with a task for staff.
    pub withdrawn: u64,
}

/// Withdraws each of the waiting messages that the gate would no longer let go. `why` is a word for
/// the audit log. What is already on the wire was asked about a moment ago, and goes.
///
/// # Errors
/// [`OutboxError`]; the caller's transaction must then be given up.
pub fn recheck(
    tx: &mut Tx<'_>,
    office: &Office,
    which: &Which,
    actor: &Actor,
    why: &'static str,
) -> Result<Rechecked, OutboxError> {
    let now = office.clock().now();
    let mut done = Rechecked::default();
    for id in outbox::waiting(tx, office.practice(), which)? {
        let taken = match store::take(tx, office, id) {
            Ok(taken) => taken,
            // The worker finds it and sets it aside, for a person.
            Err(OutboxError::Broken { .. }) => continue,
            Err(error) => return Err(error),
        };
        let draft = taken.cleared.draft();
        let subject = match draft.patient {
            Some(patient) => facts::subject(tx, office, patient)?,
            None => None,
        };
        let facts = facts::load(tx, office, draft, subject.as_ref(), now)?;
        let policy = office.policy();
        let codes: Vec<Code> = match gate::release(&taken.cleared, &facts, &policy, now) {
            Release::Go(_) | Release::NotBefore(_) => continue,
            Release::Refuse(refusal) => refusal.reasons().map(|reason| reason.code).collect(),
        };
        if !outbox::delete_free(tx, office.practice(), id)? {
            // A worker took it meanwhile, and asked as we did.
            continue;
        }
        if withdraw(tx, office, &taken, &codes, (actor, why))? {
            done.replanned += 1;
        } else {
            done.withdrawn += 1;
        }
    }
    Ok(done)
}

/// What follows once its row is out. True when it was a reminder, whose step is planned again.
fn withdraw(
    tx: &mut Tx<'_>,
    office: &Office,
    taken: &Taken,
    codes: &[Code],
    (actor, why): (&Actor, &'static str),
) -> Result<bool, OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let stored = &taken.stored;
    let change =
        Change { id: stored.id, from: stored.state, to: State::Cancelled, refusals: codes };
    message::change_state(tx, practice, &change, now)?;
    let mut event = Event::message_cancelled(actor.clone(), stored.id, why).patient(stored.patient);
    for code in codes {
        event = event.code(code.as_str());
    }
    audit::append(tx, office, event)?;
    let step = match stored.appointment.filter(|_| stored.kind == Kind::AppointmentReminder) {
        Some(visit) => reminder::take_back(tx, practice, visit, stored.id, now)?,
        None => None,
    };
    if let Some(step) = step {
        let event = Event::new(audit::Kind::RemindersChanged, actor.clone())
            .about(REMINDER, step)
            .patient(stored.patient)
            .code("planned_again");
        audit::append(tx, office, event)?;
        return Ok(true);
    }
    let task = NewTask {
        patient: stored.patient,
        message: Some(stored.id),
        appointment: stored.appointment,
        ..NewTask::new(TaskKind::Delivery)
    };
    tasks::open(tx, office, task, actor)?;
    Ok(false)
}
