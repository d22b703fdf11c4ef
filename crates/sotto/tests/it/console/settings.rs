//! The settings pages.

use gate::{Channel, Level, PatientId};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sotto::access::roles::Role;
use sotto::agreements;
use sotto::audit::{self, Event, Kind};
use sotto::conversations::tasks::{self, NewTask, TaskKind};
use sotto::db::site::{self, SiteRow};
use sotto::db::vendor::{self, NewVendor};
use sotto::ids::{Id as _, SiteId};
use sotto::schedule::{OfficeHours, appointments};

use crate::access::{Desk, Jar};
use crate::clinic::{booking, staff};
use crate::on_both_engines;

const HOURS: &str = "/settings/hours";
const CARRIERS: &str = "/settings/carriers";

async fn administrator(desk: &Desk) -> Jar {
    let (id, _) = desk.invite("kim@harborview.example", &[Role::Administrator]).await;
    desk.let_in(id).await
}

/// A place in Chicago, and somebody who is seen there.
async fn somebody_in_chicago(desk: &Desk) -> (SiteId, PatientId) {
    let ana = desk.clinic.patient("Ana", "en", "+12125550191").await;
    let site = desk
        .clinic
        .write(move |tx, office| {
            let row = SiteRow {
                id: SiteId::new(office.clock()),
                external_id: Some("lakeside".to_owned()),
                name: "Lakeside".to_owned(),
                street: None,
                city: None,
                region: None,
                postal_code: None,
                phone: None,
                timezone: Some("America/Chicago".to_owned()),
                updated_at: office.clock().now(),
            };
            site::put(tx, office.practice(), &row).unwrap();
            let event = Event::new(Kind::PracticeChanged, staff());
            audit::append(tx, office, event).unwrap();
            let day = office.clock().now() + SignedDuration::from_hours(48);
            let visit = sotto::schedule::Booking { site: Some(row.id), ..booking(ana, "v1", day) };
            appointments::upsert(tx, office, &visit, &staff()).unwrap();
            row.id
        })
        .await;
    (site, ana)
}

on_both_engines! {
    async fn office_hours_are_kept_and_a_slip_keeps_what_was_typed(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let form = [
            ("mon", "08:00-12:00, 13:00-17:00"),
            ("tue", ""),
            ("closed", "2027-12-24"),
            ("federal", "yes"),
        ];
        desk.post(HOURS, &form, &mut jar).await.goes_to(HOURS);
        let page = desk.get(HOURS, &mut jar).await.is(200).text;
        assert!(page.contains("value=\"08:00-12:00, 13:00-17:00\""), "{page}");
        assert!(page.contains(">2027-12-24</textarea>") && page.contains("value=\"yes\" checked"), "{page}");
        let slip = [("mon", "08:00-12:00"), ("wed", "nine to five")];
        let page = desk.post(HOURS, &slip, &mut jar).await.is(422).text;
        assert!(page.contains("week.wed") && page.contains("value=\"nine to five\""), "{page}");
        let page = desk.get(HOURS, &mut jar).await.is(200).text;
        assert!(page.contains("13:00-17:00"), "a slip changes nothing");
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("Mon 8:00 am-5:00 pm"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn a_place_has_hours_of_its_own_and_tasks_fall_due_by_them(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let (lakeside, ana) = somebody_in_chicago(&desk).await;
        let id = lakeside.to_string();
        let page = format!("{HOURS}?place={lakeside}");
        let due = || async {
            desk.clinic.write(move |tx, office| {
                let new = NewTask { patient: Some(ana), ..NewTask::new(TaskKind::Answer) };
                let task = tasks::open(tx, office, new, &staff()).unwrap();
                sotto::db::task::get(tx, office.practice(), task).unwrap().unwrap().due_at
            }).await
        };
        let after = |hours: &OfficeHours, zone| {
            let zone = TimeZone::get(zone).unwrap();
            let now = desk.clinic.office.clock().now();
            hours.after_office_time(now, &zone, SignedDuration::from_hours(4))
        };
        // Until it has its own, it keeps the practice's, on its own clock.
        let the_practices = OfficeHours::default();
        assert_eq!(due().await, after(&the_practices, "America/Chicago"));
        let text = desk.get(&page, &mut jar).await.is(200).text;
        assert!(text.contains("keeps the practice’s hours until you save others"), "{text}");
        let form = [("place", id.as_str()), ("sun", "10:00-13:00"), ("sat", "10:00-11:00, 12:00-13:00")];
        desk.post(HOURS, &form, &mut jar).await.goes_to(&page);
        let own = r#"{"week":{"sun":["10:00-13:00"],"sat":["10:00-11:00","12:00-13:00"]}}"#;
        let own = OfficeHours::from_json(own).unwrap();
        assert_eq!(due().await, after(&own, "America/Chicago"));
        let form = [("place", id.as_str()), ("act", "practices")];
        desk.post(HOURS, &form, &mut jar).await.goes_to(&page);
        assert_eq!(due().await, after(&the_practices, "America/Chicago"));
        desk.clinic.is_proved().await;
    }

    async fn a_test_goes_the_way_of_every_message_and_tells_its_story(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let page = desk.get(CARRIERS, &mut jar).await.is(200).text;
        assert!(page.contains("No test was ever sent.") && page.contains("it comes back before the wire"), "{page}");
        desk.post("/settings/carriers/test", &[], &mut jar).await.goes_to("/settings/carriers#test");
        let story = desk.get("/settings/carriers/test", &mut jar).await.is(200).text;
        assert!(story.contains("Waiting") && story.contains("hx-get"), "{story}");
        let sent = desk.clinic.sent_to("+15005550100").await.pop().unwrap();
        assert_eq!((sent.kind.as_str(), sent.state.as_str()), ("self_test", "queued"));
        assert_eq!(sent.body, "Harborview Family Health: this is a test of our text messages. Nothing is to be done.");
        desk.clinic.is_proved().await;
    }

    async fn an_agreement_that_ends_is_a_task_at_each_warning_and_once(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let now = desk.clinic.office.clock().now();
        let until = now + SignedDuration::from_hours(24 * 20);
        desk.clinic.write(move |tx, office| {
            let ends = NewVendor {
                adapter: "sms_smpp",
                legal_name: "Carrier One",
                service: "texts",
                max_level: Level::Mention,
                agreement: "active",
                effective_at: Some(now - SignedDuration::from_hours(24)),
                expires_at: Some(until),
                reason: None,
            };
            vendor::put(tx, office.practice(), &ends, now).unwrap();
            let event = Event::new(Kind::VendorChanged, staff()).code("renewed");
            audit::append(tx, office, event).unwrap();
        }).await;
        let page = desk.get(CARRIERS, &mut jar).await.is(200).text;
        assert!(page.contains("Ends in 20 days: renew it"), "{page}");
        let tick = || desk.clinic.write(|tx, office| agreements::tick(tx, office).unwrap());
        assert_eq!([tick().await, tick().await], [1, 0], "30 days");
        desk.pass(14 * 86_400);
        assert_eq!([tick().await, tick().await], [1, 0], "7 days");
        desk.pass(7 * 86_400);
        assert_eq!(tick().await, 0, "it is over, and the gate refuses");
        let kinds: Vec<_> = desk.clinic.tasks().await.into_iter().map(|task| task.kind).collect();
        assert_eq!(kinds, [TaskKind::AgreementEnds; 2]);
        desk.clinic.is_proved().await;
    }

    async fn the_name_patients_see_says_nothing_and_fits(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let long = "The Harborview Association of Physicians and Nurses of the Northern Shore";
        for (name, says) in [
            ("Harborview Oncology", "hints at what is treated"),
            ("Harborview HIV Clinic", "hints at what is treated"),
            ("https://harborview.example", "holds a link or an address"),
            (long, "would break a rule"),
        ] {
            let page = desk.post("/settings/name", &[("name", name)], &mut jar).await.is(422).text;
            assert!(page.contains(says), "{name}: {page}");
        }
        desk.post("/settings/name", &[("name", "Harborview")], &mut jar).await.goes_to("/settings");
        desk.clinic.patient("Ana", "en", "+12125550193").await;
        desk.clinic.text("+12125550193", "HELP").await;
        let sent = desk.clinic.sent_to("+12125550193").await.pop().unwrap();
        assert!(sent.body.starts_with("Harborview: "), "{}", sent.body);
        desk.post("/settings/name", &[("name", "")], &mut jar).await.goes_to("/settings");
        assert_eq!(desk.clinic.office.profile().display_name, "Harborview Family Health");
        desk.clinic.is_proved().await;
    }

    async fn the_price_of_a_part_stands_beside_the_words(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let price = "/settings/carriers/price";
        for cents in ["cheap", "0,79", "200"] {
            let form = [("adapter", "sms_smpp"), ("cents", cents)];
            let page = desk.post(price, &form, &mut jar).await.is(422).text;
            assert!(page.contains("A price is in cents"), "{page}");
        }
        let form = [("adapter", "sms_smpp"), ("cents", "0.79")];
        desk.post(price, &form, &mut jar).await.goes_to(CARRIERS);
        let ana = desk.clinic.patient("Ana", "en", "+12125550192").await;
        let (nurse, _) = desk.invite("ines@harborview.example", &[Role::Nurse]).await;
        let mut nurse = desk.let_in(nurse).await;
        let long = "Please call us at (202) 555-0100. ".repeat(6);
        let form = [("body", long.as_str()), ("channel", Channel::Sms.as_str()), ("about", "clinical")];
        let look = format!("/people/{ana}/write/look");
        let page = desk.post(&look, &form, &mut nurse).await.is(200).text;
        assert!(page.contains("2 parts, ") && page.contains("about 1.6 ¢"), "{page}");
        // Nobody knows it any more.
        desk.post(price, &[("adapter", "sms_smpp"), ("cents", "")], &mut jar).await.goes_to(CARRIERS);
        let page = desk.post(&look, &form, &mut nurse).await.is(200).text;
        assert!(!page.contains('¢'), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn a_token_is_shown_once_and_is_worth_nothing_once_revoked(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let none = [("name", "Scheduler"), ("days", "30")];
        let page = desk.post("/settings/tokens", &none, &mut jar).await.is(422).text;
        assert!(page.contains("tick what it may do"), "{page}");
        let form = [("name", "Scheduler"), ("days", "30"), ("appointments:read", "yes")];
        let page = desk.post("/settings/tokens", &form, &mut jar).await.is(200).text;
        let secret = page.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
        assert!(secret.starts_with("sotto_"));
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("Scheduler") && !page.contains(secret), "{page}");
        let path = page.split("action=\"/settings/tokens/").nth(1).unwrap();
        let id = path.split('/').next().unwrap();
        let revoke = format!("/settings/tokens/{id}/revoke");
        desk.post(&revoke, &[], &mut jar).await.goes_to("/settings#tokens");
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("no longer good"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn the_matrix_and_the_agreements_are_those_in_force(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("Simulated carrier of the demo"), "{page}");
        let row = page.split("<th scope=\"row\">Never send</th>").nth(1).unwrap();
        let row = row.split("</tr>").next().unwrap();
        assert_eq!(row.matches("mark stop").count(), 5, "{row}");
    }
}
