//! How the database does, as its own callers feel it. Counted on both engines alike.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::db::DbError;
use crate::observe::metrics::Histograms;

/// Upper edges in microseconds.
const WAITS: &[u64] =
    &[100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000];

/// Upper edges in transactions.
const SIZES: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_024];

/// What is known of a database since it was opened.
pub struct Vitals {
    /// From asking for a transaction that may write to its beginning.
    pub wait: Histograms<0>,
    /// From its beginning to its end on disk.
    pub commit: Histograms<0>,
    /// How many of them shared one sync of the disk (SQLite).
    pub batch: Histograms<0>,
    waits: AtomicU64,
    failures: AtomicU64,
    failing: AtomicBool,
}

impl Default for Vitals {
    fn default() -> Self {
        Self {
            wait: Histograms::new(WAITS),
            commit: Histograms::new(WAITS),
            batch: Histograms::new(SIZES),
            waits: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }
}

impl Vitals {
    /// How often a thread waited for the server's answer (PostgreSQL). What is sent together is
    /// waited for once.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    pub(super) fn waited(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the engine could not begin, write or commit.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the last thing known of writing is that it failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// A transaction begins that was asked for at `asked`; answers with the moment.
    pub(super) fn began(&self, asked: Instant) -> Instant {
        let now = now();
        self.wait.took([], now.duration_since(asked));
        now
    }

    /// It is over. `wrote`: it stored something, so the disk took it.
    pub(super) fn ended(&self, began: Instant, wrote: bool, outcome: &Result<(), DbError>) {
        match outcome {
            Ok(()) => {
                self.commit.took([], now().duration_since(began));
                if wrote {
                    self.failing.store(false, Ordering::Relaxed);
                }
            }
            Err(error) => self.failed(error),
        }
    }

    /// The engine failed, unless it was only somebody else's turn.
    pub(super) fn failed(&self, error: &DbError) {
        let engine = matches!(
            error,
            DbError::Open { .. }
                | DbError::Statement { .. }
                | DbError::ReadOnly
                | DbError::Lost
                | DbError::CommitUnknown
        );
        if engine {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.failing.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn batch(&self, size: usize) {
        self.batch.observe([], u64::try_from(size).unwrap_or(u64::MAX));
    }
}

/// The steady clock, for measuring alone: nothing that is stored or sent is decided by it.
#[expect(clippy::disallowed_methods, reason = "measures, and decides nothing of a message")]
pub(super) fn now() -> Instant {
    Instant::now()
}
