//! When the office is open: for "we answer …", for "nobody reads texts now", and for when staff
//! can be expected to have done something.

use std::collections::{BTreeMap, BTreeSet};

use gate::Language;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::holidays;
use crate::compose::dates::{self, Style};

/// A text that is no office hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("office hours: {0}")]
pub struct BadHours(String);

/// A week of openings, and days on which they do not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct OfficeHours {
    week: BTreeMap<u8, Vec<Opening>>,
    closed: BTreeSet<Date>,
    federal_holidays: bool,
}

/// Open from, until (left out), on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// First minute.
    pub from: Time,
    /// First minute after.
    pub until: Time,
}

/// The form in files and settings: `{"week":{"mon":["08:00-12:00","13:00-17:00"]},
/// "closed":["2026-12-24"],"federal_holidays":true}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    week: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    closed: BTreeSet<Date>,
    /// Closed on the days on which federal holidays are kept, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    federal_holidays: bool,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// How many days ahead an opening is looked for.
const LOOK_AHEAD_DAYS: usize = 370;

impl Default for OfficeHours {
    /// Monday to Friday, 8 to 5.
    fn default() -> Self {
        let opening =
            Opening { from: Time::constant(8, 0, 0, 0), until: Time::constant(17, 0, 0, 0) };
        Self {
            week: (0..5).map(|day| (day, vec![opening])).collect(),
            closed: BTreeSet::new(),
            federal_holidays: false,
        }
    }
}

impl TryFrom<Written> for OfficeHours {
    type Error = BadHours;

    fn try_from(written: Written) -> Result<Self, BadHours> {
        let mut week = BTreeMap::new();
        for (day, openings) in written.week {
            let number = (0_u8..)
                .zip(DAYS)
                .find_map(|(number, (word, _))| (word == day).then_some(number))
                .ok_or_else(|| {
                    BadHours(format!("week.{day}: days are mon tue wed thu fri sat sun"))
                })?;
            let mut parsed = Vec::new();
            for opening in &openings {
                parsed.push(opening_of(opening).ok_or_else(|| {
                    BadHours(format!("week.{day}: `{opening}` is not like 08:00-17:00"))
                })?);
            }
            parsed.sort();
            let overlap = parsed.iter().zip(parsed.iter().skip(1)).any(|(a, b)| b.from < a.until);
            if overlap {
                return Err(BadHours(format!("week.{day}: openings overlap")));
            }
            if !parsed.is_empty() {
                week.insert(number, parsed);
            }
        }
        Ok(Self { week, closed: written.closed, federal_holidays: written.federal_holidays })
    }
}

impl From<OfficeHours> for Written {
    fn from(hours: OfficeHours) -> Self {
        let text =
            |o: &Opening| format!("{}-{}", o.from.strftime("%H:%M"), o.until.strftime("%H:%M"));
        let week = (0_u8..)
            .zip(DAYS)
            .filter_map(|(number, (word, _))| {
                let openings = hours.week.get(&number)?.iter().map(text).collect();
                Some((word.to_owned(), openings))
            })
            .collect();
        Self { week, closed: hours.closed, federal_holidays: hours.federal_holidays }
    }
}

fn opening_of(text: &str) -> Option<Opening> {
    let (from, until) = text.split_once('-')?;
    let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
    let opening = Opening { from: time(from)?, until: time(until)? };
    (opening.from < opening.until).then_some(opening)
}

impl OfficeHours {
    /// From its JSON form.
    ///
    /// # Errors
    /// [`BadHours`], naming the field.
    pub fn from_json(text: &str) -> Result<Self, BadHours> {
        serde_json::from_str(text).map_err(|error| BadHours(error.to_string()))
    }

    /// Its JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The openings of a day, in order; none on one on which the office is closed.
    #[must_use]
    pub fn on(&self, day: Date) -> &[Opening] {
        let holiday = self.federal_holidays && holidays::kept(day).is_some();
        if holiday || self.closed.contains(&day) {
            return &[];
        }
        self.in_the_week(day)
    }

    /// The openings of a day of its weekday, whether or not it is a holiday.
    #[must_use]
    pub fn in_the_week(&self, day: Date) -> &[Opening] {
        let number = u8::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.week.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Whether the office is open.
    #[must_use]
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let local = at.to_zoned(zone.clone());
        self.on(local.date()).iter().any(|o| o.from <= local.time() && local.time() < o.until)
    }

    /// The openings that end after `at`, in order, as instants.
    fn openings_after(
        &self,
        at: Timestamp,
        zone: &TimeZone,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let first = at.to_zoned(zone.clone()).date();
        first
            .series(jiff::Span::new().days(1))
            .take(LOOK_AHEAD_DAYS)
            .flat_map(move |day| self.on(day).iter().map(move |o| (day, *o)))
            .filter_map(move |(day, o)| {
                let instant = |time: Time| -> Option<Zoned> {
                    day.to_datetime(time).to_zoned(zone.clone()).ok()
                };
                Some((instant(o.from)?.timestamp(), instant(o.until)?.timestamp()))
            })
            .filter(move |(_, until)| *until > at)
    }

    /// When the office next opens: `at` itself while it is open. `None` when it never does.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        self.openings_after(at, zone).next().map(|(from, _)| from.max(at))
    }

    /// When this much office time has gone by. Without any opening hours, plain time.
    #[must_use]
    pub fn after_office_time(
        &self,
        at: Timestamp,
        zone: &TimeZone,
        span: SignedDuration,
    ) -> Timestamp {
        let mut left = span;
        for (from, until) in self.openings_after(at, zone) {
            let from = from.max(at);
            let open = until.duration_since(from);
            if left <= open {
                return from.checked_add(left).unwrap_or(Timestamp::MAX);
            }
            left -= open;
        }
        at.checked_add(span).unwrap_or(Timestamp::MAX)
    }

    /// The end of this business day, or of the next one when less than `at_least` is left of it
    /// (CLIN-05).
    #[must_use]
    pub fn end_of_business_day(
        &self,
        at: Timestamp,
        zone: &TimeZone,
        at_least: SignedDuration,
    ) -> Timestamp {
        let mut days: BTreeMap<Date, Timestamp> = BTreeMap::new();
        for (_, until) in self.openings_after(at, zone) {
            days.insert(until.to_zoned(zone.clone()).date(), until);
            if days.len() > 2 {
                break;
            }
        }
        let in_a_day = at.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        days.values().find(|end| end.duration_since(at) >= at_least).copied().unwrap_or(in_a_day)
    }

    /// "Mon-Fri 8:00 am-5:00 pm", "lun-vie 8:00 a. m.-5:00 p. m.". Only the first and last minute
    /// of a day are told. Days with equal hours are taken together.
    #[must_use]
    pub fn in_words(&self, language: Language) -> String {
        let mut runs: Vec<(Weekday, Weekday, Time, Time)> = Vec::new();
        let mut before: Option<u8> = None;
        for (number, (_, day)) in (0_u8..).zip(DAYS) {
            let openings = self.week.get(&number).map_or(&[][..], Vec::as_slice);
            let (Some(first), Some(last)) = (openings.first(), openings.last()) else { continue };
            let follows = before.is_some_and(|before| before.saturating_add(1) == number);
            before = Some(number);
            match runs.last_mut() {
                Some((_, end, from, until))
                    if follows && *from == first.from && *until == last.until =>
                {
                    *end = day;
                }
                _ => runs.push((day, day, first.from, last.until)),
            }
        }
        let name = |day| dates::weekday_name(day, language, Style::Short);
        let run = |(start, end, from, until): &(Weekday, Weekday, Time, Time)| {
            let days = if start == end {
                name(*start).to_owned()
            } else {
                format!("{}-{}", name(*start), name(*end))
            };
            format!("{days} {}-{}", dates::clock(*from, language), dates::clock(*until, language))
        };
        let said: Vec<_> = runs.iter().map(run).collect();
        match (said.is_empty(), language) {
            (false, _) => said.join(", "),
            (true, Language::English) => "by appointment".to_owned(),
            (true, Language::Spanish) => "con cita".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPLIT: &str = r#"{"week":{"mon":["08:00-12:00","13:00-17:00"],"tue":["08:00-17:00"],
        "wed":["08:00-17:00"],"sat":["09:00-12:00"]},"closed":["2027-03-02"]}"#;

    fn zone() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    /// 2027-03-01 is a Monday; the clocks go forward on Sunday the 14th.
    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone()).unwrap().timestamp()
    }

    #[test]
    fn open_and_closed() {
        let hours = OfficeHours::from_json(SPLIT).unwrap();
        let cases = [
            ("2027-03-01T07:59", false),
            ("2027-03-01T08:00", true),
            ("2027-03-01T12:00", false),
            ("2027-03-01T13:00", true),
            ("2027-03-01T17:00", false),
            ("2027-03-02T10:00", false),
            ("2027-03-06T09:30", true),
            ("2027-03-07T09:30", false),
        ];
        for (when, open) in cases {
            assert_eq!(hours.is_open(at(when), &zone()), open, "{when}");
        }
    }

    #[test]
    fn the_next_opening() {
        let hours = OfficeHours::from_json(SPLIT).unwrap();
        let cases = [
            ("2027-03-01T07:00", "2027-03-01T08:00"),
            ("2027-03-01T09:00", "2027-03-01T09:00"),
            ("2027-03-01T12:30", "2027-03-01T13:00"),
            ("2027-03-01T18:00", "2027-03-03T08:00"),
            ("2027-03-13T12:00", "2027-03-15T08:00"),
        ];
        for (from, expected) in cases {
            assert_eq!(hours.next_opening(at(from), &zone()), Some(at(expected)), "{from}");
        }
        let never = OfficeHours::from_json("{}").unwrap();
        assert_eq!(never.next_opening(at("2027-03-01T09:00"), &zone()), None);
    }

    #[test]
    fn office_time_and_the_end_of_the_day() {
        let hours = OfficeHours::from_json(SPLIT).unwrap();
        let after = |from, span| hours.after_office_time(at(from), &zone(), span);
        let h = SignedDuration::from_hours;
        assert_eq!(after("2027-03-01T09:00", h(2)), at("2027-03-01T11:00"));
        assert_eq!(after("2027-03-01T11:00", h(2)), at("2027-03-01T14:00"));
        assert_eq!(after("2027-03-01T16:00", h(2)), at("2027-03-03T09:00"));
        assert_eq!(after("2027-03-06T20:00", h(1)), at("2027-03-08T09:00"));
        let end = |from| hours.end_of_business_day(at(from), &zone(), h(1));
        assert_eq!(end("2027-03-01T09:00"), at("2027-03-01T17:00"));
        assert_eq!(end("2027-03-01T16:30"), at("2027-03-03T17:00"));
        let never = OfficeHours::from_json("{}").unwrap();
        let noon = at("2027-03-01T12:00");
        assert_eq!(never.after_office_time(noon, &zone(), h(2)), noon + h(2));
        assert_eq!(never.end_of_business_day(noon, &zone(), h(1)), noon + h(24));
    }

    /// Splits, holidays and both changes of the clocks of 2027: forward on March 14, back on
    /// November 7.
    #[test]
    fn office_time_goes_round_holidays_and_changes_of_the_clocks() {
        let json = r#"{"week":{"mon":["08:00-12:00","13:00-17:00"],"fri":["08:00-12:00"],
            "sun":["00:00-06:00"]},"closed":["2027-11-08"],"federal_holidays":true}"#;
        let hours = OfficeHours::from_json(json).unwrap();
        let after = |from, span| hours.after_office_time(at(from), &zone(), span);
        let h = SignedDuration::from_hours;
        // Monday, July 5 is kept for Sunday the 4th, on which nobody works either.
        assert!(!hours.is_open(at("2027-07-05T09:00"), &zone()));
        assert_eq!(after("2027-07-02T11:00", h(2)), at("2027-07-09T09:00"));
        // Over lunch, and then over the weekend.
        assert_eq!(after("2027-07-12T11:00", h(2)), at("2027-07-12T14:00"));
        assert_eq!(after("2027-07-12T16:00", h(5)), at("2027-07-16T12:00"));
        // Six hours on the clock are five in spring and seven in autumn.
        assert_eq!(after("2027-03-13T12:00", h(5)), at("2027-03-14T06:00"));
        assert_eq!(after("2027-11-06T12:00", h(7)), at("2027-11-07T06:00"));
        // The day after, the office is closed for its own reasons.
        assert_eq!(after("2027-11-06T12:00", h(8)), at("2027-11-12T09:00"));
        assert_eq!(OfficeHours::from_json(&hours.to_json()), Ok(hours));
    }

    #[test]
    fn in_words() {
        let cases = [
            (OfficeHours::default(), "Mon-Fri 8:00 am-5:00 pm", "lun-vie 8:00 a. m.-5:00 p. m."),
            (
                OfficeHours::from_json(SPLIT).unwrap(),
                "Mon-Wed 8:00 am-5:00 pm, Sat 9:00 am-12:00 pm",
                "lun-mié 8:00 a. m.-5:00 p. m., sab 9:00 a. m.-12:00 p. m.",
            ),
            (OfficeHours::from_json("{}").unwrap(), "by appointment", "con cita"),
        ];
        for (hours, english, spanish) in cases {
            assert_eq!(hours.in_words(Language::English), english);
            assert_eq!(hours.in_words(Language::Spanish), spanish);
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_what_is_wrong_is_named() {
        for hours in [OfficeHours::default(), OfficeHours::from_json(SPLIT).unwrap()] {
            assert_eq!(OfficeHours::from_json(&hours.to_json()), Ok(hours));
        }
        let wrong = [
            (r#"{"week":{"monday":[]}}"#, "week.monday"),
            (r#"{"week":{"mon":["8-5"]}}"#, "week.mon"),
            (r#"{"week":{"mon":["17:00-08:00"]}}"#, "week.mon"),
            (r#"{"week":{"mon":["08:00-12:00","11:00-13:00"]}}"#, "overlap"),
            (r#"{"weeks":{}}"#, "weeks"),
            ("[", "office hours"),
        ];
        for (text, expected) in wrong {
            let error = OfficeHours::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
