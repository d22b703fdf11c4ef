//! Prints what the second look sees of labelled texts, for corpus/learn/outbound.py to learn from.
//!
//! `cargo run --release -p guard --example second_look_input -- corpus/outbound-train-*.jsonl`

#![expect(clippy::print_stdout, reason = "a tool for the makers, on files of this repository")]

use std::path::Path;

use guard::Guard;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let file = Path::new(&path).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        for line in std::fs::read_to_string(&path)?.lines().filter(|l| !l.trim().is_empty()) {
            let text: Value = serde_json::from_str(line)?;
            let said = text.get("text").and_then(Value::as_str).unwrap_or("");
            let field = |name: &str| text.get(name).cloned().unwrap_or_default();
            println!(
                "{}",
                json!({
                    "file": file,
                    "id": field("id"),
                    "channel": field("channel"),
                    "verdict": field("verdict"),
                    "level": field("level"),
                    "categories": field("categories"),
                    "tags": field("tags"),
                    "windows": Guard::standard().second_look_input(said),
                })
            );
        }
    }
    Ok(())
}
