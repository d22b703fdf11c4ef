//! What it says, for the ears it may reach: RULEBOOK §11.3 and §11.4. Each finding is one cell of
//! the matrix, and every cell must pass.

use guard::{Category, Channel, Level, Source, Verdict};

use super::{Asked, Findings, in_words};
use crate::facts::{AddressFacts, Consent, ConsentClass, Role};
use crate::kind::Kind;
use crate::permit::Cell;
use crate::policy::{BillingByVoice, VoicemailName};
use crate::refusal::Code;

/// The consents are missed by the check of consent, the address by the check of the number; here
/// their loss counts as no consent and a shared, unverified address.
pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let mut findings = Findings::default();
    let release = access_request_release(asked);
    for cell in asked.cells {
        judge(asked, *cell, release, &mut findings);
    }
    kind(asked, &mut findings);
    subject(asked, &mut findings);
    name(asked, &mut findings);
    findings
}

fn judge(asked: &Asked<'_>, cell: Cell, release: Option<&Consent>, findings: &mut Findings) {
    let channel = asked.draft.channel;
    if cell.level == Level::Never {
        findings.refuse(Code::ContentNever, "The words hold what is never sent on any channel.");
        return;
    }
    let shared = asked.unsecured() && cell.level > Level::Administrative && is_shared(asked);
    let verdict = verdict(asked, cell);
    if verdict == Verdict::Pass && !shared {
        return;
    }
    if let Some(release) = release {
        findings.rely_on(release.id);
        return;
    }
    if channel == Channel::LiveVoiceUnverified && verdict == Verdict::NeedsConsent {
        findings.refuse(Code::ListenerUnverified, "We do not know yet who is listening.");
        return;
    }
    let consent = consent_to(asked, cell);
    match (verdict, consent) {
        (Verdict::Block, _) => findings.refuse(
            Code::ContentBlocked,
            format!(
                "The words hold {}; {} cannot carry that.",
                said(cell.level),
                in_words(channel)
            ),
        ),
        (Verdict::NeedsConsent, None) => findings.refuse(
            Code::ContentConsent,
            format!(
                "The words hold {}, and no consent to that in {} is on file for this address.",
                said(cell.level),
                in_words(channel)
            ),
        ),
        (Verdict::NeedsConsent | Verdict::Pass, Some(consent)) => findings.rely_on(consent.id),
        (Verdict::Pass, None) => {}
    }
    // CLIN-09: a consent that names the number opens it; EML-09: nothing opens a shared mailbox.
    if shared && (consent.is_none() || channel == Channel::Email) {
        findings.refuse(
            Code::SharedAddress,
            "Others read or hear what comes here, and the words are about the patient's health.",
        );
    }
}

/// The practice's matrix, with the settings of §11.4 rows 3 and 4.
fn verdict(asked: &Asked<'_>, cell: Cell) -> Verdict {
    let rules = asked.rules();
    let channel = asked.draft.channel;
    let switched_off = match cell.category {
        Category::Billing => {
            asked.recorded()
                && cell.level > Level::Administrative
                && rules.billing_by_voice == BillingByVoice::Off
        }
        Category::LabResult => cell.level == Level::Mention && results_notice_off(asked),
        _ => false,
    };
    if switched_off {
        return Verdict::Block;
    }
    asked.policy.verdict(channel, cell.level, cell.category, cell.ready)
}

fn results_notice_off(asked: &Asked<'_>) -> bool {
    match asked.draft.channel {
        Channel::Sms => !asked.rules().results_notice_by_text,
        Channel::Email => !asked.rules().results_notice_by_email,
        _ => false,
    }
}

/// "For that channel + category + this number or address, plus the PRIV-13 risk warning."
/// Over verified TLS the warning of EML-04 is not needed. CN-08: detail in a recording needs it
/// in writing.
fn consent_to<'a>(asked: &Asked<'a>, cell: Cell) -> Option<&'a Consent> {
    let private_mail = asked.draft.channel == Channel::Email
        && asked.facts.address.get().is_some_and(|address| address.verified_tls);
    let in_writing = asked.recorded() && cell.level >= Level::Detail;
    asked.consents().iter().find(|consent| {
        let ConsentClass::Content { categories, up_to, risk_warned } = &consent.class else {
            return false;
        };
        categories.contains(&cell.category)
            && *up_to >= cell.level
            && (*risk_warned || private_mail)
            && (consent.written || !in_writing)
            && holds_here(asked, consent)
    })
}

/// PRIV-14: the privacy officer's release of this one message, by text or email, to the patient.
fn access_request_release<'a>(asked: &Asked<'a>) -> Option<&'a Consent> {
    let to_the_patient = asked.facts.recipient.get().is_some_and(|recipient| {
        matches!(recipient.role, Role::Patient | Role::Representative { .. })
    });
    if !to_the_patient || !matches!(asked.draft.channel, Channel::Sms | Channel::Email) {
        return None;
    }
    asked.consents().iter().find(|consent| {
        consent.class == ConsentClass::AccessRequestRelease { of_this_message: true }
            && holds_here(asked, consent)
    })
}

fn holds_here(asked: &Asked<'_>, consent: &Consent) -> bool {
    consent.channel == asked.draft.channel
        && consent.for_this_address
        && consent.covers_purpose(asked.draft.purpose)
        && consent.in_force(asked.now)
}

fn is_shared(asked: &Asked<'_>) -> bool {
    asked.facts.address.get().is_none_or(AddressFacts::is_shared)
}

/// What the kind itself promises or gives away, whatever the words.
fn kind(asked: &Asked<'_>, findings: &mut Findings) {
    let draft = asked.draft;
    let health = asked.cells.iter().any(|cell| cell.level > Level::Administrative);
    if draft.kind.always_administrative() && asked.unsecured() && health {
        findings.refuse(Code::ContentBlocked, "A notice of this kind says nothing about health.");
    }
    if draft.kind.is_billing()
        && asked.recorded()
        && asked.rules().billing_by_voice == BillingByVoice::Off
    {
        findings.refuse(Code::ContentBlocked, "The practice leaves no recording about money.");
    }
    if draft.kind == Kind::ResultsReady && results_notice_off(asked) {
        findings.refuse(
            Code::ContentBlocked,
            format!("The practice tells of results by {} to nobody.", in_words(draft.channel)),
        );
    }
}

/// EML-03: a subject is clear text everywhere, so it says nothing at all. A line break in it would
/// begin another header.
fn subject(asked: &Asked<'_>, findings: &mut Findings) {
    let Some(subject) = asked.draft.content.subject.as_deref().filter(|_| asked.unsecured()) else {
        return;
    };
    if subject.chars().any(char::is_control) {
        findings.refuse(Code::Subject, "The subject holds a line break or a control character.");
    }
    // The fields' places are those of the body.
    let mut context = asked.facts.context.clone();
    context.fields.clear();
    let assessment = guard::check(subject, &context);
    if !assessment.findings.is_empty() {
        findings.refuse(Code::Subject, "The subject says more than who writes.");
    }
}

/// §11.4 row 1, CLIN-09: a recording may be heard by the household.
fn name(asked: &Asked<'_>, findings: &mut Findings) {
    let may_name = match asked.draft.channel {
        Channel::Voicemail => {
            asked.rules().voicemail.name == VoicemailName::First && !is_shared(asked)
        }
        Channel::RinglessVoicemail => false,
        _ => true,
    };
    if may_name {
        return;
    }
    let content = &asked.draft.content;
    let by_field = content
        .fields
        .iter()
        .any(|field| matches!(field.source, Source::FirstName | Source::TitleSurname));
    let by_word =
        asked.facts.context.recipient_names.iter().any(|name| is_spoken(&content.body, name));
    if by_field || by_word {
        findings.refuse(
            Code::NameSpoken,
            "The recording would name the patient where others may hear it.",
        );
    }
}

/// Whole words, as names are written: "Will" is spoken of, "will" is not.
fn is_spoken(body: &str, name: &str) -> bool {
    let name = name.trim();
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !name.is_empty()
        && body.match_indices(name).any(|(start, found)| {
            let before = body.get(..start).and_then(|text| text.chars().next_back());
            let after = body.get(start + found.len()..).and_then(|text| text.chars().next());
            !inside(before) && !inside(after)
        })
}

/// A level in words (SCREENS.md). Never the category: the reason may stand in a log.
const fn said(level: Level) -> &'static str {
    match level {
        Level::Administrative => "nothing about health",
        Level::Mention => "a hint about the patient's health or account",
        Level::Detail => "health or account detail",
        Level::Sensitive | Level::Never => "sensitive detail",
    }
}

#[cfg(test)]
mod tests;
