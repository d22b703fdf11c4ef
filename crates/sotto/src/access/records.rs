//! A patient's record as the policies see it: where the patient is seen. Who has no appointment yet
//! is seen everywhere; a number that is nobody's is seen nowhere, and is for those who work at every
//! site.

use std::collections::HashMap;

use gate::{PatientId, PracticeId};

use crate::db::{DbError, Tx, appointment, site};
use crate::ids::SiteId;

/// Where somebody is seen.
///
/// # Errors
/// [`DbError`].
pub fn sites(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: Option<PatientId>,
) -> Result<Vec<SiteId>, DbError> {
    let Some(id) = patient else { return Ok(Vec::new()) };
    let seen = appointment::sites_of(tx, practice, id)?;
    if seen.is_empty() { site::ids(tx, practice) } else { Ok(seen) }
}

/// Where each of several is seen.
#[derive(Debug)]
pub struct Seen {
    at: HashMap<PatientId, Vec<SiteId>>,
    everywhere: Vec<SiteId>,
}

impl Seen {
    /// Where this one is seen.
    #[must_use]
    pub fn of(&self, patient: Option<PatientId>) -> &[SiteId] {
        patient.map_or(&[], |id| self.at.get(&id).unwrap_or(&self.everywhere))
    }
}

/// The same of several.
///
/// # Errors
/// [`DbError`].
pub fn sites_of_all(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patients: impl IntoIterator<Item = PatientId>,
) -> Result<Seen, DbError> {
    let mut ids: Vec<PatientId> = patients.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut at: HashMap<PatientId, Vec<SiteId>> = HashMap::new();
    for (patient, site) in appointment::sites_of_each(tx, practice, &ids)? {
        at.entry(patient).or_default().push(site);
    }
    Ok(Seen { at, everywhere: site::ids(tx, practice)? })
}
