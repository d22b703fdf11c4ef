//! How much a message's way asks of the database: the statements on both engines, and on PostgreSQL
//! how often somebody waits for an answer. The figures are those of the day; who makes one larger
//! sees it here.

use std::sync::{Arc, Mutex};

use sotto::channels::{AdapterName, CarrierReceipt, ReceiptStatus};
use sotto::db::{DatabaseUrl, Db, Threads};
use sotto::http::Doors;
use sotto::http::router::router;
use sotto::receipts::{self, Recorded};

use super::release::{ended, up, working};
use super::{Site, asked, results, send};
use crate::engines::TestDb;
use crate::on_both_engines;

/// One connection for reads and one for writes, and what is asked on them.
struct Counted {
    db: Db,
    said: Arc<Mutex<Vec<&'static str>>>,
}

impl Counted {
    fn of(db: &TestDb) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let note = Arc::new(move |sql| heard.lock().unwrap().push(sql));
        let url: DatabaseUrl = db.url.parse().unwrap();
        let threads = Threads { readers: 1, writers: 1 };
        let db = Db::open_heard(&url, threads, db.clock.now(), note).unwrap();
        Self { db, said }
    }

    /// How many statements since this was asked last, and how many waits.
    fn since(&self, before: &mut u64) -> (usize, u64) {
        let said = std::mem::take(&mut *self.said.lock().unwrap());
        let waits = self.db.vitals().waits();
        let since = waits - std::mem::replace(before, waits);
        (said.len(), since)
    }
}

on_both_engines! {
    async fn a_messages_way_asks_no_more_than_it_did(db: TestDb) {
        let site = Site::open(db).await;
        let db = &site.clinic.db;
        let counted = Counted::of(db);
        let mut before = 0;
        let mut way = [(0, 0); 3];
        // The first of each connection prepares its statements.
        for turn in 0..3 {
            let office = site.clinic.reopened(&counted.db).await;
            let doors = router(Doors::new(counted.db.clone(), office.clone(), None));
            let mut request =
                asked(axum::http::Method::POST, "/api/v1/messages", &site.token, results(site.patient).to_string().into());
            request.headers_mut().insert("idempotency-key", format!("key-{turn}").parse().unwrap());
            // Whose token this is was asked a moment ago.
            send(doors.clone(), asked(axum::http::Method::GET, "/api/v1/messages", &site.token, String::new().into())).await;
            counted.since(&mut before);
            let id = send(doors, request).await.is(202).text_of("id");
            let accepted = counted.since(&mut before);
            let took = Arc::new(Mutex::new(turn));
            let (worker, stop) = working(counted.db.clone(), office.clone(), (&took, &up()));
            ended(&site, &id).await;
            stop.cancel();
            worker.await.unwrap();
            let sent = counted.since(&mut before);
            let told = CarrierReceipt {
                adapter: AdapterName::SmsSmpp,
                carrier_id: format!("c-{}", turn + 1),
                to: None,
                status: ReceiptStatus::Delivered,
                failure: None,
                occurred_at: None,
            };
            let stored = counted.db.write(move |tx| receipts::record(tx, &office, &told, false));
            assert_eq!(stored.await.unwrap(), Recorded::Stored);
            let arrived = counted.since(&mut before);
            way = [accepted, sent, arrived];
        }
        // Accepted; claimed, handed over, answered, and looked for more; its receipt.
        let figures = match counted.db.engine() {
            "sqlite" => [(24, 0), (39, 0), (10, 0)],
            _ => [(23, 6), (34, 14), (10, 5)],
        };
        for ((statements, waits), (most, longest)) in way.into_iter().zip(figures) {
            assert!(statements <= most && waits <= longest, "{way:?}, and it was {figures:?}");
        }
        site.clinic.is_proved().await;
    }
}
