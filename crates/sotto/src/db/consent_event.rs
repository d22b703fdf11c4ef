//! Table `consent_event`: append-only, so it has no `put`.

use gate::{Channel, ConsentId, PatientId, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::words::words;
use crate::db::{DbError, Tx, registry::CONSENT_EVENT};
use crate::{params, sql};

/// Given or revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentEventKind {
    /// From now on.
    Given,
    /// No longer.
    Revoked,
}

/// What a consent permits (RULEBOOK §5.2, §11.3; PRIV-11, PRIV-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentKind {
    /// Prior express consent to automated messages.
    Pec,
    /// Prior express written consent, for marketing.
    Pewc,
    /// Content of some categories up to a level on an unsecured channel.
    Content,
    /// A signed authorization (45 CFR 164.508(c)).
    MarketingAuthorization,
    /// The privacy officer's release of one answer to an access request.
    AccessRequest,
}

/// How a consent was given or withdrawn (SPEC CN-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentMethod {
    /// On paper, signed.
    Paper,
    /// In the portal.
    Portal,
    /// Spoken, with a witness on our side.
    Spoken,
    /// By a keyword from the number itself.
    Keyword,
    /// In a secure online form.
    Form,
}

words! {
    ConsentEventKind { Given = "given", Revoked = "revoked" }
    ConsentKind {
        Pec = "pec",
        Pewc = "pewc",
        Content = "content",
        MarketingAuthorization = "marketing_authorization",
        AccessRequest = "access_request",
    }
    ConsentMethod {
        Paper = "paper",
        Portal = "portal",
        Spoken = "spoken",
        Keyword = "keyword",
        Form = "form",
    }
}

/// A row of `consent_event`. A revocation repeats what was given, so that each row stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEventRow {
    /// Key.
    pub id: Uuid,
    /// The id of the first event of this consent.
    pub consent_id: ConsentId,
    /// Whose.
    pub patient_id: PatientId,
    /// Given or revoked.
    pub event: ConsentEventKind,
    /// What it permits.
    pub class: ConsentKind,
    /// On which channel.
    pub channel: Channel,
    /// To exactly this number or address, as a blind index.
    pub address_index: Vec<u8>,
    /// Words of [`gate::Purpose`]; empty: all that the class covers.
    pub purposes: String,
    /// Words of [`gate::Category`], for content.
    pub categories: String,
    /// 0 to 4, for content.
    pub up_to_level: Option<u8>,
    /// Version of the consent or risk text shown.
    pub text_version: Option<String>,
    /// The risk warning of PRIV-13 was shown and acknowledged.
    pub risk_warned: bool,
    /// The language it was explained in.
    pub language: String,
    /// How often, as told.
    pub frequency: Option<String>,
    /// How it was given or withdrawn.
    pub method: ConsentMethod,
    /// Where the paper or form is kept.
    pub evidence: Option<String>,
    /// SHA-256 of it.
    pub evidence_digest: Option<Vec<u8>>,
    /// Who of the staff was there.
    pub witness: Option<String>,
    /// Who wrote it down.
    pub captured_by: String,
    /// When it was given or withdrawn.
    pub captured_at: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// How it can be withdrawn, as told.
    pub withdrawal: String,
    /// When this row was written.
    pub recorded_at: Timestamp,
}

/// A patient's whole history, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<ConsentEventRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, consent_id, patient_id, event, class, channel, address_index, purposes,
                    categories, up_to_level, text_version, risk_warned, language, frequency,
                    method, evidence, evidence_digest, witness, captured_by, captured_at,
                    valid_until, withdrawal, recorded_at
               FROM consent_event WHERE practice_id = $1 AND patient_id = $2
              ORDER BY recorded_at, id"
        ),
        params![practice, patient],
        |row| {
            Ok(ConsentEventRow {
                id: row.get(0)?,
                consent_id: row.get(1)?,
                patient_id: row.get(2)?,
                event: row.get(3)?,
                class: row.get(4)?,
                channel: row.get(5)?,
                address_index: row.get(6)?,
                purposes: row.get(7)?,
                categories: row.get(8)?,
                up_to_level: row.get(9)?,
                text_version: row.get(10)?,
                risk_warned: row.get(11)?,
                language: row.get(12)?,
                frequency: row.get(13)?,
                method: row.get(14)?,
                evidence: row.get(15)?,
                evidence_digest: row.get(16)?,
                witness: row.get(17)?,
                captured_by: row.get(18)?,
                captured_at: row.get(19)?,
                valid_until: row.get(20)?,
                withdrawal: row.get(21)?,
                recorded_at: row.get(22)?,
            })
        },
    )
}

/// Whose consent it is.
///
/// # Errors
/// [`DbError`].
pub fn patient_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    consent: ConsentId,
) -> Result<Option<PatientId>, DbError> {
    tx.query_opt(
        sql!("SELECT patient_id FROM consent_event WHERE practice_id = $1 AND id = $2"),
        params![practice, consent],
        |row| row.get(0),
    )
}

/// Adds an event to the history.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &ConsentEventRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO consent_event
                 (practice_id, id, consent_id, patient_id, event, class, channel, address_index,
                  purposes, categories, up_to_level, text_version, risk_warned, language,
                  frequency, method, evidence, evidence_digest, witness, captured_by, captured_at,
                  valid_until, withdrawal, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18, $19, $20, $21, $22, $23, $24)"
        ),
        params![
            practice,
            row.id,
            row.consent_id,
            row.patient_id,
            row.event,
            row.class,
            row.channel,
            row.address_index,
            row.purposes,
            row.categories,
            row.up_to_level,
            row.text_version,
            row.risk_warned,
            row.language,
            row.frequency,
            row.method,
            row.evidence,
            row.evidence_digest,
            row.witness,
            row.captured_by,
            row.captured_at,
            row.valid_until,
            row.withdrawal,
            row.recorded_at
        ],
    )?;
    tx.touch(CONSENT_EVENT, row.id.to_string());
    Ok(())
}
