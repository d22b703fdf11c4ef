//! What was typed, read: each word with everything it may mean. `0123` may be the end of a number,
//! or of a record number; `031485` a birth date or a record number. What it means is decided by who
//! is found.

use gate::EmailAddress;
use jiff::civil::Date;

use super::{dates, folding};
use crate::people::addresses::parse_phone;

/// Longer texts are no search.
const LONGEST: usize = 200;

/// More words than anybody has names.
pub const MOST_WORDS: usize = 10;

/// The fewest letters of a name to look for.
pub const FEWEST_LETTERS: usize = 2;

/// Words that say what follows and nothing of whom.
const LABELS: [&str; 9] = ["mrn", "dob", "born", "tel", "phone", "id", "record", "no", "number"];

/// A search, read. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    pub(super) words: Vec<Word>,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query({} words)", self.words.len())
    }
}

/// One word, and what it may mean.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Reading>);

/// What a word may mean.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// The beginning of a name, folded.
    Name(String),
    /// Born on that day.
    Born(Date),
    /// Born in that year.
    Year(i16),
    /// A whole number, E.164.
    Number(String),
    /// The number within an area code.
    LastSeven(String),
    /// The end of a number.
    LastFour(String),
    /// A mailbox, in lower case.
    Mailbox(String),
    /// A record number, in its normal form.
    Identifier(String),
}

/// Nothing can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing was typed.
    #[error("type a name, a birth date, the last four of a number, or a record number")]
    Empty,
    /// Too little.
    #[error("type two letters or more")]
    TooShort,
    /// Too much.
    #[error("type less: a name and a birth date are enough")]
    TooLong,
}

impl Query {
    /// Reads what was typed. `today` tells the centuries apart.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn parse(text: &str, today: Date) -> Result<Self, QueryError> {
        if text.len() > LONGEST {
            return Err(QueryError::TooLong);
        }
        let split = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
        let pieces: Vec<&str> = text.split(split).filter(|piece| !piece.is_empty()).collect();
        let mut words = Vec::new();
        let mut rest = pieces.as_slice();
        while let Some(taken) = take(rest, today, &mut words) {
            rest = rest.get(taken..).unwrap_or_default();
            if words.len() > MOST_WORDS {
                return Err(QueryError::TooLong);
            }
        }
        if words.is_empty() {
            return Err(QueryError::Empty);
        }
        if words.iter().all(|word: &Word| word.0.iter().all(Reading::is_too_short)) {
            return Err(QueryError::TooShort);
        }
        Ok(Self { words })
    }

    /// Of how many words it is.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// The name of somebody, to look for others who have it.
    #[must_use]
    pub fn name(given: &str, family: &str) -> Option<Self> {
        let parts = folding::parts(given).into_iter().chain(folding::parts(family));
        let words: Vec<Word> = parts.map(|part| Word(vec![Reading::Name(part)])).collect();
        if words.iter().all(|word| word.0.iter().all(Reading::is_too_short)) {
            return None;
        }
        Some(Self { words })
    }

    /// The same search with words of a name drawn together, for `de la cruz` who is on file as
    /// `Delacruz`: the last ones or the first ones of a run.
    pub(super) fn drawn_together(&self) -> Vec<Self> {
        let name_of = |word: &Word| match word.0.as_slice() {
            [Reading::Name(name)] => Some(name.clone()),
            _ => None,
        };
        let names: Vec<String> = self.words.iter().filter_map(name_of).collect();
        let others = self.words.iter().filter(|word| name_of(word).is_none());
        let mut all = Vec::new();
        for count in 2..=names.len().min(4) {
            let (head, tail) = names.split_at(names.len() - count);
            let (first, last) = names.split_at(count);
            for (one, kept) in [(tail.concat(), head), (first.concat(), last)] {
                let word = |name: String| Word(vec![Reading::Name(name)]);
                let mut words = vec![word(one)];
                words.extend(kept.iter().cloned().map(word));
                words.extend(others.clone().cloned());
                let query = Self { words };
                if !all.contains(&query) {
                    all.push(query);
                }
            }
        }
        all
    }
}

impl Reading {
    fn is_too_short(&self) -> bool {
        match self {
            Self::Name(name) => name.is_ascii() && name.len() < FEWEST_LETTERS,
            _ => false,
        }
    }
}

/// Reads what stands first and says of how many pieces it is made; none at the end.
fn take(rest: &[&str], today: Date, words: &mut Vec<Word>) -> Option<usize> {
    let (first, after) = rest.split_first()?;
    let is_label =
        LABELS.contains(&first.trim_end_matches([':', '.', '#']).to_lowercase().as_str());
    let digit_next = after.first().is_some_and(|next| next.contains(|c: char| c.is_ascii_digit()));
    if is_label && digit_next || *first == "#" {
        return Some(1);
    }
    for count in [3, 1] {
        let Some(run) = rest.get(..count) else { continue };
        // Digits alone may be something else too.
        if count == 1 && first.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let days = dates::read(&run.join(" "), today);
        if !days.is_empty() {
            words.push(Word(days.into_iter().map(Reading::Born).collect()));
            return Some(count);
        }
    }
    for count in (1..=4).rev() {
        let Some(run) = rest.get(..count) else { continue };
        if let Some(reading) = number(run) {
            words.push(Word(vec![reading]));
            return Some(count);
        }
    }
    single(first, today, words);
    Some(1)
}

/// A telephone number, whole or within its area code, in one piece or several. Digits in one piece
/// may be something else too, and are read by [`single`].
fn number(run: &[&str]) -> Option<Reading> {
    let fits = |c: char| c.is_ascii_digit() || matches!(c, '(' | ')' | '+' | '-' | '.');
    if !run.iter().all(|piece| piece.chars().all(fits)) {
        return None;
    }
    let joined = run.join(" ");
    if joined.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: String = joined.chars().filter(char::is_ascii_digit).collect();
    let whole = digits.len() == 10
        || (digits.len() == 11 && digits.starts_with('1'))
        || (joined.starts_with('+') && digits.len() > 7);
    if whole {
        let (number, _) = parse_phone(&joined).ok()?;
        return Some(Reading::Number(number.reveal().to_owned()));
    }
    let local = digits.len() == 7 && matches!(joined.as_bytes().get(3), Some(b'-' | b'.' | b' '));
    local.then_some(Reading::LastSeven(digits))
}

fn single(piece: &str, today: Date, words: &mut Vec<Word>) {
    if piece.contains('@')
        && let Ok(mailbox) = EmailAddress::parse(piece)
    {
        words.push(Word(vec![Reading::Mailbox(mailbox.reveal().to_lowercase())]));
        return;
    }
    let identifier = identifier(piece);
    let parts = folding::parts(piece);
    if piece.bytes().all(|b| b.is_ascii_digit()) {
        words.push(Word(digits(piece, today)));
    } else if identifier.contains(|c: char| c.is_ascii_digit()) {
        let mut readings = vec![Reading::Identifier(identifier)];
        if let [only] = parts.as_slice() {
            readings.push(Reading::Name(only.clone()));
        }
        words.push(Word(readings));
    } else {
        words.extend(parts.into_iter().map(|part| Word(vec![Reading::Name(part)])));
    }
}

fn digits(piece: &str, today: Date) -> Vec<Reading> {
    let mut readings = Vec::new();
    match piece.len() {
        4 => {
            let year = piece.parse().ok().filter(|year| (1890..=today.year()).contains(year));
            readings.extend(year.map(Reading::Year));
            readings.push(Reading::LastFour(piece.to_owned()));
        }
        6 | 8 => readings.extend(dates::read(piece, today).into_iter().map(Reading::Born)),
        7 => readings.push(Reading::LastSeven(piece.to_owned())),
        10 | 11 => {
            let number = parse_phone(piece).ok();
            readings.extend(number.map(|(n, _)| Reading::Number(n.reveal().to_owned())));
        }
        _ => {}
    }
    readings.push(Reading::Identifier(identifier(piece)));
    readings
}

/// A record number as it is compared: its letters and digits.
pub(super) fn identifier(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The readings as words, for the table.
    fn read(text: &str) -> String {
        let query = match Query::parse(text, date(2027, 3, 1)) {
            Ok(query) => query,
            Err(error) => return format!("{error:?}"),
        };
        let say = |reading: &Reading| match reading {
            Reading::Name(name) => format!("name {name}"),
            Reading::Born(day) => format!("born {day}"),
            Reading::Year(year) => format!("year {year}"),
            Reading::Number(number) => format!("number {number}"),
            Reading::LastSeven(seven) => format!("seven {seven}"),
            Reading::LastFour(four) => format!("four {four}"),
            Reading::Mailbox(mailbox) => format!("mail {mailbox}"),
            Reading::Identifier(id) => format!("id {id}"),
        };
        let words: Vec<String> = query
            .words
            .iter()
            .map(|word| word.0.iter().map(say).collect::<Vec<_>>().join(" or "))
            .collect();
        words.join("; ")
    }

    #[test]
    fn what_staff_type_and_what_it_means() {
        for (text, meant) in [
            ("gar", "name gar"),
            ("Garcia, María", "name garcia; name maria"),
            ("gar 1985", "name gar; year 1985 or four 1985 or id 1985"),
            ("o'brien 3/14/85", "name obrien; born 1985-03-14"),
            ("Garcia-Lopez", "name garcia; name lopez"),
            ("garcia mar 14 1985", "name garcia; born 1985-03-14"),
            ("garcia Mar 14, 1985", "name garcia; born 1985-03-14"),
            ("1/2/20", "born 2020-01-02 or born 1920-01-02"),
            ("(617) 555-0123", "number +16175550123"),
            ("617 555 0123", "number +16175550123"),
            ("617-555-0123", "number +16175550123"),
            ("+1 617 555 0123", "number +16175550123"),
            ("6175550123", "number +16175550123 or id 6175550123"),
            ("555-0123", "seven 5550123"),
            ("0123", "four 0123 or id 0123"),
            ("031485", "born 1985-03-14 or id 031485"),
            ("mrn 10023", "id 10023"),
            ("MRN: A-10023", "id A10023"),
            ("dob 3/14/1985", "born 1985-03-14"),
            ("maria823", "id MARIA823 or name maria823"),
            ("j garcia", "name j; name garcia"),
            ("Ana@Example.com", "mail ana@example.com"),
            ("王", "name 王"),
            ("", "Empty"),
            (" , ", "Empty"),
            ("j", "TooShort"),
            ("j k", "TooShort"),
            ("a b c d e f g h i j k l", "TooLong"),
        ] {
            assert_eq!(read(text), meant, "{text}");
        }
        assert_eq!(read(&"x".repeat(201)), "TooLong");
    }

    #[test]
    fn words_of_a_name_are_drawn_together_from_both_ends() {
        let query = Query::parse("de la cruz 1985", date(2027, 3, 1)).unwrap();
        let together = query.drawn_together();
        let first = |query: &Query| match query.words.first().map(|word| word.0.as_slice()) {
            Some([Reading::Name(name)]) => name.clone(),
            _ => String::new(),
        };
        let names: Vec<String> = together.iter().map(first).collect();
        assert_eq!(names, ["lacruz", "dela", "delacruz"]);
        assert!(together.iter().all(|query| query.words.len() <= 3));
        let one = Query::parse("cruz", date(2027, 3, 1)).unwrap();
        assert!(one.drawn_together().is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_none_is_shown(text in "\\PC{0,80}") {
            if let Ok(query) = Query::parse(&text, date(2027, 3, 1)) {
                let shown = format!("{query:?}");
                proptest::prop_assert!(query.words.len() <= MOST_WORDS);
                proptest::prop_assert!(shown.len() < 20);
            }
        }
    }
}
