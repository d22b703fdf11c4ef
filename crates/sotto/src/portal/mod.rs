//! The patient's side: a link in a notice, a proof of who is there, and then what the practice wrote,
//! what can be answered, and the visits.
//!
//! A notice carries a [`link`]. It opens nothing by itself: whoever has it gives the patient's date
//! of birth and a code that goes to the address on file ([`proof`]), or uses a phone that is
//! remembered ([`phones`]), which begins a [`session`].
//! What a session may see is decided there, once: a handler has a [`Visitor`], never a patient's id
//! from a URL. A tablet of the practice's is handed over instead ([`kiosk`]). What lies unread is spoken of again ([`unread`]); the
//! patient's copies end with their day ([`expiry`]). The practice's side of it is `docs/window.md`.

pub mod aims;
pub mod choices;
pub mod expiry;
pub mod forms;
pub mod kiosk;
pub mod letters;
pub mod link;
pub mod phones;
pub mod proof;
pub mod session;
mod tries;
pub mod unread;
pub mod visits;

use crate::access::AccessError;
use crate::attachments::store::AttachmentError;
use crate::audit::AuditError;
use crate::compose::ComposeError;
use crate::conversations::tasks::TaskError;
use crate::db::DbError;
use crate::facts::FactsError;
use crate::forms::FormError;
use crate::inbound::InboundError;
use crate::intake::IntakeError;
use crate::schedule::ScheduleError;
use crate::sealed::SealedError;

pub use session::Visitor;

/// The window cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// The machine gave no randomness.
    #[error("the machine gave no randomness; try again")]
    Randomness,
    /// A message could not be made or decided.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// Words could not be made.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// What the patient wrote cannot be stored.
    #[error(transparent)]
    Inbound(#[from] InboundError),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A task, or the office hours.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A key is missing or was destroyed.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// A file cannot be kept or read back.
    #[error(transparent)]
    File(#[from] AttachmentError),
    /// A form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The sealed mode.
    #[error(transparent)]
    Sealed(Box<SealedError>),
    /// A passkey.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl From<SealedError> for PortalError {
    fn from(error: SealedError) -> Self {
        match error {
            SealedError::Portal(error) => error,
            error => Self::Sealed(Box::new(error)),
        }
    }
}
