//! Links, the proof and the stay: what scanners, guessers and thieves get.

use sotto::access::roles::Role;
use sotto::audit::{Kind, Outcome};

use super::{
    BORN, OTHER, PHONE, WORDS, born, code, come_in, count, letter, of_kind, token, token_in,
};
use crate::access::{Desk, Jar};
use crate::on_both_engines;
use crate::people::pages::entries;

on_both_engines! {
    async fn from_a_notice_to_the_message(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let id = letter(&desk, ana, WORDS).await;
        let notice = of_kind(&desk, PHONE, "secure_message_notice").await.pop().unwrap().body;
        assert!(!notice.contains("Ana") && !notice.contains("Quill"), "{notice}");
        let token = token_in(&notice);
        assert!(sotto::portal::link::looks_like_one(&token), "{token}");
        let mut jar = Jar::default();
        let landing = desk.get(&format!("/w/{token}"), &mut jar).await.is(200).text;
        let sixteen = landing.matches("<li lang=").count();
        assert_eq!(sixteen, 16, "{landing}");
        for said in ["Harborview Family Health", "(202) 555-0100", "January", "911", "Español"] {
            assert!(landing.contains(said), "{said}: {landing}");
        }
        assert!(!landing.contains("Ana"), "{landing}");
        desk.get("/window", &mut jar).await.goes_to("/window/in");
        let mut jar = come_in(&desk, PHONE).await;
        let home = desk.get("/window", &mut jar).await.is(200).text;
        assert!(home.contains(&format!("/window/letters/{id}")) && home.contains(">New<"), "{home}");
        assert!(!home.contains("Quill"));
        let page = desk.get(&format!("/window/letters/{id}"), &mut jar).await.is(200).text;
        assert!(page.contains("Quillfeather") && !page.contains("Ana"), "{page}");
        let receipt = desk
            .clinic
            .write(move |tx, office| sotto::portal::letters::receipt(tx, office, id).unwrap())
            .await;
        assert_eq!(receipt, Some("read"));
        assert!(desk.get("/window", &mut jar).await.is(200).text.contains(">Read<"));
        desk.clinic.is_proved().await;
    }

    async fn in_spanish_by_one_switch(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "es", PHONE).await;
        letter(&desk, ana, "Tome las tabletas.").await;
        let token = token(&desk, PHONE).await;
        let mut jar = Jar::default();
        let page = desk.get(&format!("/w/{token}?lang=es"), &mut jar).await.is(200).text;
        assert!(page.contains("<html lang=\"es\">") && page.contains("enero"), "{page}");
        let page = desk.get(&format!("/w/{token}"), &mut jar).await.is(200).text;
        assert!(page.contains("Fecha de nacimiento") && page.contains("lang=\"en\""), "{page}");
    }

    async fn what_scanners_follow_changes_nothing(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let token = token(&desk, PHONE).await;
        let before = (count(&desk, "audit_entry").await, count(&desk, "message").await);
        for path in [format!("/w/{token}"), format!("/w/{token}/code"), "/window/in".into()] {
            for _ in 0..3 {
                desk.get(&path, &mut Jar::default()).await.is(200);
            }
        }
        let after = (count(&desk, "audit_entry").await, count(&desk, "message").await);
        assert_eq!(before, after);
        come_in(&desk, PHONE).await;
    }

    async fn a_link_bears_five_guesses_and_a_new_one_comes_to_where_it_went(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let token = token(&desk, PHONE).await;
        let mut jar = Jar::default();
        let wrong = [("month", "5"), ("day", "18"), ("year", "1980")];
        for left in (1..5).rev() {
            let page = desk.post(&format!("/w/{token}"), &wrong, &mut jar).await.is(422).text;
            let says = if left == 1 { "try once more".into() } else { format!("try {left} more") };
            assert!(page.contains(&says), "{left}: {page}");
        }
        let last = desk.post(&format!("/w/{token}"), &wrong, &mut jar).await.is(429).text;
        assert!(last.contains("last try") && last.contains("(202) 555-0100"), "{last}");
        // Now the right one is of no use either, and no code went.
        desk.post(&format!("/w/{token}"), &BORN, &mut jar).await.is(410);
        assert!(of_kind(&desk, PHONE, "id_code").await.is_empty());
        // The answer is the same for a link that never was.
        let here = desk.post(&format!("/w/{token}/again"), &[], &mut jar).await.is(200).text;
        let never = format!("/w/{}/again", "1".repeat(22));
        assert_eq!(here, desk.post(&never, &[], &mut jar).await.is(200).text);
        let mut notices = of_kind(&desk, PHONE, "secure_message_notice").await;
        while notices.len() < 2 {
            tokio::task::yield_now().await;
            notices = of_kind(&desk, PHONE, "secure_message_notice").await;
        }
        assert_ne!(token_in(&notices[1].body), token);
        come_in(&desk, PHONE).await;
        desk.clinic.is_proved().await;
    }

    async fn unknown_old_and_cut_off_links_are_one_page(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ana, WORDS).await;
        let cut = token(&desk, PHONE).await;
        desk.clinic
            .write(move |tx, office| {
                let by = sotto::audit::Actor::staff("s-1", "front_desk");
                sotto::portal::session::cut_off(tx, office, ana, &by).unwrap()
            })
            .await;
        letter(&desk, ben, WORDS).await;
        let old = token(&desk, OTHER).await;
        desk.pass(15 * 24 * 3600);
        let mut pages = Vec::new();
        for token in [cut, old, "f".repeat(22)] {
            let mut jar = Jar::default();
            for page in [
                desk.get(&format!("/w/{token}"), &mut jar).await.is(410),
                desk.post(&format!("/w/{token}"), &BORN, &mut jar).await.is(410),
            ] {
                pages.push(page.text.replace(&token, "…"));
            }
        }
        assert!(pages.windows(2).all(|two| two[0] == two[1]), "{pages:#?}");
        assert!(pages[0].contains("(202) 555-0100"));
        desk.clinic.is_proved().await;
    }

    async fn a_code_is_good_once_and_in_one_browser(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let token = token(&desk, PHONE).await;
        let path = format!("/w/{token}/code");
        let (mut hers, mut thief) = (Jar::default(), Jar::default());
        born(&desk, &token, &mut hers).await.is(303);
        let sent = code(&desk, PHONE).await;
        // Whoever reads the code off her screen has not the browser.
        desk.post(&path, &[("code", &sent)], &mut thief).await.is(422);
        let wrong = if sent == "000000" { "000001" } else { "000000" };
        let page = desk.post(&path, &[("code", wrong)], &mut hers).await.is(422).text;
        assert!(page.contains("4 more times"), "{page}");
        // With blanks, as it is read out; and from then on never again.
        let blanks = format!(" {} {}", &sent[..3], &sent[3..]);
        let before = hers.clone();
        desk.post(&path, &[("code", &blanks)], &mut hers).await.goes_to("/window");
        desk.post(&path, &[("code", &sent)], &mut before.clone()).await.is(422);
        // Five tries a code, and no more than ten minutes.
        born(&desk, &token, &mut thief).await.is(303);
        for _ in 0..5 {
            desk.post(&path, &[("code", "x")], &mut thief).await.is(422);
        }
        let right = code(&desk, PHONE).await;
        desk.post(&path, &[("code", &right)], &mut thief).await.is(422);
        born(&desk, &token, &mut thief).await.is(303);
        let right = code(&desk, PHONE).await;
        desk.pass(10 * 60);
        let late = desk.post(&path, &[("code", &right)], &mut thief).await.is(422).text;
        assert!(late.contains("no longer good"), "{late}");
        desk.clinic.is_proved().await;
    }

    async fn each_guess_at_the_window_is_on_the_log(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let token = token(&desk, PHONE).await;
        let mut jar = Jar::default();
        let wrong = [("month", "5"), ("day", "18"), ("year", "1980")];
        desk.post(&format!("/w/{token}"), &wrong, &mut jar).await.is(422);
        born(&desk, &token, &mut jar).await.is(303);
        let right = code(&desk, PHONE).await;
        let path = format!("/w/{token}/code");
        desk.post(&path, &[("code", "no code")], &mut jar).await.is(422);
        desk.post(&path, &[("code", &right)], &mut jar).await.goes_to("/window");
        let refused = entries(&desk, Kind::AccessRefused).await;
        let told: Vec<_> = refused.iter().map(|one| (&*one.actor.id, &*one.codes[0])).collect();
        assert_eq!(told, [("window", "birth_date"), ("window", "code")]);
        assert!(refused.iter().all(|one| one.patients == [ana] && one.object.is_some()));
        assert!(refused.iter().all(|one| one.outcome == Outcome::Refused));
        let began = entries(&desk, Kind::SessionChanged).await;
        let [began] = began.as_slice() else { panic!("{began:?}") };
        assert_eq!(began.codes, ["began", "code"]);
        assert_eq!(began.patients, [ana]);
        for one in refused.iter().chain([began]) {
            let said = String::from_utf8(one.to_bytes()).unwrap();
            assert!(!said.contains(&right) && !said.contains(&token), "{said}");
        }
        desk.clinic.is_proved().await;
    }

    async fn a_stay_is_new_short_and_ended_from_anywhere(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        // Two stays by one link have two tokens: none is taken over from the browser.
        let (mut one, mut two) = (come_in(&desk, PHONE).await, come_in(&desk, PHONE).await);
        assert_ne!(format!("{one:?}"), format!("{two:?}"));
        desk.get("/window", &mut one).await.is(200);
        let left = desk.post("/window/leave", &[], &mut one.clone()).await.is(200);
        assert!(left.headers.contains_key("clear-site-data"));
        desk.get("/window", &mut one).await.goes_to("/window/in");
        desk.get("/window", &mut two).await.is(200);
        desk.pass(15 * 60);
        desk.get("/window", &mut two).await.goes_to("/window/in");
        // Used all the time, it is over after an hour.
        let mut three = come_in(&desk, PHONE).await;
        for _ in 0..5 {
            desk.pass(10 * 60);
            desk.get("/window", &mut three).await.is(200);
        }
        desk.pass(10 * 60);
        desk.get("/window", &mut three).await.goes_to("/window/in");
        // A lost phone: every stay and every link.
        let (mut four, mut five) = (come_in(&desk, PHONE).await, come_in(&desk, PHONE).await);
        let link = token(&desk, PHONE).await;
        desk.get("/window/lost", &mut four).await.is(200);
        desk.post("/window/lost", &[], &mut four).await.is(200);
        desk.get("/window", &mut five).await.goes_to("/window/in");
        desk.get(&format!("/w/{link}"), &mut five).await.is(410);
        desk.clinic.is_proved().await;
    }

    async fn staff_cut_devices_off_and_neither_side_opens_the_other(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let mut hers = come_in(&desk, PHONE).await;
        let (id, _) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        let mut rosa = desk.let_in(id).await;
        desk.get("/window", &mut rosa).await.goes_to("/window/in");
        assert!(desk.get("/inbox", &mut hers).await.to().starts_with("/sign-in"));
        let page = desk.get(&format!("/people/{ana}"), &mut rosa).await.is(200).text;
        assert!(page.contains("Cut off their devices"), "{page}");
        desk.post(&format!("/people/{ana}/cut-off"), &[], &mut rosa).await.is(303);
        desk.get("/window", &mut hers).await.goes_to("/window/in");
        desk.clinic.is_proved().await;
    }
}
