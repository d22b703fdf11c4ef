//! Terms whose letters are spaced out for speech, broken over a line, or written with digits.

use crate::level::Level;
use crate::lexicon::{Lexicon, Role, TermHit};
use crate::terms::Text;
use crate::tokens::{Gap, Kind, Token};

/// The shortest term that is put together from pieces of words.
const SHORTEST_JOINED: usize = 5;
/// The longest run of single letters that is read.
const LONGEST_RUN: usize = 32;

/// Adds the terms that are hidden in other spellings.
pub(crate) fn find(lexicon: &Lexicon, text: Text<'_>, hits: &mut Vec<TermHit>) {
    spelled_out(lexicon, text, hits);
    for (at, token) in text.tokens.iter().enumerate() {
        if !token.is_unknown() {
            continue;
        }
        with_digits(lexicon, text, at, hits);
        let emoji = token.end.saturating_sub(token.start) > 1;
        if token.kind == Kind::Word || token.kind == Kind::Sign && emoji {
            broken(lexicon, text, at, hits);
        }
    }
}

/// Letters spaced out for speech (`H. I. V.`, `d-i-a-b-e-t-e-s`) are put together and looked up.
fn spelled_out(lexicon: &Lexicon, text: Text<'_>, hits: &mut Vec<TermHit>) {
    let mut from = 0_usize;
    while let Some(rest) = text.tokens.get(from..) {
        let single = |token: &Token| token.end.saturating_sub(token.start) == 1;
        let Some(ahead) = rest.iter().position(single) else { return };
        from = from.saturating_add(ahead);
        let rest = rest.get(ahead..).unwrap_or(&[]);
        let mut length = 0_usize;
        while length < LONGEST_RUN
            && let Some(token) = rest.get(length)
            && single(token)
            && token.kind != Kind::Sign
            && (length == 0 || is_thin(text, rest, length))
        {
            length = length.saturating_add(1);
        }
        if length == 2 {
            let run = rest.get(..2).unwrap_or(&[]);
            dotted_pair(lexicon, text, (from, run), hits);
        }
        if length >= 3 {
            let run = rest.get(..length).unwrap_or(&[]);
            look_up_run(lexicon, text, (from, run), hits);
        }
        from = from.saturating_add(length.max(1));
    }
}

/// `P.T.`, `o.b.`: a clipped specialty with its points; behind a comma it is somebody's degree.
fn dotted_pair(
    lexicon: &Lexicon,
    text: Text<'_>,
    (from, run): (usize, &[Token]),
    hits: &mut Vec<TermHit>,
) {
    let [first, last] = run else { return };
    let dotted = text.folded.byte(first.end) == b'.'
        && last.start == first.end.saturating_add(1)
        && text.folded.byte(last.end) == b'.';
    if !dotted || first.gap == Gap::Firm {
        return;
    }
    let spelling: String = run.iter().map(|t| text.folded.slice(t.span())).collect();
    hits.extend(lexicon.groups_of(&spelling).map(|group| TermHit {
        start: first.start,
        end: last.end.saturating_add(1),
        group,
        doubtful: false,
        homograph: false,
        last: from.saturating_add(1),
    }));
}

/// Only spaces, points and hyphens stand before the token.
fn is_thin(text: Text<'_>, tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|b| tokens.get(b)).map_or(0, |t| t.end);
    let here = tokens.get(at).map_or(0, |t| t.start);
    let between = text.folded.slice(before..here);
    !between.is_empty() && between.len() <= 3 && between.bytes().all(|b| b" .-_*/".contains(&b))
}

/// The longest term within the letters: a stray `a` may stand before it.
fn look_up_run(
    lexicon: &Lexicon,
    text: Text<'_>,
    (from, run): (usize, &[Token]),
    hits: &mut Vec<TermHit>,
) {
    let letters: String = run.iter().map(|t| text.folded.slice(t.span())).collect();
    let stray = letters.starts_with(['a', 'i']);
    for skip in 0..=usize::from(stray) {
        for end in (skip.saturating_add(3)..=run.len()).rev().take(1) {
            let spelling = letters.get(skip..end).unwrap_or("");
            let (Some(first), Some(last)) =
                (run.get(skip), end.checked_sub(1).and_then(|e| run.get(e)))
            else {
                continue;
            };
            let before = hits.len();
            // A closing point belongs to `H.I.V.`.
            let dot = usize::from(text.folded.byte(last.end) == b'.');
            hits.extend(lexicon.groups_of(spelling).map(|group| TermHit {
                start: first.start,
                end: last.end.saturating_add(dot),
                group,
                doubtful: false,
                homograph: false,
                last: from.saturating_add(end).saturating_sub(1),
            }));
            if hits.len() > before {
                return;
            }
        }
    }
}

/// `pr0zac`, `d1abetes`, `ch3mo`: a word with digits for letters.
fn with_digits(lexicon: &Lexicon, text: Text<'_>, at: usize, hits: &mut Vec<TermHit>) {
    let Some(token) = text.tokens.get(at) else { return };
    let bytes = text.folded.lower.as_bytes();
    let (mut start, mut end) = (token.start, token.end);
    let belongs = |b: &u8| b.is_ascii_alphanumeric() || b"@$!|+".contains(b);
    while start.checked_sub(1).and_then(|s| bytes.get(s)).is_some_and(belongs) {
        start = start.saturating_sub(1);
    }
    while bytes.get(end).is_some_and(belongs) {
        end = end.saturating_add(1);
    }
    let chunk = text.folded.slice(start..end).trim_end_matches(['!', '+']);
    let end = start.saturating_add(chunk.len());
    let letters = chunk.bytes().filter(u8::is_ascii_lowercase).count();
    let others = chunk.len().saturating_sub(letters);
    if others == 0 || letters < 2 || others > letters || !(3..=24).contains(&chunk.len()) {
        return;
    }
    // Each `1` may stand for an i or an l.
    let ones = chunk.bytes().filter(|b| matches!(b, b'1' | b'!' | b'|')).count().min(3);
    for choice in 0_u32..1 << ones {
        let mut number = 0_u32;
        let read: String = chunk
            .chars()
            .map(|c| {
                if !matches!(c, '1' | '!' | '|') {
                    return as_letter(c);
                }
                let chosen = choice >> number.min(3) & 1;
                number = number.saturating_add(1);
                if chosen == 0 { 'i' } else { 'l' }
            })
            .collect();
        if add_if_telling(lexicon, &read, start..end, at, hits) {
            return;
        }
    }
}

fn as_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        other => other,
    }
}

/// `metfor-\nmin`, `dia betes`: a term broken in two or three.
fn broken(lexicon: &Lexicon, text: Text<'_>, at: usize, hits: &mut Vec<TermHit>) {
    let mut joined = String::new();
    for first in at.saturating_sub(2)..=at {
        joined.clear();
        let Some(start) = text.tokens.get(first).map(|t| t.start) else { continue };
        for last in first..first.saturating_add(5) {
            let Some(token) = text.tokens.get(last) else { break };
            // An emoji in the middle of a word hides it from a reader of words only.
            let emoji = token.kind == Kind::Sign && token.end.saturating_sub(token.start) > 1;
            if emoji && last > first && token.gap == Gap::None {
                continue;
            }
            let thin = last == first || token.gap == Gap::None || is_thin(text, text.tokens, last);
            if !thin || token.kind != Kind::Word {
                break;
            }
            joined.push_str(text.folded.slice(token.span()));
            if last > first
                && last >= at
                && joined.len() >= SHORTEST_JOINED
                && add_if_telling(lexicon, &joined, start..token.end, last, hits)
            {
                return;
            }
        }
    }
}

/// Adds the word's groups if one of them tells more than that something exists.
fn add_if_telling(
    lexicon: &Lexicon,
    spelling: &str,
    span: std::ops::Range<usize>,
    last: usize,
    hits: &mut Vec<TermHit>,
) -> bool {
    let before = hits.len();
    let telling = |group: &usize| {
        lexicon.group(*group).is_some_and(|g| {
            matches!(g.role, Role::Term | Role::Symptom) && g.level >= Level::Detail
        })
    };
    hits.extend(lexicon.groups_of(spelling).filter(telling).map(|group| TermHit {
        start: span.start,
        end: span.end,
        group,
        doubtful: false,
        homograph: false,
        last,
    }));
    hits.len() > before
}

#[cfg(test)]
mod tests {
    use crate::Context;
    use crate::guard::by_rules;

    #[test]
    fn hidden_terms_are_found() {
        for text in [
            "Time for your H. I. V. visit",
            "your h i v visit",
            "about a d-i-a-b-e-t-e-s class",
            "your pr0zac is here",
            "about d1abetes",
            "ch3mo on Monday",
            "your metfor-\nmin",
            "your dia betes",
        ] {
            let level = by_rules(text, &Context::default()).level;
            assert!(u8::from(level) >= 2, "{text}");
        }
    }

    #[test]
    fn ordinary_digits_and_letters_stay() {
        for text in ["See you in suite B 2 at 4pm", "Option A, B or C", "Your code is 7h4k2p"] {
            assert_eq!(by_rules(text, &Context::default()).findings, [], "{text}");
        }
    }
}
