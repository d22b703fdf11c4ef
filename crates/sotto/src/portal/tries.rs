//! Tries at coming in, each counted before it is looked at: against the address it came from, the
//! patient, and the link. What they are counted under says nothing of any of them.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::proof::Refused;
use super::session::{self, Who};
use super::{PortalError, link};
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::db::Tx;
use crate::db::registry::WINDOW_LINK;
use crate::db::session as counts;
use crate::db::window::LinkRow;
use crate::facts::{self, Subject};
use crate::office::Office;

/// Wrong guesses that a link bears; then it is over.
const MOST_OF_LINK: i64 = 5;
/// The same about one patient, over all their links.
const MOST_OF_PATIENT: i64 = 10;
/// The same from one address, behind which many people may sit.
const MOST_OF_ADDRESS: i64 = 50;
/// After so long without a guess nobody remembers.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Somebody tries to come in by a good link. The try is counted before it is looked at.
#[derive(Debug)]
pub(super) struct Tried {
    /// By which.
    pub(super) link: LinkRow,
    /// About whom.
    pub(super) subject: Subject,
    /// Who it would be.
    pub(super) who: Who,
    from: Option<IpAddr>,
    left: Option<i64>,
}

/// Counts a try against the address it came from, the patient and the link.
///
/// # Errors
/// [`PortalError`]; nothing is then counted.
pub(super) fn try_link(
    tx: &mut Tx<'_>,
    office: &Office,
    (token, from): (&str, Option<IpAddr>),
) -> Result<Result<Tried, Refused>, PortalError> {
    if !try_from(tx, office, from)? {
        return Ok(Err(Refused::Address));
    }
    let Some(link) = link::find(tx, office, token)?.good() else {
        return Ok(Err(Refused::Link));
    };
    let Some(subject) = facts::subject(tx, office, link.patient_id)? else {
        return Ok(Err(Refused::Link));
    };
    let Some(who) = session::who(tx, office, &subject, link.contact_point_id)? else {
        return Ok(Err(Refused::Link));
    };
    if guess(tx, office, &patient(office, &link), MOST_OF_PATIENT)?.is_none() {
        return Ok(Err(Refused::Patient));
    }
    let left = guess(tx, office, &of(office, "link", link.message_id), MOST_OF_LINK)?;
    Ok(Ok(Tried { link, subject, who, from, left }))
}

/// Counts a try against the address it came from; false where there were too many.
pub(super) fn try_from(
    tx: &mut Tx<'_>,
    office: &Office,
    from: Option<IpAddr>,
) -> Result<bool, PortalError> {
    let Some(from) = from else { return Ok(true) };
    Ok(guess(tx, office, &address(office, from), MOST_OF_ADDRESS)?.is_some())
}

impl Tried {
    /// Whether it is one too many for this link: then nothing is right any more.
    pub(super) const fn too_often(&self) -> bool {
        self.left.is_none()
    }

    /// It was wrong, which stands on the log. The answer is how many more tries there are; none: the
    /// link is over.
    pub(super) fn wrong(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        what: &[&'static str],
    ) -> Result<Option<i64>, PortalError> {
        refused(tx, office, &self.link, what)?;
        let left = self.left.filter(|left| *left > 0);
        if left.is_none() {
            link::wear_out(tx, office, &self.link)?;
        }
        Ok(left)
    }

    /// It was right: the link and the patient begin anew; the address keeps its count but for this
    /// one.
    pub(super) fn right(&self, tx: &mut Tx<'_>, office: &Office) -> Result<(), PortalError> {
        let practice = office.practice();
        counts::forget_guesses(tx, practice, &of(office, "link", self.link.message_id))?;
        counts::forget_guesses(tx, practice, &patient(office, &self.link))?;
        right_from(tx, office, self.from)
    }
}

/// A try from there was right: it does not count.
pub(super) fn right_from(
    tx: &mut Tx<'_>,
    office: &Office,
    from: Option<IpAddr>,
) -> Result<(), PortalError> {
    match from {
        Some(from) => forgive(tx, office, &address(office, from)),
        None => Ok(()),
    }
}

/// How many more guesses are free after this one, which is counted; none where this was one too
/// many.
pub(super) fn guess(
    tx: &mut Tx<'_>,
    office: &Office,
    whom: &[u8; 32],
    most: i64,
) -> Result<Option<i64>, PortalError> {
    let now = office.clock().now_in_life();
    let recent = |(_, at): &(i64, Timestamp)| now.duration_since(*at) < REMEMBERED;
    let so_far = counts::failures(tx, office.practice(), whom)?.filter(recent);
    let so_far = so_far.map_or(0, |(failures, _)| failures);
    if so_far >= most {
        return Ok(None);
    }
    counts::count_guess(tx, office.practice(), whom, (so_far + 1, now))?;
    Ok(Some(most - so_far - 1))
}

/// Takes one guess back that was right.
pub(super) fn forgive(
    tx: &mut Tx<'_>,
    office: &Office,
    whom: &[u8; 32],
) -> Result<(), PortalError> {
    let practice = office.practice();
    if let Some((failures, at)) = counts::failures(tx, practice, whom)? {
        counts::count_guess(tx, practice, whom, ((failures - 1).max(0), at))?;
    }
    Ok(())
}

pub(super) fn refused(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
    what: &[&'static str],
) -> Result<(), PortalError> {
    let event = Event::new(Kind::AccessRefused, Actor::service("window"))
        .outcome(Outcome::Refused)
        .about(WINDOW_LINK, link.message_id)
        .patient(link.patient_id);
    let event = what.iter().fold(event, |event, code| event.code(*code));
    audit::append(tx, office, event)?;
    Ok(())
}

/// What guesses at something are counted under: nothing of it can be read from the row.
pub(super) fn of(office: &Office, what: &str, which: impl std::fmt::Display) -> [u8; 32] {
    office
        .keys()
        .content_hash(&format!("guesses at the window by {what}"), which.to_string().as_bytes())
}

fn patient(office: &Office, link: &LinkRow) -> [u8; 32] {
    of(office, "patient", link.patient_id)
}

fn address(office: &Office, from: IpAddr) -> [u8; 32] {
    of(office, "address", from)
}
