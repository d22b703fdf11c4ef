//! Terms that stand in a name: "Hi Allegra", "Mr. Angina", "Fever River Road", "Ecstasy Nails".

use crate::level::Category;
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::terms::Text;
use crate::tokens::{Gap, Token};

/// Words before a person's name.
const BEFORE: &[&str] = &[
    "hi", "hello", "hey", "dear", "hola", "mr", "mrs", "ms", "miss", "mister", "dr", "dra",
    "doctor", "doctora", "drs", "doc", "nurse", "senor", "senora", "senorita", "sr", "sra", "srta",
    "don", "dona", "estimado", "estimada", "coach", "pastor", "sister", "aunt", "uncle", "prof",
];
/// Words that end an opening in which a caller names somebody.
const CALLERS: &[&str] =
    &["this is", "is this", "it's", "its", "here's", "soy", "habla", "le habla", "ask for", "meet"];
/// Words behind the name of who is speaking.
const BEHIND: &[&str] = &["here", "speaking", "calling", "aqui", "again"];

/// The hit is a person's or a place's name rather than what its list says.
pub(crate) fn is_in_a_name(
    lexicon: &Lexicon,
    text: Text<'_>,
    hit: &TermHit,
    category: Category,
) -> bool {
    let first = text.tokens.partition_point(|t| t.start < hit.start);
    let Some(tokens) = text.tokens.get(first..=hit.last) else { return false };
    let capital = |t: &Token| text.folded.is_capital(t.start);
    if tokens.is_empty() || !tokens.iter().all(capital) || shouts(text) {
        return false;
    }
    is_place(lexicon, text, first, hit.last) || is_person(lexicon, text, first, hit.last, category)
}

/// The writer uses capitals throughout: they mark no names.
fn shouts(text: Text<'_>) -> bool {
    let cased = text.folded.cased.as_bytes();
    let small = cased.iter().filter(|b| b.is_ascii_lowercase()).count();
    small.saturating_mul(3) < cased.len()
}

fn word<'a>(text: Text<'a>, at: usize) -> &'a str {
    text.tokens.get(at).map_or("", |t| text.folded.slice(t.span()))
}

/// A street, park or shop is named so: capitals up to a place's word, or a place's word before.
fn is_place(lexicon: &Lexicon, text: Text<'_>, first: usize, last: usize) -> bool {
    let is_place_word = |t: &Token| lexicon.words.roles(t.word) & Role::PlaceWord.bit() != 0;
    let behind = text.tokens.get(last.saturating_add(1)..).unwrap_or(&[]);
    let named = behind
        .iter()
        .take(3)
        .take_while(|t| t.gap <= Gap::Soft && text.folded.is_capital(t.start))
        .any(is_place_word);
    // "12 Fracture hill rd": a house number before is as good as a capital behind.
    let before = first.checked_sub(1).and_then(|b| text.tokens.get(b));
    let spanish = before.is_some_and(|t| {
        matches!(
            text.folded.slice(t.span()),
            "calle"
                | "avenida"
                | "plaza"
                | "camino"
                | "paseo"
                | "colonia"
                | "mount"
                | "mt"
                | "fort"
                | "lake"
                | "port"
                | "camp"
        )
    });
    named || spanish
}

/// Somebody is greeted, titled or named as who speaks.
fn is_person(
    lexicon: &Lexicon,
    text: Text<'_>,
    first: usize,
    last: usize,
    category: Category,
) -> bool {
    let before = first.checked_sub(1).map_or("", |b| word(text, b));
    let next = text.tokens.get(last.saturating_add(1));
    let goes_on = next.is_some_and(|t| t.gap <= Gap::Soft && t.sentence == sentence(text, last));
    if BEFORE.contains(&before) {
        // "Hi Diabetes patients" speaks of no one called so.
        return !goes_on || category != Category::Diagnosis || before.len() > 3 || before == "mr";
    }
    if first == last
        && before.strip_suffix(|_: char| true).is_some()
        && first.checked_sub(2).is_some_and(|b| {
            BEFORE.contains(&word(text, b)) && is_first_name(lexicon, text, first.saturating_sub(1))
        })
    {
        return true;
    }
    let name_like =
        matches!(category, Category::Medication | Category::Reproductive | Category::MentalHealth)
            || is_first_name(lexicon, text, first);
    if !name_like {
        return false;
    }
    let two = first.checked_sub(2).map_or("", |b| word(text, b));
    let called = CALLERS.iter().any(|c| match c.split_once(' ') {
        Some((a, b)) => a == two && b == before,
        None => *c == before,
    });
    let speaks = BEHIND.contains(&word(text, last.saturating_add(1)));
    let comma = text.folded.byte(text.tokens.get(last).map_or(0, |t| t.end)) == b',';
    let opens = text.tokens.get(first).is_some_and(|t| t.gap == Gap::Hard) || first == 0;
    (called && (comma || !goes_on || is_first_name(lexicon, text, first)))
        || speaks
        || (opens && comma && is_first_name(lexicon, text, first))
}

fn sentence(text: Text<'_>, at: usize) -> usize {
    text.tokens.get(at).map_or(0, |t| t.sentence)
}

fn is_first_name(lexicon: &Lexicon, text: Text<'_>, at: usize) -> bool {
    text.tokens.get(at).is_some_and(|t| lexicon.words.roles(t.word) & Role::FirstName.bit() != 0)
}

#[cfg(test)]
mod tests {
    use crate::{Context, check};

    #[test]
    fn names_reveal_nothing() {
        for text in [
            "Hi Allegra, your visit is Monday",
            "We're on Fever River Road",
            "right across from Ecstasy Nails",
            "the gate by Rash Field is closed",
            "Is this Yaz? Please return our call.",
            "cerrado por la feria en Calle Dolores",
        ] {
            assert_eq!(check(text, &Context::default()).findings, [], "{text}");
        }
    }

    #[test]
    fn what_is_no_name_reveals() {
        for text in [
            "Your Allegra is ready",
            "Fever? Call us.",
            "Rash on the arm",
            "HI MARIA YOUR PROZAC IS HERE",
        ] {
            assert_ne!(check(text, &Context::default()).findings, [], "{text}");
        }
    }
}
