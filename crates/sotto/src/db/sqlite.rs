//! SQLite: one writer thread with group commit, and readers with connections of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::db::{
    DbError, Vitals,
    ground::Ground,
    job::{Done, Job},
    tx::{Engine, Tx},
};

/// How many closures one fsync may carry. More would only delay the first of them.
const BATCH: usize = 1024;

/// Where the database lies.
#[derive(Clone)]
pub(super) enum Place {
    File(PathBuf),
    /// For tests: reads share the writer's connection.
    Memory,
}

/// Opens a connection with the settings every connection has.
pub(super) fn connect(place: &Place, writes: bool) -> Result<Connection, DbError> {
    let open = |e: rusqlite::Error| DbError::Open { why: e.to_string() };
    let connection = match place {
        Place::Memory => Connection::open_in_memory().map_err(open)?,
        Place::File(path) => {
            if writes {
                create_private(path)?;
            }
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(path, flags)
                .map_err(|e| DbError::Open { why: format!("{}: {e}", path.display()) })?
        }
    };
    connection.busy_timeout(Duration::from_secs(60)).map_err(open)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 8000;",
        )
        .map_err(open)?;
    // Readers lean on the kernel's cache.
    let cache = if writes { "PRAGMA cache_size = -8192" } else { "PRAGMA cache_size = -1024" };
    connection.execute_batch(cache).map_err(open)?;
    // Built with STAT4, SQLite else compiles a cached statement anew whenever other values are bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(open)?;
    connection.set_prepared_statement_cache_capacity(512);
    if !writes {
        connection.execute_batch("PRAGMA query_only = ON").map_err(open)?;
    }
    Ok(connection)
}

/// Creates the file readable by its owner alone; SQLite gives its -wal and -shm the same mode.
pub(super) fn create_private(path: &Path) -> Result<(), DbError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|e| DbError::Open { why: format!("{}: {e}", path.display()) })
}

/// Starts the writer.
pub(super) fn spawn_writer(
    connection: Connection,
    jobs: mpsc::Receiver<WriterJob>,
    (ground, vitals): (Arc<Ground>, Arc<Vitals>),
) -> Result<JoinHandle<()>, DbError> {
    std::thread::Builder::new()
        .name("db-writer".to_owned())
        .spawn(move || {
            let mut writer = Writer { connection, ground, others: 0 };
            while let Ok(first) = jobs.recv() {
                let mut batch = vec![first];
                batch.extend(jobs.try_iter().take(BATCH - 1));
                vitals.batch(batch.len());
                writer.run_batch(batch);
            }
            let connection = writer.connection;
            // Leaves a database of one file behind when the program ends in order.
            let _ = connection.execute_batch("PRAGMA optimize");
        })
        .map_err(|e| DbError::Open { why: e.to_string() })
}

/// A job for the writer's connection.
pub(super) struct WriterJob {
    pub(super) job: Job,
    /// False for a read of a database in memory, which has no other connection.
    pub(super) writes: bool,
}

/// The one connection that writes.
struct Writer {
    connection: Connection,
    ground: Arc<Ground>,
    /// `PRAGMA data_version`: changes with each commit by another connection.
    others: i64,
}

impl Writer {
    /// One transaction, a savepoint for each closure, one fsync, then all the answers.
    ///
    /// A crash before COMMIT returns leaves none of the batch; nobody has been answered by then.
    fn run_batch(&mut self, batch: Vec<WriterJob>) {
        let mut answers = Vec::with_capacity(batch.len());
        let mut jobs = batch.into_iter();
        let mut outcome = command(&self.connection, "BEGIN IMMEDIATE");
        let mut moved = false;
        if outcome.is_ok() {
            outcome = self.look_at_others();
        }
        while outcome.is_ok() {
            let Some(WriterJob { job, writes }) = jobs.next() else { break };
            let (done, step) = self.run_one(job, writes, &mut moved);
            answers.push(done.answer);
            outcome = step;
        }
        for late in jobs {
            let error = outcome.clone().err().unwrap_or(DbError::Closed);
            answers.push((late.job)(Err(error)).answer);
        }
        if outcome.is_ok() {
            outcome = commit(&self.connection);
        }
        if outcome.is_err() && !self.connection.is_autocommit() {
            let _ = command(&self.connection, "ROLLBACK");
        }
        if moved {
            self.ground.moves();
        }
        for answer in answers {
            answer(outcome.clone());
        }
    }

    /// Another process may have changed anything.
    fn look_at_others(&mut self) -> Result<(), DbError> {
        const ASK: &str = "PRAGMA data_version";
        let asked = self
            .connection
            .prepare_cached(ASK)
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)));
        let version = asked.map_err(|e| DbError::sqlite(e, ASK))?;
        if std::mem::replace(&mut self.others, version) != version {
            self.ground.moves();
        }
        Ok(())
    }

    /// Runs one closure in a savepoint. The second value is an error when the whole batch is lost:
    /// on a full disk, for one, SQLite rolls back the outer transaction by itself.
    fn run_one(&self, job: Job, writes: bool, moved: &mut bool) -> (Done, Result<(), DbError>) {
        let connection = &self.connection;
        if let Err(error) = command(connection, "SAVEPOINT one") {
            return (job(Err(error.clone())), Err(error));
        }
        let mut tx = Tx::new(Engine::Sqlite(connection), writes).watched(&self.ground);
        let done = job(Ok(&mut tx));
        if tx.moved_ground() {
            *moved = true;
            self.ground.moves();
        }
        if connection.is_autocommit() {
            return (done, Err(DbError::Lost));
        }
        let keep = done.keep && writes;
        let undone = if keep { Ok(()) } else { command(connection, "ROLLBACK TO one") };
        let step = undone.and_then(|()| command(connection, "RELEASE one"));
        (done, step)
    }
}

/// Starts one reader; all readers take from the same queue.
pub(super) fn spawn_reader(
    connection: Connection,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
) -> Result<JoinHandle<()>, DbError> {
    std::thread::Builder::new()
        .name("db-reader".to_owned())
        .spawn(move || {
            while let Some(job) = next(&jobs) {
                if let Err(error) = command(&connection, "BEGIN") {
                    (job(Err(error.clone())).answer)(Err(error));
                    continue;
                }
                let done = job(Ok(&mut Tx::new(Engine::Sqlite(&connection), false)));
                (done.answer)(command(&connection, "ROLLBACK"));
            }
        })
        .map_err(|e| DbError::Open { why: e.to_string() })
}

/// The next job of a shared queue, or `None` when the database has been closed.
pub(super) fn next<J>(jobs: &Mutex<mpsc::Receiver<J>>) -> Option<J> {
    match jobs.lock() {
        Ok(jobs) => jobs.recv().ok(),
        Err(poisoned) => poisoned.into_inner().recv().ok(),
    }
}

/// After an I/O error the write-ahead log may hold the whole transaction all the same, and the next
/// start would read it from there.
fn commit(connection: &Connection) -> Result<(), DbError> {
    const COMMIT: &str = "COMMIT";
    let done = connection.prepare_cached(COMMIT).and_then(|mut commit| commit.raw_execute());
    done.map(drop).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::SystemIoFailure) => DbError::CommitUnknown,
        _ => DbError::sqlite(error, COMMIT),
    })
}

fn command(connection: &Connection, sql: &'static str) -> Result<(), DbError> {
    let mut statement = connection.prepare_cached(sql).map_err(|e| DbError::sqlite(e, sql))?;
    statement.raw_execute().map(drop).map_err(|e| DbError::sqlite(e, sql))
}
