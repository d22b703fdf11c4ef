//! The keys' own backup: the key store, the root key, the backup key and the witness, in one file
//! that is sealed under a passphrase or a recovery key, and kept apart from the data.
//!
//! A newer copy holds all that an older one does, but for the keys that were destroyed since. So
//! older copies are worth nothing but the chance to undo a destruction, and are removed. A key store
//! that lost keys otherwise is noticed by the count, which only ever grows, tombstones included;
//! then nothing is removed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gate::PracticeId;
use jiff::Timestamp;
use seal::{FileError, Keyring, Lock, RootKey, SealError, SealedFile, SealedWriter, StoreFile};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::audit::witness::{Witness, WitnessError};
use crate::audit::{self, Actor, AuditError, Event, Kind, Log};
use crate::backup::folder::{self, Folder, FolderError, Holds};
use crate::backup::format::{About, AboutKeys, FORM, FormatError};
use crate::backup::restore;
use crate::db::registry::SETTING;
use crate::db::{Db, DbError, setting};

/// The setting that tells of the last backup of the keys.
pub const LAST_KEYS: &str = "backup/keys";

/// Keys were not backed up, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The key store.
    #[error(transparent)]
    Store(#[from] SealError),
    /// Sealing or opening.
    #[error(transparent)]
    Sealed(#[from] FileError),
    /// The file is no backup.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file cannot be opened.
    #[error(transparent)]
    File(#[from] restore::RestoreError),
    /// The witness.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// Reading back gave something else.
    #[error("the copy was written and reads back otherwise, so it was thrown away: try again")]
    Unsound,
    /// Keys are gone without a tombstone.
    #[error(
        "the key store holds {now} keys and tombstones, the last backup {before}: keys were lost, \
         not destroyed. The last backup was left as it is; see `sotto restore`"
    )]
    LostKeys {
        /// In the last backup.
        before: u64,
        /// Now.
        now: u64,
    },
    /// Rows are no keys.
    #[error("this file holds data, no keys")]
    HoldsData,
    /// Another practice's.
    #[error("these are the keys of practice {0}; practice.id in the settings is another")]
    OtherPractice(PracticeId),
    /// The key store that is there is not the one that was copied.
    #[error("the key store in {} is another one: move it away first", .0.display())]
    OtherStore(PathBuf),
    /// There is nowhere to put the root key.
    #[error("set keys.root_file in the settings to where the root key shall be written")]
    NoRootFile,
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// What is in the file. Wiped when dropped, as far as it holds keys.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Inside {
    /// Tells this practice key from another; derived from it.
    mark: String,
    root_key: String,
    backup_key: Option<String>,
    witness: Option<String>,
    files: Vec<Copied>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Copied {
    name: String,
    base64: String,
}

/// Where a practice's keys are.
pub struct Where {
    /// Whose.
    pub practice: PracticeId,
    /// The key store.
    pub store: PathBuf,
    /// The root key's file.
    pub root_file: Option<PathBuf>,
    /// The backup key's file.
    pub backup_key_file: Option<PathBuf>,
    /// The last checkpoint that was seen.
    pub witness: Witness,
}

/// A backup of the keys that was made and read back.
#[derive(Debug, Clone, Serialize)]
pub struct MadeKeys {
    /// The file.
    pub file: PathBuf,
    /// When.
    pub made_at: Timestamp,
    /// How many keys.
    pub keys: u64,
    /// How many were destroyed.
    pub destroyed: u64,
    /// How many older backups were removed.
    pub removed: usize,
}

/// Makes a backup of the keys, reads it back, records it, and removes all but the newest `keep`.
///
/// # Errors
/// [`KeysError`]; there is then no new backup, and no old one less.
pub fn make<O>(
    places: &Where,
    root: &RootKey,
    lock: &Lock<'_>,
    (path, keep): (&Path, usize),
    db: &Db,
    office: &O,
) -> Result<MadeKeys, KeysError>
where
    O: Clone + Send + Sync + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let log: Log<'_> = office.into();
    let made_at = log.clock.now();
    let files = seal::copy_out(&places.store)?;
    let inside = inside(places, root, &files)?;
    let destroyed = files.iter().filter(|file| file.is_tombstone()).count() as u64;
    let keys = files.len() as u64 - destroyed;
    let folder = Folder::open(path)?;
    if let Some(before) = last_count(path, places.practice)?
        && before > keys + destroyed
    {
        return Err(KeysError::LostKeys { before, now: keys + destroyed });
    }
    let about = About::Keys(AboutKeys {
        form: FORM,
        practice: places.practice,
        made_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        keys,
        destroyed,
    });
    let (partial, file) = folder.begin(Holds::Keys, made_at)?;
    let mut out = SealedWriter::begin(file, &about.to_bytes(), lock)?;
    out.write_all(&inside).map_err(FileError::from)?;
    out.finish()?.sync_all().map_err(FileError::from)?;
    let read = open(restore::open_file(partial.path())?, lock)?;
    if read != inside {
        return Err(KeysError::Unsound);
    }
    let file = partial.finish()?;
    record(db, office, keys, destroyed)?;
    let removed = folder.prune(Holds::Keys, keep)?;
    Ok(MadeKeys { file, made_at, keys, destroyed, removed })
}

fn inside(
    places: &Where,
    root: &RootKey,
    files: &[StoreFile],
) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    let keyring = Keyring::open(&places.store, root)?;
    let backup_key = match &places.backup_key_file {
        Some(file) => Some(RootKey::from_file(file)?.to_text().to_string()),
        None => None,
    };
    let files = files.iter().map(|file| Copied {
        name: file.name.clone(),
        base64: BASE64_STANDARD.encode(&*file.bytes),
    });
    let inside = Inside {
        mark: mark(&keyring),
        root_key: root.to_text().to_string(),
        backup_key,
        witness: places.witness.note()?,
        files: files.collect(),
    };
    // Strings and lists of them always serialize.
    Ok(Zeroizing::new(serde_json::to_vec(&inside).unwrap_or_default()))
}

/// Tells one practice key from another, and nothing about it.
fn mark(keyring: &Keyring) -> String {
    hex::encode(*keyring.derive("mark of the key store"))
}

fn open(file: SealedFile<File>, lock: &Lock<'_>) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    let mut reader = file.open(lock)?;
    let mut inside = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut inside).map_err(FormatError::from)?;
    Ok(inside)
}

/// How many keys and tombstones the newest backup of this practice's keys holds.
fn last_count(path: &Path, practice: PracticeId) -> Result<Option<u64>, KeysError> {
    for file in folder::list(path, Holds::Keys)?.into_iter().rev() {
        let about = restore::open_file(&file).ok().map(|file| About::from_bytes(file.about()));
        if let Some(Ok(About::Keys(about))) = about
            && about.practice == practice
        {
            return Ok(Some(about.keys + about.destroyed));
        }
    }
    Ok(None)
}

fn record<O>(db: &Db, office: &O, keys: u64, destroyed: u64) -> Result<(), KeysError>
where
    O: Clone + Send + Sync + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let office = office.clone();
    db.write_blocking(move |tx| {
        let log: Log<'_> = (&office).into();
        let now = log.clock.now();
        let said = serde_json::json!({ "at": now, "keys": keys, "destroyed": destroyed });
        setting::put(tx, log.practice, (LAST_KEYS, &said.to_string()), now)?;
        let event =
            Event::new(Kind::BackupTaken, Actor::operator()).about(SETTING, LAST_KEYS).code("keys");
        audit::append(tx, log, event)?;
        Ok(())
    })
}

/// What restoring keys did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoredKeys {
    /// When the copy was made.
    pub made_at: Timestamp,
    /// Keys that were not there and are now.
    pub written: u64,
    /// Keys that were there.
    pub kept: u64,
    /// Keys that are destroyed and stay so.
    pub destroyed: u64,
    /// The root key's file was written.
    pub root_key_written: bool,
    /// The backup key's file was written.
    pub backup_key_written: bool,
}

/// Puts a backup of the keys back: what is missing is written, what is there stays, and what was
/// destroyed stays destroyed. Every step can be done again after a crash.
///
/// # Errors
/// [`KeysError`].
pub fn put_back(
    file: SealedFile<File>,
    lock: &Lock<'_>,
    places: &Where,
    clock: &crate::clock::Clock,
) -> Result<RestoredKeys, KeysError> {
    let About::Keys(about) = About::from_bytes(file.about())? else {
        return Err(KeysError::HoldsData);
    };
    if about.practice != places.practice {
        return Err(KeysError::OtherPractice(about.practice));
    }
    let bytes = open(file, lock)?;
    let inside = read_inside(&bytes)?;
    let copied = RootKey::from_text(&inside.root_key)?;
    let root_key_written = write_missing(places.root_file.as_deref(), &copied)?;
    let root = match &places.root_file {
        Some(file) => RootKey::from_file(file)?,
        None => from_environment()?,
    };
    let there = match Keyring::open(&places.store, &root) {
        Ok(keyring) => Some(keyring),
        Err(SealError::NoStore(_)) => None,
        Err(error) => return Err(error.into()),
    };
    if there.is_some_and(|keyring| mark(&keyring) != inside.mark) {
        return Err(KeysError::OtherStore(places.store.clone()));
    }
    let files = inside.files.iter().map(|file| {
        let bytes = BASE64_STANDARD.decode(file.base64.as_bytes());
        let bytes = bytes.map_err(|_| FormatError::Rows("a key that is not in base64"))?;
        Ok(StoreFile { name: file.name.clone(), bytes: Zeroizing::new(bytes) })
    });
    let files = files.collect::<Result<Vec<_>, FormatError>>()?;
    let done = seal::put_back(&places.store, &files)?;
    let keys = Keyring::open(&places.store, &root)?;
    let mut backup_key_written = false;
    if let Some(text) = &inside.backup_key {
        let key = RootKey::from_text(text)?;
        backup_key_written = write_missing(places.backup_key_file.as_deref(), &key)?;
    }
    let binding = gate::BindingKey::new(&keys.derive("clearance binding"));
    let log = Log { practice: places.practice, keys: &keys, binding: &binding, clock };
    hear(&places.witness, inside.witness.as_deref(), log)?;
    Ok(RestoredKeys {
        made_at: about.made_at,
        written: done.written,
        kept: done.kept,
        destroyed: done.destroyed,
        root_key_written,
        backup_key_written,
    })
}

fn read_inside(bytes: &[u8]) -> Result<Inside, FormatError> {
    serde_json::from_slice(bytes).map_err(|_| FormatError::Rows("not a copy of keys"))
}

fn from_environment() -> Result<RootKey, KeysError> {
    let text = std::env::var("SOTTO_ROOT_KEY").map_err(|_| KeysError::NoRootFile)?;
    Ok(RootKey::from_text(&Zeroizing::new(text))?)
}

fn write_missing(path: Option<&Path>, key: &RootKey) -> Result<bool, KeysError> {
    match path {
        Some(path) if !path.exists() => key.write_new(path).map(|()| true).map_err(Into::into),
        _ => Ok(false),
    }
}

/// The copy's witness, where it has seen more than the one that is there.
fn hear(witness: &Witness, copied: Option<&str>, log: Log<'_>) -> Result<(), KeysError> {
    let Some(copied) = copied else { return Ok(()) };
    let seen = witness.seen(log)?.map_or(0, |seen| seen.size());
    if witness.read(copied, log)?.size() > seen {
        witness.keep(copied)?;
    }
    Ok(())
}

/// For the fuzz door: reads bytes as the inside of a copy.
///
/// # Errors
/// [`FormatError`].
pub fn read_copy(bytes: &[u8]) -> Result<usize, FormatError> {
    read_inside(bytes).map(|inside| inside.files.len())
}
