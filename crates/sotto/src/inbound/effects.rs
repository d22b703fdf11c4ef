//! What an inbound message does, by what it was read as, in the order of TEL-19.

use gate::facts::{Dead, OptOut};
use gate::{AppointmentId, Channel, Kind, PatientId};

use super::answers::{self, Say};
use super::intent::{Confidence, Intent, Keyword};
use super::receive::{Case, Effect, InboundError, Known, TakenDown};
use super::revocation::{self, Revocation};
use super::who;
use crate::audit::{self, Event};
use crate::compose::Variant;
use crate::conversations::tasks::{self, NewTask, TaskError, TaskKind};
use crate::db::appointment::{AppointmentReply, AppointmentRow};
use crate::db::outbox::Which;
use crate::db::registry::{CONTACT_POINT, SUPPRESSION_EVENT};
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::{Tx, contact_point};
use crate::facts;
use crate::outbox;
use crate::schedule::appointments;
use crate::schedule::places;

/// What was done.
pub(super) struct Done {
    pub(super) effect: Effect,
    pub(super) patient: Option<PatientId>,
    pub(super) appointment: Option<AppointmentId>,
}

impl Done {
    const fn only(effect: Effect) -> Self {
        Self { effect, patient: None, appointment: None }
    }
}

/// Does what the message asks.
pub(super) fn apply(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    let done = match case.known {
        Known::TakenDown(taken) => taken_down(tx, case, taken)?,
        Known::Nothing | Known::Proved(..) => act(tx, case)?,
    };
    if case.arrival.incomplete && done.effect != Effect::Automatic {
        open_task(tx, case, TaskKind::IncompleteText, None)?;
    }
    Ok(done)
}

fn act(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    match case.reading.primary() {
        Intent::Emergency => emergency(tx, case),
        _ if answers::is_automatic(case.text) => Ok(Done::only(Effect::Automatic)),
        // Such words are about a number or mailbox, and this came by neither: a person finds out.
        Intent::WrongNumber | Intent::OptOut | Intent::OptIn
            if case.arrival.channel == Channel::Portal =>
        {
            conversation(tx, case)
        }
        Intent::WrongNumber => wrong_number(tx, case),
        Intent::OptOut => opt_out(tx, case),
        Intent::OptIn => opt_in(tx, case),
        Intent::QuestionClinical => clinical_question(tx, case),
        // In doubt the schedule stays as it is, and a person reads the text.
        Intent::Reschedule | Intent::DeclineOrCancel | Intent::Confirm
            if case.reading.confidence == Confidence::Guess =>
        {
            conversation(tx, case)
        }
        Intent::Reschedule | Intent::DeclineOrCancel | Intent::Confirm => about_visit(tx, case),
        Intent::Help => {
            answers::say(tx, case, Say::new(Kind::Help).stranger_too())?;
            Ok(Done::only(Effect::Helped))
        }
        Intent::QuestionAdmin | Intent::Other => conversation(tx, case),
        Intent::Thanks => Ok(Done::only(Effect::Kept)),
    }
}

/// A call that somebody took down: a task for a person, with a page where it cannot wait. Nothing is
/// answered, and no visit is changed on hearsay.
fn taken_down(tx: &mut Tx<'_>, case: &Case<'_>, taken: &TakenDown) -> Result<Done, InboundError> {
    if taken.stops && !standing(tx, case)?.iter().any(covers_texts) {
        withdraw(tx, case, "opted_out")?;
        suppress(tx, case, SuppressionKind::OptOut, SuppressionSource::Staff)?;
    }
    let (task, effect) = match case.reading.primary() {
        _ if taken.urgent => (TaskKind::Emergency, Effect::Emergency),
        Intent::Emergency => (TaskKind::Emergency, Effect::Emergency),
        Intent::QuestionClinical => (TaskKind::ClinicalQuestion, Effect::ClinicalQuestion),
        _ => (TaskKind::Answer, Effect::Task),
    };
    open_task(tx, case, task, None)?;
    Ok(Done::only(effect))
}

/// CLIN-01, CLIN-04: the one fixed answer, a task for now, and a page from [`super::pager`]. A stop
/// said in the same text is obeyed, without a text to confirm it.
fn emergency(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    open_task(tx, case, TaskKind::Emergency, None)?;
    let by_wire = case.arrival.channel != Channel::Portal;
    if by_wire && case.has(Intent::OptOut) && !standing(tx, case)?.iter().any(covers_texts) {
        withdraw(tx, case, "opted_out")?;
        suppress(tx, case, SuppressionKind::OptOut, SuppressionSource::Words)?;
    }
    answers::say(tx, case, Say::new(Kind::EmergencyAutoreply).stranger_too())?;
    Ok(Done::only(Effect::Emergency))
}

/// TEL-10 to TEL-16: off, and what waits withdrawn, before this transaction ends. One confirmation,
/// for the first stop only.
fn opt_out(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    let how = revocation::find(case.text);
    let bare_cancel = case.reading.exact_keyword == Some(Keyword::Cancel)
        || how == Some(Revocation::AmbiguousKeyword);
    let source = match how {
        Some(Revocation::Keyword | Revocation::AmbiguousKeyword) => SuppressionSource::Keyword,
        Some(Revocation::Wording) | None => SuppressionSource::Words,
    };
    let already = standing(tx, case)?.iter().any(covers_texts);
    withdraw(tx, case, "opted_out")?;
    let mut done = Done::only(Effect::StillOptedOut);
    if !already {
        suppress(tx, case, SuppressionKind::OptOut, source)?;
        done.effect = Effect::OptedOut;
    }
    let also = visit_intent(case);
    if bare_cancel {
        let meant = meant(tx, case)?;
        open_task(tx, case, TaskKind::AppointmentQuestion, meant.as_ref())?;
        done.appointment = meant.map(|row| row.id);
    } else if let Some(intent) = also {
        // "Stop texting, I can't come": both are done, and only the stop is answered.
        let changed = change_visit(tx, case, intent, false)?;
        (done.patient, done.appointment) = (changed.patient, changed.appointment);
    }
    if !already {
        let variant = if bare_cancel { Variant::VisitUnchanged } else { Variant::Plain };
        answers::say(tx, case, Say::new(Kind::StopConfirm).variant(variant).stranger_too())?;
    }
    Ok(done)
}

/// TEL-18. A number that was said to be somebody else's is not turned on by a text.
fn opt_in(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    let standing = standing(tx, case)?;
    if standing.iter().any(|o| o.wrong_number) {
        open_task(tx, case, TaskKind::Answer, None)?;
        return Ok(Done::only(Effect::Task));
    }
    if !standing.is_empty() {
        suppress(tx, case, SuppressionKind::OptIn, SuppressionSource::Keyword)?;
    }
    answers::say(tx, case, Say::new(Kind::StartConfirm).stranger_too())?;
    Ok(Done::only(Effect::OptedIn))
}

/// TEL-19: silence for the number, one apology that names nobody, the number taken off every
/// record, and a task to assess what went there (RULEBOOK §3).
fn wrong_number(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    let known = standing(tx, case)?.iter().any(|o| o.wrong_number);
    withdraw(tx, case, "wrong_number")?;
    if known {
        return Ok(Done::only(Effect::WrongNumber));
    }
    suppress(tx, case, SuppressionKind::WrongNumber, SuppressionSource::Words)?;
    let practice = case.office.practice();
    for mut point in contact_point::by_address(tx, practice, &case.index)? {
        point.dead = Some(Dead::WrongNumber);
        point.dead_at = Some(case.now);
        point.updated_at = case.now;
        contact_point::put(tx, practice, &point)?;
        let event = Event::new(audit::Kind::PatientChanged, case.actor())
            .about(CONTACT_POINT, point.id)
            .patient(point.patient_id)
            .code("wrong_number");
        audit::append(tx, case.office, event)?;
    }
    let whose = case.sender.all().to_vec();
    for patient in whose.iter().copied().map(Some).chain(whose.is_empty().then_some(None)) {
        let task = NewTask { patient, ..about(case, TaskKind::WrongNumber, None) };
        tasks::open(tx, case.office, task, &case.actor())?;
    }
    answers::say(tx, case, Say::new(Kind::WrongNumberApology).only_a_stranger())?;
    Ok(Done::only(Effect::WrongNumber))
}

/// CLIN-05: where to ask, and a task for a nurse. "Have a fever, can't come" is both.
fn clinical_question(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    open_task(tx, case, TaskKind::ClinicalQuestion, None)?;
    let mut done = Done::only(Effect::ClinicalQuestion);
    if let Some(intent) = visit_intent(case) {
        let changed = change_visit(tx, case, intent, false)?;
        (done.patient, done.appointment) = (changed.patient, changed.appointment);
    }
    answers::say(tx, case, Say::new(Kind::ClinicalQuestionAutoreply).stranger_too())?;
    Ok(done)
}

fn visit_intent(case: &Case<'_>) -> Option<Intent> {
    [Intent::Reschedule, Intent::DeclineOrCancel, Intent::Confirm]
        .into_iter()
        .find(|intent| case.has(*intent))
}

/// C, R, X and their wordings.
fn about_visit(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    let intent = visit_intent(case).unwrap_or(Intent::Other);
    change_visit(tx, case, intent, true)
}

/// Acts on the one appointment that can be meant. Where none or several can, staff find out; the
/// patient is told that a person will answer, where it is sure who the patient is.
fn change_visit(
    tx: &mut Tx<'_>,
    case: &Case<'_>,
    intent: Intent,
    answer: bool,
) -> Result<Done, InboundError> {
    let Some(row) = meant(tx, case)? else {
        let shared = matches!(case.sender, who::Sender::Shared(_));
        let kind = if shared { TaskKind::WhichPatient } else { TaskKind::AppointmentQuestion };
        open_task(tx, case, kind, None)?;
        if answer {
            let say = Say::new(Kind::AppointmentReplyAck).variant(Variant::Staff);
            answers::say(tx, case, say)?;
        }
        return Ok(Done::only(Effect::Unclear));
    };
    let (reply, effect, variant, task) = match intent {
        Intent::Confirm => {
            (AppointmentReply::Confirmed, Effect::Confirmed, Variant::Confirmed, None)
        }
        Intent::DeclineOrCancel => (
            AppointmentReply::Declined,
            Effect::Declined,
            Variant::Declined,
            Some(TaskKind::Declined),
        ),
        _ => (
            AppointmentReply::Reschedule,
            Effect::Reschedule,
            Variant::Reschedule,
            Some(TaskKind::Reschedule),
        ),
    };
    let row = appointments::reply(tx, case.office, row.id, reply, &case.actor())?;
    if let Some(kind) = task {
        open_task(tx, case, kind, Some(&row))?;
    }
    if answer {
        let say = Say::new(Kind::AppointmentReplyAck).variant(variant).about(&row);
        answers::say(tx, case, say)?;
    }
    Ok(Done { effect, patient: Some(row.patient_id), appointment: Some(row.id) })
}

/// Anything else: a person reads it. Outside office hours the sender is told so.
fn conversation(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Done, InboundError> {
    if !case.arrival.incomplete {
        open_task(tx, case, TaskKind::Answer, None)?;
    }
    let place = places::of_patient(tx, case.office, case.sender.patient());
    if !place.map_err(TaskError::from)?.is_open(case.now) {
        answers::say(tx, case, Say::new(Kind::AfterHoursAutoreply).stranger_too())?;
    }
    Ok(Done::only(if case.arrival.incomplete { Effect::Incomplete } else { Effect::Task }))
}

fn meant(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Option<AppointmentRow>, InboundError> {
    who::appointment_meant(tx, case.office, &case.index, &case.sender, case.now)
}

fn about(case: &Case<'_>, kind: TaskKind, row: Option<&AppointmentRow>) -> NewTask {
    NewTask {
        patient: row.map(|row| row.patient_id).or_else(|| case.sender.patient()),
        conversation: Some(case.conversation),
        inbound: Some(case.inbound),
        appointment: row.map(|row| row.id),
        ..NewTask::new(kind)
    }
}

fn open_task(
    tx: &mut Tx<'_>,
    case: &Case<'_>,
    kind: TaskKind,
    row: Option<&AppointmentRow>,
) -> Result<(), InboundError> {
    tasks::open(tx, case.office, about(case, kind, row), &case.actor())?;
    Ok(())
}

/// The opt-outs in force for the sender's address.
fn standing(tx: &mut Tx<'_>, case: &Case<'_>) -> Result<Vec<OptOut>, InboundError> {
    Ok(facts::opt_outs(tx, case.office, &case.index)?)
}

/// It turns off texts as a whole.
pub(super) const fn covers_texts(opt_out: &OptOut) -> bool {
    let texts = matches!(opt_out.channel, None | Some(gate::Channel::Sms));
    texts && opt_out.kind.is_none() && !opt_out.wrong_number
}

fn withdraw(tx: &mut Tx<'_>, case: &Case<'_>, why: &'static str) -> Result<(), InboundError> {
    outbox::cancel(tx, case.office, &Which::Address(case.index), &case.actor(), why)?;
    Ok(())
}

fn suppress(
    tx: &mut Tx<'_>,
    case: &Case<'_>,
    event: SuppressionKind,
    source: SuppressionSource,
) -> Result<(), InboundError> {
    let row = SuppressionRow {
        id: case.office.clock().new_id(),
        address_index: case.index.to_vec(),
        event,
        channel: None,
        kind: None,
        source,
        inbound_id: Some(case.inbound.0),
        recorded_by: case.actor().to_string(),
        occurred_at: case.now,
    };
    suppression::add(tx, case.office.practice(), &row)?;
    let kind = match event {
        SuppressionKind::OptIn => audit::Kind::OptedIn,
        _ => audit::Kind::OptedOut,
    };
    let mut logged = Event::new(kind, case.actor()).about(SUPPRESSION_EVENT, row.id);
    for patient in case.sender.all() {
        logged = logged.patient(*patient);
    }
    audit::append(tx, case.office, logged)?;
    Ok(())
}
