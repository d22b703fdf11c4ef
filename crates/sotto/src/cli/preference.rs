//! `sotto preference`: what a patient likes best. A wish never stands in for a consent.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use gate::{Channel, Kind};
use jiff::civil::Time;

use super::told::{self, OfPatient, ToldArgs, channel, kind};
use crate::audit::Actor;
use crate::people::preferences::{self, Preferences};

/// Write down what a patient likes best: channel, hours, kinds not wanted.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Set all wishes; what is left out is no wish any more.
    #[command(after_help = "Example:\n  sotto preference set --config sotto.toml --patient ID \
        --channel email --from 09:00 --until 18:00 --without survey --method spoken \
        --witness \"front desk\"")]
    Set {
        #[command(flatten)]
        of: OfPatient,
        /// The channel liked best: sms, email, portal.
        #[arg(long, value_parser = channel)]
        channel: Option<Channel>,
        /// Not before this time of the patient's day.
        #[arg(long, value_name = "HH:MM", value_parser = minute, requires = "until")]
        from: Option<u16>,
        /// Not from this time on; a window may pass midnight.
        #[arg(long, value_name = "HH:MM", value_parser = minute, requires = "from")]
        until: Option<u16>,
        /// A kind of message not wanted, such as survey; once for each.
        #[arg(long = "without", value_name = "KIND", value_parser = kind)]
        kinds_off: Vec<Kind>,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Show a patient's wishes.
    #[command(after_help = "Example:\n  sotto preference show --config sotto.toml --patient ID")]
    Show {
        #[command(flatten)]
        of: OfPatient,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
}

fn minute(text: &str) -> Result<u16, String> {
    Time::strptime("%H:%M", text)
        .ok()
        .and_then(|time| u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok())
        .ok_or_else(|| "give a time such as 09:00".to_owned())
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Set { of, channel, from, until, kinds_off, told } => {
            let wishes = Preferences {
                channel: *channel,
                hours: from.zip(*until),
                kinds_off: kinds_off.clone(),
            };
            let patient = of.patient;
            told::record(&of.which, told, move |tx, office, told| {
                preferences::record(tx, office, &Actor::operator(), (patient, &wishes), told)
            })?;
            eprintln!("the wishes are written down");
        }
        Deed::Show { of, json } => {
            told::print(&[told::card(of, "preferences")?.preferences], *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
