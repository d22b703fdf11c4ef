//! `sotto consent`: record, revoke and show what a patient agreed to.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use clap::Subcommand;
use gate::{Category, Channel, ConsentId, Level, PatientId, Purpose};
use jiff::Timestamp;
use serde_json::json;

use super::open::{self, Which};
use super::told::{self, channel, purpose, word};
use crate::audit::{self, Actor, AuditError, Event};
use crate::db::consent_event::{self, ConsentEventRow, ConsentKind, ConsentMethod};
use crate::db::{Word, registry};
use crate::people::addresses;
use crate::people::consents::{self, NewConsent, Revocation};

/// Record, revoke and show consents. The history only grows: a revocation is a further event.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Record a consent as it was given.
    #[command(after_help = "Example:\n  sotto consent record --config sotto.toml --patient ID \
        --class pec --channel sms --address 617-555-0123 --method form --evidence \"form 17\" \
        --text-version sms-1 --language en --withdrawal \"reply STOP\"")]
    Record(Box<Record>),
    /// Revoke a consent, at once.
    #[command(after_help = "Example:\n  sotto consent revoke --config sotto.toml CONSENT \
        --method spoken --witness \"front desk\"")]
    Revoke {
        #[command(flatten)]
        which: Which,
        /// The consent's id, as `sotto consent show` tells it.
        consent: ConsentId,
        /// How it was withdrawn: paper, portal, spoken, keyword, form.
        #[arg(long, value_parser = word::<ConsentMethod>)]
        method: ConsentMethod,
        /// When; now unless told.
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// Who of the staff was there.
        #[arg(long)]
        witness: Option<String>,
        /// Where the request is kept.
        #[arg(long)]
        evidence: Option<String>,
    },
    /// Show a patient's whole history, and what holds now.
    #[command(after_help = "Example:\n  sotto consent show --config sotto.toml PATIENT --json")]
    Show {
        #[command(flatten)]
        which: Which,
        /// The patient's id.
        patient: PatientId,
        /// One line of JSON for each event.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Record {
    #[command(flatten)]
    which: Which,
    /// The patient's id.
    #[arg(long)]
    patient: PatientId,
    /// pec, pewc, content, marketing_authorization.
    #[arg(long, value_parser = word::<ConsentKind>)]
    class: ConsentKind,
    /// sms, email, voicemail, ringless_voicemail, portal.
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// The number or address, which must be on file; none for the portal.
    #[arg(long, default_value = "")]
    address: String,
    /// For which purposes; all that the class covers unless told. Once for each.
    #[arg(long = "purpose", value_parser = purpose)]
    purposes: Vec<Purpose>,
    /// Content: which categories. Once for each.
    #[arg(long = "category", value_parser = word::<Category>)]
    categories: Vec<Category>,
    /// Content: up to which level, 1 to 3.
    #[arg(long, value_name = "LEVEL")]
    up_to: Option<u8>,
    /// Version of the consent or risk text shown.
    #[arg(long)]
    text_version: Option<String>,
    /// The risk warning was shown and acknowledged.
    #[arg(long)]
    risk_warned: bool,
    /// The language it was explained in.
    #[arg(long)]
    language: String,
    /// How often messages come, as told.
    #[arg(long)]
    frequency: Option<String>,
    /// paper, portal, spoken, keyword, form.
    #[arg(long, value_parser = word::<ConsentMethod>)]
    method: ConsentMethod,
    /// Where the paper or form is kept.
    #[arg(long)]
    evidence: Option<String>,
    /// The scan or form: its SHA-256 is kept, not the file.
    #[arg(long, value_name = "FILE")]
    evidence_file: Option<PathBuf>,
    /// Who of the staff was there.
    #[arg(long)]
    witness: Option<String>,
    /// When it was given; now unless told.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Until when it holds.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// How it can be withdrawn, as told.
    #[arg(long)]
    withdrawal: String,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Record(given) => {
            let opened = open::open_which(&given.which)?;
            let office = opened.office;
            let new = new_consent(given, office.clock().now())?;
            let id = opened.db.write_blocking(move |tx| {
                consents::record(tx, (&office).into(), Actor::operator(), &new)
            })?;
            println!("{id}");
        }
        Deed::Revoke { which, consent, method, at, witness, evidence } => {
            let opened = open::open_which(which)?;
            let (office, consent) = (opened.office, *consent);
            let now = office.clock().now();
            let how = Revocation {
                method: *method,
                captured_at: at.unwrap_or(now),
                witness: witness.clone(),
                evidence: evidence.clone(),
            };
            let done = opened.db.write_blocking(move |tx| {
                consents::withdraw(tx, &office, Actor::operator(), consent, &how)
            })?;
            told::say(done);
            eprintln!("consent {consent} is revoked");
        }
        Deed::Show { which, patient, json } => {
            let opened = open::open_which(which)?;
            let (office, patient) = (opened.office, *patient);
            let now = office.clock().now();
            let history = opened.db.write_blocking(move |tx| {
                let event = Event::new(audit::Kind::PatientViewed, Actor::operator())
                    .about(registry::PATIENT, patient)
                    .patient(patient)
                    .code("consents");
                audit::append(tx, &office, event)?;
                Ok::<_, AuditError>(consent_event::of_patient(tx, office.practice(), patient)?)
            })?;
            let holds: Vec<_> =
                consents::in_force(&history, now).iter().map(|row| row.id).collect();
            for row in &history {
                show(row, holds.contains(&row.id), *json);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn new_consent(given: &Record, now: Timestamp) -> Result<NewConsent> {
    let evidence_digest = match &given.evidence_file {
        None => None,
        Some(path) => {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            Some(digest(&SHA256, &bytes).as_ref().try_into()?)
        }
    };
    let up_to = given.up_to.map(Level::try_from).transpose();
    Ok(NewConsent {
        patient: given.patient,
        class: given.class,
        channel: given.channel,
        address: addresses::parse_for(given.channel, &given.address).context("--address")?,
        purposes: given.purposes.clone(),
        categories: given.categories.clone(),
        up_to: up_to.map_err(|why| anyhow!("--up-to: {why}"))?,
        text_version: given.text_version.clone(),
        risk_warned: given.risk_warned,
        language: given.language.clone(),
        frequency: given.frequency.clone(),
        method: given.method,
        evidence: given.evidence.clone(),
        evidence_digest,
        witness: given.witness.clone(),
        captured_at: given.at.unwrap_or(now),
        valid_until: given.until,
        withdrawal: given.withdrawal.clone(),
    })
}

fn show(row: &ConsentEventRow, holds: bool, json: bool) {
    if json {
        let line = json!({
            "consent": row.consent_id, "event": row.event.word(), "holds": holds,
            "class": row.class.word(), "channel": row.channel.as_str(),
            "purposes": words(&row.purposes), "categories": words(&row.categories),
            "up_to_level": row.up_to_level, "text_version": row.text_version,
            "risk_warned": row.risk_warned, "language": row.language,
            "frequency": row.frequency, "method": row.method.word(), "evidence": row.evidence,
            "evidence_sha256": row.evidence_digest.as_ref().map(hex::encode),
            "witness": row.witness, "captured_by": row.captured_by,
            "captured_at": row.captured_at, "valid_until": row.valid_until,
            "withdrawal": row.withdrawal, "recorded_at": row.recorded_at,
        });
        println!("{line}");
        return;
    }
    println!(
        "{}  {} {} for {}, {} by {}{}",
        row.consent_id,
        row.event.word(),
        row.class.word(),
        row.channel.as_str(),
        row.captured_at,
        row.method.word(),
        if holds { "  (holds)" } else { "" }
    );
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}
