//! Street addresses, post boxes, rural routes and ZIP codes, by their shape.

use std::ops::Range;

use super::words::Words;
use super::{Inventory, Reading, What, cue_before, cues, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::{Folded, fold};
use crate::shapes::Shape;

#[derive(Debug)]
pub(super) struct Streets {
    /// On the writer's capitals.
    streets: Vec<Shape>,
    /// On small letters, for people who use no capitals.
    plain_street: Shape,
    spoken_street: Shape,
    boxes: Shape,
    zip: Shape,
}

pub(super) const ADDRESS: What = what(
    Category::IdentifierAddress,
    Level::Sensitive,
    "identifier.address",
    "It is a home address.",
    "Leave the address out; the patient knows it.",
);

/// Words that make a street somebody's home.
const HOME: &[&str] = &[
    "your address",
    "your home",
    "home address",
    "your house",
    "your place",
    "ur place",
    "ur house",
    "ur home",
    "ur address",
    "resident at",
    "honk at",
    "pick you up at",
    "courier",
    "live at",
    "lives at",
    "living at",
    "residing",
    "resides",
    "residence",
    "address on file",
    "shipped to",
    "ship to",
    "mailed to",
    "mail to",
    "deliver to",
    "delivered to",
    "delivery to",
    "home visit",
    "sent to",
    "we have you at",
    "patient address",
    "su domicilio",
    "domicilio",
    "su direccion",
    "su casa",
    "vive en",
    "enviado a",
    "enviada a",
];

impl Streets {
    pub(super) fn new() -> Self {
        let kind = r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Terrace|Ter|Circle|Cir|Parkway|Pkwy|Highway|Hwy|Square|Sq|Trail|Trl|Loop|Plaza|Alley|Pike|Turnpike|Run|Row|Crossing|Path|Ridge|Expressway)";
        let rest = r"(?: [NSEW]{1,2}\b\.?)?(?:,? ?(?:[Aa]pt|[Aa]partment|[Uu]nit|[Ss]uite|[Ss]te|[Aa]pto|Rm|[Ll]ot|Bldg|[Ff]loor|Fl|#)\.? ?#?[A-Za-z0-9-]{1,6})?(?:,? [A-Z][a-z]+(?: [A-Z][a-z]+){0,2})?(?:, ?[A-Z]{2}\b)?(?:,? \d{5}(?:-\d{4})?\b)?";
        Self {
            streets: vec![
                Shape::new(format!(
                    r"\b\d{{1,6}}(?:-\d{{1,4}})?[A-Z]? (?:[NSEW]{{1,2}}\.? |North |South |East |West )?(?:[A-Z0-9][A-Za-z0-9'.-]{{0,24}} ){{1,4}}{kind}\b\.?{rest}"
                )),
                Shape::new(format!(
                    r"\b\d{{1,6}} (?:[NSEW]\.? )?(?:Broadway|(?:Avenue|Route|Highway|Hwy|County Road|State Road|US|SR|FM|CR)(?: of the [A-Z][a-z]+| [A-Z0-9][A-Za-z0-9-]{{0,14}})){rest}"
                )),
                Shape::new(
                    r"\b(?:Calle|Avenida|Av\.|Camino) (?:[A-Z0-9][A-Za-z0-9]* ?){1,3}(?:#|No\.? )?\d{1,5}\b|\b\d{1,5} (?:Calle|Avenida|Av\.|Camino) [A-Z][a-z]+(?: [A-Z][a-z]+){0,2}(?:,? (?:apto|apartamento|#)\.? ?#?[A-Za-z0-9]{1,5})?",
                ),
            ],
            plain_street: Shape::new(
                r"\b\d{2,6} (?:(?:[a-z]{3,20}|\d{1,3}(?:st|nd|rd|th)|[nsew]\.?) ){1,3}(?:street|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|parkway|pkwy|highway|st)\b\.?(?:,? (?:apt|unit|suite|ste)\.? ?#?[a-z0-9]{1,5}\b)?",
            ),
            spoken_street: Shape::new(
                r"\b(?:(?:one|two|three|four|five|six|seven|eight|nine|oh|ten|eleven|twelve|[a-z]{3,5}teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)[ -]){1,6}(?:[a-z]{3,20} ){1,3}?(?:street|avenue|road|boulevard|lane|drive|court)\b(?:,? (?:apartment|unit|apt) [a-z0-9]{1,6}\b)?",
            ),
            boxes: Shape::new(
                r"\b(?:p\.? ?o\.? ?box|post office box|apartado(?: postal)?) #?\d{1,6}\b|\b(?:rr|rural route|hc|star route) ?#?\d{1,4},? box #?\d{1,6}[a-z]?\b",
            ),
            zip: Shape::new(
                r"\b(?:zip(?: code)?|zipcode|codigo postal|postal code)[ :#]{1,3}(?:is |of |es )?(\d{5}(?:-\d{4})?)\b",
            ),
        }
    }

    pub(super) fn find(&self, reading: Reading<'_>, words: &Words, out: &mut Inventory) {
        let folded = reading.folded;
        if words.roles & cues::STREET != 0 && words.roles & cues::DIGIT_WORD != 0 {
            for found in self.spoken_street.find_iter(folded.lower.as_bytes()) {
                take_street(reading, found.range(), out);
            }
        }
        if !folded.has_digit {
            return;
        }
        let (cased, lower) = (folded.cased.as_bytes(), folded.lower.as_bytes());
        if words.roles & cues::STREET != 0 {
            let cause = Cause::of(folded, words);
            for (pattern, cause) in
                self.streets.iter().zip([cause.numbered, cause.numbered, cause.spanish])
            {
                if !cause {
                    continue;
                }
                for found in pattern.find_iter(cased) {
                    take_street(reading, found.range(), out);
                }
            }
            if cause.numbered {
                for found in self.plain_street.find_iter(lower) {
                    take_street(reading, found.range(), out);
                }
            }
            if cause.boxed {
                for found in self.boxes.find_iter(lower) {
                    take_street(reading, found.range(), out);
                }
            }
        }
        let zip = || folded.holds(b'z') && folded.lower.contains("zip");
        if words.digits >= 5 && (zip() || folded.lower.contains("postal")) {
            for captures in self.zip.captures_iter(lower) {
                if let Some(zip) = captures.get(1)
                    && out.is_free(&zip.range())
                {
                    out.add(zip.range(), IdentifierKind::Location);
                }
            }
        }
    }
}

/// Which shapes the words of streets in a text give cause to look for.
#[derive(Debug, Clone, Copy, Default)]
struct Cause {
    /// A number stands before one.
    numbered: bool,
    /// `Calle`, whose number stands behind.
    spanish: bool,
    boxed: bool,
}

impl Cause {
    /// The furthest a house number stands before the word that makes a street.
    const REACH: usize = 12;

    fn of(folded: &Folded, words: &Words) -> Self {
        let mut cause = Self::default();
        let mut number = None;
        for (at, word) in words.list.iter().enumerate() {
            if word.is(cues::STREET) {
                cause.numbered |=
                    number.is_some_and(|n: usize| at <= n.saturating_add(Self::REACH));
                match folded.slice(word.span()) {
                    "calle" | "avenida" | "av" | "camino" => cause.spanish = true,
                    "box" => cause.boxed = true,
                    _ => {}
                }
            }
            if folded.byte(word.start).is_ascii_digit() {
                number = Some(at);
            }
        }
        cause.boxed |= folded.lower.contains("apartado");
        cause
    }
}

fn take_street(reading: Reading<'_>, span: Range<usize>, out: &mut Inventory) {
    let (folded, context) = (reading.folded, reading.context);
    if !out.is_free(&span) || ends_in_a_title(folded, &span) {
        return;
    }
    let street = folded.slice(span.clone());
    let named = |list: &[String]| {
        list.iter()
            .map(|p| fold(p))
            .any(|p| p.len() > 2 && (street.contains(&p) || p.contains(street)))
    };
    let home = named(&context.recipient_addresses)
        || cue_before(folded, span.start, 48, HOME)
        || [" apt", "apartment", " apto", " unit "].iter().any(|w| street.contains(w));
    let strange = home || !context.places.is_empty();
    out.add(span.clone(), IdentifierKind::Location);
    out.proper_names.push(span.clone());
    if strange && !named(&context.places) {
        out.add_finding(span, &ADDRESS);
    }
}

/// `at 9 See Dr` is no street when a name follows; nor `2 weeks after his court`.
fn ends_in_a_title(folded: &Folded, span: &Range<usize>) -> bool {
    let text = folded.slice(span.clone());
    let after = span.end.saturating_add(usize::from(folded.byte(span.end) == b'.'));
    let unit = text.split(' ').nth(1).is_some_and(|w| {
        matches!(
            w,
            "days"
                | "weeks"
                | "months"
                | "years"
                | "hours"
                | "minutes"
                | "year"
                | "day"
                | "week"
                | "mg"
                | "mcg"
                | "ml"
                | "and"
                | "at"
                | "am"
                | "pm"
                | "units"
                | "patients"
                | "times"
                | "the"
                | "on"
                | "miles"
                | "blocks"
        )
    });
    unit || (text.ends_with(" dr") || text.ends_with(" dr."))
        && folded.is_capital(after.saturating_add(1))
        || text.contains(" dr. ")
        || text.contains(" with ")
}
