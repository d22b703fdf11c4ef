//! What colleagues tell each other beside a thread: sealed, for who may read what the thread was
//! about when it was written.

use gate::PatientId;
use seal::{Place, Sealed};
use zeroize::Zeroizing;

use super::inbox::InboxError;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::Tx;
use crate::db::note::{self, NoteRow};
use crate::db::registry::NOTE;
use crate::db::thread::{self, With};
use crate::ids::{Id as _, NoteId, StaffId, ThreadId};
use crate::office::Office;
use crate::retention::birth_date;

/// The most characters of a note.
pub const MOST: usize = 2_000;

/// A note about to be written. `Debug` shows no words.
pub struct NewNote {
    /// Beside which thread.
    pub thread: ThreadId,
    /// Who writes.
    pub author: StaffId,
    /// Whom it calls.
    pub mentioned: Option<StaffId>,
    /// The words. PHI.
    pub text: String,
}

impl std::fmt::Debug for NewNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewNote").field("thread", &self.thread).finish_non_exhaustive()
    }
}

/// Writes a note.
///
/// # Errors
/// [`InboxError::Field`] for one that is empty or too long.
pub fn add(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &NewNote,
    actor: &Actor,
) -> Result<NoteId, InboxError> {
    let text = new.text.trim();
    if text.is_empty() || text.chars().count() > MOST {
        return Err(InboxError::Field { field: "note", because: "must be 1 to 2,000 characters" });
    }
    let practice = office.practice();
    let mut row = thread::get(tx, practice, new.thread)?.ok_or(InboxError::NoThread(new.thread))?;
    let now = office.clock().now();
    let id = NoteId::new(office.clock());
    let (house, key) = (practice.to_string(), id.to_string());
    let patient: Option<PatientId> = match row.with {
        With::Patient(patient) => Some(patient),
        With::Address(_) => None,
    };
    let buckets = office.buckets_of(now, birth_date(tx, office, patient)?)?;
    let sealed = office.keys().seal_message(buckets, &place(&house, &key), text.as_bytes())?;
    let stored = NoteRow {
        id,
        thread_id: row.id,
        author: new.author,
        about: row.about,
        mentioned: new.mentioned,
        body_sealed: sealed.body.as_bytes().to_vec(),
        record_wrap: sealed.record_wrap.as_bytes().to_vec(),
        created_at: now,
    };
    note::add(tx, practice, &stored)?;
    // Whoever has the list open hears of it.
    row.changed_at = now;
    thread::put(tx, practice, &row)?;
    let event = Event::new(Kind::ConversationChanged, actor.clone())
        .about(NOTE, id)
        .patient(patient)
        .code("note");
    audit::append(tx, office, event)?;
    Ok(id)
}

/// Opens a note's words: PHI. The caller's transaction records that they are shown.
///
/// # Errors
/// [`seal::SealError`].
pub fn open(office: &Office, row: &NoteRow) -> Result<Zeroizing<Vec<u8>>, seal::SealError> {
    let (practice, key) = (office.practice().to_string(), row.id.to_string());
    let body = Sealed::from_bytes(row.body_sealed.clone());
    let wrap = Sealed::from_bytes(row.record_wrap.clone());
    office.keys().open_message(&place(&practice, &key), &body, &wrap)
}

const fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "note", row, column: "body" }
}
