//! What is worked out when it is first met, and kept while there is room.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::sums::{BLOCK, Row};

/// Rows by key: those of the keys met first, which are the most frequent ones. Of others each is worked
/// out anew.
#[derive(Debug)]
pub(crate) struct Kept<K>(Vec<OnceLock<(K, Row)>>);

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

    /// The row of a key that belongs at `place`, below [`room`](Self::room).
    pub(crate) fn row(
        &self,
        key: K,
        place: usize,
        work_out: impl Fn() -> Row,
    ) -> Cow<'_, [[i16; BLOCK]]> {
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
