//! Dates of birth that no cue right before them names: said in parts (`born ten, ten, fifty-one`,
//! `the eleventh of the eighth, nineteen thirty six`), named behind (`11/02/1987 as the birth
//! date`), or a day of long ago that the patient is asked to confirm (`we have you as 3/14/61,
//! right?`).

use std::ops::Range;

use super::dates::DOB;
use super::words::Words;
use super::{Inventory, cue_before, cues, spoken};
use crate::level::IdentifierKind;
use crate::normalise::Folded;
use crate::shapes::{Shape, values};

#[derive(Debug)]
pub(super) struct Births {
    /// Days said or written in ways that no other number is, the Roman month among them.
    parts: Shape,
    /// Six or eight digits behind a cue.
    compact: Shape,
    /// A year so long ago that hardly a visit was in it.
    year: Shape,
    /// [`BIRTH`], anywhere.
    birth: Shape,
    /// [`ASKS`], anywhere.
    asks: Shape,
}

pub(super) const BIRTH: &[&str] = &[
    "dob",
    "d.o.b",
    "birth date",
    "birthdate",
    "date of birth",
    "birth",
    "birthday",
    "birthdays",
    "bday",
    "b-day",
    "bdays",
    "born",
    "into this world",
    "nacimiento",
    "fecha de nac",
    "f. nac",
    "nacio",
    "nacido",
    "nacida",
    "cumpleanos",
    "cumple",
];
/// Nobody's birth: `our practice was born on`.
const NOBODY: &[&str] = &[
    "practice",
    "clinic",
    "office",
    "anyone",
    "everyone",
    "everybody",
    "anybody",
    "people",
    "kids",
    "babies",
    "those",
    "happy birthday",
];
/// What a date on file is asked about with.
const ASKS: &[&str] = &[
    "right?",
    "rt?",
    "correct",
    "confirm",
    "confirming",
    "verify",
    "verifying",
    "have you as",
    "have u as",
    "have you down",
    "have u down",
    "have you &",
    "have u &",
    "have you and",
    "we have ",
    "under your name",
    "under ur name",
    "for you",
    "which",
    "are you the one",
    "typo",
    "is that you",
    "you're the",
    "your license",
    "please check",
    "on our side",
    "on your form",
    "passport",
    "por favor revise",
    "correcto",
    "confirme",
    "corrija",
    "printed on your",
    "on your sheet",
    "right one",
    "matching",
];
/// A day of long ago may be another event.
const EVENTS: &[&str] = &[
    "since",
    "last",
    "surgery",
    "shot",
    "vaccine",
    "visit",
    "seen",
    "dated",
    "tetanus",
    "implant",
    "implanted",
    "opened",
    "founded",
    "married",
    "wedding",
    "built",
];

impl Births {
    pub(super) fn new() -> Self {
        let ordinal = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))";
        let tens = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)";
        let unit = r"(?:one|two|three|four|five|six|seven|eight|nine)";
        let year = format!(
            r"(?:(?:19|20)\d\d|(?:(?:nineteen|twenty|two thousand) )?(?:{tens}(?:[ -]{unit})?|oh {unit}))"
        );
        let dia = r"(?:uno|primero|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciseis|diecisiete|dieciocho|diecinueve|veinte|veinti[a-z]{3,7}|treinta(?: y uno)?)";
        let month = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)";
        Self {
            parts: Shape::new(
                [
                    format!(
                        r"\b(?:the )?{ordinal} of (?:the )?{ordinal}(?: month)?,? (?:of )?{year}\b"
                    ),
                    format!(r"\b{ordinal} month,? (?:the )?{ordinal}(?: day)?,? {year}\b"),
                    format!(r"\b{ordinal} day,? (?:of the )?{ordinal} month,? {year}\b"),
                    format!(r"\b{month},? (?:the )?{ordinal},? (?:of )?{year}\b"),
                    format!(
                        r"\b(?:halloween|christmas(?: day| eve)?|new year's(?: day| eve)?|valentine's day) (?:of |in )?{year}\b"
                    ),
                    r"\bday \d{1,2},? month \d{1,2},? year (?:19|20)?\d\d\b".to_owned(),
                    r"\bmonth \d{1,2},? day \d{1,2},? year (?:19|20)?\d\d\b".to_owned(),
                    format!(
                        r"\b{dia} (?:de|del) {dia} (?:de|del) (?:(?:mil|dos mil)[a-z ]{{0,40}}|(?:treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa)(?: y [a-z]{{2,6}})?)\b"
                    ),
                    r"\b\d{1,2}[-./](?:i{1,3}|iv|vi{0,3}|ix|xi{0,2})[-./](?:19|20)\d\d\b".to_owned(),
                ]
                .join("|"),
            ),
            compact: Shape::new(
                r"\b(?:dob|bday|b-day|birth ?date|birthday|born|nac)\b[ :=#.]{1,3}(?:is |as |on )?(\d{6}|\d{8})\b",
            ),
            year: Shape::new(
                r"\b(19\d\d|200\d|201[0-5])\b|[/.-]\d{1,2}[/.-]([3-9]\d)\b|'[3-9]\d\b|\b(?:nineteen|mil novecientos)\b|\b(?:of |del )?(?:thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?$| ([4-9]\d)$",
            ),
            birth: Shape::any_of(BIRTH),
            asks: Shape::any_of(ASKS),
        }
    }

    /// Reads the days that stand in the text once `dates` has found them.
    pub(super) fn find(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        let days = words.roles & (cues::ORDINAL | cues::TENS | cues::DIGIT_WORD | cues::MONTH) != 0;
        if !(days || words.digits >= 4) {
            return;
        }
        let lower = folded.lower.as_bytes();
        let in_parts =
            days || folded.lower.contains("month") || folded.holds(b'x') || folded.holds(b'i');
        if in_parts && may_say_a_year(lower) {
            for found in self.parts.find_iter(lower) {
                let span = found.range();
                if out.is_free(&span) {
                    out.add(span, IdentifierKind::Date);
                }
            }
        }
        let speaks_of_birth = self.birth.is_match(lower);
        if speaks_of_birth {
            self.find_behind_a_cue(folded, words, out);
        }
        let days: Vec<Range<usize>> = out
            .identifiers
            .iter()
            .filter(|(_, kind)| *kind == IdentifierKind::Date)
            .map(|(span, _)| span.clone())
            .collect();
        let mut told: Vec<usize> =
            out.findings.iter().filter(|f| f.rule == DOB.rule).map(|f| f.span.start).collect();
        told.sort_unstable();
        let asks = !days.is_empty() && self.asks.is_match(lower);
        for span in days {
            let new = told.binary_search(&span.start).is_err();
            if new
                && (speaks_of_birth && is_birth(folded, &span)
                    || asks && self.is_long_ago(folded, &span))
            {
                out.add_finding(span, &DOB);
            }
        }
        let somebody =
            |f: &crate::assessment::Finding| !(f.rule == DOB.rule && is_nobodys(folded, &f.span));
        out.findings.retain(somebody);
    }

    fn find_behind_a_cue(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        let spoken = spoken::said_behind(folded, words, BIRTH);
        let compact = values(&self.compact, folded.lower.as_bytes());
        for span in spoken.into_iter().chain(compact) {
            if out.is_free(&span) {
                out.add(span.clone(), IdentifierKind::Date);
                out.add_finding(span, &DOB);
            }
        }
    }

    /// A day so long ago that it is hardly a visit's, and no other event is named.
    fn is_long_ago(&self, folded: &Folded, span: &Range<usize>) -> bool {
        self.year.is_match(folded.slice(span.clone()).as_bytes())
            && !cue_before(folded, span.start, 30, EVENTS)
    }
}

/// The least that every day of [`Births::parts`] holds: `19` or `20` and two digits more, tens in
/// words (`fifty`, `cincuenta`), `oh five`, `year 71` or `mil novecientos`.
fn may_say_a_year(bytes: &[u8]) -> bool {
    let goes_on = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric());
    bytes.windows(3).enumerate().any(|(at, three)| match three {
        [b'1', b'9', third] | [b'2', b'0', third] => third.is_ascii_digit(),
        [_, b't', b'y'] | [b'n', b't', b'a'] => !goes_on(at.saturating_add(3)),
        [b'o', b'h', b' '] | [b'm', b'i', b'l'] | [b'e', b'a', b'r'] => true,
        _ => false,
    })
}

/// Birth is spoken of before the day, or right behind it.
fn is_birth(folded: &Folded, span: &Range<usize>) -> bool {
    let mut end = span.end.saturating_add(32).min(folded.lower.len());
    while !folded.lower.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    cue_before(folded, span.start, 40, BIRTH)
        || cue_before(folded, end, end.saturating_sub(span.end), BIRTH)
}

/// `Our practice was born on`, `anyone born in March`.
pub(super) fn is_nobodys(folded: &Folded, span: &Range<usize>) -> bool {
    // "We have your date of birth. See you 3/14."
    let ends = |w: &[u8]| matches!(w, [b'.' | b'?' | b'!', b' ']);
    let from = folded.lower.as_bytes().get(..span.start).unwrap_or(&[]);
    let reach = from.windows(2).rev().take(60).position(ends);
    if span.len() <= 5 && reach.is_some_and(|reach| !cue_before(folded, span.start, reach, BIRTH)) {
        return true;
    }
    cue_before(folded, span.start, 60, NOBODY)
        && !cue_before(folded, span.start, 60, &["you", "your", "ur", "dob"])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Births, may_say_a_year};
    use crate::Context;
    use crate::guard::by_rules;

    proptest! {
        #[test]
        fn every_day_in_parts_says_a_year(
            text in "((the|of|de|del|third|twenty|forty|-|ninth|month|day|year|march|christmas|oh|two|1961|61|7|iv|dos|mil|sesenta|y)[ ,/.-]{1,2}){3,9}",
        ) {
            let parts = Births::new().parts;
            prop_assert!(!parts.is_match(text.as_bytes()) || may_say_a_year(text.as_bytes()));
        }
    }

    fn states_a_birth(text: &str) -> bool {
        by_rules(text, &Context::default()).findings.iter().any(|f| f.rule == "identifier.dob")
    }

    #[test]
    fn births_in_other_words() {
        for text in [
            "They list 4/19/1958 as the birth date.",
            "is ur bday really 02/11/61?",
            "we show you as 05/21/1963, is that correct",
            "I have you as born ten, four, fifty-six.",
            "Only checking, the ninth of the fourth, nineteen forty two, right?",
            "Was it the third month, ninth day, seventy one? Tell us which.",
            "your birth date in the file is oh five, sixteen, sixty-two",
            "nació el ocho del once del setenta y dos",
            "The form says day 12, month 7, year 1971, correct?",
            "dob 041966 is what we saved",
            "your birthday on the old card was March the fifth, fifty-nine",
        ] {
            assert!(states_a_birth(text), "{text}");
        }
        for text in [
            "Our clinic was born on 05/02/1991, come to the party.",
            "A cupcake for anyone born in May.",
            "We have you down for 06/12/2026 at nine, correct?",
            "You last had a tetanus shot on 06/12/1998, right?",
            "We have your date of birth on file. See you 3/14 at ten.",
            "The first of the third graders may come in.",
        ] {
            assert!(!states_a_birth(text), "{text}");
        }
    }
}
