//! The mail server of the simulated world: takes mail over SMTP (RFC 5321) with STARTTLS or TLS
//! from the first byte, and remembers how it came.

mod envelope;
mod facts;
mod kept;
pub(crate) mod notice;
mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certs::{Authority, CertError, Shown};
use crate::lines::Lines;
use crate::world::World;
use session::{Ended, Session};

/// How the mail server behaves.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Port with STARTTLS; 0 picks one.
    pub port: u16,
    /// Port with TLS from the first byte; 0 picks one, `None` opens none.
    pub tls_port: Option<u16>,
    /// Name in the greeting.
    pub name: String,
    /// Which certificate it shows.
    pub certificate: Shown,
    /// Whether STARTTLS is offered on the first port.
    pub offers_starttls: bool,
    /// Whether mail in clear text is refused (530 5.7.0).
    pub requires_tls: bool,
    /// Users and passwords for AUTH PLAIN; if there are any, mail needs a sign-in.
    pub users: Vec<(String, String)>,
    /// Largest mail in octets, announced by SIZE (RFC 1870).
    pub max_size: usize,
    /// Most recipients of one mail.
    pub max_recipients: usize,
    /// Most connections at once; more are told 421.
    pub max_connections: usize,
    /// A connection that is silent for so long (real time) is closed.
    pub idle: Duration,
    /// How long (simulated time) a bounce takes.
    pub notice_delay: jiff::SignedDuration,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            port: 0,
            tls_port: Some(0),
            name: "mail.twin.test".to_owned(),
            certificate: Shown::Good,
            offers_starttls: true,
            requires_tls: false,
            users: Vec::new(),
            max_size: 10 * 1024 * 1024,
            max_recipients: 100,
            max_connections: 256,
            idle: Duration::from_secs(300),
            notice_delay: jiff::SignedDuration::from_secs(5),
        }
    }
}

/// What every mail connection shares.
pub(crate) struct MailServer {
    pub(crate) config: MailConfig,
    pub(crate) world: Arc<World>,
    tls: TlsAcceptor,
    places: Arc<Semaphore>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

/// Where the mail server listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailAddresses {
    pub(crate) starttls: SocketAddr,
    pub(crate) tls: Option<SocketAddr>,
}

/// Why the mail server did not start.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A port could not be opened.
    #[error("twin mail server: {0}; choose another port, or 0 for any")]
    Bind(#[from] std::io::Error),
    /// No certificate.
    #[error("twin mail server: {0}")]
    Cert(#[from] CertError),
}

impl MailServer {
    /// Opens the ports and serves until `cancel`.
    pub(crate) async fn start(
        config: MailConfig,
        world: Arc<World>,
        authority: &Authority,
        (cancel, tasks): (CancellationToken, TaskTracker),
    ) -> Result<MailAddresses, MailError> {
        let tls = TlsAcceptor::from(authority.server(config.certificate)?);
        let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let implicit = match config.tls_port {
            Some(port) => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?),
            None => None,
        };
        let addresses = MailAddresses {
            starttls: plain.local_addr()?,
            tls: implicit.as_ref().map(TcpListener::local_addr).transpose()?,
        };
        let places = Arc::new(Semaphore::new(config.max_connections));
        let server = Arc::new(Self { config, world, tls, places, cancel, tasks: tasks.clone() });
        tasks.spawn(Arc::clone(&server).accept(plain, false));
        if let Some(implicit) = implicit {
            tasks.spawn(server.accept(implicit, true));
        }
        Ok(addresses)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, implicit: bool) {
        loop {
            let accepted = tokio::select! {
                () = self.cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((io, _)) = accepted else { continue };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                // Dropping closes; the client sees a lost connection, as with a full server.
                continue;
            };
            let server = Arc::clone(&self);
            self.tasks.spawn(async move {
                let cancel = server.cancel.clone();
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = server.connection(io, implicit) => {}
                }
                drop(place);
            });
        }
    }

    async fn connection(&self, io: TcpStream, implicit: bool) {
        // Nagle's wait would cost 40 ms an answer; a socket that refuses still works.
        let _ = io.set_nodelay(true);
        let io = if implicit {
            io
        } else {
            let mut session = Session::new(self, None);
            let mut lines = Lines::new(io);
            match session.greet_and_run(&mut lines).await {
                Ended::Closed => return,
                Ended::StartTls => {}
            }
            let (io, more) = lines.into_inner();
            if more {
                // Commands sent before the handshake are an injection (RFC 3207 §4.2): close.
                return;
            }
            io
        };
        let Ok(Ok(io)) = tokio::time::timeout(self.config.idle, self.tls.accept(io)).await else {
            return;
        };
        let facts = facts::tls_facts(io.get_ref().1, implicit);
        let mut session = Session::new(self, Some(facts));
        let mut lines = Lines::new(io);
        if implicit {
            session.greet_and_run(&mut lines).await;
        } else {
            session.run(&mut lines).await;
        }
    }
}
