//! `sotto contact`: numbers and mailboxes that staff write down or take out of use.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use gate::facts::Line;
use gate::{Address, ContactPointId};

use super::told::{self, OfPatient, Period, ToldArgs, address, word};
use crate::audit::Actor;
use crate::db::contact_point::AddressUse;
use crate::ids::CaregiverId;
use crate::people::contacts::{self, NewContact, VERIFIED};

/// Write down numbers and mailboxes, and take them out of use. An import never changes these.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Write a number or mailbox down.
    #[command(after_help = "Example:\n  sotto contact add --config sotto.toml --patient ID \
        --address 617-555-0123 --line mobile --verified in_person --method spoken \
        --witness \"front desk\"")]
    Add(Box<Add>),
    /// Take one out of use; what waits for it is withdrawn.
    #[command(after_help = "Example:\n  sotto contact end --config sotto.toml --patient ID \
        --contact ID --method spoken --witness \"front desk\"")]
    End {
        #[command(flatten)]
        of: OfPatient,
        /// The contact's id, as `sotto contact show` tells it.
        #[arg(long)]
        contact: ContactPointId,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Show a patient's contacts, the addresses only as far as one knows them again.
    #[command(after_help = "Example:\n  sotto contact show --config sotto.toml --patient ID")]
    Show {
        #[command(flatten)]
        of: OfPatient,
        /// One line of JSON for each.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    of: OfPatient,
    /// The number or mailbox.
    #[arg(long, value_parser = address)]
    address: Address,
    /// mobile, landline, voip, unknown.
    #[arg(long, value_parser = word::<Line>)]
    line: Option<Line>,
    /// home, work, mobile, temp, old.
    #[arg(long = "use", value_parser = word::<AddressUse>)]
    place: Option<AddressUse>,
    /// Others read or hear what comes there.
    #[arg(long)]
    shared: bool,
    /// 1 is tried first.
    #[arg(long, default_value_t = 1)]
    rank: u32,
    /// The id of the caregiver whose it is, when not the patient's own.
    #[arg(long)]
    caregiver: Option<CaregiverId>,
    /// How it was verified: code, portal, in_person; not verified unless told.
    #[arg(long, value_parser = VERIFIED)]
    verified: Option<String>,
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    told: ToldArgs,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Add(add) => {
            let own = NewContact::own(add.of.patient, add.address.clone());
            let new = NewContact {
                caregiver: add.caregiver,
                line: add.line.unwrap_or(own.line),
                place: add.place,
                shared: add.shared,
                rank: add.rank,
                verified_how: add
                    .verified
                    .as_deref()
                    .and_then(|word| VERIFIED.into_iter().find(|known| *known == word)),
                valid_from: add.period.from,
                valid_until: add.period.until,
                ..own
            };
            let id = told::record(&add.of.which, &add.told, move |tx, office, told| {
                contacts::add(tx, office, &Actor::operator(), &new, told)
            })?;
            println!("{id}");
        }
        Deed::End { of, contact, told } => {
            let whom = (of.patient, *contact);
            told::record(&of.which, told, move |tx, office, told| {
                contacts::end(tx, office, &Actor::operator(), whom, told)
            })?;
            eprintln!("contact {contact} is out of use");
        }
        Deed::Show { of, json } => {
            told::print(&told::card(of, "contacts")?.contacts, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
