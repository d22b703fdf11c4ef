//! What becomes of a submitted message: the fault, the answer, the record, the receipts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use smpp::wire::{ReplyPart, read_text};
use smpp::{Added, Address, Limits, Reassembler, ShortMessage, Status};

use super::{Arrival, SmscServer};
use crate::faults::{Channel, Fault};
use crate::record::{Outcome, Text};
use crate::world::Sent;

/// Long texts whose parts have not all come are given up beyond so many.
const UNFINISHED: usize = 1_000;

/// Long texts in the making.
pub(super) struct Arrivals(Mutex<Parts>);

struct Parts {
    reassembler: Reassembler,
    /// The ids given so far to the parts of one text.
    ids: HashMap<(String, String, u16), Vec<String>>,
}

impl Default for Arrivals {
    fn default() -> Self {
        let limits = Limits { messages: UNFINISHED, ..Limits::default() };
        let reassembler = Reassembler::new(limits);
        Self(Mutex::new(Parts { reassembler, ids: HashMap::new() }))
    }
}

/// What the connection does about a submitted message.
pub(super) enum Verdict {
    Refuse(Status),
    /// The carrier took it under this id, and `fault` says what happens to the answer.
    Taken {
        message_id: String,
        sent: Option<Sent>,
        fault: Option<Fault>,
    },
    /// The connection closes, and the carrier did not take it.
    Close,
}

impl SmscServer {
    /// Decides about one `submit_sm`.
    pub(super) fn arrived(&self, message: &ShortMessage) -> Verdict {
        let world = &self.world;
        let to = number(&message.destination);
        let fault = world.meet(Channel::Sms, &to);
        let refusal = match fault {
            Some(Fault::Throttle) => Some(Status::THROTTLED),
            Some(Fault::Temporary) => Some(Status::SYSTEM_ERROR),
            Some(Fault::Permanent) => Some(Status::INVALID_DESTINATION),
            Some(Fault::OptedOut) => Some(Status(self.config.opted_out_status)),
            _ => None,
        };
        if let Some(status) = refusal {
            world.recorder.part_refused();
            if world.recorder.keeps_items() {
                self.refused(message, to, status, fault);
            }
            return Verdict::Refuse(status);
        }
        if fault == Some(Fault::DropBeforeAccept) {
            return Verdict::Close;
        }
        self.taken(message, to, fault)
    }

    fn refused(&self, message: &ShortMessage, to: String, status: Status, fault: Option<Fault>) {
        let part = message.part();
        self.world.recorder.text(Text {
            at: self.world.clock.now(),
            channel: Channel::Sms,
            from: number(&message.source),
            to,
            text: read_text(part.data_coding, &part.octets),
            parts: 1,
            ids: Vec::new(),
            outcome: Outcome::Refused(format!("0x{:08X}", status.0)),
            fault,
        });
    }

    fn taken(&self, message: &ShortMessage, to: String, fault: Option<Fault>) -> Verdict {
        let id = self.world.new_message();
        let message_id = self.config.ids.answer(id);
        if let Some(on_submit) = &self.config.on_submit {
            on_submit(&Arrival {
                to: message.destination.reveal(),
                octets: &message.body,
                data_coding: message.data_coding,
                message_id: &message_id,
            });
        }
        let from = number(&message.source);
        let part = message.part();
        let first = part.concat.is_none_or(|place| place.number == 1);
        self.world.recorder.part_taken(first);
        if self.world.recorder.keeps_items() || self.world.inhabited() {
            self.understand(&part, (&from, &to), &message_id, fault);
        }
        let wanted = message.wants_receipt() || !self.config.receipts_on_request;
        let sent = wanted.then(|| Sent {
            channel: Channel::Sms,
            message_id: self.config.ids.receipt(id),
            from,
            to,
            callback: None,
            delay: self.config.receipt_delay,
            tells_progress: false,
        });
        Verdict::Taken { message_id, sent, fault }
    }

    /// Puts the text together; a whole one is recorded and heard.
    fn understand(
        &self,
        part: &ReplyPart,
        (from, to): (&str, &str),
        message_id: &str,
        fault: Option<Fault>,
    ) {
        let (text, ids) = match part.concat {
            None => (read_text(part.data_coding, &part.octets), vec![message_id.to_owned()]),
            Some(place) => {
                let mut parts = self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner);
                let key = (from.to_owned(), to.to_owned(), place.reference);
                parts.ids.entry(key.clone()).or_default().push(message_id.to_owned());
                let now = self.world.clock.real();
                parts.reassembler.expire(now);
                let Added::Whole(text) = parts.reassembler.add(part, now) else {
                    if parts.ids.len() > UNFINISHED {
                        parts.ids.clear();
                    }
                    return;
                };
                (text, parts.ids.remove(&key).unwrap_or_default())
            }
        };
        if !fault.is_some_and(Fault::keeps_from_the_phone) {
            self.world.heard(Channel::Sms, from, to, &text);
        }
        if self.world.recorder.keeps_items() {
            self.world.recorder.text(Text {
                at: self.world.clock.now(),
                channel: Channel::Sms,
                from: from.to_owned(),
                to: to.to_owned(),
                text,
                parts: part.concat.map_or(1, |place| u16::from(place.total)),
                ids,
                outcome: Outcome::Taken,
                fault,
            });
        }
    }
}

/// A number with its plus, or a sender's name as it is.
fn number(address: &Address) -> String {
    let text = address.reveal();
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    if digits && text.len() > 6 { format!("+{text}") } else { text.to_owned() }
}
