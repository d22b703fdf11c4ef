//! Opt-outs that people make without writing a word.

use gate::{Channel, MessageId};

use crate::audit::{self, Actor, Event, Kind};
use crate::db::outbox::Which;
use crate::db::registry::SUPPRESSION_EVENT;
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::{Tx, message};
use crate::office::Office;
use crate::outbox::{self, OutboxError};
use crate::{params, sql};

/// The button in a mail (RFC 8058, RULEBOOK EML-07): no more automated mail to the address that
/// the mail with this opaque id went to, and nothing that waits goes out. False when no mail has
/// that id. Pressed twice it does nothing more.
///
/// # Errors
/// [`OutboxError`]; the caller's transaction must then be given up.
pub fn one_click(tx: &mut Tx<'_>, office: &Office, opaque_id: &str) -> Result<bool, OutboxError> {
    let practice = office.practice();
    let sent: Option<MessageId> = tx
        .query(
            sql!(
                "SELECT a.message_id FROM attempt_part p
                   JOIN attempt a ON a.practice_id = p.practice_id AND a.id = p.attempt_id
                  WHERE p.practice_id = $1 AND p.adapter = 'email_smtp' AND p.carrier_id = $2"
            ),
            params![practice, opaque_id],
            |row| row.get(0),
        )?
        .pop();
    let Some(id) = sent else { return Ok(false) };
    let Some(mail) = message::find(tx, practice, id)? else { return Ok(false) };
    let history = suppression::of_address(tx, practice, &mail.address_index)?;
    let off = history
        .iter()
        .rfind(|row| matches!(row.event, SuppressionKind::OptOut | SuppressionKind::OptIn))
        .is_some_and(|row| row.event == SuppressionKind::OptOut);
    if off {
        return Ok(true);
    }
    let actor = mail.patient.map_or_else(|| Actor::service("unsubscribe"), Actor::patient);
    let row = SuppressionRow {
        id: office.clock().new_id(),
        address_index: mail.address_index.to_vec(),
        event: SuppressionKind::OptOut,
        channel: Some(Channel::Email),
        kind: None,
        source: SuppressionSource::OneClick,
        inbound_id: None,
        recorded_by: actor.to_string(),
        occurred_at: office.clock().now(),
    };
    suppression::add(tx, practice, &row)?;
    let event = Event::new(Kind::OptedOut, actor.clone())
        .about(SUPPRESSION_EVENT, row.id)
        .patient(mail.patient)
        .to(Channel::Email, mail.address_index);
    audit::append(tx, office, event)?;
    outbox::cancel(tx, office, &Which::Address(mail.address_index), &actor, "opted_out")?;
    Ok(true)
}
