//! Growing the tree: whatever fails, and wherever, the log goes on from what was committed.

use jiff::SignedDuration;
use sotto::audit::sequencer::{SequenceError, catch_up_if_free};
use sotto::audit::{Actor, AuditError, Event, Kind, append, sequence};
use sotto::db::{Db, DbError, Tx};

use super::{Desk, literal};
use crate::engines::{Engine, run};
use crate::on_both_engines;

/// Where a sequencing transaction breaks.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It fails after its work and is rolled back: not persisted.
    RolledBack,
    /// It panics after its work: not persisted.
    Panicked,
    /// It commits, and whoever waited is gone: persisted, not answered.
    NotAnswered,
    /// It does nothing at all before the process ends: not persisted.
    NotBegun,
}

async fn placed(db: &Db) -> (i64, i64) {
    db.read(|tx| {
        tx.query_one(
            literal(
                "SELECT COUNT(leaf_index), COUNT(*) - COUNT(leaf_index) FROM audit_entry".into(),
            ),
            &[],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error}"))
}

async fn checkpoints(db: &Db) -> i64 {
    db.read(|tx| {
        tx.query_one(literal("SELECT COUNT(*) FROM audit_checkpoint".into()), &[], |row| row.get(0))
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error}"))
}

async fn broken(db: &Db, desk: &Desk, fault: Fault) {
    let desk = desk.clone();
    match fault {
        Fault::RolledBack => {
            let answer = db
                .write(move |tx| {
                    sequence(tx, &desk)?;
                    Err::<(), SequenceError>(DbError::Closed.into())
                })
                .await;
            assert!(matches!(answer, Err(SequenceError::Db(DbError::Closed))));
        }
        Fault::Panicked => {
            let answer = db
                .write(move |tx| {
                    sequence(tx, &desk)?;
                    if tx.writes() {
                        panic!("as if the process ended here");
                    }
                    Ok::<(), SequenceError>(())
                })
                .await;
            assert!(matches!(answer, Err(SequenceError::Db(DbError::Panicked))));
        }
        Fault::NotAnswered => {
            let (committed, seen) = tokio::sync::oneshot::channel();
            let waiting = tokio::spawn({
                let db = db.clone();
                async move {
                    db.write(move |tx| {
                        let signed = sequence(tx, &desk)?;
                        let _ = committed.send(());
                        Ok::<_, SequenceError>(signed)
                    })
                    .await
                }
            });
            seen.await.unwrap();
            waiting.abort();
            // The commit may still be on its way when the closure has ended.
            while placed(db).await.1 > 0 {
                tokio::task::yield_now().await;
            }
        }
        Fault::NotBegun => {}
    }
}

/// How many entries of the index of those that wait this connection's transaction has read.
fn looked_at(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let sql = "SELECT pg_stat_get_xact_tuples_returned('audit_entry_arrival'::regclass::oid)";
    tx.query_one(literal(sql.into()), &[], |row| row.get(0))
}

/// As long as somebody reads, PostgreSQL keeps what lay in an index when the reading began.
#[test]
fn how_many_have_waited_while_somebody_reads_is_no_matter_to_the_next() {
    run(Engine::Postgres, async |db| {
        let desk = Desk::new(&db);
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let reader = tokio::spawn({
            let db = db.clone();
            async move {
                db.read(move |tx| {
                    let rows = literal("SELECT COUNT(*) FROM audit_entry".into());
                    let rows: i64 = tx.query_one(rows, &[], |row| row.get(0))?;
                    began.send(()).ok();
                    wait.recv().ok();
                    Ok::<_, DbError>(rows)
                })
                .await
            }
        });
        begun.await.unwrap();
        for _ in 0..3 {
            desk.chatter(&db, 1000).await;
            desk.sequence(&db).await;
        }
        desk.chatter(&db, 2).await;
        let (of, appends) = (desk.clone(), 10);
        let looked_at = db.write(move |tx| {
            let before = looked_at(tx)?;
            for _ in 0..appends {
                append(tx, &of, Event::new(Kind::PatientViewed, Actor::staff("s-1", "nurse")))?;
            }
            Ok::<_, AuditError>(looked_at(tx)? - before)
        });
        let looked_at = looked_at.await.unwrap();
        done.send(()).unwrap();
        reader.await.unwrap().unwrap();
        assert!((1..=2 * appends).contains(&looked_at), "{looked_at} entries read for {appends}");
        desk.sequence(&db).await;
        assert_eq!(desk.verify(&db).await.defects, []);
    });
}

on_both_engines! {
    async fn a_fault_at_any_step_leaves_all_of_a_batch_or_nothing(db: TestDb) {
        use Fault::{NotAnswered, NotBegun, Panicked, RolledBack};
        let desk = Desk::new(&db);
        let mut expected = 0;
        for (fault, persisted) in [
            (RolledBack, false),
            (NotAnswered, true),
            (Panicked, false),
            (NotBegun, false),
            (NotAnswered, true),
            (RolledBack, false),
        ] {
            desk.chatter(&db, 100).await;
            broken(&db, &desk, fault).await;
            // The next transaction sees what the broken one left.
            desk.chatter(&db, 1).await;
            let (done, waiting) = placed(&db).await;
            if persisted {
                assert_eq!(waiting, 1, "{fault:?}");
                assert!(done > expected, "{fault:?}");
            } else {
                assert_eq!(done, expected, "{fault:?}");
            }
            // And the ordinary path goes on from it.
            db.clock.advance(SignedDuration::from_secs(1));
            let signed = desk.sequence(&db).await.unwrap();
            let (done, waiting) = placed(&db).await;
            assert_eq!((signed.size().cast_signed(), waiting), (done, 0), "{fault:?}");
            expected = done;
        }
        let report = desk.verify(&db).await;
        assert_eq!(report.defects, [], "{report:?}");
        assert_eq!(report.size.cast_signed(), expected);
    }

    async fn many_sequencers_at_once_are_one(db: TestDb) {
        let desk = Desk::new(&db);
        let other = db.again();
        for _ in 0..5 {
            desk.chatter(&db, 60).await;
            let turns = [&*db, &other, &*db, &other].map(|db| {
                let (db, desk) = (db.clone(), desk.clone());
                tokio::spawn(async move {
                    db.write(move |tx| sequence(tx, &desk)).await
                })
            });
            for turn in turns {
                match turn.await.unwrap() {
                    Ok(_) | Err(SequenceError::Db(DbError::Conflict)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        desk.sequence(&db).await;
        let report = desk.verify(&db).await;
        assert_eq!(report.defects, [], "{report:?}");
        assert!(report.size > 300 && report.size <= 300 + 20);
    }

    async fn what_waits_is_placed_batch_by_batch(db: TestDb) {
        let desk = Desk::new(&db);
        desk.chatter(&db, 2 * 2048 + 10).await;
        let signed = catch_up_if_free(&db, &desk).await.unwrap().unwrap();
        // Each batch ends with the leaf of its own checkpoint.
        assert_eq!(signed.size(), 2 * 2048 + 10 + 3);
        assert_eq!(placed(&db).await, (signed.size().cast_signed(), 0));
        desk.chatter(&db, 2048).await;
        desk.sequence(&db).await;
        assert_eq!(checkpoints(&db).await, 4, "nothing is left behind a full batch");
        let report = desk.verify(&db).await;
        assert_eq!(report.defects, [], "{report:?}");
    }

    async fn entries_that_keep_coming_are_placed_by_the_next_call(db: TestDb) {
        let desk = Desk::new(&db);
        desk.chatter(&db, 50).await;
        let talk = tokio::spawn({
            let (desk, db) = (desk.clone(), db.clone());
            async move {
                loop {
                    desk.chatter(&db, 1).await;
                }
            }
        });
        for calls in 1..=5 {
            while placed(&db).await.1 == 0 {
                tokio::task::yield_now().await;
            }
            catch_up_if_free(&db, &desk).await.unwrap().unwrap();
            assert_eq!(checkpoints(&db).await, calls);
        }
        talk.abort();
        desk.sequence(&db).await;
        let report = desk.verify(&db).await;
        assert_eq!(report.defects, [], "{report:?}");
    }

    async fn nothing_to_place_is_nothing_to_sign(db: TestDb) {
        let desk = Desk::new(&db);
        assert_eq!(desk.sequence(&db).await, None);
        desk.chatter(&db, 1).await;
        assert_eq!(desk.sequence(&db).await.unwrap().size(), 2);
        assert_eq!(desk.sequence(&db).await, None);
    }

    async fn an_action_without_its_entry_does_not_happen(db: TestDb) {
        let desk = Desk::new(&db);
        let practice = desk.practice();
        let answer = db.write(move |tx| {
            let sql = "INSERT INTO setting (practice_id, name, value, updated_at) VALUES ($1, 'a', 'b', 0)";
            tx.execute(literal(sql.into()), &[sotto::db::ToValue::to_value(&practice)])?;
            tx.touch(sotto::db::registry::SETTING, "a");
            append(tx, &desk, Event::new(Kind::PracticeChanged, Actor::operator()))?;
            tx.touch(sotto::db::registry::SETTING, "a");
            Ok::<_, AuditError>(())
        });
        let unaudited = AuditError::Db(DbError::Unaudited { rows: 1, table: sotto::db::registry::SETTING });
        assert_eq!(answer.await.unwrap_err().to_string(), unaudited.to_string());
        assert_eq!(placed(&db).await, (0, 0));
    }

    async fn a_touch_under_a_malformed_key_or_of_an_unknown_table_fails(db: TestDb) {
        for (table, key) in [
            (sotto::db::registry::TEMPLATE_VERSION, "no-version"),
            (sotto::db::registry::TEMPLATE_VERSION, "name/one"),
            (sotto::db::registry::IDEMPOTENCY_KEY, "token/not-hex"),
            (sotto::db::registry::PRACTICE, "another"),
            (sotto::db::registry::Table::named("no_such_table"), "x"),
        ] {
            let desk = Desk::new(&db);
            let answer = db.write(move |tx| {
                tx.touch(table, key);
                append(tx, &desk, Event::new(Kind::PracticeChanged, Actor::operator()))
            });
            let error = answer.await.unwrap_err();
            assert!(
                matches!(error, AuditError::Key { .. } | AuditError::UnknownTable { .. }),
                "{error}"
            );
        }
    }

    async fn no_checkpoint_is_signed_over_what_was_tampered_with(db: TestDb) {
        for damage in [
            "UPDATE audit_checkpoint SET note = 'x'",
            "UPDATE audit_tile SET hashes = SUBSTR(hashes, 1, 32)",
            "DELETE FROM audit_tile",
            "DELETE FROM audit_checkpoint",
        ] {
            let desk = Desk::new(&db);
            desk.chatter(&db, 3).await;
            desk.sequence(&db).await;
            desk.chatter(&db, 3).await;
            let refused = db
                .write(move |tx| {
                    tx.execute(literal(damage.into()), &[])?;
                    sequence(tx, &desk).map(drop)
                })
                .await;
            let error = refused.unwrap_err();
            assert!(
                matches!(
                    error,
                    SequenceError::Head(_) | SequenceError::Tiles(_) | SequenceError::Beyond { .. }
                ),
                "{damage}: {error}"
            );
        }
    }
}

#[test]
fn no_checkpoint_is_signed_when_the_clock_went_back() {
    crate::engines::run(crate::engines::Engine::Sqlite, |db| async move {
        let desk = Desk::new(&db);
        desk.chatter(&db, 1).await;
        desk.sequence(&db).await;
        desk.chatter(&db, 1).await;
        let (desk, last) = (desk.clone(), db.clock.now());
        let ahead = last + SignedDuration::from_secs(6);
        let refused = db
            .write(move |tx| {
                let sql = literal("UPDATE audit_checkpoint SET signed_at = $1".into());
                tx.execute(sql, &[sotto::db::ToValue::to_value(&ahead)])?;
                sequence(tx, &desk).map(drop)
            })
            .await;
        assert!(matches!(refused, Err(SequenceError::ClockWentBack { last }) if last == ahead));
    });
}
