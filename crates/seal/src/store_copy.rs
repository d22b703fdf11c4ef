//! The key store's files, copied out for a backup and put back.
//!
//! A destroyed key is not in a copy, only its tombstone; and a key whose tombstone is in the store
//! does not come back out of an older copy. So destruction holds, as long as the tombstones do.

use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{KeyKind, SealError};
use crate::key_store::{Found, KeyStore, TOMBSTONE};
use crate::keyring::{PRACTICE_FILE, is_of};

/// One file of a key store: a wrapped key, or the tombstone of one that was destroyed.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// Its name, which tells nothing about anybody.
    pub name: String,
    /// What is in it.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl StoreFile {
    /// Whether it tells that a key was destroyed.
    pub fn is_tombstone(&self) -> bool {
        self.name.ends_with(TOMBSTONE)
    }
}

impl std::fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What putting back did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PutBack {
    /// Keys that were not there and are now.
    pub written: u64,
    /// Keys that were there.
    pub kept: u64,
    /// Keys that are destroyed, by the copy or by the store, and stay so.
    pub destroyed: u64,
}

/// Every key of the store in `dir` that is to outlive it, and every tombstone, by name. Left out are
/// keys that were destroyed, those of patients' copies, and those of devices: a copy that ends with
/// its day, and what was kept for a device that is wiped, must not come back out of a backup.
///
/// # Errors
/// [`SealError::NoStore`], [`SealError::Permissions`], [`SealError::Io`].
pub fn copy_out(dir: &Path) -> Result<Vec<StoreFile>, SealError> {
    let store = KeyStore::open(dir)?;
    let fail = |source| SealError::Io { doing: "list the key store", path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        names.extend(name.into_string().ok().filter(|name| is_ours(name)));
    }
    names.sort_unstable();
    let mut files = Vec::new();
    for name in names {
        let bytes = match name.strip_suffix(TOMBSTONE) {
            Some(key) => match store.read(key)? {
                Found::Tombstone(bytes) => bytes,
                Found::Key(_) | Found::Nothing => continue,
            },
            None => match store.read(&name)? {
                // Destroyed while it was read: what was read may be half erased.
                Found::Key(_) if store.is_destroyed(&name)? => continue,
                Found::Key(bytes) if stays_here(&name, &bytes) => continue,
                Found::Key(bytes) => bytes,
                Found::Tombstone(_) | Found::Nothing => continue,
            },
        };
        files.push(StoreFile { name, bytes: Zeroizing::new(bytes) });
    }
    if !files.iter().any(|file| file.name == PRACTICE_FILE) {
        return Err(SealError::NoStore(dir.to_owned()));
    }
    Ok(files)
}

/// A key that no copy holds. The practice's own file names no kind: its second byte is chance.
fn stays_here(name: &str, file: &[u8]) -> bool {
    name != PRACTICE_FILE && (is_of(file, KeyKind::Expiry) || is_of(file, KeyKind::Device))
}

/// Puts a copy back into the store in `dir`, which is made where it is missing. What is there stays
/// as it is; tombstones come first. A crash leaves part of it; do it again.
///
/// # Errors
/// [`SealError::Permissions`], [`SealError::Io`], [`SealError::KeyFile`] for a copy with files that
/// no key store has.
pub fn put_back(dir: &Path, files: &[StoreFile]) -> Result<PutBack, SealError> {
    if !files.iter().all(|file| is_ours(&file.name)) {
        return Err(SealError::KeyFile(KeyKind::Practice));
    }
    let store = KeyStore::create(dir)?;
    let mut done = PutBack::default();
    for file in files.iter().filter(|file| file.is_tombstone()) {
        let said = String::from_utf8_lossy(&file.bytes);
        let word = said.split(' ').next().unwrap_or_default();
        store.destroy(file.name.strip_suffix(TOMBSTONE).unwrap_or_default(), word)?;
        done.destroyed += 1;
    }
    for file in files.iter().filter(|file| !file.is_tombstone()) {
        if store.is_destroyed(&file.name)? {
            done.destroyed += 1;
        } else if store.write_once(&file.name, &file.bytes)? {
            done.written += 1;
        } else {
            done.kept += 1;
        }
    }
    Ok(done)
}

/// The practice key, or 32 hexadecimal digits; with a tombstone's ending or without.
fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix(TOMBSTONE).unwrap_or(name);
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name == PRACTICE_FILE || (name.len() == 32 && name.bytes().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_store::tests::scratch;
    use crate::{Keyring, Place, RootKey};

    #[test]
    fn a_copy_put_back_opens_what_was_sealed_but_for_what_was_destroyed() {
        let (dir, other) = (scratch(), scratch());
        let root = RootKey::generate().unwrap();
        let (from, to) = (dir.path().join("keys"), other.path().join("keys"));
        let keys = Keyring::create(&from, &root).unwrap();
        let place = Place { practice: "p", table: "t", row: "r", column: "c" };
        let ana = keys.seal_for_patient("ana", &place, b"one").unwrap();
        let ben = keys.seal_for_patient("ben", &place, b"two").unwrap();
        let older = copy_out(&from).unwrap();
        keys.destroy_patient("ben").unwrap();
        fs::write(from.join(".new-1-1"), "torn").unwrap();
        let newer = copy_out(&from).unwrap();
        assert_eq!((older.len(), newer.len()), (3, 3));
        assert_eq!(newer.iter().filter(|file| file.is_tombstone()).count(), 1);

        let done = put_back(&to, &newer).unwrap();
        assert_eq!(done, PutBack { written: 2, kept: 0, destroyed: 1 });
        let again = Keyring::open(&to, &root).unwrap();
        assert_eq!(*again.open_value(&place, &ana).unwrap(), b"one");
        assert!(matches!(again.open_value(&place, &ben), Err(SealError::Destroyed { .. })));

        // An older copy does not bring back what was destroyed since.
        let done = put_back(&to, &older).unwrap();
        assert_eq!(done, PutBack { written: 0, kept: 2, destroyed: 1 });
        again.forget();
        assert!(matches!(again.open_value(&place, &ben), Err(SealError::Destroyed { .. })));
    }

    #[test]
    fn the_practices_key_is_in_every_copy_whatever_chance_wrote_into_it() {
        let dir = scratch();
        let at = dir.path().join("keys");
        Keyring::create(&at, &RootKey::generate().unwrap()).unwrap();
        let path = at.join(super::PRACTICE_FILE);
        for chance in 0..=u8::MAX {
            let mut file = fs::read(&path).unwrap();
            file[1] = chance;
            fs::write(&path, &file).unwrap();
            let copy = copy_out(&at).unwrap();
            assert_eq!(copy.len(), 1, "{chance}");
            assert_eq!(*copy[0].bytes, file);
        }
    }

    #[test]
    fn the_keys_of_patients_copies_are_in_no_copy() {
        let dir = scratch();
        let at = dir.path().join("keys");
        let keys = Keyring::create(&at, &RootKey::generate().unwrap()).unwrap();
        let place = Place { practice: "p", table: "message", row: "r", column: "content" };
        let retention = crate::Month::new(2033, 1).unwrap();
        let buckets = crate::Buckets { retention, expiry: Some(crate::Day(20_800)) };
        keys.seal_message(buckets, &place, b"text").unwrap();
        assert_eq!(fs::read_dir(&at).unwrap().count(), 3);
        assert_eq!(copy_out(&at).unwrap().len(), 2, "the practice's key and the record's");
        keys.destroy_day(crate::Day(20_800)).unwrap();
        let copy = copy_out(&at).unwrap();
        assert_eq!((copy.len(), copy.iter().filter(|file| file.is_tombstone()).count()), (3, 1));
    }

    #[test]
    fn the_keys_of_devices_are_in_no_copy_and_what_they_sealed_ends_with_them() {
        let (dir, other) = (scratch(), scratch());
        let root = RootKey::generate().unwrap();
        let (from, to) = (dir.path().join("keys"), other.path().join("keys"));
        let keys = Keyring::create(&from, &root).unwrap();
        let place = Place { practice: "p", table: "draft", row: "r", column: "body" };
        let lost = keys.seal_for_device("d-1", &place, b"half a line").unwrap();
        let kept = keys.seal_for_device("d-2", &place, b"another").unwrap();
        let older = copy_out(&from).unwrap();
        assert_eq!(older.len(), 1, "the practice's key alone");
        assert!(keys.has_device("d-1").unwrap());
        keys.destroy_device("d-1").unwrap();
        assert!(!keys.has_device("d-1").unwrap());
        let destroyed =
            |opened| matches!(opened, Err(SealError::Destroyed { kind: KeyKind::Device }));
        assert!(destroyed(keys.open_value(&place, &lost)));
        assert!(matches!(
            keys.seal_for_device("d-1", &place, b"more"),
            Err(SealError::Destroyed { kind: KeyKind::Device })
        ));
        assert_eq!(*keys.open_value(&place, &kept).unwrap(), b"another");
        // Neither an older copy nor a newer one brings it back, here or elsewhere.
        put_back(&from, &older).unwrap();
        keys.forget();
        assert!(destroyed(keys.open_value(&place, &lost)));
        put_back(&to, &older).unwrap();
        let elsewhere = Keyring::open(&to, &root).unwrap();
        assert!(matches!(elsewhere.open_value(&place, &lost), Err(SealError::Missing)));
    }

    #[test]
    fn names_that_no_store_has_are_not_written() {
        let dir = scratch();
        let bytes = Zeroizing::new(b"x".to_vec());
        for name in ["../x", "x", "practice.key/..", "0123", "", ".destroyed"] {
            let file = StoreFile { name: name.to_owned(), bytes: bytes.clone() };
            assert!(put_back(&dir.path().join("keys"), &[file]).is_err(), "{name}");
        }
    }
}
