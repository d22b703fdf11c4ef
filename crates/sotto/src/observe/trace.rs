//! Traces for OpenTelemetry: which steps a message took, when, and how they ended.
//!
//! What a span may say is the closed list [`Say`]: our own ids, words of this program, numbers. There
//! is no way to give it a text. Spans are made here and by no library of others.
//!
//! A request is a span of its caller's trace, if the caller sent a `traceparent` (W3C Trace Context
//! level 1); `decide` and `store` are its children. A message outlives its request, also a restart,
//! so its later steps are a trace of their own, whose id is the message's: whoever knows the message
//! finds its trace. The span `message`, which begins it, links to the request that asked for it.
//!
//! Nothing waits for the collector: what it does not take in time is dropped, and counted by the
//! library. A crash loses the spans of the last seconds and nothing else.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::extract::MatchedPath;
use gate::{Channel, Kind, MessageId};
use jiff::Timestamp;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanProcessor as _};
use uuid::Uuid;

use crate::channels::AdapterName;
use crate::channels::transport::{Roots, client_config};

/// How long a collector may take for a batch.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long the last spans may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Not an address.
    #[error("must begin with https:// (http:// only to this machine or a private network's)")]
    Endpoint,
    /// No client can be made.
    #[error("no client can be made for the collector; check the machine's certificates")]
    Client,
}

/// The steps that are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A request is answered.
    Request,
    /// The gate is asked.
    Decide,
    /// The decision is stored.
    Store,
    /// A message: from its acceptance until it is stored. The root of its own trace.
    Message,
    /// It waits in the outbox, from when it is due until it is taken.
    Claim,
    /// It is handed over, and the carrier answers.
    HandOver,
    /// A receipt is stored.
    Receipt,
}

impl Step {
    /// Its name in a trace.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Decide => "decide",
            Self::Store => "store",
            Self::Message => "message",
            Self::Claim => "claim",
            Self::HandOver => "hand_over",
            Self::Receipt => "receipt",
        }
    }

    const fn kind(self) -> SpanKind {
        match self {
            Self::Request => SpanKind::Server,
            Self::HandOver => SpanKind::Client,
            Self::Decide | Self::Store | Self::Message | Self::Claim | Self::Receipt => {
                SpanKind::Internal
            }
        }
    }
}

/// What a span may say. Add a kind of thing here, never a free text.
#[derive(Debug, Clone)]
pub enum Say {
    /// The pattern the router matched; only the router makes one.
    Route(MatchedPath),
    /// A method of ours.
    Method(&'static str),
    /// The answer's status.
    Status(u16),
    /// The request's id.
    RequestId(Uuid),
    /// A message.
    Message(MessageId),
    /// By which channel.
    Channel(Channel),
    /// Which of the kinds of messages.
    Kind(Kind),
    /// Through which adapter.
    Adapter(AdapterName),
    /// Which attempt, from 1.
    Attempt(u32),
    /// A word of this program: an outcome, a failure, a receipt's status.
    Outcome(&'static str),
    /// How many reasons the gate had against it.
    Refusals(usize),
}

impl Say {
    fn key_value(self) -> KeyValue {
        match self {
            Self::Route(route) => KeyValue::new("http.route", route.as_str().to_owned()),
            Self::Method(word) => KeyValue::new("http.request.method", word),
            Self::Status(status) => KeyValue::new("http.response.status_code", i64::from(status)),
            Self::RequestId(id) => KeyValue::new("sotto.request", id.to_string()),
            Self::Message(id) => KeyValue::new("sotto.message", id.to_string()),
            Self::Channel(channel) => KeyValue::new("sotto.channel", channel.as_str()),
            Self::Kind(kind) => KeyValue::new("sotto.kind", kind.as_str()),
            Self::Adapter(adapter) => KeyValue::new("sotto.adapter", adapter.as_str()),
            Self::Attempt(number) => KeyValue::new("sotto.attempt", i64::from(number)),
            Self::Outcome(word) => KeyValue::new("sotto.outcome", word),
            Self::Refusals(count) => {
                KeyValue::new("sotto.refusals", i64::try_from(count).unwrap_or(i64::MAX))
            }
        }
    }
}

/// A place in a trace, to hang spans from. Holds ids alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    trace: TraceId,
    span: SpanId,
}

impl Place {
    /// Where a message's own trace begins. The same at every node and after every restart.
    #[must_use]
    pub fn of_message(message: MessageId) -> Self {
        let id = message.0.into_bytes();
        Self { trace: TraceId::from_bytes(id), span: SpanId::from_bytes(tail(id)) }
    }

    /// A caller's place, from the header `traceparent`: version, trace, span, flags, in hexadecimal.
    #[must_use]
    pub fn of_caller(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hexadecimal = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let whole = hexadecimal(version, 2)
            && version != "ff"
            && hexadecimal(trace, 32)
            && hexadecimal(span, 16)
            && hexadecimal(flags, 2)
            && (version != "00" || parts.next().is_none());
        let place =
            Self { trace: TraceId::from_hex(trace).ok()?, span: SpanId::from_hex(span).ok()? };
        let named = place.trace != TraceId::INVALID && place.span != SpanId::INVALID;
        (whole && named).then_some(place)
    }

    fn context(self, remote: bool) -> SpanContext {
        SpanContext::new(self.trace, self.span, TraceFlags::SAMPLED, remote, Default::default())
    }
}

/// The half of a UUID v7 that is random.
fn tail(id: [u8; 16]) -> [u8; 8] {
    let [.., a, b, c, d, e, f, g, h] = id;
    [a, b, c, d, e, f, g, h]
}

/// A step that is over.
#[derive(Debug, Clone)]
pub struct Span {
    /// Which step.
    pub step: Step,
    /// Where it hangs; none for the first of a trace.
    pub parent: Option<Place>,
    /// Where it is itself.
    pub place: Place,
    /// The place elsewhere that it comes from.
    pub link: Option<Place>,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
    /// Whether it failed through a fault of ours or a carrier's.
    pub failed: bool,
    /// What there is to say of it.
    pub says: Vec<Say>,
}

impl Span {
    /// A step under another, at a place of its own drawn from a fresh id.
    #[must_use]
    pub fn under(
        parent: Place,
        step: Step,
        id: Uuid,
        (from, until): (Timestamp, Timestamp),
    ) -> Self {
        let place = Place { trace: parent.trace, span: SpanId::from_bytes(tail(id.into_bytes())) };
        Self {
            step,
            parent: Some(parent),
            place,
            link: None,
            from,
            until,
            failed: false,
            says: Vec::new(),
        }
    }

    /// The first step of a trace that is named after `id`.
    #[must_use]
    pub fn first(step: Step, id: Uuid, (from, until): (Timestamp, Timestamp)) -> Self {
        let place = Place::of_message(MessageId(id));
        Self { step, parent: None, place, link: None, from, until, failed: false, says: Vec::new() }
    }

    /// The same, saying this too.
    #[must_use]
    pub fn saying(mut self, says: impl IntoIterator<Item = Say>) -> Self {
        self.says.extend(says);
        self
    }
}

/// Where spans go; nowhere, where no collector is named.
pub struct Traces(Option<BatchSpanProcessor>);

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Traces")
    }
}

impl Traces {
    /// Nobody wants to know.
    #[must_use]
    pub const fn nowhere() -> Self {
        Self(None)
    }

    /// To a collector that speaks OTLP over HTTP at this address (`…/v1/traces`). Call it on a
    /// runtime, which carries the sending.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn to(endpoint: &str) -> Result<Self, TraceError> {
        let url = reqwest::Url::parse(endpoint).map_err(|_| TraceError::Endpoint)?;
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .user_agent("sotto");
        match url.scheme() {
            "https" => {
                let config = client_config(&Roots::Machine).map_err(|_| TraceError::Client)?;
                client = client.tls_backend_preconfigured(config);
            }
            // Spans hold no PHI; still they cross no network of others in the clear.
            "http" if is_near(&url) => {}
            _ => return Err(TraceError::Endpoint),
        }
        let client = client.build().map_err(|_| TraceError::Client)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { client, runtime: tokio::runtime::Handle::current() })
            .with_endpoint(endpoint)
            .with_timeout(ANSWER_WITHIN)
            .build()
            .map_err(|_| TraceError::Endpoint)?;
        let mut batches = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "sotto"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        batches.set_resource(&resource);
        Ok(Self(Some(batches)))
    }

    /// Whether anybody wants to know.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of a step. Never waits.
    pub fn tell(&self, span: Span) {
        let Some(batches) = &self.0 else { return };
        let mut data = SpanData {
            span_context: span.place.context(false),
            parent_span_id: span.parent.map_or(SpanId::INVALID, |parent| parent.span),
            parent_span_is_remote: span.step == Step::Request && span.parent.is_some(),
            span_kind: span.step.kind(),
            name: span.step.as_str().into(),
            start_time: SystemTime::from(span.from),
            end_time: SystemTime::from(span.until.max(span.from)),
            attributes: span.says.into_iter().map(Say::key_value).collect(),
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: if span.failed { Status::error("") } else { Status::Unset },
            instrumentation_scope: InstrumentationScope::builder("sotto").build(),
        };
        if let Some(link) = span.link {
            data.links.links.push(Link::with_context(link.context(true)));
        }
        batches.on_end(data);
    }

    /// Sends what is left, for a moment at most.
    pub fn close(&self) {
        if let Some(batches) = &self.0
            && batches.shutdown_with_timeout(FAREWELL).is_err()
        {
            tracing::warn!("traces.not_all_sent");
        }
    }
}

/// This machine, or an address that no public network routes.
fn is_near(url: &reqwest::Url) -> bool {
    use std::net::IpAddr;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

/// Our own HTTP client, on our own runtime: the library's thread has none.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request.try_into()?).await?;
            let status = answer.status();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            Ok::<_, HttpError>(response)
        });
        sent.await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_place_is_taken_where_it_is_one() {
        let right = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let place = Place::of_caller(right).unwrap();
        assert_eq!(place.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(place.span.to_string(), "00f067aa0ba902b7");
        assert!(Place::of_caller(&right.replacen("00", "cc", 1)).is_some(), "a later version");
        for wrong in [
            "",
            "Maria has HIV",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Place::of_caller(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_messages_trace_is_found_by_its_id() {
        let id: Uuid = "0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01".parse().unwrap();
        let place = Place::of_message(MessageId(id));
        assert_eq!(place.trace.to_string(), id.simple().to_string());
    }

    #[tokio::test]
    async fn spans_go_to_a_collector_of_ones_own() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        for near in ["http://127.0.0.1:4318/v1/traces", "http://10.1.2.3:4318/v1/traces"] {
            assert!(Traces::to(near).is_ok(), "{near}");
        }
        for wrong in ["http://collector.example.com/v1/traces", "ftp://127.0.0.1/", "collector"] {
            assert!(Traces::to(wrong).is_err(), "{wrong}");
        }
    }
}
