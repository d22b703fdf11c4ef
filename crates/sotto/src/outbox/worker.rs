//! One worker for each adapter: takes what is due, asks the gate again, writes the attempt down,
//! hands over, writes the answer down.
//!
//! A crash before the claim's commit leaves the message queued. After it, the attempt stands as
//! `started`, whether or not a byte left; [`super::recover`] makes it uncertain. After the answer's
//! commit everything is as it was told.
//!
//! A commit that fails while the process lives leaves less in doubt, because the process knows more
//! than its rows: what a claim of unknown fate took was not sent, and goes back; a carrier's answer
//! that could not be stored is stored as soon as it can be.
//!
//! Several nodes may work at one outbox. A claim locks its rows and steps over those of others; a
//! node that cannot take what it was told about, because its window is full or another holds the
//! carrier's bind, tells the others; and each looks by itself once a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gate::facts::Known;
use gate::{Cleared, Facts, Kind, MessageId, Policy, Refusal, Release, Released};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::audit::event::Grounds;
use crate::audit::{self, Actor, Event, Kind as EventKind};
use crate::channels::{Adapter, AdapterName, Effect, Failure, FailureKind, Handoff, retry_after};
use crate::db::attempt::{self, End, Outcome, Part, Start};
use crate::db::message::{self, Change, State, Stored};
use crate::db::outbox::{self, OutboxRow};
use crate::db::registry::MESSAGE;
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::{Db, Mark, Tx};
use crate::facts;
use crate::ids::{AttemptId, Id as _, RunId};
use crate::nodes::{Lease, Standing};
use crate::observe::metrics::Link;
use crate::observe::trace::{Place, Say, Span, Step};
use crate::office::Office;
use crate::outbox::fresh_facts::Loaded;
use crate::outbox::store::{self, OutboxError, Taken};
use crate::receipts;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which rows of the outbox are its own.
    pub adapter: AdapterName,
    /// What this node may do.
    pub standing: Standing,
    /// How many attempts may be under way at once.
    pub window: usize,
    /// After this long without an answer an attempt counts as broken off. Longer than the
    /// adapter's own time limit.
    pub lease: SignedDuration,
}

/// Hands messages over to one adapter.
pub struct Worker<A> {
    db: Db,
    office: Office,
    adapter: Arc<A>,
    settings: Settings,
}

/// An attempt that is written down and not yet on the wire.
struct Claim {
    lease: Lease,
    attempt: AttemptId,
    number: u32,
    due_at: Timestamp,
    cleared: Cleared,
    facts: Facts,
    policy: Arc<Policy>,
}

impl<A: Adapter> Worker<A> {
    /// A worker for one adapter.
    pub const fn new(db: Db, office: Office, adapter: Arc<A>, settings: Settings) -> Self {
        Self { db, office, adapter, settings }
    }

    /// Works until `stop`, then lets what is under way finish. Failures of storage are logged and
    /// tried again a second later: the rows are still there.
    pub async fn run(self, stop: CancellationToken)
    where
        A: Send + Sync + 'static,
    {
        let worker = Arc::new(self);
        let (office, window) = (&worker.office, worker.settings.window);
        let standing = worker.settings.standing.clone();
        let (bell, far_bell) = (office.outbox_bell(), office.far_bell());
        // Each attempt is a task of its own: no answer waits for the disk of the next claim.
        let mut under_way = JoinSet::new();
        let (mut rung_here, mut told) = (false, None);
        let mut down_since = None;
        loop {
            // Asked for before looking, so that a bell rung while we look is not missed.
            let (rung, far_rung) = (bell.notified(), far_bell.notified());
            // An attempt that panicked stays `started`; its lease runs out.
            while under_way.try_join_next().is_some() {}
            if stop.is_cancelled() {
                while under_way.join_next().await.is_some() {}
                return;
            }
            let room = window - under_way.len().min(window);
            let link = worker.adapter.link().filter(|link| !link.is_up());
            let down = link.as_ref().map(|_| {
                let now = office.clock().instant();
                now.duration_since(*down_since.get_or_insert(now))
            });
            if down.is_none() {
                down_since = None;
            }
            // What is claimed cannot be told from what has left, if this process dies: so nothing
            // is, while nothing can leave. After a while it is, so that it fails and staff hear.
            let wait_for = link.filter(|_| down.is_some_and(|down| down < HOLD));
            let lease = worker.lease().filter(|_| wait_for.is_none());
            let mut next = None;
            let begun = Begun::default();
            match &lease {
                Some(lease) if room > 0 => match worker.claim(lease, room, &begun).await {
                    Ok((claims, due)) => {
                        next = if claims.is_empty() { due } else { Some(office.clock().now()) };
                        for claim in claims {
                            under_way.spawn(Arc::clone(&worker).hand_over(claim, stop.clone()));
                        }
                    }
                    Err(error) => {
                        tracing::error!(adapter = worker.settings.adapter.as_str(), %error, "outbox.claim");
                        next = later(office.clock().now(), AGAIN);
                        // Where the commit's answer was lost these may stand as begun. Not one was
                        // put on the wire.
                        for ended in begun.take() {
                            let worker = Arc::clone(&worker);
                            under_way.spawn(worker.write_down(lease.run(), ended, stop.clone()));
                        }
                    }
                },
                _ => {
                    let now = office.clock().instant();
                    let lately = told.is_some_and(|told| now.duration_since(told) < TELL_EVERY);
                    if rung_here && !lately && !standing.is_alone() {
                        told = Some(now);
                        worker.tell_the_others().await;
                    }
                }
            }
            rung_here = false;
            let full = under_way.len() >= window;
            tokio::select! {
                Some(_) = under_way.join_next(), if full => {}
                () = rung, if !(full && standing.is_alone()) => rung_here = true,
                () = far_rung, if !full => {}
                () = worker.wake_at(next), if !full && next.is_some() => {}
                // Each second: what others put in without a word is found, and what was not allowed
                // may be by now.
                () = standing.changed(), if !full => {}
                () = came_up(wait_for.as_ref()), if wait_for.is_some() => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// The right to claim, where this node may hand anything over by this adapter.
    fn lease(&self) -> Option<Lease> {
        let standing = &self.settings.standing;
        let may = self.settings.adapter != AdapterName::SmsSmpp || standing.has_bind();
        standing.lease().filter(|_| may)
    }

    /// There is work that this node cannot take now.
    async fn tell_the_others(&self) {
        if let Err(error) = self.db.ring(self.office.practice().to_string()).await {
            tracing::warn!(%error, "outbox.ring");
        }
    }

    async fn wake_at(&self, next: Option<Timestamp>) {
        if let Some(next) = next {
            self.office.clock().sleep_until(next).await;
        }
    }

    /// Takes due rows in one transaction. Also answers when the next one is due.
    ///
    /// What to do with each is found out beforehand, on a reader, where that is of use.
    async fn claim(
        &self,
        lease: &Lease,
        limit: usize,
        begun: &Begun,
    ) -> Result<(Vec<Claim>, Option<Timestamp>), OutboxError> {
        let most = if self.db.is_shared() { AT_ONCE } else { u32::MAX };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).min(most);
        let mut ahead = None;
        if let Some(mark) = self.db.mark() {
            let (office, adapter) = (self.office.clone(), self.settings.adapter);
            let look = move |tx: &mut Tx<'_>| {
                let looked = look(tx, &office, adapter, limit, Some(mark))?;
                let next = outbox::next_due(tx, office.practice(), adapter.as_str())?;
                Ok::<_, OutboxError>((looked, next))
            };
            let (looked, next) = self.db.read(look).await?;
            if looked.is_empty() {
                return Ok((Vec::new(), next));
            }
            ahead = Some((mark, looked));
        }
        let office = self.office.clone();
        let (settings, lease) = (self.settings.clone(), lease.clone());
        let begun = begun.clone();
        self.db
            .write(move |tx| {
                if !lease.may_claim(tx, office.practice())? {
                    return Ok((Vec::new(), None));
                }
                let ahead = ahead.filter(|(mark, _)| tx.unchanged_since(mark));
                let looked = match ahead {
                    Some((_, looked)) => looked,
                    None => look(tx, &office, settings.adapter, limit, None)?,
                };
                let mut claims = Vec::with_capacity(looked.len());
                for asked in looked {
                    claims.extend(act(tx, &office, (&settings, &lease), asked)?);
                }
                let next = outbox::next_due(tx, office.practice(), settings.adapter.as_str())?;
                begun.note(&claims, settings.adapter);
                Ok((claims, next))
            })
            .await
    }

    /// The wire, and the answer written down.
    async fn hand_over(self: Arc<Self>, claim: Claim, stop: CancellationToken) {
        let draft = claim.cleared.draft();
        let id = draft.message;
        let confirms = confirms(draft.kind).then(|| self.office.address_index(&draft.address));
        let now = self.office.clock().now();
        let result = match gate::release(&claim.cleared, &claim.facts, &claim.policy, now) {
            Release::Go(released) => self.submit(released, &claim, now).await,
            // A minute turned between the claim and here: not sent, asked again.
            Release::NotBefore(_) | Release::Refuse(_) => Err(Failure::new(FailureKind::HeldBack)),
        };
        let ended = Ended {
            id,
            attempt: claim.attempt,
            number: claim.number,
            from: State::Sending,
            adapter: self.settings.adapter,
            confirms,
            result,
        };
        let (office, run, told) = (self.office.clone(), claim.lease.run(), ended.clone());
        if let Err(error) = self.db.write(move |tx| record_once(tx, &office, run, &told)).await {
            self.not_written(&ended, &error);
            self.write_down(run, ended, stop).await;
        }
    }

    /// Writes an attempt's end down as soon as that can be done: what is known is not forgotten
    /// because the disk was full for a minute. Whether the commit before went through is looked up,
    /// not guessed. When it is time to stop it is left as it stands: recovery calls it uncertain.
    async fn write_down(self: Arc<Self>, run: RunId, ended: Ended, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.office.clock().sleep(AGAIN) => {}
                () = stop.cancelled() => return,
            }
            let (office, told) = (self.office.clone(), ended.clone());
            match self.db.write(move |tx| record_once(tx, &office, run, &told)).await {
                Ok(()) => return,
                Err(error) => self.not_written(&ended, &error),
            }
        }
    }

    fn not_written(&self, ended: &Ended, error: &OutboxError) {
        let adapter = self.settings.adapter.as_str();
        tracing::error!(adapter, message = %ended.id, %error, "outbox.record");
    }
}

/// How long nothing is claimed because the carrier's connection is down.
const HOLD: Duration = Duration::from_secs(20);

async fn came_up(link: Option<&Link>) {
    if let Some(link) = link {
        link.up().await;
    }
}

/// How many rows one claim takes where several nodes work at one outbox: what a claim holds nobody
/// else can take, and if its node dies or is starved in the middle, all of it is done again.
const AT_ONCE: u32 = 32;

/// How long a failed write waits before it is tried again.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// The attempts that a claim was about to begin, kept where its commit cannot take them along.
#[derive(Clone, Default)]
struct Begun(Arc<Mutex<Vec<Ended>>>);

impl Begun {
    fn note(&self, claims: &[Claim], adapter: AdapterName) {
        let not_sent = claims.iter().map(|claim| Ended {
            id: claim.cleared.draft().message,
            attempt: claim.attempt,
            number: claim.number,
            from: State::Sending,
            adapter,
            confirms: None,
            result: Err(Failure::new(FailureKind::HeldBack)),
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(not_sent);
    }

    /// As attempts that ended without a byte on the wire.
    fn take(&self) -> Vec<Ended> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<A: Adapter> Worker<A> {
    /// The wire, measured.
    async fn submit(
        &self,
        released: Released<'_>,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Handoff, Failure> {
        let (metrics, clock) = (self.office.metrics(), self.office.clock());
        let adapter = self.settings.adapter.as_str();
        if claim.number == 1 {
            let waited = now.duration_since(claim.due_at).try_into().unwrap_or_default();
            metrics.accept_to_submit.took([adapter], waited);
        }
        let began = clock.instant();
        let result = self.adapter.send(released, &claim.lease).await;
        metrics.carrier_answer.took([adapter], clock.instant().duration_since(began));
        if self.office.traces().wanted() {
            let place = Place::of_message(claim.cleared.draft().message);
            let times = (now, clock.now());
            let mut span = Span::under(place, Step::HandOver, claim.attempt.0, times);
            span.failed = result.is_err();
            let outcome =
                result.as_ref().map_or_else(|failure| failure.kind.as_str(), |_| "accepted");
            let adapter = Say::Adapter(self.settings.adapter);
            let says = [adapter, Say::Attempt(claim.number), Say::Outcome(outcome)];
            self.office.traces().tell(span.saying(says));
        }
        result
    }
}

/// How often the others are told at most.
const TELL_EVERY: Duration = Duration::from_millis(20);

fn later(now: Timestamp, by: SignedDuration) -> Option<Timestamp> {
    now.checked_add(by).ok()
}

/// A row that is due, asked about again.
struct Asked {
    row: OutboxRow,
    what: Next,
}

/// What is to happen to it.
enum Next {
    Go(Box<Ready>),
    PutOff(Timestamp),
    Refuse(Box<Stored>, Refusal),
    /// It does not fit its clearance.
    SetAside(&'static str),
}

struct Ready {
    cleared: Cleared,
    stored: Stored,
    facts: Facts,
    policy: Arc<Policy>,
}

/// The rows that are due, each asked about again. Reads only. With a mark that was taken before, what
/// intake loaded under the same mark is not loaded again.
fn look(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    limit: u32,
    under: Option<Mark>,
) -> Result<Vec<Asked>, OutboxError> {
    let now = office.clock().now();
    let due = outbox::due(tx, office.practice(), adapter.as_str(), now, limit)?;
    tx.ahead(|tx| {
        due.iter().for_each(|row| drop(load(tx, office, row.message, (under, now))));
    })?;
    due.into_iter()
        .map(|row| Ok(Asked { what: ask_again(tx, office, row.message, (under, now))?, row }))
        .collect()
}

/// Read back from the row, and asked about with the facts as they are now.
fn ask_again(
    tx: &mut Tx<'_>,
    office: &Office,
    message: MessageId,
    (under, now): (Option<Mark>, Timestamp),
) -> Result<Next, OutboxError> {
    let (Taken { cleared, stored }, facts) = match load(tx, office, message, (under, now)) {
        Ok(loaded) => loaded,
        Err(OutboxError::Broken { because, .. }) => return Ok(Next::SetAside(because)),
        Err(error) => return Err(error),
    };
    let policy = office.policy();
    let refusal = match gate::release(&cleared, &facts, &policy, now) {
        Release::NotBefore(instant) => return Ok(Next::PutOff(instant)),
        Release::Refuse(refusal) => Some(refusal),
        Release::Go(_) => None,
    };
    Ok(match refusal {
        Some(refusal) => Next::Refuse(Box::new(stored), refusal),
        None => Next::Go(Box::new(Ready { cleared, stored, facts, policy })),
    })
}

/// The message, and the facts as they are now.
fn load(
    tx: &mut Tx<'_>,
    office: &Office,
    message: MessageId,
    (under, now): (Option<Mark>, Timestamp),
) -> Result<(Taken, Facts), OutboxError> {
    let taken = store::take(tx, office, message)?;
    let draft = taken.cleared.draft();
    let fresh = under.and_then(|under| office.fresh_facts().take(message, under, now));
    let facts = match fresh {
        Some(Loaded { subject, facts, .. }) => {
            let history = facts::history(tx, office, draft, subject.as_ref(), now)?;
            Facts { history: Known::Yes(history), ..Arc::unwrap_or_clone(facts) }
        }
        None => {
            let subject = match draft.patient {
                Some(patient) => facts::subject(tx, office, patient)?,
                None => None,
            };
            facts::load(tx, office, draft, subject.as_ref(), now)?
        }
    };
    Ok((taken, facts))
}

/// Claims, puts off, refuses or sets aside, unless the row was withdrawn meanwhile.
fn act(
    tx: &mut Tx<'_>,
    office: &Office,
    (settings, lease): (&Settings, &Lease),
    Asked { row: was, what }: Asked,
) -> Result<Option<Claim>, OutboxError> {
    let now = office.clock().now();
    let mut row = was.clone();
    row.attempts = row.attempts.saturating_add(1);
    row.leased_until = later(now, settings.lease);
    row.lease_owner = Some(lease.run().to_string());
    // Whatever is to follow, this is the one who does it.
    if !store::lease(tx, office, &was, &row)? {
        return Ok(None);
    }
    let ready = match what {
        Next::Go(ready) => *ready,
        Next::PutOff(instant) => {
            store::put_back(tx, office, &OutboxRow { due_at: instant, ..was })?;
            return Ok(None);
        }
        Next::Refuse(stored, refusal) => {
            store::refuse(tx, office, &stored, &refusal)?;
            return Ok(None);
        }
        Next::SetAside(because) => {
            tracing::error!(message = %was.message, because, "outbox.broken");
            store::set_aside(tx, office, &was, because)?;
            return Ok(None);
        }
    };
    let Ready { cleared, stored, facts, policy } = ready;
    let (attempt, number) = (AttemptId::new(office.clock()), row.attempts);
    let start = Start { message: row.message, number, adapter: settings.adapter.as_str() };
    attempt::start(tx, office.practice(), attempt, &start, now)?;
    let change = Change { id: row.message, from: stored.state, to: State::Sending, refusals: &[] };
    audit::read_behind(tx, office, MESSAGE, row.message.to_string());
    message::change_state(tx, office.practice(), &change, now)?;
    let released = Event::new(EventKind::AttemptStarted, Actor::service("outbox"))
        .about(MESSAGE, row.message)
        .correlation(attempt)
        .patient(stored.patient)
        .grounds(Grounds { policy: Some(policy.version().as_str().into()), ..Grounds::default() });
    audit::append(tx, office, released)?;
    if office.traces().wanted() {
        let (office, message, adapter) = (office.clone(), row.message, settings.adapter);
        let times = (row.due_at, now);
        tx.after_commit(move || {
            let place = Place::of_message(message);
            let span = Span::under(place, Step::Claim, office.clock().new_id(), times);
            office.traces().tell(span.saying([Say::Adapter(adapter), Say::Attempt(number)]));
        });
    }
    let (lease, due_at) = (lease.clone(), row.due_at);
    Ok(Some(Claim { lease, attempt, number, due_at, cleared, facts, policy }))
}

/// The one text that confirms an opt-out or apologises to a wrong number: once the carrier has it,
/// there is no second one.
const fn confirms(kind: Kind) -> bool {
    matches!(kind, Kind::StopConfirm | Kind::WrongNumberApology)
}

/// How an attempt ended.
#[derive(Clone)]
pub(crate) struct Ended {
    pub(crate) id: MessageId,
    pub(crate) attempt: AttemptId,
    pub(crate) number: u32,
    pub(crate) from: State,
    pub(crate) adapter: AdapterName,
    /// The address whose opt-out this message confirms (TEL-13).
    pub(crate) confirms: Option<[u8; 32]>,
    pub(crate) result: Result<Handoff, Failure>,
}

impl Ended {
    fn event(&self) -> Event {
        Event::new(EventKind::AttemptEnded, Actor::carrier(self.adapter.as_str()))
            .about(MESSAGE, self.id)
            .correlation(self.attempt)
    }
}

/// Writes an attempt's end down, unless that was done: by this call's earlier try, whose commit was
/// stored and not answered, or by another node, which took this one for dead and made the attempt
/// uncertain. The carrier's answer then settles it. Nothing is done about an attempt whose own
/// beginning was never stored.
fn record_once(
    tx: &mut Tx<'_>,
    office: &Office,
    run: RunId,
    ended: &Ended,
) -> Result<(), OutboxError> {
    if let Ok(handoff) = &ended.result {
        receipts::lock_all(tx, office, ended.adapter, &handoff.parts)?;
    }
    let practice = office.practice();
    tx.ahead(|tx| {
        let _ = outbox::still_leased(tx, practice, ended.id, run);
        let _ = attempt::outcome(tx, practice, ended.attempt);
        if let Ok(handoff) = &ended.result {
            let _ = receipts::early(tx, office, ended.adapter, &handoff.parts);
        }
    })?;
    // Asked first, since it holds the row: whoever gives this run up then waits, or has been.
    let leased = outbox::still_leased(tx, practice, ended.id, run)?;
    match attempt::outcome(tx, practice, ended.attempt)? {
        Some(Outcome::Started) if leased => written(tx, office, ended),
        Some(Outcome::Uncertain) => settle(tx, office, ended.id, ended.result.clone()),
        _ => Ok(()),
    }
}

/// Writes an attempt's end down, with everything that follows from it.
pub(crate) fn record(tx: &mut Tx<'_>, office: &Office, ended: &Ended) -> Result<(), OutboxError> {
    if let Ok(handoff) = &ended.result {
        receipts::lock_all(tx, office, ended.adapter, &handoff.parts)?;
    }
    written(tx, office, ended)
}

/// [`record`], where the carrier's ids are locked.
fn written(tx: &mut Tx<'_>, office: &Office, ended: &Ended) -> Result<(), OutboxError> {
    let outcome = match &ended.result {
        Ok(handoff) => {
            accepted(tx, office, ended, handoff)?;
            Outcome::Accepted
        }
        Err(failure) => failed(tx, office, ended, failure)?,
    };
    let (metrics, adapter) = (office.metrics(), ended.adapter.as_str());
    let failure = ended.result.as_ref().err().map(|failure| failure.kind.as_str());
    tx.after_commit(move || {
        metrics.attempts.add([adapter, outcome.as_str()]);
        if let Some(failure) = failure {
            metrics.failures.add([adapter, failure]);
        }
    });
    Ok(())
}

fn accepted(
    tx: &mut Tx<'_>,
    office: &Office,
    ended: &Ended,
    handoff: &Handoff,
) -> Result<(), OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    // Their ids are locked: nobody stores another one now.
    let early = receipts::early(tx, office, ended.adapter, &handoff.parts)?;
    let transport = handoff.transport.as_ref().and_then(|t| serde_json::to_string(t).ok());
    let end = End { outcome: Outcome::Accepted, failure: None, transport: transport.as_deref() };
    attempt::finish(tx, practice, ended.attempt, &end, now)?;
    let adapter = ended.adapter.as_str();
    for (number, carrier_id) in (1..).zip(&handoff.parts) {
        let part = Part { attempt: ended.attempt, number, adapter, carrier_id };
        attempt::add_part(tx, practice, &part, now)?;
    }
    // The portal is ours: what is stored there has arrived.
    let to = if ended.adapter == AdapterName::Portal { State::Delivered } else { State::Sent };
    outbox::delete(tx, practice, ended.id)?;
    let change = Change { id: ended.id, from: ended.from, to, refusals: &[] };
    audit::read_behind(tx, office, MESSAGE, ended.id.to_string());
    message::change_state(tx, practice, &change, now)?;
    if ended.from == State::Uncertain {
        receipts::spare_staff(tx, office, ended.id)?;
    }
    if let Some(address_index) = ended.confirms {
        let row = SuppressionRow {
            id: office.clock().new_id(),
            address_index: address_index.to_vec(),
            event: SuppressionKind::Confirmed,
            channel: None,
            kind: None,
            source: SuppressionSource::Words,
            inbound_id: None,
            recorded_by: "service:outbox".to_owned(),
            occurred_at: now,
        };
        suppression::add(tx, practice, &row)?;
    }
    audit::append(tx, office, ended.event())?;
    receipts::settle_early(tx, office, ended.adapter, &early)
}

fn failed(
    tx: &mut Tx<'_>,
    office: &Office,
    ended: &Ended,
    failure: &Failure,
) -> Result<Outcome, OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let uncertain = failure.kind == FailureKind::Uncertain;
    // What was given up as uncertain is never sent again, whatever the late answer says.
    let settled = ended.from == State::Uncertain;
    let again = retry_after(ended.number, failure.kind, jitter(ended.attempt)).filter(|_| !settled);
    let outcome = if uncertain { Outcome::Uncertain } else { Outcome::Failed };
    let end = End { outcome, failure: Some(failure.kind.as_str()), transport: None };
    attempt::finish(tx, practice, ended.attempt, &end, now)?;
    let adapter = ended.adapter.as_str();
    for (number, carrier_id) in (1..).zip(&failure.parts) {
        let part = Part { attempt: ended.attempt, number, adapter, carrier_id };
        attempt::add_part(tx, practice, &part, now)?;
    }
    let to = match again {
        _ if uncertain => State::Uncertain,
        Some(_) => State::Queued,
        None => State::Failed,
    };
    let change = Change { id: ended.id, from: ended.from, to, refusals: &[] };
    message::change_state(tx, practice, &change, now)?;
    match again.filter(|_| !uncertain) {
        Some(after) => {
            if let Some(mut row) = outbox::find(tx, practice, ended.id)? {
                row.leased_until = None;
                row.lease_owner = None;
                row.due_at = now.checked_add(after).unwrap_or(now);
                store::put_back(tx, office, &row)?;
                store::ring(tx, office);
            }
        }
        None => {
            outbox::delete(tx, practice, ended.id)?;
            receipts::ask_staff(tx, office, ended.id, failure.kind)?;
        }
    }
    if failure.kind.effect() != Effect::None {
        receipts::apply_effect(tx, office, ended.id, failure.kind)?;
    }
    let went = if uncertain { audit::Outcome::Uncertain } else { audit::Outcome::Failed };
    audit::append(tx, office, ended.event().outcome(went).code(failure.kind.as_str()))?;
    Ok(outcome)
}

/// The carrier's answer to a submit that had been given up as uncertain.
///
/// # Errors
/// [`OutboxError`].
pub fn settle(
    tx: &mut Tx<'_>,
    office: &Office,
    id: MessageId,
    result: Result<Handoff, Failure>,
) -> Result<(), OutboxError> {
    let Some(stored) = message::find(tx, office.practice(), id)? else { return Ok(()) };
    let Some(last) = attempt::last_of(tx, office.practice(), id)? else { return Ok(()) };
    let Some(adapter) = AdapterName::from_word(&last.adapter) else { return Ok(()) };
    if stored.state != State::Uncertain || last.outcome != Outcome::Uncertain {
        return Ok(());
    }
    let (attempt, number) = (last.id, last.number);
    let confirms = confirms(stored.kind).then_some(stored.address_index);
    let from = stored.state;
    record(tx, office, &Ended { id, attempt, number, from, adapter, confirms, result })
}

/// A number from 0 to 1 that differs from attempt to attempt: the last bytes of a UUID v7 are
/// random.
fn jitter(attempt: AttemptId) -> f64 {
    let [.., a, b] = attempt.0.into_bytes();
    f64::from(u16::from_be_bytes([a, b])) / f64::from(u16::MAX)
}
