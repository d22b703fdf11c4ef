//! What would this text reveal? The guard's answer, without sending or storing anything.

use axum::Json as JsonAnswer;
use axum::extract::State;
use guard::{Channel, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Doors;
use crate::http::auth::MayCheck;
use crate::http::body::Json;
use crate::http::errors::Problem;

/// A text to be looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// The text.
    text: String,
    /// `sms`, `email`, `voicemail`, `ringless_voicemail` or `portal`.
    channel: String,
}

/// What it would reveal.
#[derive(Serialize, ToSchema)]
pub struct CheckAnswer {
    /// `pass`, `needs_consent` or `block`, with no consent on file.
    verdict: &'static str,
    /// 0 to 4.
    level: u8,
    /// What was found, in the order of the text.
    findings: Vec<FindingLine>,
    /// Each of the 18 HIPAA identifiers in the text.
    identifiers: Vec<IdentifierLine>,
    /// A safe way to say it, where it does not pass: `{"text": …}`, or `{"to_portal": {"notice": …}}`
    /// when the body belongs in the portal and only this notice on the channel.
    #[schema(value_type = Option<Object>)]
    rewrite: Option<guard::Rewrite>,
    /// What a bystander would see or hear of it: `{"kind": "lock_screen", "line": …}`, `inbox` with
    /// `subject` and `snippet`, `spoken` with `text`, or `nothing`.
    #[schema(value_type = Object)]
    preview: guard::Preview,
}

/// One finding. Offsets count Unicode code points, end exclusive.
#[derive(Serialize, ToSchema)]
pub struct FindingLine {
    start: usize,
    end: usize,
    #[schema(value_type = String)]
    category: guard::Category,
    level: u8,
    rule: &'static str,
    reason: &'static str,
    suggestion: &'static str,
}

/// One identifier.
#[derive(Serialize, ToSchema)]
pub struct IdentifierLine {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: guard::IdentifierKind,
}

/// `POST /api/v1/check`
///
/// # Errors
/// 422 for a channel that does not exist.
#[utoipa::path(
    post, path = "/api/v1/check", tag = "check", security(("token" = ["check"])),
    request_body = CheckRequest,
    responses(
        (status = 200, body = CheckAnswer), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn check(
    _right: MayCheck,
    State(doors): State<Doors>,
    Json { value: request, .. }: Json<CheckRequest>,
) -> Result<JsonAnswer<CheckAnswer>, Problem> {
    let channel = Channel::from_word(&request.channel).ok_or_else(|| {
        Problem::field(
            "channel",
            "channel must be sms, email, voicemail, ringless_voicemail or portal.",
        )
    })?;
    let guard = guard::Guard::standard();
    let context = &doors.office().profile().context;
    let assessment = guard.check(&request.text, context);
    Ok(JsonAnswer(CheckAnswer {
        verdict: match assessment.verdict(channel) {
            Verdict::Pass => "pass",
            Verdict::NeedsConsent => "needs_consent",
            Verdict::Block => "block",
        },
        level: u8::from(assessment.level),
        findings: assessment
            .findings
            .iter()
            .map(|finding| FindingLine {
                start: finding.span.start,
                end: finding.span.end,
                category: finding.category,
                level: u8::from(finding.level),
                rule: finding.rule,
                reason: finding.reason,
                suggestion: finding.suggestion,
            })
            .collect(),
        identifiers: assessment
            .identifiers
            .iter()
            .map(|found| IdentifierLine {
                start: found.span.start,
                end: found.span.end,
                kind: found.kind,
            })
            .collect(),
        rewrite: guard.rewrite(&request.text, &assessment, context, channel),
        preview: guard.preview(channel, &request.text),
    }))
}
