//! Adding, moving and cancelling appointments, and what patients answer about them.

use gate::{AppointmentId, PatientId};
use jiff::Timestamp;

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::appointment::{self, AppointmentReply, AppointmentRow, AppointmentStatus};
use crate::db::outbox::Which;
use crate::db::registry::APPOINTMENT;
use crate::db::{DbError, Tx};
use crate::ids::{ClinicianId, Id as _, SiteId};
use crate::journeys::reminders::{self, ReminderError};
use crate::office::Office;
use crate::outbox::{self, OutboxError};

/// An appointment as a schedule tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The schedule's own id.
    pub external_id: String,
    /// Whose.
    pub patient: PatientId,
    /// With whom.
    pub clinician: Option<ClinicianId>,
    /// Where.
    pub site: Option<SiteId>,
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Option<Timestamp>,
    /// What the schedule says.
    pub status: AppointmentStatus,
}

/// What a booking changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added,
    /// It moved, or its status, place or person changed.
    Updated,
    /// Nothing.
    Unchanged,
}

/// The schedule cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// No such appointment.
    #[error("appointment {0} is not on file; import or add it first")]
    NoAppointment(AppointmentId),
    /// Its end lies before its begin.
    #[error("ends_at: the appointment ends before it begins; give a later end, or none")]
    EndsBeforeItBegins,
    /// Reminders could not be planned.
    #[error(transparent)]
    Reminders(#[from] ReminderError),
    /// What waits could not be withdrawn.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Takes a booking as the schedule tells it. Idempotent: the same booking again changes nothing.
///
/// # Errors
/// [`ScheduleError`]; the caller's transaction must then be given up.
pub fn upsert(
    tx: &mut Tx<'_>,
    office: &Office,
    booking: &Booking,
    actor: &Actor,
) -> Result<(AppointmentId, Change), ScheduleError> {
    if booking.ends_at.is_some_and(|ends_at| ends_at < booking.starts_at) {
        return Err(ScheduleError::EndsBeforeItBegins);
    }
    let now = office.clock().now();
    let Some(old) = appointment::by_external_id(tx, office.practice(), &booking.external_id)?
    else {
        let row = AppointmentRow {
            id: AppointmentId::new(office.clock()),
            external_id: booking.external_id.clone(),
            patient_id: booking.patient,
            clinician_id: booking.clinician,
            site_id: booking.site,
            starts_at: booking.starts_at,
            ends_at: booking.ends_at,
            status: booking.status,
            version: 1,
            reply: None,
            reply_at: None,
            updated_at: now,
        };
        store(tx, office, &row, "added", actor)?;
        return Ok((row.id, Change::Added));
    };
    let new = AppointmentRow {
        patient_id: booking.patient,
        clinician_id: booking.clinician,
        site_id: booking.site,
        starts_at: booking.starts_at,
        ends_at: booking.ends_at,
        status: booking.status,
        ..old.clone()
    };
    let changed = change(tx, office, &old, new, actor)?;
    Ok((old.id, changed))
}

/// Moves an appointment to another time.
///
/// # Errors
/// [`ScheduleError`].
pub fn reschedule(
    tx: &mut Tx<'_>,
    office: &Office,
    id: AppointmentId,
    (starts_at, ends_at): (Timestamp, Option<Timestamp>),
    actor: &Actor,
) -> Result<Change, ScheduleError> {
    if ends_at.is_some_and(|ends_at| ends_at < starts_at) {
        return Err(ScheduleError::EndsBeforeItBegins);
    }
    let old = find(tx, office, id)?;
    let status = AppointmentStatus::Booked;
    let new = AppointmentRow { starts_at, ends_at, status, ..old.clone() };
    change(tx, office, &old, new, actor)
}

/// Cancels an appointment.
///
/// # Errors
/// [`ScheduleError`].
pub fn cancel(
    tx: &mut Tx<'_>,
    office: &Office,
    id: AppointmentId,
    actor: &Actor,
) -> Result<Change, ScheduleError> {
    let old = find(tx, office, id)?;
    let new = AppointmentRow { status: AppointmentStatus::Cancelled, ..old.clone() };
    change(tx, office, &old, new, actor)
}

/// Notes what the patient answered. The time stays as it is: the schedule's owner frees or moves
/// it. After "cannot come" nothing more is sent about it; after "will come" the plan is taken up
/// again, if it had ended.
///
/// # Errors
/// [`ScheduleError`].
pub fn reply(
    tx: &mut Tx<'_>,
    office: &Office,
    id: AppointmentId,
    reply: AppointmentReply,
    actor: &Actor,
) -> Result<AppointmentRow, ScheduleError> {
    let now = office.clock().now();
    let old = find(tx, office, id)?;
    let row =
        AppointmentRow { reply: Some(reply), reply_at: Some(now), updated_at: now, ..old.clone() };
    appointment::put(tx, office.practice(), &row)?;
    let declined = |reply| reply == Some(AppointmentReply::Declined);
    if declined(row.reply) != declined(old.reply) {
        reminders::replan(tx, office, &row)?;
    }
    let word = match reply {
        AppointmentReply::Confirmed => "confirmed",
        AppointmentReply::Declined => "declined",
        AppointmentReply::Reschedule => "reschedule",
    };
    audit::append(tx, office, event(&row, word, actor))?;
    if declined(row.reply) {
        outbox::cancel(tx, office, &Which::Appointment(id), actor, "declined")?;
    }
    Ok(row)
}

fn find(
    tx: &mut Tx<'_>,
    office: &Office,
    id: AppointmentId,
) -> Result<AppointmentRow, ScheduleError> {
    appointment::get(tx, office.practice(), id)?.ok_or(ScheduleError::NoAppointment(id))
}

/// Stores what differs. A change of time, place, person or status is a new version: its reminders
/// are its own, what waits for the old one is withdrawn, and an answer to the old time is void.
fn change(
    tx: &mut Tx<'_>,
    office: &Office,
    old: &AppointmentRow,
    mut new: AppointmentRow,
    actor: &Actor,
) -> Result<Change, ScheduleError> {
    if new == *old {
        return Ok(Change::Unchanged);
    }
    new.updated_at = office.clock().now();
    let same = new.starts_at == old.starts_at
        && new.site_id == old.site_id
        && new.status == old.status
        && new.patient_id == old.patient_id;
    if same {
        appointment::put(tx, office.practice(), &new)?;
        audit::append(tx, office, event(&new, "corrected", actor))?;
        return Ok(Change::Updated);
    }
    new.version = old.version.saturating_add(1);
    new.reply = None;
    new.reply_at = None;
    let word = match new.status {
        AppointmentStatus::Booked => "moved",
        AppointmentStatus::Cancelled => "cancelled",
        AppointmentStatus::Fulfilled => "fulfilled",
        AppointmentStatus::NoShow => "noshow",
    };
    store(tx, office, &new, word, actor)?;
    outbox::cancel(tx, office, &Which::Appointment(new.id), actor, "appointment_changed")?;
    Ok(Change::Updated)
}

fn store(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &AppointmentRow,
    word: &'static str,
    actor: &Actor,
) -> Result<(), ScheduleError> {
    appointment::put(tx, office.practice(), row)?;
    reminders::replan(tx, office, row)?;
    audit::append(tx, office, event(row, word, actor))?;
    Ok(())
}

fn event(row: &AppointmentRow, word: &'static str, actor: &Actor) -> Event {
    Event::new(Kind::AppointmentChanged, actor.clone())
        .about(APPOINTMENT, row.id)
        .patient(row.patient_id)
        .code(word)
}
