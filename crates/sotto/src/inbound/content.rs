//! What a message to us holds, sealed when it comes and opened when somebody reads it: one shape for
//! both.

use gate::AddressKind;
use jiff::civil::Date;
use seal::{Place, SealError, Sealed, SealedMessage};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::receive::{Arrival, InboundError};
use crate::ids::InboundId;
use crate::office::Office;

/// What is sealed in `inbound_message.content_sealed`. PHI.
#[derive(Serialize, Deserialize)]
pub struct Content {
    /// Who wrote, as the carrier said.
    pub from: Sender,
    /// Our number or mailbox.
    pub to: String,
    /// The words.
    pub body: String,
    /// Parts did not come.
    #[serde(default)]
    pub incomplete: bool,
}

/// Who wrote.
#[derive(Serialize, Deserialize)]
pub struct Sender {
    /// What it is.
    pub kind: AddressKind,
    /// It, normalised.
    pub value: String,
}

/// What was stored cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its keys are gone, or it was changed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is none of ours.
    #[error("the content of an inbound message is not what was sealed")]
    Shape,
}

impl Content {
    /// The words as a page shows them, with a mark where a part is missing.
    #[must_use]
    pub fn shown(self) -> String {
        if self.incomplete {
            format!("{} [a part of this text did not come]", self.body)
        } else {
            self.body
        }
    }
}

/// Seals what came under the id of its row; `born`: when who wrote was.
pub(super) fn seal(
    office: &Office,
    (id, born): (InboundId, Option<Date>),
    arrival: &Arrival,
) -> Result<SealedMessage, InboundError> {
    let content = serde_json::json!({
        "from": { "kind": arrival.from.kind(), "value": arrival.from.reveal() },
        "to": arrival.to,
        "body": arrival.body,
        "incomplete": arrival.incomplete,
    });
    let bytes = Zeroizing::new(content.to_string().into_bytes());
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let buckets = office.buckets_of(office.clock().now(), born)?;
    Ok(office.keys().seal_message(buckets, &place(&practice, &row), &bytes)?)
}

/// Opens it. The caller records that it is read.
///
/// # Errors
/// [`Unreadable`].
pub fn open(
    office: &Office,
    id: InboundId,
    (content, wrap): (&[u8], &[u8]),
) -> Result<Content, Unreadable> {
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let (content, wrap) = (Sealed::from_bytes(content.to_vec()), Sealed::from_bytes(wrap.to_vec()));
    let plain = office.keys().open_message(&place(&practice, &row), &content, &wrap)?;
    serde_json::from_slice(&plain).map_err(|_| Unreadable::Shape)
}

const fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "inbound_message", row, column: "content" }
}
