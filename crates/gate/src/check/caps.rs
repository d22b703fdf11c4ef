//! How often and how long: §5.3 (47 CFR 64.1200(a)(9)(iv)), §5.6, PG-14.

use guard::Channel;

use super::{Asked, Findings};
use crate::draft::Origin;
use crate::facts::Known;
use crate::length;
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let history = match &asked.facts.history {
        Known::Yes(history) => history,
        Known::No(why) => return Findings::missing("what went to the patient lately", why),
    };
    let mut findings = Findings::default();
    let caps = asked.rules().caps;
    if counts(asked) {
        if history.today >= caps.per_day {
            findings.refuse(
                Code::CapDay,
                format!("The patient has had {} automated messages today.", history.today),
            );
        }
        if history.week >= caps.per_week {
            findings.refuse(
                Code::CapWeek,
                format!("The patient has had {} automated messages in seven days.", history.week),
            );
        }
    }
    too_long(asked, &mut findings);
    findings
}

/// Automated texts and recordings, together.
fn counts(asked: &Asked<'_>) -> bool {
    let by_a_person =
        asked.draft.origin == Origin::Staff && asked.draft.channel != Channel::RinglessVoicemail;
    asked.text_or_recording() && !by_a_person && !asked.answers() && !asked.is_emergency()
}

fn too_long(asked: &Asked<'_>, findings: &mut Findings) {
    let caps = asked.rules().caps;
    let body = &asked.draft.content.body;
    let (length, cap, unit) = match asked.draft.channel {
        Channel::Sms => (length::segments(body), caps.sms_segments, "parts of a text"),
        Channel::Email => (length::characters(body), caps.email_characters, "characters"),
        Channel::Voicemail | Channel::RinglessVoicemail => {
            (length::seconds(body), caps.voice_seconds, "seconds")
        }
        Channel::Portal | Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified => return,
    };
    if length > u64::from(cap) {
        findings.refuse(Code::TooLong, format!("It comes to {length} {unit}; {cap} is the most."));
    }
}
