//! Emergency mode: the database is away, and work goes on from a sealed copy on this machine's disk.
//! Today's and tomorrow's schedule, and how to reach who is on it, to be read and printed and nothing
//! else (45 CFR 164.308(a)(7)(ii)(C), 164.312(a)(2)(ii); docs/decisions/0024).
//!
//! While all is well the copy is written anew every minute ([`copy`]). While the database is away,
//! who looked is written to a file, to disk before anything is shown ([`spool`]); when it is back,
//! that goes into the log. [`watch`] knows which of the two it is.

pub mod copy;
pub mod spool;
pub mod watch;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;

use self::copy::Known;
use self::spool::Spool;
use crate::access::sessions;

/// This machine's emergency mode. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Downtime(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    away_since: RwLock<Option<Timestamp>>,
    copied_at: RwLock<Option<Timestamp>>,
    /// When each session was used last since the database went away.
    seen: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Downtime {
    /// With its copy and its spool in this folder, which is made.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn at(folder: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self(Arc::new(Inner {
            folder: folder.to_owned(),
            away_since: RwLock::default(),
            copied_at: RwLock::default(),
            seen: Mutex::default(),
        })))
    }

    /// Where the copy is.
    #[must_use]
    pub fn copy(&self) -> PathBuf {
        self.0.folder.join("schedule.sealed")
    }

    /// Who looked while the database was away.
    #[must_use]
    pub fn spool(&self) -> Spool {
        Spool::at(self.0.folder.join("looked.jsonl"))
    }

    /// Since when the database is away, in the time of people's lives; none while it is there.
    #[must_use]
    pub fn away_since(&self) -> Option<Timestamp> {
        *self.0.away_since.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn copied_at(&self) -> Option<Timestamp> {
        *self.0.copied_at.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn copied(&self, now: Timestamp) {
        *self.0.copied_at.write().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// The database does not take what it is given.
    pub fn went_away(&self, now: Timestamp) {
        let mut since = self.0.away_since.write().unwrap_or_else(PoisonError::into_inner);
        if since.is_none() {
            *since = Some(now);
            tracing::error!("downtime.began");
        }
    }

    /// It does again.
    pub fn came_back(&self) {
        let mut since = self.0.away_since.write().unwrap_or_else(PoisonError::into_inner);
        if since.take().is_some() {
            tracing::warn!("downtime.ended");
        }
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether a session of the copy is good now, and used now: not past its end, and not idle for
    /// so long that it would have locked. Nobody can open a lock while the database is away.
    #[must_use]
    pub fn admits(&self, known: &Known, now: Timestamp) -> bool {
        let idle = if known.shared { sessions::IDLE_SHARED } else { sessions::IDLE };
        let mut all = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.get(&known.key).copied().unwrap_or(known.seen_at);
        let good = now < known.expires_at && now.duration_since(last) < idle;
        if good {
            all.insert(known.key, now);
        }
        good
    }
}

/// Replaces a file in one step: after a crash there is the old one or the new one, whole.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    let mut to = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    to.write_all(bytes)?;
    to.sync_all()?;
    fs::rename(&new, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
