//! Terms of the lists → findings: which hits count, and what they mean together.

use std::ops::Range;

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::normalise::Folded;
use crate::sentences;
use crate::slips::Slips;

/// What the lists found; spans are bytes of the folded text.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) findings: Vec<Finding>,
    pub(crate) first_names: Vec<Range<usize>>,
    pub(crate) cities: Vec<Range<usize>>,
}

/// What one sentence holds besides its terms.
#[derive(Debug, Clone, Copy, Default)]
struct Company {
    result_noun: bool,
    ready_word: bool,
    health: bool,
    speaks_to_all: bool,
}

/// Reads the text once against all lists.
pub(crate) fn find(
    lexicon: &Lexicon,
    slips: &Slips,
    folded: &Folded,
    sentences: &[Range<usize>],
) -> Found {
    let mut hits = Vec::new();
    lexicon.find(folded, &mut hits);
    spelled_out(lexicon, folded, &mut hits);
    slips.find(lexicon, folded, &mut hits);
    if hits.is_empty() {
        return Found::default();
    }
    hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
    drop_allowed(lexicon, &mut hits);
    let company = company_of(lexicon, folded, sentences, &hits);
    let mut found = Found::default();
    for hit in &hits {
        let at = sentences::index_of(sentences, hit.start);
        let here = company.get(at).copied().unwrap_or_default();
        let before = at.checked_sub(1).and_then(|b| company.get(b)).copied().unwrap_or_default();
        add(lexicon, &mut found, *hit, here, before);
    }
    drop_contained(&mut found.findings);
    mark_ready(&mut found.findings, sentences, &company);
    found
}

fn add(lexicon: &Lexicon, found: &mut Found, hit: TermHit, here: Company, before: Company) {
    let Some(group) = lexicon.group(hit.group) else { return };
    let span = hit.start..hit.end;
    match group.role {
        Role::FirstName => found.first_names.push(span),
        Role::City => found.cities.push(span),
        Role::ResultMeaning if here.result_noun || before.result_noun => {
            found.findings.push(Finding {
                span,
                category: Category::LabResult,
                level: Level::Sensitive,
                rule: "lab_result.meaning",
                reason: "It tells what a result means.",
                suggestion: "Say only that there is news; the result goes by portal.",
                ready: false,
            });
        }
        Role::Symptom if here.speaks_to_all => {}
        Role::Term if hit.doubtful && !here.health => {}
        Role::Term | Role::Symptom => found.findings.push(Finding {
            span,
            category: group.category,
            level: group.level,
            rule: group.rule,
            reason: group.reason,
            suggestion: group.suggestion,
            ready: false,
        }),
        Role::Allowed
        | Role::HealthCue
        | Role::ResultNoun
        | Role::ResultMeaning
        | Role::ReadyWord => {}
    }
}

/// Letters spaced out for speech (`H. I. V.`) are put together and looked up.
fn spelled_out(lexicon: &Lexicon, folded: &Folded, hits: &mut Vec<TermHit>) {
    let bytes = folded.lower.as_bytes();
    let mut run: Option<(usize, String)> = None;
    let mut at = 0_usize;
    while at <= bytes.len() {
        let next = at.saturating_add(1);
        let single = folded.byte(at).is_ascii_lowercase()
            && folded.starts_word(at)
            && folded.ends_word(next);
        if single {
            let (_, letters) = run.get_or_insert_with(|| (at, String::new()));
            letters.push(char::from(folded.byte(at)));
            at = next;
            while matches!(folded.byte(at), b' ' | b'.' | b'-') && at < bytes.len() {
                at = at.saturating_add(1);
            }
            continue;
        }
        if let Some((start, letters)) = run.take()
            && letters.len() >= 3
        {
            let end = folded.slice(start..at).trim_end_matches([' ', '-']).len();
            let end = start.saturating_add(end);
            hits.extend(lexicon.groups_of(&letters).map(|group| TermHit {
                start,
                end,
                group,
                doubtful: false,
            }));
        }
        at = next;
    }
}

/// Removes the terms that stand inside a phrase where they mean something else.
fn drop_allowed(lexicon: &Lexicon, hits: &mut Vec<TermHit>) {
    let is_allowed =
        |hit: &TermHit| lexicon.group(hit.group).is_some_and(|g| g.role == Role::Allowed);
    if !hits.iter().any(is_allowed) {
        return;
    }
    // Sorted by start, longest first: the furthest end of an allowed phrase seen so far covers.
    let mut covered_to = 0_usize;
    hits.retain(|hit| {
        if is_allowed(hit) {
            covered_to = covered_to.max(hit.end);
            return false;
        }
        hit.end > covered_to
    });
}

fn company_of(
    lexicon: &Lexicon,
    folded: &Folded,
    sentences: &[Range<usize>],
    hits: &[TermHit],
) -> Vec<Company> {
    let mut company: Vec<Company> = sentences
        .iter()
        .map(|s| Company {
            speaks_to_all: speaks_to_all(folded.slice(s.clone())),
            ..Company::default()
        })
        .collect();
    for hit in hits {
        let at = sentences::index_of(sentences, hit.start);
        let (Some(here), Some(group)) = (company.get_mut(at), lexicon.group(hit.group)) else {
            continue;
        };
        match group.role {
            Role::ResultNoun => here.result_noun = true,
            Role::ReadyWord => here.ready_word = true,
            Role::HealthCue => here.health = true,
            Role::Term | Role::Symptom if !hit.doubtful => here.health = true,
            _ => {}
        }
    }
    company
}

/// A condition put to everybody ("if you have a fever, call before you come").
fn speaks_to_all(sentence: &str) -> bool {
    [
        "if you have",
        "if you feel",
        "if you develop",
        "if you or anyone",
        "do you have any",
        "anyone with",
        "si tiene",
        "si usted tiene",
        "si presenta",
    ]
    .iter()
    .any(|words| sentence.contains(words))
}

/// Of two findings of one category, one within the other, the longer says it all.
fn drop_contained(findings: &mut Vec<Finding>) {
    let mut kept: [(usize, Level); 16] = [(0, Level::Administrative); 16];
    findings.retain(|finding| {
        let Some(slot) = kept.get_mut(finding.category as usize) else { return true };
        let contained = finding.span.end <= slot.0 && finding.level <= slot.1;
        if !contained {
            *slot = (finding.span.end, finding.level);
        }
        !contained
    });
}

/// "Your refill is ready", and no drug named anywhere (HHS FAQ 198).
fn mark_ready(findings: &mut [Finding], sentences: &[Range<usize>], company: &[Company]) {
    let names_a_drug =
        findings.iter().any(|f| f.category == Category::Medication && f.level > Level::Mention);
    if names_a_drug {
        return;
    }
    for finding in findings {
        let here = company.get(sentences::index_of(sentences, finding.span.start));
        finding.ready = finding.category == Category::Medication
            && finding.level == Level::Mention
            && here.is_some_and(|c| c.ready_word);
    }
}
