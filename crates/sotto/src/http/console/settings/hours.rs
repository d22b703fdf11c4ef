//! `/settings/hours`: when each place is open. By it tasks fall due and patients are told when
//! somebody reads.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate::Language;
use jiff::civil::Date;
use serde::Deserialize;

use crate::audit::{Event, Kind as Deed};
use crate::db::{Tx, site};
use crate::http::Doors;
use crate::http::console::page::{Filled, Frame, PageError, failed, html, see_other};
use crate::http::console::signed_in::{ChangeSettings, May};
use crate::http::console::words::words_of;
use crate::ids::SiteId;
use crate::office::Office;
use crate::schedule::holidays;
use crate::schedule::office_hours::OfficeHours;
use crate::schedule::places::{self, HoursError};

const DAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

/// How many days ahead a page says on which the place is closed.
const AHEAD: i32 = 90;

/// A day of the week, as the form has it.
struct Day {
    word: &'static str,
    words: &'static str,
    openings: String,
}

/// A place in the list.
pub(super) struct Line {
    pub id: String,
    pub name: String,
    pub hours: String,
    pub own: bool,
    /// "open now", or when it opens next.
    pub now: String,
    pub tone: &'static str,
    chosen: bool,
}

#[derive(askama::Template)]
#[template(path = "console/settings_hours.html")]
struct Page {
    frame: Frame,
    error: Option<String>,
    places: Vec<Line>,
    place: String,
    name: String,
    is_site: bool,
    own: bool,
    days: Vec<Day>,
    closed: String,
    federal: bool,
    /// The days on which it is closed that would be working days, and why.
    ahead: Vec<(String, &'static str)>,
}

/// Which place is asked for: a site's id; else the practice.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    place: String,
}

/// `GET /settings/hours`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    show(&doors, &may, wanted.place.parse().ok(), None).await
}

/// Every place, the practice first.
pub(super) fn lines(
    tx: &mut Tx<'_>,
    office: &Office,
    chosen: Option<SiteId>,
) -> Result<Vec<Line>, PageError> {
    let now = office.clock().now();
    let sites = site::list(tx, office.practice())?;
    let mut all = vec![(None, "The practice".to_owned())];
    all.extend(sites.into_iter().map(|site| (Some(site.id), site.name)));
    all.into_iter()
        .map(|(id, name)| {
            let place = places::of(tx, office, id)?;
            let (now, tone) = match place.next_opening(now) {
                Some(at) if at == now => ("open now".to_owned(), "ok"),
                Some(at) => (format!("opens {}", words_of(at, &place.zone)), "wait"),
                None => ("never open".to_owned(), "stop"),
            };
            Ok(Line {
                own: id.is_none() || places::written(tx, office, id)?.is_some(),
                hours: place.hours.in_words(Language::English),
                id: id.map(|id| id.to_string()).unwrap_or_default(),
                chosen: id == chosen,
                name,
                now,
                tone,
            })
        })
        .collect()
}

async fn show(
    doors: &Doors,
    may: &May<ChangeSettings>,
    site: Option<SiteId>,
    slip: Option<(String, Form)>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| -> Result<_, PageError> {
        Ok((lines(tx, &office, site)?, places::of(tx, &office, site)?))
    };
    let (places, place) = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let chosen = places.iter().find(|line| line.chosen).or(places.first());
    let (name, own) = chosen.map_or_else(Default::default, |line| (line.name.clone(), line.own));
    let today = doors.office().clock().now().to_zoned(place.zone.clone()).date();
    let ahead = closed_ahead(&place.hours, today);
    let status = if slip.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (error, form) = match slip {
        Some((error, form)) => (Some(error), form),
        None => (None, Form::of(&place.hours)),
    };
    let page = Page {
        frame: Frame::of(doors, &may.signed_in).at("/settings"),
        error,
        places,
        place: site.map(|id| id.to_string()).unwrap_or_default(),
        name,
        is_site: site.is_some(),
        own,
        days: DAYS
            .iter()
            .map(|(word, words)| Day {
                word,
                words,
                openings: form.week.get(*word).cloned().unwrap_or_default(),
            })
            .collect(),
        closed: form.closed,
        federal: !form.federal.is_empty(),
        ahead,
    };
    Ok(html(status, &page))
}

/// On which days of the next quarter it is closed although the week says otherwise.
fn closed_ahead(hours: &OfficeHours, today: Date) -> Vec<(String, &'static str)> {
    today
        .series(jiff::Span::new().days(1))
        .take(usize::try_from(AHEAD).unwrap_or_default())
        .filter(|day| hours.on(*day).is_empty() && !hours.in_the_week(*day).is_empty())
        .map(|day| {
            let words = day.strftime("%a %b %-d").to_string();
            (words, holidays::kept(day).unwrap_or("closed"))
        })
        .collect()
}

/// The hours as a form holds them.
#[derive(Deserialize, Default, Clone)]
pub struct Form {
    #[serde(default)]
    place: String,
    /// "practices": the site keeps the practice's hours again.
    #[serde(default)]
    act: String,
    #[serde(default)]
    closed: String,
    #[serde(default)]
    federal: String,
    #[serde(flatten)]
    week: BTreeMap<String, String>,
}

impl Form {
    fn of(hours: &OfficeHours) -> Self {
        let json: serde_json::Value = serde_json::from_str(&hours.to_json()).unwrap_or_default();
        let words = |list: &serde_json::Value, between: &str| {
            let texts = list.as_array().into_iter().flatten().filter_map(|one| one.as_str());
            texts.collect::<Vec<_>>().join(between)
        };
        let week = json.get("week").and_then(|week| week.as_object()).into_iter().flatten();
        let federal = json.get("federal_holidays").is_some_and(|yes| yes == true);
        Self {
            week: week.map(|(day, openings)| (day.clone(), words(openings, ", "))).collect(),
            closed: json.get("closed").map(|closed| words(closed, "\n")).unwrap_or_default(),
            federal: if federal { "yes".to_owned() } else { String::new() },
            ..Self::default()
        }
    }

    /// Read by the same door as the command line's and the API's.
    fn read(&self) -> Result<OfficeHours, String> {
        let parts = |text: &str| -> Vec<String> {
            let bare = |part: &str| -> String {
                let dash = |c: char| if c == '–' { '-' } else { c };
                part.chars().filter(|c| !c.is_whitespace()).map(dash).collect()
            };
            text.split([',', '\n', ';']).map(bare).filter(|part| !part.is_empty()).collect()
        };
        let known = |day: &str| DAYS.iter().any(|(word, _)| *word == day);
        let week: BTreeMap<&str, Vec<String>> = self
            .week
            .iter()
            .filter(|(day, _)| known(day))
            .map(|(day, text)| (day.as_str(), parts(text)))
            .collect();
        let json = serde_json::json!({
            "week": week,
            "closed": parts(&self.closed),
            "federal_holidays": !self.federal.is_empty(),
        });
        OfficeHours::from_json(&json.to_string()).map_err(|error| {
            format!(
                "{error}. Write openings like 08:00-12:00, 13:00-17:00 and days like 2026-12-25."
            )
        })
    }
}

/// `POST /settings/hours`.
pub async fn set(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let site: Option<SiteId> = form.place.parse().ok();
    let hours = if form.act == "practices" && site.is_some() {
        None
    } else {
        match form.read() {
            Ok(hours) => Some(hours),
            Err(error) => return show(&doors, &may, site, Some((error, form))).await,
        }
    };
    let office = doors.office().clone();
    let event = may.permit.of(Event::new(Deed::PracticeChanged, may.actor()));
    let set = move |tx: &mut Tx<'_>| places::set(tx, &office, (site, hours.as_ref()), event);
    let set: Result<(), HoursError> = doors.db().write(set).await;
    set.map_err(|error| failed(&error))?;
    Ok(see_other(&site.map_or_else(
        || "/settings/hours".to_owned(),
        |site| format!("/settings/hours?place={site}"),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_they_are_typed() {
        let typed = |monday: &str, closed: &str| Form {
            week: BTreeMap::from([("mon".to_owned(), monday.to_owned())]),
            closed: closed.to_owned(),
            ..Form::default()
        };
        let kept = |form: &Form| Form::of(&form.read().unwrap());
        let split = kept(&typed("08:00 – 12:00, 13:00-17:00", "2026-12-25\r\n2027-01-01"));
        assert_eq!(split.week["mon"], "08:00-12:00, 13:00-17:00");
        assert_eq!(split.closed, "2026-12-25\n2027-01-01");
        assert_eq!(kept(&typed("", "")).week.get("mon"), None);
        assert!(typed("8 to 5", "").read().unwrap_err().contains("week.mon"));
        assert!(typed("", "christmas").read().is_err());
    }
}
