//! What the overview and the metrics show: counts and latest rows over several tables. The patient
//! that is nobody (the self-test) is in none of them.

use gate::{MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::{DbError, Tx};
use crate::ids::InboundId;
use crate::{params, sql};

/// Counts over the whole practice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Messages by state; states without messages are left out.
    pub messages: Vec<(String, i64)>,
    /// Messages waiting in the outbox.
    pub outbox: i64,
    /// Open tasks.
    pub tasks: i64,
    /// Open emergencies.
    pub urgent: i64,
    /// Replies received.
    pub replies: i64,
    /// Entries in the audit log.
    pub audit_entries: i64,
    /// Of them, those that have no leaf yet.
    pub audit_waiting: i64,
}

/// Reads the counts. `messages_since`: only messages asked for at this instant or later, found by
/// an index; without it every message there is gets counted, one by one.
///
/// # Errors
/// [`DbError`].
pub fn gauges(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    messages_since: Option<Timestamp>,
) -> Result<Gauges, DbError> {
    let pair = |row: &crate::db::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let messages = match messages_since {
        Some(since) => tx.query(
            sql!(
                "SELECT state, COUNT(*) FROM message
                  WHERE practice_id = $1 AND created_at >= $2
                      AND (patient_id IS NULL OR patient_id NOT IN
                          (SELECT patient_id FROM test_patient WHERE practice_id = $1))
                  GROUP BY state"
            ),
            params![practice, since],
            pair,
        ),
        None => tx.query(
            sql!(
                "SELECT state, COUNT(*) FROM message
                  WHERE practice_id = $1 AND (patient_id IS NULL OR patient_id NOT IN
                      (SELECT patient_id FROM test_patient WHERE practice_id = $1))
                  GROUP BY state"
            ),
            params![practice],
            pair,
        ),
    }?;
    let outbox = tx.query_one(
        sql!("SELECT COUNT(*) FROM outbox WHERE practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )?;
    let (tasks, urgent) = tx.query_one(
        sql!(
            "SELECT COUNT(*), COUNT(CASE WHEN kind = 'emergency' THEN 1 END) FROM task
             WHERE practice_id = $1 AND state = 'open' AND kind <> 'drill'"
        ),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let replies = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM inbound_message
             WHERE practice_id = $1 AND (patient_id IS NULL OR patient_id NOT IN
                 (SELECT patient_id FROM test_patient WHERE practice_id = $1))"
        ),
        params![practice],
        |row| row.get(0),
    )?;
    let (placed, audit_waiting) = audit_size(tx, practice)?;
    Ok(Gauges {
        messages,
        outbox,
        tasks,
        urgent,
        replies,
        audit_entries: placed + audit_waiting,
        audit_waiting,
    })
}

/// Leaves in the tree, by the highest index, and entries that wait for one. Both by an index.
fn audit_size(tx: &mut Tx<'_>, practice: PracticeId) -> Result<(i64, i64), DbError> {
    let last: Option<i64> = tx.query_one(
        sql!("SELECT MAX(leaf_index) FROM audit_entry WHERE practice_id = $1 AND leaf_index >= 0"),
        params![practice],
        |row| row.get(0),
    )?;
    let waiting = tx.query_one(
        sql!("SELECT COUNT(*) FROM audit_entry WHERE practice_id = $1 AND leaf_index IS NULL"),
        params![practice],
        |row| row.get(0),
    )?;
    Ok((last.map_or(0, |last| last + 1), waiting))
}

/// Since when the oldest entry without a leaf waits for one.
///
/// # Errors
/// [`DbError`].
pub fn audit_waiting_since(
    tx: &mut Tx<'_>,
    practice: PracticeId,
) -> Result<Option<Timestamp>, DbError> {
    tx.query_one(
        sql!(
            "SELECT MIN(recorded_at) FROM audit_entry WHERE practice_id = $1 AND leaf_index IS NULL"
        ),
        params![practice],
        |row| row.get(0),
    )
}

/// A message as the board lists it. Its content stays sealed.
#[derive(Debug, Clone)]
pub struct MessageLine {
    /// Which.
    pub id: MessageId,
    /// To whom.
    pub patient: Option<PatientId>,
    /// `sms`, `email`, …
    pub channel: String,
    /// Its kind's word.
    pub kind: String,
    /// Its state's word.
    pub state: String,
    /// Since when.
    pub state_at: Timestamp,
    /// Codes of a refusal, space separated.
    pub refusals: Option<String>,
    /// `en`, `es`.
    pub language: String,
}

/// The latest messages the gate refused.
///
/// # Errors
/// [`DbError`].
pub fn latest_refused(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<MessageLine>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, channel, kind, state, state_at, refusals, language
             FROM message WHERE practice_id = $1 AND state = 'refused'
                 AND (patient_id IS NULL OR patient_id NOT IN
                     (SELECT patient_id FROM test_patient WHERE practice_id = $1))
             ORDER BY created_at DESC, id DESC LIMIT $2"
        ),
        params![practice, most],
        message_line,
    )
}

/// The latest messages that left, or tried to.
///
/// # Errors
/// [`DbError`].
pub fn latest_sent(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<MessageLine>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, channel, kind, state, state_at, refusals, language
             FROM message
             WHERE practice_id = $1 AND state NOT IN ('refused', 'queued', 'cancelled', 'expired')
                 AND (patient_id IS NULL OR patient_id NOT IN
                     (SELECT patient_id FROM test_patient WHERE practice_id = $1))
             ORDER BY created_at DESC, id DESC LIMIT $2"
        ),
        params![practice, most],
        message_line,
    )
}

fn message_line(row: &crate::db::Row<'_>) -> Result<MessageLine, DbError> {
    Ok(MessageLine {
        id: row.get(0)?,
        patient: row.get(1)?,
        channel: row.get(2)?,
        kind: row.get(3)?,
        state: row.get(4)?,
        state_at: row.get(5)?,
        refusals: row.get(6)?,
        language: row.get(7)?,
    })
}

/// A reply as the board lists it. Its content stays sealed.
#[derive(Debug, Clone)]
pub struct ReplyLine {
    /// Which.
    pub id: InboundId,
    /// From whom, where that is known.
    pub patient: Option<PatientId>,
    /// What was understood, space separated.
    pub intents: String,
    /// What it did.
    pub effect: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// The latest replies.
///
/// # Errors
/// [`DbError`].
pub fn latest_replies(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<ReplyLine>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, intents, effect, received_at FROM inbound_message
             WHERE practice_id = $1 AND (patient_id IS NULL OR patient_id NOT IN
                 (SELECT patient_id FROM test_patient WHERE practice_id = $1))
             ORDER BY received_at DESC, id DESC LIMIT $2"
        ),
        params![practice, most],
        |row| {
            Ok(ReplyLine {
                id: row.get(0)?,
                patient: row.get(1)?,
                intents: row.get(2)?,
                effect: row.get(3)?,
                received_at: row.get(4)?,
            })
        },
    )
}

/// A reply's sealed content, and its key wrapped for the record.
pub type SealedReply = (Vec<u8>, Vec<u8>);

/// The sealed content of a reply.
///
/// # Errors
/// [`DbError`].
pub fn reply_sealed(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: InboundId,
) -> Result<Option<SealedReply>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT content_sealed, record_wrap FROM inbound_message
             WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// A task as the board lists it.
#[derive(Debug, Clone)]
pub struct TaskLine {
    /// Which.
    pub id: String,
    /// About whom.
    pub patient: Option<PatientId>,
    /// What is to be done, one word.
    pub kind: String,
    /// It may be an emergency.
    pub urgent: bool,
    /// By when.
    pub due_at: Timestamp,
}

/// Open tasks, urgent ones first, then by when they are due.
///
/// # Errors
/// [`DbError`].
pub fn open_tasks(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<TaskLine>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, kind, urgent, due_at FROM task
             WHERE practice_id = $1 AND state = 'open' AND kind <> 'drill'
             ORDER BY urgent DESC, due_at, id LIMIT $2"
        ),
        params![practice, most],
        |row| {
            Ok(TaskLine {
                id: row.get(0)?,
                patient: row.get(1)?,
                kind: row.get(2)?,
                urgent: row.get(3)?,
                due_at: row.get(4)?,
            })
        },
    )
}

/// The newest checkpoint: its tree's size, when it was signed, and the note.
///
/// # Errors
/// [`DbError`].
pub fn last_checkpoint(
    tx: &mut Tx<'_>,
    practice: PracticeId,
) -> Result<Option<(i64, Timestamp, String)>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT size, signed_at, note FROM audit_checkpoint
             WHERE practice_id = $1 ORDER BY size DESC LIMIT 1"
        ),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
