//! Tables `attachment` and `attachment_piece`: files, sealed in pieces.

use gate::{ConsentId, MessageId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::attachments::content::Media;
use crate::db::registry::{ATTACHMENT, ATTACHMENT_PIECE};
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{AgreementId, AttachmentId, InboundId};
use crate::{params, sql};

/// What a file belongs to: whoever may read that may open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A message of ours.
    Message(MessageId),
    /// A message to us.
    Inbound(InboundId),
    /// A consent, which it proves.
    Consent(ConsentId),
    /// What was signed with a vendor, or the certificate at its end.
    Agreement(AgreementId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HolderKind {
    Message,
    Inbound,
    Consent,
    Agreement,
}

words! {
    Media { Jpeg = "image/jpeg", Png = "image/png", Pdf = "application/pdf" }
    HolderKind {
        Message = "message",
        Inbound = "inbound_message",
        Consent = "consent",
        Agreement = "agreement",
    }
}

impl Holder {
    const fn parts(self) -> (HolderKind, uuid::Uuid) {
        match self {
            Self::Message(id) => (HolderKind::Message, id.0),
            Self::Inbound(id) => (HolderKind::Inbound, id.0),
            Self::Consent(id) => (HolderKind::Consent, id.0),
            Self::Agreement(id) => (HolderKind::Agreement, id.0),
        }
    }

    const fn of(kind: HolderKind, id: uuid::Uuid) -> Self {
        match kind {
            HolderKind::Message => Self::Message(MessageId(id)),
            HolderKind::Inbound => Self::Inbound(InboundId(id)),
            HolderKind::Consent => Self::Consent(ConsentId(id)),
            HolderKind::Agreement => Self::Agreement(AgreementId(id)),
        }
    }
}

/// For whom a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// For the practice.
    Record,
    /// For the patient, until the copy expires.
    Patient,
}

/// A row of `attachment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRow {
    /// Key.
    pub id: AttachmentId,
    /// What it belongs to.
    pub holder: Holder,
    /// What it is.
    pub media: Media,
    /// How many bytes it has when opened.
    pub bytes: i64,
    /// In how many pieces it is kept.
    pub pieces: i64,
    /// A scanner said it is clean; else none was set up.
    pub scanned: bool,
    /// Its name and digest.
    pub label_sealed: Vec<u8>,
    /// The label's key, wrapped for the record.
    pub record_wrap: Vec<u8>,
    /// The label's key, wrapped for the patient's copy, where there is one.
    pub patient_wrap: Option<Vec<u8>>,
    /// When it was kept.
    pub created_at: Timestamp,
}

/// A row of `attachment_piece`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Of which file.
    pub attachment_id: AttachmentId,
    /// Which piece, from 0.
    pub n: i64,
    /// Its bytes.
    pub body_sealed: Vec<u8>,
    /// Their key, wrapped for the record.
    pub record_wrap: Vec<u8>,
    /// Their key, wrapped for the patient's copy, where there is one.
    pub patient_wrap: Option<Vec<u8>>,
}

fn read(row: &Row<'_>) -> Result<AttachmentRow, DbError> {
    Ok(AttachmentRow {
        id: row.get(0)?,
        holder: Holder::of(row.get(1)?, row.get(2)?),
        media: row.get(3)?,
        bytes: row.get(4)?,
        pieces: row.get(5)?,
        scanned: row.get(6)?,
        label_sealed: row.get(7)?,
        record_wrap: row.get(8)?,
        patient_wrap: row.get(9)?,
        created_at: row.get(10)?,
    })
}

/// Adds a file.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &AttachmentRow) -> Result<(), DbError> {
    let (kind, holder) = row.holder.parts();
    tx.execute(
        sql!(
            "INSERT INTO attachment (practice_id, id, holder, holder_id, media, bytes, pieces,
                                     scanned, label_sealed, record_wrap, patient_wrap, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ),
        params![
            practice,
            row.id,
            kind,
            holder,
            row.media,
            row.bytes,
            row.pieces,
            row.scanned,
            row.label_sealed,
            row.record_wrap,
            row.patient_wrap,
            row.created_at
        ],
    )?;
    tx.touch(ATTACHMENT, row.id.to_string());
    Ok(())
}

/// Adds a piece of one.
///
/// # Errors
/// [`DbError`].
pub fn add_piece(tx: &mut Tx<'_>, practice: PracticeId, piece: &Piece) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO attachment_piece (practice_id, attachment_id, n, body_sealed, record_wrap,
                                           patient_wrap)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        params![
            practice,
            piece.attachment_id,
            piece.n,
            piece.body_sealed,
            piece.record_wrap,
            piece.patient_wrap
        ],
    )?;
    tx.touch(ATTACHMENT_PIECE, format!("{}/{}", piece.attachment_id, piece.n));
    Ok(())
}

/// One file.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: AttachmentId,
) -> Result<Option<AttachmentRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, holder, holder_id, media, bytes, pieces, scanned, label_sealed, record_wrap,
                    patient_wrap, created_at
               FROM attachment WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The files that belong to something, in the order in which they came.
///
/// # Errors
/// [`DbError`].
pub fn held_by(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    holder: Holder,
) -> Result<Vec<AttachmentRow>, DbError> {
    let (kind, holder) = holder.parts();
    tx.query(
        sql!(
            "SELECT id, holder, holder_id, media, bytes, pieces, scanned, label_sealed, record_wrap,
                    patient_wrap, created_at
               FROM attachment WHERE practice_id = $1 AND holder = $2 AND holder_id = $3
              ORDER BY id"
        ),
        params![practice, kind, holder],
        read,
    )
}

/// The files behind a patient's consents, in the order in which they came.
///
/// # Errors
/// [`DbError`].
pub fn of_consents(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<(ConsentId, AttachmentId)>, DbError> {
    let mut files: Vec<(ConsentId, AttachmentId)> = tx.query(
        sql!(
            "SELECT a.holder_id, a.id
               FROM consent_event c
               JOIN attachment a ON a.practice_id = c.practice_id AND a.holder = 'consent'
                                AND a.holder_id = c.consent_id
              WHERE c.practice_id = $1 AND c.patient_id = $2 AND c.event = 'given'"
        ),
        params![practice, patient],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    // Asked to sort them, SQLite would go through every file of the practice.
    files.sort_unstable_by_key(|(_, file)| *file);
    Ok(files)
}

/// One piece, as one side opens it.
#[derive(Debug)]
pub struct Part {
    /// Its bytes, sealed.
    pub body: Vec<u8>,
    /// Their key, wrapped for this side, where it has a copy.
    pub wrap: Option<Vec<u8>>,
}

/// One piece of a file.
///
/// # Errors
/// [`DbError`].
pub fn piece(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (id, n): (AttachmentId, i64),
    side: Side,
) -> Result<Option<Part>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT body_sealed, record_wrap, patient_wrap
               FROM attachment_piece WHERE practice_id = $1 AND attachment_id = $2 AND n = $3"
        ),
        params![practice, id, n],
        |row| {
            let wrap = match side {
                Side::Record => Some(row.get(1)?),
                Side::Patient => row.get(2)?,
            };
            Ok(Part { body: row.get(0)?, wrap })
        },
    )
}
