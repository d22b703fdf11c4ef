//! Looks every few seconds whether the database takes what it is given, keeps the copy while it does,
//! and brings into the log who looked at the copy while it did not.

use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::Downtime;
use super::copy::{Copy, CopyError};
use super::spool::SpoolError;
use crate::db::{Db, Tx};
use crate::http::health;
use crate::office::Office;

/// How often the database is tried.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long it may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How often the copy is made anew.
pub const COPY_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Until `stop`.
pub async fn run(db: Db, office: Office, downtime: Downtime, stop: CancellationToken) {
    loop {
        look(&db, &office, &downtime).await;
        let span = office.clock().span(LOOK_EVERY);
        tokio::select! {
            () = office.clock().sleep(span) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One look.
pub async fn look(db: &Db, office: &Office, downtime: &Downtime) {
    let tried = tokio::time::timeout(ANSWERS_WITHIN, health::can_write(db, office)).await;
    match tried {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "downtime.database_away");
            return downtime.went_away(office.clock().now_in_life());
        }
        Err(_) => return downtime.went_away(office.clock().now_in_life()),
    }
    match bring_in(db, office, downtime).await {
        Ok(0) => {}
        Ok(lines) => tracing::warn!(lines, "downtime.brought_in"),
        // The database is away again, or the disk: the file stays as it is.
        Err(error) => {
            tracing::error!(%error, "downtime.not_brought_in");
            return;
        }
    }
    downtime.came_back();
    if let Err(error) = renew(db, office, downtime).await {
        tracing::error!(%error, "downtime.no_copy");
    }
}

async fn bring_in(db: &Db, office: &Office, downtime: &Downtime) -> Result<usize, SpoolError> {
    let (db, office, spool) = (db.clone(), office.clone(), downtime.spool());
    let brought = tokio::task::spawn_blocking(move || spool.bring_in(&db, &office)).await;
    brought.map_err(|error| SpoolError::Io(error.into()))?
}

/// Makes the copy anew where it is older than a minute.
async fn renew(db: &Db, office: &Office, downtime: &Downtime) -> Result<(), CopyError> {
    let (file, now) = (downtime.copy(), office.clock().now_in_life());
    if downtime.copied_at().is_some_and(|at| now.duration_since(at) < COPY_EVERY) {
        return Ok(());
    }
    let at = office.clone();
    let copy = db.read(move |tx: &mut Tx<'_>| Copy::read(tx, &at)).await?;
    let office = office.clone();
    let kept =
        tokio::task::spawn_blocking(move || copy.keep(&file, (office.keys(), office.practice())));
    kept.await.map_err(|error| CopyError::Io(error.into()))??;
    downtime.copied(now);
    Ok(())
}
