//! Words that no list holds: drug names with a slip of the finger or written as they sound.

use crate::level::{Category, Level};
use crate::lexicon::{Group, Lexicon, Role, TermHit};
use crate::normalise::Folded;
use crate::sentences::{self, Language};
use crate::terms::Text;
use crate::tokens::{Gap, Kind, Token};
use crate::words::{FastMap, Spellings};

/// The long lists from registers: too many names to be recognised with a slip in them.
pub(crate) const REGISTERED: &str = "medication.registered";
const ICD_TERM: &str = "diagnosis.icd_term";
const SHORTEST: usize = 6;
const LONGEST: usize = 24;
/// The most pieces in which a drug's name is spoken.
const LONGEST_SPOKEN: usize = 5;
/// The most sounds of the first piece.
const LONGEST_PIECE: u32 = 8;
/// How many sounds are compared with the beginnings of all drugs' names before any more is read.
const SOUND_START: u32 = SHORTEST_SOUND as u32;
/// The bits in which the beginnings of the drugs' sounds are kept, as a power of two.
const START_BITS: u32 = 16;
/// The first bits of a hash by which the shortened spellings are found, as a power of two.
const BUCKET_BITS: u32 = 13;
/// The hash of no letters at all (FNV-1a).
const NO_LETTERS: u64 = 0xcbf2_9ce4_8422_2325;
/// The shortest sound that is compared: `zanaks` is six sounds.
const SHORTEST_SOUND: usize = 6;
/// The same for what is no drug: `sikiatrist`, `dermatolagy`.
const SHORTEST_OTHER_SOUND: usize = 8;

/// The long names, by each spelling that lacks one letter and by their sound.
#[derive(Debug, Default)]
pub(crate) struct Slips {
    words: Vec<String>,
    /// Hash of a spelling that lacks one letter → the words it may come from.
    by_shortened: Vec<(u64, u32)>,
    /// Where in it the hashes with each first bits begin.
    shortened_from: Vec<u32>,
    by_sound: FastMap<u64, u32>,
    /// One bit for each beginning of the drugs' sounds: most words are passed over at once.
    start_bits: Vec<u64>,
}

/// What a word sounds like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Its first sounds, one byte each.
    sounds: [u8; 8],
    /// How many sounds it has in all.
    length: u8,
    /// How many bytes were read: a word with an apostrophe is on the lists without it. 0 of too many
    /// to be counted.
    bytes: u8,
}

impl Heard {
    /// Of no word.
    pub(crate) const NOTHING: Self = Self { sounds: [0; 8], length: 0, bytes: 0 };

    pub(crate) fn of(word: &str) -> Self {
        let mut heard = Self { bytes: u8::try_from(word.len()).unwrap_or(0), ..Self::NOTHING };
        sounds_of(word, |sound| {
            if let Some(place) = heard.sounds.get_mut(usize::from(heard.length)) {
                *place = sound;
            }
            heard.length = heard.length.saturating_add(1);
        });
        heard
    }
}

/// What a token sounds like.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// As in [`Heard`], the first in the lowest byte.
    sounds: u64,
    /// As in [`Heard`].
    length: u32,
    is_word: bool,
    /// The phrase goes on with it.
    goes_on: bool,
}

/// A word of another list than the drugs' is long enough to be told from its neighbours.
fn word_is_long(word: &str, level: Level) -> bool {
    word.len() >= if level >= Level::Sensitive { 6 } else { 8 }
}

fn is_drug(group: &Group) -> bool {
    group.category == Category::Medication || group.also == Some(Category::Medication)
}

impl Slips {
    pub(crate) fn new(lexicon: &Lexicon, spellings: &Spellings) -> Self {
        let start_bits = vec![0; 1 << (START_BITS - 6)];
        let mut slips = Self { start_bits, ..Self::default() };
        let mut words: Vec<&str> = lexicon
            .long_words(spellings)
            .filter(|(word, group)| {
                lexicon.group(*group).is_some_and(|g| {
                    let drug = is_drug(g) && g.rule != REGISTERED;
                    g.level >= Level::Detail
                        && (drug
                            || word_is_long(word, g.level)
                                && g.rule != REGISTERED
                                && g.rule != ICD_TERM)
                        && matches!(g.role, Role::Term | Role::Symptom)
                })
            })
            .map(|(word, _)| word)
            .collect();
        words.sort_unstable();
        words.dedup();
        let mut sound = Vec::new();
        for (number, word) in (0_u32..).zip(&words) {
            let skips = if word.len() < SHORTEST { 0..0 } else { 0..word.len().saturating_add(1) };
            for skip in skips {
                let key = hash(shortened(word.as_bytes(), skip));
                slips.by_shortened.push((key, number));
            }
            let drug = lexicon
                .groups_of(word)
                .filter_map(|g| lexicon.group(g))
                .any(|g| is_drug(g) && g.rule != REGISTERED);
            sounds_like(word, &mut sound);
            let enough = if drug { SHORTEST_SOUND } else { SHORTEST_OTHER_SOUND };
            if sound.len() >= enough {
                slips.by_sound.entry(hash(sound.iter().copied())).or_insert(number);
                let start = sound.iter().take(8).rev().fold(0, |all, s| all << 8 | u64::from(*s));
                let (word, bit) = start_bit(start);
                if let Some(bits) = slips.start_bits.get_mut(word) {
                    *bits |= bit;
                }
            }
        }
        slips.words = words.into_iter().map(str::to_owned).collect();
        slips.index_shortened();
        slips
    }

    /// Sorts the shortened spellings, and notes where each run of like first bits begins.
    fn index_shortened(&mut self) {
        self.by_shortened.sort_unstable();
        self.by_shortened.dedup();
        self.by_shortened.shrink_to_fit();
        let begin = |bucket| self.by_shortened.partition_point(|&(key, _)| bucket_of(key) < bucket);
        self.shortened_from = (0..=1 << BUCKET_BITS)
            .map(|bucket| u32::try_from(begin(bucket)).unwrap_or(u32::MAX))
            .collect();
    }

    /// The words that lack one letter to a spelling of this hash.
    fn shortened_to(&self, key: u64) -> impl Iterator<Item = u32> + '_ {
        let bucket = bucket_of(key);
        let bound = |at: usize| self.shortened_from.get(at).map_or(0, |&from| from as usize);
        let range = bound(bucket)..bound(bucket.saturating_add(1));
        let here = self.by_shortened.get(range).unwrap_or(&[]);
        here.iter().filter(move |&&(other, _)| other == key).map(|&(_, number)| number)
    }

    /// Adds a hit for each misspelt name, one for each list the name is on.
    pub(crate) fn find(&self, lexicon: &Lexicon, text: Text<'_>, hits: &mut Vec<TermHit>) {
        for (at, token) in text.tokens.iter().enumerate() {
            if !token.is_unknown() || token.kind != Kind::Word {
                continue;
            }
            let word = text.folded.slice(token.span());
            let fits = (SHORTEST..=LONGEST).contains(&word.len())
                && word.bytes().all(|b| b.is_ascii_lowercase())
                && !is_greeted(text, at);
            if !fits {
                continue;
            }
            let capital = text.folded.is_capital(token.start);
            if let Some(name) = self.nearest(word, capital)
                && !is_spanish_of_its_own(lexicon, text, name)
            {
                hits.extend(lexicon.groups_of(name).map(|group| TermHit {
                    start: token.start,
                    end: token.end,
                    group,
                    doubtful: false,
                    homograph: false,
                    last: at,
                }));
            }
        }
    }

    /// Drugs' names spoken in pieces: "sir tra leen", "lie sin oh pril".
    pub(crate) fn find_spoken(&self, lexicon: &Lexicon, text: Text<'_>, hits: &mut Vec<TermHit>) {
        let pieces: Vec<Piece> =
            text.tokens.iter().map(|token| piece(text.folded, token)).collect();
        let mut rest = pieces.as_slice();
        while let [opening, behind @ ..] = rest {
            if opening.is_word && opening.length <= LONGEST_PIECE && self.may_begin(opening, behind)
            {
                let first = pieces.len().saturating_sub(rest.len());
                // "Lety de": a strange word with a capital is a name.
                let name = first > 0
                    && text.tokens.get(first).is_some_and(|token| {
                        token.is_unknown() && text.folded.is_capital(token.start)
                    });
                if !name {
                    self.find_spoken_from(lexicon, text, first, hits);
                }
            }
            rest = behind;
        }
    }

    /// The first sounds from this piece on are those of some drug.
    fn may_begin(&self, opening: &Piece, behind: &[Piece]) -> bool {
        let (mut sounds, mut length) = (opening.sounds, opening.length);
        for piece in behind.iter().take(LONGEST_SPOKEN - 1) {
            if length > SOUND_START {
                break;
            }
            if !(piece.is_word && piece.goes_on) {
                return false;
            }
            // The same sound at the end of one word and the beginning of the next is one.
            let doubled = length > 0
                && piece.length > 0
                && (sounds >> (8 * (length - 1)) ^ piece.sounds) & 0xFF == 0;
            let skip = u32::from(doubled);
            sounds |= (piece.sounds >> (8 * skip)) << (8 * length);
            length = length.saturating_add(piece.length).saturating_sub(skip);
        }
        length >= SOUND_START && self.is_start(sounds)
    }

    fn is_start(&self, sounds: u64) -> bool {
        let (word, bit) = start_bit(sounds);
        self.start_bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Adds the name whose first piece is this token, if one is.
    fn find_spoken_from(
        &self,
        lexicon: &Lexicon,
        text: Text<'_>,
        first: usize,
        hits: &mut Vec<TermHit>,
    ) {
        let mut sum = NO_LETTERS;
        let mut length = 0_usize;
        let mut before = 0_u8;
        for (last, token) in text.tokens.iter().enumerate().skip(first).take(LONGEST_SPOKEN) {
            if last > first && token.gap > Gap::Soft || token.kind != Kind::Word {
                return;
            }
            sounds_of(text.folded.slice(token.span()), |sound| {
                if sound != before {
                    before = sound;
                    sum = add_letter(sum, sound);
                    length = length.saturating_add(1);
                }
            });
            if last == first || length < SHORTEST_SOUND {
                continue;
            }
            let Some(name) = self.by_sound.get(&sum).and_then(|&n| self.words.get(n as usize))
            else {
                continue;
            };
            let Some(pieces) = text.tokens.get(first..=last) else { return };
            let joined: String = pieces.iter().map(|t| text.folded.slice(t.span())).collect();
            // Ordinary words side by side sound like much: they must agree longer.
            let ordinary = pieces
                .iter()
                .all(|t| t.end.saturating_sub(t.start) <= 2 || t.roles & Role::Common.bit() != 0);
            let enough = SHORTEST_SOUND.saturating_add(if ordinary { 2 } else { 0 });
            let same = name.len() >= SHORTEST && *name == joined;
            // "Tiny favor" is no drug: two ordinary words are one only letter by letter.
            // And "for the late" no specialty: only drugs are read into ordinary words.
            let drug = || lexicon.groups_of(name).filter_map(|g| lexicon.group(g)).any(is_drug);
            if ordinary && !same && (last == first.saturating_add(1) || !drug()) {
                continue;
            }
            if joined.len().abs_diff(name.len()) <= 3 && (length >= enough || same) {
                let start = pieces.first().map_or(token.start, |t| t.start);
                hits.extend(lexicon.groups_of(name).map(|group| TermHit {
                    start,
                    end: token.end,
                    group,
                    doubtful: false,
                    homograph: false,
                    last,
                }));
            }
        }
    }

    fn nearest(&self, word: &str, capital: bool) -> Option<&str> {
        for skip in 0..=word.len() {
            let key = hash(shortened(word.as_bytes(), skip));
            for number in self.shortened_to(key) {
                if let Some(name) = self.words.get(number as usize)
                    && is_one_slip(word.as_bytes(), name.as_bytes())
                {
                    return Some(name);
                }
            }
        }
        let mut sound = Vec::with_capacity(word.len());
        sounds_like(word, &mut sound);
        // A strange word with a capital is a name as likely as a drug.
        if sound.len() < SHORTEST_SOUND.saturating_add(usize::from(capital)) {
            return None;
        }
        let number = *self.by_sound.get(&hash(sound.iter().copied()))?;
        self.words.get(number as usize).map(String::as_str)
    }
}

/// Nothing is heard of a number or a sign.
fn piece(folded: &Folded, token: &Token) -> Piece {
    let is_word = token.kind == Kind::Word;
    let known = usize::from(token.heard.bytes) == token.end.saturating_sub(token.start);
    let Heard { sounds, length, .. } = match (is_word, known) {
        (false, _) => Heard::NOTHING,
        (true, true) => token.heard,
        (true, false) => Heard::of(folded.slice(token.span())),
    };
    let sounds = u64::from_le_bytes(sounds);
    Piece { sounds, length: u32::from(length), is_word, goes_on: token.gap <= Gap::Soft }
}

/// Our Spanish words are counted less well: beside a short term one letter off may be another word
/// ("parece", "padece").
fn is_spanish_of_its_own(lexicon: &Lexicon, text: Text<'_>, name: &str) -> bool {
    let drug = || lexicon.groups_of(name).filter_map(|g| lexicon.group(g)).any(is_drug);
    name.len() < 8
        && (!drug() || name.len() < 7)
        && sentences::language(text.folded) == Language::Spanish
}

/// "Hi Selexa," is a name, whatever it sounds like.
fn is_greeted(text: Text<'_>, at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|b| text.tokens.get(b));
    let word = before.map_or("", |t| text.folded.slice(t.span()));
    let capital = text.tokens.get(at).is_some_and(|t| text.folded.is_capital(t.start));
    capital
        && matches!(
            word,
            "hi" | "hello"
                | "dear"
                | "hola"
                | "hey"
                | "dr"
                | "dra"
                | "doctor"
                | "mr"
                | "mrs"
                | "ms"
                | "nurse"
                | "estimado"
                | "estimada"
                | "sr"
                | "sra"
        )
}

/// The letters of a word without number `skip`; all of them when there is no such letter.
fn shortened(word: &[u8], skip: usize) -> impl Iterator<Item = u8> + '_ {
    word.iter().enumerate().filter(move |&(at, _)| at != skip).map(|(_, &b)| b)
}

/// Where the bit for the first sounds is: which word, and which bit of it.
fn start_bit(sounds: u64) -> (usize, u64) {
    let first = sounds & ((1 << (8 * SOUND_START)) - 1);
    let number = first.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - START_BITS);
    (usize::try_from(number / 64).unwrap_or(0), 1 << (number % 64))
}

fn bucket_of(key: u64) -> usize {
    usize::try_from(key >> (64 - BUCKET_BITS)).unwrap_or(0)
}

/// FNV-1a: keys are compared again letter by letter, or are sounds of compiled-in words.
fn hash(letters: impl Iterator<Item = u8>) -> u64 {
    letters.fold(NO_LETTERS, add_letter)
}

const fn add_letter(sum: u64, letter: u8) -> u64 {
    (sum ^ letter as u64).wrapping_mul(0x0100_0000_01b3)
}

/// How a drug's name sounds to an English ear: one letter for each group of like consonants, one
/// for each run of vowels, none doubled.
fn sounds_like(word: &str, out: &mut Vec<u8>) {
    out.clear();
    sounds_of(word, |sound| out.push(sound));
}

/// No sound, in a word or before one.
const NONE: u8 = 0;
/// What a letter sounds like hangs on its neighbours.
const HANGS: u8 = 1;

/// What each letter sounds like by itself: [`NONE`], [`HANGS`] or a sound.
const SOUNDS: [u8; 256] = {
    let mut sounds = [NONE; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "256 bytes, 256 places; run by the compiler")]
        let slot = &mut sounds[byte as usize];
        *slot = match byte {
            b'a' | b'e' | b'i' | b'o' | b'u' | b'y' => b'a',
            b'q' => b'k',
            b'z' => b's',
            b'h' => NONE,
            b'c' | b'g' | b'k' | b'p' | b's' | b'w' | b'x' => HANGS,
            other => other,
        };
        if byte == u8::MAX {
            break sounds;
        }
        byte += 1;
    }
};

/// Gives each sound of a word.
fn sounds_of(word: &str, mut give: impl FnMut(u8)) {
    let bytes = word.as_bytes();
    let mut last = NONE;
    let mut count = 0_usize;
    let mut sound = |sound: u8| {
        if sound != NONE && sound != last {
            give(sound);
            last = sound;
            count = count.saturating_add(1);
        }
        (last, count)
    };
    let mut before = NONE;
    let mut rest = match bytes {
        [rest @ .., b'e'] => rest,
        all => all,
    };
    let final_e = rest.len() < bytes.len();
    let mut first = true;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let plain = SOUNDS.get(usize::from(*byte)).copied().unwrap_or(NONE);
        let heard = if plain == HANGS {
            let next = behind.first().copied().unwrap_or(if final_e { b'e' } else { b' ' });
            match (*byte, next) {
                (b'p', b'h') => b'f',
                // The silent letters of "psychiatry", "pneumonia", "knee", "gnat".
                (b'p', b's' | b'n' | b't') | (b'k' | b'g', b'n') if first => NONE,
                (b'x', _) if first => b's',
                (b'x', _) => {
                    sound(b'k');
                    b's'
                }
                (b'c', b'e' | b'i' | b'y') => b's',
                (b'c' | b'k', _) => b'k',
                (b's', b'c') => {
                    rest = behind.get(1..).unwrap_or(&[]);
                    b's'
                }
                (b's', _) => b's',
                (b'g', b'e' | b'i' | b'y') => b'j',
                // "own": a vowel with a w is one sound.
                (b'w', _) if before == b'a' => NONE,
                (b'w', _) => b'v',
                (other, _) => other,
            }
        } else {
            plain
        };
        before = sound(heard).0;
        first = false;
    }
    // The silent e of "suboxone".
    if final_e && sound(NONE).1 <= 3 {
        sound(b'a');
    }
}

/// Restricted Damerau-Levenshtein distance of exactly one.
fn is_one_slip(a: &[u8], b: &[u8]) -> bool {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(head..).unwrap_or(&[]), b.get(head..).unwrap_or(&[]));
    match (a, b) {
        ([_, rest_a @ ..], [_, rest_b @ ..]) if rest_a == rest_b => true,
        ([_, rest @ ..], other) if rest == other => true,
        (other, [_, rest @ ..]) if rest == other => true,
        ([x1, x2, rest_a @ ..], [y1, y2, rest_b @ ..]) => x1 == y2 && x2 == y1 && rest_a == rest_b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use crate::guard::by_rules;

    #[test]
    fn misspelt_drugs_are_found() {
        for text in [
            "metfromin",
            "metformn",
            "atorvistatin",
            "lisinoprill",
            "sertaline",
            "ibuprophen",
            "zanaks",
            "vikodin",
            "lipiter",
            "metphormin",
            "sitalopram",
        ] {
            let assessment = by_rules(&format!("Your {text} was sent"), &Context::default());
            let found = assessment.findings.iter().any(|f| f.category == Category::Medication);
            assert!(found, "{text}");
        }
    }

    #[test]
    fn one_slip_and_no_more() {
        for (a, b, one) in [
            ("abcd", "abd", true),
            ("abd", "abcd", true),
            ("abxd", "abcd", true),
            ("acbd", "abcd", true),
            ("abcd", "abcd", false),
            ("axxd", "abcd", false),
        ] {
            assert_eq!(is_one_slip(a.as_bytes(), b.as_bytes()), one, "{a} {b}");
        }
    }

    #[test]
    fn ordinary_words_stay_ordinary() {
        let text = "Thank you for your patience with our new website; the concert in addition is a singular ability";
        assert_eq!(by_rules(text, &Context::default()).findings, []);
    }
}
