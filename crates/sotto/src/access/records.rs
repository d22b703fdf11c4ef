//! A patient's record as the policies see it: where the patient is seen, and what of it is closed to
//! most. Who has no appointment yet is seen everywhere; a number that is nobody's is seen nowhere,
//! and is for those who work at every site.

use std::collections::HashMap;

use gate::PatientId;

use super::policies::Tag;
use crate::db::{DbError, Tx, appointment, restriction, site};
use crate::ids::SiteId;
use crate::office::Office;

/// Whose record something is, as far as the policies ask. There is no resource without it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Whose {
    /// Where they are seen.
    pub sites: Vec<SiteId>,
    /// What of it is closed to most (PRIV-16).
    pub tags: Vec<Tag>,
}

impl Whose {
    /// Of somebody who is seen there, and of whom nothing more is closed than of anybody: for what
    /// is asked of no one patient.
    #[must_use]
    pub const fn seen_at(sites: Vec<SiteId>) -> Self {
        Self { sites, tags: Vec::new() }
    }

    /// The same, with this tag too.
    #[must_use]
    pub fn with(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }
}

/// Where somebody is seen, and what of them is closed.
///
/// # Errors
/// [`DbError`].
pub fn whose(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: Option<PatientId>,
) -> Result<Whose, DbError> {
    Ok(whose_of_each(tx, office, patient)?.of(patient).clone())
}

/// The same of several.
#[derive(Debug)]
pub struct Seen {
    of: HashMap<PatientId, Whose>,
    nobody: Whose,
}

impl Seen {
    /// Of this one. Of somebody who was not asked about: nowhere.
    #[must_use]
    pub fn of(&self, patient: Option<PatientId>) -> &Whose {
        patient.and_then(|id| self.of.get(&id)).unwrap_or(&self.nobody)
    }
}

/// Where each of several is seen, and what of them is closed.
///
/// # Errors
/// [`DbError`].
pub fn whose_of_each(
    tx: &mut Tx<'_>,
    office: &Office,
    patients: impl IntoIterator<Item = PatientId>,
) -> Result<Seen, DbError> {
    let (practice, nobody) = (office.practice(), Whose::default());
    let mut of: HashMap<PatientId, Whose> =
        patients.into_iter().map(|id| (id, Whose::default())).collect();
    if of.is_empty() {
        return Ok(Seen { of, nobody });
    }
    let mut ids: Vec<PatientId> = of.keys().copied().collect();
    ids.sort_unstable();
    for (patient, site) in appointment::sites_of_each(tx, practice, &ids)? {
        of.entry(patient).or_default().sites.push(site);
    }
    if of.values().any(|whose| whose.sites.is_empty()) {
        let everywhere = site::ids(tx, practice)?;
        for whose in of.values_mut().filter(|whose| whose.sites.is_empty()) {
            whose.sites.clone_from(&everywhere);
        }
    }
    for patient in restriction::part2_of(tx, practice, &ids, office.clock().now())? {
        let whose = of.remove(&patient).unwrap_or_default();
        of.insert(patient, whose.with(Tag::Part2));
    }
    Ok(Seen { of, nobody })
}
