//! What the database tells of itself.

use gate::PracticeId;
use jiff::{SignedDuration, Timestamp};

use crate::agreements::standing::Agreed;
use crate::audit::Log;
use crate::audit::sequencer::last_note;
use crate::audit::witness::{Standing, Witness, WitnessError};
use crate::backup::drill::LAST_DRILL;
use crate::backup::keys::LAST_KEYS;
use crate::backup::take::LAST_BACKUP;
use crate::db::vendor;
use crate::db::{DbError, Tx, outbox, retention_month, setting};
use crate::doctor::{Finding, Verdict, machine, said};
use crate::retention::end::LOOKED;

/// A backup of the data is old after a day, far too old after a week; a drill after a quarter.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The schema against the one this program knows.
#[must_use]
pub fn schema(found: Result<Option<i64>, DbError>, known: i64) -> Finding {
    let check = "database";
    match found {
        Err(error) => Finding::fail(check, error.to_string(), "start it, or correct database.url"),
        Ok(None) => Finding::warn(check, "it is empty", "start `sotto serve`, or restore a backup"),
        Ok(Some(found)) if found > known => Finding::fail(
            check,
            format!("schema {found}; this program knows {known}"),
            "install the newer version, or restore a backup from before the upgrade",
        ),
        Ok(Some(found)) if found < known => Finding::warn(
            check,
            format!("schema {found}; this program brings it to {known} at its start"),
            "make a backup, then start `sotto serve`",
        ),
        Ok(Some(found)) => Finding::ok(check, format!("reachable, schema {found}")),
    }
}

/// Everything that the rows of a practice tell.
///
/// # Errors
/// [`DbError`].
pub fn all(tx: &mut Tx<'_>, log: Log<'_>, witness: &Witness) -> Result<Vec<Finding>, DbError> {
    let (practice, now) = (log.practice, log.clock.now());
    let signed_at = last_note(tx, practice)?.map(|(_, at)| at);
    let mut findings = vec![
        machine::clock_and_log(now, signed_at),
        head(witness.note().is_ok_and(|note| note.is_some()), witness.ask(tx, log)),
        waiting(outbox::oldest_due(tx, practice)?, now),
    ];
    for agreed in vendor::agreements(tx, practice)? {
        findings.push(agreement(&agreed, now));
    }
    for agreed in vendor::others(tx, practice)? {
        findings.extend(other_agreement(&agreed, now));
    }
    let age = |tx: &mut Tx<'_>, name| last(tx, practice, name, now);
    findings.push(kept("backup of the data", age(tx, LAST_BACKUP)?, [DAY, DAY * 7]));
    findings.push(kept("backup of the keys", age(tx, LAST_KEYS)?, [DAY * 7, DAY * 31]));
    let waiting = retention_month::all(tx, practice)?;
    let due = waiting.iter().filter(|row| row.ended_at.is_none() && row.due_at <= now).count();
    let ended = waiting.iter().filter_map(|row| row.ended_at).max();
    let since = ended.map(|at| now.duration_since(at));
    findings.push(records_end(due, age(tx, LOOKED)?));
    findings.extend(keys_of_old(since, age(tx, LAST_KEYS)?));
    findings.push(kept("restore drill", age(tx, LAST_DRILL)?, [DAY * 92, DAY * 366]));
    Ok(findings)
}

/// The log against the witness.
#[must_use]
pub fn head(heard: bool, standing: Result<Standing, WitnessError>) -> Finding {
    let check = "audit log";
    match standing {
        Ok(Standing::GoesOn) if heard => Finding::ok(check, "goes on from what was seen of it"),
        Ok(Standing::GoesOn) => {
            let says = "there is no witness yet";
            Finding::warn(check, says, "start `sotto serve`, which keeps one beside the key store")
        }
        Ok(other) => Finding::fail(check, other.to_string(), "see docs/operate/backup.md"),
        Err(error) => Finding::fail(check, error.to_string(), "run `sotto audit verify`"),
    }
}

/// How long the oldest message that is due has waited.
#[must_use]
pub fn waiting(oldest: Option<Timestamp>, now: Timestamp) -> Finding {
    let check = "outbox";
    let waited = oldest.map(|due| now.duration_since(due));
    match waited {
        Some(waited) if waited > SignedDuration::from_mins(10) => {
            let says = format!("a message has been due for {}", said(waited));
            let remedy = "is `sotto serve` running, and does the carrier answer?";
            if waited > SignedDuration::from_hours(1) {
                Finding::fail(check, says, remedy)
            } else {
                Finding::warn(check, says, remedy)
            }
        }
        _ => Finding::ok(check, "nothing waits that should have gone"),
    }
}

/// An agreement with a carrier, as it stands (RULEBOOK §4).
#[must_use]
pub fn agreement(agreed: &Agreed, now: Timestamp) -> Finding {
    let check = format!("agreement with {}", agreed.adapter);
    let renew = "renew it, on the page Settings, Vendors";
    let remedy = match agreed.status.as_str() {
        "active" | "exception" | "sandbox" => renew,
        "ended" => "renew it on the page Settings, Vendors, or use another carrier",
        _ => {
            "sign one and correct the [….agreement] section of the settings, or use another carrier"
        }
    };
    stands(agreed, now, (check, "nothing is sent through it", remedy))
}

/// An agreement with a vendor that carries no channel: nothing stops by itself. Of one that the practice
/// ended there is nothing to say.
#[must_use]
pub fn other_agreement(agreed: &Agreed, now: Timestamp) -> Option<Finding> {
    if agreed.status == "ended" {
        return None;
    }
    let check = format!("agreement with {}", agreed.legal_name);
    let remedy = "sign one, on the page Settings, Vendors";
    let found = stands(agreed, now, (check, "they may be given nothing", remedy));
    // It stops no message.
    Some(Finding { verdict: found.verdict.min(Verdict::Warn), ..found })
}

fn stands(agreed: &Agreed, now: Timestamp, (check, so, remedy): (String, &str, &str)) -> Finding {
    let status = agreed.status.as_str();
    if !matches!(status, "active" | "exception" | "sandbox") {
        return Finding::fail(check, format!("{status}: {so}"), remedy);
    }
    if agreed.effective_at.is_some_and(|from| from > now) {
        return Finding::fail(check, format!("not in force yet: {so}"), remedy);
    }
    match agreed.expires_at {
        Some(until) if until <= now => Finding::fail(check, format!("expired: {so}"), remedy),
        Some(until) if until.duration_since(now) < DAY * 30 => {
            let left = said(until.duration_since(now));
            Finding::warn(check, format!("expires in {left}"), remedy)
        }
        _ => Finding::ok(check, format!("{status} in force")),
    }
}

/// The months of records whose time is over: `due` of them have not ended, and they were looked at so
/// long ago. What a hold keeps, or what is in effect, waits rightly, as long as somebody looks.
#[must_use]
pub fn records_end(due: usize, looked: Option<SignedDuration>) -> Finding {
    let check = "end of records";
    match looked {
        Some(age) if age > DAY * 3 && due > 0 => {
            let says = format!("{due} overdue; last looked at {} ago", said(age));
            Finding::warn(check, says, "start `sotto serve`, which looks once a day")
        }
        _ if due > 0 => Finding::ok(check, format!("{due} kept beyond their time, for a reason")),
        _ => Finding::ok(check, "nothing is overdue"),
    }
}

/// A month ended so long ago: backups of the keys that are older still open it.
#[must_use]
pub fn keys_of_old(
    ended: Option<SignedDuration>,
    backup: Option<SignedDuration>,
) -> Option<Finding> {
    let (ended, backup) = (ended?, backup?);
    let check = "keys of what ended";
    (backup > ended).then(|| {
        let says = "a month ended since the last backup of the keys, which still opens it";
        let remedy = "make a new one with `sotto backup keys`, and destroy those before it";
        Finding::warn(check, says, remedy)
    })
}

/// When something was done last, by its setting.
fn last(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    name: &str,
    now: Timestamp,
) -> Result<Option<SignedDuration>, DbError> {
    let said = setting::get(tx, practice, name)?;
    let said = said.and_then(|json| serde_json::from_str::<serde_json::Value>(&json).ok());
    let at = said.and_then(|said| said.get("at")?.as_str()?.parse::<Timestamp>().ok());
    Ok(at.map(|at| now.duration_since(at)))
}

/// Something that must be done again and again: old, and far too old.
#[must_use]
pub fn kept(
    check: &str,
    age: Option<SignedDuration>,
    [old, too_old]: [SignedDuration; 2],
) -> Finding {
    let remedy = "see docs/operate/backup.md, and make a timer for it";
    match age {
        None => Finding::warn(check, "never", remedy),
        Some(age) if age > too_old => Finding::fail(check, format!("{} ago", said(age)), remedy),
        Some(age) if age > old => Finding::warn(check, format!("{} ago", said(age)), remedy),
        Some(age) => Finding::ok(check, format!("{} ago", said(age))),
    }
}

#[cfg(test)]
mod tests {
    use ledger::Head;

    use super::*;
    use crate::doctor::Verdict::{Fail, Ok as Good, Warn};

    fn now() -> Timestamp {
        "2027-03-01T14:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_schema_is_known_older_newer_or_missing() {
        for (found, verdict) in [
            (Ok(Some(2)), Good),
            (Ok(Some(1)), Warn),
            (Ok(Some(3)), Fail),
            (Ok(None), Warn),
            (Err(DbError::Lost), Fail),
        ] {
            assert_eq!(schema(found, 2).verdict, verdict);
        }
    }

    #[test]
    fn a_log_that_went_back_is_a_failure() {
        let found = Head { size: 3, ..Head::EMPTY };
        let known = Head { size: 5, ..Head::EMPTY };
        assert_eq!(head(true, Ok(Standing::GoesOn)).verdict, Good);
        assert_eq!(head(false, Ok(Standing::GoesOn)).verdict, Warn);
        assert_eq!(head(true, Ok(Standing::WentBack { known, found })).verdict, Fail);
        assert_eq!(head(true, Ok(Standing::OtherLog { known, found })).verdict, Fail);
        assert_eq!(head(true, Err(WitnessError::Db(DbError::Lost))).verdict, Fail);
    }

    #[test]
    fn what_is_due_goes_soon() {
        let due = |minutes| now().checked_sub(SignedDuration::from_mins(minutes)).ok();
        for (oldest, verdict) in
            [(None, Good), (due(-60), Good), (due(5), Good), (due(30), Warn), (due(90), Fail)]
        {
            assert_eq!(waiting(oldest, now()).verdict, verdict);
        }
    }

    #[test]
    fn agreements_expire_and_end() {
        let days = |days: i32| now().checked_add(DAY * days).ok();
        for (status, from, until, verdict) in [
            ("active", days(-9), None, Good),
            ("active", days(-9), days(31), Good),
            ("active", days(-9), days(29), Warn),
            ("active", days(-9), days(0), Fail),
            ("active", days(1), None, Fail),
            ("exception", days(-9), days(60), Good),
            ("sandbox", None, None, Good),
            ("missing", None, None, Fail),
            ("terminated", days(-9), days(60), Fail),
            ("ended", days(-9), days(-1), Fail),
        ] {
            let agreed = Agreed {
                adapter: "sms_smpp".to_owned(),
                legal_name: "A carrier".to_owned(),
                max_level: 2,
                status: status.to_owned(),
                effective_at: from,
                expires_at: until,
            };
            assert_eq!(agreement(&agreed, now()).verdict, verdict, "{status} {until:?}");
            let other = other_agreement(&agreed, now()).map(|found| found.verdict);
            let milder = verdict.min(Warn);
            assert_eq!(other, Some(milder).filter(|_| status != "ended"), "{status} {until:?}");
        }
    }

    #[test]
    fn months_that_are_over_are_looked_at_each_day() {
        for (due, looked, verdict) in
            [(0, None, Good), (0, Some(200), Good), (2, Some(20), Good), (2, Some(73), Warn)]
        {
            let looked = looked.map(SignedDuration::from_hours);
            assert_eq!(records_end(due, looked).verdict, verdict, "{due} {looked:?}");
        }
        let hours = |hours: Option<i64>| hours.map(SignedDuration::from_hours);
        for (ended, backup, warns) in [
            (None, Some(900), false),
            (Some(5), None, false),
            (Some(5), Some(4), false),
            (Some(5), Some(6), true),
        ] {
            let found = keys_of_old(hours(ended), hours(backup));
            assert_eq!(found.is_some(), warns, "{ended:?} {backup:?}");
        }
    }

    #[test]
    fn what_must_be_done_again_grows_old() {
        for (age, verdict) in
            [(None, Warn), (Some(1), Good), (Some(30), Warn), (Some(24 * 8), Fail)]
        {
            let age = age.map(SignedDuration::from_hours);
            assert_eq!(kept("backup", age, [DAY, DAY * 7]).verdict, verdict);
        }
    }
}
