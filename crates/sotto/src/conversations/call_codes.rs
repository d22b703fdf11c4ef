//! A one-time code in a call: it goes to a verified address of whoever listens, and they read it back
//! (RULEBOOK PRIV-10). Whoever calls types what they hear; the code itself is shown to nobody here.

use gate::{AddressKind, Channel, Kind};
use jiff::{SignedDuration, Timestamp};

use super::calls::{CallError, keep, methods, open, words_of_methods};
use crate::audit::{self, Actor, Event, Kind as EventKind, Outcome};
use crate::db::call::{Answered, CallRow, Method};
use crate::db::call_code::{self as rows, CallCodeRow};
use crate::db::contact_point::{self, ContactPointRow};
use crate::db::registry::CALL;
use crate::db::{Tx, window};
use crate::facts;
use crate::ids::CallId;
use crate::office::Office;
use crate::portal::proof;

/// How often one code may be typed.
pub const TRIES: i64 = 3;
/// How many are sent in one call.
pub const CODES: i64 = 3;
/// Who was signed in at the window so lately still is.
pub const PRESENT: SignedDuration = SignedDuration::from_mins(10);

/// How it stands with the code of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// None was sent, or it is over.
    None,
    /// One is on its way; it may be typed so often yet.
    Sent {
        /// How often more.
        left: i64,
    },
    /// It was read back.
    Matched,
}

/// The addresses a code may go to: verified ones of whoever listens, and nobody else's.
///
/// # Errors
/// [`CallError::Db`].
pub fn addresses(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &CallRow,
    now: Timestamp,
) -> Result<Vec<ContactPointRow>, CallError> {
    if !listens(row) {
        return Ok(Vec::new());
    }
    let all = contact_point::of_patient(tx, office.practice(), row.patient_id)?;
    let theirs = all.into_iter().filter(|point| {
        is_the_listeners(row, point)
            && point.kind != AddressKind::Portal
            && point.verified_at.is_some()
            && point.valid_from.is_none_or(|from| from <= now)
            && point.valid_until.is_none_or(|until| now < until)
    });
    Ok(theirs.collect())
}

const fn listens(row: &CallRow) -> bool {
    matches!(row.answered, Some(Answered::Patient | Answered::Caregiver))
}

/// An address that only whoever listens answers: theirs, and no line that others share.
fn is_the_listeners(row: &CallRow, point: &ContactPointRow) -> bool {
    point.caregiver_id == row.caregiver_id && !point.shared && point.dead.is_none()
}

/// Whether having called the number tells who answers.
///
/// # Errors
/// [`CallError::Db`].
pub fn called_them(tx: &mut Tx<'_>, office: &Office, row: &CallRow) -> Result<bool, CallError> {
    let point = contact_point::get(tx, office.practice(), row.contact_point_id)?;
    Ok(listens(row) && point.is_some_and(|point| is_the_listeners(row, &point)))
}

/// Whether whoever listens was signed in at the window within [`PRESENT`].
///
/// # Errors
/// [`CallError::Db`].
pub fn at_the_window(tx: &mut Tx<'_>, office: &Office, row: &CallRow) -> Result<bool, CallError> {
    let now = office.clock().now_in_life();
    let open = window::open_sessions(tx, office.practice(), row.patient_id)?;
    Ok(listens(row)
        && open.into_iter().any(|stay| {
            stay.caregiver_id == row.caregiver_id
                && now < stay.expires_at
                && now.duration_since(stay.seen_at) < PRESENT
        }))
}

/// How it stands with the code.
///
/// # Errors
/// [`CallError::Db`].
pub fn standing(tx: &mut Tx<'_>, office: &Office, row: &CallRow) -> Result<Standing, CallError> {
    if row.identified == Some(true) && methods(row).contains(&Method::Code) {
        return Ok(Standing::Matched);
    }
    let now = office.clock().now_in_life();
    let sent = rows::get(tx, office.practice(), row.id)?.filter(|code| now < code.expires_at);
    let left = sent.map_or(0, |code| TRIES - code.tries);
    Ok(if left > 0 { Standing::Sent { left } } else { Standing::None })
}

/// Sends a code to one of the [`addresses`], through the gate as every message goes.
///
/// # Errors
/// [`CallError::Field`] for another address, [`CallError::NotNow`] where no code can go there or too
/// many went.
pub fn send(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, to): (CallId, gate::ContactPointId),
    actor: &Actor,
) -> Result<(), CallError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let row = open(tx, office, id)?;
    let offered = addresses(tx, office, &row, now)?;
    let Some(point) = offered.into_iter().find(|point| point.id == to) else {
        let because = "must be a verified one of whoever listens";
        return Err(CallError::Field { field: "address", because });
    };
    let sent = rows::get(tx, practice, id)?.map_or(0, |code| code.sent);
    if sent >= CODES {
        return Err(CallError::NotNow("three codes went in this call: ask for two facts instead"));
    }
    let subject = facts::subject(tx, office, row.patient_id)?.ok_or(CallError::NoCall(id))?;
    let posted = proof::post_code(tx, office, (subject, &point), (Kind::CallCode, actor.clone()))?;
    let Some((code, channel)) = posted else {
        return Err(CallError::NotNow(
            "no code can go there now: an opt-out, a restriction or the carrier stands in the way",
        ));
    };
    let expires_at = office.clock().now_in_life() + proof::CODE_GOOD_FOR;
    let kept = CallCodeRow {
        contact_point_id: point.id,
        code: hash(office, id, &code).to_vec(),
        tries: 0,
        sent: sent + 1,
        expires_at,
    };
    rows::put(tx, practice, id, (&kept, office.clock().now_in_life()))?;
    let by = if channel == Channel::Email { "email" } else { "sms" };
    keep(tx, office, row, (actor, &["code_sent", by]))
}

/// What the listener read back, as the caller typed it. Right, it counts as their identification
/// from then on; wrong, the try is counted and on record. The answer is whether it was right.
///
/// # Errors
/// [`CallError::NotNow`] where there is none to compare with.
pub fn read_back(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, typed): (CallId, &str),
    actor: &Actor,
) -> Result<bool, CallError> {
    let practice = office.practice();
    let mut row = open(tx, office, id)?;
    let now = office.clock().now_in_life();
    let sent = rows::get(tx, practice, id)?.filter(|code| now < code.expires_at);
    let over = CallError::NotNow("that code is over: send another, or ask for two facts");
    let Some(sent) = sent.filter(|_| listens(&row)) else { return Err(over) };
    if !rows::count_try(tx, practice, id, TRIES)? {
        return Err(over);
    }
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let given = hash(office, id, &digits);
    if aws_lc_rs::constant_time::verify_slices_are_equal(&given, &sent.code).is_err() {
        let event = Event::new(EventKind::AccessRefused, actor.clone())
            .outcome(Outcome::Refused)
            .about(CALL, id)
            .patient(row.patient_id);
        audit::append(tx, office, event.code("call_code"))?;
        return Ok(false);
    }
    if !rows::remove(tx, practice, id)? {
        return Err(over);
    }
    // What was matched before in this call still is.
    let mut by = if row.identified == Some(true) { methods(&row) } else { Vec::new() };
    by.push(Method::Code);
    (row.methods, row.identified) = (words_of_methods(&mut by), Some(true));
    keep(tx, office, row, (actor, &["identified", "code"]))?;
    Ok(true)
}

/// What is kept of a code: of use only with the practice's keys.
fn hash(office: &Office, call: CallId, code: &str) -> [u8; 32] {
    office.keys().content_hash("code in a call", format!("{call} {code}").as_bytes())
}
