//! `sotto prove`: the whole record of one message, for somebody who need not trust us.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use gate::MessageId;

use super::records;
use crate::audit::packet::{announce, make};
use crate::audit::{Actor, sequence};

/// Write the packet of one message: exact text, consent, decision, attempts, receipts, and the
/// proofs that the audit log holds them. The packet holds health information, and making one is
/// itself recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto prove 0198c0de-7000-7000-8000-000000000001 \
    --config sotto.toml -o packet.txt\n  sotto audit check packet.txt")]
pub struct Args {
    /// The message's id.
    message: String,
    #[command(flatten)]
    which: records::Which,
    /// Where to write it; an existing file is not overwritten.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let id = uuid::Uuid::try_parse(&args.message)
        .context("MESSAGE must be a message's id, as `POST /api/v1/messages` answered it")?;
    let message = MessageId(id);
    let records = records::open(&args.which)?;
    let desk = records.desk.clone();
    records.db.write_blocking(move |tx| announce(tx, &desk, message, Actor::operator()))?;
    loop {
        let desk = records.desk.clone();
        if records.db.write_blocking(move |tx| sequence(tx, &desk))?.is_none() {
            break;
        }
    }
    let desk = records.desk.clone();
    let packet = records.db.read_blocking(move |tx| make(tx, &desk, message))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.output)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    file.write_all(packet.as_bytes())?;
    file.sync_all()?;
    println!("{} proves message {message}. It holds health information.", args.output.display());
    Ok(ExitCode::SUCCESS)
}
