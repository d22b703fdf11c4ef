//! The PIN at the lock: what it opens, what it does not, and how often one may guess.

use sotto::access::roles::Role;
use sotto::access::staff;
use sotto::audit::Actor;

use super::{Desk, Jar, PASSWORD};
use crate::on_both_engines;

const PIN: &str = "830264";

/// Somebody at their desk, who has just chosen a PIN.
async fn with_pin(desk: &Desk, jar: &mut Jar) -> super::Person {
    let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], jar).await;
    desk.post("/me/pin", &[("pin", PIN), ("again", PIN)], jar).await.goes_to("/me");
    rosa
}

on_both_engines! {
    async fn a_pin_opens_the_lock_and_nothing_else(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = with_pin(&desk, &mut jar).await;
        assert!(desk.get("/me", &mut jar).await.is(200).text.contains("Change the PIN"));
        // Not locked, it proves nothing: what is far-reaching still asks for the second factor.
        desk.pass(5 * 60);
        desk.post("/me/recovery-codes", &[], &mut jar).await.goes_to("/lock?to=/me");
        assert!(!desk.get("/lock", &mut jar).await.is(200).text.contains("/lock/pin"));
        let refused = desk.post("/lock/pin", &[("pin", PIN)], &mut jar).await.is(409);
        assert!(refused.text.contains("opens the lock and nothing else"), "{}", refused.text);
        desk.post("/me/recovery-codes", &[], &mut jar).await.goes_to("/lock?to=/me");
        // Locked, it opens; and what is far-reaching asks all the same.
        desk.pass(15 * 60);
        desk.get("/me", &mut jar).await.goes_to("/lock?to=/me");
        assert!(desk.get("/lock", &mut jar).await.is(200).text.contains("/lock/pin"));
        desk.post("/lock/pin", &[("pin", PIN), ("to", "/me")], &mut jar).await.goes_to("/me");
        desk.get("/me", &mut jar).await.is(200);
        desk.post("/me/recovery-codes", &[], &mut jar).await.goes_to("/lock?to=/me");
        desk.post("/me/pin", &[("pin", "907315"), ("again", "907315")], &mut jar).await.goes_to("/lock?to=/me");
        desk.post("/me/pin/remove", &[], &mut jar).await.goes_to("/lock?to=/me");
        // It signs nobody in, in place of the password or of the code.
        let mut other = Jar::default();
        let form = [("email", rosa.email.as_str()), ("password", PASSWORD), ("code", PIN)];
        desk.post("/sign-in", &form, &mut other).await.is(422);
        let code = desk.code_of(&rosa);
        let form = [("email", rosa.email.as_str()), ("password", PIN), ("code", &code)];
        desk.post("/sign-in", &form, &mut other).await.is(422);
        desk.clinic.is_proved().await;
    }

    async fn a_pin_opens_only_the_browser_that_was_locked(db: TestDb) {
        let desk = Desk::open(db).await;
        let (mut jar, mut other) = (Jar::default(), Jar::default());
        let rosa = with_pin(&desk, &mut jar).await;
        desk.sign_in(&rosa, &mut other).await.goes_to("/inbox");
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        // The session's cookie, carried to another browser: with its own device, and with none.
        let session = jar.0.get("__Host-sotto").unwrap().clone();
        for mut thief in [other, Jar::default()] {
            thief.0.insert("__Host-sotto".to_owned(), session.clone());
            let refused = desk.post("/lock/pin", &[("pin", PIN)], &mut thief).await.is(409);
            assert!(refused.text.contains("only the browser that was locked"), "{}", refused.text);
        }
        desk.post("/lock/pin", &[("pin", PIN), ("to", "/me")], &mut jar).await.goes_to("/me");
        desk.clinic.is_proved().await;
    }

    async fn the_fifth_wrong_pin_ends_the_session(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = with_pin(&desk, &mut jar).await;
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        let wrong = [("pin", "907315")];
        for left in ["4 more tries", "3 more tries", "2 more tries", "One more try"] {
            let answer = desk.post("/lock/pin", &wrong, &mut jar).await.is(422);
            assert!(answer.text.contains(left), "{}", answer.text);
        }
        // Right once: the count begins anew, and so it does after the second factor.
        desk.post("/lock/pin", &[("pin", PIN), ("to", "/me")], &mut jar).await.goes_to("/me");
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        for _ in 0..4 {
            desk.post("/lock/pin", &wrong, &mut jar).await.is(422);
        }
        let code = desk.code_of(&rosa);
        desk.post("/lock", &[("code", &code), ("to", "/me")], &mut jar).await.goes_to("/me");
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        for _ in 0..4 {
            desk.post("/lock/pin", &wrong, &mut jar).await.is(422);
        }
        let kept = jar.clone();
        let ended = desk.post("/lock/pin", &wrong, &mut jar).await.is(401);
        assert!(ended.text.contains("You are signed out"), "{}", ended.text);
        for mut jar in [jar, kept] {
            desk.post("/lock/pin", &[("pin", PIN)], &mut jar).await.goes_to("/sign-in");
            desk.get("/me", &mut jar).await.goes_to("/sign-in?to=/me");
        }
        desk.clinic.is_proved().await;
    }

    async fn a_pin_is_chosen_well_changed_and_removed(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        for (pin, again, status, says) in [
            ("12345", "12345", 422, "6 to 12 digits"),
            ("123456", "123456", 422, "first that anybody tries"),
            ("061984", "061984", 422, "looks like a date"),
            ("830264", "830265", 409, "two are not the same"),
        ] {
            let page = desk.post("/me/pin", &[("pin", pin), ("again", again)], &mut jar).await.is(status);
            assert!(page.text.contains(says), "{pin}: {}", page.text);
            assert!(!page.text.contains(pin), "what was typed is not shown again");
        }
        desk.post("/me/pin/remove", &[], &mut jar).await.is(404);
        desk.post("/me/pin", &[("pin", PIN), ("again", PIN)], &mut jar).await.goes_to("/me");
        desk.post("/me/pin", &[("pin", "907315"), ("again", "907315")], &mut jar).await.goes_to("/me");
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        desk.post("/lock/pin", &[("pin", PIN)], &mut jar).await.is(422);
        desk.post("/lock/pin", &[("pin", "907315"), ("to", "/me")], &mut jar).await.goes_to("/me");
        let code = desk.code_of(&rosa);
        desk.post("/lock", &[("code", &code)], &mut jar).await.goes_to("/inbox");
        desk.post("/me/pin/remove", &[], &mut jar).await.goes_to("/me");
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        desk.post("/lock/pin", &[("pin", "907315")], &mut jar).await.is(409);
        desk.clinic.is_proved().await;
    }

    async fn a_new_invitation_ends_the_pin_too(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = with_pin(&desk, &mut jar).await;
        let link = desk
            .clinic
            .write(move |tx, office| {
                let link = staff::invite_again(tx, office, rosa.id, Actor::operator()).unwrap();
                link.reveal().to_owned()
            })
            .await;
        let shared = desk.shared(&link).await;
        let code = desk.code(&shared);
        let form = [("password", PASSWORD), ("code", &code)];
        desk.post(&format!("/invite/{link}"), &form, &mut jar).await.is(200);
        desk.post("/lock/now", &[], &mut jar).await.goes_to("/lock");
        let refused = desk.post("/lock/pin", &[("pin", PIN)], &mut jar).await.is(409);
        assert!(refused.text.contains("You have no PIN"), "{}", refused.text);
        desk.clinic.is_proved().await;
    }

    async fn a_shared_station_opens_by_a_pin_too(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let rosa = with_pin(&desk, &mut jar).await;
        let code = desk.code_of(&rosa);
        let form = [("email", rosa.email.as_str()), ("password", PASSWORD), ("code", &code), ("shared", "yes")];
        desk.post("/sign-in", &form, &mut jar).await.goes_to("/inbox");
        desk.pass(5 * 60);
        desk.get("/me", &mut jar).await.goes_to("/lock?to=/me");
        desk.post("/lock/pin", &[("pin", PIN), ("to", "/me")], &mut jar).await.goes_to("/me");
        // Twelve hours are the end of it, PIN or not.
        desk.pass(12 * 3600);
        desk.post("/lock/pin", &[("pin", PIN)], &mut jar).await.goes_to("/sign-in");
    }
}
