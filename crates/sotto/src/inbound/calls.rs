//! A call that a person took down for the practice: the answering service hands it in by a form, under
//! an account of its own, and never by text or mail (BAA-07, SPEC AH-02). From then on it is like
//! everything that comes in: stored once, read for danger, a task for a person.

use std::fmt::Write as _;

use gate::{Address, Channel, PhoneNumber};
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::receive::{Arrival, InboundError, Received, TakenDown, receive_call};
use crate::audit::Actor;
use crate::db::Tx;
use crate::db::inbound_message;
use crate::office::Office;

pub use crate::db::inbound_message::Taken;

/// By what its rows are known.
const BY: &str = "answering_service";
/// The most notes of one look.
const MOST: u32 = 100;

/// What a caller said. PHI.
pub struct Note {
    /// The form's own: sent twice it is one note.
    pub id: Uuid,
    /// Who called, as they said.
    pub caller: String,
    /// Where they can be called back.
    pub number: PhoneNumber,
    /// Whom it is about, where that is somebody else.
    pub about: Option<String>,
    /// When the patient was born.
    pub born: Option<Date>,
    /// What they want.
    pub words: String,
    /// It cannot wait for the office to open.
    pub urgent: bool,
    /// They want no more texts and automated calls at this number (TEL-11).
    pub stops: bool,
}

impl std::fmt::Debug for Note {
    /// Never shows what it holds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Note {
    /// As staff read it.
    fn body(&self) -> String {
        let mut body = format!("{}\n\nCaller: {}", self.words, self.caller);
        if let Some(about) = &self.about {
            let _ = write!(body, "\nAbout: {about}");
        }
        if let Some(born) = self.born {
            let _ = write!(body, "\nBorn: {}", born.strftime("%B %-d, %Y"));
        }
        let _ = write!(body, "\nCall back: {}", self.number.reveal());
        if self.urgent {
            body.push_str("\nThe caller said that it can\u{2019}t wait.");
        }
        if self.stops {
            body.push_str("\nThey want no more texts or automated calls at this number.");
        }
        body
    }
}

/// Hands a note in. Nothing is answered, and no visit is changed: a person does that.
///
/// # Errors
/// [`InboundError`]; nothing is then stored, and whoever took it down is told so.
pub fn take(
    tx: &mut Tx<'_>,
    office: &Office,
    by: Actor,
    note: Note,
) -> Result<Received, InboundError> {
    let arrival = Arrival {
        adapter: BY,
        carrier_id: note.id.to_string(),
        channel: Channel::LiveVoiceUnverified,
        body: note.body(),
        from: Address::Phone(note.number),
        to: String::new(),
        received_at: office.clock().now(),
        incomplete: false,
        unnamed: None,
    };
    let taken = TakenDown { by, words: note.words, urgent: note.urgent, stops: note.stops };
    receive_call(tx, office, arrival, taken)
}

/// What was handed in since an instant, the latest first: when, whether it waits, and nothing of what
/// was said.
///
/// # Errors
/// [`InboundError::Db`].
pub fn since(
    tx: &mut Tx<'_>,
    office: &Office,
    since: Timestamp,
) -> Result<Vec<Taken>, InboundError> {
    Ok(inbound_message::taken_since(tx, office.practice(), (BY, since), MOST)?)
}
