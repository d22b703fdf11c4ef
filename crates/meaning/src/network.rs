//! One network: what each filter sees in every few words, and the scores that follow.

use std::borrow::Cow;
use std::ops::Range;

use crate::file::{Malformed, Parts};
use crate::kept::{Kept, Room};
use crate::marked::{Marked, ones};
use crate::sums::{BLOCK, Row, UNIT, add_farther, all_in_all, around_one, counted, dot, padded};
use crate::vocabulary::{Vectors, Vocabulary, WordNumber, WordVectors};

/// One word as the rules saw it.
#[derive(Debug, Clone)]
pub struct Word<'a> {
    /// Which word it is.
    pub spelling: Spelling<'a>,
    /// One bit for each thing that rules said of it ([`bit`]). Bits the network does not know count
    /// nothing.
    pub marks: u128,
}

/// Which word it is.
#[derive(Debug, Clone)]
pub enum Spelling<'a> {
    /// One that [`Networks::look_up`](crate::Networks::look_up) gave a number.
    Known(WordNumber),
    /// Any, in small letters, folded.
    As(Cow<'a, str>),
}

/// The mark or fact of this number; none from 128 on.
#[must_use]
pub fn bit(number: u32) -> u128 {
    1_u128.checked_shl(number).unwrap_or(0)
}

/// [`bit`], if it holds.
#[must_use]
pub fn bit_if(number: u32, holds: bool) -> u128 {
    if holds { bit(number) } else { 0 }
}

/// How many there are of what all networks of a file have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) words: usize,
    pub(crate) answers: usize,
    pub(crate) buckets: usize,
    pub(crate) marks: usize,
    pub(crate) facts: usize,
}

/// A learned network; see the crate's documentation.
#[derive(Debug)]
pub(crate) struct Network {
    width: usize,
    filters: usize,
    /// How many words a filter sees at once: [`NARROW`] or [`WIDE`].
    taps: usize,
    vectors: WordVectors,
    /// What known words add to every filter.
    rows: Kept<WordNumber>,
    marked: Marked,
    /// Blocks of filters, by place in the words from the last to the first; in each, by place in the
    /// vector, what that place adds to the block's filters.
    weights: Vec<[f32; BLOCK]>,
    bias: Row,
    /// One row for each answer: the weights of what each filter found most, then on average.
    answers: Vec<Vec<f32>>,
    answer_bias: Vec<f32>,
    /// One row for each answer: the weight of each fact.
    facts: Vec<Vec<f32>>,
    between: Between,
}

/// Units between the filters and the answers: what is only true of several findings together.
#[derive(Debug, Default)]
struct Between {
    /// One row for each unit, as in [`Network::answers`] and [`Network::facts`].
    units: Vec<Vec<f32>>,
    facts: Vec<Vec<f32>>,
    bias: Vec<f32>,
    /// One row for each answer: the weight of each unit.
    answers: Vec<Vec<f32>>,
}

const NARROW: usize = 3;
const WIDE: usize = 5;

impl Network {
    /// Reads one network of a file.
    pub(crate) fn read(
        parts: &mut Parts<'static>,
        sizes: Sizes,
        room: Room,
    ) -> Result<Self, Malformed> {
        let width = parts.count("head")?;
        let filters = parts.count("head")?;
        let taps = parts.count("head")?;
        let units = parts.count("head")?;
        if taps != NARROW && taps != WIDE {
            return Err(Malformed("head"));
        }
        let vectors = WordVectors::read(parts, width, sizes.words, sizes.buckets)?;
        let mark_vectors = Vectors::read(parts, sizes.marks, width, "mark vectors")?;
        let weights =
            parts.floats(taps.saturating_mul(width).saturating_mul(filters), "filters")?;
        let bias = parts.floats(filters, "filter biases")?;
        let seen = filters.saturating_mul(2);
        let answer_bias = parts.floats(sizes.answers, "answer biases")?;
        let answers = parts.rows(sizes.answers, seen, "answers")?;
        let facts = parts.rows(sizes.answers, sizes.facts, "facts")?;
        let between = Between {
            bias: parts.floats(units, "unit biases")?,
            units: parts.rows(units, seen, "units")?,
            facts: parts.rows(units, sizes.facts, "facts of units")?,
            answers: parts.rows(sizes.answers, units, "answers of units")?,
        };
        let mut network = Self {
            width,
            filters,
            taps,
            vectors,
            rows: Kept::new(room.words),
            marked: Marked::default(),
            weights: in_blocks(&weights, width, filters),
            bias: bias.chunks(BLOCK).map(|part| padded(part).map(counted)).collect(),
            answers,
            answer_bias,
            facts,
            between,
        };
        let mark = |mark| network.shares(|vector| mark_vectors.add(mark, 1.0, vector));
        let rows = (0..sizes.marks).map(mark).collect();
        let length = taps.saturating_mul(filters.div_ceil(BLOCK));
        network.marked = Marked::new(rows, length, room.sets);
        Ok(network)
    }

    /// Reads a text.
    pub(crate) fn text<'w>(
        &self,
        vocabulary: &Vocabulary,
        words: impl ExactSizeIterator<Item = Word<'w>>,
    ) -> Seen {
        let row =
            |word: Word<'_>| [self.row(vocabulary, &word.spelling), self.marked.by(word.marks)];
        let rows: Vec<[Cow<'_, [[i16; BLOCK]]>; 2]> = words.map(row).collect();
        let sums = self.sums(&rows);
        let blocks = self.bias.len();
        let (mut most, mut totals) = (vec![0; self.filters], vec![0; self.filters]);
        let parts = most.chunks_mut(BLOCK).zip(totals.chunks_mut(BLOCK));
        for (block, (most, totals)) in parts.enumerate() {
            let (block_most, block_totals) = all_in_all(sums.iter().skip(block).step_by(blocks));
            most.iter_mut().zip(block_most).for_each(|(to, from)| *to = from);
            totals.iter_mut().zip(block_totals).for_each(|(to, from)| *to = from);
        }
        #[expect(clippy::cast_precision_loss, reason = "texts have fewer than 2^23 words")]
        let mean = 0.5 / UNIT / (rows.len() as f32 + 1.0).sqrt();
        let mut found = Vec::with_capacity(self.filters.saturating_mul(2));
        found.extend(most.iter().map(|&most| f32::from(most) / UNIT));
        #[expect(clippy::cast_precision_loss, reason = "a sum of a text's small numbers")]
        found.extend(totals.iter().map(|&total| total as f32 * mean));
        Seen { sums, found }
    }

    /// What each filter saw around each word, word by word.
    fn sums(&self, rows: &[[Cow<'_, [[i16; BLOCK]]>; 2]]) -> Vec<[i16; BLOCK]> {
        let blocks = self.bias.len();
        let nothing = self.marked.nothing.get(..blocks).unwrap_or(&[]);
        let share = |at: Option<usize>, place: usize| {
            let from = place.saturating_mul(blocks);
            let part = from..from.saturating_add(blocks);
            at.and_then(|at| rows.get(at)).map_or([nothing; 2], |[word, marks]| {
                [word.get(part.clone()).unwrap_or(nothing), marks.get(part).unwrap_or(nothing)]
            })
        };
        let mut sums = Vec::with_capacity(rows.len().saturating_mul(blocks));
        let [before, here, behind] = if self.taps == WIDE { [3, 2, 1] } else { [2, 1, 0] };
        for at in 0..rows.len() {
            let near = [
                share(at.checked_sub(1), before),
                share(Some(at), here),
                share(at.checked_add(1), behind),
            ];
            let from = sums.len();
            sums.extend(around_one(&self.bias, near));
            if self.taps == WIDE {
                let far = [share(at.checked_sub(2), 4), share(at.checked_add(2), 0)];
                add_farther(sums.get_mut(from..).unwrap_or_default(), far);
            }
        }
        sums
    }

    /// What a word adds to every filter, by its place among the words that the filter sees.
    fn row(&self, vocabulary: &Vocabulary, spelling: &Spelling<'_>) -> Cow<'_, [[i16; BLOCK]]> {
        let number = match spelling {
            Spelling::Known(number) => Ok(*number),
            Spelling::As(spelling) => vocabulary.number(spelling).ok_or(spelling),
        };
        match number {
            Ok(number) => {
                let work_out = || self.shares(|vector| self.vectors.add_known(number, vector));
                self.rows.row(number, number.place(), work_out)
            }
            Err(spelling) => {
                let shares = self.shares(|vector| self.vectors.add_unknown(spelling, vector));
                Cow::Owned(shares.into_vec())
            }
        }
    }

    /// What a vector adds to every filter: as the last of the words it sees, as the one before …
    fn shares(&self, fill: impl FnOnce(&mut [f32])) -> Row {
        let mut vector = vec![0.0; self.width];
        fill(&mut vector);
        let one_block = |weights: &[[f32; BLOCK]]| {
            let mut sums = [0.0_f32; BLOCK];
            for (&value, weights) in vector.iter().zip(weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += value * weight;
                }
            }
            sums.map(counted)
        };
        self.weights.chunks_exact(self.width.max(1)).map(one_block).collect()
    }

    /// The scores of some answers (log odds), given `facts`, one bit for each.
    pub(crate) fn scores<'s>(
        &'s self,
        seen: &'s Seen,
        answers: Range<usize>,
        facts: u128,
    ) -> impl Iterator<Item = f32> + 's {
        let sum = move |by_words: &[f32], by_fact: &[f32], bias: f32| {
            let by_facts: f32 = ones(facts).filter_map(|fact| by_fact.get(fact)).sum();
            dot(by_words, &seen.found) + by_facts + bias
        };
        let Between { units, facts: unit_facts, bias: unit_bias, answers: by_unit } = &self.between;
        let units: Vec<f32> = units
            .iter()
            .zip(unit_facts)
            .zip(unit_bias)
            .map(|((by_words, by_fact), &bias)| sum(by_words, by_fact, bias).max(0.0))
            .collect();
        answers.filter_map(move |answer| {
            let bias = *self.answer_bias.get(answer)?;
            let alone = sum(self.answers.get(answer)?, self.facts.get(answer)?, bias);
            Some(alone + dot(by_unit.get(answer)?, &units))
        })
    }

    /// How much each word speaks for an answer, in the order of the text: by the filters that found
    /// their most around it.
    pub(crate) fn shares_in(&self, seen: &Seen, answer: usize) -> Vec<f32> {
        let words = || {
            let words = seen.sums.chunks_exact(self.bias.len().max(1));
            words.map(|blocks| blocks.as_flattened().get(..self.filters).unwrap_or(&[]))
        };
        let mut most = vec![1_i16; self.filters];
        for word in words() {
            for (most, &value) in most.iter_mut().zip(word) {
                *most = (*most).max(value);
            }
        }
        let weights = self.answers.get(answer).map_or(&[][..], Vec::as_slice);
        let share = |word: &[i16]| {
            let found = word.iter().zip(&most).zip(weights);
            let shares = found.map(
                |((&value, &most), &weight)| {
                    if value == most { f32::from(value) * weight } else { 0.0 }
                },
            );
            shares.sum::<f32>() / UNIT
        };
        words().map(share).collect()
    }
}

/// What a network saw in a text.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What each filter saw around each word, word by word; below zero it saw nothing.
    sums: Vec<[i16; BLOCK]>,
    /// What each filter found most, then what each found on average.
    found: Vec<f32>,
}

/// Weights by place in the words, place in the vector and filter, as [`Network`] keeps them.
fn in_blocks(weights: &[f32], width: usize, filters: usize) -> Vec<[f32; BLOCK]> {
    let by_tap = width.saturating_mul(filters).max(1);
    let mut blocks = Vec::with_capacity(weights.len().div_ceil(BLOCK));
    for tap in weights.chunks_exact(by_tap).rev() {
        for from in (0..filters).step_by(BLOCK) {
            for weights in tap.chunks_exact(filters) {
                blocks.push(padded(weights.get(from..).unwrap_or(&[])));
            }
        }
    }
    blocks
}
