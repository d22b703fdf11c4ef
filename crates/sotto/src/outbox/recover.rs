//! What a crash between the wire and the answer leaves: an attempt that was started and never
//! ended. Nobody knows whether the carrier took it, so it becomes uncertain; a receipt or a member
//! of staff settles it. It is never sent again.

use crate::channels::{AdapterName, Failure, FailureKind};
use crate::db::message::State;
use crate::db::{Db, attempt, outbox};
use crate::office::Office;
use crate::outbox::store::OutboxError;
use crate::outbox::worker::{Ended, record};

/// Settles attempts that broke off. At the start of a process `owner` names it, so that its own
/// attempts of the life before need not wait for their leases; later only those whose lease is over
/// are settled. Returns how many.
///
/// # Errors
/// [`OutboxError`]; what was settled until then stays settled.
pub async fn settle_broken_off(
    db: &Db,
    office: &Office,
    owner: Option<String>,
) -> Result<usize, OutboxError> {
    let office = office.clone();
    db.write(move |tx| {
        let now = office.clock().now();
        let rows = outbox::broken_off(tx, office.practice(), owner.as_deref(), now)?;
        let count = rows.len();
        for row in rows {
            let open = attempt::open_of(tx, office.practice(), row.message)?;
            let Some(attempt) = open else {
                // Claimed and answered in one breath; only the row was left behind.
                outbox::delete(tx, office.practice(), row.message)?;
                continue;
            };
            let Some(adapter) = AdapterName::from_word(&row.adapter) else { continue };
            let ended = Ended {
                id: row.message,
                attempt,
                number: row.attempts,
                from: State::Sending,
                adapter,
                confirms: None,
                result: Err(Failure::new(FailureKind::Uncertain)),
            };
            record(tx, &office, &ended)?;
        }
        Ok(count)
    })
    .await
}
