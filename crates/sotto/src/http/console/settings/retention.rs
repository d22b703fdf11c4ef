//! `/settings/retention`: how long what is kept and why (SPEC AU-07), which months of records end next,
//! what is held, and the certificates of what ended (RULEBOOK PRIV-20).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::page::{Filled, Frame, failed, html, see_other};
use super::super::patient::holds::{Line, why};
use super::super::patient::say::day;
use super::super::patient::typed::Typed;
use super::super::signed_in::{HoldPractice, May, MayRecently, SeeRetention, allows};
use crate::access::AccessError;
use crate::access::policies::{Action, Permit, Resource};
use crate::access::sessions::SignedIn;
use crate::access::staff;
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::db::retention_month::{self as rows, MonthRow};
use crate::http::Doors;
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::LegalHoldId;
use crate::office::Office;
use crate::retention::keeps::{self, Keeps};
use crate::retention::{RetentionError, holds};

const PAGE: &str = "/settings/retention";

/// A month that ends soon, or waits.
struct Next {
    month: String,
    count: u64,
    kinds: String,
    ends: String,
    tone: &'static str,
    keeps: Vec<String>,
}

/// A month that ended.
struct Certificate {
    month: String,
    at: String,
    count: u64,
    kinds: String,
    written: String,
    years: i64,
}

#[derive(Template)]
#[template(path = "console/retention.html")]
struct Page {
    frame: Frame,
    years: u16,
    minors_until: u16,
    next: Vec<Next>,
    /// The holds, for who may place them; for the others how many there are.
    holds: Option<Vec<Line>>,
    held: usize,
    ended: Vec<Certificate>,
    typed: Typed,
}

/// The page cannot be made.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error(transparent)]
    Retention(#[from] RetentionError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Db(#[from] crate::db::DbError),
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
}

/// `GET /settings/retention`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeRetention>,
) -> Result<Response, Response> {
    show(&doors, (&may.signed_in, &may.permit), Typed::default()).await
}

/// `POST /settings/retention/holds`: holds the whole practice's records.
pub async fn place(
    State(doors): State<Doors>,
    MayRecently { may, recently }: MayRecently<HoldPractice>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (office, why, permit) = (doors.office().clone(), why(&fields), may.permit.clone());
    let place =
        move |tx: &mut Tx<'_>| holds::place(tx, &office, (&recently, &permit), (None, &why));
    match doors.db().write(place).await {
        Ok(_) => Ok(see_other(PAGE)),
        Err(error) => {
            let typed = Typed::again("hold".to_owned(), fields, error.into());
            show(&doors, (&may.signed_in, &may.permit), typed).await
        }
    }
}

/// `POST /settings/retention/holds/{hold}/lift`.
pub async fn lift(
    State(doors): State<Doors>,
    MayRecently { may, recently }: MayRecently<HoldPractice>,
    Path(hold): Path<Uuid>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (office, permit) = (doors.office().clone(), may.permit.clone());
    let (id, reason) = (LegalHoldId(hold), fields.text("lifted").to_owned());
    let lift =
        move |tx: &mut Tx<'_>| holds::lift(tx, &office, (&recently, &permit), (None, id, &reason));
    match doors.db().write(lift).await {
        Ok(()) => Ok(see_other(PAGE)),
        Err(error) => {
            let typed = Typed::again(format!("lift-{id}"), fields, error.into());
            show(&doors, (&may.signed_in, &may.permit), typed).await
        }
    }
}

async fn show(
    doors: &Doors,
    (who, permit): (&SignedIn, &Permit),
    typed: Typed,
) -> Result<Response, Response> {
    let frame = Frame::of(doors, who).at(PAGE);
    let holds_here = allows(who, Action::HoldPractice, &Resource::Practice);
    let event = permit.of(Event::new(Kind::ContentViewed, who.actor()).code("retention"));
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let page = filled(tx, office, frame, (holds_here, typed))?;
        let whose =
            page.holds.iter().flatten().filter_map(|line| line.patient.as_ref()?.parse().ok());
        let event = whose.fold(event, |event, id: gate::PatientId| event.patient(id));
        Ok::<_, PageError>((page, vec![event]))
    };
    let page = seen(doors, look).await.map_err(|error| failed(&error))?;
    Ok(html(page.typed.status(), &page))
}

fn filled(
    tx: &mut Tx<'_>,
    office: &Office,
    frame: Frame,
    (holds_here, typed): (bool, Typed),
) -> Result<Page, PageError> {
    let retention = office.retention();
    let (mut next, mut ended) = (Vec::new(), Vec::new());
    for row in rows::all(tx, office.practice())? {
        match row.ended_at {
            Some(at) => ended.push(certificate(office, &row, at)),
            None => next.extend(upcoming(tx, office, &row)?),
        }
    }
    next.reverse();
    let standing = holds::standing(tx, office)?;
    let held = standing.len();
    let people = staff::list(tx, office)?;
    let lines = standing.into_iter().map(|hold| Line::of(office, &people, hold));
    Ok(Page {
        frame,
        years: retention.years(),
        minors_until: retention.minors_until(),
        next,
        holds: holds_here.then(|| lines.collect()),
        held,
        ended,
        typed,
    })
}

fn upcoming(
    tx: &mut Tx<'_>,
    office: &Office,
    row: &MonthRow,
) -> Result<Option<Next>, RetentionError> {
    let counts = rows::counts(tx, office.practice(), &row.key_name)?;
    if counts.is_empty() {
        return Ok(None);
    }
    let keeps = keeps::of(tx, office, row.month.parse()?)?;
    let now = office.clock().now();
    let (ends, tone) = match (keeps.any(), row.due_at > now) {
        (true, _) => ("Waits".to_owned(), "wait"),
        (false, true) => {
            (format!("Ends after {}", day(row.due_at, &office.profile().timezone)), "stop")
        }
        (false, false) => ("Ends tonight".to_owned(), "stop"),
    };
    Ok(Some(Next {
        month: row.month.clone(),
        count: counts.iter().map(|one| one.count).sum(),
        kinds: kinds(counts.iter().map(|one| (one.kind.as_str(), one.count))),
        ends,
        tone,
        keeps: reasons(&keeps),
    }))
}

/// Why a month waits, in words.
fn reasons(keeps: &Keeps) -> Vec<String> {
    let effect = &keeps.in_effect;
    let some = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(one.to_owned()),
        count => Some(format!("{count} {many}")),
    };
    let mut all = Vec::new();
    all.extend(keeps.practice.then(|| "a hold on the whole practice".to_owned()));
    all.extend(some(keeps.held, "a hold on one patient", "patients with a hold"));
    all.extend(keeps.just_lifted.then(|| "a hold that was lifted today".to_owned()));
    all.extend(some(keeps.under_age, "one patient under age", "patients under age"));
    all.extend(some(
        effect.consents,
        "the scan of a consent in effect",
        "scans of consents in effect",
    ));
    all.extend(some(
        effect.agreements,
        "the scan of an agreement in effect",
        "scans of agreements in effect",
    ));
    all.extend(some(effect.tasks, "an open task", "open tasks"));
    all.extend(some(
        effect.unreviewed,
        "an emergency access nobody reviewed",
        "emergency accesses nobody reviewed",
    ));
    all.extend(some(effect.waiting, "a message that waits to go", "messages that wait to go"));
    all
}

/// "12 messages sent, 3 received".
fn kinds<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let words = counts.map(|(kind, count)| {
        let what = match (kind, count) {
            ("message", 1) => "message of ours",
            ("message", _) => "messages of ours",
            ("inbound_message", 1) => "message to us",
            ("inbound_message", _) => "messages to us",
            ("note", 1) => "note",
            ("note", _) => "notes",
            ("attachment", 1) => "file",
            ("attachment", _) => "files",
            ("form_answer", 1) => "filled-in form",
            ("form_answer", _) => "filled-in forms",
            ("sealed_message", 1) => "sealed message",
            ("sealed_message", _) => "sealed messages",
            ("break_glass", 1) => "emergency access",
            (_, 1) => "record",
            ("break_glass", _) => "emergency accesses",
            _ => "records",
        };
        format!("{count} {what}")
    });
    words.collect::<Vec<_>>().join(", ")
}

fn certificate(office: &Office, row: &MonthRow, at: Timestamp) -> Certificate {
    let zone = &office.profile().timezone;
    let span = |first, last| match (day(first, zone), day(last, zone)) {
        (first, last) if first == last => first,
        (first, last) => format!("{first} to {last}"),
    };
    Certificate {
        month: row.month.clone(),
        at: day(at, zone),
        count: row.counts.values().sum(),
        kinds: kinds(row.counts.iter().map(|(kind, count)| (kind.as_str(), *count))),
        written: row.first_at.zip(row.last_at).map_or_else(String::new, |(a, b)| span(a, b)),
        years: row.years.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::retention_month::InEffect;

    #[test]
    fn counts_and_reasons_are_words() {
        let counts = [("message", 1), ("inbound_message", 2), ("break_glass", 3)];
        assert_eq!(
            kinds(counts.into_iter()),
            "1 message of ours, 2 messages to us, 3 emergency accesses"
        );
        let in_effect = InEffect { consents: 2, tasks: 1, ..InEffect::default() };
        let keeps = Keeps { held: 1, in_effect, ..Keeps::default() };
        assert_eq!(
            reasons(&keeps),
            ["a hold on one patient", "2 scans of consents in effect", "an open task"]
        );
        assert!(reasons(&Keeps::default()).is_empty());
    }
}
