//! Names that no list holds, told by how they are written and by what stands around them.

use super::Inventory;
use super::cues;
use super::people::Scene;
use super::words::{Gap, Word};
use crate::level::IdentifierKind;

/// How common a given name must be to be one without a capital.
pub(super) const LEAST_SMALL: u8 = 2;

impl Scene<'_> {
    /// Names that are on no list, told by form and company.
    pub(super) fn unlisted(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        let known = cues::STOP
            | cues::WEEKDAY
            | cues::MONTH
            | cues::FACILITY
            | cues::THING
            | cues::STATE
            | cues::LETTERED
            | cues::NATIONAL
            | cues::GENERIC;
        if word.is(known)
            || word.is(cues::WORD) && word.family() < 2
            || word.term
            || word.upper
            || word.possessive && word.family() == 0
        {
            return None;
        }
        if !self.reading.folded.byte(word.start).is_ascii_alphabetic()
            && self.bytes().get(word.start).is_some_and(u8::is_ascii)
        {
            return None;
        }
        let run = self.run(at)?;
        if run.last == at {
            return None;
        }
        let next = self.words.after(run.last);
        if next.is_some_and(|w| w.is(cues::THING | cues::FACILITY) || w.is(cues::STREET) && w.cap) {
            return None;
        }
        let end = run.span.end.saturating_sub(1);
        let initialled = run.only_initials && self.bytes().get(end) == Some(&b'.');
        let family = self.words.get(run.family)?;
        let listed = word.family() >= 2 || family.family() > 0 || family.given() > 0;
        let preposition = self.words.before(at).is_some_and(|w| w.is(cues::PERSON_PREPOSITION));
        let places = word.place() >= 2 || family.place() >= 2 && family.family() < 2;
        let good = initialled
            && !word.is_ordinary()
            && !self.words.before(at).is_some_and(|w| w.is(cues::WHERE))
            || !run.only_initials
                && (self.company(at, run.last) || self.follows_a_name(word.start, out))
                && !places
                && !self.is_eponym(at, word)
            || !run.only_initials
                && preposition
                && listed
                && !family.is_ordinary()
                && !word.is_ordinary()
                && !places
                && !self.is_eponym(at, word)
            || !run.only_initials
                && !self.words.title_case
                && word.family() >= 2
                && (family.given() >= 2 || family.family() == 3)
                && !word.is_ordinary()
                && !family.is_ordinary()
                && !word.is(cues::EPONYM)
                && !family.is(cues::EPONYM)
                && !places
            || !run.only_initials
                && !self.words.title_case
                && (!word.begins_sentence || next.is_none_or(|w| w.is(cues::VERB) && !w.cap))
                && word.tag == 0
                && family.family() >= 2
                && !family.is_ordinary()
                && !family.is(cues::EPONYM)
                && !places;
        good.then(|| {
            // "Don Chuy" is a title and a first name.
            self.take(run.span.clone(), !word.is(cues::TITLE), out);
            run.last
        })
    }

    /// `Patel's chart`, `patient Okafor`, `the Garcia family`, `seen by Nguyen`.
    pub(super) fn family_alone(
        &self,
        at: usize,
        word: &Word,
        out: &mut Inventory,
    ) -> Option<usize> {
        let next = self.words.after(at);
        let before = self.words.before(at);
        let is = |w: Option<&Word>, roles| w.is_some_and(|w| w.is(roles));
        let stop = cues::STOP
            | cues::WEEKDAY
            | cues::MONTH
            | cues::FACILITY
            | cues::THING
            | cues::STATE
            | cues::NATIONAL
            | cues::EPONYM
            | cues::TITLE;
        if word.term || word.upper || word.is(stop) || is(next, cues::THING) || word.is(cues::WORD)
        {
            return None;
        }
        let text = self.reading.folded.slice(word.span());
        if !text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b'\'' || b >= 0x80)
            || text.len() < 2
        {
            return None;
        }
        let owns = word.possessive && is(next, cues::OWNED) && word.family() >= 2;
        let household = is(before, cues::STOP)
            && next.is_some_and(|w| {
                matches!(
                    self.reading.folded.slice(w.span()),
                    "family"
                        | "household"
                        | "twins"
                        | "boy"
                        | "girl"
                        | "baby"
                        | "sisters"
                        | "brothers"
                )
            });
        let person = is(before, cues::PERSON)
            && !is(before, cues::FACILITY)
            && (word.family() > 0
                || word.given() > 0
                || !word.is(cues::RARE_WORD) && word.place() == 0 && text.len() > 3)
            && !self.words.title_case
            && !before.is_some_and(|w| w.possessive);
        let by = is(before, cues::PERSON_PREPOSITION)
            && word.family() >= 2
            && word.place() < 2
            && !is(before, cues::WHERE)
            && !word.is_ordinary()
            && !self.words.title_case
            && !is(next, cues::WORD)
            && matches!(
                self.reading.folded.slice(before.map_or(0..0, Word::span)),
                "by" | "per" | "consult" | "see" | "with"
            );
        let does = next.is_some_and(|w| w.is(cues::VERB) && !w.is(cues::STOP) && !w.cap);
        let acts =
            is(before, cues::PERSON_PREPOSITION) && does && word.tag == 0 && !self.words.title_case;
        let good = acts || owns || household && word.family() >= 2 || person || by;
        good.then(|| {
            let run = self.run(at);
            let (span, last) = run.map_or((word.span(), at), |r| (r.span, r.last));
            self.take(span, last > at, out);
            last
        })
    }

    /// `john smith`, `patient maria`: people who write without capitals.
    pub(super) fn in_small_letters(
        &self,
        at: usize,
        word: &Word,
        out: &mut Inventory,
    ) -> Option<usize> {
        if word.given() < LEAST_SMALL
            || word.is_ordinary()
            || word.is(cues::STOP | cues::VERB | cues::STATE | cues::THING | cues::EPONYM)
        {
            return None;
        }
        let before = self.words.before(at);
        let called = before.is_some_and(|w| w.is(cues::PERSON | cues::NAMED) && !w.possessive)
            && word.given() == 3
            && word.place() == 0;
        let last = self.small_family(at);
        if last.is_none() && !called {
            return None;
        }
        let last = last.unwrap_or(at);
        let end = self.words.get(last)?.end;
        self.take(word.start..end, last > at, out);
        Some(last)
    }

    /// The family name in small letters behind a given name.
    pub(super) fn small_family(&self, at: usize) -> Option<usize> {
        let first = self.words.get(at)?;
        let family = self.words.after(at)?;
        let rough = first.given() == 3;
        let good = !family.cap
            && !first.possessive
            && family.family() >= if rough { 2 } else { 3 }
            && !family.is_ordinary()
            && !family.is(cues::STOP | cues::VERB | cues::THING | cues::FACILITY | cues::EPONYM);
        good.then(|| at.saturating_add(1))
    }

    /// `Wilson's disease`, `Framingham risk score`, `Stevens-Johnson`: a thing follows, or the word
    /// mostly is one and nothing speaks for a person.
    pub(super) fn is_eponym(&self, at: usize, word: &Word) -> bool {
        let mut here = at;
        for _ in 0..3 {
            let Some(next) = self.words.after(here) else { break };
            if next.is(cues::THING) {
                return true;
            }
            if next.is(cues::STOP | cues::VERB) {
                break;
            }
            here = here.saturating_add(1);
        }
        let joined = self.reading.folded.slice(word.span()).contains('-');
        word.is(cues::EPONYM)
            && !self.company(at, at)
            && (word.possessive || word.given() < 3 || joined)
    }

    /// Words around it say that a person is meant: `patient X`, `a 40-year-old man, X,`.
    pub(super) fn company(&self, first: usize, last: usize) -> bool {
        let before = self.words.before(first);
        if before
            .is_some_and(|w| w.is(cues::PERSON | cues::NAMED | cues::GREETING) && !w.possessive)
        {
            return true;
        }
        let folded = self.reading.folded;
        let human = self.words.get(first).is_some_and(|w| matches!(w.gap, Gap::Comma | Gap::Other))
            && self.words.any_before(first, 3, cues::HUMAN);
        let behind =
            self.words.get(last.saturating_add(1)).filter(|w| w.gap == Gap::Comma).is_some_and(
                |w| {
                    let text = folded.slice(w.span());
                    w.is(cues::CREDENTIAL) && folded.is_capital(w.start)
                        || w.is(cues::HUMAN) && !w.cap
                        || matches!(text, "who" | "whose" | "age" | "aged")
                        || text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())
                },
            );
        let of_a_person = before.is_some_and(|w| folded.slice(w.span()) == "of")
            && first
                .checked_sub(1)
                .and_then(|at| self.words.before(at))
                .is_some_and(|w| w.is(cues::PERSON));
        human || behind || of_a_person
    }

    /// `Chidi Eze; Bola Akande`: a name stands just before.
    pub(super) fn follows_a_name(&self, start: usize, out: &Inventory) -> bool {
        out.identifiers.last().is_some_and(|(span, kind)| {
            *kind == IdentifierKind::Name
                && matches!(
                    self.reading.folded.slice(span.end..start),
                    "; " | ", " | " and " | " y " | " & "
                )
        })
    }
}
