//! Addresses, parsed once. `Debug` never shows them.

use serde::{Deserialize, Serialize};

/// A text that is no address of its kind. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not E.164.
    #[error("a phone number must be a plus sign and 8 to 15 digits, such as +12025550123")]
    Phone,
    /// Not `local@domain`.
    #[error("an email address must look like name@example.com")]
    Email,
}

/// A telephone number in E.164: `+` and 8 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes a number already in E.164. Numbers as people write them are parsed at the edge.
    ///
    /// # Errors
    /// [`InvalidAddress::Phone`] for anything else.
    pub fn from_e164(text: &str) -> Result<Self, InvalidAddress> {
        let digits = text.strip_prefix('+').ok_or(InvalidAddress::Phone)?;
        let fits = (8..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidAddress::Phone) }
    }

    /// The number in E.164. PHI beside the fact of being a patient: never log it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four digits, for display.
    #[must_use]
    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }
}

/// An email address, its domain in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Parses `local@domain`; refuses control characters, spaces and anything a header or an SMTP
    /// command could be broken with.
    ///
    /// # Errors
    /// [`InvalidAddress::Email`].
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Email)?;
        let local_fits = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
        let domain_fits = domain.len() <= 253
            && domain.contains('.')
            && domain.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        if local_fits && domain_fits {
            Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
        } else {
            Err(InvalidAddress::Email)
        }
    }

    /// The address. PHI beside the fact of being a patient: never log it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

macro_rules! redacted {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}
redacted!(PhoneNumber);
redacted!(EmailAddress);

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// SMS and every kind of voice.
    Phone(PhoneNumber),
    /// Email.
    Email(EmailAddress),
    /// The portal account of the patient, which needs no other address.
    Portal,
}

impl Address {
    /// The form that is stored sealed and indexed blind.
    #[must_use]
    pub fn reveal(&self) -> &str {
        match self {
            Self::Phone(number) => number.reveal(),
            Self::Email(address) => address.reveal(),
            Self::Portal => "portal",
        }
    }

    /// What kind of address: `phone`, `email` or `portal`.
    #[must_use]
    pub fn kind(&self) -> AddressKind {
        match self {
            Self::Phone(_) => AddressKind::Phone,
            Self::Email(_) => AddressKind::Email,
            Self::Portal => AddressKind::Portal,
        }
    }
}

/// The kinds of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// A telephone number.
    Phone,
    /// An email address.
    Email,
    /// A portal account.
    Portal,
}
