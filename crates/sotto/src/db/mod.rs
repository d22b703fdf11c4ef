//! Storage: one `Tx` over SQLite and PostgreSQL, migrations, and a file of plain functions for
//! each table.
//!
//! A transaction is a synchronous closure that runs on a database thread:
//! `db.write(move |tx| …).await`. What it returns reaches the caller after the commit is on disk.
//! A caller that goes away does not undo it.

mod bell;
mod error;
mod fault;
mod ground;
mod job;
mod line;
mod migrate;
mod plans;
mod postgres;
pub mod refill;
pub mod registry;
mod row;
mod sql;
mod sqlite;
mod tls;
mod tx;
mod url;
mod vitals;
mod words;

pub mod agreement;
pub mod api_token;
pub mod appointment;
pub mod attachment;
pub mod attempt;
pub mod board;
pub mod break_glass;
pub mod call;
pub mod call_code;
pub mod caregiver;
pub mod clinician;
pub mod consent_event;
pub mod contact_point;
pub mod conversation;
pub mod credential;
pub mod disclosure;
pub mod draft;
pub mod form;
pub mod idempotency_key;
pub mod import_file;
pub mod inbound_message;
pub mod kiosk;
pub mod legal_hold;
pub mod letter;
pub mod message;
pub mod node;
pub mod note;
pub mod outbox;
pub mod patient;
pub mod patient_event;
pub mod patient_search;
pub mod pin;
pub mod policy_version;
pub mod practice;
pub mod preference;
pub mod presence;
pub mod receipt;
pub mod reconciliation;
pub mod reminder;
pub mod restriction;
pub mod retention_month;
pub mod sealed_thread;
pub mod self_test;
pub mod session;
pub mod setting;
pub mod site;
pub mod staff;
pub mod suppression;
pub mod task;
pub mod template_proposal;
pub mod template_version;
pub mod test_patient;
pub mod thread;
pub mod timeline;
pub mod training;
pub mod vendor;
pub mod watched;
pub mod window;
pub mod window_aim;
pub mod window_passkey;

use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use jiff::Timestamp;

pub use error::DbError;
pub use fault::{Fault, Faults, Heard};
pub use ground::Mark;
pub use migrate::{Applied, applied, known_version, migrations, version_of};
pub use row::{Cell, FromColumn, Row};
pub use sql::{Sql, ToValue, Value, numbered};
pub use tx::Tx;
pub use url::DatabaseUrl;
pub use vitals::Vitals;
pub use words::Word;
pub(crate) use words::words;

use ground::Ground;
use job::{Done, Job, job};
use postgres::Server;
use sqlite::WriterJob;
use url::Target;

/// How many threads, each with a connection, serve the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// Readers, on both engines.
    pub readers: usize,
    /// Writers on PostgreSQL. SQLite has exactly one.
    pub writers: usize,
}

impl Default for Threads {
    /// Readers decide, which is computing: as many as there are cores, and a second one on a single
    /// core, so that a long list does not stand in the way of a message.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { readers: cores.clamp(2, 8), writers: 8 }
    }
}

/// The database. Clones share the same threads, which end when the last clone is dropped.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    write: Option<WriteQueue>,
    /// `None` on a SQLite database in memory: the writer's connection is the only one.
    read: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    engine: &'static str,
    /// `None` where a decision made beforehand gains nothing, or cannot be made.
    ground: Option<Arc<Ground>>,
    vitals: Arc<Vitals>,
    /// Nothing but in tests.
    trial: Trial,
    /// Where the server is, on PostgreSQL.
    server: Option<Server>,
}

/// What a test puts beside the database.
#[derive(Clone, Default)]
struct Trial {
    faults: Option<Faults>,
    heard: Option<Heard>,
}

enum WriteQueue {
    Sqlite(mpsc::Sender<WriterJob>),
    Postgres(mpsc::Sender<Job>),
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.write = None;
        self.read = None;
        let here = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // The last clone may die inside a closure, on the very thread to be joined.
            if thread.thread().id() != here {
                let _ = thread.join();
            }
        }
    }
}

impl Db {
    /// Opens the database, brings its schema up to date and starts its threads. `now` is recorded
    /// with the migrations that are applied.
    ///
    /// # Errors
    /// [`DbError::Open`], [`DbError::Newer`] or [`DbError::Migration`].
    pub fn open(url: &DatabaseUrl, threads: Threads, now: Timestamp) -> Result<Self, DbError> {
        Self::open_as(url, threads, now, Trial::default())
    }

    /// [`open`](Self::open), for a test: commits fail as `faults` says. The storage is the same; no
    /// setting and no verb leads here.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_faults(
        url: &DatabaseUrl,
        threads: Threads,
        now: Timestamp,
        faults: Faults,
    ) -> Result<Self, DbError> {
        Self::open_as(url, threads, now, Trial { faults: Some(faults), heard: None })
    }

    /// [`open`](Self::open), for a test that hears each statement. The storage is the same; no setting
    /// and no verb leads here.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_heard(
        url: &DatabaseUrl,
        threads: Threads,
        now: Timestamp,
        heard: Heard,
    ) -> Result<Self, DbError> {
        Self::open_as(url, threads, now, Trial { faults: None, heard: Some(heard) })
    }

    fn open_as(
        url: &DatabaseUrl,
        threads: Threads,
        now: Timestamp,
        trial: Trial,
    ) -> Result<Self, DbError> {
        match &url.target {
            Target::Sqlite(place) => {
                let writer = migrate::open_sqlite(place, now)?;
                let (write, jobs) = mpsc::channel();
                let ground = Arc::new(Ground::default());
                let vitals = Arc::new(Vitals::default());
                let seen = Arc::clone(&vitals);
                let mut handles =
                    vec![sqlite::spawn_writer(writer, jobs, (Arc::clone(&ground), seen))?];
                let mut read = None;
                let on_disk = matches!(place, sqlite::Place::File(_));
                if on_disk {
                    let (sender, jobs) = mpsc::channel();
                    let jobs = Arc::new(Mutex::new(jobs));
                    for _ in 0..threads.readers.max(1) {
                        let connection = sqlite::connect(place, false)?;
                        handles.push(sqlite::spawn_reader(connection, Arc::clone(&jobs))?);
                    }
                    read = Some(sender);
                }
                Ok(Self(Arc::new(Inner {
                    write: Some(WriteQueue::Sqlite(write)),
                    read,
                    threads: handles,
                    engine: "sqlite",
                    ground: on_disk.then_some(ground),
                    vitals,
                    trial,
                    server: None,
                })))
            }
            Target::Postgres(server) => {
                // The client blocks on a runtime of its own, which a task of ours must not do.
                let server = Server::clone(server);
                std::thread::spawn({
                    let server = server.clone();
                    move || migrate::migrate_postgres(&server, now)
                })
                .join()
                .map_err(|_| DbError::Panicked)??;
                Self::on_server(server, threads, trial)
            }
        }
    }

    fn on_server(server: Server, threads: Threads, trial: Trial) -> Result<Self, DbError> {
        let mut handles = Vec::new();
        let vitals = Arc::new(Vitals::default());
        let mut pool = |size: usize, writes| {
            let (sender, jobs) = mpsc::channel();
            let jobs = Arc::new(Mutex::new(jobs));
            for _ in 0..size.max(1) {
                let jobs = Arc::clone(&jobs);
                handles.push(postgres::spawn_worker(
                    server.clone(),
                    jobs,
                    (writes, Arc::clone(&vitals)),
                )?);
            }
            Ok::<_, DbError>(sender)
        };
        let write = WriteQueue::Postgres(pool(threads.writers, true)?);
        let read = Some(pool(threads.readers, false)?);
        Ok(Self(Arc::new(Inner {
            write: Some(write),
            read,
            threads: handles,
            engine: "postgres",
            ground: None,
            vitals,
            trial,
            server: Some(server),
        })))
    }

    /// Whether other processes may serve the same database beside this one.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.server.is_some()
    }

    /// The same database by connections of their own, for what must not wait behind other work. On
    /// SQLite, whose writer is one, this handle again.
    ///
    /// # Errors
    /// [`DbError::Open`] when no thread can be started.
    pub fn lane(&self) -> Result<Self, DbError> {
        match &self.0.server {
            None => Ok(self.clone()),
            Some(server) => {
                let threads = Threads { readers: 1, writers: 1 };
                Self::on_server(server.clone(), threads, self.0.trial.clone())
            }
        }
    }

    /// Calls `heard` with each word that another process, or this one, [rings](Self::ring), until
    /// this handle and its clones are gone. Words may be lost while the connection is: whoever
    /// listens looks by himself now and then. On SQLite there is nobody to hear.
    ///
    /// # Errors
    /// [`DbError::Open`] when no thread can be started.
    pub fn listen(&self, heard: impl FnMut(&str) + Send + 'static) -> Result<(), DbError> {
        match &self.0.server {
            None => Ok(()),
            Some(server) => bell::listen(server.clone(), Arc::downgrade(&self.0), heard),
        }
    }

    /// Says `word` to every process that [listens](Self::listen) at this database.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn ring(&self, word: String) -> Result<(), DbError> {
        if self.is_shared() {
            self.write(move |tx| bell::ring(tx, &word)).await?;
        }
        Ok(())
    }

    /// `sqlite` or `postgres`, for reports.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        self.0.engine
    }

    /// How it does.
    #[must_use]
    pub fn vitals(&self) -> &Vitals {
        &self.0.vitals
    }

    /// How what decisions rest on stands now: take it before a read, and store what was decided in
    /// that read only where [`Tx::unchanged_since`] says so. None where one had better decide in the
    /// transaction that stores: on PostgreSQL, whose writers are many.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.0.ground.as_ref().map(|ground| ground.mark())
    }

    /// Runs `work` in a transaction that may write. `Ok` is returned after the commit is durable;
    /// on `Err` or a panic nothing of it is stored.
    ///
    /// # Errors
    /// What `work` returned, or a [`DbError`].
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let faults = self.0.trial.faults.clone();
        self.send_write(job(work, faults, move |result| drop(reply.send(result))));
        answer.await.unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// Runs `work` in a transaction that sees one state of the database and cannot write.
    ///
    /// # Errors
    /// What `work` returned, or a [`DbError`].
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.send_read(job(work, None, move |result| drop(reply.send(result))));
        answer.await.unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// [`write`](Self::write) for a thread that may block; never call it in a task or inside
    /// another transaction.
    ///
    /// # Errors
    /// What `work` returned, or a [`DbError`].
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        let faults = self.0.trial.faults.clone();
        self.send_write(job(work, faults, move |result| drop(reply.send(result))));
        answer.recv().unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// [`read`](Self::read) for a thread that may block; never call it in a task or inside another
    /// transaction.
    ///
    /// # Errors
    /// What `work` returned, or a [`DbError`].
    pub fn read_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send_read(job(work, None, move |result| drop(reply.send(result))));
        answer.recv().unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// The same job, its statements heard where a test hears them.
    fn heard(&self, job: Job) -> Job {
        match self.0.trial.heard.clone() {
            None => job,
            Some(heard) => Box::new(move |tx| match tx {
                Ok(tx) => {
                    tx.heard_by(heard);
                    job(Ok(tx))
                }
                Err(error) => job(Err(error)),
            }),
        }
    }

    /// A job that cannot be sent is dropped, and its caller sees [`DbError::Closed`].
    fn send_write(&self, job: Job) {
        let job = watched(self.heard(job), Arc::clone(&self.0.vitals));
        match &self.0.write {
            Some(WriteQueue::Sqlite(queue)) => drop(queue.send(WriterJob { job, writes: true })),
            Some(WriteQueue::Postgres(queue)) => drop(queue.send(job)),
            None => drop(job),
        }
    }

    fn send_read(&self, job: Job) {
        let job = self.heard(job);
        match (&self.0.read, &self.0.write) {
            (Some(queue), _) => drop(queue.send(job)),
            (None, Some(WriteQueue::Sqlite(queue))) => {
                drop(queue.send(WriterJob { job, writes: false }));
            }
            (None, _) => drop(job),
        }
    }
}

/// The same job, with its times and its end counted.
fn watched(job: Job, vitals: Arc<Vitals>) -> Job {
    let asked = vitals::now();
    Box::new(move |tx| {
        let began = vitals.began(asked);
        let (done, wrote) = match tx {
            Ok(tx) => {
                let done = job(Ok(&mut *tx));
                if let Some(error) = tx.broke() {
                    vitals.failed(error);
                }
                (done, tx.wrote())
            }
            // The engine's reason comes again with the answer.
            Err(error) => (job(Err(error)), false),
        };
        let (keep, answer) = (done.keep, done.answer);
        Done {
            keep,
            answer: Box::new(move |outcome| {
                vitals.ended(began, wrote && keep, &outcome);
                answer(outcome);
            }),
        }
    })
}
