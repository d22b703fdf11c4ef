//! Agreements with vendors end. Ninety, sixty, thirty and seven days before, somebody gets a task to
//! renew one (BAA-02); from the day on which it ends the gate refuses what they carry
//! (`gate/src/check/baa.rs`).

pub mod register;
pub mod standing;

use jiff::{SignedDuration, Timestamp};

use self::standing::Agreed;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::conversations::tasks::{self, NewTask, TaskError, TaskKind};
use crate::db::registry::SETTING;
use crate::db::{DbError, Tx, setting, vendor};
use crate::office::Office;

/// So many days before the end there is a warning, the last first.
pub const WARNINGS: [u8; 4] = [7, 30, 60, 90];

/// Held, with the practice's id, by whoever gives a warning.
const LOCK: i64 = 0x0061_6772_6565_6d65;

/// A warning cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// Its task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// The warning that an agreement is due for now: 7, 30, 60 or 90 days. None while it goes on longer,
/// once it is over, and for one that nobody can renew.
#[must_use]
pub fn warning(agreed: &Agreed, now: Timestamp) -> Option<u8> {
    let renewable = matches!(agreed.status.as_str(), "active" | "exception");
    let until = agreed.expires_at.filter(|until| renewable && *until > now)?;
    let left = until.duration_since(now);
    WARNINGS.into_iter().find(|days| left <= SignedDuration::from_hours(24 * i64::from(*days)))
}

/// Opens a task for each agreement that came to its next warning. Each is given once, whatever
/// happens in between; a new end begins anew.
///
/// # Errors
/// [`AgreementError`]; the caller's transaction must then be given up.
pub fn tick(tx: &mut Tx<'_>, office: &Office) -> Result<usize, AgreementError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let mut opened = 0;
    let mut all = vendor::agreements(tx, practice)?;
    all.extend(vendor::others(tx, practice)?);
    for agreed in all {
        let (Some(days), Some(until)) = (warning(&agreed, now), agreed.expires_at) else {
            continue;
        };
        // Several nodes may look at once.
        tx.lock(LOCK ^ practice.0.as_u64_pair().1.cast_signed())?;
        let name = format!("agreement_warned/{}", agreed.adapter);
        let mark = format!("{days} {until}");
        let given = setting::get(tx, practice, &name)?;
        if given.is_some_and(|given| given == mark) {
            continue;
        }
        let actor = Actor::service("agreements");
        setting::put(tx, practice, (&name, &mark), now)?;
        let event = Event::new(Kind::VendorChanged, actor.clone()).about(SETTING, &name);
        audit::append(tx, office, event.code("ends_soon"))?;
        tasks::open(tx, office, NewTask::new(TaskKind::AgreementEnds), &actor)?;
        opened += 1;
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_come_at_their_days() {
        let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
        let agreed = |status: &str, hours: Option<i64>| Agreed {
            adapter: "sms_smpp".into(),
            legal_name: "Carrier".into(),
            max_level: 2,
            status: status.into(),
            effective_at: None,
            expires_at: hours.map(|hours| now + SignedDuration::from_hours(hours)),
        };
        for (status, hours, due) in [
            ("active", None, None),
            ("active", Some(90 * 24 + 1), None),
            ("active", Some(90 * 24), Some(90)),
            ("active", Some(61 * 24), Some(90)),
            ("active", Some(60 * 24), Some(60)),
            ("exception", Some(30 * 24), Some(30)),
            ("active", Some(7 * 24), Some(7)),
            ("active", Some(1), Some(7)),
            ("active", Some(0), None),
            ("terminated", Some(24), None),
            ("sandbox", Some(24), None),
        ] {
            assert_eq!(warning(&agreed(status, hours), now), due, "{status} {hours:?}");
        }
    }
}
