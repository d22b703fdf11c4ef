//! The task that owns the socket and the SMPP session: connect, bind, carry, reconnect.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use smpp::{CloseReason, Esme, EsmeEvent, Status, SubmitError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::observe::metrics::Link;

use super::smpp_inbound::{Heard, Inbound, Ready};
use super::smpp_jobs::{Finished, Jobs, Query, Submit};
use super::sms_smpp::SmppSettings;
use super::transport::{self, Stream, Tls};
use super::{Carried, CarrierEvent, CarrierEvents, Done, Failure, FailureKind, Jitter};
use crate::nodes::Standing;

/// Octets taken from the socket at once.
const READ: usize = 64 * 1024;

/// What the consumer says about deliveries: of which session, which ones, stored or not.
type Told = (u64, Vec<u32>, bool);

pub(super) struct Connection {
    settings: SmppSettings,
    tls: Option<Tls>,
    submits: mpsc::Receiver<Submit>,
    submits_closed: bool,
    /// Questions about messages. They wait for a session, and die with it.
    queries: mpsc::Receiver<Query>,
    asking: HashMap<u64, Query>,
    asked: u64,
    events: CarrierEvents,
    /// Events that wait for room. Bounded by the session's inbound window.
    outgoing: VecDeque<Carried>,
    told: (mpsc::UnboundedSender<Told>, mpsc::UnboundedReceiver<Told>),
    jobs: Jobs,
    inbound: Inbound,
    standing: Standing,
    session: u64,
    start: Instant,
    link: Link,
}

/// One thing that happened while a session was open.
enum Happened {
    Read(std::io::Result<usize>),
    Wrote(std::io::Result<usize>),
    Flushed(std::io::Result<()>),
    Submit(Option<Submit>),
    Ask(Query),
    Told(Option<Told>),
    BindLost,
    Time,
}

/// What is to be sent and asked; where what comes back goes, and whether the line stands.
pub(super) type Wires = ((mpsc::Receiver<Submit>, mpsc::Receiver<Query>), (CarrierEvents, Link));

impl Connection {
    pub(super) fn new(
        (settings, tls): (SmppSettings, Option<Tls>),
        ((submits, queries), (events, link)): Wires,
        inbound: Inbound,
        standing: Standing,
    ) -> Self {
        Self {
            settings,
            tls,
            submits,
            submits_closed: false,
            queries,
            asking: HashMap::new(),
            asked: 0,
            events,
            outgoing: VecDeque::new(),
            told: mpsc::unbounded_channel(),
            jobs: Jobs::default(),
            inbound,
            standing,
            session: 0,
            start: Instant::now(),
            link,
        }
    }

    /// Runs until every handle of the adapter is gone.
    pub(super) async fn run(mut self, jitter: Jitter) {
        let mut failed = 0;
        loop {
            let standing = self.standing.clone();
            if self.meanwhile(standing.may_bind()).await.is_none() {
                return;
            }
            let (endpoint, tls) = (self.settings.endpoint.clone(), self.tls.clone());
            let connect = async move { transport::connect(&endpoint, tls.as_ref()).await };
            match self.meanwhile(connect).await {
                None => return,
                Some(Ok((stream, _))) => {
                    let ended = self.carry(stream).await;
                    self.link.set(false);
                    if ended.bound {
                        failed = 0;
                    } else {
                        tracing::warn!(reason = %ended.reason, "smpp.bind.failed");
                        failed += 1;
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(kind = %error.kind(), "smpp.connect.failed");
                    failed += 1;
                }
            }
            let wait = self.settings.backoff.wait(failed, jitter());
            let at = Instant::now() + wait;
            if self.submits_closed || self.meanwhile(sleep_until(at)).await.is_none() {
                return;
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Does the work of a time without a session until `work` is done; nothing if every handle of
    /// the adapter is gone.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        let events = self.events.clone();
        loop {
            let due = self.jobs.next_expiry().map(|due| self.start + due);
            let room = self.jobs.has_room();
            tokio::select! {
                value = &mut work => return Some(value),
                submit = self.submits.recv(), if room => match submit {
                    Some(submit) => self.add(submit),
                    None => {
                        self.submits_closed = true;
                        return None;
                    }
                },
                permit = events.reserve(), if !self.outgoing.is_empty() => {
                    if let (Ok(permit), Some(event)) = (permit, self.outgoing.pop_front()) {
                        permit.send(event);
                    }
                }
                // Of a session that is over: the carrier delivers again.
                _ = self.told.1.recv() => {}
                () = sleep_until(due.unwrap_or(self.start)), if due.is_some() => {
                    self.expire(FailureKind::Unreachable);
                }
            }
        }
    }

    fn add(&mut self, submit: Submit) {
        self.jobs.add(submit, self.now() + self.settings.wait);
    }

    fn expire(&mut self, kind: FailureKind) {
        for finished in self.jobs.expire(self.now(), kind) {
            self.finished(finished);
        }
    }

    /// Tells the sender of a message; if it is gone, or the answer is late, `receipts.rs`.
    fn finished(&mut self, Finished { message, outcome, answer }: Finished) {
        let unheard = match answer {
            Some(answer) => answer.send(outcome).err(),
            None => Some(outcome),
        };
        if let Some(outcome) = unheard {
            let event = CarrierEvent::Settled { message, outcome };
            self.outgoing.push_back(Carried { event, done: Done::nobody() });
        }
    }

    /// Carries messages over one connection until it ends.
    async fn carry(&mut self, stream: Stream) -> Ended {
        let now = self.now();
        let session = Esme::connect(&self.settings.bind, self.settings.session, now);
        let Ok(mut esme) = session else {
            // INVARIANT: `SmsSmpp::start` has asked the same question of the same settings.
            return Ended { bound: false, reason: CloseReason::Lost };
        };
        self.session += 1;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut buffer = vec![0; READ];
        let mut ended = Ended { bound: false, reason: CloseReason::Lost };
        let (mut unflushed, mut bind_lost) = (false, false);
        loop {
            self.interpret(&mut esme, &mut ended);
            self.submit(&mut esme);
            if esme.is_closed() {
                self.interpret(&mut esme, &mut ended);
                farewell(&esme, &mut writer).await;
                self.asking.clear();
                self.inbound.lost(self.now());
                return ended;
            }
            let standing = self.standing.clone();
            let happened = tokio::select! {
                biased;
                () = standing.must_unbind(), if !bind_lost => Happened::BindLost,
                happened =
                    self.next(&esme, (&mut reader, &mut buffer), (&mut writer, unflushed)) => happened,
            };
            match happened {
                Happened::Read(Ok(0) | Err(_))
                | Happened::Wrote(Err(_))
                | Happened::Flushed(Err(_)) => {
                    esme.lost();
                }
                Happened::Read(Ok(read)) => {
                    esme.receive(buffer.get(..read).unwrap_or_default(), self.now());
                }
                Happened::Wrote(Ok(wrote)) => {
                    esme.wrote(wrote);
                    unflushed = true;
                }
                Happened::Flushed(Ok(())) => unflushed = false,
                Happened::Submit(Some(submit)) => {
                    self.add(submit);
                    while self.jobs.has_room()
                        && let Ok(submit) = self.submits.try_recv()
                    {
                        self.add(submit);
                    }
                }
                Happened::Submit(None) => {
                    self.submits_closed = true;
                    esme.unbind(self.now());
                }
                Happened::Ask(query) => self.ask(&mut esme, query),
                Happened::Told(told) => self.acknowledge(&mut esme, told),
                Happened::BindLost => {
                    // Another node holds it now, and takes what has not left.
                    for finished in self.jobs.expire(Duration::MAX, FailureKind::HeldBack) {
                        self.finished(finished);
                    }
                    esme.unbind(self.now());
                    bind_lost = true;
                }
                Happened::Time => {}
            }
            self.tick(&mut esme);
        }
    }

    /// Waits for the next thing. Every branch may be dropped without loss.
    async fn next(
        &mut self,
        esme: &Esme,
        (reader, buffer): (&mut ReadHalf<Stream>, &mut [u8]),
        (writer, unflushed): (&mut WriteHalf<Stream>, bool),
    ) -> Happened {
        let now = self.now();
        let throttled = match esme.ready(now) {
            Err(SubmitError::Throttled { until }) => self.jobs.front().map(|_| until),
            _ => None,
        };
        let due = [esme.next_tick(), self.jobs.next_expiry(), self.inbound.next_due(), throttled];
        let due = due.into_iter().flatten().min().map(|due| self.start + due);
        let output = esme.output();
        let room = self.jobs.has_room() && !self.submits_closed;
        // A question goes only where no message waits, for the carrier counts both.
        let idle = esme.ready(now).is_ok() && self.jobs.front().is_none();
        let events = self.events.clone();
        loop {
            tokio::select! {
                read = reader.read(buffer) => return Happened::Read(read),
                happened = push(writer, output), if !output.is_empty() || unflushed => {
                    return happened;
                }
                submit = self.submits.recv(), if room => return Happened::Submit(submit),
                Some(query) = self.queries.recv(), if idle => return Happened::Ask(query),
                told = self.told.1.recv() => return Happened::Told(told),
                permit = events.reserve(), if !self.outgoing.is_empty() => {
                    if let (Ok(permit), Some(event)) = (permit, self.outgoing.pop_front()) {
                        permit.send(event);
                    }
                }
                () = sleep_until(due.unwrap_or(self.start)), if due.is_some() => {
                    return Happened::Time;
                }
            }
        }
    }

    fn ask(&mut self, esme: &mut Esme, query: Query) {
        self.asked += 1;
        // Who asked may have given up by now. An id that cannot be written down is dropped, and the
        // question with it.
        if !query.answer.is_closed()
            && esme.query(&query.id, &query.source, self.asked, self.now()).is_ok()
        {
            self.asking.insert(self.asked, query);
        }
    }

    fn tick(&mut self, esme: &mut Esme) {
        let now = self.now();
        esme.tick(now);
        for due in self.inbound.due(now) {
            match due {
                Ok(ready) => self.tell(ready),
                Err(sequences) => sequences.into_iter().for_each(|sequence| esme.accept(sequence)),
            }
        }
        let kind = match esme.ready(now) {
            Err(SubmitError::Throttled { .. }) => FailureKind::Throttled,
            _ => FailureKind::Unreachable,
        };
        self.expire(kind);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that submits what the gate released"
    )]
    fn submit(&mut self, esme: &mut Esme) {
        let now = self.now();
        while esme.ready(now).is_ok()
            && let Some((token, message, lease)) = self.jobs.front()
        {
            if !lease.holds() {
                // Not sent: another node has settled it, or this one will ask again.
                if let Some(finished) = self.jobs.stop_front(FailureKind::HeldBack) {
                    self.finished(finished);
                }
                continue;
            }
            match esme.submit(message, token, now) {
                Ok(()) => self.jobs.flies(),
                Err(SubmitError::Unwritable(_)) => {
                    if let Some(finished) = self.jobs.stop_front(FailureKind::Unsendable) {
                        self.finished(finished);
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn interpret(&mut self, esme: &mut Esme, ended: &mut Ended) {
        while let Some(event) = esme.next_event() {
            let finished = match event {
                EsmeEvent::Bound { .. } => {
                    ended.bound = true;
                    self.link.set(true);
                    None
                }
                EsmeEvent::Accepted { token, message_id, .. } => {
                    let id = self.settings.id_form.of_submit(&message_id);
                    self.jobs.accepted(token, id)
                }
                EsmeEvent::Refused { token, status, .. } => {
                    let failure = self.meaning(status);
                    self.jobs.refused(token, failure)
                }
                EsmeEvent::Unanswered { token } => self.jobs.unanswered(token),
                EsmeEvent::NotSent { token } => {
                    self.jobs.not_sent(token);
                    None
                }
                EsmeEvent::Delivery { sequence, message } => {
                    match self.inbound.delivery(sequence, &message, self.now()) {
                        Heard::Ready(ready) => self.tell(ready),
                        Heard::Wait => {}
                        Heard::Useless => esme.accept(sequence),
                    }
                    None
                }
                EsmeEvent::Queried { token, answer } => {
                    if let Some(query) = self.asking.remove(&token) {
                        // Nobody waits any more: the next run asks again.
                        let _ = query.answer.send(answer);
                    }
                    None
                }
                EsmeEvent::QueryUnanswered { token } => {
                    self.asking.remove(&token);
                    None
                }
                EsmeEvent::Closed(reason) => {
                    ended.reason = reason;
                    None
                }
            };
            if let Some(finished) = finished {
                self.finished(finished);
            }
        }
    }

    fn meaning(&self, status: Status) -> Failure {
        let code = format!("0x{:08x}", status.0);
        let own = self.settings.codes.meaning(&format!("0x{:04x}", status.0));
        let own = own.or_else(|| self.settings.codes.meaning(&status.0.to_string()));
        Failure::coded(own.unwrap_or(FailureKind::from_smpp(status.0)), &code)
    }

    fn tell(&mut self, Ready { event, sequences }: Ready) {
        let (told, session) = (self.told.0.clone(), self.session);
        let done = Done::new(move |stored| {
            // The task may be gone; then so is the session, and the carrier delivers again.
            let _ = told.send((session, sequences, stored));
        });
        self.outgoing.push_back(Carried { event, done });
    }

    fn acknowledge(&mut self, esme: &mut Esme, told: Option<Told>) {
        let Some((session, sequences, stored)) = told else { return };
        if session != self.session {
            return;
        }
        for sequence in &sequences {
            match stored {
                true => esme.accept(*sequence),
                false => esme.refuse(*sequence, Status::TEMPORARY_APP_ERROR),
            }
        }
        let now = self.now();
        if stored {
            self.inbound.acknowledged(&sequences, now);
        } else {
            self.inbound.refused(&sequences, now);
        }
    }
}

/// Writes some of the output, or flushes when all of it is written.
async fn push(writer: &mut WriteHalf<Stream>, output: &[u8]) -> Happened {
    match output.is_empty() {
        true => Happened::Flushed(writer.flush().await),
        false => Happened::Wrote(writer.write(output).await),
    }
}

/// How a session ended.
struct Ended {
    bound: bool,
    reason: CloseReason,
}

/// Writes what the session still has to say, for at most a second.
async fn farewell(esme: &Esme, writer: &mut WriteHalf<Stream>) {
    let last = async {
        writer.write_all(esme.output()).await?;
        writer.shutdown().await
    };
    // The connection is given up either way.
    let _ = timeout(Duration::from_secs(1), last).await;
}
