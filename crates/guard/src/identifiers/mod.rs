//! The 18 identifiers of 45 CFR 164.514(b)(2)(i): an inventory of all, and findings for those
//! that a message to the patient must not carry (RULEBOOK §11.1).
//!
//! First every word is looked up once (`words`, `gazetteer`, `cues`): may it be a given name, a
//! place, a cue for a number? Then, where the words give cause, in this order: `numbers` (SSN, MRN,
//! plan, account, card …), `secrets` (passwords, PINs), `spoken` (numbers digit by digit), `contact`
//! (phone, fax, email, web, IP), `dates` (dates, date of birth, age over 89), `births` (those that no
//! cue names), `streets`, `homes` (addresses without a cue), `places` (towns, facilities), `people`
//! (names, with `name_forms`). A stretch of text taken by one is not read again by the next. Names that are also words, places
//! that are also diseases: what stands around them decides, and how common each reading is.

mod births;
mod contact;
mod cues;
mod dates;
mod facilities;
mod gazetteer;
mod homes;
mod name_forms;
mod names_by_form;
mod number_rules;
mod numbers;
mod people;
mod places;
mod secrets;
mod spoken;
mod streets;
mod words;
mod written_days;

use std::ops::Range;

use crate::assessment::Finding;
use crate::context::Context;
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::Folded;
use crate::terms;
use crate::tokens::Token;

/// The compiled shapes of all identifiers.
#[derive(Debug)]
pub(crate) struct Identifiers {
    numbers: numbers::Numbers,
    secrets: secrets::Secrets,
    contact: contact::Contact,
    dates: dates::Dates,
    births: births::Births,
    streets: streets::Streets,
    homes: homes::Homes,
    gazetteer: gazetteer::Gazetteer,
}

/// What was found; spans are bytes of the folded text.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) identifiers: Vec<(Range<usize>, IdentifierKind)>,
    pub(crate) findings: Vec<Finding>,
    /// Streets and titled names: a term inside them is a name, not a disease.
    pub(crate) proper_names: Vec<Range<usize>>,
    /// Full names that reveal only together with something else.
    pub(crate) full_names: Vec<Range<usize>>,
    /// One bit for each byte of the text that an identifier holds.
    taken: Vec<u64>,
}

/// The text and what is known about it.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) tokens: &'a [Token],
    pub(crate) context: &'a Context,
    pub(crate) terms: &'a terms::Found,
    /// They touch each other and cover the text.
    pub(crate) sentences: &'a [Range<usize>],
}

impl Reading<'_> {
    /// The sentence in which `at` lies.
    fn sentence(self, at: usize) -> Range<usize> {
        let here = self.sentences.partition_point(|sentence| sentence.end <= at);
        self.sentences.get(here).cloned().unwrap_or(at..at)
    }

    /// The sentence in which `at` lies, from the beginning of the one before it to the end of the
    /// one behind it.
    fn neighbourhood(self, at: usize) -> Range<usize> {
        let here = self.sentence(at);
        let before = here.start.checked_sub(1).map_or(here.start, |at| self.sentence(at).start);
        before..self.sentence(here.end).end.max(here.end)
    }
}

impl Identifiers {
    pub(crate) fn new() -> Self {
        Self {
            numbers: numbers::Numbers::new(),
            secrets: secrets::Secrets::new(),
            contact: contact::Contact::new(),
            dates: dates::Dates::new(),
            births: births::Births::new(),
            streets: streets::Streets::new(),
            homes: homes::Homes::new(),
            gazetteer: gazetteer::Gazetteer::new(),
        }
    }

    /// What a word may be; for the table of [`crate::words`].
    pub(crate) fn look_up(&self, spelling: &str) -> u64 {
        self.gazetteer.tag_and_hints(spelling.as_bytes())
    }

    /// Finds every identifier in the text.
    pub(crate) fn find(&self, reading: Reading<'_>) -> Inventory {
        let folded = reading.folded;
        let words = words::Words::read(reading, &self.gazetteer);
        let mut inventory = Inventory::over(folded.lower.len());
        self.numbers.find(folded, &words, &mut inventory);
        self.secrets.find(reading, &words, &mut inventory);
        if words.roles & (cues::DIGIT_WORD | cues::TENS) != 0 || words.digits >= 3 {
            spoken::find(reading, &words, &mut inventory);
        }
        self.contact.find(reading, &words, &mut inventory);
        self.dates.find(folded, &words, &mut inventory);
        self.births.find(folded, &words, &mut inventory);
        self.streets.find(reading, &words, &mut inventory);
        self.homes.find(reading, &words, &mut inventory);
        places::find(reading, &words, &self.gazetteer, &mut inventory);
        people::find(reading, &words, &mut inventory);
        self.dates.find_months(folded, &words, &mut inventory);
        inventory
    }
}

impl Inventory {
    /// For a text of so many bytes.
    fn over(bytes: usize) -> Self {
        Self { taken: vec![0; bytes / 64 + 1], ..Self::default() }
    }

    /// No identifier found so far shares a byte with this span.
    fn is_free(&self, span: &Range<usize>) -> bool {
        let (first, last) = (span.start / 64, span.end.saturating_sub(1) / 64);
        if first == last && span.start < span.end {
            let here = (u64::MAX >> (63 - span.end.saturating_sub(1) % 64))
                & u64::MAX << (span.start % 64);
            return self.taken.get(first).is_none_or(|bits| bits & here == 0);
        }
        span.clone().all(|at| self.taken.get(at / 64).is_none_or(|bits| bits >> (at % 64) & 1 == 0))
    }

    fn add(&mut self, span: Range<usize>, kind: IdentifierKind) {
        for at in span.clone() {
            if let Some(bits) = self.taken.get_mut(at / 64) {
                *bits |= 1 << (at % 64);
            }
        }
        self.identifiers.push((span, kind));
    }

    /// Something found so far stands for one person.
    fn holds_a_person(&self) -> bool {
        use IdentifierKind::{Date, Location, Phone, Url};
        self.identifiers.iter().any(|(_, kind)| !matches!(kind, Date | Location | Phone | Url))
    }

    /// A full name beside anything else that reveals is a pair (RULEBOOK §11.1 A).
    pub(crate) fn add_name_pairs(&mut self, something_else: bool) {
        if something_else {
            for span in std::mem::take(&mut self.full_names) {
                self.add_finding(span, &people::OTHER_PERSON);
            }
        }
    }

    fn add_finding(&mut self, span: Range<usize>, what: &What) {
        self.findings.push(Finding {
            span,
            category: what.category,
            level: what.level,
            rule: what.rule,
            reason: what.reason,
            suggestion: what.suggestion,
            ready: false,
        });
    }
}

/// What an identifier's finding says.
#[derive(Debug, Clone, Copy)]
struct What {
    category: Category,
    level: Level,
    rule: &'static str,
    reason: &'static str,
    suggestion: &'static str,
}

const fn what(
    category: Category,
    level: Level,
    rule: &'static str,
    reason: &'static str,
    suggestion: &'static str,
) -> What {
    What { category, level, rule, reason, suggestion }
}

/// One of the words stands in the text before a byte, at most `reach` bytes away.
fn cue_before(folded: &Folded, at: usize, reach: usize, words: &[&str]) -> bool {
    let mut from = at.saturating_sub(reach);
    while !folded.lower.is_char_boundary(from) {
        from = from.saturating_add(1);
    }
    // Where each word of the window begins; most begin none of the cues.
    let window = folded.slice(from..at).as_bytes();
    (0..window.len()).any(|start| {
        let here = from.saturating_add(start);
        let first = window.get(start).copied().unwrap_or(b' ');
        first != b' '
            && folded.starts_word(here)
            && words.iter().any(|word| {
                word.as_bytes().first() == Some(&first)
                    && window.get(start..).is_some_and(|rest| rest.starts_with(word.as_bytes()))
                    && folded.ends_word(here.saturating_add(word.len()))
            })
    })
}
