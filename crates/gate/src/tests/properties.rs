//! Whatever the draft, the facts, the policy and the hour.

use std::rc::Rc;

use guard::{Category, Channel, Field, Level, Source};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::draft::Origin;
use crate::facts::{
    Agreement, Alternative, Consent, ConsentClass, Dead, Known, Line, Location, OptOut,
    Restriction, Role, Scope, Template,
};
use crate::kind::{Kind, Language, Purpose};
use crate::passing::{Case, address_for, id, point, zone};
use crate::permit::{Cleared, Decision, Release, release};
use crate::policy::Policy;
use crate::refusal::{Code, Refusal};

const WORDS: [&str; 8] = [
    "Please call us about your visit.",
    "Hello Grace, please call.",
    "Your results are ready.",
    "Your prescription is ready.",
    "Your lisinopril is here.",
    "You owe a balance of $45.00.",
    "Your HIV test was positive.",
    "Your SSN is 123-45-6789.",
];

const POLICIES: [&str; 5] = [
    "",
    "[rules]\nconsent_mode = \"law_minimum\"\nopt_out_scope = \"category\"\nmarketing = true",
    "[rules]\nconsent_mode = \"written_before_any\"\nfree_text_on_unsecured_channels = false",
    "[rules]\nbilling_by_voice = \"account_callback_with_consent\"\n\
     [rules.quiet_hours]\nfrom = \"08:00:00\"\nuntil = \"21:00:00\"",
    "[[rules.content]]\nchannel = \"sms\"\nlevel = 1\nverdict = \"block\"",
];

const ZONES: [&str; 6] = [
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Phoenix",
    "Pacific/Honolulu",
    "Pacific/Guam",
];

/// A part of a case, still to be put in.
#[derive(Clone)]
struct Change(Rc<dyn Fn(&mut Case)>);

impl Change {
    fn new(change: impl Fn(&mut Case) + 'static) -> Self {
        Self(Rc::new(change))
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Change(…)")
    }
}

fn seldom() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.04)
}

fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.97)
}

fn channels() -> impl Strategy<Value = Channel> {
    select(&Channel::ALL[..])
}

/// Within two years around the base, by the second.
fn instants() -> impl Strategy<Value = Timestamp> {
    (1_790_000_000_i64..1_820_000_000).prop_map(|s| Timestamp::from_second(s).unwrap())
}

fn origins() -> impl Strategy<Value = Origin> {
    prop_oneof![
        Just(Origin::Automated),
        Just(Origin::Staff),
        instants().prop_map(|to_message_at| Origin::Reply { to_message_at }),
    ]
}

fn roles() -> impl Strategy<Value = Role> {
    let scopes = [Scope::CallBack, Scope::Appointments, Scope::Billing, Scope::Clinical];
    prop_oneof![
        9 => Just(Role::Patient),
        1 => any::<bool>().prop_map(|of_minor| Role::Representative { of_minor }),
        1 => (vec(select(scopes.to_vec()), 0..4), any::<bool>())
            .prop_map(|(scope, written)| Role::Caregiver { scope, written }),
        1 => Just(Role::Unknown),
    ]
}

fn agreements() -> impl Strategy<Value = Agreement> {
    prop_oneof![
        8 => Just(Agreement::Sandbox),
        3 => (instants(), option::of(instants()))
            .prop_map(|(from, until)| Agreement::Active { from, until }),
        1 => option::of(instants()).prop_map(|until| Agreement::Exception { until }),
        1 => select(vec![Agreement::Missing, Agreement::Ended]),
    ]
}

fn opt_outs() -> impl Strategy<Value = OptOut> {
    (option::of(channels()), option::of(select(Kind::ALL)), instants(), seldom(), seldom())
        .prop_map(|(channel, kind, since, confirmed, wrong_number)| OptOut {
            channel,
            kind,
            since,
            confirmed,
            wrong_number,
        })
}

fn restrictions() -> impl Strategy<Value = Restriction> {
    prop_oneof![
        channels().prop_map(Restriction::Channel),
        select(vec![13, 99]).prop_map(|n| Restriction::ContactPoint(point(n))),
        select(Kind::ALL).prop_map(Restriction::Kind),
        Just(Restriction::Hold),
        Just(Restriction::Safety),
    ]
}

fn alternatives() -> impl Strategy<Value = Alternative> {
    (option::of(channels()), option::of(select(vec![13, 99])))
        .prop_map(|(channel, n)| Alternative { channel, use_instead: n.map(point) })
}

fn classes() -> impl Strategy<Value = ConsentClass> {
    let categories = [Category::Medication, Category::LabResult, Category::Billing, Category::Hiv];
    prop_oneof![
        4 => Just(ConsentClass::Pec),
        1 => Just(ConsentClass::Pewc),
        3 => (vec(select(categories.to_vec()), 0..5), select(&Level::ALL[..]), mostly()).prop_map(
            |(categories, up_to, risk_warned)| ConsentClass::Content {
                categories,
                up_to,
                risk_warned
            }
        ),
        1 => Just(ConsentClass::MarketingAuthorization),
        1 => any::<bool>()
            .prop_map(|of_this_message| ConsentClass::AccessRequestRelease { of_this_message }),
    ]
}

prop_compose! {
    fn consents()(
        class in classes(),
        channel in option::weighted(0.3, channels()),
        for_this_address in mostly(),
        purposes in vec(select(Purpose::ALL), 0..2),
        until in option::weighted(0.2, instants()),
        written in mostly(),
        number in 1_u128..9,
    ) -> (Option<Channel>, Consent) {
        let consent = Consent {
            id: id(number),
            class,
            channel: Channel::Sms,
            for_this_address,
            purposes,
            from: Timestamp::UNIX_EPOCH,
            until,
            written,
        };
        (channel, consent)
    }
}

prop_compose! {
    fn drafted()(
        channel in channels(),
        address in option::weighted(0.05, channels()),
        kind in prop_oneof![
            3 => Just(Kind::FreeText),
            3 => Just(Kind::GeneralCallback),
            2 => Just(Kind::AppointmentReminder),
            4 => select(Kind::ALL),
        ],
        purpose in option::weighted(0.2, select(Purpose::ALL)),
        origin in origins(),
        words in select(&WORDS[..]),
        repeated in prop_oneof![9 => Just(1_usize), 1 => 2_usize..99],
        subject in option::of(select(&WORDS[..])),
        source in option::weighted(0.2, select(vec![Source::FirstName, Source::Clinical])),
        spanish in seldom(),
        useless_after in option::weighted(0.2, instants()),
        point_known in mostly(),
    ) -> Case {
        Case::by(channel).with(|case| {
            case.draft.address = address_for(address.unwrap_or(channel));
            case.draft.kind = kind;
            case.draft.purpose = purpose.unwrap_or_else(|| {
                *Purpose::ALL.iter().find(|purpose| kind.fits(**purpose)).unwrap()
            });
            case.draft.origin = origin;
            case.draft.content.body = words.repeat(repeated);
            case.draft.content.subject = subject.map(str::to_owned);
            case.draft.content.fields =
                source.map(|source| Field { span: 0..3, source }).into_iter().collect();
            if spanish {
                case.draft.content.language = Language::Spanish;
            }
            case.draft.useless_after = useless_after;
            if !point_known {
                case.draft.contact_point = None;
            }
        })
    }
}

prop_compose! {
    fn who()(
        role in roles(),
        deceased in seldom(),
        age in option::of(0_u16..99),
        active in mostly(),
        language in option::of(select(Language::ALL)),
        minor in seldom(),
        agreement in agreements(),
        max_level in select(vec![Level::Detail, Level::Sensitive, Level::Never]),
        enabled in mostly(),
    ) -> Change {
        Change::new(move |case: &mut Case| {
            if role == Role::Unknown {
                case.draft.patient = None;
            }
            let recipient = case.recipient();
            recipient.role = role.clone();
            recipient.deceased = deceased;
            recipient.age = age;
            recipient.active = active;
            recipient.language = language;
            case.facts.minor_confidential = Known::Yes(minor);
            let vendor = case.vendor();
            vendor.agreement = agreement;
            vendor.max_level = max_level;
            vendor.enabled = enabled;
        })
    }
}

prop_compose! {
    fn wishes()(
        opt_outs in prop_oneof![6 => Just(Vec::new()), 1 => vec(opt_outs(), 1..3)],
        alternatives in prop_oneof![9 => Just(Vec::new()), 1 => vec(alternatives(), 1..3)],
        restrictions in prop_oneof![9 => Just(Vec::new()), 1 => vec(restrictions(), 1..3)],
        consents in vec(consents(), 0..5),
        today in prop_oneof![4 => Just(0_u32), 1 => 0_u32..5],
    ) -> Change {
        Change::new(move |case: &mut Case| {
            case.facts.opt_outs = Known::Yes(opt_outs.clone());
            case.facts.alternatives = Known::Yes(alternatives.clone());
            case.facts.restrictions = Known::Yes(restrictions.clone());
            let channel = case.draft.channel;
            for (other, consent) in &consents {
                let channel = other.unwrap_or(channel);
                case.consents().push(Consent { channel, ..consent.clone() });
            }
            case.history().today = today;
            case.history().week = today;
        })
    }
}

prop_compose! {
    fn places()(
        by_address in option::of(select(&ZONES[..])),
        by_number in option::of(select(&ZONES[..])),
        in_period in mostly(),
        verified in mostly(),
        patients in prop_oneof![5 => Just(1_u32), 1 => 0_u32..4],
        shared in seldom(),
        line in option::weighted(0.1, select(vec![Line::Landline, Line::NotALine])),
        dead in option::weighted(
            0.1,
            select(vec![Dead::WrongNumber, Dead::Bounced, Dead::Reassigned]),
        ),
        verified_tls in any::<bool>(),
        templated in mostly(),
        approved in mostly(),
        max_level in select(&Level::ALL[..]),
        portal_ready in mostly(),
        policy in select(&POLICIES[..]),
        now in instants(),
    ) -> Change {
        Change::new(move |case: &mut Case| {
            case.facts.location = Known::Yes(Location {
                by_address: by_address.map(zone),
                by_number: by_number.map(zone),
            });
            let address = case.address();
            address.in_period = in_period;
            address.verified = verified;
            address.patients = patients;
            address.shared = shared;
            address.dead = dead;
            address.verified_tls = verified_tls;
            address.line = line.unwrap_or(address.line);
            case.facts.portal_ready = portal_ready;
            case.policy = Policy::from_toml(&format!("name = \"test\"\n{policy}")).unwrap();
            case.now = now;
            if case.draft.kind == Kind::FreeText || !templated {
                case.draft.content.template = None;
                case.facts.template = Known::Yes(None);
            } else {
                case.facts.template = Known::Yes(Some(Template {
                    kind: case.draft.kind,
                    channel: case.draft.channel,
                    language: case.draft.content.language,
                    max_level,
                    approved,
                    expires: None,
                    withdrawn: false,
                }));
            }
        })
    }
}

fn cases() -> impl Strategy<Value = Case> {
    // Half of the replies come within the hour.
    let soon = any::<bool>();
    (drafted(), who(), wishes(), places(), soon).prop_map(|(case, who, wishes, places, soon)| {
        case.with(|case| {
            who.0(case);
            wishes.0(case);
            places.0(case);
            if let (Origin::Reply { to_message_at }, true) = (&mut case.draft.origin, soon) {
                *to_message_at = case.now - crate::passing::minutes(3);
            }
        })
    })
}

fn cleared(case: &Case) -> Option<Cleared> {
    match case.decide() {
        Decision::Clear(cleared) => Some(cleared),
        Decision::Redirect(_) | Decision::Refuse(_) => None,
    }
}

fn refusal(case: &Case) -> Option<Refusal> {
    match case.decide() {
        Decision::Clear(_) => None,
        Decision::Redirect(redirect) => Refusal::from_reasons(redirect.because),
        Decision::Refuse(refusal) => Some(refusal),
    }
}

/// Written apart from the check, by the clock on the wall.
fn is_day(case: &Case, from: i8, until: i8) -> bool {
    let Some(location) = case.facts.location.get() else { return false };
    let mut zones: Vec<_> =
        [&location.by_address, &location.by_number].into_iter().flatten().cloned().collect();
    if zones.is_empty() {
        zones = vec![zone("America/New_York"), zone("America/Los_Angeles")];
    }
    zones.into_iter().all(|zone| (from..until).contains(&case.now.to_zoned(zone).hour()))
}

const UNSECURED: [Channel; 4] =
    [Channel::Sms, Channel::Email, Channel::Voicemail, Channel::RinglessVoicemail];

proptest! {
    // PROPTEST_CASES widens or narrows it.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases * 4,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_cleared_keeps_every_promise(case in cases()) {
        let Some(cleared) = cleared(&case) else { return Ok(()) };
        let draft = cleared.draft();
        let recipient = case.facts.recipient.get().unwrap();
        let vendor = case.facts.vendor.get().unwrap();
        let address = case.facts.address.get().unwrap();
        let unsecured = UNSECURED.contains(&draft.channel);
        let level = guard::check(&draft.content.body, &case.facts.context).level;

        // The deceased.
        if recipient.deceased {
            prop_assert_eq!(draft.origin, Origin::Staff);
            let representative = matches!(recipient.role, Role::Representative { .. });
            prop_assert!(representative);
        }
        // The agreement.
        match vendor.agreement {
            Agreement::Sandbox => {}
            Agreement::Active { from, until } => {
                prop_assert!(from <= case.now && until.is_none_or(|until| case.now <= until));
            }
            Agreement::Exception { until } => {
                prop_assert!(until.is_none_or(|until| case.now <= until));
            }
            Agreement::Missing | Agreement::Ended => prop_assert!(false, "no agreement"),
        }
        prop_assert!(level <= vendor.max_level);
        // Stop means stop.
        let human_voicemail =
            draft.channel == Channel::Voicemail && draft.origin == Origin::Staff;
        for opt_out in case.facts.opt_outs.get().unwrap() {
            let same = opt_out.channel == Some(draft.channel)
                || (opt_out.channel.is_none() && unsecured && draft.channel != Channel::Email);
            if same && opt_out.kind.is_none() && !human_voicemail {
                prop_assert!(draft.kind.may_reach_an_opted_out_number(), "{:?}", opt_out);
                let answers = matches!(draft.origin, Origin::Reply { .. });
                prop_assert!(answers);
            }
        }
        // Content.
        prop_assert!(level < Level::Never);
        if level == Level::Sensitive && unsecured {
            let released = case.facts.consents.get().unwrap().iter().any(|consent| {
                consent.class == ConsentClass::AccessRequestRelease { of_this_message: true }
                    && consent.channel == draft.channel
                    && consent.for_this_address
            });
            prop_assert!(released);
        }
        if let (true, Some(subject)) = (unsecured, &draft.content.subject) {
            let subject = guard::check(subject, &case.facts.context);
            prop_assert_eq!(subject.level, Level::Administrative);
        }
        if draft.channel == Channel::RinglessVoicemail {
            prop_assert!(!draft.content.body.contains("Grace"));
        }
        if draft.channel == Channel::Sms {
            prop_assert!(address.line != Line::Landline);
        }
        // The emergency answer aside, nothing reaches a dead number but protocol.
        if unsecured && address.dead.is_some() {
            prop_assert!(draft.kind.may_answer_a_stranger());
        }
        // Templates speak the patient's language.
        if let (Some(_), Some(language)) = (&draft.content.template, recipient.language) {
            prop_assert!(
                language == draft.content.language || draft.kind == Kind::EmergencyAutoreply
            );
        }
        // Time.
        prop_assert!(draft.useless_after.is_none_or(|last| case.now <= last));
        if let Some(instant) = cleared.basis().not_before {
            prop_assert!(instant > case.now);
            prop_assert!(draft.useless_after.is_none_or(|last| instant <= last));
        }
    }

    #[test]
    fn release_answers_as_clear_would(first in cases(), second in cases(), same in any::<bool>()) {
        let Some(permit) = cleared(&first) else { return Ok(()) };
        let later = Case {
            draft: first.draft.clone(),
            ..if same { first.clone() } else { second }
        };
        match (release(&permit, &later.facts, &later.policy, later.now), later.decide()) {
            (Release::Go(released), Decision::Clear(again)) => {
                prop_assert_eq!(again.basis().not_before, None);
                prop_assert_eq!(released.draft(), &first.draft);
                let (from, until) = if later.policy.rules().quiet_hours.from.hour() == 8 {
                    (8, 21)
                } else {
                    (9, 20)
                };
                let by_right = !UNSECURED.contains(&first.draft.channel)
                    || first.draft.purpose == Purpose::Emergency
                    || first.draft.kind.is_a_code()
                    || matches!(first.draft.origin, Origin::Reply { .. });
                prop_assert!(by_right || is_day(&later, from, until), "at night");
            }
            (Release::NotBefore(instant), Decision::Clear(again)) => {
                prop_assert_eq!(again.basis().not_before, Some(instant));
                prop_assert!(instant > later.now);
                let then = Case { now: instant, ..later.clone() };
                let still_waits = matches!(
                    release(&permit, &then.facts, &then.policy, then.now),
                    Release::NotBefore(_)
                );
                prop_assert!(!still_waits, "the hour named is permitted");
            }
            (Release::Refuse(refused), Decision::Refuse(refusal)) => {
                prop_assert_eq!(refused, refusal);
            }
            (Release::Refuse(refused), Decision::Redirect(redirect)) => {
                prop_assert!(refused.reasons().eq(redirect.because.iter()));
            }
            (release, decision) => prop_assert!(false, "{:?} but {:?}", release, decision),
        }
    }

    #[test]
    fn a_missing_fact_refuses(case in cases(), which in 0_usize..10) {
        let why = "not there";
        let case = case.with(|case| match which {
            0 => case.facts.recipient = Known::No(why),
            1 => case.facts.vendor = Known::No(why),
            2 => case.facts.opt_outs = Known::No(why),
            3 => case.facts.alternatives = Known::No(why),
            4 => case.facts.restrictions = Known::No(why),
            5 => case.facts.consents = Known::No(why),
            6 => case.facts.history = Known::No(why),
            7 => case.facts.location = Known::No(why),
            8 => case.facts.address = Known::No(why),
            _ => case.facts.template = Known::No(why),
        });
        match case.decide() {
            Decision::Refuse(refusal) => {
                let missing = refusal.reasons().any(|reason| {
                    reason.code == Code::FactMissing && reason.because.contains(why)
                });
                prop_assert!(missing);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_refusal_quotes_nobody(case in cases()) {
        let Some(refusal) = refusal(&case) else { return Ok(()) };
        for reason in refusal.reasons() {
            for text in [&reason.because, &reason.remedy] {
                let address = case.draft.address.reveal();
                prop_assert!(address == "portal" || !text.contains(address));
                prop_assert!(!text.contains(&case.draft.content.body));
                prop_assert!(!text.contains("Grace"));
                prop_assert!(text.ends_with('.') && !text.contains('!'), "{}", text);
            }
        }
    }

    #[test]
    fn a_redirects_notice_is_level_0(case in cases()) {
        let Decision::Redirect(redirect) = case.decide() else { return Ok(()) };
        let found = guard::check(&redirect.notice.content.body, &case.facts.context);
        prop_assert_eq!(found.findings, vec![]);
        prop_assert_eq!(&redirect.body.content.body, &case.draft.content.body);
        prop_assert_eq!(redirect.body.channel, Channel::Portal);
        let facts = crate::Facts { template: Known::Yes(None), ..case.facts.clone() };
        let decision = crate::clear(redirect.notice, &facts, &case.policy, case.now);
        prop_assert!(matches!(decision, Decision::Clear(_)), "{:?}", decision);
    }

    #[test]
    fn no_policy_file_breaks_the_parser(text in "(?s).{0,200}") {
        let _ = Policy::from_toml(&text);
        let _ = Policy::from_toml(&format!("name = \"test\"\n[rules]\n{text}"));
    }
}

#[test]
fn the_cases_are_not_all_of_one_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut clear, mut redirect, mut refuse) = (0, 0, 0);
    for _ in 0..1_000 {
        match cases().new_tree(&mut runner).unwrap().current().decide() {
            Decision::Clear(_) => clear += 1,
            Decision::Redirect(_) => redirect += 1,
            Decision::Refuse(_) => refuse += 1,
        }
    }
    assert!(clear > 60 && redirect > 10 && refuse > 300, "{clear} {redirect} {refuse}");
}
