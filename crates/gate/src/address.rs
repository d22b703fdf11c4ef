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

#[cfg(test)]
mod tests {
    use super::{Address, AddressKind, EmailAddress, InvalidAddress, PhoneNumber};

    #[test]
    fn a_number_is_plus_and_8_to_15_digits() {
        for good in ["+12025550123", "+12345678", "+123456789012345"] {
            assert_eq!(PhoneNumber::from_e164(good).unwrap().reveal(), good);
        }
        for bad in [
            "",
            "+",
            "12025550123",
            "+1234567",
            "+1234567890123456",
            "+02025550123",
            "+1202555012x",
            "+1 2025550123",
            "+１２０２５５５０１２３",
        ] {
            assert_eq!(PhoneNumber::from_e164(bad), Err(InvalidAddress::Phone), "{bad}");
        }
        assert_eq!(PhoneNumber::from_e164("+12025550123").unwrap().last_four(), "0123");
    }

    #[test]
    fn a_mailbox_is_local_at_domain() {
        for (text, parsed, domain) in [
            ("pat@example.com", "pat@example.com", "example.com"),
            (" Pat.Q+x@Example.COM ", "Pat.Q+x@example.com", "example.com"),
            ("a!#$%&'*+-/=?^_`{|}~@b-c.example", "a!#$%&'*+-/=?^_`{|}~@b-c.example", "b-c.example"),
        ] {
            let address = EmailAddress::parse(text).unwrap();
            assert_eq!((address.reveal(), address.domain()), (parsed, domain));
        }
        let long = |local: usize, label: usize| {
            EmailAddress::parse(&format!("{}@{}.com", "a".repeat(local), "b".repeat(label)))
        };
        assert!(long(64, 63).is_ok());
        assert!(long(65, 63).is_err());
        assert!(long(64, 64).is_err());
        let domain =
            |labels: usize| EmailAddress::parse(&format!("a@{}com", "abcdefghi.".repeat(labels)));
        assert!(domain(25).is_ok());
        assert!(domain(26).is_err());
        for bad in [
            "",
            "pat",
            "@example.com",
            "pat@",
            "pat@example",
            "pat@.com",
            "pat@example..com",
            "pat@-example.com",
            "pat@example-.com",
            "pat@exa_mple.com",
            ".pat@example.com",
            "pat.@example.com",
            "p..at@example.com",
            "p at@example.com",
            "pat@example.com\r\nRCPT TO:<x@example.com>",
            "pät@example.com",
            "pat\"@example.com",
            "a@b@example.com",
        ] {
            assert_eq!(EmailAddress::parse(bad), Err(InvalidAddress::Email), "{bad}");
        }
    }

    #[test]
    fn an_address_knows_its_kind_and_hides_itself() {
        let phone = Address::Phone(PhoneNumber::from_e164("+12025550123").unwrap());
        let email = Address::Email(EmailAddress::parse("pat@example.com").unwrap());
        for (address, kind, stored, shown) in [
            (phone, AddressKind::Phone, "+12025550123", "Phone(PhoneNumber(…))"),
            (email, AddressKind::Email, "pat@example.com", "Email(EmailAddress(…))"),
            (Address::Portal, AddressKind::Portal, "portal", "Portal"),
        ] {
            assert_eq!((address.kind(), address.reveal()), (kind, stored));
            assert_eq!(format!("{address:?}"), shown);
        }
    }
}
