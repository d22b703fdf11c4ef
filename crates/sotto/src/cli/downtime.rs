//! `sotto downtime`: the schedule from the copy on this machine, for whoever is in the server room.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use gate::PracticeId;

use super::open::{Place, Which};
use crate::audit::Actor;
use crate::clock::Clock;
use crate::config::Config;
use crate::downtime::Downtime;
use crate::downtime::copy::Copy;

/// Print today's and tomorrow's schedule and contacts while the database is away.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto downtime --config /etc/sotto/sotto.toml | lp\n\n\
    It reads the sealed copy that `sotto serve` keeps, and asks no database. That it was printed is\n\
    written down first, and goes into the log when the database is back. docs/downtime.md")]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (folder, keys, practice): (_, _, PracticeId) = match args.which.place() {
        Place::Config(file) => {
            let config = Config::load(&file)?;
            let keys = super::keys::keyring(&config)?;
            (config.downtime_folder(), keys, config.practice.id)
        }
        Place::Demo(folder) => {
            let keys = crate::demo::keys(&folder)?;
            (folder.join("downtime"), keys, crate::demo::PRACTICE)
        }
    };
    let clock = Clock::system();
    let downtime = Downtime::at(&folder).context("the folder of the copy cannot be used")?;
    let copy = Copy::open(&downtime.copy(), (&keys, practice), clock.now_in_life())?;
    let patients = || {
        let visits = copy.days.iter().flat_map(|day| &day.sites).flat_map(|site| &site.visits);
        let mut all: Vec<_> = visits.map(|visit| visit.patient).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    downtime.spool().append((&keys, &clock), Actor::operator(), ("command_line", patients()))?;
    print!("{}", text(&copy));
    Ok(ExitCode::SUCCESS)
}

fn text(copy: &Copy) -> String {
    let mut out = format!("{}  {}\nAs of {}\n", copy.practice, copy.phone, copy.made);
    for day in &copy.days {
        out.push_str(&format!("\n{}\n", day.words));
        for site in &day.sites {
            let phone = site.phone.as_deref().unwrap_or_default();
            out.push_str(&format!("\n  {}  {phone}\n", site.name));
            for visit in &site.visits {
                let reach = match (visit.restricted, visit.reach.is_empty()) {
                    (true, true) => "don't call: a restriction is on file".to_owned(),
                    (true, false) => format!("only {}, as they asked", visit.reach.join(", ")),
                    (false, _) => visit.reach.join(", "),
                };
                out.push_str(&format!(
                    "    {:>8}  {}, born {}; {}; {reach}\n",
                    visit.time, visit.name, visit.born, visit.answer
                ));
            }
        }
        if day.sites.is_empty() {
            out.push_str("  No visits.\n");
        }
    }
    out
}
