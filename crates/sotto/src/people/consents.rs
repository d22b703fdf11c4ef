//! Consents: given and revoked as events of a history that only grows (SPEC CN-01 to CN-16,
//! RULEBOOK §5.2, PRIV-11, PRIV-13, PRIV-14).

use gate::{Address, Category, Channel, ConsentId, Level, PatientId, Purpose};
use jiff::Timestamp;

use crate::audit::{self, Actor, AuditError, Event, Log};
use crate::db::outbox::Which;
use crate::db::{
    self, DbError, Tx, Word,
    consent_event::{ConsentEventKind, ConsentEventRow, ConsentKind, ConsentMethod},
};
use crate::ids::Id as _;
use crate::office::Office;
use crate::outbox::OutboxError;
use crate::outbox::recheck::{Rechecked, recheck};
use crate::people::{addresses::suits, contact_points};

/// Why a consent was not recorded or revoked. No variant quotes what was entered.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What waits for the wire could not be asked about.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// There is no such patient, or the record was merged into another.
    #[error("patient: no record in use has this id")]
    UnknownPatient,
    /// There is no such consent.
    #[error("consent: there is none with this id; `sotto consent show` lists them")]
    UnknownConsent,
    /// It was revoked before.
    #[error("consent: it is revoked already; nothing to do")]
    AlreadyRevoked,
    /// A field is missing or contradicts another.
    #[error("{field}: {remedy}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

/// A consent as it was given: the fields of SPEC CN-05.
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// Who gave it.
    pub patient: PatientId,
    /// What it permits.
    pub class: ConsentKind,
    /// On which channel.
    pub channel: Channel,
    /// To exactly this number or address, which must be on file for the patient.
    pub address: Address,
    /// For which purposes; empty: all that the class covers.
    pub purposes: Vec<Purpose>,
    /// Content consents: which categories.
    pub categories: Vec<Category>,
    /// Content consents: up to which level.
    pub up_to: Option<Level>,
    /// Version of the consent or risk text shown.
    pub text_version: Option<String>,
    /// The risk warning was shown and acknowledged (PRIV-13).
    pub risk_warned: bool,
    /// The language it was explained in, `en` or `es`.
    pub language: String,
    /// How often messages come, as told.
    pub frequency: Option<String>,
    /// How it was given.
    pub method: ConsentMethod,
    /// Where the paper or form is kept.
    pub evidence: Option<String>,
    /// SHA-256 of the scan or form; of a release, the keyed hash of the words it is for.
    pub evidence_digest: Option<[u8; 32]>,
    /// Who of the staff was there.
    pub witness: Option<String>,
    /// When it was given.
    pub captured_at: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// How it can be withdrawn, as told.
    pub withdrawal: String,
}

/// How a consent was withdrawn.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// How.
    pub method: ConsentMethod,
    /// When.
    pub captured_at: Timestamp,
    /// Who of the staff was there.
    pub witness: Option<String>,
    /// Where the request is kept.
    pub evidence: Option<String>,
}

fn wrong<T>(field: &'static str, remedy: &'static str) -> Result<T, ConsentError> {
    Err(ConsentError::Invalid { field, remedy })
}

fn blank(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.trim().is_empty())
}

impl NewConsent {
    /// In writing: on paper, or electronically signed (E-SIGN).
    fn written(&self) -> bool {
        matches!(self.method, ConsentMethod::Paper | ConsentMethod::Portal | ConsentMethod::Form)
    }

    fn check(&self, now: Timestamp) -> Result<(), ConsentError> {
        if !suits(self.channel, &self.address) {
            return wrong("address", "give a telephone number for texts and calls, else an email");
        }
        if self.language.is_empty() || self.language.len() > 35 {
            return wrong("language", "give the language it was explained in, such as en or es");
        }
        if blank(Some(&self.withdrawal)) {
            return wrong("withdrawal", "say how the patient was told to withdraw, such as STOP");
        }
        if self.captured_at > now {
            return wrong("captured_at", "a consent cannot be given in the future");
        }
        if self.valid_until.is_some_and(|until| until <= self.captured_at) {
            return wrong("valid_until", "must be after captured_at");
        }
        if self.method == ConsentMethod::Spoken && blank(self.witness.as_deref()) {
            return wrong("witness", "name who of the staff heard a spoken consent");
        }
        match self.class {
            ConsentKind::Content => self.check_content(),
            _ if !self.categories.is_empty() || self.up_to.is_some() => {
                wrong("categories", "only a consent of class content names categories")
            }
            ConsentKind::Pec => Ok(()),
            ConsentKind::Pewc | ConsentKind::MarketingAuthorization => self.check_signed(),
            ConsentKind::AccessRequest => self.check_release(),
        }
    }

    /// PRIV-14: of one message, for a while, with where the request is kept (`people/releases.rs`).
    fn check_release(&self) -> Result<(), ConsentError> {
        if self.evidence_digest.is_none() || self.valid_until.is_none() {
            let remedy = "the privacy officer releases one message on the patient's page";
            return wrong("class", remedy);
        }
        if blank(self.evidence.as_deref()) {
            return wrong(
                "evidence",
                "say where their request is kept, or in which message it came",
            );
        }
        Ok(())
    }

    /// 47 CFR 64.1200(f)(9); 45 CFR 164.508(c).
    fn check_signed(&self) -> Result<(), ConsentError> {
        if !self.written() {
            return wrong("method", "this class needs a signed form: paper, portal or form");
        }
        if blank(self.evidence.as_deref()) || blank(self.text_version.as_deref()) {
            return wrong("evidence", "say where the form is kept and its text's version");
        }
        Ok(())
    }

    /// PRIV-13, CN-02, CN-03, CN-07, CN-08: in writing, after the warning, for named categories.
    fn check_content(&self) -> Result<(), ConsentError> {
        if !self.written() {
            return wrong("method", "a spoken \"text me\" is not enough: paper, portal or form");
        }
        if self.categories.is_empty() {
            return wrong("categories", "name what may be sent, such as lab_result");
        }
        if !matches!(self.up_to, Some(Level::Mention | Level::Detail | Level::Sensitive)) {
            return wrong("up_to_level", "give 1, 2 or 3; level 4 is never sent");
        }
        if self.channel != Channel::Portal
            && (!self.risk_warned || blank(self.text_version.as_deref()))
        {
            return wrong("risk_warned", "show the risk warning first and give its text's version");
        }
        Ok(())
    }
}

/// Records a consent.
///
/// # Errors
/// [`ConsentError`].
pub fn record(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    actor: Actor,
    new: &NewConsent,
) -> Result<ConsentId, ConsentError> {
    let now = log.clock.now();
    new.check(now)?;
    let patient = db::patient::get(tx, log.practice, new.patient)?
        .filter(|row| row.merged_into.is_none())
        .ok_or(ConsentError::UnknownPatient)?;
    let index = contact_points::address_index(log.keys, &new.address);
    let on_file = new.address == Address::Portal
        || contact_points::of_patient_at(tx, log.practice, patient.id, &index)?.is_some();
    if !on_file {
        return wrong("address", "it is not on file for this patient: add the contact point first");
    }
    let id = ConsentId::new(log.clock);
    let row = ConsentEventRow {
        id: id.0,
        consent_id: id,
        patient_id: new.patient,
        event: ConsentEventKind::Given,
        class: new.class,
        channel: new.channel,
        address_index: index.to_vec(),
        purposes: new.purposes.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(" "),
        categories: new.categories.iter().map(Word::word).collect::<Vec<_>>().join(" "),
        up_to_level: new.up_to.map(u8::from),
        text_version: new.text_version.clone(),
        risk_warned: new.risk_warned,
        language: new.language.clone(),
        frequency: new.frequency.clone(),
        method: new.method,
        evidence: new.evidence.clone(),
        evidence_digest: new.evidence_digest.map(Into::into),
        witness: new.witness.clone(),
        captured_by: actor.to_string(),
        captured_at: new.captured_at,
        valid_until: new.valid_until,
        withdrawal: new.withdrawal.clone(),
        recorded_at: now,
    };
    db::consent_event::add(tx, log.practice, &row)?;
    let event = Event::new(audit::Kind::ConsentGiven, actor)
        .about(db::registry::CONSENT_EVENT, row.id)
        .patient(new.patient)
        .to(new.channel, index)
        .code(new.class.word())
        .occurred_at(new.captured_at);
    audit::append(tx, log, event)?;
    Ok(id)
}

/// Revokes a consent and withdraws, in the same transaction, what waits and may no longer go
/// (TEL-12).
///
/// # Errors
/// [`ConsentError`]; the caller's transaction must then be given up.
pub fn withdraw(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: Actor,
    consent: ConsentId,
    how: &Revocation,
) -> Result<Rechecked, ConsentError> {
    revoke(tx, office.into(), actor.clone(), consent, how)?;
    let patient = db::consent_event::patient_of(tx, office.practice(), consent)?
        .ok_or(ConsentError::UnknownConsent)?;
    Ok(recheck(tx, office, &Which::Patient(patient), &actor, "consent_revoked")?)
}

/// Revokes a consent, from this transaction on. What is queued under it is asked again at release.
///
/// # Errors
/// [`ConsentError`].
pub fn revoke(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    actor: Actor,
    consent: ConsentId,
    how: &Revocation,
) -> Result<(), ConsentError> {
    let now = log.clock.now();
    if how.captured_at > now {
        return wrong("captured_at", "a consent cannot be withdrawn in the future");
    }
    let patient = db::consent_event::patient_of(tx, log.practice, consent)?
        .ok_or(ConsentError::UnknownConsent)?;
    let mut given = None;
    for row in db::consent_event::of_patient(tx, log.practice, patient)? {
        if row.consent_id == consent {
            match row.event {
                ConsentEventKind::Given => given = Some(row),
                ConsentEventKind::Revoked => return Err(ConsentError::AlreadyRevoked),
            }
        }
    }
    let given = given.ok_or(ConsentError::UnknownConsent)?;
    let row = ConsentEventRow {
        id: log.clock.new_id(),
        event: ConsentEventKind::Revoked,
        method: how.method,
        evidence: how.evidence.clone(),
        evidence_digest: None,
        witness: how.witness.clone(),
        captured_by: actor.to_string(),
        captured_at: how.captured_at,
        recorded_at: now,
        ..given
    };
    db::consent_event::add(tx, log.practice, &row)?;
    let event = Event::new(audit::Kind::ConsentRevoked, actor)
        .about(db::registry::CONSENT_EVENT, row.id)
        .patient(patient)
        .code(row.class.word())
        .occurred_at(how.captured_at);
    audit::append(tx, log, event)?;
    Ok(())
}

/// The consents of a history that hold at an instant: given, not revoked, not run out.
#[must_use]
pub fn in_force(history: &[ConsentEventRow], now: Timestamp) -> Vec<&ConsentEventRow> {
    let revoked: std::collections::HashSet<_> = history
        .iter()
        .filter(|row| row.event == ConsentEventKind::Revoked)
        .map(|row| row.consent_id)
        .collect();
    history
        .iter()
        .filter(|row| {
            row.event == ConsentEventKind::Given
                && row.captured_at <= now
                && row.valid_until.is_none_or(|until| now < until)
                && !revoked.contains(&row.consent_id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gate::PhoneNumber;

    fn pec() -> NewConsent {
        NewConsent {
            patient: PatientId(uuid::Uuid::nil()),
            class: ConsentKind::Pec,
            channel: Channel::Sms,
            address: Address::Phone(PhoneNumber::from_e164("+16175550123").unwrap()),
            purposes: Vec::new(),
            categories: Vec::new(),
            up_to: None,
            text_version: Some("sms-2027-01".into()),
            risk_warned: true,
            language: "en".into(),
            frequency: Some("a few a month".into()),
            method: ConsentMethod::Form,
            evidence: Some("form 17".into()),
            evidence_digest: None,
            witness: None,
            captured_at: Timestamp::UNIX_EPOCH,
            valid_until: None,
            withdrawal: "reply STOP".into(),
        }
    }

    #[test]
    fn what_each_class_needs() {
        let now = Timestamp::UNIX_EPOCH;
        let content = NewConsent {
            class: ConsentKind::Content,
            categories: vec![Category::LabResult],
            up_to: Some(Level::Detail),
            ..pec()
        };
        let pewc = NewConsent { class: ConsentKind::Pewc, ..pec() };
        for good in [pec(), content.clone(), pewc.clone()] {
            assert!(good.check(now).is_ok(), "{good:?}");
        }
        let later = now + jiff::SignedDuration::from_secs(1);
        let spoken = ConsentMethod::Spoken;
        let witness = Some("A. Nurse".to_owned());
        for (bad, field) in [
            (NewConsent { channel: Channel::Email, ..pec() }, "address"),
            (NewConsent { withdrawal: " ".into(), ..pec() }, "withdrawal"),
            (NewConsent { language: String::new(), ..pec() }, "language"),
            (NewConsent { captured_at: later, ..pec() }, "captured_at"),
            (NewConsent { valid_until: Some(now), ..pec() }, "valid_until"),
            (NewConsent { method: spoken, ..pec() }, "witness"),
            (NewConsent { up_to: Some(Level::Detail), ..pec() }, "categories"),
            (NewConsent { method: ConsentMethod::Keyword, ..pewc.clone() }, "method"),
            (NewConsent { evidence: None, ..pewc }, "evidence"),
            (NewConsent { categories: Vec::new(), ..content.clone() }, "categories"),
            (NewConsent { up_to: None, ..content.clone() }, "up_to_level"),
            (NewConsent { up_to: Some(Level::Never), ..content.clone() }, "up_to_level"),
            (NewConsent { risk_warned: false, ..content.clone() }, "risk_warned"),
            (NewConsent { method: spoken, witness, ..content }, "method"),
            (NewConsent { class: ConsentKind::AccessRequest, ..pec() }, "class"),
        ] {
            match bad.check(now) {
                Err(ConsentError::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}
