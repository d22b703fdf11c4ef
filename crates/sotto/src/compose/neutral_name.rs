//! The name patients see: neutral where the legal name reveals what is treated (SPEC PG-09). The
//! configuration file has one; whoever changes the settings may put another in its place.

use guard::{Context, Level};

use super::lint::{self, Samples};
use super::proposals::{self, ProposalError};
use super::{ComposeError, Values, Variable};
use crate::audit::{self, AuditError, Event};
use crate::db::practice::NEUTRAL_NAME;
use crate::db::registry::SETTING;
use crate::db::{DbError, Tx, setting};
use crate::office::Office;

/// Why a name is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// It can stand in no message.
    #[error(transparent)]
    Value(#[from] ComposeError),
    /// It says what is treated.
    #[error("the name hints at what is treated ({0}); leave that out")]
    Reveals(&'static str),
    /// Templates in force would break a rule with it.
    #[error(
        "with this name {count} template(s) would break a rule, the first: {first}; shorten it"
    )]
    Templates {
        /// How many.
        count: usize,
        /// The first, with the rule.
        first: String,
    },
    /// The words in force.
    #[error(transparent)]
    Words(#[from] ProposalError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Makes this the name patients see; none: the one of the configuration file is back. The caller
/// refreshes the office after the commit.
///
/// # Errors
/// [`NameError`].
pub fn set(
    tx: &mut Tx<'_>,
    office: &Office,
    name: Option<&str>,
    event: Event,
) -> Result<(), NameError> {
    if let Some(name) = name {
        check(tx, office, name)?;
    }
    let (value, now) = (name.unwrap_or_default(), office.clock().now());
    setting::put(tx, office.practice(), (NEUTRAL_NAME, value), now)?;
    audit::append(tx, office, event.about(SETTING, NEUTRAL_NAME).code(NEUTRAL_NAME))?;
    Ok(())
}

fn check(tx: &mut Tx<'_>, office: &Office, name: &str) -> Result<(), NameError> {
    Values::new().set(Variable::Practice, name)?;
    // Read as a stranger reads it, who does not know that it is a name.
    let seen = guard::check(name, &Context::default());
    if let Some(finding) = seen.findings.iter().find(|one| one.level > Level::Administrative) {
        return Err(NameError::Reveals(finding.reason));
    }
    let present = proposals::samples(tx, office)?;
    let new = Samples { practice: name.to_owned(), ..present.clone() };
    let templates = office.templates();
    let broken: Vec<String> = templates
        .iter()
        .flat_map(|template| {
            let before = lint::check(&templates, template, &present);
            let mut after = lint::check(&templates, template, &new);
            after.retain(|one| before.iter().all(|other| other.rule != one.rule));
            after
        })
        .map(|one| one.to_string())
        .collect();
    match broken.first() {
        None => Ok(()),
        Some(first) => Err(NameError::Templates { count: broken.len(), first: first.clone() }),
    }
}
