//! PostgreSQL: the blocking client on threads of its own, each with its connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use ::postgres::config::SslMode;
use ::postgres::{Client, Config, NoTls, Statement};

use crate::channels::transport::{Roots, client_config};
use crate::db::{
    DbError,
    job::Job,
    sqlite::next,
    tls::Tls,
    tx::{Engine, Tx},
};

/// Prepared statements of one connection, by their text.
#[derive(Default)]
pub(super) struct Statements(HashMap<&'static str, Statement>);

impl Statements {
    pub(super) fn get(
        &mut self,
        client: &mut Client,
        sql: &'static str,
    ) -> Result<Statement, DbError> {
        if let Some(statement) = self.0.get(sql) {
            return Ok(statement.clone());
        }
        let statement = client.prepare(sql).map_err(|e| DbError::postgres(&e, sql))?;
        self.0.insert(sql, statement.clone());
        Ok(statement)
    }
}

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

/// Connects once, with a clear word when it cannot.
pub(super) fn connect(server: &Server) -> Result<Client, DbError> {
    let connected = match &server.roots {
        None => server.config.connect(NoTls),
        Some(roots) => {
            let tls = client_config(roots).map_err(|e| DbError::Open { why: e.to_string() })?;
            server.config.connect(Tls(Arc::new(tls)))
        }
    };
    connected.map_err(|e| DbError::Open {
        why: match e.as_db_error() {
            Some(db) => format!("PostgreSQL: {}", db.message()),
            None => format!(
                "PostgreSQL: {}",
                std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string)
            ),
        },
    })
}

/// Starts one worker; all workers of a pool take from the same queue.
pub(super) fn spawn_worker(
    server: Server,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    writes: bool,
) -> Result<JoinHandle<()>, DbError> {
    std::thread::Builder::new()
        .name(if writes { "db-write" } else { "db-read" }.to_owned())
        .spawn(move || {
            let mut connection = None;
            while let Some(job) = next(&jobs) {
                let (mut client, mut statements) = match begin(&server, connection.take(), writes) {
                    Ok(connection) => connection,
                    Err(error) => {
                        (job(Err(error.clone())).answer)(Err(error));
                        continue;
                    }
                };
                run(&mut client, &mut statements, job, writes);
                // A broken connection is dropped here; the next job makes a new one.
                if !client.is_closed() {
                    connection = Some((client, statements));
                }
            }
        })
        .map_err(|e| DbError::Open { why: e.to_string() })
}

fn open(server: &Server, writes: bool) -> Result<Client, DbError> {
    let mut client = connect(server)?;
    if writes {
        let limit = IDLE_IN_TRANSACTION.as_millis();
        let set = format!("SET idle_in_transaction_session_timeout = {limit}");
        client
            .batch_execute(&set)
            .map_err(|e| DbError::postgres(&e, "SET idle_in_transaction_session_timeout"))?;
    }
    Ok(client)
}

type Connection = (Client, Statements);

/// A transaction, begun. READ COMMITTED for writes: rows that must not change under us are read
/// `FOR UPDATE`. A snapshot for reads. A connection that broke while it was idle, as after a restart
/// of the server, is replaced once: nothing had been asked of it yet.
fn begin(server: &Server, idle: Option<Connection>, writes: bool) -> Result<Connection, DbError> {
    let begin = if writes {
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    } else {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    };
    if let Some((mut client, statements)) = idle {
        match command(&mut client, begin) {
            Err(DbError::Lost) => {}
            begun => return begun.map(|()| (client, statements)),
        }
    }
    let mut client = open(server, writes)?;
    command(&mut client, begin).map(|()| (client, Statements::default()))
}

/// One closure, to the end of its transaction.
fn run(client: &mut Client, statements: &mut Statements, job: Job, writes: bool) {
    let done = job(Ok(&mut Tx::new(Engine::Postgres { client, statements }, writes)));
    let outcome = if done.keep {
        command(client, "COMMIT").map_err(|error| match error {
            DbError::Lost => DbError::CommitUnknown,
            other => other,
        })
    } else {
        // If this fails the connection is gone, and the server rolls back by itself.
        let _ = command(client, "ROLLBACK");
        Ok(())
    };
    (done.answer)(outcome);
}

fn command(client: &mut Client, sql: &'static str) -> Result<(), DbError> {
    client.batch_execute(sql).map_err(|e| DbError::postgres(&e, sql))
}
