//! Terms that stand in a name: "Hi Allegra", "Mr. Angina", "Fever River Road", "Ecstasy Nails".

use crate::level::Category;
use crate::lexicon::{Role, TermHit};
use crate::terms::Text;
use crate::tokens::{Gap, Token};
use crate::words::NO_WORD;

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

/// States whose name behind a comma makes a town of the word before.
const STATES: &[&str] = &[
    "alabama",
    "alaska",
    "arizona",
    "arkansas",
    "california",
    "colorado",
    "connecticut",
    "delaware",
    "florida",
    "georgia",
    "hawaii",
    "idaho",
    "illinois",
    "indiana",
    "iowa",
    "kansas",
    "kentucky",
    "louisiana",
    "maine",
    "maryland",
    "massachusetts",
    "michigan",
    "minnesota",
    "mississippi",
    "missouri",
    "montana",
    "nebraska",
    "nevada",
    "new",
    "north",
    "ohio",
    "oklahoma",
    "oregon",
    "pennsylvania",
    "rhode",
    "south",
    "tennessee",
    "texas",
    "utah",
    "vermont",
    "virginia",
    "washington",
    "west",
    "wisconsin",
    "wyoming",
    "ct",
    "ny",
    "nj",
    "pa",
    "oh",
    "mi",
    "il",
    "tx",
    "ca",
    "fl",
    "ga",
    "nc",
    "sc",
    "va",
    "md",
    "az",
    "mo",
    "tn",
    "wi",
    "mn",
    "nh",
    "vt",
    "ma",
];

/// The hit is a person's or a place's name rather than what its list says.
pub(crate) fn is_in_a_name(text: Text<'_>, hit: &TermHit, category: Category) -> bool {
    let first = text.tokens.partition_point(|t| t.start < hit.start);
    let Some(tokens) = text.tokens.get(first..=hit.last) else { return false };
    let capital = |t: &Token| text.folded.is_capital(t.start);
    if tokens.is_empty() || !tokens.iter().all(capital) || shouts(text) {
        return false;
    }
    is_place(text, first, hit.last) || is_person(text, first, hit.last, category)
}

/// A capital word right behind another one: more likely a name than a drug few have heard of.
pub(crate) fn follows_a_capital(text: Text<'_>, hit: &TermHit) -> bool {
    let first = text.tokens.partition_point(|t| t.start < hit.start);
    let here = text.tokens.get(first);
    let before = first.checked_sub(1).and_then(|b| text.tokens.get(b));
    let capital = |t: &Token| text.folded.is_capital(t.start);
    here.is_some_and(capital)
        && before.is_some_and(|b| {
            capital(b)
                && !matches!(text.folded.slice(b.span()), "your" | "the" | "subject" | "su" | "new")
                && here.is_some_and(|h| h.gap <= Gap::Soft && h.sentence == b.sentence)
        })
        && !shouts(text)
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
fn is_place(text: Text<'_>, first: usize, last: usize) -> bool {
    let is_place_word = |t: &Token| t.roles & Role::PlaceWord.bit() != 0;
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
    // "Lyme, Connecticut"
    let town = behind.first().is_some_and(|t| {
        STATES.contains(&text.folded.slice(t.span()))
            && text.folded.is_capital(t.start)
            && text.folded.slice(text.tokens.get(last).map_or(0, |t| t.end)..t.start) == ", "
    });
    named || spanish || town
}

/// Somebody is greeted, titled or named as who speaks.
fn is_person(text: Text<'_>, first: usize, last: usize, category: Category) -> bool {
    let before = first.checked_sub(1).map_or("", |b| word(text, b));
    let next = text.tokens.get(last.saturating_add(1));
    let goes_on = next.is_some_and(|t| t.gap <= Gap::Soft && t.sentence == sentence(text, last));
    if BEFORE.contains(&before) {
        // "Hi Diabetes patients" speaks of no one called so.
        return !goes_on || category != Category::Diagnosis || before.len() > 3 || before == "mr";
    }
    let name_like =
        matches!(category, Category::Medication | Category::Reproductive | Category::MentalHealth)
            || is_first_name(text, first);
    let two = first.checked_sub(2).map_or("", |b| word(text, b));
    let called = CALLERS.iter().any(|c| match c.split_once(' ') {
        Some((a, b)) => a == two && b == before,
        None => *c == before,
    });
    let speaks = BEHIND.contains(&word(text, last.saturating_add(1)));
    let comma = text.folded.byte(text.tokens.get(last).map_or(0, |t| t.end)) == b',';
    let opens = text.tokens.get(first).is_some_and(|t| t.gap == Gap::Hard) || first == 0;
    // "Joy Valium-Reese"
    let hyphened = next.is_some_and(|t| {
        text.folded.slice(text.tokens.get(last).map_or(0, |t| t.end)..t.start) == "-"
            && text.folded.is_capital(t.start)
            && t.is_unknown()
    });
    let drug = matches!(category, Category::Medication | Category::Reproductive);
    // "Bernadette Gout": a given name before it, both with capitals.
    let family = first.checked_sub(1).and_then(|b| text.tokens.get(b)).is_some_and(|t| {
        matches!(category, Category::Diagnosis | Category::Medication | Category::MentalHealth)
            && is_first_name(text, first.saturating_sub(1))
            && text.folded.is_capital(t.start)
            && text.tokens.get(first).is_some_and(|t| t.gap == Gap::Soft)
    });
    if hyphened || family {
        return true;
    }
    name_like
        && (first == 0 && comma && drug
            || (called && (comma || !goes_on || is_first_name(text, first)))
            || speaks
            || (opens && comma && is_first_name(text, first)))
}

/// Words that may open an address: "hi", the "morning" of "good morning", the "for" of "message
/// for", "Mrs". Each that a list holds gets [`Role::Addresses`].
pub(crate) const ADDRESSES: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "dear",
    "hola",
    "estimado",
    "estimada",
    "morning",
    "afternoon",
    "evening",
    "day",
    "dias",
    "tardes",
    "noches",
    "for",
    "para",
    "mr",
    "mrs",
    "ms",
    "miss",
    "mister",
    "senor",
    "senora",
    "sra",
    "greetings",
    "saludos",
    "neighbor",
    "vecino",
    "vecina",
];

/// "Hi Patricia", "a message for Mr. Cole": somebody is greeted or asked for by name.
pub(crate) fn addresses_somebody(text: Text<'_>) -> bool {
    const PRACTICE: &[&str] = &[
        "clinic",
        "clinica",
        "center",
        "centre",
        "centro",
        "health",
        "medical",
        "medicine",
        "family",
        "pediatrics",
        "dental",
        "practice",
        "care",
        "hospital",
        "office",
        "associates",
        "group",
        "physicians",
        "primary",
        "wellness",
        "team",
        "partners",
        "specialists",
        "consultorio",
    ];
    let capital = |t: &Token| text.folded.is_capital(t.start);
    begins_with_a_name(text)
        || text.tokens.iter().enumerate().any(|(at, token)| {
            // A word that no list holds has no roles.
            if token.roles & Role::Addresses.bit() == 0 && token.word != NO_WORD {
                return false;
            }
            let said = text.folded.slice(token.span());
            let two = at.checked_sub(1).map_or("", |b| word(text, b));
            let greets = matches!(
                said,
                "hi" | "hello"
                    | "hey"
                    | "dear"
                    | "hola"
                    | "estimado"
                    | "estimada"
                    | "greetings"
                    | "saludos"
                    | "neighbor"
                    | "vecino"
                    | "vecina"
            ) || matches!(
                (two, said),
                ("good", "morning" | "afternoon" | "evening" | "day")
                    | ("buenos", "dias")
                    | ("buenas", "tardes" | "noches")
                    | ("message" | "calling" | "is", "for")
                    | ("mensaje", "para")
            );
            let opens = matches!(
                said,
                "mr" | "mrs" | "ms" | "miss" | "mister" | "senor" | "senora" | "sra"
            ) && token.gap != Gap::Soft
                && token.gap != Gap::None;
            let title = matches!(said, "mr" | "mrs" | "ms" | "senor" | "senora")
                && (at == 0 || matches!(two, "for" | "to" | "para"));
            if !(greets || opens || title) {
                return false;
            }
            let mut ended = false;
            let mut named = text
                .tokens
                .get(at.saturating_add(1)..)
                .unwrap_or(&[])
                .iter()
                .take(5)
                .take_while(|t| t.gap < Gap::Hard)
                .skip_while(|t| {
                    matches!(
                        text.folded.slice(t.span()),
                        "there" | "mr" | "mrs" | "ms" | "senor" | "senora"
                    )
                })
                // "Hi, Desmond, Willow Bend Pediatrics here": the name ends at the second comma.
                .take_while(|t| !std::mem::replace(&mut ended, true) || t.gap < Gap::Firm)
                .take_while(|t| capital(t))
                .peekable();
            let staff = named.peek().is_none_or(|t| {
                matches!(
                    text.folded.slice(t.span()),
                    "dr" | "doctor" | "it's" | "this" | "from" | "we" | "our"
                )
            });
            !staff && !named.any(|t| PRACTICE.contains(&text.folded.slice(t.span())))
        })
}

/// "Carmelo, buenas tardes."
fn begins_with_a_name(text: Text<'_>) -> bool {
    is_first_name(text, 0)
        && text.tokens.get(1).is_some_and(|t| {
            t.gap == Gap::Firm
                && matches!(
                    text.folded.slice(t.span()),
                    "buenas" | "buenos" | "hola" | "good" | "hi" | "hello" | "this" | "it's"
                )
        })
}

fn sentence(text: Text<'_>, at: usize) -> usize {
    text.tokens.get(at).map_or(0, |t| t.sentence)
}

fn is_first_name(text: Text<'_>, at: usize) -> bool {
    text.tokens.get(at).is_some_and(|t| t.roles & Role::FirstName.bit() != 0)
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES, NO_WORD};
    use crate::Context;
    use crate::guard::by_rules;
    use crate::lexicon::{Lexicon, Role};
    use crate::words::Elsewhere;

    #[test]
    fn every_word_that_opens_an_address_has_its_role() {
        let words = Lexicon::embedded(|_| Elsewhere::default()).unwrap().0.words;
        for word in ADDRESSES {
            let id = words.look_up(word).word;
            assert!(id == NO_WORD || words.roles(id) & Role::Addresses.bit() != 0, "{word}");
        }
    }

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
            assert_eq!(by_rules(text, &Context::default()).findings, [], "{text}");
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
            assert_ne!(by_rules(text, &Context::default()).findings, [], "{text}");
        }
    }
}
