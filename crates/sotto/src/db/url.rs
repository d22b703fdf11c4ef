//! Which database, as one line of configuration.

use std::str::FromStr;

use crate::channels::transport::Roots;
use crate::db::{DbError, postgres::Server, sqlite::Place};

/// `sqlite:PATH`, `sqlite::memory:` (tests), or `postgres://user:password@host/name`, of which
/// `?sslmode=verify-full&sslrootcert=FILE` is understood beside what the client knows.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(super) target: Target,
}

#[derive(Clone)]
pub(super) enum Target {
    Sqlite(Place),
    Postgres(Box<Server>),
}

impl std::fmt::Debug for DatabaseUrl {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.target {
            Target::Sqlite(Place::Memory) => f.write_str("sqlite::memory:"),
            Target::Sqlite(Place::File(path)) => write!(f, "sqlite:{}", path.display()),
            Target::Postgres(server) => {
                write!(f, "postgres:…/{}", server.name().unwrap_or("?"))
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
            Target::Postgres(Box::new(server(text)?))
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
}

fn server(text: &str) -> Result<Server, DbError> {
    let (rest, wanted) = take_tls(text)?;
    let config: tokio_postgres::Config =
        rest.parse().map_err(|_| DbError::Url { why: "the PostgreSQL URL cannot be parsed" })?;
    if config.get_dbname().is_none() {
        return Err(DbError::Url { why: "the PostgreSQL URL names no database" });
    }
    // Health information does not cross a network in the clear (45 CFR 164.312(e)(1)): only this
    // machine's own addresses are reached without TLS.
    let tls = match (is_local(&config), wanted) {
        (true, Wanted::Nothing | Wanted::Plain) => None,
        (false, Wanted::Plain) => {
            return Err(DbError::Url {
                why: "sslmode must be verify-full, or be left out, for a PostgreSQL on another \
                      machine",
            });
        }
        (false, Wanted::Nothing) => Some(Roots::Machine),
        (_, Wanted::Verified(roots)) => Some(roots),
    };
    Ok(Server::of(config, tls))
}

/// What the URL says of TLS.
enum Wanted {
    Nothing,
    Plain,
    Verified(Roots),
}

/// Takes `sslmode` and `sslrootcert` out of a URL. Whatever asks for TLS gets the whole of it: the
/// certificate is verified, with the server's name.
fn take_tls(text: &str) -> Result<(String, Wanted), DbError> {
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut wanted, mut roots, mut others) = (Wanted::Nothing, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", "disable" | "allow" | "prefer")) => wanted = Wanted::Plain,
            Some(("sslmode", "require" | "verify-ca" | "verify-full")) => {
                wanted = Wanted::Verified(Roots::Machine);
            }
            Some(("sslmode", _)) => {
                return Err(DbError::Url { why: "sslmode must be verify-full or disable" });
            }
            Some(("sslrootcert", path)) if !path.contains('%') => {
                roots = Some(Roots::File(path.into()));
            }
            Some(("sslrootcert", _)) => {
                return Err(DbError::Url { why: "sslrootcert must be a path without % signs" });
            }
            _ => others.push(pair),
        }
    }
    let wanted = match (wanted, roots) {
        (Wanted::Plain, Some(_)) => {
            return Err(DbError::Url { why: "sslrootcert needs sslmode=verify-full" });
        }
        (_, Some(roots)) => Wanted::Verified(roots),
        (wanted, None) => wanted,
    };
    let query = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
    Ok((format!("{place}{query}"), wanted))
}

fn is_local(config: &tokio_postgres::Config) -> bool {
    use tokio_postgres::config::Host;
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_and_what_is_not() {
        for good in ["sqlite:data/sotto.db", "sqlite::memory:", "postgres://sotto@127.0.0.1:5/x"] {
            assert!(good.parse::<DatabaseUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "sqlite:",
            "mysql://x/y",
            "postgres://127.0.0.1",
            "postgres://u@db.test/x?sslmode=disable",
            "postgres://u@db.test/x?sslmode=prefer",
            "postgres://u@127.0.0.1/x?sslmode=sometimes",
            "postgres://u@127.0.0.1/x?sslmode=disable&sslrootcert=/etc/ca.pem",
        ] {
            assert!(matches!(bad.parse::<DatabaseUrl>(), Err(DbError::Url { .. })), "{bad}");
        }
    }

    #[test]
    fn another_machine_is_reached_by_tls_and_nothing_else() {
        for (url, protected) in [
            ("postgres://u@127.0.0.1/x", false),
            ("postgres://u@localhost/x?sslmode=disable", false),
            ("postgres://u@localhost/x?sslmode=prefer&application_name=a", false),
            ("postgres://u@127.0.0.1/x?sslmode=require", true),
            ("postgres://u@db.test/x", true),
            ("postgres://u@db.test/x?sslmode=require", true),
            ("postgres://u@db.test/x?connect_timeout=3&sslmode=verify-full", true),
            ("postgres://u@127.0.0.1,db.test/x", true),
        ] {
            let url_: DatabaseUrl = url.parse().unwrap();
            let Target::Postgres(server) = url_.target else { panic!("{url}") };
            assert_eq!(server.is_protected(), protected, "{url}");
        }
    }

    #[test]
    fn debug_hides_the_password() {
        let url: DatabaseUrl = "postgres://sotto:hunter2@127.0.0.1/x".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
