//! Shapes that reveal something by themselves: money, doses, measured values, codes.

use regex::bytes::Regex;

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::normalise::Folded;
use crate::shapes::{any_of, compile, values};

/// One shape and what it reveals.
#[derive(Debug)]
struct Shape {
    pattern: Regex,
    category: Category,
    level: Level,
    rule: &'static str,
    reason: &'static str,
    suggestion: &'static str,
}

/// All value shapes.
#[derive(Debug)]
pub(crate) struct Values {
    shapes: Vec<Shape>,
    /// ICD-10-CM: matched on capitals, then sorted by chapter.
    icd10: Regex,
}

const BY_PORTAL: &str = "Send it by portal, and ask the patient to call or sign in.";

const ANALYTES: &[&str] = &[
    "hba1c",
    "a1c",
    "hemoglobin",
    "hematocrit",
    "glucose",
    "blood sugar",
    "sugar",
    "cholesterol",
    "ldl",
    "hdl",
    "triglycerides",
    "tsh",
    "t4",
    "t3",
    "psa",
    "inr",
    "egfr",
    "gfr",
    "creatinine",
    "bun",
    "potassium",
    "sodium",
    "calcium",
    "ferritin",
    "iron",
    "vitamin d",
    "b12",
    "wbc",
    "white count",
    "platelets?",
    "hgb",
    "hct",
    "alt",
    "ast",
    "bnp",
    "crp",
    "esr",
    "troponin",
    "d-dimer",
    "hcg",
    "cd4",
    "viral load",
    "cea",
    "uric acid",
    "bilirubin",
    "albumin",
    "mcv",
    "spo2",
    "o2 sat",
    "oxygen saturation",
    "oxygen",
    "bmi",
    "fev1",
    "ejection fraction",
    "ef",
    "t-score",
    "glucosa",
    "azucar",
    "colesterol",
    "hemoglobina",
    "trigliceridos",
    "plaquetas",
];

impl Values {
    pub(crate) fn new() -> Self {
        let analyte = any_of(ANALYTES);
        let link = r"(?:\W+(?:level|levels|count|is|was|are|of|at|came|back|result|reading|up|down|to|from|went|now|around|about|nivel|de|es|fue|esta|en|subio|bajo|a)\b){0,5}";
        let lab = |pattern: &str, rule| {
            shape(
                pattern,
                Category::LabResult,
                Level::Sensitive,
                rule,
                "It states a measured value.",
                BY_PORTAL,
            )
        };
        Self {
            shapes: vec![
                lab(
                    &format!(
                        r"\b{analyte}\b{link}[^a-z0-9.!?]{{0,4}}(?:under |over |above |below )?\d{{1,6}}(?:[.,]\d{{1,3}})?\b"
                    ),
                    "lab_result.value",
                ),
                lab(
                    r"\b(?:bp|blood pressure|presion(?: arterial)?)\b[^.!?0-9]{0,24}\d{2,3} ?(?:/|over|sobre|-) ?\d{2,3}\b",
                    "vitals.blood_pressure",
                ),
                lab(r"\b\d{2,3}/\d{2,3} ?mm ?hg\b", "vitals.blood_pressure"),
                lab(
                    r"\b\d{1,7}(?:[.,]\d{1,3})? ?(?:mg/dl|mmol/l|ng/ml|ng/dl|pg/ml|miu/l|miu/ml|meq/l|u/l|iu/l|g/dl|mmhg|bpm|copies/ml|cells/mm3|cells/ul|ml/min)\b",
                    "lab_result.value",
                ),
                lab(
                    r"\b(?:weight|weigh|weighed|temp|temperature|heart rate|pulse|saturation|height|peso|pesa|temperatura|pulso|respiratory rate)\b(?:\W+(?:is|was|of|at|now|came|out|reading|your|es|fue|de|era)\b){0,3}\W{1,3}\d{2,3}(?:\.\d)?\b",
                    "vitals.value",
                ),
                shape(
                    r"\b(?:phq|gad)-? ?\d{0,2}\b(?:\W+(?:score|is|was|of|came|back|at)\b){0,4}\W{1,3}\d{1,2}\b",
                    Category::MentalHealth,
                    Level::Sensitive,
                    "mental_health.score",
                    "It states a score.",
                    BY_PORTAL,
                ),
                lab(
                    r"\b(?:moca|mmse|apgar|gleason|birads|bi-rads|ascvd|audit-c|dast)\b(?:\W+(?:score|is|was|of|category|came|back)\b){0,4}\W{1,3}\d{1,2}\b",
                    "score.value",
                ),
                shape(
                    r"\b\d{1,5}(?:[.,]\d{1,3})? ?-?(?:mg|mcg|ml|cc|milligrams?|micrograms?|miligramos|mililitros|units|iu|puffs?|tablets?|pills?|capsules?|pastillas?|tabletas?|capsulas?|gotas)\b",
                    Category::Medication,
                    Level::Detail,
                    "medication.dose",
                    "It states a dose.",
                    "Leave the dose out; say “your medicine”.",
                ),
                shape(
                    r"\b(?:one|two|three|half a|take|una|dos|tome) (?:tablets?|pills?|capsules?|puffs?|drops|pastillas?|tabletas?|capsulas?|gotas)\b",
                    Category::Medication,
                    Level::Detail,
                    "medication.dose",
                    "It states a dose.",
                    "Leave the dose out; say “your medicine”.",
                ),
                shape(
                    r"(?:us)?\$ ?\d[\d,]{0,12}(?:\.\d{1,2})?|\b\d[\d,]{0,12}(?:\.\d{1,2})? ?(?:dollars|usd|bucks|dolares|pesos)\b",
                    Category::Billing,
                    Level::Detail,
                    "billing.amount",
                    "It states an amount of money.",
                    "Say only that the billing office asks for a call.",
                ),
                shape(
                    r"\b(?:\w+teen|\w+ty|hundred|thousand|cien|cientos|mil|veinte|treinta|cuarenta|cincuenta)(?:[ -]\w{1,10}){0,3} (?:dollars|bucks|dolares)\b",
                    Category::Billing,
                    Level::Detail,
                    "billing.amount",
                    "It states an amount of money.",
                    "Say only that the billing office asks for a call.",
                ),
                shape(
                    r"\b(?:cpt|hcpcs|procedure code)\b[ :#]{0,3}(?:code[ :#]{0,2})?([a-z]?\d{4,5})\b",
                    Category::Procedure,
                    Level::Sensitive,
                    "code.cpt",
                    "It is a procedure code.",
                    BY_PORTAL,
                ),
                shape(
                    r"\bloinc\b[ :#]{0,3}(?:code[ :#]{0,2})?(\d{3,5}-\d)\b",
                    Category::LabResult,
                    Level::Sensitive,
                    "code.loinc",
                    "It is a test code.",
                    BY_PORTAL,
                ),
                shape(
                    r"\b(?:snomed|ndc|rxnorm)\b[ :#]{0,3}(?:code[ :#]{0,2})?(\d[\d-]{4,17})\b",
                    Category::Diagnosis,
                    Level::Sensitive,
                    "code.other",
                    "It is a clinical code.",
                    BY_PORTAL,
                ),
                shape(
                    r"\b(?:icd(?:-?10)?(?:-cm)?|dx|diagnosis|diagnostico|code)\b(?: codes?| codigo)?[ :#(]{1,3}(?:is )?([a-tv-z]\d[0-9ab](?:\.?[0-9a-z]{1,4})?)\b",
                    Category::Diagnosis,
                    Level::Sensitive,
                    "code.icd10",
                    "It is a diagnosis code.",
                    BY_PORTAL,
                ),
            ],
            icd10: compile(r"\b([A-TV-Z][0-9][0-9AB])\.[0-9A-Z]{1,4}\b"),
        }
    }

    /// Adds a finding for each shape in the text; spans are bytes of the folded text.
    pub(crate) fn find(&self, folded: &Folded, out: &mut Vec<Finding>) {
        if !folded.has_digit && !folded.lower.contains(['$']) && !speaks_amounts(&folded.lower) {
            return;
        }
        for shape in &self.shapes {
            for span in values(&shape.pattern, folded.lower.as_bytes()) {
                out.push(shape.finding(span));
            }
        }
        if folded.has_digit {
            self.find_icd10(folded, out);
        }
    }

    fn find_icd10(&self, folded: &Folded, out: &mut Vec<Finding>) {
        for found in self.icd10.find_iter(folded.cased.as_bytes()) {
            let span = found.range();
            let code = folded.cased_slice(span.clone());
            let categories = [Some(Category::Diagnosis), chapter(code)];
            for category in categories.into_iter().flatten() {
                out.push(Finding {
                    span: span.clone(),
                    category,
                    level: Level::Sensitive,
                    rule: "code.icd10",
                    reason: "It is a diagnosis code.",
                    suggestion: BY_PORTAL,
                    ready: false,
                });
            }
        }
    }
}

/// The special category of an ICD-10-CM chapter or block, besides diagnosis.
fn chapter(code: &str) -> Option<Category> {
    let block: u32 = code.get(1..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    match (code.as_bytes().first()?, block) {
        (b'F', 10..=19) => Some(Category::Sud),
        (b'F', _) => Some(Category::MentalHealth),
        (b'B', 20) | (b'Z', 21) => Some(Category::Hiv),
        (b'O', _) | (b'Z', 30..=39) | (b'A', 50..=64) | (b'N', 70..=98) => {
            Some(Category::Reproductive)
        }
        _ => None,
    }
}

fn speaks_amounts(lower: &str) -> bool {
    [
        "dollars", "bucks", "dolares", "tablet", "pill", "capsul", "puff", "drops", "tableta",
        "pastilla", "gotas",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

fn shape(
    pattern: &str,
    category: Category,
    level: Level,
    rule: &'static str,
    reason: &'static str,
    suggestion: &'static str,
) -> Shape {
    Shape { pattern: compile(pattern), category, level, rule, reason, suggestion }
}

impl Shape {
    fn finding(&self, span: std::ops::Range<usize>) -> Finding {
        Finding {
            span,
            category: self.category,
            level: self.level,
            rule: self.rule,
            reason: self.reason,
            suggestion: self.suggestion,
            ready: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_found() {
        let shapes = Values::new();
        for (text, rule) in [
            ("Your A1c is 7.2", "lab_result.value"),
            ("su azúcar está en 250", "lab_result.value"),
            ("BP was 150/95", "vitals.blood_pressure"),
            ("your weight was 210", "vitals.value"),
            ("PHQ-9 score of 14", "mental_health.score"),
            ("potassium 5.9", "lab_result.value"),
            ("take 20 mg at night", "medication.dose"),
            ("two tablets at night", "medication.dose"),
            ("you owe $45.50", "billing.amount"),
            ("forty five dollars", "billing.amount"),
            ("CPT 99213", "code.cpt"),
            ("code E11.9 on file", "code.icd10"),
            ("dx: f32", "code.icd10"),
            ("LOINC 4548-4", "code.loinc"),
        ] {
            let mut found = Vec::new();
            shapes.find(&Folded::new(text), &mut found);
            assert!(found.iter().any(|f| f.rule == rule), "{text}: {found:?}");
        }
    }

    #[test]
    fn ordinary_numbers_are_not_values() {
        let shapes = Values::new();
        for text in
            ["at 3:30 pm on 5/12", "suite 210, floor 2", "call 555-0100", "room B12.5", "level 2"]
        {
            let mut found = Vec::new();
            shapes.find(&Folded::new(text), &mut found);
            found.retain(|f| f.rule != "code.icd10");
            assert!(found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_code_tells_its_chapter() {
        assert_eq!(chapter("F11.20"), Some(Category::Sud));
        assert_eq!(chapter("F32.1"), Some(Category::MentalHealth));
        assert_eq!(chapter("E11.9"), None);
    }
}
