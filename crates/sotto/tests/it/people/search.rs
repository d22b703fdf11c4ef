//! Finding a patient by what staff type, on both engines.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use sotto::audit::{self, Actor, Event, Kind, Log};
use sotto::db::registry::PATIENT;
use sotto::db::test_patient::{self, TestPatientRow};
use sotto::db::{DbError, patient_search};
use sotto::people::addresses::parse_phone;
use sotto::people::contacts::{self, NewContact};
use sotto::people::import::record::MRN;
use sotto::people::import::{CsvKind, Mapping, csv_file};
use sotto::people::search::find::{self, Found};
use sotto::people::search::index;
use sotto::people::search::query::Query;
use sotto::people::told::Told;
use sotto::{params, sql};
use tokio_util::sync::CancellationToken;

use super::{Desk, assert_sound, find as by_number, import};
use crate::engines::TestDb;
use crate::on_both_engines;

const PEOPLE: &str = "mrn,given_name,family_name,birth_date,mobile_phone,email,city,state\n\
    10001,María Luz,García-López,1985-03-14,617-555-0123,maria@example.com,Boston,MA\n\
    10002,John,O'Brien,1972-11-02,617-555-0199,,Salem,MA\n\
    10003,Ana,de la Cruz,1985-07-09,617-555-0142,,Lynn,MA\n\
    10004,Jon,Delacruz,2019-01-30,617-555-0142,,Lynn,MA\n\
    A-77,Mary,Garrison,1920-02-01,857-555-0123,,Boston,MA\n\
    10006,Nguyễn,Trần,1990-12-31,857-555-0188,,Quincy,MA\n\
    10007,Smith,Jordan,1999-05-05,,,Boston,MA\n\
    10008,王,芳,1988-08-08,857-555-0177,,Boston,MA\n";

async fn take(db: &TestDb, desk: &Desk, text: &'static str) {
    let mapping = Mapping {
        kind: CsvKind::Patients,
        renamed: HashMap::new(),
        mrn_system: MRN.to_owned(),
        zone: TimeZone::get("America/New_York").unwrap(),
    };
    let report = import(db, desk, false, move |tx, job| {
        csv_file::import(tx, job, &mapping, text.as_bytes())
    })
    .await
    .unwrap();
    assert_eq!(report.skipped, 0, "{report:?}");
}

async fn look(db: &TestDb, desk: &Desk, text: &str) -> Found {
    let query = Query::parse(text, jiff::civil::date(2027, 3, 1)).unwrap();
    let desk = desk.clone();
    db.read(move |tx| find::find(tx, Log::from(&desk), &query)).await.unwrap()
}

/// The given names of those found, joined.
async fn who(db: &TestDb, desk: &Desk, text: &str) -> String {
    let found = look(db, desk, text).await;
    assert!(!found.more);
    found.people.iter().map(|one| one.person.given.as_str()).collect::<Vec<_>>().join(", ")
}

async fn catch_up(db: &TestDb, desk: &Desk) -> u64 {
    index::catch_up(&db.db, &desk.0.office, &CancellationToken::new()).await.unwrap()
}

fn told(desk: &Desk) -> Told {
    Told {
        method: sotto::db::consent_event::ConsentMethod::Spoken,
        evidence: None,
        witness: Some("front desk".to_owned()),
        captured_at: Log::from(desk).clock.now(),
    }
}

on_both_engines! {
    async fn people_are_found_by_what_staff_type(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, PEOPLE).await;
        for (typed, found) in [
            // Names: any part, any order, from two letters on, however it is written.
            ("gar", "María Luz, Mary"),
            ("garcia", "María Luz"),
            ("GARCÍA", "María Luz"),
            ("garcia-lopez", "María Luz"),
            ("lopez garcia", "María Luz"),
            ("garcialopez", "María Luz"),
            ("luz garcia", "María Luz"),
            ("marialuz", "María Luz"),
            ("Garcia, Maria", "María Luz"),
            ("m garcia", "María Luz"),
            ("x garcia", ""),
            ("obrien", "John"),
            ("O’Brien", "John"),
            ("o'br", "John"),
            ("jo", "Jon, Smith, John"),
            ("de la cruz", "Ana, Jon"),
            ("ana de la cruz", "Ana"),
            ("jon de la cruz", "Jon"),
            ("delacruz", "Ana, Jon"),
            ("nguyen tran", "Nguyễn"),
            ("tran", "Nguyễn"),
            ("王", "王"),
            ("smith", "Smith"),
            // Birth dates.
            ("3/14/1985", "María Luz"),
            ("03-14-85", "María Luz"),
            ("1985-03-14", "María Luz"),
            ("mar 14 1985", "María Luz"),
            ("14 March 1985", "María Luz"),
            ("031485", "María Luz"),
            ("1985", "Ana, María Luz"),
            ("2/1/20", "Mary"),
            ("1/30/19", "Jon"),
            ("3/15/1985", ""),
            // Numbers, whole and by their ends; a number shared by two is both's.
            ("(617) 555-0123", "María Luz"),
            ("6175550123", "María Luz"),
            ("+1 617 555 0123", "María Luz"),
            ("555-0123", "María Luz, Mary"),
            ("0123", "María Luz, Mary"),
            ("0142", "Ana, Jon"),
            ("617-555-0124", ""),
            // Record numbers and mailboxes.
            ("10002", "John"),
            ("mrn 10002", "John"),
            ("a77", "Mary"),
            ("A-77", "Mary"),
            ("1000", ""),
            ("Maria@Example.com", "María Luz"),
            // Together.
            ("gar 1985", "María Luz"),
            ("gar 0123", "María Luz, Mary"),
            ("gar 0123 1920", "Mary"),
            ("garcia 3/14/85 617-555-0123", "María Luz"),
            ("delacruz 2019", "Jon"),
            ("garcia 1986", ""),
        ] {
            assert_eq!(who(&db, &desk, typed).await, found, "{typed}");
        }
        assert_sound(&db, &desk).await;
    }

    async fn what_changes_is_found_anew_and_no_longer_as_it_was(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, PEOPLE).await;
        take(&db, &desk, "mrn,given_name,family_name,birth_date,mobile_phone\n\
            10002,John,Quimby,1972-11-03,617-555-0111\n").await;
        for (typed, found) in [
            ("obrien", ""), ("quimby", "John"), ("11/2/1972", ""), ("11/3/1972", "John"),
            ("0199", ""), ("0111", "John"),
        ] {
            assert_eq!(who(&db, &desk, typed).await, found, "{typed}");
        }
        // Staff write a number down, and take it out of use.
        let john = by_number(&db, &desk, MRN, "10002").await;
        let own = desk.clone();
        let contact = db
            .write(move |tx| {
                let number = gate::Address::Phone(parse_phone("617-555-0166").unwrap().0);
                let new = NewContact::own(john, number);
                let actor = Actor::staff("s-1", "front_desk");
                contacts::add(tx, &own.0.office, &actor, &new, &told(&own))
            })
            .await
            .unwrap();
        assert_eq!(who(&db, &desk, "0166").await, "John");
        let own = desk.clone();
        db.write(move |tx| {
            let actor = Actor::staff("s-1", "front_desk");
            contacts::end(tx, &own.0.office, &actor, (john, contact), &told(&own))
        })
        .await
        .unwrap();
        assert_eq!(who(&db, &desk, "0166").await, "");
        assert_eq!(tokens_too_many(&db, &desk).await, 0);
    }

    async fn a_merged_record_leads_to_the_one_that_stays(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, PEOPLE).await;
        let from = by_number(&db, &desk, MRN, "10003").await;
        let into = by_number(&db, &desk, MRN, "10001").await;
        let own = desk.clone();
        db.write(move |tx| {
            assert!(sotto::people::merge::merge(tx, Log::from(&own), from, into).unwrap());
            let event = Event::new(Kind::PatientChanged, Actor::operator()).about(PATIENT, from);
            audit::append(tx, &own, event)
        })
        .await
        .unwrap();
        let found = look(&db, &desk, "mrn 10003").await;
        let [one] = found.people.as_slice() else { panic!("{found:?}") };
        assert!(one.id == into && one.formerly && one.person.given == "María Luz");
        // Once, though both records fit.
        let found = look(&db, &desk, "1985").await;
        assert_eq!(found.people.len(), 1, "{found:?}");
    }

    async fn a_false_token_shows_nobody(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, PEOPLE).await;
        let (john, ana) = (
            by_number(&db, &desk, MRN, "10002").await,
            by_number(&db, &desk, MRN, "10003").await,
        );
        let own = desk.clone();
        db.write(move |tx| {
            // Everything that leads to Ana leads to John too.
            tx.execute(
                sql!(
                    "INSERT INTO patient_search (practice_id, token, patient_id)
                     SELECT practice_id, token, $2 FROM patient_search
                      WHERE practice_id = $1 AND patient_id = $3
                     ON CONFLICT (practice_id, token, patient_id) DO NOTHING"
                ),
                params![own.practice(), john, ana],
            )
        })
        .await
        .unwrap();
        for (typed, found) in
            [("de la cruz", "Ana, Jon"), ("7/9/1985", "Ana"), ("mrn 10003", "Ana"), ("obrien", "John")]
        {
            assert_eq!(who(&db, &desk, typed).await, found, "{typed}");
        }
    }

    async fn whoever_has_no_tokens_gets_them_at_the_start(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, PEOPLE).await;
        assert_eq!(catch_up(&db, &desk).await, 0, "an import makes them");
        let before = rows(&db, &desk).await;
        let practice = desk.practice();
        db.write(move |tx| {
            tx.execute(sql!("DELETE FROM patient_search WHERE practice_id = $1"), params![practice])
        })
        .await
        .unwrap();
        assert_eq!(who(&db, &desk, "gar").await, "");
        assert_eq!(catch_up(&db, &desk).await, 8);
        assert_eq!(catch_up(&db, &desk).await, 0);
        assert_eq!(rows(&db, &desk).await, before);
        assert_eq!(who(&db, &desk, "gar").await, "María Luz, Mary");
    }

    async fn the_patient_that_is_nobody_is_found_by_nothing(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, PEOPLE).await;
        let john = by_number(&db, &desk, MRN, "10002").await;
        let own = desk.clone();
        db.write(move |tx| {
            let row = TestPatientRow {
                patient: john,
                address_index: [7; 32],
                by_wire: false,
                created_at: Log::from(&own).clock.now(),
            };
            test_patient::add(tx, own.practice(), &row)?;
            audit::append(tx, &own, Event::new(Kind::PatientChanged, Actor::operator()))
        })
        .await
        .unwrap();
        assert_eq!(who(&db, &desk, "obrien").await, "");
        assert_eq!(catch_up(&db, &desk).await, 0);
    }

    async fn more_than_can_be_opened_is_said_and_some_are_shown(db: TestDb) {
        let desk = Desk::new(&db).await;
        let rows: String = (0..320)
            .map(|n| format!("{n},Given{},Sameson,19{:02}-01-02\n", n % 7, n % 90))
            .collect();
        let text: &'static str =
            Box::leak(format!("mrn,given_name,family_name,birth_date\n{rows}").into_boxed_str());
        take(&db, &desk, text).await;
        let found = look(&db, &desk, "sam").await;
        assert!(found.more && found.people.len() == 300);
        let found = look(&db, &desk, "sameson 1/2/1985").await;
        assert!(!found.more && (3..=4).contains(&found.people.len()), "{found:?}");
    }
}

async fn rows(db: &TestDb, desk: &Desk) -> i64 {
    let practice = desk.practice();
    db.read(move |tx| patient_search::rows(tx, practice)).await.unwrap()
}

/// How many tokens there are that making them anew would not make.
async fn tokens_too_many(db: &TestDb, desk: &Desk) -> i64 {
    let before = rows(db, desk).await;
    let practice = desk.practice();
    db.write(move |tx| {
        tx.execute(sql!("DELETE FROM patient_search WHERE practice_id = $1"), params![practice])
    })
    .await
    .map(drop)
    .map_err(|error: DbError| error)
    .unwrap();
    catch_up(db, desk).await;
    before - rows(db, desk).await
}
