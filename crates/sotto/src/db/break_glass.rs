//! Table `break_glass`: records that were opened in an emergency.

use gate::{PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::BREAK_GLASS};
use crate::ids::{BreakGlassId, SessionId, StaffId, TaskId};
use crate::{params, sql};

/// Why a record is opened that is closed otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The patient's life or health is in danger. Opens also what 42 CFR 2.51 opens then.
    MedicalEmergency,
    /// They treat the patient in place of somebody who cannot.
    StandingIn,
    /// The patient, or what is known of them, is a danger to somebody else.
    DangerToOthers,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedHow {
    /// By whoever opened it.
    ByHand,
    /// By whoever reviews it.
    ByOfficer,
    /// Its time was over.
    Over,
}

/// What the review found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It was needed.
    Needed,
    /// It was not quite; it was talked about, and nothing more is needed.
    Talked,
    /// It was not right: it is handled as a breach (RULEBOOK §3).
    Breach,
}

words! {
    Reason {
        MedicalEmergency = "medical_emergency",
        StandingIn = "standing_in",
        DangerToOthers = "danger_to_others",
    }
    EndedHow { ByHand = "by_hand", ByOfficer = "by_officer", Over = "over" }
    Finding { Needed = "needed", Talked = "talked", Breach = "breach" }
}

/// A row of `break_glass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassRow {
    /// Key.
    pub id: BreakGlassId,
    /// Who opened it.
    pub staff_id: StaffId,
    /// In which session; good in no other.
    pub session_id: SessionId,
    /// Whose record.
    pub patient_id: PatientId,
    /// Why.
    pub reason: Reason,
    /// What they wrote of it, sealed. PHI.
    pub words_sealed: Vec<u8>,
    /// The key it is sealed with, wrapped.
    pub record_wrap: Vec<u8>,
    /// The task to review it.
    pub task_id: TaskId,
    /// When.
    pub opened_at: Timestamp,
    /// Until when at the latest.
    pub until_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub ended_how: Option<EndedHow>,
    /// Who reviewed it.
    pub reviewed_by: Option<StaffId>,
    /// When.
    pub reviewed_at: Option<Timestamp>,
    /// What they found.
    pub finding: Option<Finding>,
}

fn read(row: &Row<'_>) -> Result<BreakGlassRow, DbError> {
    Ok(BreakGlassRow {
        id: row.get(0)?,
        staff_id: row.get(1)?,
        session_id: row.get(2)?,
        patient_id: row.get(3)?,
        reason: row.get(4)?,
        words_sealed: row.get(5)?,
        record_wrap: row.get(6)?,
        task_id: row.get(7)?,
        opened_at: row.get(8)?,
        until_at: row.get(9)?,
        ended_at: row.get(10)?,
        ended_how: row.get(11)?,
        reviewed_by: row.get(12)?,
        reviewed_at: row.get(13)?,
        finding: row.get(14)?,
    })
}

/// The row with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: BreakGlassId,
) -> Result<Option<BreakGlassRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, staff_id, session_id, patient_id, reason, words_sealed, record_wrap, task_id,
                    opened_at, until_at, ended_at, ended_how, reviewed_by, reviewed_at, finding
               FROM break_glass WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// What stands open in a session now.
///
/// # Errors
/// [`DbError`].
pub fn open_in(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (session, now): (SessionId, Timestamp),
) -> Result<Vec<BreakGlassRow>, DbError> {
    // Sorted here: to have them in the order of the key, SQLite would go through the whole practice.
    let mut rows = tx.query(
        sql!(
            "SELECT id, staff_id, session_id, patient_id, reason, words_sealed, record_wrap, task_id,
                    opened_at, until_at, ended_at, ended_how, reviewed_by, reviewed_at, finding
               FROM break_glass
              WHERE practice_id = $1 AND session_id = $2 AND ended_at IS NULL AND until_at > $3"
        ),
        params![practice, session, now],
        read,
    )?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Those whose time is over and of which that is not written down yet.
///
/// # Errors
/// [`DbError`].
pub fn over(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<BreakGlassRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, staff_id, session_id, patient_id, reason, words_sealed, record_wrap, task_id,
                    opened_at, until_at, ended_at, ended_how, reviewed_by, reviewed_at, finding
               FROM break_glass
              WHERE practice_id = $1 AND ended_at IS NULL AND until_at <= $2
              ORDER BY until_at LIMIT 100"
        ),
        params![practice, now],
        read,
    )
}

/// Those that nobody reviewed yet, the oldest first; at most a hundred.
///
/// # Errors
/// [`DbError`].
pub fn unreviewed(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<BreakGlassRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, staff_id, session_id, patient_id, reason, words_sealed, record_wrap, task_id,
                    opened_at, until_at, ended_at, ended_how, reviewed_by, reviewed_at, finding
               FROM break_glass WHERE practice_id = $1 AND reviewed_at IS NULL
              ORDER BY id LIMIT 100"
        ),
        params![practice],
        read,
    )
}

/// Those that were reviewed, the latest first; at most `most`.
///
/// # Errors
/// [`DbError`].
pub fn reviewed(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    most: u32,
) -> Result<Vec<BreakGlassRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, staff_id, session_id, patient_id, reason, words_sealed, record_wrap, task_id,
                    opened_at, until_at, ended_at, ended_how, reviewed_by, reviewed_at, finding
               FROM break_glass WHERE practice_id = $1 AND reviewed_at IS NOT NULL
              ORDER BY id DESC LIMIT $2"
        ),
        params![practice, most],
        read,
    )
}

/// Adds the row, or writes down how it ended and what its review found.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &BreakGlassRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO break_glass
                 (practice_id, id, staff_id, session_id, patient_id, reason, words_sealed,
                  record_wrap, task_id, opened_at, until_at, ended_at, ended_how, reviewed_by,
                  reviewed_at, finding)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 ended_at = excluded.ended_at, ended_how = excluded.ended_how,
                 reviewed_by = excluded.reviewed_by, reviewed_at = excluded.reviewed_at,
                 finding = excluded.finding"
        ),
        params![
            practice,
            row.id,
            row.staff_id,
            row.session_id,
            row.patient_id,
            row.reason,
            row.words_sealed,
            row.record_wrap,
            row.task_id,
            row.opened_at,
            row.until_at,
            row.ended_at,
            row.ended_how,
            row.reviewed_by,
            row.reviewed_at,
            row.finding
        ],
    )?;
    tx.touch(BREAK_GLASS, row.id.to_string());
    Ok(())
}
