//! The patient's copies end with their day: the day's key is destroyed, and the log says so.
//!
//! First the key, then the certificate: a crash between leaves copies that nobody can open and a
//! day that is looked at again. The practice's record has its own key and stays (docs/decisions/0023).

use seal::Day;

use super::PortalError;
use super::letters::{changed, day_of};
use crate::audit::{self, Actor};
use crate::db::letter::{self as rows, LetterRow};
use crate::db::{Db, Tx};
use crate::office::Office;

/// How many letters one certificate names.
const AT_ONCE: u32 = 200;

/// Ends the copies of the days that are over. The answer is how many copies ended.
///
/// # Errors
/// [`PortalError`]: look again, until it succeeds.
pub async fn look(db: &Db, office: &Office) -> Result<u64, PortalError> {
    let its = office.clone();
    let days: Vec<i64> = db
        .read(move |tx| {
            let today = i64::from(day_of(its.clock().now()).0);
            Ok::<_, PortalError>(rows::days_before(tx, its.practice(), today)?)
        })
        .await?;
    let mut ended = 0;
    for day in days {
        let key = Day(u32::try_from(day).unwrap_or_default());
        office.keys().destroy_day(key)?;
        loop {
            let its = office.clone();
            let some: u64 = db.write(move |tx| certify(tx, &its, day)).await?;
            ended += some;
            if some < u64::from(AT_ONCE) {
                break;
            }
        }
    }
    Ok(ended)
}

/// Writes down that the copies of a day are gone: one entry that binds each letter's row.
fn certify(tx: &mut Tx<'_>, office: &Office, day: i64) -> Result<u64, PortalError> {
    let now = office.clock().now();
    let over = rows::of_day(tx, office.practice(), (day, AT_ONCE))?;
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
