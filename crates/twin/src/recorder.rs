//! Keeps the record: counts always, items if wanted, a file if wanted.
//!
//! The file is JSON lines, one fact each, appended as it happens. It also holds what was planned
//! (receipts and replies not yet sent), so that a world that was stopped goes on where it was.
//! A crash leaves at most one unfinished last line, which the next start cuts off.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::plan::Plan;
use crate::record::{
    Block, Bounce, Click, Counts, Mail, Outcome, Place, Receipt, Record, Reply, Text,
};

/// No fact is longer than this in the file: the largest mail with room for escapes.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// How much the twin remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Counts only: for benchmarks.
    Counts,
    /// At most this many items of each kind; the oldest are dropped first.
    Items(usize),
}

impl Default for Keep {
    /// A million items.
    fn default() -> Self {
        Self::Items(1_000_000)
    }
}

/// The record's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Opening, reading or writing failed.
    #[error("record file {}: {source}; name another with `record_file`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not a fact.
    #[error("record file {}, line {line}: not one of the twin's facts; remove the file", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The first being 1.
        line: usize,
    },
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
enum Fact {
    Text(Text),
    Receipt(Receipt),
    Reply(Reply),
    Mail(Mail),
    Bounce(Bounce),
    Click(Click),
    Block(Block),
    Planned(Plan),
    Acked { id: u64, at: Timestamp },
    GaveUp { id: u64 },
    Done { id: u64 },
}

/// What an earlier run left behind.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    /// Planned and neither acknowledged nor given up.
    pub(crate) plans: Vec<Plan>,
    /// Higher than every number used so far.
    pub(crate) next_id: u64,
}

pub(crate) struct Recorder {
    keep: Keep,
    counts: Tally,
    kept: Mutex<Kept>,
    changed: Notify,
}

struct Kept {
    record: Record,
    file: Option<(PathBuf, File)>,
}

/// An act of the world, about to be put on the wire.
pub(crate) enum Act {
    Receipt(Receipt),
    Reply(Reply),
    Bounce(Bounce),
    Click(Click),
}

#[derive(Default)]
struct Tally {
    texts: AtomicU64,
    parts: AtomicU64,
    refused: AtomicU64,
    receipts: AtomicU64,
    replies: AtomicU64,
    mails: AtomicU64,
    mails_refused: AtomicU64,
    bounces: AtomicU64,
    clicks: AtomicU64,
    given_up: AtomicU64,
    binds: AtomicU64,
}

/// What kind of act was acknowledged, for the counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Acked {
    Receipt,
    Reply,
    Bounce,
    Click,
}

impl Recorder {
    /// A recorder, with the record of an earlier run if `file` holds one.
    pub(crate) fn open(keep: Keep, file: Option<&Path>) -> Result<(Self, Unfinished), RecordError> {
        let mut kept = Kept { record: Record::default(), file: None };
        let mut unfinished = Unfinished::default();
        if let Some(path) = file {
            let io = |source| RecordError::Io { path: path.to_owned(), source };
            let mut options = OpenOptions::new();
            let mut opened = options
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)
                .map_err(io)?;
            unfinished = reload(path, &mut opened, &mut kept.record)?;
            kept.file = Some((path.to_owned(), opened));
        }
        let recorder = Self {
            keep,
            counts: Tally::from(&kept.record.counts),
            kept: Mutex::new(kept),
            changed: Notify::new(),
        };
        Ok((recorder, unfinished))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether texts need to be decoded at all.
    pub(crate) fn keeps_items(&self) -> bool {
        self.keep != Keep::Counts
    }

    /// Looks at the record in place.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        let mut kept = self.kept();
        kept.record.counts = self.counts.read();
        look(&kept.record)
    }

    /// Waits until the record satisfies this.
    pub(crate) async fn until(&self, condition: impl Fn(&Record) -> bool) {
        loop {
            let changed = self.changed.notified();
            if self.look(&condition) {
                return;
            }
            changed.await;
        }
    }

    /// One `submit_sm` (or one request) was taken.
    pub(crate) fn part_taken(&self, whole: bool) {
        self.counts.parts.fetch_add(1, Ordering::Relaxed);
        if whole {
            self.counts.texts.fetch_add(1, Ordering::Relaxed);
        }
        self.changed.notify_waiters();
    }

    /// One `submit_sm` (or one request) was refused.
    pub(crate) fn part_refused(&self) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub(crate) fn bound(&self) {
        self.counts.binds.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub(crate) fn text(&self, text: Text) {
        self.store(Fact::Text(text));
    }

    pub(crate) fn mail(&self, mail: Mail) {
        let counter = match mail.outcome {
            Outcome::Taken => &self.counts.mails,
            Outcome::Refused(_) => &self.counts.mails_refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.store(Fact::Mail(mail));
    }

    pub(crate) fn block(&self, block: Block) {
        self.store(Fact::Block(block));
    }

    /// Something will be done later; only the file cares.
    pub(crate) fn planned(&self, plan: &Plan) {
        let mut kept = self.kept();
        if kept.file.is_some() {
            kept.append(&Fact::Planned(plan.clone()));
        }
    }

    /// Something is put on the wire; a repeated try is not recorded twice.
    pub(crate) fn act(&self, act: Act) {
        let (id, fact) = match act {
            Act::Receipt(receipt) => (receipt.id, Fact::Receipt(receipt)),
            Act::Reply(reply) => (reply.id, Fact::Reply(reply)),
            Act::Bounce(bounce) => (bounce.id, Fact::Bounce(bounce)),
            Act::Click(click) => (click.id, Fact::Click(click)),
        };
        if self.keeps_items() && !self.kept().record.places.contains_key(&id) {
            self.store(fact);
        }
    }

    /// The other side acknowledged an act.
    pub(crate) fn acked(&self, id: u64, what: Acked, at: Timestamp) {
        let counter = match what {
            Acked::Receipt => &self.counts.receipts,
            Acked::Reply => &self.counts.replies,
            Acked::Bounce => &self.counts.bounces,
            Acked::Click => &self.counts.clicks,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.store(Fact::Acked { id, at });
    }

    /// A plan that needs nobody's acknowledgement was carried out.
    pub(crate) fn done(&self, id: u64) {
        self.store(Fact::Done { id });
    }

    /// An act is not tried again.
    pub(crate) fn gave_up(&self, id: u64) {
        self.counts.given_up.fetch_add(1, Ordering::Relaxed);
        self.store(Fact::GaveUp { id });
    }

    fn store(&self, fact: Fact) {
        if let Keep::Items(most) = self.keep {
            let mut kept = self.kept();
            kept.append(&fact);
            kept.record.take(fact);
            kept.record.forget_beyond(most);
        }
        self.changed.notify_waiters();
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) {
        let kept = self.kept();
        if let Some((path, file)) = &kept.file
            && let Err(error) = file.sync_data()
        {
            tracing::error!(path = %path.display(), %error, "twin: record file not synced");
        }
    }
}

impl Kept {
    fn append(&mut self, fact: &Fact) {
        let Some((path, file)) = &mut self.file else { return };
        let written =
            serde_json::to_vec(fact).map_err(std::io::Error::from).and_then(|mut line| {
                line.push(b'\n');
                file.write_all(&line)
            });
        if let Err(error) = written {
            // The record in memory stays right; what follows would only make the file misleading.
            tracing::error!(path = %path.display(), %error, "twin: record file given up");
            self.file = None;
        }
    }
}

fn reload(path: &Path, file: &mut File, record: &mut Record) -> Result<Unfinished, RecordError> {
    let io = |source| RecordError::Io { path: path.to_owned(), source };
    let mut plans = BTreeMap::new();
    let mut next_id = 0;
    let mut whole = 0_u64;
    let mut line = Vec::new();
    let mut reader = BufReader::new(&*file);
    for number in 1.. {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(io)?;
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        let fact: Fact = serde_json::from_slice(&line)
            .map_err(|_| RecordError::Line { path: path.to_owned(), line: number })?;
        whole += read as u64;
        match &fact {
            Fact::Planned(plan) => {
                next_id = next_id.max(plan.id + 1);
                plans.insert(plan.id, plan.clone());
            }
            Fact::Acked { id, .. } | Fact::GaveUp { id } | Fact::Done { id } => {
                plans.remove(id);
            }
            _ => {}
        }
        record.count(&fact);
        record.take(fact);
    }
    file.set_len(whole).map_err(io)?;
    file.seek(SeekFrom::Start(whole)).map_err(io)?;
    Ok(Unfinished { plans: plans.into_values().collect(), next_id })
}

impl Record {
    /// Rebuilds the counts from the facts of an earlier run; live counts are kept as they happen.
    fn count(&mut self, fact: &Fact) {
        let counts = &mut self.counts;
        match fact {
            Fact::Text(text) if text.outcome == Outcome::Taken => {
                counts.texts += 1;
                counts.parts += u64::from(text.parts);
            }
            Fact::Text(_) => counts.refused += 1,
            Fact::Mail(mail) if mail.outcome == Outcome::Taken => counts.mails += 1,
            Fact::Mail(_) => counts.mails_refused += 1,
            Fact::GaveUp { .. } => counts.given_up += 1,
            Fact::Acked { id, .. } => match self.places.get(id) {
                Some(Place::Receipt(_)) => counts.receipts_acked += 1,
                Some(Place::Reply(_)) => counts.replies_acked += 1,
                Some(Place::Bounce(_)) => counts.bounces_acked += 1,
                Some(Place::Click(_)) => counts.clicks_acked += 1,
                None => {}
            },
            _ => {}
        }
    }

    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Text(text) => self.texts.push(text),
            Fact::Mail(mail) => self.mails.push(mail),
            Fact::Block(block) => self.blocks.push(block),
            Fact::Receipt(receipt) => {
                self.places.insert(receipt.id, Place::Receipt(self.receipts.len()));
                self.receipts.push(receipt);
            }
            Fact::Reply(reply) => {
                self.places.insert(reply.id, Place::Reply(self.replies.len()));
                self.replies.push(reply);
            }
            Fact::Bounce(bounce) => {
                self.places.insert(bounce.id, Place::Bounce(self.bounces.len()));
                self.bounces.push(bounce);
            }
            Fact::Click(click) => {
                self.places.insert(click.id, Place::Click(self.clicks.len()));
                self.clicks.push(click);
            }
            Fact::Acked { id, at } => self.acked(id, at),
            Fact::Planned(_) | Fact::GaveUp { .. } | Fact::Done { .. } => {}
        }
    }

    fn acked(&mut self, id: u64, at: Timestamp) {
        let slot = match self.places.get(&id) {
            Some(Place::Receipt(n)) => self.receipts.get_mut(*n).map(|r| &mut r.acked_at),
            Some(Place::Reply(n)) => self.replies.get_mut(*n).map(|r| &mut r.acked_at),
            Some(Place::Bounce(n)) => self.bounces.get_mut(*n).map(|b| &mut b.acked_at),
            Some(Place::Click(n)) => self.clicks.get_mut(*n).map(|c| &mut c.acked_at),
            None => None,
        };
        if let Some(slot) = slot {
            *slot = Some(at);
        }
    }

    /// Drops the oldest eighth of a list that has grown beyond `most`, so that the cost of moving
    /// the rest is spread over many items.
    fn forget_beyond(&mut self, most: usize) {
        let cut = (most / 8).max(1);
        let mut dropped = trim(&mut self.texts, most, cut);
        dropped += trim(&mut self.mails, most, cut);
        dropped += trim(&mut self.blocks, most, cut);
        let acts = trim(&mut self.receipts, most, cut)
            + trim(&mut self.replies, most, cut)
            + trim(&mut self.bounces, most, cut)
            + trim(&mut self.clicks, most, cut);
        self.forgotten += (dropped + acts) as u64;
        if acts > 0 {
            self.places = self.index();
        }
    }

    fn index(&self) -> HashMap<u64, Place> {
        let receipts = self.receipts.iter().enumerate().map(|(n, r)| (r.id, Place::Receipt(n)));
        let replies = self.replies.iter().enumerate().map(|(n, r)| (r.id, Place::Reply(n)));
        let bounces = self.bounces.iter().enumerate().map(|(n, b)| (b.id, Place::Bounce(n)));
        let clicks = self.clicks.iter().enumerate().map(|(n, c)| (c.id, Place::Click(n)));
        receipts.chain(replies).chain(bounces).chain(clicks).collect()
    }
}

fn trim<T>(list: &mut Vec<T>, most: usize, cut: usize) -> usize {
    if list.len() <= most {
        return 0;
    }
    list.drain(..cut.min(list.len())).count()
}

impl Tally {
    fn from(counts: &Counts) -> Self {
        Self {
            texts: counts.texts.into(),
            parts: counts.parts.into(),
            refused: counts.refused.into(),
            receipts: counts.receipts_acked.into(),
            replies: counts.replies_acked.into(),
            mails: counts.mails.into(),
            mails_refused: counts.mails_refused.into(),
            bounces: counts.bounces_acked.into(),
            clicks: counts.clicks_acked.into(),
            given_up: counts.given_up.into(),
            binds: 0.into(),
        }
    }

    fn read(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            texts: of(&self.texts),
            parts: of(&self.parts),
            refused: of(&self.refused),
            receipts_acked: of(&self.receipts),
            replies_acked: of(&self.replies),
            mails: of(&self.mails),
            mails_refused: of(&self.mails_refused),
            bounces_acked: of(&self.bounces),
            clicks_acked: of(&self.clicks),
            given_up: of(&self.given_up),
            binds: of(&self.binds),
        }
    }
}
