//! The self-test of the night (CLIN-12): an emergency that nobody has goes in as a carrier would
//! deliver it, and must reach the pager; a reminder to nobody goes out through schedule, intake,
//! gate and outbox, and its receipt must come back. If either does not, somebody is alarmed.
//!
//! It goes by the ordinary code, as the patient that is nobody ([`crate::people::test_patient`]).
//! Only three things differ: the task is a drill and says so on the pager, the caps on how often a
//! person may be written to do not count what nobody gets, and without a phone set for it the wire
//! itself is left out ([`crate::channels::loopback`]).
//!
//! A test is a row that each step adds to, so that a crash in between leaves a test that the next
//! look goes on with, and that fails when its time is up.

use std::time::Duration;

use gate::{Channel, Kind as MessageKind, PhoneNumber};
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Actor, AuditError, Event, Kind, Outcome};
use crate::channels::AdapterName;
use crate::conversations::tasks::{self, NewTask, TaskError, TaskKind, TaskOutcome};
use crate::db::message::State;
use crate::db::reconciliation::Cause;
use crate::db::registry::SELF_TEST;
use crate::db::reminder::ReminderState;
use crate::db::self_test::{self, SelfTestRow};
use crate::db::task::TaskState;
use crate::db::{Db, DbError, Tx, Word as _, message, reminder, task, test_patient, vendor};
use crate::ids::{Id as _, SelfTestId};
use crate::inbound::{self, Arrival, InboundError, Received};
use crate::journeys::reminders::{Plan, ReminderError, Step};
use crate::office::Office;
use crate::people::test_patient::{TestPatientError, ensure};
use crate::reconcile::nightly::last_at;
use crate::schedule::{Booking, ScheduleError, appointments};
use crate::{params, sql};

/// What the practice sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// At which time of the practice's day; none: only when somebody asks.
    pub at: Option<Time>,
    /// A phone of the practice's own; without one nothing crosses the carrier's wire.
    pub number: Option<PhoneNumber>,
    /// Where no test was ever made, a night before this instant was nobody's to test.
    pub first: Timestamp,
}

impl Default for Settings {
    /// Half past three in the morning, without a phone.
    fn default() -> Self {
        Self { at: Some(Time::constant(3, 30, 0, 0)), number: None, first: Timestamp::MIN }
    }
}

/// A test cannot be made, or its state not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The patient that is nobody.
    #[error(transparent)]
    Patient(#[from] TestPatientError),
    /// The way in.
    #[error(transparent)]
    Inbound(#[from] InboundError),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The plan.
    #[error(transparent)]
    Reminders(#[from] ReminderError),
    /// A task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// The test could not be begun.
    NotBegun,
    /// The emergency was not understood as one.
    NoTask,
    /// The pager did not take the page in time.
    NotPaged,
    /// The fixed answer to an emergency was refused or did not go.
    NotAnswered,
    /// The gate refused the reminder.
    ReminderRefused,
    /// The reminder was not taken up, or did not reach the carrier.
    ReminderNotSent,
    /// No receipt came back in time.
    NoReceipt,
}

crate::db::words! {
    Failed {
        NotBegun = "not_begun",
        NoTask = "no_task",
        NotPaged = "not_paged",
        NotAnswered = "not_answered",
        ReminderRefused = "reminder_refused",
        ReminderNotSent = "reminder_not_sent",
        NoReceipt = "no_receipt",
    }
}

impl Failed {
    /// What it means and where to look, for staff.
    #[must_use]
    pub const fn means(self) -> &'static str {
        match self {
            Self::NotBegun => "The test could not be begun; the log says why.",
            Self::NoTask => "A made-up emergency was not understood as one.",
            Self::NotPaged => "The pager did not take the page: check [pager] and the network.",
            Self::NotAnswered => "The fixed answer to an emergency did not go out.",
            Self::ReminderRefused => "The gate refused the reminder: sotto policy, the agreement.",
            Self::ReminderNotSent => {
                "The reminder did not reach the carrier: check its connection."
            }
            Self::NoReceipt => "The carrier took the reminder and reported nothing.",
        }
    }
}

/// Real time that the pager has.
const PAGE_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Real time that the reminder's receipt has, from the first hour at which it may go.
const RECEIPT_WITHIN: Duration = Duration::from_secs(15 * 60);
/// So long before the evening's limit nothing is begun that could be overtaken by it.
const BEFORE_EVENING: SignedDuration = SignedDuration::from_mins(30);
/// Real time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Within so long one emergency answer goes to a number (RULEBOOK §12).
const EPISODE: SignedDuration = SignedDuration::from_mins(30);
/// Held while somebody decides who makes a test.
const LOCK: &str = "self test lock";
/// How many of the latest tests are looked at.
const LATEST: u32 = 10;

/// What the made-up patient writes.
const EMERGENCY: &str = "I have chest pain and can't breathe";

fn actor() -> Actor {
    Actor::service("self_test")
}

/// Asks for a test; a node of the running service makes it.
///
/// # Errors
/// [`SelfTestError`].
pub fn ask(tx: &mut Tx<'_>, office: &Office, by: &Actor) -> Result<SelfTestRow, SelfTestError> {
    let row = new(office, Cause::Asked, office.clock().now());
    put(tx, office, &row, by, "asked")?;
    Ok(row)
}

fn new(office: &Office, cause: Cause, asked_at: Timestamp) -> SelfTestRow {
    SelfTestRow {
        id: SelfTestId::new(office.clock()),
        cause,
        asked_at,
        began_at: None,
        by_wire: false,
        patient: None,
        inbound: None,
        task: None,
        page_by: None,
        paged_at: None,
        appointment: None,
        receipt_by: None,
        received_at: None,
        finished_at: None,
        failures: None,
    }
}

fn put(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &SelfTestRow,
    by: &Actor,
    word: &'static str,
) -> Result<(), SelfTestError> {
    self_test::put(tx, office.practice(), row)?;
    let mut event = Event::new(Kind::SelfTested, by.clone()).about(SELF_TEST, row.id).code(word);
    let failures = row.failures.as_deref().unwrap_or_default();
    if !failures.is_empty() {
        event = event.outcome(Outcome::Failed);
        for word in failures.split(' ') {
            event = event.code(word.to_owned());
        }
    }
    audit::append(tx, office, event)?;
    Ok(())
}

fn lock(tx: &mut Tx<'_>, office: &Office) -> Result<(), DbError> {
    let practice = office.practice().to_string();
    let [a, b, c, d, e, f, g, h, ..] = office.keys().content_hash(LOCK, practice.as_bytes());
    tx.lock(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// Begins the test that is due, and goes on with the one that is under way. The test that ended in
/// this look, if one did.
///
/// # Errors
/// [`SelfTestError`] of storage; a test that cannot be begun has failed, and alarms.
pub async fn tick(
    db: &Db,
    office: &Office,
    set: &Settings,
) -> Result<Option<SelfTestRow>, SelfTestError> {
    let (desk, settings) = (office.clone(), set.clone());
    let due = db.write(move |tx| due(tx, &desk, &settings)).await?;
    if let Some(row) = due {
        let (desk, settings, begun) = (office.clone(), set.clone(), row.clone());
        let result = db.write(move |tx| begin(tx, &desk, &settings, begun)).await;
        if let Err(error) = result {
            tracing::error!(%error, "self_test.not_begun");
            let desk = office.clone();
            let failed = db.write(move |tx| end(tx, &desk, row, &[Failed::NotBegun])).await?;
            return Ok(Some(failed));
        }
    }
    let desk = office.clone();
    let ended = db.write(move |tx| go_on(tx, &desk)).await?;
    if let Some(row) = &ended {
        let failures = row.failures.as_deref().unwrap_or_default();
        if failures.is_empty() {
            tracing::info!(self_test = %row.id, "self_test.passed");
        } else {
            tracing::error!(self_test = %row.id, failures, "self_test.failed");
        }
    }
    Ok(ended)
}

/// The test to begin here: its row is written as begun, so that no other node begins it too.
fn due(
    tx: &mut Tx<'_>,
    office: &Office,
    set: &Settings,
) -> Result<Option<SelfTestRow>, SelfTestError> {
    lock(tx, office)?;
    let now = office.clock().now();
    let latest = self_test::latest(tx, office.practice(), LATEST)?;
    if latest.iter().any(|row| row.began_at.is_some() && row.finished_at.is_none()) {
        return Ok(None);
    }
    let zone = office.profile().timezone.clone();
    let tonight = set.at.and_then(|at| last_at(at, &zone, now)).filter(|night| {
        (!latest.is_empty() || *night >= set.first)
            && !latest.iter().any(|row| row.cause == Cause::Nightly && row.asked_at >= *night)
    });
    let asked = latest.into_iter().rev().find(|row| row.began_at.is_none());
    let row = match (asked, tonight) {
        (Some(row), _) => row,
        (None, Some(night)) => new(office, Cause::Nightly, night),
        (None, None) => return Ok(None),
    };
    // A crash before the test's own transaction leaves one that fails when its time is up.
    let page_by = later(now, office.clock().span(PAGE_WITHIN));
    let row = SelfTestRow { began_at: Some(now), page_by: Some(page_by), ..row };
    put(tx, office, &row, &actor(), "began")?;
    Ok(Some(row))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// The emergency comes in, and the visit is booked whose reminder goes out.
fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    set: &Settings,
    row: SelfTestRow,
) -> Result<(), SelfTestError> {
    let practice = office.practice();
    let carrier = vendor::for_channel(tx, practice, Channel::Sms)?.filter(|sms| sms.enabled);
    let Some(adapter) = carrier.and_then(|sms| AdapterName::from_word(&sms.adapter)) else {
        // No texts come in or go out: there is nothing to test.
        end(tx, office, row, &[])?;
        return Ok(());
    };
    let (nobody, address) = ensure(tx, office, set.number.as_ref())?;
    let sender = vendor::channel(tx, practice, Channel::Sms)?.map(|sms| sms.sender);
    let arrival = Arrival {
        adapter: adapter.as_str(),
        carrier_id: format!("self-test {}", row.id),
        channel: Channel::Sms,
        from: address,
        to: sender.unwrap_or_default(),
        body: EMERGENCY.to_owned(),
        received_at: office.clock().now(),
        incomplete: false,
        unnamed: None,
    };
    let (Received::New { inbound, .. } | Received::Repeated { inbound }) =
        inbound::receive(tx, office, arrival)?;
    let drill = task::urgent(tx, practice)?
        .into_iter()
        .find(|task| task.inbound_id == Some(inbound) && task.kind == TaskKind::Drill);
    let (appointment, receipt_by) = match Plan::load(tx, office)?.steps().last() {
        None => (None, None),
        Some(step) => {
            let (booking, due) = visit(office, nobody.patient, row.id, step);
            let (id, _) = appointments::upsert(tx, office, &booking, &actor())?;
            (Some(id), Some(later(due, office.clock().span(RECEIPT_WITHIN))))
        }
    };
    let row = SelfTestRow {
        by_wire: nobody.by_wire,
        patient: Some(nobody.patient),
        inbound: Some(inbound),
        task: drill.map(|task| task.id),
        appointment,
        receipt_by,
        ..row
    };
    put(tx, office, &row, &actor(), "sent_in")
}

/// A visit whose last reminder is due at the first hour at which one may go, and that hour.
fn visit(
    office: &Office,
    patient: gate::PatientId,
    id: SelfTestId,
    step: &Step,
) -> (Booking, Timestamp) {
    let now = office.clock().now();
    let due = first_hour(office, now);
    let before = i64::from(step.minutes_before);
    let starts_at = due
        .to_zoned(office.profile().timezone.clone())
        .checked_add((before / 1440).days().minutes(before % 1440))
        .map_or(due, |zoned| zoned.timestamp());
    let booking = Booking {
        external_id: format!("self-test/{id}"),
        patient,
        clinician: None,
        site: None,
        starts_at,
        ends_at: None,
        status: crate::db::appointment::AppointmentStatus::Booked,
    };
    (booking, due)
}

/// Now, where reminders may go now and for a while; else the next morning at which they may.
fn first_hour(office: &Office, now: Timestamp) -> Timestamp {
    let hours = office.policy().rules().quiet_hours;
    let zone = office.profile().timezone.clone();
    let local = now.to_zoned(zone.clone());
    let soon = later(now, BEFORE_EVENING).to_zoned(zone.clone());
    let open =
        local.time() >= hours.from && soon.time() < hours.until && soon.date() == local.date();
    if open {
        return now;
    }
    let today = local.date();
    [Some(today), today.checked_add(1.day()).ok()]
        .into_iter()
        .flatten()
        .filter_map(|day| day.to_datetime(hours.from).to_zoned(zone.clone()).ok())
        .map(|zoned| zoned.timestamp())
        .find(|morning| *morning > now)
        .unwrap_or(now)
}

/// How a part of the test stands.
enum Stands {
    Passed,
    Waits,
    Failed(Failed),
}

impl Stands {
    /// It may wait until then.
    fn until(by: Option<Timestamp>, now: Timestamp, or: Failed) -> Self {
        if by.is_some_and(|by| now < by) { Self::Waits } else { Self::Failed(or) }
    }
}

/// Looks at the test under way. Ends it when all is known.
fn go_on(tx: &mut Tx<'_>, office: &Office) -> Result<Option<SelfTestRow>, SelfTestError> {
    lock(tx, office)?;
    let latest = self_test::latest(tx, office.practice(), LATEST)?;
    let open = latest.into_iter().find(|row| row.began_at.is_some() && row.finished_at.is_none());
    let Some(mut row) = open else { return Ok(None) };
    let now = office.clock().now();
    let mut parts = vec![page(&row, now)];
    if row.inbound.is_some() {
        parts.push(answer(tx, office, &row, now)?);
    }
    if row.appointment.is_some() {
        parts.push(reminded(tx, office, &row, now)?);
    }
    if parts.iter().any(|part| matches!(part, Stands::Waits)) {
        return Ok(None);
    }
    let failed: Vec<Failed> = parts
        .into_iter()
        .filter_map(|part| match part {
            Stands::Failed(failed) => Some(failed),
            Stands::Passed | Stands::Waits => None,
        })
        .collect();
    if row.appointment.is_some() && failed.is_empty() {
        row.received_at = Some(now);
    }
    end(tx, office, row, &failed).map(Some)
}

fn page(row: &SelfTestRow, now: Timestamp) -> Stands {
    match (row.inbound, row.task, row.paged_at) {
        (_, _, Some(_)) => Stands::Passed,
        (None, ..) => Stands::until(row.page_by, now, Failed::NotBegun),
        (Some(_), None, None) => Stands::Failed(Failed::NoTask),
        (Some(_), Some(_), None) => Stands::until(row.page_by, now, Failed::NotPaged),
    }
}

/// The one fixed answer to the emergency (CLIN-02).
fn answer(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &SelfTestRow,
    now: Timestamp,
) -> Result<Stands, DbError> {
    let practice = office.practice();
    let (began, not_answered) = (row.began_at.unwrap_or(now), Failed::NotAnswered);
    let states = tx.query(
        sql!(
            "SELECT state FROM message
             WHERE practice_id = $1 AND patient_id = $2 AND inbound_id = $3"
        ),
        params![practice, row.patient, row.inbound],
        |row| row.get::<String>(0),
    )?;
    let Some(state) = states.first().and_then(|word| State::from_word(word)) else {
        // One answer an episode: a test soon after another gets none.
        let nobody = match row.patient {
            Some(patient) => test_patient::find(tx, practice, patient)?,
            None => None,
        };
        let (kind, since) = (MessageKind::EmergencyAutoreply, began.checked_sub(EPISODE));
        let before = match (nobody, since) {
            (Some(nobody), Ok(since)) => {
                message::answers_since(tx, practice, &nobody.address_index, Some(kind), since)? > 0
            }
            _ => false,
        };
        return Ok(if before { Stands::Passed } else { Stands::Failed(not_answered) });
    };
    Ok(match state {
        State::Sent | State::Delivered => Stands::Passed,
        State::Queued | State::Sending => Stands::until(row.page_by, now, not_answered),
        _ => Stands::Failed(not_answered),
    })
}

/// The reminder, by the step that the plan has for it.
fn reminded(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &SelfTestRow,
    now: Timestamp,
) -> Result<Stands, SelfTestError> {
    let (practice, Some(visit)) = (office.practice(), row.appointment) else {
        return Ok(Stands::Passed);
    };
    let not_sent = Failed::ReminderNotSent;
    let steps = reminder::of_appointment(tx, practice, visit)?;
    // The last of its plan: those before it are skipped, since their hours have gone by.
    let Some(step) = steps.iter().max_by_key(|step| step.due_at) else {
        return Ok(Stands::Failed(not_sent));
    };
    let sent = match (step.state, step.message_id) {
        (ReminderState::Planned, _) => return Ok(Stands::until(row.receipt_by, now, not_sent)),
        (ReminderState::Refused, _) => return Ok(Stands::Failed(Failed::ReminderRefused)),
        (ReminderState::SentOn, Some(message)) => message::find(tx, practice, message)?,
        _ => None,
    };
    Ok(match sent.map(|sent| sent.state) {
        Some(State::Delivered) => Stands::Passed,
        Some(State::Queued | State::Sending) => Stands::until(row.receipt_by, now, not_sent),
        Some(State::Sent) => Stands::until(row.receipt_by, now, Failed::NoReceipt),
        Some(State::Refused | State::Expired) => Stands::Failed(Failed::ReminderRefused),
        _ => Stands::Failed(not_sent),
    })
}

/// All is known. What the test left behind is put away; a failure alarms, once.
fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    row: SelfTestRow,
    failed: &[Failed],
) -> Result<SelfTestRow, SelfTestError> {
    let practice = office.practice();
    if let Some(visit) = row.appointment {
        appointments::cancel(tx, office, visit, &actor())?;
    }
    if let Some(id) = row.task
        && let Some(drill) = task::get(tx, practice, id)?
        && drill.state == TaskState::Open
    {
        tasks::complete(tx, office, id, TaskOutcome::Nothing, &actor())?;
    }
    let words: Vec<&str> = failed.iter().map(|failed| failed.word()).collect();
    let row = SelfTestRow {
        finished_at: Some(office.clock().now()),
        failures: Some(words.join(" ")),
        ..row
    };
    put(tx, office, &row, &actor(), if failed.is_empty() { "passed" } else { "failed" })?;
    let alarmed = |open: &task::TaskRow| open.kind == TaskKind::SelfTestFailed;
    if !failed.is_empty() && !task::urgent(tx, practice)?.iter().any(alarmed) {
        tasks::open(tx, office, NewTask::new(TaskKind::SelfTestFailed), &actor())?;
    }
    Ok(row)
}

/// Makes tests until `stop`.
pub async fn run(db: Db, office: Office, set: Settings, stop: CancellationToken) {
    loop {
        if let Err(error) = tick(&db, &office, &set).await {
            tracing::error!(%error, "self_test.tick");
        }
        let pause = office.clock().span(LOOK_EVERY);
        tokio::select! {
            () = office.clock().sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
