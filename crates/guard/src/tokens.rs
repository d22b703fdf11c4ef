//! A folded text as words, numbers and signs, each with its number in the lists.

use std::ops::Range;

use crate::normalise::Folded;
use crate::slips::Heard;
use crate::words::{Elsewhere, Listed, NO_WORD, WordId, Words};

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, or letters and digits beginning with a letter (`a1c`).
    Word,
    /// Digits, with inner points and commas (`7.2`, `1,200`).
    Number,
    /// A single sign or emoji.
    Sign,
}

/// What stands between a token and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// Nothing.
    None,
    /// Spaces, hyphens, slashes, points within a word: a phrase goes on.
    Soft,
    /// A comma, colon, bracket or quote.
    Firm,
    /// The end of a sentence.
    Hard,
}

/// One word, number or sign; the span is bytes of the folded text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Its number, or [`NO_WORD`].
    pub(crate) word: WordId,
    /// The number of its singular, or [`NO_WORD`].
    pub(crate) stem: WordId,
    /// What the word alone is: one bit for each [`crate::lexicon::Role`].
    pub(crate) roles: u64,
    /// Where it leads in the tree of words.
    pub(crate) first: u32,
    pub(crate) elsewhere: Elsewhere,
    /// What it sounds like, if a list holds it.
    pub(crate) heard: Heard,
    pub(crate) kind: Kind,
    pub(crate) gap: Gap,
    /// Which sentence holds it.
    pub(crate) sentence: usize,
}

impl Token {
    /// Bytes of the folded text.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// What it may be among names and places, if a list holds it as it is written.
    pub(crate) fn tag(&self, folded: &Folded) -> Option<u64> {
        let as_written = || !(folded.holds(b'\'') && folded.slice(self.span()).contains('\''));
        (self.word != NO_WORD && as_written()).then_some(self.elsewhere.tag)
    }

    /// No list holds it or its singular.
    pub(crate) fn is_unknown(&self) -> bool {
        self.word == NO_WORD && self.stem == NO_WORD
    }
}

/// Letters that behind digits are a unit or half of the day: `10mg`, `3pm`.
const UNITS: &[&str] = &[
    "mg", "mcg", "ml", "cc", "g", "gm", "gr", "kg", "lb", "lbs", "iu", "u", "units", "unit", "tab",
    "tabs", "cap", "caps", "puffs", "puff", "pills", "am", "pm", "hrs", "hr", "min", "mins", "x",
    "k", "bpm", "mmhg", "mgdl", "days", "day", "wks", "weeks", "yo", "yr", "yrs", "mos", "mo",
];

/// Cuts a text into tokens, in one pass.
pub(crate) fn cut(folded: &Folded, words: &Words, sentences: &[Range<usize>]) -> Vec<Token> {
    let bytes = folded.lower.as_bytes();
    let tokens = Vec::with_capacity(bytes.len() / 4);
    let mut cutter = Cutter { folded, sentences, sentence: 0, after: 0, tokens };
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'a'..=b'z' => end_of_word(bytes, at),
            b'0'..=b'9' => end_of_number(folded, at),
            b'&' | b'+' | b'%' | b'$' | b'#' | b'@' => at.saturating_add(1),
            0x80.. => end_of_foreign(folded, at),
            _ => {
                at = at.saturating_add(1);
                continue;
            }
        };
        cutter.take(at..end, byte);
        at = end;
    }
    look_up(&mut cutter.tokens, folded, words);
    cutter.tokens
}

/// In a pass of its own: the processor then fetches the table's places for many words at a time.
fn look_up(tokens: &mut [Token], folded: &Folded, words: &Words) {
    let mut bare = String::new();
    for token in tokens {
        let mut spelling = folded.slice(token.span());
        if folded.holds(b'\'') && spelling.contains('\'') {
            bare.clear();
            bare.extend(spelling.split('\''));
            spelling = &bare;
        }
        let Listed { word, stem, roles, first, elsewhere, heard } = words.look_up(spelling);
        (token.word, token.stem, token.roles) = (word, stem, roles);
        (token.first, token.elsewhere, token.heard) = (first, elsewhere, heard);
    }
}

struct Cutter<'a> {
    folded: &'a Folded,
    sentences: &'a [Range<usize>],
    sentence: usize,
    /// Where the last token ended.
    after: usize,
    tokens: Vec<Token>,
}

impl Cutter<'_> {
    fn take(&mut self, span: Range<usize>, first: u8) {
        let kind = match first {
            b'0'..=b'9' => Kind::Number,
            b'a'..=b'z' => Kind::Word,
            0x80.. if self.folded.slice(span.clone()).chars().all(char::is_alphabetic) => {
                Kind::Word
            }
            _ => Kind::Sign,
        };
        let mut gap = self.gap(span.start);
        while self.sentences.get(self.sentence).is_some_and(|s| s.end <= span.start) {
            self.sentence = self.sentence.saturating_add(1);
            gap = Gap::Hard;
        }
        self.after = span.end;
        let sentence = self.sentence;
        let Range { start, end } = span;
        self.tokens.push(Token {
            start,
            end,
            word: NO_WORD,
            stem: NO_WORD,
            roles: 0,
            first: 0,
            elsewhere: Elsewhere::default(),
            heard: Heard::NOTHING,
            kind,
            gap,
            sentence,
        });
    }

    /// What stands between the last token and the one that starts here.
    fn gap(&self, start: usize) -> Gap {
        let firm =
            |b: &u8| matches!(b, b',' | b';' | b':' | b'(' | b')' | b'"' | b'!' | b'?' | b'|');
        match self.folded.lower.as_bytes().get(self.after..start).unwrap_or(&[]) {
            [] if !self.tokens.is_empty() => Gap::None,
            [b' '] => Gap::Soft,
            between if between.iter().any(firm) => Gap::Firm,
            _ => Gap::Soft,
        }
    }
}

/// Letters and digits, and apostrophes between them.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let mut rest = bytes.get(start..).unwrap_or(&[]);
    while let [byte, behind @ ..] = rest {
        let apostrophe = || *byte == b'\'' && behind.first().is_some_and(u8::is_ascii_lowercase);
        if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || apostrophe()) {
            break;
        }
        rest = behind;
    }
    bytes.len().saturating_sub(rest.len())
}

/// Digits with inner points and commas; letters that follow belong to it unless they are a unit.
fn end_of_number(folded: &Folded, start: usize) -> usize {
    let mut at = start;
    loop {
        let next = folded.byte(at.saturating_add(1));
        match folded.byte(at) {
            b'0'..=b'9' => at = at.saturating_add(1),
            b'.' | b',' if next.is_ascii_digit() => at = at.saturating_add(1),
            byte if byte.is_ascii_lowercase() => {
                let end = end_of_word(folded.lower.as_bytes(), at);
                return if UNITS.contains(&folded.slice(at..end)) { at } else { end };
            }
            _ => return at,
        }
    }
}

/// A word of another script, or one sign.
fn end_of_foreign(folded: &Folded, start: usize) -> usize {
    let rest = folded.slice(start..folded.lower.len());
    let letters = rest.chars().take_while(|c| c.is_alphabetic() && !c.is_ascii());
    let length: usize = letters.map(char::len_utf8).sum();
    let first = rest.chars().next().map_or(1, char::len_utf8);
    start.saturating_add(length.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentences;

    fn tokens(text: &str) -> Vec<(String, Gap)> {
        let folded = Folded::new(text);
        let sentences = sentences::split(&folded);
        let cut = cut(&folded, &Words::default(), &sentences);
        cut.iter().map(|t| (folded.slice(t.span()).to_owned(), t.gap)).collect()
    }

    #[test]
    fn words_numbers_and_signs() {
        let texts: Vec<_> = tokens("A1c 7.2, take 10mg: D&C 💊 ok. Crohn's HIV+")
            .into_iter()
            .map(|(text, _)| text)
            .collect();
        assert_eq!(
            texts,
            ["a1c", "7.2", "take", "10", "mg", "d", "&", "c", "💊", "ok", "crohn's", "hiv", "+"]
        );
    }

    #[test]
    fn gaps_tell_where_a_phrase_ends() {
        let gaps: Vec<_> = tokens("a b, c. d e").into_iter().map(|(_, gap)| gap).collect();
        assert_eq!(gaps[1..4], [Gap::Soft, Gap::Firm, Gap::Hard]);
    }
}
