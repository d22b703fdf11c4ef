//! Every way in which sealing, opening or keeping keys can fail.

use std::{fmt, path::PathBuf};

/// Which kind of key; part of an error, and of a key's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The one key under which all others are wrapped.
    Practice,
    /// One patient's.
    Patient,
    /// One month of records, kept until the retention period ends.
    Retention,
    /// One day of patients' copies, kept until they expire and in no backup.
    Expiry,
    /// One device of somebody who works here, kept until it is wiped and in no backup.
    Device,
}

impl KeyKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Practice, Self::Patient, Self::Retention, Self::Expiry, Self::Device];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Patient => "patient",
            Self::Retention => "retention",
            Self::Expiry => "expiry",
            Self::Device => "device",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why something was not sealed or not opened. No variant holds content, ids of people or keys.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The root key's text is not 32 bytes.
    #[error(
        "the root key must be 32 bytes, as 64 hexadecimal digits or 44 characters of base64; \
         make one with `openssl rand -hex 32`"
    )]
    RootKeyForm,
    /// Others than the owner may read a key file or the key store.
    #[error("{} can be read by others (mode {mode:o}); run: chmod go-rwx {}", path.display(), path.display())]
    Permissions {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The disk did not do what it was asked.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no key store in this folder.
    #[error("no key store in {}: check the configured folder, or create one", .0.display())]
    NoStore(PathBuf),
    /// There is a key store already, and it is not overwritten.
    #[error("{} holds a key store already; open it instead", .0.display())]
    StoreExists(PathBuf),
    /// The root key does not unwrap the practice key.
    #[error(
        "the root key does not fit this key store: check that the key and the folder belong \
         together, and whether the root key was rotated"
    )]
    WrongRootKey,
    /// A key file is damaged, or belongs to another key store.
    #[error("the {0} key's file is damaged or from another key store: restore it from a backup")]
    KeyFile(KeyKind),
    /// No such key was ever written here.
    #[error("the key of this sealed value is not in the key store: was the store restored whole?")]
    Missing,
    /// The key was destroyed on purpose; what it sealed is gone for good.
    #[error("the {kind} key was destroyed: what it sealed cannot be read again, by intent")]
    Destroyed {
        /// Which kind of key.
        kind: KeyKind,
    },
    /// A patient id that cannot be one.
    #[error("a patient id is 1 to 64 letters, digits, hyphens or underscores")]
    PatientId,
    /// The sealed bytes are too few to be any sealed value.
    #[error("the sealed value is cut short")]
    CutShort,
    /// Sealed by a version of Sotto this one does not know, or not sealed at all.
    #[error("sealed in format {0}, which this version does not know: upgrade, or check the column")]
    Version(u8),
    /// The value was sealed for another practice, table, row or column.
    #[error("the sealed value belongs to another row or column: it was moved or copied")]
    WrongPlace,
    /// The value, or the wrapped key, was changed after sealing.
    #[error("the sealed value was altered: it does not open under its own key")]
    Altered,
    /// The cryptographic module refused; with sound keys it never does.
    #[error("the cryptographic module failed: check the machine's entropy and memory")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for SealError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
