//! Homes that no cue right before them names: `1140 Birchbark Terrace, lower level`, `RR 4 Box
//! 71-B`, `four twelve Sparrow Court`, `calle Encino 88 depto 3`. The shape is wide, so the text
//! must speak of something brought there or ask whether it is still right, and not of the office.

use std::ops::Range;

use super::streets::ADDRESS;
use super::words::Words;
use super::{Inventory, Reading, cue_before, cues};
use crate::level::IdentifierKind;
use crate::normalise::{Folded, fold};
use crate::shapes::Shape;

#[derive(Debug)]
pub(super) struct Homes {
    /// On the writer's capitals.
    written: Shape,
    spoken: Shape,
    boxes: Shape,
    spanish: Shape,
    small: Shape,
}

/// So many of each shape are looked at: a text with more is refused for the first.
const MOST: usize = 16;

/// The office has moved, or shows itself: the address may follow in the next sentence.
const MOVED: &[&str] = &[
    "we moved",
    "we've moved",
    "we have moved",
    "we're moving",
    "we are moving",
    "we're moved",
    "open house",
    "nos mudamos",
    "nos cambiamos",
];

/// The office speaks of where it is itself.
const OFFICE: &[&str] = &[
    "we're at",
    "we're still at",
    "we are at",
    "we r at",
    "we're now",
    "we are now",
    "we're the one",
    "now at",
    "our new",
    "our office",
    "our mailing",
    "our address",
    "our old address",
    "our zip",
    "our clinic",
    "our building",
    "find us",
    "see us",
    "where we are",
    "new office",
    "new door",
    "new building",
    "the address is",
    "office moved",
    "offices",
    "office at",
    "clinic at",
    "suite",
    "gps",
    "park",
    "parking",
    "lobby",
    "lobby doors",
    "see you at",
    "visit us",
    "we'll be at",
    "change of address",
    "our box",
    "merging",
    "our location",
    "at our",
    "a check to",
    "checks to",
    "pay at",
    "estamos",
    "nos encuentra",
    "nueva direccion",
    "ya no estamos",
    "farmacia de la",
    "consultorio",
    "entre por",
    "entrada",
    "gire",
    "cerrada",
    "cerradas",
];

/// An address behind one of these is the practice's.
const PRACTICE: &[&str] = &[
    "practice",
    "medicine",
    "clinic",
    "clinica",
    "care",
    "dental",
    "pediatrics",
    "associates",
    "health",
    "center",
    "office",
    "hospital",
    "pharmacy",
    "visit",
    "appointment",
    "appt",
    "see you",
    "checkup",
];

impl Homes {
    pub(super) fn new() -> Self {
        let kind = r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Terrace|Terr|Ter|Circle|Cir|Parkway|Pkwy|Highway|Hwy|Square|Sq|Trail|Trl|Loop|Plaza|Alley|Pike|Turnpike|Run|Row|Crossing|Path|Ridge|Bend|Hollow|Hill|Spur|Close|Mews|Cove|Landing|Extension|Ext|Mill|Point|Pointe|Glen|View|Notch|Trace|Walk|Commons|Crescent|Green|Grove|Heights|Bluff|Creek|Chase|Knoll|Meadow|Meadows|Pass|Valley|Vista|Woods|Gardens|Estates|Fork|Spring|Springs)";
        let unit = r"(?:(?i-u:apt|apartment|apto|unit|flat|lot|lote|building|bldg|trailer|traila|depto|departamento|interior|unidad|room|rm|door|number)\b\.? ?#?[A-Za-z0-9-]+|#\d{0,4}[A-Z]?\d{0,3}|(?i-u:lower|upper|second|first|third) (?i-u:level|flat|floor|bell))";
        let house = r"(?i-u:(?:the |a )?(?:[a-z]+ )?(?:house|cottage|trailer|duplex|porch|door|bell|super\b|buzzer))";
        let number = r"(?i-u:(?:one|two|three|four|five|six|seven|eight|nine|oh|ten|eleven|twelve|[a-z]{3,5}teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)[ -]){1,6}";
        let name = r"(?:[A-Z][A-Za-z'.-]*\.? )";
        Self {
            written: Shape::new(format!(
                r"\b\d{{1,5}}(?: ?-?[A-Z])? (?:[NSEW]\.? )?(?:{name}{{1,4}}{kind}\b\.?(?:,? {unit})?|{name}{{0,2}}[A-Z][A-Za-z'-]+(?:,? {unit}|/\d[A-Z]|,? {house}))|\b\d{{1,5}} (?:County|Co\.?|State|Farm|Ranch|Star|Rural) (?:Rd|Road|Route|Hwy|Highway)\b(?: \d{{1,4}})?"
            )),
            spoken: Shape::new(format!(
                r"\b{number}(?:{name}{{1,3}}{kind}\b|{name}{{0,2}}[A-Z][a-z']+,? {unit})|\b(?i-u:lot) (?:{number}|\d+)?(?i-u:[a-z]+), [A-Z][a-z]+ [A-Z][a-z]+|\b[A-Z][a-z']+ (?:Row|Lane|Street|Road|Court|Close) number [a-z]+\b"
            )),
            boxes: Shape::new(
                r"\b(?:p\.? ?o\.? ?|post office )box (?:#?\d{1,6}|[a-z]+(?:[ -][a-z]+)?)\b|\b(?:rr|rural route|hc|star route) ?#?(?:\d{1,4}|[a-z]{3,6}),? box #?(?:\d{1,6}(?:-?[a-z])?|[a-z]+(?:-[a-z]+)?)\b|\bbox \d{1,6} (?:star|rural) route\b|\bbox \d{1,6} [a-z]+(?: [a-z]+)? \d{5}(?:-\d{4})?\b",
            ),
            spanish: Shape::new(
                r"\b(?:calle|avenida|av\.?|camino|colonia|privada|callejon|andador) (?:[a-z]+ ){1,3}?(?:(?:numero|num\.?|no\.?|casa|#),? ?)?(?:\d{1,5}(?:-[a-z])?|(?:(?:uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|cero|diez|once|doce|trece|catorce|quince|veinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|cien|[a-z]{2,6}cientos|mil)\b ?){1,6})\b|\bcolonia [a-z]+, casa \d{1,4}\b|\ben [a-z]+ (?:(?:uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|veinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa) ){1,4}?(?:[a-z]+, )?(?:unidad|departamento|interior|apartamento) [a-z0-9]+\b|\ben [a-z]+ [a-z]+ [a-z]+, (?:unidad|departamento|interior|apartamento) [a-z0-9]+\b",
            ),
            small: Shape::new(
                r"\b\d{2,5} (?:[nsew]\.? )?(?:[a-z]{3,20} ){1,3}(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|court|ct|place|pl|terrace|terr|ter|circle|cir|trail|trl|loop|bend|hollow|spur|way)\b,? ?(?:(?:apt|unit|lot|trailer|#) ?#?[a-z0-9]{1,5}\b)?",
            ),
        }
    }

    pub(super) fn find(&self, reading: Reading<'_>, words: &Words, out: &mut Inventory) {
        let folded = reading.folded;
        let spoken = words.roles & (cues::DIGIT_WORD | cues::TENS) != 0;
        if words.roles & cues::HOME == 0 || !(folded.has_digit || spoken) {
            return;
        }
        let told: Vec<Range<usize>> = out
            .findings
            .iter()
            .filter(|f| f.rule == ADDRESS.rule)
            .take(MOST)
            .map(|f| f.span.clone())
            .collect();
        let streets: Vec<Range<usize>> = out.proper_names.iter().take(MOST).cloned().collect();
        let cased = folded.cased.as_bytes();
        let lower = folded.lower.as_bytes();
        let mut found = streets;
        if folded.has_digit {
            found.extend(self.written.find_iter(cased).map(|m| m.range()).take(MOST));
            if words.roles & cues::STREET != 0 {
                found.extend(self.small.find_iter(lower).map(|m| m.range()).take(MOST));
            }
        }
        if spoken {
            found.extend(self.spoken.find_iter(cased).map(|m| m.range()).take(MOST));
        }
        if folded.lower.contains("box") {
            found.extend(self.boxes.find_iter(lower).map(|m| m.range()).take(MOST));
        }
        let speaks_spanish =
            ["calle", "avenida", "camino", "colonia", "unidad", "interior", "andador", "av"];
        if speaks_spanish.iter().any(|w| folded.lower.contains(w)) {
            found.extend(self.spanish.find_iter(lower).map(|m| m.range()).take(MOST));
        }
        let mut taken = told;
        for span in found {
            let again = taken.iter().any(|t| t.start < span.end && span.start < t.end);
            if !again && is_new(folded, &span, out) && !is_excused(reading, &span) {
                taken.push(span.clone());
                if out.is_free(&span) {
                    out.add(span.clone(), IdentifierKind::Location);
                    out.proper_names.push(span.clone());
                }
                out.add_finding(span, &ADDRESS);
            }
        }
    }
}

/// The sentence speaks of the office's own address, its door or its car park, or it asks nothing
/// and the one before says that the office has moved.
fn is_office(reading: Reading<'_>, span: &Range<usize>) -> bool {
    let own = reading.sentence(span.start);
    let end = own.end.max(span.end);
    let since = |start: usize| end.saturating_sub(start);
    let asks = reading.folded.slice(span.end..end).contains('?');
    let moved_since = if asks { own.start } else { reading.neighbourhood(span.start).start };
    cue_before(reading.folded, end, since(own.start), OFFICE)
        || cue_before(reading.folded, end, since(moved_since), MOVED)
}

/// Nothing but a place stands there, and it is no dose, hour or name of a month.
fn is_new(folded: &Folded, span: &Range<usize>, out: &Inventory) -> bool {
    let other = out.identifiers.iter().any(|(s, kind)| {
        *kind != IdentifierKind::Location && s.start < span.end && span.start < s.end
    });
    let before = span.start.checked_sub(1).map_or(b' ', |at| folded.byte(at));
    let text = folded.slice(span.clone());
    let second = text.split([' ', ',']).nth(1).unwrap_or("");
    let unit = matches!(
        second,
        "mg" | "mcg"
            | "ml"
            | "am"
            | "pm"
            | "a.m"
            | "p.m"
            | "day"
            | "days"
            | "week"
            | "weeks"
            | "min"
            | "minutes"
            | "hours"
            | "and"
            | "or"
            | "to"
            | "units"
            | "pills"
            | "tablets"
            | "with"
            | "at"
            | "for"
            | "of"
            | "dr"
            | "on"
            | "the"
            | "people"
            | "times"
            | "months"
            | "years"
            | "year"
    );
    !other && !unit && !matches!(before, b'$' | b':' | b'/' | b'-' | b'#' | b'.')
}

/// One of the practice's own places, or behind a practice's name.
fn is_excused(reading: Reading<'_>, span: &Range<usize>) -> bool {
    let said = span.start.saturating_sub(reading.sentence(span.start).start);
    if is_office(reading, span) || cue_before(reading.folded, span.start, said.min(32), PRACTICE) {
        return true;
    }
    let street = reading.folded.slice(span.clone());
    reading
        .context
        .places
        .iter()
        .map(|place| fold(place))
        .any(|place| place.len() > 2 && (street.contains(&place) || place.contains(street)))
}

#[cfg(test)]
mod tests {
    use crate::Context;
    use crate::guard::by_rules;

    fn is_told(text: &str) -> bool {
        by_rules(text, &Context::default()).findings.iter().any(|f| f.rule == "identifier.address")
    }

    #[test]
    fn homes_in_every_shape() {
        for text in [
            "The drivers have you at 2210 Alderbrook Terrace, lower level.",
            "We mail your packet to 31 Heron Bend, Apartment 4C.",
            "The van's headed to six twelve Plover Court, is that you?",
            "The nurse is lost. Is it thirty four Otter Hollow Road?",
            "UPS can't find RR 7 Box 22-C.",
            "It was mailed to rural route two, box sixty, was it?",
            "Is PO Box 118 still good? letter bounced",
            "oxygen co has u at 1611 Gooseberry Rd, lmk if u moved",
            "Dropped pkg at 411 Tupelo #2F w/ ur super.",
            "Mandamos la silla a la calle Olivo 44, ¿es ahí?",
            "we mail it to 118 heron hollow rd unit 2, ok?",
            "Is it still 2210 Alderbrook Terrace? Parking is free at our office.",
            "See you at our office on Monday. Is it still 2210 Alderbrook Terrace?",
        ] {
            assert!(is_told(text), "{text}");
        }
        for text in [
            "We moved! New door is 410 Larkspur Ave, next to the bakery.",
            "Our mailing address is now PO Box 118.",
            "We moved to the heart of downtown! 41 Larkspur Ave, above the bakery.",
            "The nurse will see you in Room 4 at 10 Tuesday.",
            "Take the 12 Hill Street bus, it stops at our office.",
            "Your package of 30 Humira pens shipped.",
            "Nuestra oficina: ahora estamos en la calle Roble 2150, local 8.",
            "Bring 2 Forms home, one for each child.",
            "Confirm Tue 3/17 2:30 with Dr. Hill.",
        ] {
            assert!(!is_told(text), "{text}");
        }
    }
}
