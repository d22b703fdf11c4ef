//! A file that is not exactly what was written is refused, and holds no key.

use std::io::Read as _;

use super::*;
use crate::on_both_engines;

on_both_engines! {
    async fn a_changed_or_cut_file_and_another_key_are_refused(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        let bytes = std::fs::read(&made.file).unwrap();
        let copy = desk.folder.join("copy");
        let refused = async |bytes: &[u8], what: &str| {
            std::fs::write(&copy, bytes).unwrap();
            let result = desk.rehearse(&copy, &desk.key).await;
            assert!(result.is_err(), "{what}");
            result.unwrap_err().to_string()
        };
        assert!(desk.rehearse(&made.file, &desk.key).await.is_ok());
        // Magic, length, heading, lock, wrapped key, first chunk, last chunk, last byte.
        let heading = u32::from_be_bytes(bytes[16..20].try_into().unwrap()) as usize;
        let (lock, last) = (20 + heading, bytes.len() - 1);
        for at in [0, 17, 25, 20 + heading / 2, lock, lock + 1, lock + 40, lock + 70, last - 40, last] {
            let mut turned = bytes.clone();
            turned[at] ^= 0x10;
            let said = refused(&turned, &format!("byte {at} of {last}")).await;
            assert!(!said.contains("Ana"), "{said}");
        }
        for at in [0, 10, 18, lock, lock + 61, bytes.len() / 2, last] {
            refused(&bytes[..at], &format!("cut at {at} of {last}")).await;
        }
        let other = Arc::new(RootKey::generate().unwrap());
        let wrong = desk.rehearse(&made.file, &other).await.unwrap_err();
        assert!(wrong.to_string().contains("does not open the file"), "{wrong}");
    }

    async fn no_key_is_in_it_and_nothing_is_in_the_clear(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        let sealed = std::fs::read(&made.file).unwrap();
        let opened = restore::open_file(&made.file).unwrap().open(&Lock::Key(&desk.key));
        let mut inside = Vec::new();
        opened.unwrap().read_to_end(&mut inside).unwrap();
        let holds = |hay: &[u8], needle: &[u8]| hay.windows(needle.len()).any(|at| at == needle);
        // The search finds what is there.
        assert!(holds(&inside, b"Harborview Family Health"));
        let mut files = 0;
        for entry in std::fs::read_dir(&desk.clinic.keys).unwrap() {
            let key = std::fs::read(entry.unwrap().path()).unwrap();
            let wrapped = &key[key.len() - 32..];
            assert!(!holds(&inside, wrapped) && !holds(&sealed, wrapped));
            files += 1;
        }
        assert!(files >= 3);
        // Three letters alone stand by chance in so many bytes: as they would stand in a record.
        for word in ["Harborview", "America/New_York", "\"Ana\"", "audit_entry", "12025550123"] {
            assert!(!holds(&sealed, word.as_bytes()), "{word} in the clear");
        }
        for word in ["\"Ana\"", "bring my son", "12025550123"] {
            assert!(!holds(&inside, word.as_bytes()), "{word} without the keys");
        }
    }

    async fn rows_that_do_not_fit_the_log_make_no_backup(db: TestDb) {
        let desk = Desk::at_work(db).await;
        // Behind the log's back, as somebody with the database's password would.
        desk.clinic
            .db
            .write(|tx| {
                tx.execute(sotto::sql!("UPDATE patient SET language = 'fr'"), &[])?;
                Ok::<_, sotto::db::DbError>(())
            })
            .await
            .unwrap();
        desk.clinic.office.clock().advance(SignedDuration::from_secs(1));
        let (order, office) = (desk.order(), desk.clinic.office.clone());
        let refused = apart(move || make(&order, &office)).await.unwrap_err().to_string();
        assert!(refused.contains("thrown away") && refused.contains("patient"), "{refused}");
        let left: Vec<_> = std::fs::read_dir(&desk.folder).unwrap().collect();
        assert_eq!(left.len(), 1, "only the lock: {left:?}");
    }

    async fn another_practice_s_keys_do_not_do(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        // The key store as it was before the newest patients came.
        let root = RootKey::generate().unwrap();
        let other = desk.folder.join("other-keys");
        let keys = Keyring::create(&other, &root).unwrap();
        let (practice, clock) = (desk.clinic.office.practice(), desk.clinic.office.clock().clone());
        let url: DatabaseUrl = desk.clinic.db.url.parse().unwrap();
        let (file, key) = (made.file.clone(), Arc::clone(&desk.key));
        let refused = apart(move || {
            let binding = gate::BindingKey::new(&keys.derive("clearance binding"));
            let log = audit::Log { practice, keys: &keys, binding: &binding, clock: &clock };
            let to = To::Rehearsal(std::env::temp_dir());
            let sealed = restore::open_file(&file)?;
            let mut poured = restore::pour(sealed, &Lock::Key(&key), &url, to, log)?;
            restore::examine(&mut poured, log).map(drop)
        })
        .await;
        assert!(refused.is_err());
    }
}
