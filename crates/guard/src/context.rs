//! What the practice knows, so that "Dr. Payne" of "Cold Harbor Road" raises no alarm.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Everything the guard is told beside the text. Empty is the strict default.
///
/// Strings are as the practice writes them; matching ignores case and accents.
#[derive(Clone, Default)]
pub struct Context {
    /// The practice's names, neutral name included.
    pub practice_names: Vec<String>,
    /// Its sites: names, streets, suites, neighbours, cities.
    pub places: Vec<String>,
    /// Its own phone numbers, as digits.
    pub practice_phones: Vec<String>,
    /// Its own hosts (`portal.example.com`), for which links are allowed.
    pub hosts: Vec<String>,
    /// Its clinicians' and staff's family and full names.
    pub clinicians: Vec<String>,
    /// The recipient's own names (first, last, preferred).
    pub recipient_names: Vec<String>,
    /// The recipient's own contact points on file.
    pub recipient_addresses: Vec<String>,
    /// Which parts of the text were filled from which field: beats text matching (RULEBOOK §11.2).
    pub fields: Vec<Field>,
}

/// A part of the text that a template variable filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Code points, end exclusive.
    pub span: Range<usize>,
    /// Where the value came from.
    pub source: Source,
}

/// Where a template variable's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The recipient's first name.
    FirstName,
    /// The recipient's title and surname.
    TitleSurname,
    /// The practice's (neutral) display name.
    Practice,
    /// A site's name or street.
    Site,
    /// A clinician's surname.
    ClinicianSurname,
    /// The practice's phone number.
    Phone,
    /// A date, weekday or time of an appointment.
    When,
    /// Office hours.
    Hours,
    /// A link to the practice's own host.
    Link,
    /// A one-time code.
    Code,
    /// The recipient's date of birth.
    BirthDate,
    /// A diagnosis, drug, test or procedure from the chart.
    Clinical,
    /// An amount of money.
    Amount,
    /// Text a person typed.
    FreeText,
}

impl std::fmt::Debug for Context {
    /// Counts only: the lists hold names and addresses.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("recipient_names", &self.recipient_names.len())
            .field("recipient_addresses", &self.recipient_addresses.len())
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
