//! Who a patient or caregiver is: PHI, stored sealed, opened by one door.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Names, birth date and postal address. `Debug` shows none of them; there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// `Ms`, `Dr` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Given names, the first one first.
    pub given: String,
    /// Family name.
    pub family: String,
    /// The name they go by, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred: Option<String>,
    /// Date of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Date>,
    /// Where they live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<Home>,
}

/// A postal address in the United States.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Home {
    /// Street lines, joined by a comma.
    pub street: String,
    /// City.
    pub city: String,
    /// State, two letters.
    pub region: String,
    /// ZIP code.
    pub postal_code: String,
}

impl Person {
    /// What a message calls them: the preferred name, or the first given one.
    #[must_use]
    pub fn first_name(&self) -> &str {
        let given = self.preferred.as_deref().unwrap_or(&self.given);
        given.split_whitespace().next().unwrap_or_default()
    }

    /// Given and family name, as on the chart.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given, self.family).trim().to_owned()
    }

    /// "M. G.": what a list shows of them.
    #[must_use]
    pub fn initials(&self) -> String {
        let letters = [self.first_name(), self.family.as_str()];
        let letters = letters.iter().filter_map(|name| name.trim().chars().next());
        let dotted: Vec<String> =
            letters.map(|letter| format!("{}.", letter.to_uppercase())).collect();
        dotted.join(" ")
    }

    /// Age in whole years on a day, where the birth date is on file and not after it.
    #[must_use]
    pub fn age_on(&self, day: Date) -> Option<u16> {
        let born = self.birth_date?;
        let mut years = i32::from(day.year()) - i32::from(born.year());
        if (day.month(), day.day()) < (born.month(), born.day()) {
            years -= 1;
        }
        u16::try_from(years).ok()
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Home(…)")
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_birthday_counts_from_the_day_itself() {
        let person = Person { birth_date: Some(date(2008, 2, 29)), ..Person::default() };
        for (day, age) in [
            (date(2026, 2, 28), Some(17)),
            (date(2026, 3, 1), Some(18)),
            (date(2008, 2, 29), Some(0)),
            (date(2007, 1, 1), None),
        ] {
            assert_eq!(person.age_on(day), age, "{day}");
        }
        assert_eq!(Person::default().age_on(date(2026, 1, 1)), None);
    }

    #[test]
    fn debug_shows_nothing() {
        let person = Person { given: "Maria Luz".into(), family: "G".into(), ..Person::default() };
        assert_eq!(format!("{person:?}"), "Person(…)");
        assert_eq!(person.first_name(), "Maria");
        assert_eq!(person.initials(), "M. G.");
    }
}
