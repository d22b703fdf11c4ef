//! Connections to carriers, and what protected them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long connecting and the TLS handshake may take together.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Where a carrier is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address; also the name its certificate must carry.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// What protected a delivery (RULEBOOK EML-04, 45 CFR 164.312(e)); stored with the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransportFacts {
    /// `TLSv1_3`, `TLSv1_2` or `none`.
    pub tls: String,
    /// The cipher suite, or nothing without TLS.
    pub cipher: Option<String>,
    /// `verified` (chain and name) or `none`.
    pub verification: &'static str,
    /// `implicit`, `starttls` or `none`.
    pub mode: &'static str,
}

impl TransportFacts {
    /// No protection.
    #[must_use]
    pub fn none() -> Self {
        Self { tls: "none".into(), cipher: None, verification: "none", mode: "none" }
    }
}

/// Which certificate authorities to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the machine.
    #[default]
    Machine,
    /// Only those in this PEM file.
    File(PathBuf),
    /// Only these, DER encoded.
    Given(Vec<Vec<u8>>),
}

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsSetupError {
    /// The PEM file cannot be read.
    #[error("the certificate file {path} cannot be read as PEM: check the path and its contents")]
    File {
        /// Which file.
        path: PathBuf,
    },
    /// There is not one usable certificate authority.
    #[error("no certificate authority was found: install ca-certificates or name a PEM file")]
    NoRoots,
    /// The host is no name a certificate could carry.
    #[error("the host {0:?} is not a name or address that a certificate could carry")]
    Name(String),
    /// No protocol versions in common with the provider.
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Verified TLS towards one host. There is no switch to skip verification.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// For a host, trusting these roots; TLS 1.2 or newer.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(host: &str, roots: &Roots) -> Result<Self, TlsSetupError> {
        let config = client_config(roots)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| TlsSetupError::Name(host.to_owned()))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Shakes hands over a connection, and says what came of it.
    ///
    /// # Errors
    /// An unverifiable certificate, a wrong name, or a broken connection.
    pub async fn handshake(
        &self,
        stream: Stream,
        mode: &'static str,
    ) -> io::Result<(Stream, TransportFacts)> {
        let stream = self.connector.connect(self.name.clone(), stream).await?;
        let (_, session) = stream.get_ref();
        let version = session.protocol_version().and_then(|v| v.as_str());
        let cipher = session.negotiated_cipher_suite().and_then(|s| s.suite().as_str());
        let facts = TransportFacts {
            tls: version.unwrap_or("unknown").to_owned(),
            cipher: cipher.map(str::to_owned),
            verification: "verified",
            mode,
        };
        Ok((Box::new(stream), facts))
    }
}

/// TLS 1.2 or newer towards anyone these roots vouch for.
///
/// # Errors
/// [`TlsSetupError`].
pub fn client_config(roots: &Roots) -> Result<ClientConfig, TlsSetupError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::Machine => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
        }
        Roots::File(path) => {
            let unreadable = || TlsSetupError::File { path: path.clone() };
            let read = CertificateDer::pem_file_iter(path).map_err(|_| unreadable())?;
            for certificate in read {
                let certificate = certificate.map_err(|_| unreadable())?;
                store.add(certificate).map_err(|_| unreadable())?;
            }
        }
        Roots::Given(certificates) => {
            let certificates = certificates.iter().cloned().map(CertificateDer::from);
            store.add_parsable_certificates(certificates);
        }
    }
    if store.is_empty() {
        return Err(TlsSetupError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth())
}

/// Octets both ways, whatever protects them.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection.
pub type Stream = Box<dyn Duplex>;

/// Opens a connection, with TLS from the first octet if `tls` is given.
///
/// # Errors
/// No connection, or no handshake, within [`CONNECT_WITHIN`].
pub async fn connect(
    endpoint: &Endpoint,
    tls: Option<&Tls>,
) -> io::Result<(Stream, TransportFacts)> {
    let open = async {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
        stream.set_nodelay(true)?;
        let stream: Stream = Box::new(stream);
        match tls {
            Some(tls) => tls.handshake(stream, "implicit").await,
            None => Ok((stream, TransportFacts::none())),
        }
    };
    tokio::time::timeout(CONNECT_WITHIN, open).await.map_err(|_| io::ErrorKind::TimedOut)?
}
