//! What the world will do later: one heap of plans, one task that waits for the next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::faults::Channel;
use crate::patients::ReplyKind;
use crate::record::DeliveryState;
use crate::world_clock::WorldClock;

/// Something to be done at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Unique in the world's life, also across restarts with a record file.
    pub(crate) id: u64,
    pub(crate) at: Timestamp,
    /// Tries so far.
    pub(crate) tries: u8,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Receipt(ReceiptDue),
    Reply(ReplyDue),
    Notice(NoticeDue),
    Click { who: String, url: String },
    Block { address: String },
}

/// A delivery receipt to be sent for a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReceiptDue {
    pub(crate) channel: Channel,
    /// As the receipt will write it.
    pub(crate) message_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) state: DeliveryState,
    pub(crate) error: Option<u16>,
    pub(crate) submitted: Timestamp,
    /// Where a status callback goes (HTTP only).
    pub(crate) callback: Option<String>,
}

/// A text from a patient to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyDue {
    pub(crate) channel: Channel,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) kind: ReplyKind,
}

/// A delivery status notification to be mailed (RFC 3464).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NoticeDue {
    /// The envelope sender of the mail it is about.
    pub(crate) to: String,
    pub(crate) recipient: String,
    pub(crate) action: String,
    pub(crate) status: String,
    pub(crate) diagnostic: String,
    pub(crate) envelope_id: Option<String>,
    pub(crate) original_recipient: Option<String>,
    pub(crate) queue_id: String,
    pub(crate) arrived: Timestamp,
    /// The header of the mail, returned for matching.
    pub(crate) headers: String,
}

/// Ordered by time, then by number, so that equal times keep their order.
#[derive(Debug, PartialEq, Eq)]
struct Queued(Plan);

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.at, self.0.id).cmp(&(other.0.at, other.0.id))
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Plans {
    heap: Mutex<BinaryHeap<Reverse<Queued>>>,
    /// Notified only when the earliest plan changes, so that a flood of receipts wakes nobody.
    earlier: Notify,
}

impl Plans {
    pub(crate) fn add(&self, plan: Plan) {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        let first = heap.peek().is_none_or(|Reverse(next)| plan.at < next.0.at);
        heap.push(Reverse(Queued(plan)));
        drop(heap);
        if first {
            self.earlier.notify_one();
        }
    }

    /// How many plans are waiting.
    pub(crate) fn len(&self) -> usize {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits for the next plans whose time has come, and takes them all, in order, into `due`.
    pub(crate) async fn due(&self, clock: &WorldClock, due: &mut Vec<Plan>) {
        loop {
            let earlier = self.earlier.notified();
            let next = self.take(clock.now(), due);
            if !due.is_empty() {
                return;
            }
            match next {
                None => earlier.await,
                Some(at) => tokio::select! {
                    () = clock.until(at) => {}
                    () = earlier => {}
                },
            }
        }
    }

    /// Moves what is due; says when the next one is.
    fn take(&self, now: Timestamp, due: &mut Vec<Plan>) -> Option<Timestamp> {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        while heap.peek().is_some_and(|Reverse(next)| next.0.at <= now) {
            due.extend(heap.pop().map(|Reverse(Queued(plan))| plan));
        }
        heap.peek().map(|Reverse(next)| next.0.at)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn plan(id: u64, at: Timestamp) -> Plan {
        Plan { id, at, tries: 0, what: What::Block { address: String::new() } }
    }

    #[tokio::test]
    async fn plans_come_in_order_of_time_then_of_making() {
        let start: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let clock = WorldClock::manual(start);
        let plans = Plans::default();
        let minute = SignedDuration::from_mins(1);
        for (id, after) in [(1, 3), (2, 1), (3, 1), (4, 2)] {
            plans.add(plan(id, start + minute * after));
        }
        clock.advance(minute * 2);
        let mut due = Vec::new();
        plans.due(&clock, &mut due).await;
        assert_eq!(due.iter().map(|p| p.id).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(plans.len(), 1);
    }

    #[tokio::test]
    async fn an_earlier_plan_wakes_the_waiter() {
        let start: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let clock = WorldClock::manual(start);
        let plans = Plans::default();
        plans.add(plan(1, start + SignedDuration::from_hours(1)));
        let mut due = Vec::new();
        let wait = plans.due(&clock, &mut due);
        let add = async { plans.add(plan(2, start)) };
        tokio::join!(wait, add);
        assert_eq!(due.iter().map(|p| p.id).collect::<Vec<_>>(), [2]);
    }
}
