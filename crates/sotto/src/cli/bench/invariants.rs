//! What must be true of a run, whatever was killed in it: our record, the callers' and the
//! carrier's are compared.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use gate::{Address, PhoneNumber};
use serde::Serialize;
use twin::Outcome;

use super::practice::Resident;
use crate::audit::verify;
use crate::cli::open::Opened;
use crate::db::{DbError, Tx};
use crate::office::Office;
use crate::{params, sql};

/// How often each thing happened that must not, and how often those that may.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Counts {
    /// Answered with 202.
    pub(super) accepted: usize,
    /// Texts the carrier took.
    pub(super) texts: usize,
    /// Accepted, and not in our record.
    pub(super) accepted_lost: usize,
    /// Taken by the carrier without an attempt of ours that the gate had released.
    pub(super) sent_without_permit: usize,
    /// Taken more than once, with no attempt that we know to be uncertain.
    pub(super) sent_twice: usize,
    /// Taken more than once, and called uncertain.
    pub(super) sent_twice_uncertain: usize,
    /// Called uncertain to the end: a person has to look.
    pub(super) uncertain: usize,
    /// Neither at its end nor waiting for anything, long after the last request.
    pub(super) stuck: usize,
    /// Taken by the carrier, and called failed or still waiting by us.
    pub(super) disowned: usize,
    /// Receipts and replies that we told the carrier are stored, and are not.
    pub(super) receipts_lost: usize,
    pub(super) replies_lost: usize,
    /// What `audit verify` found.
    pub(super) audit_defects: usize,
}

impl Counts {
    /// What is broken, by name.
    pub(super) fn broken(&self) -> Vec<(&'static str, usize)> {
        [
            ("accepted_lost", self.accepted_lost),
            ("sent_without_permit", self.sent_without_permit),
            ("sent_twice", self.sent_twice),
            ("stuck", self.stuck),
            ("disowned", self.disowned),
            ("receipts_lost", self.receipts_lost),
            ("replies_lost", self.replies_lost),
            ("audit_defects", self.audit_defects),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
    }
}

/// A message of ours, with its attempts.
struct Ours {
    state: String,
    attempts: Vec<String>,
}

/// Everything of ours that is compared.
struct Record {
    messages: BTreeMap<String, Ours>,
    /// The message to each number. No two go to one.
    by_number: BTreeMap<String, String>,
    receipts: BTreeSet<String>,
    replies: BTreeMap<Vec<u8>, usize>,
}

/// Compares. Each of `people` was written to at most once, `accepted` are the ids in the callers'
/// 202s.
pub(super) fn compare(
    opened: &Opened,
    people: &[Resident],
    accepted: &[String],
    carrier: &twin::Record,
) -> Result<Counts> {
    let (office, numbers) = (opened.office.clone(), people.to_vec());
    let ours = opened.db.read_blocking(move |tx| read(tx, &office, &numbers))?;
    let mut counts = Counts { accepted: accepted.len(), ..Counts::default() };
    counts.accepted_lost = accepted.iter().filter(|id| !ours.messages.contains_key(*id)).count();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for text in carrier.texts.iter().filter(|text| text.outcome == Outcome::Taken) {
        counts.texts += 1;
        *taken.entry(text.to.trim_start_matches('+').to_owned()).or_default() += 1;
    }
    for (number, times) in &taken {
        let message = ours.by_number.get(number).and_then(|id| ours.messages.get(id));
        let Some(message) = message.filter(|message| message.attempts.len() >= *times) else {
            counts.sent_without_permit += 1;
            continue;
        };
        let uncertain = message.attempts.iter().any(|outcome| outcome == "uncertain");
        match (*times, uncertain) {
            (0 | 1, _) => {}
            (_, true) => counts.sent_twice_uncertain += 1,
            (_, false) => counts.sent_twice += 1,
        }
        let known = ["sent", "delivered", "undelivered", "uncertain"];
        counts.disowned += usize::from(!known.contains(&message.state.as_str()));
    }
    for message in ours.messages.values() {
        match message.state.as_str() {
            "queued" | "sending" => counts.stuck += 1,
            "uncertain" => counts.uncertain += 1,
            _ => {}
        }
    }
    let stored = carrier.receipts.iter().filter(|receipt| receipt.acked_at.is_some());
    counts.receipts_lost =
        stored.filter(|receipt| !ours.receipts.contains(&receipt.message_id)).count();
    let mut told: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for reply in carrier.replies.iter().filter(|reply| reply.acked_at.is_some()) {
        *told.entry(index(&opened.office, &reply.from)?).or_default() += 1;
    }
    counts.replies_lost = told
        .iter()
        .map(|(from, times)| times.saturating_sub(ours.replies.get(from).copied().unwrap_or(0)))
        .sum();
    let office = opened.office.clone();
    let verified =
        opened.db.read_blocking(move |tx| verify::verify(tx, &office, None, &mut |_| {}))?;
    for defect in verified.defects.iter().take(5) {
        eprintln!("sotto: {defect}");
    }
    counts.audit_defects = verified.defects.len();
    Ok(counts)
}

fn index(office: &Office, number: &str) -> Result<Vec<u8>> {
    let number = format!("+{}", number.trim_start_matches('+'));
    Ok(office.address_index(&Address::Phone(PhoneNumber::from_e164(&number)?)).to_vec())
}

fn read(tx: &mut Tx<'_>, office: &Office, people: &[Resident]) -> Result<Record, DbError> {
    let practice = office.practice();
    let mut messages = BTreeMap::new();
    let mut by_index: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    tx.each(
        sql!("SELECT id, state, address_index FROM message WHERE practice_id = $1"),
        params![practice],
        |row| {
            let (id, state): (String, String) = (row.get(0)?, row.get(1)?);
            by_index.insert(row.get(2)?, id.clone());
            messages.insert(id, Ours { state, attempts: Vec::new() });
            Ok::<_, DbError>(())
        },
    )?;
    // An attempt is written with the audit entry of its release, or not at all; the audit log's own
    // check looks at that.
    tx.each(
        sql!("SELECT message_id, outcome FROM attempt WHERE practice_id = $1 ORDER BY number"),
        params![practice],
        |row| {
            if let Some(message) = messages.get_mut(&row.get::<String>(0)?) {
                message.attempts.push(row.get(1)?);
            }
            Ok::<_, DbError>(())
        },
    )?;
    let receipts = tx
        .query(
            sql!("SELECT carrier_id FROM receipt WHERE practice_id = $1"),
            params![practice],
            |row| row.get(0),
        )?
        .into_iter()
        .collect();
    let mut replies: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    tx.each(
        sql!("SELECT from_index FROM inbound_message WHERE practice_id = $1"),
        params![practice],
        |row| {
            *replies.entry(row.get(0)?).or_default() += 1;
            Ok::<_, DbError>(())
        },
    )?;
    let mut by_number = BTreeMap::new();
    for who in people {
        let found = index(office, &who.number).ok().and_then(|index| by_index.get(&index));
        if let Some(id) = found {
            by_number.insert(who.number.trim_start_matches('+').to_owned(), id.clone());
        }
    }
    Ok(Record { messages, by_number, receipts, replies })
}
