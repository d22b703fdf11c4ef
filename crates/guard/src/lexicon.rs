//! The term lists of `lexicon/`, compiled into one tree of words that is walked once per text.
//!
//! Each file begins with `key: value` lines (`role` or `category` and `level`, `rule`, `reason`,
//! `suggestion`, `source`, `licence`), then an empty line, then terms divided by commas or line
//! ends. Marks on a term: `^GI` only in capitals; `~subs` only beside another health word;
//! `?depression` not in company that shows another sense (`elsewhere.txt`).
//! `#` begins a comment. Hyphens, slashes and spaces in a term are alike; a plural ending of its
//! last word is understood.

use std::borrow::Cow;

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::names;
use crate::normalise::{Folded, fold};
use crate::sentences;
use crate::tokens::{self, Gap, Token};
use crate::words::{Elsewhere, FastMap, NO_WORD, Spellings, WordId, Words};

/// Every list, by file name.
const FILES: &[(&str, &str)] = &[
    ("acts", include_str!("../../../lexicon/acts.txt")),
    ("ailing", include_str!("../../../lexicon/ailing.txt")),
    ("allowed", include_str!("../../../lexicon/allowed.txt")),
    ("analytes", include_str!("../../../lexicon/analytes.txt")),
    ("asks", include_str!("../../../lexicon/asks.txt")),
    ("billing_detail", include_str!("../../../lexicon/billing_detail.txt")),
    ("billing_mention", include_str!("../../../lexicon/billing_mention.txt")),
    ("body_findings", include_str!("../../../lexicon/body_findings.txt")),
    ("body_parts", include_str!("../../../lexicon/body_parts.txt")),
    ("came_back", include_str!("../../../lexicon/came_back.txt")),
    ("changes", include_str!("../../../lexicon/changes.txt")),
    ("common_english", include_str!("../../../lexicon/common_english.txt")),
    ("common_spanish", include_str!("../../../lexicon/common_spanish.txt")),
    ("community", include_str!("../../../lexicon/community.txt")),
    ("diagnoses", include_str!("../../../lexicon/diagnoses.txt")),
    ("dose_units", include_str!("../../../lexicon/dose_units.txt")),
    ("elsewhere", include_str!("../../../lexicon/elsewhere.txt")),
    ("faculties", include_str!("../../../lexicon/faculties.txt")),
    ("frequencies", include_str!("../../../lexicon/frequencies.txt")),
    ("health_cues", include_str!("../../../lexicon/health_cues.txt")),
    ("hiv", include_str!("../../../lexicon/hiv.txt")),
    ("hiv_medications", include_str!("../../../lexicon/hiv_medications.txt")),
    ("hiv_tests", include_str!("../../../lexicon/hiv_tests.txt")),
    ("icd_terms", include_str!("../../../lexicon/icd_terms.txt")),
    ("lab_mention", include_str!("../../../lexicon/lab_mention.txt")),
    ("lab_sensitive", include_str!("../../../lexicon/lab_sensitive.txt")),
    ("lab_units", include_str!("../../../lexicon/lab_units.txt")),
    ("labs", include_str!("../../../lexicon/labs.txt")),
    ("links", include_str!("../../../lexicon/links.txt")),
    ("medication_mention", include_str!("../../../lexicon/medication_mention.txt")),
    ("medications", include_str!("../../../lexicon/medications.txt")),
    ("mental_conditions", include_str!("../../../lexicon/mental_conditions.txt")),
    ("mental_health", include_str!("../../../lexicon/mental_health.txt")),
    ("mental_medications", include_str!("../../../lexicon/mental_medications.txt")),
    ("mental_specialties", include_str!("../../../lexicon/mental_specialties.txt")),
    ("money_nouns", include_str!("../../../lexicon/money_nouns.txt")),
    ("money_units", include_str!("../../../lexicon/money_units.txt")),
    ("number_words", include_str!("../../../lexicon/number_words.txt")),
    ("oncology_medications", include_str!("../../../lexicon/oncology_medications.txt")),
    ("oncology_procedures", include_str!("../../../lexicon/oncology_procedures.txt")),
    ("pathogens", include_str!("../../../lexicon/pathogens.txt")),
    ("pictures", include_str!("../../../lexicon/pictures.txt")),
    ("place_words", include_str!("../../../lexicon/place_words.txt")),
    ("preventable", include_str!("../../../lexicon/preventable.txt")),
    ("procedure_mention", include_str!("../../../lexicon/procedure_mention.txt")),
    ("procedures", include_str!("../../../lexicon/procedures.txt")),
    ("procedures_sensitive", include_str!("../../../lexicon/procedures_sensitive.txt")),
    ("psychotherapy_notes", include_str!("../../../lexicon/psychotherapy_notes.txt")),
    ("ready_words", include_str!("../../../lexicon/ready_words.txt")),
    ("registered_drugs", include_str!("../../../lexicon/registered_drugs.txt")),
    ("reproductive", include_str!("../../../lexicon/reproductive.txt")),
    ("reproductive_medications", include_str!("../../../lexicon/reproductive_medications.txt")),
    ("reproductive_specialties", include_str!("../../../lexicon/reproductive_specialties.txt")),
    ("reproductive_tests", include_str!("../../../lexicon/reproductive_tests.txt")),
    ("result_meanings", include_str!("../../../lexicon/result_meanings.txt")),
    ("result_nouns", include_str!("../../../lexicon/result_nouns.txt")),
    ("result_phrases", include_str!("../../../lexicon/result_phrases.txt")),
    ("scores", include_str!("../../../lexicon/scores.txt")),
    ("scores_mental", include_str!("../../../lexicon/scores_mental.txt")),
    ("specialties", include_str!("../../../lexicon/specialties.txt")),
    ("specialties_sensitive", include_str!("../../../lexicon/specialties_sensitive.txt")),
    ("specialty_mention", include_str!("../../../lexicon/specialty_mention.txt")),
    ("sti", include_str!("../../../lexicon/sti.txt")),
    ("sud", include_str!("../../../lexicon/sud.txt")),
    ("sud_medications", include_str!("../../../lexicon/sud_medications.txt")),
    ("sud_specialties", include_str!("../../../lexicon/sud_specialties.txt")),
    ("symptoms", include_str!("../../../lexicon/symptoms.txt")),
    ("tests_and_procedures", include_str!("../../../lexicon/tests_and_procedures.txt")),
    ("therapies", include_str!("../../../lexicon/therapies.txt")),
    ("to_all", include_str!("../../../lexicon/to_all.txt")),
    ("treats", include_str!("../../../lexicon/treats.txt")),
    ("units", include_str!("../../../lexicon/units.txt")),
    ("vaccine_words", include_str!("../../../lexicon/vaccine_words.txt")),
    ("vision", include_str!("../../../lexicon/vision.txt")),
    ("vitals", include_str!("../../../lexicon/vitals.txt")),
    ("weak_meanings", include_str!("../../../lexicon/weak_meanings.txt")),
];

/// Given names, with their own head: a term among them may be somebody's name.
const GIVEN_NAMES: &str = include_str!("../../../lexicon/given_names.txt");

/// What the terms of one file mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// They reveal something.
    Term,
    /// They reveal something unless the sentence speaks to everybody ("if you have a fever").
    Symptom,
    /// A phrase in which a term means something else ("hours of operation").
    Allowed,
    /// A word that makes a doubtful term a health word.
    HealthCue,
    /// A test or its result.
    ResultNoun,
    /// What a result means ("normal").
    ResultMeaning,
    /// A refill is ready or due.
    ReadyWord,
    /// A given name.
    FirstName,
    /// An ordinary word of English or Spanish: no misspelling of a drug.
    Common,
    /// What is measured: a number behind it is a result.
    Analyte,
    /// A word between what is measured and its value ("is", "came back at").
    Link,
    /// A number written out.
    NumberWord,
    /// What a dose is counted in.
    DoseUnit,
    /// What a measured value is counted in.
    LabUnit,
    /// How often a dose is taken.
    Frequency,
    /// What money is counted in.
    MoneyUnit,
    /// It puts a condition to everybody ("if you have", "anyone with").
    ToAll,
    /// Something was sent off and has come back: what follows is a result.
    CameBack,
    /// A word of weather, buildings, games …: doubtful terms beside it mean something else.
    Elsewhere,
    /// What streets, parks and shops are called: a term before it is a name.
    PlaceWord,
    /// A vaccine or a swab: the disease beside it is not the patient's.
    VaccineWord,
    /// A disease that vaccines and swabs are named for.
    Preventable,
    /// A disease that a positive test proves.
    Pathogen,
    /// What a result is, in words for anything ("fine"): counts right behind what was tested.
    WeakMeaning,
    /// It speaks to everybody about what is on offer ("everyone welcome").
    Community,
    /// A part of the body, said of somebody.
    BodyPart,
    /// What is found on a part of the body ("spot", "lump").
    BodyFinding,
    /// What a part of the body does when something is wrong ("hurts", "swollen").
    Ailing,
    /// It asks about, or looks at, what stands behind it ("how is", "follow up on your").
    Asks,
    /// What one has more or less of: hearing, breathing, white cells.
    Faculty,
    /// How such a thing changed or stands.
    Change,
    /// A picture of the inside.
    Picture,
    /// What is done to a part of the body ("drain", "freeze off").
    Act,
    /// What a clinic treats ("heart", "skin").
    Treats,
    /// A clinic, or who works there ("doctor", "center").
    Unit,
    /// It may open an address ([`names::ADDRESSES`]).
    Addresses,
}

impl Role {
    /// One bit for each role.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// The head of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) role: Role,
    pub(crate) category: Category,
    /// A second category that every term of the list carries.
    pub(crate) also: Option<Category>,
    pub(crate) level: Level,
    pub(crate) rule: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) suggestion: &'static str,
}

impl Group {
    /// What a term of this list reveals at this place, once for each of its categories.
    pub(crate) fn findings(&self, span: &std::ops::Range<usize>) -> impl Iterator<Item = Finding> {
        let first = self.finding(span.clone());
        let also = self.also.map(|category| Finding { category, ..first.clone() });
        std::iter::once(first).chain(also)
    }

    /// What a term of this list reveals at this place, in its first category.
    pub(crate) const fn finding(&self, span: std::ops::Range<usize>) -> Finding {
        Finding {
            span,
            category: self.category,
            level: self.level,
            rule: self.rule,
            reason: self.reason,
            suggestion: self.suggestion,
            ready: false,
        }
    }
}

/// One term of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    group: usize,
    /// Only in this spelling or all in capitals.
    capitals: Option<&'static str>,
    doubtful: bool,
    homograph: bool,
}

/// A term found, on word boundaries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TermHit {
    /// Bytes of the folded text.
    pub(crate) start: usize,
    /// End, exclusive.
    pub(crate) end: usize,
    /// Index into [`Lexicon::groups`].
    pub(crate) group: usize,
    /// Means something only beside another health word.
    pub(crate) doubtful: bool,
    /// Means something else in other company.
    pub(crate) homograph: bool,
    /// Number of its last token.
    pub(crate) last: usize,
}

/// What is wrong with a term list. Names the file and line, for whoever edits the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LexiconError {
    pub(crate) file: &'static str,
    pub(crate) what: String,
}

/// Room for the words of all lists, so that the tables seldom grow while they are filled.
const MOST_WORDS: usize = 114_000;
/// Room for their terms.
const MOST_TERMS: usize = 34_000;

/// What is known of a node.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Where the terms that end here begin among the entries; they reach to the next node's.
    entries_from: u32,
    /// One bit for the last bits of each word that leads on: most words lead nowhere.
    leads_on: u32,
}

const fn lead(word: WordId) -> u32 {
    1 << (word % 32)
}

/// A place in the tree of words.
type Node = u32;
const ROOT: Node = 0;

/// All lists, compiled.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    pub(crate) words: Words,
    pub(crate) groups: Vec<Group>,
    /// The node of each word at the beginning of a term, else [`ROOT`].
    first: Vec<Node>,
    /// Node and word → node.
    edges: FastMap<u64, Node>,
    /// By node.
    places: Vec<Place>,
    entries: Vec<Entry>,
}

impl Lexicon {
    /// The lists that ship with the guard, and the spellings of their words. With each word it is noted
    /// what is known of it `elsewhere`.
    ///
    /// # Errors
    /// A file with a head that lacks a key or has an unknown value.
    pub(crate) fn embedded(
        elsewhere: impl Fn(&str) -> Elsewhere,
    ) -> Result<(Self, Spellings), LexiconError> {
        let mut building = Building::default();
        building.lexicon.words.reserve(MOST_WORDS);
        building.spellings.reserve(MOST_WORDS);
        building.found.reserve(MOST_TERMS);
        for (number, (file, text)) in FILES.iter().enumerate() {
            let (head, body) =
                text.split_once("\n\n").ok_or_else(|| wrong(file, "no empty line after head"))?;
            let group = parse_head(file, head)?;
            for line in body.lines() {
                let line = line.split('#').next().unwrap_or("");
                for term in line.split(',').map(str::trim).filter(|t| !t.is_empty()) {
                    building.add(term, number, group.role);
                }
            }
            building.lexicon.groups.push(group);
        }
        let names = GIVEN_NAMES.lines().filter(|line| !line.starts_with(['#', '@']));
        for name in names.flat_map(str::split_whitespace) {
            let word = building.word(Cow::Borrowed(name));
            building.lexicon.words.mark(word, Role::FirstName.bit());
        }
        Ok(building.finish(elsewhere))
    }

    /// Cuts a text into tokens that know their numbers in the lists.
    pub(crate) fn tokens(
        &self,
        folded: &Folded,
        sentences: &[std::ops::Range<usize>],
    ) -> Vec<Token> {
        tokens::cut(folded, &self.words, sentences)
    }

    /// Every term in the text, in the order of its beginning.
    pub(crate) fn find(&self, folded: &Folded, tokens: &[Token], hits: &mut Vec<TermHit>) {
        for (at, token) in tokens.iter().enumerate() {
            if token.first != ROOT {
                self.walk(folded, tokens, at, (token.first, false), hits);
            }
            if token.stem != NO_WORD {
                let stem = self.first.get(token.stem as usize).copied().unwrap_or(ROOT);
                self.walk(folded, tokens, at, (stem, true), hits);
            }
        }
    }

    fn walk(
        &self,
        folded: &Folded,
        tokens: &[Token],
        at: usize,
        (mut node, mut is_stem): (Node, bool),
        hits: &mut Vec<TermHit>,
    ) {
        let mut last = at;
        while node != ROOT {
            self.take(folded, tokens, (node, is_stem), at..last, hits);
            last = last.saturating_add(1);
            let Some(next) = tokens.get(last).filter(|t| t.gap <= Gap::Soft) else { break };
            (node, is_stem) = match (self.step(node, next.word), next.stem) {
                (ROOT, stem) => (self.step(node, stem), true),
                (found, _) => (found, false),
            };
        }
    }

    fn step(&self, node: Node, word: WordId) -> Node {
        let leads_on = self.places.get(node as usize).map_or(0, |place| place.leads_on);
        if word == NO_WORD || leads_on & lead(word) == 0 {
            return ROOT;
        }
        self.edges.get(&edge(node, word)).copied().unwrap_or(ROOT)
    }

    /// Adds the terms that end at a node; `between` is the numbers of the first and last token.
    fn take(
        &self,
        folded: &Folded,
        tokens: &[Token],
        (node, is_stem): (Node, bool),
        between: std::ops::Range<usize>,
        hits: &mut Vec<TermHit>,
    ) {
        let (Some(first), Some(last)) = (tokens.get(between.start), tokens.get(between.end)) else {
            return;
        };
        for entry in self.ending_at(node) {
            let small = entry.capitals.is_some_and(|spelling| {
                !is_in_capitals(folded.cased_slice(first.start..last.end), spelling)
            });
            if small && !self.means_an_abbreviation(folded, tokens, &between) {
                continue;
            }
            // "pas" is not the plural of "pa"; "PTs" is one of "PT".
            if is_stem && entry.capitals.is_none() && last.end.saturating_sub(first.start) < 5 {
                continue;
            }
            hits.push(TermHit {
                start: first.start,
                end: last.end,
                group: entry.group,
                doubtful: entry.doubtful,
                homograph: entry.homograph,
                last: between.end,
            });
        }
    }

    /// An abbreviation in small letters: one that is no ordinary word, or of two letters before
    /// what only an abbreviation stands before ("the ob can see u", "pt moved to 9").
    fn means_an_abbreviation(
        &self,
        folded: &Folded,
        tokens: &[Token],
        between: &std::ops::Range<usize>,
    ) -> bool {
        let (true, Some(token)) = (between.is_empty(), tokens.get(between.end)) else {
            return false;
        };
        if token.end.saturating_sub(token.start) >= 3 {
            return token.roles & Role::Common.bit() == 0;
        }
        let word = |at: Option<usize>| {
            at.and_then(|at| tokens.get(at)).map_or("", |t| folded.slice(t.span()))
        };
        let before = word(between.end.checked_sub(1));
        let next = word(between.end.checked_add(1));
        let all_small = !folded.is_capital(token.start);
        all_small
            && !matches!(before, "am" | "pm" | "m" | "new" | "each" | "a" | "no")
            && matches!(
                next,
                "appt"
                    | "appts"
                    | "appointment"
                    | "visit"
                    | "visits"
                    | "eval"
                    | "evaluation"
                    | "session"
                    | "sessions"
                    | "clinic"
                    | "consult"
                    | "referral"
                    | "doc"
                    | "dr"
                    | "doctor"
                    | "nurse"
                    | "office"
                    | "moved"
                    | "can"
                    | "wants"
                    | "called"
                    | "says"
                    | "scan"
                    | "chest"
                    | "abd"
                    | "head"
                    | "results"
                    | "exercises"
                    | "homework"
                    | "followup"
                    | "specialist"
                    | "team"
            )
    }

    fn ending_at(&self, node: Node) -> &[Entry] {
        match self.places.get(node as usize..).unwrap_or(&[]) {
            [here, next, ..] => self
                .entries
                .get(here.entries_from as usize..next.entries_from as usize)
                .unwrap_or(&[]),
            _ => &[],
        }
    }

    /// The groups of a word put together from pieces (`h i v`), doubtful terms left out.
    pub(crate) fn groups_of(&self, spelling: &str) -> impl Iterator<Item = usize> + '_ {
        let word = self.words.get(spelling).unwrap_or(NO_WORD);
        let node = self.first.get(word as usize).copied().unwrap_or(ROOT);
        let entries = if node == ROOT { &[] } else { self.ending_at(node) };
        entries.iter().filter(|entry| !entry.doubtful).map(|entry| entry.group)
    }

    /// The hit is a disease that vaccines and swabs are named for.
    pub(crate) fn is_preventable(&self, text: crate::terms::Text<'_>, hit: &TermHit) -> bool {
        let first = text.tokens.partition_point(|t| t.start < hit.start);
        let mut tokens = text.tokens.get(first..=hit.last).unwrap_or(&[]).iter();
        tokens.any(|t| t.roles & Role::Preventable.bit() != 0)
    }

    /// The group with this number.
    pub(crate) fn group(&self, number: usize) -> Option<&Group> {
        self.groups.get(number)
    }

    /// The single words that are long enough to be recognised with a slip in them.
    pub(crate) fn long_words<'s>(
        &self,
        spellings: &'s Spellings,
    ) -> impl Iterator<Item = (&'s str, usize)> {
        let words = spellings.iter().map(|spelling| &**spelling).zip(0_usize..);
        words.filter(|(w, _)| w.len() >= 5).flat_map(|(spelling, id)| {
            let node = self.first.get(id).copied().unwrap_or(ROOT);
            let entries = if node == ROOT { &[] } else { self.ending_at(node) };
            entries
                .iter()
                .filter(|e| !e.doubtful && e.capitals.is_none())
                .filter(|_| spelling.bytes().all(|b| b.is_ascii_lowercase()))
                .map(move |e| (spelling, e.group))
        })
    }
}

/// The writer's capitals are the term's, or all letters are capitals.
fn is_in_capitals(cased: &str, spelling: &str) -> bool {
    cased == spelling
        || !cased.bytes().any(|b| b.is_ascii_lowercase())
        || cased.strip_suffix('s').is_some_and(|one| one == spelling)
}

const fn edge(node: Node, word: WordId) -> u64 {
    (node as u64) << 32 | word as u64
}

/// The node and the word of an [`edge`].
const fn ends_of_edge(edge: u64) -> (Node, WordId) {
    ((edge >> 32) as Node, (edge & u32::MAX as u64) as WordId)
}

/// The tree while terms are added.
#[derive(Debug, Default)]
struct Building {
    lexicon: Lexicon,
    spellings: Spellings,
    nodes: Node,
    found: Vec<(Node, Entry)>,
    path: Vec<WordId>,
}

impl Building {
    fn add(&mut self, term: &'static str, group: usize, role: Role) {
        // Nearly all are one word without a mark.
        if term.bytes().fold(true, |plain, b| plain & b.is_ascii_lowercase()) {
            let word = self.word(Cow::Borrowed(term));
            self.lexicon.words.mark(word, role.bit());
            if role != Role::Common {
                let node = self.child(ROOT, word);
                let entry = Entry { group, capitals: None, doubtful: false, homograph: false };
                self.found.push((node, entry));
            }
            return;
        }
        let doubtful = term.contains('~');
        let homograph = term.contains('?');
        let bare = term.trim_matches(['^', '~', '?']);
        let capitals = term.contains('^').then_some(bare);
        self.path.clear();
        self.spell(bare);
        if let [word] = self.path.as_slice() {
            self.lexicon.words.mark(*word, role.bit());
            if role == Role::Common {
                return;
            }
        }
        let mut node = ROOT;
        for at in 0..self.path.len() {
            let Some(&word) = self.path.get(at) else { break };
            node = self.child(node, word);
        }
        if node != ROOT {
            self.found.push((node, Entry { group, capitals, doubtful, homograph }));
        }
    }

    /// The words of a term, as [`tokens::cut`] would cut it.
    fn spell(&mut self, bare: &'static str) {
        let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b' ' | b'-');
        if bare.bytes().all(plain) {
            for piece in bare.split([' ', '-']).filter(|piece| !piece.is_empty()) {
                let word = self.word(Cow::Borrowed(piece));
                self.path.push(word);
            }
            return;
        }
        let folded = Folded::new(&fold(bare));
        let sentences = sentences::split(&folded);
        for token in self.lexicon.tokens(&folded, &sentences) {
            let spelling = folded.slice(token.span()).replace('\'', "");
            let word = self.word(Cow::Owned(spelling));
            self.path.push(word);
        }
    }

    fn word(&mut self, spelling: Cow<'static, str>) -> WordId {
        self.lexicon.words.add(spelling, &mut self.spellings)
    }

    fn child(&mut self, node: Node, word: WordId) -> Node {
        let next = self.nodes.saturating_add(1);
        let child = if node == ROOT {
            let slot = word as usize;
            if self.lexicon.first.len() <= slot {
                self.lexicon.first.resize(slot.saturating_add(1), ROOT);
            }
            match self.lexicon.first.get_mut(slot) {
                Some(first) if *first == ROOT => {
                    *first = next;
                    next
                }
                Some(first) => *first,
                None => ROOT,
            }
        } else {
            *self.lexicon.edges.entry(edge(node, word)).or_insert(next)
        };
        self.nodes = self.nodes.max(child);
        child
    }

    fn finish(mut self, elsewhere: impl Fn(&str) -> Elsewhere) -> (Lexicon, Spellings) {
        self.found.sort_by_key(|(node, entry)| (*node, entry.group));
        self.found.dedup();
        let mut places = vec![Place::default(); (self.nodes as usize).saturating_add(2)];
        for (node, _) in &self.found {
            if let Some(place) = places.get_mut((*node as usize).saturating_add(1)) {
                place.entries_from = place.entries_from.saturating_add(1);
            }
        }
        let mut sum = 0_u32;
        for place in &mut places {
            sum = sum.saturating_add(place.entries_from);
            place.entries_from = sum;
        }
        for key in self.lexicon.edges.keys() {
            let (node, word) = ends_of_edge(*key);
            if let Some(place) = places.get_mut(node as usize) {
                place.leads_on |= lead(word);
            }
        }
        self.lexicon.places = places;
        self.lexicon.entries = self.found.into_iter().map(|(_, entry)| entry).collect();
        for word in names::ADDRESSES {
            if let Some(id) = self.lexicon.words.get(word) {
                self.lexicon.words.mark(id, Role::Addresses.bit());
            }
        }
        self.lexicon.words.finish(&self.spellings, &self.lexicon.first, elsewhere);
        (self.lexicon, self.spellings)
    }
}

fn wrong(file: &'static str, what: &str) -> LexiconError {
    LexiconError { file, what: what.to_owned() }
}

fn parse_head(file: &'static str, head: &'static str) -> Result<Group, LexiconError> {
    let value = |key: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.trim())
            .ok_or_else(|| wrong(file, &format!("head lacks `{key}`")))
    };
    value("source")?;
    value("licence")?;
    let role = parse_role(file, value("role").unwrap_or("term"))?;
    if !matches!(role, Role::Term | Role::Symptom | Role::Analyte) {
        return Ok(Group {
            role,
            category: Category::IdentifierOther,
            also: None,
            level: Level::Administrative,
            rule: "",
            reason: "",
            suggestion: "",
        });
    }
    let level = value("level")?
        .parse::<u8>()
        .map_err(|e| wrong(file, &format!("level: {e}")))
        .and_then(|n| Level::try_from(n).map_err(|e| wrong(file, &e)))?;
    Ok(Group {
        role,
        category: parse_category(file, value("category")?)?,
        also: value("also").ok().map(|name| parse_category(file, name)).transpose()?,
        level,
        rule: value("rule")?,
        reason: value("reason")?,
        suggestion: value("suggestion")?,
    })
}

fn parse_role(file: &'static str, name: &str) -> Result<Role, LexiconError> {
    Ok(match name {
        "term" => Role::Term,
        "symptom" => Role::Symptom,
        "allowed" => Role::Allowed,
        "health_cue" => Role::HealthCue,
        "result_noun" => Role::ResultNoun,
        "result_meaning" => Role::ResultMeaning,
        "ready_word" => Role::ReadyWord,
        "common" => Role::Common,
        "analyte" => Role::Analyte,
        "link" => Role::Link,
        "number_word" => Role::NumberWord,
        "dose_unit" => Role::DoseUnit,
        "lab_unit" => Role::LabUnit,
        "frequency" => Role::Frequency,
        "money_unit" => Role::MoneyUnit,
        "to_all" => Role::ToAll,
        "came_back" => Role::CameBack,
        "elsewhere" => Role::Elsewhere,
        "place_word" => Role::PlaceWord,
        "vaccine_word" => Role::VaccineWord,
        "preventable" => Role::Preventable,
        "pathogen" => Role::Pathogen,
        "weak_meaning" => Role::WeakMeaning,
        "body_part" => Role::BodyPart,
        "body_finding" => Role::BodyFinding,
        "ailing" => Role::Ailing,
        "asks" => Role::Asks,
        "faculty" => Role::Faculty,
        "change" => Role::Change,
        "picture" => Role::Picture,
        "act" => Role::Act,
        "treats" => Role::Treats,
        "unit" => Role::Unit,
        "community" => Role::Community,
        other => return Err(wrong(file, &format!("unknown role `{other}`"))),
    })
}

fn parse_category(file: &'static str, name: &str) -> Result<Category, LexiconError> {
    Ok(match name {
        "diagnosis" => Category::Diagnosis,
        "medication" => Category::Medication,
        "lab_result" => Category::LabResult,
        "procedure" => Category::Procedure,
        "specialty" => Category::Specialty,
        "mental_health" => Category::MentalHealth,
        "sud" => Category::Sud,
        "reproductive" => Category::Reproductive,
        "hiv" => Category::Hiv,
        "billing" => Category::Billing,
        other => return Err(wrong(file, &format!("unknown category `{other}`"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_parses_and_none_is_forgotten() {
        let (lexicon, _) = Lexicon::embedded(|_| Elsewhere::default()).unwrap();
        assert_eq!(lexicon.groups.len(), FILES.len());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lexicon");
        let mut on_disk: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "txt"))
            .filter(|path| {
                // The folder also holds tables of other parts, which have another head.
                let text = std::fs::read_to_string(path).unwrap();
                text.starts_with("role: ") || text.starts_with("category: ")
            })
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        on_disk.sort();
        let listed: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(on_disk, listed);
    }

    #[test]
    fn a_wrong_head_is_named() {
        let missing = parse_head("x", "source: s\nlicence: l\nlevel: 2").unwrap_err();
        assert!(missing.what.contains("category") || missing.what.contains("rule"));
        assert!(parse_head("x", "source: s\nlicence: l\nrole: nonsense").is_err());
        assert!(parse_head("x", "category: hiv").is_err());
    }

    #[test]
    fn plurals_and_capitals() {
        let (lexicon, _) = Lexicon::embedded(|_| Elsewhere::default()).unwrap();
        let count = |text: &str| {
            let mut hits = Vec::new();
            let folded = Folded::new(text);
            let tokens = lexicon.tokens(&folded, &sentences::split(&folded));
            lexicon.find(&folded, &tokens, &mut hits);
            hits.len()
        };
        assert!(count("biopsy") > 0 && count("abiopsyx") == 0);
        assert!(count("mammograms") > 0);
    }
}
