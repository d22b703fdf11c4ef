//! Numbers that stand for a person: SSN, MRN, plan, account, licence, vehicle, device, card.

use std::ops::Range;

use regex::bytes::Regex;

use super::number_rules::{CARD, DIGIT, LINK, LOOSE, SSN, VALUE, number, rows};
use super::words::Words;
use super::{Inventory, What, cue_before, cues};
use crate::level::IdentifierKind;
use crate::normalise::Folded;
use crate::shapes::{Shape, values};
use crate::words::FastMap;

#[derive(Debug)]
pub(super) struct Numbers {
    card: Shape,
    ssn_shape: Shape,
    /// VIN, MAC address, `#AB-12345`, `@handle`: shapes that need no cue.
    bare: Vec<(Shape, IdentifierKind, What)>,
    rules: Vec<Rule>,
    /// Which rules (by bit) a cue word calls for.
    by_cue: FastMap<&'static str, u64>,
}

/// A number that follows a cue.
#[derive(Debug)]
struct Rule {
    pattern: Shape,
    kind: IdentifierKind,
    finding: Option<What>,
    /// The cue means something else as often: the value must look like nobody's dose or count.
    weak: bool,
}

impl Numbers {
    pub(super) fn new() -> Self {
        let mut rules = Vec::new();
        let mut by_cue = FastMap::default();
        for (number, (words, pattern, kind, finding, weak)) in rows().into_iter().enumerate() {
            for word in words.split(' ') {
                *by_cue.entry(word).or_insert(0_u64) |= 1 << number;
            }
            let source = if pattern.starts_with(r"\b") {
                pattern.replace("{DIGIT}", DIGIT).replace("{LOOSE}", LOOSE)
            } else {
                // A cue that ends in `#` ends on no word boundary; the blank behind it makes one.
                let pattern = pattern.replace('#', "#[ :]{0,2}");
                format!(r"\b(?:{pattern}){LINK}{VALUE}")
            };
            rules.push(Rule { pattern: Shape::new(source), kind, finding, weak });
        }
        let device = number("identifier.device", "It is a device number.");
        let vehicle = number("identifier.vehicle", "It is a vehicle number.");
        let plan = number("identifier.mbi", "It is a Medicare number.");
        let code =
            number("identifier.code", "It is a number that stands for the patient's record.");
        Self {
            card: Shape::new(r"\b[2-6]\d{3}(?:[ -]?\d){9,15}\b"),
            ssn_shape: Shape::new(r"\b(\d{3})([- .])(\d{2})([- .])(\d{4})\b"),
            bare: vec![
                (
                    Shape::new(r"(\(01\) ?\d{14}(?: ?\(\d{2}\) ?[a-z0-9]{1,20}){0,4})"),
                    IdentifierKind::Device,
                    device,
                ),
                (
                    Shape::new(
                        r"\b([1-9][ac-hj-km-np-rt-y][0-9ac-hj-km-np-rt-y]\d-?[ac-hj-km-np-rt-y][0-9ac-hj-km-np-rt-y]\d-?[ac-hj-km-np-rt-y]{2}\d{2})\b",
                    ),
                    IdentifierKind::Plan,
                    plan,
                ),
                (
                    Shape::new(r"\b((?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2})\b"),
                    IdentifierKind::Device,
                    device,
                ),
                (Shape::new(r"\b([a-hj-npr-z0-9]{17})\b"), IdentifierKind::Vehicle, vehicle),
                (
                    Shape::new(r"(#(?:[a-z]{1,6}-?)?\d{4,12}(?:-\d{1,6})?)\b"),
                    IdentifierKind::Other,
                    code,
                ),
                (
                    Shape::new(r"(?:^|[ (])(@[a-z][a-z0-9_.]{2,29}\d)\b"),
                    IdentifierKind::Other,
                    code,
                ),
            ],
            rules,
            by_cue,
        }
    }

    pub(super) fn find(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        let bytes = folded.lower.as_bytes();
        if words.digits >= 13 {
            self.find_cards(bytes, out);
        }
        let cued = words.roles & cues::NUMBER_CUE != 0 || has_serial(folded);
        if cued
            && (folded.has_digit
                || words.roles & cues::DIGIT_WORD != 0
                || words.roles & cues::SECRET != 0)
        {
            self.find_cued(folded, words, out);
        }
        if words.digits >= 9 {
            self.find_bare_ssn(folded, out);
        }
        if words.digits >= 4 || folded.holds(b'@') && folded.lower.contains(" @") {
            self.find_bare(folded, words, out);
        }
    }

    fn find_cards(&self, bytes: &[u8], out: &mut Inventory) {
        for found in self.card.find_iter(bytes) {
            if passes_luhn(found.as_bytes()) {
                out.add(found.range(), IdentifierKind::Other);
                out.add_finding(found.range(), &CARD);
            }
        }
    }

    fn find_cued(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        let wanted = words
            .list
            .iter()
            .filter(|w| w.is(cues::NUMBER_CUE))
            .filter_map(|w| self.by_cue.get(folded.slice(w.span())))
            .fold(0_u64, |all, rules| all | rules)
            | if has_serial(folded) { self.by_cue.get("serial").copied().unwrap_or(0) } else { 0 };
        for (number, rule) in self.rules.iter().enumerate() {
            if wanted >> number & 1 == 0 {
                continue;
            }
            for (whole, mut span) in values_with_cue(&rule.pattern, folded.lower.as_bytes()) {
                if span.start > whole.start && folded.byte(span.start.saturating_sub(1)) == b'#' {
                    span.start = span.start.saturating_sub(1);
                }
                let social = !matches!(rule.kind, IdentifierKind::Ssn | IdentifierKind::Mrn)
                    && self.is_social(folded, &span);
                if social || !is_an_id(folded, &whole, &span, rule) || !out.is_free(&span) {
                    continue;
                }
                out.add(span.clone(), rule.kind);
                if let Some(finding) = &rule.finding {
                    out.add_finding(span, finding);
                }
            }
        }
    }

    /// "your claim … 123-45-6789": the shape says more than the cue.
    fn is_social(&self, folded: &Folded, span: &Range<usize>) -> bool {
        let value = folded.slice(span.clone());
        value.len() == 11
            && !["9", "000", "666"].iter().any(|area| value.starts_with(area))
            && self.ssn_shape.is_match(value.as_bytes())
    }

    fn find_bare(&self, folded: &Folded, words: &Words, out: &mut Inventory) {
        let has = |lengths: &[u32]| lengths.iter().any(|&l| words.mixed_lengths >> l & 1 == 1);
        let causes = [
            folded.holds(b'(') && folded.lower.contains("(01)"),
            has(&[11, 13]),
            words.colons >= 5 || has(&[17]),
            has(&[17]),
            folded.holds(b'#'),
            folded.holds(b'@')
                && (folded.lower.contains(" @")
                    || folded.lower.contains("(@")
                    || folded.lower.starts_with('@')),
        ];
        for ((pattern, kind, finding), cause) in self.bare.iter().zip(causes) {
            if !cause {
                continue;
            }
            for span in values(pattern, folded.lower.as_bytes()) {
                let text = folded.slice(span.clone());
                let vin = *kind == IdentifierKind::Vehicle;
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                if vin && !(3..=14).contains(&digits) || !out.is_free(&span) {
                    continue;
                }
                out.add(span.clone(), *kind);
                // A raffle, a request and a receipt have numbers too.
                let of_a_person =
                    &["patient", "pt", "chart", "record", "records", "file", "member", "id"];
                if !text.starts_with('#') || cue_before(folded, span.start, 16, of_a_person) {
                    out.add_finding(span, finding);
                }
            }
        }
    }

    /// The shape alone is enough where the area number exists; 9xx only after a cue (it is an ITIN).
    fn find_bare_ssn(&self, folded: &Folded, out: &mut Inventory) {
        for captures in self.ssn_shape.captures_iter(folded.lower.as_bytes()) {
            let Some(whole) = captures.get(0) else { continue };
            let group = |n: usize| captures.get(n).map_or(&b""[..], |m| m.as_bytes());
            let exists = !matches!(group(1), b"000" | b"666")
                && !group(1).starts_with(b"9")
                && group(3) != b"00"
                && group(5) != b"0000";
            let cued = cue_before(folded, whole.start(), 40, &["ssn", "social", "seguro", "ss"]);
            let one_separator = group(2) == group(4);
            if one_separator && (exists || cued) && out.is_free(&whole.range()) {
                out.add(whole.range(), IdentifierKind::Ssn);
                out.add_finding(whole.range(), &SSN);
            }
        }
    }
}

/// `S/N` is two words to the reader of words.
fn has_serial(folded: &Folded) -> bool {
    folded.has_digit && folded.holds(b'/') && folded.lower.contains("s/n")
}

/// Each match with its value, which is the pattern's last group.
fn values_with_cue<'a>(
    pattern: &'a Regex,
    text: &'a [u8],
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + 'a {
    pattern.captures_iter(text).filter_map(|captures| {
        let whole = captures.get(0)?.range();
        let value = (1..captures.len()).rev().find_map(|group| captures.get(group))?;
        Some((whole, value.range()))
    })
}

/// "Su clave es 482913. Vale 10 minutos": digits alone that expire are a one-time code, which may
/// be sent (corpus/README.md, no. 18).
fn is_one_time(folded: &Folded, whole: &Range<usize>, span: &Range<usize>) -> bool {
    let digits = folded.slice(span.clone()).trim_end_matches(['.', ',', ':', ';', '!']);
    let expires = [
        "expire",
        "expira",
        "minute",
        "minuto",
        "one-time",
        "one time",
        "vale por",
        "vence",
        "caduca",
        "unico uso",
        "un solo uso",
        "verifica",
    ];
    digits.len() >= 4
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (expires.iter().any(|word| folded.lower.contains(word))
            || folded.slice(whole.clone()).starts_with("clave") && digits.len() >= 5)
}

/// A value behind a cue may still be a dose, an age, a date or a year.
fn is_an_id(folded: &Folded, whole: &Range<usize>, span: &Range<usize>, rule: &Rule) -> bool {
    let text = folded.slice(span.clone()).trim_start_matches('#');
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let written_out = digits == 0;
    let by_rule = rule.finding.map_or("", |finding| finding.rule);
    if by_rule == "identifier.password" && is_one_time(folded, whole, span) {
        return false;
    }
    if matches!(by_rule, "identifier.password" | "identifier.user_name" | "identifier.card") {
        return text.find('@').is_none_or(|at| at == 0) || by_rule == "identifier.password";
    }
    let of_a_lot = rule.kind == IdentifierKind::Device
        && folded.slice(whole.start..span.start).starts_with("lot code");
    if of_a_lot || written_out && rule.kind == IdentifierKind::Vehicle {
        return false;
    }
    // "about your account. 555-0141": the number belongs to the next sentence.
    let phone = text.len() == 8 && text.as_bytes().get(3) == Some(&b'-');
    // "Please call our billing office about your account: 555-0142": it is the number to call.
    let to_call = || {
        let sentence = folded.slice(0..whole.start);
        let sentence = sentence.rsplit(['.', '!', '?']).next().unwrap_or("");
        ["call", "llame", "phone", "ring"].iter().any(|word| sentence.contains(word))
    };
    if phone && (folded.slice(whole.start..span.start).contains(". ") || to_call()) {
        return false;
    }
    if span.len() < 3 || !written_out && digits < 2 {
        return written_out && rule.kind == IdentifierKind::Ssn
            || text.contains(['!', '_', '@', '.']);
    }
    if ["year", "yo", "yr", "day", "week", "month", "hour", "mg", "st-", "th-"].iter().any(|w| {
        text.find(w).is_some_and(|at| {
            at > 0
                && text
                    .as_bytes()
                    .get(at.saturating_sub(1))
                    .is_some_and(|b| b.is_ascii_digit() || *b == b'-')
        })
    }) {
        return false;
    }
    let after = folded.lower.get(span.end..).unwrap_or("").trim_start();
    let unit = [
        "mg",
        "mcg",
        "ml",
        "%",
        "units",
        "days",
        "weeks",
        "months",
        "years",
        "year",
        "mmhg",
        "cc",
        "g/",
        "iu",
        "hours",
        "patients",
        "people",
        "yo ",
        "y/o",
        "am",
        "pm",
        "a.m",
        "p.m",
        "participants",
        "subjects",
    ]
    .iter()
    .any(|u| {
        after.starts_with(u)
            && !after.get(u.len()..).unwrap_or("").starts_with(|c: char| c.is_ascii_alphabetic())
    });
    if unit || looks_like_a_date(text) {
        return false;
    }
    if !rule.weak {
        return true;
    }
    if is_a_phone(text) || ["cpt", "icd", "loinc"].iter().any(|code| text.starts_with(code)) {
        return false;
    }
    let link = folded.slice(whole.start..span.start);
    let explicit = link.contains(['#', ':', '='])
        || folded.byte(span.start) == b'#'
        || [" number", " no.", " no ", " id", " num", "numero", "serial", "s/n", " ending"]
            .iter()
            .any(|w| link.contains(w));
    let year = text.len() == 4 && (text.starts_with("19") || text.starts_with("20"));
    let code = text.bytes().any(|b| b.is_ascii_alphabetic()) && digits >= 3 && text.len() >= 5;
    if explicit { !year && (digits >= 3 || text.len() >= 5) } else { digits >= 5 || code }
}

/// `555-0100`, `212 555 0100`.
fn is_a_phone(text: &str) -> bool {
    let lengths: Vec<usize> = text.split(['-', ' ', '.']).map(str::len).collect();
    let digits = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b' ' | b'.'));
    digits && (lengths == [3, 3, 4] || lengths == [3, 4] && text.starts_with("555"))
}

/// `2023-04-25`, `4/12/22`: a day, whatever stands before it.
fn looks_like_a_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let short = |part: &str, most: u32| {
        part.len() <= 2 && part.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n))
    };
    let year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    match parts.as_slice() {
        [y, m, d] if year(y) => short(m, 12) && short(d, 31),
        [d, m, y] if m.len() >= 3 && m.bytes().all(|b| b.is_ascii_alphabetic()) => {
            short(d, 31) && (year(y) || y.len() == 2)
        }
        [m, d, y] => short(m, 31) && short(d, 31) && (year(y) || y.len() == 2),
        [m, d] => text.contains('/') && short(m, 12) && short(d, 31),
        _ => false,
    }
}

/// ISO/IEC 7812-1 annex B, on the digits among the bytes.
pub(super) fn passes_luhn(bytes: &[u8]) -> bool {
    let digits = bytes.iter().rev().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let mut sum = 0_u32;
    let mut count = 0_u32;
    for (place, digit) in digits.enumerate() {
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
        count += 1;
    }
    (13..=19).contains(&count) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Context, IdentifierKind};

    fn kinds(text: &str) -> Vec<(IdentifierKind, u8)> {
        let assessment = by_rules(text, &Context::default());
        let level = |span: &std::ops::Range<usize>| {
            assessment.findings.iter().find(|f| f.span == *span).map_or(0, |f| u8::from(f.level))
        };
        assessment.identifiers.iter().map(|i| (i.kind, level(&i.span))).collect()
    }

    #[test]
    fn every_rule_is_well_formed() {
        let numbers = super::Numbers::new();
        assert!(numbers.card.captures_len() == 1 && numbers.ssn_shape.captures_len() == 6);
        assert!(numbers.bare.iter().all(|(pattern, ..)| pattern.captures_len() == 2));
        for rule in &numbers.rules {
            assert!(rule.pattern.captures_len() > 1, "{:?}", rule.pattern);
        }
    }

    #[test]
    fn each_number_by_its_cue() {
        use IdentifierKind::*;
        for (text, kind, level) in [
            ("SSN 123-45-6789", Ssn, 4),
            ("123-45-6789", Ssn, 4),
            ("SSN: 987654321", Ssn, 4),
            ("social is one two three, four five, six seven eight nine", Ssn, 4),
            ("last four of your social: 6789", Ssn, 3),
            ("seguro social que termina en 6789", Ssn, 3),
            ("MRN: 12345-JS", Mrn, 3),
            ("MRN #SF-998877", Mrn, 3),
            ("chart # 44521", Mrn, 3),
            ("expediente 55512", Mrn, 3),
            ("member ID HP-678901", Plan, 3),
            ("1EG4-TE5-MK73", Plan, 3),
            ("póliza 778899", Plan, 3),
            ("account number 4455661", Account, 3),
            ("driver's license D1234567", Licence, 3),
            ("driver lic # D4417-2209", Licence, 3),
            ("VIN 1HGCM82633A004352", Vehicle, 3),
            ("pump serial number AB12345", Device, 3),
            ("(01)00812345678905(17)261231", Device, 3),
            ("claim # 991188", Other, 3),
            ("card 4111 1111 1111 1111", Other, 4),
            ("card 4111 1111 1111 1112", Other, 4),
            ("CVV 123", Other, 4),
            ("your password is Tulip77!", Other, 4),
            ("username: mlopez_4", Other, 3),
            ("confirmation number 883311", Other, 0),
        ] {
            assert!(kinds(text).contains(&(kind, level)), "{text}: {:?}", kinds(text));
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "000-12-3456",
            "invitation 4111 1111 1111 1112",
            "Your password is ready",
            "Your code is 123456",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }
}
