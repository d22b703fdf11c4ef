//! Channels, and the default matrix of RULEBOOK §11.3: level × channel → verdict.

use serde::{Deserialize, Serialize};

use crate::level::{Category, Level};

/// How a message reaches a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A text message, readable on a lock screen.
    Sms,
    /// An email body; the subject is always level 0 (RULEBOOK EML-03).
    Email,
    /// A voicemail or answering machine, left by a person or a machine.
    Voicemail,
    /// A voicemail dropped without a ring; a prerecorded call in law (RULEBOOK §5.6).
    RinglessVoicemail,
    /// The secure portal, behind a sign-in.
    Portal,
    /// A live call, the listener verified (RULEBOOK PRIV-10).
    LiveVoiceVerified,
    /// A live call, the listener not verified.
    LiveVoiceUnverified,
}

impl Channel {
    /// Every channel, in the matrix's order of columns.
    pub const ALL: [Self; 7] = [
        Self::Sms,
        Self::Email,
        Self::Voicemail,
        Self::RinglessVoicemail,
        Self::Portal,
        Self::LiveVoiceVerified,
        Self::LiveVoiceUnverified,
    ];

    /// The word that stands for it in rows, files and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Voicemail => "voicemail",
            Self::RinglessVoicemail => "ringless_voicemail",
            Self::Portal => "portal",
            Self::LiveVoiceVerified => "live_voice_verified",
            Self::LiveVoiceUnverified => "live_voice_unverified",
        }
    }

    /// The channel with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// What the content alone permits on a channel. Ordered: the worst of several wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing in the content stands in the way.
    Pass,
    /// Only with documented content consent for this channel, category and address, plus the risk
    /// warning of PRIV-13. On a live call: only after the listener is verified.
    NeedsConsent,
    /// No standing consent opens it.
    Block,
}

/// RULEBOOK §11.3, one cell, with no consent on file.
///
/// `ready` says that the text only tells that a prescription or refill is ready or due, without a
/// drug name: the one level-1 statement that a voicemail may carry (HHS FAQ 198).
#[must_use]
pub fn default_verdict(channel: Channel, level: Level, category: Category, ready: bool) -> Verdict {
    use Channel::*;
    use Verdict::*;
    match (channel, level) {
        (LiveVoiceUnverified, Level::Never) => Block,
        (_, Level::Administrative) => Pass,
        (_, Level::Never) => Block,
        (Portal | LiveVoiceVerified, _) => Pass,
        (_, Level::Sensitive) => Block,
        (Sms | Email, Level::Mention) => Pass,
        (Voicemail, Level::Mention) if ready && category == Category::Medication => Pass,
        (Voicemail | RinglessVoicemail | LiveVoiceUnverified, Level::Mention) => NeedsConsent,
        (Sms | Email, Level::Detail) => NeedsConsent,
        (Voicemail, Level::Detail) if category == Category::Billing => Block,
        (Voicemail, Level::Detail) => NeedsConsent,
        (RinglessVoicemail | LiveVoiceUnverified, Level::Detail) => Block,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RULEBOOK §11.3, written out: rows L0 to L4, columns as `Channel::ALL`.
    #[test]
    fn every_row_of_the_default_policy() {
        use Verdict::{Block as B, NeedsConsent as C, Pass as P};
        let rows = [
            (Level::Administrative, [P, P, P, P, P, P, P]),
            (Level::Mention, [P, P, C, C, P, P, C]),
            (Level::Detail, [C, C, C, B, P, P, B]),
            (Level::Sensitive, [B, B, B, B, P, P, B]),
            (Level::Never, [B, B, B, B, B, B, B]),
        ];
        for (level, verdicts) in rows {
            for (channel, expected) in Channel::ALL.into_iter().zip(verdicts) {
                let found = default_verdict(channel, level, Category::Procedure, false);
                assert_eq!(found, expected, "{channel:?} {level:?}");
            }
        }
    }

    #[test]
    fn the_two_exceptions_of_the_voicemail_column() {
        let voicemail =
            |level, category, ready| default_verdict(Channel::Voicemail, level, category, ready);
        assert_eq!(voicemail(Level::Mention, Category::Medication, true), Verdict::Pass);
        assert_eq!(voicemail(Level::Mention, Category::Medication, false), Verdict::NeedsConsent);
        assert_eq!(voicemail(Level::Mention, Category::LabResult, true), Verdict::NeedsConsent);
        assert_eq!(voicemail(Level::Detail, Category::Billing, false), Verdict::Block);
        let rvm =
            default_verdict(Channel::RinglessVoicemail, Level::Mention, Category::Medication, true);
        assert_eq!(rvm, Verdict::NeedsConsent);
    }
}
