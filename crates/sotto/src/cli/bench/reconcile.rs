//! `sotto bench reconcile`: how long a comparison of so many messages takes, and how much memory.
//!
//! The rows are written straight into the tables, with the sizes they have in life: only their
//! comparison is measured, by `sotto reconcile` in a process of its own. The audit log knows nothing
//! of them, and everything is removed at the end.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use gate::PracticeId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::pipeline::{Folder, bar};
use super::practice::{self, Place};
use super::{fdatasync, server};
use crate::cli::open::{self, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{DbError, Tx};
use crate::reconcile::{FindingKind, Report};
use crate::{params, sql};

/// How many messages one transaction takes.
const BATCH: u64 = 5_000;

/// The messages were sent within this time, and all of it is looked at.
const DAYS: i64 = 6;

/// Measure the comparison with the carrier's receipts and with its delivery file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench reconcile --json\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many messages were sent.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Of how many of them the receipt was lost.
    #[arg(long, default_value_t = 1_000)]
    lost: u64,
    #[command(flatten)]
    place: practice::Ground,
}

/// One comparison, measured.
struct Run {
    report: Report,
    took: Duration,
    /// The most memory that the process held at once, in MiB.
    peak_rss_mb: f64,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.messages > 0 && args.lost <= args.messages, "--lost: at most --messages");
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let place = Place { folder: folder.path(), database: args.place.database.as_deref(), smsc: 1 };
    let settings = place.prepare(&clock)?;
    let opened = open::open(&Config::load(&settings)?, &clock)?;
    let list = folder.path().join("carrier.csv");
    fill(&opened, args, &list)?;
    let engine = opened.db.engine();
    let syncs = fdatasync::per_second(folder.path(), &clock)?;
    drop(opened);
    let first = compare(&settings, None, &clock)?;
    let again = compare(&settings, None, &clock)?;
    let file = compare(&settings, Some(&list), &clock)?;
    agree(args, [&first, &again, &file])?;
    let round = |number: f64| (number * 10.0).round() / 10.0;
    let told = |run: &Run| (round(run.took.as_secs_f64()), round(run.peak_rss_mb));
    let ((found, found_mb), (nothing_new, again_mb), (listed, listed_mb)) =
        (told(&first), told(&again), told(&file));
    if args.place.json {
        let line = json!({
            "messages": args.messages,
            "lost": args.lost,
            "seconds": found,
            "peak_rss_mb": found_mb,
            "again_seconds": nothing_new,
            "again_peak_rss_mb": again_mb,
            "carrier_file_seconds": listed,
            "carrier_file_peak_rss_mb": listed_mb,
            "fdatasync_per_second": syncs.round(),
            "engine": engine,
        });
        println!("{line}");
    } else {
        println!(
            "{} messages on {engine}, the receipts of {} lost\n\
             compared           {found:>8} s, {found_mb} MiB at most\n\
             compared again     {nothing_new:>8} s, {again_mb} MiB at most\n\
             with its own list  {listed:>8} s, {listed_mb} MiB at most",
            args.messages, args.lost,
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What was lost is found once, and settled by the carrier's list.
fn agree(args: &Args, [first, again, file]: [&Run; 3]) -> Result<()> {
    let new = |run: &Run| run.report.kinds.iter().map(|kind| kind.new).sum::<u64>();
    let word = crate::db::Word::word(&FindingKind::SentWithoutReceipt);
    let lost =
        first.report.kinds.iter().find(|kind| kind.kind == word).map_or(0, |kind| kind.found);
    ensure!(
        first.report.looked_at.messages == args.messages && lost == args.lost,
        "{} messages were looked at and {lost} found lost; {} of {} are",
        first.report.looked_at.messages,
        args.lost,
        args.messages
    );
    ensure!(new(again) == 0, "{} findings are new in the second run", new(again));
    let settled = file.report.file.map_or(0, |file| file.settled);
    ensure!(settled == args.lost, "the carrier's list settled {settled} of {}", args.lost);
    ensure!(file.report.is_clean(), "{} findings stand at the end", file.report.standing);
    Ok(())
}

/// Messages that were sent one after the other over some days, and the carrier's list of them.
fn fill(opened: &Opened, args: &Args, list: &Path) -> Result<()> {
    let (practice, clock) = (opened.office.practice(), opened.office.clock().clone());
    let span = SignedDuration::from_hours(24 * (DAYS - 1));
    let last = clock.now().checked_sub(SignedDuration::from_hours(25))?;
    let begin = last.checked_sub(span)?;
    let (of, every) = (args.messages, (args.messages / args.lost.max(1)).max(1));
    let lost = args.lost;
    let mut csv = BufWriter::new(std::fs::File::create(list)?);
    writeln!(csv, "id,to,state,time")?;
    let shown = bar(of, "messages written");
    for from in (0..of).step_by(usize::try_from(BATCH)?) {
        let until = (from + BATCH).min(of);
        let mut batch = Vec::new();
        for number in from..until {
            let part = i64::try_from(number)? * (span.as_micros() as i64 / i64::try_from(of)?);
            let at = begin.checked_add(SignedDuration::from_micros(part))?;
            let reported = !(number % every == 0 && number / every < lost);
            writeln!(csv, "{number:x},,DELIVRD,{at}")?;
            batch.push((number, at, reported));
        }
        let size = batch.len();
        opened.db.write_blocking(move |tx| {
            batch.into_iter().try_for_each(|one| one_message(tx, practice, one))
        })?;
        shown.inc(size as u64);
    }
    shown.finish_and_clear();
    csv.flush()?;
    Ok(())
}

/// A message that a carrier took, with its receipt or without.
fn one_message(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (number, at, reported): (u64, Timestamp, bool),
) -> Result<(), DbError> {
    let id = |kind: u64| {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
        let random = (number << 4 | kind).to_be_bytes();
        let [a, b, c, d, e, f, g, h] = random;
        let bytes = [0, 0, a, b, c, d, e, f, g, h];
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    };
    let (message, attempt, receipt) = (id(0), id(1), id(2));
    let state = if reported { "delivered" } else { "sent" };
    let part = if reported { "delivered" } else { "accepted" };
    let carrier_id = format!("{number:x}");
    tx.execute(
        sql!(
            "INSERT INTO message (practice_id, id, address_index, channel, kind, purpose, origin,
                 language, content_sealed, record_wrap, patient_wrap, basis, clearance_entry, state,
                 state_at, send_at, created_by, created_at)
             VALUES ($1, $2, $3, 'sms', 'appt_reminder', 'treatment', 'automated', 'en', $4, $5,
                 $5, $6, $2, $7, $8, $8, 'service:reminders', $8)"
        ),
        params![
            practice,
            message,
            [0_u8; 32].as_slice(),
            [0x5a_u8; 320].as_slice(),
            [0x5a_u8; 72].as_slice(),
            BASIS,
            state,
            at
        ],
    )?;
    tx.execute(
        sql!(
            "INSERT INTO attempt (practice_id, id, message_id, number, adapter, started_at,
                 finished_at, outcome) VALUES ($1, $2, $3, 1, 'sms_smpp', $4, $4, 'accepted')"
        ),
        params![practice, attempt, message, at],
    )?;
    tx.execute(
        sql!(
            "INSERT INTO attempt_part (practice_id, attempt_id, part, adapter, carrier_id, state,
                 state_at) VALUES ($1, $2, 1, 'sms_smpp', $3, $4, $5)"
        ),
        params![practice, attempt, carrier_id.as_str(), part, at],
    )?;
    if reported {
        tx.execute(
            sql!(
                "INSERT INTO receipt (practice_id, id, adapter, carrier_id, status, attempt_id,
                     received_at) VALUES ($1, $2, 'sms_smpp', $3, 'delivered', $4, $5)"
            ),
            params![practice, receipt, carrier_id.as_str(), attempt, at],
        )?;
    }
    Ok(())
}

/// As long as one is.
const BASIS: &str = r#"{"consent":"0192a5b7-8f5e-7c3a-9d3e-6a0f4b8c2d1e","agreement":"active","level":1,"policy":"rulebook","address":"verified","quiet":"no","caps":{"day":1,"week":2},"guard":{"level":1,"rules":[]}}"#;

/// `sotto reconcile` as anybody runs it, and what the kernel says of it.
fn compare(settings: &Path, list: Option<&Path>, clock: &Clock) -> Result<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["reconcile", "--json", "--config"]).arg(settings);
    if let Some(list) = list {
        command.arg("--carrier-file").arg(list);
    }
    let began = clock.instant();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let child = child.context("sotto reconcile cannot be started")?;
    let status = format!("/proc/{}/status", child.id());
    let (ended, over) = mpsc::channel();
    let watch = clock.clone();
    std::thread::spawn(move || ended.send((child.wait_with_output(), watch.instant())));
    let mut peak: f64 = 0.0;
    let (output, at) = loop {
        match over.recv_timeout(Duration::from_millis(20)) {
            Ok(ended) => break ended,
            // Gone between two looks, or there is nothing to read any more: the last one counts.
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                peak = server::peak_of(&text).unwrap_or_default().max(peak);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                anyhow::bail!("sotto reconcile was lost sight of")
            }
        }
    };
    let output = output?;
    let report = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("sotto reconcile ended with {}", output.status))?;
    Ok(Run { report, took: at.duration_since(began), peak_rss_mb: peak })
}
