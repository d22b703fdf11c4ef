//! What is sent together on PostgreSQL promises what it promised one after the other, on both engines.

use sotto::db::{DbError, Sql, Tx, Value};
use sotto::{params, sql};

use crate::on_both_engines;

const INSERT: Sql =
    sql!("INSERT INTO schema_version (applied_at, name, version) VALUES (0, $1, $2)");

fn put(tx: &mut Tx<'_>, name: &str, version: i64) -> Result<(), DbError> {
    tx.put(INSERT, params![name, version])
}

fn names(tx: &mut Tx<'_>) -> Result<Vec<String>, DbError> {
    tx.query(
        sql!("SELECT name FROM schema_version WHERE version >= $1 ORDER BY version"),
        params![1000_i64],
        |row| row.get(0),
    )
}

/// The version that the name of this one says.
fn next(tx: &mut Tx<'_>, version: i64) -> Result<i64, DbError> {
    let name: String = tx.query_one(
        sql!("SELECT name FROM schema_version WHERE version = $1"),
        params![version],
        |row| row.get(0),
    )?;
    Ok(name.parse().unwrap_or_default())
}

fn far(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    (0..6).try_fold(1000, |at, _| next(tx, at))
}

on_both_engines! {
    async fn a_write_is_seen_by_what_is_asked_after_it(db: TestDb) {
        let seen = db.write(|tx| {
            put(tx, "a", 1000)?;
            put(tx, "b", 1001)?;
            let seen = names(tx)?;
            put(tx, "c", 1002)?;
            Ok::<_, DbError>(seen)
        });
        assert_eq!(seen.await.unwrap(), ["a", "b"]);
        assert_eq!(db.read(names).await.unwrap(), ["a", "b", "c"]);
    }

    async fn a_write_that_fails_fails_all_of_it(db: TestDb) {
        db.write(|tx| put(tx, "there", 1001)).await.unwrap();
        let error = db.write(|tx| {
            names(tx)?;
            put(tx, "before", 1000)?;
            put(tx, "the same key", 1001)?;
            put(tx, "behind", 1002)
        });
        let error = error.await.unwrap_err();
        assert!(matches!(error, DbError::Duplicate { .. }), "{error}");
        assert_eq!(db.read(names).await.unwrap(), ["there"]);
        db.write(|tx| put(tx, "next", 1003)).await.unwrap();
        assert_eq!(db.read(names).await.unwrap(), ["there", "next"]);
    }

    async fn nothing_is_kept_where_one_write_cannot_be_sent(db: TestDb) {
        // SQLite takes a text for a number.
        let kinds = if db.engine() == "sqlite" { &[][..] } else { &[false, true] };
        for first in kinds.iter().copied() {
            let error = db.write(move |tx| {
                if !first {
                    put(tx, "before", 1000)?;
                }
                // No number: it does not leave this program.
                tx.put(INSERT, &[Value::Text("odd".into()), Value::Text("text".into())])?;
                put(tx, "behind", 1002)
            });
            let error: DbError = error.await.unwrap_err();
            assert!(!matches!(error, DbError::CommitUnknown | DbError::Lost), "{error}");
            assert!(db.read(names).await.unwrap().is_empty());
        }
        let error = db.write(|tx| {
            put(tx, "before", 1000)?;
            tx.put(INSERT, params!["too few"])
        });
        assert!(matches!(error.await, Err(DbError::Placeholders { given: 1, .. })));
        assert!(db.read(names).await.unwrap().is_empty());
        db.write(|tx| put(tx, "next", 1003)).await.unwrap();
        assert_eq!(db.read(names).await.unwrap(), ["next"]);
    }

    async fn what_is_asked_ahead_is_as_it_stands(db: TestDb) {
        let seen = db.write(|tx| {
            put(tx, "a", 1000)?;
            tx.ahead(names)?;
            let before = names(tx)?;
            put(tx, "b", 1001)?;
            let after = names(tx)?;
            tx.behind(names);
            tx.execute(INSERT, params!["c", 1002_i64])?;
            Ok::<_, DbError>((before.len(), after.len(), names(tx)?.len()))
        });
        assert_eq!(seen.await.unwrap(), (1, 2, 3));
    }

    async fn what_depends_on_an_answer_is_asked_ahead_too(db: TestDb) {
        db.write(|tx| (0..6).try_for_each(|n| put(tx, &format!("{}", 1001 + n), 1000 + n)))
            .await
            .unwrap();
        let reached = db.read(|tx| {
            tx.ahead(far)?;
            far(tx)
        });
        assert_eq!(reached.await.unwrap(), 1006);
    }

    async fn looking_ahead_writes_nothing(db: TestDb) {
        let done = db.write(|tx| {
            tx.ahead(|tx| put(tx, "ahead", 1000))?;
            tx.behind(|tx| tx.execute(INSERT, params!["behind", 1001_i64]));
            put(tx, "meant", 1002)
        });
        done.await.unwrap();
        assert_eq!(db.read(names).await.unwrap(), ["meant"]);
    }

    async fn a_connection_that_broke_while_it_was_idle_is_replaced(db: TestDb) {
        let others = sql! {
            sqlite: "SELECT 0 WHERE $1 = 0",
            postgres: "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND $1 = 0"
        };
        let again = db.again();
        for round in 0..3_i64 {
            db.write(move |tx| put(tx, "before", 1000 + 10 * round)).await.unwrap();
            db.read(names).await.unwrap();
            let cut = again.write(move |tx| {
                tx.query(others, params![0_i64], |row| row.get::<i64>(0)).map(drop)
            });
            let cut: Result<(), DbError> = cut.await;
            cut.unwrap();
            let write = db.write(move |tx| {
                // Either is the first that is asked on the connection.
                let seen = if round == 1 { 3 } else { names(tx)?.len() };
                put(tx, "after", 1001 + 10 * round).map(|()| seen)
            });
            let seen: Result<usize, DbError> = write.await;
            assert_eq!(seen.unwrap(), usize::try_from(2 * round + 1).unwrap());
        }
    }
}
