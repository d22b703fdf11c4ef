use std::collections::BTreeSet;

use sotto::access::roles::Role;
use sotto::audit::{Kind, Outcome};

use super::{Desk, Jar, PASSWORD, request, send};
use crate::on_both_engines;
use crate::people::pages::entries;

on_both_engines! {
    async fn an_invited_person_sets_up_once_and_is_in(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let (_, link) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        let path = format!("/invite/{link}");
        assert!(desk.get(&path, &mut jar).await.is(200).text.contains("rosa@harborview.example"));
        let code = desk.code(&desk.shared(&link).await);
        for (password, code, because) in [
            ("short", code.as_str(), "at least 8 characters"),
            ("rosa delgado", code.as_str(), "close to your name"),
            ("password1234", code.as_str(), "many people use"),
            (PASSWORD, "000000", "the app shows now"),
        ] {
            let form = [("password", password), ("code", code)];
            let answer = desk.post(&path, &form, &mut jar).await.is(422);
            assert!(answer.text.contains(because), "{}", answer.text);
        }
        let form = [("password", PASSWORD), ("code", code.as_str())];
        desk.post(&path, &form, &mut jar).await.is(200);
        assert!(desk.get("/me", &mut jar).await.is(200).text.contains("Front desk"));
        desk.get(&path, &mut Jar::default()).await.is(410);
        desk.post(&path, &form, &mut Jar::default()).await.is(410);
        desk.clinic.is_proved().await;
    }

    async fn the_door_asks_for_factors_and_for_nothing_one_might_look_up(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        let (_, link) = desk.invite("ines@harborview.example", &[Role::Nurse]).await;
        let (_, officer) = desk.invite("ana@harborview.example", &[Role::PrivacyOfficer]).await;
        let sign_in = vec!["ceremony", "code", "credential", "email", "password", "shared", "to"];
        // No question, no hint, and no code by text or mail (ASVS 6.4.2, 6.6.1).
        for (path, fields, browser) in [
            ("/sign-in".to_owned(), sign_in, &mut Jar::default()),
            (format!("/invite/{link}"), vec!["ceremony", "code", "credential", "password"], &mut Jar::default()),
            (format!("/invite/{officer}"), vec!["ceremony", "credential"], &mut Jar::default()),
            ("/lock".to_owned(), vec!["code", "to"], &mut jar),
        ] {
            let page = desk.get(&path, browser).await.is(200).text;
            let asked: BTreeSet<&str> =
                page.split(" name=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            let asked: Vec<&str> = asked.into_iter().filter(|name| *name != "viewport").collect();
            assert_eq!(asked, fields, "{path}");
        }
    }

    async fn an_invitation_ends_after_three_days(db: TestDb) {
        let desk = Desk::open(db).await;
        let (_, link) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        desk.pass(72 * 3600 - 1);
        desk.get(&format!("/invite/{link}"), &mut Jar::default()).await.is(200);
        desk.pass(1);
        desk.get(&format!("/invite/{link}"), &mut Jar::default()).await.is(410);
        desk.get("/invite/nothing", &mut Jar::default()).await.is(410);
    }

    async fn what_is_wrong_is_not_told(db: TestDb) {
        let desk = Desk::open(db).await;
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut Jar::default()).await;
        let right = desk.code_of(&rosa);
        let mut said = Vec::new();
        for (email, password, code) in [
            ("nobody@harborview.example", PASSWORD, right.as_str()),
            (rosa.email.as_str(), "not the password", right.as_str()),
            (rosa.email.as_str(), PASSWORD, "000000"),
            ("not a mailbox at all", PASSWORD, right.as_str()),
            (" ", " ", " "),
        ] {
            let form = [("email", email), ("password", password), ("code", code)];
            let answer = desk.post("/sign-in", &form, &mut Jar::default()).await.is(422);
            said.push(answer.text.replace(&format!("value=\"{email}\""), ""));
        }
        assert!(said.iter().all(|text| *text == said[0]), "{said:#?}");
        desk.sign_in(&rosa, &mut Jar::default()).await.goes_to("/inbox");
        desk.clinic.is_proved().await;
    }

    async fn each_try_is_on_the_log_and_nothing_that_was_typed_is(db: TestDb) {
        let desk = Desk::open(db).await;
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut Jar::default()).await;
        let mut jar = Jar::default();
        let nobody = "nobody@harborview.example";
        for email in [rosa.email.as_str(), nobody] {
            let form = [("email", email), ("password", "a guess of mine"), ("code", "424242")];
            desk.post("/sign-in", &form, &mut jar).await.is(422);
        }
        let before = desk.clinic.db.clock.now().as_microsecond();
        desk.sign_in(&rosa, &mut jar).await.goes_to("/inbox");
        desk.post("/lock", &[("code", "424242")], &mut jar).await.is(422);
        desk.get("/log", &mut jar).await.is(403);
        desk.post("/sign-out", &[], &mut jar).await.is(303);
        let asked = desk.post("/sign-in/passkey/ask", &[], &mut jar).await.is(200);
        let asked: serde_json::Value = serde_json::from_str(&asked.text).unwrap();
        let form = [("ceremony", asked["ceremony"].as_str().unwrap()), ("credential", "{}")];
        desk.post("/sign-in/passkey", &form, &mut jar).await.is(422);

        let refused = entries(&desk, Kind::AccessRefused).await;
        let told: Vec<(&str, &str)> =
            refused.iter().map(|one| (one.actor.id.as_ref(), one.codes[0].as_ref())).collect();
        let id = rosa.id.to_string();
        assert_eq!(told, [
            ("sign_in", "sign_in"),
            ("sign_in", "sign_in"),
            (id.as_str(), "code"),
            (id.as_str(), "read_audit"),
            ("sign_in", "passkey"),
        ]);
        assert!(refused.iter().all(|one| one.outcome == Outcome::Refused));
        // A guess at a name that is somebody's says at whose; the other one says nothing.
        let whose: Vec<bool> = refused[..2].iter().map(|one| one.object.is_some()).collect();
        assert_eq!(whose, [true, false]);
        let sessions = entries(&desk, Kind::SessionChanged).await;
        let began = sessions.iter().rfind(|one| one.codes[0] == "began").unwrap();
        assert_eq!((began.actor.id.as_ref(), began.codes[1].as_ref()), (id.as_str(), "password"));
        assert!(began.recorded_at >= before);
        let factor = entries(&desk, Kind::CredentialChanged).await.pop().unwrap();
        assert_eq!(factor.codes, ["used", "code"]);
        for one in refused.iter().chain(&sessions).chain([&factor]) {
            let said = String::from_utf8(one.to_bytes()).unwrap();
            for typed in ["harborview", "guess of mine", "424242", PASSWORD] {
                assert!(!said.contains(typed), "{said}");
            }
        }
        desk.clinic.is_proved().await;
    }

    async fn a_code_is_good_once_and_so_is_a_recovery_code(db: TestDb) {
        let desk = Desk::open(db).await;
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut Jar::default()).await;
        let once = desk.code_of(&rosa);
        for (code, status) in
            [(once.as_str(), 303), (once.as_str(), 422), (rosa.codes[3].as_str(), 303), (rosa.codes[3].as_str(), 422)]
        {
            let form = [("email", rosa.email.as_str()), ("password", PASSWORD), ("code", code)];
            desk.post("/sign-in", &form, &mut Jar::default()).await.is(status);
        }
        desk.clinic.is_proved().await;
    }

    async fn guessing_slows_strangers_and_not_the_one_at_their_own_desk(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut own = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut own).await;
        let wrong = [("email", rosa.email.as_str()), ("password", "a guess of mine"), ("code", "000000")];
        for _ in 0..6 {
            desk.post("/sign-in", &wrong, &mut Jar::default()).await.is(422);
        }
        let answer = desk.post("/sign-in", &wrong, &mut Jar::default()).await.is(429);
        assert!(answer.text.contains("Wait 2 seconds"), "{}", answer.text);
        // Also with what is right: a stranger learns nothing by waiting in line.
        desk.sign_in(&rosa, &mut Jar::default()).await.is(429);
        desk.post("/sign-in", &wrong, &mut Jar::default()).await.is(422);
        desk.post("/sign-in", &wrong, &mut Jar::default()).await.is(429);
        desk.post("/sign-out", &[], &mut own).await.goes_to("/sign-in");
        desk.sign_in(&rosa, &mut own).await.goes_to("/inbox");
        desk.clinic.is_proved().await;
    }

    async fn an_unknown_name_waits_like_a_known_one(db: TestDb) {
        let desk = Desk::open(db).await;
        let wrong = [("email", "nobody@harborview.example"), ("password", "a guess of mine"), ("code", "000000")];
        for _ in 0..6 {
            desk.post("/sign-in", &wrong, &mut Jar::default()).await.is(422);
        }
        desk.post("/sign-in", &wrong, &mut Jar::default()).await.is(429);
    }

    async fn a_role_that_needs_a_passkey_has_no_password(db: TestDb) {
        let desk = Desk::open(db).await;
        for role in [Role::Administrator, Role::PrivacyOfficer, Role::KeyCustodian] {
            let email = format!("{role}@harborview.example");
            let (_, link) = desk.invite(&email, &[role, Role::Nurse]).await;
            let code = desk.code(&desk.shared(&link).await);
            let page = desk.get(&format!("/invite/{link}"), &mut Jar::default()).await.is(200);
            assert!(!page.text.contains("name=\"password\""));
            let form = [("password", PASSWORD), ("code", code.as_str())];
            desk.post(&format!("/invite/{link}"), &form, &mut Jar::default()).await.is(409);
        }
    }

    async fn a_passkey_that_nobody_made_opens_nothing(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        let asked = desk.post("/sign-in/passkey/ask", &[], &mut jar).await.is(200);
        let asked: serde_json::Value = serde_json::from_str(&asked.text).unwrap();
        assert_eq!(asked["options"]["publicKey"]["userVerification"], "required");
        let ceremony = asked["ceremony"].as_str().unwrap();
        for credential in ["", "{}", r#"{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"AAAA","authenticatorData":"AAAA","signature":"AAAA","userHandle":"AAAAAAAAAAAAAAAAAAAAAA"},"extensions":{}}"#] {
            let form = [("ceremony", ceremony), ("credential", credential)];
            desk.post("/sign-in/passkey", &form, &mut jar).await.is(422);
        }
        desk.clinic.is_proved().await;
    }

    async fn a_form_from_another_site_is_refused(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = Jar::default();
        desk.hire("rosa@harborview.example", &[Role::FrontDesk], &mut jar).await;
        for (origin, site) in [("https://elsewhere.example", "cross-site"), ("https://www.harborview.example", "same-site"), ("null", "cross-site")] {
            let mut request = request(axum::http::Method::POST, "/sign-out", &jar, "");
            request.headers_mut().insert("origin", origin.parse().unwrap());
            request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
            send(desk.another_node(), request, &mut jar.clone()).await.is(403);
        }
        desk.get("/me", &mut jar).await.is(200);
    }
}
