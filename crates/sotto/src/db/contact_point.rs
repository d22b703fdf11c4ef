//! Table `contact_point`.

use gate::facts::{Dead, Line};
use gate::{AddressKind, ContactPointId, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::CONTACT_POINT};
use crate::ids::CaregiverId;
use crate::{params, sql};

/// Who told us an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressSource {
    /// An import or the EHR; the only ones an import may change.
    Chart,
    /// Staff wrote it down.
    Staff,
    /// The patient did, by the portal or a form.
    Patient,
}

/// What a chart says an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressUse {
    /// At home.
    Home,
    /// At work: others may answer.
    Work,
    /// Carried along.
    Mobile,
    /// For a while.
    Temp,
    /// No longer right.
    Old,
}

words! {
    AddressSource { Chart = "chart", Staff = "staff", Patient = "patient" }
    AddressUse { Home = "home", Work = "work", Mobile = "mobile", Temp = "temp", Old = "old" }
    AddressKind { Phone = "phone", Email = "email", Portal = "portal" }
}

/// A row of `contact_point`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactPointRow {
    /// Key.
    pub id: ContactPointId,
    /// For messages about this patient.
    pub patient_id: PatientId,
    /// Whose address it is, when not the patient's own.
    pub caregiver_id: Option<CaregiverId>,
    /// Phone or email.
    pub kind: AddressKind,
    /// The address, sealed.
    pub address_sealed: Vec<u8>,
    /// Its blind index.
    pub address_index: Vec<u8>,
    /// What kind of line.
    pub line: Line,
    /// What it is for.
    pub place: Option<AddressUse>,
    /// 1 is tried first.
    pub rank: u32,
    /// Others read or hear what comes here.
    pub shared: bool,
    /// Who told us.
    pub source: AddressSource,
    /// When it was verified.
    pub verified_at: Option<Timestamp>,
    /// And how: `code`, `portal`, `in_person`.
    pub verified_how: Option<String>,
    /// Not used before.
    pub valid_from: Option<Timestamp>,
    /// Not used from then on.
    pub valid_until: Option<Timestamp>,
    /// It failed for good.
    pub dead: Option<Dead>,
    /// When that was learnt.
    pub dead_at: Option<Timestamp>,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<ContactPointRow, DbError> {
    Ok(ContactPointRow {
        id: row.get(0)?,
        patient_id: row.get(1)?,
        caregiver_id: row.get(2)?,
        kind: row.get(3)?,
        address_sealed: row.get(4)?,
        address_index: row.get(5)?,
        line: row.get(6)?,
        place: row.get(7)?,
        rank: row.get(8)?,
        shared: row.get(9)?,
        source: row.get(10)?,
        verified_at: row.get(11)?,
        verified_how: row.get(12)?,
        valid_from: row.get(13)?,
        valid_until: row.get(14)?,
        dead: row.get(15)?,
        dead_at: row.get(16)?,
        updated_at: row.get(17)?,
    })
}

/// The contact point with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ContactPointId,
) -> Result<Option<ContactPointRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, caregiver_id, kind, address_sealed, address_index, line, place,
                    rank, shared, source, verified_at, verified_how, valid_from, valid_until, dead,
                    dead_at, updated_at
               FROM contact_point WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// All of a patient's, caregivers' included, in order of rank.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<ContactPointRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, caregiver_id, kind, address_sealed, address_index, line, place,
                    rank, shared, source, verified_at, verified_how, valid_from, valid_until, dead,
                    dead_at, updated_at
               FROM contact_point WHERE practice_id = $1 AND patient_id = $2 ORDER BY rank, id"
        ),
        params![practice, patient],
        read,
    )
}

/// Those of several patients, caregivers' included, each patient's in order of rank.
///
/// # Errors
/// [`DbError`].
pub fn of_patients(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patients: &[PatientId],
) -> Result<Vec<ContactPointRow>, DbError> {
    let ids: Vec<String> = patients.iter().map(|id| format!("\"{id}\"")).collect();
    tx.query(
        sql! {
            sqlite: "SELECT id, patient_id, caregiver_id, kind, address_sealed, address_index, line,
                    place, rank, shared, source, verified_at, verified_how, valid_from,
                    valid_until, dead, dead_at, updated_at
               FROM contact_point
              WHERE practice_id = $1 AND patient_id IN (SELECT value FROM json_each($2))
              ORDER BY patient_id, rank, id",
            postgres: "SELECT id, patient_id, caregiver_id, kind, address_sealed, address_index,
                    line, place, rank, shared, source, verified_at, verified_how, valid_from,
                    valid_until, dead, dead_at, updated_at
               FROM contact_point
              WHERE practice_id = $1 AND patient_id = ANY
                    (ARRAY(SELECT json_array_elements_text($2::TEXT::JSON)))
              ORDER BY patient_id, rank, id"
        },
        params![practice, format!("[{}]", ids.join(","))],
        read,
    )
}

/// All with this address, whoever's.
///
/// # Errors
/// [`DbError`].
pub fn by_address(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    address_index: &[u8],
) -> Result<Vec<ContactPointRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, patient_id, caregiver_id, kind, address_sealed, address_index, line, place,
                    rank, shared, source, verified_at, verified_how, valid_from, valid_until, dead,
                    dead_at, updated_at
               FROM contact_point WHERE practice_id = $1 AND address_index = $2
              ORDER BY patient_id, rank, id"
        ),
        params![practice, address_index],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &ContactPointRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO contact_point
                 (practice_id, id, patient_id, caregiver_id, kind, address_sealed, address_index,
                  line, place, rank, shared, source, verified_at, verified_how, valid_from,
                  valid_until, dead, dead_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18, $19)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 patient_id = excluded.patient_id, caregiver_id = excluded.caregiver_id,
                 kind = excluded.kind, address_sealed = excluded.address_sealed,
                 address_index = excluded.address_index, line = excluded.line,
                 place = excluded.place, rank = excluded.rank, shared = excluded.shared,
                 source = excluded.source, verified_at = excluded.verified_at,
                 verified_how = excluded.verified_how, valid_from = excluded.valid_from,
                 valid_until = excluded.valid_until, dead = excluded.dead,
                 dead_at = excluded.dead_at, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.caregiver_id,
            row.kind,
            row.address_sealed,
            row.address_index,
            row.line,
            row.place,
            row.rank,
            row.shared,
            row.source,
            row.verified_at,
            row.verified_how,
            row.valid_from,
            row.valid_until,
            row.dead,
            row.dead_at,
            row.updated_at
        ],
    )?;
    tx.touch(CONTACT_POINT, row.id.to_string());
    Ok(())
}
