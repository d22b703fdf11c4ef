//! The command line: one file a verb.

use std::process::ExitCode;

pub mod demo;
pub mod ready;
pub mod serve;

pub mod import;
pub mod patient;

pub mod alternative;
pub mod caregiver;
pub mod consent;
pub mod contact;
pub mod optout;
pub mod preference;
pub mod restriction;

pub mod access;
pub mod policy;
pub mod practice;
pub mod staff;
pub mod template;
pub mod token;

pub mod check;
pub mod intent;

pub mod audit;
pub mod keys;
pub mod prove;
pub mod reconcile;
pub mod sealed;
pub mod selftest;

pub mod backup;
pub mod doctor;
pub mod downtime;
pub mod drill;
pub mod restore;

pub mod bench;

pub mod jsonl;
pub mod open;
mod records;
mod told;

/// Self-hosted patient communication: what may go out, goes out, and can be proved.
#[derive(Debug, clap::Parser)]
#[command(name = "sotto", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Says what a text would reveal, and to whose ear.
    Check(check::Args),
    /// Says what a patient's text wants.
    Intent(intent::Args),
    /// Runs a made-up practice with a simulated carrier.
    Demo(demo::Args),
    /// Runs the server for one practice.
    Serve(serve::Args),
    /// Asks a running server whether it takes messages.
    Ready(ready::Args),
    /// Changes the root key, while everything runs.
    Keys(keys::Args),
    /// Makes, lists and revokes the tokens that programs come in with.
    Token(token::Args),
    /// Invites, lists, disables and enables the people who work here.
    Staff(staff::Args),
    /// Tells who can see and do what.
    Access(access::Args),
    /// Brings in patients and appointments from FHIR bundles and CSV files.
    Import(import::Args),
    /// Finds a patient, and shows what stands written about reaching them.
    Patient(patient::Args),
    /// Writes down numbers and mailboxes, and takes them out of use.
    Contact(contact::Args),
    /// Records, revokes and shows what a patient agreed to.
    Consent(consent::Args),
    /// Records a stop that did not come as a reply, and lifts one.
    Optout(optout::Args),
    /// Writes down who acts for a patient and what they may hear.
    Caregiver(caregiver::Args),
    /// Records where a patient wants to be reached instead, confidentially.
    Alternative(alternative::Args),
    /// Records restrictions, holds and safety flags, and what became of them.
    Restriction(restriction::Args),
    /// Writes down what a patient likes best.
    Preference(preference::Args),
    /// Shows and changes the reminder plan and the office hours.
    Practice(practice::Args),
    /// Checks, puts in force and shows the practice's own rules.
    Policy(policy::Args),
    /// Lists the templates, or checks a practice's own.
    Template(template::Args),
    /// Checks all records against the audit log, or a packet by itself.
    Audit(audit::Args),
    /// Writes the whole record of one message, to be checked by anyone.
    Prove(prove::Args),
    /// Looks whether everything is as it should be, and says what to do.
    Doctor(doctor::Args),
    /// Prints the schedule while the database is away.
    Downtime(downtime::Args),
    /// Makes a sealed backup while everything runs, and checks it.
    Backup(backup::Args),
    /// Puts a backup back.
    Restore(restore::Args),
    /// Practises a restore, and measures it.
    Drill(drill::Args),
    /// Compares the record with itself, with what carriers said and with the schedule.
    Reconcile(reconcile::Args),
    /// Makes the recovery key of the sealed mode, and opens with it what browsers sealed.
    Sealed(sealed::Args),
    /// Has the running server test the way of an emergency in and of a reminder out.
    Selftest(selftest::Args),
    /// Measures what this machine does with it.
    Bench(bench::Args),
}

impl Command {
    /// Runs the verb.
    ///
    /// # Errors
    /// What went wrong, in one line for the person at the terminal.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(args) => check::run(args),
            Self::Intent(args) => intent::run(args),
            Self::Demo(args) => demo::run(args),
            Self::Serve(args) => serve::run(&args),
            Self::Ready(args) => ready::run(&args),
            Self::Keys(args) => keys::run(&args),
            Self::Token(args) => token::run(&args),
            Self::Staff(args) => staff::run(&args),
            Self::Access(args) => access::run(&args),
            Self::Import(args) => import::run(&args),
            Self::Patient(args) => patient::run(&args),
            Self::Contact(args) => contact::run(&args),
            Self::Consent(args) => consent::run(&args),
            Self::Optout(args) => optout::run(&args),
            Self::Caregiver(args) => caregiver::run(&args),
            Self::Alternative(args) => alternative::run(&args),
            Self::Restriction(args) => restriction::run(&args),
            Self::Preference(args) => preference::run(&args),
            Self::Practice(args) => practice::run(&args),
            Self::Policy(args) => policy::run(args),
            Self::Template(args) => template::run(args),
            Self::Audit(args) => audit::run(&args),
            Self::Prove(args) => prove::run(&args),
            Self::Doctor(args) => doctor::run(&args),
            Self::Downtime(args) => downtime::run(&args),
            Self::Backup(args) => backup::run(&args),
            Self::Restore(args) => restore::run(&args),
            Self::Drill(args) => drill::run(&args),
            Self::Reconcile(args) => reconcile::run(&args),
            Self::Sealed(args) => sealed::run(&args),
            Self::Selftest(args) => selftest::run(&args),
            Self::Bench(args) => bench::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }

    /// The examples in a verb's help and in those of its own verbs.
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        for help in [command.get_after_help(), command.get_after_long_help()].into_iter().flatten()
        {
            let help = help.to_string();
            // A key is too long to be shown whole.
            let lines = help
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with("sotto ") && !line.contains('…'));
            found.extend(lines.map(str::to_owned));
        }
        command.get_subcommands().for_each(|verb| examples(verb, found));
    }

    /// As a shell would split it, up to the first pipe or redirection.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (index, part) in line.split('"').enumerate() {
            if index % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        let end = words.iter().position(|word| ["|", "<", ">"].contains(&word.as_str()));
        words.truncate(end.unwrap_or(words.len()));
        words
    }

    #[test]
    fn every_example_can_be_typed() {
        let mut found = Vec::new();
        examples(&super::Cli::command(), &mut found);
        assert!(found.len() > 30, "{found:#?}");
        for line in found {
            let id = "01890000-0000-7000-8000-000000000001";
            let names = ["ID", "CONSENT", "PATIENT", "MESSAGE"];
            let typed = words(&line)
                .into_iter()
                .map(|word| if names.contains(&word.as_str()) { id.to_owned() } else { word });
            let read = <super::Cli as clap::Parser>::try_parse_from(typed);
            assert!(read.is_ok(), "{line}\n{}", read.unwrap_err());
        }
    }
}
