//! `sotto reconcile`: what was lost, and what to do about it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::ProgressBar;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use smpp::MessageIdForm;

use super::open::{self, Place, Which};
use super::serve;
use crate::audit::Actor;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, reconciliation};
use crate::office::Office;
use crate::reconcile::carrier_file::CarrierFile;
use crate::reconcile::nightly::{self, Nightly};
use crate::reconcile::{Carrier, Report, carry_out};

/// Compares the record with itself, with what carriers said and with the schedule. What can be put
/// right safely is; the rest becomes tasks, once each. Nothing is sent again that may have been sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sotto reconcile --config /etc/sotto/sotto.toml\n  \
    sotto reconcile --config /etc/sotto/sotto.toml --since 2027-03-01 --json\n  \
    sotto reconcile --config /etc/sotto/sotto.toml --ask-carrier\n  \
    sotto reconcile --config /etc/sotto/sotto.toml --carrier-file march.csv\n\n\
    The file is CSV with a header: id, to, state, time (id and state must be there).\n\
    Ends with 1 while a finding stands. docs/operate/reconcile.md says what each one means.")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Look at what happened from this day on, the practice's time, or from this instant; the last
    /// week and whatever no run has looked at unless told.
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// The carrier's own list of the messages it took, to hold against ours.
    #[arg(long, value_name = "FILE")]
    carrier_file: Option<PathBuf>,
    /// Have the running server do it, which also asks the carrier about every text without a
    /// receipt.
    #[arg(long, conflicts_with = "carrier_file")]
    ask_carrier: bool,
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
    let (opened, nightly, form) = match args.which.place() {
        Place::Config(file) => {
            let config = Config::load(&file)?;
            let nightly = serve::nightly_of(&config)?;
            let form = config.sms_smpp.as_ref().map(|sms| serve::id_form(sms.message_ids));
            (open::open(&config, &Clock::system())?, nightly, form.unwrap_or_default())
        }
        Place::Demo(_) => {
            (open::open_which(&args.which)?, Nightly::default(), MessageIdForm::default())
        }
    };
    let (db, office) = (opened.db, opened.office);
    let since = args.since.as_deref().map(|text| instant(text, &office)).transpose()?;
    let file = args.carrier_file.as_deref();
    let mut file = file.map(|file| read(file, &office, form)).transpose()?;
    let carrier = file.as_mut().map_or(Carrier::Silent, Carrier::File);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let bar = ProgressBar::new_spinner();
    bar.set_message("comparing");
    bar.enable_steady_tick(Duration::from_millis(200));
    let report = runtime.block_on(async {
        if args.ask_carrier {
            return by_the_server(&db, &office, since).await;
        }
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
        Ok(carry_out(&db, &office, row, &nightly.settings, carrier).await?)
    })?;
    bar.finish_and_clear();
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        show(&report);
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// How long a server may take to take it up.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(120);

/// Asks for a run and waits for its report.
async fn by_the_server(db: &Db, office: &Office, since: Option<Timestamp>) -> Result<Report> {
    let desk = office.clone();
    let asked = db.write(move |tx| nightly::ask(tx, &desk, since, &Actor::operator())).await?;
    let began = office.clock().instant();
    loop {
        let (practice, id) = (office.practice(), asked.id);
        let row = db.read(move |tx| reconciliation::get(tx, practice, id)).await?;
        let row = row.context("the run is not on file any more")?;
        if let Some(report) = row.report {
            return serde_json::from_str(&report).context("the report cannot be read");
        }
        let waited = office.clock().instant().duration_since(began);
        if row.began_at.is_none() && waited > TAKEN_UP_WITHIN {
            bail!(
                "no server took it up within two minutes: is `sotto serve` running on this \
                 database, or another run under way? It stays asked for"
            );
        }
        office.clock().sleep(SignedDuration::from_millis(500)).await;
    }
}

fn read(file: &Path, office: &Office, form: MessageIdForm) -> Result<CarrierFile> {
    let name = || format!("--carrier-file {}", file.display());
    let open = File::open(file).with_context(|| format!("{} cannot be opened", name()))?;
    CarrierFile::open(open, office.profile().timezone.clone(), form).with_context(name)
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
    if let Some(file) = &report.file {
        println!(
            "the file     {} messages ({} lines passed over): {} of ours settled by it, \
             {} with another end than ours, {} known to the carrier alone",
            file.lines, file.skipped, file.settled, file.otherwise, file.unknown
        );
        match file.missing {
            Some(missing) => println!("             {missing} of ours are not in it"),
            None => println!("             it is not the whole list of its time"),
        }
    }
    if let Some(asked) = &report.asked {
        println!(
            "the carrier  asked about {} texts: {} settled, {} on their way, {} it does not know, \
             {} unanswered",
            asked.asked, asked.settled, asked.on_its_way, asked.unknown, asked.unanswered
        );
        if let Some(why) = asked.stopped {
            println!("             {} left: {}", asked.left, why.means());
        }
    }
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
