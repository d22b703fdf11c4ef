//! Reads texts, one a line, and prints the identifiers in each as JSON.
//!
//! `cargo run --release -p guard --example inventory < texts.txt`

use std::io::{BufRead as _, Write as _};

use guard::{Context, Guard};

fn main() -> std::io::Result<()> {
    let guard = Guard::standard();
    let context = Context::default();
    let mut out = std::io::stdout().lock();
    for text in std::io::stdin().lock().lines() {
        let line: Vec<_> = guard
            .check(&text?, &context)
            .identifiers
            .iter()
            .map(|i| serde_json::json!({"start": i.span.start, "end": i.span.end, "type": i.kind}))
            .collect();
        writeln!(out, "{}", serde_json::Value::Array(line))?;
    }
    Ok(())
}
