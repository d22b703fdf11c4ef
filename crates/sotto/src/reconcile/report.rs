//! What a run says: counts and words. No ids of people, no text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FindingKind;
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
