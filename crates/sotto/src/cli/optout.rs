//! `sotto optout`: a stop said by phone, by mail or at the desk.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use gate::{Address, Channel, Kind};

use super::told::{self, OfPatient, ToldArgs, address, channel, kind};
use crate::audit::Actor;
use crate::people::suppressions::{self, Scope};

/// Record a stop that did not come as a reply, and lift one at the patient's fresh wish
/// (47 CFR 64.1200(a)(10)).
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Record a stop. It holds at once, also for what waits.
    #[command(after_help = "Example:\n  sotto optout record --config sotto.toml --patient ID \
        --address 617-555-0123 --method spoken --witness \"front desk\"")]
    Record(Stop),
    /// Lift a stop, at the patient's fresh wish only.
    #[command(after_help = "Example:\n  sotto optout lift --config sotto.toml --patient ID \
        --address 617-555-0123 --method paper --evidence \"form 18\"")]
    Lift(Stop),
    /// Show the opt-outs in force at a patient's numbers and mailboxes.
    #[command(after_help = "Example:\n  sotto optout show --config sotto.toml --patient ID")]
    Show {
        #[command(flatten)]
        of: OfPatient,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Stop {
    #[command(flatten)]
    of: OfPatient,
    /// The number or mailbox, which is on file.
    #[arg(long, value_parser = address)]
    address: Address,
    /// By which channel; every automated one unless told.
    #[arg(long, value_parser = channel)]
    channel: Option<Channel>,
    /// Which kind of message, such as survey; all unless told.
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    #[command(flatten)]
    told: ToldArgs,
}

impl Stop {
    fn scope(&self) -> Scope {
        Scope {
            patient: self.of.patient,
            address: self.address.clone(),
            channel: self.channel,
            kind: self.kind,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Record(stop) => {
            let scope = stop.scope();
            let (id, done) = told::record(&stop.of.which, &stop.told, move |tx, office, told| {
                suppressions::opt_out(tx, office, &Actor::operator(), &scope, told)
            })?;
            told::say(done);
            println!("{id}");
        }
        Deed::Lift(stop) => {
            let scope = stop.scope();
            let id = told::record(&stop.of.which, &stop.told, move |tx, office, told| {
                suppressions::opt_in(tx, office, &Actor::operator(), &scope, told)
            })?;
            println!("{id}");
        }
        Deed::Show { of, json } => {
            told::print(&told::card(of, "opt_outs")?.opt_outs, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
