//! Why it is sent: the purpose fits the kind, the kind fits the channel, and no more than the
//! purpose needs is told (PRIV-01, PRIV-11; RULEBOOK §12).

use guard::Source;

use super::{Asked, Findings, in_words};
use crate::draft::Origin;
use crate::kind::{Kind, Purpose};
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let draft = asked.draft;
    let mut findings = Findings::default();
    if !draft.kind.fits(draft.purpose) {
        findings.refuse(Code::Purpose, "The purpose does not fit this kind of message.");
    }
    // RULEBOOK §5.2: an emergency message is started by a person; only the fixed answer is not.
    let by_itself = draft.origin != Origin::Staff && draft.kind != Kind::EmergencyAutoreply;
    if draft.purpose == Purpose::Emergency && by_itself {
        findings.refuse(Code::Purpose, "An emergency message is started by a person.");
    }
    let answer = draft.kind.answers_the_patient() && !draft.kind.is_a_code();
    if answer && !matches!(draft.origin, Origin::Reply { .. }) {
        findings.refuse(Code::Purpose, "This kind of message only answers a patient's own.");
    }
    // PRIV-02: minimum necessary does not bind treatment, nor what the patient asked for.
    let minimum_necessary =
        matches!(draft.purpose, Purpose::Payment | Purpose::Operations | Purpose::Marketing);
    let more = draft.content.fields.iter().any(|field| match field.source {
        Source::Clinical | Source::BirthDate => true,
        Source::Amount => draft.purpose != Purpose::Payment,
        _ => false,
    });
    if minimum_necessary && more {
        findings.refuse(Code::Purpose, "The message is filled with more than its purpose needs.");
    }
    if !draft.kind.may_go_by(draft.channel) {
        findings.refuse(
            Code::KindChannel,
            format!("This kind of message does not go by {}.", in_words(draft.channel)),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use guard::{Channel, Field, Source};

    use super::check;
    use crate::draft::Origin;
    use crate::kind::{Kind, Purpose};
    use crate::passing::Case;
    use crate::refusal::Code;

    fn of(kind: Kind, purpose: Purpose) -> Case {
        Case::answer(kind).with(|case| {
            case.draft.channel = Channel::Portal;
            case.draft.purpose = purpose;
            if !kind.answers_the_patient() {
                case.draft.origin = Origin::Staff;
            }
        })
    }

    #[test]
    fn each_kind_has_its_purposes() {
        use Purpose::{Emergency, Marketing, Operations, PatientRequest, Payment, Treatment};
        let care = [Treatment, Operations, PatientRequest];
        for kind in Kind::ALL {
            let fitting: &[Purpose] = match kind {
                Kind::Marketing => &[Marketing],
                Kind::AccountCallback | Kind::StatementReady => &[Payment, PatientRequest],
                Kind::FreeText | Kind::GeneralCallback => {
                    &[Treatment, Operations, Payment, PatientRequest, Emergency]
                }
                Kind::SecureMessageNotice | Kind::FamilyCallback => {
                    &[Treatment, Operations, Payment, PatientRequest]
                }
                Kind::EmergencyAutoreply | Kind::Closure => {
                    &[Treatment, Operations, PatientRequest, Emergency]
                }
                Kind::Survey | Kind::BreachNotice => &[Operations, PatientRequest],
                _ => &care,
            };
            for purpose in Purpose::ALL {
                let expected: &[Code] =
                    if fitting.contains(purpose) { &[] } else { &[Code::Purpose] };
                assert_eq!(of(*kind, *purpose).codes(check), expected, "{kind:?} {purpose:?}");
            }
        }
    }

    #[test]
    fn an_emergency_is_declared_by_a_person() {
        for origin in [Origin::Automated, Origin::Reply { to_message_at: Case::text().now }] {
            let case = of(Kind::FreeText, Purpose::Emergency).with(|c| c.draft.origin = origin);
            assert_eq!(case.codes(check), [Code::Purpose]);
        }
        assert_eq!(of(Kind::EmergencyAutoreply, Purpose::Emergency).codes(check), []);
    }

    #[test]
    fn an_answer_answers() {
        for kind in Kind::ALL.iter().filter(|kind| kind.answers_the_patient()) {
            for origin in [Origin::Automated, Origin::Staff] {
                let case = of(*kind, Purpose::PatientRequest).with(|c| c.draft.origin = origin);
                let expected: &[Code] = if kind.is_a_code() { &[] } else { &[Code::Purpose] };
                assert_eq!(case.codes(check), expected, "{kind:?} {origin:?}");
            }
        }
    }

    #[test]
    fn no_more_is_filled_in_than_the_purpose_needs() {
        use Purpose::{Operations, PatientRequest, Payment, Treatment};
        for (source, purpose, fits) in [
            (Source::Clinical, Treatment, true),
            (Source::Clinical, PatientRequest, true),
            (Source::Clinical, Operations, false),
            (Source::Clinical, Payment, false),
            (Source::BirthDate, Operations, false),
            (Source::Amount, Payment, true),
            (Source::Amount, Operations, false),
            (Source::Amount, Treatment, true),
            (Source::FirstName, Operations, true),
            (Source::When, Payment, true),
        ] {
            let case = of(Kind::FreeText, purpose).with(|case| {
                case.draft.content.fields = vec![Field { span: 0..3, source }];
            });
            let expected: &[Code] = if fits { &[] } else { &[Code::Purpose] };
            assert_eq!(case.codes(check), expected, "{source:?} {purpose:?}");
        }
        let marketing = of(Kind::Marketing, Purpose::Marketing).with(|case| {
            case.draft.content.fields = vec![Field { span: 0..3, source: Source::Clinical }];
        });
        assert_eq!(marketing.codes(check), [Code::Purpose]);
    }

    #[test]
    fn each_kind_has_its_channels() {
        for kind in Kind::ALL {
            let purpose = Purpose::ALL.iter().copied().find(|purpose| kind.fits(*purpose)).unwrap();
            for channel in Channel::ALL {
                let case = of(*kind, purpose).with(|case| case.draft.channel = channel);
                let expected: &[Code] =
                    if kind.may_go_by(channel) { &[] } else { &[Code::KindChannel] };
                assert_eq!(case.codes(check), expected, "{kind:?} {channel:?}");
            }
        }
    }
}
