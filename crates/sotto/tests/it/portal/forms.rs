//! Forms before a visit: written by the practice, filled in at the window or on a tablet, read by staff.

use gate::PatientId;
use jiff::SignedDuration;
use sotto::access::roles::Role;
use sotto::audit::Kind;
use sotto::audit::event::ActorKind;
use sotto::conversations::tasks::TaskKind;
use sotto::db::appointment::AppointmentStatus;
use sotto::db::clinician::{self, ClinicianRow};
use sotto::db::form;
use sotto::forms;
use sotto::ids::{ClinicianId, Id as _};
use sotto::schedule::{Booking, appointments};

use super::tablet::{hand_over, nurse, open};
use super::{OTHER, PHONE, WORDS, come_in, letter};
use crate::access::{Answer, Desk, Jar, site};
use crate::clinic::{booking, staff};
use crate::on_both_engines;
use crate::people::pages::entries;

const TYPED: &str = "Quillfeather cough for two weeks";

/// What the settings page of a form sends.
pub(super) fn definition() -> Vec<(&'static str, &'static str)> {
    vec![
        ("act", "keep"),
        ("title-en", "Before your visit"),
        ("title-es", "Antes de su cita"),
        ("text-1-en", "Why do you come?"),
        ("text-1-es", "¿Por qué viene?"),
        ("kind-1", "text"),
        ("required-1", "yes"),
        ("text-2-en", "How are you?"),
        ("text-2-es", "¿Cómo está?"),
        ("kind-2", "choice"),
        ("options-2-en", "Better\nWorse"),
        ("options-2-es", "Mejor\nPeor"),
        ("text-3-en", "Last tetanus shot?"),
        ("text-3-es", "¿Última vacuna del tétanos?"),
        ("kind-3", "date"),
    ]
}

async fn at_work(desk: &Desk, role: Role) -> Jar {
    let once = desk.clinic.office.clock().new_id();
    let (id, _) = desk.invite(&format!("{role}.{once}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

pub(super) async fn keep(desk: &Desk, at: &str, form: &[(&str, &str)]) -> Answer {
    let mut admin = at_work(desk, Role::Administrator).await;
    desk.post(&format!("/settings/forms/{at}"), form, &mut admin).await
}

/// A practice with a form, a patient with a visit in two days, who is in; and the form's page.
pub(super) async fn ready(db: crate::engines::TestDb) -> (Desk, PatientId, Jar, String) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", PHONE).await;
    let at = desk.clinic.office.clock().now() + SignedDuration::from_hours(48);
    let visit = desk.clinic.book(ana, "a-1", at).await;
    letter(&desk, ana, WORDS).await;
    keep(&desk, "new", &definition()).await.goes_to("/settings/forms");
    let mut jar = come_in(&desk, PHONE).await;
    let home = desk.get("/window", &mut jar).await.is(200).text;
    let begin = format!("/window/visits/{visit}/forms/");
    let (_, rest) = home.split_once(&begin).expect(&home);
    (desk, ana, jar, format!("{begin}{}", &rest[..36]))
}

async fn count(desk: &Desk, patient: PatientId) -> usize {
    desk.clinic
        .write(move |tx, office| form::answers_of(tx, office.practice(), patient).unwrap().len())
        .await
}

on_both_engines! {
    async fn what_is_answered_before_a_visit_is_read_by_those_who_treat(db: TestDb) {
        let (desk, ana, mut jar, path) = ready(db).await;
        let visit = path.split("/forms/").next().unwrap().to_owned();
        assert!(desk.get(&visit, &mut jar).await.is(200).text.contains(&path), "at the visit too");
        let spanish = desk.get(&format!("{path}?lang=es"), &mut jar).await.is(200).text;
        assert!(spanish.contains("¿Por qué viene?") && spanish.contains("Mejor"), "{spanish}");
        desk.get(&format!("{path}?lang=en"), &mut jar).await.is(200);

        // Each mistake is named at its question, and what was typed stays.
        let wrong = [("version", "1"), ("1", " "), ("2", "7"), ("3-day", "31"), ("3-month", "2"), ("3-year", "2027")];
        let page = desk.post(&path, &wrong, &mut jar).await.is(422).text;
        for words in [
            "<a href=\"#1\">Why do you come?</a> Write an answer.",
            "<a href=\"#2-0\">How are you?</a> Choose one of the answers.",
            "<a href=\"#3-month\">Last tetanus shot?</a> Give a day that is in the calendar",
            "value=\"31\"",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let partly = [("version", "1"), ("1", TYPED), ("3-day", "9")];
        let page = desk.post(&path, &partly, &mut jar).await.is(422).text;
        assert!(page.contains(TYPED), "{page}");
        assert_eq!(count(&desk, ana).await, 0);
        let good = [("version", "1"), ("1", TYPED), ("2", "1"), ("3-month", "3"), ("3-day", "9"), ("3-year", "2020")];
        let done = desk.post(&path, &good, &mut jar).await.is(200).text;
        assert!(done.contains("We have your answers"), "{done}");
        assert!(desk.get("/window", &mut jar).await.is(200).text.contains("You filled it in:"));
        assert!(desk.clinic.tasks().await.is_empty(), "nobody is called for a cough");

        // Nobody else's.
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ben, WORDS).await;
        let mut his = come_in(&desk, OTHER).await;
        desk.get(&path, &mut his).await.is(404);
        desk.post(&path, &good, &mut his).await.is(404);
        assert_eq!((count(&desk, ana).await, count(&desk, ben).await), (1, 0));

        // Sealed where it lies; opened for who may read of health, and that is on the log.
        let row = desk
            .clinic
            .write(move |tx, office| {
                form::answers_of(tx, office.practice(), ana).unwrap().remove(0)
            })
            .await;
        assert!(!String::from_utf8_lossy(&row.answers_sealed).contains("Quillfeather"));
        let (_, mut ines) = nurse(&desk).await;
        let page = desk.get(&format!("/people/{ana}"), &mut ines).await.is(200).text;
        let link = format!("/people/{ana}/forms/{}", row.id);
        assert!(page.contains(&link) && !page.contains(TYPED), "{page}");
        let read = desk.get(&link, &mut ines).await.is(200).text;
        for words in ["Before your visit", TYPED, "Worse", "2020-03-09", "in English"] {
            assert!(read.contains(words), "{words}: {read}");
        }
        desk.get(&link.replace(&ana.to_string(), &ben.to_string()), &mut ines).await.is(404);
        desk.get(&link, &mut at_work(&desk, Role::Billing).await).await.is(403);
        let viewed = entries(&desk, Kind::ContentViewed).await;
        let of_it = viewed.iter().filter(|entry| {
            entry.object.as_ref().is_some_and(|one| one.id == row.id.to_string())
        });
        let looks: Vec<_> = of_it.collect();
        assert_eq!(looks.len(), 1, "{viewed:?}");
        assert_eq!((looks[0].actor.kind, &looks[0].patients[..]), (ActorKind::Staff, &[ana][..]));
        let answered = entries(&desk, Kind::FormAnswered).await;
        assert_eq!((answered.len(), answered[0].actor.kind), (1, ActorKind::Patient));
        desk.clinic.is_proved().await;
    }

    async fn an_answer_that_speaks_of_danger_alarms_at_once_also_from_a_tablet(db: TestDb) {
        let (desk, ana, _, path) = ready(db).await;
        let (_, mut ines) = nurse(&desk).await;
        let code = hand_over(&desk, ana, &mut ines).await;
        let mut tablet = Jar::default();
        open(&desk, &code, &mut tablet).await.goes_to("/window");
        let home = desk.get("/window", &mut tablet).await.is(200).text;
        assert!(home.contains(&path), "{home}");
        let visit = path.split("/forms/").next().unwrap();
        desk.get(visit, &mut tablet).await.is(404);
        let form = [("version", "1"), ("1", "crushing chest pain and I can't breathe")];
        let page = desk.post(&path, &form, &mut tablet).await.is(200).text;
        assert!(page.contains("call 911 now"), "{page}");
        let tasks = desk.clinic.tasks().await;
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert_eq!((tasks[0].kind, tasks[0].patient_id), (TaskKind::Emergency, Some(ana)));
        assert!(tasks[0].urgent);
        desk.clinic.is_proved().await;
    }

    async fn a_form_is_written_in_both_languages_and_its_versions_stay(db: TestDb) {
        let (desk, ana, mut jar, path) = ready(db).await;
        let id = path.split('/').next_back().unwrap().to_owned();
        // What is missing is named; what was typed stays.
        let mut half = definition();
        half.retain(|(name, _)| *name != "options-2-es");
        let page = keep(&desk, &id, &half).await.is(422).text;
        assert!(page.contains("as many in Spanish as in English") && page.contains("#text-2-en"), "{page}");
        assert!(page.contains("Last tetanus shot?"));
        keep(&desk, "01890000-0000-7000-8000-000000000001", &definition()).await.is(404);

        // A new version: who filled in the old page sees it again with what they typed.
        let mut next = definition();
        next.extend([("link-1", "1"), ("link-2", "2"), ("link-3", "3")]);
        next.extend([("text-4-en", "Allergies?"), ("text-4-es", "¿Alergias?"), ("kind-4", "boolean")]);
        keep(&desk, &id, &next).await.is(303);
        let old = [("version", "1"), ("1", TYPED)];
        let page = desk.post(&path, &old, &mut jar).await.is(422).text;
        assert!(page.contains("We changed this form") && page.contains(TYPED), "{page}");
        assert!(page.contains("Allergies?"));
        let new = [("version", "2"), ("1", TYPED), ("4", "no")];
        desk.post(&path, &new, &mut jar).await.is(200);
        let links = desk
            .clinic
            .write(move |tx, office| {
                let all = forms::all(tx, office).unwrap();
                let links = all[0].form.item.iter().map(|item| item.link_id.clone());
                (all.len(), all[0].version, links.collect::<Vec<_>>())
            })
            .await;
        assert_eq!(links, (1, 2, ["1", "2", "3", "4"].map(str::to_owned).to_vec()));

        // A visit that is far away asks nothing yet, and a form that is taken back asks no more.
        let far = desk.clinic.office.clock().now() + SignedDuration::from_hours(15 * 24);
        let visit = desk.clinic.book(ana, "a-2", far).await;
        let page = desk.get(&format!("/window/visits/{visit}"), &mut jar).await.is(200).text;
        assert!(!page.contains("/forms/"), "{page}");
        let mut last = next.clone();
        last[0] = ("act", "retire");
        keep(&desk, &id, &last).await.is(303);
        desk.get(&path, &mut jar).await.is(404);
        assert!(!desk.get("/window", &mut jar).await.is(200).text.contains("/forms/"));
        let page = desk
            .get("/settings/forms", &mut at_work(&desk, Role::Administrator).await)
            .await
            .is(200)
            .text;
        assert!(page.contains("not asked any more") && page.contains("version 3"), "{page}");
        // What was answered stays with its version.
        assert_eq!(count(&desk, ana).await, 1);
        desk.clinic.is_proved().await;
    }

    async fn a_form_is_asked_before_the_visits_that_were_chosen(db: TestDb) {
        let (desk, ana, mut jar, path) = ready(db).await;
        let id = path.split('/').next_back().unwrap().to_owned();
        let (east, west) = (site(&desk, "East").await, site(&desk, "West").await);
        let doctor = desk
            .clinic
            .write(|tx, office| {
                let row = ClinicianRow {
                    id: ClinicianId::new(office.clock()),
                    external_id: None,
                    prefix: Some("Dr.".to_owned()),
                    given_name: None,
                    family_name: "Okafor".to_owned(),
                    active: true,
                    updated_at: office.clock().now(),
                };
                clinician::put(tx, office.practice(), &row).unwrap();
                row.id
            })
            .await;
        // A second visit, at a place and with somebody.
        let at = desk.clinic.office.clock().now() + SignedDuration::from_hours(72);
        let second = desk
            .clinic
            .write(move |tx, office| {
                let booking = Booking {
                    site: Some(east),
                    clinician: Some(doctor),
                    ..booking(ana, "a-2", at)
                };
                appointments::upsert(tx, office, &booking, &staff()).unwrap().0
            })
            .await;
        let here = format!("/window/visits/{second}/forms/{id}");
        // As it was, before both.
        for asked in [&path, &here] {
            desk.get(asked, &mut jar).await.is(200);
        }
        let (at_east, at_west) = (format!("site-{east}"), format!("site-{west}"));
        let with = format!("clinician-{doctor}");
        let page = desk
            .get(&format!("/settings/forms/{id}"), &mut at_work(&desk, Role::Administrator).await)
            .await
            .is(200)
            .text;
        for words in [at_east.as_str(), at_west.as_str(), with.as_str(), "Dr. Okafor"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        for (chosen, before, words) in [
            (vec![("before", "first")], (true, false), "before a first visit<"),
            (vec![(at_east.as_str(), "yes")], (false, true), "before each visit at East<"),
            (vec![(at_west.as_str(), "yes")], (false, false), "before each visit at West<"),
            (
                vec![(at_east.as_str(), "yes"), (at_west.as_str(), "yes"), (with.as_str(), "yes")],
                (false, true),
                "before each visit at East or West with Dr. Okafor<",
            ),
            (vec![("before", "first"), (with.as_str(), "yes")], (false, false), "first visit with Dr."),
            (vec![("before", "every")], (true, true), "before each visit<"),
        ] {
            let form: Vec<_> = definition().into_iter().chain(chosen.clone()).collect();
            keep(&desk, &id, &form).await.is(303);
            let list = desk
                .get("/settings/forms", &mut at_work(&desk, Role::Administrator).await)
                .await
                .is(200)
                .text;
            assert!(list.contains(words), "{words}: {list}");
            let home = desk.get("/window", &mut jar).await.is(200).text;
            for (asked, at) in [(before.0, &path), (before.1, &here)] {
                assert_eq!(home.contains(at), asked, "{chosen:?} {at}");
                desk.get(at, &mut jar).await.is(if asked { 200 } else { 404 });
            }
        }
        // What is wrong with the rest does not lose what was ticked.
        let half: Vec<_> = definition()
            .into_iter()
            .filter(|(name, _)| *name != "title-es")
            .chain([(at_east.as_str(), "yes"), ("before", "first")])
            .collect();
        let page = keep(&desk, &id, &half).await.is(422).text;
        assert!(page.contains(&format!("name=\"{at_east}\" value=\"yes\" checked")), "{page}");
        assert!(page.contains("value=\"first\" checked"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn a_first_visit_is_one_before_which_there_was_none(db: TestDb) {
        let (desk, ana, mut jar, path) = ready(db).await;
        let id = path.split('/').next_back().unwrap().to_owned();
        let form: Vec<_> = definition().into_iter().chain([("before", "first")]).collect();
        keep(&desk, &id, &form).await.is(303);
        desk.get(&path, &mut jar).await.is(200);
        let last_year = desk.clinic.office.clock().now() - SignedDuration::from_hours(300 * 24);
        for (status, asked) in [
            (AppointmentStatus::NoShow, true),
            (AppointmentStatus::Cancelled, true),
            (AppointmentStatus::Fulfilled, false),
            (AppointmentStatus::Booked, false),
        ] {
            desk.clinic
                .write(move |tx, office| {
                    let booking = Booking { status, ..booking(ana, "a-0", last_year) };
                    appointments::upsert(tx, office, &booking, &staff()).unwrap();
                })
                .await;
            desk.get(&path, &mut jar).await.is(if asked { 200 } else { 404 });
        }
        desk.clinic.is_proved().await;
    }
}
