//! Table `call`: calls that staff make.

use gate::{ContactPointId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::CALL};
use crate::ids::{CallId, CaregiverId, StaffId, TaskId};
use crate::{params, sql};

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Somebody who says to be the patient.
    Patient,
    /// Somebody who says to be a caregiver on file.
    Caregiver,
    /// Somebody else.
    Other,
    /// A machine.
    Voicemail,
    /// Nobody.
    Nobody,
}

/// What a voicemail's greeting said (SPEC ID-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// The patient's own name or voice.
    Patient,
    /// Nobody's.
    Generic,
    /// Somebody else's.
    SomebodyElse,
}

/// How a listener is identified (PRIV-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// We called the number on file.
    CallBack,
    /// A one-time code to a verified address, read back.
    Code,
    /// They are signed in to the portal.
    Portal,
    /// The whole name.
    Name,
    /// The date of birth.
    BirthDate,
    /// The street and number.
    Street,
    /// Another number or mailbox on file.
    OtherContact,
    /// Something from an earlier contact (SPEC ID-02).
    EarlierContact,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// The matter was dealt with.
    Spoke,
    /// A message asks them to call back.
    LeftMessage,
    /// Nobody could be spoken with.
    NotReached,
    /// The number is somebody else's.
    WrongNumber,
}

words! {
    Answered {
        Patient = "patient",
        Caregiver = "caregiver",
        Other = "other",
        Voicemail = "voicemail",
        Nobody = "nobody",
    }
    Greeting { Patient = "patient", Generic = "generic", SomebodyElse = "somebody_else" }
    Method {
        CallBack = "call_back",
        Code = "code",
        Portal = "portal",
        Name = "name",
        BirthDate = "birth_date",
        Street = "street",
        OtherContact = "other_contact",
        EarlierContact = "earlier_contact",
    }
    CallOutcome {
        Spoke = "spoke",
        LeftMessage = "left_message",
        NotReached = "not_reached",
        WrongNumber = "wrong_number",
    }
}

/// A row of `call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRow {
    /// Key.
    pub id: CallId,
    /// About whom.
    pub patient_id: PatientId,
    /// To which number.
    pub contact_point_id: ContactPointId,
    /// For which task.
    pub task_id: Option<TaskId>,
    /// Who calls.
    pub caller: StaffId,
    /// When they attested to be alone and began.
    pub began_at: Timestamp,
    /// Who answered.
    pub answered: Option<Answered>,
    /// Which caregiver.
    pub caregiver_id: Option<CaregiverId>,
    /// What the voicemail's greeting said.
    pub greeting: Option<Greeting>,
    /// How the listener was identified, words of [`Method`], space separated.
    pub methods: String,
    /// Whether it matched.
    pub identified: Option<bool>,
    /// When the matter was shown.
    pub said_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: Option<CallOutcome>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<CallRow, DbError> {
    Ok(CallRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        contact_point_id: row.get(2)?,
        task_id: row.get(3)?,
        caller: row.get(4)?,
        began_at: row.get(5)?,
        answered: row.get(6)?,
        caregiver_id: row.get(7)?,
        greeting: row.get(8)?,
        methods: row.get(9)?,
        identified: row.get(10)?,
        said_at: row.get(11)?,
        outcome: row.get(12)?,
        ended_at: row.get(13)?,
    })
}

/// The call with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(tx: &mut Tx<'_>, practice: PracticeId, id: CallId) -> Result<Option<CallRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, contact_point_id, task_id, caller, began_at, answered,
                    caregiver_id, greeting, methods, identified, said_at, outcome, ended_at
               FROM call WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The last calls to a patient, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    most: u32,
) -> Result<Vec<CallRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, contact_point_id, task_id, caller, began_at, answered,
                    caregiver_id, greeting, methods, identified, said_at, outcome, ended_at
               FROM call WHERE practice_id = $1 AND patient_id = $2
              ORDER BY began_at DESC, id DESC LIMIT $3"
        ),
        params![practice, patient, most],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &CallRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO call
                 (practice_id, id, patient_id, contact_point_id, task_id, caller, began_at, answered,
                  caregiver_id, greeting, methods, identified, said_at, outcome, ended_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 answered = excluded.answered, caregiver_id = excluded.caregiver_id,
                 greeting = excluded.greeting, methods = excluded.methods,
                 identified = excluded.identified, said_at = excluded.said_at,
                 outcome = excluded.outcome, ended_at = excluded.ended_at"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.contact_point_id,
            row.task_id,
            row.caller,
            row.began_at,
            row.answered,
            row.caregiver_id,
            row.greeting,
            row.methods,
            row.identified,
            row.said_at,
            row.outcome,
            row.ended_at
        ],
    )?;
    tx.touch(CALL, row.id.to_string());
    Ok(())
}
