//! Writing down what a patient asked for: who heard it, how, and where the proof is kept. Each is
//! an event of a history that only grows (RULEBOOK PRIV-05 to PRIV-09, TEL-11).

use gate::PatientId;
use jiff::Timestamp;
use seal::SealError;

use crate::audit::{Actor, AuditError};
use crate::db::consent_event::ConsentMethod;
use crate::db::patient_event::{self, PatientEventRow};
use crate::db::registry::Table;
use crate::db::{self, DbError, Tx};
use crate::office::Office;
use crate::outbox::OutboxError;
use crate::people::caregivers::CaregiverError;
use crate::people::preferences::PreferenceError;
use crate::people::search::SearchError;

/// Why something was not written down. No variant quotes what was entered.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What waits for the wire could not be asked about.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A name or an address cannot be sealed or opened.
    #[error("a record cannot be opened: {0}")]
    Seal(#[from] SealError),
    /// There is no such patient, or the record was merged into another.
    #[error("patient: no record in use has this id")]
    UnknownPatient,
    /// This patient has no such thing.
    #[error("{0}: this patient has none with this id; `show` lists them")]
    Unknown(&'static str),
    /// It is so already.
    #[error("{what}: {because}; nothing to do")]
    Already {
        /// Of what.
        what: &'static str,
        /// Which way.
        because: &'static str,
    },
    /// A field is missing or contradicts another.
    #[error("{field}: {remedy}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

impl From<CaregiverError> for RecordError {
    fn from(error: CaregiverError) -> Self {
        match error {
            CaregiverError::Db(error) => error.into(),
            CaregiverError::Seal(error) => error.into(),
            CaregiverError::Audit(error) => error.into(),
            CaregiverError::Unknown => Self::Unknown("caregiver"),
            CaregiverError::Invalid { field, remedy } => Self::Invalid { field, remedy },
        }
    }
}

impl From<SearchError> for RecordError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Db(error) => error.into(),
            SearchError::Seal(error) => error.into(),
        }
    }
}

impl From<PreferenceError> for RecordError {
    fn from(error: PreferenceError) -> Self {
        match error {
            PreferenceError::Db(error) => error.into(),
            PreferenceError::Audit(error) => error.into(),
            PreferenceError::Hours => Self::Invalid {
                field: "hours",
                remedy: "from and until must be two different times, such as 09:00 and 18:00",
            },
        }
    }
}

pub(super) fn wrong<T>(field: &'static str, remedy: &'static str) -> Result<T, RecordError> {
    Err(RecordError::Invalid { field, remedy })
}

/// How the practice came to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Paper, portal, spoken, keyword or form.
    pub method: ConsentMethod,
    /// Where the paper or form is kept.
    pub evidence: Option<String>,
    /// Who of the staff was there.
    pub witness: Option<String>,
    /// When the patient said so.
    pub captured_at: Timestamp,
}

/// The longest word on evidence or a witness, in bytes.
const LONGEST: usize = 500;

impl Told {
    fn check(&self, now: Timestamp) -> Result<(), RecordError> {
        let blank = |text: &Option<String>| text.as_deref().is_none_or(|t| t.trim().is_empty());
        for (field, text) in [("evidence", &self.evidence), ("witness", &self.witness)] {
            if text.as_deref().is_some_and(|t| t.len() > LONGEST || t.contains(char::is_control)) {
                return wrong(field, "write at most 500 characters on one line");
            }
        }
        if self.captured_at > now {
            return wrong("captured_at", "nobody can have said so in the future");
        }
        if self.method == ConsentMethod::Spoken && blank(&self.witness) {
            return wrong("witness", "name who of the staff heard what was spoken");
        }
        if matches!(self.method, ConsentMethod::Paper | ConsentMethod::Form)
            && blank(&self.evidence)
        {
            return wrong("evidence", "say where the paper or form is kept");
        }
        Ok(())
    }
}

/// What was written down.
pub(super) struct Note<'a> {
    pub(super) patient: PatientId,
    /// The table that holds what came of it, and its row.
    pub(super) about: (Table, String),
    /// `added`, `changed`, `accepted`, `ended` and the like.
    pub(super) event: &'static str,
    /// Ids and words of closed lists: never a name or an address.
    pub(super) details: serde_json::Value,
    pub(super) told: &'a Told,
}

/// Adds it to the patient's history. The caller appends the audit entry that binds the row.
pub(super) fn note(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    note: Note<'_>,
) -> Result<(), RecordError> {
    let now = office.clock().now();
    note.told.check(now)?;
    let row = PatientEventRow {
        id: office.clock().new_id(),
        patient_id: note.patient,
        subject: note.about.0.name().to_owned(),
        subject_id: note.about.1,
        event: note.event.to_owned(),
        details: note.details.to_string(),
        method: note.told.method,
        evidence: note.told.evidence.clone(),
        witness: note.told.witness.clone(),
        captured_by: actor.to_string(),
        captured_at: note.told.captured_at,
        recorded_at: now,
    };
    Ok(patient_event::add(tx, office.practice(), &row)?)
}

/// The patient's record, which must be in use.
pub(super) fn in_use(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<db::patient::PatientRow, RecordError> {
    db::patient::get(tx, office.practice(), patient)?
        .filter(|row| row.merged_into.is_none())
        .ok_or(RecordError::UnknownPatient)
}

/// A span of time must have a length.
pub(super) fn in_order(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<(), RecordError> {
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        return wrong("valid_until", "must be after valid_from");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_needs_a_witness_or_a_paper() {
        let now = Timestamp::UNIX_EPOCH;
        let told = |method| Told { method, evidence: None, witness: None, captured_at: now };
        let some = || Some("binder 4".to_owned());
        for (told, field) in [
            (told(ConsentMethod::Portal), None),
            (told(ConsentMethod::Keyword), None),
            (told(ConsentMethod::Spoken), Some("witness")),
            (Told { witness: some(), ..told(ConsentMethod::Spoken) }, None),
            (Told { witness: Some(" ".into()), ..told(ConsentMethod::Spoken) }, Some("witness")),
            (told(ConsentMethod::Paper), Some("evidence")),
            (told(ConsentMethod::Form), Some("evidence")),
            (Told { evidence: some(), ..told(ConsentMethod::Paper) }, None),
            (
                Told { evidence: Some("a\nb".into()), ..told(ConsentMethod::Paper) },
                Some("evidence"),
            ),
            (
                Told { witness: Some("x".repeat(501)), ..told(ConsentMethod::Spoken) },
                Some("witness"),
            ),
            (
                Told {
                    captured_at: now + jiff::SignedDuration::from_secs(1),
                    ..told(ConsentMethod::Portal)
                },
                Some("captured_at"),
            ),
        ] {
            match (told.check(now), field) {
                (Ok(()), None) => {}
                (Err(RecordError::Invalid { field: found, .. }), Some(field)) => {
                    assert_eq!(found, field);
                }
                (other, _) => panic!("{told:?}: {other:?}"),
            }
        }
    }
}
