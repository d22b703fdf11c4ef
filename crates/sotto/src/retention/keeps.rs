//! What keeps a month whose time is over: a hold, what is in effect, and who is not of age yet. One key
//! serves everybody's records of a month, so what keeps one keeps all.

use std::collections::BTreeSet;

use gate::PatientId;
use jiff::tz::TimeZone;
use seal::{KeyKind, Month};

use super::RetentionError;
use crate::db::retention_month::{self as rows, InEffect, KeyName};
use crate::db::{Tx, legal_hold, patient};
use crate::office::Office;
use crate::people::patients::open_person;

/// Why a month stays. Nothing of it: it ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keeps {
    /// A hold on the whole practice.
    pub practice: bool,
    /// How many patients with a hold of their own have a record in it.
    pub held: u64,
    /// A hold was lifted a moment ago.
    pub just_lifted: bool,
    /// What is in effect.
    pub in_effect: InEffect,
    /// How many who are not of age yet have a record in it.
    pub under_age: u64,
    /// How many patients there are in all, as far as that was asked.
    pub patients: u64,
}

impl Keeps {
    /// Whether anything keeps it.
    #[must_use]
    pub fn any(&self) -> bool {
        self.practice
            || self.just_lifted
            || self.held > 0
            || self.under_age > 0
            || self.in_effect != InEffect::default()
    }
}

/// Everything that keeps a month. Reads only.
///
/// # Errors
/// [`RetentionError`].
pub fn of(tx: &mut Tx<'_>, office: &Office, month: Month) -> Result<Keeps, RetentionError> {
    let name = office.keys().month_name(KeyKind::Retention, month);
    let mut keeps = cheap(tx, office, &name)?;
    let who = rows::patients(tx, office.practice(), &name)?;
    keeps.patients = u64::try_from(who.len()).unwrap_or_default();
    let held: BTreeSet<_> = legal_hold::held(tx, office.practice())?.into_iter().collect();
    keeps.held = count(who.iter().filter(|id| held.contains(id)));
    keeps.under_age = under_age(tx, office, who)?;
    Ok(keeps)
}

/// The same, for whoever only asks whether it ends: where something keeps it, no more is asked.
pub(super) fn anything(
    tx: &mut Tx<'_>,
    office: &Office,
    month: Month,
) -> Result<bool, RetentionError> {
    let name = office.keys().month_name(KeyKind::Retention, month);
    Ok(cheap(tx, office, &name)?.any() || of(tx, office, month)?.any())
}

fn cheap(tx: &mut Tx<'_>, office: &Office, name: &KeyName) -> Result<Keeps, RetentionError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let standing = legal_hold::standing(tx, practice)?;
    let lifted = legal_hold::last_lifted(tx, practice)?;
    let since = office.retention().since(now);
    Ok(Keeps {
        practice: standing.iter().any(|hold| hold.patient_id.is_none()),
        just_lifted: lifted.is_some_and(|at| now.duration_since(at) < super::AFTER_A_HOLD),
        in_effect: rows::in_effect(tx, practice, (name, since))?,
        ..Keeps::default()
    })
}

/// How many of these are not of age yet.
fn under_age(tx: &mut Tx<'_>, office: &Office, who: Vec<PatientId>) -> Result<u64, RetentionError> {
    let (practice, retention) = (office.practice(), office.retention());
    let today = office.clock().now().to_zoned(TimeZone::UTC).date();
    let mut young = 0;
    for some in who.chunks(500) {
        let persons = patient::persons(tx, practice, some.iter().copied())?;
        young += count(persons.into_iter().filter(|(id, sealed)| {
            // Somebody whose keys are gone has no age any more, and no record of theirs is waited for.
            let person = open_person(office.keys(), practice, *id, sealed.clone()).ok();
            let born = person.and_then(|person| person.birth_date);
            born.is_some_and(|born| retention.is_under_age(born, today))
        }));
    }
    Ok(young)
}

fn count<T>(all: impl Iterator<Item = T>) -> u64 {
    u64::try_from(all.count()).unwrap_or_default()
}
