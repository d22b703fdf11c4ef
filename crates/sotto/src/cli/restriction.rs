//! `sotto restriction`: what a patient asked us not to do, and what became of it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use uuid::Uuid;

use super::told::{self, OfPatient, Period, ToldArgs, word};
use crate::audit::Actor;
use crate::db::restriction::RestrictedThing;
use crate::people::restrictions::{self, NewRestriction};

/// Record restrictions, holds and safety flags, with what became of them (45 CFR 164.522(a)).
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Record one. An accepted one holds at once, also for what waits.
    #[command(
        after_help = "Example:\n  sotto restriction record --config sotto.toml --patient ID \
        --what channel --value voicemail --method paper --evidence \"binder 4\""
    )]
    Record {
        #[command(flatten)]
        of: OfPatient,
        /// channel, contact_point, kind, hold (nothing automated), safety (no text, no voicemail),
        /// minor_confidential (the young person's own), watched (who opens the record is asked why),
        /// part2 (42 CFR Part 2: closed to most).
        #[arg(long, value_parser = word::<RestrictedThing>)]
        what: RestrictedThing,
        /// Which channel, contact or kind.
        #[arg(long)]
        value: Option<String>,
        /// The practice did not agree: it is kept, and binds nobody.
        #[arg(long)]
        declined: bool,
        #[command(flatten)]
        period: Period,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// End an accepted one.
    #[command(after_help = "Example:\n  sotto restriction terminate --config sotto.toml \
        --patient ID --restriction ID --method spoken --witness \"front desk\"")]
    Terminate {
        #[command(flatten)]
        of: OfPatient,
        /// Its id, as `sotto restriction show` tells it.
        #[arg(long)]
        restriction: Uuid,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Show a patient's restrictions, also those that are over or were declined.
    #[command(after_help = "Example:\n  sotto restriction show --config sotto.toml --patient ID")]
    Show {
        #[command(flatten)]
        of: OfPatient,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Record { of, what, value, declined, period, told } => {
            let new = NewRestriction {
                patient: of.patient,
                what: *what,
                value: value.clone(),
                accepted: !declined,
                valid_from: period.from,
                valid_until: period.until,
            };
            let (id, done) = told::record(&of.which, told, move |tx, office, told| {
                restrictions::record(tx, office, &Actor::operator(), &new, told)
            })?;
            told::say(done);
            println!("{id}");
        }
        Deed::Terminate { of, restriction, told } => {
            let whom = (of.patient, *restriction);
            told::record(&of.which, told, move |tx, office, told| {
                restrictions::terminate(tx, office, &Actor::operator(), whom, told)
            })?;
            eprintln!("restriction {restriction} has ended");
        }
        Deed::Show { of, json } => {
            told::print(&told::card(of, "restrictions")?.restrictions, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
