//! Learns the weights by which patients' texts are read, and tells how well they do.
//!
//! ```sh
//! cargo run --release -p sotto --example learn_inbound          # cross-validation, then the table
//! cargo run --release -p sotto --example learn_inbound -- --cross   # each author's file unseen
//! ```
//!
//! From every corpus/inbound-train*.jsonl and corpus/inbound-phrases.txt (texts written for learning,
//! by intent, `{a|b|}` one of these) it makes texts as people write them: with slips of the thumb, and
//! two in one, named by the order of RULEBOOK TEL-19. A linear model learns from them (softmax,
//! AdaGrad, weight decay, a part of the features left out each time). The same input gives the same table. corpus/inbound-test.jsonl is never read.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::arithmetic_side_effects,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "a tool for the makers, on files of this repository"
)]

#[path = "../src/inbound/emergency.rs"]
mod emergency;
#[path = "../src/inbound/emergency_phrases.rs"]
mod emergency_phrases;
#[path = "../src/inbound/grammar.rs"]
mod grammar;
#[path = "../src/inbound/intent.rs"]
mod intent;
#[path = "../src/inbound/intent_model.rs"]
mod intent_model;
#[path = "../src/inbound/intent_phrases.rs"]
mod intent_phrases;
#[path = "../src/inbound/revocation.rs"]
mod revocation;
#[path = "../src/inbound/revocation_phrases.rs"]
mod revocation_phrases;
#[path = "../src/inbound/short_forms.rs"]
mod short_forms;
#[path = "../src/inbound/spelling.rs"]
mod spelling;
#[path = "../src/inbound/word_classes.rs"]
mod word_classes;
#[path = "../src/inbound/words.rs"]
mod words;

use std::collections::HashMap;
use std::path::PathBuf;

use intent::Intent;
use intent_model::{INTENTS, features, norm, softmax};

const FOLDS: usize = 6;
const ROUNDS: usize = 10;
const RATE: f32 = 0.08;
const DECAY: f32 = 2e-5;
/// Of a hundred features, how many a text is shown without: others must then carry its meaning.
const LEFT_OUT: usize = 50;
/// Two texts in one count so much.
const PAIR: f32 = 0.08;
/// A text among chatter counts so much, and chatter alone.
const AMONG_CHATTER: f32 = 1.0;
/// Rows of the table.
const MOST_FEATURES: usize = 15_500;

#[derive(Debug, Clone)]
struct Text {
    text: String,
    intent: usize,
    weight: f32,
}

struct Example {
    features: Vec<u32>,
    intent: usize,
    weight: f32,
}

/// A small generator of chance, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }
}

fn root() -> PathBuf {
    std::env::var("SOTTO_ROOT")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.."), PathBuf::from)
}

fn number(name: &str) -> usize {
    let intent: Intent = serde_json::from_value(name.into()).unwrap_or_else(|_| panic!("{name}"));
    intent as usize
}

fn labelled(path: &std::path::Path) -> Vec<Text> {
    std::fs::read_to_string(path)
        .expect("the corpus")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|v| Text {
            text: v["text"].as_str().unwrap().to_owned(),
            intent: number(v["intent"].as_str().unwrap()),
            weight: 1.0,
        })
        .collect()
}

/// `[intent]` lines, then texts; `#` a remark.
fn phrases(dice: &mut Dice) -> Vec<Text> {
    let mut out = Vec::new();
    let mut intent = 0;
    for line in std::fs::read_to_string(root().join("corpus/inbound-phrases.txt")).unwrap().lines()
    {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            intent = number(name.trim_end_matches(']'));
            continue;
        }
        // Every choice of every brace comes at least once.
        let made = choices(line).saturating_mul(if line.matches('{').count() > 1 { 2 } else { 1 });
        let mut texts: Vec<String> = (0..made).map(|turn| expanded(line, turn, dice)).collect();
        texts.sort();
        texts.dedup();
        out.extend(texts.into_iter().map(|text| Text { text, intent, weight: 1.0 }));
    }
    out
}

fn choices(line: &str) -> usize {
    let sizes =
        line.split('{').skip(1).map(|p| p.split('}').next().unwrap_or("").split('|').count());
    sizes.max().unwrap_or(1)
}

fn expanded(line: &str, turn: usize, dice: &mut Dice) -> String {
    let mut out = String::new();
    let mut rest = line;
    let most = choices(line);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (inside, after) = after.split_once('}').expect("a brace that closes");
        let choices: Vec<&str> = inside.split('|').collect();
        let in_turn = choices.len() == most && turn < most;
        out.push_str(choices[if in_turn { turn } else { dice.roll(choices.len()) }]);
        rest = after;
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A letter lost, doubled or swapped.
fn slipped(text: &str, dice: &mut Dice) -> String {
    let mut words: Vec<Vec<char>> = text.split(' ').map(|w| w.chars().collect()).collect();
    let at = dice.roll(words.len());
    let word = &mut words[at];
    if word.len() >= 4 {
        let place = 1 + dice.roll(word.len() - 2);
        match dice.roll(3) {
            0 => {
                word.remove(place);
            }
            1 => word.swap(place, place + 1),
            _ => word.insert(place, word[place]),
        }
    }
    words.into_iter().map(String::from_iter).collect::<Vec<_>>().join(" ")
}

/// corpus/inbound-chatter.txt: what people write around what they want.
fn chatter() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("corpus/inbound-chatter.txt")).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

const JOINTS: [&str; 6] = [". ", " ", ", ", " and ", "\n", " but "];

/// Some sentences of chatter in a row.
fn rambling(chatter: &[String], dice: &mut Dice) -> String {
    let mut out = String::new();
    for turn in 0..=dice.roll(3) {
        if turn > 0 {
            out.push_str(JOINTS[dice.roll(JOINTS.len())]);
        }
        out.push_str(&chatter[dice.roll(chatter.len())]);
    }
    out
}

/// What is learned from: the texts, their slips, pairs of them, and each among chatter, so that
/// neither a text's length nor what it says besides counts for anything.
fn enlarged(texts: &[Text], dice: &mut Dice) -> Vec<Text> {
    let chatter = chatter();
    let mut out = texts.to_vec();
    for text in texts {
        let keyword = !text.text.trim().contains(' ');
        let around = rambling(&chatter, dice);
        let joint = JOINTS[dice.roll(JOINTS.len())];
        let said = text.text.trim_end_matches('.');
        if !keyword {
            let told = match dice.roll(3) {
                0 => format!("{around}{joint}{said}"),
                1 => format!("{said}{joint}{around}"),
                _ => format!("{}{joint}{said}{joint}{around}", rambling(&chatter, dice)),
            };
            out.push(Text { text: told, weight: text.weight * AMONG_CHATTER, ..text.clone() });
        }
        if dice.roll(4) == 0 {
            let intent = Intent::Other as usize;
            out.push(Text { text: around, intent, weight: AMONG_CHATTER });
        }
        for _ in 0..2 {
            let slip = slipped(&text.text, dice);
            out.push(Text { text: slip, weight: text.weight * 0.4, ..text.clone() });
        }
        // Emergencies, stops and strangers are told by rules too; the rest is told apart by weights.
        for _ in 0..2 {
            let other = &texts[dice.roll(texts.len())];
            let intent = if other.intent == Intent::Other as usize {
                text.intent
            } else {
                text.intent.min(other.intent)
            };
            let joint = JOINTS[dice.roll(JOINTS.len())];
            let short = text.text.split(' ').count() <= 12 && other.text.split(' ').count() <= 12;
            let exact = [&text.text, &other.text].iter().any(|t| t.split(' ').count() == 1);
            let keyword = exact && [2, 3].contains(&intent);
            if short && !keyword {
                out.push(Text {
                    text: format!("{}{joint}{}", text.text.trim_end_matches('.'), other.text),
                    intent,
                    weight: text.weight.min(other.weight) * PAIR,
                });
            }
        }
    }
    out
}

fn example(text: &Text) -> Example {
    let words = words::Words::new(&text.text);
    let hits = grammar::find(&words);
    let features = features(&words, &hits, &text.text);
    Example { features, intent: text.intent, weight: text.weight }
}

type Rows = HashMap<u32, [f32; INTENTS]>;

fn learn(examples: &[Example], dice: &mut Dice) -> Rows {
    // Features that come once say nothing about other texts.
    let mut seen: HashMap<u32, u32> = HashMap::new();
    for example in examples {
        for f in &example.features {
            *seen.entry(*f).or_default() += 1;
        }
    }
    let mut numbers: Vec<u32> = seen.iter().filter(|(_, n)| **n >= 3).map(|(f, _)| *f).collect();
    numbers.sort_unstable();
    let place: HashMap<u32, usize> = numbers.iter().enumerate().map(|(i, f)| (*f, i)).collect();
    let known: Vec<Vec<usize>> = examples
        .iter()
        .map(|e| e.features.iter().filter_map(|f| place.get(f).copied()).collect())
        .collect();
    let mut weights = vec![[0.0_f32; INTENTS]; numbers.len()];
    let mut squares = vec![[1e-2_f32; INTENTS]; numbers.len()];
    let mut order: Vec<usize> = (0..examples.len()).collect();
    for _ in 0..ROUNDS {
        for at in (1..order.len()).rev() {
            order.swap(at, dice.roll(at + 1));
        }
        for &at in &order {
            let (example, known) = (&examples[at], &known[at]);
            let norm = norm(example.features.len());
            let shown: Vec<usize> =
                known.iter().copied().filter(|_| dice.roll(100) >= LEFT_OUT).collect();
            let norm_shown = norm * 100.0 / (100 - LEFT_OUT) as f32;
            let mut scores = [0.0_f32; INTENTS];
            for &f in &shown {
                for (score, w) in scores.iter_mut().zip(&weights[f]) {
                    *score += w * norm_shown;
                }
            }
            let odds = softmax(scores);
            for i in 0..INTENTS {
                let miss = odds[i] - f32::from(u8::from(i == example.intent));
                let slope = miss * norm_shown * example.weight;
                if slope.abs() < 1e-4 {
                    continue;
                }
                for &f in &shown {
                    let g = slope + DECAY * weights[f][i];
                    squares[f][i] += g * g;
                    weights[f][i] -= RATE * g / squares[f][i].sqrt();
                }
            }
        }
    }
    numbers.into_iter().zip(weights).collect()
}

/// The table: the weightiest features, as bytes.
fn table(rows: &Rows) -> Vec<u8> {
    let mut best: Vec<(f32, u32)> =
        rows.iter().map(|(f, w)| (w.iter().map(|x| x * x).sum::<f32>(), *f)).collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    best.truncate(MOST_FEATURES);
    let most = best.iter().flat_map(|(_, f)| rows[f]).fold(0.0_f32, |m, w| m.max(w.abs()));
    let scale = most / 127.0;
    let mut numbers: Vec<u32> = best.into_iter().map(|(_, f)| f).collect();
    numbers.sort_unstable();
    let mut out = scale.to_le_bytes().to_vec();
    for f in numbers {
        out.extend(f.to_le_bytes());
        out.extend(rows[&f].map(|w| (w / scale).round() as i8).map(i8::cast_unsigned));
    }
    out
}

fn model(texts: &[Text], dice: &mut Dice) -> Vec<u8> {
    let examples: Vec<Example> = enlarged(texts, dice).iter().map(example).collect();
    table(&learn(&examples, dice))
}

/// Every corpus/inbound-train*.jsonl, in order.
fn train_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("inbound-train") && name.ends_with(".jsonl")
        })
        .collect();
    files.sort();
    files
}

/// Each file read by what was learned from the others: what an unknown writer may expect.
fn cross(files: &[Vec<Text>], own: &[Text]) {
    for (at, judged) in files.iter().enumerate() {
        let mut texts = own.to_vec();
        let others = files.iter().enumerate().filter(|(i, _)| *i != at).flat_map(|(_, f)| f);
        texts.extend(others.map(|t| Text { weight: 2.0, ..t.clone() }));
        let weights = intent_model::Weights::load(&model(&texts, &mut Dice(7)));
        let pairs: Vec<_> =
            judged.iter().map(|t| (t.intent, intent::classify_by(&weights, &t.text), t)).collect();
        println!("file {at}");
        report(&pairs);
        for text in judged {
            danger_of(&weights, text);
        }
    }
}

fn main() {
    let mut dice = Dice(7);
    let files: Vec<Vec<Text>> = train_files().iter().map(|path| labelled(path)).collect();
    let own = phrases(&mut dice);
    if std::env::args().any(|a| a == "--cross") {
        return cross(&files, &own);
    }
    let corpus: Vec<Text> = files.concat();
    println!("{} of the corpus, {} of the phrases", corpus.len(), own.len());
    let folds = if std::env::args().any(|a| a == "--no-folds") { 0 } else { FOLDS };
    let mut pairs: Vec<(usize, intent::Reading, &Text)> = Vec::new();
    for fold in 0..folds {
        let mut texts: Vec<Text> = own.clone();
        // A text of the corpus is a real one: it counts more.
        texts.extend(
            corpus
                .iter()
                .enumerate()
                .filter(|(i, _)| i % FOLDS != fold)
                .map(|(_, t)| Text { weight: 2.0, ..t.clone() }),
        );
        let bytes = model(&texts, &mut dice);
        let weights = intent_model::Weights::load(&bytes);
        for text in corpus.iter().enumerate().filter(|(i, _)| i % FOLDS == fold).map(|(_, t)| t) {
            let reading = intent::classify_by(&weights, &text.text);
            if std::env::args().any(|a| a == "--danger") {
                danger_of(&weights, text);
            }
            pairs.push((text.intent, reading, text));
        }
    }
    if folds > 0 {
        report(&pairs);
    }
    let mut texts = own;
    texts.extend(corpus.iter().map(|t| Text { weight: 2.0, ..t.clone() }));
    let bytes = model(&texts, &mut dice);
    let path = root().join("crates/sotto/src/inbound/inbound_weights.bin");
    std::fs::write(&path, &bytes).unwrap();
    println!("{} bytes of weights", bytes.len());
}

/// What the rules and the weights each say of danger and of stopping.
fn danger_of(weights: &intent_model::Weights, text: &Text) {
    let words = words::Words::new(&text.text);
    let hits = grammar::find(&words);
    let odds = intent_model::odds(weights, &words, &hits, &text.text);
    let rule = emergency::among(&hits);
    let stop = revocation::says_so(&hits);
    for (i, ruled) in [(0, rule.is_some()), (2, stop)] {
        let wrong = ruled != (text.intent == i) || (odds[i] > 0.3) != (text.intent == i);
        if wrong {
            println!(
                "  {} {} rule {ruled} {rule:?} odds {:.3} {}",
                if i == 0 { "danger" } else { "stop" },
                if text.intent == i { "yes" } else { "no " },
                odds[i],
                words.joined()
            );
        }
    }
}

fn report(pairs: &[(usize, intent::Reading, &Text)]) {
    let name =
        |i: usize| serde_json::to_value(intent::ALL[i]).unwrap().as_str().unwrap().to_owned();
    let mut right = 0;
    for (expected, reading, text) in pairs {
        let got = reading.primary() as usize;
        if got == *expected {
            right += 1;
        } else {
            println!(
                "{:>18} ← {:<18} {:?} {}",
                name(got),
                name(*expected),
                reading.confidence,
                text.text
            );
        }
    }
    for i in 0..INTENTS {
        let of = pairs.iter().filter(|p| p.0 == i).count();
        let said = pairs.iter().filter(|p| p.1.primary() as usize == i).count();
        let both = pairs.iter().filter(|p| p.0 == i && p.1.primary() as usize == i).count();
        println!("{:>18} precision {both}/{said}, recall {both}/{of}", name(i));
    }
    println!("right {right}/{} = {:.1} %", pairs.len(), 100.0 * right as f32 / pairs.len() as f32);
}
