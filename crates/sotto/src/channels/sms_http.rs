//! SMS over a Twilio-compatible HTTP API.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gate::{Address, Released};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use thiserror::Error;

use super::transport::{Roots, TlsSetupError};
use super::twilio_webhook::meaning;
use super::{Adapter, AdapterName, Answer, CarrierReceipt, Failure, FailureKind, Handoff, Secret};
use crate::nodes::Lease;

/// Octets of the longest answer read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where the carrier is, who we are there, and where it reports to.
#[derive(Debug, Clone)]
pub struct SmsHttpSettings {
    /// `https://api.twilio.com` or a compatible carrier's; http only for loopback.
    pub base: String,
    /// The account.
    pub account_sid: String,
    /// Its token, which also signs the webhooks.
    pub auth_token: Secret,
    /// The number messages come from, or a messaging service (`MG…`).
    pub from: String,
    /// Our public address for status callbacks, if we have one.
    pub status_callback: Option<String>,
    /// Whom to trust.
    pub roots: Roots,
    /// How long an answer may take.
    pub answer_within: Duration,
}

/// Why the adapter cannot start.
#[derive(Debug, Error)]
pub enum SmsHttpSetupError {
    /// Not an address.
    #[error("sms_http.base: must be an https address such as https://api.twilio.com")]
    Base,
    /// Not an account.
    #[error("sms_http.account_sid: must be letters and digits, as the carrier's console shows it")]
    Account,
    /// TLS.
    #[error("sms_http: {0}")]
    Tls(#[from] TlsSetupError),
    /// The client cannot be made.
    #[error("sms_http: the HTTP client cannot be set up; check the certificate file")]
    Client,
}

/// SMS over HTTP. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SmsHttp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    url: Url,
    settings: SmsHttpSettings,
}

/// What a carrier answers to a message it takes.
#[derive(Deserialize)]
struct Taken {
    sid: String,
}

/// What it shows of a message. Its words and numbers are not read.
#[derive(Deserialize)]
struct Shown {
    sid: String,
    status: String,
    error_code: Option<u32>,
}

/// What it answers to one it refuses. Its words are not read: they may repeat the number.
#[derive(Deserialize)]
struct Refused {
    code: Option<u32>,
}

impl SmsHttp {
    /// Checks the settings and makes the client.
    ///
    /// # Errors
    /// [`SmsHttpSetupError`].
    pub fn new(settings: SmsHttpSettings) -> Result<Self, SmsHttpSetupError> {
        let base = Url::parse(&settings.base).map_err(|_| SmsHttpSetupError::Base)?;
        let loopback = base.host_str().is_some_and(|host| {
            host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
        });
        if base.scheme() != "https" && !(base.scheme() == "http" && loopback) {
            return Err(SmsHttpSetupError::Base);
        }
        let sid = &settings.account_sid;
        if sid.is_empty() || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(SmsHttpSetupError::Account);
        }
        let url = base
            .join(&format!("/2010-04-01/Accounts/{sid}/Messages.json"))
            .map_err(|_| SmsHttpSetupError::Base)?;
        let mut client = Client::builder()
            .redirect(Policy::none())
            .timeout(settings.answer_within)
            .connect_timeout(super::transport::CONNECT_WITHIN)
            .user_agent("sotto");
        if base.scheme() == "https" {
            let config = super::transport::client_config(&settings.roots)?;
            client = client.tls_backend_preconfigured(config);
        }
        let client = client.build().map_err(|_| SmsHttpSetupError::Client)?;
        Ok(Self(Arc::new(Inner { client, url, settings })))
    }

    /// The token that signs the carrier's webhooks.
    #[must_use]
    pub fn auth_token(&self) -> &Secret {
        &self.0.settings.auth_token
    }
}

impl Adapter for SmsHttp {
    fn name(&self) -> AdapterName {
        AdapterName::SmsHttp
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        let Address::Phone(number) = &message.draft().address else {
            return Err(Failure::new(FailureKind::Unsendable));
        };
        let settings = &self.0.settings;
        let sender = if settings.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let mut form = vec![
            ("To", number.reveal()),
            (sender, settings.from.as_str()),
            ("Body", message.content().body.as_str()),
        ];
        if let Some(url) = &settings.status_callback {
            form.push(("StatusCallback", url));
        }
        let request = self.0.client.post(self.0.url.clone());
        let request = request.basic_auth(&settings.account_sid, Some(settings.auth_token.reveal()));
        if !lease.holds() {
            return Err(Failure::new(FailureKind::HeldBack));
        }
        let answer = match request.form(&form).send().await {
            Ok(answer) => answer,
            // Before a connection nothing can have left; after that, anything may have.
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(Failure::new(FailureKind::Unreachable));
            }
            Err(_) => return Err(Failure::new(FailureKind::Uncertain)),
        };
        let status = answer.status();
        let body = bounded(answer).await;
        if status.is_success() {
            // A success that names no message: it was taken, and we cannot follow it.
            let taken = body.and_then(|body| serde_json::from_slice::<Taken>(&body).ok());
            let taken = taken.filter(|taken| !taken.sid.is_empty() && taken.sid.len() <= 64);
            let taken = taken.ok_or(Failure::new(FailureKind::Uncertain))?;
            return Ok(Handoff { parts: vec![taken.sid], transport: None });
        }
        let refused = body.and_then(|body| serde_json::from_slice::<Refused>(&body).ok());
        Err(refusal(status, refused.and_then(|refused| refused.code)))
    }

    /// `GET …/Messages/ID.json`. A state that is none of the known words says nothing.
    async fn ask(&self, sid: &str) -> Answer {
        let settings = &self.0.settings;
        // It becomes part of a path.
        if sid.is_empty() || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Answer::Unknown;
        }
        let path = format!("/2010-04-01/Accounts/{}/Messages/{sid}.json", settings.account_sid);
        let Ok(url) = self.0.url.join(&path) else { return Answer::Nothing };
        let request = self.0.client.get(url);
        let request = request.basic_auth(&settings.account_sid, Some(settings.auth_token.reveal()));
        let Ok(answer) = request.send().await else { return Answer::Nothing };
        match answer.status().as_u16() {
            200..=299 => {}
            404 | 410 => return Answer::Unknown,
            405 | 501 => return Answer::NotSupported,
            _ => return Answer::Nothing,
        }
        let shown = bounded(answer).await;
        let shown = shown.and_then(|body| serde_json::from_slice::<Shown>(&body).ok());
        let shown = shown.filter(|shown| shown.sid == sid);
        let said = shown.and_then(|shown| meaning(&shown.status, shown.error_code));
        said.map_or(Answer::Nothing, |(status, failure)| {
            Answer::Says(CarrierReceipt {
                adapter: AdapterName::SmsHttp,
                carrier_id: sid.to_owned(),
                to: None,
                status,
                failure,
                occurred_at: None,
            })
        })
    }
}

fn refusal(status: StatusCode, code: Option<u32>) -> Failure {
    if let Some(code) = code {
        return Failure::coded(FailureKind::from_twilio(code), &code.to_string());
    }
    let kind = match status.as_u16() {
        401 | 403 | 404 => FailureKind::Misconfigured,
        429 => FailureKind::Throttled,
        503 => FailureKind::Temporary,
        // A gateway in the middle gave up: the carrier behind it may have taken the message.
        500..=599 => FailureKind::Uncertain,
        _ => FailureKind::Rejected,
    };
    Failure::coded(kind, status.as_str())
}

/// The answer's body, if it is not too long.
async fn bounded(mut answer: reqwest::Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_by_code_and_by_status() {
        use FailureKind::*;
        for (status, code, kind) in [
            (400, Some(21610), OptedOut),
            (400, Some(21211), BadAddress),
            (429, Some(20429), Throttled),
            (429, None, Throttled),
            (401, None, Misconfigured),
            (503, None, Temporary),
            (502, None, Uncertain),
            (400, None, Rejected),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(refusal(status, code).kind, kind, "{status} {code:?}");
        }
    }

    #[test]
    fn plain_http_only_to_this_machine() {
        let settings = |base: &str| SmsHttpSettings {
            base: base.into(),
            account_sid: "AC0".into(),
            auth_token: Secret::new("t".into()),
            from: "+12125550100".into(),
            status_callback: None,
            roots: Roots::Machine,
            answer_within: Duration::from_secs(1),
        };
        for base in [
            "http://carrier.example",
            "ftp://127.0.0.1",
            "carrier",
            "http://localhost.evil.example",
        ] {
            assert!(matches!(SmsHttp::new(settings(base)), Err(SmsHttpSetupError::Base)), "{base}");
        }
        let odd = SmsHttpSettings { account_sid: "../x".into(), ..settings("http://127.0.0.1:1") };
        assert!(matches!(SmsHttp::new(odd), Err(SmsHttpSetupError::Account)));
    }
}
