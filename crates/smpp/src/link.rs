//! What both ends of a session share: framing, sequence numbers, the window, time limits and the
//! keep-alive. No roles here.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rusmpp::{CommandId, Pdu};
use thiserror::Error;

use crate::status::Status;
use crate::wire::{self, Body, Frame, HEADER};
use crate::write;

/// Limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Requests sent and not yet answered, at most.
    pub window: usize,
    /// Requests received and not yet answered, at most; beyond, the peer is throttled.
    pub inbound_window: usize,
    /// Silence after which the link is tested with `enquire_link` (SMPP 3.4 §7.2).
    pub enquire_after: Duration,
    /// How long an answer may take.
    pub answer_within: Duration,
    /// Octets of the longest data unit taken. `message_payload` alone may hold 64 KiB.
    pub longest_unit: usize,
    /// The first pause after the peer asked to slow down; it doubles up to 32 times this.
    pub throttle_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 50,
            inbound_window: 200,
            enquire_after: Duration::from_secs(30),
            answer_within: Duration::from_secs(30),
            longest_unit: 70_000,
            throttle_pause: Duration::from_millis(500),
        }
    }
}

/// Octets waiting to be written before a peer that does not read is given up.
const MOST_OUTPUT: usize = 4 << 20;
/// Data units with unreadable fields before the peer is given up.
const MOST_UNREADABLE: u32 = 16;
/// Requests whose time ran out that are still remembered for a late answer.
const MOST_LATE: usize = 1_024;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// A length field below 16 or above the limit: the stream cannot be followed any more.
    #[error("the peer sent a data unit of {length} octets; 16 to {most} are allowed")]
    BadLength {
        /// What it said.
        length: u32,
        /// The limit.
        most: usize,
    },
    /// Too many units whose fields cannot be read.
    #[error("the peer sent {0} data units with unreadable fields")]
    Unreadable(u32),
    /// No answer to `enquire_link`.
    #[error("the peer did not answer enquire_link in time")]
    Silent,
    /// No bind, or no answer to it, in time.
    #[error("the bind was not completed in time")]
    BindTimeout,
    /// The carrier refused the bind.
    #[error("the carrier refused the bind with {0}: check system_id, password and system_type")]
    BindRefused(Status),
    /// Output piles up.
    #[error("the peer does not read what is sent to it")]
    NotReading,
    /// One side unbound.
    #[error("the session was unbound")]
    Unbound,
    /// The connection ended under the session.
    #[error("the connection was lost")]
    Lost,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Bind,
    /// A submit_sm or deliver_sm, with the caller's token.
    Message(u64),
    /// A query_sm, with the caller's token.
    Query(u64),
    EnquireLink,
    Unbind,
}

#[derive(Debug)]
struct Pending {
    asked: Asked,
    sent_at: Duration,
    /// Offset in the output behind the unit's last octet.
    end: u64,
}

/// What arrived, for the role to interpret.
#[derive(Debug)]
pub(crate) enum Incoming {
    Request(Frame),
    Answer {
        asked: Asked,
        status: Status,
        body: Body,
        late: bool,
    },
    /// A request's time ran out. It stays known for a late answer.
    TimedOut(Asked),
    /// The session ended with this request open; `written` says whether all of it had left.
    Abandoned {
        asked: Asked,
        written: bool,
    },
    Closed(CloseReason),
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) settings: Settings,
    inbox: BytesMut,
    out: BytesMut,
    /// Octets of the output that the caller has written to the socket.
    written: u64,
    next_sequence: u32,
    pending: HashMap<u32, Pending>,
    /// Sequence numbers in the order they were sent; answered ones are skipped later.
    order: VecDeque<(u32, Duration)>,
    late: VecDeque<(u32, Asked)>,
    messages_open: usize,
    heard_at: Duration,
    enquired: bool,
    unreadable: u32,
    closed: bool,
    pub(crate) incoming: VecDeque<Incoming>,
}

impl Link {
    pub(crate) fn new(settings: Settings, now: Duration) -> Self {
        Self {
            settings,
            inbox: BytesMut::new(),
            out: BytesMut::new(),
            written: 0,
            next_sequence: 1,
            pending: HashMap::new(),
            order: VecDeque::new(),
            late: VecDeque::new(),
            messages_open: 0,
            heard_at: now,
            enquired: false,
            unreadable: 0,
            closed: false,
            incoming: VecDeque::new(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn output(&self) -> &[u8] {
        &self.out
    }

    pub(crate) fn wrote(&mut self, octets: usize) {
        let octets = octets.min(self.out.len());
        self.out.advance(octets);
        self.written += octets as u64;
    }

    /// Messages sent and not yet answered.
    pub(crate) fn open(&self) -> usize {
        self.messages_open
    }

    pub(crate) fn request(&mut self, pdu: Pdu, asked: Asked, now: Duration) -> u32 {
        let sequence = self.next_sequence;
        // SMPP 3.4 §5.1.4: 1 to 0x7FFFFFFF.
        self.next_sequence = if sequence >= 0x7FFF_FFFF { 1 } else { sequence + 1 };
        write::encode(&mut self.out, Status::OK, sequence, pdu);
        let end = self.written + self.out.len() as u64;
        self.pending.insert(sequence, Pending { asked, sent_at: now, end });
        self.order.push_back((sequence, now));
        if matches!(asked, Asked::Message(_)) {
            self.messages_open += 1;
        }
        sequence
    }

    pub(crate) fn answer(&mut self, sequence: u32, status: Status, pdu: Pdu) {
        if !self.closed {
            write::encode(&mut self.out, status, sequence, pdu);
        }
    }

    pub(crate) fn answer_bare(&mut self, sequence: u32, status: Status, id: CommandId) {
        if !self.closed {
            write::encode_bare(&mut self.out, status, sequence, id);
        }
    }

    /// Takes octets from the socket. Memory stays bounded by one data unit plus one read.
    pub(crate) fn receive(&mut self, octets: &[u8], now: Duration) {
        if self.closed {
            return;
        }
        self.heard_at = now;
        self.inbox.extend_from_slice(octets);
        while !self.closed {
            let Some(Ok(head)) = self.inbox.get(..4).map(<[u8; 4]>::try_from) else { return };
            let length = u32::from_be_bytes(head);
            let size = usize::try_from(length).unwrap_or(usize::MAX);
            if !(HEADER..=self.settings.longest_unit).contains(&size) {
                self.answer_bare(0, Status::INVALID_COMMAND_LENGTH, CommandId::GenericNack);
                let most = self.settings.longest_unit;
                return self.close(CloseReason::BadLength { length, most });
            }
            if self.inbox.len() < size {
                return;
            }
            let frame = self.inbox.split_to(size).freeze();
            match wire::decode(&frame) {
                Ok(frame) => self.sort(frame),
                Err(unreadable) => {
                    let (sequence, nack) = (unreadable.sequence, CommandId::GenericNack);
                    self.answer_bare(sequence, Status::INVALID_MESSAGE_LENGTH, nack);
                    self.unreadable += 1;
                    if self.unreadable >= MOST_UNREADABLE {
                        return self.close(CloseReason::Unreadable(self.unreadable));
                    }
                }
            }
            if self.out.len() > MOST_OUTPUT {
                return self.close(CloseReason::NotReading);
            }
        }
    }

    fn sort(&mut self, frame: Frame) {
        let Frame { status, sequence, body } = frame;
        match body {
            Body::EnquireLink => self.answer(sequence, Status::OK, Pdu::EnquireLinkResp),
            Body::Unbind => {
                self.answer(sequence, Status::OK, Pdu::UnbindResp);
                self.close(CloseReason::Unbound);
            }
            Body::Unknown { is_answer: false } => {
                self.answer_bare(sequence, Status::INVALID_COMMAND_ID, CommandId::GenericNack);
            }
            Body::Unknown { is_answer: true } => {}
            Body::Bind(_) | Body::Submit(_) | Body::Deliver(_) | Body::Query { .. } => {
                self.incoming.push_back(Incoming::Request(Frame { status, sequence, body }));
            }
            _ => self.answered(sequence, status, body),
        }
    }

    /// An answer counts only if it fits the request with its number: a peer cannot settle a
    /// message with the answer to something else.
    fn answered(&mut self, sequence: u32, status: Status, body: Body) {
        let fits = |asked: Asked| match asked {
            _ if matches!(body, Body::GenericNack) => true,
            Asked::Bind => matches!(body, Body::BindResp { .. }),
            Asked::Message(_) => matches!(body, Body::SubmitResp { .. } | Body::DeliverResp),
            Asked::Query(_) => matches!(body, Body::QueryResp { .. }),
            Asked::EnquireLink => matches!(body, Body::EnquireLinkResp),
            Asked::Unbind => matches!(body, Body::UnbindResp),
        };
        // A nack that says OK would make a failure look like success.
        let nacked = matches!(body, Body::GenericNack) && status.is_ok();
        let status = if nacked { Status::UNKNOWN_ERROR } else { status };
        if self.pending.get(&sequence).is_some_and(|pending| fits(pending.asked)) {
            let Some(Pending { asked, .. }) = self.pending.remove(&sequence) else { return };
            match asked {
                Asked::Message(_) => self.messages_open -= 1,
                Asked::EnquireLink => self.enquired = false,
                Asked::Bind | Asked::Unbind | Asked::Query(_) => {}
            }
            self.incoming.push_back(Incoming::Answer { asked, status, body, late: false });
        } else if let Some(at) = self.late.iter().position(|(s, a)| *s == sequence && fits(*a))
            && let Some((_, asked)) = self.late.remove(at)
        {
            self.incoming.push_back(Incoming::Answer { asked, status, body, late: true });
        }
    }

    /// Looks at the clock: keep-alive and answers that did not come.
    pub(crate) fn tick(&mut self, now: Duration) {
        while let Some((sequence, sent_at)) = self.order.front().copied() {
            let open = self.pending.get(&sequence).is_some_and(|p| p.sent_at == sent_at);
            if open && now < sent_at + self.settings.answer_within {
                break;
            }
            self.order.pop_front();
            if open {
                self.timed_out(sequence);
            }
        }
        let quiet = now.saturating_sub(self.heard_at) >= self.settings.enquire_after;
        if !self.closed && quiet && !self.enquired {
            self.enquired = true;
            self.request(Pdu::EnquireLink, Asked::EnquireLink, now);
        }
    }

    fn timed_out(&mut self, sequence: u32) {
        let Some(Pending { asked, .. }) = self.pending.remove(&sequence) else { return };
        match asked {
            Asked::EnquireLink => self.close(CloseReason::Silent),
            Asked::Bind => self.close(CloseReason::BindTimeout),
            Asked::Unbind => self.close(CloseReason::Unbound),
            Asked::Query(_) => self.incoming.push_back(Incoming::TimedOut(asked)),
            Asked::Message(_) => {
                self.messages_open -= 1;
                self.late.push_back((sequence, asked));
                if self.late.len() > MOST_LATE {
                    self.late.pop_front();
                }
                self.incoming.push_back(Incoming::TimedOut(asked));
            }
        }
    }

    /// When [`Link::tick`] has something to do next.
    pub(crate) fn next_tick(&self) -> Option<Duration> {
        if self.closed {
            return None;
        }
        let answers = self.order.front().map(|(_, sent_at)| *sent_at + self.settings.answer_within);
        let keep_alive = (!self.enquired).then_some(self.heard_at + self.settings.enquire_after);
        [answers, keep_alive].into_iter().flatten().min()
    }

    /// Ends the session. What is open is handed back, with whether it had left.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.inbox.clear();
        let written = self.written;
        let mut open: Vec<_> = self.pending.drain().collect();
        open.sort_unstable_by_key(|(_, pending)| pending.end);
        for (_, Pending { asked, end, .. }) in open {
            self.incoming.push_back(Incoming::Abandoned { asked, written: end <= written });
        }
        self.messages_open = 0;
        self.incoming.push_back(Incoming::Closed(reason));
    }
}
