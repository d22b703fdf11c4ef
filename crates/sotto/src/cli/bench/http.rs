//! `sotto bench http`: how fast each kind of request is answered, by `sotto serve` as it is.
//!
//! The callers are this process, the server is another, so that its CPU can be told from theirs.
//! Each kind of request is measured by itself, one after the other, on the same practice.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::pipeline::{Folder, bar};
use super::practice::{self, Place};
use super::server::Server;
use super::world::Spread;
use super::{fdatasync, load};
use crate::access::tokens::{self, NewToken, Scope};
use crate::audit::Actor;
use crate::cli::open::Opened;
use crate::clock::Clock;
use crate::config::Config;

/// Measure the API on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench http --json\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many requests of each kind.
    #[arg(long, default_value_t = 5_000)]
    requests: u64,
    /// How many callers ask at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How many patients the practice has.
    #[arg(long, default_value_t = 2_000)]
    patients: usize,
    #[command(flatten)]
    place: practice::Ground,
}

/// One kind of request.
struct Case {
    name: &'static str,
    status: u16,
    request: Box<dyn Fn(u64) -> String + Send + Sync>,
}

/// What it came to.
struct Figure {
    name: &'static str,
    per_second: f64,
    cpu_seconds_per_1000: f64,
    answered: Spread,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        args.requests > 0 && args.connections > 0 && args.patients > 0,
        "--requests, --connections and --patients must be > 0"
    );
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let before = fdatasync::per_second(folder.path(), &clock)?;
    let (engine, figures) = measure(args, folder.path(), &clock)?;
    let syncs = f64::midpoint(before, fdatasync::per_second(folder.path(), &clock)?);
    if args.place.json {
        println!("{}", to_json(&figures, syncs, engine));
    } else {
        for Figure { name, per_second, cpu_seconds_per_1000, answered } in &figures {
            println!(
                "{name:<16} {per_second:>9.0} requests/s  {cpu_seconds_per_1000:.3} CPU s per 1,000  \
                 {:.2} ms p50, {:.2} ms p99",
                answered.p50, answered.p99
            );
        }
        println!("fdatasync        {syncs:>9.0} per second, on {engine}");
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(figures: &[Figure], syncs: f64, engine: &str) -> Value {
    let round = |number: f64| (number * 1000.0).round() / 1000.0;
    let mut line = serde_json::Map::new();
    for figure in figures {
        let what = json!({
            "requests_per_second": round(figure.per_second),
            "cpu_seconds_per_1000": round(figure.cpu_seconds_per_1000),
            "p50_ms": round(figure.answered.p50),
            "p99_ms": round(figure.answered.p99),
        });
        line.insert(figure.name.to_owned(), what);
    }
    line.insert("fdatasync_per_second".to_owned(), json!(round(syncs)));
    line.insert("engine".to_owned(), json!(engine));
    Value::Object(line)
}

fn measure(args: &Args, folder: &Path, clock: &Clock) -> Result<(&'static str, Vec<Figure>)> {
    // No text is asked for: the carrier's port is nobody's.
    let place = Place { folder, database: args.place.database.as_deref(), smsc: 1 };
    let settings = place.prepare(clock)?;
    let config = Config::load(&settings)?;
    let shown = bar(args.patients as u64, "patients move in");
    let (opened, people, _) =
        practice::furnish(&config, clock, (args.patients, 1), |more| shown.inc(more as u64))?;
    shown.finish_and_clear();
    let token = token(&opened)?;
    let patients: Arc<[String]> = people.into_iter().map(|who| who.patient).collect();
    let server = Server::start(&settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let mut figures = Vec::new();
    for case in cases(&token, &patients, &config.practice.id.to_string()) {
        let cpu = server.cpu_seconds()?;
        let began = clock.instant();
        let (name, status) = (case.name, case.status);
        let answered = runtime
            .block_on(ask_all(args, clock, server.address, Arc::new(case)))
            .with_context(|| format!("{name} (expected {status})"))?;
        let took = began.elapsed().as_secs_f64();
        let cpu = server.cpu_seconds()? - cpu;
        figures.push(Figure {
            name,
            per_second: args.requests as f64 / took,
            cpu_seconds_per_1000: cpu / args.requests as f64 * 1e3,
            answered: Spread::of(answered),
        });
    }
    server.stop()?;
    Ok((opened.db.engine(), figures))
}

/// A token that may do everything.
fn token(opened: &Opened) -> Result<String> {
    let office = opened.office.clone();
    let new = NewToken { name: "bench http".to_owned(), scopes: Scope::ALL.to_vec(), days: 1 };
    let create =
        move |tx: &mut crate::db::Tx<'_>| tokens::create(tx, &office, &new, Actor::operator());
    Ok(opened.db.write_blocking(create)?.1.reveal().to_owned())
}

/// The kinds of request, from the cheapest to the dearest.
fn cases(token: &str, patients: &Arc<[String]>, run: &str) -> Vec<Case> {
    let whose = |patients: &Arc<[String]>| {
        let patients = Arc::clone(patients);
        move |number: u64| {
            let at = usize::try_from(number).unwrap_or_default() % patients.len().max(1);
            patients.get(at).cloned().unwrap_or_default()
        }
    };
    let get = |path: String, token: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let post = |path: &str, token: &str, key: &str, body: &Value| {
        let body = body.to_string();
        format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n{key}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let owned = || token.to_owned();
    let mut cases = vec![Case {
        name: "alive",
        status: 200,
        request: Box::new(|_| "GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n".to_owned()),
    }];
    let bearer = owned();
    cases.push(Case {
        name: "check",
        status: 200,
        request: Box::new(move |_| {
            let text = "Hi, it's Bench Family Medicine. Your lab results came back and your A1c is \
                        9.2, please call us to talk about your diabetes medicine.";
            post("/api/v1/check", &bearer, "", &json!({"text": text, "channel": "sms"}))
        }),
    });
    let (bearer, who) = (owned(), whose(patients));
    cases.push(Case {
        name: "patient",
        status: 200,
        request: Box::new(move |number| get(format!("/api/v1/patients/{}", who(number)), &bearer)),
    });
    let (bearer, who, key) = (owned(), whose(patients), run.to_owned());
    cases.push(Case {
        name: "portal_message",
        status: 202,
        request: Box::new(move |number| {
            let key = format!("Idempotency-Key: {key}-{number}\r\n");
            let body = json!({
                "patient": who(number), "purpose": "treatment", "channel": "portal",
                "body": "Your forms for the next visit are here. Please fill them in when you can.",
            });
            post("/api/v1/messages", &bearer, &key, &body)
        }),
    });
    let (bearer, who) = (owned(), whose(patients));
    cases.push(Case {
        name: "refused_message",
        status: 422,
        request: Box::new(move |number| {
            let body = json!({
                "patient": who(number), "purpose": "marketing", "channel": "sms",
                "body": "Our new hours begin on Monday.",
            });
            post("/api/v1/messages", &bearer, "", &body)
        }),
    });
    let bearer = owned();
    cases.push(Case {
        name: "messages_page",
        status: 200,
        request: Box::new(move |_| get("/api/v1/messages?limit=50".to_owned(), &bearer)),
    });
    cases
}

/// Milliseconds from each request to its answer.
async fn ask_all(
    args: &Args,
    clock: &Clock,
    server: SocketAddr,
    case: Arc<Case>,
) -> Result<Vec<f64>> {
    let next = Arc::new(AtomicU64::new(0));
    let requests = args.requests;
    let shown = bar(requests, case.name);
    let callers: Vec<_> = (0..args.connections)
        .map(|_| {
            let (next, case, clock, shown) =
                (Arc::clone(&next), Arc::clone(&case), clock.clone(), shown.clone());
            tokio::spawn(async move {
                let mut connection = TcpStream::connect(server).await?;
                connection.set_nodelay(true)?;
                let (mut input, mut answers) = (Vec::new(), Vec::new());
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        return Ok(answers);
                    }
                    let request = (case.request)(number);
                    let asked = clock.instant();
                    connection.write_all(request.as_bytes()).await?;
                    let (status, body) = load::answer(&mut connection, &mut input).await?;
                    answers.push(asked.elapsed().as_secs_f64() * 1e3);
                    if status != case.status {
                        bail!("the server answered {status}: {}", String::from_utf8_lossy(body));
                    }
                    shown.inc(1);
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    shown.finish_and_clear();
    Ok(all)
}
