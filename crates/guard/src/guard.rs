//! The guard itself: everything compiled once, then one call per text.

use std::ops::Range;
use std::sync::LazyLock;

use crate::assessment::{Assessment, Finding, Identifier};
use crate::context::Context;
use crate::identifiers::{Identifiers, Inventory, Reading};
use crate::level::{Category, IdentifierKind, Level};
use crate::lexicon::Lexicon;
use crate::normalise::Folded;
use crate::second_look::{self, Changes, Known, SecondLook, SecondLookInput};
use crate::slips::Slips;
use crate::suppress::{self, Excused};
use crate::terms::{self, Text};
use crate::words::Elsewhere;
use crate::{morphology, names, sentences, values};

/// The compiled lists and shapes. Build it once; `check` only reads it.
#[derive(Debug)]
pub struct Guard {
    pub(crate) lexicon: Lexicon,
    slips: Slips,
    identifiers: Identifiers,
    second_look: SecondLook,
}

static STANDARD: LazyLock<Guard> = LazyLock::new(|| {
    let (second_look, identifiers) = (SecondLook::new(), Identifiers::new());
    let elsewhere = |spelling: &str| Elsewhere {
        meant: second_look.look_up(spelling),
        tag: identifiers.look_up(spelling),
    };
    #[expect(clippy::expect_used, reason = "the lists are compiled in and a test parses them all")]
    let read = Lexicon::embedded(elsewhere).expect("the embedded term lists are well formed");
    let (lexicon, spellings) = read;
    Guard { slips: Slips::new(&lexicon, &spellings), second_look, lexicon, identifiers }
});

impl Guard {
    /// The guard with the lists that ship with it, built at the first call.
    #[must_use]
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// Says what the text would reveal. Linear in the text; never fails, never panics.
    #[must_use]
    pub fn check(&self, text: &str, context: &Context) -> Assessment {
        self.read(text, context, |known| self.second_look.judge(known))
    }

    /// What the second look gets to see of a text without context, to learn from: for each window its
    /// words with their marks, and its facts. For examples/second_look_input.rs.
    #[must_use]
    pub fn second_look_input(&self, text: &str) -> Vec<SecondLookInput> {
        let mut seen = Vec::new();
        self.read(text, &Context::default(), |known| {
            let windows = second_look::windows(known);
            seen = windows.iter().map(|window| SecondLookInput::of(known, window)).collect();
            Changes::default()
        });
        seen
    }

    /// What the rules alone find, without the second look: for names, and for tests of single rules.
    pub(crate) fn by_rules(&self, text: &str, context: &Context) -> Assessment {
        self.read(text, context, |_| Changes::default())
    }

    /// Everything up to the second look, which then may change the findings.
    fn read(
        &self,
        text: &str,
        context: &Context,
        second_look: impl FnOnce(&Known<'_>) -> Changes,
    ) -> Assessment {
        let folded = Folded::new(text);
        let sentences = sentences::split(&folded);
        let excused = Excused::new(&folded, context);
        let tokens = self.lexicon.tokens(&folded, &sentences);
        let words = Text { folded: &folded, tokens: &tokens, sentences: sentences.len() };
        let found = terms::find(&self.lexicon, &self.slips, words);
        let reading = Reading {
            folded: &folded,
            tokens: &tokens,
            context,
            terms: &found,
            sentences: &sentences,
        };
        let mut inventory = self.identifiers.find(reading);
        let mut findings = found.findings;
        values::find(&self.lexicon, words, &found.hits, &mut findings);
        morphology::find(words, &inventory.proper_names, &mut findings);
        excused.retain(&mut findings);
        drop_names_of_people_and_streets(&folded, &mut findings, &inventory);
        excused.retain(&mut inventory.findings);
        suppress::findings_of_fields(&folded, context, &mut findings);
        inventory.add_name_pairs(!findings.is_empty() || !inventory.findings.is_empty());
        findings.append(&mut inventory.findings);
        let known = Known {
            lexicon: &self.lexicon,
            text: words,
            hits: &found.hits,
            findings: &findings,
            inventory: &inventory,
            excused: &excused,
        };
        let Changes { less, more } = second_look(&known);
        let mut place = 0..;
        findings.retain(|_| !less.contains(&place.next().unwrap_or(0)));
        findings.extend(more);
        let addressed = names::addresses_somebody(words);
        finish(&folded, findings, inventory, addressed)
    }
}

impl Guard {
    /// A practice's or site's name that gives away a specialty or worse ("Bay Oncology"): it needs a
    /// neutral display name on open channels (RULEBOOK §11.2, PG-09). The worst finding, if any.
    #[must_use]
    pub fn name_reveals(&self, name: &str) -> Option<Finding> {
        let mut findings = self.by_rules(name, &Context::default()).findings;
        findings.retain(|f| {
            f.level >= Level::Detail
                && !matches!(
                    f.category,
                    Category::IdentifierOther | Category::IdentifierAddress | Category::Billing
                )
        });
        findings.into_iter().max_by_key(|f| f.level).or_else(|| telling_word(name))
    }
}

/// Body parts and the like, which reveal nothing in a sentence but do in the name of a practice.
const TELLING: &[&str] = &[
    "heart",
    "skin",
    "pain",
    "spine",
    "vein",
    "veins",
    "kidney",
    "sleep",
    "foot",
    "ankle",
    "bone",
    "bones",
    "joint",
    "joints",
    "lung",
    "lungs",
    "brain",
    "liver",
    "digestive",
    "breast",
    "womens",
    "women",
    "recovery",
    "memory",
    "birth",
    "hearing",
    "ear",
    "retina",
    "hand",
    "cancer",
    "blood",
    "hormone",
    "weight",
    "infusion",
    "rehab",
    "rehabilitation",
    "sobriety",
    "stroke",
    "nerve",
    "thyroid",
    "colon",
    "prostate",
    "corazon",
    "rinon",
    "piel",
    "dolor",
    "mujer",
    "higado",
    "cerebro",
];

/// "Pine Street Pain & Spine", but not "Heart of Texas" or "Spine Road Family Clinic".
fn telling_word(name: &str) -> Option<Finding> {
    let folded = Folded::new(name);
    let spelled: Vec<&str> =
        folded.lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '\'').collect();
    let mut at = 0_usize;
    for (number, word) in spelled.iter().enumerate() {
        let end = at.saturating_add(word.len());
        let bare = word.replace('\'', "");
        let next = spelled.get(number.saturating_add(1)).copied().unwrap_or("");
        let place = matches!(
            next,
            "of" | "street"
                | "st"
                | "road"
                | "rd"
                | "lake"
                | "hill"
                | "creek"
                | "river"
                | "avenue"
                | "ave"
                | "valley"
                | "island"
                | "rock"
                | "mountain"
                | "canyon"
                | "base"
        );
        if TELLING.contains(&bare.as_str()) && !place {
            return Some(Finding {
                span: folded.code_points(&(at..end)),
                category: Category::Specialty,
                level: Level::Detail,
                rule: "specialty.name",
                reason: "The name tells what is treated there.",
                suggestion: "Use a neutral display name on open channels.",
                ready: false,
            });
        }
        at = end.saturating_add(1);
    }
    None
}

/// "Dr. Gout" of "12 Cold Harbor Road", "Bernadette Gout": what stands in a name is no disease.
fn drop_names_of_people_and_streets(
    folded: &Folded,
    findings: &mut Vec<Finding>,
    inventory: &Inventory,
) {
    if findings.is_empty() {
        return;
    }
    let named = |kind: &IdentifierKind| *kind == IdentifierKind::Name;
    let names = || inventory.identifiers.iter().filter(|(_, kind)| named(kind)).map(|(n, _)| n);
    let within = |n: &Range<usize>, f: &Finding| n.start <= f.span.start && f.span.end <= n.end;
    let letters = |span: &Range<usize>| {
        folded.slice(span.clone()).bytes().filter(u8::is_ascii_alphanumeric).collect::<Vec<_>>()
    };
    findings.retain(|f| {
        let said = folded.slice(f.span.clone());
        // "Mr. Angina, A N G I N A" spells his name.
        let spells = said.bytes().filter(|b| *b == b' ').count() > 1
            && names().chain(&inventory.proper_names).any(|n| letters(n) == letters(&f.span));
        let family = folded.is_capital(f.span.start)
            && names().any(|n| within(n, f) && n.start < f.span.start);
        let within_a_name = inventory.proper_names.iter().any(|n| within(n, f));
        let clinical = f.rule.split('.').next() != Some("identifier");
        !(clinical && (within_a_name || family || spells))
    });
}

/// Byte spans become code points; the order becomes the text's.
fn finish(
    folded: &Folded,
    mut findings: Vec<Finding>,
    inventory: Inventory,
    addressed: bool,
) -> Assessment {
    for finding in &mut findings {
        finding.span = folded.code_points(&finding.span);
    }
    findings.sort_by(|a, b| {
        (a.span.start, a.span.end, a.category, a.rule).cmp(&(
            b.span.start,
            b.span.end,
            b.category,
            b.rule,
        ))
    });
    findings.dedup();
    let mut identifiers: Vec<Identifier> = inventory
        .identifiers
        .into_iter()
        .map(|(span, kind)| Identifier { span: folded.code_points(&span), kind })
        .collect();
    identifiers.sort_by_key(|i| (i.span.start, i.span.end));
    let level = findings.iter().map(|f| f.level).max().unwrap_or(Level::Administrative);
    Assessment { level, findings, identifiers, addressed }
}

/// [`Guard::name_reveals`] of the standard guard.
#[must_use]
pub fn name_reveals(name: &str) -> Option<Finding> {
    Guard::standard().name_reveals(name)
}

/// [`Guard::check`] of the standard guard.
#[must_use]
pub fn check(text: &str, context: &Context) -> Assessment {
    Guard::standard().check(text, context)
}

/// [`Guard::by_rules`] of the standard guard.
#[cfg(test)]
pub(crate) fn by_rules(text: &str, context: &Context) -> Assessment {
    Guard::standard().by_rules(text, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, Field, Source, Verdict};

    fn level(text: &str) -> u8 {
        u8::from(check(text, &Context::default()).level)
    }

    #[test]
    fn levels_of_ordinary_texts() {
        for (expected, text) in [
            (0, "Hi Maria, your visit is Tuesday at 3 pm. Reply C to confirm."),
            (0, "Please have your date of birth ready when you call."),
            (0, "Our hours of operation change on Monday."),
            (1, "Your test results are ready. Please call us."),
            (1, "Your prescription is ready for pickup."),
            (1, "Please call our billing office about your statement."),
            (2, "Your metformin refill is ready."),
            (2, "See you at cardiology on Monday."),
            (2, "Your balance is past due."),
            (3, "Your A1c came back high."),
            (3, "Your labs came back. Everything is normal."),
            (3, "Your HIV test is back."),
            (3, "Follow up on your diabetes."),
            (3, "Su prueba de embarazo salió positiva."),
            (3, "Your appointment with psychiatry is tomorrow."),
            (3, "Time for your H. I. V. visit"),
            (3, "Time for your H\u{200b}ІV visit"),
        ] {
            assert_eq!(level(text), expected, "{text}");
        }
    }

    #[test]
    fn a_term_of_two_categories_gives_two_findings() {
        let assessment = check("Your Suboxone is ready", &Context::default());
        let categories: Vec<_> = assessment.findings.iter().map(|f| f.category).collect();
        assert!(categories.contains(&Category::Medication) && categories.contains(&Category::Sud));
        assert_eq!(assessment.verdict(Channel::Sms), Verdict::Block);
    }

    #[test]
    fn the_context_excuses_names() {
        let context = Context {
            practice_names: vec!["Heart Clinic of Mesa".into()],
            clinicians: vec!["Gout".into()],
            ..Context::default()
        };
        let text = "Heart Clinic of Mesa: your visit with Dr. Gout is Monday.";
        assert_eq!(check(text, &context).findings, []);
        assert!(check("Your gout is back.", &context).level == Level::Sensitive);
    }

    #[test]
    fn the_source_of_a_field_beats_its_text() {
        let text = "Hi Valium, about your checkup";
        let field =
            |source, span| Context { fields: vec![Field { span, source }], ..Context::default() };
        assert_eq!(check(text, &field(Source::FirstName, 3..9)).level, Level::Administrative);
        let typed = "About Lipitor: see you on Monday";
        assert_eq!(check(typed, &field(Source::FirstName, 6..13)).level, Level::Administrative);
        assert_eq!(check(typed, &field(Source::FreeText, 6..13)).level, Level::Detail);
        assert_eq!(check(text, &field(Source::Clinical, 22..29)).level, Level::Detail);
        assert_eq!(check(text, &field(Source::BirthDate, 22..29)).level, Level::Sensitive);
    }

    #[test]
    fn a_telling_name_is_found() {
        for (name, reveals) in [
            ("Bay Oncology", true),
            ("New Dawn Recovery Center", true),
            ("Valley Women's Health", true),
            ("Mesa Cardiology Associates", true),
            ("Elm Street Family Medicine", false),
            ("Riverbend Dental", false),
            ("Northside Pediatrics", false),
            ("Hope Fertility", true),
            ("Cedar Behavioral Wellness", true),
            ("Sunrise Dementia Care", true),
            ("Lakeside Counseling Center", true),
            ("Center for Reproductive Medicine", true),
            ("Mesa Kidney Care", true),
            ("Pine Street Pain & Spine", true),
            ("Digestive Health Partners", true),
            ("Bright Smiles Orthodontics", true),
            ("Valley ENT", true),
            ("Northside Allergy and Asthma Center", true),
            ("Foot & Ankle Associates", true),
            ("Desert Vein Center", true),
            ("Advanced Sleep Medicine", true),
            ("First Step Recovery", true),
            ("New Beginnings Birth Center", true),
            ("Riverside Hospice", true),
            ("Bluebird Diabetes & Endocrine", true),
            ("Clínica de Salud Mental del Valle", true),
            ("Women's Health Partners of Mesa", true),
            ("Coastal Rheumatology", true),
            ("Mesa Methadone Services", true),
            ("Cedar Grove Internal Medicine", false),
            ("Summit Urgent Care", false),
            ("Harbor Point Primary Care", false),
            ("Heart of Texas Family Clinic", false),
            ("Cold Harbor Road Family Clinic", false),
            ("Dr. Payne and Partners", false),
            ("Lake Shore Eye Care", false),
            ("Clínica Los Olivos", false),
        ] {
            assert_eq!(name_reveals(name).is_some(), reveals, "{name}");
        }
    }

    #[test]
    fn a_ready_refill_may_go_to_voicemail() {
        let verdict = |text| check(text, &Context::default()).verdict(Channel::Voicemail);
        assert_eq!(verdict("Your refill is ready."), Verdict::Pass);
        assert_eq!(verdict("Your Lipitor refill is ready."), Verdict::NeedsConsent);
        assert_eq!(verdict("Your results are ready."), Verdict::NeedsConsent);
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::{Channel, Field, Rewrite, Source, Verdict};

    const WORDS: &[&str] = &[
        "Hi",
        "Maria",
        "Lopez",
        "your",
        "A1c",
        "is",
        "7.2",
        "HIV",
        "métformin",
        "Dr.",
        "Payne",
        "call",
        "555-123-4567",
        "SSN",
        "123-45-6789",
        "DOB",
        "6/12/1950",
        "$45",
        "results",
        "normal",
        "12 Oak Lane",
        "👩‍⚕️",
        "\u{200b}",
        "\n",
        "cita",
        "VIH",
        "https://a.test/?x=1",
        "H. I. V.",
    ];

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            prop::collection::vec(prop::sample::select(WORDS), 0..24).prop_map(|w| w.join(" ")),
        ]
    }

    fn contexts() -> impl Strategy<Value = Context> {
        (prop::collection::vec("[a-zA-Z é]{0,8}", 0..3), 0_usize..40, 0_usize..40).prop_map(
            |(names, start, end)| Context {
                practice_names: names.clone(),
                clinicians: names.clone(),
                recipient_names: names.clone(),
                places: names,
                fields: vec![Field { span: start..end, source: Source::Clinical }],
                ..Context::default()
            },
        )
    }

    proptest! {
        #[test]
        fn spans_are_code_points_in_order(text in texts(), context in contexts()) {
            let assessment = check(&text, &context);
            let length = text.chars().count();
            let spans: Vec<_> = assessment.findings.iter().map(|f| f.span.clone()).collect();
            for span in spans.iter().chain(assessment.identifiers.iter().map(|i| &i.span)) {
                prop_assert!(span.start < span.end && span.end <= length, "{span:?} of {length}");
            }
            prop_assert!(spans.is_sorted_by_key(|s| s.start));
            prop_assert!(assessment.identifiers.is_sorted_by_key(|i| i.span.start));
            let worst = assessment.findings.iter().map(|f| f.level).max().unwrap_or_default();
            prop_assert_eq!(assessment.level, worst);
        }

        #[test]
        fn a_rewrite_passes_on_its_channel(text in texts()) {
            let context = Context::default();
            let guard = Guard::standard();
            let assessment = guard.check(&text, &context);
            for channel in Channel::ALL {
                match guard.rewrite(&text, &assessment, &context, channel) {
                    None => prop_assert_eq!(assessment.verdict(channel), Verdict::Pass),
                    Some(Rewrite::Text(new)) => {
                        prop_assert_eq!(guard.check(&new, &context).verdict(channel), Verdict::Pass);
                    }
                    Some(Rewrite::ToPortal { notice }) => {
                        prop_assert_eq!(guard.check(&notice, &context).level, Level::Administrative);
                    }
                }
                let _ = guard.preview(channel, &text);
            }
        }
    }
}
