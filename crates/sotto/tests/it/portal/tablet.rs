//! A consent in the patient's own hands: a form sent to their phone, and a tablet of the practice's.

use gate::{ContactPointId, PatientId};
use sotto::access::roles::Role;
use sotto::audit::event::ActorKind;
use sotto::audit::{Entry, Kind};
use sotto::db::consent_event::{self, ConsentMethod};
use sotto::db::contact_point;
use sotto::ids::StaffId;
use sotto::portal::kiosk;

use super::{OTHER, PHONE, WORDS, born, code, letter, of_kind, token, token_in};
use crate::access::{Answer, Desk, Jar};
use crate::on_both_engines;
use crate::people::pages::entries;

async fn number(desk: &Desk, patient: PatientId) -> ContactPointId {
    desk.clinic
        .write(move |tx, office| {
            contact_point::of_patient(tx, office.practice(), patient).unwrap()[0].id
        })
        .await
}

pub(super) async fn nurse(desk: &Desk) -> (StaffId, Jar) {
    let (id, _) = desk.invite("ines@harborview.example", &[Role::Nurse]).await;
    (id, desk.let_in(id).await)
}

/// Comes in by the newest link; the answer says where it leads.
async fn enter(desk: &Desk, token: &str) -> (Answer, Jar) {
    let mut jar = Jar::default();
    born(desk, token, &mut jar).await.goes_to(&format!("/w/{token}/code"));
    let code = code(desk, PHONE).await;
    let answer = desk.post(&format!("/w/{token}/code"), &[("code", &code)], &mut jar).await;
    (answer, jar)
}

/// A tablet for a patient: the code on the page.
pub(super) async fn hand_over(desk: &Desk, patient: PatientId, staff: &mut Jar) -> String {
    let form = [("checked", "photo_id")];
    let page = desk.post(&format!("/people/{patient}/tablet"), &form, staff).await.is(200).text;
    let (_, rest) = page.split_once("tablet-code\"><code>").expect(&page);
    rest.split('<').next().unwrap().to_owned()
}

pub(super) async fn open(desk: &Desk, code: &str, jar: &mut Jar) -> Answer {
    desk.post("/window/tablet", &[("code", code)], jar).await
}

fn says<'a>(entries: &'a [Entry], code: &str) -> Vec<&'a Entry> {
    entries.iter().filter(|entry| entry.codes.iter().any(|one| one == code)).collect()
}

on_both_engines! {
    async fn a_form_that_is_sent_is_what_the_link_leads_to(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        let (_, mut ines) = nurse(&desk).await;
        let (hers, his) = (number(&desk, ana).await, number(&desk, ben).await);
        let path = format!("/people/{ana}/consent-form");
        for wrong in [format!("sms {his}"), format!("email {hers}"), "portal".to_owned()] {
            let page = desk.post(&path, &[("address", &wrong)], &mut ines).await.is(422).text;
            assert!(page.contains("Choose one of the addresses"), "{wrong}");
        }
        assert!(of_kind(&desk, PHONE, "secure_message_notice").await.is_empty());
        let form = format!("voicemail {hers}");
        let sent = desk.post(&path, &[("address", &form)], &mut ines).await.is(303);
        assert!(sent.to().contains("done=form"));
        let notices = of_kind(&desk, PHONE, "secure_message_notice").await;
        let [notice] = notices.as_slice() else { panic!("{notices:?}") };
        assert!(!notice.body.contains("consent") && !notice.body.contains("Ana"), "{}", notice.body);

        let to = format!("/window/choices/places/{hers}/voicemail");
        let first = token_in(&notice.body);
        let (answer, mut jar) = enter(&desk, &first).await;
        answer.goes_to(&to);
        assert!(desk.get(&to, &mut jar).await.is(200).text.contains("Voicemail at"));
        // A new link leads to the same form.
        desk.post(&format!("/w/{first}/again"), &[], &mut Jar::default()).await.is(200);
        let again = loop {
            let newest = token(&desk, PHONE).await;
            if newest != first {
                break newest;
            }
            tokio::task::yield_now().await;
        };
        enter(&desk, &again).await.0.goes_to(&to);
        // A link of an ordinary message still leads to the messages.
        letter(&desk, ana, WORDS).await;
        enter(&desk, &token(&desk, PHONE).await).await.0.goes_to("/window");
        desk.clinic.is_proved().await;
    }

    async fn a_tablet_knows_one_patient_and_none_of_their_messages(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let hers = letter(&desk, ana, WORDS).await;
        let (id, mut ines) = nurse(&desk).await;
        let unsaid = desk.post(&format!("/people/{ana}/tablet"), &[], &mut ines).await.is(422).text;
        assert!(unsaid.contains("Say how you know who it is"), "{unsaid}");
        let code = hand_over(&desk, ana, &mut ines).await;
        // Not in a browser where somebody of the staff is signed in; the code stays good.
        let page = open(&desk, &code, &mut ines.clone()).await.is(409).text;
        assert!(page.contains("Sign out first"), "{page}");
        let mut tablet = Jar::default();
        open(&desk, "AAAA BBBB", &mut tablet).await.is(422);
        open(&desk, &code.to_lowercase(), &mut tablet).await.goes_to("/window");
        open(&desk, &code, &mut Jar::default()).await.is(422);

        let home = desk.get("/window", &mut tablet).await.is(200).text;
        assert!(home.contains("/window/choices") && !home.contains("/window/letters"), "{home}");
        for closed in [
            format!("/window/letters/{hers}"),
            "/window/write".to_owned(),
            "/window/lost".to_owned(),
        ] {
            desk.get(&closed, &mut tablet).await.is(404);
        }
        desk.post("/window/lost", &[], &mut tablet).await.is(404);

        // She signs on it: the record says how, and who handed it over.
        let place = format!("/window/choices/places/{}/sms", number(&desk, ana).await);
        let form = [
            ("act", "agree"),
            ("detail", "yes"),
            ("read", "yes"),
            ("about-medication", "yes"),
            ("signed", "Ana Example"),
        ];
        let receipt = desk.post(&place, &form, &mut tablet).await.is(303).to().to_owned();
        desk.get(&receipt, &mut tablet).await.is(200);
        let given = desk
            .clinic
            .write(move |tx, office| {
                consent_event::of_patient(tx, office.practice(), ana).unwrap().pop().unwrap()
            })
            .await;
        assert_eq!(given.method, ConsentMethod::Form);
        assert_eq!(given.witness, Some(format!("staff:{id}")));
        let sessions = entries(&desk, Kind::SessionChanged).await;
        let [handed] = says(&sessions, "handed_over")[..] else { panic!("{sessions:?}") };
        assert_eq!(handed.actor.id, id.to_string());
        assert!(handed.patients == [ana] && handed.codes.iter().any(|one| one == "photo_id"));
        assert!(handed.codes.iter().any(|one| one == "nurse.care"), "by which policy");
        let consents = entries(&desk, Kind::ConsentGiven).await;
        let signed = consents.iter().find(|entry| entry.actor.kind == ActorKind::Patient).unwrap();
        let stay = &handed.object.as_ref().unwrap().id;
        assert_eq!(signed.actor.session.as_deref(), Some(&*format!("tablet {stay}")));

        // When they are done the tablet knows nothing.
        desk.post("/window/leave", &[], &mut tablet).await.goes_to("/window/tablet/over");
        let left = desk.get("/window/tablet/over", &mut tablet).await.is(200);
        let clear = left.headers["clear-site-data"].to_str().unwrap();
        assert!(clear.contains("cookies") && clear.contains("storage") && clear.contains("cache"));
        assert!(left.text.contains("Nothing of yours stays"));
        desk.get("/window", &mut tablet).await.goes_to("/window/in");
        // Whoever follows that address elsewhere loses nothing by it.
        let elsewhere = desk.get("/window/tablet/over", &mut ines).await.goes_to("/window/tablet");
        assert!(!elsewhere.headers.contains_key("clear-site-data"));
        desk.clinic.is_proved().await;
    }

    async fn a_tablet_forgets_by_itself(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let (id, _) = nurse(&desk).await;
        let over = "/window/tablet/over";
        // A code that nobody types.
        let late = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        desk.pass(5 * 60);
        open(&desk, &late, &mut Jar::default()).await.is(422);
        // Two minutes without a touch; a touch puts it off.
        let mut jar = Jar::default();
        let code = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        open(&desk, &code, &mut jar).await.goes_to("/window");
        desk.pass(100);
        desk.post("/window/here", &[], &mut jar).await.is(204);
        desk.pass(100);
        desk.get("/window", &mut jar).await.is(200);
        desk.pass(120);
        desk.get("/window", &mut jar).await.goes_to(over);
        desk.get(over, &mut jar).await.is(200);
        // Ten minutes in all, however busy.
        let code = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        open(&desk, &code, &mut jar).await.goes_to("/window");
        for _ in 0..5 {
            desk.pass(110);
            desk.get("/window", &mut jar).await.is(200);
        }
        desk.pass(50);
        desk.get("/window/choices", &mut jar).await.goes_to(over);
        desk.get(over, &mut jar).await.is(200);
        // Handed over anew, the first is over; and with a lost phone every one is.
        let first = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        let second = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        open(&desk, &first, &mut jar).await.is(422);
        open(&desk, &second, &mut jar).await.goes_to("/window");
        let cut = format!("/people/{ana}/cut-off");
        desk.post(&cut, &[], &mut desk.let_in(id).await).await.is(303);
        desk.get("/window", &mut jar).await.goes_to(over);
        let all = entries(&desk, Kind::SessionChanged).await;
        for why in ["idle", "over", "replaced", "cut_off"] {
            assert!(!says(&all, why).is_empty(), "{why}");
        }
        desk.clinic.is_proved().await;
    }

    async fn a_tablet_that_nobody_comes_back_with_is_written_down_by_the_minute(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let (id, _) = nurse(&desk).await;
        let look = async || kiosk::look(&desk.clinic.db, &desk.clinic.office).await.unwrap();
        let why = async |word| {
            let all = entries(&desk, Kind::SessionChanged).await;
            let said = says(&all, word).into_iter().filter(|one| {
                one.codes.iter().any(|code| code == "ended") && one.actor.kind == ActorKind::Service
            });
            said.map(|one| one.patients.clone()).collect::<Vec<_>>()
        };
        // A code that nobody types.
        hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        desk.pass(5 * 60 - 1);
        assert_eq!(look().await, 0);
        desk.pass(1);
        assert_eq!((look().await, look().await), (1, 0));
        assert_eq!(why("over").await, [[ana]]);
        // A tablet that lies there; touched, it is not over.
        let mut jar = Jar::default();
        let code = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        open(&desk, &code, &mut jar).await.goes_to("/window");
        desk.pass(100);
        desk.post("/window/here", &[], &mut jar).await.is(204);
        desk.pass(119);
        assert_eq!(look().await, 0);
        desk.pass(1);
        assert_eq!((look().await, look().await), (1, 0));
        assert_eq!(why("idle").await, [[ana]]);
        // Whoever comes back with it finds it over, and nothing is written twice.
        let before = entries(&desk, Kind::SessionChanged).await.len();
        desk.get("/window", &mut jar).await.goes_to("/window/tablet/over");
        desk.get("/window/tablet/over", &mut jar).await.is(200);
        assert_eq!(entries(&desk, Kind::SessionChanged).await.len(), before);
        // Ten minutes in all, however busy.
        let code = hand_over(&desk, ana, &mut desk.let_in(id).await).await;
        open(&desk, &code, &mut jar).await.goes_to("/window");
        for _ in 0..6 {
            desk.pass(95);
            desk.post("/window/here", &[], &mut jar).await.is(204);
        }
        assert_eq!(look().await, 0);
        desk.pass(30);
        assert_eq!((look().await, why("over").await.len()), (1, 2));
        desk.clinic.is_proved().await;
    }
}
