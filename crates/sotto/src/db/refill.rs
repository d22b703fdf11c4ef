//! An empty database, filled from a backup in one transaction.
//!
//! On SQLite a new file beside the place where the database belongs, which takes that place by its
//! name once it is whole and synced; on PostgreSQL one transaction that also lays the tables. A
//! crash before the end leaves everything as it was, on SQLite beside a file `….restoring` that the
//! next restore removes. What was there before is never deleted: it is refused, or put aside.
//!
//! A rehearsal does the same in a place of its own and leaves nothing behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use jiff::Timestamp;
use rusqlite::Connection;

use crate::db::line::Line;
use crate::db::migrate::{self, Applied};
use crate::db::postgres;
use crate::db::registry::{SCHEMA_VERSION, TABLES};
use crate::db::sql::Value;
use crate::db::sqlite::{self, Place};
use crate::db::tx::{Engine, Tx};
use crate::db::url::Target;
use crate::db::{DatabaseUrl, DbError};

/// What a statement made from a backup's own names is called in errors.
const FILLING: &str = "a row of a backup";

/// How many bytes of a table are sent at once.
const COPIED: usize = 64 * 1024;

/// Where to.
#[derive(Debug, Clone)]
pub enum Into {
    /// Where the database belongs, which must hold no data.
    Empty,
    /// Where the database belongs; what is there is put aside under this word.
    Replacing(String),
    /// A place of its own that is gone at the end. On SQLite a file in this folder; on PostgreSQL a
    /// schema in the same database, in a transaction that is never committed.
    Rehearsal(PathBuf),
}

/// A database being filled. Dropped before [`commit`](Self::commit), it leaves what was there.
pub struct Refill(Inner);

enum Inner {
    Sqlite { connection: Connection, file: TornFile, place: Option<(PathBuf, Into)> },
    Postgres { line: Box<Line>, into: Into },
}

/// A file that is removed unless it took its place.
struct TornFile(PathBuf);

impl Drop for TornFile {
    fn drop(&mut self) {
        for ending in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.0, ending));
        }
    }
}

impl Refill {
    /// Lays the tables as they were when the backup was made.
    ///
    /// # Errors
    /// [`DbError::NotEmpty`], [`DbError::InUse`], [`DbError::Newer`] for a backup of a newer
    /// program, [`DbError::Open`].
    pub fn begin(url: &DatabaseUrl, into: Into, schema: &[Applied]) -> Result<Self, DbError> {
        let script = migrate::script_of(schema)?;
        match &url.target {
            Target::Sqlite(Place::Memory) => {
                Err(DbError::Url { why: "a database in memory cannot be restored" })
            }
            Target::Sqlite(Place::File(path)) => begin_sqlite(path, into, &script),
            Target::Postgres(server) => {
                begin_postgres(server, into, &migrate::for_postgres(&script))
            }
        }
    }

    /// Fills one table with what `next` gives, and says how many rows that were.
    ///
    /// # Errors
    /// [`DbError`], or what `next` returned.
    pub fn table<E: From<DbError>>(
        &mut self,
        name: &str,
        columns: &[String],
        mut next: impl FnMut() -> Result<Option<Vec<Value<'static>>>, E>,
    ) -> Result<u64, E> {
        let names = std::iter::once(name).chain(columns.iter().map(String::as_str));
        if columns.is_empty() || !names.clone().all(is_a_name) {
            return Err(DbError::Backup { why: "a table or column has no proper name" }.into());
        }
        let list = columns.join(", ");
        let mut count = 0;
        match &mut self.0 {
            Inner::Sqlite { connection, .. } => {
                let broken = |e| DbError::sqlite(e, FILLING);
                let places = vec!["?"; columns.len()].join(", ");
                let insert = format!("INSERT INTO {name} ({list}) VALUES ({places})");
                let mut insert = connection.prepare(&insert).map_err(broken)?;
                while let Some(row) = next()? {
                    insert.execute(rusqlite::params_from_iter(&row)).map_err(broken)?;
                    count += 1;
                }
            }
            Inner::Postgres { line, .. } => {
                let broken = |e| DbError::postgres(&e, FILLING);
                let copy = format!("COPY {name} ({list}) FROM STDIN BINARY");
                let copy = line.wait(line.client().copy_in(&copy)).map_err(broken)?;
                let mut copy = Box::pin(copy);
                let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
                while let Some(row) = next()? {
                    as_copied(&row, &mut bytes)?;
                    count += 1;
                    if bytes.len() >= COPIED {
                        let full = Bytes::from(std::mem::take(&mut bytes));
                        line.wait(copy.send(full)).map_err(broken)?;
                    }
                }
                bytes.extend_from_slice(&(-1_i16).to_be_bytes());
                line.wait(copy.send(Bytes::from(bytes))).map_err(broken)?;
                line.wait(copy.as_mut().finish()).map_err(broken)?;
            }
        }
        Ok(count)
    }

    /// Brings the schema from the backup's version to this program's.
    ///
    /// # Errors
    /// [`DbError`].
    pub fn upgrade(&mut self, schema: &[Applied], now: Timestamp) -> Result<(), DbError> {
        let script = migrate::script_beyond(schema, now);
        match &mut self.0 {
            Inner::Sqlite { connection, .. } => {
                connection.execute_batch(&script).map_err(|e| DbError::sqlite(e, FILLING))
            }
            Inner::Postgres { line, .. } => line
                .wait(line.client().batch_execute(&migrate::for_postgres(&script)))
                .map_err(|e| DbError::postgres(&e, FILLING)),
        }
    }

    /// Works on what was filled in, as part of the one transaction. After an error nothing but
    /// dropping is left to do.
    ///
    /// # Errors
    /// What `work` returned, or [`DbError::Unaudited`].
    pub fn within<T, E: From<DbError>>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let engine = match &mut self.0 {
            Inner::Sqlite { connection, .. } => Engine::Sqlite(connection),
            Inner::Postgres { line, .. } => Engine::Postgres(line),
        };
        let mut tx = Tx::new(engine, true);
        let value = work(&mut tx)?;
        tx.verdict()?;
        tx.settle()?;
        Ok(value)
    }

    /// Makes it the database, durably. Of a rehearsal nothing stays. Says where what was there
    /// before is now.
    ///
    /// # Errors
    /// [`DbError`]; what was there is then still there, under its own name or under that of
    /// [`Into::Replacing`].
    pub fn commit(self) -> Result<Option<String>, DbError> {
        match self.0 {
            Inner::Sqlite { connection, file, place } => {
                let broken = |e| DbError::sqlite(e, "COMMIT");
                connection.execute_batch("COMMIT").map_err(broken)?;
                drop(connection);
                let Some((path, into)) = place else { return Ok(None) };
                take_place(&file.0, &path, &into)
            }
            Inner::Postgres { line, into } => {
                let keep = !matches!(into, Into::Rehearsal(_));
                let end = if keep { "COMMIT" } else { "ROLLBACK" };
                line.wait(line.client().batch_execute(end))
                    .map_err(|e| DbError::postgres(&e, end))?;
                line.close();
                match into {
                    Into::Replacing(word) => Ok(Some(format!("schema {word}"))),
                    Into::Empty | Into::Rehearsal(_) => Ok(None),
                }
            }
        }
    }
}

fn begin_sqlite(path: &Path, into: Into, script: &str) -> Result<Refill, DbError> {
    let open = |e: rusqlite::Error| DbError::Open { why: e.to_string() };
    let (torn, place) = match into {
        Into::Rehearsal(folder) => (folder.join(rehearsal_name()), None),
        into => {
            if path.exists() {
                look_into(path, matches!(into, Into::Empty))?;
            }
            (beside(path, ".restoring"), Some((path.to_owned(), into)))
        }
    };
    let file = TornFile(torn);
    // What an earlier attempt left behind.
    drop(TornFile(file.0.clone()));
    sqlite::create_private(&file.0)?;
    let connection = Connection::open(&file.0).map_err(open)?;
    if place.is_none() {
        // Without a name it is gone with the last handle, also in a crash.
        drop(TornFile(file.0.clone()));
    }
    // Synced once, at the end: until then the file is nobody's database.
    connection
        .execute_batch(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; BEGIN",
        )
        .map_err(open)?;
    connection.execute_batch(script).map_err(|e| DbError::sqlite(e, FILLING))?;
    Ok(Refill(Inner::Sqlite { connection, file, place }))
}

/// A name that no other rehearsal has.
fn rehearsal_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let turn = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(".rehearsal-{}-{turn}.db", std::process::id())
}

/// Is anybody using the database that is there, and does it hold anything? It becomes one file.
fn look_into(path: &Path, must_be_empty: bool) -> Result<(), DbError> {
    let open = |e: rusqlite::Error| DbError::Open { why: format!("{}: {e}", path.display()) };
    let connection = Connection::open(path).map_err(open)?;
    connection.busy_timeout(Duration::from_millis(500)).map_err(open)?;
    if must_be_empty {
        let mut tables = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .map_err(open)?;
        let tables: Vec<String> =
            tables.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(open)?;
        for table in tables.iter().filter(|name| *name != SCHEMA_VERSION.name()) {
            let any = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\")");
            if connection.query_row(&any, [], |row| row.get(0)).map_err(open)? {
                return Err(DbError::NotEmpty);
            }
        }
    }
    // Leaving WAL needs the file alone: any other connection, however idle, is in the way.
    let mode: Result<String, _> =
        connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0));
    match mode {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(DbError::InUse),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
            Err(DbError::InUse)
        }
        Err(e) => Err(open(e)),
    }
}

/// Synced, then renamed over what was there, which keeps a name of its own if it held anything.
fn take_place(torn: &Path, path: &Path, into: &Into) -> Result<Option<String>, DbError> {
    let failed = |doing: &str, e: std::io::Error| DbError::Open {
        why: format!("cannot {doing} {}: {}", path.display(), e.kind()),
    };
    File::open(torn).and_then(|file| file.sync_all()).map_err(|e| failed("sync", e))?;
    let mut aside = None;
    if let Into::Replacing(word) = into
        && path.exists()
    {
        let old = beside(path, &format!(".{word}"));
        fs::rename(path, &old).map_err(|e| failed("put aside", e))?;
        aside = Some(old.display().to_string());
    }
    fs::rename(torn, path).map_err(|e| failed("put in place", e))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| failed("sync", e))?;
    Ok(aside)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn begin_postgres(server: &postgres::Server, into: Into, script: &str) -> Result<Refill, DbError> {
    let line = Line::open(server.clone(), false, Arc::default())?;
    let broken = |e: ::postgres::Error| DbError::postgres(&e, FILLING);
    if !matches!(into, Into::Rehearsal(_)) {
        wait_until_alone(&line)?;
    }
    let run = |script: &str| line.wait(line.client().batch_execute(script)).map_err(broken);
    run("BEGIN")?;
    if let Into::Rehearsal(_) = &into {
        // Never committed, so nobody else ever sees this schema.
        run("CREATE SCHEMA sotto_rehearsal; SET LOCAL search_path = sotto_rehearsal")?;
    } else {
        make_room(&line, &into)?;
    }
    run(script)?;
    Ok(Refill(Inner::Postgres { line: Box::new(line), into }))
}

/// Nobody else of ours may be there. A program that just ended is still seen for a moment.
fn wait_until_alone(line: &Line) -> Result<(), DbError> {
    let broken = |e: ::postgres::Error| DbError::postgres(&e, FILLING);
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                  AND pid <> pg_backend_pid() AND application_name = 'sotto'";
    for _ in 0..20 {
        if line.wait(line.client().query_one(others, &[])).map_err(broken)?.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        line.wait(line.client().batch_execute("SELECT pg_sleep(0.1)")).map_err(broken)?;
    }
    Err(DbError::InUse)
}

/// Drops empty tables, or moves full ones into a schema of their own.
fn make_room(line: &Line, into: &Into) -> Result<(), DbError> {
    let broken = |e: ::postgres::Error| DbError::postgres(&e, FILLING);
    let run = |script: &str| line.wait(line.client().batch_execute(script)).map_err(broken);
    let there = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let there = line.wait(line.client().query(there, &[])).map_err(broken)?;
    let there: Vec<String> = there.iter().map(|row| row.get(0)).collect();
    let ours = TABLES.iter().map(|spec| spec.table).chain([SCHEMA_VERSION]);
    let ours: Vec<_> = ours.filter(|table| there.iter().any(|name| name == table.name())).collect();
    if let Into::Replacing(word) = into
        && !ours.is_empty()
    {
        if !is_a_name(word) {
            return Err(DbError::Backup { why: "what was there cannot be put aside so" });
        }
        let moves: String = ours
            .iter()
            .map(|table| format!("ALTER TABLE {} SET SCHEMA {word};", table.name()))
            .collect();
        return run(&format!("CREATE SCHEMA {word}; {moves}"));
    }
    for table in ours {
        let name = table.name();
        if table != SCHEMA_VERSION {
            let any = format!("SELECT EXISTS (SELECT 1 FROM {name})");
            if line.wait(line.client().query_one(&any, &[])).map_err(broken)?.get(0) {
                return Err(DbError::NotEmpty);
            }
        }
        run(&format!("DROP TABLE {name}"))?;
    }
    Ok(())
}

/// A row in PostgreSQL's binary COPY format: BIGINT, TEXT and BYTEA are their bytes.
fn as_copied(row: &[Value<'_>], out: &mut Vec<u8>) -> Result<(), DbError> {
    let long = |_| DbError::Backup { why: "a value is too long" };
    out.extend_from_slice(&i16::try_from(row.len()).map_err(long)?.to_be_bytes());
    for value in row {
        let int;
        let bytes: &[u8] = match value {
            Value::Null => {
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                continue;
            }
            Value::Int(number) => {
                int = number.to_be_bytes();
                &int
            }
            Value::Text(text) => text.as_bytes(),
            Value::Blob(blob) => blob,
        };
        out.extend_from_slice(&i32::try_from(bytes.len()).map_err(long)?.to_be_bytes());
        out.extend_from_slice(bytes);
    }
    Ok(())
}

/// Lower-case letters, digits and underscores: needs no quoting and is no other statement.
fn is_a_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
