//! What a template may hold a place for, and the values that fill the places.

use std::collections::BTreeMap;

use gate::Language;
use guard::Source;
use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use serde::Deserialize;

use super::dates::{self, Style};
use super::error::ComposeError;

macro_rules! variables {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal, $source:ident; )+) => {
        /// A place in a template, written `{first_name}`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Variable { $( $(#[$doc])* $variant, )+ }

        impl Variable {
            /// Every one.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word between the braces.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }

            /// What the guard is told about the text that fills it.
            #[must_use]
            pub const fn source(self) -> Source {
                match self { $( Self::$variant => Source::$source, )+ }
            }
        }
    };
}

variables! {
    /// The patient's first name.
    FirstName = "first_name", FirstName;
    /// The practice's neutral display name.
    Practice = "practice", Practice;
    /// The number patients call, as printed.
    Phone = "phone", Phone;
    /// Who answers while the office is closed.
    AltPhone = "alt_phone", Phone;
    /// The day of the week.
    Weekday = "weekday", When;
    /// Day and month.
    Date = "date", When;
    /// Time of day.
    Time = "time", When;
    /// Which of the practice's places.
    Site = "site", Site;
    /// The clinician's family name, no title, no specialty.
    ClinicianSurname = "clinician_surname", ClinicianSurname;
    /// Where patients sign in.
    PortalUrl = "portal_url", Link;
    /// A single-purpose link to the practice's own host (EML-08).
    Link = "link", Link;
    /// When the office answers.
    Hours = "hours", Hours;
    /// A one-time code.
    Code = "code", Code;
    /// How long a code works.
    Minutes = "minutes", Hours;
}

/// One of several wordings of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The usual one.
    #[default]
    Plain,
    /// A reminder that names the place.
    WithSite,
    /// "Your visit is confirmed."
    Confirmed,
    /// "You cannot come."
    Declined,
    /// "Another time."
    Reschedule,
    /// "A person will answer."
    Staff,
    /// The opt-out word may have meant the visit (TEL-16).
    VisitUnchanged,
}

impl Variant {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::WithSite,
        Self::Confirmed,
        Self::Declined,
        Self::Reschedule,
        Self::Staff,
        Self::VisitUnchanged,
    ];

    /// Its part of a template's name; empty for [`Plain`](Self::Plain).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::WithSite => "with_site",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Reschedule => "reschedule",
            Self::Staff => "staff",
            Self::VisitUnchanged => "visit_unchanged",
        }
    }
}

/// A value, as far as it can be known before channel and language are.
#[derive(Clone, PartialEq)]
enum Value {
    Text(String),
    InEach { english: String, spanish: String },
    When { at: Zoned, name_zone: bool },
    Day(Date),
}

/// The values for one message. `Debug` names the variables and shows no value.
#[derive(Clone, Default, PartialEq)]
pub struct Values {
    variant: Variant,
    given: BTreeMap<Variable, Value>,
    defaults: BTreeMap<Variable, Value>,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values")
            .field("variant", &self.variant)
            .field("given", &self.given.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Values {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes another wording than the usual one.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// Which wording.
    #[must_use]
    pub const fn wording(&self) -> Variant {
        self.variant
    }

    /// Sets a value.
    ///
    /// # Errors
    /// [`ComposeError::BadValue`] when it is not fit for its place.
    pub fn set(
        mut self,
        variable: Variable,
        text: impl Into<String>,
    ) -> Result<Self, ComposeError> {
        let text = checked(variable, text.into())?;
        self.given.insert(variable, Value::Text(text));
        Ok(self)
    }

    /// Sets weekday, date and time. `name_zone` adds the zone's short name to the time, for a
    /// person whose clock differs from the clock of the place.
    #[must_use]
    pub fn when(mut self, at: Timestamp, zone: &TimeZone, name_zone: bool) -> Self {
        let at = at.to_zoned(zone.clone());
        for variable in [Variable::Weekday, Variable::Date, Variable::Time] {
            self.given.insert(variable, Value::When { at: at.clone(), name_zone });
        }
        self
    }

    /// Sets weekday and date, without a time.
    #[must_use]
    pub fn day(mut self, day: Date) -> Self {
        for variable in [Variable::Weekday, Variable::Date] {
            self.given.insert(variable, Value::Day(day));
        }
        self
    }

    /// Sets the office hours, in each language.
    ///
    /// # Errors
    /// [`ComposeError::BadValue`].
    pub fn hours(
        mut self,
        english: impl Into<String>,
        spanish: impl Into<String>,
    ) -> Result<Self, ComposeError> {
        let english = checked(Variable::Hours, english.into())?;
        let spanish = checked(Variable::Hours, spanish.into())?;
        self.given.insert(Variable::Hours, Value::InEach { english, spanish });
        Ok(self)
    }

    /// A value to fall back on where the template has the place and nobody set it: the practice's
    /// name and number, the patient's first name. Unlike a value that was set, it need not be on
    /// the kind's list, since it is used only where the template, which was linted, asks for it.
    ///
    /// # Errors
    /// [`ComposeError::BadValue`].
    pub fn default_to(
        mut self,
        variable: Variable,
        text: impl Into<String>,
    ) -> Result<Self, ComposeError> {
        let text = checked(variable, text.into())?;
        self.defaults.insert(variable, Value::Text(text));
        Ok(self)
    }

    /// As [`default_to`](Self::default_to), for the office hours in each language.
    ///
    /// # Errors
    /// [`ComposeError::BadValue`].
    pub fn default_hours(mut self, english: &str, spanish: &str) -> Result<Self, ComposeError> {
        let english = checked(Variable::Hours, english.to_owned())?;
        let spanish = checked(Variable::Hours, spanish.to_owned())?;
        self.defaults.insert(Variable::Hours, Value::InEach { english, spanish });
        Ok(self)
    }

    /// From words, as the API takes them. `when` (RFC 3339, such as `2027-03-01T14:30:00Z`) sets
    /// weekday, date and time in `zone`; `day` (`2027-03-01`) sets weekday and date.
    ///
    /// # Errors
    /// [`ComposeError::UnknownVariable`] and [`ComposeError::BadValue`], naming the variable.
    pub fn from_words<'a>(
        words: impl IntoIterator<Item = (&'a str, &'a str)>,
        zone: &TimeZone,
    ) -> Result<Self, ComposeError> {
        let mut values = Self::new();
        for (word, text) in words {
            let bad = |because| ComposeError::BadValue { variable: word.to_owned(), because };
            values = match word {
                "when" => {
                    let at = text
                        .parse()
                        .map_err(|_| bad("is no RFC 3339 time such as 2027-03-01T14:30:00Z"))?;
                    values.when(at, zone, false)
                }
                "day" => {
                    values.day(text.parse().map_err(|_| bad("is no date such as 2027-03-01"))?)
                }
                _ => {
                    let variable = Variable::from_word(word).ok_or_else(|| {
                        ComposeError::UnknownVariable { variable: shortened(word) }
                    })?;
                    if matches!(variable.source(), Source::When) {
                        return Err(bad("follows from `when` or `day`; set one of those"));
                    }
                    values.set(variable, text)?
                }
            };
        }
        Ok(values)
    }

    /// Only the values that may stand in a kind.
    pub(crate) fn only(mut self, allowed: &[Variable]) -> Self {
        self.given.retain(|variable, _| allowed.contains(variable));
        self
    }

    /// The variables that were set, defaults left out.
    pub fn given(&self) -> impl Iterator<Item = Variable> {
        self.given.keys().copied()
    }

    /// The text for a place, in a language and a style.
    pub(super) fn text(
        &self,
        variable: Variable,
        language: Language,
        style: Style,
    ) -> Option<String> {
        let value = self.given.get(&variable).or_else(|| self.defaults.get(&variable))?;
        match (value, variable) {
            (Value::Text(text), _) => Some(text.clone()),
            (Value::InEach { english, spanish }, _) => Some(match language {
                Language::English => english.clone(),
                Language::Spanish => spanish.clone(),
            }),
            (Value::When { at, .. }, Variable::Weekday) => {
                Some(dates::weekday(at.date(), language, style).to_owned())
            }
            (Value::When { at, .. }, Variable::Date) => {
                Some(dates::date(at.date(), language, style))
            }
            (Value::When { at, name_zone }, _) => Some(dates::time(at, language, *name_zone)),
            (Value::Day(day), Variable::Weekday) => {
                Some(dates::weekday(*day, language, style).to_owned())
            }
            (Value::Day(day), Variable::Date) => Some(dates::date(*day, language, style)),
            (Value::Day(_), _) => None,
        }
    }
}

/// An unknown word is quoted only as far as it can be a word and not a value.
fn shortened(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(24).collect()
}

/// The most characters any value may have.
const LONGEST: usize = 120;
/// The most characters of a first name.
const LONGEST_NAME: usize = 40;

fn checked(variable: Variable, text: String) -> Result<String, ComposeError> {
    let bad =
        |because| Err(ComposeError::BadValue { variable: variable.as_str().to_owned(), because });
    let text = text.trim().to_owned();
    if text.is_empty() {
        return bad("is empty");
    }
    if text.chars().any(hidden) {
        return bad("holds a control or an invisible character");
    }
    let longest = if variable == Variable::FirstName { LONGEST_NAME } else { LONGEST };
    if text.chars().count() > longest {
        return bad("is too long");
    }
    let fits = match variable {
        Variable::FirstName | Variable::ClinicianSurname => {
            text.chars().all(|c| c.is_alphanumeric() || is_mark(c) || " -'’.·".contains(c))
        }
        Variable::Phone | Variable::AltPhone => {
            text.chars().all(|c| c.is_ascii_digit() || " -.()+x".contains(c))
                && text.bytes().any(|b| b.is_ascii_digit())
        }
        Variable::PortalUrl | Variable::Link => {
            let rest = text.strip_prefix("https://").or_else(|| loopback(&text));
            rest.is_some_and(|rest| {
                !rest.is_empty()
                    && rest.bytes().all(|b| {
                        b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b)
                    })
            })
        }
        Variable::Code => {
            (4..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
        }
        Variable::Minutes => text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit()),
        Variable::Practice | Variable::Site | Variable::Hours => {
            !text.contains("://") && !text.contains('@')
        }
        Variable::Weekday | Variable::Date | Variable::Time => false,
    };
    if fits {
        Ok(text)
    } else {
        bad(match variable {
            Variable::FirstName | Variable::ClinicianSurname => "is not only a name",
            Variable::Phone | Variable::AltPhone => "is no phone number",
            Variable::PortalUrl | Variable::Link => "is no https address",
            Variable::Code => "is not 4 to 12 letters or digits",
            Variable::Minutes => "is no number below 1000",
            Variable::Practice | Variable::Site | Variable::Hours => "holds a link or an address",
            Variable::Weekday | Variable::Date | Variable::Time => {
                "follows from `when` or `day`; set one of those"
            }
        })
    }
}

/// The demo's portal is on this machine, without a certificate.
fn loopback(text: &str) -> Option<&str> {
    ["http://127.0.0.1:", "http://localhost:"].iter().find_map(|start| text.strip_prefix(start))
}

/// Control characters, and those that turn or hide what is read.
pub(super) fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{00AD}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}')
}

/// On the air, a typographic sign turns a whole text into UCS-2: 70 characters a part instead of
/// 160. The plain sign says the same.
pub(super) fn plain_signs(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‘' | '’' | '‛' | 'ʼ' => plain.push('\''),
            '“' | '”' | '„' => plain.push('"'),
            '‐' | '‑' | '–' | '—' => plain.push('-'),
            '…' => plain.push_str("..."),
            '\u{00A0}' | '\u{2009}' | '\u{202F}' => plain.push(' '),
            _ => plain.push(c),
        }
    }
    plain
}
