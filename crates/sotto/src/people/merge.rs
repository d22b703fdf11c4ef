//! Two records of one patient become one; the stricter wishes of both hold (RULEBOOK §9).

use gate::{ContactPointId, PatientId, PracticeId};
use seal::SealError;

use crate::audit::Log;
use crate::db::{
    self, DbError, Tx,
    contact_point::{AddressSource, ContactPointRow},
    patient::PatientRow,
    restriction::{AlternativeRow, RestrictedThing, RestrictionRow},
    window_passkey::PhoneRow,
};
use crate::ids::Id as _;
use crate::people::contact_points::{open_address, seal_address};
use crate::people::search::{self, SearchError};

/// Why two records were not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// An address cannot be opened or sealed.
    #[error("an address on file cannot be opened: {0}")]
    Seal(#[from] SealError),
}

impl From<SearchError> for MergeError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Db(error) => error.into(),
            SearchError::Seal(error) => error.into(),
        }
    }
}

/// Puts `from` out of use in favour of `into`. Alternative contacts and restrictions of `from`
/// hold for `into` from now on; opt-outs belong to addresses and hold anyway; consents do not
/// move, for they were given under a record that is gone. What was said, filled in and sealed stays
/// where it was written and is reached through the record that stays ([`older`]); what let somebody
/// in at the window is over. The caller writes the audit entry. Returns false when there was nothing
/// to do.
///
/// # Errors
/// [`MergeError`].
pub fn merge(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    from: PatientId,
    into: PatientId,
) -> Result<bool, MergeError> {
    let now = log.clock.now();
    let Some(row) = db::patient::get(tx, log.practice, from)? else { return Ok(false) };
    let Some(stays) = db::patient::get(tx, log.practice, into)? else { return Ok(false) };
    // A circle of records, each replaced by the next, would leave nobody.
    if row.merged_into.is_some() || stays.merged_into.is_some() {
        return Ok(false);
    }
    let row = PatientRow { merged_into: Some(into), active: false, updated_at: now, ..row };
    db::patient::put(tx, log.practice, &row)?;
    for wish in db::restriction::alternatives_of(tx, log.practice, from)? {
        let point = match wish.contact_point_id {
            Some(point) => copy_contact(tx, log, point, into)?,
            None => None,
        };
        let copy = AlternativeRow {
            id: log.clock.new_id(),
            patient_id: into,
            contact_point_id: point,
            ..wish
        };
        db::restriction::put_alternative(tx, log.practice, &copy)?;
    }
    for wish in db::restriction::of_patient(tx, log.practice, from)? {
        let mut copy = RestrictionRow { id: log.clock.new_id(), patient_id: into, ..wish };
        if copy.what == RestrictedThing::ContactPoint {
            let point = copy.value.as_deref().and_then(|id| id.parse().ok());
            let point = match point {
                Some(point) => copy_contact(tx, log, point, into)?,
                None => None,
            };
            copy.value = point.map(|point| point.to_string());
        }
        db::restriction::put(tx, log.practice, &copy)?;
    }
    end_window(tx, log, from)?;
    // Whoever is found by the record that is gone is led to the one that stays.
    search::index::refresh(tx, log, into)?;
    Ok(true)
}

/// Why what let somebody in ended, as a word of the rows.
const WHY: &str = "merged";

/// Stays, tablets, links and remembered phones of the record that is gone: a link then says that it is
/// over and that a new one can be asked for.
fn end_window(tx: &mut Tx<'_>, log: Log<'_>, from: PatientId) -> Result<(), DbError> {
    let (practice, ended) = (log.practice, (WHY, log.clock.now()));
    for stay in db::window::open_sessions(tx, practice, from)? {
        db::window::end_session(tx, practice, stay.id, ended)?;
    }
    for tablet in db::kiosk::open_of(tx, practice, from)? {
        db::kiosk::end(tx, practice, tablet.id, ended)?;
    }
    for link in db::window::open_links(tx, practice, from)? {
        db::window::end_link(tx, practice, link.message_id, ended)?;
        db::window::forget_codes(tx, practice, link.message_id)?;
    }
    for phone in db::window_passkey::of_patient(tx, practice, from)? {
        if phone.ended_at.is_none() {
            let (why, now) = ended;
            let phone = PhoneRow { ended_at: Some(now), ended_why: Some(why.to_owned()), ..phone };
            db::window_passkey::put(tx, practice, &phone)?;
        }
    }
    Ok(())
}

/// Every record that became part of this one, also by way of others. Reads only.
///
/// # Errors
/// [`DbError`].
pub fn older(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: PatientId,
) -> Result<Vec<PatientId>, DbError> {
    let mut all = Vec::new();
    let mut next = vec![id];
    while let Some(one) = next.pop() {
        for older in db::patient::merged_into(tx, practice, one)? {
            if older != id && !all.contains(&older) {
                all.push(older);
                next.push(older);
            }
        }
    }
    Ok(all)
}

/// The record in use that this one became part of; itself, where it is in use. Reads only.
///
/// # Errors
/// [`DbError`].
pub fn in_use(tx: &mut Tx<'_>, practice: PracticeId, id: PatientId) -> Result<PatientId, DbError> {
    let mut at = id;
    // A circle cannot come about (see `merge`); one that did would not be followed for ever.
    for _ in 0..LONGEST_CHAIN {
        match db::patient::get(tx, practice, at)?.and_then(|row| row.merged_into) {
            Some(into) => at = into,
            None => break,
        }
    }
    Ok(at)
}

const LONGEST_CHAIN: usize = 16;

/// The same address for the other record, sealed under its key.
fn copy_contact(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    point: ContactPointId,
    into: PatientId,
) -> Result<Option<ContactPointId>, MergeError> {
    let Some(row) = db::contact_point::get(tx, log.practice, point)? else { return Ok(None) };
    let there = db::contact_point::of_patient(tx, log.practice, into)?;
    let same = there
        .into_iter()
        .find(|other| other.address_index == row.address_index && other.caregiver_id.is_none());
    if let Some(same) = same {
        return Ok(Some(same.id));
    }
    let address =
        open_address(log.keys, log.practice, row.id, row.kind, row.address_sealed.clone())?;
    let id = ContactPointId::new(log.clock);
    let row = ContactPointRow {
        id,
        patient_id: into,
        caregiver_id: None,
        address_sealed: seal_address(log.keys, log.practice, into, id, &address)?,
        source: AddressSource::Staff,
        updated_at: log.clock.now(),
        ..row
    };
    db::contact_point::put(tx, log.practice, &row)?;
    Ok(Some(id))
}
