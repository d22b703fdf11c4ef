//! A second look at the whole text, once the rules are done: small learned networks that have seen
//! in which company words reveal something, also words on no list ("they took the thing out and it
//! was nothing bad"), and in which the rules are misled ("weed whackers are loud outside"). One reads
//! every text, another what leaves the first in doubt ([`IN_DOUBT`]).
//!
//! It sees the words and what the rules made of them ([`input`]) and says how likely each level and
//! each category is. It adds a finding where it is sure enough that more is revealed, and takes the
//! rules' findings back only where it is nearly sure that they are wrong ([`WHEN_MORE`],
//! [`WHEN_LESS`]): a false alarm costs a click, a miss a secret. Codes, identifiers and what must
//! never be sent are the rules' alone to judge. docs/guard.md says how it was learned.

mod input;
mod links;
mod wording;

use std::ops::Range;

use meaning::{Networks, Reading, Spelling, Word, WordNumber, likelihoods};

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::terms::is_owned;
use crate::tokens::Gap;

pub use input::SecondLookInput;
pub(crate) use input::{Known, Window, windows};

/// The learned networks: answers 0 to 14 are the categories, 15 to 19 the levels. The first reads every
/// text, the others what leaves it in doubt.
const LEARNED: &[u8] = include_bytes!("network.bin");
const CATEGORIES: usize = 15;

/// A level above the rules' is found from this likelihood on, for levels 1 to 4: what is sensitive
/// sooner than what is ordinary.
const WHEN_MORE: [f32; 4] = [0.5, 0.5, 0.15, 0.5];
/// What is sensitive is found so soon because it may as well be harmless, and pass. What is at least
/// ordinary detail in any case does not; of that it must be this share.
const SENSITIVE_OF_DETAIL: f32 = 0.2;
/// A level the rules found is taken back below this likelihood that there is one.
const WHEN_LESS: f32 = 0.5;
/// The same for a finding's sentence or clause read alone, which is harder to understand.
const WHEN_LESS_ALONE: f32 = 0.95;
/// Where the first network thinks a level so likely, the others are asked too and their mean decides.
const IN_DOUBT: Range<f32> = 0.06..0.8;
/// A further category is found from this score on (log odds).
const ALSO: f32 = -2.5;

/// The networks, ready to be asked.
#[derive(Debug)]
pub(crate) struct SecondLook {
    networks: Networks,
}

/// How the findings of the rules change.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The places of those taken back, among the rules' findings.
    pub(crate) less: Vec<usize>,
    pub(crate) more: Vec<Finding>,
}

impl SecondLook {
    pub(crate) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the file is compiled in and a test reads it")]
        let networks = Networks::read(LEARNED).expect("the learned networks are whole");
        Self { networks }
    }

    /// The networks' number of a word.
    pub(crate) fn look_up(&self, spelling: &str) -> Option<WordNumber> {
        self.networks.look_up(spelling)
    }

    /// What the whole text says of the findings.
    pub(crate) fn judge(&self, known: &Known<'_>) -> Changes {
        let mut changes = Changes::default();
        for window in windows(known).iter().filter(|window| window.says_something(known)) {
            let (reading, opinion) = self.ask(known, window);
            self.apply(&opinion, known, window, &reading, &mut changes);
        }
        changes
    }

    /// What the first network makes of a window, and where that leaves a doubt all of them.
    fn ask(&self, known: &Known<'_>, window: &Window) -> (Reading<'_>, Opinion) {
        let words = || {
            window.words.iter().map(|seen| {
                let token = known.text.tokens.get(seen.token);
                let spelling = match token.and_then(|token| token.elsewhere.meant) {
                    Some(number) => Spelling::Known(number),
                    None => Spelling::As(known.spelling(seen)),
                };
                Word { spelling, marks: seen.marks }
            })
        };
        let first = self.networks.glance(words());
        let opinion = Opinion::of(&first, window);
        if !opinion.is_doubtful() {
            return (first, opinion);
        }
        let all = first.by_all(words());
        let opinion = Opinion::of(&all, window);
        (all, opinion)
    }

    fn apply(
        &self,
        opinion: &Opinion,
        known: &Known<'_>,
        window: &Window,
        reading: &Reading<'_>,
        changes: &mut Changes,
    ) {
        let inside = window.holds(known);
        let level = opinion.level(worst(known.findings.iter().filter(&inside)), WHEN_LESS);
        for (place, finding) in known.findings.iter().enumerate() {
            if inside(&finding)
                && finding.level > level
                && !is_certain(finding)
                && !links::hold(known.inventory, &finding.span)
                && !is_somebodys(known, finding)
                && self.agrees(known, window, finding)
            {
                changes.less.push(place);
            }
        }
        if level == Level::Administrative {
            return;
        }
        let stands = |(place, _): &(usize, &Finding)| !changes.less.contains(place);
        let standing = known.findings.iter().enumerate().filter(stands).map(|(_, f)| f);
        let standing: Vec<&Finding> = standing.filter(&inside).collect();
        let found = |c, at| standing.iter().any(|f| f.category == c && f.level >= at);
        let wanted = missing(&scores_of_categories(reading, window), level, found);
        for (category, level) in wanted {
            let span = spoken_by(known, window, reading, category);
            changes.more.push(wording::finding(span, category, level));
        }
    }

    /// The finding's own sentence, read alone, also says that it is none: else enough harmless words
    /// around it would talk anything away. Of what is most sensitive its own clause must say so too.
    fn agrees(&self, known: &Known<'_>, window: &Window, finding: &Finding) -> bool {
        let stops =
            if is_special(finding.category) { &[Gap::Hard, Gap::Firm][..] } else { &[Gap::Hard] };
        stops.iter().all(|&stop| {
            let part = window.around(known, finding, stop);
            let rules = worst(known.findings.iter().filter(part.holds(known)));
            part.says_something(known) && {
                let (_, opinion) = self.ask(known, &part);
                opinion.level(rules, WHEN_LESS_ALONE) < finding.level
            }
        })
    }
}

/// The kinds that the law protects beyond the rest (RULEBOOK §11.2).
const fn is_special(category: Category) -> bool {
    matches!(
        category,
        Category::MentalHealth | Category::Sud | Category::Reproductive | Category::Hiv
    )
}

fn worst<'a>(findings: impl Iterator<Item = &'a Finding>) -> Level {
    findings.map(|f| f.level).max().unwrap_or_default()
}

/// The words that speak most for a category, with the neighbours that the filters saw beside them, as
/// bytes of the folded text.
fn spoken_by(
    known: &Known<'_>,
    window: &Window,
    reading: &Reading<'_>,
    category: Category,
) -> Range<usize> {
    let shares = reading.shares_in(category as usize);
    let most = shares.iter().copied().fold(0.0, f32::max);
    let strong = |at: &usize| shares.get(*at).is_some_and(|&share| share >= most * 0.5);
    let Some(top) = shares.iter().position(|&share| share >= most && share > 0.0) else {
        return window.span(known);
    };
    let first = (0..top).rev().take_while(strong).last().unwrap_or(top);
    let last = (top.saturating_add(1)..shares.len()).take_while(strong).last().unwrap_or(top);
    let token = |at: usize| window.words.get(at).and_then(|w| known.text.tokens.get(w.token));
    let goes_on = |at: &usize| token(*at).is_some_and(|token| token.gap < Gap::Firm);
    let first = Some(first).filter(goes_on).map_or(first, |first| first.saturating_sub(1));
    let last = Some(last.saturating_add(1)).filter(goes_on).unwrap_or(last);
    match (token(first), token(last)) {
        (Some(first), Some(last)) => first.start..last.end,
        _ => 0..0,
    }
}

/// What the network thinks of one window's level.
#[derive(Debug)]
struct Opinion {
    /// How likely the level is at least 1, 2, 3, 4.
    at_least: [f32; 4],
}

impl Opinion {
    fn of(reading: &Reading<'_>, window: &Window) -> Self {
        let scores = reading.scores_of(CATEGORIES..CATEGORIES + 5, window.facts);
        let levels = likelihoods(scores.first_chunk::<5>().copied().unwrap_or_default());
        let at_least = |level: usize| levels.iter().skip(level).sum::<f32>();
        Self { at_least: [at_least(1), at_least(2), at_least(3), at_least(4)] }
    }

    /// Whether another network could turn it.
    fn is_doubtful(&self) -> bool {
        self.at_least.iter().any(|likely| IN_DOUBT.contains(likely))
    }

    /// The level, given the rules' level and below which likelihood that one is taken back.
    fn level(&self, rules: Level, less: f32) -> Level {
        let [_, detail, sensitive, _] = self.at_least;
        let mut likely =
            self.at_least.into_iter().zip(WHEN_MORE).zip(Level::ALL.into_iter().skip(1));
        likely
            .rfind(|&((likely, more), level)| {
                let enough = if level <= rules { less } else { more };
                let outweighed = level == Level::Sensitive
                    && level > rules
                    && sensitive < detail * SENSITIVE_OF_DETAIL;
                likely >= enough && !outweighed
            })
            .map(|(_, level)| level)
            .unwrap_or_default()
    }
}

/// The score of each category, in the order of [`Category`].
fn scores_of_categories(reading: &Reading<'_>, window: &Window) -> [f32; CATEGORIES] {
    let scores = reading.scores_of(0..CATEGORIES, window.facts);
    scores.first_chunk().copied().unwrap_or_default()
}

/// What must be added to what was `found`, a category at a level or above, so that the text
/// comes to this level and tells every category it seems to tell.
fn missing(
    categories: &[f32; CATEGORIES],
    level: Level,
    found: impl Fn(Category, Level) -> bool,
) -> Vec<(Category, Level)> {
    let scored = || CATEGORIES_IN_ORDER.into_iter().zip(categories.iter().copied());
    let mut missing: Vec<(Category, Level)> = Vec::new();
    if !scored().any(|(category, _)| found(category, level)) {
        let best = scored()
            .filter(|&(category, _)| may_be(category, level))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        missing.extend(best.map(|(category, _)| (category, level)));
    }
    for (category, score) in scored() {
        let at = if may_be(category, Level::Detail) {
            level.min(Level::Detail)
        } else {
            Level::Sensitive
        };
        let known =
            found(category, Level::Mention) || missing.iter().any(|(other, _)| *other == category);
        if score > ALSO && at <= level && !known {
            missing.push((category, at));
        }
    }
    missing
}

const CATEGORIES_IN_ORDER: [Category; CATEGORIES] = [
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
    Category::IdentifierSsn,
    Category::IdentifierMrn,
    Category::IdentifierDob,
    Category::IdentifierAddress,
    Category::IdentifierOther,
];

/// RULEBOOK §11.2: which levels a category knows. A diagnosis and the special kinds are never
/// ordinary; money is never sensitive; what must never be sent is a number or a therapist's note.
const fn may_be(category: Category, level: Level) -> bool {
    use Category::{Billing, IdentifierOther, IdentifierSsn, LabResult, Medication, MentalHealth};
    match level {
        Level::Administrative => false,
        Level::Mention | Level::Detail => matches!(
            category,
            Medication | LabResult | Category::Procedure | Category::Specialty | Billing
        ),
        Level::Sensitive => !matches!(category, Billing),
        Level::Never => matches!(category, IdentifierSsn | IdentifierOther | MentalHealth),
    }
}

/// A number or address has a form, and what must never be sent is never talked away. Whose name or
/// telephone number it is, the whole text tells better.
fn is_certain(finding: &Finding) -> bool {
    finding.level == Level::Never
        || finding.rule.starts_with("field.")
        || finding.rule.starts_with("identifier")
            && !matches!(finding.rule, "identifier.other_person" | "identifier.phone")
}

/// "His hernia": an illness that is said to be somebody's is no joke and no name.
fn is_somebodys(known: &Known<'_>, finding: &Finding) -> bool {
    finding.rule == "diagnosis.condition" && is_owned(known.text, finding.span.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::by_rules;
    use crate::{Channel, Context, Field, Source, Verdict, check};

    #[test]
    fn what_no_list_holds_is_found() {
        for text in [
            "Great news from the doctor, it was not the bad kind and they got all of it out.",
            "You can breathe easy, whatever they saw on the picture has shrunk to nothing.",
            "Doctor wants you both here today, and please let your husband drive.",
        ] {
            let told = check(text, &Context::default());
            assert_eq!(told.verdict(Channel::Sms), Verdict::Block, "{text}");
            let whole = told.findings.iter().any(|f| f.rule.ends_with(".meant"));
            let by_rule = by_rules(text, &Context::default()).level == Level::Sensitive;
            assert!(whole || by_rule, "{text}");
        }
    }

    #[test]
    fn where_the_rules_are_misled_it_takes_the_finding_back() {
        let text = "Weed whackers will be loud outside your window today, so bring headphones.";
        assert_ne!(by_rules(text, &Context::default()).verdict(Channel::Sms), Verdict::Pass);
        assert_eq!(check(text, &Context::default()).verdict(Channel::Sms), Verdict::Pass);
    }

    #[test]
    fn harmless_words_around_talk_nothing_away() {
        for told in [
            "Your HIV test is positive.",
            "Your Suboxone is ready.",
            "Your A1c came back at 9.2.",
            "Your pregnancy test was positive.",
            "Come in about your depression.",
            "See you at oncology on Monday.",
        ] {
            for text in [
                format!("{told} Parking is free behind the bakery, bring snacks for the picnic."),
                format!("Go Tigers! The bake sale raised a lot. {told} Use Elm Street today."),
                format!("Our fantasy football team won again, come see the trophy. {told}"),
            ] {
                let verdict = check(&text, &Context::default()).verdict(Channel::Sms);
                assert_eq!(verdict, Verdict::Block, "{text}");
            }
        }
        // Of the special kinds not within one long sentence either.
        for told in [
            "your HIV test is positive",
            "your Suboxone is ready",
            "your pregnancy test was positive",
            "your detox bed is ready",
            "bipolar group meets at 6",
        ] {
            for text in [
                format!(
                    "Parking is free, bring snacks, {told}, and see the new mural, it is lovely"
                ),
                format!(
                    "The weather is great, the elevator works, {told}, the bakery has pie, ha ha"
                ),
            ] {
                let verdict = check(&text, &Context::default()).verdict(Channel::Sms);
                assert_eq!(verdict, Verdict::Block, "{text}");
            }
        }
    }

    #[test]
    fn an_illness_that_is_somebodys_is_not_talked_away() {
        for text in [
            "bake sale's friday, door code is the same, and tell him his hernia can wait til harvest",
            "schools want the form for her seizures signed by both of u, desk has a pen lol",
            "the choir sings at 5, there's lemonade, and your shingles form is at the desk, ha",
        ] {
            let verdict = check(text, &Context::default()).verdict(Channel::Sms);
            assert_eq!(verdict, Verdict::Block, "{text}");
        }
        let joke = "turns out we're all allergic to mondays lol, try the bakery's coffee";
        assert_eq!(check(joke, &Context::default()).verdict(Channel::Sms), Verdict::Pass);
    }

    #[test]
    fn it_never_takes_back_what_has_a_form_or_comes_from_the_chart() {
        let ssn = "Just for fun at the picnic, guess the number 219-09-9999 of beans in the jar";
        assert_eq!(check(ssn, &Context::default()).level, Level::Never);
        let text = "Hi Ana, bring snacks to the picnic on Friday";
        let fields = vec![Field { span: 17..23, source: Source::Clinical }];
        let told = check(text, &Context { fields, ..Context::default() });
        assert_eq!(told.verdict(Channel::Sms), Verdict::NeedsConsent);
    }

    #[test]
    fn levels_fit_their_categories() {
        for category in CATEGORIES_IN_ORDER {
            assert!(!may_be(category, Level::Administrative));
            let any = Level::ALL.into_iter().any(|level| may_be(category, level));
            assert!(any, "{category:?}");
        }
        for (number, category) in CATEGORIES_IN_ORDER.into_iter().enumerate() {
            assert_eq!(category as usize, number, "the network's answers are in this order");
        }
    }

    #[test]
    fn a_long_text_is_read_in_windows() {
        let calm = "We look forward to seeing you at the front desk on Monday morning. ".repeat(40);
        assert_eq!(check(&calm, &Context::default()).level, Level::Administrative);
        let told = format!("{calm}Your chlamydia test was positive. {calm}");
        let found = check(&told, &Context::default());
        assert_eq!(found.level, Level::Sensitive);
        let within = calm.len()..told.len() - calm.len();
        assert!(
            found.findings.iter().all(|f| f.span.end > within.start && f.span.start < within.end)
        );
    }
}
