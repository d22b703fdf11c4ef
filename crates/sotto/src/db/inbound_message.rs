//! Table `inbound_message`: what came in, sealed, and what it did.

use gate::{AppointmentId, Channel, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::INBOUND_MESSAGE;
use crate::db::{DbError, Tx};
use crate::ids::{ConversationId, InboundId};
use crate::{params, sql};

/// A message that has just come in.
#[derive(Debug, Clone)]
pub struct NewInbound<'a> {
    /// Key.
    pub id: InboundId,
    /// Which adapter brought it.
    pub adapter: &'a str,
    /// The carrier's id.
    pub carrier_id: &'a str,
    /// By which channel.
    pub channel: Channel,
    /// From which address, as a blind index.
    pub from_index: [u8; 32],
    /// From, to and body: sealed.
    pub content_sealed: &'a [u8],
    /// The content key, wrapped for the record.
    pub record_wrap: &'a [u8],
    /// When the carrier says it came.
    pub received_at: Timestamp,
}

/// Stores what came in. False when the same arrival was stored before.
///
/// # Errors
/// [`DbError`].
pub fn insert(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    new: &NewInbound<'_>,
) -> Result<bool, DbError> {
    let written = tx.execute(
        sql!(
            "INSERT INTO inbound_message
                 (practice_id, id, adapter, carrier_id, channel, from_index, patient_id,
                  content_sealed, record_wrap, intents, effect, appointment_id, conversation_id,
                  received_at)
             VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8, '', 'none', NULL, NULL, $9)
             ON CONFLICT (practice_id, adapter, carrier_id) DO NOTHING"
        ),
        params![
            practice,
            new.id,
            new.adapter,
            new.carrier_id,
            new.channel,
            new.from_index,
            new.content_sealed,
            new.record_wrap,
            new.received_at
        ],
    )?;
    if written > 0 {
        tx.touch(INBOUND_MESSAGE, new.id.to_string());
    }
    Ok(written > 0)
}

/// What it was read as, and what it did.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// From whom, where that is sure.
    pub patient: Option<PatientId>,
    /// The intents, in the order of TEL-19, space separated.
    pub intents: &'a str,
    /// What it did, in a word.
    pub effect: &'a str,
    /// Which appointment it changed.
    pub appointment: Option<AppointmentId>,
    /// In which thread it stands.
    pub conversation: ConversationId,
}

/// Records what it was read as, and what it did.
///
/// # Errors
/// [`DbError`].
pub fn settle(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: InboundId,
    read: &Read<'_>,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE inbound_message SET patient_id = $3, intents = $4, effect = $5,
                    appointment_id = $6, conversation_id = $7
              WHERE practice_id = $1 AND id = $2"
        ),
        params![
            practice,
            id,
            read.patient,
            read.intents,
            read.effect,
            read.appointment,
            read.conversation
        ],
    )?;
    tx.touch(INBOUND_MESSAGE, id.to_string());
    Ok(())
}

/// The id under which an arrival is stored, with what it did.
///
/// # Errors
/// [`DbError`].
pub fn by_carrier_id(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
    carrier_id: &str,
) -> Result<Option<InboundId>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id FROM inbound_message
              WHERE practice_id = $1 AND adapter = $2 AND carrier_id = $3"
        ),
        params![practice, adapter, carrier_id],
        |row| row.get(0),
    )
}

/// What became of an arrival, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// When it came.
    pub received_at: Timestamp,
    /// Before all else.
    pub urgent: bool,
    /// When a person was done with it; none while it waits.
    pub done_at: Option<Timestamp>,
}

/// What came by an adapter since an instant, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn taken_since(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (adapter, since): (&str, Timestamp),
    most: u32,
) -> Result<Vec<Taken>, DbError> {
    tx.query(
        sql!(
            "SELECT i.received_at, t.urgent, t.done_at
               FROM inbound_message i
               JOIN task t ON t.practice_id = i.practice_id
                    AND t.conversation_id = i.conversation_id AND t.inbound_id = i.id
              WHERE i.practice_id = $1 AND i.adapter = $2 AND i.received_at >= $3
              ORDER BY i.received_at DESC, i.id DESC LIMIT $4"
        ),
        params![practice, adapter, since, most],
        |row| Ok(Taken { received_at: row.get(0)?, urgent: row.get(1)?, done_at: row.get(2)? }),
    )
}

/// An arrival, as far as it takes to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Key.
    pub id: InboundId,
    /// The carrier's id, or ours.
    pub carrier_id: String,
    /// What it did, in a word.
    pub effect: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// The last 64 that came from an address through an adapter since an instant, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn heard_from(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (adapter, from_index): (&str, &[u8; 32]),
    since: Timestamp,
) -> Result<Vec<Heard>, DbError> {
    tx.query(
        sql!(
            "SELECT id, carrier_id, effect, received_at FROM inbound_message
              WHERE practice_id = $1 AND from_index = $2 AND adapter = $3 AND received_at >= $4
              ORDER BY received_at DESC, id DESC LIMIT 64"
        ),
        params![practice, from_index, adapter, since],
        |row| {
            Ok(Heard {
                id: row.get(0)?,
                carrier_id: row.get(1)?,
                effect: row.get(2)?,
                received_at: row.get(3)?,
            })
        },
    )
}

/// An arrival was delivered again, and is known by another id from here on.
///
/// # Errors
/// [`DbError`].
pub fn rename(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: InboundId,
    carrier_id: &str,
) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE inbound_message SET carrier_id = $3 WHERE practice_id = $1 AND id = $2"),
        params![practice, id, carrier_id],
    )?;
    tx.touch(INBOUND_MESSAGE, id.to_string());
    Ok(())
}

/// The last that a patient wrote on a channel since an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Key.
    pub id: InboundId,
    /// From which address, as a blind index.
    pub from_index: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

/// The last that a patient wrote on a channel since an instant.
///
/// # Errors
/// [`DbError`].
pub fn last_of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (patient, channel): (PatientId, Channel),
    since: Timestamp,
) -> Result<Option<Written>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, from_index, received_at FROM inbound_message
              WHERE practice_id = $1 AND patient_id = $2 AND channel = $3 AND received_at >= $4
              ORDER BY received_at DESC, id DESC LIMIT 1"
        ),
        params![practice, patient, channel, since],
        |row| Ok(Written { id: row.get(0)?, from_index: row.get(1)?, received_at: row.get(2)? }),
    )
}

/// About whom a message to us is, where that is sure.
///
/// # Errors
/// [`DbError`].
pub fn patient_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: InboundId,
) -> Result<Option<PatientId>, DbError> {
    let found = tx.query_opt(
        sql!("SELECT patient_id FROM inbound_message WHERE practice_id = $1 AND id = $2"),
        params![practice, id],
        |row| row.get(0),
    )?;
    Ok(found.flatten())
}

/// How many came from an address since an instant.
///
/// # Errors
/// [`DbError`].
pub fn count_since(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    from_index: &[u8; 32],
    since: Timestamp,
) -> Result<i64, DbError> {
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM inbound_message
              WHERE practice_id = $1 AND from_index = $2 AND received_at >= $3"
        ),
        params![practice, from_index, since],
        |row| row.get(0),
    )
}

/// Something a patient said, its words sealed.
#[derive(Debug, Clone)]
pub struct Came {
    /// Key.
    pub id: InboundId,
    /// By which channel.
    pub channel: Channel,
    /// What it was read as, space separated.
    pub intents: String,
    /// What it did, in a word.
    pub effect: String,
    /// When it came.
    pub received_at: Timestamp,
    /// From, to and body: sealed.
    pub content_sealed: Vec<u8>,
    /// The content key, wrapped for the record.
    pub record_wrap: Vec<u8>,
}

/// What came from a patient, newest first, before an instant and row.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    before: (Timestamp, uuid::Uuid),
    limit: u32,
) -> Result<Vec<Came>, DbError> {
    tx.query(
        sql!(
            "SELECT id, channel, intents, effect, received_at, content_sealed, record_wrap
               FROM inbound_message
              WHERE practice_id = $1 AND patient_id = $2 AND received_at <= $3
                AND (received_at < $3 OR id < $4)
              ORDER BY received_at DESC, id DESC LIMIT $5"
        ),
        params![practice, patient, before.0, before.1, limit],
        |row| {
            Ok(Came {
                id: row.get(0)?,
                channel: row.get(1)?,
                intents: row.get(2)?,
                effect: row.get(3)?,
                received_at: row.get(4)?,
                content_sealed: row.get(5)?,
                record_wrap: row.get(6)?,
            })
        },
    )
}
