//! Comparing phone numbers and mail addresses as carriers do.

/// What two spellings of the same address have in common: digits of a number (a ten-digit one is
/// taken as North American), lower case of a mail address.
pub(crate) fn address_key(address: &str) -> String {
    if address.contains('@') {
        return address.trim().to_ascii_lowercase();
    }
    let digits: String = address.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        10 if !address.trim_start().starts_with('+') => format!("1{digits}"),
        0 => address.trim().to_ascii_lowercase(),
        _ => digits,
    }
}

/// Whether these are the same phone or the same mailbox.
pub(crate) fn same_address(a: &str, b: &str) -> bool {
    a == b || address_key(a) == address_key(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_address() {
        for (a, b, same) in [
            ("+12065550100", "12065550100", true),
            ("+12065550100", "(206) 555-0100", true),
            ("+12065550100", "+12065550101", false),
            ("A@Example.COM", "a@example.com", true),
            ("a@example.com", "b@example.com", false),
            ("CLINIC", "clinic", true),
            ("+5550100", "5550100", true),
        ] {
            assert_eq!(same_address(a, b), same, "{a} {b}");
        }
    }
}
