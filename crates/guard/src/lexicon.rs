//! The term lists of `lexicon/`, compiled into one automaton that reads a text once.
//!
//! Each file begins with `key: value` lines (`role` or `category` and `level`, `rule`, `reason`,
//! `suggestion`, `source`, `licence`), then an empty line, then terms divided by commas or line
//! ends. Marks on a term: `^GI` only in capitals; `~stroke` only beside another health word;
//! `depress*` also as the beginning of a longer word. `#` begins a comment.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::level::{Category, Level};
use crate::normalise::{Folded, fold};

/// Every list, by file name.
const FILES: &[(&str, &str)] = &[
    ("allowed", include_str!("../../../lexicon/allowed.txt")),
    ("billing_detail", include_str!("../../../lexicon/billing_detail.txt")),
    ("billing_mention", include_str!("../../../lexicon/billing_mention.txt")),
    ("cities", include_str!("../../../lexicon/cities.txt")),
    ("diagnoses", include_str!("../../../lexicon/diagnoses.txt")),
    ("first_names", include_str!("../../../lexicon/first_names.txt")),
    ("health_cues", include_str!("../../../lexicon/health_cues.txt")),
    ("hiv", include_str!("../../../lexicon/hiv.txt")),
    ("lab_mention", include_str!("../../../lexicon/lab_mention.txt")),
    ("lab_sensitive", include_str!("../../../lexicon/lab_sensitive.txt")),
    ("labs", include_str!("../../../lexicon/labs.txt")),
    ("medication_mention", include_str!("../../../lexicon/medication_mention.txt")),
    ("medications", include_str!("../../../lexicon/medications.txt")),
    ("mental_health", include_str!("../../../lexicon/mental_health.txt")),
    ("procedure_mention", include_str!("../../../lexicon/procedure_mention.txt")),
    ("procedures", include_str!("../../../lexicon/procedures.txt")),
    ("procedures_sensitive", include_str!("../../../lexicon/procedures_sensitive.txt")),
    ("ready_words", include_str!("../../../lexicon/ready_words.txt")),
    ("reproductive", include_str!("../../../lexicon/reproductive.txt")),
    ("result_meanings", include_str!("../../../lexicon/result_meanings.txt")),
    ("result_nouns", include_str!("../../../lexicon/result_nouns.txt")),
    ("specialties", include_str!("../../../lexicon/specialties.txt")),
    ("specialties_sensitive", include_str!("../../../lexicon/specialties_sensitive.txt")),
    ("specialty_mention", include_str!("../../../lexicon/specialty_mention.txt")),
    ("sud", include_str!("../../../lexicon/sud.txt")),
    ("symptoms", include_str!("../../../lexicon/symptoms.txt")),
];

/// What the terms of one file mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// They reveal something.
    Term,
    /// They reveal something unless the sentence speaks to everybody ("if you have a fever").
    Symptom,
    /// A phrase in which a term means something else ("hours of operation").
    Allowed,
    /// A word that makes a doubtful term a health word.
    HealthCue,
    /// A test or its result.
    ResultNoun,
    /// What a result means ("normal").
    ResultMeaning,
    /// A refill is ready or due.
    ReadyWord,
    /// A given name.
    FirstName,
    /// A city, state or country.
    City,
}

/// The head of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) role: Role,
    pub(crate) category: Category,
    pub(crate) level: Level,
    pub(crate) rule: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) suggestion: &'static str,
}

/// One term of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    group: usize,
    /// Only in this spelling or all in capitals.
    capitals: Option<&'static str>,
    doubtful: bool,
    beginning: bool,
}

/// A term found, on word boundaries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TermHit {
    /// Bytes of the folded text.
    pub(crate) start: usize,
    /// End, exclusive.
    pub(crate) end: usize,
    /// Index into [`Lexicon::groups`].
    pub(crate) group: usize,
    /// Means something only beside another health word.
    pub(crate) doubtful: bool,
}

/// What is wrong with a term list. Names the file and line, for whoever edits the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LexiconError {
    pub(crate) file: &'static str,
    pub(crate) what: String,
}

/// All lists, compiled.
#[derive(Debug)]
pub(crate) struct Lexicon {
    automaton: AhoCorasick,
    /// By pattern number of the automaton.
    entries: Vec<Vec<Entry>>,
    pub(crate) groups: Vec<Group>,
    /// Pattern number by folded spelling, for spellings put together from single letters.
    by_spelling: HashMap<String, usize>,
}

impl Lexicon {
    /// The lists that ship with the guard.
    ///
    /// # Errors
    /// A file with a head that lacks a key or has an unknown value.
    pub(crate) fn embedded() -> Result<Self, LexiconError> {
        let mut groups = Vec::with_capacity(FILES.len());
        let mut by_spelling: HashMap<String, usize> = HashMap::new();
        let mut entries: Vec<Vec<Entry>> = Vec::new();
        for (number, (file, text)) in FILES.iter().enumerate() {
            let (head, body) =
                text.split_once("\n\n").ok_or_else(|| wrong(file, "no empty line after head"))?;
            groups.push(parse_head(file, head)?);
            for line in body.lines() {
                let line = line.split('#').next().unwrap_or("");
                for term in line.split(',').map(str::trim).filter(|t| !t.is_empty()) {
                    add_term(term, number, &mut by_spelling, &mut entries);
                }
            }
        }
        let mut patterns = vec![""; entries.len()];
        for (spelling, &number) in &by_spelling {
            if let Some(slot) = patterns.get_mut(number) {
                *slot = spelling;
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns)
            .map_err(|error| wrong("lexicon", &error.to_string()))?;
        Ok(Self { automaton, entries, groups, by_spelling })
    }

    /// Every term in the text that stands on word boundaries, in the order of its end.
    pub(crate) fn find(&self, folded: &Folded, hits: &mut Vec<TermHit>) {
        for found in self.automaton.find_overlapping_iter(folded.lower.as_str()) {
            let (start, end) = (found.start(), found.end());
            if !folded.starts_word(start) {
                continue;
            }
            for entry in self.entries.get(found.pattern().as_usize()).into_iter().flatten() {
                let end = if entry.beginning { end_of_word(folded, end) } else { end };
                let cased = folded.cased_slice(start..end);
                if entry.capitals.is_some_and(|spelling| {
                    cased != spelling && cased.bytes().any(|b| b.is_ascii_lowercase())
                }) {
                    continue;
                }
                let Some(end) = right_boundary(folded, start, end, entry) else { continue };
                hits.push(TermHit { start, end, group: entry.group, doubtful: entry.doubtful });
            }
        }
    }

    /// The groups of a word put together from spelled-out letters (`h i v`).
    pub(crate) fn groups_of(&self, spelling: &str) -> impl Iterator<Item = usize> + '_ {
        self.by_spelling
            .get(spelling)
            .and_then(|&number| self.entries.get(number))
            .into_iter()
            .flatten()
            .filter(|entry| !entry.doubtful)
            .map(|entry| entry.group)
    }

    /// The group with this number.
    pub(crate) fn group(&self, number: usize) -> Option<&Group> {
        self.groups.get(number)
    }

    /// Whether any list holds exactly this word.
    pub(crate) fn knows(&self, word: &str) -> bool {
        self.by_spelling.contains_key(word)
    }

    /// The single words of one rule that are long enough to be recognised with a slip in them.
    pub(crate) fn long_words(&self) -> impl Iterator<Item = (&str, usize)> {
        self.by_spelling.iter().flat_map(|(spelling, &number)| {
            self.entries
                .get(number)
                .into_iter()
                .flatten()
                .filter(|e| !e.doubtful && e.capitals.is_none() && !e.beginning)
                .filter(|_| spelling.len() >= 7 && spelling.bytes().all(|b| b.is_ascii_lowercase()))
                .map(|e| (spelling.as_str(), e.group))
        })
    }
}

fn wrong(file: &'static str, what: &str) -> LexiconError {
    LexiconError { file, what: what.to_owned() }
}

fn end_of_word(folded: &Folded, mut at: usize) -> usize {
    while !folded.ends_word(at) {
        at = at.saturating_add(1);
    }
    at
}

/// Where the word ends: at once, or after a plural or possessive ending.
fn right_boundary(folded: &Folded, start: usize, end: usize, entry: &Entry) -> Option<usize> {
    if folded.ends_word(end) {
        return Some(end);
    }
    let endings: &[&str] = match end.saturating_sub(start) {
        _ if entry.capitals.is_some() => &["s"],
        0..4 => &[],
        4 => &["s"],
        _ => &["s", "es"],
    };
    endings.iter().map(|ending| (ending, end.saturating_add(ending.len()))).find_map(
        |(ending, after)| {
            (folded.slice(end..after) == *ending && folded.ends_word(after)).then_some(after)
        },
    )
}

fn add_term(
    term: &'static str,
    group: usize,
    by_spelling: &mut HashMap<String, usize>,
    entries: &mut Vec<Vec<Entry>>,
) {
    let doubtful = term.contains('~');
    let beginning = term.ends_with('*');
    let bare = term.trim_matches(['^', '~', '*']);
    let capitals = term.contains('^').then_some(bare);
    let spelling = fold(bare);
    let mut spellings = vec![spelling.clone()];
    if spelling.contains(' ') {
        spellings.push(spelling.replace(' ', "-"));
    }
    if spelling.contains('-') {
        spellings.push(spelling.replace('-', " "));
    }
    if spelling.contains('\'') {
        spellings.push(spelling.replace('\'', ""));
    }
    let entry = Entry { group, capitals, doubtful, beginning };
    for spelling in spellings {
        let next = entries.len();
        let number = *by_spelling.entry(spelling).or_insert(next);
        if number == next {
            entries.push(Vec::new());
        }
        if let Some(list) = entries.get_mut(number)
            && !list.contains(&entry)
        {
            list.push(entry);
        }
    }
}

fn parse_head(file: &'static str, head: &'static str) -> Result<Group, LexiconError> {
    let value = |key: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.trim())
            .ok_or_else(|| wrong(file, &format!("head lacks `{key}`")))
    };
    value("source")?;
    value("licence")?;
    let role = parse_role(file, value("role").unwrap_or("term"))?;
    if !matches!(role, Role::Term | Role::Symptom) {
        return Ok(Group {
            role,
            category: Category::IdentifierOther,
            level: Level::Administrative,
            rule: "",
            reason: "",
            suggestion: "",
        });
    }
    let level = value("level")?
        .parse::<u8>()
        .map_err(|e| wrong(file, &format!("level: {e}")))
        .and_then(|n| Level::try_from(n).map_err(|e| wrong(file, &e)))?;
    Ok(Group {
        role,
        category: parse_category(file, value("category")?)?,
        level,
        rule: value("rule")?,
        reason: value("reason")?,
        suggestion: value("suggestion")?,
    })
}

fn parse_role(file: &'static str, name: &str) -> Result<Role, LexiconError> {
    Ok(match name {
        "term" => Role::Term,
        "symptom" => Role::Symptom,
        "allowed" => Role::Allowed,
        "health_cue" => Role::HealthCue,
        "result_noun" => Role::ResultNoun,
        "result_meaning" => Role::ResultMeaning,
        "ready_word" => Role::ReadyWord,
        "first_name" => Role::FirstName,
        "city" => Role::City,
        other => return Err(wrong(file, &format!("unknown role `{other}`"))),
    })
}

fn parse_category(file: &'static str, name: &str) -> Result<Category, LexiconError> {
    Ok(match name {
        "diagnosis" => Category::Diagnosis,
        "medication" => Category::Medication,
        "lab_result" => Category::LabResult,
        "procedure" => Category::Procedure,
        "specialty" => Category::Specialty,
        "mental_health" => Category::MentalHealth,
        "sud" => Category::Sud,
        "reproductive" => Category::Reproductive,
        "hiv" => Category::Hiv,
        "billing" => Category::Billing,
        other => return Err(wrong(file, &format!("unknown category `{other}`"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_parses_and_none_is_forgotten() {
        let lexicon = Lexicon::embedded().unwrap();
        assert_eq!(lexicon.groups.len(), FILES.len());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lexicon");
        let mut on_disk: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "txt"))
            .filter(|path| {
                // The folder also holds tables of other parts, which have another head.
                let text = std::fs::read_to_string(path).unwrap();
                text.starts_with("role: ") || text.starts_with("category: ")
            })
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        on_disk.sort();
        let listed: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(on_disk, listed);
    }

    #[test]
    fn a_wrong_head_is_named() {
        let missing = parse_head("x", "source: s\nlicence: l\nlevel: 2").unwrap_err();
        assert!(missing.what.contains("category") || missing.what.contains("rule"));
        assert!(parse_head("x", "source: s\nlicence: l\nrole: nonsense").is_err());
        assert!(parse_head("x", "category: hiv").is_err());
    }

    #[test]
    fn plurals_and_capitals() {
        let lexicon = Lexicon::embedded().unwrap();
        let count = |text: &str| {
            let mut hits = Vec::new();
            lexicon.find(&Folded::new(text), &mut hits);
            hits.len()
        };
        assert!(count("biopsy") > 0 && count("abiopsyx") == 0);
        assert!(count("mammograms") > 0);
    }
}
