//! Links, which are no sentences. Some of their letters are drawn by lot, as in
//! `/w/8nYyfXzqBWxqEDJspbfCmG` (EML-08 asks for such a token in each link): nobody can read anything in
//! them, and a network that tries sees a patient's number now and then.

use std::ops::Range;

use crate::identifiers::Inventory;
use crate::level::IdentifierKind;
use crate::normalise::Folded;

/// A token of 64 bits has eleven letters, one of 128 bits twenty-two. Shorter ones may be words.
const SHORTEST: usize = 11;
/// Written words change between small letters, capitals and digits less often than at every so
/// manyth letter; letters drawn by lot do so at every second or third.
const CHANGES_PER: usize = 4;

/// It lies in a link. Words there stand for themselves, whatever is said around them.
pub(super) fn hold(inventory: &Inventory, span: &Range<usize>) -> bool {
    links(inventory).any(|link| link.start <= span.start && span.end <= link.end)
}

/// Where the links in the text are letters drawn by lot, in bytes of the folded text.
pub(super) fn drawn_by_lot(folded: &Folded, inventory: &Inventory) -> Vec<Range<usize>> {
    let mut drawn = Vec::new();
    for link in links(inventory) {
        let letters = folded.cased_slice(link.clone());
        let mut start = link.start;
        for part in letters.split_inclusive(|c: char| !belongs(c)) {
            let end = start.saturating_add(part.len());
            if is_drawn_by_lot(part.trim_end_matches(|c| !belongs(c))) {
                drawn.push(start..end);
            }
            start = end;
        }
    }
    drawn
}

fn links(inventory: &Inventory) -> impl Iterator<Item = &Range<usize>> {
    let is_link = |kind: &IdentifierKind| *kind == IdentifierKind::Url;
    inventory.identifiers.iter().filter(move |(_, kind)| is_link(kind)).map(|(span, _)| span)
}

/// What the common ways of writing random bytes as text use.
const fn belongs(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn is_drawn_by_lot(part: &str) -> bool {
    let kinds = part.bytes().filter_map(|byte| match byte {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    });
    let mut last = None;
    let (mut letters, mut changes) = (0_usize, 0_usize);
    for kind in kinds {
        changes = changes.saturating_add(usize::from(last.is_some_and(|last| last != kind)));
        letters = letters.saturating_add(1);
        last = Some(kind);
    }
    letters >= SHORTEST && changes.saturating_mul(CHANGES_PER) > letters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Context, Level, check};

    fn is(part: &str) -> bool {
        is_drawn_by_lot(part)
    }

    #[test]
    fn tokens_are_and_words_are_not() {
        for drawn in [
            "8nYyfXzqBWxqEDJspbfCmG",
            "0190a2f4-7d1c-7b32-9c11-2f5f0a7e9b31",
            "dQw4w9WgXcQ",
            "q7f3k0z9m2x8w1c5v4b6",
            "TWFu-IHNo_YWxs3Q",
        ] {
            assert!(is(drawn), "{drawn}");
        }
        for word in [
            "",
            "w",
            "login",
            "hiv-test-results-2026",
            "covid-19-vaccine-2nd-dose",
            "patient-4471932",
            "MRN00448812",
            "AnnualPhysical2026",
            "448812771902",
            "chlamydia",
        ] {
            assert!(!is(word), "{word}");
        }
    }

    #[test]
    fn the_words_of_a_link_are_read() {
        for told in [
            "Your page is ready: https://portal.example/hiv/8nYyfXzqBWxqEDJspbfCmG",
            "Your page is ready: https://portal.example/w/8nYyfXzqBWxqEDJspbfCmG/chlamydia",
            "Please fill in the form before you come: https://portal.example/forms/depression",
        ] {
            assert_eq!(check(told, &Context::default()).level, Level::Sensitive, "{told}");
        }
    }

    /// What the guard finds in the portal's own notices with this token.
    fn found(token: &str) -> Vec<&'static str> {
        let context = Context {
            practice_names: vec!["Harborview Family Health".to_owned()],
            practice_phones: vec!["2025550100".to_owned()],
            hosts: vec!["portal.harborview.example".to_owned()],
            ..Context::default()
        };
        let link = format!("https://portal.harborview.example/w/{token}");
        let notices = [
            format!(
                "Harborview Family Health: you have a private message: {link} Help: (202) 555-0100."
            ),
            format!(
                "A private message from Harborview Family Health is waiting for you.\n\nSign in at \
                 {link} to read it, or phone (202) 555-0100 for help."
            ),
        ];
        let findings = notices.iter().flat_map(|notice| check(notice, &context).findings);
        findings.map(|finding| finding.rule).collect()
    }

    #[test]
    fn tokens_that_were_taken_for_a_number_are_not() {
        for token in ["P2UCKEF3vZfnQxNNRxLyKA", "42vTmJwjX4Fu1sj6FacExY", "x7Giehc5fEK7KsMRgZSpmC"]
        {
            assert!(found(token).is_empty(), "{token}");
        }
    }

    proptest! {
        #[test]
        fn a_link_with_a_token_reveals_nothing(token in "[1-9A-HJ-NP-Za-km-z]{22}") {
            prop_assert!(found(&token).is_empty(), "{token}");
        }
    }
}
