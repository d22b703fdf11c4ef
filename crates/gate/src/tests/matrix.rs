//! RULEBOOK §11.3, each cell, through the door: real words, the real guard, with and without
//! consent.

use guard::{Category, Channel, Level};

use crate::draft::Origin;
use crate::facts::{ConsentClass, Known};
use crate::kind::Kind;
use crate::passing::{Case, content_consent};
use crate::permit::Decision;
use crate::policy::Policy;
use crate::refusal::Code;

/// What the matrix answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Pass,
    Consent,
    Block,
    Verify,
    Never,
}
use Cell::{Block, Consent, Never, Pass, Verify};

struct Row {
    words: &'static str,
    level: Level,
    categories: &'static [Category],
    /// SMS, email, voicemail, ringless voicemail, portal, live verified, live unverified.
    cells: [Cell; 7],
}

/// RULEBOOK §11.3 copied out, and the settings of §11.4 that stand by default.
const ROWS: [Row; 8] = [
    Row {
        words: "Please call us about your visit.",
        level: Level::Administrative,
        categories: &[],
        cells: [Pass; 7],
    },
    Row {
        words: "Your results are ready.",
        level: Level::Mention,
        categories: &[Category::LabResult],
        cells: [Pass, Pass, Consent, Consent, Pass, Pass, Verify],
    },
    Row {
        words: "Your prescription is ready.",
        level: Level::Mention,
        categories: &[Category::Medication],
        cells: [Pass, Pass, Pass, Consent, Pass, Pass, Verify],
    },
    Row {
        words: "Your statement is ready.",
        level: Level::Mention,
        categories: &[Category::Billing],
        cells: [Pass, Pass, Block, Block, Pass, Pass, Verify],
    },
    Row {
        words: "Your lisinopril is here.",
        level: Level::Detail,
        categories: &[Category::Medication],
        cells: [Consent, Consent, Consent, Block, Pass, Pass, Block],
    },
    Row {
        words: "You owe a balance of $45.00.",
        level: Level::Detail,
        categories: &[Category::Billing],
        cells: [Consent, Consent, Block, Block, Pass, Pass, Block],
    },
    Row {
        words: "Your HIV test was positive.",
        level: Level::Sensitive,
        categories: &[Category::Hiv],
        cells: [Block, Block, Block, Block, Pass, Pass, Block],
    },
    Row {
        words: "Your SSN is 123-45-6789.",
        level: Level::Never,
        categories: &[Category::IdentifierSsn],
        cells: [Never; 7],
    },
];

fn case(row: &Row, channel: Channel) -> Case {
    Case::by(channel).with(|case| {
        case.draft.kind = Kind::GeneralCallback;
        case.draft.origin = Origin::Staff;
        case.draft.content.body = row.words.to_owned();
        case.template().kind = Kind::GeneralCallback;
        case.template().max_level = Level::Never;
        case.vendor().max_level = Level::Never;
    })
}

/// Consent to every category there is, as far as consent can go.
fn consented(case: Case) -> Case {
    case.with(|case| {
        let channel = case.draft.channel;
        let mut consent = content_consent(channel, Category::Diagnosis, Level::Sensitive);
        consent.class = ConsentClass::Content {
            categories: vec![
                Category::Diagnosis,
                Category::Medication,
                Category::LabResult,
                Category::Procedure,
                Category::Specialty,
                Category::MentalHealth,
                Category::Sud,
                Category::Reproductive,
                Category::Hiv,
                Category::Billing,
            ],
            up_to: Level::Sensitive,
            risk_warned: true,
        };
        case.consents().push(consent);
    })
}

fn codes(decision: &Decision) -> Vec<Code> {
    match decision {
        Decision::Clear(_) => Vec::new(),
        Decision::Redirect(redirect) => redirect.because.iter().map(|r| r.code).collect(),
        Decision::Refuse(refusal) => refusal.reasons().map(|r| r.code).collect(),
    }
}

#[test]
fn the_words_are_of_the_level_they_stand_for() {
    let context = Case::text().facts.context;
    for row in &ROWS {
        let assessment = guard::check(row.words, &context);
        assert_eq!(assessment.level, row.level, "{}: {:?}", row.words, assessment.findings);
        for category in row.categories {
            assert!(assessment.findings.iter().any(|f| f.category == *category), "{}", row.words);
        }
    }
}

#[test]
fn each_cell_without_and_with_consent() {
    for row in &ROWS {
        for (channel, cell) in Channel::ALL.into_iter().zip(row.cells) {
            let bare = case(row, channel);
            let (without, with) = match cell {
                Pass => (None, None),
                Consent => (Some(Code::ContentConsent), None),
                Block => (Some(Code::ContentBlocked), Some(Code::ContentBlocked)),
                Verify => (Some(Code::ListenerUnverified), Some(Code::ListenerUnverified)),
                Never => (Some(Code::ContentNever), Some(Code::ContentNever)),
            };
            for (case, expected, consent) in
                [(bare.clone(), without, "without"), (consented(bare), with, "with")]
            {
                let found = codes(&case.decide());
                let context = format!("{} by {channel:?} {consent} consent", row.words);
                match expected {
                    // A term of two categories may have a worse cell beside it.
                    Some(code) => assert!(found.contains(&code), "{context}: {found:?}"),
                    None => assert_eq!(found, [], "{context}"),
                }
            }
        }
    }
}

#[test]
fn a_clearance_says_what_it_rests_on() {
    let row = &ROWS[4];
    let case = consented(case(row, Channel::Sms));
    let Decision::Clear(cleared) = case.decide() else { panic!("refused") };
    let basis = cleared.basis();
    assert_eq!(cleared.draft(), &case.draft);
    assert_eq!(basis.level, Level::Detail);
    assert_eq!(basis.categories, [Category::Medication]);
    assert_eq!(basis.cells.len(), 1);
    assert!(!basis.rules.is_empty());
    assert_eq!(basis.policy.as_str(), Policy::rulebook().version().as_str());
    assert_eq!(basis.cleared_at, case.now);
    assert_eq!(basis.not_before, None);
    assert_eq!(basis.consents, [crate::passing::id(1), crate::passing::id(2)]);
}

#[test]
fn only_what_the_portal_would_cure_is_redirected() {
    for row in &ROWS {
        for (channel, cell) in Channel::ALL.into_iter().zip(row.cells) {
            let decision = case(row, channel).decide();
            let redirects = matches!(channel, Channel::Sms | Channel::Email | Channel::Voicemail);
            match cell {
                Consent | Block if redirects => {
                    assert!(matches!(decision, Decision::Redirect(_)), "{} {channel:?}", row.words);
                }
                Pass => assert!(matches!(decision, Decision::Clear(_))),
                _ => assert!(matches!(decision, Decision::Refuse(_))),
            }
        }
    }
}

#[test]
fn a_template_field_beats_its_text() {
    // The same words, told that they are the practice's own name.
    let named = case(&ROWS[4], Channel::Sms).with(|case| {
        case.draft.content.fields =
            vec![guard::Field { span: 5..15, source: guard::Source::Clinical }];
        case.facts.template = Known::Yes(None);
        case.draft.content.template = None;
        case.draft.kind = Kind::FreeText;
        case.facts.portal_ready = false;
    });
    assert!(!codes(&named.decide()).is_empty());
}
