//! Looking is recorded too (45 CFR 164.312(b), RULEBOOK §10): what shows something about patients is
//! read beside the one writer, written to the log, and shown only then. A crash between leaves an
//! entry of something that nobody saw, never the contrary.

use gate::PatientId;

use super::Doors;
use super::auth::Caller;
use super::errors::Problem;
use crate::audit::{self, AuditError, Event, Kind};
use crate::db::{DbError, Tx};
use crate::office::Office;

/// Reads something, records that it is shown, and gives it out.
///
/// # Errors
/// What `read` returned; or storage, where the entries cannot be written: then nothing is shown.
pub async fn seen<T, E>(
    doors: &Doors,
    read: impl FnOnce(&mut Tx<'_>, &Office) -> Result<(T, Vec<Event>), E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + From<AuditError> + Send + 'static,
{
    let office = doors.office().clone();
    let (what, events) = doors.db().read(move |tx| read(tx, &office)).await?;
    let office = doors.office().clone();
    let record = move |tx: &mut Tx<'_>| -> Result<(), E> {
        for event in events {
            audit::append(tx, &office, event)?;
        }
        Ok(())
    };
    doors.db().write(record).await?;
    Ok(what)
}

/// What was shown.
pub struct Shown<T> {
    /// It.
    pub what: T,
    /// Of whom, where it is of one.
    pub patient: Option<PatientId>,
    /// How many rows.
    pub count: usize,
}

/// The same for a program that asks. `what` is a word for the audit log.
///
/// # Errors
/// What `read` returned; or 500 where the entry cannot be written: then nothing is shown.
pub async fn view<T: Send + 'static>(
    doors: &Doors,
    caller: Caller,
    what: &'static str,
    read: impl FnOnce(&mut Tx<'_>, &Office) -> Result<Shown<T>, Problem> + Send + 'static,
) -> Result<T, Problem> {
    seen(doors, move |tx, office| {
        let shown = read(tx, office)?;
        let event = Event::new(Kind::PatientViewed, caller.actor())
            .patient(shown.patient)
            .code(what)
            .code(format!("rows={}", shown.count));
        Ok((shown.what, vec![event]))
    })
    .await
}
