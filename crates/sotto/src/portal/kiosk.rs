//! A tablet of the practice's in a patient's hands: somebody who works here looks who it is and hands
//! it over. A code that is good for five minutes and once binds the tablet's browser to this one
//! patient; it never holds a staff session. There they choose and fill in forms, and nothing else.
//! When they are done, after two minutes without a touch, and after ten in all, it is over.

use std::net::IpAddr;

use gate::PatientId;
use jiff::{SignedDuration, Timestamp};

use super::session::Begun;
use super::tries::{forgive, guess, of};
use super::{PortalError, Visitor};
use crate::access::policies::Permit;
use crate::access::sessions::SignedIn;
use crate::access::tokens::Secret;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::kiosk::{self as rows, KioskRow};
use crate::db::registry::KIOSK;
use crate::db::{Db, Tx, Word as _};
use crate::facts;
use crate::ids::{Id as _, WindowSessionId};
use crate::office::Office;

pub use crate::db::kiosk::Checked;

/// How long the code is good.
pub const CODE_GOOD_FOR: SignedDuration = SignedDuration::from_mins(5);
/// The longest the tablet knows the patient.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(10);
/// Untouched for so long, it is over.
pub const IDLE: SignedDuration = SignedDuration::from_mins(2);
/// Wrong codes from one address within a day.
const MOST_OF_ADDRESS: i64 = 50;
/// How many that are over one look writes down.
const AT_ONCE: u32 = 100;
/// What codes are made of: nothing that looks like something else.
const LETTERS: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// How many of them a code has: 39 bits.
const LONG: usize = 8;

/// Why a tablet does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No such code, or it is used, over or taken back.
    Code,
    /// Too many wrong ones from there: not before tomorrow.
    Address,
}

/// What is kept of a code.
fn hash(office: &Office, code: &str) -> [u8; 32] {
    office.keys().content_hash("code of a tablet", code.as_bytes())
}

/// Hands the tablet to a patient; one that they had until now is over. The answer is the code to type
/// on it, in two groups; none where the record is not in use.
///
/// # Errors
/// [`PortalError`].
pub fn hand_over(
    tx: &mut Tx<'_>,
    office: &Office,
    (who, permit): (&SignedIn, &Permit),
    (patient, checked): (PatientId, Checked),
) -> Result<Option<String>, PortalError> {
    let subject = facts::subject(tx, office, patient)?;
    if !subject.is_some_and(|subject| subject.active && !subject.deceased) {
        return Ok(None);
    }
    end_all(tx, office, patient, (&who.actor(), "replaced"))?;
    let (practice, now) = (office.practice(), office.clock().now_in_life());
    let code = draw(LONG)?;
    let row = KioskRow {
        id: WindowSessionId::new(office.clock()),
        patient_id: patient,
        staff_id: who.staff.id,
        checked,
        made_at: now,
        until_at: now + CODE_GOOD_FOR,
        begun_at: None,
        ended_at: None,
        seen_at: now,
    };
    rows::add(tx, practice, &row, &hash(office, &code))?;
    let event = event(&row, who.actor(), "handed_over").code(checked.word());
    audit::append(tx, office, permit.of(event))?;
    let (first, second) = code.split_at(LONG / 2);
    Ok(Some(format!("{first} {second}")))
}

/// Takes the code that was typed on a tablet and begins the stay; what this browser had until now is
/// over.
///
/// # Errors
/// [`PortalError`].
pub fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    typed: &str,
    (from, earlier): (Option<IpAddr>, Option<[u8; 32]>),
) -> Result<Result<Begun, Refused>, PortalError> {
    let whom = from.map(|from| of(office, "codes of tablets from", from));
    if let Some(whom) = &whom
        && guess(tx, office, whom, MOST_OF_ADDRESS)?.is_none()
    {
        return Ok(Err(Refused::Address));
    }
    let (practice, now) = (office.practice(), office.clock().now_in_life());
    let code: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    let found = rows::by_code(tx, practice, &hash(office, &code.to_ascii_uppercase()))?;
    let good =
        |row: &KioskRow| now < row.until_at && row.begun_at.is_none() && row.ended_at.is_none();
    let Some(row) = found.filter(good) else { return Ok(Err(Refused::Code)) };
    let token = Secret::draw("").ok_or(PortalError::Randomness)?;
    let begun = (&token.digest(), now, now + LONGEST);
    if !rows::begin(tx, practice, row.id, begun)? {
        return Ok(Err(Refused::Code));
    }
    if let Some(whom) = &whom {
        forgive(tx, office, whom)?;
    }
    if let Some(earlier) = earlier {
        super::session::replace(tx, office, &earlier)?;
    }
    audit::append(tx, office, event(&row, actor(&row), "began"))?;
    Ok(Ok(Begun { id: row.id, token }))
}

/// The tablet whose browser has this cookie, in a patient's hands now. `Some(None)`: it was, and it is
/// over. Reads only.
///
/// # Errors
/// [`PortalError::Db`].
pub(super) fn standing(
    tx: &mut Tx<'_>,
    office: &Office,
    digest: &[u8; 32],
) -> Result<Option<Option<KioskRow>>, PortalError> {
    let now = office.clock().now_in_life();
    let found = rows::by_digest(tx, office.practice(), digest)?;
    let good = |row: &KioskRow| {
        row.ended_at.is_none() && now < row.until_at && now.duration_since(row.seen_at) < IDLE
    };
    Ok(found.map(|row| Some(row).filter(good)))
}

/// Why a tablet is over by itself now, in a word; none while it is not.
fn over(row: &KioskRow, now: Timestamp) -> Option<&'static str> {
    if now >= row.until_at {
        Some("over")
    } else if row.begun_at.is_some() && now.duration_since(row.seen_at) >= IDLE {
        Some("idle")
    } else {
        None
    }
}

/// Writes down which tablets are over, also where nobody comes back with their cookie: codes that
/// nobody typed, and tablets that nobody touches any more. The answer is how many.
///
/// # Errors
/// [`PortalError`]; what was written until then stays.
pub async fn look(db: &Db, office: &Office) -> Result<u64, PortalError> {
    let its = office.clone();
    let past: Vec<KioskRow> = db
        .read(move |tx| {
            let now = its.clock().now_in_life();
            rows::past(tx, its.practice(), (now, now - IDLE, AT_ONCE))
        })
        .await?;
    let mut ended = 0;
    for row in past {
        let its = office.clone();
        // Another node, or the tablet itself, may have been faster; or it was touched just now.
        let done: Result<bool, PortalError> = db
            .write(move |tx| {
                let now = its.clock().now_in_life();
                let row = rows::get(tx, its.practice(), row.id)?;
                let Some(row) = row.filter(|row| row.ended_at.is_none()) else { return Ok(false) };
                let Some(why) = over(&row, now) else { return Ok(false) };
                end(tx, &its, &row, (&Actor::service("window"), why))?;
                Ok(true)
            })
            .await;
        ended += u64::from(done?);
    }
    Ok(ended)
}

/// Whether this browser's cookie is of a tablet, and ends what is open of it: its page says that it is
/// over.
///
/// # Errors
/// [`PortalError`].
pub fn forget(tx: &mut Tx<'_>, office: &Office, digest: &[u8; 32]) -> Result<bool, PortalError> {
    let Some(row) = rows::by_digest(tx, office.practice(), digest)? else { return Ok(false) };
    let why = over(&row, office.clock().now_in_life()).unwrap_or("done");
    end(tx, office, &row, (&actor(&row), why))?;
    Ok(true)
}

/// Ends every tablet of a patient.
pub(super) fn end_all(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    (by, why): (&Actor, &'static str),
) -> Result<usize, PortalError> {
    let open = rows::open_of(tx, office.practice(), patient)?;
    for row in &open {
        end(tx, office, row, (by, why))?;
    }
    Ok(open.len())
}

pub(super) fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &KioskRow,
    (by, why): (&Actor, &'static str),
) -> Result<(), PortalError> {
    let now = office.clock().now_in_life();
    if rows::end(tx, office.practice(), row.id, (why, now))? {
        audit::append(tx, office, event(row, by.clone(), "ended").code(why))?;
    }
    Ok(())
}

/// The patient, at the tablet that somebody handed them.
pub(super) fn actor(row: &KioskRow) -> Actor {
    Actor::patient(row.patient_id).in_session(format!("tablet {}", row.id))
}

fn event(row: &KioskRow, by: Actor, what: &'static str) -> Event {
    Event::new(Kind::SessionChanged, by)
        .about(KIOSK, row.id)
        .patient(row.patient_id)
        .code(what)
        .code("tablet")
}

/// A random code of so many letters, each as likely as any other.
pub(super) fn draw(long: usize) -> Result<String, PortalError> {
    // The largest multiple of 31 that a byte can hold; what lies beyond would favour some letters.
    const FAIR: u8 = 248;
    let mut code = String::with_capacity(long);
    while code.len() < long {
        let mut byte = [0; 1];
        aws_lc_rs::rand::fill(&mut byte).map_err(|_| PortalError::Randomness)?;
        let [drawn] = byte;
        if drawn < FAIR
            && let Some(letter) = LETTERS.get(usize::from(drawn) % LETTERS.len())
        {
            code.push(char::from(*letter));
        }
    }
    Ok(code)
}

impl Visitor {
    /// The tablet they have in their hands, where they do.
    #[must_use]
    pub const fn kiosk(&self) -> Option<&KioskRow> {
        match &self.stay {
            super::session::Stay::Kiosk(row) => Some(row),
            super::session::Stay::Window(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, LONG, draw};

    #[test]
    fn codes_differ_and_are_told_apart_by_eye() {
        let codes: std::collections::BTreeSet<String> =
            (0..200).map(|_| draw(LONG).unwrap()).collect();
        assert_eq!(codes.len(), 200);
        for code in &codes {
            assert!(
                code.len() == LONG && code.bytes().all(|byte| LETTERS.contains(&byte)),
                "{code}"
            );
            assert!(!code.contains(['0', 'O', '1', 'I', 'L']), "{code}");
        }
    }
}
