//! Findings written down: cured by ordinary code where that is safe, given to a person otherwise,
//! and ended when a later run no longer finds them.

use std::collections::{BTreeMap, HashSet};

use gate::{AppointmentId, MessageId};
use jiff::Timestamp;

use super::finding::{Cure, Found};
use super::report::{Tally, Told};
use super::{FindingKind, Findings, ReconcileError, Span};
use crate::audit::{self, Actor, Event, Kind};
use crate::channels::{AdapterName, Failure, FailureKind};
use crate::conversations::tasks::{self, NewTask, TaskKind, TaskOutcome};
use crate::db::message::{self, Change, State};
use crate::db::outbox::{OutboxRow, Which};
use crate::db::reconciliation::{self, FindingRow, RunRow, Settled};
use crate::db::registry::{APPOINTMENT, FINDING};
use crate::db::task::TaskState;
use crate::db::{Db, Tx, Word as _, appointment, attempt, receipt, task, test_patient, vendor};
use crate::ids::{FindingId, Id as _, ReconciliationId, TaskId};
use crate::journeys::reminders::{self, Plan};
use crate::office::Office;
use crate::outbox::worker::{self, Ended};
use crate::outbox::{self, store};
use crate::receipts;

/// So many findings of a kind get a task each in one run. Beyond, something larger is broken, and
/// the report says so: nobody works through ten thousand tasks.
const MOST_TASKS: u64 = 100;

/// How many findings are written in one transaction.
const BATCH: usize = 64;

/// Most findings of earlier runs that are looked at.
const MOST_STANDING: u32 = 100_000;

fn actor() -> Actor {
    Actor::service("reconcile")
}

/// Writes all of them down.
pub(super) async fn all(
    db: &Db,
    office: &Office,
    run: &RunRow,
    span: &Span,
    found: Findings,
) -> Result<Told, ReconcileError> {
    let mut told = Told::default();
    for (kind, count) in &found.counts {
        let found = u64::try_from(*count).unwrap_or(u64::MAX);
        told.kinds.insert(*kind, Tally { found, ..Tally::default() });
    }
    for one in &found.list {
        *told.channels.entry(one.channel.unwrap_or("none")).or_default() += 1;
    }
    for batch in found.list.chunks(BATCH) {
        if let Err(error) = some(db, office, run.id, batch, &mut told).await {
            // One by one, so that what cannot be cured does not keep the others.
            tracing::warn!(%error, "reconcile.batch");
            for one in batch {
                let one = std::slice::from_ref(one);
                if let Err(error) = some(db, office, run.id, one, &mut told).await {
                    tracing::error!(%error, "reconcile.finding_not_kept");
                    told.failed += 1;
                }
            }
        }
    }
    told.gone = end_gone(db, office, span.since, found).await?;
    Ok(told)
}

/// Ends what stood and was not found any more.
async fn end_gone(
    db: &Db,
    office: &Office,
    since: Timestamp,
    found: Findings,
) -> Result<u64, ReconcileError> {
    let office = office.clone();
    db.write(move |tx| {
        let standing = reconciliation::standing(tx, office.practice(), MOST_STANDING)?;
        let (mut gone, mut needed) = (Vec::new(), HashSet::new());
        for row in standing {
            let found = found.has(row.kind, &row.subject_id);
            if found || stands(tx, &office, &row, since)? {
                needed.extend(row.task);
            } else {
                gone.push(row);
            }
        }
        let count = u64::try_from(gone.len()).unwrap_or(u64::MAX);
        for row in gone {
            // Two findings about one message may have one task.
            let done = row.task.filter(|task| !needed.contains(task));
            end(tx, &office, row, done)?;
        }
        Ok::<_, ReconcileError>(count)
    })
    .await
}

/// What came of one finding.
struct Done {
    kind: FindingKind,
    new: bool,
    healed: bool,
    task: bool,
}

async fn some(
    db: &Db,
    office: &Office,
    run: ReconciliationId,
    batch: &[Found],
    told: &mut Told,
) -> Result<(), ReconcileError> {
    let (office, batch) = (office.clone(), batch.to_vec());
    let mut given: BTreeMap<FindingKind, u64> =
        told.kinds.iter().map(|(kind, tally)| (*kind, tally.tasks)).collect();
    let all = db
        .write(move |tx| {
            let mut all = Vec::with_capacity(batch.len());
            for one in batch {
                let given = given.entry(one.kind).or_default();
                let done = write_down(tx, &office, run, one, *given < MOST_TASKS)?;
                *given += u64::from(done.task);
                all.push(done);
            }
            Ok::<_, ReconcileError>(all)
        })
        .await?;
    for done in all {
        let tally = told.kinds.entry(done.kind).or_default();
        tally.new += u64::from(done.new);
        tally.healed += u64::from(done.healed);
        tally.tasks += u64::from(done.task);
    }
    Ok(())
}

fn write_down(
    tx: &mut Tx<'_>,
    office: &Office,
    run: ReconciliationId,
    one: Found,
    may_give: bool,
) -> Result<Done, ReconcileError> {
    let (practice, now) = (office.practice(), office.clock().now());
    if one.kind == FindingKind::SentWithoutReceipt && told_already(tx, office, &one.subject)? {
        return Ok(Done { kind: one.kind, new: false, healed: false, task: false });
    }
    let known = reconciliation::finding_about(tx, practice, one.kind, &one.subject)?;
    let stands = known.as_ref().is_some_and(|row| row.settled.is_none());
    let mut done = Done { kind: one.kind, new: !stands, healed: false, task: false };
    let mut row = match known {
        Some(row) if stands => row,
        Some(row) => FindingRow { run, found_at: now, settled: None, task: None, ..row },
        None => fresh(office, run, &one, now),
    };
    if let Some(cured) = cure(tx, office, &one)? {
        done.healed = true;
        if cured.task.is_some() {
            row.task = cured.task;
        } else if let Some(before) = row.task {
            needless(tx, office, before)?;
        }
        row.settled = Some((now, Settled::Healed));
    } else if row.task.is_none() && may_give {
        let (task, opened) = give(tx, office, &one)?;
        row.task = Some(task);
        done.task = opened;
    } else if stands {
        return Ok(done);
    }
    reconciliation::put_finding(tx, practice, &row)?;
    let word = if done.healed { "healed" } else { "found" };
    audit::append(tx, office, event(&row, word).correlation(run))?;
    Ok(done)
}

/// A carrier that said that it does not know a text need not say so again in each run.
fn told_already(tx: &mut Tx<'_>, office: &Office, subject: &str) -> Result<bool, ReconcileError> {
    let kind = FindingKind::UnknownToCarrier;
    let told = reconciliation::finding_about(tx, office.practice(), kind, subject)?;
    Ok(told.is_some_and(|row| row.settled.is_none()))
}

fn fresh(office: &Office, run: ReconciliationId, one: &Found, now: Timestamp) -> FindingRow {
    FindingRow {
        id: FindingId::new(office.clock()),
        kind: one.kind,
        subject: one.table.name().to_owned(),
        subject_id: one.subject.clone(),
        subject_at: one.at,
        channel: one.channel.map(str::to_owned),
        patient: one.patient,
        message: one.message,
        appointment: one.appointment,
        inbound: one.inbound,
        task: None,
        run,
        found_at: now,
        settled: None,
    }
}

fn event(row: &FindingRow, word: &'static str) -> Event {
    Event::new(Kind::Reconciled, actor())
        .about(FINDING, row.id)
        .patient(row.patient)
        .code(row.kind.word())
        .code(word)
}

/// The task for a person, and whether it is a new one: what a person has about the message already
/// is not asked twice.
fn give(tx: &mut Tx<'_>, office: &Office, one: &Found) -> Result<(TaskId, bool), ReconcileError> {
    let kind = one.kind.task();
    if let Some(message) = one.message {
        let there = task::about_message(tx, office.practice(), message)?;
        if let Some(there) = there.iter().find(|task| task.kind == kind) {
            return Ok((there.id, false));
        }
    }
    let new = NewTask {
        patient: one.patient,
        message: one.message,
        appointment: one.appointment,
        inbound: one.inbound,
        ..NewTask::new(kind)
    };
    Ok((tasks::open(tx, office, new, &actor())?, true))
}

/// Whether a finding stands that this run did not find.
///
/// What a carrier said stands while our record does not know better: a run in which it says nothing
/// finds it no more, and that means nothing. What is older than the run looked at, and what a
/// carrier's list said, can be looked at by nobody but the person who has the task.
fn stands(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &FindingRow,
    since: Timestamp,
) -> Result<bool, ReconcileError> {
    let (older, said) = (row.subject_at < since, row.kind.is_the_carriers_word());
    if !older && !said {
        return Ok(false);
    }
    let practice = office.practice();
    if older || row.kind != FindingKind::UnknownToCarrier {
        let task = match row.task {
            Some(id) => task::get(tx, practice, id)?,
            None => None,
        };
        if task.is_none_or(|task| task.state != TaskState::Open) {
            return Ok(false);
        }
    }
    let state = match row.message {
        Some(id) => message::find(tx, practice, id)?.map(|stored| stored.state),
        None => None,
    };
    Ok(match (row.kind, row.subject_id.split_once('/')) {
        (FindingKind::UnknownToCarrier, _) => {
            matches!(state, Some(State::Sent | State::Uncertain))
        }
        (FindingKind::ListedByCarrierAlone, Some((adapter, id))) => {
            receipt::part(tx, practice, adapter, id)?.is_none()
        }
        _ => true,
    })
}

/// A task that nobody has done yet has nothing left to do. An emergency stays a person's to close.
fn needless(tx: &mut Tx<'_>, office: &Office, id: TaskId) -> Result<(), ReconcileError> {
    let open = task::get(tx, office.practice(), id)?
        .is_some_and(|row| row.state == TaskState::Open && row.kind != TaskKind::Emergency);
    if open {
        tasks::complete(tx, office, id, TaskOutcome::Nothing, &actor())?;
    }
    Ok(())
}

/// It is no more, and neither is what a person had to do about it.
fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    mut row: FindingRow,
    done: Option<TaskId>,
) -> Result<(), ReconcileError> {
    row.settled = Some((office.clock().now(), Settled::Gone));
    if let Some(id) = done {
        needless(tx, office, id)?;
    }
    reconciliation::put_finding(tx, office.practice(), &row)?;
    audit::append(tx, office, event(&row, Settled::Gone.word()))?;
    Ok(())
}

/// What a cure left to a person, if anything.
struct Cured {
    task: Option<TaskId>,
}

/// Tries the cure. Nothing where there is none, or it changed nothing.
fn cure(tx: &mut Tx<'_>, office: &Office, one: &Found) -> Result<Option<Cured>, ReconcileError> {
    let practice = office.practice();
    let mut task = None;
    let cured = match &one.cure {
        None => false,
        Some(Cure::ApplyReceipts(adapter, id)) => apply_receipts(tx, office, *adapter, id)?,
        Some(Cure::QueueAgain(id)) => queue_again(tx, office, *id)?,
        Some(Cure::MakeUncertain(id)) => {
            let done = make_uncertain(tx, office, *id)?;
            task = task::about_message(tx, practice, *id)?.last().map(|row| row.id);
            done
        }
        Some(Cure::Withdraw(id)) => {
            let which = Which::Message(*id);
            outbox::cancel(tx, office, &which, &actor(), "appointment_changed")? > 0
        }
        Some(Cure::PlanAnew(id)) => plan_anew(tx, office, *id)?,
        Some(Cure::OpenTask(kind)) => {
            let new = NewTask { patient: one.patient, inbound: one.inbound, ..NewTask::new(*kind) };
            task = Some(tasks::open(tx, office, new, &actor())?);
            true
        }
    };
    Ok(cured.then_some(Cured { task }))
}

fn apply_receipts(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    id: &str,
) -> Result<bool, ReconcileError> {
    let practice = office.practice();
    let stand = |tx: &mut Tx<'_>| -> Result<_, ReconcileError> {
        let Some(part) = receipt::part(tx, practice, adapter.as_str(), id)? else {
            return Ok(None);
        };
        let stored = message::find(tx, practice, part.message)?;
        Ok(Some((part.state, stored.map(|stored| stored.state))))
    };
    let before = stand(tx)?;
    receipts::apply_again(tx, office, adapter, id)?;
    Ok(stand(tx)? != before)
}

/// No attempt was ever made, so no carrier can have it. The gate is asked again at release.
fn queue_again(tx: &mut Tx<'_>, office: &Office, id: MessageId) -> Result<bool, ReconcileError> {
    let practice = office.practice();
    let Some(stored) = message::find(tx, practice, id)? else { return Ok(false) };
    let there = crate::db::outbox::find(tx, practice, id)?.is_some();
    let tried = attempt::last_of(tx, practice, id)?.is_some();
    let Some(carrier) = vendor::for_channel(tx, practice, stored.channel)? else {
        return Ok(false);
    };
    let nobodys = match stored.patient {
        Some(patient) => test_patient::find(tx, practice, patient)?.is_some(),
        None => false,
    };
    if there || tried || nobodys || stored.state != State::Queued {
        return Ok(false);
    }
    let row = OutboxRow {
        practice,
        message: id,
        adapter: carrier.adapter,
        due_at: office.clock().now(),
        attempts: 0,
        leased_until: None,
        lease_owner: None,
    };
    store::put(tx, office, &row)?;
    store::ring(tx, office);
    Ok(true)
}

/// As recovery does it, where recovery finds no row in the queue to begin with.
fn make_uncertain(tx: &mut Tx<'_>, office: &Office, id: MessageId) -> Result<bool, ReconcileError> {
    let practice = office.practice();
    if let Some(last) = attempt::last_of(tx, practice, id)?
        && last.outcome == attempt::Outcome::Started
        && let Some(adapter) = AdapterName::from_word(&last.adapter)
    {
        let result = Err(Failure::new(FailureKind::Uncertain));
        let (attempt, number, from) = (last.id, last.number, State::Sending);
        let ended = Ended { id, attempt, number, from, adapter, confirms: None, result };
        worker::record(tx, office, &ended)?;
        return Ok(true);
    }
    let (from, to) = (State::Sending, State::Uncertain);
    let change = Change { id, from, to, refusals: &[] };
    let moved = message::change_state(tx, practice, &change, office.clock().now())?;
    receipts::ask_staff(tx, office, id, FailureKind::Uncertain)?;
    Ok(moved)
}

fn plan_anew(tx: &mut Tx<'_>, office: &Office, id: AppointmentId) -> Result<bool, ReconcileError> {
    let practice = office.practice();
    let Some(row) = appointment::get(tx, practice, id)? else { return Ok(false) };
    reminders::replan(tx, office, &row)?;
    let there = crate::db::reminder::of_appointment(tx, practice, id)?;
    let whole = Plan::load(tx, office)?.steps().iter().all(|step| {
        there.iter().any(|r| r.appointment_version == row.version && r.step == step.step)
    });
    let event = Event::new(Kind::RemindersChanged, actor())
        .about(APPOINTMENT, id)
        .patient(row.patient_id)
        .code("planned_again");
    audit::append(tx, office, event)?;
    Ok(whole)
}
