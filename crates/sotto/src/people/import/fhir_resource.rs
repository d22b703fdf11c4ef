//! One FHIR resource → one record. Tolerant of everything it does not need; what it needs and
//! cannot read it leaves out with a reason.

use gate::facts::Line;
use gate::{Address, EmailAddress};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use crate::db::appointment::AppointmentStatus;
use crate::people::addresses::parse_phone;
use crate::people::import::record::{
    AppointmentRecord, CaregiverRecord, ClinicianRecord, ContactRecord, Contacts, Deceased,
    FHIR_ID, PatientRecord, Record, SiteRecord, SpeaksFor,
};
use crate::people::import::report::Reason;
use crate::people::person::{Home, Person};

/// Longer texts than this are no names, ids or addresses.
const LONGEST: usize = 1000;

/// What became of one entry.
#[derive(Default)]
pub(super) struct Read {
    pub(super) record: Option<Record>,
    pub(super) skipped: Option<Reason>,
    pub(super) parts: Vec<(String, Reason)>,
}

/// Reads an entry of a bundle.
pub(super) fn read_entry(at: &str, entry: &Value, out: &mut Read) {
    let result = match entry.get("resource") {
        None if text(entry, "/request/method") == Some("DELETE") => Err(Reason::Deletion),
        None => Err(Reason::NoResource),
        Some(_) if text(entry, "/request/method") == Some("DELETE") => Err(Reason::Deletion),
        Some(resource) => {
            let id = text(resource, "/id").or_else(|| text(entry, "/fullUrl").map(last_segment));
            let at = format!("{at}/resource");
            match text(resource, "/resourceType") {
                Some("Patient") => patient(at, id, resource, out),
                Some("RelatedPerson") => related_person(at, id, resource, out),
                Some("Practitioner") => practitioner(at, id, resource),
                Some("Organization" | "Location") => site(at, id, resource),
                Some("Appointment") => appointment(at, id, resource),
                _ if is_psychotherapy_note(resource) => Err(Reason::PsychotherapyNote),
                _ => Err(Reason::NotUsed),
            }
        }
    };
    match result {
        Ok(record) => out.record = Some(record),
        Err(reason) => out.skipped = Some(reason),
    }
}

/// Psychotherapy notes (45 CFR 164.501), by their label (HL7 v3 ActCode PSYTHPN) or by the type they
/// are filed under. Nothing else of the resource is looked at (PRIV-15).
fn is_psychotherapy_note(resource: &Value) -> bool {
    let labels = resource.get("meta").map_or(&[][..], |meta| items(meta, "security"));
    let labelled = labels.iter().any(|label| text(label, "/code") == Some("PSYTHPN"));
    let named = |name: Option<&str>| {
        let name = name.unwrap_or_default().to_lowercase();
        ["psychotherapy note", "therapy process note"].iter().any(|words| name.contains(words))
    };
    let kinds = ["type", "code"].into_iter().filter_map(|field| resource.get(field));
    let kinds = kinds.chain(items(resource, "category"));
    let filed = kinds.into_iter().any(|kind| {
        named(text(kind, "/text"))
            || items(kind, "coding").iter().any(|coding| named(text(coding, "/display")))
    });
    labelled || filed
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn short(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).filter(|text| text.len() <= LONGEST).map(str::to_owned)
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `urn:uuid:x`, `Patient/x`, `https://ehr.example/fhir/Patient/x/_history/1` → `x`.
fn last_segment(reference: &str) -> &str {
    let reference = reference.split("/_history/").next().unwrap_or(reference);
    reference.rsplit(['/', ':']).next().unwrap_or(reference)
}

fn reference<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    text(value, pointer).map(last_segment).filter(|id| !id.is_empty() && id.len() <= LONGEST)
}

/// An instant, or a whole day taken at its begin in UTC.
fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    let text = text(value, pointer)?;
    text.parse().ok().or_else(|| {
        let day: Date = text.parse().ok()?;
        day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

fn patient(at: String, id: Option<&str>, r: &Value, out: &mut Read) -> Result<Record, Reason> {
    let id = id.filter(|id| id.len() <= LONGEST).ok_or(Reason::NoIdentifier)?;
    let mut record = PatientRecord::at(at.clone());
    record.identifiers.push((FHIR_ID.to_owned(), id.to_owned()));
    record.identifiers.extend(record_numbers(r));
    let person = name(r);
    record.given = Some(person.given);
    record.family = Some(person.family);
    record.prefix = Some(person.prefix);
    let birth_date = text(r, "/birthDate");
    record.birth_date = Some(birth_date.and_then(|text| text.parse().ok()));
    // A year or month alone is a valid birth date in FHIR; only nonsense is worth a word.
    if let (Some(text), Some(None)) = (birth_date, record.birth_date)
        && !partial_date(text)
    {
        out.parts.push((format!("{at}/birthDate"), Reason::BadTime));
    }
    record.home = Some(home(r));
    record.language = Some(language(r));
    record.deceased = deceased(r, &at, out);
    record.active = r.get("active").and_then(Value::as_bool).or(Some(true));
    for link in items(r, "link") {
        let Some(other) = reference(link, "/other/reference") else { continue };
        match text(link, "/type") {
            Some("replaced-by") => record.replaced_by = Some(other.to_owned()),
            Some("replaces") => record.replaces.push(other.to_owned()),
            _ => {}
        }
    }
    record.contacts = contacts(r, &at, out);
    Ok(Record::Patient(Box::new(record)))
}

/// Record numbers and the like. Numbers of other registers (social security, licence, passport)
/// are not needed for messages and are not kept (45 CFR 164.502(b)).
fn record_numbers(r: &Value) -> Vec<(String, String)> {
    items(r, "identifier")
        .iter()
        .filter(|identifier| {
            let codes = identifier.pointer("/type/coding").and_then(Value::as_array);
            let code = |word| {
                codes.into_iter().flatten().any(|coding| text(coding, "/code") == Some(word))
            };
            text(identifier, "/use") != Some("old")
                && ["MR", "MRT", "PI", "PT", "U"].into_iter().any(code)
        })
        .filter_map(|identifier| {
            Some((short(identifier, "/system")?, short(identifier, "/value")?))
        })
        .filter(|(system, _)| !system.starts_with("urn:sotto:"))
        .collect()
}

fn partial_date(text: &str) -> bool {
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        None => digits(text, 4),
        Some((year, month)) => digits(year, 4) && digits(month, 2),
    }
}

/// The official name, or the usual one, or the first.
fn name(r: &Value) -> Person {
    let names = items(r, "name");
    let of_use = |word| names.iter().find(|name| text(name, "/use") == Some(word));
    let Some(name) = of_use("official").or_else(|| of_use("usual")).or(names.first()) else {
        return Person::default();
    };
    let words = |key| {
        let words: Vec<_> = items(name, key)
            .iter()
            .filter_map(Value::as_str)
            .map(str::trim)
            .filter(|word| !word.is_empty() && word.len() <= LONGEST)
            .collect();
        words.join(" ")
    };
    let mut given = words("given");
    let mut family = short(name, "/family").unwrap_or_default();
    // Some servers send the name as one text only.
    if given.is_empty()
        && family.is_empty()
        && let Some(whole) = short(name, "/text")
    {
        match whole.rsplit_once(' ') {
            Some((first, last)) => (given, family) = (first.to_owned(), last.to_owned()),
            None => family = whole,
        }
    }
    let prefix = Some(words("prefix")).filter(|prefix| !prefix.is_empty());
    Person { prefix, given, family, ..Person::default() }
}

/// The home address, or the first that is neither old nor for bills only.
fn home(r: &Value) -> Option<Home> {
    let single = r.get("address").filter(|address| address.is_object());
    let addresses: Vec<&Value> = single.into_iter().chain(items(r, "address")).collect();
    let in_use = |address: &&&Value| !matches!(text(address, "/use"), Some("old" | "billing"));
    let address = addresses
        .iter()
        .filter(in_use)
        .find(|address| text(address, "/use") == Some("home"))
        .or_else(|| addresses.iter().find(in_use))?;
    let street: Vec<_> = items(address, "line")
        .iter()
        .filter_map(Value::as_str)
        .map(str::trim)
        .filter(|line| !line.is_empty() && line.len() <= LONGEST)
        .collect();
    let region = short(address, "/state").unwrap_or_default();
    let region = crate::people::home_zones::state_code(&region).map_or(region, str::to_owned);
    let home = Home {
        street: street.join(", "),
        city: short(address, "/city").unwrap_or_default(),
        region,
        postal_code: short(address, "/postalCode").unwrap_or_default(),
    };
    (home != Home::default()).then_some(home)
}

/// The preferred language, or the first.
fn language(r: &Value) -> Option<String> {
    let all = items(r, "communication");
    let preferred = |entry: &&Value| entry.get("preferred").and_then(Value::as_bool) == Some(true);
    let entry = all.iter().find(preferred).or(all.first())?;
    let codings = entry.pointer("/language/coding").and_then(Value::as_array);
    codings
        .into_iter()
        .flatten()
        .find_map(|coding| text(coding, "/code"))
        .filter(|tag| is_language_tag(tag))
        .map(str::to_owned)
}

/// Whether a text has the form of a BCP 47 tag.
pub(super) fn is_language_tag(tag: &str) -> bool {
    tag.len() <= 35
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        })
        && tag.split('-').next().is_some_and(|first| first.len() >= 2)
}

fn deceased(r: &Value, at: &str, out: &mut Read) -> Option<Deceased> {
    if let Some(flag) = r.get("deceasedBoolean").and_then(Value::as_bool) {
        return Some(if flag { Deceased::Yes } else { Deceased::No });
    }
    r.get("deceasedDateTime")?;
    if let Some(when) = time(r, "/deceasedDateTime") {
        return Some(Deceased::At(when));
    }
    // There is a date of death, readable or not: the patient has died (PRIV-23).
    if !text(r, "/deceasedDateTime").is_some_and(partial_date) {
        out.parts.push((format!("{at}/deceasedDateTime"), Reason::BadTime));
    }
    Some(Deceased::Yes)
}

/// `telecom`, those with a rank first, in its order; the others as they come (FHIR R4
/// §2.24.0.16).
fn contacts(r: &Value, at: &str, out: &mut Read) -> Contacts {
    let mut ranked = Vec::new();
    for (number, point) in items(r, "telecom").iter().enumerate() {
        let at = format!("{at}/telecom/{number}");
        let Some(value) = text(point, "/value") else { continue };
        let usage = text(point, "/use");
        if usage == Some("old") {
            continue;
        }
        let parsed = match text(point, "/system") {
            Some(system @ ("phone" | "sms")) => match parse_phone(value) {
                Ok((number, line)) => {
                    let mobile = system == "sms" || usage == Some("mobile");
                    let known = mobile && line == Line::Unknown;
                    (Address::Phone(number), if known { Line::Mobile } else { line })
                }
                Err(_) => {
                    out.parts.push((at, Reason::BadPhone));
                    continue;
                }
            },
            Some("email") => match EmailAddress::parse(value) {
                Ok(address) => (Address::Email(address), Line::NotALine),
                Err(_) => {
                    out.parts.push((at, Reason::BadEmail));
                    continue;
                }
            },
            _ => continue,
        };
        let rank = point.get("rank").and_then(Value::as_u64).filter(|rank| *rank > 0);
        let contact = ContactRecord {
            address: parsed.0,
            line: parsed.1,
            place: usage.and_then(crate::db::Word::from_word),
            valid_from: time(point, "/period/start"),
            valid_until: time(point, "/period/end"),
        };
        ranked.push((rank.unwrap_or(u64::MAX), contact));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    let given = ranked.into_iter().map(|(_, contact)| contact).collect();
    Contacts { speaks_for: SpeaksFor::All, given }
}

fn related_person(
    at: String,
    id: Option<&str>,
    r: &Value,
    out: &mut Read,
) -> Result<Record, Reason> {
    let external_id = id.filter(|id| id.len() <= LONGEST).ok_or(Reason::NoIdentifier)?.to_owned();
    let patient = reference(r, "/patient/reference").ok_or(Reason::NoPatient)?.to_owned();
    let person = name(r);
    if person.given.is_empty() && person.family.is_empty() {
        return Err(Reason::NoName);
    }
    let contacts = contacts(r, &at, out);
    Ok(Record::Caregiver(Box::new(CaregiverRecord {
        at,
        external_id,
        patient,
        person,
        relation: relation(r),
        valid_from: time(r, "/period/start"),
        valid_until: time(r, "/period/end"),
        ended: r.get("active").and_then(Value::as_bool) == Some(false),
        contacts,
    })))
}

/// HL7 v3 RoleCode and v2 0131 codes, as a word.
fn relation(r: &Value) -> &'static str {
    let codings = items(r, "relationship").iter().flat_map(|concept| items(concept, "coding"));
    codings
        .filter_map(|coding| text(coding, "/code"))
        .find_map(|code| {
            Some(match code {
                "MTH" | "NMTH" | "ADOPTM" | "STPMTH" => "mother",
                "FTH" | "NFTH" | "ADOPTF" | "STPFTH" => "father",
                "PRN" | "NPRN" | "PRNFOST" => "parent",
                "GUARD" | "GRDCON" => "guardian",
                "SPS" | "HUSB" | "WIFE" | "DOMPART" | "SIGOTHR" => "partner",
                "CHILD" | "SON" | "DAU" | "NCHILD" => "child",
                "SIB" | "BRO" | "SIS" => "sibling",
                "GRPRN" | "GRMTH" | "GRFTH" => "grandparent",
                "POWATT" | "HPOWATT" | "DPOWATT" => "power of attorney",
                "FRND" | "NBOR" | "ROOM" => "friend",
                "C" | "E" | "ECON" | "NOK" | "N" => "emergency contact",
                _ => return None,
            })
        })
        .unwrap_or("other")
}

fn practitioner(at: String, id: Option<&str>, r: &Value) -> Result<Record, Reason> {
    let external_id = id.filter(|id| id.len() <= LONGEST).ok_or(Reason::NoIdentifier)?.to_owned();
    let person = name(r);
    let (given, family) = match (person.given, person.family) {
        (given, family) if given.is_empty() && family.is_empty() => return Err(Reason::NoName),
        (given, family) if family.is_empty() => (None, given),
        (given, family) => (Some(given).filter(|given| !given.is_empty()), family),
    };
    let active = r.get("active").and_then(Value::as_bool).unwrap_or(true);
    let prefix = person.prefix;
    Ok(Record::Clinician(ClinicianRecord { at, external_id, prefix, given, family, active }))
}

fn site(at: String, id: Option<&str>, r: &Value) -> Result<Record, Reason> {
    let external_id = id.filter(|id| id.len() <= LONGEST).ok_or(Reason::NoIdentifier)?.to_owned();
    let name = short(r, "/name").ok_or(Reason::NoName)?;
    let phone = items(r, "telecom")
        .iter()
        .find(|point| text(point, "/system") == Some("phone"))
        .and_then(|point| short(point, "/value"));
    Ok(Record::Site(SiteRecord { at, external_id, name, home: home(r), phone }))
}

fn appointment(at: String, id: Option<&str>, r: &Value) -> Result<Record, Reason> {
    let external_id = id.filter(|id| id.len() <= LONGEST).ok_or(Reason::NoIdentifier)?.to_owned();
    let status = match text(r, "/status") {
        Some("booked" | "arrived" | "checked-in") => AppointmentStatus::Booked,
        Some("fulfilled") => AppointmentStatus::Fulfilled,
        Some("cancelled" | "entered-in-error") => AppointmentStatus::Cancelled,
        Some("noshow") => AppointmentStatus::NoShow,
        Some("proposed" | "pending" | "waitlist") => return Err(Reason::NotBooked),
        _ => return Err(Reason::BadWord),
    };
    let actor = |kind: &str| {
        items(r, "participant").iter().find_map(|participant| {
            let whole = text(participant, "/actor/reference")?;
            let of_kind = text(participant, "/actor/type") == Some(kind)
                || whole.split('/').any(|part| part == kind);
            if of_kind { reference(participant, "/actor/reference") } else { None }
        })
    };
    let patient = actor("Patient").ok_or(Reason::NoPatient)?.to_owned();
    let starts_at = time(r, "/start").ok_or(Reason::BadTime)?;
    let minutes = r.get("minutesDuration").and_then(Value::as_i64);
    let ends_at = time(r, "/end").or_else(|| {
        let span = jiff::SignedDuration::from_mins(minutes.filter(|m| (0..100_000).contains(m))?);
        starts_at.checked_add(span).ok()
    });
    Ok(Record::Appointment(Box::new(AppointmentRecord {
        at,
        external_id,
        patient: (FHIR_ID.to_owned(), patient),
        clinician: actor("Practitioner").map(|id| (id.to_owned(), None)),
        site: actor("Location").map(|id| (id.to_owned(), None)),
        starts_at,
        ends_at,
        status,
    })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(resource: Value) -> Read {
        let mut out = Read::default();
        read_entry("/entry/0", &json!({ "resource": resource }), &mut out);
        out
    }

    fn read_patient(resource: Value) -> (PatientRecord, Vec<(String, Reason)>) {
        let out = read(resource);
        match out.record {
            Some(Record::Patient(patient)) => (*patient, out.parts),
            other => panic!("{other:?} {:?}", out.skipped),
        }
    }

    #[test]
    fn references_end_in_their_id() {
        for (reference, id) in [
            ("urn:uuid:4e8e", "4e8e"),
            ("Patient/7", "7"),
            ("https://ehr.example/fhir/Patient/7/_history/2", "7"),
            ("7", "7"),
        ] {
            assert_eq!(last_segment(reference), id);
        }
    }

    #[test]
    fn telecom_keeps_rank_period_and_use() {
        let (patient, parts) = read_patient(json!({
            "resourceType": "Patient", "id": "p",
            "telecom": [
                {"system": "phone", "value": "617-555-0100", "use": "home"},
                {"system": "phone", "value": "617-555-0101", "use": "mobile", "rank": 2},
                {"system": "email", "value": "a@example.com", "rank": 1,
                 "period": {"end": "2020-01-01"}},
                {"system": "phone", "value": "617-555-0102", "use": "old"},
                {"system": "phone", "value": "call my mother"},
                {"system": "email", "value": "nobody"},
                {"system": "fax", "value": "617-555-0103"}
            ]
        }));
        let given = &patient.contacts.given;
        let shown: Vec<_> =
            given.iter().map(|c| (c.address.reveal(), c.line, c.valid_until.is_some())).collect();
        assert_eq!(
            shown,
            [
                ("a@example.com", Line::NotALine, true),
                ("+16175550101", Line::Mobile, false),
                ("+16175550100", Line::Unknown, false),
            ]
        );
        assert_eq!(
            parts,
            [
                ("/entry/0/resource/telecom/4".to_owned(), Reason::BadPhone),
                ("/entry/0/resource/telecom/5".to_owned(), Reason::BadEmail),
            ]
        );
    }

    #[test]
    fn death_is_never_overlooked() {
        for (value, wanted) in [
            (json!({"deceasedBoolean": true}), Some(Deceased::Yes)),
            (json!({"deceasedBoolean": false}), Some(Deceased::No)),
            (json!({"deceasedDateTime": "2020"}), Some(Deceased::Yes)),
            (json!({"deceasedDateTime": "sometime"}), Some(Deceased::Yes)),
            (json!({"deceasedDateTime": 7}), Some(Deceased::Yes)),
            (
                json!({"deceasedDateTime": "2020-02-03T04:05:06Z"}),
                Some(Deceased::At("2020-02-03T04:05:06Z".parse().unwrap())),
            ),
            (json!({}), None),
        ] {
            let mut resource = json!({"resourceType": "Patient", "id": "p"});
            resource.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            assert_eq!(read_patient(resource).0.deceased, wanted, "{value}");
        }
    }

    #[test]
    fn only_record_numbers_are_kept() {
        let of_type = |code: &str, value: &str| json!({"type": {"coding": [{"code": code}]}, "system": "urn:x", "value": value});
        let (patient, _) = read_patient(json!({
            "resourceType": "Patient", "id": "p",
            "identifier": [of_type("SS", "999-12-3456"), of_type("MR", "17"), of_type("PPN", "X1"),
                           {"system": "urn:y", "value": "z"}]
        }));
        assert_eq!(
            patient.identifiers,
            [(FHIR_ID.to_owned(), "p".to_owned()), ("urn:x".to_owned(), "17".to_owned())]
        );
    }

    #[test]
    fn languages_and_links() {
        let (patient, _) = read_patient(json!({
            "resourceType": "Patient", "id": "p",
            "communication": [
                {"language": {"coding": [{"code": "en-US"}]}},
                {"language": {"coding": [{"code": "es"}]}, "preferred": true}
            ],
            "link": [
                {"type": "replaced-by", "other": {"reference": "Patient/new"}},
                {"type": "replaces", "other": {"reference": "Patient/older"}},
                {"type": "seealso", "other": {"reference": "Patient/x"}}
            ]
        }));
        assert_eq!(patient.language, Some(Some("es".to_owned())));
        assert_eq!(patient.replaced_by.as_deref(), Some("new"));
        assert_eq!(patient.replaces, ["older"]);
    }

    #[test]
    fn every_skip_has_its_reason() {
        for (resource, reason) in [
            (json!({"resourceType": "Observation", "id": "o"}), Reason::NotUsed),
            (json!(7), Reason::NotUsed),
            (
                json!({"resourceType": "DocumentReference", "id": "d",
                       "meta": {"security": [{"code": "R"}, {"code": "PSYTHPN"}]}}),
                Reason::PsychotherapyNote,
            ),
            (
                json!({"resourceType": "Composition", "id": "c",
                       "type": {"coding": [{"display": "Psychotherapy Note"}]}}),
                Reason::PsychotherapyNote,
            ),
            (
                json!({"resourceType": "DocumentReference", "id": "d",
                       "category": [{"text": "therapy process notes"}]}),
                Reason::PsychotherapyNote,
            ),
            (
                json!({"resourceType": "DocumentReference", "id": "d",
                       "type": {"text": "Progress note"}, "description": "psychotherapy note"}),
                Reason::NotUsed,
            ),
            (json!({"resourceType": "Patient"}), Reason::NoIdentifier),
            (json!({"resourceType": "RelatedPerson", "id": "r"}), Reason::NoPatient),
            (json!({"resourceType": "Practitioner", "id": "r"}), Reason::NoName),
            (json!({"resourceType": "Location", "id": "r"}), Reason::NoName),
            (json!({"resourceType": "Appointment", "id": "a"}), Reason::BadWord),
            (
                json!({"resourceType": "Appointment", "id": "a", "status": "pending"}),
                Reason::NotBooked,
            ),
            (
                json!({"resourceType": "Appointment", "id": "a", "status": "booked"}),
                Reason::NoPatient,
            ),
            (
                json!({"resourceType": "Appointment", "id": "a", "status": "booked", "start": "soon",
                       "participant": [{"actor": {"reference": "Patient/p"}}]}),
                Reason::BadTime,
            ),
        ] {
            assert_eq!(read(resource.clone()).skipped, Some(reason), "{resource}");
        }
    }

    #[test]
    fn an_appointment_names_who_and_where() {
        let out = read(json!({
            "resourceType": "Appointment", "id": "a", "status": "booked",
            "start": "2027-03-01T09:00:00-05:00", "minutesDuration": 20,
            "participant": [
                {"actor": {"reference": "Location/l"}},
                {"actor": {"reference": "urn:uuid:p", "type": "Patient"}},
                {"actor": {"reference": "Practitioner/d"}}
            ]
        }));
        let Some(Record::Appointment(found)) = out.record else { panic!("{:?}", out.skipped) };
        assert_eq!(found.patient.1, "p");
        assert_eq!(found.clinician, Some(("d".to_owned(), None)));
        assert_eq!(found.site, Some(("l".to_owned(), None)));
        assert_eq!(found.ends_at, Some("2027-03-01T14:20:00Z".parse().unwrap()));
    }
}
