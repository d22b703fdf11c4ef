//! `sotto intent`: what a patient's text wants.

use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::jsonl;
use crate::inbound::intent::{Confidence, classify};

/// Says what a patient's text wants: confirm, decline_or_cancel, reschedule, opt_out, opt_in, help,
/// question_clinical, question_admin, emergency, wrong_number, thanks or other.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto intent \"running late, is 3 ok\"\n  \
    printf '{\"id\":1,\"text\":\"STOP\"}\\n' | sotto intent --jsonl")]
pub struct Args {
    /// Read {"id","text"} lines from standard input, write {"id","intent"} lines.
    #[arg(long, conflicts_with = "text")]
    pub jsonl: bool,
    /// The text.
    #[arg(required_unless_present = "jsonl")]
    pub text: Vec<String>,
}

/// Runs the verb. Exits with 2 when a line could not be read.
///
/// # Errors
/// Standard input or output failed.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if !args.jsonl {
        let reading = classify(&args.text.join(" "));
        let words: Vec<_> = reading.intents.iter().map(|i| json!(i)).collect();
        let names: Vec<&str> = words.iter().filter_map(|w| w.as_str()).collect();
        let sure = match reading.confidence {
            Confidence::Exact => "a reserved word",
            Confidence::Likely => "a known wording",
            Confidence::Guess => "a guess",
        };
        println!("{} ({sure})", names.join(", "));
        return Ok(ExitCode::SUCCESS);
    }
    if io::stdin().is_terminal() {
        eprintln!("sotto intent: reading JSON lines from the terminal; end with Ctrl-D");
    }
    let bad = jsonl::each_line(
        io::stdin().lock(),
        BufWriter::new(io::stdout().lock()),
        io::stderr().lock(),
        |object| {
            let id = jsonl::id(object)?;
            let intent = classify(jsonl::text(object, "text")?).primary();
            Ok(json!({ "id": id, "intent": intent }))
        },
    )
    .context("reading standard input or writing standard output")?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
