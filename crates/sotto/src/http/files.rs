//! Files on their way in with a form, and one on its way out, a piece at a time.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use gate::PatientId;
use jiff::Timestamp;

use super::Doors;
use super::errors::Problem;
use crate::attachments::content::Media;
use crate::attachments::scan::NotTaken;
use crate::attachments::store::{self, AttachmentError, Label, SealedFile};
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::Word;
use crate::db::attachment::{AttachmentRow, Side};
use crate::ids::AttachmentId;
use crate::office::Office;
use crate::retention::{birth_date, sentence};

/// The files of a form, scanned, looked at and sealed, in their order; nothing of them is stored yet.
/// `until` is the day with which the patient's copy ends, where they have one. One that is not taken
/// takes the others with it.
///
/// # Errors
/// [`AttachmentError`].
pub(super) async fn take(
    doors: &Doors,
    (actor, patient): (Actor, PatientId),
    (files, until): (Vec<(String, String, Bytes)>, Option<seal::Day>),
) -> Result<Result<Vec<SealedFile>, NotTaken>, AttachmentError> {
    let now = doors.office().clock().now();
    take_from(doors, (actor, Some(patient)), (files, until, now)).await
}

/// The same for files whose years of retention begin at `from`, of a patient or of none.
///
/// # Errors
/// [`AttachmentError`].
pub(super) async fn take_from(
    doors: &Doors,
    whose: (Actor, Option<PatientId>),
    (files, until, from): (Vec<(String, String, Bytes)>, Option<seal::Day>, Timestamp),
) -> Result<Result<Vec<SealedFile>, NotTaken>, AttachmentError> {
    let (office, patient) = (doors.office().clone(), whose.1);
    let born = doors.db().read(move |tx| birth_date(tx, &office, patient)).await?;
    let mut sealed = Vec::with_capacity(files.len());
    for (_, name, bytes) in files {
        match doors.scanner().take(name, bytes).await {
            Ok(fit) => sealed.push(store::seal_from(doors.office(), &fit, (until, from, born))?),
            Err(not) => {
                refused(doors, whose, not).await?;
                return Ok(Err(not));
            }
        }
    }
    Ok(Ok(sealed))
}

/// A scanner found something in a file: the log says whose and who sent it. Of a file that is
/// refused for another reason it says nothing.
async fn refused(
    doors: &Doors,
    (actor, patient): (Actor, Option<PatientId>),
    not: NotTaken,
) -> Result<(), AuditError> {
    if not != NotTaken::Infected {
        return Ok(());
    }
    let office = doors.office().clone();
    let event = Event::new(Kind::AttachmentRefused, actor).patient(patient).code("infected");
    doors.db().write(move |tx| audit::append(tx, &office, event).map(drop)).await
}

/// What is said of a file, for its record: the label, or that the time of keeping it has ended.
///
/// # Errors
/// [`Problem`].
pub(super) fn label_of_record(office: &Office, row: &AttachmentRow) -> Result<Label, Problem> {
    still_kept(office, &row.record_wrap)?;
    Ok(store::label(office, row, Side::Record)?)
}

/// Says no where the time of keeping what has this wrap has ended.
///
/// # Errors
/// [`Problem::ended`].
pub(super) fn still_kept(office: &Office, wrap: &[u8]) -> Result<(), Problem> {
    office.ended(wrap).map_or(Ok(()), |ended| Err(Problem::ended(sentence(office, &ended))))
}

/// What is needed to send one. The caller asked whether it may be sent, and the log says so.
#[derive(Debug)]
pub struct Going {
    id: AttachmentId,
    side: Side,
    media: Media,
    bytes: i64,
    pieces: i64,
    name: String,
}

impl Going {
    /// From its row and its label.
    #[must_use]
    pub fn new(row: &AttachmentRow, side: Side, label: Label) -> Self {
        let AttachmentRow { id, media, bytes, pieces, .. } = *row;
        Self { id, side, media, bytes, pieces, name: label.name }
    }
}

/// Sends it. A picture may be shown where it stands; a document is only ever saved. Where a piece
/// cannot be read, the answer breaks off before its promised end, which no browser takes for whole.
pub fn send(doors: &Doors, file: Going) -> Response {
    let Going { id, side, media, bytes, pieces, name } = file;
    let doors = doors.clone();
    let body = stream::try_unfold(0, move |n| {
        let doors = doors.clone();
        async move {
            if n == pieces {
                return Ok(None);
            }
            let office = doors.office().clone();
            let read = move |tx: &mut crate::db::Tx<'_>| store::piece(tx, &office, (id, side), n);
            let piece = doors.db().read(read).await.inspect_err(|error: &AttachmentError| {
                tracing::error!(%error, "attachment.unreadable");
            })?;
            Ok::<_, AttachmentError>(Some((Bytes::from(piece.to_vec()), n + 1)))
        }
    });
    let how = if media.is_picture() { "inline" } else { "attachment" };
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    // RFC 8187: percent-encoded, a blank as %20.
    let disposition = format!("{how}; filename*=UTF-8''{}", encoded.replace('+', "%20"));
    let Ok(disposition) = HeaderValue::from_str(&disposition) else {
        return Problem::internal().into_response();
    };
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.word()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    response
}
