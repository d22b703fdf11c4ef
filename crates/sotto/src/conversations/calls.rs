//! A call that a member of staff makes: a private place first, then who answered, then how we know
//! who it is, and only then the matter (RULEBOOK PRIV-10; SPEC ID-01, ID-08, ID-09, IN-03).
//!
//! Each step is stored when it is taken, with its audit entry. A call that is not ended stays open
//! on the caller's page; nothing else waits for it.

use gate::facts::Scope;
use gate::{ContactPointId, Level, PatientId};
use jiff::Timestamp;

use super::call_codes;
use super::tasks::{self, TaskError, TaskOutcome};
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::call::{self, CallRow};
use crate::db::registry::CALL;
use crate::db::restriction::{self, RestrictedThing};
use crate::db::{DbError, Tx, Word, call_code, caregiver, contact_point, task};
use crate::facts::FactsError;
use crate::ids::{CallId, CaregiverId, Id as _, StaffId, TaskId};
use crate::office::Office;
use crate::people::caregivers::{PARENTAL, scope_from_words};
use crate::portal::PortalError;

pub use crate::db::call::{Answered, CallOutcome, Greeting, Method};

/// A step of a call cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No such call.
    #[error("call {0} is not on file")]
    NoCall(CallId),
    /// Not as it stands now; the text says what to do first.
    #[error("{0}")]
    NotNow(&'static str),
    /// What was filled in.
    #[error("the {field} {because}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong, and what would be right.
        because: &'static str,
    },
    /// The task it is made for.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A code that should go to whoever listens.
    #[error(transparent)]
    Code(#[from] PortalError),
    /// About whom.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// How a listener was identified, and what that is enough for (PRIV-10): something we hold that
/// only they can answer to, or two facts about them, for health detail; both, for what is sensitive.
#[must_use]
pub fn enough_for(methods: &[Method]) -> Level {
    let strong = methods
        .iter()
        .any(|method| matches!(method, Method::CallBack | Method::Code | Method::Portal));
    let facts = [
        Method::Name,
        Method::BirthDate,
        Method::Street,
        Method::OtherContact,
        Method::EarlierContact,
    ];
    let facts = facts.iter().filter(|fact| methods.contains(fact)).count();
    match (strong, facts) {
        (true, 2..) => Level::Sensitive,
        (true, _) | (false, 2..) => Level::Detail,
        (false, _) => Level::Administrative,
    }
}

/// The most that a caregiver may hear (PRIV-07): a request to call back, appointments, bills, or
/// clinical matters up to level 2. Nothing without a permission in force.
#[must_use]
pub fn scope_allows(scope: &[Scope]) -> Level {
    let one = |scope: &Scope| match scope {
        Scope::CallBack => Level::Administrative,
        Scope::Appointments | Scope::Billing => Level::Mention,
        Scope::Clinical => Level::Detail,
    };
    scope.iter().map(one).max().unwrap_or(Level::Administrative)
}

/// The most that may be said to whoever listens now.
///
/// # Errors
/// [`CallError::Db`].
pub fn may_say(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &CallRow,
    now: Timestamp,
) -> Result<Level, CallError> {
    if row.identified != Some(true) {
        return Ok(Level::Administrative);
    }
    let known = enough_for(&methods(row));
    match (row.answered, row.caregiver_id) {
        (Some(Answered::Patient), _) => Ok(known),
        (Some(Answered::Caregiver), Some(id)) => {
            Ok(known.min(caregiver_may_hear(tx, office, (row.patient_id, id), now)?))
        }
        _ => Ok(Level::Administrative),
    }
}

/// The most that a caregiver may hear now. A personal representative stands in the patient's place
/// (PRIV-08), but for a parent in what is the young person's own (PRIV-09).
fn caregiver_may_hear(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, id): (PatientId, CaregiverId),
    now: Timestamp,
) -> Result<Level, CallError> {
    let practice = office.practice();
    let all = caregiver::of_patient(tx, practice, patient)?;
    let found = all.into_iter().find(|one| {
        one.id == id
            && one.valid_from.is_none_or(|from| from <= now)
            && one.valid_until.is_none_or(|until| now < until)
    });
    let Some(one) = found else {
        return Ok(Level::Administrative);
    };
    if !one.representative {
        return Ok(scope_allows(&scope_from_words(&one.scope)));
    }
    let own = restriction::of_patient(tx, practice, patient)?
        .into_iter()
        .any(|row| row.what == RestrictedThing::MinorConfidential && row.in_force(now));
    let parent = PARENTAL.contains(&one.relation.as_str());
    Ok(if own && parent { Level::Administrative } else { Level::Sensitive })
}

/// How the listener was identified.
#[must_use]
pub fn methods(row: &CallRow) -> Vec<Method> {
    row.methods.split_whitespace().filter_map(Method::from_word).collect()
}

/// The same as the row holds it.
pub(super) fn words_of_methods(by: &mut Vec<Method>) -> String {
    by.sort_unstable();
    by.dedup();
    by.iter().map(Word::word).collect::<Vec<_>>().join(" ")
}

/// A call about to be made.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// About whom.
    pub patient: PatientId,
    /// To which of the numbers on file.
    pub number: ContactPointId,
    /// For which task.
    pub task: Option<TaskId>,
    /// Who calls.
    pub caller: StaffId,
    /// The caller says that nobody else hears them (SPEC ID-09).
    pub private_place: bool,
}

/// Begins a call.
///
/// # Errors
/// [`CallError::Field`] without the attestation, or for a number or task that is not this
/// patient's.
pub fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &NewCall,
    actor: &Actor,
) -> Result<CallId, CallError> {
    let practice = office.practice();
    if !new.private_place {
        let because = "must be ticked: go where nobody else hears you first";
        return Err(CallError::Field { field: "private place", because });
    }
    let numbers = contact_point::of_patient(tx, practice, new.patient)?;
    if !numbers.iter().any(|point| point.id == new.number && point.dead.is_none()) {
        let because = "must be one of the patient's that still works";
        return Err(CallError::Field { field: "number", because });
    }
    if let Some(id) = new.task {
        let theirs = task::get(tx, practice, id)?
            .is_some_and(|row| row.patient_id.is_none_or(|patient| patient == new.patient));
        if !theirs {
            return Err(CallError::Field { field: "task", because: "is not this patient's" });
        }
    }
    let row = CallRow {
        id: CallId::new(office.clock()),
        patient_id: new.patient,
        contact_point_id: new.number,
        task_id: new.task,
        caller: new.caller,
        began_at: office.clock().now(),
        answered: None,
        caregiver_id: None,
        greeting: None,
        methods: String::new(),
        identified: None,
        said_at: None,
        outcome: None,
        ended_at: None,
    };
    let id = row.id;
    keep(tx, office, row, (actor, &["begun", "private_place"]))?;
    Ok(id)
}

pub(super) fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    row: CallRow,
    (actor, words): (&Actor, &[&'static str]),
) -> Result<(), CallError> {
    call::put(tx, office.practice(), &row)?;
    let event =
        Event::new(Kind::CallChanged, actor.clone()).about(CALL, row.id).patient(row.patient_id);
    let event = words.iter().fold(event, |event, word| event.code(*word));
    audit::append(tx, office, event)?;
    Ok(())
}

pub(super) fn open(tx: &mut Tx<'_>, office: &Office, id: CallId) -> Result<CallRow, CallError> {
    let row = call::get(tx, office.practice(), id)?.ok_or(CallError::NoCall(id))?;
    if row.ended_at.is_some() {
        return Err(CallError::NotNow("this call has ended: begin another"));
    }
    Ok(row)
}

/// Records who answered. A second answer (the phone was handed on) begins the check anew.
///
/// # Errors
/// [`CallError`].
pub fn answered(
    tx: &mut Tx<'_>,
    office: &Office,
    id: CallId,
    (who, caregiver_id, greeting): (Answered, Option<CaregiverId>, Option<Greeting>),
    actor: &Actor,
) -> Result<(), CallError> {
    let mut row = open(tx, office, id)?;
    if who == Answered::Caregiver {
        let all = caregiver::of_patient(tx, office.practice(), row.patient_id)?;
        if !all.iter().any(|one| Some(one.id) == caregiver_id) {
            let because = "must be one of those on file; choose \"somebody else\" for others";
            return Err(CallError::Field { field: "caregiver", because });
        }
    }
    if who == Answered::Voicemail && greeting.is_none() {
        let because = "must be said: it decides what may be left";
        return Err(CallError::Field { field: "greeting", because });
    }
    row.answered = Some(who);
    row.caregiver_id = caregiver_id.filter(|_| who == Answered::Caregiver);
    row.greeting = greeting.filter(|_| who == Answered::Voicemail);
    (row.methods, row.identified) = (String::new(), None);
    call_code::remove(tx, office.practice(), id)?;
    keep(tx, office, row, (actor, &["answered", who.word()]))
}

/// Records how the listener was identified, and whether it matched. A code counts where it was read
/// back ([`call_codes::read_back`]) and not where somebody says so; the window, where they were there
/// lately; the number that was called, where it is theirs alone.
///
/// # Errors
/// [`CallError::NotNow`] before somebody answered; [`CallError::Field`] for a method that cannot have
/// been used, and for too little.
pub fn identified(
    tx: &mut Tx<'_>,
    office: &Office,
    id: CallId,
    (by, matched): (&[Method], bool),
    actor: &Actor,
) -> Result<(), CallError> {
    let mut row = open(tx, office, id)?;
    if !matches!(row.answered, Some(Answered::Patient | Answered::Caregiver)) {
        return Err(CallError::NotNow("say first who answered"));
    }
    let mut by: Vec<Method> = by.iter().copied().filter(|by| *by != Method::Code).collect();
    if row.identified == Some(true) && methods(&row).contains(&Method::Code) {
        by.push(Method::Code);
    }
    if by.contains(&Method::CallBack) && !call_codes::called_them(tx, office, &row)? {
        let because = "tells nothing of who answers: others answer it too, or it is another's";
        return Err(CallError::Field { field: "number", because });
    }
    if by.contains(&Method::Portal) && !call_codes::at_the_window(tx, office, &row)? {
        let because = "has nobody signed in as them in the last ten minutes";
        return Err(CallError::Field { field: "portal", because });
    }
    let by = by.as_slice();
    if matched && enough_for(by) == Level::Administrative {
        let because = "is not enough: one fact alone identifies nobody; ask for a second";
        return Err(CallError::Field { field: "check", because });
    }
    let mut by = by.to_vec();
    row.methods = words_of_methods(&mut by);
    row.identified = Some(matched);
    let word = if matched { "identified" } else { "not_identified" };
    let words: Vec<&'static str> = std::iter::once(word).chain(by.iter().map(Word::word)).collect();
    keep(tx, office, row, (actor, &words))
}

/// The matter is shown to the caller: from here on it may be said.
///
/// # Errors
/// [`CallError`].
pub fn shown(tx: &mut Tx<'_>, office: &Office, id: CallId, actor: &Actor) -> Result<(), CallError> {
    let mut row = open(tx, office, id)?;
    if row.said_at.is_none() {
        row.said_at = Some(office.clock().now());
        keep(tx, office, row, (actor, &["matter_shown"]))?;
    }
    Ok(())
}

/// Ends a call. Where the matter was dealt with, its task is done with it; otherwise the task stays
/// with the call on record.
///
/// # Errors
/// [`CallError::NotNow`] where "we spoke" is said of nobody who was identified.
pub fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    id: CallId,
    outcome: CallOutcome,
    actor: &Actor,
) -> Result<(), CallError> {
    let mut row = open(tx, office, id)?;
    if outcome == CallOutcome::Spoke && row.identified != Some(true) {
        return Err(CallError::NotNow(
            "record first how you knew who it was, or say that they were not reached",
        ));
    }
    row.outcome = Some(outcome);
    row.ended_at = Some(office.clock().now());
    let task = row.task_id;
    keep(tx, office, row, (actor, &["ended", outcome.word()]))?;
    if let (CallOutcome::Spoke, Some(task)) = (outcome, task) {
        match tasks::complete(tx, office, task, TaskOutcome::Spoke, actor) {
            // A colleague was quicker: the call is on record all the same.
            Ok(()) | Err(TaskError::Done(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Method::{BirthDate, CallBack, Code, EarlierContact, Name, Portal, Street};

    #[test]
    fn what_is_known_of_a_listener_is_enough_for_so_much() {
        for (methods, level) in [
            (&[][..], Level::Administrative),
            (&[BirthDate], Level::Administrative),
            (&[EarlierContact], Level::Administrative),
            (&[CallBack], Level::Detail),
            (&[Code], Level::Detail),
            (&[Name, BirthDate], Level::Detail),
            (&[CallBack, BirthDate], Level::Detail),
            (&[Name, BirthDate, Street], Level::Detail),
            (&[CallBack, Name, BirthDate], Level::Sensitive),
            (&[Portal, Name, Street], Level::Sensitive),
            // The same fact twice is one.
            (&[BirthDate, BirthDate], Level::Administrative),
        ] {
            assert_eq!(enough_for(methods), level, "{methods:?}");
        }
    }

    #[test]
    fn a_caregiver_hears_what_the_patient_allowed() {
        for (scope, level) in [
            (&[][..], Level::Administrative),
            (&[Scope::CallBack], Level::Administrative),
            (&[Scope::Appointments], Level::Mention),
            (&[Scope::CallBack, Scope::Billing], Level::Mention),
            (&[Scope::Appointments, Scope::Clinical], Level::Detail),
        ] {
            assert_eq!(scope_allows(scope), level, "{scope:?}");
        }
    }
}
