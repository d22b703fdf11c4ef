//! `/people`: find a patient. What is typed travels in the body of a request, never in a URL; that
//! somebody looked, and who was shown, is on the log, and the words are not.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::page::{Filled, Frame, html, not_now};
use super::signed_in::{FindPatients, May};
use crate::access::policies::{self, Action, Principal, Resource};
use crate::access::records::{self, Whose};
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::views::seen;
use crate::office::Office;
use crate::people::search::SearchError;
use crate::people::search::find::{self, Found, Match};
use crate::people::search::query::{Query, QueryError};

/// How many are shown: more is a reason to type more.
const SHOWN: usize = 20;

/// Of how many at most, who are closed to whoever looks, it is said that an emergency opens them.
const CLOSED_SHOWN: usize = 5;

#[derive(Template)]
#[template(path = "console/people.html")]
struct Page {
    frame: Frame,
    typed: String,
    results: Results,
}

#[derive(Template)]
#[template(path = "console/people_found.html")]
struct Fragment {
    results: Results,
}

/// What came of a search, in words.
#[derive(Debug, Default)]
struct Results {
    rows: Vec<Row>,
    /// Who fits and is closed to them, where an emergency would open the record.
    closed: Vec<Closed>,
    /// The line above them.
    said: String,
    /// What to do next, where the list is not the answer.
    next: String,
}

/// Somebody whose record is closed, as far as it takes to know in an emergency that it is they.
#[derive(Debug)]
struct Closed {
    id: String,
    initials: String,
    age: String,
    born: String,
}

/// Somebody, as far as it takes to pick the right one.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    preferred: Option<String>,
    age: String,
    born: String,
    city: String,
    number: String,
    deceased: bool,
    inactive: bool,
    formerly: bool,
}

/// `GET /people`.
pub async fn page(State(doors): State<Doors>, may: May<FindPatients>) -> Response {
    let results = Results::nothing_typed();
    let frame = Frame::of(&doors, &may.signed_in).at("/people");
    html(StatusCode::OK, &Page { frame, typed: String::new(), results })
}

/// What was typed.
#[derive(Deserialize)]
pub struct Form {
    #[serde(default)]
    q: String,
}

/// `POST /people`: the page with what was found, or, for a script that asks, the list alone.
pub async fn find(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    headers: HeaderMap,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let zone = office.profile().timezone.clone();
    let today = office.clock().now().to_zoned(zone).date();
    let results = match Query::parse(&form.q, today) {
        Ok(query) => {
            let event = may.permit.of(Event::new(Kind::PatientsSearched, may.actor()));
            let principal = Principal::from(&may.signed_in.staff);
            let look = move |tx: &mut Tx<'_>, office: &Office| {
                let seen = look(tx, office, &query, &principal)?;
                let event = seen.recorded(event);
                Ok::<_, Problem>((seen, vec![event]))
            };
            let found = seen(&doors, look).await.map_err(|problem| not_now(&problem))?;
            Results::of(found, today)
        }
        Err(QueryError::Empty) => Results::nothing_typed(),
        Err(error) => Results::not_asked(error),
    };
    if headers.contains_key("hx-request") {
        return Ok(html(StatusCode::OK, &Fragment { results }));
    }
    let frame = Frame::of(&doors, &may.signed_in).at("/people");
    Ok(html(StatusCode::OK, &Page { frame, typed: form.q, results }))
}

/// What somebody may be shown of what was found.
struct Seen {
    found: Found,
    /// How many fit.
    count: usize,
    /// How many fit and are other sites' patients.
    elsewhere: usize,
    /// Of these, whom they could open in an emergency, where they are few.
    closed: Vec<Match>,
}

impl Seen {
    /// The event, with everybody who is shown.
    fn recorded(&self, event: Event) -> Event {
        let all = self.found.people.iter().chain(&self.closed);
        let rows = self.found.people.len() + self.closed.len();
        all.fold(event, |event, one| event.patient(one.id))
            .code("people")
            .code(format!("rows={rows}"))
    }
}

/// Searches, and leaves out whom this person may not see.
fn look(
    tx: &mut Tx<'_>,
    office: &Office,
    query: &Query,
    principal: &Principal,
) -> Result<Seen, Problem> {
    let mut found = find::find(tx, office.into(), query)?;
    let all = found.people.len();
    let ids = found.people.iter().map(|one| one.id);
    let seen = records::whose_of_each(tx, office, ids)?;
    // The same sites and tags ask the policies the same question: it is answered once.
    let mut answered: Vec<(Whose, bool)> = Vec::new();
    let mut may_see = |one: &Match| {
        let whose = seen.of(Some(one.id));
        if let Some((_, may)) = answered.iter().find(|(known, _)| known == whose) {
            return *may;
        }
        let may = policies::may(principal, Action::SeePatient, &record(whose)).is_ok();
        answered.push((whose.clone(), may));
        may
    };
    let (people, mut closed): (Vec<Match>, Vec<Match>) =
        found.people.into_iter().partition(|one| may_see(one));
    found.people = people;
    let count = found.people.len();
    found.people.truncate(SHOWN);
    find::with_numbers(tx, office.into(), &mut found.people)?;
    // Many are a name that was half typed: an emergency is about somebody who is known by more.
    let few = closed.len() <= CLOSED_SHOWN && !found.more;
    closed.retain(|one| {
        let what = record(seen.of(Some(one.id)));
        few && policies::may(principal, Action::BreakGlass, &what).is_ok()
    });
    Ok(Seen { found, count, elsewhere: all - count, closed })
}

fn record(whose: &Whose) -> Resource {
    Resource::Patient(whose.clone())
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Db(error) => error.into(),
            error @ SearchError::Seal(_) => {
                tracing::error!(error = %error, "search.failed");
                Self::internal()
            }
        }
    }
}

impl Results {
    fn nothing_typed() -> Self {
        Self {
            next: "Type to find somebody. That you looked is recorded; what you typed is not."
                .to_owned(),
            ..Self::default()
        }
    }

    fn not_asked(error: QueryError) -> Self {
        let next = match error {
            QueryError::TooLong => "That is too much. A name and a birth date are enough.",
            QueryError::TooShort | QueryError::Empty => "Type two letters or more.",
        };
        Self { next: next.to_owned(), ..Self::default() }
    }

    fn of(seen: Seen, today: jiff::civil::Date) -> Self {
        let Seen { found, count, elsewhere, closed } = seen;
        let closed = closed.into_iter().map(|one| Closed::of(&one, today)).collect();
        let rows: Vec<Row> = found.people.into_iter().map(|one| Row::of(one, today)).collect();
        let left = count.saturating_sub(rows.len());
        let said = match (count, found.more) {
            (0, _) => "Nobody found".to_owned(),
            (1, false) => "1 person".to_owned(),
            (count, false) => format!("{count} people"),
            (count, true) => format!("More than {count} people"),
        };
        let next = if found.more {
            "Many fit; these are some of them. Add a birth date or more letters.".to_owned()
        } else if left > 0 {
            format!("{left} more: add a birth date or more letters.")
        } else if count == 0 && elsewhere == 0 {
            "Nobody fits all of that. Try fewer letters, or the birth date alone.".to_owned()
        } else if elsewhere > 0 {
            format!("{elsewhere} more at sites that aren’t yours.")
        } else {
            String::new()
        };
        Self { rows, closed, said, next }
    }
}

impl Closed {
    fn of(one: &Match, today: jiff::civil::Date) -> Self {
        let person = &one.person;
        Self {
            id: one.id.to_string(),
            initials: person.initials(),
            age: person.age_on(today).map_or("–".to_owned(), |age| age.to_string()),
            born: person.birth_date.map_or("–".to_owned(), |born| born.year().to_string()),
        }
    }
}

impl Row {
    fn of(one: Match, today: jiff::civil::Date) -> Self {
        let person = &one.person;
        let city = person.home.as_ref().and_then(|home| home.city.trim().chars().next());
        Self {
            id: one.id.to_string(),
            name: person.full_name(),
            preferred: person.preferred.clone(),
            age: person.age_on(today).map_or("–".to_owned(), |age| age.to_string()),
            born: person.birth_date.map_or("–".to_owned(), |born| born.year().to_string()),
            city: city.map_or("–".to_owned(), |first| format!("{}.", first.to_uppercase())),
            number: one.last_four.map_or("–".to_owned(), |four| format!("…{four}")),
            deceased: one.deceased,
            inactive: !one.active && !one.deceased,
            formerly: one.formerly,
        }
    }
}
