//! What the guard answers.

use std::ops::Range;

use serde::Serialize;

use crate::channel::{Channel, Verdict, default_verdict};
use crate::level::{Category, IdentifierKind, Level};

/// One thing the text reveals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where, in Unicode code points, end exclusive.
    pub span: Range<usize>,
    /// What kind of thing.
    pub category: Category,
    /// How much it reveals.
    pub level: Level,
    /// Stable id of the rule that found it, e.g. `medication.name`.
    pub rule: &'static str,
    /// Why, in plain words for staff. Never quotes the text.
    pub reason: &'static str,
    /// What to write instead, in plain words.
    pub suggestion: &'static str,
    /// It only says that a prescription or refill is ready or due (HHS FAQ 198).
    pub ready: bool,
}

/// One of the 18 HIPAA identifiers, whether or not this message may carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// Where, in Unicode code points, end exclusive.
    pub span: Range<usize>,
    /// Which of the 18.
    #[serde(rename = "type")]
    pub kind: IdentifierKind,
}

/// A safe way to say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// This text, which itself passes on the channel.
    Text(String),
    /// The body belongs in the portal; this level-0 notice goes on the channel.
    ToPortal {
        /// The notice.
        notice: String,
    },
}

/// Everything the guard found. The worst finding decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// The highest level among the findings.
    pub level: Level,
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// In the order of the text.
    pub identifiers: Vec<Identifier>,
    /// It greets or asks for somebody by name, which a ringless voicemail must not (RULEBOOK §11.3).
    pub addressed: bool,
}

impl Assessment {
    /// The worst verdict of any finding on this channel, with no consent on file (RULEBOOK §11.3).
    #[must_use]
    pub fn verdict(&self, channel: Channel) -> Verdict {
        let named = if self.addressed && channel == Channel::RinglessVoicemail {
            Verdict::NeedsConsent
        } else {
            Verdict::Pass
        };
        self.findings
            .iter()
            .map(|f| default_verdict(channel, f.level, f.category, f.ready))
            .fold(named, Verdict::max)
    }
}
