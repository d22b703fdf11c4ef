//! `sotto bench crash`: `sotto serve` as it is, under load, killed at random moments; then our
//! record beside the carrier's own.
//!
//! The carrier twin and the callers live in this process, since nothing is measured here but how
//! soon the server answers again. Read in this order: [`House`] is a practice with its world, the
//! kills are in [`killed`], [`disasters`] are the other things that happen to servers, [`callers`]
//! ask until they are answered, and [`super::compare`] says what is wrong at the end.
//!
//! Of a run that found something wrong the folder stays: the database, the keys, the server's log
//! and the carrier's record.

mod callers;
mod disasters;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use twin::{Behaviour, Fault, Persona, SmppConfig, Twin, TwinConfig, WorldClock};

use self::callers::Callers;
use self::disasters::Disaster;
use super::compare::{self, EMERGENCY, Findings, TO_REST};
use super::pipeline::bar;
use super::practice::{self, Place};
use super::server::Mortal;
use crate::cli::open;
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::population::Chance;

/// So many times as fast as life live the carrier and the patients.
const SPEED: f64 = 20.0;

/// How long a server may take to answer before it counts as gone for good.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kill the server at random moments under load, and compare every record at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sotto bench crash --kills 50 --json\n  \
    sotto bench crash --database postgres://bench@127.0.0.1/bench\n  \
    sotto bench crash --kills 0 --disaster full-disk --disaster carrier-silent\n\n\
    docs/crash.md says what the figures mean. The exit code is 0 when no promise was broken.")]
pub(super) struct Args {
    /// How often the server is killed.
    #[arg(long, default_value_t = 500)]
    kills: u32,
    /// Stop killing after so many minutes, however often that was.
    #[arg(long)]
    minutes: Option<u64>,
    /// Messages asked for in a second.
    #[arg(long, default_value_t = 40.0)]
    rate: f64,
    /// How many patients the practice has.
    #[arg(long, default_value_t = 400)]
    patients: usize,
    /// Same seed, same people, same faults of the carrier and same moments, as far as the machine
    /// lets moments repeat.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A PostgreSQL database to use instead of a file in the folder.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Also this, in a run of its own each time; `all` for every one.
    #[arg(long, value_name = "NAME", value_parser = disasters::parse)]
    disaster: Vec<Disaster>,
    /// The command that restarts the PostgreSQL server of --database, for `postgres-restart`.
    #[arg(long, value_name = "COMMAND")]
    restart: Option<String>,
    /// Where the practice is made; it must not be there yet, and stays only if something is wrong.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.rate > 0.0 && args.patients > 0, "--rate and --patients must be above 0");
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let clock = Clock::system();
    let folder = args.folder.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("sotto-crash-{}", clock.new_id().simple()))
    });
    std::fs::create_dir(&folder)
        .with_context(|| format!("--folder {} cannot be made", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let bench = Bench { args, clock, runtime };
    let mut reports = Vec::new();
    if args.kills > 0 {
        reports.push(killed(&bench, &folder.join("kills"))?);
    }
    let mut wanted = args.disaster.clone();
    if wanted.contains(&Disaster::All) {
        wanted = Disaster::value_variants().to_vec();
    }
    for disaster in wanted.into_iter().filter(|one| *one != Disaster::All) {
        let report = disasters::struck(&bench, disaster, &folder.join(disaster.name()));
        reports.push(report.unwrap_or_else(|error| Report::broken_off(disaster.name(), &error)));
    }
    let broken = reports.iter().any(|report| !report.sound());
    if broken {
        eprintln!("sotto: what to look at is in {}", folder.display());
    } else if let Err(error) = std::fs::remove_dir_all(&folder) {
        eprintln!("sotto: {} is left behind: {error}", folder.display());
    }
    for report in &reports {
        report.say(args.json);
    }
    if args.json {
        println!("{}", line_of(&reports));
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What every run shares.
struct Bench<'a> {
    args: &'a Args,
    clock: Clock,
    runtime: Runtime,
}

impl Bench<'_> {
    fn sleep(&self, span: Duration) {
        self.runtime.block_on(self.clock.sleep(self.clock.span(span)));
    }
}

/// How one run went.
struct Report {
    name: &'static str,
    engine: &'static str,
    findings: Findings,
    /// What else there is to say of it.
    more: Vec<(&'static str, Value)>,
    /// What should have been seen and was not.
    missing: Vec<String>,
    /// Not possible here, and why.
    skipped: Option<String>,
}

impl Report {
    fn skipped(name: &'static str, because: impl Into<String>) -> Self {
        Self {
            name,
            engine: "",
            findings: Findings::default(),
            more: Vec::new(),
            missing: Vec::new(),
            skipped: Some(because.into()),
        }
    }

    /// It could not be brought to its end.
    fn broken_off(name: &'static str, error: &anyhow::Error) -> Self {
        Self { skipped: None, missing: vec![format!("{error:#}")], ..Self::skipped(name, "") }
    }

    fn sound(&self) -> bool {
        self.findings.violations().is_empty() && self.missing.is_empty()
    }

    fn json(&self) -> Value {
        if let Some(because) = &self.skipped {
            return json!({ "name": self.name, "skipped": because });
        }
        let mut line = json!(self.findings);
        if let Some(line) = line.as_object_mut() {
            line.insert("name".to_owned(), json!(self.name));
            line.insert("engine".to_owned(), json!(self.engine));
            line.insert("sound".to_owned(), json!(self.sound()));
            line.extend(self.more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        line
    }

    /// For a person: to standard error beside JSON, where only what is wrong is said.
    fn say(&self, json: bool) {
        if let Some(because) = &self.skipped {
            eprintln!("{}: skipped: {because}", self.name);
            return;
        }
        if !json {
            let found = &self.findings;
            println!(
                "{} on {}: {} accepted, {} texts, {} receipts, {} replies, {} uncertain",
                self.name,
                self.engine,
                found.accepted,
                found.texts,
                found.receipts,
                found.replies,
                found.uncertain
            );
            for (name, value) in &self.more {
                println!("  {name:<24} {value}");
            }
            println!("  {}", if self.sound() { "every promise was kept" } else { "BROKEN:" });
        }
        for (name, count) in self.findings.violations() {
            eprintln!("  {}: {name} {count}", self.name);
        }
        for what in self.findings.examples.iter().chain(&self.missing) {
            eprintln!("  {}: {what}", self.name);
        }
    }
}

/// The kills' figures at the top, the disasters' in a list.
fn line_of(reports: &[Report]) -> Value {
    let mut kills = reports.iter().filter(|report| report.name == "kills");
    let mut line = kills.next().map_or_else(|| json!({}), Report::json);
    let others: Vec<Value> =
        reports.iter().filter(|report| report.name != "kills").map(Report::json).collect();
    if let Some(line) = line.as_object_mut()
        && !others.is_empty()
    {
        line.insert("disasters".to_owned(), json!(others));
    }
    line
}

/// A practice, the world around it, and its server's log.
struct House<'a> {
    bench: &'a Bench<'a>,
    folder: PathBuf,
    settings: PathBuf,
    config: Config,
    twin: Twin,
    callers: Callers,
    /// How often a server was started.
    starts: u64,
    /// What its servers have in their environment beside the usual.
    environment: Vec<(&'static str, PathBuf)>,
}

impl<'a> House<'a> {
    /// Makes the practice in `place`, with its log and the carrier's record in `folder`.
    fn new(bench: &'a Bench<'a>, folder: &Path, place: &Path) -> Result<Self> {
        let args = bench.args;
        std::fs::create_dir_all(place)
            .with_context(|| format!("{} cannot be made", place.display()))?;
        let smpp = SmppConfig::default();
        let config = TwinConfig {
            seed: args.seed,
            clock: WorldClock::scaled(None, SPEED),
            smpp: Some(smpp),
            record_file: Some(folder.join("carrier.jsonl")),
            ..TwinConfig::default()
        };
        let twin = bench.runtime.block_on(Twin::start(config))?;
        let smsc = twin.smpp_address().context("the twin has no SMSC")?.port();
        let place = Place { folder: place, database: args.database.as_deref(), smsc };
        let settings = place.prepare(&bench.clock)?;
        // Each start is the same node again, wherever it listens.
        let named = "[node]\nname = \"bench\"\n";
        OpenOptions::new().append(true).open(&settings)?.write_all(named.as_bytes())?;
        let config = Config::load(&settings)?;
        let bar = bar(args.patients as u64, "patients move in");
        let who = (args.patients, args.seed);
        let furnished = practice::furnish(&config, &bench.clock, who, |more| bar.inc(more as u64))?;
        bar.finish_and_clear();
        let (_, people, token) = furnished;
        for (at, who) in people.iter().enumerate() {
            twin.settle(Persona::mobile(&who.number, behaviour(at)));
        }
        let callers =
            Callers::start(bench.runtime.handle(), &bench.clock, (people, token), args.rate);
        let (folder, environment) = (folder.to_owned(), Vec::new());
        Ok(Self { bench, folder, settings, config, twin, callers, starts: 0, environment })
    }

    /// The carrier's everyday faults.
    fn ordinary_faults(&self) {
        let faults = self.twin.faults();
        let late = SignedDuration::from_secs(30);
        for (probability, fault) in [
            (0.05, Fault::DuplicateReceipts { extra: 2 }),
            (0.05, Fault::ReorderedReceipts),
            (0.05, Fault::LateReceipt { by: late }),
            (0.03, Fault::ReceiptBeforeAnswer),
            (0.02, Fault::Temporary),
            (0.02, Fault::Throttle),
            (0.01, Fault::LostReceipt),
            (0.01, Fault::DropBeforeAccept),
            (0.01, Fault::DropBeforeAnswer),
            (0.01, Fault::DropAfterAnswer),
            (0.01, Fault::AcceptAndNeverAnswer),
            (0.003, Fault::GarbageBytes),
            (0.003, Fault::HalfOpen),
        ] {
            faults.sometimes(twin::Channel::Sms, probability, fault);
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Starts a server, which may be killed from now on.
    fn spawn(&mut self) -> Result<Mortal> {
        self.starts += 1;
        Mortal::spawn(&self.settings, &self.log(), &self.environment)
    }

    /// Waits until the server that was started last has accepted a message.
    fn answers(&self, server: &Mortal) -> Result<()> {
        let address = server.listens_within(PATIENCE);
        let address = address.with_context(|| self.about("the server does not listen"))?;
        self.callers.server_is(Some((self.starts, address)));
        let answered = self.callers.answered_by(self.starts, PATIENCE);
        ensure!(self.bench.runtime.block_on(answered), self.about("the server answers nobody"));
        Ok(())
    }

    fn kill(&self, server: Mortal) {
        self.callers.server_is(None);
        drop(server);
    }

    fn about(&self, what: &str) -> String {
        format!("{what}; its log is {}", self.log().display())
    }

    /// Lets everything come to its end, ends the server, and compares.
    fn settle(mut self, server: Mortal, name: &'static str) -> Result<Report> {
        self.twin.faults().clear();
        let told = self.bench.runtime.block_on(self.callers.finish(TO_REST));
        let opened = open::open(&self.config, &self.bench.clock)?;
        self.bench.runtime.block_on(compare::at_rest(&opened, &self.twin))?;
        drop(server);
        let record = self.twin.record();
        let engine = opened.db.engine();
        let findings = compare::compare(&opened, &told.told, &record)?;
        drop(opened);
        self.bench.runtime.block_on(self.twin.shutdown());
        let statuses = told.statuses.iter().map(|(status, count)| (status.to_string(), *count));
        let mut missing = Vec::new();
        if told.told.accepted.is_empty() {
            let said = told.said.unwrap_or_default();
            missing.push(format!("no request was accepted; the first answer: {said}"));
        }
        let more = vec![
            // Those to patients who said STOP.
            ("refused", json!(told.refused)),
            ("answers", json!(statuses.collect::<std::collections::BTreeMap<_, _>>())),
            ("carrier_gave_up", json!(record.counts.given_up)),
        ];
        Ok(Report { name, engine, findings, more, missing, skipped: None })
    }
}

/// What the patient with this number does: most write each time, some are in danger, some stop.
fn behaviour(at: usize) -> Behaviour {
    let line = |nth: usize| match (at % 20, nth) {
        (0, 0) => format!("I have {EMERGENCY} and I can't breathe"),
        (1, 2) => "STOP".to_owned(),
        // Every other text goes unanswered.
        (_, nth) if nth % 2 == 1 => String::new(),
        (_, nth) => format!("I have a question about my bill, this is my note {nth}"),
    };
    Behaviour::Says((0..40).map(line).collect())
}

/// The server, killed again and again.
fn killed(bench: &Bench<'_>, folder: &Path) -> Result<Report> {
    let mut house = House::new(bench, folder, folder)?;
    house.ordinary_faults();
    let mut chance = Chance::new(bench.args.seed);
    let bar = bar(u64::from(bench.args.kills), "kills");
    let began = bench.clock.instant();
    let minutes = bench.args.minutes.map(|minutes| Duration::from_secs(minutes * 60));
    let (mut recoveries, mut kills, mut unborn) = (Vec::new(), 0_u32, 0_u32);
    while kills < bench.args.kills && minutes.is_none_or(|most| began.elapsed() < most) {
        let started = bench.clock.instant();
        let server = house.spawn()?;
        // One in five is killed before it can have answered, anywhere in its start.
        let usual = recoveries.last().copied().unwrap_or(Duration::from_millis(200));
        let early = usual.mul_f64(chance.below(1_000) as f64 / 1_000.0);
        if chance.below(5) == 0 && server.listens_within(early).is_none() {
            house.kill(server);
            (kills, unborn) = (kills + 1, unborn + 1);
        } else {
            house.answers(&server)?;
            recoveries.push(started.elapsed());
            // Most lives are short; in some there is time for whole conversations.
            let life = if chance.below(4) == 0 { 3_000 } else { 600 };
            bench.sleep(Duration::from_millis(chance.below(life) as u64));
            house.kill(server);
            kills += 1;
        }
        bar.set_position(u64::from(kills));
    }
    bar.finish_and_clear();
    // A text that is never answered is waited for half a minute, which says nothing new.
    house.twin.faults().clear();
    let started = bench.clock.instant();
    let server = house.spawn()?;
    house.answers(&server)?;
    recoveries.push(started.elapsed());
    let mut report = house.settle(server, "kills")?;
    recoveries.sort();
    let ms = |share: usize| {
        let rank = (recoveries.len() * share).div_ceil(100).saturating_sub(1);
        recoveries.get(rank).map_or(0.0, |one| (one.as_secs_f64() * 1e4).round() / 10.0)
    };
    report.more.extend([
        ("kills", json!(kills)),
        ("kills_while_starting", json!(unborn)),
        ("recovery_p50_ms", json!(ms(50))),
        ("recovery_max_ms", json!(ms(100))),
        ("seconds", json!(began.elapsed().as_secs())),
    ]);
    Ok(report)
}
