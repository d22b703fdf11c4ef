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
