//! Numbers said digit by digit: `five two one, four four, nine oh one seven`, `1 4 4 2 8 9 3 0 5`.
//!
//! A run of digit words says only that a number is given; the words around it say which.

use std::ops::Range;

use super::number_rules::{CARD, LAST_FOUR, MRN, SSN, number};
use super::words::{Gap, Words};
use super::{Inventory, Reading, What, cue_before, cues};
use crate::level::IdentifierKind;
use crate::normalise::Folded;

/// A run of spoken digits.
struct Run {
    span: Range<usize>,
    digits: usize,
}

/// What a number is by the words before it; the first row that fits counts.
const KINDS: &[(&[&str], IdentifierKind, usize)] = &[
    (&["social", "ssn", "s s n", "seguro social", "social security"], IdentifierKind::Ssn, 9),
    (&["chart", "record", "mrn", "m r n", "expediente"], IdentifierKind::Mrn, 4),
    (
        &[
            "member",
            "subscriber",
            "policy",
            "poliza",
            "medicare",
            "medicaid",
            "insurance",
            "plan",
            "group number",
            "afiliado",
        ],
        IdentifierKind::Plan,
        4,
    ),
    (&["account number", "account", "cuenta"], IdentifierKind::Account, 5),
    (&["license", "licence", "licencia"], IdentifierKind::Licence, 5),
    (&["claim", "case number", "reference number", "user id"], IdentifierKind::Other, 4),
];
const REACH: usize = 44;

/// Finds every spoken number that stands for a person. Telephone numbers are left to `contact`.
pub(super) fn find(reading: Reading<'_>, words: &Words, out: &mut Inventory) {
    let folded = reading.folded;
    let mut at = 0_usize;
    while at < words.list.len() {
        let Some((run, last)) = run_from(folded, words, at) else {
            at = at.saturating_add(1);
            continue;
        };
        at = last.saturating_add(1);
        if run.digits >= 3 && out.is_free(&run.span) {
            judge(folded, &run, out);
        }
    }
}

fn judge(folded: &Folded, run: &Run, out: &mut Inventory) {
    let after = folded.lower.get(run.span.end..).unwrap_or("");
    let social_follows = after
        .trim_start_matches([' ', ','])
        .trim_start_matches("is ")
        .trim_start_matches("are ")
        .starts_with("the last four of");
    let found: Option<(IdentifierKind, What)> = if run.digits >= 13
        && run.digits <= 19
        && cue_before(folded, run.span.start, REACH, &["card", "tarjeta"])
    {
        Some((IdentifierKind::Other, CARD))
    } else if run.digits == 4
        && (social_follows
            || cue_before(
                folded,
                run.span.start,
                REACH,
                &[
                    "last four of your social",
                    "last four of the social",
                    "last four",
                    "ultimos cuatro",
                ],
            ))
    {
        (social_follows || cue_before(folded, run.span.start, REACH, &["social", "ssn"]))
            .then_some((IdentifierKind::Ssn, LAST_FOUR))
    } else {
        KINDS
            .iter()
            .find(|(cue, _, least)| {
                run.digits >= *least && cue_before(folded, run.span.start, REACH, cue)
            })
            .map(|(_, kind, _)| (*kind, what_of(*kind)))
    };
    if let Some((kind, what)) = found {
        out.add(run.span.clone(), kind);
        out.add_finding(run.span.clone(), &what);
    } else if cue_before(
        folded,
        run.span.start,
        24,
        &["date of birth", "dob", "born", "birthday", "nacimiento"],
    ) {
        out.add(run.span.clone(), IdentifierKind::Date);
        out.add_finding(run.span.clone(), &super::dates::DOB);
    }
}

fn what_of(kind: IdentifierKind) -> What {
    match kind {
        IdentifierKind::Ssn => SSN,
        IdentifierKind::Mrn => MRN,
        IdentifierKind::Plan => number("identifier.plan", "It is a health plan number."),
        IdentifierKind::Account => number("identifier.account", "It is an account number."),
        IdentifierKind::Licence => number("identifier.licence", "It is a licence number."),
        _ => number("identifier.code", "It is a number that stands for the patient's record."),
    }
}

/// A run of at least three digits that begins at this word, and the index of its last word.
/// Letters said one by one may stand before the digits: `X Q H eight eight four two`.
fn run_from(folded: &Folded, words: &Words, first: usize) -> Option<(Run, usize)> {
    let begin = words.get(first)?;
    let mut run = Run { span: begin.start..begin.start, digits: 0 };
    let mut last = first;
    let mut at = first;
    while let Some(word) = words.get(at) {
        let text = folded.slice(word.span());
        let near = at == first
            || match word.gap {
                Gap::Space | Gap::Comma => true,
                Gap::Other => {
                    word.start.saturating_sub(run.span.end) <= 3
                        && !folded
                            .slice(run.span.end..word.start)
                            .contains(['.', '?', '!', '(', ':'])
                }
                Gap::Dot | Gap::Start => false,
            };
        let digits = match text.as_bytes() {
            _ if word.is(cues::DIGIT_WORD) => 1,
            [digit] if digit.is_ascii_digit() => 1,
            [letter]
                if letter.is_ascii_alphabetic()
                    && run.digits == 0
                    && *letter != b'i'
                    && *letter != b'a' =>
            {
                0
            }
            _ if word.is(cues::TENS) => 2,
            _ => break,
        };
        if !near {
            break;
        }
        run.digits = run.digits.saturating_add(digits);
        run.span.end = word.end;
        last = at;
        at = at.saturating_add(1);
    }
    (run.digits >= 3).then_some((run, last))
}

#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Context, IdentifierKind};

    #[test]
    fn spoken_numbers_by_their_cue() {
        for (text, kind) in [
            ("your social as five two one, four four, nine oh one seven", IdentifierKind::Ssn),
            ("s s n : 1 4 4 2 8 9 3 0 5 ok?", IdentifierKind::Ssn),
            ("Are seven seven oh three the last four of your social?", IdentifierKind::Ssn),
            ("Chart number four four one nine oh two", IdentifierKind::Mrn),
            ("member I D is X Q H eight eight four two", IdentifierKind::Plan),
            ("date of birth as three, fourteen, sixty two", IdentifierKind::Date),
        ] {
            let kinds: Vec<_> =
                by_rules(text, &Context::default()).identifiers.iter().map(|i| i.kind).collect();
            assert_eq!(kinds, [kind], "{text}");
        }
        for text in ["at one two or three o'clock", "take one, two, three deep breaths"] {
            assert_eq!(by_rules(text, &Context::default()).identifiers, [], "{text}");
        }
    }
}
