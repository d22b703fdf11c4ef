//! Days written in digits alone: `4/12/2023`, `2023-04-12`, `03/2024`, `4/12`.
//!
//! Read by hand, in one pass: nearly every text with a price, an hour or a telephone number gives
//! cause to look.

use std::ops::Range;

/// A number of a date: how many digits it has, and its value.
#[derive(Clone, Copy)]
struct Part {
    digits: usize,
    value: u32,
    end: usize,
}

impl Part {
    /// The digits from a byte on, as far as they go; none when they are more than a year has.
    fn at(bytes: &[u8], start: usize) -> Option<Self> {
        let rest = bytes.get(start..)?;
        let digits = rest.iter().take(5).take_while(|b| b.is_ascii_digit()).count();
        let value = rest.iter().take(digits).fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
        let part = Self { digits, value, end: start.saturating_add(digits) };
        (1..=4).contains(&digits).then_some(part)
    }

    fn is_month(self) -> bool {
        self.digits <= 2 && (1..=12).contains(&self.value)
    }

    fn is_day(self) -> bool {
        self.digits <= 2 && (1..=31).contains(&self.value)
    }

    fn is_year(self) -> bool {
        self.digits == 4 && (1900..=2099).contains(&self.value)
    }
}

/// No letter or digit goes on at this byte.
fn ends(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
}

/// The number behind a sign of the given ones.
fn behind(bytes: &[u8], at: usize, signs: &[u8]) -> Option<Part> {
    bytes.get(at).filter(|sign| signs.contains(sign))?;
    Part::at(bytes, at.saturating_add(1))
}

/// Every date with a year.
pub(super) fn with_year(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    each(bytes, |first| {
        let second = behind(bytes, first.end, b"/.-")?;
        let month_and_year = || {
            let slash = bytes.get(first.end) == Some(&b'/');
            let fits = slash && first.digits == 2 && first.is_month() && second.is_year();
            (fits && ends(bytes, second.end)).then_some(second.end)
        };
        let Some(third) = behind(bytes, second.end, b"/.-").filter(|p| ends(bytes, p.end)) else {
            return month_and_year();
        };
        let year_first = first.is_year() && second.is_month() && third.is_day();
        let month_first =
            first.is_month() && second.is_day() && (third.is_year() || third.digits == 2);
        let day_first = first.is_day() && second.is_month() && third.is_year();
        if year_first || month_first || day_first { Some(third.end) } else { month_and_year() }
    })
}

/// Every month and day without a year; also fractions and grades that look like one.
pub(super) fn without_year(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    each(bytes, |first| {
        let second = behind(bytes, first.end, b"/-")?;
        (first.is_month() && second.is_day() && ends(bytes, second.end)).then_some(second.end)
    })
}

/// Tries every number that begins a word, from left to right, none twice.
fn each<'a>(
    bytes: &'a [u8],
    end_of: impl Fn(Part) -> Option<usize> + 'a,
) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        while let Some(byte) = bytes.get(at) {
            let start = at;
            at = at.saturating_add(1);
            let begins = byte.is_ascii_digit()
                && start.checked_sub(1).is_none_or(|before| ends(bytes, before));
            if begins && let Some(end) = Part::at(bytes, start).and_then(&end_of) {
                at = end;
                return Some(start..end);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;

    /// What the hand-written reader must agree with.
    fn patterns() -> (Regex, Regex) {
        let with_year = [
            r"\b(?:19|20)\d\d[/.-](?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|[12]\d|3[01])\b",
            r"\b(?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|[12]\d|3[01])[/.-](?:(?:19|20)\d\d|\d\d)\b",
            r"\b(?:0?[1-9]|[12]\d|3[01])[/.-](?:0?[1-9]|1[0-2])[/.-](?:19|20)\d\d\b",
            r"\b(?:0[1-9]|1[0-2])/(?:19|20)\d\d\b",
        ];
        let short = r"\b(?:0?[1-9]|1[0-2])[/-](?:0?[1-9]|[12]\d|3[01])\b";
        let bytes = |p: &str| regex::bytes::RegexBuilder::new(p).unicode(false).build().unwrap();
        (bytes(&with_year.join("|")), bytes(short))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn reads_what_the_patterns_describe(text in "[0-3]{0,2}([0-9]{1,4}[/.-]){0,4}[0-9]{0,4}[ a_,.]?(0?[1-9][/-][0-3]?[0-9][/.-]?(19|20)?[0-9]{0,2}[ /x]?){0,3}") {
            let (long, short) = patterns();
            let bytes = text.as_bytes();
            let expected: Vec<_> = long.find_iter(bytes).map(|m| m.range()).collect();
            prop_assert_eq!(with_year(bytes).collect::<Vec<_>>(), expected);
            let expected: Vec<_> = short.find_iter(bytes).map(|m| m.range()).collect();
            prop_assert_eq!(without_year(bytes).collect::<Vec<_>>(), expected);
        }
    }
}
