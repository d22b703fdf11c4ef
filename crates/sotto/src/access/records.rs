//! A patient's record as the policies see it: where the patient is seen. Who has no appointment yet
//! is seen everywhere.

use std::collections::HashMap;

use gate::{PatientId, PracticeId};

use crate::db::{DbError, Tx, appointment, patient, site};
use crate::ids::SiteId;

/// Whether there is such a patient, and where they are seen.
///
/// # Errors
/// [`DbError`].
pub fn sites(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: Option<PatientId>,
) -> Result<(bool, Vec<SiteId>), DbError> {
    let everywhere = site::ids(tx, practice)?;
    let Some(id) = id else { return Ok((false, everywhere)) };
    let known = patient::get(tx, practice, id)?.is_some();
    let seen = appointment::sites_of(tx, practice, id)?;
    Ok((known, if seen.is_empty() { everywhere } else { seen }))
}

/// The same of several patients who are there.
///
/// # Errors
/// [`DbError`].
pub fn sites_of_all(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    ids: &[PatientId],
) -> Result<HashMap<PatientId, Vec<SiteId>>, DbError> {
    let mut all: HashMap<PatientId, Vec<SiteId>> = ids.iter().map(|id| (*id, Vec::new())).collect();
    for (patient, site) in appointment::sites_of_each(tx, practice, ids)? {
        all.entry(patient).or_default().push(site);
    }
    if all.values().any(Vec::is_empty) {
        let everywhere = site::ids(tx, practice)?;
        for sites in all.values_mut().filter(|sites| sites.is_empty()) {
            sites.clone_from(&everywhere);
        }
    }
    Ok(all)
}
