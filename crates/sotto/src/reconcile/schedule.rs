//! The schedule with what was sent about it: reminders that are missing, and reminders of a time
//! that no longer holds.

use std::collections::BTreeSet;

use gate::{AppointmentId, MessageId, PatientId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::finding::{Cure, Found};
use super::{FindingKind, Findings, Limits, ReconcileError, Span};
use crate::db::appointment::{AppointmentReply, AppointmentStatus};
use crate::db::registry::{APPOINTMENT, MESSAGE, REMINDER};
use crate::db::reminder::ReminderState;
use crate::db::{DbError, Row, Tx};
use crate::ids::made_at;
use crate::journeys::reminders::Plan;
use crate::office::Office;
use crate::{params, sql};

/// The longest a plan's step lies before its appointment.
const FARTHEST_STEP: SignedDuration = SignedDuration::from_hours(61 * 24);

/// A claim and a change of the schedule may pass each other by so much.
const PASSING: SignedDuration = SignedDuration::from_secs(60);

/// An appointment with its reminders, of every version.
struct Visit {
    id: AppointmentId,
    patient: PatientId,
    starts_at: Timestamp,
    takes_place: bool,
    /// It is off: cancelled by the practice, or declined by the patient.
    off: bool,
    version: i64,
    updated_at: Timestamp,
    reminders: Vec<Reminder>,
}

struct Reminder {
    id: Uuid,
    version: i64,
    step: String,
    due_at: Timestamp,
    state: ReminderState,
    message: Option<MessageId>,
    /// State, when it is to go or went, and channel; none when the message is not on file.
    sent: Option<(String, Timestamp, gate::Channel)>,
}

/// The plan, and since when it holds.
struct Planned {
    plan: Plan,
    since: Option<Timestamp>,
    limits: Limits,
}

/// Compares.
pub(super) fn look(
    tx: &mut Tx<'_>,
    office: &Office,
    span: &Span,
    limits: &Limits,
    found: &mut Findings,
) -> Result<(), ReconcileError> {
    let planned = Planned {
        plan: Plan::load(tx, office)?,
        since: Plan::in_force_since(tx, office)?,
        limits: limits.clone(),
    };
    let until = span.until.saturating_add(FARTHEST_STEP).unwrap_or(Timestamp::MAX);
    let mut visit: Option<Visit> = None;
    let mut told = Vec::new();
    tx.each::<DbError>(
        sql!(
            "SELECT a.id, a.patient_id, a.starts_at, a.status, a.reply, a.version, a.updated_at,
                 r.id, r.appointment_version, r.step, r.due_at, r.state, r.message_id,
                 m.state, m.send_at, m.channel
             FROM appointment a
             LEFT JOIN reminder r ON r.practice_id = a.practice_id AND r.appointment_id = a.id
             LEFT JOIN message m ON m.practice_id = r.practice_id AND m.id = r.message_id
             WHERE a.practice_id = $1 AND a.starts_at >= $2 AND a.starts_at < $3
             ORDER BY a.starts_at, a.id"
        ),
        params![office.practice(), span.since, until],
        |row| {
            let id: AppointmentId = row.get(0)?;
            if visit.as_ref().is_none_or(|visit| visit.id != id)
                && let Some(whole) = visit.replace(read_visit(row)?)
            {
                told.extend(planned.judge(&whole));
            }
            if let (Some(visit), Some(reminder)) = (&mut visit, read_reminder(row)?) {
                visit.reminders.push(reminder);
            }
            Ok(())
        },
    )?;
    told.extend(visit.iter().flat_map(|whole| planned.judge(whole)));
    for one in told {
        if let Some(one) = confirmed(tx, office, one)? {
            found.add(one);
        }
    }
    Ok(())
}

fn read_visit(row: &Row<'_>) -> Result<Visit, DbError> {
    let status: AppointmentStatus = row.get(3)?;
    let declined = row.get::<Option<AppointmentReply>>(4)? == Some(AppointmentReply::Declined);
    Ok(Visit {
        id: row.get(0)?,
        patient: row.get(1)?,
        starts_at: row.get(2)?,
        takes_place: status == AppointmentStatus::Booked && !declined,
        off: status == AppointmentStatus::Cancelled || declined,
        version: row.get(5)?,
        updated_at: row.get(6)?,
        reminders: Vec::new(),
    })
}

fn read_reminder(row: &Row<'_>) -> Result<Option<Reminder>, DbError> {
    let Some(id) = row.get::<Option<Uuid>>(7)? else { return Ok(None) };
    let sent = match row.get::<Option<String>>(13)? {
        Some(state) => Some((state, row.get(14)?, row.get(15)?)),
        None => None,
    };
    Ok(Some(Reminder {
        id,
        version: row.get(8)?,
        step: row.get(9)?,
        due_at: row.get(10)?,
        state: row.get(11)?,
        message: row.get(12)?,
        sent,
    }))
}

impl Planned {
    fn judge(&self, visit: &Visit) -> Vec<Found> {
        let mut found = Vec::new();
        if visit.takes_place {
            found.extend(self.unplanned(visit));
            found.extend(visit.current().filter_map(|reminder| self.unsent(visit, reminder)));
        }
        let (kind, changed_at) = if visit.off {
            (FindingKind::ReminderForCancelled, visit.updated_at)
        } else if visit.takes_place {
            (FindingKind::ReminderAtWrongTime, visit.began_at())
        } else {
            return found;
        };
        for reminder in &visit.reminders {
            if visit.off || reminder.version < visit.version {
                found.extend(after_the_change(visit, reminder, kind, changed_at));
            }
        }
        found
    }

    /// Steps of the plan that have no row, where the version was planned by the plan in force.
    fn unplanned(&self, visit: &Visit) -> Option<Found> {
        let planned_at =
            if visit.current().next().is_some() { visit.began_at() } else { visit.updated_at };
        let by_this_plan = self.since.is_none_or(|since| planned_at >= since);
        let ahead = visit.starts_at > self.limits.now && planned_at < self.limits.settled_by;
        let there: BTreeSet<&str> = visit.current().map(|r| r.step.as_str()).collect();
        let missing = self.plan.steps().iter().any(|step| !there.contains(step.step.as_str()));
        (by_this_plan && ahead && missing).then(|| Found {
            patient: Some(visit.patient),
            appointment: Some(visit.id),
            cure: Some(Cure::PlanAnew(visit.id)),
            ..Found::new(FindingKind::ReminderMissing, (APPOINTMENT, visit.id), visit.starts_at)
        })
    }

    /// A step whose hour has long come, or whose message is not on file.
    fn unsent(&self, visit: &Visit, reminder: &Reminder) -> Option<Found> {
        let missing = match reminder.state {
            ReminderState::Planned => reminder.due_at < self.limits.stuck_since,
            ReminderState::SentOn => reminder.sent.is_none(),
            _ => false,
        };
        missing.then(|| Found {
            patient: Some(visit.patient),
            appointment: Some(visit.id),
            message: reminder.message,
            ..Found::new(FindingKind::ReminderMissing, (REMINDER, reminder.id), reminder.due_at)
        })
    }
}

impl Visit {
    fn current(&self) -> impl Iterator<Item = &Reminder> {
        self.reminders.iter().filter(|reminder| reminder.version == self.version)
    }

    /// When this version came to be: its reminders were planned then.
    fn began_at(&self) -> Timestamp {
        let planned = self.current().filter_map(|reminder| made_at(reminder.id)).min();
        planned.unwrap_or(self.updated_at)
    }
}

/// A reminder that went, or still waits, after the schedule had changed.
fn after_the_change(
    visit: &Visit,
    reminder: &Reminder,
    kind: FindingKind,
    changed_at: Timestamp,
) -> Option<Found> {
    let (message, (state, send_at, channel)) = (reminder.message?, reminder.sent.as_ref()?);
    let waits = state == "queued";
    let went = matches!(state.as_str(), "sending" | "sent" | "delivered" | "uncertain");
    let after = *send_at > changed_at.saturating_add(PASSING).unwrap_or(Timestamp::MAX);
    (waits || (went && after)).then(|| Found {
        channel: Some(channel.as_str()),
        patient: Some(visit.patient),
        appointment: Some(visit.id),
        message: Some(message),
        cure: waits.then_some(Cure::Withdraw(message)),
        ..Found::new(kind, (MESSAGE, message), *send_at)
    })
}

/// What another table has to say before it counts.
fn confirmed(
    tx: &mut Tx<'_>,
    office: &Office,
    mut one: Found,
) -> Result<Option<Found>, ReconcileError> {
    let practice = office.practice();
    if one.kind != FindingKind::ReminderMissing {
        return Ok(Some(one));
    }
    if let (REMINDER, Some(message)) = (one.table, one.message.take()) {
        // Handed to a carrier: told as a message that is missing.
        let tried = tx.query(
            sql!("SELECT id FROM attempt WHERE practice_id = $1 AND message_id = $2"),
            params![practice, message],
            |row| row.get::<Uuid>(0),
        )?;
        return Ok(tried.is_empty().then_some(one));
    }
    if let (APPOINTMENT, Some(visit)) = (one.table, one.appointment) {
        // A reminder that no step names: the patient was reminded, and must not be again.
        let went = tx.query(
            sql!(
                "SELECT m.id FROM message m WHERE m.practice_id = $1 AND m.appointment_id = $2
                     AND m.kind = 'appt_reminder' AND NOT EXISTS (SELECT 1 FROM reminder r
                         WHERE r.practice_id = m.practice_id AND r.appointment_id = $2
                             AND r.message_id = m.id)"
            ),
            params![practice, visit],
            |row| row.get::<MessageId>(0),
        )?;
        return Ok(went.is_empty().then_some(one));
    }
    Ok(Some(one))
}
