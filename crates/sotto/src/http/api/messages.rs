//! Asking for a message to be sent, and seeing what became of it.

use std::collections::BTreeMap;

use axum::Json as JsonAnswer;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use gate::{AppointmentId, Channel, Kind, Language, MessageId, Origin, PatientId, Purpose};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::compose::{ComposeError, Values};
use crate::db::{Mark, Tx, message};
use crate::facts::FactsError;
use crate::http::Doors;
use crate::http::auth::{Caller, MayReadMessages, MayWriteMessages};
use crate::http::body::Json;
use crate::http::errors::{Problem, RefusalLine};
use crate::http::idempotency::{Answer as Kept, Asked, IdempotencyKey, once_with};
use crate::http::pagination::{Listed, PageQuery};
use crate::http::params::{Path, Query};
use crate::http::views::{Shown, view};
use crate::ids::Id as _;
use crate::intake::{self, Answer, Decided, IntakeError, Request, Wanted, Words};
use crate::journeys::reminders::profile_values;
use crate::observe::trace::{Place, Say, Span, Step};
use crate::office::Office;
use crate::people::contact_points::ContactPointError;

/// A message someone wants to send to a patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The patient's id.
    patient: String,
    /// `treatment`, `operations`, `payment`, `patient_request` or `marketing`.
    purpose: String,
    /// `auto`, `sms`, `email` or `portal`; `auto` when not given.
    channel: Option<String>,
    /// The kind of template, such as `results_ready`. Either this or `body`.
    template: Option<String>,
    /// What fills the template: `when`, `day`, `link`, … by name.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// Words a person typed. Either this or `template`.
    body: Option<String>,
    /// The subject of an email with a typed body.
    subject: Option<String>,
    /// `en` or `es`; the patient's own language when not given.
    language: Option<String>,
    /// The id of the appointment it is about.
    appointment: Option<String>,
    /// Never sent after this instant (RFC 3339).
    useless_after: Option<String>,
}

/// A message that was taken, or that waits in the portal with a notice on its way.
#[derive(Serialize, ToSchema)]
pub struct Sent {
    /// The message.
    id: String,
    /// `queued`, or `redirected` when the body went to the portal.
    state: &'static str,
    /// The audit entry that cleared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    clearance: Option<String>,
    /// It waits until this instant (quiet hours).
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// The notice that tells the patient to look into the portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// Why the channel could not carry the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<RefusalLine>,
}

/// `POST /api/v1/messages`
///
/// # Errors
/// 422 with `refusals` when the gate says no; the refused message is kept and `id` names it.
#[utoipa::path(
    post, path = "/api/v1/messages", tag = "messages", security(("token" = ["messages:write"])),
    request_body = SendRequest,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same key and request twice is one message and one answer.")),
    responses(
        (status = 202, body = Sent), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn send(
    MayWriteMessages(caller): MayWriteMessages,
    State(doors): State<Doors>,
    place: Option<Extension<Place>>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<SendRequest>,
) -> Result<Kept, Problem> {
    let (patient, request) = parse(request, doors.office(), &caller)?;
    let (message, place) = (request.message, place.map(|Extension(place)| place));
    let asked = Asked { caller: &caller, key, body: &bytes };
    let began = doors.office().clock().now();
    let ahead = decided_ahead(&doors, patient, request.clone()).await;
    if ahead.is_some() {
        told(&doors, place, Step::Decide, message, began);
    }
    let began = doors.office().clock().now();
    let answer = once_with(&doors, asked, move |tx, office, keep| {
        let decided = match still_holding(tx, office, ahead)? {
            Some(decided) => decided,
            None => {
                let request = intake::about(tx, office, patient, request)?;
                intake::decide(tx, office, request)?
            }
        };
        let answer = answer(decided.answer())?;
        // Before the decision, whose audit entry then binds the answer too.
        keep.answer(tx, office, &answer)?;
        intake::store(tx, office, &decided)?;
        Ok(answer)
    })
    .await;
    told(&doors, place, Step::Store, message, began);
    answer
}

/// One step of a request, in its trace; it leads on to the message's own.
fn told(doors: &Doors, place: Option<Place>, step: Step, message: MessageId, began: Timestamp) {
    let clock = doors.office().clock();
    if let Some(place) = place {
        let mut span = Span::under(place, step, clock.new_id(), (began, clock.now()));
        span.link = Some(Place::of_message(message));
        doors.office().traces().tell(span.saying([Say::Message(message)]));
    }
}

/// Decided while the writer does something else, where that is of use. An error here says nothing
/// yet: the transaction that stores meets it again, or not.
async fn decided_ahead(
    doors: &Doors,
    patient: PatientId,
    request: Request,
) -> Option<(Mark, Decided)> {
    let mark = doors.db().mark()?;
    let office = doors.office().clone();
    let decide = move |tx: &mut Tx<'_>| -> Result<Decided, Problem> {
        let request = intake::about(tx, &office, patient, request)?;
        Ok(intake::decide(tx, &office, request)?)
    };
    Some((mark, doors.db().read(decide).await.ok()?))
}

/// What was decided ahead, if nothing it rests on has changed.
fn still_holding(
    tx: &mut Tx<'_>,
    office: &Office,
    ahead: Option<(Mark, Decided)>,
) -> Result<Option<Decided>, Problem> {
    let Some((mark, decided)) = ahead else { return Ok(None) };
    Ok(decided.if_holding(tx, office, mark)?)
}

fn answer(answer: Answer) -> Result<Kept, Problem> {
    let sent = match answer {
        Answer::Accepted { message, clearance, not_before } => Sent {
            id: message.to_string(),
            state: "queued",
            clearance: Some(clearance.to_string()),
            not_before: not_before.map(|at| at.to_string()),
            notice: None,
            because: Vec::new(),
        },
        Answer::Redirected { portal, notice, because } => Sent {
            id: portal.to_string(),
            state: "redirected",
            clearance: None,
            not_before: None,
            notice: Some(notice.to_string()),
            because: because.iter().map(RefusalLine::from).collect(),
        },
        Answer::Refused { message, refusal } => {
            return Kept::problem(&Problem::refused(message, &refusal));
        }
    };
    Kept::new(StatusCode::ACCEPTED, &sent)
}

/// The request, still without what is on file about its patient.
fn parse(
    request: SendRequest,
    office: &Office,
    caller: &Caller,
) -> Result<(PatientId, Request), Problem> {
    let patient: PatientId = request
        .patient
        .parse()
        .map_err(|_| Problem::field("patient", "patient must be the id of a patient."))?;
    let purpose = Purpose::from_word(&request.purpose).ok_or_else(|| {
        Problem::field(
            "purpose",
            "purpose must be treatment, operations, payment, patient_request or marketing.",
        )
    })?;
    let channel = match request.channel.as_deref() {
        None | Some("auto") => Wanted::Auto,
        Some("sms") => Wanted::Channel(Channel::Sms),
        Some("email") => Wanted::Channel(Channel::Email),
        Some("portal") => Wanted::Channel(Channel::Portal),
        Some(_) => {
            return Err(Problem::field("channel", "channel must be auto, sms, email or portal."));
        }
    };
    let language = request
        .language
        .as_deref()
        .map(|word| Language::from_word(word).ok_or(()))
        .transpose()
        .map_err(|()| Problem::field("language", "language must be en or es."))?;
    let appointment: Option<AppointmentId> =
        request.appointment.as_deref().map(str::parse).transpose().map_err(|_| {
            Problem::field("appointment", "appointment must be the id of an appointment.")
        })?;
    let useless_after: Option<Timestamp> =
        request.useless_after.as_deref().map(str::parse).transpose().map_err(|_| {
            Problem::field("useless_after", "useless_after must be like 2027-03-01T14:30:00Z.")
        })?;
    let (kind, words) = match (request.template, request.body) {
        (Some(template), None) => {
            // A test goes to a phone of the practice's own, and never to a patient.
            let known = Kind::from_word(&template).filter(|kind| *kind != Kind::SelfTest);
            let kind = known.ok_or_else(|| {
                Problem::field("template", "template must be a kind such as results_ready.")
            })?;
            if request.subject.is_some() {
                return Err(Problem::field("subject", "a template brings its own subject."));
            }
            let words = request.values.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            let values = Values::from_words(words, &office.profile().timezone)?;
            let values = profile_values(office, values)?;
            (kind, Words::Template { values })
        }
        (None, Some(body)) => {
            if !request.values.is_empty() {
                return Err(Problem::field("values", "values go with a template only."));
            }
            (Kind::FreeText, Words::Typed { subject: request.subject, body })
        }
        _ => return Err(Problem::field("template", "give either template or body, not both.")),
    };
    let request = Request {
        message: MessageId::new(office.clock()),
        patient: None,
        channel,
        to: None,
        kind,
        purpose,
        origin: Origin::Staff,
        words,
        language,
        appointment,
        inbound: None,
        useless_after,
        actor: caller.actor(),
    };
    Ok((patient, request))
}

impl From<ComposeError> for Problem {
    /// The error names the variable or the template, never a value.
    fn from(error: ComposeError) -> Self {
        Self::field("values", format!("{error}."))
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Compose(error) => error.into(),
            IntakeError::NoPatient => Self::field("patient", "patient: no record has this id."),
            IntakeError::NoAppointment => {
                Self::field("appointment", "appointment: this patient has none with this id.")
            }
            IntakeError::Db(error)
            | IntakeError::Facts(FactsError::Db(error))
            | IntakeError::ContactPoint(ContactPointError::Db(error)) => error.into(),
            IntakeError::Audit(error) => error.into(),
            // A month's key is made when its first message comes, and the disk may be full.
            error @ IntakeError::Seal(seal::SealError::Io { .. }) => {
                tracing::error!(error = %error, "intake.failed");
                Self::unavailable()
            }
            error => {
                tracing::error!(error = %error, "intake.failed");
                Self::internal()
            }
        }
    }
}

/// A message and what became of it. Its words are not here: `sotto prove` shows them, and records
/// that it did.
#[derive(Serialize, ToSchema)]
pub struct MessageLine {
    /// Its id.
    id: String,
    /// `refused`, `queued`, `sending`, `sent`, `delivered`, `undelivered`, `failed`, `uncertain`,
    /// `cancelled` or `expired`.
    state: &'static str,
    /// Since when (RFC 3339).
    state_at: String,
    /// The patient's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
    /// `sms`, `email` or `portal`.
    channel: &'static str,
    /// Which kind.
    kind: &'static str,
    /// Why.
    purpose: &'static str,
    /// `en` or `es`.
    language: &'static str,
    /// Name and version of the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// The appointment it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<String>,
    /// The audit entry that cleared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    clearance: Option<String>,
    /// Codes of a refusal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<String>,
    /// When it is to go, or went.
    send_at: String,
    /// When it was asked for.
    created_at: String,
}

impl From<message::Stored> for MessageLine {
    fn from(stored: message::Stored) -> Self {
        Self {
            id: stored.id.to_string(),
            state: stored.state.as_str(),
            state_at: stored.state_at.to_string(),
            patient: stored.patient.map(|id| id.to_string()),
            channel: stored.channel.as_str(),
            kind: stored.kind.as_str(),
            purpose: stored.purpose.as_str(),
            language: stored.language.as_str(),
            template: stored.template.map(|t| format!("{}/{}", t.name, t.version)),
            appointment: stored.appointment.map(|id| id.to_string()),
            clearance: stored.clearance.map(|id| id.to_string()),
            refusals: stored
                .refusals
                .map(|codes| codes.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            send_at: stored.send_at.to_string(),
            created_at: stored.created_at.to_string(),
        }
    }
}

/// `GET /api/v1/messages/{id}`
///
/// # Errors
/// 404.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}", tag = "messages", security(("token" = ["messages:read"])),
    params(("id" = String, Path, description = "The message's id.")),
    responses(
        (status = 200, body = MessageLine), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn show(
    MayReadMessages(caller): MayReadMessages,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<MessageLine>, Problem> {
    let id: MessageId = id.parse().map_err(|_| Problem::not_found("message"))?;
    view(&doors, caller, "message", move |tx, office| {
        let stored = message::find(tx, office.practice(), id)?
            .ok_or_else(|| Problem::not_found("message"))?;
        Ok(Shown { patient: stored.patient, what: MessageLine::from(stored), count: 1 })
    })
    .await
    .map(JsonAnswer)
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// `next` of the page before; none for the first page.
    cursor: Option<String>,
    /// 1 to 200; 50 when not given.
    limit: Option<u32>,
    /// Only messages in this state.
    state: Option<String>,
    /// Only messages about this patient.
    patient: Option<String>,
}

/// `GET /api/v1/messages`
///
/// # Errors
/// 422 naming the parameter that is wrong.
#[utoipa::path(
    get, path = "/api/v1/messages", tag = "messages", security(("token" = ["messages:read"])),
    params(MessageQuery),
    responses(
        (status = 200, body = Listed<MessageLine>), (status = 401, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn list(
    MayReadMessages(caller): MayReadMessages,
    State(doors): State<Doors>,
    Query(query): Query<MessageQuery>,
) -> Result<JsonAnswer<Listed<MessageLine>>, Problem> {
    let page = PageQuery { cursor: query.cursor, limit: query.limit }.parse()?;
    let state = query
        .state
        .as_deref()
        .map(|word| message::State::from_word(word).ok_or(()))
        .transpose()
        .map_err(|()| Problem::field("state", "state must be a state such as delivered."))?;
    let patient: Option<PatientId> = query
        .patient
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| Problem::field("patient", "patient must be the id of a patient."))?;
    let asked = message::Listing {
        state,
        patient,
        before: page.before.map(MessageId),
        limit: page.limit + 1,
    };
    view(&doors, caller, "messages", move |tx, office| {
        let rows = message::list(tx, office.practice(), &asked)?;
        let items = rows.into_iter().map(MessageLine::from).collect();
        let what = Listed::from_one_more(items, page, |line: &MessageLine| line.id.clone());
        Ok(Shown { count: what.items.len(), what, patient })
    })
    .await
    .map(JsonAnswer)
}
