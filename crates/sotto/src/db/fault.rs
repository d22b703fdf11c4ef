//! Commits that fail on purpose, for tests of what follows.
//!
//! A transaction can come to two bad ends: nothing of it is stored, or all of it is and nobody is
//! told. The test decides with the transaction before it, and so can name the step by what it is
//! about to store.

use std::sync::Arc;

use crate::db::Tx;

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is stored; the caller is told [`DbError::Lost`](crate::db::DbError::Lost).
    NotPersisted,
    /// All of it is stored; the caller is told
    /// [`DbError::CommitUnknown`](crate::db::DbError::CommitUnknown).
    NotAnswered,
}

/// Asked before the commit of each transaction that went well.
pub type Faults = Arc<dyn Fn(&mut Tx<'_>) -> Option<Fault> + Send + Sync>;

/// Told each statement when it is asked, for tests of what a stranger could tell by the time an answer
/// takes: what a known and an unknown name lead to must be the same work.
pub type Heard = Arc<dyn Fn(&'static str) + Send + Sync>;
