//! Dates of birth as they are typed at a desk in the United States.

use jiff::civil::Date;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The oldest year of birth that anybody can have.
const OLDEST: i16 = 1890;

/// The days a text may mean, the likeliest first; none where it is no date. With two digits for the
/// year it may be two days a century apart, where somebody of the elder age may be alive.
///
/// `3/14/1985`, `03-14-85`, `1985-03-14`, `mar 14 1985`, `14 March 1985`, `03141985`.
pub(super) fn read(text: &str, today: Date) -> Vec<Date> {
    let parts: Vec<&str> =
        text.split([' ', '/', '-', '.', ',']).filter(|part| !part.is_empty()).collect();
    let mut days = match parts.as_slice() {
        [digits] => together(digits, today),
        [a, b, c] => apart([a, b, c], today),
        _ => Vec::new(),
    };
    days.retain(|day| day.year() >= OLDEST && *day <= today);
    let mut seen = Vec::new();
    days.retain(|day| {
        let new = !seen.contains(day);
        seen.push(*day);
        new
    });
    days
}

/// `03141985`, `19850314`, `031485`.
fn together(digits: &str, today: Date) -> Vec<Date> {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    match digits.len() {
        8 => {
            let mut days = apart([part(0, 2), part(2, 4), part(4, 8)], today);
            days.extend(apart([part(0, 4), part(4, 6), part(6, 8)], today));
            days
        }
        6 => apart([part(0, 2), part(2, 4), part(4, 6)], today),
        _ => Vec::new(),
    }
}

fn apart([a, b, c]: [&str; 3], today: Date) -> Vec<Date> {
    match (month_named(a), month_named(b)) {
        (Some(month), _) => days(c, month, number(ordinal(b)), today),
        (_, Some(month)) if is_year(a) => days(a, month, number(c), today),
        (_, Some(month)) => days(c, month, number(ordinal(a)), today),
        _ if is_year(a) => days(a, number(b), number(c), today),
        _ => match (number(a), number(b)) {
            // Nobody has a month of 14: then it is the day that stands first.
            (Some(day), Some(month)) if day > 12 && month <= 12 => {
                days(c, Some(month), Some(day), today)
            }
            (month, day) => days(c, month, day, today),
        },
    }
}

fn days(
    year: &str,
    month: impl Into<Option<i8>>,
    day: impl Into<Option<i8>>,
    today: Date,
) -> Vec<Date> {
    let (Some(month), Some(day)) = (month.into(), day.into()) else { return Vec::new() };
    if !year.bytes().all(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let Ok(number) = year.parse::<i16>() else { return Vec::new() };
    let years = match year.len() {
        4 => vec![number],
        2 => vec![2000 + number, 1900 + number],
        _ => Vec::new(),
    };
    let date = |year| Date::new(year, month, day).ok();
    // Few live to be 115.
    let alive = |day: &Date| today.year() - day.year() <= 115 || year.len() == 4;
    years.into_iter().filter_map(date).filter(|day| *day <= today && alive(day)).collect()
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit())
}

/// One or two digits.
fn number(text: &str) -> Option<i8> {
    let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// `14th` as `14`.
fn ordinal(text: &str) -> &str {
    ["st", "nd", "rd", "th"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text)
}

/// `mar`, `Sept`, `march`.
fn month_named(text: &str) -> Option<i8> {
    let text = text.to_ascii_lowercase();
    let place = MONTHS.iter().position(|name| text.len() >= 3 && name.starts_with(&text))?;
    i8::try_from(place + 1).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_ways_a_birth_date_is_typed() {
        let today = date(2027, 3, 1);
        let born = vec![date(1985, 3, 14)];
        for text in [
            "3/14/1985",
            "03/14/1985",
            "3-14-1985",
            "3.14.1985",
            "3/14/85",
            "03-14-85",
            "1985-03-14",
            "1985/3/14",
            "mar 14 1985",
            "Mar 14, 1985",
            "March 14th 1985",
            "14 mar 1985",
            "14th mar 1985",
            "14-Mar-1985",
            "mar 14 85",
            "1985 mar 14",
            "14/3/1985",
            "03141985",
            "19850314",
            "031485",
        ] {
            assert_eq!(read(text, today), born, "{text}");
        }
    }

    #[test]
    fn a_century_that_is_not_told_is_the_likelier_one_first() {
        let today = date(2027, 3, 1);
        for (text, days) in [
            ("1/2/20", vec![date(2020, 1, 2), date(1920, 1, 2)]),
            ("1/2/27", vec![date(2027, 1, 2), date(1927, 1, 2)]),
            // Not born yet.
            ("4/2/27", vec![date(1927, 4, 2)]),
            // Nobody is that old.
            ("1/2/05", vec![date(2005, 1, 2)]),
        ] {
            assert_eq!(read(text, today), days, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        let today = date(2027, 3, 1);
        for text in [
            "",
            "1985",
            "garcia",
            "2/30/1985",
            "13/32/1985",
            "617-555-0123",
            "555-0123",
            "3/14/2085",
            "3/14/185",
            "mar 1985",
            "ma 14 1985",
            "may 14",
            "12345",
            "0/0/0000",
            "1-2-3-4",
            "3/14/+985",
            "三 十四 1985",
        ] {
            assert_eq!(read(text, today), Vec::<Date>::new(), "{text}");
        }
    }
}
