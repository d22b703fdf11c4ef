//! `sotto access`: who can see and do what.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::open::{self, Which};
use crate::access::report;
use crate::access::{AccessError, staff};
use crate::audit::{self, Actor, Event, Kind};

/// Tell who can see and do what.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Every role and what it may, every person and their roles; from the policies themselves.
    #[command(after_help = "Example:\n  sotto access report --config sotto.toml > access.md\n  \
        sotto access report --config sotto.toml --json")]
    Report {
        #[command(flatten)]
        which: Which,
        /// Answer with one line of JSON, with the policies that decide.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let Deed::Report { which, json } = &args.deed;
    crate::access::policies::check()?;
    let opened = open::open_which(which)?;
    let office = opened.office;
    let all = opened.db.write_blocking(move |tx| {
        let all = staff::list(tx, &office)?;
        let event = Event::new(Kind::AccessReported, Actor::operator());
        audit::append(tx, &office, event)?;
        Ok::<_, AccessError>(all)
    })?;
    let report = report::report(&all);
    if *json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", report.to_markdown());
    }
    Ok(ExitCode::SUCCESS)
}
