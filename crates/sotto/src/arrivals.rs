//! What carriers tell us, made durable before they are answered.
//!
//! A crash before the commit leaves nothing here, and the carrier delivers again; a crash after it
//! and before the answer makes the carrier deliver again, and the same arrival twice is one row.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::channels::{Carried, CarrierEvent};
use crate::db::{Db, DbError, Tx};
use crate::inbound::{self, Arrival, InboundError};
use crate::office::Office;
use crate::outbox::{OutboxError, worker};
use crate::receipts::{self, ReceiptError, Recorded};

/// How many receipts are on their way to the disk at once.
const UNDER_WAY: usize = 256;

/// With so many of them under way, none waits for anything but the disk.
const CROWDED: usize = UNDER_WAY / 2;

/// The first wait of a receipt that comes before the carrier's answer, or of a late answer that
/// could not be stored; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How often it waits; six seconds in all.
const WAITS: u32 = 6;

/// An arrival cannot be stored; the carrier is told to deliver again.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// A receipt.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// A reply.
    #[error(transparent)]
    Inbound(#[from] InboundError),
    /// The late answer to a submit.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Stores what adapters report until they are all gone. Replies are stored one after another, so
/// that STOP and START from one phone keep their order; receipts side by side.
pub async fn run(db: Db, office: Office, mut events: mpsc::Receiver<Carried>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            // What came first is begun first: a receipt goes before the reply that came after it.
            biased;
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            arrived = events.recv(), if under_way.len() < UNDER_WAY => match arrived {
                Some(Carried { event: event @ CarrierEvent::Reply(_), done }) => {
                    keep(&db, &office, event, done, false).await;
                }
                Some(Carried { event, done }) => {
                    let room = under_way.len() < CROWDED;
                    under_way.push(keep(&db, &office, event, done, room));
                }
                None => break,
            },
        }
    }
    while under_way.next().await.is_some() {}
}

async fn keep(
    db: &Db,
    office: &Office,
    event: CarrierEvent,
    done: crate::channels::Done,
    room: bool,
) {
    // The carrier's late answer comes once; everything else is delivered again.
    let once = matches!(event, CarrierEvent::Settled { .. });
    let waits = if room || once { WAITS } else { 0 };
    for wait in 0..=waits {
        let (keeper, event, last) = (office.clone(), event.clone(), wait == waits);
        match db.write(move |tx| store(tx, &keeper, event, !last)).await {
            Ok(Recorded::Stored | Recorded::Stranger) => return done.stored(),
            Ok(Recorded::AwaitsAnswer) => {}
            Err(error) => {
                tracing::error!(%error, "arrival.not_stored");
                if !once {
                    // Dropping `done` tells the carrier to deliver again.
                    return;
                }
            }
        }
        office.clock().sleep(office.clock().span(FIRST_WAIT * 2_u32.pow(wait))).await;
    }
}

fn store(
    tx: &mut Tx<'_>,
    office: &Office,
    event: CarrierEvent,
    may_wait: bool,
) -> Result<Recorded, ArrivalError> {
    match event {
        CarrierEvent::Receipt(receipt) => {
            return Ok(receipts::record(tx, office, &receipt, may_wait)?);
        }
        CarrierEvent::Reply(reply) => {
            inbound::receive(tx, office, Arrival::of(reply, office.clock().now()))?;
        }
        CarrierEvent::Settled { message, outcome } => {
            worker::settle(tx, office, message, outcome)?;
        }
    }
    Ok(Recorded::Stored)
}
