//! `sotto sealed`: the recovery key of the sealed mode, and what it opens.
//!
//! The private half is written to a file once and is in no setting. `export` writes a conversation as it
//! lies here, sealed; `open` needs no database, so that the key can stay where it is kept offline.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::open::{Which, open_which};
use crate::audit::Actor;
use crate::db::Word as _;
use crate::ids::SealedThreadId;
use crate::sealed::envelope::Envelope;
use crate::sealed::recovery::RecoveryKey;
use crate::sealed::threads;

/// Make the practice's recovery key, and open with it what browsers sealed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Make a recovery key: the private half goes to a new file, mode 600; the line for the settings
    /// is printed.
    #[command(after_help = "Example:\n  sotto sealed new-key /media/safe/sealed.key\n\n\
        Keep the file offline, twice. Who has it can open every sealed message; without it, what a \
        lost device could read is lost.")]
    NewKey {
        /// Where to write the private half; an existing file is not overwritten.
        file: PathBuf,
    },
    /// Write a sealed conversation to a file, as it lies here. That is recorded.
    #[command(after_help = "Example:\n  \
        sotto sealed export 01890000-0000-7000-8000-000000000001 --config sotto.toml -o sealed.jsonl")]
    Export {
        /// The conversation's id, the last part of its address.
        thread: SealedThreadId,
        #[command(flatten)]
        which: Which,
        /// Where to write it; an existing file is not overwritten.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Open what was exported, on any machine: no settings and no database are needed. Prints health
    /// information.
    #[command(after_help = "Example:\n  \
        sotto sealed open --recovery-key /media/safe/sealed.key sealed.jsonl")]
    Open {
        /// The file that `new-key` wrote.
        #[arg(long, value_name = "FILE")]
        recovery_key: PathBuf,
        /// The file that `export` wrote.
        file: PathBuf,
    },
}

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// When it came here.
    came: Timestamp,
    /// Whose session it came from, as this program knew then: the envelope names a key alone.
    sender: String,
    /// As the browser wrote it.
    envelope: Envelope,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::NewKey { file } => {
            let key = RecoveryKey::generate()?;
            key.write_new(file)?;
            println!("[sealed]\nrecovery_key = \"{}\"", key.public().to_text());
            eprintln!("sotto: {} holds the private half: keep it offline, twice", file.display());
            Ok(ExitCode::SUCCESS)
        }
        Deed::Export { thread, which, output } => export(*thread, which, output),
        Deed::Open { recovery_key, file } => {
            let key = RecoveryKey::from_file(recovery_key)?;
            let text = fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let mut closed = 0_usize;
            for (at, line) in text.lines().enumerate() {
                let line: Line = serde_json::from_str(line)
                    .map_err(|_| anyhow::anyhow!("line {} is no exported message", at + 1))?;
                match key.open(&line.envelope) {
                    Ok(words) => println!("{} {}\n{}\n", line.came, line.sender, *words),
                    Err(error) => {
                        closed += 1;
                        println!("{} {}\n[not opened: {error}]\n", line.came, line.sender);
                    }
                }
            }
            if closed > 0 {
                bail!("{closed} of {} messages were not opened", text.lines().count());
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn export(thread: SealedThreadId, which: &Which, output: &PathBuf) -> Result<ExitCode> {
    let opened = open_which(which)?;
    let office = opened.office.clone();
    let all = opened
        .db
        .write_blocking(move |tx| threads::hand_out(tx, &office, thread, &Actor::operator()))?;
    let mut text = String::new();
    let mut gone = 0_usize;
    for one in all {
        let Some(envelope) = one.envelope else {
            gone += 1;
            continue;
        };
        let line = Line {
            came: one.at,
            sender: one.sender.word().to_owned(),
            envelope: Envelope::read(envelope.as_bytes())?,
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(output)
        .with_context(|| format!("cannot write {}", output.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    println!("{} holds {} sealed messages", output.display(), text.lines().count());
    if gone > 0 {
        println!("{gone} are gone: their keys were destroyed");
    }
    Ok(ExitCode::SUCCESS)
}
