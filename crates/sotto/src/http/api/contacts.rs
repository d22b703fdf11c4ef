//! Numbers and mailboxes that staff write down or take out of use.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use gate::facts::Line;
use gate::{Channel, ContactPointId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::patients::card_of;
use crate::http::Doors;
use crate::http::auth::{MayReadPatients, MayWritePatients};
use crate::http::body::Json;
use crate::http::errors::Problem;
use crate::http::fields::{self, ToldRequest};
use crate::http::idempotency::{Answer, Asked, IdempotencyKey, once};
use crate::http::params::Path;
use crate::http::views::{Shown, view};
use crate::people::addresses::{parse_for, parse_phone};
use crate::people::card::ContactLine;
use crate::people::contacts::{self, NewContact, VERIFIED};

/// A number or mailbox.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactRequest {
    /// `phone` or `email`.
    kind: String,
    /// The number or mailbox.
    address: String,
    /// `mobile`, `landline` or `voip`, where it is known.
    line: Option<String>,
    /// `home`, `work`, `mobile`, `temp` or `old`.
    #[serde(rename = "use")]
    place: Option<String>,
    /// Others read or hear what comes there.
    #[serde(default)]
    shared: bool,
    /// 1 is tried first, which is what is taken when not told.
    rank: Option<u32>,
    /// The id of the caregiver whose it is, when not the patient's own.
    caregiver: Option<String>,
    /// `code`, `portal` or `in_person`; not told: not verified.
    verified_how: Option<String>,
    /// Not used before (RFC 3339).
    valid_from: Option<String>,
    /// Not used from then on (RFC 3339).
    valid_until: Option<String>,
    /// How it was told.
    told: ToldRequest,
}

/// A contact that was written down.
#[derive(Serialize, ToSchema)]
pub struct ContactAdded {
    /// Its id.
    contact: String,
}

/// A contact that is out of use.
#[derive(Serialize, ToSchema)]
pub struct ContactEnded {
    /// Its id.
    contact: String,
    /// Always true.
    ended: bool,
}

/// How the end was told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactEndRequest {
    /// How it was told.
    told: ToldRequest,
}

/// Numbers and mailboxes on file, also those out of use.
#[derive(Serialize, ToSchema)]
pub struct Contacts {
    items: Vec<ContactLine>,
}

/// `GET /api/v1/patients/{id}/contacts`
///
/// # Errors
/// 404 when there is no such patient.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/contacts", tag = "contacts",
    security(("token" = ["patients:read"])),
    params(("id" = String, Path, description = "The patient's id.")),
    responses(
        (status = 200, body = Contacts), (status = 401, body = Problem),
        (status = 404, body = Problem),
    ),
)]
pub async fn list(
    MayReadPatients(caller): MayReadPatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Contacts>, Problem> {
    let id = fields::patient(&id)?;
    view(&doors, caller, "contacts", move |tx, office| {
        let items = card_of(tx, office, id)?.contacts;
        Ok(Shown { count: items.len(), what: Contacts { items }, patient: Some(id) })
    })
    .await
    .map(JsonAnswer)
}

/// `POST /api/v1/patients/{id}/contacts`
///
/// # Errors
/// 409 when the address is on file, 422 naming the field that is wrong.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/contacts", tag = "contacts",
    security(("token" = ["patients:write"])), request_body = ContactRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, body = ContactAdded), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn add(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<ContactRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let (new, told) = parse(request, patient, doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        let contact = contacts::add(tx, office, &actor, &new, &told)?.to_string();
        Answer::new(StatusCode::CREATED, &ContactAdded { contact })
    })
    .await
}

fn parse(
    request: ContactRequest,
    patient: gate::PatientId,
    now: jiff::Timestamp,
) -> Result<(NewContact, crate::people::told::Told), Problem> {
    let wrong = |error: gate::InvalidAddress| Problem::field("address", format!("{error}."));
    let (address, told_by_digits) = match request.kind.as_str() {
        "phone" => {
            let (number, line) = parse_phone(&request.address).map_err(wrong)?;
            (gate::Address::Phone(number), line)
        }
        "email" => (parse_for(Channel::Email, &request.address).map_err(wrong)?, Line::NotALine),
        _ => return Err(Problem::field("kind", "kind must be phone or email.")),
    };
    let line = match (request.line.as_deref(), told_by_digits) {
        (None, line) => line,
        (Some(_), Line::NotALine) => {
            return Err(Problem::field("line", "line goes with a telephone number only."));
        }
        (Some(word), _) => fields::word("line", word, "mobile, landline or voip")?,
    };
    let verified_how = match request.verified_how.as_deref() {
        None => None,
        Some(word) => Some(VERIFIED.into_iter().find(|known| *known == word).ok_or_else(|| {
            Problem::field("verified_how", "verified_how must be code, portal or in_person.")
        })?),
    };
    let caregiver = request
        .caregiver
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|_| Problem::field("caregiver", "caregiver must be the id of a caregiver."))?;
    let place = request
        .place
        .as_deref()
        .map(|word| fields::word("use", word, "home, work, mobile, temp or old"))
        .transpose()?;
    let new = NewContact {
        patient,
        caregiver,
        address,
        line,
        place,
        shared: request.shared,
        rank: request.rank.unwrap_or(1),
        verified_how,
        valid_from: fields::instant("valid_from", request.valid_from)?,
        valid_until: fields::instant("valid_until", request.valid_until)?,
    };
    Ok((new, request.told.parse(now)?))
}

/// `POST /api/v1/patients/{id}/contacts/{contact}/end`: out of use from now on; what waits for it is
/// withdrawn.
///
/// # Errors
/// 404 when this patient has no such contact, 409 when it is out of use.
#[utoipa::path(
    post, path = "/api/v1/patients/{id}/contacts/{contact}/end", tag = "contacts",
    security(("token" = ["patients:write"])), request_body = ContactEndRequest,
    params(
        ("id" = String, Path, description = "The patient's id."),
        ("contact" = String, Path, description = "The contact's id."),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 200, body = ContactEnded), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem),
    ),
)]
pub async fn end(
    MayWritePatients(caller): MayWritePatients,
    State(doors): State<Doors>,
    Path((id, contact)): Path<(String, String)>,
    key: IdempotencyKey,
    Json { value: request, bytes }: Json<ContactEndRequest>,
) -> Result<Answer, Problem> {
    let patient = fields::patient(&id)?;
    let contact: ContactPointId = contact.parse().map_err(|_| Problem::not_found("contact"))?;
    let told = request.told.parse(doors.office().clock().now())?;
    let actor = caller.actor();
    let asked = Asked { caller: &caller, key, body: &bytes };
    once(&doors, asked, move |tx, office| {
        contacts::end(tx, office, &actor, (patient, contact), &told)?;
        let contact = contact.to_string();
        Answer::new(StatusCode::OK, &ContactEnded { contact, ended: true })
    })
    .await
}
