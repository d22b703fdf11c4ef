//! The pages `/people` and `/people/{patient}`, through the real router, on both engines.

use gate::PatientId;
use jiff::Timestamp;
use sotto::access::roles::{Role, Roles};
use sotto::access::staff::{self, NewStaff};
use sotto::audit::{Actor, Entry, Kind};
use sotto::db::DbError;
use sotto::db::site::{self, SiteRow};
use sotto::ids::{Id as _, SiteId};
use sotto::schedule::{Booking, appointments};
use sotto::{params, sql};

use crate::access::{Answer, Desk, Jar};
use crate::clinic::booking;
use crate::on_both_engines;

const NUMBER: &str = "+12125550171";
const SPOKEN: [(&str, &str); 2] = [("method", "spoken"), ("witness", "Rosa Delgado")];

async fn come_in(desk: &Desk, role: Role) -> Jar {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

/// A practice with one patient, and somebody of this role.
async fn open(db: crate::engines::TestDb, role: Role) -> (Desk, PatientId, Jar) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", NUMBER).await;
    desk.clinic
        .write(move |tx, office| {
            sotto::people::search::index::refresh(tx, office.into(), ana).unwrap();
        })
        .await;
    let jar = come_in(&desk, role).await;
    (desk, ana, jar)
}

async fn write(desk: &Desk, path: &str, form: &[(&str, &str)], jar: &mut Jar) -> Answer {
    let form: Vec<_> = form.iter().chain(&SPOKEN).copied().collect();
    desk.post(path, &form, jar).await
}

/// The entries of a kind, oldest first.
pub(crate) async fn entries(desk: &Desk, kind: Kind) -> Vec<Entry> {
    let practice = desk.clinic.office.practice();
    let all: Vec<Vec<u8>> = desk
        .clinic
        .db
        .read(move |tx| {
            tx.query(
                sql!(
                    "SELECT body FROM audit_entry WHERE practice_id = $1 ORDER BY recorded_at, id"
                ),
                params![practice],
                |row| row.get(0),
            )
        })
        .await
        .map_err(|error: DbError| error)
        .unwrap();
    let read = all.iter().map(|body| Entry::from_bytes(body).unwrap());
    read.filter(|entry| entry.kind == kind).collect()
}

/// The id of a contact or consent, from the form that ends it.
fn id_in<'a>(page: &'a str, before: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before}"));
    &rest[..36]
}

on_both_engines! {
    async fn a_search_is_recorded_and_its_words_are_not(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        desk.get("/people", &mut jar).await.is(200);
        let page = desk.post("/people", &[("q", "exam 1980")], &mut jar).await.is(200);
        assert!(page.text.contains(&format!("/people/{ana}")) && page.text.contains("…0171"));
        assert!(page.text.contains("1980") && !page.text.contains("1980-05-17"));
        let searched = entries(&desk, Kind::PatientsSearched).await;
        let [entry] = searched.as_slice() else { panic!("{searched:?}") };
        assert_eq!(entry.patients, [ana]);
        let said = String::from_utf8(entry.to_bytes()).unwrap();
        assert!(said.contains("front_desk.desk") && !said.contains("exam"), "{said}");
        let none = desk.post("/people", &[("q", "nobody")], &mut jar).await.is(200);
        assert!(none.text.contains("Nobody found"));
        let short = desk.post("/people", &[("q", "e")], &mut jar).await.is(200);
        assert!(short.text.contains("two letters"));
        assert_eq!(entries(&desk, Kind::PatientsSearched).await.len(), 2, "nothing was looked for");
    }

    async fn the_page_covers_the_birth_date_until_somebody_asks(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        for shown in ["Ana Example", "(212) 555-0171", "Verified by code", "<dd>46</dd>", "English"] {
            assert!(page.text.contains(shown), "{shown}");
        }
        assert!(!page.text.contains("May 17, 1980") && page.text.contains("<title>Patient"));
        let page = desk.post(&format!("/people/{ana}/birth-date"), &[], &mut jar).await.is(200);
        assert!(page.text.contains("May 17, 1980"));
        let viewed = entries(&desk, Kind::PatientViewed).await;
        assert_eq!(viewed.len(), 2);
        assert!(viewed[1].codes.iter().any(|code| code == "birth_date"));
        // Who may not look is not told whether there is anybody.
        let nobody = "/people/01890000-0000-7000-8000-000000000001";
        desk.get(nobody, &mut jar).await.is(404);
        let mut other = come_in(&desk, Role::Administrator).await;
        desk.get(nobody, &mut other).await.is(403);
        desk.get(&format!("/people/{ana}"), &mut other).await.is(403);
        desk.clinic.is_proved().await;
    }

    async fn two_of_one_name_warn_of_each_other(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::Nurse).await;
        let other = desk.clinic.patient("Ana", "en", "+12125550172").await;
        desk.clinic
            .write(move |tx, office| {
                sotto::people::search::index::refresh(tx, office.into(), other).unwrap();
            })
            .await;
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(page.text.contains("Another patient has this name (born 1980)"));
    }

    async fn an_address_comes_and_goes(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        let path = format!("/people/{ana}/contacts");
        let wrong = write(&desk, &path, &[("address", "12 34")], &mut jar).await.is(422);
        assert!(wrong.text.contains("with its area code") && wrong.text.contains("value=\"12 34\""));
        assert!(wrong.text.contains("href=\"#contact-address\""));
        let form = [("address", "212-555-0199"), ("line", "mobile"), ("shared", "yes")];
        let untold = desk.post(&path, &form, &mut jar).await.is(422);
        assert!(untold.text.contains("Say how you were told"));
        let to = format!("/people/{ana}?done=contact#contacts");
        write(&desk, &path, &form, &mut jar).await.goes_to(&to);
        let page = desk.get(&format!("/people/{ana}?done=contact"), &mut jar).await.is(200);
        for shown in ["(212) 555-0199", "Others read or hear", "Nobody has verified it", "The address is written down."] {
            assert!(page.text.contains(shown), "{shown}");
        }
        let found = desk.post("/people", &[("q", "0199")], &mut jar).await.is(200);
        assert!(found.text.contains(&ana.to_string()), "it is found at once");
        let (_, own) = page.text.split_once("(212) 555-0199").unwrap();
        let end = format!("/people/{ana}/contacts/{}/end", id_in(own, "/contacts/"));
        write(&desk, &end, &[], &mut jar).await.goes_to(&format!("/people/{ana}?done=contact-end#contacts"));
        let again = write(&desk, &end, &[], &mut jar).await.is(409);
        assert!(again.text.contains("Nothing to do"));
        desk.clinic.is_proved().await;
    }

    async fn a_consent_is_given_with_the_text_that_was_shown_and_taken_back(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        let place = format!("sms {}", id_in(&page.text, "value=\"sms "));
        let path = format!("/people/{ana}/consents");
        let content = [
            ("address", place.as_str()), ("class", "content"), ("about-lab_result", "yes"),
            ("up_to_level", "2"), ("language", "en"), ("withdrawal", "reply STOP"),
            ("method", "paper"), ("evidence", "binder 4"),
        ];
        let wrong = desk.post(&path, &content, &mut jar).await.is(422);
        assert!(wrong.text.contains("href=\"#consent-risk_warned\""), "the warning comes first");
        assert!(wrong.text.contains("value=\"binder 4\""), "what was typed stays");
        let mut warned = content.to_vec();
        warned.push(("risk_warned", "yes"));
        // A form cannot say which text was shown.
        warned.push(("text_version", "made-up"));
        desk.post(&path, &warned, &mut jar).await.goes_to(&format!("/people/{ana}?done=consent#consents"));
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        for shown in ["Words about test results, up to “health detail”", "texts-2026-1-en", "kept: binder 4"] {
            assert!(page.text.contains(shown), "{shown}");
        }
        assert!(!page.text.contains("made-up"));
        let (_, own) = page.text.split_once("Words about test results").unwrap();
        let revoke = format!("/people/{ana}/consents/{}/revoke", id_in(own, "/consents/"));
        write(&desk, &revoke, &[], &mut jar).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(!page.text.contains("texts-2026-1-en; until") && page.text.contains("withdrawn spoken"));
        let given = entries(&desk, Kind::ConsentGiven).await;
        assert!(given.iter().any(|entry| entry.actor.role.as_deref() == Some("front_desk")));
        // The privacy officer's release is not given at the desk.
        let mut release = warned.clone();
        release[1] = ("class", "access_request");
        desk.post(&path, &release, &mut jar).await.is(422);
        desk.clinic.is_proved().await;
    }

    async fn family_stops_and_wishes_are_written_down(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        let at = |rest: &str| format!("/people/{ana}/{rest}");
        let carer = [("name", "Eva"), ("family", "Example"), ("relation", "sister")];
        write(&desk, &at("caregivers"), &carer, &mut jar).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(page.text.contains("Eva Example") && page.text.contains("May hear nothing"));
        let permit = format!("caregivers/{}/permit", id_in(&page.text, "/caregivers/"));
        write(&desk, &at(&permit), &[("hears-appointments", "yes")], &mut jar).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(page.text.contains("May hear of appointments"));
        // In law needs the paper.
        let lawful = [("representative", "yes"), ("hears-clinical", "yes")];
        write(&desk, &at(&permit), &lawful, &mut jar).await.is(422);
        let contact = id_in(&page.text, "value=\"sms ").to_owned();
        let stop = [("address", contact.as_str()), ("channel", ""), ("kind", "")];
        write(&desk, &at("opt-outs"), &stop, &mut jar).await.is(303);
        write(&desk, &at("opt-outs"), &stop, &mut jar).await.is(409);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(page.text.contains("Opted out of all automated messages"));
        write(&desk, &at("opt-outs/lift"), &stop, &mut jar).await.is(303);
        let wish = [("channel", "sms"), ("from", "09:00"), ("until", ""), ("without-survey", "yes")];
        let half = write(&desk, &at("preferences"), &wish, &mut jar).await.is(422);
        assert!(half.text.contains("#wishes-until"));
        let wish = [("channel", "sms"), ("from", "09:00"), ("until", "18:00"), ("without-survey", "yes")];
        write(&desk, &at("preferences"), &wish, &mut jar).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(page.text.contains("text liked best; between 09:00 and 18:00; without: survey"));
        desk.clinic.is_proved().await;
    }

    async fn restrictions_are_the_privacy_officers(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        let at = |rest: &str| format!("/people/{ana}/{rest}");
        let hold = [("value", "hold"), ("decision", "accepted")];
        write(&desk, &at("restrictions"), &hold, &mut jar).await.is(403);
        desk.get(&at("disclosures"), &mut jar).await.is(403);
        let mut officer = come_in(&desk, Role::PrivacyOfficer).await;
        write(&desk, &at("restrictions"), &hold, &mut officer).await.is(303);
        let elsewhere = [("channel", "sms"), ("address", "212-555-0155")];
        write(&desk, &at("alternative-contacts"), &elsewhere, &mut officer).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut officer).await.is(200);
        for shown in ["On hold: nothing automated", "Texts to (212) 555-0155 and nowhere else"] {
            assert!(page.text.contains(shown), "{shown}");
        }
        let end = format!("restrictions/{}/end", id_in(&page.text, "/restrictions/"));
        write(&desk, &at(&end), &[], &mut officer).await.is(303);
        let end = format!("alternative-contacts/{}/end", id_in(&page.text, "/alternative-contacts/"));
        write(&desk, &at(&end), &[], &mut officer).await.is(303);
        write(&desk, &at(&end), &[], &mut officer).await.is(409);
        desk.clinic.is_proved().await;
    }

    async fn another_sites_patient_is_not_shown(db: TestDb) {
        let (desk, ana, _) = open(db, Role::FrontDesk).await;
        let starts_at: Timestamp = "2027-03-09T15:00:00Z".parse().unwrap();
        let (here, there) = desk
            .clinic
            .write(move |tx, office| {
                let ids: Vec<SiteId> = ["Elm", "Oak"]
                    .into_iter()
                    .map(|name| {
                        let id = SiteId::new(office.clock());
                        let row = SiteRow {
                            id,
                            external_id: Some(name.to_owned()),
                            name: name.to_owned(),
                            street: None,
                            city: None,
                            region: None,
                            postal_code: None,
                            phone: None,
                            timezone: None,
                            updated_at: office.clock().now(),
                        };
                        site::put(tx, office.practice(), &row).unwrap();
                        id
                    })
                    .collect();
                (ids[0], ids[1])
            })
            .await;
        let jar_at = |site: SiteId, email: &'static str| {
            let desk = &desk;
            async move {
                let id = desk
                    .clinic
                    .write(move |tx, office| {
                        let new = NewStaff {
                            name: "Rosa Delgado".into(),
                            email: email.into(),
                            roles: Roles::new(vec![Role::FrontDesk]).unwrap(),
                            sites: vec![site],
                        };
                        staff::invite(tx, office, &new, Actor::operator()).unwrap().0
                    })
                    .await;
                desk.let_in(id).await
            }
        };
        let (mut elm, mut oak) =
            (jar_at(here, "elm@harborview.example").await, jar_at(there, "oak@harborview.example").await);
        // Without an appointment a patient is everybody's, and what they write too; a number that
        // nobody knows is for those who work at every site.
        desk.clinic.text(NUMBER, "where do I park?").await;
        desk.clinic.text("+13035550199", "what are your hours?").await;
        let thread = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        desk.get(&format!("/people/{ana}"), &mut oak).await.is(200);
        desk.get(&thread, &mut oak).await.is(200);
        let list = desk.get("/inbox?view=all", &mut oak).await.is(200).text;
        assert!(list.contains("where do I park?") && !list.contains("what are your hours?"));
        assert!(desk.get("/tasks", &mut oak).await.is(200).text.contains(&thread));
        let visit = Booking { site: Some(here), ..booking(ana, "visit-1", starts_at) };
        desk.clinic
            .write(move |tx, office| {
                appointments::upsert(tx, office, &visit, &Actor::operator()).unwrap();
            })
            .await;
        desk.get(&format!("/people/{ana}"), &mut elm).await.is(200);
        desk.get(&format!("/people/{ana}"), &mut oak).await.is(403);
        desk.get(&thread, &mut elm).await.is(200);
        desk.get(&thread, &mut oak).await.is(403);
        let list = desk.get("/inbox?view=all", &mut oak).await.is(200).text;
        assert!(!list.contains("where do I park?") && !list.contains("what are your hours?"));
        assert!(!desk.get("/tasks", &mut oak).await.is(200).text.contains(&thread));
        let found = desk.post("/people", &[("q", "example")], &mut oak).await.is(200);
        assert!(!found.text.contains(&ana.to_string()) && found.text.contains("1 more at sites"));
        let found = desk.post("/people", &[("q", "example")], &mut elm).await.is(200);
        assert!(found.text.contains(&ana.to_string()));
    }

    async fn the_inbox_and_the_patients_page_cover_the_same_words(db: TestDb) {
        let (desk, ana, mut rosa) = open(db, Role::FrontDesk).await;
        let mut ines = come_in(&desk, Role::Nurse).await;
        // A question about health; no question, and about health; harmless, understood or not.
        let texts = [
            ("is my potassium too high? I feel dizzy", false),
            ("the biopsy for the melanoma", false),
            ("the blue car by the gate", true),
            ("please reschedule my mammogram", true),
            ("can I come an hour later on Friday?", true),
        ];
        for (text, _) in texts {
            desk.pass(20);
            desk.clinic.text(NUMBER, text).await;
        }
        let thread = format!("/inbox/{}", desk.clinic.thread(ana).await.id);
        desk.post(&format!("{thread}/close"), &[("outcome", "spoke")], &mut ines).await.is(303);
        desk.pass(20);
        desk.clinic.text(NUMBER, "where do I park?").await;
        for (text, anybodys) in texts {
            for page in [thread.as_str(), &format!("/people/{ana}")] {
                let theirs = desk.get(page, &mut rosa).await.is(200).text;
                assert_eq!(theirs.contains(text), anybodys, "{page}: {text}");
                assert!(desk.get(page, &mut ines).await.is(200).text.contains(text), "{page}: {text}");
            }
        }
        desk.clinic.is_proved().await;
    }

    async fn words_are_for_those_who_handle_them(db: TestDb) {
        let (desk, ana, mut jar) = open(db, Role::FrontDesk).await;
        desk.clinic.text(NUMBER, "is my potassium too high? I feel dizzy").await;
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        assert!(page.text.contains("Asks a clinical question") && !page.text.contains("potassium"));
        let mut nurse = come_in(&desk, Role::Nurse).await;
        let page = desk.get(&format!("/people/{ana}"), &mut nurse).await.is(200);
        assert!(page.text.contains("potassium"));
        let viewed = entries(&desk, Kind::ContentViewed).await;
        let last = viewed.last().unwrap();
        assert!(last.codes.iter().any(|code| code == "nurse.threads"), "{:?}", last.codes);
        assert_eq!(last.patients, [ana]);
        // Older things, a page at a time.
        for n in 0..25 {
            desk.pass(20);
            desk.clinic.text(NUMBER, &format!("question about my knee {n}")).await;
        }
        let page = desk.get(&format!("/people/{ana}"), &mut nurse).await.is(200);
        let (_, older) = page.text.split_once(&format!("/people/{ana}/said?before=")).unwrap();
        let cursor = older.split('"').next().unwrap();
        let page = desk.get(&format!("/people/{ana}/said?before={cursor}"), &mut nurse).await.is(200);
        assert!(page.text.contains("potassium") && !page.text.contains("my knee 24"));
        desk.get(&format!("/people/{ana}/said?before=x"), &mut nurse).await.is(200);
        desk.clinic.is_proved().await;
    }

    async fn what_went_to_a_stranger_is_accounted_for(db: TestDb) {
        let (desk, ana, _) = open(db, Role::FrontDesk).await;
        let starts_at: Timestamp = "2027-03-17T18:30:00Z".parse().unwrap();
        desk.clinic.book(ana, "visit-1", starts_at).await;
        desk.clinic.office.clock().advance_to("2027-03-10T19:45:00Z".parse().unwrap());
        desk.clinic.tick().await;
        desk.clinic
            .write(|tx, office| {
                // As if the carrier had it.
                tx.execute(
                    sql!("UPDATE message SET state = 'delivered' WHERE practice_id = $1"),
                    params![office.practice()],
                )
                .unwrap();
                let ids: Vec<String> = tx
                    .query(
                        sql!("SELECT id FROM message WHERE practice_id = $1"),
                        params![office.practice()],
                        |row| row.get(0),
                    )
                    .unwrap();
                assert!(!ids.is_empty(), "a reminder went");
                for id in ids {
                    tx.touch(sotto::db::registry::MESSAGE, id);
                }
            })
            .await;
        let mut officer = come_in(&desk, Role::PrivacyOfficer).await;
        let path = format!("/people/{ana}/disclosures");
        let page = desk.get(&path, &mut officer).await.is(200);
        assert!(page.text.contains("None by this program") && page.text.contains("1 message "));
        desk.pass(600);
        desk.clinic.text(NUMBER, "wrong number").await;
        let page = desk.get(&path, &mut officer).await.is(200);
        for shown in ["An unknown person at (212) 555-0171", "Appointment reminder, text", "Sent in error"] {
            assert!(page.text.contains(shown), "{shown}\n{}", page.text);
        }
        let viewed = entries(&desk, Kind::PatientViewed).await;
        assert!(viewed.last().unwrap().codes.iter().any(|code| code == "disclosures"));
    }
}
