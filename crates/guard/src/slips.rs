//! Drug names with a slip of the finger in them: one letter missing, added, changed or swapped.

use std::collections::HashMap;

use crate::level::{Category, Level};
use crate::lexicon::{Lexicon, TermHit};
use crate::normalise::Folded;

/// Ordinary words one letter away from a drug's name.
const ORDINARY: &[&str] = &[
    "ability",
    "addition",
    "allegro",
    "aspiring",
    "asteroid",
    "asteroids",
    "concert",
    "concerts",
    "concerto",
    "inhaled",
    "inhales",
    "morphing",
    "peacemaker",
    "precise",
    "premier",
    "process",
    "singular",
    "steroidal",
    "vaccinate",
    "clarity",
    "consult",
    "complete",
    "predisposed",
];
const SHORTEST: usize = 7;
const LONGEST: usize = 24;

/// Every long drug name, by each spelling that lacks one letter.
#[derive(Debug)]
pub(crate) struct Slips {
    words: Vec<(String, usize)>,
    by_shortened: HashMap<String, Vec<usize>>,
}

impl Slips {
    pub(crate) fn new(lexicon: &Lexicon) -> Self {
        let words: Vec<(String, usize)> = lexicon
            .long_words()
            .filter(|(_, group)| {
                lexicon
                    .group(*group)
                    .is_some_and(|g| g.category == Category::Medication && g.level == Level::Detail)
            })
            .map(|(word, group)| (word.to_owned(), group))
            .collect();
        let mut by_shortened: HashMap<String, Vec<usize>> = HashMap::new();
        let mut buffer = String::new();
        for (number, (word, _)) in words.iter().enumerate() {
            for skip in 0..=word.len() {
                shorten(word, skip, &mut buffer);
                let list = by_shortened.entry(buffer.clone()).or_default();
                if !list.contains(&number) {
                    list.push(number);
                }
            }
        }
        Self { words, by_shortened }
    }

    /// Adds a hit for each misspelt drug name, one for each list the name is on.
    pub(crate) fn find(&self, lexicon: &Lexicon, folded: &Folded, hits: &mut Vec<TermHit>) {
        let mut start = 0_usize;
        let mut buffer = String::new();
        for word in folded.lower.split(|c: char| !c.is_ascii_lowercase()) {
            let end = start.saturating_add(word.len());
            if (SHORTEST - 1..=LONGEST).contains(&word.len())
                && !ORDINARY.contains(&word)
                && !lexicon.knows(word)
                && !word.strip_suffix('s').is_some_and(|one| lexicon.knows(one))
                && let Some(name) = self.nearest(word, &mut buffer)
            {
                hits.extend(lexicon.groups_of(name).map(|group| TermHit {
                    start,
                    end,
                    group,
                    doubtful: false,
                }));
            }
            start = next_start(folded, end);
        }
    }

    fn nearest(&self, word: &str, buffer: &mut String) -> Option<&str> {
        for skip in 0..=word.len() {
            shorten(word, skip, buffer);
            for &number in self.by_shortened.get(buffer.as_str()).into_iter().flatten() {
                if let Some((name, _)) = self.words.get(number)
                    && is_one_slip(word.as_bytes(), name.as_bytes())
                {
                    return Some(name);
                }
            }
        }
        None
    }
}

/// Where the word after the divider at `end` begins.
fn next_start(folded: &Folded, end: usize) -> usize {
    let divider = folded.lower.get(end..).and_then(|rest| rest.chars().next());
    end.saturating_add(divider.map_or(0, char::len_utf8))
}

/// The word without its letter number `skip`; the whole word when there is no such letter.
fn shorten(word: &str, skip: usize, buffer: &mut String) {
    buffer.clear();
    buffer.extend(word.chars().enumerate().filter(|&(at, _)| at != skip).map(|(_, c)| c));
}

/// Restricted Damerau-Levenshtein distance of exactly one.
fn is_one_slip(a: &[u8], b: &[u8]) -> bool {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(head..).unwrap_or(&[]), b.get(head..).unwrap_or(&[]));
    match (a, b) {
        ([_, rest_a @ ..], [_, rest_b @ ..]) if rest_a == rest_b => true,
        ([_, rest @ ..], other) if rest == other => true,
        (other, [_, rest @ ..]) if rest == other => true,
        ([x1, x2, rest_a @ ..], [y1, y2, rest_b @ ..]) => x1 == y2 && x2 == y1 && rest_a == rest_b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, check};

    #[test]
    fn misspelt_drugs_are_found() {
        for text in
            ["metfromin", "metformn", "atorvistatin", "lisinoprill", "sertaline", "ibuprophen"]
        {
            let assessment = check(&format!("Your {text} was sent"), &Context::default());
            let expected = if text == "ibuprophen" { 0 } else { 1 };
            let found =
                assessment.findings.iter().filter(|f| f.category == Category::Medication).count();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn one_slip_and_no_more() {
        for (a, b, one) in [
            ("abcd", "abd", true),
            ("abd", "abcd", true),
            ("abxd", "abcd", true),
            ("acbd", "abcd", true),
            ("abcd", "abcd", false),
            ("axxd", "abcd", false),
        ] {
            assert_eq!(is_one_slip(a.as_bytes(), b.as_bytes()), one, "{a} {b}");
        }
    }

    #[test]
    fn ordinary_words_stay_ordinary() {
        let text = "Thank you for your patience with our new website; the concert in addition is a singular ability";
        assert_eq!(check(text, &Context::default()).findings, []);
    }
}
