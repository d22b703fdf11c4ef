//! CSV files (RFC 4180): patients and appointments, a header line first, columns in any order.

use std::collections::HashMap;
use std::io::Read;

use gate::facts::Line;
use gate::{Address, AddressKind, EmailAddress};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::db::appointment::AppointmentStatus;
use crate::db::contact_point::AddressUse;
use crate::db::{Tx, Word as _};
use crate::people::addresses::parse_phone;
use crate::people::import::apply::{Applier, Job};
use crate::people::import::fhir::Entry;
use crate::people::import::fhir_resource::is_language_tag;
use crate::people::import::record::{
    AppointmentRecord, ContactRecord, Contacts, Deceased, PatientRecord, Record, SpeaksFor,
};
use crate::people::import::report::{ImportError, Reason, Report};
use crate::people::import::source::Source;
use crate::people::person::Home;

/// The largest row.
pub const ROW_LIMIT: u64 = 1024 * 1024;

/// The longest field.
const LONGEST: usize = 1000;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvKind {
    /// One patient each.
    Patients,
    /// One appointment each.
    Appointments,
}

/// A column: its name, whether it must be there, and what it holds, for `--help`.
pub type Column = (&'static str, bool, &'static str);

/// The columns of a file of patients.
pub const PATIENT_COLUMNS: &[Column] = &[
    ("mrn", true, "record number, by which the patient is found again"),
    ("given_name", true, "given names"),
    ("family_name", true, "family name"),
    ("prefix", false, "Ms., Dr."),
    ("birth_date", false, "1980-12-31"),
    ("language", false, "en, es, …"),
    ("mobile_phone", false, "a mobile number"),
    ("home_phone", false, "a number at home"),
    ("work_phone", false, "a number at work"),
    ("email", false, "an email address"),
    ("street", false, "street and number"),
    ("city", false, "city"),
    ("state", false, "two letters or the name"),
    ("postal_code", false, "ZIP code"),
    ("deceased", false, "yes, no, or the date of death"),
    ("active", false, "yes or no"),
];

/// The columns of a file of appointments.
pub const APPOINTMENT_COLUMNS: &[Column] = &[
    ("id", true, "the schedule's own id, by which the appointment is found again"),
    ("mrn", true, "record number of the patient"),
    ("starts_at", true, "2027-03-01T09:00:00-05:00, or 2027-03-01 09:00 in the practice's zone"),
    ("ends_at", false, "the same"),
    ("minutes", false, "how long, where ends_at is not given"),
    ("status", false, "booked (also when empty), cancelled, fulfilled, noshow"),
    ("clinician_id", false, "the schedule's id of the clinician"),
    ("clinician_name", false, "family name, for a clinician not on file"),
    ("site_id", false, "the schedule's id of the site"),
    ("site_name", false, "name, for a site not on file"),
];

impl CsvKind {
    /// Its columns.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Patients => PATIENT_COLUMNS,
            Self::Appointments => APPOINTMENT_COLUMNS,
        }
    }
}

/// How to read a file.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// What the rows are.
    pub kind: CsvKind,
    /// Their column names → ours.
    pub renamed: HashMap<String, String>,
    /// The system that record numbers belong to; [`MRN`](super::record::MRN) unless told.
    pub mrn_system: String,
    /// The zone of times that name none: the practice's.
    pub zone: TimeZone,
}

/// Imports a file. On any error return it from the transaction, and nothing is applied.
///
/// # Errors
/// [`ImportError`]; [`ImportError::DryRun`] holds the report of a dry run.
pub fn import(
    tx: &mut Tx<'_>,
    job: Job<'_>,
    mapping: &Mapping,
    file: impl Read,
) -> Result<Report, ImportError> {
    let mut applier = Applier::new(tx, job);
    let digest = read(file, mapping, &mut |event| match event {
        Entry::Record(record) => applier.take(record),
        Entry::Skipped(at, reason) => {
            applier.report.skip(at, reason);
            Ok(())
        }
        Entry::Part(at, reason) => {
            applier.report.part(at, reason);
            Ok(())
        }
    })?;
    let kind = match mapping.kind {
        CsvKind::Patients => "csv_patients",
        CsvKind::Appointments => "csv_appointments",
    };
    applier.finish(kind, digest)
}

/// Parses a file without storing anything, and returns its SHA-256.
///
/// # Errors
/// [`ImportError`], also any that `see` returns.
pub fn read(
    file: impl Read,
    mapping: &Mapping,
    see: &mut dyn FnMut(Entry) -> Result<(), ImportError>,
) -> Result<[u8; 32], ImportError> {
    let (mut source, meter) = Source::new(file, ROW_LIMIT);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(64 * 1024)
        .from_reader(&mut source);
    let mut row = csv::ByteRecord::new();
    let mut header: Option<Header> = None;
    loop {
        meter.begin_record();
        let line = reader.position().line();
        let at = || format!("line {line}");
        match reader.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                if let Some(reason) = meter.reason(at, ROW_LIMIT) {
                    return Err(reason);
                }
                return Err(match error.kind() {
                    csv::ErrorKind::Io(io) => ImportError::Read(io.kind()),
                    _ => ImportError::Form { at: at(), remedy: "not CSV; check the quotes" },
                });
            }
        }
        // The reader skips blank lines, so the row may begin later than where it stood.
        let line = row.position().map_or(line, csv::Position::line);
        let at = format!("line {line}");
        let Ok(fields) = row.iter().map(str::from_utf8).collect::<Result<Vec<_>, _>>() else {
            return Err(ImportError::Encoding { at, looks_like: "WINDOWS-1252" });
        };
        match &header {
            None => header = Some(Header::read(&fields, mapping, &at)?),
            Some(header) => {
                for event in header.row(at, &fields, mapping) {
                    see(event)?;
                }
            }
        }
    }
    drop(reader);
    if header.is_none() {
        return Err(ImportError::Form {
            at: "line 1".to_owned(),
            remedy: "the file is empty; it begins with a line of column names",
        });
    }
    Ok(source.finish())
}

/// Which of our columns stands where.
struct Header {
    places: HashMap<&'static str, usize>,
    width: usize,
}

impl Header {
    fn read(fields: &[&str], mapping: &Mapping, at: &str) -> Result<Self, ImportError> {
        let form = |remedy| ImportError::Form { at: at.to_owned(), remedy };
        let mut places = HashMap::new();
        for (place, field) in fields.iter().enumerate() {
            let field = field.trim();
            let ours = mapping.renamed.get(field).map_or(field, String::as_str);
            let known =
                mapping.kind.columns().iter().find(|(name, ..)| name.eq_ignore_ascii_case(ours));
            if let Some((name, ..)) = known
                && places.insert(*name, place).is_some()
            {
                return Err(form("a column occurs twice; rename or remove one"));
            }
        }
        // Names of columns found are not told: without a header the first line is a patient.
        let missing = mapping
            .kind
            .columns()
            .iter()
            .any(|(name, must, _)| *must && !places.contains_key(name));
        if missing {
            return Err(form(match mapping.kind {
                CsvKind::Patients => {
                    "the header must name mrn, given_name and family_name; \
                     give other names by --map theirs=ours"
                }
                CsvKind::Appointments => {
                    "the header must name id, mrn and starts_at; \
                     give other names by --map theirs=ours"
                }
            }));
        }
        Ok(Self { places, width: fields.len() })
    }

    fn row(&self, at: String, fields: &[&str], mapping: &Mapping) -> Vec<Entry> {
        if fields.len() != self.width {
            return vec![Entry::Skipped(at, Reason::FieldCount)];
        }
        if fields.iter().any(|field| field.len() > LONGEST) {
            return vec![Entry::Skipped(at, Reason::TooLong)];
        }
        let row = Row { header: self, fields, at: at.clone(), parts: Vec::new() };
        match mapping.kind {
            CsvKind::Patients => row.patient(mapping),
            CsvKind::Appointments => row.appointment(mapping),
        }
        .unwrap_or_else(|reason| vec![Entry::Skipped(at, reason)])
    }
}

struct Row<'a> {
    header: &'a Header,
    fields: &'a [&'a str],
    at: String,
    parts: Vec<Entry>,
}

impl<'a> Row<'a> {
    /// The field, if the file has this column; it may be empty.
    fn field(&self, name: &str) -> Option<&'a str> {
        self.header.places.get(name).and_then(|place| self.fields.get(*place)).map(|f| f.trim())
    }

    fn filled(&self, name: &str) -> Option<&'a str> {
        self.field(name).filter(|field| !field.is_empty())
    }

    fn part(&mut self, column: &str, reason: Reason) {
        self.parts.push(Entry::Part(format!("{}, {column}", self.at), reason));
    }

    fn patient(mut self, mapping: &Mapping) -> Result<Vec<Entry>, Reason> {
        let mrn = self.filled("mrn").ok_or(Reason::NoIdentifier)?;
        let mut record = PatientRecord::at(self.at.clone());
        record.identifiers.push((mapping.mrn_system.clone(), mrn.to_owned()));
        record.given = self.field("given_name").map(str::to_owned);
        record.family = self.field("family_name").map(str::to_owned);
        record.prefix =
            self.field("prefix").map(|text| Some(text.to_owned()).filter(|t| !t.is_empty()));
        record.birth_date = match self.field("birth_date") {
            None => None,
            Some("") => Some(None),
            Some(text) => {
                let date = text.parse::<Date>().ok();
                if date.is_none() {
                    self.part("birth_date", Reason::BadTime);
                }
                date.map(Some)
            }
        };
        record.language = match self.field("language") {
            None => None,
            Some("") => Some(None),
            Some(tag) if is_language_tag(tag) => Some(Some(tag.to_owned())),
            Some(_) => {
                self.part("language", Reason::BadWord);
                None
            }
        };
        record.home = self.home();
        record.deceased = self.deceased();
        record.active = match self.filled("active") {
            None => None,
            Some(word) => {
                let flag = yes_or_no(word);
                if flag.is_none() {
                    self.part("active", Reason::BadWord);
                }
                flag
            }
        };
        record.contacts = self.contacts();
        let mut events = self.parts;
        events.push(Entry::Record(Record::Patient(Box::new(record))));
        Ok(events)
    }

    fn home(&self) -> Option<Option<Home>> {
        const COLUMNS: [&str; 4] = ["street", "city", "state", "postal_code"];
        if COLUMNS.iter().all(|name| self.field(name).is_none()) {
            return None;
        }
        let text = |name| self.field(name).unwrap_or_default().to_owned();
        let region = text("state");
        let region = crate::people::home_zones::state_code(&region).map_or(region, str::to_owned);
        let (street, city) = (text("street"), text("city"));
        let home = Home { street, city, region, postal_code: text("postal_code") };
        Some((home != Home::default()).then_some(home))
    }

    /// What cannot be read counts as dead until somebody looks (PRIV-23).
    fn deceased(&mut self) -> Option<Deceased> {
        let word = self.filled("deceased")?;
        if let Some(flag) = yes_or_no(word) {
            return Some(if flag { Deceased::Yes } else { Deceased::No });
        }
        let day = word.parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok());
        let Some(day) = day else {
            self.part("deceased", Reason::BadTime);
            return Some(Deceased::Yes);
        };
        Some(Deceased::At(day.timestamp()))
    }

    fn contacts(&mut self) -> Contacts {
        let mut columns = Vec::new();
        let mut given = Vec::new();
        for (name, place, line) in [
            ("mobile_phone", AddressUse::Mobile, Line::Mobile),
            ("home_phone", AddressUse::Home, Line::Unknown),
            ("work_phone", AddressUse::Work, Line::Unknown),
        ] {
            let Some(text) = self.field(name) else { continue };
            columns.push((AddressKind::Phone, Some(place)));
            if text.is_empty() {
                continue;
            }
            match parse_phone(text) {
                Ok((number, told)) => given.push(contact(
                    Address::Phone(number),
                    if told == Line::Unknown { line } else { told },
                    Some(place),
                )),
                Err(_) => self.part(name, Reason::BadPhone),
            }
        }
        if let Some(text) = self.field("email") {
            columns.push((AddressKind::Email, None));
            match EmailAddress::parse(text) {
                Ok(address) => given.push(contact(Address::Email(address), Line::NotALine, None)),
                Err(_) if text.is_empty() => {}
                Err(_) => self.part("email", Reason::BadEmail),
            }
        }
        Contacts { speaks_for: SpeaksFor::Columns(columns), given }
    }

    fn appointment(self, mapping: &Mapping) -> Result<Vec<Entry>, Reason> {
        let external_id = self.filled("id").ok_or(Reason::NoIdentifier)?.to_owned();
        let mrn = self.filled("mrn").ok_or(Reason::NoPatient)?.to_owned();
        let time = |name| match self.filled(name) {
            None => Ok(None),
            Some(text) => instant(text, &mapping.zone).map(Some).ok_or(Reason::BadTime),
        };
        let starts_at = time("starts_at")?.ok_or(Reason::BadTime)?;
        let ends_at = match (time("ends_at")?, self.filled("minutes")) {
            (Some(end), _) => Some(end),
            (None, None) => None,
            (None, Some(text)) => {
                let minutes: u16 = text.parse().map_err(|_| Reason::BadTime)?;
                let span = jiff::SignedDuration::from_mins(i64::from(minutes));
                starts_at.checked_add(span).ok()
            }
        };
        let status = self.filled("status").unwrap_or("booked").to_lowercase();
        let status = AppointmentStatus::from_word(&status).ok_or(Reason::BadWord)?;
        let pair = |id: &str, name: &str| {
            let name = self.filled(name).map(str::to_owned);
            let id = self.filled(id).map(str::to_owned).or_else(|| name.clone())?;
            Some((id, name))
        };
        let clinician = pair("clinician_id", "clinician_name");
        let site = pair("site_id", "site_name");
        Ok(vec![Entry::Record(Record::Appointment(Box::new(AppointmentRecord {
            at: self.at,
            external_id,
            patient: (mapping.mrn_system.clone(), mrn),
            clinician,
            site,
            starts_at,
            ends_at,
            status,
        })))])
    }
}

fn contact(address: Address, line: Line, place: Option<AddressUse>) -> ContactRecord {
    ContactRecord { address, line, place, valid_from: None, valid_until: None }
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "1" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// With an offset as it says; without one in the practice's zone. A time that daylight saving
/// leaves out is none.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let local: DateTime = text.parse().ok()?;
    // A bare day is no time.
    if !text.contains(':') {
        return None;
    }
    let ambiguous = zone.to_ambiguous_timestamp(local);
    if matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
        return None;
    }
    ambiguous.compatible().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(kind: CsvKind) -> Mapping {
        Mapping {
            kind,
            renamed: HashMap::from([("Chart #".to_owned(), "mrn".to_owned())]),
            mrn_system: "urn:sotto:mrn".to_owned(),
            zone: TimeZone::get("America/New_York").unwrap(),
        }
    }

    fn parse(kind: CsvKind, text: impl AsRef<[u8]>) -> Result<Vec<Entry>, ImportError> {
        let mut all = Vec::new();
        read(text.as_ref(), &mapping(kind), &mut |entry| {
            all.push(entry);
            Ok(())
        })?;
        Ok(all)
    }

    fn patients(text: impl AsRef<[u8]>) -> Vec<PatientRecord> {
        let all = parse(CsvKind::Patients, text).unwrap();
        all.into_iter()
            .filter_map(|entry| match entry {
                Entry::Record(Record::Patient(patient)) => Some(*patient),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn columns_in_any_order_renamed_quoted_with_a_mark() {
        let text = "\u{feff}family_name,Chart #,given_name,street,mobile_phone,other\r\n\
                    \"Gómez, hija\",17,Ana,\"1 Main St\nApt 2\",(617) 555-0123,x\r\n";
        let all = patients(text);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].family.as_deref(), Some("Gómez, hija"));
        let home = all[0].home.clone().flatten().unwrap();
        assert_eq!(home.street, "1 Main St\nApt 2");
        assert_eq!(all[0].contacts.given[0].address.reveal(), "+16175550123");
        // Columns that are not there say nothing.
        assert_eq!(all[0].birth_date, None);
        let columns = vec![(AddressKind::Phone, Some(AddressUse::Mobile))];
        assert_eq!(all[0].contacts.speaks_for, SpeaksFor::Columns(columns));
    }

    #[test]
    fn rows_and_parts_that_cannot_be_read_have_their_reason_and_line() {
        let text = "mrn,given_name,family_name,birth_date,email,deceased\n\
                    1,A,B,1980-02-30,a@example.com,\n\
                    2,A,B\n\
                    ,A,B,,,\n\
                    4,A,B,,nobody,perhaps\n";
        let told: Vec<_> = parse(CsvKind::Patients, text)
            .unwrap()
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Record(_) => None,
                Entry::Skipped(at, reason) | Entry::Part(at, reason) => Some((at, reason)),
            })
            .collect();
        assert_eq!(
            told,
            [
                ("line 2, birth_date".to_owned(), Reason::BadTime),
                ("line 3".to_owned(), Reason::FieldCount),
                ("line 4".to_owned(), Reason::NoIdentifier),
                ("line 5, deceased".to_owned(), Reason::BadTime),
                ("line 5, email".to_owned(), Reason::BadEmail),
            ]
        );
    }

    #[test]
    fn latin_1_is_named_with_its_remedy() {
        let text = b"mrn,given_name,family_name\n1,Jos\xe9,P\n";
        let error = parse(CsvKind::Patients, text).err().unwrap().to_string();
        assert!(error.starts_with("line 2: not UTF-8; it looks like WINDOWS-1252"), "{error}");
    }

    #[test]
    fn a_file_without_a_header_is_refused_without_quoting_it() {
        for text in ["", "17,Secretname,B\n", "mrn,mrn,given_name,family_name\n"] {
            let error = parse(CsvKind::Patients, text).err().unwrap();
            assert!(matches!(error, ImportError::Form { .. }));
            assert!(!format!("{error} {error:?}").contains("Secretname"));
        }
    }

    #[test]
    fn an_endless_row_is_refused() {
        let header: &[u8] = b"mrn,given_name,family_name\n\"";
        let endless = header.chain(std::io::repeat(b'x'));
        let error = read(endless, &mapping(CsvKind::Patients), &mut |_| Ok(())).unwrap_err();
        assert!(matches!(error, ImportError::TooLarge { limit: ROW_LIMIT, .. }), "{error}");
    }

    #[test]
    fn times_with_and_without_an_offset() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (text, wanted) in [
            ("2027-03-01T09:00:00-05:00", Some("2027-03-01T14:00:00Z")),
            ("2027-03-01 09:00", Some("2027-03-01T14:00:00Z")),
            ("2027-03-14 02:30", None),
            ("2027-03-01", None),
            ("soon", None),
        ] {
            let wanted = wanted.map(|text| text.parse().unwrap());
            assert_eq!(instant(text, &zone), wanted, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let text = [b"id,mrn,starts_at\n".as_slice(), &bytes].concat();
            let _ = parse(CsvKind::Appointments, &text);
            let _ = parse(CsvKind::Patients, &bytes);
        }
    }
}
