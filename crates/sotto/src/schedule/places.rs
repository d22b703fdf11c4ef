//! When each of the practice's places is open. A place without hours of its own keeps the practice's,
//! on its own clock. By them tasks fall due, and patients are told when somebody reads.

use gate::PatientId;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::office_hours::{BadHours, OfficeHours};
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::registry::SETTING;
use crate::db::{DbError, Tx, appointment, setting, site};
use crate::ids::SiteId;
use crate::office::Office;

/// The hours of a place cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum HoursError {
    /// What is stored cannot be read.
    #[error(transparent)]
    Hours(#[from] BadHours),
    /// No such place.
    #[error("site {0} is not on file")]
    NoSite(SiteId),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// A place's hours, on its clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// When it is open.
    pub hours: OfficeHours,
    /// By which clock.
    pub zone: TimeZone,
}

impl Place {
    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.hours.is_open(at, &self.zone)
    }

    /// When it next opens: `at` itself while it is open. `None` when it never does.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        self.hours.next_opening(at, &self.zone)
    }

    /// When so much office time has gone by.
    #[must_use]
    pub fn after(&self, at: Timestamp, span: SignedDuration) -> Timestamp {
        self.hours.after_office_time(at, &self.zone, span)
    }

    /// The end of this business day, or of the next when less than `at_least` is left of it.
    #[must_use]
    pub fn end_of_day(&self, at: Timestamp, at_least: SignedDuration) -> Timestamp {
        self.hours.end_of_business_day(at, &self.zone, at_least)
    }
}

/// The setting that holds the practice's hours; those of a site stand under its id besides.
pub const OFFICE_HOURS: &str = "office_hours";

/// A site that keeps the practice's hours again says so with this.
const THE_PRACTICES: &str = "null";

fn name_of(site: Option<SiteId>) -> String {
    site.map_or_else(|| OFFICE_HOURS.to_owned(), |site| format!("{OFFICE_HOURS}/{site}"))
}

/// The hours written down for the practice or for one site; none where none are.
///
/// # Errors
/// [`HoursError::Hours`], [`HoursError::Db`].
pub fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    site: Option<SiteId>,
) -> Result<Option<OfficeHours>, HoursError> {
    let json = setting::get(tx, office.practice(), &name_of(site))?;
    let json = json.filter(|json| json != THE_PRACTICES);
    Ok(json.map(|json| OfficeHours::from_json(&json)).transpose()?)
}

/// The hours of the practice as a whole, or the default.
///
/// # Errors
/// [`HoursError::Hours`], [`HoursError::Db`].
pub fn practice(tx: &mut Tx<'_>, office: &Office) -> Result<Place, HoursError> {
    let hours = written(tx, office, None)?.unwrap_or_default();
    Ok(Place { hours, zone: office.profile().timezone.clone() })
}

/// The hours of a site: its own, or the practice's, on the site's clock. Of no site: the practice's.
///
/// # Errors
/// [`HoursError::Hours`], [`HoursError::Db`].
pub fn of(tx: &mut Tx<'_>, office: &Office, site: Option<SiteId>) -> Result<Place, HoursError> {
    let whole = practice(tx, office)?;
    let Some(id) = site else { return Ok(whole) };
    let Some(row) = site::get(tx, office.practice(), id)? else { return Ok(whole) };
    let zone = row.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
    Ok(Place {
        hours: written(tx, office, site)?.unwrap_or(whole.hours),
        zone: zone.unwrap_or(whole.zone),
    })
}

/// The hours of the place where a patient is seen next, or was seen last; the practice's where no
/// appointment names a place.
///
/// # Errors
/// [`HoursError::Hours`], [`HoursError::Db`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: Option<PatientId>,
) -> Result<Place, HoursError> {
    let site = match patient {
        Some(id) => appointment::site_near(tx, office.practice(), id, office.clock().now())?,
        None => None,
    };
    of(tx, office, site)
}

/// Makes these the hours of the practice or of one site, for what is said and due from now on. None:
/// the site keeps the practice's hours again.
///
/// # Errors
/// [`HoursError::NoSite`], [`HoursError::Db`], [`HoursError::Audit`].
pub fn set(
    tx: &mut Tx<'_>,
    office: &Office,
    (site, hours): (Option<SiteId>, Option<&OfficeHours>),
    event: Event,
) -> Result<(), HoursError> {
    let (practice, now) = (office.practice(), office.clock().now());
    if let Some(id) = site
        && site::get(tx, practice, id)?.is_none()
    {
        return Err(HoursError::NoSite(id));
    }
    let name = name_of(site);
    let value = hours.map_or_else(|| THE_PRACTICES.to_owned(), OfficeHours::to_json);
    setting::put(tx, practice, (&name, &value), now)?;
    audit::append(tx, office, event.about(SETTING, name).code(OFFICE_HOURS))?;
    Ok(())
}

/// The event of [`set`] by somebody who needs no leave of the policies.
#[must_use]
pub fn event(actor: &Actor) -> Event {
    Event::new(Kind::PracticeChanged, actor.clone())
}
