//! Guessing gets slow, and nobody can be locked out by a stranger's guesses.
//!
//! A guess is counted before it is looked at, so that many at once count as many. It counts against
//! the account and against the address it came from; from a browser that somebody signed in with
//! before, only against that browser and that account's own use of it. So a stranger who guesses
//! makes strangers wait, while the real person goes on at their own desk, and by passkey anywhere.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::error::AccessError;
use crate::db::{Tx, session as rows};
use crate::ids::{DeviceId, StaffId};
use crate::office::Office;

/// Guesses that cost nothing.
const FREE: i64 = 5;
/// The same for an address, behind which a whole office may sit.
const FREE_OF_ADDRESS: i64 = 50;
/// The longest wait (NIST SP 800-63B-4 §3.2.2 wants fewer than 100 guesses).
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// After so long nobody remembers.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// From here on somebody should know.
pub const ALARMING: i64 = 10;

/// What a guess counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted(Vec<([u8; 32], i64)>);

impl Counted {
    /// A guess at this account from a browser that nobody knows.
    #[must_use]
    pub fn stranger(office: &Office, name_index: &[u8; 32], from: Option<IpAddr>) -> Self {
        let mut all = vec![(keyed(office, "account", name_index), FREE)];
        if let Some(from) = from {
            all.push((keyed(office, "address", from.to_string().as_bytes()), FREE_OF_ADDRESS));
        }
        Self(all)
    }

    /// A guess from a browser that this person signed in with before.
    #[must_use]
    pub fn known(office: &Office, staff: StaffId, device: DeviceId) -> Self {
        let who = format!("{staff} {device}");
        Self(vec![(keyed(office, "device", who.as_bytes()), FREE)])
    }
}

fn keyed(office: &Office, domain: &str, bytes: &[u8]) -> [u8; 32] {
    office.keys().content_hash(&format!("guesses by {domain}"), bytes)
}

/// Counts a guess, or says how long to wait first. The answer is how many there were, with this
/// one.
///
/// # Errors
/// [`AccessError::Wait`].
pub fn count(tx: &mut Tx<'_>, office: &Office, counted: &Counted) -> Result<i64, AccessError> {
    let now = office.clock().now_in_life();
    let mut most = 0;
    let mut next = Vec::with_capacity(counted.0.len());
    for (whom, free) in &counted.0 {
        let so_far = rows::failures(tx, office.practice(), whom)?;
        if let Some(wait) = wait(so_far, *free, now) {
            return Err(AccessError::Wait { seconds: wait.as_secs().max(1) });
        }
        let fresh = so_far.filter(|(_, at)| now.duration_since(*at) < REMEMBERED);
        let failures = fresh.map_or(0, |(failures, _)| failures) + 1;
        most = most.max(failures);
        next.push((whom, failures));
    }
    for (whom, failures) in next {
        rows::count_guess(tx, office.practice(), whom, (failures, now))?;
    }
    rows::forget_guesses_before(tx, office.practice(), now - REMEMBERED)?;
    Ok(most)
}

/// It went right: nothing is counted any more.
///
/// # Errors
/// [`AccessError::Db`].
pub fn forget(tx: &mut Tx<'_>, office: &Office, counted: &Counted) -> Result<(), AccessError> {
    // The address keeps its count but for this guess: one good account is no leave to guess others.
    for (whom, free) in &counted.0 {
        if *free == FREE {
            rows::forget_guesses(tx, office.practice(), whom)?;
        } else if let Some((failures, at)) = rows::failures(tx, office.practice(), whom)? {
            rows::count_guess(tx, office.practice(), whom, ((failures - 1).max(0), at))?;
        }
    }
    Ok(())
}

/// How long until the next guess: 2, 4, 8 … seconds after the free ones.
fn wait(so_far: Option<(i64, Timestamp)>, free: i64, now: Timestamp) -> Option<SignedDuration> {
    let (failures, last_at) = so_far?;
    let beyond = u32::try_from(failures.checked_sub(free)?.min(10)).ok().filter(|n| *n > 0)?;
    let pause = SignedDuration::from_secs(1 << beyond).min(LONGEST);
    let left = pause - now.duration_since(last_at);
    (left > SignedDuration::ZERO).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_at_a_quarter_of_an_hour() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        for (failures, seconds) in [
            (0, None),
            (5, None),
            (6, Some(2)),
            (7, Some(4)),
            (10, Some(32)),
            (14, Some(512)),
            (15, Some(900)),
            (900, Some(900)),
        ] {
            let left = wait(Some((failures, at)), FREE, at).map(|left| left.as_secs());
            assert_eq!(left, seconds, "{failures}");
        }
        assert_eq!(wait(Some((7, at)), FREE, at + SignedDuration::from_secs(4)), None);
        assert_eq!(wait(None, FREE, at), None);
    }
}
