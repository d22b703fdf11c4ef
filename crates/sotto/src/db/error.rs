//! What can go wrong between us and the database, told without any stored value.

use crate::db::registry::Table;

/// A failure of the storage layer. No variant carries a column's value: PostgreSQL's `DETAIL` line
/// and bound parameters are dropped where the error is made, so that it can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// The URL is none that this program knows.
    #[error("database.url: {why}; use sqlite:PATH or postgres://user@host/name")]
    Url {
        /// What is wrong with it, never the URL itself (it may hold a password).
        why: &'static str,
    },
    /// The database could not be opened or reached.
    #[error("cannot open the database: {why}")]
    Open {
        /// The engine's own words.
        why: String,
    },
    /// A newer program has been here.
    #[error(
        "the database is at schema version {found}, this program knows {known}: \
         start the newer version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The version recorded in the database.
        found: i64,
        /// The newest version in this binary.
        known: i64,
    },
    /// A migration did not apply; the database is as it was before it.
    #[error("migration {version} failed: {why}")]
    Migration {
        /// Its number.
        version: i64,
        /// The engine's own words.
        why: String,
    },
    /// Another transaction was in the way (deadlock, serialization, busy). Nothing was stored; the
    /// caller may do the whole thing again.
    #[error("another transaction was in the way; nothing was stored, try again")]
    Conflict,
    /// A unique index already holds this key.
    #[error("a row with the same key exists already ({what})")]
    Duplicate {
        /// Index, constraint or columns, as the engine names them.
        what: String,
    },
    /// A foreign key, CHECK or NOT NULL constraint refused the row.
    #[error("the row breaks a rule of the schema ({what})")]
    Constraint {
        /// Constraint or column, as the engine names it.
        what: String,
    },
    /// The statement itself is wrong, or the engine failed at it.
    #[error("statement failed: {why} in: {sql}")]
    Statement {
        /// The engine's own words, without detail.
        why: String,
        /// The SQL text, which is a literal of ours.
        sql: &'static str,
    },
    /// The number of values does not match the placeholders.
    #[error("{given} values for the placeholders of: {sql}")]
    Placeholders {
        /// How many values the caller passed.
        given: usize,
        /// The SQL text.
        sql: &'static str,
    },
    /// A column does not hold what the reader expects.
    #[error("column {index}: {why}")]
    Column {
        /// Position in the select list, from 0.
        index: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `query_one` found nothing.
    #[error("no row where one must be, in: {sql}")]
    NoRow {
        /// The SQL text.
        sql: &'static str,
    },
    /// More rows than the caller allows.
    #[error("more than one row where at most one may be, in: {sql}")]
    ManyRows {
        /// The SQL text.
        sql: &'static str,
    },
    /// A write inside `db.read`.
    #[error("a read transaction cannot write")]
    ReadOnly,
    /// An earlier statement of this transaction failed, so it can only be rolled back.
    #[error("an earlier statement of this transaction failed; the whole was rolled back")]
    AfterFailure,
    /// Rows were written without an audit entry that binds them (DESIGN decision 4).
    #[error("{rows} written row(s), first in {table:?}, without an audit entry: rolled back")]
    Unaudited {
        /// How many rows were touched and not bound.
        rows: usize,
        /// The table of the first.
        table: Table,
    },
    /// The closure panicked; its part was rolled back.
    #[error("a transaction panicked and was rolled back")]
    Panicked,
    /// The disk is full, gone or read-only, or the server is out of room or connections.
    #[error("the database cannot be written just now ({why}); nothing was stored")]
    Unwritable {
        /// The engine's own words, without detail.
        why: String,
    },
    /// A restore would overwrite what is there.
    #[error("the database holds data; say --replace to put it aside and restore beside it")]
    NotEmpty,
    /// A restore would pull the database from under a running program.
    #[error("the database is in use: stop `sotto serve` first")]
    InUse,
    /// A backup that this program cannot have made.
    #[error("the backup cannot be restored: {why}")]
    Backup {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The connection broke before the work was committed: nothing was stored.
    #[error("the connection to the database broke; nothing was stored")]
    Lost,
    /// The connection broke during COMMIT, or the disk did: stored or not, nobody can tell from
    /// here.
    #[error("the commit broke off; look whether it was stored before trying again")]
    CommitUnknown,
    /// The database has been shut down.
    #[error("the database is closed")]
    Closed,
}

impl DbError {
    /// True when the same work may simply be done again from the start.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Lost)
    }

    pub(super) fn sqlite(error: rusqlite::Error, sql: &'static str) -> Self {
        use rusqlite::ErrorCode;
        match error {
            rusqlite::Error::SqliteFailure(code, text) => {
                let text = text.unwrap_or_else(|| code.to_string());
                let what = || text.rsplit(": ").next().unwrap_or(&text).to_owned();
                match code.code {
                    ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Conflict,
                    ErrorCode::ReadOnly => Self::ReadOnly,
                    ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::OutOfMemory => Self::Unwritable { why: text },
                    // SQLITE_CONSTRAINT_PRIMARYKEY 1555, _UNIQUE 2067, _ROWID 2579
                    ErrorCode::ConstraintViolation
                        if matches!(code.extended_code, 1555 | 2067 | 2579) =>
                    {
                        Self::Duplicate { what: what() }
                    }
                    ErrorCode::ConstraintViolation => Self::Constraint { what: what() },
                    _ => Self::Statement { why: text, sql },
                }
            }
            other => Self::Statement { why: other.to_string(), sql },
        }
    }

    pub(super) fn postgres(error: &postgres::Error, sql: &'static str) -> Self {
        use postgres::error::SqlState;
        let Some(db) = error.as_db_error() else {
            if error.is_closed() {
                return Self::Lost;
            }
            // Not from the server: a value of the wrong type, or I/O.
            return match std::error::Error::source(error) {
                Some(source) if source.is::<std::io::Error>() => Self::Lost,
                Some(_) | None => {
                    Self::Statement { why: "the client refused a value or reply".to_owned(), sql }
                }
            };
        };
        let what = || db.constraint().or(db.column()).or(db.table()).unwrap_or("?").to_owned();
        match db.code() {
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::LOCK_NOT_AVAILABLE => Self::Conflict,
            &SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly,
            &SqlState::IN_FAILED_SQL_TRANSACTION => Self::AfterFailure,
            &SqlState::UNIQUE_VIOLATION => Self::Duplicate { what: what() },
            code if code.code().starts_with("23") => Self::Constraint { what: what() },
            &SqlState::ADMIN_SHUTDOWN
            | &SqlState::CRASH_SHUTDOWN
            | &SqlState::CANNOT_CONNECT_NOW
            | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Lost,
            // Insufficient resources, and errors of the system beneath.
            code if code.code().starts_with("53") || code.code().starts_with("58") => {
                Self::Unwritable { why: format!("SQLSTATE {}", code.code()) }
            }
            // Class 42 speaks of our SQL; other messages may quote a value.
            code if code.code().starts_with("42") => {
                Self::Statement { why: db.message().to_owned(), sql }
            }
            code => Self::Statement { why: format!("SQLSTATE {}", code.code()), sql },
        }
    }
}
