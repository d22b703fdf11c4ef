//! `/settings/vendors`: everybody outside who touches PHI, the agreements with them, and what the gate
//! does because of them (RULEBOOK BAA-01 to BAA-07). What is changed here asks for a fresh second
//! factor and is an entry of the log; none of it opens a channel or lets more through one.

pub mod forms;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Channel, Level};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::page::{Frame, failed, html, message};
use super::super::patient::say::{day, last_day};
use super::super::patient::typed::Typed;
use super::super::reading::level_words;
use super::super::signed_in::{ManageVendors, May};
use super::super::words::channel_words;
use super::standing::{days_words, standing};
use crate::agreements::register::{self, RegisterError, Vendor};
use crate::db::agreement::{self, AgreementDeed, AgreementRow};
use crate::db::attachment::{self, AttachmentRow, Holder};
use crate::db::{DbError, Tx};
use crate::http::Doors;
use crate::http::params::Path;
use crate::office::Office;

const LIST: &str = "/settings/vendors";

/// The levels that somebody may be given; nobody is given what is never sent.
const LEVELS: [Level; 4] = [Level::Administrative, Level::Mention, Level::Detail, Level::Sensitive];

/// A vendor as the pages show it.
struct Line {
    to: String,
    name: String,
    service: String,
    carries: String,
    most: &'static str,
    standing: String,
    tone: &'static str,
    /// "until May 3, 2027, 163 days left".
    until: String,
    /// What the gate does because of it.
    gate: String,
    holds: bool,
}

impl Line {
    fn of(vendor: &Vendor, now: Timestamp, zone: &TimeZone) -> Self {
        let agreed = &vendor.agreed;
        let (words, tone) = standing(agreed, now);
        let holds = vendor.holds(now);
        let most = Level::try_from(agreed.max_level).unwrap_or(Level::Administrative);
        Self {
            to: format!("{LIST}/{}", vendor.key()),
            name: agreed.legal_name.clone(),
            service: vendor.service.clone(),
            carries: carries(&vendor.channels).unwrap_or_default(),
            most: level_words(most),
            standing: words,
            tone,
            until: until(vendor, now, zone),
            gate: gate_words(&vendor.channels, holds),
            holds,
        }
    }
}

/// The channels in words: "Text and email".
fn carries(channels: &[Channel]) -> Option<String> {
    let words: Vec<String> =
        channels.iter().map(|one| channel_words(one.as_str()).to_lowercase()).collect();
    let (last, before) = words.split_last()?;
    Some(if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) })
}

fn until(vendor: &Vendor, now: Timestamp, zone: &TimeZone) -> String {
    let agreed = &vendor.agreed;
    match (agreed.status.as_str(), agreed.expires_at) {
        ("missing" | "terminated" | "sandbox", _) => String::new(),
        ("ended", Some(at)) => format!("since {}", day(at, zone)),
        (_, None) => "until somebody ends it".to_owned(),
        (_, Some(at)) if at < now => format!("on {}", last_day(at, zone)),
        (_, Some(at)) => {
            let left = days_words(at.duration_since(now).as_hours() / 24);
            format!("until {}, {left} left", last_day(at, zone))
        }
    }
}

fn gate_words(channels: &[Channel], holds: bool) -> String {
    match (carries(channels), holds) {
        (Some(what), true) => format!("The gate lets {what} through."),
        (Some(what), false) => {
            format!("The gate stops {what}: nothing goes, nor does what waits already.")
        }
        (None, true) => "Carries no channel, so the gate asks nothing of them.".to_owned(),
        (None, false) => {
            "Carries no channel, so nothing stops by itself: give them nothing, and close what they \
             can reach."
                .to_owned()
        }
    }
}

#[derive(Template)]
#[template(path = "console/vendors.html")]
struct List {
    frame: Frame,
    vendors: Vec<Line>,
    /// Those of which something must be done.
    due: Vec<String>,
    levels: Vec<(u8, &'static str)>,
    typed: Typed,
}

/// Something that was written down.
struct Told {
    mark: &'static str,
    tone: &'static str,
    at: String,
    facts: Vec<(&'static str, String)>,
    scans: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/vendor.html")]
struct One {
    frame: Frame,
    vendor: Line,
    told: Vec<Told>,
    by_file: bool,
    /// Written down before: what is signed now is a renewal.
    again: bool,
    /// There is one to end.
    open: bool,
    /// It was ended, and the certificate is missing.
    asks_back: bool,
    today: String,
    level: String,
    levels: Vec<(u8, &'static str)>,
    typed: Typed,
}

fn levels() -> Vec<(u8, &'static str)> {
    LEVELS.into_iter().map(|level| (u8::from(level), level_words(level))).collect()
}

/// `GET /settings/vendors`.
pub async fn list(
    State(doors): State<Doors>,
    may: May<ManageVendors>,
) -> Result<Response, Response> {
    show_list(&doors, &may, Typed::default()).await
}

async fn show_list(
    doors: &Doors,
    may: &May<ManageVendors>,
    typed: Typed,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let all = doors.db().read(move |tx: &mut Tx<'_>| register::all(tx, &office)).await;
    let all = all.map_err(|error: RegisterError| failed(&error))?;
    let (now, zone) = (doors.office().clock().now(), &doors.office().profile().timezone);
    let vendors: Vec<Line> = all.iter().map(|one| Line::of(one, now, zone)).collect();
    let due = vendors.iter().filter(|one| !one.holds || one.tone != "ok");
    // What the practice ended itself needs nothing.
    let due = due.filter(|one| !one.standing.starts_with("Ended:"));
    let due = due.map(|one| format!("{}: {}", one.name, one.standing)).collect();
    let frame = Frame::of(doors, &may.signed_in).at(LIST);
    let status = typed.status();
    Ok(html(status, &List { frame, vendors, due, levels: levels(), typed }))
}

/// `GET /settings/vendors/{vendor}`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ManageVendors>,
    Path(key): Path<String>,
) -> Result<Response, Response> {
    show(&doors, &may, (&key, Typed::default())).await
}

async fn show(
    doors: &Doors,
    may: &May<ManageVendors>,
    (key, typed): (&str, Typed),
) -> Result<Response, Response> {
    let (office, asked) = (doors.office().clone(), key.to_owned());
    let read = move |tx: &mut Tx<'_>| {
        let vendor = register::find(tx, &office, &asked)?;
        let rows = agreement::of_vendor(tx, office.practice(), &asked)?;
        let mut told = Vec::new();
        for row in rows.iter().rev() {
            told.push(tell(tx, &office, row)?);
        }
        Ok::<_, RegisterError>((vendor, rows, told))
    };
    let (vendor, rows, told) = doors.db().read(read).await.map_err(|error| none(&error))?;
    let (now, zone) = (doors.office().clock().now(), &doors.office().profile().timezone);
    let status = vendor.agreed.status.as_str();
    let page = One {
        frame: Frame::of(doors, &may.signed_in).at(LIST),
        by_file: vendor.by_file,
        again: vendor.by_file || rows.iter().any(|row| row.event == AgreementDeed::Signed),
        open: matches!(status, "active" | "exception" | "sandbox"),
        asks_back: status == "ended"
            && rows.last().is_some_and(|row| row.event == AgreementDeed::Ended),
        today: now.to_zoned(zone.clone()).date().to_string(),
        level: vendor.agreed.max_level.to_string(),
        levels: levels(),
        vendor: Line::of(&vendor, now, zone),
        told,
        typed,
    };
    Ok(html(page.typed.status(), &page))
}

fn none(error: &RegisterError) -> Response {
    match error {
        RegisterError::NoVendor => {
            let words = ("There is no such vendor", "It may have another address by now.");
            message(StatusCode::NOT_FOUND, words, (LIST, "To the vendors"))
        }
        error => failed(error),
    }
}

fn tell(tx: &mut Tx<'_>, office: &Office, row: &AgreementRow) -> Result<Told, DbError> {
    let zone = &office.profile().timezone;
    let files = attachment::held_by(tx, office.practice(), Holder::Agreement(row.id))?;
    let scan = |file: &AttachmentRow| format!("{LIST}/{}/files/{}", row.vendor, file.id);
    let (mark, tone) = match row.event {
        AgreementDeed::Signed => ("Signed", "ok"),
        AgreementDeed::Ended => ("Ended", "stop"),
        AgreementDeed::Returned => ("Certificate came", "ok"),
    };
    let mut facts = vec![("With", row.legal_name.clone())];
    let mut add = |name, fact: Option<String>| facts.extend(fact.map(|fact| (name, fact)));
    add("Signed by", row.signer.clone());
    add("Signed on", row.effective_at.map(|at| day(at, zone)));
    if row.event == AgreementDeed::Signed {
        let end = row.expires_at.map(|at| last_day(at, zone));
        add("In force until", Some(end.unwrap_or_else(|| "somebody ends it".to_owned())));
    }
    let days = row.notice_days.map(|days| match days {
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    });
    add("Tells of a breach within", days);
    add("Who works for them", row.subcontractors.clone());
    add("Why", row.reason.clone());
    let scans = files.iter().map(scan).collect();
    Ok(Told { mark, tone, at: day(row.recorded_at, zone), facts, scans })
}
