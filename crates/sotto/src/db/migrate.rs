//! The schema, brought up to date when the database is opened.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::url::Target;
use crate::db::{
    DatabaseUrl, DbError, Tx,
    postgres::{self, Server},
    sqlite::Place,
};
use crate::sql;

/// Held while migrating, so that two nodes starting together do not race.
const LOCK: i64 = 0x0073_6f74_746f;

struct Migration {
    version: i64,
    name: &'static str,
    /// The oldest schema version whose programs may go on beside it: those that know neither the
    /// tables and columns it adds nor miss any. Its own version where none may.
    oldest: i64,
    sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal beside $oldest:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            oldest: $oldest,
            sql: include_str!(concat!("migrations/", $name, ".sql")),
        }),*]
    };
}

/// Every migration, in order. A released one is never edited: add the next. So that nodes can be
/// upgraded one after the other, it only adds, and what is to go goes a version later, when no
/// program asks for it any more (docs/operate/scale.md).
const MIGRATIONS: &[Migration] = migrations![
    1 "0001_start" beside 1,
    2 "0002_patient_event" beside 1,
    3 "0003_nodes" beside 2,
    4 "0004_uncertain" beside 2,
    5 "0005_reconciliation" beside 2,
    6 "0006_self_test" beside 2,
    7 "0007_audit_arrival" beside 2,
    8 "0008_access" beside 2,
    9 "0009_threads" beside 2,
    10 "0010_calls" beside 2,
    11 "0011_patient_search" beside 2,
    12 "0012_attachments" beside 2,
    13 "0013_window" beside 2,
    14 "0014_wording" beside 2,
    15 "0015_glass" beside 2,
    16 "0016_desk" beside 2,
    17 "0017_forms" beside 2,
    18 "0018_sealed" beside 2,
    19 "0019_vendors" beside 2,
    20 "0020_passkey_proof" beside 2,
    21 "0021_phones" beside 2,
    22 "0022_retention" beside 2,
    23 "0023_merged" beside 2,
];

/// The first version whose row says `oldest`.
const SAYS_OLDEST: i64 = 3;

/// How long a migration waits for a table that others work with before it lets them go first, and
/// how often: everybody else waits behind one that waits.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '1s'";
const LOCK_TRIES: u32 = 60;

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
const HIGHEST: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
const OLDEST: &str = "SELECT MAX(COALESCE(oldest, version)) FROM schema_version WHERE version > $1";
const NOTE_OLDEST: &str = "UPDATE schema_version SET oldest = $2 WHERE version = $1";
const THERE: &str = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema()
    AND tablename = 'schema_version'";
const NOTE: &str = "INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, $3)";

/// The newest schema version this binary knows.
#[must_use]
pub fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |last| last.version)
}

/// The text of every migration this binary knows, in order.
pub fn migrations() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|migration| migration.sql)
}

/// A migration that was applied once, as `schema_version` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// When, in microseconds UTC.
    pub applied_at: i64,
}

/// The migrations that were applied to this database, in order.
///
/// # Errors
/// [`DbError`].
pub fn applied(tx: &mut Tx<'_>) -> Result<Vec<Applied>, DbError> {
    tx.query(
        sql!("SELECT version, name, applied_at FROM schema_version ORDER BY version"),
        &[],
        |row| Ok(Applied { version: row.get(0)?, name: row.get(1)?, applied_at: row.get(2)? }),
    )
}

/// The schema version of a database, or none where it is empty. Nothing is made or changed.
///
/// # Errors
/// [`DbError`], where it cannot be reached.
pub fn version_of(url: &DatabaseUrl) -> Result<Option<i64>, DbError> {
    match &url.target {
        Target::Sqlite(Place::Memory) => Ok(None),
        Target::Sqlite(Place::File(path)) => {
            if !path.exists() {
                return Ok(None);
            }
            let connection = super::sqlite::connect(&Place::File(path.clone()), false)?;
            let broken = |e| DbError::sqlite(e, HIGHEST);
            let there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'schema_version')";
            if !connection.query_row(there, [], |row| row.get(0)).map_err(broken)? {
                return Ok(None);
            }
            connection.query_row(HIGHEST, [], |row| row.get(0)).map(Some).map_err(broken)
        }
        Target::Postgres(config) => {
            let mut client = postgres::connect(config)?;
            let broken = |e: ::postgres::Error| DbError::postgres(&e, HIGHEST);
            if client.query_opt(THERE, &[]).map_err(broken)?.is_none() {
                return Ok(None);
            }
            Ok(Some(client.query_one(HIGHEST, &[]).map_err(broken)?.get(0)))
        }
    }
}

/// What makes the schema that these migrations made, in an empty database, and says so in the same
/// words.
pub(super) fn script_of(schema: &[Applied]) -> Result<String, DbError> {
    let mut script = format!("{RECORD};\n");
    for (index, applied) in schema.iter().enumerate() {
        let known = MIGRATIONS.get(index);
        let Some(known) = known.filter(|known| known.version == applied.version) else {
            let (found, known) = (applied.version, known_version());
            if found > known {
                return Err(DbError::Newer { found, known });
            }
            return Err(DbError::Backup { why: "it lacks a migration" });
        };
        if known.name != applied.name {
            return Err(DbError::Backup { why: "its schema has another history" });
        }
        note(&mut script, known, applied.applied_at);
    }
    Ok(script)
}

/// What brings that schema up to date.
pub(super) fn script_beyond(schema: &[Applied], now: Timestamp) -> String {
    let mut script = String::new();
    for migration in MIGRATIONS.iter().skip(schema.len()) {
        note(&mut script, migration, now.as_microsecond());
    }
    script
}

fn note(script: &mut String, migration: &Migration, at: i64) {
    let Migration { version, name, oldest, sql } = migration;
    // Names and numbers of this program's own.
    let noted = format!(
        "INSERT INTO schema_version (version, name, applied_at) VALUES ({version}, '{name}', {at});"
    );
    script.push_str(sql);
    script.push('\n');
    script.push_str(&noted);
    script.push('\n');
    if *version >= SAYS_OLDEST {
        let noted =
            format!("UPDATE schema_version SET oldest = {oldest} WHERE version = {version};\n");
        script.push_str(&noted);
    }
}

/// The text for PostgreSQL: the same, with the one column type that has another name there, and
/// without what SQLite alone must be told: to keep a table in the order of its key.
pub(super) fn for_postgres(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut word = String::new();
    for c in sql.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        out.push_str(if word == "BLOB" { "BYTEA" } else { &word });
        word.clear();
        out.push(c);
    }
    out.push_str(if word == "BLOB" { "BYTEA" } else { &word });
    out.replace(" WITHOUT ROWID", "")
}

/// A newer program has been here: this one goes on if what was added since does not concern it.
fn beside_newer(found: i64, oldest: impl FnOnce() -> Result<i64, DbError>) -> Result<(), DbError> {
    let known = known_version();
    if found > known && oldest()? > known { Err(DbError::Newer { found, known }) } else { Ok(()) }
}

pub(super) fn migrate_sqlite(
    connection: &mut rusqlite::Connection,
    now: Timestamp,
) -> Result<(), DbError> {
    use rusqlite::TransactionBehavior::Immediate;
    let record = |e| DbError::sqlite(e, RECORD);
    connection.execute_batch(RECORD).map_err(record)?;
    let found = connection.query_row(HIGHEST, [], |row| row.get(0)).map_err(record)?;
    beside_newer(found, || {
        connection.query_row(OLDEST, [known_version()], |row| row.get(0)).map_err(record)
    })?;
    for Migration { version, name, oldest, sql } in MIGRATIONS {
        let failed =
            |e: rusqlite::Error| DbError::Migration { version: *version, why: e.to_string() };
        let tx = connection.transaction_with_behavior(Immediate).map_err(failed)?;
        let found: i64 = tx.query_row(HIGHEST, [], |row| row.get(0)).map_err(failed)?;
        if found < *version {
            tx.execute_batch(sql).map_err(failed)?;
            tx.execute(NOTE, (version, name, now.as_microsecond())).map_err(failed)?;
            if *version >= SAYS_OLDEST {
                tx.execute(NOTE_OLDEST, (version, oldest)).map_err(failed)?;
            }
            tx.commit().map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn migrate_postgres(server: &Server, now: Timestamp) -> Result<(), DbError> {
    let mut client = postgres::connect(server)?;
    let lock = "SELECT 1 FROM pg_advisory_xact_lock($1)";
    let record = |e: ::postgres::Error| DbError::postgres(&e, RECORD);
    let mut tx = client.transaction().map_err(record)?;
    tx.execute(lock, &[&LOCK]).map_err(record)?;
    // Asked first: CREATE IF NOT EXISTS needs a right that a node may lack when all is up to date.
    if tx.query_opt(THERE, &[]).map_err(record)?.is_none() {
        tx.batch_execute(RECORD).map_err(record)?;
    }
    let found = tx.query_one(HIGHEST, &[]).map_err(record)?.get(0);
    beside_newer(found, || Ok(tx.query_one(OLDEST, &[&known_version()]).map_err(record)?.get(0)))?;
    tx.commit().map_err(record)?;
    for migration in MIGRATIONS {
        let mut tries = 0;
        while let Err(error) = apply_on_postgres(&mut client, migration, now) {
            tries += 1;
            if error.code() != Some(&::postgres::error::SqlState::LOCK_NOT_AVAILABLE)
                || tries >= LOCK_TRIES
            {
                let why = error.as_db_error().map(|db| db.message().to_owned());
                let why = why.unwrap_or_else(|| error.to_string());
                return Err(DbError::Migration { version: migration.version, why });
            }
            std::thread::park_timeout(std::time::Duration::from_millis(500));
        }
    }
    Ok(())
}

fn apply_on_postgres(
    client: &mut ::postgres::Client,
    Migration { version, name, oldest, sql }: &Migration,
    now: Timestamp,
) -> Result<(), ::postgres::Error> {
    let mut tx = client.transaction()?;
    tx.execute("SELECT 1 FROM pg_advisory_xact_lock($1)", &[&LOCK])?;
    let found: i64 = tx.query_one(HIGHEST, &[])?.get(0);
    if found >= *version {
        return Ok(());
    }
    tx.batch_execute(LOCK_TIMEOUT)?;
    tx.batch_execute(&for_postgres(sql))?;
    tx.execute(NOTE, &[version, name, &now.as_microsecond()])?;
    if *version >= SAYS_OLDEST {
        tx.execute(NOTE_OLDEST, &[version, oldest])?;
    }
    tx.commit()
}

/// Opens and migrates; the connection becomes the writer's.
pub(super) fn open_sqlite(place: &Place, now: Timestamp) -> Result<rusqlite::Connection, DbError> {
    let mut connection = super::sqlite::connect(place, true)?;
    migrate_sqlite(&mut connection, now)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_blob_changes_for_postgres() {
        assert_eq!(for_postgres("a BLOB, blob TEXT, BLOBS, x_BLOB BLOB"), {
            "a BYTEA, blob TEXT, BLOBS, x_BLOB BYTEA"
        });
        assert_eq!(for_postgres("(a BLOB) WITHOUT ROWID;"), "(a BYTEA);");
    }

    #[test]
    fn versions_rise_by_one_and_names_carry_them() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, i64::try_from(index).unwrap() + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }

    #[test]
    fn a_migration_beside_which_older_programs_run_only_adds() {
        for Migration { version, oldest, sql, name } in MIGRATIONS {
            assert!(oldest <= version, "{name}");
            let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
            let code = code.collect::<Vec<_>>().join(" ").to_uppercase();
            // Without an index programs are slower, and no less right.
            let statements = code.split(';').filter(|text| !text.trim().starts_with("DROP INDEX"));
            for statement in statements.filter(|_| oldest < version) {
                let takes = ["DROP ", "RENAME ", "ALTER COLUMN", "DELETE ", "UPDATE "];
                assert!(!takes.iter().any(|word| statement.contains(word)), "{name}: {statement}");
                let added = statement.contains("ADD COLUMN") && statement.contains("NOT NULL");
                assert!(!added || statement.contains("DEFAULT"), "{name}: {statement}");
            }
        }
    }
}
