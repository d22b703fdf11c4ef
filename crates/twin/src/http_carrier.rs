//! An SMS carrier with a Twilio-compatible HTTP interface: `POST …/Messages.json` and its fetches,
//! status callbacks and inbound webhooks, both signed.

mod messages;
pub(crate) mod webhook;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::courier::Courier;
use crate::world::World;
use messages::Door;
use wire::{Peer, Wires};

/// How the HTTP carrier behaves.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Port; 0 picks one.
    pub port: u16,
    /// `AC` and 32 hexadecimal digits: user name of the basic authentication and part of the path.
    pub account_sid: String,
    /// Password of the basic authentication, and the key of the signatures.
    pub auth_token: String,
    /// Where patients' texts are posted; can be changed by [`Twin::inbound_webhook`].
    ///
    /// [`Twin::inbound_webhook`]: crate::Twin::inbound_webhook
    pub inbound_webhook: Option<String>,
    /// Whether a message can be fetched (405 if not).
    pub shows_messages: bool,
    /// How long (simulated time) the final status takes.
    pub receipt_delay: SignedDuration,
    /// Most connections at once.
    pub max_connections: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            port: 0,
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: "twin-auth-token".to_owned(),
            inbound_webhook: None,
            shows_messages: true,
            receipt_delay: SignedDuration::from_secs(2),
            max_connections: 256,
        }
    }
}

/// Longest request body: a text of 1,600 characters, escaped, with room.
const LONGEST_BODY: usize = 64 * 1024;

/// Opens the port and serves until `cancel`.
pub(crate) async fn start(
    config: HttpConfig,
    world: Arc<World>,
    courier: Arc<Courier>,
    (cancel, tasks): (CancellationToken, TaskTracker),
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
    let address = listener.local_addr()?;
    let wires = Wires::new(listener, config.max_connections);
    let account = "/2010-04-01/Accounts/{account}";
    let door = Arc::new(Door { config, world, courier, cancel: cancel.clone() });
    let router = Router::new()
        .route(
            &format!("{account}/Messages.json"),
            post(messages::create_message).get(messages::list_messages),
        )
        .route(&format!("{account}/Messages/{{sid}}"), get(messages::fetch_message))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(door)
        .into_make_service_with_connect_info::<Peer>();
    tasks.spawn(async move {
        let asked = cancel.clone().cancelled_owned();
        let serve = async { axum::serve(wires, router).with_graceful_shutdown(asked).await };
        tokio::select! {
            // Only a broken runtime ends it early.
            _ = serve => {}
            // A client that never finishes its request does not hold up the end.
            () = async { cancel.cancelled().await; last_answers().await } => {}
        }
    });
    Ok(address)
}

/// How long, in real time, open requests may take to end with the world.
async fn last_answers() {
    let grace = std::time::Duration::from_secs(1);
    // A future that never ends, so that the outcome is always the elapsed time.
    let _ = tokio::time::timeout(grace, std::future::pending::<()>()).await;
}
