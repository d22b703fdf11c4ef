//! FHIR bundles, on both engines.

use std::path::PathBuf;

use gate::facts::Line;
use gate::{Address, ContactPointId, PatientId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sotto::audit::{self, Actor, Event, Log};
use sotto::db::appointment::{self, AppointmentStatus};
use sotto::db::contact_point::{self, AddressSource, ContactPointRow};
use sotto::db::restriction::{
    AlternativeRow, RestrictedThing, RestrictionRow, RestrictionStatus, alternatives_of,
    of_patient, put, put_alternative,
};
use sotto::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use sotto::db::{DbError, caregiver, import_file, patient, registry};
use sotto::ids::Id as _;
use sotto::people::addresses::parse_phone;
use sotto::people::contact_points::{address_index, seal_address};
use sotto::people::import::record::FHIR_ID;
use sotto::people::import::{ImportError, Reason, Report, fhir};

use super::{Desk, assert_sound, everything, find, import};
use crate::engines::TestDb;
use crate::on_both_engines;

/// Made-up bundles of the Synthea project, where this machine has them.
fn synthea() -> Vec<PathBuf> {
    let folder = std::env::var_os("SOTTO_TEST_SYNTHEA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/synthea")),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    files
}

async fn import_value(db: &TestDb, desk: &Desk, bundle: &Value) -> Result<Report, ImportError> {
    let text = bundle.to_string();
    import(db, desk, false, move |tx, job| fhir::import(tx, job, text.as_bytes())).await
}

fn bundle(resources: &[Value]) -> Value {
    let entries: Vec<_> = resources.iter().map(|r| json!({ "resource": r })).collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries })
}

fn ana(telecom: &Value) -> Value {
    json!({
        "resourceType": "Patient", "id": "ana",
        "name": [{"family": "Demo", "given": ["Ana", "Luz"]}],
        "birthDate": "2015-05-05", "telecom": telecom,
        "address": [{"line": ["1 Main St"], "city": "Boston", "state": "Massachusetts",
                     "postalCode": "02108"}]
    })
}

fn home(number: &str) -> Value {
    json!([{"system": "phone", "value": number, "use": "home"}])
}

on_both_engines! {
    async fn all_synthea_bundles_import_and_import_again_unchanged(db: TestDb) {
        let desk = Desk::new(&db).await;
        let files = synthea();
        let mut rows = 0;
        for file in files.clone() {
            let report = import(&db, &desk, false, move |tx, job| {
                fhir::import(tx, job, std::fs::File::open(file).unwrap())
            })
            .await
            .unwrap();
            assert_eq!(report.updated, 0, "{report:?}");
            assert!(report.reasons.keys().all(|reason| *reason == Reason::NotUsed), "{report:?}");
            assert!(report.parts.is_empty(), "{report:?}");
            rows += report.imported + report.unchanged;
        }
        let before = everything(&db, &desk).await;
        db.clock.advance(SignedDuration::from_hours(1));
        let mut again = 0;
        for file in files.clone() {
            let report = import(&db, &desk, false, move |tx, job| {
                fhir::import(tx, job, std::fs::File::open(file).unwrap())
            })
            .await
            .unwrap();
            assert_eq!((report.imported, report.updated), (0, 0), "{report:?}");
            again += report.unchanged;
        }
        assert_eq!(rows, again);
        assert_eq!(before, everything(&db, &desk).await);
        if !files.is_empty() {
            assert!(before.lines().filter(|line| line.starts_with('{')).count() >= 14);
        }
        // Every row that came in is bound by the log.
        assert_sound(&db, &desk).await;
    }

    async fn the_whole_story_of_one_bundle(db: TestDb) {
        let desk = Desk::new(&db).await;
        // What refers comes before what it refers to.
        let all = bundle(&[
            json!({"resourceType": "Appointment", "id": "v1", "status": "booked",
                   "start": "2027-03-08T15:00:00Z", "minutesDuration": 30, "participant": [
                       {"actor": {"reference": "Patient/ana"}},
                       {"actor": {"reference": "Practitioner/d"}},
                       {"actor": {"reference": "Location/l"}}]}),
            json!({"resourceType": "RelatedPerson", "id": "mum",
                   "patient": {"reference": "Patient/ana"},
                   "relationship": [{"coding": [{"code": "MTH"}]}],
                   "name": [{"family": "Demo", "given": ["Eva"]}],
                   "telecom": [{"system": "sms", "value": "617-555-0111"}]}),
            ana(&home("617-555-0100")),
            json!({"resourceType": "Practitioner", "id": "d",
                   "name": [{"family": "Rivera", "prefix": ["Dr."]}]}),
            json!({"resourceType": "Location", "id": "l", "name": "North",
                   "address": {"city": "Boston", "state": "MA"}}),
            json!({"resourceType": "Appointment", "id": "v2", "status": "booked",
                   "start": "2027-03-08T15:00:00Z",
                   "participant": [{"actor": {"reference": "Patient/nobody"}}]}),
            json!({"resourceType": "Observation", "id": "o"}),
        ]);
        let report = import_value(&db, &desk, &all).await.unwrap();
        assert_eq!((report.imported, report.updated, report.skipped), (5, 0, 2), "{report:?}");
        assert_eq!(report.reasons[&Reason::UnknownPatient].first, ["/entry/5/resource"]);
        assert_eq!(report.reasons[&Reason::NotUsed].first, ["/entry/6"]);
        let again = import_value(&db, &desk, &all).await.unwrap();
        assert_eq!((again.imported, again.updated, again.unchanged), (0, 0, 5), "{again:?}");

        let patient_id = find(&db, &desk, FHIR_ID, "ana").await;
        let practice = desk.practice();
        let (row, people, visits, files) = db
            .read(move |tx| {
                let span = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
                Ok::<_, DbError>((
                    patient::get(tx, practice, patient_id)?.unwrap(),
                    caregiver::of_patient(tx, practice, patient_id)?,
                    appointment::of_patient(tx, practice, patient_id, span)?,
                    import_file::all(tx, practice)?,
                ))
            })
            .await
            .unwrap();
        assert_eq!(row.timezone.as_deref(), Some("America/New_York"));
        // A chart's word for a mother is no permission to tell her anything.
        assert_eq!(people.len(), 1);
        assert_eq!((people[0].relation.as_str(), people[0].representative), ("mother", false));
        assert_eq!((people[0].scope.as_str(), people[0].permission), ("", caregiver::Permission::None));
        assert_eq!(visits.len(), 1);
        assert!(visits[0].clinician_id.is_some() && visits[0].site_id.is_some());
        assert_eq!((visits[0].version, visits[0].status), (1, AppointmentStatus::Booked));
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].digest, files[1].digest);

        let moved = bundle(&[
            json!({"resourceType": "Appointment", "id": "v1", "status": "cancelled",
                   "start": "2027-03-08T15:00:00Z", "minutesDuration": 30,
                   "participant": [{"actor": {"reference": "Patient/ana"}}]}),
        ]);
        let report = import_value(&db, &desk, &moved).await.unwrap();
        assert_eq!(report.updated, 1, "{report:?}");
        let visit = db
            .read(move |tx| appointment::by_external_id(tx, practice, "v1"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((visit.version, visit.status), (2, AppointmentStatus::Cancelled));
        assert!(visit.site_id.is_some(), "a file that names no site takes none away");
        assert_sound(&db, &desk).await;
    }

    async fn a_file_with_an_error_at_its_end_applies_nothing(db: TestDb) {
        let desk = Desk::new(&db).await;
        let mut text = bundle(&[ana(&home("617-555-0100"))]).to_string();
        text.truncate(text.len() - 20);
        let error = import(&db, &desk, false, move |tx, job| fhir::import(tx, job, text.as_bytes()))
            .await
            .unwrap_err();
        assert!(matches!(error, ImportError::Json { .. }), "{error}");
        assert_eq!(everything(&db, &desk).await, "");
    }

    async fn a_dry_run_says_the_same_and_stores_nothing(db: TestDb) {
        let desk = Desk::new(&db).await;
        let all = bundle(&[
            ana(&home("617-555-0100")),
            ana(&home("617-555-0100")),
            json!({"resourceType": "RelatedPerson", "id": "mum",
                   "patient": {"reference": "Patient/ana"},
                   "name": [{"family": "Demo"}]}),
        ]);
        let text = all.to_string();
        let dry = import(&db, &desk, true, move |tx, job| fhir::import(tx, job, text.as_bytes()))
            .await
            .unwrap();
        assert!(dry.dry_run);
        assert_eq!(dry.imported + dry.unchanged + dry.updated, 3, "{dry:?}");
        assert_eq!(everything(&db, &desk).await, "");
        let practice = desk.practice();
        assert!(db.read(move |tx| import_file::all(tx, practice)).await.unwrap().is_empty());
    }

    async fn alternative_contacts_and_opt_outs_survive_every_import(db: TestDb) {
        let desk = Desk::new(&db).await;
        import_value(&db, &desk, &bundle(&[ana(&home("617-555-0100"))])).await.unwrap();
        let who = find(&db, &desk, FHIR_ID, "ana").await;
        protect(&db, &desk, who).await;
        let before = protected(&db, &desk, who).await;
        // The chart drops the number that was opted out and gives the secret one another use.
        for telecom in [json!([]), home("617-555-0199"), json!([
            {"system": "phone", "value": "617-555-0142", "use": "work", "rank": 1},
            {"system": "phone", "value": "617-555-0100", "use": "mobile"},
        ])] {
            db.clock.advance(SignedDuration::from_hours(1));
            import_value(&db, &desk, &bundle(&[ana(&telecom)])).await.unwrap();
            assert_eq!(protected(&db, &desk, who).await, before, "{telecom}");
        }
    }

    async fn a_number_the_chart_drops_ends_and_may_come_back(db: TestDb) {
        let desk = Desk::new(&db).await;
        import_value(&db, &desk, &bundle(&[ana(&home("617-555-0100"))])).await.unwrap();
        let first = everything(&db, &desk).await;
        import_value(&db, &desk, &bundle(&[ana(&home("617-555-0122"))])).await.unwrap();
        let second = everything(&db, &desk).await;
        assert!(second.contains("+16175550100 Unknown Some(Home) 1 Chart until Some("), "{second}");
        assert!(second.contains("+16175550122 Unknown Some(Home) 1 Chart until None"), "{second}");
        import_value(&db, &desk, &bundle(&[ana(&home("617-555-0100"))])).await.unwrap();
        let third = everything(&db, &desk).await;
        assert!(third.contains("+16175550100 Unknown Some(Home) 1 Chart until None"), "{third}");
        assert!(first.len() < third.len());
    }

    async fn a_shared_number_never_joins_two_patients(db: TestDb) {
        let desk = Desk::new(&db).await;
        let mut ben = ana(&home("617-555-0100"));
        ben["id"] = json!("ben");
        let report =
            import_value(&db, &desk, &bundle(&[ana(&home("617-555-0100")), ben])).await.unwrap();
        assert_eq!(report.imported, 2);
        assert_ne!(find(&db, &desk, FHIR_ID, "ana").await, find(&db, &desk, FHIR_ID, "ben").await);
    }

    async fn identifiers_of_two_patients_join_nobody(db: TestDb) {
        let desk = Desk::new(&db).await;
        let with_mrn = |id: &str, mrn: &str| {
            let mut patient = ana(&json!([]));
            patient["id"] = json!(id);
            patient["identifier"] = json!([{
                "type": {"coding": [{"code": "MR"}]}, "system": "urn:clinic", "value": mrn
            }]);
            patient
        };
        import_value(&db, &desk, &bundle(&[with_mrn("a", "1"), with_mrn("b", "2")])).await.unwrap();
        // The same person under a new id of the server, and then a mix of two.
        let report = import_value(&db, &desk, &bundle(&[with_mrn("c", "1")])).await.unwrap();
        assert_eq!(report.updated, 1, "{report:?}");
        let report = import_value(&db, &desk, &bundle(&[with_mrn("b", "1")])).await.unwrap();
        assert_eq!(report.reasons[&Reason::SeveralPatients].count, 1, "{report:?}");
        assert_eq!(find(&db, &desk, FHIR_ID, "c").await, find(&db, &desk, FHIR_ID, "a").await);
    }

    async fn a_merge_keeps_the_stricter_wishes(db: TestDb) {
        let desk = Desk::new(&db).await;
        let mut new = ana(&home("617-555-0122"));
        new["id"] = json!("new");
        import_value(&db, &desk, &bundle(&[ana(&home("617-555-0100")), new.clone()])).await.unwrap();
        let old_id = find(&db, &desk, FHIR_ID, "ana").await;
        let new_id = find(&db, &desk, FHIR_ID, "new").await;
        protect(&db, &desk, old_id).await;
        let mut old = ana(&home("617-555-0100"));
        old["link"] = json!([{"type": "replaced-by", "other": {"reference": "Patient/new"}}]);
        let both = bundle(&[old, new]);
        import_value(&db, &desk, &both).await.unwrap();
        let practice = desk.practice();
        let (row, wishes, rules, points) = db
            .read(move |tx| {
                Ok::<_, DbError>((
                    patient::get(tx, practice, old_id)?.unwrap(),
                    alternatives_of(tx, practice, new_id)?,
                    of_patient(tx, practice, new_id)?,
                    contact_point::of_patient(tx, practice, new_id)?,
                ))
            })
            .await
            .unwrap();
        assert_eq!((row.active, row.merged_into), (false, Some(new_id)));
        assert_eq!((wishes.len(), rules.len()), (1, 1));
        let point = points.iter().find(|p| Some(p.id) == wishes[0].contact_point_id).unwrap();
        assert_eq!(point.source, AddressSource::Staff);
        // Once more changes nothing.
        import_value(&db, &desk, &both).await.unwrap();
        let again = db.read(move |tx| alternatives_of(tx, practice, new_id)).await.unwrap();
        assert_eq!(again.len(), 1);
    }
}

/// Staff record a secret number as the alternative contact, a restriction, and an opt-out of the
/// chart's number.
async fn protect(db: &TestDb, desk: &Desk, who: PatientId) {
    let desk = desk.clone();
    db.write(move |tx| {
        let log = Log::from(&desk);
        let now = log.clock.now();
        let secret = Address::Phone(parse_phone("617-555-0142").unwrap().0);
        let opted_out = Address::Phone(parse_phone("617-555-0100").unwrap().0);
        let id = ContactPointId::new(log.clock);
        let point = ContactPointRow {
            id,
            patient_id: who,
            caregiver_id: None,
            kind: secret.kind(),
            address_sealed: seal_address(log.keys, log.practice, who, id, &secret).unwrap(),
            address_index: address_index(log.keys, &secret).to_vec(),
            line: Line::Mobile,
            place: None,
            rank: 1,
            shared: false,
            source: AddressSource::Staff,
            verified_at: Some(now),
            verified_how: Some("in_person".to_owned()),
            valid_from: None,
            valid_until: None,
            dead: None,
            dead_at: None,
            updated_at: now,
        };
        contact_point::put(tx, log.practice, &point)?;
        let wish = AlternativeRow {
            id: log.clock.new_id(),
            patient_id: who,
            channel: None,
            contact_point_id: Some(id),
            valid_from: now,
            valid_until: None,
            evidence: Some("form 9".to_owned()),
            recorded_by: "staff:1".to_owned(),
            recorded_at: now,
        };
        put_alternative(tx, log.practice, &wish)?;
        let rule = RestrictionRow {
            id: log.clock.new_id(),
            patient_id: who,
            what: RestrictedThing::Hold,
            value: None,
            status: RestrictionStatus::Accepted,
            valid_from: now,
            valid_until: None,
            recorded_by: "staff:1".to_owned(),
            recorded_at: now,
        };
        put(tx, log.practice, &rule)?;
        let stop = SuppressionRow {
            id: log.clock.new_id(),
            address_index: address_index(log.keys, &opted_out).to_vec(),
            event: SuppressionKind::OptOut,
            channel: None,
            kind: None,
            source: SuppressionSource::Keyword,
            inbound_id: None,
            recorded_by: "carrier:sms_smpp".to_owned(),
            occurred_at: now,
        };
        suppression::add(tx, log.practice, &stop)?;
        let event = Event::new(audit::Kind::RestrictionChanged, Actor::staff("1", "privacy"))
            .about(registry::PATIENT, who);
        audit::append(tx, log, event)
    })
    .await
    .unwrap();
}

/// All that an import must leave alone.
async fn protected(
    db: &TestDb,
    desk: &Desk,
    who: PatientId,
) -> (Vec<AlternativeRow>, Vec<RestrictionRow>, Vec<SuppressionRow>, Vec<ContactPointRow>) {
    let desk = desk.clone();
    db.read(move |tx| {
        let log = Log::from(&desk);
        let opted_out = Address::Phone(parse_phone("617-555-0100").unwrap().0);
        let index = address_index(log.keys, &opted_out);
        let mut points = contact_point::of_patient(tx, log.practice, who)?;
        points.retain(|point| point.source == AddressSource::Staff);
        Ok::<_, DbError>((
            alternatives_of(tx, log.practice, who)?,
            of_patient(tx, log.practice, who)?,
            suppression::of_address(tx, log.practice, &index)?,
            points,
        ))
    })
    .await
    .unwrap()
}
