//! The link in a notice: 128 bits that nobody can guess and that say nothing about anybody.
//!
//! A link belongs to the one message that carries it. Its token is derived from that message's id
//! under a key of its own, so that the gate can demand the notice's words letter for letter when it
//! is released; stored is only the token's keyed hash. Following a link changes nothing: scanners
//! and previews follow every link.

use gate::{ContactPointId, MessageId, PatientId};
use jiff::SignedDuration;

use super::PortalError;
use crate::audit::{self, Actor, Event, Kind};
use crate::channels::OpaqueIds;
use crate::db::registry::WINDOW_LINK;
use crate::db::window::{self as rows, LinkRow, Purpose};
use crate::db::{DbError, Tx};
use crate::office::Office;

/// How long a link is good.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// After so long a new link is not sent on the strength of the old one alone.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How many characters a token has: 58 to this power is just above 2 to the 128. A token as short as
/// it can be leaves the notice within one part of a text.
pub const LENGTH: usize = 22;

/// The characters of a token: none looks like another, and none ends a link where it stands in a
/// text.
const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The token in the link that this message carries.
#[must_use]
pub fn token(office: &Office, message: MessageId) -> String {
    spelled(OpaqueIds::new(&office.keys().derive("link to the window")).bits(message))
}

fn spelled(mut bits: u128) -> String {
    let letter = |_| {
        let letter = usize::try_from(bits % 58).ok().and_then(|at| LETTERS.get(at));
        bits /= 58;
        letter.copied().map(char::from)
    };
    (0..LENGTH).filter_map(letter).collect()
}

/// Whether a text has the form of a token.
#[must_use]
pub fn looks_like_one(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| LETTERS.contains(&byte))
}

/// The link that this message carries, or nothing where the practice has no portal.
#[must_use]
pub fn url(office: &Office, message: MessageId) -> String {
    let profile = office.profile();
    let portal = profile.portal_url.trim().trim_end_matches('/');
    if portal.is_empty() { String::new() } else { format!("{portal}/w/{}", token(office, message)) }
}

/// What is kept of a token.
fn digest(office: &Office, token: &str) -> [u8; 32] {
    office.keys().content_hash("link to the window", token.as_bytes())
}

/// Keeps the link of a message that is stored in the same transaction, whose audit entry records
/// both.
///
/// # Errors
/// [`DbError`].
pub fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    message: MessageId,
    (patient, contact_point): (PatientId, ContactPointId),
    purpose: Purpose,
) -> Result<(), DbError> {
    let now = office.clock().now();
    let row = LinkRow {
        message_id: message,
        patient_id: patient,
        contact_point_id: contact_point,
        purpose,
        created_at: now,
        expires_at: now.checked_add(GOOD_FOR).unwrap_or(jiff::Timestamp::MAX),
        ended_at: None,
        ended_why: None,
    };
    let digest = digest(office, &token(office, message));
    rows::add_link(tx, office.practice(), &row, &digest)
}

/// What a token is worth now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It leads to the proof.
    Good(LinkRow),
    /// Too old, or tried too often: a new one may be sent to where it went.
    Over(LinkRow),
    /// Nobody's, or cut off: the same to whoever asks.
    Nothing,
}

impl Standing {
    /// The link, while it is good.
    #[must_use]
    pub fn good(self) -> Option<LinkRow> {
        match self {
            Self::Good(link) => Some(link),
            Self::Over(_) | Self::Nothing => None,
        }
    }
}

/// What a token is worth now. Reads only.
///
/// # Errors
/// [`PortalError::Db`].
pub fn find(tx: &mut Tx<'_>, office: &Office, token: &str) -> Result<Standing, PortalError> {
    if !looks_like_one(token) {
        return Ok(Standing::Nothing);
    }
    let now = office.clock().now();
    let found = rows::link_by_digest(tx, office.practice(), &digest(office, token))?;
    Ok(match found {
        Some(link) if link.ended_at.is_none() && now < link.expires_at => Standing::Good(link),
        Some(link)
            if link.ended_why.as_deref() != Some(CUT_OFF)
                && now.duration_since(link.created_at) < REMEMBERED =>
        {
            Standing::Over(link)
        }
        Some(_) | None => Standing::Nothing,
    })
}

const CUT_OFF: &str = "cut_off";

/// Ends a link that was tried too often.
///
/// # Errors
/// [`PortalError`].
pub(super) fn wear_out(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
) -> Result<(), PortalError> {
    end(tx, office, link, ("guesses", Actor::service("window")))
}

fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
    (why, by): (&'static str, Actor),
) -> Result<(), PortalError> {
    let now = office.clock().now();
    rows::end_link(tx, office.practice(), link.message_id, (why, now))?;
    rows::forget_codes(tx, office.practice(), link.message_id)?;
    let event = Event::new(Kind::LinkChanged, by)
        .about(WINDOW_LINK, link.message_id)
        .patient(link.patient_id)
        .code(why);
    audit::append(tx, office, event)?;
    Ok(())
}

/// Ends every link of a patient: their phone is lost. The answer is how many there were.
///
/// # Errors
/// [`PortalError`].
pub(super) fn cut_off(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    by: &Actor,
) -> Result<usize, PortalError> {
    let links = rows::open_links(tx, office.practice(), patient)?;
    for link in &links {
        end(tx, office, link, (CUT_OFF, by.clone()))?;
    }
    Ok(links.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_all_of_its_128_bits() {
        for bits in [0, 1, 57, 58, u128::MAX, u128::MAX / 3] {
            let text = spelled(bits);
            assert!(looks_like_one(&text), "{text}");
            let value = |letter: u8| LETTERS.iter().position(|one| *one == letter).unwrap();
            let back = text.bytes().rev().fold(0_u128, |sum, letter| {
                sum.wrapping_mul(58).wrapping_add(value(letter) as u128)
            });
            assert_eq!(back, bits);
        }
        for none in ["", "0", &"0".repeat(LENGTH), &"1".repeat(LENGTH + 1), &"é".repeat(11)] {
            assert!(!looks_like_one(none), "{none}");
        }
    }
}
