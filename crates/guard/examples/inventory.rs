//! Reads texts, one a line, and prints the identifiers in each as JSON.
//!
//! `cargo run --release -p guard --example inventory < texts.txt`; with `--time` it prints how many
//! texts a second the whole guard reads instead.

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use guard::{Context, Guard};

fn main() -> std::io::Result<()> {
    let guard = Guard::standard();
    let context = Context::default();
    let texts: Vec<String> = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
    let mut out = std::io::stdout().lock();
    if std::env::args().any(|argument| argument == "--time") {
        let begun = Instant::now();
        let mut found = 0_usize;
        for text in texts.iter().cycle().take(20_000) {
            found = found.saturating_add(guard.check(text, &context).identifiers.len());
        }
        let rate = 20_000.0 / begun.elapsed().as_secs_f64();
        return writeln!(out, "{rate:.0} texts/s, {found} identifiers");
    }
    for text in &texts {
        let assessment = guard.check(text, &context);
        let line: Vec<_> = assessment
            .identifiers
            .iter()
            .map(|i| serde_json::json!({"start": i.span.start, "end": i.span.end, "type": i.kind}))
            .collect();
        writeln!(out, "{}", serde_json::Value::Array(line))?;
    }
    Ok(())
}
