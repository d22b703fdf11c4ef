//! `sotto alternative`: confidential communications (45 CFR 164.522(b), PRIV-05).

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use gate::{Address, Channel};
use uuid::Uuid;

use super::told::{self, OfPatient, Period, ToldArgs, address, channel};
use crate::audit::Actor;
use crate::people::alternatives::{self, NewAlternative, Reach};

/// Record where a patient wants to be reached instead. It overrides the chart on every send, and no
/// import changes it. Do not ask why (45 CFR 164.522(b)).
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Record the wish. It holds at once: reminders that wait find the new way, other messages are
    /// withdrawn, each with a task.
    #[command(
        after_help = "Example:\n  sotto alternative record --config sotto.toml --patient ID \
        --channel sms --address 617-555-0177 --method paper --evidence \"binder 4\""
    )]
    Record {
        #[command(flatten)]
        of: OfPatient,
        /// The channel it governs, such as sms; all but the portal unless told.
        #[arg(long, value_parser = channel)]
        channel: Option<Channel>,
        /// The number or mailbox to use instead, added where it is new.
        #[arg(long, value_parser = address, required_unless_present = "nowhere")]
        address: Option<Address>,
        /// Not by that channel at all.
        #[arg(long, conflicts_with = "address")]
        nowhere: bool,
        #[command(flatten)]
        period: Period,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// End it: the chart's addresses hold again.
    #[command(after_help = "Example:\n  sotto alternative end --config sotto.toml --patient ID \
        --alternative ID --method spoken --witness \"front desk\"")]
    End {
        #[command(flatten)]
        of: OfPatient,
        /// Its id, as `sotto alternative show` tells it.
        #[arg(long)]
        alternative: Uuid,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Show a patient's confidential addresses, also those that are over.
    #[command(after_help = "Example:\n  sotto alternative show --config sotto.toml --patient ID")]
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
        Deed::Record { of, channel, address, nowhere: _, period, told } => {
            let new = NewAlternative {
                patient: of.patient,
                channel: *channel,
                reach: address.clone().map_or(Reach::Nowhere, Reach::At),
                valid_from: period.from,
                valid_until: period.until,
            };
            let (id, done) = told::record(&of.which, told, move |tx, office, told| {
                alternatives::record(tx, office, &Actor::operator(), &new, told)
            })?;
            told::say(done);
            println!("{id}");
        }
        Deed::End { of, alternative, told } => {
            let whom = (of.patient, *alternative);
            told::record(&of.which, told, move |tx, office, told| {
                alternatives::end(tx, office, &Actor::operator(), whom, told)
            })?;
            eprintln!("{alternative} has ended");
        }
        Deed::Show { of, json } => {
            told::print(&told::card(of, "alternatives")?.alternatives, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
