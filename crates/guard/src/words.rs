//! Every word of every list, by number, and what single words are by themselves.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use meaning::WordNumber;

use crate::slips::Heard;

/// The number of a word; [`NO_WORD`] is a word that no list holds.
pub(crate) type WordId = u32;
/// No list holds the word.
pub(crate) const NO_WORD: WordId = WordId::MAX;

/// A table by word. Keys are compiled in or built at load, so a fast hash without a secret is safe.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// Multiplies and rotates eight bytes at a time.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct FastHasher(u64);

const SEED: u64 = 0x51_7c_c1_b7_27_22_0a_95;

impl FastHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(SEED);
    }
}

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        // The table takes its tag from the upper bits and its place from the lower ones.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let eight = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
        let four = |chunk: &[u8; 4]| u64::from(u32::from_le_bytes(*chunk));
        // The last bytes are read from the end: they overlap with those before, which does no harm.
        if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            self.add(eight(first));
            for chunk in bytes.get(8..).unwrap_or(&[]).as_chunks().0 {
                self.add(eight(chunk));
            }
            self.add(eight(last));
        } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            self.add(four(first) | four(last) << 32);
        } else {
            self.add(bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(u64::from(byte));
    }

    fn write_u32(&mut self, number: u32) {
        self.add(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }
}

/// A table by spelling. Most words are short enough to be held and compared as one number.
#[derive(Debug)]
pub(crate) struct BySpelling<V> {
    short: FastMap<Packed, V>,
    long: FastMap<Cow<'static, [u8]>, V>,
}

impl<V> Default for BySpelling<V> {
    fn default() -> Self {
        Self { short: FastMap::default(), long: FastMap::default() }
    }
}

impl<V> BySpelling<V> {
    /// Makes room for so many words.
    pub(crate) fn reserve(&mut self, words: usize) {
        self.short.reserve(words);
    }

    pub(crate) fn get(&self, spelling: &[u8]) -> Option<&V> {
        match packed(spelling) {
            Some(number) => self.short.get(&number),
            None => self.long.get(spelling),
        }
    }

    pub(crate) fn get_mut(&mut self, spelling: &[u8]) -> Option<&mut V> {
        match packed(spelling) {
            Some(number) => self.short.get_mut(&number),
            None => self.long.get_mut(spelling),
        }
    }

    /// The word's value, made if the word is new.
    pub(crate) fn of(&mut self, spelling: Cow<'static, [u8]>, new: impl FnOnce() -> V) -> &mut V {
        match packed(&spelling) {
            Some(number) => self.short.entry(number).or_insert_with(new),
            None => self.long.entry(spelling).or_insert_with(new),
        }
    }
}

/// Up to sixteen bytes as two numbers; zeros fill them up. No word holds a zero. One number of sixteen
/// bytes would have to stand at each sixteenth byte, and the tables would be larger.
type Packed = (u64, u64);

fn packed(bytes: &[u8]) -> Option<Packed> {
    let eight = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    let four = |chunk: &[u8; 4]| u64::from(u32::from_le_bytes(*chunk));
    // The last bytes are read from the end; those that overlap with the first are shifted out.
    let beyond = |half: usize| {
        let shared = half.saturating_mul(2).saturating_sub(bytes.len());
        u32::try_from(shared.saturating_mul(8)).unwrap_or(0)
    };
    Some(match bytes.len() {
        17.. => return None,
        9.. => {
            let last = eight(bytes.last_chunk()?).checked_shr(beyond(8)).unwrap_or(0);
            (eight(bytes.first_chunk()?), last)
        }
        8 => (eight(bytes.first_chunk()?), 0),
        4.. => {
            let last = four(bytes.last_chunk()?).checked_shr(beyond(4)).unwrap_or(0);
            (four(bytes.first_chunk()?) | last << 32, 0)
        }
        _ => (bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)), 0),
    })
}

/// What a list says of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its number, or [`NO_WORD`].
    pub(crate) word: WordId,
    /// The number of the word without its plural ending, if that one is on a list.
    pub(crate) stem: WordId,
    /// One bit for each role of a list that holds it as a term by itself.
    pub(crate) roles: u64,
    /// Where it leads in the tree of words ([`crate::lexicon`]).
    pub(crate) first: u32,
    /// What else is known of it.
    pub(crate) elsewhere: Elsewhere,
    /// What it sounds like.
    pub(crate) heard: Heard,
}

/// What is known of a word beside the lists of terms. It stands in the same table, so that a text's
/// words are looked up in the machine's memory once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Its number in the learned network.
    pub(crate) meant: Option<WordNumber>,
    /// What it may be among names and places ([`crate::identifiers`]).
    pub(crate) tag: u64,
}

impl Listed {
    const fn new(word: WordId) -> Self {
        Self {
            word,
            stem: NO_WORD,
            roles: 0,
            first: 0,
            elsewhere: Elsewhere { meant: None, tag: 0 },
            heard: Heard::NOTHING,
        }
    }
}

/// The spelling of every word by its number, for as long as the lists are read.
pub(crate) type Spellings = Vec<Cow<'static, str>>;

/// All words, without apostrophes, in small letters.
#[derive(Debug, Default)]
pub(crate) struct Words {
    listed: BySpelling<Listed>,
    /// By number.
    roles: Vec<u64>,
}

impl Words {
    /// Makes room for so many words.
    pub(crate) fn reserve(&mut self, words: usize) {
        self.listed.reserve(words);
        self.roles.reserve(words);
    }

    /// The number of a word, given one if it is new; then its spelling is put to the others.
    pub(crate) fn add(&mut self, spelling: Cow<'static, str>, others: &mut Spellings) -> WordId {
        let next = WordId::try_from(others.len()).unwrap_or(NO_WORD);
        let key = match &spelling {
            Cow::Borrowed(spelling) => Cow::Borrowed(spelling.as_bytes()),
            Cow::Owned(spelling) => Cow::Owned(spelling.as_bytes().to_vec()),
        };
        let word = self.listed.of(key, || Listed::new(next)).word;
        if word == next {
            others.push(spelling);
            self.roles.push(0);
        }
        word
    }

    /// Notes that the word alone is a term of this role.
    pub(crate) fn mark(&mut self, word: WordId, role: u64) {
        if let Some(roles) = self.roles.get_mut(word as usize) {
            *roles |= role;
        }
    }

    /// Notes with each word what is known of it; call once all words are in. `first` is by number.
    pub(crate) fn finish(
        &mut self,
        spellings: &Spellings,
        first: &[u32],
        elsewhere: impl Fn(&str) -> Elsewhere,
    ) {
        let first = first.iter().copied().chain(std::iter::repeat(0));
        for ((spelling, &roles), first) in spellings.iter().zip(&self.roles).zip(first) {
            let stem = self.stem(spelling);
            if let Some(listed) = self.listed.get_mut(spelling.as_bytes()) {
                let (heard, elsewhere) = (Heard::of(spelling), elsewhere(spelling));
                *listed = Listed { word: listed.word, stem, roles, first, elsewhere, heard };
            }
        }
    }

    /// What the lists say of the word, and of the word without its plural ending.
    pub(crate) fn look_up(&self, spelling: &str) -> Listed {
        match self.listed.get(spelling.as_bytes()) {
            Some(listed) => *listed,
            None => Listed { stem: self.stem(spelling), ..Listed::new(NO_WORD) },
        }
    }

    fn stem(&self, spelling: &str) -> WordId {
        without_plural(spelling).find_map(|one| self.get(one)).unwrap_or(NO_WORD)
    }

    /// The number of exactly this word.
    pub(crate) fn get(&self, spelling: &str) -> Option<WordId> {
        self.listed.get(spelling.as_bytes()).map(|listed| listed.word)
    }

    /// The roles of the word alone.
    pub(crate) fn roles(&self, word: WordId) -> u64 {
        self.roles.get(word as usize).copied().unwrap_or(0)
    }
}

/// `labs` → `lab`, `biopsies` → `biopsy`, `masses` → `mass`.
fn without_plural(word: &str) -> impl Iterator<Item = &str> {
    let long = |stem: &&str| stem.len() >= 2;
    let one = word.strip_suffix('s').filter(long);
    let two = word.strip_suffix("es").filter(|stem| stem.len() >= 4);
    one.into_iter().chain(two)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plural_leads_to_its_singular() {
        let (mut words, mut spellings) = (Words::default(), Spellings::new());
        let lab = words.add(Cow::Borrowed("lab"), &mut spellings);
        let labs = words.add(Cow::Borrowed("labs"), &mut spellings);
        words.finish(&spellings, &[7, 8], |spelling| Elsewhere {
            meant: None,
            tag: spelling.len() as u64,
        });
        let listed = |word, stem, spelling: &str, first| Listed {
            stem,
            first,
            heard: Heard::of(spelling),
            elsewhere: Elsewhere { meant: None, tag: spelling.len() as u64 },
            ..Listed::new(word)
        };
        assert_eq!(words.look_up("lab"), listed(lab, NO_WORD, "lab", 7));
        assert_eq!(words.look_up("labs"), listed(labs, lab, "labs", 8));
        assert_eq!(words.look_up("xyz"), Listed::new(NO_WORD));
    }

    #[test]
    fn a_short_word_and_no_other_is_its_number() {
        let mut all = std::collections::BTreeMap::new();
        for letters in
            ["abcdefghijklmnopqrstuvwxyz", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababababab"]
        {
            for from in 0..4 {
                for end in from..=letters.len() {
                    let word = &letters[from..end];
                    let number = packed(word.as_bytes());
                    assert_eq!(number.is_some(), word.len() <= 16);
                    if let Some((low, high)) = number {
                        assert_eq!(*all.entry((low, high)).or_insert(word), word);
                        let bytes = [low.to_le_bytes(), high.to_le_bytes()].concat();
                        assert!(bytes.starts_with(word.as_bytes()));
                    }
                }
            }
        }
    }
}
