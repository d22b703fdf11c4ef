//! The words of a text, each with what it may be and how it is written.

use std::ops::Range;

use super::Reading;
use super::cues;
use super::gazetteer::{FAMILY, GIVEN, Gazetteer, HINTS, PLACE, PLACE_GOES_ON, Tag, value};
use crate::normalise::Folded;

/// What stands between a word and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing: the first word.
    Start,
    /// One space.
    Space,
    /// A full stop, and a space or nothing: after an initial or a title the name goes on.
    Dot,
    /// A comma.
    Comma,
    /// Anything else.
    Other,
}

/// One word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    /// Without a possessive ending.
    pub(super) end: usize,
    pub(super) tag: Tag,
    pub(super) gap: Gap,
    /// Written with a capital, in a text where that tells something.
    pub(super) cap: bool,
    /// Two or more letters, all capitals.
    pub(super) upper: bool,
    pub(super) possessive: bool,
    pub(super) begins_sentence: bool,
    /// One of our term lists holds it: a drug, a disease.
    pub(super) term: bool,
    /// Some place of several words goes on with it.
    pub(super) in_a_place: bool,
}

impl Word {
    pub(super) fn is(&self, roles: Tag) -> bool {
        self.tag & roles != 0
    }

    pub(super) fn given(&self) -> u8 {
        value(self.tag, GIVEN)
    }

    pub(super) fn family(&self) -> u8 {
        value(self.tag, FAMILY)
    }

    pub(super) fn place(&self) -> u8 {
        value(self.tag, PLACE)
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// A single capital letter.
    pub(super) fn is_initial(&self) -> bool {
        self.cap && self.end.saturating_sub(self.start) == 1 && !self.possessive
    }

    /// Also an English word, or a month, or a season.
    pub(super) fn is_ordinary(&self) -> bool {
        self.is(cues::WORD | cues::MONTH)
            || self.is(cues::RARE_WORD) && self.given().max(self.family()) < 3
    }
}

/// All words, and what the text holds as a whole.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) list: Vec<Word>,
    /// Every role that any word has.
    pub(super) roles: Tag,
    /// A digit, a divider of dates, a digit.
    pub(super) has_divided_digits: bool,
    /// A full stop between a letter or digit and two letters: the least a web address has.
    pub(super) joins_letters: bool,
    /// A word begins with digits and goes on with letters: `12th`.
    pub(super) has_counted: bool,
    pub(super) digits: usize,
    pub(super) colons: usize,
    /// Full stops between digits; an IP address has three.
    pub(super) dotted_digits: usize,
    /// Words of a single digit.
    pub(super) lone_digits: usize,
    /// By length, the words that mix letters and digits.
    pub(super) mixed_lengths: u64,
    /// `17feb2023`: a month inside a word with digits.
    pub(super) has_joined_month: bool,
    /// Most long words begin with a capital: a capital tells little.
    pub(super) title_case: bool,
}

impl Words {
    /// Reads the text once.
    pub(super) fn read(reading: Reading<'_>, gazetteer: &Gazetteer) -> Self {
        let folded = reading.folded;
        let mut words =
            Self { list: Vec::with_capacity(folded.lower.len() / 5), ..Self::default() };
        words.split(reading, gazetteer);
        words.judge_capitals();
        words.mark_terms(reading);
        words
    }

    /// The word at an index.
    pub(super) fn get(&self, at: usize) -> Option<&Word> {
        self.list.get(at)
    }

    /// The word before an index, when one space parts them.
    pub(super) fn before(&self, at: usize) -> Option<&Word> {
        let here = self.list.get(at)?;
        if here.gap == Gap::Space { self.list.get(at.checked_sub(1)?) } else { None }
    }

    /// The word after an index, when one space parts them.
    pub(super) fn after(&self, at: usize) -> Option<&Word> {
        self.list.get(at.saturating_add(1)).filter(|w| w.gap == Gap::Space)
    }

    /// One of the `reach` words before an index has one of the roles.
    pub(super) fn any_before(&self, at: usize, reach: usize, roles: Tag) -> bool {
        self.list.get(at.saturating_sub(reach)..at).unwrap_or(&[]).iter().any(|word| word.is(roles))
    }

    fn split(&mut self, Reading { folded, tokens, .. }: Reading<'_>, gazetteer: &Gazetteer) {
        let mut tokens = tokens.iter().peekable();
        let bytes = folded.lower.as_bytes();
        if folded.has_digit {
            self.digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
        }
        let mut at = 0_usize;
        let mut last_end = None;
        let mut lines = folded.line_starts.iter().copied().peekable();
        while let Some(&byte) = bytes.get(at) {
            let lone_at = byte == b'@' && folded.byte(at.saturating_add(1)) == b' ';
            if !(is_letter(byte) || lone_at) {
                if byte != b' ' {
                    self.note(folded, at, byte);
                }
                at = at.saturating_add(1);
                continue;
            }
            let start = at;
            at = self.end_of_word(bytes, start);
            let mut new_line = false;
            while lines.next_if(|&line| line <= start).is_some() {
                new_line = true;
            }
            let (gap, behind_a_stop) = gap(folded, last_end, start);
            let begins_sentence = new_line || behind_a_stop;
            while tokens.next_if(|token| token.start < start).is_some() {}
            let same = tokens.peek().filter(|token| token.start == start && token.end == at);
            let known = same.and_then(|token| token.tag(folded));
            let look_up = |word: &[u8]| known.unwrap_or_else(|| gazetteer.tag_and_hints(word));
            let (word, roles) =
                read_word(folded, (gazetteer, look_up), start..at, (gap, begins_sentence));
            self.roles |= roles;
            if folded.has_digit {
                self.note_digits(folded.slice(start..at), word.tag);
            }
            self.list.push(word);
            last_end = Some(at);
        }
    }

    /// Notes a digit alone, and letters and digits mixed in one word.
    fn note_digits(&mut self, text: &str, tag: Tag) {
        let counts = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if counts && text.len() == 1 {
            self.lone_digits = self.lone_digits.saturating_add(1);
            return;
        }
        if !counts && tag != 0 {
            return;
        }
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let mixed = digits > 0 && digits < text.len();
        self.has_counted |= counts && mixed;
        if mixed && tag == 0 {
            self.mixed_lengths |= 1 << text.len().min(63);
            self.has_joined_month |= text.len() > 3
                && text.bytes().any(|b| b.is_ascii_lowercase())
                && MONTHS.iter().any(|month| text.contains(month));
        }
    }

    fn note(&mut self, folded: &Folded, at: usize, byte: u8) {
        match byte {
            b':' => self.colons = self.colons.saturating_add(1),
            b'/' | b'.' => {
                let before = at.checked_sub(1).map_or(b' ', |b| folded.byte(b));
                let next = folded.byte(at.saturating_add(1));
                let between = before.is_ascii_digit() && next.is_ascii_digit();
                self.has_divided_digits |= between;
                if byte == b'.' {
                    self.dotted_digits = self.dotted_digits.saturating_add(usize::from(between));
                    self.joins_letters |= before.is_ascii_alphanumeric()
                        && next.is_ascii_alphabetic()
                        && folded.byte(at.saturating_add(2)).is_ascii_alphabetic();
                }
            }
            _ => {}
        }
    }

    fn end_of_word(&mut self, bytes: &[u8], start: usize) -> usize {
        let mut rest = bytes.get(start.saturating_add(1)..).unwrap_or(&[]);
        while let [byte, behind @ ..] = rest {
            if !is_letter(*byte) {
                let next = behind.first().copied().unwrap_or(b' ');
                if !(matches!(byte, b'\'' | b'-') && is_letter(next)) {
                    break;
                }
                self.has_divided_digits |= *byte == b'-' && next.is_ascii_digit();
            }
            rest = behind;
        }
        bytes.len().saturating_sub(rest.len())
    }

    /// In a text all in capitals, a capital tells nothing; nor in a headline.
    fn judge_capitals(&mut self) {
        let long = |w: &&Word| w.end.saturating_sub(w.start) > 3;
        let (mut all, mut caps, mut upper) = (0_usize, 0_usize, 0_usize);
        for word in self.list.iter().filter(long) {
            all = all.saturating_add(1);
            caps = caps.saturating_add(usize::from(word.cap));
            upper = upper.saturating_add(usize::from(word.upper));
        }
        let most = |part: usize, tenths: usize| {
            all >= 3 && part.saturating_mul(10) >= all.saturating_mul(tenths)
        };
        if most(upper, 7) {
            for word in &mut self.list {
                word.cap = false;
                word.upper = false;
            }
        } else {
            self.title_case = most(caps, 8);
        }
    }

    fn mark_terms(&mut self, reading: Reading<'_>) {
        if !self.list.iter().any(|w| w.cap) {
            return;
        }
        for finding in &reading.terms.findings {
            let from = self.list.partition_point(|w| w.end <= finding.span.start);
            for word in self.list.iter_mut().skip(from) {
                if word.start >= finding.span.end {
                    break;
                }
                word.term = true;
            }
        }
    }
}

/// The months' first letters, in both languages.
const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "ene",
    "abr", "ago", "dic",
];

#[inline]
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || !byte.is_ascii()
}

/// The word, and everything its spelling tells.
fn read_word(
    folded: &Folded,
    (gazetteer, look_up): (&Gazetteer, impl Fn(&[u8]) -> Tag),
    span: Range<usize>,
    (gap, begins_sentence): (Gap, bool),
) -> (Word, Tag) {
    let text = folded.lower.as_bytes().get(span.clone()).unwrap_or(&[]);
    let (bare, possessive) = match text {
        [bare @ .., b'\'', b's'] => (bare, true),
        [.., b's'] => (text, folded.byte(span.end) == b'\''),
        _ => (text, false),
    };
    let end = span.start.saturating_add(bare.len());
    let cased = folded.cased.as_bytes().get(span.start..end).unwrap_or(&[]);
    let mut known = look_up(bare);
    if end < span.end {
        known |= look_up(text);
    }
    let mut tag = known & !HINTS;
    if tag == 0 {
        tag = of_parts(folded, gazetteer, folded.slice(span.start..end));
    }
    let word = Word {
        start: span.start,
        end,
        tag,
        gap,
        cap: match cased {
            [b'A'..=b'Z', ..] => true,
            // "al-Rashid"
            [_, second, b'-', third, ..] if *second != b'-' && third.is_ascii_uppercase() => true,
            [first, ..] if !first.is_ascii() => {
                folded.cased_slice(span.start..end).starts_with(char::is_uppercase)
            }
            _ => false,
        },
        upper: cased.len() > 1 && cased.iter().all(u8::is_ascii_uppercase),
        possessive,
        begins_sentence,
        term: false,
        in_a_place: known & PLACE_GOES_ON != 0,
    };
    (word, known | tag)
}

/// `Garcia-Lopez`, `O'Brien`, `al-Rashid`, `55-year-old`.
fn of_parts(folded: &Folded, gazetteer: &Gazetteer, word: &str) -> Tag {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let sex = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let human = !sex.is_empty()
            && (["year", "yo", "yr"].iter().any(|w| word.contains(w)) || matches!(sex, "f" | "m"));
        return if human { cues::HUMAN | cues::AGE } else { 0 };
    }
    if folded.holds(b'\'')
        && let Some((head, rest)) = word.split_once('\'')
    {
        if head.len() <= 2 {
            let mut joined = String::with_capacity(word.len());
            joined.push_str(head);
            joined.push_str(rest);
            return gazetteer.tag(&joined) & !(cues::WORD | cues::RARE_WORD);
        }
        return 0;
    }
    if !folded.holds(b'-') {
        return 0;
    }
    let Some((head, rest)) = word.split_once('-') else { return 0 };
    let (first, last) = (gazetteer.tag(head), gazetteer.tag(rest));
    if matches!(rest, "based" | "area" | "born" | "raised") {
        return first & (3 << PLACE | super::gazetteer::KNOWN_PLACE);
    }
    let roles = first & cues::EPONYM | last & cues::EPONYM;
    if first & cues::PARTICLE != 0 && value(last, FAMILY).max(value(last, GIVEN)) > 0 {
        return last | roles;
    }
    let names = |tag| value(tag, GIVEN).max(value(tag, FAMILY));
    let least = |field, tag, other| Tag::from(value(tag, field).min(names(other))) << field;
    roles | least(GIVEN, first, last) | least(FAMILY, last, first)
}

/// What stands before a word, and whether it ends a sentence.
fn gap(folded: &Folded, last_end: Option<usize>, start: usize) -> (Gap, bool) {
    let Some(end) = last_end else { return (Gap::Start, true) };
    let ends = |b: &u8| matches!(b, b'.' | b'!' | b'?' | b':' | b'"' | b'*' | b';');
    match folded.lower.as_bytes().get(end..start).unwrap_or(&[]) {
        [b' '] | [b'\'', b' '] => (Gap::Space, false),
        [b'.', b' '] | [b'.'] => (Gap::Dot, true),
        [b',', b' '] | [b','] => (Gap::Comma, false),
        between => (Gap::Other, between.iter().any(ends)),
    }
}
