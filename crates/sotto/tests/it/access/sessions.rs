use axum::http::Method;
use sotto::access::roles::Role;
use sotto::access::staff;
use sotto::audit::Actor;

use super::{Desk, Jar, PASSWORD, request, send};
use crate::on_both_engines;

/// The ids in links such as `/me/devices/ID/wipe`.
fn ids(text: &str, before: &str, after: &str) -> Vec<String> {
    let rest = text.split(before).skip(1);
    rest.filter_map(|rest| rest.split_once(after))
        .map(|(id, _)| id.to_owned())
        .filter(|id| id.len() == 36)
        .collect()
}

on_both_engines! {
    async fn idle_locks_and_a_code_opens(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        for _ in 0..4 {
            desk.pass(14 * 60);
            desk.get("/me", &mut jar).await.is(200);
        }
        desk.pass(15 * 60);
        desk.get("/", &mut jar).await.goes_to("/lock");
        desk.get("/me", &mut jar).await.goes_to("/lock?to=/me");
        desk.post("/me/recovery-codes", &[], &mut jar).await.goes_to("/lock?to=/me");
        desk.get("/lock", &mut jar).await.is(200);
        desk.post("/lock", &[("code", "000000"), ("to", "/me")], &mut jar).await.is(422);
        desk.get("/me", &mut jar).await.is(303);
        let code = desk.code_of(&rosa);
        desk.post("/lock", &[("code", &code), ("to", "//elsewhere.example")], &mut jar).await.goes_to("/inbox");
        desk.get("/me", &mut jar).await.is(200);
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        desk.get("/me", &mut jar).await.goes_to("/lock?to=/me");
        desk.clinic.is_proved().await;
    }

    async fn a_shared_station_locks_after_five_minutes(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        let code = desk.code_of(&rosa);
        let form = [("email", rosa.email.as_str()), ("password", PASSWORD), ("code", &code), ("shared", "yes")];
        desk.post("/sign-in", &form, &mut jar).await.goes_to("/inbox");
        desk.pass(5 * 60 - 1);
        desk.get("/me", &mut jar).await.is(200);
        desk.pass(5 * 60);
        desk.get("/me", &mut jar).await.goes_to("/lock?to=/me");
    }

    async fn twelve_hours_are_the_end(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        for _ in 0..71 {
            desk.pass(10 * 60);
            desk.get("/me", &mut jar).await.is(200);
        }
        desk.pass(10 * 60);
        desk.get("/me", &mut jar).await.goes_to("/sign-in?to=/me");
        desk.get("/lock", &mut jar).await.goes_to("/sign-in");
    }

    async fn what_is_far_reaching_asks_again_after_five_minutes(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        desk.post("/me/recovery-codes", &[], &mut jar).await.is(200);
        desk.pass(5 * 60);
        desk.post("/me/recovery-codes", &[], &mut jar).await.goes_to("/lock?to=/me");
        // The old ones are worth nothing; a code of the app is.
        desk.post("/lock", &[("code", &rosa.codes[0])], &mut jar).await.is(422);
        let code = desk.code_of(&rosa);
        desk.post("/lock", &[("code", &code), ("to", "/me")], &mut jar).await.goes_to("/me");
        desk.post("/me/recovery-codes", &[], &mut jar).await.is(200);
    }

    async fn who_is_disabled_is_out_at_once_on_every_node(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        let other = desk.another_node();
        send(other.clone(), request(Method::GET, "/me", &jar, ""), &mut jar.clone()).await.is(200);
        let id = rosa.id;
        desk.clinic
            .write(move |tx, office| staff::disable(tx, office, id, Actor::operator()).unwrap())
            .await;
        send(other, request(Method::GET, "/me", &jar, ""), &mut jar.clone())
            .await
            .goes_to("/sign-in?to=/me");
        desk.sign_in(&rosa, &mut jar).await.is(422);
        desk.clinic
            .write(move |tx, office| staff::enable(tx, office, id, Actor::operator()).unwrap())
            .await;
        // The sessions from before stay ended.
        desk.get("/me", &mut jar.clone()).await.goes_to("/sign-in?to=/me");
        desk.sign_in(&rosa, &mut jar).await.goes_to("/inbox");
        desk.clinic.is_proved().await;
    }

    async fn a_role_taken_away_is_gone_with_the_next_request(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        desk.get("/", &mut jar).await.is(200);
        let billing = sotto::access::roles::Roles::new(vec![Role::Billing]).unwrap();
        desk.clinic
            .write(move |tx, office| {
                staff::set_roles(tx, office, (rosa.id, &billing), Actor::operator()).unwrap();
            })
            .await;
        let answer = desk.get("/", &mut jar).await.is(403);
        assert!(answer.text.contains("None of your roles"));
        desk.get("/me", &mut jar).await.is(200);
        desk.clinic.is_proved().await;
    }

    async fn sessions_are_listed_and_ended_one_by_one(db: TestDb) {
        let desk = Desk::open(db).await;
        let (mut here, mut there) = (Jar::default(), Jar::default());
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut here).await;
        desk.sign_in(&rosa, &mut there).await.goes_to("/inbox");
        let page = desk.get("/me", &mut here).await.is(200);
        let found = ids(&page.text, "/me/sessions/", "/end");
        assert_eq!(found.len(), 2);
        // Newest first: the other one.
        desk.post(&format!("/me/sessions/{}/end", found[0]), &[], &mut here).await.goes_to("/me");
        desk.get("/me", &mut there).await.goes_to("/sign-in?to=/me");
        desk.get("/me", &mut here).await.is(200);
        // Somebody else's is none of theirs.
        let mut ines = Jar::default();
        desk.hire("ines@harborview.example", &[Role::Nurse], &mut ines).await;
        desk.post(&format!("/me/sessions/{}/end", found[1]), &[], &mut ines).await.is(404);
        desk.get("/me", &mut here).await.is(200);
        desk.clinic.is_proved().await;
    }

    async fn a_wiped_browser_forgets_everything_at_its_next_contact(db: TestDb) {
        let desk = Desk::open(db).await;
        let (mut here, mut lost) = (Jar::default(), Jar::default());
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut here).await;
        desk.sign_in(&rosa, &mut lost).await.goes_to("/inbox");
        let page = desk.get("/me", &mut here).await.is(200);
        let devices = ids(&page.text, "/me/devices/", "/wipe");
        assert_eq!(devices.len(), 2);
        desk.post(&format!("/me/devices/{}/wipe", devices[0]), &[], &mut here).await.goes_to("/me");
        for path in ["/", "/me", "/sign-in", "/lock"] {
            let answer = desk.get(path, &mut lost.clone()).await.is(401);
            assert_eq!(answer.headers["clear-site-data"], "\"cache\", \"cookies\", \"storage\"");
        }
        desk.get("/me", &mut here).await.is(200);
        // A browser that forgot comes in anew.
        desk.sign_in(&rosa, &mut Jar::default()).await.goes_to("/inbox");
        desk.clinic.is_proved().await;
    }

    async fn an_administrator_wipes_what_somebody_else_lost(db: TestDb) {
        let desk = Desk::open(db).await;
        let (ada, _) = desk.invite("ada@harborview.example", &[Role::Administrator]).await;
        let (mut boss, mut lost) = (desk.let_in(ada).await, Jar::default());
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut lost).await;
        let page = desk.get("/staff", &mut boss).await.is(200);
        let devices = ids(&page.text, "/devices/", "/wipe");
        let [device] = devices.as_slice() else { panic!("{devices:?}") };
        let path = format!("/staff/{}/devices/{device}/wipe", rosa.id);
        desk.post(&path, &[], &mut lost.clone()).await.is(403);
        desk.post(&path, &[], &mut boss).await.goes_to("/staff");
        let answer = desk.get("/me", &mut lost).await.is(401);
        assert_eq!(answer.headers["clear-site-data"], "\"cache\", \"cookies\", \"storage\"");
        // The button pressed twice.
        desk.post(&path, &[], &mut boss).await.goes_to("/staff");
        desk.clinic.is_proved().await;
    }

    async fn signing_out_ends_the_session_and_not_only_the_cookie(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        let kept = jar.clone();
        let left = desk.post("/sign-out", &[], &mut jar).await.goes_to("/sign-in");
        assert_eq!(left.headers["clear-site-data"], "\"cache\"");
        desk.get("/me", &mut kept.clone()).await.goes_to("/sign-in?to=/me");
    }

    async fn ten_wrong_codes_end_the_session(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        for _ in 0..9 {
            desk.post("/lock", &[("code", "000000")], &mut jar).await.is(422);
            desk.pass(60);
        }
        desk.get("/me", &mut jar).await.is(200);
        desk.post("/lock", &[("code", "000000")], &mut jar).await.is(422);
        desk.get("/me", &mut jar).await.goes_to("/sign-in?to=/me");
        desk.clinic.is_proved().await;
    }

    async fn signing_in_again_ends_what_this_browser_had(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        let before = jar.clone();
        desk.sign_in(&rosa, &mut jar).await.goes_to("/inbox");
        desk.get("/me", &mut jar).await.is(200);
        desk.get("/me", &mut before.clone()).await.goes_to("/sign-in?to=/me");
    }
}
