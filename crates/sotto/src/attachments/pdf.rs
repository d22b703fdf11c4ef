//! What a PDF may not do. Its pages are left as they are: whoever saves it opens it with a program
//! of their own, which must find nothing there that acts by itself.
//!
//! This is a search for names, in the file and in its packed parts (ISO 32000-1 §7.5.7), and no
//! proof: what is packed twice or in another way is for the scanner ([`super::scan`]).

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::content::Unfit;

/// What acts when a document is opened, or carries other files (ISO 32000-1 §12.6.4, §7.11.4).
const ACTIVE: [&[u8]; 7] = [
    b"/JavaScript",
    b"/JS",
    b"/Launch",
    b"/EmbeddedFile",
    b"/EmbeddedFiles",
    b"/RichMedia",
    b"/XFA",
];
const LOCKED: [&[u8]; 1] = [b"/Encrypt"];
/// Where the file's end must stand, counted from its last byte.
const TAIL: usize = 2_048;
/// How much of all packed parts together is unpacked: enough for any list of a document's parts, and
/// little enough that a small file cannot keep us busy.
const MOST_UNPACKED: u64 = 32 * 1024 * 1024;

/// Whether a PDF may be kept.
///
/// # Errors
/// [`Unfit`].
pub(super) fn check(bytes: &[u8]) -> Result<(), Unfit> {
    let tail = bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default();
    if find(tail, b"%%EOF", 0).is_none() {
        return Err(Unfit::Damaged);
    }
    look(bytes)?;
    // Objects may be packed together; only those parts can hold names that count.
    let (mut at, mut since, mut left) = (0, 0, MOST_UNPACKED);
    while let Some(begins) = find(bytes, b"stream", at) {
        at = begins + b"stream".len();
        let rest = bytes.get(at..).unwrap_or_default();
        let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        // However long what is said of a part is: all since the part before.
        let head = bytes.get(since..begins).unwrap_or_default();
        since = at;
        if !named(head, b"/ObjStm") {
            continue;
        }
        let mut unpacked = Vec::new();
        // A part that is cut short is looked at as far as it goes.
        let _ = ZlibDecoder::new(rest).take(left).read_to_end(&mut unpacked);
        left = left.saturating_sub(unpacked.len() as u64);
        look(&unpacked)?;
        if left == 0 {
            return Err(Unfit::Active);
        }
    }
    Ok(())
}

fn look(bytes: &[u8]) -> Result<(), Unfit> {
    if ACTIVE.iter().any(|name| named(bytes, name)) {
        return Err(Unfit::Active);
    }
    if LOCKED.iter().any(|name| named(bytes, name)) {
        return Err(Unfit::Locked);
    }
    Ok(())
}

/// Whether a name occurs, also where letters of it are written as `#4a` (ISO 32000-1 §7.3.5).
fn named(bytes: &[u8], name: &[u8]) -> bool {
    let mut at = 0;
    while let Some(slash) = find(bytes, b"/", at) {
        at = slash + 1;
        let mut rest = bytes.get(at..).unwrap_or_default();
        let mut wanted = name.iter().skip(1);
        let met = wanted.all(|letter| {
            let Some((found, after)) = letter_of(rest) else { return false };
            rest = after;
            found == *letter
        });
        if met && letter_of(rest).is_none_or(|(next, _)| !next.is_ascii_alphanumeric()) {
            return true;
        }
    }
    false
}

/// The next letter of a name, and what follows it.
fn letter_of(bytes: &[u8]) -> Option<(u8, &[u8])> {
    if let [b'#', high, low, rest @ ..] = bytes {
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        if let (Some(high), Some(low)) = (digit(*high), digit(*low)) {
            return Some((high * 16 + low, rest));
        }
    }
    bytes.split_first().map(|(first, rest)| (*first, rest))
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    memchr::memmem::find(rest, what).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(inner: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(inner).unwrap();
        let packed = encoder.finish().unwrap();
        let head = b"5 0 obj <</Type /ObjStm /Filter /FlateDecode>> stream\r\n";
        [head.as_slice(), &packed, b"\r\nendstream"].concat()
    }

    fn pdf(inner: &[u8]) -> Vec<u8> {
        [b"%PDF-1.7\n", inner, b"\n%%EOF\n"].concat()
    }

    #[test]
    fn what_acts_by_itself_is_found_however_it_is_written() {
        let table: [(&[u8], Result<(), Unfit>); 9] = [
            (b"1 0 obj <</Type /Page>> endobj", Ok(())),
            (b"(the word JavaScript in a sentence)", Ok(())),
            (b"<</JSomething 1>>", Ok(())),
            (b"<</S /JavaScript /JS (app.alert(1))>>", Err(Unfit::Active)),
            (b"<</S /J#61vaScript>>", Err(Unfit::Active)),
            (b"<</S /Launch /F (cmd.exe)>>", Err(Unfit::Active)),
            (b"<</Names <</EmbeddedFiles 3 0 R>>>>", Err(Unfit::Active)),
            (b"trailer <</Encrypt 9 0 R>>", Err(Unfit::Locked)),
            (b"<</JS(x)>>", Err(Unfit::Active)),
        ];
        for (inner, expected) in table {
            assert_eq!(check(&pdf(inner)), expected, "{}", String::from_utf8_lossy(inner));
            assert_eq!(check(&pdf(&packed(inner))), expected, "packed");
        }
        assert_eq!(check(b"%PDF-1.7\nno end"), Err(Unfit::Damaged));
    }

    #[test]
    fn much_talk_before_a_packed_part_hides_nothing() {
        let inner = packed(b"<</S /JavaScript /JS (app.alert(1))>>");
        let (head, rest) = inner.split_at(inner.windows(7).position(|w| w == b"/Filter").unwrap());
        let talk = format!("/A ({} obj ) ", "x".repeat(2_000));
        let hidden = [head, talk.as_bytes(), rest].concat();
        assert_eq!(check(&pdf(&hidden)), Err(Unfit::Active));
    }

    #[test]
    fn a_small_file_that_unpacks_without_end_is_not_followed() {
        let bomb = packed(&vec![b' '; 33 * 1024 * 1024]);
        assert_eq!(check(&pdf(&bomb)), Err(Unfit::Active));
    }
}
