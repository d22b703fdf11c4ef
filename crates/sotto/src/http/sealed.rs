//! What both sides of the sealed mode answer alike: the desk (`console/sealed.rs`) and the window
//! (`portal/sealed.rs`).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Doors;
use crate::ids::SealedMessageId;
use crate::office::Office;
use crate::sealed::envelope::FormError;
use crate::sealed::threads::{Holder, Seen};
use crate::sealed::{PublicKey, SealedError};

/// What a page tells its script (`web/scripts/sealed.mjs`): public keys, and whose browser it is.
pub(super) struct Browser {
    /// Under which name the browser keeps its key: says nothing of anybody.
    pub holder: String,
    /// `staff`, `patient`.
    pub side: &'static str,
    /// The conversation, where the page is of one.
    pub thread: String,
    /// The member of staff's public key.
    pub staff: String,
    /// The patient's.
    pub patient: String,
    /// The practice's recovery key.
    pub recovery: String,
    /// The time here, in milliseconds: a device's own clock may be wrong.
    pub now: i64,
    /// `no` where nothing can be written any more.
    pub here: &'static str,
}

impl Browser {
    /// On a page that is of no conversation.
    pub(super) fn alone(doors: &Doors, holder: Holder, key: Option<&PublicKey>) -> Self {
        let key = key.map_or_else(String::new, PublicKey::to_text);
        let (side, staff, patient) = match holder {
            Holder::Staff(_) => ("staff", key, String::new()),
            Holder::Patient(_) => ("patient", String::new(), key),
        };
        Self {
            holder: name_of(doors.office(), holder),
            side,
            thread: String::new(),
            staff,
            patient,
            recovery: doors.recovery().map_or_else(String::new, PublicKey::to_text),
            now: doors.office().clock().now_in_life().as_millisecond(),
            here: if doors.recovery().is_some() { "yes" } else { "no" },
        }
    }

    /// On the page of a conversation.
    pub(super) fn of(doors: &Doors, holder: Holder, seen: &Seen) -> Self {
        let text =
            |key: &Option<PublicKey>| key.as_ref().map_or_else(String::new, PublicKey::to_text);
        let alone = Self::alone(doors, holder, None);
        Self {
            thread: seen.row.id.to_string(),
            staff: text(&seen.staff_key),
            patient: text(&seen.patient_key),
            here: if seen.staff_here { alone.here } else { "no" },
            ..alone
        }
    }
}

/// Which messages of a conversation a page shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Earlier {
    before: Option<String>,
}

impl Earlier {
    /// Those before this one; else the last.
    ///
    /// # Errors
    /// Where what stands there names no message.
    pub(super) fn read(&self) -> Result<Option<SealedMessageId>, uuid::Error> {
        self.before.as_deref().map(str::parse).transpose()
    }
}

/// The address of the earlier ones.
pub(super) fn earlier(here: &str, seen: &Seen) -> Option<String> {
    seen.earlier.map(|before| format!("{here}?before={before}"))
}

/// A keyed hash of who somebody is: on a browser that several use, each has a key of their own.
fn name_of(office: &Office, holder: Holder) -> String {
    let who = match holder {
        Holder::Staff(id) => format!("staff {id}"),
        Holder::Patient(id) => format!("patient {id}"),
    };
    let hash = office.keys().content_hash("holder of a sealed key", who.as_bytes());
    hex::encode(hash.get(..16).unwrap_or(&hash))
}

/// What a script is told of the envelope it sent. What it looks at is the status.
pub(super) fn taken(taken: Result<(), SealedError>) -> Response {
    let error = match taken {
        Ok(()) => return StatusCode::CREATED.into_response(),
        Err(error) => error,
    };
    let status = match &error {
        SealedError::NoThread => StatusCode::NOT_FOUND,
        SealedError::Form(FormError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        SealedError::Form(_) | SealedError::NotAKey => StatusCode::BAD_REQUEST,
        SealedError::Late => StatusCode::UNPROCESSABLE_ENTITY,
        SealedError::OtherKeys | SealedError::Repeated | SealedError::NoKey | SealedError::Off => {
            StatusCode::CONFLICT
        }
        error => {
            tracing::error!(%error, "sealed.failed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, error.to_string()).into_response()
}
