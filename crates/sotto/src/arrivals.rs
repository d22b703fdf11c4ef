//! What carriers tell us, made durable before they are answered.
//!
//! A crash before the commit leaves nothing here, and the carrier delivers again; a crash after it
//! and before the answer makes the carrier deliver again, and the same arrival twice is one row.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::channels::{Carried, CarrierEvent};
use crate::db::{Db, DbError, Tx};
use crate::inbound::{self, Arrival, InboundError};
use crate::office::Office;
use crate::outbox::{OutboxError, worker};
use crate::receipts::{self, ReceiptError};

/// How many receipts are on their way to the disk at once.
const UNDER_WAY: usize = 256;

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
            arrived = events.recv(), if under_way.len() < UNDER_WAY => match arrived {
                Some(Carried { event: event @ CarrierEvent::Reply(_), done }) => {
                    keep(&db, &office, event, done).await;
                }
                Some(Carried { event, done }) => under_way.push(keep(&db, &office, event, done)),
                None => break,
            },
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
        }
    }
    while under_way.next().await.is_some() {}
}

async fn keep(db: &Db, office: &Office, event: CarrierEvent, done: crate::channels::Done) {
    let office = office.clone();
    match db.write(move |tx| store(tx, &office, event)).await {
        Ok(()) => done.stored(),
        // Dropping `done` tells the carrier to deliver again.
        Err(error) => tracing::error!(%error, "arrival.not_stored"),
    }
}

fn store(tx: &mut Tx<'_>, office: &Office, event: CarrierEvent) -> Result<(), ArrivalError> {
    match event {
        CarrierEvent::Receipt(receipt) => receipts::record(tx, office, &receipt)?,
        CarrierEvent::Reply(reply) => {
            inbound::receive(tx, office, Arrival::of(reply, office.clock().now()))?;
        }
        CarrierEvent::Settled { message, outcome } => {
            worker::settle(tx, office, message, outcome)?;
        }
    }
    Ok(())
}
