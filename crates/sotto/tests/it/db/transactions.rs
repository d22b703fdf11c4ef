//! What a transaction promises, on both engines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use sotto::db::registry::Table;
use sotto::db::{DbError, Tx};
use sotto::{params, sql};

use crate::on_both_engines;

fn put(tx: &mut Tx<'_>, key: &str, version: i64) -> Result<u64, DbError> {
    tx.execute(
        sql!("INSERT INTO schema_version (applied_at, name, version) VALUES ($3, $1, $2)"),
        params![key, version, 0_i64],
    )
}

fn names(tx: &mut Tx<'_>) -> Result<Vec<String>, DbError> {
    tx.query(
        sql!("SELECT name FROM schema_version WHERE version >= $1 ORDER BY version"),
        params![1000_i64],
        |row| row.get(0),
    )
}

on_both_engines! {
    async fn placeholders_go_by_number_not_by_place(db: TestDb) {
        db.write(|tx| put(tx, "a name", 1000)).await.unwrap();
        let row: (String, i64, Timestamp) = db
            .read(|tx| {
                tx.query_one::<_>(
                    sql!("SELECT name, version, applied_at FROM schema_version
                          WHERE version = $2 AND name = $1 AND name = $1"),
                    params!["a name", 1000_i64],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
            })
            .await
            .map_err(|e: DbError| e)
            .unwrap();
        assert_eq!(row, ("a name".to_owned(), 1000, Timestamp::UNIX_EPOCH));
    }

    async fn a_value_is_never_read_as_a_statement(db: TestDb) {
        let hostile = [
            "'; DELETE FROM schema_version; --",
            "\" OR 1=1 --",
            "$1 ?1 \\' \\x27 /* */",
            "x' UNION SELECT body FROM message --",
        ];
        let before = db.read(names).await.unwrap().len();
        for (number, text) in (1000_i64..).zip(hostile) {
            db.write(move |tx| put(tx, text, number)).await.unwrap();
        }
        assert_eq!(db.read(names).await.unwrap()[before..], hostile);
        for (number, text) in (1000_i64..).zip(hostile) {
            let found: Vec<i64> = db
                .read(move |tx| {
                    tx.query(
                        sql!("SELECT version FROM schema_version WHERE name = $1"),
                        params![text],
                        |row| row.get(0),
                    )
                })
                .await
                .map_err(|e: DbError| e)
                .unwrap();
            assert_eq!(found, [number], "{text}");
        }
    }

    async fn too_few_and_too_many_values_are_refused(db: TestDb) {
        let error = db
            .read(|tx| {
                tx.query_opt(sql!("SELECT 1 FROM schema_version WHERE version = $1"), params![], |_| {
                    Ok(())
                })
            })
            .await
            .unwrap_err();
        assert!(matches!(error, DbError::Placeholders { given: 0, .. }), "{error}");
        let error = db
            .read(|tx| {
                tx.query_opt(
                    sql!("SELECT 1 FROM schema_version WHERE version = $1"),
                    params![1_i64, 2_i64],
                    |_| Ok(()),
                )
            })
            .await
            .unwrap_err();
        assert!(matches!(error, DbError::Placeholders { given: 2, .. }), "{error}");
    }

    async fn an_error_takes_back_its_own_writes_only(db: TestDb) {
        let handle = db.db.clone();
        let mut tasks = Vec::new();
        for number in 0..60_i64 {
            let db = handle.clone();
            tasks.push(tokio::spawn(async move {
                db.write(move |tx| {
                    put(tx, &format!("row {number}"), 1000 + number)?;
                    match number % 3 {
                        0 => Ok(()),
                        1 => Err(DbError::Closed),
                        _ => panic!("on purpose"),
                    }
                })
                .await
            }));
        }
        for (number, task) in tasks.into_iter().enumerate() {
            let result = task.await.unwrap();
            match number % 3 {
                0 => assert_eq!(result, Ok(())),
                1 => assert_eq!(result, Err(DbError::Closed)),
                _ => assert_eq!(result, Err(DbError::Panicked)),
            }
        }
        let stored = db.read(names).await.unwrap();
        let wanted: Vec<_> = (0..60).step_by(3).map(|number| format!("row {number}")).collect();
        assert_eq!(stored, wanted);
    }

    async fn a_failed_statement_fails_the_transaction(db: TestDb) {
        db.write(|tx| put(tx, "first", 1000)).await.unwrap();
        let error = db
            .write(|tx| {
                put(tx, "second", 1001)?;
                let duplicate = put(tx, "again", 1000).unwrap_err();
                assert!(matches!(duplicate, DbError::Duplicate { .. }), "{duplicate}");
                // The caller tries to go on as if nothing had happened.
                assert_eq!(names(tx), Err(DbError::AfterFailure));
                Ok::<_, DbError>(())
            })
            .await
            .unwrap_err();
        assert_eq!(error, DbError::AfterFailure);
        assert_eq!(db.read(names).await.unwrap(), ["first"]);
    }

    async fn a_read_cannot_write(db: TestDb) {
        let error = db.read(|tx| put(tx, "sneaky", 1000)).await.unwrap_err();
        assert_eq!(error, DbError::ReadOnly);
        // Nor by a query that writes.
        let error = db
            .read(|tx| {
                tx.query(
                    sql!("DELETE FROM schema_version WHERE version >= $1 RETURNING version"),
                    params![0_i64],
                    |row| row.get::<i64>(0),
                )
            })
            .await
            .unwrap_err();
        assert_eq!(error, DbError::ReadOnly);
    }

    async fn a_touched_row_without_an_audit_entry_is_rolled_back(db: TestDb) {
        const PATIENT: Table = Table::named("patient");
        let error = db
            .write(|tx| {
                put(tx, "silent", 1000)?;
                tx.touch(PATIENT, "some-id");
                Ok::<_, DbError>(())
            })
            .await
            .unwrap_err();
        assert_eq!(error, DbError::Unaudited { rows: 1, table: PATIENT });
        assert!(db.read(names).await.unwrap().is_empty());
        db.write(|tx| {
            put(tx, "told", 1000)?;
            tx.touch(PATIENT, "some-id");
            assert_eq!(tx.touched().len(), 1);
            assert_eq!(tx.take_touched(), [(PATIENT, "some-id".to_owned())]);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        assert_eq!(db.read(names).await.unwrap(), ["told"]);
    }

    async fn an_answer_means_another_connection_sees_it(db: TestDb) {
        let other = db.again();
        for number in 0..20_i64 {
            db.write(move |tx| put(tx, "x", 1000 + number)).await.unwrap();
            let seen = other.read(names).await.unwrap().len();
            assert_eq!(i64::try_from(seen).unwrap(), number + 1);
        }
    }

    async fn a_caller_that_goes_away_undoes_nothing(db: TestDb) {
        let started = Arc::new(tokio::sync::Notify::new());
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let task = tokio::spawn({
            let (db, started) = (db.db.clone(), Arc::clone(&started));
            async move {
                db.write(move |tx| {
                    started.notify_one();
                    wait.recv().ok();
                    put(tx, "kept", 1000)
                })
                .await
            }
        });
        started.notified().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        // A second write takes its turn behind the first on SQLite; PostgreSQL is asked till there.
        db.write(|tx| put(tx, "after", 1001)).await.unwrap();
        while db.read(names).await.unwrap() != ["kept", "after"] {}
    }

    async fn a_named_lock_lets_one_in_at_a_time(db: TestDb) {
        let inside = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (db, inside) = (db.db.clone(), Arc::clone(&inside));
            tasks.push(tokio::spawn(async move {
                db.write(move |tx| {
                    tx.lock(42)?;
                    assert!(tx.try_lock(42)?);
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    names(tx)?;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, DbError>(())
                })
                .await
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    }

    async fn each_stops_at_the_first_error_of_its_reader(db: TestDb) {
        db.write(|tx| (0..5).try_for_each(|n| put(tx, "x", 1000 + n).map(drop))).await.unwrap();
        let error = db
            .read(|tx| {
                let mut seen = 0;
                tx.each(sql!("SELECT version FROM schema_version"), params![], |_| {
                    seen += 1;
                    if seen == 3 { Err(DbError::Closed) } else { Ok(()) }
                })
            })
            .await
            .unwrap_err();
        assert_eq!(error, DbError::Closed);
    }

    async fn a_value_of_the_wrong_type_is_named_without_its_content(db: TestDb) {
        db.write(|tx| put(tx, "a secret", 1000)).await.unwrap();
        let error = db
            .read(|tx| {
                tx.query_one(
                    sql!("SELECT name FROM schema_version WHERE version = $1"),
                    params![1000_i64],
                    |row| row.get::<i64>(0),
                )
            })
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "column 0: expected an integer");
    }
}

#[test]
fn a_database_in_memory_serves_reads_and_writes() {
    let clock = sotto::clock::Clock::manual(Timestamp::UNIX_EPOCH);
    let url = "sqlite::memory:".parse().unwrap();
    let db = sotto::db::Db::open(&url, sotto::db::Threads::default(), clock.now()).unwrap();
    db.write_blocking(|tx| put(tx, "here", 1000)).unwrap();
    assert_eq!(db.read_blocking(names).unwrap(), ["here"]);
    assert_eq!(db.read_blocking(|tx| put(tx, "no", 1001)), Err(DbError::ReadOnly));
}
