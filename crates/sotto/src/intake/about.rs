//! A request a person or a program makes about a patient, filled in with what is on file.

use gate::{Language, PatientId};

use super::{IntakeError, Request, Words};
use crate::compose::{Variable, kinds};
use crate::db::{Tx, appointment};
use crate::facts;
use crate::office::Office;
use crate::schedule::places;

/// The patient, and what a template may ask for and the record knows: the first name, the office
/// hours, and, where the message is about an appointment, its day and time as they are now.
///
/// # Errors
/// [`IntakeError::NoPatient`], [`IntakeError::NoAppointment`] or storage.
pub fn about(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
    mut request: Request,
) -> Result<Request, IntakeError> {
    let practice = office.practice();
    let subject = facts::subject(tx, office, id)?.ok_or(IntakeError::NoPatient)?;
    let visit = match request.appointment {
        Some(visit) => Some(
            appointment::get(tx, practice, visit)?
                .filter(|row| row.patient_id == id)
                .ok_or(IntakeError::NoAppointment)?,
        ),
        None => None,
    };
    let Words::Template { values } = &request.words else {
        request.patient = Some(subject);
        return Ok(request);
    };
    let mut values = values.clone();
    // A name that is no name for a message is left out; a template that needs it then says so.
    if let Ok(named) = values.clone().default_to(Variable::FirstName, subject.person.first_name()) {
        values = named;
    }
    let wants = |variable| {
        kinds::rules(request.kind).is_some_and(|rules| rules.allowed.contains(&variable))
    };
    if wants(Variable::Hours) {
        let hours = places::of_patient(tx, office, Some(subject.id))?.hours;
        values = values.default_hours(
            &hours.in_words(Language::English),
            &hours.in_words(Language::Spanish),
        )?;
    }
    if let Some(visit) = visit {
        if wants(Variable::Time) {
            let zone =
                subject.timezone.clone().unwrap_or_else(|| office.profile().timezone.clone());
            values = values.when(visit.starts_at, &zone, false);
        }
        request.useless_after = request.useless_after.or(Some(visit.starts_at));
    }
    request.words = Words::Template { values };
    request.patient = Some(subject);
    Ok(request)
}
