//! Telephone numbers and mailboxes as people write them, parsed once, at the edge.

use gate::facts::Line;
use gate::{Address, Channel, EmailAddress, InvalidAddress, PhoneNumber};
use rlibphonenumber::{NumberLengthType, PhoneNumberFormat, PhoneNumberType, enums::Region};

/// Longer texts are no telephone numbers; the limit keeps hostile ones from costing time.
const LONGEST: usize = 64;

/// Reads a telephone number as written in the United States (`(617) 555-0123`, `+44 20 …`) and
/// tells what its digits alone say of the line. In North America they never tell a mobile from a
/// landline.
///
/// # Errors
/// [`InvalidAddress::Phone`]; the text is not quoted.
pub fn parse_phone(text: &str) -> Result<(PhoneNumber, Line), InvalidAddress> {
    let text = text.trim();
    // An extension reaches a switchboard, not a person's phone.
    let lower = text.to_ascii_lowercase();
    if text.len() > LONGEST || lower.contains('x') || lower.contains(";ext") {
        return Err(InvalidAddress::Phone);
    }
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let read = |text: &str| rlibphonenumber::PhoneNumber::parse(text, Some(Region::US)).ok();
    let parsed = read(text).ok_or(InvalidAddress::Phone)?;
    // Possible only within an area code is not enough to call it from elsewhere.
    if !matches!(parsed.is_possible_with_reason(), Ok(NumberLengthType::IsPossible)) {
        return Err(InvalidAddress::Phone);
    }
    let e164 = parsed.format_as(PhoneNumberFormat::E164);
    // With zeros before it, as they are dialled within some countries, a number reads as yet another
    // one the next time: then a stop from it would not be found.
    if read(&e164).is_none_or(|again| again.format_as(PhoneNumberFormat::E164) != e164) {
        return Err(InvalidAddress::Phone);
    }
    let number = PhoneNumber::from_e164(&e164)?;
    let line = match parsed.get_type() {
        PhoneNumberType::Mobile => Line::Mobile,
        PhoneNumberType::FixedLine => Line::Landline,
        PhoneNumberType::VoIP => Line::Voip,
        // Nobody's own phone.
        PhoneNumberType::TollFree | PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost => {
            return Err(InvalidAddress::Phone);
        }
        _ => Line::Unknown,
    };
    Ok((number, line))
}

/// Reads the address that a channel needs.
///
/// # Errors
/// [`InvalidAddress`].
pub fn parse_for(channel: Channel, text: &str) -> Result<Address, InvalidAddress> {
    match channel {
        Channel::Email => EmailAddress::parse(text).map(Address::Email),
        Channel::Portal => Ok(Address::Portal),
        _ => parse_phone(text).map(|(number, _)| Address::Phone(number)),
    }
}

/// Whether an address is of the kind that a channel needs.
#[must_use]
pub fn suits(channel: Channel, address: &Address) -> bool {
    match channel {
        Channel::Email => matches!(address, Address::Email(_)),
        Channel::Portal => matches!(address, Address::Portal),
        _ => matches!(address, Address::Phone(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, e164) in [
            ("617-555-0123", Some("+16175550123")),
            ("(617) 555 0123", Some("+16175550123")),
            ("1.617.555.0123", Some("+16175550123")),
            ("+1 617 555 0123", Some("+16175550123")),
            ("tel:+1-617-555-0123", Some("+16175550123")),
            ("555-961-9901", Some("+15559619901")),
            ("+44 20 7946 0123", Some("+442079460123")),
            ("+39 06 6988 1234", Some("+390669881234")),
            ("++6600097782 98", None),
            ("617-555-0123 x12", None),
            ("555-0123", None),
            ("800-555-0199", None),
            ("none", None),
            ("", None),
        ] {
            let found = parse_phone(text).ok();
            let found = found.as_ref().map(|(number, _)| number.reveal());
            assert_eq!(found, e164, "{text}");
        }
        assert!(parse_phone(&"6".repeat(100_000)).is_err());
    }

    #[test]
    fn digits_tell_the_line_only_where_they_can() {
        assert_eq!(parse_phone("617-555-0123").unwrap().1, Line::Unknown);
        assert_eq!(parse_phone("+44 7911 123456").unwrap().1, Line::Mobile);
        assert_eq!(parse_phone("+44 20 7946 0123").unwrap().1, Line::Landline);
    }

    proptest::proptest! {
        #[test]
        fn whatever_parses_is_e164_and_parses_to_itself(text in ".{0,40}") {
            if let Ok((number, line)) = parse_phone(&text) {
                let again = parse_phone(number.reveal()).unwrap();
                proptest::prop_assert_eq!(again, (number, line));
            }
        }
    }
}
