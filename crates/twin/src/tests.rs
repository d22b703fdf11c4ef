//! Over real sockets, with clients written here in raw bytes, so that the twin is not tested with
//! the code that it is there to test.

mod http;
mod mail;
mod raw_esme;
mod restart;
mod smsc;

use jiff::{SignedDuration, Timestamp};

use crate::{Twin, TwinConfig, WorldClock};

const PRACTICE: &str = "+12065550199";
const PATIENT: &str = "+12065550100";
const REMINDER: &str = "Lakeside Clinic: you have a visit Tue 9:00. Reply C to confirm.";

fn noon() -> Timestamp {
    "2026-03-02T20:00:00Z".parse().unwrap()
}

/// A world whose time stands still until the test moves it.
async fn still_world(config: TwinConfig) -> Twin {
    let clock = WorldClock::manual(noon());
    Twin::start(TwinConfig { clock, ..config }).await.unwrap()
}

/// Moves the world's time far enough for every delay that a test meets.
fn later(twin: &Twin) {
    twin.clock().advance(SignedDuration::from_hours(6));
}
