//! What is put back is what was there, on either engine, made while others write.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use sotto::backup::folder::{self, Folder, Holds};
use sotto::db::registry::{AUDIT_CHECKPOINT, AUDIT_ENTRY, AUDIT_TILE, SETTING, TABLES, Vouched};
use sotto::db::{Db, DbError};

use super::*;
use crate::on_both_engines;

/// Every row of every table, as text; of the log only what was signed.
async fn everything(db: &Db, practice: gate::PracticeId) -> Vec<String> {
    db.read(move |tx| {
        let mut all = Vec::new();
        for spec in TABLES {
            // These grow with the restore itself; what is made again at the next start is left out.
            if spec.vouched == Vouched::Rebuilt {
                continue;
            }
            if [AUDIT_ENTRY, AUDIT_TILE, AUDIT_CHECKPOINT, SETTING].contains(&spec.table) {
                continue;
            }
            tx.each(spec.all, sotto::params![practice], |row| {
                let mut line = spec.table.name().to_owned();
                for index in 0..spec.columns.len() {
                    line.push_str(&match row.cell(index)? {
                        sotto::db::Cell::Null => " -".to_owned(),
                        sotto::db::Cell::Int(int) => format!(" {int}"),
                        sotto::db::Cell::Text(text) => format!(" {text:?}"),
                        sotto::db::Cell::Blob(blob) => format!(" {blob:x?}"),
                    });
                }
                all.push(line);
                Ok::<_, DbError>(())
            })?;
        }
        Ok::<_, DbError>(all)
    })
    .await
    .unwrap()
}

on_both_engines! {
    async fn what_is_put_back_is_what_was_there_on_either_engine(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let practice = desk.clinic.office.practice();
        let before = everything(&desk.clinic.db, practice).await;
        let made = desk.back_up().await;
        assert_eq!(made.counts.tables["patient"], 2);
        assert!(made.examined.log_size > 0 && made.examined.opened >= 2);
        for engine in engines() {
            // The restore before was one of the same log, and went on.
            let _ = std::fs::remove_file(desk.witness.path());
            let spot = Spot::new(engine);
            let restored = desk.restore(&made.file, &spot, To::Empty, None).await.unwrap();
            assert_eq!((restored.lost, restored.held.waiting), (0, 0));
            let there = spot.open(desk.clinic.office.clock());
            assert_eq!(everything(&there, practice).await, before, "{engine:?}");
            let office = desk.clinic.office.clone();
            let report = there
                .read(move |tx| audit::verify::verify(tx, &office, None, &mut |_| {}))
                .await
                .unwrap();
            assert!(report.is_sound(), "{engine:?} {report:?}");
            assert!(report.size > made.examined.log_size, "the restore itself is signed");
        }
    }

    async fn a_backup_made_while_others_write_is_one_state_and_holds_what_was_committed(db: TestDb) {
        let desk = Arc::new(Desk::at_work(db).await);
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let writer = {
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            let desk = Arc::clone(&desk);
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let number = 1000 + written.load(Ordering::Acquire);
                    desk.clinic.patient("Cleo", "en", &format!("+1202555{number}")).await;
                    written.fetch_add(1, Ordering::Release);
                    if number % 7 == 0 {
                        desk.sign().await;
                    }
                }
            })
        };
        while written.load(Ordering::Acquire) < 5 {
            tokio::task::yield_now().await;
        }
        let at_least = u64::from(written.load(Ordering::Acquire)) + 2;
        // The rehearsal in it checks that all rows are of one state.
        let made = desk.back_up().await;
        stop.store(true, Ordering::Release);
        writer.await.unwrap();
        let patients = made.counts.tables["patient"];
        assert!(patients >= at_least, "{patients} of {at_least}");
        assert_eq!(patients, made.counts.tables["contact_point"]);
        assert_eq!(desk.rehearse(&made.file, &desk.key).await.unwrap(), made.counts.rows());
        desk.clinic.is_proved().await;
    }

    async fn a_full_database_is_refused_or_put_aside(db: TestDb) {
        let desk = Desk::at_work(db).await;
        let made = desk.back_up().await;
        for engine in engines() {
            let _ = std::fs::remove_file(desk.witness.path());
            let spot = Spot::new(engine);
            desk.restore(&made.file, &spot, To::Empty, None).await.unwrap();
            let again = desk.restore(&made.file, &spot, To::Empty, None).await;
            assert!(matches!(again, Err(RestoreError::Db(DbError::NotEmpty))), "{again:?}");

            let open = spot.open(desk.clinic.office.clock());
            // A connection that idles is a server that runs.
            open.read(|_| Ok::<_, DbError>(())).await.unwrap();
            let aside = || To::Replacing("before_now".to_owned());
            let busy = desk.restore(&made.file, &spot, aside(), Some("a test")).await;
            assert!(matches!(busy, Err(RestoreError::Db(DbError::InUse))), "{busy:?}");
            drop(open);

            let put = desk.restore(&made.file, &spot, aside(), Some("a test")).await.unwrap();
            let old = put.before.unwrap();
            if engine == Engine::Sqlite {
                let url: DatabaseUrl = format!("sqlite:{old}").parse().unwrap();
                let threads = sotto::db::Threads { readers: 1, writers: 1 };
                let old = Db::open(&url, threads, desk.now()).unwrap();
                let practice = desk.clinic.office.practice();
                assert!(!everything(&old, practice).await.is_empty());
            } else {
                assert_eq!(old, "schema before_now");
                let admin = spot.url.clone();
                let rows: i64 = apart(move || {
                    let mut client = postgres::Client::connect(&admin, postgres::NoTls).unwrap();
                    let count = "SELECT COUNT(*) FROM before_now.patient";
                    client.query_one(count, &[]).unwrap().get(0)
                })
                .await;
                assert_eq!(rows, 2);
            }
        }
    }

    async fn old_backups_go_and_what_a_crash_left_goes(db: TestDb) {
        let desk = Desk::at_work(db).await;
        std::fs::create_dir_all(&desk.folder).unwrap();
        let torn = desk.folder.join("data-20200101T000000Z.sotto.partial");
        std::fs::write(&torn, b"half of one").unwrap();
        for _ in 0..5 {
            desk.back_up().await;
        }
        assert!(!torn.exists());
        let all = folder::list(&desk.folder, Holds::Data).unwrap();
        assert_eq!(all.len(), 3, "{all:?}");
        desk.clinic.office.clock().advance(SignedDuration::from_secs(1));
        let held = Folder::open(&desk.folder).unwrap();
        let (order, office) = (desk.order(), desk.clinic.office.clone());
        let second = apart(move || make(&order, &office)).await;
        assert!(second.unwrap_err().to_string().contains("under way"));
        let (partial, file) = held.begin(Holds::Data, desk.now()).unwrap();
        let path = partial.path().to_owned();
        assert!(path.exists());
        drop((partial, file));
        assert!(!path.exists(), "an unfinished one is removed");
    }

    async fn a_backup_of_an_older_schema_is_brought_up_to_date(db: TestDb) {
        let old = vec![sotto::db::Applied { version: 1, name: "0001_start".into(), applied_at: 7 }];
        let now = db.clock.now();
        for engine in engines() {
            let spot = Spot::new(engine);
            let url: DatabaseUrl = spot.url.parse().unwrap();
            let old = old.clone();
            apart(move || {
                let mut refill =
                    sotto::db::refill::Refill::begin(&url, To::Empty, &old).unwrap();
                refill.upgrade(&old, now).unwrap();
                refill.commit().unwrap();
            })
            .await;
            let there = spot.open(&db.clock);
            let applied = there.read(sotto::db::applied).await.unwrap();
            assert_eq!(applied.last().unwrap().version, sotto::db::known_version());
            assert_eq!(applied[0].applied_at, 7, "the history stays as it was");
        }
        let newer = [sotto::db::Applied { version: 1, name: "0001_other".into(), applied_at: 7 }];
        let url: DatabaseUrl = Spot::new(Engine::Sqlite).url.parse().unwrap();
        let refused = sotto::db::refill::Refill::begin(&url, To::Empty, &newer);
        assert!(matches!(refused.err(), Some(DbError::Backup { .. })));
    }
}
