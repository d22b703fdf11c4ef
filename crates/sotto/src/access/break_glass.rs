//! In an emergency somebody who treats opens a record that their sites or its tags close: one
//! patient's, to be read, for an hour, in the session in which they gave a reason and a fresh second
//! factor (45 CFR 164.312(a)(2)(ii); RULEBOOK §8). The privacy officer is told in the same
//! transaction, and reviews it; nobody reviews their own.
//!
//! What it opens is decided by `policies.cedar`, which sees it as the context `break_glass`.

use gate::PatientId;
use jiff::{SignedDuration, Timestamp};
use seal::{Place, Sealed};

use super::error::AccessError;
use super::policies::Permit;
use super::sessions::{ByPasskey, Recently, SignedIn};
use crate::audit::{self, Actor, Event, Kind, PurposeOfUse};
use crate::conversations::tasks::{self, NewTask, TaskKind};
use crate::db::break_glass::{self as rows, BreakGlassRow, EndedHow};
use crate::db::registry::BREAK_GLASS;
use crate::db::{Db, Tx, Word as _};
use crate::ids::{BreakGlassId, Id as _};
use crate::office::Office;
use crate::retention::birth_date;

pub use crate::db::break_glass::{Finding, Reason};

/// How long a record stands open.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(60);
/// How many characters a reason has at least and at most.
pub const WORDS: std::ops::RangeInclusive<usize> = 10..=500;

/// A record that stands open in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// By which deed.
    pub id: BreakGlassId,
    /// Whose.
    pub patient: PatientId,
    /// Why.
    pub reason: Reason,
    /// Until when.
    pub until: Timestamp,
}

/// Why somebody opens a record. `Debug` shows no words.
pub struct Why {
    /// The reason, of the closed list.
    pub reason: Reason,
    /// In their own words. PHI.
    pub words: String,
}

impl std::fmt::Debug for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Why").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// Opens a record for this session. One that stands open for the same reason stays open as long as it
/// was; one that stands open for another is ended, and what is opened now is a deed of its own, with
/// its own hour, that the officer is told of and reviews.
///
/// # Errors
/// [`AccessError::Field`] for a reason that says nothing.
pub fn open(
    tx: &mut Tx<'_>,
    office: &Office,
    (by_passkey, permit): (&ByPasskey, &Permit),
    (patient, why): (PatientId, &Why),
) -> Result<BreakGlassId, AccessError> {
    let words = why.words.trim();
    if !WORDS.contains(&words.chars().count()) {
        let because = "must say what is happening, in 10 to 500 characters";
        return Err(AccessError::field("reason", because));
    }
    let who = by_passkey.signed_in();
    let stands = who.opened.iter().find(|opened| opened.patient == patient);
    if let Some(opened) = stands.filter(|opened| opened.reason == why.reason) {
        return Ok(opened.id);
    }
    end(tx, office, who, patient)?;
    let (practice, now) = (office.practice(), office.clock().now_in_life());
    let actor = who.actor();
    let task_id = tasks::open(tx, office, NewTask::new(TaskKind::BreakGlass), &actor)?;
    let id = BreakGlassId::new(office.clock());
    let (house, key) = (practice.to_string(), id.to_string());
    let born = birth_date(tx, office, Some(patient))?;
    let buckets = office.buckets_of(office.clock().now(), born)?;
    let sealed = office.keys().seal_message(buckets, &place(&house, &key), words.as_bytes())?;
    let row = BreakGlassRow {
        id,
        staff_id: who.staff.id,
        session_id: who.session.id,
        patient_id: patient,
        reason: why.reason,
        words_sealed: sealed.body.as_bytes().to_vec(),
        record_wrap: sealed.record_wrap.as_bytes().to_vec(),
        task_id,
        opened_at: now,
        // No longer than the session itself.
        until_at: (now + LONGEST).min(who.session.expires_at),
        ended_at: None,
        ended_how: None,
        reviewed_by: None,
        reviewed_at: None,
        finding: None,
    };
    rows::put(tx, practice, &row)?;
    audit::append(tx, office, permit.of(event(&row, "opened", actor).code(why.reason.word())))?;
    Ok(id)
}

/// What somebody wrote as their reason: PHI. The caller's transaction records that it is shown.
///
/// # Errors
/// [`seal::SealError`].
pub fn words(office: &Office, row: &BreakGlassRow) -> Result<String, seal::SealError> {
    let (practice, key) = (office.practice().to_string(), row.id.to_string());
    let body = Sealed::from_bytes(row.words_sealed.clone());
    let wrap = Sealed::from_bytes(row.record_wrap.clone());
    let plain = office.keys().open_message(&place(&practice, &key), &body, &wrap)?;
    String::from_utf8(plain.to_vec()).map_err(|_| seal::SealError::Altered)
}

const fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "break_glass", row, column: "words" }
}

/// The records that stand open in a session now.
///
/// # Errors
/// [`AccessError`].
pub(super) fn opened_in(
    tx: &mut Tx<'_>,
    office: &Office,
    (session, now): (crate::ids::SessionId, Timestamp),
) -> Result<Vec<Opened>, AccessError> {
    let open = rows::open_in(tx, office.practice(), (session, now))?;
    let opened = |row: BreakGlassRow| Opened {
        id: row.id,
        patient: row.patient_id,
        reason: row.reason,
        until: row.until_at,
    };
    Ok(open.into_iter().map(opened).collect())
}

/// Somebody needs a record no longer.
///
/// # Errors
/// [`AccessError`].
pub fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    patient: PatientId,
) -> Result<(), AccessError> {
    let now = office.clock().now_in_life();
    for row in rows::open_in(tx, office.practice(), (who.session.id, now))? {
        if row.patient_id == patient {
            finish(tx, office, (row, EndedHow::ByHand), who.actor())?;
        }
    }
    Ok(())
}

/// Whoever reviews closes a record at once. False where there is none open by that id.
///
/// # Errors
/// [`AccessError`].
pub fn end_by_officer(
    tx: &mut Tx<'_>,
    office: &Office,
    id: BreakGlassId,
    by: Actor,
) -> Result<bool, AccessError> {
    let row = rows::get(tx, office.practice(), id)?.filter(|row| row.ended_at.is_none());
    let Some(row) = row else { return Ok(false) };
    finish(tx, office, (row, EndedHow::ByOfficer), by)?;
    Ok(true)
}

/// Writes down which ones are over, and how many. They open nothing since then; this is for the
/// log.
///
/// # Errors
/// [`AccessError`].
pub async fn end_those_over(db: &Db, office: &Office) -> Result<usize, AccessError> {
    let (practice, now) = (office.practice(), office.clock().now_in_life());
    let over = db.read(move |tx| rows::over(tx, practice, now)).await?;
    if over.is_empty() {
        return Ok(0);
    }
    let office = office.clone();
    db.write(move |tx| {
        // Asked again: another node may have been quicker.
        let over = rows::over(tx, practice, now)?;
        let count = over.len();
        for row in over {
            finish(tx, &office, (row, EndedHow::Over), Actor::service("break_glass"))?;
        }
        Ok(count)
    })
    .await
}

fn finish(
    tx: &mut Tx<'_>,
    office: &Office,
    (mut row, how): (BreakGlassRow, EndedHow),
    by: Actor,
) -> Result<(), AccessError> {
    row.ended_at = Some(office.clock().now_in_life().min(row.until_at));
    row.ended_how = Some(how);
    rows::put(tx, office.practice(), &row)?;
    audit::append(tx, office, event(&row, "ended", by).code(how.word()))?;
    Ok(())
}

/// Somebody looked at what was done, signs what they found, and the task is done.
///
/// # Errors
/// [`AccessError::NotNow`] for one's own, for one that is open still, and for one reviewed before.
pub fn review(
    tx: &mut Tx<'_>,
    office: &Office,
    (recently, permit): (&Recently, &Permit),
    (id, finding): (BreakGlassId, Finding),
) -> Result<(), AccessError> {
    let practice = office.practice();
    let who = recently.signed_in();
    let row = rows::get(tx, practice, id)?;
    let mut row = row.ok_or(AccessError::NotNow("there is no such emergency access"))?;
    if row.staff_id == who.staff.id {
        return Err(AccessError::NotNow("somebody else must review what you opened yourself"));
    }
    if row.reviewed_at.is_some() {
        return Err(AccessError::NotNow("it was reviewed before"));
    }
    if row.ended_at.is_none() {
        return Err(AccessError::NotNow(
            "it is still open: end it first, or wait until it is over",
        ));
    }
    row.reviewed_by = Some(who.staff.id);
    row.reviewed_at = Some(office.clock().now_in_life());
    row.finding = Some(finding);
    rows::put(tx, practice, &row)?;
    tasks::reviewed(tx, office, row.task_id, &who.actor())?;
    let event = event(&row, "reviewed", who.actor()).code(finding.word());
    audit::append(tx, office, permit.of(event))?;
    Ok(())
}

fn event(row: &BreakGlassRow, word: &'static str, by: Actor) -> Event {
    Event::new(Kind::BreakGlass, by)
        .about(BREAK_GLASS, row.id)
        .patient(row.patient_id)
        .purpose(PurposeOfUse::Emergency)
        .code(word)
}
