//! Consents, preferences and caregivers, on both engines.

use gate::facts::Scope;
use gate::{Address, Channel, Kind, PatientId, Purpose};
use jiff::SignedDuration;
use serde_json::json;
use sotto::audit::{Actor, Log};
use sotto::db::caregiver::Permission;
use sotto::db::consent_event::{self, ConsentEventKind, ConsentKind, ConsentMethod};
use sotto::db::{DbError, caregiver};
use sotto::people::addresses::parse_phone;
use sotto::people::caregivers::{self, Allowance, CaregiverError};
use sotto::people::consents::{self, ConsentError, NewConsent, Revocation};
use sotto::people::import::fhir;
use sotto::people::import::record::FHIR_ID;
use sotto::people::preferences::{self, Preferences};

use super::{Desk, assert_sound, find, import};
use crate::engines::TestDb;
use crate::on_both_engines;

async fn ana(db: &TestDb, desk: &Desk) -> PatientId {
    let bundle = json!({"resourceType": "Bundle", "entry": [
        {"resource": {"resourceType": "Patient", "id": "ana", "name": [{"family": "Demo"}],
                      "telecom": [{"system": "phone", "value": "617-555-0100"}]}},
        {"resource": {"resourceType": "RelatedPerson", "id": "eva", "name": [{"family": "Demo"}],
                      "patient": {"reference": "Patient/ana"}}},
    ]})
    .to_string();
    import(db, desk, false, move |tx, job| fhir::import(tx, job, bundle.as_bytes())).await.unwrap();
    find(db, desk, FHIR_ID, "ana").await
}

fn spoken(patient: PatientId, number: &str, now: jiff::Timestamp) -> NewConsent {
    NewConsent {
        patient,
        class: ConsentKind::Pec,
        channel: Channel::Sms,
        address: Address::Phone(parse_phone(number).unwrap().0),
        purposes: vec![Purpose::Treatment],
        categories: Vec::new(),
        up_to: None,
        text_version: None,
        risk_warned: false,
        language: "es".into(),
        frequency: None,
        method: ConsentMethod::Spoken,
        evidence: None,
        evidence_digest: None,
        witness: Some("front desk".into()),
        captured_at: now,
        valid_until: None,
        withdrawal: "reply STOP".into(),
    }
}

on_both_engines! {
    async fn a_consent_is_given_and_revoked_and_both_stay_on_file(db: TestDb) {
        let desk = Desk::new(&db).await;
        let who = ana(&db, &desk).await;
        let now = db.clock.now();
        let own = desk.clone();
        let id = db
            .write(move |tx| {
                let new = spoken(who, "617-555-0100", now);
                consents::record(tx, Log::from(&own), Actor::staff("1", "front desk"), &new)
            })
            .await
            .unwrap();
        db.clock.advance(SignedDuration::from_hours(2));
        let history = |db: &TestDb| {
            let (practice, db) = (desk.practice(), db.db.clone());
            async move { db.read(move |tx| consent_event::of_patient(tx, practice, who)).await.unwrap() }
        };
        let before = history(&db).await;
        assert_eq!(consents::in_force(&before, db.clock.now()).len(), 1);
        assert_eq!((before[0].captured_by.as_str(), before[0].purposes.as_str()), ("staff:1", "treatment"));
        for last in [None, Some(())] {
            let own = desk.clone();
            let how = Revocation {
                method: ConsentMethod::Spoken,
                captured_at: db.clock.now(),
                witness: Some("front desk".into()),
                evidence: None,
            };
            let result = db
                .write(move |tx| {
                    consents::revoke(tx, Log::from(&own), Actor::staff("1", "front desk"), id, &how)
                })
                .await;
            match last {
                None => result.unwrap(),
                Some(()) => assert!(matches!(result, Err(ConsentError::AlreadyRevoked))),
            }
        }
        let after = history(&db).await;
        assert_eq!(after[0], before[0], "what was given stays as it was");
        assert_eq!(after.len(), 2);
        assert_eq!((after[1].event, after[1].consent_id), (ConsentEventKind::Revoked, id));
        assert!(consents::in_force(&after, db.clock.now()).is_empty());
        assert_sound(&db, &desk).await;
    }

    async fn a_consent_needs_a_patient_and_an_address_on_file(db: TestDb) {
        let desk = Desk::new(&db).await;
        let who = ana(&db, &desk).await;
        let now = db.clock.now();
        let stranger = PatientId(db.clock.new_id());
        for (patient, number) in [(stranger, "617-555-0100"), (who, "617-555-0199")] {
            let own = desk.clone();
            let error = db
                .write(move |tx| {
                    let new = spoken(patient, number, now);
                    consents::record(tx, Log::from(&own), Actor::operator(), &new)
                })
                .await
                .unwrap_err();
            match error {
                ConsentError::UnknownPatient => assert_eq!(patient, stranger),
                ConsentError::Invalid { field: "address", .. } => assert_eq!(patient, who),
                other => panic!("{other}"),
            }
        }
    }

    async fn wishes_and_permissions_are_written_down(db: TestDb) {
        let desk = Desk::new(&db).await;
        let who = ana(&db, &desk).await;
        let wishes = Preferences {
            channel: Some(Channel::Email),
            hours: Some((600, 1200)),
            kinds_off: vec![Kind::Survey, Kind::Recall],
        };
        let (own, wanted) = (desk.clone(), wishes.clone());
        let told = db
            .write(move |tx| {
                let log = Log::from(&own);
                preferences::set(tx, log, Actor::patient(who), who, &wanted)?;
                Ok::<_, preferences::PreferenceError>(preferences::get(tx, log, who)?)
            })
            .await
            .unwrap();
        assert_eq!(told, wishes);

        let own = desk.clone();
        let row = db
            .write(move |tx| {
                let log = Log::from(&own);
                let person = caregiver::of_patient(tx, log.practice, who)?.remove(0);
                let allowance = Allowance {
                    scope: vec![Scope::Appointments],
                    permission: Permission::Spoken,
                    representative: false,
                    evidence: None,
                    valid_from: None,
                    valid_until: None,
                };
                let staff = Actor::staff("1", "front desk");
                caregivers::allow(tx, log, staff, (who, person.id), &allowance)?;
                Ok::<_, CaregiverError>(caregiver::of_patient(tx, log.practice, who)?.remove(0))
            })
            .await
            .unwrap();
        assert_eq!((row.scope.as_str(), row.permission), ("appointments", Permission::Spoken));
        // The chart's next word does not take it away.
        assert_eq!(ana(&db, &desk).await, who);
        let practice = desk.practice();
        let after = db
            .read(move |tx| Ok::<_, DbError>(caregiver::of_patient(tx, practice, who)?.remove(0)))
            .await
            .unwrap();
        assert_eq!(after, row);
    }
}
