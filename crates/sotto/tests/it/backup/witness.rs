//! A log that went back is refused, unless the loss is accepted, which is recorded.

use sotto::audit::witness::Standing;
use sotto::{params, sql};

use super::*;
use crate::on_both_engines;

async fn standing(desk: &Desk, db: &sotto::db::Db) -> Standing {
    let (witness, office) = (desk.witness.clone(), desk.clinic.office.clone());
    db.read(move |tx| witness.ask(tx, &office)).await.unwrap()
}

on_both_engines! {
    async fn a_log_that_went_back_is_refused_and_a_loss_is_accepted_with_its_reason(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        assert_eq!(standing(&desk, &desk.clinic.db).await, Standing::GoesOn, "nothing seen yet");
        desk.clinic.patient("Dora", "en", "+12025550125").await;
        desk.hear().await;
        let known = desk.witness.seen(&desk.clinic.office).unwrap().unwrap().size();

        let spot = desk.spot();
        let refused = desk.restore(&made.file, &spot, To::Empty, None).await.unwrap_err();
        let RestoreError::Witness(Standing::WentBack { .. }) = refused else { panic!("{refused}") };
        assert!(refused.to_string().contains("--accept-loss"), "{refused}");

        let restored =
            desk.restore(&made.file, &spot, To::Empty, Some("disk died")).await.unwrap();
        assert_eq!(restored.lost, known - made.examined.log_size);
        let there = spot.open(desk.clinic.office.clock());
        let practice = desk.clinic.office.practice();
        let said: String = there
            .read(move |tx| {
                tx.query_one(
                    sql!("SELECT value FROM setting WHERE practice_id = $1 AND name LIKE 'restore/%'"),
                    params![practice],
                    |row| row.get(0),
                )
            })
            .await
            .unwrap();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["reason"], "disk died");
        assert_eq!(said["lost"], restored.lost);
        assert_eq!(said["known_size"], known);
        // The witness follows: the restored log goes on from here.
        assert_eq!(standing(&desk, &there).await, Standing::GoesOn);
        // The old database is now the one that is another log.
        desk.clinic.patient("Ed", "en", "+12025550126").await;
        desk.clinic.patient("Flo", "en", "+12025550127").await;
        desk.sign().await;
        let old = standing(&desk, &desk.clinic.db).await;
        assert!(matches!(old, Standing::OtherLog { .. }), "{old:?}");
        let made = desk.back_up().await;
        let spot = desk.spot();
        let refused = desk.restore(&made.file, &spot, To::Empty, None).await.unwrap_err();
        let other = matches!(refused, RestoreError::Witness(Standing::OtherLog { .. }));
        assert!(other, "{refused}");
    }

    async fn a_database_put_back_by_other_means_is_taken_over_by_the_same_rules(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        // "Other means": the rows of then, while the witness saw more.
        let spot = desk.spot();
        desk.restore(&made.file, &spot, To::Empty, None).await.unwrap();
        desk.clinic.patient("Dora", "en", "+12025550125").await;
        desk.clinic.patient("Ed", "en", "+12025550126").await;
        desk.hear().await;
        let there = spot.open(desk.clinic.office.clock());
        let (office, witness) = (desk.clinic.office.clone(), desk.witness.clone());
        let handle = there.clone();
        let refused =
            apart(move || restore::take_over_as_it_is(&handle, &office, &witness, None)).await;
        assert!(matches!(refused, Err(RestoreError::Witness(_))), "{refused:?}");
        let (office, witness) = (desk.clinic.office.clone(), desk.witness.clone());
        let handle = there.clone();
        let reason = Some("the archive ends here".to_owned());
        apart(move || restore::take_over_as_it_is(&handle, &office, &witness, reason))
            .await
            .unwrap();
        assert_eq!(standing(&desk, &there).await, Standing::GoesOn);
    }
}

#[test]
fn a_witness_of_another_log_or_a_broken_one_is_said_to_be_so() {
    if !crate::engines::wanted(Engine::Sqlite) {
        return;
    }
    crate::engines::run(Engine::Sqlite, |db| async move {
        let desk = Desk::at_work(db).await;
        desk.hear().await;
        let note = desk.witness.note().unwrap().unwrap();
        for broken in ["", "not a note", &note.replace("sotto/", "other/"), &note[..note.len() - 9]]
        {
            desk.witness.keep(broken).unwrap();
            let said = desk.witness.seen(&desk.clinic.office).unwrap_err().to_string();
            assert!(said.contains("holds no checkpoint"), "{said}");
        }
    });
}
