//! From the gate's permit to the wire, and back from the wire as events.
//!
//! An adapter only translates: it takes a [`gate::Released`] message, speaks the carrier's
//! protocol and answers with a [`Handoff`] or a [`Failure`] from the closed list. Retries,
//! duplicates, state and audit live once, in `outbox/` and `receipts.rs`. What carriers tell us
//! comes back as [`CarrierEvent`]s, and a carrier is answered only after the event is stored.
//!
//! | file | what |
//! |---|---|
//! | `failure.rs` | the closed list of failures, retry as data |
//! | `carrier_event.rs` | receipts and replies, and the duty to store them first |
//! | `sms_smpp.rs`, `smpp_connection.rs` | SMPP 3.4 |
//! | `email_smtp.rs`, `email_message.rs`, `smtp_session.rs` | mail out |
//! | `inbound_smtp.rs`, `bounce.rs` | bounces in |
//! | `loopback.rs` | the self-test's way back before the wire |
//! | `sms_http.rs`, `twilio_webhook.rs` | Twilio-compatible HTTP |

use std::fmt;
use std::sync::Arc;

use gate::Released;

use crate::live::Live;
use crate::observe::metrics::Link;

use crate::nodes::Lease;

pub mod failure;
pub mod loopback;

pub mod carrier_event;
pub mod header_text;
pub mod opaque_id;
pub mod transport;

mod smpp_connection;
mod smpp_inbound;
mod smpp_jobs;
pub mod smpp_probe;
pub mod sms_smpp;

pub mod email_message;
pub mod email_smtp;
mod smtp_session;

pub mod bounce;
pub mod inbound_smtp;

pub mod sms_http;
pub mod twilio_webhook;

pub use carrier_event::{
    Answer, Carried, CarrierEvent, CarrierEvents, CarrierReceipt, Done, ReceiptStatus, Reply,
    Unnamed,
};
pub use email_smtp::EmailSmtp;
pub use failure::{CarrierCodes, Effect, Failure, FailureKind, retry_after};
pub use header_text::HeaderText;
pub use loopback::Loopback;
pub use opaque_id::OpaqueIds;
pub use sms_http::SmsHttp;
pub use sms_smpp::SmsSmpp;
pub use transport::TransportFacts;

/// The adapters there are: the words of the `adapter` columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AdapterName {
    /// SMS over SMPP 3.4.
    SmsSmpp,
    /// SMS over a Twilio-compatible HTTP API.
    SmsHttp,
    /// Email over SMTP.
    EmailSmtp,
    /// The portal, which is this program: what its row holds has arrived.
    Portal,
    /// The way back before the wire, for the self-test.
    Loopback,
}

impl AdapterName {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::SmsSmpp, Self::SmsHttp, Self::EmailSmtp, Self::Portal, Self::Loopback];

    /// The word in rows and settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SmsSmpp => "sms_smpp",
            Self::SmsHttp => "sms_http",
            Self::EmailSmtp => "email_smtp",
            Self::Portal => "portal",
            Self::Loopback => "loopback",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == word)
    }
}

/// The carrier has the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// The carrier's id of each part, in order; one for everything but long texts. In one form,
    /// however the carrier writes it in receipts.
    pub parts: Vec<String>,
    /// How the wire was protected, where the adapter opens one connection a delivery.
    pub transport: Option<TransportFacts>,
}

/// Puts one released message on the wire.
pub trait Adapter {
    /// Which adapter this is.
    fn name(&self) -> AdapterName;

    /// Hands the message to the carrier and waits for its answer. What waits here asks in the last
    /// moment before the wire whether the lease it was claimed under still holds.
    ///
    /// # Errors
    /// A [`Failure`] of the closed list; [`FailureKind::Uncertain`] when the message left and no
    /// answer came.
    fn send(
        &self,
        message: Released<'_>,
        lease: &Lease,
    ) -> impl Future<Output = Result<Handoff, Failure>> + Send;

    /// The connection it keeps open, if it is of that kind.
    fn link(&self) -> Option<Link> {
        None
    }

    /// Asks the carrier what became of a part that it took, by its id. No message waits for it.
    fn ask(&self, _carrier_id: &str) -> impl Future<Output = Answer> + Send {
        std::future::ready(Answer::NotSupported)
    }
}

/// One of the adapters. A match instead of a `dyn`: they are known when this is compiled.
#[derive(Debug)]
pub enum AnyAdapter {
    /// SMS over SMPP.
    SmsSmpp(SmsSmpp),
    /// SMS over HTTP.
    SmsHttp(SmsHttp),
    /// Email.
    EmailSmtp(EmailSmtp),
    /// The self-test's way back.
    Loopback(Loopback),
}

impl Adapter for AnyAdapter {
    fn name(&self) -> AdapterName {
        match self {
            Self::SmsSmpp(adapter) => adapter.name(),
            Self::SmsHttp(adapter) => adapter.name(),
            Self::EmailSmtp(adapter) => adapter.name(),
            Self::Loopback(adapter) => adapter.name(),
        }
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        match self {
            Self::SmsSmpp(adapter) => adapter.send(message, lease).await,
            Self::SmsHttp(adapter) => adapter.send(message, lease).await,
            Self::EmailSmtp(adapter) => adapter.send(message, lease).await,
            Self::Loopback(adapter) => adapter.send(message, lease).await,
        }
    }

    fn link(&self) -> Option<Link> {
        match self {
            Self::SmsSmpp(adapter) => adapter.link(),
            Self::SmsHttp(adapter) => adapter.link(),
            Self::EmailSmtp(adapter) => adapter.link(),
            Self::Loopback(adapter) => adapter.link(),
        }
    }

    async fn ask(&self, carrier_id: &str) -> Answer {
        match self {
            Self::SmsSmpp(adapter) => adapter.ask(carrier_id).await,
            Self::SmsHttp(adapter) => adapter.ask(carrier_id).await,
            Self::EmailSmtp(adapter) => adapter.ask(carrier_id).await,
            Self::Loopback(adapter) => adapter.ask(carrier_id).await,
        }
    }
}

/// An adapter that is replaced while the program runs. What the old one has in its hands it
/// finishes; when the last of that is done it lets its connection go.
impl Adapter for Live<AnyAdapter> {
    fn name(&self) -> AdapterName {
        self.now().name()
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        self.now().send(message, lease).await
    }

    fn link(&self) -> Option<Link> {
        self.now().link()
    }

    async fn ask(&self, carrier_id: &str) -> Answer {
        self.now().ask(carrier_id).await
    }
}

/// The time, asked for where a wire format demands it (a mail's `Date`).
pub type Now = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// A number from 0 to 1, asked for where waits must not come in step.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// A password or token in memory. No `Display`, a redacting `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes it over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Opens it, to put it on the wire.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
