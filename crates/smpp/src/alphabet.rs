//! The alphabets of a short message: GSM 03.38 (3GPP TS 23.038 §6.2.1) and UTF-16.

/// The 128 characters of the default alphabet, by septet. 0x1B is the escape to the extension.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', ESCAPE, 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à', //
];

/// The extension table: the septet after 0x1B, and its character.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

const ESCAPE: char = '\u{1b}';

/// The septet that announces the extension table.
pub const ESCAPE_SEPTET: u8 = 0x1B;

/// A character in the default alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Septets {
    /// One septet.
    One(u8),
    /// The escape and this septet.
    Escaped(u8),
}

/// The septets of a character, or nothing if GSM 03.38 cannot write it.
pub fn septets(character: char) -> Option<Septets> {
    // Letters and digits sit where ASCII has them; the rest is looked up.
    if character.is_ascii_alphanumeric() || character == ' ' {
        return u8::try_from(u32::from(character)).ok().map(Septets::One);
    }
    if character == ESCAPE {
        return None;
    }
    if let Some((code, _)) = EXTENSION.iter().find(|(_, c)| *c == character) {
        return Some(Septets::Escaped(*code));
    }
    let position = DEFAULT.iter().position(|c| *c == character)?;
    u8::try_from(position).ok().map(Septets::One)
}

/// Reads unpacked septets (one an octet, as SMSCs exchange them under data_coding 0).
///
/// An escape without a known extension reads as a space and the plain character, as
/// 3GPP TS 23.038 §6.2.1.1 asks; an octet above 0x7F as U+FFFD.
pub fn read_gsm(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut escaped = false;
    for octet in octets {
        if escaped {
            escaped = false;
            if let Some((_, character)) = EXTENSION.iter().find(|(code, _)| code == octet) {
                text.push(*character);
                continue;
            }
            text.push(' ');
        }
        if *octet == ESCAPE_SEPTET {
            escaped = true;
            continue;
        }
        text.push(DEFAULT.get(usize::from(*octet)).copied().unwrap_or('\u{fffd}'));
    }
    text
}

/// Reads big-endian UTF-16 (data_coding 8). What cannot be read becomes U+FFFD.
pub fn read_utf16(octets: &[u8]) -> String {
    let units = octets.chunks_exact(2).filter_map(|pair| match pair {
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    });
    let mut text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
    if octets.len() % 2 == 1 {
        text.push('\u{fffd}');
    }
    text
}

/// Reads Latin-1 (data_coding 3), of which ASCII (data_coding 1) is a part.
pub fn read_latin1(octets: &[u8]) -> String {
    octets.iter().map(|octet| char::from(*octet)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_septet_goes_there_and_back() {
        for code in 0u8..128 {
            let character = DEFAULT[usize::from(code)];
            if code == ESCAPE_SEPTET {
                assert_eq!(septets(character), None);
            } else {
                assert_eq!(septets(character), Some(Septets::One(code)), "{code:#x}");
                assert_eq!(read_gsm(&[code]), character.to_string());
            }
        }
        for (code, character) in EXTENSION {
            assert_eq!(septets(character), Some(Septets::Escaped(code)));
            assert_eq!(read_gsm(&[ESCAPE_SEPTET, code]), character.to_string());
        }
    }

    #[test]
    fn characters_that_gsm_cannot_write() {
        for character in ['ç', 'á', 'í', '`', '😀', 'ж', '\t', '\0', '’'] {
            assert_eq!(septets(character), None, "{character:?}");
        }
    }

    #[test]
    fn hostile_octets_are_read_without_panic() {
        assert_eq!(read_gsm(&[0x1B]), "");
        assert_eq!(read_gsm(&[0x1B, 0x1B, 0x41]), "  A");
        assert_eq!(read_gsm(&[0x1B, 0x41]), " A");
        assert_eq!(read_gsm(&[0xFF]), "\u{fffd}");
        assert_eq!(read_utf16(&[0xD8, 0x3D]), "\u{fffd}");
        assert_eq!(read_utf16(&[0x00]), "\u{fffd}");
    }
}
