//! What verification says of sound records, and of whole databases put back.

use sotto::audit::schema::record_schema;
use sotto::audit::verify::{Fault, verify as check};
use sotto::audit::{Actor, AuditError, Event, Kind, append};
use sotto::db::registry::{SETTING, TABLES};

use super::{Desk, Dice, literal};
use crate::engines::TestDb;
use crate::on_both_engines;

on_both_engines! {
    async fn a_filled_house_is_sound(db: TestDb) {
        let (desk, mut dice) = (Desk::new(&db), Dice::new(1));
        let own = desk.clone();
        db.write(move |tx| record_schema(tx, &own)).await.unwrap();
        desk.fill(&db, 3, &mut dice).await;
        desk.sequence(&db).await;
        desk.chatter(&db, 300).await;
        desk.sequence(&db).await;
        desk.fill_again_is_refused_by_nobody(&db, &mut dice).await;
        let report = desk.verify(&db).await;
        assert_eq!(report.defects, [], "{report:?}");
        assert!(report.rows >= 3 * 25 && report.size > 300 && report.checkpoints == 2);
        assert!(report.waiting > 0, "what waits is bound as well");
    }

    async fn both_engines_and_restarts_make_the_same_digest(db: TestDb) {
        let desk = Desk::new(&db);
        let practice = desk.practice();
        let own = desk.clone();
        db.write(move |tx| {
            let sql = "INSERT INTO setting (practice_id, name, value, updated_at) VALUES ($1, 'é', '', -1)";
            tx.execute(literal(sql.into()), &[sotto::db::ToValue::to_value(&practice)])?;
            tx.touch(SETTING, "é");
            append(tx, &own, Event::new(Kind::PracticeChanged, Actor::operator()))?;
            // Gone in the same breath: bound as gone.
            tx.execute(literal("DELETE FROM setting".into()), &[])?;
            tx.touch(SETTING, "é");
            append(tx, &own, Event::new(Kind::PracticeChanged, Actor::operator()))?;
            Ok::<_, AuditError>(())
        })
        .await
        .unwrap();
        desk.sequence(&db).await;
        assert_eq!(desk.verify(&db.again()).await.defects, []);
    }

    async fn a_database_put_back_is_found_out_by_a_checkpoint_kept_elsewhere(db: TestDb) {
        let desk = Desk::new(&db);
        desk.chatter(&db, 10).await;
        desk.sequence(&db).await;
        desk.chatter(&db, 10).await;
        desk.sequence(&db).await;
        let own = desk.clone();
        let kept: String = db
            .read(|tx| {
                let sql = "SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1";
                tx.query_one(literal(sql.into()), &[], |row| row.get(0))
            })
            .await
            .unwrap_or_else(|error: sotto::db::DbError| panic!("{error}"));
        let whole = kept.clone();
        let report = db.read(move |tx| check(tx, &own, Some(&whole), &mut |_| {})).await.unwrap();
        assert_eq!(report.defects, []);

        // As a backup of ten entries earlier would be.
        let own = desk.clone();
        db.write(|tx| {
            tx.execute(literal("DELETE FROM audit_checkpoint WHERE size > 11".into()), &[])?;
            tx.execute(literal("DELETE FROM audit_entry WHERE leaf_index >= 11".into()), &[])?;
            let cut = "UPDATE audit_tile SET hashes = SUBSTR(hashes, 1, 352)";
            tx.execute(literal(cut.into()), &[])
        })
        .await
        .unwrap_or_else(|error: sotto::db::DbError| panic!("{error}"));
        assert_eq!(desk.verify(&db).await.defects, [], "by itself it looks whole");
        let report = db.read(move |tx| check(tx, &own, Some(&kept), &mut |_| {})).await.unwrap();
        assert_eq!(report.defects.len(), 1);
        assert_eq!(report.defects[0].fault, Fault::Missing);
    }
}

impl Desk {
    /// Every row may change and be bound again.
    async fn fill_again_is_refused_by_nobody(&self, db: &TestDb, dice: &mut Dice) {
        let (desk, at) = (self.clone(), dice.below(1 << 40));
        db.write(move |tx| {
            for spec in TABLES {
                if !spec.columns.contains(&"updated_at") {
                    continue;
                }
                let sql = format!("UPDATE {} SET updated_at = {at}", spec.table.name());
                tx.execute(literal(sql), &[])?;
                let keys = spec.key.iter().map(|(key, _)| *key).collect::<Vec<_>>();
                let column = keys.first().copied().unwrap_or("practice_id");
                assert!(keys.len() < 2, "{}", spec.table.name());
                let sql = format!("SELECT {column} FROM {}", spec.table.name());
                let rows: Vec<String> = tx.query(literal(sql), &[], |row| row.get(0))?;
                for row in rows {
                    tx.touch(spec.table, row);
                }
            }
            append(tx, &desk, Event::new(Kind::PracticeChanged, Actor::operator()))?;
            Ok::<_, AuditError>(())
        })
        .await
        .unwrap();
    }
}
