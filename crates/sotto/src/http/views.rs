//! Looking is recorded too (45 CFR 164.312(b), RULEBOOK §10): one entry for each request that shows
//! something about patients, in the transaction that reads it.

use gate::PatientId;

use super::Doors;
use super::auth::Caller;
use super::errors::Problem;
use crate::audit::{self, Event, Kind};
use crate::db::Tx;
use crate::office::Office;

/// What was shown.
pub struct Shown<T> {
    /// It.
    pub what: T,
    /// Of whom, where it is of one.
    pub patient: Option<PatientId>,
    /// How many rows.
    pub count: usize,
}

/// Reads what is asked for and records that it was shown. `what` is a word for the audit log.
///
/// # Errors
/// What `read` returned; or 500 where the entry cannot be written: then nothing is shown.
pub async fn view<T: Send + 'static>(
    doors: &Doors,
    caller: Caller,
    what: &'static str,
    read: impl FnOnce(&mut Tx<'_>, &Office) -> Result<Shown<T>, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let office = doors.office().clone();
    doors
        .db()
        .write(move |tx| {
            let shown = read(tx, &office)?;
            let event = Event::new(Kind::PatientViewed, caller.actor())
                .patient(shown.patient)
                .code(what)
                .code(format!("rows={}", shown.count));
            audit::append(tx, &office, event)?;
            Ok(shown.what)
        })
        .await
}
