//! `sotto bench search`: how long it takes to find a patient by what staff type, among many.
//!
//! Patients are made with names as common as names are, sealed as every other; then their tokens
//! are made as `sotto serve` makes them for a practice that had none; then each kind of search is
//! asked many times, one after the other, and what is found is compared with whom was meant. All
//! of it in this process: the HTTP around a search is measured by `sotto bench http`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::fdatasync;
use super::pipeline::Folder;
use super::practice::{self, Place};
use super::residents::{Resident, catch_up, move_in, people};
use super::world::Spread;
use crate::cli::open::{self, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::patient_search;
use crate::demo::population::Chance;
use crate::people::search::SearchError;
use crate::people::search::find::{Found, find, with_numbers};
use crate::people::search::query::Query;
use crate::{params, sql};

/// How many of those found are shown.
const SHOWN: usize = 20;

/// Measure finding a patient by a name, a birth date, a number or a record number.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench search --json\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many patients there are.
    #[arg(long, default_value_t = 100_000)]
    patients: usize,
    /// How often each kind of search is asked.
    #[arg(long, default_value_t = 300)]
    searches: usize,
    /// Which names and dates are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: practice::Ground,
}

/// What is typed for somebody.
type Typed = fn(&Resident) -> String;

/// The kinds of search.
const KINDS: [(&str, Typed); 10] = [
    ("two_letters", |who| beginning(&who.family, 2)),
    ("three_letters", |who| beginning(&who.family, 3)),
    ("family_name", |who| who.family.clone()),
    ("whole_name", |who| format!("{} {}", who.given, who.family)),
    ("both_begun", |who| format!("{} {}", beginning(&who.given, 2), beginning(&who.family, 3))),
    ("birth_date", |who| who.born.strftime("%-m/%-d/%Y").to_string()),
    ("name_and_year", |who| format!("{} {}", beginning(&who.family, 3), who.born.year())),
    ("number", |who| who.number.clone()),
    ("last_four", |who| who.number.get(6..).unwrap_or_default().to_owned()),
    ("record_number", |who| format!("mrn {}", who.record)),
];

/// As much of a name as holds so many letters: two of O'Brien are `O'B`.
fn beginning(name: &str, count: usize) -> String {
    let letters = name.char_indices().filter(|(_, c)| c.is_alphabetic());
    let end = letters.map(|(at, c)| at + c.len_utf8()).nth(count.saturating_sub(1));
    name.get(..end.unwrap_or(name.len())).unwrap_or_default().to_owned()
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.patients > 0 && args.searches > 0, "--patients, --searches: at least 1");
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let place = Place { folder: folder.path(), database: args.place.database.as_deref(), smsc: 1 };
    let settings = place.prepare(&clock)?;
    let opened = open::open(&Config::load(&settings)?, &clock)?;
    let people = people(&clock, args.patients, args.seed)?;
    move_in(&opened, &people)?;
    let before = bytes(&opened)?;
    let began = clock.instant();
    let indexed = catch_up(&opened)?;
    ensure!(indexed == args.patients as u64, "{indexed} of {} patients indexed", args.patients);
    let took = clock.instant().duration_since(began);
    let practice = opened.office.practice();
    let rows = opened.db.read_blocking(move |tx| patient_search::rows(tx, practice))?;
    let size = bytes(&opened)? - before;
    let syncs = fdatasync::per_second(folder.path(), &clock)?;
    let measured = ask(&opened, &clock, &people, args)?;
    tell(args, &opened, &measured, (rows, size, took, syncs));
    Ok(ExitCode::SUCCESS)
}

/// A kind of search, measured, and how often whom was meant was shown.
struct Measured {
    kind: &'static str,
    /// In milliseconds.
    answered: Spread,
    shown: usize,
}

/// As a figure is printed.
pub(super) fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn ask(opened: &Opened, clock: &Clock, people: &[Resident], args: &Args) -> Result<Vec<Measured>> {
    let today = clock.now().to_zoned(opened.office.profile().timezone.clone()).date();
    let mut chance = Chance::new(args.seed ^ 0x5ea_2c4);
    let mut measured = Vec::new();
    for (kind, typed) in KINDS {
        let (mut all, mut shown) = (Vec::with_capacity(args.searches), 0);
        for _ in 0..args.searches {
            let who = people.get(chance.below(people.len())).context("nobody is here")?;
            let text = typed(who);
            let office = opened.office.clone();
            let began = clock.instant();
            let query = Query::parse(&text, today)?;
            let found = opened.db.read_blocking(move |tx| {
                let mut found = find(tx, (&office).into(), &query)?;
                let most = found.people.len().min(SHOWN);
                let some = found.people.get_mut(..most).unwrap_or_default();
                with_numbers(tx, (&office).into(), some)?;
                Ok::<Found, SearchError>(found)
            })?;
            all.push(clock.instant().duration_since(began).as_secs_f64() * 1000.0);
            let there = found.people.iter().any(|one| one.id == who.id);
            ensure!(there || found.more, "{kind}: somebody was not found");
            shown += usize::from(there);
        }
        measured.push(Measured { kind, answered: Spread::of(all), shown });
    }
    Ok(measured)
}

fn tell(
    args: &Args,
    opened: &Opened,
    measured: &[Measured],
    (rows, size, took, syncs): (i64, i64, Duration, f64),
) {
    let rate = (args.patients as f64 / took.as_secs_f64()).round();
    let engine = opened.db.engine();
    if !args.place.json {
        println!("{} patients on {engine}: {rows} tokens, {size} bytes", args.patients);
        println!("{rate} patients indexed a second\n");
        for kind in measured {
            let Measured { kind, answered, shown } = kind;
            let [p50, p95, p99] = [answered.p50, answered.p95, answered.p99].map(thousandths);
            println!("{kind:<15} p50 {p50:>8} ms  p95 {p95:>8} ms  p99 {p99:>8} ms  found {shown}");
        }
        return;
    }
    let mut line = Map::new();
    let worst = measured.iter().map(|kind| kind.answered.p95).fold(0.0, f64::max);
    for (name, value) in [
        ("patients", json!(args.patients)),
        ("tokens", json!(rows)),
        ("index_bytes", json!(size)),
        ("indexed_per_second", json!(rate)),
        ("worst_p95_ms", json!(thousandths(worst))),
    ] {
        line.insert(name.to_owned(), value);
    }
    for kind in measured {
        let figures = json!({
            "p50_ms": thousandths(kind.answered.p50), "p95_ms": thousandths(kind.answered.p95),
            "p99_ms": thousandths(kind.answered.p99), "searches": args.searches, "found": kind.shown,
        });
        line.insert(kind.kind.to_owned(), figures);
    }
    line.insert("fdatasync_per_second".to_owned(), json!(syncs.round()));
    line.insert("engine".to_owned(), json!(engine));
    println!("{}", Value::Object(line));
}

/// The size of the database on SQLite, of the index alone on PostgreSQL: what is subtracted.
fn bytes(opened: &Opened) -> Result<i64> {
    let size = sql! {
        sqlite: "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        postgres: "SELECT pg_total_relation_size('patient_search')"
    };
    Ok(opened.db.read_blocking(move |tx| tx.query_one(size, params![], |row| row.get(0)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_counts_letters() {
        for (name, two) in [("Garcia", "Ga"), ("O'Brien", "O'B"), ("Núñez", "Nú"), ("Y", "Y")] {
            assert_eq!(beginning(name, 2), two);
        }
    }
}
