//! A message from outside: stored once, read, and acted on, in one transaction.

use std::fmt::Write as _;

use gate::{Address, AppointmentId, Channel, PatientId};
use jiff::Timestamp;
use jiff::civil::Date;

use super::content;
use super::effects;
use super::intent::{self, Intent, Reading};
use super::repeated;
use super::who;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::channels::{Reply, Unnamed};
use crate::conversations::tasks::TaskError;
use crate::conversations::threads::{self, ThreadError};
use crate::conversations::{about, inbox};
use crate::db::inbound_message::{self, NewInbound, Read};
use crate::db::registry::INBOUND_MESSAGE;
use crate::db::thread::With;
use crate::db::{DbError, Tx};
use crate::facts::FactsError;
use crate::ids::{ConversationId, Id as _, InboundId};
use crate::intake::IntakeError;
use crate::office::Office;
use crate::outbox::OutboxError;
use crate::retention::birth_date;
use crate::schedule::ScheduleError;

/// A message as an adapter hands it over.
#[derive(Clone)]
pub struct Arrival {
    /// Which adapter.
    pub adapter: &'static str,
    /// The carrier's id, or a digest: the same arrival twice has the same.
    pub carrier_id: String,
    /// By which channel.
    pub channel: Channel,
    /// From.
    pub from: Address,
    /// Our number or mailbox.
    pub to: String,
    /// The text. PHI.
    pub body: String,
    /// When it came.
    pub received_at: Timestamp,
    /// Parts of the text did not come.
    pub incomplete: bool,
    /// Set where the carrier gives no id.
    pub unnamed: Option<Unnamed>,
}

impl Arrival {
    /// What an adapter told, at the instant at which it did.
    #[must_use]
    pub fn of(reply: Reply, now: Timestamp) -> Self {
        Self {
            adapter: reply.adapter.as_str(),
            carrier_id: reply.carrier_id,
            channel: reply.channel,
            from: reply.from,
            to: reply.to,
            body: reply.body,
            received_at: now,
            incomplete: reply.incomplete,
            unnamed: reply.unnamed,
        }
    }
}

impl std::fmt::Debug for Arrival {
    /// Never shows the words or the addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival")
            .field("adapter", &self.adapter)
            .field("channel", &self.channel)
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

/// What a message did, in a word (the column `effect`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Staff were alarmed (CLIN-01).
    Emergency,
    /// The number is off (TEL-10).
    OptedOut,
    /// The number was off already.
    StillOptedOut,
    /// The number is on again (TEL-18).
    OptedIn,
    /// The number is somebody else's (TEL-19).
    WrongNumber,
    /// The appointment is confirmed.
    Confirmed,
    /// The patient cannot come.
    Declined,
    /// The patient wants another time.
    Reschedule,
    /// A nurse got a task (CLIN-05).
    ClinicalQuestion,
    /// Who we are, and how to stop.
    Helped,
    /// Staff got a task to read it.
    Task,
    /// Staff got a task to find out whose or which appointment it is about.
    Unclear,
    /// Part of it is missing: staff got a task to ask for it.
    Incomplete,
    /// Kept in its thread; nothing to do.
    Kept,
    /// Another machine's automatic answer: kept, never answered.
    Automatic,
}

impl Effect {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::OptedOut => "opted_out",
            Self::StillOptedOut => "still_opted_out",
            Self::OptedIn => "opted_in",
            Self::WrongNumber => "wrong_number",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Reschedule => "reschedule",
            Self::ClinicalQuestion => "clinical_question",
            Self::Helped => "helped",
            Self::Task => "task",
            Self::Unclear => "unclear",
            Self::Incomplete => "incomplete",
            Self::Kept => "kept",
            Self::Automatic => "automatic",
        }
    }

    /// Whether it changed what is so until the next such word: of several the last one counts.
    pub(super) fn holds(word: &str) -> bool {
        const HOLD: [Effect; 7] = [
            Effect::OptedOut,
            Effect::StillOptedOut,
            Effect::OptedIn,
            Effect::WrongNumber,
            Effect::Confirmed,
            Effect::Declined,
            Effect::Reschedule,
        ];
        HOLD.iter().any(|effect| effect.as_str() == word)
    }
}

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is new.
    New {
        /// Its row.
        inbound: InboundId,
        /// What it did first and foremost.
        effect: Effect,
        /// From whom, where that is sure.
        patient: Option<PatientId>,
        /// Which appointment it is about.
        appointment: Option<AppointmentId>,
    },
    /// It was stored before, and nothing was done again.
    Repeated {
        /// Its row.
        inbound: InboundId,
    },
}

/// An arrival cannot be stored; the carrier must deliver it again.
#[derive(Debug, thiserror::Error)]
pub enum InboundError {
    /// A thread.
    #[error(transparent)]
    Thread(#[from] ThreadError),
    /// A task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// An answer.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// What waits could not be withdrawn.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A key is missing or was destroyed.
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    /// The clock reads a time beyond the calendar.
    #[error(transparent)]
    Month(#[from] seal::MonthError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// The most characters of a text that are read. A longer one is kept whole.
const MOST_READ: usize = 8_000;

/// One arrival on its way through the rules.
pub(super) struct Case<'a> {
    pub(super) office: &'a Office,
    pub(super) arrival: &'a Arrival,
    pub(super) inbound: InboundId,
    pub(super) index: [u8; 32],
    pub(super) reading: Reading,
    pub(super) text: &'a str,
    pub(super) sender: who::Sender,
    pub(super) conversation: ConversationId,
    pub(super) now: Timestamp,
    pub(super) known: &'a Known,
}

/// What is known of an arrival beside its words.
pub(super) enum Known {
    /// Nothing: it is of whoever has the address.
    Nothing,
    /// Who wrote proved that they are this patient, or act for them.
    Proved(PatientId, Actor),
    /// Somebody took it down of a call.
    TakenDown(TakenDown),
}

/// Who took a call down, and what they heard that no reading of the words may overrule.
pub(super) struct TakenDown {
    /// Who.
    pub by: Actor,
    /// What the caller said: the arrival's body also holds who called. PHI.
    pub words: String,
    /// It cannot wait.
    pub urgent: bool,
    /// They want no more texts and automated calls at this number (TEL-11).
    pub stops: bool,
}

impl Case<'_> {
    pub(super) fn has(&self, intent: Intent) -> bool {
        self.reading.intents.contains(&intent)
    }

    /// The patient, or the adapter where nobody knows which patient it is.
    pub(super) fn actor(&self) -> Actor {
        match self.known {
            Known::Proved(_, actor) => actor.clone(),
            Known::TakenDown(taken) => taken.by.clone(),
            Known::Nothing => self
                .sender
                .patient()
                .map_or_else(|| Actor::carrier(self.arrival.adapter), Actor::patient),
        }
    }
}

/// Stores a message and does what it asks: emergency before all else, then the order of TEL-19.
/// The same arrival twice is stored and acted on once.
///
/// # Errors
/// [`InboundError`]; the caller's transaction must then be given up, and the carrier not answered.
pub fn receive(
    tx: &mut Tx<'_>,
    office: &Office,
    arrival: Arrival,
) -> Result<Received, InboundError> {
    let index = office.address_index(&arrival.from);
    take(tx, office, arrival, (index, Known::Nothing))
}

/// The same for a call that somebody took down (BAA-07). People act on it: this program pages them
/// about danger, and answers nobody.
///
/// # Errors
/// [`InboundError`]; nothing is then stored, and whoever took it down is told so.
pub(super) fn receive_call(
    tx: &mut Tx<'_>,
    office: &Office,
    arrival: Arrival,
    taken: TakenDown,
) -> Result<Received, InboundError> {
    let index = office.address_index(&arrival.from);
    take(tx, office, arrival, (index, Known::TakenDown(taken)))
}

/// The same for what somebody wrote at the window, who has proved who they are: it is about that
/// patient, whatever addresses are on file.
///
/// # Errors
/// [`InboundError`]; nothing is then stored, and whoever wrote is told so.
pub fn receive_from(
    tx: &mut Tx<'_>,
    office: &Office,
    arrival: Arrival,
    (patient, actor): (PatientId, Actor),
) -> Result<Received, InboundError> {
    // All of a patient's portal is one thread of its own.
    let index = office.keys().blind_index("portal", patient.to_string().as_bytes());
    take(tx, office, arrival, (index, Known::Proved(patient, actor)))
}

fn take(
    tx: &mut Tx<'_>,
    office: &Office,
    mut arrival: Arrival,
    (index, known): ([u8; 32], Known),
) -> Result<Received, InboundError> {
    let practice = office.practice();
    let now = office.clock().now();
    if let Some(inbound) = repeated::known(tx, office, &mut arrival, &index)? {
        return Ok(Received::Repeated { inbound });
    }
    let inbound = InboundId::new(office.clock());
    let proved = match &known {
        Known::Proved(patient, _) => Some(*patient),
        Known::Nothing | Known::TakenDown(_) => None,
    };
    let (sender, born) = match proved {
        Some(patient) => (who::Sender::One(patient), birth_date(tx, office, Some(patient))?),
        None => who::sender(tx, office, &index, now)?,
    };
    if !store(tx, office, &arrival, (inbound, born), index)? {
        let known =
            inbound_message::by_carrier_id(tx, practice, arrival.adapter, &arrival.carrier_id)?;
        return Ok(Received::Repeated { inbound: known.unwrap_or(inbound) });
    }
    let said = match &known {
        Known::TakenDown(taken) => &taken.words,
        Known::Nothing | Known::Proved(..) => &arrival.body,
    };
    let end = said.char_indices().nth(MOST_READ).map_or(said.len(), |(at, _)| at);
    let text = said.get(..end).unwrap_or_default();
    let conversation =
        threads::continue_or_open(tx, office, sender.patient(), arrival.channel, index)?;
    if let Some(patient) = sender.patient().filter(|_| proved.is_none()) {
        inbox::number_is_of(tx, office, index, patient)?;
    }
    let case = Case {
        office,
        arrival: &arrival,
        inbound,
        index,
        reading: read(text, arrival.incomplete),
        text,
        sender,
        conversation,
        now,
        known: &known,
    };
    let mut intents = String::new();
    for intent in &case.reading.intents {
        let gap = if intents.is_empty() { "" } else { " " };
        let _ = write!(intents, "{gap}{}", word_of(*intent));
    }
    let event = Event::new(Kind::InboundReceived, case.actor())
        .about(INBOUND_MESSAGE, inbound)
        .patient(case.sender.patient())
        .content(office.keys().content_hash("inbound", arrival.body.as_bytes()))
        .occurred_at(arrival.received_at);
    audit::append(tx, office, event)?;
    let done = effects::apply(tx, &case)?;
    let read = Read {
        patient: case.sender.patient().or(done.patient),
        intents: &intents,
        effect: done.effect.as_str(),
        appointment: done.appointment,
        conversation,
    };
    inbound_message::settle(tx, practice, inbound, &read)?;
    let with = read.patient.map_or(With::Address(index), With::Patient);
    let about = about::heard(office, &intents, Some(text));
    inbox::heard(tx, office, with, (inbound, arrival.channel, arrival.received_at), about)?;
    let event = Event::new(Kind::InboundReceived, Actor::service("inbound"))
        .about(INBOUND_MESSAGE, inbound)
        .patient(read.patient)
        .code(done.effect.as_str());
    audit::append(tx, office, event)?;
    let (effect, patient, appointment) = (done.effect, read.patient, done.appointment);
    let (metrics, intents) = (office.metrics(), case.reading.intents.clone());
    tx.after_commit(move || {
        intents.iter().for_each(|intent| metrics.intents.add([word_of(*intent)]));
        metrics.effects.add([effect.as_str()]);
    });
    Ok(Received::New { inbound, effect, patient, appointment })
}

/// What a text says. Of a text of which a part is missing only what must not wait is taken: what it
/// seems to answer may be the contrary of what was written ("I will come | only if …").
fn read(text: &str, incomplete: bool) -> Reading {
    let mut reading = intent::classify(text);
    if incomplete {
        reading.intents.retain(|intent| {
            matches!(intent, Intent::Emergency | Intent::OptOut | Intent::QuestionClinical)
        });
        if reading.intents.is_empty() {
            reading.intents.push(Intent::Other);
            reading.exact_keyword = None;
        }
    }
    reading
}

/// Seals and stores. False when the same arrival is there already.
fn store(
    tx: &mut Tx<'_>,
    office: &Office,
    arrival: &Arrival,
    (id, born): (InboundId, Option<Date>),
    from_index: [u8; 32],
) -> Result<bool, InboundError> {
    let sealed = content::seal(office, (id, born), arrival)?;
    let new = NewInbound {
        id,
        adapter: arrival.adapter,
        carrier_id: &arrival.carrier_id,
        channel: arrival.channel,
        from_index,
        content_sealed: sealed.body.as_bytes(),
        record_wrap: sealed.record_wrap.as_bytes(),
        received_at: arrival.received_at,
    };
    Ok(inbound_message::insert(tx, office.practice(), &new)?)
}

/// The public contract's word (DESIGN §5).
const fn word_of(intent: Intent) -> &'static str {
    match intent {
        Intent::Emergency => "emergency",
        Intent::WrongNumber => "wrong_number",
        Intent::OptOut => "opt_out",
        Intent::OptIn => "opt_in",
        Intent::QuestionClinical => "question_clinical",
        Intent::Reschedule => "reschedule",
        Intent::DeclineOrCancel => "decline_or_cancel",
        Intent::Confirm => "confirm",
        Intent::Help => "help",
        Intent::QuestionAdmin => "question_admin",
        Intent::Thanks => "thanks",
        Intent::Other => "other",
    }
}
