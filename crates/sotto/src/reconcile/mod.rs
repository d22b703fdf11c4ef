//! What should be, compared with what is: our record with itself, with what carriers said, and with
//! the schedule. Each night and whenever somebody asks.
//!
//! | file | what |
//! |---|---|
//! | `finding.rs` | the closed list of what can be found: words, remedy, task, cure |
//! | `our_record.rs` | messages, the queue, attempts, parts and receipts |
//! | `schedule.rs` | appointments, their reminders, and what was sent |
//! | `replies.rs` | what patients wrote, its conversation and its task |
//! | `ask_carrier.rs` | the carrier, asked what became of a text |
//! | `carrier_file.rs`, `carrier_list.rs` | a carrier's delivery file, read and held against our parts |
//! | `settle.rs` | findings written down, cured or given to a person, and ended |
//! | `report.rs` | what a run says |
//! | `nightly.rs` | who makes a run, and when |
//!
//! A run reads on a reader and writes each finding in a transaction of its own. A crash in between
//! leaves a run that was begun and not finished, and findings that the next run finds again: a
//! finding is one row, and has one task, however often it is found. Nothing is ever sent again that
//! may have been sent.

mod ask_carrier;
pub mod carrier_file;
mod carrier_list;
mod finding;
pub mod nightly;
mod our_record;
mod replies;
pub mod report;
mod schedule;
mod settle;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::channels::{Adapter as _, AdapterName, AnyAdapter};
use crate::conversations::tasks::TaskError;
use crate::db::reconciliation::{self, RunRow};
use crate::db::registry::RECONCILIATION;
use crate::db::{Db, DbError, Tx, Word as _};
use crate::journeys::reminders::ReminderError;
use crate::live::Live;
use crate::office::Office;
use crate::outbox::OutboxError;
use crate::outbox::recover::{self, Broken};
use crate::receipts::ReceiptError;
use crate::{params, sql};

pub use finding::FindingKind;
pub use report::Report;

use ask_carrier::{Asking, Overdue};
use carrier_file::{CarrierFile, CarrierFileError};
use finding::Found;
use report::LookedAt;

/// A comparison cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The reminder plan, or planning anew.
    #[error(transparent)]
    Reminders(#[from] ReminderError),
    /// The queue.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// What a carrier says.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The carrier's file.
    #[error("the carrier's file: {0}")]
    File(#[from] CarrierFileError),
    /// No carrier whose file it could be.
    #[error("no carrier for texts is set up; the file has nothing to be held against")]
    NoTextCarrier,
    /// A task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// What the practice sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// For how long a carrier may say nothing before a message counts as lost.
    pub receipt_within: SignedDuration,
    /// Real time from one question to the carrier to the next; none: it is not asked.
    pub question_every: Option<Duration>,
}

impl Default for Settings {
    /// A day, and five questions a second.
    fn default() -> Self {
        Self {
            receipt_within: SignedDuration::from_hours(24),
            question_every: Some(Duration::from_millis(200)),
        }
    }
}

/// How far back a run looks, where nobody says: twice as long as carriers keep trying, and over
/// whatever no run has looked at yet.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// For how long a carrier tries: what its file tells of a day may have been sent so long before.
const TRIES_FOR: SignedDuration = SignedDuration::from_hours(72);

/// Real time: what is younger is the running service's to finish. Three leases.
const GRACE: Duration = Duration::from_secs(900);

/// Real time: what is due for so long is stuck.
const STUCK: Duration = Duration::from_secs(2 * 3600);

/// What the carrier has to say, beside its receipts.
#[derive(Debug)]
pub enum Carrier<'a> {
    /// Nothing.
    Silent,
    /// Its delivery file.
    File(&'a mut CarrierFile),
    /// It is asked about each text without a receipt, until the server stops.
    Asked(&'a [Live<AnyAdapter>], &'a CancellationToken),
}

impl<'a> Carrier<'a> {
    /// The adapter of texts, of those the service has.
    fn adapter(adapters: &'a [Live<AnyAdapter>]) -> Option<&'a Live<AnyAdapter>> {
        let sms = |name| matches!(name, AdapterName::SmsSmpp | AdapterName::SmsHttp);
        adapters.iter().find(|adapter| sms(adapter.name()))
    }

    /// It is to be asked, and there is no line to it now.
    fn is_apart(&self) -> bool {
        let Self::Asked(adapters, _) = self else { return false };
        let link = Self::adapter(adapters).and_then(|adapter| adapter.link());
        link.is_some_and(|link| !link.is_up())
    }
}

/// What a run looks at.
#[derive(Debug, Clone, Copy)]
struct Span {
    since: Timestamp,
    until: Timestamp,
}

/// The instants that a run measures by.
#[derive(Debug, Clone)]
struct Limits {
    now: Timestamp,
    /// What changed after it may still be under way.
    settled_by: Timestamp,
    /// What was due before it is stuck.
    stuck_since: Timestamp,
    /// What the carrier took before it should have a receipt.
    receipts_by: Timestamp,
}

impl Limits {
    fn new(office: &Office, settings: &Settings) -> Self {
        let now = office.clock().now();
        let ago = |span: SignedDuration| now.checked_sub(span).unwrap_or(Timestamp::MIN);
        Self {
            now,
            settled_by: ago(office.clock().span(GRACE)),
            stuck_since: ago(office.clock().span(STUCK)),
            receipts_by: ago(settings.receipt_within),
        }
    }
}

/// Most findings of one kind that are kept of one run; beyond, they are counted.
const MOST_OF_A_KIND: usize = 10_000;

/// What a run has found, each thing once. Of a finding beyond the first [`MOST_OF_A_KIND`] only
/// eight bytes are kept.
#[derive(Debug, Default)]
struct Findings {
    list: Vec<Found>,
    seen: HashSet<(FindingKind, u64)>,
    hasher: RandomState,
    counts: BTreeMap<FindingKind, usize>,
}

impl Findings {
    fn add(&mut self, one: Found) {
        // The carrier's own word says more than its silence.
        let silence = one.kind == FindingKind::SentWithoutReceipt;
        if silence && self.has(FindingKind::UnknownToCarrier, &one.subject) {
            return;
        }
        if !self.seen.insert((one.kind, self.hasher.hash_one(&one.subject))) {
            return;
        }
        let count = self.counts.entry(one.kind).or_default();
        *count += 1;
        if *count <= MOST_OF_A_KIND {
            self.list.push(one);
        }
    }

    fn has(&self, kind: FindingKind, subject: &str) -> bool {
        self.seen.contains(&(kind, self.hasher.hash_one(subject)))
    }

    fn extend(&mut self, all: impl IntoIterator<Item = Found>) {
        all.into_iter().for_each(|one| self.add(one));
    }
}

/// Makes the run that was taken up: compares, writes down what it found, and what it says. The
/// ordinary recovery of broken-off attempts goes before, and what the carrier has to say, so that
/// only what these cannot settle is found.
///
/// # Errors
/// [`ReconcileError`]; the run then stays unfinished, and what it had written down stays.
pub async fn carry_out(
    db: &Db,
    office: &Office,
    run: RunRow,
    settings: &Settings,
    carrier: Carrier<'_>,
) -> Result<Report, ReconcileError> {
    let began = office.clock().now();
    recover::settle_broken_off(db, office, Broken::Over).await?;
    let limits = Limits::new(office, settings);
    let (desk, since, now) = (office.clone(), run.since_at, limits.now);
    let mut span = db.read(move |tx| span(tx, &desk, since, now)).await?;
    let mut found = Findings::default();
    let (mut file, mut asked) = (None, None);
    match carrier {
        Carrier::Silent => {}
        Carrier::File(list) => {
            // What an old file settles was found by an old run, and is ended by this one.
            if let Some((first, _)) = list.times {
                span.since = span.since.min(first.saturating_sub(TRIES_FOR).unwrap_or(first));
            }
            file = Some(carrier_list::compare(db, office, list, &mut found).await?);
        }
        Carrier::Asked(adapters, stop) => {
            let overdue = Overdue { since: span.since, until: limits.receipts_by };
            if let (Some(adapter), Some(every)) =
                (Carrier::adapter(adapters), settings.question_every)
            {
                let whom = Asking { adapter, every, stop };
                asked = Some(ask_carrier::ask(db, office, (&whom, &overdue), &mut found).await?);
            }
        }
    }
    let (desk, measure) = (office.clone(), limits);
    let (looked_at, found) = db
        .read(move |tx| {
            our_record::look(tx, &desk, &span, &measure, &mut found)?;
            schedule::look(tx, &desk, &span, &measure, &mut found)?;
            replies::look(tx, &desk, &span, &measure, &mut found)?;
            Ok::<_, ReconcileError>((count(tx, &desk, &span)?, found))
        })
        .await?;
    let told = settle::all(db, office, &run, &span, found).await?;
    let report = Report::new((span.since, span.until), began, looked_at, told);
    finish(db, office, run, Report { file, asked, ..report }).await
}

/// From where the last finished run began, and always a week.
fn span(
    tx: &mut Tx<'_>,
    office: &Office,
    asked: Option<Timestamp>,
    now: Timestamp,
) -> Result<Span, DbError> {
    let last = reconciliation::latest(tx, office.practice(), 20)?
        .into_iter()
        .find(|run| run.finished_at.is_some())
        .and_then(|run| run.began_at);
    let usual = now.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
    let usual = match last {
        Some(last) => usual.min(last.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN)),
        None => usual,
    };
    Ok(Span { since: asked.unwrap_or(usual).max(Timestamp::UNIX_EPOCH), until: now })
}

async fn finish(
    db: &Db,
    office: &Office,
    run: RunRow,
    mut report: Report,
) -> Result<Report, ReconcileError> {
    let office = office.clone();
    db.write(move |tx| {
        let now = office.clock().now();
        report.finished = now.to_string();
        report.standing = reconciliation::count_standing(tx, office.practice())?;
        let json = serde_json::to_string(&report).unwrap_or_default();
        let row = RunRow { finished_at: Some(now), report: Some(json), ..run };
        reconciliation::put(tx, office.practice(), &row)?;
        let event = Event::new(Kind::Reconciled, Actor::service("reconcile"))
            .about(RECONCILIATION, row.id)
            .code(row.cause.word())
            .code("finished");
        report.audit_entry = Some(audit::append(tx, &office, event)?.to_string());
        Ok(report)
    })
    .await
}

/// How much there was to look at, by the indexes alone.
fn count(tx: &mut Tx<'_>, office: &Office, span: &Span) -> Result<LookedAt, DbError> {
    let practice = office.practice();
    let lowest = crate::ids::lowest_at(span.since);
    let mut one = |sql, by_id: bool| -> Result<u64, DbError> {
        let count: i64 = if by_id {
            tx.query_one(sql, params![practice, lowest], |row| row.get(0))?
        } else {
            tx.query_one(sql, params![practice, span.since], |row| row.get(0))?
        };
        Ok(u64::try_from(count).unwrap_or_default())
    };
    Ok(LookedAt {
        messages: one(
            sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1 AND created_at >= $2"),
            false,
        )?,
        attempts: one(
            sql!("SELECT COUNT(*) FROM attempt WHERE practice_id = $1 AND id >= $2"),
            true,
        )?,
        receipts: one(
            sql!("SELECT COUNT(*) FROM receipt WHERE practice_id = $1 AND id >= $2"),
            true,
        )?,
        appointments: one(
            sql!("SELECT COUNT(*) FROM appointment WHERE practice_id = $1 AND starts_at >= $2"),
            false,
        )?,
        replies: one(
            sql!("SELECT COUNT(*) FROM inbound_message WHERE practice_id = $1 AND id >= $2"),
            true,
        )?,
    })
}
