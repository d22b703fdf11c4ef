//! The database goes away and comes back: what is shown meanwhile, to whom, and what is on record.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
use axum::http::Method;
use gate::PatientId;
use jiff::SignedDuration;
use sotto::access::roles::{Role, Roles};
use sotto::access::staff::{self, NewStaff};
use sotto::audit::{Actor, Entry, Kind};
use sotto::clock::Clock;
use sotto::db::consent_event::ConsentMethod;
use sotto::db::restriction::RestrictedThing;
use sotto::db::{Db, DbError, Fault, Faults, Threads};
use sotto::downtime::Downtime;
use sotto::downtime::copy::{Copy, CopyError};
use sotto::downtime::watch;
use sotto::http::router::router;
use sotto::http::{Doors, Pages};
use sotto::ids::SiteId;
use sotto::people::restrictions::{self, NewRestriction};
use sotto::people::told::Told;
use sotto::schedule::{Booking, appointments};

use crate::access::{Answer, Desk, Jar, ORIGIN, request, send, site};
use crate::clinic::booking;
use crate::engines::TestDb;
use crate::on_both_engines;

/// What commits do: 0 all is well, 1 nothing is stored, 2 stored and not answered.
type Fate = Arc<AtomicU8>;

/// A practice whose database can be taken away.
struct Outage {
    desk: Desk,
    db: Db,
    router: Router,
    downtime: Downtime,
    fate: Fate,
    ana: PatientId,
    elm: SiteId,
    folder: PathBuf,
}

impl Drop for Outage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Outage {
    async fn open(db: TestDb) -> Self {
        let desk = Desk::open(db).await;
        let fate = Fate::default();
        let says = Arc::clone(&fate);
        let faults: Faults = Arc::new(move |_| match says.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Fault::NotPersisted),
            _ => Some(Fault::NotAnswered),
        });
        let (url, at) = (desk.clinic.db.url.parse().unwrap(), desk.clinic.db.clock.now());
        let threads = Threads { readers: 1, writers: 2 };
        let open = move || Db::open_with_faults(&url, threads, at, faults).unwrap();
        // A thread, since PostgreSQL's client brings a runtime of its own.
        let db = std::thread::spawn(open).join().unwrap();
        let ana = desk.clinic.patient("Ana", "en", "+12125550171").await;
        let bo = desk.clinic.patient("Bo", "en", "+12125550172").await;
        let (elm, oak) = (site(&desk, "Elm").await, site(&desk, "Oak").await);
        let soon = desk.clinic.db.clock.now() + SignedDuration::from_mins(30);
        for (patient, visit, at) in [(ana, "visit-1", elm), (bo, "visit-2", oak)] {
            let visit = Booking { site: Some(at), ..booking(patient, visit, soon) };
            desk.clinic
                .write(move |tx, office| {
                    appointments::upsert(tx, office, &visit, &Actor::operator()).unwrap();
                })
                .await;
        }
        let name = format!("sotto-downtime-{}", Clock::system().new_id());
        let folder = std::env::temp_dir().join(name);
        let downtime = Downtime::at(&folder).unwrap();
        desk.clinic.office.prepare_for(downtime.clone());
        let pages = Pages { origin: Some(ORIGIN.parse().unwrap()), ..Pages::default() };
        let router = router(Doors::with_pages(db.clone(), desk.clinic.office.clone(), None, pages));
        Self { desk, db, router, downtime, fate, ana, elm, folder }
    }

    async fn come_in(&self, role: Role, sites: Vec<SiteId>) -> Jar {
        let id = self
            .desk
            .clinic
            .write(move |tx, office| {
                let new = NewStaff {
                    name: format!("The {role}"),
                    email: format!("{role}@harborview.example"),
                    roles: Roles::new(vec![role]).unwrap(),
                    sites,
                };
                staff::invite(tx, office, &new, Actor::operator()).unwrap().0
            })
            .await;
        self.desk.let_in(id).await
    }

    async fn look(&self) {
        watch::look(&self.db, &self.desk.clinic.office, &self.downtime).await;
    }

    /// The database takes nothing from now on.
    async fn goes(&self, how: u8) {
        self.fate.store(how, Ordering::SeqCst);
        self.look().await;
        assert!(self.downtime.away_since().is_some());
    }

    async fn comes_back(&self) {
        self.fate.store(0, Ordering::SeqCst);
        self.look().await;
        assert_eq!(self.downtime.away_since(), None);
    }

    async fn get(&self, path: &str, jar: &mut Jar) -> Answer {
        send(self.router.clone(), request(Method::GET, path, jar, ""), jar).await
    }

    /// The entries that say somebody saw the copy.
    async fn looked(&self) -> Vec<Entry> {
        let practice = self.desk.clinic.office.practice();
        let all = self.desk.clinic.db.read(move |tx| {
            tx.query(
                sotto::sql!(
                    "SELECT body FROM audit_entry WHERE practice_id = $1 ORDER BY recorded_at, id"
                ),
                sotto::params![practice],
                |row| row.get::<Vec<u8>>(0),
            )
        });
        let all = all.await.map_err(|error: DbError| error).unwrap();
        all.iter()
            .map(|body| Entry::from_bytes(body).unwrap())
            .filter(|entry| {
                entry.kind == Kind::ContentViewed
                    && entry.codes.iter().any(|code| code.starts_with("downtime"))
            })
            .collect()
    }
}

on_both_engines! {
    async fn the_schedule_is_there_while_the_database_is_not_and_who_looked_is_on_record(db: TestDb) {
        let outage = Outage::open(db).await;
        let mut nurse = outage.come_in(Role::Nurse, vec![outage.elm]).await;
        let mut billing = outage.come_in(Role::Billing, vec![]).await;
        outage.look().await;
        // All is well: the page shows what it would, and the log has it like any other.
        let page = outage.get("/downtime", &mut nurse).await.is(200).text;
        assert!(page.contains("Ana") && page.contains("+12125550171") && !page.contains("Bo "), "{page}");
        assert!(page.contains("The database is there"));
        outage.get("/downtime", &mut billing).await.is(403);
        assert_eq!(outage.looked().await.len(), 1);
        // It goes away.
        outage.goes(1).await;
        let away = outage.get("/tasks", &mut nurse).await.is(503).text;
        assert!(away.contains("The database is away") && away.contains("/downtime"), "{away}");
        for (path, form) in [("/people", "q=ana"), ("/lock/now", ""), ("/sign-out", "")] {
            let ask = request(Method::POST, path, &nurse, form);
            let answer = send(outage.router.clone(), ask, &mut nurse.clone()).await.is(503);
            assert!(answer.text.contains("Nothing you sent just now was kept"), "{path}");
        }
        let page = outage.get("/downtime", &mut nurse).await.is(200).text;
        assert!(page.contains("The database is away") && page.contains("Ana") && !page.contains("Bo "));
        outage.get("/downtime", &mut billing).await.is(403);
        outage.get("/downtime", &mut Jar::default()).await.is(401);
        // Whoever came in after the copy was made is nobody, and who stands idle locks as ever.
        assert_eq!(outage.looked().await.len(), 1, "nothing is written to a database that is away");
        outage.desk.pass(10 * 60);
        outage.get("/downtime", &mut nurse).await.is(200);
        outage.desk.pass(14 * 60);
        outage.get("/downtime", &mut nurse).await.is(200);
        outage.desk.pass(15 * 60);
        outage.get("/downtime", &mut nurse).await.is(401);
        // It comes back, and the log has all three, with who and whose and when.
        outage.comes_back().await;
        let looked = outage.looked().await;
        assert_eq!(looked.len(), 4);
        for entry in looked.iter().filter(|entry| entry.codes.iter().any(|code| code == "page")) {
            assert_eq!(entry.patients, [outage.ana]);
            assert_eq!(entry.actor.role.as_deref(), Some("nurse"));
            assert!(entry.occurred_at.is_some());
        }
        outage.look().await;
        assert_eq!(outage.looked().await.len(), 4, "none comes in twice");
        outage.get("/tasks", &mut outage.come_in(Role::Provider, vec![]).await).await.is(200);
        outage.desk.clinic.is_proved().await;
    }

    async fn who_looked_comes_into_the_log_once_wherever_that_breaks_off(db: TestDb) {
        let outage = Outage::open(db).await;
        let mut nurse = outage.come_in(Role::Nurse, vec![]).await;
        outage.look().await;
        for (round, fault) in [1, 2].into_iter().enumerate() {
            outage.goes(1).await;
            outage.get("/downtime", &mut nurse).await.is(200);
            outage.get("/downtime", &mut nurse).await.is(200);
            // The commit that brings them in fails, stored or not; then the process dies, which
            // leaves the file as it was.
            let file = outage.folder.join("looked.jsonl");
            let before = std::fs::read(&file).unwrap();
            outage.fate.store(fault, Ordering::SeqCst);
            let (db, office) = (outage.db.clone(), outage.desk.clinic.office.clone());
            let spool = outage.downtime.spool();
            let brought = tokio::task::spawn_blocking(move || spool.bring_in(&db, &office)).await;
            assert!(brought.unwrap().is_err());
            assert_eq!(std::fs::read(&file).unwrap(), before);
            outage.comes_back().await;
            assert_eq!(outage.looked().await.len(), 2 * (round + 1), "fault {fault}");
            // Stored, and killed before the file was emptied.
            std::fs::write(&file, &before).unwrap();
            outage.look().await;
            assert_eq!(outage.looked().await.len(), 2 * (round + 1), "fault {fault}, killed");
        }
        outage.desk.clinic.is_proved().await;
    }

    async fn what_was_written_down_is_neither_changed_nor_left_out_unseen(db: TestDb) {
        let outage = Outage::open(db).await;
        let mut nurse = outage.come_in(Role::Nurse, vec![]).await;
        outage.look().await;
        outage.goes(1).await;
        for _ in 0..3 {
            outage.get("/downtime", &mut nurse).await.is(200);
        }
        let file = outage.folder.join("looked.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("Ana") && !text.contains("5550171"), "no names: {text}");
        let lines: Vec<&str> = text.lines().collect();
        // What a crash cut short was never shown, and is written over.
        std::fs::write(&file, format!("{text}{}", &lines[0][..20])).unwrap();
        outage.get("/downtime", &mut nurse).await.is(200);
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 4);
        // The second one is gone: what stands behind it is not believed, and that is on the log.
        std::fs::write(&file, format!("{}\n{}\n", lines[0], lines[2])).unwrap();
        outage.comes_back().await;
        let looked = outage.looked().await;
        assert_eq!(looked.len(), 2);
        assert!(looked[1].codes.iter().any(|code| code == "downtime_spool_altered"));
        let aside = std::fs::read_dir(&outage.folder).unwrap().any(|entry| {
            entry.unwrap().file_name().to_string_lossy().contains("altered-")
        });
        assert!(aside, "the file is kept");
        outage.desk.clinic.is_proved().await;
    }

    async fn a_copy_is_sealed_and_good_for_a_day(db: TestDb) {
        let outage = Outage::open(db).await;
        let mut nurse = outage.come_in(Role::Nurse, vec![]).await;
        outage.get("/downtime", &mut nurse).await.is(200);
        outage.look().await;
        let bytes = std::fs::read(outage.downtime.copy()).unwrap();
        assert!(!bytes.windows(3).any(|three| three == b"Ana"));
        let office = &outage.desk.clinic.office;
        let open = |now| Copy::open(&outage.downtime.copy(), (office.keys(), office.practice()), now);
        let now = office.clock().now();
        let copy = open(now + SignedDuration::from_hours(24)).unwrap();
        assert_eq!(copy.days.iter().flat_map(|day| &day.sites).count(), 2);
        assert!(!format!("{copy:?}").contains("Ana"));
        let old = open(now + SignedDuration::from_hours(24) + SignedDuration::from_secs(1));
        assert!(matches!(old, Err(CopyError::TooOld { hours: 24 })));
        let mut other = bytes.clone();
        *other.last_mut().unwrap() ^= 1;
        std::fs::write(outage.downtime.copy(), other).unwrap();
        assert!(matches!(open(now), Err(CopyError::Sealed(_))));
        // Within a minute of life there is a new one.
        outage.desk.pass(60);
        outage.look().await;
        assert!(open(office.clock().now()).is_ok());
    }

    async fn who_must_not_be_called_is_not_given_a_number(db: TestDb) {
        let outage = Outage::open(db).await;
        let ana = outage.ana;
        outage
            .desk
            .clinic
            .write(move |tx, office| {
                let new = NewRestriction {
                    patient: ana,
                    what: RestrictedThing::Safety,
                    value: None,
                    accepted: true,
                    valid_from: None,
                    valid_until: None,
                };
                let told = Told {
                    method: ConsentMethod::Spoken,
                    evidence: None,
                    witness: Some("Rosa Delgado".into()),
                    captured_at: office.clock().now(),
                };
                restrictions::record(tx, office, &Actor::operator(), &new, &told).unwrap();
            })
            .await;
        let mut nurse = outage.come_in(Role::Nurse, vec![]).await;
        outage.look().await;
        let page = outage.get("/downtime", &mut nurse).await.is(200).text;
        assert!(page.contains("Ana") && !page.contains("5550171"), "{page}");
        assert!(page.contains("a restriction is on file"));
    }
}
