//! `/intake`: the answering service hands in what a caller said (BAA-07). Its people see no patient
//! and no conversation: they write, and see afterwards that somebody saw to it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;
use jiff::civil::Date;
use serde::Deserialize;

use super::page::{Filled, Frame, failed, html, see_other};
use super::patient::typed::{Refused, Typed};
use super::signed_in::{May, TakeIntake};
use super::words::When;
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::form::Fields;
use crate::http::params::Query;
use crate::http::views::seen;
use crate::inbound::InboundError;
use crate::inbound::calls::{self, Note};
use crate::office::Office;
use crate::people::addresses::parse_phone;

/// The form's name on the page.
const FORM: &str = "call";
/// For how long one sees what was handed in.
const SHOWN: SignedDuration = SignedDuration::from_hours(24);
/// The most characters of a name, and of what was said.
const LONGEST: (usize, usize) = (120, 4_000);

#[derive(Template)]
#[template(path = "console/intake.html")]
struct Page {
    frame: Frame,
    note: String,
    t: Typed,
    done: bool,
    taken: Vec<Line>,
}

/// One that was handed in.
struct Line {
    at: When,
    urgent: bool,
    done: Option<When>,
}

/// What the URL says.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// One was handed in just now.
    #[serde(default)]
    done: Option<String>,
}

/// `GET /intake`.
pub async fn page(
    may: May<TakeIntake>,
    State(doors): State<Doors>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    show(&doors, &may, (Fields::default(), None), asked.done.is_some()).await
}

/// `POST /intake`.
pub async fn hand_in(
    may: May<TakeIntake>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let by = may.signed_in.actor();
    let note = match read(&fields, &office) {
        Ok(note) => note,
        Err(refused) => return show(&doors, &may, (fields, Some(refused)), false).await,
    };
    let taken = doors.db().write(move |tx| calls::take(tx, &office, by, note)).await;
    match taken {
        Ok(_) => Ok(see_other("/intake?done=1")),
        Err(error) => {
            tracing::error!(%error, "intake.call");
            let refused = Refused::broken(&Problem::internal());
            show(&doors, &may, (fields, Some(refused)), false).await
        }
    }
}

/// The form, read.
fn read(fields: &Fields, office: &Office) -> Result<Note, Refused> {
    let caller = within(fields, "caller", "Ask who is calling, and write the name.")?;
    let words = within(fields, "words", "Write what they want.")?;
    let number = fields.text("number");
    let number = parse_phone(number).map(|(number, _)| number).map_err(|_| {
        let words = "Ask for a number with its area code, such as 617-555-0123. Without one nobody \
                     can call back.";
        Refused::field("number", words)
    })?;
    let born = match fields.some("born") {
        Some(text) => Some(birth(&text, office)?),
        None => None,
    };
    if fields.text("about").chars().count() > LONGEST.0 {
        return Err(Refused::field("about", "Write the name alone."));
    }
    Ok(Note {
        id: fields.text("note").parse().unwrap_or_else(|_| office.clock().new_id()),
        caller,
        number,
        about: fields.some("about"),
        born,
        words,
        urgent: fields.ticked("urgent"),
        stops: fields.ticked("stops"),
    })
}

/// A field that must be there, and is no longer than anybody speaks.
fn within(fields: &Fields, name: &'static str, remedy: &'static str) -> Result<String, Refused> {
    let most = if name == "words" { LONGEST.1 } else { LONGEST.0 };
    let text = fields.text(name).replace("\r\n", "\n");
    match text.chars().count() {
        0 => Err(Refused::field(name, remedy)),
        long if long > most => {
            Err(Refused::field(name, format!("That is too long: at most {most} characters.")))
        }
        _ => Ok(text),
    }
}

fn birth(text: &str, office: &Office) -> Result<Date, Refused> {
    let today = office.clock().now().to_zoned(office.profile().timezone.clone()).date();
    let day: Option<Date> = text.parse().ok();
    day.filter(|day| *day <= today && day.year() >= 1900)
        .ok_or_else(|| Refused::field("born", "Write the day as 1950-12-31, or leave it out."))
}

async fn show(
    doors: &Doors,
    may: &May<TakeIntake>,
    (fields, refused): (Fields, Option<Refused>),
    done: bool,
) -> Result<Response, Response> {
    let (who, permit) = (may.signed_in.clone(), may.permit.clone());
    let frame = Frame::of(doors, &may.signed_in).at("/intake");
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let now = office.clock().now();
        let zone = &office.profile().timezone;
        let rows = calls::since(tx, office, now.checked_sub(SHOWN).unwrap_or(now))?;
        let event = Event::new(Kind::ContentViewed, who.actor())
            .code("intake")
            .code(format!("rows={}", rows.len()));
        let line = |row: calls::Taken| Line {
            at: When::new(row.received_at, now, zone),
            urgent: row.urgent,
            done: row.done_at.map(|at| When::new(at, now, zone)),
        };
        // A form that came back keeps its number: sent again it is the same note.
        let note = fields.some("note").unwrap_or_else(|| office.clock().new_id().to_string());
        let page = Page {
            frame,
            note,
            t: Typed::filled(FORM, fields, refused),
            done,
            taken: rows.into_iter().map(line).collect(),
        };
        Ok::<_, InboundError>((page, vec![permit.of(event)]))
    };
    let page = seen(doors, look).await.map_err(|error| failed(&error))?;
    Ok(html(page.t.status(), &page))
}
