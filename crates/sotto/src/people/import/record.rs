//! What any file says, in one form: the parsers make these, [`apply`](super::apply) stores them.
//!
//! An outer `None` leaves what is on file as it is; `Some` puts something in its place.

use gate::Address;
use gate::facts::Line;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::db::appointment::AppointmentStatus;
use crate::db::contact_point::AddressUse;
use crate::people::person::{Home, Person};

/// The system under which a FHIR server's own id of a patient is kept.
pub const FHIR_ID: &str = "urn:sotto:fhir-id";

/// The system of record numbers in CSV files, unless told otherwise.
pub const MRN: &str = "urn:sotto:mrn";

/// Something given for a patient or found in a chart.
#[derive(Debug, Clone)]
pub struct PatientRecord {
    /// Where in the file.
    pub at: String,
    /// System and value; the first that is on file finds the patient.
    pub identifiers: Vec<(String, String)>,
    /// Given names.
    pub given: Option<String>,
    /// Family name.
    pub family: Option<String>,
    /// `Mr.`, `Dr.`
    pub prefix: Option<Option<String>>,
    /// Date of birth.
    pub birth_date: Option<Option<Date>>,
    /// Postal address.
    pub home: Option<Option<Home>>,
    /// BCP 47 tag.
    pub language: Option<Option<String>>,
    /// Whether the patient has died.
    pub deceased: Option<Deceased>,
    /// In use.
    pub active: Option<bool>,
    /// The system's own id of the record that took this one's place.
    pub replaced_by: Option<String>,
    /// The own ids of the records whose place this one took.
    pub replaces: Vec<String>,
    /// Where the patient is reached.
    pub contacts: Contacts,
}

/// Alive or not, as a chart says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deceased {
    /// Said to be alive.
    No,
    /// Died, on a day that is not told.
    Yes,
    /// Died then.
    At(Timestamp),
}

impl Deceased {
    /// As the column holds it.
    #[must_use]
    pub fn column(self) -> Option<i64> {
        match self {
            Self::No => None,
            Self::Yes => Some(0),
            // 0 means "unknown day"; that very microsecond of 1970 gives way.
            Self::At(at) => Some(at.as_microsecond()).map(|at| if at == 0 { 1 } else { at }),
        }
    }
}

impl PatientRecord {
    /// A record that says nothing yet.
    #[must_use]
    pub fn at(at: String) -> Self {
        Self {
            at,
            identifiers: Vec::new(),
            given: None,
            family: None,
            prefix: None,
            birth_date: None,
            home: None,
            language: None,
            deceased: None,
            active: None,
            replaced_by: None,
            replaces: Vec::new(),
            contacts: Contacts::default(),
        }
    }

    /// Puts what is said here into what is on file.
    pub fn write_to(&self, person: &mut Person) {
        if let Some(given) = &self.given {
            person.given.clone_from(given);
        }
        if let Some(family) = &self.family {
            person.family.clone_from(family);
        }
        if let Some(prefix) = &self.prefix {
            person.prefix.clone_from(prefix);
        }
        if let Some(birth_date) = self.birth_date {
            person.birth_date = birth_date;
        }
        if let Some(home) = &self.home {
            person.home.clone_from(home);
        }
    }
}

/// The addresses that a record gives.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    /// Which addresses the record speaks for: those of the chart that it leaves out have ended.
    pub speaks_for: SpeaksFor,
    /// The addresses, first choice first.
    pub given: Vec<ContactRecord>,
}

/// Which addresses a record speaks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SpeaksFor {
    /// None but those it gives.
    #[default]
    Given,
    /// All of the patient's.
    All,
    /// Those of these kinds and uses.
    Columns(Vec<(gate::AddressKind, Option<AddressUse>)>),
}

/// One address.
#[derive(Debug, Clone)]
pub struct ContactRecord {
    /// Parsed.
    pub address: Address,
    /// What is known of the line.
    pub line: Line,
    /// What it is for.
    pub place: Option<AddressUse>,
    /// Not before.
    pub valid_from: Option<Timestamp>,
    /// Not from then on.
    pub valid_until: Option<Timestamp>,
}

/// Somebody around a patient. It proves no permission (RULEBOOK §9).
#[derive(Debug, Clone)]
pub struct CaregiverRecord {
    /// Where in the file.
    pub at: String,
    /// The source's id.
    pub external_id: String,
    /// The source's own id of the patient.
    pub patient: String,
    /// The name.
    pub person: Person,
    /// A word such as `mother`.
    pub relation: &'static str,
    /// Not before.
    pub valid_from: Option<Timestamp>,
    /// Not from then on.
    pub valid_until: Option<Timestamp>,
    /// No longer.
    pub ended: bool,
    /// Where they are reached.
    pub contacts: Contacts,
}

/// A clinician.
#[derive(Debug, Clone)]
pub struct ClinicianRecord {
    /// Where in the file.
    pub at: String,
    /// The source's id.
    pub external_id: String,
    /// `Dr.`
    pub prefix: Option<String>,
    /// First name.
    pub given: Option<String>,
    /// Last name.
    pub family: String,
    /// Works here now.
    pub active: bool,
}

/// A place: a FHIR Location, or an Organization as such.
#[derive(Debug, Clone)]
pub struct SiteRecord {
    /// Where in the file.
    pub at: String,
    /// The source's id.
    pub external_id: String,
    /// As printed.
    pub name: String,
    /// Postal address.
    pub home: Option<Home>,
    /// Telephone number, as printed.
    pub phone: Option<String>,
}

/// An appointment.
#[derive(Debug, Clone)]
pub struct AppointmentRecord {
    /// Where in the file.
    pub at: String,
    /// The source's id.
    pub external_id: String,
    /// System and value of the patient's identifier.
    pub patient: (String, String),
    /// The source's id of the clinician, and the family name where the file gives it.
    pub clinician: Option<(String, Option<String>)>,
    /// The source's id of the site, and its name where the file gives it.
    pub site: Option<(String, Option<String>)>,
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Option<Timestamp>,
    /// What the schedule says.
    pub status: AppointmentStatus,
}

/// Any of them.
#[derive(Debug, Clone)]
pub enum Record {
    /// A patient.
    Patient(Box<PatientRecord>),
    /// Somebody around a patient.
    Caregiver(Box<CaregiverRecord>),
    /// A clinician.
    Clinician(ClinicianRecord),
    /// A site.
    Site(SiteRecord),
    /// An appointment.
    Appointment(Box<AppointmentRecord>),
}
