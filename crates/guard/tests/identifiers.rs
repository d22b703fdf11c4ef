//! The labelled clinical texts of `corpus/identifiers-train.jsonl`: how many identifiers are found,
//! and how many texts without any are left alone (docs/guard.md has the targets).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test: what is missing must stop it"
)]

use std::collections::BTreeMap;

use guard::{Context, check};
use serde_json::Value;

struct Labelled {
    text: String,
    spans: Vec<(usize, usize, String)>,
}

fn corpus() -> Vec<Labelled> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/identifiers-train.jsonl");
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let spans = value["identifiers"].as_array().unwrap().iter().map(|i| {
                (number(&i["start"]), number(&i["end"]), i["type"].as_str().unwrap().to_owned())
            });
            Labelled { text: value["text"].as_str().unwrap().to_owned(), spans: spans.collect() }
        })
        .collect()
}

#[test]
fn identifiers_are_found_and_texts_without_any_left_alone() {
    let (mut all, mut found, mut formed, mut formed_found) = (0_u32, 0_u32, 0_u32, 0_u32);
    let (mut harmless, mut left_alone) = (0_u32, 0_u32);
    let mut missed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for labelled in corpus() {
        let assessment = check(&labelled.text, &Context::default());
        for (start, end, kind) in &labelled.spans {
            let hit =
                assessment.identifiers.iter().any(|i| i.span.start < *end && *start < i.span.end);
            let has_form = matches!(kind.as_str(), "ssn" | "mrn" | "phone" | "email" | "plan");
            all += 1;
            found += u32::from(hit);
            formed += u32::from(has_form);
            formed_found += u32::from(has_form && hit);
            if !hit {
                missed.entry(kind.clone()).or_default().push(labelled.text.clone());
            }
        }
        if labelled.spans.is_empty() {
            harmless += 1;
            left_alone += u32::from(assessment.identifiers.is_empty());
            if !assessment.identifiers.is_empty() {
                missed.entry("none".to_owned()).or_default().push(labelled.text.clone());
            }
        }
    }
    assert!(all >= 300 && harmless >= 200, "the corpus was cut: {all} spans, {harmless} harmless");
    assert!(f64::from(found) >= 0.98 * f64::from(all), "{found} of {all}: {missed:#?}");
    assert!(
        f64::from(formed_found) >= 0.995 * f64::from(formed),
        "{formed_found} of {formed} with a form: {missed:#?}"
    );
    assert!(
        f64::from(left_alone) >= 0.97 * f64::from(harmless),
        "{left_alone} of {harmless} left alone: {missed:#?}"
    );
}
