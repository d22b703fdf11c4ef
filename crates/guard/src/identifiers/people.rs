//! Names of people.

use std::ops::Range;

use regex::bytes::Regex;

use super::{Inventory, Reading, What, cue_before, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::{Folded, fold};
use crate::shapes::compile;

#[derive(Debug)]
pub(super) struct People {
    /// On the writer's capitals.
    titled: Regex,
    greeted: Regex,
    /// A capital word and an initial with its full stop: `Annette B.`
    initialled: Regex,
    /// After `named`.
    named: Regex,
    /// What makes a given name a full one.
    family: Regex,
}

/// Another person's full name, by itself.
pub(super) const OTHER_PERSON: What = what(
    Category::IdentifierOther,
    Level::Sensitive,
    "identifier.other_person",
    "It is the full name of a person.",
    "Use the recipient's first name only.",
);

/// Before these, a full name is the clinician's or the caller's.
const STAFF: &[&str] = &[
    "dr",
    "dra",
    "doctor",
    "doctora",
    "with",
    "this is",
    "from",
    "ask for",
    "nurse",
    "by",
    "at",
    "see",
    "con",
    "soy",
    "habla",
    "de parte de",
    "sincerely",
    "thanks",
    "clinician",
];
const GREETING: &[&str] = &[
    "hi",
    "hello",
    "dear",
    "hola",
    "hey",
    "estimado",
    "estimada",
    "good morning",
    "good afternoon",
    "buenos dias",
    "buenas tardes",
];
/// Capitalised words that follow a name without belonging to it.
const NOT_FAMILY: &[&str] = &[
    "please",
    "your",
    "you",
    "this",
    "we",
    "the",
    "at",
    "on",
    "is",
    "has",
    "was",
    "from",
    "reply",
    "call",
    "a",
    "an",
    "and",
    "or",
    "our",
    "it",
    "i",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "hospital",
    "clinic",
    "medical",
    "health",
    "center",
    "office",
    "su",
    "tiene",
    "llame",
    "esta",
    "le",
    "dob",
    "mrn",
    "ssn",
    "id",
    "if",
    "just",
    "time",
    "thank",
    "thanks",
    "reminder",
];

/// Words that a single letter may follow: `Suite B.`, `Vitamin D.`
const BEFORE_A_LETTER: &[&str] = &[
    "vitamin",
    "hepatitis",
    "type",
    "factor",
    "group",
    "class",
    "stage",
    "grade",
    "plan",
    "suite",
    "room",
    "building",
    "unit",
    "option",
    "part",
    "door",
    "gate",
    "lot",
    "floor",
    "wing",
    "press",
    "with",
    "dial",
    "text",
    "entrance",
    "section",
    "hall",
    "level",
    "phase",
    "influenza",
];

impl People {
    pub(super) fn new() -> Self {
        let word = r"[A-Z][a-z'-]*[a-zA-Z'-]*";
        Self {
            titled: compile(&format!(
                r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Dra|Sr|Sra|Srta|Prof|Nurse|Doctor|Doctora|DR|Pt|Patient)\b\.? ({word}(?: [A-Z]\.)?(?: {word}){{0,2}}(?: [A-Z]\b\.?)?)"
            )),
            greeted: compile(&format!(
                r"\b(?:Hi|Hello|Dear|Hola|Hey|Estimad[oa]|Buenos dias|Buenas tardes|HI|HELLO|hi|hello|dear|hola),? ({word})"
            )),
            initialled: compile(r"\b[A-Z][a-z]{2,14} [A-Z]\."),
            named: compile(&format!(
                r"\b(?:named|called|Name:|llamad[oa]) ({word}(?: [A-Z]\b\.?| {word})?)"
            )),
            family: compile(&format!(r"^(?: [A-Z]\b\.?)?(?: {word}(?:-{word})?){{0,2}}")),
        }
    }

    pub(super) fn find(&self, reading: Reading<'_>, out: &mut Inventory) {
        let folded = reading.folded;
        self.find_recipient(reading, out);
        for captures in self.titled.captures_iter(folded.cased.as_bytes()) {
            let Some(name) = captures.get(1) else { continue };
            let span = without_strangers(folded, name.range());
            if span.is_empty() {
                continue;
            }
            out.proper_names.push(span.clone());
            if out.is_free(&span) {
                out.add(span, IdentifierKind::Name);
            }
        }
        for first in &reading.terms.first_names {
            if folded.is_capital(first.start) {
                self.take_first_name(reading, first.clone(), out);
            }
        }
        self.find_by_form(reading, out);
        for captures in self.greeted.captures_iter(folded.cased.as_bytes()) {
            let Some(name) = captures.get(1) else { continue };
            let span = without_strangers(folded, name.range());
            let is_term = reading.terms.findings.iter().any(|f| f.span.start == span.start);
            if !span.is_empty() && !is_term && out.is_free(&span) {
                out.add(span, IdentifierKind::Name);
            }
        }
    }

    /// The recipient's own names, wherever they stand.
    fn find_recipient(&self, reading: Reading<'_>, out: &mut Inventory) {
        let folded = reading.folded;
        for name in &reading.context.recipient_names {
            let name = fold(name);
            if name.len() < 2 {
                continue;
            }
            for (start, found) in folded.lower.match_indices(name.as_str()) {
                let span = start..start.saturating_add(found.len());
                let whole = folded.starts_word(start) && folded.ends_word(span.end);
                if whole && folded.is_capital(start) && out.is_free(&span) {
                    out.add(span, IdentifierKind::Name);
                }
            }
        }
    }

    /// Names that are on no list, told by their form.
    fn find_by_form(&self, reading: Reading<'_>, out: &mut Inventory) {
        let folded = reading.folded;
        let cased = folded.cased.as_bytes();
        let named = self.named.captures_iter(cased).filter_map(|c| c.get(1)).map(|m| m.range());
        let initialled = self.initialled.find_iter(cased).map(|m| m.range());
        for span in named.chain(initialled) {
            let first = folded.slice(span.clone()).split(' ').next().unwrap_or("");
            let is_term = reading
                .terms
                .findings
                .iter()
                .any(|f| f.span.start < span.end && span.start < f.span.end);
            let strange = NOT_FAMILY.contains(&first) || BEFORE_A_LETTER.contains(&first);
            if strange || is_term || !out.is_free(&span) {
                continue;
            }
            out.add(span.clone(), IdentifierKind::Name);
            if span.len() > first.len() && !is_known(reading, &span) {
                out.add_finding(span, &OTHER_PERSON);
            }
        }
    }

    fn take_first_name(&self, reading: Reading<'_>, first: Range<usize>, out: &mut Inventory) {
        let folded = reading.folded;
        let after = folded.cased.get(first.end..).unwrap_or("");
        let reach = self.family.find(after.as_bytes()).map_or(0, |m| m.end());
        let all = first.start..first.end.saturating_add(reach);
        let span = until_a_term(reading, without_strangers(folded, all), first.end);
        if span.len() < first.len() || !out.is_free(&span) {
            return;
        }
        let full = span.end > first.end;
        let greeted = cue_before(folded, span.start, 12, GREETING);
        let starts_sentence = span.start == 0;
        if !full && starts_sentence && is_also_a_word(folded.slice(first)) {
            return;
        }
        out.add(span.clone(), IdentifierKind::Name);
        if full {
            match (is_known(reading, &span), greeted) {
                (true, _) => {}
                (false, true) => out.full_names.push(span),
                (false, false) => out.add_finding(span, &OTHER_PERSON),
            }
        }
    }
}

/// The recipient, a clinician, or whoever speaks for the practice.
fn is_known(reading: Reading<'_>, span: &Range<usize>) -> bool {
    let folded = reading.folded;
    let own = reading.context.recipient_names.iter().chain(&reading.context.clinicians).any(|n| {
        let name = fold(n);
        name.len() > 1 && folded.slice(span.clone()).contains(&name)
    });
    own || cue_before(folded, span.start, 14, STAFF) || credentials_follow(folded, span.end)
}

/// Cuts the span before the first word that does not belong to a name.
fn without_strangers(folded: &Folded, span: Range<usize>) -> Range<usize> {
    let mut end = span.start;
    let mut at = span.start;
    for word in folded.slice(span.clone()).split(' ') {
        let bare = word.trim_end_matches(['.', ',']).trim_end_matches("'s");
        if NOT_FAMILY.contains(&bare) {
            break;
        }
        let dot = usize::from(bare.len() == 1 && word.ends_with('.'));
        if !bare.is_empty() {
            end = at.saturating_add(bare.len()).saturating_add(dot);
        }
        at = at.saturating_add(word.len()).saturating_add(1);
        if word.ends_with("'s") {
            break;
        }
    }
    span.start..end.min(span.end)
}

/// A family name that is a word of our lists is not taken for a name.
fn until_a_term(reading: Reading<'_>, span: Range<usize>, from: usize) -> Range<usize> {
    let end = reading
        .terms
        .findings
        .iter()
        .map(|f| f.span.start)
        .filter(|&start| start > from && start < span.end)
        .min()
        .map_or(span.end, |start| start.saturating_sub(1));
    span.start..end
}

fn credentials_follow(folded: &Folded, at: usize) -> bool {
    let after = folded.lower.get(at..).unwrap_or("").trim_start_matches([',', ' ']);
    ["md", "np", "rn", "do", "pa", "pa-c", "dds", "dmd", "od", "phd", "lcsw", "dpm", "pt", "aprn"]
        .iter()
        .any(|c| {
            after
                .strip_prefix(c)
                .is_some_and(|r| !r.starts_with(|x: char| x.is_ascii_alphanumeric()))
        })
}

fn is_also_a_word(name: &str) -> bool {
    matches!(
        name,
        "mark"
            | "bill"
            | "will"
            | "grace"
            | "may"
            | "rob"
            | "sue"
            | "jack"
            | "frank"
            | "amber"
            | "joy"
            | "art"
            | "don"
            | "tim"
            | "pam"
            | "christian"
            | "jordan"
            | "madison"
            | "mason"
            | "esperanza"
            | "consuelo"
            | "pilar"
            | "dolores"
            | "mercedes"
            | "robin"
            | "scott"
    )
}

#[cfg(test)]
mod tests {
    use crate::{Context, IdentifierKind, Level, check};

    fn found(text: &str, context: &Context) -> (Vec<String>, Level) {
        let assessment = check(text, context);
        let names = assessment
            .identifiers
            .iter()
            .filter(|i| i.kind == IdentifierKind::Name)
            .map(|i| text.chars().skip(i.span.start).take(i.span.len()).collect())
            .collect();
        (names, assessment.level)
    }

    #[test]
    fn names_and_what_they_reveal() {
        let none = Context::default();
        for (text, name, level) in [
            ("Hi Maria, your visit is Monday", "Maria", 0),
            ("Hi Quillon, your visit is Monday", "Quillon", 0),
            ("Visit with Dr. Payne at 9", "Payne", 0),
            ("Visit with Dr. Gout at 9", "Gout", 0),
            ("Mary Johnson, seen at noon", "Mary Johnson", 3),
            ("Sarah P., seen at noon", "Sarah P.", 3),
            ("Your visit with Sarah Jones, NP", "Sarah Jones", 0),
            ("Hi Maria Lopez, your visit is Monday", "Maria Lopez", 0),
            ("Hi Maria Lopez, your results are ready", "Maria Lopez", 3),
        ] {
            let (names, found_level) = found(text, &none);
            assert_eq!(names, [name], "{text}");
            assert_eq!(u8::from(found_level), level, "{text}");
        }
    }

    #[test]
    fn the_recipients_own_name_passes() {
        let context =
            Context { recipient_names: vec!["Maria".into(), "Lopez".into()], ..Context::default() };
        assert_eq!(found("Maria Lopez: your visit is Monday", &context).1, Level::Administrative);
        assert_eq!(found("Jane Doe has a visit Monday", &context).1, Level::Sensitive);
    }
}
