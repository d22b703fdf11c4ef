//! What the patient stopped: TEL-10 to TEL-19, 47 CFR 64.1200(a)(10)-(12).

use guard::Channel;
use jiff::{SignedDuration, Timestamp};

use super::{Asked, Findings};
use crate::draft::Origin;
use crate::facts::{Known, OptOut};
use crate::kind::Kind;
use crate::policy::OptOutScope;
use crate::refusal::Code;

/// TEL-13.
const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// TEL-14: from 2027-01-31, midnight Eastern, a stop to one kind stops all by law (FCC DA 26-12).
const REVOKE_ALL_BY_LAW: Timestamp = Timestamp::constant(1_801_371_600, 0);

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let opt_outs = match &asked.facts.opt_outs {
        Known::Yes(opt_outs) => opt_outs,
        Known::No(why) => return Findings::missing("the opt-outs", why),
    };
    let mut findings = Findings::default();
    let wrong: Vec<&OptOut> =
        opt_outs.iter().filter(|o| o.wrong_number && silences_a_number(o, asked)).collect();
    let stopped: Vec<&OptOut> =
        opt_outs.iter().filter(|o| !o.wrong_number && covers(o, asked)).collect();
    if !wrong.is_empty() && !may_answer_a_wrong_number(asked, &wrong) {
        findings.refuse(Code::WrongNumber, "Someone else answered at this number.");
    }
    if asked.draft.kind == Kind::StopConfirm {
        confirmation(asked, &stopped, &mut findings);
    } else if !stopped.is_empty() && !may_answer_a_stopped_number(asked, &stopped) {
        findings.refuse(Code::OptedOut, "The patient asked us to stop.");
    }
    findings
}

/// Live calls by a person and the portal go on, unless the patient stopped just those; so does a
/// voicemail that a person leaves (TEL-14).
fn covers(opt_out: &OptOut, asked: &Asked<'_>) -> bool {
    let draft = asked.draft;
    if draft.channel == Channel::Voicemail && draft.origin == Origin::Staff {
        return false;
    }
    let all_of_them =
        asked.rules().opt_out_scope == OptOutScope::AllAutomated || asked.now >= REVOKE_ALL_BY_LAW;
    let of_texts_and_recordings = opt_out.channel.is_none_or(is_text_or_recording);
    if all_of_them && of_texts_and_recordings && asked.text_or_recording() {
        return true;
    }
    let same_channel = match opt_out.channel {
        Some(channel) => channel == draft.channel,
        None => asked.text_or_recording(),
    };
    // Its confirmation is not of the kind that was stopped.
    let same_kind =
        draft.kind == Kind::StopConfirm || opt_out.kind.is_none_or(|kind| kind == draft.kind);
    same_channel && same_kind
}

const fn is_text_or_recording(channel: Channel) -> bool {
    matches!(channel, Channel::Sms | Channel::Voicemail | Channel::RinglessVoicemail)
}

/// The number is somebody else's for texts, recordings and calls alike.
fn silences_a_number(opt_out: &OptOut, asked: &Asked<'_>) -> bool {
    match opt_out.channel {
        Some(Channel::Email) => asked.draft.channel == Channel::Email,
        Some(Channel::Portal) => asked.draft.channel == Channel::Portal,
        _ => asked.text_or_recording() || asked.live(),
    }
}

fn may_answer_a_wrong_number(asked: &Asked<'_>, wrong: &[&OptOut]) -> bool {
    match asked.draft.kind {
        Kind::EmergencyAutoreply => asked.answers(),
        Kind::WrongNumberApology => asked.answers() && wrong.iter().all(|o| !o.confirmed),
        _ => false,
    }
}

fn may_answer_a_stopped_number(asked: &Asked<'_>, stopped: &[&OptOut]) -> bool {
    if !asked.draft.kind.may_reach_an_opted_out_number() || !asked.answers() {
        return false;
    }
    match (asked.draft.kind, asked.draft.origin) {
        // The START must have come after the stop.
        (Kind::StartConfirm, Origin::Reply { to_message_at }) => {
            stopped.iter().all(|o| o.since < to_message_at)
        }
        _ => true,
    }
}

fn confirmation(asked: &Asked<'_>, stopped: &[&OptOut], findings: &mut Findings) {
    let Some(latest) = stopped.iter().map(|o| o.since).max() else {
        findings.refuse(Code::StopConfirmation, "No opt-out is on file to confirm.");
        return;
    };
    if stopped.iter().any(|o| o.confirmed) {
        findings.refuse(Code::StopConfirmation, "The opt-out has been confirmed already.");
    } else if latest > asked.now || asked.now.duration_since(latest) > CONFIRM_WITHIN {
        findings.refuse(Code::StopConfirmation, "The opt-out is more than five minutes old.");
    }
}
