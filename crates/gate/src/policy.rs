//! The practice's policy as typed data: RULEBOOK §5, §11.3 and §11.4 unless a file says otherwise.

mod floors;

use guard::{Category, Channel, Level, Verdict, default_verdict};
use jiff::civil::Time;
use serde::{Deserialize, Serialize};

/// The name of a policy version, as every clearance carries it: `rulebook-2026-11-21`, or the
/// practice's own name with a digest of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyVersion(String);

impl PolicyVersion {
    /// From a stored clearance.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A policy file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, an unknown key or a wrong value; says where.
    #[error("policy file: {0}; docs/policy.example.toml shows every key with its values")]
    Syntax(String),
    /// A rule that no practice can loosen.
    #[error("policy file: {key}: {because}; {remedy}")]
    Floor {
        /// The key.
        key: String,
        /// Why.
        because: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
}

/// What the checks ask of the practice's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    version: PolicyVersion,
    rules: Rules,
}

impl Policy {
    /// RULEBOOK.md as it stands.
    #[must_use]
    pub fn rulebook() -> Self {
        Self { version: PolicyVersion("rulebook-2026-11-21".to_owned()), rules: Rules::default() }
    }

    /// A practice's own policy file, laid over the rulebook. Its version is the file's name with
    /// the first twelve hex digits of the file's SHA-256.
    ///
    /// # Errors
    /// [`PolicyError::Syntax`] for what is not TOML, an unknown key or a wrong value;
    /// [`PolicyError::Floor`] for a rule that no practice can loosen.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(PolicyError::Syntax(format!(
                "the file has {} bytes, and {MAX_FILE_BYTES} is the most",
                text.len()
            )));
        }
        let file: File = toml::from_str(text)
            .map_err(|error| PolicyError::Syntax(error.to_string().trim_end().to_owned()))?;
        floors::check(&file)?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let hex: String =
            digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { version: PolicyVersion(format!("{}+{hex}", file.name)), rules: file.rules })
    }

    /// Its version, as every clearance names it.
    #[must_use]
    pub const fn version(&self) -> &PolicyVersion {
        &self.version
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The verdict of one finding on a channel, before consent is asked. A practice's own cells
    /// can only be stricter than the rulebook's.
    #[must_use]
    pub fn verdict(
        &self,
        channel: Channel,
        level: Level,
        category: Category,
        ready: bool,
    ) -> Verdict {
        let default = default_verdict(channel, level, category, ready);
        self.rules
            .content
            .iter()
            .filter(|cell| {
                cell.channel == channel
                    && cell.level == level
                    && cell.category.is_none_or(|c| c == category)
            })
            .map(|cell| cell.verdict)
            .fold(default, Verdict::max)
    }
}

/// A policy file is a page or two.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// docs/policy.example.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    rules: Rules,
}

/// The rules a practice can change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Cells of §11.3 that differ from the rulebook.
    pub content: Vec<Cell>,
    /// §11.4 row 7.
    pub consent_mode: ConsentMode,
    /// TEL-14.
    pub opt_out_scope: OptOutScope,
    /// §5.3.
    pub caps: Caps,
    /// §5.5.
    pub quiet_hours: QuietHours,
    /// §11.4 rows 1, 2, 6, 12.
    pub voicemail: Voicemail,
    /// §11.4 row 3, for voicemail and ringless voicemail.
    pub billing_by_voice: BillingByVoice,
    /// §11.4 row 4 for text: the words "results are ready" may go at all.
    pub results_notice_by_text: bool,
    /// §11.4 row 4 for email.
    pub results_notice_by_email: bool,
    /// §11.4 row 11.
    pub family_permission: FamilyPermission,
    /// Words a person typed may go by text and email, guarded. Templates first (SPEC TP-01).
    pub free_text_on_unsecured_channels: bool,
    /// PRIV-11, PRIV-12: off by default.
    pub marketing: bool,
}

/// One cell of the practice's own content matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Column.
    pub channel: Channel,
    /// Row.
    pub level: Level,
    /// Only findings of this category.
    #[serde(default)]
    pub category: Option<Category>,
    /// The verdict.
    pub verdict: Verdict,
}

/// §11.4 row 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// Only what the law demands: consent for automated text and voice.
    LawMinimum,
    /// Programme consent before the first automated text or recorded call; content consent as the
    /// matrix says.
    Standard,
    /// Written consent before any message.
    WrittenBeforeAny,
}

/// TEL-14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutScope {
    /// A stop to one kind stops every automated text and recorded call.
    AllAutomated,
    /// Only its kind.
    Category,
}

/// §5.3: counts for automated text and voice together, per patient; lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// A day, in the patient's zone.
    pub per_day: u32,
    /// In any seven days.
    pub per_week: u32,
    /// Parts of one text.
    pub sms_segments: u32,
    /// Characters of an email body.
    pub email_characters: u32,
    /// Seconds of a recorded message, at 2.5 words a second.
    pub voice_seconds: u32,
}

/// §5.5, local to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuietHours {
    /// Nothing automated before.
    pub from: Time,
    /// Nor from then on.
    pub until: Time,
    /// Marketing on a Sunday: not before.
    pub sunday_marketing_from: Time,
}

/// §11.4 rows 1, 6, 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Voicemail {
    /// How a human voicemail may name the patient. Never on a ringless one.
    pub name: VoicemailName,
}

/// §11.4 row 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoicemailName {
    /// Not at all.
    None,
    /// First name, or title and surname.
    First,
}

/// §11.4 row 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingByVoice {
    /// No word of money on a voicemail.
    Off,
    /// "About your account", with consent.
    AccountCallbackWithConsent,
}

/// §11.4 row 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyPermission {
    /// Recorded, spoken or written.
    Recorded,
    /// Written.
    Written,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            content: Vec::new(),
            consent_mode: ConsentMode::Standard,
            opt_out_scope: OptOutScope::AllAutomated,
            caps: Caps::default(),
            quiet_hours: QuietHours::default(),
            voicemail: Voicemail::default(),
            billing_by_voice: BillingByVoice::Off,
            results_notice_by_text: true,
            results_notice_by_email: true,
            family_permission: FamilyPermission::Recorded,
            free_text_on_unsecured_channels: true,
            marketing: false,
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            per_day: 1,
            per_week: 3,
            sms_segments: 3,
            email_characters: 2_000,
            voice_seconds: 60,
        }
    }
}

impl Default for QuietHours {
    fn default() -> Self {
        Self {
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(20, 0, 0, 0),
            sunday_marketing_from: Time::constant(12, 0, 0, 0),
        }
    }
}

impl Default for Voicemail {
    fn default() -> Self {
        Self { name: VoicemailName::First }
    }
}

#[cfg(test)]
mod tests;
