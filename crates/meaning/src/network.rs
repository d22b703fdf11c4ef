//! The network: what each filter sees in every three words, and the scores that follow.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use crate::file::{Malformed, Parts};
use crate::marked::{Marked, ones};
use crate::sums::{BLOCK, Row, UNIT, all_in_all, around_one, counted, dot, padded};
use crate::vocabulary::{Vectors, Vocabulary, WordNumber};

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
    /// One that [`Network::look_up`] gave a number.
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

/// A learned network; see the crate's documentation.
#[derive(Debug)]
pub struct Network {
    width: usize,
    filters: usize,
    vocabulary: Vocabulary,
    /// What each known word adds to every filter, worked out when the word is first met.
    known: Vec<OnceLock<Row>>,
    marked: Marked,
    /// Blocks of filters, by place in the three words from the last to the first; in each, by place
    /// in the vector, what that place adds to the block's filters.
    weights: Vec<[f32; BLOCK]>,
    bias: Row,
    /// One row for each answer: the weights of what each filter found most, then on average.
    answers: Vec<Vec<f32>>,
    answer_bias: Vec<f32>,
    /// One row for each answer: the weight of each fact.
    facts: Vec<Vec<f32>>,
}

/// Words before, at and after the middle of a filter.
const TAPS: usize = 3;
impl Network {
    /// Reads a network.
    ///
    /// # Errors
    /// [`Malformed`] if the file ends too early or goes on behind its end.
    pub fn read(file: &'static [u8]) -> Result<Self, Malformed> {
        let mut parts = Parts::of(file);
        let width = parts.count("head")?;
        let filters = parts.count("head")?;
        let answers = parts.count("head")?;
        let words = parts.count("head")?;
        let buckets = parts.count("head")?;
        let marks = parts.count("head")?;
        let facts = parts.count("head")?;
        let vocabulary = Vocabulary::read(&mut parts, width, words, buckets)?;
        let mark_vectors = Vectors::read(&mut parts, marks, width, "mark vectors")?;
        let weights =
            parts.floats(TAPS.saturating_mul(width).saturating_mul(filters), "filters")?;
        let bias = parts.floats(filters, "filter biases")?;
        let mut rows = |length: usize, what| -> Result<Vec<Vec<f32>>, Malformed> {
            (0..answers).map(|_| parts.floats(length, what)).collect()
        };
        let answer_rows = rows(filters.saturating_mul(2), "answers")?;
        let fact_rows = rows(facts, "facts")?;
        let answer_bias = parts.floats(answers, "answer biases")?;
        if !parts.is_empty() {
            return Err(Malformed("end"));
        }
        let known = (0..vocabulary.len()).map(|_| OnceLock::new()).collect();
        let mut network = Self {
            width,
            filters,
            vocabulary,
            known,
            marked: Marked::default(),
            weights: in_blocks(&weights, width, filters),
            bias: bias.chunks(BLOCK).map(|part| padded(part).map(counted)).collect(),
            answers: answer_rows,
            answer_bias,
            facts: fact_rows,
        };
        let mark = |mark| network.shares(|vector| mark_vectors.add(mark, 1.0, vector));
        let rows = (0..marks).map(mark).collect();
        network.marked = Marked::new(rows, TAPS.saturating_mul(filters.div_ceil(BLOCK)));
        Ok(network)
    }

    /// How many answers it scores.
    #[must_use]
    pub const fn answers(&self) -> usize {
        self.answers.len()
    }

    /// The number of a word it knows, for those who look up their words once.
    #[must_use]
    pub fn look_up(&self, spelling: &str) -> Option<WordNumber> {
        self.vocabulary.number(spelling)
    }

    /// Reads a text, once for all that is asked about it.
    #[must_use]
    pub fn reading<'w>(&self, words: impl ExactSizeIterator<Item = Word<'w>>) -> Reading<'_> {
        let rows: Vec<[Cow<'_, [[i16; BLOCK]]>; 2]> =
            words.map(|word| [self.row(&word.spelling), self.marked.by(word.marks)]).collect();
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
        for at in 0..rows.len() {
            let around =
                [share(at.checked_sub(1), 2), share(Some(at), 1), share(at.checked_add(1), 0)];
            sums.extend(around_one(&self.bias, around));
        }
        let (mut most, mut totals) = (vec![0; self.filters], vec![0; self.filters]);
        let parts = most.chunks_mut(BLOCK).zip(totals.chunks_mut(BLOCK));
        for (block, (most, totals)) in parts.enumerate() {
            let (block_most, block_totals) = all_in_all(sums.iter().skip(block).step_by(blocks));
            most.iter_mut().zip(block_most).for_each(|(to, from)| *to = from);
            totals.iter_mut().zip(block_totals).for_each(|(to, from)| *to = from);
        }
        #[expect(clippy::cast_precision_loss, reason = "texts have fewer than 2^23 words")]
        let mean = 0.5 / UNIT / (rows.len() as f32 + 1.0).sqrt();
        let mut seen = Vec::with_capacity(self.filters.saturating_mul(2));
        seen.extend(most.iter().map(|&most| f32::from(most) / UNIT));
        #[expect(clippy::cast_precision_loss, reason = "a sum of a text's small numbers")]
        seen.extend(totals.iter().map(|&total| total as f32 * mean));
        Reading { network: self, sums, seen }
    }

    /// What a word adds to every filter around the word before it, around itself, around the next.
    fn row(&self, spelling: &Spelling<'_>) -> Cow<'_, [[i16; BLOCK]]> {
        let number = match spelling {
            Spelling::Known(number) => Ok(*number),
            Spelling::As(spelling) => self.vocabulary.number(spelling).ok_or(spelling),
        };
        match number {
            Ok(number) => {
                let known = self.known.get(number.place()).map(|known| {
                    known.get_or_init(|| {
                        self.shares(|vector| self.vocabulary.add_known(number, vector))
                    })
                });
                Cow::Borrowed(known.map_or(&[], |known| known))
            }
            Err(spelling) => {
                let shares = self.shares(|vector| self.vocabulary.add_unknown(spelling, vector));
                Cow::Owned(shares.into_vec())
            }
        }
    }

    /// What a vector adds to every filter: as the last of three words, as the middle one, as the first.
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
}

/// Weights by place in the three words, place in the vector and filter, as [`Network`] keeps them.
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

/// A text that the network has read.
#[derive(Debug)]
pub struct Reading<'n> {
    network: &'n Network,
    /// What each filter saw around each word, word by word.
    sums: Vec<[i16; BLOCK]>,
    /// What each filter found most, then what each found on average.
    seen: Vec<f32>,
}

impl Reading<'_> {
    /// What each filter saw around each word; below zero it saw nothing.
    fn words(&self) -> impl Iterator<Item = &[i16]> {
        let words = self.sums.chunks_exact(self.network.bias.len().max(1));
        words.map(|blocks| blocks.as_flattened().get(..self.network.filters).unwrap_or(&[]))
    }

    /// The score of each answer (log odds), given `facts`, one bit for each. Empty text scores what
    /// the facts alone say.
    #[must_use]
    pub fn scores(&self, facts: u128) -> Vec<f32> {
        self.scores_of(0..self.network.answers(), facts).collect()
    }

    /// [`Reading::scores`] of some answers only.
    pub fn scores_of(&self, answers: Range<usize>, facts: u128) -> impl Iterator<Item = f32> {
        let Network { answers: rows, facts: by_fact, answer_bias, .. } = self.network;
        answers.filter_map(move |answer| {
            let by_words = dot(rows.get(answer)?, &self.seen);
            let by_fact = by_fact.get(answer)?;
            let by_facts: f32 = ones(facts).filter_map(|fact| by_fact.get(fact)).sum();
            Some(by_words + by_facts + answer_bias.get(answer)?)
        })
    }

    /// How much each word speaks for an answer, in the order of the text: by the filters that found
    /// their most around it.
    #[must_use]
    pub fn shares_in(&self, answer: usize) -> Vec<f32> {
        let mut most = vec![1_i16; self.network.filters];
        for word in self.words() {
            for (most, &value) in most.iter_mut().zip(word) {
                *most = (*most).max(value);
            }
        }
        let weights = self.network.answers.get(answer).map_or(&[][..], Vec::as_slice);
        let share = |word: &[i16]| {
            let found = word.iter().zip(&most).zip(weights);
            let shares = found.map(
                |((&value, &most), &weight)| {
                    if value == most { f32::from(value) * weight } else { 0.0 }
                },
            );
            shares.sum::<f32>() / UNIT
        };
        self.words().map(share).collect()
    }
}

/// How likely each of some answers is, if exactly one of them is true: their scores as odds that add
/// up to one.
#[must_use]
pub fn likelihoods<const N: usize>(scores: [f32; N]) -> [f32; N] {
    let most = scores.into_iter().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| (score - most).exp());
    let total: f32 = powers.iter().sum();
    powers.map(|power| power / total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn floats(of: &[f32]) -> Vec<u8> {
        of.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Two numbers a word, two filters, two answers: filter 0 sees "pain" (or mark 0) at the middle,
    /// filter 1 sees a number before it; answer 0 is for filter 0, answer 1 for filter 1.
    fn file() -> Vec<u8> {
        let head: [u32; 7] = [2, 2, 2, 3, 4, 2, 2];
        let mut file: Vec<u8> = head.iter().flat_map(|number| number.to_le_bytes()).collect();
        file.extend(b"pain\ncar\n#99\n");
        file.extend(floats(&[0.01; 3]));
        file.extend([100_u8, 0, 0, 0, 0, 100]);
        file.extend(floats(&[0.01; 4]));
        file.extend([50_u8, 0, 0, 50, 25, 25, 10, 0]);
        file.extend(floats(&[0.01; 2]));
        file.extend([100_u8, 0, 0, 0]);
        // Filters by tap, then by place in the vector.
        file.extend(floats(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
        file.extend(floats(&[0.0, 0.0]));
        file.extend(floats(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
        file.extend(floats(&[3.0, 0.0, 0.0, -3.0]));
        file.extend(floats(&[-1.0, -1.0]));
        file
    }

    fn network() -> Network {
        Network::read(file().leak()).unwrap()
    }

    fn text<'a>(words: &[(&'a str, u128)]) -> Vec<Word<'a>> {
        words
            .iter()
            .map(|&(spelling, marks)| Word { spelling: Spelling::As((*spelling).into()), marks })
            .collect()
    }

    #[test]
    fn words_marks_numbers_and_facts_each_count() {
        let network = network();
        let scores =
            |words: &[(&str, u128)], facts| network.reading(text(words).into_iter()).scores(facts);
        assert_eq!(scores(&[], 0), [-1.0, -1.0]);
        assert_eq!(scores(&[("car", 0)], 0), [-1.0, -1.0]);
        assert_eq!(scores(&[("car", 0), ("pain", 0)], 0), [0.0, -1.0]);
        assert_eq!(scores(&[("car", 1)], 0), [0.0, -1.0], "a mark");
        assert_eq!(scores(&[("car", 1 << 100)], 0), [-1.0, -1.0], "a mark it does not know");
        assert_eq!(scores(&[("42", 0), ("car", 0)], 0), [-1.0, 0.0], "the shape of a number");
        assert_eq!(scores(&[("car", 0), ("42", 0)], 0), [-1.0, -1.0], "the number comes behind");
        assert_eq!(scores(&[], 0b11), [2.0, -4.0]);
    }

    #[test]
    fn a_word_looked_up_before_is_the_same_word() {
        let network = network();
        for spelling in ["pain", "car", "42"] {
            let known = Spelling::Known(network.look_up(spelling).unwrap());
            assert_eq!(
                network.reading([Word { spelling: known, marks: 0 }].into_iter()).scores(0),
                network.reading(text(&[(spelling, 0)]).into_iter()).scores(0),
            );
        }
        assert_eq!(network.look_up("unheard"), None);
    }

    #[test]
    fn likelihoods_add_up() {
        for scores in [[0.0, 0.0, 0.0], [1e4, -1e4, 3.0], [f32::MIN, 0.0, f32::MAX]] {
            assert!((likelihoods(scores).iter().sum::<f32>() - 1.0).abs() < 1e-3, "{scores:?}");
        }
    }

    #[test]
    fn an_unknown_word_is_made_of_its_parts() {
        let network = network();
        let scores = |word: &str| network.reading(text(&[(word, 0)]).into_iter()).scores(0);
        assert_ne!(scores("unheard"), [-1.0, -1.0]);
        assert_eq!(scores("unheard"), scores("unheard"));
    }

    #[test]
    fn the_words_that_speak_for_an_answer() {
        let words = text(&[("car", 0), ("pain", 0), ("car", 0)]);
        let network = network();
        let reading = network.reading(words.into_iter());
        assert_eq!(reading.shares_in(0), [0.0, 1.0, 0.0]);
        assert_eq!(reading.shares_in(1), [0.0; 3]);
        assert_eq!(reading.shares_in(7), [0.0; 3], "no such answer");
    }

    #[test]
    fn a_file_that_is_not_whole_is_no_network() {
        let whole = file();
        for end in 0..whole.len() {
            let part: &'static [u8] = whole[..end].to_vec().leak();
            assert!(Network::read(part).is_err(), "{end}");
        }
        let longer = [whole, vec![0]].concat().leak();
        assert_eq!(Network::read(longer).unwrap_err(), Malformed("end"));
    }

    proptest! {
        #[test]
        fn any_words_get_a_number(
            words in prop::collection::vec((".{0,30}", any::<u128>()), 0..80), facts in any::<u128>(),
        ) {
            let words: Vec<Word<'_>> = words
                .iter()
                .map(|(spelling, marks)| Word { spelling: Spelling::As(spelling.into()), marks: *marks })
                .collect();
            let network = network();
            let reading = network.reading(words.iter().cloned());
            prop_assert!(reading.scores(facts).iter().all(|score| score.is_finite()));
            prop_assert_eq!(reading.shares_in(0).len(), words.len());
        }

        #[test]
        fn any_file_is_read_or_refused(file in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Network::read(file.leak());
        }
    }
}
