//! `/window/visits/{visit}/forms/{form}`: what the practice would like to know before a visit.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::home::{day, moment};
use super::inside::Inside;
use super::letters::Emergency;
use super::page::{Filled, Frame, Tongue};
use super::way_in::MONTHS;
use crate::audit::Kind;
use crate::db::Tx;
use crate::db::registry::FORM_VERSION;
use crate::forms::definition::{Item, Type, Wrong};
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::office::Office;
use crate::portal::forms::{self, Due};
use crate::portal::{PortalError, Visitor};

/// A form in a list.
pub(super) struct Line {
    pub(super) to: String,
    pub(super) words: String,
    pub(super) note: String,
}

impl Line {
    pub(super) fn of(at: &Inside, due: &Due) -> Self {
        let zone = at.visitor.timezone(at.doors.office());
        let note = match due.answered {
            Some((when, own)) => {
                let done = if own {
                    at.l.say("You filled it in:", "La llenó:")
                } else {
                    at.l.say("Somebody else filled it in:", "Otra persona la llenó:")
                };
                format!("{done} {}", day(at.l, &when.to_zoned(zone)))
            }
            None => {
                let before = at.l.say("Before your visit of", "Antes de su cita del");
                format!("{before} {}", day(at.l, &due.visit.starts_at.to_zoned(zone)))
            }
        };
        let words = due.version.form.title.said(at.l.0).to_owned();
        Self { to: path(due), words, note }
    }
}

fn path(due: &Due) -> String {
    format!("/window/visits/{}/forms/{}", due.visit.id, due.version.id)
}

/// A question, with what was typed.
struct Question {
    id: String,
    text: String,
    help: String,
    required: bool,
    kind: &'static str,
    options: Vec<(String, String, bool)>,
    value: String,
    /// Month, day and year.
    date: (String, String, String),
    wrong: Option<&'static str>,
}

impl Question {
    fn of(l: Tongue, item: &Item, typed: &Fields, wrong: Option<Wrong>) -> Self {
        let id = &item.link_id;
        let value = typed.text(id).to_owned();
        let option = |word: String, words: String| (word.clone(), words, value == word);
        let options = match item.kind {
            Type::Choice => {
                let all = item.answer_option.iter().enumerate();
                all.map(|(nth, one)| option(nth.to_string(), one.said(l.0).to_owned())).collect()
            }
            Type::Boolean => vec![
                option("yes".to_owned(), l.say("Yes", "Sí").to_owned()),
                option("no".to_owned(), "No".to_owned()),
            ],
            Type::Text | Type::Date => Vec::new(),
        };
        let part = |name: &str| typed.text(&format!("{id}-{name}")).to_owned();
        Self {
            text: item.text.said(l.0).to_owned(),
            help: item.help.said(l.0).to_owned(),
            required: item.required,
            kind: item.kind.as_str(),
            options,
            date: (part("month"), part("day"), part("year")),
            wrong: wrong.map(|wrong| remedy(l, item.kind, wrong)),
            value,
            id: id.clone(),
        }
    }

    /// What the summary of mistakes leads to.
    fn anchor(&self) -> String {
        match self.kind {
            "date" => format!("{}-month", self.id),
            "choice" | "boolean" => format!("{}-0", self.id),
            _ => self.id.clone(),
        }
    }
}

/// What to do about an answer.
fn remedy(l: Tongue, kind: Type, wrong: Wrong) -> &'static str {
    match (wrong, kind) {
        (Wrong::Missing, Type::Text) => l.say("Write an answer.", "Escriba una respuesta."),
        (Wrong::Missing, Type::Date) | (Wrong::NoDay, _) => l.say(
            "Give a day that is in the calendar: month, day and year with four digits.",
            "Dé un día que esté en el calendario: mes, día y año con cuatro cifras.",
        ),
        (Wrong::Missing | Wrong::NotOfTheList, _) => {
            l.say("Choose one of the answers.", "Elija una de las respuestas.")
        }
        (Wrong::TooLong, _) => l.say(
            "Shorten the answer to 2,000 letters, or call us.",
            "Acorte la respuesta a 2,000 letras o llámenos.",
        ),
    }
}

#[derive(Template)]
#[template(path = "window/form.html")]
struct Page {
    frame: Frame,
    to: String,
    title: String,
    help: String,
    visit: String,
    /// When it was filled in, and whether by whoever looks.
    answered: Option<(bool, String)>,
    changed: bool,
    wrong: bool,
    version: i64,
    questions: Vec<Question>,
    months: Vec<(String, &'static str)>,
}

/// `GET /window/visits/{visit}/forms/{form}`.
pub async fn page(Path(which): Path<(String, String)>, at: Inside) -> Result<Response, Response> {
    let due = find(&at, &which).await?;
    Ok(shown(&at, &due, (&Fields::default(), Vec::new()), false))
}

async fn find(at: &Inside, (visit, form): &(String, String)) -> Result<Due, Response> {
    let which = visit.parse().ok().zip(form.parse().ok()).ok_or_else(|| at.nothing())?;
    let event = at.looked(Kind::PatientViewed, "form");
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        let due = forms::find(tx, office, who, which)?;
        let event = due.as_ref().map(|due| {
            event.about(FORM_VERSION, format!("{}/{}", due.version.id, due.version.version))
        });
        Ok::<_, PortalError>((due, event.into_iter().collect()))
    };
    at.seen(look).await?.ok_or_else(|| at.nothing())
}

fn shown(
    at: &Inside,
    due: &Due,
    (typed, wrong): (&Fields, Vec<(String, Wrong)>),
    changed: bool,
) -> Response {
    let (l, form) = (at.l, &due.version.form);
    let again = changed || !wrong.is_empty();
    let wrong: BTreeMap<String, Wrong> = wrong.into_iter().collect();
    let zone = at.visitor.timezone(at.doors.office());
    let months = MONTHS.iter().zip(1..).map(|((en, es), nth)| (format!("{nth}"), l.say(en, es)));
    let page = Page {
        frame: at.frame(path(due)),
        to: path(due),
        title: form.title.said(l.0).to_owned(),
        help: form.help.said(l.0).to_owned(),
        // A sentence ends after it, with one full stop: "p. m." has its own.
        visit: moment(l, &due.visit.starts_at.to_zoned(zone.clone()))
            .trim_end_matches('.')
            .to_owned(),
        answered: due.answered.map(|(when, own)| (own, day(l, &when.to_zoned(zone)))),
        changed,
        wrong: !wrong.is_empty(),
        version: due.version.version,
        questions: form
            .item
            .iter()
            .map(|item| Question::of(l, item, typed, wrong.get(&item.link_id).copied()))
            .collect(),
        months: months.collect(),
    };
    let status = if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    at.html(status, &page)
}

/// `POST /window/visits/{visit}/forms/{form}`: keeps the answers, or shows the form again with what
/// was typed and what to do. Where an answer sounds like an emergency, whoever wrote it is told at once.
pub async fn fill(
    Path(which): Path<(String, String)>,
    at: Inside,
    Filled(typed): Filled<Fields>,
) -> Result<Response, Response> {
    let due = find(&at, &which).await?;
    let version = due.version.version;
    if typed.text("version").parse() != Ok(version) {
        return Ok(shown(&at, &due, (&typed, Vec::new()), true));
    }
    let answers = match due.version.form.read(|name| typed.text(name)) {
        Ok(answers) => answers,
        Err(wrong) => return Ok(shown(&at, &due, (&typed, wrong), false)),
    };
    let (l, which) = (at.l, (due.visit.id, due.version.id, version));
    let kept =
        at.write(move |tx, office, who| forms::answer(tx, office, who, which, (answers, l.0)));
    match kept.await? {
        None => Err(at.nothing()),
        Some(true) => Ok(at.page(&Emergency { frame: at.frame("/window") })),
        Some(false) => {
            let words = (
                l.say("We have your answers", "Recibimos sus respuestas"),
                l.say(
                    "Thank you. You can change them here until your visit.",
                    "Gracias. Puede cambiarlas aquí hasta su cita.",
                ),
            );
            Ok(at.says(words, ("/window", l.say("Back to the start", "Volver al inicio"))))
        }
    }
}
