//! After the end every page says calmly what was, since when it is gone and under which certificate.

use sotto::access::roles::Role;
use sotto::audit::{self, Actor, packet};
use sotto::conversations::notes::{self, NewNote};
use sotto::ids::ThreadId;
use sotto::{params, sql};

use super::{
    all_arrives, at_work, look, nothing_is_open, to, to_the_end, warned_and_over, written,
};
use crate::access::Desk;
use crate::attachments::links;
use crate::clinic::staff;
use crate::on_both_engines;
use crate::portal::PHONE;
use crate::portal::files::document;

const ENDED: &str =
    "The time of keeping this ended on March 31, 2034: certificate 2034-03 in the log.";

on_both_engines! {
    async fn every_page_says_that_the_time_of_keeping_ended(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let id = written(&desk, ana).await;
        let mut nurse = at_work(&desk, Role::Nurse).await;
        document(&desk, ana, &mut nurse).await;
        desk.clinic.text(PHONE, "Marlowfinch again, thank you").await;
        all_arrives(&desk).await;
        nothing_is_open(&desk).await;
        let thread: ThreadId = desk.clinic.write(move |tx, office| {
            let thread: ThreadId = tx.query_one(
                sql!("SELECT id FROM thread WHERE practice_id = $1 AND patient_id = $2"),
                params![office.practice(), ana],
                |row| row.get(0),
            ).unwrap();
            let author = sotto::ids::StaffId(office.clock().new_id());
            let new = NewNote { thread, author, mentioned: None, text: "Marlowfinch called.".into() };
            notes::add(tx, office, &new, &staff()).unwrap();
            thread
        }).await;
        let paths = [
            format!("/inbox/{thread}"),
            format!("/people/{ana}"),
        ];
        let page = desk.get(&paths[0], &mut nurse).await.is(200).text;
        assert!(page.matches("Marlowfinch").count() >= 3, "{page}");
        let file = (*links(&page).first().expect(&page)).to_owned();
        desk.get(&file, &mut nurse).await.is(200);

        warned_and_over(&desk).await;
        assert_eq!(look(&desk).await.ended, 1);
        let mut nurse = at_work(&desk, Role::Nurse).await;
        for path in &paths {
            let page = desk.get(path, &mut nurse).await.is(200).text;
            assert!(page.contains(ENDED) && !page.contains("Marlowfinch"), "{path}: {page}");
        }
        // The conversation: what we wrote, what she wrote, and what was noted.
        let page = desk.get(&paths[0], &mut nurse).await.is(200).text;
        assert!(page.matches(ENDED).count() >= 4, "{page}");
        let page = desk.get(&file, &mut nurse).await.is(410).text;
        assert!(page.contains(ENDED), "{page}");
        for path in ["/inbox", "/tasks", "/people", "/today"] {
            desk.get(path, &mut nurse).await.is(200);
        }
        let found = desk.post("/people", &[("q", "Ana Example")], &mut nurse).await;
        assert!(found.status.is_success() || found.status.is_redirection(), "{}", found.text);
        let mut officer = at_work(&desk, Role::PrivacyOfficer).await;
        for path in [
            format!("/people/{ana}/disclosures"),
            format!("/people/{ana}/holds"),
            "/log".to_owned(),
            "/log/emergencies".to_owned(),
            "/".to_owned(),
        ] {
            desk.get(&path, &mut officer).await.is(200);
        }
        let page = desk.get("/settings/retention", &mut officer).await.is(200).text;
        for said in ["id=\"month-2034-03\"", "Mar 31, 2034", "messages of ours", "1 message to us",
                     "1 note", "1 file", "7 years were set", "Nothing ends within the next 30 days."] {
            assert!(page.contains(said), "{said}: {page}");
        }

        // The packet of a message: what happened, without its words, and the certificate.
        let (db, office) = (&desk.clinic.db, desk.clinic.office.clone());
        db.write(move |tx| packet::announce(tx, &office, id, Actor::operator())).await.unwrap();
        audit::sequencer::catch_up(db, &desk.clinic.office).await.unwrap();
        let office = desk.clinic.office.clone();
        let text = db.read(move |tx| packet::make(tx, &office, id)).await.unwrap();
        let checked = packet::check(text.as_bytes(), None).unwrap();
        for said in ["the time of keeping them ended", "certificate 2034-03", "month_ended"] {
            assert!(checked.story.contains(said), "{said}: {}", checked.story);
        }
        assert!(!text.contains("Marlowfinch"));
        // Without its certificate it is no packet.
        let bare = text.replace("retention_month", "retention_none");
        assert!(packet::check(bare.as_bytes(), None).is_err());
        desk.clinic.is_proved().await;
    }

    async fn until_then_the_page_says_what_ends_next(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let mut officer = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get("/settings/retention", &mut officer).await.is(200).text;
        for said in ["7 years; a child’s until they are 21", "Nothing ends within the next 30 days.",
                     "Nothing has ended yet."] {
            assert!(page.contains(said), "{said}: {page}");
        }
        written(&desk, ana).await;
        to(&desk, "2034-03-02T12:00:00Z");
        look(&desk).await;
        let mut officer = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get("/settings/retention", &mut officer).await.is(200).text;
        assert!(page.contains("Ends after Apr 1, 2034") && page.contains("2 messages of ours"), "{page}");
        let tasks = desk.get("/tasks", &mut officer).await.is(200).text;
        assert!(tasks.contains("A month of records ends soon") && tasks.contains("href=\"/settings/retention\""), "{tasks}");
        to_the_end(&desk);
        desk.pass(12 * 3600);
        let mut officer = at_work(&desk, Role::PrivacyOfficer).await;
        let page = desk.get("/settings/retention", &mut officer).await.is(200).text;
        assert!(page.contains("Ends tonight"), "{page}");
    }
}
