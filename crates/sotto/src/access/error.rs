//! What can go wrong when somebody comes in.

use crate::audit::AuditError;
use crate::conversations::tasks::TaskError;
use crate::db::DbError;

/// Staff, what they prove themselves with, and their sessions.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A field does not say what it must. Nothing of what it said is repeated.
    #[error("{field}: {because}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        because: String,
    },
    /// Nobody by that id or mailbox.
    #[error("nobody here has that id or mailbox; `sotto staff list` shows everybody")]
    NoSuchStaff,
    /// Not as things stand; the text says what to do first.
    #[error("{0}")]
    NotNow(&'static str),
    /// The link is unknown, used or too old.
    #[error("this link is no longer good: ask for a new one")]
    Invite,
    /// What was given does not prove it. The same for a wrong name, password, code or passkey.
    #[error("that did not match")]
    Wrong,
    /// Too many guesses.
    #[error("too many tries: wait {seconds} seconds, or sign in with a passkey")]
    Wait {
        /// How long.
        seconds: i64,
    },
    /// The machine gave no randomness.
    #[error("the machine gave no randomness; try again")]
    Randomness,
    /// A stored record cannot be opened, or nothing sealed.
    #[error("a record of staff cannot be opened or sealed; run sotto doctor")]
    Sealed(#[from] seal::SealError),
    /// The clock reads a time beyond the calendar.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// A password cannot be hashed on this machine.
    #[error("the machine has no memory to check a password; try again")]
    Memory,
    /// The task that goes with it.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl AccessError {
    pub(super) fn field(field: &'static str, because: impl Into<String>) -> Self {
        Self::Field { field, because: because.into() }
    }
}
