//! The carrier twin: a simulated world of carriers, mailboxes and patients that production code
//! talks to over sockets, for the demo, training and tests. Everything listens on 127.0.0.1, and
//! nothing leaves the machine.
//!
//! Read in this order:
//!
//! 1. [`Twin`], here: starting a world and asking it things.
//! 2. `smsc`, `mail`, `http_carrier`: its doors.
//! 3. [`Faults`]: what goes wrong, by script or by chance.
//! 4. [`Persona`]: who lives at the other end, and how they answer.
//! 5. [`Record`]: what the world saw, in its own words, and the invariants asked of it.
//!
//! ```no_run
//! # async fn demo() -> Result<(), twin::TwinError> {
//! use twin::{Channel, Fault, SmppConfig, Twin, TwinConfig};
//!
//! let twin = Twin::start(TwinConfig {
//!     smpp: Some(SmppConfig::default()),
//!     ..TwinConfig::default()
//! })
//! .await?;
//! twin.faults().next(Channel::Sms, Fault::DropBeforeAnswer);
//! // … let the program under test send to `twin.smpp_address()` …
//! twin.until(|record| record.counts.texts == 1).await;
//! assert!(twin.record().sent_after_stop(Default::default()).is_empty());
//! twin.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod certs;
mod chance;
mod courier;
mod delivery_file;
mod faults;
mod http_carrier;
mod journal;
mod lines;
mod mail;
mod number;
mod patients;
mod phrases;
mod plan;
mod record;
mod recorder;
mod smsc;
#[cfg(test)]
mod tests;
mod world;
mod world_clock;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use certs::{Authority, CertError, Shown};
pub use faults::{Channel, Fault, Faults, NotDelivered, When};
pub use http_carrier::HttpConfig;
pub use http_carrier::webhook::signature as webhook_signature;
pub use journal::RecordError;
pub use mail::{MailConfig, MailError};
pub use patients::{Behaviour, Language, Line, Persona, ReplyKind};
pub use record::{
    AfterStop, Block, Bounce, Breach, Click, Counts, DeliveryState, Mail, Outcome, Receipt, Record,
    Reply, Text, TlsFacts,
};
pub use recorder::Keep;
pub use smsc::{Arrival, MessageIds, OnSubmit, Queries, ReceiptForm, SmppConfig, SmscError};
pub use world_clock::WorldClock;

use courier::Courier;
use mail::{MailAddresses, MailServer};
use plan::{Plan, ReceiptDue, ReplyDue, What};
use recorder::Recorder;
use smsc::{Hub, SmscServer};
use world::World;

/// What kind of world to start. The default has no doors: name those that are wanted.
#[derive(Debug, Clone, Default)]
pub struct TwinConfig {
    /// Same seed, same people, same chance.
    pub seed: u64,
    /// The world's time and its speed.
    pub clock: WorldClock,
    /// The SMSC.
    pub smpp: Option<SmppConfig>,
    /// The mail server.
    pub mail: Option<MailConfig>,
    /// The HTTP carrier.
    pub http: Option<HttpConfig>,
    /// Who lives there.
    pub patients: Vec<Persona>,
    /// How much is remembered.
    pub keep: Keep,
    /// A JSON-lines file for the record, so that the next start goes on from here.
    pub record_file: Option<PathBuf>,
}

/// Why a world did not start.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// The record's file.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The authority.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// The SMSC.
    #[error(transparent)]
    Smsc(#[from] SmscError),
    /// The mail server.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The HTTP carrier.
    #[error("twin HTTP carrier: {0}; choose another port, or 0 for any")]
    Http(#[source] std::io::Error),
    /// The client for callbacks.
    #[error("twin HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A running world. Dropping it stops it; [`Twin::shutdown`] also waits for that.
pub struct Twin {
    world: Arc<World>,
    authority: Authority,
    smsc: Option<(Arc<SmscServer>, SocketAddr)>,
    mail: Option<MailAddresses>,
    http: Option<SocketAddr>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Twin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twin")
            .field("smpp", &self.smpp_address())
            .field("mail", &self.mail)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Twin {
    /// Starts a world and opens its doors.
    pub async fn start(config: TwinConfig) -> Result<Self, TwinError> {
        // Whoever installed a provider first has chosen; any will do here.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (recorder, left) = Recorder::open(config.keep, config.record_file.as_deref())?;
        let world = World::new(config.seed, config.clock, recorder, left, config.patients);
        let world = Arc::new(world);
        if let Some(http) = &config.http {
            let webhook = http.inbound_webhook.clone();
            world.change_outward(|outward| outward.inbound_webhook = webhook);
        }
        let authority = Authority::new()?;
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let life = || (cancel.clone(), tasks.clone());
        let hub = Arc::new(Hub::default());
        let courier = Arc::new(Courier::new(Arc::clone(&world), config.http.clone())?);
        let mut twin = Self {
            world: Arc::clone(&world),
            authority,
            smsc: None,
            mail: None,
            http: None,
            cancel: cancel.clone(),
            tasks: tasks.clone(),
        };
        if let Some(smpp) = config.smpp {
            let (world, hub) = (Arc::clone(&world), Arc::clone(&hub));
            let started = SmscServer::start(smpp, world, hub, &twin.authority, life()).await?;
            twin.smsc = Some(started);
        }
        if let Some(mail) = config.mail {
            let world = Arc::clone(&world);
            let started = MailServer::start(mail, world, &twin.authority, life()).await?;
            twin.mail = Some(started);
        }
        if let Some(http) = config.http {
            let (world, courier) = (Arc::clone(&world), Arc::clone(&courier));
            let started = http_carrier::start(http, world, courier, life()).await;
            twin.http = Some(started.map_err(TwinError::Http)?);
        }
        let (errands, inbox) = mpsc::unbounded_channel();
        tasks.spawn(courier.run(inbox, life()));
        tasks.spawn(async move { cancel.run_until_cancelled(turn(world, hub, errands)).await });
        Ok(twin)
    }

    /// Where the SMSC listens.
    pub fn smpp_address(&self) -> Option<SocketAddr> {
        self.smsc.as_ref().map(|(_, address)| *address)
    }

    /// Where the mail server listens for SMTP with STARTTLS.
    pub fn mail_address(&self) -> Option<SocketAddr> {
        self.mail.map(|mail| mail.starttls)
    }

    /// Where the mail server listens for SMTP in TLS from the first byte.
    pub fn mail_tls_address(&self) -> Option<SocketAddr> {
        self.mail.and_then(|mail| mail.tls)
    }

    /// Where the HTTP carrier listens.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// The authority that signed the servers' certificates: for clients to trust.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The script of faults.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// The world's clock.
    pub fn clock(&self) -> &WorldClock {
        &self.world.clock
    }

    /// A copy of everything the world knows; [`Twin::look`] is cheaper for a question.
    pub fn record(&self) -> Record {
        self.look(Clone::clone)
    }

    /// Asks the record something in place. The world waits meanwhile: be quick.
    pub fn look<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        self.world.recorder.look(look)
    }

    /// Waits until the record satisfies this.
    pub async fn until(&self, condition: impl Fn(&Record) -> bool) {
        self.world.recorder.until(condition).await;
    }

    /// A carrier's list of the texts it took and of what became of them (CSV).
    pub fn delivery_file(&self, channel: Channel) -> String {
        let ids = self.smsc.as_ref().map(|(smsc, _)| smsc.config.ids);
        self.look(|record| {
            delivery_file::of(record, channel, |id| match (channel, ids) {
                (Channel::Sms, Some(ids)) => ids.receipt_of_answer(id),
                _ => Some(id.to_owned()),
            })
        })
    }

    /// How many receipts, replies and bounces are still to come.
    pub fn pending(&self) -> usize {
        self.world.plans.len()
    }

    /// A person moves in, or changes.
    pub fn settle(&self, persona: Persona) {
        self.world.settle(persona);
    }

    /// A patient texts the practice, of their own accord, now.
    pub fn say(&self, channel: Channel, from: &str, to: &str, text: &str, kind: ReplyKind) {
        let reply = ReplyDue {
            channel,
            from: from.to_owned(),
            to: to.to_owned(),
            text: text.to_owned(),
            kind,
        };
        self.world.plan(self.world.clock.now(), jiff::SignedDuration::ZERO, What::Reply(reply));
    }

    /// The carriers refuse this number or mailbox from now on, as if its owner had opted out there.
    pub fn block(&self, address: &str) {
        self.world.block(address);
    }

    /// Bounces and notifications go to the SMTP server at this address; without one they wait.
    pub fn bounces_to(&self, address: SocketAddr) {
        self.world.change_outward(|outward| outward.bounces_to = Some(address));
    }

    /// Callbacks, webhooks and one-click requests go to the HTTP server at this address, whatever
    /// host their URL names (which is kept in the Host header); without one only URLs that name
    /// this machine are called.
    pub fn web_to(&self, address: SocketAddr) {
        self.world.change_outward(|outward| outward.web = Some(address));
    }

    /// Texts from patients of the HTTP carrier are posted to this URL; without one they wait.
    pub fn inbound_webhook(&self, url: &str) {
        let url = url.to_owned();
        self.world.change_outward(|outward| outward.inbound_webhook = Some(url));
    }

    /// Drops every SMPP connection, as a carrier's restart does. Clients may come back at once.
    pub fn drop_smpp_connections(&self) {
        if let Some((smsc, _)) = &self.smsc {
            smsc.drop_connections();
        }
    }

    /// Closes the doors and waits for all to end; what was planned stays in the record's file.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.world.recorder.sync();
    }
}

/// The world turns: hands out what is due, to the doors or to the courier.
async fn turn(world: Arc<World>, hub: Arc<Hub>, errands: mpsc::UnboundedSender<Plan>) {
    let mut due = Vec::new();
    loop {
        world.plans.due(&world.clock, &mut due).await;
        let mut deliveries = Vec::with_capacity(due.len());
        for plan in due.drain(..) {
            match &plan.what {
                What::Block { address } => {
                    world.block(address);
                    world.recorder.done(plan.id);
                    continue;
                }
                What::Receipt(ReceiptDue { channel: Channel::Sms, .. })
                | What::Reply(ReplyDue { channel: Channel::Sms, .. }) => {
                    deliveries.push(plan);
                    continue;
                }
                _ => {}
            }
            if errands.send(plan).is_err() {
                return;
            }
        }
        if !deliveries.is_empty() {
            hub.push(deliveries);
        }
    }
}
