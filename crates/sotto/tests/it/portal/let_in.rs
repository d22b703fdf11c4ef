//! What let somebody in when a backup was made opens nothing once it is put back: it may have been
//! ended since, and the backup does not know.

use jiff::SignedDuration;
use seal::RootKey;
use sotto::access::roles::Role;
use sotto::access::tokens::{self, NewToken, Scope};
use sotto::audit::{Actor, Kind};

use super::phones::{ALONE, remember, use_phone};
use super::restored::Safe;
use super::tablet::{hand_over, nurse, open as on_a_tablet};
use super::{OTHER, PHONE, WORDS, born, come_in, letter, of_kind, token};
use crate::access::{Desk, Jar};
use crate::on_both_engines;
use crate::people::pages::entries;

on_both_engines! {
    async fn what_let_somebody_in_is_over_once_a_backup_is_put_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        // Staff: a session, an invitation, and a password that is known again afterwards.
        let mut rosa_jar = Jar::default();
        let rosa = desk.hire("rosa@harborview.example", &[Role::Nurse], &mut rosa_jar).await;
        let (_, mut ines) = nurse(&desk).await;
        let (_, invitation) = desk.invite("new@harborview.example", &[Role::Nurse]).await;
        desk.get("/inbox", &mut rosa_jar).await.is(200);
        let form = NewToken { name: "EHR".into(), scopes: vec![Scope::MessagesWrite], days: 30 };
        let secret = desk.clinic.write(move |tx, office| {
            tokens::create(tx, office, &form, Actor::operator()).unwrap().1.reveal().to_owned()
        }).await;
        // A patient: a stay, a remembered phone, a link in her hands, and a tablet.
        letter(&desk, ana, WORDS).await;
        let mut hers = come_in(&desk, PHONE).await;
        let mut phone = remember(&desk, &mut hers).await;
        letter(&desk, ana, WORDS).await;
        let link = token(&desk, PHONE).await;
        let mut tablet = Jar::default();
        let given = hand_over(&desk, ben, &mut ines).await;
        on_a_tablet(&desk, &given, &mut tablet).await.goes_to("/window");
        let code = hand_over(&desk, ben, &mut ines).await;
        let safe = Safe::new();
        let (data, _) = safe.back_up(&desk).await;

        desk.clinic.db.clock.advance(SignedDuration::from_secs(60));
        let root = RootKey::from_text(&desk.clinic.root.to_text()).unwrap();
        let (back, restored) = safe.put_back(&desk, &data, (&desk.clinic.keys, root)).await;
        let ended = &restored.ended;
        assert_eq!((ended.stays, ended.phones), (1, 1), "{ended:?}");
        assert!(ended.links >= 2 && ended.sessions >= 2 && ended.invitations >= 1, "{ended:?}");
        assert!(ended.tablets >= 1, "{ended:?}");
        let names: Vec<&str> = ended.tokens.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["EHR"]);
        let may: Vec<&str> = ended.may_sign_in.iter().map(|one| one.email.as_str()).collect();
        assert_eq!(may, ["rosa@harborview.example"], "who can prove themselves is named");

        // Nothing of it opens any more.
        back.get("/inbox", &mut rosa_jar).await.is(303);
        back.get("/inbox", &mut ines).await.is(303);
        back.get(&format!("/invite/{invitation}"), &mut Jar::default()).await.is(410);
        let digest = tokens::digest_of(&secret);
        let good = move |tx: &mut sotto::db::Tx<'_>, office: &sotto::office::Office| {
            tokens::verify(tx, office, &digest).unwrap().is_some()
        };
        assert!(desk.clinic.write(good).await, "it opened before");
        assert!(!back.clinic.write(good).await);
        back.get("/window", &mut hers).await.goes_to("/window/in");
        let refused = use_phone(&back, ALONE, &mut phone, &mut Jar::default()).await.is(422).text;
        assert!(refused.contains("remember this phone"), "{refused}");
        back.get("/window/choices", &mut tablet).await.is(303);
        on_a_tablet(&back, &code, &mut Jar::default()).await.is(422);
        // A link says kindly that it is over, and a new one goes where it went.
        let page = back.get(&format!("/w/{link}"), &mut Jar::default()).await.is(410).text;
        assert!(page.contains("What we wrote is not lost") && page.contains("Send me a new link"));
        born(&back, &link, &mut Jar::default()).await.is(410);
        let before = of_kind(&back, PHONE, "secure_message_notice").await.len();
        back.post(&format!("/w/{link}/again"), &[], &mut Jar::default()).await.is(200);
        let mut there = before;
        while there == before {
            tokio::task::yield_now().await;
            there = of_kind(&back, PHONE, "secure_message_notice").await.len();
        }
        come_in(&back, PHONE).await;
        // Whoever works here signs in anew.
        back.sign_in(&rosa, &mut rosa_jar).await.is(303);
        back.get("/inbox", &mut rosa_jar).await.is(200);

        // One entry says so and binds every row; the log holds.
        let all = entries(&back, Kind::BackupRestored).await;
        assert_eq!(all.len(), 1);
        for table in ["session", "invite", "api_token", "window_session", "kiosk", "window_link", "window_passkey"] {
            assert!(all[0].records.iter().any(|bound| bound.0 == table), "{table}");
        }
        back.clinic.is_proved().await;
    }
}
