//! What a browser hands in: one message, its content key sealed to each who may read it.
//!
//! Compact JSON, the fields in the order of [`Envelope`]: there is one way to write an envelope, so
//! that nothing can hide beside it. What both seals bind is [`Envelope::bound`].

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

use crate::ids::{SealedMessageId, SealedThreadId};

/// The version of the form.
pub const VERSION: u8 = 1;
/// Words are filled up to a multiple of so many bytes: their length says little.
pub const BLOCK: usize = 256;
/// The most bytes of filled words.
pub const MOST_WORDS: usize = 16 * 1024;
/// The most bytes of an envelope: the words in base64, three keys, and room.
pub const MOST_BYTES: usize = 24 * 1024;
/// What binds a sealed content key to this use, and to no other (`info` of RFC 9180).
pub const KEY_INFO: &[u8] = b"sotto sealed key 1";
/// AES-GCM adds so many bytes.
const TAG: usize = 16;

/// An envelope cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`MOST_BYTES`], or longer words than [`MOST_WORDS`].
    #[error("it is too large")]
    TooLarge,
    /// No JSON of this form, or written another way.
    #[error("it is not written as it must be")]
    Malformed,
    /// Of a version that is not known here.
    #[error("its version is not known here")]
    Version,
    /// A key, a sealed key, a nonce or the words have a length that none of them has.
    #[error("a part of it has the wrong length")]
    Length,
}

/// A message, sealed. Nothing here is readable; who may read it, and when it came, is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// [`VERSION`].
    pub v: u8,
    /// The conversation.
    pub thread: SealedThreadId,
    /// This message.
    pub id: SealedMessageId,
    /// Whose browser sealed it: the fingerprint of that key.
    pub from: String,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// To whom: the member of staff, the patient, the recovery key.
    pub to: [Sealed; 3],
    /// The nonce of the words.
    pub iv: String,
    /// The words, filled up and sealed under the content key.
    pub ct: String,
}

/// The content key, sealed to one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The fingerprint of their key.
    pub key: String,
    /// What RFC 9180 calls `enc`.
    pub enc: String,
    /// The sealed content key.
    pub ct: String,
}

/// The bytes behind base64url without padding.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, FormError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| FormError::Malformed)
}

fn of_length(text: &str, length: usize) -> Result<(), FormError> {
    if bytes(text)?.len() == length { Ok(()) } else { Err(FormError::Length) }
}

fn a_fingerprint(text: &str) -> Result<(), FormError> {
    let written = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() == 64 && text.bytes().all(written) { Ok(()) } else { Err(FormError::Malformed) }
}

impl Envelope {
    /// Reads what a browser sent and checks its form. Nothing is opened.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn read(sent: &[u8]) -> Result<Self, FormError> {
        if sent.len() > MOST_BYTES {
            return Err(FormError::TooLarge);
        }
        let read: Self = serde_json::from_slice(sent).map_err(|_| FormError::Malformed)?;
        if read.v != VERSION {
            return Err(FormError::Version);
        }
        if read.to_bytes() != sent {
            return Err(FormError::Malformed);
        }
        a_fingerprint(&read.from)?;
        for one in &read.to {
            a_fingerprint(&one.key)?;
            of_length(&one.enc, 65)?;
            of_length(&one.ct, 32 + TAG)?;
        }
        of_length(&read.iv, 12)?;
        match bytes(&read.ct)?.len().checked_sub(TAG) {
            Some(words) if words > MOST_WORDS => Err(FormError::TooLarge),
            Some(words) if words > 0 && words.is_multiple_of(BLOCK) => Ok(read),
            _ => Err(FormError::Length),
        }
    }

    /// The one way to write it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of numbers and strings is always JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What every seal of it is bound to: an envelope fits no other conversation, id, sender, time or
    /// readers.
    #[must_use]
    pub fn bound(&self) -> String {
        let Self { v, thread, id, from, at, to, .. } = self;
        let [staff, patient, recovery] = to.each_ref().map(|one| one.key.as_str());
        format!("sotto sealed {v}\n{thread}\n{id}\n{from}\n{at}\n{staff}\n{patient}\n{recovery}")
    }
}

/// The words within what was filled up: all before the last byte 0x80, behind which are only zeros.
#[must_use]
pub(super) fn words_of(filled: &[u8]) -> Option<&[u8]> {
    let end = filled.iter().rposition(|byte| *byte != 0)?;
    let (words, mark) = filled.split_at(end);
    (mark.first() == Some(&0x80)).then_some(words)
}
