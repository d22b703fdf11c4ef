//! SMS over SMPP 3.4.

use std::time::Duration;

use gate::{Address, Released};
use smpp::backoff::Backoff;
use smpp::{MessageIdForm, ReceiptState, ShortMessage, Status};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::observe::metrics::Link;

use super::smpp_connection::Connection;
use super::smpp_inbound::{Dialect, Inbound, meaning};
use super::smpp_jobs::{Query, Submit};
use super::transport::{Endpoint, Roots, Tls, TlsSetupError};
use super::{
    Adapter, AdapterName, Answer, CarrierCodes, CarrierEvents, CarrierReceipt, Failure,
    FailureKind, Handoff, Jitter,
};
use crate::nodes::{Lease, Standing};

/// Where the carrier is, who we are there, and how it writes things.
#[derive(Debug, Clone)]
pub struct SmppSettings {
    /// The carrier's SMSC.
    pub endpoint: Endpoint,
    /// TLS from the first octet, or none for a line that is protected otherwise (VPN, loopback).
    pub tls: Option<Roots>,
    /// Our account.
    pub bind: smpp::Bind,
    /// The number or name messages come from.
    pub sender: smpp::Address,
    /// Window and time limits.
    pub session: smpp::Settings,
    /// Waits between attempts to connect.
    pub backoff: Backoff,
    /// How the carrier writes message ids.
    pub id_form: MessageIdForm,
    /// What the carrier's own codes mean.
    pub codes: CarrierCodes,
    /// How long a released message may wait for a connection and the window. Short: the gate's
    /// permit is for now.
    pub wait: Duration,
    /// How long the parts of a long reply may come after each other.
    pub parts_within: Duration,
    /// Of national numbers in replies.
    pub country_code: String,
}

impl SmppSettings {
    /// With the usual limits.
    #[must_use]
    pub fn new(endpoint: Endpoint, bind: smpp::Bind, sender: smpp::Address) -> Self {
        Self {
            endpoint,
            tls: None,
            bind,
            sender,
            session: smpp::Settings::default(),
            backoff: Backoff::default(),
            id_form: MessageIdForm::default(),
            codes: CarrierCodes::default(),
            wait: Duration::from_secs(20),
            parts_within: Duration::from_secs(5),
            country_code: "1".into(),
        }
    }
}

/// Why the adapter cannot start.
#[derive(Debug, Error)]
pub enum SmppSetupError {
    /// TLS.
    #[error("sms_smpp: {0}")]
    Tls(#[from] TlsSetupError),
    /// The account does not fit the protocol.
    #[error("sms_smpp: {0}")]
    Bind(#[from] smpp::Unwritable),
}

/// SMS over one SMPP session, kept open by a task of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SmsSmpp {
    submits: mpsc::Sender<Submit>,
    queries: mpsc::Sender<Query>,
    sender: smpp::Address,
    link: Link,
    /// Of a question: it waits for a connection that has nothing to send, then for the carrier.
    answer_within: Duration,
}

impl SmsSmpp {
    /// Starts the task that owns the connection: it binds while this node holds one of the binds
    /// that the carrier allows all nodes together. It ends, after unbinding, when every clone of
    /// the adapter is gone.
    ///
    /// # Errors
    /// [`SmppSetupError`], for settings that could never work.
    pub fn start(
        settings: SmppSettings,
        events: CarrierEvents,
        jitter: Jitter,
        standing: Standing,
    ) -> Result<(Self, JoinHandle<()>), SmppSetupError> {
        let tls = settings.tls.as_ref().map(|roots| Tls::new(&settings.endpoint.host, roots));
        let tls = tls.transpose()?;
        // Asked now, so that a password too long for the protocol stops the start.
        smpp::Esme::connect(&settings.bind, settings.session, Duration::ZERO)?;
        let (submits, queue) = mpsc::channel(64);
        let (queries, asked) = mpsc::channel(1);
        let answer_within = settings.wait + settings.session.answer_within;
        let sender = settings.sender.clone();
        let dialect = Dialect {
            id_form: settings.id_form,
            codes: settings.codes.clone(),
            country_code: settings.country_code.clone(),
            parts_within: settings.parts_within,
        };
        // Not the node's own: a reload makes a second connection within its run.
        let run = standing.fresh().0.simple().to_string();
        let inbound = Inbound::new(dialect, run);
        let link = Link::default();
        let wires = ((queue, asked), (events, link.clone()));
        let connection = Connection::new((settings, tls), wires, inbound, standing);
        let task = tokio::spawn(connection.run(jitter));
        Ok((Self { submits, queries, sender, link, answer_within }, task))
    }

    /// The short messages of a released message.
    fn parts(&self, message: &Released<'_>) -> Result<Vec<ShortMessage>, Failure> {
        let unsendable = || Failure::new(FailureKind::Unsendable);
        let draft = message.draft();
        let Address::Phone(number) = &draft.address else { return Err(unsendable()) };
        let to = smpp::Address::parse(number.reveal()).map_err(|_| unsendable())?;
        // Ids end in random bits: messages of one moment have different references.
        let reference = draft.message.0.as_bytes().last().copied().unwrap_or(0);
        let segments = smpp::split(&message.content().body, reference)
            .map_err(|_| Failure::new(FailureKind::TooLong))?;
        let submit = |segment| ShortMessage::submit(self.sender.clone(), to.clone(), segment, true);
        Ok(segments.into_iter().map(submit).collect())
    }
}

/// The answer to a query, as the receipt that did not come.
fn stated(carrier_id: &str, state: ReceiptState, error: u8) -> CarrierReceipt {
    let (status, failure) = meaning(state);
    CarrierReceipt {
        adapter: AdapterName::SmsSmpp,
        carrier_id: carrier_id.to_owned(),
        to: None,
        status,
        failure: failure.map(|kind| Failure::coded(kind, &error.to_string())),
        occurred_at: None,
    }
}

impl Adapter for SmsSmpp {
    fn name(&self) -> AdapterName {
        AdapterName::SmsSmpp
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        let parts = self.parts(&message)?;
        let (answer, answered) = oneshot::channel();
        let (message, lease) = (message.draft().message, lease.clone());
        let submit = Submit { message, parts, lease, answer };
        if self.submits.send(submit).await.is_err() {
            return Err(Failure::new(FailureKind::Unreachable));
        }
        // The task died with the message in its hands: whether it had left is not known.
        answered.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Uncertain)))
    }

    fn link(&self) -> Option<Link> {
        Some(self.link.clone())
    }

    /// query_sm (SMPP 3.4 §4.8). Ids are kept in lower case: a carrier that writes them in capitals
    /// is asked again in its own spelling.
    async fn ask(&self, carrier_id: &str) -> Answer {
        let capitals = carrier_id.to_ascii_uppercase();
        let mut spellings = vec![carrier_id];
        spellings.extend((capitals != carrier_id).then_some(capitals.as_str()));
        for id in spellings {
            let (answer, answered) = oneshot::channel();
            let query = Query { id: id.to_owned(), source: self.sender.clone(), answer };
            let asked = async {
                self.queries.send(query).await.ok()?;
                answered.await.ok()
            };
            match timeout(self.answer_within, asked).await.ok().flatten() {
                Some(Ok((state, error))) => return Answer::Says(stated(carrier_id, state, error)),
                Some(Err(Status::INVALID_MESSAGE_ID | Status::QUERY_FAILED)) => {}
                Some(Err(Status::INVALID_COMMAND_ID)) => return Answer::NotSupported,
                Some(Err(_)) | None => return Answer::Nothing,
            }
        }
        Answer::Unknown
    }
}
