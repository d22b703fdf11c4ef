//! Files at the window, both ways: a patient's picture to the staff, a document to the patient.

use gate::{MessageId, PatientId};
use sotto::access::roles::Role;
use sotto::attachments::store;
use sotto::audit::event::ActorKind;
use sotto::audit::{Entry, Kind};
use sotto::db::attachment::Side;
use sotto::ids::AttachmentId;
use sotto::portal::expiry;

use super::inside::nonce;
use super::{OTHER, PHONE, WORDS, arrive, come_in, letter};
use crate::access::{Answer, Desk, Jar};
use crate::attachments::{ACTIVE, PAPER, links, photo, rows, strict};
use crate::on_both_engines;
use crate::people::pages::entries;

const LINE: &str = "Here is the picture you asked for.";

/// What a patient writes at the window, with files.
pub(super) async fn send(desk: &Desk, files: &[(&str, &str, &[u8])], jar: &mut Jar) -> Answer {
    let page = desk.get("/window/write", jar).await.is(200).text;
    let nonce = nonce(&page);
    desk.upload("/window/write", &[("nonce", &nonce), ("body", LINE)], files, jar).await
}

/// Somebody at the desk.
pub(crate) async fn at_the_desk(desk: &Desk, role: Role) -> Jar {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

/// The first path on a page that begins so.
pub(super) fn path_in(page: &str, begin: &str) -> String {
    let (_, rest) = page.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {page}"));
    format!("{begin}{}", &rest[..36])
}

/// A document from the staff, arrived: the letter it came with.
pub(crate) async fn document(desk: &Desk, patient: PatientId, jar: &mut Jar) -> MessageId {
    let path = format!("/people/{patient}/write");
    let page = desk.get(&path, jar).await.is(200).text;
    let fresh = path_in(page.split("send-files").nth(1).unwrap(), "name=\"message\" value=\"");
    let form = [
        ("message", &fresh[fresh.len() - 36..]),
        ("about", "clinical"),
        ("body", "Here is the plan we spoke of."),
    ];
    let files: [(&str, &str, &[u8]); 1] = [("files", "plan.pdf", PAPER)];
    let sent = desk.upload(&format!("{path}/files"), &form, &files, jar).await.is(303);
    let id: MessageId = sent.to().split('/').next_back().unwrap().parse().unwrap();
    desk.clinic.write(move |tx, office| arrive(tx, office, id)).await;
    id
}

/// The looks at files that the log has, oldest first.
async fn looks(desk: &Desk, file: &str) -> Vec<Entry> {
    let mut looks = entries(desk, Kind::ContentViewed).await;
    looks.retain(|entry| entry.object.as_ref().is_some_and(|one| one.id == file));
    looks
}

fn file_of(link: &str) -> &str {
    &link[link.len() - 36..]
}

on_both_engines! {
    async fn a_picture_from_a_patient_opens_in_the_thread_and_for_nobody_else(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ana, WORDS).await;
        letter(&desk, ben, WORDS).await;
        let mut hers = come_in(&desk, PHONE).await;
        let mut his = come_in(&desk, OTHER).await;
        let picture = photo();
        let files: [(&str, &str, &[u8]); 1] = [("files", "arm.png", &picture)];
        assert!(send(&desk, &files, &mut hers).await.is(200).text.contains("We have your message"));

        // In the thread, for who may read of health.
        let thread = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        let mut nurse = at_the_desk(&desk, Role::Nurse).await;
        let page = desk.get(&thread, &mut nurse).await.is(200).text;
        let [link] = links(&page)[..] else { panic!("one file: {page}") };
        assert!(link.starts_with(&format!("{thread}/files/")), "{link}");
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
        let shown = desk.get(link, &mut nurse).await.is(200);
        assert_eq!(shown.headers["content-type"], "image/png");
        assert!(pixels(&shown.bytes) == pixels(&picture), "pixel for pixel");
        desk.get(link, &mut at_the_desk(&desk, Role::Billing).await).await.is(403);
        let his_thread = format!("/people/{ben}/files/{}", file_of(link));
        desk.get(&his_thread, &mut nurse).await.is(404);

        // She has it too, under her words.
        let home = desk.get("/window", &mut hers).await.is(200).text;
        let wrote = path_in(&home, "/window/wrote/");
        let page = desk.get(&wrote, &mut hers).await.is(200).text;
        let [own] = links(&page)[..] else { panic!("one file: {page}") };
        assert!(pixels(&desk.get(own, &mut hers).await.is(200).bytes) == pixels(&picture));

        // For another patient it is as one that never was.
        let never = "/window/letters/01890000-0000-7000-8000-000000000001";
        let nothing = desk.get(never, &mut his).await.is(404).text;
        assert_eq!(desk.get(own, &mut his).await.is(404).text, nothing);
        let looks = looks(&desk, file_of(own)).await;
        let by: Vec<ActorKind> = looks.iter().map(|entry| entry.actor.kind).collect();
        assert_eq!(by, [ActorKind::Staff, ActorKind::Patient], "two looked, and whoever might not did not");
        assert!(looks.iter().all(|entry| entry.patients == [ana]));
        desk.clinic.is_proved().await;
    }

    async fn a_document_from_staff_opens_at_the_window_until_the_copy_is_over(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ben, WORDS).await;
        let mut nurse = at_the_desk(&desk, Role::Nurse).await;
        let id = document(&desk, ana, &mut nurse).await;
        let path = format!("/window/letters/{id}");
        let mut hers = come_in(&desk, PHONE).await;
        let page = desk.get(&path, &mut hers).await.is(200).text;
        let link = links(&page)[..].first().map(|link| (*link).to_owned()).expect(&page);
        assert!(link.starts_with(&format!("{path}/files/")), "{link}");
        let got = desk.get(&link, &mut hers).await.is(200);
        assert_eq!(&got.bytes[..], PAPER);
        let how = got.headers["content-disposition"].to_str().unwrap().to_owned();
        assert_eq!(how, "attachment; filename*=UTF-8''plan.pdf", "never opened here");
        let mut his = come_in(&desk, OTHER).await;
        let nothing = desk.get("/window/letters/x", &mut his).await.is(404).text;
        assert_eq!(desk.get(&link, &mut his).await.is(404).text, nothing);
        let seen = looks(&desk, file_of(&link)).await;
        let [entry] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((entry.actor.kind, &entry.patients[..]), (ActorKind::Patient, &[ana][..]));

        // The copy ends with its day; the record stays.
        desk.pass(31 * 24 * 3600);
        assert_eq!(expiry::look(&desk.clinic.db, &desk.clinic.office).await.unwrap(), 2);
        letter(&desk, ana, WORDS).await;
        let mut hers = come_in(&desk, PHONE).await;
        desk.get(&path, &mut hers).await.is(410);
        desk.get(&link, &mut hers).await.is(404);
        let file: AttachmentId = file_of(&link).parse().unwrap();
        let open = move |side| {
            move |tx: &mut sotto::db::Tx<'_>, office: &sotto::office::Office| {
                store::piece(tx, office, (file, side), 0).map(|piece| piece.to_vec()).ok()
            }
        };
        assert_eq!(desk.clinic.write(open(Side::Patient)).await, None, "its key is destroyed");
        assert_eq!(desk.clinic.write(open(Side::Record)).await.as_deref(), Some(PAPER));
        desk.clinic.is_proved().await;
    }

    async fn what_is_no_picture_or_paper_is_not_taken_and_the_words_stay(db: TestDb) {
        let mut desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        let before = rows(&desk).await;
        // A picture by its first bytes, and a page that runs after them.
        let polyglot = [&b"\x89PNG\r\n\x1a\n"[..], b"<script>alert(1)</script>"].concat();
        let large = vec![0; 10 * 1024 * 1024 + 1];
        let table: [(&str, &[u8], u16, &str); 5] = [
            ("arm.png", b"<svg onload=alert(1)>", 422, "Only photos (JPEG, PNG)"),
            ("arm.png", &polyglot, 422, "can\u{2019}t be opened"),
            ("x.pdf", ACTIVE, 422, "Only photos (JPEG, PNG) and plain PDF"),
            ("x.docx", b"PK\x03\x04rest", 422, "Only photos (JPEG, PNG) and plain PDF"),
            ("x.png", &large, 413, "at most 10 MB each"),
        ];
        for (name, bytes, status, words) in table {
            // A good one beside it is not kept either.
            let files: [(&str, &str, &[u8]); 2] = [("files", "a.pdf", PAPER), ("files", name, bytes)];
            let answer = send(&desk, &files, &mut jar).await.is(status);
            assert!(answer.text.contains(words), "{name}: {}", answer.text);
            // What was too long to read whole is not known.
            assert_eq!(answer.text.contains(LINE), status == 422, "what was typed stays: {name}");
            assert_eq!(rows(&desk).await, before, "{name}");
        }
        assert!(desk.clinic.tasks().await.is_empty(), "no message came either");
        desk.behind(strict().await);
        let answer = send(&desk, &[("files", "a.pdf", PAPER)], &mut jar).await.is(422);
        assert!(answer.text.contains("virus scanner stopped"), "{}", answer.text);
        assert_eq!(rows(&desk).await, before);
        let refused = entries(&desk, Kind::AttachmentRefused).await;
        let [entry] = refused.as_slice() else { panic!("{refused:?}") };
        assert_eq!((entry.actor.kind, &entry.patients[..]), (ActorKind::Patient, &[ana][..]));
        desk.clinic.is_proved().await;
    }
}
