//! Every check, in the order of RULEBOOK.md's pipeline, one file each.
//!
//! A check that cannot be evaluated refuses: each fact has one check that answers for its loss
//! with [`Code::FactMissing`](crate::Code::FactMissing); the others then take the fact as the
//! stricter case.

use guard::Channel;
use jiff::{SignedDuration, Timestamp};

use crate::draft::{Draft, Origin};
use crate::facts::{Consent, Facts};
use crate::id::ConsentId;
use crate::kind::{Kind, Purpose};
use crate::permit::Cell;
use crate::policy::{Policy, Rules};
use crate::refusal::{Code, Reason, Step};

pub(crate) mod redirect;

mod baa;
mod caps;
mod confidential;
mod consent;
mod content;
mod number;
mod opt_out;
mod purpose;
mod quiet_hours;
mod recipient;
mod template;

type Check = fn(&Asked<'_>) -> Findings;

/// The pipeline. Each file of `check/` stands here once, but for the redirect, which is asked
/// when they are done.
const PIPELINE: [(Step, Check); 11] = [
    (Step::Recipient, recipient::check),
    (Step::Baa, baa::check),
    (Step::OptOut, opt_out::check),
    (Step::Confidential, confidential::check),
    (Step::Consent, consent::check),
    (Step::Purpose, purpose::check),
    (Step::Content, content::check),
    (Step::Caps, caps::check),
    (Step::QuietHours, quiet_hours::check),
    (Step::Number, number::check),
    (Step::Template, template::check),
];

/// An answer belongs to the patient's message for so long: over a long weekend.
const ANSWER_WINDOW: SignedDuration = SignedDuration::from_hours(96);

/// An answer within this time may come in quiet hours: the patient is awake and waiting.
const CONVERSATION_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// What every check is given.
pub(crate) struct Asked<'a> {
    pub(crate) draft: &'a Draft,
    pub(crate) facts: &'a Facts,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    pub(crate) cells: &'a [Cell],
}

impl<'a> Asked<'a> {
    const fn rules(&self) -> &'a Rules {
        self.policy.rules()
    }

    /// It answers what the patient wrote not long ago. A code is asked for on a screen or in a call,
    /// not in a message.
    fn answers(&self) -> bool {
        self.draft.kind.is_a_code() || self.answers_within(ANSWER_WINDOW)
    }

    /// It answers while the patient is likely still holding the phone.
    fn answers_at_once(&self) -> bool {
        match self.draft.kind {
            Kind::IdCode | Kind::CallCode => true,
            Kind::EmergencyAutoreply => self.answers(),
            _ => self.answers_within(CONVERSATION_WINDOW),
        }
    }

    fn answers_within(&self, window: SignedDuration) -> bool {
        match self.draft.origin {
            Origin::Reply { to_message_at } => {
                self.draft.kind.can_be_an_answer()
                    && to_message_at <= self.now
                    && self.now.duration_since(to_message_at) <= window
            }
            Origin::Automated | Origin::Staff => false,
        }
    }

    /// A person warns of a threat to health or safety (64.1200(f)(4)).
    fn is_emergency(&self) -> bool {
        self.draft.purpose == Purpose::Emergency && self.draft.origin == Origin::Staff
    }

    /// Others may read or hear it.
    const fn unsecured(&self) -> bool {
        match self.draft.channel {
            Channel::Sms | Channel::Email | Channel::Voicemail | Channel::RinglessVoicemail => true,
            Channel::Portal | Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified => false,
        }
    }

    /// A recording.
    const fn recorded(&self) -> bool {
        matches!(self.draft.channel, Channel::Voicemail | Channel::RinglessVoicemail)
    }

    /// A text or a recording: what 47 CFR 64.1200 governs when automated.
    const fn text_or_recording(&self) -> bool {
        matches!(self.draft.channel, Channel::Sms) || self.recorded()
    }

    /// Somebody speaks.
    const fn live(&self) -> bool {
        matches!(self.draft.channel, Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified)
    }

    fn consents(&self) -> &'a [Consent] {
        self.facts.consents.get().map_or(&[], Vec::as_slice)
    }
}

impl Consent {
    fn in_force(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now <= until)
    }

    fn covers_purpose(&self, purpose: Purpose) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&purpose)
    }
}

/// What a check found, and what all found together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) reasons: Vec<Reason>,
    /// Always later than the instant asked about.
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) consents: Vec<ConsentId>,
}

impl Findings {
    fn missing(fact: &str, why: &str) -> Self {
        Self { reasons: vec![Reason::missing(fact, why)], ..Self::default() }
    }

    /// Once for each code: several findings of one kind have one remedy.
    fn refuse(&mut self, code: Code, because: impl Into<String>) {
        if self.reasons.iter().all(|reason| reason.code != code) {
            self.reasons.push(Reason::new(code, because));
        }
    }

    fn rely_on(&mut self, consent: ConsentId) {
        if !self.consents.contains(&consent) {
            self.consents.push(consent);
        }
    }

    fn take(&mut self, other: Self) {
        self.reasons.extend(other.reasons);
        self.not_before = self.not_before.max(other.not_before);
        for consent in other.consents {
            self.rely_on(consent);
        }
    }
}

/// Asks every check, so that a refusal names all that stands in the way.
pub(crate) fn every(asked: &Asked<'_>) -> Findings {
    let mut findings = Findings::default();
    for (step, check) in PIPELINE {
        let mut found = check(asked);
        found.reasons.iter_mut().for_each(|reason| reason.step = Some(step));
        findings.take(found);
    }
    findings
}

/// What a channel is called in a sentence.
const fn in_words(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "a text",
        Channel::Email => "an email",
        Channel::Voicemail => "a voicemail",
        Channel::RinglessVoicemail => "a ringless voicemail",
        Channel::Portal => "the portal",
        Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified => "a call",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Findings, PIPELINE};
    use crate::passing::{Case, id};
    use crate::refusal::Step;
    use crate::{Code, Reason};

    #[test]
    fn each_file_here_is_called_once() {
        let files: BTreeSet<String> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/check"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .map(|name| name.trim_end_matches(".rs").to_owned())
                .collect();
        let mut called: BTreeSet<String> =
            PIPELINE.iter().map(|(step, _)| step.as_str().to_owned()).collect();
        assert_eq!(called.len(), PIPELINE.len());
        called.insert("redirect".to_owned());
        assert_eq!(files, called);
    }

    #[test]
    fn the_order_is_the_rulebooks() {
        let steps: Vec<Step> = PIPELINE.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, Step::ALL);
        let names: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
        assert_eq!(
            names.join(" "),
            "recipient baa opt_out confidential consent purpose content caps quiet_hours number \
             template"
        );
    }

    #[test]
    fn the_passing_case_passes_every_check() {
        let case = Case::text();
        for (step, check) in PIPELINE {
            assert_eq!(case.codes(check), [], "{step:?}");
        }
    }

    #[test]
    fn what_checks_find_adds_up() {
        let early = "2026-11-18T14:00:00Z".parse().unwrap();
        let late = "2026-11-18T15:00:00Z".parse().unwrap();
        let mut all = Findings::default();
        all.rely_on(id(1));
        all.take(Findings {
            reasons: vec![Reason::new(Code::Hold, "a")],
            not_before: Some(late),
            consents: vec![id(1), id(2)],
        });
        all.take(Findings {
            reasons: vec![Reason::new(Code::Baa, "b")],
            not_before: Some(early),
            consents: vec![id(2)],
        });
        all.take(Findings::default());
        let codes: Vec<Code> = all.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, [Code::Hold, Code::Baa]);
        assert_eq!(all.not_before, Some(late));
        assert_eq!(all.consents, [id(1), id(2)]);
    }

    #[test]
    fn one_code_is_said_once() {
        let mut findings = Findings::default();
        findings.refuse(Code::Hold, "first");
        findings.refuse(Code::Hold, "second");
        assert_eq!(findings.reasons, [Reason::new(Code::Hold, "first")]);
    }
}
