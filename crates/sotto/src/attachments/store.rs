//! Files as rows: sealed in pieces, so that none is ever whole in memory on its way out.
//!
//! Each piece is sealed as a message's content is: under a key of its own, wrapped for the record
//! and, where the patient has a copy, for that. When the key of the copy's day is destroyed, the file
//! is gone for the patient with the words it came with, and the record still has it (SPEC LC-06).

use jiff::Timestamp;
use jiff::civil::Date;
use seal::{Place, SealError, Sealed, SealedMessage};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::content::Media;
use super::scan::Fit;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::attachment::{self, AttachmentRow, Holder, Piece, Side};
use crate::db::registry::ATTACHMENT;
use crate::db::{DbError, Tx};
use crate::ids::{AttachmentId, Id as _};
use crate::office::Office;

/// How much is sealed at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// A file could not be kept, or what was kept cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Its keys are gone, or it was changed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The calendar ends.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// The patient has no copy of it here.
    #[error("the patient has no copy of the file")]
    NoCopy,
    /// It is none of ours, or a piece of it is missing.
    #[error("the file is not what was sealed")]
    Shape,
}

/// What is said of a file. PHI.
#[derive(Serialize, Deserialize)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// SHA-256 of what was kept, in hexadecimal.
    pub sha256: String,
}

/// A file, sealed, on its way into the database: sealing needs no transaction.
pub struct SealedFile {
    id: AttachmentId,
    media: Media,
    bytes: i64,
    scanned: bool,
    sha256: [u8; 32],
    label: SealedMessage,
    pieces: Vec<SealedMessage>,
}

impl std::fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedFile({}, {} bytes)", self.id, self.bytes)
    }
}

impl SealedFile {
    /// SHA-256 of what is kept.
    #[must_use]
    pub const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> AttachmentId {
        self.id
    }
}

/// Seals a file; `until` is the day with which the patient's copy of it ends, where they have one. Its
/// years of retention begin now.
///
/// # Errors
/// [`AttachmentError`].
pub fn seal(
    office: &Office,
    fit: &Fit,
    until: Option<seal::Day>,
) -> Result<SealedFile, AttachmentError> {
    seal_from(office, fit, (until, office.clock().now(), None))
}

/// The same for a file whose years of retention begin at `from` (45 CFR 164.316(b)(2)(i): when it was
/// last in effect), about somebody born on that day.
///
/// # Errors
/// [`AttachmentError`].
pub fn seal_from(
    office: &Office,
    fit: &Fit,
    (until, from, born): (Option<seal::Day>, Timestamp, Option<Date>),
) -> Result<SealedFile, AttachmentError> {
    let id = AttachmentId::new(office.clock());
    let (practice, key) = (office.practice().to_string(), id.to_string());
    let buckets = office.buckets_of(from, born)?;
    let buckets = seal::Buckets { expiry: until, ..buckets };
    let bytes = fit.checked.bytes();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let sha256: [u8; 32] = digest.as_ref().try_into().map_err(|_| AttachmentError::Shape)?;
    let label = Label { name: fit.checked.name().to_owned(), sha256: hex::encode(sha256) };
    let label = Zeroizing::new(serde_json::to_vec(&label).map_err(|_| AttachmentError::Shape)?);
    let label = office.keys().seal_message(buckets, &label_place(&practice, &key), &label)?;
    let pieces = bytes.chunks(PIECE).enumerate().map(|(n, piece)| {
        let row = piece_row(id, n);
        office.keys().seal_message(buckets, &piece_place(&practice, &row), piece)
    });
    Ok(SealedFile {
        id,
        media: fit.checked.media(),
        bytes: i64::try_from(bytes.len()).map_err(|_| AttachmentError::Shape)?,
        scanned: fit.scanned,
        sha256,
        label,
        pieces: pieces.collect::<Result<_, _>>()?,
    })
}

/// Keeps a file with what it belongs to, in the transaction that keeps that.
///
/// # Errors
/// [`AttachmentError`].
pub fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    (holder, actor): (Holder, &Actor),
    file: SealedFile,
) -> Result<(), AttachmentError> {
    let practice = office.practice();
    let count = i64::try_from(file.pieces.len()).map_err(|_| AttachmentError::Shape)?;
    let row = AttachmentRow {
        id: file.id,
        holder,
        media: file.media,
        bytes: file.bytes,
        pieces: count,
        scanned: file.scanned,
        label_sealed: file.label.body.into_bytes(),
        record_wrap: file.label.record_wrap.into_bytes(),
        patient_wrap: file.label.patient_wrap.map(Sealed::into_bytes),
        created_at: office.clock().now(),
    };
    attachment::add(tx, practice, &row)?;
    for (n, piece) in file.pieces.into_iter().enumerate() {
        let piece = Piece {
            attachment_id: file.id,
            n: i64::try_from(n).map_err(|_| AttachmentError::Shape)?,
            body_sealed: piece.body.into_bytes(),
            record_wrap: piece.record_wrap.into_bytes(),
            patient_wrap: piece.patient_wrap.map(Sealed::into_bytes),
        };
        attachment::add_piece(tx, practice, &piece)?;
    }
    let scanned = if file.scanned { "scanned" } else { "no_scanner" };
    let event = Event::new(Kind::AttachmentKept, actor.clone())
        .about(ATTACHMENT, file.id)
        .code(crate::db::Word::word(&file.media))
        .code(scanned);
    audit::append(tx, office, event)?;
    Ok(())
}

/// What is said of a file, opened.
///
/// # Errors
/// [`AttachmentError::Seal`] with [`SealError::Destroyed`] where the copy of this side has expired.
pub fn label(office: &Office, row: &AttachmentRow, side: Side) -> Result<Label, AttachmentError> {
    let (practice, key) = (office.practice().to_string(), row.id.to_string());
    let wrap = match side {
        Side::Record => Some(&row.record_wrap),
        Side::Patient => row.patient_wrap.as_ref(),
    };
    let body = Sealed::from_bytes(row.label_sealed.clone());
    let wrap = Sealed::from_bytes(wrap.ok_or(AttachmentError::NoCopy)?.clone());
    let plain = office.keys().open_message(&label_place(&practice, &key), &body, &wrap)?;
    serde_json::from_slice(&plain).map_err(|_| AttachmentError::Shape)
}

/// One piece of a file, opened. A piece that is missing is an error and never the end: how many
/// there are stands in the file's own row.
///
/// # Errors
/// [`AttachmentError`].
pub fn piece(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, side): (AttachmentId, Side),
    n: i64,
) -> Result<Zeroizing<Vec<u8>>, AttachmentError> {
    let part = attachment::piece(tx, office.practice(), (id, n), side)?;
    let part = part.ok_or(AttachmentError::Shape)?;
    let practice = office.practice().to_string();
    let row = piece_row(id, usize::try_from(n).map_err(|_| AttachmentError::Shape)?);
    let wrap = part.wrap.ok_or(AttachmentError::NoCopy)?;
    let (body, wrap) = (Sealed::from_bytes(part.body), Sealed::from_bytes(wrap));
    Ok(office.keys().open_message(&piece_place(&practice, &row), &body, &wrap)?)
}

fn piece_row(id: AttachmentId, n: usize) -> String {
    format!("{id}/{n}")
}

const fn label_place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "attachment", row, column: "label" }
}

const fn piece_place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "attachment_piece", row, column: "body" }
}
