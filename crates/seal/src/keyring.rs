//! The keyring of one practice: the only place where keys are in memory.

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::{
    cipher::{Cipher, KEY_LEN, OVERHEAD, fresh, unwrapped},
    error::{KeyKind, SealError},
    key_store::{Found, KeyStore},
    month::{Day, Month},
    place::{Place, Sealed},
    root_key::RootKey,
};

pub(crate) const PRACTICE_FILE: &str = "practice.key";
/// The first byte of a key file.
const FILE_VERSION: u8 = 1;
/// The first byte of a value sealed under a key of the store.
const VALUE_VERSION: u8 = 1;
/// Version, key id, place tag.
const HEADER: usize = 1 + KeyId::LEN + 4;
/// Patient keys held at once; about 8 MB. Beyond it the cache starts again.
const CACHED: usize = 8192;

/// Which key: the start of a keyed hash of its kind and name. It names the key's file and stands
/// in each sealed value, and says nothing about the patient.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyId([u8; KeyId::LEN]);

impl KeyId {
    pub(crate) const LEN: usize = 16;

    pub(crate) fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(crate) fn read(bytes: Option<&[u8]>) -> Option<Self> {
        bytes?.try_into().ok().map(Self)
    }

    fn file(self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(36), |mut name, byte| {
            // Writing to a String does not fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

/// How a key stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was ever sealed under it.
    Never,
    /// It opens what it sealed.
    There,
    /// It was destroyed, for good.
    Destroyed,
}

/// The name of the key that a sealed value or a wrap was sealed under; none where the bytes are too
/// few. Of the body of a message it says nothing: that is sealed under a key of its own.
pub fn sealed_under(sealed: &[u8]) -> Option<[u8; 16]> {
    sealed.get(1..).and_then(|rest| rest.first_chunk()).copied()
}

/// One key of the store, ready for use.
pub(crate) struct DataKey {
    pub(crate) id: KeyId,
    pub(crate) cipher: Cipher,
}

/// The keys of one practice, in a folder apart from the database.
///
/// Owns the folder's content and a cache of unwrapped keys, wiped when dropped. Share it by
/// reference between threads. Another process that destroys a key is noticed when this one next
/// reads the key's file; call [`forget`](Self::forget) on a timer to bound that time.
pub struct Keyring {
    store: KeyStore,
    wrapping: Cipher,
    names: hmac::Key,
    index: hmac::Key,
    content: hmac::Key,
    log_seed: Zeroizing<[u8; 32]>,
    practice: Zeroizing<[u8; KEY_LEN]>,
    by_id: RwLock<HashMap<KeyId, Arc<DataKey>>>,
    by_month: RwLock<HashMap<(KeyKind, Month), Arc<DataKey>>>,
}

impl Keyring {
    /// Makes a key store with a new practice key in `dir`, which becomes 0700.
    ///
    /// # Errors
    /// [`SealError::StoreExists`], [`SealError::Permissions`], [`SealError::Io`].
    pub fn create(dir: &Path, root: &RootKey) -> Result<Self, SealError> {
        let store = KeyStore::create(dir)?;
        let practice = fresh()?;
        if !store.write_once(PRACTICE_FILE, &wrapped_practice(&practice, root)?)? {
            return Err(SealError::StoreExists(dir.to_owned()));
        }
        Self::with(store, practice)
    }

    /// Opens the key store in `dir`.
    ///
    /// # Errors
    /// [`SealError::NoStore`], [`SealError::WrongRootKey`], [`SealError::KeyFile`] for a damaged
    /// practice key, [`SealError::Permissions`], [`SealError::Io`].
    pub fn open(dir: &Path, root: &RootKey) -> Result<Self, SealError> {
        let store = KeyStore::open(dir)?;
        let file = match store.read(PRACTICE_FILE)? {
            Found::Key(file) => file,
            Found::Tombstone(_) => return Err(SealError::Destroyed { kind: KeyKind::Practice }),
            Found::Nothing => return Err(SealError::NoStore(dir.to_owned())),
        };
        let wrong = SealError::KeyFile(KeyKind::Practice);
        if file.len() != 1 + KEY_LEN + OVERHEAD || file.first() != Some(&FILE_VERSION) {
            return Err(wrong);
        }
        let practice = Cipher::new(root.bytes())?
            .open(b"sotto practice key v1", file.get(1..).unwrap_or_default())
            .map_err(|_| SealError::WrongRootKey)?;
        Self::with(store, unwrapped(practice).map_err(|_| wrong)?)
    }

    /// Opens the key store in `dir`, or makes it when there is none.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(dir: &Path, root: &RootKey) -> Result<Self, SealError> {
        match Self::open(dir, root) {
            Err(SealError::NoStore(_)) => match Self::create(dir, root) {
                // Another node was faster by a moment.
                Err(SealError::StoreExists(_)) => Self::open(dir, root),
                made => made,
            },
            found => found,
        }
    }

    fn with(store: KeyStore, practice: Zeroizing<[u8; KEY_LEN]>) -> Result<Self, SealError> {
        let hmac_key = |purpose| -> hmac::Key {
            hmac::Key::new(hmac::HMAC_SHA256, derived(&practice, purpose).as_slice())
        };
        Ok(Self {
            wrapping: Cipher::new(&derived(&practice, "wrap keys"))?,
            names: hmac_key("name keys"),
            index: hmac_key("blind index"),
            content: hmac_key("content hash"),
            log_seed: derived(&practice, "log seed"),
            by_id: RwLock::default(),
            by_month: RwLock::default(),
            practice,
            store,
        })
    }

    /// Puts the practice key under another root key, in one step. Everything else stays as it
    /// is; the old root key opens nothing any more. (NIST SP 800-57 §5.3.)
    ///
    /// # Errors
    /// [`SealError::Io`]; the old root key is then still the right one, unless the folder could
    /// not be synced: keep both until this succeeded.
    pub fn rotate_root(&self, new: &RootKey) -> Result<(), SealError> {
        self.store.replace(PRACTICE_FILE, &wrapped_practice(&self.practice, new)?)
    }

    /// Seals a fact about one patient (an address, a name) under that patient's key, which is
    /// made when this is the first.
    ///
    /// # Errors
    /// [`SealError::Destroyed`] after [`destroy_patient`](Self::destroy_patient),
    /// [`SealError::PatientId`], [`SealError::KeyFile`], [`SealError::Io`].
    pub fn seal_for_patient(
        &self,
        patient: &str,
        place: &Place<'_>,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        let key = self.key(KeyKind::Patient, self.patient(patient)?)?;
        seal_value(&key, place, plain)
    }

    /// Seals something that lives as long as a month's records do, whoever it is about.
    ///
    /// # Errors
    /// [`SealError::Destroyed`] when that month's records are gone already,
    /// [`SealError::KeyFile`], [`SealError::Io`].
    pub fn seal_for_month(
        &self,
        retained: Month,
        place: &Place<'_>,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        seal_value(&*self.month_key(KeyKind::Retention, retained)?, place, plain)
    }

    /// Seals something that is kept for one device of somebody who works here, under that device's
    /// key, which is made when this is the first.
    ///
    /// # Errors
    /// [`SealError::Destroyed`] after [`destroy_device`](Self::destroy_device),
    /// [`SealError::PatientId`] for an id that is none, [`SealError::KeyFile`], [`SealError::Io`].
    pub fn seal_for_device(
        &self,
        device: &str,
        place: &Place<'_>,
        plain: &[u8],
    ) -> Result<Sealed, SealError> {
        let key = self.key(KeyKind::Device, self.named(KeyKind::Device, device)?)?;
        seal_value(&key, place, plain)
    }

    /// Opens what [`seal_for_patient`](Self::seal_for_patient),
    /// [`seal_for_month`](Self::seal_for_month) or
    /// [`seal_for_device`](Self::seal_for_device) sealed for this very place. The plain text is
    /// wiped when dropped.
    ///
    /// # Errors
    /// [`SealError::WrongPlace`], [`SealError::Altered`], [`SealError::Destroyed`],
    /// [`SealError::Missing`], [`SealError::CutShort`], [`SealError::Version`].
    pub fn open_value(
        &self,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = sealed.as_bytes();
        match bytes.first() {
            Some(&VALUE_VERSION) => {}
            Some(&other) => return Err(SealError::Version(other)),
            None => return Err(SealError::CutShort),
        }
        let (header, secret) = bytes.split_at_checked(HEADER).ok_or(SealError::CutShort)?;
        let (id, tag) = header
            .get(1..)
            .and_then(|rest| rest.split_first_chunk::<{ KeyId::LEN }>())
            .ok_or(SealError::CutShort)?;
        if tag != place.tag() {
            return Err(SealError::WrongPlace);
        }
        let key = self.existing(KeyId(*id))?;
        key.cipher.open(&place.bind(header), secret)
    }

    /// The blind index of a value: find by equality without reading. Give it the value in its one
    /// normal form (E.164, lower-case mailbox), and the kind of value as `domain`, so that equal
    /// texts of different kinds do not meet.
    pub fn blind_index(&self, domain: &str, normalised: &[u8]) -> [u8; 32] {
        keyed(&self.index, domain, normalised)
    }

    /// A keyed hash that binds content to an audit entry without telling it: who has no key
    /// cannot guess the text from the hash. (RULEBOOK §10 `content_hash`.)
    pub fn content_hash(&self, domain: &str, bytes: &[u8]) -> [u8; 32] {
        keyed(&self.content, domain, bytes)
    }

    /// Whether `hash` is that of this content, compared in constant time.
    pub fn content_hash_is(&self, domain: &str, bytes: &[u8], hash: &[u8]) -> bool {
        let found = self.content_hash(domain, bytes);
        aws_lc_rs::constant_time::verify_slices_are_equal(&found, hash).is_ok()
    }

    /// The seed of the audit log's Ed25519 key. It survives a change of root key.
    pub fn log_key(&self) -> Zeroizing<[u8; 32]> {
        self.log_seed.clone()
    }

    /// A secret of its own for one purpose of the caller's, always the same for this practice. It
    /// survives a change of root key.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        // The prefix keeps callers' purposes apart from this crate's own.
        derived(&self.practice, &format!("caller: {purpose}"))
    }

    /// Makes the keys of many patients, several at a time, so that an import does not wait for
    /// the disk patient by patient.
    ///
    /// # Errors
    /// The first that occurs; keys made until then stay and are found again.
    pub fn prepare_patients<'a>(
        &self,
        patients: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SealError> {
        let ids: Vec<KeyId> =
            patients.into_iter().map(|id| self.patient(id)).collect::<Result<_, _>>()?;
        // The disk takes the syncs of several threads into one; more than 16 gains nothing.
        let share = ids.len().div_ceil(16).max(1);
        std::thread::scope(|scope| {
            let turns: Vec<_> = ids
                .chunks(share)
                .map(|some| {
                    scope.spawn(|| {
                        some.iter().try_for_each(|id| self.key(KeyKind::Patient, *id).map(drop))
                    })
                })
                .collect();
            turns.into_iter().try_for_each(|turn| turn.join().unwrap_or(Err(SealError::Crypto)))
        })
    }

    /// Destroys one patient's key: early erasure. What it sealed is unreadable from now on, here
    /// and in every backup of the database.
    ///
    /// # Errors
    /// [`SealError::Io`]: call again, until it succeeds.
    pub fn destroy_patient(&self, patient: &str) -> Result<(), SealError> {
        self.destroy(KeyKind::Patient, self.patient(patient)?)
    }

    /// Whether there is a key of this day: something was sealed for patients until then.
    ///
    /// # Errors
    /// [`SealError::Io`].
    pub fn has_day(&self, day: Day) -> Result<bool, SealError> {
        Ok(matches!(self.store.read(&self.day_id(day).file())?, Found::Key(_)))
    }

    /// Destroys a day's key: the patients' copies that end with it are unreadable from now on. No
    /// backup holds the key (see [`copy_out`](crate::copy_out)).
    ///
    /// # Errors
    /// [`SealError::Io`]: call again, until it succeeds.
    pub fn destroy_day(&self, day: Day) -> Result<(), SealError> {
        self.destroy(KeyKind::Expiry, self.day_id(day))
    }

    /// Whether there is a key of this device: something was sealed for it, and it was not wiped.
    ///
    /// # Errors
    /// [`SealError::PatientId`] for an id that is none, [`SealError::Io`].
    pub fn has_device(&self, device: &str) -> Result<bool, SealError> {
        let id = self.named(KeyKind::Device, device)?;
        Ok(matches!(self.store.read(&id.file())?, Found::Key(_)))
    }

    /// Destroys a device's key: what was kept for it is unreadable from now on, and no other is
    /// made. No backup holds the key (see [`copy_out`](crate::copy_out)).
    ///
    /// # Errors
    /// [`SealError::Io`]: call again, until it succeeds.
    pub fn destroy_device(&self, device: &str) -> Result<(), SealError> {
        self.destroy(KeyKind::Device, self.named(KeyKind::Device, device)?)
    }

    /// Destroys a month's key: the end of retention.
    ///
    /// # Errors
    /// [`SealError::Io`]: call again, until it succeeds.
    pub fn destroy_month(&self, kind: KeyKind, month: Month) -> Result<(), SealError> {
        write(&self.by_month).remove(&(kind, month));
        self.destroy(kind, self.month_id(kind, month))
    }

    /// How a month's key stands in the store: never made, there, or destroyed.
    ///
    /// # Errors
    /// [`SealError::Io`].
    pub fn month(&self, kind: KeyKind, month: Month) -> Result<Standing, SealError> {
        Ok(match self.store.read(&self.month_id(kind, month).file())? {
            Found::Key(_) => Standing::There,
            Found::Tombstone(_) => Standing::Destroyed,
            Found::Nothing => Standing::Never,
        })
    }

    /// The name under which what was sealed under a month's key speaks of it: see
    /// [`sealed_under`](crate::sealed_under). It tells nothing to whoever has no key.
    pub fn month_name(&self, kind: KeyKind, month: Month) -> [u8; 16] {
        *self.month_id(kind, month).bytes()
    }

    /// Drops every unwrapped key from memory; they are read again as needed.
    pub fn forget(&self) {
        write(&self.by_month).clear();
        write(&self.by_id).clear();
    }

    pub(crate) fn month_key(&self, kind: KeyKind, month: Month) -> Result<Arc<DataKey>, SealError> {
        if let Some(key) = read(&self.by_month).get(&(kind, month)) {
            return Ok(key.clone());
        }
        let key = self.key(kind, self.month_id(kind, month))?;
        write(&self.by_month).insert((kind, month), key.clone());
        Ok(key)
    }

    pub(crate) fn day_key(&self, day: Day) -> Result<Arc<DataKey>, SealError> {
        self.key(KeyKind::Expiry, self.day_id(day))
    }

    /// A key that must have been written before.
    pub(crate) fn existing(&self, id: KeyId) -> Result<Arc<DataKey>, SealError> {
        if let Some(key) = read(&self.by_id).get(&id) {
            return Ok(key.clone());
        }
        self.load(id)?.ok_or(SealError::Missing)
    }

    /// A key that is made when it was never written. Destroyed keys are not made again.
    fn key(&self, kind: KeyKind, id: KeyId) -> Result<Arc<DataKey>, SealError> {
        if let Some(key) = read(&self.by_id).get(&id) {
            return Ok(key.clone());
        }
        if let Some(key) = self.load(id)? {
            self.store.settle()?;
            return Ok(key);
        }
        let mut file = vec![FILE_VERSION, kind as u8];
        self.wrapping.seal(&bound_file(kind as u8, id), fresh()?.as_slice(), &mut file)?;
        // Whoever wrote the file, we or a faster one: what is in it is the key.
        self.store.write_once(&id.file(), &file)?;
        self.load(id)?.ok_or(SealError::Missing)
    }

    fn load(&self, id: KeyId) -> Result<Option<Arc<DataKey>>, SealError> {
        let file = match self.store.read(&id.file())? {
            Found::Key(file) => file,
            Found::Tombstone(kind) => {
                let kind = KeyKind::ALL.into_iter().find(|k| kind.starts_with(k.word().as_bytes()));
                return Err(SealError::Destroyed { kind: kind.unwrap_or(KeyKind::Patient) });
            }
            Found::Nothing => return Ok(None),
        };
        let [FILE_VERSION, kind, sealed @ ..] = file.as_slice() else {
            return Err(SealError::KeyFile(KeyKind::Patient));
        };
        let damaged = || SealError::KeyFile(kind_of(*kind).unwrap_or(KeyKind::Patient));
        let key = self.wrapping.open(&bound_file(*kind, id), sealed).map_err(|_| damaged())?;
        let cipher = Cipher::new(&*unwrapped(key).map_err(|_| damaged())?)?;
        let key = Arc::new(DataKey { id, cipher });
        let mut cache = write(&self.by_id);
        if cache.len() >= CACHED {
            cache.clear();
        }
        cache.insert(id, key.clone());
        Ok(Some(key))
    }

    fn destroy(&self, kind: KeyKind, id: KeyId) -> Result<(), SealError> {
        write(&self.by_id).remove(&id);
        let destroyed = self.store.destroy(&id.file(), kind.word());
        // Someone may have loaded it in between.
        write(&self.by_id).remove(&id);
        destroyed
    }

    fn patient(&self, patient: &str) -> Result<KeyId, SealError> {
        self.named(KeyKind::Patient, patient)
    }

    fn named(&self, kind: KeyKind, id: &str) -> Result<KeyId, SealError> {
        let sound = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        if !(1..=64).contains(&id.len()) || !id.bytes().all(sound) {
            return Err(SealError::PatientId);
        }
        Ok(self.key_id(kind, id.as_bytes()))
    }

    fn month_id(&self, kind: KeyKind, month: Month) -> KeyId {
        self.key_id(kind, month.to_string().as_bytes())
    }

    fn day_id(&self, day: Day) -> KeyId {
        self.key_id(KeyKind::Expiry, day.to_string().as_bytes())
    }

    fn key_id(&self, kind: KeyKind, name: &[u8]) -> KeyId {
        let full = keyed(&self.names, kind.word(), name);
        let mut id = [0; KeyId::LEN];
        id.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        KeyId(id)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("keys", &format_args!("redacted"))
            .field("cached", &read(&self.by_id).len())
            .finish_non_exhaustive()
    }
}

fn seal_value(key: &DataKey, place: &Place<'_>, plain: &[u8]) -> Result<Sealed, SealError> {
    let mut out = Vec::with_capacity(HEADER + plain.len() + OVERHEAD);
    out.push(VALUE_VERSION);
    out.extend_from_slice(&key.id.0);
    out.extend_from_slice(&place.tag());
    let bound = place.bind(&out);
    key.cipher.seal(&bound, plain, &mut out)?;
    Ok(Sealed::from_bytes(out))
}

fn wrapped_practice(practice: &[u8; KEY_LEN], root: &RootKey) -> Result<Vec<u8>, SealError> {
    let mut file = vec![FILE_VERSION];
    Cipher::new(root.bytes())?.seal(b"sotto practice key v1", practice, &mut file)?;
    Ok(file)
}

/// Whether a key file, of any key but the practice's, says that it holds a key of this kind. The word
/// stands before the sealed key and is bound by it: a file that says otherwise does not open.
pub(crate) fn is_of(file: &[u8], kind: KeyKind) -> bool {
    file.get(1) == Some(&(kind as u8))
}

/// A file is bound to its name, so that one key cannot be put in another's place.
fn bound_file(kind: u8, id: KeyId) -> Vec<u8> {
    let mut bound = b"sotto key v1".to_vec();
    bound.push(kind);
    bound.extend_from_slice(&id.0);
    bound
}

fn kind_of(byte: u8) -> Option<KeyKind> {
    KeyKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
}

/// One purpose's key out of the practice key. The practice key is uniformly random, so one HMAC
/// is a sound derivation (NIST SP 800-108 §4.1 with a single block).
fn derived(practice: &[u8; KEY_LEN], purpose: &str) -> Zeroizing<[u8; KEY_LEN]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, practice);
    Zeroizing::new(keyed(&key, "sotto derive v1", purpose.as_bytes()))
}

fn keyed(key: &hmac::Key, domain: &str, bytes: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(&(domain.len() as u32).to_be_bytes());
    context.update(domain.as_bytes());
    context.update(bytes);
    let mut out = [0; 32];
    out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

// A thread that panicked while holding a cache left it whole: each change is one map operation.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
