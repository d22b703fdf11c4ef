//! Phrase patterns over words: classes of words in slots, in order or near each other.
//!
//! A pattern is slots divided by spaces. `pain` a word; `a|b` either; `pain*` a beginning; `@neg` a
//! class; `_` any one word; `?word` there or not; `!word` not that word here; `..` up to four words
//! between; `#40-54` a number; `^` the beginning and `$` the end of the text. A leading `&` takes the
//! slots in any order within eight words.

use std::ops::Range;
use std::sync::LazyLock;

use super::spelling::{SPELLING, Spelling};
use super::words::{Token, Words};
use super::{emergency_phrases, intent_phrases, revocation_phrases, word_classes};

/// A phrase; see the module's first lines.
pub(super) type Pattern = &'static str;

/// What a phrase is a sign of. The number of the sign is its feature in the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cue(pub(super) u8);

/// A phrase found.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) cue: Cue,
    /// The words from first to last.
    pub(super) at: Range<usize>,
}

const GAP: usize = 4;
const WINDOW: usize = 8;

#[derive(Debug)]
enum Slot {
    Any,
    Gap,
    Start,
    End,
    One(Box<[u16]>),
    Maybe(Box<[u16]>),
    Not(Box<[u16]>),
    Number(u32, u32),
}

#[derive(Debug)]
struct Compiled {
    cue: Cue,
    near: bool,
    slots: Box<[Slot]>,
}

/// All patterns, found by a word that each of them must hold.
#[derive(Debug)]
pub(super) struct Grammar {
    patterns: Vec<Compiled>,
    by_word: Vec<Vec<u16>>,
    /// Those that begin with anything at all or a number.
    anywhere: Vec<u16>,
}

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::load(&SPELLING));

/// Every list of phrases with its cue.
fn lists() -> impl Iterator<Item = (Cue, &'static [Pattern])> {
    emergency_phrases::lists().chain(revocation_phrases::lists()).chain(intent_phrases::lists())
}

/// Every cue that has a list.
#[cfg(test)]
pub(super) fn cues() -> impl Iterator<Item = Cue> {
    lists().map(|(cue, _)| cue)
}

/// Every word that a pattern names, in the order of the lists.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let plain = |slot: &'static str| slot.trim_start_matches(['&', '?', '!']).split('|');
    lists()
        .flat_map(|(_, patterns)| patterns.iter())
        .flat_map(|pattern| pattern.split(' '))
        .flat_map(plain)
        .chain(word_classes::CLASSES.iter().flat_map(|(_, words)| words.split(' ')))
        .filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// All phrases in a text.
pub(super) fn find(words: &Words) -> Vec<Hit> {
    GRAMMAR.find(words.tokens())
}

impl Grammar {
    fn load(spelling: &Spelling) -> Self {
        let by_word = vec![Vec::new(); spelling.len()];
        let mut own = Self { patterns: Vec::new(), by_word, anywhere: Vec::new() };
        for (cue, patterns) in lists() {
            for pattern in patterns {
                own.add(cue, pattern, spelling);
            }
        }
        own
    }

    fn add(&mut self, cue: Cue, pattern: &str, spelling: &Spelling) {
        let Ok(number) = u16::try_from(self.patterns.len()) else { return };
        let (near, rest) = match pattern.strip_prefix('&') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let slots: Box<[Slot]> = rest.split(' ').map(|slot| compiled(slot, spelling)).collect();
        let anchor = if near {
            slots
                .iter()
                .filter_map(Slot::words)
                .min_by_key(|words| words.len())
                .map(<[u16]>::to_vec)
        } else {
            beginnings(&slots)
        };
        match anchor {
            Some(words) => {
                for word in words {
                    if let Some(list) = self.by_word.get_mut(usize::from(word)) {
                        list.push(number);
                    }
                }
            }
            None => self.anywhere.push(number),
        }
        self.patterns.push(Compiled { cue, near, slots });
    }

    fn find(&self, tokens: &[Token]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let named = token.id.and_then(|id| self.by_word.get(usize::from(id)));
            let named = named.map_or(&[][..], Vec::as_slice);
            for number in named.iter().chain(&self.anywhere) {
                let Some(pattern) = self.patterns.get(usize::from(*number)) else { continue };
                let found = if pattern.near {
                    near(tokens, at, &pattern.slots)
                } else {
                    let slots: &[Slot] = match &*pattern.slots {
                        [Slot::Start, ..] if at > 0 => continue,
                        [Slot::Start, rest @ ..] => rest,
                        all => all,
                    };
                    follows(tokens, at, slots).map(|end| at..end)
                };
                if let Some(at) = found {
                    hits.push(Hit { cue: pattern.cue, at });
                }
            }
        }
        hits
    }
}

/// The words that a match can begin with; none when it can begin with any.
fn beginnings(slots: &[Slot]) -> Option<Vec<u16>> {
    let mut words = Vec::new();
    for slot in slots {
        match slot {
            Slot::Start | Slot::Not(_) => {}
            Slot::Maybe(more) => words.extend_from_slice(more),
            Slot::One(more) => {
                words.extend_from_slice(more);
                words.sort_unstable();
                words.dedup();
                return Some(words);
            }
            Slot::Any | Slot::Gap | Slot::End | Slot::Number(..) => return None,
        }
    }
    None
}

impl Slot {
    fn words(&self) -> Option<&[u16]> {
        match self {
            Self::One(words) => Some(words),
            _ => None,
        }
    }
}

fn compiled(slot: &str, spelling: &Spelling) -> Slot {
    match slot {
        "_" => return Slot::Any,
        ".." => return Slot::Gap,
        "^" => return Slot::Start,
        "$" => return Slot::End,
        _ => {}
    }
    if let Some((low, high)) = slot.strip_prefix('#').and_then(|range| range.split_once('-')) {
        return Slot::Number(low.parse().unwrap_or(0), high.parse().unwrap_or(u32::MAX));
    }
    let mut ids: Vec<u16> = Vec::new();
    for word in slot.trim_start_matches(['?', '!']).split('|') {
        if let Some(class) = word.strip_prefix('@') {
            let words = word_classes::CLASSES.iter().find(|(name, _)| *name == class);
            debug_assert!(words.is_some(), "a class that is not there: {class}");
            ids.extend(
                words.iter().flat_map(|(_, words)| words.split(' ')).filter_map(|w| spelling.id(w)),
            );
        } else if let Some(beginning) = word.strip_suffix('*') {
            ids.extend(spelling.beginning(beginning));
        } else {
            ids.extend(spelling.id(word));
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let ids = ids.into_boxed_slice();
    match slot.as_bytes().first() {
        Some(b'?') => Slot::Maybe(ids),
        Some(b'!') => Slot::Not(ids),
        _ => Slot::One(ids),
    }
}

fn is_one_of(token: &Token, words: &[u16]) -> bool {
    token.id.is_some_and(|id| words.binary_search(&id).is_ok())
}

/// Where the slots end when they begin at a word.
fn follows(tokens: &[Token], at: usize, slots: &[Slot]) -> Option<usize> {
    let (slot, rest) = match slots {
        [] => return Some(at),
        [slot, rest @ ..] => (slot, rest),
    };
    let next = at.saturating_add(1);
    let token = tokens.get(at);
    match slot {
        Slot::Start => (at == 0).then(|| follows(tokens, at, rest))?,
        Slot::End => (at >= tokens.len()).then_some(at),
        Slot::Gap => (at..=at.saturating_add(GAP)).find_map(|next| follows(tokens, next, rest)),
        Slot::Any => token.and_then(|_| follows(tokens, next, rest)),
        Slot::One(words) => {
            token.filter(|t| is_one_of(t, words)).and_then(|_| follows(tokens, next, rest))
        }
        Slot::Number(low, high) => token
            .filter(|t| t.number.is_some_and(|n| (*low..=*high).contains(&n)))
            .and_then(|_| follows(tokens, next, rest)),
        Slot::Maybe(words) => token
            .filter(|t| is_one_of(t, words))
            .and_then(|_| follows(tokens, next, rest))
            .or_else(|| follows(tokens, at, rest)),
        Slot::Not(words) => {
            if token.is_some_and(|t| is_one_of(t, words)) {
                return None;
            }
            follows(tokens, at, rest)
        }
    }
}

/// All slots within the window around a word.
fn near(tokens: &[Token], at: usize, slots: &[Slot]) -> Option<Range<usize>> {
    let from = at.saturating_sub(WINDOW);
    let to = at.saturating_add(WINDOW).min(tokens.len());
    let window = tokens.get(from..to)?;
    let (mut first, mut last) = (at, at);
    for slot in slots {
        let place = window.iter().enumerate().find(|(_, token)| match slot {
            Slot::One(words) => is_one_of(token, words),
            Slot::Number(low, high) => token.number.is_some_and(|n| (*low..=*high).contains(&n)),
            _ => true,
        });
        let place = from.saturating_add(place?.0);
        first = first.min(place);
        last = last.max(place);
    }
    (last.saturating_sub(first) < WINDOW).then(|| first..last.saturating_add(1))
}
