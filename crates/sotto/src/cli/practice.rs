//! `sotto practice`: the practice's own reminder plan and office hours.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use super::open::{self, Which};
use crate::audit::Actor;
use crate::journeys::reminders::Plan;
use crate::schedule::OfficeHours;
use crate::schedule::places::{self, HoursError};

/// Show and change the reminder plan and the office hours.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Show the reminder plan, or set it: for appointments that are added or changed from then on.
    #[command(after_help = "Examples:\n  sotto practice plan --config sotto.toml\n  \
        sotto practice plan --config sotto.toml --set 7d --set 2d --set 3h")]
    Plan {
        #[command(flatten)]
        which: Which,
        /// A step before the appointment: days (7d), hours (3h) or minutes (45m). Once for each.
        #[arg(long, value_name = "STEP")]
        set: Vec<String>,
        /// No reminders at all.
        #[arg(long, conflicts_with = "set")]
        none: bool,
    },
    /// Show the office hours, or set them from a file.
    #[command(after_help = "Examples:\n  sotto practice hours --config sotto.toml\n  \
        sotto practice hours --config sotto.toml --set hours.json\n\nThe file:\n  \
        {\"week\":{\"mon\":[\"08:00-12:00\",\"13:00-17:00\"]},\"closed\":[\"2026-12-25\"]}")]
    Hours {
        #[command(flatten)]
        which: Which,
        /// The file with the new hours.
        #[arg(long, value_name = "FILE")]
        set: Option<PathBuf>,
    },
}

/// Runs the verb. Both answer with the JSON that the API takes.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Plan { which, set, none } => plan(which, set, *none)?,
        Deed::Hours { which, set } => hours(which, set.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(which: &Which, set: &[String], none: bool) -> Result<()> {
    let new = if set.is_empty() && !none { None } else { Some(read_plan(set)?) };
    let opened = open::open_which(which)?;
    let office = opened.office;
    let plan = opened.db.write_blocking(move |tx| {
        if let Some(plan) = &new {
            plan.store(tx, &office, &Actor::operator())?;
        }
        Plan::load(tx, &office)
    })?;
    println!("{}", plan.to_json());
    Ok(())
}

/// `7d`, `3h`, `45m`: the name says how long before.
fn read_plan(steps: &[String]) -> Result<Plan> {
    let mut lines = Vec::new();
    for step in steps {
        let split = step.char_indices().next_back().map_or(0, |(index, _)| index);
        let (number, unit) = step.split_at(split);
        let minutes = match unit {
            "d" => 1440,
            "h" => 60,
            "m" => 1,
            _ => bail!("--set: write a number and d, h or m, such as 2d"),
        };
        let number: u32 = number
            .parse()
            .ok()
            .filter(|number| *number <= 86_400)
            .context("--set: write a number and d, h or m, such as 2d")?;
        lines.push(serde_json::json!({
            "step": step, "minutes_before": number.saturating_mul(minutes),
        }));
    }
    Ok(Plan::from_json(&serde_json::Value::Array(lines).to_string())?)
}

fn hours(which: &Which, set: Option<&Path>) -> Result<()> {
    let new = match set {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read as text", file.display()))?;
            let read = OfficeHours::from_json(&text);
            Some(read.with_context(|| file.display().to_string())?)
        }
    };
    let opened = open::open_which(which)?;
    let office = opened.office;
    let hours = opened.db.write_blocking(move |tx| {
        if let Some(hours) = &new {
            let event = places::event(&Actor::operator());
            places::set(tx, &office, (None, Some(hours)), event)?;
        }
        Ok::<_, HoursError>(places::practice(tx, &office)?.hours)
    })?;
    println!("{}", hours.to_json());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_words() {
        let words =
            |words: &[&str]| read_plan(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["3h", "7d", "2d"]).unwrap(), Plan::default());
        assert!(words(&[]).unwrap().steps().is_empty());
        for bad in
            [&["d"][..], &["2w"], &["2"], &["-2d"], &["99999999999d"], &["2d", "48h"], &["é"]]
        {
            assert!(words(bad).is_err(), "{bad:?}");
        }
    }
}
