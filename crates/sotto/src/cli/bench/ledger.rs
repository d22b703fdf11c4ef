//! `sotto bench ledger`: how fast entries of the audit log become durable, get their places in the
//! tree, and are verified.
//!
//! In this process, without HTTP: many tasks append at once, each in a transaction of its own and
//! answered after the disk has it, while a sequencer places what waits, as in `sotto serve`.

use std::convert::Infallible;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ledger::{Frontier, leaf_hash};
use serde_json::json;

use super::fdatasync;
use super::pipeline::{Folder, bar};
use super::practice::{self, Place};
use crate::audit::{self, Actor, AuditError, Event, Kind, SequenceError, sequencer, verify};
use crate::cli::open::{self, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::office::Office;

/// How often what waits is placed, as `sotto serve` does.
const SEQUENCE_EVERY: Duration = Duration::from_millis(500);

/// Measure the audit log on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench ledger --json\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many entries.
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// How many are under way at once.
    #[arg(long, default_value_t = 512)]
    writers: usize,
    #[command(flatten)]
    place: practice::Ground,
}

/// What was measured, each in entries a second.
struct Figures {
    engine: &'static str,
    /// Made durable, while the tree grew.
    durable: f64,
    /// From the first append to the last leaf.
    placed: f64,
    /// Entries read, compared with the tree and with each signed checkpoint; one core.
    verified: f64,
    /// Hashed and put into a tree in memory; one core.
    leaves: f64,
    checkpoints: u64,
    syncs: f64,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.events > 0 && args.writers > 0, "--events and --writers must be > 0");
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let figures = measure(args, folder.path(), &clock)?;
    let round = |number: f64| (number * 1000.0).round() / 1000.0;
    if args.place.json {
        let line = json!({
            "durable_events_per_second": round(figures.durable),
            "placed_events_per_second": round(figures.placed),
            "verified_events_per_second": round(figures.verified),
            "leaves_per_second": round(figures.leaves),
            "events_per_fdatasync": round(figures.durable / figures.syncs),
            "events": args.events,
            "checkpoints": figures.checkpoints,
            "fdatasync_per_second": round(figures.syncs),
            "engine": figures.engine,
        });
        println!("{line}");
    } else {
        println!(
            "durable   {:>10.0} entries/s on {}, {:.1} for each fdatasync of {:.0}/s\n\
             placed    {:>10.0} entries/s, to the last leaf, under {} checkpoints\n\
             verified  {:>10.0} entries/s from the database, on one core\n\
             tree      {:>10.0} leaves/s in memory, on one core",
            figures.durable,
            figures.engine,
            figures.durable / figures.syncs,
            figures.syncs,
            figures.placed,
            figures.checkpoints,
            figures.verified,
            figures.leaves,
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(args: &Args, folder: &Path, clock: &Clock) -> Result<Figures> {
    let before = fdatasync::per_second(folder, clock)?;
    // Nothing is sent: the carrier's port is nobody's.
    let place = Place { folder, database: args.place.database.as_deref(), smsc: 1 };
    let opened = open::open(&Config::load(&place.prepare(clock)?)?, clock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let began = clock.instant();
    let durable = runtime.block_on(append_all(&opened, args))?;
    runtime.block_on(sequencer::catch_up(&opened.db, &opened.office))?;
    let placed = began.elapsed();
    let after = fdatasync::per_second(folder, clock)?;

    let shown = bar(0, "entries verified");
    let began = clock.instant();
    let office = opened.office.clone();
    let report = {
        let shown = shown.clone();
        opened.db.read_blocking(move |tx| {
            verify::verify(tx, &office, None, &mut |done| shown.set_position(done))
        })?
    };
    let verified = began.elapsed();
    shown.finish_and_clear();
    if let Some(defect) = report.defects.first() {
        anyhow::bail!("the audit log found {} defects; the first: {defect}", report.defects.len());
    }
    ensure!(
        report.size >= args.events && report.waiting == 0,
        "{} entries were made durable and {} are in the tree: none may be missing",
        args.events,
        report.size
    );
    let per_second = |count: u64, took: Duration| count as f64 / took.as_secs_f64();
    Ok(Figures {
        engine: opened.db.engine(),
        durable: per_second(args.events, durable),
        placed: per_second(report.size, placed),
        verified: per_second(report.size + report.rows, verified),
        leaves: leaves_per_second(clock, args.events)?,
        checkpoints: report.checkpoints,
        syncs: f64::midpoint(before, after),
    })
}

/// How long until the last entry was durable.
async fn append_all(opened: &Opened, args: &Args) -> Result<Duration> {
    let shown = bar(args.events, "entries made durable");
    let began = opened.office.clock().instant();
    let next = Arc::new(AtomicU64::new(0));
    let events = args.events;
    let writers: Vec<_> = (0..args.writers)
        .map(|_| {
            let (db, office) = (opened.db.clone(), opened.office.clone());
            let (next, shown) = (Arc::clone(&next), shown.clone());
            tokio::spawn(async move {
                while next.fetch_add(1, Ordering::Relaxed) < events {
                    let office = office.clone();
                    db.write(move |tx| {
                        let event = Event::new(Kind::PatientViewed, Actor::service("bench"));
                        audit::append(tx, &office, event)
                    })
                    .await?;
                    shown.inc(1);
                }
                Ok::<_, AuditError>(())
            })
        })
        .collect();
    let placing = tokio::spawn(place(opened.db.clone(), opened.office.clone()));
    for writer in writers {
        writer.await??;
    }
    let took = began.elapsed();
    placing.abort();
    match placing.await {
        Ok(Err(failed)) => return Err(failed.into()),
        Err(stopped) => ensure!(stopped.is_cancelled(), "the sequencer panicked"),
    }
    shown.finish_and_clear();
    Ok(took)
}

/// Places what waits, until it is stopped.
async fn place(db: Db, office: Office) -> Result<Infallible, SequenceError> {
    let mut ticks = tokio::time::interval(SEQUENCE_EVERY);
    loop {
        ticks.tick().await;
        sequencer::catch_up(&db, &office).await?;
    }
}

/// The tree alone: entries of a usual length hashed and appended, then the root.
fn leaves_per_second(clock: &Clock, count: u64) -> Result<f64> {
    let mut entry = [0x20_u8; 400];
    let mut tree = Frontier::new();
    let began = clock.instant();
    for number in 0..count {
        entry.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        tree.append(leaf_hash(&entry))?;
        if number % 65_536 == 0 {
            tree.take_tiles();
        }
    }
    std::hint::black_box(tree.root());
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
