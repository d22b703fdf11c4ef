//! Versions of templates in the database.

use gate::{Channel, Kind, Language, PracticeId};
use sotto::audit::{self, Actor, Event};
use sotto::compose::template::Key;
use sotto::compose::{Templates, Variant, store};
use sotto::db::DbError;
use sotto::{params, sql};

use crate::clinic::Clinic;
use crate::on_both_engines;

const OWN: &str = r#"
kind = "help"
author = "R. Alvarez"
approved_by = "T. Osei"
[[text]]
channel = "sms"
language = "en"
body = "{practice}: texts about visits. Call {phone}. STOP ends texts."
"#;

const HELP: Key = Key {
    kind: Kind::Help,
    variant: Variant::Plain,
    channel: Channel::Sms,
    language: Language::English,
};

async fn record(clinic: &Clinic, templates: Templates) -> (Templates, usize) {
    clinic
        .write(move |tx, office| {
            let practice: PracticeId = office.practice();
            let recorded = templates.record(tx, practice, office.clock().now()).unwrap();
            if recorded.1 > 0 {
                let event = Event::new(audit::Kind::TemplatesChanged, Actor::operator());
                audit::append(tx, office, event).unwrap();
            }
            recorded
        })
        .await
}

on_both_engines! {
    async fn each_change_is_a_version_and_every_version_stays(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let unique = sotto::clock::Clock::system().new_id();
        let folder = std::env::temp_dir().join(format!("sotto-templates-{unique}"));
        std::fs::create_dir_all(&folder).unwrap();
        let builtin = Templates::builtin().unwrap();
        // The clinic recorded the built-in ones when it opened.
        let (again, new) = record(&clinic, builtin.clone()).await;
        assert_eq!(new, 0);
        assert_eq!(again.find(HELP).unwrap().version, 1);
        std::fs::write(folder.join("help.toml"), OWN).unwrap();
        let (own, new) = record(&clinic, Templates::load(&folder).unwrap()).await;
        assert_eq!((new, own.find(HELP).unwrap().version), (1, 2));
        std::fs::write(folder.join("help.toml"), OWN.replace("Call", "Phone")).unwrap();
        let (own, new) = record(&clinic, Templates::load(&folder).unwrap()).await;
        assert_eq!((new, own.find(HELP).unwrap().version), (1, 3));
        // Back to the first: its version again, and not a fourth.
        let (back, new) = record(&clinic, builtin).await;
        assert_eq!((new, back.find(HELP).unwrap().version), (0, 1));
        std::fs::remove_dir_all(&folder).unwrap();
        let bodies: Vec<String> = clinic.write(|tx, office| {
            tx.query(
                sql!("SELECT body FROM template_version
                       WHERE practice_id = $1 AND name = 'help.sms.en' ORDER BY version"),
                params![office.practice()],
                |row| row.get(0),
            ).unwrap()
        }).await;
        assert_eq!(bodies.len(), 3);
        assert!(bodies[2].contains("Phone {phone}"));
        clinic.is_proved().await;
    }

    async fn a_withdrawn_version_is_not_sent(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let used = clinic.office.templates().find(HELP).unwrap().reference();
        let withdrawn = clinic.office.clone();
        clinic.db.write(move |tx| {
            let now = withdrawn.clock().now();
            assert!(store::withdraw(tx, withdrawn.practice(), &used, now).unwrap());
            assert!(!store::withdraw(tx, withdrawn.practice(), &used, now).unwrap());
            let event = Event::new(audit::Kind::TemplatesChanged, Actor::operator());
            audit::append(tx, &withdrawn, event).unwrap();
            Ok::<_, DbError>(())
        }).await.unwrap();
        clinic.patient("Ana", "en", "+12125550160").await;
        clinic.text("+12125550160", "HELP").await;
        let sent = clinic.sent_to("+12125550160").await;
        assert_eq!(sent[0].state, "refused");
        assert!(sent[0].refusals.contains("TEMPLATE"), "{}", sent[0].refusals);
    }
}
