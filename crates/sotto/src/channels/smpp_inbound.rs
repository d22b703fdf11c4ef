//! What an SMSC delivers, as events; the parts of a long reply as one. No socket and no clock.
//!
//! Nothing is acknowledged before it is stored, parts included: a text whose parts do not arrive
//! together (some carriers send the next only after the answer to the last) is told in pieces
//! rather than held only in memory.
//!
//! `deliver_sm` has no id (SMPP 3.4 §4.6.1). Within one run of the program this module tells what
//! was delivered again after a lost connection from what a patient said again; across runs
//! `inbound::receive` does, by a digest of what this module passes on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use gate::{Address, Channel, PhoneNumber};
use smpp::{Delivered, MessageIdForm, Receipt, ReceiptState, ReplyPart, ShortMessage};

use super::{
    AdapterName, CarrierCodes, CarrierEvent, CarrierReceipt, Failure, FailureKind, ReceiptStatus,
    Reply, Unnamed,
};

/// How long before a loss an acknowledgement may have been lost with the connection.
const ACK_MAY_BE_LOST: Duration = Duration::from_secs(10);
/// How long after a loss or a refusal the carrier may deliver the same again.
const DELIVERED_AGAIN_WITHIN: Duration = Duration::from_secs(600);

/// An event, and the deliveries to acknowledge once it is stored.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) event: CarrierEvent,
    pub(super) sequences: Vec<u32>,
}

/// What to do with a delivery.
#[derive(Debug)]
pub(super) enum Heard {
    /// Tell it.
    Ready(Ready),
    /// Wait for the other parts.
    Wait,
    /// Nothing can ever be made of it: acknowledge it, so that it does not come for ever.
    Useless,
}

/// How this carrier writes things.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialect {
    pub(super) id_form: MessageIdForm,
    pub(super) codes: CarrierCodes,
    pub(super) country_code: String,
    pub(super) parts_within: Duration,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    from: String,
    to: String,
    reference: u16,
    total: u8,
}

struct Partial {
    deadline: Duration,
    parts: BTreeMap<u8, ReplyPart>,
    sequences: Vec<u32>,
}

/// How many arrivals that will be delivered again are remembered.
const MOST_AGAIN: usize = 4_096;

/// After this long without our acknowledgement the carrier may deliver again over the same
/// connection. Until then the same words are said again, by a patient in a hurry.
const UNANSWERED: Duration = Duration::from_secs(10);

/// An arrival that was told, to recognise it when it is delivered again.
struct Told {
    at: Duration,
    digest: [u8; 32],
    carrier_id: String,
    sequences: Vec<u32>,
    acknowledged_at: Option<Duration>,
}

pub(super) struct Inbound {
    dialect: Dialect,
    run: String,
    count: u64,
    partial: BTreeMap<Key, Partial>,
    told: VecDeque<Told>,
    /// Those that the carrier will deliver again, since it was not told otherwise, or refused.
    again: VecDeque<Told>,
    again_since: Duration,
}

impl Inbound {
    /// `run` is different in every run of the program; it makes ids unique.
    pub(super) fn new(dialect: Dialect, run: String) -> Self {
        Self {
            dialect,
            run,
            count: 0,
            partial: BTreeMap::new(),
            told: VecDeque::new(),
            again: VecDeque::new(),
            again_since: Duration::ZERO,
        }
    }

    pub(super) fn delivery(
        &mut self,
        sequence: u32,
        message: &ShortMessage,
        now: Duration,
    ) -> Heard {
        match message.delivered() {
            Delivered::Receipt(receipt) => Heard::Ready(Ready {
                event: CarrierEvent::Receipt(self.receipt(&receipt, &message.source)),
                sequences: vec![sequence],
            }),
            Delivered::UnreadableReceipt => Heard::Useless,
            Delivered::Reply(part) => self.part(sequence, part, now),
        }
    }

    fn part(&mut self, sequence: u32, part: ReplyPart, now: Duration) -> Heard {
        let Some(concat) = part.concat else {
            return self
                .reply(vec![part], vec![sequence], false, now)
                .map_or(Heard::Useless, Heard::Ready);
        };
        let key = Key {
            from: part.from.reveal().to_owned(),
            to: part.to.reveal().to_owned(),
            reference: concat.reference,
            total: concat.total,
        };
        let deadline = now + self.dialect.parts_within;
        // Bounded by the session's inbound window: each part is an open delivery.
        let partial = self.partial.entry(key.clone()).or_insert_with(|| Partial {
            deadline,
            parts: BTreeMap::new(),
            sequences: Vec::new(),
        });
        partial.sequences.push(sequence);
        partial.parts.insert(concat.number, part);
        if partial.parts.len() < usize::from(concat.total) {
            return Heard::Wait;
        }
        match self.partial.remove(&key) {
            Some(whole) => {
                let parts = whole.parts.into_values().collect();
                self.reply(parts, whole.sequences, false, now).map_or(Heard::Useless, Heard::Ready)
            }
            None => Heard::Wait,
        }
    }

    /// The texts whose missing parts did not come in time. `Err` holds deliveries to acknowledge
    /// of which nothing can be made.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Result<Ready, Vec<u32>>> {
        let due: Vec<Key> = self
            .partial
            .iter()
            .filter(|(_, partial)| partial.deadline <= now)
            .map(|(key, _)| key.clone())
            .collect();
        let late: Vec<_> = due.iter().filter_map(|key| self.partial.remove(key)).collect();
        late.into_iter()
            .map(|late| {
                let sequences = late.sequences.clone();
                let parts = late.parts.into_values().collect();
                self.reply(parts, late.sequences, true, now).ok_or(sequences)
            })
            .collect()
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.partial.values().map(|partial| partial.deadline).min()
    }

    /// These deliveries were acknowledged, because they are stored.
    pub(super) fn acknowledged(&mut self, sequences: &[u32], now: Duration) {
        let told = self.told.iter_mut().rev().find(|told| told.sequences == sequences);
        if let Some(told) = told {
            told.acknowledged_at = Some(now);
            // It has come again, if it was to.
            self.again.retain(|again| again.carrier_id != told.carrier_id);
        }
        let sure = |told: &Told| {
            told.acknowledged_at.is_some_and(|at| now.saturating_sub(at) > ACK_MAY_BE_LOST)
        };
        while self.told.front().is_some_and(sure) {
            self.told.pop_front();
        }
    }

    /// These deliveries were refused, because it is not known that they are stored: they will come
    /// again, and be the same.
    pub(super) fn refused(&mut self, sequences: &[u32], now: Duration) {
        let at = self.told.iter().rposition(|told| told.sequences == sequences);
        if let Some(told) = at.and_then(|at| self.told.remove(at)) {
            self.expect_again([told], now);
        }
    }

    /// The connection is gone: what was not acknowledged will be delivered again.
    pub(super) fn lost(&mut self, now: Duration) {
        self.partial.clear();
        let told = std::mem::take(&mut self.told);
        let unsure = |told: &Told| {
            told.acknowledged_at.is_none_or(|at| now.saturating_sub(at) <= ACK_MAY_BE_LOST)
        };
        self.expect_again(told.into_iter().filter(unsure), now);
    }

    fn expect_again(&mut self, told: impl IntoIterator<Item = Told>, now: Duration) {
        self.again_since = now;
        self.again.extend(told);
        let over = self.again.len().saturating_sub(MOST_AGAIN);
        self.again.drain(..over);
    }

    fn reply(
        &mut self,
        parts: Vec<ReplyPart>,
        sequences: Vec<u32>,
        incomplete: bool,
        now: Duration,
    ) -> Option<Ready> {
        let first = parts.first()?;
        let from = self.phone(&first.from)?;
        let to = first.to.reveal_e164(&self.dialect.country_code);
        let to = to.unwrap_or_else(|| first.to.reveal().to_owned());
        let carrier_id = self.recognise(&parts, &sequences, now);
        let octets = parts.iter().map(|part| (part.data_coding, part.octets.as_ref()));
        let body = smpp::join(octets);
        let (adapter, channel) = (AdapterName::SmsSmpp, Channel::Sms);
        let unnamed = Some(Unnamed { run: self.run.clone(), references: references(&parts) });
        let reply = Reply { adapter, carrier_id, channel, from, to, body, incomplete, unnamed };
        Some(Ready { event: CarrierEvent::Reply(reply), sequences })
    }

    fn phone(&self, address: &smpp::Address) -> Option<Address> {
        let number = address.reveal_e164(&self.dialect.country_code)?;
        PhoneNumber::from_e164(&number).ok().map(Address::Phone)
    }

    /// The id of an arrival: the earlier one if this was told before the connection was lost.
    fn recognise(&mut self, parts: &[ReplyPart], sequences: &[u32], now: Duration) -> String {
        let mut text = Vec::new();
        for part in parts {
            for field in [part.from.reveal().as_bytes(), part.to.reveal().as_bytes(), &part.octets]
            {
                text.extend_from_slice(&(field.len() as u64).to_be_bytes());
                text.extend_from_slice(field);
            }
            text.push(part.concat.map_or(0, |concat| concat.number));
        }
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(digest(&SHA256, &text).as_ref()) {
            *to = *from;
        }
        if now.saturating_sub(self.again_since) > DELIVERED_AGAIN_WITHIN {
            self.again.clear();
        }
        let again = self.again.iter().position(|told| told.digest == key);
        let again = again.and_then(|at| self.again.remove(at)).map(|told| told.carrier_id);
        let carrier_id = again.or_else(|| self.unanswered(&key, now)).unwrap_or_else(|| {
            self.count += 1;
            format!("{}-{}", self.run, self.count)
        });
        self.told.push_back(Told {
            at: now,
            digest: key,
            carrier_id: carrier_id.clone(),
            sequences: sequences.to_vec(),
            acknowledged_at: None,
        });
        carrier_id
    }

    /// The id of the same words that have waited too long for our acknowledgement.
    fn unanswered(&self, digest: &[u8; 32], now: Duration) -> Option<String> {
        let waits = |told: &&Told| {
            told.acknowledged_at.is_none() && now.saturating_sub(told.at) >= UNANSWERED
        };
        let told = self.told.iter().filter(waits).find(|told| told.digest == *digest);
        told.map(|told| told.carrier_id.clone())
    }

    fn receipt(&self, receipt: &Receipt, phone: &smpp::Address) -> CarrierReceipt {
        let (status, kind) = meaning(receipt.state);
        let code = receipt.error.as_deref().unwrap_or("");
        let kind = kind.map(|kind| self.dialect.codes.meaning(code).unwrap_or(kind));
        CarrierReceipt {
            adapter: AdapterName::SmsSmpp,
            carrier_id: self.dialect.id_form.of_receipt(&receipt.id),
            to: self.phone(phone),
            status,
            failure: kind.map(|kind| Failure::coded(kind, code)),
            // The carrier's dates are in a zone it does not name.
            occurred_at: None,
        }
    }
}

/// What a message's state says of its delivery, in a receipt as in the answer to a query.
pub(super) const fn meaning(state: ReceiptState) -> (ReceiptStatus, Option<FailureKind>) {
    match state {
        ReceiptState::EnRoute | ReceiptState::Accepted => (ReceiptStatus::EnRoute, None),
        ReceiptState::Delivered => (ReceiptStatus::Delivered, None),
        ReceiptState::Expired => (ReceiptStatus::Expired, Some(FailureKind::Expired)),
        ReceiptState::Undeliverable | ReceiptState::Deleted => {
            (ReceiptStatus::Undelivered, Some(FailureKind::Rejected))
        }
        ReceiptState::Rejected => (ReceiptStatus::Rejected, Some(FailureKind::Rejected)),
        ReceiptState::Unknown => (ReceiptStatus::Unknown, None),
    }
}

/// What a phone numbers its messages with. The same in each delivery of one message, and another
/// in the next, where there is any.
fn references(parts: &[ReplyPart]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        if let Some(concat) = part.concat {
            let [high, low] = concat.reference.to_be_bytes();
            all.extend_from_slice(&[b'c', high, low, concat.total, concat.number]);
        }
        if let Some(reference) = part.reference {
            let [high, low] = reference.to_be_bytes();
            all.extend_from_slice(&[b'u', high, low]);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(50);

    fn inbound() -> Inbound {
        let dialect = Dialect {
            country_code: "1".into(),
            parts_within: Duration::from_secs(5),
            codes: CarrierCodes { opted_out: vec!["0051".into()], ..CarrierCodes::default() },
            ..Dialect::default()
        };
        Inbound::new(dialect, "run".into())
    }

    fn messages(text: &str) -> Vec<ShortMessage> {
        let from = smpp::Address::parse("+12125550100").unwrap();
        let to = smpp::Address::parse("72404").unwrap();
        let segments = smpp::split(text, 3).unwrap().into_iter();
        segments.map(|s| ShortMessage::submit(from.clone(), to.clone(), s, false)).collect()
    }

    fn reply(heard: Heard) -> (Reply, Vec<u32>) {
        match heard {
            Heard::Ready(Ready { event: CarrierEvent::Reply(reply), sequences }) => {
                (reply, sequences)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_long_reply_is_one_event_that_acknowledges_every_part() {
        let mut inbound = inbound();
        let parts = messages(&"😀".repeat(50));
        assert!(matches!(inbound.delivery(8, &parts[1], NOW), Heard::Wait));
        let (whole, sequences) = reply(inbound.delivery(9, &parts[0], NOW));
        assert_eq!((whole.body.as_str(), whole.incomplete), ("😀".repeat(50).as_str(), false));
        assert_eq!(sequences, [8, 9]);
        assert_eq!((whole.from.reveal(), whole.to.as_str()), ("+12125550100", "72404"));
    }

    #[test]
    fn parts_alone_are_told_in_pieces() {
        let mut inbound = inbound();
        inbound.delivery(8, &messages(&"a".repeat(200))[1], NOW);
        assert_eq!(inbound.next_due(), Some(NOW + Duration::from_secs(5)));
        assert!(inbound.due(NOW + Duration::from_secs(4)).is_empty());
        let mut due = inbound.due(NOW + Duration::from_secs(5));
        let ready = due.pop().unwrap().unwrap();
        let (piece, sequences) = reply(Heard::Ready(ready));
        assert_eq!((piece.body.len(), piece.incomplete, sequences), (47, true, vec![8]));
    }

    #[test]
    fn delivered_again_after_a_loss_is_the_same_arrival_and_said_twice_is_not() {
        let mut inbound = inbound();
        let message = &messages("C")[0];
        let (first, sequences) = reply(inbound.delivery(1, message, NOW));
        let (second, _) = reply(inbound.delivery(2, message, NOW));
        assert_ne!(first.carrier_id, second.carrier_id);
        inbound.acknowledged(&sequences, NOW);
        inbound.acknowledged(&[2], NOW);
        // The acknowledgements may have been lost with the connection.
        inbound.lost(NOW + Duration::from_secs(1));
        let again = [1, 2].map(|s| reply(inbound.delivery(s, message, NOW)).0.carrier_id);
        assert!(again.contains(&first.carrier_id) && again.contains(&second.carrier_id));
        let (third, _) = reply(inbound.delivery(3, message, NOW));
        assert!(!again.contains(&third.carrier_id));
    }

    #[test]
    fn refused_and_delivered_again_is_the_same_arrival() {
        let mut inbound = inbound();
        let message = &messages("HELP ME")[0];
        let (first, sequences) = reply(inbound.delivery(1, message, NOW));
        inbound.refused(&sequences, NOW);
        let (again, sequences) = reply(inbound.delivery(2, message, NOW));
        assert_eq!(again.carrier_id, first.carrier_id);
        // Refused once more, and then the connection is lost.
        inbound.refused(&sequences, NOW);
        inbound.lost(NOW);
        let (again, sequences) = reply(inbound.delivery(1, message, NOW));
        assert_eq!(again.carrier_id, first.carrier_id);
        inbound.acknowledged(&sequences, NOW);
        let (said_again, _) = reply(inbound.delivery(2, message, NOW));
        assert_ne!(said_again.carrier_id, first.carrier_id);
    }

    #[test]
    fn delivered_again_for_want_of_an_answer_is_the_same_arrival() {
        let mut inbound = inbound();
        let message = &messages("C")[0];
        let (first, sequences) = reply(inbound.delivery(1, message, NOW));
        let soon = NOW + Duration::from_secs(9);
        let (said_again, _) = reply(inbound.delivery(2, message, soon));
        assert_ne!(said_again.carrier_id, first.carrier_id);
        let late = NOW + Duration::from_secs(30);
        let (again, _) = reply(inbound.delivery(3, message, late));
        assert_eq!(again.carrier_id, first.carrier_id);
        // Stored at last: the next one is new.
        for sequences in [sequences, vec![2], vec![3]] {
            inbound.acknowledged(&sequences, late);
        }
        let (new, _) = reply(inbound.delivery(4, message, late + Duration::from_secs(30)));
        assert!(![first.carrier_id, said_again.carrier_id].contains(&new.carrier_id));
    }

    #[test]
    fn refused_once_of_twice_delivered_leaves_nothing_behind() {
        let mut inbound = inbound();
        let message = &messages("C")[0];
        let (first, sequences) = reply(inbound.delivery(1, message, NOW));
        let late = NOW + Duration::from_secs(30);
        reply(inbound.delivery(2, message, late));
        inbound.refused(&sequences, late);
        inbound.acknowledged(&[2], late);
        let (new, _) = reply(inbound.delivery(3, message, late));
        assert_ne!(new.carrier_id, first.carrier_id);
    }

    #[test]
    fn another_run_knows_an_arrival_by_its_words_and_references() {
        let told = |run: &str, message: &ShortMessage| {
            let mut inbound = inbound();
            inbound.run = run.into();
            let (reply, _) = reply(inbound.delivery(1, message, NOW));
            (reply.carrier_id, reply.unnamed.unwrap())
        };
        let mut message = messages("C")[0].clone();
        let (first, again) = (told("a", &message), told("b", &message));
        assert_ne!(first.0, again.0);
        assert_eq!((first.1.run.as_str(), again.1.run.as_str()), ("a", "b"));
        assert_eq!(first.1.references, again.1.references);
        message.optional.user_message_reference = Some(7);
        assert_ne!(told("b", &message).1.references, first.1.references);
        let numbered = told("b", &message);
        message.optional.user_message_reference = Some(8);
        assert_ne!(told("b", &message).1.references, numbered.1.references);
    }

    #[test]
    fn long_acknowledged_arrivals_are_forgotten() {
        let mut inbound = inbound();
        let message = &messages("C")[0];
        let (first, sequences) = reply(inbound.delivery(1, message, NOW));
        inbound.acknowledged(&sequences, NOW);
        let later = NOW + Duration::from_secs(60);
        inbound.lost(later);
        let (second, _) = reply(inbound.delivery(1, message, later));
        assert_ne!(first.carrier_id, second.carrier_id);
    }

    #[test]
    fn receipts_become_status_and_failure() {
        let mut inbound = inbound();
        for (text, status, failure) in [
            ("id:0A stat:DELIVRD err:000", ReceiptStatus::Delivered, None),
            ("id:0A stat:UNDELIV err:007", ReceiptStatus::Undelivered, Some(FailureKind::Rejected)),
            ("id:0A stat:REJECTD err:51", ReceiptStatus::Rejected, Some(FailureKind::OptedOut)),
            ("id:0A stat:EXPIRED", ReceiptStatus::Expired, Some(FailureKind::Expired)),
            ("id:0A stat:ACCEPTD", ReceiptStatus::EnRoute, None),
        ] {
            let mut message = messages("")[0].clone();
            message.esm_class = 4;
            message.body = bytes::Bytes::from(text.to_owned());
            let Heard::Ready(Ready { event: CarrierEvent::Receipt(receipt), .. }) =
                inbound.delivery(1, &message, NOW)
            else {
                panic!("{text}")
            };
            assert_eq!(receipt.carrier_id, "a");
            assert_eq!(receipt.status, status, "{text}");
            assert_eq!(receipt.failure.map(|f| f.kind), failure, "{text}");
        }
    }

    #[test]
    fn what_no_patient_can_have_sent_is_useless() {
        let mut message = messages("hello")[0].clone();
        message.source = smpp::Address::parse("CARRIER").unwrap();
        assert!(matches!(inbound().delivery(1, &message, NOW), Heard::Useless));
        message.esm_class = 4;
        assert!(matches!(inbound().delivery(1, &message, NOW), Heard::Useless));
    }
}
