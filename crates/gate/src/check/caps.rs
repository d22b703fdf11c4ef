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

#[cfg(test)]
mod tests {
    use guard::Channel;

    use super::check;
    use crate::draft::Origin;
    use crate::facts::Known;
    use crate::kind::{Kind, Purpose};
    use crate::passing::{Case, minutes};
    use crate::refusal::Code;

    fn after(case: Case, today: u32, week: u32) -> Case {
        case.with(|case| {
            case.history().today = today;
            case.history().week = week;
        })
    }

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.history = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    #[test]
    fn one_a_day_and_three_a_week() {
        for (today, week, expected) in [
            (0, 0, &[][..]),
            (0, 2, &[]),
            (1, 1, &[Code::CapDay]),
            (0, 3, &[Code::CapWeek]),
            (2, 4, &[Code::CapDay, Code::CapWeek]),
        ] {
            assert_eq!(after(Case::text(), today, week).codes(check), expected);
        }
        let more = Case::text().policy("[rules.caps]\nper_day = 2\nper_week = 5");
        assert_eq!(after(more.clone(), 1, 4).codes(check), []);
        assert_eq!(after(more, 2, 5).codes(check), [Code::CapDay, Code::CapWeek]);
    }

    #[test]
    fn only_automated_texts_and_recordings_count() {
        use Channel::{Email, LiveVoiceVerified, Portal, RinglessVoicemail, Sms, Voicemail};
        for (channel, by_plan, by_staff) in [
            (Sms, true, false),
            (Voicemail, true, false),
            (RinglessVoicemail, true, true),
            (Email, false, false),
            (Portal, false, false),
            (LiveVoiceVerified, false, false),
        ] {
            for (origin, capped) in [(Origin::Automated, by_plan), (Origin::Staff, by_staff)] {
                let case = after(Case::by(channel), 1, 1).with(|c| c.draft.origin = origin);
                let expected: &[Code] = if capped { &[Code::CapDay] } else { &[] };
                assert_eq!(case.codes(check), expected, "{channel:?} {origin:?}");
            }
        }
    }

    #[test]
    fn answers_and_emergencies_are_not_counted() {
        assert_eq!(after(Case::answer(Kind::AppointmentReplyAck), 9, 9).codes(check), []);
        let stale = after(Case::answer(Kind::AppointmentReplyAck), 1, 1).with(|case| {
            case.draft.origin = Origin::Reply { to_message_at: case.now - minutes(6_000) };
        });
        assert_eq!(stale.codes(check), [Code::CapDay]);
        let warned = after(Case::by(Channel::RinglessVoicemail), 1, 1).with(|case| {
            case.draft.origin = Origin::Staff;
            case.draft.purpose = Purpose::Emergency;
        });
        assert_eq!(warned.codes(check), []);
    }

    #[test]
    fn each_channel_has_its_length() {
        use Channel::{Email, LiveVoiceVerified, Portal, RinglessVoicemail, Sms, Voicemail};
        let parts = |n: usize| "a".repeat(153 * n);
        let words = |n: usize| "word ".repeat(n);
        for (channel, body, fits) in [
            (Sms, parts(3), true),
            (Sms, parts(3) + "a", false),
            (Email, "é".repeat(2_000), true),
            (Email, "é".repeat(2_001), false),
            (Voicemail, words(150), true),
            (Voicemail, words(151), false),
            (RinglessVoicemail, words(150), true),
            (RinglessVoicemail, words(151), false),
            (Portal, words(9_000), true),
            (LiveVoiceVerified, words(9_000), true),
        ] {
            let case = Case::by(channel).with(|case| case.draft.content.body = body);
            let expected: &[Code] = if fits { &[] } else { &[Code::TooLong] };
            assert_eq!(case.codes(check), expected, "{channel:?}");
        }
    }
}
