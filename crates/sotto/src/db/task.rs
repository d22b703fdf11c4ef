//! Table `task`.

use gate::{AppointmentId, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::TASK};
use crate::ids::{ConversationId, InboundId, StaffId, TaskId, ThreadId};
use crate::{params, sql};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// Phone the patient now (CLIN-01).
    Emergency,
    /// Answer a question about health, by phone or portal (CLIN-05).
    ClinicalQuestion,
    /// Find another time.
    Reschedule,
    /// Free the time: the patient cannot come.
    Declined,
    /// Find out whether the appointment was meant (TEL-16), or which one.
    AppointmentQuestion,
    /// Find out whose message it was: several patients share the number.
    WhichPatient,
    /// Assess what went to somebody else's number (RULEBOOK §3), and find the right one.
    WrongNumber,
    /// Read and answer.
    Answer,
    /// Part of a text did not come: read what did, and ask for the rest.
    IncompleteText,
    /// A reminder's words could not be filled in; correct the record and call.
    ReminderNotWritten,
    /// A message did not arrive, or nobody knows (CLIN-07).
    Delivery,
    /// The patient wrote in the sealed mode: whoever wrote with them reads and answers it.
    SealedMessage,
    /// A message in the portal was not read, after two reminders: call (CLIN-07).
    Unread,
    /// A reminder did not go out: call the patient.
    ReminderMissing,
    /// The patient was reminded of a visit that was moved or cancelled: call.
    ReminderWrong,
    /// A drill: a made-up emergency of the self-test, which must reach the pager (CLIN-12).
    Drill,
    /// The self-test failed: an emergency, or a reminder, may not get through.
    SelfTestFailed,
    /// Our record does not agree with itself, or with the carrier's: see the reconciliation.
    RecordTorn,
    /// The agreement with a carrier ends soon: renew it (BAA-03).
    AgreementEnds,
    /// An agreement was ended: get the certificate that what the vendor had is returned or destroyed
    /// (BAA-05).
    Certificate,
    /// Somebody opened a record in an emergency: review it.
    BreakGlass,
    /// The time of keeping a month's records ends soon: hold what must stay (PRIV-20).
    RecordsEnd,
}

/// Whether it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It is not.
    Open,
    /// It is.
    Done,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Somebody spoke with the patient.
    Spoke,
    /// It was answered in writing.
    Answered,
    /// The schedule was changed.
    Scheduled,
    /// The record was corrected.
    Corrected,
    /// The patient could not be reached.
    NotReached,
    /// There was nothing to do.
    Nothing,
    /// It was looked at and signed off.
    Reviewed,
}

words! {
    TaskKind {
        Emergency = "emergency",
        ClinicalQuestion = "clinical_question",
        Reschedule = "reschedule",
        Declined = "declined",
        AppointmentQuestion = "appointment_question",
        WhichPatient = "which_patient",
        WrongNumber = "wrong_number",
        Answer = "answer",
        IncompleteText = "incomplete_text",
        ReminderNotWritten = "reminder_not_written",
        Delivery = "delivery",
        SealedMessage = "sealed_message",
        Unread = "unread",
        ReminderMissing = "reminder_missing",
        ReminderWrong = "reminder_wrong",
        Drill = "drill",
        SelfTestFailed = "self_test_failed",
        RecordTorn = "record_torn",
        AgreementEnds = "agreement_ends",
        Certificate = "certificate",
        BreakGlass = "break_glass",
        RecordsEnd = "records_end",
    }
    TaskState { Open = "open", Done = "done" }
    TaskOutcome {
        Spoke = "spoke",
        Answered = "answered",
        Scheduled = "scheduled",
        Corrected = "corrected",
        NotReached = "not_reached",
        Nothing = "nothing",
        Reviewed = "reviewed",
    }
}

/// A row of `task`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Key.
    pub id: TaskId,
    /// What is to be done.
    pub kind: TaskKind,
    /// Before all else.
    pub urgent: bool,
    /// About whom.
    pub patient_id: Option<PatientId>,
    /// In which thread.
    pub conversation_id: Option<ConversationId>,
    /// About which message of ours.
    pub message_id: Option<MessageId>,
    /// Because of which message to us.
    pub inbound_id: Option<InboundId>,
    /// About which appointment.
    pub appointment_id: Option<AppointmentId>,
    /// By when.
    pub due_at: Timestamp,
    /// Whether it is done.
    pub state: TaskState,
    /// What came of it.
    pub outcome: Option<TaskOutcome>,
    /// Who did it.
    pub done_by: Option<String>,
    /// When.
    pub done_at: Option<Timestamp>,
    /// When it was opened.
    pub created_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<TaskRow, DbError> {
    Ok(TaskRow {
        id: row.get(0)?,
        kind: row.get(1)?,
        urgent: row.get(2)?,
        patient_id: row.get(3)?,
        conversation_id: row.get(4)?,
        message_id: row.get(5)?,
        inbound_id: row.get(6)?,
        appointment_id: row.get(7)?,
        due_at: row.get(8)?,
        state: row.get(9)?,
        outcome: row.get(10)?,
        done_by: row.get(11)?,
        done_at: row.get(12)?,
        created_at: row.get(13)?,
    })
}

/// The task with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(tx: &mut Tx<'_>, practice: PracticeId, id: TaskId) -> Result<Option<TaskRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, kind, urgent, patient_id, conversation_id, message_id, inbound_id,
                    appointment_id, due_at, state, outcome, done_by, done_at, created_at
               FROM task WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// Open tasks, urgent ones first, then by when they are due; at most `most`. Drills are nobody's to
/// do.
///
/// # Errors
/// [`DbError`].
pub fn open_ones(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<TaskRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, kind, urgent, patient_id, conversation_id, message_id, inbound_id,
                    appointment_id, due_at, state, outcome, done_by, done_at, created_at
               FROM task WHERE practice_id = $1 AND state = 'open' AND kind <> 'drill'
              ORDER BY urgent DESC, due_at, id LIMIT $2"
        ),
        params![practice, most],
        read,
    )
}

/// The tasks about a message of ours, done ones too, the oldest first.
///
/// # Errors
/// [`DbError`].
pub fn about_message(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    message: MessageId,
) -> Result<Vec<TaskRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, kind, urgent, patient_id, conversation_id, message_id, inbound_id,
                    appointment_id, due_at, state, outcome, done_by, done_at, created_at
               FROM task WHERE practice_id = $1 AND message_id = $2 ORDER BY created_at, id"
        ),
        params![practice, message],
        read,
    )
}

/// Open urgent tasks: what is paged.
///
/// # Errors
/// [`DbError`].
pub fn urgent(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<TaskRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, kind, urgent, patient_id, conversation_id, message_id, inbound_id,
                    appointment_id, due_at, state, outcome, done_by, done_at, created_at
               FROM task WHERE practice_id = $1 AND state = 'open' AND urgent = 1
              ORDER BY due_at, id"
        ),
        params![practice],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &TaskRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO task
                 (practice_id, id, kind, urgent, patient_id, conversation_id, message_id,
                  inbound_id, appointment_id, due_at, state, outcome, done_by, done_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 due_at = excluded.due_at, state = excluded.state, outcome = excluded.outcome,
                 done_by = excluded.done_by, done_at = excluded.done_at"
        ),
        params![
            practice,
            row.id,
            row.kind,
            row.urgent,
            row.patient_id,
            row.conversation_id,
            row.message_id,
            row.inbound_id,
            row.appointment_id,
            row.due_at,
            row.state,
            row.outcome,
            row.done_by,
            row.done_at,
            row.created_at
        ],
    )?;
    tx.touch(TASK, row.id.to_string());
    Ok(())
}
/// An open task as the list of tasks shows it.
#[derive(Debug, Clone)]
pub struct Listed {
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
}

/// Open tasks, urgent ones first, then by when they are due: those behind `after`. Drills are
/// nobody's to do.
///
/// # Errors
/// [`DbError`].
pub fn open_listed(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (urgent, due, id): (bool, Timestamp, TaskId),
    most: u32,
) -> Result<Vec<Listed>, DbError> {
    let mut all = behind(tx, practice, (urgent, due, id), most)?;
    let left = most.saturating_sub(u32::try_from(all.len()).unwrap_or(most));
    if urgent && left > 0 {
        let first = (false, Timestamp::MIN, TaskId(uuid::Uuid::nil()));
        all.extend(behind(tx, practice, first, left)?);
    }
    Ok(all)
}

/// Of the urgent ones, or of the others. Cut to the page before the joins: PostgreSQL would join all
/// of them with every patient first.
fn behind(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    after: (bool, Timestamp, TaskId),
    most: u32,
) -> Result<Vec<Listed>, DbError> {
    tx.query(
        sql!(
            "SELECT k.id, k.kind, k.urgent, k.due_at, k.patient_id, p.person_sealed,
                COALESCE(t.id, u.id), COALESCE(t.owner, u.owner)
              FROM (SELECT id, practice_id, kind, urgent, due_at, patient_id, conversation_id
                      FROM task
                     WHERE practice_id = $1 AND state = 'open' AND kind <> 'drill'
                       AND urgent = $2 AND (due_at, id) > ($3, $4)
                     ORDER BY due_at, id LIMIT $5) k
              LEFT JOIN patient p ON p.practice_id = k.practice_id AND p.id = k.patient_id
              LEFT JOIN conversation c ON c.practice_id = k.practice_id AND c.id = k.conversation_id
              LEFT JOIN thread t ON t.practice_id = k.practice_id
                AND t.patient_id = COALESCE(k.patient_id, c.patient_id)
              LEFT JOIN thread u ON u.practice_id = k.practice_id
                AND u.address_index = c.address_index AND k.patient_id IS NULL
             ORDER BY k.due_at, k.id"
        ),
        params![practice, after.0, after.1, after.2, most],
        |row| {
            Ok(Listed {
                id: row.get(0)?,
                kind: row.get(1)?,
                urgent: row.get(2)?,
                due_at: row.get(3)?,
                patient: row.get(4)?,
                person_sealed: row.get(5)?,
                thread: row.get(6)?,
                owner: row.get(7)?,
            })
        },
    )
}

/// How many tasks are open.
///
/// # Errors
/// [`DbError`].
pub fn count_open(tx: &mut Tx<'_>, practice: PracticeId) -> Result<i64, DbError> {
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM task
              WHERE practice_id = $1 AND state = 'open' AND kind <> 'drill'"
        ),
        params![practice],
        |row| row.get(0),
    )
}
