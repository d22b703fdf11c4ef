//! docs/refusals.md tells of every code, and of no other.

use std::collections::BTreeSet;

use crate::refusal::{Code, Reason, Refusal};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/refusals.md"));

#[test]
fn every_code_stands_in_the_page_with_its_remedy_and_no_other_does() {
    let rows: Vec<Vec<&str>> = PAGE
        .lines()
        .filter(|line| line.starts_with("| `E_"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let codes: Vec<&str> = rows.iter().map(|row| row[1].trim_matches('`')).collect();
    let expected: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, expected, "in the gate's order");
    for (row, code) in rows.iter().zip(Code::ALL) {
        assert!(!row[2].is_empty(), "{code:?} lacks its reason");
        assert_eq!(row[3], code.remedy(), "{code:?}");
        assert!(!row[4].is_empty(), "{code:?} lacks its rule");
    }
}

#[test]
fn codes_are_words_apart_and_lead_back() {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::from_word(code.as_str()), Some(*code));
        assert!(code.as_str().starts_with("E_"));
        assert!(code.remedy().ends_with('.') && !code.remedy().contains('!'), "{code:?}");
    }
    assert_eq!(Code::from_word("E_NOTHING"), None);
}

#[test]
fn a_refusal_is_never_empty() {
    assert_eq!(Refusal::from_reasons(Vec::new()), None);
    let reasons = vec![Reason::new(Code::Hold, "a"), Reason::new(Code::Baa, "b")];
    let refusal = Refusal::from_reasons(reasons.clone()).unwrap();
    assert_eq!(refusal.first(), &reasons[0]);
    assert!(refusal.reasons().eq(&reasons));
    let one = Refusal::one(reasons[0].clone());
    assert!(one.reasons().eq(&reasons[..1]));
    assert_eq!(reasons[0].remedy, Code::Hold.remedy());
}
