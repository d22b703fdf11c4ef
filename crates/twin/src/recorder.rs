//! Keeps the record: counts always, items if wanted, a file if wanted.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::journal::{self, Fact, RecordError, Unfinished};
use crate::plan::{Plan, What};
use crate::record::{Block, Bounce, Click, Counts, Mail, Outcome, Receipt, Record, Reply, Text};

/// How much the twin remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Counts only, and no file: for benchmarks.
    Counts,
    /// At most this many items of each kind; the oldest are dropped first.
    Items(usize),
}

impl Default for Keep {
    /// A hundred thousand items.
    fn default() -> Self {
        Self::Items(100_000)
    }
}

pub(crate) struct Recorder {
    keep: Keep,
    /// Whether there is a file, known without the lock.
    journals: bool,
    counts: Tally,
    kept: Mutex<Kept>,
    changed: Notify,
}

struct Kept {
    record: Record,
    file: Option<(PathBuf, File)>,
}

/// An act of the world, about to be put on the wire.
enum Act {
    Receipt(Receipt),
    Reply(Reply),
    Bounce(Bounce),
    Click(Click),
}

impl Act {
    /// What the record says of a plan that is carried out now; nothing for a block, which has its
    /// own fact.
    fn of(plan: &Plan, at: Timestamp) -> Option<Self> {
        let id = plan.id;
        Some(match &plan.what {
            What::Receipt(due) => Self::Receipt(Receipt {
                id,
                at,
                channel: due.channel,
                message_id: due.message_id.clone(),
                to: due.to.clone(),
                state: due.state,
                error: due.error,
                acked_at: None,
            }),
            What::Reply(due) => Self::Reply(Reply {
                id,
                at,
                channel: due.channel,
                from: due.from.clone(),
                to: due.to.clone(),
                text: due.text.clone(),
                kind: due.kind,
                acked_at: None,
            }),
            What::Notice(due) => Self::Bounce(Bounce {
                id,
                at,
                to: due.to.clone(),
                recipient: due.recipient.clone(),
                action: due.action.clone(),
                status: due.status.clone(),
                acked_at: None,
            }),
            What::Click { who, url } => {
                let (who, url) = (who.clone(), url.clone());
                Self::Click(Click { id, at, who, url, acked_at: None })
            }
            What::Block { .. } => return None,
        })
    }
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
        if let (Some(path), Keep::Items(most)) = (file, keep) {
            let (opened, left) = journal::open(path, most, &mut kept.record)?;
            unfinished = left;
            kept.file = Some((path.to_owned(), opened));
        }
        let recorder = Self {
            keep,
            journals: kept.file.is_some(),
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
        if self.journals {
            self.kept().append(&Fact::Planned(plan.clone()));
        }
    }

    /// Something is put on the wire; a repeated try is not recorded twice.
    pub(crate) fn act(&self, plan: &Plan, at: Timestamp) {
        let Some(act) = self.keeps_items().then(|| Act::of(plan, at)).flatten() else { return };
        let (id, fact) = match act {
            Act::Receipt(receipt) => (receipt.id, Fact::Receipt(receipt)),
            Act::Reply(reply) => (reply.id, Fact::Reply(reply)),
            Act::Bounce(bounce) => (bounce.id, Fact::Bounce(bounce)),
            Act::Click(click) => (click.id, Fact::Click(click)),
        };
        if !self.kept().record.places.contains_key(&id) {
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
