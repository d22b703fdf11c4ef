//! `/people/{patient}/forms/{answers}`: what a patient answered before a visit, for who may read of
//! health. Each look is on the log.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::super::page::{Frame, html, not_now};
use super::super::reader::conversation;
use super::super::signed_in::{MayOf, SeePatient, leave_with};
use super::super::words::words_of;
use crate::access::policies::{About, Action};
use crate::audit::{Event, Kind};
use crate::db::registry::FORM_ANSWER;
use crate::db::{Tx, appointment, form};
use crate::forms;
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::files::still_kept;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::FormAnswerId;
use crate::office::Office;

#[derive(Template)]
#[template(path = "console/form_answers.html")]
struct Page {
    frame: Frame,
    patient: String,
    title: String,
    at: String,
    visit: String,
    language: &'static str,
    /// Question and answer.
    rows: Vec<(String, String)>,
}

/// `GET /people/{patient}/forms/{answers}`.
pub async fn page(
    may: MayOf<SeePatient>,
    State(doors): State<Doors>,
    Path((_, id)): Path<(Uuid, Uuid)>,
) -> Result<Response, Response> {
    let (id, patient, office) = (FormAnswerId(id), may.patient, doors.office().clone());
    let there = move |tx: &mut Tx<'_>| {
        let listed = forms::of_patient(tx, &office, patient)?;
        Ok::<_, Problem>(listed.iter().any(|one| one.id == id))
    };
    let nowhere = || not_now(&Problem::not_found("form"));
    if !doors.db().read(there).await.map_err(|problem| not_now(&problem))? {
        return Err(nowhere());
    }
    let about = conversation(About::Clinical, &may.whose);
    let who = (&may.signed_in, Some(patient));
    let permit = leave_with(&doors, who, Action::ReadConversation, &about).await?;
    let event = Event::new(Kind::ContentViewed, may.actor()).about(FORM_ANSWER, id);
    let event = permit.of(event.patient(patient).code("form"));
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        if let Some(row) = form::answer(tx, office.practice(), id)? {
            still_kept(office, &row.record_wrap)?;
        }
        let Some(opened) = forms::open(tx, office, (patient, id))? else {
            return Err(Problem::not_found("form"));
        };
        let visit = appointment::get(tx, office.practice(), opened.0.appointment_id)?;
        Ok(((opened, visit), vec![event]))
    };
    let shown = seen(&doors, look).await.map_err(|problem| not_now(&problem));
    let ((row, version, answers), visit) = shown?;
    let zone = doors.office().profile().timezone.clone();
    let answered = version.form.item.iter().map(|item| {
        let answer = answers.get(&item.link_id).map(|answer| item.words(answer));
        (item.text.en.clone(), answer.unwrap_or_default())
    });
    let page = Page {
        frame: Frame::of(&doors, &may.signed_in).at("/people"),
        patient: patient.to_string(),
        title: version.form.title.en.clone(),
        at: words_of(row.answered_at, &zone),
        visit: visit.map_or_else(String::new, |visit| words_of(visit.starts_at, &zone)),
        language: if row.language == "es" { "Spanish" } else { "English" },
        rows: answered.collect(),
    };
    Ok(html(StatusCode::OK, &page))
}
