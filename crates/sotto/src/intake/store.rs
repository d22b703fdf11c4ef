//! Stores what was decided. Nothing is read here that the decision could rest on.

use std::sync::Arc;

use gate::{Binding, Channel, Cleared, Code, ContactPointId, Draft};

use super::decide::{Decided, Kept, Outcome, Passed};
use super::{IntakeError, Request};
use crate::audit::event::Sent;
use crate::audit::{self, EntryId, Event};
use crate::conversations::inbox;
use crate::db::message::{self, NewMessage, State};
use crate::db::outbox::OutboxRow;
use crate::db::window::Purpose;
use crate::db::{Mark, Tx};
use crate::observe::trace::{Say, Span, Step};
use crate::office::Office;
use crate::outbox;
use crate::outbox::fresh_facts::Loaded;
use crate::portal::{letters, link};

/// Stores a decision with everything that follows from it. What the caller wrote before in the same
/// transaction is bound by the decision's audit entry.
///
/// # Errors
/// [`IntakeError`]; the caller's transaction must then be given up.
pub fn store(tx: &mut Tx<'_>, office: &Office, decided: &Decided) -> Result<(), IntakeError> {
    let Decided { request, at, under, .. } = decided;
    let storing = Storing { office, request, at: *at, under: *under };
    match &decided.outcome {
        Outcome::Clear(one) => match &decided.notice {
            Some(notice) => {
                storing.enqueue(tx, one, notice.cleared.draft().contact_point)?;
                storing.enqueue(tx, notice, None)
            }
            None => storing.enqueue(tx, one, None),
        },
        Outcome::Split { portal, notice, .. } => {
            storing.enqueue(tx, portal, notice.cleared.draft().contact_point)?;
            storing.enqueue(tx, notice, None)
        }
        Outcome::Refuse { draft, kept, refusal } => {
            let codes: Vec<Code> = refusal.reasons().map(|reason| reason.code).collect();
            storing.insert(tx, draft, kept, &Standing::Refused(&codes))?;
            let (actor, sent) = (decided.request.actor.clone(), kept.sent(None));
            audit::append(tx, office, Event::message_refused(actor, draft, refusal, sent))?;
            let metrics = office.metrics();
            tx.after_commit(move || {
                codes.iter().for_each(|code| metrics.refusals.add([code.as_str(), "request"]));
            });
            Ok(())
        }
    }
}

impl Kept {
    /// The keyed hashes of a draft's address and words, as the log keeps them.
    const fn sent(&self, binding: Option<Binding>) -> Sent {
        Sent { destination: self.address_index, content: self.content_hash, binding }
    }
}

struct Storing<'a> {
    office: &'a Office,
    request: &'a Request,
    at: jiff::Timestamp,
    under: Option<Mark>,
}

enum Standing<'a> {
    Queued(&'a Cleared, EntryId),
    Refused(&'a [Code]),
}

impl Storing<'_> {
    /// The gate said yes: message, outbox row and audit entry, and the bell after the commit. `told`
    /// is where the patient hears of it, when it stays in the portal.
    fn enqueue(
        &self,
        tx: &mut Tx<'_>,
        passed: &Passed,
        told: Option<ContactPointId>,
    ) -> Result<(), IntakeError> {
        let Passed { cleared, binding, adapter, kept, .. } = passed;
        let (draft, clearance) = (cleared.draft(), passed.clearance);
        self.insert(tx, draft, kept, &Standing::Queued(cleared, clearance))?;
        let row = OutboxRow {
            practice: self.office.practice(),
            message: draft.message,
            adapter: adapter.clone(),
            due_at: cleared.basis().not_before.unwrap_or(self.at),
            attempts: 0,
            leased_until: None,
            lease_owner: None,
        };
        outbox::store::put(tx, self.office, &row)?;
        self.at_the_window(tx, draft, told)?;
        let actor = &self.request.actor;
        audit::read_ahead(tx, self.office, |tx| inbox::said(tx, self.office, cleared, actor))?;
        inbox::said(tx, self.office, cleared, actor)?;
        let sent = kept.sent(Some(*binding));
        let event = Event::message_cleared(self.request.actor.clone(), cleared, sent);
        audit::append_as(tx, self.office, clearance, event)?;
        if let Some(under) = self.under {
            self.remember(tx, passed, under);
        }
        outbox::store::ring(tx, self.office);
        self.trace(tx, passed);
        Ok(())
    }

    /// What the patient has of it at the window: the letter itself, or the link that leads there.
    fn at_the_window(
        &self,
        tx: &mut Tx<'_>,
        draft: &Draft,
        told: Option<ContactPointId>,
    ) -> Result<(), IntakeError> {
        if draft.channel == Channel::Portal {
            return Ok(letters::keep(tx, self.office, draft, told)?);
        }
        let own = link::url(self.office, draft.message);
        let carries = !own.is_empty() && draft.content.body.contains(&own);
        match draft.patient.zip(draft.contact_point).filter(|_| carries) {
            Some(whom) => Ok(link::keep(tx, self.office, draft.message, whom, Purpose::Message)?),
            None => Ok(()),
        }
    }

    /// For the release, which follows within milliseconds where nothing holds the message back.
    fn remember(&self, tx: &mut Tx<'_>, passed: &Passed, under: Mark) {
        let (message, basis) = (passed.cleared.draft().message, passed.cleared.basis());
        if basis.not_before.is_none() {
            let (office, subject) = (self.office.clone(), self.request.patient.clone());
            let loaded = Loaded { under, at: self.at, subject, facts: Arc::clone(&passed.facts) };
            tx.after_commit(move || office.fresh_facts().remember(message, loaded));
        }
    }

    /// The message's own trace begins.
    fn trace(&self, tx: &mut Tx<'_>, passed: &Passed) {
        if !self.office.traces().wanted() {
            return;
        }
        let (draft, at, office) = (passed.cleared.draft(), self.at, self.office.clone());
        let (message, channel, kind) = (draft.message, draft.channel, draft.kind);
        tx.after_commit(move || {
            let span = Span::first(Step::Message, message.0, (at, office.clock().now()));
            office.traces().tell(span.saying([Say::Channel(channel), Say::Kind(kind)]));
        });
    }

    fn insert(
        &self,
        tx: &mut Tx<'_>,
        draft: &Draft,
        kept: &Kept,
        standing: &Standing<'_>,
    ) -> Result<(), IntakeError> {
        let (state, cleared, refusals) = match *standing {
            Standing::Queued(cleared, entry) => (State::Queued, Some((cleared, entry)), &[][..]),
            Standing::Refused(codes) => (State::Refused, None, codes),
        };
        let basis = cleared.map(|(cleared, _)| cleared.basis());
        let new = NewMessage {
            draft,
            address_index: kept.address_index,
            appointment: self.request.appointment,
            inbound: self.request.inbound,
            content_sealed: kept.sealed.body.as_bytes(),
            record_wrap: kept.sealed.record_wrap.as_bytes(),
            patient_wrap: kept.sealed.patient_wrap.as_ref().map(seal::Sealed::as_bytes),
            basis,
            clearance: cleared.map(|(_, entry)| entry),
            state,
            refusals,
            send_at: basis.and_then(|basis| basis.not_before).unwrap_or(self.at),
            created_by: &self.request.actor.to_string(),
        };
        Ok(message::insert(tx, &new, self.at)?)
    }
}
