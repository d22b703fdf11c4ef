//! Deciding on a reader, storing on the writer.
//!
//! SQLite has one writer, and every decision needs some thirty reads. So a decision may be made in a
//! read transaction, on another thread, and stored in a write transaction later, if what it rests on
//! is still the same: take a [`Mark`] before reading, and ask
//! [`Tx::unchanged_since`](super::Tx::unchanged_since) before storing. Where it is not the same, the
//! writer decides again by itself; that is the ordinary path, and the only one on PostgreSQL, which
//! has many writers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the changes of everything that decisions rest on (`Table::decisions_rest_on`).
///
/// It moves twice for each change of ours: before the commit, so that whoever stores after it in
/// the same batch sees it, and after, so that whoever began to read between the two has a mark that
/// no longer holds. A commit by another process is seen when the writer's next batch begins.
#[derive(Debug, Default)]
pub(super) struct Ground(AtomicU64);

/// How things stood when a reader began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl Ground {
    pub(super) fn mark(&self) -> Mark {
        Mark(self.0.load(Ordering::SeqCst))
    }

    pub(super) fn moves(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
