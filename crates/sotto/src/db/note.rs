//! Table `note`: what colleagues tell each other beside a thread, sealed.

use gate::PracticeId;
use jiff::Timestamp;

use crate::access::policies::About;
use crate::db::registry::NOTE;
use crate::db::{DbError, Tx};
use crate::ids::{NoteId, StaffId, ThreadId};
use crate::{params, sql};

/// A row of `note`; the words are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRow {
    /// Key.
    pub id: NoteId,
    /// Beside which thread.
    pub thread_id: ThreadId,
    /// Who wrote it.
    pub author: StaffId,
    /// What the thread was about then: who may read that, may read this.
    pub about: About,
    /// Whom it calls.
    pub mentioned: Option<StaffId>,
    /// The words.
    pub body_sealed: Vec<u8>,
    /// Their key, wrapped for the record.
    pub record_wrap: Vec<u8>,
    /// When.
    pub created_at: Timestamp,
}

/// Adds a note.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &NoteRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO note (practice_id, id, thread_id, author, about, mentioned, body_sealed,
                               record_wrap, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        params![
            practice,
            row.id,
            row.thread_id,
            row.author,
            row.about,
            row.mentioned,
            row.body_sealed,
            row.record_wrap,
            row.created_at
        ],
    )?;
    tx.touch(NOTE, row.id.to_string());
    Ok(())
}

/// The last notes of a thread written before an instant, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn of_thread(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    thread: ThreadId,
    (before, most): (Timestamp, u32),
) -> Result<Vec<NoteRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, thread_id, author, about, mentioned, body_sealed, record_wrap, created_at
               FROM note WHERE practice_id = $1 AND thread_id = $2 AND created_at < $3
              ORDER BY created_at DESC, id DESC LIMIT $4"
        ),
        params![practice, thread, before, most],
        |row| {
            Ok(NoteRow {
                id: row.get(0)?,
                thread_id: row.get(1)?,
                author: row.get(2)?,
                about: row.get(3)?,
                mentioned: row.get(4)?,
                body_sealed: row.get(5)?,
                record_wrap: row.get(6)?,
                created_at: row.get(7)?,
            })
        },
    )
}

/// The notes of one thread belong to another from now on.
///
/// # Errors
/// [`DbError`].
pub fn move_all(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, into): (ThreadId, ThreadId),
) -> Result<(), DbError> {
    let ids: Vec<NoteId> = tx.query(
        sql!("SELECT id FROM note WHERE practice_id = $1 AND thread_id = $2"),
        params![practice, from],
        |row| row.get(0),
    )?;
    tx.execute(
        sql!("UPDATE note SET thread_id = $3 WHERE practice_id = $1 AND thread_id = $2"),
        params![practice, from, into],
    )?;
    ids.into_iter().for_each(|id| tx.touch(NOTE, id.to_string()));
    Ok(())
}
