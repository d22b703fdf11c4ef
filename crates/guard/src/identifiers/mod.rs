//! The 18 identifiers of 45 CFR 164.514(b)(2)(i): an inventory of all, and findings for those
//! that a message to the patient must not carry (RULEBOOK §11.1).
//!
//! `numbers` (SSN, MRN, plan, account, card …), `contact` (phone, fax, email, web, IP), `dates`
//! (dates, date of birth, age over 89), `people` (names), `places` (streets, towns, facilities).
//! They run in this order; a stretch of text taken by one is not read again by the next.

mod contact;
mod dates;
mod numbers;
mod people;
mod places;

use std::ops::Range;

use crate::assessment::Finding;
use crate::context::Context;
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::Folded;
use crate::terms;

/// The compiled shapes of all identifiers.
#[derive(Debug)]
pub(crate) struct Identifiers {
    numbers: numbers::Numbers,
    contact: contact::Contact,
    dates: dates::Dates,
    people: people::People,
    places: places::Places,
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
}

/// The text and what is known about it.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) context: &'a Context,
    pub(crate) terms: &'a terms::Found,
}

impl Identifiers {
    pub(crate) fn new() -> Self {
        Self {
            numbers: numbers::Numbers::new(),
            contact: contact::Contact::new(),
            dates: dates::Dates::new(),
            people: people::People::new(),
            places: places::Places::new(),
        }
    }

    /// Finds every identifier in the text.
    pub(crate) fn find(&self, reading: Reading<'_>) -> Inventory {
        let mut inventory = Inventory::default();
        if reading.folded.has_digit || reading.folded.lower.contains("ss") {
            self.numbers.find(reading.folded, &mut inventory);
        }
        self.contact.find(reading, &mut inventory);
        let lower = &reading.folded.lower;
        if reading.folded.has_digit || ["born", "birth", "naci"].iter().any(|w| lower.contains(w)) {
            self.dates.find(reading.folded, &mut inventory);
        }
        self.places.find(reading, &mut inventory);
        self.people.find(reading, &mut inventory);
        inventory
    }
}

impl Inventory {
    /// No identifier found so far shares a byte with this span.
    fn is_free(&self, span: &Range<usize>) -> bool {
        self.identifiers.iter().all(|(taken, _)| taken.end <= span.start || span.end <= taken.start)
    }

    fn add(&mut self, span: Range<usize>, kind: IdentifierKind) {
        self.identifiers.push((span, kind));
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
    let window = folded.slice(from..at);
    words.iter().any(|word| {
        window.match_indices(word).any(|(found, _)| {
            let start = from.saturating_add(found);
            folded.starts_word(start) && folded.ends_word(start.saturating_add(word.len()))
        })
    })
}
