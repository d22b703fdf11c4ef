//! PostgreSQL: threads of their own, each with its connection.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use ::postgres::{Client, NoTls};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::channels::transport::{Roots, client_config};
use crate::db::{
    DbError, Vitals,
    job::Job,
    line::Line,
    sqlite::next,
    tls::Tls,
    tx::{Engine, Tx},
};

/// After how long a transaction in which nothing happens is given up by the server. A process that
/// was paused, or cut off, in the middle of one would hold its locks for ever. Long enough for a
/// closure that computes on a busy machine; who needs it shorter says
/// [`Tx::ends_when_idle`](crate::db::Tx::ends_when_idle).
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(60);

/// Where the server is, and what protects the way to it.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    roots: Option<Roots>,
}

impl Server {
    pub(super) fn of(mut config: Config, roots: Option<Roots>) -> Self {
        config.application_name("sotto").connect_timeout(Duration::from_secs(10));
        // A server that vanished without a word is noticed within some ten seconds.
        config.keepalives_idle(Duration::from_secs(5));
        config.keepalives_interval(Duration::from_secs(2)).keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(10));
        config.ssl_mode(if roots.is_some() { SslMode::Require } else { SslMode::Disable });
        Self { config, roots }
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn roots(&self) -> Option<&Roots> {
        self.roots.as_ref()
    }

    /// The database's name.
    pub(super) fn name(&self) -> Option<&str> {
        self.config.get_dbname()
    }

    /// Whether connections to it go by TLS.
    #[cfg(test)]
    pub(super) const fn is_protected(&self) -> bool {
        self.roots.is_some()
    }
}

/// What is said on a new connection. A statement is planned for any values and not for those it is
/// asked with: for the id of a practice that is new beside others, of which the server has counted no
/// row yet, it expects none, and would as soon read all that this practice has as go by a row's own
/// key.
pub(super) fn settings(writes: bool) -> String {
    let planning = "SET plan_cache_mode = force_generic_plan";
    if writes {
        let limit = IDLE_IN_TRANSACTION.as_millis();
        format!("{planning}; SET idle_in_transaction_session_timeout = {limit}")
    } else {
        planning.to_owned()
    }
}

/// Connects once, with a clear word when it cannot: for what needs no transaction of a closure's.
pub(super) fn connect(server: &Server) -> Result<Client, DbError> {
    let config = ::postgres::Config::from(server.config.clone());
    let connected = match &server.roots {
        None => config.connect(NoTls),
        Some(roots) => {
            let tls = client_config(roots).map_err(|e| DbError::Open { why: e.to_string() })?;
            config.connect(Tls(Arc::new(tls)))
        }
    };
    connected.map_err(|e| cannot_connect(&e))
}

/// Why not.
pub(super) fn cannot_connect(error: &::postgres::Error) -> DbError {
    let why = match error.as_db_error() {
        Some(db) => db.message().to_owned(),
        None => {
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
        }
    };
    DbError::Open { why: format!("PostgreSQL: {why}") }
}

/// Starts one worker; all workers of a pool take from the same queue.
pub(super) fn spawn_worker(
    server: Server,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    (writes, vitals): (bool, Arc<Vitals>),
) -> Result<JoinHandle<()>, DbError> {
    std::thread::Builder::new()
        .name(if writes { "db-write" } else { "db-read" }.to_owned())
        .spawn(move || {
            let mut idle: Option<Line> = None;
            while let Some(job) = next(&jobs) {
                let was_idle = idle.is_some();
                let opened = match idle.take() {
                    Some(line) => Ok(line),
                    None => Line::open(server.clone(), writes, Arc::clone(&vitals)),
                };
                match opened {
                    Err(error) => (job(Err(error.clone())).answer)(Err(error)),
                    Ok(mut line) => {
                        line.begin(was_idle);
                        run(&mut line, job, writes);
                        // A broken connection is dropped here; the next job makes a new one.
                        if !line.is_broken() {
                            idle = Some(line);
                        }
                    }
                }
            }
            if let Some(line) = idle {
                line.close();
            }
        })
        .map_err(|e| DbError::Open { why: e.to_string() })
}

/// One closure, to the end of its transaction.
fn run(line: &mut Line, job: Job, writes: bool) {
    let done = job(Ok(&mut Tx::new(Engine::Postgres(line), writes)));
    if !writes {
        // What was read is read, however the transaction ends: its caller need not wait for that.
        (done.answer)(Ok(()));
        line.give_up();
        return;
    }
    let outcome = if done.keep {
        line.commit()
    } else {
        line.give_up();
        Ok(())
    };
    (done.answer)(outcome);
}
