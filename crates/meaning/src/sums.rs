//! Sums over filters, a block of them at a time.

/// So many filters are summed at a time: their sums stay in the processor's registers. What is
/// missing of the last block are filters that see nothing.
pub(crate) const BLOCK: usize = 16;
/// A number for each filter, block by block.
pub(crate) type Row = Box<[[i16; BLOCK]]>;

/// Activations are counted in so many parts of one.
pub(crate) const UNIT: f32 = 256.0;

/// The first numbers as a block, zeros behind them.
pub(crate) fn padded(numbers: &[f32]) -> [f32; BLOCK] {
    let mut block = [0.0; BLOCK];
    block.iter_mut().zip(numbers).for_each(|(to, number)| *to = *number);
    block
}

/// In parts of one, to the nearest whole number, halves away from zero, within the range. Not
/// [`f32::round`], which is a call for each number on processors without SSE4.1.
#[expect(clippy::cast_possible_truncation, reason = "within the range")]
#[expect(clippy::cast_precision_loss, reason = "whole numbers below 2^24")]
pub(crate) fn counted(value: f32) -> i16 {
    let bounded = (value * UNIT).clamp(f32::from(i16::MIN), f32::from(i16::MAX));
    let whole = bounded as i32;
    let rest = bounded - whole as f32;
    (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i16
}

/// What a word adds to every filter, by its spelling and by its marks.
pub(crate) type Shares<'r> = [&'r [[i16; BLOCK]]; 2];

/// What each filter sees around one word: its bias, and what the word before, the word itself and the
/// one behind it add. It stops at the ends of the range instead of wrapping.
pub(crate) fn around_one(
    bias: &[[i16; BLOCK]],
    [before, here, behind]: [Shares<'_>; 3],
) -> impl Iterator<Item = [i16; BLOCK]> {
    let [before, here, behind] = [before, here, behind].map(|[word, marks]| word.iter().zip(marks));
    let around = before.zip(here).zip(behind);
    bias.iter().zip(around).map(|(bias, ((before, here), behind))| {
        let mut sums = *bias;
        for (word, marks) in [before, here, behind] {
            add(&mut sums, word, marks);
        }
        sums
    })
}

/// Adds what the words farther off add, for filters that see them too.
pub(crate) fn add_farther(sums: &mut [[i16; BLOCK]], words: [Shares<'_>; 2]) {
    for [word, marks] in words {
        for (sums, (word, marks)) in sums.iter_mut().zip(word.iter().zip(marks)) {
            add(sums, word, marks);
        }
    }
}

fn add(sums: &mut [i16; BLOCK], word: &[i16; BLOCK], marks: &[i16; BLOCK]) {
    for ((sum, word), marks) in sums.iter_mut().zip(word).zip(marks) {
        *sum = sum.saturating_add(word.saturating_add(*marks));
    }
}

/// Of what a block of filters saw around each word: the most, and all together. Below zero it saw
/// nothing.
pub(crate) fn all_in_all<'s>(
    sums: impl Iterator<Item = &'s [i16; BLOCK]>,
) -> ([i16; BLOCK], [u32; BLOCK]) {
    let (mut most, mut totals) = ([0_i16; BLOCK], [0_u32; BLOCK]);
    for sum in sums {
        for ((most, total), &saw) in most.iter_mut().zip(&mut totals).zip(sum) {
            let saw = saw.max(0);
            *most = (*most).max(saw);
            // 2^16 words of the largest value do not reach its end, and a window has far fewer.
            *total = total.wrapping_add(u32::from(saw.cast_unsigned()));
        }
    }
    (most, totals)
}

pub(crate) fn dot(row: &[f32], seen: &[f32]) -> f32 {
    // Eight sums side by side, always in the same order: the same answer on every machine.
    let mut sums = [0.0_f32; 8];
    let ((rows, rest), (eights, seen_rest)) = (row.as_chunks::<8>(), seen.as_chunks::<8>());
    for (row, seen) in rows.iter().zip(eights) {
        for ((sum, weight), value) in sums.iter_mut().zip(row).zip(seen) {
            *sum += weight * value;
        }
    }
    let rest: f32 = rest.iter().zip(seen_rest).map(|(weight, value)| weight * value).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_counted_away_from_zero() {
        let ends = [f32::NAN, f32::INFINITY, f32::MIN, f32::MAX, 127.998, 128.0, -128.0, -128.01];
        let halves = (-600..600_i16).map(|half| f32::from(half) / 2.0 / UNIT);
        for value in halves.chain(ends) {
            for value in [value, value.next_up(), value.next_down()] {
                assert_eq!(counted(value), (value * UNIT).round() as i16, "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_number_is_counted_as_if_rounded(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            prop_assert_eq!(counted(value), (value * UNIT).round() as i16);
        }
    }
}
