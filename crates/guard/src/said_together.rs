//! Ordinary words that tell something only together: a part of the body and what is wrong with
//! it ("a spot on your lung"), what one has and how it changed ("your hearing has dropped").

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::terms::Text;
use crate::values::{BY_PORTAL, Says};

/// Two kinds of words, near each other in one sentence, and what that tells.
#[derive(Debug)]
struct Pair {
    one: Role,
    other: Role,
    /// How many words may stand between them.
    apart: usize,
    /// The first kind stands before the other.
    in_order: bool,
    tells: &'static [Says],
}

const FOUND: Says = Says {
    category: Category::Diagnosis,
    level: Level::Sensitive,
    rule: "diagnosis.finding",
    reason: "It tells what was found on a part of the body.",
    suggestion: BY_PORTAL,
};
const SEEN: Says = Says {
    category: Category::LabResult,
    rule: "lab_result.finding",
    reason: "It tells what a picture or test showed.",
    ..FOUND
};
const AILS: Says = Says {
    rule: "diagnosis.ailing",
    reason: "It tells what is wrong with a part of the body.",
    suggestion: "Ask the patient to call, without naming the complaint.",
    ..FOUND
};
const CHANGED: Says = Says {
    category: Category::LabResult,
    rule: "lab_result.change",
    reason: "It tells how the patient's body or a reading has changed.",
    ..FOUND
};
pub(crate) const DONE: Says = Says {
    category: Category::Procedure,
    level: Level::Detail,
    rule: "procedure.done_to",
    reason: "It tells what is done to a part of the body.",
    suggestion: "Say “your visit” or “your appointment”.",
};

const CLINIC: Says = Says {
    category: Category::Specialty,
    rule: "specialty.said_together",
    reason: "It tells what the clinic or clinician treats.",
    suggestion: "Say “your appointment” with the clinician's surname only.",
    ..DONE
};

/// In one breath: the pairs, most telling first.
const PAIRS: &[Pair] = &[
    Pair {
        one: Role::BodyPart,
        other: Role::BodyFinding,
        apart: 6,
        in_order: false,
        tells: &[FOUND, SEEN],
    },
    Pair { one: Role::BodyPart, other: Role::Ailing, apart: 5, in_order: false, tells: &[AILS] },
    Pair { one: Role::Asks, other: Role::BodyPart, apart: 3, in_order: true, tells: &[AILS] },
    Pair { one: Role::Asks, other: Role::Faculty, apart: 1, in_order: true, tells: &[AILS] },
    Pair {
        one: Role::Faculty,
        other: Role::Change,
        apart: 4,
        in_order: false,
        tells: &[CHANGED, AILS],
    },
    Pair {
        one: Role::Picture,
        other: Role::BodyFinding,
        apart: 6,
        in_order: true,
        tells: &[SEEN, FOUND],
    },
    Pair {
        one: Role::Picture,
        other: Role::Ailing,
        apart: 5,
        in_order: true,
        tells: &[SEEN, FOUND],
    },
    Pair { one: Role::Treats, other: Role::Unit, apart: 0, in_order: true, tells: &[CLINIC] },
    Pair { one: Role::Act, other: Role::BodyPart, apart: 3, in_order: true, tells: &[DONE] },
    Pair { one: Role::Act, other: Role::BodyFinding, apart: 2, in_order: true, tells: &[DONE] },
];

/// The roles that [`PAIRS`] read: a text without two of them is passed over at once.
const ROLES: u64 = Role::BodyPart.bit()
    | Role::BodyFinding.bit()
    | Role::Ailing.bit()
    | Role::Asks.bit()
    | Role::Faculty.bit()
    | Role::Change.bit()
    | Role::Picture.bit()
    | Role::Treats.bit()
    | Role::Unit.bit()
    | Role::Act.bit();

/// Words of one kind in the text.
#[derive(Clone, Copy)]
struct Said {
    role: Role,
    start: usize,
    end: usize,
    first: usize,
    last: usize,
    sentence: usize,
}

/// Adds a finding for each pair; `excuses` says in which sentences such words mean no patient.
pub(crate) fn find(
    lexicon: &Lexicon,
    text: Text<'_>,
    hits: &[TermHit],
    excuses: impl Fn(usize) -> bool,
    out: &mut Vec<Finding>,
) {
    let role_of = |hit: &TermHit| lexicon.group(hit.group).map(|g| g.role);
    let ours = |hit: &&TermHit| role_of(hit).is_some_and(|role| role.bit() & ROLES != 0);
    if hits.iter().filter(ours).take(2).count() < 2 {
        return;
    }
    let said: Vec<Said> = hits
        .iter()
        .filter(ours)
        .filter(|hit| !is_a_name(text, hit))
        .filter_map(|hit| {
            Some(Said {
                role: role_of(hit)?,
                start: hit.start,
                end: hit.end,
                first: text.tokens.partition_point(|t| t.start < hit.start),
                last: hit.last,
                sentence: text.tokens.get(hit.last)?.sentence,
            })
        })
        .collect();
    for (at, one) in said.iter().enumerate() {
        // Sorted by start: what is too far behind ends the search.
        let near = said.iter().skip(at.saturating_add(1)).take_while(|other| {
            other.sentence == one.sentence && other.first <= one.last.saturating_add(WIDEST)
        });
        for other in near {
            if other.start < one.end {
                continue;
            }
            let between = other.first.saturating_sub(one.last.saturating_add(1));
            let told = PAIRS.iter().find(|pair| {
                between <= pair.apart
                    && (pair.one == one.role && pair.other == other.role
                        || !pair.in_order && pair.one == other.role && pair.other == one.role)
            });
            if let Some(pair) = told
                && !excuses(one.sentence)
            {
                out.extend(pair.tells.iter().map(|says| says.at(one.start..other.end)));
            }
        }
    }
}

/// The widest gap of [`PAIRS`], and one.
const WIDEST: usize = 7;

/// "Crack Willow Road", "Hip Street": a capital within a sentence.
fn is_a_name(text: Text<'_>, hit: &TermHit) -> bool {
    let first = text.tokens.partition_point(|t| t.start < hit.start);
    let opens = first
        .checked_sub(1)
        .and_then(|b| text.tokens.get(b))
        .is_none_or(|before| text.tokens.get(first).is_some_and(|t| t.sentence != before.sentence));
    !opens
        && text.folded.is_capital(hit.start)
        && text.folded.cased_slice(hit.start..hit.end).bytes().any(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Context, Level};

    #[test]
    fn parts_of_the_body_tell_with_what_is_wrong() {
        for text in [
            "There is a spot on your lung the doctor wants to watch.",
            "Is the hand still going numb at night?",
            "Your hearing has dropped since last year.",
            "How's the breathing today?",
            "The film shows it's broken.",
            "Le encontraron una mancha en el pulmon.",
            "Como sigue de la garganta?",
        ] {
            assert_eq!(by_rules(text, &Context::default()).level, Level::Sensitive, "{text}");
        }
        let text = "They'll put the camera down your throat at nine.";
        assert_eq!(by_rules(text, &Context::default()).level, Level::Detail, "{text}");
    }

    #[test]
    fn the_same_words_apart_tell_nothing() {
        for text in [
            "A spot opened up tomorrow at 9:20. Do you want it?",
            "Watch for the crack in the sidewalk on Knee Street.",
            "We look forward to hearing from you, all good here.",
            "Come to the back door, the front is stuck.",
        ] {
            assert_eq!(by_rules(text, &Context::default()).findings, [], "{text}");
        }
    }
}
