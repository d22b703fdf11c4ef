//! Terms of the lists → findings: which hits count, and what they mean together.

use std::ops::Range;

use crate::assessment::Finding;
use crate::hidden;
use crate::level::{Category, Level};
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::normalise::Folded;
use crate::slips::Slips;
use crate::tokens::Token;
use crate::words::NO_WORD;

/// A text as the rules read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) tokens: &'a [Token],
    /// How many sentences there are.
    pub(crate) sentences: usize,
}

/// What the lists found; spans are bytes of the folded text.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) findings: Vec<Finding>,
    pub(crate) first_names: Vec<Range<usize>>,
    pub(crate) cities: Vec<Range<usize>>,
    /// Every hit that counts, in the order of the text, longest first.
    pub(crate) hits: Vec<TermHit>,
}

/// What one sentence holds besides its terms: one bit for each role.
#[derive(Debug, Clone, Copy, Default)]
struct Company(u64);

impl Company {
    const fn holds(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }
}

/// Reads the text once against all lists.
pub(crate) fn find(lexicon: &Lexicon, slips: &Slips, text: Text<'_>) -> Found {
    let mut hits = Vec::with_capacity(16);
    lexicon.find(text.folded, text.tokens, &mut hits);
    hidden::find(lexicon, text, &mut hits);
    slips.find(lexicon, text, &mut hits);
    let mut found = Found::default();
    for token in text.tokens {
        if token.word != NO_WORD && lexicon.words.roles(token.word) & Role::FirstName.bit() != 0 {
            found.first_names.push(token.span());
        }
    }
    if hits.is_empty() {
        return found;
    }
    hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
    drop_allowed(lexicon, &mut hits);
    let company = company_of(lexicon, text, &hits);
    for hit in &hits {
        let at = sentence_of(text, hit);
        let here = company.get(at).copied().unwrap_or_default();
        let before = at.checked_sub(1).and_then(|b| company.get(b)).copied().unwrap_or_default();
        add(lexicon, &mut found, hit, here, before);
    }
    drop_contained(&mut found.findings);
    mark_ready(text, &mut found.findings, &company);
    found.hits = hits;
    found
}

fn sentence_of(text: Text<'_>, hit: &TermHit) -> usize {
    text.tokens.get(hit.last).map_or(0, |token| token.sentence)
}

fn add(lexicon: &Lexicon, found: &mut Found, hit: &TermHit, here: Company, before: Company) {
    let Some(group) = lexicon.group(hit.group) else { return };
    let span = hit.start..hit.end;
    match group.role {
        Role::City => found.cities.push(span),
        Role::ResultMeaning if here.holds(Role::ResultNoun) || before.holds(Role::ResultNoun) => {
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
        Role::Symptom if here.holds(Role::ToAll) => {}
        Role::Term if hit.doubtful && !here.holds(Role::HealthCue) => {}
        Role::Term | Role::Symptom => found.findings.push(group.finding(span)),
        _ => {}
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

fn company_of(lexicon: &Lexicon, text: Text<'_>, hits: &[TermHit]) -> Vec<Company> {
    let mut company = vec![Company::default(); text.sentences.max(1)];
    for hit in hits {
        let (Some(here), Some(group)) =
            (company.get_mut(sentence_of(text, hit)), lexicon.group(hit.group))
        else {
            continue;
        };
        here.0 |= match group.role {
            Role::Term | Role::Symptom if hit.doubtful => 0,
            Role::Term | Role::Symptom => Role::HealthCue.bit(),
            role => role.bit(),
        };
    }
    company
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
fn mark_ready(text: Text<'_>, findings: &mut [Finding], company: &[Company]) {
    let names_a_drug =
        findings.iter().any(|f| f.category == Category::Medication && f.level > Level::Mention);
    if names_a_drug {
        return;
    }
    for finding in findings {
        if finding.category != Category::Medication || finding.level != Level::Mention {
            continue;
        }
        let token = text.tokens.iter().find(|t| t.end >= finding.span.end);
        let here = token.and_then(|t| company.get(t.sentence));
        finding.ready = here.is_some_and(|c| c.holds(Role::ReadyWord));
    }
}
