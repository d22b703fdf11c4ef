//! Text that cannot break out of a mail header.

use std::fmt;

use thiserror::Error;

/// One line of text without control characters, at most 200 characters.
///
/// The only text that this product puts into a mail header; header injection (RULEBOOK §8,
/// ASVS 1.3.11) has no type to travel in.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderText(String);

/// A text that cannot stand in a header. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderTextError {
    /// Nothing to show.
    #[error("the header text is empty: write a subject")]
    Empty,
    /// Above 200 characters.
    #[error("the header text is longer than 200 characters: shorten it")]
    TooLong,
    /// A line break or another control character.
    #[error("the header text holds a line break or control character: remove it")]
    Control,
}

impl HeaderText {
    /// Parses one line.
    ///
    /// # Errors
    /// [`HeaderTextError`].
    pub fn parse(text: &str) -> Result<Self, HeaderTextError> {
        // Also the line and paragraph separators, and the marks that turn the direction of text.
        let forbidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        };
        if text.chars().any(forbidden) {
            return Err(HeaderTextError::Control);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(HeaderTextError::Empty);
        }
        if trimmed.chars().count() > 200 {
            return Err(HeaderTextError::TooLong);
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_in_a_header() {
        assert_eq!(HeaderText::parse(" Hello ").unwrap().as_str(), "Hello");
        assert_eq!(HeaderText::parse("Señal 😀").unwrap().as_str(), "Señal 😀");
        for (text, error) in [
            ("", HeaderTextError::Empty),
            ("  ", HeaderTextError::Empty),
            ("a\r\nBcc: x@example.com", HeaderTextError::Control),
            ("a\nb", HeaderTextError::Control),
            ("a\0", HeaderTextError::Control),
            ("a\u{2028}b", HeaderTextError::Control),
            ("a\u{202E}b", HeaderTextError::Control),
        ] {
            assert_eq!(HeaderText::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(HeaderText::parse(&"a".repeat(201)), Err(HeaderTextError::TooLong));
    }
}
