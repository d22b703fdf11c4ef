//! One test body, both engines.
//!
//! PostgreSQL comes from `SOTTO_TEST_POSTGRES` (`postgres://user@127.0.0.1:port/postgres`, a
//! cluster that may be filled with databases). Without it the PostgreSQL tests fail, unless
//! `SOTTO_TEST_ENGINES=sqlite` says that this run is about SQLite alone. `./check` starts a cluster.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use postgres::NoTls;
use sotto::clock::Clock;
use sotto::db::{DatabaseUrl, Db, Threads};

/// When every test begins: a Monday morning in New York.
pub(crate) const START: &str = "2027-03-01T14:00:00Z";

/// The engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own.
    Postgres,
}

/// An open database that is gone when this is dropped.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    // Last: the database is closed before its place is removed.
    _place: Place,
}

impl std::ops::Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl TestDb {
    /// A fresh, migrated database.
    pub(crate) fn new(engine: Engine) -> Self {
        let place = match engine {
            Engine::Sqlite => Place::directory(),
            Engine::Postgres => Place::database(),
        };
        let url = place.url();
        let clock = Clock::manual(START.parse().unwrap());
        let parsed: DatabaseUrl = url.parse().unwrap();
        let threads = Threads { readers: 2, writers: 4 };
        let db = Db::open(&parsed, threads, clock.now()).unwrap();
        Self { db, clock, url, _place: place }
    }

    /// Another handle on the same database, with threads of its own.
    pub(crate) fn again(&self) -> Db {
        let url: DatabaseUrl = self.url.parse().unwrap();
        Db::open(&url, Threads { readers: 1, writers: 2 }, self.clock.now()).unwrap()
    }
}

/// A place for a database that nobody has open, gone when this is dropped.
pub(crate) struct Spot {
    pub(crate) url: String,
    _place: Place,
}

impl Spot {
    /// An empty file that is not there yet, or a migrated database that holds nothing.
    pub(crate) fn new(engine: Engine) -> Self {
        // A thread, since tests are async and PostgreSQL's client brings a runtime of its own.
        let make = move || match engine {
            Engine::Sqlite => Place::directory(),
            Engine::Postgres => Place::database(),
        };
        let place = std::thread::spawn(make).join().unwrap();
        Self { url: place.url(), _place: place }
    }

    pub(crate) fn open(&self, clock: &Clock) -> Db {
        let url: DatabaseUrl = self.url.parse().unwrap();
        Db::open(&url, Threads { readers: 1, writers: 2 }, clock.now()).unwrap()
    }

    /// What was put there, to go on with.
    pub(crate) fn into_db(self, clock: &Clock) -> TestDb {
        let db = self.open(clock);
        TestDb { db, clock: clock.clone(), url: self.url, _place: self._place }
    }
}

enum Place {
    Directory(PathBuf),
    Database { admin: String, name: String, url: String },
}

impl Place {
    fn directory() -> Self {
        let path = std::env::temp_dir().join(format!("sotto-{}", unique()));
        std::fs::create_dir(&path).unwrap();
        Self::Directory(path)
    }

    fn database() -> Self {
        let admin = std::env::var("SOTTO_TEST_POSTGRES").expect(
            "set SOTTO_TEST_POSTGRES to a PostgreSQL for tests (./check starts one), or \
             SOTTO_TEST_ENGINES=sqlite to leave it out",
        );
        let name = format!("sotto_test_{}", unique());
        let template = template(&admin);
        let mut client = postgres::Client::connect(&admin, NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
        let url = with_database(&admin, &name);
        Self::Database { admin, name, url }
    }

    fn url(&self) -> String {
        match self {
            Self::Directory(path) => format!("sqlite:{}/sotto.db", path.display()),
            Self::Database { url, .. } => url.clone(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self {
            Self::Directory(path) => drop(std::fs::remove_dir_all(path)),
            Self::Database { admin, name, .. } => {
                let (admin, name) = (admin.clone(), name.clone());
                // A thread, since tests are async and this client brings a runtime of its own.
                let _ = std::thread::spawn(move || {
                    if let Ok(mut client) = postgres::Client::connect(&admin, NoTls) {
                        let drop_it = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                        let _ = client.batch_execute(&drop_it);
                    }
                })
                .join();
            }
        }
    }
}

/// A name that no other test has, in this process or another.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}_{count}", Clock::system().new_id().simple())
}

/// The migrated database that the others are copied from, made once per schema.
fn template(admin: &str) -> String {
    let name = format!("sotto_template_{:016x}", schema_hash());
    let mut client = postgres::Client::connect(admin, NoTls).unwrap();
    client.batch_execute("SELECT pg_advisory_lock(7355608)").unwrap();
    let there = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).unwrap();
    if there.is_none() {
        let making = format!("{name}_making");
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {making}")).unwrap();
        let url: DatabaseUrl = with_database(admin, &making).parse().unwrap();
        let now: Timestamp = START.parse().unwrap();
        drop(Db::open(&url, Threads { readers: 1, writers: 1 }, now).unwrap());
        client.batch_execute(&format!("ALTER DATABASE {making} RENAME TO {name}")).unwrap();
    }
    name
}

/// Of the migrations that this program was built with, whatever lies in the folder by now.
fn schema_hash() -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    sotto::db::migrations().for_each(|text| text.hash(&mut hasher));
    hasher.finish()
}

fn with_database(admin: &str, name: &str) -> String {
    let (server, _) = admin.rsplit_once('/').expect("SOTTO_TEST_POSTGRES ends in /database");
    format!("{server}/{name}")
}

/// Whether this run is about `engine`.
pub(crate) fn wanted(engine: Engine) -> bool {
    match std::env::var("SOTTO_TEST_ENGINES").as_deref() {
        Ok("sqlite") => engine == Engine::Sqlite,
        Ok("postgres") => engine == Engine::Postgres,
        Ok(other) => panic!("SOTTO_TEST_ENGINES={other}: say sqlite or postgres, or leave it out"),
        Err(_) => true,
    }
}

/// Runs `body` with a fresh database of `engine`, on a runtime of two threads.
pub(crate) fn run<F: Future<Output = ()>>(engine: Engine, body: impl FnOnce(TestDb) -> F) {
    if !wanted(engine) {
        return;
    }
    let db = TestDb::new(engine);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(body(db));
}

/// Declares tests that run on both engines:
/// `on_both_engines! { async fn a_patient_is_found(db: TestDb) { … } }`.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: TestDb) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "a body may need nothing from around it")]
            use super::*;

            async fn body($db: $crate::engines::TestDb) $body

            #[test]
            fn sqlite() {
                $crate::engines::run($crate::engines::Engine::Sqlite, body);
            }

            #[test]
            fn postgres() {
                $crate::engines::run($crate::engines::Engine::Postgres, body);
            }
        }
    )*};
}
