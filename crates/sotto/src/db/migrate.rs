//! The schema, brought up to date when the database is opened.

use jiff::Timestamp;

use crate::db::{DbError, postgres, sqlite::Place};

/// Held while migrating, so that two nodes starting together do not race.
const LOCK: i64 = 0x0073_6f74_746f;

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("migrations/", $name, ".sql")),
        }),*]
    };
}

/// Every migration, in order. A released one is never edited: add the next.
const MIGRATIONS: &[Migration] = migrations![1 "0001_start", 2 "0002_patient_event", 3 "0003_reconciliation", 4 "0004_self_test"];

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
const HIGHEST: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
const NOTE: &str = "INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, $3)";

/// The newest schema version this binary knows.
#[must_use]
pub fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |last| last.version)
}

/// The text for PostgreSQL: the same, with the one column type that has another name there.
fn for_postgres(sql: &str) -> String {
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
    out
}

fn refuse_newer(found: i64) -> Result<(), DbError> {
    let known = known_version();
    if found > known { Err(DbError::Newer { found, known }) } else { Ok(()) }
}

pub(super) fn migrate_sqlite(
    connection: &mut rusqlite::Connection,
    now: Timestamp,
) -> Result<(), DbError> {
    use rusqlite::TransactionBehavior::Immediate;
    let record = |e| DbError::sqlite(e, RECORD);
    connection.execute_batch(RECORD).map_err(record)?;
    refuse_newer(connection.query_row(HIGHEST, [], |row| row.get(0)).map_err(record)?)?;
    for Migration { version, name, sql } in MIGRATIONS {
        let failed =
            |e: rusqlite::Error| DbError::Migration { version: *version, why: e.to_string() };
        let tx = connection.transaction_with_behavior(Immediate).map_err(failed)?;
        let found: i64 = tx.query_row(HIGHEST, [], |row| row.get(0)).map_err(failed)?;
        if found < *version {
            tx.execute_batch(sql).map_err(failed)?;
            tx.execute(NOTE, (version, name, now.as_microsecond())).map_err(failed)?;
            tx.commit().map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn migrate_postgres(config: &::postgres::Config, now: Timestamp) -> Result<(), DbError> {
    let mut client = postgres::connect(config)?;
    let lock = "SELECT 1 FROM pg_advisory_xact_lock($1)";
    let record = |e: ::postgres::Error| DbError::postgres(&e, RECORD);
    let mut tx = client.transaction().map_err(record)?;
    tx.execute(lock, &[&LOCK]).map_err(record)?;
    // Asked first: CREATE IF NOT EXISTS needs a right that a node may lack when all is up to date.
    let there = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() \
                 AND tablename = 'schema_version'";
    if tx.query_opt(there, &[]).map_err(record)?.is_none() {
        tx.batch_execute(RECORD).map_err(record)?;
    }
    refuse_newer(tx.query_one(HIGHEST, &[]).map_err(record)?.get(0))?;
    tx.commit().map_err(record)?;
    for Migration { version, name, sql } in MIGRATIONS {
        let failed = |e: ::postgres::Error| DbError::Migration {
            version: *version,
            why: e.as_db_error().map_or_else(|| e.to_string(), |db| db.message().to_owned()),
        };
        let mut tx = client.transaction().map_err(failed)?;
        tx.execute(lock, &[&LOCK]).map_err(failed)?;
        let found: i64 = tx.query_one(HIGHEST, &[]).map_err(failed)?.get(0);
        if found < *version {
            tx.batch_execute(&for_postgres(sql)).map_err(failed)?;
            tx.execute(NOTE, &[version, name, &now.as_microsecond()]).map_err(failed)?;
            tx.commit().map_err(failed)?;
        }
    }
    Ok(())
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
    }

    #[test]
    fn versions_rise_by_one_and_names_carry_them() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, i64::try_from(index).unwrap() + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }

    #[test]
    fn a_database_from_the_future_is_refused() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        migrate_sqlite(&mut connection, Timestamp::UNIX_EPOCH).unwrap();
        connection.execute(NOTE, (99, "9999_later", 0)).unwrap();
        let error = migrate_sqlite(&mut connection, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error, DbError::Newer { found: 99, known: known_version() });
    }
}
