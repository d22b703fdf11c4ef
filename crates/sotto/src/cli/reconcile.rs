//! `sotto reconcile`: what was lost, and what to do about it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::civil::Date;

use super::open::{self, Place, Which};
use super::serve;
use crate::audit::Actor;
use crate::clock::Clock;
use crate::config::Config;
use crate::office::Office;
use crate::reconcile::nightly::{self, Nightly};
use crate::reconcile::{Report, carry_out};

/// Compares the record with itself, with what carriers said and with the schedule. What can be put
/// right safely is; the rest becomes tasks, once each. Nothing is sent again that may have been sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sotto reconcile --config /etc/sotto/sotto.toml\n  \
    sotto reconcile --config /etc/sotto/sotto.toml --since 2027-03-01 --json\n\n\
    Ends with 1 while a finding stands. docs/operate/reconcile.md says what each one means.")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Look at what happened from this day on, the practice's time, or from this instant; the last
    /// week and whatever no run has looked at unless told.
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Answer with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal. What is found is no error but exit
/// code 1.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (opened, nightly) = match args.which.place() {
        Place::Config(file) => {
            let config = Config::load(&file)?;
            let nightly = serve::nightly_of(&config)?;
            (open::open(&config, &Clock::system())?, nightly)
        }
        Place::Demo(_) => (open::open_which(&args.which)?, Nightly::default()),
    };
    let (db, office) = (opened.db, opened.office);
    let since = args.since.as_deref().map(|text| instant(text, &office)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let bar = ProgressBar::new_spinner();
    bar.set_message("comparing");
    bar.enable_steady_tick(Duration::from_millis(200));
    let report = runtime.block_on(async {
        let desk = office.clone();
        let begun = db
            .write(move |tx| {
                let actor = Actor::operator();
                let row = nightly::asked(&desk, since);
                nightly::begin(tx, &desk, row, &actor)
            })
            .await?;
        let Some(row) = begun else {
            bail!("a reconciliation is under way; try again when it is done");
        };
        Ok(carry_out(&db, &office, row, &nightly.settings).await?)
    })?;
    bar.finish_and_clear();
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        show(&report);
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn instant(text: &str, office: &Office) -> Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let day: Date = text
        .parse()
        .ok()
        .context("--since: write a day such as 2027-03-01, or 2027-03-01T09:00:00Z")?;
    let zoned = day.to_zoned(office.profile().timezone.clone());
    Ok(zoned.context("--since: no such day in the practice's zone")?.timestamp())
}

fn show(report: &Report) {
    let at = &report.looked_at;
    println!("from         {} to {}", report.since, report.until);
    println!(
        "looked at    {} messages, {} attempts, {} receipts, {} appointments, {} replies",
        at.messages, at.attempts, at.receipts, at.appointments, at.replies
    );
    for told in &report.kinds {
        println!(
            "\n{:<12} {} found, {} of them new; {} put right, {} tasks",
            told.kind, told.found, told.new, told.healed, told.tasks
        );
        println!("             {}", told.means);
        println!("             {}", told.remedy);
    }
    if report.gone > 0 {
        println!("\n{} earlier findings are no more.", report.gone);
    }
    if report.failed > 0 {
        println!("\n{} findings could not be written down; the log says why.", report.failed);
    }
    if let Some(entry) = &report.audit_entry {
        println!("\naudit entry  {entry}");
    }
    if report.is_clean() {
        println!("Everything is accounted for.");
    } else {
        println!(
            "{} findings stand; sotto task list, or the overview, has their tasks.",
            report.standing
        );
    }
}
