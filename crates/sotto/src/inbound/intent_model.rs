//! The weights behind what the rules leave open: a linear model over words, pairs of words, the
//! kinds of words and the phrases found. Learned by examples/learn_inbound.rs, which says how.

use std::sync::LazyLock;

use super::grammar::Hit;
use super::spelling::{SPELLING, hash};
use super::words::{Token, Words};

/// One weight for each of the twelve intents, in the order of `intent::ALL`.
pub(super) const INTENTS: usize = 12;

/// Sorted feature numbers with their weights: a scale (f32), then for each feature four bytes of
/// number and twelve of weights, little-endian.
const TABLE: &[u8] = include_bytes!("inbound_weights.bin");

/// The table, ready to look up.
#[derive(Debug)]
pub(super) struct Weights {
    scale: f32,
    slots: Vec<u32>,
    rows: Vec<[i8; INTENTS]>,
    mask: usize,
}

pub(super) static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::load(TABLE));

const ROW: usize = 16;

impl Weights {
    pub(super) fn load(table: &[u8]) -> Self {
        let (scale, rows) = table.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let count = rows.len().checked_div(ROW).unwrap_or(0);
        let size = count.saturating_mul(2).next_power_of_two().max(2);
        let mut own = Self {
            scale: f32::from_le_bytes(*scale),
            slots: vec![0; size],
            rows: vec![[0; INTENTS]; size],
            mask: size.saturating_sub(1),
        };
        for row in rows.chunks_exact(ROW) {
            let Some((number, weights)) = row.split_first_chunk::<4>() else { continue };
            let number = u32::from_le_bytes(*number);
            let mut at = own.place(number);
            while own.slots.get(at).is_some_and(|&n| n != 0) {
                at = at.saturating_add(1) & own.mask;
            }
            if let (Some(slot), Some(into)) = (own.slots.get_mut(at), own.rows.get_mut(at)) {
                *slot = number;
                for (to, from) in into.iter_mut().zip(weights) {
                    *to = from.cast_signed();
                }
            }
        }
        own
    }

    fn place(&self, number: u32) -> usize {
        usize::try_from(number.wrapping_mul(0x9e37_79b1) >> 8).unwrap_or(0) & self.mask
    }

    fn row(&self, number: u32) -> Option<&[i8; INTENTS]> {
        let mut at = self.place(number);
        loop {
            match self.slots.get(at) {
                Some(&n) if n == number => return self.rows.get(at),
                Some(0) | None => return None,
                Some(_) => at = at.saturating_add(1) & self.mask,
            }
        }
    }
}

/// How likely each intent is, in the order of `intent::ALL`.
pub(super) fn odds(weights: &Weights, words: &Words, hits: &[Hit], text: &str) -> [f32; INTENTS] {
    let mut sums = [0_i32; INTENTS];
    let features = features(words, hits, text);
    for feature in &features {
        if let Some(row) = weights.row(*feature) {
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum = sum.saturating_add(i32::from(*weight));
            }
        }
    }
    let norm = norm(features.len());
    #[expect(clippy::cast_precision_loss, reason = "sums are far below 2^23")]
    let scores = sums.map(|sum| sum as f32 * weights.scale * norm);
    softmax(scores)
}

/// Long texts hold more features; without this they would always seem sure.
pub(super) fn norm(features: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
    let count = features.max(1) as f32;
    (20.0 / (20.0 + count)).sqrt()
}

/// Scores as odds that add up to one.
pub(super) fn softmax(scores: [f32; INTENTS]) -> [f32; INTENTS] {
    let most = scores.into_iter().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| (score - most).exp());
    let total: f32 = powers.iter().sum();
    powers.map(|power| power / total)
}

/// The features of a text, each once.
pub(super) fn features(words: &Words, hits: &[Hit], text: &str) -> Vec<u32> {
    let mut own = Features { out: Vec::with_capacity(128) };
    let tokens = words.tokens();
    let first = Side::edge("^");
    let mut two_before = first;
    let mut before = first;
    for token in tokens {
        let here = Side::of(token);
        own.word(token, here);
        own.pair(before, here);
        own.add(7, two_before.word, here.word);
        own.add(15, two_before.kind, here.kind);
        if two_before.word != first.word || before.word == first.word {
            own.add(16, two_before.word ^ before.word.rotate_left(21), here.word);
        }
        two_before = before;
        before = here;
    }
    own.pair(before, Side::edge("$"));
    own.add(8, u64::from(words.asks), 0);
    // That a text is short says something; that it is long says that somebody likes to write.
    let length = tokens.len().min(4);
    own.add(9, length.try_into().unwrap_or(0), u64::from(words.asks));
    for hit in hits {
        own.add(10, u64::from(hit.cue.0), 0);
        if hit.at.start == 0 && hit.at.end >= tokens.len() {
            own.add(11, u64::from(hit.cue.0), 0);
        }
    }
    if text.contains('!') {
        own.add(12, 0, 0);
    }
    own.out.sort_unstable();
    own.out.dedup();
    own.out
}

/// A word as a part of pairs.
#[derive(Debug, Clone, Copy)]
struct Side {
    word: u64,
    kind: u64,
}

impl Side {
    fn edge(sign: &str) -> Self {
        Self { word: hash(sign.bytes()), kind: hash(sign.bytes()) }
    }

    fn of(token: &Token) -> Self {
        let word = match token.number {
            Some(n) => hash(if n < 13 { "#hour" } else { "#number" }.bytes()),
            None => hash(token.word.bytes()),
        };
        let kind = token.id.map_or(0, |id| SPELLING.kind(id));
        let kind = if kind == 0 { word } else { u64::from(kind) };
        Self { word, kind }
    }
}

struct Features {
    out: Vec<u32>,
}

impl Features {
    fn add(&mut self, sort: u64, a: u64, b: u64) {
        let mixed = (sort.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ a)
            .wrapping_mul(0xff51_afd7_ed55_8ccd)
            .rotate_left(31)
            ^ b.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        let mixed = mixed.wrapping_mul(0x9fb2_1c65_1e98_df25);
        let number = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
        self.out.push(number.max(1));
    }

    fn word(&mut self, token: &Token, side: Side) {
        self.add(1, side.word, 0);
        self.add(2, side.kind, 0);
        if token.number.is_some() {
            return;
        }
        // A word that nobody listed still says something by its parts.
        let bytes = token.word.as_bytes();
        if bytes.len() > 4 {
            self.add(13, hash(bytes.iter().take(4).copied()), 0);
        }
        if token.id.is_none() && bytes.len() >= 4 {
            for part in bytes.windows(4) {
                self.add(14, hash(part.iter().copied()), 0);
            }
        }
    }

    fn pair(&mut self, before: Side, here: Side) {
        self.add(3, before.word, here.word);
        self.add(4, before.kind, here.kind);
        self.add(5, before.word, here.kind);
        self.add(6, before.kind, here.word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_small() {
        assert_eq!((TABLE.len() - 4) % ROW, 0);
        assert!(TABLE.len() < 260_000, "{}", TABLE.len());
        assert!(WEIGHTS.scale > 0.0);
    }

    #[test]
    fn odds_add_up() {
        let words = Words::new("can we do tuesday instead");
        let odds = odds(&WEIGHTS, &words, &super::super::grammar::find(&words), "");
        assert!((odds.iter().sum::<f32>() - 1.0).abs() < 1e-3);
    }
}
