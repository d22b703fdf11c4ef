//! Numbers said digit by digit: `five two one, four four, nine oh one seven`, `1 4 4 2 8 9 3 0 5`,
//! `eight eight one, dash, four oh two six`, `ochenta y siete`.
//!
//! A run of digits says only that a number is given; the words around it say which.

use std::ops::Range;

use super::number_rules::{CARD, LAST_FOUR, MRN, SSN, number};
use super::words::Words;
use super::{Inventory, Reading, What, cue_before, cues};
use crate::level::IdentifierKind;
use crate::normalise::Folded;

/// A run of digits, said or written.
#[derive(Debug, Default)]
struct Run {
    span: Range<usize>,
    digits: Vec<u8>,
    /// Holds a number in words, or digits one by one.
    said: bool,
    /// Letters said one by one.
    letters: usize,
}

/// What a word says in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Unit(u8),
    /// Ten to nineteen.
    Teen(u8),
    /// The first digit of twenty, thirty …
    Tens(u8),
    Hundred,
    /// `double`, `triple`.
    Times(usize),
    Letter,
    /// `dash`, `then`: the number goes on.
    Join,
}

/// More digits than any number that is looked for.
const MOST: usize = 24;
const MOST_LETTERS: usize = 6;

/// Everything that may be said of a social security number.
const SOCIAL: &[&str] = &[
    "social",
    "socail",
    "ssn",
    "s s n",
    "s.s.n",
    "soc sec",
    "soc",
    "ss#",
    "ss",
    "nine digits",
    "seguro",
];
/// A part of a number is told of.
const ENDS: &[&str] = &[
    "last four",
    "last 4",
    "last-4",
    "l4",
    "ends",
    "ending",
    "ends in",
    "end of",
    "tail end",
    "end bit",
    "final four",
    "termina",
    "terminan",
    "terminacion",
    "ultimos cuatro",
    "ultimos 4",
    "cuatro ultimos",
];
const CARDS: &[&str] = &[
    "card",
    "visa",
    "mastercard",
    "master card",
    "amex",
    "american express",
    "discover",
    "debit",
    "tarjeta",
    "deposit",
    "payment",
];
const CARD_CODES: &[&str] = &[
    "security code",
    "on the back",
    "on back",
    "for the code",
    "the code",
    "cvv",
    "cvc",
    "3 digits",
    "three digits",
    "three numbers",
    "codigo",
];

/// What a number is by the words before it; the first row that fits counts.
const KINDS: &[(&[&str], IdentifierKind, usize)] = &[
    (
        &[
            "chart number",
            "record number",
            "hospital number",
            "chart",
            "record",
            "mrn",
            "m r n",
            "expediente",
        ],
        IdentifierKind::Mrn,
        4,
    ),
    (
        &[
            "member",
            "subscriber",
            "policy",
            "policy's",
            "poliza",
            "medicare",
            "medicaid",
            "insurance",
            "plan",
            "group number",
            "afiliado",
            "blue card",
        ],
        IdentifierKind::Plan,
        6,
    ),
    (&["account number", "account's number", "account", "cuenta"], IdentifierKind::Account, 6),
    (&["license", "licence", "licencia"], IdentifierKind::Licence, 5),
    (&["serial", "pacemaker"], IdentifierKind::Device, 5),
    (&["claim", "case number", "reference number", "user id"], IdentifierKind::Other, 4),
];
/// How far before the number its cue may stand, in bytes.
const REACH: usize = 44;
/// The same for numbers that need no more than to be spoken of.
const FAR: usize = 90;

/// Finds every spoken number that stands for a person. Telephone numbers are left to `contact`.
pub(super) fn find(reading: Reading<'_>, words: &Words, out: &mut Inventory) {
    let folded = reading.folded;
    let mut after = 0_usize;
    for word in &words.list {
        let first = folded.byte(word.start);
        let begins = first.is_ascii_digit()
            || word.end.saturating_sub(word.start) == 1
            || word.is(cues::DIGIT_WORD | cues::TENS)
            || said(folded.slice(word.start..end_of_word(folded, word.start))).is_some();
        if word.start < after || !begins {
            continue;
        }
        if let Some(run) = run_from(folded, word.start) {
            after = run.span.end;
            if out.is_free(&run.span) {
                judge(folded, &run, out);
            }
        }
    }
}

/// The runs of six to eight digits said behind one of the words: `born ten, ten, fifty-one`.
pub(super) fn said_behind(folded: &Folded, words: &Words, cues: &[&str]) -> Vec<Range<usize>> {
    let mut after = 0_usize;
    let mut found = Vec::new();
    for word in &words.list {
        let text = || folded.slice(word.start..end_of_word(folded, word.start));
        if word.start < after || said(text()).is_none() {
            continue;
        }
        if let Some(run) = run_from(folded, word.start) {
            after = run.span.end;
            let day = run.letters == 0 && (5..=8).contains(&run.digits.len());
            if day && cue_before(folded, run.span.start, 40, cues) {
                found.push(run.span);
            }
        }
    }
    found
}

fn judge(folded: &Folded, run: &Run, out: &mut Inventory) {
    let found = social(folded, run).or_else(|| card(folded, run)).or_else(|| by_cue(folded, run));
    if let Some((kind, what)) = found {
        out.add(run.span.clone(), kind);
        out.add_finding(run.span.clone(), &what);
    }
}

/// A whole social security number, or its last four digits.
fn social(folded: &Folded, run: &Run) -> Option<(IdentifierKind, What)> {
    let near = |reach| {
        cue_before(folded, run.span.start, reach, SOCIAL) || cue_after(folded, run, 48, SOCIAL)
    };
    let of_a_plan =
        || cue_before(folded, run.span.start, FAR, &["poliza", "afiliado", "miembro", "policy"]);
    match run.digits.len() {
        // "S S N 5 2 9 …": the letters are the cue.
        9 if run.letters == 3 && folded.slice(run.span.clone()).starts_with("s s n ") => {
            Some((IdentifierKind::Ssn, SSN))
        }
        9 if run.letters == 0 && near(FAR) && !of_a_plan() => Some((IdentifierKind::Ssn, SSN)),
        4 => {
            let ends = cue_before(folded, run.span.start, 60, ENDS)
                || cue_after(folded, run, 30, &["last four", "last 4", "ultimos cuatro"]);
            let last_four = || {
                cue_before(folded, run.span.start, REACH, &["last four", "last 4"])
                    && !near_words(folded, run, 60, CARDS)
                    && !near_words(folded, run, 60, &["phone", "cell", "account", "acct", "mobile"])
            };
            (ends && (near(60) || last_four())).then_some((IdentifierKind::Ssn, LAST_FOUR))
        }
        _ => None,
    }
}

/// A payment card, or the code on its back.
fn card(folded: &Folded, run: &Run) -> Option<(IdentifierKind, What)> {
    let cued = || near_words(folded, run, FAR, CARDS) || near_words(folded, run, FAR, CARD_CODES);
    let found = match run.digits.len() {
        13..=19 => run.said && super::numbers::passes_luhn(&run.digits) || cued(),
        3 | 4 => {
            near_words(folded, run, 40, CARD_CODES)
                && near_words(folded, run, 160, CARDS)
                && !follows_a_sign(folded, run)
        }
        _ => false,
    };
    (found && run.letters == 0).then_some((IdentifierKind::Other, CARD))
}

/// `$45`, `#204`, `12:30`.
fn follows_a_sign(folded: &Folded, run: &Run) -> bool {
    let before = run.span.start.checked_sub(1).map_or(b' ', |at| folded.byte(at));
    matches!(before, b'$' | b'#' | b':' | b'-') || matches!(folded.byte(run.span.end), b':' | b'-')
}

fn by_cue(folded: &Folded, run: &Run) -> Option<(IdentifierKind, What)> {
    if !run.said || run.digits.starts_with(b"555") && matches!(run.digits.len(), 7 | 10) {
        return None;
    }
    let start = run.span.start;
    if cue_after(folded, run, 10, &["dollars", "bucks", "dolares", "pesos"]) {
        return None;
    }
    // The cue must stand in the same sentence.
    let reach =
        folded.lower.as_bytes().get(..start).map_or(0, |b| {
            b.iter().rev().take(FAR).take_while(|b| !matches!(b, b'.' | b'!')).count()
        });
    if cue_before(folded, start, reach.min(24), super::births::BIRTH) {
        return None;
    }
    KINDS
        .iter()
        .find(|(cue, _, least)| {
            // "chart number, you'll need it at the window, is …": the first word names it.
            let strong = cue.iter().take(3).any(|w| w.ends_with("number"));
            let (cue, far) = if strong { (*cue, FAR) } else { (*cue, REACH) };
            run.digits.len().saturating_add(run.letters) >= *least
                && run.digits.len() >= 3
                && cue_before(folded, start, reach.min(far), cue)
        })
        .filter(|_| !tells_a_year(folded, run))
        .map(|(_, kind, _)| (*kind, what_of(*kind)))
}

/// `April nineteenth, nineteen seventy two` gives a day, not a number.
fn tells_a_year(folded: &Folded, run: &Run) -> bool {
    run.digits.len() == 4
        && (run.digits.starts_with(b"19") || run.digits.starts_with(b"20"))
        && folded.slice(run.span.clone()).starts_with(|c: char| c.is_ascii_lowercase())
        && !folded.slice(run.span.clone()).contains("one nine")
}

fn what_of(kind: IdentifierKind) -> What {
    match kind {
        IdentifierKind::Ssn => SSN,
        IdentifierKind::Mrn => MRN,
        IdentifierKind::Plan => number("identifier.plan", "It is a health plan number."),
        IdentifierKind::Account => number("identifier.account", "It is an account number."),
        IdentifierKind::Licence => number("identifier.licence", "It is a licence number."),
        IdentifierKind::Device => number("identifier.device", "It is a device number."),
        _ => number("identifier.code", "It is a number that stands for the patient's record."),
    }
}

/// One of the words stands behind the number, at most so many bytes away.
fn cue_after(folded: &Folded, run: &Run, reach: usize, words: &[&str]) -> bool {
    let mut to = run.span.end.saturating_add(reach).min(folded.lower.len());
    while !folded.lower.is_char_boundary(to) {
        to = to.saturating_sub(1);
    }
    cue_before(folded, to, to.saturating_sub(run.span.end), words)
}

fn near_words(folded: &Folded, run: &Run, reach: usize, words: &[&str]) -> bool {
    cue_before(folded, run.span.start, reach, words) || cue_after(folded, run, reach, words)
}

/// A run of at least three digits that begins at this byte. Letters said one by one may stand in
/// it: `X Q H eight eight four two`.
fn run_from(folded: &Folded, start: usize) -> Option<Run> {
    let mut run = Run { span: start..start, ..Run::default() };
    let (mut at, mut joins, mut times, mut tens) = (start, 0_u8, 1_usize, false);
    let mut written_before = false;
    loop {
        let end = end_of_word(folded, at);
        let word = folded.slice(at..end);
        let written = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let heard = said(word);
        if written {
            run.said |= word.len() == 1 && written_before;
            run.digits.extend_from_slice(word.as_bytes());
            tens = false;
        } else {
            match heard {
                Some(Said::Unit(digit)) => {
                    if tens && times == 1 && digit != 0 {
                        run.digits.pop();
                    }
                    run.digits.extend(std::iter::repeat_n(b'0'.saturating_add(digit), times));
                    tens = false;
                }
                Some(Said::Teen(digit)) => {
                    run.digits.extend([b'1', b'0'.saturating_add(digit)]);
                    tens = false;
                }
                Some(Said::Tens(digit)) => {
                    run.digits.extend([b'0'.saturating_add(digit), b'0']);
                    tens = true;
                }
                Some(Said::Hundred) if !run.digits.is_empty() => run.digits.extend(*b"00"),
                Some(Said::Letter) if run.letters < MOST_LETTERS => {
                    run.letters = run.letters.saturating_add(1);
                    tens = false;
                }
                Some(Said::Times(_) | Said::Join) => {}
                Some(Said::Hundred | Said::Letter) | None => break,
            }
            run.said |= !matches!(heard, Some(Said::Letter | Said::Join));
        }
        written_before = written && word.len() == 1;
        match heard {
            Some(Said::Join) => joins = joins.saturating_add(1),
            Some(Said::Times(more)) => times = more,
            _ => {
                (joins, times) = (0, 1);
                run.span.end = end;
            }
        }
        let Some(next) = next_word(folded, end) else { break };
        // "R as in Robert".
        at = if heard == Some(Said::Letter) { after_spelling(folded, next) } else { next };
        tens &= folded.slice(end..at).len() == 1 || heard == Some(Said::Join);
        if joins > 3 || run.digits.len() > MOST || run.span.is_empty() && joins > 0 {
            break;
        }
    }
    (run.digits.len() >= 3 && run.digits.len() <= MOST).then_some(run)
}

/// Where the word at this byte ends: letters and digits only.
fn end_of_word(folded: &Folded, at: usize) -> usize {
    let rest = folded.lower.as_bytes().get(at..).unwrap_or(&[]);
    let length = rest.iter().take(MOST).take_while(|b| b.is_ascii_alphanumeric()).count();
    at.saturating_add(length)
}

/// Where the next word of the number begins: a blank, comma, hyphen or stroke away.
fn next_word(folded: &Folded, end: usize) -> Option<usize> {
    let bytes = folded.lower.as_bytes();
    let between = bytes.get(end..)?.iter().take(6).take_while(|b| !b.is_ascii_alphanumeric());
    let length = between.clone().count();
    let next = end.saturating_add(length);
    let inner = bytes.get(next).is_some_and(u8::is_ascii_digit);
    let joins = between.clone().all(|b| matches!(b, b' ' | b',' | b'-' | b'/' | b'.'));
    let stops = between.clone().any(|b| *b == b'.')
        && !(length == 1 && inner)
        && !folded.slice(next..bytes.len()).starts_with("then ");
    (length > 0 && length <= 4 && joins && !stops && next < bytes.len()).then_some(next)
}

/// Behind `as in whiskey`, `for tango`, `like Charlie`.
fn after_spelling(folded: &Folded, at: usize) -> usize {
    let rest = folded.lower.get(at..).unwrap_or("");
    for cue in ["as in ", "for ", "like "] {
        if rest.starts_with(cue) {
            let name = at.saturating_add(cue.len());
            return next_word(folded, end_of_word(folded, name)).unwrap_or(at);
        }
    }
    at
}

fn said(word: &str) -> Option<Said> {
    Some(match word {
        "zero" | "oh" | "o" | "nought" | "naught" | "cero" => Said::Unit(0),
        "one" | "uno" | "un" => Said::Unit(1),
        "two" | "dos" => Said::Unit(2),
        "three" | "tres" => Said::Unit(3),
        "four" | "cuatro" => Said::Unit(4),
        "five" | "cinco" => Said::Unit(5),
        "six" | "seis" => Said::Unit(6),
        "seven" | "siete" => Said::Unit(7),
        "eight" | "ocho" => Said::Unit(8),
        "nine" | "nueve" => Said::Unit(9),
        "ten" | "diez" => Said::Teen(0),
        "eleven" | "once" => Said::Teen(1),
        "twelve" | "doce" => Said::Teen(2),
        "thirteen" | "trece" => Said::Teen(3),
        "fourteen" | "catorce" => Said::Teen(4),
        "fifteen" | "quince" => Said::Teen(5),
        "sixteen" | "dieciseis" => Said::Teen(6),
        "seventeen" | "diecisiete" => Said::Teen(7),
        "eighteen" | "dieciocho" => Said::Teen(8),
        "nineteen" | "diecinueve" => Said::Teen(9),
        "twenty" | "veinte" => Said::Tens(2),
        "thirty" | "treinta" => Said::Tens(3),
        "forty" | "cuarenta" => Said::Tens(4),
        "fifty" | "cincuenta" => Said::Tens(5),
        "sixty" | "sesenta" => Said::Tens(6),
        "seventy" | "setenta" => Said::Tens(7),
        "eighty" | "ochenta" => Said::Tens(8),
        "ninety" | "noventa" => Said::Tens(9),
        "hundred" => Said::Hundred,
        "double" => Said::Times(2),
        "triple" => Said::Times(3),
        "dash" | "hyphen" | "guion" | "then" | "space" | "y" | "um" | "uh" | "er" => Said::Join,
        _ if word.len() == 1 && word != "a" && word != "i" && word.is_ascii() => Said::Letter,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::guard::by_rules;
    use crate::{Context, IdentifierKind};

    #[test]
    fn spoken_numbers_by_their_cue() {
        for (text, kind) in [
            ("your social as five two one, four four, nine oh one seven", IdentifierKind::Ssn),
            ("s s n : 1 4 4 2 8 9 3 0 5 ok?", IdentifierKind::Ssn),
            ("Are seven seven oh three the last four of your social?", IdentifierKind::Ssn),
            (
                "Six one two, forty-four, nine oh three one, that's your social?",
                IdentifierKind::Ssn,
            ),
            ("your social ends in four, four, zero, nine", IdentifierKind::Ssn),
            (
                "de su seguro: tres cero uno, ochenta y dos, cuarenta y uno doce",
                IdentifierKind::Ssn,
            ),
            ("Chart number four four one nine oh two", IdentifierKind::Mrn),
            ("Your chart number, if asked, is six six one, dash, two oh four", IdentifierKind::Mrn),
            ("member I D is X Q H eight eight four two", IdentifierKind::Plan),
            ("subscriber number, G as in golf, zero four, eight one six", IdentifierKind::Plan),
            ("date of birth as three, fourteen, sixty two", IdentifierKind::Date),
            (
                "the Visa, four one one one, one one one one, one one one one, one one one one",
                IdentifierKind::Other,
            ),
        ] {
            let kinds: Vec<_> =
                by_rules(text, &Context::default()).identifiers.iter().map(|i| i.kind).collect();
            assert_eq!(kinds, [kind], "{text}");
        }
        for text in [
            "at one two or three o'clock",
            "take one, two, three deep breaths",
            "Your plan paid, so come by at four, five or six",
        ] {
            assert_eq!(by_rules(text, &Context::default()).identifiers, [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn runs_end(text in "((one|oh|twenty|y|dash|then|w|as in|double|hundred|7|45)[ ,.-]{0,2}){0,60}") {
            let _ = by_rules(&text, &Context::default());
        }
    }
}
