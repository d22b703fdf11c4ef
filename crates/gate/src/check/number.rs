//! Whether the number or mailbox is fit to be used: §5.7, EML-09, EML-10.

use guard::{Channel, Level};

use super::{Asked, Findings};
use crate::address::AddressKind;
use crate::facts::{AddressFacts, Dead, Known, Line};
use crate::kind::Kind;
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let address = match &asked.facts.address {
        Known::Yes(address) => address,
        Known::No(why) => return Findings::missing("the number or address", why),
    };
    let mut findings = Findings::default();
    fits(asked, address, &mut findings);
    if asked.draft.channel == Channel::Portal {
        return findings;
    }
    standing(asked, address, &mut findings);
    let health = asked.cells.iter().any(|cell| cell.level > Level::Administrative);
    if asked.unsecured() && health && !address.verified {
        findings.refuse(
            Code::AddressUnverified,
            "Nobody has verified that this number or address is the patient's.",
        );
    }
    findings
}

/// The address is of the channel's kind, and stands on file unless it answers a stranger.
fn fits(asked: &Asked<'_>, address: &AddressFacts, findings: &mut Findings) {
    let draft = asked.draft;
    let wanted = match draft.channel {
        Channel::Sms
        | Channel::Voicemail
        | Channel::RinglessVoicemail
        | Channel::LiveVoiceVerified
        | Channel::LiveVoiceUnverified => AddressKind::Phone,
        Channel::Email => AddressKind::Email,
        Channel::Portal => AddressKind::Portal,
    };
    if draft.address.kind() != wanted {
        findings.refuse(Code::NoAddress, "The address is not of this channel's kind.");
    } else if draft.channel == Channel::Portal && !asked.facts.portal_ready {
        findings.refuse(Code::NoAddress, "The patient has no portal account yet.");
    } else if asked.unsecured() && draft.contact_point.is_none() && !answers_a_stranger(asked) {
        findings.refuse(Code::NoAddress, "The number or address is not on file.");
    } else if asked.text_or_recording() && address.line == Line::NotALine {
        findings.refuse(Code::NoAddress, "This is not a telephone line.");
    }
    if draft.channel == Channel::Sms && address.line == Line::Landline {
        findings.refuse(Code::Landline, "The number is a landline.");
    }
}

/// A number that just wrote works, whatever is on file about it, and may have its protocol answer;
/// but a wrong number hears only the apology and the emergency text.
fn standing(asked: &Asked<'_>, address: &AddressFacts, findings: &mut Findings) {
    let answer = answers_a_stranger(asked);
    let to_a_wrong_number =
        answer && matches!(asked.draft.kind, Kind::WrongNumberApology | Kind::EmergencyAutoreply);
    match address.dead {
        Some(Dead::WrongNumber) if !to_a_wrong_number => {
            findings.refuse(Code::WrongNumber, "Someone else answered at this number.");
        }
        Some(Dead::Bounced) if !answer => {
            findings.refuse(Code::Bounced, "The last message there came back.");
        }
        Some(Dead::Reassigned) if !answer => {
            findings.refuse(Code::Reassigned, "The number was given to someone else.");
        }
        _ => {}
    }
    if !address.in_period && !answer {
        findings.refuse(Code::AddressExpired, "The number or address is not in use at this time.");
    }
}

fn answers_a_stranger(asked: &Asked<'_>) -> bool {
    asked.draft.kind.may_answer_a_stranger() && asked.answers()
}

#[cfg(test)]
mod tests {
    use guard::{Category, Channel, Level};

    use super::check;
    use crate::draft::Origin;
    use crate::facts::{Dead, Known, Line};
    use crate::kind::Kind;
    use crate::passing::{Case, address_for, cell};
    use crate::refusal::Code;

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.address = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    #[test]
    fn the_address_is_of_the_channels_kind() {
        for channel in Channel::ALL {
            for other in Channel::ALL {
                let case = Case::by(channel).with(|c| c.draft.address = address_for(other));
                let fits = address_for(channel).kind() == address_for(other).kind();
                let expected: &[Code] = if fits { &[] } else { &[Code::NoAddress] };
                assert_eq!(case.codes(check), expected, "{channel:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_portal_wants_an_account() {
        let case = Case::by(Channel::Portal).with(|case| case.facts.portal_ready = false);
        assert_eq!(case.codes(check), [Code::NoAddress]);
        let text = Case::text().with(|case| case.facts.portal_ready = false);
        assert_eq!(text.codes(check), []);
    }

    #[test]
    fn the_contact_point_is_on_file_unless_it_just_wrote() {
        for (channel, wanted) in
            Channel::ALL.into_iter().zip([true, true, true, true, false, false, false])
        {
            let case = Case::by(channel).with(|case| case.draft.contact_point = None);
            let expected: &[Code] = if wanted { &[Code::NoAddress] } else { &[] };
            assert_eq!(case.codes(check), expected, "{channel:?}");
        }
        assert_eq!(Case::stranger(Kind::Help).codes(check), []);
        assert_eq!(Case::stranger(Kind::AppointmentReplyAck).codes(check), [Code::NoAddress]);
        let unasked = Case::stranger(Kind::Help).with(|case| case.draft.origin = Origin::Staff);
        assert_eq!(unasked.codes(check), [Code::NoAddress]);
    }

    #[test]
    fn a_line_takes_what_it_can() {
        use Channel::{Email, LiveVoiceVerified, RinglessVoicemail, Sms, Voicemail};
        use Line::{Landline, Mobile, NotALine, Unknown, Voip};
        for (channel, line, expected) in [
            (Sms, Mobile, None),
            (Sms, Voip, None),
            (Sms, Unknown, None),
            (Sms, Landline, Some(Code::Landline)),
            (Sms, NotALine, Some(Code::NoAddress)),
            (Voicemail, Landline, None),
            (Voicemail, NotALine, Some(Code::NoAddress)),
            (RinglessVoicemail, NotALine, Some(Code::NoAddress)),
            (LiveVoiceVerified, Landline, None),
            (Email, NotALine, None),
        ] {
            let case = Case::by(channel).with(|case| case.address().line = line);
            let expected: Vec<Code> = expected.into_iter().collect();
            assert_eq!(case.codes(check), expected, "{channel:?} {line:?}");
        }
    }

    #[test]
    fn a_dead_address_is_dead_but_to_a_fresh_question() {
        for (dead, code) in [
            (Dead::WrongNumber, Code::WrongNumber),
            (Dead::Bounced, Code::Bounced),
            (Dead::Reassigned, Code::Reassigned),
        ] {
            let spoiled = |case: Case| case.with(|case| case.address().dead = Some(dead));
            assert_eq!(spoiled(Case::text()).codes(check), [code]);
            assert_eq!(spoiled(Case::by(Channel::LiveVoiceVerified)).codes(check), [code]);
            assert_eq!(spoiled(Case::by(Channel::Portal)).codes(check), []);
            for kind in Kind::ALL {
                let passes = match dead {
                    Dead::WrongNumber => {
                        matches!(kind, Kind::WrongNumberApology | Kind::EmergencyAutoreply)
                    }
                    _ => kind.may_answer_a_stranger(),
                };
                let expected: &[Code] = if passes { &[] } else { &[code] };
                assert_eq!(spoiled(Case::answer(*kind)).codes(check), expected, "{kind:?}");
            }
            let unasked =
                spoiled(Case::text()).with(|case| case.draft.kind = Kind::WrongNumberApology);
            assert_eq!(unasked.codes(check), [code]);
        }
    }

    #[test]
    fn an_address_has_its_period() {
        let over = |case: Case| case.with(|case| case.address().in_period = false);
        assert_eq!(over(Case::text()).codes(check), [Code::AddressExpired]);
        assert_eq!(over(Case::answer(Kind::Help)).codes(check), []);
        assert_eq!(over(Case::by(Channel::Portal)).codes(check), []);
    }

    #[test]
    fn more_than_level_0_wants_a_verified_address() {
        for (channel, wanted) in
            Channel::ALL.into_iter().zip([true, true, true, true, false, false, false])
        {
            for level in Level::ALL {
                let case = Case::by(channel).with(|case| {
                    case.address().verified = false;
                    case.cells = vec![cell(level, Category::LabResult)];
                });
                let refused = wanted && level > Level::Administrative;
                let expected: &[Code] = if refused { &[Code::AddressUnverified] } else { &[] };
                assert_eq!(case.codes(check), expected, "{channel:?} {level:?}");
            }
        }
    }
}
