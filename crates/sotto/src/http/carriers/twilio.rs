//! Status callbacks and inbound messages of a Twilio-compatible carrier.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::channels::twilio_webhook::{Form, WebhookError};
use crate::channels::{Carried, CarrierEvent, CarrierEvents, Done, Secret};
use crate::http::Doors;
use crate::http::body::Octets;
use crate::http::errors::Problem;
use crate::live::Live;

/// How its posts are recognised, and where what they say goes.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Our public address as the carrier was told it, without a path: `https://sotto.example.com`.
    pub public_base: String,
    /// The tokens that may sign: the one in force, and while it is being changed the one before.
    pub auth_tokens: Live<Vec<Secret>>,
    /// Whoever stores what carriers tell us.
    pub events: CarrierEvents,
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        tracing::warn!(error = %error, "twilio.post_refused");
        match error {
            WebhookError::Signature => Self::new(
                StatusCode::FORBIDDEN,
                "signature",
                "The signature does not fit",
                error.to_string(),
            ),
            _ => Self::malformed(error.to_string()),
        }
    }
}

/// `POST /carriers/twilio/status`: what became of a message.
pub async fn status(
    State(doors): State<Doors>,
    headers: HeaderMap,
    Octets(body): Octets,
) -> Result<Response, Problem> {
    let (form, webhook) = believed(&doors, "/carriers/twilio/status", &headers, &body)?;
    store(webhook, CarrierEvent::Receipt(form.receipt()?)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /carriers/twilio/inbound`: a person wrote. The answer to them, if there is one, goes
/// through the gate like everything else, so the carrier is told nothing to say.
pub async fn inbound(
    State(doors): State<Doors>,
    headers: HeaderMap,
    Octets(body): Octets,
) -> Result<Response, Problem> {
    let (form, webhook) = believed(&doors, "/carriers/twilio/inbound", &headers, &body)?;
    store(webhook, CarrierEvent::Reply(form.reply()?)).await?;
    let mut response = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".into_response();
    let kind = HeaderValue::from_static("text/xml; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// The form, if the carrier signed it for this address.
fn believed<'d>(
    doors: &'d Doors,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Form, &'d Webhook), Problem> {
    let webhook = doors.twilio().ok_or(Problem::not_found("carrier"))?;
    let signature = headers
        .get("x-twilio-signature")
        .and_then(|value| value.to_str().ok())
        .ok_or(WebhookError::Signature)?;
    let form = Form::parse(body)?;
    let url = format!("{}{path}", webhook.public_base.trim_end_matches('/'));
    let tokens = webhook.auth_tokens.now();
    let believed = tokens.iter().any(|token| form.verify(&url, token, signature).is_ok());
    if !believed {
        return Err(WebhookError::Signature.into());
    }
    Ok((form, webhook))
}

/// Waits until it is stored; otherwise the carrier is told to deliver again.
async fn store(webhook: &Webhook, event: CarrierEvent) -> Result<(), Problem> {
    let (done, stored) = Done::with_receiver();
    let sent = webhook.events.send(Carried { event, done }).await;
    match (sent, stored.await) {
        (Ok(()), Ok(true)) => Ok(()),
        _ => Err(Problem::unavailable()),
    }
}
