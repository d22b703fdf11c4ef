//! Names of people: told by lists, by how they are written, and by the words around them.

use std::ops::Range;

use super::cues;
use super::name_forms::{Run, run};
use super::names_by_form::LEAST_SMALL;
use super::words::{Gap, Word, Words};
use super::{Inventory, Reading, What, cue_before, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::{Folded, fold};

/// Another person's full name, by itself.
pub(super) const OTHER_PERSON: What = what(
    Category::IdentifierOther,
    Level::Sensitive,
    "identifier.other_person",
    "It is the full name of a person.",
    "Use the recipient's first name only.",
);

/// Before these, a full name is the clinician's or the caller's.
const STAFF: &[&str] = &[
    "dr",
    "dra",
    "doctor",
    "doctora",
    "with",
    "this is",
    "from",
    "ask for",
    "nurse",
    "by",
    "at",
    "see",
    "con",
    "soy",
    "habla",
    "de parte de",
    "sincerely",
    "thanks",
    "clinician",
];
const GREETING: &[&str] = &[
    "hi",
    "hello",
    "dear",
    "hola",
    "hey",
    "estimado",
    "estimada",
    "good morning",
    "good afternoon",
    "buenos dias",
    "buenas tardes",
];
/// Titles that are common words too; a name of our lists must follow them.
const WEAK_TITLES: &[&str] = &[
    "father",
    "sister",
    "officer",
    "judge",
    "sir",
    "nurse",
    "doctor",
    "doctora",
    "professor",
    "captain",
    "pastor",
    "miss",
    "senor",
    "don",
];

/// The text, its words, and where the search stands.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) words: &'a Words,
}

/// Finds every name.
pub(super) fn find(reading: Reading<'_>, words: &Words, out: &mut Inventory) {
    find_recipient(reading, out);
    let scene = Scene { reading, words };
    let mut at = 0_usize;
    while at < words.list.len() {
        at = scene.read(at, out).unwrap_or(at).saturating_add(1);
    }
}

/// The recipient's own names, wherever they stand.
fn find_recipient(reading: Reading<'_>, out: &mut Inventory) {
    let folded = reading.folded;
    for name in &reading.context.recipient_names {
        let name = fold(name);
        if name.len() < 2 {
            continue;
        }
        for (start, found) in folded.lower.match_indices(name.as_str()) {
            let span = start..start.saturating_add(found.len());
            let whole = folded.starts_word(start) && folded.ends_word(span.end);
            if whole && folded.is_capital(start) && out.is_free(&span) {
                out.add(span, IdentifierKind::Name);
            }
        }
    }
}

impl<'a> Scene<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.reading.folded.lower.as_bytes()
    }

    pub(super) fn run(&self, at: usize) -> Option<Run> {
        run(self.words, self.bytes(), at)
    }

    /// Reads what begins at a word; gives the last word it took.
    fn read(&self, at: usize, out: &mut Inventory) -> Option<usize> {
        let word = self.words.get(at)?;
        if word.is(cues::TITLE)
            && let Some(last) = self.titled(at, word, out)
        {
            return Some(last);
        }
        if word.is(cues::NAMED | cues::GREETING)
            && let Some(last) = self.announced(at, word, out)
        {
            return Some(last);
        }
        if !word.cap && word.given() < LEAST_SMALL || !out.is_free(&word.span()) {
            return None;
        }
        if !word.cap {
            return self.in_small_letters(at, word, out);
        }
        if word.is_initial() {
            return self.initials_first(at, out);
        }
        self.last_name_first(at, word, out)
            .or_else(|| self.given_first(at, word, out))
            .or_else(|| self.unlisted(at, word, out))
            .or_else(|| self.family_alone(at, word, out))
    }

    /// `Dr. Payne`, `Mrs. de la Cruz`, `dr patel`.
    fn titled(&self, at: usize, title: &Word, out: &mut Inventory) -> Option<usize> {
        let mut first = at.saturating_add(1);
        let mut name = self.words.get(first)?;
        for _ in 0..2 {
            if name.is(cues::PARTICLE) && !name.cap {
                first = first.saturating_add(1);
                name = self.words.get(first)?;
            }
        }
        if title.possessive
            || !matches!(name.gap, Gap::Space | Gap::Dot)
            || !out.is_free(&name.span())
        {
            return None;
        }
        let folded = self.reading.folded;
        let weak = WEAK_TITLES.contains(&folded.slice(title.span()));
        // "Memorial Dr Suite 4" is a street.
        let listed = name.given() > 0 || name.family() > 0;
        if !name.cap {
            let plain = !name.is(cues::STOP | cues::WORD) && name.gap != Gap::Other;
            let fits = plain && listed && !weak && !name.is(cues::VERB);
            return fits.then(|| {
                let last = self.small_family(first).unwrap_or(first);
                let end = self.words.get(last).map_or(name.end, |w| w.end);
                out.proper_names.push(title.start..end);
                out.add(title.start..end, IdentifierKind::Name);
                last
            });
        }
        let starts_with_a_digit = folded.byte(name.start).is_ascii_digit();
        let initial = name.is_initial() && self.bytes().get(name.end) == Some(&b'.') && !weak;
        let stop = name.is(cues::STOP) && !listed && !initial
            || name.is(cues::WEEKDAY)
            || starts_with_a_digit;
        let headline = (weak || self.words.title_case)
            && (!listed || name.is(cues::WORD) && name.family() < 2);
        if stop
            || headline && (name.tag != 0 || name.term)
            || name.is(cues::FACILITY | cues::STREET) && !listed
        {
            return None;
        }
        let run = self.run(first)?;
        let span = title.start..run.span.end;
        if out.is_free(&span) {
            out.proper_names.push(span.clone());
            out.add(span, IdentifierKind::Name);
        }
        Some(run.last)
    }

    /// `named Priya`, `Name: Okafor`, `Hi Quillon`.
    fn announced(&self, at: usize, cue: &Word, out: &mut Inventory) -> Option<usize> {
        let mut first = at.saturating_add(1);
        let mut name = self.words.get(first)?;
        let folded = self.reading.folded;
        // "Hola Don Chuy": the title comes first, and is read by itself.
        if name.is(cues::TITLE) && name.cap && self.words.after(first).is_some_and(|w| w.cap) {
            return None;
        }
        let certain = folded.slice(cue.span()) == "named" && name.cap && name.gap == Gap::Space;
        if cue.is(cues::NAMED) && matches!(folded.slice(name.span()), "is" | "was" | "es") {
            first = first.saturating_add(1);
            name = self.words.get(first)?;
        }
        let between = folded.slice(cue.end..name.start);
        let near = between.len() <= 6
            && !between.contains(['.', '?', '!', '('])
            && !between.contains(',') | cue.is(cues::GREETING);
        let listed = name.given() > 0 || name.family() > 0;
        let good = if name.cap {
            let word = name.is(cues::WORD) && (name.given() == 0 || self.words.title_case);
            let upper = name.upper && !listed;
            let named_so = certain && name.is(cues::WEEKDAY | cues::STOP) && listed;
            let never = cues::TITLE | cues::WEEKDAY | cues::THING | cues::FACILITY;
            let stop = name.is(never)
                || name.is(cues::STOP) && !name.is(cues::MONTH)
                || cue.is(cues::GREETING) && name.is(cues::GREETING | cues::STATE)
                || name.term && name.given() < 2;
            named_so || !(stop || word || upper)
        } else {
            cue.is(cues::NAMED)
                && name.given() >= 2
                && !name.is(cues::STOP | cues::WORD | cues::RARE_WORD)
                || cue.is(cues::GREETING) && name.given() == 3 && !name.is(cues::STOP | cues::WORD)
        };
        let called = cue.is(cues::VERB) && name.cap && !listed;
        if !near
            || !good
            || called
            || name.gap == Gap::Dot
            || !out.is_free(&name.span())
            || !folded.byte(name.start).is_ascii_alphabetic()
                && self.bytes().get(name.start).is_some_and(u8::is_ascii)
        {
            return None;
        }
        let run = self.run(first)?;
        self.take(run.span.clone(), run.last > first, out);
        Some(run.last)
    }

    /// `J. Smith`, `J.R. Patel`, `J Smith`.
    fn initials_first(&self, at: usize, out: &mut Inventory) -> Option<usize> {
        let mut family = at;
        let mut dotted = true;
        for _ in 0..2 {
            let here = self.words.get(family)?;
            dotted &= self.bytes().get(here.end) == Some(&b'.');
            family = family.saturating_add(1);
            let next = self.words.get(family)?;
            if !matches!(next.gap, Gap::Space | Gap::Dot)
                || next.gap == Gap::Space && self.reading.folded.byte(here.end) == b'\''
            {
                return None;
            }
            if !next.is_initial() {
                break;
            }
        }
        let (first, name) = (self.words.get(at)?, self.words.get(family)?);
        let lettered = self.words.before(at).is_some_and(|w| w.is(cues::LETTERED));
        let fits = name.cap
            && !name.is(cues::STOP | cues::THING | cues::FACILITY)
            && !name.term
            && if dotted {
                name.family() > 0 && (!name.is(cues::WORD) || name.family() == 3)
            } else {
                name.family() >= 2 && !name.is_ordinary()
            };
        let follows = self.words.after(family).is_some_and(|w| w.is(cues::THING | cues::FACILITY));
        if !fits || lettered || follows || first.is(cues::STOP) && !dotted {
            return None;
        }
        let run = self.run(family)?;
        self.take(first.start..run.span.end, true, out);
        Some(run.last)
    }

    /// `Patel, Priya K.`
    fn last_name_first(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        let given = self.words.get(at.saturating_add(1))?;
        let fits = given.gap == Gap::Comma
            && given.cap
            && given.given() > 0
            && word.family() > 0
            && !word.possessive
            && !given.is(cues::STOP | cues::STATE | cues::STATE_CODE)
            && !word.is(cues::STOP | cues::STATE | cues::THING | cues::MONTH)
            && !(word.is_ordinary() && word.family() < 3)
            && !(given.is_ordinary() || given.term)
            && !(word.begins_sentence && word.given() == 3)
            && !(word.given() >= 2 && word.family() < 2)
            && !(word.place() >= 2 && given.place() >= 2)
            && !self.words.before(at).is_some_and(|w| w.cap && (w.given() > 0 || w.family() > 0))
            && (given.given() >= 2 || word.family() >= 2);
        let hyphened = given.gap == Gap::Comma
            && given.cap
            && given.tag == 0
            && !given.term
            && word.begins_sentence
            && word.family() >= 2
            && word.given() < 3
            && self.reading.folded.slice(given.span()).contains('-');
        if !fits && !hyphened {
            return None;
        }
        let run = self.run(at.saturating_add(1))?;
        // "seen by Smith, Kelly Jones and Lee": the second begins a name of its own.
        let own = self.words.get(run.family).is_some_and(|w| !run.only_initials && w.family() >= 2);
        if own && !word.begins_sentence {
            return None;
        }
        self.take(word.start..run.span.end, true, out);
        Some(run.last)
    }

    fn given_first(&self, at: usize, word: &Word, out: &mut Inventory) -> Option<usize> {
        if word.given() == 0 || word.is(cues::WEEKDAY) {
            return None;
        }
        let run = self.run(at)?;
        let good = if run.last > at {
            self.is_full_name(at, word, &run)
        } else {
            self.stands_alone(at, word)
        };
        if !good {
            return None;
        }
        // "Don Chuy" is a title and a first name.
        self.take(run.span.clone(), run.last > at && !word.is(cues::TITLE), out);
        Some(run.last)
    }

    /// A given name with more behind it.
    fn is_full_name(&self, at: usize, word: &Word, run: &Run) -> bool {
        let company = self.company(at, run.last);
        let Some(family) = self.words.get(run.family) else { return false };
        let next = self.words.after(run.last);
        let thing = next.is_some_and(|w| w.is(cues::THING));
        if word.is(cues::EPONYM) && family.is(cues::EPONYM) && !company
            || word.is(cues::STOP) && !word.is(cues::MONTH) && family.family() < 2
            || (word.is(cues::EPONYM) || family.is(cues::EPONYM)) && thing
            || next.is_some_and(|w| w.is(cues::FACILITY | cues::STREET) && w.cap)
            || word.term && family.family() < 2
        {
            return false;
        }
        if run.only_initials {
            let dotted = self.bytes().get(run.span.end.saturating_sub(1)) == Some(&b'.');
            let lettered = word.is(cues::LETTERED);
            let hyphen = self.reading.folded.byte(run.span.end) == b'-';
            return !lettered
                && !hyphen
                && (!word.is_ordinary() && (dotted || word.given() >= 2)
                    || dotted && (company || !word.is(cues::WORD) || !word.begins_sentence));
        }
        if company {
            return true;
        }
        if next.is_some_and(|w| w.is(cues::VERB) && !w.cap) && family.family() >= 2 {
            return true;
        }
        let month = word.is(cues::MONTH) && self.words.before(at).is_some_and(|w| w.is(cues::WHEN));
        match (word.is_ordinary() || word.is(cues::STOP), family.is_ordinary()) {
            (_, _) if month => false,
            (false, false) => {
                word.given() >= 2
                    || family.family() >= 2
                    || !word.begins_sentence && !self.words.title_case && !word.is(cues::EPONYM)
            }
            (false, true) => family.family() >= 2 && (word.given() >= 2 || family.family() == 3),
            (true, false) => {
                let strange = family.tag == 0 || family.family() > 0 && word.given() >= 2;
                family.family() >= 2 || strange && !family.term && !self.words.title_case
            }
            (true, true) => family.family() == 3 && !word.begins_sentence && !self.words.title_case,
        }
    }

    /// A given name alone.
    fn stands_alone(&self, at: usize, word: &Word) -> bool {
        let next = self.words.after(at);
        let before = self.words.before(at);
        let is = |w: Option<&Word>, roles| w.is_some_and(|w| w.is(roles));
        if self.is_eponym(at, word) || word.term || is(before, cues::LETTERED) && word.given() < 2 {
            return false;
        }
        let company = self.company(at, at) || is(before, cues::NAMED);
        let verb = next.is_some_and(|w| w.is(cues::VERB) && !w.cap);
        let owns = word.possessive && is(next, cues::OWNED);
        let paired = next
            .is_some_and(|w| matches!(self.reading.folded.slice(w.span()), "and" | "y"))
            && self.words.after(at.saturating_add(1)).is_some_and(|w| {
                w.cap && (w.given() > 0 || w.tag == 0) && !w.is_ordinary() && !w.term
            });
        let company = company || paired && !word.is_ordinary();
        if word.is_ordinary() || word.is(cues::STATE | cues::STOP | cues::FACILITY) {
            let timely = word.is(cues::MONTH | cues::STATE)
                && (is(before, cues::WHEN | cues::WHERE)
                    || !is(before, cues::PERSON | cues::NAMED)
                        && word.begins_sentence
                        && !owns
                        && is(next, cues::STOP));
            let plain_verb = verb && !is(next, cues::STOP);
            let after_person =
                company && word.given() >= 2 && !is(before, cues::PERSON_PREPOSITION);
            let prepositional = is(before, cues::PERSON_PREPOSITION)
                && word.given() == 3
                && !word.begins_sentence
                && !self.words.title_case
                && !is(next, cues::WORD);
            if timely || word.is(cues::STOP) && !word.is(cues::MONTH) {
                return false;
            }
            return owns
                || after_person
                || plain_verb && word.given() >= 2
                || prepositional && !word.is(cues::MONTH);
        }
        if word.place() >= 2
            && (is(before, cues::WHERE)
                || is(next, cues::AREA)
                || self
                    .words
                    .get(at.saturating_add(1))
                    .is_some_and(|w| w.gap == Gap::Comma && w.is(cues::STATE | cues::STATE_CODE)))
        {
            return false;
        }
        let surname = word.family() > word.given();
        let preposition = is(before, cues::PERSON_PREPOSITION);
        let opens = word.begins_sentence
            && (next.is_some_and(|w| {
                matches!(self.reading.folded.slice(w.span()), "from" | "with" | "and")
            }) || self
                .words
                .get(at.saturating_add(1))
                .is_some_and(|w| w.gap == Gap::Comma && !w.cap))
            && !self.words.title_case
            && !word.is(cues::EPONYM)
            && !word.upper;
        let company = company || opens;
        if word.begins_sentence && !(company || owns || verb) {
            return false;
        }
        match word.given() {
            3 => !surname || company || owns || verb || preposition && !word.is(cues::EPONYM),
            2 => {
                let clear = !word.begins_sentence
                    && word.family() < 2
                    && word.place() < 2
                    && !word.is(cues::EPONYM)
                    && !word.upper
                    && !self.words.title_case;
                company || owns || verb || clear || preposition && !word.is(cues::EPONYM)
            }
            _ => (company || owns || verb && !word.begins_sentence) && !word.upper,
        }
    }

    /// Notes the name, and says whether it is somebody else's.
    pub(super) fn take(&self, span: Range<usize>, full: bool, out: &mut Inventory) {
        let folded = self.reading.folded;
        if !out.is_free(&span) || folded.slice(span.clone()) == "johns hopkins" {
            return;
        }
        out.add(span.clone(), IdentifierKind::Name);
        if full && !is_known(self.reading, &span) {
            // "Don Chuy" is a courtesy and one name.
            let said = folded.slice(span.clone());
            if ["don ", "dona "].iter().any(|t| said.starts_with(t)) && said.split(' ').count() < 3
            {
                return;
            }
            // Nobody has told us who the recipient is: a name alone may be theirs, or the staff's.
            let unknown = self.reading.context.recipient_names.is_empty()
                && !is_told_of(folded.lower.get(span.end..).unwrap_or(""));
            if unknown || cue_before(folded, span.start, 12, GREETING) {
                out.full_names.push(span);
            } else {
                out.add_finding(span, &OTHER_PERSON);
            }
        }
    }
}

/// "Mary Johnson, seen at noon": what stands right behind the name makes a patient of it.
fn is_told_of(behind: &str) -> bool {
    let mut words = behind.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let care = |w: &str| {
        matches!(
            w,
            "seen" | "treated" | "admitted" | "discharged" | "diagnosed" | "evaluated" | "operated"
        )
    };
    words.by_ref().take(3).any(care)
}

/// The recipient, a clinician, or whoever speaks for the practice.
fn is_known(reading: Reading<'_>, span: &Range<usize>) -> bool {
    let folded = reading.folded;
    let own = reading.context.recipient_names.iter().chain(&reading.context.clinicians).any(|n| {
        let name = fold(n);
        name.len() > 1 && folded.slice(span.clone()).contains(&name)
    });
    own || signs_off(folded, span)
        || cue_before(folded, span.start, 14, STAFF)
        || credentials_follow(folded, span.end)
}

/// A name on a line of its own, or with its office behind a comma, closes a letter.
fn signs_off(folded: &Folded, span: &Range<usize>) -> bool {
    let begins = folded.line_starts.contains(&span.start);
    let ends = span.end >= folded.lower.len()
        || folded.line_starts.contains(&span.end.saturating_add(1))
        || folded.byte(span.end) == b',';
    begins && ends
}

fn credentials_follow(folded: &Folded, at: usize) -> bool {
    let after = folded.lower.get(at..).unwrap_or("").trim_start_matches([',', ' ']);
    ["md", "np", "rn", "do", "pa", "pa-c", "dds", "dmd", "od", "phd", "lcsw", "dpm", "pt", "aprn"]
        .iter()
        .any(|c| {
            after
                .strip_prefix(c)
                .is_some_and(|r| !r.starts_with(|x: char| x.is_ascii_alphanumeric()))
        })
}
#[cfg(test)]
mod tests {
    use crate::guard::by_rules;
    use crate::{Context, IdentifierKind, Level};

    fn found(text: &str, context: &Context) -> (Vec<String>, Level) {
        let assessment = by_rules(text, context);
        let names = assessment
            .identifiers
            .iter()
            .filter(|i| i.kind == IdentifierKind::Name)
            .map(|i| text.chars().skip(i.span.start).take(i.span.len()).collect())
            .collect();
        (names, assessment.level)
    }

    #[test]
    fn names_and_what_they_reveal() {
        let none = Context::default();
        for (text, name, level) in [
            ("Hi Maria, your visit is Monday", "Maria", 0),
            ("Hi Quillon, your visit is Monday", "Quillon", 0),
            ("Visit with Dr. Payne at 9", "Dr. Payne", 0),
            ("Visit with Dr. Gout at 9", "Dr. Gout", 0),
            ("Mary Johnson, seen at noon", "Mary Johnson", 3),
            ("Sarah P., seen at noon", "Sarah P.", 3),
            ("Your visit with Sarah Jones, NP", "Sarah Jones", 0),
            ("Hi Maria Lopez, your visit is Monday", "Maria Lopez", 0),
            ("Hi Maria Lopez, your results are ready", "Maria Lopez", 3),
        ] {
            let (names, found_level) = found(text, &none);
            assert_eq!(names, [name], "{text}");
            assert_eq!(u8::from(found_level), level, "{text}");
        }
    }

    #[test]
    fn the_recipients_own_name_passes() {
        let context =
            Context { recipient_names: vec!["Maria".into(), "Lopez".into()], ..Context::default() };
        assert_eq!(found("Maria Lopez: your visit is Monday", &context).1, Level::Administrative);
        assert_eq!(found("Jane Doe has a visit Monday", &context).1, Level::Sensitive);
    }
}
