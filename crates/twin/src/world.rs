//! The world behind the doors: who lives in it, what they do about a message, what is planned.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::faults::{Channel, Fault, Faults, NotDelivered};
use crate::journal::Unfinished;
use crate::number::address_key;
use crate::patients::{Behaviour, Line, Persona, Reaction};
use crate::plan::{Plan, Plans, ReceiptDue, ReplyDue, What};
use crate::record::{Block, DeliveryState, Record};
use crate::recorder::Recorder;
use crate::world_clock::WorldClock;

/// Later tries of something the other side did not take, in simulated time.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(20);
/// Tries of one act before the world gives up.
const MOST_TRIES: u8 = 8;
/// How much later the stale or repeated receipts of a fault come.
const AFTERTHOUGHT: SignedDuration = SignedDuration::from_secs(2);

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) clock: WorldClock,
    pub(crate) faults: Faults,
    pub(crate) recorder: Recorder,
    pub(crate) plans: Plans,
    next_id: AtomicU64,
    next_message: AtomicU64,
    people: RwLock<HashMap<String, Resident>>,
    /// Lets a world without people pass without the lock.
    inhabited: AtomicBool,
    blocked: RwLock<HashSet<String>>,
    any_blocked: AtomicBool,
    outward: Mutex<Outward>,
}

/// Where the twin's own requests go; nothing leaves the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outward {
    pub(crate) bounces_to: Option<SocketAddr>,
    pub(crate) web: Option<SocketAddr>,
    pub(crate) inbound_webhook: Option<String>,
}

struct Resident {
    persona: Persona,
    /// Messages heard so far.
    heard: AtomicU64,
    /// Has said the one thing it will ever say.
    done: AtomicBool,
}

/// What a receipt is about.
pub(crate) struct Sent {
    pub(crate) channel: Channel,
    pub(crate) message_id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) callback: Option<String>,
    /// Delay of an ordinary receipt.
    pub(crate) delay: SignedDuration,
    /// Whether the carrier also reports "on its way".
    pub(crate) tells_progress: bool,
}

impl Sent {
    pub(crate) fn receipt(
        &self,
        state: DeliveryState,
        error: Option<u16>,
        submitted: Timestamp,
    ) -> What {
        What::Receipt(ReceiptDue {
            channel: self.channel,
            message_id: self.message_id.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            state,
            error,
            submitted,
            callback: self.callback.clone(),
        })
    }
}

impl World {
    pub(crate) fn new(
        seed: u64,
        clock: WorldClock,
        recorder: Recorder,
        left: Unfinished,
        people: Vec<Persona>,
    ) -> Self {
        // Ids of messages go up with time, so that a restarted world does not repeat one.
        let seconds = u64::try_from(clock.now().as_second()).unwrap_or(0);
        let earlier = recorder.look(|record| record.counts.parts + record.counts.mails);
        let world = Self {
            next_message: AtomicU64::new(seconds * 1_000_000 + earlier),
            seed,
            clock,
            faults: Faults::new(seed),
            plans: Plans::default(),
            next_id: AtomicU64::new(left.next_id),
            people: RwLock::default(),
            inhabited: AtomicBool::new(false),
            blocked: RwLock::default(),
            any_blocked: AtomicBool::new(false),
            outward: Mutex::default(),
            recorder,
        };
        for persona in people {
            world.settle(persona);
        }
        let blocks = world.recorder.look(|record| record.blocks.clone());
        for block in blocks {
            world.refuse_from_now_on(&block.address);
        }
        for plan in left.plans {
            world.remember_intent(&plan);
            world.plans.add(plan);
        }
        world
    }

    /// A person moves in, with the memory that the record has of them.
    pub(crate) fn settle(&self, persona: Persona) {
        let (heard, done) = self.recorder.look(|record| remembered(record, &persona));
        let key = address_key(&persona.address);
        let resident =
            Resident { persona, heard: AtomicU64::new(heard), done: AtomicBool::new(done) };
        self.people.write().unwrap_or_else(PoisonError::into_inner).insert(key, resident);
        self.inhabited.store(true, Ordering::Release);
    }

    /// Somebody whose only answer was still on its way when the world stopped has had their say.
    fn remember_intent(&self, plan: &Plan) {
        let who = match &plan.what {
            What::Reply(reply) => &reply.from,
            What::Block { address } => address,
            What::Click { who, .. } => who,
            What::Receipt(_) | What::Notice(_) => return,
        };
        self.resident(who, |resident| {
            let done = resident.persona.answers_once() || !matches!(plan.what, What::Reply(_));
            resident.done.fetch_or(done, Ordering::AcqRel);
        });
    }

    pub(crate) fn inhabited(&self) -> bool {
        self.inhabited.load(Ordering::Acquire)
    }

    fn resident<T>(&self, address: &str, look: impl FnOnce(&Resident) -> T) -> Option<T> {
        if !self.inhabited() {
            return None;
        }
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.get(&address_key(address)).map(look)
    }

    /// What is at the other end of an address.
    pub(crate) fn line(&self, address: &str) -> Option<Line> {
        self.resident(address, |resident| resident.persona.line)
    }

    /// Whether this mailbox's owner is about to press one-click unsubscribe, for the first time.
    pub(crate) fn unsubscribes(&self, address: &str) -> bool {
        let first = self.resident(address, |resident| {
            resident.persona.behaviour == Behaviour::Unsubscribes
                && !resident.done.swap(true, Ordering::AcqRel)
        });
        first.unwrap_or(false)
    }

    pub(crate) fn is_blocked(&self, address: &str) -> bool {
        self.any_blocked.load(Ordering::Acquire)
            && self
                .blocked
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&address_key(address))
    }

    fn refuse_from_now_on(&self, address: &str) {
        let mut blocked = self.blocked.write().unwrap_or_else(PoisonError::into_inner);
        blocked.insert(address_key(address));
        self.any_blocked.store(true, Ordering::Release);
    }

    /// The carrier refuses this address from now on.
    pub(crate) fn block(&self, address: &str) {
        self.refuse_from_now_on(address);
        self.recorder.block(Block { at: self.clock.now(), address: address.to_owned() });
    }

    /// What goes wrong with a message: the script first, then a block by its owner.
    pub(crate) fn meet(&self, channel: Channel, to: &str) -> Option<Fault> {
        let scripted = self.faults.meet(channel, to);
        scripted.or_else(|| self.is_blocked(to).then_some(Fault::OptedOut))
    }

    /// A text is on the phone: its owner may do something about it.
    pub(crate) fn heard(&self, channel: Channel, from: &str, to: &str, text: &str) {
        let now = self.clock.now();
        let reaction = self.resident(to, |resident| {
            let nth = resident.heard.fetch_add(1, Ordering::AcqRel);
            if resident.persona.line != Line::Mobile || resident.done.load(Ordering::Acquire) {
                return None;
            }
            let reaction = resident.persona.react(self.seed, nth, text)?;
            let last =
                resident.persona.answers_once() || matches!(reaction, Reaction::Block { .. });
            resident.done.fetch_or(last, Ordering::AcqRel);
            Some(reaction)
        });
        match reaction.flatten() {
            Some(Reaction::Say { text, kind, after }) => {
                let (from, to) = (to.to_owned(), from.to_owned());
                self.plan(now, after, What::Reply(ReplyDue { channel, from, to, text, kind }));
            }
            Some(Reaction::Block { after }) => {
                self.plan(now, after, What::Block { address: to.to_owned() });
            }
            None => {}
        }
    }

    /// Plans something.
    pub(crate) fn plan(&self, now: Timestamp, after: SignedDuration, what: What) {
        self.plans.add(self.prepare(now.saturating_add(after).unwrap_or(now), what));
    }

    /// Makes a plan that the caller carries out itself.
    pub(crate) fn prepare(&self, at: Timestamp, what: What) -> Plan {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let plan = Plan { id, at, tries: 0, what };
        self.recorder.planned(&plan);
        plan
    }

    /// A number for a message, never used before.
    pub(crate) fn new_message(&self) -> u64 {
        self.next_message.fetch_add(1, Ordering::Relaxed)
    }

    /// Something the other side did not take is tried again later, or given up in the end.
    pub(crate) fn again(&self, mut plan: Plan) {
        plan.tries = plan.tries.saturating_add(1);
        if plan.tries >= MOST_TRIES {
            return self.recorder.gave_up(plan.id);
        }
        let wait = TRY_AGAIN * (1 << i32::from(plan.tries.min(6)));
        plan.at = self.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
        self.plans.add(plan);
    }

    /// Plans the receipts of a message that was taken, as the line and the fault want them.
    pub(crate) fn plan_receipts(&self, sent: Sent, fault: Option<Fault>) {
        let now = self.clock.now();
        let failed = match fault {
            Some(Fault::FailedReceipt { why }) => Some(why),
            _ if self.line(&sent.to) == Some(Line::Landline) => Some(NotDelivered::Landline),
            _ => None,
        };
        let last = match failed {
            None => DeliveryState::Delivered,
            Some(NotDelivered::Expired) => DeliveryState::Expired,
            Some(_) => DeliveryState::Undeliverable,
        };
        let (mut after, mut finals, mut progress) = (sent.delay, 1, None);
        match fault {
            // The second of these is sent by the door itself, before it answers.
            Some(Fault::LostReceipt | Fault::Mislaid | Fault::ReceiptBeforeAnswer) => return,
            Some(Fault::LateReceipt { by }) => after += by,
            Some(Fault::DuplicateReceipts { extra }) => finals += u32::from(extra),
            Some(Fault::ReorderedReceipts) => progress = Some(after + AFTERTHOUGHT),
            _ => {}
        }
        if sent.tells_progress && progress.is_none() {
            progress = Some(after / 2);
        }
        if let Some(when) = progress {
            self.plan(now, when, sent.receipt(DeliveryState::OnItsWay, None, now));
        }
        for _ in 0..finals {
            let error = failed.map(NotDelivered::code);
            self.plan(now, after, sent.receipt(last, error, now));
            after += AFTERTHOUGHT;
        }
    }

    pub(crate) fn outward(&self) -> Outward {
        self.outward.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change_outward(&self, change: impl FnOnce(&mut Outward)) {
        change(&mut self.outward.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How many messages a person has had, and whether they have had their say.
fn remembered(record: &Record, persona: &Persona) -> (u64, bool) {
    let texts = record.texts_to(&persona.address).count();
    let mails = record.mails_to(&persona.address).count();
    let replied = record.replies_from(&persona.address).next().is_some();
    let key = address_key(&persona.address);
    let clicked = record.clicks.iter().any(|click| address_key(&click.who) == key);
    let blocked = record.blocks.iter().any(|block| address_key(&block.address) == key);
    let done = clicked || blocked || (replied && persona.answers_once());
    ((texts + mails) as u64, done)
}
