//! Several networks that read the same text, and their mean.

use std::ops::Range;

use crate::file::{Malformed, Parts};
use crate::kept::Room;
use crate::network::{Network, Seen, Sizes, Word};
use crate::vocabulary::{Vocabulary, WordNumber};

/// Networks that were learned apart, over one vocabulary. The first can read alone ([`Networks::glance`]);
/// all together err less often ([`Networks::reading`]).
#[derive(Debug)]
pub struct Networks {
    vocabulary: Vocabulary,
    answers: usize,
    networks: Vec<Network>,
}

impl Networks {
    /// Reads the networks of a file.
    ///
    /// # Errors
    /// [`Malformed`] if the file ends too early or goes on behind its end.
    pub fn read(file: &'static [u8]) -> Result<Self, Malformed> {
        let mut parts = Parts::of(file);
        let mut count = || parts.count("head");
        let networks = count()?;
        let [words, answers, buckets, marks, facts] =
            [count()?, count()?, count()?, count()?, count()?];
        let vocabulary = Vocabulary::read(&mut parts, words)?;
        let sizes = Sizes { words, answers, buckets, marks, facts };
        let network = |number| {
            // The first reads every text, the others where it is in doubt.
            let room = if number == 0 { Room::LARGE } else { Room::SMALL };
            Network::read(&mut parts, sizes, room)
        };
        let networks = (0..networks).map(network).collect::<Result<Vec<_>, _>>()?;
        if networks.is_empty() {
            return Err(Malformed("head"));
        }
        if !parts.is_empty() {
            return Err(Malformed("end"));
        }
        Ok(Self { vocabulary, answers, networks })
    }

    /// How many answers each scores.
    #[must_use]
    pub const fn answers(&self) -> usize {
        self.answers
    }

    /// The number of a word they know, for those who look up their words once.
    #[must_use]
    pub fn look_up(&self, spelling: &str) -> Option<WordNumber> {
        self.vocabulary.number(spelling)
    }

    /// Reads a text by the first network alone, once for all that is asked about it.
    #[must_use]
    pub fn glance<'w>(&self, words: impl ExactSizeIterator<Item = Word<'w>>) -> Reading<'_> {
        let first = self.networks.first().map(|network| network.text(&self.vocabulary, words));
        Reading { networks: self, seen: first.into_iter().collect() }
    }

    /// Reads a text by all of them.
    #[must_use]
    pub fn reading<'w>(
        &self,
        words: impl ExactSizeIterator<Item = Word<'w>> + Clone,
    ) -> Reading<'_> {
        self.glance(words.clone()).by_all(words)
    }
}

/// A text that one or all of the networks have read.
#[derive(Debug)]
pub struct Reading<'n> {
    networks: &'n Networks,
    /// By network, of the first ones.
    seen: Vec<Seen>,
}

impl Reading<'_> {
    /// Lets those networks read the text that have not yet. `words` are those that the first one read.
    #[must_use]
    pub fn by_all<'w>(mut self, words: impl ExactSizeIterator<Item = Word<'w>> + Clone) -> Self {
        let others = self.networks.networks.iter().skip(self.seen.len());
        self.seen.extend(others.map(|n| n.text(&self.networks.vocabulary, words.clone())));
        self
    }

    /// The score of each answer (log odds), given `facts`, one bit for each: the mean of those that
    /// have read it. Empty text scores what the facts alone say.
    #[must_use]
    pub fn scores(&self, facts: u128) -> Vec<f32> {
        self.scores_of(0..self.networks.answers, facts)
    }

    /// [`Reading::scores`] of some answers only.
    #[must_use]
    pub fn scores_of(&self, answers: Range<usize>, facts: u128) -> Vec<f32> {
        let mut read = self.networks.networks.iter().zip(&self.seen);
        let Some((network, seen)) = read.next() else { return Vec::new() };
        let mut sums: Vec<f32> = network.scores(seen, answers.clone(), facts).collect();
        for (network, seen) in read {
            let scores = network.scores(seen, answers.clone(), facts);
            sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
        }
        #[expect(clippy::cast_precision_loss, reason = "a handful of networks")]
        let share = 1.0 / self.seen.len() as f32;
        sums.iter_mut().for_each(|sum| *sum *= share);
        sums
    }

    /// How much each word speaks for an answer, in the order of the text, as the first network read
    /// it: by the filters that found their most around it.
    #[must_use]
    pub fn shares_in(&self, answer: usize) -> Vec<f32> {
        let first = self.networks.networks.first().zip(self.seen.first());
        first.map_or_else(Vec::new, |(network, seen)| network.shares_in(seen, answer))
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
    use crate::network::Spelling;

    fn floats(of: &[f32]) -> Vec<u8> {
        of.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Two numbers a word, two filters, two answers: filter 0 sees "pain" (or mark 0) at the middle,
    /// filter 1 sees a number before it; answer 0 is for filter 0, answer 1 for filter 1.
    fn first() -> Vec<u8> {
        let mut file: Vec<u8> =
            [2_u32, 2, 3, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
        file.extend(vectors());
        // Filters by tap, then by place in the vector.
        file.extend(floats(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
        file.extend(floats(&[0.0, 0.0]));
        file.extend(floats(&[-1.0, -1.0]));
        file.extend(floats(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
        file.extend(floats(&[3.0, 0.0, 0.0, -3.0]));
        file
    }

    /// One filter over five words: "pain" two words before; one unit, which holds if that is found and
    /// fact 1 is told, and speaks for answer 1 by eight.
    fn second() -> Vec<u8> {
        let mut file: Vec<u8> =
            [2_u32, 1, 5, 1].iter().flat_map(|number| number.to_le_bytes()).collect();
        file.extend(vectors());
        file.extend(floats(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
        file.extend(floats(&[0.0]));
        file.extend(floats(&[1.0, 1.0]));
        file.extend(floats(&[0.0; 4]));
        file.extend(floats(&[0.0; 4]));
        file.extend(floats(&[-1.5]));
        file.extend(floats(&[1.0, 0.0]));
        file.extend(floats(&[0.0, 1.0]));
        file.extend(floats(&[0.0, 8.0]));
        file
    }

    fn vectors() -> Vec<u8> {
        let mut vectors = floats(&[0.01; 3]);
        vectors.extend([100_u8, 0, 0, 0, 0, 100]);
        vectors.extend(floats(&[0.01; 4]));
        vectors.extend([50_u8, 0, 0, 50, 25, 25, 10, 0]);
        vectors.extend(floats(&[0.01; 2]));
        vectors.extend([100_u8, 0, 0, 0]);
        vectors
    }

    fn file(networks: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(networks.len()).unwrap();
        let head: [u32; 6] = [count, 3, 2, 4, 2, 2];
        let mut file: Vec<u8> = head.iter().flat_map(|number| number.to_le_bytes()).collect();
        file.extend(b"pain\ncar\n#99\n");
        file.extend(networks.concat());
        file
    }

    fn network() -> Networks {
        Networks::read(file(&[first()]).leak()).unwrap()
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
    fn the_first_alone_then_the_mean_of_both() {
        let networks = Networks::read(file(&[first(), second()]).leak()).unwrap();
        let both = |words: &[(&str, u128)], facts| {
            let words = text(words);
            let first = networks.glance(words.iter().cloned());
            let alone = first.scores(facts);
            let mean = first.by_all(words.iter().cloned()).scores(facts);
            assert_eq!(networks.reading(words.into_iter()).scores(facts), mean);
            (alone, mean)
        };
        assert_eq!(both(&[], 0), (vec![-1.0, -1.0], vec![0.0, 0.0]));
        let words = [("pain", 0), ("car", 0), ("car", 0)];
        assert_eq!(both(&words, 0), (vec![0.0, -1.0], vec![0.5, 0.0]));
        // The unit holds one, less one and a half, and the fact's one: a half, eight times.
        assert_eq!(both(&words, 0b10), (vec![0.0, -4.0], vec![0.5, 0.5]));
        assert_eq!(both(&words[..2], 0b10).1, [0.5, -1.5], "not two words before any");
        let reading = networks.reading(text(&words).into_iter());
        assert_eq!(reading.shares_in(0), networks.glance(text(&words).into_iter()).shares_in(0));
    }

    /// Five filters, each of which sees "pain" at another of the five places; answer 0 counts them by
    /// powers of two, from the place two words before on.
    #[test]
    fn each_place_around_a_word_is_seen() {
        let mut wide: Vec<u8> =
            [2_u32, 5, 5, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
        wide.extend(vectors());
        for tap in 0..5 {
            wide.extend([0, 1].iter().flat_map(|&place| {
                floats(&[0, 1, 2, 3, 4].map(|f| f32::from(u8::from(place == 0 && f == tap))))
            }));
        }
        wide.extend(floats(&[0.0; 5 + 2]));
        wide.extend(floats(&[1.0, 2.0, 4.0, 8.0, 16.0]));
        wide.extend(floats(&[0.0; 5 + 10 + 4]));
        let network = Networks::read(file(&[wide]).leak()).unwrap();
        for (words, seen) in [
            (&["pain"][..], 4.0),
            (&["pain", "car"], 4.0 + 2.0),
            (&["car", "pain"], 4.0 + 8.0),
            (&["pain", "car", "car"], 4.0 + 2.0 + 1.0),
            (&["car", "car", "pain"], 4.0 + 8.0 + 16.0),
            (&["car", "car", "pain", "car", "car", "car"], 31.0),
        ] {
            let words: Vec<(&str, u128)> = words.iter().map(|word| (*word, 0)).collect();
            assert_eq!(network.reading(text(&words).into_iter()).scores(0)[0], seen, "{words:?}");
        }
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
        let whole = file(&[first(), second()]);
        for end in 0..whole.len() {
            let part: &'static [u8] = whole[..end].to_vec().leak();
            assert!(Networks::read(part).is_err(), "{end}");
        }
        let longer = [whole, vec![0]].concat().leak();
        assert_eq!(Networks::read(longer).unwrap_err(), Malformed("end"));
        assert_eq!(Networks::read(file(&[]).leak()).unwrap_err(), Malformed("head"));
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
            let _ = Networks::read(file.leak());
        }
    }
}
