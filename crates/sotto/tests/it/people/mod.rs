//! People, what they agreed to, and how they come in.

mod consents;
mod import_csv;
mod import_fhir;

use gate::PatientId;
use sotto::audit::{Actor, Log};
use sotto::db::contact_point::{self, ContactPointRow};
use sotto::db::{Db, DbError, patient};
use sotto::people::contact_points::open_address;
use sotto::people::import::{ImportError, Job, Report};
use sotto::people::patients::open_person;

use crate::audit::Desk;
use crate::engines::TestDb;

/// Imports a file as the command line would, without anybody planning reminders.
async fn import(
    db: &TestDb,
    desk: &Desk,
    dry_run: bool,
    run: impl FnOnce(&mut sotto::db::Tx<'_>, Job<'_>) -> Result<Report, ImportError> + Send + 'static,
) -> Result<Report, ImportError> {
    let desk = desk.clone();
    let result = db
        .write(move |tx| {
            let rescheduled = &mut |_: &mut sotto::db::Tx<'_>, _: &_| Ok(());
            let job = Job { log: Log::from(&desk), actor: Actor::operator(), dry_run, rescheduled };
            run(tx, job)
        })
        .await;
    match result {
        Err(ImportError::DryRun(report)) => Ok(*report),
        other => other,
    }
}

/// Everything stored of all patients, opened, as one text to compare.
async fn everything(db: &Db, desk: &Desk) -> String {
    let desk = desk.clone();
    db.read(move |tx| {
        let log = Log::from(&desk);
        let mut out = String::new();
        for row in patient::page(tx, log.practice, None, 10_000)? {
            let person =
                open_person(log.keys, log.practice, row.id, row.person_sealed.clone()).unwrap();
            out += &serde_json::to_string(&person).unwrap();
            out += &format!(
                " {:?} {:?} {:?} {} {:?}\n",
                row.language, row.timezone, row.deceased_at, row.active, row.merged_into
            );
            for point in contact_point::of_patient(tx, log.practice, row.id)? {
                out += &shown(log, &point);
            }
        }
        Ok::<_, DbError>(out)
    })
    .await
    .unwrap()
}

fn shown(log: Log<'_>, point: &ContactPointRow) -> String {
    let sealed = point.address_sealed.clone();
    let address = open_address(log.keys, log.practice, point.id, point.kind, sealed).unwrap();
    format!(
        "  {} {:?} {:?} {} {:?} until {:?}\n",
        address.reveal(),
        point.line,
        point.place,
        point.rank,
        point.source,
        point.valid_until
    )
}

/// The patient with this identifier.
async fn find(db: &Db, desk: &Desk, system: &'static str, value: &'static str) -> PatientId {
    let desk = desk.clone();
    db.read(move |tx| {
        let log = Log::from(&desk);
        let index = log.keys.blind_index(&format!("identifier {system}"), value.as_bytes());
        patient::by_identifier(tx, log.practice, system, &index)
    })
    .await
    .unwrap()
    .expect("on file")
}

/// Every row is bound by the log, and the log by its tree.
async fn assert_sound(db: &TestDb, desk: &Desk) {
    let own = desk.clone();
    db.write(move |tx| sotto::audit::schema::record_schema(tx, &own)).await.unwrap();
    desk.sequence(db).await;
    let told = desk.verify(db).await;
    assert!(told.is_sound(), "{told:?}");
}
