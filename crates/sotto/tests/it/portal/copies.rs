//! The patient's copy ends with its day: neither words nor a key that opens them are left, also in
//! what was copied before; the practice's record stays.

use std::collections::BTreeMap;
use std::path::Path;

use seal::{Place, Sealed};
use sotto::access::roles::Role;
use sotto::attachments::store;
use sotto::db::attachment::Side;
use sotto::ids::AttachmentId;
use sotto::portal::expiry;

use super::files::{at_the_desk, document};
use super::{PHONE, WORDS, come_in, letter, token};
use crate::access::{Desk, Jar};
use crate::attachments::{PAPER, links};
use crate::on_both_engines;

pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// The keys of one kind in a key store: 2 is a month of the record, 3 a day of copies, 4 a device. The
/// second byte says so, but for the practice's own file, in which it is chance.
pub(crate) fn keys_of(folder: &Path, kind: u8) -> BTreeMap<String, Vec<u8>> {
    let mut keys = files(folder);
    keys.retain(|name, bytes| name != "practice.key" && bytes.get(1) == Some(&kind));
    keys
}

pub(crate) fn holds(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

on_both_engines! {
    async fn a_copy_ends_with_its_day(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let before = files(&desk.clinic.keys);
        let id = letter(&desk, ana, WORDS).await;
        let path = format!("/window/letters/{id}");
        let mut jar = come_in(&desk, PHONE).await;
        desk.get(&path, &mut jar).await.is(200);
        // A copy of everything, as a backup takes it while the copy is still good.
        let backup = seal::copy_out(&desk.clinic.keys).unwrap();
        let mut made = keys_of(&desk.clinic.keys, 3);
        made.retain(|name, _| !before.contains_key(name));
        assert_eq!(made.len(), 1, "one day, one key");
        let (name, key) = made.into_iter().next().unwrap();
        assert!(backup.iter().all(|file| file.name != name), "no backup has it");

        // The whole of the last day it is good; then the key goes, and the log says so.
        desk.pass(30 * 24 * 3600);
        assert_eq!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.unwrap(), 0);
        desk.pass(24 * 3600);
        assert_eq!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.unwrap(), 1);
        assert_eq!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.unwrap(), 0);
        let left = files(&desk.clinic.keys);
        assert!(!left.contains_key(&name) && left.contains_key(&format!("{name}.destroyed")));
        let mut everything: Vec<Vec<u8>> = left.into_values().collect();
        everything.extend(backup.iter().map(|file| file.bytes.to_vec()));
        if let Some(database) = desk.clinic.db.url.strip_prefix("sqlite:") {
            for end in ["", "-wal", "-shm"] {
                everything.extend(std::fs::read(format!("{database}{end}")));
            }
        }
        for bytes in &everything {
            assert!(!holds(bytes, b"Quillfeather"), "words");
            assert!(!holds(bytes, &key), "the key");
        }
        let certificates = desk
            .clinic
            .write(|tx, office| {
                tx.query(
                    sotto::sql!("SELECT body FROM audit_entry WHERE practice_id = $1"),
                    sotto::params![office.practice()],
                    |row| row.get::<Vec<u8>>(0),
                )
                .unwrap()
            })
            .await;
        let said = certificates.iter().filter(|body| holds(body, b"copies_ended")).count();
        assert_eq!(said, 1);

        // She is told so; the practice still has it.
        let link = token(&desk, PHONE).await;
        desk.get(&format!("/w/{link}"), &mut jar).await.is(410);
        let now = desk
            .clinic
            .write(move |tx, office| {
                let row = sotto::db::message::find(tx, office.practice(), id).unwrap().unwrap();
                let (practice, key) = (office.practice().to_string(), id.to_string());
                let place =
                    Place { practice: &practice, table: "message", row: &key, column: "content" };
                let body = Sealed::from_bytes(row.content_sealed);
                let wrap = Sealed::from_bytes(row.record_wrap);
                let plain = office.keys().open_message(&place, &body, &wrap).unwrap();
                sotto::db::message::words_of(&plain)
            })
            .await;
        assert_eq!(now.as_deref(), Some(WORDS));
        desk.clinic.is_proved().await;
    }

    async fn without_its_key_a_copy_is_said_to_be_over(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let mut nurse = at_the_desk(&desk, Role::Nurse).await;
        let path = format!("/window/letters/{}", document(&desk, ana, &mut nurse).await);
        let mut jar = come_in(&desk, PHONE).await;
        let page = desk.get(&path, &mut jar).await.is(200).text;
        let link = (*links(&page).first().expect(&page)).to_owned();
        // As after a restore: the key store came back without the keys of copies.
        for name in keys_of(&desk.clinic.keys, 3).into_keys() {
            std::fs::remove_file(desk.clinic.keys.join(name)).unwrap();
        }
        desk.clinic.office.keys().forget();
        let gone = async |jar: &mut Jar| {
            let page = desk.get(&path, jar).await.is(410).text;
            assert!(page.contains("has expired. Ask the office"), "{page}");
            assert!(!page.contains("/files/"), "{page}");
            desk.get(&link, jar).await.is(404);
        };
        gone(&mut jar).await;
        // A letter of the same day: the day has another key now, and the old copy stays over.
        let next = letter(&desk, ana, WORDS).await;
        let page = desk.get(&format!("/window/letters/{next}"), &mut jar).await.is(200).text;
        assert!(page.contains("Quillfeather"), "{page}");
        gone(&mut jar).await;
        // The record never was under that key.
        let file: AttachmentId = link[link.len() - 36..].parse().unwrap();
        let kept = desk
            .clinic
            .write(move |tx, office| {
                store::piece(tx, office, (file, Side::Record), 0).unwrap().to_vec()
            })
            .await;
        assert_eq!(kept, PAPER);
    }
}
