//! CSV files, on both engines.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sotto::audit::Log;
use sotto::db::DbError;
use sotto::db::appointment;
use sotto::people::import::record::MRN;
use sotto::people::import::{CsvKind, ImportError, Mapping, Reason, Report, csv_file};

use super::{Desk, everything, find, import};
use crate::engines::TestDb;
use crate::on_both_engines;

fn mapping(kind: CsvKind) -> Mapping {
    Mapping {
        kind,
        renamed: HashMap::new(),
        mrn_system: MRN.to_owned(),
        zone: TimeZone::get("America/New_York").unwrap(),
    }
}

async fn take(
    db: &TestDb,
    desk: &Desk,
    kind: CsvKind,
    text: &'static str,
) -> Result<Report, ImportError> {
    import(db, desk, false, move |tx, job| {
        csv_file::import(tx, job, &mapping(kind), text.as_bytes())
    })
    .await
}

const PATIENTS: &str = "mrn,given_name,family_name,birth_date,mobile_phone,email,state,deceased\n\
    1,Ana,Demo,1980-01-02,617-555-0101,ana@example.com,MA,\n\
    2,\"Ben, Jr\",Demo,2019-01-02,617-555-0101,,MA,no\n\
    3,Cid,Demo,1930-01-02,,,CA,2026-12-24\n";

on_both_engines! {
    async fn patients_come_in_once_and_change_where_the_file_speaks(db: TestDb) {
        let desk = Desk::new(&db).await;
        let report = take(&db, &desk, CsvKind::Patients, PATIENTS).await.unwrap();
        assert_eq!((report.imported, report.skipped), (3, 0), "{report:?}");
        let before = everything(&db, &desk).await;
        let report = take(&db, &desk, CsvKind::Patients, PATIENTS).await.unwrap();
        assert_eq!(report.unchanged, 3, "{report:?}");
        assert_eq!(before, everything(&db, &desk).await);

        // A file without telephone numbers takes none away; an empty cell does.
        let names = "mrn,given_name,family_name\n1,Anna,Demo\n";
        let report = take(&db, &desk, CsvKind::Patients, names).await.unwrap();
        assert_eq!(report.updated, 1, "{report:?}");
        let after = everything(&db, &desk).await;
        assert_eq!(after, before.replace("\"given\":\"Ana\"", "\"given\":\"Anna\""));
        let gone = "mrn,given_name,family_name,email\n1,Anna,Demo,\n";
        take(&db, &desk, CsvKind::Patients, gone).await.unwrap();
        let after = everything(&db, &desk).await;
        assert!(after.contains("ana@example.com NotALine None 2 Chart until Some("), "{after}");
        assert!(after.contains("+16175550101 Mobile Some(Mobile) 1 Chart until None"), "{after}");
    }

    async fn appointments_find_their_patients_and_places(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, CsvKind::Patients, PATIENTS).await.unwrap();
        let file = "id,mrn,starts_at,minutes,status,clinician_name,site_id,site_name\n\
            v1,1,2027-03-08 09:00,30,,Rivera,n,North\n\
            v2,2,2027-03-08T10:00:00-05:00,30,booked,Rivera,n,North\n\
            v3,9,2027-03-08 11:00,30,booked,Rivera,n,North\n\
            v4,1,2027-03-08 11:00,30,perhaps,Rivera,n,North\n";
        let report = take(&db, &desk, CsvKind::Appointments, file).await.unwrap();
        // Two appointments, one clinician, one site.
        assert_eq!((report.imported, report.skipped), (4, 2), "{report:?}");
        assert_eq!(report.reasons[&Reason::UnknownPatient].first, ["line 4"]);
        assert_eq!(report.reasons[&Reason::BadWord].first, ["line 5"]);
        let again = take(&db, &desk, CsvKind::Appointments, file).await.unwrap();
        assert_eq!((again.imported, again.updated, again.unchanged), (0, 0, 2), "{again:?}");

        let ana = find(&db, &desk, MRN, "1").await;
        let practice = desk.practice();
        let visits = db
            .read(move |tx| {
                let span = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
                appointment::of_patient(tx, practice, ana, span)
            })
            .await
            .unwrap();
        assert_eq!(visits.len(), 1);
        assert_eq!(visits[0].starts_at, "2027-03-08T14:00:00Z".parse().unwrap());
        assert_eq!(visits[0].ends_at, Some("2027-03-08T14:30:00Z".parse().unwrap()));
        assert!(visits[0].clinician_id.is_some() && visits[0].site_id.is_some());
    }

    async fn a_wrong_encoding_in_the_last_row_applies_nothing(db: TestDb) {
        let desk = Desk::new(&db).await;
        let text = b"mrn,given_name,family_name\n1,Ana,Demo\n2,Jos\xe9,Demo\n";
        let error = import(&db, &desk, false, move |tx, job| {
            csv_file::import(tx, job, &mapping(CsvKind::Patients), &text[..])
        })
        .await
        .unwrap_err();
        assert!(error.to_string().starts_with("line 3: not UTF-8"), "{error}");
        assert_eq!(everything(&db, &desk).await, "");
    }

    async fn what_is_stored_is_sealed(db: TestDb) {
        let desk = Desk::new(&db).await;
        take(&db, &desk, CsvKind::Patients, PATIENTS).await.unwrap();
        let practice = desk.practice();
        let own = desk.clone();
        let raw = db
            .read(move |tx| {
                let _ = Log::from(&own);
                let mut raw = Vec::new();
                for row in sotto::db::patient::page(tx, practice, None, 100)? {
                    raw.extend(row.person_sealed);
                    for row in sotto::db::patient::identifiers(tx, practice, row.id)? {
                        raw.extend(row.value_sealed);
                    }
                    for row in sotto::db::contact_point::of_patient(tx, practice, row.id)? {
                        raw.extend(row.address_sealed);
                        raw.extend(row.address_index);
                    }
                }
                Ok::<_, DbError>(raw)
            })
            .await
            .unwrap();
        for secret in ["Ana", "Demo", "6175550101", "ana@example.com", "1980"] {
            let found = raw.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret}");
        }
    }
}
