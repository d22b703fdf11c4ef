//! Appointment reminders: a plan of steps before each appointment, one row a step and version.
//!
//! The rows are written in the transaction that changes the appointment. The words are made only
//! when a step is due, from the schedule as it is then. A row is settled in the transaction that
//! queues its message, so that a step is never taken twice and never lost between the two.

use gate::{Kind, MessageId, Origin, Purpose};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::{self, Actor, AuditError, Event};
use crate::compose::{ComposeError, Values, Variable, Variant};
use crate::conversations::tasks::{self, NewTask, TaskError, TaskKind};
use crate::db::appointment::{self, AppointmentReply, AppointmentRow, AppointmentStatus};
use crate::db::registry::{REMINDER, SETTING};
use crate::db::reminder::{self, ReminderRow, ReminderState, Settled};
use crate::db::{Db, DbError, Tx, patient, setting, site};
use crate::facts::{self, FactsError, Subject};
use crate::ids::Id as _;
use crate::intake::{self, Answer, IntakeError, Request, Wanted, Words};
use crate::office::Office;
use crate::people::preferences::{self, Preferences};

/// Reminders cannot be planned or sent on.
#[derive(Debug, thiserror::Error)]
pub enum ReminderError {
    /// The plan is not in form.
    #[error(
        "reminder plan: {0}; write steps such as [{{\"step\":\"2d\",\"minutes_before\":2880}}]"
    )]
    Plan(String),
    /// The message could not be decided.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A task could not be opened.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// The steps of a practice, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Step>);

/// One reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name: `7d`.
    pub step: String,
    /// How many minutes before the appointment.
    pub minutes_before: u32,
}

/// The most steps a plan may have: three a week is the law's cap (47 CFR 64.1200(a)(9)(iv)).
const MOST_STEPS: usize = 6;

impl Default for Plan {
    /// Seven days, two days, three hours.
    fn default() -> Self {
        let step = |step: &str, minutes_before| Step { step: step.to_owned(), minutes_before };
        Self(vec![step("7d", 7 * 1440), step("2d", 2 * 1440), step("3h", 180)])
    }
}

impl Plan {
    /// From its JSON form.
    ///
    /// # Errors
    /// [`ReminderError::Plan`].
    pub fn from_json(text: &str) -> Result<Self, ReminderError> {
        let bad = |because: &str| Err(ReminderError::Plan(because.to_owned()));
        let mut steps: Vec<Step> =
            serde_json::from_str(text).map_err(|error| ReminderError::Plan(error.to_string()))?;
        if steps.len() > MOST_STEPS {
            return bad("more than 6 steps");
        }
        let named = |step: &Step| {
            (1..=8).contains(&step.step.len())
                && step.step.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if !steps.iter().all(named) {
            return bad("a step's name is 1 to 8 letters and digits");
        }
        if steps.iter().any(|step| !(15..=60 * 1440).contains(&step.minutes_before)) {
            return bad("minutes_before is 15 to 86400");
        }
        steps.sort_by_key(|step| std::cmp::Reverse(step.minutes_before));
        let twice = |a: &Step, b: &Step| a.step == b.step || a.minutes_before == b.minutes_before;
        if steps.iter().zip(steps.iter().skip(1)).any(|(a, b)| twice(a, b)) {
            return bad("two steps are the same");
        }
        Ok(Self(steps))
    }

    /// The steps, the earliest first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Its JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The practice's own, or the default.
    ///
    /// # Errors
    /// [`ReminderError::Plan`], [`ReminderError::Db`].
    pub fn load(tx: &mut Tx<'_>, office: &Office) -> Result<Self, ReminderError> {
        match setting::get(tx, office.practice(), PLAN)? {
            Some(json) => Self::from_json(&json),
            None => Ok(Self::default()),
        }
    }

    /// Since when the practice has its own plan; none where it goes by the default.
    ///
    /// # Errors
    /// [`ReminderError::Db`].
    pub fn in_force_since(
        tx: &mut Tx<'_>,
        office: &Office,
    ) -> Result<Option<Timestamp>, ReminderError> {
        Ok(setting::set_at(tx, office.practice(), PLAN)?)
    }

    /// Makes this the practice's plan, for appointments that are added or changed from now on.
    ///
    /// # Errors
    /// [`ReminderError`].
    pub fn store(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        actor: &Actor,
    ) -> Result<(), ReminderError> {
        let now = office.clock().now();
        setting::put(tx, office.practice(), (PLAN, &self.to_json()), now)?;
        let event =
            Event::new(audit::Kind::PracticeChanged, actor.clone()).about(SETTING, PLAN).code(PLAN);
        audit::append(tx, office, event)?;
        Ok(())
    }

    /// What each step becomes for an appointment that is planned now. A step whose hour has gone by
    /// is left out, except the latest one if it is late by no more than a day and no more than half
    /// the way to what comes next: an import of old appointments sends no burst.
    fn at(&self, starts_at: Timestamp, now: Timestamp, day: &Day) -> Vec<Planned> {
        // Whole days are days of the calendar: the hour stays, whatever the clocks do between.
        let due_of = |step: &Step| {
            let (days, minutes) = (step.minutes_before / 1440, step.minutes_before % 1440);
            let before = i64::from(days).days().minutes(i64::from(minutes));
            let start = starts_at.to_zoned(day.zone.clone());
            start.checked_sub(before).map_or(Timestamp::MIN, |due| due.timestamp())
        };
        let mut planned = Vec::new();
        for (index, step) in self.0.iter().enumerate() {
            let due = due_of(step);
            let next = self.0.get(index.saturating_add(1)).map_or(starts_at, due_of);
            let late = now.duration_since(due);
            let grace = (next.duration_since(due) / 2).min(SignedDuration::from_hours(24));
            let state = if late > SignedDuration::ZERO && (now >= next || late > grace) {
                ReminderState::Skipped
            } else {
                ReminderState::Planned
            };
            let due_at = day.fit(due, starts_at).max(due.min(now));
            planned.push(Planned { step: step.step.clone(), due_at, state });
        }
        planned
    }
}

/// The name of the setting.
const PLAN: &str = "reminder_plan";

struct Planned {
    step: String,
    due_at: Timestamp,
    state: ReminderState,
}

/// The hours in which the gate lets reminders go, at the patient's place.
struct Day {
    zone: TimeZone,
    from: jiff::civil::Time,
    until: jiff::civil::Time,
}

impl Day {
    /// A step that would fall into the night waits for the morning, if that is an hour or more
    /// before the appointment; otherwise it goes the evening before. The gate would only wait, and
    /// a reminder for an early hour would come too late.
    fn fit(&self, due: Timestamp, starts_at: Timestamp) -> Timestamp {
        let local = due.to_zoned(self.zone.clone());
        let at = |zoned: &Zoned, time: jiff::civil::Time| -> Option<Timestamp> {
            let there = zoned.date().to_datetime(time).to_zoned(self.zone.clone()).ok()?;
            Some(there.timestamp())
        };
        let (morning, evening_of) = if local.time() < self.from {
            (at(&local, self.from), local.checked_sub(1.day()).ok())
        } else if local.time() >= self.until {
            let tomorrow = local.checked_add(1.day()).ok();
            (tomorrow.and_then(|t| at(&t, self.from)), Some(local))
        } else {
            return due;
        };
        let hour = SignedDuration::from_hours(1);
        match morning {
            Some(morning) if starts_at.duration_since(morning) >= hour => morning,
            _ => evening_of
                .and_then(|evening| at(&evening, self.until.saturating_sub(2.hours())))
                .unwrap_or(due),
        }
    }
}

/// Plans the steps of an appointment anew: what was planned is withdrawn, and if it will take place,
/// has not begun and was not declined, the steps of this version are written. The caller appends
/// the audit event that binds the rows.
///
/// # Errors
/// [`ReminderError`]; the caller's transaction must then be given up.
pub fn replan(tx: &mut Tx<'_>, office: &Office, row: &AppointmentRow) -> Result<(), ReminderError> {
    let now = office.clock().now();
    let practice = office.practice();
    reminder::withdraw(tx, practice, row.id, now)?;
    let takes_place = row.status == AppointmentStatus::Booked
        && row.starts_at > now
        && row.reply != Some(AppointmentReply::Declined);
    if !takes_place {
        return Ok(());
    }
    let zone = patient::get(tx, practice, row.patient_id)?
        .and_then(|patient| patient.timezone)
        .and_then(|name| TimeZone::get(&name).ok())
        .unwrap_or_else(|| office.profile().timezone.clone());
    let hours = office.policy().rules().quiet_hours;
    let day = Day { zone, from: hours.from, until: hours.until };
    for step in Plan::load(tx, office)?.at(row.starts_at, now, &day) {
        let planned = ReminderRow {
            id: office.clock().new_id(),
            appointment_id: row.id,
            appointment_version: row.version,
            step: step.step,
            due_at: step.due_at,
            state: step.state,
            message_id: None,
            refusals: None,
            updated_at: now,
        };
        reminder::plan(tx, practice, &planned)?;
    }
    Ok(())
}

/// What became of the steps that were due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Handed on and cleared.
    pub sent_on: usize,
    /// Refused by the gate.
    pub refused: usize,
    /// Needless by now.
    pub skipped: usize,
}

/// How many due steps are taken up together. SQLite commits them with one sync.
const BATCH: u32 = 64;

/// Takes up every step that is due, each in a transaction of its own.
///
/// # Errors
/// [`ReminderError`]; steps not yet taken up stay planned.
pub async fn tick(db: &Db, office: &Office) -> Result<Ticked, ReminderError> {
    let mut ticked = Ticked::default();
    loop {
        let practice = office.practice();
        let now = office.clock().now();
        let due: Vec<Uuid> = db
            .read(move |tx| Ok::<_, ReminderError>(reminder::due(tx, practice, now, BATCH)?))
            .await?;
        if due.is_empty() {
            return Ok(ticked);
        }
        for result in
            futures_util::future::join_all(due.iter().map(|id| one(db, office, *id))).await
        {
            match result? {
                ReminderState::SentOn => ticked.sent_on += 1,
                ReminderState::Refused => ticked.refused += 1,
                ReminderState::Planned => {}
                _ => ticked.skipped += 1,
            }
        }
    }
}

/// One step. A value that does not fit its template, such as a first name with a link in it, is no
/// reason to try for ever: the step is settled as refused and staff get a task.
async fn one(db: &Db, office: &Office, id: Uuid) -> Result<ReminderState, ReminderError> {
    let result = db
        .write({
            let office = office.clone();
            move |tx| take_up(tx, &office, id)
        })
        .await;
    match result {
        Err(ReminderError::Intake(IntakeError::Compose(error))) => {
            let office = office.clone();
            tracing::warn!(%error, reminder = %id, "reminder cannot be written");
            db.write(move |tx| give_up(tx, &office, id)).await
        }
        other => other,
    }
}

fn take_up(tx: &mut Tx<'_>, office: &Office, id: Uuid) -> Result<ReminderState, ReminderError> {
    let practice = office.practice();
    let now = office.clock().now();
    let gone = Ok(ReminderState::Cancelled);
    let Some(step) = reminder::get(tx, practice, id)? else { return gone };
    if step.state != ReminderState::Planned {
        return gone;
    }
    let withdraw = |tx: &mut Tx<'_>, why| -> Result<ReminderState, ReminderError> {
        let settled = Settled { state: ReminderState::Cancelled, message: None, refusals: None };
        reminder::settle(tx, practice, id, &settled, now)?;
        let event = Event::new(audit::Kind::RemindersChanged, Actor::service("reminders"))
            .about(REMINDER, id)
            .code(why);
        audit::append(tx, office, event)?;
        Ok(ReminderState::Cancelled)
    };
    let Some(row) = appointment::get(tx, practice, step.appointment_id)? else {
        return withdraw(tx, "no_appointment");
    };
    let subject = facts::subject(tx, office, row.patient_id)?;
    let Some(subject) = subject else { return withdraw(tx, "no_patient") };
    if let Some(state) = needless(tx, office, &step, &row, now)? {
        let settled = Settled { state, message: None, refusals: None };
        settle(tx, office, &step, &row, &settled, "needless")?;
        return Ok(state);
    }
    if let Some(state) = unwelcome(tx, office, &step, &row, now)? {
        return Ok(state);
    }
    let message = MessageId::new(office.clock());
    let claim = Settled { state: ReminderState::SentOn, message: Some(message), refusals: None };
    if !reminder::settle(tx, practice, id, &claim, now)? {
        return gone;
    }
    let request = Request {
        message,
        words: Words::Template { values: values(tx, office, &row, &subject)? },
        patient: Some(subject),
        channel: Wanted::Auto,
        to: None,
        kind: Kind::AppointmentReminder,
        purpose: Purpose::Treatment,
        origin: Origin::Automated,
        language: None,
        appointment: Some(row.id),
        inbound: None,
        useless_after: Some(row.starts_at),
        actor: Actor::service("reminders"),
    };
    match intake::accept(tx, office, request)? {
        Answer::Accepted { .. } | Answer::Redirected { .. } => {
            audit::append(tx, office, event(&step, &row, "sent_on"))?;
            Ok(ReminderState::SentOn)
        }
        Answer::Refused { refusal, .. } => {
            let codes: Vec<_> = refusal.reasons().map(|reason| reason.code.as_str()).collect();
            mark_refused(tx, office, &step, &codes.join(" "))?;
            audit::append(tx, office, event(&step, &row, "refused"))?;
            Ok(ReminderState::Refused)
        }
    }
}

fn mark_refused(
    tx: &mut Tx<'_>,
    office: &Office,
    step: &ReminderRow,
    codes: &str,
) -> Result<(), DbError> {
    reminder::refuse(tx, office.practice(), step.id, codes, office.clock().now())
}

/// Why a step that is due need not go, by the schedule as it is now. After "will come" only the
/// last step of the plan still goes: it is the one that prevents forgetting.
fn needless(
    tx: &mut Tx<'_>,
    office: &Office,
    step: &ReminderRow,
    row: &AppointmentRow,
    now: Timestamp,
) -> Result<Option<ReminderState>, ReminderError> {
    let changed = row.version != step.appointment_version
        || row.status != AppointmentStatus::Booked
        || row.reply == Some(AppointmentReply::Declined);
    if changed {
        return Ok(Some(ReminderState::Cancelled));
    }
    if row.starts_at <= now {
        return Ok(Some(ReminderState::Skipped));
    }
    // After a standstill several steps may be due at once: only the latest goes.
    let all = reminder::of_appointment(tx, office.practice(), row.id)?;
    let later = |due_only: bool| {
        all.iter().any(|other| {
            other.appointment_version == step.appointment_version
                && other.state == ReminderState::Planned
                && (other.due_at, other.id) > (step.due_at, step.id)
                && (!due_only || other.due_at <= now)
        })
    };
    let answered = row.reply.is_some();
    Ok((later(true) || answered && later(false)).then_some(ReminderState::Skipped))
}

/// The patient's own wish (SPEC CN-12): no reminders, or not at this hour. Then the step waits for
/// the hour, unless the appointment is before it.
fn unwelcome(
    tx: &mut Tx<'_>,
    office: &Office,
    step: &ReminderRow,
    row: &AppointmentRow,
    now: Timestamp,
) -> Result<Option<ReminderState>, ReminderError> {
    let practice = office.practice();
    let wishes = preferences::get(tx, office.into(), row.patient_id)?;
    if wishes == Preferences::default() {
        return Ok(None);
    }
    let zone = patient::get(tx, practice, row.patient_id)?
        .and_then(|patient| patient.timezone)
        .and_then(|name| TimeZone::get(&name).ok())
        .unwrap_or_else(|| office.profile().timezone.clone());
    match wishes.next_welcome(Kind::AppointmentReminder, now, &zone) {
        None => {
            let state = ReminderState::Skipped;
            let settled = Settled { state, message: None, refusals: None };
            settle(tx, office, step, row, &settled, "not_wanted")?;
            Ok(Some(state))
        }
        Some(later) if later > now && later < row.starts_at => {
            reminder::put_off(tx, practice, step.id, later, now)?;
            audit::append(tx, office, event(step, row, "put_off"))?;
            Ok(Some(ReminderState::Planned))
        }
        Some(_) => Ok(None),
    }
}

/// The words' values, from the schedule as it is now: in the patient's zone, and with the zone's
/// name where the place goes by another clock.
fn values(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &AppointmentRow,
    subject: &Subject,
) -> Result<Values, ReminderError> {
    let profile = office.profile();
    let place = match row.site_id {
        Some(id) => site::get(tx, office.practice(), id)?,
        None => None,
    };
    let place_zone = place
        .as_ref()
        .and_then(|place| place.timezone.as_deref())
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or_else(|| profile.timezone.clone());
    let zone = subject.timezone.clone().unwrap_or_else(|| place_zone.clone());
    let apart = zone.to_offset(row.starts_at) != place_zone.to_offset(row.starts_at);
    let mut values = Values::new().when(row.starts_at, &zone, apart);
    let compose = |error: ComposeError| ReminderError::Intake(IntakeError::Compose(error));
    values = values.set(Variable::FirstName, subject.person.first_name()).map_err(compose)?;
    // With one place there is nothing to find out; with more, which one matters most.
    let several = site::count(tx, office.practice())? > 1;
    if let Some(place) = place.filter(|_| several)
        && let Ok(with_site) = values.clone().set(Variable::Site, place.name)
    {
        values = with_site.variant(Variant::WithSite);
    }
    profile_values(office, values).map_err(compose)
}

/// The practice's name, number and portal, for wherever a template asks for them.
pub(crate) fn profile_values(office: &Office, values: Values) -> Result<Values, ComposeError> {
    let profile = office.profile();
    values
        .default_to(Variable::Practice, profile.display_name.as_str())?
        .default_to(Variable::Phone, profile.phone.as_str())?
        .default_to(Variable::PortalUrl, profile.portal_url.as_str())
}

fn give_up(tx: &mut Tx<'_>, office: &Office, id: Uuid) -> Result<ReminderState, ReminderError> {
    let practice = office.practice();
    let Some(step) = reminder::get(tx, practice, id)? else {
        return Ok(ReminderState::Cancelled);
    };
    let Some(row) = appointment::get(tx, practice, step.appointment_id)? else {
        return Ok(ReminderState::Cancelled);
    };
    let settled = Settled {
        state: ReminderState::Refused,
        message: None,
        refusals: Some("E_VALUES".to_owned()),
    };
    settle(tx, office, &step, &row, &settled, "values")?;
    let task = NewTask {
        patient: Some(row.patient_id),
        appointment: Some(row.id),
        ..NewTask::new(TaskKind::ReminderNotWritten)
    };
    tasks::open(tx, office, task, &Actor::service("reminders"))?;
    Ok(ReminderState::Refused)
}

/// The database is an older state of itself: a step that was planned then and has become due since
/// may have been taken in the time that is not in it. It is skipped, and staff get a task. Returns
/// how many.
///
/// # Errors
/// [`ReminderError`]; the caller's transaction must then be given up.
pub(crate) fn hold_after_restore(tx: &mut Tx<'_>, office: &Office) -> Result<u64, ReminderError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let mut held = 0;
    loop {
        let due = reminder::due(tx, practice, now, BATCH)?;
        if due.is_empty() {
            return Ok(held);
        }
        for id in due {
            let Some(step) = reminder::get(tx, practice, id)? else { continue };
            let row = appointment::get(tx, practice, step.appointment_id)?;
            let patient = row.as_ref().map(|row| row.patient_id);
            let settled = Settled { state: ReminderState::Skipped, message: None, refusals: None };
            reminder::settle(tx, practice, id, &settled, now)?;
            let event = Event::new(audit::Kind::RemindersChanged, Actor::service("restore"))
                .about(REMINDER, id)
                .patient(patient)
                .code("held_after_restore");
            audit::append(tx, office, event)?;
            held += 1;
            // Of an appointment that is over there is nothing left to remind.
            if let Some(row) = row.filter(|row| row.starts_at > now) {
                let task = NewTask {
                    patient,
                    appointment: Some(row.id),
                    ..NewTask::new(TaskKind::Delivery)
                };
                tasks::open(tx, office, task, &Actor::service("restore"))?;
            }
        }
    }
}

fn settle(
    tx: &mut Tx<'_>,
    office: &Office,
    step: &ReminderRow,
    row: &AppointmentRow,
    settled: &Settled,
    word: &'static str,
) -> Result<(), ReminderError> {
    let now = office.clock().now();
    if reminder::settle(tx, office.practice(), step.id, settled, now)? {
        audit::append(tx, office, event(step, row, word))?;
    }
    Ok(())
}

fn event(step: &ReminderRow, row: &AppointmentRow, word: &'static str) -> Event {
    Event::new(audit::Kind::RemindersChanged, Actor::service("reminders"))
        .about(REMINDER, step.id)
        .patient(row.patient_id)
        .code(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone()).unwrap().timestamp()
    }

    fn day() -> Day {
        let time = |hour| jiff::civil::time(hour, 0, 0, 0);
        Day { zone: zone(), from: time(9), until: time(20) }
    }

    /// What each step of the default plan becomes: its local due time, or `-` for skipped.
    fn planned(starts_at: &str, now: &str) -> Vec<String> {
        Plan::default()
            .at(at(starts_at), at(now), &day())
            .into_iter()
            .map(|p| match p.state {
                ReminderState::Planned => {
                    p.due_at.to_zoned(zone()).strftime("%d %H:%M").to_string()
                }
                _ => "-".to_owned(),
            })
            .collect()
    }

    #[test]
    fn steps_of_the_plan() {
        let cases = [
            // In good time.
            ("2027-03-20T14:00", "2027-03-01T10:00", ["13 14:00", "18 14:00", "20 11:00"]),
            // Seen six and a half days before: the first step is late by half a day, and goes.
            ("2027-03-20T14:00", "2027-03-14T02:00", ["13 14:00", "18 14:00", "20 11:00"]),
            // Five days before: too late for the first.
            ("2027-03-20T14:00", "2027-03-15T14:00", ["-", "18 14:00", "20 11:00"]),
            // A day before: only the last.
            ("2027-03-20T14:00", "2027-03-19T14:00", ["-", "-", "20 11:00"]),
            // Two hours before: late by an hour, and still sensible.
            ("2027-03-20T14:00", "2027-03-20T12:00", ["-", "-", "20 11:00"]),
            // One hour before: not any more.
            ("2027-03-20T14:00", "2027-03-20T13:00", ["-", "-", "-"]),
            // An early hour: the morning is an hour off, so it waits for nine.
            ("2027-03-20T10:00", "2027-03-01T10:00", ["13 10:00", "18 10:00", "20 09:00"]),
            // Earlier still: the evening before.
            ("2027-03-20T08:00", "2027-03-01T10:00", ["13 09:00", "18 09:00", "19 18:00"]),
            // Late hours wait for the morning; the clocks go forward on the 14th.
            ("2027-03-14T21:30", "2027-03-01T10:00", ["08 09:00", "13 09:00", "14 18:30"]),
        ];
        for (starts_at, now, expected) in cases {
            assert_eq!(planned(starts_at, now), expected, "{starts_at} seen {now}");
        }
    }

    #[test]
    fn plans_are_read_back_and_bad_ones_say_why() {
        let plan = Plan::default();
        assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
        let one = |step: &str, minutes: u64| {
            format!("{{\"step\":\"{step}\",\"minutes_before\":{minutes}}}")
        };
        let cases = [
            ("[".to_owned(), "reminder plan"),
            (format!("[{}]", one("", 60)), "name"),
            (format!("[{}]", one("1h", 5)), "minutes_before"),
            (format!("[{},{}]", one("1h", 60), one("2h", 60)), "the same"),
            (format!("[{}]", vec![one("1h", 60); 7].join(",")), "more than 6"),
            ("[{\"step\":\"1h\",\"minutes_before\":60,\"x\":1}]".to_owned(), "unknown field"),
        ];
        for (json, expected) in cases {
            let error = Plan::from_json(&json).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(Plan::from_json("[]").unwrap(), Plan(Vec::new()));
    }

    proptest::proptest! {
        #[test]
        fn a_planned_step_is_before_the_appointment_and_by_day(
            start in 0_i64..60 * 24 * 60, seen in 0_i64..60 * 24 * 60,
        ) {
            let first = at("2027-02-20T00:00");
            let starts_at = first + SignedDuration::from_mins(start);
            let now = first + SignedDuration::from_mins(seen);
            if now < starts_at {
                let planned = Plan::default().at(starts_at, now, &day());
                let future: Vec<_> =
                    planned.iter().filter(|p| p.state == ReminderState::Planned).collect();
                let overdue = future.iter().filter(|p| p.due_at <= now).count();
                proptest::prop_assert!(overdue <= 2);
                for p in future {
                    proptest::prop_assert!(p.due_at < starts_at);
                    let hour = p.due_at.to_zoned(zone()).hour();
                    proptest::prop_assert!(p.due_at <= now || (9..20).contains(&hour));
                }
            }
        }
    }
}
