//! What the context excuses: the practice's own names and places, the recipient's own name, and
//! the parts of the text that template variables filled.

use std::ops::Range;

use crate::assessment::Finding;
use crate::context::{Context, Source};
use crate::level::{Category, Level};
use crate::normalise::{Folded, fold};

/// Parts of the text that mean no harm; spans are bytes of the folded text.
#[derive(Debug, Default)]
pub(crate) struct Excused {
    spans: Vec<Range<usize>>,
}

impl Excused {
    /// Looks for everything the context names.
    pub(crate) fn new(folded: &Folded, context: &Context) -> Self {
        let mut spans = Vec::new();
        for name in &context.practice_names {
            find_words(folded, name, &mut spans);
        }
        for name in context.places.iter().chain(&context.clinicians).chain(&context.recipient_names)
        {
            let from = spans.len();
            find_words(folded, name, &mut spans);
            let mut index = from;
            while let Some(span) = spans.get(index) {
                if is_written_as_a_name(folded, span) {
                    index = index.saturating_add(1);
                } else {
                    spans.remove(index);
                }
            }
        }
        for field in &context.fields {
            if is_harmless(field.source) {
                spans.push(folded.bytes_of(&field.span));
            }
        }
        if folded.holds(b'9') && folded.holds(b'8') && folded.lower.contains("988") {
            find_crisis_line(folded, &mut spans);
        }
        Self { spans }
    }

    /// The whole span lies within something excused.
    pub(crate) fn covers(&self, span: &Range<usize>) -> bool {
        self.spans.iter().any(|s| s.start <= span.start && span.end <= s.end)
    }

    /// Removes the excused findings. What must never be sent is never excused.
    pub(crate) fn retain(&self, findings: &mut Vec<Finding>) {
        if !self.spans.is_empty() {
            findings.retain(|f| f.level == Level::Never || !self.covers(&f.span));
        }
    }
}

/// The findings that the source of a template variable makes by itself (RULEBOOK §11.2).
pub(crate) fn findings_of_fields(folded: &Folded, context: &Context, out: &mut Vec<Finding>) {
    for field in &context.fields {
        let span = folded.bytes_of(&field.span);
        let (category, level, rule, reason, suggestion) = match field.source {
            Source::Clinical => (
                Category::Diagnosis,
                Level::Detail,
                "field.clinical",
                "It comes from the clinical part of the chart.",
                "Leave the field out, or send it by portal.",
            ),
            Source::BirthDate => (
                Category::IdentifierDob,
                Level::Sensitive,
                "field.birth_date",
                "It is the patient's date of birth.",
                "Ask for the date of birth; do not state it.",
            ),
            Source::Amount => (
                Category::Billing,
                Level::Detail,
                "field.amount",
                "It is an amount of money.",
                "Say only that the billing office asks for a call.",
            ),
            _ => continue,
        };
        if !span.is_empty() {
            out.push(Finding { span, category, level, rule, reason, suggestion, ready: false });
        }
    }
}

fn is_harmless(source: Source) -> bool {
    match source {
        Source::FirstName
        | Source::TitleSurname
        | Source::Practice
        | Source::Site
        | Source::ClinicianSurname
        | Source::Phone
        | Source::When
        | Source::Hours
        | Source::Link
        | Source::Code => true,
        Source::BirthDate | Source::Clinical | Source::Amount | Source::FreeText => false,
    }
}

/// "For thoughts of suicide or crisis, call or text 988" tells nothing about who reads it
/// (RULEBOOK §11.2, CLIN-02): those words are excused in a sentence that gives the number.
fn find_crisis_line(folded: &Folded, spans: &mut Vec<Range<usize>>) {
    let mut start = 0_usize;
    for sentence in folded.lower.split_inclusive(['.', '!', '?', '\n']) {
        let gives_number = sentence.contains("988")
            && ["call", "text", "llame", "mande"].iter().any(|word| sentence.contains(word));
        if gives_number {
            for word in ["suicide", "suicidio", "crisis"] {
                for (at, _) in sentence.match_indices(word) {
                    let at = start.saturating_add(at);
                    spans.push(at..at.saturating_add(word.len()));
                }
            }
        }
        start = start.saturating_add(sentence.len());
    }
}

fn find_words(folded: &Folded, name: &str, spans: &mut Vec<Range<usize>>) {
    let name = fold(name);
    if name.len() < 2 {
        return;
    }
    for (start, found) in folded.lower.match_indices(name.as_str()) {
        let end = start.saturating_add(found.len());
        if folded.starts_word(start) && folded.ends_word(end) {
            spans.push(start..end);
        }
    }
}

/// "Dr. Payne" and "Payne" are the clinician; "pain" and "payne" in small letters are words.
fn is_written_as_a_name(folded: &Folded, span: &Range<usize>) -> bool {
    if folded.is_capital(span.start) || folded.byte(span.start).is_ascii_digit() {
        return true;
    }
    let before = folded.slice(0..span.start).trim_end_matches([' ', '.']);
    ["dr", "dra", "doctor", "doctora", "mr", "mrs", "ms", "nurse", "hi", "hello", "hola", "dear"]
        .iter()
        .any(|title| before.ends_with(title))
}
