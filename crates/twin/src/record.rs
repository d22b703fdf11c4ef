//! What the world received and what it sent, in its own words: the witness that invariants are
//! checked against. Nothing here comes from the program under observation except over the wire.

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::faults::{Channel, Fault};
use crate::number::{address_key, same_address};
use crate::patients::ReplyKind;

/// One text as it reached a carrier: whole, after its parts were put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// When the last part came.
    pub at: Timestamp,
    /// Through which door.
    pub channel: Channel,
    /// The sender's number or name.
    pub from: String,
    /// The phone.
    pub to: String,
    /// The words on the phone.
    pub text: String,
    /// Of how many parts the text was made.
    pub parts: u16,
    /// The ids the carrier gave, in the form it gave them, one for each part; empty if refused.
    pub ids: Vec<String>,
    /// Whether the carrier took it.
    pub outcome: Outcome,
    /// What went wrong on purpose.
    pub fault: Option<Fault>,
}

/// Whether the carrier took a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Taken: from here on it is the carrier's.
    Taken,
    /// Refused with this code of the channel's protocol.
    Refused(String),
}

/// What the carrier says has become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// On its way (`ENROUTE`, "sent").
    OnItsWay,
    /// On the phone.
    Delivered,
    /// Not deliverable.
    Undeliverable,
    /// Given up after trying.
    Expired,
}

/// One delivery receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The twin's number for this act.
    pub id: u64,
    /// When it was first sent.
    pub at: Timestamp,
    /// Through which door.
    pub channel: Channel,
    /// The id of the message, as the receipt writes it.
    pub message_id: String,
    /// The phone that the message was for.
    pub to: String,
    /// What it says.
    pub state: DeliveryState,
    /// The error it names (30003 and so on), if any.
    pub error: Option<u16>,
    /// When the other side acknowledged it.
    pub acked_at: Option<Timestamp>,
}

/// One text from a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The twin's number for this act.
    pub id: u64,
    /// When it was first sent.
    pub at: Timestamp,
    /// Through which door.
    pub channel: Channel,
    /// The patient's phone.
    pub from: String,
    /// The practice's number.
    pub to: String,
    /// The words.
    pub text: String,
    /// What they mean.
    pub kind: ReplyKind,
    /// When the other side acknowledged it: from then on a STOP binds.
    pub acked_at: Option<Timestamp>,
}

/// One mail, for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When it was taken or refused.
    pub at: Timestamp,
    /// The twin's queue id, as told in the answer; empty if refused.
    pub queue_id: String,
    /// Sender in the envelope: where a bounce would go.
    pub envelope_from: String,
    /// Recipient in the envelope.
    pub to: String,
    /// All header fields, unfolded, in order.
    pub headers: Vec<(String, String)>,
    /// The decoded subject.
    pub subject: String,
    /// The decoded text body.
    pub text: String,
    /// The decoded HTML body, if there is one.
    pub html: Option<String>,
    /// The mail as it came, lossily as UTF-8.
    pub raw: String,
    /// How the connection was protected; `None` is clear text.
    pub tls: Option<TlsFacts>,
    /// Who had signed in.
    pub user: Option<String>,
    /// DSN envelope id (RFC 3461).
    pub envelope_id: Option<String>,
    /// DSN notify list (RFC 3461), as sent.
    pub notify: Option<String>,
    /// Whether it was taken.
    pub outcome: Outcome,
    /// What went wrong on purpose.
    pub fault: Option<Fault>,
}

impl Mail {
    /// The value of the first header field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// How a mail connection was protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// For example `TLSv1_3`.
    pub version: String,
    /// For example `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// TLS from the first byte (true) or after STARTTLS (false).
    pub implicit: bool,
    /// The name the client asked for.
    pub server_name: Option<String>,
}

/// One delivery status notification sent back (RFC 3464).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounce {
    /// The twin's number for this act.
    pub id: u64,
    /// When it was first sent.
    pub at: Timestamp,
    /// The mailbox it went to.
    pub to: String,
    /// The mailbox it is about.
    pub recipient: String,
    /// `failed`, `delayed` or `delivered`.
    pub action: String,
    /// Enhanced status code.
    pub status: String,
    /// When the other side took it.
    pub acked_at: Option<Timestamp>,
}

/// One press of one-click unsubscribe (RFC 8058).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Click {
    /// The twin's number for this act.
    pub id: u64,
    /// When it was first sent.
    pub at: Timestamp,
    /// Whose mail offered it.
    pub who: String,
    /// The address that was posted to.
    pub url: String,
    /// When the other side answered with success.
    pub acked_at: Option<Timestamp>,
}

/// A block at the carrier, which the practice learns of only from refusals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Since when.
    pub at: Timestamp,
    /// Who.
    pub address: String,
}

/// Exact counts, also where nothing is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Whole texts taken.
    pub texts: u64,
    /// Parts of texts taken (each a `submit_sm`).
    pub parts: u64,
    /// Texts or parts refused.
    pub refused: u64,
    /// Receipts acknowledged by the other side.
    pub receipts_acked: u64,
    /// Replies acknowledged by the other side.
    pub replies_acked: u64,
    /// Mails taken.
    pub mails: u64,
    /// Mails refused.
    pub mails_refused: u64,
    /// Bounces and other notifications acknowledged.
    pub bounces_acked: u64,
    /// One-click requests answered with success.
    pub clicks_acked: u64,
    /// Receipts, replies, bounces or clicks given up after several tries.
    pub given_up: u64,
    /// SMPP binds accepted since the start.
    pub binds: u64,
}

/// Everything the world knows, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Texts received.
    pub texts: Vec<Text>,
    /// Receipts sent.
    pub receipts: Vec<Receipt>,
    /// Replies sent.
    pub replies: Vec<Reply>,
    /// Mails received.
    pub mails: Vec<Mail>,
    /// Bounces sent.
    pub bounces: Vec<Bounce>,
    /// One-click unsubscribes sent.
    pub clicks: Vec<Click>,
    /// Blocks at the carrier.
    pub blocks: Vec<Block>,
    /// How many of each there were.
    pub counts: Counts,
    /// How many of the oldest items were dropped to bound memory; a check over a record with
    /// forgotten items is not proof.
    pub forgotten: u64,
    /// Where in its list an act stands, by the act's number.
    pub(crate) places: HashMap<u64, Place>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Receipt(usize),
    Reply(usize),
    Bounce(usize),
    Click(usize),
}

/// A text that should not have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which rule.
    pub rule: &'static str,
    /// The phone or mailbox.
    pub to: String,
    /// When.
    pub at: Timestamp,
    /// The words.
    pub text: String,
}

/// What may still be sent to a number that said stop.
#[derive(Debug, Clone, Copy)]
pub struct AfterStop {
    /// How many texts may still follow (TEL-13: one confirmation).
    pub confirmations: usize,
    /// Within which time of the stop's acknowledgement.
    pub within: SignedDuration,
}

impl Default for AfterStop {
    /// One text within five minutes (TEL-13).
    fn default() -> Self {
        Self { confirmations: 1, within: SignedDuration::from_mins(5) }
    }
}

impl Record {
    /// Texts taken for this number, oldest first.
    pub fn texts_to<'a>(&'a self, number: &'a str) -> impl Iterator<Item = &'a Text> + 'a {
        let taken = self.texts.iter().filter(|t| t.outcome == Outcome::Taken);
        taken.filter(move |t| same_address(&t.to, number))
    }

    /// Mails taken for this mailbox, oldest first.
    pub fn mails_to<'a>(&'a self, mailbox: &'a str) -> impl Iterator<Item = &'a Mail> + 'a {
        let taken = self.mails.iter().filter(|m| m.outcome == Outcome::Taken);
        taken.filter(move |m| same_address(&m.to, mailbox))
    }

    /// Replies from this number, oldest first.
    pub fn replies_from<'a>(&'a self, number: &'a str) -> impl Iterator<Item = &'a Reply> + 'a {
        self.replies.iter().filter(move |r| same_address(&r.from, number))
    }

    /// The receipts for the message with this id, in the order of sending.
    pub fn receipts_for<'a>(&'a self, message_id: &'a str) -> impl Iterator<Item = &'a Receipt> {
        self.receipts.iter().filter(move |r| r.message_id == message_id)
    }

    /// What became of a text, as the carrier itself knows it: also where it told nobody, or told
    /// otherwise.
    pub fn state_of(&self, text: &Text, receipt_id: &str) -> DeliveryState {
        let told = self.receipts_for(receipt_id).max_by_key(|r| r.state != DeliveryState::OnItsWay);
        match (told, text.fault) {
            (Some(_), Some(Fault::FalseReceipt)) => DeliveryState::Undeliverable,
            (Some(receipt), _) => receipt.state,
            (None, Some(Fault::LostReceipt)) => DeliveryState::Delivered,
            (None, _) => DeliveryState::OnItsWay,
        }
    }

    /// Texts that the carrier took and did not lose, oldest first.
    pub fn kept(&self, channel: Channel) -> impl DoubleEndedIterator<Item = &Text> {
        self.texts.iter().filter(move |text| {
            text.channel == channel
                && text.outcome == Outcome::Taken
                && text.fault != Some(Fault::Mislaid)
        })
    }

    /// The text with this id, in the form the carrier gave it, where it has not lost it.
    pub fn known(&self, channel: Channel, id: &str) -> Option<&Text> {
        self.kept(channel).rev().find(|text| text.ids.iter().any(|known| known == id))
    }

    /// Texts that reached a carrier for a number whose owner had said stop, and whose stop the
    /// other side had acknowledged (TEL-12), beyond what `allowed` lets through. A later START
    /// lifts the stop. A text in an emergency answers the patient's own text and is not counted
    /// when the last thing the patient said was the emergency.
    pub fn sent_after_stop(&self, allowed: AfterStop) -> Vec<Breach> {
        let mut said: BTreeMap<String, Vec<&Reply>> = BTreeMap::new();
        for reply in &self.replies {
            said.entry(address_key(&reply.from)).or_default().push(reply);
        }
        let mut used: HashMap<u64, usize> = HashMap::new();
        let mut breaches = Vec::new();
        for text in self.texts.iter().filter(|t| t.outcome == Outcome::Taken) {
            let heard = said.get(&address_key(&text.to)).map(Vec::as_slice).unwrap_or_default();
            let Some((stop, acked)) = stop_in_force(heard, text.at) else { continue };
            let used = used.entry(stop).or_default();
            *used += 1;
            if *used > allowed.confirmations || text.at.duration_since(acked) > allowed.within {
                breaches.push(breach("sent_after_stop", text));
            }
        }
        breaches
    }

    /// Texts taken outside these local hours (`from` up to but without `to`) of their recipient;
    /// a number without a zone is left out.
    pub fn sent_outside_hours(
        &self,
        from: i8,
        to: i8,
        zone: impl Fn(&str) -> Option<TimeZone>,
    ) -> Vec<Breach> {
        let taken = self.texts.iter().filter(|t| t.outcome == Outcome::Taken);
        let outside = taken.filter(|text| {
            zone(&text.to).is_some_and(|zone| {
                let hour = text.at.to_zoned(zone).hour();
                hour < from || hour >= to
            })
        });
        outside.map(|text| breach("sent_outside_hours", text)).collect()
    }

    /// Texts and mails taken for an address that `forbidden` names (the deceased, the opted-out).
    pub fn sent_to(&self, forbidden: impl Fn(&str) -> bool) -> Vec<Breach> {
        let texts = self.texts.iter().filter(|t| t.outcome == Outcome::Taken && forbidden(&t.to));
        let mails = self.mails.iter().filter(|m| m.outcome == Outcome::Taken && forbidden(&m.to));
        let mut breaches: Vec<Breach> = texts.map(|text| breach("sent_to", text)).collect();
        breaches.extend(mails.map(|mail| Breach {
            rule: "sent_to",
            to: mail.to.clone(),
            at: mail.at,
            text: mail.subject.clone(),
        }));
        breaches
    }
}

fn breach(rule: &'static str, text: &Text) -> Breach {
    Breach { rule, to: text.to.clone(), at: text.at, text: text.text.clone() }
}

/// The stop that binds at this time, with the time from which it does.
fn stop_in_force(heard: &[&Reply], at: Timestamp) -> Option<(u64, Timestamp)> {
    let mut stop = None;
    for reply in heard {
        let Some(acked) = reply.acked_at.filter(|acked| *acked < at) else { continue };
        match reply.kind {
            kind if kind.is_opt_out() => stop = stop.or(Some((reply.id, acked))),
            ReplyKind::OptIn | ReplyKind::Emergency => stop = None,
            _ => {}
        }
    }
    stop
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        let noon: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        noon + SignedDuration::from_mins(minute)
    }

    fn text(minute: i64, to: &str, outcome: Outcome) -> Text {
        Text {
            at: at(minute),
            channel: Channel::Sms,
            from: "+12065550199".into(),
            to: to.into(),
            text: format!("text {minute}"),
            parts: 1,
            ids: vec![],
            outcome,
            fault: None,
        }
    }

    fn reply(id: u64, minute: i64, kind: ReplyKind, acked: Option<i64>) -> Reply {
        Reply {
            id,
            at: at(minute),
            channel: Channel::Sms,
            from: "+12065550100".into(),
            to: "+12065550199".into(),
            text: String::new(),
            kind,
            acked_at: acked.map(at),
        }
    }

    fn breaches(texts: &[i64], replies: Vec<Reply>) -> Vec<String> {
        let texts = texts.iter().map(|m| text(*m, "12065550100", Outcome::Taken)).collect();
        let record = Record { texts, replies, ..Record::default() };
        record.sent_after_stop(AfterStop::default()).into_iter().map(|b| b.text).collect()
    }

    #[test]
    fn one_confirmation_soon_after_a_stop_is_allowed_and_nothing_more() {
        let stop = || reply(1, 10, ReplyKind::OptOut, Some(10));
        assert_eq!(breaches(&[5, 9], vec![stop()]), Vec::<String>::new());
        assert_eq!(breaches(&[5, 11], vec![stop()]), Vec::<String>::new());
        assert_eq!(breaches(&[11, 12], vec![stop()]), ["text 12"]);
        assert_eq!(breaches(&[16], vec![stop()]), ["text 16"]);
        assert_eq!(breaches(&[11], vec![reply(1, 10, ReplyKind::OptOut, None)]), [""; 0]);
        assert_eq!(breaches(&[30], vec![reply(1, 10, ReplyKind::Confirm, Some(10))]), [""; 0]);
        assert_eq!(
            breaches(&[30], vec![stop(), reply(2, 20, ReplyKind::OptIn, Some(20))]),
            [""; 0]
        );
    }

    #[test]
    fn refused_texts_and_other_numbers_are_no_breach() {
        let record = Record {
            texts: vec![
                text(30, "+12065550100", Outcome::Refused("0x0B".into())),
                text(30, "+12065550101", Outcome::Taken),
            ],
            replies: vec![reply(1, 10, ReplyKind::OptOut, Some(10))],
            ..Record::default()
        };
        assert_eq!(record.sent_after_stop(AfterStop::default()), []);
        assert_eq!(record.sent_to(|number| number.ends_with("0101")).len(), 1);
        assert_eq!(record.texts_to("(206) 555-0101").count(), 1);
        assert_eq!(record.texts_to("+12065550100").count(), 0);
    }

    #[test]
    fn hours_are_those_of_the_recipient() {
        let record =
            Record { texts: vec![text(0, "+12065550100", Outcome::Taken)], ..Record::default() };
        let zone = |name: &str| TimeZone::get(name).unwrap();
        // 20:00 UTC is noon on the Pacific and five in the morning in Japan.
        let pacific = record.sent_outside_hours(9, 20, |_| Some(zone("America/Los_Angeles")));
        let japan = record.sent_outside_hours(9, 20, |_| Some(zone("Asia/Tokyo")));
        assert_eq!((pacific.len(), japan.len()), (0, 1));
    }
}
