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

#[cfg(test)]
mod tests {
    use guard::Channel;

    use super::{REVOKE_ALL_BY_LAW, check};
    use crate::draft::Origin;
    use crate::facts::{Known, OptOut};
    use crate::kind::Kind;
    use crate::passing::{Case, at, minutes, stop};
    use crate::refusal::Code;

    fn stopped(case: Case, change: impl FnOnce(&mut OptOut)) -> Case {
        case.with(|case| {
            let mut opt_out = stop(case.now - minutes(2));
            change(&mut opt_out);
            case.facts.opt_outs = Known::Yes(vec![opt_out]);
        })
    }

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.opt_outs = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    /// (stopped channel, stopped kind) × (scope) × (channel, origin) → refused?
    #[test]
    fn a_stop_reaches_as_far_as_the_rulebook_says() {
        use Channel::{Email, LiveVoiceVerified, Portal, RinglessVoicemail, Sms, Voicemail};
        let (auto, staff) = (Origin::Automated, Origin::Staff);
        let this = Kind::AppointmentReminder;
        let other = Kind::Survey;
        let table = [
            // Everything automated.
            (None, None, Sms, auto, true, true),
            (None, None, Sms, staff, true, true),
            (None, None, Voicemail, auto, true, true),
            (None, None, Voicemail, staff, false, false),
            (None, None, RinglessVoicemail, auto, true, true),
            (None, None, RinglessVoicemail, staff, true, true),
            (None, None, Email, auto, false, false),
            (None, None, Portal, auto, false, false),
            (None, None, LiveVoiceVerified, staff, false, false),
            // One channel.
            (Some(Sms), None, Sms, auto, true, true),
            (Some(Sms), None, Voicemail, auto, true, false),
            (Some(Sms), None, Email, auto, false, false),
            (Some(Email), None, Email, auto, true, true),
            (Some(Email), None, Email, staff, true, true),
            (Some(Email), None, Sms, auto, false, false),
            (Some(Portal), None, Portal, auto, true, true),
            (Some(Portal), None, Sms, auto, false, false),
            (Some(LiveVoiceVerified), None, LiveVoiceVerified, staff, true, true),
            // One kind.
            (None, Some(this), Sms, auto, true, true),
            (None, Some(other), Sms, auto, true, false),
            (Some(Email), Some(other), Email, auto, false, false),
            (Some(Email), Some(this), Email, auto, true, true),
        ];
        for (channel, kind, by, origin, in_all, in_category) in table {
            for (scope, refused) in [("all_automated", in_all), ("category", in_category)] {
                let case = stopped(Case::by(by), |o| {
                    o.channel = channel;
                    o.kind = kind;
                })
                .policy(&format!("[rules]\nopt_out_scope = \"{scope}\""))
                .with(|case| {
                    case.draft.origin = origin;
                    case.draft.kind = this;
                });
                let expected: &[Code] = if refused { &[Code::OptedOut] } else { &[] };
                assert_eq!(case.codes(check), expected, "{channel:?} {kind:?} {by:?} {scope}");
            }
        }
    }

    #[test]
    fn from_the_day_the_waiver_ends_a_stop_stops_all() {
        assert_eq!(
            REVOKE_ALL_BY_LAW,
            "2027-01-31T00:00:00-05:00[America/New_York]"
                .parse::<jiff::Zoned>()
                .unwrap()
                .timestamp()
        );
        for (now, expected) in [
            (REVOKE_ALL_BY_LAW - minutes(1), &[][..]),
            (REVOKE_ALL_BY_LAW, &[Code::OptedOut]),
            (REVOKE_ALL_BY_LAW + minutes(1), &[Code::OptedOut]),
        ] {
            let case = stopped(Case::text(), |o| o.kind = Some(Kind::Survey))
                .policy("[rules]\nopt_out_scope = \"category\"")
                .with(|case| case.now = now);
            assert_eq!(case.codes(check), expected, "{now}");
        }
    }

    #[test]
    fn only_protocol_answers_reach_a_stopped_number() {
        for kind in Kind::ALL {
            let case = stopped(Case::answer(*kind), |o| o.since = at("2026-11-18T16:58:00Z"));
            let expected: &[Code] =
                if kind.may_reach_an_opted_out_number() { &[] } else { &[Code::OptedOut] };
            assert_eq!(case.codes(check), expected, "{kind:?}");
        }
        // Not on its own account.
        let unasked = stopped(Case::text(), |_| ()).with(|case| case.draft.kind = Kind::Help);
        assert_eq!(unasked.codes(check), [Code::OptedOut]);
    }

    #[test]
    fn the_answer_to_start_follows_the_start() {
        for (since, expected) in [
            (at("2026-11-18T16:58:59Z"), &[][..]),
            (at("2026-11-18T16:59:00Z"), &[Code::OptedOut]),
            (at("2026-11-18T16:59:30Z"), &[Code::OptedOut]),
        ] {
            let case = stopped(Case::answer(Kind::StartConfirm), |o| o.since = since);
            assert_eq!(case.codes(check), expected, "{since}");
        }
    }

    #[test]
    fn an_opt_out_is_confirmed_once_within_five_minutes() {
        let now = Case::text().now;
        for (since, confirmed, passes) in [
            (now, false, true),
            (now - minutes(5), false, true),
            (now - minutes(5) - jiff::SignedDuration::from_secs(1), false, false),
            (now + minutes(1), false, false),
            (now - minutes(1), true, false),
        ] {
            let case = stopped(Case::answer(Kind::StopConfirm), |o| {
                o.since = since;
                o.confirmed = confirmed;
            });
            let expected: &[Code] = if passes { &[] } else { &[Code::StopConfirmation] };
            assert_eq!(case.codes(check), expected, "{since} {confirmed}");
        }
        assert_eq!(Case::answer(Kind::StopConfirm).codes(check), [Code::StopConfirmation]);
        let again = Case::answer(Kind::StopConfirm).with(|case| {
            let old = OptOut { confirmed: true, ..stop(now - minutes(3)) };
            case.facts.opt_outs = Known::Yes(vec![old, stop(now)]);
        });
        assert_eq!(again.codes(check), [Code::StopConfirmation]);
        // A new stop within five minutes of an old one that nobody confirmed.
        let both = Case::answer(Kind::StopConfirm).with(|case| {
            case.facts.opt_outs = Known::Yes(vec![stop(now - minutes(60)), stop(now)]);
        });
        assert_eq!(both.codes(check), []);
        // The stop was to one kind, in a practice that stops kind by kind.
        let kind = stopped(Case::answer(Kind::StopConfirm), |o| o.kind = Some(Kind::Survey))
            .policy("[rules]\nopt_out_scope = \"category\"");
        assert_eq!(kind.codes(check), []);
        // The stop was to another channel.
        let email = stopped(Case::answer(Kind::StopConfirm), |o| o.channel = Some(Channel::Email));
        assert_eq!(email.codes(check), [Code::StopConfirmation]);
    }

    #[test]
    fn a_wrong_number_hears_one_apology() {
        for kind in Kind::ALL {
            let case = stopped(Case::answer(*kind), |o| o.wrong_number = true);
            let passes = matches!(kind, Kind::WrongNumberApology | Kind::EmergencyAutoreply);
            let codes = case.codes(check);
            assert_eq!(codes.contains(&Code::WrongNumber), !passes, "{kind:?}");
            assert!(!codes.contains(&Code::OptedOut));
        }
        let twice = stopped(Case::answer(Kind::WrongNumberApology), |o| {
            o.wrong_number = true;
            o.confirmed = true;
        });
        assert_eq!(twice.codes(check), [Code::WrongNumber]);
        for kind in [Kind::WrongNumberApology, Kind::EmergencyAutoreply] {
            let unasked = stopped(Case::text(), |o| o.wrong_number = true)
                .with(|case| case.draft.kind = kind);
            assert_eq!(unasked.codes(check), [Code::WrongNumber], "{kind:?}");
        }
    }

    #[test]
    fn a_wrong_number_is_wrong_for_texts_recordings_and_calls() {
        use Channel::{Email, Portal, Sms};
        for (channel, silent) in [
            (None, [true, false, true, true, false, true, true]),
            (Some(Sms), [true, false, true, true, false, true, true]),
            (Some(Email), [false, true, false, false, false, false, false]),
            (Some(Portal), [false, false, false, false, true, false, false]),
        ] {
            for (by, silent) in Channel::ALL.into_iter().zip(silent) {
                let case = stopped(Case::by(by), |o| {
                    o.wrong_number = true;
                    o.channel = channel;
                });
                let expected: &[Code] = if silent { &[Code::WrongNumber] } else { &[] };
                assert_eq!(case.codes(check), expected, "{channel:?} {by:?}");
            }
        }
    }
}
