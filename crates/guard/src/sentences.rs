//! Where sentences end, and in which of our two languages a text is.

use std::ops::Range;

use crate::normalise::Folded;

/// The languages the guard writes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English, and anything that is not clearly Spanish.
    English,
    /// Spanish.
    Spanish,
}

/// Splits a folded text into sentences: byte ranges that touch each other and cover it.
pub(crate) fn split(folded: &Folded) -> Vec<Range<usize>> {
    let bytes = folded.lower.as_bytes();
    let mut sentences = Vec::with_capacity(8);
    let mut start = 0_usize;
    let mut lines = folded.line_starts.iter().copied().peekable();
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        // Nearly all texts are of one line, and nearly all full stops that end nothing stand in a
        // number or an address.
        let stops = matches!(byte, b'.' | b'!' | b'?') && matches!(behind, [] | [b' ', ..]);
        if !stops && lines.peek().is_none() {
            continue;
        }
        let here = bytes.len().saturating_sub(rest.len());
        while lines.next_if(|&line| line < here).is_some() {}
        let ends_line = lines.peek() == Some(&here);
        // A line end right behind the full stop ends both at once.
        let line_follows = lines.peek() == Some(&here.saturating_add(1));
        let full_stop =
            stops && !line_follows && ends_sentence(folded, here.saturating_sub(1), *byte);
        if ends_line || full_stop {
            sentences.push(start..here);
            start = here;
        }
    }
    if start < bytes.len() {
        sentences.push(start..bytes.len());
    }
    sentences
}

fn ends_sentence(folded: &Folded, at: usize, byte: u8) -> bool {
    match byte {
        b'!' | b'?' => true,
        b'.' => !is_abbreviation(folded, at),
        _ => false,
    }
}

/// `Dr.`, `a.m.`, `St.`, and a single letter, end no sentence.
fn is_abbreviation(folded: &Folded, dot: usize) -> bool {
    let mut start = dot;
    while let Some(before) = start.checked_sub(1) {
        if !folded.byte(before).is_ascii_alphabetic() {
            break;
        }
        start = before;
    }
    let word = folded.slice(start..dot);
    let next_is_capital = folded.is_capital(dot.saturating_add(2));
    match word {
        "dr" | "dra" | "mr" | "mrs" | "ms" | "sr" | "sra" | "srta" | "mt" | "no" | "ste"
        | "ext" | "tel" | "apt" | "vs" | "approx" | "appt" | "est" | "dept" | "bldg" | "rm"
        | "incl" | "jr" | "drs" | "av" => true,
        // `St. Mary's` goes on; `12 Main St. Call us` does not.
        "st" => next_is_capital && !follows_capital_word(folded, start),
        "m" => !next_is_capital,
        _ => word.len() == 1 && folded.is_capital(start),
    }
}

fn follows_capital_word(folded: &Folded, start: usize) -> bool {
    let before = folded.cased_slice(0..start).trim_end();
    before.rsplit(' ').next().is_some_and(|w| w.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Counts the small words that only one of the languages uses.
pub(crate) fn language(folded: &Folded) -> Language {
    let mut spanish = 0_i32;
    for word in folded.lower.split(|c: char| !c.is_ascii_alphanumeric()) {
        spanish += match word {
            "su" | "el" | "la" | "los" | "las" | "de" | "del" | "por" | "para" | "que" | "con"
            | "una" | "usted" | "esta" | "cita" | "hola" | "llame" | "favor" | "en" | "gracias"
            | "sus" | "al" | "es" | "estan" | "tiene" | "consulta" | "doctora" | "listos" => 1,
            "the" | "your" | "you" | "is" | "are" | "to" | "of" | "for" | "at" | "on" | "with"
            | "please" | "call" | "and" | "we" | "our" | "this" | "has" | "have" | "from" => -1,
            _ => 0,
        };
    }
    if spanish > 0 { Language::Spanish } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<String> {
        let folded = Folded::new(text);
        split(&folded).into_iter().map(|s| folded.cased_slice(s).trim().to_owned()).collect()
    }

    #[test]
    fn titles_and_hours_do_not_end_a_sentence() {
        assert_eq!(
            sentences("See Dr. Payne at 9 a.m. on Main St. Call 555-0100!\nThank you. Bye"),
            ["See Dr. Payne at 9 a.m. on Main St.", "Call 555-0100!", "Thank you.", "Bye"]
        );
        assert_eq!(sentences("One. Two? Three"), ["One.", "Two?", "Three"]);
    }

    #[test]
    fn two_languages() {
        let of = |text| language(&Folded::new(text));
        assert_eq!(of("Su cita es mañana a las 3"), Language::Spanish);
        assert_eq!(of("Your visit is tomorrow at 3"), Language::English);
        assert_eq!(of(""), Language::English);
    }
}
