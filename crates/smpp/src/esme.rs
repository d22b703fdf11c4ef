//! The client's end of a session (SMPP 3.4 §2.2): binds, submits, is delivered to.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use rusmpp::{CommandId, Pdu};
use thiserror::Error;

use crate::address::Address;
use crate::link::{Asked, CloseReason, Incoming, Link, Settings};
use crate::receipt::ReceiptState;
use crate::status::Status;
use crate::wire::{Bind, Body, Frame, ShortMessage};
use crate::write::{self, Unwritable};

/// What happened. Tokens are the caller's, as given to [`Esme::submit`].
#[derive(Debug)]
pub enum EsmeEvent {
    /// The carrier accepted the bind.
    Bound {
        /// Its name for itself.
        system_id: String,
    },
    /// The carrier took the message.
    Accepted {
        /// The submit's token.
        token: u64,
        /// The carrier's message id, as sent.
        message_id: String,
        /// It came after [`EsmeEvent::Unanswered`] had been reported.
        late: bool,
    },
    /// The carrier refused the message.
    Refused {
        /// The submit's token.
        token: u64,
        /// Its reason.
        status: Status,
        /// It came after [`EsmeEvent::Unanswered`] had been reported.
        late: bool,
    },
    /// The message left, and no answer came in time or the session ended first: the carrier may
    /// or may not have it.
    Unanswered {
        /// The submit's token.
        token: u64,
    },
    /// The session ended before the whole message had left: the carrier cannot have it.
    NotSent {
        /// The submit's token.
        token: u64,
    },
    /// The carrier answered a query.
    Queried {
        /// The query's token.
        token: u64,
        /// What became of the message, with the network's error code; or why there is no answer.
        answer: Result<(ReceiptState, u8), Status>,
    },
    /// A query was not answered in time, or the session ended first.
    QueryUnanswered {
        /// The query's token.
        token: u64,
    },
    /// The carrier delivers. Answer with [`Esme::accept`] once it is stored, or
    /// [`Esme::refuse`].
    Delivery {
        /// To answer with.
        sequence: u32,
        /// What it brings; see [`ShortMessage::delivered`].
        message: ShortMessage,
    },
    /// The session ended. Nothing follows.
    Closed(CloseReason),
}

/// Why a message cannot be submitted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// No bind yet, or no more.
    #[error("the session is not bound")]
    NotBound,
    /// As many messages as allowed wait for an answer.
    #[error("the window is full: wait for an answer")]
    WindowFull,
    /// The carrier asked to slow down.
    #[error("the carrier asked to slow down: wait until {until:?} of the session's clock")]
    Throttled {
        /// When to try again, on the clock given as `now`.
        until: Duration,
    },
    /// A field does not fit.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Binding,
    Bound,
    Unbinding,
    Closed,
}

/// The client's end. Feed it [`Esme::receive`] and [`Esme::tick`], write [`Esme::output`] and say
/// so with [`Esme::wrote`], and drain [`Esme::next_event`] after each call.
#[derive(Debug)]
pub struct Esme {
    link: Link,
    state: State,
    bind_status: Option<Status>,
    deliveries: HashSet<u32>,
    throttled_until: Option<Duration>,
    throttle_steps: u32,
    events: VecDeque<EsmeEvent>,
}

impl Esme {
    /// Opens a session over a fresh connection and sends the bind. `now` is time since any fixed
    /// start; it must not go back.
    pub fn connect(bind: &Bind, settings: Settings, now: Duration) -> Result<Self, Unwritable> {
        let pdu = write::bind_pdu(bind)?;
        let mut link = Link::new(settings, now);
        link.request(pdu, Asked::Bind, now);
        Ok(Self {
            link,
            state: State::Binding,
            bind_status: None,
            deliveries: HashSet::new(),
            throttled_until: None,
            throttle_steps: 0,
            events: VecDeque::new(),
        })
    }

    /// Puts a message on the wire. `token` comes back with its fate; take a fresh one each time.
    pub fn submit(
        &mut self,
        message: &ShortMessage,
        token: u64,
        now: Duration,
    ) -> Result<(), SubmitError> {
        self.ready(now)?;
        let pdu = write::submit_pdu(message)?;
        self.link.request(pdu, Asked::Message(token), now);
        Ok(())
    }

    /// Asks what became of a message: its id as the carrier gave it, and whom it was sent from.
    /// `token` comes back with the answer. Queries do not count against the window: ask one after
    /// another.
    pub fn query(
        &mut self,
        message_id: &str,
        source: &Address,
        token: u64,
        now: Duration,
    ) -> Result<(), SubmitError> {
        if self.state != State::Bound {
            return Err(SubmitError::NotBound);
        }
        let pdu = write::query_pdu(message_id, source)?;
        self.link.request(pdu, Asked::Query(token), now);
        Ok(())
    }

    /// Whether [`Esme::submit`] would take a message now.
    pub fn ready(&self, now: Duration) -> Result<(), SubmitError> {
        if self.state != State::Bound {
            return Err(SubmitError::NotBound);
        }
        if self.link.open() >= self.link.settings.window {
            return Err(SubmitError::WindowFull);
        }
        match self.throttled_until {
            Some(until) if now < until => Err(SubmitError::Throttled { until }),
            _ => Ok(()),
        }
    }

    /// Tells the carrier that a delivery is stored. Call it only then: the carrier forgets it.
    pub fn accept(&mut self, sequence: u32) {
        if self.deliveries.remove(&sequence) {
            self.link.answer(sequence, Status::OK, write::deliver_resp_pdu());
        }
    }

    /// Tells the carrier that a delivery was not stored. With
    /// [`Status::TEMPORARY_APP_ERROR`] it delivers again.
    pub fn refuse(&mut self, sequence: u32, status: Status) {
        if self.deliveries.remove(&sequence) {
            self.link.answer(sequence, status, write::deliver_resp_pdu());
        }
    }

    /// Asks to end the session; [`EsmeEvent::Closed`] follows when the carrier agrees or time is
    /// up.
    pub fn unbind(&mut self, now: Duration) {
        if matches!(self.state, State::Bound | State::Binding) {
            self.state = State::Unbinding;
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
        self.interpret_at(now);
    }

    /// Looks at the clock.
    pub fn tick(&mut self, now: Duration) {
        self.link.tick(now);
        self.interpret_at(now);
    }

    /// When to call [`Esme::tick`] at the latest.
    pub fn next_tick(&self) -> Option<Duration> {
        self.link.next_tick()
    }

    /// Octets to write to the socket.
    pub fn output(&self) -> &[u8] {
        self.link.output()
    }

    /// So many octets of [`Esme::output`] were written.
    pub fn wrote(&mut self, octets: usize) {
        self.link.wrote(octets);
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<EsmeEvent> {
        self.events.pop_front()
    }

    /// Whether the session has ended. Its last output, if any, may still be written.
    pub fn is_closed(&self) -> bool {
        self.link.is_closed()
    }

    /// Submits without an answer.
    pub fn open(&self) -> usize {
        self.link.open()
    }

    fn interpret(&mut self) {
        self.interpret_at(Duration::ZERO);
    }

    fn interpret_at(&mut self, now: Duration) {
        while let Some(incoming) = self.link.incoming.pop_front() {
            match incoming {
                Incoming::Request(frame) => self.requested(frame),
                Incoming::Answer { asked: Asked::Bind, status, body, .. } => {
                    self.bind_answered(status, body);
                }
                Incoming::Answer { asked: Asked::Message(token), status, body, late } => {
                    self.submit_answered(token, status, body, (late, now));
                }
                Incoming::Answer { asked: Asked::Query(token), status, body, .. } => {
                    let answer = match body {
                        Body::QueryResp { state: Some((state, error)) } if status.is_ok() => {
                            Ok((ReceiptState::from_code(state), error))
                        }
                        _ if status.is_ok() => Err(Status::UNKNOWN_ERROR),
                        _ => Err(status),
                    };
                    self.events.push_back(EsmeEvent::Queried { token, answer });
                }
                Incoming::TimedOut(Asked::Query(token))
                | Incoming::Abandoned { asked: Asked::Query(token), .. } => {
                    self.events.push_back(EsmeEvent::QueryUnanswered { token });
                }
                Incoming::Answer { asked: Asked::Unbind, .. } => {
                    self.link.close(CloseReason::Unbound);
                }
                Incoming::TimedOut(Asked::Message(token))
                | Incoming::Abandoned { asked: Asked::Message(token), written: true } => {
                    self.events.push_back(EsmeEvent::Unanswered { token });
                }
                Incoming::Abandoned { asked: Asked::Message(token), written: false } => {
                    self.events.push_back(EsmeEvent::NotSent { token });
                }
                Incoming::Closed(reason) => {
                    self.state = State::Closed;
                    self.deliveries.clear();
                    let reason = self.bind_status.map_or(reason, CloseReason::BindRefused);
                    self.events.push_back(EsmeEvent::Closed(reason));
                }
                Incoming::Answer { .. } | Incoming::TimedOut(_) | Incoming::Abandoned { .. } => {}
            }
        }
    }

    fn requested(&mut self, Frame { sequence, body, .. }: Frame) {
        let Body::Deliver(message) = body else {
            let nack = CommandId::GenericNack;
            return self.link.answer_bare(sequence, Status::INVALID_COMMAND_ID, nack);
        };
        if self.state == State::Binding {
            let status = Status::INVALID_BIND_STATUS;
            return self.link.answer(sequence, status, write::deliver_resp_pdu());
        }
        // A number already open, or too many open: the peer must wait, or it fills our memory.
        if self.deliveries.len() >= self.link.settings.inbound_window
            || !self.deliveries.insert(sequence)
        {
            return self.link.answer(sequence, Status::QUEUE_FULL, write::deliver_resp_pdu());
        }
        self.events.push_back(EsmeEvent::Delivery { sequence, message });
    }

    fn bind_answered(&mut self, status: Status, body: Body) {
        if !status.is_ok() {
            self.bind_status = Some(status);
            return self.link.close(CloseReason::BindRefused(status));
        }
        if self.state == State::Binding {
            self.state = State::Bound;
            let system_id = match body {
                Body::BindResp { system_id } => system_id,
                _ => String::new(),
            };
            self.events.push_back(EsmeEvent::Bound { system_id });
        }
    }

    fn submit_answered(
        &mut self,
        token: u64,
        status: Status,
        body: Body,
        (late, now): (bool, Duration),
    ) {
        match body {
            Body::SubmitResp { message_id } if status.is_ok() => {
                self.throttle_steps = 0;
                self.events.push_back(EsmeEvent::Accepted { token, message_id, late });
            }
            _ => {
                if status.asks_to_slow_down() {
                    let pause = self.link.settings.throttle_pause;
                    let until = now + pause * (1 << self.throttle_steps.min(5));
                    // A whole window is refused at once: that is one request to slow down.
                    if self.throttled_until.is_none_or(|earlier| earlier <= now) {
                        self.throttle_steps += 1;
                        self.throttled_until = Some(until);
                    }
                }
                let status = if status.is_ok() { Status::UNKNOWN_ERROR } else { status };
                self.events.push_back(EsmeEvent::Refused { token, status, late });
            }
        }
    }
}
