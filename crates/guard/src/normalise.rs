//! Fold a text so that `Ｈ\u{200b}Iv`, `HÍV` and `НIV` (with a Cyrillic letter) all read `HIV`,
//! and remember where each byte came from.

use std::ops::Range;

use unicode_normalization::char::decompose_compatible;

/// A text made comparable: compatibility-decomposed, without accents, marks and invisible
/// characters, look-alikes mapped to Latin, every run of white space one space.
///
/// `cased` and `lower` have the same length, so a byte offset means the same in both.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// With the writer's capitals.
    pub(crate) cased: String,
    /// In small letters.
    pub(crate) lower: String,
    /// Byte offsets at which the writer began a new line.
    pub(crate) line_starts: Vec<usize>,
    /// The text holds a digit; most identifiers do.
    pub(crate) has_digit: bool,
    /// Which bytes `lower` holds.
    held: HeldBytes,
    /// For each byte, the code point it came from; empty when byte n came from code point n.
    origin: Vec<u32>,
    /// Code points in the original.
    original_len: usize,
}

/// Which of the 256 bytes a text holds: most rules need a sign that most texts lack.
#[derive(Debug)]
struct HeldBytes([bool; 256]);

impl Default for HeldBytes {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl HeldBytes {
    fn of(text: &str) -> Self {
        let mut held = [false; 256];
        for byte in text.bytes() {
            if let Some(slot) = held.get_mut(usize::from(byte)) {
                *slot = true;
            }
        }
        Self(held)
    }

    fn any(&self, bytes: Range<u8>) -> bool {
        let range = usize::from(bytes.start)..usize::from(bytes.end);
        self.0.get(range).is_some_and(|held| held.contains(&true))
    }
}

impl Folded {
    /// Folds a text in one pass.
    pub(crate) fn new(text: &str) -> Self {
        if is_plain(text) {
            return Self::plain(text);
        }
        let mut folder = Folder { out: Self::with_capacity(text.len()), gap: None };
        let mut count = 0_usize;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let run = rest.get(..plain_run(rest)).unwrap_or("");
            let (taken, chars) = if run.is_empty() || folder.gap.is_some() {
                folder.push(c, count);
                (c.len_utf8(), 1)
            } else {
                folder.copy(run, count);
                (run.len(), run.len())
            };
            rest = rest.get(taken..).unwrap_or("");
            count = count.saturating_add(chars);
        }
        let mut folded = folder.out;
        folded.original_len = count;
        folded.lower = folded.cased.to_ascii_lowercase();
        folded.note_bytes();
        folded
    }

    /// ASCII without runs of spaces: every byte is its own code point.
    fn plain(text: &str) -> Self {
        let (mut cased, mut line_starts) = (text.to_owned(), Vec::new());
        if holds_control(text) {
            let lines = text.bytes().enumerate().filter(|&(_, b)| b == b'\n');
            line_starts = lines.map(|(at, _)| at.saturating_add(1)).collect();
            cased = text.replace(|c: char| c.is_ascii_whitespace(), " ");
        }
        let mut folded = Self {
            lower: cased.to_ascii_lowercase(),
            original_len: cased.len(),
            cased,
            line_starts,
            ..Self::default()
        };
        folded.note_bytes();
        folded
    }

    fn note_bytes(&mut self) {
        self.held = HeldBytes::of(&self.lower);
        self.has_digit = self.held.any(b'0'..b'9' + 1);
    }

    /// `lower` holds this byte somewhere.
    #[inline]
    pub(crate) fn holds(&self, byte: u8) -> bool {
        self.held.0.get(usize::from(byte)).is_some_and(|held| *held)
    }

    fn with_capacity(bytes: usize) -> Self {
        Self {
            cased: String::with_capacity(bytes),
            origin: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// The code points a range of bytes came from.
    pub(crate) fn code_points(&self, bytes: &Range<usize>) -> Range<usize> {
        if self.origin.is_empty() {
            return bytes.start.min(self.original_len)..bytes.end.min(self.original_len);
        }
        let start = self.origin_of(bytes.start);
        let end = match bytes.end.checked_sub(1) {
            Some(last) if bytes.end > bytes.start => self.origin_of(last).saturating_add(1),
            _ => start,
        };
        start..end.min(self.original_len).max(start)
    }

    /// The bytes that came from a range of code points.
    pub(crate) fn bytes_of(&self, code_points: &Range<usize>) -> Range<usize> {
        if self.origin.is_empty() {
            let end = self.lower.len();
            return code_points.start.min(end)..code_points.end.min(end);
        }
        let find = |target: usize| {
            self.origin.partition_point(|&o| usize::try_from(o).unwrap_or(usize::MAX) < target)
        };
        let start = find(code_points.start);
        start..find(code_points.end).max(start)
    }

    fn origin_of(&self, byte: usize) -> usize {
        self.origin.get(byte).and_then(|&o| usize::try_from(o).ok()).unwrap_or(self.original_len)
    }

    /// The byte at an offset of `lower`; a space outside it.
    #[inline]
    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.lower.as_bytes().get(at).copied().unwrap_or(b' ')
    }

    /// Nothing that continues a word stands before this byte.
    #[inline]
    pub(crate) fn starts_word(&self, at: usize) -> bool {
        at.checked_sub(1).is_none_or(|before| !self.byte(before).is_ascii_alphanumeric())
    }

    /// Nothing that continues a word stands at this byte.
    #[inline]
    pub(crate) fn ends_word(&self, at: usize) -> bool {
        !self.byte(at).is_ascii_alphanumeric()
    }

    /// The byte is a capital in the writer's text.
    #[inline]
    pub(crate) fn is_capital(&self, at: usize) -> bool {
        self.cased.as_bytes().get(at).is_some_and(u8::is_ascii_uppercase)
    }

    /// A slice of the small letters, empty when the range is not one.
    #[inline]
    pub(crate) fn slice(&self, range: Range<usize>) -> &str {
        self.lower.get(range).unwrap_or("")
    }

    /// A slice with the writer's capitals, empty when the range is not one.
    #[inline]
    pub(crate) fn cased_slice(&self, range: Range<usize>) -> &str {
        self.cased.get(range).unwrap_or("")
    }
}

/// A text made comparable: small letters, no accents or invisible characters, look-alike letters
/// mapped to Latin, single spaces. Also for a string that the guard is told (a name, a street).
#[must_use]
pub fn fold(text: &str) -> String {
    let folded = Folded::new(text.trim());
    folded.lower
}

/// Whole runs of bytes at once, as the processor compares them.
fn holds_control(text: &str) -> bool {
    text.bytes().fold(false, |found, b| found | b.is_ascii_control())
}

fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or(&[]));
    let runs = pairs.fold(false, |found, (&a, &b)| found | ((a == b' ') & (b == b' ')));
    if text.is_ascii() && !runs && !holds_control(text) {
        return true;
    }
    let mut before_space = false;
    text.bytes().all(|b| {
        let space = b.is_ascii_whitespace();
        let fine = b.is_ascii() && !(space && before_space) && (!b.is_ascii_control() || space);
        before_space = space;
        fine
    })
}

/// How many bytes at the beginning are ASCII letters and signs, with single spaces between.
fn plain_run(text: &str) -> usize {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [byte, behind @ ..] if byte.is_ascii_graphic() => behind,
            [b' ', behind @ ..] if behind.first().is_some_and(u8::is_ascii_graphic) => behind,
            _ => return text.len().saturating_sub(rest.len()),
        };
    }
}

struct Folder {
    out: Folded,
    /// The code point where a run of white space began that is not yet written.
    gap: Option<(usize, bool)>,
}

impl Folder {
    fn push(&mut self, c: char, at: usize) {
        if c.is_ascii_graphic() {
            return self.write(c, at);
        }
        if c.is_whitespace() {
            let (began, newline) = self.gap.unwrap_or((at, false));
            self.gap = Some((began, newline || c == '\n' || c == '\r'));
            return;
        }
        if is_invisible(c) {
            return;
        }
        decompose_compatible(c, |part| {
            if part.is_whitespace() {
                self.write(' ', at);
            } else if !is_invisible(part) {
                self.write(look_alike(part), at);
            }
        });
    }

    /// Writes a [`plain_run`] as it is.
    fn copy(&mut self, run: &str, at: usize) {
        let from = u32::try_from(at).unwrap_or(u32::MAX);
        self.out.cased.push_str(run);
        self.out.origin.extend((0..run.len()).zip(from..).map(|(_, origin)| origin));
    }

    fn write(&mut self, c: char, at: usize) {
        if let Some((began, newline)) = self.gap.take() {
            self.write_one(' ', began);
            if newline {
                self.out.line_starts.push(self.out.cased.len());
            }
        }
        self.write_one(c, at);
    }

    fn write_one(&mut self, c: char, at: usize) {
        let origin = u32::try_from(at).unwrap_or(u32::MAX);
        self.out.cased.push(c);
        for _ in 0..c.len_utf8() {
            self.out.origin.push(origin);
        }
    }
}

/// Marks and characters that take no room: accents, joiners, direction marks, selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00..=0x08 | 0x0E..=0x1F | 0x7F..=0x84 | 0x86..=0x9F | 0xAD | 0x300..=0x36F | 0x61C
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F
        | 0x20D0..=0x20FF | 0x3164 | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F | 0xFEFF | 0xFFA0
        | 0xE0000..=0xE0FFF)
}

/// The capital of this place in an alphabet that begins at `first`.
fn capital(c: u32, first: u32) -> char {
    let place = u8::try_from(c.saturating_sub(first)).unwrap_or(0);
    char::from(b'A'.saturating_add(place))
}

/// Letters of other scripts that look like Latin ones, and the many dashes and quotes.
fn look_alike(c: char) -> char {
    match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'С' | 'Ϲ' => 'C',
        'ԁ' | 'ᴅ' => 'd',
        'е' | 'є' | 'ε' | 'ᴇ' => 'e',
        'Е' | 'Ε' => 'E',
        'ɡ' | 'ɢ' => 'g',
        'һ' | 'ʜ' => 'h',
        'Н' | 'Η' => 'H',
        'і' | 'ı' | 'ι' | 'ɪ' => 'i',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'ј' | 'ᴊ' => 'j',
        'Ј' => 'J',
        'к' | 'κ' | 'ᴋ' => 'k',
        'К' | 'Κ' => 'K',
        'ӏ' | 'ł' | 'ʟ' => 'l',
        'Ł' => 'L',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'ո' | 'ɴ' => 'n',
        'о' | 'ο' | 'σ' | 'ø' | 'օ' | 'ᴏ' => 'o',
        'О' | 'Ο' | 'Ø' => 'O',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ԛ' => 'q',
        'ѕ' | 'ꜱ' => 's',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'τ' | 'ᴛ' => 't',
        'υ' | 'ᴜ' => 'u',
        'ν' | 'ѵ' | 'ᴠ' => 'v',
        'Ѵ' => 'V',
        'ԝ' | 'ω' | 'ᴡ' => 'w',
        'Ԝ' => 'W',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'γ' | 'ʏ' => 'y',
        'У' | 'Υ' | 'Ү' => 'Y',
        'Ζ' => 'Z',
        'ʙ' => 'b',
        'ꜰ' => 'f',
        'ᴍ' => 'm',
        'ʀ' => 'r',
        'ᴢ' => 'z',
        // White letters in black circles and squares.
        '\u{1F150}'..='\u{1F169}' => capital(u32::from(c), 0x1F150),
        '\u{1F170}'..='\u{1F189}' => capital(u32::from(c), 0x1F170),
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹣' => '-',
        '‘' | '’' | '‚' | '‛' | 'ʼ' | 'ʹ' | '′' | '`' => '\'',
        '“' | '”' | '„' | '″' => '"',
        '∕' | '⁄' => '/',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn disguises_read_alike() {
        for disguise in
            ["HIV", "Ｈ\u{200b}IV", "HÍV", "НІV", "H\u{ad}I\u{feff}V", "𝐇𝐈𝐕", "ʜɪᴠ", "🅗🅘🅥", "🅷🅸🆅"]
        {
            assert_eq!(Folded::new(disguise).lower, "hiv", "{disguise:?}");
        }
    }

    #[test]
    fn spans_are_code_points_of_the_original() {
        let text = "é 👩‍⚕️  H\u{200b}IV";
        let folded = Folded::new(text);
        let at = folded.lower.find("hiv").unwrap();
        let span = folded.code_points(&(at..at + 3));
        let original: String = text.chars().skip(span.start).take(span.len()).collect();
        assert_eq!(original, "H\u{200b}IV");
    }

    #[test]
    fn a_new_line_is_remembered() {
        assert_eq!(Folded::new("a\nb").line_starts, [2]);
        let folded = Folded::new("á  \r\n b");
        assert_eq!((folded.lower.as_str(), folded.line_starts.as_slice()), ("a b", &[2][..]));
    }

    proptest! {
        #[test]
        fn offsets_stay_in_bounds(text in any::<String>(), a in 0_usize..80, b in 0_usize..80) {
            let folded = Folded::new(&text);
            prop_assert_eq!(folded.lower.len(), folded.cased.len());
            let range = a.min(b)..a.max(b);
            let span = folded.code_points(&range);
            prop_assert!(span.start <= span.end && span.end <= text.chars().count());
            let bytes = folded.bytes_of(&range);
            prop_assert!(bytes.start <= bytes.end && bytes.end <= folded.lower.len());
        }
    }
}
