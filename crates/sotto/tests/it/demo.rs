//! The demo, lived through in fast motion: what the carrier saw is asked of the carrier's own
//! record, not of ours.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sotto::audit::verify::verify;
use sotto::demo::population::{self, Story};
use sotto::demo::{self, Settings};
use twin::AfterStop;

/// Days of the practice's life.
const DAYS: i64 = 3;

/// A number as the carrier writes it, and as we do.
fn digits(number: &str) -> &str {
    number.trim_start_matches('+')
}

struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_practice_break_no_rule() {
    let folder = Folder(std::env::temp_dir().join(format!("sotto-demo-{}", std::process::id())));
    let settings = Settings {
        folder: folder.0.clone(),
        patients: 120,
        seed: 7,
        speed: 7_200.0,
        database: None,
    };
    let demo = demo::start(&settings).await.unwrap();
    let began = demo.office.clock().now();
    let half = began + SignedDuration::from_hours(12 * DAYS);
    demo.office.clock().sleep_until(half).await;
    demo.stop().await;

    // Stopped and started again it goes on where it was: nobody is added, time does not go back.
    assert_eq!(demo::population_in(&folder.0), Some((120, 7)));
    let demo = demo::start(&settings).await.unwrap();
    assert!(demo.office.clock().now() >= half);
    demo.office.clock().sleep_until(began + SignedDuration::from_hours(24 * DAYS)).await;

    let people = population::people(settings.seed, settings.patients);
    let silent: BTreeSet<String> = people
        .iter()
        .filter(|p| {
            matches!(
                p.story,
                Story::OptedOut | Story::Deceased | Story::Confidential | Story::NoConsent
            )
        })
        .filter_map(|p| p.phone.as_ref().map(|phone| digits(phone.reveal()).to_owned()))
        .collect();
    let record = demo.twin.record();
    assert!(record.counts.texts > 30, "{:?}", record.counts);
    assert!(record.counts.mails > 5, "{:?}", record.counts);
    assert!(record.replies.len() > 5, "{:?}", record.counts);
    // Time is stretched here, so five minutes are a blink of this machine: one text is what counts.
    let once = AfterStop { confirmations: 1, within: SignedDuration::from_hours(12) };
    assert_eq!(record.sent_after_stop(once), []);
    assert_eq!(record.sent_to(|number| silent.contains(digits(number))), []);
    let zone = jiff::tz::TimeZone::get(demo::house::ZONE).unwrap();
    let answered: BTreeSet<&str> = record.replies.iter().map(|r| digits(&r.from)).collect();
    let outside = record.sent_outside_hours(9, 20, |_| Some(zone.clone()));
    // Only who wrote at such an hour is answered at such an hour.
    assert!(outside.iter().all(|breach| answered.contains(digits(&breach.to))), "{outside:?}");

    let office = demo.office.clone();
    sotto::audit::sequencer::catch_up(&demo.db, &office).await.unwrap();
    let report = demo.db.read(move |tx| verify(tx, &office, None, &mut |_| ())).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    demo.stop().await;
}
