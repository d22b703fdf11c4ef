//! Codes that stand for a diagnosis, procedure, test or drug: ICD-10-CM, CPT and HCPCS, LOINC,
//! SNOMED CT, RxNorm, NDC.

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::terms::Text;
use crate::tokens::{Gap, Kind, Token};
use crate::values::{BY_PORTAL, Says};

const ICD10: Says = Says {
    category: Category::Diagnosis,
    level: Level::Sensitive,
    rule: "code.icd10",
    reason: "It is a diagnosis code.",
    suggestion: BY_PORTAL,
};
const CPT: Says = Says {
    category: Category::Procedure,
    rule: "code.cpt",
    reason: "It is a procedure code.",
    ..ICD10
};
const LOINC: Says = Says {
    category: Category::LabResult,
    rule: "code.loinc",
    reason: "It is a test code.",
    ..ICD10
};
const OTHER: Says = Says { rule: "code.other", reason: "It is a clinical code.", ..ICD10 };
const NDC: Says = Says {
    category: Category::Medication,
    rule: "code.ndc",
    reason: "It is a drug's package code.",
    ..ICD10
};

/// How many words before a code may name its kind.
const REACH: usize = 5;
/// Before these, letters and digits name a place or a thing.
const PLACES: &[&str] = &[
    "room", "rm", "suite", "ste", "bldg", "building", "gate", "door", "level", "floor", "lot",
    "apt", "unit", "section", "window", "desk", "bay", "exit", "highway", "hwy", "route", "rte",
    "bus", "version", "form", "wing", "hall", "pod", "zone", "space", "kiosk", "locker", "stop",
];

/// Adds a finding for each code; spans are bytes of the folded text.
pub(crate) fn find(text: Text<'_>, out: &mut Vec<Finding>) {
    for (at, token) in text.tokens.iter().enumerate() {
        match token.kind {
            Kind::Word => {
                icd10(text, at, token, out);
                spoken(text, at, token, out);
            }
            Kind::Number => numeric(text, at, token, out),
            Kind::Sign => {}
        }
    }
}

/// One of the words stands within reach before the token.
fn cued(text: Text<'_>, at: usize, cues: &[&str]) -> bool {
    let from = at.saturating_sub(REACH);
    let before = text.tokens.get(from..at).unwrap_or(&[]);
    before.iter().any(|t| cues.contains(&text.folded.slice(t.span())))
}

fn just_before<'a>(text: Text<'a>, at: usize) -> &'a str {
    at.checked_sub(1).and_then(|b| text.tokens.get(b)).map_or("", |t| text.folded.slice(t.span()))
}

/// "E eleven point nine": a code read aloud.
fn spoken(text: Text<'_>, at: usize, token: &Token, out: &mut Vec<Finding>) {
    let single = token.end.saturating_sub(token.start) == 1 && text.folded.is_capital(token.start);
    if !single || !cued(text, at, &["code", "codes", "icd", "dx", "diagnosis", "codigo"]) {
        return;
    }
    let numbers = text.tokens.get(at.saturating_add(1)..).unwrap_or(&[]).iter().take_while(|t| {
        t.gap <= Gap::Soft
            && matches!(
                text.folded.slice(t.span()),
                "zero"
                    | "oh"
                    | "one"
                    | "two"
                    | "three"
                    | "four"
                    | "five"
                    | "six"
                    | "seven"
                    | "eight"
                    | "nine"
                    | "ten"
                    | "eleven"
                    | "twelve"
                    | "thirteen"
                    | "fourteen"
                    | "fifteen"
                    | "sixteen"
                    | "seventeen"
                    | "eighteen"
                    | "nineteen"
                    | "twenty"
                    | "thirty"
                    | "forty"
                    | "fifty"
                    | "sixty"
                    | "seventy"
                    | "eighty"
                    | "ninety"
                    | "point"
                    | "dot"
                    | "punto"
            )
    });
    if let Some(last) = numbers.last() {
        out.push(ICD10.at(token.start..last.end));
    }
}

/// `E11.9`, `F32.1`; without the point (`E119`) or in small letters only after a cue.
fn icd10(text: Text<'_>, at: usize, token: &Token, out: &mut Vec<Finding>) {
    let folded = text.folded;
    let word = folded.slice(token.span());
    let [letter, tens, ones, rest @ ..] = word.as_bytes() else { return };
    let shape = letter.is_ascii_lowercase()
        && tens.is_ascii_digit()
        && (ones.is_ascii_digit() || matches!(ones, b'a' | b'b'))
        && rest.len() <= 4;
    if !shape {
        return;
    }
    let mut end = token.end;
    let point = rest.is_empty()
        && folded.byte(end) == b'.'
        && folded.byte(end.saturating_add(1)).is_ascii_alphanumeric();
    if point {
        end = end.saturating_add(1);
        while folded.byte(end).is_ascii_alphanumeric() {
            end = end.saturating_add(1);
        }
        // A new sentence without its space is longer than a code's four characters.
        if end.saturating_sub(token.end) > 5 {
            return;
        }
    }
    let capital = folded.is_capital(token.start);
    let cue = cued(
        text,
        at,
        &["icd", "icd10", "dx", "diagnosis", "diagnostico", "code", "codes", "coded", "codigo"],
    );
    let place = PLACES.contains(&just_before(text, at));
    let hcpcs = !point && rest.len() == 2 && rest.iter().all(u8::is_ascii_digit);
    if point && (capital || cue) && !place || cue && rest.len() <= 4 && !place && !hcpcs {
        let code = folded.slice(token.start..end);
        out.push(ICD10.at(token.start..end));
        if let Some(category) = chapter(code) {
            out.push(Says { category, ..ICD10 }.at(token.start..end));
        }
    } else if hcpcs
        && matches!(letter, b'a'..=b'v')
        && capital
        && !place
        && cued(text, at, &["cpt", "hcpcs", "code", "codes", "procedure", "billed", "coded"])
    {
        out.push(CPT.at(token.start..end));
    }
}

fn numeric(text: Text<'_>, at: usize, token: &Token, out: &mut Vec<Finding>) {
    let folded = text.folded;
    let digits = folded.slice(token.span());
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return;
    }
    let joined_before =
        token.start > 0 && matches!(folded.byte(token.start.saturating_sub(1)), b'-' | b'/' | b':');
    let (code, length) = trailing(text, at, token);
    match (digits.len(), code.as_slice()) {
        // Five digits, alone.
        (5, [_]) if !joined_before && is_cpt(text, at, digits) => {
            out.push(CPT.at(token.start..token.end));
            if ("90785"..="90899").contains(&digits) {
                out.push(Says { category: Category::MentalHealth, ..CPT }.at(token.span()));
            }
        }
        // 4548-4
        (3..=5, [_, 1])
            if !joined_before
                && (cued(text, at, &["loinc"])
                    || digits.len() > 3
                        && !digits.starts_with("19")
                        && !digits.starts_with("20")) =>
        {
            out.push(LOINC.at(token.start..length));
        }
        // 0093-7214-01
        (4 | 5, [_, 3 | 4, 1 | 2]) if !joined_before => out.push(NDC.at(token.start..length)),
        (6..=18, _) if cued(text, at, &["snomed", "rxnorm", "rxcui", "ndc"]) => {
            out.push(OTHER.at(token.start..token.end));
        }
        _ => {}
    }
}

/// The lengths of the numbers joined by hyphens from here, and where they end.
fn trailing(text: Text<'_>, at: usize, token: &Token) -> (Vec<usize>, usize) {
    let mut lengths = vec![token.end.saturating_sub(token.start)];
    let mut end = token.end;
    for next in text.tokens.get(at.saturating_add(1)..).unwrap_or(&[]) {
        let hyphen = text.folded.byte(end) == b'-' && next.start == end.saturating_add(1);
        if !hyphen || next.kind != Kind::Number || lengths.len() > 3 {
            break;
        }
        lengths.push(next.end.saturating_sub(next.start));
        end = next.end;
    }
    (lengths, end)
}

fn is_cpt(text: Text<'_>, at: usize, digits: &str) -> bool {
    if cued(text, at, &["cpt", "hcpcs", "superbill", "eob"]) {
        return true;
    }
    let before = just_before(text, at);
    let kind = at.checked_sub(2).and_then(|b| text.tokens.get(b));
    let kind = kind.map_or("", |t| text.folded.slice(t.span()));
    let named = matches!(before, "code" | "codes" | "coded" | "billed" | "procedure" | "codigo")
        && !matches!(
            kind,
            "zip"
                | "postal"
                | "door"
                | "gate"
                | "access"
                | "area"
                | "entry"
                | "confirmation"
                | "verification"
                | "pin"
                | "security"
                | "promo"
                | "discount"
                | "login"
                | "your"
                | "the"
                | "use"
                | "enter"
                | "parking"
                | "qr"
                | "this"
                | "one"
                | "building"
        );
    let visit = ("99202"..="99499").contains(&digits)
        && cued(text, at, &["visit", "billed", "code", "charge", "office", "em", "level"])
        && before.len() != 2;
    named || visit
}

/// The special category of an ICD-10-CM chapter or block, besides diagnosis.
fn chapter(code: &str) -> Option<Category> {
    let block: u32 = code.get(1..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    match (code.as_bytes().first()?, block) {
        (b'f', 10..=19) => Some(Category::Sud),
        (b'f', _) => Some(Category::MentalHealth),
        (b'b', 20) | (b'z', 21) => Some(Category::Hiv),
        (b'o', _) | (b'z', 30..=39) | (b'a', 50..=64) | (b'n', 70..=98) => {
            Some(Category::Reproductive)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use crate::guard::by_rules;

    #[test]
    fn codes_are_found() {
        for (text, rule) in [
            ("CPT 99213", "code.cpt"),
            ("procedure code 45378", "code.cpt"),
            ("HCPCS J1885 on the bill", "code.cpt"),
            ("code E11.9 on file", "code.icd10"),
            ("it says F32.1 there", "code.icd10"),
            ("dx: f32", "code.icd10"),
            ("ICD-10 E119", "code.icd10"),
            ("LOINC 4548-4", "code.loinc"),
            ("NDC 0093-7214-01", "code.ndc"),
        ] {
            let rules: Vec<_> =
                by_rules(text, &Context::default()).findings.iter().map(|f| f.rule).collect();
            assert!(rules.contains(&rule), "{text}: {rules:?}");
        }
    }

    #[test]
    fn other_codes_are_left_alone() {
        for text in ["Suite B12.5", "zip code 02139", "gate code 45123", "in room C10", "555-0100"]
        {
            let found = by_rules(text, &Context::default()).findings;
            assert!(found.iter().all(|f| !f.rule.starts_with("code.")), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_code_tells_its_chapter() {
        assert_eq!(chapter("f11.20"), Some(Category::Sud));
        assert_eq!(chapter("f32.1"), Some(Category::MentalHealth));
        assert_eq!(chapter("e11.9"), None);
    }
}
