//! The parts of a long text back into one, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::wire::{ReplyPart, read_text};

/// Bounds of what is kept while parts are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long to wait for the missing parts.
    pub age: Duration,
    /// How many unfinished messages.
    pub messages: usize,
    /// How many octets in all of them.
    pub octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { age: Duration::from_secs(3600), messages: 1_000, octets: 1 << 20 }
    }
}

/// What adding a part did. The text is PHI, and shown by no `Debug`.
#[derive(PartialEq, Eq)]
pub enum Added {
    /// The text is whole.
    Whole(String),
    /// Parts are missing.
    Waiting,
    /// This part was there already.
    Duplicate,
}

impl std::fmt::Debug for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole([redacted])",
            Self::Waiting => "Waiting",
            Self::Duplicate => "Duplicate",
        })
    }
}

/// Which parts belong together: same phone, same number, same reference and count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    from: String,
    to: String,
    reference: u16,
    total: u8,
}

struct Unfinished {
    since: Duration,
    octets: usize,
    parts: BTreeMap<u8, (u8, Bytes)>,
}

/// Keeps parts until their text is whole. Where a part must survive a crash, store the parts
/// instead and give all of them to [`join`].
pub struct Reassembler {
    limits: Limits,
    octets: usize,
    unfinished: BTreeMap<Key, Unfinished>,
}

impl std::fmt::Debug for Reassembler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reassembler({} unfinished, {} octets)", self.unfinished.len(), self.octets)
    }
}

impl Reassembler {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, octets: 0, unfinished: BTreeMap::new() }
    }

    /// Octets held for unfinished texts.
    pub fn held(&self) -> usize {
        self.octets
    }

    /// Adds a part, in any order. A message that is not concatenated is whole at once. When the
    /// bounds are reached, the oldest unfinished text is given up.
    pub fn add(&mut self, part: &ReplyPart, now: Duration) -> Added {
        let Some(concat) = part.concat else { return Added::Whole(part.reveal()) };
        self.expire(now);
        let key = Key {
            from: part.from.reveal().to_owned(),
            to: part.to.reveal().to_owned(),
            reference: concat.reference,
            total: concat.total,
        };
        if !self.unfinished.contains_key(&key) && self.unfinished.len() >= self.limits.messages {
            self.give_up_oldest();
        }
        while self.octets + part.octets.len() > self.limits.octets && !self.unfinished.is_empty() {
            self.give_up_oldest();
        }
        let entry = self.unfinished.entry(key.clone()).or_insert_with(|| Unfinished {
            since: now,
            octets: 0,
            parts: BTreeMap::new(),
        });
        if entry.parts.contains_key(&concat.number) {
            return Added::Duplicate;
        }
        entry.parts.insert(concat.number, (part.data_coding, part.octets.clone()));
        entry.octets += part.octets.len();
        self.octets += part.octets.len();
        if entry.parts.len() < usize::from(concat.total) {
            return Added::Waiting;
        }
        match self.unfinished.remove(&key) {
            Some(done) => {
                self.octets -= done.octets;
                let parts = done.parts.values();
                Added::Whole(join(parts.map(|(coding, octets)| (*coding, octets.as_ref()))))
            }
            None => Added::Waiting,
        }
    }

    /// Gives up what waits longer than the limit; says how many texts that were.
    pub fn expire(&mut self, now: Duration) -> usize {
        let before = self.unfinished.len();
        let age = self.limits.age;
        self.unfinished.retain(|_, text| now.saturating_sub(text.since) < age);
        self.octets = self.unfinished.values().map(|text| text.octets).sum();
        before - self.unfinished.len()
    }

    fn give_up_oldest(&mut self) {
        let oldest = self.unfinished.iter().min_by_key(|(_, text)| text.since);
        if let Some(key) = oldest.map(|(key, _)| key.clone())
            && let Some(gone) = self.unfinished.remove(&key)
        {
            self.octets -= gone.octets;
        }
    }
}

/// Joins parts in order, each given as data_coding and octets. Neighbours of one coding are
/// joined before they are read, since some phones cut inside a character.
pub fn join<'a>(parts: impl IntoIterator<Item = (u8, &'a [u8])>) -> String {
    let mut text = String::new();
    let mut run: Vec<u8> = Vec::new();
    let mut coding = None;
    for (next, octets) in parts {
        if let Some(current) = coding
            && current != next
        {
            text.push_str(&read_text(current, &run));
            run.clear();
        }
        coding = Some(next);
        run.extend_from_slice(octets);
    }
    if let Some(current) = coding {
        text.push_str(&read_text(current, &run));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Address, Concat, ShortMessage, split};

    fn parts(text: &str, reference: u8) -> Vec<ReplyPart> {
        let from = Address::parse("+12125550100").unwrap();
        let to = Address::parse("72404").unwrap();
        let segments = split(text, reference).unwrap().into_iter();
        segments.map(|s| ShortMessage::submit(from.clone(), to.clone(), s, false).part()).collect()
    }

    proptest! {
        #[test]
        fn splitting_and_joining_is_identity(
            text in "\\PC{0,600}|[a-z€{}\\[\\]^ \n]{100,900}|[😀ж👩‍👧a]{30,300}",
            reference: u8,
            order in any::<prop::sample::Index>(),
        ) {
            let mut reassembler = Reassembler::new(Limits::default());
            let mut shuffled = parts(&text, reference);
            let turn = order.index(shuffled.len());
            shuffled.rotate_left(turn);
            let last = shuffled.len() - 1;
            for (at, part) in shuffled.iter().enumerate() {
                let added = reassembler.add(part, Duration::ZERO);
                if at < last {
                    prop_assert_eq!(added, Added::Waiting);
                    prop_assert_eq!(reassembler.add(part, Duration::ZERO), Added::Duplicate);
                } else {
                    prop_assert_eq!(added, Added::Whole(text.clone()));
                }
            }
            prop_assert_eq!(reassembler.held(), 0);
        }
    }

    #[test]
    fn memory_and_age_are_bounded() {
        let limits = Limits { age: Duration::from_secs(10), messages: 3, octets: 400 };
        let mut reassembler = Reassembler::new(limits);
        for reference in 0..200u8 {
            let now = Duration::from_millis(u64::from(reference));
            reassembler.add(&parts(&"a".repeat(200), reference)[0], now);
            assert!(reassembler.held() <= 400);
        }
        assert_eq!(reassembler.expire(Duration::from_secs(11)), 2);
        assert_eq!(reassembler.held(), 0);
    }

    #[test]
    fn references_of_two_phones_do_not_mix() {
        let mut reassembler = Reassembler::new(Limits::default());
        let mine = parts(&"a".repeat(200), 9);
        let mut theirs = parts(&"b".repeat(200), 9);
        theirs[1].from = Address::parse("+12125550101").unwrap();
        assert_eq!(reassembler.add(&mine[0], Duration::ZERO), Added::Waiting);
        assert_eq!(reassembler.add(&theirs[1], Duration::ZERO), Added::Waiting);
        let whole = Added::Whole("a".repeat(200));
        assert_eq!(reassembler.add(&mine[1], Duration::ZERO), whole);
    }

    #[test]
    fn characters_cut_by_a_phone_are_whole_again() {
        let emoji = "😀".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        assert_eq!(join([(8, &emoji[..2]), (8, &emoji[2..])]), "😀");
        assert_eq!(join([(0, &b"ab"[..]), (8, &emoji[..])]), "ab😀");
    }

    #[test]
    fn headers_of_both_widths_and_sar_are_read() {
        let to = Address::parse("72404").unwrap();
        let message = |esm_class, body: &'static [u8]| ShortMessage {
            source: to.clone(),
            destination: to.clone(),
            esm_class,
            data_coding: 0,
            registered_delivery: 0,
            body: Bytes::from_static(body),
            optional: Default::default(),
        };
        let place = |reference, total, number| Some(Concat { reference, total, number });
        for (body, concat, text) in [
            (&b"\x05\x00\x03\x07\x02\x01ab"[..], place(7, 2, 1), "ab"),
            (b"\x06\x08\x04\x01\x07\x02\x02ab", place(0x107, 2, 2), "ab"),
            // another element before it
            (b"\x0A\x24\x01\x00\x25\x00\x00\x03\x07\x02\x01", place(7, 2, 1), ""),
            // part 0, part 3 of 2, one of one: not a concatenation
            (b"\x05\x00\x03\x07\x02\x00ab", None, "ab"),
            (b"\x05\x00\x03\x07\x02\x03ab", None, "ab"),
            (b"\x05\x00\x03\x07\x01\x01ab", None, "ab"),
            // an element longer than its header
            (b"\x02\x00\x09ab", None, "ab"),
            // a header longer than the message is text
            (b"\x20ab", None, " ab"),
            (b"", None, ""),
        ] {
            let part = message(0x40, body).part();
            assert_eq!((part.concat, part.reveal().as_str()), (concat, text), "{body:?}");
        }
    }
}
