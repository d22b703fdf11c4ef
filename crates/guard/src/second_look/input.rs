//! What the second look gets to see: the words, and what the rules made of them.

use std::borrow::Cow;
use std::ops::Range;

use meaning::{bit, bit_if};

use super::links::drawn_by_lot;
use crate::assessment::Finding;
use crate::identifiers::Inventory;
use crate::level::Level;
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::slips::REGISTERED;
use crate::suppress::Excused;
use crate::terms::Text;
use crate::tokens::{Gap, Kind, Token};

/// Everything the rules know when they are done; spans are bytes of the folded text.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) lexicon: &'a Lexicon,
    pub(crate) text: Text<'a>,
    pub(crate) hits: &'a [TermHit],
    pub(crate) findings: &'a [Finding],
    pub(crate) inventory: &'a Inventory,
    pub(crate) excused: &'a Excused,
}

/// A window as it is learned from: what a word's bits mean, [`crate::guard::Guard`] alone knows.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SecondLookInput {
    /// Each word, folded, and its marks in hexadecimal digits.
    pub words: Vec<(String, String)>,
    /// The window's facts in hexadecimal digits.
    pub facts: String,
}

impl SecondLookInput {
    pub(crate) fn of(known: &Known<'_>, window: &Window) -> Self {
        let word = |seen: &Seen| (known.spelling(seen).into_owned(), format!("{:x}", seen.marks));
        Self {
            facts: format!("{:x}", window.facts),
            words: window.words.iter().map(word).collect(),
        }
    }
}

impl Known<'_> {
    /// The word, folded, without its apostrophes.
    pub(crate) fn spelling(&self, seen: &Seen) -> Cow<'_, str> {
        let token = self.text.tokens.get(seen.token);
        let said = token.map_or("", |token| self.text.folded.slice(token.span()));
        if said.contains('\'') { said.replace('\'', "").into() } else { said.into() }
    }
}

/// Some sentences of a text, few enough to be understood at once.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) words: Vec<Seen>,
    /// [`fact`] for each finding, and the worst level's.
    pub(crate) facts: u128,
}

/// One or two words say what the lists say of them.
const FEWEST: usize = 3;

impl Window {
    /// It holds enough words, numbers and signs not counted, to be read as a whole.
    pub(crate) fn says_something(&self, known: &Known<'_>) -> bool {
        let kind = |seen: &Seen| known.text.tokens.get(seen.token).map(|token| token.kind);
        let is_word = |seen: &&Seen| kind(seen) == Some(Kind::Word);
        self.words.iter().filter(is_word).take(FEWEST).count() == FEWEST
    }

    /// Whether a finding lies in it, at least in part.
    pub(crate) fn holds(&self, known: &Known<'_>) -> impl Fn(&&Finding) -> bool + use<> {
        let span = self.span(known);
        move |f| f.span.start < span.end && span.start < f.span.end
    }

    /// Only the words that stand between the same stops of this kind as the finding.
    pub(crate) fn around(&self, known: &Known<'_>, finding: &Finding, stop: Gap) -> Self {
        let tokens = known.text.tokens;
        let begins = |seen: &Seen| tokens.get(seen.token).is_none_or(|t| t.gap >= stop);
        let end_of = |seen: &Seen| tokens.get(seen.token).map_or(0, |t| t.end);
        let start_of = |seen: &Seen| tokens.get(seen.token).map_or(0, |t| t.start);
        let first = self.words.partition_point(|seen| end_of(seen) <= finding.span.start);
        let last = self.words.partition_point(|seen| start_of(seen) < finding.span.end);
        let from =
            (0..=first).rev().find(|&at| self.words.get(at).is_some_and(begins)).unwrap_or(0);
        let to = (last..self.words.len())
            .find(|&at| self.words.get(at).is_some_and(begins))
            .unwrap_or(self.words.len());
        let words = self.words.get(from..to).unwrap_or(&[]).to_vec();
        let mut part = Self { words, facts: 0 };
        part.facts = facts(known, &part);
        part
    }

    /// From its first word to its last, in bytes of the folded text.
    pub(crate) fn span(&self, known: &Known<'_>) -> Range<usize> {
        let token = |seen: Option<&Seen>| seen.and_then(|seen| known.text.tokens.get(seen.token));
        match (token(self.words.first()), token(self.words.last())) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }
}

/// A word and what the rules made of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Its number among the tokens.
    pub(crate) token: usize,
    pub(crate) marks: u128,
}

/// A window closes at the end of a sentence once it holds so many words …
const ENOUGH: usize = 40;
/// … and anywhere once it holds so many.
const MOST: usize = 64;

// Which bit of a word's marks means what. The learned file depends on it: learn again after a change.
const CAPITAL: u32 = 60;
const ALL_CAPITALS: u32 = 61;
const AFTER_A_COMMA: u32 = 62;
const AFTER_A_SENTENCE: u32 = 63;
const UNKNOWN: u32 = 64;
const IN_A_NAME: u32 = 65;
const IDENTIFIERS: u32 = 66;
const ROLES: u32 = 84;
const HOMOGRAPH: u32 = 120;
const DOUBTFUL: u32 = 121;
const RARE_DRUG: u32 = 122;

/// The bit of a finding, for words within it and for texts that hold one.
fn fact(finding: &Finding) -> u128 {
    let level = u32::from(u8::from(finding.level)).saturating_sub(1);
    bit((finding.category as u32).saturating_mul(4).saturating_add(level))
}

/// The bit of a text's worst level.
fn level_fact(level: Level) -> u128 {
    bit(60_u32.saturating_add(u32::from(u8::from(level))))
}

/// The text in windows. What the context excuses is left out, as if nobody had said it, and the
/// letters of links that are drawn by lot.
pub(crate) fn windows(known: &Known<'_>) -> Vec<Window> {
    let tokens = known.text.tokens;
    let mut marks: Vec<u128> = tokens.iter().map(|t| by_itself(known, t)).collect();
    for hit in known.hits {
        let Some(group) = known.lexicon.group(hit.group) else { continue };
        let mut bits = bit(ROLES.saturating_add(group.role as u32));
        bits |= bit_if(HOMOGRAPH, hit.homograph)
            | bit_if(DOUBTFUL, hit.doubtful)
            | bit_if(RARE_DRUG, group.rule == REGISTERED);
        mark(tokens, &mut marks, hit.start..hit.end, bits);
    }
    for finding in known.findings {
        mark(tokens, &mut marks, finding.span.clone(), fact(finding));
    }
    for (span, kind) in &known.inventory.identifiers {
        mark(tokens, &mut marks, span.clone(), bit(IDENTIFIERS.saturating_add(*kind as u32)));
    }
    for span in &known.inventory.proper_names {
        mark(tokens, &mut marks, span.clone(), bit(IN_A_NAME));
    }
    let drawn = drawn_by_lot(known.text.folded, known.inventory);
    let is_drawn = |token: &Token| drawn.iter().any(|part| part.contains(&token.start));
    let mut windows: Vec<Window> = Vec::with_capacity(1);
    for (number, (token, marks)) in tokens.iter().zip(marks).enumerate() {
        if known.excused.covers(&token.span()) || is_drawn(token) {
            continue;
        }
        let full = windows.last().is_none_or(|open| {
            let length = open.words.len();
            length >= MOST || length >= ENOUGH && token.gap == Gap::Hard
        });
        if full {
            let words = Vec::with_capacity(tokens.len().saturating_sub(number).min(MOST));
            windows.push(Window { words, facts: 0 });
        }
        if let Some(open) = windows.last_mut() {
            open.words.push(Seen { token: number, marks });
        }
    }
    for window in &mut windows {
        window.facts = facts(known, window);
    }
    windows
}

/// What the rules found in a window.
fn facts(known: &Known<'_>, window: &Window) -> u128 {
    let inside = window.holds(known);
    let found = || known.findings.iter().filter(&inside);
    let worst = found().map(|f| f.level).max().unwrap_or_default();
    found().map(fact).fold(level_fact(worst), |facts, fact| facts | fact)
}

/// What a word is by its spelling, its place and the lists it stands on.
fn by_itself(known: &Known<'_>, token: &Token) -> u128 {
    let folded = known.text.folded;
    let own = Role::FirstName.bit() | Role::Common.bit();
    let marks = u128::from(token.roles & own).checked_shl(ROLES).unwrap_or(0);
    let cased = folded.cased_slice(token.span());
    marks
        | bit_if(CAPITAL, folded.is_capital(token.start))
        | bit_if(ALL_CAPITALS, cased.len() > 1 && cased.bytes().all(|b| b.is_ascii_uppercase()))
        | bit_if(AFTER_A_COMMA, token.gap == Gap::Firm)
        | bit_if(AFTER_A_SENTENCE, token.gap == Gap::Hard)
        | bit_if(UNKNOWN, token.is_unknown())
}

fn mark(tokens: &[Token], marks: &mut [u128], span: Range<usize>, with: u128) {
    let from = tokens.partition_point(|t| t.end <= span.start);
    for (token, marks) in tokens.iter().zip(marks).skip(from) {
        if token.start >= span.end {
            return;
        }
        *marks |= with;
    }
}
