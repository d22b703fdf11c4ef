//! The patient's visits: seen, confirmed, another time asked for, cancelled; with the same effects
//! as a text that says so.

use gate::AppointmentId;
use jiff::{SignedDuration, Timestamp};

use super::{PortalError, Visitor};
use crate::conversations::tasks::{self, NewTask, TaskKind};
use crate::db::Tx;
use crate::db::appointment::{self, AppointmentReply, AppointmentRow, AppointmentStatus};
use crate::db::site::{self, SiteRow};
use crate::office::Office;
use crate::schedule::appointments;

/// How far ahead the window shows visits.
const AHEAD: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The visits still ahead, the next first. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn list(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
) -> Result<Vec<AppointmentRow>, PortalError> {
    if !visitor.sees_visits() {
        return Ok(Vec::new());
    }
    let now = office.clock().now();
    let span = (now, now.checked_add(AHEAD).unwrap_or(Timestamp::MAX));
    let mut rows = appointment::of_patient(tx, office.practice(), visitor.patient(), span)?;
    rows.retain(|row| row.status == AppointmentStatus::Booked);
    Ok(rows)
}

/// One of them, with where it is; none where this visitor has no such visit, or it is over or
/// cancelled. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn find(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    id: AppointmentId,
) -> Result<Option<(AppointmentRow, Option<SiteRow>)>, PortalError> {
    let practice = office.practice();
    let now = office.clock().now();
    let row = appointment::get(tx, practice, id)?.filter(|row| {
        visitor.sees_visits()
            && row.patient_id == visitor.patient()
            && row.status == AppointmentStatus::Booked
            && row.starts_at > now
    });
    let Some(row) = row else { return Ok(None) };
    let place = match row.site_id {
        Some(id) => site::get(tx, practice, id)?,
        None => None,
    };
    Ok(Some((row, place)))
}

/// Notes what they answered about a visit, and opens the task that follows. False where there is no
/// such visit of theirs. The same answer again changes nothing.
///
/// # Errors
/// [`PortalError`].
pub fn answer(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    (id, reply): (AppointmentId, AppointmentReply),
) -> Result<bool, PortalError> {
    let Some((row, _)) = find(tx, office, visitor, id)? else { return Ok(false) };
    if row.reply == Some(reply) {
        return Ok(true);
    }
    let actor = visitor.actor();
    let row = appointments::reply(tx, office, row.id, reply, &actor)?;
    let task = match reply {
        AppointmentReply::Confirmed => None,
        AppointmentReply::Declined => Some(TaskKind::Declined),
        AppointmentReply::Reschedule => Some(TaskKind::Reschedule),
    };
    if let Some(kind) = task {
        let new = NewTask {
            patient: Some(row.patient_id),
            appointment: Some(row.id),
            ..NewTask::new(kind)
        };
        tasks::open(tx, office, new, &actor)?;
    }
    Ok(true)
}

/// A visit for a calendar, at level 0 (RULEBOOK §11): when it is, and whose number to call. Not
/// with whom, not what for, not where: a calendar is shown on screens and shared with others.
/// RFC 5545.
#[must_use]
pub fn calendar(office: &Office, row: &AppointmentRow) -> String {
    let profile = office.profile();
    let stamp = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let ends = row.ends_at.unwrap_or(row.starts_at);
    // The id tells nothing, and stays the same when the visit moves.
    let hash = office.keys().content_hash("calendar", row.id.to_string().as_bytes());
    let uid = hex::encode(hash.get(..16).unwrap_or_default());
    let lines = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Sotto//EN".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{uid}"),
        format!("SEQUENCE:{}", row.version),
        format!("DTSTAMP:{}", stamp(row.updated_at)),
        format!("DTSTART:{}", stamp(row.starts_at)),
        format!("DTEND:{}", stamp(ends)),
        "SUMMARY:Appointment".to_owned(),
        format!("DESCRIPTION:{}", text(&format!("{} {}", profile.display_name, profile.phone))),
        "CLASS:PRIVATE".to_owned(),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect()
}

/// RFC 5545 §3.3.11.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
