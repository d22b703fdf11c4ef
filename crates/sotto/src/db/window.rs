//! Tables `window_link`, `window_code`, `window_session` and `window_seen`.

use gate::{ContactPointId, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{WINDOW_LINK, WINDOW_SESSION};
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{CaregiverId, PhoneId, WindowSessionId};
use crate::{params, sql};

/// What a link is for: the page it leads to after the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A message waits.
    Message,
    /// A visit.
    Visit,
    /// What the patient chooses: how, when and what we write.
    Choices,
}

words! {
    Purpose { Message = "message", Visit = "visit", Choices = "choices" }
}

/// A row of `window_link`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The notice that carries it; the key.
    pub message_id: MessageId,
    /// About whom.
    pub patient_id: PatientId,
    /// Where the notice went, and a code goes.
    pub contact_point_id: ContactPointId,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was made.
    pub created_at: Timestamp,
    /// Good until then.
    pub expires_at: Timestamp,
    /// Ended before its time.
    pub ended_at: Option<Timestamp>,
    /// And why, in a word.
    pub ended_why: Option<String>,
}

fn read_link(row: &Row<'_>) -> Result<LinkRow, DbError> {
    Ok(LinkRow {
        message_id: row.get(0)?,
        patient_id: row.get(1)?,
        contact_point_id: row.get(2)?,
        purpose: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        ended_at: row.get(6)?,
        ended_why: row.get(7)?,
    })
}

/// Adds a link under the keyed hash of its token.
///
/// # Errors
/// [`DbError`].
pub fn add_link(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &LinkRow,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    tx.put(
        sql!(
            "INSERT INTO window_link (practice_id, message_id, digest, patient_id,
                                      contact_point_id, purpose, created_at, expires_at, ended_at,
                                      ended_why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL)"
        ),
        params![
            practice,
            row.message_id,
            digest,
            row.patient_id,
            row.contact_point_id,
            row.purpose,
            row.created_at,
            row.expires_at
        ],
    )?;
    tx.touch(WINDOW_LINK, row.message_id.to_string());
    Ok(())
}

/// The link with this keyed hash, good or not.
///
/// # Errors
/// [`DbError`].
pub fn link_by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<LinkRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT message_id, patient_id, contact_point_id, purpose, created_at, expires_at,
                    ended_at, ended_why
               FROM window_link WHERE practice_id = $1 AND digest = $2"
        ),
        params![practice, digest],
        read_link,
    )
}

/// The links of a patient that were not ended, the newest first; some may be past their time.
///
/// # Errors
/// [`DbError`].
pub fn open_links(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<LinkRow>, DbError> {
    tx.query(
        sql!(
            "SELECT message_id, patient_id, contact_point_id, purpose, created_at, expires_at,
                    ended_at, ended_why
               FROM window_link
              WHERE practice_id = $1 AND patient_id = $2 AND ended_at IS NULL
              ORDER BY created_at DESC, message_id"
        ),
        params![practice, patient],
        read_link,
    )
}

/// The links of the whole practice that still open and may be in somebody's hands: their message has
/// left the queue.
///
/// # Errors
/// [`DbError`].
pub fn links_that_went(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<MessageId>, DbError> {
    tx.query(
        sql!(
            "SELECT l.message_id
               FROM window_link l
               JOIN message m ON m.practice_id = l.practice_id AND m.id = l.message_id
              WHERE l.practice_id = $1 AND l.ended_at IS NULL AND l.expires_at > $2
                AND m.state <> 'queued'
              ORDER BY l.message_id"
        ),
        params![practice, now],
        |row| row.get(0),
    )
}

/// Ends a link; `why` is a word.
///
/// # Errors
/// [`DbError`].
pub fn end_link(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: MessageId,
    (why, now): (&str, Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "UPDATE window_link SET ended_at = $3, ended_why = $4
              WHERE practice_id = $1 AND message_id = $2 AND ended_at IS NULL"
        ),
        params![practice, id, now, why],
    )?;
    tx.touch(WINDOW_LINK, id.to_string());
    Ok(())
}

/// A row of `window_code`: a code on its way to the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// The link it was asked for with.
    pub link_id: MessageId,
    /// The keyed hash of the code.
    pub code: Vec<u8>,
    /// How often somebody typed one.
    pub tries: i64,
    /// Good until then.
    pub expires_at: Timestamp,
}

/// Keeps a code under the digest of the browser that asked, and forgets those past their time.
///
/// # Errors
/// [`DbError`].
pub fn add_code(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
    (row, now): (&CodeRow, Timestamp),
) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM window_code WHERE practice_id = $1 AND expires_at < $2"),
        params![practice, now],
    )?;
    tx.execute(
        sql!(
            "INSERT INTO window_code (practice_id, digest, link_id, code, tries, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        params![practice, digest, row.link_id, row.code, row.tries, row.expires_at],
    )?;
    Ok(())
}

/// The code that this browser was sent.
///
/// # Errors
/// [`DbError`].
pub fn code(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<CodeRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT link_id, code, tries, expires_at FROM window_code
              WHERE practice_id = $1 AND digest = $2"
        ),
        params![practice, digest],
        |row| {
            Ok(CodeRow {
                link_id: row.get(0)?,
                code: row.get(1)?,
                tries: row.get(2)?,
                expires_at: row.get(3)?,
            })
        },
    )
}

/// Counts a try, if it is one of the first `most`. Asked before the code is compared, so that many
/// tries at once count as many.
///
/// # Errors
/// [`DbError`].
pub fn try_code(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
    most: i64,
) -> Result<bool, DbError> {
    let counted = tx.execute(
        sql!(
            "UPDATE window_code SET tries = tries + 1
              WHERE practice_id = $1 AND digest = $2 AND tries < $3"
        ),
        params![practice, digest, most],
    )?;
    Ok(counted == 1)
}

/// Uses a code up. False where another request was faster.
///
/// # Errors
/// [`DbError`].
pub fn use_code(tx: &mut Tx<'_>, practice: PracticeId, digest: &[u8; 32]) -> Result<bool, DbError> {
    let used = tx.execute(
        sql!("DELETE FROM window_code WHERE practice_id = $1 AND digest = $2"),
        params![practice, digest],
    )?;
    Ok(used == 1)
}

/// Uses up every code that was sent because of this link.
///
/// # Errors
/// [`DbError`].
pub fn forget_codes(tx: &mut Tx<'_>, practice: PracticeId, link: MessageId) -> Result<(), DbError> {
    tx.execute(
        sql!("DELETE FROM window_code WHERE practice_id = $1 AND link_id = $2"),
        params![practice, link],
    )?;
    Ok(())
}

/// A row of `window_session`, with when it was last used and how it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Key.
    pub id: WindowSessionId,
    /// About whom.
    pub patient_id: PatientId,
    /// Where the code went.
    pub contact_point_id: ContactPointId,
    /// Who is there, when not the patient.
    pub caregiver_id: Option<CaregiverId>,
    /// By which link.
    pub link_id: MessageId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was last used, to the half minute.
    pub seen_at: Timestamp,
    /// By which remembered phone it began; none: by a code.
    pub phone: Option<PhoneId>,
}

fn read_session(row: &Row<'_>) -> Result<SessionRow, DbError> {
    let created_at = row.get(5)?;
    Ok(SessionRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        contact_point_id: row.get(2)?,
        caregiver_id: row.get(3)?,
        link_id: row.get(4)?,
        created_at,
        expires_at: row.get(6)?,
        ended_at: row.get(7)?,
        seen_at: row.get::<Option<Timestamp>>(8)?.unwrap_or(created_at),
        phone: row.get(9)?,
    })
}

/// Adds a session under the digest of its token.
///
/// # Errors
/// [`DbError`].
pub fn add_session(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &SessionRow,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO window_session (practice_id, id, digest, patient_id, contact_point_id,
                                         caregiver_id, link_id, created_at, expires_at, ended_at,
                                         ended_why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL)"
        ),
        params![
            practice,
            row.id,
            digest,
            row.patient_id,
            row.contact_point_id,
            row.caregiver_id,
            row.link_id,
            row.created_at,
            row.expires_at
        ],
    )?;
    tx.touch(WINDOW_SESSION, row.id.to_string());
    Ok(())
}

/// The session with this digest, ended or not.
///
/// # Errors
/// [`DbError`].
pub fn session_by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<SessionRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT s.id, s.patient_id, s.contact_point_id, s.caregiver_id, s.link_id,
                    s.created_at, s.expires_at, s.ended_at, n.seen_at, p.passkey_id
               FROM window_session s
               LEFT JOIN window_seen n ON n.practice_id = s.practice_id AND n.session_id = s.id
               LEFT JOIN window_proof p ON p.practice_id = s.practice_id AND p.session_id = s.id
              WHERE s.practice_id = $1 AND s.digest = $2"
        ),
        params![practice, digest],
        read_session,
    )
}

/// The sessions about a patient that have not ended; some may be past their time.
///
/// # Errors
/// [`DbError`].
pub fn open_sessions(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<SessionRow>, DbError> {
    tx.query(
        sql!(
            "SELECT s.id, s.patient_id, s.contact_point_id, s.caregiver_id, s.link_id,
                    s.created_at, s.expires_at, s.ended_at, n.seen_at, p.passkey_id
               FROM window_session s
               LEFT JOIN window_seen n ON n.practice_id = s.practice_id AND n.session_id = s.id
               LEFT JOIN window_proof p ON p.practice_id = s.practice_id AND p.session_id = s.id
              WHERE s.practice_id = $1 AND s.patient_id = $2 AND s.ended_at IS NULL"
        ),
        params![practice, patient],
        read_session,
    )
}

/// The sessions of the whole practice that have not ended; some may be past their time.
///
/// # Errors
/// [`DbError`].
pub fn all_open_sessions(
    tx: &mut Tx<'_>,
    practice: PracticeId,
) -> Result<Vec<WindowSessionId>, DbError> {
    tx.query(
        sql!(
            "SELECT id FROM window_session WHERE practice_id = $1 AND ended_at IS NULL ORDER BY id"
        ),
        params![practice],
        |row| row.get(0),
    )
}

/// Ends a session; `why` is a word. False where it had ended.
///
/// # Errors
/// [`DbError`].
pub fn end_session(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: WindowSessionId,
    (why, now): (&str, Timestamp),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE window_session SET ended_at = $3, ended_why = $4
              WHERE practice_id = $1 AND id = $2 AND ended_at IS NULL"
        ),
        params![practice, id, now, why],
    )?;
    if changed > 0 {
        tx.touch(WINDOW_SESSION, id.to_string());
    }
    Ok(changed > 0)
}

/// The session was used now.
///
/// # Errors
/// [`DbError`].
pub fn see(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: WindowSessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO window_seen (practice_id, session_id, seen_at) VALUES ($1, $2, $3)
             ON CONFLICT (practice_id, session_id) DO UPDATE SET seen_at = excluded.seen_at"
        ),
        params![practice, id, now],
    )?;
    Ok(())
}
