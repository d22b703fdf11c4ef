//! Regular expressions, compiled once at their first use, matched in linear time.

use std::ops::{Deref, Range};
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// A pattern that is compiled when a text first gives cause to look for it: most texts never need
/// most of them, and start-up is short.
#[derive(Debug)]
pub(crate) struct Shape {
    source: String,
    compiled: OnceLock<Regex>,
}

impl Shape {
    pub(crate) fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), compiled: OnceLock::new() }
    }

    /// One of the words, also within others: all are looked for at once.
    pub(crate) fn any_of(words: &[&str]) -> Self {
        Self::new(words.iter().map(|word| regex::escape(word)).collect::<Vec<_>>().join("|"))
    }
}

impl Deref for Shape {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        self.compiled.get_or_init(|| compile(&self.source))
    }
}

/// Compiles a pattern of this crate. Bytes, ASCII classes: the text is folded already.
fn compile(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "patterns are constants, all compiled by the tests")]
    RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(1 << 22)
        .build()
        .expect("a constant pattern is well formed")
}

/// The value of each match: its last group that took part, else all of it. Groups are asked for
/// only where the pattern matched, which is seldom.
pub(crate) fn values<'a>(
    pattern: &'a Regex,
    text: &'a [u8],
) -> impl Iterator<Item = Range<usize>> + 'a {
    pattern.find_iter(text).map(move |found| {
        pattern.captures_at(text, found.start()).map_or(found.range(), |c| value_span(&c))
    })
}

/// The last group that took part, else the whole match.
fn value_span(captures: &regex::bytes::Captures<'_>) -> Range<usize> {
    (1..captures.len())
        .rev()
        .find_map(|group| captures.get(group))
        .or_else(|| captures.get(0))
        .map_or(0..0, |m| m.range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_group_wins() {
        let pattern = compile(r"a(b)?(c)?");
        let captures = pattern.captures(b"xab").unwrap();
        assert_eq!(value_span(&captures), 2..3);
    }
}
