//! `sotto caregiver`: family and others who act for a patient, and what each may hear.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use gate::facts::Scope;

use super::told::{self, OfPatient, Period, ToldArgs, word};
use crate::audit::Actor;
use crate::db::caregiver::Permission;
use crate::ids::CaregiverId;
use crate::people::caregivers::{self, Allowance, NewCaregiver};
use crate::people::person::Person;

/// Write down who acts for a patient and what they may hear (45 CFR 164.510(b), 164.502(g)).
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Write a person down. They may hear nothing yet; their number goes in with `sotto contact
    /// add --caregiver`.
    #[command(after_help = "Example:\n  sotto caregiver add --config sotto.toml --patient ID \
        --given Eva --family Example --relation sister --method spoken --witness \"front desk\"")]
    Add {
        #[command(flatten)]
        of: OfPatient,
        /// Given names.
        #[arg(long, default_value = "")]
        given: String,
        /// Family name.
        #[arg(long, default_value = "")]
        family: String,
        /// A word such as mother.
        #[arg(long)]
        relation: String,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Record what the patient lets them know, or that the law makes them the representative.
    #[command(after_help = "Example:\n  sotto caregiver permit --config sotto.toml --patient ID \
        --caregiver ID --scope appointments --method spoken --witness \"front desk\"")]
    Permit {
        #[command(flatten)]
        of: OfPatient,
        /// The caregiver's id, as `sotto caregiver show` tells it.
        #[arg(long)]
        caregiver: CaregiverId,
        /// call_back, appointments, billing, clinical; once for each.
        #[arg(long = "scope", value_parser = word::<Scope>)]
        scope: Vec<Scope>,
        /// Has legal authority: needs evidence. A parent's ends when the patient turns 18.
        #[arg(long)]
        representative: bool,
        #[command(flatten)]
        period: Period,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Record that they may hear nothing any more.
    #[command(after_help = "Example:\n  sotto caregiver withdraw --config sotto.toml \
        --patient ID --caregiver ID --method spoken --witness \"front desk\"")]
    Withdraw {
        #[command(flatten)]
        of: OfPatient,
        /// The caregiver's id, as `sotto caregiver show` tells it.
        #[arg(long)]
        caregiver: CaregiverId,
        #[command(flatten)]
        told: ToldArgs,
    },
    /// Show a patient's caregivers.
    #[command(after_help = "Example:\n  sotto caregiver show --config sotto.toml --patient ID")]
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
        Deed::Add { of, given, family, relation, told } => {
            let person =
                Person { given: given.clone(), family: family.clone(), ..Person::default() };
            let new = NewCaregiver { patient: of.patient, person, relation: relation.clone() };
            let id = told::record(&of.which, told, move |tx, office, told| {
                caregivers::add(tx, office, &Actor::operator(), &new, told)
            })?;
            println!("{id}");
        }
        Deed::Permit { of, caregiver, scope, representative, period, told } => {
            let written = |told: &crate::people::told::Told| told.evidence.is_some();
            let (scope, representative, period) = (scope.clone(), *representative, period.clone());
            let whom = (of.patient, *caregiver);
            let done = told::record(&of.which, told, move |tx, office, told| {
                let allowance = Allowance {
                    scope,
                    permission: if written(told) {
                        Permission::Written
                    } else {
                        Permission::Spoken
                    },
                    representative,
                    evidence: told.evidence.clone(),
                    valid_from: period.from,
                    valid_until: period.until,
                };
                caregivers::permit(tx, office, &Actor::operator(), whom, (&allowance, told))
            })?;
            told::say(done);
            eprintln!("permission of caregiver {caregiver} is recorded");
        }
        Deed::Withdraw { of, caregiver, told } => {
            let whom = (of.patient, *caregiver);
            let done = told::record(&of.which, told, move |tx, office, told| {
                let nothing = Allowance {
                    scope: Vec::new(),
                    permission: Permission::None,
                    representative: false,
                    evidence: told.evidence.clone(),
                    valid_from: None,
                    valid_until: None,
                };
                caregivers::permit(tx, office, &Actor::operator(), whom, (&nothing, told))
            })?;
            told::say(done);
            eprintln!("caregiver {caregiver} may hear nothing any more");
        }
        Deed::Show { of, json } => {
            told::print(&told::card(of, "caregivers")?.caregivers, *json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
