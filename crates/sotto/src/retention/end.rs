//! Months end: the key is destroyed, and the log has a certificate.
//!
//! First the key, then the certificate, as for the patients' copies (`portal/expiry.rs`). Both are done
//! under one lock, so that no hold is placed in between, and on several nodes once; a crash between leaves
//! a month that nobody can open and that is looked at again. Thirty days before, somebody is told, and no
//! month ends sooner: a clock that jumped ahead destroys nothing on the same day.

use jiff::tz::TimeZone;
use seal::{KeyKind, Month, Standing};

use super::{RetentionError, TOLD_BEFORE, alone, keeps, month_of, over};
use crate::audit::{self, Actor, Event, Kind};
use crate::conversations::tasks::{self, NewTask, TaskKind};
use crate::db::registry::{RETENTION_MONTH, SETTING};
use crate::db::retention_month::{self as rows, MonthRow};
use crate::db::{Db, Tx, setting};
use crate::office::Office;

/// The setting that tells when the months were looked at last.
pub const LOOKED: &str = "retention/looked";
/// No record is kept until a month before this one.
const FIRST: (u16, u8) = (2000, 1);

/// What a look did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Months that ended.
    pub ended: u64,
    /// Months of which somebody was told.
    pub told: u64,
    /// Keys that had come back, with an older copy of the key store, and are destroyed again.
    pub again: u64,
}

/// Ends the months that are over and that nothing keeps, and tells of those that end soon.
///
/// # Errors
/// [`RetentionError`]: look again, until it succeeds.
pub async fn look(db: &Db, office: &Office) -> Result<Looked, RetentionError> {
    let mut looked = Looked { again: stay_ended(db, office).await?, ..Looked::default() };
    for month in months(office)? {
        match office.keys().month(KeyKind::Retention, month)? {
            Standing::Never => {}
            Standing::There => {
                let its = office.clone();
                match db.write(move |tx| step(tx, &its, month)).await? {
                    Step::Told => looked.told += 1,
                    Step::Ended => looked.ended += 1,
                    Step::Waits => {}
                }
            }
            Standing::Destroyed => {
                let its = office.clone();
                if db.write(move |tx| certify(tx, &its, month)).await? {
                    looked.ended += 1;
                }
            }
        }
    }
    let its = office.clone();
    db.write(move |tx| note(tx, &its)).await?;
    if looked != Looked::default() {
        let its = office.clone();
        // Pages say it at once; otherwise with the next refresh.
        if let Err(error) = db.read(move |tx| its.refresh(tx)).await {
            tracing::warn!(%error, "retention.not_refreshed");
        }
    }
    Ok(looked)
}

/// What has ended stays ended: on a node that still had the key in memory, and where an older copy of the
/// key store brought it back. Call it before anything is served, and again now and then.
///
/// # Errors
/// [`RetentionError`]: look again, until it succeeds.
pub async fn stay_ended(db: &Db, office: &Office) -> Result<u64, RetentionError> {
    let its = office.clone();
    let all = db.read(move |tx| rows::all(tx, its.practice())).await?;
    let mut again = 0;
    for row in all.iter().filter(|row| row.ended_at.is_some()) {
        let month: Month = row.month.parse()?;
        let back = office.keys().month(KeyKind::Retention, month)? == Standing::There;
        office.keys().destroy_month(KeyKind::Retention, month)?;
        if back {
            let (its, name) = (office.clone(), row.month.clone());
            db.write(move |tx| {
                let event = changed(&name, "month_ended_again");
                audit::append(tx, &its, event).map(drop)
            })
            .await?;
            again += 1;
        }
    }
    Ok(again)
}

/// The months to look at: those that are over, and those of which somebody must be told.
fn months(office: &Office) -> Result<Vec<Month>, RetentionError> {
    let ahead = office.clock().now().checked_add(TOLD_BEFORE).unwrap_or(jiff::Timestamp::MAX);
    let last = month_of(ahead.to_zoned(TimeZone::UTC).date())?;
    let mut month = Month::new(FIRST.0, FIRST.1)?;
    let mut all = Vec::new();
    while month <= last && over(month).is_some_and(|over| over <= ahead) {
        all.push(month);
        month = month.plus(1)?;
    }
    Ok(all)
}

enum Step {
    Told,
    Ended,
    Waits,
}

/// One month whose key is there.
fn step(tx: &mut Tx<'_>, office: &Office, month: Month) -> Result<Step, RetentionError> {
    alone(tx, office)?;
    let (practice, now) = (office.practice(), office.clock().now());
    let Some(row) = rows::get(tx, practice, &month.to_string())? else {
        tell(tx, office, month)?;
        return Ok(Step::Told);
    };
    if row.due_at > now || keeps::anything(tx, office, month)? {
        return Ok(Step::Waits);
    }
    office.keys().destroy_month(KeyKind::Retention, month)?;
    certify(tx, office, month)?;
    Ok(Step::Ended)
}

/// Somebody is told that a month ends, while there is time to hold it.
fn tell(tx: &mut Tx<'_>, office: &Office, month: Month) -> Result<(), RetentionError> {
    let mut row = blank(office, month);
    // Nobody is asked about a month in which nothing was kept.
    if !rows::counts(tx, office.practice(), &row.key_name)?.is_empty() {
        let actor = Actor::service("retention");
        row.task_id = Some(tasks::open(tx, office, NewTask::new(TaskKind::RecordsEnd), &actor)?);
    }
    rows::put(tx, office.practice(), &row)?;
    audit::append(tx, office, changed(&row.month, "month_due"))?;
    Ok(())
}

fn blank(office: &Office, month: Month) -> MonthRow {
    let told = office.clock().now().checked_add(TOLD_BEFORE).unwrap_or(jiff::Timestamp::MAX);
    MonthRow {
        month: month.to_string(),
        key_name: office.keys().month_name(KeyKind::Retention, month),
        due_at: over(month).unwrap_or(jiff::Timestamp::MAX).max(told),
        task_id: None,
        ended_at: None,
        counts: std::collections::BTreeMap::new(),
        first_at: None,
        last_at: None,
        years: None,
    }
}

/// Writes down that a month's records have ended; false where that was written down before. The rows are
/// all there still, so that it can be counted after the key is gone.
fn certify(tx: &mut Tx<'_>, office: &Office, month: Month) -> Result<bool, RetentionError> {
    alone(tx, office)?;
    let (practice, now) = (office.practice(), office.clock().now());
    let row = rows::get(tx, practice, &month.to_string())?;
    let row = row.unwrap_or_else(|| blank(office, month));
    if row.ended_at.is_some() {
        return Ok(false);
    }
    let counts = rows::counts(tx, practice, &row.key_name)?;
    let years = office.retention().years();
    let day = |at: jiff::Timestamp| at.to_zoned(TimeZone::UTC).date();
    let first = counts.iter().filter_map(|one| one.first_at).min();
    let last = counts.iter().filter_map(|one| one.last_at).max();
    let mut event = changed(&row.month, "month_ended").code(format!("years={years}"));
    for one in &counts {
        event = event.code(format!("{}={}", one.kind, one.count));
    }
    if let (Some(first), Some(last)) = (first, last) {
        event = event.code(format!("first={}", day(first))).code(format!("last={}", day(last)));
    }
    let row = MonthRow {
        ended_at: Some(now),
        counts: counts.into_iter().map(|one| (one.kind, one.count)).collect(),
        first_at: first,
        last_at: last,
        years: Some(i64::from(years)),
        ..row
    };
    rows::put(tx, practice, &row)?;
    audit::append(tx, office, event)?;
    Ok(true)
}

fn changed(month: &str, what: &'static str) -> Event {
    Event::new(Kind::RetentionChanged, Actor::service("retention"))
        .about(RETENTION_MONTH, month)
        .code(what)
        .code(format!("month={month}"))
}

/// Writes down that the months were looked at.
fn note(tx: &mut Tx<'_>, office: &Office) -> Result<(), RetentionError> {
    let now = office.clock().now();
    let said = serde_json::json!({ "at": now }).to_string();
    setting::put(tx, office.practice(), (LOOKED, &said), now)?;
    let event = Event::new(Kind::RetentionChanged, Actor::service("retention"));
    audit::append(tx, office, event.about(SETTING, LOOKED).code("looked"))?;
    Ok(())
}
