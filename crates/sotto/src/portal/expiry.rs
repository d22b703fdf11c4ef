//! The patient's copies end with their day: the day's key is destroyed, and the log says so.
//!
//! First the key, then the certificate: a crash between leaves copies that nobody can open and a
//! day that is looked at again. The practice's record has its own key and stays (docs/decisions/0023).

use seal::Day;

use super::PortalError;
use super::letters::{changed, day_of};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::letter::{self as rows, LetterRow};
use crate::db::registry::SETTING;
use crate::db::{Db, Tx, setting};
use crate::office::Office;

/// The setting that tells up to which day all copies have ended.
pub const ENDED: &str = "window/days_over";
/// Before the first look no copy can be older than this many days.
const LONGEST: u32 = 62;
/// How many letters one certificate names.
const AT_ONCE: u32 = 200;

/// Ends the copies of the days that are over. The answer is how many letters ended with them.
///
/// # Errors
/// [`PortalError`]: look again, until it succeeds.
pub async fn look(db: &Db, office: &Office) -> Result<u64, PortalError> {
    let today = day_of(office.clock().now()).0;
    let its = office.clone();
    let done: Option<String> = db.read(move |tx| setting::get(tx, its.practice(), ENDED)).await?;
    let done = done.and_then(|text| text.parse().ok());
    let first =
        done.map_or_else(|| today.saturating_sub(LONGEST), |day: u32| day.saturating_add(1));
    let mut ended = 0;
    for day in first..today {
        if office.keys().has_day(Day(day))? {
            office.keys().destroy_day(Day(day))?;
        }
        loop {
            let its = office.clone();
            let some: u64 = db.write(move |tx| certify(tx, &its, day)).await?;
            ended += some;
            if some < u64::from(AT_ONCE) {
                break;
            }
        }
    }
    if first < today {
        let its = office.clone();
        db.write(move |tx| note(tx, &its, today.saturating_sub(1))).await?;
    }
    Ok(ended)
}

/// Writes down that the copies of a day are gone: one entry that binds each letter's row.
fn certify(tx: &mut Tx<'_>, office: &Office, day: u32) -> Result<u64, PortalError> {
    let now = office.clock().now();
    let over = rows::of_day(tx, office.practice(), (i64::from(day), AT_ONCE))?;
    let actor = Actor::service("window");
    let Some(first) = over.first() else { return Ok(0) };
    let mut event = changed(actor, first, "copies_ended")
        .code(format!("day={day}"))
        .code(format!("copies={}", over.len()));
    for row in &over {
        rows::put(tx, office.practice(), &LetterRow { ended_at: Some(now), ..row.clone() })?;
        if row.patient_id != first.patient_id {
            event = event.patient(row.patient_id);
        }
    }
    audit::append(tx, office, event)?;
    Ok(u64::try_from(over.len()).unwrap_or_default())
}

/// Writes down up to which day there is nothing left to end.
fn note(tx: &mut Tx<'_>, office: &Office, day: u32) -> Result<(), PortalError> {
    let now = office.clock().now();
    setting::put(tx, office.practice(), (ENDED, &day.to_string()), now)?;
    let event = Event::new(Kind::KeyChanged, Actor::service("window"))
        .about(SETTING, ENDED)
        .code("days_over")
        .code(format!("day={day}"));
    audit::append(tx, office, event)?;
    Ok(())
}
