//! The practice's recovery key: made once, kept offline, and the only key with which this program
//! opens an envelope, on the command line.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use rustls::crypto::hpke::{EncapsulatedSecret, HpkePrivateKey};
use zeroize::Zeroizing;

use super::envelope::{Envelope, FormError, KEY_INFO, bytes, words_of};
use super::{PublicKey, SUITE};

/// What a file of the key begins with.
const HEAD: &str = "sotto-sealed-recovery-1";

/// The recovery key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The file cannot be read or written.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Others than its owner can read the file.
    #[error("{0} is open to others: chmod go-rwx it first")]
    Open(String),
    /// It is no recovery key.
    #[error("this file holds no recovery key of the sealed mode")]
    NotAKey,
    /// The machine gave no randomness.
    #[error("the machine gave no randomness; try again")]
    Randomness,
    /// The envelope was sealed to another recovery key.
    #[error("sealed to another recovery key")]
    Another,
    /// The envelope does not have the form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// It was changed after it was sealed.
    #[error("changed after it was sealed, or sealed wrongly")]
    Altered,
}

/// Both halves. `Debug` shows the public one.
pub struct RecoveryKey {
    secret: HpkePrivateKey,
    public: PublicKey,
}

impl std::fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RecoveryKey").field(&self.public).finish()
    }
}

impl RecoveryKey {
    /// Draws a new one.
    ///
    /// # Errors
    /// [`RecoveryError::Randomness`].
    pub fn generate() -> Result<Self, RecoveryError> {
        let (public, secret) = SUITE.generate_key_pair().map_err(|_| RecoveryError::Randomness)?;
        let public = PublicKey::from_bytes(&public.0).map_err(|_| RecoveryError::NotAKey)?;
        Ok(Self { secret, public })
    }

    /// The public half, for the settings.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Writes it to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`RecoveryError::Io`], also where there is a file already.
    pub fn write_new(&self, path: &Path) -> Result<(), RecoveryError> {
        let io = |source| RecoveryError::Io { doing: "cannot write", path: said(path), source };
        let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.secret.secret_bytes()));
        let text = Zeroizing::new(format!("{HEAD} {} {}\n", self.public.to_text(), *secret));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)
    }

    /// Reads it from its file.
    ///
    /// # Errors
    /// [`RecoveryError::Io`], [`RecoveryError::Open`], [`RecoveryError::NotAKey`].
    pub fn from_file(path: &Path) -> Result<Self, RecoveryError> {
        let io = |source| RecoveryError::Io { doing: "cannot read", path: said(path), source };
        if fs::metadata(path).map_err(io)?.mode() & 0o077 != 0 {
            return Err(RecoveryError::Open(said(path)));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        let mut parts = text.split_whitespace();
        let (Some(HEAD), Some(public), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(RecoveryError::NotAKey);
        };
        let public = PublicKey::from_text(public).map_err(|_| RecoveryError::NotAKey)?;
        let secret = BASE64_URL_SAFE_NO_PAD.decode(secret).map_err(|_| RecoveryError::NotAKey)?;
        let key = Self { secret: HpkePrivateKey::from(secret), public };
        // The halves belong together.
        let (enc, ct) = SUITE
            .seal(
                b"",
                b"",
                b"pair",
                &rustls::crypto::hpke::HpkePublicKey(key.public.as_bytes().to_vec()),
            )
            .map_err(|_| RecoveryError::NotAKey)?;
        match SUITE.open(&enc, b"", b"", &ct, &key.secret) {
            Ok(plain) if plain == b"pair" => Ok(key),
            _ => Err(RecoveryError::NotAKey),
        }
    }

    /// Opens an envelope. The words are PHI.
    ///
    /// # Errors
    /// [`RecoveryError::Another`], [`RecoveryError::Altered`], [`RecoveryError::Form`].
    pub fn open(&self, envelope: &Envelope) -> Result<Zeroizing<String>, RecoveryError> {
        let mine = self.public.fingerprint();
        let sealed =
            envelope.to.iter().find(|one| one.key == mine).ok_or(RecoveryError::Another)?;
        let bound = envelope.bound();
        let altered = |_| RecoveryError::Altered;
        let key = open_key(&self.secret, (&bytes(&sealed.enc)?, &bytes(&sealed.ct)?), &bound)
            .map_err(altered)?;
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| RecoveryError::Altered)?;
        let nonce = Nonce::try_assume_unique_for_key(&bytes(&envelope.iv)?)
            .map_err(|_| RecoveryError::Altered)?;
        let mut plain = Zeroizing::new(bytes(&envelope.ct)?);
        let filled = LessSafeKey::new(key)
            .open_in_place(nonce, Aad::from(bound.as_bytes()), plain.as_mut_slice())
            .map_err(|_| RecoveryError::Altered)?;
        let words = words_of(filled).ok_or(RecoveryError::Altered)?;
        let words = std::str::from_utf8(words).map_err(|_| RecoveryError::Altered)?;
        Ok(Zeroizing::new(words.to_owned()))
    }
}

fn open_key(
    secret: &HpkePrivateKey,
    (enc, ct): (&[u8], &[u8]),
    bound: &str,
) -> Result<Zeroizing<Vec<u8>>, rustls::Error> {
    let enc = EncapsulatedSecret(enc.to_vec());
    SUITE.open(&enc, KEY_INFO, bound.as_bytes(), ct, secret).map(Zeroizing::new)
}

fn said(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_hex(vector: &serde_json::Value, name: &str) -> Vec<u8> {
        hex::decode(vector[name].as_str().unwrap()).unwrap()
    }

    /// The same file that the browser's own code is tested with.
    #[test]
    fn the_suite_opens_what_rfc_9180_sealed() {
        let all = include_str!("../../../../web/tests/seals/rfc9180.json");
        let all: serde_json::Value = serde_json::from_str(all).unwrap();
        let ours = all.as_array().unwrap().iter().find(|one| one["aead_id"] == 2).unwrap();
        let sealed = &ours["encryptions"][0];
        let enc = EncapsulatedSecret(of_hex(ours, "enc"));
        let key = HpkePrivateKey::from(of_hex(ours, "skRm"));
        let (info, aad) = (of_hex(ours, "info"), of_hex(sealed, "aad"));
        let open = |ct: &[u8]| SUITE.open(&enc, &info, &aad, ct, &key);
        let mut ct = of_hex(sealed, "ct");
        assert_eq!(open(&ct).unwrap(), of_hex(sealed, "pt"));
        ct[0] ^= 1;
        assert!(open(&ct).is_err());
    }

    #[test]
    fn a_file_of_the_key_is_its_owner_s_alone_and_written_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("sotto-sealed-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (path, other) = (folder.join("one.key"), folder.join("two.key"));
        let key = RecoveryKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(RecoveryKey::from_file(&path).unwrap().public(), key.public());
        assert!(matches!(key.write_new(&path), Err(RecoveryError::Io { .. })));
        // Halves of two keys are none.
        RecoveryKey::generate().unwrap().write_new(&other).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let another = fs::read_to_string(&other).unwrap();
        let mixed = text.replace(
            text.split_whitespace().nth(1).unwrap(),
            another.split_whitespace().nth(1).unwrap(),
        );
        fs::write(&other, mixed).unwrap();
        assert!(matches!(RecoveryKey::from_file(&other), Err(RecoveryError::NotAKey)));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(RecoveryKey::from_file(&path), Err(RecoveryError::Open(_))));
        fs::remove_dir_all(&folder).unwrap();
        assert!(!format!("{key:?}").contains("HpkePrivateKey"));
    }

    #[test]
    fn what_lies_on_no_curve_is_no_key() {
        let mut bytes = RecoveryKey::generate().unwrap().public().as_bytes().to_vec();
        assert!(PublicKey::from_bytes(&bytes).is_ok());
        bytes[64] ^= 1;
        assert!(PublicKey::from_bytes(&bytes).is_err());
        assert!(PublicKey::from_bytes(&[4; 65]).is_err());
        assert!(PublicKey::from_bytes(&[]).is_err());
        assert!(PublicKey::from_text("not base64!").is_err());
    }
}
