//! Storage: one `Tx` over SQLite and PostgreSQL, migrations, and a file of plain functions for
//! each table.
//!
//! A transaction is a synchronous closure that runs on a database thread:
//! `db.write(move |tx| …).await`. What it returns reaches the caller after the commit is on disk.
//! A caller that goes away does not undo it.

mod error;
mod ground;
mod job;
mod migrate;
mod postgres;
pub mod registry;
mod row;
mod sql;
mod sqlite;
mod tx;
mod url;
mod words;

pub mod api_token;
pub mod appointment;
pub mod attempt;
pub mod board;
pub mod caregiver;
pub mod clinician;
pub mod consent_event;
pub mod contact_point;
pub mod conversation;
pub mod idempotency_key;
pub mod import_file;
pub mod inbound_message;
pub mod message;
pub mod outbox;
pub mod patient;
pub mod patient_event;
pub mod policy_version;
pub mod practice;
pub mod preference;
pub mod receipt;
pub mod reconciliation;
pub mod reminder;
pub mod restriction;
pub mod self_test;
pub mod setting;
pub mod site;
pub mod suppression;
pub mod task;
pub mod template_version;
pub mod test_patient;
pub mod vendor;

use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use jiff::Timestamp;

pub use error::DbError;
pub use ground::Mark;
pub use migrate::known_version;
pub use row::{Cell, FromColumn, Row};
pub use sql::{Sql, ToValue, Value, numbered};
pub use tx::Tx;
pub use url::DatabaseUrl;
pub use words::Word;
pub(crate) use words::words;

use ground::Ground;
use job::{Job, job};
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
        match &url.target {
            Target::Sqlite(place) => {
                let writer = migrate::open_sqlite(place, now)?;
                let (write, jobs) = mpsc::channel();
                let ground = Arc::new(Ground::default());
                let mut handles = vec![sqlite::spawn_writer(writer, jobs, Arc::clone(&ground))?];
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
                })))
            }
            Target::Postgres(config) => {
                // The client blocks on a runtime of its own, which a task of ours must not do.
                let config = (**config).clone();
                std::thread::spawn({
                    let config = config.clone();
                    move || migrate::migrate_postgres(&config, now)
                })
                .join()
                .map_err(|_| DbError::Panicked)??;
                let mut handles = Vec::new();
                let mut pool = |size: usize, writes| {
                    let (sender, jobs) = mpsc::channel();
                    let jobs = Arc::new(Mutex::new(jobs));
                    for _ in 0..size.max(1) {
                        let jobs = Arc::clone(&jobs);
                        handles.push(postgres::spawn_worker(config.clone(), jobs, writes)?);
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
                })))
            }
        }
    }

    /// `sqlite` or `postgres`, for reports.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        self.0.engine
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
        self.send_write(job(work, move |result| drop(reply.send(result))));
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
        self.send_read(job(work, move |result| drop(reply.send(result))));
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
        self.send_write(job(work, move |result| drop(reply.send(result))));
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
        self.send_read(job(work, move |result| drop(reply.send(result))));
        answer.recv().unwrap_or_else(|_| Err(DbError::Closed.into()))
    }

    /// A job that cannot be sent is dropped, and its caller sees [`DbError::Closed`].
    fn send_write(&self, job: Job) {
        match &self.0.write {
            Some(WriteQueue::Sqlite(queue)) => drop(queue.send(WriterJob { job, writes: true })),
            Some(WriteQueue::Postgres(queue)) => drop(queue.send(job)),
            None => drop(job),
        }
    }

    fn send_read(&self, job: Job) {
        match (&self.0.read, &self.0.write) {
            (Some(queue), _) => drop(queue.send(job)),
            (None, Some(WriteQueue::Sqlite(queue))) => {
                drop(queue.send(WriterJob { job, writes: false }));
            }
            (None, _) => drop(job),
        }
    }
}
