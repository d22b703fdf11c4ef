//! `sotto check`: what a text would reveal, and to whose ear.

use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Read};
use std::process::ExitCode;

use anyhow::Context as _;
use guard::{Assessment, Channel, Context, Guard, Level, Preview, Rewrite, Verdict};
use serde_json::{Value, json};

use super::jsonl::{self, BadLine};

/// Says what a text would reveal, with no consent on file and no other context.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits with 0 when the text passes, 1 when it needs consent or is blocked, 2 on \
    bad input.\nWith --jsonl it exits with 0 when every line could be read.\n\nExample:\n  \
    sotto check --channel voicemail \"Your A1c came back high, please call.\"\n  \
    printf '{\"id\":1,\"text\":\"See you Monday\",\"channel\":\"sms\"}\\n' | sotto check --jsonl"
)]
pub struct Args {
    /// Read {"id","text","channel"} lines from standard input, write one verdict a line.
    #[arg(long, conflicts_with = "text")]
    pub jsonl: bool,
    /// How the text would travel; with --jsonl, for lines that do not say.
    #[arg(long, default_value = "sms", value_parser = parse_channel)]
    pub channel: Channel,
    /// The text; `-` reads it from standard input.
    #[arg(required_unless_present = "jsonl")]
    pub text: Vec<String>,
}

const CHANNELS: &str = "sms, email, voicemail, ringless_voicemail or portal";
/// Longest text read from standard input, in bytes.
const MOST_BYTES: u64 = 1 << 20;

fn parse_channel(name: &str) -> Result<Channel, String> {
    Channel::from_word(name).ok_or_else(|| format!("write {CHANNELS}"))
}

/// Runs the verb.
///
/// # Errors
/// Standard input or output failed, or the text is too long or not UTF-8.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.jsonl {
        return run_lines(args.channel);
    }
    let text = match args.text.as_slice() {
        [dash] if dash == "-" => read_all()?,
        words => words.join(" "),
    };
    let guard = Guard::standard();
    let context = Context::default();
    let assessment = guard.check(&text, &context);
    let rewrite = guard.rewrite(&text, &assessment, &context, args.channel);
    let shown = Shown {
        text: &text,
        assessment: &assessment,
        rewrite: rewrite.as_ref(),
        preview: guard.preview(args.channel, &text),
        channel: args.channel,
        colour: io::stdout().is_terminal(),
    };
    print!("{}", shown.in_words());
    Ok(match assessment.verdict(args.channel) {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::NeedsConsent | Verdict::Block => ExitCode::from(1),
    })
}

fn run_lines(default: Channel) -> anyhow::Result<ExitCode> {
    let bad = jsonl::each_line(
        io::stdin().lock(),
        BufWriter::new(io::stdout().lock()),
        io::stderr().lock(),
        |object| {
            let id = jsonl::id(object)?;
            let text = jsonl::text(object, "text")?;
            let channel = match object.get("channel") {
                None => default,
                Some(Value::String(name)) => parse_channel(name).map_err(|_| wrong_channel())?,
                Some(_) => return Err(wrong_channel()),
            };
            Ok(answer(id, &guard::check(text, &Context::default()), channel))
        },
    )
    .context("reading standard input or writing standard output")?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn wrong_channel() -> BadLine {
    BadLine::Wrong { field: "channel", must: CHANNELS }
}

/// The public contract's line (DESIGN §5).
fn answer(id: Value, assessment: &Assessment, channel: Channel) -> Value {
    let findings: Vec<Value> = assessment
        .findings
        .iter()
        .map(|f| {
            json!({
                "start": f.span.start,
                "end": f.span.end,
                "category": f.category,
                "level": f.level,
                "rule": f.rule,
                "suggestion": f.suggestion,
            })
        })
        .collect();
    let identifiers: Vec<Value> = assessment
        .identifiers
        .iter()
        .map(|i| json!({ "start": i.span.start, "end": i.span.end, "type": i.kind }))
        .collect();
    json!({
        "id": id,
        "verdict": assessment.verdict(channel),
        "level": assessment.level,
        "findings": findings,
        "identifiers": identifiers,
    })
}

fn read_all() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = io::stdin()
        .lock()
        .take(MOST_BYTES.saturating_add(1))
        .read_to_string(&mut text)
        .context("the text on standard input is not UTF-8; convert it first")?;
    anyhow::ensure!(
        u64::try_from(read).is_ok_and(|bytes| bytes <= MOST_BYTES),
        "the text on standard input is longer than 1 MiB; split it"
    );
    Ok(text.trim_end_matches('\n').to_owned())
}

/// One checked text, for a person at a terminal.
struct Shown<'a> {
    text: &'a str,
    assessment: &'a Assessment,
    rewrite: Option<&'a Rewrite>,
    preview: Preview,
    channel: Channel,
    colour: bool,
}

impl Shown<'_> {
    fn in_words(&self) -> String {
        let mut out = format!("{}\n\n", self.marked());
        let verdict = match self.assessment.verdict(self.channel) {
            Verdict::Pass => "passes",
            Verdict::NeedsConsent => "needs the patient's consent",
            Verdict::Block => "is blocked",
        };
        let channel = self.channel.as_str();
        let channel = channel.replace('_', " ");
        let level = self.assessment.level;
        let number = u8::from(level);
        let _ =
            writeln!(out, "By {channel} it {verdict}: level {number}, {}.", level_in_words(level));
        // A term of two categories is two findings, and one line.
        let mut told = Vec::new();
        for finding in &self.assessment.findings {
            if told.contains(&(&finding.span, finding.rule)) {
                continue;
            }
            told.push((&finding.span, finding.rule));
            let what: String =
                self.text.chars().skip(finding.span.start).take(finding.span.len()).collect();
            let _ = writeln!(
                out,
                "  “{what}” (level {}, {}): {} {}",
                u8::from(finding.level),
                finding.rule,
                finding.reason,
                finding.suggestion
            );
        }
        match &self.preview {
            Preview::LockScreen { line } => {
                let _ = writeln!(out, "\nOn the locked screen:\n  {line}");
            }
            Preview::Inbox { subject, snippet } => {
                let _ = writeln!(out, "\nIn the inbox:\n  {subject} – {snippet}");
            }
            Preview::Spoken { text } => {
                let _ = writeln!(out, "\nAnyone in the room hears:\n  {text}");
            }
            Preview::Nothing => {}
        }
        match self.rewrite {
            Some(Rewrite::Text(text)) => {
                let _ = writeln!(out, "\nSay instead:\n  {text}");
            }
            Some(Rewrite::ToPortal { notice }) => {
                let _ = writeln!(out, "\nSend it by the portal, and here only:\n  {notice}");
            }
            None => {}
        }
        out
    }

    /// The text with each finding underlined, redder with its level; without colour, in brackets.
    fn marked(&self) -> String {
        let mut out = String::with_capacity(self.text.len().saturating_mul(2));
        let mut open = None;
        for (at, letter) in self.text.chars().enumerate() {
            let level = self
                .assessment
                .findings
                .iter()
                .filter(|f| f.span.contains(&at))
                .map(|f| f.level)
                .max();
            if level != open {
                out.push_str(self.mark(open, level));
                open = level;
            }
            // A control character could speak to the terminal.
            out.push(if letter.is_control() && letter != '\n' { ' ' } else { letter });
        }
        if open.is_some() {
            out.push_str(self.mark(open, None));
        }
        out
    }

    fn mark(&self, from: Option<Level>, to: Option<Level>) -> &'static str {
        match (self.colour, from, to) {
            (true, _, None) => "\u{1b}[0m",
            (true, _, Some(Level::Administrative | Level::Mention)) => "\u{1b}[0;4;36m",
            (true, _, Some(Level::Detail)) => "\u{1b}[0;4;33m",
            (true, _, Some(Level::Sensitive | Level::Never)) => "\u{1b}[0;4;31m",
            (false, None, Some(_)) => "[",
            (false, Some(_), None) => "]",
            (false, _, _) => "][",
        }
    }
}

fn level_in_words(level: Level) -> &'static str {
    match level {
        Level::Administrative => "fine for anyone to hear",
        Level::Mention => "says that something exists, not what",
        Level::Detail => "ordinary health detail",
        Level::Sensitive => "sensitive",
        Level::Never => "never to be sent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_contract() {
        let text = "Your A1c came back high";
        let line = answer(json!("a"), &guard::check(text, &Context::default()), Channel::Sms);
        assert_eq!(line["verdict"], "block");
        assert_eq!(line["level"], 3);
        let finding = &line["findings"][0];
        assert_eq!((&finding["start"], &finding["end"]), (&json!(5), &json!(8)));
        assert_eq!(finding["category"], "lab_result");
        assert!(finding["rule"].is_string() && finding["suggestion"].is_string());
        assert_eq!(line["identifiers"], json!([]));
        let line =
            answer(json!(1), &guard::check("on 5/12/2031", &Context::default()), Channel::Sms);
        assert_eq!(line["identifiers"], json!([{ "start": 3, "end": 12, "type": "date" }]));
        assert_eq!(line["verdict"], "pass");
    }

    #[test]
    fn people_see_the_finding_marked() {
        let text = "Your metformin is ready";
        let assessment = guard::check(text, &Context::default());
        let shown = Shown {
            text,
            assessment: &assessment,
            rewrite: None,
            preview: Preview::Nothing,
            channel: Channel::Sms,
            colour: false,
        };
        let words = shown.in_words();
        assert!(words.starts_with("Your [metformin] is ready\n"), "{words}");
        assert!(words.contains("By sms it needs the patient's consent: level 2"), "{words}");
    }

    #[test]
    fn an_unknown_channel_is_refused_with_the_list() {
        assert!(parse_channel("pigeon").unwrap_err().contains("ringless_voicemail"));
        assert_eq!(parse_channel("portal"), Ok(Channel::Portal));
    }
}
