//! The keys' own backup: whole, sealed, apart, and no way round a destruction.

use seal::SealError;
use sotto::backup::keys::{self, KeysError, MadeKeys, RestoredKeys, Where};

use super::*;
use crate::on_both_engines;

const WORDS: &str = "six random words make a passphrase";

fn places(desk: &Desk, store: &Path) -> Where {
    Where {
        practice: desk.clinic.office.practice(),
        store: store.to_owned(),
        root_file: Some(desk.folder.join("root.key")),
        backup_key_file: Some(desk.folder.join("backup.key")),
        witness: desk.witness.clone(),
    }
}

async fn back_up(desk: &Desk, keep: usize) -> Result<MadeKeys, KeysError> {
    desk.clinic.office.clock().advance(SignedDuration::from_secs(1));
    std::fs::create_dir_all(&desk.folder).unwrap();
    let backup_key = desk.folder.join("backup.key");
    if !backup_key.exists() {
        desk.key.write_new(&backup_key).unwrap();
    }
    let root = RootKey::from_text(&desk.clinic.root.to_text()).unwrap();
    let (places, to) = (places(desk, &desk.clinic.keys), desk.folder.join("safe"));
    let (db, office) = (desk.clinic.db.db.clone(), desk.clinic.office.clone());
    apart(move || keys::make(&places, &root, &Lock::Passphrase(WORDS), (&to, keep), &db, &office))
        .await
}

async fn put_back(
    desk: &Desk,
    file: &Path,
    store: &Path,
    words: &'static str,
) -> Result<RestoredKeys, KeysError> {
    let (file, places) = (file.to_owned(), places(desk, store));
    let clock = desk.clinic.office.clock().clone();
    apart(move || {
        keys::put_back(restore::open_file(&file)?, &Lock::Passphrase(words), &places, &clock)
    })
    .await
}

on_both_engines! {
    async fn a_lost_machine_comes_back_from_two_files_and_a_passphrase(db: TestDb) {
        let desk = Desk::at_work(db).await;
        desk.hear().await;
        let data = desk.back_up().await;
        let made = back_up(&desk, 1).await.unwrap();
        assert!(made.keys >= 4 && made.destroyed == 0, "{made:?}");
        let sealed = std::fs::read(&made.file).unwrap();
        let root = desk.clinic.root.to_text();
        assert!(!sealed.windows(root.len()).any(|at| at == root.as_bytes()));

        // Everything but the two files is gone.
        std::fs::remove_file(desk.folder.join("backup.key")).unwrap();
        std::fs::remove_file(desk.witness.path()).unwrap();
        let store = desk.folder.join("new-keys");
        let wrong = put_back(&desk, &made.file, &store, "quite some other passphrase").await;
        assert!(wrong.unwrap_err().to_string().contains("does not open"));
        assert!(!store.exists());
        let done = put_back(&desk, &made.file, &store, WORDS).await.unwrap();
        assert_eq!(done.written, made.keys);
        assert!(done.root_key_written && done.backup_key_written);
        assert!(desk.witness.seen(&desk.clinic.office).unwrap().is_some(), "the witness travels");
        let again = put_back(&desk, &made.file, &store, WORDS).await.unwrap();
        assert_eq!((again.written, again.kept), (0, made.keys), "a second time does no harm");

        let root = RootKey::from_file(&desk.folder.join("root.key")).unwrap();
        let key = RootKey::from_file(&desk.folder.join("backup.key")).unwrap();
        let keys = Keyring::open(&store, &root).unwrap();
        let (spot, witness) = (desk.spot(), desk.witness.clone());
        let url: DatabaseUrl = spot.url.parse().unwrap();
        let (practice, clock) = (desk.clinic.office.practice(), desk.clinic.office.clock().clone());
        let restored = apart(move || {
            let keeper = Keeper {
                practice,
                clock,
                keys,
                templates: templates(),
                witness: &witness,
                accept_loss: None,
            };
            let file = restore::open_file(&data.file)?;
            restore::restore(file, &Lock::Key(&key), &url, To::Empty, keeper)
        })
        .await
        .unwrap();
        assert_eq!(restored.lost, 0);
        assert!(restored.examined.opened >= 2);
    }

    async fn a_destroyed_key_leaves_every_backup(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let ben = desk.clinic.patient("Ben", "en", "+12025550129").await;
        let first = back_up(&desk, 1).await.unwrap();
        let kept = desk.folder.join("kept-against-the-rules");
        std::fs::copy(&first.file, &kept).unwrap();
        desk.clinic.office.keys().destroy_patient(&ben.to_string()).unwrap();
        let second = back_up(&desk, 1).await.unwrap();
        assert_eq!((second.keys, second.destroyed), (first.keys - 1, 1));
        assert_eq!(second.removed, 1);
        assert!(!first.file.exists(), "the older copy holds the destroyed key and is gone");

        // Also an older copy brings nothing back where the tombstone is.
        let store = desk.folder.join("new-keys");
        put_back(&desk, &second.file, &store, WORDS).await.unwrap();
        let done = put_back(&desk, &kept, &store, WORDS).await.unwrap();
        assert_eq!((done.written, done.destroyed), (0, 1));
        let ring = Keyring::open(&store, &desk.clinic.root).unwrap();
        let place = seal::Place { practice: "p", table: "t", row: "r", column: "c" };
        let sealed = ring.seal_for_patient(&ben.to_string(), &place, b"x");
        assert!(matches!(sealed, Err(SealError::Destroyed { .. })));
    }

    async fn keys_that_vanished_do_not_push_out_the_last_good_copy(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let first = back_up(&desk, 1).await.unwrap();
        let lost = std::fs::read_dir(&desk.clinic.keys)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| !path.ends_with("practice.key"))
            .unwrap();
        std::fs::remove_file(lost).unwrap();
        let refused = back_up(&desk, 1).await.unwrap_err();
        assert!(matches!(refused, KeysError::LostKeys { .. }), "{refused}");
        assert!(first.file.exists());
    }

    async fn another_practice_s_store_is_not_mixed_with_this_one(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = back_up(&desk, 1).await.unwrap();
        let store = desk.folder.join("other-keys");
        drop(Keyring::create(&store, &desk.clinic.root).unwrap());
        let refused = put_back(&desk, &made.file, &store, WORDS).await.unwrap_err();
        assert!(matches!(refused, KeysError::OtherStore(_)), "{refused}");
    }
}
