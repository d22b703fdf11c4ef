//! A month, the grain in which records are kept and destroyed; and a day, that of patients' copies.

use std::{fmt, str::FromStr};

/// A month of the common calendar, UTC. Written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    month: u8,
}

/// Not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a month: expected a year from 2000 to 9999 and a month from 1 to 12, as in 2026-11")]
pub struct MonthError;

impl Month {
    /// A month, from a year of 2000 to 9999 and a month of 1 to 12.
    ///
    /// # Errors
    /// [`MonthError`].
    pub fn new(year: u16, month: u8) -> Result<Self, MonthError> {
        let sound = (2000..=9999).contains(&year) && (1..=12).contains(&month);
        if sound { Ok(Self { year, month }) } else { Err(MonthError) }
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// So many months later.
    ///
    /// # Errors
    /// [`MonthError`], beyond 9999-12.
    pub fn plus(self, months: u16) -> Result<Self, MonthError> {
        let total = u32::from(self.year) * 12 + u32::from(self.month) - 1 + u32::from(months);
        Self::new((total / 12) as u16, (total % 12 + 1) as u8)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        let found = Self::new(
            year.parse().map_err(|_| MonthError)?,
            month.parse().map_err(|_| MonthError)?,
        )?;
        if found.to_string() == text { Ok(found) } else { Err(MonthError) }
    }
}

/// A day, UTC, as the number of days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl fmt::Display for Day {
    /// The name of its key: no month is written so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "day {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_written_added_and_ordered() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!((month.year(), month.month()), (2026, 11));
        assert_eq!(month.plus(0), Ok(month));
        assert_eq!(month.plus(2).unwrap().to_string(), "2027-01");
        assert_eq!(month.plus(72).unwrap().to_string(), "2032-11");
        assert!(month.plus(1).unwrap() > month);
        assert_eq!("9999-12".parse::<Month>().unwrap().plus(1), Err(MonthError));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "+2026-11", "1999-12"] {
            assert_eq!(text.parse::<Month>(), Err(MonthError), "{text}");
        }
    }
}
