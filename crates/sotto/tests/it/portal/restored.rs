//! A backup from before the end of a patient's copy, put back after it: on the machine that was there,
//! and on a new one from the two files alone. The copy does not come back; the record does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate::{MessageId, PatientId};
use seal::{Keyring, Lock, Place, RootKey, Sealed};
use sotto::access::roles::Role;
use sotto::attachments::store;
use sotto::audit::witness::Witness;
use sotto::audit::{self, Kind};
use sotto::backup::keys::{self, Where};
use sotto::backup::restore::{self, Keeper, Restored};
use sotto::backup::take::{self, Order};
use sotto::db::attachment::Side;
use sotto::db::refill::Into as To;
use sotto::db::registry::TABLES;
use sotto::db::{Cell, DatabaseUrl, Db, DbError};
use sotto::ids::AttachmentId;
use sotto::portal::expiry;

use super::copies::{files, holds, keys_of};
use super::files::{at_the_desk, document};
use super::{PHONE, come_in, letter, of_kind, token_in};
use crate::access::{Desk, Jar};
use crate::attachments::{PAPER, links};
use crate::clinic::{Clinic, templates};
use crate::engines::{Engine, Spot};
use crate::on_both_engines;
use crate::people::pages::entries;

/// In no other test, so that what a shared server wrote down for others is not found.
const SAID: &str = "Your culture grew Wimblethatch bacteria. Take the tablets for seven days.";
const NEEDLE: &[u8] = b"Wimblethatch";
const PASSPHRASE: &str = "six random words make a passphrase";

/// The files that a practice keeps apart, and where they lie.
pub(crate) struct Safe {
    folder: PathBuf,
    backup_key: Arc<RootKey>,
    witness: Witness,
}

impl Drop for Safe {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Safe {
    pub(crate) fn new() -> Self {
        let id = sotto::clock::Clock::system().new_id();
        let folder = std::env::temp_dir().join(format!("sotto-safe-{id}"));
        std::fs::create_dir_all(&folder).unwrap();
        let backup_key = Arc::new(RootKey::generate().unwrap());
        backup_key.write_new(&folder.join("backup.key")).unwrap();
        let witness = Witness::at(folder.join("witness"));
        Self { folder, backup_key, witness }
    }

    /// Where they lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn places(&self, desk: &Desk, store: &Path) -> Where {
        Where {
            practice: desk.clinic.office.practice(),
            store: store.to_owned(),
            root_file: Some(self.folder.join("root.key")),
            backup_key_file: Some(self.folder.join("backup.key")),
            witness: self.witness.clone(),
        }
    }

    /// As `sotto backup` and `sotto backup keys` do: the data and the keys of now.
    pub(crate) async fn back_up(&self, desk: &Desk) -> (PathBuf, PathBuf) {
        let clinic = &desk.clinic;
        audit::sequencer::catch_up(&clinic.db, &clinic.office).await.unwrap();
        let order = Order {
            db: clinic.db.db.clone(),
            url: clinic.db.url.parse().unwrap(),
            scratch: std::env::temp_dir(),
            key: Arc::clone(&self.backup_key),
            folder: self.folder.join("data"),
            keep: 3,
            progress: Arc::new(|_| {}),
        };
        let (places, to) = (self.places(desk, &clinic.keys), self.folder.join("keys"));
        let root = RootKey::from_text(&clinic.root.to_text()).unwrap();
        let (db, office) = (clinic.db.db.clone(), clinic.office.clone());
        apart(move || {
            let data = take::make(&order, &office).unwrap().file;
            let lock = Lock::Passphrase(PASSPHRASE);
            let keys = keys::make(&places, &root, &lock, (&to, 1), &db, &office).unwrap().file;
            (data, keys)
        })
        .await
    }

    /// As `sotto restore` does with the file of the keys, where there is no key store.
    pub(crate) async fn put_back_keys(&self, desk: &Desk, file: &Path) -> (PathBuf, RootKey) {
        let store = self.folder.join("new-keys");
        let (places, file) = (self.places(desk, &store), file.to_owned());
        let clock = desk.clinic.office.clock().clone();
        apart(move || {
            let lock = Lock::Passphrase(PASSPHRASE);
            keys::put_back(restore::open_file(&file).unwrap(), &lock, &places, &clock).unwrap();
        })
        .await;
        (store, RootKey::from_file(&self.folder.join("root.key")).unwrap())
    }

    /// As `sotto restore` does with the file of the data, with these keys, into an empty place: the
    /// practice that is there then.
    pub(crate) async fn restore(&self, desk: &Desk, file: &Path, keys: (&Path, RootKey)) -> Desk {
        self.put_back(desk, file, keys).await.0
    }

    /// The same, with what was said of it.
    pub(crate) async fn put_back(
        &self,
        desk: &Desk,
        file: &Path,
        (store, root): (&Path, RootKey),
    ) -> (Desk, Restored) {
        let engine = match desk.clinic.db.engine() {
            "sqlite" => Engine::Sqlite,
            _ => Engine::Postgres,
        };
        let spot = Spot::new(engine);
        let url: DatabaseUrl = spot.url.parse().unwrap();
        let (file, witness, key) =
            (file.to_owned(), self.witness.clone(), Arc::clone(&self.backup_key));
        let (practice, clock) = (desk.clinic.office.practice(), desk.clinic.office.clock().clone());
        let ring = Keyring::open(store, &root).unwrap();
        let restored: Restored = apart(move || {
            let keeper = Keeper {
                practice,
                clock,
                keys: ring,
                templates: templates(),
                witness: &witness,
                accept_loss: Some("the machine is gone".to_owned()),
            };
            let file = restore::open_file(&file).unwrap();
            restore::restore(file, &Lock::Key(&key), &url, To::Empty, keeper).unwrap()
        })
        .await;
        assert!(restored.examined.opened > 0);
        let db = spot.into_db(desk.clinic.office.clock());
        let keys = store.to_owned();
        let office = {
            let ring = Keyring::open(store, &root).unwrap();
            let clock = desk.clinic.office.clock().clone();
            let open = move |tx: &mut sotto::db::Tx<'_>| {
                let office = sotto::office::Office::open(tx, practice, clock, ring, templates());
                Ok::<_, DbError>(office.unwrap())
            };
            db.read(open).await.unwrap()
        };
        (Desk::of(Clinic { db, office, keys, root }), restored)
    }
}

/// On a thread of its own: what is not part of a task may block.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(move || std::thread::spawn(work).join().unwrap()).await.unwrap()
}

/// Every value of every row, one after the other.
async fn rows(db: &Db, practice: gate::PracticeId) -> Vec<u8> {
    db.read(move |tx| {
        let mut all = Vec::new();
        for spec in TABLES {
            tx.each(spec.all, sotto::params![practice], |row| {
                for index in 0..spec.columns.len() {
                    match row.cell(index)? {
                        Cell::Null => {}
                        Cell::Int(int) => all.extend(int.to_be_bytes()),
                        Cell::Text(text) => all.extend(text.bytes()),
                        Cell::Blob(blob) => all.extend(blob.iter()),
                    }
                    all.push(0);
                }
                Ok::<_, DbError>(())
            })?;
        }
        Ok::<_, DbError>(all)
    })
    .await
    .unwrap()
}

/// What lies on the disk of a practice: its rows, its database's files with the write-ahead log
/// (SQLite's; PostgreSQL's belongs to its server, which is asked in [`server_holds`]), its keys.
pub(crate) async fn on_disk(desk: &Desk) -> Vec<(String, Vec<u8>)> {
    let mut all =
        vec![("rows".to_owned(), rows(&desk.clinic.db, desk.clinic.office.practice()).await)];
    if let Some(database) = desk.clinic.db.url.strip_prefix("sqlite:") {
        for end in ["", "-wal", "-shm"] {
            let path = format!("{database}{end}");
            all.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes)));
        }
    }
    all.extend(files(&desk.clinic.keys));
    all
}

/// Where the server's write-ahead log is now; nothing on SQLite.
pub(crate) async fn log_position(url: &str) -> Option<String> {
    let url = url.to_owned();
    url.starts_with("postgres").then_some(())?;
    let ask = move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client.query_one("SELECT pg_current_wal_lsn()::text", &[]).unwrap().get(0)
    };
    Some(apart(ask).await)
}

/// In how many of the files these bytes stand: of this database on its server; and, where it says since
/// when, of the server's write-ahead log.
pub(crate) async fn server_holds(url: &str, since: Option<&str>, part: &[u8]) -> i64 {
    const TABLES: &str = "
        SELECT COUNT(*) FROM pg_class
         WHERE relkind IN ('r', 't', 'i') AND position($1::bytea IN
               pg_read_binary_file(pg_relation_filepath(oid), 0, pg_relation_size(oid), true)) > 0";
    const LOG: &str = "
        SELECT COUNT(*) FROM pg_ls_waldir()
         WHERE name ~ '^[0-9A-F]{24}$' AND name >= pg_walfile_name($2::text::pg_lsn)
           AND name <= pg_walfile_name(pg_current_wal_lsn())
           AND position($1::bytea IN pg_read_binary_file('pg_wal/' || name, 0, size, true)) > 0";
    let (url, since, part) = (url.to_owned(), since.map(str::to_owned), part.to_vec());
    apart(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        match since {
            Some(since) => client.query_one(LOG, &[&part, &since]),
            None => {
                client.batch_execute("CHECKPOINT").unwrap();
                client.query_one(TABLES, &[&part])
            }
        }
        .unwrap()
        .get(0)
    })
    .await
}

/// Whether the practice's record of a letter and its file opens.
async fn record_of(
    desk: &Desk,
    letter: MessageId,
    file: AttachmentId,
) -> (Option<String>, Vec<u8>) {
    desk.clinic
        .write(move |tx, office| {
            let row = sotto::db::message::find(tx, office.practice(), letter).unwrap().unwrap();
            let (practice, key) = (office.practice().to_string(), letter.to_string());
            let place =
                Place { practice: &practice, table: "message", row: &key, column: "content" };
            let (body, wrap) =
                (Sealed::from_bytes(row.content_sealed), Sealed::from_bytes(row.record_wrap));
            let plain = office.keys().open_message(&place, &body, &wrap).unwrap();
            let file = store::piece(tx, office, (file, Side::Record), 0).unwrap().to_vec();
            (sotto::db::message::words_of(&plain), file)
        })
        .await
}

/// The patient comes in by a new link and asks for what there was.
async fn ask_for_it(desk: &Desk, ana: PatientId, old: &str, paths: &[String; 2]) {
    // The old link leads nowhere.
    desk.get(&format!("/w/{old}"), &mut Jar::default()).await.is(410);
    letter(desk, ana, "Your visit is confirmed.").await;
    let mut jar = come_in(desk, PHONE).await;
    let home = desk.get("/window", &mut jar).await.is(200).text;
    assert!(home.contains("Expired"), "{home}");
    let page = desk.get(&paths[0], &mut jar).await.is(410).text;
    assert!(page.contains("has expired. Ask the office") && !page.contains("Wimblethatch"));
    desk.get(&paths[1], &mut jar).await.is(404);
}

async fn certificates(desk: &Desk) -> usize {
    let all = entries(desk, Kind::LetterChanged).await;
    all.iter().filter(|one| one.codes.iter().any(|code| code == "copies_ended")).count()
}

on_both_engines! {
    async fn a_backup_from_before_the_end_brings_no_copy_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let began = log_position(&desk.clinic.db.url).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        // Something that lies open, so that the search is known to find.
        let open = format!("visit-{}", desk.clinic.office.clock().new_id());
        let at = desk.clinic.office.clock().now();
        desk.clinic.book(ana, &open, at + jiff::SignedDuration::from_hours(48)).await;
        let id = letter(&desk, ana, SAID).await;
        let mut nurse = at_the_desk(&desk, Role::Nurse).await;
        let with_file = document(&desk, ana, &mut nurse).await;
        let mut jar = come_in(&desk, PHONE).await;
        let notices = of_kind(&desk, PHONE, "secure_message_notice").await;
        let link = token_in(&notices.last().unwrap().body);
        let words = format!("/window/letters/{id}");
        desk.get(&words, &mut jar).await.is(200);
        let page = desk.get(&format!("/window/letters/{with_file}"), &mut jar).await.is(200).text;
        let file = (*links(&page).first().expect(&page)).to_owned();
        desk.get(&file, &mut jar).await.is(200);
        let attachment: AttachmentId = file[file.len() - 36..].parse().unwrap();
        let paths = [words, file];

        let day = |desk: &Desk| -> Vec<Vec<u8>> {
            keys_of(&desk.clinic.keys, 3).into_values().collect()
        };
        let [key] = <[Vec<u8>; 1]>::try_from(day(&desk)).unwrap();
        // What the patient's wrap holds: with it alone the letter opens.
        let content_key = desk
            .clinic
            .write(move |tx, office| {
                let copy = sotto::db::letter::copy(tx, office.practice(), id).unwrap().unwrap();
                let (practice, row) = (office.practice().to_string(), id.to_string());
                let place =
                    Place { practice: &practice, table: "message", row: &row, column: "content" };
                let wrap = Sealed::from_bytes(copy.patient_wrap.unwrap());
                office.keys().disclose_message_key(&place, &wrap).unwrap().to_vec()
            })
            .await;

        let safe = Safe::new();
        let (data, keys) = safe.back_up(&desk).await;
        // A month goes by; the copies end, and the log has the certificate.
        desk.pass(31 * 24 * 3600);
        assert_eq!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.unwrap(), 2);
        assert_eq!((day(&desk).len(), certificates(&desk).await), (0, 1));

        // The machine that was there, with its keys and their tombstones.
        let root = RootKey::from_text(&desk.clinic.root.to_text()).unwrap();
        let same = safe.restore(&desk, &data, (&desk.clinic.keys, root)).await;
        // A new machine: nothing but the two files and the passphrase.
        let (store, root) = safe.put_back_keys(&desk, &keys).await;
        assert_eq!(keys_of(&store, 3).len(), 0, "no day's key");
        let anew = safe.restore(&desk, &data, (&store, root)).await;

        for restored in [&same, &anew] {
            // Before the service's first look, and after it.
            ask_for_it(restored, ana, &link, &paths).await;
            let ended = expiry::look(&restored.clinic.db, &restored.clinic.office).await.unwrap();
            assert_eq!((ended, certificates(restored).await), (2, 1), "the certificate is there again");
            ask_for_it(restored, ana, &link, &paths).await;
            let (words, file) = record_of(restored, id, attachment).await;
            assert_eq!((words.as_deref(), &file[..]), (Some(SAID), PAPER), "the record");
            restored.clinic.is_proved().await;
        }
        // Byte by byte: the words, the file's, the day's key, the letter's own key, the link.
        let needles: [&[u8]; 5] =
            [NEEDLE, b"PlantedLine", &key, &content_key, link.as_bytes()];
        let mut places = on_disk(&same).await;
        places.extend(on_disk(&anew).await);
        places.extend(on_disk(&desk).await);
        for backup in [&data, &keys] {
            places.push((backup.display().to_string(), std::fs::read(backup).unwrap()));
        }
        assert!(holds(&places[0].1, open.as_bytes()), "what lies open is found");
        for (place, bytes) in &places {
            for needle in needles {
                assert!(!holds(bytes, needle), "{place}: {}", String::from_utf8_lossy(needle));
            }
        }
        if let Some(began) = &began {
            // Its server goes over its log again now and then: what was written last is still there.
            let last = format!("visit-{}", desk.clinic.office.clock().new_id());
            let at = desk.clinic.office.clock().now();
            desk.clinic.book(ana, &last, at + jiff::SignedDuration::from_hours(48)).await;
            let [here, same, anew] =
                [&desk, &same, &anew].map(|practice| practice.clinic.db.url.as_str());
            for (url, since, lies_open) in [
                (here, Some(began.as_str()), &last),
                (here, None, &open),
                (same, None, &open),
                (anew, None, &open),
            ] {
                let found = server_holds(url, since, lies_open.as_bytes()).await;
                assert!(found > 0, "{since:?}: what lies open is found");
                for needle in needles {
                    assert_eq!(server_holds(url, since, needle).await, 0, "{since:?}");
                }
            }
        }
    }
}
