//! What the verbs about people share: how something was told, words, and how lines are printed.

use anyhow::{Result, anyhow};
use gate::{Address, Channel, EmailAddress, Kind, PatientId, Purpose};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::open::{self, Which};
use crate::audit::{self, Actor, Event};
use crate::db::consent_event::ConsentMethod;
use crate::db::{Tx, Word, registry};
use crate::office::Office;
use crate::outbox::recheck::Rechecked;
use crate::people::addresses::parse_phone;
use crate::people::card::{self, Card};
use crate::people::told::{RecordError, Told};

/// How the practice came to know.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ToldArgs {
    /// How it was told: paper, portal, spoken, keyword, form.
    #[arg(long, value_parser = word::<ConsentMethod>)]
    method: ConsentMethod,
    /// Where the paper or form is kept; paper and form need it.
    #[arg(long)]
    evidence: Option<String>,
    /// Who of the staff was there; what is spoken needs it.
    #[arg(long)]
    witness: Option<String>,
    /// When the patient said so; now unless told.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

impl ToldArgs {
    pub(super) fn read(&self, now: Timestamp) -> Told {
        Told {
            method: self.method,
            evidence: self.evidence.clone(),
            witness: self.witness.clone(),
            captured_at: self.at.unwrap_or(now),
        }
    }
}

/// Which practice and which patient.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct OfPatient {
    #[command(flatten)]
    pub(super) which: Which,
    /// The patient's id, as `sotto patient find` tells it.
    #[arg(long)]
    pub(super) patient: PatientId,
}

/// From when, and until when.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Period {
    /// From when; now unless told.
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<Timestamp>,
    /// Until when.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<Timestamp>,
}

pub(super) fn word<T: Word>(text: &str) -> Result<T, String> {
    T::from_word(text).ok_or_else(|| "none of the words that --help lists".to_owned())
}

pub(super) fn channel(text: &str) -> Result<Channel, String> {
    Channel::from_word(text).ok_or_else(|| {
        "the channels are sms, email, voicemail, ringless_voicemail, portal".to_owned()
    })
}

pub(super) fn purpose(text: &str) -> Result<Purpose, String> {
    Purpose::from_word(text).ok_or_else(|| {
        let all: Vec<_> = Purpose::ALL.iter().map(|purpose| purpose.as_str()).collect();
        format!("the purposes are {}", all.join(", "))
    })
}

pub(super) fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_word(text).ok_or_else(|| {
        let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the kinds are {}", all.join(", "))
    })
}

/// A number or a mailbox, whichever it is.
pub(super) fn address(text: &str) -> Result<Address, String> {
    let read = if text.contains('@') {
        EmailAddress::parse(text).map(Address::Email)
    } else {
        parse_phone(text).map(|(number, _)| Address::Phone(number))
    };
    read.map_err(|error| error.to_string())
}

/// Writes something down in one transaction.
pub(super) fn record<T: Send + 'static>(
    which: &Which,
    told: &ToldArgs,
    write: impl FnOnce(&mut Tx<'_>, &Office, &Told) -> Result<T, RecordError> + Send + 'static,
) -> Result<T> {
    let opened = open::open_which(which)?;
    let office = opened.office;
    let told = told.read(office.clock().now());
    Ok(opened.db.write_blocking(move |tx| write(tx, &office, &told))?)
}

/// Opens a patient's card and records that it was looked at.
pub(super) fn card(of: &OfPatient, what: &'static str) -> Result<Card> {
    let opened = open::open_which(&of.which)?;
    let (office, patient) = (opened.office, of.patient);
    let card = opened.db.write_blocking(move |tx| {
        let card = card::of(tx, &office, patient)?;
        if card.is_some() {
            viewed(tx, &office, patient, what)?;
        }
        Ok::<_, RecordError>(card)
    })?;
    card.ok_or_else(|| anyhow!("there is no patient with this id; `sotto patient find` finds one"))
}

/// Records that something about a patient is shown at the terminal (45 CFR 164.312(b)).
pub(super) fn viewed(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    what: &'static str,
) -> Result<(), RecordError> {
    let event = Event::new(audit::Kind::PatientViewed, Actor::operator())
        .about(registry::PATIENT, patient)
        .patient(patient)
        .code(what);
    audit::append(tx, office, event)?;
    Ok(())
}

/// Prints lines: JSON for a program, `name: value` for a person.
pub(super) fn print(lines: &[impl Serialize], json: bool) -> Result<()> {
    for line in lines {
        let line = serde_json::to_value(line)?;
        if json {
            println!("{line}");
        } else {
            println!("{}", in_words(&line));
        }
    }
    if lines.is_empty() && !json {
        eprintln!("none on file");
    }
    Ok(())
}

/// The fields of a line that say something, after its id.
fn in_words(line: &Value) -> String {
    let Value::Object(fields) = line else { return line.to_string() };
    let mut said: Vec<String> = Vec::new();
    if let Some(Value::String(id)) = fields.get("id") {
        said.push(format!("{id} "));
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != "id") {
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::Bool(true) => said.push(name.clone()),
            Value::String(text) => said.push(format!("{name}: {text}")),
            Value::Array(all) if all.is_empty() => {}
            Value::Array(all) => {
                let all: Vec<_> = all.iter().filter_map(Value::as_str).collect();
                said.push(format!("{name}: {}", all.join(" ")));
            }
            other => said.push(format!("{name}: {other}")),
        }
    }
    said.join("  ")
}

/// What became of the messages that waited.
pub(super) fn say(done: Rechecked) {
    if done.replanned > 0 {
        eprintln!("{} waiting reminder(s) withdrawn and planned again", done.replanned);
    }
    if done.withdrawn > 0 {
        eprintln!("{} other waiting message(s) withdrawn, each with a task", done.withdrawn);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_what_there_is_to_say() {
        let line = json!({
            "address": "…0123", "dead": null, "id": "7", "rank": 1, "shared": true, "used": false,
            "scope": ["appointments", "billing"], "kinds_off": [],
        });
        let said = in_words(&line);
        assert!(said.starts_with("7 "), "{said}");
        for part in ["address: …0123", "rank: 1", "shared", "scope: appointments billing"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(!said.contains("used") && !said.contains("dead") && !said.contains("kinds_off"));
    }

    #[test]
    fn an_address_is_a_number_or_a_mailbox() {
        assert!(matches!(address("617-555-0123"), Ok(Address::Phone(_))));
        assert!(matches!(address("ana@example.com"), Ok(Address::Email(_))));
        assert!(address("ana").is_err());
    }
}
