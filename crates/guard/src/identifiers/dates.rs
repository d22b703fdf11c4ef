//! Dates, dates of birth, and ages over 89.
//!
//! A day counts always. A month, with or without its year, counts when the text ties it to a
//! person: an event of a life before it (`admitted in May`), or another identifier beside it. A
//! year, a season, "last week" and "post-op day 3" never count (45 CFR 164.514(b)(2)(i)(C)).

use std::ops::Range;

use super::words::{Word, Words};
use super::{Inventory, What, cue_before, cues, what, written_days};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::Folded;
use crate::shapes::Shape;

#[derive(Debug)]
pub(super) struct Dates {
    with_month: Shape,
    month: Shape,
    day_of_the_month: Shape,
    birth_year: Shape,
    age: Vec<Shape>,
}

pub(super) const DOB: What = what(
    Category::IdentifierDob,
    Level::Sensitive,
    "identifier.dob",
    "It is a date of birth.",
    "Ask for the date of birth; do not state it.",
);

const BIRTH: &[&str] = &[
    "dob",
    "d.o.b",
    "b.",
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
/// Before these, `3/12` is a day.
const DAY_CUES: &[&str] = &[
    "on",
    "since",
    "from",
    "until",
    "till",
    "through",
    "thru",
    "to",
    "by",
    "dated",
    "date",
    "dos",
    "visit",
    "appt",
    "seen",
    "before",
    "after",
    "between",
    "and",
    "of",
    "admitted",
    "discharged",
    "f/u",
    "dob",
    "born",
    "el",
    "desde",
    "hasta",
    "dia",
    "for",
    "was",
    "is",
    "last",
    "next",
];
/// After these words or signs, `4/5` is a grade or a part.
const GRADES: &[&str] = &[
    "pain",
    "strength",
    "motor",
    "murmur",
    "tab",
    "power",
    "scale",
    "score",
    "reflex",
    "in all",
    "weakness",
    "mm",
    "of",
    "tablet",
    "pill",
    "cup",
    "tsp",
    "edema",
    "systolic",
    "diastolic",
    "-",
    "severity",
    "dose",
    "stars",
    "years",
    "months",
    "weeks",
    "days",
    "life",
    "tbsp",
];

impl Dates {
    pub(super) fn new() -> Self {
        let month = r"(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|ene|abr|ago|dic)\b\.?";
        let year = r"(?:19|20)\d\d";
        let any_year = r"(?:(?:19|20)\d\d\b|'\d\d\b)";
        let day = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?";
        let ordinal = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|(?:twenty|thirty)[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))";
        let spoken_year =
            r"(?:,? (?:of )?(?:(?:nineteen|twenty|two thousand)[a-z -]{0,24}|(?:19|20)\d\d))?";
        Self {
            with_month: Shape::new([
                format!(r"\b{month}[ -]?{day}\b(?:(?:,|,? of|,? de|-)? ?{any_year})?"),
                format!(r"\b{day}(?: of| de)?[ -]?{month}(?:(?:,| of| de| del|-)? ?{any_year}|-\d\d\b)?"),
                format!(r"\b{month} (?:the )?{ordinal}\b{spoken_year}"),
                format!(r"\b(?:the )?{ordinal} (?:day )?of {month}\b{spoken_year}"),
                format!(r"\b(?:uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciseis|diecisiete|dieciocho|diecinueve|veinte|veinti[a-z]{{3,7}}|treinta(?: y uno)?|primero) de {month}(?: (?:de|del) (?:{year}|mil [a-z ]{{4,40}}|dos mil[a-z ]{{0,24}}))?"),
            ]
            .join("|")),
            month: Shape::new(format!(r"\b{month}(?:(?:,| of| de| del)? ?{any_year})?")),
            day_of_the_month: Shape::new(r"\bon the \d{1,2}(?:st|nd|rd|th)\b"),
            birth_year: Shape::new(
                r"\b(?:dob|born|birth|nacimiento|nacid[oa])\b[^0-9.!?]{0,12}((?:19|20)\d\d)\b",
            ),
            age: vec![
                Shape::new(
                    r"\b((?:9\d|1[01]\d)[ -]?(?:year|years|yr|yrs|yo|y/o|y\.o|anos)(?:[ -]old)?)\b",
                ),
                Shape::new(
                    r"\b(?:age|aged|edad(?: de)?|turning|turns|turned|now|is|of)[ :]{1,2}(9\d|1[01]\d)(?:[,.;)?]|$| (?:and|years|last|this|in|on|next|when|who)\b)",
                ),
                Shape::new(
                    r"\b((?:ninety|noventa)(?:(?:[ -]| y )(?:one|two|three|four|five|six|seven|eight|nine|uno|un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve))?[ -](?:years?|anos)(?:[ -]old)?)\b",
                ),
                Shape::new(r"[a-z.], ((?:9\d|1[01]\d)(?: ?[mf]\b)?)[,;)]"),
                Shape::new(r"\b(nonagenarian|centenarian|supercentenarian|nonagenari[oa]|centenari[oa])\b"),
            ],
        }
    }

    pub(super) fn find(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        let bytes = folded.lower.as_bytes();
        if words.has_divided_digits {
            for span in written_days::with_year(bytes) {
                take_date(folded, span, out);
            }
            for span in written_days::without_year(bytes) {
                if is_a_day(folded, &span) {
                    take_date(folded, span, out);
                }
            }
        }
        if words.has_joined_month || words.roles & cues::MONTH != 0 && has_a_day(folded, words) {
            for found in self.with_month.find_iter(bytes) {
                take_date(folded, found.range(), out);
            }
        }
        if words.has_counted && folded.lower.contains("on the ") {
            for found in self.day_of_the_month.find_iter(bytes) {
                take_date(folded, found.start().saturating_add(3)..found.end(), out);
            }
        }
        if words.roles & cues::EVENT != 0 && words.digits >= 4 {
            self.find_birth_year(folded, out);
        }
        let bare = || {
            bytes.windows(3).any(|three| matches!(three, [b',', b' ', b'9'] | [b',', b' ', b'1']))
        };
        let bare = folded.has_digit && folded.holds(b',') && bare();
        if words.roles & cues::AGE != 0 || bare {
            self.find_age(folded, bare, out);
        }
    }

    fn find_birth_year(&self, folded: &Folded, out: &mut Inventory) {
        for captures in self.birth_year.captures_iter(folded.lower.as_bytes()) {
            if let Some(year) = captures.get(1)
                && out.is_free(&year.range())
            {
                out.add_finding(year.range(), &DOB);
                out.add(year.range(), IdentifierKind::Date);
            }
        }
    }

    /// `bare`: digits that may be an age stand behind a comma.
    fn find_age(&self, folded: &Folded, bare: bool, out: &mut Inventory) {
        let has = |part: &str| folded.lower.contains(part);
        let spelled = has("ninety") || has("noventa");
        let causes = [folded.has_digit, folded.has_digit, spelled, bare, has("enari")];
        for (pattern, _) in self.age.iter().zip(causes).filter(|(_, cause)| *cause) {
            for captures in pattern.captures_iter(folded.lower.as_bytes()) {
                if let Some(age) = captures.get(1)
                    && out.is_free(&age.range())
                {
                    out.add(age.range(), IdentifierKind::AgeOver89);
                }
            }
        }
    }

    /// Months without a day, read last: whether they count hangs on what else was found.
    pub(super) fn find_months(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        if words.roles & cues::MONTH == 0 {
            return;
        }
        let somebody = out.holds_a_person();
        let untaken = |w: &Word| w.is(cues::MONTH) && out.is_free(&w.span());
        let cause = (somebody || words.roles & cues::EVENT != 0)
            && (words.list.iter().any(untaken) || folded.holds(b'-'));
        if !cause {
            return;
        }
        for found in self.month.find_iter(folded.lower.as_bytes()) {
            let span = trimmed(folded, found.range());
            let at = words.list.partition_point(|w| w.start < span.start);
            let bare = !folded.slice(span.clone()).contains(|c: char| c.is_ascii_digit());
            let dated = !bare || words.any_before(at, 1, cues::WHEN);
            let written = words.get(at).is_some_and(|w| w.cap) || !bare;
            let tied = words.any_before(at, 4, cues::EVENT)
                || somebody && words.get(at).is_some_and(|w| !w.begins_sentence);
            if dated && written && tied && out.is_free(&span) {
                if cue_before(folded, span.start, 24, BIRTH)
                    && !super::births::is_nobodys(folded, &span)
                {
                    out.add_finding(span.clone(), &DOB);
                }
                out.add(span, IdentifierKind::Date);
            }
        }
    }
}

/// A day may stand beside one of the months: a number, in digits or words, or `de` and `of`.
fn has_a_day(folded: &Folded, words: &Words) -> bool {
    let counts = |word: &Word| {
        word.is(cues::ORDINAL | cues::DIGIT_WORD | cues::TENS)
            || folded.byte(word.start).is_ascii_digit()
            || matches!(folded.slice(word.span()), "de" | "del" | "of" | "the")
    };
    words.list.iter().enumerate().filter(|(_, word)| word.is(cues::MONTH)).any(|(at, _)| {
        let (from, to) = (at.saturating_sub(2), at.saturating_add(3));
        words.list.get(from..to.min(words.list.len())).is_some_and(|near| near.iter().any(counts))
    })
}

fn take_date(folded: &Folded, span: Range<usize>, out: &mut Inventory) {
    let span = trimmed(folded, span);
    let joined = |b: u8| matches!(b, b'-' | b'/' | b'$');
    let before = span.start.checked_sub(1).map_or(b' ', |b| folded.byte(b));
    let in_a_number = joined(before)
        || (matches!(before, b'.' | b'#'))
        || (joined(folded.byte(span.end))
            && folded.byte(span.end.saturating_add(1)).is_ascii_digit());
    if in_a_number || !out.is_free(&span) {
        return;
    }
    if cue_before(folded, span.start, 40, BIRTH) {
        out.add_finding(span.clone(), &DOB);
    }
    out.add(span, IdentifierKind::Date);
}

/// `03/14` and `on 3/4` are days; `4/5 strength`, `1/2 tablet`, `pain 7/10` and `BP 12/8` are not.
fn is_a_day(folded: &Folded, span: &Range<usize>) -> bool {
    let text = folded.slice(span.clone());
    let after = folded.lower.get(span.end..).unwrap_or("").trim_start();
    if GRADES.iter().any(|word| after.starts_with(word)) || folded.byte(span.end) == b'%' {
        return false;
    }
    let Some((month, day)) = text.split_once(['/', '-']) else { return false };
    let padded = month.len() == 2 && month.starts_with('0');
    let cued = cue_before(folded, span.start, 10, DAY_CUES);
    if text.contains('/')
        && cue_before(folded, span.start, 7, &["on", "since", "dated", "el", "desde", "visit"])
    {
        return true;
    }
    if cue_before(
        folded,
        span.start,
        24,
        &["pain", "strength", "murmur", "grade", "score", "bp", "vision", "rated", "icd"],
    ) {
        return false;
    }
    if text.contains('-') {
        return cued
            && (padded || day.len() == 2)
            && cue_before(folded, span.start, 6, &["on", "dated", "since", "el"]);
    }
    padded || cued || (day.len() == 2 && !matches!(day, "10" | "20" | "12"))
}

/// Without the full stop or space that the pattern allowed at its end.
fn trimmed(folded: &Folded, span: Range<usize>) -> Range<usize> {
    let text = folded.slice(span.clone());
    let kept = if text.ends_with('.') || text.ends_with(' ') {
        text.trim_end_matches(['.', ' ', ',']).len()
    } else {
        text.len()
    };
    span.start..span.start.saturating_add(kept)
}

#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Context, IdentifierKind};

    fn found(text: &str) -> Vec<(String, IdentifierKind)> {
        let part = |span: &std::ops::Range<usize>| {
            text.chars().skip(span.start).take(span.len()).collect::<String>()
        };
        by_rules(text, &Context::default())
            .identifiers
            .iter()
            .map(|i| (part(&i.span), i.kind))
            .filter(|(_, kind)| matches!(kind, IdentifierKind::Date | IdentifierKind::AgeOver89))
            .collect()
    }

    #[test]
    fn days_in_every_shape() {
        for (text, date) in [
            ("seen on May 30th, 2022", "May 30th, 2022"),
            ("seen 02/04/23 for it", "02/04/23"),
            ("on 2023-04-25 at noon", "2023-04-25"),
            ("Jan 20th '23 visit", "Jan 20th '23"),
            ("17-Feb-2023", "17-Feb-2023"),
            ("DOB 12.06.1950", "12.06.1950"),
            ("on the 3rd of May", "3rd of May"),
            ("el 5 de mayo de 2023", "5 de mayo de 2023"),
            ("el cinco de mayo", "cinco de mayo"),
            ("born June twelfth nineteen fifty", "June twelfth nineteen fifty"),
            ("admitted in March 2021", "March 2021"),
            ("surgery on 3/4", "3/4"),
            ("seen 03/14", "03/14"),
        ] {
            assert_eq!(found(text), [(date.to_owned(), IdentifierKind::Date)], "{text}");
        }
    }

    #[test]
    fn no_dates() {
        for text in [
            "strength 4/5 in both legs",
            "take 1/2 tablet",
            "diagnosed in 2021",
            "post-op day 3",
            "BP 120/80",
            "last summer",
            "on the keto diet since January 2023",
            "GOLD 2024",
            "a 3/6 systolic murmur",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn a_birth_date_is_a_finding() {
        for (text, birth) in [
            ("on 06/12/1950", false),
            ("DOB 06/12/1950", true),
            ("seen March 5th, 2021.", false),
            ("born on March 5th, 1961", true),
            ("nació el 5 de marzo de 1961", true),
            ("born may third, nineteen fifty", true),
            ("dob: 1950", true),
        ] {
            assert_eq!(found(text).len(), 1, "{text}");
            let findings = by_rules(text, &Context::default()).findings;
            let dob = findings.iter().any(|f| f.rule == "identifier.dob");
            assert_eq!(dob, birth, "{text}");
        }
    }

    #[test]
    fn ages_over_89() {
        for text in ["a 93-year-old", "turned 90 last week", "a nonagenarian", "aged 101"] {
            assert!(found(text).iter().any(|f| f.1 == IdentifierKind::AgeOver89), "{text}");
        }
        for text in ["an 89-year-old", "HR 95", "BP is 95", "glucose of 110 mg/dL"] {
            assert!(found(text).is_empty(), "{text}");
        }
    }
}
