//! What a crash between the wire and the answer leaves: an attempt that was started and never
//! ended. Nobody knows whether the carrier took it, so it becomes uncertain; a receipt or a member
//! of staff settles it. It is never sent again.

use jiff::Timestamp;

use crate::channels::{AdapterName, Failure, FailureKind};
use crate::db::message::State;
use crate::db::{Db, attempt, outbox};
use crate::ids::RunId;
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
        let mut count = 0;
        for row in rows {
            let open = attempt::open_of(tx, office.practice(), row.message)?;
            let Some(attempt) = open else {
                // Claimed and answered in one breath; only the row was left behind.
                outbox::delete(tx, office.practice(), row.message)?;
                count += 1;
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
            count += 1;
        }
        Ok(count)
    })
    .await
}
