//! Table `conversation`.

use gate::{Channel, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::CONVERSATION};
use crate::ids::ConversationId;
use crate::{params, sql};

/// Whether a thread goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationState {
    /// It does.
    Open,
    /// It does not.
    Closed,
}

words! {
    ConversationState { Open = "open", Closed = "closed" }
}

/// A row of `conversation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// Key.
    pub id: ConversationId,
    /// With whom; none for a number nobody knows, or that several share.
    pub patient_id: Option<PatientId>,
    /// By which channel.
    pub channel: Channel,
    /// With which address, as a blind index.
    pub address_index: Vec<u8>,
    /// Whether it goes on.
    pub state: ConversationState,
    /// Its first message.
    pub opened_at: Timestamp,
    /// Its last.
    pub last_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<ConversationRow, DbError> {
    Ok(ConversationRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        channel: row.get(2)?,
        address_index: row.get(3)?,
        state: row.get(4)?,
        opened_at: row.get(5)?,
        last_at: row.get(6)?,
    })
}

/// The conversation with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ConversationId,
) -> Result<Option<ConversationRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, channel, address_index, state, opened_at, last_at
               FROM conversation WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The open one with an address, the latest if there are several.
///
/// # Errors
/// [`DbError`].
pub fn open_with(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    channel: Channel,
    address_index: &[u8],
) -> Result<Option<ConversationRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, channel, address_index, state, opened_at, last_at
               FROM conversation
              WHERE practice_id = $1 AND address_index = $2 AND state = 'open' AND channel = $3
              ORDER BY last_at DESC, id DESC LIMIT 1"
        ),
        params![practice, address_index, channel],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &ConversationRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO conversation
                 (practice_id, id, patient_id, channel, address_index, state, opened_at, last_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 patient_id = excluded.patient_id, state = excluded.state,
                 last_at = excluded.last_at"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.channel,
            row.address_index,
            row.state,
            row.opened_at,
            row.last_at
        ],
    )?;
    tx.touch(CONVERSATION, row.id.to_string());
    Ok(())
}
