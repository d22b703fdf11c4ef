//! Everything said with one patient, or with a number nobody knows: over the tables `message`,
//! `inbound_message`, `task` and `conversation`. What came from a number before it was known to be a
//! patient's belongs to the patient through its conversation.

use gate::{AppointmentId, Channel, Kind, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::appointment::{AppointmentReply, AppointmentStatus};
use crate::db::registry::CONVERSATION;
use crate::db::task::{TaskKind, TaskOutcome, TaskRow, TaskState};
use crate::db::thread::With;
use crate::db::{DbError, Row, Tx};
use crate::ids::{ConversationId, InboundId, StaffId, TaskId, ThreadId};
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

/// An open task as the list of tasks shows it.
#[derive(Debug, Clone)]
pub struct TaskListed {
    /// Which.
    pub id: TaskId,
    /// What is to be done.
    pub kind: TaskKind,
    /// Before all else.
    pub urgent: bool,
    /// By when.
    pub due_at: Timestamp,
    /// About whom.
    pub patient: Option<PatientId>,
    /// Who it is.
    pub person_sealed: Option<Vec<u8>>,
    /// In which thread.
    pub thread: Option<ThreadId>,
    /// Whose that is.
    pub owner: Option<StaffId>,
    /// Where the patient is seen: ids, separated by commas.
    pub sites: String,
}

/// Open tasks, urgent ones first, then by when they are due: those behind `after`. Drills are
/// nobody's to do.
///
/// # Errors
/// [`DbError`].
pub fn open_tasks_listed(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (urgent, due, id): (bool, Timestamp, TaskId),
    most: u32,
) -> Result<Vec<TaskListed>, DbError> {
    let mut all = tasks_behind(tx, practice, (urgent, due, id), most)?;
    let left = most.saturating_sub(u32::try_from(all.len()).unwrap_or(most));
    if urgent && left > 0 {
        let first = (false, Timestamp::MIN, TaskId(uuid::Uuid::nil()));
        all.extend(tasks_behind(tx, practice, first, left)?);
    }
    Ok(all)
}

/// Of the urgent ones, or of the others.
fn tasks_behind(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    after: (bool, Timestamp, TaskId),
    most: u32,
) -> Result<Vec<TaskListed>, DbError> {
    tx.query(
        sql! {
            sqlite: "SELECT k.id, k.kind, k.urgent, k.due_at, k.patient_id, p.person_sealed,
                COALESCE(t.id, u.id), COALESCE(t.owner, u.owner),
                (SELECT group_concat(DISTINCT a.site_id) FROM appointment a
                  WHERE a.practice_id = $1 AND a.patient_id = k.patient_id)
              FROM task k
              LEFT JOIN patient p ON p.practice_id = k.practice_id AND p.id = k.patient_id
              LEFT JOIN conversation c ON c.practice_id = k.practice_id AND c.id = k.conversation_id
              LEFT JOIN thread t ON t.practice_id = k.practice_id
                AND t.patient_id = COALESCE(k.patient_id, c.patient_id)
              LEFT JOIN thread u ON u.practice_id = k.practice_id
                AND u.address_index = c.address_index AND k.patient_id IS NULL
             WHERE k.practice_id = $1 AND k.state = 'open' AND k.kind <> 'drill'
               AND k.urgent = $2 AND (k.due_at, k.id) > ($3, $4)
             ORDER BY k.due_at, k.id LIMIT $5",
            postgres: "SELECT k.id, k.kind, k.urgent, k.due_at, k.patient_id, p.person_sealed,
                COALESCE(t.id, u.id), COALESCE(t.owner, u.owner),
                (SELECT string_agg(DISTINCT a.site_id, ',') FROM appointment a
                  WHERE a.practice_id = $1 AND a.patient_id = k.patient_id)
              FROM task k
              LEFT JOIN patient p ON p.practice_id = k.practice_id AND p.id = k.patient_id
              LEFT JOIN conversation c ON c.practice_id = k.practice_id AND c.id = k.conversation_id
              LEFT JOIN thread t ON t.practice_id = k.practice_id
                AND t.patient_id = COALESCE(k.patient_id, c.patient_id)
              LEFT JOIN thread u ON u.practice_id = k.practice_id
                AND u.address_index = c.address_index AND k.patient_id IS NULL
             WHERE k.practice_id = $1 AND k.state = 'open' AND k.kind <> 'drill'
               AND k.urgent = $2 AND (k.due_at, k.id) > ($3, $4)
             ORDER BY k.due_at, k.id LIMIT $5"
        },
        params![practice, after.0, after.1, after.2, most],
        |row| {
            Ok(TaskListed {
                id: row.get(0)?,
                kind: row.get(1)?,
                urgent: row.get(2)?,
                due_at: row.get(3)?,
                patient: row.get(4)?,
                person_sealed: row.get(5)?,
                thread: row.get(6)?,
                owner: row.get(7)?,
                sites: row.get::<Option<String>>(8)?.unwrap_or_default(),
            })
        },
    )
}

/// How many tasks are open.
///
/// # Errors
/// [`DbError`].
pub fn count_open_tasks(tx: &mut Tx<'_>, practice: PracticeId) -> Result<i64, DbError> {
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM task
              WHERE practice_id = $1 AND state = 'open' AND kind <> 'drill'"
        ),
        params![practice],
        |row| row.get(0),
    )
}

/// An appointment as the schedule of a day shows it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Which.
    pub id: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// Who it is.
    pub person_sealed: Vec<u8>,
    /// Where: the site's id and name.
    pub site: Option<(String, String)>,
    /// When.
    pub starts_at: Timestamp,
    /// What the schedule says.
    pub status: AppointmentStatus,
    /// What the patient answered.
    pub reply: Option<AppointmentReply>,
}

/// Appointments that begin in a span of time, by when they begin: those behind `after`.
///
/// # Errors
/// [`DbError`].
pub fn visits(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, until): (Timestamp, Timestamp),
    after: (Timestamp, AppointmentId),
    most: u32,
) -> Result<Vec<Visit>, DbError> {
    tx.query(
        sql!(
            "SELECT a.id, a.patient_id, p.person_sealed, a.site_id, s.name, a.starts_at, a.status,
                    a.reply
               FROM appointment a
               JOIN patient p ON p.practice_id = a.practice_id AND p.id = a.patient_id
               LEFT JOIN site s ON s.practice_id = a.practice_id AND s.id = a.site_id
              WHERE a.practice_id = $1 AND a.starts_at >= $2 AND a.starts_at < $3
                AND (a.starts_at, a.id) > ($4, $5)
                AND a.patient_id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)
              ORDER BY a.starts_at, a.id LIMIT $6"
        ),
        params![practice, from, until, after.0, after.1, most],
        |row| {
            let (site, name): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
            Ok(Visit {
                id: row.get(0)?,
                patient: row.get(1)?,
                person_sealed: row.get(2)?,
                site: site.zip(name),
                starts_at: row.get(5)?,
                status: row.get(6)?,
                reply: row.get(7)?,
            })
        },
    )
}

/// What went out about an appointment.
#[derive(Debug, Clone)]
pub struct Reminded {
    /// About which.
    pub appointment: AppointmentId,
    /// What.
    pub kind: Kind,
    /// How.
    pub channel: Channel,
    /// Where it stands.
    pub state: String,
    /// Since when.
    pub state_at: Timestamp,
}

/// What went out about appointments that begin in a span of time, the oldest first.
///
/// # Errors
/// [`DbError`].
pub fn sent_about(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<Reminded>, DbError> {
    tx.query(
        sql!(
            "SELECT m.appointment_id, m.kind, m.channel, m.state, m.state_at
               FROM appointment a
               JOIN message m ON m.practice_id = a.practice_id AND m.appointment_id = a.id
              WHERE a.practice_id = $1 AND a.starts_at >= $2 AND a.starts_at < $3
                AND m.kind IN ('appt_reminder', 'appt_reminder_generic')
              ORDER BY m.created_at, m.id"
        ),
        params![practice, from, until],
        |row| {
            Ok(Reminded {
                appointment: row.get(0)?,
                kind: row.get(1)?,
                channel: row.get(2)?,
                state: row.get(3)?,
                state_at: row.get(4)?,
            })
        },
    )
}

/// How many appointments begin in a span of time.
///
/// # Errors
/// [`DbError`].
pub fn count_visits(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, until): (Timestamp, Timestamp),
) -> Result<i64, DbError> {
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM appointment
              WHERE practice_id = $1 AND starts_at >= $2 AND starts_at < $3
                AND patient_id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)"
        ),
        params![practice, from, until],
        |row| row.get(0),
    )
}
