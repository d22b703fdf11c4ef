//! When: §5.5. Outside the hours a message waits; it is refused only when no hour is left.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Asked, Findings};
use crate::facts::{Known, Location};
use crate::kind::Kind;
use crate::policy::QuietHours;
use crate::refusal::Code;

/// Zones with no common hour have none on any later day; eight days outlast every exception.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(192);

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
    let give_up = now.checked_add(GIVE_UP_AFTER).ok()?;
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

#[cfg(test)]
mod tests {
    use guard::Channel;
    use jiff::Timestamp;

    use super::check;
    use crate::draft::Origin;
    use crate::facts::{Known, Location};
    use crate::kind::{Kind, Purpose};
    use crate::passing::{Case, at, minutes, zone};
    use crate::refusal::Code;

    fn when(case: Case, now: &str, address: Option<&str>, number: Option<&str>) -> Case {
        case.with(|case| {
            case.now = at(now);
            case.draft.useless_after = None;
            case.facts.location =
                Known::Yes(Location { by_address: address.map(zone), by_number: number.map(zone) });
        })
    }

    fn waits_until(case: &Case) -> Option<Timestamp> {
        let found = check(&case.asked());
        assert_eq!(found.reasons, []);
        found.not_before
    }

    const NY: Option<&str> = Some("America/New_York");
    const LA: Option<&str> = Some("America/Los_Angeles");

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.location = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    /// (now, zone by address, zone by number, not before)
    #[test]
    fn nine_to_eight_local_in_every_zone_that_may_be_theirs() {
        let table = [
            ("2026-11-18T09:00:00-05:00", NY, NY, None),
            ("2026-11-18T08:59:59-05:00", NY, NY, Some("2026-11-18T09:00:00-05:00")),
            ("2026-11-18T19:59:59-05:00", NY, NY, None),
            ("2026-11-18T20:00:00-05:00", NY, NY, Some("2026-11-19T09:00:00-05:00")),
            ("2026-11-18T00:00:00-05:00", NY, None, Some("2026-11-18T09:00:00-05:00")),
            ("2026-11-18T10:00:00-05:00", None, NY, None),
            // Both coasts: noon to eight Eastern.
            ("2026-11-18T11:59:00-05:00", NY, LA, Some("2026-11-18T12:00:00-05:00")),
            ("2026-11-18T12:00:00-05:00", LA, NY, None),
            ("2026-11-18T20:00:00-05:00", NY, LA, Some("2026-11-19T12:00:00-05:00")),
            // Nobody knows where: the same.
            ("2026-11-18T11:59:00-05:00", None, None, Some("2026-11-18T12:00:00-05:00")),
            ("2026-11-18T19:59:00-05:00", None, None, None),
            ("2026-07-18T11:00:00-04:00", None, None, Some("2026-07-18T12:00:00-04:00")),
            ("2026-07-18T20:00:00-04:00", None, None, Some("2026-07-19T12:00:00-04:00")),
            // The night the clocks go forward, and the night they go back.
            ("2026-03-07T23:00:00-05:00", NY, NY, Some("2026-03-08T09:00:00-04:00")),
            ("2026-10-31T23:00:00-04:00", NY, NY, Some("2026-11-01T09:00:00-05:00")),
            // Arizona keeps no summer time; Hawaii and New York share three hours.
            (
                "2026-07-18T08:30:00-07:00",
                Some("America/Phoenix"),
                None,
                Some("2026-07-18T09:00:00-07:00"),
            ),
            ("2026-07-18T15:00:00-04:00", NY, Some("Pacific/Honolulu"), None),
            (
                "2026-07-18T14:59:00-04:00",
                NY,
                Some("Pacific/Honolulu"),
                Some("2026-07-18T15:00:00-04:00"),
            ),
            // Sunday is like any day for a reminder.
            ("2026-11-22T09:00:00-05:00", NY, NY, None),
        ];
        for (now, address, number, expected) in table {
            let case = when(Case::text(), now, address, number);
            assert_eq!(waits_until(&case), expected.map(at), "{now} {address:?} {number:?}");
        }
    }

    #[test]
    fn where_no_hour_suits_both_zones_it_is_refused() {
        let case = when(Case::text(), "2026-11-18T12:00:00Z", NY, Some("Asia/Shanghai"));
        assert_eq!(case.codes(check), [Code::TooLate]);
    }

    #[test]
    fn the_practice_sets_its_hours() {
        let hours = "[rules.quiet_hours]\nfrom = \"10:00:00\"\nuntil = \"18:00:00\"";
        let case = when(Case::text(), "2026-11-18T18:00:00-05:00", NY, NY).policy(hours);
        assert_eq!(waits_until(&case), Some(at("2026-11-19T10:00:00-05:00")));
    }

    #[test]
    fn marketing_keeps_the_strictest_hours() {
        let loose = "[rules.quiet_hours]\nfrom = \"08:00:00\"\nuntil = \"21:00:00\"";
        for (now, expected) in [
            ("2026-11-18T08:30:00-05:00", Some("2026-11-18T09:00:00-05:00")),
            ("2026-11-18T19:59:00-05:00", None),
            ("2026-11-18T20:00:00-05:00", Some("2026-11-19T09:00:00-05:00")),
            // Saturday night to Sunday noon; Sunday night to Monday morning.
            ("2026-11-21T20:30:00-05:00", Some("2026-11-22T12:00:00-05:00")),
            ("2026-11-22T11:59:00-05:00", Some("2026-11-22T12:00:00-05:00")),
            ("2026-11-22T12:00:00-05:00", None),
            ("2026-11-22T20:00:00-05:00", Some("2026-11-23T09:00:00-05:00")),
        ] {
            let case = when(Case::text(), now, NY, NY)
                .policy(loose)
                .with(|case| case.draft.kind = Kind::Marketing);
            assert_eq!(waits_until(&case), expected.map(at), "{now}");
        }
        let noon_and_a_half = when(Case::text(), "2026-11-22T12:15:00-05:00", NY, NY)
            .policy("[rules.quiet_hours]\nsunday_marketing_from = \"12:30:00\"")
            .with(|case| case.draft.kind = Kind::Marketing);
        assert_eq!(waits_until(&noon_and_a_half), Some(at("2026-11-22T12:30:00-05:00")));
    }

    #[test]
    fn nothing_is_sent_when_its_use_is_over() {
        let night = when(Case::text(), "2026-11-18T22:00:00-05:00", NY, NY);
        for (last, expected) in [
            ("2026-11-19T09:00:00-05:00", &[][..]),
            ("2026-11-19T08:59:59-05:00", &[Code::TooLate]),
            ("2026-11-18T21:59:59-05:00", &[Code::TooLate]),
        ] {
            let case = night.clone().with(|case| case.draft.useless_after = Some(at(last)));
            assert_eq!(case.codes(check), expected, "{last}");
        }
        for channel in Channel::ALL {
            let case = Case::by(channel)
                .with(|case| case.draft.useless_after = Some(case.now - minutes(1)));
            assert_eq!(case.codes(check), [Code::TooLate], "{channel:?}");
            let last = case.with(|case| case.draft.useless_after = Some(case.now));
            assert_eq!(last.codes(check), [], "{channel:?}");
        }
    }

    #[test]
    fn what_does_not_ring_unasked_goes_at_night() {
        use Channel::{Email, LiveVoiceVerified, Portal, RinglessVoicemail, Sms, Voicemail};
        for (channel, waits) in [
            (Sms, true),
            (Email, true),
            (Voicemail, true),
            (RinglessVoicemail, true),
            (Portal, false),
            (LiveVoiceVerified, false),
        ] {
            let case = when(Case::by(channel), "2026-11-18T03:00:00-05:00", NY, NY);
            assert_eq!(waits_until(&case).is_some(), waits, "{channel:?}");
        }
    }

    #[test]
    fn an_answer_at_once_and_an_emergency_go_at_night() {
        let night = "2026-11-18T03:00:00-05:00";
        let answer = |kind: Kind, ago: i64| {
            when(Case::answer(kind), night, NY, NY).with(|case| {
                case.draft.origin = Origin::Reply { to_message_at: case.now - minutes(ago) };
            })
        };
        for (kind, ago, waits) in [
            (Kind::AppointmentReplyAck, 60, false),
            (Kind::AppointmentReplyAck, 61, true),
            (Kind::FreeText, 5, false),
            (Kind::FreeText, 300, true),
            (Kind::EmergencyAutoreply, 300, false),
            (Kind::EmergencyAutoreply, 6_000, true),
            (Kind::Survey, 1, true),
        ] {
            let case = answer(kind, ago);
            assert_eq!(waits_until(&case).is_some(), waits, "{kind:?} after {ago} minutes");
        }
        let code = when(Case::text(), night, NY, NY).with(|c| c.draft.kind = Kind::IdCode);
        assert_eq!(waits_until(&code), None);
        let warned =
            when(Case::typed(), night, NY, NY).with(|case| case.draft.purpose = Purpose::Emergency);
        assert_eq!(waits_until(&warned), None);
        assert!(waits_until(&when(Case::typed(), night, NY, NY)).is_some());
    }
}
