//! The folder that backups are kept in: their names, how one is finished, and which go.
//!
//! A backup is written to `….partial`, synced, read back and checked, and only then gets its name,
//! after which the folder is synced. A crash leaves a `.partial` file at worst, which the next run
//! removes. One backup is made at a time: the folder is locked while it is.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

const PARTIAL: &str = ".partial";
const ENDING: &str = ".sotto";

/// What a file of the folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Rows.
    Data,
    /// Keys.
    Keys,
}

impl Holds {
    const fn beginning(self) -> &'static str {
        match self {
            Self::Data => "data-",
            Self::Keys => "keys-",
        }
    }
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The disk.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else writes there.
    #[error("another backup into {} is under way", .0.display())]
    Busy(PathBuf),
    /// Two within a second, or a clock that went back.
    #[error("{} exists already: wait a second", .0.display())]
    Exists(PathBuf),
}

/// The folder, locked until this is dropped.
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// A file without its name yet. Removed when it is dropped unfinished.
pub struct Partial<'a> {
    folder: &'a Folder,
    path: PathBuf,
    name: PathBuf,
}

impl Folder {
    /// Opens the folder, or makes it for its owner alone, and removes what a crash left behind.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let fail = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { doing, path, source }
        };
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(path)
            .map_err(fail("make the folder", path))?;
        let lock_path = path.join(".lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).append(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(fail("lock", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(fail("lock", &lock_path)(source)),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        for torn in files(path, |name| name.ends_with(PARTIAL))? {
            fs::remove_file(&torn).map_err(fail("remove", &torn))?;
        }
        Ok(folder)
    }

    /// Begins a file whose name says when it was made.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn begin(&self, holds: Holds, at: Timestamp) -> Result<(Partial<'_>, File), FolderError> {
        let stamp = at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let name = self.path.join(format!("{}{stamp}{ENDING}", holds.beginning()));
        if name.exists() {
            return Err(FolderError::Exists(name));
        }
        let mut path = name.clone().into_os_string();
        path.push(PARTIAL);
        let partial = Partial { folder: self, path: path.into(), name };
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&partial.path);
        let file = file.map_err(|source| FolderError::Io {
            doing: "write",
            path: partial.path.clone(),
            source,
        })?;
        Ok((partial, file))
    }

    /// Removes all but the newest `keep` of these files, and says how many. At least one stays.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn prune(&self, holds: Holds, keep: usize) -> Result<usize, FolderError> {
        let all = list(&self.path, holds)?;
        let old = all.len().saturating_sub(keep.max(1));
        for path in all.iter().take(old) {
            fs::remove_file(path).map_err(|source| FolderError::Io {
                doing: "remove",
                path: path.clone(),
                source,
            })?;
        }
        Ok(old)
    }
}

impl Partial<'_> {
    /// Where it is until it gets its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, durably. The file itself must be synced.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn finish(self) -> Result<PathBuf, FolderError> {
        let fail = |source| FolderError::Io { doing: "finish", path: self.name.clone(), source };
        fs::rename(&self.path, &self.name).map_err(fail)?;
        File::open(&self.folder.path).and_then(|folder| folder.sync_all()).map_err(fail)?;
        Ok(self.name.clone())
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // Gone already once it has its name.
        let _ = fs::remove_file(&self.path);
    }
}

/// The finished files, the oldest first.
///
/// # Errors
/// [`FolderError`].
pub fn list(folder: &Path, holds: Holds) -> Result<Vec<PathBuf>, FolderError> {
    files(folder, |name| name.starts_with(holds.beginning()) && name.ends_with(ENDING))
}

fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, FolderError> {
    let fail = |source| FolderError::Io { doing: "look into", path: folder.to_owned(), source };
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(fail(error)),
    };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            found.push(entry.path());
        }
    }
    // Their names tell the time.
    found.sort();
    Ok(found)
}
