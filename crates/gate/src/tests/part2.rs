//! A record under 42 CFR Part 2 (PRIV-16): what is more than administrative is sensitive, wherever
//! it goes and from the moment the record carries the tag; what is administrative goes.

use guard::{Channel, Level};

use crate::facts::{Known, Restriction};
use crate::passing::Case;
use crate::permit::{Decision, Release, release};
use crate::refusal::Code;

const ADMINISTRATIVE: &str = "Hello. Please call us. STOP ends texts.";
const MENTION: &str = "Your referral was sent. STOP ends texts.";

/// Words that carrier, template and address would take, were they level 2.
fn says(words: &str, channel: Channel, part2: bool) -> Case {
    Case::by(channel).with(|case| {
        case.draft.content.body = words.to_owned();
        case.template().max_level = Level::Sensitive;
        case.vendor().max_level = Level::Detail;
        if part2 {
            case.facts.restrictions = Known::Yes(vec![Restriction::Part2]);
        }
    })
}

fn codes(case: &Case) -> Vec<Code> {
    match case.decide() {
        Decision::Clear(_) => Vec::new(),
        Decision::Redirect(redirect) => redirect.because.iter().map(|one| one.code).collect(),
        Decision::Refuse(refusal) => refusal.reasons().map(|one| one.code).collect(),
    }
}

#[test]
fn a_mention_is_sensitive_and_what_is_administrative_goes() {
    for (words, part2, expected) in [
        (ADMINISTRATIVE, false, &[][..]),
        (ADMINISTRATIVE, true, &[]),
        (MENTION, false, &[]),
        (MENTION, true, &[Code::VendorLevel, Code::ContentBlocked]),
    ] {
        assert_eq!(codes(&says(words, Channel::Sms, part2)), expected, "{words} {part2}");
    }
    // The portal takes it, where it may carry what is sensitive.
    let portal = says(MENTION, Channel::Portal, true);
    assert_eq!(codes(&portal), [Code::VendorLevel]);
    let portal = portal.with(|case| case.vendor().max_level = Level::Sensitive);
    assert_eq!(codes(&portal), []);
}

#[test]
fn it_offers_the_portal_with_a_notice() {
    let decision = says(MENTION, Channel::Sms, true).decide();
    assert!(matches!(decision, Decision::Redirect(_)), "{decision:?}");
}

#[test]
fn what_was_cleared_before_the_tag_is_not_released() {
    let case = says(MENTION, Channel::Sms, false);
    let Decision::Clear(cleared) = case.decide() else { panic!("not cleared") };
    assert!(matches!(release(&cleared, &case.facts, &case.policy, case.now), Release::Go(_)));
    let tagged = says(MENTION, Channel::Sms, true);
    match release(&cleared, &tagged.facts, &tagged.policy, tagged.now) {
        Release::Refuse(refusal) => {
            assert!(refusal.reasons().any(|one| one.code == Code::ContentBlocked));
        }
        other => panic!("{other:?}"),
    }
}
