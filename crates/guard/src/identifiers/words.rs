//! The words of a text, each with what it may be and how it is written.

use std::ops::Range;

use super::Reading;
use super::cues;
use super::gazetteer::{FAMILY, GIVEN, Gazetteer, PLACE, Tag, value};
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
        words.split(folded, gazetteer);
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

    fn split(&mut self, folded: &Folded, gazetteer: &Gazetteer) {
        let bytes = folded.lower.as_bytes();
        let mut at = 0_usize;
        let mut last_end = None;
        let mut lines = folded.line_starts.iter().copied().peekable();
        while at < bytes.len() {
            let byte = folded.byte(at);
            let lone_at = byte == b'@' && folded.byte(at.saturating_add(1)) == b' ';
            if !(is_letter(byte) || lone_at) {
                self.note(folded, at, byte);
                at = at.saturating_add(1);
                continue;
            }
            let start = at;
            at = self.end_of_word(folded, start);
            let mut new_line = false;
            if !folded.line_starts.is_empty() {
                while lines.next_if(|&line| line <= start).is_some() {
                    new_line = true;
                }
            }
            let gap = gap(folded, last_end, start);
            let begins_sentence = new_line || begins_sentence(folded, last_end, start);
            let word = read_word(folded, gazetteer, start..at, gap, begins_sentence);
            self.roles |= word.tag;
            if word.tag == 0 {
                self.note_mixed(folded.slice(start..at));
            } else if at.saturating_sub(start) == 1 && byte.is_ascii_digit() {
                self.lone_digits = self.lone_digits.saturating_add(1);
            }
            self.list.push(word);
            last_end = Some(at);
        }
    }

    /// A word on no list: a digit alone, or letters and digits mixed?
    fn note_mixed(&mut self, text: &str) {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        if digits == 0 {
            return;
        }
        if text.len() == 1 {
            self.lone_digits = self.lone_digits.saturating_add(1);
        } else if digits < text.len() {
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
                let between =
                    before.is_ascii_digit() && folded.byte(at.saturating_add(1)).is_ascii_digit();
                self.has_divided_digits |= between;
                self.dotted_digits =
                    self.dotted_digits.saturating_add(usize::from(between && byte == b'.'));
            }
            _ => {}
        }
    }

    fn end_of_word(&mut self, folded: &Folded, start: usize) -> usize {
        let mut digits = usize::from(folded.byte(start).is_ascii_digit());
        let mut at = start.saturating_add(1);
        let mut rest = folded.lower.as_bytes().get(at..).unwrap_or(&[]);
        while let [byte, behind @ ..] = rest {
            if is_letter(*byte) {
                digits = digits.saturating_add(usize::from(byte.is_ascii_digit()));
            } else {
                let next = behind.first().copied().unwrap_or(b' ');
                if !(matches!(byte, b'\'' | b'-') && is_letter(next)) {
                    break;
                }
                self.has_divided_digits |= *byte == b'-' && next.is_ascii_digit();
            }
            at = at.saturating_add(1);
            rest = behind;
        }
        self.digits = self.digits.saturating_add(digits);
        at
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

fn is_letter(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | 0x80..)
}

fn read_word(
    folded: &Folded,
    gazetteer: &Gazetteer,
    span: Range<usize>,
    gap: Gap,
    begins_sentence: bool,
) -> Word {
    let text = folded.slice(span.clone());
    let (end, possessive) = match text.as_bytes() {
        [.., b'\'', b's'] => (span.end.saturating_sub(2), true),
        [.., b's'] => (span.end, folded.byte(span.end) == b'\''),
        _ => (span.end, false),
    };
    let bare = (end < span.end).then(|| folded.slice(span.start..end));
    let cased = folded.cased_slice(span.start..end);
    let mut tag = gazetteer.tag(bare.unwrap_or(text));
    if bare.is_some() {
        tag |= gazetteer.tag(text);
    }
    if tag == 0 {
        tag = of_parts(gazetteer, bare.unwrap_or(text));
    }
    Word {
        start: span.start,
        end,
        tag,
        gap,
        cap: match cased.as_bytes() {
            [b'A'..=b'Z', ..] => true,
            // "al-Rashid"
            [_, second, b'-', third, ..] if *second != b'-' && third.is_ascii_uppercase() => true,
            [first, ..] if !first.is_ascii() => cased.starts_with(char::is_uppercase),
            _ => false,
        },
        upper: cased.len() > 1 && cased.bytes().all(|b| b.is_ascii_uppercase()),
        possessive,
        begins_sentence,
        term: false,
    }
}

/// `Garcia-Lopez`, `O'Brien`, `al-Rashid`, `55-year-old`.
fn of_parts(gazetteer: &Gazetteer, word: &str) -> Tag {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let sex = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let human =
            ["year", "yo", "yr"].iter().any(|w| word.contains(w)) || matches!(sex, "f" | "m");
        return if human { cues::HUMAN | cues::AGE } else { 0 };
    }
    if let Some((head, rest)) = word.split_once('\'') {
        if head.len() <= 2 {
            let mut joined = String::with_capacity(word.len());
            joined.push_str(head);
            joined.push_str(rest);
            return gazetteer.tag(&joined) & !(cues::WORD | cues::RARE_WORD);
        }
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

fn gap(folded: &Folded, last_end: Option<usize>, start: usize) -> Gap {
    let Some(end) = last_end else { return Gap::Start };
    match folded.lower.as_bytes().get(end..start).unwrap_or(&[]) {
        [b' '] | [b'\'', b' '] => Gap::Space,
        [b'.', b' '] | [b'.'] => Gap::Dot,
        [b',', b' '] | [b','] => Gap::Comma,
        _ => Gap::Other,
    }
}

fn begins_sentence(folded: &Folded, last_end: Option<usize>, start: usize) -> bool {
    let ends = |b: &u8| matches!(b, b'.' | b'!' | b'?' | b':' | b'"' | b'*' | b';');
    last_end.is_none_or(|end| {
        folded.lower.as_bytes().get(end..start).is_some_and(|between| between.iter().any(ends))
    })
}
