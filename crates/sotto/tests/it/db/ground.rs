//! What was decided on a reader is stored only where nothing it rests on has changed.

use sotto::db::registry::{
    AGREEMENT_EVENT, ALTERNATIVE_CONTACT, APPOINTMENT, CONSENT_EVENT, CONTACT_POINT, MESSAGE,
    OUTBOX, PATIENT, PREFERENCE, RECEIPT, RESTRICTION, SUPPRESSION_EVENT, TEMPLATE_VERSION, Table,
    VENDOR,
};
use sotto::db::{Db, DbError, Mark};
use sotto::{params, sql};

use crate::engines::{Engine, TestDb};

/// A transaction that says it changes a row of this table, and is kept or given up.
async fn change(db: &Db, table: Table, keep: bool) {
    let done = db
        .write(move |tx| {
            tx.touch(table, "a row");
            tx.take_touched();
            if keep { Ok(()) } else { Err(DbError::Closed) }
        })
        .await;
    assert_eq!(done.is_ok(), keep);
}

async fn holds(db: &Db, mark: Mark) -> bool {
    db.write(move |tx| Ok::<_, DbError>(tx.unchanged_since(&mark))).await.unwrap()
}

#[tokio::test]
async fn what_the_gate_asks_about_moves_the_ground_and_sending_does_not() {
    let db = TestDb::new(Engine::Sqlite);
    // The writer's first batch cannot tell what was there before it.
    change(&db, MESSAGE, true).await;
    let mark = db.mark().unwrap();
    for table in [MESSAGE, OUTBOX, RECEIPT] {
        change(&db, table, true).await;
        assert!(holds(&db, mark).await, "{}", table.name());
    }
    for table in [
        PATIENT,
        CONTACT_POINT,
        CONSENT_EVENT,
        SUPPRESSION_EVENT,
        RESTRICTION,
        ALTERNATIVE_CONTACT,
        PREFERENCE,
        VENDOR,
        AGREEMENT_EVENT,
        TEMPLATE_VERSION,
        APPOINTMENT,
    ] {
        let mark = db.mark().unwrap();
        change(&db, table, true).await;
        assert!(!holds(&db, mark).await, "{}", table.name());
    }
}

#[tokio::test]
async fn a_mark_taken_before_the_commit_does_not_hold_after_it() {
    let db = TestDb::new(Engine::Sqlite);
    let handle = db.db.clone();
    let between = db
        .write(move |tx| {
            tx.touch(CONSENT_EVENT, "a row");
            tx.take_touched();
            Ok::<_, DbError>(handle.mark().unwrap())
        })
        .await
        .unwrap();
    // Whoever read at that instant saw the state before.
    assert!(!holds(&db, between).await);
}

#[tokio::test]
async fn another_process_moves_the_ground_too() {
    let db = TestDb::new(Engine::Sqlite);
    change(&db, MESSAGE, true).await;
    let mark = db.mark().unwrap();
    assert!(holds(&db, mark).await);
    let other = db.again();
    other
        .write(|tx| {
            let (version, name) = (1000_i64, "by another");
            tx.execute(
                sql!("INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, 0)"),
                params![version, name],
            )
        })
        .await
        .map_err(|error: DbError| error)
        .unwrap();
    assert!(!holds(&db, mark).await);
}

#[tokio::test]
async fn a_transaction_given_up_does_no_harm() {
    let db = TestDb::new(Engine::Sqlite);
    change(&db, CONSENT_EVENT, false).await;
    let mark = db.mark().unwrap();
    assert!(holds(&db, mark).await);
}

#[test]
fn postgresql_decides_in_the_transaction_that_stores() {
    if std::env::var("SOTTO_TEST_ENGINES").as_deref() == Ok("sqlite") {
        return;
    }
    assert!(TestDb::new(Engine::Postgres).mark().is_none());
}
