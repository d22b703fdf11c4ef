//! The same arrival once more, from a carrier that gives arrivals no id (SMPP 3.4).
//!
//! A crash between our commit and our answer makes the carrier deliver again, to another run of
//! this program. Nothing in the delivery says so, and a patient may write the same word twice. An
//! arrival counts as delivered again when all of this holds:
//!
//! * a keyed digest of adapter, numbers, words and reference numbers is that of a stored one;
//! * that one came within [`WITHIN`], and was last delivered to another run: within a run the
//!   adapter knows better;
//! * nothing else came from this number since. So a last word is never lost: C, X and C again is a
//!   confirmation, and STOP, START and STOP again is off;
//! * or what came since came within [`AT_ONCE`] of it, and none of it to a later run. Several texts
//!   of a burst may be unanswered when the program is killed, and all come again, in their order.
//!   That takes in only words after which nothing was set: C and X that both come again are heard
//!   again, in their order, and end where they ended.
//!
//! What is left is a patient who, around a restart, says twice in a row the same thing, or the same
//! remark again ten seconds after another. It is not acted on, and the log holds that it came
//! (`repeated`).

use jiff::{SignedDuration, Timestamp};

use super::receive::{Arrival, Effect, InboundError};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::Tx;
use crate::db::inbound_message::{self, Heard};
use crate::db::registry::INBOUND_MESSAGE;
use crate::ids::InboundId;
use crate::office::Office;

/// For how long a carrier is expected to try to deliver again what we did not answer.
pub(super) const WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Texts of one number that are this close may all have been without an answer at a crash.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(10);

/// The stored arrival that this one is. Gives an arrival without an id of the carrier's the one
/// under which it is to be stored: digest, run, number. A stored one that is known again bears it
/// too from then on, so that each run knows to which run it was last delivered.
pub(super) fn known(
    tx: &mut Tx<'_>,
    office: &Office,
    arrival: &mut Arrival,
    from_index: &[u8; 32],
) -> Result<Option<InboundId>, InboundError> {
    let Some(unnamed) = &arrival.unnamed else { return Ok(None) };
    // Two nodes may be told at the same instant; nothing is written yet that others wait for.
    let [a, b, c, d, e, f, g, h, ..] = *from_index;
    tx.lock(i64::from_be_bytes([a, b, c, d, e, f, g, h]))?;
    let digest = digest(office, arrival, &unnamed.references);
    arrival.carrier_id = format!("{digest}:{}", arrival.carrier_id);
    let practice = office.practice();
    let since = arrival.received_at.checked_sub(WITHIN).unwrap_or(Timestamp::MIN);
    let heard = inbound_message::heard_from(tx, practice, (arrival.adapter, from_index), since)?;
    let Some(again) = delivered_again(&heard, arrival, &digest, &unnamed.run) else {
        return Ok(None);
    };
    inbound_message::rename(tx, practice, again.id, &arrival.carrier_id)?;
    let event = Event::new(Kind::InboundReceived, Actor::carrier(arrival.adapter))
        .about(INBOUND_MESSAGE, again.id)
        .occurred_at(arrival.received_at)
        .code("repeated");
    audit::append(tx, office, event)?;
    Ok(Some(again.id))
}

/// Which of those heard lately, the latest first, is delivered again here.
fn delivered_again<'a>(
    heard: &'a [Heard],
    arrival: &Arrival,
    digest: &str,
    run: &str,
) -> Option<&'a Heard> {
    if heard.iter().any(|known| known.carrier_id == arrival.carrier_id) {
        return None;
    }
    let (at, again) = heard.iter().enumerate().find(|(_, known)| {
        let (its, told) = parts(known);
        let apart = arrival.received_at.duration_since(known.received_at).abs();
        its == digest && told != run && apart <= WITHIN
    })?;
    let (_, told) = parts(again);
    let mut since = heard.get(..at)?.iter().filter(|later| parts(later).0 != digest).peekable();
    if since.peek().is_none() {
        return Some(again);
    }
    let close = |later: &Heard| later.received_at.duration_since(again.received_at) <= AT_ONCE;
    // Runs are named so that the later has the greater name.
    let not_later = |later: &Heard| parts(later).1 <= told;
    let heard_out = !Effect::holds(&again.effect) && since.all(|l| close(l) && not_later(l));
    heard_out.then_some(again)
}

/// Digest and run of the id under which it is stored; empty where the carrier gave the id.
fn parts(heard: &Heard) -> (&str, &str) {
    let (digest, id) = heard.carrier_id.split_once(':').unwrap_or_default();
    (digest, id.rsplit_once('-').map_or("", |(run, _)| run))
}

/// Keyed, so that it tells nothing of number or words to whoever reads the column.
fn digest(office: &Office, arrival: &Arrival, references: &[u8]) -> String {
    let mut text = Vec::new();
    for field in [
        arrival.adapter.as_bytes(),
        arrival.from.reveal().as_bytes(),
        arrival.to.as_bytes(),
        arrival.body.as_bytes(),
        references,
        &[u8::from(arrival.incomplete)],
    ] {
        text.extend_from_slice(&(field.len() as u64).to_be_bytes());
        text.extend_from_slice(field);
    }
    let digest = office.keys().content_hash("arrival", &text);
    hex::encode(digest.get(..16).unwrap_or(&digest))
}
