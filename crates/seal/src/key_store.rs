//! The key files: a folder of its own, one small file for each wrapped key.
//!
//! A key is written once: to a temporary file, synced, linked to its name (which fails when the
//! name is taken, so two processes cannot each make "the" key), and the folder synced. A crash
//! leaves a temporary file at worst, which is never read.
//!
//! A key is destroyed behind a tombstone: the tombstone first, then the file is overwritten,
//! unlinked, and the folder synced. A crash in between leaves both, and the tombstone wins; the
//! next `destroy` finishes the work. A tombstone stays for good, so a destroyed key is never
//! silently made anew. (45 CFR 164.310(d)(2)(i).)

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::error::SealError;

/// No key file is larger; more is not read.
const MAX_FILE: u64 = 256;

/// What the store says about a name.
pub(crate) enum Found {
    /// The file's bytes.
    Key(Vec<u8>),
    /// Destroyed on purpose; what the tombstone says.
    Tombstone(Vec<u8>),
    /// Never written.
    Nothing,
}

/// The folder. Names are hexadecimal digits or fixed words, made by the keyring.
pub(crate) struct KeyStore {
    dir: PathBuf,
    next_temporary: AtomicU64,
    /// Names given and not yet synced.
    unsynced: AtomicU64,
}

impl KeyStore {
    /// Makes the folder, 0700, or takes an empty private one.
    pub(crate) fn create(dir: &Path) -> Result<Self, SealError> {
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(dir)
            .map_err(|source| fail("create the key store", dir, source))?;
        Self::open(dir)
    }

    /// Opens the folder, which others must not be able to enter.
    pub(crate) fn open(dir: &Path) -> Result<Self, SealError> {
        let found = match fs::metadata(dir) {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Err(SealError::NoStore(dir.to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(SealError::NoStore(dir.to_owned()));
            }
            Err(source) => return Err(fail("open the key store", dir, source)),
        };
        let mode = found.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(SealError::Permissions { path: dir.to_owned(), mode: mode & 0o777 });
        }
        let store = Self {
            dir: dir.to_owned(),
            next_temporary: AtomicU64::new(0),
            unsynced: AtomicU64::new(0),
        };
        // A process that ended between a name and its sync left the rest of the work to us.
        store.sync_folder(dir)?;
        Ok(store)
    }

    /// Makes sure that a name that was found stays: another thread may have given it this instant.
    pub(crate) fn settle(&self) -> Result<(), SealError> {
        match self.unsynced.load(Ordering::SeqCst) {
            0 => Ok(()),
            _ => self.sync_folder(&self.dir),
        }
    }

    pub(crate) fn read(&self, name: &str) -> Result<Found, SealError> {
        if let Some(inscription) = self.bytes(&tombstone(name))? {
            return Ok(Found::Tombstone(inscription));
        }
        Ok(self.bytes(name)?.map_or(Found::Nothing, Found::Key))
    }

    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, SealError> {
        let path = self.path(name);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(fail("read a key", &path, source)),
        }
    }

    /// Writes a key once. `false` when the name is taken: somebody was faster, read theirs.
    pub(crate) fn write_once(&self, name: &str, bytes: &[u8]) -> Result<bool, SealError> {
        let (temporary, path) = (self.temporary(bytes)?, self.path(name));
        self.unsynced.fetch_add(1, Ordering::SeqCst);
        let linked = self.link(&temporary, &path);
        self.unsynced.fetch_sub(1, Ordering::SeqCst);
        match linked? {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(source) => return Err(fail("write a key", &path, source)),
        }
        // Destroyed between our look and our link: the tombstone wins.
        if self.is_destroyed(name)? {
            self.erase(&path)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Gives a file its name for good; the inner error is that of giving the name.
    fn link(&self, temporary: &Path, path: &Path) -> Result<std::io::Result<()>, SealError> {
        let linked = fs::hard_link(temporary, path);
        fs::remove_file(temporary)
            .map_err(|source| fail("tidy the key store", temporary, source))?;
        if linked.is_ok() {
            self.sync_folder(path)?;
        }
        Ok(linked)
    }

    /// Replaces a file in one step: after a crash it holds the old bytes or the new, all of them.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), SealError> {
        let (temporary, path) = (self.temporary(bytes)?, self.path(name));
        fs::rename(&temporary, &path).map_err(|source| fail("replace a key", &path, source))?;
        self.sync_folder(&path)
    }

    /// Destroys a key for good. Doing it twice, or to a key that never was, is no error.
    pub(crate) fn destroy(&self, name: &str, inscription: &str) -> Result<(), SealError> {
        if !self.is_destroyed(name)? {
            self.write_once(&tombstone(name), format!("{inscription} key destroyed\n").as_bytes())?;
        }
        self.erase(&self.path(name))
    }

    pub(crate) fn is_destroyed(&self, name: &str) -> Result<bool, SealError> {
        let path = self.path(&tombstone(name));
        // A tombstone has no tombstone of its own.
        if name.ends_with(TOMBSTONE) {
            return Ok(false);
        }
        path.try_exists().map_err(|source| fail("look for a key", &path, source))
    }

    fn erase(&self, path: &Path) -> Result<(), SealError> {
        let mut file = match OpenOptions::new().write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(fail("destroy a key", path, source)),
        };
        let erased = file.metadata().and_then(|found| {
            file.write_all(&vec![0; found.len().min(MAX_FILE) as usize])?;
            file.sync_all()?;
            fs::remove_file(path)
        });
        match erased {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(fail("destroy a key", path, error))
            }
            _ => self.sync_folder(path),
        }
    }

    /// A synced file under a name nobody reads.
    fn temporary(&self, bytes: &[u8]) -> Result<PathBuf, SealError> {
        loop {
            let turn = self.next_temporary.fetch_add(1, Ordering::Relaxed);
            let path = self.dir.join(format!(".new-{}-{turn}", std::process::id()));
            let mut file =
                match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                    Ok(file) => file,
                    // Left by a crash of a process with our number.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                    Err(source) => return Err(fail("write a key", &path, source)),
                };
            file.write_all(bytes)
                .and_then(|()| file.sync_all())
                .map_err(|source| fail("write a key", &path, source))?;
            return Ok(path);
        }
    }

    fn sync_folder(&self, about: &Path) -> Result<(), SealError> {
        let folder = &self.dir;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| fail("sync the key store", about, source))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

pub(crate) const TOMBSTONE: &str = ".destroyed";

fn tombstone(name: &str) -> String {
    format!("{name}{TOMBSTONE}")
}

fn fail(doing: &'static str, path: &Path, source: std::io::Error) -> SealError {
    SealError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder that goes away with the test.
    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    pub(crate) fn scratch() -> Scratch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("seal-test-{}-{turn}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        Scratch(path)
    }

    fn key(store: &KeyStore, name: &str) -> Option<Vec<u8>> {
        match store.read(name).unwrap() {
            Found::Key(bytes) => Some(bytes),
            _ => None,
        }
    }

    #[test]
    fn a_key_is_written_once_and_privately() {
        let dir = scratch();
        let store = KeyStore::open(dir.path()).unwrap();
        assert!(store.write_once("aa", b"first").unwrap());
        assert!(!store.write_once("aa", b"second").unwrap());
        assert_eq!(key(&store, "aa").unwrap(), b"first");
        let mode = fs::metadata(dir.path().join("aa")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_destroyed_key_stays_destroyed() {
        let dir = scratch();
        let store = KeyStore::open(dir.path()).unwrap();
        store.write_once("aa", b"first").unwrap();
        store.destroy("aa", "patient").unwrap();
        store.destroy("aa", "patient").unwrap();
        assert!(matches!(store.read("aa").unwrap(), Found::Tombstone(_)));
        assert!(!store.write_once("aa", b"again").unwrap());
        assert!(!dir.path().join("aa").exists(), "not even the loser's file stays");

        store.destroy("never-was", "patient").unwrap();
        assert!(matches!(store.read("never-was").unwrap(), Found::Tombstone(_)));
    }

    #[test]
    fn destroying_overwrites_the_file_s_own_blocks() {
        let dir = scratch();
        let store = KeyStore::open(dir.path()).unwrap();
        store.write_once("aa", b"secret").unwrap();
        // A second name for the same blocks shows what was done to them.
        fs::hard_link(dir.path().join("aa"), dir.path().join("witness")).unwrap();
        store.destroy("aa", "patient").unwrap();
        assert_eq!(fs::read(dir.path().join("witness")).unwrap(), [0; 6]);
    }

    #[test]
    fn crashes_between_the_steps_of_destroying_leave_the_key_unreadable() {
        let dir = scratch();
        let store = KeyStore::open(dir.path()).unwrap();
        store.write_once("aa", b"secret").unwrap();
        // Crashed right after the tombstone.
        store.write_once("aa.destroyed", b"destroyed\n").unwrap();
        assert!(matches!(store.read("aa").unwrap(), Found::Tombstone(_)));
        store.destroy("aa", "patient").unwrap();
        assert!(!dir.path().join("aa").exists(), "the next call finishes the work");
    }

    /// For each point at which the process may end while it writes a key: what lies in the folder
    /// then, and the key that the next one has.
    #[test]
    fn wherever_the_writing_of_a_key_ends_the_next_start_has_one_whole_key() {
        type Files<'a> = &'a [(&'a str, &'a [u8])];
        let table: [(&str, Files<'_>, &[u8]); 5] = [
            ("before its file", &[], b"second"),
            ("within its file", &[(".new-7-0", b"fir")], b"second"),
            ("before its name", &[(".new-7-0", b"first")], b"second"),
            (
                "before the other name is gone",
                &[(".new-7-0", b"first"), ("aa", b"first")],
                b"first",
            ),
            ("before the folder is synced", &[("aa", b"first")], b"first"),
        ];
        for (ended, left, wanted) in table {
            let dir = scratch();
            for (name, bytes) in left {
                fs::write(dir.path().join(name), bytes).unwrap();
            }
            let store = KeyStore::open(dir.path()).unwrap();
            let ours = store.write_once("aa", b"second").unwrap();
            assert_eq!(ours, wanted == b"second", "{ended}");
            assert_eq!(key(&store, "aa").unwrap(), wanted, "{ended}");
            assert!(!store.write_once("aa", b"third").unwrap(), "{ended}");
            assert_eq!(key(&store, "aa").unwrap(), wanted, "{ended}");
        }
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_and_can_be_done_again() {
        let dir = scratch();
        let store = KeyStore::open(dir.path()).unwrap();
        // The folder is away, as on a disk that is gone.
        let away = dir.path().with_extension("away");
        fs::rename(dir.path(), &away).unwrap();
        assert!(matches!(store.write_once("aa", b"first"), Err(SealError::Io { .. })));
        fs::rename(&away, dir.path()).unwrap();
        assert!(store.write_once("aa", b"second").unwrap());
        assert_eq!(key(&store, "aa").unwrap(), b"second");
    }

    #[test]
    fn an_open_folder_a_missing_one_and_a_file_are_refused() {
        let dir = scratch();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let open = KeyStore::open(dir.path());
        assert!(matches!(open, Err(SealError::Permissions { mode: 0o750, .. })));
        let missing = KeyStore::open(&dir.path().join("none"));
        assert!(matches!(missing, Err(SealError::NoStore(_))));
        fs::write(dir.path().join("file"), "").unwrap();
        let file = KeyStore::open(&dir.path().join("file"));
        assert!(matches!(file, Err(SealError::NoStore(_))));
    }
}
