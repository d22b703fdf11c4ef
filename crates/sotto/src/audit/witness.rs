//! The last signed checkpoint, kept apart from the database.
//!
//! A database that is put back to an older state proves itself: its log is whole, only shorter.
//! What tells is a checkpoint seen before and kept elsewhere. `sotto serve` keeps each new one in a
//! file beside the keys, looks at it when it starts, and refuses a log that does not begin with what
//! it signed; so does `sotto restore`. (RULEBOOK §10; 45 CFR 164.312(c)(2).)
//!
//! The file is replaced in one step after the checkpoint is durable in the database, so a crash
//! leaves an older witness at worst, never one that is ahead of the log.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ledger::{Checkpoint, Frontier, Head};

use crate::audit::append::Log;
use crate::audit::sequencer::{last_note, log_key, tile};
use crate::db::{DbError, Tx};

/// The file.
#[derive(Debug, Clone)]
pub struct Witness(PathBuf);

/// The witness cannot be heard.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The disk.
    #[error("cannot {doing} the witness {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a checkpoint of this log.
    #[error(
        "the witness {} holds no checkpoint of this practice's log ({why}): is it another \
         practice's, or are these other keys?", path.display()
    )]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        why: ledger::CheckpointError,
    },
    /// The log's key cannot be made.
    #[error(transparent)]
    Key(#[from] ledger::VerifierKeyError),
    /// The stored head is not signed by this log's key.
    #[error("the last checkpoint cannot be trusted ({0}); run `sotto audit verify`")]
    Head(#[from] ledger::CheckpointError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How a database's log stands to a checkpoint seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It begins with what was seen, or nothing was seen yet.
    GoesOn,
    /// It is shorter.
    WentBack {
        /// What was seen.
        known: Head,
        /// What is there.
        found: Head,
    },
    /// It is as long or longer, and another.
    OtherLog {
        /// What was seen.
        known: Head,
        /// What is there.
        found: Head,
    },
}

impl Standing {
    /// How many entries that were recorded once are not there.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        match self {
            Self::WentBack { known, found } => known.size.saturating_sub(found.size),
            Self::GoesOn | Self::OtherLog { .. } => 0,
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::GoesOn => f.write_str("the log goes on from what was seen last"),
            Self::WentBack { known, found } => write!(
                f,
                "the log went back: {} entries were signed and seen, {} are here, {} would be lost",
                known.size,
                found.size,
                self.lost()
            ),
            Self::OtherLog { known, .. } => write!(
                f,
                "this is another log: it does not begin with the {} entries that were signed and \
                 seen",
                known.size
            ),
        }
    }
}

impl Witness {
    /// The witness in this file, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The checkpoint seen last, if one was.
    ///
    /// # Errors
    /// [`WitnessError::Io`], [`WitnessError::Foreign`].
    pub fn seen<'a>(&self, log: impl Into<Log<'a>>) -> Result<Option<Checkpoint>, WitnessError> {
        let Some(note) = self.note()? else { return Ok(None) };
        self.read(&note, log).map(Some)
    }

    /// Reads a note as one of this log.
    ///
    /// # Errors
    /// [`WitnessError::Foreign`].
    pub fn read<'a>(
        &self,
        note: &str,
        log: impl Into<Log<'a>>,
    ) -> Result<Checkpoint, WitnessError> {
        let verifier = log_key(log.into())?.verifier();
        let foreign = |why| WitnessError::Foreign { path: self.0.clone(), why };
        Checkpoint::open(note.as_bytes(), &verifier).map_err(foreign)
    }

    /// The file as it is, if it is there.
    ///
    /// # Errors
    /// [`WitnessError::Io`].
    pub fn note(&self) -> Result<Option<String>, WitnessError> {
        match fs::read_to_string(&self.0) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.fail("read", source)),
        }
    }

    /// Keeps this checkpoint instead, durably.
    ///
    /// # Errors
    /// [`WitnessError::Io`]; the old one is then still there.
    pub fn keep(&self, note: &str) -> Result<(), WitnessError> {
        let folder =
            self.0.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (mut file, new) = self.fresh().map_err(|source| self.fail("write", source))?;
        file.write_all(note.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&new, &self.0))
            .inspect_err(|_| {
                let _ = fs::remove_file(&new);
            })
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(|source| self.fail("write", source))
    }

    /// A file beside this one that is nobody else's: nodes share the folder, and one must not put
    /// into place what another has half written. A crash leaves it behind.
    fn fresh(&self) -> std::io::Result<(File, PathBuf)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut turn = 0_u64;
        loop {
            let mut new = self.0.clone().into_os_string();
            new.push(format!(".new-{turn}"));
            match options.open(&new) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    turn = turn.wrapping_add(1);
                }
                opened => return opened.map(|file| (file, new.into())),
            }
        }
    }

    /// How the log in the database stands to what was seen.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn ask<'a>(
        &self,
        tx: &mut Tx<'_>,
        log: impl Into<Log<'a>>,
    ) -> Result<Standing, WitnessError> {
        let log = log.into();
        let Some(seen) = self.seen(log)? else { return Ok(Standing::GoesOn) };
        standing(tx, log, seen.head())
    }

    fn fail(&self, doing: &'static str, source: std::io::Error) -> WitnessError {
        WitnessError::Io { doing, path: self.0.clone(), source }
    }
}

/// How the log stands to a head that was seen. The stored tiles must make that head: they cannot,
/// if any entry before it was another.
fn standing(tx: &mut Tx<'_>, log: Log<'_>, known: Head) -> Result<Standing, WitnessError> {
    let found = match last_note(tx, log.practice)? {
        Some((note, _)) => Checkpoint::open(note.as_bytes(), &log_key(log)?.verifier())?.head(),
        None => Head::EMPTY,
    };
    if found.size < known.size {
        return Ok(Standing::WentBack { known, found });
    }
    match Frontier::load(known, |id| tile(tx, log.practice, id)) {
        Ok(_) => Ok(Standing::GoesOn),
        Err(ledger::LoadError::Read(DbError::NoRow { .. })) => {
            Ok(Standing::OtherLog { known, found })
        }
        Err(ledger::LoadError::Read(error)) => Err(error.into()),
        Err(_) => Ok(Standing::OtherLog { known, found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_share_a_folder_keep_whole_notes() {
        let folder = std::env::temp_dir().join(format!("sotto-witness-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let witness = Witness::at(folder.join("keys.witness"));
        let notes: Vec<_> = (1..=4).map(|node| "a line\n".repeat(node * 1_000)).collect();
        // What a crash left behind is nobody's.
        fs::write(folder.join("keys.witness.new-0"), "half a l").unwrap();
        std::thread::scope(|nodes| {
            for note in &notes {
                let (witness, notes) = (witness.clone(), &notes);
                nodes.spawn(move || {
                    for _ in 0..50 {
                        witness.keep(note).unwrap();
                        assert!(notes.contains(&witness.note().unwrap().unwrap()));
                    }
                });
            }
        });
        // What cannot be put into place leaves nothing behind.
        let taken = folder.join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(Witness::at(&taken).keep("a note").is_err());
        let mut left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["keys.witness", "keys.witness.new-0", "taken"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
