//! Forms that patients fill in before a visit: what is asked ([`definition`]), in versions that are
//! never changed, and what was answered, sealed. The practice's side of it is `docs/window.md`.

pub mod definition;

use std::collections::HashMap;

use gate::{AppointmentId, Language, PatientId};
use jiff::Timestamp;
use seal::{Place, SealError, Sealed};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::definition::{Answers, Form};
use crate::access::policies::Permit;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::conversations::tasks::{self, NewTask, TaskError, TaskKind};
use crate::db::form::{self as rows, AnswerRow, VersionRow};
use crate::db::registry::{FORM_ANSWER, FORM_VERSION};
use crate::db::{DbError, Tx};
use crate::ids::{FormAnswerId, FormId, Id as _};
use crate::inbound::emergency;
use crate::office::Office;
use crate::people::merge;
use crate::retention::birth_date;

/// A form cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// What is stored is no form.
    #[error("a stored form cannot be read")]
    Shape,
    /// The calendar ends.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// Keys.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The task of an emergency.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// A form in one of its versions.
#[derive(Debug, Clone)]
pub struct Version {
    /// Which form.
    pub id: FormId,
    /// Which version, from 1.
    pub version: i64,
    /// It is not asked any more.
    pub retired: bool,
    /// What it asks.
    pub form: Form,
}

impl TryFrom<VersionRow> for Version {
    type Error = FormError;

    fn try_from(row: VersionRow) -> Result<Self, FormError> {
        let form = serde_json::from_str(&row.definition).map_err(|_| FormError::Shape)?;
        Ok(Self { id: row.form_id, version: row.version, retired: row.retired, form })
    }
}

/// The newest version of every form, retired or not, by title.
///
/// # Errors
/// [`FormError`].
pub fn all(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Version>, FormError> {
    let newest = rows::newest(tx, office.practice())?;
    let mut all = newest.into_iter().map(Version::try_from).collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| a.form.title.en.cmp(&b.form.title.en));
    Ok(all)
}

/// The newest version of one.
///
/// # Errors
/// [`FormError`].
pub fn newest(tx: &mut Tx<'_>, office: &Office, id: FormId) -> Result<Option<Version>, FormError> {
    Ok(all(tx, office)?.into_iter().find(|one| one.id == id))
}

/// Keeps a new version of a form; without an id a new form. Answers to an older one stay with it.
///
/// # Errors
/// [`FormError`].
pub fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, form, retired): (Option<FormId>, &Form, bool),
    (actor, permit): (&Actor, Option<&Permit>),
) -> Result<FormId, FormError> {
    let before = match id {
        Some(id) => newest(tx, office, id)?,
        None => None,
    };
    let row = VersionRow {
        form_id: before.as_ref().map_or_else(|| FormId::new(office.clock()), |one| one.id),
        version: before.as_ref().map_or(0, |one| one.version) + 1,
        definition: serde_json::to_string(form).map_err(|_| FormError::Shape)?,
        retired,
        made_by: actor.to_string(),
        made_at: office.clock().now(),
    };
    rows::add_version(tx, office.practice(), &row)?;
    let event = Event::new(Kind::FormsChanged, actor.clone())
        .about(FORM_VERSION, format!("{}/{}", row.form_id, row.version))
        .code(if retired { "retired" } else { "in_force" });
    audit::append(tx, office, permit.map_or(event.clone(), |permit| permit.of(event)))?;
    Ok(row.form_id)
}

/// What is sealed of an answer. PHI.
#[derive(Serialize, Deserialize)]
struct Sheet {
    answers: Answers,
}

/// What somebody answered.
pub struct Filled<'a> {
    /// The patient.
    pub patient: PatientId,
    /// Before which visit.
    pub visit: AppointmentId,
    /// To what.
    pub version: &'a Version,
    /// What. PHI.
    pub answers: Answers,
    /// In which language the page was.
    pub language: Language,
}

/// Keeps answers, sealed. Where one of them speaks of danger to life, staff get the task that a text
/// would bring; then the answer is true.
///
/// # Errors
/// [`FormError`].
pub fn answer(
    tx: &mut Tx<'_>,
    office: &Office,
    filled: Filled<'_>,
    actor: &Actor,
) -> Result<bool, FormError> {
    let Filled { patient, visit, version, answers, language } = filled;
    let now = office.clock().now();
    let danger = answers.values().any(|said| emergency::find_in_answer(said).is_some());
    let id = FormAnswerId::new(office.clock());
    let (practice, key) = (office.practice().to_string(), id.to_string());
    let plain = serde_json::to_vec(&Sheet { answers }).map_err(|_| FormError::Shape)?;
    let plain = Zeroizing::new(plain);
    let buckets = office.buckets_of(now, birth_date(tx, office, Some(patient))?)?;
    let sealed = office.keys().seal_message(buckets, &place(&practice, &key), &plain)?;
    let row = AnswerRow {
        id,
        form_id: version.id,
        version: version.version,
        patient_id: patient,
        appointment_id: visit,
        answers_sealed: sealed.body.into_bytes(),
        record_wrap: sealed.record_wrap.into_bytes(),
        language: language.as_str().to_owned(),
        answered_by: actor.to_string(),
        answered_at: now,
    };
    rows::add_answer(tx, office.practice(), &row)?;
    let event = Event::new(Kind::FormAnswered, actor.clone())
        .about(FORM_ANSWER, id)
        .patient(patient)
        .code(if danger { "emergency" } else { "answered" });
    audit::append(tx, office, event)?;
    if danger {
        let new = NewTask {
            patient: Some(patient),
            appointment: Some(visit),
            ..NewTask::new(TaskKind::Emergency)
        };
        tasks::open(tx, office, new, actor)?;
    }
    Ok(danger)
}

/// Answers as a list has them: nothing of what was said.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Which.
    pub id: FormAnswerId,
    /// To which form, in the words of the staff.
    pub title: String,
    /// When.
    pub at: Timestamp,
}

/// What a patient answered, the latest first.
///
/// # Errors
/// [`FormError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<Vec<Listed>, FormError> {
    let mut listed = Vec::new();
    for row in rows::answers_of(tx, office.practice(), patient)? {
        let version = rows::version(tx, office.practice(), (row.form_id, row.version))?;
        let version = Version::try_from(version.ok_or(FormError::Shape)?)?;
        listed.push(Listed { id: row.id, title: version.form.title.en, at: row.answered_at });
    }
    Ok(listed)
}

/// That a form was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// When last.
    pub at: Timestamp,
    /// By whom, as `kind:id`.
    pub by: String,
}

/// When which form was last answered before which visit, under this record or one that became part
/// of it.
///
/// # Errors
/// [`FormError`].
pub fn answered(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<HashMap<(AppointmentId, FormId), Answered>, FormError> {
    let mut rows = rows::answers_of(tx, office.practice(), patient)?;
    for older in merge::older(tx, office.practice(), patient)? {
        rows.extend(rows::answers_of(tx, office.practice(), older)?);
    }
    // The latest of each stays.
    rows.sort_by_key(|row| (row.answered_at, row.id.0));
    let rows = rows.into_iter().map(|row| {
        let answered = Answered { at: row.answered_at, by: row.answered_by };
        ((row.appointment_id, row.form_id), answered)
    });
    Ok(rows.collect())
}

/// What was answered and to what: PHI. None where the patient has no such answers. The caller's
/// transaction records that it is shown.
///
/// # Errors
/// [`FormError`].
pub fn open(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, id): (PatientId, FormAnswerId),
) -> Result<Option<(AnswerRow, Version, Answers)>, FormError> {
    let found = rows::answer(tx, office.practice(), id)?.filter(|row| row.patient_id == patient);
    let Some(row) = found else { return Ok(None) };
    let version = rows::version(tx, office.practice(), (row.form_id, row.version))?;
    let version = Version::try_from(version.ok_or(FormError::Shape)?)?;
    let (practice, key) = (office.practice().to_string(), id.to_string());
    let body = Sealed::from_bytes(row.answers_sealed.clone());
    let wrap = Sealed::from_bytes(row.record_wrap.clone());
    let plain = office.keys().open_message(&place(&practice, &key), &body, &wrap)?;
    let sheet: Sheet = serde_json::from_slice(&plain).map_err(|_| FormError::Shape)?;
    Ok(Some((row, version, sheet.answers)))
}

const fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "form_answer", row, column: "answers" }
}
