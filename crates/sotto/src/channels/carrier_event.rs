//! What comes back from carriers, and the promise that it is answered only once it is stored.

use std::fmt;

use gate::{Address, Channel, MessageId};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{AdapterName, Failure, Handoff};

/// Something a carrier told us.
#[derive(Debug, Clone)]
pub enum CarrierEvent {
    /// What became of a message.
    Receipt(CarrierReceipt),
    /// A person wrote.
    Reply(Reply),
    /// The answer to a submit that had been given up as [`super::FailureKind::Uncertain`].
    Settled {
        /// Which message.
        message: MessageId,
        /// What the carrier had answered.
        outcome: Result<Handoff, Failure>,
    },
}

/// A delivery receipt, a bounce or a status callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierReceipt {
    /// Through which adapter.
    pub adapter: AdapterName,
    /// The carrier's id of one part, in the one form that [`Handoff::parts`] has.
    pub carrier_id: String,
    /// Whom the message was for, if the report says so: it can settle a submit whose answer, and
    /// with it the carrier's id, was lost.
    pub to: Option<Address>,
    /// What it says.
    pub status: ReceiptStatus,
    /// Why, when it says that delivery failed.
    pub failure: Option<Failure>,
    /// When, if the carrier says so in a way that can be trusted.
    pub occurred_at: Option<Timestamp>,
}

/// What a carrier answers when it is asked about a message that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As a receipt would say it.
    Says(CarrierReceipt),
    /// It knows no message of this id, or says nothing of it. Carriers do not tell the one from the
    /// other, nor either from an id in a spelling that is not theirs.
    Unknown,
    /// It does not take such questions.
    NotSupported,
    /// No answer came, or none that can be read.
    Nothing,
}

/// The words of the `receipt.status` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptStatus {
    /// On its way.
    EnRoute,
    /// At the phone or mailbox.
    Delivered,
    /// Not delivered, for good.
    Undelivered,
    /// Refused, for good.
    Rejected,
    /// Not delivered in time.
    Expired,
    /// The carrier does not know.
    Unknown,
    /// The person marked the mail as unwanted (RULEBOOK EML-09).
    Complaint,
}

impl ReceiptStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::EnRoute,
        Self::Delivered,
        Self::Undelivered,
        Self::Rejected,
        Self::Expired,
        Self::Unknown,
        Self::Complaint,
    ];

    /// Whether it says how delivery ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Undelivered | Self::Rejected | Self::Expired)
    }

    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnRoute => "enroute",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Complaint => "complaint",
        }
    }
}

/// What a person wrote. PHI: `Debug` shows neither number nor words.
#[derive(Clone)]
pub struct Reply {
    /// Through which adapter.
    pub adapter: AdapterName,
    /// The same arrival, delivered again, has the same id.
    pub carrier_id: String,
    /// SMS or email.
    pub channel: Channel,
    /// From whom.
    pub from: Address,
    /// To which number or mailbox of ours.
    pub to: String,
    /// The words. PHI.
    pub body: String,
    /// Parts of it did not come in time; what is missing comes, if at all, as its own reply.
    pub incomplete: bool,
    /// Set where the carrier gives no id, so that `carrier_id` holds for one run of the program.
    pub unnamed: Option<Unnamed>,
}

/// What is known of an arrival to which the carrier gives no id: SMPP 3.4's `deliver_sm` has none.
/// By it, and by its words, an arrival is known again after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnamed {
    /// This run of the program. Within it, `carrier_id` tells what was delivered again from what
    /// was said again.
    pub run: String,
    /// The reference numbers that the phone or its operator set, part by part.
    pub references: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({:?}, {}, [redacted])", self.adapter, self.carrier_id)
    }
}

/// An event and the duty to answer for it.
#[derive(Debug)]
pub struct Carried {
    /// What the carrier told us.
    pub event: CarrierEvent,
    /// To be told once it is durable.
    pub done: Done,
}

/// Where adapters put what carriers tell them. Bounded: a full channel slows the carrier down.
pub type CarrierEvents = mpsc::Sender<Carried>;

/// Tells the carrier that an event is stored. Dropped without [`Done::stored`], the carrier is
/// told to deliver again: a crash or an error between loses nothing.
pub struct Done(Option<Box<dyn FnOnce(bool) + Send>>);

impl Done {
    /// Calls `tell` with whether the event was stored, exactly once.
    #[must_use]
    pub fn new(tell: impl FnOnce(bool) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    /// For events that nobody waits for.
    #[must_use]
    pub fn nobody() -> Self {
        Self(None)
    }

    /// With a receiver, for a caller that answers its peer itself (a webhook, an SMTP session).
    #[must_use]
    pub fn with_receiver() -> (Self, oneshot::Receiver<bool>) {
        let (sender, receiver) = oneshot::channel();
        let done = Self::new(move |stored| {
            // A peer that went away is told nothing; it delivers again.
            let _ = sender.send(stored);
        });
        (done, receiver)
    }

    /// Call it after the commit, never before.
    pub fn stored(mut self) {
        if let Some(tell) = self.0.take() {
            tell(true);
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(false);
        }
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Done")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_event_counts_as_not_stored() {
        let (done, mut receiver) = Done::with_receiver();
        drop(done);
        assert_eq!(receiver.try_recv(), Ok(false));
        let (done, mut receiver) = Done::with_receiver();
        done.stored();
        assert_eq!(receiver.try_recv(), Ok(true));
    }
}
