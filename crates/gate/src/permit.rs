//! The two doors, the way back from storage, and what passes through them.

use std::borrow::Cow;

use aws_lc_rs::constant_time;
use guard::{Assessment, Category, Level};
use jiff::Timestamp;

use crate::binding::{Binding, BindingKey, bind};
use crate::check;
use crate::draft::{Content, Draft};
use crate::facts::{Facts, Restriction};
use crate::id::ConsentId;
use crate::policy::{Policy, PolicyVersion};
use crate::refusal::{Reason, Refusal};

/// What the gate answers to a draft.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once a message, and most are cleared")]
pub enum Decision {
    /// It may go.
    Clear(Cleared),
    /// Too much for the channel: the body belongs in the portal, a safe notice on the channel.
    Redirect(Box<Redirect>),
    /// It may not go.
    Refuse(Refusal),
}

/// The portal takes the body, the channel a level-0 notice. Both still have to be cleared.
#[derive(Debug)]
pub struct Redirect {
    /// The same words for the portal.
    pub body: Draft,
    /// The level-0 notice for the channel asked for. The sender gives it a new message id.
    pub notice: Draft,
    /// Why the channel could not carry the body.
    pub because: Vec<Reason>,
}

/// A draft the gate let through. Fields private; no `Clone`, no `Deserialize`.
///
/// ```compile_fail,E0451
/// // Nobody builds one by hand.
/// fn forge(draft: gate::Draft, now: jiff::Timestamp) -> gate::Cleared {
///     gate::Cleared { draft, cleared_at: now }
/// }
/// ```
/// ```compile_fail,E0599
/// // Nobody copies one.
/// fn twice(cleared: &gate::Cleared) -> gate::Cleared { cleared.clone() }
/// ```
#[derive(Debug)]
pub struct Cleared {
    draft: Draft,
    basis: Basis,
}

/// What a clearance rests on; bound into the audit log with the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// When the gate cleared it.
    pub cleared_at: Timestamp,
    /// Not before this instant (quiet hours).
    pub not_before: Option<Timestamp>,
    /// Under which policy.
    pub policy: PolicyVersion,
    /// The highest level the guard found.
    pub level: Level,
    /// The categories the guard found.
    pub categories: Vec<Category>,
    /// The rules that found something.
    pub rules: Vec<Cow<'static, str>>,
    /// The findings' worst cell of the matrix is judged again at release from these.
    pub cells: Vec<Cell>,
    /// The consents relied upon.
    pub consents: Vec<ConsentId>,
}

/// What the matrix of §11.3 needs to know of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Its level.
    pub level: Level,
    /// Its category.
    pub category: Category,
    /// It only says that a prescription or refill is ready or due.
    pub ready: bool,
}

impl Cleared {
    /// The draft as it was cleared.
    #[must_use]
    pub const fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What the clearance rests on.
    #[must_use]
    pub const fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The tag that binds this clearance to its content: HMAC-SHA-256 over every field of both.
    /// It goes into the audit entry of the clearance.
    #[must_use]
    pub fn binding(&self, key: &BindingKey) -> Binding {
        bind(key, &self.draft, &self.basis)
    }
}

/// Permission to put one cleared message on the wire, once, now.
///
/// ```compile_fail,E0308
/// // A draft is no permit.
/// fn send(_: gate::Released<'_>) {}
/// fn hasty(draft: gate::Draft) { send(draft) }
/// ```
/// ```compile_fail,E0308
/// // Nor is a clearance: it may have grown old.
/// fn send(_: gate::Released<'_>) {}
/// fn hasty(cleared: gate::Cleared) { send(cleared) }
/// ```
/// ```compile_fail,E0423
/// // Nobody builds one by hand.
/// fn forge(cleared: &gate::Cleared) -> gate::Released<'_> { gate::Released(cleared) }
/// ```
/// ```compile_fail,E0382
/// // Once.
/// fn send(_: gate::Released<'_>) {}
/// fn twice(permit: gate::Released<'_>) { send(permit); send(permit) }
/// ```
/// ```compile_fail,E0597
/// // It does not outlive its message, so it cannot be kept.
/// fn keep(make: fn() -> gate::Cleared, facts: &gate::Facts, policy: &gate::Policy,
///         now: jiff::Timestamp) -> gate::Release<'static> {
///     let cleared = make();
///     gate::release(&cleared, facts, policy, now)
/// }
/// ```
#[derive(Debug)]
pub struct Released<'a>(&'a Cleared);

impl<'a> Released<'a> {
    /// The message as cleared. Reading it is not sending it.
    #[must_use]
    pub const fn draft(&self) -> &'a Draft {
        &self.0.draft
    }

    /// The words.
    #[must_use]
    pub const fn content(&self) -> &'a Content {
        &self.0.draft.content
    }
}

/// What the gate answers just before the wire.
#[derive(Debug)]
pub enum Release<'a> {
    /// Send it, now.
    Go(Released<'a>),
    /// Ask again at this instant.
    NotBefore(Timestamp),
    /// It may not go any more.
    Refuse(Refusal),
}

/// The first door: may this draft go?
///
/// Every check is asked, so that a refusal names all that stands in the way. Quiet hours do not
/// refuse: they set the instant before which nothing is released.
#[must_use]
pub fn clear(draft: Draft, facts: &Facts, policy: &Policy, now: Timestamp) -> Decision {
    let assessment = guard::check(&draft.content.body, &context_of(&draft, facts));
    let cells = cells_of(&assessment);
    let judged = judged(&cells, facts);
    let asked = check::Asked { draft: &draft, facts, policy, now, cells: &judged };
    let findings = check::every(&asked);
    if let Some(refusal) = Refusal::from_reasons(findings.reasons) {
        return match check::redirect::offer(&asked, &refusal) {
            Some(redirect) => Decision::Redirect(Box::new(redirect)),
            None => Decision::Refuse(refusal),
        };
    }
    let mut categories: Vec<Category> = assessment.findings.iter().map(|f| f.category).collect();
    categories.sort_unstable();
    categories.dedup();
    let mut rules: Vec<Cow<'static, str>> =
        assessment.findings.iter().map(|f| Cow::Borrowed(f.rule)).collect();
    rules.sort_unstable();
    rules.dedup();
    let basis = Basis {
        cleared_at: now,
        not_before: findings.not_before,
        policy: policy.version().clone(),
        level: assessment.level,
        categories,
        rules,
        cells,
        consents: findings.consents,
    };
    Decision::Clear(Cleared { draft, basis })
}

/// The second door, moments before the wire: everything is asked again, with fresh facts.
///
/// The words cannot have changed, so the guard's findings of the clearance are judged again
/// against today's policy and consents.
#[must_use]
pub fn release<'a>(
    cleared: &'a Cleared,
    facts: &Facts,
    policy: &Policy,
    now: Timestamp,
) -> Release<'a> {
    let judged = judged(&cleared.basis.cells, facts);
    let asked = check::Asked { draft: &cleared.draft, facts, policy, now, cells: &judged };
    let findings = check::every(&asked);
    if let Some(refusal) = Refusal::from_reasons(findings.reasons) {
        return Release::Refuse(refusal);
    }
    match findings.not_before {
        Some(later) => Release::NotBefore(later),
        None => Release::Go(Released(cleared)),
    }
}

/// A stored clearance does not match what the audit log says was cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored message is not the one the audit log says was cleared; run sotto audit verify")]
pub struct ReloadError;

/// The one way back from storage. `logged` is the binding from the audit entry of the clearance;
/// a row that was changed, or never cleared, does not match it.
///
/// # Errors
/// [`ReloadError`] when the binding does not fit the content.
pub fn reload(
    draft: Draft,
    basis: Basis,
    logged: &Binding,
    key: &BindingKey,
) -> Result<Cleared, ReloadError> {
    let fresh = bind(key, &draft, &basis);
    constant_time::verify_slices_are_equal(&fresh.0, &logged.0).map_err(|_| ReloadError)?;
    Ok(Cleared { draft, basis })
}

/// The facts' context, told which parts of the text came from which field.
fn context_of<'a>(draft: &Draft, facts: &'a Facts) -> Cow<'a, guard::Context> {
    if draft.content.fields.is_empty() {
        return Cow::Borrowed(&facts.context);
    }
    let mut context = facts.context.clone();
    context.fields.clone_from(&draft.content.fields);
    Cow::Owned(context)
}

/// The findings as they are judged: of a record under 42 CFR Part 2, each that is more than
/// administrative is sensitive (PRIV-16). Where the restrictions are not known, their own check
/// refuses.
fn judged<'a>(cells: &'a [Cell], facts: &Facts) -> Cow<'a, [Cell]> {
    let part2 = facts.restrictions.get().is_some_and(|all| all.contains(&Restriction::Part2));
    if !part2 {
        return Cow::Borrowed(cells);
    }
    let raised = cells.iter().map(|cell| match cell.level {
        Level::Mention | Level::Detail => Cell { level: Level::Sensitive, ..*cell },
        Level::Administrative | Level::Sensitive | Level::Never => *cell,
    });
    Cow::Owned(raised.collect())
}

pub(crate) fn cells_of(assessment: &Assessment) -> Vec<Cell> {
    let mut cells: Vec<Cell> = assessment
        .findings
        .iter()
        .map(|f| Cell { level: f.level, category: f.category, ready: f.ready })
        .collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}
