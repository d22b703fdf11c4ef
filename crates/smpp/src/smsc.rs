//! The carrier's end of a session: is bound to, takes submits, delivers. The carrier twin and the
//! tests are built on it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use rusmpp::{CommandId, Pdu};

use crate::address::Address;
use crate::esme::SubmitError;
use crate::link::{Asked, CloseReason, Incoming, Link, Settings};
use crate::receipt::ReceiptState;
use crate::status::Status;
use crate::wire::{Bind, BindKind, Body, Frame, ShortMessage};
use crate::write::{self, Unwritable};

/// What happened.
pub enum SmscEvent {
    /// A client wants to bind. Answer with [`Smsc::accept_bind`] or [`Smsc::refuse_bind`].
    BindRequested {
        /// To answer with.
        sequence: u32,
        /// Who it says it is.
        bind: Bind,
    },
    /// A client submits. Answer with [`Smsc::accept_submit`] or [`Smsc::refuse_submit`].
    Submitted {
        /// To answer with.
        sequence: u32,
        /// The message.
        message: ShortMessage,
    },
    /// A client asks what became of a message. Answer with [`Smsc::answer_query`] or
    /// [`Smsc::refuse_query`].
    Queried {
        /// To answer with.
        sequence: u32,
        /// As the client writes it.
        message_id: String,
        /// Whom it says it was sent from.
        source: Address,
    },
    /// The client answered a delivery.
    DeliveryAnswered {
        /// As given to [`Smsc::deliver`].
        token: u64,
        /// OK means that the client has stored it.
        status: Status,
    },
    /// The client did not answer a delivery in time, or the session ended first.
    DeliveryUnanswered {
        /// As given to [`Smsc::deliver`].
        token: u64,
    },
    /// The session ended. Nothing follows.
    Closed(CloseReason),
}

/// Without the id that is asked about: the client may have written anything there.
impl fmt::Debug for SmscEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BindRequested { sequence, bind } => {
                write!(f, "BindRequested({sequence}, {bind:?})")
            }
            Self::Submitted { sequence, message } => {
                write!(f, "Submitted({sequence}, {message:?})")
            }
            Self::Queried { sequence, .. } => write!(f, "Queried({sequence}, [redacted])"),
            Self::DeliveryAnswered { token, status } => {
                write!(f, "DeliveryAnswered({token}, {status:?})")
            }
            Self::DeliveryUnanswered { token } => write!(f, "DeliveryUnanswered({token})"),
            Self::Closed(reason) => write!(f, "Closed({reason:?})"),
        }
    }
}

/// The carrier's end. Driven like [`crate::Esme`].
#[derive(Debug)]
pub struct Smsc {
    link: Link,
    bound: Option<BindKind>,
    open_submits: usize,
    opened_at: Duration,
    events: VecDeque<SmscEvent>,
}

impl Smsc {
    /// Waits for a bind over a fresh connection.
    pub fn new(settings: Settings, now: Duration) -> Self {
        let link = Link::new(settings, now);
        Self { link, bound: None, open_submits: 0, opened_at: now, events: VecDeque::new() }
    }

    /// Accepts the bind. `system_id` is this carrier's name.
    pub fn accept_bind(
        &mut self,
        sequence: u32,
        kind: BindKind,
        system_id: &str,
    ) -> Result<(), Unwritable> {
        let pdu = write::bind_resp_pdu(kind, system_id)?;
        self.link.answer(sequence, Status::OK, pdu);
        self.bound = Some(kind);
        Ok(())
    }

    /// Refuses the bind and ends the session.
    pub fn refuse_bind(&mut self, sequence: u32, kind: BindKind, status: Status) {
        self.link.answer_bare(sequence, status, bind_answer(kind));
        self.link.close(CloseReason::BindRefused(status));
        self.interpret();
    }

    /// Takes a submitted message over under this id.
    pub fn accept_submit(&mut self, sequence: u32, message_id: &str) -> Result<(), Unwritable> {
        let pdu = write::submit_resp_pdu(message_id)?;
        self.open_submits = self.open_submits.saturating_sub(1);
        self.link.answer(sequence, Status::OK, pdu);
        Ok(())
    }

    /// Refuses a submitted message.
    pub fn refuse_submit(&mut self, sequence: u32, status: Status) {
        self.open_submits = self.open_submits.saturating_sub(1);
        self.link.answer_bare(sequence, status, CommandId::SubmitSmResp);
    }

    /// Leaves a submitted message without an answer, as a broken carrier does.
    pub fn ignore_submit(&mut self) {
        self.open_submits = self.open_submits.saturating_sub(1);
    }

    /// Says what became of a message.
    pub fn answer_query(
        &mut self,
        sequence: u32,
        message_id: &str,
        (state, error): (ReceiptState, u8),
    ) -> Result<(), Unwritable> {
        let pdu = write::query_resp_pdu(message_id, state, error)?;
        self.link.answer(sequence, Status::OK, pdu);
        Ok(())
    }

    /// Has nothing to say about a message; with [`Status::INVALID_COMMAND_ID`], it takes no queries.
    pub fn refuse_query(&mut self, sequence: u32, status: Status) {
        let unknown = status == Status::INVALID_COMMAND_ID;
        let id = if unknown { CommandId::GenericNack } else { CommandId::QuerySmResp };
        self.link.answer_bare(sequence, status, id);
    }

    /// Delivers a reply or a receipt. `token` comes back with the client's answer.
    pub fn deliver(
        &mut self,
        message: &ShortMessage,
        token: u64,
        now: Duration,
    ) -> Result<(), SubmitError> {
        if self.link.is_closed() || matches!(self.bound, None | Some(BindKind::Transmitter)) {
            return Err(SubmitError::NotBound);
        }
        if self.link.open() >= self.link.settings.window {
            return Err(SubmitError::WindowFull);
        }
        let pdu = write::deliver_pdu(message)?;
        self.link.request(pdu, Asked::Message(token), now);
        Ok(())
    }

    /// Asks to end the session.
    pub fn unbind(&mut self, now: Duration) {
        if !self.link.is_closed() {
            self.link.request(Pdu::Unbind, Asked::Unbind, now);
        }
    }

    /// The connection ended, or its socket failed.
    pub fn lost(&mut self) {
        self.link.close(CloseReason::Lost);
        self.interpret();
    }

    /// Takes octets from the socket.
    pub fn receive(&mut self, octets: &[u8], now: Duration) {
        self.link.receive(octets, now);
        self.interpret();
    }

    /// Looks at the clock. A client that does not bind in time is let go.
    pub fn tick(&mut self, now: Duration) {
        self.link.tick(now);
        if self.bound.is_none() && now >= self.opened_at + self.link.settings.answer_within {
            self.link.close(CloseReason::BindTimeout);
        }
        self.interpret();
    }

    /// When to call [`Smsc::tick`] at the latest.
    pub fn next_tick(&self) -> Option<Duration> {
        let bind = self.bound.is_none().then(|| self.opened_at + self.link.settings.answer_within);
        let link = self.link.next_tick()?;
        Some(bind.map_or(link, |bind| bind.min(link)))
    }

    /// Octets to write to the socket.
    pub fn output(&self) -> &[u8] {
        self.link.output()
    }

    /// So many octets of [`Smsc::output`] were written.
    pub fn wrote(&mut self, octets: usize) {
        self.link.wrote(octets);
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<SmscEvent> {
        self.events.pop_front()
    }

    /// Whether the session has ended. Its last output, if any, may still be written.
    pub fn is_closed(&self) -> bool {
        self.link.is_closed()
    }

    fn interpret(&mut self) {
        while let Some(incoming) = self.link.incoming.pop_front() {
            match incoming {
                Incoming::Request(frame) => self.requested(frame),
                Incoming::Answer { asked: Asked::Message(token), status, late: false, .. } => {
                    self.events.push_back(SmscEvent::DeliveryAnswered { token, status });
                }
                Incoming::Answer { asked: Asked::Unbind, .. } => {
                    self.link.close(CloseReason::Unbound);
                }
                Incoming::TimedOut(Asked::Message(token))
                | Incoming::Abandoned { asked: Asked::Message(token), .. } => {
                    self.events.push_back(SmscEvent::DeliveryUnanswered { token });
                }
                Incoming::Closed(reason) => self.events.push_back(SmscEvent::Closed(reason)),
                Incoming::Answer { .. } | Incoming::TimedOut(_) | Incoming::Abandoned { .. } => {}
            }
        }
    }

    fn requested(&mut self, Frame { sequence, body, .. }: Frame) {
        match (body, self.bound) {
            (Body::Bind(bind), None) => {
                self.events.push_back(SmscEvent::BindRequested { sequence, bind });
            }
            (Body::Bind(bind), Some(_)) => {
                let id = bind_answer(bind.kind);
                self.link.answer_bare(sequence, Status::ALREADY_BOUND, id);
            }
            (Body::Submit(message), Some(BindKind::Transmitter | BindKind::Transceiver)) => {
                if self.open_submits >= self.link.settings.inbound_window {
                    let id = CommandId::SubmitSmResp;
                    return self.link.answer_bare(sequence, Status::QUEUE_FULL, id);
                }
                self.open_submits += 1;
                self.events.push_back(SmscEvent::Submitted { sequence, message });
            }
            (Body::Query { message_id, source }, Some(_)) => {
                self.events.push_back(SmscEvent::Queried { sequence, message_id, source });
            }
            (Body::Query { .. }, None) => {
                let id = CommandId::QuerySmResp;
                self.link.answer_bare(sequence, Status::INVALID_BIND_STATUS, id);
            }
            (Body::Submit(_), _) => {
                let id = CommandId::SubmitSmResp;
                self.link.answer_bare(sequence, Status::INVALID_BIND_STATUS, id);
            }
            _ => {
                let nack = CommandId::GenericNack;
                self.link.answer_bare(sequence, Status::INVALID_COMMAND_ID, nack);
            }
        }
    }
}

fn bind_answer(kind: BindKind) -> CommandId {
    match kind {
        BindKind::Transmitter => CommandId::BindTransmitterResp,
        BindKind::Receiver => CommandId::BindReceiverResp,
        BindKind::Transceiver => CommandId::BindTransceiverResp,
    }
}
