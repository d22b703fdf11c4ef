//! What the network that reads patients' texts is shown of each, for corpus/learn/inbound.py.
//!
//! ```sh
//! cargo run --release -p sotto --example inbound_input < corpus/inbound-train.jsonl
//! ```
//!
//! One line in (an object with `text`), one line out: `words` (each word as read, and its marks in
//! hexadecimal digits), `facts` (in hexadecimal digits); with `--read` also how the text is read:
//! `intents`, `confidence`, and the `odds` of each intent in the order of the contract.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a tool for the makers, on files of this repository"
)]

#[path = "../src/inbound/emergency.rs"]
mod emergency;
#[path = "../src/inbound/emergency_phrases.rs"]
mod emergency_phrases;
#[path = "../src/inbound/grammar.rs"]
mod grammar;
#[path = "../src/inbound/intent.rs"]
mod intent;
#[path = "../src/inbound/intent_model.rs"]
mod intent_model;
#[path = "../src/inbound/intent_phrases.rs"]
mod intent_phrases;
#[path = "../src/inbound/revocation.rs"]
mod revocation;
#[path = "../src/inbound/revocation_phrases.rs"]
mod revocation_phrases;
#[path = "../src/inbound/short_forms.rs"]
mod short_forms;
#[path = "../src/inbound/spelling.rs"]
mod spelling;
#[path = "../src/inbound/word_classes.rs"]
mod word_classes;
#[path = "../src/inbound/words.rs"]
mod words;

use std::io::BufRead;

fn main() {
    let reading = std::env::args().any(|arg| arg == "--read");
    for line in std::io::stdin().lock().lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = line["text"].as_str().unwrap();
        let words = words::Words::new(text);
        let hits = grammar::find(&words);
        let input = intent_model::input(&words, &hits, text);
        let tokens = words.tokens().iter().zip(&input.words);
        let seen: Vec<_> = tokens
            .map(|(token, seen)| (token.word.as_str(), format!("{:x}", seen.marks)))
            .collect();
        let mut out = serde_json::json!({ "words": seen, "facts": format!("{:x}", input.facts) });
        if reading {
            let reading = intent::classify(text);
            out["intents"] = serde_json::json!(reading.intents);
            out["confidence"] = serde_json::json!(reading.confidence);
            out["odds"] = serde_json::json!(intent_model::odds(&words, &hits, text));
        }
        println!("{out}");
    }
}
