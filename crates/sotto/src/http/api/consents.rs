//! Recording and revoking consents, and their history, which only grows (SPEC CN-05).

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use gate::{Category, Channel, ConsentId, Level, PatientId, Purpose};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::consent_event::{self, ConsentEventRow, ConsentKind};
use crate::db::{Word, patient};
use crate::http::Doors;
use crate::http::auth::{MayReadConsents, MayWriteConsents};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields::{self, instant, method};
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::people::addresses::parse_for;
use crate::people::consents::{self, ConsentError, NewConsent, Revocation};

/// A consent as it was given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// `pec`, `pewc`, `content` or `marketing_authorization`.
    class: String,
    /// On which channel.
    channel: String,
    /// To exactly this number or mailbox, which is on file; none for the portal.
    #[serde(default)]
    address: String,
    /// For which purposes; none: all that the class covers.
    #[serde(default)]
    purposes: Vec<String>,
    /// Content consents: which categories, such as `lab_result`.
    #[serde(default)]
    categories: Vec<String>,
    /// Content consents: 1, 2 or 3.
    up_to_level: Option<u8>,
    /// The version of the consent or risk text shown.
    text_version: Option<String>,
    /// The risk warning was shown and acknowledged.
    #[serde(default)]
    risk_warned: bool,
    /// The language it was explained in.
    language: String,
    /// How often, as told.
    frequency: Option<String>,
    /// `paper`, `portal`, `spoken`, `keyword` or `form`.
    method: String,
    /// Where the paper or form is kept.
    evidence: Option<String>,
    /// SHA-256 of it, hexadecimal.
    evidence_sha256: Option<String>,
    /// Who of the staff was there.
    witness: Option<String>,
    /// When it was given (RFC 3339); now, when not told.
    captured_at: Option<String>,
    /// Until when (RFC 3339).
    valid_until: Option<String>,
    /// How it can be withdrawn, as told.
    withdrawal: String,
}

/// A consent that was recorded.
#[derive(Serialize, ToSchema)]
pub struct Recorded {
    /// Its id.
    consent: String,
}

/// How a consent was withdrawn.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// `paper`, `portal`, `spoken`, `keyword` or `form`.
    method: String,
    /// When (RFC 3339); now, when not told.
    captured_at: Option<String>,
    /// Who of the staff was there.
    witness: Option<String>,
    /// Where the request is kept.
    evidence: Option<String>,
}

/// A consent that was revoked.
#[derive(Serialize, ToSchema)]
pub struct Revoked {
    /// Its id.
    consent: String,
    /// Always true.
    revoked: bool,
    /// Reminders that were withdrawn and are planned again.
    replanned: u64,
    /// Other messages that were withdrawn, each with a task for staff.
    withdrawn: u64,
}

/// One event of a history. The address is not here: it is kept as a blind index.
#[derive(Serialize, ToSchema)]
pub struct ConsentLine {
    consent: String,
    event: &'static str,
    class: &'static str,
    channel: &'static str,
    purposes: Vec<String>,
    categories: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    up_to_level: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_version: Option<String>,
    risk_warned: bool,
    language: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency: Option<String>,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    captured_by: String,
    captured_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    withdrawal: String,
    recorded_at: String,
}

/// A whole history, oldest first.
#[derive(Serialize, ToSchema)]
pub struct History {
    items: Vec<ConsentLine>,
}

impl From<ConsentError> for Problem {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Db(error) => error.into(),
            ConsentError::Audit(error) => error.into(),
            error @ ConsentError::Outbox(_) => {
                tracing::error!(error = %error, "consents.failed");
                Self::internal()
            }
            ConsentError::UnknownPatient => Self::not_found("patient"),
            ConsentError::UnknownConsent => Self::not_found("consent"),
            ConsentError::AlreadyRevoked => {
                Self::conflict("already-revoked", "This consent is revoked already.")
            }
            ConsentError::Invalid { field, remedy } => {
                Self::field(field, format!("{field}: {remedy}."))
            }
        }
    }
}

/// `POST /api/v1/patients/{id}/consents`
///
/// # Errors
/// 422 naming the field that is missing or contradicts another.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/consents", tag = "consents",
    security(("token" = ["consents:write"])), request_body = ConsentRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = Recorded), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn record(
    MayWriteConsents(caller): MayWriteConsents,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<ConsentRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let new = parse(request, patient, doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let consent = consents::record(tx, office.into(), actor, &new)?;
        Answer::new(StatusCode::CREATED, &Recorded { consent: consent.to_string() })
    })
    .await
}

/// Reads the words of a request, field by field. `now` is when a consent without a time was given.
///
/// # Errors
/// 422 naming the field.
pub fn parse(
    request: ConsentRequest,
    patient: PatientId,
    now: Timestamp,
) -> Result<NewConsent, Problem> {
    // A release is of one message, which the privacy officer has before them.
    let class = ConsentKind::from_word(&request.class)
        .filter(|class| *class != ConsentKind::AccessRequest)
        .ok_or_else(|| {
            Problem::field("class", "class must be pec, pewc, content or marketing_authorization.")
        })?;
    let channel = Channel::from_word(&request.channel)
        .ok_or_else(|| Problem::field("channel", "channel must be sms, email or portal."))?;
    let address = parse_for(channel, &request.address)
        .map_err(|error| Problem::field("address", format!("{error}.")))?;
    let purposes = words(&request.purposes, Purpose::from_word)
        .ok_or_else(|| Problem::field("purposes", "a purpose does not exist."))?;
    let categories: Vec<Category> = words(&request.categories, Word::from_word)
        .ok_or_else(|| Problem::field("categories", "a category does not exist."))?;
    let up_to = request.up_to_level.map(Level::try_from).transpose().map_err(|_| {
        Problem::field("up_to_level", "up_to_level must be 1, 2 or 3; level 4 is never sent.")
    })?;
    let evidence_digest = request
        .evidence_sha256
        .map(|text| <[u8; 32]>::try_from(hex::decode(text).unwrap_or_default()))
        .transpose()
        .map_err(|_| {
            Problem::field("evidence_sha256", "evidence_sha256 must be 64 hexadecimal digits.")
        })?;
    Ok(NewConsent {
        patient,
        class,
        channel,
        address,
        purposes,
        categories,
        up_to,
        text_version: request.text_version,
        risk_warned: request.risk_warned,
        language: request.language,
        frequency: request.frequency,
        method: method(&request.method)?,
        evidence: request.evidence,
        evidence_digest,
        witness: request.witness,
        captured_at: instant("captured_at", request.captured_at)?.unwrap_or(now),
        valid_until: instant("valid_until", request.valid_until)?,
        withdrawal: request.withdrawal,
    })
}

fn words<T>(texts: &[String], from_word: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    texts.iter().map(|text| from_word(text)).collect()
}

/// `POST /api/v1/patients/{id}/consents/{consent}/revoke`
///
/// # Errors
/// 404 when this patient has no such consent, 409 when it is revoked already.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/consents/{consent}/revoke", tag = "consents",
    security(("token" = ["consents:write"])), request_body = RevokeRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("consent" = String, Path, description = "The consent's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = Revoked), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
    ),
)]
pub async fn revoke(
    MayWriteConsents(caller): MayWriteConsents,
    State(doors): State<Doors>,
    Path((id, consent)): Path<(String, String)>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<RevokeRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let consent: ConsentId = consent.parse().map_err(|_| Problem::not_found("consent"))?;
    let how = Revocation {
        method: method(&request.method)?,
        captured_at: instant("captured_at", request.captured_at)?
            .unwrap_or_else(|| doors.office().clock().now()),
        witness: request.witness,
        evidence: request.evidence,
    };
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        if consent_event::patient_of(tx, office.practice(), consent)? != Some(patient) {
            return Err(Problem::not_found("consent"));
        }
        let done = consents::withdraw(tx, office, actor, consent, &how)?;
        let answer = Revoked {
            consent: consent.to_string(),
            revoked: true,
            replanned: done.replanned,
            withdrawn: done.withdrawn,
        };
        Answer::new(StatusCode::OK, &answer)
    })
    .await
}

/// `GET /api/v1/patients/{id}/consents`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/consents", tag = "consents",
    security(("token" = ["consents:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = History), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn history(
    MayReadConsents(caller): MayReadConsents,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<History>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "consents", move |tx, office| {
        let practice = office.practice();
        patient::get(tx, practice, id)?.ok_or_else(|| Problem::not_found("patient"))?;
        let rows = consent_event::of_patient(tx, practice, id)?;
        let items: Vec<_> = rows.into_iter().map(ConsentLine::from).collect();
        Ok(Shown { count: items.len(), what: History { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}

impl From<ConsentEventRow> for ConsentLine {
    fn from(row: ConsentEventRow) -> Self {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Self {
            consent: row.consent_id.to_string(),
            event: row.event.word(),
            class: row.class.word(),
            channel: row.channel.as_str(),
            purposes: list(&row.purposes),
            categories: list(&row.categories),
            up_to_level: row.up_to_level,
            text_version: row.text_version,
            risk_warned: row.risk_warned,
            language: row.language,
            frequency: row.frequency,
            method: row.method.word(),
            evidence: row.evidence,
            witness: row.witness,
            captured_by: row.captured_by,
            captured_at: row.captured_at.to_string(),
            valid_until: row.valid_until.map(|at| at.to_string()),
            withdrawal: row.withdrawal,
            recorded_at: row.recorded_at.to_string(),
        }
    }
}
