//! `sotto audit`: is everything as it was written?

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use indicatif::ProgressBar;
use ledger::VerifierKey;

use super::records;
use crate::audit::packet;
use crate::audit::verify::{Report, verify};

/// How many defects are written out; more are counted.
const SHOWN: usize = 100;

/// Check all records against the audit log, or a packet by itself.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Rebuild the tree, check every signature, and check every row of every table.
    #[command(after_help = "Example:\n  sotto audit verify --config sotto.toml \
        --earlier checkpoint-of-last-month.txt\n\nEnds with 1 when something is wrong, and names it.")]
    Verify {
        #[command(flatten)]
        which: super::open::Which,
        /// A checkpoint kept apart from the database: the log must still begin with it.
        #[arg(long, value_name = "FILE")]
        earlier: Option<PathBuf>,
        /// Answer with one line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the last signed checkpoint, to be kept apart from the database. It holds no PHI.
    #[command(
        after_help = "Example:\n  sotto audit checkpoint --config sotto.toml > checkpoint.txt"
    )]
    Checkpoint {
        #[command(flatten)]
        which: super::open::Which,
    },
    /// Check the packet of one message, with no database and no key but the public one.
    #[command(after_help = "Example:\n  sotto audit check packet.txt --key \
        sotto/0198…+1f2e3d4c+AbC…=\n\nEnds with 1 when it does not hold.")]
    Check {
        /// The packet, as `sotto prove` wrote it.
        file: PathBuf,
        /// The practice's verifier key, as it publishes it.
        #[arg(long)]
        key: Option<VerifierKey>,
        /// Show the story too.
        #[arg(long)]
        story: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal. What is wrong with the records is
/// no error but exit code 1.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Verify { which, earlier, json } => {
            let earlier = earlier
                .as_ref()
                .map(|file| {
                    std::fs::read_to_string(file)
                        .with_context(|| format!("cannot read {}", file.display()))
                })
                .transpose()?;
            let report = report(which, earlier)?;
            if *json {
                println!("{}", serde_json::to_string(&report)?);
            } else {
                show(&report);
            }
            Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Deed::Checkpoint { which } => {
            let records = records::open(which)?;
            let desk = records.desk.clone();
            let note = records.db.read_blocking(move |tx| {
                crate::audit::sequencer::last_note(tx, crate::audit::Log::from(&desk).practice)
            })?;
            let (note, _) = note.context("nothing was signed yet: start the server once")?;
            print!("{note}");
            Ok(ExitCode::SUCCESS)
        }
        Deed::Check { file, key, story } => check(file, key.as_ref(), *story),
    }
}

fn report(which: &super::open::Which, earlier: Option<String>) -> Result<Report> {
    let records = records::open(which)?;
    let bar = ProgressBar::new_spinner();
    bar.set_message("entries and rows checked");
    bar.enable_steady_tick(Duration::from_millis(200));
    let shown = bar.clone();
    let desk = records.desk.clone();
    let report = records.db.read_blocking(move |tx| {
        verify(tx, &desk, earlier.as_deref(), &mut |done| {
            shown.set_message(format!("{done} entries and rows checked"));
        })
    })?;
    bar.finish_and_clear();
    Ok(report)
}

fn show(report: &Report) {
    println!("log          {}", report.key);
    println!("entries      {} under {} signed checkpoints", report.size, report.checkpoints);
    println!("root         {}", report.root);
    println!("rows         {}", report.rows);
    if report.waiting > 0 {
        println!("waiting      {} entries for the next checkpoint", report.waiting);
    }
    for defect in report.defects.iter().take(SHOWN) {
        println!("WRONG        {defect}");
    }
    if report.defects.len() > SHOWN {
        println!("             and {} more; --json names all", report.defects.len() - SHOWN);
    }
    if report.is_sound() {
        println!("Everything is as it was written.");
    } else {
        println!("{} things are not as they were written.", report.defects.len());
    }
}

fn check(file: &PathBuf, key: Option<&VerifierKey>, story: bool) -> Result<ExitCode> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    match packet::check(&bytes, key) {
        Err(why) => {
            println!("DOES NOT HOLD: {why}");
            Ok(ExitCode::from(1))
        }
        Ok(checked) => {
            if story {
                println!("{}", checked.story);
            }
            println!("{} entries and {} rows are proved by", checked.entries, checked.rows);
            println!("log          {}", checked.log);
            println!("entries      {}", checked.size);
            println!("root         {}", checked.root);
            println!("key          {}", checked.key);
            if checked.pinned {
                println!("It holds.");
            } else {
                println!("It holds, if that is the practice's key: compare it, or give --key.");
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
