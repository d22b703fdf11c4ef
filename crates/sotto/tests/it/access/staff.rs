use sotto::access::roles::{Role, Roles};
use sotto::access::staff as people;
use sotto::access::{AccessError, report};
use sotto::audit::Actor;

use sotto::schedule::{Booking, appointments};

use super::{Desk, Jar, PASSWORD, site};
use crate::clinic::booking;
use crate::on_both_engines;

on_both_engines! {
    async fn an_administrator_invites_and_disables_from_the_page(db: TestDb) {
        let desk = Desk::open(db).await;
        let (admin, _) = desk.invite("alex@harborview.example", &[Role::Administrator]).await;
        let mut jar = desk.let_in(admin).await;
        desk.get("/", &mut jar).await.is(403);
        let form = [
            ("name", "Ines Abara"),
            ("email", "Ines@Harborview.example"),
            ("nurse", "yes"),
            ("where", "every"),
        ];
        let answer = desk.post("/staff", &form, &mut jar).await.is(200);
        assert!(answer.text.contains("https://sotto.harborview.example/invite/"), "{}", answer.text);
        let again = desk.post("/staff", &form, &mut jar).await.is(422);
        assert!(again.text.contains("somebody&#39;s here already") || again.text.contains("somebody"), "{}", again.text);
        for (form, field) in [
            ([("name", ""), ("email", "a@b.example"), ("nurse", "yes"), ("where", "every")], "name"),
            ([("name", "A"), ("email", "nothing"), ("nurse", "yes"), ("where", "every")], "email"),
            ([("name", "A"), ("email", "a@b.example"), ("root", "yes"), ("where", "every")], "role"),
            ([("name", "A"), ("email", "a@b.example"), ("integration", "yes"), ("where", "every")], "role"),
            ([("name", "A"), ("email", "a@b.example"), ("nurse", "yes"), ("where", "some")], "site"),
        ] {
            let answer = desk.post("/staff", &form, &mut jar).await.is(422);
            assert!(answer.text.contains(&format!("The {field} ")), "{field}: {}", answer.text);
        }
        let ines = desk
            .clinic
            .write(|tx, office| people::by_email(tx, office, "ines@harborview.example").unwrap().unwrap())
            .await;
        assert_eq!(ines.named.name, "Ines Abara");
        let at = |deed: &str| format!("/staff/{}/{deed}", ines.id);
        desk.post(&at("roles"), &[("billing", "yes")], &mut jar).await.goes_to("/staff");
        desk.post(&at("disable"), &[], &mut jar).await.goes_to("/staff");
        assert!(desk.get("/staff", &mut jar).await.is(200).text.contains("disabled"));
        desk.post(&at("enable"), &[], &mut jar).await.goes_to("/staff");
        desk.post(&at("invite"), &[], &mut jar).await.is(200);
        desk.clinic.is_proved().await;
    }

    async fn nobody_changes_themselves_and_the_last_administrator_stays(db: TestDb) {
        let desk = Desk::open(db).await;
        let (alex, _) = desk.invite("alex@harborview.example", &[Role::Administrator]).await;
        let mut jar = desk.let_in(alex).await;
        desk.post(&format!("/staff/{alex}/disable"), &[], &mut jar).await.is(409);
        desk.post(&format!("/staff/{alex}/roles"), &[("nurse", "yes")], &mut jar).await.is(409);
        let refused = desk
            .clinic
            .write(move |tx, office| people::disable(tx, office, alex, Actor::operator()))
            .await;
        assert!(matches!(refused, Err(AccessError::NotNow(_))));
        let (kim, _) = desk.invite("kim@harborview.example", &[Role::Administrator]).await;
        // One administrator does not make themselves another's link.
        desk.post(&format!("/staff/{kim}/invite"), &[], &mut jar).await.is(409);
        desk.post(&format!("/staff/{kim}/disable"), &[], &mut jar).await.goes_to("/staff");
    }

    async fn where_somebody_works_holds_with_their_next_request(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", "+12125550171").await;
        let (elm, oak) = (site(&desk, "Elm").await, site(&desk, "Oak").await);
        let starts_at: jiff::Timestamp = "2027-03-09T15:00:00Z".parse().unwrap();
        let visit = Booking { site: Some(elm), ..booking(ana, "visit-1", starts_at) };
        desk.clinic
            .write(move |tx, office| {
                appointments::upsert(tx, office, &visit, &Actor::operator()).unwrap();
            })
            .await;
        let (alex, _) = desk.invite("alex@harborview.example", &[Role::Administrator]).await;
        let (rosa, _) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        let (mut admin, mut rosa_jar) = (desk.let_in(alex).await, desk.let_in(rosa).await);
        let (page, sites) = (format!("/people/{ana}"), format!("/staff/{rosa}/sites"));
        desk.get(&page, &mut rosa_jar).await.is(200);
        let oak_box = format!("site-{oak}");
        let at_oak = [("where", "some"), (oak_box.as_str(), "yes")];
        desk.post(&sites, &at_oak, &mut rosa_jar).await.is(403);
        desk.post(&sites, &at_oak, &mut admin).await.goes_to("/staff");
        desk.get(&page, &mut rosa_jar).await.is(403);
        assert!(desk.get("/staff", &mut admin).await.is(200).text.contains("<td data-label=\"Works at\">Oak</td>"));
        // Nothing ticked is no answer, and somebody else's site is none; neither changes anything.
        desk.post(&sites, &[("where", "some")], &mut admin).await.is(422);
        desk.post(&sites, &[], &mut admin).await.is(422);
        let elsewhere = format!("site-{alex}");
        desk.post(&sites, &[("where", "some"), (elsewhere.as_str(), "yes")], &mut admin).await.is(422);
        desk.get(&page, &mut rosa_jar).await.is(403);
        desk.post(&sites, &[("where", "every"), (oak_box.as_str(), "yes")], &mut admin).await.goes_to("/staff");
        desk.get(&page, &mut rosa_jar).await.is(200);
        // Nobody gives themselves another site, and it asks for a fresh second factor.
        desk.post(&format!("/staff/{alex}/sites"), &at_oak, &mut admin).await.is(409);
        desk.pass(5 * 60);
        assert!(desk.post(&sites, &at_oak, &mut admin).await.is(303).to().starts_with("/lock"));
        desk.clinic.is_proved().await;
    }

    async fn a_role_wants_training_that_counts_where_the_practice_asks(db: TestDb) {
        let desk = Desk::open(db).await;
        let (admin, _) = desk.invite("alex@harborview.example", &[Role::Administrator]).await;
        let mut jar = desk.let_in(admin).await;
        let mut rosa_jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut rosa_jar).await;
        let at = |deed: &str| format!("/staff/{}/{deed}", rosa.id);
        // Not asked for, it stands in nobody's way.
        desk.post(&at("roles"), &[("billing", "yes")], &mut jar).await.goes_to("/staff");
        for days in ["-1", "0", "2000", "many"] {
            desk.post("/staff/training", &[("days", days)], &mut jar).await.is(422);
        }
        desk.post("/staff/training", &[("days", "365")], &mut jar).await.goes_to("/staff");
        let page = desk.get("/staff", &mut jar).await.is(200).text;
        assert!(page.contains("no training on record"), "{page}");
        // What somebody has stays; nothing new is given, and nobody new begins.
        desk.get("/me", &mut rosa_jar).await.is(200);
        let refused = desk.post(&at("roles"), &[("nurse", "yes")], &mut jar).await.is(409);
        assert!(refused.text.contains("no training on record that still counts"), "{}", refused.text);
        desk.post(&at("disable"), &[], &mut jar).await.goes_to("/staff");
        desk.post(&at("enable"), &[], &mut jar).await.is(409);
        let (ines, link) = desk.invite("ines@harborview.example", &[Role::Nurse]).await;
        let code = desk.code(&desk.shared(&link).await);
        let accept = [("password", PASSWORD), ("code", &code)];
        desk.post(&format!("/invite/{link}"), &accept, &mut Jar::default()).await.is(409);
        // The day is recorded: not by themselves, not one to come, and not without a second factor.
        let now = desk.clinic.db.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let day = |days: i64| now.saturating_sub(jiff::ToSpan::days(days)).to_string();
        desk.post(&format!("/staff/{admin}/training"), &[("on", &day(1))], &mut jar).await.is(409);
        for on in ["", "soon", &day(-3), &day(5000)] {
            desk.post(&at("training"), &[("on", on)], &mut jar).await.is(422);
        }
        desk.post(&at("training"), &[("on", &day(400))], &mut jar).await.goes_to("/staff");
        desk.post(&at("enable"), &[], &mut jar).await.is(409);
        assert!(desk.get("/staff", &mut jar).await.is(200).text.contains("training too old"));
        desk.post(&at("training"), &[("on", &day(30))], &mut jar).await.goes_to("/staff");
        desk.post(&at("enable"), &[], &mut jar).await.goes_to("/staff");
        desk.post(&at("roles"), &[("nurse", "yes")], &mut jar).await.goes_to("/staff");
        desk.post(&format!("/staff/{ines}/training"), &[("on", &day(0))], &mut jar).await.goes_to("/staff");
        desk.post(&format!("/invite/{link}"), &accept, &mut Jar::default()).await.is(200);
        // No more asked for.
        desk.post("/staff/training", &[("days", "")], &mut jar).await.goes_to("/staff");
        assert!(!desk.get("/staff", &mut jar).await.is(200).text.contains("too old"));
        desk.pass(5 * 60);
        assert!(desk.post(&at("training"), &[("on", &day(1))], &mut jar).await.is(303).to().starts_with("/lock"));
        desk.clinic.is_proved().await;
    }

    async fn a_new_link_ends_what_was_there_before(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        let id = rosa.id;
        let link = desk
            .clinic
            .write(move |tx, office| people::invite_again(tx, office, id, Actor::operator()).unwrap())
            .await;
        // Until it is accepted everything stays as it was.
        desk.get("/me", &mut jar).await.is(200);
        let link = link.reveal();
        let code = desk.code(&desk.shared(link).await);
        let form = [("password", "violin mesa lamp otter"), ("code", &code)];
        desk.post(&format!("/invite/{link}"), &form, &mut Jar::default()).await.is(200);
        desk.get("/me", &mut jar).await.goes_to("/sign-in?to=/me");
        desk.sign_in(&rosa, &mut Jar::default()).await.is(422);
        desk.clinic.is_proved().await;
    }

    async fn a_far_reaching_role_wants_a_passkey_first(db: TestDb) {
        let desk = Desk::open(db).await;
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut Jar::default()).await;
        let officer = Roles::new(vec![Role::PrivacyOfficer]).unwrap();
        let refused = desk
            .clinic
            .write(move |tx, office| people::set_roles(tx, office, (rosa.id, &officer), Actor::operator()))
            .await;
        assert!(matches!(refused, Err(AccessError::NotNow(_))));
    }

    async fn the_first_administrator_is_invited_once(db: TestDb) {
        let desk = Desk::open(db).await;
        let first = desk.clinic.write(|tx, office| people::invite_first(tx, office).unwrap()).await;
        assert!(first.is_some());
        let again = desk.clinic.write(|tx, office| people::invite_first(tx, office).unwrap()).await;
        assert!(again.is_none());
        desk.clinic.is_proved().await;
    }
}

#[test]
fn the_report_says_what_the_policies_say() {
    let report = report::report(&[]);
    let markdown = report.to_markdown();
    assert!(
        markdown
            .contains("| read conversation: a clinical thread | | yes | yes | | | yes | | | | | |"),
        "{markdown}"
    );
    let admin = report.roles.iter().find(|of| of.role == Role::Administrator).unwrap();
    assert!(
        admin
            .lines
            .iter()
            .filter(|line| line.action == "read_conversation")
            .all(|line| !line.allowed)
    );
    assert!(
        !format!("{:?}", people::Named { name: "Rosa".into(), email: "r@x".into() })
            .contains("Rosa")
    );
}
