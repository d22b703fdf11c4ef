//! What a crash between the wire and the answer leaves: an attempt that was started and never
//! ended. Nobody knows whether the carrier took it, so it becomes uncertain; a receipt or a member
//! of staff settles it. It is never sent again.

use jiff::Timestamp;
use serde::Serialize;

use crate::channels::{AdapterName, Failure, FailureKind};
use crate::db::attempt::Start;
use crate::db::message::{self, Change, State};
use crate::db::outbox::OutboxRow;
use crate::db::{Db, Tx, attempt, outbox};
use crate::ids::{AttemptId, Id as _};
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
        give_up(tx, &office, &rows)?;
        Ok(rows.len())
    })
    .await
}

/// Makes these attempts uncertain.
fn give_up(tx: &mut Tx<'_>, office: &Office, rows: &[OutboxRow]) -> Result<(), OutboxError> {
    for row in rows {
        let open = attempt::open_of(tx, office.practice(), row.message)?;
        let Some(attempt) = open else {
            // Claimed and answered in one breath; only the row was left behind.
            outbox::delete(tx, office.practice(), row.message)?;
            continue;
        };
        uncertain(tx, office, row, attempt, row.attempts)?;
    }
    Ok(())
}

fn uncertain(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &OutboxRow,
    attempt: AttemptId,
    number: u32,
) -> Result<(), OutboxError> {
    let Some(adapter) = AdapterName::from_word(&row.adapter) else { return Ok(()) };
    let ended = Ended {
        id: row.message,
        attempt,
        number,
        from: State::Sending,
        adapter,
        confirms: None,
        result: Err(Failure::new(FailureKind::Uncertain)),
    };
    record(tx, office, &ended)
}

/// What was held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Attempts that were under way in the state that was put back.
    pub under_way: u64,
    /// Messages that waited and were due by now.
    pub waiting: u64,
}

/// The database is an older state of itself: what was under way then, and what waited then and has
/// become due since, may have been sent in the time that is not in it. All of it becomes uncertain,
/// with a task for staff, by the same steps as a broken attempt; nothing of it is sent again. What
/// is not due yet cannot have been sent, and what goes to the portal does no harm twice.
///
/// # Errors
/// [`OutboxError`]; the caller's transaction must then be given up.
pub(crate) fn hold_after_restore(tx: &mut Tx<'_>, office: &Office) -> Result<Held, OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let mut held = Held::default();
    let mut before = None;
    loop {
        let rows = outbox::broken_off(tx, practice, None, Timestamp::MAX)?;
        let first = rows.first().map(|row| row.message);
        // A row of an adapter that is no more stays, and would come again for ever.
        if first == before {
            break;
        }
        before = first;
        give_up(tx, office, &rows)?;
        held.under_way += rows.len() as u64;
    }
    for row in outbox::due_by(tx, practice, now)? {
        if row.adapter == AdapterName::Portal.as_str() {
            continue;
        }
        let (attempt, number) = (AttemptId::new(office.clock()), row.attempts.saturating_add(1));
        let start = Start { message: row.message, number, adapter: &row.adapter };
        attempt::start(tx, practice, attempt, &start, now)?;
        let change =
            Change { id: row.message, from: State::Queued, to: State::Sending, refusals: &[] };
        message::change_state(tx, practice, &change, now)?;
        uncertain(tx, office, &row, attempt, number)?;
        held.waiting += 1;
    }
    Ok(held)
}
