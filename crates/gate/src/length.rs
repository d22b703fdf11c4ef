//! How long a text is on each channel.

/// The GSM 7-bit default alphabet (3GPP TS 23.038 §6.2.1), the escape left out.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table (§6.2.1.1): two septets each.
const GSM_EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Parts of a text message: 160 septets alone, 153 each in a row; where a character is in neither
/// table, 70 and 67 UTF-16 units. An escape pair or a surrogate pair is never split.
pub(crate) fn segments(text: &str) -> u64 {
    match text.chars().map(septets).collect::<Option<Vec<u64>>>() {
        Some(sizes) => parts(sizes.into_iter(), 160, 153),
        None => parts(text.chars().map(|c| c.len_utf16() as u64), 70, 67),
    }
}

fn septets(c: char) -> Option<u64> {
    // Nearly every character, told without walking the table.
    if c.is_ascii_alphanumeric() || c == ' ' || GSM.contains(c) {
        Some(1)
    } else if GSM_EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

fn parts(sizes: impl Iterator<Item = u64>, alone: u64, in_a_row: u64) -> u64 {
    let (mut total, mut parts, mut filled) = (0, 1, 0);
    for size in sizes {
        total += size;
        if filled + size > in_a_row {
            parts += 1;
            filled = 0;
        }
        filled += size;
    }
    if total <= alone { 1 } else { parts }
}

/// Unicode code points.
pub(crate) fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

/// Seconds of speech at 2.5 words a second (§5.6), rounded up. A telephone number is spoken digit
/// by digit.
pub(crate) fn seconds(text: &str) -> u64 {
    let words: u64 = text
        .split_whitespace()
        .map(|word| {
            let digits = word.chars().filter(char::is_ascii_digit).count() as u64;
            if digits > 4 { digits } else { 1 }
        })
        .sum();
    (words * 2).div_ceil(5)
}

#[cfg(test)]
mod tests {
    use super::{characters, seconds, segments};

    #[test]
    fn a_text_is_split_as_the_air_interface_splits_it() {
        let cases: [(String, u64); 14] = [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            // 152 septets, then an escape pair that does not fit the 153rd.
            (format!("{}€{}", "a".repeat(152), "a".repeat(151)), 2),
            (format!("{}€{}", "a".repeat(152), "a".repeat(152)), 3),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("ж".repeat(135), 3),
            ("😀".repeat(35), 1),
            // 66 units, then a surrogate pair that does not fit the 67th.
            (format!("{}😀{}", "ж".repeat(66), "ж".repeat(66)), 3),
        ];
        for (text, parts) in cases {
            assert_eq!(segments(&text), parts, "{} characters", text.chars().count());
        }
    }

    #[test]
    fn spanish_accents_that_gsm_lacks_cost_ucs_2() {
        assert_eq!(segments(&"é".repeat(160)), 1);
        assert_eq!(segments(&"á".repeat(71)), 2);
    }

    #[test]
    fn speech_takes_two_and_a_half_words_a_second() {
        assert_eq!(seconds(""), 0);
        assert_eq!(seconds("one"), 1);
        assert_eq!(seconds("a b c d e"), 2);
        assert_eq!(seconds("a b c d e f"), 3);
        assert_eq!(seconds("call 202-555-0123"), 5);
        assert_eq!(seconds("in 2026"), 1);
        assert_eq!(characters("añ"), 2);
    }
}
