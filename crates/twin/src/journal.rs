//! The record's file: JSON lines, one fact each, appended as it happens.
//!
//! It also holds what was planned (receipts and replies not yet sent), so that a world that was
//! stopped goes on where it was. A crash leaves at most one unfinished last line, which the next
//! start cuts off.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::record::{Block, Bounce, Click, Mail, Outcome, Place, Receipt, Record, Reply, Text};

/// No fact is longer than this: the longest kept mail, three times, with room for escapes.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;
/// How each line begins.
const FIRST: &[u8] = b"{\"fact\":\"";

/// The record's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Opening, reading or writing failed.
    #[error("record file {}: {source}; name another with `record_file`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line is not a fact.
    #[error("record file {}, line {line}: not one of the twin's facts; remove the file", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The first being 1.
        line: usize,
    },
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub(crate) enum Fact {
    Text(Text),
    Receipt(Receipt),
    Reply(Reply),
    Mail(Mail),
    Bounce(Bounce),
    Click(Click),
    Block(Block),
    Planned(Plan),
    Acked { id: u64, at: Timestamp },
    GaveUp { id: u64 },
    Done { id: u64 },
}

/// What an earlier run left behind.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    /// Planned and neither acknowledged nor given up.
    pub(crate) plans: Vec<Plan>,
    /// Higher than every number used so far.
    pub(crate) next_id: u64,
}

/// Opens the file and takes in what an earlier run wrote; at most `most` items of each kind.
pub(crate) fn open(
    path: &Path,
    most: usize,
    record: &mut Record,
) -> Result<(File, Unfinished), RecordError> {
    let io = |source| RecordError::Io { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    let mut file =
        options.create(true).truncate(false).read(true).write(true).open(path).map_err(io)?;
    let mut plans = BTreeMap::new();
    let mut next_id = 0;
    let mut whole = 0_u64;
    let mut line = Vec::new();
    let mut reader = BufReader::new(&file);
    for number in 1.. {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(io)?;
        let foreign = || RecordError::Line { path: path.to_owned(), line: number };
        if read == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            // Only the stump of one of our own lines may be cut off.
            let stump = line.len().min(FIRST.len());
            if line.get(..stump) != FIRST.get(..stump) || read as u64 == LONGEST_LINE {
                return Err(foreign());
            }
            break;
        }
        let fact: Fact = serde_json::from_slice(&line).map_err(|_| foreign())?;
        whole += read as u64;
        match &fact {
            Fact::Planned(plan) => {
                next_id = next_id.max(plan.id + 1);
                plans.insert(plan.id, plan.clone());
            }
            Fact::Acked { id, .. } | Fact::GaveUp { id } | Fact::Done { id } => {
                plans.remove(id);
            }
            _ => {}
        }
        record.count(&fact);
        record.take(fact);
        record.forget_beyond(most);
    }
    file.set_len(whole).map_err(io)?;
    file.seek(SeekFrom::Start(whole)).map_err(io)?;
    Ok((file, Unfinished { plans: plans.into_values().collect(), next_id }))
}

impl Record {
    /// Rebuilds the counts from the facts of an earlier run; live counts are kept as they happen.
    pub(crate) fn count(&mut self, fact: &Fact) {
        let counts = &mut self.counts;
        match fact {
            Fact::Text(text) if text.outcome == Outcome::Taken => {
                counts.texts += 1;
                counts.parts += u64::from(text.parts);
            }
            Fact::Text(_) => counts.refused += 1,
            Fact::Mail(mail) if mail.outcome == Outcome::Taken => counts.mails += 1,
            Fact::Mail(_) => counts.mails_refused += 1,
            Fact::GaveUp { .. } => counts.given_up += 1,
            Fact::Acked { id, .. } => match self.places.get(id) {
                Some(Place::Receipt(_)) => counts.receipts_acked += 1,
                Some(Place::Reply(_)) => counts.replies_acked += 1,
                Some(Place::Bounce(_)) => counts.bounces_acked += 1,
                Some(Place::Click(_)) => counts.clicks_acked += 1,
                None => {}
            },
            _ => {}
        }
    }

    /// Takes a fact in.
    pub(crate) fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Text(text) => self.texts.push(text),
            Fact::Mail(mail) => self.mails.push(mail),
            Fact::Block(block) => self.blocks.push(block),
            Fact::Receipt(receipt) => {
                self.places.insert(receipt.id, Place::Receipt(self.receipts.len()));
                self.receipts.push(receipt);
            }
            Fact::Reply(reply) => {
                self.places.insert(reply.id, Place::Reply(self.replies.len()));
                self.replies.push(reply);
            }
            Fact::Bounce(bounce) => {
                self.places.insert(bounce.id, Place::Bounce(self.bounces.len()));
                self.bounces.push(bounce);
            }
            Fact::Click(click) => {
                self.places.insert(click.id, Place::Click(self.clicks.len()));
                self.clicks.push(click);
            }
            Fact::Acked { id, at } => self.acked(id, at),
            Fact::Planned(_) | Fact::GaveUp { .. } | Fact::Done { .. } => {}
        }
    }

    fn acked(&mut self, id: u64, at: Timestamp) {
        let slot = match self.places.get(&id) {
            Some(Place::Receipt(n)) => self.receipts.get_mut(*n).map(|r| &mut r.acked_at),
            Some(Place::Reply(n)) => self.replies.get_mut(*n).map(|r| &mut r.acked_at),
            Some(Place::Bounce(n)) => self.bounces.get_mut(*n).map(|b| &mut b.acked_at),
            Some(Place::Click(n)) => self.clicks.get_mut(*n).map(|c| &mut c.acked_at),
            None => None,
        };
        if let Some(slot) = slot {
            *slot = Some(at);
        }
    }

    /// Drops the oldest eighth of a list that has grown beyond `most`, so that the cost of moving
    /// the rest is spread over many items.
    pub(crate) fn forget_beyond(&mut self, most: usize) {
        let cut = (most / 8).max(1);
        let mut dropped = trim(&mut self.texts, most, cut);
        dropped += trim(&mut self.mails, most, cut);
        dropped += trim(&mut self.blocks, most, cut);
        let acts = trim(&mut self.receipts, most, cut)
            + trim(&mut self.replies, most, cut)
            + trim(&mut self.bounces, most, cut)
            + trim(&mut self.clicks, most, cut);
        self.forgotten += (dropped + acts) as u64;
        if acts > 0 {
            self.places = self.index();
        }
    }

    fn index(&self) -> HashMap<u64, Place> {
        let receipts = self.receipts.iter().enumerate().map(|(n, r)| (r.id, Place::Receipt(n)));
        let replies = self.replies.iter().enumerate().map(|(n, r)| (r.id, Place::Reply(n)));
        let bounces = self.bounces.iter().enumerate().map(|(n, b)| (b.id, Place::Bounce(n)));
        let clicks = self.clicks.iter().enumerate().map(|(n, c)| (c.id, Place::Click(n)));
        receipts.chain(replies).chain(bounces).chain(clicks).collect()
    }
}

fn trim<T>(list: &mut Vec<T>, most: usize, cut: usize) -> usize {
    if list.len() <= most {
        return 0;
    }
    list.drain(..cut.min(list.len())).count()
}
