//! Legal holds: what a lawsuit or an audit asks to be kept stays, whatever its time (RULEBOOK PRIV-20).
//!
//! A hold is on one patient's record or on the whole practice. It keeps the record, which holds every word;
//! the patient's own copy ends with its day all the same (docs/decisions/0030).

use std::collections::BTreeSet;

use gate::PatientId;
use jiff::Timestamp;
use seal::{KeyKind, Place, Sealed, Standing};
use serde::{Deserialize, Serialize};

use super::{RetentionError, alone, keeps};
use crate::access::policies::Permit;
use crate::access::sessions::Recently;
use crate::audit::{self, Event, Kind};
use crate::db::Tx;
use crate::db::legal_hold::{self as rows, HoldRow};
use crate::db::registry::LEGAL_HOLD;
use crate::db::retention_month;
use crate::ids::{Id as _, LegalHoldId};
use crate::office::Office;

/// A matter's name is no longer.
pub const MATTER: usize = 120;
/// Nor is a reason.
pub const REASON: usize = 500;

/// Why something is held. PHI.
#[derive(Clone, Serialize, Deserialize)]
pub struct Why {
    /// The name of the matter.
    pub matter: String,
    /// The reason, in words.
    pub reason: String,
}

impl std::fmt::Debug for Why {
    /// Never shows the words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Why(…)")
    }
}

/// A hold, opened. PHI.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Which.
    pub id: LegalHoldId,
    /// Whose record; none: everybody's.
    pub patient: Option<PatientId>,
    /// Why.
    pub why: Why,
    /// Who placed it, as `kind:id`.
    pub placed_by: String,
    /// When.
    pub placed_at: Timestamp,
    /// Who lifted it, when and why; none: it stands.
    pub lifted: Option<(String, Timestamp, String)>,
}

/// Places a hold, on a patient's record or on the whole practice.
///
/// # Errors
/// [`RetentionError::Field`] for words that say nothing.
pub fn place(
    tx: &mut Tx<'_>,
    office: &Office,
    (recently, permit): (&Recently, &Permit),
    (patient, why): (Option<PatientId>, &Why),
) -> Result<LegalHoldId, RetentionError> {
    let matter =
        line(&why.matter, MATTER, ("matter", "Name the matter, in up to 120 characters."))?;
    let reason = line(&why.reason, REASON, ("reason", "Say why, in up to 500 characters."))?;
    // No month ends while this is written down.
    alone(tx, office)?;
    let actor = recently.signed_in().actor();
    let id = LegalHoldId::new(office.clock());
    let why = Why { matter, reason };
    // Two strings always serialize.
    let words = serde_json::to_vec(&why).unwrap_or_default();
    let row = HoldRow {
        id,
        patient_id: patient,
        words_sealed: seal(office, (id, "words"), &words)?,
        placed_by: actor.to_string(),
        placed_at: office.clock().now(),
        lifted_by: None,
        lifted_at: None,
        lifted_sealed: None,
    };
    rows::put(tx, office.practice(), &row)?;
    audit::append(tx, office, permit.of(event(&row, actor, "hold_placed")))?;
    Ok(id)
}

/// Lifts a hold, with a reason. What waited for that ends with the look of a night to come, a day later
/// at the soonest.
///
/// # Errors
/// [`RetentionError::NoHold`] for one that does not stand, or is another patient's;
/// [`RetentionError::Field`] for words that say nothing.
pub fn lift(
    tx: &mut Tx<'_>,
    office: &Office,
    (recently, permit): (&Recently, &Permit),
    (patient, id, reason): (Option<PatientId>, LegalHoldId, &str),
) -> Result<(), RetentionError> {
    let reason = line(reason, REASON, ("lifted", "Say why it is over, in up to 500 characters."))?;
    alone(tx, office)?;
    let row = rows::get(tx, office.practice(), id)?;
    let row = row.filter(|row| row.patient_id == patient && row.lifted_at.is_none());
    let row = row.ok_or(RetentionError::NoHold)?;
    let actor = recently.signed_in().actor();
    let row = HoldRow {
        lifted_by: Some(actor.to_string()),
        lifted_at: Some(office.clock().now()),
        lifted_sealed: Some(seal(office, (id, "lifted"), reason.as_bytes())?),
        ..row
    };
    rows::put(tx, office.practice(), &row)?;
    audit::append(tx, office, permit.of(event(&row, actor, "hold_lifted")))?;
    Ok(())
}

/// The holds on one patient's record, the last first. PHI: the caller records that they are shown.
///
/// # Errors
/// [`RetentionError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<Vec<Hold>, RetentionError> {
    let all = rows::of_patient(tx, office.practice(), patient)?;
    all.into_iter().map(|row| open(office, row)).collect()
}

/// Every hold that stands. PHI: the caller records that they are shown.
///
/// # Errors
/// [`RetentionError`].
pub fn standing(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Hold>, RetentionError> {
    let all = rows::standing(tx, office.practice())?;
    all.into_iter().map(|row| open(office, row)).collect()
}

/// What a hold on a patient's record does to the months whose time is over, or is soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touches {
    /// The month.
    pub month: String,
    /// How many other patients have records in it: they are kept too.
    pub others: u64,
    /// It ends if this patient's hold is lifted: nothing else keeps it.
    pub by_this_alone: bool,
}

/// The months of which somebody was told, that have not ended, and in which this patient has a record.
/// Reads only.
///
/// # Errors
/// [`RetentionError`].
pub fn touched(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<Vec<Touches>, RetentionError> {
    let practice = office.practice();
    let held: BTreeSet<_> = rows::held(tx, practice)?.into_iter().collect();
    let mut all = Vec::new();
    for row in retention_month::all(tx, practice)? {
        let month = row.month.parse()?;
        let there = office.keys().month(KeyKind::Retention, month)? == Standing::There;
        if row.ended_at.is_some() || !there {
            continue;
        }
        let who = retention_month::patients(tx, practice, &row.key_name)?;
        if !who.contains(&patient) {
            continue;
        }
        let others = who.iter().filter(|id| **id != patient);
        let others_held = others.clone().filter(|id| held.contains(id)).count();
        let keeps = keeps::of(tx, office, month)?;
        let rest = keeps::Keeps { held: 0, just_lifted: false, ..keeps };
        all.push(Touches {
            month: row.month,
            others: u64::try_from(others.count()).unwrap_or_default(),
            by_this_alone: others_held == 0 && !rest.any(),
        });
    }
    Ok(all)
}

fn event(row: &HoldRow, actor: audit::Actor, what: &'static str) -> Event {
    let whose = if row.patient_id.is_some() { "of=patient" } else { "of=practice" };
    Event::new(Kind::RetentionChanged, actor)
        .about(LEGAL_HOLD, row.id)
        .patient(row.patient_id)
        .code(what)
        .code(whose)
}

fn line(
    text: &str,
    most: usize,
    (field, remedy): (&'static str, &'static str),
) -> Result<String, RetentionError> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > most {
        return Err(RetentionError::Field { field, remedy });
    }
    Ok(text.to_owned())
}

fn open(office: &Office, row: HoldRow) -> Result<Hold, RetentionError> {
    let words = unseal(office, (row.id, "words"), row.words_sealed)?;
    let why = serde_json::from_slice(&words).map_err(|_| seal::SealError::Altered)?;
    let lifted = match (row.lifted_by, row.lifted_at, row.lifted_sealed) {
        (Some(by), Some(at), Some(sealed)) => {
            let words = unseal(office, (row.id, "lifted"), sealed)?;
            let words = String::from_utf8(words.to_vec()).map_err(|_| seal::SealError::Altered)?;
            Some((by, at, words))
        }
        _ => None,
    };
    Ok(Hold {
        id: row.id,
        patient: row.patient_id,
        why,
        placed_by: row.placed_by,
        placed_at: row.placed_at,
        lifted,
    })
}

/// Under a key of its own: it outlives every month.
fn seal(
    office: &Office,
    (id, column): (LegalHoldId, &str),
    plain: &[u8],
) -> Result<Vec<u8>, seal::SealError> {
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place = Place { practice: &practice, table: LEGAL_HOLD.name(), row: &row, column };
    Ok(office.keys().seal_for_patient(&row, &place, plain)?.into_bytes())
}

fn unseal(
    office: &Office,
    (id, column): (LegalHoldId, &str),
    sealed: Vec<u8>,
) -> Result<zeroize::Zeroizing<Vec<u8>>, seal::SealError> {
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place = Place { practice: &practice, table: LEGAL_HOLD.name(), row: &row, column };
    office.keys().open_value(&place, &Sealed::from_bytes(sealed))
}
