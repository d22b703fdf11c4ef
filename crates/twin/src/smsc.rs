//! The SMS carrier of the simulated world: an SMSC that speaks SMPP 3.4, on the carrier's end of
//! the session in `crates/smpp`.
//!
//! Error codes in receipts (`err:`) are the last three digits of [`NotDelivered::code`]: 003
//! unreachable, 004 blocked, 005 unknown, 006 landline, 007 filtered, 036 expired.
//!
//! [`NotDelivered::code`]: crate::NotDelivered::code

mod arrivals;
mod connection;
mod outgoing;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use smpp::Settings;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certs::{Authority, CertError, Shown};
use crate::plan::Plan;
use crate::world::World;
use arrivals::Arrivals;

/// How the SMSC behaves.
#[derive(Clone)]
pub struct SmppConfig {
    /// Port; 0 picks one.
    pub port: u16,
    /// Whether the port speaks TLS, and with which certificate.
    pub tls: Option<Shown>,
    /// Its name in bind answers.
    pub system_id: String,
    /// System ids and passwords; none means that anybody may bind.
    pub accounts: Vec<(String, String)>,
    /// How message ids are written.
    pub ids: MessageIds,
    /// What a receipt holds.
    pub receipts: ReceiptForm,
    /// What becomes of `query_sm`.
    pub queries: Queries,
    /// How long (simulated time) an ordinary receipt takes.
    pub receipt_delay: SignedDuration,
    /// Whether receipts come only where `registered_delivery` asks for them.
    pub receipts_on_request: bool,
    /// The `command_status` for a number that opted out at the carrier (SMPP 3.4 §5.1.3 leaves
    /// 0x400 to 0x4FF to the vendor).
    pub opted_out_status: u32,
    /// Deliveries on the wire and not yet answered, at most, for one connection.
    pub delivery_window: usize,
    /// Most connections at once.
    pub max_connections: usize,
    /// Limits of a session; its windows are set from the fields above.
    pub session: Settings,
    /// Called for each message that is taken, before the answer: for measuring.
    pub on_submit: Option<OnSubmit>,
}

/// See [`SmppConfig::on_submit`]. It must not block.
pub type OnSubmit = Arc<dyn Fn(&Arrival<'_>) + Send + Sync>;

/// A message as it came off the wire.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Destination address, digits without a plus.
    pub to: &'a str,
    /// The octets of the text with its header.
    pub octets: &'a [u8],
    /// SMPP 3.4 §5.2.19.
    pub data_coding: u8,
    /// The id in the answer.
    pub message_id: &'a str,
}

/// How the carrier writes message ids: in its answers, and in its receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageIds {
    /// Decimal in both.
    #[default]
    Decimal,
    /// Hexadecimal in both.
    Hex,
    /// Hexadecimal in answers, decimal in receipts.
    HexThenDecimal,
    /// Decimal in answers, hexadecimal in receipts.
    DecimalThenHex,
}

impl MessageIds {
    fn answer(self, id: u64) -> String {
        match self {
            Self::Decimal | Self::DecimalThenHex => id.to_string(),
            Self::Hex | Self::HexThenDecimal => format!("{id:X}"),
        }
    }

    /// The id in a receipt, of the id in an answer.
    pub(crate) fn receipt_of_answer(self, id: &str) -> Option<String> {
        let number = match self {
            Self::Decimal | Self::DecimalThenHex => id.parse().ok()?,
            Self::Hex | Self::HexThenDecimal => u64::from_str_radix(id, 16).ok()?,
        };
        Some(self.receipt(number))
    }

    fn receipt(self, id: u64) -> String {
        match self {
            Self::Decimal | Self::HexThenDecimal => id.to_string(),
            Self::Hex | Self::DecimalThenHex => format!("{id:X}"),
        }
    }
}

/// What a receipt holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReceiptForm {
    /// The text of SMPP 3.4 Appendix B.
    Text,
    /// `receipted_message_id` and `message_state`, and an empty text.
    Tlv,
    /// Both.
    #[default]
    Both,
}

/// What the carrier answers to `query_sm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Queries {
    /// What it knows; `ESME_RINVMSGID` for an id it does not know.
    #[default]
    Answered,
    /// `ESME_RQUERYFAIL`, always.
    Failed,
    /// `generic_nack` with `ESME_RINVCMDID`.
    NotSupported,
}

impl SmppConfig {
    /// The usual [`SmppConfig::opted_out_status`].
    pub const OPTED_OUT: u32 = 0x0000_0410;
    /// The `err:` of a receipt for a text to a landline.
    pub const LANDLINE: &'static str = "006";
    /// The `err:` of a receipt for a text to a number that does not exist.
    pub const UNKNOWN_NUMBER: &'static str = "005";
}

impl Default for SmppConfig {
    fn default() -> Self {
        Self {
            port: 0,
            tls: None,
            system_id: "TWIN".to_owned(),
            accounts: Vec::new(),
            ids: MessageIds::default(),
            receipts: ReceiptForm::default(),
            queries: Queries::default(),
            receipt_delay: SignedDuration::from_secs(2),
            receipts_on_request: true,
            opted_out_status: Self::OPTED_OUT,
            delivery_window: 200,
            max_connections: 64,
            session: Settings::default(),
            on_submit: None,
        }
    }
}

impl std::fmt::Debug for SmppConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmppConfig")
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("ids", &self.ids)
            .field("receipts", &self.receipts)
            .finish_non_exhaustive()
    }
}

/// Why the SMSC did not start.
#[derive(Debug, thiserror::Error)]
pub enum SmscError {
    /// The port could not be opened.
    #[error("twin SMSC: {0}; choose another port, or 0 for any")]
    Bind(#[from] std::io::Error),
    /// No certificate.
    #[error("twin SMSC: {0}")]
    Cert(#[from] CertError),
}

/// What waits for a client that can be delivered to. Connections take from it as they have room.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    queue: Mutex<VecDeque<Plan>>,
    ready: Notify,
}

impl Hub {
    pub(crate) fn push(&self, plans: impl IntoIterator<Item = Plan>) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).extend(plans);
        self.ready.notify_one();
    }

    /// What a lost connection had not delivered comes first.
    fn put_back(&self, plans: Vec<Plan>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for plan in plans.into_iter().rev() {
            queue.push_front(plan);
        }
        drop(queue);
        self.ready.notify_one();
    }

    /// Takes up to `most`; wakes another connection if more is left.
    fn take(&self, most: usize) -> Vec<Plan> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let take = most.min(queue.len());
        let taken = queue.drain(..take).collect();
        if !queue.is_empty() {
            self.ready.notify_one();
        }
        taken
    }
}

/// What every connection shares.
pub(crate) struct SmscServer {
    pub(crate) config: SmppConfig,
    pub(crate) world: Arc<World>,
    pub(crate) hub: Arc<Hub>,
    arrivals: Arrivals,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    cancel: CancellationToken,
    /// Cancelled and replaced to drop all connections at once.
    kick: Mutex<CancellationToken>,
    tasks: TaskTracker,
}

impl SmscServer {
    /// Opens the port and serves until `cancel`.
    pub(crate) async fn start(
        mut config: SmppConfig,
        world: Arc<World>,
        hub: Arc<Hub>,
        authority: &Authority,
        (cancel, tasks): (CancellationToken, TaskTracker),
    ) -> Result<(Arc<Self>, SocketAddr), SmscError> {
        let tls = config.tls.map(|shown| authority.server(shown)).transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        config.session.window = config.delivery_window.saturating_add(usize::from(u8::MAX));
        config.session.inbound_window = config.session.inbound_window.max(5_000);
        let server = Arc::new(Self {
            places: Arc::new(Semaphore::new(config.max_connections)),
            arrivals: Arrivals::default(),
            tls: tls.map(TlsAcceptor::from),
            kick: Mutex::new(cancel.child_token()),
            config,
            world,
            hub,
            cancel,
            tasks: tasks.clone(),
        });
        tasks.spawn(Arc::clone(&server).accept(listener));
        Ok((server, address))
    }

    /// Drops every connection, as a carrier's restart does; new ones are welcome.
    pub(crate) fn drop_connections(&self) {
        let mut kick = self.kick.lock().unwrap_or_else(PoisonError::into_inner);
        kick.cancel();
        *kick = self.cancel.child_token();
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((io, _)) = accepted else { continue };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { continue };
            let server = Arc::clone(&self);
            let kick = self.kick.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.tasks.spawn(async move {
                server.connection(io, kick).await;
                drop(place);
            });
        }
    }

    async fn connection(self: &Arc<Self>, io: TcpStream, kick: CancellationToken) {
        // Nagle's wait would cost 40 ms an answer; a socket that refuses still works.
        let _ = io.set_nodelay(true);
        match &self.tls {
            None => connection::serve(self, io, kick).await,
            Some(tls) => {
                let handshake = tokio::time::timeout(
                    self.config.session.answer_within,
                    kick.run_until_cancelled(tls.accept(io)),
                );
                if let Ok(Some(Ok(io))) = handshake.await {
                    connection::serve(self, io, kick).await;
                }
            }
        }
    }
}
