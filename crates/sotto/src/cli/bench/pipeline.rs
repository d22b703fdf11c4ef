//! `sotto bench pipeline`: accepted over HTTP, gated, sealed, stored, sent, receipt stored.
//!
//! `sotto serve` runs as it is, with settings like anybody's; nothing in it knows that it is
//! measured. At the end the callers, the carrier, the database and the audit log must agree.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use gate::PracticeId;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;
use serde_json::json;

use super::fdatasync;
use super::practice::{self, Place};
use super::server::Server;
use super::world::{Order, Report, Told};
use crate::audit::verify;
use crate::cli::open::Opened;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{DbError, board};
use crate::{params, sql};

/// Measure the whole way of a message on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench pipeline --json\n  \
    sotto bench pipeline --messages 2000 --seconds 5 --database postgres://bench@127.0.0.1/bench\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many messages at full load.
    #[arg(long, default_value_t = 10_000)]
    messages: u64,
    /// How many callers ask at once at full load.
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// For how many seconds messages come at a steady rate, to measure delay.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// That rate, in messages a second.
    #[arg(long, default_value_t = 100)]
    rate: u64,
    /// How many patients the practice has; at least seconds × rate.
    #[arg(long, default_value_t = 5_000)]
    patients: usize,
    /// Same seed, same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: practice::Ground,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.messages > 0 && args.connections > 0, "--messages and --connections must be > 0");
    ensure!(args.rate > 0 && args.seconds > 0, "--rate and --seconds must be > 0");
    ensure!(
        args.seconds * args.rate <= args.patients as u64,
        "--patients must be at least {}, one for each timed message",
        args.seconds * args.rate
    );
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let figures = measure(args, folder.path(), &clock)?;
    if args.place.json {
        println!("{}", figures.json());
    } else {
        print!("{}", figures.table());
    }
    Ok(ExitCode::SUCCESS)
}

/// Removed with everything in it.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes the one that was named, which must not be there, or one of our own.
    pub(super) fn make(named: Option<&Path>, clock: &Clock) -> Result<Self> {
        let folder = named.map_or_else(
            || std::env::temp_dir().join(format!("sotto-bench-{}", clock.new_id().simple())),
            Path::to_owned,
        );
        std::fs::create_dir(&folder)
            .with_context(|| format!("--folder {} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("sotto: {} is left behind: {error}", self.0.display());
        }
    }
}

/// What was measured.
struct Figures {
    engine: &'static str,
    syncs: (f64, f64),
    start_ms: f64,
    full: Report,
    steady: Report,
    cpu: f64,
    /// Until the audit log had placed its last leaf.
    sequenced_seconds: f64,
    peak_rss_mb: f64,
    verified: verify::Report,
}

impl Figures {
    fn messages_per_second(&self) -> f64 {
        self.full.accepted as f64 / self.full.seconds
    }

    fn fdatasync(&self) -> f64 {
        f64::midpoint(self.syncs.0, self.syncs.1)
    }

    fn json(&self) -> String {
        let round = |number: f64| (number * 1000.0).round() / 1000.0;
        let line = [
            ("messages_per_second", json!(round(self.messages_per_second()))),
            ("cpu_seconds_per_1000", json!(round(self.cpu / self.full.accepted as f64 * 1e3))),
            ("accept_to_submit_p50_ms", json!(round(self.steady.accept_to_submit.p50))),
            ("accept_to_submit_p99_ms", json!(round(self.steady.accept_to_submit.p99))),
            ("peak_rss_mb", json!(round(self.peak_rss_mb))),
            ("start_ms", json!(round(self.start_ms))),
            ("fdatasync_per_second", json!(round(self.fdatasync()))),
            ("engine", json!(self.engine)),
            ("messages", json!(self.full.accepted)),
            ("fdatasync_before", json!(round(self.syncs.0))),
            ("fdatasync_after", json!(round(self.syncs.1))),
            ("messages_per_fdatasync", json!(round(self.messages_per_second() / self.fdatasync()))),
            ("sequenced_seconds", json!(round(self.sequenced_seconds))),
            ("request_to_submit_p50_ms", json!(round(self.steady.request_to_submit.p50))),
            ("request_to_submit_p99_ms", json!(round(self.steady.request_to_submit.p99))),
            ("request_to_answer_p50_ms", json!(round(self.steady.request_to_answer.p50))),
            ("request_to_answer_p99_ms", json!(round(self.steady.request_to_answer.p99))),
            ("audit_entries", json!(self.verified.size)),
            ("rows_verified", json!(self.verified.rows)),
        ];
        let fields: Vec<String> =
            line.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn table(&self) -> String {
        format!(
            "end to end       {:>9.0} messages/s on {} ({} messages in {:.2} s)\n\
             CPU              {:>9.3} seconds per 1,000 messages\n\
             accept to submit {:>9.2} ms p50, {:.2} ms p99\n\
             memory           {:>9.1} MB at most\n\
             start            {:>9.0} ms to the first accepted message\n\
             fdatasync        {:>9.0} per second, {:.2} messages for each\n\
             verified         {:>9} audit entries, {} rows: sound\n",
            self.messages_per_second(),
            self.engine,
            self.full.accepted,
            self.full.seconds,
            self.cpu / self.full.accepted as f64 * 1e3,
            self.steady.accept_to_submit.p50,
            self.steady.accept_to_submit.p99,
            self.peak_rss_mb,
            self.start_ms,
            self.fdatasync(),
            self.messages_per_second() / self.fdatasync(),
            self.verified.size,
            self.verified.rows,
        )
    }
}

fn measure(args: &Args, folder: &Path, clock: &Clock) -> Result<Figures> {
    let syncs_before = fdatasync::per_second(folder, clock)?;
    let mut world = World::start()?;
    let smsc = world.port()?;
    let place = Place { folder, database: args.place.database.as_deref(), smsc };
    let settings = place.prepare(clock)?;
    let config = Config::load(&settings)?;
    let bar = bar(args.patients as u64, "patients move in");
    let who = (args.patients, args.seed);
    let (opened, people, token) =
        practice::furnish(&config, clock, who, |more| bar.inc(more as u64))?;
    bar.finish_and_clear();
    let people_file = folder.join("people");
    practice::write_people(&people_file, &people)?;

    let began = clock.instant();
    let server = Server::start(&settings)?;
    world.order(&Order::Meet { server: server.address, token, people: people_file })?;
    let listening = began.elapsed();
    let first = world.send(1, 1, None, "first message")?;
    let start_ms = listening.as_secs_f64() * 1e3 + first.first_accepted_ms;

    let cpu_before = server.cpu_seconds()?;
    let began = clock.instant();
    let full = world.send(args.messages, args.connections, None, "messages at full load")?;
    until_sequenced(&opened, clock)?;
    let sequenced_seconds = began.elapsed().as_secs_f64();
    let cpu = server.cpu_seconds()? - cpu_before;

    let rate = args.rate as f64;
    let steady =
        world.send(args.rate * args.seconds, 32, Some(rate), "messages at a steady rate")?;
    let peak_rss_mb = server.peak_rss_mb()?;
    server.stop()?;
    let syncs_after = fdatasync::per_second(folder, clock)?;
    let verified = agree(&opened, &[&first, &full, &steady])?;
    Ok(Figures {
        engine: opened.db.engine(),
        syncs: (syncs_before, syncs_after),
        start_ms,
        full,
        steady,
        cpu,
        sequenced_seconds,
        peak_rss_mb,
        verified,
    })
}

/// Waits until every audit entry has its leaf, so that the tree's CPU is counted too.
fn until_sequenced(opened: &Opened, clock: &Clock) -> Result<()> {
    let practice = opened.office.practice();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    loop {
        let gauges = opened.db.read_blocking(move |tx| board::gauges(tx, practice, None))?;
        if gauges.audit_waiting == 0 {
            return Ok(());
        }
        runtime.block_on(clock.sleep(SignedDuration::from_millis(20)));
    }
}

/// Callers, carrier, database and audit log must tell the same story.
fn agree(opened: &Opened, runs: &[&Report]) -> Result<verify::Report> {
    for run in runs {
        if run.refused > 0 {
            let said = run.said.as_deref().unwrap_or_default();
            bail!("{} of {} messages were not accepted: {said}", run.refused, run.accepted);
        }
        ensure!(
            run.accepted == run.texts && run.texts == run.receipts,
            "{} messages accepted, {} submitted, {} receipts acknowledged: these must be one",
            run.accepted,
            run.texts,
            run.receipts
        );
    }
    let accepted: u64 = runs.iter().map(|run| run.accepted).sum();
    let practice = opened.office.practice();
    let (delivered, receipts) = opened.db.read_blocking(move |tx| stored(tx, practice))?;
    ensure!(
        delivered == accepted && receipts == accepted,
        "{accepted} messages accepted, {delivered} delivered in the database, {receipts} receipts \
         stored: these must be one"
    );
    let office = opened.office.clone();
    let bar = bar(0, "entries and rows verified");
    let shown = bar.clone();
    let report = opened.db.read_blocking(move |tx| {
        verify::verify(tx, &office, None, &mut |done| shown.set_position(done))
    })?;
    bar.finish_and_clear();
    if let Some(defect) = report.defects.first() {
        bail!("the audit log found {} defects; the first: {defect}", report.defects.len());
    }
    ensure!(report.waiting == 0, "{} audit entries have no place yet", report.waiting);
    Ok(report)
}

fn stored(tx: &mut crate::db::Tx<'_>, practice: PracticeId) -> Result<(u64, u64), DbError> {
    let delivered: i64 = tx.query_one(
        sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1 AND state = 'delivered'"),
        params![practice],
        |row| row.get(0),
    )?;
    let receipts: i64 = tx.query_one(
        sql!("SELECT COUNT(*) FROM receipt WHERE practice_id = $1"),
        params![practice],
        |row| row.get(0),
    )?;
    Ok((delivered.unsigned_abs(), receipts.unsigned_abs()))
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn bar(length: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = if length == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(length) };
    let style = if length == 0 { "{spinner} {pos} {msg}" } else { "{wide_bar} {pos}/{len} {msg}" };
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The carrier twin and the callers, as a child; dropping it ends it.
struct World {
    child: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl World {
    fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "world"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the carrier twin cannot be started")?;
        let orders = child.stdin.take().context("the twin takes no orders")?;
        let told = child.stdout.take().context("the twin says nothing")?;
        Ok(Self { child, orders, told: BufReader::new(told).lines() })
    }

    fn order(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        self.orders.write_all(line.as_bytes()).context("the twin takes no orders")
    }

    fn listen(&mut self) -> Result<Told> {
        let line = self.told.next().context("the twin ended")??;
        match serde_json::from_str(&line)? {
            Told::Failed(because) => bail!("the twin failed: {because}"),
            told => Ok(told),
        }
    }

    fn port(&mut self) -> Result<u16> {
        match self.listen()? {
            Told::Port(port) => Ok(port),
            other => bail!("the twin said {other:?} before its port"),
        }
    }

    /// One run, to its last receipt.
    fn send(
        &mut self,
        messages: u64,
        connections: usize,
        per_second: Option<f64>,
        what: &'static str,
    ) -> Result<Report> {
        self.order(&Order::Send { messages, connections, per_second })?;
        let bar = bar(messages, what);
        loop {
            match self.listen()? {
                Told::Done(done) => bar.set_position(done),
                Told::Report(report) => {
                    bar.finish_and_clear();
                    return Ok(report);
                }
                other => bail!("the twin said {other:?} in the middle of a run"),
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // It holds nothing worth keeping.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
