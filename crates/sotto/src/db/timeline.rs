//! Everything said with one patient, or with a number nobody knows: over the tables `message`,
//! `inbound_message`, `task` and `conversation`. What came from a number before it was known to be a
//! patient's belongs to the patient through its conversation.

use gate::{Channel, Kind, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::CONVERSATION;
use crate::db::task::{TaskKind, TaskOutcome, TaskRow, TaskState};
use crate::db::thread::With;
use crate::db::{DbError, Row, Tx};
use crate::ids::{ConversationId, InboundId, TaskId};
use crate::{params, sql};

/// A message of ours, its content still sealed.
#[derive(Debug, Clone)]
pub struct Said {
    /// Which.
    pub id: MessageId,
    /// Its kind.
    pub kind: Kind,
    /// How.
    pub channel: Channel,
    /// `automated`, `reply` or `staff`.
    pub origin: String,
    /// Where it stands.
    pub state: String,
    /// What the clearance rests on (JSON).
    pub basis: Option<String>,
    /// Address, subject, body: sealed.
    pub content_sealed: Vec<u8>,
    /// Their key, wrapped for the record.
    pub record_wrap: Vec<u8>,
    /// Who asked.
    pub created_by: String,
    /// `en`, `es`.
    pub language: String,
    /// When it was asked for.
    pub at: Timestamp,
}

fn said(row: &Row<'_>) -> Result<Said, DbError> {
    Ok(Said {
        id: row.get(0)?,
        kind: row.get(1)?,
        channel: row.get(2)?,
        origin: row.get(3)?,
        state: row.get(4)?,
        basis: row.get(5)?,
        content_sealed: row.get(6)?,
        record_wrap: row.get(7)?,
        created_by: row.get(8)?,
        language: row.get(9)?,
        at: row.get(10)?,
    })
}

/// Our last messages before an instant, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn said_by_us(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    with: With,
    (before, most): (Timestamp, u32),
) -> Result<Vec<Said>, DbError> {
    let With::Patient(patient) = with else {
        let With::Address(index) = with else { return Ok(Vec::new()) };
        return tx.query(
            sql!(
                "SELECT id, kind, channel, origin, state, basis, content_sealed, record_wrap,
                        created_by, language, created_at
                   FROM message
                  WHERE practice_id = $1 AND address_index = $2 AND patient_id IS NULL
                    AND created_at < $3
                  ORDER BY created_at DESC, id DESC LIMIT $4"
            ),
            params![practice, index, before, most],
            said,
        );
    };
    // What waits is yet to come: an index leads to when a message goes, not to when it was asked.
    let mut all = tx.query(
        sql!(
            "SELECT id, kind, channel, origin, state, basis, content_sealed, record_wrap,
                    created_by, language, send_at
               FROM message
              WHERE practice_id = $1 AND patient_id = $2 AND send_at < $3
              ORDER BY send_at DESC, id DESC LIMIT $4"
        ),
        params![practice, patient, before, most],
        said,
    )?;
    for index in addresses_of(tx, practice, patient)? {
        all.extend(said_by_us(tx, practice, With::Address(index), (before, most))?);
    }
    Ok(all)
}

/// The addresses with which conversations are this patient's: what came from one before it was known
/// is under the address alone.
fn addresses_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<[u8; 32]>, DbError> {
    // Put in order here: asked for in order, they would be sought in the order of the addresses of
    // the whole practice.
    let mut all: Vec<[u8; 32]> = tx.query(
        sql!("SELECT address_index FROM conversation WHERE practice_id = $1 AND patient_id = $2"),
        params![practice, patient],
        |row| row.get(0),
    )?;
    all.sort_unstable();
    all.dedup();
    all.truncate(20);
    Ok(all)
}

/// A message to us, its content still sealed.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Which.
    pub id: InboundId,
    /// How.
    pub channel: Channel,
    /// What it was read as, space separated.
    pub intents: String,
    /// What it did, in a word.
    pub effect: String,
    /// From, to, body: sealed.
    pub content_sealed: Vec<u8>,
    /// Their key, wrapped for the record.
    pub record_wrap: Vec<u8>,
    /// When it came.
    pub at: Timestamp,
}

fn heard(row: &Row<'_>) -> Result<Heard, DbError> {
    Ok(Heard {
        id: row.get(0)?,
        channel: row.get(1)?,
        intents: row.get(2)?,
        effect: row.get(3)?,
        content_sealed: row.get(4)?,
        record_wrap: row.get(5)?,
        at: row.get(6)?,
    })
}

/// Their last messages before an instant, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn heard_from(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    with: With,
    (before, most): (Timestamp, u32),
) -> Result<Vec<Heard>, DbError> {
    match with {
        With::Address(index) => tx.query(
            sql!(
                "SELECT i.id, i.channel, i.intents, i.effect, i.content_sealed, i.record_wrap,
                        i.received_at
                   FROM inbound_message i
                  WHERE i.practice_id = $1 AND i.from_index = $2 AND i.patient_id IS NULL
                    AND i.received_at < $3
                  ORDER BY i.received_at DESC, i.id DESC LIMIT $4"
            ),
            params![practice, index, before, most],
            heard,
        ),
        With::Patient(patient) => {
            let mut all = tx.query(
                sql!(
                    "SELECT id, channel, intents, effect, content_sealed, record_wrap, received_at
                       FROM inbound_message
                      WHERE practice_id = $1 AND patient_id = $2 AND received_at < $3
                      ORDER BY received_at DESC, id DESC LIMIT $4"
                ),
                params![practice, patient, before, most],
                heard,
            )?;
            for index in addresses_of(tx, practice, patient)? {
                all.extend(heard_from(tx, practice, With::Address(index), (before, most))?);
            }
            Ok(all)
        }
    }
}

/// A task as a thread shows it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which.
    pub id: TaskId,
    /// What is to be done.
    pub kind: TaskKind,
    /// Before all else.
    pub urgent: bool,
    /// By when.
    pub due_at: Timestamp,
    /// Whether it is done.
    pub state: TaskState,
    /// What came of it.
    pub outcome: Option<TaskOutcome>,
    /// Who did it.
    pub done_by: Option<String>,
    /// When it was opened.
    pub at: Timestamp,
}

fn asked(row: &Row<'_>) -> Result<Asked, DbError> {
    Ok(Asked {
        id: row.get(0)?,
        kind: row.get(1)?,
        urgent: row.get(2)?,
        due_at: row.get(3)?,
        state: row.get(4)?,
        outcome: row.get(5)?,
        done_by: row.get(6)?,
        at: row.get(7)?,
    })
}

/// The last tasks opened before an instant, the latest first; drills are nobody's.
///
/// # Errors
/// [`DbError`].
pub fn tasks_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    with: With,
    (before, most): (Timestamp, u32),
) -> Result<Vec<Asked>, DbError> {
    match with {
        With::Address(index) => tx.query(
            sql!(
                "SELECT id, kind, urgent, due_at, state, outcome, done_by, created_at FROM task
                  WHERE practice_id = $1 AND patient_id IS NULL AND created_at < $3
                    AND conversation_id IN (SELECT c.id FROM conversation c
                         WHERE c.practice_id = $1 AND c.address_index = $2 AND c.patient_id IS NULL)
                  ORDER BY created_at DESC, id DESC LIMIT $4"
            ),
            params![practice, index, before, most],
            asked,
        ),
        With::Patient(patient) => {
            let mut all = tx.query(
                sql!(
                    "SELECT id, kind, urgent, due_at, state, outcome, done_by, created_at FROM task
                      WHERE practice_id = $1 AND patient_id = $2 AND created_at < $3
                        AND kind <> 'drill'
                      ORDER BY created_at DESC, id DESC LIMIT $4"
                ),
                params![practice, patient, before, most],
                asked,
            )?;
            let unknown = tx.query(
                sql!(
                    "SELECT id, kind, urgent, due_at, state, outcome, done_by, created_at FROM task
                      WHERE practice_id = $1 AND patient_id IS NULL AND created_at < $3
                        AND conversation_id IN (SELECT c.id FROM conversation c
                             WHERE c.practice_id = $1 AND c.patient_id = $2)
                      ORDER BY created_at DESC, id DESC LIMIT $4"
                ),
                params![practice, patient, before, most],
                asked,
            )?;
            all.extend(unknown);
            Ok(all)
        }
    }
}

/// The open tasks of a thread: what, and by when. The one that is due first leads.
///
/// # Errors
/// [`DbError`].
pub fn open_tasks(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    with: With,
) -> Result<Vec<Asked>, DbError> {
    let mut all = match with {
        With::Address(index) => tx.query(
            sql!(
                "SELECT id, kind, urgent, due_at, state, outcome, done_by, created_at FROM task
                  WHERE practice_id = $1 AND patient_id IS NULL AND state = 'open'
                    AND conversation_id IN (SELECT c.id FROM conversation c
                         WHERE c.practice_id = $1 AND c.address_index = $2 AND c.patient_id IS NULL)"
            ),
            params![practice, index],
            asked,
        )?,
        With::Patient(patient) => {
            let mut own = tx.query(
                sql!(
                    "SELECT id, kind, urgent, due_at, state, outcome, done_by, created_at FROM task
                      WHERE practice_id = $1 AND patient_id = $2 AND state = 'open'
                        AND kind <> 'drill'"
                ),
                params![practice, patient],
                asked,
            )?;
            let unknown = tx.query(
                sql!(
                    "SELECT id, kind, urgent, due_at, state, outcome, done_by, created_at FROM task
                      WHERE practice_id = $1 AND patient_id IS NULL AND state = 'open'
                        AND conversation_id IN (SELECT c.id FROM conversation c
                             WHERE c.practice_id = $1 AND c.patient_id = $2)"
                ),
                params![practice, patient],
                asked,
            )?;
            own.extend(unknown);
            own
        }
    };
    all.sort_by_key(|task| (task.due_at, task.id));
    Ok(all)
}

/// With whom a task has to do, where it has to do with somebody.
///
/// # Errors
/// [`DbError`].
pub fn with_whom(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    task: &TaskRow,
) -> Result<Option<With>, DbError> {
    if let Some(patient) = task.patient_id {
        return Ok(Some(With::Patient(patient)));
    }
    let Some(conversation) = task.conversation_id else { return Ok(None) };
    tx.query_opt(
        sql!(
            "SELECT patient_id, address_index FROM conversation
              WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, conversation],
        |row| {
            let patient: Option<PatientId> = row.get(0)?;
            Ok(patient.map_or(With::Address(row.get(1)?), With::Patient))
        },
    )
}

/// The last conversation by an address that is nobody's.
///
/// # Errors
/// [`DbError`].
pub fn conversation_at(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    index: &[u8; 32],
) -> Result<Option<ConversationId>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id FROM conversation
              WHERE practice_id = $1 AND address_index = $2 AND patient_id IS NULL
              ORDER BY last_at DESC, id DESC LIMIT 1"
        ),
        params![practice, index],
        |row| row.get(0),
    )
}

/// What kind our last message was at the address of a conversation, since an instant.
///
/// # Errors
/// [`DbError`].
pub fn last_kind_to(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    conversation: ConversationId,
    since: Timestamp,
) -> Result<Option<Kind>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT m.kind FROM conversation c
               JOIN message m ON m.practice_id = c.practice_id
                AND m.address_index = c.address_index AND m.created_at >= $3
              WHERE c.practice_id = $1 AND c.id = $2 AND m.inbound_id IS NULL
              ORDER BY m.created_at DESC LIMIT 1"
        ),
        params![practice, conversation, since],
        |row| row.get(0),
    )
}

/// The conversations by an address belong to this patient from now on.
///
/// # Errors
/// [`DbError`].
pub fn claim(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    index: &[u8; 32],
    patient: PatientId,
) -> Result<(), DbError> {
    let ids: Vec<ConversationId> = tx.query(
        sql!(
            "SELECT id FROM conversation
              WHERE practice_id = $1 AND address_index = $2 AND patient_id IS NULL"
        ),
        params![practice, index],
        |row| row.get(0),
    )?;
    tx.execute(
        sql!(
            "UPDATE conversation SET patient_id = $3
              WHERE practice_id = $1 AND address_index = $2 AND patient_id IS NULL"
        ),
        params![practice, index, patient],
    )?;
    ids.into_iter().for_each(|id| tx.touch(CONVERSATION, id.to_string()));
    Ok(())
}
