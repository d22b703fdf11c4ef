//! Judges labelled messages and says where the guard and the label differ.
//!
//! `cargo run --release -p guard --example judge -- corpus/outbound-train-*.jsonl [--failures]`

use std::collections::{BTreeMap, BTreeSet};

use guard::{Channel, Context, Guard, Level, Verdict};
use serde_json::Value;

#[derive(Default)]
struct Tally {
    all: u32,
    right: u32,
    blocks: u32,
    missed_blocks: u32,
    missed_to_pass: u32,
    harmless: u32,
    harmless_passed: u32,
    told: u32,
    told_found: u32,
    /// Category → messages at level 2 and up that carry it, and how many of them it was found in.
    by_category: BTreeMap<String, (u32, u32)>,
    confusion: BTreeMap<(String, String), u32>,
}

fn word(verdict: Verdict) -> String {
    serde_json::to_value(verdict)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let show = flags.iter().any(|f| f == "--failures");
    let rewrites = flags.iter().any(|f| f == "--rewrites");
    for file in files {
        let mut tally = Tally::default();
        for line in std::fs::read_to_string(&file)?.lines().filter(|l| !l.trim().is_empty()) {
            let message = serde_json::from_str(line)?;
            judge(&message, &mut tally, show);
            if rewrites {
                rewrite(&message);
            }
        }
        report(&file, &tally);
    }
    Ok(())
}

fn judge(message: &Value, tally: &mut Tally, show: bool) {
    let field = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or("");
    let text = field("text");
    let Some(channel) = Channel::from_word(field("channel")) else { return };
    let assessment = guard::check(text, &Context::default());
    let verdict = assessment.verdict(channel);
    let expected = field("verdict").to_owned();
    let level = message.get("level").and_then(Value::as_u64).unwrap_or(0);
    let name = |c| serde_json::to_value(c).ok().and_then(|v| v.as_str().map(str::to_owned));
    let found: BTreeSet<String> =
        assessment.findings.iter().filter_map(|f| name(f.category)).collect();
    let wanted: BTreeSet<String> = message
        .get("categories")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|c| c.as_str().map(str::to_owned))
        .collect();
    tally.all += 1;
    let got = word(verdict);
    let right = got == expected;
    tally.right += u32::from(right);
    tally.blocks += u32::from(expected == "block");
    tally.missed_blocks += u32::from(expected == "block" && !right);
    tally.missed_to_pass += u32::from(expected == "block" && verdict == Verdict::Pass);
    tally.harmless += u32::from(level == 0);
    tally.harmless_passed += u32::from(level == 0 && verdict == Verdict::Pass);
    let missing: Vec<_> = wanted.difference(&found).cloned().collect();
    tally.told += u32::from(level >= 2);
    tally.told_found += u32::from(level >= 2 && missing.is_empty());
    if level >= 2 {
        for category in &wanted {
            let entry = tally.by_category.entry(category.clone()).or_default();
            entry.0 += 1;
            entry.1 += u32::from(found.contains(category));
        }
    }
    *tally.confusion.entry((expected.clone(), got.clone())).or_default() += 1;
    let recall_fails = level >= 2 && !missing.is_empty();
    let level_differs = u64::from(u8::from(assessment.level)) != level;
    if show && (!right || recall_fails || level_differs) {
        let what = assessment.findings.iter().map(|f| {
            let said: String = text.chars().skip(f.span.start).take(f.span.len()).collect();
            format!("{}:L{}:{said:?}", f.rule, u8::from(f.level))
        });
        let mark = if right { if recall_fails { "CATEGORY" } else { "level" } } else { "VERDICT" };
        println!(
            "{mark} {} {} {expected}/{level} -> {got}/{} missing {missing:?}\n   {text:?}\n   {}",
            field("id"),
            channel.as_str(),
            u8::from(assessment.level),
            what.collect::<Vec<_>>().join(" | "),
        );
    }
}

/// Prints what is offered instead of a message that is too much for its channel.
fn rewrite(message: &Value) {
    let field = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or("");
    let Some(channel) = Channel::from_word(field("channel")) else { return };
    let context = Context::default();
    let assessment = guard::check(field("text"), &context);
    let offer = Guard::standard().rewrite(field("text"), &assessment, &context, channel);
    if let Some(offer) = offer {
        println!("{} {:?}\n   {offer:?}", channel.as_str(), field("text"));
    }
}

fn report(file: &str, t: &Tally) {
    let share = |a: u32, b: u32| if b == 0 { 100.0 } else { 100.0 * f64::from(a) / f64::from(b) };
    let none = Level::default();
    println!("## {file} ({} messages; lowest level {})", t.all, u8::from(none));
    println!("verdict right      {:6.2} % ({}/{})", share(t.right, t.all), t.right, t.all);
    println!(
        "block missed       {:6.2} % ({}/{}), passed {:.2} % ({})",
        share(t.missed_blocks, t.blocks),
        t.missed_blocks,
        t.blocks,
        share(t.missed_to_pass, t.blocks),
        t.missed_to_pass,
    );
    println!(
        "harmless passed    {:6.2} % ({}/{})",
        share(t.harmless_passed, t.harmless),
        t.harmless_passed,
        t.harmless
    );
    println!(
        "categories at L2+  {:6.2} % ({}/{})",
        share(t.told_found, t.told),
        t.told_found,
        t.told
    );
    for (category, (carried, found)) in &t.by_category {
        println!("   {category:>20} found in {found}/{carried}");
    }
    for ((expected, got), count) in &t.confusion {
        println!("   {expected:>13} judged {got:<13} {count}");
    }
}
