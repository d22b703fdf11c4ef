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
use crate::ids::{AttemptId, Id as _, RunId};
use crate::office::Office;
use crate::outbox::store::OutboxError;
use crate::outbox::worker::{Ended, record};

/// Which attempts broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Those whose lease is over.
    Over,
    /// Those of a run that was given up.
    Of(RunId),
    /// Everybody's. At the start of a process that is the only one.
    All,
}

/// Settles attempts that broke off, some at a time. Returns how many.
///
/// # Errors
/// [`OutboxError`]; what was settled until then stays settled.
pub async fn settle_broken_off(
    db: &Db,
    office: &Office,
    which: Broken,
) -> Result<usize, OutboxError> {
    let mut settled = 0;
    loop {
        let some = settle_some(db, office, which).await?;
        settled += some;
        if some == 0 {
            return Ok(settled);
        }
    }
}

async fn settle_some(db: &Db, office: &Office, which: Broken) -> Result<usize, OutboxError> {
    let office = office.clone();
    db.write(move |tx| {
        let (over, run) = match which {
            Broken::Over => (office.clock().now(), None),
            Broken::Of(run) => (Timestamp::MIN, Some(run)),
            Broken::All => (Timestamp::MAX, None),
        };
        let rows = outbox::broken_off(tx, office.practice(), run, over)?;
        give_up(tx, &office, &rows)
    })
    .await
}

/// Makes these attempts uncertain. Returns of how many something became.
fn give_up(tx: &mut Tx<'_>, office: &Office, rows: &[OutboxRow]) -> Result<usize, OutboxError> {
    let mut count = 0;
    for row in rows {
        let open = attempt::open_of(tx, office.practice(), row.message)?;
        let Some(attempt) = open else {
            // Claimed and answered in one breath; only the row was left behind.
            outbox::delete(tx, office.practice(), row.message)?;
            count += 1;
            continue;
        };
        if uncertain(tx, office, row, attempt, row.attempts)? {
            count += 1;
        }
    }
    Ok(count)
}

/// False for a row of an adapter that is no more, which stays.
fn uncertain(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &OutboxRow,
    attempt: AttemptId,
    number: u32,
) -> Result<bool, OutboxError> {
    let Some(adapter) = AdapterName::from_word(&row.adapter) else { return Ok(false) };
    let ended = Ended {
        id: row.message,
        attempt,
        number,
        from: State::Sending,
        adapter,
        confirms: None,
        result: Err(Failure::new(FailureKind::Uncertain)),
    };
    record(tx, office, &ended)?;
    Ok(true)
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
    loop {
        let rows = outbox::broken_off(tx, practice, None, Timestamp::MAX)?;
        // A row of an adapter that is no more stays, and would come again for ever.
        match give_up(tx, office, &rows)? {
            0 => break,
            some => held.under_way += some as u64,
        }
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
