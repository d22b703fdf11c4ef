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
        | Kind::OptInConfirm
        | Kind::RiskWarning
        | Kind::ConsentReceipt => scope.iter().any(|s| *s != Scope::CallBack),
        _ => false,
    }
}
