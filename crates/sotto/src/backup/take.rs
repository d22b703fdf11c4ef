//! Making a backup of the data.
//!
//! All rows of the practice are read in one read transaction: a snapshot on both engines, so writers
//! go on and the backup is one state. What is read goes through the seal at once; no row lies on the
//! backup's disk in the clear.
//!
//! A crash leaves a `.partial` file, which the next run removes, and no record; after the file has
//! its name, a crash before the audit entry leaves a whole backup that the log does not tell of.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use gate::PracticeId;
use jiff::Timestamp;
use seal::{FileError, Lock, RootKey, SealedWriter};
use serde::Serialize;

use crate::audit::sequencer::last_note;
use crate::audit::{self, Actor, AuditError, Event, Kind, Log};
use crate::backup::folder::{Folder, FolderError, Holds};
use crate::backup::format::{self, About, AboutData, Counts, FORM, Table, WriteError};
use crate::backup::restore::{self, Examined, RestoreError};
use crate::db::refill::Into as To;
use crate::db::registry::{SETTING, TABLES, Vouched};
use crate::db::{DatabaseUrl, Db, DbError, Tx, applied, setting};
use crate::params;

/// The setting that tells of the last backup of the data.
pub const LAST_BACKUP: &str = "backup/data";

/// No backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Reading rows, or writing them.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] FileError),
    /// What was written cannot be restored.
    #[error("the backup was written and cannot be restored, so it was thrown away: {0}")]
    Unsound(#[from] RestoreError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// What to back up, and where to.
#[derive(Clone)]
pub struct Order {
    /// The database, open.
    pub db: Db,
    /// Where it is, for the rehearsal.
    pub url: DatabaseUrl,
    /// A folder as private as the database, where SQLite's rehearsal may lie meanwhile.
    pub scratch: PathBuf,
    /// What the file is sealed under.
    pub key: Arc<RootKey>,
    /// Where to.
    pub folder: PathBuf,
    /// How many backups of the data stay.
    pub keep: usize,
    /// Is told how many rows were written.
    pub progress: Progress,
}

/// Is told how far it is.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// A backup that was made and read back.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// The file.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The moment whose state it is.
    pub made_at: Timestamp,
    /// How many rows there are in each table.
    pub counts: Counts,
    /// What the rehearsal found.
    pub examined: Examined,
    /// How many older backups were removed.
    pub removed: usize,
}

/// Makes a backup, rehearses its restore, gives it its name, records it, and removes old ones.
///
/// # Errors
/// [`BackupError`]; there is then no new backup, except after a failure to record it.
pub fn make<O>(order: &Order, office: &O) -> Result<Made, BackupError>
where
    O: Clone + Send + Sync + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let log: Log<'_> = office.into();
    let (practice, made_at) = (log.practice, log.clock.now());
    let folder = Folder::open(&order.folder)?;
    let (partial, file) = folder.begin(Holds::Data, made_at)?;
    let (written, counts) = order.db.read_blocking({
        let order = order.clone();
        move |tx| write(tx, &order, practice, made_at, file)
    })?;
    written.file.sync_all().map_err(WriteError::Io)?;
    let examined = rehearse(order, partial.path(), log)?;
    let file = partial.finish()?;
    let mut made = Made {
        file,
        bytes: written.bytes,
        sha256: hex::encode(written.hash.finish()),
        made_at,
        counts,
        examined,
        removed: 0,
    };
    record(order, office, &made)?;
    made.removed = folder.prune(Holds::Data, order.keep)?;
    Ok(made)
}

/// Writes all rows of the practice, from one transaction.
fn write(
    tx: &mut Tx<'_>,
    order: &Order,
    practice: PracticeId,
    made_at: Timestamp,
    file: File,
) -> Result<(Hashed, Counts), BackupError> {
    let schema = applied(tx)?;
    let checkpoint = last_note(tx, practice)?.map(|(note, _)| note).unwrap_or_default();
    let about = About::Data(AboutData {
        form: FORM,
        practice,
        made_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: order.db.engine().to_owned(),
        schema,
        checkpoint,
    });
    let hashed = Hashed { file, hash: Context::new(&SHA256), bytes: 0 };
    let mut out = SealedWriter::begin(hashed, &about.to_bytes(), &Lock::Key(&order.key))?;
    let (mut counts, mut done) = (Counts::default(), 0_u64);
    for spec in TABLES.iter().filter(|spec| spec.vouched != Vouched::Rebuilt) {
        let columns: Vec<String> = spec.columns.iter().map(|&name| name.to_owned()).collect();
        let table = Table { name: spec.table.name().to_owned(), columns };
        format::write_table(&mut out, &table).map_err(WriteError::Io)?;
        let before = done;
        tx.each(spec.all, params![practice], |row| {
            done += 1;
            if done.is_multiple_of(4096) {
                (order.progress)(done);
            }
            format::write_row(&mut out, row, spec.columns.len())
        })?;
        counts.tables.insert(table.name, done - before);
    }
    format::write_end(&mut out, &counts).map_err(WriteError::Io)?;
    Ok((out.finish()?, counts))
}

/// Reads the file back and restores it into a rehearsal.
fn rehearse(order: &Order, path: &Path, log: Log<'_>) -> Result<Examined, BackupError> {
    let file = restore::open_file(path)?;
    let to = To::Rehearsal(order.scratch.clone());
    let mut poured = restore::pour(file, &Lock::Key(&order.key), &order.url, to, log)?;
    Ok(restore::examine(&mut poured, log)?)
}

fn record<O>(order: &Order, office: &O, made: &Made) -> Result<(), BackupError>
where
    O: Clone + Send + Sync + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let (office, sha256) = (office.clone(), made.sha256.clone());
    let said = serde_json::json!({
        "at": made.made_at, "sha256": made.sha256, "bytes": made.bytes,
        "rows": made.counts.rows(), "log_size": made.examined.log_size,
    });
    order.db.write_blocking(move |tx| {
        let log: Log<'_> = (&office).into();
        let now = log.clock.now();
        setting::put(tx, log.practice, (LAST_BACKUP, &said.to_string()), now)?;
        let event = Event::new(Kind::BackupTaken, Actor::operator())
            .about(SETTING, LAST_BACKUP)
            .code("data")
            .content(log.keys.content_hash("backup", sha256.as_bytes()));
        audit::append(tx, log, event)?;
        Ok(())
    })
}

/// A file, with the hash of what was written to it.
struct Hashed {
    file: File,
    hash: Context,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
