//! Forms at the window: which are due before which visit, and what is filled in there.

use gate::{AppointmentId, Language};
use jiff::{SignedDuration, Timestamp};

use super::session::Who;
use super::{PortalError, Visitor};
use crate::db::Tx;
use crate::db::appointment::{self, AppointmentRow, AppointmentStatus};
use crate::forms::definition::Answers;
use crate::forms::{self, Answered, Filled, Version};
use crate::ids::FormId;
use crate::office::Office;

/// So long before a visit its forms are asked for.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A form that is asked for before a visit.
#[derive(Debug)]
pub struct Due {
    /// Which, in its newest version.
    pub version: Version,
    /// Before which visit.
    pub visit: AppointmentRow,
    /// When it was answered, and whether by whoever is there, if it was.
    pub answered: Option<(Timestamp, bool)>,
}

impl Visitor {
    /// Whether they may fill in forms: the patient, on a tablet too, and whoever may learn of
    /// clinical matters.
    #[must_use]
    pub fn fills_forms(&self) -> bool {
        *self.who() == Who::Patient || self.reads_letters()
    }
}

/// The forms that are due, by visit, the next visit first. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn due(tx: &mut Tx<'_>, office: &Office, who: &Visitor) -> Result<Vec<Due>, PortalError> {
    if !who.fills_forms() {
        return Ok(Vec::new());
    }
    let asked = forms::all(tx, office)?;
    let mut due = Vec::new();
    if asked.iter().all(|version| version.retired) {
        return Ok(due);
    }
    let answered = forms::answered(tx, office, who.patient())?;
    let now = office.clock().now();
    let span = (now, now.checked_add(AHEAD).unwrap_or(Timestamp::MAX));
    let visits = appointment::of_patient(tx, office.practice(), who.patient(), span)?;
    let first = first_visit(tx, office, who, span.1)?;
    for visit in visits.into_iter().filter(|row| row.status == AppointmentStatus::Booked) {
        let its_first = first == Some(visit.id);
        let asked = asked.iter().filter(|version| !version.retired);
        for version in asked.filter(|version| version.form.asked.before(&visit, its_first)) {
            let answered = answered.get(&(visit.id, version.id));
            let answered = answered.map(|one| (one.at, is_by(one, who)));
            due.push(Due { version: version.clone(), visit: visit.clone(), answered });
        }
    }
    Ok(due)
}

/// Whether it was this visitor who answered: the patient, under an older record too, or the same person
/// who acts for them.
fn is_by(answered: &Answered, who: &Visitor) -> bool {
    match who.who() {
        Who::Patient => answered.by.starts_with("patient:"),
        Who::Caregiver { .. } => answered.by == who.actor().to_string(),
    }
}

/// The first of all their visits until then, past ones too: those that took place, or were to and
/// nobody has said otherwise.
fn first_visit(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Visitor,
    until: Timestamp,
) -> Result<Option<AppointmentId>, PortalError> {
    let ever = (Timestamp::MIN, until);
    let all = appointment::of_patient(tx, office.practice(), who.patient(), ever)?;
    let came = [AppointmentStatus::Booked, AppointmentStatus::Fulfilled];
    Ok(all.iter().find(|row| came.contains(&row.status)).map(|row| row.id))
}

/// One of them; none where this visitor has no such form before such a visit. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn find(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Visitor,
    (visit, form): (AppointmentId, FormId),
) -> Result<Option<Due>, PortalError> {
    let due = due(tx, office, who)?;
    Ok(due.into_iter().find(|due| due.visit.id == visit && due.version.id == form))
}

/// Keeps what was filled in. `Some(true)`: it speaks of danger to life. None where there is no such
/// form of theirs, or it has changed since.
///
/// # Errors
/// [`PortalError`].
pub fn answer(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Visitor,
    (visit, form, version): (AppointmentId, FormId, i64),
    (answers, language): (Answers, Language),
) -> Result<Option<bool>, PortalError> {
    let due = find(tx, office, who, (visit, form))?;
    let Some(due) = due.filter(|due| due.version.version == version) else { return Ok(None) };
    let patient = who.patient();
    let filled = Filled { patient, visit, version: &due.version, answers, language };
    Ok(Some(forms::answer(tx, office, filled, &who.actor())?))
}
