//! Geography smaller than a state: streets, towns with their state, ZIP codes, facilities.

use std::ops::Range;

use regex::bytes::Regex;

use super::{Inventory, Reading, What, cue_before, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::{Folded, fold};
use crate::shapes::compile;

#[derive(Debug)]
pub(super) struct Places {
    /// On the writer's capitals.
    streets: Vec<Regex>,
    /// On small letters, for people who use no capitals.
    plain_street: Regex,
    town: Regex,
    facility: Regex,
    zip: Regex,
}

const ADDRESS: What = what(
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

impl Places {
    pub(super) fn new() -> Self {
        let kind = r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Terrace|Ter|Circle|Cir|Parkway|Pkwy|Highway|Hwy|Square|Sq|Trail|Trl|Loop|Plaza)";
        let rest = r"(?:,? ?(?:Apt|Apartment|Unit|Suite|Ste|Apto|#)\.? ?#?[A-Za-z0-9-]{1,6})?(?:,? [A-Z][a-z]+(?: [A-Z][a-z]+){0,2})?(?:, ?[A-Z]{2})?(?:,? \d{5}(?:-\d{4})?)?";
        Self {
            streets: vec![
                compile(&format!(
                    r"\b\d{{1,6}}(?:-\d{{1,4}})?[A-Z]? (?:[NSEW]{{1,2}}\.? )?(?:[A-Z0-9][A-Za-z0-9'.-]{{0,24}} ){{1,4}}{kind}\b\.?{rest}"
                )),
                compile(
                    r"\b(?:Calle|Avenida|Av\.|Camino) (?:[A-Z][a-z]+ ?){1,3}(?:#|No\.? )?\d{1,5}\b",
                ),
                compile(r"\bP\.?O\.? Box \d{1,6}\b"),
            ],
            plain_street: compile(
                r"\b\d{2,6} (?:[a-z]{3,20} ){1,3}(?:street|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|court|parkway|pkwy|highway|st)\b(?:,? (?:apt|unit|suite|ste)\.? ?#?[a-z0-9]{1,5})?",
            ),
            town: compile(
                r"\b[A-Z][a-z]+(?: [A-Z][a-z]+){0,2}, (?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])\b(?: \d{5}(?:-\d{4})?)?",
            ),
            facility: compile(
                r"\b(?:(?:St|Mt)\. )?[A-Z][A-Za-z.'&-]*(?: (?:(?:of|and|the|de|&) )?[A-Z][A-Za-z.'&-]*){0,4} (?:Hospital|Hosp|Clinic|Medical Center|Medical Ctr|Med\.? Center|Med Ctr|Health Center|Healthcare|Health System|Health|Medical Group|Medical Centre|Institute|Infirmary|Center|Office|Nursing Home|Urgent Care|Pharmacy|Rehab|Medical)\b(?: (?:of |in |at )?[A-Z][a-z]+){0,2}|\b(?:Hospital|Clinic|University|Institute|Clinica) (?:of|de|del) [A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+){0,2}|\b(?:St|Mt)\. [A-Z][a-z]+(?:'s)?|\b(?:UCLA|UCSF|MGH|NYU|UPMC|VA|Mayo Clinic|Johns Hopkins|Kaiser|Cedars-Sinai|Mount Sinai|NY Presbyterian)\b",
            ),
            zip: compile(
                r"\b(?:zip(?: code)?|codigo postal|postal code)[ :#]{1,3}(?:is )?(\d{5}(?:-\d{4})?)\b",
            ),
        }
    }

    pub(super) fn find(&self, reading: Reading<'_>, out: &mut Inventory) {
        let folded = reading.folded;
        let cased = folded.cased.as_bytes();
        if folded.has_digit {
            for pattern in &self.streets {
                for found in pattern.find_iter(cased) {
                    take_street(reading, found.range(), out);
                }
            }
            for found in self.plain_street.find_iter(folded.lower.as_bytes()) {
                take_street(reading, found.range(), out);
            }
            for captures in self.zip.captures_iter(folded.lower.as_bytes()) {
                if let Some(zip) = captures.get(1) {
                    take(zip.range(), out);
                }
            }
        }
        for found in self.facility.find_iter(cased) {
            take(without_article(folded, found.range()), out);
        }
        for found in self.town.find_iter(cased) {
            take(found.range(), out);
        }
        for city in &reading.terms.cities {
            if folded.is_capital(city.start) && !begins_a_name(reading, city) {
                take(city.clone(), out);
            }
        }
    }
}

fn take(span: Range<usize>, out: &mut Inventory) {
    if span.len() > 1 && out.is_free(&span) {
        out.add(span, IdentifierKind::Location);
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

/// `at 9 See Dr` is no street when a name follows.
fn ends_in_a_title(folded: &Folded, span: &Range<usize>) -> bool {
    let text = folded.slice(span.clone());
    let after = span.end.saturating_add(usize::from(folded.byte(span.end) == b'.'));
    (text.ends_with(" dr") || text.ends_with(" dr.")) && folded.is_capital(after.saturating_add(1))
        || text.contains(" dr. ")
        || text.contains(" with ")
}

/// "Austin Lee" is a person, "Austin" a city.
fn begins_a_name(reading: Reading<'_>, city: &Range<usize>) -> bool {
    let folded = reading.folded;
    reading.terms.first_names.contains(city)
        && folded.byte(city.end) == b' '
        && folded.is_capital(city.end.saturating_add(1))
}

/// "Our Clinic" → "Clinic"; a facility needs a name of its own.
fn without_article(folded: &Folded, span: Range<usize>) -> Range<usize> {
    let text = folded.slice(span.clone());
    for article in
        ["the ", "our ", "your ", "at ", "this is ", "from ", "visit ", "call ", "hi ", "hello "]
    {
        if let Some(rest) = text.strip_prefix(article) {
            return if rest.contains(' ') {
                span.end.saturating_sub(rest.len())..span.end
            } else {
                0..0
            };
        }
    }
    span
}

#[cfg(test)]
mod tests {
    use crate::{Category, Context, IdentifierKind, check};

    fn found(text: &str, context: &Context) -> (Vec<String>, bool) {
        let assessment = check(text, context);
        let places = assessment
            .identifiers
            .iter()
            .filter(|i| i.kind == IdentifierKind::Location)
            .map(|i| text.chars().skip(i.span.start).take(i.span.len()).collect())
            .collect();
        let address = assessment.findings.iter().any(|f| f.category == Category::IdentifierAddress);
        (places, address)
    }

    #[test]
    fn streets_towns_and_facilities() {
        let none = Context::default();
        for (text, place, address) in [
            ("We are at 450 Main Street, Suite 200.", "450 Main Street, Suite 200", false),
            ("Shipped to your home at 12 Oak Lane", "12 Oak Lane", true),
            ("su domicilio, 12 Oak Lane", "12 Oak Lane", true),
            ("Visit at 12 Cold Harbor Road", "12 Cold Harbor Road", false),
            ("seen in Chicago.", "Chicago", false),
            ("lives in Elm Grove, WI 53122", "Elm Grove, WI 53122", false),
            ("at Lakeside Clinic on", "Lakeside Clinic", false),
            ("zip code 02139", "02139", false),
        ] {
            assert_eq!(found(text, &none), (vec![place.to_owned()], address), "{text}");
        }
    }

    #[test]
    fn the_practices_own_street_passes() {
        let context = Context { places: vec!["450 Main Street".into()], ..Context::default() };
        assert!(!found("Come to 450 Main Street, Suite 2", &context).1);
        assert!(found("Come to 9 Elm Street", &context).1);
    }

    #[test]
    fn a_time_before_a_doctor_is_no_street() {
        assert_eq!(found("at 9 See Dr. Payne", &Context::default()).0, Vec::<String>::new());
    }
}
