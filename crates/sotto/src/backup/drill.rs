//! The restore drill: the newest backup, put back into a place of its own, checked and timed.
//! (45 CFR 164.308(a)(7)(ii)(D).)
//!
//! Nothing of the rehearsal stays. What it showed goes into a report and, also where it failed,
//! into the audit log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gate::PracticeId;
use jiff::Timestamp;
use seal::{Lock, RootKey};
use serde::Serialize;

use crate::audit::{self, Actor, AuditError, Event, Kind, Log, Outcome};
use crate::backup::format::Counts;
use crate::backup::restore::{self, Examined, RestoreError};
use crate::db::refill::Into as To;
use crate::db::registry::SETTING;
use crate::db::{DatabaseUrl, Db, DbError, setting};
use crate::{params, sql};

/// The setting that tells of the last drill.
pub const LAST_DRILL: &str = "backup/drill";

/// The drill itself could not be held or written down.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// What the practice set itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// The longest a restore may take, in seconds: the recovery time objective.
    pub rto_seconds: Option<u64>,
    /// The most that may be lost, in seconds before now: the recovery point objective.
    pub rpo_seconds: Option<u64>,
}

/// What the drill showed.
#[derive(Debug, Clone, Serialize)]
pub struct Drilled {
    /// When.
    pub at: Timestamp,
    /// The version of Sotto.
    pub program: &'static str,
    /// Onto which engine.
    pub engine: &'static str,
    /// Which backup.
    pub file: PathBuf,
    /// What came of it.
    pub restored: Option<Rehearsed>,
    /// Why it could not be restored.
    pub failure: Option<String>,
    /// Recovery time, measured: from opening the file to the end of all checks, in seconds.
    pub rto_seconds: f64,
    /// Recovery point, measured: the age of the oldest accepted message that is not in the backup,
    /// in seconds; 0 where none is missing.
    pub rpo_seconds: f64,
    /// How many accepted messages are not in the backup.
    pub messages_not_in_it: u64,
    /// What was aimed at.
    pub targets: Targets,
    /// It was restored, and both targets were met.
    pub met: bool,
}

/// A rehearsal that went well.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsed {
    /// The moment whose state the backup is.
    pub made_at: Timestamp,
    /// How many rows.
    pub counts: Counts,
    /// What the checks found.
    pub examined: Examined,
    /// How long filling the database took, in seconds.
    pub fill_seconds: f64,
    /// How long checking it took, in seconds.
    pub check_seconds: f64,
}

/// What to rehearse with.
pub struct Stage<'a> {
    /// The live database.
    pub db: &'a Db,
    /// Where it is.
    pub url: &'a DatabaseUrl,
    /// A folder as private as the database.
    pub scratch: &'a Path,
    /// What backups are sealed under.
    pub key: &'a RootKey,
    /// The backup.
    pub file: &'a Path,
    /// What is aimed at.
    pub targets: Targets,
}

/// Holds the drill and records it.
///
/// # Errors
/// [`DrillError`]. A backup that cannot be restored is no error but the result.
pub fn hold<O>(stage: &Stage<'_>, office: &O) -> Result<Drilled, DrillError>
where
    O: Clone + Send + Sync + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let log: Log<'_> = office.into();
    let began = log.clock.instant();
    let result = rehearse(stage, log);
    let rto_seconds = began.elapsed().as_secs_f64();
    let (restored, failure) = match result {
        Ok(restored) => (Some(restored), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let at = log.clock.now();
    let since = restored.as_ref().map_or(Timestamp::MIN, |restored| restored.made_at);
    let (messages_not_in_it, oldest) = missing(stage.db, log.practice, since)?;
    let rpo_seconds = oldest.map_or(0.0, |oldest| at.duration_since(oldest).as_secs_f64().max(0.0));
    let within = |target: Option<u64>, measured: f64| {
        target.is_none_or(|target| measured <= Duration::from_secs(target).as_secs_f64())
    };
    let met = restored.is_some()
        && within(stage.targets.rto_seconds, rto_seconds)
        && within(stage.targets.rpo_seconds, rpo_seconds);
    let drilled = Drilled {
        at,
        program: env!("CARGO_PKG_VERSION"),
        engine: stage.db.engine(),
        file: stage.file.to_owned(),
        restored,
        failure,
        rto_seconds,
        rpo_seconds,
        messages_not_in_it,
        targets: stage.targets,
        met,
    };
    record(stage.db, office, &drilled)?;
    Ok(drilled)
}

fn rehearse(stage: &Stage<'_>, log: Log<'_>) -> Result<Rehearsed, RestoreError> {
    let began = log.clock.instant();
    let file = restore::open_file(stage.file)?;
    let to = To::Rehearsal(stage.scratch.to_owned());
    let mut poured = restore::pour(file, &Lock::Key(stage.key), stage.url, to, log)?;
    let filled = began.elapsed();
    let examined = restore::examine(&mut poured, log)?;
    Ok(Rehearsed {
        made_at: poured.about.made_at,
        counts: poured.counts,
        examined,
        fill_seconds: filled.as_secs_f64(),
        check_seconds: (began.elapsed().saturating_sub(filled)).as_secs_f64(),
    })
}

/// How many accepted messages are younger than the backup, and when the oldest of them came.
fn missing(
    db: &Db,
    practice: PracticeId,
    since: Timestamp,
) -> Result<(u64, Option<Timestamp>), DbError> {
    db.read_blocking(move |tx| {
        tx.query_one(
            sql!(
                "SELECT COUNT(*), MIN(created_at) FROM message
                 WHERE practice_id = $1 AND created_at > $2 AND state <> 'refused'"
            ),
            params![practice, since],
            |row| Ok((row.get::<i64>(0)?.unsigned_abs(), row.get(1)?)),
        )
    })
}

fn record<O>(db: &Db, office: &O, drilled: &Drilled) -> Result<(), DrillError>
where
    O: Clone + Send + Sync + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let (office, at, met) = (office.clone(), drilled.at, drilled.met);
    let outcome = if drilled.failure.is_some() { Outcome::Failed } else { Outcome::Done };
    let said = serde_json::json!({
        "at": at, "met": met, "restored": drilled.failure.is_none(),
        "rto_seconds": drilled.rto_seconds, "rpo_seconds": drilled.rpo_seconds,
    });
    db.write_blocking(move |tx| {
        let log: Log<'_> = (&office).into();
        setting::put(tx, log.practice, (LAST_DRILL, &said.to_string()), at)?;
        let event = Event::new(Kind::RestoreDrilled, Actor::operator())
            .about(SETTING, LAST_DRILL)
            .outcome(outcome)
            .code(if met { "targets_met" } else { "targets_missed" });
        audit::append(tx, log, event)?;
        Ok(())
    })
}

impl Drilled {
    /// The report, for the contingency plan's file (45 CFR 164.316(b)).
    #[must_use]
    pub fn report(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::new();
        let verdict = match (&self.failure, self.met) {
            (Some(_), _) => "FAILED: the backup cannot be restored",
            (None, true) => "passed",
            (None, false) => "MISSED a target",
        };
        let target = |seconds: Option<u64>| {
            seconds.map_or_else(|| "none set".to_owned(), |seconds| format!("{seconds} s"))
        };
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "# Restore drill, {}\n\n**{verdict}**\n\n| | measured | target |\n|---|---|---|\n\
             | recovery time (RTO) | {:.2} s | {} |\n| recovery point (RPO) | {:.0} s | {} |\n\n\
             Backup `{}`, restored onto {} by Sotto {}. Accepted messages that are not in it: {}.\n",
            self.at,
            self.rto_seconds,
            target(self.targets.rto_seconds),
            self.rpo_seconds,
            target(self.targets.rpo_seconds),
            self.file.display(),
            self.engine,
            self.program,
            self.messages_not_in_it,
        );
        if let Some(why) = &self.failure {
            let _ = write!(out, "\nWhy: {why}.\n");
        }
        if let Some(restored) = &self.restored {
            let Examined { log_size, log_root, rows, opened, erased } = &restored.examined;
            let _ = write!(
                out,
                "\nState of {}. {} rows in {} tables, filled in {:.2} s, checked in {:.2} s: {rows} \
                 rows against the audit log of {log_size} entries (root `{log_root}`), {opened} \
                 messages and people opened, {erased} erased on purpose.\n",
                restored.made_at,
                restored.counts.rows(),
                restored.counts.tables.len(),
                restored.fill_seconds,
                restored.check_seconds,
            );
        }
        out.push_str("\nHeld by: ____________________  Seen by: ____________________\n");
        out
    }
}
