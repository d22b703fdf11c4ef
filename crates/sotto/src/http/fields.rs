//! Fields that many requests have, read into types. An error names the field and what it must be,
//! never what it was.

use gate::{Channel, Kind, PatientId};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::errors::Problem;
use crate::db::Word;
use crate::db::consent_event::ConsentMethod;
use crate::people::told::{RecordError, Told};

/// How the practice came to know: who heard it, and where the proof is kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldRequest {
    /// `paper`, `portal`, `spoken`, `keyword` or `form`.
    method: String,
    /// Where the paper or form is kept; paper and form need it.
    evidence: Option<String>,
    /// Who of the staff was there; what is spoken needs it.
    witness: Option<String>,
    /// When the patient said so (RFC 3339); now, when not told.
    captured_at: Option<String>,
}

impl ToldRequest {
    /// Parses it.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn parse(self, now: Timestamp) -> Result<Told, Problem> {
        Ok(Told {
            method: method(&self.method)?,
            evidence: self.evidence,
            witness: self.witness,
            captured_at: instant("captured_at", self.captured_at)?.unwrap_or(now),
        })
    }
}

/// How something was told.
///
/// # Errors
/// 422.
pub fn method(word: &str) -> Result<ConsentMethod, Problem> {
    ConsentMethod::from_word(word).ok_or_else(|| {
        Problem::field("method", "method must be paper, portal, spoken, keyword or form.")
    })
}

/// An instant, where one is given.
///
/// # Errors
/// 422.
pub fn instant(field: &'static str, text: Option<String>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| text.parse())
        .transpose()
        .map_err(|_| Problem::field(field, format!("{field} must be like 2027-03-01T14:30:00Z.")))
}

/// The patient a path names.
///
/// # Errors
/// 404.
pub fn patient(id: &str) -> Result<PatientId, Problem> {
    id.parse().map_err(|_| Problem::not_found("patient"))
}

/// A channel, where one is given.
///
/// # Errors
/// 422.
pub fn channel(word: Option<&str>) -> Result<Option<Channel>, Problem> {
    word.map(|word| Channel::from_word(word).ok_or(())).transpose().map_err(|()| {
        Problem::field(
            "channel",
            "channel must be sms, email, voicemail, ringless_voicemail or portal.",
        )
    })
}

/// A kind of message.
///
/// # Errors
/// 422.
pub fn kind(field: &'static str, word: &str) -> Result<Kind, Problem> {
    Kind::from_word(word)
        .ok_or_else(|| Problem::field(field, format!("{field} must be a kind such as survey.")))
}

/// One of the words of an enum.
///
/// # Errors
/// 422 with `words`.
pub fn word<T: Word>(field: &'static str, text: &str, words: &str) -> Result<T, Problem> {
    T::from_word(text).ok_or_else(|| Problem::field(field, format!("{field} must be {words}.")))
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Db(error) => error.into(),
            RecordError::Audit(error) => error.into(),
            RecordError::UnknownPatient => Self::not_found("patient"),
            RecordError::Unknown(what) => Self::not_found(what),
            error @ RecordError::Already { .. } => {
                Self::conflict("already-so", format!("{error}."))
            }
            RecordError::Invalid { field, remedy } => {
                Self::field(field, format!("{field}: {remedy}."))
            }
            error => {
                tracing::error!(error = %error, "people.failed");
                Self::internal()
            }
        }
    }
}
