//! Every word of every list, by number, and what single words are by themselves.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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

/// All words, without apostrophes, in small letters.
#[derive(Debug, Default)]
pub(crate) struct Words {
    by_spelling: FastMap<Cow<'static, str>, WordId>,
    /// For each word, one bit for each role of a list that holds it as a term by itself.
    roles: Vec<u64>,
    /// For each word, the word without its plural ending, if that one is on a list.
    stems: Vec<WordId>,
}

impl Words {
    /// Makes room for so many words.
    pub(crate) fn reserve(&mut self, words: usize) {
        self.by_spelling.reserve(words);
        self.roles.reserve(words);
        self.stems.reserve(words);
    }

    /// The number of a word, given one if it is new.
    pub(crate) fn add(&mut self, spelling: Cow<'static, str>) -> WordId {
        let next = WordId::try_from(self.roles.len()).unwrap_or(NO_WORD);
        let id = *self.by_spelling.entry(spelling).or_insert(next);
        if id == next {
            self.roles.push(0);
            self.stems.push(NO_WORD);
        }
        id
    }

    /// Notes that the word alone is a term of this role.
    pub(crate) fn mark(&mut self, id: WordId, role: u64) {
        if let Some(roles) = self.roles.get_mut(id as usize) {
            *roles |= role;
        }
    }

    /// Links each plural to its singular; call once all words are in.
    pub(crate) fn link_plurals(&mut self) {
        for (spelling, &id) in &self.by_spelling {
            let stem = without_plural(spelling)
                .find_map(|one| self.by_spelling.get(one))
                .copied()
                .unwrap_or(NO_WORD);
            if let Some(slot) = self.stems.get_mut(id as usize) {
                *slot = stem;
            }
        }
    }

    /// The word, and the word without its plural ending.
    pub(crate) fn look_up(&self, spelling: &str) -> (WordId, WordId) {
        if let Some(&id) = self.by_spelling.get(spelling) {
            return (id, self.stems.get(id as usize).copied().unwrap_or(NO_WORD));
        }
        let stem = without_plural(spelling).find_map(|one| self.by_spelling.get(one)).copied();
        (NO_WORD, stem.unwrap_or(NO_WORD))
    }

    /// The number of exactly this word.
    pub(crate) fn get(&self, spelling: &str) -> Option<WordId> {
        self.by_spelling.get(spelling).copied()
    }

    /// The roles of the word alone.
    pub(crate) fn roles(&self, id: WordId) -> u64 {
        self.roles.get(id as usize).copied().unwrap_or(0)
    }

    /// Every word with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, WordId)> {
        self.by_spelling.iter().map(|(spelling, &id)| (spelling.as_ref(), id))
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
        let mut words = Words::default();
        let lab = words.add(Cow::Borrowed("lab"));
        let labs = words.add(Cow::Borrowed("labs"));
        words.link_plurals();
        assert_eq!(words.look_up("lab"), (lab, NO_WORD));
        assert_eq!(words.look_up("labs"), (labs, lab));
        assert_eq!(words.look_up("xyz"), (NO_WORD, NO_WORD));
    }
}
