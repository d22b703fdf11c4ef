//! Opt-outs that do not come as a reply: said to staff, or by the button in a mail.

use gate::{Address, Channel, MessageId, PatientId};
use serde_json::json;
use uuid::Uuid;

use super::told::{self, Note, RecordError, Told, in_use, wrong};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::outbox::Which;
use crate::db::registry::SUPPRESSION_EVENT;
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::{Tx, message};
use crate::facts;
use crate::office::Office;
use crate::outbox::recheck::{Rechecked, recheck};
use crate::outbox::{self, OutboxError};
use crate::people::contact_points;
use crate::{params, sql};

/// What a patient wants no more of, or wants again.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Who says so.
    pub patient: PatientId,
    /// At which number or mailbox, which is on file.
    pub address: Address,
    /// By which channel; `None`: by every automated one (TEL-14).
    pub channel: Option<Channel>,
    /// Which kind of message; `None`: all.
    pub kind: Option<gate::Kind>,
}

/// A stop in any words, by phone, by mail or at the desk (TEL-11). It holds from this transaction
/// on, and what waits for the address is withdrawn.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn opt_out(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    scope: &Scope,
    told: &Told,
) -> Result<(Uuid, Rechecked), RecordError> {
    let index = on_file(tx, office, scope)?;
    let known = facts::opt_outs(tx, office, &index)?.iter().any(|standing| {
        standing.channel == scope.channel && standing.kind == scope.kind && !standing.wrong_number
    });
    if known {
        return Err(RecordError::Already { what: "opt-out", because: "it stands already" });
    }
    let id = written(tx, office, actor, (scope, index, SuppressionKind::OptOut), told)?;
    let rechecked = recheck(tx, office, &Which::Address(index), actor, "opted_out")?;
    Ok((id, rechecked))
}

/// Messages again, at the patient's wish, by a fresh word to staff (TEL-18); never by an import.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn opt_in(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    scope: &Scope,
    told: &Told,
) -> Result<Uuid, RecordError> {
    let index = on_file(tx, office, scope)?;
    let standing = facts::opt_outs(tx, office, &index)?;
    if standing.iter().any(|standing| standing.wrong_number) {
        return wrong("address", "it was said to be somebody else's: write down the right one");
    }
    let lifts = standing.iter().any(|standing| {
        scope.channel.is_none_or(|channel| standing.channel == Some(channel))
            && scope.kind.is_none_or(|kind| standing.kind == Some(kind))
    });
    if !lifts {
        return Err(RecordError::Already { what: "opt-out", because: "none like it stands" });
    }
    written(tx, office, actor, (scope, index, SuppressionKind::OptIn), told)
}

fn on_file(tx: &mut Tx<'_>, office: &Office, scope: &Scope) -> Result<[u8; 32], RecordError> {
    in_use(tx, office, scope.patient)?;
    let index = office.address_index(&scope.address);
    let practice = office.practice();
    if contact_points::of_patient_at(tx, practice, scope.patient, &index)?.is_none() {
        return wrong("address", "it is not on file for this patient: add the contact first");
    }
    Ok(index)
}

fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (scope, index, event): (&Scope, [u8; 32], SuppressionKind),
    told: &Told,
) -> Result<Uuid, RecordError> {
    let row = SuppressionRow {
        id: office.clock().new_id(),
        address_index: index.to_vec(),
        event,
        channel: scope.channel,
        kind: scope.kind,
        source: SuppressionSource::Staff,
        inbound_id: None,
        recorded_by: actor.to_string(),
        occurred_at: office.clock().now(),
    };
    suppression::add(tx, office.practice(), &row)?;
    let (word, kind) = match event {
        SuppressionKind::OptIn => ("opted_in", Kind::OptedIn),
        _ => ("opted_out", Kind::OptedOut),
    };
    let details = json!({
        "channel": scope.channel.map(Channel::as_str), "kind": scope.kind.map(gate::Kind::as_str),
    });
    let about = (SUPPRESSION_EVENT, row.id.to_string());
    let patient = scope.patient;
    told::note(tx, office, actor, Note { patient, about, event: word, details, told })?;
    let mut logged = Event::new(kind, actor.clone())
        .about(SUPPRESSION_EVENT, row.id)
        .patient(patient)
        .occurred_at(told.captured_at);
    if let Some(channel) = scope.channel {
        logged = logged.to(channel, index);
    }
    audit::append(tx, office, logged)?;
    Ok(row.id)
}

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
