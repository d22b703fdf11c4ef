//! A backup is one state, says so, and comes back; what is not one is refused.

mod command_line;
mod drill;
mod holding;
mod keys;
mod round_trip;
mod tampering;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seal::{Keyring, Lock, RootKey};
use sotto::audit;
use sotto::audit::witness::Witness;
use sotto::backup::restore::{self, Keeper};
use sotto::backup::take::{Made, Order, make};
use sotto::backup::{RestoreError, Restored};
use sotto::db::DatabaseUrl;
use sotto::db::refill::Into as To;

use crate::clinic::{Clinic, templates};
use crate::engines::{Engine, Spot};

/// A clinic with a key for its backups, a folder for them, and a witness.
struct Desk {
    clinic: Clinic,
    key: Arc<RootKey>,
    folder: PathBuf,
    witness: Witness,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    async fn open(db: crate::engines::TestDb) -> Self {
        let clinic = Clinic::open(db).await;
        let id = sotto::clock::Clock::system().new_id();
        let folder = std::env::temp_dir().join(format!("sotto-backups-{id}"));
        let key = Arc::new(RootKey::generate().unwrap());
        let witness = Witness::at(folder.join("witness"));
        Self { clinic, key, folder, witness }
    }

    /// A practice in the middle of a day: patients, a booking, a reply, a signed log.
    async fn at_work(db: crate::engines::TestDb) -> Self {
        let desk = Self::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", "+12025550123").await;
        desk.clinic.patient("Ben", "es", "+12025550124").await;
        desk.clinic.book(ana, "A-1", desk.now() + SignedDuration::from_hours(24 * 3)).await;
        desk.clinic.text("+12025550123", "Can I bring my son?").await;
        desk.sign().await;
        desk
    }

    /// An empty place on the engine this test runs on.
    fn spot(&self) -> Spot {
        Spot::new(match self.clinic.db.engine() {
            "sqlite" => Engine::Sqlite,
            _ => Engine::Postgres,
        })
    }

    fn now(&self) -> Timestamp {
        self.clinic.office.clock().now()
    }

    async fn sign(&self) {
        audit::sequencer::catch_up(&self.clinic.db, &self.clinic.office).await.unwrap();
    }

    /// The witness hears of the log as it is.
    async fn hear(&self) {
        self.sign().await;
        let practice = self.clinic.office.practice();
        let note =
            self.clinic.db.read(move |tx| audit::sequencer::last_note(tx, practice)).await.unwrap();
        std::fs::create_dir_all(&self.folder).unwrap();
        self.witness.keep(&note.unwrap().0).unwrap();
    }

    fn order(&self) -> Order {
        Order {
            db: self.clinic.db.db.clone(),
            url: self.clinic.db.url.parse().unwrap(),
            scratch: std::env::temp_dir(),
            key: Arc::clone(&self.key),
            folder: self.folder.clone(),
            keep: 3,
            progress: Arc::new(|_| {}),
        }
    }

    /// A second goes by, and a backup is made.
    async fn back_up(&self) -> Made {
        self.clinic.office.clock().advance(SignedDuration::from_secs(1));
        let (order, office) = (self.order(), self.clinic.office.clone());
        apart(move || make(&order, &office)).await.unwrap()
    }

    fn keyring(&self) -> Keyring {
        Keyring::open(&self.clinic.keys, &self.clinic.root).unwrap()
    }

    /// Restores into this place.
    async fn restore(
        &self,
        file: &Path,
        spot: &Spot,
        to: To,
        accept_loss: Option<&str>,
    ) -> Result<Restored, RestoreError> {
        let url: DatabaseUrl = spot.url.parse().unwrap();
        let (file, key, witness) = (file.to_owned(), Arc::clone(&self.key), self.witness.clone());
        let (practice, clock) = (self.clinic.office.practice(), self.clinic.office.clock().clone());
        let (keys, accept_loss) = (self.keyring(), accept_loss.map(str::to_owned));
        apart(move || {
            let keeper = Keeper {
                practice,
                clock,
                keys,
                templates: templates(),
                witness: &witness,
                accept_loss,
            };
            restore::restore(restore::open_file(&file)?, &Lock::Key(&key), &url, to, keeper)
        })
        .await
    }

    /// Restores into a rehearsal, and checks it.
    async fn rehearse(&self, file: &Path, key: &Arc<RootKey>) -> Result<u64, RestoreError> {
        let (file, key, keys) = (file.to_owned(), Arc::clone(key), self.keyring());
        let (practice, clock) = (self.clinic.office.practice(), self.clinic.office.clock().clone());
        let url: DatabaseUrl = self.clinic.db.url.parse().unwrap();
        apart(move || {
            let binding = gate::BindingKey::new(&keys.derive("clearance binding"));
            let log = audit::Log { practice, keys: &keys, binding: &binding, clock: &clock };
            let to = To::Rehearsal(std::env::temp_dir());
            let sealed = restore::open_file(&file)?;
            let mut poured = restore::pour(sealed, &Lock::Key(&key), &url, to, log)?;
            restore::examine(&mut poured, log)?;
            Ok(poured.counts.rows())
        })
        .await
    }
}

/// On a thread of its own: what is not part of a task may block.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(move || std::thread::spawn(work).join().unwrap()).await.unwrap()
}

/// The engines of this run.
fn engines() -> Vec<Engine> {
    [Engine::Sqlite, Engine::Postgres].into_iter().filter(|e| crate::engines::wanted(*e)).collect()
}
