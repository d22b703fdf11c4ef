//! The words of RULEBOOK §11: levels, categories and the 18 identifiers.

use serde::{Deserialize, Serialize};

/// How much a text reveals (RULEBOOK §11.2). Ordered: a higher level reveals more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(into = "u8", try_from = "u8")]
pub enum Level {
    /// L0: fine for anyone to hear.
    #[default]
    Administrative,
    /// L1: hints that something exists, without saying what.
    Mention,
    /// L2: ordinary health detail.
    Detail,
    /// L3: sensitive or definitive.
    Sensitive,
    /// L4: never send.
    Never,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Administrative, Self::Mention, Self::Detail, Self::Sensitive, Self::Never];
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level as Self
    }
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        Self::ALL
            .get(usize::from(number))
            .copied()
            .ok_or_else(|| format!("level {number} does not exist; levels are 0 to 4"))
    }
}

/// What kind of thing a finding reveals (RULEBOOK §11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A disease, condition or symptom.
    Diagnosis,
    /// A drug, vaccine or device, or that one is ready.
    Medication,
    /// A test, its result, or that one is ready.
    LabResult,
    /// A procedure, operation or imaging study.
    Procedure,
    /// A medical specialty, or a name that gives it away.
    Specialty,
    /// Mental health care.
    MentalHealth,
    /// Substance use disorder care (42 CFR Part 2).
    Sud,
    /// Sexual and reproductive health.
    Reproductive,
    /// HIV, including prevention.
    Hiv,
    /// Money: statements, balances, collections.
    Billing,
    /// A social security number.
    IdentifierSsn,
    /// A medical record number.
    IdentifierMrn,
    /// A date of birth.
    IdentifierDob,
    /// A home address.
    IdentifierAddress,
    /// Any other of the 18 identifiers, or another person's name.
    IdentifierOther,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 15] = [
        Self::Diagnosis,
        Self::Medication,
        Self::LabResult,
        Self::Procedure,
        Self::Specialty,
        Self::MentalHealth,
        Self::Sud,
        Self::Reproductive,
        Self::Hiv,
        Self::Billing,
        Self::IdentifierSsn,
        Self::IdentifierMrn,
        Self::IdentifierDob,
        Self::IdentifierAddress,
        Self::IdentifierOther,
    ];
}

/// The 18 HIPAA identifiers (45 CFR 164.514(b)(2)(i)), by the names of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// (A) names.
    Name,
    /// (B) geography smaller than a state.
    Location,
    /// (C) dates tied to a person, except the year.
    Date,
    /// (C) an age over 89.
    #[serde(rename = "age_over_89")]
    AgeOver89,
    /// (D) telephone numbers.
    Phone,
    /// (E) fax numbers.
    Fax,
    /// (F) email addresses.
    Email,
    /// (G) social security numbers.
    Ssn,
    /// (H) medical record numbers.
    Mrn,
    /// (I) health plan beneficiary numbers.
    Plan,
    /// (J) account numbers.
    Account,
    /// (K) certificate and licence numbers.
    Licence,
    /// (L) vehicle identifiers.
    Vehicle,
    /// (M) device identifiers.
    Device,
    /// (N) web addresses.
    Url,
    /// (O) IP addresses.
    Ip,
    /// (P) biometric identifiers, (Q) full-face photographs.
    Biometric,
    /// (R) any other unique number, code or characteristic.
    Other,
}
