//! Files at the window: those of a letter, and those the patient sent. Each look is on the log.

use std::str::FromStr;

use axum::response::Response;

use super::inside::Inside;
use super::page::Tongue;
use crate::attachments::store::{self, AttachmentError};
use crate::audit::Kind;
use crate::db::Tx;
use crate::db::attachment::{AttachmentRow, Side};
use crate::db::registry::ATTACHMENT;
use crate::http::files::{Going, send};
use crate::http::params::Path;
use crate::ids::AttachmentId;
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
    Path(which): Path<(String, String)>,
    at: Inside,
) -> Result<Response, Response> {
    sent(&at, which, Side::Patient, letters::files_of_letter).await
}

/// `GET /window/wrote/{message}/files/{file}`.
pub async fn of_wrote(
    Path(which): Path<(String, String)>,
    at: Inside,
) -> Result<Response, Response> {
    sent(&at, which, Side::Record, letters::files_of_wrote).await
}

/// The files of something that a visitor may open.
type Theirs<T> = fn(&mut Tx<'_>, &Office, &Visitor, T) -> Result<Vec<AttachmentRow>, PortalError>;

/// One of the files that `theirs` lists; a file of somebody else is as one that never was.
async fn sent<T: FromStr + Send + 'static>(
    at: &Inside,
    (of, file): (String, String),
    side: Side,
    theirs: Theirs<T>,
) -> Result<Response, Response> {
    let (of, file) = (
        of.parse::<T>().map_err(|_| at.nothing())?,
        file.parse::<AttachmentId>().map_err(|_| at.nothing())?,
    );
    let event = at.looked(Kind::ContentViewed, "window").about(ATTACHMENT, file);
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let row = theirs(tx, office, who, of)?.into_iter().find(|row| row.id == file);
        let Some(row) = row else { return Ok::<_, PortalError>((None, Vec::new())) };
        match store::label(office, &row, side) {
            Ok(label) => Ok((Some(Going::new(&row, side, label)), vec![event])),
            Err(AttachmentError::NoCopy) => Ok((None, Vec::new())),
            Err(AttachmentError::Seal(error))
                if side == Side::Patient && letters::is_over(&error) =>
            {
                Ok((None, Vec::new()))
            }
            Err(error) => Err(error.into()),
        }
    };
    let file = at.seen(look).await?.ok_or_else(|| at.nothing())?;
    Ok(send(&at.doors, file))
}
