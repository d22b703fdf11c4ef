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
    let answer = draft.kind.answers_the_patient() && draft.kind != Kind::IdCode;
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
