//! One open thread for each address and channel.

use gate::{Channel, PatientId};

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::conversation::{self, ConversationRow, ConversationState};
use crate::db::registry::CONVERSATION;
use crate::db::{DbError, Tx};
use crate::ids::{ConversationId, Id as _};
use crate::office::Office;

/// A thread cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// No such conversation.
    #[error("conversation {0} is not on file")]
    NoConversation(ConversationId),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// The open thread with this address, or a new one. The caller appends the audit event.
///
/// # Errors
/// [`ThreadError`].
pub fn continue_or_open(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: Option<PatientId>,
    channel: Channel,
    address_index: [u8; 32],
) -> Result<ConversationId, ThreadError> {
    let now = office.clock().now();
    let practice = office.practice();
    if let Some(mut open) = conversation::open_with(tx, practice, channel, &address_index)? {
        open.last_at = now;
        // A thread that began with an unknown number belongs to whoever it turns out to be; one
        // that turns out to be shared belongs to nobody.
        open.patient_id = patient;
        conversation::put(tx, practice, &open)?;
        return Ok(open.id);
    }
    let row = ConversationRow {
        id: ConversationId::new(office.clock()),
        patient_id: patient,
        channel,
        address_index: address_index.to_vec(),
        state: ConversationState::Open,
        opened_at: now,
        last_at: now,
    };
    conversation::put(tx, practice, &row)?;
    Ok(row.id)
}

/// Closes a thread. The next message from the address opens a new one.
///
/// # Errors
/// [`ThreadError`].
pub fn close(
    tx: &mut Tx<'_>,
    office: &Office,
    id: ConversationId,
    actor: &Actor,
) -> Result<(), ThreadError> {
    let practice = office.practice();
    let mut row = conversation::get(tx, practice, id)?.ok_or(ThreadError::NoConversation(id))?;
    if row.state == ConversationState::Closed {
        return Ok(());
    }
    row.state = ConversationState::Closed;
    row.last_at = office.clock().now();
    conversation::put(tx, practice, &row)?;
    let event = Event::new(Kind::ConversationChanged, actor.clone())
        .about(CONVERSATION, id)
        .patient(row.patient_id)
        .code("closed");
    audit::append(tx, office, event)?;
    Ok(())
}
