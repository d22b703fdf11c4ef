//! Consent to be reached at all: programme, channel, purpose (RULEBOOK §5.2, §11.4 row 7;
//! 47 CFR 64.1200(a); 45 CFR 164.508(a)(3) for marketing). Consent to content is asked by the
//! check of content.

use guard::Channel;

use super::{Asked, Findings};
use crate::draft::Origin;
use crate::facts::{Consent, ConsentClass, Known};
use crate::kind::{Kind, Purpose};
use crate::policy::ConsentMode;
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    if let Known::No(why) = &asked.facts.consents {
        return Findings::missing("the consents", why);
    }
    let mut findings = Findings::default();
    if asked.draft.kind == Kind::Marketing || asked.draft.purpose == Purpose::Marketing {
        marketing(asked, &mut findings);
        return findings;
    }
    let written = match need(asked) {
        Need::Nothing => return findings,
        Need::Consent => false,
        Need::WrittenConsent => true,
    };
    let mut expired = false;
    for consent in asked.consents() {
        let fits = consent.class == ConsentClass::Pec
            && names_this_address(asked, consent)
            && consent.covers_purpose(asked.draft.purpose)
            && (consent.written || !written);
        if fits && consent.in_force(asked.now) {
            findings.rely_on(consent.id);
            return findings;
        }
        expired |= fits && consent.from <= asked.now;
    }
    if expired {
        findings.refuse(Code::ConsentExpired, "The patient's consent to such messages has ended.");
    } else if written {
        findings.refuse(
            Code::ConsentMissing,
            "The practice writes only with written consent, and none covers this message here.",
        );
    } else {
        findings.refuse(
            Code::ConsentMissing,
            "No consent on file covers such messages at this number or address.",
        );
    }
    findings
}

enum Need {
    Nothing,
    Consent,
    WrittenConsent,
}

fn need(asked: &Asked<'_>) -> Need {
    let draft = asked.draft;
    if !asked.unsecured() || asked.answers() || asked.is_emergency() {
        return Need::Nothing;
    }
    let mode = asked.rules().consent_mode;
    // The request for consent cannot itself wait for written consent.
    let asks_for_it = matches!(draft.kind, Kind::RiskWarning | Kind::ConsentReceipt);
    if mode == ConsentMode::WrittenBeforeAny && !asks_for_it {
        return Need::WrittenConsent;
    }
    let by_a_person = draft.origin == Origin::Staff;
    let needed = match draft.channel {
        // A ringless voicemail is a prerecorded call, whoever starts it (FCC 22-85).
        Channel::RinglessVoicemail => true,
        Channel::Sms => !by_a_person || mode != ConsentMode::LawMinimum,
        Channel::Voicemail => !by_a_person,
        // §3: a breach notice by email only where the person agreed to email.
        Channel::Email => draft.kind == Kind::BreachNotice,
        Channel::Portal | Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified => false,
    };
    if needed { Need::Consent } else { Need::Nothing }
}

/// PRIV-11: a signed authorization, and for texts and recordings written consent too.
fn marketing(asked: &Asked<'_>, findings: &mut Findings) {
    if !asked.rules().marketing {
        findings.refuse(Code::Marketing, "The practice sends no marketing.");
        return;
    }
    let in_force = |class: &ConsentClass, here: bool| {
        asked.consents().iter().find(|consent| {
            consent.class == *class
                && consent.written
                && (!here || names_this_address(asked, consent))
                && consent.covers_purpose(Purpose::Marketing)
                && consent.in_force(asked.now)
        })
    };
    match in_force(&ConsentClass::MarketingAuthorization, false) {
        Some(consent) => findings.rely_on(consent.id),
        None => findings.refuse(
            Code::Marketing,
            "No signed authorization to use health information for marketing is on file.",
        ),
    }
    if asked.text_or_recording() {
        match in_force(&ConsentClass::Pewc, true) {
            Some(consent) => findings.rely_on(consent.id),
            None => findings.refuse(
                Code::Marketing,
                "No written consent to marketing at this number is on file.",
            ),
        }
    }
}

fn names_this_address(asked: &Asked<'_>, consent: &Consent) -> bool {
    consent.channel == asked.draft.channel && consent.for_this_address
}
