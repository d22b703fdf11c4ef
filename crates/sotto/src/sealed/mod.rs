//! The sealed mode: what a member of staff and a patient write is sealed in their browsers, to the
//! other's browser and to the practice's recovery key, which is kept offline (docs/sealed.md,
//! docs/decisions/0027). This program stores envelopes, checks their form and never opens them.
//!
//! [`envelope`] is the form; [`recovery`] the practice's key and the only code that opens anything,
//! for the command line; [`keys`] the browsers' public halves; [`threads`] who writes with whom.

pub mod envelope;
pub mod keys;
pub mod recovery;
pub mod threads;

use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_256;
use rustls::crypto::hpke::{Hpke, HpkePublicKey};

use crate::access::AccessError;
use crate::audit::AuditError;
use crate::conversations::tasks::TaskError;
use crate::db::DbError;
use crate::facts::FactsError;
use crate::portal::PortalError;

/// RFC 9180: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, in base mode.
pub(crate) static SUITE: &dyn Hpke = DH_KEM_P256_HKDF_SHA256_AES_256;

/// The sealed mode cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The practice set no recovery key.
    #[error("the sealed mode is off: set sealed.recovery_key; `sotto sealed new-key` makes one")]
    Off,
    /// There is no such conversation, or it is somebody else's.
    #[error("there is no such sealed conversation")]
    NoThread,
    /// This browser's side has no key yet, or the other side has none.
    #[error("both must have opened it in a browser of theirs first")]
    NoKey,
    /// It is no key of a browser.
    #[error("this is no public key of the sealed mode")]
    NotAKey,
    /// The envelope does not have the form.
    #[error("the envelope cannot be taken: {0}")]
    Form(#[from] envelope::FormError),
    /// It was sealed to other keys than those of now.
    #[error("the envelope is sealed to other keys than those in use now")]
    OtherKeys,
    /// The time it names is not now.
    #[error("the envelope names another time than now")]
    Late,
    /// Its id was used before.
    #[error("an envelope with this id was taken before")]
    Repeated,
    /// The window: a notice could not be decided.
    #[error(transparent)]
    Portal(#[from] PortalError),
    /// Who works here.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A key of the practice is missing or was destroyed.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// The clock reads a time beyond the calendar.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// The public half of a key of the sealed mode: a point of P-256, uncompressed.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// From bytes.
    ///
    /// # Errors
    /// [`SealedError::NotAKey`] for what nothing can be sealed to.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealedError> {
        // What is no point of the curve is refused by the sealing itself.
        let key = HpkePublicKey(bytes.to_vec());
        let sealed = bytes.len() == 65 && SUITE.seal(b"", b"", b"", &key).is_ok();
        sealed.then_some(Self(key.0)).ok_or(SealedError::NotAKey)
    }

    /// From a row: it was checked when it came.
    fn stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// From base64url, as a browser and the settings write it.
    ///
    /// # Errors
    /// [`SealedError::NotAKey`].
    pub fn from_text(text: &str) -> Result<Self, SealedError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim());
        Self::from_bytes(&bytes.map_err(|_| SealedError::NotAKey)?)
    }

    /// In base64url.
    #[must_use]
    pub fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of it, in hexadecimal: how an envelope names it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}
