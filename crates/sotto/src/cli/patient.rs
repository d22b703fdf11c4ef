//! `sotto patient`: find a patient, and see what stands written about reaching them.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::open::{self, Which};
use super::told::{self, OfPatient};
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::patient;
use crate::people::card;
use crate::people::told::RecordError;

/// Find a patient, and see what stands written about reaching them. Each look is recorded.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Find a patient's id by an identifier that another system knows; never by name.
    #[command(after_help = "Example:\n  sotto patient find --config sotto.toml \
        --system https://ehr.example.com/mrn --value 10023")]
    Find {
        #[command(flatten)]
        which: Which,
        /// Who gave the identifier: the URI it was imported with.
        #[arg(long)]
        system: String,
        /// The identifier.
        #[arg(long)]
        value: String,
    },
    /// Show a patient's card: contacts, caregivers, wishes, confidential addresses, restrictions,
    /// opt-outs.
    #[command(
        after_help = "Example:\n  sotto patient show --config sotto.toml --patient ID --json"
    )]
    Show {
        #[command(flatten)]
        of: OfPatient,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show who wrote what down, when, and on what evidence. `sotto consent show` has the consents.
    #[command(after_help = "Example:\n  sotto patient history --config sotto.toml --patient ID")]
    History {
        #[command(flatten)]
        of: OfPatient,
        /// One line of JSON for each event.
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
        Deed::Find { which, system, value } => {
            let opened = open::open_which(which)?;
            let (office, system) = (opened.office, system.clone());
            let domain = format!("identifier {system}");
            let index = office.keys().blind_index(&domain, value.trim().as_bytes());
            let found = opened.db.write_blocking(move |tx| {
                let found = patient::by_identifier(tx, office.practice(), &system, &index)?;
                let event = Event::new(Kind::PatientsSearched, Actor::operator()).patient(found);
                audit::append(tx, &office, event)?;
                Ok::<_, AuditError>(found)
            })?;
            let Some(id) = found else { bail!("nobody on file has this identifier") };
            println!("{id}");
        }
        Deed::Show { of, json } => {
            let card = told::card(of, "card")?;
            if *json {
                println!("{}", serde_json::to_string(&card)?);
                return Ok(ExitCode::SUCCESS);
            }
            println!("{}  {}", card.id, card.name);
            for (title, lines) in [
                ("contacts", serde_json::to_value(&card.contacts)?),
                ("caregivers", serde_json::to_value(&card.caregivers)?),
                ("wishes", serde_json::to_value([&card.preferences])?),
                ("confidential addresses", serde_json::to_value(&card.alternatives)?),
                ("restrictions", serde_json::to_value(&card.restrictions)?),
                ("opt-outs", serde_json::to_value(&card.opt_outs)?),
            ] {
                println!("\n{title}:");
                told::print(lines.as_array().map_or(&[], Vec::as_slice), false)?;
            }
        }
        Deed::History { of, json } => {
            let opened = open::open_which(&of.which)?;
            let (office, id) = (opened.office, of.patient);
            let lines = opened.db.write_blocking(move |tx| {
                told::viewed(tx, &office, id, "history")?;
                Ok::<_, RecordError>(card::history(tx, &office, id)?)
            })?;
            told::print(&lines, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
