//! Who makes a run, and when: each night at the practice's hour, and whenever somebody asked.
//!
//! A run is a row before it is made, so that of several nodes exactly one makes it: whoever writes
//! down that it began, under a lock. A node that dies leaves a run that was begun and not finished;
//! after [`GIVEN_UP`] another begins it again. A night that nobody was there for is caught up with
//! when somebody is.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio_util::sync::CancellationToken;

use super::{Carrier, ReconcileError, Report, Settings, carry_out};
use crate::audit::{self, Actor, Event, Kind};
use crate::channels::AnyAdapter;
use crate::db::reconciliation::{self, Cause, RunRow};
use crate::db::registry::RECONCILIATION;
use crate::db::{Db, Tx};
use crate::ids::{Id as _, ReconciliationId};
use crate::live::Live;
use crate::office::Office;

/// Held while somebody decides who makes a run.
const LOCK: &str = "reconciliation lock";

/// Real time after which a run that was begun and not finished is begun again.
const GIVEN_UP: Duration = Duration::from_secs(3600);

/// Real time between two looks at what is to be done.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Real time for which a node that cannot ask the carrier leaves a run to one that can.
const LEFT_FOR: Duration = Duration::from_secs(60);

/// How many of the latest runs are looked at.
const LATEST: u32 = 20;

/// When runs are made, and how.
#[derive(Debug, Clone, Copy)]
pub struct Nightly {
    /// At which hour of the practice's day; none: only when somebody asks.
    pub at: Option<Time>,
    /// What the practice sets.
    pub settings: Settings,
}

impl Default for Nightly {
    /// Three in the morning.
    fn default() -> Self {
        Self { at: Some(Time::constant(3, 0, 0, 0)), settings: Settings::default() }
    }
}

/// The last time at or before `now` that the practice's clocks showed this time. Where they skip
/// it, the time shown instead counts.
pub(crate) fn last_at(at: Time, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(zone.clone()).date();
    let on = |day: jiff::civil::Date| day.to_datetime(at).to_zoned(zone.clone()).ok();
    let days = [Some(today), today.checked_sub(1.day()).ok()];
    let instants = days.into_iter().flatten().filter_map(on).map(|zoned| zoned.timestamp());
    instants.into_iter().find(|instant| *instant <= now)
}

/// Asks for a run; a node of the running service makes it.
///
/// # Errors
/// [`ReconcileError`].
pub fn ask(
    tx: &mut Tx<'_>,
    office: &Office,
    since: Option<Timestamp>,
    actor: &Actor,
) -> Result<RunRow, ReconcileError> {
    let row = asked(office, since);
    put(tx, office, &row, actor, "asked")?;
    Ok(row)
}

/// A run that somebody asks for, not yet written down.
#[must_use]
pub fn asked(office: &Office, since: Option<Timestamp>) -> RunRow {
    RunRow { since_at: since, ..new(office, Cause::Asked, office.clock().now()) }
}

fn new(office: &Office, cause: Cause, asked_at: Timestamp) -> RunRow {
    RunRow {
        id: ReconciliationId::new(office.clock()),
        cause,
        asked_at,
        since_at: None,
        began_at: None,
        finished_at: None,
        report: None,
    }
}

/// Writes down that a run that was asked for is begun here. None where another is under way.
///
/// # Errors
/// [`ReconcileError`].
pub fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    row: RunRow,
    actor: &Actor,
) -> Result<Option<RunRow>, ReconcileError> {
    lock(tx, office)?;
    let latest = reconciliation::latest(tx, office.practice(), LATEST)?;
    if latest.iter().any(|run| under_way(office, run)) {
        return Ok(None);
    }
    let row = RunRow { began_at: Some(office.clock().now()), ..row };
    put(tx, office, &row, actor, "began")?;
    Ok(Some(row))
}

/// The run that is to be made now, if there is one, begun here. A node whose line to the carrier is
/// down, since another holds the bind, say, leaves a young one to that other.
fn take_up(
    tx: &mut Tx<'_>,
    office: &Office,
    nightly: &Nightly,
    apart: bool,
) -> Result<Option<RunRow>, ReconcileError> {
    lock(tx, office)?;
    let now = office.clock().now();
    let latest = reconciliation::latest(tx, office.practice(), LATEST)?;
    let waits = latest.iter().rev().find(|run| run.finished_at.is_none());
    let zone = office.profile().timezone.clone();
    let tonight = nightly.at.and_then(|at| last_at(at, &zone, now)).filter(|night| {
        !latest.iter().any(|run| run.cause == Cause::Nightly && run.asked_at >= *night)
    });
    let row = match (waits, tonight) {
        (Some(run), _) if under_way(office, run) => return Ok(None),
        (Some(run), _) => run.clone(),
        (None, Some(night)) => new(office, Cause::Nightly, night),
        (None, None) => return Ok(None),
    };
    let young = office.clock().now().checked_sub(office.clock().span(LEFT_FOR));
    if apart && row.began_at.is_none() && young.is_ok_and(|young| row.asked_at > young) {
        return Ok(None);
    }
    begin(tx, office, row, &Actor::service("reconcile"))
}

fn under_way(office: &Office, run: &RunRow) -> bool {
    let given_up = office.clock().now().checked_sub(office.clock().span(GIVEN_UP));
    run.finished_at.is_none()
        && run.began_at.is_some_and(|began| given_up.is_ok_and(|given_up| began > given_up))
}

fn lock(tx: &mut Tx<'_>, office: &Office) -> Result<(), ReconcileError> {
    let practice = office.practice().to_string();
    let [a, b, c, d, e, f, g, h, ..] = office.keys().content_hash(LOCK, practice.as_bytes());
    Ok(tx.lock(i64::from_be_bytes([a, b, c, d, e, f, g, h]))?)
}

fn put(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &RunRow,
    actor: &Actor,
    word: &'static str,
) -> Result<(), ReconcileError> {
    reconciliation::put(tx, office.practice(), row)?;
    let event = Event::new(Kind::Reconciled, actor.clone())
        .about(RECONCILIATION, row.id)
        .code(crate::db::Word::word(&row.cause))
        .code(word);
    audit::append(tx, office, event)?;
    Ok(())
}

/// Makes what is to be made now. None where there is nothing.
///
/// # Errors
/// [`ReconcileError`].
pub async fn tick(
    db: &Db,
    office: &Office,
    nightly: &Nightly,
    carrier: Carrier<'_>,
) -> Result<Option<Report>, ReconcileError> {
    let (desk, when, apart) = (office.clone(), *nightly, carrier.is_apart());
    let run = db.write(move |tx| take_up(tx, &desk, &when, apart)).await?;
    let Some(run) = run else { return Ok(None) };
    let id = run.id;
    let report = carry_out(db, office, run, &nightly.settings, carrier).await?;
    if report.is_clean() {
        tracing::info!(reconciliation = %id, messages = report.looked_at.messages, "reconcile.clean");
    } else {
        let (standing, failed) = (report.standing, report.failed);
        tracing::warn!(reconciliation = %id, standing, failed, "reconcile.findings");
    }
    Ok(Some(report))
}

/// Makes runs until `stop`, asking the carrier over the service's own adapters.
pub async fn run(
    db: Db,
    office: Office,
    (nightly, adapters): (Nightly, Vec<Live<AnyAdapter>>),
    stop: CancellationToken,
) {
    loop {
        let carrier = Carrier::Asked(&adapters, &stop);
        if let Err(error) = tick(&db, &office, &nightly, carrier).await {
            tracing::error!(%error, "reconcile.tick");
        }
        let pause = office.clock().span(LOOK_EVERY);
        tokio::select! {
            () = office.clock().sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_of_the_night_whatever_the_clocks_do() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let three = jiff::civil::time(3, 0, 0, 0);
        let half_past_two = jiff::civil::time(2, 30, 0, 0);
        for (at, now, expected) in [
            (three, "2027-03-01T14:00:00Z", "2027-03-01T08:00:00Z"),
            (three, "2027-03-01T08:00:00Z", "2027-03-01T08:00:00Z"),
            (three, "2027-03-01T07:59:59Z", "2027-02-28T08:00:00Z"),
            // Half past two does not exist on this night.
            (half_past_two, "2027-03-14T12:00:00Z", "2027-03-14T07:30:00Z"),
            // And comes once on this one, after one o'clock came twice.
            (half_past_two, "2027-11-07T12:00:00Z", "2027-11-07T07:30:00Z"),
        ] {
            let last = last_at(at, &zone, now.parse().unwrap());
            assert_eq!(last, Some(expected.parse().unwrap()), "{now}");
        }
    }
}
