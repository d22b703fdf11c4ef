//! Drafts: kept for their writer, under the key of the device; and a device that is wiped takes them
//! with it, also out of what was copied before.

use gate::PatientId;
use seal::{Place, SealError, Sealed};
use sotto::access::devices;
use sotto::access::roles::Role;
use sotto::conversations::drafts;
use sotto::db::draft;
use sotto::db::session as rows;
use sotto::ids::StaffId;

use crate::access::{Desk, Jar, Person};
use crate::on_both_engines;
use crate::portal::copies::{files, holds, keys_of};

const PHONE: &str = "+12125550171";
const WORDS: &str = "We moved to the Quillfeather building.";

async fn open(db: crate::engines::TestDb, jar: &mut Jar) -> (Desk, PatientId, Person, String) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", PHONE).await;
    let rosa = desk.hire("rosa@harborview.example", &[Role::Nurse], jar).await;
    (desk, ana, rosa, format!("/people/{ana}/write"))
}

const fn draft_of(words: &str) -> [(&str, &str); 3] {
    [("body", words), ("channel", "sms"), ("about", "schedule")]
}

/// The row as the database, and any copy of it, has it.
async fn row(desk: &Desk, who: StaffId, ana: PatientId) -> Option<draft::DraftRow> {
    desk.clinic
        .write(move |tx, office| draft::get(tx, office.practice(), (who, ana)).unwrap())
        .await
}

on_both_engines! {
    async fn a_draft_comes_back_after_the_lock_the_door_and_on_another_device(db: TestDb) {
        let mut jar = Jar::default();
        let (desk, ana, rosa, path) = open(db, &mut jar).await;
        let line = desk.post(&format!("{path}/keep"), &draft_of(WORDS), &mut jar).await.is(200).text;
        assert!(line.contains("Draft kept ") && line.contains("value=\"discard\""), "{line}");
        let back = format!(">{WORDS}</textarea>");
        let page = desk.get(&path, &mut jar).await.is(200).text;
        assert!(page.contains(&back) && page.contains("Draft kept "), "{page}");
        assert!(page.contains("name=\"channel\" value=\"sms\" checked"), "{page}");
        // After the lock.
        desk.pass(15 * 60);
        desk.post(&format!("{path}/keep"), &draft_of("x"), &mut jar).await.is(303);
        desk.get(&path, &mut jar).await.is(303);
        let code = desk.code_of(&rosa);
        desk.post("/lock", &[("code", &code)], &mut jar).await.is(303);
        desk.next_code();
        assert!(desk.get(&format!("{path}?bare"), &mut jar).await.is(200).text.contains(&back));
        // After signing out, in another browser.
        desk.post("/sign-out", &[], &mut jar).await.goes_to("/sign-in");
        let mut other = Jar::default();
        desk.sign_in(&rosa, &mut other).await.is(303);
        assert!(desk.get(&path, &mut other).await.is(200).text.contains(&back));
        // It is nobody else's.
        let mut ines = Jar::default();
        desk.hire("ines@harborview.example", &[Role::Nurse], &mut ines).await;
        let page = desk.get(&path, &mut ines).await.is(200).text;
        assert!(!page.contains("Quillfeather") && !page.contains("Draft kept"), "{page}");
        // And no message: nothing of it is in the conversation or the record, and it is sealed.
        let said = desk.get(&format!("/people/{ana}/said"), &mut other).await.is(200).text;
        assert!(!said.contains("Quillfeather"));
        let kept = row(&desk, rosa.id, ana).await.unwrap();
        assert!(!holds(&kept.body_sealed, b"Quillfeather"));
        desk.clinic.is_proved().await;
    }

    async fn a_draft_ends_when_it_is_sent_or_discarded(db: TestDb) {
        let mut jar = Jar::default();
        let (desk, ana, rosa, path) = open(db, &mut jar).await;
        let id = "01890000-0000-7000-8000-000000000011";
        let with = |act: &'static str| {
            let mut form = draft_of(WORDS).to_vec();
            form.extend([("message", id), ("act", act)]);
            form
        };
        // By the button, without scripts.
        desk.post(&path, &with("keep"), &mut jar).await.goes_to(&path);
        assert!(desk.get(&path, &mut jar).await.is(200).text.contains(WORDS));
        desk.post(&path, &with("discard"), &mut jar).await.goes_to(&path);
        let page = desk.get(&path, &mut jar).await.is(200).text;
        assert!(!page.contains(WORDS) && !page.contains("Draft kept"), "{page}");
        // Emptied, it is none.
        desk.post(&format!("{path}/keep"), &with(""), &mut jar).await.is(200);
        let line = desk.post(&format!("{path}/keep"), &draft_of(" "), &mut jar).await.is(200).text;
        assert!(!line.contains("Draft kept"), "{line}");
        assert_eq!(row(&desk, rosa.id, ana).await, None);
        // What can't be sent stays one.
        desk.post(&format!("{path}/keep"), &with(""), &mut jar).await.is(200);
        desk.clinic.text(PHONE, "STOP").await;
        desk.post(&path, &with("send"), &mut jar).await.is(200);
        assert!(row(&desk, rosa.id, ana).await.is_some());
        desk.clinic.text(PHONE, "START").await;
        let message = "01890000-0000-7000-8000-000000000012";
        let mut send = draft_of(WORDS).to_vec();
        send.extend([("message", message), ("act", "send")]);
        desk.post(&path, &send, &mut jar).await.goes_to(&format!("/people/{ana}/written/{message}"));
        assert_eq!(row(&desk, rosa.id, ana).await, None);
        // What was typed last comes in late: it went already.
        let mut late = draft_of(WORDS).to_vec();
        late.push(("message", message));
        desk.post(&format!("{path}/keep"), &late, &mut jar).await.is(200);
        assert_eq!(row(&desk, rosa.id, ana).await, None);
        desk.clinic.is_proved().await;
    }

    async fn a_draft_ends_after_a_week(db: TestDb) {
        let mut jar = Jar::default();
        let (desk, ana, rosa, path) = open(db, &mut jar).await;
        let (base, office) = (desk.clinic.db.db.clone(), desk.clinic.office.clone());
        desk.post(&format!("{path}/keep"), &draft_of(WORDS), &mut jar).await.is(200);
        desk.pass(7 * 24 * 3600 - 60);
        assert_eq!(drafts::end_old(&base, &office).await.unwrap(), 0);
        desk.sign_in(&rosa, &mut jar).await.is(303);
        assert!(desk.get(&path, &mut jar).await.is(200).text.contains(WORDS));
        // Over, it is not shown, whether or not it was looked for.
        desk.pass(31);
        assert!(!desk.get(&path, &mut jar).await.is(200).text.contains(WORDS));
        assert_eq!(drafts::end_old(&base, &office).await.unwrap(), 1);
        assert_eq!(row(&desk, rosa.id, ana).await, None);
        desk.clinic.is_proved().await;
    }

    async fn a_wiped_device_takes_its_drafts_along_also_from_a_backup(db: TestDb) {
        let mut lost = Jar::default();
        let (desk, ana, rosa, path) = open(db, &mut lost).await;
        let ben = desk.clinic.patient("Ben", "en", "+12125550172").await;
        let before = files(&desk.clinic.keys);
        desk.post(&format!("{path}/keep"), &draft_of(WORDS), &mut lost).await.is(200);
        let mut here = Jar::default();
        desk.sign_in(&rosa, &mut here).await.is(303);
        let of_ben = format!("/people/{ben}/write");
        desk.post(&format!("{of_ben}/keep"), &draft_of("Come on Tuesday."), &mut here).await.is(200);
        // Everything as a backup has it before.
        let copied = row(&desk, rosa.id, ana).await.unwrap();
        let backup = seal::copy_out(&desk.clinic.keys).unwrap();
        let mut made = keys_of(&desk.clinic.keys, 4);
        made.retain(|name, _| !before.contains_key(name));
        assert_eq!(made.len(), 2, "a key for each device");
        assert!(backup.iter().all(|file| !made.contains_key(&file.name)), "no backup has one");

        let wipe = format!("/me/devices/{}/wipe", copied.device_id);
        desk.post(&wipe, &[], &mut here).await.goes_to("/me");
        let contact = desk.get(&path, &mut lost).await.is(401);
        assert_eq!(contact.headers["clear-site-data"], "\"cache\", \"cookies\", \"storage\"");
        assert_eq!(row(&desk, rosa.id, ana).await, None);
        assert!(!desk.get(&path, &mut here).await.is(200).text.contains("Quillfeather"));
        // The other device's is as it was.
        assert!(desk.get(&of_ben, &mut here).await.is(200).text.contains("Come on Tuesday."));

        // The row out of the backup opens here no more, nor with the backup's own keys; the key is
        // in no file.
        let opens = |keys: &seal::Keyring| {
            let (practice, row) =
                (desk.clinic.office.practice().to_string(), format!("{}/{ana}", rosa.id));
            let place = Place { practice: &practice, table: "draft", row: &row, column: "body" };
            keys.open_value(&place, &Sealed::from_bytes(copied.body_sealed.clone())).map(drop)
        };
        let keys = desk.clinic.office.keys();
        assert!(matches!(opens(keys), Err(SealError::Destroyed { .. })));
        seal::put_back(&desk.clinic.keys, &backup).unwrap();
        keys.forget();
        assert!(matches!(opens(keys), Err(SealError::Destroyed { .. })));
        let left = files(&desk.clinic.keys);
        let gone: Vec<&Vec<u8>> = made
            .iter()
            .filter(|(name, _)| !left.contains_key(*name))
            .map(|(_, bytes)| bytes)
            .collect();
        assert_eq!(gone.len(), 1);
        let mut everything: Vec<Vec<u8>> = left.into_values().collect();
        everything.extend(backup.iter().map(|file| file.bytes.to_vec()));
        if let Some(database) = desk.clinic.db.url.strip_prefix("sqlite:") {
            for end in ["", "-wal", "-shm"] {
                everything.extend(std::fs::read(format!("{database}{end}")));
            }
        }
        for bytes in &everything {
            assert!(!holds(bytes, gone[0]), "the key");
            assert!(!holds(bytes, b"Quillfeather"), "words");
        }
        desk.clinic.is_proved().await;
    }

    async fn a_wipe_that_broke_off_before_the_key_is_finished(db: TestDb) {
        let mut jar = Jar::default();
        let (desk, ana, rosa, path) = open(db, &mut jar).await;
        desk.post(&format!("{path}/keep"), &draft_of(WORDS), &mut jar).await.is(200);
        let (base, office) = (desk.clinic.db.db.clone(), desk.clinic.office.clone());
        assert_eq!(devices::finish(&base, &office).await.unwrap(), 0);
        let device = row(&desk, rosa.id, ana).await.unwrap().device_id;
        // As a crash leaves it: nobody comes in any more, and the key is still there.
        desk.clinic
            .write(move |tx, office| {
                let now = office.clock().now_in_life();
                rows::wipe(tx, office.practice(), device, now).unwrap();
                let event = sotto::audit::Event::new(sotto::audit::Kind::DeviceChanged, sotto::audit::Actor::operator());
                sotto::audit::append(tx, office, event.code("wiped")).unwrap();
            })
            .await;
        assert!(office.keys().has_device(&device.to_string()).unwrap());
        assert_eq!(devices::finish(&base, &office).await.unwrap(), 1);
        assert!(!office.keys().has_device(&device.to_string()).unwrap());
        assert_eq!(devices::finish(&base, &office).await.unwrap(), 0);
        desk.get("/me", &mut jar).await.is(401);
        desk.clinic.is_proved().await;
    }
}
