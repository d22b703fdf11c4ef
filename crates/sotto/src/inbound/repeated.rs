//! The same arrival once more, from a carrier that gives arrivals no id (SMPP 3.4).
//!
//! A crash between our commit and our answer makes the carrier deliver again, to another run of
//! this program. Nothing in the delivery says so, and a patient may write the same word twice. An
//! arrival counts as delivered again when all of this holds:
//!
//! * a keyed digest of adapter, numbers, words and reference numbers is that of a stored one;
//! * that one came within [`WITHIN`], and in another run: within a run the adapter knows better;
//! * nothing else came from this number since. So a last word is never lost: C, X and C again is a
//!   confirmation, and STOP, START and STOP again is off.
//!
//! What is left is a patient who, around a restart, says twice in a row the same thing: the second
//! would change nothing. It is not acted on, and the log holds that it came (`repeated`).

use jiff::SignedDuration;

use super::receive::{Arrival, InboundError};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::registry::INBOUND_MESSAGE;
use crate::db::{Tx, inbound_message};
use crate::ids::InboundId;
use crate::office::Office;

/// For how long a carrier is expected to try to deliver again what we did not answer.
pub(super) const WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// The stored arrival that this one is. Gives an arrival without an id of the carrier's the one
/// under which it is to be stored: digest, run, number.
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
    let run = format!("{digest}:{}-", unnamed.run);
    arrival.carrier_id = format!("{digest}:{}", arrival.carrier_id);
    let practice = office.practice();
    let last = inbound_message::last_from(tx, practice, arrival.adapter, from_index)?;
    let Some(last) = last.filter(|last| {
        let apart = arrival.received_at.duration_since(last.received_at).abs();
        let same = last.carrier_id.split_once(':').is_some_and(|(known, _)| known == digest);
        same && apart <= WITHIN && !last.carrier_id.starts_with(&run)
    }) else {
        return Ok(None);
    };
    let event = Event::new(Kind::InboundReceived, Actor::carrier(arrival.adapter))
        .about(INBOUND_MESSAGE, last.id)
        .occurred_at(arrival.received_at)
        .code("repeated");
    audit::append(tx, office, event)?;
    Ok(Some(last.id))
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
