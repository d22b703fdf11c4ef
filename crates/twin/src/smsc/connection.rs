//! One client's connection: moves octets, answers, delivers. One task, no lock while waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use smpp::{BindKind, CloseReason, Smsc, SmscEvent, Status};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;

use super::SmscServer;
use super::arrivals::Verdict;
use crate::faults::Fault;
use crate::plan::{Plan, What};
use crate::record::DeliveryState;
use crate::recorder::Acked;

/// Bytes that are no SMPP: a length field that no reader accepts.
const GARBAGE: &[u8] = b"\xff\xff\xff\xff\x00garbage\r\n\x80\x00\x00\x04";

/// How a fault ends a connection, after what was answered before is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Close,
    Garbage,
    PlayDead,
}

struct Connection<'a> {
    server: &'a Arc<SmscServer>,
    session: Smsc,
    delivers: bool,
    /// Delivered and not yet answered, with the number of answers missing.
    open: BTreeMap<u64, (Plan, usize)>,
    open_parts: usize,
    ending: Option<Ending>,
}

/// Serves until the client leaves, a fault ends it, or `kick`.
pub(super) async fn serve<S>(server: &Arc<SmscServer>, io: S, kick: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let now = server.world.clock.real();
    let mut connection = Connection {
        server,
        session: Smsc::new(server.config.session, now),
        delivers: false,
        open: BTreeMap::new(),
        open_parts: 0,
        ending: None,
    };
    let (mut reader, mut writer) = tokio::io::split(io);
    let ended = kick.run_until_cancelled(connection.run(&mut reader, &mut writer)).await;
    connection.session.lost();
    connection.react();
    connection.hand_back();
    let ended = ended.and(connection.ending);
    if ended == Some(Ending::PlayDead) {
        let mut void = [0; 1024];
        let swallow = async { while matches!(reader.read(&mut void).await, Ok(1..)) {} };
        kick.run_until_cancelled(swallow).await;
    }
    // The client sees the end either way; a failed farewell changes nothing.
    let _ = writer.shutdown().await;
}

impl Connection<'_> {
    async fn run<S>(&mut self, reader: &mut ReadHalf<S>, writer: &mut WriteHalf<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut input = vec![0; 64 * 1024];
        loop {
            self.react();
            self.deliver();
            let output = self.session.output();
            let (writes, done) =
                (!output.is_empty(), self.ending.is_some() || self.session.is_closed());
            if done && !writes {
                if self.ending == Some(Ending::Garbage) {
                    // The client may already be gone; the connection ends next.
                    let _ = writer.write_all(GARBAGE).await;
                }
                return;
            }
            let clock = &self.server.world.clock;
            let tick = self.session.next_tick().unwrap_or_else(|| clock.real());
            let room = self.room() > 0;
            tokio::select! {
                wrote = writer.write(output), if writes => match wrote {
                    Ok(octets) if octets > 0 => self.session.wrote(octets),
                    _ => return,
                },
                read = reader.read(&mut input), if !done => match read {
                    Ok(0) | Err(_) => return,
                    Ok(octets) => {
                        let now = clock.real();
                        self.session.receive(input.get(..octets).unwrap_or_default(), now);
                    }
                },
                () = self.server.hub.ready.notified(), if room && !done => {}
                () = clock.until_real(tick), if !done => self.session.tick(clock.real()),
            }
        }
    }

    /// How many more deliveries the client may be given.
    fn room(&self) -> usize {
        if !self.delivers || self.ending.is_some() {
            return 0;
        }
        self.server.config.delivery_window.saturating_sub(self.open_parts)
    }

    fn react(&mut self) {
        while let Some(event) = self.session.next_event() {
            if self.ending.is_some() && matches!(event, SmscEvent::Submitted { .. }) {
                // The carrier never saw it: the connection went away first.
                continue;
            }
            match event {
                SmscEvent::BindRequested { sequence, bind } => self.bind(sequence, &bind),
                SmscEvent::Submitted { sequence, message } => {
                    let verdict = self.server.arrived(&message);
                    self.answer(sequence, verdict);
                }
                SmscEvent::Queried { sequence, message_id, .. } => {
                    match self.server.asked(&message_id) {
                        Ok(state) => {
                            let told = self.session.answer_query(sequence, &message_id, (state, 0));
                            if told.is_err() {
                                tracing::error!("twin: an id does not fit a query_sm_resp");
                            }
                        }
                        Err(status) => self.session.refuse_query(sequence, status),
                    }
                }
                SmscEvent::DeliveryAnswered { token, status } => self.answered(token, status),
                SmscEvent::DeliveryUnanswered { token } => {
                    if !self.session.is_closed()
                        && let Some(plan) = self.settle(token)
                    {
                        self.server.world.again(plan);
                    }
                }
                SmscEvent::Closed(reason) => {
                    self.delivers = false;
                    if reason != CloseReason::Lost && reason != CloseReason::Unbound {
                        tracing::debug!(%reason, "twin: SMPP session ended");
                    }
                }
            }
        }
    }

    fn bind(&mut self, sequence: u32, bind: &smpp::Bind) {
        let config = &self.server.config;
        let known = config.accounts.iter().find(|(id, _)| *id == bind.system_id);
        let refusal = match known {
            None if !config.accounts.is_empty() => Some(Status::INVALID_SYSTEM_ID),
            Some((_, password)) if *password != bind.password => Some(Status::INVALID_PASSWORD),
            _ => None,
        };
        if let Some(status) = refusal {
            return self.session.refuse_bind(sequence, bind.kind, status);
        }
        if self.session.accept_bind(sequence, bind.kind, &config.system_id).is_ok() {
            self.delivers = bind.kind != BindKind::Transmitter;
            self.server.world.recorder.bound();
        }
    }

    fn answer(&mut self, sequence: u32, verdict: Verdict) {
        let (message_id, sent, fault) = match verdict {
            Verdict::Refuse(status) => return self.session.refuse_submit(sequence, status),
            Verdict::Close => {
                self.ending = Some(Ending::Close);
                return;
            }
            Verdict::Taken { message_id, sent, fault } => (message_id, sent, fault),
        };
        let world = &self.server.world;
        if let Some(sent) = sent {
            if fault == Some(Fault::ReceiptBeforeAnswer) {
                let now = world.clock.now();
                let receipt = sent.receipt(DeliveryState::Delivered, None, now);
                self.put_on_the_wire(world.prepare(now, receipt));
            } else {
                world.plan_receipts(sent, fault);
            }
        }
        self.ending = match fault {
            Some(Fault::DropBeforeAnswer | Fault::DropAfterAnswer) => Some(Ending::Close),
            Some(Fault::GarbageBytes) => Some(Ending::Garbage),
            Some(Fault::HalfOpen) => Some(Ending::PlayDead),
            _ => None,
        };
        let silent = matches!(
            fault,
            Some(
                Fault::AcceptAndNeverAnswer
                    | Fault::DropBeforeAnswer
                    | Fault::GarbageBytes
                    | Fault::HalfOpen
            )
        );
        if silent {
            self.session.ignore_submit();
        } else if self.session.accept_submit(sequence, &message_id).is_err() {
            tracing::error!("twin: a message id does not fit a submit_sm_resp");
        }
    }

    fn deliver(&mut self) {
        let room = self.room();
        if room == 0 {
            return;
        }
        for plan in self.server.hub.take(room) {
            self.put_on_the_wire(plan);
        }
    }

    /// Sends the short messages of a plan. The session's window has room for all the parts of one
    /// reply beyond the deliveries that [`Connection::room`] lets through.
    fn put_on_the_wire(&mut self, plan: Plan) {
        let world = &self.server.world;
        let Some(messages) = self.server.messages(&plan) else {
            return world.recorder.gave_up(plan.id);
        };
        if !self.delivers {
            return self.server.hub.put_back(vec![plan]);
        }
        let now = world.clock.real();
        let mut parts = 0;
        for message in &messages {
            if let Err(error) = self.session.deliver(message, plan.id, now) {
                tracing::warn!(%error, "twin: a delivery was not sent");
                break;
            }
            parts += 1;
        }
        if parts < messages.len() {
            return world.again(plan);
        }
        world.recorder.act(&plan, world.clock.now());
        self.open_parts += parts;
        self.open.insert(plan.id, (plan, parts));
    }

    fn answered(&mut self, id: u64, status: Status) {
        let world = &self.server.world;
        if status.is_ok() {
            let Some((plan, missing)) = self.open.get_mut(&id) else { return };
            *missing -= 1;
            self.open_parts -= 1;
            if *missing == 0 {
                let what = match plan.what {
                    What::Reply(_) => Acked::Reply,
                    _ => Acked::Receipt,
                };
                self.open.remove(&id);
                world.recorder.acked(id, what, world.clock.now());
            }
            return;
        }
        let Some(plan) = self.settle(id) else { return };
        let passing = status.asks_to_slow_down()
            || [Status::TEMPORARY_APP_ERROR, Status::SYSTEM_ERROR].contains(&status);
        if passing {
            world.again(plan);
        } else {
            world.recorder.gave_up(plan.id);
        }
    }

    fn settle(&mut self, id: u64) -> Option<Plan> {
        let (plan, missing) = self.open.remove(&id)?;
        self.open_parts = self.open_parts.saturating_sub(missing);
        Some(plan)
    }

    /// What was not acknowledged is for the next connection: a carrier keeps its receipts.
    fn hand_back(&mut self) {
        let open = std::mem::take(&mut self.open);
        let plans: Vec<Plan> = open.into_values().map(|(plan, _)| plan).collect();
        if !plans.is_empty() {
            self.server.hub.put_back(plans);
        }
    }
}
