//! What the whole text means, beside the rules: small learned networks (crate `meaning`) that see
//! the words and what the rules made of them. corpus/learn/inbound.py learned them.

use std::sync::LazyLock;

use meaning::{Networks, Spelling, Word, bit, bit_if, likelihoods};

use super::grammar::{Cue, Hit};
use super::intent_phrases::{NOT_WRONG, WRONG};
use super::words::{Pause, Words};
use super::{emergency, emergency_phrases, revocation};

/// One score for each of the twelve intents, in the order of `intent::ALL`.
pub(super) const INTENTS: usize = 12;

/// The learned networks, whose mean is read.
const LEARNED: &[u8] = include_bytes!("intent_network.bin");

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in and a test reads it")]
    let networks = Networks::read(LEARNED).expect("the learned networks are whole");
    networks
});

/// How likely each intent is, in the order of `intent::ALL`.
pub(super) fn odds(words: &Words, hits: &[Hit], text: &str) -> [f32; INTENTS] {
    let Input { words, facts } = input(words, hits, text);
    let scores = NETWORKS.reading(words.into_iter()).scores(facts);
    likelihoods(scores.first_chunk().copied().unwrap_or_default())
}

/// A text as the networks see it.
#[derive(Debug)]
pub(super) struct Input<'a> {
    pub(super) words: Vec<Word<'a>>,
    pub(super) facts: u128,
}

// Which bit means what. Bits below 60 are the rules' words, and forgotten together for a part of the
// texts when it is learned. The network depends on all of them: learn again after a change.
const STOP_STANDS: u32 = 45;
const WRONG_STANDS: u32 = 46;
const DANGER_STANDS: u32 = 47;
const ONLY_A_FIGURE: u32 = 48;
const ONLY_ANOTHER_STOP: u32 = 49;
// Marks of a word.
const UNLISTED: u32 = 60;
const NUMBER: u32 = 61;
const HOUR: u32 = 62;
const FIRST: u32 = 63;
const LAST: u32 = 64;
const BEFORE_A_COMMA: u32 = 65;
const BEFORE_AN_END: u32 = 66;
const BEFORE_A_QUESTION_MARK: u32 = 67;
// Facts of the text.
const ASKS: u32 = 60;
const EXCLAIMS: u32 = 61;
/// One word, two, three, more: that a text is short says something; that it is long says that
/// somebody likes to write.
const LENGTHS: [u32; 4] = [62, 63, 64, 65];

/// What the network is shown of a text.
pub(super) fn input<'a>(words: &'a Words, hits: &[Hit], text: &str) -> Input<'a> {
    let tokens = words.tokens();
    let mut seen: Vec<Word<'a>> = tokens
        .iter()
        .map(|token| {
            let pause = match token.pause {
                Pause::None => 0,
                Pause::Comma => bit(BEFORE_A_COMMA),
                Pause::End => bit(BEFORE_AN_END),
                Pause::Question => bit(BEFORE_A_QUESTION_MARK),
            };
            let marks = bit_if(UNLISTED, token.id.is_none())
                | bit_if(NUMBER, token.number.is_some())
                | bit_if(HOUR, token.number.is_some_and(|n| n < 13))
                | pause;
            Word { spelling: Spelling::As((&token.word).into()), marks }
        })
        .collect();
    if let Some(first) = seen.first_mut() {
        first.marks |= bit(FIRST);
    }
    if let Some(last) = seen.last_mut() {
        last.marks |= bit(LAST);
    }
    let length = LENGTHS.get(tokens.len().clamp(1, LENGTHS.len()).saturating_sub(1));
    let mut facts = length.map_or(0, |&fact| bit(fact))
        | bit_if(ASKS, words.asks)
        | bit_if(EXCLAIMS, text.contains('!'))
        | bit_if(STOP_STANDS, revocation::says_so(hits))
        | bit_if(WRONG_STANDS, revocation::standing(hits, WRONG, NOT_WRONG))
        | bit_if(DANGER_STANDS, emergency::among(hits).is_some())
        | bit_if(ONLY_A_FIGURE, emergency::only_a_figure(hits))
        | bit_if(ONLY_ANOTHER_STOP, revocation::only_another_stop(hits));
    for hit in hits {
        let cue = bit(cue_bit(hit.cue));
        facts |= cue;
        for word in seen.get_mut(hit.at.clone()).unwrap_or_default() {
            word.marks |= cue;
        }
    }
    Input { words: seen, facts }
}

/// The bit of a cue: the families of danger, their nouns, then the other lists.
fn cue_bit(cue: Cue) -> u32 {
    let from = |first: u8, bit: u32| bit.saturating_add(u32::from(cue.0.saturating_sub(first)));
    match cue.0 {
        0..emergency_phrases::NOUN => from(0, 0),
        emergency_phrases::NOUN..60 => from(emergency_phrases::NOUN, 15),
        60..70 => from(60, 30),
        70..80 => from(70, 32),
        _ => from(80, 35),
    }
}

#[cfg(test)]
mod tests {
    use super::super::grammar;
    use super::*;

    #[test]
    fn the_networks_are_whole_and_small() {
        assert_eq!(NETWORKS.answers(), INTENTS);
        assert!(LEARNED.len() < 7_000_000, "{}", LEARNED.len());
    }

    #[test]
    fn odds_add_up() {
        for text in ["can we do tuesday instead", "", "💊", &"stop ".repeat(700)] {
            let words = Words::new(text);
            let odds = odds(&words, &grammar::find(&words), text);
            assert!((odds.iter().sum::<f32>() - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn each_list_has_a_bit_of_its_own() {
        let cues: std::collections::BTreeSet<u8> = grammar::cues().map(|cue| cue.0).collect();
        let bits: std::collections::BTreeSet<u32> =
            cues.iter().map(|&cue| cue_bit(Cue(cue))).collect();
        assert_eq!(bits.len(), cues.len());
        assert!(bits.iter().all(|&bit| bit < STOP_STANDS));
    }
}
