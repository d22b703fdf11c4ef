//! Files at the window: those of a letter, and those the patient sent. Each look is on the log.

use axum::extract::State;
use axum::response::Response;
use gate::MessageId;

use super::page::{Spoken, Tongue, failed, nothing};
use crate::attachments::store;
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::db::attachment::{AttachmentRow, Side};
use crate::db::registry::ATTACHMENT;
use crate::http::Doors;
use crate::http::files::{Going, send};
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::{AttachmentId, InboundId};
use crate::office::Office;
use crate::portal::{PortalError, Visitor, letters};

/// A file in a list: what it is and how large, and where it is.
pub(super) struct File {
    pub(super) to: String,
    pub(super) words: String,
}

impl File {
    /// `under` is the page it stands on.
    pub(super) fn of(l: Tongue, under: &str, row: &AttachmentRow) -> Self {
        let what = if row.media.is_picture() {
            l.say("Photo", "Foto")
        } else {
            l.say("Document to save", "Documento para guardar")
        };
        let words = format!("{what} ({} kB)", (row.bytes / 1024).max(1));
        Self { to: format!("{under}/files/{}", row.id), words }
    }
}

/// `GET /window/letters/{letter}/files/{file}`, with the key of the patient's copy.
pub async fn of_letter(
    State(doors): State<Doors>,
    Path((letter, file)): Path<(String, String)>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let which = letter.parse::<MessageId>().ok().zip(file.parse::<AttachmentId>().ok());
    let who = visitor.clone();
    sent(&doors, (&visitor, spoken), which, Side::Patient, move |tx, office, letter| {
        letters::files_of_letter(tx, office, &who, letter)
    })
    .await
}

/// `GET /window/wrote/{message}/files/{file}`.
pub async fn of_wrote(
    State(doors): State<Doors>,
    Path((wrote, file)): Path<(String, String)>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let which = wrote.parse::<InboundId>().ok().zip(file.parse::<AttachmentId>().ok());
    let who = visitor.clone();
    sent(&doors, (&visitor, spoken), which, Side::Record, move |tx, office, wrote| {
        letters::files_of_wrote(tx, office, &who, wrote)
    })
    .await
}

/// One of the files that `theirs` lists; a file of somebody else is as one that never was.
async fn sent<T: Send + 'static>(
    doors: &Doors,
    (visitor, spoken): (&Visitor, Spoken),
    which: Option<(T, AttachmentId)>,
    side: Side,
    theirs: impl FnOnce(&mut Tx<'_>, &Office, T) -> Result<Vec<AttachmentRow>, PortalError>
    + Send
    + 'static,
) -> Response {
    let l = spoken.tongue(visitor.language());
    let Some((of, file)) = which else { return nothing(doors, spoken, l) };
    let event = Event::new(Kind::ContentViewed, visitor.actor())
        .about(ATTACHMENT, file)
        .patient(visitor.patient())
        .code("window");
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let row = theirs(tx, office, of)?.into_iter().find(|row| row.id == file);
        let Some(row) = row else { return Ok((None, Vec::new())) };
        let label = store::label(office, &row, side)?;
        Ok((Some(Going::new(&row, side, label)), vec![event]))
    };
    let found: Result<Option<Going>, PortalError> = seen(doors, look).await;
    match found {
        Ok(Some(file)) => send(doors, file),
        Ok(None) => nothing(doors, spoken, l),
        Err(error) => failed(doors, spoken, &error),
    }
}
