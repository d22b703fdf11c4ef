//! Any inbound text is read: at least one intent, in the order of TEL-19.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let reading = sotto::inbound::intent::classify(text);
    assert!(!reading.intents.is_empty());
    assert!(reading.intents.is_sorted());
});
