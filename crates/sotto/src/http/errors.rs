//! How a door says no: RFC 9457 problem documents.
//!
//! Nothing a caller sent is ever quoted back: the value of a field may be a name or a diagnosis.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::{Reason, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::attachments::store::AttachmentError;
use crate::audit::AuditError;
use crate::db::DbError;
use crate::forms::FormError;

/// What every refused or failed request is answered with (`application/problem+json`).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:sotto:problem:` and a stable word.
    #[serde(rename = "type", serialize_with = "as_urn")]
    pub kind: &'static str,
    /// The same for every problem of this type.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong with this request and what to do, in plain words. Holds no PHI.
    pub detail: String,
    /// The field that was wrong, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// The refused message, which is kept with its reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<gate::MessageId>,
    /// Each check in the way, in the gate's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalLine>,
}

/// One check that stands in the way of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusalLine {
    /// Stable code, such as `E_CONSENT_MISSING`.
    pub code: &'static str,
    /// Why, in plain words.
    pub because: String,
    /// What would make it pass.
    pub remedy: String,
}

/// Each check in the way, as the API shows it.
#[must_use]
pub fn refusal_lines(refusal: &Refusal) -> Vec<RefusalLine> {
    refusal.reasons().map(RefusalLine::from).collect()
}

impl From<&Reason> for RefusalLine {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            because: reason.because.clone(),
            remedy: reason.remedy.clone(),
        }
    }
}

fn as_urn<S: serde::Serializer>(word: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:sotto:problem:{word}"))
}

impl Problem {
    /// A problem of this status and type word.
    #[must_use]
    pub fn new(
        status: StatusCode,
        word: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: word,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            id: None,
            refusals: Vec::new(),
        }
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request cannot be read",
            detail,
        )
    }

    /// 422: the request can be read, and one field does not say what it must.
    #[must_use]
    pub fn field(field: &'static str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-field",
            "A field does not say what it must",
            detail,
        );
        problem.field = Some(field);
        problem
    }

    /// 404: nothing here by that name, or nothing this caller may see.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            format!("There is no such {what} here."),
        )
    }

    /// 410: the time of keeping it has ended, and its keys are destroyed.
    #[must_use]
    pub fn ended(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "ended", "The time of keeping this has ended", detail)
    }

    /// 401, the same for a token that is unknown, expired, revoked or missing.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "A valid token is needed",
            "Send Authorization: Bearer with a token made by `sotto token create`.",
        )
    }

    /// 403: the token is good, and not for this.
    #[must_use]
    pub fn forbidden(scope: &'static str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "scope-missing",
            "The token is not for this",
            format!("This needs a token with the scope {scope}."),
        )
    }

    /// 409: another request stands in the way.
    #[must_use]
    pub fn conflict(word: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, word, "In conflict with another request", detail)
    }

    /// 500: our fault. What happened is in the log, under the request's id.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something failed on our side",
            "Nothing was done. Try again; if it stays, give the x-request-id to an administrator.",
        )
    }

    /// 503: try again soon.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not available just now",
            "Nothing was done. Try again in a few seconds.",
        )
    }

    /// 503: this server is about to end.
    #[must_use]
    pub fn draining() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "This server is stopping",
            "Nothing was done. Try again in a few seconds, or at another node.",
        )
    }

    /// 503: this server should not be sent requests, for a reason of `health`'s closed list.
    #[must_use]
    pub fn not_ready(because: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "Not ready", because)
    }

    /// 503: the answer of the disk was lost.
    #[must_use]
    pub fn unknown() -> Self {
        let detail = "It is not known whether this was done. Ask again in a few seconds with the \
                      same Idempotency-Key: it is then done once.";
        Self { detail: detail.to_owned(), ..Self::unavailable() }
    }

    /// 422: the gate refused the message.
    #[must_use]
    pub fn refused(message: gate::MessageId, refusal: &Refusal) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "message-refused",
            "The message may not go",
            refusal.first().because.clone(),
        );
        problem.id = Some(message);
        problem.refusals = refusal_lines(refusal);
        problem
    }
}

/// Where no certificate is known yet.
const GONE: &str = "The time of keeping this has ended: its keys are destroyed.";

impl From<DbError> for Problem {
    /// The engine's words stay in the log.
    fn from(error: DbError) -> Self {
        tracing::error!(error = %error, "http.database_failed");
        match error {
            DbError::Closed
            | DbError::Conflict
            | DbError::Lost
            | DbError::Open { .. }
            | DbError::ReadOnly
            | DbError::Unwritable { .. } => Self::unavailable(),
            DbError::CommitUnknown => Self::unknown(),
            _ => Self::internal(),
        }
    }
}

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Self {
        match error {
            AttachmentError::Db(error) => error.into(),
            AttachmentError::Seal(seal::SealError::Destroyed { .. }) => Self::ended(GONE),
            error => {
                tracing::error!(error = %error, "http.attachment_failed");
                Self::internal()
            }
        }
    }
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Db(error) => error.into(),
            FormError::Seal(seal::SealError::Destroyed { .. }) => Self::ended(GONE),
            error => {
                tracing::error!(%error, "form.failed");
                Self::internal()
            }
        }
    }
}

impl From<AuditError> for Problem {
    /// Without its entry the action did not happen.
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Db(error) => error.into(),
            error => {
                tracing::error!(error = %error, "http.audit_failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
