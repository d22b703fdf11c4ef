//! Ready or not, and why.

use jiff::SignedDuration;
use sotto::audit;
use sotto::db::DbError;

use crate::http::Site;
use crate::on_both_engines;

on_both_engines! {
    async fn a_log_that_falls_behind_is_not_ready(db: TestDb) {
        let site = Site::open(db).await;
        assert_eq!(site.get("/readyz").await.is(200).text, "ready\n");
        site.clinic.db.clock.advance(SignedDuration::from_secs(61));
        assert_eq!(site.get("/readyz").await.is(503).text_of("detail"), "audit_behind");
        assert!(site.get("/metrics").await.is(200).text.contains("\nsotto_ready 0\n"));
        let office = site.clinic.office.clone();
        site.clinic.db.write(move |tx| audit::sequence(tx, &office)).await.unwrap();
        assert_eq!(site.get("/readyz").await.is(200).text, "ready\n");
    }

    async fn a_database_that_could_not_be_written_is_tried_again_and_the_end_is_on_record(db: TestDb) {
        let site = Site::open(db).await;
        let before = site.count("audit_entry").await;
        // A statement the engine fails at stands for a disk that takes nothing more.
        let failed = site.clinic.db.write(|tx| {
            tx.execute(sotto::sql!("UPDATE no_such_table SET a = 1"), &[])?;
            Ok::<_, DbError>(())
        });
        assert!(failed.await.is_err());
        assert!(site.clinic.db.vitals().is_failing());
        assert!(site.get("/metrics").await.is(200).text.contains("\nsotto_db_write_failures_total 1\n"));
        // The probe of that scrape wrote, so it is over.
        assert_eq!(site.get("/readyz").await.is(200).text, "ready\n");
        assert!(!site.clinic.db.vitals().is_failing());
        assert_eq!(site.count("audit_entry").await, before + 1);
    }
}
