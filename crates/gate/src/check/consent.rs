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

#[cfg(test)]
mod tests {
    use guard::Channel;

    use super::check;
    use crate::draft::Origin;
    use crate::facts::{Consent, ConsentClass, Known};
    use crate::kind::{Kind, Purpose};
    use crate::passing::{Case, id, minutes, pec};
    use crate::refusal::Code;

    const MODES: [&str; 3] = ["law_minimum", "standard", "written_before_any"];

    fn in_mode(case: Case, mode: &str) -> Case {
        case.policy(&format!("[rules]\nconsent_mode = \"{mode}\""))
    }

    fn without(case: Case) -> Case {
        case.with(|case| case.consents().clear())
    }

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.consents = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    #[test]
    fn who_needs_consent_in_each_mode() {
        use Channel::{Email, LiveVoiceVerified, Portal, RinglessVoicemail, Sms, Voicemail};
        let (auto, staff) = (Origin::Automated, Origin::Staff);
        let table = [
            (Sms, auto, [true, true, true]),
            (Sms, staff, [false, true, true]),
            (Voicemail, auto, [true, true, true]),
            (Voicemail, staff, [false, false, true]),
            (RinglessVoicemail, auto, [true, true, true]),
            (RinglessVoicemail, staff, [true, true, true]),
            (Email, auto, [false, false, true]),
            (Email, staff, [false, false, true]),
            (Portal, auto, [false, false, false]),
            (LiveVoiceVerified, staff, [false, false, false]),
        ];
        for (channel, origin, needed) in table {
            for (mode, needed) in MODES.into_iter().zip(needed) {
                let case = in_mode(Case::by(channel), mode).with(|c| c.draft.origin = origin);
                let found = check(&case.asked());
                assert_eq!(found.reasons, [], "{channel:?} {origin:?} {mode}");
                assert_eq!(!found.consents.is_empty(), needed, "{channel:?} {origin:?} {mode}");
                let expected: &[Code] = if needed { &[Code::ConsentMissing] } else { &[] };
                assert_eq!(without(case).codes(check), expected, "{channel:?} {origin:?} {mode}");
            }
        }
    }

    #[test]
    fn a_consent_permits_only_what_it_says() {
        let now = Case::text().now;
        type Change = fn(&mut Consent, jiff::Timestamp);
        let table: [(Change, Option<Code>); 12] = [
            (|_, _| (), None),
            (|c, _| c.class = ConsentClass::Pewc, Some(Code::ConsentMissing)),
            (|c, _| c.channel = Channel::Voicemail, Some(Code::ConsentMissing)),
            (|c, _| c.for_this_address = false, Some(Code::ConsentMissing)),
            (|c, _| c.purposes = vec![Purpose::Treatment], None),
            (|c, _| c.purposes = vec![Purpose::Payment], Some(Code::ConsentMissing)),
            (|c, now| c.from = now, None),
            (|c, now| c.from = now + minutes(1), Some(Code::ConsentMissing)),
            (|c, now| c.until = Some(now), None),
            (|c, now| c.until = Some(now - minutes(1)), Some(Code::ConsentExpired)),
            (
                |c, now| {
                    c.until = Some(now - minutes(1));
                    c.for_this_address = false;
                },
                Some(Code::ConsentMissing),
            ),
            (|c, _| c.written = false, None),
        ];
        for (index, (change, expected)) in table.into_iter().enumerate() {
            let case = Case::text().with(|case| change(&mut case.consents()[0], now));
            let found = check(&case.asked());
            let codes: Vec<Code> = found.reasons.iter().map(|reason| reason.code).collect();
            assert_eq!(codes, expected.into_iter().collect::<Vec<_>>(), "row {index}");
            let relied = if expected.is_none() { vec![id(1)] } else { Vec::new() };
            assert_eq!(found.consents, relied, "row {index}");
        }
        let second = Case::text().with(|case| {
            let old = Consent { until: Some(now - minutes(1)), ..pec(Channel::Sms) };
            case.facts.consents = Known::Yes(vec![old, Consent { id: id(7), ..pec(Channel::Sms) }]);
        });
        assert_eq!(check(&second.asked()).consents, [id(7)]);
    }

    #[test]
    fn written_before_any_wants_writing() {
        let spoken = in_mode(Case::text(), "written_before_any")
            .with(|case| case.consents()[0].written = false);
        assert_eq!(spoken.codes(check), [Code::ConsentMissing]);
        assert!(check(&spoken.asked()).reasons[0].because.contains("written"));
        for kind in [Kind::RiskWarning, Kind::ConsentReceipt] {
            let request = in_mode(without(Case::by(Channel::Email)), "written_before_any")
                .with(|case| case.draft.kind = kind);
            assert_eq!(request.codes(check), []);
        }
    }

    #[test]
    fn answers_need_none() {
        for mode in MODES {
            for kind in Kind::ALL {
                let case = in_mode(without(Case::answer(*kind)), mode);
                let expected: &[Code] = match kind {
                    Kind::Marketing => &[Code::Marketing],
                    kind if kind.can_be_an_answer() => &[],
                    Kind::RiskWarning | Kind::ConsentReceipt => &[],
                    _ => &[Code::ConsentMissing],
                };
                assert_eq!(case.codes(check), expected, "{kind:?} {mode}");
            }
        }
    }

    #[test]
    fn an_answer_grows_old() {
        let window = 4 * 24 * 60;
        for (ago, expected) in [
            (0, &[][..]),
            (window, &[]),
            (window + 1, &[Code::ConsentMissing]),
            (-1, &[Code::ConsentMissing]),
        ] {
            let case = without(Case::typed()).with(|case| {
                case.draft.origin = Origin::Reply { to_message_at: case.now - minutes(ago) };
            });
            assert_eq!(case.codes(check), expected, "{ago} minutes");
        }
    }

    #[test]
    fn a_code_asked_for_needs_none() {
        let case = without(Case::text()).with(|case| case.draft.kind = Kind::IdCode);
        assert_eq!(case.codes(check), []);
    }

    #[test]
    fn an_emergency_warned_of_by_a_person_needs_none() {
        for (origin, expected) in
            [(Origin::Staff, &[][..]), (Origin::Automated, &[Code::ConsentMissing])]
        {
            let case = without(Case::typed()).with(|case| {
                case.draft.purpose = Purpose::Emergency;
                case.draft.origin = origin;
            });
            assert_eq!(case.codes(check), expected);
        }
        let ordinary = without(Case::typed());
        assert_eq!(ordinary.codes(check), [Code::ConsentMissing]);
    }

    #[test]
    fn a_breach_notice_by_email_wants_agreement() {
        let notice = Case::by(Channel::Email).with(|case| case.draft.kind = Kind::BreachNotice);
        assert_eq!(notice.codes(check), []);
        assert_eq!(without(notice).codes(check), [Code::ConsentMissing]);
    }

    #[test]
    fn marketing_wants_authorization_and_for_texts_written_consent() {
        let on = "[rules]\nmarketing = true";
        let authorization = |channel| Consent {
            id: id(3),
            class: ConsentClass::MarketingAuthorization,
            for_this_address: false,
            ..pec(channel)
        };
        let written = |channel| Consent { id: id(4), class: ConsentClass::Pewc, ..pec(channel) };
        let marketing = |channel: Channel, consents: Vec<Consent>| {
            Case::by(channel).policy(on).with(|case| {
                case.draft.kind = Kind::Marketing;
                case.draft.purpose = Purpose::Marketing;
                case.facts.consents = Known::Yes(consents);
            })
        };
        for channel in [Channel::Sms, Channel::Voicemail, Channel::RinglessVoicemail] {
            let both = vec![authorization(Channel::Email), written(channel)];
            let found = check(&marketing(channel, both.clone()).asked());
            assert_eq!((found.reasons, found.consents), (vec![], vec![id(3), id(4)]));
            for consents in [vec![both[0].clone()], vec![both[1].clone()], vec![pec(channel)]] {
                assert_eq!(marketing(channel, consents).codes(check), [Code::Marketing]);
            }
            let elsewhere = Consent { for_this_address: false, ..both[1].clone() };
            let spoken = Consent { written: false, ..both[1].clone() };
            let other = Consent { purposes: vec![Purpose::Treatment], ..both[1].clone() };
            let over = Consent { until: Some(Case::text().now - minutes(1)), ..both[1].clone() };
            for spoiled in [elsewhere, spoken, other, over] {
                let consents = vec![both[0].clone(), spoiled];
                assert_eq!(marketing(channel, consents).codes(check), [Code::Marketing]);
            }
            let off = marketing(channel, both).policy("");
            assert_eq!(off.codes(check), [Code::Marketing]);
        }
        for channel in [Channel::Email, Channel::Portal] {
            let consents = vec![authorization(channel)];
            assert_eq!(marketing(channel, consents).codes(check), []);
            assert_eq!(marketing(channel, Vec::new()).codes(check), [Code::Marketing]);
        }
        // The purpose alone, or the kind alone, makes it marketing.
        let purpose = Case::text().with(|case| case.draft.purpose = Purpose::Marketing);
        let kind = Case::text().with(|case| case.draft.kind = Kind::Marketing);
        assert_eq!(purpose.codes(check), [Code::Marketing]);
        assert_eq!(kind.codes(check), [Code::Marketing]);
    }
}
