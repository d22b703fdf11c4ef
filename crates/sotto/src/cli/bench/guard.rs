//! `sotto bench guard`: how often the guard and the reading of replies are right on the labelled
//! corpus, and how fast the guard is on one core.
//!
//! The corpus is kept with the code (`corpus/`, its labels explained in `corpus/README.md`). Rules
//! are made on the `train` files; the `test` files only ever judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use guard::{Assessment, Channel, Context, Guard, IdentifierKind, Rewrite, Verdict};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::server::peak_of;
use crate::inbound::intent::{Intent, classify};

/// Measure the guard: how often it is right on the labelled corpus, and how fast.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench guard --json\n  \
    sotto bench guard --part train --failures | less\n\n\
    docs/guard.md says how to read the figures.")]
pub(super) struct Args {
    /// The folder of labelled texts: outbound-*.jsonl, inbound-*.jsonl, identifiers-*.jsonl.
    #[arg(long, value_name = "DIR", default_value = "corpus")]
    corpus: PathBuf,
    /// Judge by these files: `test`, which no rule was made on, or `train`.
    #[arg(long, value_parser = ["test", "train"], default_value = "test")]
    part: String,
    /// For how many seconds to measure speed.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Also list each text that was judged otherwise than its label says.
    #[arg(long, conflicts_with = "json")]
    failures: bool,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// A message to a patient, as it should be judged.
#[derive(Deserialize)]
struct Outbound {
    id: String,
    channel: Channel,
    text: String,
    verdict: Verdict,
    level: u8,
    categories: BTreeSet<String>,
}

/// A patient's text, as it should be read.
#[derive(Deserialize)]
struct Inbound {
    id: String,
    text: String,
    intent: Intent,
}

/// A clinical text with the identifiers in it.
#[derive(Deserialize)]
struct Clinical {
    id: String,
    text: String,
    identifiers: Vec<Labelled>,
}

#[derive(Deserialize)]
struct Labelled {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: IdentifierKind,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (guard, load) = timed(Guard::standard);
    let mut report = Report::default();
    let outbound: Vec<Outbound> = read(&args.corpus, "outbound-", &args.part)?;
    for message in &outbound {
        report.outbound.judge(guard, message);
    }
    // Before replies are read, which have tables of their own.
    let memory = std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(peak_of);
    for reply in read::<Inbound>(&args.corpus, "inbound-", &args.part)? {
        report.inbound.judge(&reply, classify(&reply.text).primary());
    }
    for text in read::<Clinical>(&args.corpus, "identifiers-", &args.part).unwrap_or_default() {
        report.identifiers.judge(&text, &guard.check(&text.text, &Context::default()));
    }
    let speed = speed(guard, &outbound, Duration::from_secs(args.seconds.max(1)));
    let cost = Cost { load, memory, speed };
    if args.json {
        println!("{}", report.json(&args.part, &cost));
    } else {
        print!("{}", report.table(&args.part, &cost));
        if args.failures {
            report.failures().for_each(|line| println!("{line}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Every labelled text of one kind and part.
fn read<T: DeserializeOwned>(folder: &Path, kind: &str, part: &str) -> Result<Vec<T>> {
    let listed = std::fs::read_dir(folder).with_context(|| {
        format!(
            "--corpus {} cannot be read; it is the folder corpus/ of the source",
            folder.display()
        )
    })?;
    let mut files: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(kind) && name.contains(part) && name.ends_with(".jsonl")
        })
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let one = serde_json::from_str(line)
                .with_context(|| format!("{}, line {number}", file.display()))?;
            all.push(one);
        }
    }
    if all.is_empty() {
        bail!("{} has no {kind}*{part}*.jsonl", folder.display());
    }
    Ok(all)
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

/// How many of how many.
#[derive(Default, Clone, Copy)]
struct Share {
    of: u32,
    right: u32,
}

impl Share {
    fn count(&mut self, right: bool) {
        self.of += 1;
        self.right += u32::from(right);
    }

    /// 0 to 1, to four places; 1 of nothing.
    fn value(self) -> f64 {
        let share = if self.of == 0 { 1.0 } else { f64::from(self.right) / f64::from(self.of) };
        (share * 10_000.0).round() / 10_000.0
    }

    fn json(self) -> Value {
        json!({ "share": self.value(), "right": self.right, "of": self.of })
    }
}

/// Counts by what should have been said, then by what was said.
type Confusion = BTreeMap<String, BTreeMap<String, u32>>;

fn confuse(confusion: &mut Confusion, wanted: &str, got: &str) {
    *confusion.entry(wanted.to_owned()).or_default().entry(got.to_owned()).or_default() += 1;
}

fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

#[derive(Default)]
struct Sent {
    verdict: Share,
    level: Share,
    /// Of those that should be blocked: blocked.
    blocked: Share,
    /// Of those that should be blocked: not passed without asking.
    not_passed: Share,
    /// Of those of level 0 that should pass: passed.
    harmless: Share,
    /// Of those of level 2 and above: every category found.
    categories: Share,
    /// The same for each category by itself.
    by_category: BTreeMap<String, Share>,
    /// Of those over their channel's level: a safe rewrite or the portal offered.
    offered: Share,
    confusion: Confusion,
    failures: Vec<String>,
}

impl Sent {
    fn judge(&mut self, guard: &Guard, message: &Outbound) {
        let context = Context::default();
        let found = guard.check(&message.text, &context);
        let got = found.verdict(message.channel);
        let level = u8::from(found.level);
        let right = got == message.verdict;
        self.verdict.count(right);
        self.level.count(level == message.level);
        if message.verdict == Verdict::Block {
            self.blocked.count(got == Verdict::Block);
            self.not_passed.count(got != Verdict::Pass);
        }
        if got != Verdict::Pass {
            let way = guard.rewrite(&message.text, &found, &context, message.channel);
            let passes = way.is_some_and(|way| {
                let (Rewrite::Text(text) | Rewrite::ToPortal { notice: text }) = way;
                guard.check(&text, &context).verdict(message.channel) == Verdict::Pass
            });
            self.offered.count(passes);
        }
        if message.level == 0 && message.verdict == Verdict::Pass {
            self.harmless.count(got == Verdict::Pass);
        }
        let said: BTreeSet<String> = found.findings.iter().map(|f| word(f.category)).collect();
        let missing: Vec<&str> = message.categories.difference(&said).map(String::as_str).collect();
        if message.level >= 2 {
            self.categories.count(missing.is_empty());
            for category in &message.categories {
                let found = said.contains(category);
                self.by_category.entry(category.clone()).or_default().count(found);
            }
        }
        let (wanted, got) = (word(message.verdict), word(got));
        confuse(&mut self.confusion, &wanted, &got);
        if !right || (message.level >= 2 && !missing.is_empty()) {
            let rules: Vec<&str> = found.findings.iter().map(|f| f.rule).collect();
            self.failures.push(format!(
                "{} {} {wanted}/{} -> {got}/{level} missing [{}] by [{}]\n    {:?}",
                message.id,
                message.channel.as_str(),
                message.level,
                missing.join(" "),
                rules.join(" "),
                message.text
            ));
        }
    }
}

impl Sent {
    fn by_category(&self) -> Value {
        self.by_category.iter().map(|(category, share)| (category.clone(), share.json())).collect()
    }
}

#[derive(Default)]
struct Received {
    intent: Share,
    emergencies: Share,
    opt_outs: Share,
    /// Of those that are no opt-out: not taken for one.
    others_kept: Share,
    confusion: Confusion,
    failures: Vec<String>,
}

impl Received {
    fn judge(&mut self, reply: &Inbound, got: Intent) {
        let right = got == reply.intent;
        self.intent.count(right);
        match reply.intent {
            Intent::Emergency => self.emergencies.count(right),
            Intent::OptOut => self.opt_outs.count(right),
            _ => {}
        }
        if reply.intent != Intent::OptOut {
            self.others_kept.count(got != Intent::OptOut);
        }
        let (wanted, got) = (word(reply.intent), word(got));
        confuse(&mut self.confusion, &wanted, &got);
        if !right {
            self.failures.push(format!("{} {wanted} -> {got}\n    {:?}", reply.id, reply.text));
        }
    }
}

#[derive(Default)]
struct Inventory {
    /// Of the labelled spans: covered by one of ours.
    spans: Share,
    /// Of those with a form of their own: SSN, MRN, phone, email, plan number.
    formed: Share,
    /// Of the texts without any: nothing found.
    left_alone: Share,
    failures: Vec<String>,
}

impl Inventory {
    fn judge(&mut self, text: &Clinical, found: &Assessment) {
        use IdentifierKind::{Email, Mrn, Phone, Plan, Ssn};
        if text.identifiers.is_empty() {
            self.left_alone.count(found.identifiers.is_empty());
        }
        for label in &text.identifiers {
            let covered = found
                .identifiers
                .iter()
                .any(|ours| ours.span.start < label.end && label.start < ours.span.end);
            self.spans.count(covered);
            if matches!(label.kind, Ssn | Mrn | Phone | Email | Plan) {
                self.formed.count(covered);
            }
            if !covered {
                let said: String =
                    text.text.chars().skip(label.start).take(label.end - label.start).collect();
                self.failures.push(format!("{} missed {} {said:?}", text.id, word(label.kind)));
            }
        }
    }
}

/// What the guard costs.
struct Cost {
    load: Duration,
    /// The most that this process held when the messages had been judged, in MiB; none where there is
    /// no `/proc`.
    memory: Option<f64>,
    speed: Speed,
}

/// How fast, on this thread alone.
struct Speed {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    characters: f64,
}

/// Texts and emails of the length of two parts of a text message, over and over.
fn speed(guard: &Guard, messages: &[Outbound], time: Duration) -> Speed {
    let context = Context::default();
    let texts: Vec<&str> = messages
        .iter()
        .map(|message| message.text.as_str())
        .filter(|text| (100..=180).contains(&text.chars().count()))
        .collect();
    let characters = texts.iter().map(|text| text.chars().count()).sum::<usize>();
    let mut nanos = Vec::new();
    let mut left = time;
    while !left.is_zero() && !texts.is_empty() {
        for text in &texts {
            let (_, taken) = timed(|| guard.check(text, &context));
            nanos.push(taken.as_nanos());
            left = left.saturating_sub(taken);
        }
    }
    let total: u128 = nanos.iter().sum();
    nanos.sort_unstable();
    let at = |percent: usize| {
        nanos.get(nanos.len() * percent / 100).map_or(0.0, |nanos| *nanos as f64 / 1e3)
    };
    Speed {
        per_second: nanos.len() as f64 / (total.max(1) as f64 / 1e9),
        p50_us: at(50),
        p99_us: at(99),
        characters: characters as f64 / texts.len().max(1) as f64,
    }
}

#[derive(Default)]
struct Report {
    outbound: Sent,
    inbound: Received,
    identifiers: Inventory,
}

impl Report {
    /// Each figure of the report with its name.
    fn shares(&self) -> [(&'static str, Share); 14] {
        let (sent, received, inventory) = (&self.outbound, &self.inbound, &self.identifiers);
        [
            ("outbound_verdict_right", sent.verdict),
            ("outbound_level_right", sent.level),
            ("outbound_blocked", sent.blocked),
            ("outbound_block_not_passed", sent.not_passed),
            ("outbound_harmless_passed", sent.harmless),
            ("outbound_categories_found", sent.categories),
            ("inbound_intent_right", received.intent),
            ("inbound_emergencies_found", received.emergencies),
            ("inbound_opt_outs_found", received.opt_outs),
            ("inbound_others_not_opted_out", received.others_kept),
            ("identifier_spans_found", inventory.spans),
            ("identifier_formed_found", inventory.formed),
            ("identifier_texts_left_alone", inventory.left_alone),
            ("outbound_way_out_offered", sent.offered),
        ]
    }

    fn json(&self, part: &str, Cost { load, memory, speed }: &Cost) -> Value {
        let mut line: serde_json::Map<String, Value> = self
            .shares()
            .into_iter()
            .filter(|(_, share)| share.of > 0)
            .map(|(name, share)| (name.to_owned(), share.json()))
            .collect();
        let more = [
            ("part", json!(part)),
            ("messages_per_second", json!(speed.per_second.round())),
            ("p50_us", json!(speed.p50_us)),
            ("p99_us", json!(speed.p99_us)),
            ("characters", json!(speed.characters.round())),
            ("load_ms", json!(load.as_secs_f64() * 1e3)),
            ("peak_rss_mb", json!(memory)),
            ("outbound_by_category", self.outbound.by_category()),
            ("outbound_confusion", json!(self.outbound.confusion)),
            ("inbound_confusion", json!(self.inbound.confusion)),
        ];
        line.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Value::Object(line)
    }

    fn table(&self, part: &str, Cost { load, memory, speed }: &Cost) -> String {
        let mut out = format!("judged by the {part} files\n");
        for (name, share) in self.shares().into_iter().filter(|(_, share)| share.of > 0) {
            let name = name.replace('_', " ");
            let percent = share.value() * 100.0;
            let _ = writeln!(out, "  {name:32} {percent:6.2} %  {} of {}", share.right, share.of);
        }
        for (category, share) in &self.outbound.by_category {
            let (percent, name) = (share.value() * 100.0, category.replace('_', " "));
            let _ = writeln!(out, "    {name:30} {percent:6.2} %  {} of {}", share.right, share.of);
        }
        let _ = writeln!(
            out,
            "one core, texts of {:.0} characters on average\n  {:.0} messages/s, p50 {:.1} µs, \
             p99 {:.1} µs; loaded in {:.0} ms, at most {:.0} MB held",
            speed.characters,
            speed.per_second,
            speed.p50_us,
            speed.p99_us,
            load.as_secs_f64() * 1e3,
            memory.unwrap_or_default()
        );
        for (what, confusion) in
            [("verdicts", &self.outbound.confusion), ("intents", &self.inbound.confusion)]
        {
            let _ = writeln!(out, "{what}: should be → was");
            for (wanted, row) in confusion {
                let row: Vec<String> = row.iter().map(|(got, n)| format!("{got} {n}")).collect();
                let _ = writeln!(out, "  {wanted:20} {}", row.join(", "));
            }
        }
        out
    }

    fn failures(&self) -> impl Iterator<Item = &String> {
        let (sent, received) = (&self.outbound.failures, &self.inbound.failures);
        sent.iter().chain(received).chain(&self.identifiers.failures)
    }
}
