//! Who a short message is from or for, as SMPP 3.4 §5.2.5 to §5.2.9 writes it.

use std::fmt;

use thiserror::Error;

/// A source or destination address: type of number, numbering plan, and the address itself.
///
/// PHI: `Debug` shows the kind of address only; [`Address::reveal`] is the one way to read it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Type of number (SMPP 3.4 §5.2.5): 0 unknown, 1 international, 2 national,
    /// 3 network specific, 5 alphanumeric.
    pub ton: u8,
    /// Numbering plan (SMPP 3.4 §5.2.6): 0 unknown, 1 ISDN (E.164).
    pub npi: u8,
    text: String,
}

/// Why a text cannot be an SMPP address. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No characters.
    #[error("the SMPP address is empty: give a number such as +12125550100 or a sender name")]
    Empty,
    /// More than 20 octets (SMPP 3.4 §5.2.8).
    #[error("the SMPP address is longer than 20 characters: shorten it")]
    TooLong,
    /// Characters other than printable ASCII.
    #[error("the SMPP address holds characters other than printable ASCII: remove them")]
    NotAscii,
}

impl Address {
    /// Reads an address as people configure it and picks its type and plan:
    /// `+` and digits is international E.164, three to six digits a short code, more digits
    /// international without its plus, anything else an alphanumeric sender.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
        if digits.is_empty() {
            return Err(AddressError::Empty);
        }
        let (ton, npi) = match digits.bytes().all(|b| b.is_ascii_digit()) {
            true if trimmed.len() == digits.len() && digits.len() <= 6 => (3, 0),
            true => (1, 1),
            false => (5, 0),
        };
        let kept = if ton == 5 { trimmed } else { digits };
        Self::with_type(ton, npi, kept)
    }

    /// An address whose type and plan the carrier prescribes.
    pub fn with_type(ton: u8, npi: u8, text: &str) -> Result<Self, AddressError> {
        if text.len() > 20 {
            return Err(AddressError::TooLong);
        }
        if !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(AddressError::NotAscii);
        }
        Ok(Self { ton, npi, text: text.to_owned() })
    }

    /// Opens the address: digits without a plus, or the sender's name. PHI.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The address as `+` and digits, if it is a number. National numbers, and numbers of
    /// unknown type that are too short to carry a country code, get `country_code` (digits only).
    pub fn reveal_e164(&self, country_code: &str) -> Option<String> {
        let digits = self.text.strip_prefix('+').unwrap_or(&self.text);
        if digits.is_empty() || self.ton == 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let national = self.ton == 2 || (self.ton != 1 && (7..=10).contains(&digits.len()));
        if national && !self.text.starts_with('+') {
            return Some(format!("+{country_code}{digits}"));
        }
        if digits.len() <= 6 { Some(digits.to_owned()) } else { Some(format!("+{digits}")) }
    }

    /// An address from the wire, which may be empty.
    pub(crate) fn from_wire(ton: u8, npi: u8, text: &str) -> Self {
        Self { ton, npi, text: text.to_owned() }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(ton {}, npi {}, [redacted])", self.ton, self.npi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_address() {
        for (text, ton, npi, kept) in [
            ("+12125550100", 1, 1, "12125550100"),
            ("12125550100", 1, 1, "12125550100"),
            ("72404", 3, 0, "72404"),
            ("Lakeside", 5, 0, "Lakeside"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.ton, address.npi, address.reveal()), (ton, npi, kept));
        }
        assert_eq!(Address::parse(" + "), Err(AddressError::Empty));
        assert_eq!(Address::parse("Pråxis"), Err(AddressError::NotAscii));
        assert_eq!(Address::parse(&"1".repeat(21)), Err(AddressError::TooLong));
    }

    #[test]
    fn numbers_come_back_as_e164() {
        for (ton, text, expected) in [
            (1, "12125550100", Some("+12125550100")),
            (2, "2125550100", Some("+12125550100")),
            (0, "2125550100", Some("+12125550100")),
            (0, "12125550100", Some("+12125550100")),
            (0, "+12125550100", Some("+12125550100")),
            (3, "72404", Some("72404")),
            (5, "Lakeside", None),
            (1, "", None),
        ] {
            let address = Address::from_wire(ton, 1, text);
            assert_eq!(address.reveal_e164("1").as_deref(), expected, "{ton} {text}");
        }
    }

    #[test]
    fn debug_does_not_show_the_number() {
        let shown = format!("{:?}", Address::parse("+12125550100").unwrap());
        assert!(!shown.contains("2125550100"), "{shown}");
    }
}
