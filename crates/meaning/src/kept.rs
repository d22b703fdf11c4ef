//! What is worked out when it is first met, and kept while there is room.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::sums::{BLOCK, Row};

/// Rows by key: those of the keys met first, which are the most frequent ones. Of others each is worked
/// out anew.
#[derive(Debug)]
pub(crate) struct Kept<K>(Vec<OnceLock<(K, Row)>>);

/// For how many words and sets of marks a network keeps what they add to every filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) words: usize,
    pub(crate) sets: usize,
}

impl Room {
    /// Ten megabytes of words, where so many are met.
    pub(crate) const LARGE: Self = Self { words: 1 << 14, sets: 1 << 12 };
    pub(crate) const SMALL: Self = Self { words: 1 << 11, sets: 1 << 8 };
}

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq> Kept<K> {
    /// So many places a key may stand at.
    const WAYS: usize = 4;

    /// Room for so many, rounded up to a power of two: a place's neighbours are then places too.
    pub(crate) fn new(most: usize) -> Self {
        Self((0..most.next_power_of_two()).map(|_| OnceLock::new()).collect())
    }

    /// How many there is room for.
    pub(crate) const fn room(&self) -> usize {
        self.0.len()
    }

    /// The row of a key that belongs at `place`, counted on from the first behind the last.
    pub(crate) fn row(
        &self,
        key: K,
        place: usize,
        work_out: impl Fn() -> Row,
    ) -> Cow<'_, [[i16; BLOCK]]> {
        let place = place & self.room().wrapping_sub(1);
        for way in 0..Self::WAYS {
            let Some(slot) = self.0.get(place ^ way) else { break };
            let (known, row) = slot.get_or_init(|| (key, work_out()));
            if *known == key {
                return Cow::Borrowed(row);
            }
        }
        Cow::Owned(work_out().into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key `n` stands for `n`; more keys than are kept, each asked for twice.
    #[test]
    fn a_key_has_its_row_kept_or_not() {
        let kept = Kept::new(1_000);
        assert_eq!(kept.room(), 1_024);
        let worked_out = std::cell::Cell::new(0);
        for key in (0..6_000_i16).chain(0..6_000) {
            let row = kept.row(key, usize::try_from(key).unwrap(), || {
                worked_out.set(worked_out.get() + 1);
                vec![[key; BLOCK]].into_boxed_slice()
            });
            assert_eq!(*row, [[key; BLOCK]], "{key}");
        }
        assert_eq!(worked_out.get(), 12_000 - 1_024, "those met first are not worked out again");
        assert_eq!(*Kept::default().row(1, 0, || [[1; BLOCK]].into()), [[1; BLOCK]]);
    }
}
