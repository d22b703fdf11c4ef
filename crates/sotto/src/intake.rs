//! A request becomes a draft, the gate is asked, and the answer is stored: message, outbox row and
//! audit entry in one transaction. The API, reminders and every automatic answer come through here.
//!
//! [`decide`] only reads: what is on file, the gate's answer, the sealed words. [`store`] only writes
//! what was decided. [`accept`] does both in one transaction; whoever decides in a transaction of
//! its own before must ask [`Decided::if_holding`] before storing.

mod about;
mod decide;
mod store;

use gate::{
    Address, AppointmentId, Channel, Kind, Language, MessageId, Origin, Purpose, Reason, Refusal,
};
use jiff::Timestamp;

use crate::audit::{Actor, AuditError, EntryId};
use crate::compose::{ComposeError, Values};
use crate::db::{DbError, Tx};
use crate::facts::{FactsError, Subject};
use crate::ids::InboundId;
use crate::office::Office;
use crate::people::contact_points::ContactPointError;

pub use about::about;
pub use decide::{Decided, Seen, decide};
pub use store::store;

/// What someone asks to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id of the message; the same id twice is one message.
    pub message: MessageId,
    /// About whom, as this transaction sees them. None only for an answer to a number nobody knows.
    pub patient: Option<Subject>,
    /// By which channel.
    pub channel: Wanted,
    /// Where to, when it is an answer to exactly this address; otherwise the address on file.
    pub to: Option<Address>,
    /// Which of RULEBOOK §12.
    pub kind: Kind,
    /// Why.
    pub purpose: Purpose,
    /// Who or what asked.
    pub origin: Origin,
    /// What.
    pub words: Words,
    /// In which language; the patient's own where none is given.
    pub language: Option<Language>,
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// The message it answers.
    pub inbound: Option<InboundId>,
    /// Useless after this instant.
    pub useless_after: Option<Timestamp>,
    /// Who asked, for the audit log.
    pub actor: Actor,
}

impl Request {
    /// When whom it is about was born: what is written about them is kept for so long.
    pub(crate) fn born(&self) -> Option<jiff::civil::Date> {
        self.patient.as_ref().and_then(|subject| subject.person.birth_date)
    }
}

/// By which channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The patient's preference, else the first that has an address on file: text, email, portal.
    Auto,
    /// This one.
    Channel(Channel),
}

/// What.
#[derive(Debug, Clone)]
pub enum Words {
    /// The template of the kind, the channel and the language, filled with these values.
    Template {
        /// Values by variable.
        values: Values,
    },
    /// Words a person typed.
    Typed {
        /// Email only.
        subject: Option<String>,
        /// The text.
        body: String,
    },
}

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// It waits in the outbox.
    Accepted {
        /// The message.
        message: MessageId,
        /// The audit entry of its clearance.
        clearance: EntryId,
        /// Not before this instant.
        not_before: Option<Timestamp>,
    },
    /// The body went to the portal, a notice waits for the channel.
    Redirected {
        /// The message that holds the body.
        portal: MessageId,
        /// The message that holds the notice.
        notice: MessageId,
        /// Why the channel could not carry the body.
        because: Vec<Reason>,
    },
    /// The gate said no. The refusal is on record.
    Refused {
        /// The refused message.
        message: MessageId,
        /// Every check in the way.
        refusal: Refusal,
    },
}

/// A request cannot be decided; nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Nobody has this id.
    #[error("no patient has this id")]
    NoPatient,
    /// The patient has no such appointment.
    #[error("the patient has no appointment with this id")]
    NoAppointment,
    /// The office hours on file cannot be read.
    #[error(transparent)]
    Hours(#[from] crate::schedule::places::HoursError),
    /// The words do not fit the template.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// An address on file cannot be read.
    #[error(transparent)]
    ContactPoint(#[from] ContactPointError),
    /// A key is missing or was destroyed.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// The clock reads a time beyond the calendar.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Decides a request, and stores the decision with everything that follows from it.
///
/// # Errors
/// [`IntakeError`]; the caller's transaction must then be given up.
pub fn accept(tx: &mut Tx<'_>, office: &Office, request: Request) -> Result<Answer, IntakeError> {
    if let (Origin::Automated, Some(patient)) = (request.origin, &request.patient) {
        // The caps count what a patient gets by itself. On PostgreSQL two such messages could be
        // decided at one instant, and neither would count the other.
        let (_, low) = patient.id.0.as_u64_pair();
        tx.lock(low.cast_signed())?;
    }
    let decided = decide(tx, office, request)?;
    store(tx, office, &decided)?;
    Ok(decided.answer())
}
