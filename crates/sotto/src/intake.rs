//! A request becomes a draft, the gate is asked, and the answer is stored: message, outbox row and
//! audit entry in one transaction. The API, reminders and every automatic answer come through here.

use gate::facts::Alternative;
use gate::{
    Address, AddressKind, AppointmentId, Binding, Channel, Cleared, Code, ContactPointId, Content,
    Decision, Draft, Facts, Kind, Language, MessageId, Origin, PatientId, Purpose, Reason,
    Redirect, Refusal,
};
use jiff::Timestamp;

use crate::audit::event::Sent;
use crate::audit::{self, Actor, AuditError, EntryId, Event};
use crate::compose::{self, ComposeError, Values};
use crate::db::message::{self, NewMessage, State};
use crate::db::outbox::OutboxRow;
use crate::db::{DbError, Tx};
use crate::facts::{self, FactsError, Subject};
use crate::ids::{Id as _, InboundId};
use crate::office::Office;
use crate::outbox::store;
use crate::people::contact_points::{self, ContactPointError};

/// What someone asks to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id of the message; the same id twice is one message.
    pub message: MessageId,
    /// About whom, as this transaction sees them. None only for an answer to a number nobody knows.
    pub patient: Option<Subject>,
    /// By which channel.
    pub channel: Wanted,
    /// Where to, when it is an answer to exactly this address; otherwise the address on file.
    pub to: Option<Address>,
    /// Which of RULEBOOK §12.
    pub kind: Kind,
    /// Why.
    pub purpose: Purpose,
    /// Who or what asked.
    pub origin: Origin,
    /// What.
    pub words: Words,
    /// In which language; the patient's own where none is given.
    pub language: Option<Language>,
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// The message it answers.
    pub inbound: Option<InboundId>,
    /// Useless after this instant.
    pub useless_after: Option<Timestamp>,
    /// Who asked, for the audit log.
    pub actor: Actor,
}

/// By which channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The patient's preference, else the first that has an address on file: text, email, portal.
    Auto,
    /// This one.
    Channel(Channel),
}

/// What.
#[derive(Debug, Clone)]
pub enum Words {
    /// The template of the kind, the channel and the language, filled with these values.
    Template {
        /// Values by variable.
        values: Values,
    },
    /// Words a person typed.
    Typed {
        /// Email only.
        subject: Option<String>,
        /// The text.
        body: String,
    },
}

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// It waits in the outbox.
    Accepted {
        /// The message.
        message: MessageId,
        /// The audit entry of its clearance.
        clearance: EntryId,
        /// Not before this instant.
        not_before: Option<Timestamp>,
    },
    /// The body went to the portal, a notice waits for the channel.
    Redirected {
        /// The message that holds the body.
        portal: MessageId,
        /// The message that holds the notice.
        notice: MessageId,
        /// Why the channel could not carry the body.
        because: Vec<Reason>,
    },
    /// The gate said no. The refusal is on record.
    Refused {
        /// The refused message.
        message: MessageId,
        /// Every check in the way.
        refusal: Refusal,
    },
}

/// A request cannot be decided; nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The words do not fit the template.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// Facts cannot be loaded.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// An address on file cannot be read.
    #[error(transparent)]
    ContactPoint(#[from] ContactPointError),
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

/// Decides a request, and stores the decision with everything that follows from it.
///
/// # Errors
/// [`IntakeError`]; the caller's transaction must then be given up.
pub fn accept(tx: &mut Tx<'_>, office: &Office, request: Request) -> Result<Answer, IntakeError> {
    let now = office.clock().now();
    let subject = request.patient.as_ref();
    let (channel, target) = aim(tx, office, &request, now)?;
    let language =
        request.language.or_else(|| subject.and_then(|s| s.language)).unwrap_or(Language::English);
    let mut early: Vec<Reason> = Vec::new();
    let content = match words(office, &request, channel, language) {
        Ok(content) => content,
        Err(ComposeError::NoTranslation { .. }) => {
            early.push(Reason::new(
                Code::TranslationMissing,
                "there is no template of this kind in the patient's language",
            ));
            Content {
                subject: None,
                body: String::new(),
                fields: Vec::new(),
                template: None,
                language,
            }
        }
        Err(error) => return Err(error.into()),
    };
    let (address, contact_point) = target.unwrap_or_else(|| {
        early.push(Reason::new(Code::NoAddress, "no address for this channel is on file"));
        (Address::Portal, None)
    });
    let draft = Draft {
        message: request.message,
        practice: office.practice(),
        patient: subject.map(|s| s.id),
        contact_point,
        address,
        channel,
        kind: request.kind,
        purpose: request.purpose,
        origin: request.origin,
        content,
        useless_after: request.useless_after,
    };
    if let Some(refusal) = Refusal::from_reasons(early) {
        return refuse(tx, office, &request, &draft, refusal, now);
    }
    let facts = facts::load(tx, office, &draft, subject, now)?;
    let kept = draft.clone();
    match gate::clear(draft, &facts, &office.policy(), now) {
        Decision::Clear(cleared) => enqueue(tx, office, &request, &cleared, &facts, now),
        Decision::Refuse(refusal) => refuse(tx, office, &request, &kept, refusal, now),
        Decision::Redirect(redirect) => split(tx, office, &request, &kept, *redirect, now),
    }
}

type Target = (Address, Option<ContactPointId>);

/// Chooses the channel and the contact point. An alternative contact beats the chart (PRIV-05).
fn aim(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    now: Timestamp,
) -> Result<(Channel, Option<Target>), IntakeError> {
    if let (Some(to), Wanted::Channel(channel)) = (&request.to, request.channel) {
        let known = match request.patient.as_ref().map(|s| s.id) {
            Some(patient) => contact_points::of_patient_at(
                tx,
                office.practice(),
                patient,
                &office.address_index(to),
            )?,
            None => None,
        };
        return Ok((channel, Some((to.clone(), known))));
    }
    let Some(patient) = request.patient.as_ref().map(|s| s.id) else {
        return Ok((single(request.channel), None));
    };
    let wanted: Vec<Channel> = match request.channel {
        Wanted::Channel(channel) => vec![channel],
        Wanted::Auto => {
            let preferred = contact_points::preferred_channel(tx, office.practice(), patient)?;
            let usual = [Channel::Sms, Channel::Email, Channel::Portal];
            preferred
                .into_iter()
                .chain(usual.into_iter().filter(|c| Some(*c) != preferred))
                .collect()
        }
    };
    let alternatives = facts::alternatives(tx, office, Some(patient), now)?;
    for channel in &wanted {
        if let Some(target) = target_on(tx, office, patient, *channel, &alternatives, now)? {
            return Ok((*channel, Some(target)));
        }
    }
    Ok((wanted.first().copied().unwrap_or(Channel::Portal), None))
}

const fn single(wanted: Wanted) -> Channel {
    match wanted {
        Wanted::Channel(channel) => channel,
        Wanted::Auto => Channel::Portal,
    }
}

fn target_on(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    channel: Channel,
    alternatives: &[Alternative],
    now: Timestamp,
) -> Result<Option<Target>, IntakeError> {
    let kind = match channel {
        Channel::Portal => return Ok(Some((Address::Portal, None))),
        Channel::Email => AddressKind::Email,
        Channel::Sms
        | Channel::Voicemail
        | Channel::RinglessVoicemail
        | Channel::LiveVoiceVerified
        | Channel::LiveVoiceUnverified => AddressKind::Phone,
    };
    // The one recorded last speaks for the channel.
    let governed =
        alternatives.iter().rev().find(|a| a.channel.is_none_or(|governed| governed == channel));
    let wanted = match governed {
        Some(Alternative { use_instead: None, .. }) => return Ok(None),
        Some(Alternative { use_instead: Some(id), .. }) => Some(*id),
        None => None,
    };
    let all = contact_points::usable(tx, office.keys(), office.practice(), (patient, kind), now)?;
    let chosen = match wanted {
        Some(id) => all.into_iter().find(|point| point.id == id),
        None => contact_points::best_for(all, channel),
    };
    Ok(chosen.map(|point| (point.address, Some(point.id))))
}

fn words(
    office: &Office,
    request: &Request,
    channel: Channel,
    language: Language,
) -> Result<Content, ComposeError> {
    match &request.words {
        Words::Template { values } => {
            compose::render(&office.templates(), request.kind, channel, language, values)
        }
        Words::Typed { subject, body } => Ok(Content {
            subject: subject.clone(),
            body: body.clone(),
            fields: Vec::new(),
            template: None,
            language,
        }),
    }
}

/// The gate said yes: message, outbox row and audit entry, and the bell after the commit.
fn enqueue(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    cleared: &Cleared,
    facts: &Facts,
    now: Timestamp,
) -> Result<Answer, IntakeError> {
    let draft = cleared.draft();
    let basis = cleared.basis();
    let send_at = basis.not_before.unwrap_or(now);
    let clearance = EntryId::new(office.clock());
    insert(
        tx,
        office,
        request,
        draft,
        &Outcome { state: State::Queued, cleared: Some((cleared, clearance)), codes: &[], send_at },
        now,
    )?;
    let carrier = facts.vendor.get().map(|vendor| vendor.adapter.clone());
    let adapter = carrier.unwrap_or_else(|| draft.channel.as_str().to_owned());
    store::put(
        tx,
        office,
        &OutboxRow {
            practice: office.practice(),
            message: draft.message,
            adapter,
            due_at: send_at,
            attempts: 0,
            leased_until: None,
            lease_owner: None,
        },
    )?;
    let sent = sent(office, draft, Some(cleared.binding(office.binding_key())));
    audit::append_as(
        tx,
        office,
        clearance,
        Event::message_cleared(request.actor.clone(), cleared, sent),
    )?;
    store::ring(tx, office);
    Ok(Answer::Accepted { message: draft.message, clearance, not_before: basis.not_before })
}

/// Too much for the channel: the body to the portal, a safe notice to the channel. Where either is
/// refused, the request as a whole is refused for the reasons it had at first.
fn split(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    asked: &Draft,
    redirect: Redirect,
    now: Timestamp,
) -> Result<Answer, IntakeError> {
    let Redirect { body, mut notice, because } = redirect;
    notice.message = MessageId(office.clock().new_id());
    let policy = office.policy();
    let mut cleared = Vec::with_capacity(2);
    for draft in [body, notice] {
        let facts = facts::load(tx, office, &draft, request.patient.as_ref(), now)?;
        match gate::clear(draft, &facts, &policy, now) {
            Decision::Clear(one) => cleared.push((one, facts)),
            Decision::Redirect(_) | Decision::Refuse(_) => {
                let refusal = Refusal::from_reasons(because).unwrap_or_else(|| {
                    Refusal::one(Reason::new(Code::ContentBlocked, "too much for this channel"))
                });
                return refuse(tx, office, request, asked, refusal, now);
            }
        }
    }
    let mut ids = Vec::with_capacity(2);
    for (one, facts) in &cleared {
        ids.push(one.draft().message);
        enqueue(tx, office, request, one, facts, now)?;
    }
    let notice = ids.pop().unwrap_or(asked.message);
    Ok(Answer::Redirected { portal: asked.message, notice, because })
}

/// The gate said no: the refused message and the reasons are on record all the same.
fn refuse(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    draft: &Draft,
    refusal: Refusal,
    now: Timestamp,
) -> Result<Answer, IntakeError> {
    let codes: Vec<Code> = refusal.reasons().map(|reason| reason.code).collect();
    insert(
        tx,
        office,
        request,
        draft,
        &Outcome { state: State::Refused, cleared: None, codes: &codes, send_at: now },
        now,
    )?;
    let event =
        Event::message_refused(request.actor.clone(), draft, &refusal, sent(office, draft, None));
    audit::append(tx, office, event)?;
    Ok(Answer::Refused { message: draft.message, refusal })
}

/// The keyed hashes of a draft's address and words, as the log keeps them.
fn sent(office: &Office, draft: &Draft, binding: Option<Binding>) -> Sent {
    Sent {
        destination: office.address_index(&draft.address),
        content: office.keys().content_hash("message", &message::content_json(draft)),
        binding,
    }
}

struct Outcome<'a> {
    state: State,
    cleared: Option<(&'a Cleared, EntryId)>,
    codes: &'a [Code],
    send_at: Timestamp,
}

fn insert(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    draft: &Draft,
    outcome: &Outcome<'_>,
    now: Timestamp,
) -> Result<(), IntakeError> {
    let practice = office.practice().to_string();
    let row = draft.message.to_string();
    let place = seal::Place { practice: &practice, table: "message", row: &row, column: "content" };
    let sealed =
        office.keys().seal_message(office.buckets(now)?, &place, &message::content_json(draft))?;
    message::insert(
        tx,
        &NewMessage {
            draft,
            address_index: office.address_index(&draft.address),
            appointment: request.appointment,
            inbound: request.inbound,
            content_sealed: sealed.body.as_bytes(),
            record_wrap: sealed.record_wrap.as_bytes(),
            patient_wrap: Some(sealed.patient_wrap.as_bytes()),
            basis: outcome.cleared.map(|(cleared, _)| cleared.basis()),
            clearance: outcome.cleared.map(|(_, entry)| entry),
            state: outcome.state,
            refusals: outcome.codes,
            send_at: outcome.send_at,
            created_by: &request.actor.to_string(),
        },
        now,
    )?;
    Ok(())
}
