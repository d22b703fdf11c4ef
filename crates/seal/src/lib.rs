//! Envelope encryption: what the database holds is unreadable without keys kept elsewhere.
//!
//! The hierarchy (DESIGN decision 5): a root key, given from outside, wraps the practice key;
//! the practice key wraps one key for each patient, one for each month of retention and one for
//! each day of expiry; those keys wrap the random key of each message. Everything is AES-256-GCM from
//! `aws-lc-rs`, bound to its [`Place`] (practice, table, row, column), so a sealed value copied
//! to another row does not open. (45 CFR 164.312(a)(2)(iv), 164.312(c); NIST SP 800-38D.)
//!
//! Destroying a key destroys what it sealed, in every backup of the database too: at a month's
//! end of retention, at expiry, or early for one patient. Key files therefore live apart from
//! the database and its backups ([`Keyring`]).
//!
//! In reading order: [`RootKey`], [`Place`] and [`Sealed`], [`Month`] and [`Day`], [`Keyring`],
//! [`SealedMessage`], [`SealError`]; and, for
//! backups, [`SealedFile`] and [`copy_out`].
//!
//! ```
//! use seal::{Keyring, Place, RootKey};
//! # let dir = std::env::temp_dir().join(format!("seal-doc-{}", std::process::id()));
//! let keys = Keyring::create(&dir, &RootKey::generate()?)?;
//! let place = Place { practice: "p1", table: "contact_point", row: "c9", column: "address" };
//! let sealed = keys.seal_for_patient("0198-a1", &place, b"+1 202 555 0101")?;
//! assert_eq!(*keys.open_value(&place, &sealed)?, b"+1 202 555 0101");
//!
//! keys.destroy_patient("0198-a1")?;
//! assert!(matches!(keys.open_value(&place, &sealed), Err(seal::SealError::Destroyed { .. })));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod root_key;

mod month;
mod place;

mod cipher;
mod key_store;
mod keyring;
mod message;
mod sealed_file;
mod store_copy;

pub use cipher::draw_first_random_number;
pub use error::{KeyKind, SealError};
pub use keyring::{Keyring, Standing, sealed_under};
pub use message::{Buckets, SealedMessage, open_disclosed};
pub use month::{Day, Month, MonthError};
pub use place::{Place, Sealed};
pub use root_key::RootKey;
pub use sealed_file::{FileError, Lock, SealedFile, SealedReader, SealedWriter};
pub use store_copy::{PutBack, StoreFile, copy_out, put_back};
