//! Nobody is given a role without training that is dated and still counts (RULEBOOK PRIV-22;
//! 45 CFR 164.530(b)), where the practice asks for it. Roles that somebody has stay with them when
//! their training grows old: care does not stop at midnight; `/staff` says who is due.

use std::collections::HashMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::error::AccessError;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::registry::{SETTING, STAFF};
use crate::db::{Tx, setting, staff as staff_rows, training as rows};
use crate::ids::StaffId;
use crate::office::Office;

/// The setting with the number of days that training counts; none: the practice does not ask.
const DAYS: &str = "staff/training_days";
/// What is offered.
pub const USUAL: u16 = 365;
/// The most: three years.
const MOST: u16 = 1096;

/// For how many days training counts; none where it is not asked for.
///
/// # Errors
/// [`AccessError::Db`].
pub fn days(tx: &mut Tx<'_>, office: &Office) -> Result<Option<u16>, AccessError> {
    let value = setting::get(tx, office.practice(), DAYS)?;
    Ok(value.and_then(|text| text.parse().ok()).filter(|days| *days > 0))
}

/// Asks for training that is at most so many days old, or for none from now on.
///
/// # Errors
/// [`AccessError::Field`].
pub fn ask(
    tx: &mut Tx<'_>,
    office: &Office,
    days: Option<u16>,
    by: Actor,
) -> Result<(), AccessError> {
    if days.is_some_and(|days| !(1..=MOST).contains(&days)) {
        return Err(AccessError::field("number of days", "must be from 1 to 1096"));
    }
    let now = office.clock().now_in_life();
    let value = days.unwrap_or_default().to_string();
    setting::put(tx, office.practice(), (DAYS, &value), now)?;
    let event = Event::new(Kind::PracticeChanged, by).about(SETTING, DAYS);
    audit::append(tx, office, event.code("training").code(format!("days={value}")))?;
    Ok(())
}

/// Records the day on which somebody was trained last.
///
/// # Errors
/// [`AccessError::Field`] for a day to come, or of ten years ago; [`AccessError::NoSuchStaff`].
pub fn record(
    tx: &mut Tx<'_>,
    office: &Office,
    (staff, on): (StaffId, Date),
    by: Actor,
) -> Result<(), AccessError> {
    let today = today(office);
    if on > today || on < today.saturating_sub(10.years()) {
        return Err(AccessError::field("day of training", "must be today or before"));
    }
    staff_rows::get(tx, office.practice(), staff)?.ok_or(AccessError::NoSuchStaff)?;
    let now = office.clock().now_in_life();
    rows::put(tx, office.practice(), (staff, &on.to_string()), now)?;
    let event = Event::new(Kind::StaffChanged, by).about(STAFF, staff).code("trained");
    audit::append(tx, office, event.code(format!("on={on}")))?;
    Ok(())
}

/// Who was trained last on which day.
///
/// # Errors
/// [`AccessError::Db`].
pub fn all(tx: &mut Tx<'_>, office: &Office) -> Result<HashMap<StaffId, Date>, AccessError> {
    let rows = rows::list(tx, office.practice())?;
    let read = |(staff, on): (StaffId, String)| Some((staff, on.parse().ok()?));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Whether training of this day still counts.
#[must_use]
pub fn counts(office: &Office, (on, days): (Option<Date>, u16)) -> bool {
    let since = today(office).saturating_sub(i64::from(days).days());
    on.is_some_and(|on| on >= since)
}

/// Whether somebody may be given a role, or begin with the ones they were given.
///
/// # Errors
/// [`AccessError::NotNow`] where the practice asks for training and theirs does not count.
pub fn check(tx: &mut Tx<'_>, office: &Office, staff: StaffId) -> Result<(), AccessError> {
    let Some(days) = days(tx, office)? else { return Ok(()) };
    let on = all(tx, office)?.get(&staff).copied();
    if counts(office, (on, days)) {
        return Ok(());
    }
    Err(AccessError::NotNow(
        "there is no training on record that still counts: an administrator records its day on the \
         page of staff first",
    ))
}

fn today(office: &Office) -> Date {
    office.clock().now_in_life().to_zoned(office.profile().timezone.clone()).date()
}
