//! `/inbox/{id}/files/{file}`: a file that came or went with words in a conversation. Each look is on
//! the log.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use super::page::not_now;
use super::reader::conversation;
use super::shelf::patient_of;
use super::signed_in::{May, SeeTasks, leave};
use super::thread::found;
use crate::access::policies::{About, Action};
use crate::audit::{Event, Kind};
use crate::db::attachment::{self, Holder, Side};
use crate::db::registry::ATTACHMENT;
use crate::db::{Tx, inbound_message, message};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::files::{Going, label_of_record, send};
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::AttachmentId;
use crate::office::Office;

/// `GET /inbox/{id}/files/{file}`. What a file shows nobody read before: it is for those who may read
/// of health.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path((id, file)): Path<(String, Uuid)>,
) -> Result<Response, Response> {
    let reading = Action::ReadConversation;
    let (row, whose, _) = found((&doors, &may.signed_in), reading, &id).await?;
    let about = conversation(About::Clinical, &whose);
    let permit = leave(&doors, &may.signed_in, reading, &about).await?;
    let (patient, file) = (patient_of(row.with), AttachmentId(file));
    let event = Event::new(Kind::ContentViewed, may.actor()).about(ATTACHMENT, file);
    let event = permit.of(event.patient(patient).code("file"));
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let practice = office.practice();
        let there = attachment::get(tx, practice, file)?;
        let whose = match there.as_ref().map(|row| row.holder) {
            Some(Holder::Inbound(id)) => inbound_message::patient_of(tx, practice, id)?,
            Some(Holder::Message(id)) => {
                message::find(tx, practice, id)?.and_then(|one| one.patient)
            }
            Some(Holder::Consent(_) | Holder::Agreement(_)) | None => None,
        };
        let row = there.filter(|_| whose.is_some() && whose == patient);
        let row = row.ok_or_else(|| Problem::not_found("file"))?;
        let label = label_of_record(office, &row)?;
        Ok::<_, Problem>((Going::new(&row, Side::Record, label), vec![event]))
    };
    match seen(&doors, look).await {
        Ok(file) => Ok(send(&doors, file)),
        Err(problem) => Err(not_now(&problem)),
    }
}
