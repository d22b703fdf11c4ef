//! What a run says: counts and words. No ids of people, no text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FindingKind;
use crate::channels::AdapterName;
use crate::db::Word as _;

/// A run's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// It looked at what happened from this instant on.
    pub since: String,
    /// Up to this one.
    pub until: String,
    /// When it began.
    pub began: String,
    /// When it ended.
    pub finished: String,
    /// How much there was to look at.
    pub looked_at: LookedAt,
    /// What the carrier's file said, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileTold>,
    /// What the carrier answered, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedCarrier>,
    /// What it found, by kind; kinds that were not found are left out.
    pub kinds: Vec<KindTold>,
    /// What it found, by channel.
    pub channels: BTreeMap<String, u64>,
    /// Findings of earlier runs that are no more.
    pub gone: u64,
    /// Findings that could not be written down; the log says why.
    pub failed: u64,
    /// Findings that stand now, of this run and those before.
    pub standing: u64,
    /// The audit entry that binds the run.
    pub audit_entry: Option<String>,
}

/// How much there was to look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookedAt {
    /// Messages of ours.
    pub messages: u64,
    /// Tries to hand one over.
    pub attempts: u64,
    /// Reports of carriers.
    pub receipts: u64,
    /// Appointments.
    pub appointments: u64,
    /// Messages to us.
    pub replies: u64,
}

/// What a carrier's file said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileTold {
    /// Messages in it.
    pub lines: u64,
    /// Lines that mean nothing here: another state, a message to us.
    pub skipped: u64,
    /// Messages of ours of which it knew more than we did.
    pub settled: u64,
    /// Messages of which it says another end than our record.
    pub otherwise: u64,
    /// Messages that only the carrier knows.
    pub unknown: u64,
    /// Messages that only we know; none where the file is not the whole list of its time.
    pub missing: Option<u64>,
}

/// What a carrier answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskedCarrier {
    /// Through which adapter.
    pub adapter: String,
    /// Parts of texts that it was asked about.
    pub asked: u64,
    /// Of them, those that came to their end by its answer.
    pub settled: u64,
    /// Of them, those that it says are on their way.
    pub on_its_way: u64,
    /// Of them, those that it does not know.
    pub unknown: u64,
    /// Of them, those it gave no answer about, or none that says anything.
    pub unanswered: u64,
    /// Parts that it was not asked about any more.
    pub left: u64,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<WhyStopped>,
}

impl AskedCarrier {
    pub(super) fn of(adapter: AdapterName, parts: usize) -> Self {
        Self {
            adapter: adapter.as_str().to_owned(),
            asked: 0,
            settled: 0,
            on_its_way: 0,
            unknown: 0,
            unanswered: 0,
            left: u64::try_from(parts).unwrap_or(u64::MAX),
            stopped: None,
        }
    }
}

/// Why a carrier was not asked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyStopped {
    /// It does not take such questions.
    NotSupported,
    /// It does not know texts either of which it had reported the delivery: it answers no
    /// questions, has forgotten them, or writes ids otherwise.
    KnowsNone,
    /// Five questions in a row were not answered.
    NoAnswer,
    /// The time for questions was over.
    Time,
    /// The server was stopped.
    Stopping,
}

impl WhyStopped {
    /// The word in reports and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSupported => "not_supported",
            Self::KnowsNone => "knows_none",
            Self::NoAnswer => "no_answer",
            Self::Time => "time",
            Self::Stopping => "stopping",
        }
    }

    /// What it means, for the person who reads the report.
    #[must_use]
    pub const fn means(self) -> &'static str {
        match self {
            Self::NotSupported => "the carrier takes no such questions; ask it for a delivery file",
            Self::KnowsNone => {
                "the carrier does not know texts either whose delivery it had reported; \
                 ask it for a delivery file"
            }
            Self::NoAnswer => "five questions in a row were not answered; is the line up?",
            Self::Time => "twenty minutes of questions are over; the next run goes on",
            Self::Stopping => "the server was being stopped; the next run goes on",
        }
    }
}

/// What was found of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KindTold {
    /// Its word.
    pub kind: String,
    /// How many.
    pub found: u64,
    /// Of them, those that no run had found before.
    pub new: u64,
    /// Of them, those that were put right.
    pub healed: u64,
    /// Tasks opened for them.
    pub tasks: u64,
    /// What it means.
    pub means: String,
    /// What to do.
    pub remedy: String,
}

/// What came of the findings of a run.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) kinds: BTreeMap<FindingKind, Tally>,
    pub(super) channels: BTreeMap<&'static str, u64>,
    pub(super) gone: u64,
    pub(super) failed: u64,
}

/// Counts of one kind.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) found: u64,
    pub(super) new: u64,
    pub(super) healed: u64,
    pub(super) tasks: u64,
}

impl Report {
    pub(super) fn new(
        (since, until): (Timestamp, Timestamp),
        began: Timestamp,
        looked_at: LookedAt,
        told: Told,
    ) -> Self {
        let kinds = told.kinds.into_iter().map(|(kind, tally)| KindTold {
            kind: kind.word().to_owned(),
            found: tally.found,
            new: tally.new,
            healed: tally.healed,
            tasks: tally.tasks,
            means: kind.means().to_owned(),
            remedy: kind.remedy().to_owned(),
        });
        Self {
            since: since.to_string(),
            until: until.to_string(),
            began: began.to_string(),
            finished: String::new(),
            looked_at,
            file: None,
            asked: None,
            kinds: kinds.collect(),
            channels: told.channels.into_iter().map(|(c, n)| (c.to_owned(), n)).collect(),
            gone: told.gone,
            failed: told.failed,
            standing: 0,
            audit_entry: None,
        }
    }

    /// Nothing stands, and all that was found was written down.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.standing == 0 && self.failed == 0
    }
}
