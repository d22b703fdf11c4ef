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
            Restriction::Hold | Restriction::Part2 => false,
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

#[cfg(test)]
mod tests {
    use guard::Channel;

    use super::check;
    use crate::draft::Origin;
    use crate::facts::{Alternative, Known, Restriction};
    use crate::kind::Kind;
    use crate::passing::{Case, point};
    use crate::refusal::Code;

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| {
            case.facts.alternatives = Known::No("no row");
            case.facts.restrictions = Known::No("no row");
        });
        assert_eq!(case.codes(check), [Code::FactMissing, Code::FactMissing]);
    }

    #[test]
    fn the_confidential_contact_is_the_only_one() {
        use Channel::{Email, LiveVoiceUnverified, LiveVoiceVerified, Portal, Sms};
        let here = Some(point(13));
        let there = Some(point(99));
        let one = |channel, use_instead| vec![Alternative { channel, use_instead }];
        let table = [
            (Sms, one(Some(Sms), here), true),
            (Sms, one(Some(Sms), there), false),
            (Sms, one(Some(Sms), None), false),
            (Sms, one(Some(Email), there), true),
            (Sms, one(None, here), true),
            (Sms, one(None, there), false),
            (Sms, one(None, None), false),
            (Portal, one(None, there), true),
            (Portal, one(Some(Portal), None), false),
            (LiveVoiceVerified, one(Some(LiveVoiceUnverified), there), false),
            (LiveVoiceVerified, one(Some(LiveVoiceUnverified), here), true),
            (Sms, [one(None, there), one(Some(Sms), here)].concat(), true),
            (Sms, [one(None, None), one(Some(Sms), here)].concat(), false),
        ];
        for (channel, alternatives, passes) in table {
            let case = Case::by(channel)
                .with(|case| case.facts.alternatives = Known::Yes(alternatives.clone()));
            let expected: &[Code] = if passes { &[] } else { &[Code::AlternativeContact] };
            assert_eq!(case.codes(check), expected, "{channel:?} {alternatives:?}");
        }
        let nowhere = Case::text().with(|case| {
            case.draft.contact_point = None;
            case.facts.alternatives = Known::Yes(one(None, here));
        });
        assert_eq!(nowhere.codes(check), [Code::AlternativeContact]);
    }

    #[test]
    fn a_protocol_answer_goes_where_the_question_came_from() {
        for (kind, expected) in [
            (Kind::StopConfirm, &[][..]),
            (Kind::EmergencyAutoreply, &[]),
            (Kind::AppointmentReplyAck, &[Code::AlternativeContact]),
        ] {
            let case = Case::answer(kind).with(|case| {
                case.facts.alternatives =
                    Known::Yes(vec![Alternative { channel: None, use_instead: Some(point(99)) }]);
            });
            assert_eq!(case.codes(check), expected, "{kind:?}");
        }
        let unasked = Case::text().with(|case| {
            case.draft.kind = Kind::Help;
            case.facts.alternatives =
                Known::Yes(vec![Alternative { channel: None, use_instead: Some(point(99)) }]);
        });
        assert_eq!(unasked.codes(check), [Code::AlternativeContact]);
    }

    #[test]
    fn each_restriction_stops_what_it_names() {
        use Channel::{Email, LiveVoiceUnverified, LiveVoiceVerified, Portal, Sms};
        use Channel::{RinglessVoicemail, Voicemail};
        let (auto, staff) = (Origin::Automated, Origin::Staff);
        let table = [
            (Sms, auto, Restriction::Channel(Sms), Some(Code::Restricted)),
            (Sms, staff, Restriction::Channel(Sms), Some(Code::Restricted)),
            (Sms, auto, Restriction::Channel(Email), None),
            (
                LiveVoiceUnverified,
                staff,
                Restriction::Channel(LiveVoiceVerified),
                Some(Code::Restricted),
            ),
            (Sms, auto, Restriction::Channel(LiveVoiceVerified), None),
            (LiveVoiceVerified, staff, Restriction::Channel(Sms), None),
            (Sms, auto, Restriction::ContactPoint(point(13)), Some(Code::Restricted)),
            (Sms, auto, Restriction::ContactPoint(point(99)), None),
            (Sms, auto, Restriction::Kind(Kind::AppointmentReminder), Some(Code::Restricted)),
            (Sms, auto, Restriction::Kind(Kind::Survey), None),
            (Sms, auto, Restriction::Hold, Some(Code::Hold)),
            (Sms, staff, Restriction::Hold, None),
            (Sms, staff, Restriction::Safety, Some(Code::Restricted)),
            (Voicemail, staff, Restriction::Safety, Some(Code::Restricted)),
            (RinglessVoicemail, staff, Restriction::Safety, Some(Code::Restricted)),
            (Email, auto, Restriction::Safety, None),
            (Portal, auto, Restriction::Safety, None),
            (LiveVoiceVerified, staff, Restriction::Safety, None),
        ];
        for (channel, origin, restriction, expected) in table {
            let case = Case::by(channel).with(|case| {
                case.draft.origin = origin;
                case.facts.restrictions = Known::Yes(vec![restriction]);
            });
            let expected: Vec<Code> = expected.into_iter().collect();
            assert_eq!(case.codes(check), expected, "{channel:?} {origin:?} {restriction:?}");
        }
    }

    #[test]
    fn the_emergency_answer_passes_all_but_the_safety_flag() {
        for (restriction, expected) in [
            (Restriction::Channel(Channel::Sms), &[][..]),
            (Restriction::ContactPoint(point(13)), &[]),
            (Restriction::Kind(Kind::EmergencyAutoreply), &[]),
            (Restriction::Hold, &[]),
            (Restriction::Safety, &[Code::Restricted]),
        ] {
            let case = Case::answer(Kind::EmergencyAutoreply)
                .with(|case| case.facts.restrictions = Known::Yes(vec![restriction]));
            assert_eq!(case.codes(check), expected, "{restriction:?}");
        }
        let other = Case::answer(Kind::AppointmentReplyAck)
            .with(|case| case.facts.restrictions = Known::Yes(vec![Restriction::Hold]));
        assert_eq!(other.codes(check), [Code::Hold]);
        let unasked = Case::text().with(|case| {
            case.draft.kind = Kind::EmergencyAutoreply;
            case.facts.restrictions = Known::Yes(vec![Restriction::Channel(Channel::Sms)]);
        });
        assert_eq!(unasked.codes(check), [Code::Restricted]);
    }
}
