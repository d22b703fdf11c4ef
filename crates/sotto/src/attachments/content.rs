//! What a file is, told by its bytes, and made safe to keep.

use std::fmt;
use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use zeroize::Zeroizing;

use super::pdf;

/// The most one file may have, in bytes: a photo of a telephone has 2 to 6 million.
pub const MOST_BYTES: usize = 10 * 1024 * 1024;
/// The most pixels a picture may have. A few bytes can claim to be a picture of any size.
const MOST_PIXELS: u64 = 50_000_000;
/// The most memory drawing one may take, in bytes.
const MOST_MEMORY: u64 = 512 * 1024 * 1024;
/// A colour profile larger than this is no colour profile of a camera.
const MOST_PROFILE: usize = 64 * 1024;
/// How well a photo is kept, of 100: no eye tells it from the original.
const QUALITY: u8 = 92;
/// The longest name that is kept, in letters.
const MOST_NAME: usize = 80;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A photo.
    Jpeg,
    /// A picture without loss, such as a screenshot.
    Png,
    /// A document.
    Pdf,
}

impl Media {
    /// How its name ends.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Pdf => "pdf",
        }
    }

    /// Whether a page may show it where it stands. What is not a picture is only ever saved.
    #[must_use]
    pub const fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png)
    }
}

/// Why a file is not taken. Each says what to do, and none quotes the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing in it.
    #[error("the file is empty; choose it again")]
    Empty,
    /// Over [`MOST_BYTES`].
    #[error("the file is larger than 10 MB; send a smaller photo, or fewer pages at once")]
    TooLarge,
    /// The format of newer telephones, which most computers cannot show.
    #[error(
        "this photo is in the HEIC format; in the camera's settings choose “Most compatible”, or send a screenshot of it"
    )]
    Heic,
    /// A text document or a table.
    #[error("documents are taken as PDF; save or print it as a PDF first")]
    Office,
    /// None of ours.
    #[error("only photos (JPEG, PNG, WebP) and PDF documents are taken")]
    Unknown,
    /// It claims to be a picture, and cannot be drawn.
    #[error("the picture is damaged; take or save it again")]
    Damaged,
    /// More pixels than any camera of today gives.
    #[error("the picture has too many pixels; send it in a smaller size")]
    TooManyPixels,
    /// A PDF that asks for a password.
    #[error("the PDF is locked with a password; save it without one")]
    Locked,
    /// A PDF that does something when it is opened, or carries other files.
    #[error("the PDF holds a program or other files; print it to a new PDF and send that")]
    Active,
}

/// A file that is what it claims to be. Its name and content are PHI; `Debug` shows neither.
pub struct Checked {
    pub(super) media: Media,
    pub(super) name: String,
    /// What is kept.
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({}, {} bytes)", crate::db::Word::word(&self.media), self.bytes.len())
    }
}

impl Checked {
    /// What it is.
    #[must_use]
    pub const fn media(&self) -> Media {
        self.media
    }

    /// What is kept of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its name, fit to be shown and to be saved under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Looks at a file and makes of it what may be kept. Takes up to a second for a large photo: not for
/// a thread that others wait for.
///
/// # Errors
/// [`Unfit`].
pub fn check(name: &str, bytes: &[u8]) -> Result<Checked, Unfit> {
    if bytes.is_empty() {
        return Err(Unfit::Empty);
    }
    if bytes.len() > MOST_BYTES {
        return Err(Unfit::TooLarge);
    }
    let (media, bytes) = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => {
            drawn_anew(format, bytes)?
        }
        _ if bytes.starts_with(b"%PDF-") => {
            pdf::check(bytes)?;
            (Media::Pdf, bytes.to_vec())
        }
        _ => return Err(foreign(bytes)),
    };
    Ok(Checked { media, name: named(name, media), bytes: Zeroizing::new(bytes) })
}

/// What a file is that is not taken.
fn foreign(bytes: &[u8]) -> Unfit {
    const HEIC: [&[u8]; 6] = [b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif"];
    let brand = bytes.get(8..12).unwrap_or_default();
    if bytes.get(4..8) == Some(b"ftyp") && HEIC.contains(&brand) {
        return Unfit::Heic;
    }
    // ZIP, as newer office programs write, and the older compound file.
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Unfit::Office;
    }
    Unfit::Unknown
}

/// The picture's own pixels, the right way up, in a new file. Nothing else of the old one comes
/// along but its colour profile: no place, no time, no camera, no second file behind the picture.
fn drawn_anew(format: ImageFormat, bytes: &[u8]) -> Result<(Media, Vec<u8>), Unfit> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| Unfit::Damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width).saturating_mul(u64::from(height)) > MOST_PIXELS {
        return Err(Unfit::TooManyPixels);
    }
    // A telephone notes how it was held beside the pixels, in what is left behind here.
    let held = decoder.orientation().map_err(|_| Unfit::Damaged)?;
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_profile(profile));
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| Unfit::Damaged)?;
    picture.apply_orientation(held);

    let mut out = Vec::with_capacity(bytes.len());
    let media = if format == ImageFormat::Png || picture.color().has_alpha() {
        let mut encoder = PngEncoder::new(&mut out);
        with_profile(&mut encoder, profile);
        picture.write_with_encoder(encoder).map_err(|_| Unfit::Damaged)?;
        Media::Png
    } else {
        // JPEG has eight bits for each of one or three colours.
        let picture = match picture {
            grey @ DynamicImage::ImageLuma8(_) => grey,
            other => DynamicImage::ImageRgb8(other.into_rgb8()),
        };
        let mut encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
        with_profile(&mut encoder, profile);
        picture.write_with_encoder(encoder).map_err(|_| Unfit::Damaged)?;
        Media::Jpeg
    };
    Ok((media, out))
}

/// A format that cannot hold one goes without: the colours are then taken for the usual ones.
fn with_profile(encoder: &mut impl ImageEncoder, profile: Option<Vec<u8>>) {
    if let Some(profile) = profile {
        let _ = encoder.set_icc_profile(profile);
    }
}

/// ICC.1 §7.2.11: `acsp` stands at byte 36.
fn is_profile(bytes: &[u8]) -> bool {
    bytes.len() <= MOST_PROFILE && bytes.get(36..40) == Some(b"acsp")
}

/// A name to show and to save under: no folders, nothing that turns the reading order around or
/// begins a formula, and the ending of what the file is.
fn named(name: &str, media: Media) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let kept: String = stem
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | ' ') { c } else { ' ' })
        .collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    let stem: String = words.join(" ").chars().take(MOST_NAME).collect();
    let stem = stem.trim_matches(['-', ' ']);
    let stem = match (stem, media) {
        ("", Media::Pdf) => "document",
        ("", _) => "photo",
        (stem, _) => stem,
    };
    format!("{stem}.{}", media.ending())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Rgb, RgbImage};

    fn photo(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(40, 20, |x, _| Rgb([u8::try_from(x * 6).unwrap(), 40, 90]));
        let mut out = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture).write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    /// A JPEG as a telephone writes it: where it was taken, what took it, held upright, a comment,
    /// and another file behind its end.
    fn with_everything() -> Vec<u8> {
        let plain = photo(ImageFormat::Jpeg);
        // TIFF, little-endian: orientation 6 (turned a quarter), and a maker's name.
        let mut tiff = b"II\x2a\0\x08\0\0\0\x02\0".to_vec();
        tiff.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0");
        tiff.extend(b"\x0f\x01\x02\0\x0d\0\0\0\x26\0\0\0");
        tiff.extend(b"\0\0\0\0PlantedMaker\0");
        let segment = |marker: u8, body: &[u8]| {
            let mut out = vec![0xff, marker];
            out.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
            out.extend(body);
            out
        };
        let mut out = plain[..2].to_vec();
        out.extend(segment(0xe1, &[b"Exif\0\0".as_slice(), &tiff].concat()));
        out.extend(segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x>PlantedPlace</x>"));
        out.extend(segment(0xfe, b"PlantedComment"));
        out.extend(&plain[2..]);
        out.extend(b"<html>PlantedTail</html>");
        out
    }

    #[test]
    fn a_photo_keeps_its_pixels_and_nothing_else() {
        let before = with_everything();
        let checked = check("IMG_0001.JPG", &before).unwrap();
        assert_eq!(checked.media(), Media::Jpeg);
        let held = String::from_utf8_lossy(checked.bytes()).into_owned();
        for planted in ["Planted", "Exif", "ns.adobe.com", "<html>"] {
            assert!(!held.contains(planted), "{planted} came along");
        }
        let after = image::load_from_memory(checked.bytes()).unwrap();
        assert_eq!((after.width(), after.height()), (20, 40), "turned the right way up");
    }

    #[test]
    fn the_bytes_say_what_it_is_and_not_the_name() {
        let table = [
            (photo(ImageFormat::Jpeg), "x.pdf", Ok(("image/jpeg", "x.jpg"))),
            (photo(ImageFormat::Png), "a.exe", Ok(("image/png", "a.png"))),
            (photo(ImageFormat::WebP), "", Ok(("image/jpeg", "photo.jpg"))),
            (b"<svg onload=alert(1)>".to_vec(), "x.png", Err(Unfit::Unknown)),
            (b"MZ\x90\0\x03".to_vec(), "x.jpg", Err(Unfit::Unknown)),
            (b"GIF89a\x01\0\x01\0".to_vec(), "x.gif", Err(Unfit::Unknown)),
            (b"PK\x03\x04....".to_vec(), "x.docx", Err(Unfit::Office)),
            (b"\0\0\0\x18ftypheic....".to_vec(), "x.heic", Err(Unfit::Heic)),
            (photo(ImageFormat::Jpeg)[..60].to_vec(), "x.jpg", Err(Unfit::Damaged)),
            (Vec::new(), "x.jpg", Err(Unfit::Empty)),
            (vec![0; MOST_BYTES + 1], "x.jpg", Err(Unfit::TooLarge)),
        ];
        for (bytes, name, expected) in table {
            let got = check(name, &bytes);
            let got = got.as_ref().map(|c| (crate::db::Word::word(&c.media()), c.name()));
            assert_eq!(got.map_err(|unfit| *unfit), expected, "{name}");
        }
    }

    #[test]
    fn a_few_bytes_that_claim_a_huge_picture_are_not_drawn() {
        let mut png = photo(ImageFormat::Png);
        // IHDR: width and height at 16, its sum at 29.
        png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        let sum = crc.sum().to_be_bytes();
        png[29..33].copy_from_slice(&sum);
        assert_eq!(check("x.png", &png).unwrap_err(), Unfit::TooManyPixels);
    }

    #[test]
    fn grey_and_deep_pictures_are_drawn_too() {
        let mut out = Cursor::new(Vec::new());
        DynamicImage::ImageLuma8(GrayImage::new(3, 3))
            .write_to(&mut out, ImageFormat::Jpeg)
            .unwrap();
        assert_eq!(check("g", out.get_ref()).unwrap().media(), Media::Jpeg);
        let mut out = Cursor::new(Vec::new());
        DynamicImage::ImageLuma16(image::ImageBuffer::new(3, 3))
            .write_to(&mut out, ImageFormat::Png)
            .unwrap();
        assert_eq!(check("g", out.get_ref()).unwrap().media(), Media::Png);
    }

    #[test]
    fn names_are_made_harmless() {
        for (name, expected) in [
            ("../../etc/passwd", "passwd.jpg"),
            ("C:\\photos\\arm.jpeg", "arm.jpg"),
            ("=cmd|' /C calc'!A0.jpg", "C calc A0.jpg"),
            ("rash\u{202e}gpj.exe", "rash gpj.jpg"),
            ("Brazo de José.jpg", "Brazo de José.jpg"),
            ("<img src=x>.jpg", "img src x.jpg"),
            ("\r\nSet-Cookie: a=b.jpg", "Set-Cookie a b.jpg"),
            ("...", "photo.jpg"),
        ] {
            assert_eq!(named(name, Media::Jpeg), expected, "{name:?}");
        }
        assert_eq!(named(&"x".repeat(500), Media::Pdf).len(), MOST_NAME + 4);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_stop_it(bytes: Vec<u8>, start in 0_usize..4) {
            let starts: [&[u8]; 4] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\n", b"RIFF"];
            let _ = check("x", &[starts[start], &bytes].concat());
        }
    }
}
