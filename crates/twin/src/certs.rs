//! Certificates of the simulated world: an authority made at start, and servers' leaves under it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that an ordinary leaf is good for.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "mail.twin.test", "smsc.twin.test"];

/// A certificate or a TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// Making or signing the certificate failed.
    #[error("certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The TLS library refused it.
    #[error("TLS configuration: {0}")]
    Tls(#[from] rustls::Error),
}

/// Which certificate a server of the twin shows: clients that verify must refuse all but the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// Signed by the twin's authority, for `localhost`, `127.0.0.1`, `mail.twin.test` and
    /// `smsc.twin.test`.
    #[default]
    Good,
    /// Signed by nobody but itself.
    SelfSigned,
    /// Signed by the authority, for another name.
    WrongName,
    /// Signed by the authority, and long expired.
    Expired,
}

/// A certificate authority of the simulated world.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority([key redacted])")
    }
}

impl Authority {
    /// Makes an authority with a fresh key.
    pub fn new() -> Result<Self, CertError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Sotto carrier twin authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The authority's certificate, for clients to trust.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate, for clients to trust.
    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server's TLS configuration with a fresh key.
    pub fn server(&self, shown: Shown) -> Result<Arc<ServerConfig>, CertError> {
        let names = match shown {
            Shown::WrongName => vec!["elsewhere.twin.test".to_owned()],
            _ => NAMES.map(str::to_owned).to_vec(),
        };
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "Sotto carrier twin");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if shown == Shown::Expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate()?;
        let (leaf, chain) = match shown {
            Shown::SelfSigned => (params.self_signed(&key)?, None),
            _ => (params.signed_by(&key, &self.issuer)?, Some(self.der())),
        };
        let certificates = std::iter::once(leaf.der().clone()).chain(chain).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        Ok(Arc::new(config))
    }
}
