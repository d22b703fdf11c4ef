//! `sotto drill`: what is needed on the worst day, done on an ordinary one.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::open::Which;
use super::{backup, records};
use crate::backup::drill::{Stage, Targets, hold};
use crate::backup::folder::{self, Holds};
use crate::config::Config;
use crate::db::DatabaseUrl;

/// Practise what is needed on the worst day.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Restore the newest backup into a place of its own, check and time it, and report.
    #[command(
        after_help = "Example:\n  sotto drill restore --config sotto.toml --rto 4h --rpo 24h\n\n\
        Ends with 1 when a target is missed or the backup cannot be restored. Nothing is changed."
    )]
    Restore(RestoreArgs),
}

#[derive(Debug, clap::Args)]
struct RestoreArgs {
    /// The settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG", default_value = "sotto.toml")]
    config: PathBuf,
    /// A backup, or the folder with the newest, if not backup.folder of the settings.
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// The longest a restore may take: 4h.
    #[arg(long, value_name = "SPAN")]
    rto: Option<SignedDuration>,
    /// The most that may be lost: 24h.
    #[arg(long, value_name = "SPAN")]
    rpo: Option<SignedDuration>,
    /// Where the report goes, if not beside the backup.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Answer with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let Deed::Restore(args) = &args.deed;
    let config = Config::load(&args.config)?;
    let from = backup::folder_of(&config, args.from.as_deref())?;
    let file = if from.is_dir() {
        let newest = folder::list(&from, Holds::Data)?.pop();
        newest.with_context(|| format!("there is no backup in {}", from.display()))?
    } else {
        from
    };
    let key = backup::backup_key(&config)?;
    let url: DatabaseUrl =
        config.database.url.parse().map_err(|e| config.wrong("database.url", e))?;
    let records = records::open(&Which { config: Some(args.config.clone()), demo: None })?;
    let seconds = |span: Option<SignedDuration>| span.map(|span| span.as_secs().unsigned_abs());
    let stage = Stage {
        db: &records.db,
        url: &url,
        scratch: &backup::scratch(&config, &url),
        key: &key,
        file: &file,
        targets: Targets { rto_seconds: seconds(args.rto), rpo_seconds: seconds(args.rpo) },
    };
    let drilled = hold(&stage, &records.desk)?;
    let report = args.report.clone().unwrap_or_else(|| {
        let stamp = drilled.at.to_zoned(TimeZone::UTC).strftime("drill-%Y%m%dT%H%M%SZ.md");
        file.with_file_name(stamp.to_string())
    });
    std::fs::write(&report, drilled.report())
        .with_context(|| format!("cannot write the report {}", report.display()))?;
    if args.json {
        println!("{}", serde_json::to_string(&drilled)?);
    } else {
        print!("{}", drilled.report());
        println!("\nThis report is in {}.", report.display());
    }
    Ok(if drilled.met { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
