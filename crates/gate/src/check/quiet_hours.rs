//! When: §5.5. Outside the hours a message waits; it is refused only when no hour is left.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Asked, Findings};
use crate::facts::{Known, Location};
use crate::kind::Kind;
use crate::policy::QuietHours;
use crate::refusal::Code;

/// Zones with no common hour have none on any later day; eight days outlast every exception.
const GIVE_UP_AFTER_DAYS: i64 = 8;

/// Where nobody knows the place, an hour must be fit on both coasts: by default 12:00 to 20:00
/// Eastern. The rules of 15 U.S.C. 260a, so that no zone file is read.
const COASTS: [&str; 2] = ["EST5EDT,M3.2.0,M11.1.0", "PST8PDT,M3.2.0,M11.1.0"];

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let location = match &asked.facts.location {
        Known::Yes(location) => location,
        Known::No(why) => return Findings::missing("the time zone", why),
    };
    let mut findings = Findings::default();
    let last = asked.draft.useless_after.unwrap_or(Timestamp::MAX);
    if asked.now > last {
        findings.refuse(Code::TooLate, "The message has lost its use.");
        return findings;
    }
    if !waits_for_the_day(asked) {
        return findings;
    }
    let Some(zones) = zones(location) else {
        return Findings::missing("the time zone", "the rules of daylight saving cannot be read");
    };
    let hours = Hours::of(asked.rules().quiet_hours, asked.draft.kind == Kind::Marketing);
    match next_permitted(asked.now, &zones, hours) {
        Some(instant) if instant <= asked.now => {}
        Some(instant) if instant <= last => findings.not_before = Some(instant),
        Some(_) => findings.refuse(
            Code::TooLate,
            "It is night for the patient until after the message has lost its use.",
        ),
        None => findings.refuse(
            Code::TooLate,
            "No hour is permitted both where the patient lives and where the number is from.",
        ),
    }
    findings
}

/// All that is not urgent, on the channels that ring or light up unasked.
fn waits_for_the_day(asked: &Asked<'_>) -> bool {
    asked.unsecured() && !asked.answers_at_once() && !asked.is_emergency()
}

fn zones(location: &Location) -> Option<Vec<TimeZone>> {
    let known: Vec<TimeZone> =
        [&location.by_address, &location.by_number].into_iter().flatten().cloned().collect();
    if known.is_empty() {
        return COASTS.iter().map(|rule| TimeZone::posix(rule).ok()).collect();
    }
    Some(known)
}

/// The hours of one day, in one zone.
#[derive(Clone, Copy)]
struct Hours {
    from: Time,
    until: Time,
    sunday_from: Time,
}

impl Hours {
    /// Marketing never begins before 9:00 nor goes on after 20:00, the strictest state's hours.
    fn of(quiet: QuietHours, marketing: bool) -> Self {
        if !marketing {
            return Self { from: quiet.from, until: quiet.until, sunday_from: quiet.from };
        }
        let from = quiet.from.max(Time::constant(9, 0, 0, 0));
        let until = quiet.until.min(Time::constant(20, 0, 0, 0));
        Self { from, until, sunday_from: from.max(quiet.sunday_marketing_from) }
    }

    fn begin_on(self, weekday: Weekday) -> Time {
        if weekday == Weekday::Sunday { self.sunday_from } else { self.from }
    }
}

/// The first instant from `now` on that is permitted in every zone.
fn next_permitted(now: Timestamp, zones: &[TimeZone], hours: Hours) -> Option<Timestamp> {
    let give_up = now.checked_add((GIVE_UP_AFTER_DAYS * 24).hours()).ok()?;
    let mut candidate = now;
    while candidate <= give_up {
        let mut later = candidate;
        for zone in zones {
            later = later.max(next_in_zone(candidate, zone, hours)?);
        }
        if later == candidate {
            return Some(candidate);
        }
        candidate = later;
    }
    None
}

/// The first instant from `now` on that is permitted in this zone.
fn next_in_zone(now: Timestamp, zone: &TimeZone, hours: Hours) -> Option<Timestamp> {
    let local = now.to_zoned(zone.clone());
    let begin = hours.begin_on(local.weekday());
    if local.time() >= begin && local.time() < hours.until {
        return Some(now);
    }
    let mut day = local.date();
    // Three days: the rest of this one may be over, and a clock change may swallow a morning.
    for _ in 0..3 {
        let begin = hours.begin_on(day.weekday());
        let start = day.to_datetime(begin).to_zoned(zone.clone()).ok()?.timestamp();
        if start > now {
            return Some(start);
        }
        day = day.tomorrow().ok()?;
    }
    None
}
