//! How words read: what they tell, how much, how long they are, and what a stranger gets to see of
//! them. The same beside what is written to a patient and beside a template.

use guard::{Assessment, Finding, Level, Preview};

use crate::compose::prices::Price;
use crate::office::Office;

/// A stretch of the words.
pub(super) struct Piece {
    pub text: String,
    /// How much it reveals; none where nothing was found.
    pub level: Option<&'static str>,
}

/// What was found in them.
pub(super) struct Tell {
    pub words: String,
    pub reason: &'static str,
    pub suggestion: &'static str,
}

/// What a bystander gets to see or hear.
pub(super) struct Stranger {
    pub kind: &'static str,
    pub title: String,
    pub line: String,
}

impl Stranger {
    /// Nobody sees anything yet.
    pub(super) const fn none() -> Self {
        Self { kind: "none", title: String::new(), line: String::new() }
    }

    /// From a preview; `subject` is that of the mail, where it has one.
    pub(super) fn of(office: &Office, preview: Preview, subject: Option<&str>) -> Self {
        match preview {
            Preview::LockScreen { line } => {
                Self { kind: "phone", title: office.profile().phone.clone(), line }
            }
            Preview::Inbox { subject: usual, snippet } => {
                let title = subject.map_or(usual, str::to_owned);
                Self { kind: "mail", title, line: snippet }
            }
            Preview::Spoken { text } => Self { kind: "voice", title: String::new(), line: text },
            Preview::Nothing => Self { kind: "portal", ..Self::none() },
        }
    }
}

/// A level, for those who do not know its number.
pub(super) const fn level_words(level: Level) -> &'static str {
    match level {
        Level::Administrative => "Fine for anyone to hear",
        Level::Mention => "Hints that something exists",
        Level::Detail => "Health detail",
        Level::Sensitive => "Sensitive",
        Level::Never => "Never send",
    }
}

/// Which mark stands beside a level.
pub(super) const fn level_tone(level: Level) -> &'static str {
    match level {
        Level::Administrative => "ok",
        Level::Mention => "wait",
        Level::Detail | Level::Sensitive => "stop",
        Level::Never => "urgent",
    }
}

/// The words, cut where something was found.
pub(super) fn pieces(text: &str, assessment: &Assessment) -> Vec<Piece> {
    let letters: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut end = 0;
    for finding in &assessment.findings {
        let from = finding.span.start.max(end);
        if finding.span.end <= from {
            continue;
        }
        if from > end {
            pieces.push(Piece { text: cut(&letters, end, from), level: None });
        }
        let level = Some(level_tone(finding.level));
        pieces.push(Piece { text: cut(&letters, from, finding.span.end), level });
        end = finding.span.end;
    }
    if end < letters.len() {
        pieces.push(Piece { text: cut(&letters, end, letters.len()), level: None });
    }
    pieces
}

/// What was found, each thing once.
pub(super) fn tells(text: &str, assessment: &Assessment) -> Vec<Tell> {
    let letters: Vec<char> = text.chars().collect();
    distinct(assessment)
        .map(|finding| Tell {
            words: cut(&letters, finding.span.start, finding.span.end),
            reason: finding.reason,
            suggestion: finding.suggestion,
        })
        .collect()
}

fn cut(letters: &[char], from: usize, to: usize) -> String {
    letters.get(from..to).unwrap_or_default().iter().collect()
}

/// One finding that lies within another that says the same is left out.
fn distinct(assessment: &Assessment) -> impl Iterator<Item = &Finding> {
    let all = &assessment.findings;
    all.iter()
        .enumerate()
        .filter(move |(at, one)| {
            !all.iter().enumerate().any(|(other_at, other)| {
                let within = other.span.start <= one.span.start && one.span.end <= other.span.end;
                let same = other.suggestion == one.suggestion && other.level >= one.level;
                let first = other.span != one.span || other_at < *at;
                other_at != *at && within && same && first
            })
        })
        .map(|(_, finding)| finding)
}

/// "1 part, 143 of 160 characters, about 0.8 ¢"; without the price where nobody wrote it down.
pub(super) fn size(text: &str, price: Option<Price>) -> String {
    let counted = smpp::count(text);
    let (parts, units) = (counted.parts, counted.units);
    let (alone, of_many) = match counted.encoding {
        smpp::Encoding::Gsm7 => (160, 153),
        smpp::Encoding::Ucs2 => (70, 67),
    };
    let room = if parts == 1 { alone } else { of_many * parts };
    let word = if parts == 1 { "part" } else { "parts" };
    let why = match counted.encoding {
        smpp::Encoding::Gsm7 => "",
        smpp::Encoding::Ucs2 => "; a special character makes them short",
    };
    let cost = price.map_or_else(String::new, |price| format!(", {}", price.of_parts(parts)));
    format!("{parts} {word}, {units} of {room} characters{cost}{why}")
}
