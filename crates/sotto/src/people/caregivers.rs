//! Family and other people who act for a patient, and what each may hear (PRIV-07, PRIV-08).

use gate::facts::Scope;
use gate::{PatientId, PracticeId};
use jiff::Timestamp;
use seal::{Keyring, Place, SealError, Sealed};

use super::told::{self, Note, RecordError, Told, in_use, wrong};
use crate::audit::{self, Actor, AuditError, Event, Log};
use crate::db::outbox::Which;
use crate::db::{
    self, DbError, Tx, Word,
    caregiver::{CaregiverRow, Permission},
};
use crate::ids::{CaregiverId, Id as _};
use crate::office::Office;
use crate::outbox::recheck::{Rechecked, recheck};
use crate::people::patients::open_person;
use crate::people::person::Person;

/// Why a caregiver was not stored or not read.
#[derive(Debug, thiserror::Error)]
pub enum CaregiverError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The name cannot be sealed or opened.
    #[error("a caregiver's record cannot be opened: {0}")]
    Seal(#[from] SealError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// There is no such caregiver.
    #[error("caregiver: no such person for this patient; list them with the patient first")]
    Unknown,
    /// The permission contradicts itself.
    #[error("{field}: {remedy}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

/// What a patient allowed for a person, or what the law gives that person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// What may be shared; empty with [`Permission::None`].
    pub scope: Vec<Scope>,
    /// How the patient said so.
    pub permission: Permission,
    /// Has legal authority (PRIV-08): needs evidence.
    pub representative: bool,
    /// Where the paper is kept.
    pub evidence: Option<String>,
    /// From when.
    pub valid_from: Option<Timestamp>,
    /// Until when; a parent's ends on the patient's eighteenth birthday.
    pub valid_until: Option<Timestamp>,
}

impl Allowance {
    fn check(&self) -> Result<(), CaregiverError> {
        let wrong = |field, remedy| Err(CaregiverError::Invalid { field, remedy });
        if self.scope.is_empty() != (self.permission == Permission::None) && !self.representative {
            return wrong("scope", "a permission names what may be shared, and nothing else does");
        }
        let no_evidence = self.evidence.as_deref().is_none_or(|text| text.trim().is_empty());
        if self.permission == Permission::Written && no_evidence {
            return wrong("evidence", "say where the written permission is kept");
        }
        if self.representative && no_evidence {
            return wrong("evidence", "say where the proof of authority is kept (PRIV-08)");
        }
        if self.valid_from.zip(self.valid_until).is_some_and(|(from, until)| until <= from) {
            return wrong("valid_until", "must be after valid_from");
        }
        Ok(())
    }
}

/// Writes down what a caregiver may hear. Only staff do this; an import never does.
///
/// # Errors
/// [`CaregiverError`].
pub fn allow(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    actor: Actor,
    whom: (PatientId, CaregiverId),
    allowance: &Allowance,
) -> Result<(), CaregiverError> {
    allowance.check()?;
    let (patient, caregiver) = whom;
    let rows = db::caregiver::of_patient(tx, log.practice, patient)?;
    let row = rows.into_iter().find(|row| row.id == caregiver).ok_or(CaregiverError::Unknown)?;
    let row = CaregiverRow {
        scope: scope_words(&allowance.scope),
        permission: allowance.permission,
        representative: allowance.representative,
        evidence: allowance.evidence.clone(),
        valid_from: allowance.valid_from,
        valid_until: allowance.valid_until,
        recorded_by: actor.to_string(),
        updated_at: log.clock.now(),
        ..row
    };
    db::caregiver::put(tx, log.practice, &row)?;
    let event = Event::new(audit::Kind::PatientChanged, actor)
        .about(db::registry::CAREGIVER, caregiver)
        .patient(patient);
    audit::append(tx, log, event)?;
    Ok(())
}

/// Relations whose authority is that over a child: it ends at eighteen (PRIV-08, PRIV-09).
pub(crate) const PARENTAL: [&str; 8] =
    ["mother", "father", "parent", "guardian", "stepmother", "stepfather", "foster parent", "par"];

/// A person who acts for a patient, to write down.
#[derive(Debug, Clone)]
pub struct NewCaregiver {
    /// For whom.
    pub patient: PatientId,
    /// Their name.
    pub person: Person,
    /// A word such as `mother`.
    pub relation: String,
}

/// Writes a person down. They may hear nothing yet: that is [`permit`].
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn add(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    new: &NewCaregiver,
    told: &Told,
) -> Result<CaregiverId, RecordError> {
    in_use(tx, office, new.patient)?;
    let relation = new.relation.trim().to_lowercase();
    if relation.is_empty() || relation.len() > 40 || relation.contains(char::is_control) {
        return wrong("relation", "say who they are to the patient in a word, such as mother");
    }
    let names = [&new.person.given, &new.person.family];
    let bad = |name: &String| name.len() > 100 || name.contains(char::is_control);
    if names.iter().all(|name| name.trim().is_empty()) || names.into_iter().any(bad) {
        return wrong("name", "give a name of at most 100 characters");
    }
    let (practice, id) = (office.practice(), CaregiverId::new(office.clock()));
    let person_sealed = seal_caregiver(office.keys(), practice, (new.patient, id), &new.person)?;
    let row = CaregiverRow {
        id,
        patient_id: new.patient,
        external_id: None,
        person_sealed,
        relation,
        representative: false,
        scope: String::new(),
        permission: Permission::None,
        evidence: None,
        valid_from: None,
        valid_until: None,
        recorded_by: actor.to_string(),
        updated_at: office.clock().now(),
    };
    db::caregiver::put(tx, practice, &row)?;
    let about = (db::registry::CAREGIVER, id.to_string());
    let details = serde_json::json!({});
    let patient = new.patient;
    told::note(tx, office, actor, Note { patient, about, event: "added", details, told })?;
    let event = Event::new(audit::Kind::PatientChanged, actor.clone())
        .about(db::registry::CAREGIVER, id)
        .patient(patient)
        .code("added");
    audit::append(tx, office, event)?;
    Ok(id)
}

/// Writes down what a caregiver may hear, or, with nothing in the allowance, that they may hear
/// nothing any more; what waits and no longer may go to them is withdrawn. A parent's authority
/// ends by itself on the patient's eighteenth birthday.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn permit(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (patient, caregiver): (PatientId, CaregiverId),
    (allowance, told): (&Allowance, &Told),
) -> Result<Rechecked, RecordError> {
    let record = in_use(tx, office, patient)?;
    let known = db::caregiver::of_patient(tx, office.practice(), patient)?;
    let row = known.into_iter().find(|row| row.id == caregiver).ok_or(CaregiverError::Unknown)?;
    let mut allowance = allowance.clone();
    if allowance.representative {
        // Authority in law is on paper, whatever the patient says.
        allowance.permission = Permission::Written;
        if PARENTAL.contains(&row.relation.as_str()) {
            let eighteen = eighteenth_birthday(office, &record)?;
            if eighteen <= office.clock().now() {
                return wrong(
                    "representative",
                    "the patient is 18 or older, so a parent's \
                    authority has ended; record what the patient permits",
                );
            }
            allowance.valid_until =
                Some(allowance.valid_until.map_or(eighteen, |until| until.min(eighteen)));
        }
    }
    let ended = allowance.permission == Permission::None;
    let event = if ended { "withdrawn" } else { "permitted" };
    let details = serde_json::json!({
        "scope": scope_words(&allowance.scope), "permission": allowance.permission.word(),
        "representative": allowance.representative, "valid_from": allowance.valid_from,
        "valid_until": allowance.valid_until,
    });
    let about = (db::registry::CAREGIVER, caregiver.to_string());
    told::note(tx, office, actor, Note { patient, about, event, details, told })?;
    allow(tx, office.into(), actor.clone(), (patient, caregiver), &allowance)?;
    Ok(recheck(tx, office, &Which::Patient(patient), actor, "caregiver_permission")?)
}

fn eighteenth_birthday(
    office: &Office,
    record: &db::patient::PatientRow,
) -> Result<Timestamp, RecordError> {
    let (keys, practice) = (office.keys(), office.practice());
    let person = open_person(keys, practice, record.id, record.person_sealed.clone())?;
    let zone = office.profile().timezone.clone();
    let birthday = person
        .birth_date
        .and_then(|born| born.checked_add(jiff::Span::new().years(18)).ok())
        .and_then(|day| day.to_zoned(zone).ok());
    match birthday {
        Some(day) => Ok(day.timestamp()),
        None => wrong(
            "representative",
            "the patient's date of birth is not on file: a parent's \
            authority ends at 18; add it to the chart first",
        ),
    }
}

/// The words of a scope, as the column holds them.
#[must_use]
pub fn scope_words(scope: &[Scope]) -> String {
    scope.iter().map(Word::word).collect::<Vec<_>>().join(" ")
}

/// The scope that the column's words name.
#[must_use]
pub fn scope_from_words(words: &str) -> Vec<Scope> {
    words.split(' ').filter_map(Scope::from_word).collect()
}

fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "caregiver", row, column: "person_sealed" }
}

/// Seals who a caregiver is, under the patient's key.
///
/// # Errors
/// [`SealError`].
pub fn seal_caregiver(
    keys: &Keyring,
    practice: PracticeId,
    whom: (PatientId, CaregiverId),
    person: &Person,
) -> Result<Vec<u8>, SealError> {
    let (practice, row) = (practice.to_string(), whom.1.to_string());
    // Strings and dates always serialize.
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(person).unwrap_or_default());
    keys.seal_for_patient(&whom.0.to_string(), &place(&practice, &row), &plain)
        .map(Sealed::into_bytes)
}

/// Opens who a caregiver is: PHI. The caller's transaction records why it is opened.
///
/// # Errors
/// [`SealError`]; a record of another form counts as altered.
pub fn open_caregiver(
    keys: &Keyring,
    practice: PracticeId,
    id: CaregiverId,
    sealed: Vec<u8>,
) -> Result<Person, SealError> {
    let (practice, row) = (practice.to_string(), id.to_string());
    let plain = keys.open_value(&place(&practice, &row), &Sealed::from_bytes(sealed))?;
    serde_json::from_slice(&plain).map_err(|_| SealError::Altered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_must_make_sense() {
        let none = Allowance {
            scope: Vec::new(),
            permission: Permission::None,
            representative: false,
            evidence: None,
            valid_from: None,
            valid_until: None,
        };
        assert!(none.check().is_ok());
        let spoken = Allowance {
            scope: vec![Scope::Appointments],
            permission: Permission::Spoken,
            ..none.clone()
        };
        assert!(spoken.check().is_ok());
        let kept = Some("cabinet 3".to_owned());
        for wrong in [
            Allowance { scope: Vec::new(), ..spoken.clone() },
            Allowance { permission: Permission::None, ..spoken.clone() },
            Allowance { permission: Permission::Written, ..spoken.clone() },
            Allowance { representative: true, ..spoken.clone() },
            Allowance {
                valid_from: Some(Timestamp::UNIX_EPOCH),
                valid_until: Some(Timestamp::UNIX_EPOCH),
                evidence: kept.clone(),
                ..spoken
            },
        ] {
            assert!(matches!(wrong.check(), Err(CaregiverError::Invalid { .. })), "{wrong:?}");
        }
        let guardian = Allowance { representative: true, evidence: kept, ..none };
        assert!(guardian.check().is_ok());
    }

    #[test]
    fn scopes_survive_their_words() {
        let scope = [Scope::CallBack, Scope::Appointments, Scope::Billing, Scope::Clinical];
        assert_eq!(scope_from_words(&scope_words(&scope)), scope);
        assert!(scope_from_words("").is_empty());
    }
}
