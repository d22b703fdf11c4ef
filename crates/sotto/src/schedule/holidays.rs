//! The federal holidays of the United States (5 U.S.C. 6103), computed.

use jiff::civil::{Date, Weekday};

/// The holiday of a day, if it is one.
#[must_use]
pub fn federal(day: Date) -> Option<&'static str> {
    let fixed = of_the_date(day);
    let nth = |nth, weekday| day.nth_weekday_of_month(nth, weekday).is_ok_and(|it| it == day);
    fixed.or_else(|| match day.month() {
        1 if nth(3, Weekday::Monday) => Some("Birthday of Martin Luther King, Jr."),
        2 if nth(3, Weekday::Monday) => Some("Washington’s Birthday"),
        5 if nth(-1, Weekday::Monday) => Some("Memorial Day"),
        9 if nth(1, Weekday::Monday) => Some("Labor Day"),
        10 if nth(2, Weekday::Monday) => Some("Columbus Day"),
        11 if nth(4, Weekday::Thursday) => Some("Thanksgiving Day"),
        _ => None,
    })
}

/// The holiday that is kept on a day: its own, or one that falls on the weekend beside it. One on a
/// Saturday is kept on the Friday before, one on a Sunday on the Monday after (5 U.S.C. 6103(b),
/// Executive Order 11582).
#[must_use]
pub fn kept(day: Date) -> Option<&'static str> {
    let beside = match day.weekday() {
        Weekday::Friday => day.tomorrow().ok(),
        Weekday::Monday => day.yesterday().ok(),
        _ => None,
    };
    federal(day).or_else(|| beside.and_then(of_the_date))
}

/// Those that have a date of their own.
fn of_the_date(day: Date) -> Option<&'static str> {
    match (day.month(), day.day()) {
        (1, 1) => Some("New Year’s Day"),
        (6, 19) => Some("Juneteenth"),
        (7, 4) => Some("Independence Day"),
        (11, 11) => Some("Veterans Day"),
        (12, 25) => Some("Christmas Day"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// <https://www.opm.gov/policy-data-oversight/pay-leave/federal-holidays/>, 2026 and 2027.
    #[test]
    fn the_days_that_opm_lists() {
        let listed = [
            (2026, 1, 1),
            (2026, 1, 19),
            (2026, 2, 16),
            (2026, 5, 25),
            (2026, 6, 19),
            (2026, 7, 3), // for Saturday the 4th
            (2026, 9, 7),
            (2026, 10, 12),
            (2026, 11, 11),
            (2026, 11, 26),
            (2026, 12, 25),
            (2027, 1, 1),
            (2027, 1, 18),
            (2027, 2, 15),
            (2027, 5, 31),
            (2027, 6, 18), // for Saturday the 19th
            (2027, 7, 5),  // for Sunday the 4th
            (2027, 9, 6),
            (2027, 10, 11),
            (2027, 11, 11),
            (2027, 11, 25),
            (2027, 12, 24), // for Saturday the 25th
            (2027, 12, 31), // for Saturday, January 1
        ]
        .map(|(year, month, day)| date(year, month, day));
        let weekend = |day: &Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let found: Vec<Date> = date(2026, 1, 1)
            .series(jiff::Span::new().days(1))
            .take_while(|day| day.year() < 2028)
            .filter(|day| kept(*day).is_some() && !weekend(day))
            .collect();
        assert_eq!(found, listed);
    }
}
