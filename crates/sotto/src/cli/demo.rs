//! `sotto demo`: a made-up practice in a simulated world.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

use super::serve::stop::Signals;
use crate::demo::{self, Settings, population};
use crate::http::{Doors, router};

/// Run a made-up practice with a simulated carrier; nothing leaves this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto demo --patients 200 --speed 900\n\n\
    Stop it with Ctrl-C and start it again: it goes on where it was.")]
pub struct Args {
    /// The page's port on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// How many patients, at most 2400. Unless told, as many as the folder has; in a new one 200.
    #[arg(long)]
    patients: Option<usize>,
    /// Same seed, same people, same answers. Unless told, that of the folder; in a new one 1.
    #[arg(long)]
    seed: Option<u64>,
    /// How many times faster than life.
    #[arg(long, default_value_t = 900.0)]
    speed: f64,
    /// Where the demo is kept.
    #[arg(long, default_value = "demo-data", value_name = "DIR")]
    folder: PathBuf,
    /// A PostgreSQL database to use instead of a file in the folder.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Begin anew: throw away what is in the folder.
    #[arg(long)]
    fresh: bool,
}

/// Of a new demo.
const PATIENTS: usize = 200;
const SEED: u64 = 1;

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: Args) -> Result<ExitCode> {
    anyhow::ensure!(
        args.patients.is_none_or(|count| (1..=population::MOST).contains(&count)),
        "--patients must be from 1 to {}, such as 200",
        population::MOST
    );
    anyhow::ensure!(
        (0.1..=20_000.0).contains(&args.speed),
        "--speed must be from 0.1 to 20000, such as 900"
    );
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    crate::observe::log::Log::start(None, None)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    runtime.block_on(show(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(args: Args) -> Result<()> {
    let mut signals = Signals::listen()?;
    let address = SocketAddr::from(([127, 0, 0, 1], args.port));
    // First, so that a taken port is said before anything is made.
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("port {} on 127.0.0.1 is taken; choose another with --port", args.port)
    })?;
    let address = listener.local_addr()?;
    if args.fresh {
        forget(&args.folder)?;
    }
    let (patients, seed) = demo::population_in(&args.folder).unwrap_or((PATIENTS, SEED));
    let settings = Settings {
        folder: args.folder,
        patients: args.patients.unwrap_or(patients),
        seed: args.seed.unwrap_or(seed),
        speed: args.speed,
        database: args.database,
    };
    eprintln!("sotto: opening the demo practice in {}", settings.folder.display());
    let demo = demo::start(&settings).await?;
    demo.serve_at(address);
    let pages = demo.pages(address).await?;
    let at = format!("http://localhost:{}", address.port());
    let links: Vec<String> = pages
        .demo_links
        .iter()
        .map(|(secret, _, words)| format!("  {words:18} {at}/demo/{secret}"))
        .collect();
    let doors = Doors::with_pages(demo.db.clone(), demo.office.clone(), None, pages);
    let closing = doors.clone();
    println!("sotto: the demo practice is at {at}/ ; Ctrl-C stops it");
    println!("sotto: come in as one of the people who work there:\n{}", links.join("\n"));
    let router = router::router(doors).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            signals.stop().await;
            closing.close();
            eprintln!("sotto: stopping; what is on its way is finished first");
        })
        .await;
    demo.stop().await;
    served?;
    Ok(())
}

/// Throws a demo away. A folder that holds no demo is left alone.
fn forget(folder: &std::path::Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    anyhow::ensure!(
        folder.join(demo::POPULATION).exists(),
        "{} holds no demo, so --fresh leaves it alone; choose another --folder",
        folder.display()
    );
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("{} cannot be removed", folder.display()))
}
