//! `sotto template`: the words that may go out, and whether they keep the rules.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use gate::Kind;
use serde_json::json;

use super::open::{self, Which};
use crate::compose::{ComposeError, Template, Templates, Variable, kinds};

/// Lists the templates, or checks a practice's own against the rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto template list --kind appt_reminder\n  \
    sotto template lint /etc/sotto/templates")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with templates.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Shows each template in force: its name, what it may reveal, and its words. Of a practice with
    /// --config or --demo; else those of this program.
    List {
        /// Which practice.
        #[command(flatten)]
        which: Which,
        /// Only this kind, for example appt_reminder.
        #[arg(long, value_parser = parse_kind)]
        kind: Option<Kind>,
        /// The folder with the practice's own templates, instead of a practice.
        #[arg(long, conflicts_with_all = ["config", "demo"])]
        templates: Option<PathBuf>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Checks the built-in templates and those in a folder. Exits with 1 when a rule is broken.
    Lint {
        /// The folder; each `*.toml` in it is read.
        folder: Option<PathBuf>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

fn parse_kind(word: &str) -> Result<Kind, String> {
    Kind::from_word(word).filter(|kind| kinds::rules(*kind).is_some()).ok_or_else(|| {
        let known: Vec<_> = Kind::ALL
            .iter()
            .filter(|kind| kinds::rules(**kind).is_some())
            .map(|kind| kind.as_str())
            .collect();
        format!("write one of {}", known.join(", "))
    })
}

/// Runs the verb.
///
/// # Errors
/// A file cannot be read or is not in form.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::List { which, kind, templates, json } => {
            let all = match &which {
                Which { config: None, demo: None } => Arc::new(load(templates.as_deref())?),
                which => open::open_which(which)?.office.templates(),
            };
            for template in all.iter().filter(|t| kind.is_none_or(|kind| t.key.kind == kind)) {
                if json {
                    println!("{}", as_json(template));
                } else {
                    print!("{}", in_words(template));
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Verb::Lint { folder, json } => match load(folder.as_deref()) {
            Ok(templates) => {
                let count = templates.iter().count();
                if json {
                    println!("{}", json!({ "templates": count, "broken": 0 }));
                } else {
                    println!("{count} templates keep every rule.");
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(ComposeError::Lint(broken)) => {
                for one in &broken {
                    if json {
                        let (template, rule) = (&one.template, one.rule);
                        let because = &one.because;
                        println!(
                            "{}",
                            json!({ "template": template, "rule": rule, "because": because })
                        );
                    } else {
                        println!("{one}");
                    }
                }
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error.into()),
        },
    }
}

fn load(folder: Option<&Path>) -> Result<Templates, ComposeError> {
    folder.map_or_else(Templates::builtin, Templates::load)
}

fn in_words(template: &Template) -> String {
    let subject = template
        .subject_source
        .as_deref()
        .map_or_else(String::new, |subject| format!("  Subject: {subject}\n"));
    let body = template.body_source.replace('\n', "\n  ");
    format!(
        "{} (level {}, approved by {})\n{subject}  {body}\n\n",
        template.key.name(),
        u8::from(template.max_level),
        template.approval.approved_by,
    )
}

fn as_json(template: &Template) -> serde_json::Value {
    let places: std::collections::BTreeSet<&str> =
        template.places().map(Variable::as_str).collect();
    json!({
        "name": template.key.name(),
        "kind": template.key.kind.as_str(),
        "channel": template.key.channel.as_str(),
        "language": template.key.language.as_str(),
        "variant": template.key.variant.as_str(),
        "max_level": u8::from(template.max_level),
        "variables": places,
        "subject": template.subject_source,
        "body": template.body_source,
        "author": template.approval.author,
        "approved_by": template.approval.approved_by,
    })
}
