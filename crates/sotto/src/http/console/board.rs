//! What the overview shows, read in one snapshot of the database.

use super::lines::Lines;
use super::settings::standing::standing;
use super::words::{self, When};
use crate::db::{DbError, Tx, board, message, reconciliation, self_test, vendor};
use crate::office::Office;

/// How many rows each list shows.
pub(super) const ROWS: u32 = 12;

/// The board could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoardError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A stored person or message cannot be opened.
    #[error("a stored record cannot be opened; run sotto doctor")]
    Sealed,
}

/// By which a changed board is told from one already seen: every change writes an audit entry, and
/// relative times change each minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    entries: i64,
    waiting: i64,
    minute: i64,
}

/// Everything on the page.
#[derive(Debug)]
pub(super) struct Board {
    pub mark: Mark,
    pub practice: String,
    pub sandbox: bool,
    pub clock: Clock,
    pub emergencies: i64,
    pub total: i64,
    pub states: Vec<StateCount>,
    pub refused_count: i64,
    pub refused: Vec<Refused>,
    pub sent: Vec<Sent>,
    pub task_count: i64,
    pub tasks: Vec<Task>,
    pub reply_count: i64,
    pub replies: Vec<Reply>,
    pub log: Log,
    pub reconciled: Option<Checked>,
    pub tested: Option<Checked>,
    /// The agreements of which something must be done: with whom, and how each stands.
    pub agreements: Vec<Due>,
}

/// An agreement of which something must be done.
#[derive(Debug)]
pub(super) struct Due {
    pub with: String,
    pub words: String,
    pub tone: &'static str,
}

/// A check of the night: when, and how it went.
#[derive(Debug)]
pub(super) struct Checked {
    pub at: When,
    pub words: String,
    pub tone: &'static str,
}

impl Board {
    /// There are more open tasks than are shown.
    pub(super) fn more_tasks(&self) -> bool {
        usize::try_from(self.task_count).is_ok_and(|count| count > self.tasks.len())
    }
}

/// The practice's clock.
#[derive(Debug)]
pub(super) struct Clock {
    pub iso: String,
    pub words: String,
}

/// How many messages are in a state.
#[derive(Debug)]
pub(super) struct StateCount {
    pub word: &'static str,
    pub words: &'static str,
    pub tone: &'static str,
    pub count: i64,
}

/// A message that may not go.
#[derive(Debug)]
pub(super) struct Refused {
    pub id: String,
    pub at: When,
    pub who: String,
    pub kind: String,
    pub channel: &'static str,
    pub reasons: Vec<Reason>,
}

/// One check in its way.
#[derive(Debug)]
pub(super) struct Reason {
    pub code: &'static str,
    pub because: &'static str,
    pub remedy: &'static str,
}

/// A message that left.
pub(super) struct Sent {
    pub id: String,
    pub at: When,
    pub who: String,
    pub kind: String,
    pub channel: &'static str,
    pub language: String,
    /// The words, shown for a made-up practice only.
    pub text: Option<String>,
    pub state: &'static str,
    pub tone: &'static str,
}

/// A task.
#[derive(Debug)]
pub(super) struct Task {
    pub id: String,
    pub at: When,
    pub who: String,
    pub what: String,
    pub urgent: bool,
}

/// A reply.
pub(super) struct Reply {
    pub id: String,
    pub at: When,
    pub who: String,
    /// The words, shown for a made-up practice only.
    pub text: Option<String>,
    pub understood: String,
    pub did: String,
    pub tone: &'static str,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The audit log at a glance.
#[derive(Debug)]
pub(super) struct Log {
    pub entries: i64,
    pub waiting: i64,
    pub root: String,
    pub signed_at: Option<When>,
    /// A message to try `sotto prove` on.
    pub latest: Option<String>,
}

/// Reads the board.
pub(super) fn read(tx: &mut Tx<'_>, office: &Office) -> Result<Board, BoardError> {
    let practice = office.practice();
    let profile = office.profile();
    let now = office.clock().now();
    let zone = profile.timezone.clone();
    let gauges = board::gauges(tx, practice, None)?;
    let count =
        |state: &str| gauges.messages.iter().find(|(word, _)| word == state).map_or(0, |(_, n)| *n);
    let states = message::State::ALL
        .into_iter()
        .map(|state| StateCount {
            word: state.as_str(),
            words: words::state_words(state.as_str()),
            tone: words::state_tone(state.as_str()),
            count: count(state.as_str()),
        })
        .collect();
    let mut lines = Lines::new(office);
    let refused = lines.refused(tx)?;
    let sent = lines.sent(tx)?;
    let tasks = lines.tasks(tx)?;
    let replies = lines.replies(tx)?;
    let latest = sent.first().map(|row| row.id.clone());
    let log = log(tx, office, &gauges, latest)?;
    let reconciled = reconciled(tx, office)?;
    let tested = tested(tx, office)?;
    Ok(Board {
        mark: Mark {
            entries: gauges.audit_entries,
            waiting: gauges.audit_waiting,
            minute: now.as_second().div_euclid(60),
        },
        practice: profile.display_name.clone(),
        sandbox: profile.sandbox,
        clock: Clock { iso: now.to_string(), words: words::words_of(now, &zone) },
        emergencies: gauges.urgent,
        total: gauges.messages.iter().map(|(_, count)| count).sum(),
        refused_count: count("refused"),
        states,
        refused,
        sent,
        task_count: gauges.tasks,
        tasks,
        reply_count: gauges.replies,
        replies,
        log,
        reconciled,
        tested,
        agreements: agreements(tx, office)?,
    })
}

/// The agreements that end soon, have ended or are missing.
fn agreements(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Due>, DbError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let mut all = vendor::agreements(tx, practice)?;
    // Of those that carry nothing and whose agreement the practice ended, nothing is to be done.
    all.extend(vendor::others(tx, practice)?.into_iter().filter(|one| one.status != "ended"));
    let due = all.into_iter().filter_map(|one| {
        let (words, tone) = standing(&one, now);
        (tone != "ok").then_some(Due { with: one.legal_name, words, tone })
    });
    Ok(due.collect())
}

/// The last comparison that came to its end.
fn reconciled(tx: &mut Tx<'_>, office: &Office) -> Result<Option<Checked>, DbError> {
    let practice = office.practice();
    let last = reconciliation::latest(tx, practice, 5)?;
    let Some(at) = last.into_iter().find_map(|run| run.finished_at) else { return Ok(None) };
    let (words, tone) = match reconciliation::count_standing(tx, practice)? {
        0 => ("Everything is accounted for".to_owned(), "ok"),
        1 => ("1 finding stands".to_owned(), "wait"),
        more => (format!("{more} findings stand"), "wait"),
    };
    Ok(Some(Checked { at: when(office, at), words, tone }))
}

/// The last self-test that came to its end.
fn tested(tx: &mut Tx<'_>, office: &Office) -> Result<Option<Checked>, DbError> {
    let last = self_test::latest(tx, office.practice(), 5)?;
    let ended = last.into_iter().find_map(|row| Some((row.finished_at?, row.failures?)));
    Ok(ended.map(|(at, failures)| {
        let (words, tone) = if failures.is_empty() {
            ("Emergencies page, reminders go", "ok")
        } else {
            ("Failed: sotto selftest --last", "urgent")
        };
        Checked { at: when(office, at), words: words.to_owned(), tone }
    }))
}

fn when(office: &Office, at: jiff::Timestamp) -> When {
    When::new(at, office.clock().now(), &office.profile().timezone)
}

fn log(
    tx: &mut Tx<'_>,
    office: &Office,
    gauges: &board::Gauges,
    latest: Option<String>,
) -> Result<Log, DbError> {
    let now = office.clock().now();
    let zone = office.profile().timezone.clone();
    let checkpoint = board::last_checkpoint(tx, office.practice())?;
    // A signed note's third line is the root hash in base64 (C2SP tlog-checkpoint).
    let root = checkpoint.as_ref().and_then(|(_, _, note)| note.lines().nth(2));
    Ok(Log {
        entries: gauges.audit_entries,
        waiting: gauges.audit_waiting,
        root: root.unwrap_or("none yet").to_owned(),
        signed_at: checkpoint.as_ref().map(|(_, at, _)| When::new(*at, now, &zone)),
        latest,
    })
}
