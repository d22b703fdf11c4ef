//! One known word for the many ways in which thumbs write it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::grammar;
use super::short_forms::SHORT_FORMS;

/// The words that the rules know and those that people write often, and the slips that are forgiven.
#[derive(Debug)]
pub(super) struct Spelling {
    words: Vec<&'static str>,
    ids: HashMap<&'static str, u16>,
    short: HashMap<&'static str, &'static str>,
    less: Shortened,
    /// By sound: `kiero` and `quiero` are one.
    sounds: HashMap<String, u16>,
    /// Words that are what they are, though no rule knows them; in order.
    ordinary: Box<[&'static str]>,
}

/// One word a line, most frequent first; see lexicon/build-inbound-words.py.
const LIST: &str = include_str!("inbound_words.txt");

/// Ordinary words, English and Spanish: `pero` is no slip for `perro`, nor `scalp` for `scale`.
const ORDINARY: [&str; 2] = [
    include_str!("../../../../lexicon/common_english.txt"),
    include_str!("../../../../lexicon/common_spanish.txt"),
];

pub(super) static SPELLING: LazyLock<Spelling> = LazyLock::new(Spelling::load);

/// Of so many letters, a word may hold one slip, and of so many, two.
const ONE_SLIP_FROM: usize = 5;
const TWO_SLIPS_FROM: usize = 9;

impl Spelling {
    fn load() -> Self {
        let mut own = Self {
            words: Vec::new(),
            ids: HashMap::new(),
            short: HashMap::new(),
            less: Shortened::default(),
            sounds: HashMap::new(),
            ordinary: ordinary(),
        };
        // The words of the rules come first: of two that a slip may mean, they are meant.
        for word in grammar::words() {
            own.add(word);
        }
        let ruled = own.words.len();
        for word in LIST.lines() {
            own.add(word);
        }
        for (forms, word) in SHORT_FORMS {
            for form in forms.split(' ') {
                own.short.insert(form, word);
            }
        }
        let mut less = Vec::new();
        for id in 0..own.words.len() {
            own.learn_slips(id, id < ruled, &mut less);
        }
        own.less = Shortened::of(less);
        own
    }

    fn add(&mut self, word: &'static str) {
        let Ok(next) = u16::try_from(self.words.len()) else { return };
        let id = *self.ids.entry(word).or_insert(next);
        if id == next {
            self.words.push(word);
        }
    }

    fn learn_slips(&mut self, index: usize, ruled: bool, less: &mut Vec<(u64, u16)>) {
        let (Some(&word), Ok(id)) = (self.words.get(index), u16::try_from(index)) else { return };
        if word.len() >= 4 {
            self.sounds.entry(sound(word)).or_insert(id);
        }
        // Of the words that no rule names, only the long ones are worth the room.
        if word.len() < ONE_SLIP_FROM || (!ruled && word.len() < 6) {
            return;
        }
        less.push((hash(word.bytes()), id));
        for skip in 0..word.len() {
            less.push((hash(without(word, skip, usize::MAX)), id));
            if ruled && word.len() >= TWO_SLIPS_FROM {
                for second in skip.saturating_add(1)..word.len() {
                    less.push((hash(without(word, skip, second)), id));
                }
            }
        }
    }

    /// How many words.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The number of a known word.
    pub(super) fn id(&self, word: &str) -> Option<u16> {
        self.ids.get(word).copied()
    }

    /// The words that begin so.
    pub(super) fn beginning<'a>(&'a self, with: &'a str) -> impl Iterator<Item = u16> + 'a {
        self.words
            .iter()
            .zip(0_u16..)
            .filter(move |(word, _)| word.starts_with(with))
            .map(|(_, id)| id)
    }

    /// The known word or words that are meant, where that is not what is written.
    pub(super) fn mended(&self, written: &str) -> Option<&'static str> {
        if let Some(word) = self.short.get(written) {
            return Some(word);
        }
        if self.ids.contains_key(written) || written.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if self.is_ordinary(written) {
            return None;
        }
        self.again(&squeezed(written, 1), written)
            .or_else(|| self.again(&squeezed(written, 2), written))
            .or_else(|| self.again(&letters_for_digits(written), written))
            .or_else(|| self.by_slip(written))
            .or_else(|| self.by_sound(written))
    }

    fn again(&self, form: &str, written: &str) -> Option<&'static str> {
        if form == written {
            return None;
        }
        self.short.get(form).copied().or_else(|| self.word(self.id(form)?))
    }

    fn is_ordinary(&self, word: &str) -> bool {
        self.ordinary.binary_search(&word).is_ok()
    }

    fn word(&self, id: u16) -> Option<&'static str> {
        self.words.get(usize::from(id)).copied()
    }

    /// A known word with an ending: `zapped`, `buzzes`, `twitching`.
    fn formed(&self, written: &str) -> bool {
        let known = |stem: &str| self.ids.contains_key(stem) || self.is_ordinary(stem);
        ["ed", "es", "ing", "s"].into_iter().filter_map(|end| written.strip_suffix(end)).any(
            |stem| {
                let mut last = stem.bytes().rev();
                known(stem) || (stem.len() >= 4 && last.next() == last.next())
            },
        )
    }

    fn by_sound(&self, written: &str) -> Option<&'static str> {
        if written.len() < 3 {
            return None;
        }
        self.sounds.get(&sound(written)).and_then(|&id| self.word(id))
    }

    /// The nearest word: the fewest slips, the same first letter, the more important.
    fn by_slip(&self, written: &str) -> Option<&'static str> {
        let long = written.len();
        if !(4..=24).contains(&long) {
            return None;
        }
        let formed = self.formed(written);
        let mut best: Option<(u8, u16)> = None;
        let mut consider = |key: u64| {
            for &id in self.less.may_be(key) {
                let Some(word) = self.word(id) else { continue };
                let most = if word.len() >= TWO_SLIPS_FROM && long >= 7 { 2 } else { 1 };
                let Some(slips) = distance(written.as_bytes(), word.as_bytes(), most) else {
                    continue;
                };
                let other_head = u8::from(word.bytes().next() != written.bytes().next());
                // A short word with another first letter is another word, and so is a form of a known
                // one: `zapped` is not `capped`.
                if other_head == 1 && (long < 6 || formed) {
                    continue;
                }
                let cost = slips.saturating_mul(2).saturating_add(other_head);
                if best.is_none_or(|known| (cost, id) < known) {
                    best = Some((cost, id));
                }
            }
        };
        consider(hash(written.bytes()));
        for skip in 0..long {
            consider(hash(without(written, skip, usize::MAX)));
        }
        if long >= 7 {
            for skip in 0..long {
                for second in skip.saturating_add(1)..long {
                    consider(hash(without(written, skip, second)));
                }
            }
        }
        best.and_then(|(_, id)| self.word(id))
    }
}

fn ordinary() -> Box<[&'static str]> {
    let lists = ORDINARY.iter().filter_map(|list| list.split_once("\n\n"));
    let words = lists.flat_map(|(_, words)| words.split([',', ' ', '\n']));
    let mut words: Vec<&str> = words.filter(|word| word.len() >= 4).collect();
    words.sort_unstable();
    words.dedup();
    words.into_boxed_slice()
}

/// Hash of a word less one or two of its letters → the words it may be. Two lists in the order of the
/// hashes: a table with a list for each hash takes five times the room.
#[derive(Debug, Default)]
struct Shortened {
    hashes: Box<[u64]>,
    words: Box<[u16]>,
    /// Where the hashes with each first bits begin, and where the last end.
    from: Box<[u32]>,
}

/// The first bits of a hash by which it is found, as a power of two.
const FIRST_BITS: u32 = 13;

impl Shortened {
    fn of(mut all: Vec<(u64, u16)>) -> Self {
        all.sort_unstable();
        all.dedup();
        let begin = |bits| all.partition_point(|&(hash, _)| first_bits(hash) < bits);
        Self {
            from: (0..=1 << FIRST_BITS)
                .map(|bits| u32::try_from(begin(bits)).unwrap_or(u32::MAX))
                .collect(),
            hashes: all.iter().map(|&(hash, _)| hash).collect(),
            words: all.iter().map(|&(_, word)| word).collect(),
        }
    }

    fn may_be(&self, hash: u64) -> &[u16] {
        let bits = first_bits(hash);
        let bound = |at: usize| self.from.get(at).map_or(0, |&from| from as usize);
        let (from, end) = (bound(bits), bound(bits.saturating_add(1)));
        let near = self.hashes.get(from..end).unwrap_or(&[]);
        let first = from.saturating_add(near.partition_point(|&other| other < hash));
        let behind = from.saturating_add(near.partition_point(|&other| other <= hash));
        self.words.get(first..behind).unwrap_or(&[])
    }
}

const fn first_bits(hash: u64) -> usize {
    (hash >> (u64::BITS - FIRST_BITS)) as usize
}

fn without(word: &str, one: usize, two: usize) -> impl Iterator<Item = u8> + '_ {
    word.bytes().enumerate().filter(move |(at, _)| *at != one && *at != two).map(|(_, b)| b)
}

/// FNV-1a.
pub(super) fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Letters missing, added, changed or swapped with a neighbour, when not more than `most`.
fn distance(a: &[u8], b: &[u8], most: u8) -> Option<u8> {
    let (a, b) = match (a, b) {
        ([x, rest_a @ ..], [y, rest_b @ ..]) if x == y => return distance(rest_a, rest_b, most),
        ([], []) => return Some(0),
        other => other,
    };
    let less = most.checked_sub(1)?;
    let rest = |s: &'_ [u8], n: usize| s.get(n..).map(<[u8]>::to_vec);
    let mut best: Option<u8> = None;
    let mut try_one = |x: Option<Vec<u8>>, y: Option<Vec<u8>>| {
        if let (Some(x), Some(y)) = (x, y)
            && let Some(d) = distance(&x, &y, less)
        {
            let d = d.saturating_add(1);
            best = Some(best.map_or(d, |known: u8| known.min(d)));
        }
    };
    try_one(rest(a, 1), rest(b, 1));
    try_one(rest(a, 1), rest(b, 0));
    try_one(rest(a, 0), rest(b, 1));
    if let ([a1, a2, ..], [b1, b2, ..]) = (a, b)
        && a1 == b2
        && a2 == b1
    {
        try_one(rest(a, 2), rest(b, 2));
    }
    best
}

/// `stoppp` → `stop`, `pleeease` → `please`: three of a letter are `times`.
fn squeezed(word: &str, times: usize) -> String {
    let mut out = String::with_capacity(word.len());
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut run = 1_usize;
        while letters.next_if_eq(&letter).is_some() {
            run = run.saturating_add(1);
        }
        let kept =
            if letter.is_ascii_digit() || (run == 2 && times == 2) { run } else { run.min(times) };
        out.extend(std::iter::repeat_n(letter, kept));
    }
    out
}

/// `st0p`, `h3lp`, `5top`.
fn letters_for_digits(word: &str) -> String {
    if !word.bytes().any(|b| b.is_ascii_alphabetic()) {
        return word.to_owned();
    }
    word.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// How a word sounds to one who writes Spanish by ear, or English in a hurry.
fn sound(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let said = match (letter, next) {
            ('c', Some('h')) => {
                letters.next();
                'x'
            }
            ('s', Some('h')) => {
                letters.next();
                'x'
            }
            ('q', Some('u')) | ('c', Some('k')) => {
                letters.next();
                'k'
            }
            ('p', Some('h')) => {
                letters.next();
                'f'
            }
            ('h', _) => continue,
            ('c', Some('e' | 'i' | 'y')) | ('z', _) => 's',
            ('c' | 'q', _) => 'k',
            ('g', Some('e' | 'i')) => 'j',
            ('l', Some('l')) => {
                letters.next();
                'y'
            }
            ('v', _) => 'b',
            ('y', None) => 'i',
            ('m', Some('b' | 'p')) => 'n',
            (other, _) => other,
        };
        if !out.ends_with(said) {
            out.push(said);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, most, slips) in [
            ("stop", "sotp", 1, Some(1)),
            ("chest", "chst", 1, Some(1)),
            ("chest", "guest", 1, None),
            ("appointment", "apointmnt", 2, Some(2)),
            ("same", "same", 1, Some(0)),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes(), most), slips, "{a} {b}");
        }
    }

    #[test]
    fn a_hash_leads_to_all_of_its_words_and_no_others() {
        let hashes = [0, 1, u64::MAX, u64::MAX - 1, 1 << 51, (1 << 51) - 1, 7 << 51];
        let all: Vec<(u64, u16)> =
            (0..60).zip(hashes.iter().cycle()).map(|(word, &hash)| (hash, word)).collect();
        let less = Shortened::of([all.clone(), all.clone()].concat());
        for hash in hashes.into_iter().chain([2, 1 << 63, 6 << 51]) {
            let words: Vec<u16> =
                all.iter().filter(|&&(other, _)| other == hash).map(|&(_, word)| word).collect();
            assert_eq!(less.may_be(hash), words, "{hash}");
        }
        assert_eq!(Shortened::default().may_be(1), [0_u16; 0]);
    }

    #[test]
    fn a_form_of_a_word_is_no_slip_for_another() {
        for (written, meant) in [
            ("zapped", None),
            ("twitched", None),
            ("nipped", None),
            ("chocking", Some("choking")),
            ("odd", None),
            ("alot", Some("a lot")),
        ] {
            assert_eq!(SPELLING.mended(written), meant, "{written}");
        }
    }

    #[test]
    fn spanish_by_ear() {
        for (a, b) in [("kiero", "quiero"), ("aser", "hacer"), ("yamar", "llamar"), ("voi", "voy")]
        {
            assert_eq!(sound(a), sound(b));
        }
    }
}
