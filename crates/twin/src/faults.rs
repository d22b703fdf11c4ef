//! What can go wrong on the wire, by script or by (repeatable) chance.
//!
//! A fault is chosen once for each message handed to a carrier: for SMS that is one `submit_sm`
//! (one part of a long text), for email one recipient, for HTTP one request.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::number::same_address;

/// Which of the twin's doors a message came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// SMS over SMPP.
    Sms,
    /// SMS over the Twilio-compatible HTTP interface.
    HttpSms,
    /// Email over SMTP.
    Email,
}

/// One thing that goes wrong with one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Refused: too fast. SMPP `ESME_RTHROTTLED`, HTTP 429 with 20429, SMTP 450 4.7.1.
    Throttle,
    /// Refused for now. SMPP `ESME_RSYSERR`, HTTP 503 with 20503, SMTP 451 4.3.0.
    Temporary,
    /// Refused for good. SMPP `ESME_RINVDSTADR`, HTTP 400 with 21211, SMTP 550 5.1.1.
    Permanent,
    /// Refused because the person opted out at the carrier. SMPP the configured vendor status,
    /// HTTP 400 with 21610, SMTP 550 5.7.1.
    OptedOut,
    /// The connection closes and the carrier did not take the message.
    DropBeforeAccept,
    /// The carrier takes the message (and will send its receipt) but never answers; the connection
    /// stays usable.
    AcceptAndNeverAnswer,
    /// The carrier takes the message, then the connection closes before the answer.
    DropBeforeAnswer,
    /// The carrier takes the message and answers, then the connection closes.
    DropAfterAnswer,
    /// The carrier takes the message; from then on the connection stays open and silent, for
    /// everything including `enquire_link`.
    HalfOpen,
    /// The carrier takes the message, then sends bytes that are no answer, and closes.
    GarbageBytes,
    /// The receipt comes this much later than usual (simulated time).
    LateReceipt {
        /// How much later.
        by: SignedDuration,
    },
    /// The receipt comes this many times more than it should.
    DuplicateReceipts {
        /// Receipts beyond the first.
        extra: u8,
    },
    /// The final receipt comes first, then the one that says "on its way".
    ReorderedReceipts,
    /// No receipt ever.
    LostReceipt,
    /// The receipt says that the message was delivered, and it never was: asked, the carrier says so.
    FalseReceipt,
    /// The carrier answers that it took the message, and loses it: no phone has it, no receipt
    /// comes, and asked, the carrier knows no such message.
    Mislaid,
    /// The final receipt is on the wire before the answer that carries the message id.
    ReceiptBeforeAnswer,
    /// Taken, but the receipt says that it could not be delivered (for email: a bounce).
    FailedReceipt {
        /// Why not.
        why: NotDelivered,
    },
}

impl Fault {
    /// Whether the phone never gets what the carrier took.
    pub fn keeps_from_the_phone(self) -> bool {
        matches!(self, Self::FailedReceipt { .. } | Self::FalseReceipt | Self::Mislaid)
    }

    /// Whether the carrier refuses the message, so that it never reaches the phone.
    pub fn refuses(self) -> bool {
        matches!(
            self,
            Self::Throttle
                | Self::Temporary
                | Self::Permanent
                | Self::OptedOut
                | Self::DropBeforeAccept
        )
    }
}

/// Why a message that the carrier had taken was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotDelivered {
    /// Phone off or out of reach (30003). May pass.
    Unreachable,
    /// The person or their carrier blocks the sender (30004).
    Blocked,
    /// No such number (30005), no such mailbox (5.1.1).
    Unknown,
    /// The number is a landline (30006).
    Landline,
    /// The carrier's filter dropped it (30007).
    Filtered,
    /// The carrier gave up in the end.
    Expired,
}

impl NotDelivered {
    /// The code that a Twilio-compatible carrier gives; its last three digits are the `err:` of an
    /// SMPP receipt.
    pub fn code(self) -> u16 {
        match self {
            Self::Unreachable => 30003,
            Self::Blocked => 30004,
            Self::Unknown => 30005,
            Self::Landline => 30006,
            Self::Filtered => 30007,
            Self::Expired => 30036,
        }
    }

    /// The enhanced status code of the same thing in a bounce (RFC 3463).
    pub fn enhanced_status(self) -> &'static str {
        match self {
            Self::Unreachable => "4.4.1",
            Self::Blocked | Self::Filtered => "5.7.1",
            Self::Unknown | Self::Landline => "5.1.1",
            Self::Expired => "5.4.7",
        }
    }
}

/// Which messages a fault is for.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// The next message on the channel that no earlier rule took.
    Next,
    /// The nth message on the channel, the first being 1, counted from the twin's start.
    Nth(u64),
    /// Each message to this number or address.
    Recipient(String),
    /// The next message to this number or address.
    NextTo(String),
    /// Each message with this probability (0 to 1).
    Chance(f64),
}

#[derive(Debug)]
struct Rule {
    channel: Channel,
    when: When,
    fault: Fault,
    spent: bool,
}

/// The script of faults. Clones share it; rules may be added at any time.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Lets the common case, no rules at all, pass without the lock.
    any: AtomicBool,
    seen: [AtomicU64; 3],
    script: Mutex<Script>,
}

#[derive(Debug)]
struct Script {
    rules: Vec<Rule>,
    chance: Chance,
}

impl Faults {
    /// No faults yet; random ones will follow the seed.
    pub fn new(seed: u64) -> Self {
        let script = Script { rules: Vec::new(), chance: Chance::of(seed, "faults", 0) };
        Self(Arc::new(Shared {
            any: AtomicBool::new(false),
            seen: Default::default(),
            script: Mutex::new(script),
        }))
    }

    /// The next message on this channel meets this fault. Calls queue up.
    pub fn next(&self, channel: Channel, fault: Fault) {
        self.add(channel, When::Next, fault);
    }

    /// The nth message (the first is 1) on this channel meets this fault.
    pub fn nth(&self, channel: Channel, nth: u64, fault: Fault) {
        self.add(channel, When::Nth(nth), fault);
    }

    /// Every message to this number or address meets this fault.
    pub fn always_for(&self, channel: Channel, recipient: &str, fault: Fault) {
        self.add(channel, When::Recipient(recipient.to_owned()), fault);
    }

    /// The next message to this number or address meets this fault. Calls queue up.
    pub fn next_to(&self, channel: Channel, recipient: &str, fault: Fault) {
        self.add(channel, When::NextTo(recipient.to_owned()), fault);
    }

    /// Each message meets this fault with this probability, after all scripted rules.
    pub fn sometimes(&self, channel: Channel, probability: f64, fault: Fault) {
        self.add(channel, When::Chance(probability), fault);
    }

    /// Forgets every rule.
    pub fn clear(&self) {
        let mut script = self.0.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.rules.clear();
        self.0.any.store(false, Ordering::Release);
    }

    /// Adds a rule.
    pub fn add(&self, channel: Channel, when: When, fault: Fault) {
        let mut script = self.0.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.rules.push(Rule { channel, when, fault, spent: false });
        self.0.any.store(true, Ordering::Release);
    }

    /// Counts a message and says what goes wrong with it, if anything.
    pub(crate) fn meet(&self, channel: Channel, recipient: &str) -> Option<Fault> {
        let slot = match channel {
            Channel::Sms => 0,
            Channel::HttpSms => 1,
            Channel::Email => 2,
        };
        let nth = self.0.seen.get(slot)?.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        let mut script = self.0.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.meet(channel, recipient, nth)
    }
}

impl Script {
    fn meet(&mut self, channel: Channel, recipient: &str, nth: u64) -> Option<Fault> {
        let Self { rules, chance } = self;
        let scripted = rules.iter_mut().find(|rule| {
            rule.channel == channel
                && !rule.spent
                && match &rule.when {
                    When::Next => true,
                    When::Nth(n) => *n == nth,
                    When::Recipient(who) | When::NextTo(who) => same_address(who, recipient),
                    When::Chance(_) => false,
                }
        });
        if let Some(rule) = scripted {
            rule.spent = !matches!(rule.when, When::Recipient(_));
            let fault = rule.fault;
            rules.retain(|rule| !rule.spent);
            return Some(fault);
        }
        rules.iter().filter(|rule| rule.channel == channel).find_map(|rule| match rule.when {
            When::Chance(probability) => (chance.unit() < probability).then_some(rule.fault),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripted_faults_hit_whom_they_are_for_and_are_spent() {
        let faults = Faults::new(1);
        faults.next(Channel::Sms, Fault::Throttle);
        faults.nth(Channel::Sms, 3, Fault::Temporary);
        faults.next_to(Channel::Sms, "+1 555 0100", Fault::DropBeforeAnswer);
        faults.always_for(Channel::Email, "A@Example.com", Fault::Permanent);

        assert_eq!(faults.meet(Channel::HttpSms, "+15550199"), None);
        assert_eq!(faults.meet(Channel::Sms, "+15550199"), Some(Fault::Throttle));
        assert_eq!(faults.meet(Channel::Sms, "15550100"), Some(Fault::DropBeforeAnswer));
        assert_eq!(faults.meet(Channel::Sms, "+15550100"), Some(Fault::Temporary));
        assert_eq!(faults.meet(Channel::Sms, "+15550100"), None);
        for _ in 0..3 {
            assert_eq!(faults.meet(Channel::Email, "a@example.com"), Some(Fault::Permanent));
        }
        assert_eq!(faults.meet(Channel::Email, "b@example.com"), None);
        faults.clear();
        assert_eq!(faults.meet(Channel::Email, "a@example.com"), None);
    }

    #[test]
    fn random_faults_repeat_with_the_seed_and_keep_their_rate() {
        let run = |seed| {
            let faults = Faults::new(seed);
            faults.sometimes(Channel::Sms, 0.1, Fault::LostReceipt);
            (0..5000).map(|_| faults.meet(Channel::Sms, "+15550100").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let hits = run(1).into_iter().filter(|hit| *hit).count();
        assert!((400..600).contains(&hits), "{hits}");
    }
}
