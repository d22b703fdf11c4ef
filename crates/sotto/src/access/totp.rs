//! Codes from a generator app: RFC 6238, six digits, thirty seconds, one step early or late, each
//! code once (ASVS 6.5.1, 6.5.5).

use jiff::Timestamp;
use totp_rs::{Builder, Secret};
use zeroize::Zeroizing;

/// What the app and we both know: 160 bits (RFC 4226 §4, R6).
pub type Shared = Zeroizing<[u8; 20]>;

/// The step whose code this is, if it is one of the step before, now, or after.
#[must_use]
pub fn step_of(secret: &Shared, code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let six = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let seconds = u64::try_from(now.as_second()).ok().filter(|_| six)?;
    let totp = Builder::new().with_secret(**secret).build_noncompliant();
    totp.check(&digits, seconds).and_then(|step| i64::try_from(step).ok())
}

/// The secret as an app takes it typed: base32 in groups of four.
#[must_use]
pub fn typed(secret: &Shared) -> String {
    let text = Secret::from(**secret).to_base32();
    let chars: Vec<char> = text.chars().collect();
    let groups: Vec<String> = chars.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// The secret as a link that a generator app on the same device opens.
#[must_use]
pub fn link(secret: &Shared, practice: &str) -> String {
    let name: String = practice
        .bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let secret = Secret::from(**secret).to_base32();
    format!("otpauth://totp/{name}:Sotto?secret={secret}&issuer={name}")
}

/// The link as a QR code (ISO/IEC 18004), for the camera of another device.
#[derive(Debug)]
pub struct Picture {
    /// How many squares it is wide and high, the quiet edge of four on each side among them.
    pub side: usize,
    /// Its dark squares, as the outline of an SVG path.
    pub outline: String,
}

/// Draws it; none where the practice's name is too long for one.
#[must_use]
pub fn picture(link: &str) -> Option<Picture> {
    const EDGE: usize = 4;
    let code = qrcode::QrCode::new(link).ok()?;
    let width = code.width();
    let dark = code
        .into_colors()
        .into_iter()
        .enumerate()
        .filter(|(_, color)| matches!(color, qrcode::Color::Dark));
    let outline = dark.map(|(n, _)| format!("M{} {}h1v1h-1z", n % width + EDGE, n / width + EDGE));
    Some(Picture { side: width + 2 * EDGE, outline: outline.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six of its eight digits.
    #[test]
    fn the_rfcs_own_examples() {
        let secret = Zeroizing::new(*b"12345678901234567890");
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(step_of(&secret, code, now), Some(second / 30), "{second}");
        }
    }

    #[test]
    fn one_step_early_or_late_and_no_more() {
        let secret = Zeroizing::new(*b"12345678901234567890");
        for (late, found) in
            [(-31, false), (-30, true), (0, true), (29, true), (59, true), (60, false)]
        {
            let now = Timestamp::from_second(1_111_111_110 + late).unwrap();
            assert_eq!(step_of(&secret, "050471", now).is_some(), found, "{late}");
        }
        let now = Timestamp::from_second(1_111_111_111).unwrap();
        assert!(step_of(&secret, "050 471", now).is_some());
        for no in ["", "05047", "0504711", "05047a", "٠٥٠٤٧١"] {
            assert_eq!(step_of(&secret, no, now), None, "{no}");
        }
    }

    #[test]
    fn the_link_names_the_practice() {
        let secret = Zeroizing::new(*b"12345678901234567890");
        assert_eq!(typed(&secret), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let link = link(&secret, "Harborview & Co");
        assert!(link.starts_with("otpauth://totp/Harborview%20%26%20Co:Sotto?secret=GEZDGNBVGY3T"));
        let picture = picture(&link).unwrap();
        // Three corner marks begin at the edge of four; version 6 and up at this length.
        assert!(picture.outline.starts_with("M4 4h1v1h-1z") && picture.side >= 41 + 8);
    }
}
