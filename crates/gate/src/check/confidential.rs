//! Where the patient asked to be reached, and where not: 45 CFR 164.522 (PRIV-05, PRIV-06), and
//! holds and safety flags (CLIN-10).

use guard::Channel;

use super::{Asked, Findings};
use crate::draft::Origin;
use crate::facts::{Alternative, Known, Restriction};
use crate::kind::Kind;
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let mut findings = Findings::default();
    match &asked.facts.alternatives {
        Known::Yes(alternatives) => alternative_contact(asked, alternatives, &mut findings),
        Known::No(why) => {
            findings.take(Findings::missing("the confidential contacts", why));
        }
    }
    match &asked.facts.restrictions {
        Known::Yes(restrictions) => restricted(asked, restrictions, &mut findings),
        Known::No(why) => findings.take(Findings::missing("the restrictions", why)),
    }
    findings
}

/// A number that just wrote gets its level-0 protocol answer where it wrote from.
fn alternative_contact(asked: &Asked<'_>, alternatives: &[Alternative], findings: &mut Findings) {
    let draft = asked.draft;
    if draft.kind.may_answer_a_stranger() && asked.answers() {
        return;
    }
    let governing = alternatives.iter().filter(|alternative| match alternative.channel {
        Some(channel) => same_way(channel, draft.channel),
        // The portal account is the patient's own wherever they live.
        None => draft.channel != Channel::Portal,
    });
    let mut none_at_all = false;
    let mut governed = false;
    let mut met = false;
    for alternative in governing {
        governed = true;
        match alternative.use_instead {
            None => none_at_all = true,
            Some(point) => met |= draft.contact_point == Some(point),
        }
    }
    if none_at_all || (governed && !met) {
        findings.refuse(
            Code::AlternativeContact,
            "The patient asked to be reached in another, confidential way.",
        );
    }
}

fn restricted(asked: &Asked<'_>, restrictions: &[Restriction], findings: &mut Findings) {
    let draft = asked.draft;
    // 45 CFR 164.522(a)(1)(iii): a restriction does not stand in the way of an emergency.
    let emergency = draft.kind == Kind::EmergencyAutoreply && asked.answers();
    for restriction in restrictions {
        let applies = match *restriction {
            Restriction::Channel(channel) => !emergency && same_way(channel, draft.channel),
            Restriction::ContactPoint(point) => !emergency && draft.contact_point == Some(point),
            Restriction::Kind(kind) => !emergency && draft.kind == kind,
            Restriction::Hold if draft.origin != Origin::Staff && !emergency => {
                findings.refuse(Code::Hold, "Contact is on hold for this patient.");
                false
            }
            Restriction::Hold => false,
            // Someone else may hold the phone: no exception at all.
            Restriction::Safety => asked.text_or_recording(),
        };
        if applies {
            findings.refuse(Code::Restricted, "The patient asked us not to reach them this way.");
        }
    }
}

/// A call is a call, whoever turns out to listen.
fn same_way(one: Channel, other: Channel) -> bool {
    let live = |c| matches!(c, Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified);
    one == other || (live(one) && live(other))
}
