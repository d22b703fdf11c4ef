//! Terms of the lists → findings: which hits count, and what they mean together.

use std::ops::Range;

use crate::assessment::Finding;
use crate::hidden;
use crate::level::{Category, Level};
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::names;
use crate::normalise::Folded;
use crate::said_together;
use crate::slips::{REGISTERED, Slips};
use crate::tokens::{Gap, Token};
use crate::values::Says;

const MEANING: Says = Says {
    category: Category::LabResult,
    level: Level::Sensitive,
    rule: "lab_result.meaning",
    reason: "It tells what a result means.",
    suggestion: "Say only that there is news; the result goes by portal.",
};
/// The rule of `result_phrases.txt`: a meaning that needs no test beside it.
const EUPHEMISM: &str = "lab_result.euphemism";
const PROVEN: Says = Says {
    category: Category::Diagnosis,
    rule: "diagnosis.proven",
    reason: "It tells what a test proved.",
    ..MEANING
};
const VACCINE: Says = Says {
    category: Category::Medication,
    level: Level::Detail,
    rule: "medication.vaccine",
    reason: "It names a vaccine or a swab by its disease.",
    suggestion: "Say “your visit”, or send it by portal.",
};

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
    /// Every hit that counts, in the order of the text, longest first.
    pub(crate) hits: Vec<TermHit>,
    /// The last token of the last test or result that was read.
    last_noun: Option<usize>,
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
    slips.find_spoken(lexicon, text, &mut hits);
    let mut found = Found::default();
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
        add(lexicon, text, &mut found, hit, Around { here, before });
    }
    let means_nobody = |sentence: usize| {
        let here = company.get(sentence).copied().unwrap_or_default();
        here.holds(Role::ToAll) || here.holds(Role::Elsewhere)
    };
    said_together::find(lexicon, text, &hits, means_nobody, &mut found.findings);
    found.findings.sort_by_key(|f| (f.span.start, std::cmp::Reverse(f.span.end)));
    drop_explained(&mut found.findings);
    drop_contained(&mut found.findings);
    mark_ready(text, &mut found.findings, &company);
    found.hits = hits;
    found
}

fn sentence_of(text: Text<'_>, hit: &TermHit) -> usize {
    text.tokens.get(hit.last).map_or(0, |token| token.sentence)
}

/// What the sentence of a hit holds, and the one before it.
#[derive(Debug, Clone, Copy)]
struct Around {
    here: Company,
    before: Company,
}

fn add(lexicon: &Lexicon, text: Text<'_>, found: &mut Found, hit: &TermHit, around: Around) {
    let Some(group) = lexicon.group(hit.group) else { return };
    let Around { here, before } = around;
    let span = hit.start..hit.end;
    match group.role {
        Role::ResultMeaning
            if here.holds(Role::ResultNoun)
                || here.holds(Role::CameBack)
                || before.holds(Role::ResultNoun) =>
        {
            found.findings.push(MEANING.at(span));
        }
        Role::WeakMeaning if here.holds(Role::CameBack) || is_said_of_a_test(text, found, hit) => {
            found.findings.push(MEANING.at(span));
        }
        Role::ResultNoun => found.last_noun = Some(hit.last),
        Role::Pathogen if here.holds(Role::ResultMeaning) && here.holds(Role::ResultNoun) => {
            found.findings.push(PROVEN.at(span));
        }
        Role::Symptom if here.holds(Role::ToAll) => {}
        Role::Term | Role::Symptom => {
            let doubted = hit.doubtful && !here.holds(Role::HealthCue)
                || hit.homograph
                    && (here.holds(Role::Elsewhere) || before.holds(Role::Elsewhere))
                    && !is_owned(text, hit.start)
                || group.category == Category::Medication
                    && group.level <= Level::Detail
                    && (here.holds(Role::Community) || before.holds(Role::Community))
                    && !is_owned(text, hit.start)
                    && !is_due(text, hit)
                || names::is_in_a_name(text, hit, group.category)
                || group.rule == REGISTERED && names::follows_a_capital(text, hit);
            if doubted {
                return;
            }
            if group.category == Category::Diagnosis
                && here.holds(Role::VaccineWord)
                && lexicon.is_preventable(text, hit)
            {
                found.findings.push(VACCINE.at(span));
                return;
            }
            found.findings.extend(group.findings(&span));
        }
        _ => {}
    }
}

/// "Your labs look fine": the word stands right behind a test and a verb.
fn is_said_of_a_test(text: Text<'_>, found: &Found, hit: &TermHit) -> bool {
    let Some(noun) = found.last_noun.filter(|&noun| noun < hit.last) else { return false };
    let between = text.tokens.get(noun.saturating_add(1)..hit.last).unwrap_or(&[]);
    let goes_on = |t: &Token| t.gap <= Gap::Soft && t.roles & Role::Common.bit() != 0;
    let verb = |t: &Token| {
        matches!(
            text.folded.slice(t.span()),
            "is" | "are"
                | "was"
                | "were"
                | "look"
                | "looks"
                | "looked"
                | "looking"
                | "came"
                | "seem"
                | "seems"
                | "all"
                | "esta"
                | "estan"
                | "salio"
                | "salieron"
                | "r"
                | "they're"
                | "went"
        )
    };
    // "Dropped" and "climbed" are verbs themselves.
    let moves = matches!(
        text.tokens.get(hit.last).map_or("", |t| text.folded.slice(t.span())),
        "dropped"
            | "rose"
            | "fell"
            | "climbed"
            | "jumped"
            | "worsened"
            | "improved"
            | "normalized"
            | "plateaued"
            | "tanked"
            | "crept"
    );
    if moves && between.len() <= 1 && between.iter().all(goes_on) {
        return true;
    }
    between.len() <= 5
        && between.iter().all(goes_on)
        && between.iter().rev().take(4).any(verb)
        && !text.tokens.get(hit.last.saturating_add(1)).is_some_and(|t| {
            matches!(
                text.folded.slice(t.span()),
                "for" | "to" | "until" | "at" | "with" | "by" | "any"
            ) && t.gap <= Gap::Soft
        })
}

/// "You are due for", "time for": said to the patient, not to everybody.
fn is_due(text: Text<'_>, hit: &TermHit) -> bool {
    let sentence = text.tokens.get(hit.last).map_or(0, |t| t.sentence);
    text.tokens.iter().filter(|t| t.sentence == sentence).any(|t| {
        matches!(text.folded.slice(t.span()), "due" | "your" | "ur" | "toca" | "su" | "yours")
    })
}

/// "Your depression", "su dolor": what somebody has is no weather.
pub(crate) fn is_owned(text: Text<'_>, start: usize) -> bool {
    let first = text.tokens.partition_point(|t| t.start < start);
    let before = first.checked_sub(1).and_then(|b| text.tokens.get(b));
    before.is_some_and(|t| {
        matches!(
            text.folded.slice(t.span()),
            "your" | "ur" | "his" | "her" | "their" | "my" | "su" | "sus" | "tu" | "with" | "has"
        )
    })
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
            // A proven disease or a vaccine's is also a health word.
            role @ (Role::Pathogen | Role::Preventable) => role.bit() | Role::HealthCue.bit(),
            role => role.bit(),
        } | if group.rule == EUPHEMISM { Role::ResultMeaning.bit() } else { 0 };
    }
    company
}

/// "Cataract surgery" and "knee replacement" name a procedure, not the disease or the knee.
fn drop_explained(findings: &mut Vec<Finding>) {
    let longer: Vec<Range<usize>> = findings
        .iter()
        .filter(|f| {
            f.level == Level::Detail
                && f.rule != said_together::DONE.rule
                && matches!(
                    f.category,
                    Category::Procedure
                        | Category::Medication
                        | Category::LabResult
                        | Category::Specialty
                )
        })
        .map(|f| f.span.clone())
        .collect();
    if longer.is_empty() {
        return;
    }
    findings.retain(|f| {
        f.rule == PROVEN.rule
            || !(f.category == Category::Diagnosis || f.rule == "reproductive.test")
            || f.level != Level::Sensitive
            || !longer.iter().any(|l| {
                l.len() > f.span.len()
                    && (l.start <= f.span.start && f.span.end <= l.end
                        || f.rule == "diagnosis.symptom"
                            && l.start < f.span.end
                            && f.span.start < l.end)
            })
    });
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
