//! How long the practice's record is kept, and how it ends (PRIV-20, SPEC LC-04, LC-06; 45 CFR
//! 164.316(b)(2)(i), 164.530(j)).
//!
//! Every record is sealed under the key of the month until which it is kept ([`Retention::until`]). When
//! that month is over its key is destroyed, and the log has a certificate ([`end`]); unless something in it
//! is in effect, of somebody who is not of age yet, or held ([`keeps`]). A [`hold`](holds) wins over the
//! time. What a page says of a record that ended, [`Ended`] says (docs/decisions/0030).

pub mod end;
pub mod holds;
pub mod keeps;

use std::collections::HashMap;

use gate::{PatientId, PracticeId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use seal::{Month, MonthError};

use crate::audit::AuditError;
use crate::conversations::tasks::TaskError;
use crate::db::retention_month::{self as rows, KeyName};
use crate::db::{DbError, Tx, patient};
use crate::office::Office;
use crate::people::patients::open_person;

/// No practice keeps its records shorter (45 CFR 164.316(b)(2)(i)); nobody asks for more than the second.
pub const YEARS: std::ops::RangeInclusive<u16> = 6..=50;
/// Until which age the records of somebody under age may be kept.
pub const AGES: std::ops::RangeInclusive<u16> = 18..=40;

/// So long before a month ends somebody is told, and no month ends sooner after that.
pub const TOLD_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// So long after a hold was lifted nothing ends yet.
pub const AFTER_A_HOLD: SignedDuration = SignedDuration::from_hours(24);

/// Held, with the practice's id, by whoever ends a month and whoever places a hold.
const LOCK: i64 = 0x0072_6574_6169_6e73;

/// A month cannot be looked at or ended, or a hold not be placed or lifted.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// A field of a form.
    #[error("{field}: {remedy}")]
    Field {
        /// Which.
        field: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// There is no such hold that stands.
    #[error("this hold was lifted before")]
    NoHold,
    /// The key store.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// A time beyond the calendar.
    #[error(transparent)]
    Month(#[from] MonthError),
    /// The task of who is told.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// For how long records are kept that are written from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    years: u16,
    minors_until: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { years: 7, minors_until: 21 }
    }
}

/// A time of keeping that the rules do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooShort {
    /// The years.
    #[error("must be 6 to 50: HIPAA asks for six years at least (45 CFR 164.316(b)(2)(i))")]
    Years,
    /// The age.
    #[error("must be an age of 18 to 40")]
    Age,
}

impl Retention {
    /// So many years; of somebody under age until they are this old, where that is longer.
    ///
    /// # Errors
    /// [`TooShort`].
    pub fn new(years: u16, minors_until: u16) -> Result<Self, TooShort> {
        match (YEARS.contains(&years), AGES.contains(&minors_until)) {
            (false, _) => Err(TooShort::Years),
            (_, false) => Err(TooShort::Age),
            _ => Ok(Self { years, minors_until }),
        }
    }

    /// The years.
    #[must_use]
    pub const fn years(&self) -> u16 {
        self.years
    }

    /// The age.
    #[must_use]
    pub const fn minors_until(&self) -> u16 {
        self.minors_until
    }

    /// The month until whose end a record of this instant is kept, of somebody born on that day.
    ///
    /// # Errors
    /// [`MonthError`] where the clock reads a time beyond the calendar.
    pub fn until(&self, at: Timestamp, born: Option<Date>) -> Result<Month, MonthError> {
        let month = month_of(at.to_zoned(TimeZone::UTC).date())?;
        let month = month.plus(self.years.saturating_mul(12))?;
        // Who came of age before the calendar of months began is not under age.
        let of_age = born.and_then(|born| month_of(self.of_age(born)?).ok());
        Ok(of_age.map_or(month, |of_age| month.max(of_age)))
    }

    /// Whether somebody born on that day is not as old on this one as the setting says.
    #[must_use]
    pub fn is_under_age(&self, born: Date, today: Date) -> bool {
        self.of_age(born).is_some_and(|day| today < day)
    }

    fn of_age(&self, born: Date) -> Option<Date> {
        born.checked_add(i32::from(self.minors_until).years()).ok()
    }

    /// What was in effect after this instant is still to be kept.
    #[must_use]
    pub fn since(&self, now: Timestamp) -> Timestamp {
        let today = now.to_zoned(TimeZone::UTC);
        let since = today.checked_sub(i32::from(self.years).years());
        since.map_or(Timestamp::MIN, |at| at.timestamp())
    }
}

fn month_of(day: Date) -> Result<Month, MonthError> {
    Month::new(
        u16::try_from(day.year()).unwrap_or_default(),
        u8::try_from(day.month()).unwrap_or_default(),
    )
}

/// The first instant after a month.
fn over(month: Month) -> Option<Timestamp> {
    let next = month.plus(1).ok()?;
    let first = Date::new(i16::try_from(next.year()).ok()?, i8::try_from(next.month()).ok()?, 1);
    first.ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// When a patient was born, where that is on file and can be read: what is written about them is kept for
/// so long ([`Office::buckets_of`]).
///
/// # Errors
/// [`DbError`].
pub fn birth_date(
    tx: &mut Tx<'_>,
    office: &Office,
    id: Option<PatientId>,
) -> Result<Option<Date>, DbError> {
    let Some(id) = id else { return Ok(None) };
    let row = patient::get(tx, office.practice(), id)?;
    // What cannot be opened is asked again when the month is over.
    Ok(row.and_then(|row| {
        let person = open_person(office.keys(), office.practice(), id, row.person_sealed);
        person.ok()?.birth_date
    }))
}

/// A month whose key was destroyed: the number of its certificate, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The month, which is the certificate's number.
    pub month: String,
    /// When.
    pub at: Timestamp,
}

/// The months that have ended, by what their records name the key by.
pub type AllEnded = HashMap<KeyName, Ended>;

pub(crate) fn all_ended(tx: &mut Tx<'_>, practice: PracticeId) -> Result<AllEnded, DbError> {
    let ended =
        |row: rows::MonthRow| Some((row.key_name, Ended { at: row.ended_at?, month: row.month }));
    Ok(rows::all(tx, practice)?.into_iter().filter_map(ended).collect())
}

/// What stands in place of the words of a record that cannot be opened: why, and since when.
#[must_use]
pub fn gone(office: &Office, wrap: &[u8]) -> String {
    match office.ended(wrap) {
        Some(ended) => format!("[{}]", sentence(office, &ended)),
        None => "[The words are gone: their keys were destroyed.]".to_owned(),
    }
}

/// When the time of keeping something ended, and under which certificate.
#[must_use]
pub fn sentence(office: &Office, ended: &Ended) -> String {
    let day = ended.at.to_zoned(office.profile().timezone.clone()).strftime("%B %-d, %Y");
    format!("The time of keeping this ended on {day}: certificate {} in the log.", ended.month)
}

/// The lock of whoever ends a month or changes what is held.
fn alone(tx: &mut Tx<'_>, office: &Office) -> Result<(), DbError> {
    tx.lock(LOCK ^ office.practice().0.as_u64_pair().1.cast_signed())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn fewer_years_than_the_rule_asks_for_are_refused() {
        assert_eq!(Retention::new(5, 21), Err(TooShort::Years));
        assert_eq!(Retention::new(51, 21), Err(TooShort::Years));
        assert_eq!(Retention::new(6, 17), Err(TooShort::Age));
        assert_eq!(Retention::new(7, 21), Ok(Retention::default()));
        assert!(TooShort::Years.to_string().contains("164.316"));
    }

    #[test]
    fn a_record_is_kept_for_its_years_and_of_a_child_until_they_are_of_age() {
        let kept = Retention::new(6, 21).unwrap();
        let now = at("2026-11-30T23:59:59Z");
        for (born, until) in [
            (None, "2032-11"),
            (Some(date(1950, 1, 1)), "2032-11"),
            (Some(date(2011, 11, 30)), "2032-11"),
            (Some(date(2011, 12, 1)), "2032-12"),
            (Some(date(2024, 2, 29)), "2045-02"),
        ] {
            assert_eq!(kept.until(now, born).unwrap().to_string(), until, "{born:?}");
        }
        assert!(kept.is_under_age(date(2005, 12, 1), date(2026, 11, 30)));
        assert!(!kept.is_under_age(date(2005, 11, 30), date(2026, 11, 30)));
        assert_eq!(kept.since(at("2032-02-29T12:00:00Z")), at("2026-02-28T12:00:00Z"));
    }

    #[test]
    fn a_month_is_over_with_its_last_instant() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        assert_eq!(over(month("2033-11")), Some(at("2033-12-01T00:00:00Z")));
        assert_eq!(over(month("2033-12")), Some(at("2034-01-01T00:00:00Z")));
        assert_eq!(over(month("9999-12")), None);
    }
}
