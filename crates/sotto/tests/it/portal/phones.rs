//! Phones that are remembered: what they open, to whom, until when, and what strangers learn of them.

use gate::{ContactPointId, Origin, PatientId};
use serde_json::Value;
use sotto::access::roles::Role;
use sotto::audit::{Entry, Kind};
use sotto::db::{Tx, consent_event, contact_point};
use sotto::facts;
use sotto::http::router::router;
use sotto::http::{Doors, Pages};
use sotto::office::Office;
use sotto::portal::letters;
use sotto::{params, sql};

use super::inside::{acts_for, permit};
use super::tablet::{hand_over, nurse, open as on_a_tablet};
use super::{OTHER, PHONE, WORDS, born, code, come_in, letter, of_kind, token};
use crate::access::{Answer, Desk, Jar, ORIGIN, request, send};
use crate::authenticator::Authenticator;
use crate::clinic::staff;
use crate::on_both_engines;
use crate::people::pages::entries;

/// Where patients are.
const PORTAL: &str = "https://portal.harborview.example";
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 3600;

async fn ask(desk: &Desk, path: &str, jar: &mut Jar) -> Value {
    let asked = desk.post(&format!("{path}/ask"), &[], jar).await.is(200);
    serde_json::from_str(&asked.text).unwrap()
}

async fn tell(desk: &Desk, path: &str, (asked, said): (&Value, &Value), jar: &mut Jar) -> Answer {
    let said = said.to_string();
    let form = [("ceremony", asked["ceremony"].as_str().unwrap()), ("credential", &said)];
    desk.post(path, &form, jar).await
}

/// Remembers a phone from a stay that just began.
pub(super) async fn remember(desk: &Desk, jar: &mut Jar) -> Authenticator {
    let asked = ask(desk, "/window/phones", jar).await;
    let (phone, said) = Authenticator::make(&asked, PORTAL);
    tell(desk, "/window/phones", (&asked, &said), jar).await.goes_to("/window/phones?done=added");
    phone
}

/// Uses a phone at a way in.
pub(super) async fn use_phone(
    desk: &Desk,
    path: &str,
    phone: &mut Authenticator,
    jar: &mut Jar,
) -> Answer {
    let asked = ask(desk, path, jar).await;
    let said = phone.answer(&asked);
    tell(desk, path, (&asked, &said), jar).await
}

fn by(token: &str) -> String {
    format!("/w/{token}/passkey")
}

pub(super) const ALONE: &str = "/window/in/passkey";

/// Somebody with a letter, in by a code, whose phone is remembered.
async fn known(desk: &Desk, given: &str, number: &str) -> (PatientId, Jar, Authenticator) {
    let patient = desk.clinic.patient(given, "en", number).await;
    letter(desk, patient, WORDS).await;
    let mut jar = come_in(desk, number).await;
    let phone = remember(desk, &mut jar).await;
    (patient, jar, phone)
}

/// A notice to the address of whoever acts for a patient.
pub(super) async fn tell_them(desk: &Desk, patient: PatientId, to: ContactPointId) {
    let tell = move |tx: &mut Tx<'_>, office: &Office| {
        let subject = facts::subject(tx, office, patient).unwrap().unwrap();
        let whom = (to, Origin::Staff, staff());
        assert!(letters::tell(tx, office, subject, whom).unwrap().is_some());
    };
    desk.clinic.write(tell).await;
}

fn with<'a>(all: &'a [Entry], codes: &[&str]) -> Vec<&'a Entry> {
    let has = |entry: &&Entry| codes.iter().all(|code| entry.codes.iter().any(|one| one == code));
    all.iter().filter(has).collect()
}

/// Who was told that something changed, as far as the gate lets a mail go.
async fn told_of_a_change(desk: &Desk) -> Vec<PatientId> {
    let told = |tx: &mut Tx<'_>, office: &Office| {
        let all = sql!(
            "SELECT patient_id FROM message WHERE practice_id = $1 AND kind = 'consent_receipt'"
        );
        tx.query(all, params![office.practice()], |row| row.get(0)).unwrap()
    };
    desk.clinic.write(told).await
}

/// The ids in the list.
pub(super) async fn listed(desk: &Desk, jar: &mut Jar) -> Vec<String> {
    let page = desk.get("/window/phones", jar).await.is(200).text;
    let found = page.split("/window/phones/").skip(1);
    found.filter_map(|rest| rest.split_once("/forget\"")).map(|(id, _)| id.to_owned()).collect()
}

on_both_engines! {
    async fn a_remembered_phone_opens_the_next_link(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        // Offered in the first stay of a browser, and not again.
        for _ in 0..2 {
            let home = desk.get("/window", &mut jar).await.is(200).text;
            assert!(home.contains("Remember this phone?") && home.contains("passkey.js"), "{home}");
        }
        let first = token(&desk, PHONE).await;
        born(&desk, &first, &mut jar).await.is(303);
        let typed = code(&desk, PHONE).await;
        desk.post(&format!("/w/{first}/code"), &[("code", &typed)], &mut jar).await.goes_to("/window");
        let home = desk.get("/window", &mut jar).await.is(200).text;
        assert!(!home.contains("Remember this phone?") && home.contains("/window/phones"), "{home}");

        // What the phone is told says nothing of her.
        let asked = ask(&desk, "/window/phones", &mut jar).await;
        let user = &asked["options"]["publicKey"]["user"];
        for name in ["name", "displayName"] {
            let name = user[name].as_str().unwrap();
            assert!(name.starts_with("Harborview Family Health messages "), "{name}");
        }
        assert_eq!(asked["options"]["publicKey"]["rp"]["id"], "portal.harborview.example");
        assert!(!asked.to_string().contains("Ana"), "{asked}");
        let (mut phone, said) = Authenticator::make(&asked, PORTAL);
        assert_ne!(phone.handle, ana.0.as_bytes());
        assert_eq!(phone.handle.len(), 16);
        let to = "/window/phones?done=added";
        let agent = tell(&desk, "/window/phones", (&asked, &said), &mut jar).await;
        agent.goes_to(to);
        let page = desk.get(to, &mut jar).await.is(200).text;
        assert!(page.contains("This phone is remembered.") && page.contains("Not used yet"), "{page}");
        // She is told of it, as far as the gate lets a mail go.
        assert_eq!(told_of_a_change(&desk).await, [ana]);

        let codes = of_kind(&desk, PHONE, "id_code").await.len();
        desk.pass(DAY);
        letter(&desk, ana, WORDS).await;
        let link = token(&desk, PHONE).await;
        assert_ne!(link, first);
        let mut new = Jar::default();
        let landing = desk.get(&format!("/w/{link}"), &mut new).await.is(200).text;
        assert!(landing.contains("Use this phone") && landing.contains("hidden>"), "{landing}");
        use_phone(&desk, &by(&link), &mut phone, &mut new).await.goes_to("/window");
        let home = desk.get("/window", &mut new).await.is(200).text;
        assert!(home.contains("/window/letters/") && !home.contains("Remember this phone?"), "{home}");
        let page = desk.get("/window/phones", &mut new).await.is(200).text;
        assert!(page.contains("(this one)") && page.contains("Last used"), "{page}");
        assert_eq!(of_kind(&desk, PHONE, "id_code").await.len(), codes, "no code was needed");
        let began = entries(&desk, Kind::SessionChanged).await;
        assert_eq!(with(&began, &["began", "passkey"]).len(), 1);
        assert_eq!(with(&began, &["began", "code"]).len(), 2);

        // What she signs in it says how she proved who she is.
        let id = desk.clinic.write(move |tx, office| {
            contact_point::of_patient(tx, office.practice(), ana).unwrap()[0].id
        }).await;
        let form = [("act", "agree"), ("detail", "yes"), ("read", "yes"), ("about-medication", "yes"), ("signed", "Ana Example")];
        desk.post(&format!("/window/choices/places/{id}/sms"), &form, &mut new).await.is(303);
        let evidence = desk.clinic.write(move |tx, office| {
            consent_event::of_patient(tx, office.practice(), ana).unwrap().pop().unwrap().evidence
        }).await;
        let evidence = evidence.unwrap();
        let passkey = listed(&desk, &mut new).await.remove(0);
        assert!(evidence.ends_with(&format!(", proved by passkey {passkey}")), "{evidence}");
        desk.clinic.is_proved().await;
    }

    async fn a_stranger_learns_nothing_and_another_s_phone_counts_as_a_wrong_date(db: TestDb) {
        let desk = Desk::open(db).await;
        let (_, _, mut hers) = known(&desk, "Ana", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ben, WORDS).await;
        let (with_one, without) = (token(&desk, PHONE).await, token(&desk, OTHER).await);
        // The page and the question are the same for who has a phone and for who has none.
        let (mut pages, mut questions) = (Vec::new(), Vec::new());
        for token in [&with_one, &without] {
            let page = desk.get(&format!("/w/{token}"), &mut Jar::default()).await.is(200).text;
            pages.push(page.replace(token.as_str(), "…"));
            let mut asked = ask(&desk, &by(token), &mut Jar::default()).await["options"].clone();
            asked["publicKey"]["challenge"] = Value::Null;
            assert_eq!(asked["publicKey"]["allowCredentials"], serde_json::json!([]));
            questions.push(asked);
        }
        assert_eq!(pages[0], pages[1]);
        assert_eq!(questions[0], questions[1]);
        desk.post(&format!("{}/ask", by(&"1".repeat(22))), &[], &mut Jar::default()).await.is(410);

        // Ana's phone at Ben's link, and garbage at Ana's: one answer, and five of them.
        let mut jar = Jar::default();
        let mut answers = Vec::new();
        for left in (1..5).rev() {
            let page = use_phone(&desk, &by(&without), &mut hers, &mut jar).await.is(422).text;
            let says = if left == 1 { "try once more".into() } else { format!("try {left} more") };
            assert!(page.contains("That doesn’t open this link") && page.contains(&says), "{page}");
            answers.push(page.replace(&without, "…"));
        }
        let asked = ask(&desk, &by(&with_one), &mut jar).await;
        let garbage = tell(&desk, &by(&with_one), (&asked, &Value::Null), &mut jar).await.is(422);
        assert_eq!(garbage.text.replace(&with_one, "…"), answers[0]);
        let last = use_phone(&desk, &by(&without), &mut hers, &mut jar).await.is(429).text;
        assert!(last.contains("last try"), "{last}");
        desk.get(&format!("/w/{without}"), &mut jar).await.is(410);
        desk.get("/window", &mut jar).await.goes_to("/window/in");
        let refused = entries(&desk, Kind::AccessRefused).await;
        assert_eq!(with(&refused, &["passkey", "of_another"]).len(), 5);
        // At her own link it still fits.
        use_phone(&desk, &by(&with_one), &mut hers, &mut jar).await.goes_to("/window");
        desk.clinic.is_proved().await;
    }

    async fn a_question_is_answered_once_in_one_browser_in_time_and_truly(db: TestDb) {
        let desk = Desk::open(db).await;
        let (ana, _, mut phone) = known(&desk, "Ana", PHONE).await;
        let first = token(&desk, PHONE).await;
        desk.pass(DAY);
        letter(&desk, ana, WORDS).await;
        let second = token(&desk, PHONE).await;
        let path = by(&second);
        // Once: what was sent is no key to anything.
        let mut jar = Jar::default();
        let asked = ask(&desk, &path, &mut jar).await;
        let before = jar.clone();
        let said = phone.answer(&asked);
        tell(&desk, &path, (&asked, &said), &mut jar).await.goes_to("/window");
        tell(&desk, &path, (&asked, &said), &mut before.clone()).await.is(422);
        // In the browser that asked, at the link it asked with, and with the kind of question it was.
        let asked = ask(&desk, &path, &mut jar).await;
        let said = phone.answer(&asked);
        tell(&desk, &path, (&asked, &said), &mut Jar::default()).await.is(422);
        let asked = ask(&desk, &by(&first), &mut jar).await;
        let said = phone.answer(&asked);
        tell(&desk, &path, (&asked, &said), &mut jar).await.is(422);
        let asked = ask(&desk, ALONE, &mut jar).await;
        let said = phone.answer(&asked);
        tell(&desk, &path, (&asked, &said), &mut jar).await.is(422);
        // A right one lets the link's count begin anew.
        use_phone(&desk, &path, &mut phone, &mut jar).await.goes_to("/window");
        // In five minutes.
        let asked = ask(&desk, &path, &mut jar).await;
        let said = phone.answer(&asked);
        desk.pass(5 * MINUTE + 1);
        tell(&desk, &path, (&asked, &said), &mut jar).await.is(422);
        // For a page of ours, by whoever the phone obeys, and by no copy of it.
        phone.origin = "https://portal.harborview.example.evil.example".to_owned();
        use_phone(&desk, &path, &mut phone, &mut jar).await.is(422);
        phone.origin = PORTAL.to_owned();
        phone.verifies = false;
        use_phone(&desk, &path, &mut phone, &mut jar).await.is(422);
        phone.verifies = true;
        use_phone(&desk, &path, &mut phone, &mut jar).await.goes_to("/window");
        phone.counter -= 2;
        use_phone(&desk, &path, &mut phone, &mut jar).await.is(422);
        let refused = entries(&desk, Kind::AccessRefused).await;
        assert_eq!(with(&refused, &["passkey", "counter_back"]).len(), 1);
        // A stay that was there before is over: none is taken over.
        phone.counter += 5;
        let mut earlier = jar.clone();
        desk.get("/window", &mut earlier).await.is(200);
        use_phone(&desk, &path, &mut phone, &mut jar).await.goes_to("/window");
        desk.get("/window", &mut earlier).await.goes_to("/window/in");
        desk.get("/window", &mut jar).await.is(200);
        desk.clinic.is_proved().await;
    }

    async fn whoever_acts_for_a_patient_has_a_phone_of_their_own(db: TestDb) {
        let desk = Desk::open(db).await;
        let (ana, _, mut hers) = known(&desk, "Ana", PHONE).await;
        let (friend, to) = acts_for(&desk, (ana, OTHER), "appointments", true).await;
        tell_them(&desk, ana, to).await;
        let mut jar = come_in(&desk, OTHER).await;
        assert!(listed(&desk, &mut jar).await.is_empty(), "the patient's phones are the patient's");
        assert_eq!(told_of_a_change(&desk).await, [ana], "of her own phone");
        let mut theirs = remember(&desk, &mut jar).await;
        assert_ne!(hers.handle, theirs.handle);
        assert_eq!(told_of_a_change(&desk).await, [ana, ana], "she is told of theirs too");
        assert_eq!(listed(&desk, &mut jar).await.len(), 1);
        // Neither is the other at a link.
        let (to_her, to_them) = (token(&desk, PHONE).await, token(&desk, OTHER).await);
        let mut jar = Jar::default();
        use_phone(&desk, &by(&to_her), &mut theirs, &mut jar).await.is(422);
        use_phone(&desk, &by(&to_them), &mut hers, &mut jar).await.is(422);
        use_phone(&desk, &by(&to_them), &mut theirs, &mut jar).await.goes_to("/window");
        let home = desk.get("/window", &mut jar).await.is(200).text;
        assert!(home.contains("Your visits") && !home.contains("/window/letters/"), "{home}");
        desk.get("/window/choices", &mut jar).await.is(404);
        // On the log they are themselves.
        let used = entries(&desk, Kind::CredentialChanged).await;
        let used = with(&used, &["used", "passkey"]);
        assert_eq!(used.len(), 1);
        assert_eq!(used[0].actor.id, friend.to_string());
        assert_eq!(used[0].patients, [ana]);
        // With the permission both ways end, and the stay.
        permit(&desk, friend, ana, "none").await;
        desk.get("/window", &mut jar).await.goes_to("/window/in");
        use_phone(&desk, &by(&to_them), &mut theirs, &mut jar).await.is(410);
        use_phone(&desk, ALONE, &mut theirs, &mut jar).await.is(422);
        use_phone(&desk, ALONE, &mut hers, &mut jar).await.goes_to("/window");
        desk.clinic.is_proved().await;
    }

    async fn a_phone_is_forgotten_by_hand_when_it_is_lost_and_after_a_year(db: TestDb) {
        let desk = Desk::open(db).await;
        let (ana, mut jar, mut one) = known(&desk, "Ana", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ben, WORDS).await;
        let mut his = come_in(&desk, OTHER).await;
        let link = token(&desk, PHONE).await;
        // Nobody else's can be removed; one's own ends the stay that it began.
        let id = listed(&desk, &mut jar).await.remove(0);
        let path = format!("/window/phones/{id}/forget");
        desk.post(&path, &[], &mut his).await.is(404);
        let mut with_it = Jar::default();
        use_phone(&desk, &by(&link), &mut one, &mut with_it).await.goes_to("/window");
        desk.post(&path, &[], &mut jar).await.goes_to("/window/phones?done=removed");
        desk.post(&path, &[], &mut jar).await.is(404);
        desk.get("/window", &mut with_it).await.goes_to("/window/in");
        desk.get("/window", &mut jar).await.is(200);
        use_phone(&desk, &by(&link), &mut one, &mut with_it).await.is(422);
        use_phone(&desk, ALONE, &mut one, &mut with_it).await.is(422);
        // The next one is the same holder's to the phone, so that it takes the place of the first.
        let mut two = remember(&desk, &mut jar).await;
        assert_eq!(one.handle, two.handle);
        use_phone(&desk, ALONE, &mut two, &mut with_it).await.goes_to("/window");
        // Lost: all of them, by the patient or by staff.
        desk.post("/window/lost", &[], &mut with_it).await.is(200);
        desk.get("/window", &mut jar).await.goes_to("/window/in");
        use_phone(&desk, ALONE, &mut two, &mut jar).await.is(422);
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        let mut three = remember(&desk, &mut jar).await;
        let (who, _) = desk.invite("rosa@harborview.example", &[Role::FrontDesk]).await;
        let mut rosa = desk.let_in(who).await;
        desk.post(&format!("/people/{ana}/cut-off"), &[], &mut rosa).await.is(303);
        use_phone(&desk, ALONE, &mut three, &mut jar).await.is(422);
        let changed = entries(&desk, Kind::CredentialChanged).await;
        assert_eq!(with(&changed, &["passkey_removed", "cut_off"]).len(), 2);
        assert_eq!(with(&changed, &["passkey_removed", "removed"]).len(), 1);
        // Used now and then it stays; a year without use ends it.
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        let mut four = remember(&desk, &mut jar).await;
        desk.pass(300 * DAY);
        use_phone(&desk, ALONE, &mut four, &mut jar).await.goes_to("/window");
        desk.pass(364 * DAY);
        use_phone(&desk, ALONE, &mut four, &mut jar).await.goes_to("/window");
        desk.pass(365 * DAY);
        let late = use_phone(&desk, ALONE, &mut four, &mut jar).await.is(422).text;
        assert!(late.contains("We don’t remember this phone") && late.contains("Send me a link"), "{late}");
        desk.clinic.is_proved().await;
    }

    async fn a_phone_is_added_soon_after_the_proof_and_never_on_a_tablet(db: TestDb) {
        let desk = Desk::open(db).await;
        let (ana, mut jar, _) = known(&desk, "Ana", PHONE).await;
        let asked = ask(&desk, "/window/phones", &mut jar).await;
        let (_, said) = Authenticator::make(&asked, PORTAL);
        // Not with a proof of somebody else's stay, and once.
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(&desk, ben, WORDS).await;
        let mut his = come_in(&desk, OTHER).await;
        tell(&desk, "/window/phones", (&asked, &said), &mut his).await.is(422);
        tell(&desk, "/window/phones", (&asked, &said), &mut jar).await.is(422);
        assert_eq!(listed(&desk, &mut jar).await.len(), 1);
        assert!(listed(&desk, &mut his).await.is_empty());
        // One made for another page is none.
        let asked = ask(&desk, "/window/phones", &mut jar).await;
        let (_, said) = Authenticator::make(&asked, ORIGIN);
        tell(&desk, "/window/phones", (&asked, &said), &mut jar).await.is(422);
        for _ in 0..3 {
            desk.pass(5 * MINUTE);
            desk.get("/window", &mut jar).await.is(200);
        }
        let page = desk.get("/window/phones", &mut jar).await.is(200).text;
        assert!(page.contains("first 15 minutes") && !page.contains("data-passkey"), "{page}");
        desk.post("/window/phones/ask", &[], &mut jar).await.is(422);
        let (_, mut ines) = nurse(&desk).await;
        let handed = hand_over(&desk, ana, &mut ines).await;
        let mut tablet = Jar::default();
        on_a_tablet(&desk, &handed, &mut tablet).await.goes_to("/window");
        desk.get("/window/phones", &mut tablet).await.is(404);
        desk.post("/window/phones/ask", &[], &mut tablet).await.is(404);
        assert!(!desk.get("/window", &mut tablet).await.is(200).text.contains("Remember"));
        desk.clinic.is_proved().await;
    }

    async fn where_desk_and_window_have_one_name_neither_key_opens_the_other(db: TestDb) {
        let desk = Desk::open(db).await;
        let origin: url::Url = ORIGIN.parse().unwrap();
        let pages = Pages { origin: Some(origin.clone()), window: Some(origin), ..Pages::default() };
        let (db, office) = (desk.clinic.db.db.clone(), desk.clinic.office.clone());
        let router = router(Doors::with_pages(db, office, None, pages));
        let at = async |path: &str, form: &[(&str, &str)], jar: &mut Jar| {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            send(router.clone(), request(axum::http::Method::POST, path, jar, &body), jar).await
        };
        let asks = async |path: &str, jar: &mut Jar| -> Value {
            serde_json::from_str(&at(&format!("{path}/ask"), &[], jar).await.is(200).text).unwrap()
        };
        let tells = async |path: &str, asked: &Value, said: &Value, jar: &mut Jar| {
            let said = said.to_string();
            at(path, &[("ceremony", asked["ceremony"].as_str().unwrap()), ("credential", &said)], jar).await
        };
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        letter(&desk, ana, WORDS).await;
        let mut jar = come_in(&desk, PHONE).await;
        let asked = asks("/window/phones", &mut jar).await;
        let (mut hers, said) = Authenticator::make(&asked, ORIGIN);
        tells("/window/phones", &asked, &said, &mut jar).await.is(303);
        let (_, link) = desk.invite("rosa@harborview.example", &[Role::Administrator]).await;
        let mut rosa = Jar::default();
        let path = format!("/invite/{link}/passkey");
        let asked = asks(&path, &mut rosa).await;
        let (mut staff, said) = Authenticator::make(&asked, ORIGIN);
        tells(&path, &asked, &said, &mut rosa).await.is(200);

        for path in ["/sign-in/passkey", ALONE] {
            let (right, wrong) =
                if path == ALONE { (&mut hers, &mut staff) } else { (&mut staff, &mut hers) };
            let mut jar = Jar::default();
            let asked = asks(path, &mut jar).await;
            let said = wrong.answer(&asked);
            tells(path, &asked, &said, &mut jar).await.is(422);
            let asked = asks(path, &mut jar).await;
            let said = right.answer(&asked);
            tells(path, &asked, &said, &mut jar).await.is(303);
        }
        // Nor is a question of the one an answer at the other.
        let mut jar = Jar::default();
        let asked = asks("/sign-in/passkey", &mut jar).await;
        let said = hers.answer(&asked);
        tells(ALONE, &asked, &said, &mut jar).await.is(422);
        desk.clinic.is_proved().await;
    }
}
