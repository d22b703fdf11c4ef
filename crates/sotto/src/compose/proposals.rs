//! The practice's own words: one person writes them, another approves them, and only then are they
//! sent (RULEBOOK §12, SPEC TP-16). Every step is in the log; what was sent with a version can
//! always be shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use gate::{Language, PracticeId};
use jiff::Timestamp;
use jiff::civil::Date;

use super::lint::{self, Broken, Sample, Samples};
use super::template::{Approval, Key, Template, Wording};
use super::{ComposeError, store};
use crate::audit::{self, AuditError, Event};
use crate::db::registry::{TEMPLATE_PROPOSAL, TEMPLATE_VERSION};
use crate::db::template_proposal::{self as rows, Approved};
use crate::db::{DbError, Tx, site};
use crate::ids::{Id as _, ProposalId, StaffId};
use crate::office::Office;
use crate::schedule::places::{self, HoursError};

pub use crate::db::template_proposal::{ProposalRow as Proposal, ProposalState};

/// The most characters of a reason.
pub const LONGEST_REASON: usize = 500;

/// Why words cannot be proposed or judged.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// A field does not say what it must.
    #[error("the {field} {because}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        because: &'static str,
    },
    /// The words break rules that every template keeps.
    #[error("{} rule(s) broken", .0.len())]
    Broken(Vec<Broken>),
    /// Not as things stand; the text says what to do.
    #[error("{0}")]
    NotNow(&'static str),
    /// The words themselves.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The office hours cannot be read.
    #[error(transparent)]
    Hours(#[from] HoursError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Who does it, and the event of the deed with the policies that allow it.
#[derive(Debug, Clone)]
pub struct By {
    /// Who.
    pub staff: StaffId,
    /// The event, of the kind [`TemplatesChanged`](audit::Kind::TemplatesChanged).
    pub event: Event,
}

/// Words about to be proposed.
#[derive(Debug, Clone)]
pub struct NewProposal {
    /// For what.
    pub key: Key,
    /// The words.
    pub wording: Wording,
    /// Why these.
    pub reason: String,
}

/// Words held against every rule, with this practice's own name, number and places.
#[derive(Debug)]
pub struct Judged {
    /// The words, parsed.
    pub template: Arc<Template>,
    /// The rules they break.
    pub broken: Vec<Broken>,
    /// How they read; none where a value has no place or a place no value.
    pub sample: Option<Sample>,
}

/// Holds words against the rules, as while they are typed. Stores nothing.
///
/// # Errors
/// [`ProposalError::Compose`] where a brace belongs to no variable.
pub fn judge(
    tx: &mut Tx<'_>,
    office: &Office,
    key: Key,
    wording: &Wording,
) -> Result<Judged, ProposalError> {
    let nobody = Approval { author: String::new(), approved_by: String::new() };
    let template = Arc::new(Template::written(key, wording, nobody)?);
    let samples = samples(tx, office)?;
    let templates = office.templates().with([Arc::clone(&template)]);
    let broken = lint::check(&templates, &template, &samples);
    let sample = lint::sample(&templates, &template, &samples);
    Ok(Judged { template, broken, sample })
}

/// What stands in the places of this practice's messages.
pub(super) fn samples(tx: &mut Tx<'_>, office: &Office) -> Result<Samples, ProposalError> {
    let (profile, default) = (office.profile(), Samples::default());
    let hours = places::practice(tx, office)?.hours;
    let longest = site::list(tx, office.practice())?.into_iter().map(|site| site.name);
    Ok(Samples {
        practice: profile.display_name.clone(),
        phone: profile.phone.clone(),
        portal_url: profile.portal_url.clone(),
        site: longest.max_by_key(String::len).unwrap_or(default.site),
        hours: hours.in_words(Language::English),
        hours_spanish: hours.in_words(Language::Spanish),
    })
}

/// Proposes words. They wait for somebody else.
///
/// # Errors
/// [`ProposalError::Field`], [`ProposalError::Broken`], [`ProposalError::NotNow`] where words of
/// this name wait already or these are in force.
pub fn propose(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &NewProposal,
    by: By,
) -> Result<ProposalId, ProposalError> {
    let (practice, now, name) = (office.practice(), office.clock().now(), new.key.name());
    let reason = new.reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(ProposalError::Field {
            field: "reason",
            because: "must say in up to 500 characters why these words",
        });
    }
    let today = now.to_zoned(office.profile().timezone.clone()).date();
    if new.wording.expires.is_some_and(|day| day < today) {
        return Err(ProposalError::Field { field: "last day", because: "lies in the past" });
    }
    let judged = judge(tx, office, new.key, &new.wording)?;
    if !judged.broken.is_empty() {
        return Err(ProposalError::Broken(judged.broken));
    }
    let wording = judged.template.wording();
    if office.templates().find(new.key).is_some_and(|present| present.wording() == wording) {
        return Err(ProposalError::NotNow("these words are in force already; change them first"));
    }
    if rows::of_name(tx, practice, &name)?.iter().any(|one| one.state == ProposalState::Waiting) {
        return Err(ProposalError::NotNow(
            "other words for this wait already; they are approved, declined or taken back first",
        ));
    }
    let row = Proposal {
        id: ProposalId::new(office.clock()),
        name,
        subject: wording.subject,
        body: wording.body,
        reason: reason.to_owned(),
        expires_on: wording.expires.map(|day| day.to_string()),
        author: by.staff,
        proposed_at: now,
        state: ProposalState::Waiting,
        judge: None,
        judged_at: None,
        answer: None,
        version: None,
    };
    put(tx, office, &row, by.event.code("proposed"))?;
    Ok(row.id)
}

/// Approves words that somebody else wrote: from now on they are sent. They are held against the
/// rules once more. The caller refreshes the office after the commit.
///
/// # Errors
/// [`ProposalError::NotNow`] where they are one's own or wait no longer, [`ProposalError::Broken`]
/// where they break a rule by now.
pub fn approve(
    tx: &mut Tx<'_>,
    office: &Office,
    id: ProposalId,
    by: By,
) -> Result<Key, ProposalError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let mut row = another_s(tx, office, id, by.staff)?;
    let key: Key = row.name.parse()?;
    let wording = wording(&row)?;
    let judged = judge(tx, office, key, &wording)?;
    if !judged.broken.is_empty() {
        return Err(ProposalError::Broken(judged.broken));
    }
    let template = Template::written(key, &wording, approval(row.author, by.staff))?;
    row.version = Some(store::add_version(tx, practice, &template, now)?);
    (row.state, row.judge, row.judged_at) = (ProposalState::Approved, Some(by.staff), Some(now));
    put(tx, office, &row, by.event.code("approved"))?;
    Ok(key)
}

/// Declines words that somebody else wrote, and says why.
///
/// # Errors
/// [`ProposalError::Field`] without a reason, [`ProposalError::NotNow`] as for [`approve`].
pub fn decline(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, because): (ProposalId, &str),
    by: By,
) -> Result<Key, ProposalError> {
    let because = because.trim();
    if because.is_empty() || because.chars().count() > LONGEST_REASON {
        return Err(ProposalError::Field {
            field: "reason",
            because: "must say in up to 500 characters what should be otherwise",
        });
    }
    let mut row = another_s(tx, office, id, by.staff)?;
    row.state = ProposalState::Declined;
    row.judge = Some(by.staff);
    row.judged_at = Some(office.clock().now());
    row.answer = Some(because.to_owned());
    put(tx, office, &row, by.event.code("declined"))?;
    Ok(row.name.parse()?)
}

/// Takes one's own words back before anybody judged them.
///
/// # Errors
/// [`ProposalError::NotNow`] where they are somebody else's or wait no longer.
pub fn take_back(
    tx: &mut Tx<'_>,
    office: &Office,
    id: ProposalId,
    by: By,
) -> Result<Key, ProposalError> {
    let mut row = waiting(tx, office, id)?;
    if row.author != by.staff {
        return Err(ProposalError::NotNow("only who wrote these words takes them back"));
    }
    row.state = ProposalState::TakenBack;
    row.judged_at = Some(office.clock().now());
    put(tx, office, &row, by.event.code("taken_back"))?;
    Ok(row.name.parse()?)
}

/// Withdraws the practice's own words: they are not sent any more, also what waits with them, and
/// the words that came with the program are in force again. The caller refreshes the office.
///
/// # Errors
/// [`ProposalError::NotNow`] where no words of the practice's own are in force.
pub fn withdraw(tx: &mut Tx<'_>, office: &Office, key: Key, by: By) -> Result<(), ProposalError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let present = last_approved(tx, practice)?.remove(&key.name());
    let Some(present) = present.filter(|one| !one.withdrawn) else {
        return Err(ProposalError::NotNow("no words of your own are in force here"));
    };
    let version = gate::TemplateRef { name: present.name, version: present.version };
    store::withdraw(tx, practice, &version, now)?;
    let event = by.event.about(TEMPLATE_VERSION, format!("{}/{}", version.name, version.version));
    audit::append(tx, office, event.code("withdrawn"))?;
    Ok(())
}

/// The practice's own words that are in force: of each name what was approved last, unless it was
/// withdrawn or its last day is over. A version that is no longer what was approved, or that this
/// program cannot read, is not sent: the words that came with the program are.
///
/// # Errors
/// [`DbError`].
pub fn in_force(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<Arc<Template>>, DbError> {
    let stands =
        |one: &Approved| !one.withdrawn && one.expires_at.is_none_or(|expires| now < expires);
    let read = |one: Approved| {
        let template = read_back(&one).filter(|template| template.digest() == *one.digest);
        if template.is_none() {
            tracing::error!(template = one.name, version = one.version, "template.not_in_force");
        }
        template.map(Arc::new)
    };
    Ok(last_approved(tx, practice)?.into_values().filter(stands).filter_map(read).collect())
}

fn read_back(one: &Approved) -> Option<Template> {
    let key: Key = one.name.parse().ok()?;
    let wording = Wording {
        subject: one.subject.clone(),
        body: one.body.clone(),
        expires: one.expires_on.as_deref().and_then(|day| day.parse::<Date>().ok()),
    };
    let template = Template::written(key, &wording, approval(one.author, one.judge)).ok()?;
    Some(Template { version: one.version, ..template })
}

fn last_approved(
    tx: &mut Tx<'_>,
    practice: PracticeId,
) -> Result<BTreeMap<String, Approved>, DbError> {
    let all = rows::approved(tx, practice)?;
    Ok(all.into_iter().map(|one| (one.name.clone(), one)).collect())
}

/// As columns such as `created_by` name people.
fn approval(author: StaffId, judge: StaffId) -> Approval {
    Approval { author: format!("staff:{author}"), approved_by: format!("staff:{judge}") }
}

/// The words of a proposal.
///
/// # Errors
/// [`ProposalError::Field`] where the stored day is none.
pub fn wording(row: &Proposal) -> Result<Wording, ProposalError> {
    let day = |text: &String| {
        text.parse().map_err(|_| ProposalError::Field { field: "last day", because: "is no date" })
    };
    Ok(Wording {
        subject: row.subject.clone(),
        body: row.body.clone(),
        expires: row.expires_on.as_ref().map(day).transpose()?,
    })
}

fn waiting(tx: &mut Tx<'_>, office: &Office, id: ProposalId) -> Result<Proposal, ProposalError> {
    let row = rows::get(tx, office.practice(), id)?;
    row.filter(|row| row.state == ProposalState::Waiting)
        .ok_or(ProposalError::NotNow("these words wait no longer; load the page again"))
}

fn another_s(
    tx: &mut Tx<'_>,
    office: &Office,
    id: ProposalId,
    judge: StaffId,
) -> Result<Proposal, ProposalError> {
    let row = waiting(tx, office, id)?;
    if row.author == judge {
        return Err(ProposalError::NotNow("nobody judges their own words; ask a colleague"));
    }
    Ok(row)
}

fn put(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &Proposal,
    event: Event,
) -> Result<(), ProposalError> {
    rows::put(tx, office.practice(), row)?;
    audit::append(tx, office, event.about(TEMPLATE_PROPOSAL, row.id))?;
    Ok(())
}
