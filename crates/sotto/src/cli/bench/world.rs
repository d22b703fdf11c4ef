//! Everything that is not us, in a process of its own: the carrier twin, and the callers of the
//! API. It takes one order a line on its input and answers one line each, in JSON.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use twin::{Keep, SmppConfig, Twin, TwinConfig};

use super::load::{self, Answered, Run};
use super::practice::{self, Resident};
use crate::clock::Clock;

/// How long a receipt takes: longer than our own answer takes to reach the disk, as in life.
const RECEIPT_AFTER: SignedDuration = SignedDuration::from_millis(100);

/// How long the last receipts may take after the last answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(250);

/// What the world is asked to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Where our server is and whom to write to.
    Meet { server: SocketAddr, token: String, people: PathBuf },
    /// Ask for messages and wait for their last receipt.
    Send { messages: u64, connections: usize, per_second: Option<f64> },
}

/// What the world says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// The SMSC's port.
    Port(u16),
    /// Receipts acknowledged so far in this run.
    Done(u64),
    /// The end of a run.
    Report(Report),
    /// The end of everything.
    Failed(String),
}

/// What a run came to.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Report {
    /// Answered with 202.
    pub(super) accepted: u64,
    /// Answered otherwise, and what was said first.
    pub(super) refused: u64,
    pub(super) said: Option<String>,
    /// Texts the carrier took, and receipts it was told are stored, in this run.
    pub(super) texts: u64,
    pub(super) receipts: u64,
    /// From the first request to the last receipt stored.
    pub(super) seconds: f64,
    /// From the order to the first 202, in milliseconds.
    pub(super) first_accepted_ms: f64,
    /// From the caller's 202 to the carrier's `submit_sm`; below zero counts as zero.
    pub(super) accept_to_submit: Spread,
    /// From the caller's request to the carrier's `submit_sm`.
    pub(super) request_to_submit: Spread,
    /// From the caller's request to its answer.
    pub(super) request_to_answer: Spread,
}

/// Milliseconds.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
}

impl Spread {
    pub(super) fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        // The nearest rank; a percentile of nothing is nothing.
        let at = |share: usize| {
            let rank = (all.len() * share).div_ceil(100).saturating_sub(1);
            all.get(rank).copied().unwrap_or_default()
        };
        Self { p50: at(50), p95: at(95), p99: at(99) }
    }
}

/// When each number's last text arrived, by its digits.
type Arrived = Arc<Mutex<std::collections::HashMap<String, Instant>>>;

/// Whom to write to, and where.
struct Met {
    server: SocketAddr,
    token: String,
    people: Arc<Vec<Resident>>,
}

/// Lives until its input ends.
pub(super) fn run() -> Result<ExitCode> {
    // One thread: what it takes of the machine is missing to the program that is measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    match runtime.block_on(live()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tell(&Told::Failed(format!("{error:#}")))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn live() -> Result<()> {
    let clock = Clock::system();
    let arrived = Arrived::default();
    let twin = start(&clock, &arrived).await?;
    let address = twin.smpp_address().context("the twin has no SMSC")?;
    tell(&Told::Port(address.port()))?;
    let mut orders = orders();
    let mut met = None;
    while let Some(order) = orders.recv().await {
        match serde_json::from_str(&order)? {
            Order::Meet { server, token, people } => {
                let people = Arc::new(practice::read_people(&people)?);
                met = Some(Met { server, token, people });
            }
            Order::Send { messages, connections, per_second } => {
                let met = met.as_ref().context("nobody to write to yet")?;
                let run = Arc::new(Run {
                    clock: clock.clone(),
                    server: met.server,
                    token: met.token.clone(),
                    name: clock.new_id().to_string(),
                    people: Arc::clone(&met.people),
                    messages,
                    every: per_second.map(|rate| Duration::from_secs_f64(1.0 / rate)),
                    began: clock.instant(),
                    next: AtomicU64::new(0),
                });
                arrived.lock().unwrap_or_else(PoisonError::into_inner).clear();
                let report = send(&twin, run, connections, &arrived).await?;
                tell(&Told::Report(report))?;
            }
        }
    }
    twin.shutdown().await;
    Ok(())
}

async fn start(clock: &Clock, arrived: &Arrived) -> Result<Twin> {
    let (clock, arrived) = (clock.clone(), Arc::clone(arrived));
    let smpp = SmppConfig {
        receipt_delay: RECEIPT_AFTER,
        on_submit: Some(Arc::new(move |arrival| {
            let now = clock.instant();
            let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
            arrived.insert(arrival.to.to_owned(), now);
        })),
        ..SmppConfig::default()
    };
    let twin =
        Twin::start(TwinConfig { smpp: Some(smpp), keep: Keep::Counts, ..TwinConfig::default() });
    Ok(twin.await?)
}

/// One run: all callers, then the last receipt.
async fn send(twin: &Twin, run: Arc<Run>, callers: usize, arrived: &Arrived) -> Result<Report> {
    let before = twin.look(|record| record.counts);
    let callers: Vec<_> =
        (0..callers).map(|_| tokio::spawn(load::caller(Arc::clone(&run)))).collect();
    let mut ticks = tokio::time::interval(PROGRESS);
    let work = async {
        let mut answers: Vec<Answered> = Vec::new();
        for caller in callers {
            answers.extend(caller.await??);
        }
        let accepted = count(&answers, |status| status == 202);
        let wanted = before.receipts_acked + accepted;
        let stored = twin.until(|record| record.counts.receipts_acked >= wanted);
        tokio::time::timeout(PATIENCE, stored)
            .await
            .context("the last receipts were not taken within two minutes")?;
        Ok::<_, anyhow::Error>((answers, run.began.elapsed()))
    };
    tokio::pin!(work);
    let (answers, took) = loop {
        tokio::select! {
            ended = &mut work => break ended?,
            _ = ticks.tick() => {
                let done = twin.look(|record| record.counts.receipts_acked);
                tell(&Told::Done(done - before.receipts_acked))?;
            }
        }
    };
    let after = twin.look(|record| record.counts);
    let arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut report = sum_up(&run, &answers, &arrived);
    report.texts = after.texts - before.texts;
    report.receipts = after.receipts_acked - before.receipts_acked;
    report.seconds = took.as_secs_f64();
    Ok(report)
}

fn count(answers: &[Answered], wanted: impl Fn(u16) -> bool) -> u64 {
    answers.iter().map(|answer| u64::from(wanted(answer.status))).sum()
}

fn sum_up(
    run: &Run,
    answers: &[Answered],
    arrived: &std::collections::HashMap<String, Instant>,
) -> Report {
    let ms = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64() * 1e3;
    let (mut accepted, mut asked, mut http) = (Vec::new(), Vec::new(), Vec::new());
    let mut first = f64::INFINITY;
    for answer in answers.iter().filter(|answer| answer.status == 202) {
        first = first.min(ms(run.began, answer.answered));
        http.push(ms(answer.asked, answer.answered));
        let number = run.person(answer.number).map(|who| who.number.trim_start_matches('+'));
        if let Some(at) = number.and_then(|number| arrived.get(number)) {
            accepted.push(ms(answer.answered, *at));
            asked.push(ms(answer.asked, *at));
        }
    }
    Report {
        accepted: count(answers, |status| status == 202),
        refused: count(answers, |status| status != 202),
        said: answers.iter().find_map(|answer| answer.said.clone()),
        first_accepted_ms: if first.is_finite() { first } else { 0.0 },
        accept_to_submit: Spread::of(accepted),
        request_to_submit: Spread::of(asked),
        request_to_answer: Spread::of(http),
        ..Report::default()
    }
}

/// Lines of the input, read by a thread of their own: the runtime has only one.
fn orders() -> mpsc::UnboundedReceiver<String> {
    let (give, take) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if give.send(line).is_err() {
                return;
            }
        }
    });
    take
}

fn tell(told: &Told) -> Result<()> {
    let mut line = serde_json::to_string(told)?;
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let spread = Spread::of(hundred);
        assert_eq!((spread.p50, spread.p99), (50.0, 99.0));
        let one = Spread::of(vec![7.0]);
        assert_eq!((one.p50, one.p99), (7.0, 7.0));
        assert_eq!(Spread::of(Vec::new()).p99, 0.0);
    }
}
