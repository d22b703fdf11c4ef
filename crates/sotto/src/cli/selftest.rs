//! `sotto selftest`: does an emergency reach somebody, and does a reminder go out?

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use jiff::SignedDuration;

use super::open::{self, Which};
use crate::audit::Actor;
use crate::db::self_test::{self as tests, SelfTestRow};
use crate::db::{Db, Word as _};
use crate::office::Office;
use crate::self_test::{self, Failed};

/// Has the running server test itself: a made-up emergency goes in as a carrier would deliver it and
/// must reach the pager, as a drill; a made-up reminder goes out and its receipt must come back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sotto selftest --config /etc/sotto/sotto.toml\n  \
    sotto selftest --config /etc/sotto/sotto.toml --last --json\n\n\
    Needs a running `sotto serve`. Ends with 1 when something failed. At night the reminder waits \
    for the first hour at which reminders may go; --wait says how long to stay for it. \
    docs/operate/reconcile.md tells the rest.")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Only show the last test.
    #[arg(long)]
    last: bool,
    /// How many seconds to wait for the end.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    wait: u32,
    /// Answer with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// How long a server may take to take it up.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(60);

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal. A part that failed is no error but
/// exit code 1.
pub fn run(args: &Args) -> Result<ExitCode> {
    let opened = open::open_which(&args.which)?;
    let (db, office) = (opened.db, opened.office);
    let row = if args.last {
        let practice = office.practice();
        let last = db.read_blocking(move |tx| tests::latest(tx, practice, 1))?.pop();
        last.context("no test was made yet")?
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the machine gives no threads")?;
        runtime.block_on(test(&db, &office, args))?
    };
    if args.json {
        println!("{}", told(&row));
    } else {
        show(&row);
    }
    Ok(if row.failures.as_deref() == Some("") { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn test(db: &Db, office: &Office, args: &Args) -> Result<SelfTestRow> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("waiting for the server to take it up");
    let desk = office.clone();
    let asked = db.write(move |tx| self_test::ask(tx, &desk, &Actor::operator())).await?;
    let began = office.clock().instant();
    let wait = Duration::from_secs(args.wait.into());
    loop {
        let (practice, id) = (office.practice(), asked.id);
        let row = db.read(move |tx| tests::get(tx, practice, id)).await?;
        let row = row.context("the test is not on file any more")?;
        let waited = office.clock().instant().duration_since(began);
        if row.finished_at.is_some() {
            return Ok(row);
        }
        if row.began_at.is_none() && waited > TAKEN_UP_WITHIN.min(wait) {
            bail!("no server took the test up; is `sotto serve` running on this database?");
        }
        if row.began_at.is_some() {
            let paged = if row.paged_at.is_some() { "paged" } else { "waiting for the pager" };
            bar.set_message(format!("{paged}; waiting for the reminder's receipt"));
        }
        if waited > wait {
            return Ok(row);
        }
        office.clock().sleep(SignedDuration::from_millis(500)).await;
    }
}

fn failures(row: &SelfTestRow) -> impl Iterator<Item = Failed> {
    row.failures.as_deref().unwrap_or_default().split(' ').filter_map(Failed::from_word)
}

fn told(row: &SelfTestRow) -> serde_json::Value {
    serde_json::json!({
        "id": row.id,
        "cause": row.cause.word(),
        "began_at": row.began_at.map(|at| at.to_string()),
        "by_wire": row.by_wire,
        "paged_at": row.paged_at.map(|at| at.to_string()),
        "reminder": row.appointment.is_some(),
        "receipt_by": row.receipt_by.map(|at| at.to_string()),
        "received_at": row.received_at.map(|at| at.to_string()),
        "finished_at": row.finished_at.map(|at| at.to_string()),
        "failures": failures(row).map(|failed| failed.word()).collect::<Vec<_>>(),
    })
}

fn show(row: &SelfTestRow) {
    let when = |at: Option<jiff::Timestamp>| at.map_or("not yet".to_owned(), |at| at.to_string());
    println!("began        {}", when(row.began_at));
    match (row.inbound, row.by_wire) {
        (None, _) => println!("way          no text channel is set up: nothing to test"),
        (_, true) => println!("way          over the carrier's wire, to the practice's own phone"),
        (_, false) => {
            println!("way          everything but the wire: set self_test.number for that")
        }
    }
    println!("pager        {}", when(row.paged_at));
    match row.appointment {
        None => println!("reminder     none: the practice has no reminder plan"),
        Some(_) => println!(
            "reminder     receipt {}, to be there by {}",
            when(row.received_at),
            when(row.receipt_by)
        ),
    }
    for failed in failures(row) {
        println!("FAILED       {}", failed.means());
    }
    match row.failures.as_deref() {
        None => println!(
            "It is under way. At night the reminder waits for the morning; --last shows how it ended."
        ),
        Some("") => println!("An emergency reaches the pager, and reminders go out."),
        Some(_) => println!("Somebody was alarmed: the task self_test_failed is open."),
    }
}
