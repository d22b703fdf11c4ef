//! Dates, dates of birth, and ages over 89.

use regex::bytes::Regex;

use super::{Inventory, What, cue_before, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::Folded;
use crate::shapes::compile;

#[derive(Debug)]
pub(super) struct Dates {
    dates: Vec<Regex>,
    birth_year: Regex,
    age: Vec<Regex>,
}

const DOB: What = what(
    Category::IdentifierDob,
    Level::Sensitive,
    "identifier.dob",
    "It is a date of birth.",
    "Ask for the date of birth; do not state it.",
);

const BIRTH: &[&str] = &[
    "dob",
    "d.o.b",
    "date of birth",
    "birth date",
    "birthdate",
    "birthday",
    "born",
    "born on",
    "fecha de nacimiento",
    "nacimiento",
    "f. nac",
    "fnac",
    "f nac",
    "nacido",
    "nacida",
    "nacio",
];

impl Dates {
    pub(super) fn new() -> Self {
        let month = r"(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre)\.?";
        let year = r"(?:19|20)\d\d";
        let day = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?";
        let ordinal = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))";
        Self {
            dates: [
                format!(r"\b{year}[/.-](?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|[12]\d|3[01])\b"),
                r"\b(?:0?[1-9]|1[0-2])([/.-])(?:0?[1-9]|[12]\d|3[01])[/.-](?:(?:19|20)\d\d|\d\d)\b".to_owned(),
                r"\b(?:0?[1-9]|[12]\d|3[01])[/.-](?:0?[1-9]|1[0-2])[/.-](?:19|20)\d\d\b".to_owned(),
                r"\b(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])\b".to_owned(),
                format!(r"\b{month} {day}(?:(?:,|,? of|,? de)? ?{year})?\b"),
                format!(r"\b{day}(?: of| de)?[ -]{month}(?:(?:,| of| de| del|-)? ?{year})?\b"),
                format!(r"\b{month}(?:,| of| de| del)? ?{year}\b"),
                format!(r"\b{month} (?:the )?{ordinal}\b(?:,? (?:nineteen|twenty|two thousand)[a-z -]{{0,24}})?"),
            ]
            .iter()
            .map(|pattern| compile(pattern))
            .collect(),
            birth_year: compile(r"\b(?:dob|born|birth|nacimiento|nacid[oa])\b[^0-9.!?]{0,12}((?:19|20)\d\d)\b"),
            age: vec![
                compile(r"\b((?:9\d|1[0-2]\d)[ -]?(?:year|years|yr|yrs|yo|y/o|y\.o|anos)(?:[ -]old)?)\b"),
                compile(r"\b(?:age|aged|edad(?: de)?|turning|turns)[ :]{1,2}(9\d|1[0-2]\d)\b"),
            ],
        }
    }

    pub(super) fn find(&self, folded: &Folded, out: &mut Inventory) {
        let bytes = folded.lower.as_bytes();
        for pattern in &self.dates {
            for found in pattern.find_iter(bytes) {
                let span = found.range();
                let joined = |b: u8| matches!(b, b'-' | b'/' | b'$');
                let before = span.start.checked_sub(1).map_or(b' ', |b| folded.byte(b));
                let in_a_number = joined(before)
                    || (joined(folded.byte(span.end))
                        && folded.byte(span.end.saturating_add(1)).is_ascii_digit());
                if in_a_number || !out.is_free(&span) {
                    continue;
                }
                if cue_before(folded, span.start, 40, BIRTH) {
                    out.add_finding(span.clone(), &DOB);
                }
                out.add(span, IdentifierKind::Date);
            }
        }
        for captures in self.birth_year.captures_iter(bytes) {
            if let Some(year) = captures.get(1)
                && out.is_free(&year.range())
            {
                out.add_finding(year.range(), &DOB);
                out.add(year.range(), IdentifierKind::Date);
            }
        }
        for pattern in &self.age {
            for captures in pattern.captures_iter(bytes) {
                if let Some(age) = captures.get(1)
                    && out.is_free(&age.range())
                {
                    out.add(age.range(), IdentifierKind::AgeOver89);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<(String, IdentifierKind)>, bool) {
        let folded = Folded::new(text);
        let mut out = Inventory::default();
        Dates::new().find(&folded, &mut out);
        let names =
            out.identifiers.iter().map(|(s, k)| (folded.slice(s.clone()).to_owned(), *k)).collect();
        (names, !out.findings.is_empty())
    }

    #[test]
    fn dates_as_people_write_them() {
        for (text, date, birth) in [
            ("on 06/12/1950", "06/12/1950", false),
            ("DOB 06/12/1950", "06/12/1950", true),
            ("seen March 5th, 2021.", "march 5th, 2021", false),
            ("born on March 5th, 1961", "march 5th, 1961", true),
            ("nació el 5 de marzo de 1961", "5 de marzo de 1961", true),
            ("2024-01-31", "2024-01-31", false),
            ("on 5/12 at 3", "5/12", false),
            ("Feb 2nd 2021", "feb 2nd 2021", false),
            ("born may third, nineteen fifty", "may third, nineteen fifty", true),
            ("dob: 1950", "1950", true),
        ] {
            let (dates, dob) = found(text);
            assert_eq!(dates, [(date.to_owned(), IdentifierKind::Date)], "{text}");
            assert_eq!(dob, birth, "{text}");
        }
    }

    #[test]
    fn only_ages_over_89() {
        assert_eq!(found("a 92-year-old").0, [("92-year-old".into(), IdentifierKind::AgeOver89)]);
        assert_eq!(found("age 95").0, [("95".into(), IdentifierKind::AgeOver89)]);
        assert_eq!(found("a 72-year-old, BP 120/80").0, []);
    }
}
