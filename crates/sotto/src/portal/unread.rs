//! A letter that nobody reads: the patient is reminded of it twice at most, and then a person calls
//! (CLIN-07). What was sent is never taken for known.

use gate::{MessageId, Origin};
use jiff::SignedDuration;

use super::PortalError;
use super::letters::{changed, tell};
use crate::audit::{self, Actor};
use crate::conversations::tasks::{self, NewTask, TaskKind};
use crate::db::letter::{self as rows, LetterRow};
use crate::db::{Db, Tx};
use crate::facts;
use crate::office::Office;

/// How long a letter lies before the patient hears of it again, and before a person does.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(48);
/// How often the patient hears of it again.
pub const MOST: i64 = 2;
/// How many letters one look takes on.
const AT_ONCE: u32 = 100;

/// What a look did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// So many letters were spoken of again.
    pub nudged: u64,
    /// For so many a person was asked to call.
    pub asked: u64,
}

/// Looks once for letters that lie too long. Each is its own transaction.
///
/// # Errors
/// [`PortalError`]; what was done until then stays done.
pub async fn look(db: &Db, office: &Office) -> Result<Looked, PortalError> {
    let its = office.clone();
    let lying: Vec<LetterRow> = db
        .read(move |tx| {
            let before = its.clock().now().checked_sub(PATIENCE).unwrap_or_default();
            Ok::<_, PortalError>(rows::unread_before(tx, its.practice(), (before, AT_ONCE))?)
        })
        .await?;
    let mut looked = Looked::default();
    for letter in lying {
        let its = office.clone();
        match db.write(move |tx| speak_of(tx, &its, letter.message_id)).await? {
            Some(true) => looked.nudged += 1,
            Some(false) => looked.asked += 1,
            None => {}
        }
    }
    Ok(looked)
}

/// True: the patient hears of it again. False: a person was asked to call. None: it was read, or
/// spoken of, meanwhile.
fn speak_of(
    tx: &mut Tx<'_>,
    office: &Office,
    message: MessageId,
) -> Result<Option<bool>, PortalError> {
    let practice = office.practice();
    let now = office.clock().now();
    // Two nodes may look at one instant; the second finds it done.
    let (_, low) = message.0.as_u64_pair();
    tx.lock(low.cast_signed())?;
    let before = now.checked_sub(PATIENCE).unwrap_or_default();
    let still = rows::get(tx, practice, message)?.filter(|row| {
        row.read_at.is_none()
            && row.asked_at.is_none()
            && row.ended_at.is_none()
            && row.nudged_at.unwrap_or(row.created_at) < before
    });
    let Some(row) = still else { return Ok(None) };
    let actor = Actor::service("window");
    if row.nudges < MOST
        && let Some(to) = row.contact_point_id
        && let Some(subject) = facts::subject(tx, office, row.patient_id)?
    {
        // Refused or not, it counts: whom no notice reaches a person must reach.
        tell(tx, office, subject, (to, Origin::Automated, actor.clone()))?;
        let nudged = LetterRow { nudges: row.nudges + 1, nudged_at: Some(now), ..row.clone() };
        rows::put(tx, practice, &nudged)?;
        audit::append(tx, office, changed(actor, &row, "nudged"))?;
        return Ok(Some(true));
    }
    let new = NewTask {
        patient: Some(row.patient_id),
        message: Some(row.message_id),
        ..NewTask::new(TaskKind::Unread)
    };
    tasks::open(tx, office, new, &actor)?;
    rows::put(tx, practice, &LetterRow { asked_at: Some(now), ..row.clone() })?;
    audit::append(tx, office, changed(actor, &row, "staff_asked"))?;
    Ok(Some(false))
}
