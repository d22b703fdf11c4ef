//! Opt-outs that come by other ways than a reply.

use gate::{Channel, MessageId};

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::channels::{AdapterName, OpaqueIds};
use crate::db::message;
use crate::db::outbox::Which;
use crate::db::registry::SUPPRESSION_EVENT;
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::{DbError, Tx};
use crate::office::Office;
use crate::outbox::{self, OutboxError};
use crate::{params, sql};

/// An opt-out cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum SuppressionError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What waits could not be withdrawn.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// The one-click link of a mail (RFC 8058): no more automated email to the address it went to.
/// The same link again changes nothing, and a token that names no mail of ours does nothing.
///
/// # Errors
/// [`SuppressionError`].
pub fn one_click(
    tx: &mut Tx<'_>,
    office: &Office,
    token: &str,
) -> Result<(), SuppressionError> {
    if !OpaqueIds::looks_like_one(token) {
        return Ok(());
    }
    let practice = office.practice();
    let adapter = AdapterName::EmailSmtp.as_str();
    let mails: Vec<MessageId> = tx.query(
        sql!(
            "SELECT a.message_id FROM attempt_part p JOIN attempt a
                 ON a.practice_id = p.practice_id AND a.id = p.attempt_id
             WHERE p.practice_id = $1 AND p.adapter = $2 AND p.carrier_id = $3 LIMIT 1"
        ),
        params![practice, adapter, token],
        |row| row.get(0),
    )?;
    let Some(mail) = mails.first() else { return Ok(()) };
    let Some(stored) = message::find(tx, practice, *mail)? else { return Ok(()) };
    let known = suppression::of_address(tx, practice, &stored.address_index)?;
    let standing = known.iter().rev().find(|row| row.channel == Some(Channel::Email));
    if standing.is_some_and(|row| row.event == SuppressionKind::OptOut) {
        return Ok(());
    }
    let actor = stored.patient.map_or(Actor::service("one_click"), Actor::patient);
    let row = SuppressionRow {
        id: office.clock().new_id(),
        address_index: stored.address_index.to_vec(),
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
        .patient(stored.patient)
        .to(Channel::Email, stored.address_index)
        .code("one_click");
    audit::append(tx, office, event)?;
    outbox::cancel(tx, office, &Which::Address(stored.address_index), &actor, "opted_out")?;
    Ok(())
}
