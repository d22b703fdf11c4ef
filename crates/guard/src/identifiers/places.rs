//! Geography smaller than a state: towns, neighbourhoods, facilities, schools, employers.

use std::ops::Range;

use super::gazetteer::{Gazetteer, KNOWN_PLACE, PLACE, PLACE_HEAD, value};
use super::words::{Gap, Word, Words};
use super::{Inventory, Reading};
use super::{cues, facilities};
use crate::level::IdentifierKind;

/// The text, its words, and the table they are looked up in.
pub(super) struct Scene<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) words: &'a Words,
    pub(super) gazetteer: &'a Gazetteer,
}

/// Finds every place but streets.
pub(super) fn find(
    reading: Reading<'_>,
    words: &Words,
    gazetteer: &Gazetteer,
    out: &mut Inventory,
) {
    let scene = Scene { reading, words, gazetteer };
    if words.roles & cues::FACILITY != 0 {
        for at in 0..words.list.len() {
            scene.facility(at, out);
        }
    }
    let mut at = 0_usize;
    while let Some(word) = words.get(at) {
        let last = if !(word.cap || may_be_written_small(word)) || !out.is_free(&word.span()) {
            None
        } else if word.cap {
            scene
                .saint(at, word, out)
                .or_else(|| scene.listed(at, word, out))
                .or_else(|| scene.before_a_state(at, word, out))
                .or_else(|| scene.dwelling(at, word, out))
        } else {
            scene.in_small_letters(at, word, out)
        };
        at = last.unwrap_or(at).saturating_add(1);
    }
}

/// A place of the lists, or `st` and `mt`.
fn may_be_written_small(word: &Word) -> bool {
    word.place() >= 2
        || word.tag & (PLACE_HEAD | KNOWN_PLACE) != 0
        || word.end.saturating_sub(word.start) == 2
}

impl Scene<'_> {
    pub(super) fn text(&self, word: &Word) -> &str {
        self.reading.folded.slice(word.span())
    }

    /// `, Baltimore, MD` belongs to the place before it. Gives the end of the whole.
    pub(super) fn with_town(&self, last: usize, mut end: usize) -> (usize, usize) {
        let mut at = last;
        for _ in 0..2 {
            let next_at = at.saturating_add(1);
            let Some(next) = self.words.get(next_at) else { break };
            let town = next.cap && next.place() >= 2 && next.given() < 2 && !next.is(cues::STOP);
            if next.gap != Gap::Comma || !(self.is_state(next) || town) {
                break;
            }
            let mut reach = next_at;
            if town && next.tag & PLACE_HEAD != 0 {
                reach = self.longest_place(next_at).unwrap_or(next_at);
            }
            // `New Jersey` and its like are two words.
            if !town
                && matches!(self.text(next), "new" | "north" | "south" | "west" | "rhode")
                && let Some(second) = self.words.after(next_at)
                && self.gazetteer.tag_of_words(self.reading.folded.slice(next.start..second.end))
                    & cues::STATE
                    != 0
            {
                reach = next_at.saturating_add(1);
            }
            at = reach;
            end = self.words.get(reach).map_or(end, |w| w.end);
        }
        let zip_end = self.zip_after(at, end);
        (zip_end, at)
    }

    fn is_state(&self, word: &Word) -> bool {
        word.cap && (word.upper && word.is(cues::STATE_CODE) || word.is(cues::STATE))
            || word.cap
                && matches!(self.text(word), "new" | "north" | "south" | "west")
                && word.gap == Gap::Comma
    }

    fn zip_after(&self, at: usize, end: usize) -> usize {
        let Some(next) = self.words.get(at.saturating_add(1)) else { return end };
        let text = self.text(next);
        let zip = matches!(text.len(), 5 | 10)
            && text.bytes().enumerate().all(|(i, b)| b.is_ascii_digit() || i == 5 && b == b'-')
            && matches!(next.gap, Gap::Space | Gap::Comma);
        if zip { next.end } else { end }
    }

    /// `St. Mary's`, `Mt. Sinai`, `Mount Carmel`.
    fn saint(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        let saint = matches!(self.text(word), "st" | "saint" | "mt" | "mount" | "santa" | "our");
        let next_at = at.saturating_add(1);
        let next = self.words.get(next_at)?;
        if !saint
            || self.text(word) == "our"
            || !matches!(next.gap, Gap::Space | Gap::Dot)
            || !next.cap
        {
            return None;
        }
        let holy = next.given() > 0 || next.possessive || next.place() > 0 || next.tag == 0;
        let street =
            self.words.before(at).is_some_and(|w| w.cap && w.given() == 0) && !next.possessive;
        let wort = self.words.after(next_at).is_some_and(|w| self.text(w) == "wort");
        if !holy
            || street
            || wort
            || self.is_eponym(next_at)
            || next.is(cues::STOP | cues::FACILITY)
        {
            return None;
        }
        let possessive_end = if next.possessive { self.whole_end(next) } else { next.end };
        let (end, last) = self.with_town(next_at, possessive_end);
        let span = word.start..end;
        if !out.is_free(&span) {
            return None;
        }
        out.add(span, IdentifierKind::Location);
        Some(last)
    }

    /// The end with the possessive ending.
    fn whole_end(&self, word: &Word) -> usize {
        let folded = self.reading.folded;
        if folded.byte(word.end) == b'\'' && folded.byte(word.end.saturating_add(1)) == b's' {
            word.end.saturating_add(2)
        } else {
            word.end
        }
    }

    /// The index of the last word of the longest listed place of several words that begins here.
    pub(super) fn longest_place(&self, at: usize) -> Option<usize> {
        let first = self.words.get(at)?;
        let mut best = None;
        let mut last = at;
        for _ in 0..3 {
            let next = self.words.get(last.saturating_add(1))?;
            let ampersand =
                || self.reading.folded.slice(next.start.saturating_sub(3)..next.start) == " & ";
            let joined = matches!(next.gap, Gap::Space)
                || next.gap == Gap::Dot && matches!(self.text(first), "st" | "mt" | "ft")
                || ampersand();
            if !joined || !(next.in_a_place || ampersand()) {
                break;
            }
            last = last.saturating_add(1);
            let slice = self.reading.folded.slice(first.start..next.end);
            if value(self.gazetteer.tag_of_words(slice), PLACE) > 0 {
                best = Some(last);
            }
            if self.words.get(last.saturating_add(1)).is_none() {
                break;
            }
        }
        best
    }

    /// A place of the lists.
    fn listed(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        let mut last = at;
        if word.tag & PLACE_HEAD != 0
            && let Some(reach) = self.longest_place(at)
            && self.words.get(reach).is_some_and(|w| w.cap)
            && self.is_multiword_place(at, reach)
        {
            last = reach;
        } else if !(word.place() > 0 && self.is_single_place(at, word)) {
            return None;
        }
        let end = self.words.get(last)?;
        let whole = if end.possessive && last > at { self.whole_end(end) } else { end.end };
        let (stop, last) = self.with_town(last, whole);
        let span = word.start..stop;
        if !out.is_free(&span) {
            return None;
        }
        out.add(span, IdentifierKind::Location);
        Some(last)
    }

    fn is_multiword_place(&self, at: usize, last: usize) -> bool {
        let (Some(first), Some(end)) = (self.words.get(at), self.words.get(last)) else {
            return false;
        };
        let slice = self.reading.folded.slice(first.start..end.end);
        let tag = self.gazetteer.tag_of_words(slice);
        let known = value(tag, PLACE) >= 2 || tag & KNOWN_PLACE != 0;
        let person = first.given() >= 2 && end.family() >= 2;
        let located = self.is_located(at, last);
        let medical =
            self.words.list.get(at..=last).is_some_and(|l| l.iter().any(|w| w.term)) && !known;
        let thing = self.is_eponym(last);
        let ordinary = first.is_ordinary() && end.is_ordinary() || first.is(cues::STOP);
        if self.words.get(last).is_some_and(|w| w.is(cues::STATE))
            && tag & KNOWN_PLACE == 0
            && slice != "new york"
            && value(tag, PLACE) < 2
        {
            return false;
        }
        !medical
            && !thing
            && (located
                || known && !person && !(ordinary && tag & KNOWN_PLACE == 0)
                || !person && !ordinary && !first.begins_sentence && !self.words.title_case)
    }

    fn is_single_place(&self, at: usize, word: &Word) -> bool {
        let never = cues::STOP | cues::WEEKDAY | cues::MONTH | cues::THING | cues::TITLE;
        let state = word.is(cues::STATE) && word.tag & KNOWN_PLACE == 0;
        let known = word.tag & KNOWN_PLACE != 0;
        if word.term && !known
            || state
            || word.is(never) && !(known && word.upper)
            || self.is_eponym(at)
        {
            return false;
        }
        if word.upper && !known && word.end.saturating_sub(word.start) < 5 {
            return false;
        }
        // "Austin Lee" is a person, "Austin" a city.
        let next = self.words.after(at);
        let person = word.given() > 0
            && next.is_some_and(|w| {
                w.cap
                    && (w.family() > 0 || w.is_initial() || w.tag == 0)
                    && !w.is(cues::FACILITY | cues::AREA)
            })
            || self.words.before(at).is_some_and(|w| {
                w.cap && (w.given() > 0 || w.is_initial()) && word.family() > 0 && !w.is(cues::STOP)
            })
            || self.words.before(at).is_some_and(|w| {
                w.is(cues::TITLE | cues::PERSON | cues::NAMED)
                    && (word.given() > 0 || word.family() > 0)
            })
            || word.possessive && (word.given() > 0 || word.family() > 0);
        if person {
            return false;
        }
        let located = self.is_located(at, at);
        let doubtful = word.given() >= 2 || word.family() == 3 || word.is_ordinary();
        if known {
            return located || !(doubtful || !word.upper && word.is(cues::EPONYM));
        }
        let preposition = self.words.before(at).is_some_and(|w| w.is(cues::WHERE));
        let dwells = self.words.any_before(at, 4, cues::DWELLS);
        match word.place() {
            3 => located || !doubtful && !word.is(cues::EPONYM),
            2 => {
                located && (!word.is(cues::WORD) || dwells)
                    || !doubtful
                        && word.given() == 0
                        && word.family() == 0
                        && !word.begins_sentence
                        && !word.is(cues::EPONYM)
                        && !self.words.title_case
            }
            _ => {
                located
                    && !word.is_ordinary()
                    && (word.given() < 2 && word.family() < 3 || dwells || !preposition)
                    && (!word.is(cues::EPONYM) || dwells)
            }
        }
    }

    /// A preposition of place before it, `area` after it, or its state.
    fn is_located(&self, at: usize, last: usize) -> bool {
        let before = self.words.before(at);
        let folded = self.reading.folded;
        let preposition = before.is_some_and(|w| {
            w.is(cues::WHERE)
                || matches!(
                    folded.slice(w.span()),
                    "the"
                        | "our"
                        | "downtown"
                        | "greater"
                        | "rural"
                        | "north"
                        | "south"
                        | "east"
                        | "west"
                        | "northern"
                        | "southern"
                        | "eastern"
                        | "western"
                ) && at
                    .checked_sub(1)
                    .and_then(|b| self.words.before(b))
                    .is_some_and(|w| w.is(cues::WHERE))
        });
        let next = self.words.get(last.saturating_add(1));
        let area = next.is_some_and(|w| w.gap == Gap::Space && w.is(cues::AREA));
        // "Bennett, MD" holds a degree; "Baltimore, MD" is a town.
        let degree = |w: &Word| {
            w.is(cues::CREDENTIAL)
                && self
                    .words
                    .get(at)
                    .is_some_and(|f| f.place() < 2 && (f.family() > 0 || f.given() > 0))
                || w.is(cues::CREDENTIAL)
                    && self
                        .words
                        .get(at)
                        .is_some_and(|f| matches!(f.gap, Gap::Dot) && f.family() > 0)
        };
        let state = next.is_some_and(|w| w.gap == Gap::Comma && self.is_state(w) && !degree(w));
        preposition || area || state
    }

    /// `Framingham risk score`, `West Nile virus`, `Boston bowel prep`.
    fn is_eponym(&self, last: usize) -> bool {
        let mut here = last;
        for _ in 0..3 {
            let Some(next) = self.words.after(here) else { return false };
            if next.is(cues::THING) && !next.is(cues::AREA) {
                return true;
            }
            if next.is(cues::STOP | cues::VERB | cues::AREA | cues::FACILITY) {
                return false;
            }
            here = here.saturating_add(1);
        }
        false
    }

    /// `Elm Grove, WI 53122`, `Tiny Town, Nebraska`: on no list, but its state follows.
    fn before_a_state(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        if word.is(cues::STOP | cues::TITLE | cues::STATE | cues::MONTH | cues::WEEKDAY)
            || word.is_initial() && !word.upper
        {
            return None;
        }
        let mut last = at;
        for _ in 0..3 {
            let next = self.words.get(last.saturating_add(1))?;
            if next.gap == Gap::Comma {
                let state = next.upper && next.is(cues::STATE_CODE) && !next.is(cues::CREDENTIAL)
                    || next.upper
                        && next.is(cues::CREDENTIAL)
                        && next.is(cues::STATE_CODE)
                        && (self.words.before(at).is_some_and(|w| w.is(cues::WHERE))
                            || self.zip_after(last.saturating_add(1), 0) > 0)
                        && word.given() < 2
                    || next.cap
                        && !next.upper
                        && next.is(cues::STATE)
                        && (word.given() == 0 || self.is_located(at, at));
                if !state || word.term {
                    return None;
                }
                let end = self.zip_after(last.saturating_add(1), next.end);
                let span = word.start..end;
                if !out.is_free(&span) {
                    return None;
                }
                out.add(span, IdentifierKind::Location);
                return Some(last.saturating_add(1));
            }
            if next.gap != Gap::Space || !next.cap || next.is(cues::STOP) {
                return None;
            }
            last = last.saturating_add(1);
        }
        None
    }

    /// `lives in Elm Hollow`, `works at Acme Bakery`: a name on no list, behind a cue.
    fn dwelling(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        let folded = self.reading.folded;
        let mut preposition_at = at.checked_sub(1)?;
        let mut before = self.words.before(at)?;
        if folded.slice(before.span()) == "the" {
            before = self.words.before(preposition_at)?;
            preposition_at = preposition_at.checked_sub(1)?;
        }
        let preposition = folded.slice(before.span());
        let dwells = before.is(cues::WHERE)
            && preposition != "through"
            && (self.words.any_before(preposition_at, 2, cues::DWELLS));
        let works = matches!(preposition, "at" | "for" | "attends" | "near")
            && self.words.any_before(preposition_at.saturating_add(1), 4, cues::WORKS);
        let bad = cues::STOP
            | cues::STATE
            | cues::MONTH
            | cues::WEEKDAY
            | cues::GENERIC
            | cues::TITLE
            | cues::NATIONAL
            | cues::THING;
        let cared = matches!(preposition, "at" | "@" | "from")
            && self.words.any_before(preposition_at, 5, cues::CARE)
            && !self.words.title_case;
        let somebody = matches!(preposition, "in" | "near")
            && word.tag == 0
            && !self.words.title_case
            && self.words.any_before(preposition_at, 3, cues::HUMAN | cues::PERSON)
            && !self.is_eponym(at)
            && !word.possessive;
        if !(dwells || works || cared || somebody)
            || word.is(bad)
            || word.term
            || word.upper && word.end.saturating_sub(word.start) < 3
        {
            return None;
        }
        if cared
            && !(dwells || works)
            && (word.given() >= 2 && word.family() < 3 && word.place() == 0 || word.is(cues::WARD))
        {
            return None;
        }
        if works && !dwells && preposition != "at" && (word.given() >= 2 && word.family() < 3) {
            return None;
        }
        let mut last = at;
        for _ in 0..4 {
            match self.words.after(last) {
                Some(next) if next.cap && !next.is(cues::STOP) => last = last.saturating_add(1),
                _ => break,
            }
        }
        let end = self.words.get(last)?.end;
        let (stop, last) = self.with_town(last, end);
        let span = word.start..stop;
        if !out.is_free(&span) {
            return None;
        }
        out.add(span, IdentifierKind::Location);
        Some(last)
    }

    /// `lives in chicago`, `seen at mayo clinic`, `at st marys hospital`.
    fn in_small_letters(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        let saint = matches!(self.text(word), "st" | "mt");
        if !saint && word.place() < 2 && word.tag & (PLACE_HEAD | KNOWN_PLACE) == 0 {
            return None;
        }
        let saint = saint
            && self.words.before(at).is_some_and(|w| w.is(cues::WHERE))
            && self.words.get(at.saturating_add(1)).is_some_and(|w| {
                w.end.saturating_sub(w.start) > 3 && !w.is(cues::STOP) && !w.is_ordinary()
            });
        let mut last = at;
        if saint {
            last = at.saturating_add(1);
        } else if word.tag & PLACE_HEAD != 0
            && let Some(reach) = self.longest_place(at)
        {
            let end = self.words.get(reach)?;
            let slice = self.reading.folded.slice(word.start..end.end);
            let tag = self.gazetteer.tag_of_words(slice);
            let located = self.words.before(at).is_some_and(|w| w.is(cues::WHERE));
            let ordinary = word.is(cues::STOP) || word.is_ordinary() && end.is_ordinary();
            if !(tag & KNOWN_PLACE != 0 && (located || !ordinary)
                || value(tag, PLACE) >= 2 && located)
                || word.is(cues::STOP) && ordinary
            {
                return None;
            }
            last = reach;
        } else {
            let located = self.words.before(at).is_some_and(|w| w.is(cues::WHERE));
            let plain = word.place() >= 2 || word.tag & KNOWN_PLACE != 0;
            let doubtful = word.is_ordinary()
                || word.given() > 0
                || word.family() >= 2
                || word.is(cues::STOP
                    | cues::THING
                    | cues::STATE
                    | cues::EPONYM
                    | cues::VERB
                    | cues::FACILITY
                    | cues::MONTH
                    | cues::STATE_CODE);
            if !located || !plain || doubtful || self.is_eponym(at) {
                return None;
            }
        }
        while let Some(next) = self.words.after(last) {
            if !facilities::SMALL.contains(&self.text(next))
                && !facilities::HOSPITALS.contains(&self.text(next))
                && !next.is(cues::FACILITY & !cues::GENERIC)
            {
                break;
            }
            if !next.is(cues::FACILITY) {
                break;
            }
            last = last.saturating_add(1);
        }
        let end = self.words.get(last)?.end;
        let span: Range<usize> = word.start..end;
        if !out.is_free(&span) {
            return None;
        }
        out.add(span, IdentifierKind::Location);
        Some(last)
    }
}
#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Category, Context, IdentifierKind};

    fn found(text: &str, context: &Context) -> (Vec<String>, bool) {
        let assessment = by_rules(text, context);
        let places = assessment
            .identifiers
            .iter()
            .filter(|i| i.kind == IdentifierKind::Location)
            .map(|i| text.chars().skip(i.span.start).take(i.span.len()).collect())
            .collect();
        let address = assessment.findings.iter().any(|f| f.category == Category::IdentifierAddress);
        (places, address)
    }

    #[test]
    fn streets_towns_and_facilities() {
        let none = Context::default();
        for (text, place, address) in [
            ("We are at 450 Main Street, Suite 200.", "450 Main Street, Suite 200", false),
            ("Shipped to your home at 12 Oak Lane", "12 Oak Lane", true),
            ("su domicilio, 12 Oak Lane", "12 Oak Lane", true),
            ("Visit at 12 Cold Harbor Road", "12 Cold Harbor Road", false),
            ("seen in Chicago.", "Chicago", false),
            ("lives in Elm Grove, WI 53122", "Elm Grove, WI 53122", false),
            ("at Lakeside Clinic on", "Lakeside Clinic", false),
            ("zip code 02139", "02139", false),
        ] {
            assert_eq!(found(text, &none), (vec![place.to_owned()], address), "{text}");
        }
    }

    #[test]
    fn the_practices_own_street_passes() {
        let context = Context { places: vec!["450 Main Street".into()], ..Context::default() };
        assert!(!found("Come to 450 Main Street, Suite 2", &context).1);
        assert!(found("Come to 9 Elm Street", &context).1);
    }

    #[test]
    fn a_time_before_a_doctor_is_no_street() {
        assert_eq!(found("at 9 See Dr. Payne", &Context::default()).0, Vec::<String>::new());
    }
}
