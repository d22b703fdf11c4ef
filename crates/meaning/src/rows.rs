//! What known words add to every filter, worked out when a word is first met.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::kept::Kept;
use crate::sums::{BLOCK, Row};
use crate::vocabulary::WordNumber;

/// Rows by word.
#[derive(Debug)]
pub(crate) enum Rows {
    /// Each word's is kept: of a network that reads every text.
    All(Vec<OnceLock<Row>>),
    /// Those of some words are kept: of a network that reads few texts, or where time is no matter.
    Some(Kept<WordNumber>),
}

impl Rows {
    /// So many are kept of [`Rows::Some`].
    const SOME: usize = 1 << 12;

    pub(crate) fn all(words: usize) -> Self {
        Self::All((0..words).map(|_| OnceLock::new()).collect())
    }

    pub(crate) fn some() -> Self {
        Self::Some(Kept::new(Self::SOME))
    }

    /// So many sets of marks are worth keeping beside them.
    pub(crate) const fn sets(&self) -> usize {
        match self {
            Self::All(_) => 1 << 12,
            Self::Some(_) => 1 << 9,
        }
    }

    pub(crate) fn of(
        &self,
        word: WordNumber,
        work_out: impl Fn() -> Row,
    ) -> Cow<'_, [[i16; BLOCK]]> {
        match self {
            Self::All(rows) => {
                Cow::Borrowed(rows.get(word.place()).map_or(&[], |row| row.get_or_init(work_out)))
            }
            Self::Some(kept) => kept.row(word, word.place() % kept.room().max(1), work_out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Parts;
    use crate::vocabulary::Vocabulary;

    /// Word `n` adds `n` to each filter; more words than are kept, each asked for twice.
    #[test]
    fn a_word_adds_what_it_adds_kept_or_not() {
        let spellings: String = (0..6_000).map(|word| format!("w{word}\n")).collect();
        let mut file = Parts::of(spellings.leak().as_bytes());
        let words = Vocabulary::read(&mut file, 6_000).unwrap();
        for rows in [Rows::all(6_000), Rows::some()] {
            for word in (0..6_000_i16).chain(0..6_000) {
                let number = words.number(&format!("w{word}")).unwrap();
                let row = || vec![[word; BLOCK]].into_boxed_slice();
                assert_eq!(*rows.of(number, row), [[word; BLOCK]], "{word}");
            }
        }
    }
}
