//! What became of a message: the only writer of delivery state, and of what a carrier's report
//! says about an address.
//!
//! Reports come twice, late, out of order, before the carrier's own answer, and for messages whose
//! answer was lost. Each is kept once; states only move forward, along
//! [`State::may_become`](crate::db::message::State::may_become) and
//! [`PartState::may_become`](crate::db::receipt::PartState::may_become).

use std::collections::BTreeSet;

use gate::facts::{Dead, Line};
use gate::{Channel, MessageId};
use jiff::{SignedDuration, Timestamp};

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::channels::{AdapterName, CarrierReceipt, Effect, Failure, FailureKind, ReceiptStatus};
use crate::conversations::tasks;
use crate::db::attempt::{self, End, Outcome, Part};
use crate::db::message::{self, Change, State, Stored};
use crate::db::outbox::Which;
use crate::db::receipt::{self, Early, KnownPart, NewReceipt, PartState};
use crate::db::registry::{CONTACT_POINT, RECEIPT, SUPPRESSION_EVENT, TASK};
use crate::db::suppression::{self, SuppressionKind, SuppressionRow, SuppressionSource};
use crate::db::task::{self, TaskKind, TaskOutcome, TaskRow, TaskState};
use crate::db::{DbError, Tx, contact_point};
use crate::ids::{AttemptId, Id as _, ReceiptId, TaskId};
use crate::observe::trace::{Place, Say, Span, Step};
use crate::office::Office;
use crate::outbox::{self, OutboxError};
use crate::{params, sql};

/// For how long a receipt may settle an attempt whose answer was lost.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_hours(72);
/// How long staff have to look at a message that did not arrive (CLIN-07).
const LOOK_WITHIN: SignedDuration = SignedDuration::from_hours(4);

/// A receipt cannot be stored; the carrier is asked to send it again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Withdrawing what waited for an address that opted out.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// What became of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored, now or before.
    Stored,
    /// Nothing is stored. An attempt to this number has no answer yet, and the receipt may be about
    /// it: ask again when the answer is there. If this program ends before that, the carrier, who
    /// was not answered, delivers again, and then it can be told whose receipt it is.
    AwaitsAnswer,
    /// Nothing is stored: it is about no message of ours.
    Stranger,
}

/// What becomes of a receipt that is about no message we know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unmatched {
    /// It is kept by itself; the carrier's answer with its id may yet come.
    Keep,
    /// The same, but while such an answer is under way it waits for it.
    Wait,
    /// It is left.
    Leave,
}

/// Stores a receipt and what follows from it, in the caller's transaction. The same receipt again
/// changes nothing. Where it cannot wait for a carrier's answer it is kept by itself until then.
///
/// # Errors
/// [`ReceiptError`]; nothing is stored then.
pub fn record(
    tx: &mut Tx<'_>,
    office: &Office,
    told: &CarrierReceipt,
    may_wait: bool,
) -> Result<Recorded, ReceiptError> {
    let unmatched = if may_wait { Unmatched::Wait } else { Unmatched::Keep };
    store(tx, office, told, unmatched)
}

/// What a line of a carrier's own list says, as [`record`] stores a receipt. What is about nothing
/// of ours is not stored.
///
/// # Errors
/// [`ReceiptError`]; nothing is stored then.
pub fn record_listed(
    tx: &mut Tx<'_>,
    office: &Office,
    told: &CarrierReceipt,
) -> Result<Recorded, ReceiptError> {
    store(tx, office, told, Unmatched::Leave)
}

fn store(
    tx: &mut Tx<'_>,
    office: &Office,
    told: &CarrierReceipt,
    unmatched: Unmatched,
) -> Result<Recorded, ReceiptError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let adapter = told.adapter.as_str();
    lock(tx, office, told.adapter, &told.carrier_id)?;
    let mut lost_answer = false;
    let known = match receipt::part(tx, practice, adapter, &told.carrier_id)? {
        Some(part) => Some(part),
        None => match unanswered_part(tx, office, told, now)? {
            Unanswered::UnderWay if unmatched != Unmatched::Keep => {
                return Ok(Recorded::AwaitsAnswer);
            }
            Unanswered::Unknown if unmatched == Unmatched::Leave => return Ok(Recorded::Stranger),
            Unanswered::UnderWay | Unanswered::Unknown => None,
            Unanswered::This { part, whole } => {
                lost_answer = whole;
                Some(part)
            }
        },
    };
    let error = told.failure.as_ref().map(written);
    let id = ReceiptId::new(office.clock());
    let new = NewReceipt {
        id,
        adapter,
        carrier_id: &told.carrier_id,
        status: told.status.as_str(),
        error: error.as_deref(),
        attempt: known.as_ref().map(|part| part.attempt),
        occurred_at: told.occurred_at,
    };
    tx.behind(|tx| known.as_ref().map(|part| message::hold(tx, practice, part.message)));
    if !receipt::insert(tx, practice, &new, now)? {
        return Ok(Recorded::Stored);
    }
    let (metrics, status) = (office.metrics(), told.status.as_str());
    tx.after_commit(move || metrics.receipts.add([adapter, status]));
    match &known {
        Some(part) => {
            if office.traces().wanted() {
                let (office, message, receipt) = (office.clone(), part.message, id);
                let (carrier, status) = (told.adapter, told.status.as_str());
                tx.after_commit(move || {
                    let times = (now, office.clock().now());
                    let place = Place::of_message(message);
                    let span = Span::under(place, Step::Receipt, receipt.0, times);
                    let says = [Say::Adapter(carrier), Say::Outcome(status)];
                    office.traces().tell(span.saying(says));
                });
            }
            let failure = told.failure.clone();
            let report = Report { id, status: told.status, failure, lost_answer };
            apply(tx, office, part, &report, told.adapter)?;
        }
        // Before the carrier's answer: kept, and applied by `settle_early`.
        None => {
            let event = Event::new(Kind::ReceiptStored, Actor::carrier(adapter))
                .about(RECEIPT, id)
                .occurred_at(told.occurred_at)
                .code("before_the_answer");
            audit::append(tx, office, event)?;
        }
    }
    Ok(Recorded::Stored)
}

/// A carrier's answer and its receipt may be stored at the same instant on PostgreSQL. Each would
/// miss the other, and the receipt would never be applied; so they go one after the other. Call it
/// before anything is written, so that nobody who waits here holds a row.
///
/// # Errors
/// [`DbError`].
pub(crate) fn lock(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    carrier_id: &str,
) -> Result<(), DbError> {
    let name = format!("{} {carrier_id}", adapter.as_str());
    let [a, b, c, d, e, f, g, h, ..] =
        office.keys().content_hash("carrier id lock", name.as_bytes());
    tx.lock(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// [`lock`] for each part of a text, in one order whoever asks, so that nobody waits crosswise.
///
/// # Errors
/// [`DbError`].
pub(crate) fn lock_all(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    carrier_ids: &[String],
) -> Result<(), DbError> {
    let mut ids: Vec<&String> = carrier_ids.iter().collect();
    ids.sort_unstable();
    ids.into_iter().try_for_each(|id| lock(tx, office, adapter, id))
}

/// The receipts that came before the carrier's answer, each with its carrier's id.
///
/// # Errors
/// [`DbError`].
pub(crate) fn early(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    carrier_ids: &[String],
) -> Result<Vec<(String, Vec<Early>)>, DbError> {
    // Each id once: mail has one for all its parts.
    let ids: BTreeSet<&String> = carrier_ids.iter().collect();
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        let early = receipt::early(tx, office.practice(), adapter.as_str(), id)?;
        all.push((id.clone(), early));
    }
    Ok(all)
}

/// Applies them, now that it is known what they are about.
///
/// # Errors
/// [`OutboxError`].
pub(crate) fn settle_early(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    early: &[(String, Vec<Early>)],
) -> Result<(), OutboxError> {
    for (carrier_id, early) in early {
        apply_stored(tx, office, (adapter, carrier_id), early)?;
    }
    Ok(())
}

/// Applies the stored receipts of a carrier's id once more, where a part or its message was found
/// to disagree with them.
///
/// # Errors
/// [`OutboxError`].
pub(crate) fn apply_again(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    carrier_id: &str,
) -> Result<(), OutboxError> {
    lock(tx, office, adapter, carrier_id)?;
    let all = receipt::of_carrier_id(tx, office.practice(), adapter.as_str(), carrier_id)?;
    apply_stored(tx, office, (adapter, carrier_id), &all)
}

fn apply_stored(
    tx: &mut Tx<'_>,
    office: &Office,
    (adapter, carrier_id): (AdapterName, &str),
    stored: &[Early],
) -> Result<(), OutboxError> {
    let practice = office.practice();
    for early in stored {
        // Read again each time: the report before this one may have moved it.
        let Some(part) = receipt::part(tx, practice, adapter.as_str(), carrier_id)? else {
            return Ok(());
        };
        receipt::attach(tx, practice, early.id, part.attempt)?;
        let status = ReceiptStatus::ALL.into_iter().find(|s| s.as_str() == early.status);
        let Some(status) = status else { continue };
        let failure = early.error.as_deref().and_then(read);
        let report = Report { id: early.id, status, failure, lost_answer: false };
        apply(tx, office, &part, &report, adapter)?;
    }
    Ok(())
}

/// A message did not arrive, or nobody knows: a person is told (CLIN-07). Once a message.
///
/// # Errors
/// [`OutboxError`].
pub(crate) fn ask_staff(
    tx: &mut Tx<'_>,
    office: &Office,
    id: MessageId,
    kind: FailureKind,
) -> Result<(), OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let Some(stored) = message::find(tx, practice, id)? else { return Ok(()) };
    if !open_about(tx, office, id)?.is_empty() {
        return Ok(());
    }
    let task = TaskId::new(office.clock());
    let due = now.checked_add(LOOK_WITHIN).unwrap_or(Timestamp::MAX);
    tx.execute(
        sql!(
            "INSERT INTO task (practice_id, id, kind, urgent, patient_id, message_id,
                 appointment_id, due_at, state, created_at)
             VALUES ($1, $2, 'delivery', 0, $3, $4, $5, $6, 'open', $7)"
        ),
        params![practice, task, stored.patient, id, stored.appointment, due, now],
    )?;
    tx.touch(TASK, task.to_string());
    let event = Event::new(Kind::TaskChanged, Actor::service("receipts"))
        .about(TASK, task)
        .patient(stored.patient)
        .correlation(id)
        .code("opened")
        .code(kind.as_str());
    audit::append(tx, office, event)?;
    Ok(())
}

/// The message left after all, or arrived after all: what [`ask_staff`] opened has nothing left to do.
///
/// # Errors
/// [`OutboxError`].
pub(crate) fn spare_staff(
    tx: &mut Tx<'_>,
    office: &Office,
    id: MessageId,
) -> Result<(), OutboxError> {
    let actor = Actor::service("receipts");
    for task in open_about(tx, office, id)? {
        tasks::complete(tx, office, task, TaskOutcome::Nothing, &actor)?;
    }
    Ok(())
}

/// The open tasks that say that this message did not arrive, or that nobody knows.
fn open_about(tx: &mut Tx<'_>, office: &Office, id: MessageId) -> Result<Vec<TaskId>, DbError> {
    let all = task::about_message(tx, office.practice(), id)?;
    let asks = |row: &TaskRow| row.kind == TaskKind::Delivery && row.state == TaskState::Open;
    Ok(all.into_iter().filter(asks).map(|row| row.id).collect())
}

/// What a failure says about the address becomes a fact, in the same transaction.
///
/// # Errors
/// [`OutboxError`].
pub(crate) fn apply_effect(
    tx: &mut Tx<'_>,
    office: &Office,
    id: MessageId,
    kind: FailureKind,
) -> Result<(), OutboxError> {
    let Some(stored) = message::find(tx, office.practice(), id)? else { return Ok(()) };
    match kind.effect() {
        Effect::None => Ok(()),
        Effect::OptedOut => opted_out(tx, office, &stored),
        effect @ (Effect::BadAddress | Effect::Landline) => {
            address_failed(tx, office, &stored, effect)
        }
    }
}

/// A report, with the row it is kept in.
struct Report {
    id: ReceiptId,
    status: ReceiptStatus,
    failure: Option<Failure>,
    /// It stands for the carrier's answer, which was lost: with this part the whole text has left.
    lost_answer: bool,
}

fn apply(
    tx: &mut Tx<'_>,
    office: &Office,
    part: &KnownPart,
    report: &Report,
    adapter: AdapterName,
) -> Result<(), OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let next = match report.status {
        ReceiptStatus::Delivered => Some(PartState::Delivered),
        ReceiptStatus::Undelivered | ReceiptStatus::Rejected | ReceiptStatus::Expired => {
            Some(PartState::Undelivered)
        }
        ReceiptStatus::EnRoute | ReceiptStatus::Unknown | ReceiptStatus::Complaint => None,
    };
    // The reports of two parts at one instant go one after the other, or each would count the other
    // part as still on its way.
    let stored = message::hold(tx, practice, part.message)?;
    if let Some(next) = next.filter(|next| part.state.may_become(*next)) {
        receipt::set_part(tx, practice, part, next, now)?;
    }
    let failed = report.failure.as_ref().map(|failure| failure.kind);
    let patient = stored.as_ref().and_then(|stored| stored.patient);
    let was = stored.as_ref().map(|stored| stored.state);
    // While a part of an uncertain attempt has no id, nobody knows whether it left.
    let moves = |stored: &Stored| report.lost_answer || stored.state != State::Uncertain;
    let moved = match stored.filter(moves) {
        Some(stored) => move_message(tx, office, &stored, part.attempt, adapter)?,
        None => None,
    };
    let mut event = Event::new(Kind::ReceiptStored, Actor::carrier(adapter.as_str()))
        .about(RECEIPT, report.id)
        .patient(patient)
        .correlation(part.attempt)
        .code(report.status.as_str());
    if let Some(kind) = failed {
        event = event.outcome(audit::Outcome::Failed).code(kind.as_str());
    }
    audit::append(tx, office, event)?;
    if let Some(kind) = failed {
        apply_effect(tx, office, part.message, kind)?;
    }
    let doubted = matches!(was, Some(State::Uncertain | State::Undelivered));
    if doubted && matches!(moved, Some(State::Sent | State::Delivered)) {
        spare_staff(tx, office, part.message)?;
    }
    if moved == Some(State::Undelivered) {
        ask_staff(tx, office, part.message, failed.unwrap_or(FailureKind::Rejected))?;
    }
    Ok(())
}

/// The message's state from those of its parts. Answers with the state it came to, if it moved.
fn move_message(
    tx: &mut Tx<'_>,
    office: &Office,
    stored: &Stored,
    attempt: AttemptId,
    adapter: AdapterName,
) -> Result<Option<State>, OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let (accepted, delivered, undelivered) = receipt::count_parts(tx, practice, attempt)?;
    let to = match (accepted, delivered, undelivered) {
        (_, _, 1..) => State::Undelivered,
        (0, 1.., 0) => State::Delivered,
        // Any report proves that the carrier had it.
        _ => State::Sent,
    };
    if stored.state == State::Uncertain {
        let end = End { outcome: Outcome::Accepted, failure: None, transport: None };
        attempt::finish(tx, practice, attempt, &end, now)?;
        let event = Event::new(Kind::AttemptSettled, Actor::carrier(adapter.as_str()))
            .about(crate::db::registry::MESSAGE, stored.id)
            .correlation(attempt);
        let change = Change { id: stored.id, from: stored.state, to, refusals: &[] };
        let moved = message::change_state(tx, practice, &change, now)?;
        audit::append(tx, office, event)?;
        return Ok(moved.then_some(to));
    }
    let change = Change { id: stored.id, from: stored.state, to, refusals: &[] };
    audit::read_behind(tx, office, crate::db::registry::MESSAGE, stored.id.to_string());
    Ok(message::change_state(tx, practice, &change, now)?.then_some(to))
}

/// Which attempt a receipt with an unknown id can be about.
enum Unanswered {
    /// The one whose answer was lost, with the carrier's id now. `whole`: with it every part of the
    /// text is known to have left.
    This { part: KnownPart, whole: bool },
    /// One that may yet be answered, for all we know.
    UnderWay,
    /// Nobody can tell.
    Unknown,
}

/// The part of an attempt whose answer was lost, and with it the carrier's id, if this receipt can
/// only be about that one: the same adapter and address, exactly one uncertain attempt with a part
/// nobody has spoken of, and none that may yet be answered.
fn unanswered_part(
    tx: &mut Tx<'_>,
    office: &Office,
    told: &CarrierReceipt,
    now: Timestamp,
) -> Result<Unanswered, ReceiptError> {
    let Some(address) = &told.to else { return Ok(Unanswered::Unknown) };
    let (practice, adapter) = (office.practice(), told.adapter.as_str());
    let index = office.address_index(address);
    let since = now.checked_sub(SETTLES_WITHIN).unwrap_or(Timestamp::MIN);
    let open = receipt::unanswered(tx, practice, adapter, &index, since)?;
    if open.iter().any(|(_, _, outcome)| outcome != Outcome::Uncertain.as_str()) {
        return Ok(Unanswered::UnderWay);
    }
    let &[(id, message, _)] = open.as_slice() else { return Ok(Unanswered::Unknown) };
    // Nobody could tell whose it was when it came first, and what was open then may be settled now:
    // that only one is left proves nothing.
    if !receipt::early(tx, practice, adapter, &told.carrier_id)?.is_empty() {
        return Ok(Unanswered::Unknown);
    }
    let (accepted, delivered, undelivered) = receipt::count_parts(tx, practice, id)?;
    let number = accepted + delivered + undelivered + 1;
    let Some(of) = parts_of(tx, office, told.adapter, message)?.filter(|of| number <= *of) else {
        return Ok(Unanswered::Unknown);
    };
    let part = Part { attempt: id, number, adapter, carrier_id: &told.carrier_id };
    attempt::add_part(tx, practice, &part, now)?;
    let part = KnownPart { attempt: id, number, state: PartState::Accepted, message };
    Ok(Unanswered::This { part, whole: number == of })
}

/// For how many parts the carrier gives an id, and a receipt, if a message goes by this adapter.
/// None where its text cannot be read any more.
fn parts_of(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    id: MessageId,
) -> Result<Option<u32>, DbError> {
    if adapter != AdapterName::SmsSmpp {
        return Ok(Some(1));
    }
    let Some(stored) = message::find(tx, office.practice(), id)? else { return Ok(None) };
    let Ok(content) = outbox::store::open_content(office, &stored) else { return Ok(None) };
    let draft = stored.draft(&content);
    Ok(draft.and_then(|draft| u32::try_from(smpp::count(&draft.content.body).parts).ok()))
}

/// The person told the carrier to stop: mirrored, not fought (TEL-18), and what waits is withdrawn.
fn opted_out(tx: &mut Tx<'_>, office: &Office, stored: &Stored) -> Result<(), OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    // TEL-14: a stop to a text stops all automated messages; a complaint about mail is about mail.
    let channel = (stored.channel == Channel::Email).then_some(Channel::Email);
    let past = suppression::of_address(tx, practice, &stored.address_index)?;
    let last = past.iter().rev().find(|row| row.event != SuppressionKind::Confirmed);
    let known = last.is_some_and(|row| {
        row.event == SuppressionKind::OptOut
            && row.kind.is_none()
            && (row.channel.is_none() || row.channel == channel)
    });
    if known {
        return Ok(());
    }
    let actor = Actor::service("receipts");
    let row = SuppressionRow {
        id: office.clock().new_id(),
        address_index: stored.address_index.to_vec(),
        event: SuppressionKind::OptOut,
        channel,
        kind: None,
        source: SuppressionSource::Carrier,
        inbound_id: None,
        recorded_by: actor.to_string(),
        occurred_at: now,
    };
    suppression::add(tx, practice, &row)?;
    let event = Event::new(Kind::OptedOut, actor.clone())
        .about(SUPPRESSION_EVENT, row.id)
        .patient(stored.patient)
        .to(stored.channel, stored.address_index)
        .code("carrier");
    audit::append(tx, office, event)?;
    outbox::cancel(tx, office, &Which::Address(stored.address_index), &actor, "opted_out")?;
    Ok(())
}

/// The carrier says that an address does not exist, or that it is a landline.
fn address_failed(
    tx: &mut Tx<'_>,
    office: &Office,
    stored: &Stored,
    effect: Effect,
) -> Result<(), OutboxError> {
    let (practice, now) = (office.practice(), office.clock().now());
    for mut row in contact_point::by_address(tx, practice, &stored.address_index)? {
        let code = match effect {
            Effect::Landline if row.line != Line::Landline => {
                row.line = Line::Landline;
                "landline"
            }
            Effect::BadAddress if row.dead.is_none() => {
                (row.dead, row.dead_at) = (Some(Dead::Bounced), Some(now));
                "bounced"
            }
            _ => continue,
        };
        row.updated_at = now;
        contact_point::put(tx, practice, &row)?;
        let event = Event::new(Kind::PatientChanged, Actor::service("receipts"))
            .about(CONTACT_POINT, row.id)
            .patient(row.patient_id)
            .to(stored.channel, stored.address_index)
            .code(code);
        audit::append(tx, office, event)?;
    }
    Ok(())
}

/// A failure as its column holds it.
fn written(failure: &Failure) -> String {
    match &failure.code {
        Some(code) => format!("{}:{code}", failure.kind.as_str()),
        None => failure.kind.as_str().to_owned(),
    }
}

fn read(text: &str) -> Option<Failure> {
    let (kind, code) = text.split_once(':').unwrap_or((text, ""));
    FailureKind::from_word(kind).map(|kind| Failure::coded(kind, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_survive_their_column() {
        for kind in FailureKind::ALL {
            for failure in [Failure::new(*kind), Failure::coded(*kind, "5.1.1")] {
                assert_eq!(read(&written(&failure)), Some(failure));
            }
        }
        assert_eq!(read("nonsense"), None);
    }
}
