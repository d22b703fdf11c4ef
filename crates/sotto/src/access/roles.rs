//! The roles of a practice (RULEBOOK §8). What each may do stands in `policies.cedar`.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! roles {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal, $words:literal; )+) => {
        /// What somebody does here.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Role { $( $(#[$doc])* #[serde(rename = $word)] $variant, )+ }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word in a row, in the policies and on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What people call it.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $( Self::$variant => $words, )+ }
            }

            /// The role with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

roles! {
    /// The desk: schedule, callbacks, everyday texts.
    FrontDesk = "front_desk", "Front desk";
    /// Nurses: triage, clinical threads.
    Nurse = "nurse", "Nurse";
    /// Doctors and others who treat.
    Provider = "provider", "Provider";
    /// Billing: account messages, no clinical threads.
    Billing = "billing", "Billing";
    /// Outreach: templates and campaigns, no patient's own words.
    CampaignManager = "campaign_manager", "Campaign manager";
    /// Restrictions, releases, the audit log.
    PrivacyOfficer = "privacy_officer", "Privacy officer";
    /// Staff and settings; no message content.
    Administrator = "administrator", "Administrator";
    /// Reads the audit log.
    Auditor = "auditor", "Auditor";
    /// Takes down who called; sees nothing.
    AnsweringService = "answering_service", "Answering service";
    /// Holds a part of the recovery key.
    KeyCustodian = "key_custodian", "Key custodian";
    /// A program.
    Integration = "integration", "Integration";
}

impl Role {
    /// A password is not enough for it: these roles come in by passkey (NIST SP 800-63B-4 §2.2,
    /// RULEBOOK §8).
    #[must_use]
    pub const fn needs_passkey(self) -> bool {
        matches!(self, Self::Administrator | Self::PrivacyOfficer | Self::KeyCustodian)
    }

    /// A person may have it; programs come in by token.
    #[must_use]
    pub const fn is_a_persons(self) -> bool {
        !matches!(self, Self::Integration)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody does here: one role or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

/// Roles that nobody can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    /// None.
    #[error("name at least one role")]
    None,
    /// A program's.
    #[error("integration is a program's role: make it a token with `sotto token create`")]
    Programs,
}

impl Roles {
    /// Roles of a person, each once.
    ///
    /// # Errors
    /// [`RolesError`].
    pub fn new(mut roles: Vec<Role>) -> Result<Self, RolesError> {
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            Err(RolesError::None)
        } else if roles.iter().all(|role| role.is_a_persons()) {
            Ok(Self(roles))
        } else {
            Err(RolesError::Programs)
        }
    }

    /// As they stand in a row. A word that this version does not know opens nothing.
    #[must_use]
    pub fn from_row(words: &str) -> Self {
        Self(words.split_whitespace().filter_map(Role::from_word).collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().copied()
    }

    /// Is this one among them?
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// One of them comes in by passkey only.
    #[must_use]
    pub fn need_passkey(&self) -> bool {
        self.0.iter().any(|role| role.needs_passkey())
    }

    /// The words, as they stand in a row.
    #[must_use]
    pub fn to_row(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|role| role.as_str()).collect();
        words.join(" ")
    }

    /// "Nurse, Billing".
    #[must_use]
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|role| role.words()).collect();
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_word_and_reads_again() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.as_str()), Some(*role));
        }
        assert_eq!(Role::from_word("root"), None);
    }

    #[test]
    fn roles_are_a_persons_each_once_and_at_least_one() {
        let roles = Roles::new(vec![Role::Nurse, Role::FrontDesk, Role::Nurse]).unwrap();
        assert_eq!(roles.to_row(), "front_desk nurse");
        assert_eq!(Roles::from_row("front_desk nurse unheard_of"), roles);
        assert_eq!(Roles::new(vec![]), Err(RolesError::None));
        assert_eq!(Roles::new(vec![Role::Integration]), Err(RolesError::Programs));
        assert!(!roles.need_passkey());
        assert!(Roles::from_row("nurse privacy_officer").need_passkey());
    }
}
