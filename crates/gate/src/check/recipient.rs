//! Who would get it: PRIV-07 (family), PRIV-08 (representatives), PRIV-09 (minors), PRIV-23
//! (deceased).

use guard::{Category, Level};

use super::{Asked, Findings};
use crate::draft::Origin;
use crate::facts::{Known, Recipient, Role, Scope};
use crate::kind::Kind;
use crate::policy::FamilyPermission;
use crate::refusal::{Code, Reason};

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let recipient = match &asked.facts.recipient {
        Known::Yes(recipient) => recipient,
        Known::No(why) => return Findings::missing("the recipient", why),
    };
    let mut findings = Findings::default();
    on_file(asked, recipient, &mut findings);
    if recipient.deceased && !by_a_human_to_the_representative(asked, &recipient.role) {
        findings.refuse(Code::Deceased, "The patient has died.");
    }
    match &recipient.role {
        Role::Patient | Role::Unknown => {}
        Role::Representative { of_minor } => {
            representative(asked, recipient.age, *of_minor, &mut findings);
        }
        Role::Caregiver { scope, written } => caregiver(asked, scope, *written, &mut findings),
    }
    match &asked.facts.minor_confidential {
        Known::Yes(true) if !matches!(recipient.role, Role::Patient) => findings
            .refuse(Code::MinorConfidential, "This matter is marked as the young person's own."),
        Known::Yes(_) => {}
        Known::No(why) => {
            findings.reasons.push(Reason::missing("whether the matter is confidential", why));
        }
    }
    findings
}

fn on_file(asked: &Asked<'_>, recipient: &Recipient, findings: &mut Findings) {
    let known = recipient.role != Role::Unknown;
    let answers_whoever_wrote = asked.draft.kind.may_answer_a_stranger() && asked.answers();
    if known != asked.draft.patient.is_some() {
        findings.refuse(Code::NoRecipient, "The message and the patient on file do not match.");
    } else if answers_whoever_wrote {
        // A level-0 answer to the number it came from, whoever holds it.
    } else if !known {
        findings.refuse(Code::NoRecipient, "Nobody on file has this number or address.");
    } else if !recipient.active {
        findings.refuse(Code::NoRecipient, "The patient's record is not in use.");
    }
}

fn by_a_human_to_the_representative(asked: &Asked<'_>, role: &Role) -> bool {
    asked.draft.origin == Origin::Staff && matches!(role, Role::Representative { .. })
}

fn representative(asked: &Asked<'_>, age: Option<u16>, of_minor: bool, findings: &mut Findings) {
    if !of_minor || asked.draft.kind.may_answer_a_stranger() {
        return;
    }
    match age {
        Some(0..18) => {}
        Some(_) => findings.refuse(
            Code::CaregiverScope,
            "The patient is 18 or older, so a parent's authority has ended.",
        ),
        None => findings
            .reasons
            .push(Reason::missing("the patient's age", "no date of birth is on file")),
    }
}

fn caregiver(asked: &Asked<'_>, scope: &[Scope], written: bool, findings: &mut Findings) {
    let counts = written || asked.rules().family_permission == FamilyPermission::Recorded;
    let scope = if counts { scope } else { &[] };
    let level_0_only = scope.is_empty() || asked.recorded();
    let within = asked.cells.iter().all(|cell| match (cell.level, cell.category) {
        (Level::Administrative, _) => true,
        (Level::Mention | Level::Detail, _) if level_0_only => false,
        (Level::Mention | Level::Detail, Category::Billing) => scope.contains(&Scope::Billing),
        (Level::Mention | Level::Detail, _) => scope.contains(&Scope::Clinical),
        (Level::Sensitive | Level::Never, _) => false,
    });
    if !within || !kind_in_scope(asked.draft.kind, scope) {
        findings.refuse(
            Code::CaregiverScope,
            "What the patient lets this person know does not cover the message.",
        );
    }
}

fn kind_in_scope(kind: Kind, scope: &[Scope]) -> bool {
    match kind {
        Kind::FamilyCallback | Kind::GeneralCallback => true,
        kind if kind.may_answer_a_stranger() => true,
        Kind::AppointmentReminder
        | Kind::AppointmentReminderGeneric
        | Kind::AppointmentReplyAck
        | Kind::VisitCallback
        | Kind::Recall
        | Kind::WaitlistOffer
        | Kind::PreVisitForms
        | Kind::TelehealthLink => scope.contains(&Scope::Appointments),
        Kind::AccountCallback | Kind::StatementReady => scope.contains(&Scope::Billing),
        Kind::RefillReminder | Kind::RxReady | Kind::ResultsReady | Kind::Aftercare => {
            scope.contains(&Scope::Clinical)
        }
        Kind::FreeText
        | Kind::SecureMessageNotice
        | Kind::Closure
        | Kind::IdCode
        | Kind::CallCode
        | Kind::OptInConfirm
        | Kind::RiskWarning
        | Kind::ConsentReceipt => scope.iter().any(|s| *s != Scope::CallBack),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use guard::{Category, Channel, Level};

    use super::check;
    use crate::draft::Origin;
    use crate::facts::{Known, Role, Scope};
    use crate::kind::Kind;
    use crate::passing::{Case, cell, minutes};
    use crate::refusal::Code;

    fn caregiver(kind: Kind, scope: &[Scope]) -> Case {
        Case::text().with(|case| {
            case.draft.kind = kind;
            case.recipient().role = Role::Caregiver { scope: scope.to_vec(), written: false };
        })
    }

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.recipient = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
        let case = Case::text().with(|case| case.facts.minor_confidential = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    #[test]
    fn the_dead_hear_from_a_person_through_the_representative_or_not_at_all() {
        let origins =
            [Origin::Automated, Origin::Reply { to_message_at: Case::text().now }, Origin::Staff];
        let roles = [
            (Role::Patient, false),
            (Role::Representative { of_minor: false }, true),
            (Role::Caregiver { scope: vec![Scope::Appointments], written: true }, false),
        ];
        for origin in origins {
            for (role, representative) in &roles {
                let case = Case::text().with(|case| {
                    case.draft.origin = origin;
                    case.recipient().role = role.clone();
                    case.recipient().deceased = true;
                });
                let passes = *representative && origin == Origin::Staff;
                let expected: &[Code] = if passes { &[] } else { &[Code::Deceased] };
                assert_eq!(case.codes(check), expected, "{origin:?} {role:?}");
            }
        }
    }

    #[test]
    fn a_stranger_gets_protocol_answers_only() {
        for kind in Kind::ALL {
            let case = Case::stranger(*kind);
            let expected: &[Code] =
                if kind.may_answer_a_stranger() { &[] } else { &[Code::NoRecipient] };
            assert_eq!(case.codes(check), expected, "{kind:?}");
        }
        let unasked = Case::stranger(Kind::Help).with(|case| case.draft.origin = Origin::Staff);
        assert_eq!(unasked.codes(check), [Code::NoRecipient]);
        let stale = Case::stranger(Kind::Help).with(|case| {
            case.draft.origin =
                Origin::Reply { to_message_at: case.now - minutes(60 * 24 * 4 + 1) };
        });
        assert_eq!(stale.codes(check), [Code::NoRecipient]);
    }

    #[test]
    fn draft_and_file_name_the_same_person_or_nobody() {
        let nobody =
            Case::stranger(Kind::Help).with(|case| case.draft.patient = Case::text().draft.patient);
        assert_eq!(nobody.codes(check), [Code::NoRecipient]);
        let somebody = Case::answer(Kind::Help).with(|case| case.draft.patient = None);
        assert_eq!(somebody.codes(check), [Code::NoRecipient]);
    }

    #[test]
    fn a_record_out_of_use_gets_protocol_answers_only() {
        let inactive = |case: Case| case.with(|case| case.recipient().active = false);
        assert_eq!(inactive(Case::text()).codes(check), [Code::NoRecipient]);
        assert_eq!(inactive(Case::answer(Kind::EmergencyAutoreply)).codes(check), []);
        assert_eq!(
            inactive(Case::answer(Kind::AppointmentReplyAck)).codes(check),
            [Code::NoRecipient]
        );
    }

    #[test]
    fn a_parents_authority_ends_at_eighteen() {
        for (age, expected) in [
            (Some(0), None),
            (Some(17), None),
            (Some(18), Some(Code::CaregiverScope)),
            (Some(40), Some(Code::CaregiverScope)),
            (None, Some(Code::FactMissing)),
        ] {
            let case = Case::text().with(|case| {
                case.recipient().role = Role::Representative { of_minor: true };
                case.recipient().age = age;
            });
            assert_eq!(case.codes(check), expected.into_iter().collect::<Vec<_>>(), "{age:?}");
            let power = case.with(|case| {
                case.recipient().role = Role::Representative { of_minor: false };
            });
            assert_eq!(power.codes(check), [], "{age:?}");
        }
        let answer = Case::answer(Kind::EmergencyAutoreply).with(|case| {
            case.recipient().role = Role::Representative { of_minor: true };
            case.recipient().age = None;
        });
        assert_eq!(answer.codes(check), []);
    }

    #[test]
    fn what_is_the_young_persons_own_goes_to_them_alone() {
        for (role, expected) in [
            (Role::Patient, None),
            (Role::Representative { of_minor: true }, Some(Code::MinorConfidential)),
            (Role::Representative { of_minor: false }, Some(Code::MinorConfidential)),
            (
                Role::Caregiver { scope: vec![Scope::Appointments], written: true },
                Some(Code::MinorConfidential),
            ),
        ] {
            let case = Case::text().with(|case| {
                case.recipient().role = role;
                case.recipient().age = Some(15);
                case.facts.minor_confidential = Known::Yes(true);
            });
            assert_eq!(case.codes(check), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_kind_has_its_scope() {
        use Scope::{Appointments, Billing, CallBack, Clinical};
        let all = [CallBack, Appointments, Billing, Clinical];
        let table: [(&[Kind], &[Scope]); 6] = [
            (
                &[
                    Kind::AppointmentReminder,
                    Kind::AppointmentReminderGeneric,
                    Kind::AppointmentReplyAck,
                    Kind::VisitCallback,
                    Kind::Recall,
                    Kind::WaitlistOffer,
                    Kind::PreVisitForms,
                    Kind::TelehealthLink,
                ],
                &[Appointments],
            ),
            (&[Kind::AccountCallback, Kind::StatementReady], &[Billing]),
            (
                &[Kind::RefillReminder, Kind::RxReady, Kind::ResultsReady, Kind::Aftercare],
                &[Clinical],
            ),
            (
                &[
                    Kind::FreeText,
                    Kind::SecureMessageNotice,
                    Kind::Closure,
                    Kind::IdCode,
                    Kind::CallCode,
                    Kind::OptInConfirm,
                    Kind::RiskWarning,
                    Kind::ConsentReceipt,
                ],
                &[Appointments, Billing, Clinical],
            ),
            (
                &[
                    Kind::FamilyCallback,
                    Kind::GeneralCallback,
                    Kind::StopConfirm,
                    Kind::StartConfirm,
                    Kind::Help,
                    Kind::WrongNumberApology,
                    Kind::EmergencyAutoreply,
                    Kind::AfterHoursAutoreply,
                    Kind::ClinicalQuestionAutoreply,
                ],
                &all,
            ),
            (&[Kind::Survey, Kind::SelfTest, Kind::BreachNotice, Kind::Marketing], &[]),
        ];
        assert_eq!(table.iter().map(|(kinds, _)| kinds.len()).sum::<usize>(), Kind::ALL.len());
        for (kinds, scopes) in table {
            for kind in kinds {
                for scope in all {
                    let expected: &[Code] =
                        if scopes.contains(&scope) { &[] } else { &[Code::CaregiverScope] };
                    assert_eq!(caregiver(*kind, &[scope]).codes(check), expected, "{kind:?}");
                }
            }
        }
        assert_eq!(caregiver(Kind::FamilyCallback, &[]).codes(check), []);
        assert_eq!(caregiver(Kind::FreeText, &[]).codes(check), [Code::CaregiverScope]);
    }

    #[test]
    fn content_for_a_caregiver_stays_in_scope_and_below_level_3() {
        use Scope::{Billing, Clinical};
        let everyone = [Billing, Clinical];
        for (level, category, scope, fits) in [
            (Level::Administrative, Category::Diagnosis, &[][..], true),
            (Level::Mention, Category::LabResult, &[], false),
            (Level::Mention, Category::LabResult, &[Clinical], true),
            (Level::Detail, Category::Medication, &[Clinical], true),
            (Level::Detail, Category::Medication, &[Billing], false),
            (Level::Mention, Category::Billing, &[Billing], true),
            (Level::Detail, Category::Billing, &[Clinical], false),
            (Level::Sensitive, Category::Hiv, &everyone, false),
            (Level::Never, Category::IdentifierSsn, &everyone, false),
        ] {
            let case = caregiver(Kind::GeneralCallback, scope)
                .with(|case| case.cells = vec![cell(level, category)]);
            let expected: &[Code] = if fits { &[] } else { &[Code::CaregiverScope] };
            assert_eq!(case.codes(check), expected, "{level:?} {category:?} {scope:?}");
        }
    }

    #[test]
    fn a_caregivers_recording_is_level_0() {
        for channel in [Channel::Voicemail, Channel::RinglessVoicemail] {
            let case = caregiver(Kind::GeneralCallback, &[Scope::Clinical]).with(|case| {
                case.draft.channel = channel;
                case.cells = vec![cell(Level::Mention, Category::LabResult)];
            });
            assert_eq!(case.codes(check), [Code::CaregiverScope]);
        }
    }

    #[test]
    fn a_practice_may_count_only_written_permission() {
        let written = |written| {
            caregiver(Kind::AppointmentReminder, &[Scope::Appointments])
                .policy("[rules]\nfamily_permission = \"written\"")
                .with(|case| {
                    case.recipient().role =
                        Role::Caregiver { scope: vec![Scope::Appointments], written };
                })
        };
        assert_eq!(written(true).codes(check), []);
        assert_eq!(written(false).codes(check), [Code::CaregiverScope]);
    }
}
