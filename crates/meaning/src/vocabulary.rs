//! Words as vectors: known words have their own, others one made of their parts.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU32;

use crate::file::{Malformed, Parts};

/// Vectors of one width: a small number for each place, times the row's scale.
#[derive(Debug)]
pub(crate) struct Vectors {
    width: usize,
    scales: Vec<f32>,
    numbers: &'static [u8],
}

impl Vectors {
    pub(crate) fn read(
        parts: &mut Parts<'static>,
        count: usize,
        width: usize,
        what: &'static str,
    ) -> Result<Self, Malformed> {
        let scales = parts.floats(count, what)?;
        let numbers = parts.bytes(count.checked_mul(width).ok_or(Malformed(what))?, what)?;
        Ok(Self { width, scales, numbers })
    }

    /// Adds a row, times `share`.
    pub(crate) fn add(&self, row: usize, share: f32, sum: &mut [f32]) {
        let from = row.saturating_mul(self.width);
        let numbers = self.numbers.get(from..from.saturating_add(self.width)).unwrap_or(&[]);
        let scale = self.scales.get(row).copied().unwrap_or(0.0) * share;
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += f32::from(number.cast_signed()) * scale;
        }
    }
}

/// The number of a known word, from one on: none takes no more room than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordNumber(NonZeroU32);

impl WordNumber {
    /// Its place among the words, from zero on.
    pub(crate) const fn place(self) -> usize {
        self.0.get().saturating_sub(1) as usize
    }
}

/// All known words.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    numbers: HashMap<&'static str, WordNumber, BuildHasherDefault<Fnv>>,
}

impl Vocabulary {
    pub(crate) fn read(file: &mut Parts<'static>, words: usize) -> Result<Self, Malformed> {
        let spellings = file.lines(words, "words")?;
        let numbers = (1..).filter_map(NonZeroU32::new).map(WordNumber);
        Ok(Self { numbers: spellings.into_iter().zip(numbers).collect() })
    }

    /// The number of a known word. Of a number that is not known itself, its shape (`120` → `#999`).
    pub(crate) fn number(&self, spelling: &str) -> Option<WordNumber> {
        if let Some(&number) = self.numbers.get(spelling) {
            return Some(number);
        }
        if !spelling.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let shape: String = std::iter::once('#')
            .chain(spelling.chars().take(8).map(|c| if c.is_ascii_digit() { '9' } else { c }))
            .collect();
        self.numbers.get(shape.as_str()).copied()
    }
}

/// What one network makes of words: known ones have a vector of their own, others are made of parts.
#[derive(Debug)]
pub(crate) struct WordVectors {
    words: Vectors,
    parts: Vectors,
    buckets: u64,
}

/// The longest word that is looked at in parts.
const LONGEST: usize = 24;

impl WordVectors {
    pub(crate) fn read(
        file: &mut Parts<'static>,
        width: usize,
        words: usize,
        buckets: usize,
    ) -> Result<Self, Malformed> {
        Ok(Self {
            words: Vectors::read(file, words, width, "word vectors")?,
            parts: Vectors::read(file, buckets, width, "part vectors")?,
            buckets: u64::try_from(buckets).unwrap_or(1).max(1),
        })
    }

    /// The vector of a known word.
    pub(crate) fn add_known(&self, number: WordNumber, sum: &mut [f32]) {
        self.words.add(number.place(), 1.0, sum);
    }

    /// The vector of a word nobody knows, by all of its parts of three to five letters.
    pub(crate) fn add_unknown(&self, spelling: &str, sum: &mut [f32]) {
        let letters: Vec<u8> = std::iter::once(b'<')
            .chain(spelling.bytes().take(LONGEST))
            .chain(std::iter::once(b'>'))
            .collect();
        let parts = || (3..=5).flat_map(|length| letters.windows(length));
        #[expect(clippy::cast_precision_loss, reason = "at most a hundred parts")]
        let share = 1.0 / (parts().count().max(1) as f32).sqrt();
        for part in parts() {
            let bucket = usize::try_from(fnv(part) % self.buckets).unwrap_or(0);
            self.parts.add(bucket, share, sum);
        }
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: the keys are compiled in, so a fast hash without a secret is safe.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(FNV_START, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// [`fnv`] for tables.
#[derive(Debug, Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(FNV_START)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        // The table takes its tag from the upper bits and its place from the lower ones.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
