//! `sotto policy`: the rules that a practice changes, by version and on record.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::Subcommand;
use gate::Policy;

use super::open::Which;
use super::records;
use crate::audit::{self, Actor, AuditError, Event, Kind, Log};
use crate::db::policy_version::{self, StoredPolicy};
use crate::db::registry::POLICY_VERSION;

/// Check, put in force and show the practice's policy file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Read a policy file and say whether it can be used. Changes nothing.
    #[command(after_help = "Example:\n  sotto policy check policy.toml")]
    Check {
        /// The file; docs/policy.example.toml explains each key.
        file: PathBuf,
    },
    /// Put a policy file in force. The file itself and who did it go on record; every clearance
    /// from then on names its version. A running server takes it at its next start.
    #[command(after_help = "Example:\n  sotto policy load --config sotto.toml policy.toml")]
    Load {
        #[command(flatten)]
        which: Which,
        /// The file.
        file: PathBuf,
    },
    /// Show the version in force.
    #[command(after_help = "Example:\n  sotto policy show --config sotto.toml")]
    Show {
        #[command(flatten)]
        which: Which,
    },
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: Args) -> Result<ExitCode> {
    match args.deed {
        Deed::Check { file } => {
            let (policy, _) = read(&file)?;
            println!("{} can be used", policy.version().as_str());
        }
        Deed::Load { which, file } => load(&which, &file)?,
        Deed::Show { which } => show(&which)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &std::path::Path) -> Result<(Policy, String)> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read as text", file.display()))?;
    let policy =
        Policy::from_toml(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    Ok((policy, text))
}

fn load(which: &Which, file: &std::path::Path) -> Result<()> {
    let (policy, document) = read(file)?;
    let records = records::open(which)?;
    let version = policy.version().as_str().to_owned();
    let stored = StoredPolicy { version: version.clone(), document };
    let desk = records.desk.clone();
    records.db.write_blocking(move |tx| {
        let log = Log::from(&desk);
        let actor = Actor::operator();
        let by = actor.to_string();
        policy_version::activate(tx, log.practice, &stored, &by, log.clock.now())?;
        let event = Event::new(Kind::PolicyActivated, actor).about(POLICY_VERSION, &stored.version);
        audit::append(tx, log, event)?;
        Ok::<_, AuditError>(())
    })?;
    println!("{version} is in force; a running server takes it at its next start");
    Ok(())
}

fn show(which: &Which) -> Result<()> {
    let records = records::open(which)?;
    let desk = records.desk.clone();
    let active = records
        .db
        .read_blocking(move |tx| policy_version::active(tx, Log::from(&desk).practice))?;
    match active {
        Some(stored) => println!("{}\n\n{}", stored.version, stored.document),
        None => println!("{} (no file loaded)", Policy::rulebook().version().as_str()),
    }
    Ok(())
}
