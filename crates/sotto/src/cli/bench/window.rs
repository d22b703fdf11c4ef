//! `sotto bench window`: whether a stranger can tell by the time of an answer what there is and what
//! there is not: a number on file, a link, an account.
//!
//! Each question is asked of a running `sotto serve` in pairs, one of something that is there and one of
//! something that is not, which of them first by chance. Two samples are compared by their ranks (Mann
//! and Whitney), which asks for no shape of them: of a pair, how often does the one that is there take
//! longer? Half the time, and nothing can be told. What goes on after an answer is waited for. Beside it stands what chance alone would do.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use gate::{Origin, PatientId};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::load;
use super::pipeline::{Folder, bar};
use super::practice::{self, Place, Resident};
use super::search::thousandths;
use super::server::Server;
use super::world::Spread;
use crate::access::AccessError;
use crate::access::passwords::{Hash, Password};
use crate::access::roles::{Role, Roles};
use crate::access::staff::{self, NewStaff, Proof};
use crate::access::tokens;
use crate::audit::Actor;
use crate::cli::open::Opened;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::contact_point;
use crate::demo::population::Chance;
use crate::facts;
use crate::portal::{PortalError, letters, link, session};

/// Guesses at one account that cost nothing (`access/back_off.rs`).
const GUESSES: usize = 4;
/// What a pair must differ by to be told apart, in standard deviations of chance alone.
const BEYOND_CHANCE: f64 = 4.0;

/// Measure what the time of an answer tells a stranger.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench window --json\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many pairs of each kind.
    #[arg(long, default_value_t = 400)]
    pairs: usize,
    /// Which of a pair comes first.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: practice::Ground,
}

/// A question that is asked in pairs: the requests for something that is there, and for what is not.
struct Case {
    name: &'static str,
    status: u16,
    there: Vec<String>,
    nothing: Vec<String>,
}

/// What it came to.
struct Told {
    name: &'static str,
    /// Medians, in milliseconds.
    there: f64,
    nothing: f64,
    apart: Apart,
}

/// Two samples, compared by their ranks.
struct Apart {
    /// Of a pair by chance, how often the one of the first sample is the larger; ties count half.
    share: f64,
    /// How far that is from one half, in standard deviations of what chance alone would do.
    beyond: f64,
}

impl Apart {
    fn of(first: &[f64], second: &[f64]) -> Self {
        let mut all: Vec<(f64, bool)> = Vec::with_capacity(first.len() + second.len());
        all.extend(first.iter().map(|one| (*one, true)));
        all.extend(second.iter().map(|one| (*one, false)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Equal ones share their ranks.
        let (mut ranks, mut before) = (0.0, 0.0);
        for same in all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
            let rank = before + (same.len() as f64 + 1.0) / 2.0;
            ranks += rank * same.iter().filter(|one| one.1).count() as f64;
            before += same.len() as f64;
        }
        let (n, m) = (first.len() as f64, second.len() as f64);
        let wins = ranks - n * (n + 1.0) / 2.0;
        let spread = (n * m * (n + m + 1.0) / 12.0).sqrt();
        Self { share: wins / (n * m), beyond: (wins - n * m / 2.0) / spread }
    }

    fn is_told(&self) -> bool {
        self.beyond.abs() > BEYOND_CHANCE
    }
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.pairs > 0, "--pairs: at least 1");
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let place = Place { folder: folder.path(), database: args.place.database.as_deref(), smsc: 1 };
    let settings = place.prepare(&clock)?;
    let config = Config::load(&settings)?;
    let shown = bar(args.pairs as u64, "patients move in");
    let (opened, people, _) =
        practice::furnish(&config, &clock, (args.pairs, 1), |more| shown.inc(more as u64))?;
    shown.finish_and_clear();
    let cases = cases(args, &opened, &people)?;
    let engine = opened.db.engine();
    drop(opened);
    let server = Server::start(&settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let mut chance = Chance::new(args.seed);
    let mut told = Vec::with_capacity(cases.len());
    for case in cases {
        let name = case.name;
        let one = runtime.block_on(ask(server.address, &clock, case, &mut chance));
        told.push(one.with_context(|| name)?);
    }
    server.stop()?;
    tell(args, engine, &told);
    Ok(ExitCode::SUCCESS)
}

fn tell(args: &Args, engine: &str, told: &[Told]) {
    if !args.place.json {
        println!("{} pairs of each kind, on {engine}", args.pairs);
        for Told { name, there, nothing, apart } in told {
            println!(
                "{name:<10} there p50 {:>8} ms  nothing p50 {:>8} ms  slower in {:.3} of pairs, \
                 {:+.1} deviations{}",
                thousandths(*there),
                thousandths(*nothing),
                apart.share,
                apart.beyond,
                if apart.is_told() { ": told apart" } else { "" }
            );
        }
        return;
    }
    let mut line = Map::new();
    for Told { name, there, nothing, apart } in told {
        let figures = json!({
            "there_p50_ms": thousandths(*there), "nothing_p50_ms": thousandths(*nothing),
            "difference_ms": thousandths(there - nothing),
            "slower_share": thousandths(apart.share), "deviations": thousandths(apart.beyond),
            "told_apart": apart.is_told(),
        });
        line.insert((*name).to_owned(), figures);
    }
    line.insert("pairs".to_owned(), json!(args.pairs));
    line.insert("engine".to_owned(), json!(engine));
    println!("{}", Value::Object(line));
}

async fn ask(server: SocketAddr, clock: &Clock, case: Case, chance: &mut Chance) -> Result<Told> {
    let mut connection = TcpStream::connect(server).await?;
    connection.set_nodelay(true)?;
    let mut input = Vec::new();
    let path = format!("/w/{}", "g".repeat(link::LENGTH));
    let settle = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    let shown = bar(case.there.len() as u64, case.name);
    let (mut there, mut nothing) = (Vec::new(), Vec::new());
    for (is, is_not) in case.there.iter().zip(&case.nothing) {
        let mut both = [(is, true), (is_not, false)];
        if chance.below(2) == 0 {
            both.reverse();
        }
        for (request, is_there) in both {
            let began = clock.instant();
            connection.write_all(request.as_bytes()).await?;
            let (status, body) = load::answer(&mut connection, &mut input).await?;
            let took = began.elapsed().as_secs_f64() * 1e3;
            let said = || String::from_utf8_lossy(body).into_owned();
            ensure!(status == case.status, "the server answered {status}: {}", said());
            if is_there { &mut there } else { &mut nothing }.push(took);
            // What is done after an answer ends before the next question: this one waits for it.
            connection.write_all(settle.as_bytes()).await?;
            load::answer(&mut connection, &mut input).await?;
        }
        shown.inc(1);
    }
    shown.finish_and_clear();
    let apart = Apart::of(&there, &nothing);
    let p50 = |all| Spread::of(all).p50;
    Ok(Told { name: case.name, there: p50(there), nothing: p50(nothing), apart })
}

fn cases(args: &Args, opened: &Opened, people: &[Resident]) -> Result<Vec<Case>> {
    let get = |path: String| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let post = |path: &str, fields: &[(&str, &str)]| {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let links = links(opened, people)?;
    let pairs = 0..args.pairs;
    // As long as any token, and of the same letters.
    let never = |nth: usize| {
        let nth = format!("{:04}", nth % 10_000).replace('0', "z");
        format!("{}{nth}", "f".repeat(link::LENGTH - 4))
    };
    // As good a number, and nobody's.
    let number = |nth: usize| {
        people.get(nth).map(|who| who.number.replacen("55501", "55502", 1)).unwrap_or_default()
    };
    let account = |nth: usize| format!("nurse{}@bench.example", nth / GUESSES);
    let nobody = |nth: usize| format!("staff{}@bench.example", nth / GUESSES);
    staff(opened, args.pairs.div_ceil(GUESSES))?;
    let sign_in = |email: String| {
        post("/sign-in", &[("email", &email), ("password", "not this one"), ("code", "123456")])
    };
    Ok(vec![
        Case {
            name: "link",
            status: 410,
            there: links
                .iter()
                .cycle()
                .take(args.pairs)
                .map(|one| get(format!("/w/{one}")))
                .collect(),
            nothing: pairs.clone().map(|nth| get(format!("/w/{}", never(nth)))).collect(),
        },
        Case {
            name: "number",
            status: 200,
            there: people
                .iter()
                .map(|who| post("/window/in", &[("address", &who.number)]))
                .collect(),
            nothing: pairs
                .clone()
                .map(|nth| post("/window/in", &[("address", &number(nth))]))
                .collect(),
        },
        Case {
            name: "account",
            status: 422,
            there: pairs.clone().map(|nth| sign_in(account(nth))).collect(),
            nothing: pairs.map(|nth| sign_in(nobody(nth))).collect(),
        },
    ])
}

/// Links that were sent and cut off since, one of each patient.
fn links(opened: &Opened, people: &[Resident]) -> Result<Vec<String>> {
    let mut links = Vec::with_capacity(people.len());
    for who in people {
        let (office, id) = (opened.office.clone(), who.patient.parse::<PatientId>()?);
        let notice = opened.db.write_blocking(move |tx| {
            let Some(subject) = facts::subject(tx, &office, id)? else { return Ok(None) };
            let points = contact_point::of_patient(tx, office.practice(), id)?;
            let Some(to) = points.first().map(|point| point.id) else { return Ok(None) };
            let by = Actor::service("bench");
            let notice = letters::tell(tx, &office, subject, (to, Origin::Staff, by.clone()))?;
            session::cut_off(tx, &office, id, &by)?;
            Ok::<_, PortalError>(notice)
        })?;
        let notice = notice.context("the gate let no notice go")?;
        links.push(link::token(&opened.office, notice));
    }
    Ok(links)
}

/// People who sign in with a password, all with the same: hashing one for each takes its time.
fn staff(opened: &Opened, count: usize) -> Result<()> {
    let password = Password::typed("otter lamp mesa violin");
    let hash = Hash::of(&password)?;
    for nth in 0..count {
        let (office, hash) = (opened.office.clone(), hash.clone());
        opened.db.write_blocking(move |tx| {
            let new = NewStaff {
                name: "Ada Bench".to_owned(),
                email: format!("nurse{nth}@bench.example"),
                roles: Roles::from_row(Role::Nurse.as_str()),
                sites: Vec::new(),
            };
            let (_, secret) = staff::invite(tx, &office, &new, Actor::operator())?;
            let invited = staff::invited(tx, &office, &tokens::digest_of(secret.reveal()))?;
            let invited = invited.ok_or(AccessError::Invite)?;
            staff::accept(tx, &office, &invited, &Proof::Password { hash, step: 0 }).map(drop)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Apart;

    #[test]
    fn what_differs_is_told_apart_and_what_does_not_is_not() {
        let even: Vec<f64> = (0..400).map(|n| f64::from(n % 40)).collect();
        let same = Apart::of(&even, &even);
        assert!((same.share - 0.5).abs() < 1e-9 && same.beyond.abs() < 1e-9 && !same.is_told());
        let later: Vec<f64> = even.iter().map(|one| one + 10.0).collect();
        let apart = Apart::of(&later, &even);
        assert!(apart.share > 0.7 && apart.beyond > 4.0 && apart.is_told());
        assert!(Apart::of(&even, &later).beyond < -4.0);
        // Worked by hand: of the nine pairs 5 beats all three, 3 beats two, 1 ties with one.
        let few = Apart::of(&[1.0, 3.0, 5.0], &[1.0, 2.0, 4.0]);
        assert!((few.share - 5.5 / 9.0).abs() < 1e-9, "{}", few.share);
    }
}
