//! How far a name reaches, once a word has begun one: initials, particles, family names, suffixes.

use std::ops::Range;

use super::cues;
use super::words::{Gap, Word, Words};

/// A run of words that reads as one name.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) span: Range<usize>,
    /// Index of its last word.
    pub(super) last: usize,
    /// The last word that is neither an initial nor a suffix.
    pub(super) family: usize,
    /// Its words but the first are initials.
    pub(super) only_initials: bool,
}

const LONGEST: usize = 6;

/// From the word `first`, as far as the name goes. `bytes` tells of a full stop behind an initial.
pub(super) fn run(words: &Words, bytes: &[u8], first: usize) -> Option<Run> {
    let begin = words.get(first)?;
    let mut run = Run {
        span: begin.start..end_of(begin, bytes),
        last: first,
        family: first,
        only_initials: true,
    };
    while run.last.saturating_sub(first) < LONGEST {
        let (Some(here), at) = (words.get(run.last), run.last.saturating_add(1)) else { break };
        let Some(next) = words.get(at) else { break };
        let ends_here = here.possessive && here.end.saturating_add(1) != next.start;
        if ends_here || !continues(here, next) {
            break;
        }
        if next.is(cues::SUFFIX) && (next.cap || next.upper) && !next.is_initial() {
            run.span.end = end_of(next, bytes);
            run.last = at;
            break;
        }
        if next.gap == Gap::Comma {
            break;
        }
        let reach = if may_be_name(words, at) {
            at
        } else if next.is(cues::PARTICLE) {
            match particle_reach(words, at) {
                Some(reach) => reach,
                None => break,
            }
        } else {
            break;
        };
        let Some(taken) = words.get(reach) else { break };
        run.span.end = end_of(taken, bytes);
        run.last = reach;
        if !taken.is_initial() {
            run.family = reach;
            run.only_initials = false;
        }
    }
    Some(run)
}

/// `de la Cruz`: the word a chain of particles leads to.
fn particle_reach(words: &Words, mut at: usize) -> Option<usize> {
    for _ in 0..2 {
        at = at.saturating_add(1);
        let word = words.get(at)?;
        if word.gap != Gap::Space && word.gap != Gap::Dot {
            return None;
        }
        if word.cap && !word.is(cues::STOP | cues::FACILITY | cues::WEEKDAY | cues::STATE) {
            return Some(at);
        }
        if !word.is(cues::PARTICLE) {
            return None;
        }
    }
    None
}

fn continues(here: &Word, next: &Word) -> bool {
    match next.gap {
        Gap::Space => true,
        Gap::Dot => here.is_initial(),
        Gap::Comma => next.is(cues::SUFFIX) && next.cap,
        Gap::Start | Gap::Other => false,
    }
}

/// An initial takes its full stop along.
pub(super) fn end_of(word: &Word, bytes: &[u8]) -> usize {
    let dotted = bytes.get(word.end) == Some(&b'.')
        && (word.is_initial() || (word.is(cues::SUFFIX) && !word.upper));
    word.end.saturating_add(usize::from(dotted))
}

/// A word that can stand in a name behind its first word.
pub(super) fn may_be_name(words: &Words, at: usize) -> bool {
    let Some(word) = words.get(at) else { return false };
    if word.is_initial() {
        // "John I" is a slip; "Vitamin D-3" and "Type A1" are not read here.
        return !word.is(cues::STOP)
            || word.gap == Gap::Space
                && word.end.saturating_sub(word.start) == 1
                && !next_is_small(words, at);
    }
    let family = word.family();
    if !word.cap || word.is(cues::STOP | cues::WEEKDAY | cues::STATE | cues::TITLE) && family < 3 {
        return false;
    }
    if word.is(cues::STOP) && word.is(cues::MONTH | cues::WEEKDAY) {
        return false;
    }
    if word.is(cues::FACILITY | cues::STREET | cues::THING) && family < 2 {
        return false;
    }
    if word.is(cues::STREET) && word.end.saturating_sub(word.start) <= 3 {
        return false;
    }
    if word.is(cues::MONTH) && family < 3 {
        return false;
    }
    if word.upper && word.given() == 0 && family == 0 {
        return false;
    }
    if word.is(cues::WORD) {
        return family >= if words.title_case { 3 } else { 2 };
    }
    if word.term && family < 2 && word.given() < 2 {
        return false;
    }
    if family == 0 && word.given() == 0 && word.place() >= 2 {
        return false;
    }
    word.end.saturating_sub(word.start) > 1
}

fn next_is_small(words: &Words, at: usize) -> bool {
    words.after(at).is_some_and(|next| !next.cap)
}
