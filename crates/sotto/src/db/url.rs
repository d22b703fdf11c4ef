//! Which database, as one line of configuration.

use std::str::FromStr;

use crate::db::{DbError, sqlite::Place};

/// `sqlite:PATH`, `sqlite::memory:` (tests), or `postgres://user:password@host/name`.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(super) target: Target,
}

#[derive(Clone)]
pub(super) enum Target {
    Sqlite(Place),
    Postgres(Box<postgres::Config>),
}

impl std::fmt::Debug for DatabaseUrl {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.target {
            Target::Sqlite(Place::Memory) => f.write_str("sqlite::memory:"),
            Target::Sqlite(Place::File(path)) => write!(f, "sqlite:{}", path.display()),
            Target::Postgres(config) => {
                write!(f, "postgres:…/{}", config.get_dbname().unwrap_or("?"))
            }
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self, DbError> {
        let target = if text == "sqlite::memory:" {
            Target::Sqlite(Place::Memory)
        } else if let Some(path) = text.strip_prefix("sqlite:") {
            if path.is_empty() {
                return Err(DbError::Url { why: "the path after sqlite: is empty" });
            }
            Target::Sqlite(Place::File(path.into()))
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let config: postgres::Config = text
                .parse()
                .map_err(|_| DbError::Url { why: "the PostgreSQL URL cannot be parsed" })?;
            if config.get_dbname().is_none() {
                return Err(DbError::Url { why: "the PostgreSQL URL names no database" });
            }
            refuse_plain_text(&config)?;
            Target::Postgres(Box::new(config))
        } else {
            return Err(DbError::Url { why: "unknown kind of database" });
        };
        Ok(Self { target })
    }
}

impl DatabaseUrl {
    /// The file, of a SQLite database on disk.
    #[must_use]
    pub fn file(&self) -> Option<&std::path::Path> {
        match &self.target {
            Target::Sqlite(Place::File(path)) => Some(path),
            Target::Sqlite(Place::Memory) | Target::Postgres(_) => None,
        }
    }

    /// A SQLite file.
    #[must_use]
    pub fn sqlite_file(path: impl Into<std::path::PathBuf>) -> Self {
        Self { target: Target::Sqlite(Place::File(path.into())) }
    }
}

/// Health information does not cross a network in the clear (45 CFR 164.312(e)(1)): without TLS
/// only this machine's own addresses will do.
fn refuse_plain_text(config: &postgres::Config) -> Result<(), DbError> {
    use postgres::config::Host;
    let local = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    });
    if local {
        Ok(())
    } else {
        Err(DbError::Url { why: "a PostgreSQL on another machine is reached through a tunnel" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_and_what_is_not() {
        for good in ["sqlite:data/sotto.db", "sqlite::memory:", "postgres://sotto@127.0.0.1:5/x"] {
            assert!(good.parse::<DatabaseUrl>().is_ok(), "{good}");
        }
        for bad in ["", "sqlite:", "mysql://x/y", "postgres://127.0.0.1", "postgres://u@db.test/x"]
        {
            assert!(matches!(bad.parse::<DatabaseUrl>(), Err(DbError::Url { .. })), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_password() {
        let url: DatabaseUrl = "postgres://sotto:hunter2@127.0.0.1/x".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
