//! The marks of words, as sets.

use std::borrow::Cow;

use crate::kept::Kept;
use crate::sums::{BLOCK, Row};

/// What sets of marks add to every filter, worked out when a set is first met and kept: most words
/// of most texts bear one of a few hundred sets.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    /// By mark.
    rows: Vec<Row>,
    /// What no mark adds.
    pub(crate) nothing: Row,
    /// The sets met first, by [`Marked::place`].
    kept: Kept<u128>,
}

impl Marked {
    /// Keeps so many sets at most.
    pub(crate) fn new(rows: Vec<Row>, length: usize, kept: usize) -> Self {
        Self { rows, nothing: vec![[0; BLOCK]; length].into_boxed_slice(), kept: Kept::new(kept) }
    }

    pub(crate) fn by(&self, marks: u128) -> Cow<'_, [[i16; BLOCK]]> {
        if marks == 0 {
            return Cow::Borrowed(&self.nothing);
        }
        self.kept.row(marks, self.place(marks), || self.sum(marks))
    }

    fn sum(&self, marks: u128) -> Row {
        let mut sum = self.nothing.clone();
        for row in ones(marks).filter_map(|mark| self.rows.get(mark)) {
            for (sum, more) in sum.iter_mut().zip(row) {
                for (sum, more) in sum.iter_mut().zip(more) {
                    *sum = sum.saturating_add(*more);
                }
            }
        }
        sum
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves of the number are taken")]
    fn place(&self, marks: u128) -> usize {
        let mixed = (marks as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (marks >> 64) as u64;
        // Only the upper half of the product depends on all bits.
        let top = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        usize::try_from(top.saturating_mul(self.kept.room() as u64) >> 32).unwrap_or(0)
    }
}

/// The numbers of the bits that are set.
pub(crate) fn ones(mut bits: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits.wrapping_sub(1);
        usize::try_from(lowest).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mark `n` adds `n` to each filter; more sets than are kept, each asked for twice.
    #[test]
    fn a_set_adds_what_its_marks_add_kept_or_not() {
        let rows = (0..128).map(|mark| vec![[mark; BLOCK]].into_boxed_slice()).collect();
        let marked = Marked::new(rows, 1, 1 << 10);
        let mut sets = vec![0, 1, u128::MAX];
        sets.extend((0..1_u128 << 11).map(|set| set | set << 100));
        for set in sets.iter().chain(&sets) {
            let sum: i16 = (0..128).filter(|mark| set >> mark & 1 == 1).sum();
            assert_eq!(*marked.by(*set), [[sum; BLOCK]], "{set:x}");
        }
    }
}
