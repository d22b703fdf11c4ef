//! The record is kept for its time and no longer: months end, holds win, certificates stay (PRIV-20).

mod ends;
mod held;
mod pages;
mod restored;

use gate::{MessageId, PatientId};
use seal::{Place, Sealed};
use sotto::access::roles::Role;
use sotto::audit::{Entry, Kind};
use sotto::conversations::tasks::{self, TaskOutcome};
use sotto::db::message;
use sotto::office::Office;
use sotto::retention::end::{self, Looked};

use crate::access::{Desk, Jar};
use crate::clinic::staff;
use crate::people::pages::entries;
use crate::portal::{arrive, letter};

const DAY: i64 = 24 * 3600;
/// Until which the records of the tests' first day are kept.
const MONTH: &str = "2034-03";
const WORDS: &str = "Your culture grew Marlowfinch bacteria. Take the tablets for seven days.";

/// To the first instant after the month of the first day's records, on the clock of the test.
fn to_the_end(desk: &Desk) {
    to(desk, "2034-04-01T00:00:00Z");
}

fn to(desk: &Desk, at: &str) {
    desk.clinic.db.clock.advance_to(at.parse().unwrap());
}

/// What the service does once a day.
async fn look(desk: &Desk) -> Looked {
    end::look(&desk.clinic.db, &desk.clinic.office).await.unwrap()
}

/// To the end, with the warning that has to come before it.
async fn warned_and_over(desk: &Desk) {
    to(desk, "2034-03-02T00:00:00Z");
    assert_eq!(look(desk).await.told, 1);
    to_the_end(desk);
}

/// Somebody with this role, who comes in now.
async fn at_work(desk: &Desk, role: Role) -> Jar {
    let name = desk.clinic.office.clock().new_id();
    let (id, _) = desk.invite(&format!("{name}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

/// How many messages of ours there are.
async fn messages(desk: &Desk) -> i64 {
    desk.clinic
        .write(|tx, office| {
            let all = sotto::sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1");
            tx.query_one(all, sotto::params![office.practice()], |row| row.get(0)).unwrap()
        })
        .await
}

/// The certificates of months that ended, in the log.
async fn certificates(desk: &Desk) -> Vec<Entry> {
    let mut all = entries(desk, Kind::RetentionChanged).await;
    all.retain(|one| one.codes.iter().any(|code| code == "month_ended"));
    all
}

/// The practice's own words of a message; none where they cannot be opened any more.
async fn words_of(desk: &Desk, office: Office, id: MessageId) -> Option<String> {
    let read = desk.clinic.db.read(move |tx| {
        let row = message::find(tx, office.practice(), id)?.unwrap();
        let (practice, key) = (office.practice().to_string(), id.to_string());
        let place = Place { practice: &practice, table: "message", row: &key, column: "content" };
        let body = Sealed::from_bytes(row.content_sealed);
        let wrap = Sealed::from_bytes(row.record_wrap);
        let plain = office.keys().open_message(&place, &body, &wrap);
        if let Err(error) = &plain {
            assert!(matches!(error, seal::SealError::Destroyed { .. }), "{error}");
        }
        Ok::<_, sotto::db::DbError>(plain.ok().and_then(|plain| message::words_of(&plain)))
    });
    read.await.unwrap()
}

/// Every task is done.
async fn nothing_is_open(desk: &Desk) {
    desk.clinic
        .write(|tx, office| {
            for task in tasks::open_ones(tx, office, 500).unwrap() {
                tasks::complete(tx, office, task.id, TaskOutcome::Nothing, &staff()).unwrap();
            }
        })
        .await;
}

/// Everything that waits to go has arrived.
async fn all_arrives(desk: &Desk) {
    desk.clinic
        .write(|tx, office| {
            let waiting: Vec<MessageId> = tx
                .query(
                    sotto::sql!("SELECT message_id FROM outbox WHERE practice_id = $1"),
                    sotto::params![office.practice()],
                    |row| row.get(0),
                )
                .unwrap();
            for id in waiting {
                arrive(tx, office, id);
            }
        })
        .await;
}

/// A letter of now, and the notice of it.
async fn written(desk: &Desk, patient: PatientId) -> MessageId {
    let id = letter(desk, patient, WORDS).await;
    all_arrives(desk).await;
    id
}
