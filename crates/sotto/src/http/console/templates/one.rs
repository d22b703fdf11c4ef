//! `/templates/{name}`: one template: its words, how they read, what waits to replace them, and who
//! changed them when.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Place, Reading, Stretch, key_of, language_words, lost, places, standing, stretches, title,
};
use crate::access::AccessError;
use crate::access::policies::{Action, Permit, Resource};
use crate::access::sessions::SignedIn;
use crate::access::staff;
use crate::audit::{Event, Kind as Deed};
use crate::compose::prices;
use crate::compose::proposals::{self, By, Proposal, ProposalError, ProposalState};
use crate::compose::template::{BUILT_IN, Wording};
use crate::compose::{Key, Template};
use crate::db::template_version::{self, VersionRow};
use crate::db::{Tx, template_proposal};
use crate::http::Doors;
use crate::http::console::page::{Filled, Frame, failed, html, see_other};
use crate::http::console::signed_in::{
    ApproveTemplates, EditTemplates, May, MayRecently, SeeTemplates, allows,
};
use crate::http::console::words::When;
use crate::http::params::Path;
use crate::ids::{ProposalId, StaffId};
use crate::office::Office;

#[derive(askama::Template)]
#[template(path = "console/template.html")]
struct Page {
    frame: Frame,
    title: String,
    name: String,
    lang: &'static str,
    language: &'static str,
    error: Option<String>,
    state: String,
    tone: &'static str,
    whose: String,
    expires: Option<String>,
    subject: Option<Vec<Stretch>>,
    body: Vec<Stretch>,
    places: Vec<Place>,
    reading: Option<Reading>,
    waiting: Option<Waiting>,
    history: Vec<Line>,
    may_write: bool,
    may_withdraw: bool,
}

/// Words that wait.
struct Waiting {
    id: String,
    author: String,
    at: When,
    reason: String,
    expires: Option<String>,
    subject: Option<String>,
    body: String,
    reading: Reading,
    /// One's own: to be taken back, and judged by somebody else.
    mine: bool,
    /// They keep every rule, and this person approves.
    may_approve: bool,
    may_decline: bool,
}

/// A step in the template's history.
struct Line {
    what: String,
    tone: &'static str,
    at: When,
    who: String,
    /// Why they were written; what was answered.
    reason: Option<String>,
    answer: Option<String>,
    withdrawn: Option<When>,
    subject: Option<String>,
    body: String,
}

/// `GET /templates/{name}`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeTemplates>,
    Path(name): Path<String>,
) -> Result<Response, Response> {
    show(&doors, &may.signed_in, key_of(&doors, &name).ok_or_else(lost)?, (StatusCode::OK, None))
        .await
}

/// Everything the page is made of.
struct Found {
    present: Option<Reading>,
    waiting: Option<(Proposal, Reading)>,
    proposals: Vec<Proposal>,
    versions: Vec<VersionRow>,
    names: HashMap<StaffId, String>,
}

/// The page cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Words(#[from] ProposalError),
    #[error(transparent)]
    People(#[from] AccessError),
    #[error(transparent)]
    Db(#[from] crate::db::DbError),
}

/// How words read, and what they change of others.
fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    key: Key,
    (wording, against): (&Wording, Option<&Template>),
) -> Result<Reading, ProposalError> {
    match proposals::judge(tx, office, key, wording) {
        Ok(judged) => {
            let price = prices::of_texts(tx, office.practice())?;
            Ok(Reading::of(office, &judged, against, price))
        }
        Err(ProposalError::Compose(because)) => Ok(Reading::unreadable(&because.to_string())),
        Err(error) => Err(error),
    }
}

fn find(tx: &mut Tx<'_>, office: &Office, key: Key) -> Result<Found, Unread> {
    let (practice, name) = (office.practice(), key.name());
    let templates = office.templates();
    let present = templates.find(key);
    let proposals = template_proposal::of_name(tx, practice, &name)?;
    let waiting = match proposals.iter().find(|one| one.state == ProposalState::Waiting) {
        Some(row) => {
            Some((row.clone(), read(tx, office, key, (&proposals::wording(row)?, present))?))
        }
        None => None,
    };
    Ok(Found {
        present: match present {
            Some(present) => Some(read(tx, office, key, (&present.wording(), None))?),
            None => None,
        },
        waiting,
        versions: template_version::of_name(tx, practice, &name)?,
        proposals,
        names: staff::list(tx, office)?.into_iter().map(|one| (one.id, one.named.name)).collect(),
    })
}

async fn show(
    doors: &Doors,
    signed_in: &SignedIn,
    key: Key,
    (status, error): (StatusCode, Option<String>),
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let found = doors.db().read(move |tx| find(tx, &office, key)).await;
    let found = found.map_err(|error| failed(&error))?;
    let office = doors.office();
    let templates = office.templates();
    let present = templates.find(key);
    let may = |action| allows(signed_in, action, &Resource::Practice);
    let (state, tone) = present.map_or_else(|| ("not written".to_owned(), "wait"), standing);
    let of_ours = present.is_some_and(|one| one.approval.author.starts_with("staff:"));
    let clock = Clock { now: office.clock().now(), zone: office.profile().timezone.clone() };
    let whose = present.map_or_else(
        || {
            "Nothing is said here. A message of this kind goes another way, or not at all."
                .to_owned()
        },
        |present| {
            let (author, judge) = (&present.approval.author, &present.approval.approved_by);
            if author == judge {
                "They came with the program, which was tested with them.".to_owned()
            } else {
                let name = |by: &str| named(&found.names, by);
                format!("Written by {}, approved by {}.", name(author), name(judge))
            }
        },
    );
    let me = signed_in.staff.id;
    let waiting = found.waiting.map(|(row, reading)| Waiting {
        id: row.id.to_string(),
        author: name_of(&found.names, row.author),
        at: clock.when(row.proposed_at),
        reason: row.reason,
        expires: row.expires_on,
        subject: row.subject,
        body: row.body,
        mine: row.author == me,
        may_decline: row.author != me && may(Action::ApproveTemplates),
        may_approve: row.author != me && may(Action::ApproveTemplates) && reading.broken.is_empty(),
        reading,
    });
    let page = Page {
        frame: Frame::of(doors, signed_in).at("/templates"),
        title: title(key),
        name: key.name(),
        lang: key.language.as_str(),
        language: language_words(key.language),
        error,
        state,
        tone,
        whose,
        expires: present.and_then(|one| one.expires).map(|day| day.to_string()),
        subject: present.and_then(|one| one.subject.as_deref()).map(stretches),
        body: present.map(|one| stretches(&one.body)).unwrap_or_default(),
        places: places(key, present).into_iter().filter(|place| place.used).collect(),
        reading: found.present,
        waiting,
        history: history(&found.proposals, &found.versions, &found.names, &clock),
        may_write: may(Action::EditTemplates),
        may_withdraw: of_ours && may(Action::ApproveTemplates),
    };
    Ok(html(status, &page))
}

struct Clock {
    now: Timestamp,
    zone: jiff::tz::TimeZone,
}

impl Clock {
    fn when(&self, at: Timestamp) -> When {
        When::new(at, self.now, &self.zone)
    }
}

fn name_of(names: &HashMap<StaffId, String>, id: StaffId) -> String {
    names.get(&id).cloned().unwrap_or_else(|| "somebody who left".to_owned())
}

/// A person of a column such as `created_by`, or the name that stands in a file.
fn named(names: &HashMap<StaffId, String>, by: &str) -> String {
    if by == BUILT_IN {
        return "came with the program".to_owned();
    }
    match by.strip_prefix("staff:").and_then(|id| id.parse().ok()) {
        Some(id) => name_of(names, id),
        None => by.to_owned(),
    }
}

/// Who changed the words when, the latest first.
fn history(
    proposals: &[Proposal],
    versions: &[VersionRow],
    names: &HashMap<StaffId, String>,
    clock: &Clock,
) -> Vec<Line> {
    let mut lines: Vec<(Timestamp, Line)> = Vec::new();
    for version in versions {
        let proposal = proposals.iter().find(|one| one.version == Some(version.version));
        let who = match (proposal, &version.approved_by) {
            (Some(one), Some(judge)) => format!(
                "written by {}, approved by {}",
                name_of(names, one.author),
                named(names, judge)
            ),
            (_, Some(by)) => named(names, by),
            (_, None) => "nobody".to_owned(),
        };
        let line = Line {
            what: format!("Version {}", version.version),
            tone: if version.withdrawn_at.is_some() { "stop" } else { "ok" },
            at: clock.when(version.approved_at.unwrap_or(version.loaded_at)),
            who,
            reason: proposal.map(|one| one.reason.clone()),
            answer: None,
            withdrawn: version.withdrawn_at.map(|at| clock.when(at)),
            subject: version.subject.clone(),
            body: version.body.clone(),
        };
        lines.push((version.approved_at.unwrap_or(version.loaded_at), line));
    }
    for one in proposals {
        let (what, tone) = match one.state {
            ProposalState::Declined => ("Declined", "stop"),
            ProposalState::TakenBack => ("Taken back", "plain"),
            ProposalState::Waiting | ProposalState::Approved => continue,
        };
        let author = name_of(names, one.author);
        let at = one.judged_at.unwrap_or(one.proposed_at);
        let line = Line {
            what: what.to_owned(),
            tone,
            at: clock.when(at),
            who: match one.judge {
                Some(judge) => {
                    format!("written by {author}, declined by {}", name_of(names, judge))
                }
                None => format!("written and taken back by {author}"),
            },
            reason: Some(one.reason.clone()),
            answer: one.answer.clone(),
            withdrawn: None,
            subject: one.subject.clone(),
            body: one.body.clone(),
        };
        lines.push((at, line));
    }
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Which words are judged: those that were shown, and no later ones.
#[derive(Deserialize)]
pub struct Judgement {
    #[serde(default)]
    proposal: String,
    #[serde(default)]
    because: String,
}

impl Judgement {
    fn id(&self) -> Result<ProposalId, ProposalError> {
        let gone = ProposalError::NotNow("these words wait no longer; load the page again");
        self.proposal.parse().map_err(|_| gone)
    }
}

/// Who does it, with leave.
pub(super) fn by(signed_in: &SignedIn, permit: &Permit) -> By {
    By {
        staff: signed_in.staff.id,
        event: permit.of(Event::new(Deed::TemplatesChanged, signed_in.actor())),
    }
}

/// Does a deed, puts what is approved in force, and goes back to the template.
async fn done<T: Send + 'static>(
    doors: &Doors,
    signed_in: &SignedIn,
    key: Key,
    deed: impl FnOnce(&mut Tx<'_>, &Office) -> Result<T, ProposalError> + Send + 'static,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    match doors.db().write(move |tx| deed(tx, &office)).await {
        Ok(_) => {
            let office = doors.office().clone();
            let refreshed = doors.db().read(move |tx| office.refresh(tx)).await;
            refreshed.map_err(|error| failed(&error))?;
            Ok(see_other(&format!("/templates/{}", key.name())))
        }
        Err(error) => {
            let Some((status, words)) = super::words_of(&error) else {
                return Err(failed(&error));
            };
            show(doors, signed_in, key, (status, Some(words))).await
        }
    }
}

/// `POST /templates/{name}/approve`.
pub async fn approve(
    State(doors): State<Doors>,
    may: MayRecently<ApproveTemplates>,
    Path(name): Path<String>,
    Filled(form): Filled<Judgement>,
) -> Result<Response, Response> {
    let (signed_in, key) = (&may.may.signed_in, key_of(&doors, &name).ok_or_else(lost)?);
    let by = by(signed_in, &may.may.permit);
    let deed =
        move |tx: &mut Tx<'_>, office: &Office| proposals::approve(tx, office, form.id()?, by);
    done(&doors, signed_in, key, deed).await
}

/// `POST /templates/{name}/decline`.
pub async fn decline(
    State(doors): State<Doors>,
    may: May<ApproveTemplates>,
    Path(name): Path<String>,
    Filled(form): Filled<Judgement>,
) -> Result<Response, Response> {
    let (key, by) = (key_of(&doors, &name).ok_or_else(lost)?, by(&may.signed_in, &may.permit));
    let deed = move |tx: &mut Tx<'_>, office: &Office| {
        proposals::decline(tx, office, (form.id()?, &form.because), by)
    };
    done(&doors, &may.signed_in, key, deed).await
}

/// `POST /templates/{name}/take-back`.
pub async fn take_back(
    State(doors): State<Doors>,
    may: May<EditTemplates>,
    Path(name): Path<String>,
    Filled(form): Filled<Judgement>,
) -> Result<Response, Response> {
    let (key, by) = (key_of(&doors, &name).ok_or_else(lost)?, by(&may.signed_in, &may.permit));
    let deed =
        move |tx: &mut Tx<'_>, office: &Office| proposals::take_back(tx, office, form.id()?, by);
    done(&doors, &may.signed_in, key, deed).await
}

/// `POST /templates/{name}/withdraw`.
pub async fn withdraw(
    State(doors): State<Doors>,
    may: MayRecently<ApproveTemplates>,
    Path(name): Path<String>,
) -> Result<Response, Response> {
    let (signed_in, key) = (&may.may.signed_in, key_of(&doors, &name).ok_or_else(lost)?);
    let by = by(signed_in, &may.may.permit);
    let deed = move |tx: &mut Tx<'_>, office: &Office| proposals::withdraw(tx, office, key, by);
    done(&doors, signed_in, key, deed).await
}
