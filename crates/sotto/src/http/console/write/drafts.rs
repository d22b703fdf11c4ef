//! The draft of what is being written: kept at every pause and by a button, back when the form is
//! opened again, gone when it is sent or discarded.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::PatientId;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Form, Wish, Writer, writer};
use crate::conversations::drafts::{self, DraftError};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::console::page::{Filled, failed, html, see_other};
use crate::http::console::signed_in::{MayOf, SeePatient};
use crate::office::Office;

/// The line that says since when it is kept.
#[derive(Template)]
#[template(path = "console/draft.html")]
struct Line {
    kept: Option<String>,
}

/// `POST /people/{patient}/write/keep`: keeps what stands in the form; nothing in it is no draft.
pub async fn keep(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Filled(form): Filled<Form>,
) -> Response {
    let writer = match writer(&doors, may).await {
        Ok(writer) => writer,
        Err(response) => return response,
    };
    match kept(&doors, &writer, &form).await {
        Ok(at) => {
            let kept = at.map(|at| words_of(doors.office(), at));
            html(StatusCode::OK, &Line { kept })
        }
        Err(error) => failed(&error),
    }
}

/// The button "Keep as draft", and back to the form.
pub(super) async fn by_button(doors: &Doors, writer: &Writer, form: &Form) -> Response {
    match kept(doors, writer, form).await {
        Ok(_) => see_other(&path(writer.subject.id)),
        Err(error) => failed(&error),
    }
}

async fn kept(
    doors: &Doors,
    writer: &Writer,
    form: &Form,
) -> Result<Option<Timestamp>, DraftError> {
    let (office, who, patient) =
        (doors.office().clone(), writer.signed_in.clone(), writer.subject.id);
    let wish = Wish::read(form, &office, &writer.allowed);
    if wish.is_empty() {
        let none = move |tx: &mut Tx<'_>| drafts::discard(tx, &office, (&who, patient));
        doors.db().write(none).await?;
        return Ok(None);
    }
    // Words and choices always serialize.
    let plain = Zeroizing::new(serde_json::to_vec(form).unwrap_or_default());
    let keep =
        move |tx: &mut Tx<'_>| drafts::keep(tx, &office, (&who, patient, wish.message), &plain);
    doors.db().write(keep).await
}

/// Throws the draft away, and shows an empty form.
pub(super) async fn discard(doors: &Doors, writer: &Writer) -> Response {
    let (office, who, patient) =
        (doors.office().clone(), writer.signed_in.clone(), writer.subject.id);
    let discarded = doors.db().write(move |tx| drafts::discard(tx, &office, (&who, patient))).await;
    match discarded {
        Ok(_) => see_other(&path(patient)),
        Err(error) => failed(&error),
    }
}

/// The form as it was left.
pub(super) async fn left(doors: &Doors, writer: &Writer) -> Result<Option<Form>, DraftError> {
    let (office, whose) = (doors.office().clone(), (writer.signed_in.staff.id, writer.subject.id));
    let found = doors.db().read(move |tx| drafts::find(tx, &office, whose)).await?;
    // One of an earlier version that reads otherwise is none.
    Ok(found.and_then(|kept| serde_json::from_slice(&kept.plain).ok()))
}

/// When the draft was kept, in words; none where there is none.
pub(super) fn line(
    tx: &mut Tx<'_>,
    office: &Office,
    writer: &Writer,
) -> Result<Option<String>, DraftError> {
    let at = drafts::kept_at(tx, office, (writer.signed_in.staff.id, writer.subject.id))?;
    Ok(at.map(|at| words_of(office, at)))
}

/// "2:14 pm", or with the day where that was another, on the practice's clock.
fn words_of(office: &Office, at: Timestamp) -> String {
    let zone = office.profile().timezone.clone();
    let (at, now) = (at.to_zoned(zone.clone()), office.clock().now().to_zoned(zone));
    let form = if at.date() == now.date() { "%-I:%M %P" } else { "%a %b %-d, %-I:%M %P" };
    at.strftime(form).to_string()
}

fn path(patient: PatientId) -> String {
    format!("/people/{patient}/write")
}
