//! A text as short messages: which alphabet, how many parts, and the octets of each.
//!
//! GSM 03.40 §9.2.3.24: 160 septets or 70 UTF-16 units alone; 153 or 67 with the six octets of
//! the concatenation header. No part ends inside an escape or a surrogate pair.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::alphabet::{ESCAPE_SEPTET, Septets, septets};

/// How the octets of a short message are to be read (data_coding, SMPP 3.4 §5.2.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GSM 03.38 default alphabet, one septet an octet on the SMPP wire.
    Gsm7,
    /// UTF-16, big end first.
    Ucs2,
}

impl Encoding {
    /// The data_coding octet.
    pub fn data_coding(self) -> u8 {
        match self {
            Self::Gsm7 => 0,
            Self::Ucs2 => 8,
        }
    }

    /// The narrowest alphabet that can write the text.
    pub fn of(text: &str) -> Self {
        let gsm = text.chars().all(|character| septets(character).is_some());
        if gsm { Self::Gsm7 } else { Self::Ucs2 }
    }

    /// Units (septets, or UTF-16 code units) that fit a message sent alone, and a part of many.
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 => match septets(character) {
                Some(Septets::Escaped(_)) => 2,
                _ => 1,
            },
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

/// What a text costs on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// The alphabet it needs.
    pub encoding: Encoding,
    /// Short messages, at least one.
    pub parts: usize,
    /// Septets or UTF-16 units of the text itself, headers not counted.
    pub units: usize,
}

/// One short message's user data.
///
/// PHI: `Debug` shows sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// The alphabet.
    pub encoding: Encoding,
    /// Header (if any) and text, as they go into `short_message`.
    pub user_data: Bytes,
    /// Whether the octets begin with a user data header (esm_class 0x40).
    pub has_header: bool,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (encoding, length) = (self.encoding, self.user_data.len());
        write!(f, "Segment({encoding:?}, {length} octets, header {})", self.has_header)
    }
}

/// The text needs more than 255 parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text needs {parts} short messages, and 255 is the most: shorten it")]
pub struct TooLong {
    /// Parts it would need.
    pub parts: usize,
}

/// Counts what [`split`] would make of a text, without making it. Linear in the text.
pub fn count(text: &str) -> Segments {
    let encoding = Encoding::of(text);
    let (alone, of_many) = encoding.limits();
    let (mut units, mut parts, mut in_part) = (0, 1, 0);
    for character in text.chars() {
        let needed = encoding.units(character);
        units += needed;
        in_part += needed;
        if in_part > of_many {
            parts += 1;
            in_part = needed;
        }
    }
    Segments { encoding, parts: if units <= alone { 1 } else { parts }, units }
}

/// Splits a text. `reference` tells the parts of one message from those of another sent to the
/// same phone at about the same time (GSM 03.40 §9.2.3.24.1); take a fresh one for each message.
pub fn split(text: &str, reference: u8) -> Result<Vec<Segment>, TooLong> {
    let Segments { encoding, parts, .. } = count(text);
    let total = u8::try_from(parts).map_err(|_| TooLong { parts })?;
    if total == 1 {
        let mut user_data = BytesMut::with_capacity(160);
        text.chars().for_each(|character| put(&mut user_data, encoding, character));
        return Ok(vec![Segment { encoding, user_data: user_data.freeze(), has_header: false }]);
    }
    let (_, of_many) = encoding.limits();
    let mut segments = Vec::with_capacity(parts);
    let mut number = 1u8;
    let mut user_data = with_header(reference, total, number);
    let mut in_part = 0;
    for character in text.chars() {
        let needed = encoding.units(character);
        if in_part + needed > of_many {
            number = number.saturating_add(1);
            let full = std::mem::replace(&mut user_data, with_header(reference, total, number));
            segments.push(Segment { encoding, user_data: full.freeze(), has_header: true });
            in_part = 0;
        }
        put(&mut user_data, encoding, character);
        in_part += needed;
    }
    segments.push(Segment { encoding, user_data: user_data.freeze(), has_header: true });
    Ok(segments)
}

/// A part's buffer, beginning with the concatenation header with an 8-bit reference.
fn with_header(reference: u8, total: u8, number: u8) -> BytesMut {
    let mut user_data = BytesMut::with_capacity(160);
    user_data.put_slice(&[5, 0, 3, reference, total, number]);
    user_data
}

fn put(user_data: &mut BytesMut, encoding: Encoding, character: char) {
    match encoding {
        Encoding::Gsm7 => match septets(character) {
            Some(Septets::One(code)) => user_data.put_u8(code),
            Some(Septets::Escaped(code)) => user_data.put_slice(&[ESCAPE_SEPTET, code]),
            // INVARIANT: `Encoding::of` chose GSM because every character has septets.
            None => user_data.put_u8(b'?'),
        },
        Encoding::Ucs2 => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                user_data.put_u16(*unit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limits_of_the_standard() {
        use Encoding::{Gsm7, Ucs2};
        for (text, encoding, parts, units) in [
            (String::new(), Gsm7, 1, 0),
            ("a".repeat(160), Gsm7, 1, 160),
            ("a".repeat(161), Gsm7, 2, 161),
            ("a".repeat(306), Gsm7, 2, 306),
            ("a".repeat(307), Gsm7, 3, 307),
            ("a".repeat(279), Gsm7, 2, 279),
            ("€".repeat(80), Gsm7, 1, 160),
            // 153 is odd, so an escape never straddles: 76 of them fit a part.
            ("€".repeat(153), Gsm7, 3, 306),
            ("ж".repeat(70), Ucs2, 1, 70),
            ("ж".repeat(71), Ucs2, 2, 71),
            ("😀".repeat(35), Ucs2, 1, 70),
            ("😀".repeat(36), Ucs2, 2, 72),
            // 67 is odd, so a surrogate pair never straddles: 33 of them fit a part.
            ("😀".repeat(67), Ucs2, 3, 134),
        ] {
            assert_eq!(count(&text), Segments { encoding, parts, units }, "{text}");
            let made = split(&text, 7).unwrap();
            assert_eq!(made.len(), parts);
            for segment in &made {
                let header = if segment.has_header { 6 } else { 0 };
                let room = match encoding {
                    Gsm7 => header + if parts == 1 { 160 } else { 153 },
                    Ucs2 => 140,
                };
                assert!(segment.user_data.len() <= room);
            }
        }
    }

    #[test]
    fn too_long_says_how_long() {
        assert_eq!(split(&"a".repeat(153 * 255), 0).unwrap().len(), 255);
        assert_eq!(split(&"a".repeat(153 * 255 + 1), 0), Err(TooLong { parts: 256 }));
    }

    #[test]
    fn debug_does_not_show_the_text() {
        let shown = format!("{:?}", split("oncology at nine", 0).unwrap());
        assert!(!shown.contains("oncology") && !shown.contains("111"), "{shown}");
    }

    proptest! {
        #[test]
        fn counting_is_splitting(text in "\\PC{0,400}|[a-z€{}😀ж]{0,400}") {
            prop_assert_eq!(count(&text).parts, split(&text, 1).unwrap().len());
        }
    }
}
