//! A PIN that opens the lock of a session, in the browser that was locked, and nothing else: no
//! sign-in, and nothing that asks for a second factor (NIST SP 800-63B-4 §3.1.1, §3.2.10).
//!
//! Six digits are few. So the ones that are guessed first are refused, the hash is kept as that of a
//! password is, and the fifth wrong one ends the session: to go on guessing, one must sign in.

use jiff::civil::Date;

use super::error::AccessError;
use super::passwords::{self, Hash, Password};
use super::sessions::{self, Recently, SignedIn};
use super::{sign_in, staff};
use crate::audit::{self, Event, Kind, Outcome};
use crate::db::registry::{SESSION, STAFF};
use crate::db::session::{self as session_rows, SessionRow};
use crate::db::{Db, Tx, pin as rows};
use crate::ids::StaffId;
use crate::office::Office;

/// The fewest digits (NIST SP 800-63B-4 §3.1.1).
pub const LEAST: usize = 6;
/// The most.
pub const MOST: usize = 12;
/// With so many wrong ones in a session it ends.
pub const TRIES: i64 = 5;

/// What fingers do on a keypad, and what counts on: all that [`passwords::is_a_pattern`] does not see.
const COMMON: [&str; 18] = [
    "112233", "121314", "123654", "134679", "135790", "142536", "147258", "147852", "159357",
    "159753", "246810", "258369", "258456", "456123", "741852", "789456", "852456", "987456",
];

/// What came of a PIN that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The lock is open.
    Open,
    /// Wrong; so many more tries.
    Wrong {
        /// More tries.
        left: i64,
    },
    /// Wrong once too often: the session has ended.
    Ended,
}

/// A PIN that somebody chose. `own` are numbers that stand near them, such as the practice's.
///
/// # Errors
/// [`AccessError::Field`] that says what to choose instead.
pub fn chosen(text: &str, own: &[String]) -> Result<Password, AccessError> {
    let refuse = |because: &str| Err(AccessError::field("PIN", because));
    let text = text.trim();
    if !(LEAST..=MOST).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return refuse("must be 6 to 12 digits, and nothing else");
    }
    let mut digits: Vec<u8> = text.bytes().collect();
    digits.sort_unstable();
    digits.dedup();
    let common = COMMON.iter().any(|one| text.contains(one));
    if digits.len() < 3 || passwords::is_a_pattern(text) || common {
        return refuse("is one of the first that anybody tries; choose digits without a pattern");
    }
    if is_a_date(text) {
        return refuse("looks like a date or a year, which others can know; choose other digits");
    }
    if own.iter().any(|number| number.contains(text)) {
        return refuse("is part of a number of the practice's; choose other digits");
    }
    Ok(Password::typed(text))
}

/// A day in one of the orders in which people write it, or a year at either end.
fn is_a_date(text: &str) -> bool {
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
    let year =
        |from: usize| number(from, from + 4).is_some_and(|year| (1920..2040).contains(&year));
    if year(0) || year(text.len().saturating_sub(4)) {
        return true;
    }
    let day = |month: Option<i16>, day: Option<i16>| {
        let (Some(month), Some(day)) = (month, day) else { return false };
        // A leap year, so that the 29th of February is a day.
        let (month, day) = (i8::try_from(month), i8::try_from(day));
        matches!((month, day), (Ok(month), Ok(day)) if Date::new(2000, month, day).is_ok())
    };
    let (a, b, c) = (number(0, 2), number(2, 4), number(4, 6));
    text.len() == 6 && (day(a, b) || day(b, a) || day(b, c))
}

/// Whether somebody has one.
///
/// # Errors
/// [`AccessError::Db`].
pub fn has(tx: &mut Tx<'_>, office: &Office, staff: StaffId) -> Result<bool, AccessError> {
    Ok(rows::get(tx, office.practice(), staff)?.is_some())
}

/// Sets the PIN of somebody who just proved who they are.
///
/// # Errors
/// [`AccessError`].
pub fn set(
    tx: &mut Tx<'_>,
    office: &Office,
    (recently, hash): (&Recently, &Hash),
) -> Result<(), AccessError> {
    let (who, now) = (recently.signed_in(), office.clock().now_in_life());
    let word = if has(tx, office, who.staff.id)? { "pin_changed" } else { "pin_set" };
    // A hash always serializes.
    let plain = serde_json::to_vec(hash).unwrap_or_default();
    let sealed = staff::seal_place(office, who.staff.id, "pin", &plain)?;
    rows::put(tx, office.practice(), who.staff.id, (&sealed, now))?;
    let event = Event::new(Kind::CredentialChanged, who.actor()).about(STAFF, who.staff.id);
    audit::append(tx, office, event.code(word))?;
    Ok(())
}

/// Removes it. False where there was none.
///
/// # Errors
/// [`AccessError`].
pub fn remove(tx: &mut Tx<'_>, office: &Office, recently: &Recently) -> Result<bool, AccessError> {
    let who = recently.signed_in();
    let removed = rows::remove(tx, office.practice(), who.staff.id)?;
    if removed {
        let event = Event::new(Kind::CredentialChanged, who.actor()).about(STAFF, who.staff.id);
        audit::append(tx, office, event.code("pin_removed"))?;
    }
    Ok(removed)
}

/// A PIN, in a session that is locked, from the browser with this device cookie.
///
/// # Errors
/// [`AccessError::NotNow`] where a PIN opens nothing: the session is not locked, the browser is
/// another, or there is none.
pub async fn open(
    db: &Db,
    office: &Office,
    (signed_in, device): (&SignedIn, Option<[u8; 32]>),
    typed: &str,
) -> Result<Answer, AccessError> {
    let (its, who) = (office.clone(), signed_in.clone());
    let counted = db.write(move |tx| count(tx, &its, &who, device)).await?;
    let Some((hash, tries)) = counted else { return Ok(Answer::Ended) };
    let right = sign_in::matches(hash, Password::typed(typed.trim())).await?;
    let (its, who) = (office.clone(), signed_in.clone());
    db.write(move |tx| answer(tx, &its, &who, (right, tries))).await
}

/// Counts the try, and fetches what it must match; none where there were too many.
fn count(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    device: Option<[u8; 32]>,
) -> Result<Option<(Hash, i64)>, AccessError> {
    let practice = office.practice();
    let Some(session) = still_open(tx, office, who)? else { return Ok(None) };
    if !sessions::is_locked(&session, office.clock().now_in_life()) {
        return Err(AccessError::NotNow(
            "a PIN opens the lock and nothing else: give your second factor",
        ));
    }
    let devices = match &device {
        Some(digest) => session_rows::devices_by_digest(tx, practice, digest)?,
        None => Vec::new(),
    };
    if !devices.iter().any(|device| device.id == session.device_id) {
        return Err(AccessError::NotNow(
            "a PIN opens only the browser that was locked: give your second factor",
        ));
    }
    let Some(sealed) = rows::get(tx, practice, who.staff.id)? else {
        return Err(AccessError::NotNow("you have no PIN: give your second factor"));
    };
    let tries = rows::count_try(tx, practice, session.id)?;
    if tries > TRIES {
        end(tx, office, who)?;
        return Ok(None);
    }
    let plain = staff::open_place(office, who.staff.id, "pin", sealed)?;
    let hash = serde_json::from_slice(&plain).map_err(|_| seal::SealError::Altered)?;
    Ok(Some((hash, tries)))
}

fn answer(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    (right, tries): (bool, i64),
) -> Result<Answer, AccessError> {
    let (practice, id) = (office.practice(), who.session.id);
    // Another guess may have ended it meanwhile.
    if still_open(tx, office, who)?.is_none() {
        return Ok(Answer::Ended);
    }
    if right {
        session_rows::see(tx, practice, id, office.clock().now_in_life())?;
        rows::forget_tries(tx, practice, id)?;
        let event = Event::new(Kind::SessionChanged, who.actor()).about(SESSION, id);
        audit::append(tx, office, event.code("opened").code("pin"))?;
        return Ok(Answer::Open);
    }
    let event = Event::new(Kind::AccessRefused, who.actor()).outcome(Outcome::Refused);
    audit::append(tx, office, event.about(SESSION, id).code("pin"))?;
    if tries >= TRIES {
        end(tx, office, who)?;
        return Ok(Answer::Ended);
    }
    Ok(Answer::Wrong { left: TRIES - tries })
}

fn end(tx: &mut Tx<'_>, office: &Office, who: &SignedIn) -> Result<(), AccessError> {
    let which = (who.staff.id, who.session.id);
    sessions::end(tx, office, which, ("many_guesses", who.actor())).map(drop)
}

/// The session as it stands now, unless it has ended.
fn still_open(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
) -> Result<Option<SessionRow>, AccessError> {
    let open = session_rows::open_ones(tx, office.practice(), who.staff.id)?;
    Ok(open.into_iter().find(|row| row.id == who.session.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let own = ["12025550100".to_owned()];
        for text in [
            "",
            "48152",
            "4815167",
            "481a51",
            "4815162342815",
            "000000",
            "121212",
            "123123",
            "123456",
            "987654",
            "345678",
            "112211",
            "112233",
            "1472580",
            "555550",
            "550100",
            "198406",
            "061984",
            "19840612",
            "061284",
            "120684",
            "840612",
            "022900",
        ] {
            let refused = chosen(text, &own).is_err();
            assert_eq!(refused, text != "4815167", "{text}");
        }
        for text in ["481516", "907315", "830264", "4815162342"] {
            assert!(chosen(text, &own).is_ok(), "{text}");
        }
    }

    #[test]
    fn half_of_what_there_is_stays() {
        // What is refused must not make guessing among the rest easy.
        let left = (0..1_000_000).step_by(7).filter(|n| chosen(&format!("{n:06}"), &[]).is_ok());
        let left = left.count() * 7;
        assert!(left > 800_000, "{left}");
    }
}
