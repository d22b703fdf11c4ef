//! `/people/{patient}/disclosures`: the accounting of disclosures that a patient may ask for (45 CFR
//! 164.528, PRIV-19), for six years back, to be printed. What the rule leaves out is counted, with
//! the clause that leaves it out; what it asks for is listed: to whom, when, what kind, and why.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::Purpose;
use jiff::ToSpan as _;

use super::super::page::{Frame, html, not_now};
use super::super::signed_in::{MayOf, ReleaseRecords};
use super::super::words;
use super::say;
use crate::access::policies::Tag;
use crate::access::records::Whose;
use crate::audit::{Event, Kind, PurposeOfUse};
use crate::db::disclosure::{self, Counted};
use crate::db::{Tx, contact_point, patient};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::views::seen;
use crate::office::Office;
use crate::people::contact_points::open_address;
use crate::people::patients::open_person;
use crate::people::told::RecordError;

#[derive(Template)]
#[template(path = "console/disclosures.html")]
struct Page {
    frame: Frame,
    id: String,
    account: Account,
}

/// 42 CFR 2.32(a)(2), in its own words.
const PART2_NOTICE: &str =
    "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

/// The account, in words.
#[derive(Debug)]
struct Account {
    name: String,
    since: String,
    until: String,
    rows: Vec<Row>,
    left_out: Vec<(String, &'static str)>,
    /// What goes with each disclosure of a record under 42 CFR Part 2 (PRIV-16).
    notice: Option<&'static str>,
}

/// A disclosure that must be accounted for.
#[derive(Debug)]
struct Row {
    at: String,
    to: String,
    what: String,
    why: String,
    leaf: String,
}

/// `GET /people/{patient}/disclosures`.
pub async fn page(
    may: MayOf<ReleaseRecords>,
    State(doors): State<Doors>,
) -> Result<Response, Response> {
    let id = may.patient;
    let event = Event::new(Kind::PatientViewed, may.actor()).patient(id).code("disclosures");
    let event = may.permit.of(event.purpose(PurposeOfUse::PatientRequest));
    let whose = may.whose.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let account = read(tx, office, id, &whose)?;
        let event = event.code(format!("rows={}", account.rows.len()));
        Ok::<_, Problem>((account, vec![event]))
    };
    let account = seen(&doors, look).await.map_err(|problem| not_now(&problem))?;
    let frame = Frame::of(&doors, &may.signed_in).at("/people");
    Ok(html(StatusCode::OK, &Page { frame, id: id.to_string(), account }))
}

fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    id: gate::PatientId,
    whose: &Whose,
) -> Result<Account, Problem> {
    let (practice, keys) = (office.practice(), office.keys());
    let zone = office.profile().timezone.clone();
    let now = office.clock().now();
    let six_years = now.to_zoned(zone.clone()).checked_sub(6.years());
    let since = six_years.map_or(now, |at| at.timestamp());
    let row = patient::get(tx, practice, id)?.ok_or_else(|| Problem::not_found("patient"))?;
    let person = open_person(keys, practice, id, row.person_sealed).map_err(RecordError::from)?;
    let mut addresses = HashMap::new();
    for point in contact_point::of_patient(tx, practice, id)? {
        let address = open_address(keys, practice, point.id, point.kind, point.address_sealed)
            .map_err(RecordError::from)?;
        addresses.insert(point.address_index, address);
    }
    let rows: Vec<Row> = disclosure::misdirected(tx, practice, id, since)?
        .into_iter()
        .map(|one| Row {
            at: words::words_of(one.sent_at, &zone),
            to: match addresses.get(&one.address_index) {
                Some(address) => format!("An unknown person at {}", words::address(address)),
                None => "An unknown person at an address no longer on file".to_owned(),
            },
            what: format!(
                "{}, {}",
                words::kind_words(one.kind.as_str()),
                words::channel_words(one.channel.as_str()).to_lowercase()
            ),
            why: format!(
                "Sent in error: the address was somebody else’s, as we learnt on {}. It was meant \
                 for {}.",
                say::day(one.learnt_at, &zone),
                purpose(one.purpose),
            ),
            leaf: one.leaf.map_or("not yet placed".to_owned(), |leaf| leaf.to_string()),
        })
        .collect();
    Ok(Account {
        name: person.full_name(),
        since: say::day(since, &zone),
        until: say::day(now, &zone),
        notice: whose.tags.contains(&Tag::Part2).then_some(PART2_NOTICE),
        left_out: left_out(&disclosure::counted(tx, practice, id, since)?, rows.len()),
        rows,
    })
}

const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Treatment => "treatment",
        Purpose::Operations => "health care operations",
        Purpose::Payment => "payment",
        Purpose::Marketing => "marketing the patient had authorized",
        Purpose::PatientRequest => "an answer to the patient",
        Purpose::Emergency => "an emergency",
    }
}

/// What need not be listed, counted, and the clause that says so. `listed` went to others than was
/// meant, and is not left out.
fn left_out(counted: &[Counted], listed: usize) -> Vec<(String, &'static str)> {
    let sum = |pick: &dyn Fn(&Counted) -> bool| -> i64 {
        counted.iter().filter(|one| pick(one)).map(|one| one.count).sum()
    };
    let authorized = |one: &Counted| one.purpose == Purpose::Marketing;
    let own = sum(&|one| !one.to_carer && !authorized(one));
    let listed = i64::try_from(listed).unwrap_or(i64::MAX);
    [
        (own.saturating_sub(listed), "to the patient: § 164.528(a)(1)(ii)"),
        (
            sum(&|one| one.to_carer && !authorized(one)),
            "to somebody involved in the patient’s care: § 164.528(a)(1)(v)",
        ),
        (sum(&authorized), "under the patient’s own authorization: § 164.528(a)(1)(iv)"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, why)| {
        (format!("{count} {}", if count == 1 { "message" } else { "messages" }), why)
    })
    .collect()
}
