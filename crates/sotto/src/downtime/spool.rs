//! Who looked while the database was away: a line each, on disk before anything is shown. Each line's
//! keyed hash takes in the one before, so that none is changed or taken out of the middle. When the
//! database is back they become entries of the log, under ids that they have already: a crash on the
//! way brings none in twice (docs/crash.md).

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use aws_lc_rs::constant_time;
use gate::PatientId;
use jiff::Timestamp;
use seal::Keyring;
use serde::{Deserialize, Serialize};

use crate::audit::{self, Actor, AuditError, Event, Kind, Outcome, PurposeOfUse};
use crate::clock::Clock;
use crate::db::{Db, Tx};
use crate::ids::{EntryId, Id as _};
use crate::office::Office;

/// The file.
#[derive(Debug, Clone)]
pub struct Spool(PathBuf);

/// It cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk.
    #[error("who looks cannot be written down ({0}); nothing is shown then")]
    Io(#[from] std::io::Error),
    /// The log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// A line: ids and words of closed lists, as in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    id: EntryId,
    at: Timestamp,
    actor: Actor,
    how: String,
    patients: Vec<PatientId>,
}

/// The line as it stands in the file.
#[derive(Serialize, Deserialize)]
struct Written {
    line: String,
    mac: String,
}

/// What was found in the file.
struct Read {
    lines: Vec<Line>,
    last: String,
    /// Where the last whole line ends.
    whole: u64,
    /// A line is not the one that was written there.
    altered: bool,
}

impl Spool {
    /// In this file, which need not be there.
    #[must_use]
    pub const fn at(file: PathBuf) -> Self {
        Self(file)
    }

    /// Writes down that somebody looks, to disk. `how` is a word.
    ///
    /// # Errors
    /// [`SpoolError::Io`]: then nothing may be shown.
    pub fn append(
        &self,
        (keys, clock): (&Keyring, &Clock),
        actor: Actor,
        (how, patients): (&'static str, Vec<PatientId>),
    ) -> Result<(), SpoolError> {
        let mut file = self.open()?;
        let read = Self::read(&mut file, keys)?;
        let (id, at) = (EntryId::new(clock), clock.now());
        let line = Line { id, at, actor, how: how.to_owned(), patients };
        let line = serde_json::to_string(&line).map_err(std::io::Error::from)?;
        let mac = mac(keys, &read.last, &line);
        let written = Written { line, mac: hex::encode(mac) };
        let mut text = serde_json::to_string(&written).map_err(std::io::Error::from)?;
        text.push('\n');
        // What a crash cut short was never shown.
        file.set_len(read.whole)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(())
    }

    /// Brings what is there into the log, and empties the file; answers with how many lines there
    /// were. Call it on a thread that may wait.
    ///
    /// # Errors
    /// [`SpoolError`]; then all is still there, and the next call brings in what is missing.
    pub fn bring_in(&self, db: &Db, office: &Office) -> Result<usize, SpoolError> {
        if fs::metadata(&self.0).map_or(0, |found| found.len()) == 0 {
            return Ok(0);
        }
        let mut file = self.open()?;
        let read = Self::read(&mut file, office.keys())?;
        let (count, altered) = (read.lines.len(), read.altered);
        let at = office.clone();
        db.write_blocking(move |tx| Self::enter(tx, &at, &read))?;
        if altered {
            let aside = self.0.with_extension(format!("altered-{}", office.clock().new_id()));
            fs::rename(&self.0, aside)?;
            tracing::error!("downtime.spool_altered");
        } else {
            file.set_len(0)?;
            file.sync_all()?;
        }
        Ok(count)
    }

    fn enter(tx: &mut Tx<'_>, office: &Office, read: &Read) -> Result<(), AuditError> {
        for line in &read.lines {
            if audit::append::entry(tx, office.practice(), line.id)?.is_some() {
                continue;
            }
            let event = Event::new(Kind::ContentViewed, line.actor.clone())
                .occurred_at(line.at)
                .purpose(PurposeOfUse::Emergency)
                .code("downtime")
                .code(line.how.clone());
            let event = line.patients.iter().fold(event, |event, id| event.patient(*id));
            audit::append::append_as(tx, office, line.id, event)?;
        }
        if read.altered {
            let event = Event::new(Kind::ContentViewed, Actor::service("downtime"))
                .outcome(Outcome::Failed)
                .code("downtime_spool_altered");
            audit::append(tx, office, event)?;
        }
        Ok(())
    }

    /// Opens the file, for one at a time, over all processes.
    fn open(&self) -> std::io::Result<File> {
        let fresh = !self.0.exists();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(&self.0)?;
        file.lock()?;
        if fresh && let Some(folder) = self.0.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(file)
    }

    fn read(file: &mut File, keys: &Keyring) -> std::io::Result<Read> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let text = bytes.get(..whole).and_then(|whole| str::from_utf8(whole).ok());
        let text = text.ok_or_else(|| std::io::Error::from(ErrorKind::InvalidData))?;
        let mut read =
            Read { lines: Vec::new(), last: String::new(), whole: whole as u64, altered: false };
        for text in text.lines() {
            let written: Option<Written> = serde_json::from_str(text).ok();
            let sound = written.filter(|one| is_sound(keys, &read.last, one));
            let line = sound.and_then(|one| Some((serde_json::from_str(&one.line).ok()?, one.mac)));
            let Some((line, mac)) = line else {
                read.altered = true;
                break;
            };
            read.lines.push(line);
            read.last = mac;
        }
        Ok(read)
    }
}

/// The keyed hash of a line and of all before it.
fn mac(keys: &Keyring, last: &str, line: &str) -> [u8; 32] {
    keys.content_hash("downtime spool", format!("{last}\n{line}").as_bytes())
}

/// Whether a line is what was written after the line with the hash `last`.
fn is_sound(keys: &Keyring, last: &str, one: &Written) -> bool {
    let kept = hex::decode(&one.mac).unwrap_or_default();
    constant_time::verify_slices_are_equal(&mac(keys, last, &one.line), &kept).is_ok()
}
