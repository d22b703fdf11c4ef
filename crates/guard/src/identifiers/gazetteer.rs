//! What each word may be: a given name, a family name, a place, an ordinary word, a cue.
//!
//! One table, read once for each word of a text. The lists of names, places and ordinary words are
//! `lexicon/given_names.txt` and its neighbours; the cues are [`super::cues::ROLES`].

use std::borrow::Cow;

use super::cues;
use crate::words::BySpelling;

/// What a word may be; see [`super::cues`] for the single bits.
pub(super) type Tag = u64;

/// Given name: 1 rare, 2 common, 3 very common.
pub(super) const GIVEN: u32 = 0;
/// Family name, in the same steps.
pub(super) const FAMILY: u32 = 2;
/// Place, in the same steps.
pub(super) const PLACE: u32 = 4;
/// The first bit that is free for the roles of `cues`.
pub(super) const FIRST_ROLE: u32 = 8;
/// Begins the name of a place of several words.
pub(super) const PLACE_HEAD: Tag = 1 << 6;
/// A hospital, neighbourhood or city of the hand-written list.
pub(super) const KNOWN_PLACE: Tag = 1 << 7;

/// Stands behind the first word of a place of several words.
pub(super) const PLACE_GOES_ON: Tag = cues::role(39);
/// Bits that tell where to look closer; a word that has no others is on no list.
pub(super) const HINTS: Tag = PLACE_GOES_ON | cues::SPELLED_SIGN;

const GIVEN_NAMES: &str = include_str!("../../../../lexicon/given_names.txt");
const SURNAMES: &str = include_str!("../../../../lexicon/surnames.txt");
const PLACES: &str = include_str!("../../../../lexicon/places.txt");
const ORDINARY: &str = include_str!("../../../../lexicon/ordinary_words.txt");
const BY_HAND: &str = include_str!("../../../../lexicon/facilities.txt");

/// Room for the words of all lists.
const MOST_WORDS: usize = 80_000;
/// More bytes than the longest name of a place has.
const LONGEST: usize = 64;

/// The table.
#[derive(Debug)]
pub(super) struct Gazetteer {
    tags: BySpelling<Tag>,
}

impl Gazetteer {
    pub(super) fn new() -> Self {
        let mut all = Self { tags: BySpelling::default() };
        all.tags.reserve(MOST_WORDS);
        all.read(GIVEN_NAMES, |tier| step(GIVEN, tier));
        all.read(SURNAMES, |tier| step(FAMILY, tier));
        all.read(PLACES, |tier| step(PLACE, tier));
        all.read(ORDINARY, |tier| if tier == 1 { cues::WORD } else { cues::RARE_WORD });
        all.read(BY_HAND, |tier| match tier {
            1 => KNOWN_PLACE | step(PLACE, 1),
            2 => step(FAMILY, 2),
            _ => step(GIVEN, 2),
        });
        for (role, words) in cues::ROLES {
            for word in words.split_ascii_whitespace() {
                all.add(word, *role);
            }
        }
        all
    }

    /// [`Gazetteer::tag`] of several words, which the lists write with `_` between.
    pub(super) fn tag_of_words(&self, words: &str) -> Tag {
        let mut key = [0_u8; LONGEST];
        let bytes = words.as_bytes();
        let Some(spaced) = key.get_mut(..bytes.len()) else { return 0 };
        for (to, &byte) in spaced.iter_mut().zip(bytes) {
            *to = if byte == b' ' { b'_' } else { byte };
        }
        let tag = self.tags.get(&*spaced).copied().unwrap_or(0);
        if !words.contains(". ") {
            return tag;
        }
        tag | self.tag(&words.replace(". ", "_").replace(' ', "_"))
    }

    /// Everything the word may be; 0 for a word on no list.
    pub(super) fn tag(&self, word: &str) -> Tag {
        self.tag_and_hints(word.as_bytes()) & !HINTS
    }

    /// [`Gazetteer::tag`] with the bits of [`HINTS`].
    pub(super) fn tag_and_hints(&self, word: &[u8]) -> Tag {
        self.tags.get(word).copied().unwrap_or(0)
    }

    fn read(&mut self, list: &'static str, tag: impl Fn(u8) -> Tag) {
        let mut tier = 0_u8;
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix('@') {
                Some(number) => tier = number.trim().parse().unwrap_or(3),
                None => line.split_ascii_whitespace().for_each(|word| self.add(word, tag(tier))),
            }
        }
    }

    fn slot(&mut self, word: &'static str) -> &mut Tag {
        self.tags.of(Cow::Borrowed(word.as_bytes()), Tag::default)
    }

    fn add(&mut self, word: &'static str, tag: Tag) {
        if value(tag, PLACE) > 0
            && let Some((head, rest)) = word.split_once('_')
        {
            *self.slot(head) |= PLACE_HEAD;
            for behind in rest.split('_') {
                let bare = behind.trim_end_matches('.');
                let bare = bare.strip_suffix("'s").unwrap_or(bare).trim_end_matches('\'');
                *self.slot(bare) |= PLACE_GOES_ON;
            }
        }
        let slot = self.slot(word);
        *slot = [GIVEN, FAMILY, PLACE].into_iter().fold(*slot | tag, |merged, field| {
            let best = value(*slot, field).max(value(tag, field));
            merged & !(3 << field) | Tag::from(best) << field
        });
    }
}

/// Tier 1 of a list is the most common; as a step it is 3.
fn step(field: u32, tier: u8) -> Tag {
    Tag::from(4_u8.saturating_sub(tier.clamp(1, 3))) << field
}

/// How common the word is as this: 0 (it is none) to 3.
pub(super) fn value(tag: Tag, field: u32) -> u8 {
    match tag >> field & 3 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_the_lists_say() {
        let all = Gazetteer::new();
        let is = |word, field| value(all.tag(word), field);
        assert_eq!((is("mary", GIVEN), is("smith", FAMILY), is("chicago", PLACE)), (3, 3, 3));
        assert_eq!(value(all.tag_of_words("fort worth"), PLACE), 3);
        assert!(all.tag("fort") & PLACE_HEAD != 0);
        assert!(all.tag("will") & cues::WORD != 0 && is("will", GIVEN) > 0);
        assert!(is("okonkwo", FAMILY) == 2 && is("nkechi", GIVEN) == 2);
        assert_eq!(all.tag("qqzx"), 0);
        assert!(all.tag_and_hints(b"worth") & all.tag_and_hints(b"anderson") & PLACE_GOES_ON != 0);
        assert_eq!(all.tag("worth") & HINTS, 0);
        let longest = PLACES.split_ascii_whitespace().map(str::len).max();
        assert!(longest < Some(LONGEST));
    }
}
