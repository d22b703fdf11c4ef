//! Facilities: hospitals, clinics, schools, employers, by the noun that says what they are.
//!
//! From the noun back over the words of its name, then on to where it stands: `Children's Hospital
//! of Philadelphia`, `Mayo Clinic in Rochester, MN`, `Clínica Familiar Tres Ríos`. "Outpatient
//! Clinic" and "American Heart Association" name no facility in particular.

use super::Inventory;
use super::cues;
use super::gazetteer::{KNOWN_PLACE, PLACE_HEAD};
use super::places::Scene;
use super::words::{Gap, Word};
use crate::level::IdentifierKind;

/// Words of a facility that by themselves name one: `City Hospital`, `Houston Methodist`.
const NAMING: &[&str] = &[
    "city",
    "general",
    "community",
    "county",
    "memorial",
    "methodist",
    "presbyterian",
    "baptist",
    "regional",
    "children's",
    "childrens",
    "veterans",
    "va",
    "university",
    "saint",
    "st",
    "mercy",
    "sacred",
    "heart",
    "holy",
    "state",
    "good",
    "samaritan",
    "women's",
    "naval",
    "army",
];
/// What is a place also behind a common word: `Riverside Hospital`.
pub(super) const HOSPITALS: &[&str] =
    &["hospital", "hosp", "infirmary", "sanatorium", "hospice", "penitentiary"];
/// What may be written small behind a proper name: `Houston clinic`.
pub(super) const SMALL: &[&str] = &[
    "clinic",
    "clinics",
    "hospital",
    "office",
    "branch",
    "campus",
    "county",
    "pharmacy",
    "school",
    "university",
    "college",
    "clinica",
    "farmacia",
    "medical",
    "urgent",
];

impl Scene<'_> {
    /// From the head noun back to where the name begins, then on to its end.
    pub(super) fn facility(&self, at: usize, out: &mut Inventory) {
        let Some(head) = self.words.get(at).filter(|w| w.is(cues::FACILITY)) else { return };
        let small = !head.cap && SMALL.contains(&self.text(head));
        if !(head.cap || small) || !out.is_free(&head.span()) {
            return;
        }
        let first = self.trim_front(self.back(at), at);
        let named = first < at && self.names_one(first, at, small);
        let (last, of) = self.forward(at);
        if !named && !of {
            return;
        }
        let (Some(begin), Some(end)) = (self.words.get(first), self.words.get(last)) else {
            return;
        };
        let study = self.words.after(last).is_some_and(|w| {
            matches!(
                self.text(w),
                "diet"
                    | "criteria"
                    | "guide"
                    | "guidelines"
                    | "score"
                    | "protocol"
                    | "scale"
                    | "study"
            )
        });
        if study {
            return;
        }
        let (stop, _) = self.with_town(last, end.end);
        let span = begin.start..stop;
        if out.is_free(&span) && span.len() > 3 {
            out.add(span, IdentifierKind::Location);
        }
    }

    /// Capital words, and the small ones between them, back from a head noun.
    fn back(&self, at: usize) -> usize {
        let mut first = at;
        for _ in 0..7 {
            let Some(here) = self.words.get(first) else { break };
            let Some(before) = first.checked_sub(1).and_then(|b| self.words.get(b)) else { break };
            let joined = here.gap == Gap::Space
                || here.gap == Gap::Dot && matches!(self.text(before), "st" | "mt" | "dr" | "ft")
                || here.gap == Gap::Dot && before.is_initial()
                || here.gap == Gap::Other
                    && self
                        .reading
                        .folded
                        .slice(before.end..here.start)
                        .trim()
                        .trim_start_matches("'s")
                        .trim()
                        == "&"
                || here.gap == Gap::Other
                    && before.possessive
                    && here.start.saturating_sub(before.end) == 3;
            if !joined {
                break;
            }
            if before.cap {
                first = first.saturating_sub(1);
                continue;
            }
            let link =
                matches!(self.text(before), "of" | "and" | "the" | "de" | "del" | "for" | "la");
            let two_back = first.checked_sub(2).and_then(|b| self.words.get(b));
            let linked = link
                && before.gap == Gap::Space
                && two_back.is_some_and(|w| w.cap && !w.is(cues::STOP) && !w.term)
                && self.text(before) != "the"
                && !(matches!(self.text(before), "for" | "and")
                    && two_back.is_some_and(|w| w.is(cues::FACILITY) || w.is(cues::THING)));
            if !linked {
                break;
            }
            first = first.saturating_sub(2);
        }
        first
    }

    /// Without the words in front that do not belong: `At`, `Our`, `Contact`, `John Smith at`.
    fn trim_front(&self, mut first: usize, at: usize) -> usize {
        while first < at {
            let Some(word) = self.words.get(first) else { break };
            let naming = NAMING.contains(&self.text(word));
            let city = word.tag & PLACE_HEAD != 0
                && self.longest_place(first).is_some_and(|l| l < at)
                && self.text(word) != "the";
            let front = word.is(cues::STOP)
                && word.given() == 0
                && word.place() < 2
                && !naming
                && !city
                && (self.text(word) != "new" || word.begins_sentence)
                || word.begins_sentence
                    && word.is(cues::GENERIC)
                    && !naming
                    && self
                        .words
                        .get(first.saturating_add(1))
                        .is_some_and(|w| !w.is(cues::GENERIC))
                || word.is(cues::WEEKDAY | cues::VERB) && !naming && word.family() == 0
                || word.is(cues::STATE_CODE) && word.upper && word.gap == Gap::Comma;
            if !front {
                break;
            }
            first = first.saturating_add(1);
        }
        first
    }

    /// One of the words tells which facility it is.
    fn names_one(&self, first: usize, at: usize, small: bool) -> bool {
        let Some(words) = self.words.list.get(first..at) else { return false };
        let Some(head) = self.words.get(at) else { return false };
        let hospital = HOSPITALS.contains(&self.text(head))
            || self.words.after(at).is_some_and(|w| HOSPITALS.contains(&self.text(w)));
        let medicine = self.text(head) == "medicine";
        let kind = |w: &Word| matches!(self.text(w), "family" | "internal" | "sports" | "primary");
        if medicine && !words.last().is_some_and(kind) {
            return false;
        }
        let national = words.first().is_some_and(|w| w.is(cues::NATIONAL));
        if national && !hospital {
            return false;
        }
        let town = (first..at).any(|begin| {
            self.words.get(begin).is_some_and(|w| w.cap && w.tag & PLACE_HEAD != 0)
                && self.longest_place(begin).is_some_and(|last| last < at)
        });
        if town && (small || hospital) {
            return true;
        }
        let owned = words.last().is_some_and(|w| w.possessive && !w.is(cues::FACILITY));
        words.iter().any(|word| {
            let text = self.text(word);
            if word.possessive
                && (hospital || owned)
                && !small
                && NAMING.iter().any(|n| n.trim_end_matches("'s") == text)
            {
                return hospital;
            }
            if NAMING.contains(&text) {
                return hospital
                    || !matches!(
                        text,
                        "general"
                            | "state"
                            | "women's"
                            | "heart"
                            | "good"
                            | "children's"
                            | "community"
                            | "county"
                            | "regional"
                            | "university"
                            | "city"
                    )
                    || self.text(head) == "medical" && text != "general";
            }
            let vague = word.is(cues::GENERIC
                | cues::STOP
                | cues::FACILITY
                | cues::THING
                | cues::TITLE
                | cues::NATIONAL)
                || word.term
                || word.end.saturating_sub(word.start) < 2
                || !word.cap;
            if small {
                let proper = word.place() > 0 && !word.is_ordinary()
                    || word.tag & KNOWN_PLACE != 0
                    || word.upper && word.place() > 0;
                return !vague && proper && !word.possessive;
            }
            let weak_head = matches!(
                self.text(head),
                "office"
                    | "offices"
                    | "health"
                    | "system"
                    | "group"
                    | "school"
                    | "practice"
                    | "med"
                    | "urgent"
                    | "base"
                    | "society"
                    | "associates"
                    | "center"
                    | "medical"
            );
            let common = word.is(cues::WORD)
                && word.place() == 0
                && word.family() == 0
                && weak_head
                && words.len() < 2;
            !vague && !common
        })
    }

    /// More head nouns, then `of Michigan`, `at Dallas`. Also says whether such a tail names it.
    fn forward(&self, at: usize) -> (usize, bool) {
        let mut last = at;
        while let Some(next) = self.words.after(last) {
            let tail = next.cap && matches!(self.text(next), "home" | "care" | "hospice");
            let head = next.cap && next.is(cues::FACILITY);
            let small =
                SMALL.contains(&self.text(next)) && self.words.get(last).is_some_and(|w| w.cap);
            if !(tail || head || small) {
                break;
            }
            last = last.saturating_add(1);
        }
        let spanish = ["clinica", "consultorio", "centro", "hospital", "farmacia", "escuela"];
        if self.words.get(at).is_some_and(|w| spanish.contains(&self.text(w)))
            && let Some(reach) = self.named_behind(last)
        {
            return (reach, true);
        }
        let general = self
            .words
            .get(at.saturating_add(1))
            .is_some_and(|w| w.cap && self.text(w) == "general");
        if general && self.words.get(at).is_some_and(|w| w.cap && self.text(w) == "hospital") {
            return (last, true);
        }
        let Some(link) = self.words.after(last) else { return (last, false) };
        let of = matches!(self.text(link), "of" | "de" | "del");
        let here = matches!(self.text(link), "in" | "at");
        // "Children's Hospital Boston", "Mount Sinai Medical Center Brooklyn".
        let capital = self.words.get(last).is_some_and(|w| w.cap);
        let town_at = last.saturating_add(if of || here { 2 } else { 1 });
        let reach = self
            .words
            .get(town_at)
            .filter(|w| w.cap && w.gap == Gap::Space)
            .and_then(|_| self.longest_place(town_at));
        let listed = reach.is_some() || link.place() >= 2 && !link.is(cues::STOP);
        let direct = link.cap && capital && listed;
        if !(of || here || direct) {
            return (last, false);
        }
        let mut end = if direct { last } else { last.saturating_add(1) };
        let from = end;
        if let Some(reach) = reach
            && (here || direct)
        {
            let spanish = direct
                && self
                    .words
                    .get(at)
                    .is_some_and(|w| matches!(self.text(w), "hospital" | "clinica" | "centro"));
            return (reach, spanish);
        }
        for _ in 0..3 {
            let Some(next) = self.words.after(end) else { break };
            let fits = next.cap
                && !next.is(cues::STOP | cues::WEEKDAY | cues::MONTH | cues::THING)
                && !next.term;
            if !fits
                || here
                    && next.place() == 0
                    && next.tag & PLACE_HEAD == 0
                    && !next.is(cues::STATE)
                    && end == from
            {
                break;
            }
            end = end.saturating_add(1);
        }
        if end == from {
            return (last, false);
        }
        let head = self.words.get(at);
        let strong = head.is_some_and(|w| {
            w.cap
                && matches!(
                    self.text(w),
                    "hospital"
                        | "university"
                        | "clinic"
                        | "clinica"
                        | "hospitales"
                        | "universidad"
                        | "church"
                        | "office"
                        | "bakery"
                )
        });
        (end, of && strong)
    }

    /// Spanish puts the name behind: `Clínica Familiar Tres Ríos`.
    fn named_behind(&self, head: usize) -> Option<usize> {
        let mut last = head;
        for _ in 0..4 {
            match self.words.after(last) {
                Some(w) if w.cap && !w.is(cues::STOP | cues::WEEKDAY | cues::MONTH) && !w.term => {
                    last = last.saturating_add(1);
                }
                Some(w)
                    if matches!(self.text(w), "de" | "del" | "la" | "los" | "las")
                        && self
                            .words
                            .after(last.saturating_add(1))
                            .is_some_and(|n| n.cap && !n.is(cues::STOP)) =>
                {
                    last = last.saturating_add(2);
                }
                _ => break,
            }
        }
        (last > head && self.words.get(head).is_some_and(|w| w.cap || self.text(w) == "clinica"))
            .then_some(last)
    }
}
