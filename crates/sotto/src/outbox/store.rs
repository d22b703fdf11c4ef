//! Cleared messages on their way into the outbox, and back out of it by the one door.

use gate::{Binding, Cleared, Code, MessageId, Refusal};

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::message::{self, Change, State, Stored};
use crate::db::outbox::{self, OutboxRow, Which};
use crate::db::registry::MESSAGE;
use crate::db::{DbError, Tx};
use crate::facts::FactsError;
use crate::office::Office;

/// The outbox cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// A row of the outbox, its message or its clearance is missing or was changed.
    #[error("message {message} in the outbox {because}; nothing was sent; run sotto audit verify")]
    Broken {
        /// Which.
        message: MessageId,
        /// What is wrong.
        because: &'static str,
    },
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A task for staff.
    #[error(transparent)]
    Task(#[from] crate::conversations::tasks::TaskError),
}

/// Puts a row in, with its mac.
pub(crate) fn put(tx: &mut Tx<'_>, office: &Office, row: &OutboxRow) -> Result<(), DbError> {
    outbox::insert(tx, row, &mac(office, row))
}

/// Tells every worker, after the commit, that there is something to look at.
pub(crate) fn ring(tx: &mut Tx<'_>, office: &Office) {
    let bell = office.outbox_bell();
    // All of them: one alone might be the wrong one.
    tx.after_commit(move || bell.notify_waiters());
}

/// Writes a row back, with its mac.
pub(crate) fn put_back(tx: &mut Tx<'_>, office: &Office, row: &OutboxRow) -> Result<(), DbError> {
    outbox::update(tx, row, &mac(office, row))
}

/// Leases a row that still stands as it was read, with its mac. False when it does not.
pub(crate) fn lease(
    tx: &mut Tx<'_>,
    office: &Office,
    was: &OutboxRow,
    row: &OutboxRow,
) -> Result<bool, DbError> {
    outbox::lease(tx, was, row, &mac(office, row))
}

/// The mac of a row.
#[must_use]
pub fn mac(office: &Office, row: &OutboxRow) -> [u8; 32] {
    office.keys().content_hash("outbox", &row.bytes())
}

/// A message read back from the outbox: cleared once, and not yet asked about again.
pub(crate) struct Taken {
    pub(crate) cleared: Cleared,
    pub(crate) stored: Stored,
}

/// Reads a waiting message back. The audit entry of its clearance must bind exactly this content.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    office: &Office,
    message: MessageId,
) -> Result<Taken, OutboxError> {
    let broken = |because| OutboxError::Broken { message, because };
    let stored = message::find(tx, office.practice(), message)?
        .ok_or_else(|| broken("has no message row"))?;
    let content = open_content(office, &stored).map_err(|_| broken("cannot be opened"))?;
    let draft = stored.draft(&content).ok_or_else(|| broken("has unreadable content"))?;
    let basis = stored
        .basis
        .as_deref()
        .and_then(message::basis_from_json)
        .ok_or_else(|| broken("has no clearance"))?;
    let entry = stored.clearance.ok_or_else(|| broken("has no clearance"))?;
    let logged: Binding = audit::binding_of(tx, office, entry)?
        .ok_or_else(|| broken("has no audit entry for its clearance"))?;
    let cleared = gate::reload(draft, basis, &logged, office.binding_key())
        .map_err(|_| broken("is not what the audit log says was cleared"))?;
    Ok(Taken { cleared, stored })
}

/// Opens a message's content: PHI. The caller's transaction records why it is opened.
///
/// # Errors
/// [`seal::SealError`], for instance when its keys were destroyed.
pub(crate) fn open_content(
    office: &Office,
    stored: &Stored,
) -> Result<zeroize::Zeroizing<Vec<u8>>, seal::SealError> {
    open(office, stored.id, (&stored.content_sealed, &stored.record_wrap))
}

/// The words of a message as somebody reads them, the subject above them; none where its keys were
/// destroyed. PHI: the caller records that they are shown.
pub(crate) fn open_words(office: &Office, id: MessageId, sealed: (&[u8], &[u8])) -> Option<String> {
    message::words_of(&open(office, id, sealed).ok()?)
}

fn open(
    office: &Office,
    id: MessageId,
    (content, wrap): (&[u8], &[u8]),
) -> Result<zeroize::Zeroizing<Vec<u8>>, seal::SealError> {
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place = seal::Place { practice: &practice, table: "message", row: &row, column: "content" };
    let body = seal::Sealed::from_bytes(content.to_vec());
    let wrap = seal::Sealed::from_bytes(wrap.to_vec());
    office.keys().open_message(&place, &body, &wrap)
}

/// Withdraws what waits and has not been taken. Returns how many messages.
///
/// # Errors
/// [`OutboxError`].
pub fn cancel(
    tx: &mut Tx<'_>,
    office: &Office,
    which: &Which,
    actor: &Actor,
    why: &'static str,
) -> Result<u64, OutboxError> {
    let now = office.clock().now();
    let practice = office.practice();
    let mut cancelled = 0;
    for id in outbox::waiting(tx, practice, which)? {
        if !outbox::delete_free(tx, practice, id)? {
            continue;
        }
        let change = Change { id, from: State::Queued, to: State::Cancelled, refusals: &[] };
        if message::change_state(tx, practice, &change, now)? {
            cancelled += 1;
            audit::append(tx, office, Event::message_cancelled(actor.clone(), id, why))?;
        }
    }
    Ok(cancelled)
}

/// The gate refused at release, or no hour is left: out of the outbox, with the reasons.
pub(crate) fn refuse(
    tx: &mut Tx<'_>,
    office: &Office,
    stored: &Stored,
    refusal: &Refusal,
) -> Result<(), OutboxError> {
    let codes: Vec<Code> = refusal.reasons().map(|reason| reason.code).collect();
    outbox::delete(tx, office.practice(), stored.id)?;
    let to = if codes == [Code::TooLate] { State::Expired } else { State::Refused };
    let change = Change { id: stored.id, from: stored.state, to, refusals: &codes };
    message::change_state(tx, office.practice(), &change, office.clock().now())?;
    audit::append(tx, office, Event::message_refused_at_release(stored.id, &codes))?;
    let metrics = office.metrics();
    tx.after_commit(move || {
        codes.iter().for_each(|code| metrics.refusals.add([code.as_str(), "release"]));
    });
    Ok(())
}

/// A row that does not fit its clearance is not sent and not lost: it stands aside, for a person.
pub(crate) fn set_aside(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &OutboxRow,
    because: &'static str,
) -> Result<(), OutboxError> {
    outbox::delete(tx, office.practice(), row.message)?;
    let codes = [Code::FactMissing];
    let change =
        Change { id: row.message, from: State::Queued, to: State::Refused, refusals: &codes };
    message::change_state(tx, office.practice(), &change, office.clock().now())?;
    let event = Event::new(Kind::MessageRefusedAtRelease, Actor::service("outbox"))
        .about(MESSAGE, row.message)
        .outcome(audit::Outcome::Refused)
        .code(because);
    audit::append(tx, office, event)?;
    Ok(())
}
