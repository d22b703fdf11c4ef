//! A drill measures, reports, records, and tells failure from success.

use sotto::backup::drill::{self, Drilled, Stage, Targets};

use super::*;
use crate::on_both_engines;

async fn drill(desk: &Desk, file: &Path, targets: Targets) -> Drilled {
    let (db, url) = (desk.clinic.db.db.clone(), desk.clinic.db.url.parse().unwrap());
    let (key, file) = (Arc::clone(&desk.key), file.to_owned());
    let office = desk.clinic.office.clone();
    apart(move || {
        let scratch = std::env::temp_dir();
        let stage =
            Stage { db: &db, url: &url, scratch: &scratch, key: &key, file: &file, targets };
        drill::hold(&stage, &office).unwrap()
    })
    .await
}

on_both_engines! {
    async fn a_drill_measures_what_would_be_lost_and_fails_where_a_target_is_missed(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        let good = drill(&desk, &made.file, Targets::default()).await;
        assert!(good.met && good.failure.is_none());
        assert_eq!((good.messages_not_in_it, good.rpo_seconds), (0, 0.0));
        assert!(good.rto_seconds > 0.0);
        assert!(good.report().contains("**passed**"));

        desk.clinic.office.clock().advance(SignedDuration::from_secs(1));
        // A reply is answered two hours before the drill, after the backup.
        desk.clinic.text("+12025550123", "STOP").await;
        desk.clinic.office.clock().advance(SignedDuration::from_hours(2));
        let targets = Targets { rto_seconds: Some(3600), rpo_seconds: Some(3600) };
        let late = drill(&desk, &made.file, targets).await;
        assert!(late.messages_not_in_it >= 1, "{late:?}");
        assert!(!late.met && late.rpo_seconds >= 7200.0, "{late:?}");
        assert!(late.report().contains("MISSED") && late.report().contains("3600 s"));

        let mut bytes = std::fs::read(&made.file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let broken = desk.folder.join("broken");
        std::fs::write(&broken, bytes).unwrap();
        let failed = drill(&desk, &broken, Targets::default()).await;
        assert!(!failed.met && failed.restored.is_none());
        assert!(failed.report().contains("FAILED"), "{}", failed.report());

        // All three are in the log, and nothing of the rehearsals is in the database.
        let practice = desk.clinic.office.practice();
        let kinds: Vec<String> = desk
            .clinic
            .db
            .read(move |tx| {
                tx.query(
                    sotto::sql!("SELECT body FROM audit_entry WHERE practice_id = $1 ORDER BY id"),
                    sotto::params![practice],
                    |row| {
                        let entry = audit::Entry::from_bytes(&row.get::<Vec<u8>>(0)?).unwrap();
                        Ok(format!("{} {}", entry.kind, entry.outcome))
                    },
                )
            })
            .await
            .unwrap();
        let drills: Vec<_> = kinds.iter().filter(|kind| kind.contains("drilled")).collect();
        assert_eq!(
            drills,
            ["backup.drilled done", "backup.drilled done", "backup.drilled failed"]
        );
        desk.clinic.is_proved().await;
    }
}
