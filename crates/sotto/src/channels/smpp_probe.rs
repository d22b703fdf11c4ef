//! Does the carrier let us in? A bind as transmitter, which takes no message from a session that
//! runs beside it, and an unbind.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::sms_smpp::SmppSettings;
use super::transport::{self, Tls, TlsSetupError};

/// How long it may take in all.
const WITHIN: Duration = Duration::from_secs(20);

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// The account does not fit the protocol.
    #[error(transparent)]
    Bind(#[from] smpp::Unwritable),
    /// The network, or the handshake.
    #[error("it cannot be reached: {0}")]
    Unreachable(io::Error),
    /// The carrier said no, or nothing.
    #[error("{0}")]
    Closed(smpp::CloseReason),
    /// It did not end in time.
    #[error("it did not answer within {} seconds", WITHIN.as_secs())]
    Silent,
}

/// Binds and unbinds, and gives the carrier's name for itself.
///
/// # Errors
/// [`ProbeError`].
pub async fn try_bind(settings: &SmppSettings) -> Result<String, ProbeError> {
    timeout(WITHIN, bind(settings)).await.unwrap_or(Err(ProbeError::Silent))
}

async fn bind(settings: &SmppSettings) -> Result<String, ProbeError> {
    let tls = settings.tls.as_ref().map(|roots| Tls::new(&settings.endpoint.host, roots));
    let tls = tls.transpose()?;
    let bind = smpp::Bind { kind: smpp::BindKind::Transmitter, ..settings.bind.clone() };
    let mut esme = smpp::Esme::connect(&bind, settings.session, Duration::ZERO)?;
    let connected = transport::connect(&settings.endpoint, tls.as_ref()).await;
    let (mut stream, _) = connected.map_err(ProbeError::Unreachable)?;
    let (mut bound, mut buffer) = (None, vec![0; 4096]);
    loop {
        while let Some(event) = esme.next_event() {
            match event {
                smpp::EsmeEvent::Bound { system_id } => {
                    bound = Some(system_id);
                    esme.unbind(Duration::ZERO);
                }
                smpp::EsmeEvent::Closed(reason) => return bound.ok_or(ProbeError::Closed(reason)),
                _ => {}
            }
        }
        while !esme.output().is_empty() {
            let wrote = stream.write(esme.output()).await.map_err(ProbeError::Unreachable)?;
            esme.wrote(wrote);
        }
        stream.flush().await.map_err(ProbeError::Unreachable)?;
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => esme.lost(),
            Ok(read) => esme.receive(buffer.get(..read).unwrap_or_default(), Duration::ZERO),
        }
    }
}
