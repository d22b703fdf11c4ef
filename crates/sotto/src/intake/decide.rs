//! What is on file, the gate's answer, the sealed words.

use std::sync::Arc;

use gate::facts::{Alternative, Facts};
use gate::{
    Address, AddressKind, Binding, Channel, Cleared, Code, ContactPointId, Content, Decision,
    Draft, Language, MessageId, PatientId, Reason, Redirect, Refusal,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Answer, IntakeError, Request, Wanted, Words};
use crate::audit::EntryId;
use crate::compose::{self, ComposeError, Variable};
use crate::db::{DbError, Mark, Tx, message};
use crate::facts;
use crate::ids::Id as _;
use crate::office::Office;
use crate::people::contact_points;
use crate::portal::{letters, link};

/// Decides a request. Reads only.
///
/// # Errors
/// [`IntakeError`]: it cannot be decided.
pub fn decide(tx: &mut Tx<'_>, office: &Office, request: Request) -> Result<Decided, IntakeError> {
    let now = office.clock().now();
    let subject = request.patient.as_ref();
    tx.ahead(|tx| aim(tx, office, &request, now))?;
    let (channel, target) = aim(tx, office, &request, now)?;
    let language =
        request.language.or_else(|| subject.and_then(|s| s.language)).unwrap_or(Language::English);
    let mut early: Vec<Reason> = Vec::new();
    let content = match words(office, &request, (channel, language)) {
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
    let outcome = match Refusal::from_reasons(early) {
        Some(refusal) => refused(office, draft, refusal, (now, request.born()))?,
        None => ask(tx, office, &request, draft, now)?,
    };
    let notice = match &outcome {
        Outcome::Clear(one) => notice_of(tx, office, &request, one.cleared.draft(), now)?,
        Outcome::Split { .. } | Outcome::Refuse { .. } => None,
    };
    Ok(Decided { request, at: now, outcome, notice, under: None })
}

fn ask(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    draft: Draft,
    now: Timestamp,
) -> Result<Outcome, IntakeError> {
    let mut facts = facts::load(tx, office, &draft, request.patient.as_ref(), now)?;
    // Where the words are too much, a notice goes instead, with a link of its own.
    let notice = MessageId(office.clock().new_id());
    if draft.kind != gate::Kind::SecureMessageNotice {
        facts.practice.portal_url = link::url(office, notice);
    }
    let asked = draft.clone();
    match gate::clear(draft, &facts, &office.policy(), now) {
        Decision::Clear(cleared) => Ok(Outcome::Clear(Box::new(Passed::new(
            office,
            cleared,
            facts,
            (now, request.born()),
        )?))),
        Decision::Refuse(refusal) => refused(office, asked, refusal, (now, request.born())),
        Decision::Redirect(redirect) => split(tx, office, request, (asked, notice), *redirect, now),
    }
}

/// Too much for the channel: the body to the portal, a safe notice to the channel. Where either is
/// refused, the request as a whole is refused for the reasons it had at first.
fn split(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    (asked, notice_id): (Draft, MessageId),
    redirect: Redirect,
    now: Timestamp,
) -> Result<Outcome, IntakeError> {
    let Redirect { body, mut notice, because } = redirect;
    notice.message = notice_id;
    let mut pass = |draft: Draft| -> Result<Option<Box<Passed>>, IntakeError> {
        let facts = facts::load(tx, office, &draft, request.patient.as_ref(), now)?;
        match gate::clear(draft, &facts, &office.policy(), now) {
            Decision::Clear(one) => {
                Ok(Some(Box::new(Passed::new(office, one, facts, (now, request.born()))?)))
            }
            Decision::Redirect(_) | Decision::Refuse(_) => Ok(None),
        }
    };
    if let (Some(portal), Some(notice)) = (pass(body)?, pass(notice)?) {
        return Ok(Outcome::Split { portal, notice, because });
    }
    let refusal = Refusal::from_reasons(because).unwrap_or_else(|| {
        Refusal::one(Reason::new(Code::ContentBlocked, "too much for this channel"))
    });
    refused(office, asked, refusal, (now, request.born()))
}

/// A message in the portal is of no use unheard of: the notice of it, to the first address on file
/// that may have one now. Where none may, the letter lies, and staff hear of that (CLIN-07).
fn notice_of(
    tx: &mut Tx<'_>,
    office: &Office,
    request: &Request,
    letter: &Draft,
    now: Timestamp,
) -> Result<Option<Box<Passed>>, IntakeError> {
    let Some(subject) = request.patient.as_ref().filter(|_| letter.channel == Channel::Portal)
    else {
        return Ok(None);
    };
    let alternatives = facts::alternatives(tx, office, Some(subject.id), now)?;
    for channel in [Channel::Sms, Channel::Email] {
        let target = target_on(tx, office, subject.id, channel, &alternatives, now)?;
        let Some((address, contact_point)) = target else { continue };
        let message = MessageId(office.clock().new_id());
        if link::url(office, message).is_empty() {
            return Ok(None);
        }
        let language = subject.language.unwrap_or(letter.content.language);
        let draft = Draft {
            message,
            address,
            contact_point,
            channel,
            kind: gate::Kind::SecureMessageNotice,
            content: letters::notice(office, message, (channel, language)),
            ..letter.clone()
        };
        let facts = facts::load(tx, office, &draft, Some(subject), now)?;
        if let Decision::Clear(one) = gate::clear(draft, &facts, &office.policy(), now) {
            let born = subject.person.birth_date;
            return Ok(Some(Box::new(Passed::new(office, one, facts, (now, born))?)));
        }
    }
    Ok(None)
}

fn refused(
    office: &Office,
    draft: Draft,
    refusal: Refusal,
    when: (Timestamp, Option<Date>),
) -> Result<Outcome, IntakeError> {
    let kept = Kept::new(office, (&draft, false), when)?;
    Ok(Outcome::Refuse { draft: Box::new(draft), kept, refusal })
}

/// A request with its decision, nothing of it stored yet.
pub struct Decided {
    pub(super) request: Request,
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    /// The notice of a message that was asked for in the portal.
    pub(super) notice: Option<Box<Passed>>,
    /// How what it rests on stood, where it was decided in a transaction of its own.
    pub(super) under: Option<Mark>,
}

pub(super) enum Outcome {
    Clear(Box<Passed>),
    Split { portal: Box<Passed>, notice: Box<Passed>, because: Vec<Reason> },
    Refuse { draft: Box<Draft>, kept: Kept, refusal: Refusal },
}

/// What the gate let through.
pub(super) struct Passed {
    pub(super) cleared: Cleared,
    /// The audit entry that will say so.
    pub(super) clearance: EntryId,
    pub(super) binding: Binding,
    pub(super) adapter: String,
    pub(super) kept: Kept,
    /// What the gate was told.
    pub(super) facts: Arc<Facts>,
}

/// What the row and the log keep of a draft.
pub(super) struct Kept {
    pub(super) address_index: [u8; 32],
    pub(super) content_hash: [u8; 32],
    pub(super) sealed: seal::SealedMessage,
}

/// What a decision would do, for whoever is still writing: nothing of it is stored.
#[derive(Debug)]
pub enum Seen<'a> {
    /// It may go.
    Clear {
        /// As it would go.
        draft: &'a Draft,
        /// Not before this instant.
        not_before: Option<Timestamp>,
    },
    /// The body to the portal, a notice to the channel.
    Split {
        /// What the portal would hold.
        body: &'a Draft,
        /// What would go by the channel.
        notice: &'a Draft,
        /// The notice goes not before this instant.
        not_before: Option<Timestamp>,
        /// Why the channel cannot carry the body.
        because: &'a [Reason],
    },
    /// It may not go.
    Refuse {
        /// As it would have gone.
        draft: &'a Draft,
        /// Every check in the way.
        refusal: &'a Refusal,
    },
}

impl Decided {
    /// What would happen.
    #[must_use]
    pub fn seen(&self) -> Seen<'_> {
        match &self.outcome {
            Outcome::Clear(one) => Seen::Clear {
                draft: one.cleared.draft(),
                not_before: one.cleared.basis().not_before,
            },
            Outcome::Split { portal, notice, because } => Seen::Split {
                body: portal.cleared.draft(),
                notice: notice.cleared.draft(),
                not_before: notice.cleared.basis().not_before,
                because,
            },
            Outcome::Refuse { draft, refusal, .. } => Seen::Refuse { draft, refusal },
        }
    }

    /// What the one who asked is told, once it is stored.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match &self.outcome {
            Outcome::Clear(one) => Answer::Accepted {
                message: one.cleared.draft().message,
                clearance: one.clearance,
                not_before: one.cleared.basis().not_before,
            },
            Outcome::Split { portal, notice, because } => Answer::Redirected {
                portal: portal.cleared.draft().message,
                notice: notice.cleared.draft().message,
                because: because.clone(),
            },
            Outcome::Refuse { draft, refusal, .. } => {
                Answer::Refused { message: draft.message, refusal: refusal.clone() }
            }
        }
    }

    /// Decided before, under this mark: it holds if nothing it rests on has changed, the history of
    /// the patient's messages included. None where it does not.
    ///
    /// # Errors
    /// [`DbError`].
    pub fn if_holding(
        mut self,
        tx: &mut Tx<'_>,
        office: &Office,
        under: Mark,
    ) -> Result<Option<Self>, DbError> {
        if !tx.unchanged_since(&under) || !self.history_holds(tx, office)? {
            return Ok(None);
        }
        self.under = Some(under);
        Ok(Some(self))
    }

    fn history_holds(&self, tx: &mut Tx<'_>, office: &Office) -> Result<bool, DbError> {
        let passed = match &self.outcome {
            Outcome::Clear(one) => [Some(one), self.notice.as_ref()],
            Outcome::Split { portal, notice, .. } => [Some(portal), Some(notice)],
            Outcome::Refuse { .. } => [None, None],
        };
        let subject = self.request.patient.as_ref();
        for one in passed.into_iter().flatten() {
            let now = facts::history(tx, office, one.cleared.draft(), subject, self.at)?;
            if one.facts.history.get() != Some(&now) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Passed {
    fn new(
        office: &Office,
        cleared: Cleared,
        facts: Facts,
        (now, born): (Timestamp, Option<Date>),
    ) -> Result<Self, IntakeError> {
        let carrier = facts.vendor.get().map(|vendor| vendor.adapter.clone());
        let channel = cleared.draft().channel;
        Ok(Self {
            clearance: EntryId::new(office.clock()),
            binding: cleared.binding(office.binding_key()),
            adapter: carrier.unwrap_or_else(|| channel.as_str().to_owned()),
            kept: Kept::new(office, (cleared.draft(), channel == Channel::Portal), (now, born))?,
            facts: Arc::new(facts),
            cleared,
        })
    }
}

impl Kept {
    /// `copy`: the patient has one too, for a while.
    fn new(
        office: &Office,
        (draft, copy): (&Draft, bool),
        (now, born): (Timestamp, Option<Date>),
    ) -> Result<Self, IntakeError> {
        let (practice, row) = (office.practice().to_string(), draft.message.to_string());
        let place =
            seal::Place { practice: &practice, table: "message", row: &row, column: "content" };
        let content = message::content_json(draft);
        let expiry = copy.then(|| letters::last_day(now));
        let buckets = seal::Buckets { expiry, ..office.buckets_of(now, born)? };
        Ok(Self {
            address_index: office.address_index(&draft.address),
            content_hash: office.keys().content_hash("message", &content),
            sealed: office.keys().seal_message(buckets, &place, &content)?,
        })
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
    (channel, language): (Channel, Language),
) -> Result<Content, ComposeError> {
    match &request.words {
        // What is sent to a patient of ours carries a link of its own.
        Words::Template { values } if request.patient.is_some() && channel != Channel::Portal => {
            let own = link::url(office, request.message);
            let mut values = values.clone();
            if !own.is_empty() {
                values = values.default_to(Variable::PortalUrl, own)?;
            }
            compose::render(&office.templates(), request.kind, channel, language, &values)
        }
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
