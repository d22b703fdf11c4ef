//! Numbers that stand for a person: SSN, MRN, plan, account, licence, vehicle, device, card.

use regex::bytes::Regex;

use super::{Inventory, What, cue_before, what};
use crate::level::{Category, IdentifierKind, Level};
use crate::normalise::Folded;
use crate::shapes::{compile, values};

#[derive(Debug)]
pub(super) struct Numbers {
    card: Regex,
    ssn_shape: Regex,
    rules: Vec<(Regex, IdentifierKind, Option<What>)>,
}

const SSN: What = what(
    Category::IdentifierSsn,
    Level::Never,
    "identifier.ssn",
    "It is a social security number.",
    "Never send it; ask the patient to call.",
);
const LAST_FOUR: What = what(
    Category::IdentifierSsn,
    Level::Sensitive,
    "identifier.ssn_last_four",
    "It is a part of a social security number.",
    "Ask the patient to call instead.",
);
const CARD: What = what(
    Category::IdentifierOther,
    Level::Never,
    "identifier.card",
    "It is a payment card number or its code.",
    "Never send it; give the link of the payment page.",
);
const PASSWORD: What = what(
    Category::IdentifierOther,
    Level::Never,
    "identifier.password",
    "It is a password or PIN.",
    "Never send it; let the patient set one in the portal.",
);
const MRN: What = what(
    Category::IdentifierMrn,
    Level::Sensitive,
    "identifier.mrn",
    "It is a medical record number.",
    "Leave the number out.",
);

const fn number(rule: &'static str, reason: &'static str) -> What {
    what(Category::IdentifierOther, Level::Sensitive, rule, reason, "Leave the number out.")
}

/// A value with at least one digit and three characters, as people write ids.
const VALUE: &str = r"(#?(?:[a-z]{1,8}-?){0,2}\d[a-z0-9]{0,20}(?:-[a-z0-9]{1,12}){0,4})";
/// What may stand between a cue and its value.
const LINK: &str = r"\b[ :#.\-(]{0,5}(?:(?:number|numero|num|no|id|is|was|es|de|ending|in|with|on|file|code)\b[ :#.\-(]{0,3}){0,4}";

impl Numbers {
    pub(super) fn new() -> Self {
        use IdentifierKind::{Account, Device, Licence, Mrn, Other, Plan, Ssn, Vehicle};
        let cued = |cue: &str| compile(&format!(r"\b(?:{cue}){LINK}{VALUE}"));
        let digit = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)";
        let rules = vec![
            (
                compile(
                    r"\blast (?:four|4)(?: digits)?(?: of| de)?(?: your| the| su)? ?(?:ssn|social(?: security)?)(?: number)?[^0-9]{0,16}(\d{4})\b",
                ),
                Ssn,
                Some(LAST_FOUR),
            ),
            (
                compile(
                    r"\b(?:ssn|social(?: security)?|seguro social)(?: number)? ?(?:ending|ends|that ends|terminado|que termina)(?: in| with| en)? ?(\d{4})\b",
                ),
                Ssn,
                Some(LAST_FOUR),
            ),
            (
                compile(
                    r"\b(?:ssn|social(?: security)?|seguro social)(?: number)?[ :#]{0,3}(?:is |es )?(?:[x*]{3}-?[x*]{2}-?)(\d{4})\b",
                ),
                Ssn,
                Some(LAST_FOUR),
            ),
            (
                compile(
                    r"\b(?:ssn|ss ?#|social security|social|seguro social|numero de seguro)\b[ :#.\-]{0,3}(?:(?:number|numero|num|no|is|was|es|de)\b[ :#.\-]{0,3}){0,3}(\d{3}[ .\-]?\d{2}[ .\-]?\d{4})\b",
                ),
                Ssn,
                Some(SSN),
            ),
            (
                compile(&format!(
                    r"\b(?:ssn|social security|social|seguro social)\b[ :#.\-]{{0,3}}(?:(?:number|numero|is|was|es)\b[ :#.\-]{{0,3}}){{0,3}}({digit}(?:[ ,.\-]{{1,2}}{digit}){{8}})\b"
                )),
                Ssn,
                Some(SSN),
            ),
            (
                cued(
                    r"mrn|mr ?#|medical records?|med rec|medical rec|chart|emr|ehr|records? (?:number|no|id|#)|expediente(?: medico)?|historia clinica|numero de expediente",
                ),
                Mrn,
                Some(MRN),
            ),
            (
                cued(
                    r"member|subscriber|policy|group number|group #|health plan|hpbn|hpb|beneficiary|insurance|medicare|medicaid|insurer|hmo|ppo|health id|ins|plan|poliza|afiliado|numero de afiliado",
                ),
                Plan,
                Some(number("identifier.plan", "It is a health plan number.")),
            ),
            (
                compile(
                    r"\b([1-9][ac-hj-km-np-rt-y][0-9ac-hj-km-np-rt-y]\d-?[ac-hj-km-np-rt-y][0-9ac-hj-km-np-rt-y]\d-?[ac-hj-km-np-rt-y]{2}\d{2})\b",
                ),
                Plan,
                Some(number("identifier.mbi", "It is a Medicare number.")),
            ),
            (cued(r"patient(?: id| number| no| #)|numero de paciente"), Other, Some(MRN)),
            (
                cued(r"acct|account|cuenta"),
                Account,
                Some(number("identifier.account", "It is an account number.")),
            ),
            (
                cued(
                    r"driver'?s? licen[sc]e|licen[sc]e(?: number| no| #)|licencia(?: de conducir)?|certificate|dea number|npi",
                ),
                Licence,
                Some(number("identifier.licence", "It is a licence number.")),
            ),
            (
                cued(r"vin|licen[sc]e plate|plate(?: number| no| #)|placas?"),
                Vehicle,
                Some(number("identifier.vehicle", "It is a vehicle number.")),
            ),
            (
                cued(
                    r"serial(?: number| no| #)?|device(?: id| number| no| #)|udi|numero de serie|s/n",
                ),
                Device,
                Some(number("identifier.device", "It is a device number.")),
            ),
            (
                compile(r"(\(01\)\d{14}(?:\(\d{2}\)[a-z0-9]{1,20}){0,4})"),
                Device,
                Some(number("identifier.device", "It is a device number.")),
            ),
            (
                compile(r"\b(?:cvv2?|cvc|card security code)\b[ :#]{0,3}(?:is |code )?(\d{3,4})\b"),
                Other,
                Some(CARD),
            ),
            (
                compile(
                    r"\b(?:password|passcode|passwd|pwd|contrasena)\b(?:[ :=]{1,3}(?:is |es )?)([^ ]*[0-9!@#$%&*][^ ]*)",
                ),
                Other,
                Some(PASSWORD),
            ),
            (
                compile(r"\bpin\b[ :#]{0,2}(?:number |code )?(?:is |es )?[:#]?(\d{4,8})\b"),
                Other,
                Some(PASSWORD),
            ),
            (
                compile(
                    r"\b(?:username|user name|user id|login id|login name|usuario)\b(?:[ :=]{1,3}(?:is |es )?)([a-z0-9._@-]*[0-9_.@-][a-z0-9._@-]*)",
                ),
                Other,
                Some(number("identifier.user_name", "It is a user name.")),
            ),
            (
                cued(
                    r"claim|accession|specimen|encounter|case|study|site id|authorization|auth|reclamo",
                ),
                Other,
                Some(number(
                    "identifier.code",
                    "It is a number that stands for the patient's record.",
                )),
            ),
            (cued(r"confirmation|reference|ref|order|confirmacion|referencia"), Other, None),
            (
                compile(r"\bid\b[ :#]{1,3}(?:number |is )?(#?(?:[a-z]{1,8}-)?\d[a-z0-9-]{3,20})"),
                Other,
                Some(number(
                    "identifier.code",
                    "It is a number that stands for the patient's record.",
                )),
            ),
        ];
        Self {
            card: compile(r"\b[2-6]\d{3}(?:[ -]?\d){9,15}\b"),
            ssn_shape: compile(r"\b(\d{3})([- .])(\d{2})([- .])(\d{4})\b"),
            rules,
        }
    }

    pub(super) fn find(&self, folded: &Folded, out: &mut Inventory) {
        let bytes = folded.lower.as_bytes();
        for found in self.card.find_iter(bytes) {
            if passes_luhn(found.as_bytes()) {
                out.add(found.range(), IdentifierKind::Other);
                out.add_finding(found.range(), &CARD);
            }
        }
        for (pattern, kind, finding) in &self.rules {
            for span in values(pattern, bytes) {
                if span.len() < 3 || !out.is_free(&span) {
                    continue;
                }
                out.add(span.clone(), *kind);
                if let Some(finding) = finding {
                    out.add_finding(span, finding);
                }
            }
        }
        self.find_bare_ssn(folded, out);
    }

    /// The shape alone is enough where the area number exists; 9xx only after a cue (it is an ITIN).
    fn find_bare_ssn(&self, folded: &Folded, out: &mut Inventory) {
        for captures in self.ssn_shape.captures_iter(folded.lower.as_bytes()) {
            let Some(whole) = captures.get(0) else { continue };
            let group = |n: usize| captures.get(n).map_or(&b""[..], |m| m.as_bytes());
            let exists = !matches!(group(1), b"000" | b"666")
                && !group(1).starts_with(b"9")
                && group(3) != b"00"
                && group(5) != b"0000";
            let cued = cue_before(folded, whole.start(), 40, &["ssn", "social", "seguro", "ss"]);
            let one_separator = group(2) == group(4);
            if one_separator && (exists || cued) && out.is_free(&whole.range()) {
                out.add(whole.range(), IdentifierKind::Ssn);
                out.add_finding(whole.range(), &SSN);
            }
        }
    }
}

/// ISO/IEC 7812-1 annex B, on the digits among the bytes.
fn passes_luhn(bytes: &[u8]) -> bool {
    let digits = bytes.iter().rev().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let mut sum = 0_u32;
    let mut count = 0_u32;
    for (place, digit) in digits.enumerate() {
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
        count += 1;
    }
    (13..=19).contains(&count) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(IdentifierKind, u8)> {
        let folded = Folded::new(text);
        let mut out = Inventory::default();
        Numbers::new().find(&folded, &mut out);
        let level =
            |span| out.findings.iter().find(|f| f.span == span).map_or(0, |f| u8::from(f.level));
        out.identifiers.iter().map(|(span, kind)| (*kind, level(span.clone()))).collect()
    }

    #[test]
    fn each_number_by_its_cue() {
        use IdentifierKind::*;
        for (text, kind, level) in [
            ("SSN 123-45-6789", Ssn, 4),
            ("123-45-6789", Ssn, 4),
            ("SSN: 987654321", Ssn, 4),
            ("social is one two three, four five, six seven eight nine", Ssn, 4),
            ("last four of your social: 6789", Ssn, 3),
            ("seguro social que termina en 6789", Ssn, 3),
            ("MRN: 12345-JS", Mrn, 3),
            ("MRN #SF-998877", Mrn, 3),
            ("chart # 44521", Mrn, 3),
            ("expediente 55512", Mrn, 3),
            ("member ID HP-678901", Plan, 3),
            ("1EG4-TE5-MK73", Plan, 3),
            ("póliza 778899", Plan, 3),
            ("account number 4455661", Account, 3),
            ("driver's license D1234567", Licence, 3),
            ("VIN 1HGCM82633A004352", Vehicle, 3),
            ("pump serial number AB12345", Device, 3),
            ("(01)00812345678905(17)261231", Device, 3),
            ("claim # 991188", Other, 3),
            ("card 4111 1111 1111 1111", Other, 4),
            ("CVV 123", Other, 4),
            ("your password is Tulip77!", Other, 4),
            ("username: mlopez_4", Other, 3),
            ("confirmation number 883311", Other, 0),
        ] {
            assert!(kinds(text).contains(&(kind, level)), "{text}: {:?}", kinds(text));
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "000-12-3456",
            "card 4111 1111 1111 1112",
            "Your password is ready",
            "call 555-123-4567",
            "Your code is 123456",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }
}
