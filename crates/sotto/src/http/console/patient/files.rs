//! `/people/{patient}/files/{file}`: what proves something on a patient's page, such as the scan of a
//! signed consent. Each look is on the log.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::super::page::not_now;
use super::super::signed_in::{MayOf, SeePatient};
use crate::audit::{Event, Kind};
use crate::db::attachment::{self, Holder, Side};
use crate::db::registry::ATTACHMENT;
use crate::db::{Tx, consent_event};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::files::{Going, label_of_record, send};
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::AttachmentId;
use crate::office::Office;

/// `GET /people/{patient}/files/{file}`.
pub async fn of_record(
    may: MayOf<SeePatient>,
    State(doors): State<Doors>,
    Path((_, file)): Path<(Uuid, Uuid)>,
) -> Response {
    let (id, patient) = (AttachmentId(file), may.patient);
    let event = Event::new(Kind::ContentViewed, may.actor()).about(ATTACHMENT, id).patient(patient);
    let event = may.permit.of(event.code("file"));
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let there = attachment::get(tx, office.practice(), id)?;
        let whose = match there.as_ref().map(|row| row.holder) {
            Some(Holder::Consent(consent)) => {
                consent_event::patient_of(tx, office.practice(), consent)?
            }
            _ => None,
        };
        let row = there.filter(|_| whose == Some(patient));
        let row = row.ok_or_else(|| Problem::not_found("file"))?;
        let label = label_of_record(office, &row)?;
        Ok((Going::new(&row, Side::Record, label), vec![event]))
    };
    match seen(&doors, look).await {
        Ok(file) => send(&doors, file),
        Err(problem) => not_now(&problem),
    }
}
